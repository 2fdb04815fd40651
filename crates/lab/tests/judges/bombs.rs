//! Zones and answers that are made to cost whoever validates them. What they cost is counted, and the same in every
//! run: questions, signatures verified and names hashed, in this order. Of an honest zone all is secure that fits the
//! budget; of a hostile one nothing is.

use std::sync::Arc;

use countersign_dns::denial::Nsec3;
use countersign_dns::message::Message;
use countersign_dns::{Name, Query, Rrset, Rtype, Security, SignedRrset, Walked};
use countersign_lab::dns::{
    Algorithm, Change, Delegation, Denial, DsDigest, Forgery, OptOut, Signing, Transport, View,
    Zone, alias_chain, deepest_name, false_signatures,
};

use crate::ours;
use crate::verdict::asking;
use crate::world::now;

/// A root with one zone below it, `bomb`.
struct Scene {
    zone: Zone,
    signing: Signing,
    /// DS records that are not the zone's.
    others: Vec<Vec<u8>>,
    forgeries: Vec<Forgery>,
}

impl Scene {
    fn new(records: &str, denial: Denial) -> Self {
        let text = format!("@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n{records}");
        // Its signatures are the same in every run.
        let signing = Signing::new(Algorithm::Ed25519, "bomb", denial, now());
        let zone = Zone::parse("bomb", &text).unwrap();
        Self { zone, signing, others: Vec::new(), forgeries: Vec::new() }
    }

    /// What our validator makes of it, after the signed zone was changed.
    fn walk_after(&self, what: &str, change: impl Fn(&mut Zone)) -> Walked {
        let mut zone = self.zone.sign(&self.signing);
        change(&mut zone);
        let child = zone.apex().clone();
        let ds = self.signing.ksks[0].ds(&child, DsDigest::Sha256);
        let ds = self.others.iter().cloned().chain([ds]).collect();
        let mut root = Zone::parse(".", "@ NS ns\nns A 192.0.2.1").unwrap();
        root.delegate(&Delegation { servers: vec![(name("ns.bomb"), Vec::new())], child, ds });
        let signing = Signing::single(Algorithm::Ed25519, "root", Denial::Nsec, now());
        let zones = [root.sign(&signing), zone].map(Arc::new).to_vec();
        let view = View { zones, forgeries: self.forgeries.clone(), ..View::default() };
        ours::walk(&query(what), &signing.ksks[0].dnskey(), |asked| {
            let question = Message::parse(&asked.to_wire(&asking(7))).unwrap();
            let wire = view.reply(asked).to_wire(&question, Transport::Tcp);
            assert!(wire.len() < usize::from(u16::MAX), "{} octets", wire.len());
            wire
        })
    }

    fn walk(&self, what: &str) -> Walked {
        self.walk_after(what, |_| {})
    }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// `www.bomb A`.
fn query(text: &str) -> Query {
    let (owner, rtype) = text.split_once(' ').unwrap();
    Query { name: name(owner), rtype: rtype.parse().unwrap() }
}

#[track_caller]
fn check(walked: &Walked, expected: &str, spent: [u32; 3]) {
    let found = match &walked.security {
        Security::Secure => "secure",
        Security::Insecure(why) => why.as_str(),
        Security::Bogus(why) => why.fault.as_str(),
        Security::Indeterminate(why) => why.as_str(),
    };
    assert_eq!((found, walked.spent), (expected, spent), "{}", walked.security);
}

fn set_of<'a>(zone: &'a mut Zone, owner: &str, rtype: Rtype) -> &'a mut SignedRrset {
    zone.set_mut(&name(owner), rtype).unwrap()
}

/// What an honest answer costs: `www.bomb A`, `bomb DS`, `. DNSKEY` and `bomb DNSKEY`, with a signature each. That of
/// the DS set is verified again when the keys that it names are there.
const HONEST: [u32; 3] = [4, 5, 0];

#[test]
fn an_honest_zone_costs_a_signature_a_set() {
    check(&Scene::new("", Denial::Nsec).walk("www.bomb A"), "secure", HONEST);
}

#[test] // CVE-2023-50387: eight signatures, each with two keys, and no more.
fn key_trap() {
    let mut scene = Scene::new("", Denial::Nsec);
    scene.signing.idle = scene.signing.zsks[0].look_alikes(300);
    let walked = scene.walk_after("www.bomb A", |zone| {
        false_signatures(set_of(zone, "www.bomb", Rtype::A), 300);
    });
    check(&walked, "signature", [4, 4 + 8 * 2, 0]);
    // The keys that sign the keys: only those that the parent names are tried.
    scene.signing.idle = scene.signing.ksks[0].look_alikes(300);
    let walked = scene.walk_after("www.bomb A", |zone| {
        false_signatures(set_of(zone, "bomb", Rtype::DNSKEY), 300);
    });
    check(&walked, "not-named", [4, 3, 0]);
}

#[test] // CVE-2023-50387, with proofs in the place of an answer
fn key_trap_in_proofs() {
    let salted = |salt| Denial::Nsec3 { iterations: 0, salt: vec![salt], opt_out: OptOut::No };
    let mut scene = Scene::new("", salted(0));
    scene.signing.idle = scene.signing.zsks[0].look_alikes(200);
    let trap = |zone: &mut Zone| {
        let proofs = zone.sets_mut().filter(|set| set.rrset.rtype() == Rtype::NSEC3);
        proofs.for_each(|set| false_signatures(set, 20));
    };
    // Each of two sets, with eight signatures and two keys: for the answer, once more when it is asked whether a zone
    // begins there, and for the answer to that.
    check(&scene.walk_after("nowhere.bomb A", trap), "signature", [5, 4 + 3 * (2 * 8 * 2), 0]);
    for salt in 1..4 {
        let signing = Signing { denial: salted(salt), ..scene.signing.clone() };
        let mut zone = scene.zone.sign(&signing);
        trap(&mut zone);
        let change = Change::ProofsToo(Arc::new(zone));
        scene.forgeries.push(Forgery::below(name("nowhere.bomb"), change));
    }
    check(&scene.walk_after("nowhere.bomb A", trap), "signatures", [5, 200, 0]);
}

#[test] // CVE-2023-50868
fn deep_names_with_nsec3() {
    let costly = |salt: u8| Denial::Nsec3 { iterations: 50, salt: vec![salt], opt_out: OptOut::No };
    let mut scene = Scene::new("", costly(0));
    let deepest = deepest_name(&name("bomb"));
    let what = format!("{deepest} A");
    let labels = u32::try_from(deepest.label_count()).unwrap();
    check(&scene.walk(&what), "secure", [4, 6, labels + 1]);
    // Each set of parameters asks for hashes of its own.
    for salt in 1..8 {
        let signing = Signing { denial: costly(salt), ..scene.signing.clone() };
        let change = Change::ProofsToo(Arc::new(scene.zone.sign(&signing)));
        scene.forgeries.push(Forgery::below(deepest.clone(), change));
    }
    // The first chain proves it, so the others are not looked at.
    check(&scene.walk(&what), "secure", [4, 12, labels + 1]);
    // None proves it: each is searched for the closest encloser, which has the SOA record.
    let incomplete = Change::By(|reply| {
        let is_apex = |set: &SignedRrset| {
            Nsec3::of(&set.rrset).is_some_and(|nsec3| nsec3.types.contains(Rtype::SOA))
        };
        reply.proofs.retain(|set| !is_apex(set));
    });
    scene.forgeries.push(Forgery::below(deepest, incomplete));
    check(&scene.walk(&what), "nsec3-hashes", [4, 12, 400]);
}

#[test]
fn a_thousand_aliases() {
    let mut scene = Scene::new("", Denial::Nsec);
    alias_chain(&mut scene.zone, 1000, &name("www.bomb"));
    check(&scene.walk("link0.bomb A"), "aliases", [5, 21, 0]);
    // The last sixteen are followed.
    check(&scene.walk("link984.bomb A"), "secure", [5, 21, 0]);
}

#[test]
fn thousands_of_records() {
    let records = (0..3500).map(|n| format!("many A 10.0.{}.{}\n", n / 250, n % 250));
    let scene = Scene::new(&records.collect::<String>(), Denial::Nsec);
    check(&scene.walk("many.bomb A"), "secure", HONEST);
    let walked = scene.walk_after("many.bomb A", |zone| {
        let set = set_of(zone, "many.bomb", Rtype::A);
        set.rrset.add(Rrset::new(name("many.bomb"), Rtype::A, 60, &[203, 0, 113, 1]).unwrap());
    });
    check(&walked, "signature", HONEST);
}

#[test]
fn hundreds_of_ds_records() {
    let mut scene = Scene::new("", Denial::Nsec);
    let right = scene.signing.ksks[0].ds(&name("bomb"), DsDigest::Sha256);
    scene.others = (0..500_u16)
        .map(|number| {
            let mut wrong = right.clone();
            // In front of the right one.
            wrong[4..8].copy_from_slice(&u32::from(number).to_be_bytes());
            wrong
        })
        .collect();
    check(&scene.walk("www.bomb A"), "not-named", [4, 3, 0]);
}

#[test]
fn keys_of_64_kilobytes() {
    let mut scene = Scene::new("", Denial::Nsec);
    let key = |number: u8| [&[1, 0, 3, 8, 3, 1, 0, 1][..], &[number; 256]].concat();
    scene.signing.idle = (0..230).map(key).collect();
    check(&scene.walk("www.bomb A"), "secure", HONEST);
    // All with the tag of the one that signs.
    scene.signing.idle = scene.signing.zsks[0].look_alikes(1300);
    check(&scene.walk("www.bomb A"), "signature", [4, 4 + 2, 0]);
}
