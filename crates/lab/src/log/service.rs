//! What the doors share: takes submissions, and answers each request as the knobs of its group say.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::extract::{ConnectInfo, Query, State};
use axum::response::Response;
use bytes::Bytes;
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, Method, Uri};
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use super::chain::{Chain, Refused};
use super::door::{self, Line};
use super::entry::{Content, Entry, leaf_index_extension};
use super::history::History;
use super::knobs::{Branch, FaultKind, Group, Gzip, Knobs, Merging, RetryAfter};
use super::list::Listed;
use super::reply::{Reply, http_date};
use super::rfc6962;
use super::signer::{Head, Sct, Signer};
use super::view::View;
use super::{Protocol, Settings};
use crate::certificates::sha256;

/// What the doors share.
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) signer: Signer,
    state: Mutex<LogState>,
}

/// All that changes while the log runs.
pub(crate) struct LogState {
    pub(crate) histories: Vec<History>,
    pub(crate) merging: Merging,
    published_at: Timestamp,
    /// By SHA-256.
    issuers: BTreeMap<[u8; 32], Vec<u8>>,
    pub(crate) listed: Listed,
    pub(crate) groups: [GroupState; 2],
}

/// What the log does for one group, and has done.
pub(crate) struct GroupState {
    pub(crate) knobs: Knobs,
    /// How many requests for each path, whatever came of them.
    pub(crate) requests: BTreeMap<String, u64>,
    window_start: Timestamp,
    window_requests: u32,
}

/// A request for the log, with the path below the log's prefix.
struct Asked<'a> {
    method: &'a Method,
    path: &'a str,
    query: BTreeMap<String, String>,
    body: &'a [u8],
    accepts_gzip: bool,
}

/// What is to be sent, and how.
struct Served {
    reply: Reply,
    latency: Duration,
    fault: Option<FaultKind>,
}

impl Service {
    /// A log with a new key that has published its empty tree.
    pub(crate) fn new(settings: Settings) -> Self {
        let now = settings.clock.now();
        let group = || GroupState {
            knobs: Knobs::default(),
            requests: BTreeMap::new(),
            window_start: now,
            window_requests: 0,
        };
        let state = LogState {
            histories: vec![History::new(milliseconds(now))],
            merging: Merging::Everywhere,
            published_at: now,
            issuers: BTreeMap::new(),
            listed: Listed::Usable { since: now },
            groups: [group(), group()],
        };
        let signer = Signer::generate(join(&settings.host, &settings.path));
        Self { settings, signer, state: Mutex::new(state) }
    }

    /// The state. No lock is held across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().expect("nothing panics while it holds the lock")
    }

    /// The time by the log's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.settings.clock.now()
    }

    /// Opens a door for a group.
    pub(crate) async fn open(
        self: &Arc<Self>,
        address: SocketAddr,
        group: Group,
    ) -> io::Result<(SocketAddr, JoinSet<()>)> {
        let router = Router::new().fallback(answer).with_state((Arc::clone(self), group));
        door::open(address, self.settings.tls.clone(), router).await
    }

    /// Takes a certificate with its issuers (RFC 6962 §4.1).
    pub(crate) fn add_chain(&self, chain: &[Vec<u8>]) -> Result<Sct, Refused> {
        let content = Chain::verify(chain, &self.settings.roots)?.certificate()?;
        Ok(self.push(content, chain[1..].to_vec()))
    }

    /// Takes a precertificate with its issuers (RFC 6962 §4.2).
    pub(crate) fn add_pre_chain(&self, chain: &[Vec<u8>]) -> Result<Sct, Refused> {
        let content = Chain::verify(chain, &self.settings.roots)?.precertificate()?;
        Ok(self.push(content, chain[1..].to_vec()))
    }

    /// Signs, and sequences as [`Merging`] says. An SCT of a static CT log commits to an index, also that for an
    /// entry which will never be there.
    pub(crate) fn push(&self, content: Content, issuers: Vec<Vec<u8>>) -> Sct {
        let timestamp_ms = milliseconds(self.now());
        let mut state = self.state();
        let branches: Vec<Branch> = match state.merging {
            Merging::Everywhere => (0..state.histories.len()).map(Branch).collect(),
            Merging::Only(branch) => vec![branch],
            Merging::Nowhere => Vec::new(),
        };
        let made_for = |history: &History| {
            let extensions = match self.settings.protocol {
                Protocol::Rfc6962 => Vec::new(),
                Protocol::StaticCt => leaf_index_extension(history.size()),
            };
            let (content, issuers) = (content.clone(), issuers.clone());
            Entry { timestamp_ms, content, extensions, issuers }
        };
        let promised = branches.first().unwrap_or(&Branch::FIRST);
        let sct = self.signer.sct(&made_for(&state.histories[promised.0]));
        for branch in branches {
            let entry = made_for(&state.histories[branch.0]);
            state.push_entry(branch, entry);
        }
        sct
    }

    /// Counts, refuses or answers, and says what is to be done to the answer.
    fn serve(&self, group: Group, asked: &Asked<'_>) -> Served {
        let now = self.now();
        let refused = self.state().admit(group, asked.path, now, self.settings.publish_every);
        let reply = match refused {
            Some(refused) => refused,
            None if asked.method == Method::POST => self.submission(asked),
            None => self.read(group, asked, now),
        };
        let mut state = self.state();
        let knobs = &mut state.groups[at(group)].knobs;
        let compress = match knobs.gzip {
            Gzip::WhenAsked => asked.accepts_gzip,
            Gzip::Always => true,
            Gzip::Never => false,
        };
        let fault = knobs.faults.iter_mut().find_map(|fault| fault.befall(asked.path));
        let latency = knobs.latency;
        drop(state);
        Served { reply: if compress { reply.gzipped() } else { reply }, latency, fault }
    }

    /// The answer to a GET.
    fn read(&self, group: Group, asked: &Asked<'_>, now: Timestamp) -> Reply {
        let state = self.state();
        let knobs = &state.groups[at(group)].knobs;
        let history = &state.histories[knobs.branch.0];
        let view = View::new(history, knobs, &self.signer, milliseconds(now));
        match asked.path.strip_prefix("ct/v1/") {
            Some(call) => view.rfc6962(call, &asked.query, &self.settings.roots),
            None => view.static_ct(asked.path, &state.issuers),
        }
    }

    /// The answer to a POST.
    fn submission(&self, asked: &Asked<'_>) -> Reply {
        let Some(chain) = rfc6962::submitted(asked.body) else {
            return Reply::refusal(400, "no chain in the body");
        };
        let sct = match asked.path {
            "ct/v1/add-chain" => self.add_chain(&chain),
            "ct/v1/add-pre-chain" => self.add_pre_chain(&chain),
            _ => return Reply::refusal(404, "no such call"),
        };
        match sct {
            Ok(sct) => Reply::json(&rfc6962::sct_json(&sct)),
            Err(why) => Reply::refusal(400, &why.to_string()),
        }
    }
}

impl LogState {
    /// Publishes if it is time to, and counts a request. `Some` is the answer to one too many.
    fn admit(
        &mut self,
        group: Group,
        path: &str,
        now: Timestamp,
        publish_every: Option<Duration>,
    ) -> Option<Reply> {
        let age = now.duration_since(self.published_at);
        if publish_every.is_some_and(|every| age >= signed(every)) {
            self.publish(now);
        }
        self.groups[at(group)].count(path, now)
    }

    /// A new head in every history; that of the first.
    pub(crate) fn publish(&mut self, now: Timestamp) -> Head {
        self.published_at = now;
        for history in &mut self.histories {
            history.publish(milliseconds(now));
        }
        self.histories[Branch::FIRST.0].latest()
    }

    /// Appends to one history, and remembers the issuers.
    pub(crate) fn push_entry(&mut self, branch: Branch, entry: Entry) -> u64 {
        for issuer in &entry.issuers {
            self.issuers.insert(sha256(issuer), issuer.clone());
        }
        self.histories[branch.0].push(entry)
    }
}

impl GroupState {
    /// Counts a request. `Some` is the answer to one too many.
    fn count(&mut self, path: &str, now: Timestamp) -> Option<Reply> {
        *self.requests.entry(path.to_owned()).or_default() += 1;
        let limit = self.knobs.rate_limit?;
        if now.duration_since(self.window_start) >= signed(limit.window) {
            self.window_start = now;
            self.window_requests = 0;
        }
        self.window_requests = self.window_requests.saturating_add(1);
        if self.window_requests <= limit.requests_max {
            return None;
        }
        let retry_after = match limit.retry_after {
            RetryAfter::Absent => None,
            RetryAfter::Seconds(seconds) => Some(seconds.to_string()),
            RetryAfter::Date(seconds) => Some(http_date(now, Duration::from_secs(seconds))),
        };
        Some(Reply::refusal(limit.status, "too many requests").retry_after(retry_after))
    }
}

/// Every request of both doors.
async fn answer(
    State((service, group)): State<(Arc<Service>, Group)>,
    ConnectInfo(line): ConnectInfo<Line>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let prefix = join("", &service.settings.path);
    let path = uri.path().strip_prefix(&prefix).and_then(|path| path.strip_prefix('/'));
    let query = Query::try_from_uri(&uri).map(|query| query.0);
    let (Some(path), Ok(query)) = (path, query) else {
        return Reply::refusal(404, "no log here").into_response();
    };
    let accepted = headers.get_all(ACCEPT_ENCODING).iter();
    let accepts_gzip = accepted.filter_map(|value| value.to_str().ok()).any(|v| v.contains("gzip"));
    let asked = Asked { method: &method, path, query, body: &body, accepts_gzip };
    let Served { reply, latency, fault } = service.serve(group, &asked);
    tokio::time::sleep(latency).await;
    match fault {
        None => reply.into_response(),
        Some(fault) => match reply.spoilt(fault) {
            Some(response) => response,
            None => {
                line.cut();
                std::future::pending().await
            }
        },
    }
}

/// Host and path, with a slash between them if there is a path.
pub(crate) fn join(host: &str, path: &str) -> String {
    if path.is_empty() { host.to_owned() } else { format!("{host}/{path}") }
}

/// A group's place in arrays.
pub(crate) fn at(group: Group) -> usize {
    match group {
        Group::A => 0,
        Group::B => 1,
    }
}

/// A time as logs write it.
pub(crate) fn milliseconds(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).expect("the lab plays after 1970")
}

/// A duration to compare differences of times with.
fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
