//! Looks at delegations in the lab, each server a port of this machine, some of them coerced.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod faults;
mod world;

use std::sync::Arc;

use countersign_dns::proof::Proof;
use countersign_dns::{Rtype, Security};
use countersign_judge::delegation::{Kind, Shown, Topic, Trust};
use countersign_judge::zone::Side;
use countersign_lab::dns::{Change, Forgery, MALLORY, Manner};
use countersign_lab::log::Group;
use jiff::SignedDuration;

use world::{HOST, REGISTRY, World, ZONE, address, name};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test]
async fn a_zone_in_order_is_seen_at_every_server() {
    let mut world = World::new().await;
    let seen = world.check(&[]).await;
    let topics: Vec<_> = seen.views.keys().map(ToString::to_string).collect();
    assert_eq!(
        topics,
        [
            "parent watched.reg. NS",
            "parent watched.reg. DS",
            "parent ns1.watched.reg. A",
            "parent ns1.watched.reg. AAAA",
            "parent ns2.watched.reg. A",
            "parent ns2.watched.reg. AAAA",
            "zone watched.reg. NS",
            "zone watched.reg. DNSKEY",
            "zone watched.reg. CDS",
            "zone watched.reg. CDNSKEY",
            "zone watched.reg. CAA",
            "zone _acme-challenge.watched.reg. TXT",
            "zone _validation-persist.watched.reg. TXT",
        ]
    );
    assert_eq!(seen.unseen, []);
    for (topic, views) in &seen.views {
        let [view] = &views[..] else { panic!("{topic} is shown in {} ways", views.len()) };
        assert_eq!(view.witnesses.len(), 2, "{topic}");
        let is_glue = topic.side == Side::Parent && topic.rtype != Rtype::DS;
        assert_eq!(view.trust, if is_glue { Trust::Unsigned } else { Trust::Secure }, "{topic}");
        assert_eq!(view.valid.is_some(), !is_glue);
        assert_eq!(view.ttl_s.is_some(), view.shown != Shown::None);
        let [piece] = &view.pieces[..] else { panic!("{topic} has no proof") };
        assert_eq!(piece.label, if is_glue { "answer" } else { "proof" });
        if !is_glue {
            let proof = Proof::parse(&piece.bytes).unwrap();
            let walked = proof.verify(&world.walk, None).unwrap();
            assert_eq!(walked.security, Security::Secure);
            assert_eq!((&proof.query().name, proof.query().rtype), (&topic.name, topic.rtype));
        }
    }
    // Nothing is proved twice.
    let again = world.check(&[]).await;
    assert!(again.views.values().flatten().all(|view| view.pieces.is_empty()));
}

#[tokio::test]
async fn a_host_that_signs_without_caa_is_found_with_the_true_keys() {
    let mut world = World::new().await;
    world.check(&[]).await;
    let other = world.tree.other(ZONE, |zone, _| {
        zone.remove(&name(ZONE), Rtype::CAA);
    });
    world.responder.publish(Group::A, &other);
    world.check(&[Kind::CaaChanged]).await;
    assert!(world.findings[0].text.contains("has the zone's keys"), "{}", world.findings[0].text);
    let labels: Vec<_> = world.findings[0].shown_before.iter().map(|(label, _)| label).collect();
    assert_eq!(labels, ["proof"]);
    world.responder.publish(Group::A, &world.tree.zone(ZONE));
    world.check(&[]).await;
}

/// What Mallory's swap of the delegation is told as.
const SWAPPED: [Kind; 5] =
    [Kind::DsChanged, Kind::CaaChanged, Kind::NsChanged, Kind::NsChanged, Kind::KeysChanged];

#[tokio::test]
async fn a_registry_that_swaps_the_delegation_is_found_at_once() {
    let mut world = World::new().await;
    world.check(&[]).await;
    world.swap(Group::A, &REGISTRY);
    let seen = world.check(&SWAPPED).await;
    // Everything is signed, by Mallory's key.
    let caa = &seen.views[&Topic::zone(name(ZONE), Rtype::CAA)];
    assert_eq!(caa.len(), 1);
    assert_eq!(caa[0].trust, Trust::Secure);
    assert_eq!(caa[0].witnesses[0].address, MALLORY);
    let found = &world.findings[0];
    assert_eq!((found.kind, found.witnesses.len()), (Kind::DsChanged, 2));
}

#[tokio::test]
async fn a_referral_that_calls_itself_authoritative_is_one() {
    let mut world = World::new().await;
    world.check(&[]).await;
    world.swap(Group::A, &REGISTRY);
    let below = Forgery::below(name(ZONE), Change::By(|reply| reply.authoritative = true));
    for server in REGISTRY {
        world.responder.turn(address(server), Group::A, |view| view.forgeries.push(below.clone()));
    }
    world.check(&SWAPPED).await;
}

#[tokio::test]
async fn a_delegation_that_is_hidden_is_not_seen() {
    let mut world = World::new().await;
    world.check(&[]).await;
    let own = world.tree.zone(ZONE);
    for server in REGISTRY {
        world.responder.turn(address(server), Group::A, |view| view.zones.push(Arc::clone(&own)));
    }
    let seen = world.check(&[]).await;
    let what: Vec<_> = seen.unseen.iter().map(|unseen| unseen.what.as_str()).collect();
    assert_eq!(what, ["parent watched.reg. NS"]);
    let witnesses = &seen.views[&Topic::zone(name(ZONE), Rtype::NS)][0].witnesses;
    assert_eq!(witnesses.len(), 4, "whoever serves the zone says what it says");
}

#[tokio::test]
async fn a_name_that_the_parent_has_deleted_is_found() {
    let mut world = World::new().await;
    world.check(&[]).await;
    let parent = world.tree.other("reg", |zone, _| {
        for (owner, rtype) in [(ZONE, Rtype::NS), (ZONE, Rtype::DS)] {
            zone.remove(&name(owner), rtype);
        }
        for server in ["ns1.watched.reg", "ns2.watched.reg"] {
            zone.remove(&name(server), Rtype::A);
        }
    });
    world.responder.publish(Group::A, &parent);
    world.look().await;
    let kinds: Vec<_> = world.findings.iter().map(|found| found.kind).collect();
    assert!(kinds.contains(&Kind::DsRemoved) && kinds.contains(&Kind::NsChanged), "{kinds:?}");
}

#[tokio::test]
async fn glue_that_goes_is_found_beside_glue_that_comes() {
    let mut world = World::new().await;
    world.check(&[]).await;
    let parent = world.tree.other("reg", |zone, _| {
        zone.remove(&name("ns1.watched.reg"), Rtype::A);
        zone.add("ns1.watched AAAA 2001:db8::66").unwrap();
    });
    world.responder.publish(Group::A, &parent);
    world.look().await;
    let glue = world.findings.iter().filter(|found| found.kind == Kind::GlueChanged);
    let about: Vec<_> = glue.map(|found| found.topics[0].to_string()).collect();
    assert_eq!(about, ["parent ns1.watched.reg. A", "parent ns1.watched.reg. AAAA"]);
}

#[tokio::test]
async fn two_signed_sets_at_the_servers_of_the_parent_are_both_kept() {
    let mut world = World::new().await;
    world.check(&[]).await;
    world.swap(Group::A, &REGISTRY[..1]);
    let seen = world.look().await;
    let conflict = world.findings.iter().find(|found| found.kind == Kind::DsConflict).unwrap();
    assert_eq!((conflict.witnesses.len(), conflict.shown_now.len()), (2, 1));
    let changed = world.findings.iter().find(|found| found.kind == Kind::DsChanged).unwrap();
    assert_eq!((changed.shown_before.len(), changed.shown_now.len()), (1, 1));
    // The servers of both are asked, and each is verified down its own chain.
    let keys = &seen.views[&Topic::zone(name(ZONE), Rtype::DNSKEY)];
    let mut trusts: Vec<_> = keys.iter().map(|view| (view.trust, view.witnesses.len())).collect();
    trusts.sort();
    assert_eq!(trusts, [(Trust::Secure, 1), (Trust::Secure, 2)]);
}

#[tokio::test]
async fn a_view_for_some_is_seen_from_elsewhere() {
    let mut world = World::new().await;
    world.check(&[]).await;
    world.swap(Group::B, &REGISTRY);
    world.look().await;
    let kinds: Vec<_> = world.findings.iter().map(|found| found.kind).collect();
    assert!(kinds.contains(&Kind::DsChanged) && kinds.contains(&Kind::DsConflict), "{kinds:?}");
    let changed = world.findings.iter().find(|found| found.kind == Kind::DsChanged).unwrap();
    assert!(changed.witnesses.iter().all(|witness| witness.vantage == "elsewhere"));
}

#[tokio::test]
async fn who_has_no_keys_is_found_as_bogus_when_it_lasts() {
    let mut world = World::new().await;
    world.check(&[]).await;
    let forgery =
        Forgery { below: name(ZONE), rtype: Some(Rtype::CAA), change: Change::FlipSignatures };
    world.responder.turn(address(HOST[1]), Group::A, |view| view.forgeries.push(forgery));
    let seen = world.check(&[]).await;
    let caa = &seen.views[&Topic::zone(name(ZONE), Rtype::CAA)][0];
    assert_eq!((caa.trust, caa.witnesses.len()), (Trust::Bogus, 2));
    world.later += HOUR;
    world.check(&[Kind::Bogus]).await;
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_found() {
    let mut world = World::new().await;
    world.check(&[]).await;
    let other = world.tree.other(ZONE, |zone, _| {
        zone.add("_acme-challenge CNAME challenge.rsa.example.").unwrap();
        zone.add("_validation-persist NS ns.rsa.example.").unwrap();
    });
    world.responder.publish(Group::A, &other);
    world.check(&[Kind::AliasAdded, Kind::DelegatedAway]).await;
}

#[tokio::test]
async fn wishes_of_the_zone_are_found() {
    let mut world = World::new().await;
    world.check(&[]).await;
    let other = world.tree.other(ZONE, |zone, _| zone.add("@ CDS 0 0 0 00").unwrap());
    world.responder.publish(Group::A, &other);
    world.check(&[Kind::CdsDeletes]).await;
}

#[tokio::test]
async fn what_cannot_be_seen_is_told_and_the_rest_still_seen() {
    let mut world = World::new().await;
    world.check(&[]).await;
    for server in [HOST[1], REGISTRY[1]] {
        world.responder.turn(address(server), Group::A, |view| view.manner = Manner::Failing(5));
    }
    let seen = world.check(&[]).await;
    assert!(seen.sees());
    let what: Vec<_> = seen.unseen.iter().map(|unseen| unseen.what.as_str()).collect();
    assert_eq!(
        what,
        ["ns.reg. (192.0.2.22) from direct", "ns2.watched.reg. (203.0.113.2) from direct"]
    );
    assert!(seen.unseen[1].why.contains("questions"), "{:?}", seen.unseen[1]);
}

#[tokio::test]
async fn an_unsigned_zone_is_watched_as_far_as_it_goes() {
    let mut world = World::new().await;
    world.tree.change(ZONE, |_, signing| *signing = None);
    world.start_again().await;
    world.check(&[]).await;
    let other = world.tree.other(ZONE, |zone, _| {
        zone.remove(&name(ZONE), Rtype::CAA);
    });
    world.responder.publish(Group::A, &other);
    world.check(&[Kind::CaaChanged]).await;
    assert!(!world.findings[0].text.contains("has the zone's keys"));
}

#[tokio::test]
async fn a_resolver_is_compared_with_the_servers() {
    let mut world = World::new().await;
    // Any server of the zone will do: it answers what it is asked.
    world.zone.resolvers = vec![world.responder.table(Group::A)[&address(HOST[0])]];
    let seen = world.check(&[]).await;
    assert_eq!(seen.resolvers.len(), 1);
    let ns = &seen.resolvers[0].shown[&Topic::zone(name(ZONE), Rtype::NS)];
    assert!(matches!(ns, Ok(Shown::Records(_))), "{ns:?}");
    let other = world.tree.other(ZONE, |zone, _| {
        zone.remove(&name(ZONE), Rtype::CAA);
    });
    // It is asked at that server's door, and so are we: the others say what is true.
    world.responder.turn(address(HOST[0]), Group::A, |view| view.zones = vec![Arc::clone(&other)]);
    world.look().await;
    world.later += HOUR;
    world.look().await;
    assert!(world.findings.iter().any(|found| found.kind == Kind::CaaChanged));
}
