//! What ldns and BIND say of zones as they are printed.

use std::fs;

use super::oracle::{present, printed, run};
use super::*;

/// Both programs accept, or refuse, this zone.
#[track_caller]
fn check(zone: &Zone, is_good: bool) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("zone"), zone.to_string()).unwrap();
    let apex = zone.apex().to_string();
    for (program, args) in
        [("ldns-verify-zone", &["zone"][..]), ("dnssec-verify", &["-z", "-q", "-o", &apex, "zone"])]
    {
        if !present(&[program]) {
            continue;
        }
        let output = run(program, folder.path(), args);
        assert_eq!(output.status.success(), is_good, "{program}: {}\n{zone}", printed(&output));
    }
}

#[test]
fn others_accept_zones_of_every_algorithm_and_denial() {
    for algorithm in Algorithm::ALL {
        for denial in denials() {
            check(&manifold().sign(&Signing::new(algorithm, "zone", denial, now())), true);
        }
    }
}

#[test]
fn others_accept_the_usual_tree() {
    let tree = Tree::new(now());
    for apex in tree.apexes().map(ToString::to_string) {
        if tree.signing(&apex).is_some() {
            check(&tree.zone(&apex), true);
        }
    }
}

#[test]
fn others_accept_a_zone_with_one_key() {
    let signing = Signing::single(Algorithm::Ed25519, "zone", Denial::NSEC3, now());
    check(&manifold().sign(&signing), true);
}

#[test]
fn others_accept_the_smallest_zones() {
    for apex in [".", "test", "zone.test"] {
        for denial in denials() {
            let zone = Zone::parse(apex, "@ NS ns.elsewhere.").unwrap();
            check(&zone.sign(&Signing::new(Algorithm::Ed25519, apex, denial, now())), true);
        }
    }
}

#[test]
fn others_refuse_what_was_changed_after_it_was_signed() {
    let signed =
        manifold().sign(&Signing::new(Algorithm::EcdsaP256Sha256, "zone", Denial::Nsec, now()));
    let mut changed = signed.clone();
    changed.add("www 60 A 192.0.2.66").unwrap();
    check(&changed, false);
    let mut less = signed;
    less.set_mut(&name("www.zone.test"), Rtype::A).unwrap().rrsigs.clear();
    check(&less, false);
}

#[test]
fn zones_are_printed_as_they_are_read() {
    let signed = manifold().sign(&Signing::new(Algorithm::Ed25519, "zone", Denial::Nsec, now()));
    let read = Zone::parse("zone.test", &signed.to_string()).unwrap();
    assert_eq!(read.unsigned(), manifold());
    assert!(matches!(Zone::parse("a..b", ""), Err(ZoneError::Apex(_))));
    assert!(matches!(Zone::parse("a", "@ A 1"), Err(ZoneError::Text { .. })));
    assert!(matches!(Zone::parse("a", "b. A 192.0.2.1"), Err(ZoneError::Outside { .. })));
    assert!(matches!(Zone::parse("a", "$INCLUDE b"), Err(ZoneError::Include)));
}

#[test]
fn look_alikes_and_namesakes_have_the_tag() {
    for algorithm in Algorithm::ALL {
        let key = Key::new(algorithm, Role::Zsk, "zone");
        let look_alikes = key.look_alikes(100);
        for look_alike in &look_alikes {
            assert_eq!(key_tag(look_alike), key.tag());
            assert_eq!(look_alike.len(), key.dnskey().len());
        }
        let different: std::collections::BTreeSet<_> = look_alikes.iter().collect();
        assert_eq!(different.len(), 100);
    }
    let [key, namesake] = Key::namesakes(Algorithm::EcdsaP256Sha256, Role::Zsk, "zone");
    assert_eq!(namesake.tag(), key.tag());
    let mut signing = Signing::new(Algorithm::EcdsaP256Sha256, "zone", Denial::Nsec, now());
    (signing.zsks, signing.idle) = (vec![key], vec![namesake.dnskey()]);
    check(&manifold().sign(&signing), true);
}
