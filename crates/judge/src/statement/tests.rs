use countersign_tlog::note::KeyName;
use proptest::prelude::*;

use super::*;

const NOW: &str = "2026-11-24T05:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn name(text: &str) -> KeyName {
    text.parse().expect("a key name")
}

fn scope(text: &str) -> Scope {
    text.parse().expect("a scope")
}

fn key(host: &str, seed: u8) -> HostKey {
    HostKey::new(name(host), [seed; 32])
}

/// Two hosts: one for mail, one for the web.
fn hosts() -> Vec<Host> {
    let host = |host, seed, names| Host {
        key: key(host, seed).signer().verifier_key(),
        scope: scope(names),
    };
    vec![host("mail", 1, ".mail.example xmpp.example"), host("web", 2, ".web.example")]
}

fn statement(host: &str, names: &str) -> Statement {
    let until = Some(at("2026-12-24T05:00:00Z"));
    Statement::new(name(host), 7, (at(NOW), until), [0xab; 32], scope(names)).expect("a statement")
}

fn signed(host: &str, seed: u8, names: &str) -> String {
    statement(host, names).sign(&key(host, seed).signer())
}

fn open(note: &str, last: Option<u64>, now: &str) -> Result<Statement, Refused> {
    Statement::open(note.as_bytes(), &hosts(), |_| last, at(now))
}

/// Compares the answer to a note, as one line.
#[track_caller]
fn check(note: &str, last: Option<u64>, now: &str, expected: &str) {
    let answer = match open(note, last, now) {
        Ok(statement) => format!("{} may have {}", statement.host(), statement.names()),
        Err(refused) => refused.to_string(),
    };
    assert_eq!(answer, expected);
}

#[test]
fn a_statement_reads_so() {
    let until = Some(at("2026-12-24T05:00:00Z"));
    let names = scope("*.mail.example mail.example 192.0.2.1");
    let statement = Statement::new(name("mail"), 7, (at(NOW), until), [0xab; 32], names);
    let text = "countersign.statement/v1
host mail
sequence 7
at 2026-11-24T05:00:00Z
until 2026-12-24T05:00:00Z
key abababababababababababababababababababababababababababababababab
names *.mail.example 192.0.2.1 mail.example
";
    assert_eq!(statement.as_ref().map(Statement::to_text), Ok(text.to_owned()));
    assert_eq!(Statement::parse(text), statement);
}

#[test]
fn a_host_speaks_for_its_names() {
    let note = signed("mail", 1, "xmpp.example *.mail.example");
    check(&note, None, NOW, "mail may have *.mail.example xmpp.example");
    check(&note, Some(6), NOW, "mail may have *.mail.example xmpp.example");
}

#[test]
fn a_host_does_not_speak_for_others() {
    let refused = |name: &str| format!("the host \"mail\" may not speak for \"{name}\"");
    for name in ["web.example", "*.xmpp.example", ".xmpp.example", ".", "mail.example.net"] {
        check(&signed("mail", 1, name), None, NOW, &refused(name));
        check(&signed("mail", 1, &format!("xmpp.example {name}")), None, NOW, &refused(name));
    }
}

#[test]
fn a_key_signs_for_its_host_only() {
    // Mail's key, in the name of web: mail's attacker has nothing better.
    let text = statement("web", "web.example").to_text();
    let forged = key("web", 1).signer().sign(&text);
    let note = Note::new(text.clone(), vec![forged]).expect("a note").to_text();
    check(&note, None, NOW, "it is not signed with the key of the host \"web\"");
    // Mail's signature, under its own name, below a text of web.
    let own = key("mail", 1).signer().sign(&text);
    let note = Note::new(text, vec![own]).expect("a note").to_text();
    check(&note, None, NOW, "it is not signed with the key of the host \"web\"");
}

#[test]
fn a_statement_does_not_move_to_another_host() {
    let moved = signed("mail", 1, "mail.example").replace("— mail ", "— web ");
    check(&moved, None, NOW, "it is not signed with the key of the host \"mail\"");
    let moved = signed("mail", 1, "mail.example").replace("mail", "web");
    check(&moved, None, NOW, "it is not signed with the key of the host \"web\"");
    check(&signed("db", 3, "db.example"), None, NOW, "no host \"db\" is configured");
}

#[test]
fn one_key_under_two_names_is_two_hosts() {
    let shared =
        |host: &str, names| Host { key: key(host, 1).signer().verifier_key(), scope: scope(names) };
    let hosts = [shared("a", ".a.example"), shared("b", ".b.example")];
    let text = statement("a", "a.example").to_text();
    let mut signature = key("a", 1).signer().sign(&text);
    let open = |signature| {
        let note = Note::new(text.clone(), vec![signature]).expect("a note").to_text();
        Statement::open(note.as_bytes(), &hosts, |_| None, at(NOW))
    };
    assert!(open(signature.clone()).is_ok());
    signature.name = name("b");
    assert_eq!(open(signature), Err(Refused::BadSignature { host: "a".into() }));
}

#[test]
fn a_second_key_takes_over_with_its_own_scope() {
    let mut hosts = hosts();
    hosts.push(Host { key: key("mail", 9).signer().verifier_key(), scope: scope("new.example") });
    let open = |note: &str| Statement::open(note.as_bytes(), &hosts, |_| None, at(NOW));
    assert!(open(&signed("mail", 1, "mail.example")).is_ok());
    assert!(open(&signed("mail", 9, "new.example")).is_ok());
    let refused = open(&signed("mail", 9, "mail.example"));
    assert!(matches!(refused, Err(Refused::OutOfScope { .. })));
}

#[test]
fn a_statement_counts_once() {
    let note = signed("mail", 1, "mail.example");
    let refused =
        |last| format!("it has the sequence number 7, but {last} of \"mail\" was accepted before");
    check(&note, Some(7), NOW, &refused(7));
    check(&note, Some(u64::MAX), NOW, &refused(u64::MAX));
}

#[test]
fn a_statement_has_its_time() {
    let note = signed("mail", 1, "mail.example");
    let fine = "mail may have mail.example";
    check(&note, None, "2026-11-24T04:55:00Z", fine);
    check(
        &note,
        None,
        "2026-11-24T04:54:59Z",
        "it was made at 2026-11-24T05:00:00Z, which is yet to come; is the clock of \"mail\" right?",
    );
    check(&note, None, "2026-12-24T05:00:00Z", fine);
    check(&note, None, "2026-12-24T05:00:01Z", "it was in force until 2026-12-24T05:00:00Z");
}

#[test]
fn only_one_signature_stands_below() {
    let note = signed("mail", 1, "mail.example");
    let line = note.lines().last().expect("a signature");
    let why = "it does not have exactly one signature";
    check(&format!("{note}{line}\n"), None, NOW, why);
    check(&format!("{note}— other AAAAAAAAAAAA\n"), None, NOW, why);
    check(&format!("{note}a line\n"), None, NOW, why);
    check("", None, NOW, "it is not a signed note");
    check(&"x".repeat(STATEMENT_BYTES_MAX + 1), None, NOW, "it has more than 30000 bytes");
}

#[track_caller]
fn check_text(text: &str, expected: &Result<(), StatementError>) {
    assert_eq!(Statement::parse(text).map(|_| ()), *expected);
}

#[test]
fn a_statement_has_one_text() {
    let text = statement("mail", "mail.example a.example").to_text();
    check_text(&text, &Ok(()));
    check_text(&text.replace("until 2026-12-24T05:00:00Z\n", ""), &Ok(()));
    for (from, to) in [
        ("sequence 7", "sequence +7"),
        ("sequence 7", "sequence 007"),
        ("05:00:00Z", "05:00:00.0Z"),
        ("05:00:00Z", "05:00:00z"),
        ("05:00:00Z", "06:00:00+01:00"),
        ("abab", "ABAB"),
        ("a.example mail.example", "mail.example a.example"),
        ("a.example ", "a.example  "),
        ("a.example ", "a.example,"),
        ("a.example ", "A.example "),
        ("a.example ", "a.example a.example "),
        ("names a.example mail.example\n", "names a.example mail.example"),
    ] {
        assert!(text.contains(from));
        check_text(&text.replacen(from, to, 1), &Err(StatementError::Spelling));
    }
    check_text(&format!("{text}more\n"), &Err(StatementError::Spelling));
    check_text(&text.replace('\n', "\r\n"), &Err(StatementError::Spelling));
    check_text(&text.replace("host mail\n", ""), &Err(StatementError::Line("host")));
    check_text(&text.replace("/v1", "/v2"), &Err(StatementError::Line(HEADER)));
    check_text(&text.replace("7\n", "seven\n"), &Err(StatementError::Value("sequence")));
}

#[test]
fn not_everything_can_be_stated() {
    let time = at(NOW);
    let check = |host, times, names: Scope, expected| {
        let stated = Statement::new(name(host), 1, times, [0; 32], names);
        assert_eq!(stated.map(|_| ()), Err(expected));
    };
    let some = || scope("a.example");
    check("gro\u{202e}", (time, None), some(), StatementError::HostName);
    check("a", (time, Some(time)), some(), StatementError::Order);
    check("a", (at("2026-11-24T05:00:00.5Z"), None), some(), StatementError::Time);
    check("a", (at("1969-12-31T23:59:59Z"), None), some(), StatementError::Time);
    check("a", (time, Some(Timestamp::MAX)), some(), StatementError::Time);
    check("a", (time, None), Scope::default(), StatementError::Names(0));
    let many = Scope::new((0..=ITEMS_MAX).map(|number| format!("n{number}.example")));
    check("a", (time, None), many.expect("a scope"), StatementError::Names(ITEMS_MAX + 1));
}

#[test] // The key of the example in Go's golang.org/x/mod/sumdb/note.
fn host_keys_are_those_of_go() {
    let secret = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key: HostKey = secret.parse().expect("a key");
    assert_eq!(key.signer().verifier_key().to_string(), public);
    assert_eq!(key.secret_text(), secret);
    assert!(format!("{secret}\n").parse::<HostKey>().is_ok());
    assert!(!format!("{key:?}").contains("AYEKFALV"));
    for (damaged, error) in [
        (public.to_owned(), HostKeyError::Form),
        (secret.replace("Peter", "peter"), HostKeyError::KeyId),
        (secret.replace("+AYEK", "+AoEK"), HostKeyError::Algorithm),
        (secret.replace("KDFz", ""), HostKeyError::Algorithm),
        (secret.replace("AYEK", "AYE!"), HostKeyError::Form),
    ] {
        assert_eq!(damaged.parse::<HostKey>().map(|_| ()), Err(error), "{damaged}");
    }
}

prop_compose! {
    fn any_statement()(
        sequence: u64,
        at in 0..4_000_000_000_i64,
        lasts in prop::option::of(1..4_000_000_000_i64),
        spki_sha256: [u8; 32],
        names in prop::collection::vec("(\\.|\\*\\.)?[a-z]{1,9}\\.[a-z]{2,5}|192\\.0\\.2\\.[1-9]", 1..9),
    ) -> Statement {
        let time = |second| Timestamp::from_second(second).expect("a second in range");
        let times = (time(at), lasts.map(|lasts| time(at + lasts)));
        let names = Scope::new(names).expect("names");
        Statement::new(name("mail"), sequence, times, spki_sha256, names).expect("a statement")
    }
}

/// The two hosts, each for everything: only the signature is between them.
fn trusting() -> Vec<Host> {
    let mut hosts = hosts();
    hosts.iter_mut().for_each(|host| host.scope = Scope::everything());
    hosts
}

proptest! {
    #[test]
    fn what_is_printed_reads_the_same(statement in any_statement()) {
        prop_assert_eq!(Statement::parse(&statement.to_text()), Ok(statement.clone()));
        let note = statement.sign(&key("mail", 1).signer());
        let opened = Statement::open(note.as_bytes(), &trusting(), |_| None, statement.at());
        prop_assert_eq!(opened, Ok(statement));
    }

    #[test]
    fn any_changed_byte_is_refused(
        statement in any_statement(),
        at: prop::sample::Index,
        by in 1..=255_u8,
    ) {
        let mut note = statement.sign(&key("mail", 1).signer()).into_bytes();
        let at = at.index(note.len());
        note[at] ^= by;
        let opened = Statement::open(&note, &trusting(), |_| None, statement.at());
        prop_assert!(opened.is_err());
    }

    #[test]
    fn any_missing_or_added_byte_is_refused(
        statement in any_statement(),
        at: prop::sample::Index,
        octet: u8,
    ) {
        let note = statement.sign(&key("mail", 1).signer()).into_bytes();
        let at = at.index(note.len());
        let mut shorter = note.clone();
        shorter.remove(at);
        let mut longer = note;
        longer.insert(at, octet);
        for changed in [shorter, longer] {
            let opened = Statement::open(&changed, &trusting(), |_| None, statement.at());
            prop_assert!(opened.is_err());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text: String) {
        let hosted = format!("{HEADER}\nhost {text}");
        prop_assert!(Statement::parse(&hosted).is_err());
        prop_assert!(open(&text, None, NOW).is_err());
    }

    // Whatever mail's key signs, in whichever name: nothing comes out that is not mail's, in mail's scope.
    #[test]
    fn a_stolen_key_stays_within_its_host(
        statement in any_statement(),
        claimed in prop::sample::select(vec!["mail", "web"]),
        signed_as in prop::sample::select(vec!["mail", "web"]),
        last in prop::option::of(any::<u64>()),
    ) {
        let text = statement.to_text().replace("host mail\n", &format!("host {claimed}\n"));
        let signature = key(signed_as, 1).signer().sign(&text);
        let note = Note::new(text, vec![signature]).expect("a note").to_text();
        let hosts = hosts();
        if let Ok(opened) = Statement::open(note.as_bytes(), &hosts, |_| last, statement.at()) {
            prop_assert_eq!(opened.host(), "mail");
            prop_assert!(hosts[0].scope.holds(opened.names()));
            prop_assert!(last.is_none_or(|last| opened.sequence() > last));
        }
    }
}
