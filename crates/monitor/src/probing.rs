//! The probing of services: one task a domain looks at times that nobody can foresee, judges and writes down.
//!
//! ```text
//!  Plan ── due ──> look: from a vantage, as a client ──> Observation
//!    ^                                                        v
//!    │ burst      store ── known, rules, logs ──────────────> judge, compare
//!    │                                                        v
//!  a new certificate, a changed delegation      one transaction: probe, state, evidence, incident
//! ```
//!
//! # Limitations
//!
//! What an address family has no address for is left out until the services are located again.

mod expected;
mod targets;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use countersign_judge::probe::compare::{COMPARED_WITHIN, Sighted, disagreements};
use countersign_judge::probe::coverage::Look;
use countersign_judge::probe::expected::KeyVerdict;
use countersign_judge::probe::finding::{ProbeFinding, Strength};
use countersign_judge::probe::judging::{Judged, Sight, judge, learn};
use countersign_judge::probe::observation::Observation;
use countersign_judge::probe::schedule::{Due, Pace, Plan, Reason};
use countersign_judge::probe::{Opening, Protocol, Stratum};
use countersign_net::Participant;
use countersign_probe::account::LogIn;
use countersign_probe::engine::{Looked, ProbeError, Prober, Speaker, Target};
use countersign_probe::login::Account;
use countersign_probe::stack::Stack;
use countersign_store::probe::{Found, NewProbe, Noted};
use countersign_store::sighting::{SightingFilter, SightingId};
use countersign_store::{Store, StoreError};
use countersign_tls::profile::Profile;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::chance::Chance;
use crate::context::Context;
use crate::delegations::{Unlooked, Way};
use crate::watch::{Extent, later};

use targets::Targets;

/// Which domains are probed, and how.
#[derive(Debug, Default)]
pub struct Probing {
    /// The domains, none twice.
    pub domains: Vec<ProbedDomain>,
    /// Who looks.
    pub speakers: Vec<Who>,
    /// DNS as it is seen from each vantage, for SRV and TLSA records; the first one is asked. None: nothing is asked.
    pub ways: Vec<Way>,
    /// What walks start from.
    pub walk: countersign_dns::walk::Settings,
    /// Roots of the operator's own.
    pub own_roots: Vec<CertificateDer<'static>>,
    /// Roots that stand in for those of public CAs, in the lab. Empty: Mozilla's.
    pub public_roots: Vec<CertificateDer<'static>>,
}

/// A stack that looks like a client.
#[derive(Clone, Debug)]
pub struct Who {
    /// The stack.
    pub stack: Arc<Stack>,
    /// What its hello looks like; its name is the client's.
    pub profile: Profile,
}

/// A domain that is probed.
#[derive(Clone, Debug)]
pub struct ProbedDomain {
    /// Its name.
    pub domain: String,
    /// What of it.
    pub services: Vec<Asked>,
    /// From where, by the names of vantages.
    pub vantages: Vec<String>,
    /// As whom, by the names of clients.
    pub clients: Vec<String>,
    /// How often.
    pub pace: Pace,
    /// The keys that may serve: SHA-256s of SubjectPublicKeyInfos. Empty: those that are registered.
    pub pins: Vec<[u8; 32]>,
    /// Whether logins that bind to the channel are offered.
    pub plus: bool,
    /// Who logs in to XMPP, bound to the channel, where the stack can say to what.
    pub account: Option<Account>,
}

/// A service, as the operator names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What is spoken.
    pub protocol: Protocol,
    /// How TLS begins.
    pub opening: Opening,
    /// Where; `None`: where DNS says, or the protocol's own port.
    pub port: Option<u16>,
    /// At which host; `None`: where DNS says.
    pub host: Option<String>,
}

/// Starts a task for each domain.
pub(crate) async fn start(
    cx: &Arc<Context>,
    chance: &mut Chance,
    stop: &CancellationToken,
) -> Result<JoinSet<Unlooked>, StoreError> {
    let domains = &cx.settings.probing.domains;
    let names: Vec<_> = domains.iter().map(|probed| probed.domain.clone()).collect();
    let now = cx.clock.now();
    cx.store(move |store| store.watch_probes(&names, now)).await?;
    let mut tasks = JoinSet::new();
    for probed in domains {
        let task = Task {
            cx: Arc::clone(cx),
            probed: probed.clone(),
            prober: Prober::new(cx.net.clone(), cx.clock.clone()),
            chance: chance.fork(),
            blind: BTreeMap::new(),
            seen: None,
            incidents: None,
        };
        let participant = cx.clock.participant();
        tasks.spawn(task.run(participant, stop.clone()));
    }
    Ok(tasks)
}

struct Task {
    cx: Arc<Context>,
    probed: ProbedDomain,
    prober: Prober,
    chance: Chance,
    /// Since when what cannot be looked at.
    blind: BTreeMap<Stratum, Timestamp>,
    /// The last sighting that was noticed.
    seen: Option<SightingId>,
    /// The incidents about zones of the domain that were noticed.
    incidents: Option<Vec<u64>>,
}

impl Task {
    async fn run(mut self, mut participant: Participant, stop: CancellationToken) -> Unlooked {
        let targets = tokio::select! {
            () = stop.cancelled() => return Vec::new(),
            targets = Targets::find(&self.cx, &self.probed) => targets,
        };
        let once = self.cx.extent == Extent::Once;
        let mut unseen: Vec<_> = targets.unlocated.clone();
        let mut targets = targets;
        if once {
            for target in targets.all.clone() {
                let due =
                    Due { at: participant.now(), target, isolation: String::new(), burst: None };
                tokio::select! {
                    () = stop.cancelled() => return Vec::new(),
                    looked = self.turn(&due, &mut targets) => unseen.extend(looked.err()),
                }
            }
            return unseen;
        }
        self.tell_unlocated(&targets.unlocated).await;
        let mut plan = self.plan(&targets, participant.now());
        let mut located_at = participant.now();
        let mut probes: u64 = 0;
        loop {
            let now = participant.now();
            if later(located_at, LOCATE_EVERY) <= now {
                let found = tokio::select! {
                    () = stop.cancelled() => return Vec::new(),
                    found = Targets::find(&self.cx, &self.probed) => found,
                };
                // What cannot be looked up now is where it was.
                let is_new = found.unlocated.is_empty() && found.all != targets.all;
                let is_whole = found.unlocated.is_empty() || targets.all.is_empty();
                self.tell_unlocated(&found.unlocated).await;
                if is_whole {
                    targets = found;
                }
                located_at = now;
                if is_new || plan.next().is_none() {
                    plan = self.plan(&targets, now);
                }
            }
            match self.changed().await {
                Ok(Some(reason)) => {
                    let chance = self.two();
                    plan.burst(reason, Some(&self.probed.domain), now, chance);
                }
                Ok(None) => {}
                Err(error) => warn!("cannot tell what has changed: {error}"),
            }
            let wake = later(now, CHECK_EVERY);
            let due = plan.next().cloned();
            let until = due.as_ref().map_or(wake, |due| due.at.min(wake));
            tokio::select! {
                () = stop.cancelled() => return Vec::new(),
                () = participant.sleep_until(until) => {}
            }
            let Some(mut due) = due.filter(|due| due.at <= participant.now()) else { continue };
            plan.begun(participant.now(), self.two());
            probes += 1;
            // Another watch of the same state, or this one after a restart, must not use a circuit again.
            due.isolation =
                format!("{}-{probes}-{:x}", due.isolation, self.chance.unit().to_bits());
            tokio::select! {
                () = stop.cancelled() => return Vec::new(),
                looked = self.turn(&due, &mut targets) => {
                    if let Err(why) = looked {
                        debug!("a probe saw nothing: {why}");
                    }
                }
            }
        }
    }

    fn plan(&mut self, targets: &Targets, now: Timestamp) -> Plan {
        Plan::new(targets.all.iter().cloned(), self.probed.pace, now, self.two())
    }

    fn two(&mut self) -> [f64; 2] {
        [self.chance.unit(), self.chance.unit()]
    }

    /// Looks once, judges, and writes down what came of it. Why it saw nothing, if that is so.
    async fn turn(&mut self, due: &Due, targets: &mut Targets) -> Result<(), String> {
        let stratum = due.target.stratum.clone();
        let looked = match self.look(due, targets).await {
            Ok(Some(looked)) => looked,
            // There is no such address.
            Ok(None) => return Ok(()),
            Err(error) => {
                let why = format!("{:#}", anyhow::Error::from(error));
                self.blind_since(&stratum, Some(&why)).await;
                return Err(format!("{}: {why}", self.probed.domain));
            }
        };
        let written = self.write(looked.observation, targets).await;
        match written {
            Ok((sight, noted)) => {
                if noted.is_news {
                    self.cx.tell();
                }
                match sight {
                    Sight::Blind { why } => {
                        self.blind_since(&stratum, Some(&why)).await;
                        Err(format!("{}: {why}", self.probed.domain))
                    }
                    Sight::AsExpected
                    | Sight::NothingToCompare
                    | Sight::Pending { .. }
                    | Sight::Found => {
                        self.blind_since(&stratum, None).await;
                        Ok(())
                    }
                }
            }
            Err(error) => {
                warn!("cannot keep what a probe saw: {error}");
                Err(format!("{}: {error}", self.probed.domain))
            }
        }
    }

    async fn look(&self, due: &Due, targets: &mut Targets) -> Result<Option<Looked>, ProbeError> {
        let Stratum { vantage, client, family, .. } = &due.target.stratum;
        let speakers = &self.cx.settings.probing.speakers;
        let Some(who) = speakers.iter().find(|who| who.profile.name == *client) else {
            return Ok(None);
        };
        let Some(host) = targets.host(&due.target).map(str::to_owned) else { return Ok(None) };
        let target = Target {
            service: due.target.service.clone(),
            host,
            vantage: vantage.clone(),
            isolation: (!due.isolation.is_empty()).then(|| due.isolation.clone()),
            family: targets::dialed(*family),
        };
        let log_in = self.probed.account.clone().map(log_in);
        let speaker = Speaker { stack: &who.stack, profile: &who.profile, log_in: log_in.as_ref() };
        match self.prober.look(&target, speaker).await {
            Err(ProbeError::NoAddress(_)) => {
                targets.leave_out(&due.target);
                Ok(None)
            }
            looked => looked.map(Some),
        }
    }

    /// Judges, and writes down what came of it, in one go: what somebody registers meanwhile counts at the next probe.
    async fn write(
        &self,
        observation: Observation,
        targets: &Targets,
    ) -> Result<(Sight, Noted), StoreError> {
        let (cx, probed) = (Arc::clone(&self.cx), self.probed.clone());
        let (tlsa, now) = (targets.tlsa(&observation), self.cx.clock.now());
        self.cx
            .store(move |store| {
                let known = expected::known(store.reader().probe_known(&observation.service)?);
                let material = expected::Material::gather(&cx, store, &observation, now)?;
                let judged = material.with(&cx, &probed, tlsa, |expected| {
                    judge(&observation, expected, &known, now)
                });
                let between = compare(store, &observation, &judged)?;
                let learned = learn(&known, &observation, &judged);
                let noted = note(store, &observation, &judged, &between, &learned, now)?;
                let sight = if between.is_empty() { judged.sight } else { Sight::Found };
                Ok((sight, noted))
            })
            .await
    }

    /// What has happened since the last time that somebody who prepares an interception would have caused.
    async fn changed(&mut self) -> Result<Option<Reason>, StoreError> {
        let (domain, after) = (self.probed.domain.clone(), self.seen);
        let (seen, is_new, incidents) = self
            .cx
            .store(move |store| -> Result<_, StoreError> {
                let reader = store.reader();
                let filter = SightingFilter { after, guard: None, limit: SIGHTINGS_MAX };
                let sightings = reader.sightings(&filter)?;
                let about = |name: &String| {
                    let name = name.strip_prefix("*.").unwrap_or(name);
                    domain == *name || domain.ends_with(&format!(".{name}"))
                };
                let is_new = sightings.iter().any(|sighting| sighting.names.iter().any(about));
                let seen = sightings.last().map(|sighting| sighting.id).or(after);
                let of = |zone: &str| {
                    let zone = zone.trim_end_matches('.');
                    domain == zone || domain.ends_with(&format!(".{zone}"))
                };
                let zones = reader.zones()?;
                let incidents = zones.iter().filter(|zone| of(&zone.name));
                let incidents: Vec<_> = incidents.filter_map(|zone| zone.incident).collect();
                Ok((seen, is_new, incidents.iter().map(|id| id.0).collect::<Vec<_>>()))
            })
            .await?;
        // What was there when the watch began is no change.
        let is_first = self.incidents.is_none();
        let before = self.incidents.replace(incidents.clone()).unwrap_or_default();
        self.seen = seen;
        Ok(match () {
            () if is_first => None,
            () if is_new => Some(Reason::NewCertificate),
            () if incidents.iter().any(|id| !before.contains(id)) => {
                Some(Reason::DelegationChanged)
            }
            () => None,
        })
    }

    /// What is not known where it is cannot be looked at: a trouble, until it is known.
    async fn tell_unlocated(&self, unlocated: &[String]) {
        let (kind, now) =
            (format!("{UNLOCATED_TROUBLE}{}", self.probed.domain), self.cx.clock.now());
        let told = match unlocated {
            [] => self.cx.clear(None, vec![kind], now).await,
            some => {
                let detail = some.join("; ");
                let detail = countersign_judge::plain::bounded(&detail, DETAIL_CHARACTERS_MAX);
                self.cx.raise(None, kind, detail.into_owned(), now).await
            }
        };
        if let Err(error) = told {
            warn!("cannot keep what is not located: {error}");
        }
    }

    /// What cannot be looked at for long is a trouble, until it can be.
    async fn blind_since(&mut self, stratum: &Stratum, why: Option<&str>) {
        let now = self.cx.clock.now();
        match why {
            None => {
                self.blind.remove(stratum);
            }
            Some(_) => {
                self.blind.entry(stratum.clone()).or_insert(now);
            }
        }
        let kind = format!("{UNSEEN_TROUBLE}{}", self.probed.domain);
        let unreachable = self.cx.settings.unreachable_after;
        let long = self.blind.iter().find(|(_, since)| later(**since, unreachable) <= now);
        let told = match (long, why) {
            (Some((stratum, since)), Some(why)) => {
                let seen_from = countersign_judge::probe::judging::seen_from(stratum);
                let detail = format!(
                    "{} is not seen by {seen_from} since {since:.0}: {why}",
                    self.probed.domain
                );
                let detail = countersign_judge::plain::bounded(&detail, DETAIL_CHARACTERS_MAX);
                self.cx.raise(None, kind, detail.into_owned(), now).await
            }
            (None, _) => self.cx.clear(None, vec![kind], now).await,
            (Some(_), None) => Ok(()),
        };
        if let Err(error) = told {
            warn!("cannot keep what is not seen: {error}");
        }
    }
}

/// A login with a nonce of its own: who has seen one must not foresee the next, so this is no chance that is passed in.
fn log_in(account: Account) -> LogIn {
    let mut nonce = [0; 18];
    aws_lc_rs::rand::fill(&mut nonce).expect("the operating system gives random bytes");
    LogIn { account, nonce }
}

/// Holds a probe against those of the last minutes.
fn compare(
    store: &Store,
    observation: &Observation,
    judged: &Judged,
) -> Result<Vec<ProbeFinding>, StoreError> {
    let key = observation.leaf().and_then(|leaf| leaf.spki_sha256);
    let (Some(key), Some(verdict)) = (key, judged.key.clone()) else { return Ok(Vec::new()) };
    let now = Sighted {
        at: observation.at,
        service: observation.service.clone(),
        host: observation.host.clone(),
        stratum: observation.stratum.clone(),
        key,
        verdict,
    };
    let since = observation.at - COMPARED_WITHIN;
    let rows = store.reader().probes_since(&observation.service.domain, since)?;
    let before = rows.into_iter().filter_map(|row| {
        Some(Sighted {
            at: row.at,
            service: row.service,
            host: row.host,
            stratum: row.stratum,
            key: row.key?,
            // Why it was not ours was told then.
            verdict: match row.verdict.as_deref() {
                Some("ours") => KeyVerdict::Ours,
                Some("pending") => KeyVerdict::Pending { until: row.at },
                Some("foreign") => KeyVerdict::Foreign { why: String::new() },
                _ => KeyVerdict::NotTold,
            },
        })
    });
    // Only what this probe has to do with: others were compared before.
    let found = disagreements(&before.chain([now]).collect::<Vec<_>>());
    Ok(found.into_iter().filter(|found| found.strata.contains(&observation.stratum)).collect())
}

fn note(
    store: &Store,
    observation: &Observation,
    judged: &Judged,
    between: &[ProbeFinding],
    learned: &countersign_judge::probe::Known,
    now: Timestamp,
) -> Result<Noted, StoreError> {
    let all: Vec<_> = judged.findings.iter().chain(between).cloned().collect();
    let told = all.iter().filter(|finding| finding.kind.strength() > Strength::Noted);
    let findings: Vec<_> =
        told.map(|finding| Found { mark: finding.mark(), told: finding.told(&all) }).collect();
    let detail = match &judged.sight {
        Sight::Blind { why } => why.clone(),
        _ => all.iter().map(|finding| finding.text.clone()).collect::<Vec<_>>().join("; "),
    };
    let detail = countersign_judge::plain::bounded(&detail, DETAIL_CHARACTERS_MAX);
    // What is wrong with our own certificate is told, and nobody in the middle: the word says which it is.
    let sight = match (&judged.sight, Look::of(judged), between.is_empty()) {
        (_, Look::Met, _) | (_, _, false) => Sight::Found.as_str(),
        (Sight::Found, Look::Expected, true) => Sight::AsExpected.as_str(),
        (Sight::Found, Look::Blind { .. }, true) => "blind",
        (sight, _, true) => sight.as_str(),
    };
    let verdict = judged.key.as_ref().map(|key| match key {
        KeyVerdict::Ours => "ours",
        KeyVerdict::Pending { .. } => "pending",
        KeyVerdict::Foreign { .. } => "foreign",
        KeyVerdict::NotTold => "not-told",
    });
    let (foreign, agreed) = expected::rows(learned);
    let new = NewProbe {
        at: observation.at,
        service: &observation.service,
        stratum: &observation.stratum,
        host: &observation.host,
        peer: observation.peer,
        sight,
        detail: &detail,
        key: observation.leaf().and_then(|leaf| leaf.spki_sha256),
        verdict,
        exhibit: observation.served().and_then(|served| served.exhibit.as_deref()),
        findings: &findings,
        foreign: &foreign,
        agreed: &agreed,
    };
    store.note_probe(&new, now)
}

/// What the kinds of troubles begin with that say that a service of a domain cannot be located.
pub const UNLOCATED_TROUBLE: &str = "unlocated-probe-";
/// What the kinds of troubles begin with that say that a domain is not seen.
pub const UNSEEN_TROUBLE: &str = "unseen-probe-";
/// How often it is looked whether something has changed: what prepares an interception is answered within minutes.
const CHECK_EVERY: Duration = Duration::from_secs(5 * 60);
/// How often the services are looked up.
const LOCATE_EVERY: Duration = Duration::from_secs(60 * 60);
/// Sightings that are looked at at once; if there are more, the rest is noticed the next time.
const SIGHTINGS_MAX: u32 = 100;
/// As much as a line of a mail still bears.
const DETAIL_CHARACTERS_MAX: usize = 800;
