//! The client's side of SMTP (RFC 5321): one command, one reply, each within a bound.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::{Instant, timeout_at};

use super::{Login, Mail, MailError, Stage};

/// Who is at the other end, and until when we deal with them.
pub(super) struct Peer<'a> {
    pub(super) host: &'a str,
    pub(super) until: Instant,
    /// How long that was from the start.
    pub(super) after: Duration,
}

impl Peer<'_> {
    /// What comes of `work`, if it ends in time.
    pub(super) async fn within<T>(
        &self,
        stage: Stage,
        work: impl Future<Output = T>,
    ) -> Result<T, MailError> {
        timeout_at(self.until, work).await.map_err(|_| MailError::Deadline {
            host: self.host.to_owned(),
            stage,
            after: self.after,
        })
    }

    pub(super) fn broken(&self, stage: Stage, source: io::Error) -> MailError {
        MailError::Broken { host: self.host.to_owned(), stage, source }
    }

    fn not_smtp(&self, stage: Stage) -> MailError {
        MailError::NotSmtp { host: self.host.to_owned(), stage }
    }
}

/// A server's reply (RFC 5321 §4.2).
struct Reply {
    code: u16,
    /// The text of each line.
    lines: Vec<String>,
}

/// The first digit that means "go on" (RFC 5321 §4.2.1).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// 2yz
    Completion,
    /// 3yz
    Intermediate,
}

/// How long one line of a reply may be, in bytes. RFC 5321 §4.5.3.1.5 says 512; servers are chattier.
const LINE_BYTES_MAX: u64 = 4 << 10;

/// How many lines a reply may have. The longest are those to EHLO, one for each extension.
const LINES_MAX: usize = 100;

/// How much of a refusal is kept, in characters.
const REFUSAL_CHARS_MAX: usize = 500;

/// How long we wait for the reply to QUIT. The mail has been taken by then.
const QUIT_WAIT: Duration = Duration::from_secs(1);

/// A connection. `S` is TCP, in the clear or under TLS.
pub(super) struct Session<'a, S> {
    stream: BufReader<S>,
    peer: &'a Peer<'a>,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Session<'a, S> {
    pub(super) fn new(stream: S, peer: &'a Peer<'a>) -> Self {
        Self { stream: BufReader::new(stream), peer }
    }

    pub(super) async fn greeting(&mut self) -> Result<(), MailError> {
        self.answer(Stage::Greeting, Class::Completion).await.map(drop)
    }

    /// Gives the stream back, ready for a TLS handshake.
    pub(super) async fn start_tls(mut self) -> Result<S, MailError> {
        let extensions = self.hello().await?;
        let host = || self.peer.host.to_owned();
        if !extensions.iter().any(|line| line.eq_ignore_ascii_case("STARTTLS")) {
            return Err(MailError::NoStartTls { host: host() });
        }
        self.command(Stage::Tls, "STARTTLS", Class::Completion).await?;
        // RFC 3207 §6: what was said in the clear must not count later.
        if !self.stream.buffer().is_empty() {
            return Err(MailError::Injected { host: host() });
        }
        Ok(self.stream.into_inner())
    }

    /// From the hello to the end of the mail.
    pub(super) async fn submit(&mut self, mail: &Mail<'_>, content: &str) -> Result<(), MailError> {
        let extensions = self.hello().await?;
        if let Some(login) = &mail.server.login {
            self.log_in(login, &extensions).await?;
        }
        let (from, to) = (mail.from, mail.to);
        self.command(Stage::From, &format!("MAIL FROM:<{from}>"), Class::Completion).await?;
        self.command(Stage::To, &format!("RCPT TO:<{to}>"), Class::Completion).await?;
        self.command(Stage::Data, "DATA", Class::Intermediate).await?;
        self.command(Stage::Content, &transparent(content), Class::Completion).await?;
        // RFC 5321 §4.1.1.10 wants a goodbye. Nothing depends on how it ends.
        let until = self.peer.until.min(Instant::now() + QUIT_WAIT);
        let goodbye = self.command(Stage::Content, "QUIT", Class::Completion);
        let _ = timeout_at(until, goodbye).await;
        Ok(())
    }

    /// Says hello and returns the extensions that the server has.
    async fn hello(&mut self) -> Result<Vec<String>, MailError> {
        // RFC 5321 §4.1.4 takes an address literal from a client without a name, and RFC 6409 §4.2 lets a
        // submission server ignore it. This one tells nobody who we are.
        let mut lines =
            self.command(Stage::Hello, "EHLO [127.0.0.1]", Class::Completion).await?.lines;
        lines.remove(0); // the server's name
        Ok(lines)
    }

    async fn log_in(&mut self, login: &Login, extensions: &[String]) -> Result<(), MailError> {
        let mechanisms: Vec<_> = extensions
            .iter()
            .filter_map(|line| line.split_at_checked(5))
            .filter(|(keyword, _)| keyword.eq_ignore_ascii_case("AUTH "))
            .flat_map(|(_, mechanisms)| mechanisms.split_ascii_whitespace())
            .collect();
        let offers = |name: &str| mechanisms.iter().any(|word| word.eq_ignore_ascii_case(name));
        let base64 = |text: &str| base64_simd::STANDARD.encode_to_string(text);
        let Login { user, password } = login;
        if offers("PLAIN") {
            // RFC 4616 §2, with the initial response of RFC 4954 §4.
            let line = format!("AUTH PLAIN {}", base64(&format!("\0{user}\0{password}")));
            self.command(Stage::Login, &line, Class::Completion).await?;
        } else if offers("LOGIN") {
            // draft-murchison-sasl-login: two prompts, whatever they say.
            self.command(Stage::Login, "AUTH LOGIN", Class::Intermediate).await?;
            self.command(Stage::Login, &base64(user), Class::Intermediate).await?;
            self.command(Stage::Login, &base64(password), Class::Completion).await?;
        } else {
            return Err(MailError::NoLogin { host: self.peer.host.to_owned() });
        }
        Ok(())
    }

    /// Sends a line, and takes the answer to it.
    async fn command(
        &mut self,
        stage: Stage,
        line: &str,
        expected: Class,
    ) -> Result<Reply, MailError> {
        let (peer, bytes) = (self.peer, format!("{line}\r\n"));
        let sending = async {
            self.stream.write_all(bytes.as_bytes()).await?;
            self.stream.flush().await
        };
        peer.within(stage, sending).await?.map_err(|error| peer.broken(stage, error))?;
        self.answer(stage, expected).await
    }

    async fn answer(&mut self, stage: Stage, expected: Class) -> Result<Reply, MailError> {
        let peer = self.peer;
        let Reply { code, lines } = peer.within(stage, self.reply(stage)).await??;
        let class = match code / 100 {
            2 => Some(Class::Completion),
            3 => Some(Class::Intermediate),
            _ => None,
        };
        if class == Some(expected) {
            return Ok(Reply { code, lines });
        }
        // RFC 5321 §4.3.2: to a command, the other of the two says that this is not a server of the protocol.
        if class.is_some() {
            return Err(peer.not_smtp(stage));
        }
        let text = lines.join(" ").chars().take(REFUSAL_CHARS_MAX).collect();
        Err(MailError::Refused { host: peer.host.to_owned(), stage, code, text })
    }

    /// Reads a reply of one or more lines, all with one code.
    async fn reply(&mut self, stage: Stage) -> Result<Reply, MailError> {
        let mut reply: Option<Reply> = None;
        loop {
            let line = self.line(stage).await?;
            let (code, more, text) = reply_line(&line).ok_or_else(|| self.peer.not_smtp(stage))?;
            let reply = reply.get_or_insert_with(|| Reply { code, lines: Vec::new() });
            if reply.code != code || reply.lines.len() == LINES_MAX {
                return Err(self.peer.not_smtp(stage));
            }
            reply.lines.push(text);
            if !more {
                return Ok(Reply { code, lines: std::mem::take(&mut reply.lines) });
            }
        }
    }

    async fn line(&mut self, stage: Stage) -> Result<Vec<u8>, MailError> {
        let mut line = Vec::new();
        let read = (&mut self.stream).take(LINE_BYTES_MAX).read_until(b'\n', &mut line).await;
        read.map_err(|error| self.peer.broken(stage, error))?;
        if line.pop_if(|last| *last == b'\n').is_some() {
            line.pop_if(|last| *last == b'\r');
            return Ok(line);
        }
        if u64::try_from(line.len()).is_ok_and(|length| length == LINE_BYTES_MAX) {
            return Err(self.peer.not_smtp(stage));
        }
        Err(self.peer.broken(stage, io::ErrorKind::UnexpectedEof.into()))
    }
}

/// The code, whether another line follows, and the text.
fn reply_line(line: &[u8]) -> Option<(u16, bool, String)> {
    let (digits, rest) = line.split_at_checked(3)?;
    if !digits.iter().all(u8::is_ascii_digit) || !(b'2'..=b'5').contains(&digits[0]) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
    let (more, text) = match rest {
        [] => (false, rest), // RFC 5321 §4.2: a code alone is to be understood
        [b' ', text @ ..] => (false, text),
        [b'-', text @ ..] => (true, text),
        _ => return None,
    };
    Some((code, more, String::from_utf8_lossy(text).into_owned()))
}

/// The mail with its end, and no other line that looks like the end (RFC 5321 §4.5.2). `content` ends with
/// a line's end, and [`Session::command`] adds that of the last dot.
fn transparent(content: &str) -> String {
    let mut lines = String::with_capacity(content.len() + 16);
    for line in content.split_inclusive("\r\n") {
        if line.starts_with('.') {
            lines.push('.');
        }
        lines.push_str(line);
    }
    lines.push('.');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_line_is_a_code_and_a_text() {
        let check = |line: &str, expected: Option<(u16, bool, &str)>| {
            let found = reply_line(line.as_bytes());
            let found = found.as_ref().map(|(code, more, text)| (*code, *more, text.as_str()));
            assert_eq!(found, expected, "{line:?}");
        };
        check("250 fine", Some((250, false, "fine")));
        check("250-more", Some((250, true, "more")));
        check("250", Some((250, false, "")));
        check("599 9", Some((599, false, "9")));
        for line in ["", "25", "2500", "250_", "150 x", "650 x", "2x0 x", "-50 x", " 250 x"] {
            check(line, None);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_a_reply_line_or_not(line: Vec<u8>) {
            if let Some((code, _, _)) = reply_line(&line) {
                assert!((200..600).contains(&code));
            }
        }
    }

    #[test]
    fn no_line_looks_like_the_end() {
        let check = |content: &str, expected: &str| assert_eq!(transparent(content), expected);
        check("a\r\n", "a\r\n.");
        check(".\r\n..\r\na.\r\n", "..\r\n...\r\na.\r\n.");
        check("\r\n.a\r\n", "\r\n..a\r\n.");
    }
}
