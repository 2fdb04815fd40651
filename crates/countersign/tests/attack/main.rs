//! The attack of 2023 with real servers, in namespaces of its own: Knot serves a signed tree, Unbound validates for
//! Pebble, lego orders for the operator and, behind a router that works for him, for Mallory.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod ca;
mod client;
mod enclosure;
mod internet;
mod knot;
// Not all that they have is needed here.
#[allow(dead_code, reason = "shared with the tests of the watch")]
#[path = "../watch/place.rs"]
mod place;
#[allow(dead_code, reason = "shared with the tests of ACME")]
#[path = "../acme/programs.rs"]
mod programs;
mod resolver;
mod router;
mod world;

use client::NAME;
use programs::present;
use router::Diverted;
use world::{Delegation, World};

#[tokio::test]
async fn mallory_gets_a_certificate_until_the_account_is_named_and_signed() {
    if enclosure::is_inside() {
        play().await;
    } else if present(&PROGRAMS) && enclosure::is_possible() {
        enclosure::enter("mallory_gets_a_certificate_until_the_account_is_named_and_signed");
    }
}

async fn play() {
    let world = World::new().await;
    world.operator.order(&world.ca).is_issued();
    world.internet.say("the operator has a certificate");
    what_is_not_protected_is_issued(&world);
    what_is_forged_is_believed_until_it_is_signed(&world);
    who_has_the_registry_signs_anything(&world);
}

fn what_is_not_protected_is_issued(world: &World) {
    world.divert(Diverted::Http);
    world.mallory.order(&world.ca).is_issued();
    world.internet.say("no CAA: Mallory has a certificate");
}

/// What the CA's resolver says about CAA, and what delv thinks of that.
fn what_is_forged_is_believed_until_it_is_signed(world: &World) {
    world.publish_caa(&[&format!(
        r#"0 issue "ca.example; accounturi={}""#,
        world.operator.account()
    )]);
    world.delegate(Delegation::Unsigned);
    check_caa(
        world,
        Seen { status: "NOERROR", caa: true, authentic: false, delv: "unsigned answer" },
    );
    world.divert(Diverted::HttpAndDns);
    check_caa(
        world,
        Seen { status: "NOERROR", caa: false, authentic: false, delv: "unsigned answer" },
    );
    world.delegate(Delegation::Signed);
    check_caa(
        world,
        Seen { status: "SERVFAIL", caa: false, authentic: false, delv: "broken trust chain" },
    );
    world.mallory.order(&world.ca).is_refused("could not resolve");
    world.divert(Diverted::Http);
    check_caa(
        world,
        Seen { status: "NOERROR", caa: true, authentic: true, delv: "fully validated" },
    );
    world.internet.say("forged DNS is believed as long as the delegation is not signed");
}

fn who_has_the_registry_signs_anything(world: &World) {
    world.delegate(Delegation::Mallory);
    let delv = "negative response, fully validated";
    check_caa(world, Seen { status: "NOERROR", caa: false, authentic: true, delv });
    world.mallory.order(&world.ca).is_issued();
    world.internet.say("DS and NS swapped: Mallory has a certificate");
}

/// What the CA sees of the CAA records of the victim.
#[derive(Debug)]
struct Seen {
    /// Of Unbound's answer.
    status: &'static str,
    /// Whether there are any in it.
    caa: bool,
    /// Whether Unbound verified it.
    authentic: bool,
    /// What delv makes of it.
    delv: &'static str,
}

#[track_caller]
fn check_caa(world: &World, expected: Seen) {
    let answer = world.resolver.ask(NAME, "CAA");
    assert_eq!(answer.status(), expected.status, "{answer:?}");
    assert_eq!(answer.text.contains("accounturi="), expected.caa, "{answer:?}");
    assert_eq!(answer.is_authentic(), expected.authentic, "{answer:?}");
    let delv = world.resolver.delv(NAME, "CAA");
    assert!(delv.contains(expected.delv), "{expected:?}: {delv}");
}

/// What the test calls.
const PROGRAMS: [&str; 15] = [
    "bash",
    "delv",
    "dig",
    "ip",
    "keymgr",
    "knotc",
    "knotd",
    "lego",
    "nft",
    "nsenter",
    "openssl",
    "pebble",
    "unbound",
    "unbound-control",
    "unshare",
];
