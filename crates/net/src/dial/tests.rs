use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::net::{Patience, Redirects, Roots, Settings};
use crate::tests::proxies::{connect_proxy, socks_server};
use crate::tests::server::{Server, say};
use crate::vantage::Vantage;

const V: Dial<'static> = Dial { vantage: "v", isolation: None, family: None };

fn net(route: Route, redirects: Option<Redirects>) -> Net {
    let settings = Settings {
        contact: "ops@example.org".to_owned(),
        roots: Roots::Only(Vec::new()),
        redirects,
        vantages: vec![Vantage { name: "v".to_owned(), route }],
    };
    let patience = Patience {
        connect: Duration::from_millis(600),
        connect_proxy: Duration::from_secs(5),
        slow_window: Duration::from_secs(1),
    };
    Net::with_patience(settings, patience).unwrap()
}

/// A server that says its name first.
async fn saying(name: &'static str) -> Server {
    Server::start(move |_, mut stream, _| async move {
        say(&mut stream, name.as_bytes()).await;
    })
    .await
}

/// What is at the other end, and the peer.
async fn heard(dialed: Result<Dialed, DialError>) -> (String, Option<SocketAddr>) {
    let mut dialed = dialed.unwrap();
    let mut text = String::new();
    dialed.stream.read_to_string(&mut text).await.unwrap();
    (text, dialed.peer)
}

fn entry(host: &str, port: u16, server: &Server) -> ((String, u16), SocketAddr) {
    ((host.to_owned(), port), server.address)
}

#[tokio::test]
async fn a_direct_vantage_looks_names_up_here() {
    let server = saying("hello").await;
    let port = server.address.port();
    let net = net(Route::Direct, None);
    for host in ["localhost", "127.0.0.1"] {
        let dial = Dial { family: Some(Family::V4), ..V };
        let (text, peer) = heard(net.dial(&dial, host, port).await).await;
        assert_eq!((text.as_str(), peer), ("hello", Some(server.address)));
    }
    let v6 = Dial { family: Some(Family::V6), ..V };
    let error = net.dial(&v6, "127.0.0.1", port).await.unwrap_err();
    assert_eq!(error.to_string(), "127.0.0.1 has no IPv6 address");
    let unknown = Dial { vantage: "w", ..V };
    let error = net.dial(&unknown, "localhost", port).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no vantage named \"w\"");
}

#[tokio::test]
async fn what_goes_wrong_has_a_name() {
    let net = net(Route::Direct, None);
    // Port 1 of loopback is nobody's.
    let error = net.dial(&V, "127.0.0.1", 1).await.unwrap_err();
    assert_eq!(error.to_string(), "127.0.0.1:1 refused the connection");
    let error = net.dial(&V, "x.onion", 443).await.unwrap_err();
    assert!(matches!(error, DialError::Onion { .. }) && error.is_ours(), "{error:?}");
    for host in ["", "a b", "a:b", "a\r\nHost: b", "ä", &"x".repeat(256)] {
        let error = net.dial(&V, host, 443).await.unwrap_err();
        assert!(matches!(error, DialError::BadHost(_)), "{error:?}");
    }
    for isolation in ["", &"x".repeat(256)] {
        let dial = Dial { isolation: Some(isolation), ..V };
        let error = net.dial(&dial, "localhost", 443).await.unwrap_err();
        assert!(matches!(error, DialError::Isolation(_)), "{error:?}");
    }
}

/// A port whose queue of connections is full, so that further ones hang.
async fn silent() -> (TcpListener, SocketAddr, Vec<TcpStream>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut held = Vec::new();
    let mut hangs = false;
    while !hangs {
        let soon = Duration::from_millis(100);
        match tokio::time::timeout(soon, TcpStream::connect(address)).await {
            Ok(stream) => held.push(stream.unwrap()),
            Err(_) => hangs = true,
        }
    }
    (listener, address, held)
}

#[tokio::test]
async fn a_silent_address_does_not_take_the_others_turn() {
    let server = saying("the second").await;
    let (_listener, silent, _held) = silent().await;
    let service = ("a.example".to_owned(), 5222);
    let alone = Redirects::new([]).with_services(None, [(service.clone(), silent)]);
    let error = net(Route::Direct, Some(alone.clone())).dial(&V, "a.example", 5222).await;
    assert_eq!(error.unwrap_err().to_string(), "a.example:5222 did not answer within 0.6 s");
    let both = alone.with_services(None, [(service, server.address)]);
    let dialed = net(Route::Direct, Some(both)).dial(&V, "a.example", 5222).await;
    assert_eq!(heard(dialed).await, ("the second".to_owned(), Some(server.address)));
}

#[tokio::test]
async fn the_lab_has_one_table() {
    let (starttls, direct, mallory, host) =
        (saying("5222").await, saying("5223").await, saying("mallory").await, saying("any").await);
    let redirects = Redirects::new([("b.example".to_owned(), host.address)])
        .with_services(
            None,
            [
                entry("A.example", 5222, &starttls),
                entry("a.example", 5223, &direct),
                entry("192.0.2.1", 5222, &starttls),
                entry("2001:db8::1", 5222, &direct),
            ],
        )
        .with_services(Some("w"), [entry("a.example", 5222, &mallory)]);
    let vantages =
        ["v", "w"].map(|name| Vantage { name: name.to_owned(), route: Route::Direct }).to_vec();
    let net = Net::new(Settings {
        contact: "ops@example.org".to_owned(),
        roots: Roots::Only(Vec::new()),
        redirects: Some(redirects),
        vantages,
    })
    .unwrap();
    for (vantage, host, port, expected) in [
        ("v", "a.example", 5222, "5222"),
        ("v", "a.EXAMPLE", 5223, "5223"),
        ("w", "a.example", 5222, "mallory"),
        ("w", "a.example", 5223, "5223"),
        ("v", "b.example", 1, "any"),
        ("v", "192.0.2.1", 5222, "5222"),
        ("v", "2001:db8::1", 5222, "5223"),
    ] {
        let dial = Dial { vantage, ..V };
        let (text, peer) = heard(net.dial(&dial, host, port).await).await;
        assert_eq!(text, expected, "{vantage} {host} {port}");
        // What was asked for is what observations name.
        if let Ok(address) = host.parse() {
            assert_eq!(peer, Some(SocketAddr::new(address, port)));
        }
    }
    for (host, port) in [("192.0.2.1", 5223), ("c.example", 5222), ("2001:db8::2", 5222)] {
        let error = net.dial(&V, host, port).await.unwrap_err();
        assert!(matches!(error, DialError::LeavesLab { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_socks_proxy_gets_names_and_the_isolation_of_the_call() {
    let server = saying("through").await;
    let tor = socks_server(server.address, 0).await;
    let route =
        Route::Socks5 { address: tor.address.to_string(), isolation: Some("vantage".to_owned()) };
    let net = net(route, Some(Redirects::new([])));
    let call = Dial { isolation: Some("call-7"), ..V };
    for (dial, host) in [(V, "a.example"), (call, "abcdef.onion"), (call, "127.0.0.1")] {
        let (text, peer) = heard(net.dial(&dial, host, 5222).await).await;
        assert_eq!((text.as_str(), peer.is_some()), ("through", host == "127.0.0.1"));
    }
    assert_eq!(
        tor.seen(),
        [
            "vantage: a.example port 5222",
            "call-7: abcdef.onion port 5222",
            "call-7: an address of kind 1 port 32512"
        ]
    );
    let dial = Dial { family: Some(Family::V6), ..V };
    let error = net.dial(&dial, "a.example", 5222).await.unwrap_err();
    assert!(matches!(error, DialError::FamilyByProxy { .. }), "{error:?}");
    // The proxy may be on loopback; where it would lead is not.
    let error = net.dial(&V, "192.0.2.1", 5222).await.unwrap_err();
    assert_eq!(error.to_string(), "the lab has nothing at 192.0.2.1:5222");
}

#[tokio::test]
async fn what_a_proxy_says_is_named() {
    let nowhere = "127.0.0.1:1".parse().unwrap();
    for (code, expected) in
        [(5, "connection refused"), (0xF0, "has no descriptor"), (99, "without")]
    {
        let tor = socks_server(nowhere, code).await;
        let route = Route::Socks5 { address: tor.address.to_string(), isolation: None };
        let error = net(route, None).dial(&V, "a.example", 1).await.unwrap_err();
        let DialError::Socks { source, .. } = &error else { panic!("{error:?}") };
        assert!(source.to_string().contains(expected), "{source}");
        assert!(!error.is_ours());
    }
    let gone = Route::Socks5 { address: "127.0.0.1:1".to_owned(), isolation: None };
    let error = net(gone, None).dial(&V, "a.example", 1).await.unwrap_err();
    assert!(error.is_ours(), "{error:?}");
    let proxy = connect_proxy(nowhere, "403 Forbidden").await;
    let route = Route::HttpProxy { url: format!("http://{}", proxy.address) };
    let error = net(route, None).dial(&V, "a.example", 1).await.unwrap_err();
    assert!(
        matches!(error, DialError::Connect { source: ConnectError::Refused(403), .. }),
        "{error:?}"
    );
}

#[tokio::test] // RFC 9110 §9.3.6
async fn an_http_proxy_connects() {
    let server = Server::start(|_, mut stream, _| async move {
        // At once, so that it comes right behind the proxy's header.
        say(&mut stream, b"220 ready\r\n").await;
        let mut line = [0; 6];
        stream.read_exact(&mut line).await.unwrap();
        say(&mut stream, &line).await;
    })
    .await;
    let proxy = connect_proxy(server.address, "200 OK").await;
    let url = format!("http://us%40r:p%3Ass@{}", proxy.address);
    let net = net(Route::HttpProxy { url }, None);
    let mut dialed = net.dial(&V, "mail.example", 25).await.unwrap();
    let mut greeting = [0; 11];
    dialed.stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"220 ready\r\n");
    dialed.stream.write_all(b"QUIT\r\n").await.unwrap();
    assert_eq!(heard(Ok(dialed)).await.0, "QUIT\r\n");
    let seen = &proxy.seen()[0];
    assert!(
        seen.starts_with("CONNECT mail.example:25 HTTP/1.1\r\nHost: mail.example:25\r\n"),
        "{seen}"
    );
    // base64 of us@r:p:ss
    assert!(seen.contains("Proxy-Authorization: Basic dXNAcjpwOnNz\r\n"), "{seen}");
}
