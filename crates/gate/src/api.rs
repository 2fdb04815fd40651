//! The HTTP API: decisions for a CA's own software, for step-ca and for other gates, and those that were archived.
//!
//! | route | who asks |
//! |---|---|
//! | `POST /v1/decide` | the CA, with a token if one is configured |
//! | `GET /v1/decisions/{id}`, `GET /v1/proofs/{hash}` | the same |
//! | `POST /v1/corroborate` | other gates, with a token of their own |
//! | `POST /v1/step-ca/authorize` | step-ca, with a signature |
//! | `GET /openapi.json`, `GET /healthz` | anybody |

pub mod openapi;
pub mod shape;
pub mod step_ca;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_caa::{Name, Verdict};
use serde::Serialize;

use crate::application::Source;
use crate::archive::read_proof;
use crate::corroborate::CorroborationShape;
use crate::decide::{Decided, Gate};
use crate::hex;
use crate::lookup::sha256;
use shape::ApplicationShape;
use step_ca::{AnswerShape, Secret};

/// What the API needs.
#[derive(Clone, Debug)]
pub struct Api {
    /// Whoever decides.
    pub gate: Gate,
    /// The names by which the CA is known.
    pub issuers: Vec<Name>,
    /// What the CA's own software has to show; `None` where only it can reach the port.
    pub token: Option<Token>,
    /// What other gates have to show; without any, none is answered.
    pub corroboration_tokens: Vec<Token>,
    /// What step-ca signs with; without it, it is not answered.
    pub step_ca: Option<Secret>,
}

/// A bearer token (RFC 6750), by its hash, so that comparing takes as long for every wrong one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// This one.
    pub fn new(token: &str) -> Self {
        Self(sha256(token.as_bytes()))
    }

    fn is_shown(self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        shown
            .and_then(|value| value.strip_prefix("Bearer "))
            .is_some_and(|shown| Self::new(shown) == self)
    }
}

/// The routes.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/decide", post(decide))
        .route("/v1/decisions/{id}", get(decision))
        .route("/v1/proofs/{hash}", get(proof))
        .route("/v1/corroborate", post(corroborate))
        .route("/v1/step-ca/authorize", post(authorize))
        .route("/openapi.json", get(async || json(StatusCode::OK, &openapi::document())))
        .route("/healthz", get(async || json(StatusCode::OK, &serde_json::json!({"status": "ok"}))))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .fallback(async || error(StatusCode::NOT_FOUND, "there is nothing here: see /openapi.json"))
        .with_state(Arc::new(api))
}

/// A request for a thousand names has 100 kB.
const BODY_BYTES_MAX: usize = 1 << 20;

type Shared = State<Arc<Api>>;

async fn decide(State(api): Shared, headers: HeaderMap, body: Bytes) -> Response {
    if !api.token.is_none_or(|token| token.is_shown(&headers)) {
        return unauthorized();
    }
    match asked(&api, Source::Api, &body).await {
        Ok(decided) => json(StatusCode::OK, &*decided.record),
        Err(refusal) => refusal,
    }
}

async fn corroborate(State(api): Shared, headers: HeaderMap, body: Bytes) -> Response {
    if !api.corroboration_tokens.iter().any(|token| token.is_shown(&headers)) {
        return unauthorized();
    }
    match asked(&api, Source::Corroboration, &body).await {
        Ok(decided) => {
            let evidence = decided.judgement.names.iter().flat_map(|name| &name.evidence);
            let proofs: HashMap<String, String> = evidence
                .filter_map(|evidence| evidence.proof.as_ref())
                .map(|proof| (hex::encode(&proof.hash), BASE64_STANDARD.encode(&proof.bytes)))
                .collect();
            let record = decided.record.as_ref().clone();
            json(StatusCode::OK, &CorroborationShape { record, proofs })
        }
        Err(refusal) => refusal,
    }
}

async fn asked(api: &Api, source: Source, body: &[u8]) -> Result<Decided, Response> {
    let shape: ApplicationShape = serde_json::from_slice(body)
        .map_err(|why| error(StatusCode::BAD_REQUEST, &format!("this is no application: {why}")))?;
    let application = shape
        .application(source, &api.issuers)
        .map_err(|why| error(StatusCode::BAD_REQUEST, &why))?;
    api.gate.decide(application).await.map_err(|why| not_decided(&why))
}

async fn decision(State(api): Shared, headers: HeaderMap, Path(id): Path<u64>) -> Response {
    if !api.token.is_none_or(|token| token.is_shown(&headers)) {
        return unauthorized();
    }
    match api.gate.archive().get(id).await {
        Ok(Some(line)) => ([(CONTENT_TYPE, "application/json")], line).into_response(),
        Ok(None) => error(StatusCode::NOT_FOUND, "there is no such decision"),
        Err(why) => {
            tracing::error!("cannot read the archive: {why:#}");
            error(StatusCode::INTERNAL_SERVER_ERROR, "the archive cannot be read")
        }
    }
}

async fn proof(State(api): Shared, headers: HeaderMap, Path(hash): Path<String>) -> Response {
    if !api.token.is_none_or(|token| token.is_shown(&headers)) {
        return unauthorized();
    }
    let dir = api.gate.archive().dir().to_owned();
    match tokio::task::spawn_blocking(move || read_proof(&dir, &hash)).await {
        Ok(Some(bytes)) => ([(CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        Ok(None) | Err(_) => error(StatusCode::NOT_FOUND, "there is no such proof"),
    }
}

async fn authorize(State(api): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let signature = headers.get("x-smallstep-signature").and_then(|value| value.to_str().ok());
    let signed = api.step_ca.as_ref().zip(signature);
    if !signed.is_some_and(|(secret, signature)| secret.has_signed(&body, signature)) {
        return unauthorized();
    }
    let now = api.gate.clock().now();
    let answer = match step_ca::application(&body, &api.issuers, now) {
        Err((code, message)) => AnswerShape::refusal(code, message),
        Ok(application) => match api.gate.decide(application).await {
            Err(why) => return not_decided(&why),
            Ok(decided) => match decided.verdict {
                Verdict::Allow => AnswerShape { allow: true, error: None },
                Verdict::Deny => AnswerShape::refusal("caa", denied(&decided)),
            },
        },
    };
    json(StatusCode::OK, &answer)
}

/// Why it was denied, in a line.
pub(crate) fn denied(decided: &Decided) -> String {
    let record = &decided.record;
    let names = record.names.iter().filter(|name| name.verdict == "deny");
    let mut why: Vec<_> = names.map(|name| format!("{}: {}", name.name, name.reason)).collect();
    let corroboration = record.perspectives.as_ref().map(|all| all.corroboration.as_str());
    if let Some(other) = corroboration.filter(|word| *word != "enough") {
        why.push(format!("not corroborated from elsewhere: {other}"));
    }
    format!("decision {}: {}", record.id, why.join("; "))
}

fn not_decided(why: &crate::archive::ArchiveError) -> Response {
    tracing::error!("nothing is decided: {why:#}");
    error(StatusCode::INTERNAL_SERVER_ERROR, "nothing is decided: the archive takes no records")
}

fn unauthorized() -> Response {
    error(StatusCode::UNAUTHORIZED, "the token or the signature is missing or wrong")
}

fn error(status: StatusCode, detail: &str) -> Response {
    json(status, &serde_json::json!({ "error": detail }))
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let body = serde_json::to_vec(body).expect("our shapes are JSON");
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
