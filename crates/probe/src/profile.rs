//! Looks that are claimed, and looks that are learned: the self-test of a stack, and profiles of the clients of whoever
//! runs this, recorded once as they pass.

use std::pin::pin;

use countersign_tls::profile::{Alpn, Difference, Profile, ProfileError};
use countersign_tls::{ClientHello, Handshake, KeyLog, Recording};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, DuplexStream, duplex};
use tokio::net::TcpListener;

use crate::relay::{Ended, Patience, relay};
use crate::stack::{Hello, Stack, StackError, rustls};

/// Why a stack may not probe under a profile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SelfTestError {
    /// It does not even begin.
    #[error("the fingerprint self-test of {profile} failed")]
    Stack {
        /// The profile.
        profile: String,
        /// Why not.
        #[source]
        source: StackError,
    },
    /// It said something else.
    #[error("the fingerprint self-test of {profile} failed: the stack said no hello")]
    NoHello {
        /// The profile.
        profile: String,
    },
    /// Whoever looks for probes would know this one.
    #[error("the fingerprint self-test of {profile} failed: {difference}; another client may do")]
    Differs {
        /// The profile.
        profile: String,
        /// In what.
        difference: Difference,
    },
}

/// Has a stack say hello to us, and holds that against the profile that it is to have. To be done before the stack says
/// hello to anybody else; what it then says is held against the profile each time.
pub async fn self_test(stack: &Stack, profile: &Profile) -> Result<(), SelfTestError> {
    let name = || profile.name.clone();
    let alpn = match &profile.alpn {
        Alpn::Any => Vec::new(),
        Alpn::These(names) => {
            names.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect()
        }
    };
    let server_name = Some("self-test.invalid".to_owned());
    let hello = Hello { server_name, alpn, profile: profile.clone() };
    let (mut near, far) = duplex(HELLO_BYTES_MAX);
    let shaking = async {
        match stack {
            Stack::Rustls => rustls::handshake(&hello, &mut near).await.map(drop),
            Stack::OpenSsl(openssl) => openssl.handshake(&hello, &mut near).await.map(drop),
        }
    };
    let (said, shaken) = tokio::join!(first_hello(far), shaking);
    match (said, shaken) {
        (Some(said), _) => profile.differs(&said).map_or(Ok(()), |difference| {
            Err(SelfTestError::Differs { profile: name(), difference })
        }),
        (None, Err(source)) => Err(SelfTestError::Stack { profile: name(), source }),
        (None, Ok(())) => Err(SelfTestError::NoHello { profile: name() }),
    }
}

/// Browsers with post-quantum shares send 2 KiB.
const HELLO_BYTES_MAX: usize = 16 << 10;

/// Reads until there is a hello, and hangs up.
async fn first_hello(mut stream: DuplexStream) -> Option<ClientHello> {
    let mut recording = Recording::default();
    let mut bytes = vec![0; HELLO_BYTES_MAX];
    while recording.sent.bytes().len() < HELLO_BYTES_MAX {
        let count = stream.read(&mut bytes).await.ok().filter(|count| *count > 0)?;
        recording.send(&bytes[..count]);
        if let Some(hello) = hello(&recording) {
            return Some(hello);
        }
    }
    None
}

fn hello(recording: &Recording) -> Option<ClientHello> {
    Handshake::of(recording, &KeyLog::default()).client
}

/// What was learned from the clients that passed.
#[derive(Debug, Default)]
pub struct Recorder {
    name: String,
    seen: Vec<Seen>,
    resumed: u32,
    beyond: u32,
}

/// One kind of client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What its hellos look like.
    pub profile: Profile,
    /// How many there were. After one, nobody can say whether the order of the extensions is always this.
    pub hellos: u32,
}

/// A phone has a handful of programs that connect to one service. Who makes up more is not recorded.
const SEEN_MAX: usize = 16;

impl Recorder {
    /// Nothing yet. Profiles will have this name; from the second on, with a number.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    /// Takes a hello that passed.
    pub fn take(&mut self, hello: &ClientHello) -> Result<(), ProfileError> {
        for seen in &mut self.seen {
            if seen.profile.learn(hello).is_ok() {
                seen.hellos = seen.hellos.saturating_add(1);
                return Ok(());
            }
        }
        if self.seen.len() == SEEN_MAX {
            self.beyond = self.beyond.saturating_add(1);
            return Ok(());
        }
        let name = match self.seen.len() {
            0 => self.name.clone(),
            others => format!("{}-{}", self.name, others + 1),
        };
        match Profile::of(&name, hello) {
            Ok(profile) => self.seen.push(Seen { profile, hellos: 1 }),
            // It has been here before: its next first connection will show.
            Err(ProfileError::Resumes) => self.resumed = self.resumed.saturating_add(1),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The clients so far.
    pub fn seen(&self) -> &[Seen] {
        &self.seen
    }

    /// How many hellos only resumed a session, and so show nothing.
    pub fn resumed(&self) -> u32 {
        self.resumed
    }

    /// How many hellos were of further clients, and were passed on without being recorded.
    pub fn beyond(&self) -> u32 {
        self.beyond
    }
}

/// Why nothing more is recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError<E: std::error::Error + 'static> {
    /// There is no server to pass the clients on to.
    #[error("cannot connect to the server that the client is passed on to")]
    Unreachable(#[source] E),
    /// Nobody can connect any more.
    #[error("cannot accept connections")]
    Deaf(#[source] std::io::Error),
    /// A client has no profile.
    #[error("cannot make a profile of a client")]
    Profile(#[source] ProfileError),
}

/// Passes clients on, one after the other and unchanged, and learns what their hellos look like, until told to stop. A
/// client that comes again shows whether it permutes its extensions.
pub async fn record<D, S, E>(
    listener: &TcpListener,
    patience: Patience,
    dial: impl Fn() -> D,
    told: impl Future<Output = ()>,
    recorder: &mut Recorder,
) -> Result<(), RecordError<E>>
where
    D: Future<Output = Result<S, E>>,
    S: AsyncRead + AsyncWrite,
    E: std::error::Error + 'static,
{
    let mut told = pin!(told);
    loop {
        let passed = relay(listener, patience, &dial, told.as_mut()).await;
        if let Some(hello) = hello(&passed.recording) {
            recorder.take(&hello).map_err(RecordError::Profile)?;
        }
        match passed.ended {
            Ended::Told => return Ok(()),
            Ended::Unreachable(error) => return Err(RecordError::Unreachable(error)),
            Ended::Deaf(error) => return Err(RecordError::Deaf(error)),
            // That client is done with.
            Ended::Through | Ended::Closed | Ended::Broken(..) | Ended::Quiet | Ended::Deadline => {
            }
        }
    }
}

#[cfg(test)]
mod tests;
