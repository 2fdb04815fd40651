//! The issuers of what was sighted in a static log. Its entries have only their fingerprints, and the certificates are
//! served beside the tiles (c2sp.org/static-ct-api, "Issuers"). Each is fetched once and kept as evidence, where its
//! fingerprint finds it.
//!
//! ```text
//!  a sighting names it ──> fetch, before the commit ──had──> evidence
//!                               │ failed, or no time            ^
//!                               v                               │ had: the sightings get their issuers' keys
//!                            missing ──> fetch, when all is read ──failed twice or more──> trouble
//!                               ^                  │
//!                               └── later and later ┘
//! ```
//!
//! A sighting does not wait for them: what is not had at once is had later. What the store lacks is found out anew after
//! each start.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countersign_ct::certificate::Kind;
use countersign_ct::static_ct::issuer_path;
use countersign_store::sighting::NewSighting;
use countersign_store::{Store, StoreError};
use jiff::Timestamp;

use super::{Failure, Task, chain};
use crate::protocol::{Protocol, Unmet};
use crate::roster::ReadApi;
use crate::sight::issuer_key;
use crate::trouble::Condition;
use crate::watch::later;

/// What a task knows of the issuers in its log.
#[derive(Default)]
pub(super) struct Issuers {
    /// Named by sightings, and not in the store. By fingerprint; at most [`MISSING_MAX`].
    missing: BTreeMap<[u8; 32], Missing>,
    review: Review,
}

/// An issuer that was not had yet.
struct Missing {
    /// How often the log was asked for it. Being asked to wait does not count.
    tries: u32,
    try_at: Timestamp,
    /// Why it was not had the last time.
    why: String,
}

/// Whether all sightings in the store have to be looked through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Review {
    /// Their issuers may be missing, or may have come.
    #[default]
    Due,
    Done,
}

/// What asking for an issuer came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// It is in the store.
    Had,
    /// It is missing.
    InVain,
}

impl<P: Protocol> Task<P> {
    /// Before a commit: fetches the issuers of its sightings, as far as that does not hold them up, and notes whose
    /// keys signed.
    pub(super) async fn fetch_issuers(&mut self) -> Result<(), Failure> {
        let named: BTreeSet<_> = self.sightings.iter().flat_map(named::<P>).collect();
        if named.is_empty() {
            return Ok(());
        }
        let missing = &self.issuers.missing;
        let wanted = named.into_iter().filter(|issuer| !missing.contains_key(issuer)).collect();
        let wanted = self.cx.store(move |store| lacking(store, wanted)).await?;
        let until = later(self.participant.now(), FETCH_TIME_MAX);
        let mut asked = Asked::Had;
        for issuer in wanted {
            match asked {
                Asked::Had => asked = self.fetch_issuer(issuer, until).await?,
                // The next will hardly be better.
                Asked::InVain => self.issuers.miss(issuer, self.participant.now()),
            }
        }
        let sightings = std::mem::take(&mut self.sightings);
        self.sightings = self.cx.store(move |store| with_keys::<P>(store, sightings)).await?;
        Ok(())
    }

    /// After all was read: asks for the issuers that are missing, and completes the sightings that lack them.
    pub(super) async fn complete_issuers(&mut self) -> Result<(), Failure> {
        if !matches!(self.log.api, ReadApi::StaticCt(_)) {
            return Ok(());
        }
        let reviewed = self.issuers.review;
        self.review_issuers().await?;
        let now = self.participant.now();
        let missing = self.issuers.missing.iter();
        let due = missing.filter(|(_, missing)| missing.try_at <= now).map(|(issuer, _)| *issuer);
        let due: BTreeSet<_> = due.collect();
        if due.is_empty() && reviewed == Review::Done {
            return Ok(());
        }
        // The task of another log may have had some meanwhile.
        let asked = due.clone();
        let lacking = self.cx.store(move |store| lacking(store, asked)).await?;
        due.difference(&lacking).for_each(|issuer| self.issuers.had(issuer));
        let mut lacking: Vec<_> = lacking.into_iter().collect();
        lacking
            .sort_by_key(|issuer| self.issuers.missing.get(issuer).map(|missing| missing.try_at));
        let mut in_vain = 0;
        for issuer in lacking {
            if in_vain == IN_VAIN_MAX || self.participant.now() >= self.poll_at {
                break;
            }
            match self.fetch_issuer(issuer, self.poll_at).await? {
                Asked::Had => {}
                Asked::InVain => in_vain += 1,
            }
        }
        self.review_issuers().await?;
        self.tell_missing().await
    }

    /// Asks for one issuer and keeps it, if the pace lets us before `until`.
    async fn fetch_issuer(&mut self, issuer: [u8; 32], until: Timestamp) -> Result<Asked, Failure> {
        if self.ready_at() > until {
            self.issuers.miss(issuer, self.participant.now());
            return Ok(Asked::InVain);
        }
        let answered = self
            .request(|protocol, now| async move { protocol.place().issuer(&issuer, now).await })
            .await;
        let now = self.participant.now();
        match answered {
            Ok(certificate) => {
                self.cx.store(move |store| store.keep_evidence(&[certificate])).await?;
                self.issuers.had(&issuer);
                Ok(Asked::Had)
            }
            Err(Failure::Unmet(Unmet::Throttled { .. })) => {
                self.issuers.miss(issuer, now);
                Ok(Asked::InVain)
            }
            Err(Failure::Unmet(unmet)) => {
                self.issuers.fail(issuer, chain(&unmet), now, self.cx.settings.poll);
                Ok(Asked::InVain)
            }
            Err(failure) => Err(failure),
        }
    }

    /// Looks through all sightings of the log, if there may be something to find.
    async fn review_issuers(&mut self) -> Result<(), Failure> {
        if self.issuers.review == Review::Done {
            return Ok(());
        }
        let log = self.id.0;
        let missing = self.cx.store(move |store| review::<P>(store, &log)).await?;
        let now = self.participant.now();
        missing.into_iter().for_each(|issuer| self.issuers.miss(issuer, now));
        self.issuers.review = Review::Done;
        Ok(())
    }

    /// Says which issuers are missing, or that none is any more.
    async fn tell_missing(&self) -> Result<(), Failure> {
        let kind = Condition::MissingIssuer.kind();
        if self.issuers.missing.is_empty() {
            return self.over(kind).await;
        }
        let given_up = self.issuers.missing.iter().filter(|(_, missing)| missing.tries >= TRIES);
        let given_up: Vec<_> = given_up
            .map(|(issuer, missing)| format!("{} ({})", issuer_path(issuer), missing.why))
            .collect();
        // Where one was asked for only once, what was said before still holds.
        let Some(first) = given_up.first() else { return Ok(()) };
        let detail = format!(
            "the log does not give {} of the issuers that sighted entries name: {first}{}; the entries are reported without",
            given_up.len(),
            if given_up.len() > 1 { " and others" } else { "" },
        );
        let now = self.participant.now();
        Ok(self.cx.raise(Some(self.id), kind.to_owned(), detail, now).await?)
    }
}

impl Issuers {
    /// Notes that an issuer is not there and can be asked for.
    fn miss(&mut self, issuer: [u8; 32], now: Timestamp) {
        if self.missing.len() < MISSING_MAX {
            let missing = Missing { tries: 0, try_at: now, why: String::new() };
            self.missing.entry(issuer).or_insert(missing);
        }
    }

    /// Notes that the log did not give an issuer. It is asked again soon, and later and later.
    fn fail(&mut self, issuer: [u8; 32], why: String, now: Timestamp, poll: Duration) {
        self.miss(issuer, now);
        let Some(missing) = self.missing.get_mut(&issuer) else { return };
        let doubled = missing.tries.checked_sub(1).map_or(0, |times| 2_u32.saturating_pow(times));
        let pause = poll.saturating_mul(doubled).min(RETRY_MAX);
        *missing =
            Missing { tries: missing.tries.saturating_add(1), try_at: later(now, pause), why };
    }

    /// Notes that an issuer is in the store.
    fn had(&mut self, issuer: &[u8; 32]) {
        if self.missing.remove(issuer).is_some() {
            // There are sightings that lack it.
            self.review = Review::Due;
        }
    }
}

/// The issuers that a sighting names.
fn named<P: Protocol>(sighting: &NewSighting) -> Vec<[u8; 32]> {
    P::issuers(&sighting.extra, kind(sighting.precertificate))
}

fn kind(precertificate: bool) -> Kind {
    if precertificate { Kind::Tbs } else { Kind::Certificate }
}

/// Those that the store does not have.
fn lacking(store: &Store, issuers: BTreeSet<[u8; 32]>) -> Result<BTreeSet<[u8; 32]>, StoreError> {
    let mut lacking = BTreeSet::new();
    for issuer in issuers {
        if store.reader().evidence(&issuer)?.is_none() {
            lacking.insert(issuer);
        }
    }
    Ok(lacking)
}

/// The sightings with the keys of their issuers, where the store has these and they signed.
fn with_keys<P: Protocol>(
    store: &Store,
    mut sightings: Vec<NewSighting>,
) -> Result<Vec<NewSighting>, StoreError> {
    for sighting in &mut sightings {
        if sighting.issuer_key_sha256.is_none() {
            let issuers = named::<P>(sighting);
            sighting.issuer_key_sha256 = key_of(store, &sighting.leaf, &issuers)?;
        }
    }
    Ok(sightings)
}

/// The key of the first of `issuers`, if the store has that one and it signed the certificate in `leaf`.
fn key_of(
    store: &Store,
    leaf: &[u8],
    issuers: &[[u8; 32]],
) -> Result<Option<[u8; 32]>, StoreError> {
    let Some(issuer) = issuers.first() else { return Ok(None) };
    let issuer = store.reader().evidence(issuer)?;
    Ok(issuer.and_then(|issuer| issuer_key(leaf, &issuer)))
}

/// Completes the sightings of a log as far as the store has their issuers. Those that it lacks.
fn review<P: Protocol>(store: &Store, log: &[u8; 32]) -> Result<BTreeSet<[u8; 32]>, StoreError> {
    let (mut named, mut after) = (BTreeSet::new(), None);
    loop {
        let page = store.reader().served(log, after, REVIEW_PAGE)?;
        let Some(last) = page.last() else { return lacking(store, named) };
        after = Some(last.id);
        let mut keys = Vec::new();
        for served in &page {
            let issuers = P::issuers(&served.extra, kind(served.precertificate));
            if served.issuer_key_sha256.is_none()
                && let Some(key) = key_of(store, &served.leaf, &issuers)?
            {
                keys.push((served.id, key));
            }
            named.extend(issuers);
        }
        if !keys.is_empty() {
            store.add_issuer_keys(&keys)?;
        }
    }
}

/// How many issuers a task remembers as missing. All the logs of today know some hundred each; what is beyond is found
/// again after a start.
const MISSING_MAX: usize = 1024;
/// How long a sighting may wait for its turn to ask for issuers. Reports are due within a poll, which is minutes.
const FETCH_TIME_MAX: Duration = Duration::from_secs(30);
/// How often an issuer is asked for before it is said that it is missing. One lost packet is none.
const TRIES: u32 = 2;
/// So many issuers that are not given, one after the other, are enough for one poll: each makes the log's pace slower,
/// and its entries matter more.
const IN_VAIN_MAX: u32 = 3;
/// How rarely a missing issuer is asked for in the end.
const RETRY_MAX: Duration = Duration::from_secs(24 * 3600);
/// Sightings looked through at a time. Each has some kilobytes.
const REVIEW_PAGE: u32 = 256;
