//! SCRAM (RFC 5802, RFC 7677): what both sides compute and say. An exchange that the server completes proves that it
//! has what was stored when the password was set; with channel binding, that nobody holds the TLS in between.

use std::num::NonZeroU32;

use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

/// A mechanism of the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mechanism {
    /// What it hashes with.
    pub hash: Hash,
    /// Whether it binds to the channel.
    pub plus: Plus,
}

/// Whether a mechanism binds to the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plus {
    /// Its name ends with `-PLUS`.
    Bound,
    /// It does not.
    Unbound,
}

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// RFC 5802.
    Sha1,
    /// RFC 7677.
    Sha256,
    /// As some servers have it since XEP-0438.
    Sha512,
}

/// RFC 7677 §4 has 4096 as the least. An interceptor that asks for fewer wants to guess the password from the proof.
pub const ITERATIONS_MIN: u32 = 4096;
/// A second of computing at most. Servers have 4096 to 100,000.
pub const ITERATIONS_MAX: u32 = 1_000_000;

impl Mechanism {
    /// The best first.
    pub const ALL: [Self; 6] = [
        Self { hash: Hash::Sha512, plus: Plus::Bound },
        Self { hash: Hash::Sha256, plus: Plus::Bound },
        Self { hash: Hash::Sha1, plus: Plus::Bound },
        Self { hash: Hash::Sha512, plus: Plus::Unbound },
        Self { hash: Hash::Sha256, plus: Plus::Unbound },
        Self { hash: Hash::Sha1, plus: Plus::Unbound },
    ];

    /// Its registered name.
    pub fn as_str(self) -> &'static str {
        match (self.hash, self.plus) {
            (Hash::Sha512, Plus::Bound) => "SCRAM-SHA-512-PLUS",
            (Hash::Sha256, Plus::Bound) => "SCRAM-SHA-256-PLUS",
            (Hash::Sha1, Plus::Bound) => "SCRAM-SHA-1-PLUS",
            (Hash::Sha512, Plus::Unbound) => "SCRAM-SHA-512",
            (Hash::Sha256, Plus::Unbound) => "SCRAM-SHA-256",
            (Hash::Sha1, Plus::Unbound) => "SCRAM-SHA-1",
        }
    }
}

/// `SaltedPassword`: the costly part.
pub fn salted_password(hash: Hash, password: &str, salt: &[u8], iterations: NonZeroU32) -> Vec<u8> {
    let (algorithm, length) = match hash {
        Hash::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, digest::SHA1_OUTPUT_LEN),
        Hash::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, digest::SHA256_OUTPUT_LEN),
        Hash::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, digest::SHA512_OUTPUT_LEN),
    };
    let mut salted = vec![0; length];
    pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut salted);
    salted
}

/// `StoredKey`: what a server keeps to recognise the client by.
pub fn stored_key(hash: Hash, salted_password: &[u8]) -> Vec<u8> {
    hashed(hash, &mac(hash, salted_password, b"Client Key"))
}

/// `ClientProof`: only who knows the password can make it.
pub fn client_proof(hash: Hash, salted_password: &[u8], auth_message: &str) -> Vec<u8> {
    let client_key = mac(hash, salted_password, b"Client Key");
    let signature = mac(hash, &hashed(hash, &client_key), auth_message.as_bytes());
    client_key.iter().zip(signature).map(|(key, signature)| key ^ signature).collect()
}

/// `ServerSignature`: only who knows what the server stores can make it.
pub fn server_signature(hash: Hash, salted_password: &[u8], auth_message: &str) -> Vec<u8> {
    mac(hash, &mac(hash, salted_password, b"Server Key"), auth_message.as_bytes())
}

/// What a server that protects its lists says of them (XEP-0474 §5.1), in base64: the mechanisms, and the types of
/// channel binding, if it announced any.
pub fn lists_hash(hash: Hash, mechanisms: &[String], bindings: Option<&[String]>) -> String {
    // In the order of octets, which for the texts of Rust is the usual one.
    let joined = |list: &[String]| {
        let mut sorted = list.to_vec();
        sorted.sort_unstable();
        sorted.join("\u{1e}")
    };
    let mut lists = joined(mechanisms);
    if let Some(bindings) = bindings {
        lists.push('\u{1f}');
        lists.push_str(&joined(bindings));
    }
    BASE64.encode(hashed(hash, lists.as_bytes()))
}

/// The server's first message (RFC 5802 §5.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFirst {
    /// Both sides' random characters.
    pub nonce: String,
    /// The salt of the password.
    pub salt: Vec<u8>,
    /// How often it is hashed.
    pub iterations: u32,
    /// What the server says of its lists (XEP-0474), as it stands there.
    pub lists: Option<String>,
}

impl ServerFirst {
    /// Reads it. `None`: it is not what an answer to that nonce looks like.
    pub fn parse(message: &str, client_nonce: &str) -> Option<Self> {
        // An extension that must be understood would stand first, as "m=" (RFC 5802 §5.1): there is none that is.
        let mut attributes = message.split(',');
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let salt = attributes.next()?.strip_prefix("s=")?;
        let iterations = attributes.next()?.strip_prefix("i=")?;
        let lists = attributes.find_map(|attribute| attribute.strip_prefix("h="));
        // The server's own part must not be empty, or the whole exchange could be replayed.
        let is_answer = nonce.strip_prefix(client_nonce).is_some_and(|own| !own.is_empty());
        let is_number =
            iterations.bytes().all(|c| c.is_ascii_digit()) && !iterations.starts_with('0');
        if !is_answer || !is_number || !nonce.bytes().all(|c| c.is_ascii_graphic()) {
            return None;
        }
        Some(Self {
            nonce: nonce.to_owned(),
            salt: BASE64.decode(salt).ok()?,
            iterations: iterations.parse().ok()?,
            lists: lists.map(str::to_owned),
        })
    }
}

/// The server's last message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerFinal {
    /// Its signature.
    Signature(Vec<u8>),
    /// Why not.
    Error(String),
}

impl ServerFinal {
    /// Reads it.
    pub fn parse(message: &str) -> Option<Self> {
        let first = message.split(',').next()?;
        match first.split_once('=')? {
            ("v", signature) => Some(Self::Signature(BASE64.decode(signature).ok()?)),
            ("e", error) => Some(Self::Error(error.to_owned())),
            _ => None,
        }
    }
}

/// Whether two secrets are the same, in a time that does not tell how far they are.
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// A user's name as it stands in a message.
pub fn escape_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

fn mac(hash: Hash, key: &[u8], message: &[u8]) -> Vec<u8> {
    let algorithm = match hash {
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha512 => hmac::HMAC_SHA512,
    };
    hmac::sign(&hmac::Key::new(algorithm, key), message).as_ref().to_vec()
}

fn hashed(hash: Hash, bytes: &[u8]) -> Vec<u8> {
    let algorithm = match hash {
        Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha512 => &digest::SHA512,
    };
    digest::digest(algorithm, bytes).as_ref().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL";
    const SERVER_NONCE: &str = "fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j";

    #[track_caller]
    fn check(hash: Hash, client_nonce: &str, server_first: &str, proof: &str, signature: &str) {
        let first = ServerFirst::parse(server_first, client_nonce).unwrap();
        let iterations = NonZeroU32::new(first.iterations).unwrap();
        let salted = salted_password(hash, "pencil", &first.salt, iterations);
        let nonce = first.nonce;
        let message = format!("n=user,r={client_nonce},{server_first},c=biws,r={nonce}");
        assert_eq!(BASE64.encode(client_proof(hash, &salted, &message)), proof);
        assert_eq!(BASE64.encode(server_signature(hash, &salted, &message)), signature);
        // What the server does: the proof, less the signature, is the key whose hash it stores.
        let stored = stored_key(hash, &salted);
        let over = mac(hash, &stored, message.as_bytes());
        let key: Vec<u8> =
            client_proof(hash, &salted, &message).iter().zip(over).map(|(a, b)| a ^ b).collect();
        assert!(is_same(&hashed(hash, &key), &stored));
    }

    #[test]
    fn proofs_are_those_of_the_standards() {
        let first = format!("r={SERVER_NONCE},s=QSXCR+Q6sek8bf92,i=4096"); // RFC 5802 §5
        check(
            Hash::Sha1,
            NONCE,
            &first,
            "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        );
        // RFC 7677 §3
        let first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let (proof, signature) = (
            "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        );
        check(Hash::Sha256, "rOprNGfwEbeRWgbNEkqO", first, proof, signature);
    }

    #[test] // The example of XEP-0474 0.5.0.
    fn lists_are_hashed_sorted() {
        let list = |names: [&str; 2]| names.map(str::to_owned);
        let mechanisms = list(["SCRAM-SHA-1-PLUS", "SCRAM-SHA-1"]);
        let bindings = list(["tls-server-end-point", "tls-exporter"]);
        let hash = lists_hash(Hash::Sha1, &mechanisms, Some(&bindings));
        assert_eq!(hash, "G6k/rBLDqgOhRRaCuuatSDFkJ08=");
        assert_ne!(hash, lists_hash(Hash::Sha1, &mechanisms, Some(&[])));
        assert_ne!(hash, lists_hash(Hash::Sha1, &mechanisms, None));
    }

    #[test]
    fn first_messages_are_read_or_refused() {
        let parse = |message: &str| ServerFirst::parse(message, "ab");
        let good = parse("r=abc,s=QQ==,i=4096,x=1,h=Zg==").unwrap();
        assert_eq!(
            (good.iterations, good.salt, good.lists.as_deref()),
            (4096, b"A".to_vec(), Some("Zg=="))
        );
        for bad in [
            "",
            "r=abc",
            "r=ab,s=QQ==,i=1",
            "r=xbc,s=QQ==,i=1",
            "m=1,r=abc,s=QQ==,i=1",
            "s=QQ==,r=abc,i=1",
            "r=abc,s=Q,i=1",
            "r=abc,s=QQ==,i=01",
            "r=abc,s=QQ==,i=+1",
            "r=abc,s=QQ==,i=",
            "r=abc,s=QQ==,i=99999999999",
            "r=ab\u{7f},s=QQ==,i=1",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn last_messages_are_read_or_refused() {
        let parse = ServerFinal::parse;
        assert_eq!(parse("v=QQ==,x=1"), Some(ServerFinal::Signature(b"A".to_vec())));
        assert_eq!(parse("e=other-error"), Some(ServerFinal::Error("other-error".to_owned())));
        assert_eq!((parse("v=Q"), parse(""), parse("x=1")), (None, None, None));
    }
}
