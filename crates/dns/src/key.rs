//! Keys of zones, and what names them in the zone above.

use crate::algorithm::{Algorithms, ds_digest, rsa_bits};
use crate::name::Name;

/// The data of a DNSKEY record (RFC 4034 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dnskey {
    /// Flags.
    pub flags: u16,
    /// Protocol: always 3.
    pub protocol: u8,
    /// Algorithm.
    pub algorithm: u8,
    /// Public Key.
    pub key: Vec<u8>,
}

impl Dnskey {
    /// Reads the data of a record; `None` if it is malformed.
    pub fn from_rdata(rdata: &[u8]) -> Option<Self> {
        let (&[high, low, protocol, algorithm], key) = rdata.split_first_chunk::<4>()?;
        let flags = u16::from_be_bytes([high, low]);
        Some(Self { flags, protocol, algorithm, key: key.to_vec() })
    }

    /// The data of the record.
    pub fn rdata(&self) -> Vec<u8> {
        let [high, low] = self.flags.to_be_bytes();
        [&[high, low, self.protocol, self.algorithm][..], &self.key].concat()
    }

    /// Whether it signs records of the zone: a Zone Key (RFC 4034 §2.1.1) of protocol 3, not revoked (RFC 5011 §2.1).
    pub fn signs(&self) -> bool {
        self.flags & ZONE_KEY != 0 && !self.is_revoked() && self.protocol == 3
    }

    /// Whether it is meant to be named in the zone above: a Secure Entry Point (RFC 4034 §2.1.1).
    pub fn is_sep(&self) -> bool {
        self.flags & 1 != 0
    }

    /// Whether its holder has given it up (RFC 5011 §2.1).
    pub fn is_revoked(&self) -> bool {
        self.flags & REVOKED != 0
    }

    /// How many bits the modulus of an RSA key has (RFC 3110 §2); `None` for other algorithms, and for a key that is
    /// malformed or larger than any that is used.
    pub fn rsa_bits(&self) -> Option<usize> {
        matches!(self.algorithm, 1 | 5 | 7 | 8 | 10).then(|| rsa_bits(&self.key)).flatten()
    }

    /// The key tag (RFC 4034 app. B): a hint at the key, which others can share by chance or on purpose.
    pub fn tag(&self) -> u16 {
        let mut sum = 0_u32;
        for (at, octet) in self.rdata().into_iter().enumerate() {
            sum += u32::from(octet) << (if at.is_multiple_of(2) { 8 } else { 0 });
        }
        sum += sum >> 16;
        u16::try_from(sum & 0xffff).expect("sixteen bits")
    }
}

const ZONE_KEY: u16 = 0x0100;
const REVOKED: u16 = 0x0080;

/// The data of a DS record (RFC 4034 §5.1). CDS records have the same (RFC 7344 §3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ds {
    /// Key Tag.
    pub key_tag: u16,
    /// Algorithm, of the key.
    pub algorithm: u8,
    /// Digest Type.
    pub digest_type: u8,
    /// Digest.
    pub digest: Vec<u8>,
}

impl Ds {
    /// Reads the data of a record; `None` if it is malformed.
    pub fn from_rdata(rdata: &[u8]) -> Option<Self> {
        let (&[high, low, algorithm, digest_type], digest) = rdata.split_first_chunk::<4>()?;
        let key_tag = u16::from_be_bytes([high, low]);
        Some(Self { key_tag, algorithm, digest_type, digest: digest.to_vec() })
    }

    /// The data of the record.
    pub fn rdata(&self) -> Vec<u8> {
        let [high, low] = self.key_tag.to_be_bytes();
        [&[high, low, self.algorithm, self.digest_type][..], &self.digest].concat()
    }

    /// The record that names this key of the zone; `None` for a digest type that nobody uses.
    pub fn of(zone: &Name, key: &Dnskey, digest_type: u8) -> Option<Self> {
        let digest = ds_digest(digest_type, &[zone.wire(), &key.rdata()].concat())?;
        Some(Self { key_tag: key.tag(), algorithm: key.algorithm, digest_type, digest })
    }

    /// Whether it names this key of the zone (RFC 4034 §5.1.4).
    pub fn names(&self, zone: &Name, key: &Dnskey) -> bool {
        Self::of(zone, key, self.digest_type).as_ref() == Some(self)
    }

    /// Whether a key can be found and used through it.
    pub fn counts(&self, algorithms: Algorithms) -> bool {
        algorithms.verifies(self.algorithm) && algorithms.digests(self.digest_type)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // IANA's root-anchors.xml has the digest, RFC 4034 app. B the tag.
    fn the_keys_of_the_root_are_named() {
        let key = concat!(
            "03010001acffb409bcc939f831f7a1e5ec88f7a59255ec53040be432027390a4ce896d6f9086f3c5e177fbfe118163aa",
            "ec7af1462c47945944c4e2c026be5e98bbcded25978272e1e3e079c5094d573f0e83c92f02b32d3513b1550b826929c8",
            "0dd0f92cac966d17769fd5867b647c3f38029abdc48152eb8f207159ecc5d232c7c1537c79f4b7ac28ff11682f21681b",
            "f6d6aba555032bf6f9f036beb2aaa5b3778d6eebfba6bf9ea191be4ab0caea759e2f773a1f9029c73ecb8d5735b9321d",
            "b085f1b8e2d8038fe2941992548cee0d67dd4547e11dd63af9c9fc1c5466fb684cf009d7197c2cf79e792ab501e6a8a1",
            "ca519af2cb9b5f6367e94c0d47502451357be1b5",
        );
        let key =
            (0..key.len()).step_by(2).map(|at| u8::from_str_radix(&key[at..at + 2], 16).unwrap());
        let key = Dnskey { flags: 257, protocol: 3, algorithm: 8, key: key.collect() };
        assert_eq!((key.tag(), key.rsa_bits()), (20326, Some(2048)));
        let ds = Ds::of(&Name::root(), &key, 2).unwrap();
        assert_eq!(ds.digest[..4], [0xe0, 0x6d, 0x44, 0xb8]);
        assert!(ds.names(&Name::root(), &key) && !ds.names(&"a".parse().unwrap(), &key));
        assert!(ds.counts(Algorithms::Current));
        assert_eq!(Dnskey::from_rdata(&key.rdata()), Some(key));
        assert_eq!(Ds::from_rdata(&ds.rdata()), Some(ds));
    }

    #[test] // RFC 5011 §2.1
    fn a_revoked_key_signs_nothing() {
        let key = |flags| Dnskey { flags, protocol: 3, algorithm: 13, key: vec![0; 64] };
        assert!(key(256).signs() && key(257).signs());
        assert!(!key(257 | 128).signs() && !key(0).signs());
        assert!(!Dnskey { protocol: 4, ..key(257) }.signs());
    }
}
