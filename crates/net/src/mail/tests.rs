use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::net::{Patience, Redirects, Roots, Settings};
use crate::tests::authority::{Ca, for_name, tls_config};
use crate::tests::server::{Seen, Server, say};

mod aiosmtpd;

/// What the server does instead of a proper answer to the command that begins with `at`.
#[derive(Clone)]
struct Twist {
    at: &'static str,
    does: Does,
}

#[derive(Clone)]
enum Does {
    Say(String),
    Stall,
    Vanish,
    Endless(&'static [u8]),
}

fn twist(at: &'static str, says: &str) -> Option<Twist> {
    Some(Twist { at, does: Does::Say(format!("{says}\r\n")) })
}

const AUTH_BOTH: &str = "250-mail.example\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n";

/// Speaks until the client or the twist ends it. Returns whether TLS comes next.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    greets: bool,
    twist: &Option<Twist>,
    seen: &Seen,
) -> bool {
    if greets && !answer(stream, "greeting", "220 ready\r\n", twist).await {
        return false;
    }
    let mut prompts = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        seen.note(line.trim_end());
        let command = line.split_whitespace().next().unwrap_or_default().to_owned();
        let usual = match command.as_str() {
            "EHLO" => AUTH_BOTH,
            "DATA" => "354 go on\r\n",
            "STARTTLS" => "220 go on\r\n",
            "." => "250 taken\r\n",
            "AUTH" if line.starts_with("AUTH PLAIN") => "235 welcome\r\n",
            "AUTH" => "334 VXNlcm5hbWU6\r\n",
            "MAIL" | "RCPT" => "250 fine\r\n",
            "QUIT" => "221 bye\r\n",
            _ => {
                prompts += 1;
                if prompts == 1 { "334 UGFzc3dvcmQ6\r\n" } else { "235 welcome\r\n" }
            }
        };
        if command == "DATA" && answer(stream, "DATA", usual, twist).await {
            let mut content = String::new();
            while !content.ends_with("\r\n.\r\n") {
                if stream.read_line(&mut content).await.unwrap_or(0) == 0 {
                    return false;
                }
            }
            seen.note(content);
            if !answer(stream, ".", "250 taken\r\n", twist).await {
                return false;
            }
        } else if command == "DATA" || !answer(stream, &command, usual, twist).await {
            return false;
        }
        if command == "STARTTLS" {
            return true;
        }
    }
}

/// Whether the conversation goes on.
async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    at: &str,
    usual: &str,
    twist: &Option<Twist>,
) -> bool {
    match twist.as_ref().filter(|twist| twist.at == at).map(|twist| &twist.does) {
        None => say(stream, usual.as_bytes()).await,
        Some(Does::Say(text)) => {
            say(stream, text.as_bytes()).await && matches!(text.as_bytes()[0], b'2' | b'3')
        }
        Some(Does::Vanish) => false,
        Some(Does::Stall) => std::future::pending().await,
        Some(Does::Endless(bytes)) => {
            while say(stream, bytes).await {}
            false
        }
    }
}

/// A mail server, and what it takes to reach it.
struct Post {
    server: Server,
    net: Net,
    security: Security,
    login: Option<Login>,
}

impl Post {
    async fn office(security: Security, twist: Option<Twist>) -> Self {
        let ca = Ca::named("A");
        Self::certified(&ca, ca.certify(for_name("mail.example")), security, twist).await
    }

    async fn certified(
        trusted: &Ca,
        (certificate, key): (rustls_pki_types::CertificateDer<'static>, rcgen::KeyPair),
        security: Security,
        twist: Option<Twist>,
    ) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(tls_config(certificate, &key)));
        let server = Server::start(move |_, stream, seen| {
            let (acceptor, twist) = (acceptor.clone(), twist.clone());
            async move {
                if security == Security::Tls {
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    converse(&mut BufReader::new(stream), true, &twist, &seen).await;
                    return;
                }
                let mut stream = BufReader::new(stream);
                if converse(&mut stream, true, &twist, &seen).await {
                    let Ok(stream) = acceptor.accept(stream.into_inner()).await else { return };
                    seen.note("TLS");
                    converse(&mut BufReader::new(stream), false, &twist, &seen).await;
                }
            }
        })
        .await;
        let table = Redirects::new([("mail.example".to_owned(), server.address)]);
        let net = net(Some(table), vec![trusted.root.clone()]);
        let login = Login::new("watch".to_owned(), "pässword".to_owned());
        Self { server, net, security, login }
    }

    async fn send(&self, deadline: Duration) -> Result<(), MailError> {
        let server = MailServer {
            host: "mail.example".to_owned(),
            port: 587,
            security: self.security,
            login: self.login.clone(),
        };
        deliver(&self.net, &server, deadline).await
    }
}

fn net(redirects: Option<Redirects>, roots: Vec<rustls_pki_types::CertificateDer<'static>>) -> Net {
    let settings = Settings {
        contact: "ops@example.org".to_owned(),
        roots: Roots::Only(roots),
        redirects,
        vantages: Vec::new(),
    };
    let (connect, connect_proxy) = (Duration::from_secs(2), Duration::from_secs(2));
    let slow_window = Duration::from_millis(300);
    Net::with_patience(settings, Patience { connect, connect_proxy, slow_window }).unwrap()
}

const SUBJECT: &str =
    "[critical] unerwartetes Zertifikat für xmpp.example.org\r\nBcc: evil@example";
const TEXT: &str = "Ein Zertifikat für xmpp.example.org.\n.\n..zwei\nEnde \u{202e}\n";

async fn deliver(net: &Net, server: &MailServer, deadline: Duration) -> Result<(), MailError> {
    let (from, to) = ("watch@example.org".parse().unwrap(), "ops@example.org".parse().unwrap());
    let (id, subject, text) = ("report-7", SUBJECT, TEXT);
    let mail = Mail { server, from: &from, to: &to, id, subject, text, deadline };
    net.mail(&mail, "2026-11-24T02:00:00Z".parse().unwrap()).await
}

const LONG: Duration = Duration::from_secs(20);

const CONTENT: &str = "Date: Tue, 24 Nov 2026 02:00:00 -0000\r\n\
From: Countersign <watch@example.org>\r\n\
To: <ops@example.org>\r\n\
Message-ID: <countersign.ID@example.org>\r\n\
Subject: =?utf-8?B?W2NyaXRpY2FsXSB1bmVyd2FydGV0ZXMgWmVydGlmaWthdCBmw7xy?=\r\n \
=?utf-8?B?IHhtcHAuZXhhbXBsZS5vcmfvv73vv71CY2M6IGV2aWxAZXhhbXBs?=\r\n \
=?utf-8?B?ZQ==?=\r\n\
Auto-Submitted: auto-generated\r\n\
MIME-Version: 1.0\r\n\
Content-Type: text/plain; charset=utf-8\r\n\
Content-Transfer-Encoding: quoted-printable\r\n\
\r\n\
Ein Zertifikat f=C3=BCr xmpp.example.org.\r\n..\r\n...zwei\r\nEnde =E2=80=AE\r\n.\r\n";

#[tokio::test]
async fn a_mail_is_handed_over_under_tls() {
    let office = Post::office(Security::StartTls, None).await;
    office.send(LONG).await.unwrap();
    let expected = [
        "EHLO [127.0.0.1]",
        "STARTTLS",
        "TLS",
        "EHLO [127.0.0.1]",
        "AUTH PLAIN AHdhdGNoAHDDpHNzd29yZA==",
        "MAIL FROM:<watch@example.org>",
        "RCPT TO:<ops@example.org>",
        "DATA",
        CONTENT,
        "QUIT",
    ];
    let seen = office.server.seen();
    let id = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"report-7");
    let id: String = id.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(seen, expected.map(|line| line.replace("ID@", &format!("{id}@"))));
    let office = Post::office(Security::Tls, None).await;
    office.send(LONG).await.unwrap();
    assert_eq!(office.server.seen(), seen[3..]);
}

#[tokio::test]
async fn a_server_on_this_machine_needs_no_tls() {
    let mut office = Post::office(Security::Loopback, None).await;
    office.login = None;
    office.send(LONG).await.unwrap();
    assert_eq!(office.server.seen()[1], "MAIL FROM:<watch@example.org>");
    let server = MailServer {
        host: "192.0.2.1".to_owned(),
        port: 25,
        security: Security::Loopback,
        login: None,
    };
    let result = deliver(&net(None, Vec::new()), &server, LONG).await;
    assert!(matches!(result, Err(MailError::NotLoopback { .. })), "{result:?}");
    let outside = deliver(&office.net, &server, LONG).await;
    assert!(matches!(outside, Err(MailError::Resolve { .. })), "{outside:?}");
}

#[tokio::test]
async fn login_is_the_fallback_of_plain() {
    let office =
        Post::office(Security::Tls, twist("EHLO", "250-x\r\n250 auth login cram-md5")).await;
    office.send(LONG).await.unwrap();
    assert_eq!(office.server.seen()[1..4], ["AUTH LOGIN", "d2F0Y2g=", "cMOkc3N3b3Jk"]);
    let office = Post::office(Security::Tls, twist("EHLO", "250-x\r\n250 AUTH CRAM-MD5")).await;
    let result = office.send(LONG).await;
    assert!(matches!(result, Err(MailError::NoLogin { .. })), "{result:?}");
}

const STAGES: [(&str, Stage); 8] = [
    ("greeting", Stage::Greeting),
    ("EHLO", Stage::Hello),
    ("STARTTLS", Stage::Tls),
    ("AUTH", Stage::Login),
    ("MAIL", Stage::From),
    ("RCPT", Stage::To),
    ("DATA", Stage::Data),
    (".", Stage::Content),
];

#[tokio::test]
async fn a_refusal_is_told_with_its_stage_and_words() {
    for (at, expected) in STAGES {
        for refusal in [554, 451] {
            let says = format!("{refusal}-5.7.1 No.\r\n{refusal} \u{1b}[2JGo away");
            let office = Post::office(Security::StartTls, twist(at, &says)).await;
            let error = office.send(LONG).await.unwrap_err();
            let MailError::Refused { stage, code, text, .. } = &error else { panic!("{error:?}") };
            assert_eq!((*stage, *code), (expected, refusal));
            assert_eq!(text, "5.7.1 No. \u{1b}[2JGo away");
            assert!(!error.to_string().contains('\u{1b}'), "{error}");
            let about_content = matches!(expected, Stage::Data | Stage::Content);
            assert_eq!(error.rejects_content(), about_content && refusal == 554, "{at} {refusal}");
        }
    }
}

#[tokio::test]
async fn a_server_that_vanishes_is_told_with_its_stage() {
    for (at, expected) in STAGES {
        let vanishes = Some(Twist { at, does: Does::Vanish });
        let error = Post::office(Security::StartTls, vanishes).await.send(LONG).await.unwrap_err();
        let MailError::Broken { stage, .. } = error else { panic!("{error:?}") };
        assert_eq!(stage, expected);
    }
}

#[tokio::test]
async fn a_server_that_stalls_is_given_up_at_the_deadline() {
    let mut waits = tokio::task::JoinSet::new();
    for (at, expected) in STAGES {
        waits.spawn(async move {
            let stalls = Some(Twist { at, does: Does::Stall });
            let office = Post::office(Security::StartTls, stalls).await;
            let error = office.send(Duration::from_secs(1)).await.unwrap_err();
            let MailError::Deadline { stage, .. } = error else { panic!("{error:?}") };
            assert_eq!(stage, expected);
        });
    }
    waits.join_all().await;
}

#[tokio::test]
async fn an_endless_answer_is_not_read() {
    for bytes in [b"250-x".as_slice(), b"250-x\r\n", b"xxxxxxxx\n", b"2\r\n", b"\xff"] {
        for (at, expected) in STAGES {
            let endless = Some(Twist { at, does: Does::Endless(bytes) });
            let office = Post::office(Security::StartTls, endless).await;
            let error = office.send(LONG).await.unwrap_err();
            let MailError::NotSmtp { stage, .. } = error else { panic!("{bytes:?} {error:?}") };
            assert_eq!(stage, expected);
        }
    }
}

#[tokio::test]
async fn an_answer_of_the_wrong_kind_is_not_smtp() {
    for (at, says) in [
        ("greeting", "354 go on"),
        ("EHLO", "250-a\r\n251 b"),
        ("MAIL", "354 go on"),
        ("DATA", "250 fine"),
        (".", "354 more"),
        ("RCPT", "HTTP/1.1 400 Bad Request"),
    ] {
        let error = Post::office(Security::Tls, twist(at, says)).await.send(LONG).await;
        assert!(matches!(error, Err(MailError::NotSmtp { .. })), "{at}: {error:?}");
    }
}

#[tokio::test]
async fn a_missing_goodbye_costs_nothing() {
    for does in [Does::Vanish, Does::Stall, Does::Endless(b"x"), Does::Say("500 no\r\n".into())] {
        let office = Post::office(Security::Tls, Some(Twist { at: "QUIT", does })).await;
        office.send(LONG).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_server_without_a_trusted_certificate() {
    let (ca, other) = (Ca::named("A"), Ca::named("A"));
    for security in [Security::Tls, Security::StartTls] {
        for certified in
            [ca.certify(for_name("evil.example")), other.certify(for_name("mail.example"))]
        {
            let office = Post::certified(&ca, certified, security, None).await;
            let error = office.send(LONG).await.unwrap_err();
            assert!(matches!(error, MailError::Tls { .. }), "{error:?}");
            assert!(error.hint().unwrap().contains("someone may be in between"));
            assert!(!office.server.seen().iter().any(|line| line.starts_with("AUTH")));
        }
    }
}

#[tokio::test]
async fn nobody_takes_starttls_away_or_speaks_before_it() {
    let office = Post::office(Security::StartTls, twist("EHLO", "250 AUTH PLAIN")).await;
    let result = office.send(LONG).await;
    assert!(matches!(result, Err(MailError::NoStartTls { .. })), "{result:?}");
    let injects = twist("STARTTLS", "220 go on\r\n250-mail.example\r\n250 AUTH PLAIN");
    let office = Post::office(Security::StartTls, injects).await;
    let result = office.send(LONG).await;
    assert!(matches!(result, Err(MailError::Injected { .. })), "{result:?}");
    assert_eq!(office.server.seen(), ["EHLO [127.0.0.1]", "STARTTLS"]);
}

#[tokio::test]
async fn a_server_that_does_not_run_is_named() {
    let address = Server::saying("").await.address; // closed again
    let server = MailServer {
        host: address.ip().to_string(),
        port: address.port(),
        security: Security::Loopback,
        login: None,
    };
    let error = deliver(&net(None, Vec::new()), &server, LONG).await.unwrap_err();
    assert!(matches!(error, MailError::Connect { .. }), "{error:?}");
    assert_eq!(error.to_string(), "cannot connect to 127.0.0.1");
}

#[test]
fn a_mailbox_can_stand_anywhere() {
    for text in ["ops@example.org", "a.b+c@localhost", "x@[192.0.2.1]", "x@[IPv6:2001:db8::1]"] {
        assert_eq!(text.parse::<Mailbox>().unwrap().to_string(), text);
    }
    let long = format!("{}@example.org", "x".repeat(65));
    for text in [
        "",
        "@",
        "a@",
        "@b",
        "ops",
        "a b@c",
        "a@b c",
        "a@b>\r\nRCPT TO:<c@d",
        "a\r\n@b",
        "ö@b",
        "a@ö",
        ".a@b",
        "a..b@c",
        "\"a\"@b",
        "<a@b>",
        "a@b.",
        "a@-b",
        "a@[1]",
        "a@@b",
        "a,b@c",
        &long,
    ] {
        assert_eq!(text.parse::<Mailbox>(), Err(NotAMailbox), "{text:?}");
    }
}

proptest::proptest! {
    #[test]
    fn a_mailbox_prints_as_it_was_read(text in "[ -~]{0,12}@[ -~]{0,12}|[a-z.+]{1,9}@[a-z0-9.-]{1,20}") {
        if let Ok(mailbox) = text.parse::<Mailbox>() {
            assert_eq!(mailbox.to_string(), text);
            assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>()\",;:\\".contains(&byte)));
        }
    }
}

#[test]
fn a_password_is_never_printed() {
    let login = Login::new("watch".to_owned(), "secret".to_owned()).unwrap();
    assert!(!format!("{login:?}").contains("secret"));
    assert_eq!(Login::new("watch".to_owned(), "a\0b".to_owned()), None);
    assert_eq!(Login::new(String::new(), "secret".to_owned()), None);
}
