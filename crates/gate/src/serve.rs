//! Ports, behind them TLS or not, behind that axum. No client holds a connection for longer than its requests need.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
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
        let mut tasks = JoinSet::new();
        let hall = Hall { waiting, address: self.address()? };
        tasks.spawn(accept(self, sender, stop.clone()));
        let stopped = stop.clone();
        let served = axum::serve(hall, router)
            .with_graceful_shutdown(async move { stopped.cancelled().await });
        tokio::select! {
            served = served.into_future() => served,
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
                Ok((stream, _)) => {
                    let (tls, hall) = (tls.clone(), hall.clone());
                    handshakes.spawn(async move {
                        if let Some(line) = shake(stream, tls, request_max, place).await {
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
    place: OwnedSemaphorePermit,
) -> Option<Line> {
    // Answers are written whole; waiting for more would only make them late.
    stream.set_nodelay(true).ok()?;
    let inner = match tls {
        None => Inner::Plain(stream),
        Some(tls) => {
            Inner::Tls(Box::new(timeout(HANDSHAKE_MAX, tls.accept(stream)).await.ok()?.ok()?))
        }
    };
    Some(Line { inner, request_max, until: Box::pin(sleep(request_max)), _place: place })
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
            None => match std::future::pending::<Infallible>().await {},
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

/// A connection. It ends when so long nothing was answered on it: a client that sends its request in drips, or none,
/// gets no more time by it.
struct Line {
    inner: Inner,
    request_max: Duration,
    until: Pin<Box<Sleep>>,
    _place: OwnedSemaphorePermit,
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
        if line.until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
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
        if line.until.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let written = match &mut line.inner {
            Inner::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Inner::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        };
        if matches!(written, Poll::Ready(Ok(_))) {
            line.until.set(sleep(line.request_max));
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            Inner::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().inner {
            Inner::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Inner::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// Connections at once. Most systems let a process have 1,024 files and sockets, and looking up takes some.
const CONNECTIONS_MAX: usize = 512;
/// Connections that wait for axum.
const WAITING_MAX: usize = 64;
/// For a TLS handshake: some round trips.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);
/// For a request and its answer: a lookup, corroboration and the CA take up to a minute.
const REQUEST_MAX: Duration = Duration::from_secs(90);
/// For what is under way at the end.
const FAREWELL: Duration = Duration::from_secs(10);
/// After a failure that others have to end.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
