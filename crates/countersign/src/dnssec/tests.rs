//! A report as people and programs get it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use countersign_dns::security::{Bogus, Fault};
use countersign_dns::{Name, Rtype, Security};
use countersign_judge::zone::{
    ChainZone, ChildDs, Custody, Denial, DsFact, Holder, KeyFact, ServerFact, Side, SignatureFact,
};
use countersign_judge::{ZoneFinding, ZoneReport};
use jiff::Timestamp;
use serde_json::Value;

use super::check::exit_status;
use super::{row, tree};
use crate::ExitStatus;

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn key(tag: u16, flags: u16, algorithm: u8) -> KeyFact {
    KeyFact {
        tag,
        algorithm,
        flags,
        rsa_bits: (algorithm == 8).then_some(2048),
        is_sep: flags & 1 == 1,
        is_revoked: false,
        is_named: flags & 1 == 1,
    }
}

fn ds(tag: u16, names_key: bool) -> DsFact {
    DsFact { tag, algorithm: 13, digest_type: 2, digest: vec![0xab; 4], names_key }
}

fn chain_zone(zone: &str, keys: Vec<KeyFact>, ds: Vec<DsFact>, until: &str) -> ChainZone {
    let (name, security) = (name(zone), Some(Security::Secure));
    ChainZone { name, security, keys, ds, signed_until: Some(time(until)) }
}

fn server(side: Side, host: &str, address: &str) -> ServerFact {
    ServerFact {
        side,
        name: name(host),
        address: address.parse().expect("an address"),
        serial: (side == Side::Zone).then_some(7),
        unanswered: Vec::new(),
        differs: Vec::new(),
    }
}

/// A zone with something of everything.
fn sample() -> ZoneReport {
    let own = vec![key(2371, 257, 13), key(34505, 256, 13)];
    let signature = |rtype, key_tag| SignatureFact {
        rtype,
        key_tag,
        algorithm: 13,
        inception: time("2026-11-27T12:00:00Z"),
        expiration: time("2026-12-07T12:00:00Z"),
        servers: vec!["ns1.one.example. (192.0.2.1)".to_owned()],
    };
    let groups = vec![
        ("one record".to_owned(), vec!["ns1.one.example. (192.0.2.1)".to_owned()]),
        ("no records".to_owned(), vec!["ns2.two.test. (2001:db8::2)".to_owned()]),
    ];
    ZoneReport {
        zone: name("a.example"),
        parent: Some(name("example")),
        now: time("2026-11-28T12:00:00Z"),
        security: Some(Security::Secure),
        chain: vec![
            chain_zone(
                ".",
                vec![key(38696, 257, 8), key(61050, 256, 8)],
                Vec::new(),
                "2026-12-12T00:00:00Z",
            ),
            chain_zone(
                "example",
                vec![key(11, 257, 13)],
                vec![ds(11, true)],
                "2026-12-10T00:00:00Z",
            ),
            chain_zone(
                "a.example",
                own,
                vec![ds(2371, true), ds(9, false)],
                "2026-12-07T12:00:00Z",
            ),
        ],
        ttls: BTreeMap::from([(Rtype::SOA, 3600), (Rtype::DS, 86_400)]),
        signatures: vec![
            signature(Rtype::DNSKEY, 2371),
            signature(Rtype::SOA, 34505),
            signature(Rtype::CAA, 34505),
        ],
        denial: Denial::Nsec3 { iterations: 0, salt: Vec::new(), opt_out: false },
        child_ds: ChildDs::Changes {
            adds: vec![ds(12, false)],
            removes: vec![ds(9, false)],
            of_keys: true,
        },
        servers: vec![
            server(Side::Parent, "a.nic.example", "192.0.2.11"),
            server(Side::Zone, "ns1.one.example", "192.0.2.1"),
            ServerFact {
                unanswered: vec![Rtype::NS],
                differs: vec![Rtype::CAA],
                ..server(Side::Zone, "ns2.two.test", "2001:db8::2")
            },
        ],
        findings: vec![
            ZoneFinding::ServersDisagree { side: Side::Zone, rtype: Rtype::CAA, groups },
            ZoneFinding::NoAnswer {
                server: "ns2.two.test. (2001:db8::2)".to_owned(),
                rtypes: vec![Rtype::NS],
                why: "timed out\u{1b}[2J".to_owned(),
            },
            ZoneFinding::Nsec3Salt,
        ],
        custody: Custody {
            holder: Holder::Unknown,
            signs_each_answer: false,
            seen: vec!["no two servers of different operators have the same signature".to_owned()],
        },
    }
}

#[test]
fn people_see_a_tree() {
    let text: String = tree::lines(&sample()).iter().map(|line| format!("{line}\n")).collect();
    assert!(text.contains('\u{1b}') && !text.contains("\u{1b}[2J"));
    insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @r#"
    .                 secure  keys 38696* 61050 RSASHA256  signed for 13d 12h
    └─ example.       secure  DS 11/2  keys 11* ECDSAP256SHA256  signed for 11d 12h
       └─ a.example.  secure  DS 2371/2 9/2 (no key)  keys 2371* 34505 ECDSAP256SHA256  signed for 9d
    DS: key tag/digest type; keys: those with * are named by DS
             signed with 2371 until 2026-12-07T12:00:00Z, for 9d: DNSKEY
             signed with 34505 until 2026-12-07T12:00:00Z, for 9d: SOA CAA
             may be kept for: SOA 1h, DS 1d
             denies names with NSEC3: 0 iterations, no salt, no opt-out
             asks its parent to add 1 DS records and to remove 1

    parent  a.nic.example.    192.0.2.11   agrees
    zone    ns1.one.example.  192.0.2.1    serial 7, agrees
    zone    ns2.two.test.     2001:db8::2  serial 7, differs about CAA, no answer about NS

    high      servers-disagree: the zone's servers disagree about CAA: one record at ns1.one.example. (192.0.2.1); no records at ns2.two.test. (2001:db8::2)
              next: look whether the servers have the same zone; if they do, somebody answers in the place of one
    warning   no-answer: no answer of ns2.two.test. (2001:db8::2) about NS: timed out\u{1b}[2J
              next: look whether the server runs and can be reached from here
    notice    nsec3-salt: NSEC3 with a salt, which costs and hides nothing
              next: use NSEC3 parameters 1 0 0 - (RFC 9276 §3.1), or NSEC

    custody: unknown (who holds the keys cannot be told from outside)
      - no two servers of different operators have the same signature
    "#);
}

#[test]
fn programs_see_rows_that_the_manual_explains() {
    let report = sample();
    let text: Vec<String> = row::rows(&report)
        .iter()
        .map(|row| serde_json::to_string(row).expect("rows have text keys"))
        .collect();
    insta::assert_snapshot!(text.join("\n"), @r#"
    {"type":"zone","zone":".","security":"secure","why":null,"signed_until":"2026-12-12T00:00:00Z"}
    {"type":"key","zone":".","key_tag":38696,"algorithm":8,"algorithm_name":"RSASHA256","flags":257,"rsa_bits":2048,"sep":true,"revoked":false,"named_by_ds":true}
    {"type":"key","zone":".","key_tag":61050,"algorithm":8,"algorithm_name":"RSASHA256","flags":256,"rsa_bits":2048,"sep":false,"revoked":false,"named_by_ds":false}
    {"type":"zone","zone":"example.","security":"secure","why":null,"signed_until":"2026-12-10T00:00:00Z"}
    {"type":"ds","zone":"example.","key_tag":11,"algorithm":13,"digest_type":2,"digest":"abababab","names_key":true}
    {"type":"key","zone":"example.","key_tag":11,"algorithm":13,"algorithm_name":"ECDSAP256SHA256","flags":257,"rsa_bits":null,"sep":true,"revoked":false,"named_by_ds":true}
    {"type":"zone","zone":"a.example.","security":"secure","why":null,"signed_until":"2026-12-07T12:00:00Z"}
    {"type":"ds","zone":"a.example.","key_tag":2371,"algorithm":13,"digest_type":2,"digest":"abababab","names_key":true}
    {"type":"ds","zone":"a.example.","key_tag":9,"algorithm":13,"digest_type":2,"digest":"abababab","names_key":false}
    {"type":"key","zone":"a.example.","key_tag":2371,"algorithm":13,"algorithm_name":"ECDSAP256SHA256","flags":257,"rsa_bits":null,"sep":true,"revoked":false,"named_by_ds":true}
    {"type":"key","zone":"a.example.","key_tag":34505,"algorithm":13,"algorithm_name":"ECDSAP256SHA256","flags":256,"rsa_bits":null,"sep":false,"revoked":false,"named_by_ds":false}
    {"type":"signature","records":"DNSKEY","key_tag":2371,"algorithm":13,"inception":"2026-11-27T12:00:00Z","expiration":"2026-12-07T12:00:00Z","served_by":["ns1.one.example. (192.0.2.1)"]}
    {"type":"signature","records":"SOA","key_tag":34505,"algorithm":13,"inception":"2026-11-27T12:00:00Z","expiration":"2026-12-07T12:00:00Z","served_by":["ns1.one.example. (192.0.2.1)"]}
    {"type":"signature","records":"CAA","key_tag":34505,"algorithm":13,"inception":"2026-11-27T12:00:00Z","expiration":"2026-12-07T12:00:00Z","served_by":["ns1.one.example. (192.0.2.1)"]}
    {"type":"ttl","records":"SOA","ttl_seconds":3600}
    {"type":"ttl","records":"DS","ttl_seconds":86400}
    {"type":"denial","how":"nsec3","iterations":0,"salt":"","opt_out":false}
    {"type":"child-ds","asks":"change","adds":[{"key_tag":12,"algorithm":13,"digest_type":2,"digest":"abababab"}],"removes":[{"key_tag":9,"algorithm":13,"digest_type":2,"digest":"abababab"}]}
    {"type":"server","side":"parent","name":"a.nic.example.","address":"192.0.2.11","serial":null,"unanswered":[],"differs":[]}
    {"type":"server","side":"zone","name":"ns1.one.example.","address":"192.0.2.1","serial":7,"unanswered":[],"differs":[]}
    {"type":"server","side":"zone","name":"ns2.two.test.","address":"2001:db8::2","serial":7,"unanswered":["NS"],"differs":["CAA"]}
    {"type":"finding","kind":"servers-disagree","severity":"high","text":"the zone's servers disagree about CAA: one record at ns1.one.example. (192.0.2.1); no records at ns2.two.test. (2001:db8::2)","next_step":"look whether the servers have the same zone; if they do, somebody answers in the place of one","could_not_look":false}
    {"type":"finding","kind":"no-answer","severity":"warning","text":"no answer of ns2.two.test. (2001:db8::2) about NS: timed out\\u{1b}[2J","next_step":"look whether the server runs and can be reached from here","could_not_look":true}
    {"type":"finding","kind":"nsec3-salt","severity":"notice","text":"NSEC3 with a salt, which costs and hides nothing","next_step":"use NSEC3 parameters 1 0 0 - (RFC 9276 §3.1), or NSEC","could_not_look":false}
    {"type":"custody","verdict":"unknown","signs_each_answer":false,"seen":["no two servers of different operators have the same signature"]}
    {"type":"summary","zone":"a.example.","parent":"example.","checked_at":"2026-11-28T12:00:00Z","security":"secure","findings":2,"could_not_look":1}
    "#);
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/json.md");
    let manual = fs::read_to_string(manual).expect("the manual");
    let manual = manual.split("## `dnssec check`").nth(1).expect("it has a section");
    for row in text {
        let row: Value = serde_json::from_str(&row).expect("JSON");
        for key in row.as_object().expect("an object").keys() {
            assert!(manual.contains(&format!("`{key}`")), "{key}");
        }
    }
}

#[test]
fn what_is_wrong_comes_before_what_could_not_be_seen() {
    let check = |findings: &[ZoneFinding], expected| {
        let report = ZoneReport { findings: findings.to_vec(), ..sample() };
        assert_eq!(exit_status(&report), expected);
    };
    let fault = Bogus { name: name("a.example"), rtype: Rtype::SOA, fault: Fault::Unsigned };
    let (bogus, notice) = (ZoneFinding::Bogus(fault), ZoneFinding::Nsec3Salt);
    let (what, why) = ("a server".to_owned(), "it has no address".to_owned());
    let blind = ZoneFinding::NotLooked { what, why };
    check(&[], ExitStatus::Expected);
    check(std::slice::from_ref(&notice), ExitStatus::Expected);
    check(&[blind.clone(), notice], ExitStatus::CouldNotLook);
    check(&[blind, bogus], ExitStatus::Findings);
}
