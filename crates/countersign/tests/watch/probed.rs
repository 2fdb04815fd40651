//! A service that the watch probes: quiet while its own key serves, one incident with proof when another one does.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_lab::authority::{Authority, Request, SubjectKey};
use countersign_lab::identity::{Identity, Terms, Versions};
use countersign_lab::log::Protocol;
use countersign_lab::mallory::{self, Mallory};
use countersign_lab::xmpp::{Offer, Settings, XmppServer};
use serde_json::Value;

use crate::logs::SmallLog;
use crate::place::Place;

/// Somebody has the server's key.
struct Stolen;

const DOMAIN: &str = "im.example";
const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// An XMPP server, and a place whose watch probes it.
struct Stage {
    authority: Authority,
    server: XmppServer,
    place: Place,
    _mallory: Option<Mallory>,
    _log: SmallLog,
}

impl Stage {
    async fn new() -> Self {
        Self::with(None).await
    }

    /// With somebody before the port where clear text comes first who has the server's own key.
    async fn with(key: Option<Stolen>) -> Self {
        let mut log = SmallLog::start(Protocol::StaticCt, "small").await;
        log.grow(3);
        let authority = Authority::new("Ours", 3);
        let settings = Settings {
            domain: DOMAIN.to_owned(),
            at: LOCALHOST,
            accounts: BTreeMap::from([("alice".to_owned(), "secret".to_owned())]),
            offer: Offer::default(),
            identity: identity(&authority, DOMAIN),
            terms: Terms { versions: Versions::Both, groups: Vec::new(), alpn: Vec::new() },
        };
        let server = XmppServer::start(settings).await.unwrap();
        let place = Place::new(&[".elsewhere.example"], &[log.extra()]);
        let root = BASE64_STANDARD.encode(authority.root());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n");
        fs::write(place.path("root.pem"), pem).unwrap();
        let mallory = match key {
            None => None,
            Some(Stolen) => {
                let settings = mallory::Settings::everyone(server.identity());
                Some(Mallory::start(LOCALHOST, server.starttls(), settings).await.unwrap())
            }
        };
        let before = mallory.as_ref().map_or(server.starttls(), Mallory::address);
        let (starttls, direct) = (before.port(), server.direct().port());
        let account = place.path("account");
        fs::write(&account, "alice@im.example\nsecret\n").unwrap();
        fs::set_permissions(&account, Permissions::from_mode(0o600)).unwrap();
        place.configure(&format!(
            "[judge]\nhold = \"0s\"\n[heartbeat]\nevery = \"never\"\n[tls]\nextra-roots = \"root.pem\"\n\
             [[probe]]\ndomain = \"{DOMAIN}\"\nclients = [\"rustls\"]\naccount-file = \"account\"\n\
             services = [\"xmpp:{starttls}@127.0.0.1\", \"xmpp/direct:{direct}@127.0.0.1\"]\n"
        ));
        let stage = Self { authority, server, place, _mallory: mallory, _log: log };
        stage.register().await;
        stage
    }

    /// Says that the key which serves now is ours.
    async fn register(&self) {
        let certificate = self.place.path("certificate.der");
        fs::write(&certificate, self.server.identity().certificate()).unwrap();
        let registered = self.place.run("authorize --certificate certificate.der").await;
        assert_eq!(registered.status, Some(0), "{registered:?}");
        let spki = spki_sha256(&self.server.identity());
        let registered = self.place.run(&format!("authorize --spki {spki} --name {DOMAIN}")).await;
        assert_eq!(registered.status, Some(0), "{registered:?}");
    }

    /// Looks at all of it once. How that ended, and in which states the kinds of probes are.
    async fn look(&self, status: i32, states: &[&str]) {
        let watched = self.place.run("watch --once --json").await;
        assert_eq!(watched.status, Some(status), "{watched:?}");
        let rows = self.place.run("probes --json").await.rows();
        let seen: Vec<_> = rows.iter().map(|row| row["state"].as_str().unwrap()).collect();
        assert_eq!(seen, states, "{rows:?}");
    }

    async fn incidents(&self) -> Vec<Value> {
        self.place.run("incidents --all --json").await.rows()
    }
}

fn identity(authority: &Authority, name: &str) -> Identity {
    let key = SubjectKey::generate();
    let request = Request {
        names: vec![name.to_owned()],
        key: &key,
        not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
        not_after: "2040-01-01T00:00:00Z".parse().unwrap(),
        rewrite: None,
    };
    Identity::new(&authority.issue_unlogged(&request).unwrap(), &key)
}

fn spki_sha256(identity: &Identity) -> String {
    let leaf = countersign_judge::probe::observation::Leaf::of(identity.certificate());
    let key = leaf.spki_sha256.unwrap();
    key.iter().map(|octet| format!("{octet:02x}")).collect()
}

#[tokio::test]
async fn another_key_is_one_incident_with_a_handshake_that_proves_it() {
    let stage = Stage::new().await;
    stage.look(0, &["looked", "looked"]).await;
    assert_eq!(stage.incidents().await, Vec::<Value>::new());
    assert_eq!(stage.server.logins().len(), 2, "each look logs in");

    let ours = stage.server.identity();
    stage.server.renew(identity(&stage.authority, DOMAIN));
    stage.look(1, &["intercepted", "intercepted"]).await;
    // It is told once.
    stage.look(0, &["intercepted", "intercepted"]).await;
    let incidents = stage.incidents().await;
    assert_eq!(incidents.len(), 1, "{incidents:?}");
    assert_eq!(incidents[0]["domain"], DOMAIN);
    assert_eq!(stage.place.run("probes").await.status, Some(1));

    let written = stage.place.run("evidence 1 --out handshake").await;
    assert_eq!(written.status, Some(0), "{written:?}");
    let verified = stage.place.run("evidence verify handshake --json").await;
    assert_eq!(verified.status, Some(0), "{verified:?}");
    let row = verified.rows().remove(0);
    assert_eq!(row["proved"], true);
    assert_eq!(row["server_name"], DOMAIN);
    assert_eq!(row["spki_sha256"], spki_sha256(&stage.server.identity()).as_str());
    let text = fs::read_to_string(stage.place.path("handshake")).unwrap();
    let (top, received) = text.split_once("\nreceived:\n").unwrap();
    // A digit of the sealed part: the second line is behind the ServerHello's record.
    let at = received.match_indices('\n').nth(3).unwrap().0 + 1;
    let other = if received[at..].starts_with('A') { "B" } else { "A" };
    let spoilt = format!("{top}\nreceived:\n{}{other}{}", &received[..at], &received[at + 1..]);
    assert_ne!(spoilt, text);
    fs::write(stage.place.path("spoilt"), spoilt).unwrap();
    let verified = stage.place.run("evidence verify spoilt").await;
    assert_eq!(verified.status, Some(1), "{verified:?}");
    assert!(verified.stdout.contains("NOTHING IS PROVED"), "{verified:?}");

    // Ours again: it is closed when nothing was found for a day, not at once.
    stage.server.renew(ours);
    stage.look(0, &["intercepted", "intercepted"]).await;
    assert_eq!(stage.incidents().await.len(), 1);
}

#[tokio::test]
async fn who_renews_and_has_registered_the_key_hears_nothing() {
    let stage = Stage::new().await;
    stage.look(0, &["looked", "looked"]).await;
    stage.server.renew(identity(&stage.authority, DOMAIN));
    stage.register().await;
    stage.look(0, &["looked", "looked"]).await;
    assert_eq!(stage.incidents().await, Vec::<Value>::new());
}

#[tokio::test] // No certificate tells, and no key; but no two TLS sessions export the same.
async fn who_has_the_servers_key_is_found_by_a_login() {
    let stage = Stage::with(Some(Stolen)).await;
    stage.look(1, &["looked", "intercepted"]).await;
    let shown = stage.place.run("show 1 --json").await;
    assert!(shown.stdout.contains("\"binding-refused\""), "{shown:?}");
}

#[tokio::test]
async fn a_single_look_is_held_against_what_is_registered_and_waits_for_nobody() {
    let stage = Stage::new().await;
    let config = fs::read_to_string(stage.place.path("countersign.toml")).unwrap();
    let waits = config.replace("hold = \"0s\"", "hold = \"1h\"");
    assert_ne!(waits, config);
    fs::write(stage.place.path("countersign.toml"), waits).unwrap();
    let probe = format!(
        "probe {DOMAIN}:{} --protocol xmpp --host 127.0.0.1 --no-dns --roots root.pem --client rustls",
        stage.server.starttls().port()
    );
    let own = stage.place.run(&probe).await;
    assert_eq!(own.status, Some(0), "{own:?}");
    stage.server.renew(identity(&stage.authority, DOMAIN));
    let foreign = stage.place.run(&probe).await;
    assert_eq!(foreign.status, Some(1), "{foreign:?}");
    drop(stage.server);
    let gone = stage.place.run(&probe).await;
    assert_eq!(gone.status, Some(2), "{gone:?}");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_not_fine() {
    let stage = Stage::new().await;
    drop(stage.server);
    let watched = stage.place.run("watch --once --json").await;
    assert_eq!(watched.status, Some(2), "{watched:?}");
    let probes = stage.place.run("probes --json").await;
    assert_eq!(probes.status, Some(2), "{probes:?}");
    assert!(probes.rows().iter().all(|row| row["state"] == "blind"), "{probes:?}");
}
