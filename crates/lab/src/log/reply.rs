//! An answer before it becomes HTTP, and all the ways in which it can be spoilt.

use std::io::{self, Cursor, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use flate2::write::GzEncoder;
use flate2::{Compress, Compression, Crc, FlushCompress};
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};
use tokio::time::{Interval, interval};
use tokio_util::io::ReaderStream;

use super::knobs::FaultKind;

/// An answer of the log as it should be.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: u16,
    content_type: &'static str,
    body: Bytes,
    coding: Coding,
    retry_after: Option<String>,
}

/// Whether the body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Identity,
    Gzip,
}

impl Reply {
    /// Status 200 with this body.
    pub(crate) fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let coding = Coding::Identity;
        Self { status: 200, content_type, body: body.into(), coding, retry_after: None }
    }

    /// Status 200 with a JSON body.
    pub(crate) fn json(value: &serde_json::Value) -> Self {
        Self::ok("application/json", value.to_string())
    }

    /// Status 200 with a body that is compressed already.
    pub(crate) fn compressed(content_type: &'static str, body: Bytes) -> Self {
        Self { coding: Coding::Gzip, ..Self::ok(content_type, body) }
    }

    /// Another status, and why.
    pub(crate) fn refusal(status: u16, why: &str) -> Self {
        Self { status, ..Self::ok("text/plain; charset=utf-8", format!("{why}\n")) }
    }

    /// The body as it is sent.
    #[cfg(test)]
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// With a Retry-After header.
    pub(crate) fn retry_after(self, retry_after: Option<String>) -> Self {
        Self { retry_after, ..self }
    }

    /// With its body compressed.
    pub(crate) fn gzipped(self) -> Self {
        match self.coding {
            Coding::Gzip => self,
            Coding::Identity => Self { body: gzip(&self.body), coding: Coding::Gzip, ..self },
        }
    }

    /// The answer as it should be.
    pub(crate) fn into_response(self) -> Response {
        let body = Body::from(self.body.clone());
        self.with_body(body)
    }

    /// The answer with this fault, or `None` if the connection is to be reset instead.
    pub(crate) fn spoilt(mut self, fault: FaultKind) -> Option<Response> {
        let length = self.body.len();
        Some(match fault {
            FaultKind::Html => {
                let page = "<!doctype html><title>Maintenance</title><p>Back soon.\n";
                Self::ok("text/html; charset=utf-8", page).into_response()
            }
            FaultKind::Truncated => {
                self.body.truncate(length / 2);
                self.into_response()
            }
            FaultKind::Endless => {
                self.body.truncate(length / 2);
                let start = Cursor::new(self.body.clone());
                let endless = AsyncReadExt::chain(start, tokio::io::repeat(b' '));
                self.with_body(Body::from_stream(ReaderStream::new(endless)))
            }
            FaultKind::Drip { pause } => {
                let body = Drip::body(self.body.clone(), 1, pause);
                self.with_body(body)
            }
            FaultKind::LengthTooLong => self.with_length(length + 100),
            FaultKind::LengthTooShort => self.with_length(length / 2),
            FaultKind::WrongType => {
                self.content_type = "image/png";
                self.into_response()
            }
            FaultKind::Redirect { to } => {
                let mut response = Self::refusal(302, "elsewhere").into_response();
                let to = HeaderValue::from_str(&to).expect("a scene redirects to a URL");
                response.headers_mut().insert(LOCATION, to);
                response
            }
            FaultKind::Empty => {
                self.body = Bytes::new();
                self.into_response()
            }
            FaultKind::Status(status) => Self::refusal(status, "no").into_response(),
            FaultKind::BrokenGzip => {
                self.coding = Coding::Gzip;
                self.into_response()
            }
            FaultKind::GzipBomb => Self::compressed(self.content_type, bomb()).into_response(),
            FaultKind::Reset => return None,
        })
    }

    /// The body as a stream under a Content-Length that is not its own.
    fn with_length(self, length: usize) -> Response {
        let body = Drip::body(self.body.clone(), usize::MAX, END_HELD_BACK);
        let mut response = self.with_body(body);
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        response
    }

    /// Status and headers around a body.
    fn with_body(self, body: Body) -> Response {
        let mut response = Response::new(body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).expect("a scene uses statuses that there are");
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if self.coding == Coding::Gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        if let Some(when) = self.retry_after {
            let when = HeaderValue::from_str(&when).expect("a number or a date");
            headers.insert(RETRY_AFTER, when);
        }
        response
    }
}

/// RFC 1952, at the level that servers use.
pub(crate) fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(bytes).expect("writing into memory");
    encoder.finish().expect("writing into memory").into()
}

/// 256 MiB of white space, compressed (RFC 1952 §2.3).
fn bomb() -> Bytes {
    // Compressing so much would take long. After a full flush DEFLATE's blocks refer to nothing before them and
    // end with a byte, so those of one part can be repeated.
    let part = vec![b' '; BOMB_PART_BYTES];
    let mut blocks = Vec::with_capacity(BOMB_PART_BYTES);
    Compress::new(Compression::new(6), false)
        .compress_vec(&part, &mut blocks, FlushCompress::Full)
        .expect("compressing into memory");
    let (mut crc_of_part, mut crc) = (Crc::new(), Crc::new());
    crc_of_part.update(&part);
    (0..BOMB_PARTS).for_each(|_| crc.combine(&crc_of_part));
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let last_block = [3, 0];
    let trailer = [crc.sum().to_le_bytes(), crc.amount().to_le_bytes()].concat();
    [&header[..], &blocks.repeat(BOMB_PARTS), &last_block, &trailer].concat().into()
}

/// Reads in steps with pauses between them, and with one before the end.
struct Drip {
    rest: Bytes,
    step: usize,
    interval: Interval,
}

impl Drip {
    fn body(rest: Bytes, step: usize, pause: Duration) -> Body {
        Body::from_stream(ReaderStream::new(Self { rest, step, interval: interval(pause) }))
    }
}

impl AsyncRead for Drip {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.interval.poll_tick(cx));
        let bytes = self.step.min(self.rest.len()).min(buffer.remaining());
        buffer.put_slice(&self.rest.split_to(bytes));
        Poll::Ready(Ok(()))
    }
}

/// What [`FaultKind::GzipBomb`] unpacks to is made of so many parts: more than any honest answer of a log.
const BOMB_PARTS: usize = 256;

/// See [`BOMB_PARTS`].
const BOMB_PART_BYTES: usize = 1 << 20;

/// How long the end of a body is held back whose Content-Length is wrong, or the HTTP library would give up
/// before it has sent anything.
const END_HELD_BACK: Duration = Duration::from_millis(10);

/// A Retry-After date (RFC 9110 §5.6.7).
pub(crate) fn http_date(at: jiff::Timestamp, later: Duration) -> String {
    let at = at.saturating_add(jiff::SignedDuration::try_from(later).expect("a short while"));
    at.expect("a duration of seconds").strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
