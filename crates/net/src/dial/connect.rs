//! A connection through an HTTP proxy (RFC 9110 §9.3.6).

use std::io;
use std::sync::Arc;

use base64_simd::STANDARD;
use reqwest::Url;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::connect_answer::{HEADER_BYTES_MAX, status};
use super::stream::Stream;
use crate::socks::Target;

/// Why an HTTP proxy does not connect us.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The proxy cannot be reached, or the connection to it broke.
    #[error("no connection to the proxy")]
    Proxy(#[source] io::Error),
    /// What it answered is not HTTP, or more than an answer to CONNECT needs.
    #[error("the proxy does not speak HTTP")]
    NotHttp,
    /// It did not connect.
    #[error("the proxy could not connect, with the status {0}")]
    Refused(u16),
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Proxy(error)
    }
}

/// Connects to `to` through the proxy at `proxy`, a URL that `Net::new` has read. `tls` is for one that is spoken to by
/// TLS.
pub(super) async fn connect(
    proxy: &str,
    tls: Arc<ClientConfig>,
    to: Target<'_>,
) -> Result<Stream, ConnectError> {
    let url = Url::parse(proxy).expect("Net::new has read it");
    let host = url.host_str().expect("Net::new has seen that it has one");
    let plain_host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = url.port_or_known_default().expect("http and https have one");
    let mut stream = TcpStream::connect((plain_host.as_str(), port)).await?;
    let request = request(&url, to);
    if url.scheme() != "https" {
        ask(&mut stream, &request).await?;
        return Ok(Stream::Tcp(stream));
    }
    let name = ServerName::try_from(plain_host).map_err(io::Error::other)?;
    let mut stream = TlsConnector::from(tls).connect(name, stream).await?;
    ask(&mut stream, &request).await?;
    Ok(Stream::Proxy(Box::new(stream)))
}

fn request(proxy: &Url, to: Target<'_>) -> String {
    let to = match to {
        Target::Address(address) => address.to_string(),
        Target::Name(host, port) => format!("{host}:{port}"),
    };
    let login = if proxy.username().is_empty() && proxy.password().is_none() {
        String::new()
    } else {
        // RFC 7617 §2. The URL has both percent-encoded.
        let user = [decoded(proxy.username()), decoded(proxy.password().unwrap_or_default())];
        let login = STANDARD.encode_to_string(user.join(&b':'));
        format!("Proxy-Authorization: Basic {login}\r\n")
    };
    format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n{login}\r\n")
}

/// RFC 3986 §2.1; what is not encoded well stays as it is.
fn decoded(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let octet = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match octet {
            Some(octet) => {
                bytes.push(octet);
                bytes.extend(&part.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend(part.as_bytes());
            }
        }
    }
    bytes
}

/// Octet by octet: what comes behind the header is the server's already.
async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    request: &str,
) -> Result<(), ConnectError> {
    stream.write_all(request.as_bytes()).await?;
    stream.flush().await?;
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        if header.len() == HEADER_BYTES_MAX {
            return Err(ConnectError::NotHttp);
        }
        header.push(stream.read_u8().await?);
    }
    match status(&header) {
        Some(200..=299) => Ok(()),
        Some(status) => Err(ConnectError::Refused(status)),
        None => Err(ConnectError::NotHttp),
    }
}
