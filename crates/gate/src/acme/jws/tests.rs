use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::acme::sample::{Client, encode};

const URL: &str = "https://ca.example/new-order";

#[track_caller]
fn check(body: &str, expected: Result<(), JwsError>) {
    assert_eq!(Jws::parse(body.as_bytes()).map(drop), expected, "{body}");
}

#[test]
fn a_jws_is_signed_by_its_key_and_no_other() {
    let (client, other) = (Client::new(), Client::new());
    let jws = Jws::parse(client.by("https://ca.example/a/1", URL, "{}").as_bytes()).expect("a JWS");
    let key = |client: &Client| {
        let jwk = RawValue::from_string(client.jwk().to_string()).expect("JSON");
        Key::parse(&jwk).expect("a key")
    };
    assert!(jws.is_signed_by(&key(&client)));
    assert!(!jws.is_signed_by(&key(&other)));
    assert_eq!(jws.signer, Signer::Account("https://ca.example/a/1".to_owned()));
    assert_eq!((&jws.url[..], &jws.payload[..]), (URL, &b"{}"[..]));
    let by_key = Jws::parse(client.by_key(URL, "").as_bytes()).expect("a JWS");
    assert_eq!(by_key.signer, Signer::Key(key(&client)));
    let changed = Jws { signed: [&jws.signed[..], b"x"].concat(), ..jws };
    assert!(!changed.is_signed_by(&key(&client)));
}

#[test]
fn only_the_flattened_form_is_taken() {
    for body in ["", "[]", "{}", "null", r#"{"protected":"","payload":""}"#] {
        check(body, Err(JwsError::Form));
    }
    let parts = r#""protected":"e30","payload":"","signature":"""#;
    check(&format!("{{{parts}}}"), Err(JwsError::Header));
    check(&format!("{{{parts},\"header\":{{}}}}"), Err(JwsError::Form));
    check(&format!("{{{parts},\"signatures\":[]}}"), Err(JwsError::Form));
    check(&format!("{{{parts},\"payload\":\"\"}}"), Err(JwsError::Form));
    // Software in Go would take this for the payload.
    check(&format!("{{{parts},\"Payload\":\"\"}}"), Err(JwsError::Form));
    check(&format!("{{{parts}}} x"), Err(JwsError::Form));
    check(&" ".repeat(BODY_BYTES_MAX + 1), Err(JwsError::TooLarge));
}

#[test]
fn base64_has_one_form() {
    for part in ["e30=", "e3+0", "e31", "e3 0", "e30\\n"] {
        let body = format!(r#"{{"protected":"{part}","payload":"","signature":""}}"#);
        check(&body, Err(JwsError::Encoding));
    }
}

#[test] // RFC 8555 §6.2.
fn the_header_says_what_it_has_to_and_nothing_else() {
    let client = Client::new();
    let header = |header: serde_json::Value, expected: Result<(), JwsError>| {
        check(&client.sign(&header, ""), expected);
    };
    header(json!({"alg": "ES256", "kid": "a", "nonce": "n", "url": "u"}), Ok(()));
    header(json!({"alg": "ES256", "nonce": "n", "url": "u"}), Err(JwsError::Header));
    let both = json!({"alg": "ES256", "kid": "a", "jwk": client.jwk(), "nonce": "n", "url": "u"});
    header(both, Err(JwsError::Header));
    header(json!({"alg": "ES256", "kid": "a", "nonce": "n"}), Err(JwsError::Header));
    header(json!({"alg": "ES256", "kid": "a", "url": "u", "crit": ["x"]}), Err(JwsError::Header));
    header(json!({"alg": "ES256", "kid": "a", "url": "u", "b64": false}), Err(JwsError::Header));
    for alg in ["none", "HS256", "es256", "RS512", ""] {
        header(json!({"alg": alg, "kid": "a", "nonce": "n", "url": "u"}), Err(JwsError::Algorithm));
    }
    let key = json!({"alg": "ES256", "jwk": {"kty": "oct"}, "nonce": "n", "url": "u"});
    header(key, Err(JwsError::Key(KeyError::Kind)));
}

proptest! {
    #[test]
    fn any_bytes_are_a_jws_or_not(body: Vec<u8>, header: Vec<u8>, payload: Vec<u8>) {
        let _nothing = Jws::parse(&body);
        let (header, payload) = (encode(&header), encode(&payload));
        let body = json!({"protected": header, "payload": payload, "signature": ""}).to_string();
        prop_assert!(Jws::parse(body.as_bytes()).is_err());
    }
}
