//! A connection through a SOCKS5 proxy (RFC 1928), with a user name that isolates it (RFC 1929).

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Why a proxy does not connect us.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocksError {
    /// The proxy cannot be reached, or the connection to it broke.
    #[error("no connection to the proxy")]
    Proxy(#[source] io::Error),
    /// What it answered is not SOCKS5.
    #[error("the proxy does not speak SOCKS5")]
    NotSocks,
    /// It does not take a user name, without which connections would share a circuit; or it wants one.
    #[error("the proxy does not agree on how to log in")]
    Method,
    /// It does not take this user name.
    #[error("the proxy refused the login")]
    Login,
    /// It did not connect: a reply code other than 0 (RFC 1928 §6).
    #[error("the proxy could not connect: {} (code {})", reply_name(*.0), .0)]
    Refused(u8),
}

impl From<io::Error> for SocksError {
    fn from(error: io::Error) -> Self {
        Self::Proxy(error)
    }
}

/// What a reply code means: those of RFC 1928 §6, and Tor's own for onion services, which it gives where its port is set
/// up with `ExtendedErrors` (proposal 304).
fn reply_name(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        CONNECTION_REFUSED => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "kind of address not supported",
        0xF0 => "the onion service has no descriptor",
        0xF1 => "the onion service's descriptor is not valid",
        0xF2 => "the onion service let nobody introduce us",
        0xF3 => "the onion service did not come to the rendezvous",
        0xF4 => "the onion service wants a key of its clients",
        0xF5 => "the onion service does not take our key",
        0xF6 => "not the address of an onion service",
        0xF7 => "the introduction to the onion service timed out",
        _ => "for a reason without a name",
    }
}

/// Whom the proxy is to connect us with.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// An address.
    Address(SocketAddr),
    /// A name of 1 to 255 octets, which the proxy looks up.
    Name(&'a str, u16),
}

/// Connects to `to` through the proxy. The user name must have 1 to 255 octets.
pub(crate) async fn connect(
    proxy: &str,
    isolation: Option<&str>,
    to: Target<'_>,
) -> Result<TcpStream, SocksError> {
    let mut stream = TcpStream::connect(proxy).await?;
    let method = if isolation.is_some() { USER_AND_PASSWORD } else { NO_LOGIN };
    // One method is offered: whoever wants isolation must not get a connection without it.
    stream.write_all(&[VERSION, 1, method]).await?;
    match read(&mut stream).await? {
        [VERSION, chosen] if chosen == method => {}
        [VERSION, _] => return Err(SocksError::Method),
        _ => return Err(SocksError::NotSocks),
    }
    if let Some(user) = isolation {
        log_in(&mut stream, user).await?;
    }
    stream.write_all(&request(to)).await?;
    let [version, code, _, kind] = read(&mut stream).await?;
    if version != VERSION {
        return Err(SocksError::NotSocks);
    }
    if code != 0 {
        return Err(SocksError::Refused(code));
    }
    // The address that the proxy connects from is of no interest, but has to be read past.
    let length = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(stream.read_u8().await?),
        _ => return Err(SocksError::NotSocks),
    };
    stream.read_exact(&mut vec![0; length + 2]).await?;
    Ok(stream)
}

/// RFC 1929 §2.
async fn log_in(stream: &mut TcpStream, user: &str) -> Result<(), SocksError> {
    let mut login = vec![1, length(user)];
    login.extend(user.as_bytes());
    login.push(length(PASSWORD));
    login.extend(PASSWORD.as_bytes());
    stream.write_all(&login).await?;
    match read(stream).await? {
        [1, 0] => Ok(()),
        [1, _] => Err(SocksError::Login),
        _ => Err(SocksError::NotSocks),
    }
}

/// CONNECT (RFC 1928 §4).
fn request(to: Target<'_>) -> Vec<u8> {
    let mut request = vec![VERSION, 1, 0];
    let port = match to {
        Target::Name(name, port) => {
            request.extend([NAME, length(name)]);
            request.extend(name.as_bytes());
            port
        }
        Target::Address(address) => {
            match address.ip() {
                IpAddr::V4(address) => {
                    request.push(IPV4);
                    request.extend(address.octets());
                }
                IpAddr::V6(address) => {
                    request.push(IPV6);
                    request.extend(address.octets());
                }
            }
            address.port()
        }
    };
    request.extend(port.to_be_bytes());
    request
}

fn length(text: &str) -> u8 {
    u8::try_from(text.len()).expect("whoever calls `connect` has seen that it is short")
}

async fn read<const N: usize>(stream: &mut TcpStream) -> Result<[u8; N], SocksError> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// RFC 1928 §3 to §6.
const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
pub(crate) const CONNECTION_REFUSED: u8 = 5;

/// As over HTTP, where the user name tells circuits apart and the password is there because there has to be one.
const PASSWORD: &str = "countersign";
