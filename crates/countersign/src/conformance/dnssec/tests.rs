//! Small recorded resolutions, and what is said of each checked answer.

use countersign_dns::{Query, Rtype};
use proptest::prelude::*;

use super::*;

/// A file with a server at 192.0.2.1, which these entries are of.
fn file(config: &str, entries: &str, steps: &str) -> String {
    format!(
        "{config}\nCONFIG_END\nSCENARIO_BEGIN a test\nRANGE_BEGIN 0 9\nADDRESS 192.0.2.1\n{entries}RANGE_END\n\
         {steps}SCENARIO_END\n"
    )
}

fn entry(question: &str, answer: &str) -> String {
    format!(
        "ENTRY_BEGIN\nMATCH qname qtype\nREPLY QR NOERROR\nSECTION QUESTION\n{question}\nSECTION ANSWER\n{answer}\n\
         ENTRY_END\n"
    )
}

fn asked(at: u32, flags: &str, question: &str) -> String {
    format!(
        "STEP {at} QUERY\nENTRY_BEGIN\nREPLY {flags}\nSECTION QUESTION\n{question}\nENTRY_END\n"
    )
}

/// What is given for each question: the code, and the data of the answer's sets.
fn given(text: &str) -> Vec<String> {
    let replay = Replay::parse(text).unwrap();
    let mut resolver = Resolver::new(&replay).unwrap();
    let mut all = Vec::new();
    for step in &replay.steps {
        match step {
            Step::Query { at, query, flags, .. } => {
                let given = resolver.give(*at, query, *flags);
                let set = |set: &countersign_dns::Rrset| {
                    format!(" {} {} {}", set.owner(), set.ttl_s(), set.rtype())
                };
                let sets: String = given.answer.iter().map(set).collect();
                all.push(format!("{}{sets}", given.rcode));
            }
            Step::TimePasses { milliseconds, .. } => resolver.pass(*milliseconds),
            Step::CheckAnswer { .. } | Step::Other { .. } => {}
        }
    }
    all
}

const CHAIN: &str = "a.example. 60 CNAME b.test.\nb.test. 60 A 192.0.2.7";

#[test]
fn who_forwards_gives_all_that_an_alias_leads_to() {
    let entries = entry("a.example. A", CHAIN);
    for config in ["forward-addr: 192.0.2.1", "forward-zone:\nname: .\nforward-addr: 192.0.2.1"] {
        let found = given(&file(config, &entries, &asked(1, "RD", "a.example. A")));
        assert_eq!(found, ["0 a.example. 60 CNAME b.test. 60 A"]);
    }
    // A server speaks for its zone only.
    let stub = "stub-zone:\nname: example.\nstub-addr: 192.0.2.1\ndo-ip6: no";
    let found = given(&file(stub, &entries, &asked(1, "RD", "a.example. A")));
    assert_eq!(found, ["2"]);
}

#[test]
fn the_deepest_zone_says_who_resolves() {
    let config = "forward-addr: 192.0.2.1\nstub-zone:\nname: a.test\nstub-addr: 192.0.2.2\n\
        forward-zone:\nname: b.a.test\nforward-addr: 192.0.2.3";
    let replay = Replay::parse(&file(config, "", "")).unwrap();
    let check = |name: &str, rtype, expected: Option<&str>| {
        let query = Query { name: name.parse().unwrap(), rtype };
        let found =
            replay.config.forwarders(&query).map(|servers| servers.addresses[0].to_string());
        assert_eq!(found.as_deref(), expected, "{name}");
    };
    check("test", Rtype::A, Some("192.0.2.1"));
    check(".", Rtype::DS, Some("192.0.2.1"));
    check("a.test", Rtype::A, None);
    check("a.test", Rtype::DS, Some("192.0.2.1"));
    check("b.a.test", Rtype::A, Some("192.0.2.3"));
    check("b.a.test", Rtype::DS, None);
}

#[test]
fn what_was_known_is_known_until_its_time_is_over() {
    let steps = [
        asked(1, "RD", "a.example. A"),
        "STEP 10 TIME_PASSES ELAPSE 40\n".to_owned(),
        asked(11, "RD", "a.example. A"),
        "STEP 12 TIME_PASSES ELAPSE 20\n".to_owned(),
        asked(13, "RD", "a.example. A"),
    ];
    let entries = entry("a.example. A", CHAIN);
    let found = given(&file("forward-addr: 192.0.2.1", &entries, &steps.concat()));
    assert_eq!(
        found,
        ["0 a.example. 60 CNAME b.test. 60 A", "0 a.example. 20 CNAME b.test. 20 A", "2"]
    );
}

#[test]
fn the_first_of_alias_and_others_counts() {
    let check = |answer: &str, expected: &str| {
        let entries =
            entry("a.example. A", answer) + &entry("b.example. A", "b.example. 9 A 192.0.2.8");
        let text = file("forward-addr: 192.0.2.1", &entries, &asked(1, "RD", "a.example. A"));
        assert_eq!(given(&text), [expected]);
    };
    let (alias, address) = ("a.example. 9 CNAME b.example.", "a.example. 9 A 192.0.2.7");
    check(&format!("{alias}\n{address}"), "0 a.example. 9 CNAME b.example. 9 A");
    check(&format!("{address}\n{alias}"), "0 a.example. 9 A");
}

#[test]
fn what_is_over_is_given_where_the_file_says_so() {
    let steps = [
        asked(1, "RD", "a.example. A"),
        "STEP 10 TIME_PASSES ELAPSE 61\n".to_owned(),
        asked(11, "RD", "a.example. A"),
    ];
    let entries = entry("a.example. A", "a.example. 60 A 192.0.2.7");
    let check = |config: &str, expected: &str| {
        let config = format!("forward-addr: 192.0.2.1\n{config}");
        assert_eq!(given(&file(&config, &entries, &steps.concat()))[1], expected);
    };
    check("", "2");
    check("serve-expired: no", "2");
    check("serve-expired: yes", "0 a.example. 30 A");
    check("serve-expired: yes\nserve-expired-reply-ttl: 7", "0 a.example. 7 A");
}

#[test]
fn referrals_can_be_had_by_asking_for_less() {
    let referral = "ENTRY_BEGIN\nMATCH qname qtype\nREPLY QR\nSECTION QUESTION\nexample. A\nSECTION AUTHORITY\n\
        example. NS ns.example.\nSECTION ADDITIONAL\nns.example. A 192.0.2.2\nENTRY_END\nRANGE_END\n\
        RANGE_BEGIN 0 9\nADDRESS 192.0.2.2\n";
    let entries = referral.to_owned() + &entry("a.example. A", "a.example. 60 A 192.0.2.7");
    let check = |config: &str, expected: &str| {
        let config = format!("stub-addr: 192.0.2.1\ndo-ip6: no\n{config}");
        assert_eq!(given(&file(&config, &entries, &asked(1, "RD", "a.example. A"))), [expected]);
    };
    check("", "0 a.example. 60 A");
    check("query-minimization: on", "0 a.example. 60 A");
    check("query-minimization: off", "2");
}

proptest! {
    #[test]
    fn every_file_is_over_at_some_time(
        entries in prop::collection::vec((0..4_usize, 0..4_usize, 0..6_usize), 0..12),
        steps in prop::collection::vec((0..4_usize, 0..6_usize), 1..4),
    ) {
        let names = [".", "a.", "b.a.", "c.b.a."];
        let data = ["NS a.", "A 192.0.2.1", "CNAME b.a.", "DNAME c.b.a.", "DS 1 8 2 00", "NSEC . A"];
        let types = ["NS", "A", "CNAME", "DNAME", "DS", "NSEC"];
        let entries = entries.iter().map(|(name, about, data_at)| {
            entry(&format!("{} {}", names[*name], types[*data_at]), &format!("{} {}", names[*about], data[*data_at]))
        });
        let steps = steps.iter().map(|(name, rtype)| asked(1, "RD DO", &format!("{} {}", names[*name], types[*rtype])));
        let anchor = "trust-anchor: \". DS 1 8 2 00\"\nstub-addr: 192.0.2.1";
        let (entries, steps) = (entries.collect::<String>(), steps.collect::<String>());
        let count = steps.matches("STEP").count();
        prop_assert_eq!(given(&file(anchor, &entries, &steps)).len(), count);
    }
}
