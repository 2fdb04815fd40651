//! What to make of one probe.

use countersign_sct::policy::COUNTERSIGN;
use countersign_sct::{
    Outcome as SctOutcome, Presented, SignedEntry, Standing, Verdict as SctVerdict, Worth,
    judge as judge_scts, parse_list, verify_sct,
};
use countersign_tls::flaw::{Flaw, Unproved};
use countersign_tls::handshake::{End, Handshake, Shown};
use countersign_tls::names;
use jiff::{SignedDuration, Timestamp};

use super::dane::{TlsaView, agrees};
use super::expected::{Agreed, CtView, Expected, KeyVerdict, Known, Logs};
use super::finding::{Kind, ProbeFinding, is_told};
use super::observation::{Early, Leaf, LoggedIn, Observation, Oracle, Outcome, Served, Stratum};
use super::trust::{Trust, Validity, trust};
use crate::caa::CaaThen;
use crate::plain::hex;

/// What is to be made of one probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// In one word.
    pub sight: Sight,
    /// What is wrong.
    pub findings: Vec<ProbeFinding>,
    /// What the keys say to the certificate, if one was shown.
    pub key: Option<KeyVerdict>,
}

/// What a probe showed, in one word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// A key that may serve has signed our random bytes, and nothing else is wrong.
    AsExpected,
    /// Nothing is wrong, so far as can be told: nobody said which keys may serve.
    NothingToCompare,
    /// A key that somebody may still register.
    Pending {
        /// Until when.
        until: Timestamp,
    },
    /// Something is wrong.
    Found,
    /// It did not see what it was to see. That is never fine.
    Blind {
        /// Why, as one sentence without a capital letter or a full stop.
        why: String,
    },
}

impl Sight {
    /// A word that does not change.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AsExpected => "as-expected",
            Self::NothingToCompare => "nothing-to-compare",
            Self::Pending { .. } => "pending",
            Self::Found => "found",
            Self::Blind { .. } => "blind",
        }
    }
}

/// What to make of a probe.
pub fn judge(
    observation: &Observation,
    expected: &Expected<'_>,
    known: &Known,
    now: Timestamp,
) -> Judged {
    let mut judging = Judging { observation, expected, known, now, findings: Vec::new() };
    let (key, sight) = match &observation.outcome {
        Outcome::Unreachable { why } => (None, Sight::Blind { why: why.clone() }),
        Outcome::NoTls { early, .. } => (None, judging.no_tls(*early)),
        Outcome::Tls(served) => judging.served(served),
    };
    let findings = judging.findings;
    // What was found stands, even if the rest was not seen.
    let sight = if is_told(&findings) { Sight::Found } else { sight };
    Judged { sight, findings, key }
}

/// What is known of a service after a probe.
pub fn learn(known: &Known, observation: &Observation, judged: &Judged) -> Known {
    let mut known = known.clone();
    known.foreign_since.retain(|_, since| observation.at.duration_since(*since) < FOREIGN_FOR);
    let key = observation.leaf().and_then(|leaf| leaf.spki_sha256);
    match (&judged.key, key) {
        (Some(KeyVerdict::Ours | KeyVerdict::NotTold), Some(key)) => {
            known.foreign_since.remove(&key);
        }
        (Some(KeyVerdict::Pending { .. } | KeyVerdict::Foreign { .. }), Some(key)) => {
            // Whoever shows another key each time must not fill our memory; the first ones tell the story.
            if known.foreign_since.len() < FOREIGN_KEYS_MAX {
                known.foreign_since.entry(key).or_insert(observation.at);
            }
        }
        (_, None) | (None, Some(_)) => {}
    }
    // Only who is the service can say what the service has.
    let is_service = matches!(judged.key, Some(KeyVerdict::Ours | KeyVerdict::NotTold));
    if let (true, Some(agreed)) = (is_service, agreed(observation)) {
        let client = observation.stratum.client.clone();
        let before = known.with.get(&client).filter(|before| before.is_fresh(observation.at));
        let is_weaker = before.is_some_and(|before| {
            (before.plus && !agreed.plus) || !agreed.weaker_than(before).is_empty()
        });
        if !is_weaker {
            known.with.insert(client, agreed);
        }
    }
    known
}

/// A server has a key for each algorithm, and as many again while they are renewed.
const PENDING_KEYS_MAX: usize = 4;

/// Keys that nobody has registered are forgotten so long after they were first served, so that years of renewals that were
/// registered a little late do not add up.
const FOREIGN_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// More foreign keys than an interceptor needs for one service.
const FOREIGN_KEYS_MAX: usize = 64;

/// What was agreed upon in a handshake that was proved.
fn agreed(observation: &Observation) -> Option<Agreed> {
    let served = observation.served()?;
    let handshake = &served.handshake;
    let Shown::Proved { .. } = handshake.chain else { return None };
    Some(Agreed {
        at: observation.at,
        version: handshake.version?,
        group: handshake.group,
        plus: served.login.as_ref().is_some_and(|login| login.binds()),
        stack: stack(handshake),
    })
}

struct Judging<'a> {
    observation: &'a Observation,
    expected: &'a Expected<'a>,
    known: &'a Known,
    now: Timestamp,
    findings: Vec<ProbeFinding>,
}

impl Judging<'_> {
    fn add(&mut self, kind: Kind, text: String, detail: &str) {
        let stratum = &self.observation.stratum;
        self.findings.push(ProbeFinding::new(kind, stratum, text, detail.to_owned()));
    }

    fn no_tls(&mut self, early: Early) -> Sight {
        let port = self.observation.service.port;
        match early {
            Early::NotOffered | Early::Refused => {
                let text = format!("on port {port} {}", early.sentence());
                self.add(Kind::StartTlsStripped, text, &format!("{port} {}", early.as_str()));
            }
            Early::Injected => {
                let text = format!("on port {port} {}", early.sentence());
                self.add(Kind::Injected, text, &port.to_string());
            }
            Early::OtherProtocol
            | Early::TooMuch
            | Early::Ended
            | Early::Closed
            | Early::Stalled => {}
        }
        Sight::Blind { why: early.sentence().to_owned() }
    }

    fn served(&mut self, served: &Served) -> (Option<KeyVerdict>, Sight) {
        self.login(served);
        let handshake = &served.handshake;
        let chain = handshake.chain.certificates();
        match &handshake.chain {
            Shown::Anonymous => {
                let text = "it accepted a suite without authentication".to_owned();
                self.add(Kind::Anonymous, text, "");
            }
            Shown::Unproved { why, .. } if contradicts(*why) => {
                let text =
                    format!("whoever answered does not hold the key of the certificate: {why}");
                self.add(Kind::NotHeld, text, "");
            }
            Shown::Proved { .. }
            | Shown::Unproved { .. }
            | Shown::Resumed
            | Shown::Hidden { .. }
            | Shown::None => {}
        }
        let Some(leaf) = self.observation.leaf() else {
            return match served.oracle {
                Some(Oracle::Expected) => (Some(KeyVerdict::Ours), Sight::AsExpected),
                Some(Oracle::Other) => self.refused(),
                None => (None, Sight::Blind { why: how_far(handshake) }),
            };
        };
        let key = self.key(&leaf, chain);
        self.certificate(&leaf, chain, served);
        self.agreed();
        let sight = match (&handshake.chain, &key) {
            (Shown::Proved { .. }, KeyVerdict::Ours) => Sight::AsExpected,
            (Shown::Proved { .. }, KeyVerdict::NotTold) => Sight::NothingToCompare,
            (Shown::Proved { .. }, KeyVerdict::Pending { until }) => {
                Sight::Pending { until: *until }
            }
            // A certificate alone anybody can show.
            _ => Sight::Blind { why: how_far(handshake) },
        };
        // Who holds the server's key is found by a login only: one that came to nothing saw nothing.
        let sight = match (sight, served.login.as_ref().map(|login| &login.ended)) {
            (Sight::AsExpected | Sight::NothingToCompare, Some(LoggedIn::Failed { why })) => {
                Sight::Blind { why: format!("the login did not end: {why}") }
            }
            (Sight::AsExpected | Sight::NothingToCompare, Some(LoggedIn::PasswordRefused)) => {
                Sight::Blind { why: "the account or its password is refused".to_owned() }
            }
            (sight, _) => sight,
        };
        (Some(key), sight)
    }

    /// A client that trusts the expected certificate alone did not get it.
    fn refused(&mut self) -> (Option<KeyVerdict>, Sight) {
        let why = "a client that trusts nothing but the expected certificate refused what it got"
            .to_owned();
        let port = self.observation.service.port;
        self.add(Kind::ForeignUntrusted, format!("on port {port} {why}"), "refused");
        (Some(KeyVerdict::Foreign { why }), Sight::Found)
    }

    fn key(&mut self, leaf: &Leaf, chain: &[Vec<u8>]) -> KeyVerdict {
        let Observation { service, at, .. } = self.observation;
        let since = leaf.spki_sha256.and_then(|key| self.known.foreign_since.get(&key).copied());
        let since = since.map_or(*at, |since| since.min(*at));
        let mut verdict = self.expected.keys.judge(leaf, &service.domain, since, self.now);
        // Whoever shows one new key after the other does not get the hold time for each.
        let first = self.known.foreign_since.values().min();
        if let (KeyVerdict::Pending { .. }, Some(first)) = (&verdict, first)
            && self.known.foreign_since.len() >= PENDING_KEYS_MAX
        {
            verdict = self.expected.keys.judge(leaf, &service.domain, *first, self.now);
        }
        if let KeyVerdict::Foreign { why } = &verdict {
            let roots = self.expected.roots;
            let mut roots = [roots.public, roots.own].into_iter();
            let is_trusted = roots.any(|roots| {
                let found = trust(chain, &service.domain, roots, self.now);
                matches!(found, Trust::Rooted { validity: Validity::Now, .. })
            });
            let kind = if is_trusted { Kind::ForeignKey } else { Kind::ForeignUntrusted };
            let text = format!("on port {} a certificate is served of which {why}", service.port);
            self.add(kind, text, &short(leaf.spki_sha256.as_ref()));
        }
        verdict
    }

    fn certificate(&mut self, leaf: &Leaf, chain: &[Vec<u8>], served: &Served) {
        let domain = &self.observation.service.domain;
        let (expected, now, id) = (self.expected, self.now, short(Some(&leaf.sha256)));
        let public = trust(chain, domain, expected.roots.public, now);
        let found = match (&public, expected.roots.own) {
            (Trust::NotRooted { .. }, own) if !own.is_empty() => trust(chain, domain, own, now),
            _ => public.clone(),
        };
        // Whom clients do not trust by the CA's word they may by the zone's.
        let by_zone = match &expected.tlsa {
            TlsaView::Secure(records) => agrees(records, chain),
            TlsaView::NotAsked | TlsaView::Nothing | TlsaView::CouldNotTell { .. } => None,
        };
        match &found {
            Trust::NotRooted { why } => {
                if by_zone != Some(true) {
                    self.add(
                        Kind::NotRooted,
                        format!("its chain leads to no root that clients trust: {why}"),
                        &id,
                    );
                }
            }
            Trust::Rooted { is_for_domain: false, .. } => {
                let text = "its certificate is for other names".to_owned();
                self.add(Kind::OtherName, text, &id);
            }
            Trust::Rooted { .. } => {}
        }
        match (leaf.not_before, leaf.not_after) {
            (_, Some(until)) if now > until => {
                self.add(Kind::Expired, format!("its certificate has run out at {until:.0}"), &id);
            }
            (Some(from), _) if now < from => {
                self.add(
                    Kind::NotYetValid,
                    format!("its certificate is valid from {from:.0} on only"),
                    &id,
                );
            }
            (Some(from), Some(until)) if until.duration_since(now) < expiring(from, until) => {
                self.add(Kind::Expiring, format!("its certificate runs out at {until:.0}"), &id);
            }
            _ => {}
        }
        if by_zone == Some(false) {
            let text =
                "its certificate is none of those that the TLSA records of its signed zone name"
                    .to_owned();
            self.add(Kind::DaneMismatch, text, &id);
        }
        if let (Trust::Rooted { issuer_spki, .. }, Some(logs)) = (&public, expected.logs) {
            self.scts(&chain[0], issuer_spki, logs, served, &id);
            self.logged(leaf, &id);
        }
        if let Some(CaaThen::Forbade { at, .. }) = &expected.caa {
            let at = crate::plain::plain(at);
            self.add(
                Kind::CaaForbade,
                format!("the CAA records of {at} forbade its CA to issue it"),
                &id,
            );
        }
    }

    /// SCTs may come in three ways (RFC 6962 §3.3). Those in an OCSP answer are not looked at: no CA makes such.
    fn scts(
        &mut self,
        certificate: &[u8],
        issuer_spki: &[u8],
        logs: Logs<'_>,
        served: &Served,
        id: &str,
    ) {
        let presented = Presented { certificate, issuer_spki };
        let verdict = judge_scts(&COUNTERSIGN, logs.rung, presented, logs.list, self.now);
        let forged = verdict.scts.iter().any(|sct| matches!(sct.worth, Worth::Bad(_)));
        if forged {
            let text = "it has an SCT that the log which it names did not sign".to_owned();
            self.add(Kind::ForgedSct, text, id);
        }
        let by_handshake = |verdict: &SctVerdict| {
            let list = served.handshake.scts.as_deref().unwrap_or_default();
            in_handshake(list, certificate, logs, self.now) >= verdict.needed.max(1)
        };
        match &verdict.outcome {
            SctOutcome::Satisfied | SctOutcome::NotAsked => {}
            SctOutcome::Missing(_) if by_handshake(&verdict) => {}
            SctOutcome::Missing(missing) => {
                let missing: Vec<_> = missing.iter().map(ToString::to_string).collect();
                let text = format!("no browser would take its certificate: {}", missing.join(", "));
                self.add(Kind::Unlogged, text, id);
            }
            SctOutcome::Unreadable(why) => {
                self.add(Kind::Unlogged, format!("its SCTs cannot be read: {why}"), id);
            }
        }
    }

    fn logged(&mut self, leaf: &Leaf, id: &str) {
        // It was logged before it was issued, and that was not later than it became valid, give or take an hour.
        let Some(from) = leaf.not_before else { return };
        let issued = from.min(self.observation.at);
        if self.expected.ct.lacks(issued)
            && let CtView::Absent { read_through } = self.expected.ct
        {
            let text = format!(
                "its certificate is in none of the logs that are watched, all of which were read up to {read_through:.0}"
            );
            self.add(Kind::AbsentFromLogs, text, id);
        }
    }

    fn login(&mut self, served: &Served) {
        let Some(login) = &served.login else { return };
        match &login.ended {
            LoggedIn::BindingRefused => {
                let text = "the server sees another TLS session than we do".to_owned();
                self.add(Kind::BindingRefused, text, "");
            }
            LoggedIn::Downgraded => {
                let text = "the mechanisms that the server has signed are not those that arrived"
                    .to_owned();
                self.add(Kind::MechanismsChanged, text, "");
            }
            LoggedIn::ServerNotVerified => {
                let text = "whoever answered does not know the password of our account".to_owned();
                self.add(Kind::ServerNotVerified, text, "");
            }
            LoggedIn::NotTried
            | LoggedIn::Bound { .. }
            | LoggedIn::NotBound { .. }
            | LoggedIn::PasswordRefused
            | LoggedIn::NothingBinds
            | LoggedIn::Failed { .. } => {}
        }
        let offered_before = self.before().is_some_and(|before| before.plus);
        // Who says nothing has not left anything out.
        let is_silent =
            login.mechanisms.is_empty() && matches!(login.ended, LoggedIn::Failed { .. });
        if !is_silent && !login.binds() && (self.expected.plus || offered_before) {
            let text = match self.expected.plus {
                true => "no mechanism that binds to the channel is offered, and one should be",
                false => "no mechanism that binds to the channel is offered any more",
            };
            self.add(Kind::PlusStripped, text.to_owned(), "");
        }
    }

    fn before(&self) -> Option<&Agreed> {
        let before = self.known.with.get(&self.observation.stratum.client)?;
        before.is_fresh(self.observation.at).then_some(before)
    }

    /// Holds what was agreed upon against what the same client got before.
    fn agreed(&mut self) {
        let (Some(before), Some(now)) = (self.before().cloned(), agreed(self.observation)) else {
            return;
        };
        for (kind, text) in now.weaker_than(&before) {
            self.add(kind, text.clone(), &text);
        }
        if now.stack != before.stack {
            let text = "its software answers differently than before".to_owned();
            self.add(Kind::StackChanged, text, &now.stack);
        }
    }
}

impl Agreed {
    /// What was agreed upon longer ago says nothing about today.
    fn is_fresh(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) < AGREED_FOR
    }

    /// In what it is weaker than another.
    fn weaker_than(&self, before: &Self) -> Vec<(Kind, String)> {
        let mut weaker = Vec::new();
        if self.version < before.version {
            let (now, before) = (names::version(self.version), names::version(before.version));
            weaker
                .push((Kind::VersionLower, format!("it agreed to {now}, and to {before} before")));
        }
        if let (Some(now), Some(before)) = (self.group, before.group)
            && rank(now) < rank(before)
        {
            let (now, before) = (names::group(now), names::group(before));
            weaker.push((
                Kind::GroupLower,
                format!("it agreed to the group {now}, and to {before} before"),
            ));
        }
        weaker
    }
}

/// A service that has changed for the worse is told so for a week; then that is how it is.
const AGREED_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Whether it shows that whoever answered does not hold the key. What is cut off, or cannot be verified here, shows
/// nothing.
fn contradicts(why: Unproved) -> bool {
    matches!(why, Unproved::Signature | Unproved::Flaw(Flaw::Finished))
}

/// What the server's software looks like, to one client: its version, suite, group, and extensions in their order.
pub fn stack(handshake: &Handshake) -> String {
    let Some(server) = &handshake.server else { return String::new() };
    let extensions: Vec<_> =
        server.extensions.iter().map(|extension| format!("{:x}", extension.kind)).collect();
    let group = handshake.group.map_or_else(|| "-".to_owned(), |group| format!("{group:x}"));
    let retried = if handshake.retried { " retry" } else { "" };
    let (version, suite) = (handshake.version.unwrap_or_default(), server.suite);
    format!("{version:x} {suite:x} {group} {}{retried}", extensions.join("-"))
}

/// How far a handshake came, as one sentence without a capital letter or a full stop.
pub fn how_far(handshake: &Handshake) -> String {
    match (&handshake.chain, handshake.end) {
        (Shown::Unproved { why, .. }, _) => why.to_string(),
        (Shown::Hidden { why }, _) => why.to_string(),
        (_, End::Refused) => match handshake.alerts.first() {
            Some(alert) => alert.to_string(),
            None => End::Refused.to_string(),
        },
        (Shown::Resumed, _) => {
            "the session goes on from an earlier one, without a certificate".to_owned()
        }
        (Shown::Anonymous, _) => "the suite does without a certificate".to_owned(),
        (Shown::Proved { .. } | Shown::None, end) => end.to_string(),
    }
}

/// Groups of one rank are equally good: hybrids with a post-quantum part before all others, small ones last.
fn rank(group: u16) -> u8 {
    match group {
        // SecP256r1MLKEM768, X25519MLKEM768, SecP384r1MLKEM1024; X25519Kyber768Draft00.
        0x11eb..=0x11ed | 0x6399 => 2,
        // secp192 and smaller, sect233 and smaller, secp224.
        1..=8 | 15..=21 => 0,
        _ => 1,
    }
}

/// How many logs' SCTs of the handshake count.
fn in_handshake(list: &[u8], certificate: &[u8], logs: Logs<'_>, now: Timestamp) -> usize {
    let entry = SignedEntry::X509 { certificate };
    let mut counted = Vec::new();
    for sct in parse_list(list).into_iter().flatten().take(SCTS_MAX).flatten() {
        let Some(log) = logs.list.log(&sct.log_id) else { continue };
        let promised = i64::try_from(sct.timestamp_ms).ok();
        let Some(promised) = promised.and_then(|ms| Timestamp::from_millisecond(ms).ok()) else {
            continue;
        };
        let is_new = !counted.contains(&sct.log_id) && promised <= now;
        if is_new
            && log.standing(promised, now) != Standing::Untrusted
            && verify_sct(&sct, &entry, &log.key).is_ok()
        {
            counted.push(sct.log_id);
        }
    }
    counted.len()
}

/// As many as are verified of an embedded list.
const SCTS_MAX: usize = 16;

/// When a certificate is about to run out: a third of its life is left to renew it in, and half of that is over.
fn expiring(from: Timestamp, until: Timestamp) -> SignedDuration {
    until.duration_since(from).checked_div(6).unwrap_or(SignedDuration::ZERO)
}

/// A hash in a few digits.
fn short(hash: Option<&[u8; 32]>) -> String {
    hash.map_or_else(|| "unreadable".to_owned(), |hash| hex(&hash[..8]))
}

/// What a stratum is called in a sentence.
pub fn seen_from(stratum: &Stratum) -> String {
    let Stratum { vantage, client, port, family } = stratum;
    let family = match family {
        super::observation::Family::Unknown => String::new(),
        family => format!(", {family}"),
    };
    format!("{client} from {vantage} on port {port}{family}")
}

#[cfg(test)]
mod tests;
