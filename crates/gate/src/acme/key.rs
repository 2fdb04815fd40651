//! Keys of accounts and certificates as JSON Web Keys (RFC 7517, RFC 8037), and signatures by them.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;

/// How a JWS is signed, of what is registered for `alg` (RFC 7518 §3.1, RFC 8037 §3.1). Neither `none` nor any MAC is
/// here: RFC 8555 §6.2 forbids both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
    /// RSA PKCS #1 v1.5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// Those that are understood, as `alg` names them.
    pub const ALL: [Self; 4] = [Self::Es256, Self::Es384, Self::EdDsa, Self::Rs256];

    /// Reads `alg`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    /// What `alg` says.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::EdDsa => "EdDSA",
            Self::Rs256 => "RS256",
        }
    }
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// On P-256 or P-384: the uncompressed point.
    Ec {
        /// The one algorithm that goes with its curve.
        algorithm: Algorithm,
        /// 4, x, y.
        point: Vec<u8>,
    },
    /// Ed25519: the 32 octets.
    Ed25519(Vec<u8>),
    /// RSA.
    Rsa {
        /// The modulus, big-endian, without leading zeros.
        n: Vec<u8>,
        /// The exponent, likewise.
        e: Vec<u8>,
    },
}

/// Why a JSON Web Key is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is no JSON object with the members that its type has, each once.
    #[error("the key is no JSON Web Key with exactly the members that it needs")]
    Form,
    /// RSA beyond the bounds, or a curve or type that is not known here.
    #[error(
        "the key is of a kind that is not supported: P-256, P-384, Ed25519, or RSA of 2,048 to 4,096 bits"
    )]
    Kind,
    /// A number in it is not base64url, or not as long as it has to be.
    #[error("a number in the key is malformed")]
    Number,
}

/// The members that a key can have. A private one is none of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Jwk {
    kty: String,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    // Said of a key, and not part of it (RFC 7638 §3.2).
    #[serde(rename = "use")]
    _use: Option<String>,
    #[serde(rename = "alg")]
    _alg: Option<String>,
    #[serde(rename = "kid")]
    _kid: Option<String>,
}

impl Key {
    /// Reads a JSON Web Key.
    pub fn parse(json: &RawValue) -> Result<Self, KeyError> {
        let jwk: Jwk = serde_json::from_str(json.get()).map_err(|_| KeyError::Form)?;
        let members = (jwk.crv.as_deref(), jwk.x, jwk.y, jwk.n, jwk.e);
        match (jwk.kty.as_str(), members) {
            ("EC", (Some(curve), Some(x), Some(y), None, None)) => {
                let (algorithm, octets) = match curve {
                    "P-256" => (Algorithm::Es256, 32),
                    "P-384" => (Algorithm::Es384, 48),
                    _ => return Err(KeyError::Kind),
                };
                let (x, y) = (number(&x, octets)?, number(&y, octets)?);
                Ok(Self::Ec { algorithm, point: [&[4], &x[..], &y].concat() })
            }
            ("OKP", (Some("Ed25519"), Some(x), None, None, None)) => {
                Ok(Self::Ed25519(number(&x, 32)?))
            }
            ("OKP", (Some(_), Some(_), None, None, None)) => Err(KeyError::Kind),
            ("RSA", (None, None, None, Some(n), Some(e))) => {
                let (n, e) = (positive(&n)?, positive(&e)?);
                let is_supported =
                    RSA_BYTES.contains(&n.len()) && e.len() <= RSA_EXPONENT_BYTES_MAX;
                if is_supported { Ok(Self::Rsa { n, e }) } else { Err(KeyError::Kind) }
            }
            ("EC" | "OKP" | "RSA", _) => Err(KeyError::Form),
            _ => Err(KeyError::Kind),
        }
    }

    /// The key with the members that it needs (RFC 7638 §3).
    pub fn to_json(&self) -> Box<RawValue> {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        let jwk = match self {
            Self::Ec { algorithm, point } => {
                let curve = if *algorithm == Algorithm::Es256 { "P-256" } else { "P-384" };
                let (x, y) = point[1..].split_at(point.len() / 2);
                serde_json::json!({"kty": "EC", "crv": curve, "x": text(x), "y": text(y)})
            }
            Self::Ed25519(key) => {
                serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": text(key)})
            }
            Self::Rsa { n, e } => serde_json::json!({"kty": "RSA", "n": text(n), "e": text(e)}),
        };
        serde_json::value::to_raw_value(&jwk).expect("texts are JSON")
    }

    /// Whether this key made this signature over these bytes, by this algorithm.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let by = |how: &'static dyn VerificationAlgorithm, key: &[u8]| {
            UnparsedPublicKey::new(how, key).verify(message, signature).is_ok()
        };
        match (self, algorithm) {
            (Self::Ec { algorithm: Algorithm::Es256, point }, Algorithm::Es256) => {
                by(&ECDSA_P256_SHA256_FIXED, point)
            }
            (Self::Ec { algorithm: Algorithm::Es384, point }, Algorithm::Es384) => {
                by(&ECDSA_P384_SHA384_FIXED, point)
            }
            (Self::Ed25519(key), Algorithm::EdDsa) => by(&ED25519, key),
            (Self::Rsa { n, e }, Algorithm::Rs256) => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            (Self::Ec { .. } | Self::Ed25519(_) | Self::Rsa { .. }, _) => false,
        }
    }
}

/// RSA moduli of 2,048 to 4,096 bits, in bytes: what public CAs take.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// 65,537 has three; more only makes verifying slow.
const RSA_EXPONENT_BYTES_MAX: usize = 4;

/// An integer of so many octets, leading zeros kept (RFC 7518 §6.2.1.2).
fn number(text: &str, octets: usize) -> Result<Vec<u8>, KeyError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Number)?;
    if bytes.len() == octets { Ok(bytes) } else { Err(KeyError::Number) }
}

/// An integer in as few octets as it takes (RFC 7518 §2, Base64urlUInt).
fn positive(text: &str) -> Result<Vec<u8>, KeyError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Number)?;
    let is_shortest = bytes.first().is_some_and(|first| *first != 0);
    if is_shortest { Ok(bytes) } else { Err(KeyError::Number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Result<&str, KeyError>) {
        let json = RawValue::from_string(json.to_owned()).expect("JSON");
        let parsed = Key::parse(&json);
        if let Ok(key) = &parsed {
            assert_eq!(Key::parse(&key.to_json()).as_ref(), Ok(key));
        }
        let kind = parsed.map(|key| match key {
            Key::Ec { algorithm, .. } => algorithm.as_str(),
            Key::Ed25519(_) => Algorithm::EdDsa.as_str(),
            Key::Rsa { .. } => Algorithm::Rs256.as_str(),
        });
        assert_eq!(kind, expected, "{}", json.get());
    }

    fn zeros(octets: usize) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(vec![0; octets])
    }

    fn ones(octets: usize) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(vec![255; octets])
    }

    #[test]
    fn keys_have_a_kind_and_exactly_their_members() {
        let (short, long) = (zeros(32), zeros(48));
        check(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{short}","y":"{short}"}}"#), Ok("ES256"));
        check(&format!(r#"{{"kty":"EC","crv":"P-384","x":"{long}","y":"{long}"}}"#), Ok("ES384"));
        check(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{short}"}}"#), Ok("EdDSA"));
        let rsa = format!(r#"{{"kty":"RSA","n":"{}","e":"AQAB","use":"sig"}}"#, ones(256));
        check(&rsa, Ok("RS256"));
        check("7", Err(KeyError::Form));
        check(r#"{"kty":"EC"}"#, Err(KeyError::Form));
        check(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{short}"}}"#), Err(KeyError::Form));
        // A second reading of a member, and a private one.
        let twice = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{short}","X":"{short}"}}"#);
        check(&twice, Err(KeyError::Form));
        let private = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{short}","d":"{short}"}}"#);
        check(&private, Err(KeyError::Form));
    }

    #[test]
    fn what_cannot_verify_is_refused_at_once() {
        let short = zeros(32);
        let p521 = format!(r#"{{"kty":"EC","crv":"P-521","x":"{short}","y":"{short}"}}"#);
        check(&p521, Err(KeyError::Kind));
        check(&format!(r#"{{"kty":"OKP","crv":"X25519","x":"{short}"}}"#), Err(KeyError::Kind));
        check(r#"{"kty":"oct"}"#, Err(KeyError::Kind));
        for (octets, e) in [(128, "AQAB"), (513, "AQAB"), (256, "AQABAQAB")] {
            let rsa = format!(r#"{{"kty":"RSA","n":"{}","e":"{e}"}}"#, ones(octets));
            check(&rsa, Err(KeyError::Kind));
        }
        check(r#"{"kty":"RSA","n":"AAAA","e":"AQAB"}"#, Err(KeyError::Number));
        check(r#"{"kty":"RSA","n":"!","e":"AQAB"}"#, Err(KeyError::Number));
        let long = zeros(33);
        let wrong = format!(r#"{{"kty":"EC","crv":"P-256","x":"{long}","y":"{short}"}}"#);
        check(&wrong, Err(KeyError::Number));
    }
}
