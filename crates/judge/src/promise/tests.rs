//! Promises, views of a log, and whether the one was kept as far as the other shows.

use proptest::prelude::*;

use super::*;

const GIVEN_MS: u64 = 1_790_000_000_000;
const HOUR_MS: i64 = 60 * 60 * 1000;

fn promise(leaf_index: Option<u64>) -> Promise {
    let mmd = SignedDuration::from_hours(24);
    Promise { log: [1; 32], tbs_sha256: [2; 32], timestamp_ms: GIVEN_MS, leaf_index, mmd }
}

/// That many hours after the promise.
fn after(hours: i64) -> Timestamp {
    let given = i64::try_from(GIVEN_MS).unwrap();
    Timestamp::from_millisecond(given + hours * HOUR_MS).unwrap()
}

fn view(searched_from: Option<i64>, verified_head_time: Option<i64>) -> LogView {
    LogView {
        followed: true,
        searched_from: searched_from.map(after),
        verified_head_time: verified_head_time.map(after),
    }
}

fn at(index: u64, logged_ms: u64) -> SeenAt {
    SeenAt { index, logged_ms }
}

#[track_caller]
fn check(promise: &Promise, seen: &[SeenAt], view: &LogView, now: i64, expected: PromiseVerdict) {
    let verdict = judge_promise(promise, seen, view, after(now));
    assert_eq!(verdict, expected);
    let alarming = matches!(verdict, PromiseVerdict::Broken | PromiseVerdict::KeptElsewhere { .. });
    assert_eq!(promise.finding(&verdict).is_some(), alarming);
}

#[test]
fn the_promised_entry_keeps_the_promise() {
    let nothing_seen_yet = view(None, None);
    check(&promise(None), &[at(7, GIVEN_MS)], &nothing_seen_yet, 0, PromiseVerdict::Kept);
    check(&promise(Some(7)), &[at(7, GIVEN_MS)], &nothing_seen_yet, 99, PromiseVerdict::Kept);
    let twice = [at(3, GIVEN_MS - 1), at(7, GIVEN_MS)];
    check(&promise(Some(7)), &twice, &view(None, Some(99)), 99, PromiseVerdict::Kept);
}

#[test] // RFC 6962 §3.4: the timestamp is part of the leaf.
fn another_entry_is_not_the_promised_one() {
    let elsewhere = PromiseVerdict::KeptElsewhere { index: 8 };
    check(&promise(Some(7)), &[at(8, GIVEN_MS)], &view(None, Some(25)), 26, elsewhere);
    check(&promise(None), &[at(8, GIVEN_MS + 1)], &view(None, Some(25)), 26, elsewhere);
    // The promised one may still come.
    let waiting = PromiseVerdict::Waiting { until: promise(None).due().unwrap() };
    check(&promise(Some(7)), &[at(8, GIVEN_MS)], &view(None, Some(1)), 2, waiting);
}

#[test]
fn only_a_searched_tree_breaks_a_promise() {
    let until = promise(None).due().unwrap();
    check(&promise(None), &[], &view(None, Some(25)), 26, PromiseVerdict::Broken);
    check(&promise(None), &[], &view(None, Some(23)), 24, PromiseVerdict::Waiting { until });
    check(&promise(None), &[], &view(None, None), 1, PromiseVerdict::Waiting { until });
    // Past its time by our clock, but the log has not shown a tree that should have it.
    let behind = PromiseVerdict::NotLooked(NotLooked::Behind);
    check(&promise(None), &[], &view(None, Some(24)), 100, behind);
    check(&promise(None), &[], &view(None, None), 100, behind);
    // The lag is the log's.
    check(&promise(None), &[], &view(None, Some(24)), 24, PromiseVerdict::Waiting { until });
}

#[test]
fn our_clock_cannot_break_a_promise() {
    for now in [-10, 0, 26, 1_000_000] {
        check(&promise(None), &[], &view(None, Some(25)), now, PromiseVerdict::Broken);
    }
}

#[test]
fn what_was_not_looked_at_is_neither_fine_nor_broken() {
    let unfollowed = LogView { followed: false, ..view(None, Some(99)) };
    let not_followed = PromiseVerdict::NotLooked(NotLooked::NotFollowed);
    check(&promise(None), &[], &unfollowed, 99, not_followed);
    check(&promise(None), &[at(7, GIVEN_MS)], &unfollowed, 99, PromiseVerdict::Kept);

    let before = PromiseVerdict::NotLooked(NotLooked::BeforeSearch);
    check(&promise(None), &[], &view(Some(1), Some(99)), 99, before);
    check(&promise(None), &[], &view(Some(-23), Some(99)), 99, before);
    check(&promise(None), &[], &view(Some(-24), Some(99)), 99, PromiseVerdict::Broken);
}

#[test]
fn absurd_times_are_no_excuse_for_silence_and_no_alarm() {
    let future = PromiseVerdict::NotLooked(NotLooked::FromTheFuture);
    for timestamp_ms in [u64::MAX, 253_402_300_800_000, GIVEN_MS * 2] {
        let promise = Promise { timestamp_ms, ..promise(None) };
        check(&promise, &[], &view(None, Some(99)), 99, future);
    }
    let endless = Promise { mmd: SignedDuration::MAX, ..promise(None) };
    check(&endless, &[], &view(None, Some(99)), 99, future);
    let negative = Promise { mmd: SignedDuration::MIN, ..promise(None) };
    check(&negative, &[], &view(None, Some(1)), 1, PromiseVerdict::Broken);
}

/// A value of TLS's presentation language: two octets of length, then that many (RFC 5246 §4.3).
fn opaque16(value: &[u8]) -> Vec<u8> {
    [&u16::try_from(value.len()).unwrap().to_be_bytes()[..], value].concat()
}

fn sct(version: u8, log: u8, extensions: &[u8]) -> Vec<u8> {
    let signature = [&[4, 3][..], &opaque16(&[7; 70])].concat();
    [&[version][..], &[log; 32], &GIVEN_MS.to_be_bytes(), &opaque16(extensions), &signature]
        .concat()
}

/// A certificate with these SCTs.
fn certificate(scts: &[Vec<u8>]) -> Vec<u8> {
    let list = opaque16(&scts.iter().flat_map(|sct| opaque16(sct)).collect::<Vec<u8>>());
    let length = u16::try_from(list.len()).unwrap().to_be_bytes();
    let extension = [&[0x04, 0x82][..], &length, &list].concat();
    let id = [1, 3, 6, 1, 4, 1, 11129, 2, 4, 2];
    let mut parameters = rcgen::CertificateParams::new(["a.example".to_owned()]).unwrap();
    parameters.custom_extensions = vec![rcgen::CustomExtension::from_oid_content(&id, extension)];
    let key = rcgen::KeyPair::generate().unwrap();
    parameters.self_signed(&key).unwrap().der().to_vec()
}

#[test] // c2sp.org/static-ct-api, "SCT Extension": type 0, five octets.
fn a_certificate_holds_promises() {
    let leaf_index = [0, 0, 5, 0, 0, 0, 1, 2];
    // The length is written in two octets only from 256 on, so there are enough of them.
    let scts = [sct(0, 1, b""), sct(0, 2, &leaf_index), sct(1, 3, b""), sct(0, 4, b"?")];
    let certificate = certificate(&scts);
    let promises = promises_of(&certificate);
    let made: Vec<_> = promises
        .made
        .iter()
        .map(|made| (made.log[0], made.timestamp_ms, made.leaf_index))
        .collect();
    assert_eq!(made, [(1, GIVEN_MS, None), (2, GIVEN_MS, Some(258)), (4, GIVEN_MS, None)]);
    assert_eq!(promises.unread.len(), 1);
    let tbs = precert_tbs(&certificate).unwrap();
    assert_eq!(promises.made[0].tbs_sha256, digest::digest(&SHA256, &tbs).as_ref());
    assert_eq!(promises.made[0].within(promise(None).mmd).mmd, promise(None).mmd);
}

#[test]
fn what_cannot_be_read_is_said() {
    let promises = promises_of(b"not a certificate");
    assert!(promises.made.is_empty());
    assert_eq!(promises.unread.len(), 1);
}

proptest! {
    #[test]
    fn any_bytes_give_promises(bytes: Vec<u8>) {
        let promises = promises_of(&bytes);
        prop_assert!(promises.made.is_empty());
    }

    #[test]
    fn any_promise_gets_a_verdict(
        timestamp_ms: u64,
        leaf_index: Option<u64>,
        mmd_s: i64,
        seen in proptest::collection::vec((any::<u64>(), any::<u64>()), 0..3),
        times in (any::<i32>(), any::<i32>(), any::<i32>()),
    ) {
        let second = |s: i32| Timestamp::from_second(s.into()).unwrap();
        let mmd = SignedDuration::from_secs(mmd_s);
        let promise = Promise { timestamp_ms, leaf_index, mmd, ..promise(None) };
        let seen: Vec<SeenAt> = seen.into_iter().map(|(index, ms)| at(index, ms)).collect();
        let view = LogView {
            followed: true,
            searched_from: Some(second(times.0)),
            verified_head_time: Some(second(times.1)),
        };
        judge_promise(&promise, &seen, &view, second(times.2));
    }
}
