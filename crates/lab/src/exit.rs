//! Exits of an anonymity network, as their users see them: SOCKS5 servers (RFC 1928, RFC 1929) that connect from an
//! address of their own. Most are honest; one may be Mallory's, and then everything that goes through it is hers to
//! read, whatever service it is for.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::TcpStream;

use crate::mallory::Way;
use crate::port::{Port, connect_from};

/// Where names and their ports are in the lab. Cheap to clone; clones share what they know.
#[derive(Clone, Debug, Default)]
pub struct Directory(Arc<Mutex<BTreeMap<(String, u16), SocketAddr>>>);

/// How an exit treats those who use it.
#[derive(Clone)]
pub enum Manner {
    /// It connects them with whom they ask for.
    Honest,
    /// It does so by way of Mallory.
    Lying(Way),
}

/// An exit. Dropping it closes its port.
pub struct Exit {
    port: Port,
    state: Arc<State>,
}

struct State {
    source: IpAddr,
    directory: Directory,
    manner: Manner,
    seen: Mutex<Vec<Visit>>,
}

/// A connection that somebody asked an exit for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The user name that keeps it apart from others', if there is one.
    pub isolation: Option<String>,
    /// Whom it was for.
    pub host: String,
    /// At which port.
    pub port: u16,
}

impl Directory {
    /// From now on this host is there with this port.
    pub fn put(&self, host: &str, port: u16, to: SocketAddr) {
        self.lock().insert((host.to_ascii_lowercase(), port), to);
    }

    /// Where it is. An address of this machine is where it says.
    pub fn find(&self, host: &str, port: u16) -> Option<SocketAddr> {
        let known = self.lock().get(&(host.to_ascii_lowercase(), port)).copied();
        let itself = || host.parse().ok().filter(IpAddr::is_loopback);
        known.or_else(|| itself().map(|address| SocketAddr::new(address, port)))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, u16), SocketAddr>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exit {
    /// Opens a port for its users. It connects from `source`.
    pub async fn start(source: IpAddr, directory: Directory, manner: Manner) -> io::Result<Self> {
        let state = Arc::new(State { source, directory, manner, seen: Mutex::default() });
        let inside = Arc::clone(&state);
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let port = Port::open(at, move |stream, _| {
            let state = Arc::clone(&inside);
            async move {
                match serve(stream, &state).await {
                    Ok(()) => {}
                    Err(err) => tracing::debug!("a connection through an exit broke: {err:#}"),
                }
            }
        });
        Ok(Self { port: port.await?, state })
    }

    /// Where its users connect to.
    pub fn address(&self) -> SocketAddr {
        self.port.address
    }

    /// What it was asked for, the first of it.
    pub fn seen(&self) -> Vec<Visit> {
        self.state.lock().clone()
    }
}

impl State {
    fn keep(&self, visit: Visit) {
        let mut seen = self.lock();
        if seen.len() < SEEN_MAX {
            seen.push(visit);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Visit>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(mut user: TcpStream, state: &State) -> io::Result<()> {
    let isolation = greet(&mut user).await?;
    let [version, command, _, kind] = bytes(&mut user).await?;
    if (version, command) != (VERSION, CONNECT) {
        return reply(&mut user, COMMAND_NOT_SUPPORTED).await;
    }
    let host = match kind {
        ADDRESS_V4 => Ipv4Addr::from(bytes::<4>(&mut user).await?).to_string(),
        NAME => text(&mut user).await?,
        _ => return reply(&mut user, KIND_NOT_SUPPORTED).await,
    };
    let port = u16::from_be_bytes(bytes(&mut user).await?);
    let visit = Visit { isolation, host, port };
    let to = state.directory.find(&visit.host, port);
    state.keep(visit);
    let Some(to) = to else { return reply(&mut user, HOST_UNREACHABLE).await };
    match &state.manner {
        Manner::Honest => {
            let Ok(mut server) = connect_from(state.source, to).await else {
                return reply(&mut user, REFUSED).await;
            };
            reply(&mut user, SUCCEEDED).await?;
            copy_bidirectional(&mut user, &mut server).await?;
        }
        Manner::Lying(way) => {
            reply(&mut user, SUCCEEDED).await?;
            way.carry(user, state.source, state.source, to).await;
        }
    }
    Ok(())
}

/// Agrees on who the user is: the name that he gives, or nobody.
async fn greet(user: &mut TcpStream) -> io::Result<Option<String>> {
    let [version, count] = bytes(user).await?;
    let mut methods = vec![0; usize::from(count)];
    user.read_exact(&mut methods).await?;
    match methods {
        _ if version != VERSION => Err(io::ErrorKind::InvalidData.into()),
        methods if methods.contains(&WITH_A_NAME) => {
            user.write_all(&[VERSION, WITH_A_NAME]).await?;
            let [_] = bytes(user).await?;
            let (name, _) = (text(user).await?, text(user).await?);
            user.write_all(&[1, SUCCEEDED]).await?;
            Ok(Some(name))
        }
        methods if methods.contains(&WITHOUT) => {
            user.write_all(&[VERSION, WITHOUT]).await?;
            Ok(None)
        }
        _ => {
            user.write_all(&[VERSION, 0xff]).await?;
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
}

async fn reply(user: &mut TcpStream, code: u8) -> io::Result<()> {
    user.write_all(&[VERSION, code, 0, ADDRESS_V4, 0, 0, 0, 0, 0, 0]).await
}

async fn bytes<const N: usize>(user: &mut TcpStream) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    user.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A length in one byte, and so many of text.
async fn text(user: &mut TcpStream) -> io::Result<String> {
    let [length] = bytes(user).await?;
    let mut text = vec![0; usize::from(length)];
    user.read_exact(&mut text).await?;
    String::from_utf8(text).map_err(|_| io::ErrorKind::InvalidData.into())
}

// RFC 1928 §3, §4 and §6, and RFC 1929.
const VERSION: u8 = 5;
const WITHOUT: u8 = 0;
const WITH_A_NAME: u8 = 2;
const CONNECT: u8 = 1;
const ADDRESS_V4: u8 = 1;
const NAME: u8 = 3;
const SUCCEEDED: u8 = 0;
const HOST_UNREACHABLE: u8 = 4;
const REFUSED: u8 = 5;
const COMMAND_NOT_SUPPORTED: u8 = 7;
const KIND_NOT_SUPPORTED: u8 = 8;
/// No scene counts further.
const SEEN_MAX: usize = 4096;

#[cfg(test)]
mod tests;
