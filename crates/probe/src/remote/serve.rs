//! The side that is asked. One request for each connection: what a stranger can cost is a connection for some seconds.
//!
//! Only names that its operator has allowed are looked at, and only for those who know the token, or it would be a
//! scanner for everybody.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_judge::scope::Scope;
use countersign_net::Clock;
use countersign_tlog::note::SignerKey;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::CLOCKS_APART_MAX;
use super::head::{HEAD_BYTES_MAX, body_length};
use super::sighting::Sighting;
use super::wire::{Answer, BadRequest, REQUEST_BYTES_MAX, Request, Saw, Token};

/// How a host looks for others.
#[derive(Debug)]
pub struct Settings {
    /// What its answers are signed with.
    pub key: SignerKey,
    /// What it and those who may ask know.
    pub token: Token,
    /// The names that it looks at.
    pub allowed: Scope,
    /// The time.
    pub clock: Clock,
}

/// Answers until `stop` ends, looking by `look`.
pub async fn serve<L, F>(
    listener: TcpListener,
    settings: Settings,
    look: L,
    stop: impl Future<Output = ()>,
) -> io::Result<()>
where
    L: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Sighting> + Send + 'static,
{
    let host = Arc::new(Host {
        settings,
        look,
        looks: Mutex::new(Looks::default()),
        places: Semaphore::new(LOOKS_AT_ONCE),
    });
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut tasks = JoinSet::new();
    tokio::pin!(stop);
    loop {
        let accepted = async {
            let place = Arc::clone(&connections).acquire_owned().await;
            (listener.accept().await, place.expect("it is never closed"))
        };
        tokio::select! {
            () = &mut stop => return Ok(()),
            Some(_) = tasks.join_next() => {}
            (accepted, place) = accepted => match accepted {
                Ok((stream, _)) => {
                    let host = Arc::clone(&host);
                    tasks.spawn(async move {
                        // A client that breaks off is its own affair.
                        let _ended = host.answer(stream).await;
                        drop(place);
                    });
                }
                // As when there are no more file handles, which others give back.
                Err(_) => sleep(PAUSE).await,
            },
        }
    }
}

/// A host that looks.
struct Host<L> {
    settings: Settings,
    look: L,
    looks: Mutex<Looks>,
    places: Semaphore,
}

/// When it has looked lately, and by which requests.
#[derive(Default)]
struct Looks(VecDeque<(Timestamp, [u8; 32])>);

impl Looks {
    /// Whether one more may be taken. A request is taken once: while its time is right it is remembered.
    fn enter(&mut self, nonce: [u8; 32], now: Timestamp) -> Result<(), Refusal> {
        let age = |at: Timestamp| now.duration_since(at);
        while self.0.front().is_some_and(|(at, _)| age(*at) > REMEMBERED) {
            self.0.pop_front();
        }
        if self.0.iter().any(|(_, known)| *known == nonce) {
            return Err(Refusal::Replayed);
        }
        let lately = self.0.iter().filter(|(at, _)| age(*at) < MINUTE).count();
        if lately >= LOOKS_PER_MINUTE_MAX {
            return Err(Refusal::TooMany);
        }
        self.0.push_back((now, nonce));
        Ok(())
    }
}

/// Why a request that can be read is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Request(BadRequest),
    Clock,
    Replayed,
    NotAllowed,
    TooMany,
}

impl Refusal {
    fn status(self) -> (&'static str, &'static str) {
        match self {
            Self::Request(BadRequest::Form(_)) => ("400 Bad Request", "this is no request"),
            Self::Request(BadRequest::Mac) => ("401 Unauthorized", "not with this token"),
            Self::Clock => ("401 Unauthorized", "the clocks of both hosts are far apart"),
            Self::Replayed => ("409 Conflict", "this was asked before"),
            Self::NotAllowed => ("403 Forbidden", "this host may not look at this name"),
            Self::TooMany => ("429 Too Many Requests", "this host looks at enough already"),
        }
    }
}

impl<L, F> Host<L>
where
    L: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Sighting> + Send + 'static,
{
    async fn answer(&self, mut stream: TcpStream) -> io::Result<()> {
        let read = timeout(REQUEST_MAX, read(&mut stream)).await;
        let answer = match read.map_err(|_| io::ErrorKind::TimedOut)?? {
            Err(status) => response(status, b"\n"),
            Ok(body) => match self.judge(&body) {
                Err(refusal) => {
                    let (status, text) = refusal.status();
                    response(status, format!("{text}\n").as_bytes())
                }
                Ok(request) => response("200 OK", &self.look(request).await),
            },
        };
        let written = async {
            stream.write_all(&answer).await?;
            stream.shutdown().await
        };
        timeout(ANSWER_MAX, written).await.map_err(|_| io::ErrorKind::TimedOut)?
    }

    fn judge(&self, body: &[u8]) -> Result<Request, Refusal> {
        let Settings { token, allowed, clock, .. } = &self.settings;
        let request = Request::open(body, token).map_err(Refusal::Request)?;
        let now = clock.now();
        if now.duration_since(request.at).abs() > CLOCKS_APART_MAX {
            return Err(Refusal::Clock);
        }
        if !allowed.covers(&request.service.domain) {
            return Err(Refusal::NotAllowed);
        }
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.enter(request.nonce, now)?;
        Ok(request)
    }

    async fn look(&self, request: Request) -> Vec<u8> {
        let Settings { key, clock, .. } = &self.settings;
        let _place = self.places.acquire().await.expect("it is never closed");
        let at = whole_seconds(clock.now());
        let (nonce, service, client) =
            (request.nonce, request.service.clone(), request.client.clone());
        let looked = timeout(LOOK_MAX, (self.look)(request)).await;
        let Sighting { peer, saw } = looked.unwrap_or_else(|_| Sighting {
            peer: None,
            saw: Saw::Nothing("it took too long".to_owned()),
        });
        let host = key.verifier_key().name().clone();
        Answer { host, nonce, at, service, client, peer, saw }.seal(key)
    }
}

/// Reads the one request of a connection; or says with which status it is refused.
async fn read(stream: &mut TcpStream) -> io::Result<Result<Vec<u8>, &'static str>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == HEAD_BYTES_MAX {
            return Ok(Err("431 Request Header Fields Too Large"));
        }
        head.push(stream.read_u8().await?);
    }
    let length = match body_length(&head, REQUEST_BYTES_MAX) {
        Ok(length) => length,
        Err(refused) => return Ok(Err(refused.status())),
    };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Ok(body))
}

fn response(status: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/octet-stream\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// Times in texts have no fractions.
pub(super) fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second())
        .expect("a whole second is within the range of what it was")
}

/// Connections at once: those who ask are a handful of hosts.
const CONNECTIONS_MAX: usize = 32;

/// Looks at once: each may start a client.
const LOOKS_AT_ONCE: usize = 4;

/// Enough for a dozen askers, too few to be a nuisance to whom it looks at.
const LOOKS_PER_MINUTE_MAX: usize = 60;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// As long as a request's time can be right, on both sides of ours.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(11);

/// How long a request may take to come, of two thousand octets at most.
const REQUEST_MAX: Duration = Duration::from_secs(10);

/// How long one look may take.
const LOOK_MAX: Duration = Duration::from_secs(120);

/// How long an answer may take to go.
const ANSWER_MAX: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(100);
