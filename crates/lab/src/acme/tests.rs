//! What the CA gives, and to whom it gives nothing.

use std::process::Stdio;

use countersign_dns::Rtype;
use countersign_gate::acme::Names;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use tokio::process::Command;

use super::customer::csr;
use super::*;
use crate::authority::SubjectKey;
use crate::certificates::signed_by;
use crate::dns::{Change, Forgery};
use crate::estate::{Estate, GUARDED, Zone, name};
use crate::log::Protocol;
use crate::web::Web;

/// An operator with the first account at a CA.
struct Lab {
    estate: Estate,
    ca: Ca,
    key: AccountKey,
    operator: Customer,
}

const BOUND: &str = r#"0 issue "ca.example; accounturi=https://ca.example/acct/1""#;

async fn lab() -> Lab {
    let clock = Clock::simulated("2026-11-24T12:00:00Z".parse().unwrap());
    let estate = Estate::new(clock.now(), Zone::Signed, BOUND).await.unwrap();
    let authority = Arc::new(Authority::new("Test", 7));
    let ca = estate.ca(&authority, &[], &clock, At::Host).await.unwrap();
    let key = AccountKey::generate();
    let operator = Customer::register(&ca, key.clone()).await.unwrap();
    assert_eq!(operator.account(), "https://ca.example/acct/1");
    Lab { estate, ca, key, operator }
}

impl Lab {
    /// What the operator gets who does what she must.
    async fn operator_orders(
        &mut self,
        names: &[&str],
        method: Method,
    ) -> Result<Vec<Vec<u8>>, OrderError> {
        let key = SubjectKey::generate();
        self.operator.order(names, &key, method, |answer| self.estate.put(answer)).await
    }

    /// What somebody else gets who is on the path to the operator's web server, with this key.
    async fn mallory_orders(&self, key: AccountKey) -> Result<Vec<Vec<u8>>, OrderError> {
        let web = Web::start().await.unwrap();
        self.estate.divert(&web);
        let mallory = Customer::register(&self.ca, key).await.unwrap();
        let show = |answer: &Answer| web.show(answer.path(), answer.page().to_owned());
        let ordered =
            mallory.order(&[GUARDED], &SubjectKey::generate(), Method::Http01, show).await;
        self.estate.leave_alone();
        ordered
    }
}

/// The kind of problem, and whether this is in its detail; none if it is given.
#[track_caller]
fn check<T>(asked: Result<T, OrderError>, expected: &str, because: &str) {
    match asked {
        Err(OrderError::Refused { problem, detail }) => {
            assert_eq!(problem, expected, "{detail}");
            assert!(detail.contains(because), "{detail:?} has no {because:?}");
        }
        Err(other) => panic!("it is not refused: {other:?}"),
        Ok(_) => panic!("it is not refused, but should be: {expected}"),
    }
}

#[tokio::test] // RFC 8555 §7.4
async fn who_shows_control_gets_a_certificate() {
    let mut lab = lab().await;
    for (names, method) in [
        (&[GUARDED, "www.guarded.example"][..], Method::Http01),
        (&[GUARDED, "*.guarded.example"], Method::Dns01),
    ] {
        let chain = lab.operator_orders(names, method).await.unwrap();
        assert_eq!(chain.len(), 2);
        assert!(signed_by(&chain[0], &chain[1]) && signed_by(&chain[1], lab.ca.root()));
        let certified = Names::of_certificate(&chain[0]).unwrap().0;
        assert!(certified.iter().eq(names.iter().collect::<BTreeSet<_>>()), "{certified:?}");
    }
    // RFC 8555 §7.3.1: the same key has the same account.
    let again = Customer::register(&lab.ca, lab.key.clone()).await.unwrap();
    assert_eq!(again.account(), lab.operator.account());
}

#[tokio::test] // RFC 8555 §8
async fn who_does_not_show_control_gets_none() {
    let lab = lab().await;
    for (method, why) in [(Method::Http01, "not the one"), (Method::Dns01, "none of the 0 texts")] {
        let asked = lab.operator.order(&[GUARDED], &SubjectKey::generate(), method, |_| {}).await;
        check(asked, "incorrectResponse", why);
    }
    let (order, finalize) = lab.operator.new_order(&[GUARDED]).await.unwrap();
    let request = csr(&[GUARDED], &SubjectKey::generate()).unwrap();
    check(lab.operator.finalize(&finalize, &request).await, "orderNotReady", "pending");
    check(lab.operator.post(&order.replace("order", "cert"), "").await, "malformed", "nothing");
    // Nobody has a web server there, and there is no such name.
    for (name, problem) in [("mail.guarded.example", "connection"), ("no.guarded.example", "dns")] {
        let asked =
            lab.operator.order(&[name], &SubjectKey::generate(), Method::Http01, |_| {}).await;
        check(asked, problem, name);
    }
}

#[tokio::test] // RFC 8555 §6
async fn requests_that_are_not_by_the_account_are_refused() {
    let lab = lab().await;
    let stranger = AccountKey::generate();
    let mallory = Customer::register(&lab.ca, stranger.clone()).await.unwrap();
    let (order, finalize) = lab.operator.new_order(&[GUARDED]).await.unwrap();
    let request = csr(&[GUARDED], &SubjectKey::generate()).unwrap();
    check(mallory.post(&order, "").await, "unauthorized", "another account");
    check(mallory.finalize(&finalize, &request).await, "unauthorized", "another account");
    check(mallory.post(lab.operator.account(), "").await, "unauthorized", "another account");
    check(mallory.post(&order.replace("order/1", "authz/1"), "").await, "unauthorized", "");
    check(
        mallory.post(&order.replace("order/1", "authz/1/dns-01"), "{}").await,
        "unauthorized",
        "",
    );

    let url = "https://ca.example/new-order";
    let by = |account: &str, url: &str, nonce: String| {
        let header = json!({"alg": "ES256", "kid": account, "nonce": nonce, "url": url});
        stranger.sign(&header, r#"{"identifiers": [{"type": "dns", "value": "guarded.example"}]}"#)
    };
    let nonce = || async { mallory.nonce().await.unwrap() };
    let forged = by(lab.operator.account(), url, nonce().await);
    check(mallory.post_jws(url, &forged).await, "malformed", "not by this key");
    let unknown = by("https://ca.example/acct/3", url, nonce().await);
    check(mallory.post_jws(url, &unknown).await, "accountDoesNotExist", "");
    let elsewhere = by(mallory.account(), "https://other.example/new-order", nonce().await);
    check(mallory.post_jws(url, &elsewhere).await, "unauthorized", "another address");
    check(mallory.post_jws(url, b"{}").await, "malformed", "");
    // The same request once more, and one with a nonce that was never given out.
    let right = by(mallory.account(), url, nonce().await);
    mallory.post_jws(url, &right).await.unwrap();
    check(mallory.post_jws(url, &right).await, "badNonce", "");
    check(mallory.post_with(url, "{}", "never").await, "badNonce", "");
}

#[tokio::test] // RFC 8555 §7.4
async fn a_request_is_for_the_names_of_the_order() {
    let mut lab = lab().await;
    let url = "https://ca.example/new-order";
    for (payload, problem) in [
        (r#"{"identifiers": []}"#, "malformed"),
        ("[]", "malformed"),
        (r#"{"identifiers": [{"type": "ip", "value": "192.0.2.1"}]}"#, "unsupportedIdentifier"),
        (r#"{"identifiers": [{"type": "dns", "value": "a b"}]}"#, "rejectedIdentifier"),
    ] {
        check(lab.operator.post(url, payload).await, problem, "");
    }
    // The account has an order that is ready, since its certificate was refused only for the names in the request.
    let (_, finalize) = lab.operator.new_order(&[GUARDED]).await.unwrap();
    lab.ca.turn(|knobs| {
        knobs.coerced_for.insert("https://ca.example/acct/1".to_owned());
    });
    lab.operator.post("https://ca.example/authz/1/dns-01", "{}").await.unwrap();
    lab.ca.turn(|knobs| knobs.coerced_for.clear());
    let key = SubjectKey::generate();
    for names in [&["www.guarded.example"][..], &[GUARDED, "www.guarded.example"]] {
        let request = csr(names, &key).unwrap();
        check(lab.operator.finalize(&finalize, &request).await, "badCSR", "the order for");
    }
    let mut broken = csr(&[GUARDED], &key).unwrap();
    *broken.last_mut().unwrap() ^= 1;
    check(lab.operator.finalize(&finalize, &broken).await, "badCSR", "P-256");
    check(lab.operator.finalize(&finalize, b"no request").await, "badCSR", "DER");
    let request = csr(&[GUARDED], &key).unwrap();
    assert_eq!(lab.operator.finalize(&finalize, &request).await.unwrap().len(), 2);
    check(lab.operator.finalize(&finalize, &request).await, "orderNotReady", "valid");
    assert_eq!(lab.operator_orders(&[GUARDED], Method::Dns01).await.unwrap().len(), 2);
}

#[tokio::test] // RFC 8659 §3, RFC 8657 §3, §4
async fn records_are_heeded_until_they_are_not() {
    let mut lab = lab().await;
    let stolen = lab.key.clone();
    check(lab.mallory_orders(AccountKey::generate()).await, "caa", "accounturi-mismatch");
    assert!(lab.mallory_orders(stolen.clone()).await.is_ok());
    lab.estate.say(
        r#"0 issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01""#,
    );
    check(lab.mallory_orders(stolen).await, "caa", "validationmethods-mismatch");
    assert!(lab.operator_orders(&[GUARDED], Method::Dns01).await.is_ok());
    lab.estate.say(r#"0 issue "other.example""#);
    check(lab.operator_orders(&[GUARDED], Method::Dns01).await, "caa", "other-issuer");
    lab.ca.turn(|knobs| knobs.caa = Heed::Ignored);
    assert!(lab.mallory_orders(AccountKey::generate()).await.is_ok());
    lab.ca.turn(|knobs| knobs.caa = Heed::Heeded);
    lab.ca
        .turn(|knobs| knobs.coerced_for = BTreeSet::from(["https://ca.example/acct/4".to_owned()]));
    let key = AccountKey::generate();
    check(lab.operator_orders(&[GUARDED], Method::Dns01).await, "caa", "other-issuer");
    assert!(lab.mallory_orders(key).await.is_ok());
}

#[tokio::test] // RFC 8657 §5.6
async fn signatures_are_heeded_until_they_are_not() {
    let mut lab = lab().await;
    let mine = lab.estate.tree.other(GUARDED, |zone, signing| {
        zone.remove(&name(GUARDED), Rtype::CAA);
        *signing = None;
    });
    let everything = Forgery::below(name(GUARDED), Change::Instead(mine));
    let records = Forgery { rtype: Some(Rtype::CAA), ..everything.clone() };
    for (forgery, problem, why) in
        [(&everything, "dns", "cannot be relied on"), (&records, "caa", "dnssec-bogus")]
    {
        lab.estate.forge(forgery.clone());
        check(lab.mallory_orders(AccountKey::generate()).await, problem, why);
        // Nobody forges any more, and the operator gets what is hers.
        assert!(lab.operator_orders(&[GUARDED], Method::Dns01).await.is_ok());
    }
    lab.ca.turn(|knobs| knobs.dnssec = Heed::Ignored);
    check(lab.mallory_orders(AccountKey::generate()).await, "caa", "accounturi-mismatch");
    lab.estate.forge(records);
    assert!(lab.mallory_orders(AccountKey::generate()).await.is_ok());
    assert!(lab.operator_orders(&["www.guarded.example"], Method::Http01).await.is_ok());
}

#[tokio::test]
async fn a_program_of_others_gets_its_certificate() {
    if Command::new("lego").arg("--version").output().await.is_err() {
        eprintln!("skipped: no lego on this machine");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no lego under CI=true");
        return;
    }
    let clock = Clock::system();
    let estate = Estate::new(clock.now(), Zone::Signed, r#"0 issue "ca.example""#).await.unwrap();
    let authority = Arc::new(Authority::new("Test", 7));
    let log = crate::log::Settings {
        roots: vec![authority.root().to_vec()],
        ..crate::log::Settings::plain("log", Protocol::Rfc6962, clock.clone())
    };
    let log = LogServer::start(log).await.unwrap();
    let ca = estate.ca(&authority, std::slice::from_ref(&log), &clock, At::Address).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root.pem"), service::pem(authority.root())).unwrap();
    // Where lego answers: a port that was free a moment ago.
    let port = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    estate.network.host("203.0.113.80:80".parse().unwrap(), port);
    let lego = Command::new("lego")
        .args(["--accept-tos", "--email", "a@guarded.example", "--server", &ca.directory()])
        .args(["--http", "--http.port", &port.to_string(), "--domains", GUARDED, "--path"])
        .arg(folder.path())
        .arg("run")
        .env("LEGO_CA_CERTIFICATES", folder.path().join("root.pem"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let lego = tokio::time::timeout(std::time::Duration::from_secs(60), lego).await;
    let lego = lego.expect("lego ends").unwrap();
    assert!(lego.status.success(), "{}", String::from_utf8_lossy(&lego.stderr));
    let file = folder.path().join("certificates/guarded.example.crt");
    let chain = CertificateDer::pem_file_iter(file).unwrap().map(Result::unwrap);
    let chain: Vec<_> = chain.map(|certificate| certificate.to_vec()).collect();
    assert!(signed_by(&chain[0], authority.intermediate()));
    assert_eq!(log.publish().size, 1);
}
