//! One connection to the XMPP server: streams one after another, TLS, a login, and what little a client asks for then
//! (RFC 6120).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::ServerConnection;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::sasl::{Binding, Hash, Mechanism};
use super::scram::{Exchange, Flag, Refusal};
use super::xml::{Element, Item, NotAStream, Reader, escaped};
use super::{Login, Shared};
use crate::certificates::sha256;
use crate::identity::Identity;
use crate::taped::Taped;

/// How TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    StartTls,
    Direct,
}

/// Serves a connection until it ends. What a client does wrong is its own affair.
pub(super) async fn serve(stream: TcpStream, from: SocketAddr, opening: Opening, at: Shared) {
    let mut stream = Taped::new(stream, at.reel(from));
    let served = async {
        match opening {
            Opening::Direct => {}
            Opening::StartTls => stream = clear(stream, &at).await?,
        }
        let (identity, tls) = at.identity();
        let tls = TlsAcceptor::from(tls).accept(stream).await?;
        Connection { stream: Stream::new(tls), from, identity, at: &at }.converse().await
    };
    match timeout(CONNECTION_MAX, served).await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(err)) => tracing::debug!("a connection to the lab's XMPP server broke: {err:#}"),
    }
}

/// The stream before TLS. Gives back the connection when its client begins to shake hands.
async fn clear<S: AsyncRead + AsyncWrite + Unpin>(io: S, at: &Shared) -> io::Result<S> {
    let mut stream = Stream::new(io);
    loop {
        match stream.next().await? {
            Item::Open(header) => stream.greet(&header, at, STARTTLS).await?,
            Item::Element(element) if element.name == "starttls" => break,
            Item::Element(_) => stream.say(&failure("encryption-required", "")).await?,
            Item::Close => return Err(io::ErrorKind::ConnectionAborted.into()),
        }
    }
    // What comes along with the request may be somebody else's than whom TLS is with.
    if stream.reader.has_rest() {
        return Err(io::ErrorKind::InvalidData.into());
    }
    stream.say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await?;
    Ok(stream.io)
}

/// What is left of a connection once it has TLS.
struct Connection<'a> {
    stream: Stream<TlsStream<Taped<TcpStream>>>,
    from: SocketAddr,
    /// What was shown on this connection, which another one may not be any more.
    identity: Identity,
    at: &'a Shared,
}

impl Connection<'_> {
    async fn converse(&mut self) -> io::Result<()> {
        let mut who = None;
        loop {
            match (self.stream.next().await?, &who) {
                (Item::Open(header), None) => {
                    let features = self.at.settings.offer.features();
                    self.stream.greet(&header, self.at, &features).await?;
                }
                (Item::Open(header), Some(_)) => {
                    self.stream.greet(&header, self.at, BIND).await?;
                }
                (Item::Element(auth), None) if auth.name == "auth" => {
                    who = self.login(&auth).await?;
                }
                (Item::Element(iq), Some(name)) if iq.name == "iq" => {
                    let answer = answer(&iq, name, &self.at.settings.domain);
                    self.stream.say(&answer).await?;
                }
                (Item::Element(stanza), Some(name)) => self.at.took(name, &stanza),
                (Item::Element(_), None) => {
                    self.stream.say(&stream_error("not-authorized")).await?;
                    return self.stream.io.shutdown().await;
                }
                (Item::Close, _) => {
                    self.stream.say("</stream:stream>").await?;
                    return self.stream.io.shutdown().await;
                }
            }
        }
    }

    /// A login from its first element to its end; who it is, if it is somebody.
    async fn login(&mut self, auth: &Element) -> io::Result<Option<String>> {
        let offered = &self.at.settings.offer.mechanisms;
        let mechanism = Mechanism::named(auth.attribute("mechanism"))
            .filter(|mechanism| offered.contains(mechanism));
        let mut flag = None;
        let ended = match mechanism.map(|mechanism| (mechanism, mechanism.hash())) {
            None => Err(Refusal::NotOffered),
            Some((_, None)) => self.plain(&auth.text).map(|name| (name, String::new())),
            Some((mechanism, Some(hash))) => {
                self.scram(mechanism, hash, &auth.text, &mut flag).await?
            }
        };
        let (said, ended) = match ended {
            Ok((name, last)) => {
                let last = BASE64_STANDARD.encode(last);
                (format!("<success xmlns='{SASL}'>{last}</success>"), Ok(name))
            }
            Err(refusal) => (refused(refusal), Err(refusal)),
        };
        // Before the client hears of it, so that whoever asks afterwards finds it.
        let who = ended.clone().ok();
        self.at.keep(Login { from: self.from, mechanism, flag, ended });
        self.stream.say(&said).await?;
        Ok(who)
    }

    /// RFC 4616.
    fn plain(&self, text: &str) -> Result<String, Refusal> {
        let said = decoded(text)?;
        let mut parts = said.splitn(3, '\0').skip(1);
        let (name, password) = (parts.next(), parts.next());
        let (Some(name), Some(password)) = (name, password) else { return Err(Refusal::Malformed) };
        let is_right = self.at.password(name) == Some(password);
        if is_right { Ok(name.to_owned()) } else { Err(Refusal::Password) }
    }

    /// Who it is, and what is said to that.
    async fn scram(
        &mut self,
        mechanism: Mechanism,
        hash: Hash,
        text: &str,
        flag: &mut Option<Flag>,
    ) -> io::Result<Result<(String, String), Refusal>> {
        let offer = &self.at.settings.offer;
        let begun = decoded(text).and_then(|said| Exchange::begin(mechanism, hash, offer, &said));
        let exchange = match begun {
            Ok(exchange) => exchange,
            Err(refusal) => return Ok(Err(refusal)),
        };
        *flag = Some(exchange.flag());
        let challenge = BASE64_STANDARD.encode(&exchange.server_first);
        self.stream.say(&format!("<challenge xmlns='{SASL}'>{challenge}</challenge>")).await?;
        let response = match self.stream.next().await? {
            Item::Element(element) if element.name == "response" => decoded(&element.text),
            // A client that does not like what it was told says `abort`.
            Item::Element(element) if element.name == "abort" => Err(Refusal::Aborted),
            Item::Open(_) | Item::Element(_) | Item::Close => Err(Refusal::Malformed),
        };
        let bound = match exchange.flag() {
            Flag::No | Flag::NotOffered => Vec::new(),
            Flag::Bound(binding) => self.bound(binding)?,
        };
        let password = self.at.password(&exchange.name);
        let ended = response.and_then(|said| exchange.end(&said, password, &bound));
        Ok(ended.map(|last| (exchange.name, last)))
    }

    /// What a login over this connection is bound to.
    fn bound(&self, binding: Binding) -> io::Result<Vec<u8>> {
        let (_, tls): (_, &ServerConnection) = self.stream.io.get_ref();
        match binding {
            Binding::TlsExporter => {
                // RFC 9266 §2: this label, a context of no bytes, 32 bytes.
                let keys = tls.export_keying_material([0; 32], EXPORTER_LABEL, Some(b""));
                Ok(keys.map_err(io::Error::other)?.to_vec())
            }
            // RFC 5929 §4.1: by the hash of the signature, which in the lab is always SHA-256.
            Binding::TlsServerEndPoint => Ok(sha256(self.identity.certificate()).to_vec()),
        }
    }
}

/// A connection as items.
struct Stream<S> {
    io: S,
    reader: Reader,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream<S> {
    fn new(io: S) -> Self {
        Self { io, reader: Reader::default() }
    }

    async fn next(&mut self) -> io::Result<Item> {
        let not_a_stream = |err: NotAStream| io::Error::new(io::ErrorKind::InvalidData, err);
        loop {
            if let Some(item) = self.reader.next().map_err(not_a_stream)? {
                return Ok(item);
            }
            let mut buffer = [0; 4096];
            let count = self.io.read(&mut buffer).await?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.reader.push(&buffer[..count]).map_err(not_a_stream)?;
        }
    }

    async fn say(&mut self, text: &str) -> io::Result<()> {
        self.io.write_all(text.as_bytes()).await?;
        self.io.flush().await
    }

    /// Answers a header with ours and with features, or with an error if it is for another host.
    async fn greet(&mut self, header: &Element, at: &Shared, features: &str) -> io::Result<()> {
        let namespace = match header.attribute("xmlns") {
            "jabber:server" => "jabber:server",
            _ => "jabber:client",
        };
        let domain = &at.settings.domain;
        let opened = format!(
            "<?xml version='1.0'?><stream:stream xmlns='{namespace}' \
             xmlns:stream='http://etherx.jabber.org/streams' from='{}' id='{}' version='1.0'>",
            escaped(domain),
            at.next_stream(),
        );
        if !header.attribute("to").eq_ignore_ascii_case(domain) {
            self.say(&format!("{opened}{}", stream_error("host-unknown"))).await?;
            return Err(io::ErrorKind::NotFound.into());
        }
        self.say(&format!("{opened}<stream:features>{features}</stream:features>")).await
    }
}

/// What a client that is logged in is told: the resource that it asked for, and that all else is unknown here.
fn answer(iq: &Element, name: &str, domain: &str) -> String {
    let id = escaped(iq.attribute("id"));
    let Some(asked) = iq.children.first() else { return String::new() };
    match (iq.attribute("type"), asked.name.as_str()) {
        ("set", "bind") => {
            let resource = asked.children.first().map_or("lab", |resource| resource.text.as_str());
            let jid = escaped(&format!("{name}@{domain}/{resource}"));
            let bind = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>";
            format!("<iq type='result' id='{id}'>{bind}<jid>{jid}</jid></bind></iq>")
        }
        ("set", "session") | ("get", "ping") => format!("<iq type='result' id='{id}'/>"),
        ("get", "query") => format!(
            "<iq type='result' id='{id}'><query xmlns='{}'/></iq>",
            escaped(asked.attribute("xmlns"))
        ),
        ("get" | "set", _) => format!(
            "<iq type='error' id='{id}'><error type='cancel'><service-unavailable \
             xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        ),
        _ => String::new(),
    }
}

/// RFC 6120 §6.5, with a text where it is about channel binding: the ones of Prosody and of RFC 5802 §7.
fn refused(refusal: Refusal) -> String {
    match refusal {
        Refusal::Malformed => failure("malformed-request", ""),
        Refusal::Aborted => failure("aborted", ""),
        Refusal::NotOffered => failure("invalid-mechanism", ""),
        Refusal::Password => failure("not-authorized", ""),
        Refusal::Downgraded => failure("not-authorized", "server-does-support-channel-binding"),
        Refusal::OtherConnection => failure("malformed-request", "Invalid channel binding value."),
    }
}

fn failure(condition: &str, text: &str) -> String {
    let text = if text.is_empty() { String::new() } else { format!("<text>{text}</text>") };
    format!("<failure xmlns='{SASL}'><{condition}/>{text}</failure>")
}

fn stream_error(condition: &str) -> String {
    format!(
        "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>\
         </stream:stream>"
    )
}

fn decoded(base64: &str) -> Result<String, Refusal> {
    // RFC 6120 §6.4.2: a single equals sign is an empty message.
    let base64 = if base64 == "=" { "" } else { base64 };
    let bytes = BASE64_STANDARD.decode(base64.trim()).map_err(|_| Refusal::Malformed)?;
    String::from_utf8(bytes).map_err(|_| Refusal::Malformed)
}

const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>";
const BIND: &str = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>";
const EXPORTER_LABEL: &[u8] = b"EXPORTER-Channel-Binding";
/// No scene has a client that stays for longer, and one that hangs must not keep a test from ending.
const CONNECTION_MAX: Duration = Duration::from_secs(120);
