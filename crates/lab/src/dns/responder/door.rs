//! A port on loopback where questions come in, over UDP and TCP (RFC 1035 §4.2, RFC 7766).

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

use super::{Desk, Transport};

/// Opens one port for both and answers there until the tasks are dropped.
pub(super) async fn open(desk: Desk) -> io::Result<(SocketAddr, JoinSet<()>)> {
    let (listener, socket) = one_port().await?;
    let real = listener.local_addr()?;
    let mut tasks = JoinSet::new();
    tasks.spawn(answer_datagrams(socket, desk.clone()));
    tasks.spawn(accept(listener, desk));
    Ok((real, tasks))
}

/// A port that is free for TCP may be taken for UDP; another is tried then.
async fn one_port() -> io::Result<(TcpListener, UdpSocket)> {
    let mut tries = 0;
    loop {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        tries += 1;
        match UdpSocket::bind(listener.local_addr()?).await {
            Ok(socket) => return Ok((listener, socket)),
            Err(_) if tries < TRIES_MAX => {}
            Err(err) => return Err(err),
        }
    }
}

async fn answer_datagrams(socket: UdpSocket, desk: Desk) {
    let mut question = [0; QUESTION_OCTETS_MAX];
    loop {
        // What went wrong is with one asker: Linux tells here of a port that nobody listens to any more.
        let Ok((length, asker)) = socket.recv_from(&mut question).await else { continue };
        if let Some((answer, _)) = desk.answer(&question[..length], Transport::Udp)
            && let Err(err) = socket.send_to(&answer, asker).await
        {
            tracing::debug!("cannot answer {asker}: {err:#}");
        }
    }
}

/// Lets connections in, each with a task of its own.
async fn accept(listener: TcpListener, desk: Desk) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                let desk = desk.clone();
                connections.spawn(async move {
                    // Whoever asks may break off.
                    converse(stream, &desk).await.ok();
                });
            }
            Some(_) = connections.join_next() => {}
            else => tokio::task::yield_now().await,
        }
    }
}

/// Answers questions, each after two octets with its length, until the asker ends it.
async fn converse(mut stream: TcpStream, desk: &Desk) -> io::Result<()> {
    // Each octet of a trickle goes out by itself.
    stream.set_nodelay(true)?;
    loop {
        let mut question = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut question).await?;
        let Some((answer, wait)) = desk.answer(&question, Transport::Tcp) else { continue };
        let length = u16::try_from(answer.len()).expect("a message has at most 65,535 octets");
        let framed = [&length.to_be_bytes()[..], &answer].concat();
        match wait {
            None => stream.write_all(&framed).await?,
            Some(wait) => {
                for octet in framed {
                    stream.write_u8(octet).await?;
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }
}

/// How often another port is tried.
const TRIES_MAX: u32 = 16;

/// Questions have some hundred octets.
const QUESTION_OCTETS_MAX: usize = 4096;
