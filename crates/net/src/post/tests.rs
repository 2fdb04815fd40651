use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::*;
use crate::net::{Patience, Redirects, Roots, Settings};
use crate::tests::server::{Server, read_header, say};
use crate::vantage::{Route, Vantage};

const BODY: &[u8] = br#"{"event":"incident-opened"}"#;

fn net(redirects: Option<Redirects>) -> Net {
    let settings = Settings {
        contact: "ops@example.org".to_owned(),
        roots: Roots::Only(Vec::new()),
        redirects,
        vantages: vec![Vantage { name: "direct".to_owned(), route: Route::Direct }],
    };
    let patience = Patience {
        connect: Duration::from_secs(2),
        connect_proxy: Duration::from_secs(2),
        slow_window: Duration::from_millis(300),
    };
    Net::with_patience(settings, patience).unwrap()
}

fn post(to: &Target) -> Post<'_> {
    Post {
        to,
        vantage: "direct",
        body: BODY,
        content_type: "application/json",
        headers: &[("idempotency-key", "report-7")],
        deadline: Duration::from_secs(20),
    }
}

async fn send(server: &Server, deadline: Duration) -> Result<Posted, FetchError> {
    let target = Target::parse(&server.url()).unwrap();
    let now = "2026-11-24T02:00:00Z".parse().unwrap();
    net(None).post(Post { deadline, ..post(&target) }, now).await
}

/// A whole request with its body.
async fn read_request(stream: &mut TcpStream) -> String {
    let header = read_header(stream).await;
    let mut body = vec![0; BODY.len()];
    stream.read_exact(&mut body).await.unwrap();
    header + &String::from_utf8(body).unwrap()
}

/// A server that reads a request and says `bytes`, then `again` for ever.
async fn saying(bytes: &'static str, again: &'static [u8]) -> Server {
    Server::start(move |_, mut stream, seen| async move {
        seen.note(read_request(&mut stream).await);
        let mut goes_on = say(&mut stream, bytes.as_bytes()).await && !again.is_empty();
        while goes_on {
            goes_on = say(&mut stream, again).await;
        }
    })
    .await
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_request_says_what_it_is_told_to() {
    let server = saying("HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\nok", b"").await;
    let expected = Posted { status: 202, body: b"ok".to_vec(), retry_after: None };
    assert_eq!(send(&server, LONG).await.unwrap(), expected);
    let request = server.seen()[0].clone();
    assert!(request.starts_with("POST /ct/v1/get-sth HTTP/1.1\r\n"), "{request}");
    for line in [
        "content-type: application/json",
        "idempotency-key: report-7",
        "connection: close",
        "accept-encoding: identity",
        "content-length: 27",
        "user-agent: countersign/0.1 (+ops@example.org)",
    ] {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{line}: {request}");
    }
    assert!(request.ends_with(std::str::from_utf8(BODY).unwrap()), "{request}");
}

#[tokio::test]
async fn a_status_counts_whatever_becomes_of_the_body() {
    for (header, again, length) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n", [b'x'; 0x8000].as_slice(), 0),
        ("HTTP/1.1 200 OK\r\n\r\n", [b'x'; 0x8000].as_slice(), 4096),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", b"", 4),
        ("HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", b"", 0),
        (
            "HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n",
            b"",
            0,
        ),
    ] {
        let server = saying(header, again).await;
        let posted = send(&server, LONG).await.unwrap();
        assert!(header.contains(&posted.status.to_string()), "{posted:?}");
        assert_eq!(posted.body.len(), length, "{header}");
        assert_eq!(server.seen().len(), 1, "no redirect is followed");
    }
}

#[tokio::test]
async fn a_body_in_drips_is_not_waited_for() {
    let server = Server::start(|_, mut stream, _| async move {
        read_request(&mut stream).await;
        say(&mut stream, b"HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n").await;
        let mut drip = tokio::time::interval(Duration::from_millis(5));
        while say(&mut stream, b"x").await {
            drip.tick().await;
        }
    })
    .await;
    assert_eq!(send(&server, LONG).await.unwrap().status, 200);
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let silent = Server::start(|_, mut stream, _| async move {
        while !read_header(&mut stream).await.is_empty() {}
    })
    .await;
    let endless = saying("HTTP/1.1 200 OK\r\nX-Endless: ", b"").await;
    let result = send(&silent, Duration::from_millis(200)).await;
    assert!(matches!(result, Err(FetchError::Deadline { .. })), "{result:?}");
    let result = send(&endless, Duration::from_millis(200)).await;
    assert!(matches!(result, Err(FetchError::Broken { .. })), "{result:?}");
    assert_eq!(endless.seen().len(), 1, "a POST is not repeated");
}

#[tokio::test]
async fn when_to_come_back_is_told() {
    let busy = "HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n";
    let posted = send(&saying(busy, b"").await, LONG).await.unwrap();
    assert_eq!((posted.status, posted.retry_after), (503, Some(Duration::from_secs(120))));
}

#[tokio::test]
async fn nothing_is_sent_that_must_not_be() {
    let server = saying("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"").await;
    let target = Target::parse(&server.url()).unwrap();
    let bad = Post { headers: &[("idempotency-key", "a\r\nb: c")], ..post(&target) };
    let result = net(None).post(bad, Timestamp::UNIX_EPOCH).await;
    assert!(matches!(result, Err(FetchError::BadHeader("idempotency-key"))), "{result:?}");
    let outside = Target::parse("https://hooks.example/").unwrap();
    let result = net(Some(Redirects::new([]))).post(post(&outside), Timestamp::UNIX_EPOCH).await;
    assert!(matches!(result, Err(FetchError::Resolve { .. })), "{result:?}");
    assert!(server.seen().is_empty());
}

#[test]
fn a_target_keeps_its_secret() {
    let target = Target::parse("https://hooks.example:8443/T0/secret?token=secret").unwrap();
    assert_eq!(target.to_string(), "https://hooks.example:8443");
    assert_eq!(format!("{target:?}"), "Target(https://hooks.example:8443/…)");
    assert_eq!(Target::parse("https://user:secret@hooks.example/"), Err(UrlFault::Credentials));
    assert_eq!(Target::parse("ftp://hooks.example/"), Err(UrlFault::Scheme));
}
