//! Programs that people use, each run unchanged in a [`Cage`] against a service: what a watcher on the way sees is what
//! those people's connections look like.
//!
//! Nothing that a client says is believed, nor needed: what was served is read from the bytes that passed the relay, with
//! the secrets of the handshake that the client was made to write down. A client in Go writes down none; one that is given
//! nothing to trust but the expected certificate shows by its next message whether that was what it got ([`Oracle`]).

mod dino;
mod recipe;
mod tools;

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;
use std::process::ExitStatus;
use std::str::FromStr;
use std::time::Duration;

use countersign_judge::probe::{Opening, Protocol, Service};
use countersign_tls::KeyLog;
use rustix::fs::{Mode, OFlags};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::sleep;

use crate::cage::{Cage, CageError, Inmate, is_installed};
use crate::process::{Said, first_line};
use crate::relay::{Answer, Patience, Relayed, relay};

pub use tools::{Tools, ToolsError};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Client {
    /// `openssl s_client`.
    OpenSsl,
    /// `gnutls-cli`.
    GnuTls,
    /// curl.
    Curl,
    /// swaks, which sends mail.
    Swaks,
    /// A program in Python with slixmpp.
    Slixmpp,
    /// go-sendxmpp.
    GoSendxmpp,
    /// profanity, in a terminal.
    Profanity,
    /// Dino, on a display that nobody sees.
    Dino,
    /// psql.
    Psql,
    /// Chromium, without a window.
    Chromium,
}

/// What is looked at, by whom.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// By whom.
    pub client: Client,
    /// What.
    pub service: &'a Service,
    /// Who the client says it is, once it trusts the server.
    pub account: &'a Account,
    /// The certificate that the server should have, in DER: for clients that are an [`Oracle`].
    pub expected: Option<&'a [u8]>,
    /// How long it may take.
    pub patience: Patience,
}

/// An account to log in with; none of anybody's. The client may get as far as sending the password to whoever answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// What is before the `@`.
    pub user: String,
    /// Its password.
    pub password: String,
}

/// What came of it.
#[derive(Debug)]
pub struct Looked<E> {
    /// What passed, and how it ended.
    pub relayed: Relayed<E>,
    /// The secrets that the client wrote down.
    pub key_log: KeyLog,
    /// Whether the client was served what was expected, if it can be asked.
    pub told: Option<Oracle>,
    /// What it said: for people.
    pub said: Said,
    /// How it ended, if it ended by itself.
    pub status: Option<ExitStatus>,
}

/// What a client that trusts one certificate alone made of what it was served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oracle {
    /// It finished the handshake.
    Expected,
    /// It refused: another certificate, or that one no longer valid.
    Other,
}

/// Looks once. `dial` connects to the service.
pub async fn look<D, S, E>(
    look: Look<'_>,
    tools: &Tools,
    dial: impl Fn() -> D,
) -> Result<Looked<E>, LookError>
where
    D: Future<Output = Result<S, E>>,
    S: AsyncRead + AsyncWrite,
{
    let Look { client, service, .. } = look;
    if !client.speaks(service) {
        return Err(LookError::Speaks { client, service: service.clone() });
    }
    client.found()?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let texts = [&service.domain, &look.account.user, &look.account.password];
    if let Some(text) =
        texts.into_iter().find(|text| text.is_empty() || !text.bytes().all(is_plain))
    {
        return Err(LookError::Text(text.clone()));
    }
    // For its user alone: there will be secrets in it.
    let folder = tempfile::Builder::new().prefix("countersign-").tempdir();
    let folder = folder.map_err(LookError::Folder)?;
    let recipe = recipe::recipe(&look);
    recipe.furnish(folder.path(), tools).map_err(LookError::Folder)?;
    let inmate = Inmate {
        command: &recipe.command,
        variables: &recipe.variables,
        service,
        deadline: look.patience.deadline,
    };
    let Cage { listener, mut program, names } =
        Cage::enter(inmate, folder.path(), &tools.cage).await?;
    let mut status = None;
    let ended = async {
        match program.ended().await {
            Ok(ended) => status = Some(ended),
            Err(_) => std::future::pending().await, // nobody waits for it but us: until the deadline, then
        }
        // Its last bytes are on their way.
        sleep(LAST_BYTES).await;
    };
    let relayed = tokio::select! {
        relayed = relay(&listener, look.patience, dial, ended) => relayed,
        why = names.serve() => return Err(LookError::Names(why)),
    };
    let said = program.end().await.map_err(LookError::Client)?;
    let key_log = KeyLog::read(&key_log(folder.path()).map_err(LookError::Folder)?);
    let told = match relayed.progress.answer() {
        _ if client != Client::GoSendxmpp || look.expected.is_none() => None,
        None => None,
        Some(Answer::Finished) => Some(Oracle::Expected),
        Some(Answer::Alert) => Some(Oracle::Other),
    };
    Ok(Looked { relayed, key_log, told, said, status })
}

/// What the client has written down, as far as it is wanted. Nothing but a file is read, and no link is followed: a
/// client could have been taken over by whoever answered it.
fn key_log(folder: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(folder.join(recipe::KEY_LOG), flags, Mode::empty());
    let mut text = Vec::new();
    let Ok(opened) = opened.map(fs::File::from) else { return Ok(text) };
    if opened.metadata()?.is_file() {
        opened.take(KEY_LOG_BYTES_MAX).read_to_end(&mut text)?;
    }
    Ok(text)
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::OpenSsl,
        Self::GnuTls,
        Self::Curl,
        Self::Swaks,
        Self::Slixmpp,
        Self::GoSendxmpp,
        Self::Profanity,
        Self::Dino,
        Self::Psql,
        Self::Chromium,
    ];

    /// A name for people and files that never changes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenSsl => "s_client",
            Self::GnuTls => "gnutls-cli",
            Self::Curl => "curl",
            Self::Swaks => "swaks",
            Self::Slixmpp => "slixmpp",
            Self::GoSendxmpp => "go-sendxmpp",
            Self::Profanity => "profanity",
            Self::Dino => "dino",
            Self::Psql => "psql",
            Self::Chromium => "chromium",
        }
    }

    /// Whether it can be pointed at a service.
    pub fn speaks(self, service: &Service) -> bool {
        use Protocol::{Http, Imap, Ldap, Pop3, Postgresql, Smtp, Submission, Xmpp};
        let Service { protocol, opening, .. } = *service;
        match self {
            Self::OpenSsl => opening == Opening::Direct || protocol.has_starttls(),
            Self::GnuTls => {
                let by_starttls = [Smtp, Submission, Imap, Pop3, Ldap, Xmpp, Postgresql];
                opening == Opening::Direct || by_starttls.contains(&protocol)
            }
            Self::Curl => match opening {
                Opening::Direct => [Http, Submission, Imap, Pop3].contains(&protocol),
                Opening::StartTls => [Smtp, Submission, Imap, Pop3].contains(&protocol),
            },
            Self::Swaks => match opening {
                Opening::Direct => protocol == Submission,
                Opening::StartTls => [Smtp, Submission].contains(&protocol),
            },
            Self::Slixmpp | Self::GoSendxmpp | Self::Profanity | Self::Dino => protocol == Xmpp,
            Self::Psql => protocol == Postgresql && opening == Opening::StartTls,
            Self::Chromium => protocol == Http && opening == Opening::Direct,
        }
    }

    /// Whether all that it needs is installed.
    pub fn found(self) -> Result<(), Missing> {
        let missing = self.needs().iter().find(|(program, _)| {
            if program.starts_with('/') {
                !Path::new(program).exists()
            } else {
                !is_installed(OsStr::new(program))
            }
        });
        missing
            .map_or(Ok(()), |&(program, package)| Err(Missing { client: self, program, package }))
    }

    /// What it says it is, for the record.
    pub async fn version(self) -> Option<String> {
        let (program, arguments): (_, &[&str]) = match self {
            Self::OpenSsl => ("openssl", &["version"]),
            Self::Slixmpp => {
                (recipe::PYTHON, &["-c", "import slixmpp; print(f'slixmpp {slixmpp.__version__}')"])
            }
            // It wants a display before it says anything.
            Self::Dino => ("dpkg-query", &["--show", "dino-im"]),
            Self::Profanity | Self::GnuTls | Self::Curl | Self::Swaks => {
                (self.as_str(), &["--version"])
            }
            Self::GoSendxmpp | Self::Psql | Self::Chromium => (self.as_str(), &["--version"]),
        };
        first_line(OsStr::new(program), arguments).await
    }

    /// Programs and files, with the Debian packages that have them.
    fn needs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::OpenSsl => &[("openssl", "openssl")],
            Self::GnuTls => &[("gnutls-cli", "gnutls-bin")],
            Self::Curl => &[("curl", "curl")],
            Self::Swaks => {
                &[("swaks", "swaks"), ("/usr/share/doc/libnet-ssleay-perl", "libnet-ssleay-perl")]
            }
            Self::Slixmpp => &[
                (recipe::PYTHON, "python3"),
                ("/usr/lib/python3/dist-packages/slixmpp", "python3-slixmpp"),
            ],
            Self::GoSendxmpp => &[("go-sendxmpp", "go-sendxmpp")],
            Self::Profanity => &[("profanity", "profanity"), ("script", "bsdutils")],
            Self::Dino => &[
                ("dino-im", "dino-im"),
                ("Xvfb", "xvfb"),
                ("dbus-run-session", "dbus-daemon"),
                (recipe::PYTHON, "python3"),
            ],
            Self::Psql => &[("psql", "postgresql-client")],
            Self::Chromium => &[("chromium", "chromium")],
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text is no client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no client {0:?}")]
pub struct UnknownClient(pub String);

impl FromStr for Client {
    type Err = UnknownClient;

    fn from_str(text: &str) -> Result<Self, UnknownClient> {
        let found = Self::ALL.into_iter().find(|client| client.as_str() == text);
        found.ok_or_else(|| UnknownClient(text.to_owned()))
    }
}

/// A client cannot be run here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{client} is not installed: there is no {program}")]
pub struct Missing {
    /// Which one.
    pub client: Client,
    /// What is not there.
    pub program: &'static str,
    /// The Debian package that has it.
    pub package: &'static str,
}

/// Why nobody looked. What came of a look is never in here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookError {
    /// It is another kind of client.
    #[error("{client} does not speak {} ({})", .service.protocol, .service.opening.as_str())]
    Speaks {
        /// Which one.
        client: Client,
        /// What it should have looked at.
        service: Service,
    },
    /// It is not here.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// A domain, or part of an account, that could mean something else in a client's files.
    #[error("{0:?} has more in it than ASCII letters, digits, dots, hyphens and underscores")]
    Text(String),
    /// The folder that is shared with the client.
    #[error("cannot use the folder for a client")]
    Folder(#[source] io::Error),
    /// There is no cage.
    #[error(transparent)]
    Cage(#[from] CageError),
    /// The client's name server.
    #[error("cannot answer a client that asks for names")]
    Names(#[source] io::Error),
    /// The client could not be ended.
    #[error("cannot end a client")]
    Client(#[source] io::Error),
}

impl LookError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Missing(missing) => Some(format!("the package {} has it", missing.package)),
            Self::Cage(why) => why.hint().map(str::to_owned),
            Self::Speaks { .. }
            | Self::Text(_)
            | Self::Folder(_)
            | Self::Names(_)
            | Self::Client(_) => None,
        }
    }
}

/// A browser writes five lines of less than 200 bytes for each of its connections.
const KEY_LOG_BYTES_MAX: u64 = 64 << 10;
/// Between the end of a client and that of its connection, on this machine.
const LAST_BYTES: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests;
