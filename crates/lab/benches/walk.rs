//! What a walk costs beside the signatures that it verifies.
//!
//! `cargo bench -p countersign-lab --bench walk`. Expected before it was measured: 1.05 times the signatures alone with
//! P-256, 1.3 times with RSA, whose signatures are verified so fast that hashing names and keys counts; the root zone
//! in 60 ms.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]
#![allow(clippy::unwrap_used, reason = "a bench ends where its world is not as it made it")]

#[allow(dead_code, reason = "shared with the tests")]
#[path = "../tests/walk/tree.rs"]
mod tree;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use countersign_dns::message::Message;
use countersign_dns::proof::Link;
use countersign_dns::walk::{Next, Reply, Settings, Walked};
use countersign_dns::{
    Algorithms, Dnskey, Name, Query, Rtype, Security, SignedRrset, Walk, zone_text,
};
use countersign_lab::dns::{Algorithm, Denial};
use jiff::Timestamp;

use tree::{Tree, now, query};

const ROUNDS: u32 = 15;

fn main() {
    println!("{:<30} {:>12} {:>12} {:>7}  target", "", "walk", "signatures", "ratio");
    let algorithms = [Algorithm::RsaSha256, Algorithm::EcdsaP256Sha256, Algorithm::Ed25519];
    for algorithm in algorithms {
        for (what, denial) in [
            ("www.zone.test A", Denial::Nsec),
            ("nowhere.zone.test CAA", Denial::Nsec),
            ("nowhere.zone.test CAA", Denial::NSEC3),
        ] {
            let tree = Tree::new(algorithm, &denial);
            let memory = Memory::of(&tree, &query(what));
            let checks = checks(&memory.walk());
            let (walk, alone) = compare(
                || assert_eq!(memory.walk().security, Security::Secure),
                || assert!(checks.iter().all(Check::verifies)),
                200,
            );
            let kind = if denial == Denial::Nsec { "NSEC" } else { "NSEC3" };
            let title =
                format!("{} {kind}, {}", algorithm.number(), what.split_once('.').unwrap().0);
            print(&title, walk, alone, Some(1.3));
        }
    }
    root_zone();
}

fn print(what: &str, walk_s: f64, alone_s: f64, target: Option<f64>) {
    let ratio = walk_s / alone_s;
    let met = target.map_or(String::new(), |target| {
        format!("< {target} {}", if ratio < target { "met" } else { "MISSED" })
    });
    let (walk_us, alone_us) = (walk_s * 1e6, alone_s * 1e6);
    println!("{what:<30} {walk_us:>9.1} µs {alone_us:>9.1} µs {ratio:>6.2}x  {met}");
}

/// Seconds for each, the best of some rounds that are run in turn.
fn compare(mut one: impl FnMut(), mut two: impl FnMut(), times: u32) -> (f64, f64) {
    let mut best = (f64::MAX, f64::MAX);
    let seconds = |run: &mut dyn FnMut()| {
        let started = Instant::now();
        (0..times).for_each(|_| run());
        started.elapsed().as_secs_f64() / f64::from(times)
    };
    for _ in 0..ROUNDS {
        best.0 = best.0.min(seconds(&mut one));
        best.1 = best.1.min(seconds(&mut two));
    }
    best
}

/// The answers that one walk asks for.
struct Memory {
    query: Query,
    settings: Settings,
    replies: BTreeMap<Query, Reply>,
}

impl Memory {
    fn of(tree: &Tree, query: &Query) -> Self {
        let replies = tree.replies(query);
        Self { query: query.clone(), settings: tree.settings(), replies }
    }

    fn walk(&self) -> Walked {
        let mut walk = Walk::new(self.query.clone(), self.settings.clone(), now());
        loop {
            let reply = match walk.next() {
                Next::Done(walked) => return walked.clone(),
                Next::Ask(asked) => self.replies[asked].clone(),
            };
            walk.feed(reply);
        }
    }
}

/// One signature to verify.
struct Check {
    key: Dnskey,
    link: Link,
}

impl Check {
    fn verifies(&self) -> bool {
        let Link { signed_data, signature } = &self.link;
        Algorithms::Current.verify(self.key.algorithm, &self.key.key, signed_data, signature)
    }
}

/// The signatures that a walk rests on, with their keys.
fn checks(walked: &Walked) -> Vec<Check> {
    let keys = |step: usize| {
        let sets = walked.steps[step].links.iter().filter_map(Link::read);
        sets.flat_map(|(_, set)| set.rdatas().to_vec())
            .filter_map(|rdata| Dnskey::from_rdata(&rdata))
            .collect::<Vec<_>>()
    };
    let mut checks = Vec::new();
    for (at, step) in walked.steps.iter().enumerate() {
        let by = if step.about.rtype == Rtype::DNSKEY { at } else { step.parent.unwrap() };
        for link in &step.links {
            let (rrsig, _) = link.read().unwrap();
            let key = keys(by).into_iter().find(|key| key.tag() == rrsig.key_tag).unwrap();
            checks.push(Check { key, link: link.clone() });
        }
    }
    checks
}

/// All 1,067 signed sets of the root zone of 2014-06-25, each by a walk of its own.
fn root_zone() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/vectors/dnssec/root-2014-06-25.zone.xz");
    let Ok(unpacked) = Command::new("xz").arg("-dc").arg(path).output() else { return };
    let text = String::from_utf8(unpacked.stdout).unwrap();
    let sets = zone_text::signed_rrsets(&text, &Name::root()).unwrap();
    let signed: Vec<SignedRrset> = sets.into_iter().filter(|set| !set.rrsigs.is_empty()).collect();
    let keys = signed.iter().find(|set| set.rrset.rtype() == Rtype::DNSKEY).unwrap().clone();
    let at: Timestamp = "2014-06-26T00:00:00Z".parse().unwrap();
    let replies: Vec<_> = signed
        .iter()
        .map(|set| {
            let query = Query { name: set.rrset.owner().clone(), rtype: set.rrset.rtype() };
            (query, answer(set))
        })
        .collect();
    let keys = answer(&keys);
    let walk_all = || {
        for (query, reply) in &replies {
            let mut walk = Walk::new(query.clone(), Settings::default(), at);
            while let Next::Ask(asked) = walk.next() {
                let reply = if asked == query { reply } else { &keys };
                walk.feed(reply.clone());
            }
            let Next::Done(walked) = walk.next() else { unreachable!() };
            assert_eq!(black_box(walked).security, Security::Secure);
        }
    };
    let started = Instant::now();
    walk_all();
    let first_s = started.elapsed().as_secs_f64();
    let (best_s, _) = compare(walk_all, || (), 1);
    let met = if best_s < 0.15 { "met" } else { "MISSED" };
    println!(
        "root zone of 2014, {} sets: {:.1} ms, the first time {:.1} ms  < 150 ms {met}",
        signed.len(),
        best_s * 1e3,
        first_s * 1e3
    );
}

fn answer(set: &SignedRrset) -> Reply {
    let query = Query { name: set.rrset.owner().clone(), rtype: set.rrset.rtype() };
    let asking = countersign_dns::message::Asking {
        id: 0,
        recursion_desired: false,
        checking_disabled: false,
        edns: None,
        capitals: Vec::new(),
    };
    let mut message = Message::parse(&query.to_wire(&asking)).unwrap();
    message.answer = vec![set.clone()];
    Reply::Answer(Box::new(message))
}
