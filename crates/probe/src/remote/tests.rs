use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use countersign_judge::probe::observation::{Early, Family, Leaf};
use countersign_judge::probe::service::{Opening, Protocol, Service};
use countersign_judge::scope::Scope;
use countersign_judge::statement::HostKey;
use countersign_net::{Clock, Net, Route, Target, Vantage};
use countersign_tlog::note::SignerKey;
use countersign_tls::exhibit::{Exhibit, Verdict};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::wire::{BadAnswer, BadRequest, Wanted};
use super::*;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

fn token(text: &str) -> Token {
    Token::new(text).unwrap()
}

fn key(seed: u8) -> SignerKey {
    HostKey::new("probe.example.net".parse().unwrap(), [seed; 32]).signer()
}

fn service(domain: &str) -> Service {
    let (protocol, opening) = (Protocol::Xmpp, Opening::StartTls);
    Service { domain: domain.to_owned(), protocol, opening, port: 5222 }
}

fn request() -> Request {
    Request {
        nonce: [7; 32],
        at: "2026-11-29T05:00:00Z".parse().unwrap(),
        service: service("xmpp.example"),
        client: "openssl-connector".to_owned(),
        family: Wanted::Any,
    }
}

fn answer(saw: Saw) -> Answer {
    let Request { nonce, at, service, client, .. } = request();
    let host = "probe.example.net".parse().unwrap();
    Answer { host, nonce, at, service, client, peer: Some("192.0.2.1:5222".parse().unwrap()), saw }
}

#[test]
fn a_request_has_one_text() {
    let sealed = request().seal(&token(TOKEN));
    let (text, mac) = sealed.rsplit_once("mac ").unwrap();
    assert_eq!(
        text,
        format!(
            "countersign.look/v1\nnonce {}\nat 2026-11-29T05:00:00Z\nservice xmpp.example xmpp starttls 5222\n\
             client openssl-connector\nfamily any\n",
            "07".repeat(32)
        )
    );
    assert_eq!(mac.len(), 65);
    assert_eq!(Request::open(sealed.as_bytes(), &token(TOKEN)), Ok(request()));
    // Another token, and any other byte.
    let other = token(&TOKEN.replace('0', "1"));
    assert_eq!(Request::open(sealed.as_bytes(), &other), Err(BadRequest::Mac));
    for at in 0..sealed.len() {
        let mut changed = sealed.clone().into_bytes();
        changed[at] ^= 1;
        assert!(Request::open(&changed, &token(TOKEN)).is_err(), "{at}");
        assert!(Request::open(&sealed.as_bytes()[..at], &token(TOKEN)).is_err(), "{at}");
    }
    assert!(Token::new("short").is_err());
    assert_eq!(format!("{:?}", token(TOKEN)), "Token(…)");
}

#[test]
fn a_service_is_a_name_with_a_port() {
    let parse = |service: &str| {
        let text =
            request().seal(&token(TOKEN)).replace("xmpp.example xmpp starttls 5222", service);
        Request::parse(text.split("mac ").next().unwrap()).is_ok()
    };
    assert!(parse("xmpp.example xmpp starttls 5222"));
    for wrong in [
        "127.0.0.1 xmpp starttls 5222",
        "::1 xmpp starttls 5222",
        "XMPP.example xmpp starttls 5222",
        "a..b xmpp starttls 5222",
        "a/b xmpp starttls 5222",
        "a xmpp starttls 0",
        "a xmpp starttls 05222",
        "a xmpp starttls 65536",
        "a xmpp starttls",
        "a xmpp starttls 1 2",
        "a gopher starttls 70",
        " xmpp starttls 5222",
    ] {
        assert!(!parse(wrong), "{wrong}");
    }
}

#[test]
fn an_answer_is_for_one_request_and_from_one_host() {
    for saw in [
        Saw::Handshake { exhibit: b"an exhibit\n".to_vec() },
        Saw::Unproved,
        Saw::NoTls(Early::NotOffered),
        Saw::Unreachable("192.0.2.1:5222 refused the connection".to_owned()),
        Saw::Nothing("there is no client \"x\"".to_owned()),
    ] {
        let answer = answer(saw.clone());
        let sealed = answer.seal(&key(1));
        let open =
            |bytes: &[u8], request: &Request| Answer::open(bytes, &key(1).verifier_key(), request);
        assert_eq!(open(&sealed, &request()).as_ref(), Ok(&answer));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&changed, &request()).is_err(), "{at}");
        }
        let later = Request { nonce: [8; 32], ..request() };
        assert_eq!(open(&sealed, &later), Err(BadAnswer::OtherRequest));
        let elsewhere = Request { service: service("other.example"), ..request() };
        assert_eq!(open(&sealed, &elsewhere), Err(BadAnswer::OtherRequest));
        let foreign = answer.seal(&key(2));
        assert_eq!(open(&foreign, &request()), Err(BadAnswer::Signature));
        let expected = match saw {
            Saw::Handshake { .. } => BadAnswer::Exhibit,
            _ => BadAnswer::Text(wire::BadLine("seen")),
        };
        assert_eq!(open(&[&sealed[..], b"more"].concat(), &request()), Err(expected));
    }
}

#[test]
fn what_a_host_says_is_one_line() {
    let why = "a\nseen handshake 00\u{202e}".to_owned() + &"x".repeat(1000);
    let sealed = answer(Saw::Unreachable(why)).seal(&key(1));
    let opened = Answer::open(&sealed, &key(1).verifier_key(), &request()).unwrap();
    let Saw::Unreachable(why) = opened.saw else { panic!("{opened:?}") };
    assert!(why.starts_with("a\\u{a}seen") && why.chars().count() == 300, "{why}");
}

#[test]
fn a_handshake_is_proved_by_who_asked() {
    let exhibit = include_bytes!("../../../../fuzz/seeds/tls_exhibit/tls13-aes128").to_vec();
    let text = str::from_utf8(&exhibit).unwrap();
    let Verdict::Proved(proved) = Exhibit::parse(text).unwrap().verify() else {
        panic!("it is a good one")
    };
    let named = |domain: &str, exhibit: &[u8]| {
        let mut answer = answer(Saw::Handshake { exhibit: exhibit.to_vec() });
        answer.service.domain = domain.to_owned();
        answer.observation("elsewhere", Wanted::Any)
    };
    let name = proved.server_name.unwrap();
    let observation = named(&name, &exhibit).unwrap();
    assert_eq!(observation.leaf(), Some(Leaf::of(&proved.chain[0])));
    assert_eq!(
        (observation.stratum.family, &*observation.stratum.vantage),
        (Family::V4, "elsewhere")
    );
    // Told again, it is the same.
    assert_eq!(Sighting::of(&observation).saw, Saw::Handshake { exhibit: exhibit.clone() });
    let host = "probe.example.net".to_owned();
    assert_eq!(named("b.example", &exhibit), Err(NotSeen::OtherName { host: host.clone() }));
    let mut changed = exhibit.clone();
    let middle = changed.iter().rposition(|byte| *byte == b'A').unwrap();
    changed[middle] = b'B';
    assert_eq!(named(&name, &changed), Err(NotSeen::NoProof { host: host.clone() }));
    let unproved = answer(Saw::Unproved).observation("elsewhere", Wanted::Any);
    assert_eq!(unproved, Err(NotSeen::Unproved { host }));
    let gone = answer(Saw::Unreachable("refused".to_owned())).observation("elsewhere", Wanted::V6);
    assert_eq!(Sighting::of(&gone.unwrap()).saw, Saw::Unreachable("refused".to_owned()));
}

/// A host that looks at `.example`, and how often it has looked.
struct Other {
    remote: Remote,
    looked: Arc<AtomicUsize>,
    stop: oneshot::Sender<()>,
    serving: JoinSet<std::io::Result<()>>,
}

async fn other() -> Other {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let to = format!("http://{}/look", listener.local_addr().unwrap());
    let settings = Settings {
        key: key(1),
        token: token(TOKEN),
        allowed: Scope::new([".xmpp.example"]).unwrap(),
        clock: Clock::system(),
    };
    let looked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looked);
    let look = move |request: Request| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            let saw = Saw::Handshake { exhibit: request.client.into_bytes() };
            Sighting { peer: None, saw }
        }
    };
    let (stop, stopped) = oneshot::channel();
    let stopped = async move {
        let _dropped = stopped.await;
    };
    let mut serving = JoinSet::new();
    serving.spawn(serve(listener, settings, look, stopped));
    let remote = Remote {
        to: Target::parse(&to).unwrap(),
        vantage: "direct".to_owned(),
        key: key(1).verifier_key(),
        token: token(TOKEN),
        deadline: Duration::from_secs(20),
    };
    Other { remote, looked, stop, serving }
}

fn net() -> Net {
    Net::new(countersign_net::Settings {
        contact: "ops@example.org".to_owned(),
        roots: countersign_net::Roots::Only(Vec::new()),
        redirects: None,
        vantages: vec![Vantage { name: "direct".to_owned(), route: Route::Direct }],
    })
    .unwrap()
}

async fn asked(remote: &Remote, domain: &str) -> Result<Answer, AskError> {
    ask(&net(), &Clock::system(), remote, &service(domain), "rustls", Wanted::V4).await
}

#[tokio::test]
async fn another_host_looks_and_signs() {
    let mut other = other().await;
    let answer = asked(&other.remote, "a.xmpp.example").await.unwrap();
    assert_eq!(answer.saw, Saw::Handshake { exhibit: b"rustls".to_vec() });
    assert_eq!(answer.host.as_str(), "probe.example.net");

    let status = |result: Result<Answer, AskError>| match result.unwrap_err() {
        AskError::Refused { status, text, .. } => (status, text),
        error => panic!("{error:?}"),
    };
    let refused = status(asked(&other.remote, "bank.example").await);
    assert_eq!(refused, (403, "this host may not look at this name".to_owned()));
    let stranger = Remote { token: token(&TOKEN.replace('0', "1")), ..other.remote.clone() };
    assert_eq!(status(asked(&stranger, "a.xmpp.example").await).0, 401);
    let wrong = Remote { key: key(2).verifier_key(), ..other.remote.clone() };
    let error = asked(&wrong, "a.xmpp.example").await.unwrap_err();
    assert!(matches!(error, AskError::Answer { source: BadAnswer::Signature, .. }), "{error:?}");
    assert!(error.hint().is_some());
    // The last one was looked at.
    assert_eq!(other.looked.load(Ordering::Relaxed), 2);
    other.stop.send(()).unwrap();
    other.serving.join_next().await.unwrap().unwrap().unwrap();
}

/// What comes back for these bytes, up to the end of the status line.
async fn said(other: &Other, bytes: &[u8]) -> String {
    let to = other.remote.to.to_string();
    let mut stream = TcpStream::connect(to.strip_prefix("http://").unwrap()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut text = Vec::new();
    // It may be reset when it has been refused before it was read.
    let _ended = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_request_is_answered_once_and_in_its_time() {
    let other = other().await;
    let post =
        |body: &str| format!("POST /look HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let at = serve::whole_seconds(Clock::system().now());
    let mut request = Request { at, service: service("xmpp.example"), ..request() };
    request.service.domain = "a.xmpp.example".to_owned();
    let sealed = post(&request.seal(&token(TOKEN)));
    assert_eq!(said(&other, sealed.as_bytes()).await, "HTTP/1.1 200 OK");
    assert_eq!(said(&other, sealed.as_bytes()).await, "HTTP/1.1 409 Conflict");
    let late = Request { at: at - Duration::from_secs(3600), nonce: [9; 32], ..request.clone() };
    let late = post(&late.seal(&token(TOKEN)));
    assert_eq!(said(&other, late.as_bytes()).await, "HTTP/1.1 401 Unauthorized");
    assert_eq!(said(&other, post("hello").as_bytes()).await, "HTTP/1.1 400 Bad Request");
    assert_eq!(
        said(&other, b"GET /look HTTP/1.1\r\n\r\n").await,
        "HTTP/1.1 405 Method Not Allowed"
    );
    assert_eq!(said(&other, &[b'x'; 9000]).await, "HTTP/1.1 431 Request Header Fields Too Large");
    // No more than so many a minute.
    let mut statuses = Vec::new();
    for number in 10..80 {
        let next = Request { nonce: [number; 32], ..request.clone() };
        statuses.push(said(&other, post(&next.seal(&token(TOKEN))).as_bytes()).await);
    }
    assert_eq!(statuses.iter().filter(|status| *status == "HTTP/1.1 200 OK").count(), 59);
    assert_eq!(statuses.last().unwrap(), "HTTP/1.1 429 Too Many Requests");
    assert_eq!(other.looked.load(Ordering::Relaxed), 60);
}
