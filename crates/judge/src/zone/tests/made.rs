//! A root, a zone `example.` below it, and below that `a.example.`, signed and well in order.

use std::collections::BTreeMap;

use aws_lc_rs::signature::Ed25519KeyPair;
use countersign_dns::anchor::AnchorKey;
use countersign_dns::walk::{Next, Reply, Settings, Walked};
use countersign_dns::{
    Anchor, Anchors, Dnskey, Ds, Message, Name, Query, Rrset, Rrsig, Rtype, SignedRrset, Walk,
    zone_text,
};
use jiff::Timestamp;

use crate::zone::{APEX, DELEGATION, Probe, ServerView, ZoneView};

pub(super) const DAY_S: i64 = 24 * 60 * 60;

pub(super) fn now() -> Timestamp {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// One record of `a.example.`, from a line of a zone file.
pub(super) fn record(text: &str) -> Rrset {
    zone_text::records(text, &name("a.example")).unwrap().remove(0)
}

/// A set of all records in the text.
pub(super) fn rrset(text: &str) -> Rrset {
    let mut records = zone_text::records(text, &name("a.example")).unwrap().into_iter();
    let mut set = records.next().unwrap();
    records.for_each(|record| set.add(record));
    set
}

/// A zone with its one key.
pub(super) struct Signer {
    pub(super) zone: Name,
    pair: Ed25519KeyPair,
    pub(super) key: Dnskey,
}

impl Signer {
    pub(super) fn new(zone: &str, seed: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let key = aws_lc_rs::signature::KeyPair::public_key(&pair).as_ref().to_vec();
        let key = Dnskey { flags: 257, protocol: 3, algorithm: 15, key };
        Self { zone: name(zone), pair, key }
    }

    /// The set, signed from a day ago for ten days.
    pub(super) fn sign(&self, set: Rrset) -> SignedRrset {
        self.sign_during(set, -DAY_S, 9 * DAY_S)
    }

    /// The set, signed from and until so many seconds after now.
    pub(super) fn sign_during(&self, set: Rrset, from_s: i64, until_s: i64) -> SignedRrset {
        let at = |seconds| u32::try_from(now().as_second() + seconds).unwrap();
        let mut rrsig = Rrsig {
            type_covered: set.rtype(),
            algorithm: self.key.algorithm,
            labels: u8::try_from(set.owner().rrsig_labels()).unwrap(),
            original_ttl_s: set.ttl_s(),
            expiration: at(until_s),
            inception: at(from_s),
            key_tag: self.key.tag(),
            signer: self.zone.clone(),
            signature: Vec::new(),
        };
        rrsig.signature = self.pair.sign(&rrsig.signed_data(&set).unwrap()).as_ref().to_vec();
        SignedRrset { rrset: set, rrsigs: vec![rrsig] }
    }

    pub(super) fn keys(&self) -> SignedRrset {
        let zone = self.zone.clone();
        self.sign(Rrset::new(zone, Rtype::DNSKEY, 3600, &self.key.rdata()).unwrap())
    }

    pub(super) fn ds(&self) -> Rrset {
        let ds = Ds::of(&self.zone, &self.key, 2).unwrap();
        Rrset::new(self.zone.clone(), Rtype::DS, 3600, &ds.rdata()).unwrap()
    }
}

pub(super) fn root() -> Signer {
    Signer::new(".", 1)
}

pub(super) fn parent() -> Signer {
    Signer::new("example", 2)
}

pub(super) fn zone() -> Signer {
    Signer::new("a.example", 3)
}

pub(super) fn soa() -> Rrset {
    record("@ 3600 SOA hidden.b.example. host 7 3600 600 86400 300")
}

pub(super) fn ns() -> Rrset {
    rrset("@ 3600 NS ns1.one.example.\n@ 3600 NS ns2.two.test.")
}

/// What a server of `a.example.` says about its apex.
fn apex(rtype: Rtype) -> Message {
    let zone = zone();
    let set = match rtype {
        Rtype::SOA => zone.sign(soa()),
        Rtype::NS => zone.sign(ns()),
        Rtype::DNSKEY => zone.keys(),
        Rtype::CAA => zone.sign(record("@ 3600 CAA 0 issue \"ca.example\"")),
        _ => return Message::authoritative(Vec::new(), vec![zone.sign(soa()), zone.sign(nsec())]),
    };
    Message::authoritative(vec![set], Vec::new())
}

/// Denies all names up to `www`.
pub(super) fn nsec() -> Rrset {
    record("@ 300 NSEC www NS SOA RRSIG NSEC DNSKEY CAA")
}

/// What a server of the parent says about the delegation.
fn delegation(rtype: Rtype) -> Message {
    if rtype == Rtype::DS {
        return Message::authoritative(vec![parent().sign(zone().ds())], Vec::new());
    }
    let set = SignedRrset { rrset: ns(), rrsigs: Vec::new() };
    let mut referral = Message::authoritative(Vec::new(), vec![set]);
    referral.flags.authoritative = false;
    referral
}

/// Walks to what this server and those above it say.
pub(super) fn walk(rtype: Rtype, server: &ServerView) -> Walked {
    let key = AnchorKey::Dnskey(root().key);
    let anchors = Anchors::new(vec![Anchor { zone: Name::root(), key, during: (None, None) }]);
    let settings = Settings { anchors, ..Settings::default() };
    let mut walk = Walk::new(Query { name: zone().zone, rtype }, settings, now());
    loop {
        let query = match walk.next() {
            Next::Done(walked) => return walked.clone(),
            Next::Ask(query) => query.clone(),
        };
        let message = match (query.name.label_count(), query.rtype) {
            (0, _) => Message::authoritative(vec![root().keys()], Vec::new()),
            (1, Rtype::DS) => Message::authoritative(vec![root().sign(parent().ds())], Vec::new()),
            (1, _) => Message::authoritative(vec![parent().keys()], Vec::new()),
            (_, Rtype::DS) => delegation(Rtype::DS),
            (_, rtype) => server.answers[&rtype].clone().unwrap(),
        };
        walk.feed(Reply::Answer(Box::new(message)));
    }
}

pub(super) const RANDOM: [&str; 2] = ["k7w2q9x4m1z8v5b3n6", "p3d8f1h6j2l9r4t7y5"];

fn server(host: &str, address: &str) -> ServerView {
    let probe = |(label, after_s): (&str, i64)| {
        let mut answer =
            Message::authoritative(Vec::new(), vec![zone().sign(soa()), zone().sign(nsec())]);
        answer.rcode = 3;
        Probe {
            name: zone().zone.child(label.as_bytes()).unwrap(),
            asked_at: Timestamp::from_second(now().as_second() + after_s).unwrap(),
            answer: Ok(answer),
        }
    };
    ServerView {
        name: name(host),
        address: address.parse().unwrap(),
        answers: APEX.into_iter().map(|rtype| (rtype, Ok(apex(rtype)))).collect(),
        probes: RANDOM.into_iter().zip([0, 5]).map(probe).collect(),
    }
}

fn parents_server(host: &str, address: &str) -> ServerView {
    ServerView {
        answers: DELEGATION.into_iter().map(|rtype| (rtype, Ok(delegation(rtype)))).collect(),
        probes: Vec::new(),
        ..server(host, address)
    }
}

/// All is well.
pub(super) fn healthy() -> ZoneView {
    let servers =
        vec![server("ns1.one.example", "192.0.2.1"), server("ns2.two.test", "2001:db8::2")];
    ZoneView {
        zone: zone().zone,
        parent: Some(parent().zone),
        now: now(),
        walks: BTreeMap::new(),
        parents: vec![
            parents_server("a.nic.example", "192.0.2.11"),
            parents_server("b.nic.example", "192.0.2.12"),
        ],
        servers,
        upstream: None,
        unseen: Vec::new(),
    }
    .walked()
}

impl ZoneView {
    /// With walks to what the first server says.
    pub(super) fn walked(mut self) -> Self {
        let walk = |rtype| (rtype, walk(rtype, &self.servers[0]));
        self.walks = APEX.into_iter().map(walk).collect();
        self
    }

    /// Has all servers of the zone say this about its apex.
    pub(super) fn say(&mut self, set: &SignedRrset) {
        for server in &mut self.servers {
            server.say(set);
        }
    }
}

impl ServerView {
    /// Has it say this about the apex or the delegation.
    pub(super) fn say(&mut self, set: &SignedRrset) {
        let rtype = set.rrset.rtype();
        self.answers.insert(rtype, Ok(Message::authoritative(vec![set.clone()], Vec::new())));
    }

    /// Changes an answer.
    pub(super) fn change(&mut self, rtype: Rtype, change: impl FnOnce(&mut Message)) {
        change(self.answers.get_mut(&rtype).unwrap().as_mut().unwrap());
    }
}
