//! The control port of this machine's tor (control-spec.txt): which exit a connection took, and by which it shall go.
//!
//! A circuit is found by the user name that the connection was dialed with, so each one needs its own. What tor says is
//! believed: whoever runs it sees and carries our bytes anyway.
//!
//! # Limitations
//!
//! Only a TCP control port. Naming exits is a setting of the whole tor: nobody else should use it meanwhile. It is not
//! written to its file, so that it ends with tor if it is not put back.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::dns::random;
use crate::net::Net;
use crate::vantage::Route;
pub use reply::Malformed;
use reply::{CircuitLine, LINE_BYTES_MAX, Reader, Reply};

mod reply;

/// Where tor can be asked, and how we log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Control {
    /// `host:port`.
    pub address: String,
    /// How we log in.
    pub login: ControlLogin,
}

/// How we log in at a control port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlLogin {
    /// Not at all.
    None,
    /// By the file that tor writes (`CookieAuthentication 1`). It does not leave this machine, nor this program.
    CookieFile(PathBuf),
    /// By the password in a file, whose hash tor has (`HashedControlPassword`).
    PasswordFile(PathBuf),
}

/// A relay that a connection left Tor by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TorExit {
    /// The number of the circuit, which no other has while tor runs.
    pub circuit: u64,
    /// SHA-1 of its identity key, in upper-case hexadecimal.
    pub fingerprint: String,
    /// What it calls itself.
    pub nickname: Option<String>,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Where that is, as tor's table says: two lower-case letters.
    pub country: Option<String>,
    /// What it has in common with other relays of those who run it: an id of the family, or its first member.
    pub family: Option<String>,
}

/// Why tor does not tell us.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TorError {
    /// No vantage has that name.
    #[error("there is no vantage named {0:?}")]
    UnknownVantage(String),
    /// The vantage has no control port.
    #[error("vantage {0:?} has no control port of tor")]
    NoControl(String),
    /// A file with a secret cannot be read.
    #[error("cannot read {}", path.display())]
    Secret {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no connection, or it broke.
    #[error("no connection to the control port {address}")]
    Connection {
        /// Which.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// It did not answer in time.
    #[error("the control port {address} did not answer {command} within {} s", COMMAND_MAX.as_secs())]
    TimedOut {
        /// Which.
        address: String,
        /// What was asked.
        command: &'static str,
    },
    /// What it answered cannot be read.
    #[error("what came from the control port {address} is not tor's")]
    NotTor {
        /// Which.
        address: String,
        /// Why.
        source: Malformed,
    },
    /// Whoever listens there does not know the cookie.
    #[error(
        "whoever listens at the control port {address} does not know what is in tor's cookie file"
    )]
    Impostor {
        /// Which.
        address: String,
    },
    /// It refused.
    #[error("tor at {address} refused {command}: {code} {text}")]
    Refused {
        /// Which.
        address: String,
        /// What was asked.
        command: &'static str,
        /// Its code.
        code: u16,
        /// What it said.
        text: String,
    },
    /// It is neither a fingerprint nor a country.
    #[error("{0:?} is no exit: neither a fingerprint nor a country as in \"{{de}}\"")]
    BadExit(String),
}

impl TorError {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoControl(_) => {
                Some("give the vantage a `control` address, and tor a `ControlPort`")
            }
            Self::Secret { .. } => Some(
                "tor's cookie is for its group only: `CookieAuthFileGroupReadable 1`, and join it",
            ),
            Self::Connection { .. } => Some("check that tor runs and has a `ControlPort`"),
            Self::Refused { command: LOGIN, .. } => Some("check the cookie file or the password"),
            Self::UnknownVantage(_)
            | Self::TimedOut { .. }
            | Self::NotTor { .. }
            | Self::Impostor { .. }
            | Self::Refused { .. }
            | Self::BadExit(_) => None,
        }
    }
}

/// tor answers out of its memory.
const COMMAND_MAX: Duration = Duration::from_secs(10);

/// A cookie has 32 octets (control-spec §3.5), a password a line.
const SECRET_BYTES_MAX: u64 = 1024;

/// A conversation with tor.
#[derive(Debug)]
pub struct TorControl {
    stream: BufReader<TcpStream>,
    address: String,
    /// What `ExitNodes` and `StrictNodes` were before we changed them.
    before: Option<(String, String)>,
}

impl Net {
    /// Logs in at the control port of a vantage's tor.
    pub async fn tor(&self, vantage: &str) -> Result<TorControl, TorError> {
        let exit =
            self.exit(vantage).ok_or_else(|| TorError::UnknownVantage(vantage.to_owned()))?;
        let Route::Tor { control: Some(control), .. } = &exit.route else {
            return Err(TorError::NoControl(vantage.to_owned()));
        };
        TorControl::log_in(control).await
    }
}

impl TorControl {
    async fn log_in(control: &Control) -> Result<Self, TorError> {
        let address = control.address.clone();
        let stream = match timeout(COMMAND_MAX, TcpStream::connect(&address)).await {
            Ok(Ok(stream)) => BufReader::new(stream),
            Ok(Err(source)) => return Err(TorError::Connection { address, source }),
            Err(_) => return Err(TorError::TimedOut { address, command: "our connection" }),
        };
        let mut tor = Self { stream, address, before: None };
        let proof = match &control.login {
            ControlLogin::None => String::new(),
            ControlLogin::PasswordFile(path) => {
                let secret = secret(path).await?;
                // A line end within it would end the command.
                let line = secret.split(|byte| b"\r\n".contains(byte)).next().unwrap_or_default();
                format!(" {}", reply::quote(&String::from_utf8_lossy(line)))
            }
            ControlLogin::CookieFile(path) => {
                let cookie = secret(path).await?;
                format!(" {}", tor.safe_cookie(&cookie).await?)
            }
        };
        tor.ask(LOGIN, &proof).await?;
        Ok(tor)
    }

    /// Proves to tor that we know the cookie, after it has proved it to us (control-spec §3.24).
    async fn safe_cookie(&mut self, cookie: &[u8]) -> Result<String, TorError> {
        let ours: [u8; 32] = random();
        let asked = format!(" SAFECOOKIE {}", hex(&ours));
        let reply = self.ask("AUTHCHALLENGE", &asked).await?;
        let words: Vec<&str> = reply.lines.iter().flat_map(|line| line.split(' ')).collect();
        let word = |key| words.iter().find_map(|word| unhex(word.strip_prefix(key)?));
        let impostor = || TorError::Impostor { address: self.address.clone() };
        let (Some(hash), Some(theirs)) = (word("SERVERHASH="), word("SERVERNONCE=")) else {
            return Err(impostor());
        };
        let message = [cookie, &ours, &theirs].concat();
        let mac = |key: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), &message);
        verify_slices_are_equal(mac(SERVER_KEY).as_ref(), &hash).map_err(|_| impostor())?;
        Ok(hex(mac(CLIENT_KEY).as_ref()))
    }

    /// By which exit a connection goes, or went until just now, that was dialed with this isolation. `None`: there is
    /// none; it goes to an onion service, which has no exit; or it is over and there were several exits for it.
    pub async fn exit_of(&mut self, isolation: &str) -> Result<Option<TorExit>, TorError> {
        let streams = self.ask(GETINFO, " stream-status").await?;
        // One line stands behind its key, several are data.
        let lines = |reply: &Reply, key: &str| -> Vec<String> {
            let strip = |line: &String| line.strip_prefix(key).unwrap_or(line).to_owned();
            reply.lines.iter().map(strip).collect()
        };
        let carrying: Vec<u64> = lines(&streams, "stream-status=")
            .iter()
            .filter_map(|line| Some(reply::stream(line)?.circuit))
            .collect();
        let circuits = self.ask(GETINFO, " circuit-status").await?;
        let is_ours = |circuit: &CircuitLine| {
            circuit.user.as_deref() == Some(isolation) && circuit.built && circuit.leaves
        };
        let lines = lines(&circuits, "circuit-status=");
        let read = lines.iter().filter_map(|line| reply::circuit(line));
        let mut ours: Vec<CircuitLine> = read.filter(is_ours).collect();
        if let Some(at) = ours.iter().position(|circuit| carrying.contains(&circuit.number)) {
            ours = vec![ours.swap_remove(at)];
        }
        // A circuit outlives what it carried, by ten minutes.
        let [CircuitLine { number: circuit, last: Some(last), .. }, others @ ..] = &ours[..] else {
            return Ok(None);
        };
        if others.iter().any(|other| other.last.as_ref() != Some(last)) {
            return Ok(None);
        }
        let (circuit, (fingerprint, nickname)) = (*circuit, last.clone());
        let address = self.address_of(&fingerprint).await?;
        let country = match address {
            Some(address) => self.country(address).await?,
            None => None,
        };
        let family = self.family(&fingerprint).await?;
        Ok(Some(TorExit { circuit, fingerprint, nickname, address, country, family }))
    }

    /// Lets new circuits leave by these only: fingerprints, or countries as in `{de}`. Until [`Self::restore`].
    pub async fn name_exits(&mut self, exits: &[String]) -> Result<(), TorError> {
        for exit in exits {
            let country = exit.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let is_country = country.is_some_and(|letters| {
                letters.len() == 2 && letters.bytes().all(|byte| byte.is_ascii_lowercase())
            });
            if !is_country && !reply::is_fingerprint(exit) {
                return Err(TorError::BadExit(exit.clone()));
            }
        }
        if self.before.is_none() {
            let reply = self.ask("GETCONF", " ExitNodes StrictNodes").await?;
            // Without `=` it has its default.
            let value = |key| reply.value(key).unwrap_or_default();
            self.before = Some((value("ExitNodes"), value("StrictNodes")));
        }
        self.set_exits(&exits.join(","), "1").await
    }

    /// Puts back what [`Self::name_exits`] has changed.
    pub async fn restore(&mut self) -> Result<(), TorError> {
        let Some((exits, strict)) = self.before.clone() else { return Ok(()) };
        self.set_exits(&exits, &strict).await?;
        self.before = None;
        Ok(())
    }

    async fn set_exits(&mut self, exits: &str, strict: &str) -> Result<(), TorError> {
        let set = |key: &str, value: &str| match value {
            "" => format!(" {key}"),
            _ => format!(" {key}={}", reply::quote(value)),
        };
        let settings = set("ExitNodes", exits) + &set("StrictNodes", strict);
        self.ask("RESETCONF", &settings).await?;
        Ok(())
    }

    /// Whether a connection may be split over two circuits (`ConfluxEnabled`), so that it cannot be said for sure which
    /// way its bytes took. Both end at the same exit.
    pub async fn splits(&mut self) -> Result<bool, TorError> {
        match self.ask("GETCONF", " ConfluxEnabled").await {
            Ok(reply) => Ok(reply.value("ConfluxEnabled").as_deref() != Some("0")),
            // Before 0.4.8 there was no such thing.
            Err(TorError::Refused { code: 552, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn address_of(&mut self, fingerprint: &str) -> Result<Option<IpAddr>, TorError> {
        // dir-spec §3.4.1: "r" nickname identity digest date time IP ORPort DirPort; without the digest in the
        // consensus of microdescriptors. The address is the third from the end.
        let lines = self.about(&format!("ns/id/{fingerprint}")).await?;
        let line = lines.iter().find_map(|line| line.strip_prefix("r "));
        let word = line.and_then(|line| line.rsplit(' ').nth(2));
        Ok(word.and_then(|word| word.parse().ok()))
    }

    async fn country(&mut self, address: IpAddr) -> Result<Option<String>, TorError> {
        let key = format!("ip-to-country/{address}");
        let lines = self.about(&key).await?;
        let value = lines.iter().find_map(|line| line.strip_prefix(&key)?.strip_prefix('='));
        let known = value.filter(|text| text.bytes().all(|byte| byte.is_ascii_lowercase()));
        Ok(known.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    async fn family(&mut self, fingerprint: &str) -> Result<Option<String>, TorError> {
        let lines = self.about(&format!("md/id/{fingerprint}")).await?;
        let field = |key: &str| lines.iter().find_map(|line| line.strip_prefix(key));
        if let Some(id) = field("family-ids ").and_then(|ids| ids.split(' ').min()) {
            return Ok(Some(id.to_owned()));
        }
        let members = field("family ").map(|members| {
            let named = members.split(' ').filter_map(|member| member.strip_prefix('$')?.get(..40));
            named.chain([fingerprint]).map(str::to_ascii_uppercase).min()
        });
        Ok(members.flatten())
    }

    /// What tor knows of something, if it does.
    async fn about(&mut self, what: &str) -> Result<Vec<String>, TorError> {
        match self.ask(GETINFO, &format!(" {what}")).await {
            Ok(reply) => Ok(reply.lines),
            // Not known: no such relay, or no table of countries.
            Err(TorError::Refused { code: 500..=599, .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn ask(&mut self, command: &'static str, rest: &str) -> Result<Reply, TorError> {
        let address = self.address.clone();
        let reply = match timeout(COMMAND_MAX, self.exchange(command, rest)).await {
            Ok(reply) => reply?,
            Err(_) => return Err(TorError::TimedOut { address, command }),
        };
        if reply.code == 250 {
            return Ok(reply);
        }
        let text = reply.lines.into_iter().next().unwrap_or_default();
        Err(TorError::Refused { address, command, code: reply.code, text })
    }

    async fn exchange(&mut self, command: &str, rest: &str) -> Result<Reply, TorError> {
        let broken = |source| TorError::Connection { address: self.address.clone(), source };
        let line = format!("{command}{rest}\r\n");
        self.stream.get_mut().write_all(line.as_bytes()).await.map_err(broken)?;
        let mut reader = Reader::default();
        loop {
            let mut line = Vec::new();
            // One octet more than fits, so that the reader sees that it is too long.
            let most = u64::try_from(LINE_BYTES_MAX + 3).expect("it is small");
            let mut limited = (&mut self.stream).take(most);
            limited.read_until(b'\n', &mut line).await.map_err(broken)?;
            if line.is_empty() {
                return Err(broken(io::ErrorKind::UnexpectedEof.into()));
            }
            let line = line.strip_suffix(b"\n").unwrap_or(&line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let read = reader.line(line);
            let not_tor = |source| TorError::NotTor { address: self.address.clone(), source };
            if let Some(reply) = read.map_err(not_tor)? {
                return Ok(reply);
            }
        }
    }
}

async fn secret(path: &PathBuf) -> Result<Vec<u8>, TorError> {
    let failed = |source| TorError::Secret { path: path.clone(), source };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(SECRET_BYTES_MAX).read_to_end(&mut bytes).await.map_err(failed)?;
    Ok(bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let octet = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    text.as_bytes().chunks(2).map(octet).collect()
}

const LOGIN: &str = "AUTHENTICATE";
const GETINFO: &str = "GETINFO";

/// control-spec §3.24.
const SERVER_KEY: &[u8] = b"Tor safe cookie authentication server-to-controller hash";
const CLIENT_KEY: &[u8] = b"Tor safe cookie authentication controller-to-server hash";

#[cfg(test)]
mod tests;
