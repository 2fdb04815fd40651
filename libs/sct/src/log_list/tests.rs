use super::*;
use crate::key::LogKeyError;
use crate::key::tests::signer;
use crate::log_id::LogIdError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn new_key() -> LogKey {
    signer().1
}

/// A log in JSON. `fields` come first, each with its comma.
fn json(key: &LogKey, fields: &str) -> String {
    let spki = STANDARD.encode(key.spki());
    format!(r#"{{{fields} "description": "Log", "log_id": "{}", "key": "{spki}"}}"#, key.id())
}

fn list_json(logs: &[String], tiled_logs: &[String]) -> String {
    let (logs, tiled_logs) = (logs.join(","), tiled_logs.join(","));
    let operator = format!(r#"{{"name": "Op", "logs": [{logs}], "tiled_logs": [{tiled_logs}]}}"#);
    format!(r#"{{"log_list_timestamp": "2026-08-11T20:05:47Z", "operators": [{operator}]}}"#)
}

fn list(fields: &[(&LogKey, &str)]) -> LogList {
    let logs: Vec<_> = fields.iter().map(|(key, fields)| json(key, fields)).collect();
    let list = LogList::parse(list_json(&logs, &[]).as_bytes()).unwrap();
    assert_eq!(list.skipped, []);
    list
}

fn log(fields: &str) -> Log {
    list(&[(&new_key(), fields)]).logs.remove(0)
}

/// A log with these states, in JSON, has this state at that time.
fn check_state(states: &str, now: &str, expected: State) {
    let log = log(&format!(r#""state": {states},"#));
    assert_eq!(log.state_at(time(now)), expected, "{states} at {now}");
}

const READ_ONLY: State = State::ReadOnly { final_tree_head: None };

#[test]
fn a_state_holds_from_its_time_on() {
    let states = r#"{"qualified": {"timestamp": "2025-01-01T00:00:00Z"},
        "usable": {"timestamp": "2025-03-01T01:00:00+01:00"},
        "readonly": {"timestamp": "2026-01-01T00:00:00Z"},
        "retired": {"timestamp": "2026-02-01T00:00:00Z"}}"#;
    check_state(states, "2024-12-31T23:59:59Z", State::Unstated);
    check_state(states, "2025-01-01T00:00:00Z", State::Qualified);
    check_state(states, "2025-02-28T23:59:59Z", State::Qualified);
    check_state(states, "2025-03-01T00:00:00Z", State::Usable);
    check_state(states, "2026-01-15T00:00:00Z", READ_ONLY);
    check_state(states, "2026-02-01T00:00:00Z", State::Retired);
}

#[test]
fn a_coming_retirement_is_not_one_yet() {
    let retired = r#"{"retired": {"timestamp": "2026-02-01T00:00:00Z"}}"#;
    check_state(retired, "2026-01-31T23:59:59Z", State::Usable);
    check_state(retired, "2026-02-01T00:00:00Z", State::Retired);
    let read_only = r#"{"readonly": {"timestamp": "2026-02-01T00:00:00Z"}}"#;
    check_state(read_only, "2026-01-31T00:00:00Z", State::Usable);
    let usable = r#"{"usable": {"timestamp": "2026-02-01T00:00:00Z"}}"#;
    check_state(usable, "2026-01-31T00:00:00Z", State::Unstated);
    let rejected = r#"{"rejected": {"timestamp": "2026-02-01T00:00:00Z"}}"#;
    check_state(rejected, "2026-01-31T00:00:00Z", State::Unstated);
    check_state("{}", "2026-01-31T00:00:00Z", State::Unstated);
}

#[test]
fn a_log_never_goes_back() {
    let states = r#"{"retired": {"timestamp": "2025-01-01T00:00:00Z"},
        "usable": {"timestamp": "2026-01-01T00:00:00Z"}}"#;
    check_state(states, "2026-06-01T00:00:00Z", State::Retired);
}

#[test]
fn an_unknown_state_ends_trust_but_not_the_log() {
    let states = r#"{"usable": {"timestamp": "2025-01-01T00:00:00Z"},
        "suspended": {"timestamp": "2026-01-01T00:00:00Z", "by": "somebody"}}"#;
    check_state(states, "2025-06-01T00:00:00Z", State::Usable);
    check_state(states, "2026-06-01T00:00:00Z", State::Unstated);
}

#[test]
fn standing_follows_state_and_purpose() {
    let check = |fields: &str, promised: &str, now: &str, expected| {
        assert_eq!(log(fields).standing(time(promised), time(now)), expected, "{fields}");
    };
    let (before, after) = ("2025-12-31T23:59:59.999Z", "2026-01-01T00:00:00Z");
    let state =
        |name: &str| format!(r#""state": {{"{name}": {{"timestamp": "2026-01-01T00:00:00Z"}}}},"#);
    for name in ["qualified", "usable", "readonly"] {
        check(&state(name), before, after, Standing::Current);
        for purpose in ["test", "monitoring_only", "something new"] {
            let fields = format!(r#""log_type": "{purpose}", {}"#, state(name));
            check(&fields, before, after, Standing::Untrusted);
        }
        let fields = format!(r#""log_type": "prod", {}"#, state(name));
        check(&fields, before, after, Standing::Current);
    }
    check(&state("retired"), before, before, Standing::Current);
    check(&state("retired"), before, after, Standing::Former);
    check(&state("retired"), after, after, Standing::Untrusted);
    for name in ["pending", "rejected", "unheard-of"] {
        check(&state(name), before, after, Standing::Untrusted);
    }
    check("", before, after, Standing::Untrusted);
}

#[test]
fn a_log_that_does_not_exist_is_never_trusted() {
    for (description, expected) in [
        ("Bogus placeholder log", Purpose::Test),
        ("bogus", Purpose::Test),
        ("Bogu", Purpose::Production),
        ("An unbogus log", Purpose::Production),
        ("Bogü log", Purpose::Production),
    ] {
        let json = json(&new_key(), "").replace(r#""Log""#, &format!("\"{description}\""));
        let list = LogList::parse(list_json(&[json], &[]).as_bytes()).unwrap();
        assert_eq!(list.logs[0].purpose, expected, "{description}");
    }
}

#[test]
fn every_field_is_read() {
    let key = new_key();
    let root = STANDARD.encode([5; 32]);
    let fields = format!(
        r#""url": "https://log.example/2026//", "mmd": 86400, "unheard": ["of"],
        "temporal_interval": {{"start_inclusive": "2026-01-01T00:00:00Z", "end_exclusive": "2026-07-01T00:00:00Z"}},
        "previous_operators": [{{"name": "B", "end_time": "2025-01-01T00:00:00Z"}}, {{"name": "A", "end_time": "2024-01-01T00:00:00Z"}}],
        "state": {{"readonly": {{"timestamp": "2026-02-01T00:00:00Z", "final_tree_head": {{"tree_size": 7, "sha256_root_hash": "{root}"}}}}}},"#
    );
    let list = list(&[(&key, &fields)]);
    assert_eq!(list.published, Some(time("2026-08-11T20:05:47Z")));
    let final_tree_head = Some(FinalTreeHead { tree_size: 7, sha256_root_hash: [5; 32] });
    let expected = Log {
        key: key.clone(),
        description: "Log".to_owned(),
        operator: "Op".to_owned(),
        previous_operators: vec![
            ("A".to_owned(), time("2024-01-01T00:00:00Z")),
            ("B".to_owned(), time("2025-01-01T00:00:00Z")),
        ],
        api: Api::Rfc6962 { url: "https://log.example/2026".to_owned() },
        mmd_s: Some(86_400),
        states: vec![(State::ReadOnly { final_tree_head }, time("2026-02-01T00:00:00Z"))],
        interval: Some((time("2026-01-01T00:00:00Z"), time("2026-07-01T00:00:00Z"))),
        purpose: Purpose::Production,
    };
    assert_eq!(list.log(&key.id()), Some(&expected));
    assert_eq!(list.log(&LogId([0; 32])), None);
}

#[test]
fn a_tiled_log_has_two_urls_and_may_hide_them() {
    let urls =
        r#""submission_url": "https://in.example/", "monitoring_url": "https://out.example","#;
    let logs = [json(&new_key(), urls), json(&new_key(), r#""mmd": 0,"#)];
    let list = LogList::parse(list_json(&[], &logs).as_bytes()).unwrap();
    let api = |submission: &str, monitoring: &str| Api::StaticCt {
        submission_url: submission.to_owned(),
        monitoring_url: monitoring.to_owned(),
    };
    assert_eq!(list.logs[0].api, api("https://in.example", "https://out.example"));
    assert_eq!(list.logs[1].api, api("", ""));
    assert_eq!(list.logs[1].mmd_s, None);
}

/// The middle one of three logs is skipped for this reason, and the others survive.
fn check_skipped(log: String, expected: impl Fn(&Why) -> bool) {
    let logs = [json(&new_key(), ""), log, json(&new_key(), "")];
    let list = LogList::parse(list_json(&logs, &[]).as_bytes()).unwrap();
    assert_eq!(list.logs.len(), 2);
    let [skipped] = &list.skipped[..] else { panic!("{:?}", list.skipped) };
    assert!(skipped.what.starts_with("operators[0].logs[1]"), "{}", skipped.what);
    assert!(expected(&skipped.why), "{:?}", skipped.why);
}

#[test]
fn a_log_that_cannot_be_read_is_named_and_the_others_survive() {
    let key = new_key();
    let with = |fields: &str| json(&key, fields);
    let is_json = |why: &Why| matches!(why, Why::Json(_));
    for odd in ["null", "7", "\"log\"", "[]", "{}"] {
        check_skipped(odd.to_owned(), is_json);
    }
    check_skipped(with(r#""key": "","#), is_json);
    check_skipped(with(r#""mmd": -1,"#), is_json);
    check_skipped(with(r#""state": {"usable": {}},"#), is_json);
    check_skipped(
        with(r#""state": {"usable": {"timestamp": "x"}, "usable": {"timestamp": "x"}},"#),
        is_json,
    );
    check_skipped(
        with(&format!(r#""mmd": "{}","#, "\\u001b".repeat(999))),
        |why| matches!(why, Why::Json(m) if m.len() <= TEXT_BYTES_MAX && !m.contains(char::is_control)),
    );

    let is_text = |why: &Why| *why == Why::Text;
    check_skipped(with("").replace(r#""Log""#, r#""\u001b[31m""#), is_text);
    check_skipped(with("").replace("Log", &"x".repeat(TEXT_BYTES_MAX + 1)), is_text);
    let previous = r#"{"name": "", "end_time": "2024-01-01T00:00:00Z"}"#;
    check_skipped(with(&format!(r#""previous_operators": [{previous}],"#)), is_text);
    let previous = [previous; PREVIOUS_OPERATORS_MAX + 1].join(",");
    let previous = with(&format!(r#""previous_operators": [{previous}],"#));
    check_skipped(previous, |why| *why == Why::TooManyOperators);

    let is_url = |why: &Why| *why == Why::Url;
    for url in ["ftp://x", "x", "/", "https://", "https://a b", "https://ä", "https://\\u0000"] {
        check_skipped(with(&format!(r#""url": "{url}","#)), is_url);
    }
    let long = format!("https://{}", "x".repeat(TEXT_BYTES_MAX));
    check_skipped(with(&format!(r#""url": "{long}","#)), is_url);

    let is_time = |why: &Why| *why == Why::Time;
    check_skipped(with(r#""state": {"usable": {"timestamp": "yesterday"}},"#), is_time);
    check_skipped(with(r#""state": {"odd": {"timestamp": ""}},"#), is_time);
    let interval = |start: &str, end: &str| {
        let interval = format!(r#"{{"start_inclusive": "{start}", "end_exclusive": "{end}"}}"#);
        with(&format!(r#""temporal_interval": {interval},"#))
    };
    check_skipped(interval("2026-01-01T00:00:00Z", ""), is_time);
    let empty = interval("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z");
    check_skipped(empty, |why| *why == Why::Interval);
    let states: Vec<_> =
        (0..=16).map(|n| format!(r#""s{n}": {{"timestamp": "2026-01-01T00:00:00Z"}}"#)).collect();
    let states = with(&format!(r#""state": {{{}}},"#, states.join(",")));
    check_skipped(states, |why| *why == Why::TooManyStates);
    let head = r#"{"tree_size": 1, "sha256_root_hash": "AAAA"}"#;
    let head = format!(r#"{{"timestamp": "2026-01-01T00:00:00Z", "final_tree_head": {head}}}"#);
    let head = with(&format!(r#""state": {{"readonly": {head}}},"#));
    check_skipped(head, |why| *why == Why::FinalRootHash);
}

#[test]
fn a_key_has_one_id_and_an_id_one_key() {
    let (key, other) = (new_key(), new_key());
    let log = json(&key, "");
    let id = key.id();
    let swapped = log.replace(&id.to_string(), &other.id().to_string());
    check_skipped(swapped, |why| *why == Why::OtherId { key: id });
    let no_id = log.replace(&id.to_string(), "AAAA");
    check_skipped(no_id, |why| matches!(why, Why::Id(LogIdError::Length)));
    let spki = STANDARD.encode(key.spki());
    check_skipped(log.replace(&spki, "*"), |why| matches!(why, Why::KeyEncoding(_)));
    check_skipped(log.replace(&spki, "AAAA"), |why| {
        matches!(why, Why::Key(LogKeyError::Algorithm))
    });

    let list = LogList::parse(
        list_json(std::slice::from_ref(&log), std::slice::from_ref(&log)).as_bytes(),
    )
    .unwrap();
    assert_eq!((list.logs.len(), list.skipped.len()), (1, 1));
    assert_eq!(list.skipped[0].what, "operators[0].tiled_logs[0] (Log)");
    assert_eq!(list.skipped[0].why, Why::Duplicate);
}

#[test]
fn an_operator_that_cannot_be_read_is_named() {
    let good = json(&new_key(), "");
    let json = format!(
        r#"{{"operators": [7, {{"name": "", "logs": [{good}]}}, {{"name": "Op", "logs": [{good}]}},
        {{"name": "None", "logs": null}}], "log_list_timestamp": "now"}}"#
    );
    let list = LogList::parse(json.as_bytes()).unwrap();
    assert_eq!((list.logs.len(), list.published), (1, None));
    let what: Vec<_> = list.skipped.iter().map(|skipped| skipped.what.as_str()).collect();
    assert_eq!(what, ["log_list_timestamp", "operators[0]", "operators[1]"]);
}

#[test]
fn a_list_has_bounds() {
    let parse = |json: &str| LogList::parse(json.as_bytes());
    assert!(matches!(parse(""), Err(LogListError::Json(_))));
    assert!(matches!(parse("{}"), Err(LogListError::Json(_))));
    assert!(matches!(parse(r#"{"operators": {}}"#), Err(LogListError::Json(_))));
    assert!(matches!(parse(&"[".repeat(100_000)), Err(LogListError::Json(_))));
    let deep = format!(r#"{{"operators": [{}{}]}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(parse(&deep).unwrap().skipped.len(), 1);
    assert!(matches!(parse(&" ".repeat(LIST_BYTES_MAX + 1)), Err(LogListError::TooLarge)));
    let nulls = |count| vec!["null".to_owned(); count];
    let most = parse(&list_json(&nulls(1), &nulls(LOGS_MAX - 1))).unwrap();
    assert_eq!(most.skipped.len(), LOGS_MAX);
    let more = parse(&list_json(&nulls(1), &nulls(LOGS_MAX)));
    assert!(matches!(more, Err(LogListError::TooManyLogs)));
}

#[test]
fn distrust_wins_a_union_and_the_first_list_has_the_facts() {
    let (key, other) = (new_key(), new_key());
    let first = list(&[(
        &key,
        r#""state": {"usable": {"timestamp": "2025-06-01T00:00:00Z"}, "readonly": {"timestamp": "2026-01-01T00:00:00Z"}},
        "previous_operators": [{"name": "B", "end_time": "2025-01-01T00:00:00Z"}],"#,
    )]);
    let root = STANDARD.encode([5; 32]);
    let second = format!(
        r#""url": "https://log.example", "mmd": 60, "log_type": "monitoring_only",
        "state": {{"pending": {{"timestamp": "2026-03-01T00:00:00Z"}}, "usable": {{"timestamp": "2025-05-01T00:00:00Z"}},
            "readonly": {{"timestamp": "2026-02-01T00:00:00Z", "final_tree_head": {{"tree_size": 7, "sha256_root_hash": "{root}"}}}},
            "retired": {{"timestamp": "2026-04-01T00:00:00Z"}}}},
        "previous_operators": [{{"name": "A", "end_time": "2024-01-01T00:00:00Z"}}, {{"name": "B", "end_time": "2025-01-01T00:00:00Z"}}],"#
    );
    let mut second = list(&[(&other, ""), (&key, &second)]);
    second.published = Some(time("2026-07-01T00:00:00Z"));
    second.logs[1].description = "Another name".to_owned();

    let union = LogList::union(vec![first.clone(), second.clone()]);
    assert_eq!(union.published, Some(time("2026-07-01T00:00:00Z")));
    assert_eq!(
        union.logs.iter().map(|log| log.key.id()).collect::<Vec<_>>(),
        [key.id(), other.id()]
    );
    let log = union.log(&key.id()).unwrap();
    assert_eq!(log.description, "Log");
    assert_eq!(log.api, Api::Rfc6962 { url: "https://log.example".to_owned() });
    assert_eq!((log.mmd_s, log.purpose), (Some(60), Purpose::MonitoringOnly));
    let final_tree_head = Some(FinalTreeHead { tree_size: 7, sha256_root_hash: [5; 32] });
    let read_only = State::ReadOnly { final_tree_head };
    assert_eq!(
        log.states,
        [
            (State::Usable, time("2025-05-01T00:00:00Z")),
            (read_only.clone(), time("2026-01-01T00:00:00Z")),
            (State::Pending, time("2026-03-01T00:00:00Z")),
            (State::Retired, time("2026-04-01T00:00:00Z")),
        ]
    );
    assert_eq!(log.state_at(time("2026-03-15T00:00:00Z")), read_only);
    assert_eq!(log.state_at(time("2026-04-15T00:00:00Z")), State::Retired);
    let previous: Vec<_> = log.previous_operators.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(previous, ["A", "B"]);

    // The order of the lists decides about facts, not about trust.
    let reverse = LogList::union(vec![second, first]);
    let reverse = reverse.log(&key.id()).unwrap();
    assert_eq!(reverse.description, "Another name");
    assert_eq!((&reverse.states, reverse.purpose), (&log.states, log.purpose));
}

#[test]
fn a_union_believes_the_first_list_about_the_api() {
    let key = new_key();
    let rfc = LogList::parse(list_json(&[json(&key, "")], &[]).as_bytes()).unwrap();
    let tiled = LogList::parse(list_json(&[], &[json(&key, "")]).as_bytes()).unwrap();
    let union = LogList::union(vec![rfc.clone(), tiled.clone()]);
    assert_eq!(union.logs[0].api, rfc.logs[0].api);
    let union = LogList::union(vec![tiled.clone(), rfc]);
    assert_eq!(union.logs[0].api, tiled.logs[0].api);
    assert_eq!(LogList::union(vec![]).logs, []);
}

#[test]
fn a_union_keeps_what_was_skipped() {
    let bad = LogList::parse(list_json(&["7".to_owned()], &[]).as_bytes()).unwrap();
    assert_eq!(LogList::union(vec![bad.clone(), bad]).skipped.len(), 2);
}

#[test]
fn a_diff_names_what_changed() {
    let (kept, gone, fresh, moved) = (new_key(), new_key(), new_key(), new_key());
    let old = list(&[(&kept, ""), (&gone, ""), (&moved, "")]);
    let changed = r#""mmd": 60, "url": "https://x.example", "log_type": "test",
        "state": {"usable": {"timestamp": "2026-01-01T00:00:00Z"}},
        "temporal_interval": {"start_inclusive": "2026-01-01T00:00:00Z", "end_exclusive": "2026-07-01T00:00:00Z"},
        "previous_operators": [{"name": "A", "end_time": "2024-01-01T00:00:00Z"}],"#;
    let mut new = list(&[(&fresh, ""), (&moved, changed), (&kept, "")]);
    let diff = old.diff(&new);
    assert_eq!(diff.added, [&new.logs[0]]);
    assert_eq!(diff.removed, [&old.logs[1]]);
    let [one] = &diff.changed[..] else { panic!("{diff:?}") };
    assert_eq!((one.old, one.new), (&old.logs[2], &new.logs[1]));
    use Field::{Api, Description, Interval, Mmd, Operator, PreviousOperators, Purpose, States};
    assert_eq!(one.fields, [PreviousOperators, Api, Mmd, States, Interval, Purpose]);
    assert!(!diff.is_empty());
    assert!(old.diff(&old).is_empty());

    new.logs[1] =
        Log { description: "D".to_owned(), operator: "O".to_owned(), ..old.logs[2].clone() };
    assert_eq!(old.diff(&new).changed[0].fields, [Description, Operator]);
}

proptest! {
    #[test]
    fn any_bytes_are_judged(bytes: Vec<u8>) {
        let _ = LogList::parse(&bytes);
    }

    #[test]
    fn a_changed_list_is_judged(at: prop::sample::Index, octet: u8, cut: prop::sample::Index) {
        let interval = r#"{"start_inclusive": "2026-01-01T00:00:00Z", "end_exclusive": "2026-07-01T00:00:00Z"}"#;
        let fields = format!(r#""state": {{"usable": {{"timestamp": "2026-01-01T00:00:00Z"}}}}, "temporal_interval": {interval},"#);
        let key = LogKey::from_spki(&STANDARD.decode(KEY).unwrap()).unwrap();
        let mut json = list_json(&[json(&key, &fields)], &[]).into_bytes();
        let length = json.len();
        json[at.index(length)] = octet;
        if let Ok(list) = LogList::parse(&json) {
            prop_assert!(list.logs.iter().all(|log| log.key == key));
        }
        let _ = LogList::parse(&json[..cut.index(length)]);
    }

    #[test]
    fn trust_does_not_grow_with_time_once_it_has_shrunk(hours in prop::collection::vec(0_i64..100, 6)) {
        let at = |hour: i64| Timestamp::from_second(hour * 3600).unwrap();
        let states = [State::Pending, State::Qualified, State::Usable, READ_ONLY, State::Retired, State::Rejected];
        let mut states: Vec<_> = states.into_iter().zip(hours.into_iter().map(at)).collect();
        states.sort_by_key(|(_, since)| *since);
        let first = states[0].1;
        let log = Log { states, ..log("") };
        let ranks: Vec<_> = (0..100).map(at).filter(|now| *now >= first).map(|now| log.state_at(now).rank()).collect();
        prop_assert!(ranks.is_sorted());
    }
}

/// Some key, made for this test.
const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE6FuL6/uciK/lZ++My95YNZLVUv5Z\
    XGBTXaCKzD/7WgolDtZXzj+hc4k+wWY6SXcX7gvT9adVxL3LZRPEZK+JwQ==";
