use std::fs;

use tempfile::TempDir;

use super::*;
use crate::lookup::sha256;

fn record(reference: &str) -> RecordRow {
    RecordRow {
        id: 0,
        prev: String::new(),
        at: "2026-11-28T12:00:00Z".to_owned(),
        source: "api".to_owned(),
        reference: Some(reference.to_owned()),
        verdict: "deny".to_owned(),
        purpose: "tls".to_owned(),
        demand: "validated".to_owned(),
        issuers: vec!["ca.example".to_owned()],
        accounts: Vec::new(),
        names: Vec::new(),
        perspectives: None,
    }
}

fn proof(text: &str) -> ProofFile {
    ProofFile { hash: sha256(text.as_bytes()), bytes: text.as_bytes().into() }
}

/// An archive with so many decisions, closed.
async fn written(count: u64) -> TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let (archive, _) = Archive::open(dir.path()).expect("an archive");
    for number in 1..=count {
        let added = archive.add(record(&number.to_string()), vec![proof("p")]).await;
        assert_eq!(added.expect("added").id, number);
    }
    archive.close();
    dir
}

fn decisions(dir: &TempDir) -> PathBuf {
    dir.path().join(DECISIONS)
}

#[track_caller]
fn check(dir: &TempDir, expected: Result<Opened, &str>) {
    match (Archive::open(dir.path()), expected) {
        (Ok((archive, opened)), Ok(expected)) => {
            assert_eq!(opened, expected);
            archive.close();
        }
        (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}"),
        (opened, expected) => panic!("{:?}, not {expected:?}", opened.map(|(_, opened)| opened)),
    }
}

#[tokio::test]
async fn what_was_added_is_there_after_a_restart() {
    let dir = written(3).await;
    check(&dir, Ok(Opened { decisions: 3, cut_bytes: 0 }));
    let (archive, _) = Archive::open(dir.path()).expect("an archive");
    let line = archive.get(2).await.expect("read").expect("there");
    assert!(line.contains(r#""id":2,"#) && line.ends_with('}'), "{line}");
    for id in [0, 4, u64::MAX] {
        assert_eq!(archive.get(id).await.expect("read"), None);
    }
    assert_eq!(archive.add(record("4"), Vec::new()).await.expect("added").id, 4);
    assert!(archive.get(4).await.expect("read").is_some());
    let hash = hex(&proof("p").hash);
    assert_eq!(read_proof(dir.path(), &hash), Some(b"p".to_vec()));
    assert_eq!(read_proof(dir.path(), "../../etc/passwd"), None);
    fs::write(proof_path(dir.path(), &hash), b"q").expect("written");
    assert_eq!(read_proof(dir.path(), &hash), None);
}

fn hex(bytes: &[u8]) -> String {
    crate::hex::encode(bytes)
}

#[tokio::test] // For every length that a crash can leave.
async fn a_line_that_was_not_finished_is_cut_off() {
    let dir = written(2).await;
    let whole = fs::read(decisions(&dir)).expect("read");
    let first = whole.iter().position(|byte| *byte == b'\n').expect("a line") + 1;
    for length in first..whole.len() {
        fs::write(decisions(&dir), &whole[..length]).expect("written");
        let cut_bytes = u64::try_from(length - first).expect("small");
        check(&dir, Ok(Opened { decisions: 1, cut_bytes }));
        check(&dir, Ok(Opened { decisions: 1, cut_bytes: 0 }));
    }
}

#[tokio::test]
async fn a_changed_or_missing_line_breaks_the_chain() {
    let dir = written(3).await;
    let whole = fs::read_to_string(decisions(&dir)).expect("read");
    let lines: Vec<&str> = whole.lines().collect();
    let with = |lines: &[&str]| {
        fs::write(decisions(&dir), lines.join("\n") + "\n").expect("written");
    };
    with(&[lines[0], lines[2]]);
    check(&dir, Err("line 2: its number"));
    with(&[lines[1], lines[2]]);
    check(&dir, Err("line 1: its number"));
    with(&[lines[0], &lines[1].replace("deny", "allow"), lines[2]]);
    check(&dir, Err("line 3: its prev"));
    with(&[lines[0], &lines[2].replace(r#""id":3"#, r#""id":2"#)]);
    check(&dir, Err("line 2: its prev"));
    with(&[lines[0], "garbage", lines[2]]);
    check(&dir, Err("line 2: it is no record"));
    with(&lines);
    check(&dir, Ok(Opened { decisions: 3, cut_bytes: 0 }));
}

#[tokio::test]
async fn one_gate_writes() {
    let dir = written(0).await;
    let (archive, _) = Archive::open(dir.path()).expect("an archive");
    check(&dir, Err("another gate writes to"));
    archive.close();
    let closed = archive.add(record("1"), Vec::new()).await;
    assert!(matches!(closed, Err(ArchiveError::Closed)), "{closed:?}");
    drop(archive);
    check(&dir, Ok(Opened { decisions: 0, cut_bytes: 0 }));
}

#[tokio::test]
async fn many_share_the_disk() {
    let dir = written(0).await;
    let (archive, _) = Archive::open(dir.path()).expect("an archive");
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..300 {
        let archive = archive.clone();
        tasks.spawn(async move {
            archive.add(record(&number.to_string()), vec![proof(&(number % 7).to_string())]).await
        });
    }
    let mut ids: Vec<_> =
        tasks.join_all().await.into_iter().map(|added| added.expect("added").id).collect();
    ids.sort_unstable();
    assert_eq!(ids, (1..=300).collect::<Vec<_>>());
    archive.close();
    drop(archive);
    check(&dir, Ok(Opened { decisions: 300, cut_bytes: 0 }));
}

#[tokio::test]
async fn a_line_that_could_not_be_read_again_is_not_written() {
    let dir = written(1).await;
    let (archive, _) = Archive::open(dir.path()).expect("an archive");
    let most = usize::try_from(LINE_BYTES_MAX - PLACE_BYTES_MAX - json_bytes(&record("")))
        .expect("it fits");
    let (longest, longer) = (record(&"a".repeat(most)), record(&"a".repeat(most + 1)));
    let (longest, longer, short) = tokio::join!(
        archive.add(longest, Vec::new()),
        archive.add(longer, Vec::new()),
        archive.add(record("short"), Vec::new()),
    );
    assert!(matches!(longer, Err(ArchiveError::TooLong)), "{:?}", longer.map(|added| added.id));
    let mut ids = [longest.expect("added").id, short.expect("added").id];
    ids.sort_unstable();
    assert_eq!(ids, [2, 3]);
    archive.close();
    drop(archive);
    check(&dir, Ok(Opened { decisions: 3, cut_bytes: 0 }));
}

#[tokio::test] // A part of the proofs of a write is there, and not the write.
async fn a_proof_counts_as_written_only_when_all_are() {
    let dir = written(0).await;
    let mut writer = Writer::open(dir.path()).expect("an archive").0;
    let (good, bad) = (proof("good"), proof("bad"));
    let folder = proof_path(dir.path(), &hex(&bad.hash)).parent().expect("a folder").to_owned();
    fs::write(&folder, b"in the way").expect("written");
    let proofs = [good.clone(), bad];
    writer.write(vec![record("1")], &proofs).expect_err("a file is in the way");
    fs::remove_file(&folder).expect("removed");
    fs::remove_file(proof_path(dir.path(), &hex(&good.hash))).expect("removed");
    writer.write(vec![record("1")], &proofs).expect("written");
    assert!(read_proof(dir.path(), &hex(&good.hash)).is_some());
}
