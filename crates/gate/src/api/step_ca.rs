//! The webhook by which step-ca asks before it signs: kind AUTHORIZING, X.509.
//!
//! step-ca sends the certificate that it is about to sign as JSON; it has not been encoded yet, so the fields are what
//! there is. For ACME it says neither account nor method: CAA records that are bound to either deny here, and an ACME
//! CA that has to honour them stands behind the proxy instead.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::hmac;
use countersign_caa::{Identifier, Name, Purpose};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use crate::acme::NAMES_MAX;
use crate::application::{Application, Source};
use crate::hex;

/// What a request has to be signed with.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// From the octets of the webhook's secret.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Whether `X-Smallstep-Signature` is that of this body: its HMAC-SHA256, in hexadecimal.
    pub(super) fn has_signed(&self, body: &[u8], signature: &str) -> bool {
        let signature = hex::decode(signature);
        signature.is_some_and(|signature| hmac::verify(&self.0, body, &signature).is_ok())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What step-ca is answered.
#[derive(Debug, Serialize)]
pub struct AnswerShape {
    /// May it sign?
    pub allow: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorShape>,
}

/// Why step-ca may not sign.
#[derive(Debug, Serialize)]
pub struct ErrorShape {
    /// A word that does not change.
    pub code: String,
    /// In words.
    pub message: String,
}

impl AnswerShape {
    /// It may not.
    pub(super) fn refusal(code: &str, message: impl Into<String>) -> Self {
        let error = ErrorShape { code: code.to_owned(), message: message.into() };
        Self { allow: false, error: Some(error) }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RequestShape {
    timestamp: Timestamp,
    x509_certificate: Option<CertificateShape>,
}

/// The certificate; what CAA has nothing to do with is not looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CertificateShape {
    #[serde(default)]
    subject: SubjectShape,
    #[serde(default, deserialize_with = "texts")]
    dns_names: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    email_addresses: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    ip_addresses: Vec<String>,
    #[serde(default, deserialize_with = "texts")]
    uris: Vec<String>,
    #[serde(default)]
    sans: Option<Vec<AlternativeShape>>,
    #[serde(default)]
    extensions: Option<Vec<ExtensionShape>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubjectShape {
    #[serde(default)]
    common_name: String,
    #[serde(default)]
    extra_names: Option<Vec<AttributeShape>>,
}

#[derive(Deserialize)]
struct AttributeShape {
    r#type: String,
}

#[derive(Deserialize)]
struct AlternativeShape {
    r#type: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct ExtensionShape {
    id: String,
}

/// A text, several, or null: software in Go writes all of them.
fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Texts {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Option::<Texts>::deserialize(deserializer)? {
        None => Vec::new(),
        Some(Texts::One(text)) => vec![text],
        Some(Texts::Several(texts)) => texts,
    })
}

/// What is to be decided; the code and the reason if that cannot be.
pub(super) fn application(
    body: &[u8],
    issuers: &[Name],
    now: Timestamp,
) -> Result<Application, (&'static str, String)> {
    let malformed = |why: String| ("malformed", why);
    let request: RequestShape =
        serde_json::from_slice(body).map_err(|why| malformed(why.to_string()))?;
    // Whoever has recorded a request must not ask again with it.
    if request.timestamp.duration_since(now).abs() > AGE_MAX {
        return Err(("stale", format!("the request is of {}", request.timestamp)));
    }
    let Some(certificate) = request.x509_certificate else {
        let why =
            "there is no x509Certificate: the webhook has to be of kind AUTHORIZING, for X.509";
        return Err(("unsupported", why.to_owned()));
    };
    let unsupported = |what: &str| ("unsupported-name", format!("CAA says nothing about {what}"));
    if !certificate.email_addresses.is_empty() {
        return Err(unsupported("mail addresses beside names"));
    }
    if !certificate.ip_addresses.is_empty() || !certificate.uris.is_empty() {
        return Err(unsupported("addresses and URIs"));
    }
    let mut names: BTreeSet<String> = certificate.dns_names.into_iter().collect();
    for AlternativeShape { r#type, value } in certificate.sans.unwrap_or_default() {
        if r#type != "dns" {
            return Err(unsupported(&format!("alternative names of type {type:?}")));
        }
        names.insert(value);
    }
    // 2.5.29.17 written out by a template would take the place of all these.
    if certificate.extensions.iter().flatten().any(|extension| extension.id == "2.5.29.17") {
        return Err(unsupported("alternative names that a template has encoded"));
    }
    // 2.5.4.3 is the common name, by its number.
    let extra = certificate.subject.extra_names.iter().flatten();
    if extra.into_iter().any(|attribute| attribute.r#type == "2.5.4.3") {
        return Err(unsupported("common names beside the one that has a field"));
    }
    if !certificate.subject.common_name.is_empty() {
        names.insert(certificate.subject.common_name);
    }
    let mut all = BTreeMap::new();
    for name in names {
        let identifier = Identifier::parse(&name);
        let identifier =
            identifier.map_err(|why| ("unsupported-name", format!("{name:?}: {why}")))?;
        all.insert(identifier, None);
    }
    if !(1..=NAMES_MAX).contains(&all.len()) {
        return Err(malformed(format!("there have to be 1 to {NAMES_MAX} names")));
    }
    Ok(Application {
        source: Source::StepCa,
        reference: None,
        purpose: Purpose::Tls,
        issuers: issuers.to_vec(),
        accounts: Vec::new(),
        names: all,
    })
}

/// How old a request may be, and how far clocks may be apart.
const AGE_MAX: SignedDuration = SignedDuration::from_mins(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(certificate: &str, expected: Result<&[&str], &str>) {
        let body =
            format!(r#"{{"timestamp":"2026-11-28T12:00:00.123456789+01:00",{certificate}}}"#);
        let now = "2026-11-28T11:00:02Z".parse().expect("a time");
        let found = application(body.as_bytes(), &[], now);
        let names =
            found.map(|found| found.names.keys().map(ToString::to_string).collect::<Vec<_>>());
        let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(names.map_err(|(code, _)| code), expected, "{certificate}");
    }

    #[test]
    fn the_names_are_all_that_would_be_certified() {
        let of = |fields: &str| format!(r#""x509Certificate":{{{fields}}}"#);
        check(
            &of(r#""dnsNames":["b.example","A.example"],"publicKey":"AA==""#),
            Ok(&["a.example", "b.example"]),
        );
        check(
            &of(r#""dnsNames":"a.example","subject":{"commonName":"a.example"}"#),
            Ok(&["a.example"]),
        );
        let all = r#""dnsNames":null,"sans":[{"type":"dns","value":"*.a.example"}],"subject":{"commonName":"c.example"}"#;
        check(&of(all), Ok(&["*.a.example", "c.example"]));
        check(&of(r#""dnsNames":null"#), Err("malformed"));
        check(
            &of(r#""dnsNames":["a.example"],"ipAddresses":["192.0.2.1"]"#),
            Err("unsupported-name"),
        );
        check(&of(r#""dnsNames":["a.example"],"uris":["a:b"]"#), Err("unsupported-name"));
        check(&of(r#""dnsNames":["a.example"],"emailAddresses":["a@b"]"#), Err("unsupported-name"));
        check(&of(r#""sans":[{"type":"ip","value":"192.0.2.1"}]"#), Err("unsupported-name"));
        check(
            &of(r#""dnsNames":["a.example"],"subject":{"commonName":"A Person"}"#),
            Err("unsupported-name"),
        );
        let encoded =
            r#""dnsNames":["a.example"],"extensions":[{"id":"2.5.29.17","value":"AA=="}]"#;
        check(&of(encoded), Err("unsupported-name"));
        let subject = r#""dnsNames":["a.example"],"subject":{"extraNames":[{"type":"2.5.4.3","value":"b.example"}]}"#;
        check(&of(subject), Err("unsupported-name"));
        let subject =
            r#""dnsNames":["a.example"],"subject":{"extraNames":[{"type":"2.5.4.5","value":"7"}]}"#;
        check(&of(subject), Ok(&["a.example"]));
        check(&of(r#""dnsNames":["a.example"],"subject":{"extraNames":null}"#), Ok(&["a.example"]));
        check(r#""x509CertificateRequest":{"dnsNames":["a.example"]}"#, Err("unsupported"));
        check(r#""x509Certificate":7"#, Err("malformed"));
    }

    #[test]
    fn a_recorded_request_is_too_old() {
        let body =
            br#"{"timestamp":"2026-11-28T12:00:00Z","x509Certificate":{"dnsNames":["a.example"]}}"#;
        let check = |now: &str, is_good: bool| {
            let found = application(body, &[], now.parse().expect("a time"));
            assert_eq!(found.is_ok(), is_good, "{now}");
        };
        check("2026-11-28T12:04:59Z", true);
        check("2026-11-28T12:05:01Z", false);
        check("2026-11-28T11:54:00Z", false);
    }

    #[test] // Of `openssl dgst -sha256 -hmac key`.
    fn a_body_is_signed_by_the_secret() {
        let secret = Secret::new(b"key");
        let body = b"The quick brown fox jumps over the lazy dog";
        let good = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8";
        assert!(secret.has_signed(body, good));
        for bad in ["", "00", &good.to_uppercase(), &good.replace('f', "e")] {
            assert!(!secret.has_signed(body, bad), "{bad}");
        }
        assert!(!secret.has_signed(b"", good));
    }
}
