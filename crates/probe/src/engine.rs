//! One probe with a stack of ours: from a target to an observation.
//!
//! Whatever a server does ends in an observation by the deadline. An error is one of ours: a vantage that does not exist,
//! a helper that cannot be started, a stack that does not look as it must.

use std::time::Duration;

use countersign_judge::probe::observation::{
    Early, Family, Login, Observation, Outcome, SAID_BYTES_MAX, Served, Stratum,
};
use countersign_judge::probe::service::Service;
use countersign_net::{Clock, Dial, DialError, Net};
use countersign_tls::exhibit::Exhibit;
use countersign_tls::profile::Profile;
use countersign_tls::{Handshake, KeyLog, Recording};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::account::{self, LogIn};
use crate::client;
use crate::preamble::{self, Preamble};
use crate::profile::{SelfTestError, self_test};
use crate::stack::{Hello, Stack, StackError, rustls};
use crate::taped::Taped;

mod real;

/// What is looked at, from where, and as whom.
#[derive(Clone, Debug)]
pub struct Target {
    /// The service.
    pub service: Service,
    /// The host to connect to: the domain, or where its SRV records lead.
    pub host: String,
    /// The vantage, by its name.
    pub vantage: String,
    /// What keeps this probe on a Tor circuit of its own.
    pub isolation: Option<String>,
    /// The kind of address, where only one is wanted.
    pub family: Option<countersign_net::Family>,
}

/// A prober.
#[derive(Debug)]
pub struct Prober {
    /// The way out.
    pub net: Net,
    /// The time.
    pub clock: Clock,
    /// How long a probe may take.
    pub patience: Patience,
    /// Which profiles have had their self-test.
    tested: Mutex<Vec<Profile>>,
}

/// How long a probe may take, from the first packet on.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the connection, what is said before TLS, and the handshake.
    pub handshake: Duration,
    /// For what an XMPP server says behind TLS, and a login.
    pub login: Duration,
}

impl Default for Patience {
    /// A circuit through Tor may take most of a minute; a server that has not answered by then does not answer.
    fn default() -> Self {
        Self { handshake: Duration::from_secs(60), login: Duration::from_secs(20) }
    }
}

/// What a probe brought back.
#[derive(Clone, Debug)]
pub struct Looked {
    /// What was seen.
    pub observation: Observation,
    /// The bytes that show it.
    pub recording: Recording,
}

/// Why there was no probe.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// The way out is not there.
    #[error("cannot connect from {vantage:?}")]
    Dial {
        /// The vantage.
        vantage: String,
        /// Why not.
        #[source]
        source: DialError,
    },
    /// The stack is not there.
    #[error("cannot say hello")]
    Stack(#[source] StackError),
    /// The host has no address of the kind that is wanted.
    #[error("there is no such address")]
    NoAddress(#[source] DialError),
    /// The program that should look cannot.
    #[error("no client can look")]
    Client(#[source] client::LookError),
    /// The relay has no way in any more.
    #[error("the relay cannot take connections")]
    Relay(#[source] std::io::Error),
    /// The ClientHello that went out is not what it claims to be: whoever looks for us would know us.
    #[error(
        "the fingerprint self-test failed: the stack {profile} does not look as it must: {why}"
    )]
    NotInDisguise {
        /// The profile.
        profile: String,
        /// In what it differs.
        why: String,
    },
}

/// Who speaks.
#[derive(Clone, Copy, Debug)]
pub struct Speaker<'a> {
    /// The stack.
    pub stack: &'a Stack,
    /// What its hello looks like.
    pub profile: &'a Profile,
    /// Who logs in, if somebody is to.
    pub log_in: Option<&'a LogIn>,
}

impl Prober {
    /// With the usual patience.
    pub fn new(net: Net, clock: Clock) -> Self {
        Self { net, clock, patience: Patience::default(), tested: Mutex::default() }
    }

    /// Has a stack say hello to us before it says so to anybody else. Once: what goes out is looked at each time.
    async fn test(&self, speaker: Speaker<'_>) -> Result<(), ProbeError> {
        let Speaker { stack, profile, .. } = speaker;
        // Held meanwhile, so that of a thousand first probes one tests.
        let mut tested = self.tested.lock().await;
        if tested.contains(profile) {
            return Ok(());
        }
        let silent = || StackError::Helper { why: "it says no hello".to_owned() };
        let testing = timeout(self.patience.handshake, self_test(stack, profile)).await;
        testing.map_err(|_| ProbeError::Stack(silent()))?.map_err(|error| match error {
            SelfTestError::Stack { source, .. } => ProbeError::Stack(source),
            SelfTestError::NoHello { profile } => {
                ProbeError::NotInDisguise { profile, why: "it says no hello".to_owned() }
            }
            SelfTestError::Differs { profile, difference } => {
                ProbeError::NotInDisguise { profile, why: difference.to_string() }
            }
        })?;
        tested.push(profile.clone());
        Ok(())
    }

    /// Looks once.
    pub async fn look(&self, target: &Target, speaker: Speaker<'_>) -> Result<Looked, ProbeError> {
        self.test(speaker).await?;
        let at = self.clock.now();
        let dial = Dial {
            vantage: &target.vantage,
            isolation: target.isolation.as_deref(),
            family: target.family,
        };
        let dialed = self.net.dial(&dial, &target.host, target.service.port);
        let dialed = match timeout(self.patience.handshake, dialed).await {
            Err(_) => {
                return Ok(unreachable(
                    target,
                    &speaker.profile.name,
                    at,
                    "no answer in time".to_owned(),
                ));
            }
            Ok(Err(error @ DialError::NoAddress { family: Some(_), .. })) => {
                return Err(ProbeError::NoAddress(error));
            }
            Ok(Err(error)) if error.is_ours() => {
                return Err(ProbeError::Dial { vantage: target.vantage.clone(), source: error });
            }
            Ok(Err(error)) => {
                return Ok(unreachable(target, &speaker.profile.name, at, whole(&error)));
            }
            Ok(Ok(dialed)) => dialed,
        };
        let mut stream = Taped::new(dialed.stream);
        let mut talk = Talk::default();
        let talking = talk.run(&mut stream, target, speaker, self.patience);
        talking.await?;
        let recording = stream.into_recording();
        let family = match dialed.peer {
            Some(peer) => Family::from(peer.ip()),
            None if target.host.ends_with(".onion") => Family::Onion,
            None => Family::Unknown,
        };
        let handshake = Handshake::of(&recording, &talk.key_log);
        if let Some(hello) = &handshake.client
            && let Some(why) = speaker.profile.differs(hello)
        {
            let profile = speaker.profile.name.clone();
            return Err(ProbeError::NotInDisguise { profile, why: why.to_string() });
        }
        let stratum = stratum(target, &speaker.profile.name, family);
        let exhibit = exhibit(target, &stratum, at, &recording, &talk.key_log);
        let outcome = talk.outcome(handshake, exhibit);
        let observation = Observation {
            at,
            service: target.service.clone(),
            stratum,
            host: target.host.clone(),
            peer: dialed.peer,
            outcome,
        };
        Ok(Looked { observation, recording })
    }
}

fn stratum(target: &Target, client: &str, family: Family) -> Stratum {
    Stratum {
        vantage: target.vantage.clone(),
        client: client.to_owned(),
        port: target.service.port,
        family,
    }
}

fn unreachable(target: &Target, client: &str, at: Timestamp, why: String) -> Looked {
    let family = match target.family {
        Some(countersign_net::Family::V4) => Family::V4,
        Some(countersign_net::Family::V6) => Family::V6,
        None if target.host.ends_with(".onion") => Family::Onion,
        None => Family::Unknown,
    };
    let observation = Observation {
        at,
        service: target.service.clone(),
        stratum: stratum(target, client, family),
        host: target.host.clone(),
        peer: None,
        outcome: Outcome::Unreachable { why },
    };
    Looked { observation, recording: Recording::default() }
}

/// An error with what lies behind it, in one line.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(&format!(": {error}"));
        source = error.source();
    }
    text
}

/// The handshake for others.
pub fn exhibit(
    target: &Target,
    stratum: &Stratum,
    at: Timestamp,
    recording: &Recording,
    key_log: &KeyLog,
) -> Option<Vec<u8>> {
    let Service { domain, protocol, port, .. } = &target.service;
    let about = [
        ("service", format!("{protocol} of {domain} at {}, port {port}", target.host)),
        ("at", at.to_string()),
        ("vantage", stratum.vantage.clone()),
        ("client", stratum.client.clone()),
    ];
    let about: Vec<_> = about.map(|(key, value)| (key.to_owned(), value)).to_vec();
    Exhibit::new(&about, recording, key_log).map(|exhibit| exhibit.print().into_bytes())
}

/// How far a conversation came.
#[derive(Default)]
struct Talk {
    key_log: KeyLog,
    offered: Vec<String>,
    early: Option<(Early, Vec<u8>)>,
    login: Option<Login>,
}

impl Talk {
    async fn run<S>(
        &mut self,
        stream: &mut S,
        target: &Target,
        speaker: Speaker<'_>,
        patience: Patience,
    ) -> Result<(), ProbeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let session = {
            let shaking = self.shake(stream, target, speaker);
            match timeout(patience.handshake, shaking).await {
                Ok(Ok(session)) => session,
                // The connection broke: what was recorded until then tells how far it came.
                Ok(Err(StackError::Stream(_))) => None,
                Ok(Err(error)) => return Err(ProbeError::Stack(error)),
                Err(_) => {
                    self.early.get_or_insert((Early::Stalled, Vec::new()));
                    None
                }
            }
        };
        if let Some(mut session) = session {
            let Speaker { log_in, .. } = speaker;
            self.login =
                account::look(&mut session, stream, &target.service, log_in, patience.login).await;
        }
        Ok(())
    }

    async fn shake<S>(
        &mut self,
        stream: &mut S,
        target: &Target,
        speaker: Speaker<'_>,
    ) -> Result<Option<rustls::Session>, StackError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if !self.preamble(stream, &target.service).await.map_err(StackError::Stream)? {
            return Ok(None);
        }
        let Service { domain, protocol, opening, .. } = &target.service;
        let alpn = protocol.alpn(*opening).iter().map(|name| (*name).to_owned()).collect();
        let profile = speaker.profile.clone();
        let hello = Hello { server_name: Some(domain.clone()), alpn, profile };
        let (finished, session) = match speaker.stack {
            Stack::Rustls => rustls::handshake(&hello, stream).await?,
            Stack::OpenSsl(openssl) => (openssl.handshake(&hello, stream).await?, None),
        };
        finished.key_log.iter().for_each(|line| self.key_log.push(line.as_bytes()));
        Ok(session)
    }

    /// Says what stands before TLS. Whether TLS begins.
    async fn preamble<S>(&mut self, stream: &mut S, service: &Service) -> std::io::Result<bool>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut preamble = Preamble::new(service);
        let begins = loop {
            match preamble.next() {
                preamble::Next::Send(words) => {
                    stream.write_all(&words).await?;
                    stream.flush().await?;
                    hear(stream, &mut preamble).await;
                }
                preamble::Next::Receive => hear(stream, &mut preamble).await,
                preamble::Next::StartTls => break true,
                preamble::Next::Over(early) => {
                    self.early = Some(told(&early));
                    break false;
                }
            }
        };
        self.offered = preamble.offered().to_vec();
        Ok(begins)
    }

    fn outcome(self, handshake: Handshake, exhibit: Option<Vec<u8>>) -> Outcome {
        let Self { offered, early, login, .. } = self;
        match early {
            Some((early, said)) if handshake.client.is_none() => {
                Outcome::NoTls { early, said, offered }
            }
            _ if handshake.client.is_none() => {
                Outcome::NoTls { early: Early::Closed, said: Vec::new(), offered }
            }
            _ => {
                Outcome::Tls(Box::new(Served { handshake, offered, login, oracle: None, exhibit }))
            }
        }
    }
}

/// Has the machine hear what comes next. A connection that breaks is one that ends.
async fn hear<S: AsyncRead + Unpin>(stream: &mut S, preamble: &mut Preamble) {
    let mut bytes = [0; READ_BYTES];
    match stream.read(&mut bytes).await {
        Ok(0) | Err(_) => preamble.end(),
        Ok(count) => preamble.feed(&bytes[..count]),
    }
}

/// As much as a server has to say before TLS, mostly.
const READ_BYTES: usize = 4096;

/// What a peer did instead, as it is judged.
fn told(early: &preamble::Early) -> (Early, Vec<u8>) {
    use preamble::Early as Seen;
    let (early, said) = match early {
        Seen::StartTlsNotOffered => (Early::NotOffered, &[][..]),
        Seen::StartTlsRefused { said } => (Early::Refused, said.bytes()),
        Seen::NotThisProtocol { said } => (Early::OtherProtocol, said.bytes()),
        Seen::TooMuch { .. } => (Early::TooMuch, &[][..]),
        Seen::InjectedAfterStartTls { said } => (Early::Injected, said.bytes()),
        Seen::PeerError { said } => (Early::Ended, said.bytes()),
        Seen::Closed { said } => (Early::Closed, said.bytes()),
    };
    (early, said.iter().take(SAID_BYTES_MAX).copied().collect())
}
