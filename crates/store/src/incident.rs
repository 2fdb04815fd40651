//! Incidents: what nobody here asked for, opened once, and closed when somebody asked for it after all.
//!
//! ```text
//!            judged unexpected              authorized after all
//!   nothing ───────────────────▶ open, reported ───────────────▶ closed, reported
//!                                 │ acknowledged: somebody is on it; it stays open
//!                                 │ updated, reported: more was found of the same zone or domain; nobody is on that yet
//! ```
//!
//! What is found of one zone, or of one domain, while an incident about it is open belongs to that one: who takes it over
//! changes many things at once.

use countersign_judge::Severity;
use countersign_judge::decision::ToldFinding;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::column::{self, Millis, Unsigned};
use crate::error::StoreError;
use crate::evidence;
use crate::judgement::{read_finding, severity};
use crate::report::{self, Change};
use crate::sighting::{self, SightingId};
use crate::store::{Desk, Reader};

pub(crate) mod running;

/// Which incident. Later ones have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncidentId(pub u64);

/// What an incident is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A certificate: SHA-256 of its TBSCertificate, as in sightings.
    Certificate {
        /// See [`crate::sighting::NewSighting::tbs_sha256`].
        tbs_sha256: [u8; 32],
    },
    /// What a log promised about one of our own certificates.
    Promise {
        /// The certificate.
        tbs_sha256: [u8; 32],
        /// The log.
        log: [u8; 32],
    },
    /// The delegation of a zone.
    Delegation {
        /// See [`Subject::of_zone`].
        zone_sha256: [u8; 32],
    },
    /// What probes of the services of a domain met.
    Probe {
        /// See [`Subject::of_domain`].
        domain_sha256: [u8; 32],
    },
}

/// An incident, as it goes in.
#[derive(Clone, Copy, Debug)]
pub struct NewIncident<'a> {
    /// What it is about.
    pub subject: Subject,
    /// How much it matters.
    pub severity: Severity,
    /// One line.
    pub title: &'a str,
    /// What is wrong.
    pub findings: &'a [ToldFinding],
}

/// An incident, as it was kept. What it says is what was told when it opened, and in the updates since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Which.
    pub id: IncidentId,
    /// What it is about.
    pub subject: Subject,
    /// How much it matters.
    pub severity: Severity,
    /// One line.
    pub title: String,
    /// What is wrong.
    pub findings: Vec<ToldFinding>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When it was closed, and why.
    pub closed: Option<(Timestamp, String)>,
    /// When somebody took it on, and in which words.
    pub acknowledged: Option<(Timestamp, String)>,
    /// The entries with the certificate, in whatever logs, also those found later.
    pub sightings: Vec<SightingId>,
    /// The zone, if it is about one.
    pub zone: Option<String>,
    /// The domain that was probed, if it is about one.
    pub domain: Option<String>,
    /// When more was found the last time.
    pub updated_at: Option<Timestamp>,
    /// What an incident about a zone or a domain can be shown with: labels and SHA-256s. [`Reader::evidence`] has the bytes.
    pub evidence: Vec<(String, [u8; 32])>,
}

/// Which incidents to list.
#[derive(Clone, Copy, Debug)]
pub struct IncidentFilter {
    /// The first ones after this; `None`: the last ones. To page on, give the last id of the page.
    pub after: Option<IncidentId>,
    /// Open ones only, or all.
    pub which: Which,
    /// At most so many.
    pub limit: u32,
}

/// Which incidents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that are not closed.
    Open,
    /// All.
    All,
}

/// What became of an incident, or a trouble, that somebody acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// It is acknowledged now.
    Now,
    /// It was before. Its words stay.
    Already,
    /// There is none.
    Unknown,
}

impl Desk {
    /// Notes that somebody has taken on an incident.
    pub fn acknowledge(
        &self,
        id: IncidentId,
        note: &str,
        now: Timestamp,
    ) -> Result<Acknowledged, StoreError> {
        self.write(|connection| {
            let mut update = connection.prepare_cached(
                "UPDATE incident SET acknowledged_at = ?2, acknowledged = ?3
                 WHERE id = ?1 AND (acknowledged_at IS NULL OR acknowledged_at < updated_at)",
            )?;
            if update.execute((Unsigned(id.0), Millis(now), note))? > 0 {
                return Ok(Acknowledged::Now);
            }
            let mut select = connection.prepare_cached(ONE)?;
            let known = select.exists([Unsigned(id.0)])?;
            Ok(if known { Acknowledged::Already } else { Acknowledged::Unknown })
        })
    }
}

impl Reader {
    /// Incidents, the newest last.
    pub fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<Incident>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(match (filter.which, filter.after) {
                (Which::All, Some(_)) => FIRST_AFTER,
                (Which::All, None) => LAST,
                (Which::Open, Some(_)) => FIRST_OPEN_AFTER,
                (Which::Open, None) => LAST_OPEN,
            })?;
            let after = column::after(filter.after.map(|id| id.0));
            let rows = select.query_and_then((after, filter.limit), |row| read(connection, row))?;
            let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
            rows.sort_unstable_by_key(|row| row.id);
            Ok(rows)
        })
    }

    /// One incident.
    pub fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        self.read(|connection| find(connection, id))
    }

    /// The certificates that have an open incident.
    pub fn unexpected(&self) -> Result<Vec<[u8; 32]>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(UNEXPECTED)?;
            Ok(select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
        })
    }

    /// How many incidents are open, and how many of these nobody has taken on.
    pub fn open_incidents(&self) -> Result<(u64, u64), StoreError> {
        self.read(|connection| open_count(connection))
    }
}

// As in sightings, the `> ?1` of the last ones changes nothing: there it is 0.
pub(crate) const FIRST_AFTER: &str = "SELECT * FROM incident WHERE id > ?1 ORDER BY id LIMIT ?2";
pub(crate) const LAST: &str = "SELECT * FROM incident WHERE id > ?1 ORDER BY id DESC LIMIT ?2";
pub(crate) const FIRST_OPEN_AFTER: &str =
    "SELECT * FROM incident WHERE closed_at IS NULL AND id > ?1 ORDER BY id LIMIT ?2";
pub(crate) const LAST_OPEN: &str =
    "SELECT * FROM incident WHERE closed_at IS NULL AND id > ?1 ORDER BY id DESC LIMIT ?2";
pub(crate) const ONE: &str = "SELECT * FROM incident WHERE id = ?1";
pub(crate) const UNEXPECTED: &str =
    "SELECT subject FROM incident WHERE closed_at IS NULL AND kind = 'certificate'";
pub(crate) const OPEN_COUNT: &str =
    "SELECT count(*), coalesce(sum(acknowledged_at IS NULL OR coalesce(acknowledged_at < updated_at, FALSE)), 0)
    FROM incident WHERE closed_at IS NULL";
pub(crate) const OPEN_OF: &str = "SELECT id FROM incident
    WHERE subject = ?1 AND kind = ?2 AND log IS ?3 AND closed_at IS NULL";
pub(crate) const FINDINGS: &str =
    "SELECT kind, severity, text FROM incident_finding WHERE incident = ?1 ORDER BY ordinal";
pub(crate) const EVIDENCE: &str = "SELECT label, sha256 FROM incident_evidence
    JOIN evidence ON evidence.id = evidence WHERE incident = ?1 ORDER BY ordinal";

pub(crate) fn open_count(connection: &Connection) -> Result<(u64, u64), StoreError> {
    let mut select = connection.prepare_cached(OPEN_COUNT)?;
    let counts = select
        .query_row([], |row| Ok((row.get::<_, Unsigned>(0)?.0, row.get::<_, Unsigned>(1)?.0)));
    Ok(counts?)
}

/// Opens an incident, with its report, unless one about the same is open. The one that is open now.
pub(crate) fn open(
    connection: &Connection,
    new: &NewIncident<'_>,
    now: Timestamp,
) -> Result<IncidentId, StoreError> {
    if let Some(id) = open_of(connection, &new.subject)? {
        return Ok(id);
    }
    let (kind, tbs_sha256, log) = new.subject.columns();
    let mut insert = connection.prepare_cached(
        "INSERT INTO incident (kind, subject, log, severity, title, opened_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let row =
        insert.insert((kind, tbs_sha256, log, new.severity.as_str(), new.title, Millis(now)))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO incident_finding (incident, ordinal, kind, severity, text)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (ordinal, found) in (0i64..).zip(new.findings) {
        insert.execute((row, ordinal, &found.kind, found.severity.as_str(), &found.text))?;
    }
    let id = IncidentId(row.cast_unsigned());
    report::add(connection, &Change::IncidentOpened(id), now)?;
    Ok(id)
}

/// Closes the open incident about this, with its report, if there is one.
pub(crate) fn close(
    connection: &Connection,
    subject: &Subject,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(id) = open_of(connection, subject)? else { return Ok(()) };
    let mut update = connection
        .prepare_cached("UPDATE incident SET closed_at = ?2, closed_why = ?3 WHERE id = ?1")?;
    update.execute((Unsigned(id.0), Millis(now), why))?;
    report::add(connection, &Change::IncidentClosed(id), now)
}

pub(crate) fn open_of(
    connection: &Connection,
    subject: &Subject,
) -> Result<Option<IncidentId>, StoreError> {
    let (kind, tbs_sha256, log) = subject.columns();
    let mut select = connection.prepare_cached(OPEN_OF)?;
    let id = select.query_row((tbs_sha256, kind, log), |row| row.get::<_, Unsigned>(0));
    Ok(id.optional()?.map(|id| IncidentId(id.0)))
}

/// An incident that another row refers to.
pub(crate) fn load(connection: &Connection, id: IncidentId) -> Result<Incident, StoreError> {
    find(connection, id)?
        .ok_or_else(|| StoreError::Damaged { what: format!("the incident {} is gone", id.0) })
}

fn find(connection: &Connection, id: IncidentId) -> Result<Option<Incident>, StoreError> {
    let mut select = connection.prepare_cached(ONE)?;
    select.query_and_then([Unsigned(id.0)], |row| read(connection, row))?.next().transpose()
}

fn read(connection: &Connection, row: &Row<'_>) -> Result<Incident, StoreError> {
    let id = IncidentId(row.get::<_, Unsigned>("id")?.0);
    let (kind, tbs_sha256): (String, [u8; 32]) = (row.get("kind")?, row.get("subject")?);
    let subject = match (kind.as_str(), row.get::<_, Option<[u8; 32]>>("log")?) {
        ("certificate", None) => Subject::Certificate { tbs_sha256 },
        ("promise", Some(log)) => Subject::Promise { tbs_sha256, log },
        ("delegation", None) => Subject::Delegation { zone_sha256: tbs_sha256 },
        ("probe", None) => Subject::Probe { domain_sha256: tbs_sha256 },
        _ => return Err(column::damaged("an incident", "kind", &kind)),
    };
    let mut findings = connection.prepare_cached(FINDINGS)?;
    let told = |at: &str, words: &str| -> Result<_, StoreError> {
        let at: Option<Millis> = row.get(at)?;
        let words: Option<String> = row.get(words)?;
        Ok(at.map(|at| at.0).zip(words))
    };
    let updated_at = row.get::<_, Option<Millis>>("updated_at")?.map(|at| at.0);
    let acknowledged = told("acknowledged_at", "acknowledged")?;
    let mut evidence = connection.prepare_cached(EVIDENCE)?;
    let evidence = evidence.query_map([Unsigned(id.0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Incident {
        id,
        subject,
        severity: severity(row)?,
        title: row.get("title")?,
        findings: findings
            .query_and_then([Unsigned(id.0)], read_finding)?
            .collect::<Result<_, _>>()?,
        opened_at: row.get::<_, Millis>("opened_at")?.0,
        closed: told("closed_at", "closed_why")?,
        // Whoever acknowledged it knew less than was found since.
        acknowledged: acknowledged
            .filter(|(at, _)| updated_at.is_none_or(|updated| *at >= updated)),
        sightings: match subject.tbs_sha256() {
            Some(tbs_sha256) => sighting::ids_of(connection, tbs_sha256)?,
            None => Vec::new(),
        },
        zone: row.get("zone")?,
        domain: row.get("domain")?,
        updated_at,
        evidence: evidence.collect::<Result<_, _>>()?,
    })
}

impl Subject {
    /// The delegation of the zone of this name.
    pub fn of_zone(name: &str) -> Self {
        Self::Delegation { zone_sha256: evidence::sha256(name.as_bytes()) }
    }

    /// The services of the domain of this name.
    pub fn of_domain(name: &str) -> Self {
        Self::Probe { domain_sha256: evidence::sha256(name.as_bytes()) }
    }

    /// The certificate that it is about; `None` if it is about a zone or a domain.
    pub fn tbs_sha256(&self) -> Option<&[u8; 32]> {
        match self {
            Self::Certificate { tbs_sha256 } | Self::Promise { tbs_sha256, .. } => Some(tbs_sha256),
            Self::Delegation { .. } | Self::Probe { .. } => None,
        }
    }

    fn columns(&self) -> (&'static str, &[u8; 32], Option<&[u8; 32]>) {
        match self {
            Self::Certificate { tbs_sha256 } => ("certificate", tbs_sha256, None),
            Self::Promise { tbs_sha256, log } => ("promise", tbs_sha256, Some(log)),
            Self::Delegation { zone_sha256 } => ("delegation", zone_sha256, None),
            Self::Probe { domain_sha256 } => ("probe", domain_sha256, None),
        }
    }
}

#[cfg(test)]
mod tests;
