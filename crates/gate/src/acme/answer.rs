//! What a CA's answers show. Members that are not needed here are not looked at: they go to the client, who asked.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::book::BookError;
use super::request::Kind;

/// An answer of the CA.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// `Location`.
    pub location: Option<&'a str>,
    /// Each `Link`.
    pub links: &'a [&'a str],
    /// The body.
    pub body: &'a [u8],
}

impl Answer<'_> {
    /// Whether the CA did what it was asked for.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The addresses in `Link` with this relation (RFC 8288 §3).
    pub(super) fn related(&self, relation: &str) -> impl Iterator<Item = &str> {
        let said = format!("rel=\"{relation}\"");
        self.links.iter().flat_map(|link| link.split(',')).filter_map(move |link| {
            let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
            rest.split(';').any(|parameter| parameter.trim() == said).then_some(target)
        })
    }
}

/// The directory (RFC 8555 §7.1.1): where all begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    /// What each address stands for. That of renewal information has something after it.
    pub(super) kinds: BTreeMap<String, Kind>,
    /// Where nonces are.
    pub(super) new_nonce: String,
    /// In front of what renewal information is asked about.
    pub(super) renewal_info: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DirectoryShape {
    new_nonce: String,
    new_account: String,
    new_order: String,
    new_authz: Option<String>,
    revoke_cert: String,
    key_change: String,
    renewal_info: Option<String>,
}

impl Directory {
    /// Reads it. All addresses have to begin with `origin`.
    pub(super) fn parse(body: &[u8], origin: &str) -> Result<Self, BookError> {
        let shape: DirectoryShape =
            serde_json::from_slice(body).map_err(|_| BookError::Answer("directory"))?;
        let mut kinds = BTreeMap::new();
        let always = [
            (Some(&shape.new_nonce), Kind::NewNonce),
            (Some(&shape.new_account), Kind::NewAccount),
            (Some(&shape.new_order), Kind::NewOrder),
            (shape.new_authz.as_ref(), Kind::NewAuthz),
            (Some(&shape.revoke_cert), Kind::RevokeCert),
            (Some(&shape.key_change), Kind::KeyChange),
        ];
        for (url, kind) in always {
            if let Some(url) = url {
                kinds.insert(ours(url, origin)?, kind);
            }
        }
        let renewal_info = shape.renewal_info.map(|url| ours(&url, origin)).transpose()?;
        Ok(Self { kinds, new_nonce: shape.new_nonce, renewal_info })
    }
}

/// An address of the CA as clients see it, behind this origin.
pub(super) fn ours(url: &str, origin: &str) -> Result<String, BookError> {
    // On the way such a segment is taken out (RFC 3986 §5.2.4), and another address is asked than the one that was read.
    let is_dots =
        |segment: &str| [".", ".."].contains(&&*segment.to_ascii_lowercase().replace("%2e", "."));
    let is_ours = url
        .strip_prefix(origin)
        .is_some_and(|path| path.starts_with('/') && !path.split(['/', '?']).any(is_dots));
    let is_plain = url.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\#".contains(&byte));
    if is_ours && is_plain && url.len() <= URL_BYTES_MAX {
        return Ok(url.to_owned());
    }
    let shown: String = url.chars().take(200).collect();
    Err(BookError::Elsewhere { url: shown, origin: origin.to_owned() })
}

/// Addresses of CAs have some hundred bytes.
const URL_BYTES_MAX: usize = 1024;

/// RFC 8555 §7.1.2.
#[derive(Deserialize)]
pub(super) struct AccountShape {
    pub(super) status: String,
    pub(super) orders: Option<String>,
}

/// RFC 8555 §7.1.2.1.
#[derive(Deserialize)]
pub(super) struct OrdersShape {
    pub(super) orders: Vec<String>,
}

/// RFC 8555 §7.1.3.
#[derive(Deserialize)]
pub(super) struct OrderShape {
    pub(super) identifiers: Vec<IdentifierShape>,
    pub(super) authorizations: Vec<String>,
    pub(super) finalize: String,
    pub(super) certificate: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct IdentifierShape {
    pub(super) r#type: String,
    pub(super) value: String,
}

/// RFC 8555 §7.1.4.
#[derive(Deserialize)]
pub(super) struct AuthorizationShape {
    pub(super) identifier: IdentifierShape,
    pub(super) status: String,
    pub(super) challenges: Vec<ChallengeShape>,
    #[serde(default)]
    pub(super) wildcard: bool,
}

/// RFC 8555 §8.
#[derive(Deserialize)]
pub(super) struct ChallengeShape {
    pub(super) r#type: String,
    pub(super) url: String,
    pub(super) status: String,
}

/// The body of an answer in this form.
pub(super) fn body<T: for<'a> Deserialize<'a>>(
    answer: &Answer<'_>,
    what: &'static str,
) -> Result<T, BookError> {
    // Twice the same member would be read by the client as it likes.
    let read: Result<T, _> = serde_json::from_slice(answer.body);
    read.map_err(|_| BookError::Answer(what))
}

/// Whether a key in JSON is this one.
pub(super) fn is_key(json: &RawValue, key: &super::key::Key) -> bool {
    super::key::Key::parse(json).is_ok_and(|read| read == *key)
}
