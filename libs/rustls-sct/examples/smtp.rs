//! Submits a mail with lettre, over STARTTLS: `smtp [--stock] HOST PORT FROM TO`.
//!
//! lettre makes its own configuration for TLS and takes none. But it takes a connection that is there already, and
//! that can be one that we have brought to TLS.

#[path = "shared/enforcement.rs"]
mod enforcement;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use countersign_rustls_sct::client_config;
use enforcement::{arguments, enforcer, exit, system_roots};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit(submit().await)
}

async fn submit() -> anyhow::Result<String> {
    let (stock, [host, port, from, to]) = arguments("smtp [--stock] HOST PORT FROM TO")?;
    let port: u16 = port.parse().context("PORT is not a port")?;
    let mail = Message::builder()
        .from(from.parse()?)
        .to(to.parse()?)
        .subject("a test")
        .body("Hello.\r\n".to_owned())?;
    let response = if stock {
        stock_transport(&host, port)?.send(mail).await?
    } else {
        let tls = Arc::new(client_config(system_roots()?, enforcer()?)?);
        let stream = Box::new(starttls(&host, port, tls).await?);
        let me = ClientId::default();
        let mut connection = AsyncSmtpConnection::connect_with_transport(stream, &me).await?;
        let response = connection.send(mail.envelope(), &mail.formatted()).await?;
        connection.quit().await?;
        response
    };
    Ok(format!("submitted: {}", response.code()))
}

/// lettre as it is, with the roots of this system.
fn stock_transport(host: &str, port: u16) -> anyhow::Result<AsyncSmtpTransport<Tokio1Executor>> {
    let builder = AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host)?;
    Ok(builder.port(port).build())
}

/// Connects and brings the connection to TLS (RFC 3207). It does not go on without.
async fn starttls(host: &str, port: u16, tls: Arc<ClientConfig>) -> anyhow::Result<Greeted> {
    let mut tcp = BufReader::new(TcpStream::connect((host, port)).await?);
    let greeting = reply(&mut tcp, "220").await?;
    tcp.write_all(b"EHLO [127.0.0.1]\r\n").await?;
    reply(&mut tcp, "250").await?;
    tcp.write_all(b"STARTTLS\r\n").await?;
    reply(&mut tcp, "220").await?;
    // What comes after that and before TLS was put there by somebody in between.
    anyhow::ensure!(tcp.buffer().is_empty(), "the server says more than it should before TLS");
    let name = ServerName::try_from(host.to_owned())?;
    let stream = TlsConnector::from(tls).connect(name, tcp.into_inner()).await?;
    Ok(Greeted { greeting: greeting.into_bytes(), read: 0, stream })
}

/// One reply of the server, of however many lines (RFC 5321 §4.2.1), which must have this code.
async fn reply(tcp: &mut BufReader<TcpStream>, code: &str) -> anyhow::Result<String> {
    let mut reply = String::new();
    for _ in 0..REPLY_LINES_MAX {
        let start = reply.len();
        tcp.read_line(&mut reply).await?;
        let rest = reply[start..].strip_prefix(code);
        match rest.with_context(|| format!("not {code}: {}", reply[start..].trim_end()))? {
            more if more.starts_with('-') => {}
            _ => return Ok(reply),
        }
    }
    anyhow::bail!("a reply of more than {REPLY_LINES_MAX} lines")
}

/// Servers have some twenty extensions.
const REPLY_LINES_MAX: usize = 100;

/// A connection that lettre finds as if it were new: the greeting, which came before TLS and says nothing of weight, is
/// there to be read once more.
#[derive(Debug)]
struct Greeted {
    greeting: Vec<u8>,
    read: usize,
    stream: TlsStream<TcpStream>,
}

impl AsyncTokioStream for Greeted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().0.peer_addr()
    }
}

impl AsyncRead for Greeted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = &self.greeting[self.read..];
        if rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, buffer);
        }
        let length = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..length]);
        self.read += length;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Greeted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
