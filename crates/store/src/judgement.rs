//! Judgements: what was made of each certificate, and what came of it.
//!
//! The decision is the caller's. Here it becomes true, all of it at once: the judgement, the incident that it opens
//! or closes, the report of that, and that these sightings have been judged. A crash repeats all of it or nothing.

use countersign_judge::decision::{Told, ToldFinding};
use countersign_judge::{RuleId, Severity, Verdict};
use jiff::Timestamp;
use rusqlite::{Connection, Row};

use crate::column::{self, Millis, Unsigned};
use crate::error::StoreError;
use crate::incident::{self, NewIncident, Subject};
use crate::proof;
use crate::sighting::SightingId;
use crate::store::{Reader, Store};

/// A decision on one certificate, as it goes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// Which certificate: SHA-256 of its TBSCertificate, as in sightings.
    pub tbs_sha256: [u8; 32],
    /// When its first entry was found.
    pub first_seen_at: Timestamp,
    /// The decision, in words.
    pub told: Told,
    /// One line on it.
    pub title: String,
    /// How much it matters.
    pub severity: Severity,
}

/// A decision, as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// As in [`Judged`].
    pub tbs_sha256: [u8; 32],
    /// As in [`Judged`].
    pub first_seen_at: Timestamp,
    /// As in [`Judged`].
    pub told: Told,
    /// As in [`Judged`].
    pub title: String,
    /// As in [`Judged`].
    pub severity: Severity,
    /// When it was decided.
    pub judged_at: Timestamp,
}

impl Store {
    /// Makes decisions true, and notes that all sightings up to `judged_through` are judged.
    ///
    /// What is unexpected has one open incident for each certificate, whatever logs carry it. What is authorized
    /// after all has none: it is closed, with the rule that did it.
    pub fn judge(
        &self,
        judged: &[Judged],
        judged_through: Option<SightingId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            for judged in judged {
                judge(connection, judged, now)?;
            }
            let Some(through) = judged_through else { return Ok(()) };
            let mut update = connection.prepare_cached(
                "UPDATE watch SET judged_through =
                     max(judged_through, min(?1, coalesce((SELECT max(id) FROM sighting), 0)))",
            )?;
            update.execute([Unsigned(through.0)])?;
            Ok(())
        })
    }
}

impl Reader {
    /// The decision on a certificate that is in force.
    pub fn judgement(&self, tbs_sha256: &[u8; 32]) -> Result<Option<Judgement>, StoreError> {
        self.read(|connection| find(connection, tbs_sha256))
    }

    /// The certificates that wait for somebody to say that they are theirs; whose hold ends first comes first.
    pub fn pending(&self) -> Result<Vec<Judgement>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(PENDING)?;
            let rows = select.query_and_then([], |row| read(connection, row))?;
            rows.collect()
        })
    }

    /// Every sighting up to this was judged.
    pub fn judged_through(&self) -> Result<SightingId, StoreError> {
        self.read(|connection| {
            let mut select =
                connection.prepare_cached("SELECT judged_through FROM watch WHERE one = 1")?;
            Ok(SightingId(select.query_row([], |row| row.get::<_, Unsigned>(0))?.0))
        })
    }

    /// How many certificates were found to be a third party's since then.
    pub fn third_party_since(&self, since: Timestamp) -> Result<u64, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(THIRD_PARTY)?;
            Ok(select.query_row([Millis(since)], |row| row.get::<_, Unsigned>(0))?.0)
        })
    }
}

pub(crate) const IN_FORCE: &str =
    "SELECT * FROM judgement WHERE tbs_sha256 = ?1 AND replaced_at IS NULL";
// All of them have a time; asked for so, they are looked up and not searched for.
pub(crate) const PENDING: &str = "SELECT * FROM judgement WHERE replaced_at IS NULL
    AND verdict = 'pending' AND pending_until > -9223372036854775808 ORDER BY pending_until";
pub(crate) const PENDING_COUNT: &str =
    "SELECT count(*) FROM judgement WHERE replaced_at IS NULL AND verdict = 'pending'";
pub(crate) const REPLACE: &str =
    "UPDATE judgement SET replaced_at = ?2 WHERE tbs_sha256 = ?1 AND replaced_at IS NULL";
pub(crate) const THIRD_PARTY: &str = "SELECT count(*) FROM judgement
    WHERE replaced_at IS NULL AND verdict = 'third-party' AND judged_at > ?1";
pub(crate) const RULES: &str =
    "SELECT rule FROM judgement_rule WHERE judgement = ?1 ORDER BY ordinal";
pub(crate) const FINDINGS: &str = "SELECT kind, severity, text FROM judgement_finding
    WHERE judgement = ?1 ORDER BY ordinal";

pub(crate) fn pending_count(connection: &Connection) -> Result<u64, StoreError> {
    let mut select = connection.prepare_cached(PENDING_COUNT)?;
    Ok(select.query_row([], |row| row.get::<_, Unsigned>(0))?.0)
}

fn judge(connection: &Connection, judged: &Judged, now: Timestamp) -> Result<(), StoreError> {
    let before = find(connection, &judged.tbs_sha256)?;
    if before.is_none_or(|before| before.told != judged.told) {
        keep(connection, judged, now)?;
    }
    let subject = Subject::Certificate { tbs_sha256: judged.tbs_sha256 };
    match judged.told.verdict {
        Verdict::Authorized | Verdict::ThirdParty => {
            proof::no_longer_wanted(connection, &judged.tbs_sha256)?;
            let rules: Vec<_> = judged.told.by.iter().map(ToString::to_string).collect();
            let why = format!("it is authorized after all, by {}", rules.join(", "));
            incident::close(connection, &subject, &why, now)
        }
        Verdict::Pending { .. } => proof::wanted(connection, &judged.tbs_sha256),
        Verdict::Unexpected => {
            proof::wanted(connection, &judged.tbs_sha256)?;
            let new = NewIncident {
                subject,
                severity: judged.severity,
                title: &judged.title,
                findings: &judged.told.findings,
            };
            incident::open(connection, &new, now).map(drop)
        }
    }
}

fn keep(connection: &Connection, judged: &Judged, now: Timestamp) -> Result<(), StoreError> {
    connection.prepare_cached(REPLACE)?.execute((judged.tbs_sha256, Millis(now)))?;
    let until = match judged.told.verdict {
        Verdict::Pending { until } => Some(Millis(until)),
        Verdict::Authorized | Verdict::ThirdParty | Verdict::Unexpected => None,
    };
    let mut insert = connection.prepare_cached(
        "INSERT INTO judgement (tbs_sha256, verdict, pending_until, first_seen_at, judged_at, title, severity)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let row = insert.insert((
        judged.tbs_sha256,
        judged.told.verdict.as_str(),
        until,
        Millis(judged.first_seen_at),
        Millis(now),
        &judged.title,
        judged.severity.as_str(),
    ))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO judgement_rule (judgement, ordinal, rule) VALUES (?1, ?2, ?3)",
    )?;
    for (ordinal, rule) in (0i64..).zip(&judged.told.by) {
        insert.execute((row, ordinal, rule.to_string()))?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO judgement_finding (judgement, ordinal, kind, severity, text)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (ordinal, found) in (0i64..).zip(&judged.told.findings) {
        insert.execute((row, ordinal, &found.kind, found.severity.as_str(), &found.text))?;
    }
    Ok(())
}

fn find(connection: &Connection, tbs_sha256: &[u8; 32]) -> Result<Option<Judgement>, StoreError> {
    let mut select = connection.prepare_cached(IN_FORCE)?;
    select.query_and_then([tbs_sha256], |row| read(connection, row))?.next().transpose()
}

fn read(connection: &Connection, row: &Row<'_>) -> Result<Judgement, StoreError> {
    let id: i64 = row.get("id")?;
    let verdict: String = row.get("verdict")?;
    let until: Option<Millis> = row.get("pending_until")?;
    let verdict = match (verdict.as_str(), until) {
        ("authorized", None) => Verdict::Authorized,
        ("third-party", None) => Verdict::ThirdParty,
        ("pending", Some(until)) => Verdict::Pending { until: until.0 },
        ("unexpected", None) => Verdict::Unexpected,
        _ => return Err(column::damaged("a judgement", "verdict", &verdict)),
    };
    let mut rules = connection.prepare_cached(RULES)?;
    let by = rules.query_and_then([id], |row| {
        let rule: String = row.get(0)?;
        rule.parse::<RuleId>().map_err(|_| column::damaged("a judgement", "rule", &rule))
    })?;
    let mut findings = connection.prepare_cached(FINDINGS)?;
    Ok(Judgement {
        tbs_sha256: row.get("tbs_sha256")?,
        first_seen_at: row.get::<_, Millis>("first_seen_at")?.0,
        told: Told {
            verdict,
            findings: findings.query_and_then([id], read_finding)?.collect::<Result<_, _>>()?,
            by: by.collect::<Result<_, StoreError>>()?,
        },
        title: row.get("title")?,
        severity: severity(row)?,
        judged_at: row.get::<_, Millis>("judged_at")?.0,
    })
}

pub(crate) fn read_finding(row: &Row<'_>) -> Result<ToldFinding, StoreError> {
    Ok(ToldFinding { kind: row.get("kind")?, severity: severity(row)?, text: row.get("text")? })
}

pub(crate) fn severity(row: &Row<'_>) -> Result<Severity, StoreError> {
    let severity: String = row.get("severity")?;
    severity.parse().map_err(|_| column::damaged("a row", "severity", &severity))
}

#[cfg(test)]
mod tests;
