//! A program of somebody else's: started with nothing of ours, listened to within bounds, ended with all that it started.

use std::ffi::OsStr;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// A program that runs, or has run. It ends when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// The group that it and what it starts are in. `None`: it has ended, and the number may be somebody else's.
    group: Option<Pid>,
    output: Option<pipe::Receiver>,
    said: Said,
}

/// What a program said, on standard output and standard error. Not to be believed, nor shown as it is: a server can have
/// a say in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    bytes: Vec<u8>,
    beyond: u64,
}

impl Program {
    /// Starts it, in a group of its own, with the variables that `command` names and no others.
    pub fn start(command: &mut Command, stdin: Stdio) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        command.stdin(stdin).stdout(writer.try_clone()?).stderr(writer);
        let child = command.process_group(0).kill_on_drop(true).spawn()?;
        // `command` has the ends for writing: as long as they are open, the output does not end.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let output = Some(pipe::Receiver::from_owned_fd(reader.into())?);
        Ok(Self { child, group, output, said: Said::default() })
    }

    /// Listens until it has ended. Can be given up, and taken up again.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        loop {
            tokio::select! {
                () = listen(&mut self.output, &mut self.said) => self.output = None,
                status = self.child.wait() => {
                    self.group = None;
                    return status;
                }
            }
        }
    }

    /// Ends it, if it has not ended, with its group. What it said.
    pub async fn end(mut self) -> io::Result<Said> {
        self.kill();
        self.child.wait().await?;
        self.group = None;
        // What is in the pipe. Somebody who has left the group could keep it open.
        let _left_open = timeout(LAST_WORDS, listen(&mut self.output, &mut self.said)).await;
        Ok(std::mem::take(&mut self.said))
    }

    fn kill(&self) {
        if let Some(group) = self.group {
            // It can have ended by itself; nobody has waited for it, so the number is still its own.
            let _gone = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Until the output is closed; never, if it is.
async fn listen(output: &mut Option<pipe::Receiver>, said: &mut Said) {
    let Some(output) = output else { return std::future::pending().await };
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = output.read(&mut buffer).await {
        said.push(&buffer[..count]);
    }
}

impl Said {
    fn push(&mut self, bytes: &[u8]) {
        let room = SAID_BYTES_MAX - self.bytes.len();
        let (kept, beyond) = bytes.split_at(room.min(bytes.len()));
        self.bytes.extend_from_slice(kept);
        self.beyond += u64::try_from(beyond.len()).expect("no slice is longer than a u64 counts");
    }

    /// The first bytes, as they were said.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes more it said.
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// For people: lines of printable characters, everything else escaped.
    pub fn text(&self) -> String {
        printable(&self.bytes)
    }
}

/// The first line that a program answers to a question about itself, printable; `None` if it does not within some seconds.
pub async fn first_line(program: &OsStr, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("PATH", PATH).env("LANG", "C.UTF-8");
    let mut program = Program::start(&mut command, Stdio::null()).ok()?;
    let answered = timeout(ANSWER_WAIT, program.ended()).await;
    let said = program.end().await.ok()?;
    let text = said.text();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    let is_answer = matches!(answered, Ok(Ok(status)) if status.success());
    is_answer.then(|| line.chars().take(LINE_CHARS_MAX).collect())
}

/// Bytes of strangers for a terminal or a report: nothing but printable characters and line feeds is left as it is.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            match char {
                '\n' | '\'' | '"' => text.push(char),
                _ => text.extend(char.escape_debug()),
            }
        }
        for byte in chunk.invalid() {
            text.extend(byte.escape_ascii().map(char::from));
        }
    }
    text
}

/// Where the programs of a system are, those for administrators too.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// `openssl s_client` prints a session of 10 KiB; a terminal's screen is redrawn in 5.
const SAID_BYTES_MAX: usize = 64 << 10;
/// What is still in the pipe is there at once.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Chromium takes a second to say what it is; on a busy machine, several.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
const LINE_CHARS_MAX: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(script: &str) -> (Option<i32>, Said) {
        let mut command = Command::new("sh");
        command.args(["-c", script]).env_clear().env("PATH", PATH);
        let mut program = Program::start(&mut command, Stdio::null()).unwrap();
        let ended = timeout(Duration::from_secs(1), program.ended()).await;
        let code = ended.ok().map(|status| status.unwrap().code().unwrap());
        (code, program.end().await.unwrap())
    }

    #[tokio::test]
    async fn it_is_listened_to_within_bounds() {
        let (code, said) = run("echo out; echo err >&2; printf '\\033[2J\\377'; exit 3").await;
        assert_eq!((code, &*said.text()), (Some(3), "out\nerr\n\\u{1b}[2J\\xff"));
        let (code, said) = run("head -c 300000 /dev/zero").await;
        assert_eq!((code, said.bytes().len()), (Some(0), SAID_BYTES_MAX));
        assert_eq!(said.beyond(), 300_000 - (64 << 10));
    }

    #[tokio::test]
    async fn it_ends_with_what_it_started() {
        // The one that was started holds the output open; nobody who is left would be waited for.
        let (code, said) = run("sh -c 'echo one; sleep 61' & echo two; wait").await;
        assert_eq!(code, None);
        let mut lines: Vec<_> = said.text().lines().map(str::to_owned).collect();
        lines.sort();
        assert_eq!(lines, ["one", "two"]);
    }

    #[tokio::test]
    async fn a_program_says_what_it_is() {
        let line = first_line(OsStr::new("sh"), &["-c", "echo; echo ' 1.2 '"]).await;
        assert_eq!(line.as_deref(), Some("1.2"));
        assert_eq!(first_line(OsStr::new("/nowhere/at/all"), &[]).await, None);
    }
}
