//! Judges what was sighted, under the rules of the moment. What nobody here asked for becomes an incident.
//!
//! ```text
//!                  rules for its key or itself
//!            ┌────────────────────────────────────> authorized ─┐ stays so: a rule that ends later
//!   sighting ├─ only a third party's ─────────────> third party ┘ was in force when it was seen
//!            ├─ none, the hold time runs ─────────> pending ──────┐
//!            └─ none, or against a policy ────────> unexpected <──┘ the hold time is over
//!                                                      │
//!                                                      └──> authorized, if it is registered after all
//! ```
//!
//! Rules come from other processes, watched directories among them, so they are looked at once more right before
//! something is called unexpected or pending: a renewal whose key was registered in time raises nothing, however the
//! two races ended.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use countersign_judge::explanation::{Facts, explain};
use countersign_judge::material::Registration;
use countersign_judge::{Decision, Expectation, Origin, Policy, Rule, Severity, Verdict, decide};
use countersign_store::authorization::{KeyOrCertificate, NewAuthorization, RulesRevision};
use countersign_store::judgement::Judged;
use countersign_store::sighting::SightingFilter;
use countersign_store::trouble::{Nature, NewTrouble};
use countersign_store::{Reader, Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use tracing::{debug, warn};

use crate::directories::{Directory, Limits, Registered, Report, Scan};
use crate::watch::later;

mod canary;
mod heartbeat;
mod seen;

pub use seen::{Seen, facts};

/// What is expected, besides what the store has registered.
#[derive(Clone, Debug)]
pub struct Judging {
    /// What would contradict an expectation.
    pub policies: Vec<Policy>,
    /// Who else holds keys for guarded names.
    pub third_parties: Vec<Rule>,
    /// How long an unknown certificate may wait to be registered, where no policy says otherwise.
    pub hold: SignedDuration,
    /// Where keys of our own appear.
    pub directories: Vec<Directory>,
    /// How often these are looked at, besides whenever something would be called unexpected.
    pub scan_every: Duration,
    /// How often a sign of life goes out. `None`: never, and then silence means nothing.
    pub heartbeat: Option<Duration>,
}

impl Default for Judging {
    fn default() -> Self {
        Self {
            policies: Vec::new(),
            third_parties: Vec::new(),
            hold: countersign_judge::policy::HOLD_DEFAULT,
            directories: Vec::new(),
            scan_every: SCAN_EVERY,
            heartbeat: Some(HEARTBEAT_EVERY),
        }
    }
}

/// Judges one store.
pub(crate) struct Judge {
    store: Arc<Store>,
    judging: Judging,
    scan: Scan,
    /// When the directories are due.
    scan_at: Timestamp,
    /// What is expected, and at which revision of the store's rules.
    rules: Option<(RulesRevision, Expectation)>,
    /// When to judge again without being called: to look for rules that came meanwhile.
    come_by: Duration,
    /// From when on what logs took was searched, in the logs that are not searched from their first entry.
    searched_from: Timestamp,
    /// The directories were looked at in this round.
    scanned: bool,
}

impl Judge {
    pub(crate) fn new(
        store: Arc<Store>,
        judging: Judging,
        come_by: Duration,
        searched_from: Timestamp,
    ) -> Self {
        let scan = Scan::new(judging.directories.clone(), Limits::default());
        Self {
            store,
            judging,
            scan,
            scan_at: Timestamp::MIN,
            rules: None,
            come_by,
            searched_from,
            scanned: false,
        }
    }

    /// Judges all that there is to judge now. When to do so again, if not called before.
    pub(crate) fn round(&mut self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.scanned = false;
        // A clock that went back far would otherwise put the next scan off for as long.
        let far = later(now, 2 * self.judging.scan_every);
        if now >= self.scan_at || self.scan_at > far {
            self.scan(now)?;
        }
        let changed = self.read_rules()?;
        self.judge_new(now)?;
        let lapses_at = self.judge_pending(now)?;
        if changed {
            self.judge_open(now)?;
        }
        let promised_at = self.look_for_promised(now)?;
        let beats_at = self.beat(now)?;
        let mut wake_at = later(now, self.come_by);
        if !self.judging.directories.is_empty() {
            wake_at = wake_at.min(self.scan_at);
        }
        for at in [lapses_at, promised_at, beats_at].into_iter().flatten() {
            wake_at = wake_at.min(at);
        }
        Ok(wake_at)
    }

    /// Judges what was sighted since the last time.
    fn judge_new(&mut self, now: Timestamp) -> Result<(), StoreError> {
        loop {
            let after = self.store.reader().judged_through()?;
            let filter = SightingFilter { after: Some(after), guard: None, limit: BATCH };
            let sightings = self.store.reader().sightings(&filter)?;
            let Some(last) = sightings.last().map(|seen| seen.id) else { return Ok(()) };
            let mut certificates: Vec<_> = sightings.iter().map(|seen| seen.tbs_sha256).collect();
            certificates.sort_unstable();
            certificates.dedup();
            let (mut judged, mut ours) = (Vec::new(), HashSet::new());
            for tbs_sha256 in certificates {
                let before =
                    self.store.reader().judgement(&tbs_sha256)?.map(|before| before.told.verdict);
                let verdict = match before.filter(|before| stays(*before)) {
                    Some(before) => before,
                    None => {
                        let Some(new) = self.judge(&tbs_sha256, now)? else { continue };
                        let verdict = new.told.verdict;
                        judged.push(new);
                        verdict
                    }
                };
                if verdict == Verdict::Authorized {
                    ours.insert(tbs_sha256);
                }
            }
            for sighting in sightings.iter().filter(|seen| ours.contains(&seen.tbs_sha256)) {
                self.note_promises_in(sighting, now)?;
            }
            self.store.judge(&judged, Some(last), now)?;
        }
    }

    /// Judges again what nobody has asked for so far. When the first hold time ends.
    fn judge_pending(&mut self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let mut first = None::<Timestamp>;
        for pending in self.store.reader().pending()? {
            let Some(judged) = self.judge(&pending.tbs_sha256, now)? else { continue };
            if let Verdict::Pending { until } = judged.told.verdict {
                first = Some(first.map_or(until, |first| first.min(until)));
            }
            if judged.told != pending.told {
                self.store.judge(&[judged], None, now)?;
            }
        }
        Ok(first)
    }

    /// Judges the open incidents again, since the rules have changed: some may have been registered after all.
    fn judge_open(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for tbs_sha256 in self.store.reader().unexpected()? {
            let Some(judged) = self.judge(&tbs_sha256, now)? else { continue };
            if stays(judged.told.verdict) {
                self.store.judge(&[judged], None, now)?;
            }
        }
        Ok(())
    }

    /// What to make of a certificate, by all that was seen of it.
    fn judge(
        &mut self,
        tbs_sha256: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Judged>, StoreError> {
        let sightings = self.store.reader().sightings_of(tbs_sha256)?;
        let Some(seen) = Seen::new(&sightings) else { return Ok(None) };
        let mut decision = decide(self.expectation(), &seen.observation, seen.first_seen_at, now);
        if !stays(decision.verdict) {
            if !self.scanned {
                self.scan(now)?;
            }
            if self.read_rules()? {
                decision = decide(self.expectation(), &seen.observation, seen.first_seen_at, now);
            }
        }
        let facts = facts(self.store.reader(), None, &sightings)?;
        let judged = judged(&seen, &decision, &facts);
        debug!(verdict = decision.verdict.as_str(), "{}", judged.title);
        Ok(Some(judged))
    }

    fn expectation(&self) -> &Expectation {
        let (_, expectation) = self.rules.as_ref().expect("rules are read first in each round");
        expectation
    }

    /// Reads the rules again if they have changed; whether they have.
    fn read_rules(&mut self) -> Result<bool, StoreError> {
        let reader = self.store.reader();
        let revision = reader.rules_revision()?;
        if self.rules.as_ref().is_some_and(|(known, _)| *known == revision) {
            return Ok(false);
        }
        let (revision, rules) = reader.rules()?;
        self.rules = Some((revision, expectation(&self.judging, rules)));
        Ok(true)
    }

    /// Registers what the watched directories hold, and says what is wrong with them.
    fn scan(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.scanned = true;
        self.scan_at = later(now, self.judging.scan_every);
        if self.judging.directories.is_empty() {
            return Ok(());
        }
        let report = self.scan.scan(SCAN_ENTRIES_MAX);
        let kept = self.keep(&report, now);
        if kept.is_err() {
            // They count as read, and would not be read again.
            self.scan.forget();
        }
        kept
    }

    fn keep(&self, report: &Report, now: Timestamp) -> Result<(), StoreError> {
        let new: Vec<_> = report
            .registered
            .iter()
            .map(|found| authorization(found, &self.judging.directories[found.directory]))
            .collect();
        if !new.is_empty() {
            self.store.desk().register(&new, now)?;
        }
        for found in &report.registered {
            if let Registration::Certificate { der, .. } = &found.registration {
                self.note_promises(der, now)?;
            }
        }
        if report.troubles.is_empty() {
            self.store.clear(None, DIRECTORIES, now)?;
            return Ok(());
        }
        let told: Vec<_> = report.troubles.iter().map(ToString::to_string).collect();
        let detail = told.join("; ");
        let (nature, evidence) = (Nature::Condition, &[][..]);
        let trouble =
            NewTrouble { log: None, kind: DIRECTORIES, nature, detail: &detail, evidence };
        if let countersign_store::trouble::Raised::Opened(_) = self.store.raise(&trouble, now)? {
            warn!(trouble.kind = DIRECTORIES, "{detail}");
        }
        Ok(())
    }
}

/// A decision that later rounds leave as it is.
fn stays(verdict: Verdict) -> bool {
    match verdict {
        Verdict::Authorized | Verdict::ThirdParty => true,
        Verdict::Pending { .. } | Verdict::Unexpected => false,
    }
}

/// All that is expected.
pub fn expectation(judging: &Judging, registered: Vec<Rule>) -> Expectation {
    let rules = registered.into_iter().chain(judging.third_parties.iter().cloned());
    Expectation::new(rules, judging.policies.clone(), judging.hold)
}

/// What was seen of a certificate and what would be made of it under these rules. `None` if it was never seen.
pub fn judge_again(
    reader: &Reader,
    expectation: &Expectation,
    tbs_sha256: &[u8; 32],
    now: Timestamp,
) -> Result<Option<(Seen, Decision)>, StoreError> {
    let Some(seen) = Seen::new(&reader.sightings_of(tbs_sha256)?) else { return Ok(None) };
    let decision = decide(expectation, &seen.observation, seen.first_seen_at, now);
    Ok(Some((seen, decision)))
}

/// A decision as the store keeps it.
pub fn judged(seen: &Seen, decision: &Decision, facts: &Facts) -> Judged {
    let told = decision.told();
    let title = explain(&seen.observation, &told, facts, seen.first_seen_at).title;
    Judged {
        tbs_sha256: seen.observation.tbs_sha256,
        first_seen_at: seen.first_seen_at,
        severity: decision.severity().unwrap_or(Severity::Notice),
        told,
        title,
    }
}

/// What a file in a watched directory authorizes: a key for all names of the directory, whatever a certificate or
/// request beside it says, since only we can use it.
fn authorization(found: &Registered, directory: &Directory) -> NewAuthorization {
    let basis = match &found.registration {
        Registration::Key { spki_sha256, .. } | Registration::Request { spki_sha256, .. } => {
            KeyOrCertificate::Key(*spki_sha256)
        }
        Registration::Certificate { tbs_sha256, .. } => KeyOrCertificate::Certificate(*tbs_sha256),
    };
    NewAuthorization {
        basis,
        scope: directory.scope.clone(),
        until: None,
        origin: Origin::Directory { path: directory.path.display().to_string() },
        note: String::new(),
    }
}

/// The kind of trouble that stands for all watched directories.
const DIRECTORIES: &str = "directories";
/// Sightings judged in one transaction.
const BATCH: u32 = 256;
/// How many entries of directories one scan looks at. A certificate store of a large host has some thousands.
const SCAN_ENTRIES_MAX: usize = 100_000;
/// A key shows up in time for any hold longer than this even if nothing calls for a scan.
const SCAN_EVERY: Duration = Duration::from_secs(60);
const HEARTBEAT_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
