use super::*;
use crate::watchlist::Watchlist;

/// Which names are found, and how.
fn check(guard: &str, bytes: &[u8], expected: &[(&str, How)]) {
    let guards = vec![guard.parse().expect("a guard")];
    let watchlist = Watchlist::new(guards).expect("one guard");
    let matches = watchlist.matches(&crate::certificate::Walked::unread(bytes));
    let found: Vec<_> = matches.iter().map(|m| (m.name.as_str(), m.reading.how)).collect();
    assert_eq!(found, expected, "{guard} in {}", bytes.escape_ascii());
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

#[test]
fn a_name_ends_at_the_borders_of_its_labels() {
    let found = [("example.org", How::Ascii)];
    check("example.org", b"example.org", &found);
    check("example.org", b"\x82\x0bexample.org\x82", &found);
    check("example.org", b"https://EXAMPLE.ORG/", &found);
    check("example.org", b"CN=Example.org.", &found);
    check("example.org", b"notexample.org", &[]);
    check("example.org", b"www.example.org", &[]);
    check("example.org", b"my-example.org", &[]);
    check("example.org", b"example.organic", &[]);
    check("example.org", b"example.org.net", &[]);
    check("example.org", b"example.org-net", &[]);
    check(".example.org", b"\0www.Example.org\0", &[("www.example.org", How::Ascii)]);
    check(".example.org", b"\0notexample.org\0", &[]);
    check(".example.org", b"\0.example.org\0", &found);
}

#[test] // X.690 §8.1: tags and lengths can be letters and digits too.
fn a_neighbour_may_be_a_header() {
    let found = [("example.org", How::Ascii)];
    check("example.org", b"\x82aexample.org\x82", &found);
    check("example.org", b"\x13-example.org0\x59", &found);
    check("example.org", b"\x13\x0bexample.org1\x0b", &found);
    check("example.org", b"\x82\x0cxexample.org\x82", &[]);
    check("example.org", b" xexample.org\x82", &[]);
    check("www.example.org", b"\x82awww.example.org\x82", &[("www.example.org", How::Ascii)]);
}

#[test]
fn names_are_found_in_wide_characters() {
    check("example.org", &utf16("\u{1e16}Example.org"), &[("example.org", How::Utf16)]);
    check("example.org", &utf16("notexample.org"), &[]);
    check(".example.org", &utf16("www.example.org/"), &[("www.example.org", How::Utf16)]);
    let utf32: Vec<u8> =
        "a.example.org".chars().map(u32::from).flat_map(u32::to_be_bytes).collect();
    check(".example.org", &utf32, &[("a.example.org", How::Utf32)]);
    check("example.org", &utf32, &[]);
}

#[test]
fn a_wildcard_above_a_guarded_name_is_found() {
    check("www.example.org", b"\x82\x0d*.example.org", &[("*.example.org", How::Wildcard)]);
    check("example.org", b"\x82\x0d*.example.org", &[]);
    check("example.org", b"\x82\x05*.org\x82", &[("*.org", How::Wildcard)]);
}

#[test]
fn a_top_level_domain_is_found_below_something_only() {
    check(".ru", b"\x82\x09jabber.ru\x82", &[("jabber.ru", How::Ascii)]);
    check(".ru", b"\x93\x01.ru\x82ru\x00", &[]);
}

#[test]
fn addresses_are_found_as_text_and_behind_their_header() {
    let found = [("192.0.2.1", How::Ascii)];
    check("192.0.2.1", b"https://192.0.2.1:80/", &found);
    check("192.0.2.1", b"\x16\x09192.0.2.10\x82", &found);
    check("192.0.2.1", b"192.0.2.10", &[]);
    check("192.0.2.1", b"2192.0.2.1", &[]);
    check("192.0.2.1", b"8.192.0.2.1", &[]);
    check("192.0.2.1", b"\x87\x04\xc0\x00\x02\x01", &[("192.0.2.1", How::Address)]);
    check("192.0.2.1", b"\x04\x04\xc0\x00\x02\x01", &[]);
    check("65.0.0.1", b"\x87\x04a\x00\x00\x01", &[]);
    check("65.0.0.1", b"\x87\x04A\x00\x00\x01", &[("65.0.0.1", How::Address)]);
    for text in ["2001:DB8::1", "2001:db8:0:0:0:0:0:1", "2001:0db8:0000:0000:0000:0000:0000:0001"] {
        let bytes = format!("[{text}]");
        check("2001:db8::1", bytes.as_bytes(), &[("2001:db8::1", How::Ascii)]);
        check("2001:db8::1", format!("{text}f").as_bytes(), &[]);
    }
}

#[test]
fn what_a_million_hits_give_is_bounded() {
    let scanner = Scanner::new(&[".example.org".parse().expect("a guard")]);
    let bytes = b"example.org0.".repeat(80_000);
    let mut octets = 0;
    scanner.scan(&bytes, |host, _| {
        if let Host::Name(name) = host {
            octets += name.len();
        }
    });
    assert!(octets <= 80_000 * 2 * (NAME_OCTETS_MAX + "example.org".len()));
}
