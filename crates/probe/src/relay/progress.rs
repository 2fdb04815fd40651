//! How far a handshake is, as far as the headers of its records tell (RFC 8446 §5.1, RFC 5246 §6.2): without a key, and
//! without knowing what was said before it.

/// What could be seen of one connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    client: Records,
    server: Records,
    is_through: bool,
    answer: Option<Answer>,
}

/// What the client did when it had seen the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It finished the handshake: it trusts the certificate, or does not care.
    Finished,
    /// It sent an alert.
    Alert,
}

impl Progress {
    /// Takes what the client sent.
    pub fn sent(&mut self, bytes: &[u8]) {
        let Self { client, server, answer, .. } = self;
        client.feed(CLIENT_HELLO, bytes, |record, is_changed| {
            if answer.is_some() || !server.is_found() {
                return;
            }
            *answer = match record.content {
                ALERT => Some(Answer::Alert),
                APPLICATION_DATA if record.len == SEALED_ALERT_BYTES => Some(Answer::Alert),
                APPLICATION_DATA => Some(Answer::Finished),
                HANDSHAKE if is_changed && record.len <= FINISHED_BYTES_MAX => {
                    Some(Answer::Finished)
                }
                _ => None,
            };
        });
        self.conclude();
    }

    /// Takes what the server sent.
    pub fn received(&mut self, bytes: &[u8]) {
        if self.client.is_found() {
            self.server.feed(SERVER_HELLO, bytes, |_, _| ());
        }
        self.conclude();
    }

    /// Whether the client has sent a hello.
    pub fn has_client_hello(&self) -> bool {
        self.client.is_found()
    }

    /// Whether the server has answered with one.
    pub fn has_server_hello(&self) -> bool {
        self.server.is_found()
    }

    /// Whether all that shows who the server is has been sent: the client has answered it, and in TLS 1.2 the server has
    /// finished, too.
    pub fn is_through(&self) -> bool {
        self.is_through
    }

    /// What the client made of the server's certificate, once it has answered.
    pub fn answer(&self) -> Option<Answer> {
        self.answer
    }

    fn conclude(&mut self) {
        // In TLS 1.3 the client's answer comes last, and is sealed; so is it in 1.2 if it is data.
        let is_last = self.client.is_sealed || self.answer == Some(Answer::Alert);
        let both_finished = self.client.has_finished && self.server.has_finished;
        self.is_through |= self.answer.is_some() && (is_last || both_finished);
    }
}

/// The records of one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Records {
    at: At,
    /// The sender has changed its cipher, or says so for the sake of middleboxes (RFC 8446 §D.4).
    is_changed: bool,
    /// There was a record of data: in TLS 1.3 all that is sealed look so.
    is_sealed: bool,
    /// A message too short for a hello came after the change of cipher: in TLS 1.2 that is the end of the handshake.
    has_finished: bool,
}

/// Where in the stream the next byte is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    /// Before the first hello, with the last bytes that were seen.
    Before([u8; HELLO_HEAD_BYTES]),
    /// In the header of a record, with what there is of it.
    Header(u8, [u8; HEADER_BYTES]),
    /// In the body of a record of which so many bytes are to come.
    Body(u16),
    /// After something that is no record.
    Lost,
}

impl Default for At {
    fn default() -> Self {
        Self::Before([0; HELLO_HEAD_BYTES])
    }
}

#[derive(Clone, Copy)]
struct Header {
    content: u8,
    len: u16,
}

impl Records {
    fn is_found(&self) -> bool {
        !matches!(self.at, At::Before(_))
    }

    /// Tells of each record after the hello, when its header is there, and whether the cipher was changed before.
    fn feed(&mut self, hello: u8, bytes: &[u8], mut each: impl FnMut(Header, bool)) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match &mut self.at {
                At::Before(last) => {
                    last.rotate_left(1);
                    last[HELLO_HEAD_BYTES - 1] = byte;
                    rest = after;
                    if let Some(left) = hello_begins(last, hello) {
                        self.at = At::Body(left);
                    }
                }
                At::Header(count, header) => {
                    header[usize::from(*count)] = byte;
                    *count += 1;
                    rest = after;
                    if usize::from(*count) < HEADER_BYTES {
                        continue;
                    }
                    let [content, _, _, high, low] = *header;
                    let record = Header { content, len: u16::from_be_bytes([high, low]) };
                    if !(CHANGE_CIPHER_SPEC..=HEARTBEAT).contains(&content)
                        || record.len > RECORD_BYTES_MAX
                    {
                        self.at = At::Lost;
                        return;
                    }
                    each(record, self.is_changed);
                    self.note(record);
                    self.at = At::Body(record.len);
                }
                At::Body(left) => {
                    let passed = usize::from(*left).min(rest.len());
                    rest = &rest[passed..];
                    *left -= u16::try_from(passed).expect("no more than were left, a u16");
                    if *left == 0 {
                        self.at = At::Header(0, [0; HEADER_BYTES]);
                    }
                }
                At::Lost => return,
            }
            if let At::Body(0) = self.at {
                self.at = At::Header(0, [0; HEADER_BYTES]);
            }
        }
    }

    fn note(&mut self, record: Header) {
        match record.content {
            CHANGE_CIPHER_SPEC => self.is_changed = true,
            APPLICATION_DATA => self.is_sealed = true,
            HANDSHAKE if self.is_changed && record.len <= FINISHED_BYTES_MAX => {
                self.has_finished = true;
            }
            _ => {}
        }
    }
}

/// If these are the first bytes of a record with this kind of hello, how many of the record are to come.
fn hello_begins(head: &[u8; HELLO_HEAD_BYTES], hello: u8) -> Option<u16> {
    let [HANDSHAKE, 3, 0..=4, high, low, kind] = *head else { return None };
    let len = u16::from_be_bytes([high, low]);
    (kind == hello && (HELLO_BYTES_MIN..=RECORD_BYTES_MAX).contains(&len)).then(|| len - 1)
}

const HEADER_BYTES: usize = 5;
/// The header of a record, and the kind of the message in it.
const HELLO_HEAD_BYTES: usize = HEADER_BYTES + 1;

const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;
const HEARTBEAT: u8 = 24;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

/// What a record of TLS 1.2 may have; in 1.3 they are shorter.
const RECORD_BYTES_MAX: u16 = (1 << 14) + (2 << 10);
/// Version, random, and one byte each for three lengths, with the four of the message's header.
const HELLO_BYTES_MIN: u16 = 41;
/// Two bytes of alert, one of content type, 16 of tag: no other message of a client's handshake is as short.
const SEALED_ALERT_BYTES: u16 = 19;
/// The Finished of TLS 1.2 sealed with AES-CBC and SHA-384 has 96. A hello after a HelloRetryRequest, which comes after
/// the (empty) change of cipher as well, has more than 120.
const FINISHED_BYTES_MAX: u16 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    /// A record, its body filled with one byte.
    fn record(content: u8, len: u16, fill: u8) -> Vec<u8> {
        let [high, low] = len.to_be_bytes();
        let mut bytes = vec![content, 3, 3, high, low];
        bytes.resize(HEADER_BYTES + usize::from(len), fill);
        bytes
    }

    enum Said {
        Client(Vec<u8>),
        Server(Vec<u8>),
    }
    use Said::{Client, Server};

    /// Whether it is through after each step, and what the client answered; however the bytes are cut.
    fn check(said: &[Said], through: &[bool], answer: Option<Answer>) {
        for cut in [1, 3, 7, usize::MAX] {
            let mut progress = Progress::default();
            let mut seen = Vec::new();
            for said in said {
                match said {
                    Client(bytes) => bytes.chunks(cut).for_each(|bytes| progress.sent(bytes)),
                    Server(bytes) => bytes.chunks(cut).for_each(|bytes| progress.received(bytes)),
                }
                seen.push(progress.is_through());
            }
            assert_eq!((&seen[..], progress.answer()), (through, answer), "cut to {cut}");
        }
    }

    fn hellos() -> [Said; 2] {
        [Client(record(HANDSHAKE, 300, CLIENT_HELLO)), Server(record(HANDSHAKE, 122, SERVER_HELLO))]
    }

    #[test]
    fn a_handshake_of_tls13_ends_with_the_clients_answer() {
        let flight = [record(CHANGE_CIPHER_SPEC, 1, 1), record(APPLICATION_DATA, 900, 0)].concat();
        for (len, answer) in [(53, Answer::Finished), (69, Answer::Finished), (19, Answer::Alert)] {
            let [client, server] = hellos();
            let last = [record(CHANGE_CIPHER_SPEC, 1, 1), record(APPLICATION_DATA, len, 0)];
            let said = [
                Client(b"<starttls/>".to_vec()),
                Server(b"<proceed/>".to_vec()),
                client,
                server,
                Server(flight.clone()),
                Client(last.concat()),
            ];
            check(&said, &[false, false, false, false, false, true], Some(answer));
        }
    }

    #[test]
    fn a_second_hello_is_no_answer() {
        let [client, server] = hellos();
        let change = record(CHANGE_CIPHER_SPEC, 1, 1);
        let again = [change.clone(), record(HANDSHAKE, 300, CLIENT_HELLO)].concat();
        let hello = [change, record(HANDSHAKE, 122, SERVER_HELLO)].concat();
        let last = record(APPLICATION_DATA, 53, 0);
        let said = [client, server, Client(again), Server(hello), Client(last)];
        check(&said, &[false, false, false, false, true], Some(Answer::Finished));
    }

    #[test]
    fn a_handshake_of_tls12_ends_when_both_have_finished() {
        let [client, server] = hellos();
        let keys =
            [record(HANDSHAKE, 37, 16), record(CHANGE_CIPHER_SPEC, 1, 1), record(HANDSHAKE, 40, 0)];
        let last = [record(CHANGE_CIPHER_SPEC, 1, 1), record(HANDSHAKE, 40, 0)];
        let said = [
            client,
            server,
            Server(record(HANDSHAKE, 900, 11)),
            Client(keys.concat()),
            Server(last.concat()),
        ];
        check(&said, &[false, false, false, false, true], Some(Answer::Finished));

        let [client, server] = hellos();
        let refused = [client, server, Client(record(ALERT, 2, 2))];
        check(&refused, &[false, false, true], Some(Answer::Alert));
    }

    #[test]
    fn what_is_no_record_is_not_followed() {
        let [client, server] = hellos();
        let said = [client, server, Client(b"GET / HTTP/1.1\r\n\r\n".repeat(99))];
        check(&said, &[false; 3], None);
        let early = [Server(record(HANDSHAKE, 122, SERVER_HELLO))];
        check(&early, &[false], None);
    }
}
