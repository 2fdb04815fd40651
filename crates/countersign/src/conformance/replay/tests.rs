//! Files in small, whole and broken, and what is read from them.

use std::net::IpAddr;
use std::path::PathBuf;

use countersign_dns::resolution::Resolved;
use countersign_dns::{Name, Query, Rtype};
use proptest::prelude::*;

use super::config::{Clock, Via};
use super::expected::Said;
use super::network::Network;
use super::*;

/// A file with these settings and these ranges and steps.
fn file(config: &str, scenario: &str) -> String {
    format!("{config}\nCONFIG_END\nSCENARIO_BEGIN a test\n{scenario}\nSCENARIO_END\n")
}

fn query(name: &str, rtype: Rtype) -> Query {
    Query { name: name.parse().unwrap(), rtype }
}

/// An entry for `a.example TXT`, whose answer says which it is.
fn entry(rules: &str, which: &str) -> String {
    format!(
        "ENTRY_BEGIN\n{rules}\nREPLY QR AA NOERROR\nSECTION QUESTION\na.example. IN TXT\n\
         SECTION ANSWER\na.example. TXT \"{which}\"\nENTRY_END\n"
    )
}

/// Servers with all entries at 192.0.2.1 during the steps from 10 to 20.
fn range(entries: &str) -> Replay {
    let range = format!("RANGE_BEGIN 10 20\nADDRESS 192.0.2.1\n{entries}RANGE_END");
    Replay::parse(&file("", &range)).unwrap()
}

fn asked(replay: &Replay, at: u32, name: &str, rtype: Rtype) -> Option<Message> {
    replay.answer(at, "192.0.2.1".parse().unwrap(), &query(name, rtype))
}

/// What the first answer is about.
fn text(message: &Message) -> String {
    let data = &message.answer[0].rrset.rdatas()[0];
    String::from_utf8_lossy(&data[1..]).into_owned()
}

#[track_caller]
fn check(entries: &str, name: &str, rtype: Rtype, expected: Option<&str>) {
    let found = asked(&range(entries), 15, name, rtype).map(|message| text(&message));
    assert_eq!(found.as_deref(), expected);
}

#[test]
fn an_entry_answers_what_its_rules_let_through() {
    let check = |rules: &str, name: &str, rtype, matches: bool| {
        let entries = entry(&format!("MATCH {rules}"), "it");
        check(&entries, name, rtype, matches.then_some("it"));
    };
    check("opcode qtype qname", "A.example", Rtype::TXT, true);
    check("opcode qtype qname", "a.example", Rtype::A, false);
    check("opcode qtype qname", "b.a.example", Rtype::TXT, false);
    check("qtype", "elsewhere", Rtype::TXT, true);
    check("qtype", "elsewhere", Rtype::A, false);
    check("qname", "a.example", Rtype::A, true);
    check("question", "a.example", Rtype::TXT, true);
    check("question", "a.example", Rtype::A, false);
    check("subdomain", "c.b.a.example", Rtype::A, true);
    check("subdomain", "a.example", Rtype::A, true);
    check("subdomain", "ba.example", Rtype::A, false);
    check("subdomain", "example", Rtype::A, false);
    check("opcode", "elsewhere", Rtype::A, true);
    check("ttl DO UDP", "elsewhere", Rtype::A, true);
    for none in ["TCP", "noedns", "ednsdata", "flags", "answer", "all", "ede=6"] {
        check(none, "a.example", Rtype::TXT, false);
    }
}

#[test]
fn all_is_the_whole_question() {
    let entry =
        "ENTRY_BEGIN\nMATCH all\nREPLY NOERROR\nSECTION QUESTION\na.example. TXT\nENTRY_END\n";
    let answers = |name, rtype| asked(&range(entry), 15, name, rtype).is_some();
    assert!(answers("a.example", Rtype::TXT));
    assert!(!answers("a.example", Rtype::A));
}

#[test]
fn the_first_entry_that_matches_counts() {
    let entries = [entry("MATCH qname", "first"), entry("MATCH qtype", "second")].concat();
    check(&entries, "a.example", Rtype::TXT, Some("first"));
    check(&entries, "b.example", Rtype::TXT, Some("second"));
    check(&entries, "b.example", Rtype::A, None);
    let silent = [entry("MATCH qname\nADJUST do_not_answer", "first"), entry("", "second")];
    check(&silent.concat(), "a.example", Rtype::TXT, None);
}

#[test]
fn other_opcodes_are_for_other_questions() {
    let notify = entry("MATCH opcode", "it").replace("REPLY QR", "REPLY NOTIFY QR");
    check(&notify, "a.example", Rtype::TXT, None);
}

#[test]
fn ranges_hold_for_their_steps_and_addresses() {
    let replay = range(&entry("", "it"));
    for (at, answers) in [(9, false), (10, true), (20, true), (21, false)] {
        assert_eq!(asked(&replay, at, "a.example", Rtype::A).is_some(), answers, "{at}");
    }
    let elsewhere = |replay: &Replay, to: &str| {
        replay.answer(10, to.parse().unwrap(), &query("a.example", Rtype::A)).is_some()
    };
    assert!(!elsewhere(&replay, "192.0.2.2"));
    // Several addresses, and none, which are all.
    let ranges = format!(
        "RANGE_BEGIN 0 10\nADDRESS 192.0.2.7\nADDRESS 2001:db8::7\n{0}RANGE_END\n\
         RANGE_BEGIN 11 20\n{0}RANGE_END",
        entry("", "it")
    );
    let replay = Replay::parse(&file("", &ranges)).unwrap();
    assert!(elsewhere(&replay, "192.0.2.7") && elsewhere(&replay, "2001:db8::7"));
    assert!(!elsewhere(&replay, "192.0.2.8"));
    assert!(replay.answer(11, IpAddr::from([9; 4]), &query("a.example", Rtype::A)).is_some());
}

#[test]
fn only_the_question_is_copied() {
    let copying = entry("MATCH subdomain\nADJUST copy_id copy_query", "it");
    let found = asked(&range(&copying), 15, "b.a.example", Rtype::A).unwrap();
    assert_eq!(found.question.unwrap().query, query("b.a.example", Rtype::A));
    assert_eq!(found.answer[0].rrset.owner(), &query("a.example", Rtype::A).name);
    let other = entry("MATCH subdomain\nADJUST copy_id", "it");
    let found = asked(&range(&other), 15, "b.a.example", Rtype::A).unwrap();
    assert_eq!(found.question.unwrap().query, query("a.example", Rtype::TXT));
}

#[test]
fn what_is_cut_short_is_asked_for_over_tcp() {
    let short = entry("MATCH UDP", "short").replace("REPLY QR", "REPLY QR TC");
    check(&short, "a.example", Rtype::TXT, Some("short"));
    check(&[short, entry("MATCH TCP", "long")].concat(), "a.example", Rtype::TXT, Some("long"));
}

#[test]
fn flags_and_codes_are_those_of_the_reply() {
    let of = |reply: &str| {
        let entries = format!("ENTRY_BEGIN\nREPLY {reply}\nENTRY_END\n");
        asked(&range(&entries), 15, "a.example", Rtype::A).unwrap()
    };
    let refused = of("QR AD CD RA DO REFUSED");
    assert!(refused.flags.authentic && refused.flags.checking_disabled);
    assert!(!refused.flags.authoritative && !refused.flags.recursion_desired);
    assert_eq!((refused.rcode, refused.question), (5, None));
    assert!(refused.edns.unwrap().dnssec_ok);
    assert_eq!(of("QR NXDOMAIN").edns, None);
    let bad_version = of("QR BADVERS");
    assert_eq!((bad_version.rcode, bad_version.edns.unwrap().dnssec_ok), (16, false));
}

#[test]
fn octets_can_be_given_as_they_are() {
    let with = |hex: &str| {
        let hex = format!("\nHEX_ANSWER_BEGIN\n{hex}\nHEX_ANSWER_END");
        range(&entry(&hex, "it"))
    };
    let replay = with("0000 8005 ; the flags\n0000 0000 0000\n00 00");
    assert_eq!(asked(&replay, 15, "a.example", Rtype::A).unwrap().rcode, 5);
    // What is no message does not arrive, and nothing else does.
    assert_eq!(asked(&with("00"), 15, "a.example", Rtype::A), None);
    let error = "\nHEX_EDNSDATA_BEGIN\n000f 0002 0016\nHEX_EDNSDATA_END";
    let found = asked(&range(&entry(error, "it")), 15, "a.example", Rtype::A).unwrap();
    assert_eq!(found.edns.unwrap().errors, [(22, String::new())]);
}

#[test]
fn records_are_read_as_in_a_zone_file() {
    let sets = |records: &str| {
        let entry = format!("ENTRY_BEGIN\nSECTION ANSWER\n{records}\nENTRY_END\n");
        asked(&range(&entry), 15, "a.example", Rtype::A).unwrap()
    };
    let one = |record: &str, owner: &str, rtype, ttl_s, data: &[u8]| {
        let set = sets(record).answer[0].rrset.clone();
        assert_eq!((set.owner(), set.rtype()), (&owner.parse::<Name>().unwrap(), rtype));
        assert_eq!((set.ttl_s(), &set.rdatas()[0][..]), (ttl_s, data));
    };
    one("a.example. IN A 192.0.2.1", "a.example", Rtype::A, 3600, &[192, 0, 2, 1]);
    one("a.example 60 A 192.0.2.1 ;{id = 1}", "a.example", Rtype::A, 60, &[192, 0, 2, 1]);
    one("a IN 60 MX 10 (\n ; odd )\n b )", "a", Rtype::MX, 60, b"\0\x0a\x01b\0");
    one("$ORIGIN example.\n$TTL 5\na CNAME b", "a.example", Rtype::CNAME, 5, b"\x01b\x07example\0");
    one("a. TXT \"( ; )\"", "a", Rtype::TXT, 3600, b"\x05( ; )");
    // Malformed on purpose (RFC 3597 §5): taken as it is, for the reader of messages to judge.
    one(r"a. IN TYPE999 \# 2 0102", "a", Rtype::from_int(999), 3600, &[1, 2]);
    assert_eq!(sets(r"a. IN A \# 5 0102030405").left_out, 1);
    // Without padding, and with the name of an algorithm.
    one("a. DNSKEY 256 3 DSA AA ;{id}", "a", Rtype::DNSKEY, 3600, &[1, 0, 3, 3, 0]);
    one("a. DS 1 RSASHA1 1 ( 00\n01 )", "a", Rtype::DS, 3600, &[0, 1, 5, 1, 0, 1]);
    let left_out = sets("a. A 192.0.2.1\na. NS \\# 3 016100\nb. NS \\# 2 0161\nb. CH TXT x");
    assert_eq!((left_out.answer.len(), left_out.left_out), (2, 2));
}

const QUERY: &str = "ENTRY_BEGIN\nREPLY RD DO\nSECTION QUESTION\na.example. A\nENTRY_END\n";

/// What the answer to a question with these flags says.
fn said(question: &str, answer: &str) -> Said {
    let steps = format!(
        "STEP 1 QUERY\n{}STEP 10 CHECK_ANSWER\nENTRY_BEGIN\nMATCH all\nREPLY {answer}\nENTRY_END",
        QUERY.replace("RD DO", question)
    );
    let replay = Replay::parse(&file("", &steps)).unwrap();
    match &replay.steps[1] {
        Step::CheckAnswer { expected, .. } => expected.said,
        other => panic!("{other:?}"),
    }
}

#[test] // RFC 6840 §5.7, §5.8; RFC 4035 §3.2.2, §5.5
fn an_answer_says_of_validity_what_it_was_asked() {
    for question in ["RD DO", "RD AD", "RD AD DO"] {
        assert_eq!(said(question, "QR RD RA AD NOERROR"), Said::Secure);
        assert_eq!(said(question, "QR RD RA NXDOMAIN"), Said::NotAuthenticated);
        assert_eq!(said(question, "QR RD RA SERVFAIL"), Said::Refused);
    }
    assert_eq!(said("RD", "QR RD RA NOERROR"), Said::Nothing);
    assert_eq!(said("RD", "QR RD RA SERVFAIL"), Said::Refused);
    for answer in ["QR NOERROR", "QR AD NOERROR", "QR SERVFAIL"] {
        assert_eq!(said("RD CD DO", answer), Said::Nothing);
    }
}

#[test]
fn only_what_is_compared_is_expected() {
    let expected = |rules: &str, ttl: &str| {
        let steps = format!(
            "STEP 1 QUERY\n{QUERY}STEP 10 CHECK_ANSWER ; here\nENTRY_BEGIN\nMATCH {rules}\n\
             REPLY QR AD NXDOMAIN\nSECTION ANSWER\na.example. {ttl} A 192.0.2.2\n\
             a.example. {ttl} A 192.0.2.1\nENTRY_END"
        );
        match Replay::parse(&file("", &steps)).unwrap().steps.remove(1) {
            Step::CheckAnswer { expected, .. } => expected,
            other => panic!("{other:?}"),
        }
    };
    let section = "a.example. 60 A 192.0.2.1\na.example. 60 A 192.0.2.2\n\
        a.example. RRSIG A 8 2 60 20150420235959 20051021000000 1 example. AAAA";
    let found = format!("ENTRY_BEGIN\nSECTION ANSWER\n{section}\nENTRY_END\n");
    let found = asked(&range(&found), 15, "a.example", Rtype::A).unwrap().answer;
    let all = expected("all ede=6", "3600");
    assert_eq!((all.said, all.rcode, all.extended_error), (Said::Secure, Some(3), Some(6)));
    assert!(all.answer_is(&found) && !all.answer_is(&[]));
    assert_eq!(all.authority, Some(Vec::new()));
    assert!(!expected("all ttl", "3600").answer_is(&found));
    assert!(expected("all ttl", "60").answer_is(&found));
    let some = expected("rcode question", "60");
    assert_eq!((some.said, some.rcode, some.answer), (Said::Nothing, Some(3), None));
}

#[test]
fn settings_are_read_and_none_is_lost() {
    let config = "; first\nserver:\n\ttrust-anchor: \"a.example. DS 1 8 1 ( 00000000000000000000\n";
    assert!(Replay::parse(&file(config, "")).is_err());
    let config = r#"do-ip6: no
stub-addr: 2001:db8::1 # root
server:
    trust-anchor: "example. DS 1 RSASHA1 1 0000000000000000000000000000000000000000"
    trust-anchor: example. 60 IN DS 2 8 1 0000000000000000000000000000000000000000
    val-override-date: "20070916134226"
    val-nsec3-keysize-iterations: "1024 150"
    harden-algo-downgrade: yes
    ede: yes
forward-zone:
    name: "b.example"
    forward-addr: 192.0.2.2
rpz:
    zonefile:
TEMPFILE_NAME x
TEMPFILE_CONTENTS x
; kept
TEMPFILE_END"#;
    let config = Replay::parse(&file(config, "")).unwrap().config;
    assert_eq!(config.anchors[0].rdatas().len(), 2);
    let time = "2007-09-16T13:42:26Z".parse().unwrap();
    assert_eq!(config.clock, Clock::Fixed(time));
    assert_eq!(
        (config.ip6, config.ip4, config.harden_algo_downgrade, config.rewrites),
        (Some(false), None, Some(true), true)
    );
    assert_eq!(config.nsec3_keysize_iterations, [(1024, 150)]);
    let servers = config.servers.iter().map(|at| (at.zone.to_string(), at.via, at.addresses.len()));
    let root = (".".to_owned(), Via::Stub, 1);
    assert_eq!(servers.collect::<Vec<_>>(), [root, ("b.example.".to_owned(), Via::Forward, 1)]);
    let others: Vec<_> = config.others.iter().map(|other| &other.key[..]).collect();
    assert_eq!(others, ["ede", "zonefile", "TEMPFILE_NAME", "TEMPFILE_CONTENTS"]);
    let clock = |value: &str| {
        let config = format!("val-override-date: {value}");
        Replay::parse(&file(&config, "")).map(|replay| replay.config.clock).ok()
    };
    let seconds = jiff::Timestamp::from_second(1_437_625_000).unwrap();
    assert_eq!(clock("1437625000"), Some(Clock::Fixed(seconds)));
    assert_eq!((clock("-1"), clock("+1"), clock("")), (Some(Clock::Ignored), None, None));
}

#[test]
fn what_is_malformed_is_refused_with_its_line() {
    let check = |text: &str, error: &str| {
        assert_eq!(Replay::parse(text).unwrap_err().to_string(), error);
    };
    check("", "line 1: the file ends before CONFIG_END");
    check("server:\n\nwhat\n", "line 3: a colon is missing");
    check("fake-sha1: maybe", "line 1: \"maybe\" is no yes or no");
    check("stub-zone:\nserver:", "line 1: the name of the zone is missing");
    check("trust-anchor: \". A 192.0.2.1\"", "line 1: \". A 192.0.2.1\" is no DS or DNSKEY record");
    check("CONFIG_END\nSTEP 1 QUERY", "line 2: \"STEP\" is no SCENARIO_BEGIN");
    let check = |scenario: &str, error: &str| check(&file("", scenario), error);
    check("RANGE_BEGIN 0 +1", "line 4: \"+1\" is no number");
    check("RANGE_BEGIN 0 1 2", "line 4: \"2\" is no end of the line");
    check("RANGE_BEGIN 0 1\nADDRESS here", "line 5: \"here\" is no IP address");
    check("STEP 1 CHECK_ANSWER", "line 4: a question before is missing");
    check("STEP 1 QUERY\nENTRY_BEGIN\nENTRY_END", "line 5: the question is missing");
    check("STEP 1 TIME_PASSES ELAPSE 1.-", "line 4: \"1.-\" is no time in seconds");
    check("SCENARIO_END\nmore", "line 5: \"more\" is no end of a file");
    let check = |entry: &str, error: &str| {
        check(&format!("RANGE_BEGIN 0 1\nENTRY_BEGIN\n{entry}\nENTRY_END"), error);
    };
    check("MATCH serial=1", "line 6: \"serial=1\" is no rule of MATCH");
    check("MATCH ede=any", "line 6: \"ede=any\" is no rule of MATCH");
    check("ADJUST sleep=1", "line 6: \"sleep=1\" is no adjustment");
    check("REPLY QR YES", "line 6: \"YES\" is no flag or code of REPLY");
    check("SECTION OTHER", "line 6: \"OTHER\" is no section");
    check("SECTION QUESTION\na. IN", "line 7: \"\" is no type");
    check("HEX_ANSWER_BEGIN\n0\nHEX_ANSWER_END", "line 8: a hexadecimal digit is missing");
    check("SECTION ANSWER\na. A (", "line 7: a closing parenthesis is missing");
    check("SECTION ANSWER\n\n$INCLUDE x", "line 8: the record cannot be read: it is none");
    let long = "a. TXT x\n".repeat(5000);
    check(&format!("SECTION ANSWER\n{long}"), "line 4376: the message is longer than 65535 octets");
}

#[test]
fn steps_are_what_happens_in_their_order() {
    let steps = format!(
        "STEP 1 QUERY\n{QUERY}STEP 2 TIME_PASSES ELAPSE 0.05\nSTEP 3 TRAFFIC ; of what\n\
         STEP 4 CHECK_OUT_QUERY\n{QUERY}STEP 5 CHECK_ANSWER\n{}",
        entry("MATCH all", "it")
    );
    let replay = Replay::parse(&file("", &steps)).unwrap();
    assert_eq!(replay.scenario, "a test");
    let told: Vec<_> = replay.steps.iter().map(tell).collect();
    let expected = [
        "1: a.example. A true true",
        "2: 50 ms",
        "3: TRAFFIC ; of what",
        "4: CHECK_OUT_QUERY",
        "5: 1 0 0",
    ];
    assert_eq!(told, expected);
}

fn tell(step: &Step) -> String {
    match step {
        Step::Query { at, query, flags, dnssec_ok } => {
            let Query { name, rtype } = query;
            format!("{at}: {name} {rtype} {} {dnssec_ok}", flags.recursion_desired)
        }
        Step::CheckAnswer { at, expected } => {
            let Expected { answer, authority, additional, .. } = expected;
            let sets = [answer, authority, additional].map(|section| section.iter().flatten());
            let [answer, authority, additional] = sets.map(Iterator::count);
            format!("{at}: {answer} {authority} {additional}")
        }
        Step::TimePasses { at, milliseconds } => format!("{at}: {milliseconds} ms"),
        Step::Other { at, words } => format!("{at}: {words}"),
    }
}

#[test]
fn every_vector_is_read() {
    let (mut files, mut steps, mut entries) = (0, 0, 0);
    let mut said =
        [Said::Secure, Said::Refused, Said::NotAuthenticated, Said::Nothing].map(|said| (said, 0));
    for (_name, replay) in vectors() {
        files += 1;
        steps += replay.steps.len();
        entries += replay.ranges.iter().map(|range| range.entries.len()).sum::<usize>();
        for step in &replay.steps {
            if let Step::CheckAnswer { expected, .. } = step {
                let count = said.iter_mut().find(|(said, _)| *said == expected.said);
                count.unwrap().1 += 1;
            }
        }
    }
    if files > 0 {
        assert_eq!((files, steps, entries), (116, 418, 1279));
        assert_eq!(said.map(|(_, count)| count), [110, 48, 31, 15]);
    }
}

#[test]
fn the_first_questions_are_resolved() {
    let mut failed = Vec::new();
    for (name, replay) in vectors() {
        let Some(Step::Query { at, query, .. }) = replay.steps.first() else { panic!("{name}") };
        match Network::new(&replay).resolve(*at, query.clone(), |_, _| {}) {
            Resolved::Answer(_) => {}
            Resolved::Failed(unresolved) => failed.push((name, unresolved.query.rtype)),
        }
    }
    failed.sort();
    let failed: Vec<_> = failed.iter().map(|(name, rtype)| (&name[..], *rtype)).collect();
    // The only record of the type PX is malformed.
    let expected = [("val_canon_short_px.rpl", Rtype::PX)];
    assert!(failed.is_empty() || failed == expected, "{failed:?}");
}

#[test]
fn what_one_question_teaches_is_there_for_the_next() {
    let config = "stub-addr: 192.0.2.1\ndo-ip6: no";
    let ranges = "RANGE_BEGIN 1 2\nADDRESS 192.0.2.1\nENTRY_BEGIN\nMATCH qname qtype\nREPLY QR\n\
        SECTION QUESTION\na.example. A\nSECTION AUTHORITY\nexample. NS ns.example.\n\
        SECTION ADDITIONAL\nns.example. A 192.0.2.2\nENTRY_END\nRANGE_END\n\
        RANGE_BEGIN 1 2\nADDRESS 192.0.2.2\nENTRY_BEGIN\nMATCH subdomain\nADJUST copy_query\n\
        REPLY QR\nSECTION QUESTION\nexample. A\nENTRY_END\nRANGE_END";
    let replay = Replay::parse(&file(config, ranges)).unwrap();
    let mut network = Network::new(&replay);
    let mut resolves = |at, name| match network.resolve(at, query(name, Rtype::A), |_, _| {}) {
        Resolved::Answer(answer) => Some(answer.from.to_string()),
        Resolved::Failed(_) => None,
    };
    assert_eq!(resolves(1, "b.example"), None);
    assert_eq!(resolves(3, "a.example"), None);
    assert_eq!(resolves(2, "a.example").as_deref(), Some("192.0.2.2"));
    assert_eq!(resolves(2, "b.example").as_deref(), Some("192.0.2.2"));
}

/// The files beside the checkout. None where there are none, which is said.
fn vectors() -> Vec<(String, Replay)> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/vectors/dnssec");
    let mut replays = Vec::new();
    for folder in ["unbound", "replays"].map(|folder| PathBuf::from(root).join(folder)) {
        let Ok(paths) = folder.read_dir() else {
            assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{root} is missing");
            eprintln!("skipped: {root} is missing");
            return Vec::new();
        };
        for path in paths.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let replay = Replay::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            replays.push((name, replay));
        }
    }
    replays
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text: String) {
        if let Err(error) = Replay::parse(&text) {
            prop_assert!((1..=text.lines().count().max(1)).contains(&error.line));
        }
    }

    #[test]
    fn any_lines_are_read_or_refused(
        lines in prop::collection::vec(prop::sample::select(&LINES[..]), 0..30),
        (at, length) in (0_usize..40, 0_usize..40),
    ) {
        let mut text = format!("CONFIG_END\nSCENARIO_BEGIN x\n{}", lines.join("\n"));
        if let Some(cut) = text.get(at..at + length) {
            text = text.replacen(cut, "", 1);
        }
        if let Ok(replay) = Replay::parse(&text) {
            asked(&replay, 10, "a.example", Rtype::A);
        }
    }
}

/// What files are made of.
const LINES: [&str; 18] = [
    "RANGE_BEGIN 0 20",
    "ADDRESS 192.0.2.1",
    "RANGE_END",
    "ENTRY_BEGIN",
    "ENTRY_END",
    "MATCH opcode subdomain",
    "ADJUST copy_id copy_query",
    "REPLY QR DO BADVERS",
    "SECTION QUESTION",
    "example. IN A",
    "SECTION ANSWER",
    "a.example. A 192.0.2.1 ; (",
    "a.example. MX 10 ( a",
    ") ; )",
    r"a.example. NS \# 2 0161",
    "STEP 1 QUERY",
    "STEP 2 CHECK_ANSWER",
    "SCENARIO_END",
];
