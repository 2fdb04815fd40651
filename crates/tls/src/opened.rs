//! Opens the records of one side during a TLS 1.3 handshake with the secret from a key log (RFC 8446 §5.2, §7.3), and
//! knows how that side's Finished must look (§4.4.4).

use aws_lc_rs::aead::{
    AES_128_GCM, AES_256_GCM, Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey,
};
use aws_lc_rs::digest::{Context, Digest, SHA256, SHA384};
use aws_lc_rs::{aead, digest, hkdf, hmac};

use crate::key_log::Secret;
use crate::record::{APPLICATION_DATA, Record};

/// What a suite of TLS 1.3 is made of (RFC 8446 §B.4).
#[derive(Clone, Copy)]
pub(crate) struct Suite {
    aead: &'static aead::Algorithm,
    hkdf: hkdf::Algorithm,
    digest: &'static digest::Algorithm,
}

impl Suite {
    /// The suite of this number. None if it cannot be opened: the CCM suites, which only small devices have.
    pub(crate) fn of(number: u16) -> Option<Self> {
        let (aead, hkdf, digest) = match number {
            0x1301 => (&AES_128_GCM, hkdf::HKDF_SHA256, &SHA256),
            0x1302 => (&AES_256_GCM, hkdf::HKDF_SHA384, &SHA384),
            0x1303 => (&CHACHA20_POLY1305, hkdf::HKDF_SHA256, &SHA256),
            _ => return None,
        };
        Some(Self { aead, hkdf, digest })
    }

    /// The hash of a whole handshake, as far as it went.
    pub(crate) fn hash(self) -> Context {
        Context::new(self.digest)
    }
}

/// Opens what one side says.
pub(crate) struct Opener {
    suite: Suite,
    secret: hkdf::Prk,
    key: LessSafeKey,
    iv: [u8; NONCE_LEN],
    /// How many records were opened.
    opened: u64,
}

impl Opener {
    /// None if the secret is not as long as one of this suite.
    pub(crate) fn new(suite: Suite, secret: &Secret) -> Option<Self> {
        if secret.bytes().len() != suite.digest.output_len() {
            return None;
        }
        let secret = hkdf::Prk::new_less_safe(suite.hkdf, secret.bytes());
        let key = expand(&secret, b"key", suite.aead.key_len());
        let iv = expand(&secret, b"iv", NONCE_LEN).try_into().expect("as long as was asked for");
        let key = UnboundKey::new(suite.aead, &key).expect("a key of the length of the algorithm");
        Some(Self { suite, secret, key: LessSafeKey::new(key), iv, opened: 0 })
    }

    /// The type and the content of an encrypted record. None if it cannot be opened; the next one may be.
    pub(crate) fn open(&mut self, record: &Record<'_>) -> Option<(u8, Vec<u8>)> {
        if record.kind != APPLICATION_DATA {
            return None;
        }
        let mut nonce = self.iv;
        for (octet, count) in nonce[NONCE_LEN - 8..].iter_mut().zip(self.opened.to_be_bytes()) {
            *octet ^= count;
        }
        let nonce = Nonce::assume_unique_for_key(nonce);
        let mut content = record.payload.to_vec();
        let length =
            self.key.open_in_place(nonce, Aad::from(record.header), &mut content).ok()?.len();
        self.opened += 1;
        content.truncate(length);
        // The type stands before the padding (RFC 8446 §5.4). A record of nothing but padding has none.
        let end = content.iter().rposition(|octet| *octet != 0)?;
        let kind = content[end];
        content.truncate(end);
        Some((kind, content))
    }

    /// Whether this is the `verify_data` of that side's Finished, after what was said so far.
    pub(crate) fn has_finished(&self, verify_data: &[u8], hash: &Digest) -> bool {
        let key = expand(&self.secret, b"finished", self.suite.digest.output_len());
        let key = hmac::Key::new(self.suite.hkdf.hmac_algorithm(), &key);
        hmac::verify(&key, hash.as_ref(), verify_data).is_ok()
    }
}

/// HKDF-Expand-Label with an empty context (RFC 8446 §7.1).
fn expand(secret: &hkdf::Prk, label: &[u8], length: usize) -> Vec<u8> {
    let octet = |length: usize| u8::try_from(length).expect("labels and keys are short");
    let lengths = [0, octet(length), octet(PREFIX.len() + label.len())];
    let info = [&lengths[..], PREFIX, label, &[0]];
    let mut key = vec![0; length];
    let okm = secret.expand(&info, Length(length)).expect("shorter than 255 hashes");
    okm.fill(&mut key).expect("as long as was said");
    key
}

const PREFIX: &[u8] = b"tls13 ";

/// How much is expanded to.
struct Length(usize);

impl hkdf::KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}
