//! The validator over the lab's own signed tree: every kind of answer, each with its proof, and what forgers make of
//! it.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod tree;

use countersign_dns::proof::{Proof, ProofError, Unproved, authentication_chain};
use countersign_dns::security::{Fault, Indeterminate, Insecure, Security};
use countersign_dns::walk::{Demand, Outcome, Settings, Walked};
use countersign_dns::{Anchors, Rrset, Rtype, SignedRrset};
use countersign_lab::dns::{Algorithm, Denial, OptOut};

use tree::{Spoil, Tree, name, now, query};

const ALGORITHMS: [Algorithm; 4] = [
    Algorithm::RsaSha256,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::Ed25519,
];

fn denials() -> [Denial; 3] {
    let salted = Denial::Nsec3 { iterations: 3, salt: vec![0xab, 0xcd], opt_out: OptOut::No };
    [Denial::Nsec, Denial::NSEC3, salted]
}

/// In words: `secure`, `insecure opt-out`, `bogus signature`, `indeterminate questions`; then what is at the end.
fn found(walked: &Walked) -> String {
    let why = match &walked.security {
        Security::Secure => "",
        Security::Insecure(why) => why.as_str(),
        Security::Bogus(why) => why.fault.as_str(),
        Security::Indeterminate(why) => why.as_str(),
    };
    let outcome = match &walked.hops.last().unwrap().outcome {
        Outcome::Records(_) => "records",
        Outcome::Alias { .. } => "alias",
        Outcome::NoData => "no data",
        Outcome::NoName => "no name",
        Outcome::Unknown => "unknown",
    };
    format!("{} {why}: {outcome}", walked.security.as_str()).replace(" :", ":")
}

/// Walks, compares, and has the proof verified by whoever has nothing else.
#[track_caller]
fn check(tree: &Tree, what: &str, expected: &str) {
    let query = query(what);
    let walked = tree.walk(&query);
    assert_eq!(found(&walked), expected, "{what}: {}", walked.security);
    let settings = tree.settings();
    let proof = Proof::of(&query, &walked, &settings, now());
    let is_proved = matches!(walked.security, Security::Secure | Security::Insecure(_));
    assert_eq!(proof.is_some(), is_proved, "{what}");
    let Some(proof) = proof else { return };
    let read = Proof::parse(&proof.to_bytes()).unwrap();
    assert_eq!(read, proof, "{what}");
    let verified = read.verify(&settings, None).unwrap();
    assert_eq!(verified.security, walked.security, "{what}");
    if walked.security == Security::Secure {
        assert_eq!(verified.hops.len(), walked.hops.len(), "{what}");
        let pairs = verified.hops.iter().zip(&walked.hops);
        for (verified, walked) in pairs {
            let rdatas = |outcome: &Outcome| match outcome {
                Outcome::Records(sets) => {
                    // Of everything it does not matter which type comes first.
                    let mut sets = sets.iter().collect::<Vec<_>>();
                    sets.sort_by_key(|set| set.rtype().to_int());
                    sets.into_iter().flat_map(|set| set.rdatas().to_vec()).collect()
                }
                _ => Vec::new(),
            };
            assert_eq!(verified.name, walked.name, "{what}");
            assert_eq!(rdatas(&verified.outcome), rdatas(&walked.outcome), "{what}");
        }
        let is_positive = matches!(walked.hops.last().unwrap().outcome, Outcome::Records(_));
        assert_eq!(authentication_chain(&walked).is_some(), is_positive, "{what}");
    }
    // At another time, and for whoever trusts another root, it shows nothing.
    let later = now() + jiff::SignedDuration::from_hours(24 * 400);
    assert!(matches!(read.verify(&settings, Some(later)), Err(Unproved::Security(_))), "{what}");
    let other = Settings::default();
    assert!(read.verify(&other, None).is_err(), "{what}");
}

#[test]
fn every_kind_of_answer_is_secure_with_every_algorithm() {
    for algorithm in ALGORITHMS {
        for denial in denials() {
            let tree = Tree::new(algorithm, &denial);
            for (what, expected) in [
                ("www.zone.test A", "secure: records"),
                ("www.zone.test ANY", "secure: records"),
                ("zone.test ANY", "secure: records"),
                ("alias2.zone.test ANY", "secure: records"),
                ("zone.test CAA", "secure: records"),
                ("zone.test DNSKEY", "secure: records"),
                ("zone.test DS", "secure: records"),
                ("test DS", "secure: records"),
                (". DNSKEY", "secure: records"),
                (". SOA", "secure: records"),
                ("zone.test TLSA", "secure: no data"),
                ("b.empty.zone.test CAA", "secure: no data"),
                ("empty.zone.test CAA", "secure: no data"),
                ("nowhere.zone.test CAA", "secure: no name"),
                ("a.b.c.nowhere.zone.test CAA", "secure: no name"),
                ("anything.wild.zone.test TXT", "secure: records"),
                ("any.thing.wild.zone.test CAA", "secure: records"),
                ("any.thing.wild.zone.test TLSA", "secure: no data"),
                ("wild.zone.test TXT", "secure: no data"),
                ("*.wild.zone.test TXT", "secure: records"),
                ("y.star.zone.test TXT", "secure: no data"),
                ("alias.zone.test A", "secure: records"),
                ("made.alias.zone.test A", "secure: records"),
                ("alias.zone.test CNAME", "secure: records"),
                ("broken.zone.test A", "secure: no name"),
                ("leaf.tree.zone.test TXT", "secure: records"),
                ("leaf.tree.zone.test CNAME", "secure: alias"),
                ("leaf.tree.zone.test ANY", "secure: alias"),
                ("tree.zone.test DNAME", "secure: records"),
                ("tree.zone.test A", "secure: no data"),
                ("out.zone.test A", "secure: records"),
                ("unsigned.zone.test DS", "secure: no data"),
                ("www.unsigned.zone.test A", "insecure no-ds: records"),
                ("nothing.unsigned.zone.test A", "insecure no-ds: no name"),
                ("to-unsigned.zone.test A", "insecure no-ds: records"),
                ("no-such-tld A", "secure: no name"),
                ("loop.zone.test A", "indeterminate aliases: unknown"),
            ] {
                check(&tree, what, expected);
            }
        }
    }
}

#[test] // RFC 5155 §6, §9.2
fn who_opts_out_is_insecure() {
    let tree = Tree::new(Algorithm::EcdsaP256Sha256, &Denial::OPT_OUT);
    check(&tree, "www.zone.test A", "secure: records");
    check(&tree, "nowhere.zone.test CAA", "insecure opt-out: no name");
    check(&tree, "www.unsigned.zone.test A", "insecure opt-out: records");
    check(&tree, "unsigned.zone.test DS", "insecure opt-out: no data");
    check(&tree, "zone.test TLSA", "secure: no data");
    check(&tree, "anything.wild.zone.test TXT", "insecure opt-out: records");
}

#[test] // RFC 9276 §3.2
fn too_many_iterations_are_insecure() {
    let costly = Denial::Nsec3 { iterations: 51, salt: Vec::new(), opt_out: OptOut::No };
    let tree = Tree::new(Algorithm::EcdsaP256Sha256, &costly);
    check(&tree, "www.zone.test A", "secure: records");
    check(&tree, "nowhere.zone.test A", "insecure nsec3-iterations: no name");
}

#[test] // RFC 6840 §4.1, RFC 9276 §3.2
fn too_many_iterations_are_nothing_to_a_signed_zone_below() {
    let costly = Denial::Nsec3 { iterations: 51, salt: Vec::new(), opt_out: OptOut::No };
    let mut tree = Tree::new(Algorithm::EcdsaP256Sha256, &Denial::Nsec);
    tree.deny_above(costly);
    check(&tree, "www.zone.test A", "secure: records");
    check(&tree, "nowhere.zone.test A", "secure: no name");
    check(&tree, "nowhere.test A", "insecure nsec3-iterations: no name");
    check(&tree, "a.nowhere.test A", "insecure nsec3-iterations: no name");
    check(&tree, "test TLSA", "insecure nsec3-iterations: no data");
    check(&tree, "nowhere.test DS", "insecure nsec3-iterations: no name");
    tree.answer_as(query("www.zone.test A"), query("nowhere.test A"));
    check(&tree, "www.zone.test A", "bogus not-denied: unknown");
    tree.answer_as(query("zone.test A"), query("nowhere.test A"));
    check(&tree, "zone.test A", "bogus not-denied: unknown");
    // Silence of the zone below does not help; that of the zone above is no worse than its record.
    tree.silence(query("zone.test DNSKEY"));
    check(&tree, "www.zone.test A", "indeterminate no-answer: unknown");
    tree.silence(query("zone.test DS"));
    let walked = tree.walk(&query("www.zone.test A"));
    assert_eq!(found(&walked), "insecure nsec3-iterations: no name");
}

/// Spoils the answers to one question.
#[track_caller]
fn spoilt(
    what: &str,
    expected: &str,
    denial: &Denial,
    spoil: fn(&mut Vec<SignedRrset>, &mut Vec<SignedRrset>),
) {
    let mut tree = Tree::new(Algorithm::EcdsaP256Sha256, denial);
    tree.spoil(query(what), spoil);
    check(&tree, what, expected);
}

#[test]
fn what_was_changed_on_the_way_is_bogus() {
    let both = [Denial::Nsec, Denial::NSEC3];
    for denial in &both {
        spoilt("www.zone.test A", "bogus unsigned: records", denial, |answer, _| {
            answer.iter_mut().for_each(|set| set.rrsigs.clear());
        });
        spoilt("www.zone.test A", "bogus signature: records", denial, |answer, _| {
            answer[0].rrsigs[0].signature[7] ^= 1;
        });
        spoilt("www.zone.test A", "bogus signature: records", denial, |answer, _| {
            let (owner, rtype) = (answer[0].rrset.owner().clone(), answer[0].rrset.rtype());
            answer[0].rrset.add(Rrset::new(owner, rtype, 60, &[203, 0, 113, 1]).unwrap());
        });
        spoilt("www.zone.test A", "bogus no-key: records", denial, |answer, _| {
            answer[0].rrsigs[0].key_tag ^= 1;
        });
        spoilt("www.zone.test A", "bogus signer: records", denial, |answer, _| {
            answer[0].rrsigs[0].signer = name("www.zone.test");
        });
        spoilt("www.zone.test A", "bogus no-key: records", denial, |answer, _| {
            answer[0].rrsigs[0].signer = name("test");
        });
        spoilt("www.zone.test A", "bogus unsigned: records", denial, |answer, _| {
            answer[0].rrsigs[0].signer = name("other.test");
        });
        spoilt("www.zone.test A", "bogus expired: records", denial, |answer, _| {
            answer[0].rrsigs[0].expiration = answer[0].rrsigs[0].inception;
        });
        spoilt("www.zone.test A", "bogus not-yet-valid: records", denial, |answer, _| {
            answer[0].rrsigs[0].inception = answer[0].rrsigs[0].expiration;
        });
        spoilt("zone.test CAA", "bogus not-denied: unknown", denial, |answer, _| answer.clear());
        spoilt("nowhere.zone.test CAA", "bogus not-denied: unknown", denial, |_, authority| {
            authority.clear();
        });
        // A wildcard's records under a name that has its own.
        spoilt("anything.wild.zone.test TXT", "bogus closer: records", denial, |_, authority| {
            authority.clear();
        });
        spoilt("leaf.tree.zone.test TXT", "bogus alias: unknown", denial, |answer, _| {
            let cname = answer.iter_mut().find(|set| set.rrset.rtype() == Rtype::CNAME).unwrap();
            let owner = cname.rrset.owner().clone();
            cname.rrset = Rrset::new(owner, Rtype::CNAME, 60, name("evil.test").wire()).unwrap();
        });
        spoilt("alias.zone.test A", "bogus signature: alias", denial, |answer, _| {
            let owner = answer[0].rrset.owner().clone();
            answer[0].rrset =
                Rrset::new(owner, Rtype::CNAME, 60, name("evil.test").wire()).unwrap();
        });
    }
}

#[test] // RFC 8482 §4.1: who is asked for everything may give a part of it, but not nothing.
fn everything_is_denied_only_where_nothing_is() {
    for denial in denials() {
        let mut tree = Tree::new(Algorithm::Ed25519, &denial);
        for (what, as_for) in [
            ("www.zone.test ANY", "www.zone.test TLSA"),
            ("zone.test ANY", "zone.test TLSA"),
            ("anything.wild.zone.test ANY", "anything.wild.zone.test TLSA"),
        ] {
            tree.answer_as(query(what), query(as_for));
            check(&tree, what, "bogus not-denied: unknown");
        }
        check(&tree, "empty.zone.test ANY", "secure: no data");
        check(&tree, "nowhere.zone.test ANY", "secure: no name");
    }
}

#[test]
fn a_denial_of_another_name_denies_nothing() {
    for denial in [Denial::Nsec, Denial::NSEC3] {
        let mut tree = Tree::new(Algorithm::Ed25519, &denial);
        for (what, as_for) in [
            // The whole zone's own proof that something else is not there.
            ("zone.test CAA", "zone.test TLSA"),
            ("www.zone.test A", "nowhere.zone.test A"),
            ("mail.zone.test A", "www.zone.test TLSA"),
            // A delegation's NSEC, which speaks for nothing below it (RFC 6840 §4.1).
            ("www.secure.zone.test A", "secure.zone.test DS"),
        ] {
            tree.answer_as(query(what), query(as_for));
            let walked = tree.walk(&query(what));
            assert!(matches!(walked.security, Security::Bogus(_)), "{what}: {}", found(&walked));
        }
    }
}

#[test]
fn who_holds_the_chain_can_break_it_only() {
    // The zone below is signed, and its parent's signed proof says that it has no DS record: nobody can make one.
    let mut tree = Tree::new(Algorithm::Ed25519, &Denial::Nsec);
    tree.answer_as(query("zone.test DS"), query("unsigned.zone.test DS"));
    check(&tree, "www.zone.test A", "bogus not-denied: records");
    // Keys of another zone of the same name.
    let mut tree = Tree::new(Algorithm::Ed25519, &Denial::Nsec);
    tree.spoil(query("zone.test DNSKEY"), |answer, _| {
        let other = Tree::other_keys();
        answer[0] = other;
    });
    check(&tree, "www.zone.test A", "bogus not-named: records");
    // Silence.
    let mut tree = Tree::new(Algorithm::Ed25519, &Denial::Nsec);
    tree.silence(query("zone.test DNSKEY"));
    check(&tree, "www.zone.test A", "indeterminate no-answer: records");
}

#[test]
fn an_alias_in_place_of_a_delegation_is_judged_by_the_zone_above() {
    fn alias(answer: &mut Vec<SignedRrset>, owner: &str, signer: Option<&str>) {
        let rrset = Rrset::new(name(owner), Rtype::CNAME, 60, name("evil.test").wire()).unwrap();
        let mut rrsigs = answer.iter().flat_map(|set| set.rrsigs.clone()).collect::<Vec<_>>();
        rrsigs.truncate(usize::from(signer.is_some()));
        for rrsig in &mut rrsigs {
            (rrsig.type_covered, rrsig.signer) = (Rtype::CNAME, name(signer.unwrap()));
        }
        *answer = vec![SignedRrset { rrset, rrsigs }];
    }
    let check = |asked: &str, spoil: Spoil, expected: &str| {
        let mut tree = Tree::new(Algorithm::Ed25519, &Denial::Nsec);
        tree.spoil(query("www.zone.test A"), |answer, _| answer[0].rrsigs.clear());
        tree.spoil(query(asked), spoil);
        assert_eq!(found(&tree.walk(&query("www.zone.test A"))), expected, "{asked}");
    };
    let bogus = "bogus unsigned: records";
    check("www.zone.test DS", |answer, _| alias(answer, "www.zone.test", None), bogus);
    check("zone.test DS", |answer, _| alias(answer, "zone.test", None), bogus);
    check("zone.test DS", |answer, _| alias(answer, "zone.test", Some("zone.test")), bogus);
    let bogus = "bogus signature: records";
    check("zone.test DS", |answer, _| alias(answer, "zone.test", Some("test")), bogus);
    check("test DS", |answer, _| alias(answer, "test", Some(".")), bogus);
    // One that a DNAME makes is that record's matter.
    let mut tree = Tree::new(Algorithm::Ed25519, &Denial::Nsec);
    tree.spoil(query("leaf.tree.zone.test A"), |answer, _| answer.clear());
    assert_eq!(found(&tree.walk(&query("leaf.tree.zone.test A"))), "bogus not-denied: unknown");
}

#[test]
fn unknown_algorithms_and_digests_are_insecure_and_said() {
    for ds in
        [vec![0, 1, 16, 2, 7], vec![0, 1, 13, 3, 7], vec![0, 1, 5, 1, 7], vec![0, 1, 253, 2, 7]]
    {
        let mut tree = Tree::new(Algorithm::Ed25519, &Denial::Nsec);
        tree.redelegate(vec![ds]);
        let walked = tree.walk(&query("www.zone.test A"));
        assert!(
            matches!(&walked.security, Security::Insecure(Insecure::Unsupported { .. })),
            "{}",
            found(&walked)
        );
        check(&tree, "www.zone.test A", "insecure unsupported: records");
    }
}

#[test] // RFC 6840 §5.11
fn one_algorithm_of_several_is_enough_unless_each_is_demanded() {
    let found = |tree: &Tree, demand| {
        let settings = Settings { demand, ..tree.settings() };
        found(&tree.walk_with(&query("www.zone.test A"), settings))
    };
    let both = [Algorithm::EcdsaP256Sha256, Algorithm::Ed25519];
    let check = |zsks: &[Algorithm], demand, expected: &str| {
        assert_eq!(found(&Tree::with_algorithms(&both, zsks), demand), expected);
    };
    check(&both, Demand::One, "secure: records");
    check(&both, Demand::Each, "secure: records");
    check(&both[..1], Demand::One, "secure: records");
    check(&both[..1], Demand::Each, "bogus algorithm: records");
    // Without a key of it.
    let check = |other: u8, demand, expected: &str| {
        let mut tree = Tree::new(both[0], &Denial::Nsec);
        let ds = tree.walk(&query("zone.test DS"));
        let Outcome::Records(sets) = &ds.hops[0].outcome else { panic!("there is one") };
        let ds = sets[0].rdatas()[0].clone();
        tree.redelegate(vec![[&ds[..2], &[other], &ds[3..]].concat(), ds]);
        assert_eq!(found(&tree, demand), expected);
    };
    check(8, Demand::One, "secure: records");
    check(8, Demand::Each, "bogus algorithm: records");
    // What does not count is not demanded.
    check(5, Demand::Each, "secure: records");
}

#[test] // RFC 7646 §2
fn below_a_negative_anchor_nothing_is_validated() {
    let check = |negative: &str, expected: &str| {
        let tree = Tree::new(Algorithm::Ed25519, &Denial::Nsec);
        let settings = tree.settings();
        let anchors = settings.anchors.except(&[name(negative)]);
        let walked = tree.walk_with(&query("www.zone.test A"), Settings { anchors, ..settings });
        assert_eq!(found(&walked), expected);
    };
    check("zone.test", "indeterminate no-anchor: records");
    check("test", "indeterminate no-anchor: records");
    check("other.test", "secure: records");
}

#[test]
fn a_zone_above_a_deeper_anchor_says_nothing_of_what_is_below_it() {
    for denial in denials() {
        let mut tree = Tree::new(Algorithm::EcdsaP256Sha256, &Denial::Nsec);
        tree.deny_above(denial);
        // As where zones are private: the public ones above them do not know them, or give them another name.
        let ds = |zone| Rrset::new(name(zone), Rtype::DS, 0, &[0, 1, 13, 2, 7]).unwrap();
        let private = [ds("private.test"), ds("private.tree.zone.test")];
        let settings = tree.settings();
        let mut anchors = settings.anchors.anchors().to_vec();
        anchors.extend_from_slice(Anchors::of_records(&private).unwrap().anchors());
        let settings = Settings { anchors: Anchors::new(anchors), ..settings };
        let check = |what: &str, expected: &str| {
            assert_eq!(found(&tree.walk_with(&query(what), settings.clone())), expected, "{what}");
        };
        check("www.private.test A", "bogus not-denied: unknown");
        check("private.test A", "bogus not-denied: unknown");
        check("private.test DS", "secure: no name");
        check("www.private.tree.zone.test TXT", "bogus alias: unknown");
        check("leaf.tree.zone.test TXT", "secure: records");
        check("nowhere.test A", "secure: no name");
        check("www.zone.test A", "secure: records");
    }
}

#[test]
fn proofs_hold_nothing_that_they_do_not_need() {
    let tree = Tree::new(Algorithm::Ed25519, &Denial::NSEC3);
    let (one, two) = (query("www.zone.test A"), query("nowhere.zone.test A"));
    let proof = |query| Proof::of(query, &tree.walk(query), &tree.settings(), now()).unwrap();
    let bytes = proof(&one).to_bytes();
    assert!(bytes.len() < 2_000, "{} bytes", bytes.len());
    // Whatever octet is changed, it is noticed.
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let Ok(read) = Proof::parse(&changed) else { continue };
        // The time is the verifier's to believe; within the validity of the signatures it makes no difference.
        if read.links() == proof(&one).links() && read.query() == &one {
            let moved = read.validated_at() != proof(&one).validated_at();
            assert!(moved || read.verify(&tree.settings(), None).is_err(), "at {at}");
            continue;
        }
        assert!(read.verify(&tree.settings(), None).is_err(), "at {at}");
    }
    assert_eq!(Proof::parse(&bytes[..bytes.len() - 1]), Err(ProofError::Length));
    assert_eq!(Proof::parse(&[&bytes[..], &[0]].concat()), Err(ProofError::Length));
    assert!(proof(&two).links().len() > proof(&one).links().len());
}

#[test]
fn proofs_say_nothing_twice() {
    let tree = Tree::new(Algorithm::Ed25519, &Denial::NSEC3);
    let what = query("www.zone.test A");
    let proof = Proof::of(&what, &tree.walk(&what), &tree.settings(), now()).unwrap();
    let bytes = proof.to_bytes();
    let length_at = |at: usize| {
        bytes[at..at + 3].iter().fold(0, |length, octet| length << 8 | usize::from(*octet))
    };
    let links = 8 + 1 + 1 + what.name.wire().len() + 2 + 8;
    let manifests = links + 3 + length_at(links);
    let answers = manifests + 3 + length_at(manifests);
    let vector = |content: &[u8]| {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&length[1..], content].concat()
    };
    let with = |manifests_now: &[u8], answers_now: &[u8]| {
        let vectors = [vector(manifests_now), vector(answers_now)].concat();
        Proof::parse(&[&bytes[..manifests], &vectors].concat())
    };
    let (manifest, answer) = (&bytes[manifests + 3..answers], &bytes[answers + 3..]);
    assert_eq!(with(manifest, answer), Ok(proof.clone()));
    assert_eq!(with(manifest, &answer.repeat(2)), Err(ProofError::Parts));
    // The first manifest alone, of one link, and then of that link twice.
    assert!(with(&manifest[..67], &[]).is_ok());
    let twice = [&manifest[..33], &[0, 64], &manifest[35..67], &manifest[35..67]].concat();
    assert_eq!(with(&twice, &[]), Err(ProofError::Parts));
}

#[test]
fn a_part_of_what_was_seen_is_not_proved_as_all_of_it() {
    for denial in [Denial::Nsec, Denial::NSEC3] {
        // Of what was asked for everything, all but one set is signed.
        spoilt("zone.test ANY", "bogus signature: records", &denial, |answer, _| {
            answer.last_mut().unwrap().rrsigs[0].signature[7] ^= 1;
        });
    }
}

#[test]
fn keys_that_are_signed_twice_are_proved() {
    // Both keys sign the DNSKEY set. Which signature comes first is chance, here that of the seed.
    for seed in 0..8 {
        let tree = Tree::with_two_signatures(&format!("zone {seed}"));
        check(&tree, "zone.test DNSKEY", "secure: records");
    }
}

#[test]
fn a_walk_without_an_anchor_could_not_tell() {
    let tree = Tree::new(Algorithm::Ed25519, &Denial::Nsec);
    let mut settings = tree.settings();
    settings.anchors = Anchors::new(Vec::new());
    let walked = tree.walk_with(&query("www.zone.test A"), settings);
    assert!(matches!(walked.security, Security::Indeterminate(Indeterminate::NoAnchor(_))));
}

#[test] // CVE-2023-50387
fn colliding_keys_cost_little() {
    let tree = Tree::with_look_alikes(300);
    let walked = tree.walk(&query("www.zone.test A"));
    let [_, signatures, _] = walked.spent;
    assert!(signatures < 40, "{signatures} signatures, {}", found(&walked));
    assert_ne!(walked.security, Security::Secure);
}

#[test]
fn a_fault_says_what_was_wrong() {
    let mut tree = Tree::new(Algorithm::Ed25519, &Denial::Nsec);
    tree.spoil(query("www.zone.test A"), |answer, _| answer[0].rrsigs[0].signature[7] ^= 1);
    let walked = tree.walk(&query("www.zone.test A"));
    let Security::Bogus(why) = walked.security else { panic!("{}", walked.security) };
    assert_eq!(
        (why.name, why.rtype, why.fault),
        (name("www.zone.test"), Rtype::A, Fault::Signature)
    );
}
