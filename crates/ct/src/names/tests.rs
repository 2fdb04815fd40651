use std::borrow::Cow;

use proptest::prelude::*;

use super::*;
use crate::certificate::sample::{Sample, common_name, dns, element, san};
use crate::certificate::{Kind, NAME_BYTES_MAX, Place, walk};

fn all(form: Form, bytes: &[u8]) -> Vec<String> {
    let raw = RawName { place: Place::SanDns, form, bytes: Cow::Borrowed(bytes) };
    let mut all = Vec::new();
    readings(&raw, |host, how| {
        all.push(match host {
            Host::Name(name) => format!("{name} {}", how.as_str()),
            Host::Address(address) => format!("[{address}] {}", how.as_str()),
        });
    });
    all
}

fn check(text: impl AsRef<[u8]>, expected: &[&str]) {
    let text = text.as_ref();
    assert_eq!(all(Form::Text, text), expected, "{}", text.escape_ascii());
}

#[test]
fn an_ordinary_name_is_its_only_reading() {
    check("www.example.org", &["www.example.org ascii"]);
    check("*.example.org", &["*.example.org ascii"]);
    check("x", &["x ascii"]);
    check("", &[]);
    check("...", &[]);
}

#[test]
fn what_surrounds_a_host_is_cut() {
    check("WWW.Example.ORG.", &["www.example.org ascii"]);
    check(" .example.org\0", &["example.org ascii"]);
    check("http://example.org", &["example.org ascii"]);
    check("ftp://u:p@example.org:21/a?b#c", &["example.org ascii", "21 ascii"]);
    check("user@example.org", &["example.org ascii"]);
    check("mailto:user@example.org", &["example.org ascii"]);
    check("user@example.org/phone@home", &["example.org ascii"]);
    check("xmpp:example.org", &["xmpp ascii", "example.org ascii"]);
    check("https://evil.example\\@example.org", &["evil.example ascii"]);
    check("_a._tcp.example.org", &["_a._tcp.example.org ascii", "example.org ascii"]);
    check("_a", &["_a ascii"]);
    check("?.example.org", &["?.example.org ascii"]);
    check("https://example.org?x", &["example.org ascii"]);
}

#[test]
fn addresses_are_read_in_text_and_octets() {
    check("192.0.2.1", &["[192.0.2.1] ascii"]);
    check("http://192.0.2.1:80/", &["[192.0.2.1] ascii", "80 ascii"]);
    check("[2001:DB8::1]:443", &["[2001:db8::1] ascii"]);
    check("2001:db8::1", &["[2001:db8::1] ascii"]);
    check("::ffff:192.0.2.1", &["[192.0.2.1] ascii"]);
    check("192.0.2.256", &["192.0.2.256 ascii"]);
    assert_eq!(all(Form::Address, &[192, 0, 2, 1]), ["[192.0.2.1] address"]);
    assert_eq!(all(Form::Address, &[0; 16]), ["[::] address"]);
    assert_eq!(all(Form::Address, b"example.org"), ["example.org ascii"]);
}

#[test]
fn bytes_beyond_ascii_are_read_twice() {
    check(
        "bücher.example",
        &["xn--bcher-kva.example utf-8", "xn--b14cher-xwa2143e.example latin-1"],
    );
    check(
        b"b\xfccher.example",
        &["b split", "cher.example split", "bcher.example split", "xn--bcher-kva.example latin-1"],
    );
    // One label that is no IDN leaves the others to be read.
    check(
        "\u{200e}.bücher.example",
        &[
            "\u{200e}.xn--bcher-kva.example utf-8",
            "â\u{80}\u{8e}.xn--b14cher-xwa2143e.example latin-1",
        ],
    );
    assert_eq!(all(Form::Utf16, &[0x4e, 0x2d]), ["xn--fiq utf-16", "n- ascii"]);
    assert_eq!(all(Form::Utf32, &[0, 0, 0x4e, 0x2d]), ["xn--fiq utf-32", "n- ascii"]);
    assert_eq!(all(Form::Utf16, &[0xd8, 0, 0, b'a'])[0], "a utf-16");
}

#[test]
fn a_text_is_read_in_pieces() {
    check(
        "a.example\0b.example",
        &["a.example split", "b.example split", "a.exampleb.example split"],
    );
    check("a.example, b.example", &["a.example split", "b.example split"]);
}

#[test]
fn percent_encoding_is_read_both_ways() {
    check("a%2eexample", &["a%2eexample ascii", "a.example percent-decoded"]);
    check("100%", &["100% ascii", "100% percent-decoded"]);
    check("%zz%4", &["%zz%4 ascii", "%zz%4 percent-decoded"]);
}

#[test]
fn names_are_told_in_order_and_once() {
    let names_of = |sample: Sample| names(&walk(&sample.certificate(), Kind::Certificate));
    let sample = Sample { subject: common_name("B.example"), ..Sample::nameless() };
    let san =
        san(&[dns("a.example"), dns("b.example"), dns("ö.example"), element(0x87, [192, 0, 2, 1])]);
    assert_eq!(
        names_of(sample.and(&[san])),
        ["b.example", "a.example", "xn--nda.example", "192.0.2.1"]
    );
    assert_eq!(names_of(Sample::of(common_name("Lab Root CA 1"))), [""; 0]);
    assert_eq!(names_of(Sample::of(common_name("localhost"))), ["localhost"]);
}

#[test]
fn the_longest_name_has_a_bounded_number_of_readings() {
    for unit in ["\0", "a\0", "a:", "a,%2c", "é.", "_a.", "_.", "@", "%00", "中"] {
        let text = unit.repeat(NAME_BYTES_MAX / unit.len());
        for form in [Form::Text, Form::Utf16, Form::Utf32, Form::Address] {
            let all = all(form, text.as_bytes());
            assert!(all.len() <= 4 * NAME_BYTES_MAX, "{unit:?}: {}", all.len());
            let octets: usize = all.iter().map(String::len).sum();
            assert!(octets <= 64 * NAME_BYTES_MAX, "{unit:?}: {octets}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes: Vec<u8>) {
        for form in [Form::Text, Form::Utf16, Form::Utf32, Form::Address] {
            all(form, &bytes);
        }
    }

    #[test]
    fn a_name_is_among_its_readings(name in "[a-z0-9-]{1,20}(\\.[a-z][a-z0-9-]{0,20}){1,4}") {
        prop_assert_eq!(all(Form::Text, name.as_bytes()), [format!("{name} ascii")]);
        let shouted = format!(" HTTPS://{}:443/", name.to_uppercase());
        prop_assert_eq!(&all(Form::Text, shouted.as_bytes())[0], &format!("{name} ascii"));
    }
}
