//! Whether the file still is what was written: its pages, its evidence, and what must hold between its rows.

use rusqlite::{Connection, OptionalExtension};

use crate::error::StoreError;
use crate::evidence;
use crate::store::Reader;

impl Reader {
    /// Reads the whole database and finds out whether anything in it is damaged. Takes seconds for a
    /// gigabyte, and a [`Store`](crate::Store) whose own reader it is waits for it: better open another.
    pub fn check(&self) -> Result<(), StoreError> {
        self.read(|connection| {
            let found: String =
                connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
            if found != "ok" {
                return Err(StoreError::Damaged { what: found });
            }
            let mut orphans = connection.prepare("PRAGMA foreign_key_check")?;
            let orphan: Option<String> = orphans.query_row([], |row| row.get(0)).optional()?;
            if let Some(table) = orphan {
                return Err(StoreError::Damaged {
                    what: format!("a row of {table} refers to nothing"),
                });
            }
            check_rows(connection)?;
            evidence::check(connection)
        })
    }
}

fn check_rows(connection: &Connection) -> Result<(), StoreError> {
    for (what, sql) in NEVER {
        if connection.prepare(sql)?.exists([])? {
            return Err(StoreError::Damaged { what: what.to_owned() });
        }
    }
    Ok(())
}

/// What no transaction of ours leaves behind, beyond what the schema itself keeps out: what it is, and the rows that
/// show it. The schema allows no second report of a change, so that there is one says that there is exactly one.
const NEVER: [(&str, &str); 16] = [
    (
        "a sighting has no report",
        "SELECT 1 FROM sighting WHERE NOT EXISTS (SELECT 1 FROM report WHERE report.sighting = sighting.id)",
    ),
    (
        "a trouble has no report",
        "SELECT 1 FROM trouble WHERE NOT EXISTS (
             SELECT 1 FROM report WHERE report.trouble = trouble.id AND event = 'trouble-opened')",
    ),
    (
        "a trouble is closed without a report, or open with one",
        "SELECT 1 FROM trouble WHERE (cleared_at IS NULL) = EXISTS (
             SELECT 1 FROM report WHERE report.trouble = trouble.id AND event = 'trouble-closed')",
    ),
    (
        "an incident has no report",
        "SELECT 1 FROM incident WHERE NOT EXISTS (
             SELECT 1 FROM report WHERE report.incident = incident.id AND event = 'incident-opened')",
    ),
    (
        "an incident is closed without a report, or open with one",
        "SELECT 1 FROM incident WHERE (closed_at IS NULL) = EXISTS (
             SELECT 1 FROM report WHERE report.incident = incident.id AND event = 'incident-closed')",
    ),
    (
        "an incident was updated without a report, or not and with one",
        "SELECT 1 FROM incident WHERE updates <> (
             SELECT count(*) FROM report WHERE report.incident = incident.id AND event = 'incident-updated')",
    ),
    (
        "an unexpected certificate has no open incident",
        "SELECT 1 FROM judgement WHERE replaced_at IS NULL AND verdict = 'unexpected' AND NOT EXISTS (
             SELECT 1 FROM incident WHERE subject = tbs_sha256 AND kind = 'certificate' AND closed_at IS NULL)",
    ),
    (
        "an incident is open about a certificate that is authorized, or was not judged",
        "SELECT 1 FROM incident WHERE kind = 'certificate' AND closed_at IS NULL AND NOT EXISTS (
             SELECT 1 FROM judgement WHERE tbs_sha256 = subject AND replaced_at IS NULL
                 AND verdict IN ('unexpected', 'pending'))",
    ),
    (
        "an incident is about a promise that was kept, or never given",
        "SELECT 1 FROM incident WHERE kind = 'promise' AND NOT EXISTS (
             SELECT 1 FROM promise WHERE tbs_sha256 = subject AND promise.log = incident.log
                 AND promise.incident = incident.id)",
    ),
    (
        "a promise and its incident are about different things",
        "SELECT 1 FROM promise JOIN incident ON incident.id = promise.incident
         WHERE incident.log IS NOT promise.log OR subject <> tbs_sha256",
    ),
    (
        "a probe and its incident are about different things",
        "SELECT 1 FROM probe JOIN incident ON incident.id = probe.incident
         WHERE incident.domain IS NOT probe.domain",
    ),
    (
        "an incident is open about a domain that is not probed",
        "SELECT 1 FROM incident JOIN probed ON probed.domain = incident.domain
         WHERE closed_at IS NULL AND removed_at IS NOT NULL",
    ),
    (
        "the watch was ahead of what there is",
        "SELECT 1 FROM watch WHERE reported_through > (SELECT coalesce(max(id), 0) FROM report)
             OR judged_through > (SELECT coalesce(max(id), 0) FROM sighting)",
    ),
    (
        "a sink has had more than there is",
        "SELECT 1 FROM sink WHERE delivered_through > (SELECT coalesce(max(id), 0) FROM report)",
    ),
    (
        "a sighting counts as judged and was not",
        "SELECT 1 FROM sighting WHERE id <= (SELECT judged_through FROM watch) AND NOT EXISTS (
             SELECT 1 FROM judgement WHERE judgement.tbs_sha256 = sighting.tbs_sha256 AND replaced_at IS NULL)",
    ),
    (
        "a proof and its sighting name different entries",
        "SELECT 1 FROM proof JOIN sighting ON sighting.id = proof.sighting
         WHERE proof.log <> sighting.log OR proof.entry_index <> sighting.entry_index",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{fixture, watch};

    /// Changes the rows of a watch that is through. That is found, and named.
    #[track_caller]
    fn check(change: &str, expected: &str) {
        let (_directory, store) = fixture();
        watch(&store, &mut Vec::new()).unwrap();
        store.reader().check().unwrap();
        let connection = store.reader().connection().unwrap();
        connection.pragma_update(None, "foreign_keys", false).unwrap();
        assert!(connection.execute(change, []).unwrap() > 0, "{change} changes nothing");
        drop(connection);
        match store.reader().check() {
            Err(StoreError::Damaged { what }) => assert_eq!(what, expected),
            found => panic!("{change}: {found:?}"),
        }
    }

    #[test]
    fn what_lacks_its_report_is_found() {
        let check = |event: &str, expected| {
            check(&format!("DELETE FROM report WHERE event = '{event}'"), expected);
        };
        check("sighting", "a sighting has no report");
        check("trouble-opened", "a trouble has no report");
        check("trouble-closed", "a trouble is closed without a report, or open with one");
        check("incident-opened", "an incident has no report");
        check("incident-updated", "an incident was updated without a report, or not and with one");
        check("incident-closed", "an incident is closed without a report, or open with one");
    }

    #[test]
    fn what_does_not_go_together_is_found() {
        let closed = "UPDATE incident SET closed_at = NULL, closed_why = NULL WHERE id = 2";
        check(closed, "an incident is closed without a report, or open with one");
        check(
            "UPDATE judgement SET verdict = 'unexpected' WHERE replaced_at IS NULL AND verdict = 'authorized'",
            "an unexpected certificate has no open incident",
        );
        check(
            "UPDATE judgement SET verdict = 'authorized' WHERE replaced_at IS NULL AND verdict = 'unexpected'",
            "an incident is open about a certificate that is authorized, or was not judged",
        );
        check(
            "UPDATE promise SET outcome = 'kept', incident = NULL, found_index = NULL",
            "an incident is about a promise that was kept, or never given",
        );
        check(
            "UPDATE promise SET log = zeroblob(32) WHERE outcome = 'kept-elsewhere'",
            "a promise and its incident are about different things",
        );
        check(
            "UPDATE judgement SET tbs_sha256 = zeroblob(32) WHERE replaced_at IS NULL AND verdict = 'authorized'",
            "a sighting counts as judged and was not",
        );
        check(
            "UPDATE probe SET incident = 1 WHERE incident IS NOT NULL",
            "a probe and its incident are about different things",
        );
        check(
            "UPDATE proof SET entry_index = 8",
            "a proof and its sighting name different entries",
        );
    }

    #[test]
    fn marks_past_the_end_are_found() {
        let ahead = "the watch was ahead of what there is";
        check("UPDATE watch SET reported_through = 1000", ahead);
        check("UPDATE watch SET judged_through = 1000", ahead);
        check("UPDATE sink SET delivered_through = 1000", "a sink has had more than there is");
    }

    #[test]
    fn a_row_that_refers_to_nothing_is_found() {
        let statements = "DELETE FROM authorization WHERE origin = 'statement'";
        check(statements, "a row of statement refers to nothing");
    }
}
