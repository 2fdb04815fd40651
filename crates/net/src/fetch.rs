//! One HTTP request (RFC 9110), here GET: bounded in time, bytes and trust. Whatever a server answers, a `Reply` or a
//! named error comes back by the deadline.
//!
//! No redirects are followed, no cookies or referrers sent, and TLS is always validated.
//!
//! A kept-alive connection may be closed by the server just as a request goes out. If it was closed before
//! the request was written, the client library writes it to a fresh one by itself. If it broke later, but
//! before the first byte of an answer, we send the request once more, over a fresh connection: a GET may be
//! repeated (RFC 9110 §9.2.2). The library does not tell whether a broken connection was a fresh one, so
//! that case is repeated once as well.

use std::error::Error;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{self, HeaderMap, HeaderName};
use reqwest::{Client, RequestBuilder, Response, Url};
use tokio::time::{Instant, timeout_at};

use crate::gzip::{self, GzipError};
use crate::net::{Connection, Exit, Net, NotRedirected};

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Get<'a> {
    /// An `http` or `https` URL, without credentials.
    pub url: &'a str,
    /// The name of the vantage to ask from.
    pub vantage: &'a str,
    /// Whether to ask for compression.
    pub gzip: Gzip,
    /// How large the body may be, inflated, in bytes.
    pub body_max: usize,
    /// How long all of it may take, from resolving the name to the last byte.
    pub deadline: Duration,
    /// Whether the connection is kept.
    pub connection: Connection,
}

/// Whether a request asks for gzip. A server may compress or not either way; the reply is inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gzip {
    /// `Accept-Encoding: gzip`.
    Ask,
    /// `Accept-Encoding: identity`.
    Identity,
}

/// What the server answered, whatever its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status (RFC 9110 §15): 200 to 599, redirects included.
    pub status: u16,
    /// The content, inflated. For statuses other than 2xx it is only there to be shown: at most
    /// [`REFUSAL_BYTES_MAX`], cut where it is longer or breaks off, empty where it does not inflate.
    pub body: Vec<u8>,
    /// How many bytes the body had on the wire, without headers and framing.
    pub received_bytes: u64,
    /// When the server wants us back (RFC 9110 §10.2.3), at most [`RETRY_AFTER_MAX`] from now.
    pub retry_after: Option<Duration>,
    /// The media type, as sent.
    pub content_type: Option<String>,
}

/// How much is read of a body that comes with a status other than 2xx, in bytes. Enough for any message;
/// more must not cost us the status.
pub const REFUSAL_BYTES_MAX: usize = 64 << 10;

/// How long a `Retry-After` may keep us away. A monitor that a server can send away for longer is blind.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(60 * 60);

/// How long a URL may be, in bytes. RFC 9110 §4.1 asks for 8000 to be supported.
const URL_BYTES_MAX: usize = 8192;

/// A body must bring [`SLOW_BYTES_MIN`] in each such span, or it is given up: a server that drips would
/// otherwise hold a request for all of a generous deadline.
pub const SLOW_WINDOW: Duration = Duration::from_secs(10);

/// See [`SLOW_WINDOW`]. 400 bytes a second is below what any path carries, Tor's too.
pub const SLOW_BYTES_MIN: usize = 4 << 10;

/// How much larger than its content a gzip body may be, in bytes: headers, and stored blocks' overhead.
const GZIP_OVERHEAD_MAX: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The URL is not one that can be fetched.
    #[error("cannot fetch {url:?}: {fault}")]
    BadUrl {
        /// The URL, cut to a readable length.
        url: String,
        /// What is wrong with it.
        fault: UrlFault,
    },
    /// No vantage has that name.
    #[error("there is no vantage named {0:?}")]
    UnknownVantage(String),
    /// The host's name has no address.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        source: BoxError,
    },
    /// No connection to the host, or to the vantage's proxy, or from there to the host.
    #[error("cannot connect to {host}{}", via(.proxied))]
    Connect {
        /// Whom we wanted to reach.
        host: String,
        /// The vantage, where it is a proxied one.
        proxied: Option<String>,
        /// Why.
        source: BoxError,
    },
    /// The TLS handshake failed, or the server is not who the URL says.
    #[error("no trustworthy TLS connection to {host}")]
    Tls {
        /// Whom we wanted to reach.
        host: String,
        /// Why.
        source: rustls::Error,
    },
    /// The time was up.
    #[error("{host} did not {stage} within {} s", .after.as_secs_f64())]
    Deadline {
        /// Who was too slow.
        host: String,
        /// What we were waiting for.
        stage: Stage,
        /// How long we waited.
        after: Duration,
    },
    /// The body came in drips: less than [`SLOW_BYTES_MIN`] in [`SLOW_WINDOW`].
    #[error("{host} sent only {received_bytes} bytes of its body in {} s", SLOW_WINDOW.as_secs())]
    TooSlow {
        /// Who was too slow.
        host: String,
        /// How much came in the last window.
        received_bytes: usize,
    },
    /// The body is larger than it may be.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes: that of the request, or what that much content can have on the wire.
        limit: usize,
    },
    /// The body says that it is gzip and is not.
    #[error("the gzip body cannot be inflated")]
    Gzip(#[source] GzipError),
    /// The body has a content coding that nobody asked for.
    #[error("the body has the content coding {0:?}")]
    ContentCoding(String),
    /// A header's value cannot be sent (RFC 9110 §5.5).
    #[error("the value of the header {0} cannot be sent")]
    BadHeader(&'static str),
    /// The connection broke, or what came over it was not HTTP.
    #[error("the connection to {host} broke before it could {stage}")]
    Broken {
        /// Who was at the other end.
        host: String,
        /// What we were waiting for.
        stage: Stage,
        /// Why.
        source: BoxError,
    },
}

/// A cause from below, for printing.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a URL cannot be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlFault {
    /// It is not a URL with a host.
    #[error("it is not a URL with a host")]
    Syntax,
    /// It is neither `http` nor `https`.
    #[error("it is neither http nor https")]
    Scheme,
    /// It names a user or a password, which would be sent to the server.
    #[error("it holds a user name or password")]
    Credentials,
    /// It is longer than any log's URLs.
    #[error("it is too long")]
    TooLong,
}

/// What a server still owed us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A connection, its TLS handshake included.
    Connect,
    /// All of the answer's header.
    Header,
    /// All of the answer's body.
    Body,
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "take our connection",
            Self::Header => "answer",
            Self::Body => "send all of its body",
        })
    }
}

impl FetchError {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Resolve { .. } => Some("check this machine's DNS, and the host's name"),
            Self::Connect { proxied: Some(_), .. } => {
                Some("check that the vantage's proxy runs and may connect to the host")
            }
            Self::Tls { source, .. } => tls_hint(source),
            Self::UnknownVantage(_) => Some("see the configured vantages"),
            Self::BadUrl { .. }
            | Self::BadHeader(_)
            | Self::Connect { .. }
            | Self::Deadline { .. }
            | Self::TooSlow { .. }
            | Self::TooLarge { .. }
            | Self::Gzip(_)
            | Self::ContentCoding(_)
            | Self::Broken { .. } => None,
        }
    }
}

/// What to do about a certificate that does not convince us.
pub(crate) fn tls_hint(error: &rustls::Error) -> Option<&'static str> {
    use rustls::CertificateError as Bad;
    let rustls::Error::InvalidCertificate(bad) = error else { return None };
    Some(match bad {
        Bad::UnknownIssuer => {
            "someone may be in between; if the server has a private CA, give us its root"
        }
        Bad::Expired | Bad::ExpiredContext { .. } => {
            "check this machine's clock; if it is right, the server's operator is late"
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => "check this machine's clock",
        _ => "someone may be in between; look from another vantage",
    })
}

fn via(proxied: &Option<String>) -> String {
    proxied.as_ref().map_or_else(String::new, |vantage| format!(" by way of vantage {vantage:?}"))
}

impl Net {
    /// Fetches. `now` is held against a `Retry-After` date; the deadline runs on real time, also in the lab.
    pub async fn get(&self, get: Get<'_>, now: Timestamp) -> Result<Reply, FetchError> {
        let fetch =
            Fetch::new(self, get, parse_url(get.url).map_err(|fault| bad_url(get.url, fault))?)?;
        let response = fetch.answer().await?;
        if response.status().is_success() {
            fetch.content(response, now).await
        } else {
            Ok(fetch.refusal(response, now).await)
        }
    }
}

/// A request under way.
pub(crate) struct Fetch<'a> {
    net: &'a Net,
    pub(crate) exit: &'a Exit,
    get: Get<'a>,
    pub(crate) url: Url,
    host: String,
    until: Instant,
}

impl<'a> Fetch<'a> {
    /// Starts the deadline; connects to nothing yet.
    pub(crate) fn new(net: &'a Net, get: Get<'a>, url: Url) -> Result<Self, FetchError> {
        let exit = net
            .exit(get.vantage)
            .ok_or_else(|| FetchError::UnknownVantage(get.vantage.to_owned()))?;
        let host = url.host_str().expect("parse_url saw a host").to_owned();
        // From a proxied vantage it is the proxy who resolves names; `Net::new` keeps that one in the lab.
        let leaves_lab = net.redirects().is_some_and(|redirects| !redirects.contains(&url));
        if leaves_lab && !exit.route.is_proxy() {
            return Err(FetchError::Resolve { host, source: NotRedirected.into() });
        }
        Ok(Self { net, exit, get, url, host, until: Instant::now() + get.deadline })
    }

    /// Sends the request, once more where a connection broke under it, and takes the header.
    async fn answer(&self) -> Result<Response, FetchError> {
        let first = match self.get.connection {
            Connection::Close => return self.send(&self.exit.close).await,
            Connection::KeepAlive => self.send(&self.exit.keep_alive).await,
        };
        match first {
            Err(FetchError::Broken { .. }) => self.send(&self.exit.close).await,
            Ok(_) | Err(_) => first,
        }
    }

    async fn send(&self, client: &Client) -> Result<Response, FetchError> {
        let coding = match self.get.gzip {
            Gzip::Ask => "gzip",
            Gzip::Identity => "identity",
        };
        let mut request = client.get(self.url.clone()).header(header::ACCEPT_ENCODING, coding);
        if self.get.connection == Connection::Close {
            request = request.header(header::CONNECTION, "close"); // RFC 9112 §9.6
        }
        self.header(request).await
    }

    /// Sends a request and takes the header of its answer.
    pub(crate) async fn header(&self, request: RequestBuilder) -> Result<Response, FetchError> {
        match timeout_at(self.until, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.name(error, Stage::Header)),
            Err(_) => Err(self.deadline(Stage::Header)),
        }
    }

    /// The reply of a server that has what we asked for.
    pub(crate) async fn content(
        &self,
        mut response: Response,
        now: Timestamp,
    ) -> Result<Reply, FetchError> {
        let bytes_max = self.get.body_max;
        let coding = Coding::of(response.headers())?;
        let (body, received) = match coding {
            Coding::Identity => {
                let mut body = Vec::new();
                self.read(&mut response, bytes_max, &mut body).await?;
                let received = body.len();
                (body, received)
            }
            Coding::Gzip => {
                let mut wire = Vec::new();
                let wire_max = bytes_max.saturating_add(GZIP_OVERHEAD_MAX);
                self.read(&mut response, wire_max, &mut wire).await?;
                let body = gzip::inflate(&wire, bytes_max).map_err(|error| match error {
                    GzipError::TooLarge { bytes_max } => FetchError::TooLarge { limit: bytes_max },
                    error => FetchError::Gzip(error),
                })?;
                (body, wire.len())
            }
        };
        Ok(reply(&response, body, received, now))
    }

    /// A reply of which the status is what matters. So nothing about its body is an error: what cannot be
    /// had is left out.
    pub(crate) async fn refusal(&self, mut response: Response, now: Timestamp) -> Reply {
        let bytes_max = self.get.body_max.min(REFUSAL_BYTES_MAX);
        let mut body = Vec::new();
        // Whatever ended the body, what came before is kept.
        let _ = self.read(&mut response, bytes_max, &mut body).await;
        let received = body.len();
        let body = match Coding::of(response.headers()) {
            Ok(Coding::Identity) => body,
            Ok(Coding::Gzip) => gzip::inflate(&body, bytes_max).unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        reply(&response, body, received, now)
    }

    /// Appends the body's bytes, as they are on the wire, until it ends or exceeds a bound.
    async fn read(
        &self,
        response: &mut Response,
        bytes_max: usize,
        into: &mut Vec<u8>,
    ) -> Result<(), FetchError> {
        let too_large = FetchError::TooLarge { limit: bytes_max };
        if let Some(length) = response.content_length() {
            // What does not fit a usize does not fit the limit either.
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            into.reserve_exact(length.min(bytes_max));
            if length > bytes_max && response.status().is_success() {
                return Err(too_large);
            }
        }
        let mut window = self.window(Instant::now());
        loop {
            let chunk = match timeout_at(self.until.min(window.end), response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(error)) => return Err(self.name(error, Stage::Body)),
                Err(_) if self.until <= window.end => return Err(self.deadline(Stage::Body)),
                Err(_) if window.received_bytes >= SLOW_BYTES_MIN => {
                    window = self.window(window.end);
                    continue;
                }
                Err(_) => {
                    let (host, received_bytes) = (self.host.clone(), window.received_bytes);
                    return Err(FetchError::TooSlow { host, received_bytes });
                }
            };
            let room = bytes_max - into.len();
            if chunk.len() > room {
                into.extend_from_slice(&chunk[..room]);
                return Err(too_large);
            }
            into.extend_from_slice(&chunk);
            window.received_bytes += chunk.len();
        }
    }

    fn window(&self, start: Instant) -> Window {
        Window { end: start + self.net.patience().slow_window, received_bytes: 0 }
    }

    fn deadline(&self, stage: Stage) -> FetchError {
        FetchError::Deadline { host: self.host.clone(), stage, after: self.get.deadline }
    }

    /// Finds out which of our errors the client library's is.
    fn name(&self, error: reqwest::Error, stage: Stage) -> FetchError {
        let host = self.host.clone();
        if let Some(source) = tls_error(&error) {
            return FetchError::Tls { host, source };
        }
        let (is_dns, is_connect) = (error.is_dns(), error.is_connect());
        if is_connect && error.is_timeout() {
            let after = self.net.patience().connect_max(&self.exit.route).min(self.get.deadline);
            return FetchError::Deadline { host, stage: Stage::Connect, after };
        }
        // Our callers know the URL and print it themselves.
        let source = error.without_url().into();
        if is_dns {
            FetchError::Resolve { host, source }
        } else if is_connect {
            let proxied = self.exit.route.is_proxy().then(|| self.get.vantage.to_owned());
            FetchError::Connect { host, proxied, source }
        } else {
            FetchError::Broken { host, stage, source }
        }
    }
}

/// A span of [`SLOW_WINDOW`] and what came in it.
struct Window {
    end: Instant,
    received_bytes: usize,
}

fn bad_url(text: &str, fault: UrlFault) -> FetchError {
    /// How much of a bad URL is worth printing, in characters.
    const SHOWN_MAX: usize = 200;
    FetchError::BadUrl { url: text.chars().take(SHOWN_MAX).collect(), fault }
}

pub(crate) fn parse_url(text: &str) -> Result<Url, UrlFault> {
    if text.len() > URL_BYTES_MAX {
        return Err(UrlFault::TooLong);
    }
    let url = Url::parse(text).map_err(|_| UrlFault::Syntax)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(UrlFault::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlFault::Credentials);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(UrlFault::Syntax);
    }
    Ok(url)
}

/// The content codings that we undo (RFC 9110 §8.4.1).
#[derive(Clone, Copy)]
enum Coding {
    Identity,
    Gzip,
}

impl Coding {
    fn of(headers: &HeaderMap) -> Result<Self, FetchError> {
        let mut codings = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(coding) = codings.next() else { return Ok(Self::Identity) };
        let text = coding.as_bytes().trim_ascii();
        let is = |name: &str| text.eq_ignore_ascii_case(name.as_bytes());
        let is_one = codings.next().is_none();
        if is_one && (is("gzip") || is("x-gzip")) {
            Ok(Self::Gzip)
        } else if is_one && (is("identity") || text.is_empty()) {
            Ok(Self::Identity)
        } else {
            Err(FetchError::ContentCoding(String::from_utf8_lossy(text).into_owned()))
        }
    }
}

fn reply(response: &Response, body: Vec<u8>, received: usize, now: Timestamp) -> Reply {
    let text =
        |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
    Reply {
        status: response.status().as_u16(),
        body,
        received_bytes: u64::try_from(received).expect("a usize has at most 64 bits"),
        retry_after: text(header::RETRY_AFTER).and_then(|value| retry_after(value, now)),
        content_type: text(header::CONTENT_TYPE).map(str::to_owned),
    }
}

/// Reads a `Retry-After` (RFC 9110 §10.2.3): seconds, or an HTTP date. A date that has passed means now;
/// anything else means nothing.
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim_ascii();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Digits that do not fit are a number beyond any cap.
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(RETRY_AFTER_MAX));
    }
    let date = Timestamp::try_from(httpdate::parse_http_date(value).ok()?).ok()?;
    let wait = Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO);
    Some(wait.min(RETRY_AFTER_MAX))
}

/// The TLS error somewhere below, if there is one.
fn tls_error(error: &reqwest::Error) -> Option<rustls::Error> {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<rustls::Error>() {
            return Some(found.clone());
        }
        // An io::Error's own source is that of the error inside it, which it skips.
        let inner = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests;
