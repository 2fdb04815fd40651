use std::io::Write as _;
use std::process::{Command, Stdio};

use countersign_net::Clock;
use countersign_sct as sct;

use super::*;
use crate::log::{Protocol, Settings};

async fn log(authority: &Authority, protocol: Protocol) -> LogServer {
    let clock = Clock::simulated("2026-11-24T12:00:00Z".parse().unwrap());
    let roots = vec![authority.root().to_vec()];
    let settings = Settings { roots, ..Settings::plain("log", protocol, clock) };
    LogServer::start(settings).await.unwrap()
}

fn request(key: &SubjectKey) -> Request<'_> {
    Request {
        names: ["www.example.org", "*.example.org", "192.0.2.1"].map(str::to_owned).to_vec(),
        key,
        not_before: "2026-11-24T00:00:00Z".parse().unwrap(),
        not_after: "2027-01-10T00:00:00Z".parse().unwrap(),
        rewrite: None,
    }
}

/// What `openssl` says, or `None` where there is no such program.
fn openssl(arguments: &[&str], input: &[u8]) -> Option<(bool, String)> {
    let spawned = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = spawned else {
        eprintln!("skipped: no openssl on this machine");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no openssl under CI=true");
        return None;
    };
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8(said).unwrap()))
}

#[tokio::test] // RFC 6962 §3.2, §3.3
async fn embedded_scts_verify() {
    let authority = Authority::new("Test", 1);
    let logs =
        [log(&authority, Protocol::Rfc6962).await, log(&authority, Protocol::StaticCt).await];
    let key = SubjectKey::generate();
    let issued = authority.issue_logged(&request(&key), &[&logs[0], &logs[1]]).unwrap();
    let list = sct::embedded_list(&issued.certificate).unwrap().unwrap();
    let scts: Vec<sct::Sct> =
        sct::parse_list(list).unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(scts.len(), 2);
    let tbs = sct::precert_tbs(&issued.certificate).unwrap();
    assert_eq!(tbs, sct::precert_tbs(issued.precertificate.as_ref().unwrap()).unwrap());
    let issuer_key_hash = sct::issuer_key_hash(sct::spki_of(authority.intermediate()).unwrap());
    for (found, log) in scts.iter().zip(&logs) {
        let entry = sct::SignedEntry::Precert { issuer_key_hash, tbs: &tbs };
        let log_key = sct::LogKey::from_spki(log.spki()).unwrap();
        assert_eq!(found.log_id, log_key.id());
        sct::verify_sct(found, &entry, &log_key).unwrap();
    }
    assert_eq!((scts[0].leaf_index(), scts[1].leaf_index()), (None, Some(0)));
}

#[tokio::test]
async fn openssl_reads_and_verifies_what_is_issued() {
    let authority = Authority::new("Test", 1);
    let log = log(&authority, Protocol::StaticCt).await;
    let key = SubjectKey::generate();
    let issued = authority.issue_logged(&request(&key), &[&log]).unwrap();
    let arguments = ["x509", "-inform", "DER", "-noout", "-text"];
    let Some((read, text)) = openssl(&arguments, &issued.certificate) else { return };
    assert!(read, "{text}");
    for expected in [
        "DNS:www.example.org, DNS:*.example.org, IP Address:192.0.2.1",
        "Issuer: O = Countersign Lab, CN = Test Intermediate",
        "Not After : Jan 10 00:00:00 2027 GMT",
        "CT Precertificate SCTs",
        "Timestamp : Nov 24 12:00:00.000 2026 GMT",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let precertificate = issued.precertificate.as_ref().unwrap();
    let (_, text) = openssl(&arguments, precertificate).unwrap();
    assert!(text.contains("CT Precertificate Poison: critical"), "{text}");

    let folder = tempfile::tempdir().unwrap();
    let pem = |name: &str, der: &[u8]| {
        let path = folder.path().join(name);
        let path = path.to_str().unwrap().to_owned();
        let arguments = ["x509", "-inform", "DER", "-out", &path];
        assert!(openssl(&arguments, der).unwrap().0);
        path
    };
    let [root, middle, leaf] = [
        pem("root", authority.root()),
        pem("intermediate", authority.intermediate()),
        pem("leaf", &issued.certificate),
    ];
    let arguments =
        ["verify", "-attime", "1795600000", "-CAfile", &root, "-untrusted", &middle, &leaf];
    let (verified, said) = openssl(&arguments, b"").unwrap();
    assert!(verified, "{said}");
}

#[test]
fn an_unlogged_certificate_has_no_scts() {
    let authority = Authority::new("Test", 1);
    let key = SubjectKey::generate();
    let issued = authority.issue_unlogged(&request(&key)).unwrap();
    assert_eq!(sct::embedded_list(&issued.certificate).unwrap(), None);
    assert!(certificates::signed_by(&issued.certificate, authority.intermediate()));
    assert!(certificates::signed_by(authority.intermediate(), authority.root()));
    assert!(!certificates::signed_by(&issued.certificate, authority.root()));
}

#[test]
fn the_key_that_was_asked_for_is_certified() {
    let authority = Authority::new("Test", 1);
    let (operator, mallory) = (SubjectKey::generate(), SubjectKey::generate());
    assert_ne!(operator.spki(), mallory.spki());
    let known = SubjectKey::public(&operator.spki()).unwrap();
    assert_eq!(known.pkcs8(), None);
    let issued = authority.issue_unlogged(&request(&known)).unwrap();
    assert_eq!(sct::spki_of(&issued.certificate).unwrap(), operator.spki());
    assert!(SubjectKey::public(b"no key").is_none());
}

#[test]
fn serial_numbers_come_from_the_seed() {
    let serials = |seed: u64| {
        let authority = Authority::new("Test", seed);
        let key = SubjectKey::generate();
        [1, 2].map(|_| {
            let issued = authority.issue_unlogged(&request(&key)).unwrap();
            // Version, then the serial number (RFC 5280 §4.1).
            certificates::tbs_of(&issued.certificate).unwrap()[9..27].to_vec()
        })
    };
    assert_eq!(serials(1), serials(1));
    assert_ne!(serials(1), serials(2));
    let [first, second] = serials(1);
    assert_ne!(first, second);
    assert_eq!(first[..2], [2, 16]);
}

#[tokio::test]
async fn rewritten_certificates_are_signed_as_rewritten() {
    let authority = Authority::new("Test", 1);
    let log = log(&authority, Protocol::Rfc6962).await;
    let key = SubjectKey::generate();
    // Puts upper case into a name, which keeps the lengths.
    let shout = |mut tbs: Vec<u8>| {
        let name = b"www.example.org";
        for at in 0..tbs.len() - name.len() {
            if tbs[at..].starts_with(name) {
                tbs[at..at + name.len()].make_ascii_uppercase();
            }
        }
        tbs
    };
    let request = Request { rewrite: Some(Rewrite(&shout)), ..request(&key) };
    let issued = authority.issue_logged(&request, &[&log]).unwrap();
    let found = |der: &[u8]| der.windows(15).any(|name| name == b"WWW.EXAMPLE.ORG");
    assert!(found(&issued.certificate) && found(issued.precertificate.as_ref().unwrap()));
    assert!(certificates::signed_by(&issued.certificate, authority.intermediate()));

    // What no log with scruples can read has a good signature all the same, and a log without takes it.
    let broken = |_| b"no DER".to_vec();
    let request = Request { rewrite: Some(Rewrite(&broken)), ..request };
    let refused = authority.issue_logged(&request, &[&log]);
    assert!(matches!(refused, Err(IssueError::Refused { .. })));
    let issued = authority.issue_unlogged(&request).unwrap();
    log.push(Content::X509 { certificate: issued.certificate }, issued.issuers);
    assert_eq!(log.publish().size, 2);
}
