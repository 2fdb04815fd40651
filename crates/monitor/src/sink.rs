//! Where reports go: a program, a webhook, a mailbox. A sink takes a [`Message`] or says why not; when it is
//! asked again is for the delivery loop and [`retry`].
//!
//! A sink gets each message at least once. When the answer is lost, the message comes again, with the same id:
//! by it a receiver knows what it has already.
//!
//! Messages quote names that strangers put into certificates. What a sink hands over is harmless in a
//! terminal, in a mail and in a header; the JSON, which has an escape for everything, keeps each byte of them.

pub mod exec;
pub mod retry;
pub mod secret;
pub mod smtp;
pub mod variable;
pub mod webhook;

use std::borrow::Cow;
use std::time::Duration;

use countersign_judge::Severity;
use countersign_judge::plain::{bounded, plain};
use countersign_net::Net;
use jiff::Timestamp;

pub use exec::Exec;
pub use secret::Secret;
pub use smtp::Smtp;
pub use webhook::Webhook;

/// A report in all the forms that a sink may want.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same for the same report, however often it is sent. Printable ASCII.
    pub id: String,
    /// What kind of report it is, such as `incident-opened`.
    pub event: String,
    /// One line.
    pub subject: String,
    /// All of it, for people.
    pub text: String,
    /// All of it, for programs: one JSON object.
    pub json: String,
    /// Its parts, by the names of [`variable::VARIABLES`].
    pub variables: Vec<(String, String)>,
    /// The certificate and its chain that it is about, as PEM.
    pub chain_pem: Option<String>,
    /// How much it matters.
    pub severity: Option<Severity>,
}

/// After how many rejections a message is sent as [`Message::bare`].
pub const REJECTIONS_MAX: u32 = 3;

impl Message {
    /// What to send after so many rejections of this message. A filter may dislike a name in it; who picks
    /// the name must not be able to keep the report from arriving.
    pub fn after(&self, rejections: u32) -> Cow<'_, Self> {
        if rejections < REJECTIONS_MAX { Cow::Borrowed(self) } else { Cow::Owned(self.bare()) }
    }

    /// The same message, with no text that a stranger had a hand in.
    #[must_use]
    pub fn bare(&self) -> Self {
        let Self { id, event, severity, .. } = self;
        // The number is our own, but it comes the same way as the names do.
        let incident = self.variables.iter().find(|(name, value)| {
            name == variable::INCIDENT && value.bytes().all(|byte| byte.is_ascii_digit())
        });
        let (look, number) = match incident {
            Some((_, number)) => (format!("countersign show {number}"), number.as_str()),
            None => ("countersign incidents".to_owned(), "null"),
        };
        let severity_text = severity.map(|severity| format!("[{severity}] ")).unwrap_or_default();
        let subject =
            format!("{severity_text}countersign has a report that this way does not take");
        let text = format!(
            "Countersign reports: {event}.\n\nThe report itself was refused {REJECTIONS_MAX} times by whatever \
             stands between it and you, perhaps for a name in it, so it is left out here. Read it on the \
             machine that keeps watch:\n\n    {look}\n\nReport: {id}\n"
        );
        let severity_json =
            severity.map_or("null".to_owned(), |severity| format!("\"{severity}\""));
        let json = format!(
            r#"{{"id":"{id}","event":"{event}","severity":{severity_json},"incident":{number},"bare":true}}"#
        );
        let variables = incident.into_iter().cloned().collect();
        let (id, event) = (id.clone(), event.clone());
        Self { id, event, subject, text, json, variables, chain_pem: None, severity: *severity }
    }

    /// The subject, for where a line is wanted.
    fn subject_line(&self) -> Cow<'_, str> {
        bounded(&self.subject, SUBJECT_CHARACTERS_MAX)
    }

    /// The text, for where only its line ends may steer anything.
    fn plain_text(&self) -> String {
        plain_lines(&self.text, TEXT_CHARACTERS_MAX)
    }
}

/// How long a subject is sent. Longer ones are cut by what shows them, where they like.
const SUBJECT_CHARACTERS_MAX: usize = 200;

/// How long a text is sent. No mail server refuses this size; more is not read by anybody.
const TEXT_CHARACTERS_MAX: usize = 100_000;

/// The text with its line ends as they are and all else made plain, and cut where it has more characters.
fn plain_lines(text: &str, characters_max: usize) -> String {
    let mut lines = String::new();
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            lines.push('\n');
        }
        lines.push_str(&plain(line.strip_suffix('\r').unwrap_or(line)));
    }
    match lines.char_indices().nth(characters_max) {
        None => lines,
        Some((end, _)) => {
            lines.truncate(end);
            lines + "…\n"
        }
    }
}

/// One way to whoever must know. Each has a name of its own and a single receiver: one that does not take
/// what it is given must not hold up another.
#[derive(Clone, Debug)]
pub enum Sink {
    /// A program on this machine.
    Exec(Exec),
    /// A URL.
    Webhook(Webhook),
    /// A mailbox.
    Smtp(Smtp),
}

/// Why a message has not arrived, as far as we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDelivered {
    /// The receiver does not want this message, and will not want it later.
    #[error("{0}")]
    Rejected(String),
    /// Something went wrong that may go right later.
    #[error("{why}")]
    Failed {
        /// What.
        why: String,
        /// When the receiver wants to be asked again.
        retry_after: Option<Duration>,
    },
}

impl NotDelivered {
    fn failed(why: impl Into<String>) -> Self {
        Self::Failed { why: why.into(), retry_after: None }
    }
}

impl Sink {
    /// What the configuration and the reports call it.
    pub fn name(&self) -> &str {
        match self {
            Self::Exec(sink) => &sink.name,
            Self::Webhook(sink) => &sink.name,
            Self::Smtp(sink) => &sink.name,
        }
    }

    /// Sends a message, for the `attempt`th time (from 1). Ends within the sink's deadline, and a little more
    /// for a program that has to be killed. May be dropped at any time; the message may have arrived then.
    pub async fn send(
        &self,
        net: &Net,
        message: &Message,
        attempt: u32,
        now: Timestamp,
    ) -> Result<(), NotDelivered> {
        match self {
            Self::Exec(sink) => sink.send(message, attempt).await,
            Self::Webhook(sink) => sink.send(net, message, attempt, now).await,
            Self::Smtp(sink) => sink.send(net, message, now).await,
        }
    }
}

/// How much of what a receiver said is kept, in characters.
const SAID_CHARACTERS_MAX: usize = 500;

/// What a receiver said, for the end of a sentence: nothing, or a colon and the words.
fn said(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.trim() {
        "" => String::new(),
        text => format!(": {}", bounded(text, SAID_CHARACTERS_MAX)),
    }
}

/// An error with its causes.
fn because(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::new(error))
}

#[cfg(test)]
mod tests;
