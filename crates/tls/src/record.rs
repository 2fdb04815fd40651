//! TLS records (RFC 8446 §5.1), and where in a connection they begin: whatever stands before TLS is stepped over.

use crate::alert::{Alert, Side};
use crate::flaw::Flaw;
use crate::hello::{ClientHello, ServerHello};
use crate::message::{Message, Messages};
use crate::names::TLS13;

/// One record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) kind: u8,
    pub(crate) header: &'a [u8; HEADER_BYTES],
    pub(crate) payload: &'a [u8],
}

/// The records of one direction.
#[derive(Clone, Debug)]
pub(crate) struct Records<'a> {
    from: Side,
    bytes: &'a [u8],
    /// Where the next one begins.
    at: usize,
}

pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
pub(crate) const ALERT: u8 = 21;
pub(crate) const HANDSHAKE: u8 = 22;
pub(crate) const APPLICATION_DATA: u8 = 23;

impl<'a> Records<'a> {
    /// The records from the client's ClientHello on, and the hello.
    pub(crate) fn of_client(bytes: &'a [u8]) -> Option<(Self, ClientHello)> {
        candidates(Side::Client, bytes, 0, CLIENT_HELLO).find_map(|(records, message)| {
            let hello = ClientHello::parse(message.body()).ok()?;
            (hello.version >> 8 == 3 && !hello.suites.is_empty()).then_some((records, hello))
        })
    }

    /// The records from the server's ServerHello on, or else from an alert on. `heard` is how much it had said before the
    /// client's hello, if that is known: there TLS begins. If not, what stands before TLS can be made to look like a
    /// ServerHello, but hardly like one that fits the ClientHello, which comes after it: that one is preferred.
    pub(crate) fn of_server(
        bytes: &'a [u8],
        client: &ClientHello,
        heard: Option<usize>,
    ) -> Option<Self> {
        let parsed = |(records, message): (Self, Message)| {
            let hello = ServerHello::parse(message.body()).ok()?;
            (hello.version >> 8 == 3).then_some((records, hello))
        };
        let from = heard.unwrap_or(0);
        let mut hellos =
            candidates(Side::Server, bytes, from, SERVER_HELLO).filter_map(parsed).peekable();
        let first = hellos.peek().cloned();
        let fits = |(records, hello): &(Self, ServerHello)| {
            let echoes = hello.negotiated() != TLS13 || hello.session_id == client.session_id;
            let offered = client.suites.contains(&hello.suite)
                && client.versions().contains(&hello.negotiated());
            heard == Some(records.at) || (echoes && offered)
        };
        let hello = hellos.find(fits).or(first).map(|(records, _)| records);
        match hello {
            Some(hello) if heard.is_none_or(|heard| heard == hello.at) => Some(hello),
            hello => {
                let alert = alert(bytes, from);
                let at_once = alert.as_ref().is_some_and(|alert| heard == Some(alert.at));
                if at_once { alert } else { hello.or(alert) }
            }
        }
    }

    /// The next record. None where the recording ends, in a record or behind one.
    pub(crate) fn next(&mut self) -> Result<Option<Record<'a>>, Flaw> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some((header, rest)) = rest.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(None);
        };
        let [kind, major, _, high, low] = *header;
        let length = usize::from(u16::from_be_bytes([high, low]));
        let known = (CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&kind);
        if !known || major != 3 || length > PAYLOAD_BYTES_MAX {
            return Err(Flaw::NotARecord(self.from));
        }
        let Some(payload) = rest.get(..length) else { return Ok(None) };
        self.at += HEADER_BYTES + length;
        Ok(Some(Record { kind, header, payload }))
    }

    /// Where the next record begins in the recording.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    pub(crate) fn from(&self) -> Side {
        self.from
    }
}

/// Where a message of this kind begins a record and is there as a whole.
fn candidates(
    from: Side,
    bytes: &[u8],
    start: usize,
    kind: u8,
) -> impl Iterator<Item = (Records<'_>, Message)> {
    let starts = bytes.windows(HEADER_BYTES + 4).enumerate().skip(start);
    let starts = starts.filter_map(move |(at, window)| {
        let [22, 3, minor, high, low, message, 0, ..] = *window else { return None };
        let length = u16::from_be_bytes([high, low]);
        (minor <= 4 && length >= 4 && message == kind).then_some(at)
    });
    starts.take(CANDIDATES_MAX).filter_map(move |at| {
        let start = Records { from, bytes, at };
        let (mut records, mut messages) = (start.clone(), Messages::default());
        loop {
            if let Some(message) = messages.next().ok()? {
                return Some((start, message));
            }
            let record = records.next().ok()??;
            if record.kind != HANDSHAKE {
                return None;
            }
            messages.push(record.payload);
        }
    })
}

/// Where an alert stands that nothing but records follows.
fn alert(bytes: &[u8], start: usize) -> Option<Records<'_>> {
    let starts = bytes.windows(HEADER_BYTES + 2).enumerate().skip(start);
    let starts = starts.filter(|(_, window)| {
        window[0] == ALERT
            && window[1] == 3
            && window[3..5] == [0, 2]
            && Alert::read(Side::Server, &window[5..]).is_some()
    });
    starts.take(CANDIDATES_MAX).find_map(|(at, _)| {
        let start = Records { from: Side::Server, bytes, at };
        let mut records = start.clone();
        while records.next().ok()?.is_some() {}
        Some(start)
    })
}

const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

const HEADER_BYTES: usize = 5;

/// 2^14, and what encryption adds (RFC 5246 §6.2.3).
const PAYLOAD_BYTES_MAX: usize = (1 << 14) + 2048;

/// The last type of record (RFC 6520).
const HEARTBEAT: u8 = 24;

/// Where so many places before TLS look like its start, somebody has made them to; each costs time.
const CANDIDATES_MAX: usize = 64;

#[cfg(test)]
mod tests;
