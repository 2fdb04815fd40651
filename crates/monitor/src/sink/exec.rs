//! A program on this machine, a *hook*: the message in its environment, as JSON on its standard input, and as
//! files. It is told nothing else of us, runs in a process group of its own, and never longer than it may.
//!
//! Its standard input holds the whole message before it starts. Fed through a pipe, a hook whose watch is killed
//! meanwhile would take half a message for the message.
//!
//! What a hook does is its own affair; that it ends is ours. We wait for the hook itself and not for the end
//! of its output, which a process that it left behind may hold open for ever.
//!
//! # Limitations
//!
//! A process that leaves the group (setsid) outlives the deadline.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use countersign_judge::plain::bounded;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use super::variable::{self, Lines};
use super::{Message, NotDelivered, plain_lines, said};

/// A program that takes messages.
#[derive(Clone, Debug)]
pub struct Exec {
    /// What the configuration calls it.
    pub name: String,
    /// The program: a path, or a name that is looked up in PATH. No shell is involved.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// How long it may run.
    pub deadline: Duration,
    /// How long it and its children have after that, from the signal TERM to the signal KILL.
    pub grace: Duration,
}

/// How long a value in the environment may be, in characters. Linux takes 128 KiB for each and refuses to
/// start a program with more than 2 MiB in all: a long name must not keep a hook from running.
const VALUE_CHARACTERS_MAX: usize = 4096;

/// How much is kept of what a hook prints, in bytes. The rest is read and forgotten, or the hook would wait
/// for us to read it.
const OUTPUT_BYTES_MAX: usize = 4 << 10;

/// How long we go on reading after a hook has ended. Only where somebody else holds its output open is there
/// anything to wait for.
const AFTER_EXIT: Duration = Duration::from_millis(100);

/// How long a killed hook may take to be gone. Longer only if the kernel itself is stuck with it.
const AFTER_KILL: Duration = Duration::from_secs(5);

/// What a hook inherits of our environment. Without PATH it would find nothing, and many programs do not
/// start without HOME.
const INHERITED: [&str; 3] = ["PATH", "HOME", "LANG"];

impl Exec {
    pub(super) async fn send(&self, message: &Message, attempt: u32) -> Result<(), NotDelivered> {
        // The files are a convenience. Where they cannot be written, the hook runs without them: the report
        // matters more.
        let files = Files::write(message).await.ok();
        let mut child = input(message)
            .and_then(|input| self.command(message, attempt, files.as_ref()).stdin(input).spawn())
            .map_err(|error| self.failed(&format!("cannot be started: {error}")))?;
        let mut group = Group::of(&child);
        let mut output = Vec::new();
        let ended = self.run(&mut child, &mut group, &mut output).await;
        let Some(status) = ended else {
            group.stop(&mut child, self.grace).await;
            let why =
                format!("did not end within {} s{}", self.deadline.as_secs_f64(), said(&output));
            return Err(self.failed(&why));
        };
        let status = status.map_err(|error| self.failed(&format!("was lost: {error}")))?;
        if status.success() {
            return Ok(());
        }
        // `exit status: 3`, or `signal: 9 (SIGKILL)`.
        Err(self.failed(&format!("ended with {status}{}", said(&output))))
    }

    fn failed(&self, why: &str) -> NotDelivered {
        NotDelivered::failed(format!("{} {why}", self.program.display()))
    }

    fn command(&self, message: &Message, attempt: u32, files: Option<&Files>) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        for (name, value) in environment(message, attempt) {
            command.env(name, value);
        }
        if let Some(files) = files {
            command.envs(files.variables.iter().map(|(name, file)| (name, file)));
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        command
    }

    /// Hears it until it ends; nothing if it does not end in time.
    async fn run(
        &self,
        child: &mut Child,
        group: &mut Group,
        output: &mut Vec<u8>,
    ) -> Option<io::Result<ExitStatus>> {
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let (mut out, mut err) = (out.expect("it is piped"), err.expect("it is piped"));
        let (mut out_kept, mut err_kept) = (Vec::new(), Vec::new());
        let ended = {
            let mut talk = pin!(async {
                tokio::join!(hear(&mut out, &mut out_kept), hear(&mut err, &mut err_kept))
            });
            let ending = async {
                tokio::select! {
                    status = child.wait() => (status, false),
                    _ = &mut talk => (child.wait().await, true),
                }
            };
            let ending = timeout(self.deadline, ending).await.ok();
            if let Some((_, has_talked)) = &ending {
                group.is_gone();
                if !*has_talked {
                    // What it printed last may still be in the pipes. If not in time, then not.
                    let _ = timeout(AFTER_EXIT, talk).await;
                }
            }
            ending.map(|(status, _)| status)
        };
        // Errors go to the one, by convention; if there are none, what it said to the other is all we have.
        *output = if err_kept.is_empty() { out_kept } else { err_kept };
        ended
    }
}

/// The message as a file in memory, from its beginning.
fn input(message: &Message) -> io::Result<File> {
    let mut file = File::from(memfd_create("message", MemfdFlags::CLOEXEC)?);
    file.write_all(message.json.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// Reads to the end, and keeps the beginning.
async fn hear(pipe: &mut (impl AsyncRead + Unpin), kept: &mut Vec<u8>) {
    let mut chunk = vec![0; 32 << 10];
    while let Ok(length @ 1..) = pipe.read(&mut chunk).await {
        let room = OUTPUT_BYTES_MAX - kept.len();
        kept.extend_from_slice(&chunk[..length.min(room)]);
    }
}

/// The message as variables, each of them harmless where it is put.
fn environment(message: &Message, attempt: u32) -> Vec<(&str, String)> {
    let own = [
        ("EVENT", message.event.clone()),
        ("SUMMARY", message.subject.clone()),
        ("COUNTERSIGN_MESSAGE_ID", message.id.clone()),
        ("COUNTERSIGN_ATTEMPT", attempt.to_string()),
        ("COUNTERSIGN_TEXT", message.text.clone()),
    ];
    let severity = message.severity.map(|severity| ("COUNTERSIGN_SEVERITY", severity.to_string()));
    let others = message.variables.iter().map(|(name, value)| (name.as_str(), value.clone()));
    let harmless = |(name, value): (_, String)| {
        let lines = variable::lines(name);
        debug_assert!(lines.is_some(), "{name} is not in the table of variables");
        let value = match lines? {
            Lines::One => bounded(&value, VALUE_CHARACTERS_MAX).into_owned(),
            Lines::Many => plain_lines(&value, VALUE_CHARACTERS_MAX),
        };
        Some((name, value))
    };
    // Of two with one name the last one counts, so those of the sink itself come last.
    others.chain(own).chain(severity).filter_map(harmless).collect()
}

/// The message as files, in a folder that only we can look into. They are gone when the hook has ended.
struct Files {
    variables: Vec<(&'static str, OsString)>,
    _folder: TempDir,
}

impl Files {
    async fn write(message: &Message) -> io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("countersign-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir()?;
        let text = message.plain_text();
        let forms = [
            ("TEXT_FILENAME", "report.txt", Some(&text)),
            ("JSON_FILENAME", "report.json", Some(&message.json)),
            ("CERT_FILENAME", "chain.pem", message.chain_pem.as_ref()),
        ];
        let mut variables = Vec::new();
        for (variable, name, content) in forms {
            let Some(content) = content else { continue };
            let file = folder.path().join(name);
            tokio::fs::write(&file, content).await?;
            variables.push((variable, file.into_os_string()));
        }
        Ok(Self { variables, _folder: folder })
    }
}

/// The processes of a hook. Its id is that of the hook, which nobody else gets before the hook was waited
/// for: until then, and not later, the group may be killed.
struct Group(Option<Pid>);

impl Group {
    /// Of a hook that nobody has waited for yet.
    fn of(child: &Child) -> Self {
        let id = child.id().expect("it was not waited for");
        Self(i32::try_from(id).ok().and_then(Pid::from_raw))
    }

    /// The hook was waited for.
    fn is_gone(&mut self) {
        self.0 = None;
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.0 {
            // It can only fail if all of them are gone.
            let _ = kill_process_group(group, signal);
        }
    }

    /// Ends all of them, politely first.
    async fn stop(&mut self, hook: &mut Child, grace: Duration) {
        self.signal(Signal::TERM);
        // Not cut short when the hook itself ends: to know that, we would have to wait for it.
        sleep(grace).await;
        self.signal(Signal::KILL);
        // Whatever comes of it, the runtime goes on waiting for a child that was dropped.
        let _ = timeout(AFTER_KILL, hook.wait()).await;
        self.is_gone();
    }
}

/// Whoever no longer waits for a hook does not leave it running.
impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}

#[cfg(test)]
mod tests;
