//! Signing a zone (RFC 4035 §2, RFC 5155 §7.1).

use countersign_dns::{Rrset, Rrsig, Rtype};
use jiff::Timestamp;

use super::chain::{Chain, Denial};
use super::key::{Algorithm, Key, Role};
use super::zone::{Place, Zone};

/// How a zone is signed.
#[derive(Clone, Debug)]
pub struct Signing {
    /// The keys that sign the DNSKEY set.
    pub ksks: Vec<Key>,
    /// The keys that sign all else. A key that is in both lists signs all (CSK).
    pub zsks: Vec<Key>,
    /// Data of further DNSKEY records, whose keys sign nothing.
    pub idle: Vec<Vec<u8>>,
    /// How is proved that something is not there.
    pub denial: Denial,
    /// From when on signatures are valid.
    pub inception: Timestamp,
    /// Until when they are.
    pub expiration: Timestamp,
}

impl Signing {
    /// A KSK and a ZSK from this seed, valid from a day before `now` to a month after it.
    pub fn new(algorithm: Algorithm, seed: &str, denial: Denial, now: Timestamp) -> Self {
        Self {
            ksks: vec![Key::new(algorithm, Role::Ksk, seed)],
            zsks: vec![Key::new(algorithm, Role::Zsk, seed)],
            ..Self::single(algorithm, seed, denial, now)
        }
    }

    /// The same with one key that signs all.
    pub fn single(algorithm: Algorithm, seed: &str, denial: Denial, now: Timestamp) -> Self {
        let csk = Key::new(algorithm, Role::Ksk, seed);
        let day = jiff::SignedDuration::from_hours(24);
        Self {
            ksks: vec![csk.clone()],
            zsks: vec![csk],
            idle: Vec::new(),
            denial,
            inception: now - day,
            expiration: now + 30 * day,
        }
    }

    /// The signature of one key over a set, with these limits of time.
    pub fn rrsig(&self, zone: &Zone, key: &Key, rrset: &Rrset) -> Rrsig {
        let labels = rrset.owner().rrsig_labels();
        let mut rrsig = Rrsig {
            type_covered: rrset.rtype(),
            algorithm: key.algorithm().number(),
            labels: u8::try_from(labels).expect("a name has at most 127 labels"),
            original_ttl_s: rrset.ttl_s(),
            expiration: seconds(self.expiration),
            inception: seconds(self.inception),
            key_tag: key.tag(),
            signer: zone.apex().clone(),
            signature: Vec::new(),
        };
        let data = rrsig.signed_data(rrset).expect("the labels are the owner's");
        rrsig.signature = key.sign(&data);
        rrsig
    }
}

impl Zone {
    /// This zone signed: its records as they are, with keys, proofs and signatures new.
    pub fn sign(&self, signing: &Signing) -> Self {
        let mut zone = self.unsigned();
        zone.put_keys(signing);
        Chain::weave(&mut zone, &signing.denial);
        let unsigned = zone.clone();
        for set in zone.sets_mut() {
            if unsigned.is_signed(&set.rrset) {
                let keys = match set.rrset.rtype() {
                    Rtype::DNSKEY => &signing.ksks,
                    _ => &signing.zsks,
                };
                set.rrsigs =
                    keys.iter().map(|key| signing.rrsig(&unsigned, key, &set.rrset)).collect();
            }
        }
        zone
    }

    fn put_keys(&mut self, signing: &Signing) {
        let ttl_s = self.soa().rrset.ttl_s();
        let keys = signing.ksks.iter().chain(&signing.zsks).map(Key::dnskey);
        for dnskey in keys.chain(signing.idle.iter().cloned()) {
            let record = Rrset::new(self.apex().clone(), Rtype::DNSKEY, ttl_s, &dnskey);
            self.put(record.expect("the data of a DNSKEY record has no form to break"));
        }
    }

    /// Whether the zone answers for this set (RFC 4035 §2.2): not for the NS set of a delegation, nor for glue.
    fn is_signed(&self, rrset: &Rrset) -> bool {
        match self.place(rrset.owner()) {
            Place::Inside => true,
            Place::Cut => [Rtype::DS, Rtype::NSEC].contains(&rrset.rtype()),
            Place::Below(_) => false,
        }
    }
}

/// Seconds since 1970 modulo 2^32 (RFC 4034 §3.1.5).
fn seconds(at: Timestamp) -> u32 {
    let seconds = at.as_second().rem_euclid(1 << 32);
    u32::try_from(seconds).expect("it was reduced")
}
