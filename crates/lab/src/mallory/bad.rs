//! A server that does one thing wrong, at one stage, and is otherwise the honest one that it stands before, whatever
//! protocol that speaks. A chain of a thousand certificates is an honest server's with a
//! [padded](crate::identity::Identity::padded) identity.

use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::hello;
use crate::port::{Port, connect_from};

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Says nothing any more.
    Stall(Stage),
    /// Resets the connection.
    Reset(Stage),
    /// Closes the connection.
    Close(Stage),
    /// Says what belongs to no protocol, and closes the connection.
    Garbage(Stage),
    /// Says this over and over, before TLS, for as long as anybody listens.
    Endless(&'static str),
    /// Answers the hello by the alert that there is nobody of this name (RFC 6066 §3).
    WrongName,
    /// Says all that the honest server does, a byte at a time, and so long nothing.
    Trickle(Duration),
}

/// How far it comes before it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was said.
    Connected,
    /// The server said its first words, before TLS.
    Greeted,
    /// The client said its hello, which is not answered.
    HelloSaid,
    /// The client has the first bytes of the answer.
    HelloAnswered,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Connected, Self::Greeted, Self::HelloSaid, Self::HelloAnswered];
}

/// A bad server. Dropping it closes its port.
pub struct BadServer {
    port: Port,
}

impl BadServer {
    /// Stands before an honest one.
    pub async fn start(honest: SocketAddr, fault: Fault) -> io::Result<Self> {
        let port =
            Port::open(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), move |client, _| async move {
                match serve(client, honest, fault).await {
                    Ok(()) => {}
                    // Its clients do well to run away.
                    Err(err) => tracing::debug!("a connection to a bad server broke: {err:#}"),
                }
            });
        Ok(Self { port: port.await? })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.port.address
    }
}

async fn serve(mut client: TcpStream, honest: SocketAddr, fault: Fault) -> io::Result<()> {
    client.set_nodelay(true)?;
    let stage = match fault {
        Fault::Stall(stage) | Fault::Reset(stage) | Fault::Close(stage) | Fault::Garbage(stage) => {
            stage
        }
        Fault::Endless(_) => Stage::Connected,
        Fault::WrongName => Stage::HelloSaid,
        Fault::Trickle(pause) => return trickle(client, honest, pause).await,
    };
    let mut server = connect_from(IpAddr::V4(Ipv4Addr::LOCALHOST), honest).await?;
    if until(stage, &mut client, &mut server).await? { act(fault, client).await } else { Ok(()) }
}

/// Carries bytes until it has come so far; `false` if it ended before.
async fn until(stage: Stage, client: &mut TcpStream, server: &mut TcpStream) -> io::Result<bool> {
    if stage == Stage::Connected {
        return Ok(true);
    }
    let (mut said, mut answered) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            count = client.read(&mut said) => match count? {
                0 => return Ok(false),
                count if hello::begins(&said[..count]) => {
                    let hello = hello::gather(&said[..count], client).await?;
                    return answer(stage, &hello, client, server).await;
                }
                count => server.write_all(&said[..count]).await?,
            },
            count = server.read(&mut answered) => match count? {
                0 => return Ok(false),
                count => {
                    client.write_all(&answered[..count]).await?;
                    if stage == Stage::Greeted {
                        return Ok(true);
                    }
                }
            },
        }
    }
}

/// The same from the hello on.
async fn answer(
    stage: Stage,
    hello: &[u8],
    client: &mut TcpStream,
    server: &mut TcpStream,
) -> io::Result<bool> {
    match stage {
        Stage::HelloSaid => Ok(true),
        Stage::HelloAnswered => {
            server.write_all(hello).await?;
            let mut beginning = [0; BEGINNING_BYTES];
            server.read_exact(&mut beginning).await?;
            client.write_all(&beginning).await?;
            Ok(true)
        }
        Stage::Connected | Stage::Greeted => {
            server.write_all(hello).await?;
            copy_bidirectional(client, server).await?;
            Ok(false)
        }
    }
}

async fn act(fault: Fault, mut client: TcpStream) -> io::Result<()> {
    match fault {
        Fault::Stall(_) => pending().await,
        // With nothing left to linger for, closing sends a reset.
        Fault::Reset(_) => client.set_zero_linger(),
        Fault::Close(_) => client.shutdown().await,
        Fault::Garbage(_) => {
            let garbage = (0..GARBAGE_BYTES).map(|n| n.wrapping_mul(167).wrapping_add(128) | 0x80);
            client.write_all(&garbage.collect::<Vec<u8>>()).await?;
            client.shutdown().await
        }
        Fault::Endless(text) => {
            let text = text.repeat(1 + 4096 / text.len().max(1));
            loop {
                client.write_all(text.as_bytes()).await?;
            }
        }
        Fault::WrongName => {
            client.write_all(&UNRECOGNIZED_NAME).await?;
            client.shutdown().await
        }
        Fault::Trickle(_) => Ok(()),
    }
}

async fn trickle(client: TcpStream, honest: SocketAddr, pause: Duration) -> io::Result<()> {
    let server = connect_from(IpAddr::V4(Ipv4Addr::LOCALHOST), honest).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = copy(&mut from_client, &mut to_server);
    let down = async {
        let mut byte = [0];
        while from_server.read(&mut byte).await? == 1 {
            sleep(pause).await;
            to_client.write_all(&byte).await?;
        }
        to_client.shutdown().await
    };
    tokio::try_join!(up, down).map(|_| ())
}

/// Less than any ServerHello.
const BEGINNING_BYTES: usize = 40;
/// Bytes that begin no record of TLS and no text.
const GARBAGE_BYTES: u8 = 255;
/// A record with a fatal alert, 112 (RFC 8446 §5.1, §6; RFC 6066 §3).
const UNRECOGNIZED_NAME: [u8; 7] = [21, 3, 3, 0, 2, 2, 112];
