//! Serves a folder of publications over HTTP. Everything in it is signed, so this needs no TLS: who wants it has
//! a proxy before it, or copies the folder to any other server.
//!
//! Only what is named in [`crate`] is served, and of the tree only what the checkpoint has: what a crash left behind it
//! may be written again, and must not get into a cache before.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use countersign_tlog::note::NOTE_BYTES_MAX;
use countersign_tlog::{Checkpoint, Note, TileId};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::disk;
use crate::log::{BUNDLE_BYTES_MAX, CHECKPOINT};
use crate::publication::{KEYS, LIST, LOG, PROOF, keys_name};

/// A port that is open.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
    limits: Limits,
}

/// How long a connection may go on.
#[derive(Clone, Copy, Debug)]
struct Limits {
    request: Duration,
    connection: Duration,
}

impl Door {
    /// Opens a port.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let limits = Limits { request: REQUEST_MAX, connection: CONNECTION_MAX };
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Ok(Self { listener: TcpListener::bind(address).await?, places, limits })
    }

    /// Where it is.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves a folder until `stop`, and then what is under way, for a while.
    pub async fn serve(self, folder: PathBuf, stop: CancellationToken) -> io::Result<()> {
        let stopped = stop.clone();
        let served = axum::serve(self, router(folder))
            .with_graceful_shutdown(async move { stopped.cancelled().await });
        tokio::select! {
            served = served.into_future() => served,
            () = async { stop.cancelled().await; sleep(FAREWELL).await } => Ok(()),
        }
    }
}

/// Answers from a folder.
fn router(folder: PathBuf) -> Router {
    Router::new().route("/{*path}", get(answer)).with_state(Arc::new(folder))
}

async fn answer(State(folder): State<Arc<PathBuf>>, uri: Uri) -> Response {
    // Not the path that axum has decoded: a name has one way to be written.
    let name = uri.path().strip_prefix('/').unwrap_or_default();
    let Some(resource) = Resource::of(name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let read =
        tokio::task::spawn_blocking(move || resource.read(&folder).map(|bytes| (bytes, resource)));
    match read.await.expect("reading a file does not panic") {
        Ok((Some(bytes), resource)) => {
            let mut response = Response::new(Body::from(bytes));
            let headers = response.headers_mut();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(resource.media_type()));
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(resource.caching()));
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            // Anybody's page may show what anybody can get.
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            response
        }
        Ok((None, _)) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => {
            tracing::warn!("cannot read {name} of the folder: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Resource {
    List,
    Proof,
    Keys,
    KeysOf(u64),
    Checkpoint,
    Tile(TileId),
    Entries(TileId),
}

impl Resource {
    /// What has this name. Nothing else in a folder can be named.
    fn of(name: &str) -> Option<Self> {
        match name {
            LIST => return Some(Self::List),
            PROOF => return Some(Self::Proof),
            KEYS => return Some(Self::Keys),
            _ => {}
        }
        if let Some(version) = name.strip_prefix(KEYS).and_then(|rest| rest.strip_prefix('-')) {
            let version = version.parse().ok().filter(|version| keys_name(*version) == name)?;
            return Some(Self::KeysOf(version));
        }
        match name.strip_prefix(LOG)?.strip_prefix('/')? {
            CHECKPOINT => Some(Self::Checkpoint),
            path => TileId::parse_path(path)
                .map(Self::Tile)
                .or_else(|| TileId::parse_entries_path(path).map(Self::Entries)),
        }
    }

    fn name(self) -> String {
        match self {
            Self::List => LIST.to_owned(),
            Self::Proof => PROOF.to_owned(),
            Self::Keys => KEYS.to_owned(),
            Self::KeysOf(version) => keys_name(version),
            Self::Checkpoint => format!("{LOG}/{CHECKPOINT}"),
            Self::Tile(tile) => format!("{LOG}/{}", tile.path()),
            Self::Entries(tile) => format!("{LOG}/{}", tile.entries_path()),
        }
    }

    fn read(self, folder: &Path) -> io::Result<Option<Vec<u8>>> {
        let (Self::Tile(tile) | Self::Entries(tile)) = self else {
            return disk::read(&folder.join(self.name()), NOTE_BYTES_MAX);
        };
        let checkpoint = folder.join(Self::Checkpoint.name());
        let Some(checkpoint) = disk::read(&checkpoint, NOTE_BYTES_MAX)? else { return Ok(None) };
        let size =
            Note::parse(&checkpoint).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
        let size = size.map_or(0, |head| head.size());
        if !is_within(tile, size) {
            return Ok(None);
        }
        disk::read(&folder.join(self.name()), BUNDLE_BYTES_MAX)
    }

    fn media_type(self) -> &'static str {
        match self {
            Self::List | Self::Proof | Self::Keys | Self::KeysOf(_) | Self::Checkpoint => {
                "text/plain; charset=utf-8"
            }
            Self::Tile(_) | Self::Entries(_) => "application/octet-stream",
        }
    }

    fn caching(self) -> &'static str {
        match self {
            // A cache that has one and not the other would serve a list with the proof of another.
            Self::List | Self::Proof | Self::Keys => "no-cache",
            Self::Checkpoint => "no-cache",
            Self::KeysOf(_) | Self::Tile(_) | Self::Entries(_) => {
                "public, max-age=31536000, immutable"
            }
        }
    }
}

/// Whether the tree of so many leaves has all of a tile.
fn is_within(tile: TileId, size: u64) -> bool {
    let bits = 8 * u32::from(tile.level);
    let hashes = size.checked_shr(bits).unwrap_or(0);
    let end = tile.index.checked_mul(256).and_then(|start| start.checked_add(tile.width.into()));
    end.is_some_and(|end| end <= hashes)
}

impl Listener for Door {
    type Io = Line;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Line, SocketAddr) {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await.expect("it is never closed");
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let Limits { request, connection } = self.limits;
                    let (until, end) = (Box::pin(sleep(request)), Box::pin(sleep(connection)));
                    let line = Line { stream, request, until, end, read_bytes: 0, _place: place };
                    return (line, address);
                }
                Err(error) => {
                    // As when there are no more file handles, which others give back.
                    tracing::warn!("cannot take a connection: {error}");
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.address()
    }
}

/// A connection. Whoever asks slowly, asks for too much at once, or takes an answer in sips loses it.
#[derive(Debug)]
pub struct Line {
    stream: TcpStream,
    request: Duration,
    /// When something must have been answered.
    until: Pin<Box<Sleep>>,
    /// When it is over in any case.
    end: Pin<Box<Sleep>>,
    /// Since the last answer.
    read_bytes: usize,
    _place: OwnedSemaphorePermit,
}

impl Line {
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.until.as_mut().poll(cx).is_ready() || self.end.as_mut().poll(cx).is_ready()
    }
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let line = self.get_mut();
        if line.is_over(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut line.stream).poll_read(cx, buf);
        line.read_bytes += buf.filled().len() - before;
        if line.read_bytes > REQUEST_BYTES_MAX {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        read
    }
}

impl AsyncWrite for Line {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let line = self.get_mut();
        if line.is_over(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let written = Pin::new(&mut line.stream).poll_write(cx, buf);
        if matches!(written, Poll::Ready(Ok(_))) {
            line.until.set(sleep(line.request));
            line.read_bytes = 0;
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

/// Connections at once. Most systems let a process have 1,024 files and sockets.
const CONNECTIONS_MAX: usize = 512;
/// Bytes of requests that were not answered yet: a name and some headers, and no body at all.
const REQUEST_BYTES_MAX: usize = 16 * 1024;
/// From the begin of a request to the first of its answer, and from one piece of that to the next.
const REQUEST_MAX: Duration = Duration::from_secs(15);
/// For all that is asked on a connection: 16 MB, the largest answer, at 60 kB a second.
const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// For what is under way at the end.
const FAREWELL: Duration = Duration::from_secs(5);
/// After a failure that others have to end.
const PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests;
