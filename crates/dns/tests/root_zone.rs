//! The whole signed root zone of 2014-06-25, as of the day after (the vectors say where it is from).

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use countersign_dns::message::Message;
use countersign_dns::proof::Proof;
use countersign_dns::security::{Fault, Security};
use countersign_dns::walk::{Next, Outcome, Reply, Settings};
use countersign_dns::{Name, Query, Rtype, SignedRrset, Walk, Walked, zone_text};
use jiff::Timestamp;

struct Zone(BTreeMap<(Name, Rtype), SignedRrset>);

impl Zone {
    /// `None` where the vectors are not there, which is an error in CI.
    fn read() -> Option<Self> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/vectors/dnssec/root-2014-06-25.zone.xz");
        if !path.exists() {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "no vectors");
            eprintln!("skipped: no vectors");
            return None;
        }
        let unpacked = Command::new("xz").arg("-dc").arg(path).output().unwrap();
        assert!(unpacked.status.success());
        let text = String::from_utf8(unpacked.stdout).unwrap();
        let sets = zone_text::signed_rrsets(&text, &Name::root()).unwrap();
        let key = |set: &SignedRrset| (set.rrset.owner().clone(), set.rrset.rtype());
        Some(Self(sets.into_iter().map(|set| (key(&set), set)).collect()))
    }

    /// As a server of the zone answers, with the NSEC records that it needs if there is nothing.
    fn answer(&self, query: &Query) -> Message {
        let answer: Vec<_> =
            self.0.get(&(query.name.clone(), query.rtype)).cloned().into_iter().collect();
        let before = |name: &Name| {
            let mut nsecs = self.0.values().filter(|set| set.rrset.rtype() == Rtype::NSEC);
            nsecs.rfind(|set| set.rrset.owner() <= name).cloned()
        };
        let wildcard = Name::root().wildcard().unwrap();
        let authority = match answer.is_empty() {
            true => [&query.name, &wildcard].into_iter().filter_map(before).collect(),
            false => Vec::new(),
        };
        Message::authoritative(answer, authority)
    }

    fn walk(&self, name: &Name, rtype: Rtype, at: &str) -> Walked {
        let mut walk = Walk::new(query(name, rtype), Settings::default(), time(at));
        loop {
            let query = match walk.next() {
                Next::Done(walked) => return walked.clone(),
                Next::Ask(query) => query.clone(),
            };
            walk.feed(Reply::Answer(Box::new(self.answer(&query))));
        }
    }
}

fn query(name: &Name, rtype: Rtype) -> Query {
    Query { name: name.clone(), rtype }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const DAY: &str = "2014-06-26T00:00:00Z";

#[test]
fn every_signed_set_is_secure_and_proved() {
    let Some(zone) = Zone::read() else { return };
    let mut secure = 0;
    for ((name, rtype), set) in zone.0.iter().filter(|(_, set)| !set.rrsigs.is_empty()) {
        let walked = zone.walk(name, *rtype, DAY);
        assert_eq!(walked.security, Security::Secure, "{rtype} of {name}");
        assert_eq!(walked.hops[0].outcome, Outcome::Records(vec![set.rrset.clone()]));
        secure += 1;
        let proof =
            Proof::of(&query(name, *rtype), &walked, &Settings::default(), time(DAY)).unwrap();
        assert_eq!(Proof::parse(&proof.to_bytes()).as_ref(), Ok(&proof));
        let verified = proof.verify(&Settings::default(), None).unwrap();
        assert_eq!((verified.security, verified.hops), (walked.security, walked.hops));
    }
    // The DS sets and the NSEC sets, 1,064 as others have counted, and SOA, NS and DNSKEY of the root.
    assert_eq!(secure, 434 + 630 + 3);
}

#[test]
fn what_is_not_there_is_denied() {
    let Some(zone) = Zone::read() else { return };
    let check = |name: &str, rtype: Rtype, outcome: Outcome| {
        let name = name.parse().unwrap();
        let walked = zone.walk(&name, rtype, DAY);
        assert_eq!(
            (walked.security.clone(), &walked.hops[0].outcome),
            (Security::Secure, &outcome)
        );
        let proof = Proof::of(&query(&name, rtype), &walked, &Settings::default(), time(DAY));
        let verified = proof.unwrap().verify(&Settings::default(), None).unwrap();
        assert_eq!(verified.hops, walked.hops);
    };
    check(".", Rtype::CAA, Outcome::NoData);
    check("xn--unheard-of", Rtype::A, Outcome::NoName);
    check("a.b.xn--unheard-of", Rtype::DS, Outcome::NoName);
    // A delegation that had no DS record then.
    check("ae.", Rtype::DS, Outcome::NoData);
}

#[test]
fn at_other_times_it_is_not_believed() {
    let Some(zone) = Zone::read() else { return };
    let fault = |at: &str| match zone.walk(&Name::root(), Rtype::SOA, at).security {
        Security::Bogus(why) => Some(why.fault),
        _ => None,
    };
    assert!(matches!(fault("2014-08-26T00:00:00Z"), Some(Fault::Expired(_))));
    assert!(matches!(fault("2014-05-26T00:00:00Z"), Some(Fault::NotYetValid(_))));
    // Another key is trusted by then.
    assert!(matches!(fault("2020-05-26T00:00:00Z"), Some(Fault::NotNamed)));
    assert_eq!(fault(DAY), None);
}
