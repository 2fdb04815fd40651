//! A server that says what a test wants it to say.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// Runs until dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Seen,
    _tasks: JoinSet<()>,
}

/// What clients have sent, a text for each time it was read; shared with the server's tasks.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn note(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }
}

impl Server {
    /// Answers each connection by `answer`, which gets the number of connections before it.
    pub(crate) async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(usize, TcpStream, Seen) -> A + Send + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, mut tasks) = (Seen::default(), JoinSet::new());
        let noted = seen.clone();
        tasks.spawn(async move {
            let mut answers = JoinSet::new();
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                answers.spawn(answer(number, stream, noted.clone()));
            }
        });
        Self { address, seen, _tasks: tasks }
    }

    /// Reads one request on each connection, says `bytes` and closes.
    pub(crate) async fn saying(bytes: impl AsRef<[u8]>) -> Self {
        let bytes = bytes.as_ref().to_vec();
        Self::start(move |_, mut stream, seen| {
            let bytes = bytes.clone();
            async move {
                seen.note(read_header(&mut stream).await);
                say(&mut stream, &bytes).await;
            }
        })
        .await
    }

    /// What it has read so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.0.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/ct/v1/get-sth", self.address)
    }
}

/// Reads up to the end of a header, or of what there is.
pub(crate) async fn read_header(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut header = Vec::new();
    while !header.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => header.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(header).unwrap()
}

/// Whether the client still wants to hear it.
pub(crate) async fn say(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> bool {
    stream.write_all(bytes).await.is_ok() && stream.flush().await.is_ok()
}

/// Sends a TCP reset.
pub(crate) fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}
