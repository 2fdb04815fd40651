//! A DNS server on loopback that says what a test wants it to say, and the messages that it says.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use countersign_dns::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{JoinSet, yield_now};

/// Runs until dropped. Listens to datagrams and connections at one port.
pub(super) struct Peer {
    pub(super) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    tasks: JoinSet<()>,
}

/// A question that came.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) by: &'static str,
    pub(super) message: Message,
}

/// A datagram to send.
pub(super) enum Datagram {
    /// From where the question was sent to.
    Here(Vec<u8>),
    /// From another port.
    Elsewhere(Vec<u8>),
}

impl Peer {
    /// Answers each question in a datagram by those that `datagrams` gives, and each over a connection, with the
    /// number of connections before it, by `connection`.
    pub(super) async fn start<D, C, F>(datagrams: D, connection: C) -> Self
    where
        D: Fn(&[u8]) -> Vec<Datagram> + Send + 'static,
        C: Fn(Vec<u8>, TcpStream) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let (listener, socket) = ports().await;
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        let note = |by| {
            let heard = Arc::clone(&heard);
            move |wire: &[u8]| {
                let message = Message::parse(wire).unwrap();
                heard.lock().unwrap().push(Heard { by, message });
            }
        };
        let noted = note("udp");
        tasks.spawn(async move {
            let elsewhere = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let mut buffer = [0; 4096];
            loop {
                // An earlier answer may have found its port closed.
                let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
                noted(&buffer[..length]);
                for datagram in datagrams(&buffer[..length]) {
                    let (through, bytes) = match &datagram {
                        Datagram::Here(bytes) => (&socket, bytes),
                        Datagram::Elsewhere(bytes) => (&elsewhere, bytes),
                    };
                    let _closed = through.send_to(bytes, from).await;
                    // Whoever listens gets to read before there is too much for the kernel to hold.
                    yield_now().await;
                }
            }
        });
        let noted = note("tcp");
        tasks.spawn(async move {
            let mut answers = JoinSet::new();
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let length = stream.read_u16().await.unwrap();
                let mut wire = vec![0; length.into()];
                stream.read_exact(&mut wire).await.unwrap();
                noted(&wire);
                answers.spawn(connection(wire, stream));
            }
        });
        Self { address, heard, tasks }
    }

    /// Answers over connections with one message.
    pub(super) async fn saying(
        datagrams: impl Fn(&[u8]) -> Vec<Datagram> + Send + 'static,
        message: impl Fn(&[u8]) -> Vec<u8> + Send + 'static,
    ) -> Self {
        Self::start(datagrams, move |wire, mut stream| {
            let message = framed(&message(&wire));
            async move {
                let _closed = stream.write_all(&message).await;
            }
        })
        .await
    }

    /// Ends it; its port is closed afterwards.
    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
    }

    /// What it has heard so far, by which way.
    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    pub(super) fn ways(&self) -> Vec<&'static str> {
        self.heard().iter().map(|heard| heard.by).collect()
    }
}

/// One port for both.
async fn ports() -> (TcpListener, UdpSocket) {
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        if let Ok(socket) = UdpSocket::bind(listener.local_addr().unwrap()).await {
            return (listener, socket);
        }
    }
}

/// With its length in front.
pub(super) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap();
    [&length.to_be_bytes(), message].concat()
}

/// Only the header and the question of a question, as an answer.
pub(super) fn empty(wire: &[u8]) -> Vec<u8> {
    let question = Message::parse(wire).unwrap().question.unwrap();
    let mut empty = wire[..12 + question.name_as_sent.len() + 4].to_vec();
    empty[2] |= 0x84;
    empty[6..12].fill(0);
    empty
}

/// An answer of one A record.
pub(super) fn answer(wire: &[u8]) -> Vec<u8> {
    let mut answer = empty(wire);
    answer[7] = 1;
    answer.extend(b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x09");
    answer
}

/// The same with an OPT record that holds a cookie, and with an RCODE.
pub(super) fn with_cookie(mut message: Vec<u8>, rcode: u8, cookie: &[u8]) -> Vec<u8> {
    message[3] |= rcode & 0xf;
    message[11] += 1;
    message.extend([0, 0, 41, 4, 208, rcode >> 4, 0, 0, 0]);
    let length = u8::try_from(cookie.len()).unwrap();
    message.extend([0, length + 4, 0, 10, 0, length]);
    message.extend(cookie);
    message
}

/// The cookie of a question.
pub(super) fn cookie_of(wire: &[u8]) -> Vec<u8> {
    Message::parse(wire).unwrap().edns.unwrap().cookie.unwrap()
}
