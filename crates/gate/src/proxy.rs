//! A reverse proxy before an ACME CA. Every request is understood before it is passed on, every answer before it is
//! given back; before an order is finalized, each of its names is decided.
//!
//! Clients and the CA see one name: `Host` is passed on as it came, and the CA makes its addresses from it. So what
//! clients sign is what the CA verifies, and nothing is written over. A CA that makes its addresses from something else
//! has to be told the public name in its own configuration; until it is, the gate does not start.

mod accounts;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{ACCEPT, ALLOW, CONTENT_TYPE, HOST};
use axum::http::{
    HeaderMap, HeaderName, HeaderValue, Request as HttpRequest, Response as HttpResponse,
    StatusCode,
};
use axum::response::Response;
use countersign_caa::{Account, Identifier, Method as CaaMethod, Name, Purpose, Verdict};
use countersign_net::{Ask, FetchError, Net, Relay, Relayed, Target};

use crate::acme::{
    Answer, Asked, BODY_BYTES_MAX, Book, BookError, Issue, Kind, Method, Nonces, Problem, Refusal,
    Request, Strangers,
};
use crate::api::denied;
use crate::application::{Application, Source};
use crate::decide::{Decided, Gate};
use accounts::Accounts;

/// The proxy. Cheap to clone; clones are the same one.
#[derive(Clone, Debug)]
pub struct Proxy(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    gate: Gate,
    settings: Settings,
    /// Host and port, as `Host` says them.
    host: String,
    /// Of the CA: scheme, host and port.
    upstream: String,
    book: RwLock<Book>,
    nonces: Mutex<Nonces>,
    accounts: Accounts,
}

/// What the proxy needs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory as clients see it.
    pub directory: String,
    /// Where the CA is, with the path of its directory.
    pub upstream: String,
    /// What becomes of accounts that are older than the gate.
    pub strangers: Strangers,
    /// The names by which the CA is known.
    pub issuers: Vec<Name>,
    /// The way to the CA.
    pub net: Net,
    /// The vantage that the way begins at.
    pub vantage: String,
    /// Where the keys of accounts are kept between two runs.
    pub accounts: PathBuf,
}

/// Why the proxy does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The CA's address is none.
    #[error("the CA's address is not that of a directory")]
    Upstream,
    /// The paths differ, so that one would stand for the other.
    #[error(
        "the directory has the path {public}, and {upstream} at the CA; they have to be the same"
    )]
    Paths {
        /// As clients see it.
        public: String,
        /// As the CA has it.
        upstream: String,
    },
    /// The CA cannot be reached.
    #[error("cannot fetch the CA's directory")]
    Fetch(#[source] FetchError),
    /// The CA answers with something else.
    #[error("the CA answers with the status {0} where its directory should be")]
    Status(u16),
    /// The file with the accounts.
    #[error("cannot use {}", .path.display())]
    Accounts {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What it says cannot be passed on.
    #[error("cannot stand before this CA")]
    Book(#[from] BookError),
}

impl ProxyError {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Book(BookError::Elsewhere { .. }) => Some(
                "the CA has to be known by the gate's public name: it takes its addresses from the Host header, \
                or from its own configuration",
            ),
            Self::Upstream
            | Self::Paths { .. }
            | Self::Fetch(_)
            | Self::Status(_)
            | Self::Accounts { .. }
            | Self::Book(_) => None,
        }
    }
}

impl Proxy {
    /// Fetches the CA's directory.
    pub async fn start(gate: Gate, settings: Settings) -> Result<Self, ProxyError> {
        let (upstream, path) = parts(&settings.upstream).ok_or(ProxyError::Upstream)?;
        let (public, public_path) = parts(&settings.directory)
            .ok_or_else(|| BookError::Directory(settings.directory.clone()))?;
        if path != public_path {
            let (public, upstream) = (public_path.to_owned(), path.to_owned());
            return Err(ProxyError::Paths { public, upstream });
        }
        let host = public.split_once("://").map_or(public, |(_, host)| host);
        let answer = passed_on(&settings, upstream, host, path, Ask::Get, None).await;
        let answer = answer.map_err(ProxyError::Fetch)?;
        if answer.status != 200 {
            return Err(ProxyError::Status(answer.status));
        }
        let mut book = Book::new(&settings.directory, &answer.body, settings.strangers)?;
        let accounts = Accounts::open(&settings.accounts, &mut book)
            .map_err(|source| ProxyError::Accounts { path: settings.accounts.clone(), source })?;
        let (host, upstream) = (host.to_owned(), upstream.to_owned());
        let (book, nonces) = (RwLock::new(book), Mutex::default());
        Ok(Self(Arc::new(Inner { gate, settings, host, upstream, book, nonces, accounts })))
    }

    /// Every address.
    pub fn router(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    async fn one(&self, request: HttpRequest<Body>) -> Result<Response, Refusal> {
        let (parts, body) = request.into_parts();
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        if host != Some(&self.0.host) {
            let detail = format!("this is {}, and not what the Host header says", self.0.host);
            return Err(Refusal::new(Problem::Malformed, detail).status(421));
        }
        let method = match parts.method.as_str() {
            "GET" => Method::Get,
            "HEAD" => Method::Head,
            "POST" => Method::Post,
            _ => {
                return Err(
                    Refusal::new(Problem::Malformed, "ACME has GET, HEAD and POST").status(405)
                );
            }
        };
        let body = to_bytes(body, BODY_BYTES_MAX).await.map_err(|_| {
            let detail = format!("the body is not there, or larger than {BODY_BYTES_MAX} bytes");
            Refusal::new(Problem::Malformed, detail).status(413)
        })?;
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("https://{}{path}", self.0.host);
        let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let request = Request { method, url: &url, content_type, body: &body };
        let asked = self.read_book(|book| book.read(&request))?;
        if asked.nonce.as_ref().is_some_and(|nonce| !self.nonces().spend(nonce)) {
            let detail = "this nonce was used before, or not given out here";
            return Err(Refusal::new(Problem::BadNonce, detail));
        }
        if let Some(issue) = &asked.issue {
            self.decide(issue).await?;
        }
        let accept = parts.headers.get(ACCEPT).and_then(|value| value.to_str().ok());
        let ask = match method {
            Method::Get => Ask::Get,
            Method::Head => Ask::Head,
            Method::Post => Ask::Post { body: &body, content_type: "application/jose+json" },
        };
        let Inner { settings, upstream, host, .. } = &*self.0;
        let relayed =
            passed_on(settings, upstream, host, path, ask, accept).await.map_err(|error| {
                tracing::warn!("the CA does not answer: {error}");
                Refusal::new(Problem::ServerInternal, "the CA behind this gate does not answer")
                    .status(502)
            })?;
        relayed.all("replay-nonce").for_each(|nonce| self.nonces().put(nonce));
        self.learn(&asked, &relayed)?;
        given_back(relayed)
    }

    fn read_book<T>(&self, read: impl FnOnce(&Book) -> T) -> T {
        read(&self.0.book.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Refuses what CAA does not allow.
    async fn decide(&self, issue: &Issue) -> Result<Decided, Refusal> {
        let application = application(issue, &self.0.settings.issuers)?;
        let decided = self.0.gate.decide(application).await.map_err(|error| {
            tracing::error!("nothing is decided: {error:#}");
            Refusal::new(
                Problem::ServerInternal,
                "nothing is decided: the archive takes no records",
            )
        })?;
        if decided.verdict == Verdict::Allow {
            return Ok(decided);
        }
        let mut refusal = Refusal::new(Problem::Caa, denied(&decided));
        for name in decided.record.names.iter().filter(|name| name.verdict == "deny") {
            refusal.names.push((name.name.clone(), Problem::Caa, name.reason.clone()));
        }
        Err(refusal)
    }

    fn learn(&self, asked: &Asked, relayed: &Relayed) -> Result<(), Refusal> {
        let links: Vec<&str> = relayed.all("link").collect();
        let answer = Answer {
            status: relayed.status,
            location: relayed.header("location"),
            links: &links,
            body: &relayed.body,
        };
        let account = match asked.kind {
            Kind::NewAccount => answer.location,
            Kind::KeyChange | Kind::Account => asked.account.as_deref(),
            Kind::Directory
            | Kind::NewNonce
            | Kind::NewOrder
            | Kind::NewAuthz
            | Kind::RevokeCert
            | Kind::RenewalInfo
            | Kind::Orders
            | Kind::Order
            | Kind::Finalize
            | Kind::Authorization
            | Kind::Challenge
            | Kind::Certificate => None,
        };
        let mut book = self.0.book.write().unwrap_or_else(PoisonError::into_inner);
        let key = |book: &Book| account.and_then(|account| book.key(account).cloned());
        let before = key(&book);
        book.learn(asked, &answer).map_err(|error| {
            tracing::warn!("the CA's answer is kept back: {error}");
            let detail =
                "the CA behind this gate answers with something that is not understood here";
            Refusal::new(Problem::ServerInternal, detail).status(502)
        })?;
        let after = key(&book);
        if let Some(account) = account.filter(|_| before != after) {
            // While nobody else learns, so that the last line is the last word.
            self.0.accounts.keep(account, after.as_ref());
        }
        Ok(())
    }

    /// A nonce of the CA, for a client that was refused (RFC 8555 §6.5): it can go on with it at once.
    async fn nonce(&self) -> Option<String> {
        let Inner { settings, upstream, host, .. } = &*self.0;
        let url = self.read_book(|book| book.new_nonce().to_owned());
        let path = url.strip_prefix(&format!("https://{host}"))?.to_owned();
        let answer = passed_on(settings, upstream, host, &path, Ask::Head, None).await.ok()?;
        let nonce = answer.header("replay-nonce")?;
        self.nonces().put(nonce);
        Some(nonce.to_owned())
    }

    fn nonces(&self) -> MutexGuard<'_, Nonces> {
        self.0.nonces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(State(proxy): State<Proxy>, request: HttpRequest<Body>) -> Response {
    let is_post = request.method() == "POST";
    let refusal = match proxy.one(request).await {
        Ok(response) => return response,
        Err(refusal) => refusal,
    };
    tracing::debug!(acme.problem = refusal.problem.as_str(), "refused: {refusal}");
    let nonce = if is_post { proxy.nonce().await } else { None };
    let mut response = HttpResponse::new(Body::from(refusal.to_json()));
    *response.status_mut() = StatusCode::from_u16(refusal.status).expect("a refusal has a status");
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(nonce) = nonce.and_then(|nonce| HeaderValue::from_str(&nonce).ok()) {
        headers.insert(REPLAY_NONCE, nonce);
    }
    if refusal.status == 405 {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, POST"));
    }
    response
}

/// What is to be decided.
fn application(issue: &Issue, issuers: &[Name]) -> Result<Application, Refusal> {
    let unreadable = |name: &str, why: &dyn std::fmt::Display| {
        Refusal::new(Problem::UnsupportedIdentifier, format!("{name}: {why}"))
    };
    let mut names = std::collections::BTreeMap::new();
    for named in &issue.names {
        let identifier =
            Identifier::parse(&named.name).map_err(|why| unreadable(&named.name, &why))?;
        let method =
            CaaMethod::parse(&named.method).map_err(|why| unreadable(&named.name, &why))?;
        if names.insert(identifier, Some(method)).is_some() {
            return Err(unreadable(&named.name, &"it is there twice"));
        }
    }
    Ok(Application {
        source: Source::Acme,
        reference: Some(issue.order.clone()),
        purpose: Purpose::Tls,
        issuers: issuers.to_vec(),
        accounts: vec![Account::own(issue.account.clone())],
        names,
    })
}

/// Passes a request on.
async fn passed_on(
    settings: &Settings,
    upstream: &str,
    host: &str,
    path: &str,
    ask: Ask<'_>,
    accept: Option<&str>,
) -> Result<Relayed, FetchError> {
    let target = Target::parse(&format!("{upstream}{path}"))
        .map_err(|fault| FetchError::BadUrl { url: path.chars().take(200).collect(), fault })?;
    let accept: Vec<_> = accept.map(|accept| ("accept", accept)).into_iter().collect();
    let relay = Relay {
        to: &target,
        vantage: &settings.vantage,
        host: Some(host),
        ask,
        headers: &accept,
        wanted: &GIVEN_BACK,
        body_max: ANSWER_BYTES_MAX,
        deadline: ANSWER_DEADLINE,
    };
    settings.net.relay(relay).await
}

fn given_back(relayed: Relayed) -> Result<Response, Refusal> {
    let broken = || {
        let detail = "the CA behind this gate answers with something that is no HTTP";
        Refusal::new(Problem::ServerInternal, detail).status(502)
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &relayed.headers {
        let value = HeaderValue::from_str(value).map_err(|_| broken())?;
        headers.append(HeaderName::from_static(name), value);
    }
    let mut response = HttpResponse::new(Body::from(relayed.body));
    *response.status_mut() = StatusCode::from_u16(relayed.status).map_err(|_| broken())?;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Origin and path of an address.
fn parts(url: &str) -> Option<(&str, &str)> {
    let host_at = url.find("://")? + 3;
    let path_at = host_at + url[host_at..].find('/')?;
    (path_at > host_at).then(|| url.split_at(path_at))
}

const REPLAY_NONCE: HeaderName = HeaderName::from_static("replay-nonce");

/// What clients are given of the headers of an answer (RFC 8555 §6.5, §7; RFC 9773 §4.3).
const GIVEN_BACK: [&str; 6] =
    ["cache-control", "content-type", "link", "location", "replay-nonce", "retry-after"];
/// A chain of certificates has some 10 kB, a list of a hundred orders as well.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// CAs answer within seconds, and clients wait for half a minute.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
