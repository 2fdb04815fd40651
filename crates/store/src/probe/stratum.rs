//! What was seen by each kind of probe of each service: counts, for coverage.

use countersign_judge::probe::{Service, Stratum};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::looked_at;
use crate::column::{Millis, Unsigned};
use crate::error::StoreError;

/// What was seen by one kind of probe of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StratumRow {
    /// The service.
    pub service: Service,
    /// The kind of probe.
    pub stratum: Stratum,
    /// All of them.
    pub ever: Tally,
    /// Those in the window that was asked for.
    pub recent: Tally,
    /// When the first one began.
    pub first_at: Timestamp,
    /// When the last one did.
    pub last_at: Timestamp,
    /// The last one that found something.
    pub found_at: Option<Timestamp>,
    /// The last one that was not blind.
    pub looked_at: Option<Timestamp>,
    /// Those since then, which all were.
    pub blind: Option<BlindRun>,
}

/// Probes in a row that could not look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlindRun {
    /// When the first of them began.
    pub since: Timestamp,
    /// How many there are.
    pub probes: u64,
    /// Why the last one was blind.
    pub why: String,
}

/// Counts of probes. Whatever is in none of the others waits for somebody to register a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub probes: u64,
    /// Those that found something.
    pub found: u64,
    /// Those that saw a key that may serve, and nothing wrong.
    pub as_expected: u64,
    /// Those that saw nothing wrong, where nobody said which keys may serve.
    pub not_compared: u64,
    /// Those that could not look.
    pub blind: u64,
}

/// All that it needs is in the index that it names, in the order of the groups.
pub(crate) const STRATA: &str =
    "SELECT protocol, opening, port, vantage, client, family, min(at) AS first_at, max(at) AS last_at,
        max(at) FILTER (WHERE found) AS found_at, max(at) FILTER (WHERE found OR sight <> 'blind') AS looked_at,
        count(*) AS probes, count(*) FILTER (WHERE found) AS found,
        count(*) FILTER (WHERE NOT found AND sight = 'as-expected') AS as_expected,
        count(*) FILTER (WHERE NOT found AND sight = 'nothing-to-compare') AS not_compared,
        count(*) FILTER (WHERE NOT found AND sight = 'blind') AS blind,
        count(*) FILTER (WHERE at >= ?2) AS recent_probes,
        count(*) FILTER (WHERE at >= ?2 AND found) AS recent_found,
        count(*) FILTER (WHERE at >= ?2 AND NOT found AND sight = 'as-expected') AS recent_as_expected,
        count(*) FILTER (WHERE at >= ?2 AND NOT found AND sight = 'nothing-to-compare') AS recent_not_compared,
        count(*) FILTER (WHERE at >= ?2 AND NOT found AND sight = 'blind') AS recent_blind
    FROM probe INDEXED BY probe_by_stratum WHERE domain = ?1
    GROUP BY protocol, opening, port, vantage, client, family";
pub(crate) const BLIND_SINCE: &str =
    "SELECT min(at), count(*) FROM probe INDEXED BY probe_by_stratum
    WHERE domain = ?1 AND protocol = ?2 AND opening = ?3 AND port = ?4
        AND vantage = ?5 AND client = ?6 AND family = ?7 AND at > ?8";
pub(crate) const BLIND_LAST: &str = "SELECT detail FROM probe INDEXED BY probe_by_stratum
    WHERE domain = ?1 AND protocol = ?2 AND opening = ?3 AND port = ?4
        AND vantage = ?5 AND client = ?6 AND family = ?7 AND at = ?8 AND sight = 'blind' LIMIT 1";
/// Those that found what belongs to an incident, and when each did last.
pub(crate) const MET: &str =
    "SELECT protocol, opening, port, vantage, client, family, max(at) AS at
    FROM probe WHERE incident = ?1 GROUP BY protocol, opening, port, vantage, client, family";
pub(crate) const FINE_AFTER: &str = "SELECT 1 FROM probe INDEXED BY probe_by_stratum
    WHERE domain = ?1 AND protocol = ?2 AND opening = ?3 AND port = ?4
        AND vantage = ?5 AND client = ?6 AND family = ?7 AND at > ?8
        AND NOT found AND sight IN ('as-expected', 'nothing-to-compare') LIMIT 1";

pub(super) fn read(
    connection: &Connection,
    domain: &str,
    since: Timestamp,
) -> Result<Vec<StratumRow>, StoreError> {
    let mut select = connection.prepare_cached(STRATA)?;
    let rows = select.query_and_then((domain, Millis(since)), |row| row_of(row, domain))?;
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    for row in &mut rows {
        row.blind = blind(connection, row)?;
    }
    Ok(rows)
}

fn row_of(row: &Row<'_>, domain: &str) -> Result<StratumRow, StoreError> {
    let (service, stratum) = looked_at(row, domain.to_owned())?;
    let tally = |prefix: &str| -> rusqlite::Result<Tally> {
        let count = |column: &str| -> rusqlite::Result<u64> {
            Ok(row.get::<_, Unsigned>(format!("{prefix}{column}").as_str())?.0)
        };
        Ok(Tally {
            probes: count("probes")?,
            found: count("found")?,
            as_expected: count("as_expected")?,
            not_compared: count("not_compared")?,
            blind: count("blind")?,
        })
    };
    let time = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
        Ok(row.get::<_, Option<Millis>>(column)?.map(|at| at.0))
    };
    Ok(StratumRow {
        service,
        stratum,
        ever: tally("")?,
        recent: tally("recent_")?,
        first_at: row.get::<_, Millis>("first_at")?.0,
        last_at: row.get::<_, Millis>("last_at")?.0,
        found_at: time("found_at")?,
        looked_at: time("looked_at")?,
        blind: None,
    })
}

fn blind(connection: &Connection, row: &StratumRow) -> Result<Option<BlindRun>, StoreError> {
    if row.looked_at == Some(row.last_at) {
        return Ok(None);
    }
    let (service, stratum) = (&row.service, &row.stratum);
    let columns = |at: Timestamp| {
        (
            service.domain.as_str(),
            service.protocol.as_str(),
            service.opening.as_str(),
            service.port,
            stratum.vantage.as_str(),
            stratum.client.as_str(),
            stratum.family.as_str(),
            Millis(at),
        )
    };
    let mut select = connection.prepare_cached(BLIND_SINCE)?;
    let after = row.looked_at.unwrap_or(Timestamp::MIN);
    let (since, probes) = select.query_row(columns(after), |row| {
        Ok((row.get::<_, Millis>(0)?.0, row.get::<_, Unsigned>(1)?.0))
    })?;
    let mut select = connection.prepare_cached(BLIND_LAST)?;
    let why = select.query_row(columns(row.last_at), |row| row.get(0))?;
    Ok(Some(BlindRun { since, probes, why }))
}

/// Whether each kind of probe that found something of an incident has seen later that nothing is wrong.
pub(super) fn all_fine(
    connection: &Connection,
    domain: &str,
    incident: &Unsigned,
) -> Result<bool, StoreError> {
    let mut met = connection.prepare_cached(MET)?;
    let mut rows = met.query([incident])?;
    let mut fine_after = connection.prepare_cached(FINE_AFTER)?;
    while let Some(row) = rows.next()? {
        let (service, stratum) = looked_at(row, domain.to_owned())?;
        let fine: Option<i64> = fine_after
            .query_row(
                (
                    domain,
                    service.protocol.as_str(),
                    service.opening.as_str(),
                    service.port,
                    &stratum.vantage,
                    &stratum.client,
                    stratum.family.as_str(),
                    row.get::<_, Millis>("at")?,
                ),
                |row| row.get(0),
            )
            .optional()?;
        if fine.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}
