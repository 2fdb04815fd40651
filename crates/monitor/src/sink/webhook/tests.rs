use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::sink::Sink;
use crate::sink::tests::{message, net, secret};

fn sink(port: u16, deadline: Duration) -> Sink {
    let target = Target::parse(&format!("http://127.0.0.1:{port}/hook?token=hidden")).unwrap();
    let (name, vantage) = ("hook".to_owned(), "direct".to_owned());
    Sink::Webhook(Webhook { name, target, vantage, secret: secret("the secret"), deadline })
}

/// 2026-11-24T02:00:00Z
fn now() -> Timestamp {
    Timestamp::from_second(1_795_485_600).unwrap()
}

/// What becomes of a message to a server that answers like this, then closes, or says no more.
async fn send(answer: &'static str, deadline: Duration) -> Result<(), NotDelivered> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        // To the end: closing a connection with something unread in it resets it.
        let mut request = Vec::new();
        while !request.ends_with(message().json.as_bytes()) {
            request.push(stream.read_u8().await.unwrap());
        }
        if answer.is_empty() {
            std::future::pending::<()>().await;
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    sink(port, deadline).send(&net(), &message(), 2, now()).await
}

const LONG: Duration = Duration::from_secs(20);

/// What an answer means: `""` arrived, `rejected` or `failed` with what is said about it.
async fn check(answer: &'static str, kind: &str, says: &str) {
    let (found, why) = match send(answer, LONG).await {
        Ok(()) => ("", String::new()),
        Err(NotDelivered::Rejected(why)) => ("rejected", why),
        Err(NotDelivered::Failed { why, .. }) => ("failed", why),
    };
    assert_eq!(found, kind, "{answer} {why}");
    assert!(why.contains(says) && !why.contains("hidden"), "{why}");
    assert!(!why.contains('\u{1b}'), "{why}");
}

#[tokio::test]
async fn a_status_says_what_becomes_of_the_message() {
    check("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", "").await;
    check("HTTP/1.1 204 No Content\r\n\r\n", "", "").await;
    check("HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\nno", "", "").await;
    check("HTTP/1.1 400 No\r\n\r\nbad \u{1b}[2J name", "rejected", "400: bad \\u{1b}[2J name")
        .await;
    check("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "rejected", "status 403").await;
    check("HTTP/1.1 408 No\r\nContent-Length: 0\r\n\r\n", "failed", "status 408").await;
    check("HTTP/1.1 425 No\r\nContent-Length: 0\r\n\r\n", "failed", "status 425").await;
    check("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "failed", "status 500").await;
    check("HTTP/1.1 302 Go\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "failed", "302").await;
    check("nonsense", "failed", "the connection to 127.0.0.1 broke").await;
}

#[tokio::test]
async fn when_to_come_back_is_passed_on() {
    let busy = "HTTP/1.1 429 Busy\r\nRetry-After: 77\r\nContent-Length: 0\r\n\r\n";
    let Err(NotDelivered::Failed { retry_after, .. }) = send(busy, LONG).await else { panic!() };
    assert_eq!(retry_after, Some(Duration::from_secs(77)));
}

#[tokio::test]
async fn a_receiver_that_stalls_is_given_up_at_the_deadline() {
    let result = send("", Duration::from_millis(200)).await;
    let Err(NotDelivered::Failed { why, .. }) = result else { panic!("{result:?}") };
    assert_eq!(why, "127.0.0.1 did not answer within 0.2 s");
}

#[test]
fn a_signature_is_that_of_everybody() {
    // printf '1795485600.{}' | openssl dgst -sha256 -hmac 'the secret'
    let expected = "v1=fa40e072efed3334bbd7a08919d17ffe1b0562bfb215d1ee70f2b4d926851d42";
    assert_eq!(signature(&secret("the secret"), "1795485600", "{}"), expected);
}

/// Debian's own Python.
const PYTHON: &str = "/usr/bin/python3";

#[tokio::test]
async fn a_receiver_in_python_finds_the_signature_right() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/src/sink/webhook/tests/receive.py");
    let python = Command::new(PYTHON).args([script, "the secret"]).stdout(Stdio::piped()).spawn();
    let Ok(mut python) = python else {
        eprintln!("skipped: there is no {PYTHON}");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{PYTHON} is missing");
        return;
    };
    let mut output = BufReader::new(python.stdout.take().unwrap());
    let mut port = String::new();
    output.read_line(&mut port).unwrap();
    let sink = sink(port.trim().parse().unwrap(), LONG);
    sink.send(&net(), &message(), 2, now()).await.unwrap();
    let mut printed = String::new();
    output.read_to_string(&mut printed).unwrap();
    assert!(python.wait().unwrap().success());
    let expected = "/hook?token=hidden\napplication/json\nreport-7\nincident-opened\n2\n1795485600\n\
                    genuine\n{'names': ['xmpp.example.org\\x1b']}\n";
    assert_eq!(printed, expected);
}
