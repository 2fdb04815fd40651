//! What the CA answers to each request (RFC 8555 §6, §7).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use bytes::Bytes;
use countersign_caa::{Identifier, Verdict, Wildcard};
use countersign_gate::acme::{Jws, Key, Names, Signer};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use serde_json::{Value, json};

use super::ledger::{Authorization, AuthorizationState, Ledger, Order};
use super::place::{AccountId, AuthorizationId, OrderId, Place};
use super::problem::{Kind, Problem};
use super::validation::{decided, validate};
use super::{Heed, Knobs, Method, Settings};
use crate::authority::{Request, SubjectKey};
use crate::certificates::requested_spki;

/// The CA behind its door.
pub(super) struct Service {
    pub(super) settings: Settings,
    /// The address in its URLs, if they have that in the place of the host name.
    address: OnceLock<String>,
    knobs: Mutex<Knobs>,
    ledger: Mutex<Ledger>,
}

/// What is answered, besides a nonce.
struct Answered {
    status: StatusCode,
    body: Body,
    /// Of an account or order that was just made or found.
    location: Option<String>,
    /// Of a challenge: its authorization (RFC 8555 §7.5.1).
    up: Option<String>,
}

enum Body {
    Json(Value),
    /// A chain in PEM.
    Chain(String),
    Nothing,
}

/// Who signed a request.
enum Asker {
    Account(AccountId),
    /// Nobody yet.
    Key(Key),
}

pub(super) fn router(service: Arc<Service>) -> Router {
    Router::new().fallback(serve).with_state(service)
}

async fn serve(
    State(service): State<Arc<Service>>,
    method: http::Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let answered = service.answer(&method, uri.path(), &headers, &body).await;
    let nonce = service.ledger().new_nonce();
    let answered =
        answered.unwrap_or_else(|problem| Answered::json(problem.status(), problem.to_json()));
    let directory = format!("<{}>;rel=\"index\"", service.url(&Place::Directory));
    let up = answered.up.iter().map(|up| (header::LINK, format!("<{up}>;rel=\"up\"")));
    let location = answered.location.iter().map(|url| (header::LOCATION, url.clone()));
    let (kind, content) = match answered.body {
        Body::Json(json) if json.get("type").is_some_and(is_problem) => {
            ("application/problem+json", json.to_string())
        }
        Body::Json(json) => ("application/json", json.to_string()),
        Body::Chain(pem) => ("application/pem-certificate-chain", pem),
        Body::Nothing => ("application/octet-stream", String::new()),
    };
    let own = [
        (REPLAY_NONCE, nonce),
        (header::LINK, directory),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::CONTENT_TYPE, kind.to_owned()),
    ];
    let mut response = (answered.status, content).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    for (name, value) in own.into_iter().chain(up).chain(location) {
        let value = HeaderValue::try_from(value).expect("the CA's URLs and nonces are plain ASCII");
        response.headers_mut().append(name, value);
    }
    response
}

impl Service {
    pub(super) fn new(settings: Settings) -> Self {
        let (knobs, ledger) = (Mutex::default(), Mutex::default());
        Self { settings, address: OnceLock::new(), knobs, ledger }
    }

    /// Has this stand in its URLs in the place of the host name.
    pub(super) fn goes_by(&self, address: &str) {
        self.address.get_or_init(|| address.to_owned());
    }

    pub(super) fn knobs(&self) -> MutexGuard<'_, Knobs> {
        self.knobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn url(&self, place: &Place) -> String {
        format!("{}{place}", self.origin())
    }

    fn origin(&self) -> String {
        format!("https://{}", self.address.get().unwrap_or(&self.settings.host))
    }

    async fn answer(
        &self,
        method: &http::Method,
        path: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Answered, Problem> {
        let nothing = || Problem::new(Kind::NotFound, "there is nothing at this address");
        let place = Place::parse(path).ok_or_else(nothing)?;
        let is_get = [http::Method::GET, http::Method::HEAD].contains(method);
        match place {
            Place::Directory if is_get => return Ok(Answered::ok(self.directory())),
            Place::NewNonce if is_get => {
                // RFC 8555 §7.2.
                let status = match *method {
                    http::Method::HEAD => StatusCode::OK,
                    _ => StatusCode::NO_CONTENT,
                };
                return Ok(Answered { body: Body::Nothing, ..Answered::json(status, Value::Null) });
            }
            _ if *method == http::Method::POST => {}
            _ => return Err(Problem::new(Kind::Malformed, "this is asked for by POST")),
        }
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if kind != Some(JOSE) {
            return Err(Problem::new(Kind::Malformed, format!("a request has the type {JOSE}")));
        }
        let jws = Jws::parse(body)?;
        let asker = self.authenticate(place, &jws)?;
        self.act(place, asker, &jws.payload).await
    }

    /// Who asks (RFC 8555 §6.2, §6.4, §6.5).
    fn authenticate(&self, place: Place, jws: &Jws) -> Result<Asker, Problem> {
        let mut ledger = self.ledger();
        let (asker, key) = match (&jws.signer, place) {
            (Signer::Key(key), Place::NewAccount) => (Asker::Key(key.clone()), key.clone()),
            (Signer::Account(url), _) if place != Place::NewAccount => {
                let account = self.account_at(url);
                let found = account.and_then(|id| Some((id, ledger.key_of(id)?.clone())));
                let (id, key) = found.ok_or_else(|| {
                    Problem::new(Kind::AccountDoesNotExist, "there is no such account")
                })?;
                (Asker::Account(id), key)
            }
            (Signer::Key(_) | Signer::Account(_), _) => {
                let detail = "new accounts are asked for by key, all else by account";
                return Err(Problem::new(Kind::Malformed, detail));
            }
        };
        if !jws.is_signed_by(&key) {
            return Err(Problem::new(Kind::Malformed, "the signature is not by this key"));
        }
        ledger.spend(jws.nonce.as_deref())?;
        if jws.url != self.url(&place) {
            return Err(Problem::new(Kind::Unauthorized, "this was signed for another address"));
        }
        Ok(asker)
    }

    fn account_at(&self, url: &str) -> Option<AccountId> {
        let place = Place::parse(url.strip_prefix(&self.origin())?)?;
        if let Place::Account(id) = place { Some(id) } else { None }
    }

    async fn act(&self, place: Place, asker: Asker, payload: &[u8]) -> Result<Answered, Problem> {
        let account = match asker {
            Asker::Key(key) => return self.new_account(key, payload),
            Asker::Account(account) => account,
        };
        let url = |place| self.url(&place);
        match place {
            Place::NewOrder => self.new_order(account, payload),
            Place::Account(id) if id == account && payload.is_empty() => {
                Ok(Answered::ok(self.account_json()))
            }
            Place::Account(id) if id == account => {
                Err(Problem::new(Kind::Malformed, "accounts do not change here"))
            }
            Place::Account(_) => Err(Problem::new(Kind::Unauthorized, "this is another account")),
            Place::Order(id) => self.order(account, id),
            Place::Finalize(id) => self.finalize(account, id, payload).await,
            Place::Certificate(id) => {
                let chain = self.ledger().chain(account, id)?.to_owned();
                Ok(Answered { body: Body::Chain(chain), ..Answered::ok(Value::Null) })
            }
            Place::Authorization(id) => {
                let ledger = self.ledger();
                let authorization = ledger.authorization_of(account, id)?;
                Ok(Answered::ok(self.authorization_json(id, authorization)))
            }
            Place::Challenge(id, method) => {
                self.challenge(account, id, method).await?;
                let ledger = self.ledger();
                let authorization = ledger.authorization_of(account, id)?;
                let json = self.challenge_json(id, authorization, method);
                Ok(Answered { up: Some(url(Place::Authorization(id))), ..Answered::ok(json) })
            }
            Place::Directory | Place::NewNonce | Place::NewAccount => {
                Err(Problem::new(Kind::Malformed, "this is not asked for by an account"))
            }
        }
    }

    /// RFC 8555 §7.3. Contacts are not kept.
    fn new_account(&self, key: Key, payload: &[u8]) -> Result<Answered, Problem> {
        let payload = object(payload)?;
        let mut ledger = self.ledger();
        let (status, id) = match ledger.account_of(&key) {
            Some(id) => (StatusCode::OK, id),
            None if payload["onlyReturnExisting"] == true => {
                return Err(Problem::new(Kind::AccountDoesNotExist, "this key has no account"));
            }
            None => (StatusCode::CREATED, ledger.register(key)?),
        };
        let location = Some(self.url(&Place::Account(id)));
        Ok(Answered { location, ..Answered::json(status, self.account_json()) })
    }

    /// RFC 8555 §7.4.
    fn new_order(&self, account: AccountId, payload: &[u8]) -> Result<Answered, Problem> {
        let payload = object(payload)?;
        let asked = payload["identifiers"].as_array().map(Vec::as_slice).unwrap_or_default();
        if !(1..=NAMES_MAX).contains(&asked.len()) {
            let detail = format!("an order is for 1 to {NAMES_MAX} names");
            return Err(Problem::new(Kind::Malformed, detail));
        }
        let mut identifiers: Vec<Identifier> = Vec::new();
        for one in asked {
            if one["type"] != "dns" {
                let detail = "certificates are for DNS names here";
                return Err(Problem::new(Kind::UnsupportedIdentifier, detail));
            }
            let name = one["value"].as_str().unwrap_or_default();
            let identifier = Identifier::parse(name)
                .map_err(|why| Problem::new(Kind::RejectedIdentifier, format!("{name}: {why}")))?;
            if !identifiers.contains(&identifier) {
                identifiers.push(identifier);
            }
        }
        let mut ledger = self.ledger();
        let id = ledger.order(account, identifiers)?;
        let json = self.order_json(id, ledger.order_of(account, id)?, &ledger);
        let location = Some(self.url(&Place::Order(id)));
        Ok(Answered { location, ..Answered::json(StatusCode::CREATED, json) })
    }

    fn order(&self, account: AccountId, id: OrderId) -> Result<Answered, Problem> {
        let ledger = self.ledger();
        let json = self.order_json(id, ledger.order_of(account, id)?, &ledger);
        let location = Some(self.url(&Place::Order(id)));
        Ok(Answered { location, ..Answered::ok(json) })
    }

    /// Validates, while the customer waits (RFC 8555 §7.5.1).
    async fn challenge(
        &self,
        account: AccountId,
        id: AuthorizationId,
        method: Method,
    ) -> Result<(), Problem> {
        let expected = {
            let ledger = self.ledger();
            if !ledger.authorization_of(account, id)?.methods().contains(&method) {
                return Err(Problem::new(Kind::NotFound, "there is no such challenge"));
            }
            ledger.expected(account, id)?
        };
        let Some(expected) = expected else { return Ok(()) };
        let knobs = self.knobs().clone();
        let outcome = match self.is_coerced(&knobs, account) {
            true => Ok(()),
            false => validate(&self.settings, knobs.dnssec, method, &expected).await,
        };
        let state = match outcome {
            Ok(()) => AuthorizationState::Valid(method),
            Err(problem) => AuthorizationState::Invalid(method, problem),
        };
        self.ledger().settle(id, state);
        Ok(())
    }

    /// Decides about an order and issues, while the customer waits (RFC 8555 §7.4).
    async fn finalize(
        &self,
        account: AccountId,
        id: OrderId,
        payload: &[u8],
    ) -> Result<Answered, Problem> {
        let payload = object(payload)?;
        let bad = |detail: String| Problem::new(Kind::BadCsr, detail);
        let csr = payload["csr"].as_str().and_then(|csr| BASE64_URL_SAFE_NO_PAD.decode(csr).ok());
        let csr = csr.ok_or_else(|| bad("there is no request in base64url".to_owned()))?;
        let ordered: BTreeSet<String> = {
            let ledger = self.ledger();
            let order = ledger.order_of(account, id)?;
            order.names.iter().map(|(identifier, _)| identifier.to_string()).collect()
        };
        let names = Names::of_csr(&csr).map_err(|why| bad(why.to_string()))?.0;
        if names != ordered {
            return Err(bad(format!("the request is for {names:?}, the order for {ordered:?}")));
        }
        let key = requested_spki(&csr).and_then(SubjectKey::public);
        let key = key.ok_or_else(|| bad("it is not signed by a key on P-256".to_owned()))?;
        let names = self.ledger().decide(account, id)?;
        let outcome = self.issue(account, &names, &key).await;
        let refused = outcome.as_ref().err().cloned();
        self.ledger().decided(id, outcome);
        match refused {
            Some(problem) => Err(problem),
            None => self.order(account, id),
        }
    }

    /// Asks CAA about each name, and signs: the chain in PEM.
    async fn issue(
        &self,
        account: AccountId,
        names: &[(Identifier, Method)],
        key: &SubjectKey,
    ) -> Result<String, Problem> {
        let knobs = self.knobs().clone();
        if knobs.caa == Heed::Heeded && !self.is_coerced(&knobs, account) {
            let url = self.url(&Place::Account(account));
            for (identifier, method) in names {
                let decision =
                    decided(&self.settings, knobs.dnssec, &url, identifier, *method).await;
                if decision.verdict() == Verdict::Deny {
                    let why = decision.reason.as_str();
                    let detail = format!("CAA does not permit {identifier}: {why}");
                    return Err(Problem::new(Kind::Caa, detail));
                }
            }
        }
        let internal = |why: String| Problem::new(Kind::ServerInternal, why);
        let now = self.settings.clock.now();
        let request = Request {
            names: names.iter().map(|(identifier, _)| identifier.to_string()).collect(),
            key,
            not_before: now,
            not_after: now.checked_add(VALIDITY).map_err(|why| internal(why.to_string()))?,
            rewrite: None,
        };
        let logs: Vec<_> = self.settings.logs.iter().collect();
        let issued = match logs[..] {
            [] => self.settings.authority.issue_unlogged(&request),
            _ => self.settings.authority.issue_logged(&request, &logs),
        };
        let issued = issued.map_err(|why| internal(why.to_string()))?;
        let intermediate = self.settings.authority.intermediate();
        Ok([&issued.certificate[..], intermediate].map(pem).concat())
    }

    fn is_coerced(&self, knobs: &Knobs, account: AccountId) -> bool {
        knobs.coerced_for.contains(&self.url(&Place::Account(account)))
    }

    fn directory(&self) -> Value {
        json!({
            "newNonce": self.url(&Place::NewNonce),
            "newAccount": self.url(&Place::NewAccount),
            "newOrder": self.url(&Place::NewOrder),
            "meta": { "caaIdentities": [self.settings.host] },
        })
    }

    fn account_json(&self) -> Value {
        json!({"status": "valid"})
    }

    fn order_json(&self, id: OrderId, order: &Order, ledger: &Ledger) -> Value {
        let (status, problem) = ledger.status(order);
        let names = order.names.iter();
        let authorizations =
            names.clone().map(|(_, id)| self.url(&Place::Authorization(*id))).collect::<Vec<_>>();
        let identifiers = names
            .map(|(identifier, _)| json!({"type": "dns", "value": identifier.to_string()}))
            .collect::<Vec<_>>();
        let mut json = json!({
            "status": status,
            "identifiers": identifiers,
            "authorizations": authorizations,
            "finalize": self.url(&Place::Finalize(id)),
        });
        if order.is_issued() {
            json["certificate"] = json!(self.url(&Place::Certificate(id)));
        }
        if let Some(problem) = problem {
            json["error"] = problem.to_json();
        }
        json
    }

    fn authorization_json(&self, id: AuthorizationId, authorization: &Authorization) -> Value {
        let challenges: Vec<_> = authorization
            .methods()
            .iter()
            .map(|method| self.challenge_json(id, authorization, *method))
            .collect();
        let status = match authorization.state {
            AuthorizationState::Pending => "pending",
            AuthorizationState::Valid(_) => "valid",
            AuthorizationState::Invalid(..) => "invalid",
        };
        let name = authorization.identifier.name.as_str();
        let mut json = json!({
            "status": status,
            "identifier": {"type": "dns", "value": name},
            "challenges": challenges,
        });
        if authorization.identifier.wildcard == Wildcard::Yes {
            json["wildcard"] = json!(true);
        }
        json
    }

    fn challenge_json(
        &self,
        id: AuthorizationId,
        authorization: &Authorization,
        method: Method,
    ) -> Value {
        let mut json = json!({
            "type": method.as_str(),
            "url": self.url(&Place::Challenge(id, method)),
            "token": authorization.token(),
            "status": "pending",
        });
        match &authorization.state {
            AuthorizationState::Valid(used) if *used == method => json["status"] = json!("valid"),
            AuthorizationState::Invalid(used, problem) if *used == method => {
                json["status"] = json!("invalid");
                json["error"] = problem.to_json();
            }
            AuthorizationState::Pending
            | AuthorizationState::Valid(_)
            | AuthorizationState::Invalid(..) => {}
        }
        json
    }
}

impl Answered {
    fn json(status: StatusCode, json: Value) -> Self {
        Self { status, body: Body::Json(json), location: None, up: None }
    }

    fn ok(json: Value) -> Self {
        Self::json(StatusCode::OK, json)
    }
}

/// A payload that has to be an object. Unknown members are not looked at (RFC 8555 §6.2 leaves that open).
fn object(payload: &[u8]) -> Result<Value, Problem> {
    let payload = serde_json::from_slice(payload).ok().filter(Value::is_object);
    payload.ok_or_else(|| Problem::new(Kind::Malformed, "the payload is no JSON object"))
}

fn is_problem(kind: &Value) -> bool {
    kind.as_str().is_some_and(|kind| kind.starts_with(super::problem::URN))
}

pub(super) fn pem(certificate: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(certificate);
    let lines: Vec<_> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line)).collect();
    let lines = lines.join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

/// The type of a request (RFC 8555 §6.2).
const JOSE: &str = "application/jose+json";
const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");
/// What public CAs take.
const NAMES_MAX: usize = 100;
/// Ninety days.
const VALIDITY: Duration = Duration::from_secs(90 * 24 * 3600);
