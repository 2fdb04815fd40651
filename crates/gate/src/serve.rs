//! Ports, behind them TLS or not, behind that axum. No client holds a connection for longer than its requests need.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

/// A port that is open.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    request_max: Duration,
}

impl Door {
    /// Opens a port. Without a TLS configuration it speaks HTTP in the clear.
    pub async fn open(address: SocketAddr, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, tls, request_max: REQUEST_MAX })
    }

    /// Where it is.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop`, and then what is under way, for a while.
    pub async fn serve(self, router: Router, stop: CancellationToken) -> io::Result<()> {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        let hall = Hall { waiting, address: self.address()? };
        let accepting = accept(self, sender, stop.clone());
        let stopped = stop.clone();
        let served = axum::serve(hall, router)
            .with_graceful_shutdown(async move { stopped.cancelled().await });
        tokio::select! {
            served = served.into_future() => served,
            // Here, and not in a task of its own: a port at which nobody listens any more is not left open.
            () = async { accepting.await; pending().await } => Ok(()),
            () = async { stop.cancelled().await; sleep(FAREWELL).await } => Ok(()),
        }
    }
}

/// What a port speaks TLS with: this chain of certificates, its own first, and the key of that one.
pub fn tls(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Lets connections in, each with a task of its own for its handshake.
async fn accept(door: Door, hall: mpsc::Sender<Line>, stop: CancellationToken) {
    let Door { listener, tls, request_max } = door;
    let tls = tls.map(TlsAcceptor::from);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let peers = Peers::default();
    let mut handshakes = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let accepted = async {
            let place = place.await.expect("it is never closed");
            (listener.accept().await, place)
        };
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = handshakes.join_next() => {}
            (accepted, place) = accepted => match accepted {
                Ok((stream, address)) => {
                    // One that has too many is hung up on.
                    let Some(peer) = peers.enter(address.ip()) else { continue };
                    let (tls, hall, held) = (tls.clone(), hall.clone(), (place, peer));
                    handshakes.spawn(async move {
                        if let Some(line) = shake(stream, tls, request_max, held).await {
                            // With nobody behind the door any more it is closed.
                            let _closed = hall.send(line).await;
                        }
                    });
                }
                Err(error) => {
                    // As when there are no more file handles, which others give back.
                    tracing::warn!("cannot take a connection: {error}");
                    sleep(PAUSE).await;
                }
            },
        }
    }
}

/// A client that does not like the certificate, or speaks no TLS, is its own affair.
async fn shake(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    request_max: Duration,
    held: (OwnedSemaphorePermit, Peer),
) -> Option<Line> {
    // Answers are written whole; waiting for more would only make them late.
    stream.set_nodelay(true).ok()?;
    let inner = match tls {
        None => Inner::Plain(stream),
        Some(tls) => {
            Inner::Tls(Box::new(timeout(HANDSHAKE_MAX, tls.accept(stream)).await.ok()?.ok()?))
        }
    };
    let until = Box::pin(sleep(request_max));
    Some(Line { inner, request_max, until, is_answering: false, _held: held })
}

/// How many connections each peer has.
#[derive(Clone, Default)]
struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection of a peer.
struct Peer {
    peers: Peers,
    network: IpAddr,
}

impl Peers {
    /// Counts one more, unless there are too many.
    fn enter(&self, address: IpAddr) -> Option<Peer> {
        let network = match address.to_canonical() {
            IpAddr::V4(address) => address.into(),
            // A host can have all addresses of its network (RFC 4291 §2.5.4).
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        };
        let mut counts = self.counts();
        let count = counts.entry(network).or_insert(0);
        if *count >= CONNECTIONS_OF_ONE_MAX {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Peer { peers: self.clone(), network })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        // Nothing panics half-way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut counts = self.peers.counts();
        if let Some(count) = counts.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.network);
            }
        }
    }
}

/// Where axum meets the connections.
struct Hall {
    waiting: mpsc::Receiver<Line>,
    address: SocketAddr,
}

impl Listener for Hall {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        match self.waiting.recv().await {
            Some(line) => (line, self.address),
            None => match pending::<Infallible>().await {},
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection. A request has so long until its answer begins, and an answer until it is out: a client that sends or
/// takes one in drips gets no more time by it.
struct Line {
    inner: Inner,
    request_max: Duration,
    until: Pin<Box<Sleep>>,
    /// Something is written that is not out yet.
    is_answering: bool,
    _held: (OwnedSemaphorePermit, Peer),
}

impl Line {
    /// Ends it when its time is up.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.until.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

enum Inner {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        if let Poll::Ready(ended) = line.poll_time(cx) {
            return Poll::Ready(ended);
        }
        match &mut line.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        if let Poll::Ready(ended) = line.poll_time(cx) {
            return Poll::Ready(ended.map(|()| 0));
        }
        let written = match &mut line.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        if matches!(written, Poll::Ready(Ok(_))) && !line.is_answering {
            line.is_answering = true;
            line.until.set(sleep(line.request_max));
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        if let Poll::Ready(ended) = line.poll_time(cx) {
            return Poll::Ready(ended);
        }
        let flushed = match &mut line.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_flush(cx),
        };
        // axum flushes when it has written all that it has.
        if matches!(flushed, Poll::Ready(Ok(()))) && line.is_answering {
            line.is_answering = false;
            line.until.set(sleep(line.request_max));
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        if let Poll::Ready(ended) = line.poll_time(cx) {
            return Poll::Ready(ended);
        }
        match &mut line.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Connections at once. Most systems let a process have 1,024 files and sockets, and looking up takes some.
const CONNECTIONS_MAX: usize = 512;
/// Connections of one IPv4 address, or of one IPv6 network of 64 bits: nobody takes all places alone, and many clients
/// can share an address.
const CONNECTIONS_OF_ONE_MAX: usize = CONNECTIONS_MAX / 4;
/// Connections that wait for axum.
const WAITING_MAX: usize = 64;
/// For a TLS handshake: some round trips.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// For a request until its answer begins, and for that: a lookup, corroboration and the CA take up to a minute.
const REQUEST_MAX: Duration = Duration::from_secs(90);
/// For what is under way at the end.
const FAREWELL: Duration = Duration::from_secs(10);
/// After a failure that others have to end.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
