//! The text of a host's secret key, as it stands in a file.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_tlog::note::{ED25519_TYPE, KeyName, SignerKey};

use crate::material::Wiped;
use crate::plain::hex;

/// A host's secret key. Its text is the one of Go's signed notes, `PRIVATE+KEY+name+id+base64`, so that other tools
/// can make and use it; the public half is a `VerifierKey`, which has a text of its own.
pub struct HostKey {
    name: KeyName,
    seed: [u8; SEED_BYTES],
}

/// RFC 8032 §5.1.5.
const SEED_BYTES: usize = 32;

/// Why a text is not a host's secret key. It never says what the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostKeyError {
    /// Not of the form `PRIVATE+KEY+name+id+base64`.
    #[error("a secret key reads PRIVATE+KEY+name+id+base64")]
    Form,
    /// Another algorithm, or another length.
    #[error("the secret key is not one for Ed25519")]
    Algorithm,
    /// The id is a check on the rest, and it fails: a damaged text.
    #[error("the id of the secret key does not fit its name and key")]
    KeyId,
}

impl HostKey {
    /// The key that grows from 32 random bytes.
    pub fn new(name: KeyName, seed: [u8; SEED_BYTES]) -> Self {
        Self { name, seed }
    }

    /// What signs with it. Its `verifier_key()`, printed, is what the watching host is given.
    pub fn signer(&self) -> SignerKey {
        SignerKey::ed25519(self.name.clone(), &self.seed)
    }

    /// The secret text, without a line end.
    pub fn secret_text(&self) -> String {
        let id = hex(&self.signer().verifier_key().key_id());
        let key = Wiped::new([[ED25519_TYPE].as_slice(), &self.seed].concat());
        format!("{PREFIX}{}+{id}+{}", self.name, STANDARD.encode(&*key))
    }
}

const PREFIX: &str = "PRIVATE+KEY+";

impl FromStr for HostKey {
    type Err = HostKeyError;

    /// Reads the secret text. One line end after it is allowed, as files have it.
    fn from_str(text: &str) -> Result<Self, HostKeyError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let rest = text.strip_prefix(PREFIX).ok_or(HostKeyError::Form)?;
        // Base64 has pluses of its own, and so may come only last.
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(id), Some(base64)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(HostKeyError::Form);
        };
        let name = name.parse().map_err(|_| HostKeyError::Form)?;
        let bytes = Wiped::new(STANDARD.decode(base64).map_err(|_| HostKeyError::Form)?);
        let Some((&ED25519_TYPE, seed)) = bytes.split_first() else {
            return Err(HostKeyError::Algorithm);
        };
        let seed = seed.try_into().map_err(|_| HostKeyError::Algorithm)?;
        let key = Self::new(name, seed);
        if id != hex(&key.signer().verifier_key().key_id()) {
            return Err(HostKeyError::KeyId);
        }
        Ok(key)
    }
}

impl Drop for HostKey {
    fn drop(&mut self) {
        self.seed.fill(0);
        std::hint::black_box(&self.seed);
    }
}

impl fmt::Debug for HostKey {
    /// Prints the public half only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HostKey").field(&self.signer().verifier_key()).finish()
    }
}
