//! Domains whose services are probed: what each probe saw, what is known of each service, and what came of it.
//!
//! A probe is one transaction: its row, what is known of the service after it, the evidence, and the incident with its
//! report. What the words of a probe mean is the judge's; the store counts by them what coverage is made of.
//!
//! # Limitations
//!
//! Rows of probes are kept for ever, some 400 octets each. A kind of probe that met somebody and is then taken out of the
//! configuration keeps the incident open until the domain is taken out as well: nothing says that it would see the service.

pub(crate) mod incident;
pub(crate) mod known;
pub(crate) mod stratum;

use std::net::SocketAddr;

use countersign_judge::decision::ToldFinding;
use countersign_judge::probe::{Opening, Service, Stratum};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use crate::column::{Millis, Unsigned, damaged};
use crate::error::StoreError;
use crate::incident::{IncidentId, Subject};
use crate::store::{Reader, Store};

pub use incident::CLOSES_AFTER;
pub use known::{AgreedRow, ProbeKnown};
pub use stratum::{BlindRun, StratumRow, Tally};

/// Which probe. Later ones have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub u64);

/// A domain, and how the probing of it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbedRow {
    /// Its name.
    pub domain: String,
    /// Since when it is probed.
    pub added_at: Timestamp,
    /// When it was taken out of the configuration; `None` while it is in.
    pub removed_at: Option<Timestamp>,
    /// Since when nothing is found while an incident is open.
    pub quiet_since: Option<Timestamp>,
    /// The incident about it that is open.
    pub incident: Option<IncidentId>,
}

/// A probe, as it goes in.
#[derive(Clone, Copy, Debug)]
pub struct NewProbe<'a> {
    /// When it began.
    pub at: Timestamp,
    /// What was looked at.
    pub service: &'a Service,
    /// From where, and as whom. Its port is the service's.
    pub stratum: &'a Stratum,
    /// The host that was connected to.
    pub host: &'a str,
    /// The address, where it is known.
    pub peer: Option<SocketAddr>,
    /// What it saw, in the judge's word.
    pub sight: &'a str,
    /// And in our words: why it was blind, for one.
    pub detail: &'a str,
    /// SHA-256 of the SubjectPublicKeyInfo that was shown.
    pub key: Option<[u8; 32]>,
    /// What was made of the key, in a word.
    pub verdict: Option<&'a str>,
    /// The handshake for others. It is kept if there are findings, as far as their incident has room.
    pub exhibit: Option<&'a [u8]>,
    /// What somebody is to be told. Nothing that is only noted.
    pub findings: &'a [Found],
    /// All that is known of the service's foreign keys after it: what [`Reader::probe_known`] gave, and what was learned.
    pub foreign: &'a [([u8; 32], Timestamp)],
    /// All that it agreed upon with clients, likewise.
    pub agreed: &'a [AgreedRow],
}

/// Something that a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// By it the same is known again: its first word is the kind.
    pub mark: String,
    /// In words.
    pub told: ToldFinding,
}

/// What came of a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Which it is.
    pub id: ProbeId,
    /// Whether there is something to report.
    pub is_news: bool,
}

/// A probe, as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbeRow {
    /// Which.
    pub id: ProbeId,
    /// When it began.
    pub at: Timestamp,
    /// What was looked at.
    pub service: Service,
    /// From where, and as whom.
    pub stratum: Stratum,
    /// The host that was connected to.
    pub host: String,
    /// The address, where it is known.
    pub peer: Option<SocketAddr>,
    /// What it saw, in the judge's word.
    pub sight: String,
    /// And in our words.
    pub detail: String,
    /// SHA-256 of the SubjectPublicKeyInfo that was shown.
    pub key: Option<[u8; 32]>,
    /// What was made of the key, in a word.
    pub verdict: Option<String>,
    /// Whether somebody was to be told.
    pub found: bool,
    /// The incident that its findings belong to. `None` of a domain that was no longer probed.
    pub incident: Option<IncidentId>,
    /// SHA-256 of the handshake for others. [`Reader::evidence`] has the bytes.
    pub exhibit: Option<[u8; 32]>,
}

/// Rows that one call gives: a day of a probe each twenty seconds. Whoever wants to count more asks
/// [`Reader::strata`].
pub const PROBES_MAX: u32 = 4320;

impl Store {
    /// Says which domains are probed from now on. One that is no longer is kept, and an incident about it closed.
    pub fn watch_probes(&self, domains: &[String], now: Timestamp) -> Result<(), StoreError> {
        self.write(|connection| {
            let mut insert = connection.prepare_cached(
                "INSERT INTO probed (domain, added_at) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET removed_at = NULL",
            )?;
            for domain in domains {
                insert.execute((domain, Millis(now)))?;
            }
            let mut update = connection.prepare_cached(
                "UPDATE probed SET removed_at = ?2, quiet_since = NULL WHERE domain = ?1",
            )?;
            for row in all(connection)?.iter().filter(|row| row.removed_at.is_none()) {
                if !domains.contains(&row.domain) {
                    update.execute((&row.domain, Millis(now)))?;
                    incident::close(connection, &row.domain, now)?;
                }
            }
            Ok(())
        })
    }

    /// Writes down what a probe saw and what is known after it. Between this and the [`Reader::probe_known`] that it was
    /// judged by, no other probe of the service is written down: what that one learned would be lost.
    ///
    /// A probe that was under way as its domain was taken out of the configuration is kept, and opens no incident.
    pub fn note_probe(&self, new: &NewProbe<'_>, now: Timestamp) -> Result<Noted, StoreError> {
        self.write(|connection| {
            let mut select = connection.prepare_cached(IS_PROBED)?;
            let probed: Option<bool> =
                select.query_row([&new.service.domain], |row| row.get(0)).optional()?;
            let Some(is_probed) = probed else {
                return Err(StoreError::UnknownDomain { domain: new.service.domain.clone() });
            };
            known::replace(connection, new)?;
            let told = incident::tell(connection, new, is_probed, now)?;
            let id = insert(connection, new, &told)?;
            let is_closed = is_probed && incident::settle(connection, new, now)?;
            Ok(Noted { id, is_news: told.is_news || is_closed })
        })
    }
}

impl Reader {
    /// All domains that were ever probed, by their names.
    pub fn probed(&self) -> Result<Vec<ProbedRow>, StoreError> {
        self.read(|connection| all(connection))
    }

    /// What the next probe of a service is held against.
    pub fn probe_known(&self, service: &Service) -> Result<ProbeKnown, StoreError> {
        self.read(|connection| known::read(connection, service))
    }

    /// The probes of a domain that began at this time or later, in that order; of more than [`PROBES_MAX`] the newest.
    pub fn probes_since(
        &self,
        domain: &str,
        since: Timestamp,
    ) -> Result<Vec<ProbeRow>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(SINCE)?;
            let rows = select.query_and_then((domain, Millis(since), PROBES_MAX), row_of)?;
            let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
            rows.reverse();
            Ok(rows)
        })
    }

    /// What was seen of a domain by each kind of probe, of all time and since then.
    pub fn strata(&self, domain: &str, since: Timestamp) -> Result<Vec<StratumRow>, StoreError> {
        self.read(|connection| stratum::read(connection, domain, since))
    }
}

pub(crate) const IS_PROBED: &str = "SELECT removed_at IS NULL FROM probed WHERE domain = ?1";
pub(crate) const SINCE: &str = "SELECT probe.*, sha256 FROM probe
    LEFT JOIN evidence ON evidence.id = exhibit
    WHERE domain = ?1 AND at >= ?2 ORDER BY at DESC, probe.id DESC LIMIT ?3";

fn insert(
    connection: &Connection,
    new: &NewProbe<'_>,
    told: &incident::Told,
) -> Result<ProbeId, StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO probe (at, domain, protocol, opening, port, host, vantage, client, family, peer, sight, detail,
             key, key_verdict, found, incident, exhibit)
         VALUES (:at, :domain, :protocol, :opening, :port, :host, :vantage, :client, :family, :peer, :sight, :detail,
             :key, :key_verdict, :found, :incident, :exhibit)",
    )?;
    let row = insert.insert(named_params! {
        ":at": Millis(new.at),
        ":domain": new.service.domain,
        ":protocol": new.service.protocol.as_str(),
        ":opening": new.service.opening.as_str(),
        ":port": new.service.port,
        ":host": new.host,
        ":vantage": new.stratum.vantage,
        ":client": new.stratum.client,
        ":family": new.stratum.family.as_str(),
        ":peer": new.peer.map(|peer| peer.to_string()),
        ":sight": new.sight,
        ":detail": new.detail,
        ":key": new.key,
        ":key_verdict": new.verdict,
        ":found": !new.findings.is_empty(),
        ":incident": told.incident.map(|id| Unsigned(id.0)),
        ":exhibit": told.exhibit,
    })?;
    Ok(ProbeId(row.cast_unsigned()))
}

fn all(connection: &Connection) -> Result<Vec<ProbedRow>, StoreError> {
    let mut select = connection.prepare_cached("SELECT * FROM probed ORDER BY domain")?;
    let row = |row: &Row<'_>| {
        let domain: String = row.get("domain")?;
        let time = |column: &str| -> rusqlite::Result<Option<Timestamp>> {
            Ok(row.get::<_, Option<Millis>>(column)?.map(|at| at.0))
        };
        Ok(ProbedRow {
            incident: crate::incident::open_of(connection, &Subject::of_domain(&domain))?,
            added_at: row.get::<_, Millis>("added_at")?.0,
            removed_at: time("removed_at")?,
            quiet_since: time("quiet_since")?,
            domain,
        })
    };
    select.query_and_then([], row)?.collect()
}

fn row_of(row: &Row<'_>) -> Result<ProbeRow, StoreError> {
    let peer: Option<String> = row.get("peer")?;
    let peer = peer.map(|text| text.parse().map_err(|_| damaged("a probe", "peer", &text)));
    let (service, stratum) = looked_at(row, row.get("domain")?)?;
    Ok(ProbeRow {
        id: ProbeId(row.get::<_, Unsigned>("id")?.0),
        at: row.get::<_, Millis>("at")?.0,
        service,
        stratum,
        host: row.get("host")?,
        peer: peer.transpose()?,
        sight: row.get("sight")?,
        detail: row.get("detail")?,
        key: row.get("key")?,
        verdict: row.get("key_verdict")?,
        found: row.get("found")?,
        incident: row.get::<_, Option<Unsigned>>("incident")?.map(|id| IncidentId(id.0)),
        exhibit: row.get("sha256")?,
    })
}

/// What a row was about, and from where it was seen.
fn looked_at(row: &Row<'_>, domain: String) -> Result<(Service, Stratum), StoreError> {
    let [protocol, opening, family]: [String; 3] =
        [row.get("protocol")?, row.get("opening")?, row.get("family")?];
    let known_opening =
        [Opening::Direct, Opening::StartTls].into_iter().find(|known| known.as_str() == opening);
    let port = row.get("port")?;
    let service = Service {
        domain,
        protocol: protocol.parse().map_err(|_| damaged("a probe", "protocol", &protocol))?,
        opening: known_opening.ok_or_else(|| damaged("a probe", "opening", &opening))?,
        port,
    };
    let stratum = Stratum {
        vantage: row.get("vantage")?,
        client: row.get("client")?,
        port,
        family: family.parse().map_err(|_| damaged("a probe", "family", &family))?,
    };
    Ok((service, stratum))
}

#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
