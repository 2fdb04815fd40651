//! Every knob shows on the wire.

use std::io::Read as _;

use countersign_tlog::leaf_hash;
use flate2::read::GzDecoder;
use jiff::SignedDuration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::honest::{check_checkpoint, check_head};
use super::*;

/// Size, timestamp and root that a group is shown.
async fn head(lab: &Lab, group: Group) -> (u64, u64, [u8; 32]) {
    let (size, timestamp, root) = check_head(lab, &lab.get_as(group, "ct/v1/get-sth").await.json());
    (size, timestamp, root.0)
}

/// A log of ten entries with a fault, and the answer to get-sth.
async fn faulty(kind: FaultKind) -> Answer {
    let lab = lab(Protocol::Rfc6962).await;
    lab.fill(10);
    lab.log.turn_all(|knobs| knobs.faults = vec![Fault::new(kind.clone())]);
    lab.get("ct/v1/get-sth").await
}

#[tokio::test]
async fn withheld_entries_have_scts_and_are_never_there() {
    let lab = lab(Protocol::StaticCt).await;
    lab.fill(3);
    lab.log.merge(Merging::Nowhere);
    let withheld = lab.issue("mallory.example");
    assert_eq!(withheld.scts.len(), 1);
    lab.log.merge(Merging::Everywhere);
    lab.fill(1);
    assert_eq!(lab.log.head(Branch::FIRST).size, 4);
    let tile = lab.get("tile/data/000.p/4").await.body;
    assert!(!tile.windows(15).any(|name| name == b"mallory.example"));
}

#[tokio::test]
async fn a_fork_shares_a_prefix_and_no_more() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.fill(5);
    let fork = lab.log.fork(3);
    lab.log.turn(Group::B, |knobs| knobs.branch = fork);
    let (size, _, root) = head(&lab, Group::B).await;
    assert_eq!((size, head(&lab, Group::A).await.0), (3, 5), "a smaller tree");
    assert_eq!(root, lab.log.service.state().histories[0].tree().root(3));

    lab.log.merge(Merging::Only(fork));
    lab.log.push(junk(101), vec![]);
    lab.log.push(junk(102), vec![]);
    lab.log.publish();
    let [a, b] = [head(&lab, Group::A).await, head(&lab, Group::B).await];
    assert_eq!((a.0, b.0), (5, 5), "an equal tree");
    assert_ne!(a.2, b.2);

    lab.log.push(junk(103), vec![]);
    lab.log.publish();
    assert_eq!(
        (head(&lab, Group::A).await.0, head(&lab, Group::B).await.0),
        (5, 6),
        "a larger tree"
    );
    let page = "ct/v1/get-entries?start=2&end=3";
    let [a, b] = [lab.get_as(Group::A, page).await.json(), lab.get_as(Group::B, page).await.json()];
    assert_eq!(a["entries"][0], b["entries"][0]);
    assert_ne!(a["entries"][1], b["entries"][1]);
}

#[tokio::test]
async fn a_rollback_is_smaller_and_newer() {
    let lab = lab(Protocol::StaticCt).await;
    lab.fill(4);
    lab.fill(6);
    lab.advance(Duration::from_secs(60)).await;
    lab.log.turn_all(|knobs| knobs.shown = Shown::RolledBack { size: 7 });
    let (size, timestamp, _) = head(&lab, Group::A).await;
    assert_eq!((size, timestamp), (7, lab.now_ms()));
    assert_eq!(lab.get("tile/0/000.p/7").await.status, 200);
    assert_eq!(lab.get("tile/0/000.p/10").await.status, 404);
}

#[tokio::test]
async fn a_frozen_log_shows_one_head_for_ever() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.fill(4);
    lab.log.freeze(Group::A);
    let before = head(&lab, Group::A).await;
    lab.advance(Duration::from_secs(86_400)).await;
    lab.fill(4);
    assert_eq!(head(&lab, Group::A).await, before);
    assert_eq!(head(&lab, Group::B).await.0, 8, "the other group sees all");
    assert_eq!(lab.get("ct/v1/get-entries?start=4&end=4").await.status, 400);
}

#[tokio::test]
async fn timestamps_from_the_past_and_the_future() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.fill(1);
    for hours in [-48, 2] {
        lab.log.turn_all(|knobs| knobs.timestamp_shift = SignedDuration::from_hours(hours));
        let expected = lab.now_ms().checked_add_signed(hours * 3_600_000).unwrap();
        assert_eq!(head(&lab, Group::A).await.1, expected);
        let checkpoint = lab.get("checkpoint").await;
        assert_eq!(check_checkpoint(&lab, checkpoint.text()), (1, expected));
    }
}

#[tokio::test]
async fn a_bad_signature_does_not_verify() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.fill(1);
    lab.log.turn_all(|knobs| knobs.head_signature = HeadSignature::Bad);
    let sth = lab.get("ct/v1/get-sth").await.json();
    let signature = STANDARD.decode(sth["tree_head_signature"].as_str().unwrap()).unwrap();
    let signed = countersign_sct::DigitallySigned::parse(&signature).unwrap();
    let head = lab.log.head(Branch::FIRST);
    let message =
        [&[0, 1], &head.timestamp_ms.to_be_bytes()[..], &head.size.to_be_bytes(), &head.root]
            .concat();
    let key = countersign_sct::LogKey::from_spki(lab.log.spki()).unwrap();
    assert!(key.verify(&message, &signed).is_err());
}

#[tokio::test]
async fn substituted_entries_do_not_hash_to_their_leaves() {
    let lab = lab(Protocol::StaticCt).await;
    lab.fill(4);
    let honest = lab.log.service.state().histories[0].entry(2).unwrap().clone();
    let substitute = Entry { content: junk(666), ..honest.clone() };
    lab.log.turn_all(|knobs| knobs.substitutes = [(2, substitute.clone())].into());
    let page = lab.get("ct/v1/get-entries?start=2&end=2").await.json();
    let leaf = page["entries"][0]["leaf_input"].as_str().unwrap().to_owned();
    let leaf = leaf_hash(&[&STANDARD.decode(leaf).unwrap()]).0;
    let tile = lab.get("tile/0/000.p/4").await.body;
    assert_eq!(tile[64..96], honest.leaf_hash());
    assert_ne!(tile[64..96], leaf);
    let data = lab.get("tile/data/000.p/4").await.body;
    assert!(data.windows(substitute.tile_leaf().len()).any(|w| w == substitute.tile_leaf()));
}

#[tokio::test]
async fn a_tile_that_changed() {
    let lab = lab(Protocol::StaticCt).await;
    lab.fill(4);
    let before = lab.get("tile/0/000.p/4").await.body;
    lab.log.turn_all(|knobs| knobs.altered_hashes = [1].into());
    let after = lab.get("tile/0/000.p/4").await.body;
    assert_ne!(before[32..64], after[32..64]);
    assert_eq!((&before[..32], &before[64..]), (&after[..32], &after[64..]));
}

#[tokio::test]
async fn entries_of_unknown_type_and_entries_that_are_no_certificates() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.log.push(Content::Unknown { entry_type: 7, signed_entry: vec![1, 2, 3] }, vec![]);
    lab.log.push(Content::X509 { certificate: b"\x30\x80 no DER".to_vec() }, vec![]);
    lab.log.publish();
    let page = lab.get("ct/v1/get-entries?start=0&end=1").await.json();
    let leaf = |index: usize| {
        STANDARD.decode(page["entries"][index]["leaf_input"].as_str().unwrap()).unwrap()
    };
    assert_eq!(leaf(0)[10..], [0, 7, 1, 2, 3, 0, 0]);
    assert_eq!(leaf(1)[10..], *b"\x00\x00\x00\x00\x09\x30\x80 no DER\x00\x00");
}

#[tokio::test] // c2sp.org/signed-note: unknown signatures are ignored
async fn checkpoints_with_more_lines_than_needed() {
    let lab = lab(Protocol::StaticCt).await;
    lab.fill(1);
    lab.log.turn_all(|knobs| {
        knobs.signature_lines = vec![unknown_signature_line("log.example/2026h2+mldsa")];
        knobs.extension_lines = vec!["an extension".to_owned()];
    });
    let checkpoint = lab.get("checkpoint").await;
    check_checkpoint(&lab, checkpoint.text());
    let lines: Vec<&str> = checkpoint.text().lines().collect();
    assert_eq!((lines.len(), lines[3], lines[4]), (7, "an extension", ""));
    let blob = STANDARD.decode(lines[6].rsplit_once(' ').unwrap().1).unwrap();
    assert_eq!(blob.len(), 4 + 2420);
}

#[tokio::test]
async fn partial_tiles_vanish_or_are_full() {
    let lab = lab(Protocol::StaticCt).await;
    lab.fill(10);
    lab.log.turn(Group::A, |knobs| knobs.partial_tiles = PartialTiles::Vanish);
    lab.log.turn(Group::B, |knobs| knobs.partial_tiles = PartialTiles::FullInstead);
    for group in Group::ALL {
        assert_eq!(lab.get_as(group, "tile/0/000.p/10").await.body.len(), 320);
    }
    lab.fill(250);
    assert_eq!(lab.get_as(Group::A, "tile/0/000.p/10").await.status, 404);
    assert_eq!(lab.get_as(Group::A, "tile/0/000").await.status, 200);
    assert_eq!(lab.get_as(Group::B, "tile/0/000.p/10").await.body.len(), 8192);
    assert_eq!(lab.get_as(Group::B, "tile/0/001.p/4").await.body.len(), 128);
}

#[tokio::test]
async fn rate_limits_by_the_clock() {
    for (status, retry_after, header) in [
        (429, RetryAfter::Absent, None),
        (429, RetryAfter::Seconds(30), Some("30")),
        (503, RetryAfter::Date(30), Some("Tue, 24 Nov 2026 12:00:30 GMT")),
    ] {
        let lab = lab(Protocol::Rfc6962).await;
        let window = Duration::from_secs(10);
        let limit = RateLimit { requests_max: 2, window, status, retry_after };
        lab.log.turn(Group::A, |knobs| knobs.rate_limit = Some(limit));
        assert_eq!(lab.get("ct/v1/get-sth").await.status, 200);
        assert_eq!(lab.get("ct/v1/get-sth").await.status, 200);
        let refused = lab.get("ct/v1/get-sth").await;
        assert_eq!((refused.status, refused.header("retry-after")), (status, header));
        assert_eq!(lab.get_as(Group::B, "ct/v1/get-sth").await.status, 200);
        lab.advance(window).await;
        assert_eq!(lab.get("ct/v1/get-sth").await.status, 200);
    }
}

#[tokio::test]
async fn a_refused_submission_is_not_logged() {
    let lab = lab(Protocol::Rfc6962).await;
    let window = Duration::from_secs(10);
    let retry_after = RetryAfter::Absent;
    let limit = RateLimit { requests_max: 0, window, status: 429, retry_after };
    lab.log.turn_all(|knobs| knobs.rate_limit = Some(limit));
    let chain = json!({ "chain": rfc6962::all_base64(&[lab.authority.root()]) }).to_string();
    let answer = lab.raw(Group::A, "POST", "ct/v1/add-chain", "", chain.as_bytes()).await.unwrap();
    assert_eq!((parse(&answer).status, lab.log.publish().size), (429, 0));
    lab.log.turn_all(|knobs| knobs.rate_limit = None);
    let answer = lab.raw(Group::A, "POST", "ct/v1/add-chain", "", chain.as_bytes()).await.unwrap();
    assert_eq!((parse(&answer).status, lab.log.publish().size), (200, 1));
}

#[tokio::test]
async fn pages_are_limited_and_aligned() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.fill(100);
    lab.log.turn_all(|knobs| knobs.page_max = 32);
    lab.log.turn(Group::B, |knobs| knobs.pages = Pages::Aligned);
    for (group, start, expected) in
        [(Group::A, 20, 32), (Group::B, 20, 12), (Group::B, 32, 32), (Group::A, 90, 10)]
    {
        let path = format!("ct/v1/get-entries?start={start}&end=99");
        let page = lab.get_as(group, &path).await.json();
        assert_eq!(page["entries"].as_array().unwrap().len(), expected, "{group:?} {start}");
    }
}

#[tokio::test(start_paused = true)]
async fn latency_takes_the_machines_time() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.log.turn_all(|knobs| knobs.latency = Duration::from_secs(3));
    let before = tokio::time::Instant::now();
    assert_eq!(lab.get("ct/v1/get-sth").await.status, 200);
    assert!(before.elapsed() >= Duration::from_secs(3));
}

#[tokio::test]
async fn answers_that_are_something_else() {
    let html = faulty(FaultKind::Html).await;
    assert_eq!((html.status, html.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let truncated = faulty(FaultKind::Truncated).await;
    assert!(serde_json::from_slice::<Value>(&truncated.body).is_err());
    assert_eq!(truncated.header("content-length"), Some(truncated.body.len().to_string().as_str()));
    let png = faulty(FaultKind::WrongType).await;
    assert_eq!(
        (png.header("content-type"), png.json()["tree_size"].as_u64()),
        (Some("image/png"), Some(10))
    );
    let elsewhere = faulty(FaultKind::Redirect { to: "https://evil.example/".to_owned() }).await;
    assert_eq!(
        (elsewhere.status, elsewhere.header("location")),
        (302, Some("https://evil.example/"))
    );
    let empty = faulty(FaultKind::Empty).await;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
    assert_eq!(faulty(FaultKind::Status(404)).await.status, 404);
    let broken = faulty(FaultKind::BrokenGzip).await;
    assert_eq!((broken.header("content-encoding"), broken.body[0]), (Some("gzip"), b'{'));
}

#[tokio::test]
async fn lengths_that_lie() {
    let long = faulty(FaultKind::LengthTooLong).await;
    let claimed =
        |answer: &Answer| answer.header("content-length").unwrap().parse::<usize>().unwrap();
    assert_eq!(claimed(&long), long.body.len() + 100);
    assert_eq!(long.json()["tree_size"], json!(10));
    let short = faulty(FaultKind::LengthTooShort).await;
    assert_eq!(claimed(&short), short.body.len());
    assert!(serde_json::from_slice::<Value>(&short.body).is_err());
}

#[tokio::test]
async fn a_bomb_is_small_on_the_wire() {
    let bomb = faulty(FaultKind::GzipBomb).await;
    assert_eq!(bomb.header("content-encoding"), Some("gzip"));
    assert!(bomb.body.len() < 1 << 20);
    let mut inflated = GzDecoder::new(&bomb.body[..]);
    let mut start = vec![0; 3 << 20];
    inflated.read_exact(&mut start).unwrap();
    assert!(start.iter().all(|&byte| byte == b' '));
    let length = bomb.body.last_chunk::<4>().unwrap();
    assert_eq!(u32::from_le_bytes(*length), 256 << 20);
}

#[tokio::test]
async fn a_body_without_end() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.log.turn_all(|knobs| knobs.faults = vec![Fault::new(FaultKind::Endless)]);
    let stream = lab.send(Group::A, "GET", "ct/v1/get-sth", "", b"").await.unwrap();
    let mut read = Vec::new();
    stream.take(1 << 20).read_to_end(&mut read).await.unwrap();
    assert_eq!(read.len(), 1 << 20);
}

#[tokio::test(start_paused = true)]
async fn a_body_byte_by_byte() {
    let lab = lab(Protocol::Rfc6962).await;
    let pause = Duration::from_secs(1);
    lab.log.turn_all(|knobs| knobs.faults = vec![Fault::new(FaultKind::Drip { pause })]);
    let before = tokio::time::Instant::now();
    let answer = lab.get("ct/v1/get-sth").await;
    assert_eq!(answer.json()["tree_size"], json!(0));
    let pauses = u32::try_from(answer.body.len() - 1).unwrap();
    assert!(before.elapsed() >= pause * pauses);
}

#[tokio::test]
async fn every_third_connection_is_reset() {
    let lab = lab(Protocol::Rfc6962).await;
    let reset = Fault::new(FaultKind::Reset).on("get-sth").every(3);
    lab.log.turn_all(|knobs| knobs.faults = vec![reset.clone()]);
    for request in 1..=6 {
        assert_eq!(lab.get("ct/v1/get-roots").await.status, 200);
        let answer = lab.raw(Group::A, "GET", "ct/v1/get-sth", "", b"").await;
        match answer {
            Ok(bytes) => assert!(request % 3 != 0 && parse(&bytes).status == 200),
            Err(err) => {
                assert_eq!((request % 3, err.kind()), (0, io::ErrorKind::ConnectionReset));
            }
        }
    }
}

#[tokio::test]
async fn a_closed_door_refuses_until_it_opens_again() {
    let lab = lab(Protocol::Rfc6962).await;
    let mut idle = TcpStream::connect(lab.log.address(Group::A)).await.unwrap();
    assert_eq!(lab.get("ct/v1/get-sth").await.status, 200);
    lab.log.close(Group::A);
    // The connection there was is cut: no answer ever comes on it.
    assert!(matches!(idle.read(&mut [0]).await, Ok(0) | Err(_)));
    let refused = lab.raw(Group::A, "GET", "ct/v1/get-sth", "", b"").await;
    assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(lab.get_as(Group::B, "ct/v1/get-sth").await.status, 200);
    lab.log.reopen(Group::A).await.unwrap();
    assert_eq!(lab.get("ct/v1/get-sth").await.status, 200);
}

#[tokio::test]
async fn requests_are_counted_by_path_and_group() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.fill(1);
    lab.get("ct/v1/get-entries?start=0&end=0").await;
    lab.get("ct/v1/get-entries?start=9&end=9").await;
    lab.get_as(Group::B, "checkpoint").await;
    assert_eq!(lab.log.requests("ct/v1/get-entries"), 2);
    assert_eq!(lab.log.requests_of(Group::B, ""), 1);
    assert_eq!((lab.log.requests(""), lab.log.requests("tile/")), (3, 0));
}
