//! What a client is told whose request is not passed on: a problem document (RFC 7807, RFC 8555 §6.7).

use std::fmt;

use serde::Serialize;

/// What kind of problem it is, of those that RFC 8555 §6.7 registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// There is no such account.
    AccountDoesNotExist,
    /// The names in the request for a certificate are not those of the order.
    BadCsr,
    /// There is no nonce.
    BadNonce,
    /// The key is not supported.
    BadPublicKey,
    /// `alg` is not supported.
    BadSignatureAlgorithm,
    /// CAA records forbid it.
    Caa,
    /// The request is not understood.
    Malformed,
    /// The order cannot be finalized yet.
    OrderNotReady,
    /// Something failed that the client has no part in.
    ServerInternal,
    /// The client may not do this.
    Unauthorized,
    /// Identifiers of this kind are not let through.
    UnsupportedIdentifier,
}

impl Problem {
    /// The URN, without `urn:ietf:params:acme:error:`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountDoesNotExist => "accountDoesNotExist",
            Self::BadCsr => "badCSR",
            Self::BadNonce => "badNonce",
            Self::BadPublicKey => "badPublicKey",
            Self::BadSignatureAlgorithm => "badSignatureAlgorithm",
            Self::Caa => "caa",
            Self::Malformed => "malformed",
            Self::OrderNotReady => "orderNotReady",
            Self::ServerInternal => "serverInternal",
            Self::Unauthorized => "unauthorized",
            Self::UnsupportedIdentifier => "unsupportedIdentifier",
        }
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            Self::Caa | Self::OrderNotReady | Self::Unauthorized => 403,
            Self::ServerInternal => 500,
            Self::AccountDoesNotExist
            | Self::BadCsr
            | Self::BadNonce
            | Self::BadPublicKey
            | Self::BadSignatureAlgorithm
            | Self::Malformed
            | Self::UnsupportedIdentifier => 400,
        }
    }
}

/// Why a request is not passed on, or an answer not given back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    /// The kind.
    pub problem: Problem,
    /// The HTTP status.
    pub status: u16,
    /// A sentence for whoever runs the client.
    pub detail: String,
    /// What is the matter with single names (RFC 8555 §6.7.1).
    pub names: Vec<(String, Problem, String)>,
}

impl Refusal {
    /// A refusal with the status that goes with its kind.
    pub fn new(problem: Problem, detail: impl fmt::Display) -> Self {
        let status = problem.status();
        Self { problem, status, detail: detail.to_string(), names: Vec::new() }
    }

    /// The same with another status.
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The problem document.
    pub fn to_json(&self) -> Vec<u8> {
        let subproblems = self.names.iter().map(|(name, problem, detail)| Subproblem {
            r#type: urn(*problem),
            detail,
            identifier: Identifier { r#type: "dns", value: name },
        });
        let document = Document {
            r#type: urn(self.problem),
            detail: &self.detail,
            status: self.status,
            subproblems: subproblems.collect(),
        };
        serde_json::to_vec(&document).expect("texts and numbers are JSON")
    }
}

fn urn(problem: Problem) -> String {
    format!("urn:ietf:params:acme:error:{}", problem.as_str())
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    detail: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subproblems: Vec<Subproblem<'a>>,
}

#[derive(Serialize)]
struct Subproblem<'a> {
    r#type: String,
    detail: &'a str,
    identifier: Identifier<'a>,
}

#[derive(Serialize)]
struct Identifier<'a> {
    r#type: &'static str,
    value: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_name_is_named() {
        let mut refusal = Refusal::new(Problem::Caa, "not allowed");
        refusal.names.push(("a.example".to_owned(), Problem::Caa, "another account".to_owned()));
        let json = String::from_utf8(refusal.to_json()).expect("JSON is text");
        let urn = "urn:ietf:params:acme:error:caa";
        let expected = format!(
            r#"{{"type":"{urn}","detail":"not allowed","status":403,"subproblems":[{{"type":"{urn}","detail":"another account","identifier":{{"type":"dns","value":"a.example"}}}}]}}"#
        );
        assert_eq!(json, expected);
    }
}
