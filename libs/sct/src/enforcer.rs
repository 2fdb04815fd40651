//! Demands SCTs: of every chain that ends in a public root, by a list that grows old in steps.
//!
//! ```text
//!           DANE? ── yes ──> accept
//!             │ no
//! public root? ── no ──> accept (and warn, if this host had a certificate of a public CA before)
//!             │ yes
//!    how old is the list? ──> up to 70 days: the whole policy
//!             │               up to 180 days: the degraded rule, and a warning
//!             │               older: the degraded rule only warns; in the high-risk profile it still refuses, and
//!             │               in any if no log, but only our clock, says that it is so late
//!    enough SCTs? ── yes ──> accept
//!             │ no
//!     suspended here? ── yes ──> accept, and warn
//!             │ no
//!           refuse
//! ```
//!
//! A browser stops asking for SCTs when its list is 70 days old. Whoever can keep a client from updates for ten
//! weeks can then use a certificate that no log has. Here such a client asks for less: at least one log must have
//! signed, and so the certificate is in public. `docs/sct.md` has the measurements.
//!
//! Whoever calls this has verified the chain: [`Enforcer::judge`] looks at no signature but those of logs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::certificate::{is_self_issued, spki_of};
use crate::policy::{COUNTERSIGN, Policy};
use crate::signed_entry::issuer_key_hash;
use crate::signed_list::{Scope, SignedList, Suspension};
use crate::verdict::{Outcome, Presented, Rung, Verdict, Worth, judge};

mod cache;
mod decision;
mod ladder;
mod memory;
mod public_roots;

pub use decision::{Action, Decision, Reason, Warning};
pub use ladder::{DEGRADED_DAYS, Ladder, STRICT_DAYS};
pub use memory::{HOSTS_MAX, Memory, MemoryError};
pub use public_roots::{PublicRoots, PublicRootsError};

use cache::Cache;

/// Demands SCTs. One for a whole program: threads share it, and it remembers what it has judged.
#[derive(Debug)]
pub struct Enforcer {
    settings: Settings,
    roots: PublicRoots,
    state: Mutex<State>,
}

/// How an [`Enforcer`] is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// What is asked while the list is fresh.
    pub policy: Policy,
    /// What becomes of a client whose list is older than 180 days.
    pub profile: Profile,
    /// Which way in this is: `rustls`, `python`, `c`, `preload`. A list can suspend one that is broken.
    pub way: &'static str,
}

impl Settings {
    /// Our policy, in the default profile.
    pub fn new(way: &'static str) -> Self {
        Self { policy: COUNTERSIGN, profile: Profile::Default, way }
    }
}

/// How much a refused connection costs, against one that is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// A list that is older than 180 days only warns.
    Default,
    /// It refuses, as it did before. For those to whom an interception is worse than no connection.
    HighRisk,
}

/// A chain that was verified, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a> {
    /// From the server's certificate up, in DER.
    pub certificates: &'a [&'a [u8]],
    /// Where it ends.
    pub anchor: Anchor<'a>,
    /// The name that was asked for, if it is known. Only used to remember.
    pub host: Option<&'a str>,
    /// What the chain was verified by.
    pub trust: Trust,
}

/// Where a verified chain ends. A chain that was cut off on the way would look like that of a private CA, of which
/// nothing is asked: so it has to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor<'a> {
    /// With the last certificate: a root, or what else the client trusts. An intermediate that is trusted by itself
    /// may be one of a public CA, and nobody can tell: of such a chain SCTs are demanded too.
    Last,
    /// It is not known. A chain that ends neither in a certificate that has issued itself nor in a public root may have
    /// been cut off, and is refused.
    Unsaid,
    /// Above the last certificate, with this SubjectPublicKeyInfo in DER, header and all.
    Key(&'a [u8]),
}

/// What a chain was verified by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Trusted roots.
    Roots,
    /// TLSA records in a signed zone with usage 2 or 3 (RFC 7671 §5): no public CA's word is taken, so none needs a
    /// second one. Usages 0 and 1 rely on one: those are [`Trust::Roots`].
    Dane,
}

#[derive(Debug)]
struct State {
    list: Arc<SignedList>,
    cache: Cache,
    memory: Memory,
}

impl Enforcer {
    /// One with this list, these roots, and what an earlier one remembered.
    pub fn new(settings: Settings, list: SignedList, roots: PublicRoots, memory: Memory) -> Self {
        let state = State { list: Arc::new(list), cache: Cache::default(), memory };
        Self { settings, roots, state: Mutex::new(state) }
    }

    /// One with the list and the roots that come with the program.
    pub fn built_in(settings: Settings) -> Self {
        Self::new(settings, SignedList::built_in(), PublicRoots::built_in(), Memory::default())
    }

    /// Takes a newer list, which has been verified. An older one, by version or by time, or another of the same
    /// version, is refused: it may be one from before a retirement.
    pub fn take(&self, list: SignedList) -> Result<(), NotNewer> {
        let mut state = self.state();
        let known = state.list.version;
        let is_older = list.version < known || list.issued < state.list.issued;
        if is_older || (list.version == known && list != *state.list) {
            return Err(NotNewer { known, found: list.version });
        }
        state.list = Arc::new(list);
        Ok(())
    }

    /// The list in use.
    pub fn list(&self) -> Arc<SignedList> {
        Arc::clone(&self.state().list)
    }

    /// What should be known after the next start.
    pub fn memory(&self) -> Memory {
        self.state().memory.clone()
    }

    /// Judges a verified chain. `system_now` is what the machine believes; where list or memory are later, they
    /// are believed.
    pub fn judge(&self, chain: Chain<'_>, system_now: Timestamp) -> Decision {
        let (list, seen) = {
            let state = self.state();
            (Arc::clone(&state.list), state.memory.seen())
        };
        let now = system_now.max(list.issued).max(seen);
        if chain.certificates.is_empty() {
            return Decision::refuse(Reason::NoCertificate);
        }
        if chain.trust == Trust::Dane {
            return Decision::accept(Reason::Dane);
        }
        let presented = match self.presented(chain) {
            Ok(Some(presented)) => presented,
            Ok(None) => return self.private(chain.host),
            Err(why) => return Decision::refuse(why),
        };
        let ladder = Ladder::of(list.issued, list.expires, now);
        let verdict = self.verdict(presented, &list, ladder.rung(), now);
        let mut warnings = Vec::from_iter(ladder.warning());
        let reason = Reason::Judged(Arc::clone(&verdict));
        match &verdict.outcome {
            Outcome::Satisfied | Outcome::NotAsked => {
                self.state().memory.learn(chain.host, latest_promise(&verdict), now);
                Decision { action: Action::Accept, reason, warnings }
            }
            Outcome::Missing(_) | Outcome::Unreadable(_) => {
                let suspension = self.suspended(&list, presented, now);
                let lenient =
                    is_too_old(&list, seen, now) && self.settings.profile == Profile::Default;
                let action = if suspension.is_some() || lenient {
                    warnings.push(Warning::WouldRefuse(suspension));
                    Action::Accept
                } else {
                    Action::Refuse
                };
                Decision { action, reason, warnings }
            }
        }
    }

    /// The certificate and its issuer's key; `None` if the chain ends in a private root; or why that cannot be told.
    fn presented<'a>(&self, chain: Chain<'a>) -> Result<Option<Presented<'a>>, Reason> {
        let Some((certificate, above)) = chain.certificates.split_first() else {
            return Err(Reason::NoCertificate);
        };
        let anchor = match chain.anchor {
            Anchor::Last | Anchor::Unsaid => None,
            Anchor::Key(spki) => Some(Ok(spki)),
        };
        let spkis = above.iter().map(|certificate| spki_of(certificate)).chain(anchor);
        let spkis = spkis.collect::<Result<Vec<_>, _>>().map_err(Reason::Unreadable)?;
        // Any of them may be the anchor: a client can trust an intermediate.
        let has_public = spkis.iter().rev().any(|spki| self.roots.contains(&issuer_key_hash(spki)));
        let last = above.last().unwrap_or(certificate);
        let is_root = || is_self_issued(last).map_err(Reason::Unreadable);
        let is_public = match chain.anchor {
            Anchor::Key(_) => has_public,
            Anchor::Last | Anchor::Unsaid if has_public => true,
            Anchor::Last => !is_root()?,
            Anchor::Unsaid if is_root()? => false,
            Anchor::Unsaid => return Err(Reason::CutOff),
        };
        match (is_public, spkis.first()) {
            (false, _) => Ok(None),
            (true, Some(issuer_spki)) => Ok(Some(Presented { certificate, issuer_spki })),
            // It is trusted by itself, and its issuer is not known.
            (true, None) => Err(Reason::CutOff),
        }
    }

    /// A chain that ends in a private root: none of our business, unless an hour ago it was.
    fn private(&self, host: Option<&str>) -> Decision {
        let mut decision = Decision::accept(Reason::PrivateRoot);
        let since = host.and_then(|host| self.state().memory.host(host));
        decision.warnings.extend(since.map(|last_public| Warning::TurnedPrivate { last_public }));
        decision
    }

    fn verdict(
        &self,
        presented: Presented<'_>,
        list: &SignedList,
        rung: Rung,
        now: Timestamp,
    ) -> Arc<Verdict> {
        let key = cache::key(presented, list.version, rung);
        if let Some(verdict) = self.state().cache.get(&key, now) {
            return verdict;
        }
        // Not under the lock: signatures take their time.
        let verdict = Arc::new(judge(&self.settings.policy, rung, presented, &list.logs, now));
        self.state().cache.put(key, Arc::clone(&verdict), now);
        verdict
    }

    fn suspended(
        &self,
        list: &SignedList,
        presented: Presented<'_>,
        now: Timestamp,
    ) -> Option<Suspension> {
        let is_meant = |scope: &Scope| match scope {
            Scope::Issuer(hash) => *hash == issuer_key_hash(presented.issuer_spki),
            Scope::Way(way) => way == self.settings.way,
        };
        let mut suspensions = list.suspensions.iter();
        suspensions.find(|one| now < one.until && is_meant(&one.scope)).cloned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is half done under the lock, so what a panic leaves behind is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a list is of no use any more. The clock alone does not say so for two years: who can turn it forward could
/// turn enforcement off with it. Logs that have signed a time after the list was too old do.
fn is_too_old(list: &SignedList, seen: Timestamp, now: Timestamp) -> bool {
    let is_too_old =
        |at| matches!(Ladder::of(list.issued, list.expires, at), Ladder::TooOld { .. });
    is_too_old(now) && (is_too_old(seen) || now.duration_since(list.issued) > BY_THE_CLOCK_ALONE)
}

/// Logs of two operators have signed that it was this late: nobody who turns our clock back can undo it, and no log by
/// itself can turn it forward.
fn latest_promise(verdict: &Verdict) -> Option<Timestamp> {
    let mut latest: BTreeMap<&str, Timestamp> = BTreeMap::new();
    for sct in &verdict.scts {
        if let (Worth::Counted(operator), Some(promised)) = (&sct.worth, sct.promised) {
            let known = latest.entry(operator).or_insert(promised);
            *known = promised.max(*known);
        }
    }
    let mut times: Vec<Timestamp> = latest.into_values().collect();
    times.sort_unstable();
    times.iter().rev().nth(1).copied()
}

/// At two years, no honest certificate passes any more (docs/sct.md).
const BY_THE_CLOCK_ALONE: SignedDuration = SignedDuration::from_hours(2 * 365 * 24);

/// The list is not newer than the one in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the list has version {found}, and version {known} is in use")]
pub struct NotNewer {
    /// In use.
    pub known: u64,
    /// Offered.
    pub found: u64,
}

#[cfg(test)]
mod tests;
