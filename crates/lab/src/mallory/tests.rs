use std::net::Ipv4Addr;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::{NamedGroup, ProtocolVersion};
use tokio::time::timeout;

use super::*;
use crate::authority::Authority;
use crate::identity::Versions;
use crate::xmpp::tests::{Client, LOCALHOST, config, identity, server};
use crate::xmpp::{Flag, Mechanism, Offer, Refusal, XmppServer};

const SECOND: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const THIRD: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
const PLUS: Mechanism = Mechanism::ScramSha256Plus;

/// A server, and who may stand before it.
struct Street {
    real: Identity,
    other: Identity,
    server: XmppServer,
}

impl Street {
    async fn new() -> Self {
        let authority = Authority::new("Lab", 1);
        let (real, other) = (identity(&authority), identity(&authority));
        Self { server: server(real.clone(), Offer::default()).await, real, other }
    }

    fn other(&self) -> Settings {
        Settings::everyone(self.other.clone())
    }

    async fn mallory(&self, settings: Settings) -> Mallory {
        Mallory::start(LOCALHOST, self.server.starttls(), settings).await.unwrap()
    }

    /// Whether who comes from there is shown the other key.
    async fn is_read(&self, mallory: &Mallory, from: IpAddr, config: rustls::ClientConfig) -> bool {
        let client = Client::starttls(from, mallory.address(), config).await.unwrap();
        let is_other = client.spki() == self.other.spki();
        assert!(is_other || client.spki() == self.real.spki());
        is_other
    }
}

#[tokio::test]
async fn she_reads_everyone_and_the_server_sees_her_victims_addresses() {
    let stage = Street::new().await;
    let mallory = stage.mallory(stage.other()).await;
    let mut client = Client::starttls(SECOND, mallory.address(), config()).await.unwrap();
    assert_eq!(client.spki(), stage.other.spki());
    let ended = client.login(Mechanism::ScramSha256, "n", "secret").await.unwrap();
    assert_eq!(ended, "success");
    client.write("the meeting is at nine").await.unwrap();
    let heard = String::from_utf8(mallory.seen().confidences).unwrap();
    assert!(heard.contains("the meeting is at nine"));
    assert_eq!(stage.server.messages(), [("alice".into(), "the meeting is at nine".into())]);
    assert_eq!(stage.server.logins()[0].from.ip(), SECOND);
    assert_eq!((mallory.seen().read, mallory.seen().passed), (vec![SECOND], vec![]));

    let direct = Mallory::start(LOCALHOST, stage.server.direct(), stage.other()).await.unwrap();
    let client = Client::direct(SECOND, direct.address(), config()).await.unwrap();
    assert_eq!(client.spki(), stage.other.spki());
}

#[tokio::test]
async fn she_reads_just_whom_she_is_told_to() {
    let stage = Street::new().await;
    let cases = [
        (Victims::Everyone, [true, true, true]),
        (Victims::AllBut([LOCALHOST].into()), [false, true, true]),
        (Victims::AllBut([LOCALHOST, SECOND].into()), [false, false, true]),
        (Victims::Only([THIRD].into()), [false, false, true]),
    ];
    for (victims, expected) in cases {
        let mallory = stage.mallory(Settings { victims, ..stage.other() }).await;
        for (from, is_read) in [LOCALHOST, SECOND, THIRD].into_iter().zip(expected) {
            assert_eq!(stage.is_read(&mallory, from, config()).await, is_read);
        }
    }
}

#[tokio::test]
async fn she_tells_clients_by_what_they_say_first() {
    let stage = Street::new().await;
    let mut named = config();
    named.alpn_protocols = vec![b"xmpp-client".to_vec()];
    // Who comes back with a ticket has an extension more to say.
    named.resumption = Resumption::disabled();
    let everyone = stage.mallory(stage.other()).await;
    assert!(stage.is_read(&everyone, LOCALHOST, named.clone()).await);
    let wanted = ja4(&everyone.seen().hellos[0]).unwrap();
    let victims = Victims::Fingerprint(wanted);
    let mallory = stage.mallory(Settings { victims, ..stage.other() }).await;
    assert!(!stage.is_read(&mallory, LOCALHOST, config()).await);
    assert!(stage.is_read(&mallory, LOCALHOST, named).await);
    // Who was let pass has a connection with the server itself.
    let mut client = Client::starttls(LOCALHOST, mallory.address(), config()).await.unwrap();
    assert_eq!(client.login(PLUS, "p=tls-exporter", "secret").await.unwrap(), "success");
}

#[tokio::test]
async fn bound_logins_fail_through_her_as_far_as_the_binding_goes() {
    let stage = Street::new().await;
    let stolen = stage.mallory(Settings::everyone(stage.real.clone())).await;
    let other = stage.mallory(stage.other()).await;
    // Who has the key of the certificate passes what is bound to the certificate, and nothing more.
    let cases = [
        (&other, "p=tls-exporter", "malformed-request"),
        (&other, "p=tls-server-end-point", "malformed-request"),
        (&other, "y", "not-authorized"),
        (&other, "n", "success"),
        (&stolen, "p=tls-exporter", "malformed-request"),
        (&stolen, "p=tls-server-end-point", "success"),
    ];
    for (mallory, flag, expected) in cases {
        let mut client = Client::starttls(LOCALHOST, mallory.address(), config()).await.unwrap();
        let mechanism = if flag.starts_with('p') { PLUS } else { Mechanism::ScramSha256 };
        assert_eq!(client.login(mechanism, flag, "secret").await.unwrap(), expected, "{flag}");
    }
    let ended: Vec<_> = stage.server.logins().into_iter().map(|login| login.ended).collect();
    let refused = Err(Refusal::OtherConnection);
    assert_eq!(ended[..3], [refused.clone(), refused, Err(Refusal::Downgraded)]);
    assert!(stage.server.logins().iter().any(|login| login.flag == Some(Flag::No)));
}

#[tokio::test]
async fn with_the_stolen_key_only_the_two_ends_differ() {
    let stage = Street::new().await;
    let mallory = stage.mallory(Settings::everyone(stage.real.clone())).await;
    let client = Client::starttls(LOCALHOST, mallory.address(), config()).await.unwrap();
    assert_eq!(client.spki(), stage.real.spki());
    let mut key = [0; 32];
    client.tls().export_keying_material(&mut key, b"EXPERIMENTAL", None).unwrap();
    // The hello that came to the server is another one than Mallory was told.
    let (_, at_server) = stage.server.connections().remove(0);
    assert_eq!(mallory.seen().hellos.len(), 1);
    let hello = &mallory.seen().hellos[0];
    assert!(!at_server.sent.bytes().windows(hello.len()).any(|window| window == &hello[..]));
}

#[tokio::test]
async fn she_strips_what_she_is_told_to_and_no_more() {
    let stage = Street::new().await;
    let strip = Strip { plus: true, starttls: false };
    let mallory = stage.mallory(Settings { strip, ..stage.other() }).await;
    let mut client = Client::starttls(LOCALHOST, mallory.address(), config()).await.unwrap();
    let features = client.features.clone();
    assert!(!features.contains("-PLUS") && !features.contains("channel-binding"), "{features}");
    assert!(features.contains("<mechanism>SCRAM-SHA-256</mechanism>"));
    // A client that says that it could have done more is heard by the server.
    let ended = client.login(Mechanism::ScramSha256, "y", "secret").await.unwrap();
    assert_eq!(ended, "not-authorized");
    assert_eq!(stage.server.logins()[0].ended, Err(Refusal::Downgraded));

    let strip = Strip { plus: false, starttls: true };
    let mallory = stage.mallory(Settings { strip, ..stage.other() }).await;
    let connected = Client::starttls(LOCALHOST, mallory.address(), config()).await;
    assert_eq!(connected.err().unwrap().to_string(), "no starttls");
}

#[tokio::test]
async fn her_terms_are_hers_and_her_hello_can_be_like_the_clients() {
    let stage = Street::new().await;
    let terms = Terms { versions: Versions::Old, ..Terms::default() };
    let old = stage.mallory(Settings { terms, ..stage.other() }).await;
    let client = Client::starttls(LOCALHOST, old.address(), config()).await.unwrap();
    assert_eq!(client.tls().protocol_version(), Some(ProtocolVersion::TLSv1_2));
    let terms = Terms { groups: vec![NamedGroup::secp384r1], ..Terms::default() };
    let other = stage.mallory(Settings { terms, ..stage.other() }).await;
    let client = Client::starttls(LOCALHOST, other.address(), config()).await.unwrap();
    let group = client.tls().negotiated_key_exchange_group().unwrap().name();
    assert_eq!(group, NamedGroup::secp384r1);

    let mimic = Settings { upstream: Upstream::Mimic, ..stage.other() };
    let (mimic, own) = (stage.mallory(mimic).await, stage.mallory(stage.other()).await);
    for (mallory, expected) in [(&mimic, 1), (&own, 0)] {
        let mut provider = rustls::crypto::CryptoProvider::clone(config().crypto_provider());
        provider.cipher_suites.retain(|suite| suite.tls13().is_none());
        let provider = Arc::new(provider);
        let few = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
            .with_no_client_auth();
        Client::starttls(LOCALHOST, mallory.address(), few).await.unwrap();
        let (_, at_server) = stage.server.connections().pop().unwrap();
        // The server's answer tells the version: extension 43 is only in that of TLS 1.3.
        let received = at_server.received.bytes();
        let is_new = received.windows(6).any(|window| window == [0, 43, 0, 2, 3, 4]);
        assert_eq!(is_new, expected == 0);
    }
}

#[tokio::test]
async fn bad_servers_are_bad_at_their_stage() {
    let stage = Street::new().await;
    let try_it = async |honest, fault| {
        let bad = BadServer::start(honest, fault).await.unwrap();
        let connecting = Client::starttls(LOCALHOST, bad.address(), config());
        timeout(Duration::from_millis(300), connecting).await.map(|ended| ended.map(|_| ()))
    };
    let honest = stage.server.starttls();
    for at in Stage::ALL {
        assert!(try_it(honest, Fault::Stall(at)).await.is_err(), "it stalls at {at:?}");
        for fault in [Fault::Reset(at), Fault::Close(at), Fault::Garbage(at)] {
            let ended = try_it(honest, fault).await;
            // Between greeting and hello a client may not have noticed yet, or be inside of either.
            assert!(matches!(ended, Ok(Err(_)) | Err(_)), "{fault:?} came to {ended:?}");
        }
    }
    let endless = Fault::Endless("<stream:features><x/>");
    assert!(try_it(honest, endless).await.is_err());
    let refused = try_it(honest, Fault::WrongName).await.unwrap().unwrap_err();
    assert!(refused.to_string().contains("Unrecogni"), "{refused}");
    let trickled = try_it(honest, Fault::Trickle(Duration::ZERO)).await;
    assert!(matches!(trickled, Ok(Ok(())) | Err(_)), "{trickled:?}");
    let padded = server(stage.real.clone().padded(1000), Offer::default()).await;
    let padded = Client::direct(LOCALHOST, padded.direct(), config()).await;
    assert!(padded.is_err(), "rustls takes no such chain");
}
