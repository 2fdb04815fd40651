//! What is known of a service, in rows.

use countersign_judge::probe::Service;
use jiff::Timestamp;
use rusqlite::Connection;

use super::NewProbe;
use crate::column::Millis;
use crate::error::StoreError;

/// What the next probe of a service is held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeKnown {
    /// The keys that nobody had registered, and when each was first served; by key.
    pub foreign: Vec<([u8; 32], Timestamp)>,
    /// The best that it has agreed upon with each client; by client.
    pub agreed: Vec<AgreedRow>,
}

/// The best that a service has agreed upon with one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreedRow {
    /// The client.
    pub client: String,
    /// When it did so last.
    pub at: Timestamp,
    /// The version on the wire.
    pub version: u16,
    /// The group of the key exchange, if there was one.
    pub group: Option<u16>,
    /// Whether it offered a mechanism that binds to the channel.
    pub plus: bool,
    /// The server's own fingerprint.
    pub stack: String,
}

pub(crate) const FOREIGN: &str = "SELECT key, since FROM probe_foreign
    WHERE domain = ?1 AND protocol = ?2 AND opening = ?3 AND port = ?4 ORDER BY key";
pub(crate) const AGREED: &str = "SELECT * FROM probe_agreed
    WHERE domain = ?1 AND protocol = ?2 AND opening = ?3 AND port = ?4 ORDER BY client";

fn columns(service: &Service) -> (&str, &'static str, &'static str, u16) {
    (&service.domain, service.protocol.as_str(), service.opening.as_str(), service.port)
}

pub(super) fn read(connection: &Connection, service: &Service) -> Result<ProbeKnown, StoreError> {
    let mut select = connection.prepare_cached(FOREIGN)?;
    let foreign = select.query_map(columns(service), |row| {
        Ok((row.get("key")?, row.get::<_, Millis>("since")?.0))
    })?;
    let mut select = connection.prepare_cached(AGREED)?;
    let agreed = select.query_map(columns(service), |row| {
        Ok(AgreedRow {
            client: row.get("client")?,
            at: row.get::<_, Millis>("at")?.0,
            version: row.get("version")?,
            group: row.get("group")?,
            plus: row.get("plus")?,
            stack: row.get("stack")?,
        })
    })?;
    Ok(ProbeKnown {
        foreign: foreign.collect::<Result<_, _>>()?,
        agreed: agreed.collect::<Result<_, _>>()?,
    })
}

/// Puts what is known after a probe in the place of what was before. Row by row: most probes change one.
pub(super) fn replace(connection: &Connection, new: &NewProbe<'_>) -> Result<(), StoreError> {
    let old = read(connection, new.service)?;
    replace_foreign(connection, new, &old.foreign)?;
    replace_agreed(connection, new, &old.agreed)
}

fn replace_foreign(
    connection: &Connection,
    new: &NewProbe<'_>,
    old: &[([u8; 32], Timestamp)],
) -> Result<(), StoreError> {
    let (domain, protocol, opening, port) = columns(new.service);
    let mut delete = connection.prepare_cached(
        "DELETE FROM probe_foreign
         WHERE domain = ?1 AND protocol = ?2 AND opening = ?3 AND port = ?4 AND key = ?5",
    )?;
    for (key, _) in old.iter().filter(|(key, _)| new.foreign.iter().all(|(kept, _)| kept != key)) {
        delete.execute((domain, protocol, opening, port, key))?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO probe_foreign (domain, protocol, opening, port, key, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let is_old = |key: &[u8; 32], since: Timestamp| {
        // As they read back.
        old.iter().any(|(known, at)| known == key && at.as_millisecond() == since.as_millisecond())
    };
    for (key, since) in new.foreign.iter().filter(|(key, since)| !is_old(key, *since)) {
        insert.execute((domain, protocol, opening, port, key, Millis(*since)))?;
    }
    Ok(())
}

fn replace_agreed(
    connection: &Connection,
    new: &NewProbe<'_>,
    old: &[AgreedRow],
) -> Result<(), StoreError> {
    let (domain, protocol, opening, port) = columns(new.service);
    let mut delete = connection.prepare_cached(
        "DELETE FROM probe_agreed
         WHERE domain = ?1 AND protocol = ?2 AND opening = ?3 AND port = ?4 AND client = ?5",
    )?;
    for row in old.iter().filter(|row| new.agreed.iter().all(|kept| kept.client != row.client)) {
        delete.execute((domain, protocol, opening, port, &row.client))?;
    }
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO probe_agreed
             (domain, protocol, opening, port, client, at, version, \"group\", plus, stack)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for row in new.agreed.iter().filter(|row| !old.contains(row)) {
        insert.execute((
            domain,
            protocol,
            opening,
            port,
            &row.client,
            Millis(row.at),
            row.version,
            row.group,
            row.plus,
            &row.stack,
        ))?;
    }
    Ok(())
}
