//! Between a client and its server: copies what they say, unmodified, and keeps a record of it.
//!
//! It knows no protocol. Where TLS begins, the bytes show ([`Progress`]); so whatever opens TLS, and whatever the client
//! says before, the client's own hello is what the server gets, and its own timing is what a watcher on the way sees.

mod progress;

use std::convert::Infallible;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_tls::Recording;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

pub use progress::{Answer, Progress};

/// How long a relay waits for what.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From the start to the end, whatever happens.
    pub deadline: Duration,
    /// From the end of the handshake: what a client does next is let happen, since one that always stops there stands
    /// out.
    pub linger: Duration,
    /// Without a byte since the server's hello. A client that asks its user whether to trust a certificate waits for
    /// ever, and what it asks about is on record by then.
    pub quiet: Duration,
}

/// What passed.
#[derive(Debug)]
pub struct Relayed<E> {
    /// Of the last connection that there was, from its first byte on.
    pub recording: Recording,
    /// What could be seen of its handshake without any key.
    pub progress: Progress,
    /// How many connections the client made that were passed on.
    pub connections: u16,
    /// Why it ended.
    pub ended: Ended<E>,
}

/// Why a relay ended.
#[derive(Debug)]
pub enum Ended<E> {
    /// The handshake was through, and [`Patience::linger`] over.
    Through,
    /// Both sides closed, after the handshake or as often as a client may try.
    Closed,
    /// One side broke the connection off, after the handshake or as often as a client may try.
    Broken(Side, io::Error),
    /// Nobody said anything for [`Patience::quiet`].
    Quiet,
    /// There was no connection to the server.
    Unreachable(E),
    /// The listener failed.
    Deaf(io::Error),
    /// Whoever started it wanted it to end.
    Told,
    /// It took too long.
    Deadline,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Whoever connected to us.
    Client,
    /// Whoever we connected to.
    Server,
}

/// Takes a client's connection and passes it on over what `dial` brings, until the handshake was seen. A client whose
/// connection ends before may try again, [`CONNECTIONS_MAX`] times in all; a second connection at the same time waits.
pub async fn relay<D, S, E>(
    listener: &TcpListener,
    patience: Patience,
    dial: impl Fn() -> D,
    told: impl Future<Output = ()>,
) -> Relayed<E>
where
    D: Future<Output = Result<S, E>>,
    S: AsyncRead + AsyncWrite,
{
    let record = Record::default();
    let ended = tokio::select! {
        biased;
        ended = connections(listener, patience, dial, &record) => ended,
        () = told => Ended::Told,
        () = sleep(patience.deadline) => Ended::Deadline,
    };
    let Kept { recording, progress, connections } =
        record.kept.into_inner().unwrap_or_else(PoisonError::into_inner);
    Relayed { recording, progress, connections, ended }
}

async fn connections<D, S, E>(
    listener: &TcpListener,
    patience: Patience,
    dial: impl Fn() -> D,
    record: &Record,
) -> Ended<E>
where
    D: Future<Output = Result<S, E>>,
    S: AsyncRead + AsyncWrite,
{
    let mut before = None;
    loop {
        let client = match next(listener, before, patience.quiet).await {
            Ok(accepted) => accepted,
            Err(ended) => return ended,
        };
        // Handshakes are short messages that wait for each other.
        if let Err(why) = client.set_nodelay(true) {
            return Ended::Broken(Side::Client, why);
        }
        let server = match dial().await {
            Ok(server) => server,
            Err(why) => return Ended::Unreachable(why),
        };
        let connections = record.begin();
        let ended = tokio::select! {
            biased;
            ended = both_ways(client, server, record) => match ended {
                Ok(()) => Ended::Closed,
                Err((side, why)) => Ended::Broken(side, why),
            },
            () = until_through(patience.linger, record) => Ended::Through,
            () = until_quiet(patience.quiet, record) => Ended::Quiet,
        };
        let (is_through, is_answered) = {
            let progress = &record.kept().progress;
            (progress.is_through(), progress.has_server_hello())
        };
        if is_through || connections == CONNECTIONS_MAX || matches!(ended, Ended::Quiet) {
            return ended;
        }
        before = is_answered.then_some(ended);
    }
}

/// The next connection. After one in which the server has answered, only for a while: then that was it.
async fn next<E>(
    listener: &TcpListener,
    before: Option<Ended<E>>,
    wait: Duration,
) -> Result<TcpStream, Ended<E>> {
    let accepted = match before {
        None => listener.accept().await,
        Some(before) => timeout(wait, listener.accept()).await.map_err(|_| before)?,
    };
    accepted.map(|(client, _)| client).map_err(Ended::Deaf)
}

/// Copies until both have closed.
async fn both_ways(
    client: impl AsyncRead + AsyncWrite,
    server: impl AsyncRead + AsyncWrite,
    record: &Record,
) -> Result<(), (Side, io::Error)> {
    let (from_client, to_client) = tokio::io::split(client);
    let (from_server, to_server) = tokio::io::split(server);
    tokio::try_join!(
        one_way((Side::Client, from_client), (Side::Server, to_server), |bytes| {
            record.pass(bytes, Side::Client);
        }),
        one_way((Side::Server, from_server), (Side::Client, to_client), |bytes| {
            record.pass(bytes, Side::Server);
        }),
    )?;
    Ok(())
}

/// Copies until the sender closes. It reads no more before all of it is written: a slow receiver slows the sender down.
async fn one_way(
    (sender, mut from): (Side, impl AsyncRead + Unpin),
    (receiver, mut to): (Side, impl AsyncWrite + Unpin),
    keep: impl Fn(&[u8]),
) -> Result<(), (Side, io::Error)> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let count = from.read(&mut buffer).await.map_err(|why| (sender, why))?;
        let bytes = &buffer[..count];
        if bytes.is_empty() {
            return to.shutdown().await.map_err(|why| (receiver, why));
        }
        keep(bytes);
        to.write_all(bytes).await.map_err(|why| (receiver, why))?;
        to.flush().await.map_err(|why| (receiver, why))?;
    }
}

async fn until_through(linger: Duration, record: &Record) {
    while !record.kept().progress.is_through() {
        record.passed.notified().await;
    }
    sleep(linger).await;
}

async fn until_quiet(quiet: Duration, record: &Record) {
    loop {
        let passed = timeout(quiet, record.passed_for_quiet.notified()).await;
        if passed.is_err() && record.kept().progress.has_server_hello() {
            return;
        }
    }
}

/// What both directions write down.
#[derive(Default)]
struct Record {
    kept: Mutex<Kept>,
    // One each for those who wait: a notification wakes one.
    passed: Notify,
    passed_for_quiet: Notify,
}

#[derive(Default)]
struct Kept {
    recording: Recording,
    progress: Progress,
    connections: u16,
}

impl Record {
    /// Starts anew, for the next connection. How many there have been with it.
    fn begin(&self) -> u16 {
        let mut kept = self.kept();
        let connections = kept.connections + 1;
        *kept = Kept { connections, ..Kept::default() };
        connections
    }

    fn pass(&self, bytes: &[u8], sender: Side) {
        let mut kept = self.kept();
        match sender {
            Side::Client => {
                kept.recording.send(bytes);
                kept.progress.sent(bytes);
            }
            Side::Server => {
                kept.recording.receive(bytes);
                kept.progress.received(bytes);
            }
        }
        self.passed.notify_one();
        self.passed_for_quiet.notify_one();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Chromium tries a second time, and a third, after a handshake that failed; nobody has been seen to try more often.
pub const CONNECTIONS_MAX: u16 = 4;

/// One record of TLS at its largest.
const BUFFER_BYTES: usize = 17 << 10;

/// Never told to end.
pub async fn never() {
    std::future::pending::<Infallible>().await;
}

#[cfg(test)]
mod tests;
