//! The handshakes under way, each over a stream in memory: frames in, frames out.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem;

use openssl::error::ErrorStack;
use openssl::ssl::{ErrorCode, Ssl, SslContext, SslStream, SslVersion};

use crate::configuration::{Configuration, KeyLog, KeyLogIndex};
use crate::frame::{Body, Frame, Open, PAYLOAD_BYTES_MAX};
use crate::memory::Memory;

/// Every handshake that was begun and has not ended.
pub(crate) struct Handshakes {
    contexts: Vec<(Configuration, SslContext)>,
    key_logs: KeyLogIndex,
    under_way: HashMap<u32, Handshake>,
}

struct Handshake {
    stream: SslStream<Memory>,
    key_log: KeyLog,
}

/// The owner talked of a connection as it may not.
#[derive(Debug, thiserror::Error)]
#[error("a frame that does not fit connection {connection}")]
pub(crate) struct OutOfTurn {
    connection: u32,
}

/// Twice what an owner has under way. Each takes some 50 KiB, most of it the buffers of OpenSSL.
const HANDSHAKES_MAX: usize = 4096;
/// An error queue of OpenSSL can quote what a peer sent.
const WHY_CHARS_MAX: usize = 300;

impl Handshakes {
    /// None yet.
    pub(crate) fn new() -> Result<Self, ErrorStack> {
        let key_logs = Ssl::new_ex_index()?;
        Ok(Self { contexts: Vec::new(), key_logs, under_way: HashMap::new() })
    }

    /// Takes a frame, and puts what it led to behind `out`.
    pub(crate) fn take(&mut self, frame: Frame, out: &mut Vec<u8>) -> Result<(), OutOfTurn> {
        let connection = frame.connection;
        let out_of_turn = OutOfTurn { connection };
        match frame.body {
            Body::Open(open) => self.open(connection, &open, out).ok_or(out_of_turn),
            Body::FromPeer(bytes) => {
                // It may have ended while these were on their way.
                let Some(handshake) = self.under_way.get_mut(&connection) else { return Ok(()) };
                match bytes.is_empty() {
                    true => handshake.stream.get_mut().close(),
                    false => handshake.stream.get_mut().push(&bytes),
                }
                if handshake.go_on(connection, out) == Going::Ended {
                    self.under_way.remove(&connection);
                }
                Ok(())
            }
            Body::Close => {
                self.under_way.remove(&connection);
                Ok(())
            }
            Body::ToPeer(_)
            | Body::KeyLog(_)
            | Body::Done { .. }
            | Body::Failed(_)
            | Body::Refused(_) => Err(out_of_turn),
        }
    }

    fn open(&mut self, connection: u32, open: &Open, out: &mut Vec<u8>) -> Option<()> {
        if self.under_way.len() == HANDSHAKES_MAX {
            say(connection, Body::Refused("too many handshakes are under way".to_owned()), out);
            return Some(());
        }
        let begun = self.begin(open);
        let Entry::Vacant(place) = self.under_way.entry(connection) else { return None };
        match begun {
            Ok(mut handshake) => {
                if handshake.go_on(connection, out) == Going::On {
                    place.insert(handshake);
                }
            }
            Err(why) => {
                say(connection, Body::Refused(why.chars().take(WHY_CHARS_MAX).collect()), out)
            }
        }
        Some(())
    }

    fn begin(&mut self, open: &Open) -> Result<Handshake, String> {
        let configuration = Configuration::named(&open.configuration)
            .ok_or_else(|| format!("there is no configuration {}", open.configuration))?;
        if open.server_name.contains('\0') {
            return Err("a server name with a zero byte".to_owned());
        }
        let context = self.context(configuration).map_err(|why| why.to_string())?;
        let mut ssl = Ssl::new(context).map_err(|why| why.to_string())?;
        let key_log = KeyLog::default();
        ssl.set_ex_data(self.key_logs, KeyLog::clone(&key_log));
        set(&mut ssl, open).map_err(|why| why.to_string())?;
        let stream = SslStream::new(ssl, Memory::default()).map_err(|why| why.to_string())?;
        Ok(Handshake { stream, key_log })
    }

    fn context(&mut self, configuration: Configuration) -> Result<&SslContext, ErrorStack> {
        let known = self.contexts.iter().position(|(known, _)| *known == configuration);
        let at = match known {
            Some(at) => at,
            None => {
                self.contexts.push((configuration, configuration.context(self.key_logs)?));
                self.contexts.len() - 1
            }
        };
        Ok(&self.contexts[at].1)
    }
}

fn set(ssl: &mut Ssl, open: &Open) -> Result<(), ErrorStack> {
    let (lowest, highest) = open.versions;
    // None would be the lowest and the highest that there is, whatever the configuration says.
    if let Some(lowest) = version(lowest) {
        ssl.set_min_proto_version(Some(lowest))?;
    }
    if let Some(highest) = version(highest) {
        ssl.set_max_proto_version(Some(highest))?;
    }
    if !open.server_name.is_empty() {
        ssl.set_hostname(&open.server_name)?;
    }
    if !open.alpn.is_empty() {
        let mut list = Vec::new();
        for protocol in &open.alpn {
            list.push(u8::try_from(protocol.len()).expect("a frame gives the length in a byte"));
            list.extend_from_slice(protocol.as_bytes());
        }
        ssl.set_alpn_protos(&list)?;
    }
    Ok(())
}

/// The version of this number; none is left to the configuration.
fn version(number: u16) -> Option<SslVersion> {
    match number {
        0x0301 => Some(SslVersion::TLS1),
        0x0302 => Some(SslVersion::TLS1_1),
        0x0303 => Some(SslVersion::TLS1_2),
        0x0304 => Some(SslVersion::TLS1_3),
        _ => None,
    }
}

#[derive(PartialEq, Eq)]
enum Going {
    On,
    Ended,
}

impl Handshake {
    /// Goes as far as the bytes lead that have come.
    fn go_on(&mut self, connection: u32, out: &mut Vec<u8>) -> Going {
        let outcome = self.stream.connect();
        let end = match &outcome {
            Ok(()) => Some(self.done()),
            Err(error) if matches!(error.code(), ErrorCode::WANT_READ | ErrorCode::WANT_WRITE) => {
                None
            }
            Err(_) if self.stream.get_ref().has_ended() => {
                Some(Body::Failed("the peer closed the connection".to_owned()))
            }
            Err(error) => {
                Some(Body::Failed(error.to_string().chars().take(WHY_CHARS_MAX).collect()))
            }
        };
        if outcome.is_ok() {
            // Says goodbye as clients do. A peer that does not care for it has all the same said what it had to say.
            let _ = self.stream.shutdown();
        }
        for line in mem::take(&mut *self.key_log.lock().expect("nobody panics with it")) {
            say(connection, Body::KeyLog(line), out);
        }
        // Before the end: a peer that is to finish needs them.
        for bytes in self.stream.get_mut().take().chunks(PAYLOAD_BYTES_MAX) {
            say(connection, Body::ToPeer(bytes.to_vec()), out);
        }
        match end {
            Some(end) => {
                say(connection, end, out);
                Going::Ended
            }
            None => Going::On,
        }
    }

    fn done(&self) -> Body {
        let ssl = self.stream.ssl();
        let version = match ssl.version2() {
            Some(SslVersion::TLS1) => 0x0301,
            Some(SslVersion::TLS1_1) => 0x0302,
            Some(SslVersion::TLS1_2) => 0x0303,
            Some(SslVersion::TLS1_3) => 0x0304,
            _ => 0,
        };
        let suite =
            ssl.current_cipher().map_or(0, |cipher| u16::from_be_bytes(cipher.protocol_id()));
        let alpn = ssl.selected_alpn_protocol().unwrap_or_default().to_vec();
        Body::Done { version, suite, alpn }
    }
}

fn say(connection: u32, body: Body, out: &mut Vec<u8>) {
    Frame { connection, body }.write(out);
}
