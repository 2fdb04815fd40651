//! One probe by a program that people use.

use std::sync::{Mutex, PoisonError};

use countersign_judge::probe::observation::{
    Early, Family, Observation, Oracle, Outcome, Served, Stratum,
};
use countersign_net::{Dial, DialError};
use countersign_tls::Handshake;

use super::{Looked, ProbeError, Prober, Target, exhibit, unreachable, whole};
use crate::client::{self, Account, Client, Look, Tools};
use crate::relay::{Ended, Patience};

impl Prober {
    /// Has a program look once. `expected` is the certificate that the server should have, in DER, for programs that show
    /// nothing but whether they trust it.
    pub async fn look_by(
        &self,
        target: &Target,
        client: Client,
        tools: &Tools,
        account: &Account,
        expected: Option<&[u8]>,
    ) -> Result<Looked, ProbeError> {
        let at = self.clock.now();
        let dial = Dial {
            vantage: &target.vantage,
            isolation: target.isolation.as_deref(),
            family: target.family,
        };
        let peer = Mutex::new(None);
        let dialing = async || -> Result<_, DialError> {
            let dialed = self.net.dial(&dial, &target.host, target.service.port).await?;
            *peer.lock().unwrap_or_else(PoisonError::into_inner) = dialed.peer;
            Ok(dialed.stream)
        };
        let patience = Patience {
            deadline: self.patience.handshake + self.patience.login,
            linger: LINGER,
            quiet: QUIET,
        };
        let look = Look { client, service: &target.service, account, expected, patience };
        let looked = client::look(look, tools, dialing).await.map_err(ProbeError::Client)?;
        let peer = *peer.lock().unwrap_or_else(PoisonError::into_inner);
        let stratum = |family| Stratum {
            vantage: target.vantage.clone(),
            client: client.as_str().to_owned(),
            port: target.service.port,
            family,
        };
        match looked.relayed.ended {
            Ended::Unreachable(error) if error.is_ours() => {
                return Err(ProbeError::Dial { vantage: target.vantage.clone(), source: error });
            }
            Ended::Unreachable(error) => {
                return Ok(unreachable(target, client.as_str(), at, whole(&error)));
            }
            Ended::Deaf(error) => return Err(ProbeError::Relay(error)),
            Ended::Through
            | Ended::Closed
            | Ended::Broken(..)
            | Ended::Quiet
            | Ended::Told
            | Ended::Deadline => {}
        }
        let recording = looked.relayed.recording;
        if looked.relayed.connections == 0 {
            let why = format!("{client} did not connect");
            return Ok(unreachable(target, client.as_str(), at, why));
        }
        let handshake = Handshake::of(&recording, &looked.key_log);
        let family = match peer {
            Some(peer) => Family::from(peer.ip()),
            None if target.host.ends_with(".onion") => Family::Onion,
            None => Family::Unknown,
        };
        let stratum = stratum(family);
        let exhibit = exhibit(target, &stratum, at, &recording, &looked.key_log);
        let outcome = match handshake.client {
            // What the server did instead only the client knows, which is not believed.
            None => Outcome::NoTls { early: Early::Closed, said: Vec::new(), offered: Vec::new() },
            Some(_) => Outcome::Tls(Box::new(Served {
                handshake,
                offered: Vec::new(),
                login: None,
                oracle: looked.told.map(|told| match told {
                    client::Oracle::Expected => Oracle::Expected,
                    client::Oracle::Other => Oracle::Other,
                }),
                exhibit,
            })),
        };
        let observation = Observation {
            at,
            service: target.service.clone(),
            stratum,
            host: target.host.clone(),
            peer,
            outcome,
        };
        Ok(Looked { observation, recording })
    }
}

/// Real clients go on after the handshake; one that always stops there would stand out.
const LINGER: std::time::Duration = std::time::Duration::from_secs(2);
/// A client that asks its user something waits for ever.
const QUIET: std::time::Duration = std::time::Duration::from_secs(10);
