use std::collections::BTreeMap;

use countersign_dns::{Dnskey, Ds, Message, Name, Rrset, Rtype, SignedRrset, zone_text};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::Severity;
use crate::zone::{Side, Unseen};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn zone() -> Name {
    name("a.example")
}

/// Data of records in the zone, from lines of a zone file.
fn records(text: &str) -> Shown {
    let sets = zone_text::records(text, &zone()).unwrap();
    Shown::records(sets.iter().flat_map(|set| set.rdatas().to_vec()))
}

fn key(seed: u8, flags: u16) -> Dnskey {
    Dnskey { flags, protocol: 3, algorithm: 13, key: vec![seed; 64] }
}

fn ds_of(key: &Dnskey) -> Ds {
    Ds::of(&zone(), key, 2).unwrap()
}

fn ds(seeds: &[u8]) -> Shown {
    Shown::records(seeds.iter().map(|seed| ds_of(&key(*seed, 257)).rdata()))
}

/// The keys of these seeds that are named by the parent, and those that are not.
fn keys(ksks: &[u8], zsks: &[u8]) -> Shown {
    let ksks = ksks.iter().map(|seed| key(*seed, 257));
    let zsks = zsks.iter().map(|seed| key(*seed, 256));
    Shown::records(ksks.chain(zsks).map(|key| key.rdata()))
}

fn witness(vantage: &str, server: &str) -> Witness {
    let address = "192.0.2.1".parse().unwrap();
    Witness { vantage: vantage.to_owned(), server: name(server), address }
}

/// What everybody shows, well signed.
fn view(shown: Shown, now: Timestamp) -> View {
    let bytes = shown.to_string().into_bytes();
    View {
        shown,
        ttl_s: Some(3600),
        witnesses: vec![witness("direct", "ns1.one.test"), witness("direct", "ns2.two.test")],
        trust: Trust::Secure,
        why: String::new(),
        valid: Some((now - DAY * 2, now + DAY * 8)),
        pieces: vec![Piece { label: "proof".to_owned(), bytes }],
    }
}

/// A zone over time: what is expected of it, what it is, and what was known of it.
#[derive(Clone)]
struct World {
    expected: Expected,
    before: Before,
    now: Snapshot,
}

fn topic(side: Side, owner: &str, rtype: Rtype) -> Topic {
    Topic { side, name: name(owner), rtype }
}

fn parent_ds() -> Topic {
    topic(Side::Parent, "a.example", Rtype::DS)
}

fn caa() -> Topic {
    topic(Side::Zone, "a.example", Rtype::CAA)
}

fn challenge() -> Topic {
    topic(Side::Zone, "_acme-challenge.a.example", Rtype::TXT)
}

impl World {
    /// A zone that was looked at once, and is in order.
    fn new() -> Self {
        let at = "2026-11-28T12:00:00Z".parse().unwrap();
        let now = Snapshot {
            zone: zone(),
            at,
            views: BTreeMap::new(),
            unseen: Vec::new(),
            resolvers: Vec::new(),
        };
        let mut world =
            Self { expected: Expected::nothing(zone()), before: Before::default(), now };
        let ns = records("@ NS ns1.one.test.\n@ NS ns.a.example.");
        world.show(parent_ds(), ds(&[1]));
        world.show(topic(Side::Parent, "a.example", Rtype::NS), ns.clone());
        world.show(topic(Side::Parent, "ns.a.example", Rtype::A), records("@ A 192.0.2.7"));
        world.show(topic(Side::Zone, "a.example", Rtype::NS), ns);
        world.show(topic(Side::Zone, "a.example", Rtype::DNSKEY), keys(&[1], &[11]));
        world.show(topic(Side::Zone, "a.example", Rtype::CDS), Shown::None);
        world.show(topic(Side::Zone, "a.example", Rtype::CDNSKEY), Shown::None);
        world.show(caa(), records("@ CAA 0 issue \"ca.example; accounturi=https://ca.example/1\""));
        world.show(challenge(), Shown::None);
        world
    }

    /// The same, and all of it is expected.
    fn learned() -> Self {
        let mut world = Self::new();
        world.expected =
            world.expected.with_learned(&learn(&world.expected, &world.before, &world.now));
        world.quiet();
        world
    }

    /// The same, with what the operator has declared.
    fn declared(topic: &Topic, now: &Shown, next: Option<&Shown>) -> Self {
        let mut world = Self::learned();
        world.expected.plans.insert(topic.clone(), Plan::declared(now, next));
        world.quiet();
        world
    }

    /// Everybody shows this.
    fn show(&mut self, topic: Topic, shown: Shown) {
        let view = view(shown, self.now.at);
        self.now.views.insert(topic, vec![view]);
    }

    /// One vantage is shown something else.
    fn show_one(&mut self, topic: &Topic, shown: Shown) {
        let mut other = view(shown, self.now.at);
        other.witnesses = vec![witness("elsewhere", "ns2.two.test")];
        self.now.views.get_mut(topic).unwrap().push(other);
    }

    fn change(&mut self, topic: &Topic, change: impl FnOnce(&mut View)) {
        change(&mut self.now.views.get_mut(topic).unwrap()[0]);
    }

    /// Time passes; what is signed is signed again.
    fn later(&mut self, duration: SignedDuration) {
        self.now.at += duration;
        let at = self.now.at;
        for view in self.now.views.values_mut().flatten() {
            view.valid = Some((at - DAY * 2, at + DAY * 8));
        }
    }

    /// What a look finds.
    fn look(&mut self) -> Vec<DelegationFinding> {
        let Judged { findings, before, pieces } = judge(&self.expected, &self.before, &self.now);
        let seen: Vec<_> = pieces.iter().map(Piece::sha256).collect();
        for finding in &findings {
            assert!(!finding.text.contains('\n') && !finding.text.ends_with('.'), "{finding:?}");
            assert!(finding.shown_now.iter().all(|(_, sha256)| seen.contains(sha256)));
            assert_eq!(Kind::of(finding.kind.as_str()), Some(finding.kind));
        }
        self.before = before;
        findings
    }

    #[track_caller]
    fn finds(&mut self, expected: &[Kind]) -> Vec<DelegationFinding> {
        let findings = self.look();
        let kinds: Vec<_> = findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, expected, "{findings:#?}");
        findings
    }

    #[track_caller]
    fn quiet(&mut self) {
        self.finds(&[]);
    }

    /// Nothing at once, and nothing an hour later.
    #[track_caller]
    fn stays_quiet(&mut self) {
        for _ in 0..3 {
            self.quiet();
            self.later(HOUR);
        }
    }
}

#[test]
fn a_zone_in_order_raises_nothing() {
    World::learned().stays_quiet();
    World::new().stays_quiet();
}

#[test]
fn an_unexpected_set_is_found_at_once_with_proofs_of_both() {
    let check = |topic: Topic, shown: Shown, kind: Kind| {
        let mut world = World::learned();
        let was = world.now.views[&topic][0].evidence();
        world.show(topic, shown.clone());
        let found = world.finds(&[kind]).remove(0);
        assert_eq!(found.shown_before, was);
        assert_eq!(found.shown_now, view(shown, world.now.at).evidence());
        // It is the same one at the next look, with the same proof of what was before.
        world.later(MINUTE * 10);
        let again = world.finds(&[kind]).remove(0);
        assert_eq!((again.mark(), again.shown_before), (found.mark(), was));
    };
    check(parent_ds(), ds(&[66]), Kind::DsChanged);
    check(parent_ds(), Shown::None, Kind::DsRemoved);
    let other = records("@ NS ns.mallory.test.");
    check(topic(Side::Parent, "a.example", Rtype::NS), other.clone(), Kind::NsChanged);
    check(topic(Side::Zone, "a.example", Rtype::NS), other, Kind::NsChanged);
    let glue = topic(Side::Parent, "ns.a.example", Rtype::A);
    check(glue, records("@ A 203.0.113.66"), Kind::GlueChanged);
    check(caa(), Shown::None, Kind::CaaChanged);
    check(caa(), records("@ CAA 0 issue \"ca.example\""), Kind::CaaChanged);
    check(caa(), Shown::Alias(name("b.test")), Kind::AliasAdded);
    check(challenge(), Shown::Alias(name("b.test")), Kind::AliasAdded);
    let servers = [name("ns.b.test")].into();
    let away = Shown::Delegated { zone: name("_acme-challenge.a.example"), servers };
    check(challenge(), away, Kind::DelegatedAway);
}

#[test]
fn a_change_of_caa_says_whose_keys_signed_it() {
    let mut world = World::learned();
    world.show(caa(), Shown::None);
    let text = world.finds(&[Kind::CaaChanged]).remove(0).text;
    assert!(text.contains("has the zone's keys"), "{text}");
    assert!(text.contains("is validly signed until"), "{text}");
    world.show(parent_ds(), ds(&[66]));
    world.show(topic(Side::Zone, "a.example", Rtype::DNSKEY), keys(&[66], &[]));
    let found = world.finds(&[Kind::DsChanged, Kind::CaaChanged, Kind::KeysChanged]);
    assert!(!found[1].text.contains("has the zone's keys"), "{}", found[1].text);
}

#[test]
fn declared_types_are_named() {
    for (rtype, text, kind) in [
        (Rtype::TLSA, "@ TLSA 3 1 1 00", Kind::TlsaChanged),
        (Rtype::TXT, "@ TXT \"x\"", Kind::RecordsChanged),
    ] {
        let about = topic(Side::Zone, "b.a.example", rtype);
        let mut world = World::learned();
        world.show(about.clone(), records(text));
        world.expected.plans.insert(about.clone(), Plan::learned(records(text)));
        world.quiet();
        world.show(about, Shown::None);
        world.finds(&[kind]);
    }
}

#[test]
fn two_signed_sets_at_once_are_told_with_both() {
    let mut world = World::learned();
    world.show_one(&parent_ds(), ds(&[66]));
    // Of what is known no other proof is made.
    world.change(&parent_ds(), |view| view.pieces.clear());
    let found = world.finds(&[Kind::DsChanged, Kind::DsConflict]).remove(1);
    let known = &world.before.known[&parent_ds()];
    assert_eq!((found.shown_before, found.shown_now.len()), (known.evidence.clone(), 1));
    assert!(found.text.contains("from elsewhere"), "{}", found.text);
    // The keys differ as well, and go on to do so: that is the same event.
    let dnskey = topic(Side::Zone, "a.example", Rtype::DNSKEY);
    world.show_one(&dnskey, keys(&[66], &[]));
    let kinds = [Kind::DsChanged, Kind::DsConflict, Kind::KeysChanged];
    world.finds(&kinds);
    world.later(HOUR);
    world.finds(&kinds);
    // The servers of a registry that publishes a change say so one after another.
    let mut world = World::new();
    world.quiet();
    world.show_one(&parent_ds(), ds(&[66]));
    world.quiet();
    world.later(HOUR);
    world.finds(&[Kind::DsConflict]);
}

#[test]
fn servers_may_differ_for_a_while_where_nothing_is_expected() {
    let mut world = World::new();
    world.quiet();
    world.show_one(&caa(), Shown::None);
    world.quiet();
    world.later(MINUTE * 59);
    world.quiet();
    world.later(MINUTE);
    world.change(&caa(), |view| view.pieces.clear());
    let found = world.finds(&[Kind::ServersDiffer]).remove(0);
    assert_eq!((found.shown_before.len(), found.shown_now.len()), (1, 1));
    let mark = found.mark();
    world.later(MINUTE);
    assert_eq!(world.finds(&[Kind::ServersDiffer])[0].mark(), mark);
    world.now.views.get_mut(&caa()).unwrap().pop();
    world.quiet();
    // The hour begins anew.
    world.show_one(&caa(), Shown::None);
    world.quiet();
}

#[test]
fn who_is_not_seen_for_once_does_not_begin_anew() {
    let unseen =
        Unseen { what: "ns2.two.test. from elsewhere".to_owned(), why: "REFUSED".to_owned() };
    let mut world = World::new();
    world.quiet();
    world.show_one(&caa(), Shown::None);
    world.quiet();
    world.later(MINUTE * 50);
    let other = world.now.views.get_mut(&caa()).unwrap().pop().unwrap();
    world.now.unseen = vec![unseen];
    world.quiet();
    world.now.views.get_mut(&caa()).unwrap().push(other);
    world.now.unseen.clear();
    world.later(MINUTE * 10);
    world.finds(&[Kind::ServersDiffer]);
    // It is bounded, and the oldest stay.
    let start = world.now.at - DAY;
    let mark =
        |number: i64| (format!("bogus {number:03}"), start + SignedDuration::from_secs(number));
    world.before.since = (0..300).map(mark).collect();
    world.now.unseen =
        vec![Unseen { what: "ns1.one.test.".to_owned(), why: "no answer".to_owned() }];
    world.look();
    assert!(world.before.since.contains_key("bogus 255"));
    assert!(!world.before.since.contains_key("bogus 256"));
}

#[test]
fn what_was_proved_stays_when_signatures_break() {
    for mut world in [World::new(), World::learned()] {
        world.quiet();
        let known = world.before.known[&caa()].clone();
        for trust in [Trust::Bogus, Trust::Unknown] {
            // The same with broken signatures, and something else.
            for shown in [known.shown.clone(), Shown::None] {
                world.later(MINUTE);
                world.show(caa(), shown);
                world.change(&caa(), |view| view.trust = trust);
                world.look();
                assert_eq!(world.before.known[&caa()], known);
            }
        }
        world.show(caa(), known.shown.clone());
        world.later(MINUTE);
        world.look();
        assert_eq!(world.before.known[&caa()], known);
    }
    // What could not be proved at first is proved later, and is as old as it is.
    let mut world = World::new();
    world.before = Before::default();
    world.change(&caa(), |view| view.trust = Trust::Unknown);
    world.quiet();
    let since = world.now.at;
    world.later(MINUTE);
    world.show(caa(), world.before.known[&caa()].shown.clone());
    world.quiet();
    let known = &world.before.known[&caa()];
    assert_eq!((known.trust, known.since), (Trust::Secure, since));
}

#[test] // RFC 4035 §5.2: below a delegation without DS records nothing is secure, whatever is signed there.
fn what_was_secure_and_is_insecure_is_found_until_it_is_accepted() {
    for mut world in [World::new(), World::learned()] {
        world.quiet();
        for view in world.now.views.values_mut().flatten() {
            if view.trust == Trust::Secure {
                view.trust = Trust::Insecure;
            }
        }
        let kinds = [Kind::BecameInsecure, Kind::BecameInsecure];
        let found = world.finds(&kinds);
        assert!(found.iter().all(|found| !found.shown_before.is_empty()), "{found:?}");
        for _ in 0..3 {
            world.later(DAY * 5);
            assert_eq!(world.finds(&kinds)[0].mark(), found[0].mark());
        }
        // Whoever accepts it forgets what was.
        world.before.known.clear();
        world.stays_quiet();
    }
    // Whoever stops signing lets the DS records go first.
    let mut world = World::declared(&parent_ds(), &ds(&[1]), Some(&Shown::None));
    world.show(parent_ds(), Shown::None);
    world.change(&caa(), |view| view.trust = Trust::Insecure);
    world.stays_quiet();
    assert_eq!(world.before.known[&caa()].trust, Trust::Insecure);
    world.show(parent_ds(), ds(&[1]));
    world.show(caa(), world.before.known[&caa()].shown.clone());
    world.stays_quiet();
}

#[test]
fn records_that_vanish_are_found_without_expectation() {
    let mut world = World::new();
    world.quiet();
    world.show(parent_ds(), Shown::None);
    for _ in 0..3 {
        world.finds(&[Kind::DsRemoved]);
        world.later(HOUR);
    }
    world.show(parent_ds(), ds(&[1]));
    world.stays_quiet();
}

#[test]
fn a_new_key_is_found_unless_somebody_vouches_for_it() {
    let dnskey = topic(Side::Zone, "a.example", Rtype::DNSKEY);
    let mut world = World::learned();
    world.show(dnskey.clone(), keys(&[1, 66], &[11]));
    let found = world.finds(&[Kind::KeysChanged]).remove(0);
    // Keys that sign records come and go beside it.
    world.show(dnskey.clone(), keys(&[1, 66], &[12]));
    assert_eq!(world.finds(&[Kind::KeysChanged])[0].mark(), found.mark());
    // Without DS records there is nobody to vouch, and nothing to be gained.
    let mut world = World::new();
    world.show(dnskey.clone(), keys(&[66], &[]));
    world.stays_quiet();
    // Pinned.
    let mut world = World::learned();
    world.expected.zsks = vec![ds_of(&key(11, 256))];
    world.quiet();
    world.show(dnskey, keys(&[1], &[11, 12]));
    world.finds(&[Kind::KeysChanged]);
}

#[test] // RFC 7344, RFC 8078
fn wishes_for_other_records_are_found() {
    let check = |rtype, shown: Shown, expected: &[Kind]| {
        for mut world in [World::learned(), World::new()] {
            world.show(topic(Side::Zone, "a.example", rtype), shown.clone());
            world.finds(expected);
        }
    };
    let delete = Ds { key_tag: 0, algorithm: 0, digest_type: 0, digest: vec![0] };
    let delete_key = Dnskey { flags: 0, protocol: 3, algorithm: 0, key: vec![0] };
    check(Rtype::CDS, ds(&[1]), &[]);
    check(Rtype::CDS, Shown::records([Ds::of(&zone(), &key(1, 257), 4).unwrap().rdata()]), &[]);
    check(Rtype::CDS, ds(&[1, 66]), &[Kind::CdsChanges]);
    check(Rtype::CDS, Shown::records([delete.rdata()]), &[Kind::CdsDeletes]);
    check(Rtype::CDNSKEY, keys(&[1], &[]), &[]);
    check(Rtype::CDNSKEY, keys(&[66], &[]), &[Kind::CdsChanges]);
    check(Rtype::CDNSKEY, Shown::records([delete_key.rdata()]), &[Kind::CdsDeletes]);
    // No parent follows what is not signed.
    let mut world = World::learned();
    let cds = topic(Side::Zone, "a.example", Rtype::CDS);
    world.show(cds.clone(), ds(&[66]));
    world.change(&cds, |view| view.trust = Trust::Insecure);
    let found = world.finds(&[Kind::BecameInsecure, Kind::CdsChanges]);
    assert_eq!(found[1].severity, Severity::Warning);
}

#[test]
fn a_lower_time_to_live_is_found_where_it_was_longer() {
    let mut world = World::learned();
    world.change(&parent_ds(), |view| view.ttl_s = Some(30));
    world.finds(&[Kind::TtlLow]);
    world.finds(&[Kind::TtlLow]);
    world.change(&parent_ds(), |view| view.ttl_s = Some(31));
    world.quiet();
    let mut world = World::new();
    world.change(&parent_ds(), |view| view.ttl_s = Some(5));
    world.stays_quiet();
}

#[test]
fn what_is_announced_may_be_prepared() {
    let mut world = World::declared(&parent_ds(), &ds(&[1]), Some(&Shown::None));
    world.change(&parent_ds(), |view| view.ttl_s = Some(30));
    let cds = topic(Side::Zone, "a.example", Rtype::CDS);
    let delete = Ds { key_tag: 0, algorithm: 0, digest_type: 0, digest: vec![0] };
    world.show(cds.clone(), Shown::records([delete.rdata()]));
    world.stays_quiet();
    world.show(cds, ds(&[66]));
    world.finds(&[Kind::CdsChanges]);
}

#[test]
fn signatures_that_are_not_renewed_are_one_finding() {
    let mut world = World::learned();
    let (from, until) = (world.now.at - DAY * 9, world.now.at + HOUR * 11);
    world.change(&caa(), |view| view.valid = Some((from, until)));
    let mark = world.finds(&[Kind::SignatureExpiring])[0].mark();
    world.change(&challenge(), |view| view.valid = Some((from, until)));
    assert_eq!(world.finds(&[Kind::SignatureExpiring])[0].mark(), mark);
    // Made to last two days, and made anew each day.
    let mut world = World::learned();
    let (from, until) = (world.now.at - HOUR * 39, world.now.at + HOUR * 9);
    world.change(&caa(), |view| view.valid = Some((from, until)));
    world.quiet();
}

#[test]
fn what_does_not_verify_is_found_when_it_lasts() {
    let mut world = World::learned();
    world.change(&caa(), |view| view.trust = Trust::Bogus);
    world.quiet();
    world.later(HOUR);
    world.finds(&[Kind::Bogus]);
}

#[test]
fn resolvers_that_disagree_are_found_when_it_lasts() {
    let says = |world: &mut World, shown: Result<Shown, String>| {
        let shown = [(parent_ds(), shown)].into();
        world.now.resolvers = vec![ResolverView { resolver: "192.0.2.53:53".to_owned(), shown }];
    };
    let mut world = World::learned();
    says(&mut world, Ok(ds(&[1])));
    world.stays_quiet();
    says(&mut world, Ok(ds(&[66])));
    world.quiet();
    world.later(HOUR);
    world.finds(&[Kind::ResolverDiffers]);
    says(&mut world, Err("it answered SERVFAIL".to_owned()));
    world.quiet();
    world.later(HOUR);
    world.finds(&[Kind::ResolverRefuses]);
    // What it keeps may be as old as it was allowed to be.
    let mut world = World::new();
    world.change(&caa(), |view| view.ttl_s = Some(7200));
    world.quiet();
    let other = records("@ CAA 0 issue \"other.example\"");
    let shown = [(caa(), Ok(other))].into();
    world.now.resolvers = vec![ResolverView { resolver: "192.0.2.53:53".to_owned(), shown }];
    world.quiet();
    world.later(HOUR);
    world.quiet();
    world.later(HOUR);
    world.finds(&[Kind::ResolverDiffers]);
    // But not for years.
    world.before.known.get_mut(&caa()).unwrap().ttl_s = Some(u32::MAX);
    world.before.since.clear();
    world.quiet();
    world.later(HOUR * 23);
    world.quiet();
    world.later(HOUR);
    world.finds(&[Kind::ResolverDiffers]);
}

#[test] // RFC 6781 §4.1.2: Double-DS.
fn an_announced_change_of_keys_is_quiet() {
    let mut world = World::declared(&parent_ds(), &ds(&[1]), Some(&ds(&[2])));
    let (dnskey, cds) =
        (topic(Side::Zone, "a.example", Rtype::DNSKEY), topic(Side::Zone, "a.example", Rtype::CDS));
    world.show(cds.clone(), ds(&[1, 2]));
    world.stays_quiet();
    // One server of the parent after another.
    world.show_one(&parent_ds(), ds(&[1, 2]));
    world.stays_quiet();
    world.show(parent_ds(), ds(&[1, 2]));
    world.stays_quiet();
    world.show(dnskey.clone(), keys(&[1, 2], &[11]));
    world.stays_quiet();
    world.show(dnskey, keys(&[2], &[11]));
    world.show(cds, ds(&[2]));
    world.stays_quiet();
    world.show(parent_ds(), ds(&[2]));
    world.stays_quiet();
    // What was not announced is still found.
    world.show(parent_ds(), ds(&[2, 66]));
    world.finds(&[Kind::DsChanged]);
}

#[test] // RFC 6781 §4.1.1: Pre-Publish.
fn a_change_of_signing_keys_is_quiet() {
    let dnskey = topic(Side::Zone, "a.example", Rtype::DNSKEY);
    let mut world = World::learned();
    for zsks in [&[11, 12][..], &[12], &[12, 13], &[13]] {
        world.show_one(&dnskey, keys(&[1], zsks));
        world.quiet();
        world.show(dnskey.clone(), keys(&[1], zsks));
        world.stays_quiet();
    }
}

#[test]
fn an_announced_move_is_quiet() {
    let (now, next) =
        (records("@ NS ns1.one.test.\n@ NS ns.a.example."), records("@ NS ns.three.test."));
    let both = records("@ NS ns1.one.test.\n@ NS ns.a.example.\n@ NS ns.three.test.");
    let sides = [Side::Zone, Side::Parent].map(|side| topic(side, "a.example", Rtype::NS));
    let mut world = World::learned();
    for side in &sides {
        world.expected.plans.insert(side.clone(), Plan::declared(&now, Some(&next)));
    }
    for shown in [both, next] {
        for side in &sides {
            world.show_one(side, shown.clone());
            world.stays_quiet();
            world.show(side.clone(), shown.clone());
            world.stays_quiet();
        }
    }
}

#[test]
fn a_year_of_signing_again_writes_little() {
    let mut world = World::learned();
    let first = world.before.clone();
    world.later(DAY);
    world.quiet();
    assert_eq!(world.before, first, "what is known stays as it is");
    // The old proofs have run out.
    world.later(DAY * 9);
    world.quiet();
    assert_ne!(world.before, first);
    for _ in 0..40 {
        world.later(DAY * 9);
        world.quiet();
    }
    assert!(world.before.since.is_empty());
}

#[test]
fn only_what_all_show_is_learned() {
    let mut world = World::new();
    world.show_one(&caa(), Shown::None);
    world.change(&challenge(), |view| view.trust = Trust::Bogus);
    let learned = learn(&world.expected, &world.before, &world.now);
    assert!(!learned.contains_key(&caa()) && !learned.contains_key(&challenge()));
    assert!(learned.contains_key(&parent_ds()));
    assert!(!learned.keys().any(Topic::is_wish));
    // One server's word is not enough, while another is not heard; unless it has been so for a while.
    let unheard = Unseen { what: "ns2.two.test.".to_owned(), why: "no answer".to_owned() };
    world.now.unseen = vec![unheard];
    assert!(learn(&world.expected, &world.before, &world.now).is_empty());
    world.look();
    world.later(HOUR);
    assert!(learn(&world.expected, &world.before, &world.now).contains_key(&parent_ds()));
    world.now.unseen.clear();
    world.expected.plans.insert(parent_ds(), Plan::learned(ds(&[1])));
    assert!(!learn(&world.expected, &world.before, &world.now).contains_key(&parent_ds()));
}

#[test]
fn glue_is_remembered_only_of_servers_of_the_zone() {
    let glue = |label: &str| topic(Side::Parent, &format!("{label}.a.example"), Rtype::A);
    let ns = topic(Side::Parent, "a.example", Rtype::NS);
    for mut world in [World::new(), World::learned()] {
        world.quiet();
        let count = world.before.known.len();
        for number in 0..20 {
            let server = format!("ns{number}.mallory");
            world.show(ns.clone(), records(&format!("@ NS {server}")));
            world.now.views.retain(|topic, _| topic.rtype != Rtype::A);
            world.show(glue(&server), records("@ A 203.0.113.66"));
            let learned = learn(&world.expected, &world.before, &world.now);
            assert_eq!(learned.contains_key(&glue(&server)), world.expected.plans.is_empty());
            world.look();
            assert!(world.before.known.len() <= count + 1, "{:#?}", world.before.known.keys());
        }
    }
    // A referral with more of it than any zone has.
    let mut referral = Message::authoritative(Vec::new(), vec![set("@ NS ns")]);
    for number in 0..40 {
        let server = name(&format!("ns{number}.a.example"));
        let rrset = &mut referral.authority[0].rrset;
        let text = format!("@ NS {server}");
        rrset.add(zone_text::records(&text, &zone()).unwrap().remove(0));
    }
    let Referred { glue, left_out } = Shown::referred(&zone(), &referral);
    assert_eq!((glue.len(), left_out), (64, 9));
}

#[test]
fn titles_name_the_zone_and_the_worst() {
    let mut world = World::learned();
    world.show(parent_ds(), ds(&[66]));
    world.show(caa(), Shown::None);
    let findings = world.look();
    assert_eq!(
        title(&zone(), &findings),
        "a.example: the DS records changed; the CAA records changed"
    );
    for kind in Kind::ALL {
        assert!(!kind.title().is_empty() && kind.allows() != kind.next_step());
    }
}

fn set(text: &str) -> SignedRrset {
    let mut sets = zone_text::records(text, &zone()).unwrap().into_iter();
    let mut rrset: Rrset = sets.next().unwrap();
    sets.for_each(|record| rrset.add(record));
    SignedRrset { rrset, rrsigs: Vec::new() }
}

#[test]
fn answers_are_read() {
    let answer = |text: &str| Message::authoritative(vec![set(text)], Vec::new());
    let none = || Message::authoritative(Vec::new(), Vec::new());
    let check = |topic: &Topic, message: &Message, expected: Result<Shown, NotShown>| {
        assert_eq!(Shown::of(topic, &zone(), message), expected, "{topic}");
    };
    let www = topic(Side::Zone, "www.a.example", Rtype::CAA);
    check(&www, &answer("www CAA 0 issue \"b\""), Ok(records("@ CAA 0 issue \"b\"")));
    check(&www, &none(), Ok(Shown::None));
    check(&www, &Message { rcode: 3, ..none() }, Ok(Shown::None));
    check(&www, &Message { rcode: 2, ..none() }, Err(NotShown::Code(2)));
    check(&www, &answer("www CNAME b.test."), Ok(Shown::Alias(name("b.test"))));
    check(&www, &answer("@ DNAME b.test."), Ok(Shown::Alias(name("www.b.test"))));
    // What is in it is somebody's order; that it is here is what counts.
    check(&challenge(), &answer("_acme-challenge TXT x"), Ok(Shown::None));
    let referral = |text: &str| {
        let mut message = Message::authoritative(Vec::new(), vec![set(text)]);
        message.flags.authoritative = false;
        message
    };
    let (zone_cut, servers) = (name("www.a.example"), [name("ns.b.test")].into());
    let away = Shown::Delegated { zone: zone_cut, servers };
    check(&www, &referral("www NS ns.b.test."), Ok(away));
    check(&www, &referral("@ NS ns.b.test."), Err(NotShown::Lame));
    let ns = topic(Side::Parent, "a.example", Rtype::NS);
    let mut glued = referral("@ NS ns.a.example.\n@ NS ns.b.test.");
    check(&ns, &glued, Ok(records("@ NS ns.a.example.\n@ NS ns.b.test.")));
    glued.additional = vec![set("ns A 192.0.2.1"), set("ns.b.test. A 192.0.2.2")];
    let glue = [
        (topic(Side::Parent, "ns.a.example", Rtype::A), records("@ A 192.0.2.1")),
        (topic(Side::Parent, "ns.a.example", Rtype::AAAA), Shown::None),
    ];
    assert_eq!(Shown::referred(&zone(), &glued).glue, glue);
    check(&parent_ds(), &referral("@ NS ns.b.test."), Err(NotShown::Lame));
    check(&parent_ds(), &none(), Ok(Shown::None));
    // A name that is gone, says the server of the parent, and not somebody on the way.
    for about in [&ns, &parent_ds()] {
        check(about, &Message { rcode: 3, ..none() }, Ok(Shown::None));
        check(about, &Message { rcode: 3, ..referral("reg. NS ns.reg.") }, Err(NotShown::Code(3)));
    }
}

#[test]
fn a_referral_counts_whatever_it_says_of_its_authority() {
    let message = |answer: &str, authority: &str| {
        let sets = |text: &str| match text {
            "" => Vec::new(),
            text => vec![set(text)],
        };
        Message::authoritative(sets(answer), sets(authority))
    };
    let ns = topic(Side::Parent, "a.example", Rtype::NS);
    let mallory = || records("@ NS ns.mallory.test.");
    let check = |message: &Message, side: Side, expected: Result<Shown, NotShown>| {
        let about = ns.of_answer(message);
        assert_eq!(about, Topic { side, ..ns.clone() });
        assert_eq!(Shown::of(&about, &zone(), message), expected);
    };
    check(&message("", "@ NS ns.mallory.test."), Side::Parent, Ok(mallory()));
    // Who serves the zone as well says what the zone does.
    check(&message("@ NS ns.mallory.test.", ""), Side::Zone, Ok(mallory()));
    check(&message("", ""), Side::Parent, Ok(Shown::None));
    check(&message("@ CNAME b.test.", ""), Side::Parent, Ok(Shown::Alias(name("b.test"))));
    check(&message("", "example. NS ns.mallory.test."), Side::Parent, Err(NotShown::Lame));
    let away = message("", "_acme-challenge NS ns.mallory.test.");
    let (zone_cut, servers) = (challenge().name, [name("ns.mallory.test")].into());
    let expected = Shown::Delegated { zone: zone_cut, servers };
    assert_eq!(Shown::of(&challenge(), &zone(), &away), Ok(expected));
}

proptest! {
    #[test]
    fn what_is_written_to_the_state_reads_back(
        rdatas in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..4),
        labels in proptest::collection::vec("[ -~]{1,20}", 1..4),
        rtype in any::<u16>(),
        is_parent in any::<bool>(),
    ) {
        let mut name = Name::root();
        for label in labels {
            name = name.child(label.as_bytes()).unwrap();
        }
        let side = if is_parent { Side::Parent } else { Side::Zone };
        let topic = Topic { side, name: name.clone(), rtype: Rtype::from_int(rtype) };
        prop_assert_eq!(topic.to_string().parse(), Ok(topic));
        let servers = [name.clone(), Name::root()].into();
        for shown in [
            Shown::records(rdatas),
            Shown::Alias(name.clone()),
            Shown::Delegated { zone: name, servers },
            Shown::None,
        ] {
            prop_assert_eq!(shown.to_string().parse(), Ok(shown));
        }
    }
}
