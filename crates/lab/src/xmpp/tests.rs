use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::authority::{Authority, Request, SubjectKey};
use crate::certificates::{sha256, spki_of};
use crate::identity::{Identity, Terms, provider};
use crate::mallory::Anybody;
use crate::port::connect_from;

pub(crate) const DOMAIN: &str = "xmpp.example";
pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A certificate for the domain, of a key of its own.
pub(crate) fn identity(authority: &Authority) -> Identity {
    let key = SubjectKey::generate();
    let request = Request {
        names: vec![DOMAIN.to_owned()],
        key: &key,
        not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
        not_after: "2026-04-01T00:00:00Z".parse().unwrap(),
        rewrite: None,
    };
    Identity::new(&authority.issue_unlogged(&request).unwrap(), &key)
}

pub(crate) async fn server(identity: Identity, offer: Offer) -> XmppServer {
    let settings = Settings {
        domain: DOMAIN.to_owned(),
        at: LOCALHOST,
        accounts: BTreeMap::from([("alice".to_owned(), "secret".to_owned())]),
        offer,
        identity,
        terms: Terms::default(),
    };
    XmppServer::start(settings).await.unwrap()
}

pub(crate) fn config() -> ClientConfig {
    let provider = provider(&[]);
    ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth()
}

/// Reads until this comes, or the end.
async fn until(io: &mut (impl AsyncRead + Unpin), what: &str) -> io::Result<String> {
    let mut text = String::new();
    while !text.contains(what) {
        let mut buffer = [0; 4096];
        match io.read(&mut buffer).await? {
            0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text)),
            count => text.push_str(&String::from_utf8_lossy(&buffer[..count])),
        }
    }
    Ok(text)
}

async fn ask(
    io: &mut (impl AsyncRead + AsyncWrite + Unpin),
    text: &str,
    what: &str,
) -> io::Result<String> {
    io.write_all(text.as_bytes()).await?;
    io.flush().await?;
    until(io, what).await
}

const HEADER: &str = "<?xml version='1.0'?><stream:stream to='xmpp.example' version='1.0' \
    xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/// A client of the XMPP server.
pub(crate) struct Client {
    tls: TlsStream<TcpStream>,
    pub(crate) features: String,
}

impl Client {
    pub(crate) async fn starttls(
        source: IpAddr,
        to: SocketAddr,
        config: ClientConfig,
    ) -> io::Result<Self> {
        let mut stream = connect_from(source, to).await?;
        let features = ask(&mut stream, HEADER, "</stream:features>").await?;
        if !features.contains("<starttls") {
            return Err(io::Error::other("no starttls"));
        }
        let starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
        ask(&mut stream, starttls, "<proceed").await?;
        Self::shake(stream, config).await
    }

    pub(crate) async fn direct(
        source: IpAddr,
        to: SocketAddr,
        config: ClientConfig,
    ) -> io::Result<Self> {
        Self::shake(connect_from(source, to).await?, config).await
    }

    pub(crate) async fn shake(stream: TcpStream, config: ClientConfig) -> io::Result<Self> {
        let name = ServerName::try_from(DOMAIN).unwrap();
        let mut tls = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
        let features = ask(&mut tls, HEADER, "</stream:features>").await?;
        Ok(Self { tls, features })
    }

    pub(crate) fn spki(&self) -> Vec<u8> {
        spki_of(&self.tls.get_ref().1.peer_certificates().unwrap()[0]).unwrap().to_vec()
    }

    pub(crate) fn tls(&self) -> &rustls::ClientConnection {
        self.tls.get_ref().1
    }

    /// How the server ends a login: `success` or a condition.
    pub(crate) async fn login(
        &mut self,
        mechanism: Mechanism,
        flag: &str,
        password: &str,
    ) -> io::Result<String> {
        let auth = |said: &str| {
            let (name, said) = (mechanism.name(), BASE64_STANDARD.encode(said));
            format!(
                "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{name}'>{said}</auth>"
            )
        };
        let Some(hash) = mechanism.hash() else {
            let said = auth(&format!("\0alice\0{password}"));
            return ask(&mut self.tls, &said, "</").await.map(|answer| ended(&answer));
        };
        let (header, bare) = (format!("{flag},,"), "n=alice,r=nonce");
        let challenge = ask(&mut self.tls, &auth(&format!("{header}{bare}")), "</").await?;
        let Some((_, challenge)) = challenge.split_once("<challenge") else {
            return Ok(ended(&challenge));
        };
        let challenge = challenge.split(['>', '<']).nth(1).unwrap();
        let first = String::from_utf8(BASE64_STANDARD.decode(challenge).unwrap()).unwrap();
        let value = |name: char| {
            let found =
                first.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            found.unwrap().to_owned()
        };
        let bound = match flag {
            "p=tls-exporter" => {
                let label = b"EXPORTER-Channel-Binding";
                self.tls().export_keying_material([0; 32], label, Some(b"")).unwrap().to_vec()
            }
            "p=tls-server-end-point" => {
                sha256(&self.tls().peer_certificates().unwrap()[0]).to_vec()
            }
            _ => Vec::new(),
        };
        let channel = BASE64_STANDARD.encode([header.as_bytes(), &bound].concat());
        let without_proof = format!("c={channel},r={}", value('r'));
        let salted = hash.stretched(password, &BASE64_STANDARD.decode(value('s')).unwrap());
        let key = hash.hmac(&salted, b"Client Key");
        let message = format!("{bare},{first},{without_proof}");
        let signature = hash.hmac(&hash.of(&key), message.as_bytes());
        let proof: Vec<u8> = key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        let last =
            BASE64_STANDARD.encode(format!("{without_proof},p={}", BASE64_STANDARD.encode(proof)));
        let response =
            format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{last}</response>");
        let answer = ask(&mut self.tls, &response, "</").await?;
        Ok(ended(&answer))
    }

    /// A message, once logged in; what the server says to a ping behind it.
    pub(crate) async fn write(&mut self, text: &str) -> io::Result<String> {
        ask(&mut self.tls, HEADER, "</stream:features>").await?;
        let said = format!(
            "<message to='bob@xmpp.example'><body>{text}</body></message>\
             <iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"
        );
        ask(&mut self.tls, &said, "/>").await
    }
}

fn ended(answer: &str) -> String {
    if answer.contains("<success") {
        return "success".to_owned();
    }
    let (_, failure) = answer.split_once("<failure").unwrap_or_default();
    let condition = failure.split('<').nth(1).unwrap_or_default();
    condition.trim_end_matches("/>").to_owned()
}

#[tokio::test]
async fn clients_log_in_by_every_mechanism_on_both_ports() {
    let identity = identity(&Authority::new("Lab", 1));
    let server = server(identity.clone(), Offer::default()).await;
    let logins = [
        (Mechanism::Plain, ""),
        (Mechanism::ScramSha1, "n"),
        (Mechanism::ScramSha256, "n"),
        (Mechanism::ScramSha1Plus, "p=tls-exporter"),
        (Mechanism::ScramSha256Plus, "p=tls-exporter"),
        (Mechanism::ScramSha256Plus, "p=tls-server-end-point"),
    ];
    for (mechanism, flag) in logins {
        let starttls = Client::starttls(LOCALHOST, server.starttls(), config()).await.unwrap();
        let direct = Client::direct(LOCALHOST, server.direct(), config()).await.unwrap();
        for mut client in [starttls, direct] {
            assert_eq!(client.spki(), identity.spki());
            assert!(client.features.contains("<channel-binding type='tls-exporter'/>"));
            assert_eq!(client.login(mechanism, flag, "secret").await.unwrap(), "success");
            assert!(client.write("hello").await.unwrap().contains("result"));
        }
        let mut other = Client::direct(LOCALHOST, server.direct(), config()).await.unwrap();
        let refused = other.login(mechanism, flag, "wrong").await.unwrap();
        assert_eq!(refused, "not-authorized");
    }
    assert_eq!(server.messages().len(), 12);
    let ended = server.logins().into_iter().map(|login| login.ended);
    assert_eq!(ended.filter(|ended| *ended == Err(Refusal::Password)).count(), 6);
}

#[tokio::test]
async fn it_keeps_its_end_and_changes_its_certificate_while_it_runs() {
    let authority = Authority::new("Lab", 1);
    let (old, new) = (identity(&authority), identity(&authority));
    let server = server(old.clone(), Offer::default()).await;
    let mut before = Client::starttls(LOCALHOST, server.starttls(), config()).await.unwrap();
    server.renew(new.clone());
    let after = Client::direct(LOCALHOST, server.direct(), config()).await.unwrap();
    assert_eq!((before.spki(), after.spki()), (old.spki().to_vec(), new.spki().to_vec()));
    // Its login is bound to what it was shown.
    let flag = "p=tls-server-end-point";
    let ended = before.login(Mechanism::ScramSha256Plus, flag, "secret").await.unwrap();
    assert_eq!(ended, "success");
    let connections = server.connections();
    assert_eq!(connections.len(), 2);
    assert!(connections[0].1.sent.bytes().starts_with(b"<?xml"));
    assert!(connections[1].1.sent.bytes().starts_with(&[22, 3]));
    assert!(connections[1].1.received.bytes().starts_with(&[22, 3, 3]));
}

#[tokio::test]
async fn what_is_for_nobody_here_or_comes_too_soon_is_refused() {
    let server = server(identity(&Authority::new("Lab", 1)), Offer::default()).await;
    let mut stream = connect_from(LOCALHOST, server.starttls()).await.unwrap();
    let elsewhere = HEADER.replace(DOMAIN, "elsewhere.example");
    let said = ask(&mut stream, &elsewhere, "</stream:stream>").await.unwrap();
    assert!(said.contains("<host-unknown"), "{said}");
    let mut stream = connect_from(LOCALHOST, server.starttls()).await.unwrap();
    ask(&mut stream, HEADER, "</stream:features>").await.unwrap();
    let said = ask(&mut stream, "<auth mechanism='PLAIN'>=</auth>", "</failure>").await.unwrap();
    assert!(said.contains("<encryption-required"), "{said}");
    let injected = "<starttls/><presence/>";
    assert!(ask(&mut stream, injected, "<proceed").await.is_err());
}
