//! Keys of accounts: a customer's own, and the thumbprint by which an answer to a challenge is bound to one.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_gate::acme::{Algorithm, Key};
use serde_json::{Value, json};

use crate::certificates::sha256;

/// The key of an account, both halves, on P-256. Whoever has a clone of it has the account.
#[derive(Clone)]
pub struct AccountKey(Arc<EcdsaKeyPair>);

impl AccountKey {
    /// A new one.
    pub fn generate() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING);
        Self(Arc::new(pair.expect("the machine has randomness")))
    }

    /// The public half.
    pub(super) fn public(&self) -> Key {
        Key::Ec { algorithm: Algorithm::Es256, point: self.0.public_key().as_ref().to_vec() }
    }

    /// The public half as a JSON Web Key (RFC 7517).
    pub(super) fn jwk(&self) -> Value {
        jwk(&self.public())
    }

    /// A flattened JWS with this header, which says neither `alg` nor anything else by itself (RFC 7515 §7.2.2).
    pub(super) fn sign(&self, header: &Value, payload: &str) -> Vec<u8> {
        let header = encode(header.to_string().as_bytes());
        let payload = encode(payload.as_bytes());
        let signed = format!("{header}.{payload}");
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = encode(signature.expect("a P-256 key signs any bytes").as_ref());
        let jws = json!({"protected": header, "payload": payload, "signature": signature});
        jws.to_string().into_bytes()
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AccountKey").field(&thumbprint(&self.public())).finish()
    }
}

/// The members that make a key what it is (RFC 7638 §3.2).
fn jwk(key: &Key) -> Value {
    match key {
        Key::Ec { point, .. } => {
            // 4, x, y.
            let (x, y) = point[1..].split_at(point.len() / 2);
            let curve = if x.len() == 32 { "P-256" } else { "P-384" };
            json!({"crv": curve, "kty": "EC", "x": encode(x), "y": encode(y)})
        }
        Key::Ed25519(octets) => json!({"crv": "Ed25519", "kty": "OKP", "x": encode(octets)}),
        Key::Rsa { n, e } => json!({"e": encode(e), "kty": "RSA", "n": encode(n)}),
    }
}

/// The thumbprint of a key (RFC 7638).
pub(super) fn thumbprint(key: &Key) -> String {
    // Members come in the order of the alphabet and without spaces, as RFC 7638 §3.3 wants them.
    encode(&sha256(jwk(key).to_string().as_bytes()))
}

/// base64url without padding.
pub(super) fn encode(octets: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test] // RFC 7638 §3.1
    fn a_thumbprint_is_that_of_the_rfc() {
        const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let n = BASE64_URL_SAFE_NO_PAD.decode(N).unwrap();
        let key = Key::Rsa { n, e: vec![1, 0, 1] };
        assert_eq!(thumbprint(&key), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
}
