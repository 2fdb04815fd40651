//! One HTTP request that is passed on (RFC 9110 §7.6): to a server that is known by another name, with an answer that
//! is given back whole, whatever its status. The same bounds and the same trust as a [`Get`].
//!
//! It is sent once, over a fresh connection, as a [`Post`](crate::Post) is. An answer that breaks off or is too large is
//! an error: half of one must not be taken for it.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::fetch::{Fetch, FetchError, Get, Gzip};
use crate::net::{Connection, Net};
use crate::post::Target;

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Relay<'a> {
    /// Where it goes, and whose certificate is asked for.
    pub to: &'a Target,
    /// The name of the vantage that it takes.
    pub vantage: &'a str,
    /// What `Host` says, if not what the URL does.
    pub host: Option<&'a str>,
    /// What is asked.
    pub ask: Ask<'a>,
    /// Further headers, each once, with lower-case names.
    pub headers: &'a [(&'static str, &'a str)],
    /// Which headers of the answer are given back, in lower case.
    pub wanted: &'a [&'static str],
    /// How large the body of the answer may be, in bytes.
    pub body_max: usize,
    /// How long it may take until the last byte of the answer.
    pub deadline: Duration,
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub enum Ask<'a> {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST.
    Post {
        /// What it says.
        body: &'a [u8],
        /// What kind of content that is, a media type.
        content_type: &'static str,
    },
}

/// What the server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// The HTTP status.
    pub status: u16,
    /// Those headers that were wanted, in the order in which they were, each as often as it came.
    pub headers: Vec<(&'static str, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Relayed {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = self.headers.iter().find(|(known, _)| *known == name);
        named.map(|(_, value)| value.as_str())
    }

    /// Each header of this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(known, _)| *known == name);
        named.map(|(_, value)| value.as_str())
    }
}

impl Net {
    /// Passes a request on. The deadline runs on real time, also in the lab.
    pub async fn relay(&self, relay: Relay<'_>) -> Result<Relayed, FetchError> {
        let headers = headers(&relay)?;
        let url = relay.to.url().clone();
        let get = Get {
            url: url.as_str(),
            vantage: relay.vantage,
            gzip: Gzip::Identity,
            body_max: relay.body_max,
            deadline: relay.deadline,
            connection: Connection::Close,
        };
        let fetch = Fetch::new(self, get, url.clone())?;
        let client = &fetch.exit.close;
        let request = match relay.ask {
            Ask::Get => client.get(url.clone()),
            Ask::Head => client.head(url.clone()),
            Ask::Post { body, .. } => client.post(url.clone()).body(body.to_vec()),
        };
        let response = fetch.header(request.headers(headers)).await?;
        let status = response.status().as_u16();
        let came = |name: &'static str| {
            let values = response.headers().get_all(name).iter();
            values.filter_map(move |value| Some((name, value.to_str().ok()?.to_owned())))
        };
        let headers = relay.wanted.iter().flat_map(|name| came(name)).collect();
        let body = match relay.ask {
            // Its length is that of what GET would bring (RFC 9110 §9.3.2).
            Ask::Head => Vec::new(),
            // No date is held against this time: nobody wants to know when to come back.
            Ask::Get | Ask::Post { .. } => {
                fetch.content(response, Timestamp::UNIX_EPOCH).await?.body
            }
        };
        Ok(Relayed { status, headers, body })
    }
}

fn headers(relay: &Relay<'_>) -> Result<HeaderMap, FetchError> {
    let mut headers = HeaderMap::new();
    match relay.ask {
        Ask::Get | Ask::Head => {}
        Ask::Post { content_type, .. } => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close")); // RFC 9112 §9.6
    let host = relay.host.iter().map(|host| ("host", *host));
    for (name, value) in host.chain(relay.headers.iter().copied()) {
        let value = HeaderValue::from_str(value).map_err(|_| FetchError::BadHeader(name))?;
        headers.insert(HeaderName::from_static(name), value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
