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
mod view;
mod world;

use programs::present;
use router::Diverted;
use tokio::join;
use view::Verdict;
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
    what_is_not_protected_is_issued(&world).await;
    what_is_forged_is_believed_until_it_is_signed(&world).await;
    who_has_the_registry_signs_anything(&world).await;
}

async fn what_is_not_protected_is_issued(world: &World) {
    world.divert(Diverted::Http);
    let orders = join!(world.operator.order(&world.ca), world.mallory.order(&world.ca));
    orders.0.is_issued();
    orders.1.is_issued();
    world.internet.say("no CAA: the operator has a certificate, and Mallory too");
}

async fn what_is_forged_is_believed_until_it_is_signed(world: &World) {
    let ours = world.operator.account();
    world.publish_caa(&[&format!(r#"0 issue "ca.example; accounturi={ours}""#)]);
    world.delegate(Delegation::Unsigned);
    view::check(world, Some(&ours), Verdict::Insecure);
    world.divert(Diverted::HttpAndDns);
    view::check(world, None, Verdict::Insecure);
    world.delegate(Delegation::Signed);
    view::check(world, None, Verdict::Bogus);
    world.mallory.order(&world.ca).await.is_refused("could not resolve");
    world.divert(Diverted::Http);
    view::check(world, Some(&ours), Verdict::Secure);
    world.internet.say("forged DNS is believed as long as the delegation is not signed");
}

async fn who_has_the_registry_signs_anything(world: &World) {
    world.delegate(Delegation::Mallory);
    view::check(world, None, Verdict::Secure);
    world.mallory.order(&world.ca).await.is_issued();
    world.internet.say("DS and NS swapped: Mallory has a certificate");
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
