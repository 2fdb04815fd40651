//! Incidents about domains: one at a time for each, opened with the first finding, updated with more, closed when every
//! kind of probe that met somebody has seen the service since, and nothing was found for a day.

use countersign_judge::decision::ToldFinding;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use super::{NewProbe, stratum};
use crate::column::{Millis, Unsigned};
use crate::error::StoreError;
use crate::evidence;
use crate::incident::running::{self, Findings};
use crate::incident::{self, IncidentId, Subject};

/// How long nothing must be found before an incident is closed. Whoever diverts a small share of the connections is met
/// now and then only, and that is one incident.
pub const CLOSES_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// Pieces of evidence that an incident has when handshakes no longer are kept that show nothing new. The other half of
/// its room is for those that do.
const PIECES_OF_SAME_MAX: i64 = 64;

/// What was told of a probe.
#[derive(Debug)]
pub(super) struct Told {
    /// The incident that its findings belong to.
    pub(super) incident: Option<IncidentId>,
    /// The row of the evidence of it, if that was kept.
    pub(super) exhibit: Option<i64>,
    /// Whether there is something to report.
    pub(super) is_news: bool,
}

/// Closes the incident about a domain that is probed no longer.
pub(super) fn close(
    connection: &Connection,
    domain: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let why = "the domain is no longer probed";
    incident::close(connection, &Subject::of_domain(domain), why, now)
}

/// Opens or updates the incident about the domain with what a probe found.
pub(super) fn tell(
    connection: &Connection,
    new: &NewProbe<'_>,
    is_probed: bool,
    now: Timestamp,
) -> Result<Told, StoreError> {
    if !is_probed || new.findings.is_empty() {
        return Ok(Told { incident: None, exhibit: None, is_news: false });
    }
    set_quiet(connection, &new.service.domain, None)?;
    let subject = Subject::of_domain(&new.service.domain);
    let open = incident::open_of(connection, &subject)?;
    let mut findings = findings(new, subject, now);
    let is_wanted = match open {
        None => true,
        Some(id) => {
            running::is_news(connection, id, &findings)?
                || running::count_pieces(connection, id)? < PIECES_OF_SAME_MAX
        }
    };
    let exhibit = new.exhibit.filter(|_| is_wanted);
    let pieces: Vec<_> =
        exhibit.map(|bytes| (label(new), evidence::sha256(bytes))).into_iter().collect();
    let exhibit = exhibit.map(|bytes| evidence::keep(connection, bytes)).transpose()?;
    for found in &mut findings.found {
        found.pieces.clone_from(&pieces);
    }
    let (id, is_news) = match open {
        None => (running::open(connection, &findings)?, true),
        Some(id) => (id, running::update(connection, id, &findings)?),
    };
    running::add_pieces(connection, id, &pieces, PIECES_OF_SAME_MAX)?;
    Ok(Told { incident: Some(id), exhibit, is_news })
}

fn findings<'a>(new: &NewProbe<'a>, subject: Subject, now: Timestamp) -> Findings<'a> {
    let found = new.findings.iter().map(|found| running::Found {
        mark: found.mark.clone(),
        told: found.told.clone(),
        pieces: Vec::new(),
    });
    let told: Vec<_> = new.findings.iter().map(|found| &found.told).collect();
    let title = title(&new.service.domain, &told);
    Findings { subject, name: &new.service.domain, title, found: found.collect(), at: now }
}

/// The worst of the findings, the first of those that are alike, and how many there are beside it.
fn title(domain: &str, told: &[&ToldFinding]) -> String {
    let worst = told.iter().rev().max_by_key(|told| told.severity);
    let text = worst.map_or("", |told| told.text.as_str());
    match told.len().saturating_sub(1) {
        0 => format!("{domain}: {text}"),
        more => format!("{domain}: {text} (and {more} more)"),
    }
}

fn label(new: &NewProbe<'_>) -> String {
    let (stratum, port, at) = (new.stratum, new.service.port, new.at);
    format!("handshake: {} from {} on port {port} at {at:.0}", stratum.client, stratum.vantage)
}

/// Closes the incident about the domain if what a probe saw ends it. Whether it did.
pub(super) fn settle(
    connection: &Connection,
    new: &NewProbe<'_>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let domain = new.service.domain.as_str();
    // Whoever was blind, or saw a key that nobody has registered yet, cannot say that nothing is wrong.
    let is_fine = matches!(new.sight, "as-expected" | "nothing-to-compare");
    if !new.findings.is_empty() || !is_fine {
        return Ok(false);
    }
    let subject = Subject::of_domain(domain);
    let Some(id) = incident::open_of(connection, &subject)? else { return Ok(false) };
    let mut select = connection.prepare_cached(QUIET_SINCE)?;
    let since: Option<Option<Millis>> = select.query_row([domain], |row| row.get(0)).optional()?;
    let Some(since) = since.flatten().map(|since| since.0) else {
        // Probes may be written down in another order than they began in.
        if last_found(connection, id)? < Some(new.at) {
            set_quiet(connection, domain, Some(new.at))?;
        }
        return Ok(false);
    };
    let is_over = new.at.duration_since(since) >= CLOSES_AFTER;
    if !is_over || !stratum::all_fine(connection, domain, &Unsigned(id.0))? {
        return Ok(false);
    }
    set_quiet(connection, domain, None)?;
    let why = format!(
        "nothing was found any more since {since:.0}, and all that had met something looked again"
    );
    incident::close(connection, &subject, &why, now)?;
    Ok(true)
}

fn last_found(connection: &Connection, id: IncidentId) -> Result<Option<Timestamp>, StoreError> {
    let mut select = connection.prepare_cached(LAST_FOUND)?;
    let at: Option<Millis> = select.query_row([Unsigned(id.0)], |row| row.get(0))?;
    Ok(at.map(|at| at.0))
}

pub(crate) const LAST_FOUND: &str = "SELECT max(at) FROM probe WHERE incident = ?1";
pub(crate) const QUIET_SINCE: &str = "SELECT quiet_since FROM probed WHERE domain = ?1";

fn set_quiet(
    connection: &Connection,
    domain: &str,
    since: Option<Timestamp>,
) -> Result<(), StoreError> {
    let mut update =
        connection.prepare_cached("UPDATE probed SET quiet_since = ?2 WHERE domain = ?1")?;
    update.execute((domain, since.map(Millis)))?;
    Ok(())
}
