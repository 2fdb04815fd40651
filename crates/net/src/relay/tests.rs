use tokio::io::AsyncReadExt;

use super::*;
use crate::net::{Patience, Roots, Settings};
use crate::tests::server::{Server, read_header, say};
use crate::vantage::{Route, Vantage};

const BODY: &[u8] = b"{\"a\":1}";

fn net() -> Net {
    let settings = Settings {
        contact: "ops@example.org".to_owned(),
        roots: Roots::Only(Vec::new()),
        redirects: None,
        vantages: vec![Vantage { name: "direct".to_owned(), route: Route::Direct }],
    };
    let patience = Patience {
        connect: Duration::from_secs(2),
        connect_proxy: Duration::from_secs(2),
        slow_window: Duration::from_millis(300),
    };
    Net::with_patience(settings, patience).unwrap()
}

/// A server that reads a request and says `bytes`.
async fn saying(bytes: &'static str) -> Server {
    Server::start(move |_, mut stream, seen| async move {
        let header = read_header(&mut stream).await;
        let length = if header.starts_with("POST") { BODY.len() } else { 0 };
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        seen.note(header + &String::from_utf8(body).unwrap());
        say(&mut stream, bytes.as_bytes()).await;
    })
    .await
}

async fn relay(server: &Server, ask: Ask<'_>) -> Result<Relayed, FetchError> {
    let to = Target::parse(&server.url()).unwrap();
    let relay = Relay {
        to: &to,
        vantage: "direct",
        host: Some("ca.example:14000"),
        ask,
        headers: &[("authorization", "Bearer x")],
        wanted: &["replay-nonce", "link"],
        body_max: 64,
        deadline: Duration::from_secs(20),
    };
    net().relay(relay).await
}

const POST: Ask<'static> = Ask::Post { body: BODY, content_type: "application/jose+json" };

#[tokio::test]
async fn a_request_is_passed_on_under_the_name_that_was_asked() {
    let server = saying(
        "HTTP/1.1 403 No\r\nReplay-Nonce: n\r\nLink: <a>\r\nLink: <b>\r\nSecret: s\r\n\
         Content-Length: 2\r\n\r\nno",
    )
    .await;
    let relayed = relay(&server, POST).await.unwrap();
    let header = |name, value: &str| (name, value.to_owned());
    let headers = vec![header("replay-nonce", "n"), header("link", "<a>"), header("link", "<b>")];
    assert_eq!(relayed, Relayed { status: 403, headers, body: b"no".to_vec() });
    assert_eq!((relayed.header("link"), relayed.all("link").count()), (Some("<a>"), 2));
    let request = server.seen()[0].clone();
    assert!(request.starts_with("POST /ct/v1/get-sth HTTP/1.1\r\n"), "{request}");
    for line in [
        "host: ca.example:14000",
        "content-type: application/jose+json",
        "authorization: Bearer x",
        "connection: close",
    ] {
        assert!(
            request.to_lowercase().contains(&format!("\r\n{}\r\n", line.to_lowercase())),
            "{request}"
        );
    }
    assert_eq!(request.to_lowercase().matches("\r\nhost:").count(), 1, "{request}");
}

#[tokio::test]
async fn a_head_has_no_body() {
    let server = saying("HTTP/1.1 200 OK\r\nReplay-Nonce: n\r\nContent-Length: 4096\r\n\r\n").await;
    let relayed = relay(&server, Ask::Head).await.unwrap();
    assert_eq!((relayed.header("replay-nonce"), relayed.body.len()), (Some("n"), 0));
    assert!(server.seen()[0].starts_with("HEAD "));
}

#[tokio::test]
async fn half_an_answer_is_none() {
    for status in ["200 OK", "403 No"] {
        let text = format!("HTTP/1.1 {status}\r\nContent-Length: 9\r\n\r\nhalf");
        let server = saying(text.leak()).await;
        let relayed = relay(&server, POST).await;
        assert!(matches!(relayed, Err(FetchError::Broken { .. })), "{relayed:?}");
        let text = format!("HTTP/1.1 {status}\r\n\r\n{}", "x".repeat(65));
        let server = saying(text.leak()).await;
        let relayed = relay(&server, Ask::Get).await;
        assert!(matches!(relayed, Err(FetchError::TooLarge { limit: 64 })), "{relayed:?}");
        assert_eq!(server.seen().len(), 1, "nothing is repeated");
    }
}
