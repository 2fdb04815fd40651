//! A sitting with one exit of Tor: canaries first, then the service, all over the same circuit.

use std::net::IpAddr;

use countersign_judge::probe::exits::{Canary, Exit, Passage, Shown};
use countersign_judge::probe::observation::{Observation, Outcome};
use countersign_net::{TorControl, TorError, TorExit};
use countersign_tls::handshake;

use crate::engine::{ProbeError, Prober, Speaker, Target};

/// A server elsewhere, whose keys are known.
#[derive(Clone, Debug)]
pub struct Known {
    /// The server. Its `isolation` is that of the sitting.
    pub target: Target,
    /// The keys that it may have: SHA-256 of SubjectPublicKeyInfo.
    pub keys: Vec<[u8; 32]>,
}

/// Why there was no sitting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SittingError {
    /// A look was not possible.
    #[error("cannot look through Tor")]
    Probe(#[from] ProbeError),
    /// tor does not tell.
    #[error("cannot tell by which exit")]
    Tor(#[from] TorError),
}

/// Looks at the canaries and at the service with one user name for Tor, which nothing else has used. `None`: what was
/// seen cannot be attributed to one exit, since tor took several, or none.
pub async fn sit(
    prober: &Prober,
    tor: &mut TorControl,
    speaker: Speaker<'_>,
    isolation: &str,
    (service, canaries): (&Target, &[Known]),
) -> Result<Option<(Passage, Observation)>, SittingError> {
    let isolated =
        |target: &Target| Target { isolation: Some(isolation.to_owned()), ..target.clone() };
    let mut exits = Vec::new();
    let mut seen = Vec::new();
    for canary in canaries {
        let observation = prober.look(&isolated(&canary.target), speaker).await?.observation;
        exits.push(tor.exit_of(isolation).await?);
        let (host, keys) = (canary.target.host.clone(), canary.keys.clone());
        seen.push(Canary { host, keys, shown: shown(&observation) });
    }
    // After the canaries, so that the exit has to choose before it knows.
    let observation = prober.look(&isolated(service), speaker).await?.observation;
    let Some(exit) = tor.exit_of(isolation).await? else { return Ok(None) };
    // A circuit that broke in between is no longer listed, and the next one may end elsewhere.
    let is_same = |other: &Option<TorExit>| {
        other.as_ref().is_some_and(|other| other.fingerprint == exit.fingerprint)
    };
    if !exits.iter().all(is_same) {
        return Ok(None);
    }
    let passage = Passage { exit: known(&exit), canaries: seen, service: shown(&observation) };
    Ok(Some((passage, observation)))
}

/// What an observation says of a key.
pub fn shown(observation: &Observation) -> Shown {
    let nothing = |why: &str| Shown::Nothing(why.to_owned());
    match &observation.outcome {
        Outcome::Unreachable { why } => nothing(why),
        Outcome::NoTls { early, .. } => nothing(early.sentence()),
        Outcome::Tls(served) => match &served.handshake.chain {
            handshake::Shown::Proved { .. } => {
                match observation.leaf().and_then(|leaf| leaf.spki_sha256) {
                    Some(key) => Shown::Key(key),
                    None => nothing("its certificate cannot be read"),
                }
            }
            handshake::Shown::Unproved { .. }
            | handshake::Shown::Anonymous
            | handshake::Shown::Resumed
            | handshake::Shown::Hidden { .. }
            | handshake::Shown::None => nothing("it proved no key"),
        },
    }
}

/// What is known of an exit. The start of its address stands for its network: half of an IPv4 address, and 32 bits of an
/// IPv6 one, by which tor itself tells networks apart.
fn known(exit: &TorExit) -> Exit {
    let network = exit.address.map(|address| match address {
        IpAddr::V4(address) => {
            let [a, b, ..] = address.octets();
            format!("{a}.{b}.0.0/16")
        }
        IpAddr::V6(address) => {
            let [a, b, ..] = address.segments();
            format!("{a:x}:{b:x}::/32")
        }
    });
    let (fingerprint, family, country) =
        (exit.fingerprint.clone(), exit.family.clone(), exit.country.clone());
    Exit { fingerprint, family, network, country }
}
