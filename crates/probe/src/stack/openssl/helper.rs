//! The task that owns a helper: orders in, frames out; frames in, answers out.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;

use super::frame::{Body, Frame, Frames, PAYLOAD_BYTES_MAX};
use super::{HANDSHAKES_MAX, StackError};

/// What the helper is to be told.
#[derive(Debug)]
pub(super) struct Order {
    pub(super) connection: u32,
    pub(super) body: Body,
    /// With an [`Body::Open`]: who is told what the helper says about this connection.
    pub(super) answers: Option<mpsc::Sender<Answer>>,
}

/// What the helper said, or why it will say no more.
pub(super) type Answer = Result<Body, StackError>;

/// A process with its ends.
#[derive(Debug)]
pub(super) struct Helper {
    child: Child,
    input: ChildStdin,
    output: ChildStdout,
}

/// How much may wait to be written before no more orders are taken.
const PENDING_BYTES_MAX: usize = 256 << 10;
/// Below so many it is not worth looking for those who have gone.
const SWEEP_FROM: usize = 64;

/// Starts a helper, which ends when it is dropped.
pub(super) fn start(path: &Path) -> Result<Helper, StackError> {
    let failed = |source| StackError::Start { path: path.to_owned(), source };
    let mut command = Command::new(path);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let input = child.stdin.take().expect("it was asked for");
    let output = child.stdout.take().expect("it was asked for");
    Ok(Helper { child, input, output })
}

/// Keeps a helper until nobody has orders any more. One that dies is started anew by the next handshake, and not before:
/// one that always dies is so started no more often than somebody wants it.
pub(super) async fn keep(path: PathBuf, first: Helper, mut orders: mpsc::Receiver<Order>) {
    let mut helper = Some(first);
    loop {
        let mut owner = Owner { sweep_at: SWEEP_FROM, ..Owner::default() };
        let mut running = match helper.take() {
            Some(running) => running,
            None => match await_open(&path, &mut orders).await {
                Some((running, order)) => {
                    owner.take(order);
                    running
                }
                None => return,
            },
        };
        let Some(why) = owner.serve(&mut running, &mut orders).await else { return };
        owner.end(&running.why(why).await);
    }
}

/// Starts a helper when a handshake is to begin. Orders about those that the last one took with it are void.
async fn await_open(path: &Path, orders: &mut mpsc::Receiver<Order>) -> Option<(Helper, Order)> {
    loop {
        let order = orders.recv().await?;
        let Some(answers) = &order.answers else { continue };
        match start(path) {
            Ok(helper) => return Some((helper, order)),
            // Who has gone needs no answer.
            Err(error) => drop(answers.try_send(Err(error))),
        }
    }
}

impl Helper {
    /// Ends it, and says what became of it.
    async fn why(mut self, why: String) -> String {
        // It may have ended by itself, and then cannot be ended.
        let _ = self.child.start_kill();
        match self.child.wait().await {
            Ok(status) => format!("{why} ({status})"),
            Err(_) => why,
        }
    }
}

/// What is known about one helper's handshakes.
#[derive(Default)]
struct Owner {
    answers: HashMap<u32, mpsc::Sender<Answer>>,
    sweep_at: usize,
    pending: Vec<u8>,
    frames: Frames,
}

impl Owner {
    /// Carries orders and answers until the helper ends, and says why; nothing if there are no orders any more.
    async fn serve(
        &mut self,
        helper: &mut Helper,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Option<String> {
        let mut bytes = vec![0; PAYLOAD_BYTES_MAX];
        let ended = |error: io::Error| format!("it cannot be talked with: {error}");
        loop {
            // One task reads and writes: a helper that waits to be read is not waited for with what it is to read.
            tokio::select! {
                order = orders.recv(), if self.pending.len() < PENDING_BYTES_MAX => {
                    self.take(order?);
                    while self.pending.len() < PENDING_BYTES_MAX {
                        let Ok(order) = orders.try_recv() else { break };
                        self.take(order);
                    }
                }
                written = helper.input.write(&self.pending), if !self.pending.is_empty() => match written {
                    Ok(count) => drop(self.pending.drain(..count)),
                    Err(error) => return Some(ended(error)),
                },
                count = helper.output.read(&mut bytes) => match count {
                    Ok(0) => return Some("it closed its output".to_owned()),
                    Ok(count) => {
                        self.frames.push(&bytes[..count]);
                        while let Some(frame) = self.frames.next() {
                            match frame {
                                Ok(frame) => self.answer(frame),
                                Err(why) => return Some(format!("it sent {why}")),
                            }
                        }
                    }
                    Err(error) => return Some(ended(error)),
                },
            }
        }
    }

    fn take(&mut self, order: Order) {
        let Order { connection, body, answers } = order;
        if let Some(answers) = answers {
            if self.answers.len() >= self.sweep_at {
                self.sweep();
            }
            self.answers.insert(connection, answers);
        } else if !self.answers.contains_key(&connection) {
            // The helper has ended this one, or its predecessor has.
            return;
        }
        Frame { connection, body }.write(&mut self.pending);
    }

    /// Forgets, here and in the helper, those whose owner has given up: mostly since a peer said nothing for too long.
    fn sweep(&mut self) {
        let pending = &mut self.pending;
        self.answers.retain(|connection, answers| {
            if answers.is_closed() {
                Frame { connection: *connection, body: Body::Close }.write(pending);
            }
            !answers.is_closed()
        });
        // Twice as many: what a sweep costs is so shared by as many as it goes through.
        self.sweep_at = (2 * self.answers.len()).clamp(SWEEP_FROM, 2 * HANDSHAKES_MAX - 1);
    }

    fn answer(&mut self, frame: Frame) {
        let Some(answers) = self.answers.get(&frame.connection) else { return };
        let is_end = matches!(frame.body, Body::Done { .. } | Body::Failed(_) | Body::Refused(_));
        // Where there is no room, the helper says too much: the handshake learns of it by the end of the answers.
        let took = answers.try_send(Ok(frame.body)).is_ok();
        if is_end || !took {
            self.answers.remove(&frame.connection);
        }
        if !is_end && !took {
            Frame { connection: frame.connection, body: Body::Close }.write(&mut self.pending);
        }
    }

    /// Tells all that wait for the helper that it is no more.
    fn end(self, why: &str) {
        for answers in self.answers.into_values() {
            // Who has gone needs no answer, and whose answers have no room learns it by their end.
            let _ = answers.try_send(Err(StackError::Helper { why: why.to_owned() }));
        }
    }
}
