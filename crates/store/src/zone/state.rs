//! What is known of a zone, in rows.

use std::collections::BTreeMap;

use countersign_judge::delegation::{Before, Known, Shown, Topic, Trust, View};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{Look, SeenRow, ZoneState};
use crate::column::{Millis, damaged};
use crate::error::StoreError;
use crate::evidence;

pub(crate) const STATE: &str =
    "SELECT * FROM zone_state WHERE zone = ?1 AND role = ?2 ORDER BY ordinal";
pub(crate) const REVISION: &str =
    "SELECT revision FROM zone WHERE name = ?1 AND removed_at IS NULL";
pub(crate) const EVIDENCE: &str = "SELECT topic, label, sha256 FROM zone_evidence
    JOIN evidence ON evidence.id = evidence WHERE zone = ?1 ORDER BY topic, ordinal";
pub(crate) const CONDITIONS: &str = "SELECT mark, since FROM zone_condition WHERE zone = ?1";

/// What moves with each change of what is known; `None` of a zone that is not watched.
pub(super) fn revision(connection: &Connection, name: &str) -> Result<Option<i64>, StoreError> {
    let mut select = connection.prepare_cached(REVISION)?;
    Ok(select.query_row([name], |row| row.get(0)).optional()?)
}

pub(super) fn read(connection: &Connection, name: &str) -> Result<Option<ZoneState>, StoreError> {
    let Some(revision) = revision(connection, name)? else { return Ok(None) };
    let before = before(connection, name)?;
    let learned = rows(connection, name, "learned")?;
    let learned = learned.into_iter().map(|row| (row.topic, row.shown)).collect();
    Ok(Some(ZoneState { revision, before, learned }))
}

pub(super) fn seen(connection: &Connection, name: &str) -> Result<Vec<SeenRow>, StoreError> {
    let rows = rows(connection, name, "seen")?;
    Ok(rows.into_iter().map(StateRow::into_seen).collect())
}

fn before(connection: &Connection, name: &str) -> Result<Before, StoreError> {
    let mut known = BTreeMap::new();
    for StateRow { topic, shown, trust, ttl_s, since, until, .. } in
        rows(connection, name, "known")?
    {
        known.insert(topic, Known { shown, trust, ttl_s, since, until, evidence: Vec::new() });
    }
    let mut select = connection.prepare_cached(EVIDENCE)?;
    let mut pieces = select.query([name])?;
    while let Some(row) = pieces.next()? {
        let topic = topic(row)?;
        let Some(known) = known.get_mut(&topic) else { continue };
        known.evidence.push((row.get("label")?, row.get("sha256")?));
    }
    let mut select = connection.prepare_cached(CONDITIONS)?;
    let since = select
        .query_map([name], |row| Ok((row.get("mark")?, row.get::<_, Millis>("since")?.0)))?
        .collect::<Result<_, _>>()?;
    Ok(Before { known, since })
}

/// Puts what a look showed in the place of what the look before did. What is the same is not written again: most looks
/// show nothing new.
pub(super) fn replace(
    connection: &Connection,
    name: &str,
    look: &Look<'_>,
) -> Result<(), StoreError> {
    let old = before(connection, name)?;
    let new = &look.judged.before;
    if old.known != new.known {
        replace_known(connection, name, &new.known)?;
    }
    if old.since != new.since {
        connection.prepare_cached("DELETE FROM zone_condition WHERE zone = ?1")?.execute([name])?;
        let mut insert =
            connection.prepare_cached("INSERT INTO zone_condition VALUES (?1, ?2, ?3)")?;
        for (mark, since) in &new.since {
            insert.execute((name, mark, Millis(*since)))?;
        }
    }
    let old = rows(connection, name, "seen")?;
    let mut seen = Vec::new();
    for (topic, view) in look
        .seen
        .views
        .iter()
        .flat_map(|(topic, views)| views.iter().map(move |view| (topic, view)))
    {
        seen.push(StateRow::of_view(topic, view, &old, look.seen.at));
    }
    if old != seen {
        write(connection, name, "seen", &seen)?;
    }
    if !look.learned.is_empty() {
        let mut learned = rows(connection, name, "learned")?;
        for (topic, shown) in look.learned {
            if learned.iter().all(|row| row.topic != *topic) {
                learned.push(StateRow::learned(topic, shown, look.seen.at));
            }
        }
        write(connection, name, "learned", &learned)?;
    }
    Ok(())
}

fn replace_known(
    connection: &Connection,
    name: &str,
    known: &BTreeMap<Topic, Known>,
) -> Result<(), StoreError> {
    let rows: Vec<_> = known
        .iter()
        .map(|(topic, known)| StateRow {
            topic: topic.clone(),
            shown: known.shown.clone(),
            trust: known.trust,
            ttl_s: known.ttl_s,
            since: known.since,
            until: known.until,
            witnesses: String::new(),
        })
        .collect();
    write(connection, name, "known", &rows)?;
    connection.prepare_cached("DELETE FROM zone_evidence WHERE zone = ?1")?.execute([name])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO zone_evidence (zone, topic, ordinal, label, evidence) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for (topic, known) in known {
        for (ordinal, (label, sha256)) in (0i64..).zip(&known.evidence) {
            let evidence = evidence::row_of(connection, sha256)?;
            insert.execute((name, topic.to_string(), ordinal, label, evidence))?;
        }
    }
    Ok(())
}

/// Takes what was seen for what is expected. Of which topics.
pub(super) fn accept(
    connection: &Connection,
    name: &str,
    now: Timestamp,
) -> Result<Vec<Topic>, StoreError> {
    let seen = rows(connection, name, "seen")?;
    let is_one = |row: &&StateRow| {
        !row.topic.is_wish()
            && row.trust.holds()
            && seen.iter().filter(|other| other.topic == row.topic).count() == 1
    };
    let accepted: Vec<_> = seen
        .iter()
        .filter(is_one)
        .map(|row| StateRow::learned(&row.topic, &row.shown, now))
        .collect();
    let topics: Vec<_> = accepted.iter().map(|row| row.topic.clone()).collect();
    // What was not seen just now is expected as before.
    let before = rows(connection, name, "learned")?;
    let kept = before.into_iter().filter(|row| !topics.contains(&row.topic));
    let learned: Vec<_> = kept.chain(accepted).collect();
    write(connection, name, "learned", &learned)?;
    // How long records may be kept is accepted as well, and that they are not secure any more.
    connection
        .prepare_cached("UPDATE zone_state SET ttl_s = NULL WHERE zone = ?1 AND role = 'known'")?
        .execute([name])?;
    let mut forget = connection.prepare_cached(
        "DELETE FROM zone_state WHERE zone = ?1 AND role = 'known' AND topic = ?2 AND trust = ?3",
    )?;
    let insecure = seen.iter().filter(|row| row.trust == Trust::Insecure);
    for row in insecure.filter(|row| topics.contains(&row.topic)) {
        forget.execute((name, row.topic.to_string(), Trust::Secure.as_str()))?;
    }
    Ok(topics)
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct StateRow {
    topic: Topic,
    shown: Shown,
    trust: Trust,
    ttl_s: Option<u32>,
    since: Timestamp,
    until: Option<Timestamp>,
    witnesses: String,
}

impl StateRow {
    fn of_view(topic: &Topic, view: &View, old: &[Self], now: Timestamp) -> Self {
        let same = old.iter().find(|row| row.topic == *topic && row.shown == view.shown);
        let witnesses: Vec<_> = view.witnesses.iter().map(ToString::to_string).collect();
        Self {
            topic: topic.clone(),
            shown: view.shown.clone(),
            trust: view.trust,
            ttl_s: view.ttl_s,
            since: same.map_or(now, |row| row.since),
            until: None,
            witnesses: witnesses.join("\n"),
        }
    }

    fn learned(topic: &Topic, shown: &Shown, now: Timestamp) -> Self {
        Self {
            topic: topic.clone(),
            shown: shown.clone(),
            trust: Trust::Unknown,
            ttl_s: None,
            since: now,
            until: None,
            witnesses: String::new(),
        }
    }

    fn into_seen(self) -> SeenRow {
        let Self { topic, shown, trust, ttl_s, since, witnesses, .. } = self;
        let witnesses = witnesses.lines().map(str::to_owned).collect();
        SeenRow { topic, shown, trust, ttl_s, witnesses, since }
    }
}

fn rows(connection: &Connection, name: &str, role: &str) -> Result<Vec<StateRow>, StoreError> {
    let mut select = connection.prepare_cached(STATE)?;
    select.query_and_then((name, role), row_of)?.collect()
}

fn row_of(row: &Row<'_>) -> Result<StateRow, StoreError> {
    let (shown, trust): (String, String) = (row.get("shown")?, row.get("trust")?);
    let known_trust = Trust::ALL.into_iter().find(|known| known.as_str() == trust);
    Ok(StateRow {
        topic: topic(row)?,
        shown: shown.parse().map_err(|_| damaged("a zone", "shown", &shown))?,
        trust: known_trust.ok_or_else(|| damaged("a zone", "trust", &trust))?,
        ttl_s: row.get("ttl_s")?,
        since: row.get::<_, Millis>("since")?.0,
        until: row.get::<_, Option<Millis>>("until")?.map(|at| at.0),
        witnesses: row.get("witnesses")?,
    })
}

fn topic(row: &Row<'_>) -> Result<Topic, StoreError> {
    let text: String = row.get("topic")?;
    text.parse().map_err(|_| damaged("a zone", "topic", &text))
}

fn write(
    connection: &Connection,
    name: &str,
    role: &str,
    rows: &[StateRow],
) -> Result<(), StoreError> {
    let mut delete =
        connection.prepare_cached("DELETE FROM zone_state WHERE zone = ?1 AND role = ?2")?;
    delete.execute((name, role))?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO zone_state (zone, role, ordinal, topic, shown, trust, ttl_s, since, until, witnesses)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for (ordinal, row) in (0i64..).zip(rows) {
        insert.execute((
            name,
            role,
            ordinal,
            row.topic.to_string(),
            row.shown.to_string(),
            row.trust.as_str(),
            row.ttl_s,
            Millis(row.since),
            row.until.map(Millis),
            &row.witnesses,
        ))?;
    }
    Ok(())
}
