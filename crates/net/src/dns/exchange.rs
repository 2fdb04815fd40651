//! One question to one server: datagrams as long as they do, else a connection.
//!
//! ```text
//!   datagram ──answer──────────────────────────────> done
//!    │  │ ^
//!    │  │ └── it does not bear EDNS; it wants its new cookie; silence: once more
//!    │  └──── silence to the end ──────────────────> timeout
//!    └── cut off, malformed, over-long, too many strays,
//!        or only something doubtful came ──> connection ──answer──> done
//! ```
//!
//! Something doubtful, a datagram with our ID that does not repeat the question to the letter, is not taken, and does
//! not end the wait: the right answer may still come. If it does not, the server may be one that changes the case of
//! letters, or somebody was lucky. Both are settled over TCP, with a name without capitals, into which nobody can
//! put an answer who does not see the connection.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use countersign_dns::{Message, Query};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::{Instant, timeout_at};

use super::asked::{Asked, Capitals, DATAGRAM_BYTES_MAX, Edns, Heard, Manner};
use super::{Dns, ExchangeError, Exchanged, Role, Transport, Way, random};
use crate::socks;

/// An exchange under way.
pub(super) struct Exchange<'a> {
    dns: &'a Dns,
    /// Who is asked.
    to: SocketAddr,
    /// Where that is; in the lab, somewhere else.
    address: SocketAddr,
    query: &'a Query,
    role: Role,
    edns: Edns,
    strays: usize,
    began: Instant,
    until: Instant,
}

/// An answer, and its bytes.
struct Answer {
    bytes: Vec<u8>,
    message: Message,
}

/// What came of one datagram.
enum Try {
    Answer(Box<Answer>),
    /// Nothing came that could be from the server.
    Silence,
    /// TCP has to settle it.
    Unsettled,
}

/// What a server does not like about a question.
enum Objection {
    Edns,
    Cookie,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(
        dns: &'a Dns,
        to: SocketAddr,
        address: SocketAddr,
        query: &'a Query,
        role: Role,
    ) -> Self {
        let began = Instant::now();
        let until = began + dns.patience().query;
        Self { dns, to, address, query, role, edns: Edns::With, strays: 0, began, until }
    }

    pub(super) async fn run(mut self) -> Result<Exchanged, ExchangeError> {
        let dns = self.dns;
        let over_udp = match &dns.0.way {
            Way::Direct => self.over_udp().await?,
            Way::Socks5 { .. } => None,
        };
        let (answer, transport) = match over_udp {
            Some(answer) => (answer, Transport::Udp),
            None => (self.over_tcp().await?, Transport::Tcp),
        };
        let Answer { bytes, message } = answer;
        Ok(Exchanged { bytes, message, transport, took: self.began.elapsed(), strays: self.strays })
    }

    /// The answer in a datagram; `None` if TCP has to settle it.
    async fn over_udp(&mut self) -> Result<Option<Answer>, ExchangeError> {
        let (mut silent, mut cookie_refused) = (0, false);
        while silent < self.dns.patience().datagrams {
            let answer = match self.datagram().await? {
                Try::Answer(answer) => *answer,
                Try::Unsettled => return Ok(None),
                Try::Silence => {
                    silent += 1;
                    continue;
                }
            };
            match self.objection(&answer.message) {
                // Without EDNS it cannot object to EDNS again.
                Some(Objection::Edns) => self.edns = Edns::Without,
                // RFC 7873 §5.3: once more with the cookie that came with it, then by TCP.
                Some(Objection::Cookie) if cookie_refused => return Ok(None),
                Some(Objection::Cookie) => cookie_refused = true,
                None if answer.message.flags.truncated => return Ok(None),
                None => return Ok(Some(answer)),
            }
        }
        Err(self.timeout())
    }

    /// Sends one datagram, from a port of its own, and listens.
    async fn datagram(&mut self) -> Result<Try, ExchangeError> {
        let socket = self.socket().await.map_err(|source| self.unreachable(source))?;
        let cookie = Some(self.dns.0.cookies.cookie(self.to));
        let manner =
            Manner { role: self.role, edns: self.edns, capitals: Capitals::Random, cookie };
        let asked = Asked::new(self.query, manner, random());
        let until = self.until.min(Instant::now() + self.dns.patience().datagram);
        socket.send(asked.wire()).await.map_err(|source| self.unreachable(source))?;
        let mut doubt = false;
        match timeout_at(until, self.listen(&socket, &asked, &mut doubt)).await {
            Ok(tried) => tried,
            Err(_) if doubt => Ok(Try::Unsettled),
            Err(_) => Ok(Try::Silence),
        }
    }

    /// Takes datagrams until one is the answer. `doubt` is set when something doubtful comes.
    async fn listen(
        &mut self,
        socket: &UdpSocket,
        asked: &Asked,
        doubt: &mut bool,
    ) -> Result<Try, ExchangeError> {
        // One octet more, to see what is over-long.
        let mut buffer = [0; DATAGRAM_BYTES_MAX + 1];
        loop {
            let received = socket.recv_from(&mut buffer).await;
            let (length, from) = received.map_err(|source| self.unreachable(source))?;
            let bytes = &buffer[..length];
            // The kernel drops what comes from elsewhere, since the socket is connected.
            match asked.judge_datagram(bytes) {
                _ if from != self.address => {}
                Heard::Stray => {}
                Heard::Doubtful => *doubt = true,
                Heard::Unusable(_) => return Ok(Try::Unsettled),
                Heard::Answer(message) => {
                    if let Some(cookie) = asked.returned(&message) {
                        self.dns.0.cookies.keep(self.to, cookie);
                    }
                    let bytes = bytes.to_vec();
                    return Ok(Try::Answer(Box::new(Answer { bytes, message })));
                }
            }
            self.strays += 1;
            if self.strays >= STRAYS_MAX {
                return Ok(Try::Unsettled);
            }
        }
    }

    /// A socket at a port that the kernel chooses at random, which hears only the server (RFC 5452 §9.2).
    async fn socket(&self) -> io::Result<UdpSocket> {
        let any = match self.address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(self.address).await?;
        Ok(socket)
    }

    /// The answer over a connection, or over a second one to a server that does not bear EDNS.
    async fn over_tcp(&mut self) -> Result<Answer, ExchangeError> {
        loop {
            let until = self.until.min(Instant::now() + self.dns.patience().connection);
            let answer =
                timeout_at(until, self.connection()).await.map_err(|_| self.timeout())??;
            match self.objection(&answer.message) {
                Some(Objection::Edns) => self.edns = Edns::Without,
                // No cookie was sent.
                Some(Objection::Cookie) | None => return Ok(answer),
            }
        }
    }

    /// One question, one answer (RFC 1035 §4.2.2). Nobody else can answer here, so there are neither capitals, which
    /// some servers do not repeat, nor a cookie, by which they could tell us again through a proxy.
    async fn connection(&self) -> Result<Answer, ExchangeError> {
        let manner =
            Manner { role: self.role, edns: self.edns, capitals: Capitals::None, cookie: None };
        let asked = Asked::new(self.query, manner, random());
        let mut stream = self.connect().await?;
        let bytes = ask(&mut stream, asked.wire()).await;
        let bytes = bytes.map_err(|source| ExchangeError::Broken { to: self.to, source })?;
        match asked.judge_stream(&bytes) {
            Heard::Answer(message) => Ok(Answer { bytes, message }),
            Heard::Unusable(Some(source)) => Err(ExchangeError::Malformed { to: self.to, source }),
            Heard::Unusable(None) | Heard::Doubtful | Heard::Stray => {
                Err(ExchangeError::OtherQuestion { to: self.to })
            }
        }
    }

    async fn connect(&self) -> Result<TcpStream, ExchangeError> {
        match &self.dns.0.way {
            Way::Direct => {
                TcpStream::connect(self.address).await.map_err(|source| self.unreachable(source))
            }
            Way::Socks5 { proxy, isolation } => {
                let to = socks::Target::Address(self.address);
                let connected = socks::connect(proxy, isolation.as_deref(), to).await;
                connected.map_err(|source| {
                    let vantage = self.dns.0.vantage.clone();
                    ExchangeError::Proxy { to: self.to, vantage, source }
                })
            }
        }
    }

    fn objection(&self, message: &Message) -> Option<Objection> {
        match (self.edns, message.rcode) {
            (Edns::With, FORMERR | NOTIMP | BADVERS) => Some(Objection::Edns),
            (Edns::With, BADCOOKIE) => Some(Objection::Cookie),
            (Edns::With | Edns::Without, _) => None,
        }
    }

    fn timeout(&self) -> ExchangeError {
        ExchangeError::Timeout { to: self.to, after: self.began.elapsed(), strays: self.strays }
    }

    fn unreachable(&self, source: io::Error) -> ExchangeError {
        ExchangeError::Unreachable { to: self.to, source }
    }
}

/// Sends a message over a connection and reads one (RFC 1035 §4.2.2: each with its length in front).
async fn ask(stream: &mut TcpStream, wire: &[u8]) -> io::Result<Vec<u8>> {
    let length = u16::try_from(wire.len()).expect("a question is short");
    // In one write: some servers do not bear a length that comes alone (RFC 7766 §8).
    stream.write_all(&[&length.to_be_bytes(), wire].concat()).await?;
    let length = stream.read_u16().await?;
    let mut bytes = Vec::new();
    // Space is taken as octets come, not as they are announced.
    stream.take(length.into()).read_to_end(&mut bytes).await?;
    if bytes.len() < length.into() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(bytes)
}

/// How many datagrams may come that are not the answer. Whoever sends as many as there are IDs has guessed ours.
const STRAYS_MAX: usize = 1 << 16;

/// RFC 1035 §4.1.1, RFC 6891 §9, RFC 7873 §8.
const FORMERR: u16 = 1;
const NOTIMP: u16 = 4;
const BADVERS: u16 = 16;
const BADCOOKIE: u16 = 23;
