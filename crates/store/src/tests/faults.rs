//! Something fails: each step of SQLite's, each page of the disk, the write lock, the last sync before the
//! power was cut. Then everything is as it was before the transaction, and the watch goes on.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, Row};
use tempfile::TempDir;

use super::*;
use crate::schema;

/// A directory with an empty database that was closed properly.
fn template() -> TempDir {
    let (directory, store) = fixture();
    drop(store);
    directory
}

fn copy(template: &Path) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for file in fs::read_dir(template).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), directory.path().join(file.file_name())).unwrap();
    }
    directory
}

/// Interrupts the `nth` step from now, once. Says how many steps there were.
fn fail_step(connection: &Connection, nth: u64) -> Arc<AtomicU64> {
    let steps = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&steps);
    let handler = move || counter.fetch_add(1, Ordering::Relaxed) + 1 == nth;
    connection.progress_handler(1, Some(handler)).unwrap();
    steps
}

fn heal(connection: &Connection) {
    connection.progress_handler(0, None::<fn() -> bool>).unwrap();
}

/// What must hold once the watch is through.
fn check_end(store: &Store, told: &[u64], failures: u64) {
    check_state(store.reader());
    check_told(told, failures);
    for number in 1..=2 {
        let (found, _) = store.reader().position(&[number; 32]).unwrap().unwrap();
        assert_eq!(found, position(END));
    }
    let status = store.reader().status().unwrap();
    assert_eq!((status.guarding_since, status.unreported), (Some(at(1)), 0));
    let reports = "SELECT count(*) FROM report";
    let reports: i64 =
        store.reader().connection().unwrap().query_row(reports, [], |row| row.get(0)).unwrap();
    assert_eq!(told.iter().max().copied(), Some(reports.cast_unsigned()));
}

#[test]
fn any_step_may_fail() {
    let (directory, mut store) = fixture();
    let observer = Store::open_reader(directory.path()).unwrap();
    // Changes whenever another connection commits something.
    let version = || -> i64 {
        observer
            .connection()
            .unwrap()
            .pragma_query_value(None, "data_version", |row| row.get(0))
            .unwrap()
    };
    let (_untroubled_directory, untroubled) = fixture();
    let (mut told, mut failures) = (Vec::new(), 0);
    for act in acts() {
        for nth in 1.. {
            let before = version();
            let steps = fail_step(&store.reader().connection().unwrap(), nth);
            let result = perform(&store, act, &mut told);
            heal(&store.reader().connection().unwrap());
            if steps.load(Ordering::Relaxed) < nth {
                result.unwrap();
                break;
            }
            failures += 1;
            match result {
                // The last step fails after the commit: all of it is there, as is seen below.
                Err(StoreError::Sqlite(_)) if version() != before => break,
                // Nothing of it is there: nothing was committed.
                Err(StoreError::Sqlite(_)) => {}
                // What fails is undoing the commit that was refused.
                Ok(()) if matches!(act, Act::Intrude(_)) => break,
                Ok(()) => panic!("{act:?}, step {nth}: failed without a word"),
                Err(error) => panic!("{act:?}, step {nth}: {error:?}"),
            }
        }
        perform(&untroubled, act, &mut Vec::new()).unwrap();
        assert_eq!(rows(&observer), rows(untroubled.reader()), "{act:?}");
        drop(store);
        store = open(directory.path());
        check_state(store.reader());
    }
    check_end(&store, &told, failures);
    assert!(failures > 1000, "{failures} failures");
}

/// All that is in the database.
fn rows(reader: &Reader) -> Vec<String> {
    all_rows(&reader.connection().unwrap())
}

fn all_rows(connection: &Connection) -> Vec<String> {
    let mut tables = connection
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
        .unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut all = Vec::new();
    for table in tables {
        let mut select = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = select.column_count();
        let row = |row: &Row<'_>| {
            (0..columns).map(|column| row.get::<_, Value>(column)).collect::<Result<Vec<_>, _>>()
        };
        all.extend(
            select.query_map([], row).unwrap().map(|row| format!("{table} {:?}", row.unwrap())),
        );
    }
    all
}

#[test]
fn any_step_of_a_migration_may_fail() {
    let (new, old) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    open::version_1(old.path());
    for directory in [new.path(), old.path()] {
        let failures = check_migration(directory);
        assert!(failures > 100, "{failures} failures");
    }
    let (store, (_untroubled_directory, untroubled)) = (open(new.path()), fixture());
    assert_eq!(rows(store.reader()), rows(untroubled.reader()));
    watch(&store, &mut Vec::new()).unwrap();
}

/// Fails the first steps of each migration one by one, and of the thousands after them one in some. What it fails in is
/// then as it was. How many failures there were.
fn check_migration(directory: &Path) -> u64 {
    let path = directory.join("countersign.db");
    let (mut connection, observer) =
        (Connection::open(&path).unwrap(), Connection::open(&path).unwrap());
    connection.pragma_update(None, "synchronous", "OFF").unwrap();
    let version =
        || -> i64 { observer.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap() };
    let (mut nth, mut failures) = (1, 0);
    loop {
        let before = (version(), all_rows(&observer));
        let steps = fail_step(&connection, nth);
        let migrated = schema::migrate(&mut connection, schema::MIGRATIONS);
        heal(&connection);
        if steps.load(Ordering::Relaxed) < nth {
            migrated.unwrap();
            return failures;
        }
        migrated.unwrap_err();
        failures += 1;
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK").unwrap(); // It failed as it had just begun.
        }
        // The last step of each fails after its commit; then it is the next one's turn.
        nth = if version() == before.0 { nth + 1 + nth / 64 } else { 1 };
        assert!(nth == 1 || all_rows(&observer) == before.1, "step {nth}");
    }
}

#[test]
fn the_disk_may_fill_up_at_any_page() {
    let template = template();
    let mut failures = 0;
    for pages in 1.. {
        let directory = copy(template.path());
        let store = open(directory.path());
        let limit = |pages: i64| {
            let connection = store.reader().connection().unwrap();
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
        };
        limit(pages);
        let mut told = Vec::new();
        let result = watch(&store, &mut told);
        check_state(store.reader());
        limit(1_000_000);
        watch(&store, &mut told).unwrap();
        check_end(&store, &told, 1);
        failures += 1;
        match result {
            Ok(()) => break,
            Err(error) => assert!(matches!(error, StoreError::Full), "{error:?}"),
        }
    }
    assert!(failures > 40, "the watch needs pages for its evidence");
}

#[test]
fn a_lock_that_another_holds_is_waited_for_and_then_named() {
    let (directory, store) = fixture();
    store.upsert_log(&log(1), at(0)).unwrap();
    let revision = store.commit(&[1; 32], None, &position(4), &[sighting(3)], at(1)).unwrap();
    store.reader().connection().unwrap().busy_timeout(Duration::from_millis(20)).unwrap();

    let other = Connection::open(directory.path().join("countersign.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let commit = || store.commit(&[1; 32], Some(revision), &position(8), &[sighting(7)], at(2));
    let error = commit().unwrap_err();
    assert!(matches!(error, StoreError::Busy), "{error:?}");
    check_state(store.reader()); // Reading does not wait.
    other.execute_batch("ROLLBACK").unwrap();
    commit().unwrap();
    check_state(store.reader());
}

#[test]
fn the_write_ahead_log_may_end_anywhere() {
    let (directory, store) = fixture();
    let automatic = |pages: i64| {
        let connection = store.reader().connection().unwrap();
        connection.pragma_update_and_check(None, "wal_autocheckpoint", pages, |_| Ok(())).unwrap();
    };
    automatic(0);
    watch(&store, &mut Vec::new()).unwrap();
    let name = "countersign.db-wal";
    let log = fs::read(directory.path().join(name)).unwrap();
    // Half a frame of the log at a time: 24 bytes of header, 4096 of page.
    let mut sizes = Vec::new();
    for end in (0..log.len()).step_by(2060) {
        let torn = copy(directory.path());
        fs::write(torn.path().join(name), &log[..end]).unwrap();
        fs::remove_file(torn.path().join("countersign.db-shm")).unwrap();
        match Store::open_reader(torn.path()) {
            // Nothing is in it yet, or not all migrations.
            Err(StoreError::Missing { .. } | StoreError::Older { .. }) => {
                assert!(sizes.is_empty());
            }
            reader => {
                let reader = reader.unwrap();
                check_state(&reader);
                sizes.push(
                    reader
                        .position(&[1; 32])
                        .unwrap()
                        .map(|(position, _)| position.downloaded_size),
                );
            }
        }
    }
    assert!(sizes.is_sorted(), "a longer log holds more: {sizes:?}");
    assert_eq!(sizes.last(), Some(&Some(END)));
}
