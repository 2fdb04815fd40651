//! A root, `test.` and zones below it, all in one table.

use std::collections::BTreeMap;

use countersign_dns::message::Asking;
use countersign_dns::walk::{Next, Reply, Settings};
use countersign_dns::{
    Anchors, Limits, Message, Name, Query, Rrset, Rtype, SignedRrset, Walk, Walked,
};
use countersign_lab::dns::{
    Algorithm, Delegation, Denial, DsDigest, Signing, Transport, Zone, answer,
};
use jiff::Timestamp;

pub(crate) type Spoil = fn(&mut Vec<SignedRrset>, &mut Vec<SignedRrset>);

pub(crate) struct Tree {
    zones: Vec<Zone>,
    anchor: Rrset,
    spoils: BTreeMap<Query, Spoil>,
    others: BTreeMap<Query, Query>,
    silent: Vec<Query>,
    test: (Zone, Signing),
}

pub(crate) fn now() -> Timestamp {
    "2026-11-28T12:00:00Z".parse().unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// `www.zone.test A`.
pub(crate) fn query(text: &str) -> Query {
    let (name, rtype) = text.split_once(' ').unwrap();
    Query { name: name.parse().unwrap(), rtype: rtype.parse().unwrap() }
}

const ZONE: &str = r#"
@           NS    ns
@           CAA   0 issue "ca.example; accounturi=https://ca.example/1"
ns          A     192.0.2.1
www      60 A     192.0.2.2
www      60 A     192.0.2.3
mail        A     192.0.2.4
a.b.empty   TXT   "two names above have no records"
*.wild      TXT   "any"
*.wild      CAA   0 issue ";"
x.*.star    TXT   "the wildcard exists and has no records"
*.alias     CNAME www
alias       CNAME alias2
alias2      CNAME www
out         CNAME www.other.test.
to-unsigned CNAME www.unsigned
broken      CNAME nowhere
loop        CNAME loop2
loop2       CNAME loop
tree        DNAME wild
secure      NS    ns.secure
secure      DS    1 13 2 00000000000000000000000000000000000000000000000000000000000000ff
ns.secure   A     192.0.2.5
unsigned    NS    ns.unsigned
ns.unsigned A     192.0.2.6
"#;

impl Tree {
    /// All of it signed with this algorithm, `zone.test` with this kind of denial.
    pub(crate) fn new(algorithm: Algorithm, denial: &Denial) -> Self {
        let signing = Signing::new(algorithm, "zone", denial.clone(), now());
        Self::of(algorithm, &signing)
    }

    /// `zone.test` has so many keys that look like the one that is named, and comes before them in nothing.
    pub(crate) fn with_look_alikes(count: u32) -> Self {
        let algorithm = Algorithm::EcdsaP256Sha256;
        let mut signing = Signing::new(algorithm, "zone", Denial::Nsec, now());
        signing.idle = signing.zsks[0].look_alikes(count);
        Self::of(algorithm, &signing)
    }

    /// The keys of `zone.test` are signed by all of them.
    pub(crate) fn with_two_signatures(seed: &str) -> Self {
        let algorithm = Algorithm::Ed25519;
        let mut signing = Signing::new(algorithm, seed, Denial::Nsec, now());
        let zsk = signing.zsks[0].clone();
        signing.ksks.insert(0, zsk);
        Self::of(algorithm, &signing)
    }

    /// `zone.test` has KSKs of these algorithms, all with a DS record, and ZSKs of those.
    #[allow(dead_code, reason = "for the tests, not for the bench")]
    pub(crate) fn with_algorithms(ksks: &[Algorithm], zsks: &[Algorithm]) -> Self {
        let of = |algorithm: &Algorithm| Signing::new(*algorithm, "zone", Denial::Nsec, now());
        let mut signing = of(&ksks[0]);
        signing.ksks = ksks.iter().flat_map(|algorithm| of(algorithm).ksks).collect();
        signing.zsks = zsks.iter().flat_map(|algorithm| of(algorithm).zsks).collect();
        let mut tree = Self::of(ksks[0], &signing);
        let ds = signing.ksks.iter().map(|ksk| ksk.ds(&name("zone.test"), DsDigest::Sha256));
        tree.redelegate(ds.collect());
        tree
    }

    fn of(algorithm: Algorithm, signing: &Signing) -> Self {
        let zone = Zone::parse("zone.test", ZONE).unwrap().sign(signing);
        let other_signing = Signing::single(algorithm, "other", Denial::NSEC3, now());
        let other = Zone::parse("other.test", "@ NS ns\nns A 192.0.2.7\nwww A 192.0.2.8").unwrap();
        let other = other.sign(&other_signing);
        let unsigned =
            Zone::parse("unsigned.zone.test", "@ NS ns\nns A 192.0.2.6\nwww A 192.0.2.9");
        let mut test = Zone::parse("test", "@ NS ns\nns A 192.0.2.10").unwrap();
        test.delegate(&delegation(
            "zone.test",
            vec![signing.ksks.last().unwrap().ds(&name("zone.test"), DsDigest::Sha256)],
        ));
        test.delegate(&delegation(
            "other.test",
            vec![other_signing.ksks[0].ds(&name("other.test"), DsDigest::Sha384)],
        ));
        let test_signing = Signing::new(algorithm, "test", Denial::NSEC3, now());
        let signed_test = test.sign(&test_signing);
        let mut root = Zone::parse(".", "@ NS ns.\nns A 192.0.2.11").unwrap();
        root.delegate(&delegation(
            "test",
            vec![test_signing.ksks[0].ds(&name("test"), DsDigest::Sha256)],
        ));
        let root_signing = Signing::new(algorithm, "root", Denial::Nsec, now());
        let ds = root_signing.ksks[0].ds(&Name::root(), DsDigest::Sha256);
        Self {
            zones: vec![root.sign(&root_signing), signed_test, zone, other, unsigned.unwrap()],
            anchor: Rrset::new(Name::root(), Rtype::DS, 0, &ds).unwrap(),
            spoils: BTreeMap::new(),
            others: BTreeMap::new(),
            silent: Vec::new(),
            test: (test, test_signing),
        }
    }

    /// The DNSKEY set of a `zone.test` that somebody else has signed.
    pub(crate) fn other_keys() -> SignedRrset {
        let signing = Signing::new(Algorithm::Ed25519, "mallory", Denial::Nsec, now());
        let zone = Zone::parse("zone.test", ZONE).unwrap().sign(&signing);
        zone.set(&name("zone.test"), Rtype::DNSKEY).unwrap().clone()
    }

    /// The answer to this is changed on the way.
    pub(crate) fn spoil(&mut self, query: Query, spoil: Spoil) {
        self.spoils.insert(query, spoil);
    }

    /// This is answered as if that had been asked.
    pub(crate) fn answer_as(&mut self, query: Query, other: Query) {
        self.others.insert(query, other);
    }

    /// This is not answered.
    pub(crate) fn silence(&mut self, query: Query) {
        self.silent.push(query);
    }

    /// `test.` has signed these DS records for `zone.test`.
    pub(crate) fn redelegate(&mut self, ds: Vec<Vec<u8>>) {
        self.test.0.delegate(&delegation("zone.test", ds));
        self.zones[1] = self.test.0.sign(&self.test.1);
    }

    /// `test.` denies in this manner.
    #[allow(dead_code, reason = "for the tests, not for the bench")]
    pub(crate) fn deny_above(&mut self, denial: Denial) {
        self.test.1.denial = denial;
        self.zones[1] = self.test.0.sign(&self.test.1);
    }

    pub(crate) fn settings(&self) -> Settings {
        let anchors = Anchors::of_records(std::slice::from_ref(&self.anchor)).unwrap();
        Settings { anchors, limits: Limits::default(), ..Settings::default() }
    }

    pub(crate) fn walk(&self, query: &Query) -> Walked {
        self.walk_with(query, self.settings())
    }

    pub(crate) fn walk_with(&self, query: &Query, settings: Settings) -> Walked {
        let mut walk = Walk::new(query.clone(), settings, now());
        loop {
            let asked = match walk.next() {
                Next::Done(walked) => return walked.clone(),
                Next::Ask(asked) => asked.clone(),
            };
            walk.feed(self.reply(&asked));
        }
    }

    /// What a walk asks for, and what it gets.
    #[allow(dead_code, reason = "for the bench")]
    pub(crate) fn replies(&self, query: &Query) -> BTreeMap<Query, Reply> {
        let mut walk = Walk::new(query.clone(), self.settings(), now());
        while let Next::Ask(asked) = walk.next() {
            let reply = self.reply(asked);
            walk.feed(reply);
        }
        walk.replies().map(|(query, reply)| (query.clone(), reply.clone())).collect()
    }

    fn reply(&self, query: &Query) -> Reply {
        if self.silent.contains(query) {
            return Reply::Failed("silence".to_owned());
        }
        let mut message = self.ask(self.others.get(query).unwrap_or(query));
        if let Some(spoil) = self.spoils.get(query) {
            spoil(&mut message.answer, &mut message.authority);
        }
        Reply::Answer(Box::new(message))
    }

    fn ask(&self, query: &Query) -> Message {
        let asking = Asking {
            id: 7,
            recursion_desired: false,
            checking_disabled: false,
            edns: Some(countersign_dns::message::EdnsAsking {
                udp_payload_max: 1232,
                dnssec_ok: true,
                cookie: None,
            }),
            capitals: Vec::new(),
        };
        let question = Message::parse(&query.to_wire(&asking)).unwrap();
        let reply = answer(&self.zones, query).to_wire(&question, Transport::Tcp);
        Message::parse(&reply).unwrap()
    }
}

fn delegation(child: &str, ds: Vec<Vec<u8>>) -> Delegation {
    let server = name(&format!("ns.{child}"));
    let servers = vec![(server, vec!["192.0.2.1".parse().unwrap()])];
    Delegation { child: name(child), servers, ds }
}
