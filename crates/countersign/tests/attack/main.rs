//! The attack of 2023 with real servers, in namespaces of its own: Knot serves a signed tree, Unbound validates for
//! Pebble, the gate stands before it, and lego orders for the operator and, behind a router that works for him, for
//! Mallory.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod ca;
mod client;
mod enclosure;
mod internet;
mod knot;
mod lint;
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
mod watch;
mod world;

use ca::Decision;
use client::Client;
use programs::present;
use router::Diverted;
use tokio::join;
use view::Security;
use watch::Watch;
use world::{Delegation, World};

#[tokio::test]
async fn mallory_gets_a_certificate_until_the_account_is_named_and_signed() {
    if enclosure::is_inside() {
        play().await;
    } else if present(&PROGRAMS) && enclosure::is_possible(NEEDED) {
        enclosure::enter("mallory_gets_a_certificate_until_the_account_is_named_and_signed");
    }
}

async fn play() {
    let world = World::new().await;
    without_caa_it_is_issued(&world).await;
    with_the_ca_named_it_is_issued(&world).await;
    with_the_account_named_but_not_signed_it_is_issued_to_who_forges(&world).await;
    with_the_account_named_and_signed_it_is_refused(&world).await;
    by_who_has_the_registry_it_is_issued_and_the_watch_says_so(&world).await;
    let verified = world.ca.verify_archive();
    let first = verified.lines().next().unwrap();
    world.internet.say(&format!("the archive of the gate, judged again: {first}"));
}

async fn without_caa_it_is_issued(world: &World) {
    view::check(world, None, Security::Insecure);
    // The operator answers in the DNS, which nobody diverts yet.
    world.divert(Diverted::Http);
    let (operator, mallory) =
        join!(world.operator.order(&world.ca), world.mallory.order(&world.ca));
    operator.is_issued();
    mallory.is_issued();
    decided(world, &world.operator, 1, ["allow", "no-caa", "insecure"]);
    decided(world, &world.mallory, 1, ["allow", "no-caa", "insecure"]);
    lint::check(world, &["open", "unsigned"]);
    world.internet.say("no CAA: issued to Mallory");
}

async fn with_the_ca_named_it_is_issued(world: &World) {
    world.publish_caa(None);
    lint::check(world, &["unsigned", "unbound"]);
    world.mallory.order(&world.ca).await.is_issued();
    decided(world, &world.mallory, 2, ["allow", "authorized", "insecure"]);
    world.internet.say("CAA names the CA: issued to Mallory");
}

async fn with_the_account_named_but_not_signed_it_is_issued_to_who_forges(world: &World) {
    let ours = world.operator.account();
    world.publish_caa(Some(&ours));
    view::check(world, Some(&ours), Security::Insecure);
    lint::check(world, &["unsigned"]);
    world.mallory.order(&world.ca).await.is_refused(FORBIDDEN);
    decided(world, &world.mallory, 3, ["deny", "accounturi-mismatch", "insecure"]);
    world.internet.say("CAA names the account, and nobody forges it: refused");

    world.divert(Diverted::HttpAndDns);
    view::check(world, None, Security::Insecure);
    world.mallory.order(&world.ca).await.is_issued();
    decided(world, &world.mallory, 4, ["allow", "no-caa", "insecure"]);
    world.internet.say("CAA names the account, and Mallory forges it away: issued to Mallory");
}

async fn with_the_account_named_and_signed_it_is_refused(world: &World) {
    let ours = world.operator.account();
    world.delegate(Delegation::Victim);
    view::check(world, None, Security::Bogus);
    // It does not come as far as to the gate.
    world.mallory.order(&world.ca).await.is_refused("could not resolve");
    world.internet.say("the same, signed, and Mallory forges it: refused");

    world.divert(Diverted::Http);
    view::check(world, Some(&ours), Security::Secure);
    lint::check(world, &[]);
    let (operator, mallory) =
        join!(world.operator.order(&world.ca), world.mallory.order(&world.ca));
    mallory.is_refused(FORBIDDEN);
    operator.is_issued();
    decided(world, &world.mallory, 5, ["deny", "accounturi-mismatch", "secure"]);
    decided(world, &world.operator, 2, ["allow", "authorized", "secure"]);
    world.internet.say("the same, signed, and nobody forges it: refused, and the operator renews");
}

async fn by_who_has_the_registry_it_is_issued_and_the_watch_says_so(world: &World) {
    let watch = Watch::new(world).await;
    assert_eq!(watch.look().await, Vec::<String>::new());
    world.delegate(Delegation::Mallory);
    let told = watch.look().await;
    for kind in ["ds-changed", "ns-changed", "caa-changed"] {
        assert!(told.iter().any(|told| told == kind), "{kind} is not in {told:?}");
    }
    view::check(world, None, Security::Secure);
    world.mallory.order(&world.ca).await.is_issued();
    decided(world, &world.mallory, 6, ["allow", "no-caa", "secure"]);
    world.internet.say("the registry swaps DS and NS: issued to Mallory, and the watch says so");
}

/// The gate has decided so often about orders of theirs, the last time so: verdict, reason, and what it made of the
/// answer.
#[track_caller]
fn decided(world: &World, client: &Client, times: usize, last: [&str; 3]) {
    let mut decisions = world.ca.decisions();
    decisions.retain(|decision| decision.account == client.account());
    assert_eq!(decisions.len(), times, "{decisions:?}");
    let Decision { verdict, reason, security, .. } = &decisions[times - 1];
    assert_eq!([verdict, reason, security], last);
}

/// RFC 8659 §4.1, as an ACME error (RFC 8555 §6.7).
const FORBIDDEN: &str = "urn:ietf:params:acme:error:caa";

/// What the attack does to the network: a kernel, or a container, may not be able to.
const NEEDED: &str = include_str!("needed.sh");

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
