use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::enforcer::{Enforcer, Memory, NotNewer, PublicRoots, Settings};
use crate::key::tests::signer;
use crate::log_id::LogId;

mod building;

/// Keys of logs, made once.
/// Sorted by id, so that the lists below are the same list each time.
static KEYS: LazyLock<Vec<LogKey>> = LazyLock::new(|| {
    let mut keys: Vec<LogKey> = (0..6).map(|_| signer().1).collect();
    keys.sort_by_key(LogKey::id);
    keys
});

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn issued() -> Timestamp {
    time("2026-11-01T00:00:00Z")
}

fn days(days: i64) -> Timestamp {
    issued() + SignedDuration::from_hours(24 * days)
}

fn log_of(key: &LogKey, operator: &str, states: Vec<(State, Timestamp)>) -> Log {
    Log {
        key: key.clone(),
        description: format!("{operator} log"),
        operator: operator.to_owned(),
        previous_operators: Vec::new(),
        api: Api::Rfc6962 { url: "https://log.example".to_owned() },
        mmd_s: Some(86_400),
        states,
        interval: None,
        purpose: Purpose::Production,
    }
}

fn usable() -> Vec<(State, Timestamp)> {
    vec![(State::Usable, time("2026-01-01T00:00:00Z"))]
}

/// Three logs of two operators, one retired ahead of time and once run by somebody else; and a suspension.
fn list(version: u64) -> SignedList {
    let mut retiring = log_of(&KEYS[1], "Two", usable());
    retiring.states.push((State::Retired, days(12)));
    retiring.previous_operators = vec![("Before".to_owned(), time("2026-03-01T00:00:00Z"))];
    let one = |key| log_of(key, "One", usable());
    let logs = vec![one(&KEYS[0]), retiring, one(&KEYS[2])];
    let mut list = SignedList::new(version, issued(), days(180), logs);
    let (scope, until) = (Scope::Way("python".to_owned()), days(14));
    list.suspensions.push(Suspension { scope, until, reason: "it is broken".to_owned() });
    list
}

fn key(name: &str) -> SignerKey {
    let mut seed = [0; 32];
    seed[..name.len()].copy_from_slice(name.as_bytes());
    SignerKey::from_seed(name, &seed).unwrap()
}

fn keys(version: u64, names: &[&str]) -> ListKeys {
    let keys = names.iter().map(|name| key(name).public().clone()).collect();
    ListKeys::new(version, 2, keys).unwrap()
}

/// Two of three must sign.
fn three() -> ListKeys {
    keys(1, &["a", "b", "c"])
}

fn signed(text: &str, names: &[&str]) -> Vec<u8> {
    let signatures = names.iter().map(|name| key(name).sign(text)).collect();
    Note { text: text.to_owned(), signatures }.to_text().into_bytes()
}

#[track_caller]
fn check(text: &str, why: SignedListError) {
    assert_eq!(SignedList::parse(text), Err(why), "{text}");
}

fn line(line: usize, why: LineError) -> SignedListError {
    SignedListError::Line { line, why }
}

#[test]
fn a_list_reads_as_it_was_written() {
    let text = list(7).to_text();
    let read = SignedList::parse(&text).unwrap();
    assert_eq!((&read, read.to_text()), (&list(7), text));
    let retiring = read.logs.log(&KEYS[1].id()).unwrap();
    assert_eq!(retiring.state_at(days(11)), State::Usable);
    assert_eq!(retiring.state_at(days(12)), State::Retired);
    assert_eq!(retiring.operator_at(time("2026-02-01T00:00:00Z")), "Before");
    assert_eq!(retiring.operator_at(issued()), "Two");
}

#[test]
fn the_built_in_list_is_written_as_it_should_be() {
    let list = SignedList::built_in();
    assert_eq!(list.logs.logs.len(), 64);
    assert_eq!(SignedList::parse(&list.to_text()), Ok(list));
}

#[test]
fn a_list_has_one_text() {
    let text = list(7).to_text();
    let not_canonical = |text: &str| check(text, SignedListError::NotCanonical);
    let lines: Vec<&str> = text.lines().collect();
    // Two lines that changed places: every one of them is a list of something else, or refused.
    for index in 0..lines.len() - 1 {
        let mut swapped = lines.clone();
        swapped.swap(index, index + 1);
        let swapped = swapped.join("\n") + "\n";
        assert!(SignedList::parse(&swapped).is_err(), "{swapped}");
    }
    not_canonical(&text.replace("version 7", "version 07"));
    not_canonical(&text.replace("version 7", "version +7"));
    not_canonical(&text.replace("version 7\n", "version 6\nversion 7\n"));
    not_canonical(&text.replace("issued 2026-11-01T00:00:00Z", "issued 2026-11-01T01:00:00+01:00"));
    not_canonical(&text.replace("issued 2026-11-01T00:00:00Z", "issued 2026-11-01T00:00:00.5Z"));
    not_canonical(&text.replace('\n', "\r\n"));
    not_canonical(text.trim_end());
    not_canonical(&format!("{text}operator Without logs\n"));
    not_canonical(&text.replace("operator Two\n", "operator One\noperator Two\n"));
    let suspension = "suspend way python until 2026-11-15T00:00:00Z it is broken\n";
    check(&text.replace(suspension, &suspension.repeat(2)), SuspensionError::TooMany.into());
    let issuer = |letter: &str| {
        let hash = letter.repeat(42);
        format!("suspend issuer {hash}A until 2026-11-15T00:00:00Z it is broken\n")
    };
    let with = |lines: &[&str]| text.replace(suspension, &lines.concat());
    let four = ["A", "B", "C", "D"].map(issuer);
    SignedList::parse(&with(&[&four[0], &four[1], &four[2], suspension])).unwrap();
    not_canonical(&with(&[suspension, &four[0]]));
    not_canonical(&with(&[&four[1], &four[0]]));
    not_canonical(&with(&[&four[0], &four[0]]));
    let five = [&four[0][..], &four[1], &four[2], &four[3], suspension];
    check(&with(&five), SuspensionError::TooMany.into());
    let both = "suspend way c until 2026-11-15T00:00:00Z it is broken\n";
    check(&with(&[both, suspension]), SuspensionError::TooMany.into());
    let until = "until 2026-03-01T00:00:00Z Before\n";
    not_canonical(&text.replace(until, &until.repeat(2)));
    let first = "until 2026-02-01T00:00:00Z First\n";
    SignedList::parse(&text.replace(until, &format!("{first}{until}"))).unwrap();
    not_canonical(&text.replace(until, &format!("{until}{first}")));
}

#[test]
fn what_is_no_list_is_told() {
    let text = list(7).to_text();
    check("", SignedListError::Kind);
    check(&text.replace("list/1", "list/2"), SignedListError::Kind);
    check(&format!("{text}\n"), line(12, LineError::Word));
    check(&format!("{text}more\n"), line(12, LineError::Word));
    check(&text.replace("version 7\n", ""), SignedListError::Lacks("version"));
    check(&text.replace("version 7", "version -7"), line(2, LineError::Field));
    check(&text.replace("version 7", "version 99999999999999999999"), line(2, LineError::Field));
    check(&text.replace("issued 2026-11-01T00:00:00Z\n", ""), SignedListError::Lacks("issued"));
    check(&text.replace("issued 2026", "issued x"), line(3, LineError::Time));
    check(&text.replace("expires", "Expires"), line(4, LineError::Word));
    check(&text.replace("operator One\n", ""), line(6, LineError::Field));
    check(&text.replace("operator One", "operator "), line(6, LineError::Field));
    check(&text.replace("operator One", "operator  One"), line(6, LineError::Field));
    check(&text.replace("log rfc6962", "log other"), line(7, LineError::Field));
    check(&text.replace("operator One", "operator On\te"), line(6, LineError::Field));
    let many: String = (0..LIST_TEXT_BYTES_MAX).map(|_| 'x').collect();
    check(&format!("{text}{many}"), SignedListError::TooLarge);
}

#[test]
fn one_bad_entry_costs_the_list() {
    let text = list(7).to_text();
    let entry = text.lines().nth(6).unwrap();
    let encoded = entry.split(' ').nth(4).unwrap();
    check(&text.replace(encoded, "AAAA"), line(7, LogKeyError::Algorithm.into()));
    check(&text.replace(encoded, "A!"), line(7, LineError::Field));
    // A point that is on no curve.
    let nowhere = STANDARD_NO_PAD.encode([7; 64]);
    check(&text.replace(encoded, &nowhere), line(7, LogKeyError::NotAKey.into()));
    // The key of another log a second time.
    let second = text.lines().nth(7).unwrap().split(' ').nth(4).unwrap();
    check(&text.replace(second, encoded), line(8, LineError::Duplicate));
}

#[test]
fn a_log_whose_private_key_is_public_never_gets_in() {
    use base64::engine::general_purpose::STANDARD;
    let mimic = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdO/+dnH/NZSBSLmmN9u2h4HNTnCOLeU+oMBiRynIvQ8zt2ft0IMyO90e5nwSaCdYvA4JVGzCMarfs9DcNxFY1g==";
    let spki = STANDARD.decode(mimic).unwrap();
    let short = STANDARD_NO_PAD.encode(&spki[spki.len() - 64..]);
    let id = LogId::of_spki(&spki);
    let text = list(7).to_text();
    let encoded = text.lines().nth(6).unwrap().split(' ').nth(4).unwrap();
    let why = || line(7, LogKeyError::PrivateKeyIsPublic(id).into());
    check(&text.replace(encoded, &short), why());
    check(&text.replace(encoded, mimic.trim_end_matches('=')), why());
}

#[test]
fn an_empty_list_is_one() {
    let empty = SignedList::new(1, issued(), days(180), Vec::new());
    assert_eq!(SignedList::parse(&empty.to_text()), Ok(empty));
}

#[test]
fn a_list_is_no_kill_switch() {
    let text = list(7).to_text();
    let until = |until: &str| text.replace("until 2026-11-15T00:00:00Z", &format!("until {until}"));
    check(&until("2026-11-15T00:00:01Z"), SuspensionError::TooLong.into());
    check(&until("9999-01-01T00:00:00Z"), SuspensionError::TooLong.into());
    SignedList::parse(&until("2026-10-01T00:00:00Z")).unwrap();
    for scope in ["all", "way ", "issuer AAAA", "issuer x", "way python for"] {
        let text = text.replace("suspend way python until", &format!("suspend {scope} until"));
        assert!(SignedList::parse(&text).is_err(), "{scope}");
    }
    // Neither by expiring at once.
    let expires = |at| SignedList { expires: at, ..list(7) }.to_text();
    check(&expires(days(70) - SignedDuration::from_secs(1)), SignedListError::Expires);
    check(&expires(days(-1)), SignedListError::Expires);
    SignedList::parse(&expires(days(70))).unwrap();
}

#[test]
fn a_list_has_only_so_many_logs() {
    let keys: Vec<LogKey> = (0..=LOGS_MAX).map(|_| signer().1).collect();
    let logs = |count| {
        let log = |key| Log { description: "x".to_owned(), ..log_of(key, "O", usable()) };
        SignedList::new(1, issued(), days(180), keys.iter().take(count).map(log).collect())
    };
    SignedList::parse(&logs(LOGS_MAX).to_text()).unwrap();
    check(&logs(LOGS_MAX + 1).to_text(), SignedListError::TooManyLogs);
}

#[test]
fn enough_of_the_keys_must_sign() {
    let text = list(7).to_text();
    let check = |names: &[&str], signed_by: Option<usize>| {
        let expected = match signed_by {
            None => Ok(list(7)),
            Some(signed) => Err(TooFewSignatures { signed, needed: 2 }.into()),
        };
        assert_eq!(three().verify(&signed(&text, names)), expected, "{names:?}");
    };
    check(&["a", "b"], None);
    check(&["c", "a"], None);
    check(&["a", "b", "c"], None);
    check(&["a", "x", "b"], None);
    check(&["a"], Some(1));
    check(&["a", "a", "a"], Some(1));
    check(&["x", "y", "z"], Some(0));
    check(&["a", "x", "y"], Some(1));
    // Signatures over something else, in the names of all.
    let other = signed(&list(8).to_text(), &["a", "b", "c"]);
    let signatures = Note::parse(&other).unwrap().signatures;
    let moved = Note { text: text.clone(), signatures }.to_text();
    assert_eq!(
        three().verify(moved.as_bytes()),
        Err(TooFewSignatures { signed: 0, needed: 2 }.into())
    );
    let names: Vec<_> = {
        let note = Note::parse(&signed(&text, &["c", "x", "a"])).unwrap();
        three().signers(&note).into_iter().map(|key| key.name().to_owned()).collect()
    };
    assert_eq!(names, ["a", "c"]);
    // Signed well, and no list; signed, and keys.
    let keys_text = three().to_text();
    assert_eq!(
        three().verify(&signed(&keys_text, &["a", "b"])),
        Err(RefusedList::List(SignedListError::Kind))
    );
}

#[test]
fn a_list_that_is_cut_off_anywhere_is_refused() {
    let bytes = signed(&list(7).to_text(), &["a", "b"]);
    for end in 0..bytes.len() {
        assert!(three().verify(&bytes[..end]).is_err(), "cut off at {end}");
    }
    three().verify(&bytes).unwrap();
    for more in ["\n", "x", "\n\n", "— a AAAA", "— a AAAAAA==\n"] {
        let bytes = [&bytes, more.as_bytes()].concat();
        let refused = three().verify(&bytes).is_err();
        // One more signature, of whomever, changes nothing.
        assert_eq!(refused, more != "— a AAAAAA==\n", "{more:?}");
    }
}

#[test]
fn notes_are_bounded() {
    let text = list(7).to_text();
    let many = |count| {
        let signatures = (0..count).map(|_| key("a").sign(&text)).collect();
        Note { text: text.clone(), signatures }.to_text().into_bytes()
    };
    Note::parse(&many(SIGNATURES_MAX)).unwrap();
    assert_eq!(Note::parse(&many(SIGNATURES_MAX + 1)), Err(NoteError::TooManySignatures));
    assert_eq!(Note::parse(&vec![b'x'; NOTE_BYTES_MAX + 1]), Err(NoteError::TooLarge));
    assert_eq!(Note::parse(b"\xff\n\n\n"), Err(NoteError::Text));
    assert_eq!(Note::parse(b"te\rxt\n\nx\n"), Err(NoteError::Text));
    assert_eq!(Note::parse(b"text\n\nno signature\n"), Err(NoteError::Signature));
    // The largest list, with all signatures, is a note.
    const { assert!(NOTE_BYTES_MAX >= LIST_TEXT_BYTES_MAX + SIGNATURES_MAX * 200) };
}

#[test]
fn an_older_list_is_not_taken_though_it_is_signed() {
    let verified = |version| {
        let bytes = signed(&list(version).to_text(), &["a", "b"]);
        three().verify(&bytes).unwrap()
    };
    let settings = Settings::new("test");
    let enforcer = Enforcer::new(settings, verified(7), PublicRoots::default(), Memory::default());
    assert_eq!(enforcer.take(verified(6)), Err(NotNewer { known: 7, found: 6 }));
    assert_eq!(enforcer.take(verified(7)), Ok(()));
    let other = SignedList { suspensions: Vec::new(), ..verified(7) };
    assert_eq!(enforcer.take(other), Err(NotNewer { known: 7, found: 7 }));
    assert_eq!(enforcer.take(verified(8)), Ok(()));
    assert_eq!(enforcer.list().version, 8);
}

#[test]
fn keys_are_changed_by_those_before_and_those_after() {
    let next = keys(2, &["b", "c", "d"]);
    let check = |names: &[&str], expected: Result<(), ListKeysError>| {
        let rotated = three().rotate(&signed(&next.to_text(), names));
        assert_eq!(rotated.map(|keys| assert_eq!(keys, next)), expected, "{names:?}");
    };
    let too_few = |signed| Err(TooFewSignatures { signed, needed: 2 }.into());
    check(&["b", "c"], Ok(()));
    check(&["a", "b", "d"], Ok(()));
    // Two of the old, one of the new; two of the new, one of the old; nobody.
    check(&["a", "b"], too_few(1));
    check(&["b", "d"], too_few(1));
    check(&["x", "y"], too_few(0));
    // A version that is left out, the same again, one before.
    for version in [0, 1, 3] {
        let bytes = signed(&keys(version, &["b", "c", "d"]).to_text(), &["b", "c"]);
        let why = ListKeysError::Version { known: 1, found: version };
        assert_eq!(three().rotate(&bytes), Err(why));
    }
    let last = keys(u64::MAX, &["a", "b", "c"]);
    assert!(last.rotate(&signed(&three().to_text(), &["a", "b"])).is_err());
    // Those of a list are not those of keys.
    let bytes = signed(&list(2).to_text(), &["a", "b"]);
    assert_eq!(three().rotate(&bytes), Err(ListKeysError::Shape));
}

#[test]
fn one_key_is_never_enough() {
    let public = |name: &str| key(name).public().clone();
    let new = |threshold, keys| ListKeys::new(1, threshold, keys).map(|_| ());
    assert_eq!(new(2, vec![public("a"), public("b")]), Ok(()));
    assert_eq!(new(1, vec![public("a"), public("b")]), Err(ListKeysError::Threshold));
    assert_eq!(new(0, Vec::new()), Err(ListKeysError::Threshold));
    assert_eq!(new(3, vec![public("a"), public("b")]), Err(ListKeysError::Threshold));
    assert_eq!(new(2, vec![public("a"), public("a")]), Err(ListKeysError::Threshold));
    // One key under two names, and two keys under one.
    let again = SignerKey::from_seed("again", &{
        let mut seed = [0; 32];
        seed[0] = b'a';
        seed
    });
    let again = again.unwrap().public().clone();
    assert_eq!(new(2, vec![public("a"), again]), Err(ListKeysError::Threshold));
    let other = SignerKey::from_seed("a", &[9; 32]).unwrap().public().clone();
    assert_eq!(new(2, vec![public("a"), other]), Err(ListKeysError::Threshold));
    let many = |count| (0..count).map(|n| public(&format!("k{n}"))).collect::<Vec<_>>();
    assert_eq!(new(2, many(KEYS_MAX)), Ok(()));
    assert_eq!(new(2, many(KEYS_MAX + 1)), Err(ListKeysError::Threshold));
}

#[test]
fn other_texts_of_keys_are_refused() {
    let text = three().to_text();
    assert_eq!(ListKeys::parse(&text), Ok(three()));
    for other in [
        text.replace("keys/1", "keys/2"),
        text.replace("version 1", "version 01"),
        text.replace("threshold 2", "threshold +2"),
        text.replace('\n', "\r\n"),
        text.trim_end().to_owned(),
        format!("{text}\n"),
        format!("{text}more\n"),
        text.replace("key a+", "key  a+"),
        String::new(),
    ] {
        assert!(ListKeys::parse(&other).is_err(), "{other}");
    }
    // The signed form is not the form that comes with a program.
    let note = String::from_utf8(signed(&text, &["a", "b"])).unwrap();
    assert!(ListKeys::parse(&note).is_err());
}

#[test]
fn keys_read_as_others_write_them() {
    // From the tests of Go's package note.
    let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key: ListKey = text.parse().unwrap();
    assert_eq!((key.name(), key.to_string().as_str()), ("PeterNeumann", text));
    for (other, why) in [
        (text.replace("c74f", "c74e"), ListKeyError::Id),
        (text.replace("c74f", "C74F"), ListKeyError::Id),
        (text.replace("Peter", "peter"), ListKeyError::Id),
        (text.replace("+ARpc", "+AxpC"), ListKeyError::Shape),
        (text.replace("10TW", ""), ListKeyError::Shape),
        ("a+b".to_owned(), ListKeyError::Shape),
        (text.replace("PeterN", "Peter N"), ListKeyError::Name),
        (text.replace("PeterNeumann", ""), ListKeyError::Name),
    ] {
        assert_eq!(other.parse::<ListKey>(), Err(why), "{other}");
    }
}

prop_compose! {
    fn any_log()(
        key in 0..6_usize,
        operator in "[A-Za-z][A-Za-z ]{0,8}[a-z]",
        description in "[A-Za-z'][A-Za-z0-9 '+]{0,20}[a-z]",
        trusted in 0..4_000_000_000_i64,
        retired in prop::option::of(0..4_000_000_000_i64),
        previous in prop::collection::vec(("[A-Z][a-z]{1,5}", 0..4_000_000_000_i64), 0..3),
        is_static: bool,
    ) -> Log {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut log = log_of(&KEYS[key], &operator, states(at(trusted), retired.map(at)));
        log.description = description;
        log.previous_operators = previous.into_iter().map(|(name, until)| (name, at(until))).collect();
        log.previous_operators.sort_by(|(one, at), (other, then)| (at, one).cmp(&(then, other)));
        log.previous_operators.dedup();
        if is_static {
            log.api = api("static-ct").unwrap();
        }
        log
    }
}

prop_compose! {
    fn any_list()(
        version: u64,
        issued in 0..4_000_000_000_i64,
        valid in 70 * 86_400..900 * 86_400_i64,
        logs in prop::collection::vec(any_log(), 0..6),
        suspensions in prop::collection::vec(any_suspension(), 0..3),
    ) -> SignedList {
        let mut logs: Vec<Log> = logs;
        logs.sort_by_key(|log| log.key.id());
        logs.dedup_by(|one, other| one.key == other.key);
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut list = SignedList::new(version, at(issued), at(issued + valid), logs);
        list.suspensions = suspensions
            .into_iter()
            .map(|(scope, after, reason)| Suspension { scope, until: at(issued + after), reason })
            .collect();
        list.suspensions.sort_by_key(ToString::to_string);
        list.suspensions.dedup();
        // One way in at most.
        let mut ways = 0;
        list.suspensions.retain(|one| {
            ways += usize::from(matches!(one.scope, Scope::Way(_)));
            matches!(one.scope, Scope::Issuer(_)) || ways == 1
        });
        list
    }
}

fn any_suspension() -> impl Strategy<Value = (Scope, i64, String)> {
    let scope =
        prop_oneof![any::<[u8; 32]>().prop_map(Scope::Issuer), "[a-z]{1,9}".prop_map(Scope::Way),];
    (scope, 0..=14 * 86_400_i64, "[A-Za-z][a-z ]{0,20}[a-z]")
}

proptest! {
    #[test]
    fn print_then_parse_is_the_identity(list in any_list()) {
        let text = list.to_text();
        let read = SignedList::parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&list));
        prop_assert_eq!(three().verify(&signed(&text, &["c", "b"])), Ok(list));
    }

    #[test]
    fn any_text_is_a_list_or_not(text in "(?s).{0,200}") {
        let _any = SignedList::parse(&text);
        let _any = SignedList::parse(&format!("{FIRST_LINE}\n{text}"));
        let _any = ListKeys::parse(&text);
        let _any = Note::parse(text.as_bytes());
        let _any = text.parse::<ListKey>();
        let _any = text.parse::<Suspension>();
    }

    #[test]
    fn a_changed_byte_is_refused(at in 0_usize..1000, change in 1..=255_u8) {
        let mut bytes = signed(&list(7).to_text(), &["a", "b"]);
        let at = at % bytes.len();
        bytes[at] ^= change;
        // Base64 that says the same is refused too: there is one way to write it.
        prop_assert!(three().verify(&bytes).is_err(), "at {}", at);
    }
}
