//! A real mail server, python3-aiosmtpd: what it took from us is what was sent.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use super::*;

/// Debian's own Python, where its packages are.
const PYTHON: &str = "/usr/bin/python3";

/// Whether it is here. Where everything must be tested, its absence is a failure.
fn is_installed() -> bool {
    let is_there = Command::new(PYTHON)
        .args(["-c", "import aiosmtpd"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success());
    if !is_there {
        eprintln!("skipped: python3-aiosmtpd is not installed");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "python3-aiosmtpd is missing");
    }
    is_there
}

/// What aiosmtpd prints of a mail sent to it.
async fn received(security: Security, argument: &str) -> String {
    let (ca, folder) = (Ca::named("A"), tempfile::tempdir().unwrap());
    let (certificate, key) = ca.certify(for_name("mail.example"));
    let (certificate_file, key_file) =
        (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let base64 = base64_simd::STANDARD.encode_to_string(&certificate);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{base64}\n-----END CERTIFICATE-----\n");
    std::fs::write(&certificate_file, pem).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let mut python = Command::new(PYTHON)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/src/mail/tests/receive.py"))
        .args([certificate_file.as_os_str(), key_file.as_os_str(), argument.as_ref()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(python.stdout.take().unwrap());
    let mut port = String::new();
    output.read_line(&mut port).unwrap();
    let address = SocketAddr::new([127, 0, 0, 1].into(), port.trim().parse().unwrap());
    let net = net(Some(Redirects::new([("mail.example".to_owned(), address)])), vec![ca.root]);
    let login = Login::new("watch".to_owned(), "pässword".to_owned());
    let (host, port) = ("mail.example".to_owned(), address.port());
    let server = MailServer { host, port, security, login };
    let wrong = Login::new("watch".to_owned(), "guess".to_owned());
    let refused = deliver(&net, &MailServer { login: wrong, ..server.clone() }, LONG).await;
    assert!(
        matches!(refused, Err(MailError::Refused { stage: Stage::Login, code: 535, .. })),
        "{refused:?}"
    );
    deliver(&net, &server, LONG).await.unwrap();
    let mut printed = String::new();
    output.read_to_string(&mut printed).unwrap();
    assert!(python.wait().unwrap().success());
    printed
}

#[tokio::test]
async fn aiosmtpd_takes_what_was_sent() {
    if !is_installed() {
        return;
    }
    for (security, argument, tls) in
        [(Security::Tls, "tls", false), (Security::StartTls, "starttls", true)]
    {
        let printed = received(security, argument).await;
        // JSON with ASCII only, as Python prints it.
        for part in [
            r#""from": "watch@example.org", "to": ["ops@example.org"]"#.to_owned(),
            format!(r#""tls": {tls}, "authenticated": true"#),
            r#"["Date", "Tue, 24 Nov 2026 02:00:00 -0000"]"#.to_owned(),
            r#"["From", "Countersign <watch@example.org>"]"#.to_owned(),
            r#"["Subject", "[critical] unerwartetes Zertifikat f\u00fcr xmpp.example.org\ufffd\ufffdBcc: evil@example"]"#.to_owned(),
            r#""text": "Ein Zertifikat f\u00fcr xmpp.example.org.\r\n.\r\n..zwei\r\nEnde \u202e\r\n""#.to_owned(),
            r#""defects": []"#.to_owned(),
        ] {
            assert!(printed.contains(&part), "{part}\nis not in\n{printed}");
        }
        assert!(!printed.contains(r#"["Bcc""#), "{printed}");
    }
}
