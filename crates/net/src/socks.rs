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
    #[error("the proxy could not connect, with the code {0}")]
    Refused(u8),
}

impl From<io::Error> for SocksError {
    fn from(error: io::Error) -> Self {
        Self::Proxy(error)
    }
}

/// Connects to `to` through the proxy. The user name must have 1 to 255 octets.
pub(super) async fn connect(
    proxy: &str,
    isolation: Option<&str>,
    to: SocketAddr,
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
    let length = |text: &str| u8::try_from(text.len()).expect("Net::new saw that it is short");
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
fn request(to: SocketAddr) -> Vec<u8> {
    let mut request = vec![VERSION, 1, 0];
    match to.ip() {
        IpAddr::V4(address) => {
            request.push(IPV4);
            request.extend(address.octets());
        }
        IpAddr::V6(address) => {
            request.push(IPV6);
            request.extend(address.octets());
        }
    }
    request.extend(to.port().to_be_bytes());
    request
}

async fn read<const N: usize>(stream: &mut TcpStream) -> Result<[u8; N], SocksError> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// RFC 1928 §3 to §5.
const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const USER_AND_PASSWORD: u8 = 2;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// As over HTTP, where the user name tells circuits apart and the password is there because there has to be one.
const PASSWORD: &str = "countersign";
