//! Judges the SCTs that are embedded in a certificate: which count, which do not and why, and what is missing.
//!
//! ```text
//! certificate ──> its list of SCTs ──> one by one: known log? trusted when it promised? not of the future?
//!                                                        │ candidates
//!                       verify the one that brings most <┘ until nothing is missing, or nobody is left
//! ```
//!
//! A signature costs more than all the rest together, so no more of them are checked than the policy needs.
//! An SCT of an unknown log never does harm: it could be of a log that is newer than the list.
//!
//! # Limitations
//!
//! SCTs in the TLS handshake and in OCSP answers are not looked at: TLS libraries do not hand them out.

use jiff::Timestamp;

use crate::certificate::{
    CertificateError, embedded_list, is_precertificate, precert_tbs, validity_of,
};
use crate::key::BadSignature;
use crate::log_id::LogId;
use crate::log_list::{Api, Log, LogList, Standing, State};
use crate::policy::{OperatorOf, Policy, Row};
use crate::sct::{ListError, Sct, SctError, parse_list};
use crate::signed_entry::{SignedEntry, issuer_key_hash, verify_sct};

/// A certificate as a server presents it, and the key that issued it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented<'a> {
    /// In DER.
    pub certificate: &'a [u8],
    /// The SubjectPublicKeyInfo of the issuer, in DER with its header: of the next certificate in the *verified*
    /// chain, or of the trust anchor, and not of what the server sent second.
    pub issuer_spki: &'a [u8],
}

/// How much is asked, by the age of the list: see [`crate::enforcer::Ladder`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rung {
    /// The whole policy.
    Strict,
    /// The list is old: one verified SCT of a log that is trusted, and the policy's number of SCTs, of which the
    /// others may be of logs that the list does not know yet. Operators are not counted.
    Degraded,
}

/// Holds a certificate's embedded SCTs against a policy.
pub fn judge(
    policy: &Policy,
    rung: Rung,
    presented: Presented<'_>,
    logs: &LogList,
    now: Timestamp,
) -> Verdict {
    let mut verdict = Verdict { scts: Vec::new(), needed: 0, outcome: Outcome::Satisfied };
    match read(presented.certificate) {
        Err(why) => verdict.outcome = Outcome::Unreadable(why),
        Ok(Read { validity, .. }) if policy.from.is_some_and(|from| validity.0 < from) => {
            verdict.outcome = Outcome::NotAsked;
        }
        Ok(read) => {
            let row = policy.row(read.validity);
            verdict.needed = row.scts;
            let mut tally = Tally::new(policy, row, rung);
            verdict.scts = weigh(&read, presented.issuer_spki, logs, now, &mut tally);
            let missing = tally.missing();
            if !missing.is_empty() {
                verdict.outcome = Outcome::Missing(missing);
            }
        }
    }
    verdict
}

/// What a policy makes of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Each SCT, in the order of the certificate's list.
    pub scts: Vec<Weighed>,
    /// How many the certificate needs, by its lifetime.
    pub needed: usize,
    /// Whether that is enough.
    pub outcome: Outcome,
}

/// Whether the SCTs are enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are.
    Satisfied,
    /// The certificate is older than the policy, which asks nothing of it.
    NotAsked,
    /// They are not: this is missing, at least one thing.
    Missing(Vec<Missing>),
    /// Certificate or list cannot be read, so nothing counts.
    Unreadable(Unreadable),
}

/// What a certificate lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// SCTs.
    #[error("{needed} SCTs of different logs are needed, {counted} count")]
    Scts {
        /// By its lifetime.
        needed: usize,
        /// That count.
        counted: usize,
    },
    /// An SCT of a log that is trusted now.
    #[error("no SCT is of a log that is trusted now")]
    Current,
    /// Operators.
    #[error("SCTs of logs of {needed} operators are needed, those that count are of {counted}")]
    Operators {
        /// By the policy.
        needed: usize,
        /// Of the SCTs that count.
        counted: usize,
    },
    /// An SCT of a log with the API of RFC 6962.
    #[error("no SCT is of a log with the API of RFC 6962")]
    Rfc6962,
}

/// Why nothing in a certificate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The certificate cannot be taken apart, or has the extension twice.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The list cannot be taken apart.
    #[error(transparent)]
    List(#[from] ListError),
    /// It has more than [`SCTS_MAX`].
    #[error("the certificate has more than {SCTS_MAX} SCTs")]
    TooManyScts,
    /// It is a precertificate, which no server may present (RFC 6962 §3.1).
    #[error("this is a precertificate")]
    Precertificate,
}

/// One SCT, and what it is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weighed {
    /// Which log promised, if that can be read.
    pub log_id: Option<LogId>,
    /// The log's name, if the list knows it.
    pub log: Option<String>,
    /// When it promised, if it says a time.
    pub promised: Option<Timestamp>,
    /// What that is worth.
    pub worth: Worth,
}

/// What an SCT is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worth {
    /// It is verified and counts, for this operator.
    Counted(String),
    /// Its log is trusted; the signature was not checked, for nothing was missing any more, or because
    /// [`SIGNATURES_MAX`] had been checked.
    NotTried,
    /// No log of the list. On [`Rung::Degraded`] it counts as one of the number.
    UnknownLog,
    /// Its log is in this state, and was when it promised.
    UntrustedLog(State),
    /// Anybody can make SCTs of this log: its private key is public.
    PrivateKeyIsPublic,
    /// Another one of the same log counts.
    SameLog,
    /// It promises for a time that has not come.
    Future,
    /// The signature is not over this certificate, or not of that log.
    Bad(BadSignature),
    /// It is none.
    Unreadable(SctError),
}

/// Signatures that are checked for a certificate: a policy needs two or three, and whoever makes a certificate
/// of bad ones must not keep us busy.
pub const SIGNATURES_MAX: usize = 16;

/// SCTs of a certificate. Real ones have up to 13; each is kept with the verdict and told.
pub const SCTS_MAX: usize = 64;

/// A certificate, taken apart.
struct Read<'a> {
    certificate: &'a [u8],
    validity: (Timestamp, Timestamp),
    scts: Vec<Result<Sct, SctError>>,
}

fn read(certificate: &[u8]) -> Result<Read<'_>, Unreadable> {
    if is_precertificate(certificate)? {
        return Err(Unreadable::Precertificate);
    }
    let validity = validity_of(certificate)?;
    let scts = match embedded_list(certificate)? {
        Some(list) => parse_list(list)?,
        None => Vec::new(),
    };
    if scts.len() > SCTS_MAX {
        return Err(Unreadable::TooManyScts);
    }
    Ok(Read { certificate, validity, scts })
}

/// Tries one after another, the one first that brings most.
fn weigh<'a>(
    read: &'a Read<'_>,
    issuer_spki: &[u8],
    logs: &'a LogList,
    now: Timestamp,
    tally: &mut Tally<'a>,
) -> Vec<Weighed> {
    let mut weighed: Vec<Weighed> =
        read.scts.iter().map(|sct| at_sight(sct, logs, now, tally.policy)).collect();
    tally.count_unknown(&weighed);
    let mut candidates: Vec<Candidate<'a>> = read
        .scts
        .iter()
        .zip(&weighed)
        .enumerate()
        .filter(|(_, (_, weighed))| weighed.worth == Worth::NotTried)
        .filter_map(|(index, (sct, weighed))| {
            Candidate::new(index, sct.as_ref().ok()?, logs, weighed.promised?, now, tally.policy)
        })
        .collect();
    let mut entry = None;
    for _ in 0..SIGNATURES_MAX {
        let gains = candidates.iter().map(|candidate| tally.gain(candidate));
        // The first of those that bring most.
        let best = gains.enumerate().rev().max_by_key(|(_, gain)| *gain);
        let Some((best, 1..)) = best else { break };
        let candidate = candidates.remove(best);
        let (issuer_key_hash, tbs) = entry.get_or_insert_with(|| {
            let tbs = precert_tbs(read.certificate).expect("its list of SCTs was read");
            (issuer_key_hash(issuer_spki), tbs)
        });
        let entry = SignedEntry::Precert { issuer_key_hash: *issuer_key_hash, tbs };
        let index = candidate.index;
        weighed[index].worth = match verify_sct(candidate.sct, &entry, &candidate.log.key) {
            Ok(()) => {
                for same in candidates.iter().filter(|other| other.is_of_log_of(&candidate)) {
                    weighed[same.index].worth = Worth::SameLog;
                }
                candidates.retain(|other| !other.is_of_log_of(&candidate));
                let operator = candidate.operators[0].to_owned();
                tally.count(candidate);
                Worth::Counted(operator)
            }
            Err(bad) => Worth::Bad(bad),
        };
    }
    weighed
}

/// What can be said without its signature.
fn at_sight(
    sct: &Result<Sct, SctError>,
    logs: &LogList,
    now: Timestamp,
    policy: &Policy,
) -> Weighed {
    let sct = match sct {
        Ok(sct) => sct,
        Err(why) => {
            let worth = Worth::Unreadable(*why);
            return Weighed { log_id: None, log: None, promised: None, worth };
        }
    };
    let log = logs.log(&sct.log_id);
    let promised = sct.timestamp();
    let worth = match (log, promised) {
        (_, None) => Worth::Future,
        (_, Some(promised))
            if promised > now.saturating_add(policy.future_max).expect("no span") =>
        {
            Worth::Future
        }
        (None, _) if sct.log_id.private_key_is_public() => Worth::PrivateKeyIsPublic,
        (None, _) => Worth::UnknownLog,
        (Some(log), Some(promised)) => match log.standing(promised, now) {
            Standing::Current | Standing::Former => Worth::NotTried,
            Standing::Untrusted => Worth::UntrustedLog(log.state_at(now)),
        },
    };
    let log = log.map(|log| log.description.clone());
    Weighed { log_id: Some(sct.log_id), log, promised, worth }
}

/// An SCT whose signature would make it count.
struct Candidate<'a> {
    index: usize,
    sct: &'a Sct,
    log: &'a Log,
    /// Who ran it when it promised, and who runs it, as far as the policy asks.
    operators: [&'a str; 2],
    standing: Standing,
}

impl<'a> Candidate<'a> {
    fn new(
        index: usize,
        sct: &'a Sct,
        logs: &'a LogList,
        promised: Timestamp,
        now: Timestamp,
        policy: &Policy,
    ) -> Option<Self> {
        let log = logs.log(&sct.log_id)?;
        let (promise, today) = (log.operator_at(promised), &*log.operator);
        let operators = match policy.operator {
            OperatorOf::Promise => [promise; 2],
            OperatorOf::Today => [today; 2],
            OperatorOf::Both => [promise, today],
        };
        Some(Self { index, sct, log, operators, standing: log.standing(promised, now) })
    }

    fn is_of_log_of(&self, other: &Self) -> bool {
        self.sct.log_id == other.sct.log_id
    }

    fn is_of_operator_of(&self, other: &Self) -> bool {
        self.operators.iter().any(|operator| other.operators.contains(operator))
    }

    fn is_current(&self) -> bool {
        self.standing == Standing::Current
    }

    fn is_rfc6962(&self) -> bool {
        matches!(self.log.api, Api::Rfc6962 { .. })
    }
}

/// What counts so far.
struct Tally<'a> {
    policy: &'a Policy,
    row: Row,
    rung: Rung,
    counted: Vec<Candidate<'a>>,
    /// SCTs of different logs that the list does not know.
    unknown: usize,
}

impl<'a> Tally<'a> {
    fn new(policy: &'a Policy, row: Row, rung: Rung) -> Self {
        Self { policy, row, rung, counted: Vec::new(), unknown: 0 }
    }

    fn count_unknown(&mut self, weighed: &[Weighed]) {
        if self.rung == Rung::Degraded {
            let unknown = weighed.iter().filter(|sct| sct.worth == Worth::UnknownLog);
            let mut ids: Vec<_> = unknown.map(|sct| sct.log_id).collect();
            ids.sort_unstable();
            ids.dedup();
            self.unknown = ids.len();
        }
    }

    fn count(&mut self, candidate: Candidate<'a>) {
        self.counted.push(candidate);
    }

    /// What the policy lacks still.
    fn missing(&self) -> Vec<Missing> {
        let mut missing = Vec::new();
        let counted = self.scts();
        if counted < self.row.scts {
            missing.push(Missing::Scts { needed: self.row.scts, counted });
        }
        if self.lacks_current() {
            missing.push(Missing::Current);
        }
        if self.lacks_operator() {
            let (needed, counted) = (self.policy.operators_min, self.operators());
            missing.push(Missing::Operators { needed, counted });
        }
        if self.lacks_rfc6962() {
            missing.push(Missing::Rfc6962);
        }
        missing
    }

    /// Of how many things that are missing the candidate would bring one.
    fn gain(&self, candidate: &Candidate<'_>) -> usize {
        let of_operator =
            self.counted.iter().filter(|one| one.is_of_operator_of(candidate)).count();
        let brings = [
            self.scts() < self.row.scts && of_operator < self.of_one_operator_max(),
            self.lacks_current() && candidate.is_current(),
            self.lacks_operator() && of_operator == 0,
            self.lacks_rfc6962() && candidate.is_rfc6962(),
        ];
        brings.into_iter().filter(|brings| *brings).count()
    }

    /// How many count towards the number, of one operator no more than the policy has it.
    fn scts(&self) -> usize {
        let max = self.of_one_operator_max();
        self.unknown + self.by_operator().iter().map(|count| (*count).min(max)).sum::<usize>()
    }

    fn lacks_current(&self) -> bool {
        !self.counted.iter().any(Candidate::is_current)
    }

    fn lacks_operator(&self) -> bool {
        self.rung == Rung::Strict && self.operators() < self.policy.operators_min
    }

    fn lacks_rfc6962(&self) -> bool {
        let counted = self.counted.iter().filter(|candidate| candidate.is_rfc6962()).count();
        self.rung == Rung::Strict && counted < self.policy.rfc6962_min
    }

    fn of_one_operator_max(&self) -> usize {
        match self.rung {
            Rung::Strict => self.row.of_one_operator_max,
            Rung::Degraded => usize::MAX,
        }
    }

    fn operators(&self) -> usize {
        self.by_operator().len()
    }

    /// How many count of each operator.
    fn by_operator(&self) -> Vec<usize> {
        let mut firsts: Vec<(&Candidate<'_>, usize)> = Vec::new();
        for counted in &self.counted {
            match firsts.iter_mut().find(|(first, _)| first.is_of_operator_of(counted)) {
                Some((_, count)) => *count += 1,
                None => firsts.push((counted, 1)),
            }
        }
        firsts.into_iter().map(|(_, count)| count).collect()
    }
}

#[cfg(test)]
mod tests;
