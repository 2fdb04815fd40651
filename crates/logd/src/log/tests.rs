use countersign_tlog::proof::consistency_proof;
use countersign_tlog::verify_consistency;
use tempfile::TempDir;

use super::*;

fn key(seed: u8) -> SignerKey {
    SignerKey::ed25519("log.example".parse().unwrap(), &[seed; 32])
}

fn open(folder: &TempDir) -> Log {
    Log::open(folder.path(), key(1)).unwrap()
}

fn entry(index: u64) -> Vec<u8> {
    format!("entry {index}\n").into_bytes()
}

fn grown(folder: &TempDir, size: u64) -> Log {
    (0..size).fold(open(folder), |log, index| {
        let (log, at) = log.append(&entry(index)).unwrap();
        assert_eq!(at, index);
        log
    })
}

/// The head that is served.
fn served(folder: &TempDir) -> Checkpoint {
    let note = Note::parse(&std::fs::read(folder.path().join(CHECKPOINT)).unwrap()).unwrap();
    key(1).verifier_key().verify(&note).unwrap();
    Checkpoint::parse(note.text()).unwrap()
}

/// What a monitor sees: all entries, and that they are those of the tree that is served.
fn entries(folder: &TempDir) -> Vec<Vec<u8>> {
    let (disk, head) = (Disk::open(folder.path()).unwrap(), served(folder));
    let (mut all, mut tree) = (Vec::new(), Frontier::new());
    for start in (0..head.size()).step_by(256) {
        let tile = TileId::covering(Node { level: 0, index: start }, head.size());
        let bundle = disk.read(&tile.entries_path(), BUNDLE_BYTES_MAX).unwrap().unwrap();
        for entry in entry_bundle::parse(&bundle, tile.width).unwrap() {
            tree.push(leaf_hash(&[entry]));
            all.push(entry.to_vec());
        }
    }
    assert_eq!(tree.root(), head.root());
    all
}

/// Checks, by the tiles of the newer, that a head has grown out of another.
fn assert_grown(folder: &TempDir, old: &Checkpoint, new: &Checkpoint) {
    let disk = Disk::open(folder.path()).unwrap();
    let read = |node| hash(&disk, node, new.size()).ok();
    let path = consistency_proof(old.size(), new.size(), read).unwrap();
    verify_consistency(old.size(), &old.root(), new.size(), &new.root(), &path).unwrap();
}

#[test]
fn a_log_is_that_of_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let log = grown(&folder, 260);
    assert_eq!((log.size(), served(&folder).size()), (260, 260));
    for (tile, bytes) in [
        ("tile/0/000", 8192),
        ("tile/0/001.p/4", 128),
        ("tile/1/000.p/1", 32),
        ("tile/0/000.p/255", 8160),
    ] {
        assert_eq!(std::fs::metadata(folder.path().join(tile)).unwrap().len(), bytes, "{tile}");
    }
    assert!(!folder.path().join("tile/1/000.p/2").exists());
    assert_eq!(entries(&folder), (0..260).map(entry).collect::<Vec<_>>());
    for index in [0, 1, 255, 256, 259] {
        assert_eq!(log.find(&entry(index)).unwrap(), Some(index));
        let proof = TlogProof::parse(log.prove(index).unwrap().to_text().as_bytes()).unwrap();
        proof.verify(&leaf_hash(&[&entry(index)]), &log.key()).unwrap();
        assert!(proof.verify(&leaf_hash(&[b"other"]), &log.key()).is_err());
    }
    assert_eq!(log.find(b"other").unwrap(), None);
    assert!(matches!(log.prove(260), Err(LogError::NoEntry(260))));
}

#[test]
fn a_log_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..10 {
        let old = open(&folder);
        assert_eq!(old.size(), index);
        let before = served(&folder);
        old.append(&entry(index)).unwrap();
        assert_grown(&folder, &before, &served(&folder));
    }
    assert_eq!(entries(&folder).len(), 10);
}

#[test]
fn two_do_not_append_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder);
    assert!(matches!(Log::open(folder.path(), key(1)), Err(LogError::InUse(_))));
    drop(log);
    open(&folder);
}

#[test]
fn an_entry_fits_into_a_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(&folder);
    let (log, _) = log.append(&[0; ENTRY_BYTES_MAX]).unwrap();
    let long = log.append(&[0; ENTRY_BYTES_MAX + 1]);
    assert!(matches!(long, Err(LogError::EntryTooLong(65_536))));
}

/// Makes the disk fail at each step of an append in turn. Whatever was served or promised before, nothing that
/// comes later contradicts it; and what was promised is served after the next start.
#[test]
fn a_crash_at_any_step_makes_no_second_tree() {
    for size in [0, 1, 7, 255, 256] {
        let folder = tempfile::tempdir().unwrap();
        drop(grown(&folder, size));
        let mut crashes = 0;
        loop {
            let log = open(&folder);
            let (before, at) = (served(&folder), log.size());
            log.disk.steps_left.set(Some(crashes));
            // Another entry each time: a half-written one must not stay in the tree.
            let appended = log.append(format!("crash {crashes}").as_bytes());
            let seen = served(&folder);
            assert_grown_on_disk(&folder, &before, &seen);
            let is_over = appended.is_ok();
            drop(appended);
            let log = open(&folder);
            assert!(log.size() == at || log.size() == at + 1);
            assert_grown_on_disk(&folder, &seen, &served(&folder));
            assert_eq!(served(&folder).size(), log.size());
            if log.size() > at {
                assert_eq!(log.find(format!("crash {crashes}").as_bytes()).unwrap(), Some(at));
            }
            drop(log);
            assert_eq!(u64::try_from(entries(&folder).len()).unwrap(), served(&folder).size());
            if is_over {
                break;
            }
            crashes += 1;
        }
        // Four files of six steps each at least: bundle, tile, position, checkpoint.
        assert!(crashes >= 24, "{crashes} steps at {size}");
    }
}

fn assert_grown_on_disk(folder: &TempDir, old: &Checkpoint, new: &Checkpoint) {
    if new.size() > 0 {
        assert_grown(folder, old, new);
    } else {
        assert_eq!(old, new);
    }
}

#[test]
fn a_crash_at_the_first_start_is_no_harm() {
    for steps in 0..12 {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::open(folder.path()).unwrap();
        disk.steps_left.set(Some(steps));
        let head = sign(&key(1), &Frontier::new());
        let _crashed = disk.write(POSITION, head.as_bytes());
        let (log, _) = open(&folder).append(b"first").unwrap();
        assert_eq!(log.size(), 1);
    }
}

#[test]
fn what_is_not_the_logs_is_refused() {
    let check = |damage: fn(&Path), seed: u8, expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        drop(grown(&folder, 3));
        damage(folder.path());
        let why = match Log::open(folder.path(), key(seed)) {
            Err(why) => why,
            Ok(log) => log.append(b"more").err().unwrap(),
        };
        assert!(why.to_string().contains(expected), "{why}");
    };
    check(|_| {}, 2, "is that of another key");
    check(|folder| std::fs::remove_file(folder.join(POSITION)).unwrap(), 1, "no position");
    check(|folder| std::fs::write(folder.join(POSITION), "x\n").unwrap(), 1, "is no note");
    check(
        |folder| std::fs::write(folder.join("tile/0/000.p/3"), [0; 96]).unwrap(),
        1,
        "not those of",
    );
    check(|folder| std::fs::write(folder.join("tile/0/000.p/3"), [0; 95]).unwrap(), 1, "95 bytes");
    check(
        |folder| std::fs::remove_file(folder.join("tile/0/000.p/3")).unwrap(),
        1,
        "there is no tile",
    );
    let bundle = "tile/entries/000.p/3";
    check(
        |folder| std::fs::write(folder.join("tile/entries/000.p/3"), b"\0\0\0\0\0\0").unwrap(),
        1,
        "other entries",
    );
    check(|folder| std::fs::remove_file(folder.join("tile/entries/000.p/3")).unwrap(), 1, bundle);
}
