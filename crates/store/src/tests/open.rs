//! Opening: the lock, older and newer files, damaged ones, others' ones.

use std::fs;
use std::thread;

use rusqlite::Connection;

use super::*;
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

#[test]
fn a_file_of_version_1_opens() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = Connection::open(directory.path().join(DATABASE)).unwrap();
    schema::migrate(&mut connection, &schema::MIGRATIONS[..1]).unwrap();
    connection.execute("UPDATE watch SET guarding_since = 1000", []).unwrap();
    drop(connection);
    let store = open(directory.path());
    assert_eq!(store.reader().guarding_since().unwrap(), Some(at(1)));
    watch(&store, &mut Vec::new()).unwrap();
}

#[test]
fn a_migration_is_done_whole_or_not_at_all() {
    let (directory, store) = fixture();
    drop(store);
    let mut connection = Connection::open(directory.path().join(DATABASE)).unwrap();
    let first = schema::MIGRATIONS[0];
    schema::migrate(&mut connection, &[first, "CREATE TABLE two (a); nonsense"]).unwrap_err();
    schema::migrate(&mut connection, &[first, "CREATE TABLE two (a)", "DROP TABLE two"]).unwrap();
    schema::migrate(&mut connection, &[first, "nonsense that is not looked at", ""]).unwrap();
    let version: i64 =
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 3);
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
