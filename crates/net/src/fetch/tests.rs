use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::net::{Patience, Redirects, Roots, Settings};
use crate::tests::server::{Server, read_header, reset, say};
use crate::vantage::{Route, Vantage};

/// Asserts that a result is a certain error, and says what else it is.
macro_rules! assert_error {
    ($result:expr, $pattern:pat $(if $guard:expr)?) => {{
        let result = $result;
        assert!(matches!(&result, Err($pattern) $(if $guard)?), "{result:?}");
    }};
}

mod proxy;
mod tls;

/// 2026-11-24T02:00:00Z
fn now() -> Timestamp {
    "2026-11-24T02:00:00Z".parse().unwrap()
}

fn settings() -> Settings {
    Settings {
        contact: "ops@example.org".to_owned(),
        roots: Roots::Only(Vec::new()),
        redirects: None,
        vantages: vec![Vantage { name: "direct".to_owned(), route: Route::Direct }],
    }
}

/// With too little patience for the Internet, and enough for loopback on a busy machine.
fn net(settings: Settings) -> Net {
    let patience = Patience {
        connect: Duration::from_secs(2),
        connect_proxy: Duration::from_secs(2),
        slow_window: Duration::from_millis(300),
    };
    Net::with_patience(settings, patience).unwrap()
}

fn request(url: &str) -> Get<'_> {
    Get {
        url,
        vantage: "direct",
        gzip: Gzip::Ask,
        body_max: 1 << 20,
        deadline: Duration::from_secs(20),
        connection: Connection::KeepAlive,
    }
}

/// What comes of asking a server that says `answer`.
async fn ask(answer: impl AsRef<[u8]>) -> Result<Reply, FetchError> {
    let server = Server::saying(answer).await;
    net(settings()).get(request(&server.url()), now()).await
}

fn answer(status_and_headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 {status_and_headers}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

fn gzipped(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

const GZIP: &str = "200 OK\r\nContent-Encoding: gzip";

#[tokio::test]
async fn a_plain_answer_is_a_reply() {
    let server =
        Server::saying(answer("200 OK\r\nContent-Type: application/json", b"{\"tree_size\":1}"))
            .await;
    let reply = net(settings()).get(request(&server.url()), now()).await.unwrap();
    let expected = Reply {
        status: 200,
        body: b"{\"tree_size\":1}".to_vec(),
        received_bytes: 15,
        retry_after: None,
        content_type: Some("application/json".to_owned()),
    };
    assert_eq!(reply, expected);
    let header = server.seen()[0].to_ascii_lowercase();
    assert!(header.starts_with("get /ct/v1/get-sth http/1.1\r\n"), "{header}");
    assert!(header.contains("\r\nuser-agent: countersign/0.1 (+ops@example.org)\r\n"), "{header}");
    assert!(header.contains("\r\naccept-encoding: gzip\r\n"), "{header}");
    assert!(header.contains(&format!("\r\nhost: {}\r\n", server.address)), "{header}");
    assert_eq!(header.lines().filter(|line| !line.is_empty()).count(), 5, "{header}");
}

#[tokio::test]
async fn gzip_is_inflated_asked_for_or_not() {
    let content = b"entries ".repeat(10_000);
    let wire = gzipped(&content);
    let server = Server::saying(answer(GZIP, &wire)).await;
    let url = server.url();
    let get = Get { gzip: Gzip::Identity, body_max: 80_000, ..request(&url) };
    let reply = net(settings()).get(get, now()).await.unwrap();
    assert_eq!(reply.body, content);
    assert_eq!(reply.received_bytes, u64::try_from(wire.len()).unwrap());
    assert!(server.seen()[0].contains("accept-encoding: identity\r\n"));
    let two_members = [gzipped(b"one "), gzipped(b"two")].concat();
    let reply = ask(answer("200 OK\r\nContent-Encoding: X-GZip", &two_members)).await.unwrap();
    assert_eq!(reply.body, b"one two");
}

#[tokio::test]
async fn bad_gzip_is_named() {
    let wire = gzipped(b"entries");
    let cut = &wire[..wire.len() - 1];
    let and_more = [&wire, b"{}".as_slice()].concat();
    assert_error!(ask(answer(GZIP, cut)).await, FetchError::Gzip(GzipError::Truncated));
    assert_error!(ask(answer(GZIP, b"")).await, FetchError::Gzip(GzipError::Truncated));
    assert_error!(ask(answer(GZIP, b"{}")).await, FetchError::Gzip(GzipError::Corrupt));
    assert_error!(ask(answer(GZIP, &and_more)).await, FetchError::Gzip(GzipError::TrailingBytes));
    let coded = answer("200 OK\r\nContent-Encoding: br", b"x");
    assert_error!(ask(coded).await, FetchError::ContentCoding(name) if name == "br");
    let twice = answer("200 OK\r\nContent-Encoding: gzip\r\nContent-Encoding: gzip", b"x");
    assert_error!(ask(twice).await, FetchError::ContentCoding(_));
}

#[tokio::test]
async fn a_gzip_bomb_is_too_large() {
    let bomb = gzipped(&vec![0; 5 << 20]);
    assert_error!(ask(answer(GZIP, &bomb)).await, FetchError::TooLarge { limit: 0x10_0000 });
}

#[tokio::test]
async fn a_body_that_says_it_is_too_large_is_not_read() {
    let only_header = "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n";
    assert_error!(ask(only_header).await, FetchError::TooLarge { limit: 0x10_0000 });
}

#[tokio::test]
async fn an_endless_body_is_too_large() {
    for headers in ["", "Transfer-Encoding: chunked\r\n"] {
        let server = Server::start(move |_, mut stream, _| async move {
            read_header(&mut stream).await;
            say(&mut stream, format!("HTTP/1.1 200 OK\r\n{headers}\r\n").as_bytes()).await;
            let chunk = [b"8000\r\n".as_slice(), &[b'e'; 0x8000], b"\r\n"].concat();
            while say(&mut stream, &chunk).await {}
        })
        .await;
        let result = net(settings()).get(request(&server.url()), now()).await;
        assert_error!(result, FetchError::TooLarge { limit: 0x10_0000 });
    }
}

/// A server that says `first`, and then one byte every 5 ms.
async fn dripping(first: &'static str) -> Server {
    Server::start(move |_, mut stream, _| async move {
        read_header(&mut stream).await;
        say(&mut stream, first.as_bytes()).await;
        let mut drip = tokio::time::interval(Duration::from_millis(5));
        while say(&mut stream, b"x").await {
            drip.tick().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_dripping_body_is_given_up() {
    let server = dripping("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").await;
    let url = server.url();
    let result = net(settings()).get(request(&url), now()).await;
    assert_error!(result, FetchError::TooSlow { received_bytes: 1..SLOW_BYTES_MIN, .. });
    let get = Get { deadline: Duration::from_millis(150), ..request(&url) };
    let result = net(settings()).get(get, now()).await;
    assert_error!(result, FetchError::Deadline { stage: Stage::Body, .. });
}

#[tokio::test]
async fn a_body_that_is_slow_enough_to_be_fine_is_read() {
    let server = Server::start(|_, mut stream, _| async move {
        read_header(&mut stream).await;
        say(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 81920\r\n\r\n").await;
        let mut drip = tokio::time::interval(Duration::from_millis(50));
        for _ in 0..20 {
            drip.tick().await;
            say(&mut stream, &[b'x'; SLOW_BYTES_MIN]).await;
        }
    })
    .await;
    let reply = net(settings()).get(request(&server.url()), now()).await.unwrap();
    assert_eq!(reply.body.len(), 81_920);
}

#[tokio::test]
async fn a_header_that_does_not_end_is_given_up() {
    let server = dripping("HTTP/1.1 200 OK\r\nX-Endless: ").await;
    let url = server.url();
    let get = Get { deadline: Duration::from_millis(300), ..request(&url) };
    let result = net(settings()).get(get, now()).await;
    assert_error!(result, FetchError::Deadline { stage: Stage::Header, .. });
}

#[tokio::test]
async fn a_huge_header_is_no_answer() {
    for line in ["X-Huge: eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\r\n", "X-Endless"] {
        let server = Server::start(move |_, mut stream, _| async move {
            read_header(&mut stream).await;
            say(&mut stream, b"HTTP/1.1 200 OK\r\n").await;
            while say(&mut stream, line.as_bytes()).await {}
        })
        .await;
        let result = net(settings()).get(request(&server.url()), now()).await;
        assert_error!(result, FetchError::Broken { stage: Stage::Header, .. });
    }
}

#[tokio::test]
async fn what_is_not_http_is_no_answer() {
    for noise in
        ["SSH-2.0-OpenSSH\r\n\r\n", "\0\0\0", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"]
    {
        let error = ask(noise).await;
        assert_error!(error, FetchError::Broken { stage: Stage::Header, .. });
    }
}

#[tokio::test]
async fn a_body_shorter_than_its_length_is_broken() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nnine byte";
    assert_error!(ask(short).await, FetchError::Broken { stage: Stage::Body, .. });
    let no_last_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n";
    assert_error!(ask(no_last_chunk).await, FetchError::Broken { stage: Stage::Body, .. });
}

#[tokio::test] // RFC 9112 §6.3: the length decides; what follows is no part of this answer, nor of the next.
async fn a_body_longer_than_its_length_is_cut() {
    let server = Server::saying(
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfourHTTP/1.1 500 Injected\r\n\r\n",
    )
    .await;
    let (net, url) = (net(settings()), server.url());
    for _ in 0..2 {
        let reply = net.get(request(&url), now()).await.unwrap();
        assert_eq!((reply.status, reply.body), (200, b"four".to_vec()));
    }
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_redirect_is_a_status() {
    let server =
        Server::saying("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
            .await;
    let reply = net(settings()).get(request(&server.url()), now()).await.unwrap();
    assert_eq!((reply.status, server.seen().len()), (302, 1));
}

#[tokio::test]
async fn a_refusal_says_when_to_come_back() {
    for (value, seconds) in [
        ("7", Some(7)),
        ("0", Some(0)),
        ("Tue, 24 Nov 2026 02:00:30 GMT", Some(30)),
        ("Tuesday, 24-Nov-26 02:01:00 GMT", Some(60)),
        ("Tue, 24 Nov 2026 01:00:00 GMT", Some(0)),
        ("Fri, 24 Nov 2056 01:00:00 GMT", Some(3600)),
        ("99999999999999999999999999", Some(3600)),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
    ] {
        let reply =
            ask(answer(&format!("429 Slow\r\nRetry-After: {value}"), b"slow")).await.unwrap();
        assert_eq!((reply.status, reply.body), (429, b"slow".to_vec()));
        assert_eq!(reply.retry_after, seconds.map(Duration::from_secs), "{value}");
    }
    let reply = ask(answer("503 Maintenance", b"")).await.unwrap();
    assert_eq!((reply.status, reply.retry_after), (503, None));
}

#[tokio::test]
async fn a_refusals_body_never_costs_the_status() {
    let long = vec![b'e'; 1_000_000];
    let reply = ask(answer("500 Oops", &long)).await.unwrap();
    assert_eq!((reply.status, reply.body.len()), (500, REFUSAL_BYTES_MAX));
    let reply = ask("HTTP/1.1 429 Slow\r\nRetry-After: 5\r\nContent-Length: 10\r\n\r\nnine byte")
        .await
        .unwrap();
    assert_eq!((reply.status, reply.body.len()), (429, 9));
    assert_eq!(reply.retry_after, Some(Duration::from_secs(5)));
    let reply = ask(answer("404 No\r\nContent-Encoding: gzip", &gzipped(b"no"))).await.unwrap();
    assert_eq!((reply.status, reply.body), (404, b"no".to_vec()));
    for coding in ["gzip", "br"] {
        let reply =
            ask(answer(&format!("404 No\r\nContent-Encoding: {coding}"), b"no")).await.unwrap();
        assert_eq!((reply.status, reply.body.len()), (404, 0));
    }
}

#[tokio::test]
async fn a_connection_reset_at_once_is_broken() {
    let server = Server::start(|_, stream, seen| async move {
        seen.note("connection");
        reset(stream);
    })
    .await;
    let url = server.url();
    let get = Get { connection: Connection::Close, ..request(&url) };
    assert_error!(net(settings()).get(get, now()).await, FetchError::Broken { .. });
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_connection_reset_later_is_broken() {
    for said in [
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour",
    ] {
        let server = Server::start(move |_, mut stream, seen| async move {
            seen.note(read_header(&mut stream).await);
            say(&mut stream, said.as_bytes()).await;
            // The client has to take what was said before the reset discards it.
            let mut given_up = tokio::time::interval(Duration::from_millis(50));
            given_up.tick().await;
            given_up.tick().await;
            reset(stream);
        })
        .await;
        let result = net(settings()).get(request(&server.url()), now()).await;
        assert_error!(result, FetchError::Broken { stage: Stage::Body, .. });
        assert_eq!(server.seen().len(), 1, "half an answer is not asked for again");
    }
}

/// Answers `answers` requests on each connection, then reads one more and closes without a word.
async fn forgetful(answers: usize) -> Server {
    Server::start(move |number, mut stream, seen| async move {
        for _ in 0..answers {
            seen.note(format!("{number}: {}", read_header(&mut stream).await));
            say(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
        }
        seen.note(format!("{number}: {}", read_header(&mut stream).await));
    })
    .await
}

#[tokio::test]
async fn a_kept_connection_that_breaks_is_replaced_once() {
    let (server, net) = (forgetful(1).await, net(settings()));
    let url = server.url();
    assert_eq!(net.get(request(&url), now()).await.unwrap().body, b"ok");
    assert_eq!(net.get(request(&url), now()).await.unwrap().body, b"ok");
    let seen: Vec<_> = server.seen().iter().map(|text| text[..1].to_owned()).collect();
    assert_eq!(seen, ["0", "0", "1"]);
    let server = forgetful(0).await;
    let result = net.get(request(&server.url()), now()).await;
    assert_error!(result, FetchError::Broken { stage: Stage::Header, .. });
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn connections_are_kept_or_closed_as_asked() {
    let (server, net) = (forgetful(9).await, net(settings()));
    let url = server.url();
    for connection in
        [Connection::KeepAlive, Connection::KeepAlive, Connection::Close, Connection::Close]
    {
        net.get(Get { connection, ..request(&url) }, now()).await.unwrap();
    }
    let seen = server.seen();
    let closes = |text: &String| (text[..1].to_owned(), text.contains("connection: close\r\n"));
    let seen: Vec<_> = seen.iter().filter(|text| text.len() > 3).map(closes).collect();
    let expected = [("0", false), ("0", false), ("1", true), ("2", true)];
    assert_eq!(seen, expected.map(|(connection, closes)| (connection.to_owned(), closes)));
}

#[tokio::test]
async fn a_closed_port_cannot_be_connected_to() {
    let address = Server::saying("").await.address; // The server is gone again at the semicolon.
    let url = format!("http://{address}/");
    let result = net(settings()).get(request(&url), now()).await;
    assert_error!(&result, FetchError::Connect { proxied: None, .. });
    assert_eq!(result.unwrap_err().to_string(), "cannot connect to 127.0.0.1");
}

#[tokio::test]
async fn a_name_without_address_cannot_be_resolved() {
    // No label has more than 63 bytes (RFC 1035 §2.3.4), so this question never leaves the machine.
    let url = format!("http://{}.example/", "a".repeat(64));
    let result = net(settings()).get(request(&url), now()).await;
    assert_error!(&result, FetchError::Resolve { .. });
    assert!(result.unwrap_err().hint().unwrap().contains("DNS"));
}

#[tokio::test]
async fn redirects_keep_the_url_and_reach_nothing_else() {
    let server = Server::saying(answer("200 OK", b"ok")).await;
    let table = Redirects::new([("Log.example".to_owned(), server.address)]);
    let net = net(Settings { redirects: Some(table), ..settings() });
    assert_eq!(net.get(request("http://log.example/a"), now()).await.unwrap().body, b"ok");
    assert_eq!(net.get(request("http://LOG.example:80/b"), now()).await.unwrap().body, b"ok");
    assert_eq!(net.get(request(&server.url()), now()).await.unwrap().body, b"ok");
    let seen = server.seen();
    assert!(
        seen[0].contains("host: log.example\r\n") && seen[1].contains("host: log.example\r\n"),
        "{seen:?}"
    );
    for outside in [
        "http://elsewhere.example/",
        "http://log.example:8080/",
        "https://192.0.2.1/",
        "http://[2001:db8::1]/",
        "http://log.example./",
    ] {
        assert_error!(net.get(request(outside), now()).await, FetchError::Resolve { .. });
    }
}

#[tokio::test]
async fn a_bad_url_is_named() {
    let long = format!("https://log.example/{}", "a".repeat(URL_BYTES_MAX));
    for (url, expected) in [
        ("", UrlFault::Syntax),
        ("log.example/ct", UrlFault::Syntax),
        ("https://", UrlFault::Syntax),
        ("https://log example/", UrlFault::Syntax),
        ("ftp://log.example/", UrlFault::Scheme),
        ("file:///etc/passwd", UrlFault::Scheme),
        ("https://user@log.example/", UrlFault::Credentials),
        ("https://:password@log.example/", UrlFault::Credentials),
        (long.as_str(), UrlFault::TooLong),
    ] {
        let result = net(settings()).get(request(url), now()).await;
        assert_error!(result, FetchError::BadUrl { fault, url } if *fault == expected && url.len() <= 200);
    }
    let get = Get { vantage: "moon", ..request("https://log.example/") };
    let error = net(settings()).get(get, now()).await.unwrap_err();
    assert!(matches!(&error, FetchError::UnknownVantage(name) if name == "moon"));
    assert!(error.hint().is_some());
}
