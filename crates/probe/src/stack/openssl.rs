//! OpenSSL, in a process of its own: `crates/probe-openssl`, which opens no connection. Many handshakes at once go
//! through one such helper, as frames; a task owns it, and starts it anew for the next handshake when it has died.
//!
//! ```text
//!  handshake ──> orders ──> task ──> standard input ──> helper
//!      ^                     │ ^                           │
//!      └───── answers <──────┘ └─── standard output <──────┘
//! ```
//!
//! What the helper says is bounded like what a stranger says: it reads what strangers send.

mod frame;
mod helper;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use super::{Ended, Finished, Hello, StackError};
use frame::{Body, Open};
use helper::{Answer, Order};

/// The executable that has OpenSSL.
pub const HELPER: &str = "countersign-probe-openssl";

/// Where packages put it.
pub(super) const PLACES: [&str; 2] = ["/usr/lib/countersign", "/usr/local/lib/countersign"];

/// A helper, and the task that owns it. Both end with this.
#[derive(Debug)]
pub struct OpenSsl {
    orders: mpsc::Sender<Order>,
    room: Arc<Semaphore>,
    connections: AtomicU32,
    // Dropped, it ends the task, which ends the helper.
    _task: JoinSet<()>,
}

/// A hello and what it leads to take some 50 KiB in the helper: together some 100 MiB.
const HANDSHAKES_MAX: usize = 2048;
/// Orders that wait for the helper. Who has one more waits too.
const ORDERS_MAX: usize = 256;
/// What the helper says about one connection before it is read: an honest one says eight things at once, five of them
/// lines of the key log. A helper that says more is not believed any more.
const ANSWERS_MAX: usize = 64;
/// A key log has five lines in TLS 1.3, and one before.
const KEY_LOG_LINES_MAX: usize = 32;
/// A line has a label, a random and a secret of 48 bytes at most: 200 characters.
const KEY_LOG_LINE_BYTES_MAX: usize = 512;
/// A hello with post-quantum shares, and an answer to a HelloRetryRequest, take 4 KiB.
const TO_PEER_BYTES_MAX: usize = 128 << 10;
/// As much as a tape keeps. Who has not finished by then does not want to.
const FROM_PEER_BYTES_MAX: usize = countersign_tls::recording::TAPE_BYTES_MAX;
/// A record of TLS. A thousand handshakes have a thousand of these.
const READ_BYTES: usize = 16 << 10;

impl OpenSsl {
    /// Starts the helper. To be called where tokio runs.
    pub fn start(path: &Path) -> Result<Self, StackError> {
        let helper = helper::start(path)?;
        let (orders, waiting) = mpsc::channel(ORDERS_MAX);
        let mut task = JoinSet::new();
        task.spawn(helper::keep(path.to_owned(), helper, waiting));
        let room = Arc::new(Semaphore::new(HANDSHAKES_MAX));
        Ok(Self { orders, room, connections: AtomicU32::new(1), _task: task })
    }

    /// Where the helper is: beside this program, or where packages put it.
    pub fn find() -> Result<PathBuf, StackError> {
        let own = std::env::current_exe().ok();
        let own = own.as_deref().and_then(Path::parent);
        let near = own.into_iter().flat_map(|folder| {
            ["", "../lib/countersign", "../libexec/countersign"].map(|place| folder.join(place))
        });
        let places = near.chain(PLACES.iter().map(PathBuf::from));
        let mut found = places.map(|place| place.join(HELPER)).filter(|path| path.is_file());
        found.next().ok_or(StackError::NoHelper)
    }

    /// Shakes hands over a stream, with whoever answers.
    pub async fn handshake<S>(&self, hello: &Hello, stream: &mut S) -> Result<Finished, StackError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        // Not waited for: the time that a probe has is the peer's.
        let busy = |_| StackError::Busy { max: HANDSHAKES_MAX };
        let _room = self.room.try_acquire().map_err(busy)?;
        let connection = self.connections.fetch_add(1, Ordering::Relaxed);
        let (said, mut answers) = mpsc::channel(ANSWERS_MAX);
        self.order(Order { connection, body: Body::Open(open(hello)?), answers: Some(said) })
            .await?;
        let mut finished = Begun::default();
        let (mut bytes, mut received, mut is_open) = (vec![0; READ_BYTES], 0_usize, true);
        loop {
            tokio::select! {
                biased;
                answer = answers.recv() => {
                    if let Some(finished) = finished.take(answer, stream).await? {
                        return Ok(finished);
                    }
                }
                count = stream.read(&mut bytes), if is_open => {
                    let count = count.map_err(StackError::Stream)?;
                    is_open = count > 0;
                    received += count;
                    if received > FROM_PEER_BYTES_MAX {
                        let end = Ended::PeerFailed(format!("no end after {FROM_PEER_BYTES_MAX} bytes"));
                        return Ok(Finished { key_log: finished.key_log, end });
                    }
                    let body = Body::FromPeer(bytes[..count].to_vec());
                    self.order(Order { connection, body, answers: None }).await?;
                }
            }
        }
    }

    async fn order(&self, order: Order) -> Result<(), StackError> {
        let gone = |_| StackError::Helper { why: "nobody keeps it".to_owned() };
        self.orders.send(order).await.map_err(gone)
    }
}

/// What the helper has said so far about one connection.
#[derive(Default)]
struct Begun {
    key_log: Vec<String>,
    sent: usize,
}

impl Begun {
    /// Takes an answer; gives the end, if it is one.
    async fn take<S>(
        &mut self,
        answer: Option<Answer>,
        stream: &mut S,
    ) -> Result<Option<Finished>, StackError>
    where
        S: AsyncWrite + Unpin,
    {
        let too_much = || StackError::Helper { why: "it said more than it had to".to_owned() };
        let end = match answer.ok_or_else(too_much)?? {
            Body::ToPeer(bytes) => {
                self.sent += bytes.len();
                if self.sent > TO_PEER_BYTES_MAX {
                    return Err(too_much());
                }
                stream.write_all(&bytes).await.map_err(StackError::Stream)?;
                stream.flush().await.map_err(StackError::Stream)?;
                return Ok(None);
            }
            Body::KeyLog(line) => {
                if self.key_log.len() == KEY_LOG_LINES_MAX || line.len() > KEY_LOG_LINE_BYTES_MAX {
                    return Err(too_much());
                }
                self.key_log.push(line);
                return Ok(None);
            }
            Body::Done { version, suite, alpn } => {
                let alpn = (!alpn.is_empty()).then(|| String::from_utf8_lossy(&alpn).into_owned());
                Ended::Done { version, suite, alpn }
            }
            Body::Failed(why) => Ended::PeerFailed(why),
            Body::Refused(why) => return Err(StackError::Refused { why }),
            Body::Open(_) | Body::FromPeer(_) | Body::Close => {
                return Err(StackError::Helper { why: "it said what its owner says".to_owned() });
            }
        };
        Ok(Some(Finished { key_log: std::mem::take(&mut self.key_log), end }))
    }
}

/// How the helper is to begin; a name that no frame carries cannot be said.
fn open(hello: &Hello) -> Result<Open, StackError> {
    let profile = &hello.profile;
    let mut names = [&profile.name].into_iter().chain(&hello.server_name).chain(&hello.alpn);
    if names.any(|name| name.len() > NAME_BYTES_MAX || name.is_empty())
        || hello.alpn.len() > ALPN_MAX
    {
        return Err(StackError::Profile { profile: profile.name.clone() });
    }
    let lowest = profile.versions.iter().min().copied();
    let highest = profile.versions.iter().max().copied();
    Ok(Open {
        versions: (lowest.unwrap_or(0), highest.unwrap_or(0)),
        configuration: profile.name.clone(),
        server_name: hello.server_name.clone().unwrap_or_default(),
        alpn: hello.alpn.clone(),
    })
}

/// Their length is a byte, as in ALPN itself (RFC 7301 §3.1); a host name is no longer either.
const NAME_BYTES_MAX: usize = 255;
/// Browsers offer two or three.
const ALPN_MAX: usize = 16;
