//! One HTTP POST (RFC 9110 §9.3.3): the same bounds and the same trust as a [`Get`], and a status back.
//!
//! A POST may not be repeated by whoever carries it (RFC 9110 §9.2.2), so it has a fresh connection, which no
//! idle timeout can break under it, and is sent once. Whether to send again is for the caller, who has an
//! idempotency key.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Url;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::fetch::{Fetch, FetchError, Get, Gzip, UrlFault, parse_url};
use crate::net::{Connection, Net};

/// Where something is posted to. Its URL is often a secret, so it is never printed whole.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Url);

impl Target {
    /// From an `http` or `https` URL without credentials.
    pub fn parse(url: &str) -> Result<Self, UrlFault> {
        parse_url(url).map(Self)
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }
}

/// Only who it is: `https://hooks.example`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self}/…)")
    }
}

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Post<'a> {
    /// Where it goes.
    pub to: &'a Target,
    /// The name of the vantage that it takes.
    pub vantage: &'a str,
    /// What it says.
    pub body: &'a [u8],
    /// What kind of content that is, a media type.
    pub content_type: &'static str,
    /// Further headers, each once, with lower-case names.
    pub headers: &'a [(&'static str, &'a str)],
    /// How long it may take until the last byte of the answer.
    pub deadline: Duration,
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// The HTTP status. It stands for the whole answer: with it the request has succeeded or not, whatever
    /// becomes of the body.
    pub status: u16,
    /// What came of the body, at most [`POSTED_BYTES_MAX`]. Only there to be shown.
    pub body: Vec<u8>,
    /// When the server wants us back (RFC 9110 §10.2.3), at most
    /// [`RETRY_AFTER_MAX`](crate::fetch::RETRY_AFTER_MAX) from now.
    pub retry_after: Option<Duration>,
}

/// How much is read of the body of an answer, in bytes: a sentence of explanation.
pub const POSTED_BYTES_MAX: usize = 4 << 10;

impl Net {
    /// Posts. `now` is held against a `Retry-After` date; the deadline runs on real time, also in the lab.
    pub async fn post(&self, post: Post<'_>, now: Timestamp) -> Result<Posted, FetchError> {
        let headers = headers(&post)?;
        let get = Get {
            url: post.to.0.as_str(),
            vantage: post.vantage,
            gzip: Gzip::Identity,
            body_max: POSTED_BYTES_MAX,
            deadline: post.deadline,
            connection: Connection::Close,
        };
        let fetch = Fetch::new(self, get, post.to.0.clone())?;
        let request =
            fetch.exit.close.post(fetch.url.clone()).headers(headers).body(post.body.to_vec());
        let response = fetch.header(request).await?;
        let reply = fetch.refusal(response, now).await;
        Ok(Posted { status: reply.status, body: reply.body, retry_after: reply.retry_after })
    }
}

fn headers(post: &Post<'_>) -> Result<HeaderMap, FetchError> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(post.content_type));
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close")); // RFC 9112 §9.6
    for (name, value) in post.headers {
        let value = HeaderValue::from_str(value).map_err(|_| FetchError::BadHeader(name))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
