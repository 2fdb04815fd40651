//! Logs in to an XMPP server with tokio-xmpp, over STARTTLS: `xmpp [--stock] JID PASSWORD ADDRESS`.
//!
//! tokio-xmpp makes its own configuration for TLS and takes none. But it takes a [`ServerConnector`], and that is
//! the place for ours. It also tries again and again, and tells nobody why it fails: so the verifier tells.

#[path = "shared/enforcement.rs"]
mod enforcement;

use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use countersign_rustls_sct::{Refused, SctVerifier};
use countersign_sct::Action;
use enforcement::{arguments, enforcer, exit, system_roots};
use futures_util::{SinkExt, StreamExt};
use rustls::{ClientConfig, ProtocolVersion};
use rustls_pki_types::ServerName;
use sasl::common::ChannelBinding;
use tokio::io::BufStream;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_xmpp::connect::{DnsConfig, ServerConnector, StartTlsServerConnector};
use tokio_xmpp::error::ProtocolError;
use tokio_xmpp::jid::Jid;
use tokio_xmpp::parsers::starttls::{Nonza, Request};
use tokio_xmpp::xmlstream::{
    PendingFeaturesRecv, ReadError, StreamHeader, Timeouts, XmppStream, XmppStreamElement,
    initiate_stream,
};
use tokio_xmpp::{Client, Error, Event};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit(log_in().await)
}

async fn log_in() -> anyhow::Result<String> {
    let (stock, [jid, password, address]) = arguments("xmpp [--stock] JID PASSWORD ADDRESS")?;
    let (jid, server) = (Jid::new(&jid)?, DnsConfig::addr(&address));
    let (refuse, mut refused) = mpsc::unbounded_channel();
    let mut client = if stock {
        let connector = StartTlsServerConnector(server);
        Client::new_with_connector(jid, password, connector, Timeouts::default())
    } else {
        let verifier = SctVerifier::builder(system_roots()?).enforcer(enforcer()?);
        let verifier = verifier.on_decision(move |decision, _| {
            if decision.action == Action::Refuse {
                // Nobody hears of it when the client has gone already.
                let _gone = refuse.send(Refused { decision: decision.clone() });
            }
        });
        let tls = ClientConfig::builder()
            .dangerous()
            .with_custom_certificate_verifier(verifier.build()?)
            .with_no_client_auth();
        let connector = SctConnector { server, tls: Arc::new(tls) };
        Client::new_with_connector(jid, password, connector, Timeouts::default())
    };
    let event = tokio::select! {
        event = tokio::time::timeout(LOGIN_MAX, client.next()) => event,
        Some(refused) = refused.recv() => return Err(refused.into()),
    };
    match event.context("no login in time")?.context("the client gave up")? {
        Event::Online { bound_jid, .. } => Ok(format!("online as {bound_jid}")),
        other => anyhow::bail!("not a login: {other:?}"),
    }
}

/// A login takes less than a second on loopback; the client would try for ever.
const LOGIN_MAX: Duration = Duration::from_secs(20);

/// STARTTLS with a configuration of ours.
#[derive(Clone, Debug)]
struct SctConnector {
    /// Where the server is. What its certificate must say is the domain of the JID.
    server: DnsConfig,
    tls: Arc<ClientConfig>,
}

impl ServerConnector for SctConnector {
    type Stream = BufStream<TlsStream<TcpStream>>;

    async fn connect(
        &self,
        jid: &Jid,
        ns: &'static str,
        timeouts: Timeouts,
    ) -> Result<(PendingFeaturesRecv<Self::Stream>, ChannelBinding), Error> {
        let header =
            || StreamHeader { to: Some(jid.domain().as_str().into()), from: None, id: None };
        let tcp = BufStream::new(self.server.resolve().await?);
        let (features, stream) =
            initiate_stream(tcp, ns, header(), timeouts).await?.recv_features().await?;
        // Whoever takes the offer out of the stream gets no password in the clear.
        if !features.can_starttls() {
            return Err(ProtocolError::NoTls.into());
        }
        let tcp = proceed(stream).await?;
        let host = jid.domain().as_str().to_owned();
        let host = ServerName::try_from(host).map_err(io::Error::other)?;
        let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(host, tcp).await?;
        let binding = channel_binding(&tls)?;
        let stream = initiate_stream(BufStream::new(tls), ns, header(), timeouts).await?;
        Ok((stream, binding))
    }
}

/// Asks for TLS, and gives back the socket when the server is ready for it (RFC 6120 §5.4.2). What it sent too soon
/// is dropped with the buffer: nobody has vouched for it.
async fn proceed(mut stream: XmppStream<BufStream<TcpStream>>) -> Result<TcpStream, Error> {
    stream.send(&XmppStreamElement::Starttls(Nonza::Request(Request))).await?;
    loop {
        match stream.next().await {
            Some(Ok(element)) => match element.into_read_error() {
                Ok(XmppStreamElement::Starttls(Nonza::Proceed(_))) => {
                    return Ok(stream.into_inner().into_inner());
                }
                Ok(_) => return Err(ProtocolError::NoTls.into()),
                Err(error) => return Err(io::Error::other(format!("{error:?}")).into()),
            },
            Some(Err(ReadError::SoftTimeout)) => {}
            Some(Err(ReadError::HardError(error))) => return Err(error.into()),
            Some(Err(error)) => return Err(io::Error::other(format!("{error:?}")).into()),
            None => return Err(Error::Disconnected),
        }
    }
}

/// What binds the login to this very connection (RFC 9266).
fn channel_binding(tls: &TlsStream<TcpStream>) -> io::Result<ChannelBinding> {
    let (_, connection) = tls.get_ref();
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return Ok(ChannelBinding::None);
    }
    let exported =
        connection.export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", None);
    exported.map(ChannelBinding::TlsExporter).map_err(io::Error::other)
}
