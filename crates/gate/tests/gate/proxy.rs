//! The proxy before a CA that the test plays: what reaches it, what is given back, and what neither does.

// Not all that it has is needed here.
#[allow(dead_code, reason = "shared with the tests of the book")]
#[path = "../../src/acme/sample.rs"]
mod sample;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use countersign_caa::{Demand, Name};
use countersign_gate::acme::Strangers;
use countersign_gate::proxy::{ProxyError, Settings};
use countersign_gate::serve::Door;
use countersign_gate::{Corroborators, Proxy};
use countersign_lab::log::Group;
use countersign_net::{Ask, FetchError, Net, Relay, Relayed, Target};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::place::World;
use sample::{Client, encode};

const HOST: &str = "acme.ca.example:14000";

fn url(path: &str) -> String {
    format!("https://{HOST}/{path}")
}

/// A CA that says what it is told to, and notes what it is asked. It gives out one nonce over and over, until it is told
/// to give out another.
#[derive(Clone, Default)]
struct Ca(Arc<Mutex<Said>>);

#[derive(Default)]
struct Said {
    asked: Vec<String>,
    /// By path: status, and body.
    answers: BTreeMap<String, (u16, Value)>,
    nonce: Option<&'static str>,
}

impl Ca {
    fn says(&self, path: &str, status: u16, body: Value) {
        self.0.lock().unwrap().answers.insert(format!("/{path}"), (status, body));
    }

    /// The paths that were asked for since the last time.
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().asked)
    }

    async fn start(&self) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(self.clone());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        (address, tasks)
    }
}

async fn answer(State(ca): State<Ca>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    let mut said = ca.0.lock().unwrap();
    said.asked.push(format!("{method} {path}"));
    drop(body);
    let nonce = said.nonce.unwrap_or("n-1");
    if path == "/nonce" {
        return ([("replay-nonce", nonce)], "").into_response();
    }
    let Some((status, body)) = said.answers.get(&path).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let location = match path.as_str() {
        "/new-account" => url("account/1"),
        "/new-order" => url("order/1"),
        _ => String::new(),
    };
    let status = StatusCode::from_u16(status).unwrap();
    // A text stands for a body that is no JSON.
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    let headers =
        [("location", location), ("replay-nonce", nonce.to_owned()), ("x-secret", "s".to_owned())];
    (status, headers, body).into_response()
}

/// A CA, and a gate before it.
struct Place {
    world: World,
    ca: Ca,
    net: Net,
    gate: SocketAddr,
    upstream: Option<JoinSet<()>>,
    alice: Client,
    _tasks: JoinSet<std::io::Result<()>>,
}

fn settings(world: &World, net: &Net, upstream: SocketAddr) -> Settings {
    Settings {
        directory: url("dir"),
        upstream: format!("http://{upstream}/dir"),
        strangers: Strangers::Refuse,
        issuers: vec![Name::parse("ca.example").unwrap()],
        net: net.clone(),
        vantage: "direct".to_owned(),
        accounts: world.dir.path().join("accounts.jsonl"),
    }
}

fn directory() -> Value {
    json!({"newNonce": url("nonce"), "newAccount": url("new-account"), "newOrder": url("new-order"),
        "revokeCert": url("revoke"), "keyChange": url("key-change")})
}

impl Place {
    async fn new(demand: Demand) -> Self {
        let (world, ca) = (World::new().await, Ca::default());
        let (upstream, tasks) = ca.start().await;
        let net = world.net(Group::A);
        ca.says("dir", 200, directory());
        let gate = world.gate("a", demand, Corroborators::none());
        let proxy = Proxy::start(gate, settings(&world, &net, upstream)).await.unwrap();
        let door = Door::open(([127, 0, 0, 1], 0).into(), None).await.unwrap();
        let (address, mut served) = (door.address().unwrap(), JoinSet::new());
        served.spawn(door.serve(proxy.router(), CancellationToken::new()));
        let alice = Client::new();
        let place =
            Self { world, ca, net, gate: address, upstream: Some(tasks), alice, _tasks: served };
        place.ca.says("new-account", 201, json!({"status": "valid"}));
        place.relay("nonce", Ask::Head, HOST).await;
        let answer =
            place.post("new-account", &place.alice.by_key(&url("new-account"), "{}")).await;
        assert_eq!(answer.status, 201);
        place
    }

    async fn relay(&self, path: &str, ask: Ask<'_>, host: &str) -> Relayed {
        let to = Target::parse(&format!("http://{}/{path}", self.gate)).unwrap();
        let relay = Relay {
            to: &to,
            vantage: "direct",
            host: Some(host),
            ask,
            headers: &[],
            wanted: &["content-type", "replay-nonce", "location", "x-secret"],
            body_max: 1 << 20,
            deadline: Duration::from_secs(60),
        };
        self.net.relay(relay).await.unwrap()
    }

    async fn post(&self, path: &str, body: &str) -> Relayed {
        let ask = Ask::Post { body: body.as_bytes(), content_type: "application/jose+json" };
        self.relay(path, ask, HOST).await
    }

    /// Alice asks.
    async fn ask(&self, path: &str, payload: &str) -> Relayed {
        self.post(path, &self.alice.by(&url("account/1"), &url(path), payload)).await
    }

    /// An order for this name, validated by this method.
    async fn order(&self, name: &str, method: &str) {
        let identifier = json!({"type": "dns", "value": name});
        let order = json!({"status": "ready", "identifiers": [identifier],
            "authorizations": [url("authz/1")], "finalize": url("finalize/1")});
        self.ca.says("new-order", 201, order.clone());
        let payload = json!({"identifiers": [identifier]}).to_string();
        assert_eq!(self.ask("new-order", &payload).await.status, 201);
        let challenge =
            json!({"type": method, "url": url("challenge/1"), "status": "valid", "token": "t"});
        self.ca.says(
            "authz/1",
            200,
            json!({"status": "valid", "identifier": identifier, "challenges": [challenge]}),
        );
        assert_eq!(self.ask("authz/1", "").await.status, 200);
        let mut done = order;
        done["status"] = json!("valid");
        done["certificate"] = json!(url("cert/1"));
        self.ca.says("finalize/1", 200, done);
        self.ca.asked();
    }

    /// The payload that asks for a certificate for these names.
    fn csr(&self, names: &[&str]) -> String {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(names).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        let csr = encode(params.serialize_request(&key).unwrap().der());
        json!({ "csr": csr }).to_string()
    }

    async fn finalize(&self, names: &[&str]) -> Relayed {
        self.ask("finalize/1", &self.csr(names)).await
    }
}

/// The kind of problem, without its prefix, and that there is a nonce to go on with.
#[track_caller]
fn problem(answer: &Relayed) -> String {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    assert_eq!(answer.header("replay-nonce"), Some("n-1"), "{answer:?}");
    let document: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(document["status"], answer.status);
    let urn = document["type"].as_str().unwrap();
    format!("{} {}", answer.status, urn.strip_prefix("urn:ietf:params:acme:error:").unwrap())
}

#[tokio::test]
async fn an_order_passes_if_caa_allows_it() {
    let place = Place::new(Demand::Secure).await;
    place.ca.says("dir", 200, directory());
    let directory = place.relay("dir", Ask::Get, HOST).await;
    assert_eq!((directory.status, directory.header("x-secret")), (200, None));
    let nonce = place.relay("nonce", Ask::Head, HOST).await;
    assert_eq!(nonce.header("replay-nonce"), Some("n-1"));
    place.order("open.shop.example", "http-01").await;
    let answer = place.finalize(&["open.shop.example"]).await;
    assert_eq!((answer.status, answer.header("replay-nonce")), (200, Some("n-1")));
    assert_eq!(place.ca.asked(), ["POST /finalize/1"]);
    assert_eq!(place.world.verify("a"), Ok(1));
}

#[tokio::test]
async fn what_caa_forbids_never_reaches_the_ca() {
    for (name, method, demand, reason) in [
        // Alice's account here is not the one in the record.
        ("shop.example", "dns-01", Demand::Validated, "accounturi-mismatch"),
        ("closed.shop.example", "dns-01", Demand::Validated, "empty-issuer"),
        ("unsigned.test", "dns-01", Demand::Secure, "not-secure"),
    ] {
        let place = Place::new(demand).await;
        place.order(name, method).await;
        let answer = place.finalize(&[name]).await;
        assert_eq!(problem(&answer), "403 caa");
        let document: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(document["subproblems"][0]["identifier"]["value"], name);
        assert_eq!(document["subproblems"][0]["detail"], reason);
        assert_eq!(place.ca.asked(), ["HEAD /nonce"]);
        assert_eq!(place.world.verify("a"), Ok(1));
    }
}

#[tokio::test]
async fn what_is_not_understood_never_reaches_the_ca() {
    let place = Place::new(Demand::Validated).await;
    place.order("open.shop.example", "dns-01").await;
    let mallory = Client::new();
    let (account, order) = (url("account/1"), url("new-order"));
    let payload = r#"{"identifiers":[{"type":"dns","value":"a.example"}]}"#;
    let none = json!({"alg": "none", "kid": account, "nonce": "n", "url": order});
    let no_nonce = json!({"alg": "ES256", "kid": account, "url": order});
    for (path, body, expected) in [
        ("new-order", mallory.by(&account, &order, payload), "400 malformed"),
        ("new-order", place.alice.by_key(&order, payload), "400 malformed"),
        ("new-order", place.alice.sign(&none, payload), "400 badSignatureAlgorithm"),
        ("new-order", place.alice.sign(&no_nonce, payload), "400 badNonce"),
        (
            "new-order",
            place.alice.by(&url("account/2"), &order, payload),
            "400 accountDoesNotExist",
        ),
        ("new-order", place.alice.by(&account, &url("revoke"), payload), "401 unauthorized"),
        ("new-order", "{}".to_owned(), "400 malformed"),
        ("new-order", String::new(), "400 malformed"),
        ("new-order", "x".repeat(70_000), "413 malformed"),
        (
            "new-order",
            place.alice.by(
                &account,
                &order,
                r#"{"identifiers":[{"type":"ip","value":"192.0.2.1"}]}"#,
            ),
            "400 unsupportedIdentifier",
        ),
        ("challenge/2", place.alice.by(&account, &url("challenge/2"), "{}"), "404 malformed"),
        ("admin", place.alice.by(&account, &url("admin"), "{}"), "404 malformed"),
        ("dir", place.alice.by(&account, &url("dir"), "{}"), "405 malformed"),
        (
            "finalize/1",
            place.alice.by(&account, &url("finalize/1"), r#"{"csr":"AAAA"}"#),
            "400 badCSR",
        ),
    ] {
        assert_eq!(problem(&place.post(path, &body).await), expected, "{path} {body}");
        assert_eq!(place.ca.asked(), ["HEAD /nonce"], "{path} {body}");
    }
    assert_eq!(
        problem(&place.finalize(&["open.shop.example", "closed.shop.example"]).await),
        "400 badCSR"
    );
    assert_eq!(place.ca.asked(), ["HEAD /nonce"]);
    // Under another name the CA would make other addresses.
    let elsewhere = place.relay("dir", Ask::Get, "other.example").await;
    assert_eq!(elsewhere.status, 421);
    assert!(place.ca.asked().is_empty());
    assert_eq!(place.world.verify("a"), Ok(0));
}

#[tokio::test]
async fn a_request_that_is_sent_again_is_not_decided_again() {
    let place = Place::new(Demand::Validated).await;
    place.order("open.shop.example", "dns-01").await;
    place.ca.0.lock().unwrap().nonce = Some("n-2");
    let csr = place.csr(&["open.shop.example"]);
    let body = place.alice.by(&url("account/1"), &url("finalize/1"), &csr);
    assert_eq!(place.post("finalize/1", &body).await.status, 200);
    for _ in 0..2 {
        let again = place.post("finalize/1", &body).await;
        assert_eq!((again.status, again.header("replay-nonce")), (400, Some("n-2")));
        assert!(String::from_utf8(again.body).unwrap().contains("badNonce"));
    }
    assert_eq!(place.ca.asked(), ["POST /finalize/1", "HEAD /nonce", "HEAD /nonce"]);
    assert_eq!(place.world.verify("a"), Ok(1));
}

#[tokio::test]
async fn what_the_ca_refuses_is_told_as_it_is() {
    let place = Place::new(Demand::Validated).await;
    let refusal = json!({"type": "urn:ietf:params:acme:error:badNonce", "detail": "used before"});
    place.ca.says("new-order", 400, refusal.clone());
    let answer =
        place.ask("new-order", r#"{"identifiers":[{"type":"dns","value":"a.example"}]}"#).await;
    assert_eq!((answer.status, answer.header("replay-nonce")), (400, Some("n-1")));
    assert_eq!(serde_json::from_slice::<Value>(&answer.body).unwrap(), refusal);
}

#[tokio::test]
async fn a_ca_that_talks_nonsense_is_kept_back() {
    let place = Place::new(Demand::Validated).await;
    let payload = r#"{"identifiers":[{"type":"dns","value":"a.example"}]}"#;
    let elsewhere = json!({"status": "pending", "identifiers": [{"type": "dns", "value": "a.example"}],
        "authorizations": [], "finalize": "https://past.example/finalize"});
    for nonsense in [json!("<html>"), json!({}), json!([]), elsewhere, json!("x".repeat(2 << 20))] {
        place.ca.says("new-order", 201, nonsense);
        assert_eq!(problem(&place.ask("new-order", payload).await), "502 serverInternal");
    }
    // It has gone.
    let mut place = place;
    drop(place.upstream.take());
    let answer = place.ask("new-order", payload).await;
    assert_eq!((answer.status, answer.header("replay-nonce")), (502, None));
}

#[tokio::test]
async fn a_gate_does_not_start_before_what_it_cannot_stand_before() {
    let (world, ca) = (World::new().await, Ca::default());
    let (upstream, _tasks) = ca.start().await;
    let net = world.net(Group::A);
    let gate = world.gate("a", Demand::Validated, Corroborators::none());
    let start = async |settings: Settings| {
        Proxy::start(gate.clone(), settings).await.map(drop).unwrap_err()
    };
    let missing = start(settings(&world, &net, upstream)).await;
    assert!(matches!(missing, ProxyError::Status(404)), "{missing}");
    let mut past = directory();
    past["newOrder"] = json!("https://127.0.0.1:14000/new-order");
    ca.says("dir", 200, past);
    let past = start(settings(&world, &net, upstream)).await;
    assert!(past.hint().is_some_and(|hint| hint.contains("public name")), "{past}");
    let paths = Settings {
        upstream: format!("http://{upstream}/other"),
        ..settings(&world, &net, upstream)
    };
    assert!(matches!(start(paths).await, ProxyError::Paths { .. }));
    let down = Settings {
        upstream: "http://127.0.0.1:1/dir".to_owned(),
        ..settings(&world, &net, upstream)
    };
    let down = start(down).await;
    assert!(matches!(down, ProxyError::Fetch(FetchError::Connect { .. })), "{down}");
}
