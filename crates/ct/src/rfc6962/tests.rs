//! Recorded answers of a real log, and broken ones.

use super::*;
use crate::entry::Content;
use countersign_sct::log_list::LogList;
use countersign_tlog::{verify_consistency, verify_inclusion};
use proptest::prelude::*;
use serde_json::Value;

/// One recorded answer of Google's Argon2020.
fn recorded(name: &str) -> Option<Vec<u8>> {
    crate::vectors::folder("ct/rfc6962").map(|folder| std::fs::read(folder.join(name)).unwrap())
}

fn argon_2020() -> LogKey {
    let list = crate::vectors::folder("loglists").unwrap().join("apple-current-2026-08.json");
    let list = LogList::parse(&std::fs::read(list).unwrap()).unwrap();
    list.logs.into_iter().find(|log| log.description.contains("Argon 2020")).unwrap().key
}

#[test]
fn a_real_log_answers_and_every_answer_verifies() {
    let Some(sth) = recorded("get-sth.json") else { return };
    let head = SignedTreeHead::parse(&sth, &argon_2020()).unwrap();
    assert_eq!((head.size(), head.timestamp_ms()), (961_984_011, 1_726_494_206_646));
    assert_eq!(head.bytes(), sth);

    let answer = recorded("get-entries-start-10000-end-10000.json").unwrap();
    let page = Page::parse(&answer, 1).unwrap();
    let entry = page.entries().next().unwrap();
    let Content::Certificate { certificate, .. } = entry.content else {
        panic!("{:?}", entry.content)
    };
    assert!(certificate.starts_with(&[0x30, 0x82]));
    let Beside::ExtraData(extra) = entry.beside else { panic!("{:?}", entry.beside) };
    let extra = STANDARD.decode(extra).unwrap();
    assert_eq!(Chain::of_certificate(&extra).unwrap().above.len(), 3);

    let (index, path) = inclusion(&recorded("get-proof-by-hash.json").unwrap()).unwrap();
    assert_eq!(index, 10_000);
    verify_inclusion(index, head.size(), &entry.leaf_hash(), &path, &head.root()).unwrap();
}

#[test]
fn a_forged_head_is_not_this_logs() {
    let Some(sth) = recorded("get-sth.json") else { return };
    let key = argon_2020();
    let forge = |field: &str, value: Value| {
        let mut forged: Value = serde_json::from_slice(&sth).unwrap();
        forged[field] = value;
        SignedTreeHead::parse(forged.to_string().as_bytes(), &key).unwrap_err()
    };
    assert_eq!(forge("tree_size", 961_984_010.into()), HeadError::Signature);
    assert_eq!(forge("timestamp", 1.into()), HeadError::Signature);
    assert!(matches!(forge("sha256_root_hash", "AAAA".into()), HeadError::Malformed(_)));
    assert!(matches!(forge("tree_head_signature", "!".into()), HeadError::Malformed(_)));
    assert!(matches!(forge("tree_size", "5".into()), HeadError::Malformed(_)));
    let other = crate::vectors::some_key();
    assert_eq!(SignedTreeHead::parse(&sth, &other), Err(HeadError::Signature));
}

#[test]
fn a_page_says_what_is_wrong_with_it() {
    let check = |answer: &str, expected: &str| {
        let err = Page::parse(answer.as_bytes(), 1).unwrap_err();
        assert_eq!(err.to_string(), expected);
    };
    let entry = r#"{"leaf_input":"AAAA","extra_data":""}"#;
    check("<html>", "not the JSON that was asked for");
    check(r#"{"entries":[]}"#, "no entry was sent");
    check(&format!(r#"{{"entries":[{entry},{entry}]}}"#), "2 entries were sent, 1 were asked for");
    check(r#"{"entries":[{"leaf_input":"A!","extra_data":""}]}"#, "leaf_input is not base64");
    // JSON may escape a slash.
    let escaped = r#"{"entries":[{"leaf_input":"\/\/8=","extra_data":""}],"more":1}"#;
    let page = Page::parse(escaped.as_bytes(), 1).unwrap();
    assert_eq!(page.entries().next().unwrap().leaf_bytes(), [0xff, 0xff]);
}

/// What a JSON reader makes of an answer.
fn by_json(answer: &str) -> Option<Vec<(String, String)>> {
    let shape: EntriesAnswer<'_> = serde_json::from_str(answer).ok()?;
    Some(texts(shape.entries))
}

fn texts(entries: Vec<EntryAnswer<'_>>) -> Vec<(String, String)> {
    let texts = |entry: EntryAnswer<'_>| (entry.leaf_input.into(), entry.extra_data.into());
    entries.into_iter().map(texts).collect()
}

#[test]
fn the_short_way_is_taken_for_plain_answers_only() {
    let check = |answer: &str, is_plain: bool| {
        let plain = plain_entries(answer.as_bytes()).map(texts);
        assert_eq!(plain.is_some(), is_plain, "{answer}");
        assert!(plain.is_none() || plain == by_json(answer), "{answer}");
    };
    let (one, other) =
        (r#"{"leaf_input":"AAAA","extra_data":"é"}"#, r#"{"extra_data":"","leaf_input":"BB=="}"#);
    check(&format!(r#"{{"entries":[{one}]}}"#), true);
    check(&format!("{{\"entries\":[{one},{other},{one}]}}\n"), true);
    for answer in [
        "{\"entries\":[]}".to_owned(),
        format!(r#"{{"entries":[{one}],"more":1}}"#),
        format!(r#"{{"entries":[{one} ]}}"#),
        format!(r#"{{"entries":[{one},]}}"#),
        format!(r#"{{"entries":[{one}]}}{{}}"#),
        format!(r#"{{"entries":[{one}"#),
        r#"{"entries":[{"leaf_input":"\/","extra_data":""}]}"#.to_owned(),
        r#"{"entries":[{"leaf_input":"","leaf_input":""}]}"#.to_owned(),
        r#"{"entries":[{"leaf_input":"","extra_data":"","extra_data":""}]}"#.to_owned(),
    ] {
        check(&answer, false);
    }
}

proptest! {
    #[test]
    fn the_short_way_ends_where_json_does(
        entries in proptest::collection::vec(("[A-Za-z0-9+/=]{0,20}", "[ -~é]{0,20}"), 1..4),
        cut in any::<proptest::sample::Index>(),
        put in "[]\\[{}\",: a]{0,3}",
    ) {
        let objects = entries.iter().map(|(leaf_input, extra_data)| {
            serde_json::json!({ "leaf_input": leaf_input, "extra_data": extra_data })
        });
        let mut answer = serde_json::json!({ "entries": objects.collect::<Vec<_>>() }).to_string();
        let places: Vec<usize> = answer.char_indices().map(|(place, _)| place).collect();
        answer.insert_str(*cut.get(&places), &put);
        let plain = plain_entries(answer.as_bytes()).map(texts);
        prop_assert!(plain.is_none() || plain == by_json(&answer), "{answer}");
    }
}

#[test]
fn proofs_are_bounded() {
    let hash = format!("\"{}\"", Hash([0; 32]));
    let long = format!(r#"{{"consistency":[{}]}}"#, vec![hash.as_str(); 129].join(","));
    assert!(matches!(consistency(long.as_bytes()), Err(AnswerError::LongProof(129))));
    assert!(matches!(consistency(br#"{"consistency":["AAAA"]}"#), Err(AnswerError::Hash)));
    assert!(consistency(br#"{"consistency":[]}"#).unwrap().is_empty());
}

#[test]
fn a_real_consistency_proof_leads_to_the_real_head() {
    let Some(sth) = recorded("get-sth.json") else { return };
    let head = SignedTreeHead::parse(&sth, &argon_2020()).unwrap();
    let proof =
        consistency(&recorded("get-sth-consistency-first-3654490-second-961984011.json").unwrap())
            .unwrap();
    // The earlier root was not recorded, so a wrong one must be refused and the proof must have the right length.
    assert!(
        verify_consistency(3_654_490, &Hash([0; 32]), head.size(), &head.root(), &proof).is_err()
    );
    let nodes = countersign_tlog::proof::consistency_nodes(3_654_490, head.size());
    assert!(proof.len() <= nodes.len(), "{} hashes, {} nodes", proof.len(), nodes.len());
}

#[test]
fn paths_ask_for_what_they_should() {
    assert_eq!(entries_path(&(10..20)), "ct/v1/get-entries?start=10&end=19");
    assert_eq!(consistency_path(5, 9), "ct/v1/get-sth-consistency?first=5&second=9");
    let path = inclusion_path(&Hash([0xfb; 32]), 9);
    assert!(path.starts_with("ct/v1/get-proof-by-hash?hash=%2B%2Fv7"), "{path}");
    assert!(path.ends_with("%3D&tree_size=9"), "{path}");
}

proptest! {
    #[test]
    fn any_answer_is_read_or_refused(answer: Vec<u8>) {
        let _ = Page::parse(&answer, 10);
        let _ = consistency(&answer);
        let _ = inclusion(&answer);
        let _ = Chain::of_certificate(&answer);
        let _ = Chain::of_precertificate(&answer);
        prop_assert!(SignedTreeHead::parse(&answer, &crate::vectors::some_key()).is_err());
    }

    #[test]
    fn any_leaf_comes_out_as_it_went_in(leaves in prop::collection::vec(any::<Vec<u8>>(), 1..5)) {
        let entry = |leaf: &Vec<u8>| format!(r#"{{"leaf_input":"{}","extra_data":""}}"#, STANDARD.encode(leaf));
        let answer = format!(r#"{{"entries":[{}]}}"#, leaves.iter().map(entry).collect::<Vec<_>>().join(","));
        let page = Page::parse(answer.as_bytes(), 5).unwrap();
        let read: Vec<_> = page.entries().map(|entry| entry.leaf_bytes()).collect();
        prop_assert_eq!(read, leaves);
    }
}
