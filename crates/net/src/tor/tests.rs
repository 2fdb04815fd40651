use super::*;
use crate::net::{Roots, Settings};
use crate::tests::server::{Server, say};
use crate::vantage::Vantage;

const COOKIE: [u8; 32] = [7; 32];

type Answer = fn(&str) -> String;

/// Something at a control port, which answers each command by `answer`.
async fn control(answer: Answer) -> Server {
    Server::start(move |_, stream, seen| async move {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        while stream.read_line(&mut line).await.is_ok_and(|length| length > 0) {
            seen.note(line.trim_end());
            say(stream.get_mut(), answer(line.trim_end()).as_bytes()).await;
            line.clear();
        }
    })
    .await
}

/// A tor with one circuit for `p1`, two for `p2` that carry nothing, and one for `over`.
fn tor(line: &str) -> String {
    let (a, b) = ("A".repeat(40), "B".repeat(40));
    match line {
        "GETINFO stream-status" => {
            "250-stream-status=9 SUCCEEDED 4 192.0.2.1:5222\r\n250 OK\r\n".to_owned()
        }
        "GETINFO circuit-status" => format!(
            "250+circuit-status=\r\n4 BUILT ${a}~g,${b}~exit PURPOSE=GENERAL SOCKS_USERNAME=\"p1\"\r\n\
             5 BUILT ${a}~g PURPOSE=GENERAL SOCKS_USERNAME=\"p2\"\r\n\
             6 BUILT ${b}~h PURPOSE=GENERAL SOCKS_USERNAME=\"p2\"\r\n\
             7 BUILT ${a}~g PURPOSE=GENERAL SOCKS_USERNAME=\"over\"\r\n\
             8 EXTENDED ${b}~h PURPOSE=GENERAL SOCKS_USERNAME=\"over\"\r\n\
             9 BUILT ${a}~g PURPOSE=HS_CLIENT_REND SOCKS_USERNAME=\"onion\"\r\n\
             10 BUILT ${a}~g PURPOSE=CIRCUIT_PADDING SOCKS_USERNAME=\"onion\"\r\n.\r\n250 OK\r\n"
        ),
        line if line.starts_with("GETINFO ns/id/B") => format!(
            "250+ns/id/{b}=\r\nr exit AAAA 2026-11-29 00:00:00 192.0.2.77 9001 0\r\ns Exit\r\n.\r\n250 OK\r\n"
        ),
        "GETINFO ip-to-country/192.0.2.77" => {
            "250-ip-to-country/192.0.2.77=de\r\n250 OK\r\n".to_owned()
        }
        line if line.starts_with("GETINFO md/id/B") => {
            format!("250+md/id/{b}=\r\nonion-key\r\nfamily ${a}\r\n.\r\n250 OK\r\n")
        }
        "GETCONF ExitNodes StrictNodes" => "250-ExitNodes={se}\r\n250 StrictNodes=0\r\n".to_owned(),
        "GETCONF ConfluxEnabled" => "250 ConfluxEnabled=auto\r\n".to_owned(),
        line if line.starts_with("AUTHCHALLENGE") => {
            format!(
                "250 AUTHCHALLENGE SERVERHASH={} SERVERNONCE={}\r\n",
                "0".repeat(64),
                "1".repeat(64)
            )
        }
        _ => "250 OK\r\n".to_owned(),
    }
}

async fn log_in(server: &Server, login: ControlLogin) -> Result<TorControl, TorError> {
    let control = Some(Control { address: server.address.to_string(), login });
    let route = Route::Tor { address: "127.0.0.1:9050".to_owned(), control };
    let vantages = vec![
        Vantage { name: "tor".to_owned(), route },
        Vantage { name: "direct".to_owned(), route: Route::Direct },
    ];
    let net = Net::new(Settings {
        contact: "ops@example.org".to_owned(),
        roots: Roots::Only(Vec::new()),
        redirects: None,
        vantages,
    })
    .unwrap();
    assert!(matches!(net.tor("direct").await, Err(TorError::NoControl(_))));
    assert!(matches!(net.tor("x").await, Err(TorError::UnknownVantage(_))));
    net.tor("tor").await
}

fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    file
}

#[tokio::test]
async fn tor_says_which_exit_a_connection_took() {
    let server = control(tor).await;
    let mut tor = log_in(&server, ControlLogin::None).await.unwrap();
    let exit = tor.exit_of("p1").await.unwrap().unwrap();
    let expected = TorExit {
        circuit: 4,
        fingerprint: "B".repeat(40),
        nickname: Some("exit".to_owned()),
        address: Some("192.0.2.77".parse().unwrap()),
        country: Some("de".to_owned()),
        family: Some("A".repeat(40)),
    };
    assert_eq!(exit, expected);
    let over = tor.exit_of("over").await.unwrap().unwrap();
    assert_eq!((over.circuit, over.fingerprint, over.address), (7, "A".repeat(40), None));
    for isolation in ["p2", "p3", "onion"] {
        assert_eq!(tor.exit_of(isolation).await.unwrap(), None);
    }
    assert!(tor.splits().await.unwrap());
}

#[tokio::test]
async fn named_exits_are_put_back() {
    let server = control(tor).await;
    let mut tor = log_in(&server, ControlLogin::None).await.unwrap();
    let fingerprint = "C".repeat(40);
    tor.name_exits(std::slice::from_ref(&fingerprint)).await.unwrap();
    tor.name_exits(&["{de}".to_owned(), "{fr}".to_owned()]).await.unwrap();
    tor.restore().await.unwrap();
    // Nothing is left to put back.
    tor.restore().await.unwrap();
    for wrong in ["exit3", "{DE}", "{deu}", "a\r\nSIGNAL HALT", ""] {
        let error = tor.name_exits(&[wrong.to_owned()]).await.unwrap_err();
        assert!(matches!(error, TorError::BadExit(_)), "{error:?}");
    }
    let named = format!("RESETCONF ExitNodes=\"{fingerprint}\" StrictNodes=\"1\"");
    let expected = [
        "AUTHENTICATE",
        "GETCONF ExitNodes StrictNodes",
        &named,
        "RESETCONF ExitNodes=\"{de},{fr}\" StrictNodes=\"1\"",
        "RESETCONF ExitNodes=\"{se}\" StrictNodes=\"0\"",
    ];
    assert_eq!(server.seen(), expected);
}

#[tokio::test]
async fn a_password_is_quoted_and_a_cookie_stays_here() {
    let server = control(tor).await;
    let password = file(b"a \"b\" \\c\r\nSIGNAL HALT\n");
    let login = ControlLogin::PasswordFile(password.path().to_owned());
    log_in(&server, login).await.unwrap();
    assert_eq!(server.seen(), ["AUTHENTICATE \"a \\\"b\\\" \\\\c\""]);

    let cookie = file(&COOKIE);
    let error =
        log_in(&server, ControlLogin::CookieFile(cookie.path().to_owned())).await.unwrap_err();
    assert!(matches!(error, TorError::Impostor { .. }), "{error:?}");
    assert!(!server.seen().iter().any(|line| line.contains(&hex(&COOKIE))));

    let gone = ControlLogin::CookieFile("/nonexistent/cookie".into());
    let error = log_in(&server, gone).await.unwrap_err();
    assert_eq!(error.to_string(), "cannot read /nonexistent/cookie");
}

#[tokio::test]
async fn what_is_not_tor_is_told() {
    let cases: [(Answer, &str); 4] = [
        (
            |_| "515 Authentication failed\r\n".to_owned(),
            "refused AUTHENTICATE: 515 Authentication failed",
        ),
        (|_| "HTTP/1.1 400 Bad Request\r\n".to_owned(), "is not tor's"),
        (|_| "250-".repeat(LINE_BYTES_MAX), "is not tor's"),
        (|_| "250-a\r\n".repeat(20_000), "is not tor's"),
    ];
    for (answer, expected) in cases {
        let server = control(answer).await;
        let error = log_in(&server, ControlLogin::None).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}
