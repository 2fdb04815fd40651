//! What is asked of another host, and what it answers, as texts of exactly these forms:
//!
//! ```text
//!  countersign.look/v1                           countersign.looked/v1
//!  nonce 4fd9…             64 digits             host probe.example.net
//!  at 2026-11-24T05:00:00Z                       nonce 4fd9…
//!  service xmpp.example xmpp starttls 5222       at 2026-11-24T05:00:01Z
//!  client openssl-connector                      service xmpp.example xmpp starttls 5222
//!  family any                                    client openssl-connector
//!  mac 81c0…               HMAC-SHA-256          peer 192.0.2.1:5222         or -
//!                                                seen handshake 9c1e…        SHA-256 of the exhibit
//!
//!                                                — probe.example.net base64(key id || Ed25519 signature)
//! ```
//!
//! The last line of an answer may also be `seen no-tls starttls-not-offered`, `seen unproved`, `seen unreachable WHY` or
//! `seen nothing WHY`. All lines are there, in this order, and have one spelling. An answer is sent as the length of the
//! note and a line end, the note, and the exhibit.

use std::fmt;
use std::net::SocketAddr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use countersign_judge::probe::observation::Early;
use countersign_judge::probe::service::{Opening, Protocol, Service};
use countersign_tlog::note::{KeyName, Note, SignerKey, VerifierKey};
use jiff::Timestamp;

/// A request is seven short lines; a name has at most 253 octets.
pub const REQUEST_BYTES_MAX: usize = 2 << 10;

/// A note, and an exhibit: two tapes of 256 KiB, in a text form of up to twice as many octets, and some keys.
pub const ANSWER_BYTES_MAX: usize = 2 << 20;

/// Seven lines, of which one has a sentence, and a signature.
const NOTE_BYTES_MAX: usize = 4 << 10;

/// A sentence in our words, with foreign ones in it.
const WHY_CHARACTERS_MAX: usize = 300;

/// What both hosts know and nobody else.
#[derive(Clone)]
pub struct Token(hmac::Key);

/// A text is too short for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token has at least {TOKEN_BYTES_MIN} characters")]
pub struct ShortToken;

/// As hexadecimal digits these are 128 bits.
const TOKEN_BYTES_MIN: usize = 32;

impl Token {
    /// From the text of a file, without its line end.
    pub fn new(text: &str) -> Result<Self, ShortToken> {
        let text = text.trim_end_matches(['\r', '\n']);
        if text.len() < TOKEN_BYTES_MIN {
            return Err(ShortToken);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes())))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Comes back in the answer, which is for this request only.
    pub nonce: [u8; 32],
    /// When it was asked, in whole seconds.
    pub at: Timestamp,
    /// What is to be looked at.
    pub service: Service,
    /// As whom: the name of a client or a stack.
    pub client: String,
    /// Over which kind of address.
    pub family: Wanted,
}

/// Which kind of address is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Either.
    Any,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Wanted {
    const ALL: [Self; 3] = [Self::Any, Self::V4, Self::V6];

    fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }
}

/// A text is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the line {0:?} is missing, or cannot be read")]
pub struct BadLine(pub &'static str);

/// Why a request is not heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// It is none.
    #[error("it is no request")]
    Form(#[source] BadLine),
    /// Whoever asks does not know the token.
    #[error("whoever asks does not know the token")]
    Mac,
}

impl Request {
    fn text(&self) -> String {
        format!(
            "{ASKS}\nnonce {}\nat {}\nservice {}\nclient {}\nfamily {}\n",
            hex(&self.nonce),
            self.at,
            service_text(&self.service),
            self.client,
            self.family.as_str()
        )
    }

    /// What is sent.
    pub fn seal(&self, token: &Token) -> String {
        let text = self.text();
        let mac = hmac::sign(&token.0, text.as_bytes());
        format!("{text}mac {}\n", hex(mac.as_ref()))
    }

    /// Reads what was sent. Nothing of it is looked at before the token has proved itself.
    pub fn open(bytes: &[u8], token: &Token) -> Result<Self, BadRequest> {
        let form = |line| BadRequest::Form(BadLine(line));
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(form(ASKS));
        }
        let text = str::from_utf8(bytes).map_err(|_| form(ASKS))?;
        let at = text.rfind("\nmac ").ok_or(form("mac"))? + 1;
        let (text, mac) = text.split_at(at);
        let mac = mac.strip_prefix("mac ").and_then(|mac| mac.strip_suffix('\n'));
        let mac = mac.and_then(octets::<32>).ok_or(form("mac"))?;
        // In constant time.
        hmac::verify(&token.0, text.as_bytes(), &mac).map_err(|_| BadRequest::Mac)?;
        Self::parse(text).map_err(BadRequest::Form)
    }

    pub(crate) fn parse(text: &str) -> Result<Self, BadLine> {
        let mut lines = Lines::new(text, ASKS)?;
        let request = Self {
            nonce: lines.value("nonce", octets)?,
            at: lines.value("at", |text| text.parse().ok())?,
            service: lines.value("service", service)?,
            client: lines.value("client", client)?,
            family: lines.value("family", |text| {
                Wanted::ALL.into_iter().find(|wanted| wanted.as_str() == text)
            })?,
        };
        if request.text() == text { Ok(request) } else { Err(BadLine(ASKS)) }
    }
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saw {
    /// TLS began; the exhibit shows how.
    Handshake {
        /// A `countersign_tls::exhibit`, not yet proved.
        exhibit: Vec<u8>,
    },
    /// TLS began, and there is nothing that would prove how it went.
    Unproved,
    /// There was a connection, and TLS did not begin.
    NoTls(Early),
    /// There was no connection.
    Unreachable(String),
    /// The host did not look, and why.
    Nothing(String),
}

/// What another host says it saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Who says so.
    pub host: KeyName,
    /// That of the request.
    pub nonce: [u8; 32],
    /// When it began to look, by its clock, in whole seconds.
    pub at: Timestamp,
    /// What it looked at.
    pub service: Service,
    /// As whom.
    pub client: String,
    /// The address that it connected to, where it knows.
    pub peer: Option<SocketAddr>,
    /// What it saw.
    pub saw: Saw,
}

/// Why an answer is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadAnswer {
    /// It has more than [`ANSWER_BYTES_MAX`] bytes, or cannot be taken apart.
    #[error("it is no signed note with an exhibit")]
    Form,
    /// Not signed with the host's key.
    #[error("it is not signed with the key of that host")]
    Signature,
    /// It is another text.
    #[error("it does not say what was seen")]
    Text(#[source] BadLine),
    /// It is the answer to something else.
    #[error("it is not the answer to what was asked")]
    OtherRequest,
    /// The exhibit is not the one that was signed.
    #[error("the exhibit is not the one that was signed")]
    Exhibit,
    /// Both clocks are far apart, or it was seen at another time.
    #[error("it was seen at another time")]
    Time,
}

impl Answer {
    fn text(&self) -> String {
        let peer = self.peer.map_or("-".to_owned(), |peer| peer.to_string());
        let seen = match &self.saw {
            Saw::Handshake { exhibit } => {
                format!("handshake {}", hex(digest(&SHA256, exhibit).as_ref()))
            }
            Saw::Unproved => "unproved".to_owned(),
            Saw::NoTls(early) => format!("no-tls {}", early.as_str()),
            Saw::Unreachable(why) => format!("unreachable {}", sentence(why)),
            Saw::Nothing(why) => format!("nothing {}", sentence(why)),
        };
        format!(
            "{ANSWERS}\nhost {}\nnonce {}\nat {}\nservice {}\nclient {}\npeer {peer}\nseen {seen}\n",
            self.host,
            hex(&self.nonce),
            self.at,
            service_text(&self.service),
            self.client,
        )
    }

    /// What is sent. The key is that of the host.
    pub fn seal(&self, key: &SignerKey) -> Vec<u8> {
        let text = self.text();
        let signature = key.sign(&text);
        let note = Note::new(text, vec![signature]).expect("an answer is text, and signed");
        let note = note.to_text();
        let mut bytes = format!("{}\n{note}", note.len()).into_bytes();
        if let Saw::Handshake { exhibit } = &self.saw {
            bytes.extend(exhibit);
        }
        bytes
    }

    /// Reads an answer to `request`, and says why not to believe it, if so. Its time is for the caller to judge.
    pub fn open(bytes: &[u8], key: &VerifierKey, request: &Request) -> Result<Self, BadAnswer> {
        if bytes.len() > ANSWER_BYTES_MAX {
            return Err(BadAnswer::Form);
        }
        let (note, exhibit) = split(bytes).ok_or(BadAnswer::Form)?;
        let parsed = Note::parse(note).map_err(|_| BadAnswer::Form)?;
        let single = parsed.signatures().len() == 1 && parsed.unknown_lines().is_empty();
        if !single || parsed.to_text().as_bytes() != note {
            return Err(BadAnswer::Form);
        }
        key.verify(&parsed).map_err(|_| BadAnswer::Signature)?;
        let answer = Self::parse(parsed.text(), exhibit)?;
        let is_ours = answer.host == *key.name()
            && answer.nonce == request.nonce
            && answer.service == request.service
            && answer.client == request.client;
        if is_ours { Ok(answer) } else { Err(BadAnswer::OtherRequest) }
    }

    pub(crate) fn parse(text: &str, exhibit: &[u8]) -> Result<Self, BadAnswer> {
        let mut lines = Lines::new(text, ANSWERS).map_err(BadAnswer::Text)?;
        let mut read = || {
            Ok(Self {
                host: lines.value("host", |text| text.parse().ok())?,
                nonce: lines.value("nonce", octets)?,
                at: lines.value("at", |text| text.parse().ok())?,
                service: lines.value("service", service)?,
                client: lines.value("client", client)?,
                peer: lines.value("peer", |text| match text {
                    "-" => Some(None),
                    _ => text.parse().ok().map(Some),
                })?,
                saw: lines.value("seen", |text| saw(text, exhibit))?,
            })
        };
        let answer = read().map_err(BadAnswer::Text)?;
        if answer.text() == text {
            return Ok(answer);
        }
        Err(match answer.saw {
            // All else was read, and so the digest is another one.
            Saw::Handshake { .. } => BadAnswer::Exhibit,
            _ => BadAnswer::Text(BadLine(ANSWERS)),
        })
    }
}

/// `LENGTH\nNOTE` and what follows it.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().take(8).position(|byte| *byte == b'\n')?;
    let digits = str::from_utf8(&bytes[..end]).ok()?;
    let length: usize = digits.parse().ok()?;
    let canonical = length.to_string() == digits && length <= NOTE_BYTES_MAX;
    canonical.then_some(())?;
    bytes[end + 1..].split_at_checked(length)
}

fn saw(text: &str, exhibit: &[u8]) -> Option<Saw> {
    let (kind, rest) = text.split_once(' ').unwrap_or((text, ""));
    let saw = match kind {
        // Held against the digest when the whole text is.
        "handshake" => return Some(Saw::Handshake { exhibit: exhibit.to_vec() }),
        "unproved" => Saw::Unproved,
        "no-tls" => Saw::NoTls(Early::ALL.into_iter().find(|early| early.as_str() == rest)?),
        "unreachable" => Saw::Unreachable(rest.to_owned()),
        "nothing" => Saw::Nothing(rest.to_owned()),
        _ => return None,
    };
    exhibit.is_empty().then_some(saw)
}

/// The lines of a text, one after the other.
struct Lines<'a>(std::str::Lines<'a>);

impl<'a> Lines<'a> {
    fn new(text: &'a str, first: &'static str) -> Result<Self, BadLine> {
        let mut lines = text.lines();
        if lines.next() == Some(first) { Ok(Self(lines)) } else { Err(BadLine(first)) }
    }

    fn value<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, BadLine> {
        let value = self.0.next().and_then(|line| line.strip_prefix(key)?.strip_prefix(' '));
        value.and_then(read).ok_or(BadLine(key))
    }
}

fn service_text(service: &Service) -> String {
    let Service { domain, protocol, opening, port } = service;
    format!("{domain} {protocol} {} {port}", opening.as_str())
}

fn service(text: &str) -> Option<Service> {
    let mut words = text.split(' ');
    let domain = words.next().filter(|domain| is_name(domain))?.to_owned();
    let protocol: Protocol = words.next()?.parse().ok()?;
    let opening = match words.next()? {
        "direct" => Opening::Direct,
        "starttls" => Opening::StartTls,
        _ => return None,
    };
    let port = words.next()?.parse().ok().filter(|port| *port != 0)?;
    words.next().is_none().then_some(Service { domain, protocol, opening, port })
}

/// A name of DNS in lower case; neither an address nor anything that means something elsewhere.
fn is_name(text: &str) -> bool {
    let fits = (1..=253).contains(&text.len());
    fits && text.split('.').all(|label| {
        let octets = label.bytes().all(|byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)
        });
        (1..=63).contains(&label.len()) && octets
    }) && text.parse::<std::net::IpAddr>().is_err()
}

fn client(text: &str) -> Option<String> {
    let fits = (1..=64).contains(&text.len());
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    (fits && plain).then(|| text.to_owned())
}

/// One line of bounded length.
fn sentence(text: &str) -> String {
    countersign_judge::plain::bounded(text, WHY_CHARACTERS_MAX).into_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn octets<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(digit) {
        return None;
    }
    let mut octets = [0; N];
    for (octet, digits) in octets.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        *octet = u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(octets)
}

/// The first lines. No other signed text begins like that, so that a signature is never good for two things.
const ASKS: &str = "countersign.look/v1";
const ANSWERS: &str = "countersign.looked/v1";
