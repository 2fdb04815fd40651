use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::*;

fn memory(lines: &str) -> Memory {
    Memory::parse(&format!("countersign-memory/1\n{lines}")).expect("what an enforcer writes")
}

fn seen(day: u8) -> Memory {
    memory(&format!("seen 2026-11-{day:02}T00:00:00Z\n"))
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("it was written")
}

#[test]
fn what_is_written_is_read_and_kept_private() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("memory");
    let file = MemoryFile::new(path.clone());
    assert_eq!(file.read(), Ok(Memory::default()), "no file yet");
    file.save(&seen(1), Timestamp::UNIX_EPOCH).expect("the folder can be written");
    assert_eq!(MemoryFile::new(path.clone()).read(), Ok(seen(1)));
    let mode = fs::metadata(&path).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let entries = fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(entries, 1, "nothing is left behind");
}

#[test]
fn it_is_written_once_a_minute_and_merged() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("memory");
    let (file, other) = (MemoryFile::new(path.clone()), MemoryFile::new(path.clone()));
    let after = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
    file.save_at_times(&seen(1), after(0)).expect("written");
    file.save_at_times(&seen(2), after(59)).expect("not yet");
    assert_eq!(text(&path), seen(1).to_text());
    other.save(&seen(9), after(59)).expect("written");
    file.save_at_times(&seen(2), after(60)).expect("written");
    assert_eq!(text(&path), seen(9).to_text(), "what another program knows is kept");
}

#[test]
fn only_a_memory_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("memory");
    let file = MemoryFile::new(path.clone());
    let save = |before: &[u8]| {
        fs::write(&path, before).expect("the folder can be written");
        file.save(&seen(3), Timestamp::UNIX_EPOCH)
    };
    for other in
        [&b"a letter\n"[..], b"countersign-memory/12\n", b"\xff\n", &[b'x'; MEMORY_BYTES_MAX + 1]]
    {
        let told = save(other).expect_err("it is something else");
        assert!(told.ends_with("left as it is"), "{told}");
        assert!(fs::read(&path).expect("it is there") == other, "it was not touched");
    }
    save(b"countersign-memory/1\nnonsense\n").expect("a damaged memory is given up");
    assert_eq!(text(&path), seen(3).to_text());
}

#[test]
fn a_folder_that_cannot_be_written_is_told() {
    let file = MemoryFile::new(PathBuf::from("/nonexistent/memory"));
    let told = file.save(&seen(1), Timestamp::UNIX_EPOCH).expect_err("there is no such folder");
    assert!(told.starts_with("cannot write /nonexistent/memory"), "{told}");
}
