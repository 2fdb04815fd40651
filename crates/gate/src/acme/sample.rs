//! A client of ACME, for tests: a key that signs what it is told to.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// Somebody with a key on P-256.
pub(super) struct Client(EcdsaKeyPair);

impl Client {
    pub(super) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
    }

    pub(super) fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
    }

    /// A JWS with this header and payload.
    pub(super) fn sign(&self, header: &Value, payload: &str) -> String {
        let (header, payload) = (encode(header.to_string().as_bytes()), encode(payload.as_bytes()));
        let signed = format!("{header}.{payload}");
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        json!({"protected": header, "payload": payload, "signature": encode(signature.as_ref())})
            .to_string()
    }

    /// A request by an account.
    pub(super) fn by(&self, account: &str, url: &str, payload: &str) -> String {
        let header = json!({"alg": "ES256", "kid": account, "nonce": "n-1", "url": url});
        self.sign(&header, payload)
    }

    /// A request by the key itself.
    pub(super) fn by_key(&self, url: &str, payload: &str) -> String {
        let header = json!({"alg": "ES256", "jwk": self.jwk(), "nonce": "n-1", "url": url});
        self.sign(&header, payload)
    }
}

pub(super) fn encode(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}
