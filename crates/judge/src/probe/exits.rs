//! Who lies: an exit of Tor, or somebody at the service?
//!
//! What an exit shows of the service is worth something only if it shows others as they are, so through the same exit
//! canaries are looked at: servers elsewhere, whose keys are known.
//!
//! ```text
//!  a canary has a wrong key                          that exit lies
//!  the service is wrong through three exits that     somebody at the service or its hoster;
//!  have nothing in common, their canaries right        with its onion service right: in front of its host
//!  it is wrong through fewer, right through three    those exits, or their networks, lie about this service
//!  all else                                          cannot tell, and what would help
//! ```
//!
//! # Limitations
//!
//! An exit that knows the canaries can spare them: three that have nothing in common would have to do so. What exits
//! have in common is what tor says of them; relays of one owner who keeps it secret count as several.

use std::collections::HashSet;

use crate::plain::{hex, plain};

/// What was seen through one exit, in one sitting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// The exit.
    pub exit: Exit,
    /// What it showed of servers whose keys are known.
    pub canaries: Vec<Canary>,
    /// What it showed of the service.
    pub service: Shown,
}

/// An exit of Tor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The fingerprint of the relay.
    pub fingerprint: String,
    /// The family that it says it belongs to.
    pub family: Option<String>,
    /// The network that it is in: its AS, or the start of its address.
    pub network: Option<String>,
    /// The country that it is in.
    pub country: Option<String>,
}

/// What was shown of a server elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The server.
    pub host: String,
    /// The keys that it may have: SHA-256 of SubjectPublicKeyInfo.
    pub keys: Vec<[u8; 32]>,
    /// What was shown.
    pub shown: Shown,
}

/// What was shown of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    /// A key of which possession was proved: SHA-256 of its SubjectPublicKeyInfo.
    Key([u8; 32]),
    /// There was none to see, and why in our words. It accuses nobody: connections through Tor fail every day.
    Nothing(String),
}

/// Where the lie is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// There is none: whoever shows the canaries right shows the service right.
    Nowhere,
    /// At these exits, by their fingerprints. The service is as it should be.
    Exits(Vec<String>),
    /// At the service, or at its hoster.
    Service,
    /// On the way to the service's host, and not on the host: its onion service has the right key.
    BeforeHost,
    /// On the host itself, or nobody told us of a new key: its onion service has the wrong key too.
    Host,
    /// Cannot be told.
    Unknown,
}

/// What to make of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Where the lie about the service is.
    pub place: Place,
    /// Exits that lied about a canary, by their fingerprints. What they showed counts for nothing.
    pub liars: Vec<String>,
    /// How we know, a sentence each.
    pub reasons: Vec<String>,
}

/// One server may have changed its key; two at different places have not on the same day.
const CANARIES_MIN: usize = 2;

/// Two exits may have one owner who does not say so; for three it takes a plan.
const EXITS_MIN: usize = 3;

/// Says where the lie is. `keys` are those that the service may have, `onion` is what its onion service showed.
pub fn locate(keys: &[[u8; 32]], passages: &[Passage], onion: Option<&Shown>) -> Located {
    let mut reasons = Vec::new();
    let mut liars = Vec::new();
    let (mut right, mut wrong) = (Vec::new(), Vec::new());
    for passage in passages {
        let exit = &passage.exit;
        match credit(passage) {
            Credit::Lies(canary) => {
                reasons.push(format!(
                    "exit {} shows {} with a key that it does not have",
                    name(exit),
                    plain(&canary.host)
                ));
                if !liars.contains(&exit.fingerprint) {
                    liars.push(exit.fingerprint.clone());
                }
            }
            Credit::Unproved(count) => reasons.push(format!(
                "through exit {} {count} of the {CANARIES_MIN} canaries were seen that it takes",
                name(exit)
            )),
            Credit::Good => match &passage.service {
                Shown::Key(key) if keys.contains(key) => right.push(exit),
                Shown::Key(key) => {
                    reasons.push(format!(
                        "exit {} shows its canaries right, and the service with the key {}…",
                        name(exit),
                        hex(&key[..4])
                    ));
                    wrong.push(exit);
                }
                Shown::Nothing(why) => reasons.push(format!(
                    "through exit {} nothing was seen of the service: {}",
                    name(exit),
                    plain(why)
                )),
            },
        }
    }
    // An exit that lied once has lied, whatever else it showed.
    let is_liar = |exit: &&Exit| !liars.contains(&exit.fingerprint);
    let (right, wrong) = (apart(right, is_liar), apart(wrong, is_liar));
    let place = place(keys, &right, &wrong, onion, &mut reasons);
    Located { place, liars, reasons }
}

fn place(
    keys: &[[u8; 32]],
    right: &[&Exit],
    wrong: &[&Exit],
    onion: Option<&Shown>,
    reasons: &mut Vec<String>,
) -> Place {
    if wrong.is_empty() {
        if !right.is_empty() {
            return Place::Nowhere;
        }
        reasons.push("no exit that can be trusted has shown the service".to_owned());
        return Place::Unknown;
    }
    if wrong.len() >= EXITS_MIN {
        reasons.push(format!("{} such exits have nothing in common", wrong.len()));
        if !right.is_empty() {
            reasons.push(format!("{} show the right key: not everybody is lied to", right.len()));
        }
        return match onion {
            Some(Shown::Key(key)) if keys.contains(key) => {
                reasons.push("the onion service has the right key".to_owned());
                Place::BeforeHost
            }
            Some(Shown::Key(_)) => {
                reasons.push("the onion service has a wrong key too".to_owned());
                Place::Host
            }
            Some(Shown::Nothing(why)) => {
                reasons.push(format!("nothing was seen of the onion service: {}", plain(why)));
                Place::Service
            }
            None => Place::Service,
        };
    }
    if right.len() >= EXITS_MIN {
        reasons
            .push(format!("{} exits that have nothing in common show the right key", right.len()));
        return Place::Exits(wrong.iter().map(|exit| exit.fingerprint.clone()).collect());
    }
    reasons.push(format!(
        "it takes {EXITS_MIN} exits that have nothing in common, and there are {} with a wrong key and {} with the right one",
        wrong.len(),
        right.len()
    ));
    Place::Unknown
}

/// What an exit's word is worth.
enum Credit<'a> {
    Good,
    /// That many canaries were right.
    Unproved(usize),
    Lies(&'a Canary),
}

fn credit(passage: &Passage) -> Credit<'_> {
    let is_right = |canary: &&Canary| match &canary.shown {
        Shown::Key(key) => canary.keys.contains(key),
        Shown::Nothing(_) => false,
    };
    let is_wrong = |canary: &&Canary| matches!(canary.shown, Shown::Key(_)) && !is_right(canary);
    if let Some(canary) = passage.canaries.iter().find(is_wrong) {
        return Credit::Lies(canary);
    }
    let hosts: HashSet<&str> =
        passage.canaries.iter().filter(is_right).map(|canary| canary.host.as_str()).collect();
    match hosts.len() {
        count if count >= CANARIES_MIN => Credit::Good,
        count => Credit::Unproved(count),
    }
}

/// Exits that have nothing in common. One after the other, so that there may be more, but never fewer.
fn apart<'a>(exits: Vec<&'a Exit>, counts: impl Fn(&&'a Exit) -> bool) -> Vec<&'a Exit> {
    let same = |a: &Option<String>, b: &Option<String>| a.is_some() && a == b;
    let mut kept: Vec<&Exit> = Vec::new();
    for exit in exits.into_iter().filter(counts) {
        let is_apart = kept.iter().all(|other| {
            other.fingerprint != exit.fingerprint
                && !same(&other.family, &exit.family)
                && !same(&other.network, &exit.network)
        });
        if is_apart {
            kept.push(exit);
        }
    }
    kept
}

fn name(exit: &Exit) -> String {
    let fingerprint: String = exit.fingerprint.chars().take(8).collect();
    match &exit.country {
        Some(country) => format!("{} ({})", plain(&fingerprint), plain(country)),
        None => plain(&fingerprint).into_owned(),
    }
}

#[cfg(test)]
mod tests;
