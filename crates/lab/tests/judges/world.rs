//! What the cases stand in: one root, a parent for each batch, and in each batch a good zone and an unsigned one for
//! aliases to lead to.
//!
//! ```text
//!   .                 Ed25519
//!   └── p000          every algorithm and kind of denial in turn
//!       ├── good      Ed25519, NSEC
//!       ├── plain     unsigned
//!       ├── c00000    a case
//!       └── c00001 …  up to fifty
//! ```

use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_dns::{Dnskey, Ds, Name, Rtype};
use countersign_lab::dns::{Algorithm, Delegation, Denial, Key, Role, Signing, View, Zone};
use jiff::{SignedDuration, Timestamp};

use crate::case::{BATCH, Case, Keys, Link, parent, parent_denial};
use crate::fault;

/// Keys and the root.
pub(crate) struct World {
    keys: BTreeMap<(Algorithm, bool, u32), Key>,
    root: Arc<Zone>,
    /// The data of the DNSKEY record that is trusted.
    pub(crate) anchor: Vec<u8>,
}

/// Cases that are judged together.
pub(crate) struct Batch {
    /// Each with what it looks like.
    pub(crate) cases: Vec<(Case, View)>,
    /// All of them at once.
    pub(crate) view: View,
}

impl World {
    /// With so many batches.
    pub(crate) fn new(batches: u32) -> Self {
        let mut world = Self {
            keys: BTreeMap::new(),
            root: Arc::new(empty(&Name::root())),
            anchor: Vec::new(),
        };
        for algorithm in Algorithm::ALL {
            for (role, which) in [Role::Ksk, Role::Zsk]
                .into_iter()
                .flat_map(|role| (0..=PARENT).map(move |which| (role, which)))
            {
                let seed = seed(algorithm, which);
                let key = Key::new(algorithm, role, &format!("judges {seed}"));
                world.keys.insert((algorithm, role == Role::Ksk, seed), key);
            }
        }
        let mut root = empty(&Name::root());
        for batch in 0..batches {
            let (apex, signing) = (parent(batch), world.parent_signing(batch));
            root.delegate(&delegation(&apex, vec![ds(&apex, &signing.ksks[0].dnskey(), SHA256)]));
        }
        let signing = world.signing(Algorithm::Ed25519, Keys::Single, Denial::Nsec, 0);
        world.root = Arc::new(root.sign(&signing));
        world.anchor = signing.ksks[0].dnskey();
        world
    }

    fn key(&self, algorithm: Algorithm, role: Role, which: u32) -> Key {
        self.keys[&(algorithm, role == Role::Ksk, seed(algorithm, which))].clone()
    }

    /// How a zone with keys of this number is signed.
    pub(crate) fn signing(
        &self,
        algorithm: Algorithm,
        keys: Keys,
        denial: Denial,
        which: u32,
    ) -> Signing {
        let ksk = self.key(algorithm, Role::Ksk, which);
        let second = match algorithm {
            Algorithm::Ed25519 => Algorithm::EcdsaP256Sha256,
            _ => Algorithm::Ed25519,
        };
        let both = vec![ksk.clone(), self.key(second, Role::Ksk, which)];
        let (ksks, zsks) = match keys {
            Keys::Split => (vec![ksk], vec![self.key(algorithm, Role::Zsk, which)]),
            Keys::Single => (vec![ksk.clone()], vec![ksk]),
            Keys::Double => (both.clone(), both),
        };
        let day = SignedDuration::from_hours(24);
        let (inception, expiration) = (now() - day, now() + 30 * day);
        Signing { ksks, zsks, idle: Vec::new(), denial, inception, expiration }
    }

    /// How the zone of a case is signed, by its owner.
    pub(crate) fn own_signing(&self, case: &Case) -> Signing {
        self.signing(case.algorithm, case.keys, case.denial.clone(), case.number % STRANGER)
    }

    /// How somebody else would sign it.
    pub(crate) fn other_signing(&self, case: &Case) -> Signing {
        self.signing(case.algorithm, case.keys, case.denial.clone(), STRANGER)
    }

    fn parent_signing(&self, batch: u32) -> Signing {
        use Algorithm::{EcdsaP256Sha256, EcdsaP384Sha384, Ed25519, RsaSha256};
        // As seldom as it takes long to sign with.
        let algorithm = match batch % 25 {
            0 => RsaSha256,
            1 => EcdsaP384Sha384,
            2..=12 => EcdsaP256Sha256,
            _ => Ed25519,
        };
        self.signing(algorithm, Keys::Split, parent_denial(batch), PARENT)
    }

    /// The cases of a batch.
    pub(crate) fn batch(&self, batch: u32) -> Batch {
        let apex = parent(batch);
        let label = |label: &str| apex.child(label.as_bytes()).expect("it is short");
        let (good, plain) = (with(&label("good"), "www A 192.0.2.7"), label("plain"));
        let good_signing = self.signing(Algorithm::Ed25519, Keys::Single, Denial::Nsec, 0);
        let plain = with(&plain, "www A 192.0.2.8");
        let mut above = empty(&apex);
        let good_ds = ds(good.apex(), &good_signing.ksks[0].dnskey(), SHA256);
        above.delegate(&delegation(good.apex(), vec![good_ds]));
        above.delegate(&delegation(plain.apex(), Vec::new()));
        let mut all = vec![Arc::clone(&self.root)];
        let cases = batch * BATCH..(batch + 1) * BATCH;
        let cases: Vec<(Case, Vec<Arc<Zone>>)> = cases
            .map(|number| {
                let case = Case::of(number);
                let (zones, ds) = self.zones(&case);
                above.delegate(&delegation(&case.apex(), ds));
                (case, zones)
            })
            .collect();
        let above = Arc::new(above.sign(&self.parent_signing(batch)));
        let shared = [&above, &Arc::new(good.sign(&good_signing)), &Arc::new(plain)];
        all.extend(shared.map(Arc::clone));
        let mut view = View { zones: all.clone(), ..View::default() };
        let cases = cases.into_iter().map(|(case, zones)| {
            let forgeries = fault::on_the_way(self, &case, &above);
            view.zones.extend(zones.iter().cloned());
            view.forgeries.extend(forgeries.iter().cloned());
            let zones = all.iter().cloned().chain(zones).collect();
            (case, View { zones, forgeries, ..View::default() })
        });
        Batch { cases: cases.collect(), view }
    }

    /// The zones of a case as they are served, and the DS records above them.
    fn zones(&self, case: &Case) -> (Vec<Arc<Zone>>, Vec<Vec<u8>>) {
        let mut zone = written(case);
        let mut zones = Vec::new();
        if let [_, child] = &case.apexes()[..] {
            let content = with(child, "www A 192.0.2.6");
            if case.question.has_signed_child() {
                let denial = Denial::Nsec;
                let signing = self.signing(case.algorithm, Keys::Single, denial, 0);
                let record = ds(child, &signing.ksks[0].dnskey(), SHA256);
                zone.delegate(&delegation(child, vec![record]));
                zones.push(Arc::new(content.sign(&signing)));
            } else {
                zones.push(Arc::new(content));
            }
        }
        if case.link == Link::Unsigned {
            zones.push(Arc::new(zone));
            return (zones, Vec::new());
        }
        let signed = fault::of_the_zone(self, case, &zone);
        zones.push(Arc::new(signed.zone));
        (zones, self.named(case, &signed.entries))
    }

    /// What the parent says of these keys.
    fn named(&self, case: &Case, entries: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let apex = &case.apex();
        let stranger = self.other_signing(case).ksks[0].dnskey();
        let right =
            |digest| -> Vec<_> { entries.iter().map(|key| ds(apex, key, digest)).collect() };
        let octet = |at: usize, octet: u8| {
            let mut changed = ds(apex, &entries[0], SHA256);
            changed[at] = octet;
            vec![changed]
        };
        let wrong = || {
            let mut changed = ds(apex, &entries[0], SHA256);
            changed[HASH] ^= 1;
            vec![changed]
        };
        match case.link {
            Link::Sha256 => right(SHA256),
            Link::Sha384 => right(SHA384),
            Link::BothDigests => [right(SHA256), right(SHA384)].concat(),
            Link::BesideStranger => [right(SHA256), vec![ds(apex, &stranger, SHA256)]].concat(),
            Link::BesideUnknown => [right(SHA256), octet(ALGORITHM, UNKNOWN)].concat(),
            Link::Sha1 => right(SHA1),
            Link::BesideSha1 => [right(SHA1), right(SHA256)].concat(),
            Link::Sha1BesideWrong => [right(SHA1), wrong()].concat(),
            Link::Stranger => vec![ds(apex, &stranger, SHA256)],
            Link::WrongDigest => wrong(),
            Link::UnknownAlgorithm => octet(ALGORITHM, UNKNOWN),
            Link::Ed448 => octet(ALGORITHM, 16),
            Link::RsaSha1 => octet(ALGORITHM, 5),
            Link::UnknownDigest => octet(DIGEST, UNKNOWN),
            Link::Island | Link::Unsigned => Vec::new(),
        }
    }
}

/// The zone of a case as its owner wrote it, before its child is named.
pub(crate) fn written(case: &Case) -> Zone {
    let records = case.question.records().replace("{parent}", &parent(case.batch()).to_string());
    let others = ["m", "d.e"];
    let others = others[..case.others].iter().map(|other| format!("{other} A 192.0.2.9\n"));
    let text =
        format!("www A 192.0.2.2\nwww A 192.0.2.3\n{records}\n{}", others.collect::<String>());
    with(&case.apex(), &text)
}

fn empty(apex: &Name) -> Zone {
    with(apex, "")
}

/// A zone with these records and a name server.
pub(crate) fn with(apex: &Name, text: &str) -> Zone {
    let text = format!("@ NS ns\nns A 192.0.2.1\n{text}");
    Zone::parse(&apex.to_string(), &text).unwrap()
}

fn delegation(child: &Name, ds: Vec<Vec<u8>>) -> Delegation {
    let server = child.child(b"ns").expect("it is short");
    let servers = vec![(server, vec!["192.0.2.1".parse().expect("it is an address")])];
    Delegation { child: child.clone(), servers, ds }
}

/// The data of the DS record that names this key.
fn ds(zone: &Name, dnskey: &[u8], digest_type: u8) -> Vec<u8> {
    let key = Dnskey::from_rdata(dnskey).expect("it is a key");
    Ds::of(zone, &key, digest_type).expect("it is a digest").rdata()
}

/// The DNSKEY set of a zone.
pub(crate) fn dnskeys(zone: &Zone) -> &[Vec<u8>] {
    zone.rdatas(zone.apex(), Rtype::DNSKEY)
}

/// The time of all cases.
pub(crate) fn now() -> Timestamp {
    "2026-11-28T12:00:00Z".parse().expect("it is a time")
}

/// Keys of RSA take long to make: all owners have the same.
fn seed(algorithm: Algorithm, which: u32) -> u32 {
    match algorithm {
        Algorithm::RsaSha256 if which < STRANGER => 0,
        _ => which,
    }
}

/// Keys of a number below this are owners'; the ones of this number are somebody else's.
const STRANGER: u32 = 3;
/// Those of the zones above.
const PARENT: u32 = 4;
const SHA1: u8 = 1;
const SHA256: u8 = 2;
const SHA384: u8 = 4;
/// Where in a DS record the algorithm stands, the digest type, and the digest (RFC 4034 §5.1).
const ALGORITHM: usize = 2;
const DIGEST: usize = 3;
const HASH: usize = 4;
/// A number that nobody has given to an algorithm or digest yet.
const UNKNOWN: u8 = 200;
