//! Keys of zones and what parents say of them (RFC 4034 §2, §5).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_lc_rs::agreement;
use aws_lc_rs::digest::{self, SHA256, SHA384};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use countersign_dns::Name;
use countersign_sct::der::Reader;

/// What a zone is signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// 8, with 2,048 bits (RFC 5702).
    RsaSha256,
    /// 13 (RFC 6605).
    EcdsaP256Sha256,
    /// 14 (RFC 6605).
    EcdsaP384Sha384,
    /// 15 (RFC 8080).
    Ed25519,
}

/// What a key is for. It decides the flags of the DNSKEY record (RFC 4034 §2.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Signs the DNSKEY set; the parent's DS leads to it. Flags 257. A key that signs all (CSK) has this role, too.
    Ksk,
    /// Signs all else. Flags 256.
    Zsk,
}

/// How a DS record is made from a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DsDigest {
    /// 2 (RFC 4509).
    Sha256,
    /// 4 (RFC 6605).
    Sha384,
}

/// A key pair of a zone.
///
/// From one seed comes one key, so that key tags are the same in every run. RSA keys are made by chance, once in a
/// process for each seed.
#[derive(Clone)]
pub struct Key {
    algorithm: Algorithm,
    role: Role,
    public: Vec<u8>,
    private: Arc<Private>,
}

enum Private {
    Rsa(Arc<RsaKeyPair>),
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Algorithm {
    /// All that the lab signs with.
    pub const ALL: [Self; 4] =
        [Self::RsaSha256, Self::EcdsaP256Sha256, Self::EcdsaP384Sha384, Self::Ed25519];

    /// Its number in DNSKEY, DS and RRSIG records.
    pub fn number(self) -> u8 {
        match self {
            Self::RsaSha256 => 8,
            Self::EcdsaP256Sha256 => 13,
            Self::EcdsaP384Sha384 => 14,
            Self::Ed25519 => 15,
        }
    }
}

impl Key {
    /// The key that comes from this seed.
    pub fn new(algorithm: Algorithm, role: Role, seed: &str) -> Self {
        let seed = format!("{seed} {algorithm:?} {role:?}");
        let (public, private) = match algorithm {
            Algorithm::RsaSha256 => {
                let pair = rsa_pair(seed);
                (rsa_public(&pair), Private::Rsa(pair))
            }
            Algorithm::EcdsaP256Sha256 => ecdsa_pair(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &agreement::ECDH_P256,
                digest::digest(&SHA256, seed.as_bytes()).as_ref(),
            ),
            Algorithm::EcdsaP384Sha384 => ecdsa_pair(
                &ECDSA_P384_SHA384_FIXED_SIGNING,
                &agreement::ECDH_P384,
                digest::digest(&SHA384, seed.as_bytes()).as_ref(),
            ),
            Algorithm::Ed25519 => {
                let secret = digest::digest(&SHA256, seed.as_bytes());
                let pair = Ed25519KeyPair::from_seed_unchecked(secret.as_ref())
                    .expect("any 32 octets are a private key");
                (pair.public_key().as_ref().to_vec(), Private::Ed25519(pair))
            }
        };
        Self { algorithm, role, public, private: Arc::new(private) }
    }

    /// Two keys that come from this seed and have one key tag. A few hundred are made to find them, which takes far
    /// too long for RSA.
    pub fn namesakes(algorithm: Algorithm, role: Role, seed: &str) -> [Self; 2] {
        let mut made: BTreeMap<u16, Self> = BTreeMap::new();
        for count in 0.. {
            let key = Self::new(algorithm, role, &format!("{seed} {count}"));
            match made.remove(&key.tag()) {
                Some(other) => return [other, key],
                None => made.insert(key.tag(), key),
            };
        }
        unreachable!("there are 65,536 tags")
    }

    /// So many public keys with this key's algorithm, role and tag, of which nobody has the private half. Those for
    /// RSA and Ed25519 cost whoever verifies with them as much as any; those for ECDSA are no points of the curve.
    pub fn look_alikes(&self, count: u32) -> Vec<Vec<u8>> {
        (0..count).map(|count| self.look_alike(count)).collect()
    }

    fn look_alike(&self, count: u32) -> Vec<u8> {
        let mut dnskey = self.dnskey();
        // The exponent of an RSA key stands in the first four octets, and its modulus has to be odd: both stay.
        let (from, to) = (dnskey.len() - 30, dnskey.len() - 4);
        let noise = digest::digest(&SHA256, &[&self.public[..], &count.to_be_bytes()].concat());
        dnskey[from..to].copy_from_slice(&noise.as_ref()[..to - from]);
        // The tag is a sum of pairs of octets, with their carry: one of two values makes up what is missing.
        let pair = to - 2;
        dnskey[pair..to].fill(0);
        let missing = self.tag().wrapping_sub(key_tag(&dnskey));
        for value in [missing, missing.wrapping_sub(1)] {
            dnskey[pair..to].copy_from_slice(&value.to_be_bytes());
            if key_tag(&dnskey) == self.tag() {
                break;
            }
        }
        assert_eq!(key_tag(&dnskey), self.tag(), "a pair of octets makes every tag");
        dnskey
    }

    /// What it is for.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The data of its DNSKEY record (RFC 4034 §2.1).
    pub fn dnskey(&self) -> Vec<u8> {
        let flags: u16 = match self.role {
            Role::Ksk => 257,
            Role::Zsk => 256,
        };
        let mut rdata = flags.to_be_bytes().to_vec();
        rdata.extend([DNSSEC, self.algorithm.number()]);
        rdata.extend(&self.public);
        rdata
    }

    /// Its key tag.
    pub fn tag(&self) -> u16 {
        key_tag(&self.dnskey())
    }

    /// The data of the DS record that leads to it as a key of this zone (RFC 4034 §5.1).
    pub fn ds(&self, zone: &Name, digest: DsDigest) -> Vec<u8> {
        let (number, hash) = match digest {
            DsDigest::Sha256 => (2, &SHA256),
            DsDigest::Sha384 => (4, &SHA384),
        };
        let hashed = digest::digest(hash, &[zone.wire(), &self.dnskey()].concat());
        let mut rdata = self.tag().to_be_bytes().to_vec();
        rdata.extend([self.algorithm.number(), number]);
        rdata.extend(hashed.as_ref());
        rdata
    }

    /// The signature over these octets as it stands in an RRSIG record.
    pub fn sign(&self, data: &[u8]) -> Vec<u8> {
        let chance = SystemRandom::new();
        match &*self.private {
            Private::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &chance, data, &mut signature)
                    .expect("an RSA key signs any octets");
                signature
            }
            Private::Ecdsa(pair) => {
                pair.sign(&chance, data).expect("an ECDSA key signs any octets").as_ref().to_vec()
            }
            Private::Ed25519(pair) => pair.sign(data).as_ref().to_vec(),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} {}", self.role, self.algorithm, self.tag())
    }
}

/// The key tag of the data of a DNSKEY record (RFC 4034 appendix B).
pub fn key_tag(dnskey: &[u8]) -> u16 {
    let sum: u32 = dnskey
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |&low| u32::from(low)))
        .sum();
    let folded = sum.wrapping_add(sum >> 16) & 0xffff;
    u16::try_from(folded).expect("it was cut to 16 bits")
}

/// The RSA key of this seed. Making one takes a second or more in a slow machine, so they are kept for as long as the
/// process runs.
fn rsa_pair(seed: String) -> Arc<RsaKeyPair> {
    static MADE: Mutex<BTreeMap<String, Arc<RsaKeyPair>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().expect("nothing panics while it holds the lock");
    let make = || RsaKeyPair::generate(KeySize::Rsa2048).expect("the machine has randomness");
    Arc::clone(made.entry(seed).or_insert_with(|| Arc::new(make())))
}

/// The public half in the form of RFC 3110 §2: length of the exponent, exponent, modulus.
fn rsa_public(pair: &RsaKeyPair) -> Vec<u8> {
    // RSAPublicKey is a SEQUENCE of modulus and exponent (RFC 8017 appendix A.1.1).
    let mut outer = Reader::new(pair.public_key().as_ref());
    let mut fields = Reader::new(outer.element().expect("aws-lc encodes its keys").contents);
    let mut unsigned = || {
        let octets = fields.element().expect("aws-lc encodes its keys").contents;
        octets.strip_prefix(&[0]).unwrap_or(octets).to_vec()
    };
    let (modulus, exponent) = (unsigned(), unsigned());
    let length = u8::try_from(exponent.len()).expect("65537 is short");
    [vec![length], exponent, modulus].concat()
}

/// The pair with this private half, and its public half: the point without the octet that says "uncompressed"
/// (RFC 6605 §4).
fn ecdsa_pair(
    signing: &'static EcdsaSigningAlgorithm,
    curve: &'static agreement::Algorithm,
    hash: &[u8],
) -> (Vec<u8>, Private) {
    let mut secret = hash.to_vec();
    // Below the order of either curve.
    secret[0] &= 0x7f;
    let private = agreement::PrivateKey::from_private_key(curve, &secret)
        .expect("a number below the order is a private key");
    let point = private.compute_public_key().expect("every private key has a public one");
    let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, &secret, point.as_ref())
        .expect("the halves were made for each other");
    (point.as_ref()[1..].to_vec(), Private::Ecdsa(pair))
}

/// Where in the data of a DS record the algorithm stands (RFC 4034 §5.1).
pub const DS_ALGORITHM: usize = 2;
/// Where the digest type stands.
pub const DS_DIGEST: usize = 3;

/// The field Protocol (RFC 4034 §2.1.2).
const DNSSEC: u8 = 3;
