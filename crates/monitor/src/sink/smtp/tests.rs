use countersign_net::mail::Security;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;
use crate::sink::Sink;
use crate::sink::tests::{message, net};

/// Sends a message to a server that answers the command beginning with `at` like this. Returns what the
/// server heard as well.
async fn send(
    message: &Message,
    at: &'static str,
    answer: &'static str,
) -> (Result<(), NotDelivered>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (mut stream, mut heard) = (BufReader::new(stream), String::new());
        stream.write_all(b"220 ready\r\n").await.unwrap();
        let mut is_content = false;
        loop {
            let start = heard.len();
            if stream.read_line(&mut heard).await.unwrap_or(0) == 0 {
                return heard;
            }
            let line = &heard[start..];
            let is_end = line == ".\r\n";
            if is_content && !is_end {
                continue;
            }
            is_content = line == "DATA\r\n";
            let usual = if is_content { "354 go on" } else { "250 fine" };
            let says = if line.starts_with(at) { answer } else { usual };
            stream.write_all(format!("{says}\r\n").as_bytes()).await.unwrap();
        }
    });
    let sink = Sink::Smtp(Smtp {
        name: "mail".to_owned(),
        server: MailServer {
            host: "127.0.0.1".to_owned(),
            port,
            security: Security::Loopback,
            login: None,
        },
        from: "watch@example.org".parse().unwrap(),
        to: "ops@example.org".parse().unwrap(),
        deadline: Duration::from_secs(20),
    });
    let now = "2026-11-24T02:00:00Z".parse().unwrap();
    let result = sink.send(&net(), message, 1, now).await;
    (result, server.join_next().await.unwrap().unwrap())
}

#[tokio::test]
async fn a_mail_has_the_text_and_nothing_that_steers() {
    let (result, heard) = send(&message(), "none", "").await;
    assert_eq!(result, Ok(()));
    let text = "What: xmpp.example.org\\u{202e}\\u{1b}[2J<script>\\u{d}\r\nBcc: evil@example\r\n\
                Next: revoke it\r\n.\r\n";
    let unfolded = heard.replace("=\r\n", "");
    // The carriage return before a line end of the text is part of the line end.
    assert!(
        unfolded.ends_with(&format!("\r\n\r\n{}QUIT\r\n", text.replace("\\u{d}\r\n", "\r\n"))),
        "{unfolded}"
    );
    assert!(heard.is_ascii() && !heard.contains("\r\nBcc: evil@example\r\nContent"), "{heard}");
    let header = heard.split("\r\n\r\n").next().unwrap();
    assert!(!header.contains("Bcc"), "{header}");
}

#[tokio::test]
async fn only_the_content_is_rejected() {
    for (at, answer, is_rejected) in [
        (".", "550 spam", true),
        ("DATA", "554 no", true),
        (".", "451 later", false),
        ("MAIL", "550 who?", false),
        ("RCPT", "550 who?", false),
        ("EHLO", "554 no", false),
    ] {
        let (result, _) = send(&message(), at, answer).await;
        let (found, why) = match result {
            Ok(()) => panic!("{at} {answer}"),
            Err(NotDelivered::Rejected(why)) => (true, why),
            Err(NotDelivered::Failed { why, .. }) => (false, why),
        };
        assert_eq!(found, is_rejected, "{at} {answer}");
        assert!(why.starts_with("127.0.0.1 refused "), "{why}");
    }
}

#[tokio::test]
async fn a_bare_message_is_a_mail_too() {
    let (result, heard) = send(&message().bare(), "none", "").await;
    assert_eq!(result, Ok(()));
    assert!(heard.contains("countersign show 17") && !heard.contains("evil"), "{heard}");
}
