//! Guards and certificates, and whether they match.

mod odd;

use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;
use crate::certificate::sample::*;
use crate::certificate::{Kind, walk};
use odd::{VICTIM, all, one_san, subject, wide, wider};

fn watchlist(guards: &[&str]) -> Watchlist {
    let guards = guards.iter().map(|guard| guard.parse().expect("a guard")).collect();
    Watchlist::new(guards).expect("few guards")
}

fn found(watchlist: &Watchlist, der: &[u8], kind: Kind) -> Vec<String> {
    let matches = watchlist.matches(&walk(der, kind));
    matches.iter().map(|found| format!("{} {}", found.name, found.reading)).collect()
}

#[test]
fn every_odd_certificate_is_found_as_it_should() {
    let watchlist = watchlist(&[".victim.example", "192.0.2.7"]);
    let mut failures = String::new();
    for odd in all() {
        let clean = walk(&odd.der, odd.kind).clean;
        let found = found(&watchlist, &odd.der, odd.kind);
        let expected =
            odd.expected.iter().all(|expected| found.iter().any(|found| found == expected))
                && odd.expected.is_empty() == found.is_empty();
        if !expected || clean != odd.clean {
            writeln!(failures, "{}: clean {clean}, {found:?}, not {:?}", odd.what, odd.expected)
                .expect("a string takes everything");
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

#[test]
fn nothing_odd_is_found_for_others() {
    let watchlist = watchlist(&[
        "unrelated.test",
        ".unrelated.example",
        "ictim.example",
        ".im.example",
        "victim.exampl",
        "198.51.100.7",
        "2001:db8::7",
    ]);
    for odd in all() {
        let found = found(&watchlist, &odd.der, odd.kind);
        // A pattern in the second label is for everybody in the top-level domain.
        let everybody = odd
            .expected
            .iter()
            .any(|expected| expected.ends_with("wildcard") || expected.ends_with("redacted"));
        assert!(found.is_empty() || everybody, "{}: {found:?}", odd.what);
    }
}

#[test]
fn a_guard_for_one_name_finds_it_wherever_it_hides() {
    let watchlist = watchlist(&[VICTIM]);
    for odd in all() {
        let expected = odd.expected.iter().any(|expected| expected.contains("www."));
        let found = found(&watchlist, &odd.der, odd.kind);
        assert!(!expected || !found.is_empty(), "{}: not found", odd.what);
    }
}

#[test]
fn the_guard_for_everything_matches_each_certificate_once() {
    let watchlist = watchlist(&["."]);
    for odd in all() {
        assert_eq!(found(&watchlist, &odd.der, odd.kind), [" certificate"], "{}", odd.what);
    }
}

#[test]
fn a_thousand_other_guards_change_nothing() {
    let alone = watchlist(&[".victim.example", "192.0.2.7"]);
    let others: Vec<String> = (0..1000).map(|number| format!("host{number}.test")).collect();
    let mut guards = vec![".victim.example", "192.0.2.7"];
    guards.extend(others.iter().map(String::as_str));
    let among = watchlist(&guards);
    for odd in all() {
        let (left, right) = (found(&alone, &odd.der, odd.kind), found(&among, &odd.der, odd.kind));
        assert_eq!(left, right, "{}", odd.what);
    }
}

/// Whether a guard matches a dNSName, and how.
fn check_name(guard: &str, name: &str, expected: Option<How>) {
    let certificate = one_san(dns(name)).certificate();
    let matches = watchlist(&[guard]).matches(&walk(&certificate, Kind::Certificate));
    let how = matches.first().map(|found| found.reading.how);
    assert_eq!(how, expected, "guard {guard}, name {name}");
}

#[test]
fn labels_are_compared_from_the_right() {
    check_name("example.org", "example.org", Some(How::Ascii));
    check_name("example.org", "www.example.org", None);
    check_name("example.org", "example.org.net", None);
    check_name("www.example.org", "example.org", None);
    check_name(".example.org", "example.org", Some(How::Ascii));
    check_name(".example.org", "a.b.example.org", Some(How::Ascii));
    check_name(".example.org", "notexample.org", None);
    check_name(".org", "example.org", Some(How::Ascii));
    check_name("localhost", "localhost", Some(How::Ascii));
    check_name("example.org", "_xmpp-server.example.org", Some(How::Ascii));
    check_name("example.org", "_443._tcp.example.org", Some(How::Ascii));
}

#[test] // RFC 9525 §6.3, and what clients did before
fn patterns_stand_for_labels() {
    check_name("www.example.org", "*.example.org", Some(How::Wildcard));
    check_name("example.org", "*.example.org", None);
    check_name(".example.org", "*.example.org", Some(How::Ascii));
    check_name(".www.example.org", "*.example.org", Some(How::Wildcard));
    check_name("a.www.example.org", "*.example.org", None);
    check_name("a.www.example.org", "*.*.example.org", Some(How::Wildcard));
    check_name("a.www.example.org", "a.*.example.org", Some(How::Wildcard));
    check_name("b.www.example.org", "a.*.example.org", None);
    check_name(".www.example.org", "a.*.example.org", Some(How::Wildcard));
    check_name("example.org", "*.org", Some(How::Wildcard));
    check_name(".example.org", "*.org", Some(How::Wildcard));
    check_name("example.org", "example.*", Some(How::Wildcard));
    check_name("example.org", "*", None);
    check_name("localhost", "*", Some(How::Wildcard));
    check_name("www.example.org", "w*.example.org", Some(How::Wildcard));
    check_name("www.example.org", "www*.example.org", Some(How::Wildcard));
    check_name("mail.example.org", "w*.example.org", None);
    check_name("www.example.org", "?.example.org", Some(How::Redacted));
    check_name("www.example.org", "(PRIVATE).example.org", Some(How::Redacted));
    check_name("www.example.org", "?.*.org", Some(How::Redacted));
    check_name("www.example.org", "(www).example.net", None);
}

#[test]
fn internationalized_names_match_in_every_spelling() {
    let watchlist = watchlist(&["bücher.example", ".почта.рф"]);
    let check = |der: Vec<u8>, expected: &str| {
        assert_eq!(found(&watchlist, &der, Kind::Certificate), [expected]);
    };
    let san = |name: &[u8]| one_san(dns(name)).certificate();
    check(san(b"xn--bcher-kva.example"), "xn--bcher-kva.example san-dns");
    check(san(b"XN--BCHER-KVA.example"), "xn--bcher-kva.example san-dns");
    check(san("BÜCHER.example".as_bytes()), "xn--bcher-kva.example san-dns-utf-8");
    check(san("bu\u{308}cher.example".as_bytes()), "xn--bcher-kva.example san-dns-utf-8");
    check(san(b"b\xfccher.example"), "xn--bcher-kva.example san-dns-latin-1");
    check(san("chat.Почта.РФ".as_bytes()), "chat.xn--80a1acny.xn--p1ai san-dns-utf-8");
    check(
        subject(COMMON_NAME, BMP_STRING, wide("почта.рф")).certificate(),
        "xn--80a1acny.xn--p1ai subject-cn-utf-16",
    );
    let raw = |bytes: &[u8]| [&[0xff, 0xff], bytes, &[0xff]].concat();
    check(raw(b"xn--bcher-kva.example"), "xn--bcher-kva.example raw-ascii");
    check(raw("BÜCHER.example".as_bytes()), "xn--bcher-kva.example raw-utf-8");
    check(raw(b"b\xfccher.example"), "xn--bcher-kva.example raw-latin-1");
    check(raw(&wide("chat.почта.рф")), "chat.xn--80a1acny.xn--p1ai raw-utf-16");
    check(raw(&wider("почта.рф")), "xn--80a1acny.xn--p1ai raw-utf-32");
}

#[test]
fn one_certificate_matches_each_guard_with_each_name() {
    let watchlist = watchlist(&["www.victim.example", ".victim.example", ".example", "other.test"]);
    let sample = Sample { subject: common_name(VICTIM), ..one_san(dns(VICTIM)) };
    let walked_bytes = sample.and(&[san(&[dns(VICTIM), dns("a.victim.example")])]).certificate();
    let matches = watchlist.matches(&walk(&walked_bytes, Kind::Certificate));
    let found: Vec<_> = matches.iter().map(|m| format!("{} {}", m.guard, m.name)).collect();
    assert_eq!(
        found,
        [
            ".example www.victim.example",
            ".victim.example www.victim.example",
            "www.victim.example www.victim.example",
            ".example a.victim.example",
            ".victim.example a.victim.example",
        ]
    );
}

#[test]
fn too_many_patterns_alert_everybody_and_take_bounded_work() {
    let guards: Vec<String> = (0..1000).map(|number| format!("a{number}.b.c.example")).collect();
    let guards: Vec<&str> = guards.iter().map(String::as_str).collect();
    let watchlist = watchlist(&guards);
    let names: Vec<Vec<u8>> = (0..80_000).map(|number| dns(format!("x{number}*.*.*.*"))).collect();
    let certificate = Sample::with(&[san(&names)]).certificate();
    let matches = watchlist.matches(&walk(&certificate, Kind::Certificate));
    assert_eq!(matches.len(), guards.len());
    assert!(matches.iter().all(|found| found.reading.how == How::Unread));

    let few = Sample::with(&[san(&names[..100])]).certificate();
    assert!(watchlist.matches(&walk(&few, Kind::Certificate)).is_empty());

    let all = vec![dns("*.*.*.*"); 1000];
    let matches =
        watchlist.matches(&walk(&Sample::with(&[san(&all)]).certificate(), Kind::Certificate));
    assert!((1000..=2000).contains(&matches.len()));
}

#[test]
fn there_is_an_end_to_guards() {
    let guards = vec![".".parse().expect("a guard"); GUARDS_MAX + 1];
    assert!(matches!(Watchlist::new(guards), Err(TooManyGuards { guards }) if guards > GUARDS_MAX));
    assert_eq!(watchlist(&["a.example", "A.example."]).guards().len(), 1);
    assert_eq!(watchlist(&[]).matches(&Walked::unread(b"example.org")), []);
}

#[test]
fn what_was_never_a_certificate_is_scanned() {
    let watchlist = watchlist(&[".victim.example"]);
    let found = watchlist.matches(&Walked::unread(b"\x01\x02chat.VICTIM.example\x03"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].name, "chat.victim.example");
    assert_eq!(found[0].reading.to_string(), "raw-ascii");
}

/// Bytes that end a name where it is spliced in, on either side.
fn no_label() -> impl Strategy<Value = u8> {
    any::<u8>().prop_filter("not of a label", |octet| {
        !octet.is_ascii_alphanumeric() && !matches!(octet, b'-' | b'_' | b'.' | b'*' | b'?')
    })
}

/// Tag and length of a string. The length need not be right, but the tag is not the length of the rest.
fn header() -> impl Strategy<Value = Vec<u8>> {
    let tag = any::<u8>().prop_filter("no text, no length", |tag| {
        !(b' '..=b'~').contains(tag) && usize::from(*tag) != 1 + "chat.spliced.test".len()
    });
    (tag, any::<u8>()).prop_map(|(tag, length)| vec![tag, length])
}

/// Any odd certificate.
fn odd() -> impl Strategy<Value = (Vec<u8>, Kind)> {
    let all: Vec<_> = all().into_iter().map(|odd| (odd.der, odd.kind)).collect();
    proptest::sample::select(all)
}

proptest! {
    #[test]
    fn a_name_spliced_into_what_is_not_clean_is_found(
        (mut der, kind) in odd(),
        at: proptest::sample::Index,
        before in prop_oneof![no_label().prop_map(|before| vec![before]), header()],
        after in no_label(),
    ) {
        let at = at.index(der.len() + 1);
        der.splice(at..at, before.into_iter().chain(*b"Chat.Spliced.test").chain([after]));
        let walked = walk(&der, kind);
        let found = watchlist(&["chat.spliced.test"]).matches(&walked);
        prop_assert!(walked.clean || !found.is_empty());
    }

    #[test]
    fn changed_bytes_never_panic(
        (mut der, kind) in odd(),
        changes: Vec<(proptest::sample::Index, u8)>,
        cut: Option<proptest::sample::Index>,
    ) {
        for (at, octet) in changes {
            if !der.is_empty() {
                let at = at.index(der.len());
                der[at] = octet;
            }
        }
        if let Some(cut) = cut {
            der.truncate(cut.index(der.len() + 1));
        }
        let watchlist = watchlist(&[".victim.example", "192.0.2.7", ".", "localhost"]);
        watchlist.matches(&walk(&der, kind));
    }

    #[test]
    fn any_bytes_never_panic(bytes: Vec<u8>) {
        let watchlist = watchlist(&[".a", "a.a", "192.0.2.7", "2001:db8::7"]);
        watchlist.matches(&walk(&bytes, Kind::Certificate));
        watchlist.matches(&walk(&bytes, Kind::Tbs));
        let certificate = one_san(dns(&bytes)).certificate();
        watchlist.matches(&walk(&certificate, Kind::Certificate));
    }
}
