//! Questions by way of a SOCKS5 proxy.

use tokio::io::{AsyncReadExt, copy_bidirectional};
use tokio::net::TcpStream;

use super::*;

/// What a proxy answers: to the greeting, to the login, to the request.
#[derive(Clone, Copy)]
struct Says {
    method: [u8; 2],
    login: [u8; 2],
    request: &'static [u8],
}

const YES: Says = Says { method: [5, 2], login: [1, 0], request: b"\x05\0\0\x01\x7f\0\0\x01\0\0" };

/// A proxy that connects wherever it is asked to, and notes who asks for what.
async fn proxy(says: Says) -> Server {
    Server::start(move |_, mut stream, seen| async move {
        let [_, methods] = read(&mut stream).await;
        let [method] = read(&mut stream).await;
        seen.note(format!("{methods} {method}"));
        stream.write_all(&says.method).await.unwrap();
        if says.method == [5, 2] {
            let [_, length] = read(&mut stream).await;
            let mut user = vec![0; length.into()];
            stream.read_exact(&mut user).await.unwrap();
            seen.note(String::from_utf8(user).unwrap());
            let length = stream.read_u8().await.unwrap();
            stream.read_exact(&mut vec![0; length.into()]).await.unwrap();
            stream.write_all(&says.login).await.unwrap();
        }
        // It may have gone.
        let mut request = [0; 10];
        if stream.read_exact(&mut request).await.is_err() {
            return;
        }
        let address = <[u8; 4]>::try_from(&request[4..8]).unwrap();
        let port = u16::from_be_bytes([request[8], request[9]]);
        stream.write_all(says.request).await.unwrap();
        if says.request.starts_with(b"\x05\0") {
            let mut there = TcpStream::connect((IpAddr::from(address), port)).await.unwrap();
            let _closed = copy_bidirectional(&mut stream, &mut there).await;
        }
    })
    .await
}

async fn read<const N: usize>(stream: &mut TcpStream) -> [u8; N] {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn ask_through(
    says: Says,
    isolation: Option<&str>,
) -> (Result<Exchanged, ExchangeError>, Vec<String>) {
    let peer = Peer::saying(silence, answer).await;
    let proxy = proxy(says).await;
    let isolation = isolation.map(str::to_owned);
    let route = Route::Socks5 { address: proxy.address.to_string(), isolation };
    let dns = dns_at(route, &[(SERVER, peer.address)], patient(), Clock::system());
    let exchanged = dns.exchange(SERVER.parse().unwrap(), &query()).await;
    // Nothing goes past the proxy.
    assert!(peer.ways().iter().all(|way| *way == "tcp"));
    (exchanged, proxy.seen())
}

#[tokio::test]
async fn a_vantage_behind_a_proxy_asks_over_it() {
    let (exchanged, seen) = ask_through(YES, Some("circuit-7")).await;
    check(&exchanged.unwrap(), Transport::Tcp, 0);
    assert_eq!(seen, ["1 2", "circuit-7"]);

    let (exchanged, seen) = ask_through(Says { method: [5, 0], ..YES }, None).await;
    check(&exchanged.unwrap(), Transport::Tcp, 0);
    assert_eq!(seen, ["1 0"]);

    for bound in
        [&b"\x05\0\0\x03\x01x\0\0"[..], b"\x05\0\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"]
    {
        let (exchanged, _) = ask_through(Says { request: bound, ..YES }, Some("a")).await;
        check(&exchanged.unwrap(), Transport::Tcp, 0);
    }
}

#[tokio::test]
async fn what_a_proxy_refuses_is_named() {
    let check = async |says: Says, expected: &str| {
        let error = ask_through(says, Some("a")).await.0.unwrap_err();
        assert_eq!(error.to_string(), "cannot reach 192.0.2.1:53 by way of vantage \"v\"");
        let ExchangeError::Proxy { source, .. } = error else { panic!() };
        assert_eq!(source.to_string(), expected);
    };
    let method = "the proxy does not agree on how to log in";
    // Without isolation there is no connection.
    check(Says { method: [5, 0], ..YES }, method).await;
    check(Says { method: [5, 0xff], ..YES }, method).await;
    check(Says { method: [4, 2], ..YES }, "the proxy does not speak SOCKS5").await;
    check(Says { login: [1, 1], ..YES }, "the proxy refused the login").await;
    check(Says { login: [5, 0], ..YES }, "the proxy does not speak SOCKS5").await;
    check(
        Says { request: b"\x05\x04\0\x01", ..YES },
        "the proxy could not connect: host unreachable (code 4)",
    )
    .await;
    check(Says { request: b"\x04\0\0\x01", ..YES }, "the proxy does not speak SOCKS5").await;
    check(Says { request: b"\x05\x01", ..YES }, "no connection to the proxy").await;
}
