//! The HTTP API, as a client sees it: routes, tokens, and what the document says of them.

use std::net::SocketAddr;
use std::time::Duration;

use countersign_caa::{Demand, Name};
use countersign_gate::Corroborators;
use countersign_gate::api::step_ca::Secret;
use countersign_gate::api::{Api, Token, openapi, router};
use countersign_gate::serve::Door;
use countersign_lab::log::Group;
use countersign_net::{Ask, Clock, Net, Relay, Relayed, Target};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::place::World;

/// The API at a port.
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    net: Net,
    _tasks: JoinSet<std::io::Result<()>>,
}

impl Served {
    pub(crate) async fn new(net: Net, api: Api) -> Self {
        let door = Door::open(([127, 0, 0, 1], 0).into(), None).await.unwrap();
        let (address, mut tasks) = (door.address().unwrap(), JoinSet::new());
        tasks.spawn(door.serve(router(api), CancellationToken::new()));
        Self { address, net, _tasks: tasks }
    }

    pub(crate) async fn ask(
        &self,
        path: &str,
        body: Option<&str>,
        headers: &[(&'static str, &str)],
    ) -> (u16, Value) {
        let answer = self.raw(path, body, headers).await;
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    async fn raw(
        &self,
        path: &str,
        body: Option<&str>,
        headers: &[(&'static str, &str)],
    ) -> Relayed {
        let to = Target::parse(&format!("http://{}{path}", self.address)).unwrap();
        let ask = body.map_or(Ask::Get, |body| Ask::Post {
            body: body.as_bytes(),
            content_type: "application/json",
        });
        let relay = Relay {
            to: &to,
            vantage: "direct",
            host: None,
            ask,
            headers,
            wanted: &["content-type"],
            body_max: 1 << 20,
            deadline: Duration::from_secs(30),
        };
        self.net.relay(relay).await.unwrap()
    }
}

async fn served(world: &World) -> Served {
    let api = Api {
        gate: world.gate("a", Demand::Validated, Corroborators::none()),
        issuers: vec![Name::parse("ca.example").unwrap()],
        token: Some(Token::new("ours")),
        corroboration_tokens: vec![Token::new("theirs")],
        step_ca: Some(Secret::new(b"key")),
    };
    Served::new(world.net(Group::A), api).await
}

const OURS: &[(&str, &str)] = &[("authorization", "Bearer ours")];

#[tokio::test]
async fn a_decision_is_asked_for_and_read_again() {
    let world = World::new().await;
    let served = served(&world).await;
    let body = json!({"names": [{"name": "shop.example", "method": "dns-01"}],
        "account": "https://ca.example/acct/1", "reference": "order 7"});
    let (status, record) = served.ask("/v1/decide", Some(&body.to_string()), OURS).await;
    assert_eq!((status, &record["verdict"], &record["id"]), (200, &json!("allow"), &json!(1)));
    assert_eq!(record["reference"], "order 7");
    let (status, again) = served.ask("/v1/decisions/1", None, OURS).await;
    assert_eq!((status, &again), (200, &record));
    let hash = record["names"][0]["lookups"][0]["proof"].as_str().unwrap();
    let proof = served.raw(&format!("/v1/proofs/{hash}"), None, OURS).await;
    assert_eq!(proof.status, 200);
    assert!(proof.body.starts_with(b"dnssec\r\n"));
    for path in ["/v1/decisions/2", "/v1/proofs/00", "/v1/proofs/..%2f..%2fetc%2fpasswd", "/"] {
        assert_eq!(served.ask(path, None, OURS).await.0, 404, "{path}");
    }
    for bad in ["", "{}", r#"{"names":[]}"#, r#"{"names":[{"name":"a b"}]}"#, "{\"names\":7}"] {
        let (status, answer) = served.ask("/v1/decide", Some(bad), OURS).await;
        assert_eq!(status, 400, "{bad}");
        assert!(answer["error"].is_string(), "{answer}");
    }
    let large = format!("{{\"reference\":\"{}\"}}", "x".repeat(2 << 20));
    assert_eq!(served.raw("/v1/decide", Some(&large), OURS).await.status, 413);
}

#[tokio::test]
async fn nobody_is_answered_without_what_he_has_to_show() {
    let world = World::new().await;
    let served = served(&world).await;
    let body = json!({"names": [{"name": "shop.example"}]}).to_string();
    let theirs: &[(&str, &str)] = &[("authorization", "Bearer theirs")];
    for headers in
        [&[][..], &[("authorization", "ours")], &[("authorization", "Bearer our")], theirs]
    {
        assert_eq!(served.ask("/v1/decide", Some(&body), headers).await.0, 401, "{headers:?}");
        assert_eq!(served.ask("/v1/decisions/1", None, headers).await.0, 401, "{headers:?}");
        assert_eq!(served.ask("/v1/proofs/00", None, headers).await.0, 401, "{headers:?}");
    }
    assert_eq!(served.ask("/v1/corroborate", Some(&body), OURS).await.0, 401);
    let (status, answer) = served.ask("/v1/corroborate", Some(&body), theirs).await;
    assert_eq!((status, &answer["record"]["source"]), (200, &json!("corroboration")));
    assert_eq!(answer["proofs"].as_object().unwrap().len(), 1);
    let unsigned = served.ask("/v1/step-ca/authorize", Some("{}"), &[]).await;
    assert_eq!(unsigned.0, 401);
}

#[tokio::test]
async fn step_ca_is_answered_in_its_own_words() {
    let world = World::new().await;
    let served = served(&world).await;
    let check = async |certificate: Value, allow: bool, code: Option<&str>| {
        let now = Clock::system().now().to_string();
        let body = json!({"timestamp": now, "x509Certificate": certificate}).to_string();
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"key");
        let tag = aws_lc_rs::hmac::sign(&key, body.as_bytes());
        let signature: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let headers: &[(&str, &str)] = &[("x-smallstep-signature", &signature)];
        let (status, answer) = served.ask("/v1/step-ca/authorize", Some(&body), headers).await;
        assert_eq!((status, &answer["allow"]), (200, &json!(allow)), "{answer}");
        assert_eq!(answer["error"]["code"].as_str(), code, "{answer}");
    };
    check(json!({"dnsNames": ["open.shop.example"]}), true, None).await;
    check(json!({"dnsNames": ["open.shop.example", "closed.shop.example"]}), false, Some("caa"))
        .await;
    // It does not say which account asks.
    check(json!({"dnsNames": ["shop.example"]}), false, Some("caa")).await;
    check(
        json!({"dnsNames": ["open.shop.example"], "uris": ["a:b"]}),
        false,
        Some("unsupported-name"),
    )
    .await;
}

#[tokio::test]
async fn the_document_says_what_there_is() {
    let world = World::new().await;
    let served = served(&world).await;
    assert_eq!(served.ask("/healthz", None, &[]).await, (200, json!({"status": "ok"})));
    let (status, document) = served.ask("/openapi.json", None, &[]).await;
    assert_eq!((status, &document), (200, &openapi::document()));
    // Every route is there with its method, and nothing else is.
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "1").replace("{hash}", "00");
        for (method, body) in [("get", None), ("post", Some("{}"))] {
            let status = served.ask(&path, body, OURS).await.0;
            assert_eq!(status != 405, methods.get(method).is_some(), "{method} {path}: {status}");
        }
    }
    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
    // A record has the members that it says, and no others.
    let body = json!({"names": [{"name": "closed.shop.example", "method": "dns-01"}],
        "account": "https://ca.example/acct/1"});
    let (_, record) = served.ask("/v1/decide", Some(&body.to_string()), OURS).await;
    fits(&document, "Record", &record);
    fits(&document, "Account", &record["accounts"][0]);
    fits(&document, "Judged", &record["names"][0]);
    fits(&document, "Lookup", &record["names"][0]["lookups"][0]);
    fits(&document, "Hop", &record["names"][0]["lookups"][0]["hops"][0]);
}

/// Whether an object has exactly the members that its schema has.
#[track_caller]
pub(crate) fn fits(document: &Value, schema: &str, object: &Value) {
    let properties = document["components"]["schemas"][schema]["properties"].as_object().unwrap();
    let (said, had): (Vec<_>, Vec<_>) =
        (properties.keys().collect(), object.as_object().unwrap().keys().collect());
    assert_eq!(said, had, "{schema}");
}
