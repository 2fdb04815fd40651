//! Observations as answers, and answers as observations.

use std::net::SocketAddr;

use countersign_judge::probe::observation::{Family, Observation, Outcome, Served, Stratum};
use countersign_tls::exhibit::{Exhibit, Verdict};

use super::wire::{Answer, Saw, Wanted};

/// What a host saw when it was asked to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The address that it connected to, where it is known.
    pub peer: Option<SocketAddr>,
    /// What was seen.
    pub saw: Saw,
}

impl Sighting {
    /// What of an observation is told to others.
    pub fn of(observation: &Observation) -> Self {
        let saw = match &observation.outcome {
            Outcome::Unreachable { why } => Saw::Unreachable(why.clone()),
            Outcome::NoTls { early, .. } => Saw::NoTls(*early),
            Outcome::Tls(served) => match &served.exhibit {
                Some(exhibit) => Saw::Handshake { exhibit: exhibit.clone() },
                None => Saw::Unproved,
            },
        };
        Self { peer: observation.peer, saw }
    }
}

/// Why an answer is no observation. It says nothing about the service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotSeen {
    /// The host did not look.
    #[error("{host} did not look: {why}")]
    Nothing {
        /// The host.
        host: String,
        /// Why not, as it says.
        why: String,
    },
    /// There was a handshake, and nothing that proves what was shown in it.
    #[error("{host} saw a handshake and cannot prove it")]
    Unproved {
        /// The host.
        host: String,
    },
    /// The exhibit proves nothing.
    #[error("what {host} shows as proof proves nothing")]
    NoProof {
        /// The host.
        host: String,
    },
    /// It is the handshake of another service.
    #[error("what {host} shows is a handshake for another name")]
    OtherName {
        /// The host.
        host: String,
    },
}

impl Answer {
    /// What was seen, as from a vantage of this name. A handshake is proved here, by our own code; that it is one of now,
    /// and from there, is the host's word.
    pub fn observation(&self, vantage: &str, wanted: Wanted) -> Result<Observation, NotSeen> {
        let outcome = match &self.saw {
            Saw::Handshake { exhibit } => self.proved(exhibit)?,
            Saw::Unproved => return Err(NotSeen::Unproved { host: self.name() }),
            Saw::NoTls(early) => {
                Outcome::NoTls { early: *early, said: Vec::new(), offered: Vec::new() }
            }
            Saw::Unreachable(why) => Outcome::Unreachable { why: why.clone() },
            Saw::Nothing(why) => {
                return Err(NotSeen::Nothing { host: self.name(), why: why.clone() });
            }
        };
        let family = match (self.peer, wanted) {
            (Some(peer), _) => Family::from(peer.ip()),
            (None, Wanted::V4) => Family::V4,
            (None, Wanted::V6) => Family::V6,
            (None, Wanted::Any) => Family::Unknown,
        };
        let (client, port) = (self.client.clone(), self.service.port);
        Ok(Observation {
            at: self.at,
            service: self.service.clone(),
            stratum: Stratum { vantage: vantage.to_owned(), client, port, family },
            // It looks up by itself where the domain is served, and says the address.
            host: self.service.domain.clone(),
            peer: self.peer,
            outcome,
        })
    }

    fn proved(&self, exhibit: &[u8]) -> Result<Outcome, NotSeen> {
        let parsed = str::from_utf8(exhibit).ok().and_then(|text| Exhibit::parse(text).ok());
        let Some(Verdict::Proved(proved)) = parsed.map(|exhibit| exhibit.verify()) else {
            return Err(NotSeen::NoProof { host: self.name() });
        };
        // A host that serves several names has a key for each.
        let asked = proved.server_name.as_deref();
        if !asked.is_some_and(|name| name.eq_ignore_ascii_case(&self.service.domain)) {
            return Err(NotSeen::OtherName { host: self.name() });
        }
        Ok(Outcome::Tls(Box::new(Served {
            handshake: proved.shown,
            offered: Vec::new(),
            login: None,
            oracle: None,
            exhibit: Some(exhibit.to_vec()),
        })))
    }

    fn name(&self) -> String {
        self.host.to_string()
    }
}
