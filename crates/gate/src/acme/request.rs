//! What a client asks for, once it is understood.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::key::Key;
use super::refusal::{Problem, Refusal};

/// A request as it came.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// How.
    pub method: Method,
    /// What for, with scheme and host.
    pub url: &'a str,
    /// The media type of the body, if one was said.
    pub content_type: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// The methods of HTTP that ACME uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Of the directory, nonces and renewal information.
    Get,
    /// Of nonces.
    Head,
    /// Of all else.
    Post,
}

/// What an address stands for (RFC 8555 §7.1; RFC 9773).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The directory.
    Directory,
    /// A place that gives nonces.
    NewNonce,
    /// Where accounts are made and found.
    NewAccount,
    /// Where orders are made.
    NewOrder,
    /// Where authorizations are made ahead of orders.
    NewAuthz,
    /// Where certificates are revoked.
    RevokeCert,
    /// Where the key of an account is changed.
    KeyChange,
    /// When a certificate is to be renewed.
    RenewalInfo,
    /// An account.
    Account,
    /// The orders of an account.
    Orders,
    /// An order.
    Order,
    /// Where an order is finalized.
    Finalize,
    /// An authorization.
    Authorization,
    /// A challenge.
    Challenge,
    /// A certificate.
    Certificate,
}

/// A request that is understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What it is for.
    pub kind: Kind,
    /// The address.
    pub url: String,
    /// The account that asks.
    pub account: Option<String>,
    /// Who has verified or will verify the signature.
    pub signature: Signature,
    /// The nonce, of a request that is signed. Whether it is good is for whoever knows which were given out.
    pub nonce: Option<String>,
    /// The key that is to be an account's: of a new account, or after a change.
    pub key: Option<Key>,
    /// What has to be decided before it is passed on: of a request that finalizes an order.
    pub issue: Option<Issue>,
}

/// Who verifies the signature of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// There is none: the method is GET or HEAD.
    None,
    /// It was verified here, by a key that the CA has confirmed or that is in the request.
    Verified,
    /// The CA, who alone knows the key of this account.
    LeftToCa,
}

/// What a certificate is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Whose order it is, by the account's URL.
    pub account: String,
    /// The order.
    pub order: String,
    /// Its names, each once.
    pub names: Vec<Named>,
}

/// A name, and how it was validated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Named {
    /// Lower-cased, with `*.` in front if it is a wildcard.
    pub name: String,
    /// The type of the challenge.
    pub method: String,
}

/// A payload that has to be a JSON object of this form, without anything else in it.
pub(super) fn payload<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &str) -> Result<T, Refusal> {
    serde_json::from_slice(bytes).map_err(|why| {
        Refusal::new(
            Problem::Malformed,
            format!("the payload is no {what} that is known here: {why}"),
        )
    })
}

/// RFC 8555 §7.3.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct AccountPayload<'a> {
    #[serde(rename = "contact")]
    _contact: Option<Vec<String>>,
    #[serde(rename = "termsOfServiceAgreed")]
    _terms_of_service_agreed: Option<bool>,
    #[serde(rename = "onlyReturnExisting")]
    _only_return_existing: Option<bool>,
    #[serde(rename = "externalAccountBinding", borrow)]
    _external_account_binding: Option<&'a RawValue>,
    /// Only `deactivated` makes sense (RFC 8555 §7.3.6).
    #[serde(rename = "status")]
    _status: Option<Deactivated>,
    // The address of the orders and such, which some clients send back as they got them, are not let through.
}

/// RFC 8555 §7.4; RFC 9773 §5; profiles (draft-ietf-acme-profiles).
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct OrderPayload {
    pub(super) identifiers: Vec<IdentifierPayload>,
    #[serde(rename = "notBefore")]
    _not_before: Option<String>,
    #[serde(rename = "notAfter")]
    _not_after: Option<String>,
    #[serde(rename = "replaces")]
    _replaces: Option<String>,
    #[serde(rename = "profile")]
    _profile: Option<String>,
}

/// RFC 8555 §7.4.1.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthzPayload {
    pub(super) identifier: IdentifierPayload,
}

/// RFC 8555 §7.1.3.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentifierPayload {
    pub(super) r#type: String,
    #[serde(rename = "value")]
    _value: String,
}

impl IdentifierPayload {
    /// No CAA record can allow or forbid anything else than a DNS name.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.r#type == "dns" {
            return Ok(());
        }
        let detail =
            "only identifiers of type dns are let through here: for others there is no CAA";
        Err(Refusal::new(Problem::UnsupportedIdentifier, detail))
    }
}

/// RFC 8555 §7.4.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FinalizePayload {
    pub(super) csr: String,
}

/// RFC 8555 §7.5.2: of an authorization that is given up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenUp {
    #[serde(rename = "status")]
    _status: Deactivated,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Deactivated {
    Deactivated,
}

/// RFC 8555 §7.5.1: the challenges that are known here take an empty object.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Empty {}

/// RFC 8555 §7.6.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RevokePayload {
    #[serde(rename = "certificate")]
    _certificate: String,
    #[serde(rename = "reason")]
    _reason: Option<u8>,
}

/// RFC 8555 §7.3.5.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct KeyChangePayload {
    pub(super) account: String,
    pub(super) old_key: Box<RawValue>,
}
