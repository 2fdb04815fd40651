//! The side that asks.

use std::time::Duration;

use countersign_judge::probe::service::Service;
use countersign_net::{Ask, Clock, FetchError, Net, Relay, Target};
use countersign_tlog::note::VerifierKey;

use super::CLOCKS_APART_MAX;
use super::serve::whole_seconds;
use super::wire::{ANSWER_BYTES_MAX, Answer, BadAnswer, Request, Token, Wanted};

/// Another host that looks for us.
#[derive(Clone, Debug)]
pub struct Remote {
    /// Where it is asked: an `http` or `https` URL that ends in `/look`.
    pub to: Target,
    /// The vantage that the question takes.
    pub vantage: String,
    /// Its key, and by it its name.
    pub key: VerifierKey,
    /// What it and we know.
    pub token: Token,
    /// How long it may take, looking included.
    pub deadline: Duration,
}

/// Why another host has told us nothing. None of it says anything about the service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// It cannot be asked.
    #[error("cannot ask {host}")]
    Fetch {
        /// The host.
        host: String,
        /// Why.
        source: FetchError,
    },
    /// It refused.
    #[error("{host} refused to look: {status} {text}")]
    Refused {
        /// The host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What it says, made plain.
        text: String,
    },
    /// What it answers is not believed.
    #[error("what {host} answered is not believed")]
    Answer {
        /// The host.
        host: String,
        /// Why not.
        source: BadAnswer,
    },
}

impl AskError {
    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Fetch { source, .. } => source.hint(),
            Self::Refused { status: 401, .. } => {
                Some("check that both hosts have the same token, and the right time")
            }
            Self::Refused { status: 403, .. } => Some("its operator has to allow this name there"),
            Self::Refused { .. } => None,
            Self::Answer { source: BadAnswer::Signature, .. } => {
                Some("check its key; if that is right, someone answers in its place")
            }
            Self::Answer { source: BadAnswer::Time, .. } => Some("check both hosts' clocks"),
            Self::Answer { .. } => None,
        }
    }
}

/// Has another host look.
pub async fn ask(
    net: &Net,
    clock: &Clock,
    remote: &Remote,
    service: &Service,
    client: &str,
    family: Wanted,
) -> Result<Answer, AskError> {
    let host = || remote.key.name().to_string();
    let mut nonce = [0; 32];
    aws_lc_rs::rand::fill(&mut nonce).expect("the operating system gives random bytes");
    let at = whole_seconds(clock.now());
    let (service, client) = (service.clone(), client.to_owned());
    let request = Request { nonce, at, service, client, family };
    let sealed = request.seal(&remote.token);
    let relayed = net.relay(Relay {
        to: &remote.to,
        vantage: &remote.vantage,
        host: None,
        ask: Ask::Post { body: sealed.as_bytes(), content_type: "text/plain; charset=utf-8" },
        headers: &[],
        wanted: &[],
        body_max: ANSWER_BYTES_MAX,
        deadline: remote.deadline,
    });
    let relayed = relayed.await.map_err(|source| AskError::Fetch { host: host(), source })?;
    if relayed.status != 200 {
        let text = String::from_utf8_lossy(&relayed.body);
        let text = countersign_judge::plain::bounded(text.trim_end(), TEXT_CHARACTERS_MAX);
        let text = text.into_owned();
        return Err(AskError::Refused { host: host(), status: relayed.status, text });
    }
    let bad = |source| AskError::Answer { host: host(), source };
    let answer = Answer::open(&relayed.body, &remote.key, &request).map_err(bad)?;
    // The nonce says that it is not older; this, that what it says of the time can go into a timeline.
    if answer.at.duration_since(clock.now()).abs() > CLOCKS_APART_MAX {
        return Err(bad(BadAnswer::Time));
    }
    Ok(answer)
}

/// A sentence.
const TEXT_CHARACTERS_MAX: usize = 200;
