//! Certificates in which a name hides: the encodings that other programs do not find, and more.

use crate::certificate::Kind;
use crate::certificate::sample::*;

/// A certificate in which a name hides, and what is to be said of it.
pub(super) struct Odd {
    pub(super) what: &'static str,
    pub(super) der: Vec<u8>,
    pub(super) kind: Kind,
    /// Whether the structure is that of X.509.
    pub(super) clean: bool,
    /// `name reading` for each match of `.victim.example` and `192.0.2.7`.
    pub(super) expected: Vec<&'static str>,
}

pub(super) const VICTIM: &str = "www.victim.example";

/// Clean, and found.
fn clean(what: &'static str, sample: Sample, expected: &'static str) -> Odd {
    let der = sample.certificate();
    Odd { what, der, kind: Kind::Certificate, clean: true, expected: vec![expected] }
}

/// Not clean, and found.
fn bent(what: &'static str, sample: Sample, expected: &[&'static str]) -> Odd {
    broken(what, sample.certificate(), expected)
}

fn broken(what: &'static str, der: Vec<u8>, expected: &[&'static str]) -> Odd {
    Odd { what, der, kind: Kind::Certificate, clean: false, expected: expected.to_vec() }
}

/// Clean, and not for the victim.
fn other(what: &'static str, sample: Sample) -> Odd {
    let der = sample.certificate();
    Odd { what, der, kind: Kind::Certificate, clean: true, expected: Vec::new() }
}

pub(super) fn wide(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

pub(super) fn wider(text: &str) -> Vec<u8> {
    text.chars().map(u32::from).flat_map(u32::to_be_bytes).collect()
}

pub(super) fn one_san(name: Vec<u8>) -> Sample {
    Sample::with(&[san(&[name])])
}

pub(super) fn subject(id: &[u8], tag: u8, value: impl AsRef<[u8]>) -> Sample {
    Sample::of(sequence(&[attribute(id, tag, value)]))
}

const FOUND_DNS: &str = "www.victim.example san-dns";
const FOUND_CN: &str = "www.victim.example subject-cn";
const FOUND_RAW: &str = "www.victim.example raw-ascii";

/// Every place of a name, in plain DER.
fn places() -> Vec<Odd> {
    let directory_name = |id, tag| element(0xa4, sequence(&[attribute(id, tag, VICTIM)]));
    vec![
        clean("SAN dNSName", one_san(dns(VICTIM)), FOUND_DNS),
        clean("CN, UTF8String", Sample::of(common_name(VICTIM)), FOUND_CN),
        clean("CN, PrintableString", subject(COMMON_NAME, PRINTABLE_STRING, VICTIM), FOUND_CN),
        clean("CN, TeletexString", subject(COMMON_NAME, TELETEX_STRING, VICTIM), FOUND_CN),
        clean(
            "the second of two CNs",
            Sample::of(sequence(&[
                attribute(COMMON_NAME, UTF8_STRING, "Some Device"),
                attribute(COMMON_NAME, UTF8_STRING, VICTIM),
            ])),
            FOUND_CN,
        ),
        clean("SAN iPAddress", one_san(element(0x87, [192, 0, 2, 7])), "192.0.2.7 san-ip"),
        clean(
            "SAN iPAddress, IPv4 mapped to IPv6",
            one_san(element(0x87, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7])),
            "192.0.2.7 san-ip",
        ),
        clean(
            "SAN iPAddress with a mask",
            one_san(element(0x87, [192, 0, 2, 7, 255, 255, 255, 255])),
            "192.0.2.7 san-ip",
        ),
        clean("SAN iPAddress in text", one_san(element(0x87, "192.0.2.7")), "192.0.2.7 san-ip"),
        clean("IP in dNSName", one_san(dns("192.0.2.7")), "192.0.2.7 san-dns"),
        clean("IP in CN", Sample::of(common_name("192.0.2.7")), "192.0.2.7 subject-cn"),
        clean("IP in URI", one_san(element(0x86, "https://192.0.2.7:8443/")), "192.0.2.7 san-uri"),
        clean(
            "mapped IP in URI",
            one_san(element(0x86, "https://[::ffff:192.0.2.7]:8443/")),
            "192.0.2.7 san-uri",
        ),
        clean(
            "SAN URI",
            one_san(element(0x86, "https://www.victim.example/path")),
            "www.victim.example san-uri",
        ),
        clean(
            "SAN URI with user, port and query",
            one_san(element(0x86, "xmpp://a:b@www.victim.example:5222?x=@y")),
            "www.victim.example san-uri",
        ),
        clean(
            "SAN URI without authority",
            one_san(element(0x86, "xmpp:www.victim.example")),
            "www.victim.example san-uri",
        ),
        clean(
            "SAN rfc822Name",
            one_san(element(0x81, "root@www.victim.example")),
            "www.victim.example san-email",
        ),
        clean(
            "SAN otherName xmppAddr",
            one_san(other_name(XMPP_ADDR, element(UTF8_STRING, "user@www.victim.example/home"))),
            "www.victim.example san-xmpp-addr",
        ),
        clean(
            "SAN otherName SRVName",
            one_san(other_name(SRV_NAME, element(IA5_STRING, "_xmpp-client.www.victim.example"))),
            "_xmpp-client.www.victim.example san-srv-name",
        ),
        clean(
            "SAN otherName SmtpUTF8Mailbox",
            one_san(other_name(
                SMTP_UTF8_MAILBOX,
                element(UTF8_STRING, "пользователь@www.victim.example"),
            )),
            "www.victim.example san-smtp-utf8-mailbox-utf-8",
        ),
        clean(
            "SAN otherName of an unknown kind",
            one_san(other_name(USER_PRINCIPAL_NAME, element(UTF8_STRING, "u@www.victim.example"))),
            FOUND_RAW,
        ),
        clean(
            "SAN directoryName CN",
            one_san(directory_name(COMMON_NAME, UTF8_STRING)),
            "www.victim.example san-directory-name",
        ),
        clean(
            "SAN directoryName emailAddress",
            one_san(directory_name(EMAIL_ADDRESS, IA5_STRING)),
            "www.victim.example san-directory-name",
        ),
        clean(
            "issuerAltName",
            Sample::with(&[extension(ISSUER_ALT_NAME, sequence(&[dns(VICTIM)]))]),
            "www.victim.example issuer-alt-name",
        ),
        clean(
            "emailAddress in the subject",
            subject(EMAIL_ADDRESS, IA5_STRING, "root@www.victim.example"),
            "www.victim.example subject-email",
        ),
        clean(
            "unstructuredName in the subject",
            subject(UNSTRUCTURED_NAME, IA5_STRING, VICTIM),
            "www.victim.example subject-other",
        ),
        clean("ediPartyName", one_san(element(0xa5, element(0x81, VICTIM))), FOUND_RAW),
        clean(
            "the second of two SAN extensions",
            Sample::with(&[san(&[dns("a.example")]), san(&[dns(VICTIM)])]),
            FOUND_DNS,
        ),
        clean(
            "critical SAN",
            Sample::with(&[sequence(&[
                oid(SUBJECT_ALT_NAME),
                element(0x01, [0xff]),
                element(0x04, sequence(&[dns(VICTIM)])),
            ])]),
            FOUND_DNS,
        ),
        clean(
            "an unknown extension",
            Sample::with(&[extension(&[0x2a, 3, 4], element(UTF8_STRING, VICTIM))]),
            FOUND_RAW,
        ),
        clean(
            "an unknown extension in UTF-16",
            Sample::with(&[extension(
                &[0x2a, 3, 4],
                element(BMP_STRING, wide("WWW.Victim.Example")),
            )]),
            "www.victim.example raw-utf-16",
        ),
        clean(
            "an unknown extension in UTF-32",
            Sample::with(&[extension(&[0x2a, 3, 4], wider(VICTIM))]),
            "www.victim.example raw-utf-32",
        ),
        clean(
            "an address in an unknown extension",
            Sample::with(&[extension(&[0x2a, 3, 4], element(0x87, [192, 0, 2, 7]))]),
            "192.0.2.7 raw-address",
        ),
        clean(
            "name constraints",
            Sample::with(&[extension(
                NAME_CONSTRAINTS,
                sequence(&[element(0xa0, sequence(&[dns(".victim.example")]))]),
            )]),
            "victim.example raw-ascii",
        ),
        clean(
            "subjectUniqueID",
            Sample {
                before_extensions: element(0x82, [&[0], VICTIM.as_bytes()].concat()),
                ..Sample::nameless()
            },
            FOUND_RAW,
        ),
    ]
}

/// Names that must be read before they are compared, in plain DER.
fn texts() -> Vec<Odd> {
    let utf8 = |text: &str| Sample::of(common_name(text));
    vec![
        clean("upper case", one_san(dns("WWW.Victim.EXAMPLE")), FOUND_DNS),
        clean("a dot at the end", one_san(dns("www.victim.example.")), FOUND_DNS),
        clean("a dot at the start", one_san(dns(".www.victim.example")), FOUND_DNS),
        clean("space around it", one_san(dns(" www.victim.example\r\n")), FOUND_DNS),
        clean("a port", one_san(dns("www.victim.example:443")), FOUND_DNS),
        clean("a scheme", utf8("HTTPS://www.victim.example/"), FOUND_CN),
        clean("a path", utf8("www.victim.example/index.html"), FOUND_CN),
        clean(
            "percent encoding",
            one_san(element(0x86, "https://www.%76ictim.example/")),
            "www.victim.example san-uri-percent-decoded",
        ),
        clean(
            "percent encoding of a NUL",
            one_san(element(0x86, "https://www.victim.example%00.evil.example/")),
            "www.victim.example san-uri-percent-decoded",
        ),
        clean(
            "a NUL after it",
            one_san(dns("www.victim.example\0.evil.example")),
            "www.victim.example san-dns-split",
        ),
        clean(
            "a NUL before it",
            utf8("evil.example\0www.victim.example"),
            "www.victim.example subject-cn-split",
        ),
        clean(
            "a NUL within it",
            utf8("www.vic\0tim.example"),
            "www.victim.example subject-cn-split",
        ),
        clean(
            "two names in one",
            utf8("evil.example, www.victim.example"),
            "www.victim.example subject-cn-split",
        ),
        clean(
            "CN in a BMPString",
            subject(COMMON_NAME, BMP_STRING, wide(VICTIM)),
            "www.victim.example subject-cn-utf-16",
        ),
        clean(
            "CN in a UniversalString",
            subject(COMMON_NAME, UNIVERSAL_STRING, wider(VICTIM)),
            "www.victim.example subject-cn-utf-32",
        ),
        clean("ASCII in a BMPString", subject(COMMON_NAME, BMP_STRING, VICTIM), FOUND_CN),
        clean(
            "UTF-16 in a UTF8String",
            utf8(str::from_utf8(&wide(VICTIM)).expect("ASCII and NULs")),
            "www.victim.example subject-cn-split",
        ),
        clean(
            "CN of bad UTF-8, after it",
            subject(COMMON_NAME, UTF8_STRING, b"www.victim.example\xff"),
            "www.victim.example subject-cn-utf-8",
        ),
        clean(
            "CN of bad UTF-8, within it",
            subject(COMMON_NAME, UTF8_STRING, b"www.vic\xfftim.example"),
            "www.victim.example subject-cn-split",
        ),
        clean(
            "a label before it in Latin-1",
            one_san(dns(b"caf\xe9.victim.example")),
            "xn--caf-dma.victim.example san-dns-latin-1",
        ),
        clean(
            "a full-width label",
            utf8("www.ｖｉｃｔｉｍ.example"),
            "www.victim.example subject-cn-utf-8",
        ),
        clean(
            "an ideographic full stop",
            utf8("www。victim。example"),
            "www.victim.example subject-cn-utf-8",
        ),
        clean(
            "a soft hyphen within it",
            utf8("www.vic\u{ad}tim.example"),
            "www.victim.example subject-cn-utf-8",
        ),
        clean("a wildcard", one_san(dns("*.victim.example")), "*.victim.example san-dns"),
        clean("a wildcard above it", one_san(dns("*.example")), "*.example san-dns-wildcard"),
        clean(
            "part of a label",
            one_san(dns("www.v*m.example")),
            "www.v*m.example san-dns-wildcard",
        ),
        clean("two wildcards", one_san(dns("*.*.example")), "*.*.example san-dns-wildcard"),
        clean("a redacted label", one_san(dns("www.?.example")), "www.?.example san-dns-redacted"),
        clean(
            "a private label",
            one_san(dns("(PRIVATE).victim.example")),
            "(private).victim.example san-dns",
        ),
        clean(
            "an unparsable label",
            one_san(dns("<unparsable>.example")),
            "<unparsable>.example san-dns-redacted",
        ),
        clean(
            "a string too long for a name",
            utf8(&format!("{VICTIM} {}", "x".repeat(3000))),
            FOUND_RAW,
        ),
    ]
}

/// What is not DER, or not X.509, but may well be accepted somewhere.
fn bent_structures() -> Vec<Odd> {
    let named = || one_san(dns(VICTIM));
    let value = sequence(&[dns(VICTIM)]);
    let (san_id, octets) = (oid(SUBJECT_ALT_NAME), element(0x04, &value));
    let with = |extension: Vec<u8>| Sample::with(&[extension]);
    let before = |before_extensions| Sample { before_extensions, ..named() };
    let segments = |at: usize| {
        let (left, right) = VICTIM.split_at(at);
        [element(0x04, left), element(0x04, right)].concat()
    };
    let halves = value.split_at(11);
    vec![
        bent("CN with an odd tag", subject(COMMON_NAME, 0x09, VICTIM), &[FOUND_CN]),
        bent("CN with a high tag", subject_high_tag(), &[FOUND_CN]),
        bent(
            "bad BOOLEAN",
            with(sequence(&[san_id.clone(), element(1, [1]), octets.clone()])),
            &[FOUND_DNS],
        ),
        bent(
            "BOOLEAN FALSE",
            with(sequence(&[san_id.clone(), element(1, [0]), octets.clone()])),
            &[FOUND_DNS],
        ),
        bent(
            "long BOOLEAN",
            with(sequence(&[san_id.clone(), element(1, [255; 9]), octets.clone()])),
            &[FOUND_DNS],
        ),
        bent(
            "extension value without OCTET STRING",
            with(sequence(&[san_id.clone(), value.clone()])),
            &[FOUND_DNS],
        ),
        bent(
            "extension value in a BIT STRING",
            with(sequence(&[san_id.clone(), element(3, &value)])),
            &["www.victim.example san-dns-split"],
        ),
        bent(
            "something after an extension value",
            with(sequence(&[san_id.clone(), octets.clone(), element(5, [])])),
            &[FOUND_DNS],
        ),
        bent("extension without value", with(sequence(&[san_id.clone(), element(1, [255])])), &[]),
        bent(
            "an extension in no SEQUENCE",
            with(element(SET, [san_id.clone(), octets.clone()].concat())),
            &[FOUND_DNS],
        ),
        bent(
            "extensions without a list",
            Sample { extensions: element(0xa3, san(&[dns(VICTIM)])), ..Sample::nameless() },
            &[FOUND_DNS],
        ),
        bent(
            "EXPLICIT [3] missing",
            Sample { extensions: sequence(&[san(&[dns(VICTIM)])]), ..Sample::nameless() },
            &[FOUND_DNS],
        ),
        bent(
            "two lists in [3]",
            Sample {
                extensions: element(
                    0xa3,
                    [sequence(&[]), sequence(&[san(&[dns(VICTIM)])])].concat(),
                ),
                ..Sample::nameless()
            },
            &[FOUND_RAW],
        ),
        bent(
            "two fields [3]",
            Sample { before_extensions: element(0xa3, sequence(&[])), ..named() },
            &[FOUND_DNS],
        ),
        bent("unknown [5] before the extensions", before(element(0xa5, [])), &[FOUND_DNS]),
        bent(
            "high-tag field before the extensions",
            before(vec![0xbf, 0x85, 0x01, 0x02, 5, 0]),
            &[FOUND_DNS],
        ),
        bent(
            "the name in an unknown field",
            Sample {
                before_extensions: element(0xa5, element(UTF8_STRING, VICTIM)),
                ..Sample::nameless()
            },
            &[FOUND_RAW],
        ),
        bent(
            "extensions before the key",
            Sample {
                version: [Sample::nameless().version, named().extensions].concat(),
                ..Sample::nameless()
            },
            &[FOUND_DNS],
        ),
        bent(
            "extensions after the signature",
            Sample {
                signature: [Sample::nameless().signature, named().extensions].concat(),
                ..Sample::nameless()
            },
            &[FOUND_RAW],
        ),
        bent(
            "no version",
            Sample { version: Vec::new(), serial: Vec::new(), ..named() },
            &[FOUND_DNS],
        ),
        bent("no serial number", Sample { serial: Vec::new(), ..named() }, &[FOUND_DNS]),
        bent("no signature", Sample { signature: Vec::new(), ..named() }, &[FOUND_DNS]),
        bent(
            "SAN dNSName with a universal tag",
            one_san(element(IA5_STRING, VICTIM)),
            &[FOUND_DNS],
        ),
        bent(
            "SAN BMPString",
            one_san(element(BMP_STRING, wide(VICTIM))),
            &["www.victim.example san-dns-utf-16"],
        ),
        bent("SAN without SEQUENCE", with(extension(SUBJECT_ALT_NAME, dns(VICTIM))), &[FOUND_DNS]),
        bent(
            "SAN with something after it",
            with(extension(SUBJECT_ALT_NAME, [value.clone(), dns("a.example")].concat())),
            &[FOUND_DNS],
        ),
        bent("GeneralName that overruns", one_san(claimed(0x82, 0x7f, VICTIM)), &[FOUND_DNS]),
        bent("GeneralName cut short", one_san(claimed(0x82, 3, VICTIM)), &[FOUND_RAW]),
        bent("GeneralName of type [9]", one_san(element(0x89, VICTIM)), &[FOUND_DNS]),
        bent("nested SEQUENCEs in SAN", one_san(nested(20, dns(VICTIM))), &[FOUND_RAW]),
        bent(
            "xmppAddr without its [0]",
            one_san(element(0xa0, [oid(XMPP_ADDR), element(UTF8_STRING, VICTIM)].concat())),
            &[FOUND_RAW],
        ),
        bent("dNSName in segments", one_san(element(0xa2, segments(7))), &[FOUND_DNS]),
        bent(
            "dNSName in nested segments",
            one_san(element(0xa2, element(0x24, segments(7)))),
            &[FOUND_DNS],
        ),
        bent(
            "dNSName in segments of indefinite length",
            one_san(indefinite(0xa2, segments(7))),
            &[FOUND_DNS],
        ),
        bent("CN in segments", subject(COMMON_NAME, 0x2c, segments(7)), &[FOUND_CN]),
        bent(
            "extension value in segments",
            with(sequence(&[
                san_id.clone(),
                element(0x24, [element(4, halves.0), element(4, halves.1)].concat()),
            ])),
            &[FOUND_DNS],
        ),
        bent(
            "extensions of indefinite length",
            Sample {
                extensions: indefinite(
                    0xa3,
                    indefinite(SEQUENCE, [san(&[]), san(&[dns(VICTIM)])].concat()),
                ),
                ..Sample::nameless()
            },
            &[FOUND_DNS],
        ),
        bent(
            "SAN of indefinite length",
            with(extension(SUBJECT_ALT_NAME, indefinite(SEQUENCE, dns(VICTIM)))),
            &[FOUND_DNS],
        ),
        bent(
            "an extension of indefinite length before SAN",
            Sample::with(&[
                indefinite(SEQUENCE, [oid(&[0x2a, 3, 4]), element(4, [])].concat()),
                san(&[dns(VICTIM)]),
            ]),
            &[FOUND_DNS],
        ),
        bent(
            "end of contents missing",
            with(extension(SUBJECT_ALT_NAME, [&[SEQUENCE, 0x80], dns(VICTIM).as_slice()].concat())),
            &[FOUND_DNS],
        ),
        bent(
            "length not the shortest",
            with(extension(
                SUBJECT_ALT_NAME,
                [&[SEQUENCE, 0x82, 0, 20], dns(VICTIM).as_slice()].concat(),
            )),
            &[FOUND_DNS],
        ),
        bent("tag not the shortest", before(vec![0xbf, 0x80, 0x05, 0]), &[FOUND_DNS]),
        bent("a directoryName without Name", one_san(element(0xa4, VICTIM)), &[FOUND_RAW]),
    ]
}

/// What cannot be read to the end.
fn broken_structures() -> Vec<Odd> {
    let whole = one_san(dns(VICTIM)).certificate();
    let sample = one_san(dns(VICTIM));
    let cut = &whole[..whole.len() - sample.signature.len() - 4];
    let mut trailing = whole.clone();
    trailing.extend([0xde, 0xad]);
    let headless = [sample.fields(), sample.signature.clone()].concat();
    vec![
        broken("truncated", cut.to_vec(), &[]),
        broken("truncated after the name", whole[..whole.len() - 9].to_vec(), &[FOUND_DNS]),
        broken("trailing bytes", trailing, &[FOUND_DNS]),
        broken(
            "the name in trailing bytes",
            [Sample::nameless().certificate(), dns(VICTIM)].concat(),
            &[FOUND_RAW],
        ),
        broken(
            "certificate of indefinite length",
            indefinite(SEQUENCE, [sample.tbs(), sample.signature.clone()].concat()),
            &[FOUND_DNS],
        ),
        broken(
            "everything of indefinite length",
            indefinite(
                SEQUENCE,
                [indefinite(SEQUENCE, sample.fields()), sample.signature.clone()].concat(),
            ),
            &[FOUND_DNS],
        ),
        broken(
            "a SET for the certificate",
            element(SET, [sample.tbs(), sample.signature.clone()].concat()),
            &[FOUND_DNS],
        ),
        broken("a TBSCertificate for the certificate", sample.tbs(), &[FOUND_DNS]),
        broken("TBSCertificate without header", element(SEQUENCE, headless), &[FOUND_DNS]),
        broken(
            "junk before the TBSCertificate",
            sequence(&[
                element(5, []),
                element(0x0c, "junk"),
                sample.tbs(),
                sample.signature.clone(),
            ]),
            &[FOUND_DNS],
        ),
        broken(
            "TBSCertificate within junk",
            [b"junk".as_slice(), &whole, b"junk"].concat(),
            &[FOUND_RAW],
        ),
        broken(
            "TBSCertificate that claims too much",
            [&[SEQUENCE, 0x84, 0x7f, 0xff, 0xff, 0xff], sample.fields().as_slice()].concat(),
            &[FOUND_DNS],
        ),
        broken(
            "a length beyond all bounds",
            [&[SEQUENCE, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1], sample.fields().as_slice()].concat(),
            &[FOUND_RAW],
        ),
        broken("no structure at all", b"\x00\xff www.victim.example \xff".to_vec(), &[FOUND_RAW]),
        broken("nothing", Vec::new(), &[]),
        Odd {
            what: "TBSCertificate",
            der: sample.tbs(),
            kind: Kind::Tbs,
            clean: true,
            expected: vec![FOUND_DNS],
        },
        Odd {
            what: "a certificate for the TBSCertificate",
            der: whole,
            kind: Kind::Tbs,
            clean: false,
            expected: vec![FOUND_RAW],
        },
    ]
}

/// Names that are not the victim's.
fn others() -> Vec<Odd> {
    let dn = |id, value| Sample::of(sequence(&[attribute(id, UTF8_STRING, value)]));
    vec![
        other("another name", one_san(dns("www.example.org"))),
        other("a longer label", one_san(dns("notvictim.example"))),
        other("the name as a prefix", one_san(dns("www.victim.example.org"))),
        other("the name of an organization", dn(ORGANIZATION, "victim.example")),
        other("the issuer's name", Sample { issuer: common_name(VICTIM), ..Sample::nameless() }),
        other("a host in a path", one_san(element(0x86, "https://a.example/www.victim.example"))),
        other("the user of a mailbox", one_san(element(0x81, "www.victim.example@a.example"))),
        other("a wildcard elsewhere", one_san(dns("*.vict.example"))),
        other("another part of a label", one_san(dns("x*.example"))),
        other("another address", one_san(element(0x87, [192, 0, 2, 77]))),
        other("an address too long", one_san(dns("192.0.2.77"))),
        other("the key identifier", Sample::with(&[extension(&[0x55, 0x1d, 14], VICTIM)])),
        Odd {
            what: "a longer label, raw",
            der: element(0x31, element(0x0c, "notvictim.example, www.victim.example.org")),
            kind: Kind::Certificate,
            clean: false,
            expected: vec![],
        },
    ]
}

const SET: u8 = 0x31;
const SEQUENCE: u8 = 0x30;

fn subject_high_tag() -> Sample {
    let value = [&[0x1f, 0x21, 18], VICTIM.as_bytes()].concat();
    Sample::of(sequence(&[element(SET, sequence(&[oid(COMMON_NAME), value]))]))
}

fn nested(depth: usize, inner: Vec<u8>) -> Vec<u8> {
    (0..depth).fold(inner, |inner, _| element(SEQUENCE, inner))
}

pub(super) fn all() -> Vec<Odd> {
    [places(), texts(), bent_structures(), broken_structures(), others()]
        .into_iter()
        .flatten()
        .collect()
}
