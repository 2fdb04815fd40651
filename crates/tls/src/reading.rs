//! Follows a handshake through a recording: the hellos here, the rest by the version that they agree on.

mod tls12;
mod tls13;

use std::ops::Range;

use crate::alert::{Alert, Side};
use crate::flaw::Flaw;
use crate::handshake::{End, Handshake, Shown};
use crate::hello::ServerHello;
use crate::key_log::KeyLog;
use crate::message::{Message, Messages};
use crate::names::{TLS12, TLS13};
use crate::record::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, HANDSHAKE, Record, Records};
use crate::recording::Recording;
use crate::transcript;

/// What was read of both directions of a connection.
pub(crate) struct Read {
    pub(crate) shown: Handshake,
    /// Which bytes of the client it came from.
    pub(crate) sent: Range<usize>,
    /// Which bytes of the server it came from.
    pub(crate) received: Range<usize>,
}

/// Reads both directions of a connection.
pub(crate) fn read(recording: &Recording, key_log: &KeyLog) -> Read {
    let (sent, received) = (recording.sent.bytes(), recording.received.bytes());
    let mut shown = Handshake::nothing(End::NoClientHello);
    let Some((records, client)) = Records::of_client(sent) else {
        return Read { shown, sent: 0..0, received: 0..0 };
    };
    shown.end = End::NoServerHello;
    let mut read = (records.at()..records.at(), 0..0);
    let heard = recording.heard_before(records.at());
    let server = Records::of_server(received, &client, heard);
    let client_side = ClientSide::read(records, client.random);
    shown.client = Some(client);
    if let Some(records) = server {
        read.1 = records.at()..records.at();
        let mut server = Clear::new(records);
        shown.end = match follow(&mut shown, &client_side, &mut server, key_log) {
            Ok(()) => End::Whole,
            Err(end) => end,
        };
        read.1.end = server.records.at();
        if shown.end == End::Whole && shown.version != Some(TLS13) {
            server.listen();
        }
        // Alerts that were sent instead of the rest; those that were opened are there already.
        shown.alerts.splice(0..0, server.alerts);
        shown.chain = match (shown.chain, shown.end) {
            // The server says by its version and suite that there are certificates.
            (Shown::None, End::Sealed(why)) => Shown::Hidden { why },
            (chain, _) => chain,
        };
    }
    let hellos = if shown.retried { HELLOS_MAX } else { 1 };
    read.0.end = client_side.ends.iter().take(hellos).next_back().copied().unwrap_or(read.0.end);
    shown.alerts.extend(client_side.alerts(shown.suite, key_log));
    Read { shown, sent: read.0, received: read.1 }
}

/// From the ServerHello on.
fn follow(
    shown: &mut Handshake,
    client: &ClientSide<'_>,
    server: &mut Clear<'_>,
    key_log: &KeyLog,
) -> Result<(), End> {
    let mut hellos = vec![client.hellos[0].clone()];
    let message = server.message()?;
    let mut hello = server_hello(&message)?;
    take(shown, &hello);
    hellos.push(message);
    if hello.is_retry() {
        shown.retried = true;
        // RFC 8446 §4.1.4: the second ClientHello is the answer to it.
        let message = server.message()?;
        hellos.push(client.hellos.get(1).cloned().ok_or(End::Cut)?);
        hello = server_hello(&message)?;
        take(shown, &hello);
        hellos.push(message);
        if hello.is_retry() {
            return Err(End::Broken(Flaw::Unexpected(Message::SERVER_HELLO)));
        }
    }
    match hello.negotiated() {
        TLS13 => {
            if !server.is_between_messages() {
                return Err(End::Broken(Flaw::AcrossKeys));
            }
            shown.hellos_sha256 = transcript::of_tls13(&hellos, &hello);
            if hello.resumes() {
                shown.chain = Shown::Resumed;
            }
            tls13::follow(shown, client, server, &hellos, key_log)
        }
        0x0300..=TLS12 if !shown.retried => tls12::follow(shown, client, server, &hellos, &hello),
        other => Err(End::Broken(Flaw::Version(other))),
    }
}

fn server_hello(message: &Message) -> Result<ServerHello, End> {
    if message.kind() != Message::SERVER_HELLO {
        return Err(End::Broken(Flaw::Unexpected(message.kind())));
    }
    ServerHello::parse(message.body()).map_err(|_| End::Broken(Flaw::Malformed(message.kind())))
}

/// Takes over what a ServerHello says.
fn take(shown: &mut Handshake, hello: &ServerHello) {
    shown.version = Some(hello.negotiated());
    shown.suite = Some(hello.suite);
    shown.group = hello.key_share_group();
    shown.alpn = hello.alpn().map(escaped);
    shown.server = Some(hello.clone());
}

/// A foreign text as ASCII, each other octet escaped: two texts never look the same.
fn escaped(text: &[u8]) -> String {
    text.escape_ascii().to_string()
}

/// What the server says before anything is encrypted.
#[derive(Debug)]
struct Clear<'a> {
    records: Records<'a>,
    messages: Messages,
    alerts: Vec<Alert>,
}

/// What comes next.
enum Said<'a> {
    Message(Message),
    ChangeCipherSpec,
    Sealed(Record<'a>),
}

impl<'a> Clear<'a> {
    fn new(records: Records<'a>) -> Self {
        Self { records, messages: Messages::default(), alerts: Vec::new() }
    }

    /// The next message; what keeps middleboxes quiet is stepped over (RFC 8446 §D.4).
    fn message(&mut self) -> Result<Message, End> {
        loop {
            match self.next()? {
                Said::Message(message) => return Ok(message),
                Said::ChangeCipherSpec => {}
                Said::Sealed(record) => return Err(End::Broken(Flaw::Record(record.kind))),
            }
        }
    }

    fn next(&mut self) -> Result<Said<'a>, End> {
        loop {
            if let Some(message) = self.messages.next().map_err(End::Broken)? {
                return Ok(Said::Message(message));
            }
            let Some(record) = self.records.next().map_err(End::Broken)? else {
                let refused = self.alerts.iter().any(Alert::ends);
                return Err(if refused { End::Refused } else { End::Cut });
            };
            match record.kind {
                HANDSHAKE => self.messages.push(record.payload),
                CHANGE_CIPHER_SPEC => return Ok(Said::ChangeCipherSpec),
                ALERT => match Alert::read(self.records.from(), record.payload) {
                    Some(alert) if self.alerts.len() < ALERTS_MAX => self.alerts.push(alert),
                    Some(_) | None => return Err(End::Broken(Flaw::Record(ALERT))),
                },
                APPLICATION_DATA => return Ok(Said::Sealed(record)),
                other => return Err(End::Broken(Flaw::Record(other))),
            }
        }
    }

    /// Goes on until it is encrypted: a server can still refuse what the client answers.
    fn listen(&mut self) {
        while let Ok(Said::Message(_)) = self.next() {}
    }

    fn is_between_messages(&self) -> bool {
        self.messages.is_empty()
    }
}

/// What the client says: hellos and alerts in clear text, and records that are encrypted.
#[derive(Debug)]
struct ClientSide<'a> {
    random: [u8; 32],
    /// The ClientHello, and a second one if there is any.
    hellos: Vec<Message>,
    /// Where the record ends that ends each of them.
    ends: Vec<usize>,
    alerts: Vec<Alert>,
    sealed: Vec<Record<'a>>,
}

impl<'a> ClientSide<'a> {
    fn read(mut records: Records<'a>, random: [u8; 32]) -> Self {
        let mut messages = Messages::default();
        let mut side = Self {
            random,
            hellos: Vec::new(),
            ends: Vec::new(),
            alerts: Vec::new(),
            sealed: Vec::new(),
        };
        // What is no record any more ends it: only hellos and alerts are of interest.
        while let Ok(Some(record)) = records.next() {
            match record.kind {
                HANDSHAKE if side.hellos.len() < HELLOS_MAX => {
                    messages.push(record.payload);
                    while let Ok(Some(message)) = messages.next() {
                        let hello = message.kind() == Message::CLIENT_HELLO;
                        if hello && side.hellos.len() < HELLOS_MAX {
                            side.hellos.push(message);
                            side.ends.push(records.at());
                        }
                    }
                }
                ALERT if side.alerts.len() < ALERTS_MAX => {
                    side.alerts.extend(Alert::read(Side::Client, record.payload));
                }
                APPLICATION_DATA if side.sealed.len() < SEALED_MAX => side.sealed.push(record),
                _ => {}
            }
        }
        side
    }

    /// Those in clear text, and those that the key log opens.
    fn alerts(mut self, suite: Option<u16>, key_log: &KeyLog) -> Vec<Alert> {
        let opened = suite.map(|suite| tls13::client_alerts(&self, suite, key_log));
        self.alerts.extend(opened.unwrap_or_default());
        self.alerts
    }
}

/// A ClientHello, and one more after a HelloRetryRequest (RFC 8446 §4.1.4).
const HELLOS_MAX: usize = 2;

/// One fatal alert ends a connection; real servers send a warning or two before.
const ALERTS_MAX: usize = 8;

/// A client's part of a handshake has less than ten, with a certificate of its own and early data.
const SEALED_MAX: usize = 32;
