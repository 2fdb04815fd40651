use serde_json::{Value, json};

use super::*;
use crate::acme::answer::Answer;
use crate::acme::sample::{Client, encode};

const DIRECTORY: &str = "https://ca.example/dir";
const ALICE: &str = "https://ca.example/account/alice";
const MALLORY: &str = "https://ca.example/account/mallory";

fn url(path: &str) -> String {
    format!("https://ca.example/{path}")
}

/// A CA as the book sees it, and two clients with accounts.
struct World {
    book: Book,
    alice: Client,
    mallory: Client,
}

impl World {
    fn new() -> Self {
        let directory = directory("https://ca.example");
        let book = Book::new(DIRECTORY, directory.to_string().as_bytes(), Strangers::Refuse);
        let (alice, mallory) = (Client::new(), Client::new());
        let mut world = Self { book: book.expect("a book"), alice, mallory };
        for (account, client) in [(ALICE, world.alice.jwk()), (MALLORY, world.mallory.jwk())] {
            let key = serde_json::value::to_raw_value(&client).expect("JSON");
            world.book.accounts.put(account, Key::parse(&key).expect("a key"));
        }
        world
    }

    fn read(&self, path: &str, body: &str) -> Result<Asked, Refusal> {
        self.book.read(&post(&url(path), body))
    }

    /// Alice asks, and the CA answers this.
    fn ask(&mut self, path: &str, payload: &str, location: Option<&str>, answer: &Value) {
        let body = self.alice.by(ALICE, &url(path), payload);
        let asked = self.read(path, &body).expect("it is understood");
        let location = location.map(url);
        let answer = answer.to_string();
        let answer = Answer {
            status: 201,
            location: location.as_deref(),
            links: &[],
            body: answer.as_bytes(),
        };
        self.book.learn(&asked, &answer).expect("the answer is understood");
    }

    /// An order of Alice for these names, with an authorization `authz/INDEX` for each.
    fn order(&mut self, names: &[&str]) {
        let identifiers: Vec<_> =
            names.iter().map(|name| json!({"type": "dns", "value": name})).collect();
        let payload = json!({"identifiers": identifiers}).to_string();
        let order = order(names);
        self.ask("new-order", &payload, Some("order/1"), &order);
    }

    /// The CA shows Alice an authorization.
    fn show(&mut self, index: usize, name: &str, wildcard: bool, challenges: &[(&str, &str)]) {
        let challenges: Vec<_> = challenges
            .iter()
            .map(|(kind, status)| {
                let at = url(&format!("challenge/{index}/{kind}"));
                json!({"type": kind, "url": at, "status": status, "token": "t"})
            })
            .collect();
        let valid = challenges.iter().any(|challenge| challenge["status"] == "valid");
        let status = if valid { "valid" } else { "pending" };
        let identifier = json!({"type": "dns", "value": name});
        let shown = json!({"identifier": identifier, "status": status, "challenges": challenges,
            "wildcard": wildcard});
        self.ask(&format!("authz/{index}"), "", None, &shown);
    }

    fn finalize(&self, names: &[&str]) -> Result<Asked, Refusal> {
        let body = self.alice.by(ALICE, &url("finalize/1"), &finalization(names));
        self.read("finalize/1", &body)
    }
}

fn directory(origin: &str) -> Value {
    let mut directory = json!({"meta": {}, "random": "https://elsewhere.example/"});
    for (key, path) in [
        ("newNonce", "new-nonce"),
        ("newAccount", "new-account"),
        ("newOrder", "new-order"),
        ("newAuthz", "new-authz"),
        ("revokeCert", "revoke"),
        ("keyChange", "key-change"),
        ("renewalInfo", "ari"),
    ] {
        directory[key] = json!(format!("{origin}/{path}"));
    }
    directory
}

fn order(names: &[&str]) -> Value {
    let identifiers: Vec<_> =
        names.iter().map(|name| json!({"type": "dns", "value": name})).collect();
    let authz: Vec<_> = (0..names.len()).map(|index| url(&format!("authz/{index}"))).collect();
    json!({"status": "pending", "identifiers": identifiers, "authorizations": authz,
        "finalize": url("finalize/1")})
}

fn finalization(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let key = rcgen::KeyPair::generate().expect("a key");
    let params = rcgen::CertificateParams::new(names).expect("names");
    let mut params = params;
    params.distinguished_name = rcgen::DistinguishedName::new();
    let csr = params.serialize_request(&key).expect("a request");
    json!({"csr": encode(csr.der())}).to_string()
}

fn post<'a>(url: &'a str, body: &'a str) -> Request<'a> {
    let content_type = Some("application/jose+json");
    Request { method: Method::Post, url, content_type, body: body.as_bytes() }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(read: Result<T, Refusal>, problem: Problem, why: &str) {
    let refusal = read.expect_err("it is refused");
    assert_eq!(refusal.problem, problem, "{refusal}");
    assert!(refusal.detail.contains(why), "{refusal}");
}

#[test]
fn an_order_is_followed_to_its_end() {
    let mut world = World::new();
    world.order(&["a.example", "*.b.example"]);
    world.show(0, "a.example", false, &[("http-01", "pending"), ("dns-01", "pending")]);
    world.show(1, "b.example", true, &[("dns-01", "valid")]);
    let names = ["a.example", "*.b.example"];
    refused(world.finalize(&names), Problem::OrderNotReady, "how a.example was validated");
    // The client asks for the challenge, and looks at it until it is valid.
    let at = "challenge/0/http-01";
    let pending = json!({"type": "http-01", "url": url(at), "status": "processing"});
    world.ask(at, "{}", None, &pending);
    refused(world.finalize(&names), Problem::OrderNotReady, "how a.example was validated");
    let valid = json!({"type": "http-01", "url": url(at), "status": "valid"});
    world.ask(at, "", None, &valid);
    let asked = world.finalize(&names).expect("it can be decided");
    let named =
        |name: &str, method: &str| Named { name: name.to_owned(), method: method.to_owned() };
    let issue = Issue {
        account: ALICE.to_owned(),
        order: url("order/1"),
        names: vec![named("*.b.example", "dns-01"), named("a.example", "http-01")],
    };
    assert_eq!((asked.kind, asked.signature), (Kind::Finalize, Signature::Verified));
    assert_eq!(asked.issue, Some(issue));
    // The certificate is where the order says, and so are others.
    let mut done = order(&names);
    done["certificate"] = json!(url("cert/1"));
    world.ask("order/1", "", None, &done);
    let body = world.alice.by(ALICE, &url("cert/1"), "");
    let asked = world.read("cert/1", &body).expect("it is understood");
    let link = format!("<{}>;rel=\"alternate\", <{DIRECTORY}>;rel=\"index\"", url("cert/1/b"));
    let answer = Answer { status: 200, location: None, links: &[&link], body: b"-----BEGIN" };
    world.book.learn(&asked, &answer).expect("any bytes");
    assert!(world.read("cert/1/b", &world.alice.by(ALICE, &url("cert/1/b"), "")).is_ok());
}

#[test]
fn the_csr_asks_for_what_was_ordered() {
    let mut world = World::new();
    world.order(&["a.example", "b.example"]);
    world.show(0, "a.example", false, &[("dns-01", "valid")]);
    world.show(1, "b.example", false, &[("dns-01", "valid")]);
    assert!(world.finalize(&["b.example", "a.example"]).is_ok());
    assert!(world.finalize(&["B.example", "a.EXAMPLE"]).is_ok());
    refused(world.finalize(&["a.example"]), Problem::BadCsr, "does not ask for b.example");
    let more = ["a.example", "b.example", "c.example"];
    refused(world.finalize(&more), Problem::BadCsr, "c.example, which is not in the order");
    let wild = ["a.example", "b.example", "*.a.example"];
    refused(world.finalize(&wild), Problem::BadCsr, "*.a.example");
    refused(
        world.finalize(&["a.example", "b.example", "192.0.2.1"]),
        Problem::BadCsr,
        "no DNS name",
    );
    let garbage = json!({"csr": "AAAA"}).to_string();
    let body = world.alice.by(ALICE, &url("finalize/1"), &garbage);
    refused(world.read("finalize/1", &body), Problem::BadCsr, "well-formed DER");
    // Software in Go would take the second.
    let good = finalization(&["a.example", "b.example"]);
    let twice = format!("{},\"CSR\":\"AAAA\"}}", good.trim_end_matches('}'));
    let body = world.alice.by(ALICE, &url("finalize/1"), &twice);
    refused(world.read("finalize/1", &body), Problem::Malformed, "no finalization");
}

#[test] // The incident of 2020: a name was checked as often as there were names.
fn each_name_has_an_authorization_of_its_own() {
    let mut world = World::new();
    world.order(&["a.example", "b.example"]);
    world.show(0, "a.example", false, &[("dns-01", "valid")]);
    world.show(1, "a.example", false, &[("dns-01", "valid")]);
    refused(
        world.finalize(&["a.example", "b.example"]),
        Problem::Unauthorized,
        "one for each of its names",
    );
    let mut twice = World::new();
    twice.order(&["a.example", "b.example"]);
    twice.show(0, "a.example", false, &[("dns-01", "valid")]);
    twice.show(1, "a.example", false, &[("http-01", "valid")]);
    refused(twice.finalize(&["a.example", "b.example"]), Problem::Unauthorized, "one for each");
}

#[test]
fn how_a_name_was_validated_is_one_thing_and_known() {
    let check = |challenges: &[(&str, &str)]| {
        let mut world = World::new();
        world.order(&["a.example"]);
        world.show(0, "a.example", false, challenges);
        world.finalize(&["a.example"])
    };
    assert!(check(&[("dns-01", "valid"), ("http-01", "pending")]).is_ok());
    let ways: [&[(&str, &str)]; 4] = [
        &[("dns-01", "valid"), ("http-01", "valid")],
        &[("dns-01", "pending")],
        &[],
        &[("magic-01", "valid")],
    ];
    for challenges in ways {
        refused(check(challenges), Problem::OrderNotReady, "how a.example was validated");
    }
    let mut unseen = World::new();
    unseen.order(&["a.example"]);
    refused(unseen.finalize(&["a.example"]), Problem::OrderNotReady, "how a name was validated");
}

#[test]
fn challenges_of_unknown_types_are_not_asked_for() {
    let mut world = World::new();
    world.order(&["a.example"]);
    world.show(0, "a.example", false, &[("magic-01", "pending"), ("dns-01", "pending")]);
    let at = |kind: &str| format!("challenge/0/{kind}");
    let ask = |world: &World, kind: &str, payload: &str| {
        let at = at(kind);
        world.read(&at, &world.alice.by(ALICE, &url(&at), payload))
    };
    assert!(ask(&world, "dns-01", "{}").is_ok());
    assert!(ask(&world, "magic-01", "").is_ok());
    refused(ask(&world, "magic-01", "{}"), Problem::Malformed, "of this type are not known");
    refused(ask(&world, "dns-01", r#"{"x":1}"#), Problem::Malformed, "response to a challenge");
    let unnamed = world.read("challenge/9", &world.alice.by(ALICE, &url("challenge/9"), "{}"));
    assert_eq!(unnamed.as_ref().map_err(|refusal| refusal.status), Err(404));
    refused(unnamed, Problem::Malformed, "has not named this address");
}

#[test]
fn nobody_reaches_what_is_somebody_elses() {
    let mut world = World::new();
    world.order(&["a.example"]);
    world.show(0, "a.example", false, &[("dns-01", "valid")]);
    for path in ["order/1", "authz/0", "challenge/0/dns-01", "account/alice"] {
        let body = world.mallory.by(MALLORY, &url(path), "");
        refused(world.read(path, &body), Problem::Unauthorized, "another account");
    }
    let payload = finalization(&["a.example"]);
    let body = world.mallory.by(MALLORY, &url("finalize/1"), &payload);
    refused(world.read("finalize/1", &body), Problem::Unauthorized, "another account");
    // With Alice's name, and his own key.
    let body = world.mallory.by(ALICE, &url("finalize/1"), &payload);
    refused(world.read("finalize/1", &body), Problem::Malformed, "the signature is not by the key");
}

#[test] // RFC 8555 §6.2 to §6.5.
fn requests_are_signed_for_where_they_go() {
    let world = World::new();
    let payload = r#"{"identifiers":[{"type":"dns","value":"a.example"}]}"#;
    let check = |body: &str, problem: Problem, why: &str| {
        refused(world.read("new-order", body), problem, why);
    };
    let good = world.alice.by(ALICE, &url("new-order"), payload);
    assert!(world.read("new-order", &good).is_ok());
    let elsewhere = world.alice.by(ALICE, &url("new-authz"), payload);
    check(&elsewhere, Problem::Unauthorized, "another one than that of the request");
    let by_key = world.alice.by_key(&url("new-order"), payload);
    check(&by_key, Problem::Malformed, "with kid");
    let by_account = world.alice.by(ALICE, &url("new-account"), "{}");
    refused(world.read("new-account", &by_account), Problem::Malformed, "with jwk");
    let stranger = world.alice.by(&url("account/eve"), &url("new-order"), payload);
    check(&stranger, Problem::AccountDoesNotExist, "look it up");
    let none = json!({"alg": "none", "kid": ALICE, "nonce": "n", "url": url("new-order")});
    check(&world.alice.sign(&none, payload), Problem::BadSignatureAlgorithm, "not accepted");
    for nonce in [json!(null), json!(""), json!("a b"), json!("a=")] {
        let header = json!({"alg": "ES256", "kid": ALICE, "nonce": nonce, "url": url("new-order")});
        check(&world.alice.sign(&header, payload), Problem::BadNonce, "no nonce");
    }
    let plain = Request { content_type: Some("application/json"), ..post("", &good) };
    let plain = Request { url: &url("new-order"), ..plain };
    refused(world.book.read(&plain), Problem::Malformed, "application/jose+json");
    let get = Request { method: Method::Get, ..plain };
    refused(world.book.read(&get), Problem::Malformed, "does not take this method");
}

#[test]
fn other_identifiers_and_members_are_not_let_through() {
    let world = World::new();
    let check = |path: &str, payload: &str, problem: Problem, why: &str| {
        let body = world.alice.by(ALICE, &url(path), payload);
        refused(world.read(path, &body), problem, why);
    };
    let ip = r#"{"identifiers":[{"type":"ip","value":"192.0.2.1"}]}"#;
    check("new-order", ip, Problem::UnsupportedIdentifier, "there is no CAA");
    check("new-order", r#"{"identifiers":[]}"#, Problem::Malformed, "identifiers");
    let more = r#"{"identifiers":[{"type":"dns","value":"a.example"}],"x":1}"#;
    check("new-order", more, Problem::Malformed, "no order");
    check(
        "new-authz",
        r#"{"identifier":{"type":"ip","value":"::1"}}"#,
        Problem::UnsupportedIdentifier,
        "",
    );
    check("account/alice", r#"{"status":"valid"}"#, Problem::Malformed, "no account");
    assert!(
        world.read("account/alice", &world.alice.by(ALICE, ALICE, r#"{"contact":[]}"#)).is_ok()
    );
}

#[test]
fn accounts_are_learned_changed_and_forgotten() {
    let mut world = World::new();
    let eve = Client::new();
    let account = url("account/eve");
    let asked =
        world.read("new-account", &eve.by_key(&url("new-account"), "{}")).expect("understood");
    let said = json!({"status": "valid", "orders": url("orders/eve")}).to_string();
    let answer =
        |status| Answer { status, location: Some(&account), links: &[], body: said.as_bytes() };
    world.book.learn(&asked, &answer(403)).expect("a refusal shows nothing");
    let list = |client: &Client| client.by(&account, &url("orders/eve"), "");
    assert!(world.read("orders/eve", &list(&eve)).is_err());
    world.book.learn(&asked, &answer(201)).expect("an account");
    assert!(world.read("orders/eve", &list(&eve)).is_ok());
    // Another key takes its place.
    let new = Client::new();
    let change = |inner: &Value, old: &Value| {
        let change = json!({"account": account, "oldKey": old}).to_string();
        eve.by(&account, &url("key-change"), &new.sign(inner, &change))
    };
    let inner = json!({"alg": "ES256", "jwk": new.jwk(), "url": url("key-change")});
    let wrong = change(&inner, &new.jwk());
    refused(world.read("key-change", &wrong), Problem::Malformed, "something else than the outer");
    let stolen = json!({"alg": "ES256", "jwk": eve.jwk(), "url": url("key-change")});
    let stolen = change(&stolen, &eve.jwk());
    refused(world.read("key-change", &stolen), Problem::Malformed, "the signature is not by");
    let asked = world.read("key-change", &change(&inner, &eve.jwk())).expect("understood");
    let done = Answer { status: 200, location: None, links: &[], body: b"" };
    world.book.learn(&asked, &done).expect("learned");
    assert!(world.read("orders/eve", &list(&eve)).is_err());
    assert!(world.read("orders/eve", &list(&new)).is_ok());
    let give_up = new.by(&account, &account, r#"{"status":"deactivated"}"#);
    let asked = world.read("account/eve", &give_up).expect("understood");
    let gone = Answer { body: br#"{"status":"deactivated"}"#, ..done };
    world.book.learn(&asked, &gone).expect("learned");
    refused(world.read("orders/eve", &list(&new)), Problem::AccountDoesNotExist, "look it up");
}

#[test]
fn strangers_may_be_left_to_the_ca() {
    let mut world = World::new();
    world.book.strangers = Strangers::LeaveToCa;
    let account = url("account/old");
    let old = Client::new();
    let payload = r#"{"identifiers":[{"type":"dns","value":"a.example"}]}"#;
    let asked = world.read("new-order", &old.by(&account, &url("new-order"), payload));
    assert_eq!(asked.map(|asked| asked.signature), Ok(Signature::LeftToCa));
    let asked = world.read("account/old", &old.by(&account, &account, ""));
    assert_eq!(asked.map(|asked| asked.kind), Ok(Kind::Account));
    let elsewhere = old.by("https://other.example/account/old", &url("new-order"), payload);
    refused(world.read("new-order", &elsewhere), Problem::AccountDoesNotExist, "look it up");
    // Nor does one lead to another address than it says.
    for path in ["account/../finalize/1", "account/%2E./finalize/1", "account/./old"] {
        let body = old.by(&url(path), &url(path), "");
        refused(world.read(path, &body), Problem::AccountDoesNotExist, "look it up");
    }
    // Known accounts are verified all the same.
    let forged = old.by(ALICE, &url("new-order"), payload);
    refused(
        world.read("new-order", &forged),
        Problem::Malformed,
        "the signature is not by the key",
    );
}

#[test]
fn a_ca_that_leads_past_the_gate_is_not_followed() {
    let elsewhere = directory("https://other.example").to_string();
    let book = Book::new(DIRECTORY, elsewhere.as_bytes(), Strangers::Refuse);
    assert!(matches!(book, Err(BookError::Elsewhere { .. })), "{book:?}");
    let longer = directory("https://ca.example.evil").to_string();
    assert!(Book::new(DIRECTORY, longer.as_bytes(), Strangers::Refuse).is_err());
    for text in ["http://ca.example/dir", "https://ca.example", "https:///dir", ""] {
        let directory = directory("https://ca.example").to_string();
        let book = Book::new(text, directory.as_bytes(), Strangers::Refuse);
        assert!(matches!(book, Err(BookError::Directory(_))), "{book:?}");
    }
    let mut world = World::new();
    let payload = r#"{"identifiers":[{"type":"dns","value":"a.example"}]}"#;
    let body = world.alice.by(ALICE, &url("new-order"), payload);
    let asked = world.read("new-order", &body).expect("understood");
    let mut learn = |location: Option<&str>, said: Value| {
        let said = said.to_string();
        let answer = Answer { status: 201, location, links: &[], body: said.as_bytes() };
        world.book.learn(&asked, &answer)
    };
    let at = url("order/1");
    let good = order(&["a.example"]);
    assert_eq!(learn(None, good.clone()), Err(BookError::Location("order")));
    assert_eq!(learn(Some(&at), json!({})), Err(BookError::Answer("order")));
    let mut past = good.clone();
    past["finalize"] = json!("https://other.example/finalize/1");
    assert!(matches!(learn(Some(&at), past), Err(BookError::Elsewhere { .. })));
    let mut round = good.clone();
    round["finalize"] = json!("https://ca.example/order/../finalize/1");
    assert!(matches!(learn(Some(&at), round), Err(BookError::Elsewhere { .. })));
    assert_eq!(learn(Some(&at), good), Ok(()));
    let changed = learn(Some(&at), order(&["b.example"]));
    assert_eq!(changed, Err(BookError::Changed(at.clone())));
}

#[test]
fn renewal_information_and_nonces_are_read() {
    let world = World::new();
    let check = |path: &str, method: Method, is_understood: bool| {
        let url = url(path);
        let request = Request { method, url: &url, content_type: None, body: b"" };
        assert_eq!(world.book.read(&request).is_ok(), is_understood, "{path}");
    };
    check("dir", Method::Get, true);
    check("new-nonce", Method::Head, true);
    check("new-nonce", Method::Get, true);
    check("ari/AAAA.BBBB", Method::Get, true);
    for path in ["ari/", "ari", "ari/../new-order", "ari/a?b", "ari/a/b", "", "dir?x", "new-nonce/"]
    {
        check(path, Method::Get, false);
    }
    check("dir", Method::Head, false);
    check("new-nonce", Method::Post, false);
}
