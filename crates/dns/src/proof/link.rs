//! Links and manifests (DS transparency, version 1, section 4).

use std::fmt;

use aws_lc_rs::digest::{self, digest};
use domain::base::iana::Rtype;

use crate::name::Name;
use crate::rrset::{CLASS_IN, Rrset, Rrsig, SignedRrset};

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// SHA-256 of a label, a zero octet, and what is hashed.
fn hash(label: &str, hashed: &[u8]) -> Hash {
    let hash = digest(&digest::SHA256, &[label.as_bytes(), &[0], hashed].concat());
    Hash(hash.as_ref().try_into().expect("SHA-256 gives 32 octets"))
}

/// One set with one signature, as the bytes that were signed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// The data of the RRSIG record without the signature, and the records in canonical form and order
    /// (RFC 4034 §3.1.8.1).
    pub signed_data: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
}

impl Link {
    /// `link_id`.
    pub fn id(&self) -> Hash {
        hash("dst/v1/link", &self.to_bytes())
    }

    /// The structure `Link`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.signed_data.len()).expect("a set is in a message");
        let signature_length = u16::try_from(self.signature.len()).expect("it was in a record");
        [
            &length.to_be_bytes()[1..],
            &self.signed_data,
            &signature_length.to_be_bytes(),
            &self.signature,
        ]
        .concat()
    }

    /// The signature and the set that it is over; `None` if these are not the bytes that any signature is over. The
    /// owner of the set is the name that was signed.
    pub fn read(&self) -> Option<(Rrsig, Rrset)> {
        let (fixed, rest) = self.signed_data.split_first_chunk::<18>()?;
        let (signer, mut rest) = Name::read(rest).ok()?;
        let head = [&fixed[..], signer.wire(), &self.signature].concat();
        let rrsig = Rrsig::from_rdata(&head)?;
        let mut set: Option<Rrset> = None;
        while !rest.is_empty() {
            let (record, after) = Rrset::read(rest).ok()?;
            match &mut set {
                None => set = Some(record),
                // In order, so that each is put behind the others: out of it a million octets take a second.
                Some(set)
                    if set.owner() == record.owner()
                        && set.rtype() == record.rtype()
                        && set.rdatas().last() < record.rdatas().last() =>
                {
                    set.add(record);
                }
                Some(_) => return None,
            }
            rest = after;
        }
        let set = set.filter(|set| set.rtype() == rrsig.type_covered)?;
        // Canonical form and order, the times to live: there is one way to write what was signed.
        (rrsig.signed_data(&set)? == self.signed_data).then_some((rrsig, set))
    }

    /// The set as an answer about this name has it: of a wildcard it has the name that it stands for.
    pub(super) fn signed_rrset(&self, name: &Name) -> Option<SignedRrset> {
        let (rrsig, signed) = self.read()?;
        // The proof about a wildcard has its name, too, and stands for nothing else.
        let stands_for = !matches!(signed.rtype(), Rtype::NSEC | Rtype::NSEC3)
            && signed.owner().is_wildcard()
            && signed.owner() != name
            && rrsig.signed_name(name).as_ref() == Some(signed.owner());
        if !stands_for {
            return Some(SignedRrset { rrset: signed, rrsigs: vec![rrsig] });
        }
        let mut records = signed.rdatas().iter().map(|rdata| {
            Rrset::canonical(name.clone(), signed.rtype(), signed.ttl_s(), rdata.clone())
        });
        let mut rrset = records.next()?;
        records.for_each(|record| rrset.add(record));
        Some(SignedRrset { rrset, rrsigs: vec![rrsig] })
    }
}

/// What proves what: links that are signed by keys that the parent proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The id of the manifest with the DNSKEY set of the signer or, of a DNSKEY set, with the DS set that names its
    /// key. `None`: the keys are trust anchors.
    pub parent: Option<Hash>,
    /// The ids of the links, at least one.
    pub links: Vec<Hash>,
}

impl Manifest {
    /// `manifest_id`.
    pub fn id(&self) -> Hash {
        hash("dst/v1/evidence", &self.to_bytes())
    }

    /// The structure `Manifest`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = u16::try_from(32 * self.links.len()).expect("a step has a few links");
        let mut bytes = vec![1];
        bytes.extend(self.parent.map_or([0; 32], |parent| parent.0));
        bytes.extend(length.to_be_bytes());
        bytes.extend(self.links.iter().flat_map(|link| link.0));
        bytes
    }
}

/// A record as it is written where nothing is compressed.
pub(super) fn record(owner: &Name, rtype: Rtype, ttl_s: u32, rdata: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rdata.len()).expect("it was in a message");
    [
        owner.wire(),
        &rtype.to_int().to_be_bytes(),
        &CLASS_IN,
        &ttl_s.to_be_bytes(),
        &length.to_be_bytes(),
        rdata,
    ]
    .concat()
}
