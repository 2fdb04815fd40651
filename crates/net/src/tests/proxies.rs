//! Proxies that connect to where a test wants them to.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use super::server::{Server, read_header, say};

/// A SOCKS5 server (RFC 1928, RFC 1929) that notes what it is asked and connects to `target` instead.
pub(crate) async fn socks_server(target: SocketAddr, reply_code: u8) -> Server {
    Server::start(move |_, mut stream, seen| async move {
        assert_eq!(stream.read_u8().await.unwrap(), 5);
        let methods = read_counted(&mut stream).await;
        let method = if methods.contains(&2) { 2 } else { 0 };
        stream.write_all(&[5, method]).await.unwrap();
        let mut user = "nobody".to_owned();
        if method == 2 {
            assert_eq!(stream.read_u8().await.unwrap(), 1);
            user = String::from_utf8(read_counted(&mut stream).await).unwrap();
            assert!(!read_counted(&mut stream).await.is_empty(), "Tor wants a password too");
            stream.write_all(&[1, 0]).await.unwrap();
        }
        let mut request = [0; 4];
        stream.read_exact(&mut request).await.unwrap();
        assert_eq!(request[..2], [5, 1], "CONNECT");
        let address = match request[3] {
            3 => String::from_utf8(read_counted(&mut stream).await).unwrap(),
            kind => format!("an address of kind {kind}"),
        };
        let port = stream.read_u16().await.unwrap();
        seen.note(format!("{user}: {address} port {port}"));
        stream.write_all(&[5, reply_code, 0, 1, 0, 0, 0, 0, 0, 0]).await.unwrap();
        if reply_code == 0 {
            relay(stream, target).await;
        }
    })
    .await
}

async fn read_counted(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = vec![0; usize::from(stream.read_u8().await.unwrap())];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn relay(mut client: TcpStream, target: SocketAddr) {
    let mut server = TcpStream::connect(target).await.unwrap();
    // However it ends, the client sees it end.
    let _ = copy_bidirectional(&mut client, &mut server).await;
}

/// An HTTP proxy that answers CONNECT with `status` and then relays to `target`.
pub(crate) async fn connect_proxy(target: SocketAddr, status: &'static str) -> Server {
    Server::start(move |_, mut stream, seen| async move {
        seen.note(read_header(&mut stream).await);
        say(&mut stream, format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await;
        relay(stream, target).await;
    })
    .await
}
