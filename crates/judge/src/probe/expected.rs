//! What a probe is held against: what the operator said, and what else is known of the service.

use std::collections::BTreeMap;

use countersign_ct::certificate::Place;
use countersign_sct::{LogList, Rung};
use jiff::Timestamp;
use rustls_pki_types::TrustAnchor;

use super::dane::TlsaView;
use super::observation::Leaf;
use crate::caa::CaaThen;
use crate::decision::{Verdict, decide};
use crate::expectation::Expectation;
use crate::finding::Finding;
use crate::observation::{Named, Observation as Certificate};

/// Which keys may serve a domain. They come from the operator, never from looking: an interceptor would be asked
/// whether it is one.
#[derive(Clone, Copy, Debug)]
pub enum Keys<'a> {
    /// Nobody said.
    Unknown,
    /// These: SHA-256s of SubjectPublicKeyInfos.
    Pinned(&'a [[u8; 32]]),
    /// Those of rules, as in the judging of logged certificates.
    Rules(&'a Expectation),
}

/// What the keys that may serve say to a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyVerdict {
    /// It is one of ours.
    Ours,
    /// It is not. Somebody may still register it until then.
    Pending {
        /// Until when.
        until: Timestamp,
    },
    /// It is not.
    Foreign {
        /// Why, as one sentence without a capital letter or a full stop.
        why: String,
    },
    /// Nobody said which keys may serve.
    NotTold,
}

/// Roots that clients of a service trust.
#[derive(Clone, Copy, Debug)]
pub struct Roots<'a> {
    /// Those of public CAs, for whose certificates SCTs are demanded.
    pub public: &'a [TrustAnchor<'a>],
    /// The operator's own.
    pub own: &'a [TrustAnchor<'a>],
}

/// Logs whose SCTs count.
#[derive(Clone, Copy, Debug)]
pub struct Logs<'a> {
    /// The list.
    pub list: &'a LogList,
    /// How much is asked, by its age.
    pub rung: Rung,
}

/// Whether our own view of the logs has a certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CtView {
    /// The logs are not watched for this domain, or were not when it was issued.
    #[default]
    NotWatched,
    /// It is in a log.
    Logged,
    /// It is in none, and all of them were read up to this time.
    Absent {
        /// Up to when.
        read_through: Timestamp,
    },
    /// It is in none of those that could be read; others could not.
    Incomplete,
}

/// What there is to hold a probe against.
#[derive(Clone, Debug)]
pub struct Expected<'a> {
    /// Which keys may serve.
    pub keys: Keys<'a>,
    /// Which roots clients trust.
    pub roots: Roots<'a>,
    /// Which logs count. `None`: no SCTs are demanded.
    pub logs: Option<Logs<'a>>,
    /// Whether the operator says that login with channel binding is offered.
    pub plus: bool,
    /// What a signed zone says.
    pub tlsa: TlsaView,
    /// What the logs have.
    pub ct: CtView,
    /// What CAA said to the issuer, if that is known.
    pub caa: Option<CaaThen>,
}

/// What is known of a service from the probes before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// When each key that nobody had registered was first served.
    pub foreign_since: BTreeMap<[u8; 32], Timestamp>,
    /// What it agreed upon with each client.
    pub with: BTreeMap<String, Agreed>,
}

/// The best that a service has agreed upon with one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// When it did so last.
    pub at: Timestamp,
    /// The version on the wire.
    pub version: u16,
    /// The group of the key exchange, if there was one.
    pub group: Option<u16>,
    /// Whether it offered a mechanism that binds to the channel.
    pub plus: bool,
    /// The server's own fingerprint.
    pub stack: String,
}

impl Keys<'_> {
    /// What is to be made of a certificate that was first served at `since`.
    pub fn judge(&self, leaf: &Leaf, domain: &str, since: Timestamp, now: Timestamp) -> KeyVerdict {
        match self {
            Self::Unknown => KeyVerdict::NotTold,
            Self::Pinned(pins) => match leaf.spki_sha256 {
                Some(key) if pins.contains(&key) => KeyVerdict::Ours,
                Some(spki_sha256) => {
                    KeyVerdict::Foreign { why: Finding::UnknownKey { spki_sha256 }.to_string() }
                }
                None => KeyVerdict::Foreign { why: Finding::NoKey.to_string() },
            },
            Self::Rules(expectation) => {
                let decision = decide(expectation, &certificate(leaf, domain), since, now);
                match decision.verdict {
                    Verdict::Authorized | Verdict::ThirdParty => KeyVerdict::Ours,
                    Verdict::Pending { until } => KeyVerdict::Pending { until },
                    Verdict::Unexpected => {
                        let why: Vec<_> =
                            decision.findings.iter().map(ToString::to_string).collect();
                        KeyVerdict::Foreign { why: why.join("; ") }
                    }
                }
            }
        }
    }
}

/// The certificate as one that was logged for the domain would be judged. Who issued it is asked elsewhere, along the
/// path that was verified.
fn certificate(leaf: &Leaf, domain: &str) -> Certificate {
    let reading = Place::SanDns.as_str().to_owned();
    Certificate {
        tbs_sha256: leaf.tbs_sha256,
        spki_sha256: leaf.spki_sha256,
        issuer_key_sha256: None,
        names: vec![Named { name: domain.to_owned(), guard: domain.to_owned(), reading }],
        not_before: leaf.not_before,
        not_after: leaf.not_after,
    }
}

impl CtView {
    /// Whether a certificate that was issued then should be in a log that was read up to here.
    pub(super) fn lacks(&self, issued: Timestamp) -> bool {
        match self {
            Self::Absent { read_through } => {
                issued.checked_add(LOGGED_WITHIN).is_ok_and(|due| due <= *read_through)
            }
            Self::NotWatched | Self::Logged | Self::Incomplete => false,
        }
    }
}

/// A log has up to a day to show what it promised (RFC 6962 §3); another day is for clocks and for us.
const LOGGED_WITHIN: jiff::SignedDuration = jiff::SignedDuration::from_hours(48);
