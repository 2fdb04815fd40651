//! A request's body: a JSON Web Signature in flattened form (RFC 7515 §7.2.2) as ACME wants it (RFC 8555 §6.2).

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::key::{Algorithm, Key, KeyError};

/// The longest body that is read, in bytes. A request for a hundred names with a key of 4,096 bits has 10 kB.
pub const BODY_BYTES_MAX: usize = 64 << 10;

/// A JWS that has not been verified. What it says is what somebody says.
#[derive(Clone, Debug)]
pub struct Jws {
    /// How it claims to be signed.
    pub algorithm: Algorithm,
    /// By whom.
    pub signer: Signer,
    /// The nonce, if there is one; the inner one of a key change has none.
    pub nonce: Option<String>,
    /// Where it is meant to go.
    pub url: String,
    /// What is signed besides the header.
    pub payload: Vec<u8>,
    /// The octets that are signed (RFC 7515 §5.1).
    signed: Vec<u8>,
    signature: Vec<u8>,
}

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The key of this account, by the account's URL.
    Account(String),
    /// This key.
    Key(Key),
}

/// Why a body is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwsError {
    /// More than [`BODY_BYTES_MAX`].
    #[error("the body is larger than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    /// It is no JSON object with `protected`, `payload` and `signature`, or has others.
    #[error("the body is no flattened JWS with exactly protected, payload and signature")]
    Form,
    /// A part of it is not base64url without padding.
    #[error("a part of the JWS is not base64url without padding")]
    Encoding,
    /// The protected header is no JSON object with `alg`, `nonce`, `url` and one of `kid` and `jwk`, or has others.
    #[error(
        "the protected header of the JWS has not exactly alg, nonce, url, and one of kid and jwk"
    )]
    Header,
    /// `alg` is not one of ours.
    #[error("the JWS is signed in a way that is not accepted: ES256, ES384, EdDSA and RS256 are")]
    Algorithm,
    /// The key in the header cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Flattened {
    protected: String,
    payload: String,
    signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    nonce: Option<String>,
    url: String,
    kid: Option<String>,
    jwk: Option<Box<RawValue>>,
}

impl Jws {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, JwsError> {
        if body.len() > BODY_BYTES_MAX {
            return Err(JwsError::TooLarge);
        }
        let decode =
            |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| JwsError::Encoding);
        let parts: Flattened = serde_json::from_slice(body).map_err(|_| JwsError::Form)?;
        let header = decode(&parts.protected)?;
        let header: Header = serde_json::from_slice(&header).map_err(|_| JwsError::Header)?;
        let algorithm = Algorithm::parse(&header.alg).ok_or(JwsError::Algorithm)?;
        let signer = match (header.kid, header.jwk) {
            (Some(account), None) => Signer::Account(account),
            (None, Some(jwk)) => Signer::Key(Key::parse(&jwk)?),
            (Some(_), Some(_)) | (None, None) => return Err(JwsError::Header),
        };
        Ok(Self {
            algorithm,
            signer,
            nonce: header.nonce,
            url: header.url,
            payload: decode(&parts.payload)?,
            signed: format!("{}.{}", parts.protected, parts.payload).into_bytes(),
            signature: decode(&parts.signature)?,
        })
    }

    /// Whether this key signed it.
    pub fn is_signed_by(&self, key: &Key) -> bool {
        key.verifies(self.algorithm, &self.signed, &self.signature)
    }
}

#[cfg(test)]
mod tests;
