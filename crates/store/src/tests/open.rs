//! Opening: the lock, older and newer files, damaged ones, others' ones.

use std::fs;
use std::thread;

use rusqlite::types::Value;
use rusqlite::{Connection, Row};

use super::*;
use crate::incident::Acknowledged;
use crate::schema;

const DATABASE: &str = "countersign.db";

#[test]
fn a_second_store_is_locked_out_until_the_first_is_gone() {
    let (directory, store) = fixture();
    let error = Store::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(error.to_string().ends_with("/lock is in use by another watch"), "{error}");
    assert!(error.hint().is_some());
    drop(store);
    Store::open(directory.path()).unwrap();
}

#[test]
fn a_reader_looks_in_at_any_time_but_never_writes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state");
    let error = Store::open_reader(&path).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    assert!(!path.exists());

    let store = open(&path);
    let reader = Store::open_reader(&path).unwrap();
    watch(&store, &mut Vec::new()).unwrap();
    assert_eq!(reader.status().unwrap(), store.reader().status().unwrap());
    drop(store);
    let reader = Store::open_reader(&path).unwrap();
    check_state(&reader);
    let error =
        StoreError::from(reader.connection().unwrap().execute("DELETE FROM log", []).unwrap_err());
    assert!(matches!(error, StoreError::Permission), "{error:?}");
    open(&path);
}

#[test]
fn a_reader_sees_one_moment() {
    let (directory, store) = fixture();
    let reader = Store::open_reader(directory.path()).unwrap();
    // For each log: how far it was read, and how many sightings it has.
    let moment = "SELECT downloaded_size, (SELECT count(*) FROM sighting AS s WHERE s.log = p.log)
        FROM position AS p";
    let check = || {
        let connection = reader.connection().unwrap();
        let mut select = connection.prepare_cached(moment).unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        for (size, sightings) in rows.map(Result::<(u32, u32), _>::unwrap) {
            assert_eq!(sightings, size / 4, "of every four entries the last one is sighted");
        }
    };
    thread::scope(|scope| {
        let writer = scope.spawn(|| watch(&store, &mut Vec::new()).unwrap());
        while !writer.is_finished() {
            check();
            reader.status().unwrap();
        }
    });
    check();
}

#[cfg(unix)]
#[test]
fn a_new_directory_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new").join("state");
    open(&path);
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
}

/// Makes a file of version 1 with a row in each table and more than one report.
pub(super) fn version_1(directory: &Path) -> Connection {
    let mut connection = Connection::open(directory.join(DATABASE)).unwrap();
    schema::migrate(&mut connection, &schema::MIGRATIONS[..1]).unwrap();
    let bytes: [&[u8]; 3] = [b"leaf", b"chain", b"head"];
    for (id, bytes) in (5..).zip(bytes) {
        let insert = "INSERT INTO evidence (id, sha256, bytes) VALUES (?1, ?2, ?3)";
        connection.execute(insert, (id, sha256(bytes), bytes)).unwrap();
    }
    connection
        .execute_batch(
            "UPDATE watch SET guarding_since = 1000, reported_through = 7;
             INSERT INTO log VALUES (zeroblob(32), 'Log', 'Operator', 'rfc6962', 'https://log.example/', 60, 1000, 9000);
             INSERT INTO position VALUES (zeroblob(32), 3, 0, -1, zeroblob(64), x'', 4, zeroblob(32), x'68', 2000, 3000);
             INSERT INTO pending_head VALUES (zeroblob(32), 0, x'68');
             INSERT INTO daily_head VALUES (zeroblob(32), 0, 3000, 7);
             INSERT INTO poll VALUES (zeroblob(32), 4000, 4000, 9, 2000, x'68', 3000, 'no route', 1, 2, 3, 5000);
             INSERT INTO sighting VALUES (2, zeroblob(32), 3, zeroblob(32), zeroblob(32), 3000, NULL, 1, 5, 6, NULL, NULL, NULL, 8000);
             INSERT INTO sighting_name VALUES (2, 0, 'example.org');
             INSERT INTO sighting_match VALUES (4, 2, '.', 'example.org', 'san-dns');
             INSERT INTO trouble VALUES (3, zeroblob(32), 'silence', 0, 'no answer', 3000, 4000, 2, 5000, 1);
             INSERT INTO trouble_evidence VALUES (3, 0, 'head', 7);
             INSERT INTO report VALUES (3, 1000, 'log-added', NULL, NULL, zeroblob(32)),
                 (7, 3000, 'sighting', 2, NULL, NULL), (8, 3000, 'trouble-opened', NULL, 3, NULL),
                 (11, 5000, 'trouble-closed', NULL, 3, NULL), (12, 9000, 'log-removed', NULL, NULL, zeroblob(32));
             INSERT INTO log_list VALUES ('google', 1000, x'7b7d');",
        )
        .unwrap();
    connection
}

/// Makes a file of version 3 with incidents, and what refers to them.
fn version_3(directory: &Path) -> Connection {
    let mut connection = version_1(directory);
    schema::migrate(&mut connection, &schema::MIGRATIONS[..3]).unwrap();
    connection
        .execute_batch(
            "INSERT INTO incident VALUES
                 (4, 'certificate', zeroblob(32), NULL, 'critical', 'one', 6000, 7000, 'why', 6500, 'mine'),
                 (6, 'certificate', zeroblob(32), NULL, 'high', 'again', 8000, 8500, 'over', NULL, NULL),
                 (9, 'promise', zeroblob(32), zeroblob(32), 'high', 'broken', 8000, NULL, NULL, NULL, NULL);
             INSERT INTO incident_finding VALUES (4, 0, 'key', 'critical', 'a key'), (4, 1, 'ca', 'high', 'a CA'),
                 (9, 0, 'promise-broken', 'high', 'it is not there');
             INSERT INTO promise VALUES
                 (2, zeroblob(32), zeroblob(32), 1000, NULL, 60, 1000, 5000, NULL, NULL, NULL, NULL),
                 (5, zeroblob(32), zeroblob(32), 1000, 7, 60, 1000, 5000, 'broken', NULL, 8000, 9);
             INSERT INTO report (id, at, event, incident) VALUES (13, 6000, 'incident-opened', 4),
                 (14, 7000, 'incident-closed', 4), (16, 8000, 'incident-opened', 6), (17, 8000, 'incident-opened', 9),
                 (18, 8500, 'incident-closed', 6);
             INSERT INTO report (id, at, event, detail) VALUES (20, 9000, 'heartbeat', 'all is well');",
        )
        .unwrap();
    connection
}

#[test]
fn a_file_of_version_3_keeps_its_incidents_and_what_refers_to_them() {
    let directory = tempfile::tempdir().unwrap();
    let old = version_3(directory.path());
    let mut columns = columns(&old);
    let copied = ["incident", "incident_finding", "promise", "report"];
    columns.retain(|(table, _)| copied.contains(&table.as_str()));
    assert_eq!(columns.len(), copied.len());
    let before = rows_in(&old, &columns);
    drop(old);
    let store = open(directory.path());
    let reader = store.reader();
    assert_eq!(rows_in(&reader.connection().unwrap(), &columns), before);
    reader.check().unwrap();
    let incident = reader.incident(IncidentId(4)).unwrap().unwrap();
    assert_eq!((incident.updated_at, incident.zone, incident.findings.len()), (None, None, 2));
    let reports = reader.unreported(20).unwrap();
    let told: Vec<_> = reports.iter().map(|report| (report.id.0, told(&report.event))).collect();
    assert_eq!(
        told[3..6],
        [(13, "opened 4".to_owned()), (14, "closed 4".into()), (16, "opened 6".into())]
    );
}

/// Makes a file of version 4 with an incident about a zone that was updated, and what refers to it.
fn version_4(directory: &Path) -> Connection {
    let mut connection = version_3(directory);
    schema::migrate(&mut connection, &schema::MIGRATIONS[..4]).unwrap();
    connection
        .execute_batch(
            "INSERT INTO zone (name, added_at) VALUES ('a.example.', 9000);
             INSERT INTO incident VALUES
                 (11, 'delegation', zeroblob(32), NULL, 'a.example.', 'high', 'DS', 9000, 9500, 1, NULL, NULL, 9600, 'on it'),
                 (12, 'certificate', zeroblob(32), NULL, NULL, 'high', 'a key', 9000, NULL, 0, NULL, NULL, NULL, NULL);
             INSERT INTO incident_finding VALUES (11, 0, 'ds-changed', 'high', 'a DS', 'ds-changed parent'),
                 (11, 1, 'caa-changed', 'high', 'a CAA', 'caa-changed zone'), (12, 0, 'key', 'high', 'a key', NULL);
             INSERT INTO incident_evidence VALUES (11, 0, 'before', 5), (11, 1, 'now', 6);
             INSERT INTO report (id, at, event, incident, part) VALUES (30, 9000, 'incident-opened', 11, 0),
                 (31, 9500, 'incident-updated', 11, 1), (33, 9600, 'incident-opened', 12, 0);",
        )
        .unwrap();
    connection
}

#[test]
fn a_file_of_version_4_keeps_its_incidents_and_what_refers_to_them() {
    let directory = tempfile::tempdir().unwrap();
    let old = version_4(directory.path());
    let mut columns = columns(&old);
    let copied = ["incident", "incident_evidence", "incident_finding", "promise", "report"];
    columns.retain(|(table, _)| copied.contains(&table.as_str()));
    assert_eq!(columns.len(), copied.len());
    let before = rows_in(&old, &columns);
    drop(old);
    let store = open(directory.path());
    let reader = store.reader();
    assert_eq!(rows_in(&reader.connection().unwrap(), &columns), before);
    let incident = reader.incident(IncidentId(11)).unwrap().unwrap();
    assert_eq!((incident.updated_at, incident.domain), (Some(at_ms(9500)), None));
    assert_eq!((incident.findings.len(), incident.evidence.len()), (2, 2));
    assert_eq!(incident.acknowledged.unwrap().1, "on it");
    let last = reader.unreported(20).unwrap().pop().unwrap();
    assert_eq!((last.id.0, told(&last.event)), (33, "opened 12".to_owned()));
}

fn at_ms(ms: i64) -> Timestamp {
    Timestamp::from_millisecond(ms).unwrap()
}

/// What the tables hold in these columns.
fn rows_in(connection: &Connection, columns: &[(String, Vec<String>)]) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    for (table, columns) in columns {
        let select = format!("SELECT {} FROM {table}", columns.join(", "));
        let mut select = connection.prepare(&select).unwrap();
        let row = |row: &Row<'_>| {
            (0..columns.len()).map(|column| row.get(column)).collect::<Result<_, _>>()
        };
        let rows: Vec<Vec<Value>> =
            select.query_map([], row).unwrap().map(Result::unwrap).collect();
        assert!(!rows.is_empty(), "{table} has no row");
        all.extend(rows);
    }
    all
}

fn columns(connection: &Connection) -> Vec<(String, Vec<String>)> {
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut tables = connection.prepare(tables).unwrap();
    let tables = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap);
    let columns = |table: String| {
        let select = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = select.column_names().into_iter().map(str::to_owned).collect();
        (table, columns)
    };
    tables.map(columns).collect()
}

/// Opens a file of version 1. All that was in it still is, and the watch goes on.
#[track_caller]
fn check_migrated(open_it: impl FnOnce(&Path)) {
    let directory = tempfile::tempdir().unwrap();
    let old = version_1(directory.path());
    let columns = columns(&old);
    let before = rows_in(&old, &columns);
    drop(old);
    open_it(directory.path());
    let store = open(directory.path());
    let reader = store.reader();
    assert_eq!(rows_in(&reader.connection().unwrap(), &columns), before);
    reader.check().unwrap();

    assert_eq!(reader.guarding_since().unwrap(), Some(at(1)));
    assert_eq!(reader.judged_through().unwrap(), SightingId(0));
    let outbox = || -> Vec<_> {
        let reports = reader.unreported(9).unwrap();
        reports.iter().map(|report| (report.id.0, told(&report.event))).collect()
    };
    let mut expected = vec![
        (8, "trouble opened 3".to_owned()),
        (11, "trouble closed 3".into()),
        (12, "log removed 0".into()),
    ];
    assert_eq!(outbox(), expected);
    let judged = Judged { tbs_sha256: [0; 32], ..judged(3, Verdict::Unexpected) };
    store.judge(&[judged], Some(SightingId(2)), at(20)).unwrap();
    expected.push((13, "opened 1".into()));
    assert_eq!(outbox(), expected);
    let acknowledged = store.desk().acknowledge_trouble(TroubleId(3), "", at(21)).unwrap();
    assert_eq!(acknowledged, Acknowledged::Now);
    reader.check().unwrap();
}

#[test]
fn a_file_of_version_1_opens_with_all_that_is_in_it() {
    check_migrated(|directory| drop(Store::open(directory).unwrap()));
    check_migrated(|directory| drop(Store::open_desk(directory).unwrap()));
}

#[test]
fn a_file_of_version_1_is_left_alone_by_readers_and_while_its_watch_runs() {
    let directory = tempfile::tempdir().unwrap();
    drop(version_1(directory.path()));
    let before = fs::read(directory.path().join(DATABASE)).unwrap();
    let watch = fs::File::create(directory.path().join("lock")).unwrap();
    watch.lock().unwrap();
    let older = |error| matches!(error, StoreError::Older { found: 1, known: 5 });
    assert!(older(Store::open_reader(directory.path()).unwrap_err()));
    assert!(older(Store::open_desk(directory.path()).unwrap_err()));
    let error = Store::open(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert_eq!(fs::read(directory.path().join(DATABASE)).unwrap(), before);
    drop(watch);
    Store::open_desk(directory.path()).unwrap();
    Store::open_reader(directory.path()).unwrap().check().unwrap();
}

#[test]
fn a_migration_is_done_whole_or_not_at_all() {
    let (directory, store) = fixture();
    drop(store);
    let mut connection = Connection::open(directory.path().join(DATABASE)).unwrap();
    let mut migrate = |further: &[&str]| {
        schema::migrate(&mut connection, &[schema::MIGRATIONS, further].concat())
    };
    migrate(&["CREATE TABLE two (a); nonsense"]).unwrap_err();
    migrate(&["CREATE TABLE two (a)", "DROP TABLE two"]).unwrap();
    migrate(&["nonsense that is not looked at", ""]).unwrap();
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(usize::try_from(version).unwrap(), schema::MIGRATIONS.len() + 2);
}

#[test]
fn a_file_of_a_later_version_is_refused() {
    check_refused(
        |connection| {
            connection
                .pragma_update(
                    None,
                    "user_version",
                    i64::try_from(schema::MIGRATIONS.len() + 1).unwrap(),
                )
                .unwrap()
        },
        |error| matches!(error, StoreError::Newer { found, known } if *found == known + 1),
    );
}

#[test]
fn a_database_of_another_program_is_refused() {
    check_refused(
        |connection| connection.pragma_update(None, "application_id", 1).unwrap(),
        |error| matches!(error, StoreError::Foreign { .. }),
    );
}

/// Changes the file, and opens it both ways.
fn check_refused(change: impl FnOnce(&Connection), is_expected: impl Fn(&StoreError) -> bool) {
    let (directory, store) = fixture();
    drop(store);
    change(&Connection::open(directory.path().join(DATABASE)).unwrap());
    let before = fs::read(directory.path().join(DATABASE)).unwrap();
    let errors = [
        Store::open(directory.path()).unwrap_err(),
        Store::open_desk(directory.path()).unwrap_err(),
        Store::open_reader(directory.path()).unwrap_err(),
    ];
    for error in errors {
        assert!(is_expected(&error), "{error:?}");
        assert!(error.hint().is_some());
    }
    assert_eq!(fs::read(directory.path().join(DATABASE)).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_damaged() {
    check_damaged(|bytes| bytes[..100].fill(b'x'));
}

#[test]
fn a_file_that_is_cut_off_is_damaged() {
    check_damaged(|bytes| bytes.truncate(bytes.len() / 2));
    check_damaged(|bytes| bytes.truncate(5000));
    check_damaged(|bytes| bytes.truncate(bytes.len() - 1));
}

#[test]
fn a_page_that_is_overwritten_is_damaged() {
    check_damaged(|bytes| {
        let middle = bytes.len() / 2 / 4096 * 4096;
        bytes[middle..middle + 4096].fill(0xff);
    });
}

#[test]
fn evidence_that_has_changed_is_damaged() {
    check_damaged(|bytes| {
        for leaf in 0..bytes.len() - 8 {
            if bytes[leaf..].starts_with(b"leaf 3le") {
                bytes[leaf] = b'L';
            }
        }
    });
}

/// Damages the file of a watch at rest. Opening or checking it says so; nothing panics.
fn check_damaged(damage: impl FnOnce(&mut Vec<u8>)) {
    let (directory, store) = fixture();
    watch(&store, &mut Vec::new()).unwrap();
    drop(store);
    let path = directory.path().join(DATABASE);
    let mut bytes = fs::read(&path).unwrap();
    damage(&mut bytes);
    fs::write(path, bytes).unwrap();
    let found = Store::open_reader(directory.path()).and_then(|reader| reader.check());
    assert!(matches!(found, Err(StoreError::Damaged { .. })), "{found:?}");
    let found = Store::open(directory.path()).and_then(|store| {
        store.reader().status()?;
        store.reader().check()
    });
    assert!(matches!(found, Err(StoreError::Damaged { .. })), "{found:?}");
}

#[test]
fn an_empty_file_is_a_new_database() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(DATABASE), []).unwrap();
    let error = Store::open_reader(directory.path()).unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error:?}");
    watch(&open(directory.path()), &mut Vec::new()).unwrap();
}

#[test]
fn evidence_can_be_neither_deleted_nor_changed() {
    let (_directory, store) = fixture();
    watch(&store, &mut Vec::new()).unwrap();
    let connection = store.reader().connection().unwrap();
    connection.execute("DELETE FROM evidence", []).unwrap_err();
    connection.execute("UPDATE evidence SET bytes = x''", []).unwrap_err();
}
