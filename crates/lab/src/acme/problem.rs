//! What a customer is told who does not get what she asked for: a problem document (RFC 7807, RFC 8555 §6.7).

use countersign_gate::acme::JwsError;
use http::StatusCode;
use serde_json::{Value, json};

/// A problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) kind: Kind,
    pub(super) detail: String,
}

/// What kind of problem it is, of those that RFC 8555 §6.7 registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    AccountDoesNotExist,
    BadCsr,
    BadNonce,
    BadPublicKey,
    BadSignatureAlgorithm,
    Caa,
    Connection,
    Dns,
    IncorrectResponse,
    Malformed,
    /// There is nothing at this address: `malformed`, with a status of its own.
    NotFound,
    OrderNotReady,
    RateLimited,
    RejectedIdentifier,
    ServerInternal,
    Unauthorized,
    UnsupportedIdentifier,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::AccountDoesNotExist => "accountDoesNotExist",
            Self::BadCsr => "badCSR",
            Self::BadNonce => "badNonce",
            Self::BadPublicKey => "badPublicKey",
            Self::BadSignatureAlgorithm => "badSignatureAlgorithm",
            Self::Caa => "caa",
            Self::Connection => "connection",
            Self::Dns => "dns",
            Self::IncorrectResponse => "incorrectResponse",
            Self::Malformed | Self::NotFound => "malformed",
            Self::OrderNotReady => "orderNotReady",
            Self::RateLimited => "rateLimited",
            Self::RejectedIdentifier => "rejectedIdentifier",
            Self::ServerInternal => "serverInternal",
            Self::Unauthorized => "unauthorized",
            Self::UnsupportedIdentifier => "unsupportedIdentifier",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::Caa | Self::OrderNotReady | Self::Unauthorized => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::ServerInternal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::AccountDoesNotExist
            | Self::BadCsr
            | Self::BadNonce
            | Self::BadPublicKey
            | Self::BadSignatureAlgorithm
            | Self::Connection
            | Self::Dns
            | Self::IncorrectResponse
            | Self::Malformed
            | Self::RejectedIdentifier
            | Self::UnsupportedIdentifier => StatusCode::BAD_REQUEST,
        }
    }
}

impl Problem {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    pub(super) fn status(&self) -> StatusCode {
        self.kind.status()
    }

    /// The document.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "type": format!("{URN}{}", self.kind.as_str()),
            "detail": self.detail,
            "status": self.status().as_u16(),
        })
    }
}

impl From<JwsError> for Problem {
    fn from(why: JwsError) -> Self {
        let kind = match why {
            JwsError::Algorithm => Kind::BadSignatureAlgorithm,
            JwsError::Key(_) => Kind::BadPublicKey,
            _ => Kind::Malformed,
        };
        Self::new(kind, why.to_string())
    }
}

/// In front of the kind.
pub(super) const URN: &str = "urn:ietf:params:acme:error:";
