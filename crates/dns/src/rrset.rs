//! Sets of records, the unit that is signed, and their signatures.

use domain::base::iana::Rtype;

use crate::name::Name;
use crate::rdata::Canonical;

/// The records of class IN that have one owner and one type (RFC 2181 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rrset {
    owner: Name,
    rtype: Rtype,
    ttl_s: u32,
    /// In canonical form and order, none twice (RFC 4034 §6.3). Never empty.
    rdatas: Vec<Vec<u8>>,
}

impl Rrset {
    /// A set of one record; `None` if its data is malformed.
    pub fn new(owner: Name, rtype: Rtype, ttl_s: u32, rdata: &[u8]) -> Option<Self> {
        let rdata = Canonical::of(rtype, rdata)?;
        Some(Self::canonical(owner, rtype, ttl_s, rdata))
    }

    pub(crate) fn canonical(owner: Name, rtype: Rtype, ttl_s: u32, rdata: Vec<u8>) -> Self {
        Self { owner, rtype, ttl_s, rdatas: vec![rdata] }
    }

    /// Takes another record of the same owner and type. Of different times to live the shortest counts.
    pub fn add(&mut self, other: Self) {
        debug_assert_eq!((&self.owner, self.rtype), (&other.owner, other.rtype));
        self.ttl_s = self.ttl_s.min(other.ttl_s);
        for rdata in other.rdatas {
            if let Err(at) = self.rdatas.binary_search(&rdata) {
                self.rdatas.insert(at, rdata);
            }
        }
    }

    /// The name that they belong to.
    pub fn owner(&self) -> &Name {
        &self.owner
    }

    /// Their type.
    pub fn rtype(&self) -> Rtype {
        self.rtype
    }

    /// How long they may be kept, in seconds, by their own words.
    pub fn ttl_s(&self) -> u32 {
        self.ttl_s
    }

    /// The data of each record, in canonical form and order, at least one.
    pub fn rdatas(&self) -> &[Vec<u8>] {
        &self.rdatas
    }

    /// The name that the only record holds, of a type that holds nothing else, such as CNAME. `None` if there are
    /// more.
    pub fn target(&self) -> Option<Name> {
        match &self.rdatas[..] {
            [only] => Name::from_wire(only).ok(),
            _ => None,
        }
    }
}

/// The data of an RRSIG record (RFC 4034 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rrsig {
    /// Type Covered.
    pub type_covered: Rtype,
    /// Algorithm.
    pub algorithm: u8,
    /// Labels: of the name that was signed, which has a `*` in front if the owner has more.
    pub labels: u8,
    /// Original TTL, in seconds.
    pub original_ttl_s: u32,
    /// Signature Expiration, in seconds since 1970 modulo 2^32.
    pub expiration: u32,
    /// Signature Inception, likewise.
    pub inception: u32,
    /// Key Tag.
    pub key_tag: u16,
    /// Signer's Name: the apex of the zone whose key signed.
    pub signer: Name,
    /// Signature.
    pub signature: Vec<u8>,
}

impl Rrsig {
    /// Reads the data of a record; `None` if it is malformed.
    pub fn from_rdata(rdata: &[u8]) -> Option<Self> {
        let (fixed, rest) = rdata.split_first_chunk::<18>()?;
        let (signer, signature) = Name::read(rest).ok()?;
        let u16_at = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let u32_at = |at: usize| {
            u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]])
        };
        Some(Self {
            type_covered: Rtype::from_int(u16_at(0)),
            algorithm: fixed[2],
            labels: fixed[3],
            original_ttl_s: u32_at(4),
            expiration: u32_at(8),
            inception: u32_at(12),
            key_tag: u16_at(16),
            signer,
            signature: signature.to_vec(),
        })
    }

    /// The data of the record without the signature, in canonical form.
    pub fn unsigned_rdata(&self) -> Vec<u8> {
        let mut rdata = Vec::with_capacity(18 + self.signer.wire().len());
        rdata.extend(self.type_covered.to_int().to_be_bytes());
        rdata.extend([self.algorithm, self.labels]);
        rdata.extend(self.original_ttl_s.to_be_bytes());
        rdata.extend(self.expiration.to_be_bytes());
        rdata.extend(self.inception.to_be_bytes());
        rdata.extend(self.key_tag.to_be_bytes());
        rdata.extend(self.signer.wire());
        rdata
    }

    /// The data of the record.
    pub fn rdata(&self) -> Vec<u8> {
        [self.unsigned_rdata(), self.signature.clone()].concat()
    }

    /// The name that was signed: the owner, or the wildcard that it was made from (RFC 4035 §5.3.2). `None` if the
    /// owner has fewer labels than were signed.
    pub fn signed_name(&self, owner: &Name) -> Option<Name> {
        let labels = usize::from(self.labels);
        match owner.rrsig_labels() {
            has if has < labels => None,
            has if has == labels => Some(owner.clone()),
            _ => owner.ancestor(labels).wildcard(),
        }
    }

    /// What was signed (RFC 4034 §3.1.8.1), for the set of this owner; `None` as for [`Rrsig::signed_name`].
    pub fn signed_data(&self, rrset: &Rrset) -> Option<Vec<u8>> {
        let name = self.signed_name(&rrset.owner)?;
        let mut data = self.unsigned_rdata();
        for rdata in &rrset.rdatas {
            data.extend(name.wire());
            data.extend(rrset.rtype.to_int().to_be_bytes());
            data.extend(CLASS_IN);
            data.extend(self.original_ttl_s.to_be_bytes());
            let length = u16::try_from(rdata.len()).ok()?;
            data.extend(length.to_be_bytes());
            data.extend(rdata);
        }
        Some(data)
    }
}

/// RFC 1035 §3.2.4.
pub(crate) const CLASS_IN: [u8; 2] = [0, 1];

/// Records with what came as their signatures. Nothing of it was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRrset {
    /// The records.
    pub rrset: Rrset,
    /// The signatures that cover their type.
    pub rrsigs: Vec<Rrsig>,
}

/// Puts records together, and signatures to what they cover. A signature that covers nothing here is left out; as
/// records of their own, of the type RRSIG, all of them are there, too.
pub(crate) fn group(records: impl IntoIterator<Item = Rrset>) -> Vec<SignedRrset> {
    let mut sets: Vec<SignedRrset> = Vec::new();
    // Of a message with thousands of records each would otherwise be compared with all others.
    let mut places = std::collections::HashMap::new();
    for record in records {
        let key = (record.owner.clone(), record.rtype);
        match places.get(&key) {
            Some(&at) => {
                let set: &mut SignedRrset = &mut sets[at];
                set.rrset.add(record);
            }
            None => {
                places.insert(key, sets.len());
                sets.push(SignedRrset { rrset: record, rrsigs: Vec::new() });
            }
        }
    }
    for at in 0..sets.len() {
        if sets[at].rrset.rtype != Rtype::RRSIG {
            continue;
        }
        let owner = sets[at].rrset.owner.clone();
        let rrsigs: Vec<_> =
            sets[at].rrset.rdatas.iter().filter_map(|rdata| Rrsig::from_rdata(rdata)).collect();
        for rrsig in rrsigs {
            if let Some(&covered) = places.get(&(owner.clone(), rrsig.type_covered)) {
                sets[covered].rrsigs.push(rrsig);
            }
        }
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn record(owner: &str, rtype: Rtype, rdata: &[u8]) -> Rrset {
        Rrset::new(name(owner), rtype, 60, rdata).unwrap()
    }

    fn rrsig(labels: u8) -> Rrsig {
        Rrsig {
            type_covered: Rtype::A,
            algorithm: 13,
            labels,
            original_ttl_s: 3600,
            expiration: 2,
            inception: 1,
            key_tag: 7,
            signer: name("example"),
            signature: vec![9],
        }
    }

    #[test] // RFC 4034 §6.3
    fn records_are_sorted_and_none_is_there_twice() {
        let mut set = record("A.example", Rtype::A, &[2; 4]);
        set.add(record("a.example", Rtype::A, &[1; 4]));
        set.add(record("a.example", Rtype::A, &[2; 4]));
        assert_eq!(set.rdatas(), [vec![1; 4], vec![2; 4]]);
    }

    #[test]
    fn signatures_find_what_they_cover() {
        let records = [
            record("a.example", Rtype::RRSIG, &rrsig(2).rdata()),
            record("a.example", Rtype::A, &[1; 4]),
            record("b.example", Rtype::A, &[1; 4]),
        ];
        let sets = group(records);
        assert_eq!(sets[1].rrsigs, [rrsig(2)]);
        assert_eq!(sets[2].rrsigs, []);
        assert_eq!(sets.len(), 3);
    }

    #[test] // RFC 4035 §5.3.2
    fn what_was_signed_has_the_name_of_the_wildcard() {
        let check = |owner: &str, labels, expected: Option<&str>| {
            assert_eq!(rrsig(labels).signed_name(&name(owner)), expected.map(name));
        };
        check("a.b.example", 3, Some("a.b.example"));
        check("a.b.example", 1, Some("*.example"));
        check("a.b.example", 4, None);
        check("*.example", 1, Some("*.example"));
        check("*.example", 0, Some("*."));
    }

    #[test]
    fn signatures_are_written_as_they_are_read() {
        assert_eq!(Rrsig::from_rdata(&rrsig(2).rdata()), Some(rrsig(2)));
        assert_eq!(Rrsig::from_rdata(&rrsig(2).rdata()[..17]), None);
    }
}
