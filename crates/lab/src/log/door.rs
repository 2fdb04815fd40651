//! A door: a port on loopback, behind it TLS or not, behind that axum. Whoever drops its tasks closes it and
//! cuts every connection.
//!
//! A task for each connection carries the bytes between the socket and axum, so that an answer can reset the
//! connection without HTTP having a say.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, copy_bidirectional, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// One client's connection, as a handler sees it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    cut: CancellationToken,
}

impl Line {
    /// Resets the connection.
    pub(crate) fn cut(&self) {
        self.cut.cancel();
    }
}

/// Opens a port and serves what comes in until the tasks are dropped.
pub(crate) async fn open(
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
) -> io::Result<(SocketAddr, JoinSet<()>)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let (sender, receiver) = mpsc::channel(CONNECTIONS_WAITING_MAX);
    let mut tasks = JoinSet::new();
    tasks.spawn(accept(listener, tls.map(TlsAcceptor::from), sender));
    let service = router.into_make_service_with_connect_info::<Line>();
    let served = axum::serve(Hall { receiver }, service);
    tasks.spawn(async move {
        match served.await {
            Ok(()) => {}
            Err(err) => tracing::warn!("a door of the lab stops serving: {err:#}"),
        }
    });
    Ok((address, tasks))
}

/// Lets connections in, each with a task of its own.
async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    hall: mpsc::Sender<(DuplexStream, Line)>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(carry(stream, tls.clone(), hall.clone()));
            }
            Some(_) = connections.join_next() => {}
            else => tokio::task::yield_now().await,
        }
    }
}

/// Carries bytes between a client and axum until one of them ends it, or the line is cut.
async fn carry(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    hall: mpsc::Sender<(DuplexStream, Line)>,
) {
    let line = Line::default();
    let (outside, inside) = duplex(CARRIED_BYTES_MAX);
    let stream = match tls {
        None => {
            let mut stream = stream;
            if hall.send((inside, line.clone())).await.is_ok() {
                relay(&mut stream, outside, &line).await;
            }
            stream
        }
        Some(tls) => {
            // A client that does not like the certificate, or speaks no TLS, is its own affair.
            let Ok(mut stream) = tls.accept(stream).await else { return };
            if hall.send((inside, line.clone())).await.is_ok() {
                relay(&mut stream, outside, &line).await;
            }
            stream.into_inner().0
        }
    };
    if line.cut.is_cancelled() {
        // With nothing left to linger for, closing sends a reset. Where that cannot be had, it ends all the same.
        stream.set_zero_linger().ok();
    }
}

/// Copies both ways. Which side broke off first is of no interest here.
async fn relay<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    mut outside: DuplexStream,
    line: &Line,
) {
    tokio::select! {
        _ = copy_bidirectional(stream, &mut outside) => {}
        () = line.cut.cancelled() => {}
    }
}

/// Where axum meets the connections that came through the door.
struct Hall {
    receiver: mpsc::Receiver<(DuplexStream, Line)>,
}

impl Listener for Hall {
    type Io = DuplexStream;
    type Addr = Line;

    async fn accept(&mut self) -> (DuplexStream, Line) {
        match self.receiver.recv().await {
            Some(connection) => connection,
            None => match std::future::pending::<Infallible>().await {},
        }
    }

    fn local_addr(&self) -> io::Result<Line> {
        Ok(Line::default())
    }
}

impl Connected<IncomingStream<'_, Hall>> for Line {
    fn connect_info(stream: IncomingStream<'_, Hall>) -> Self {
        stream.remote_addr().clone()
    }
}

/// How many connections may wait for axum.
const CONNECTIONS_WAITING_MAX: usize = 64;

/// How many bytes may be under way in each direction of a connection.
const CARRIED_BYTES_MAX: usize = 64 * 1024;
