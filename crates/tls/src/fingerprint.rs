//! Short texts by which the software at either end can be told: JA3 and JA4 of a client, as others compute them too, and
//! one of our own for a server.
//!
//! JA3 is the one of Althouse, Atkinson and Atkins (BSD-3-Clause), JA4 the one of FoxIO for TLS clients (BSD-3-Clause).
//! FoxIO's texts for servers are not free, hence our own.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use md5::{Digest as _, Md5};

use crate::handshake::Handshake;
use crate::hello::{ALPN, ClientHello, Extension, SERVER_NAME, ServerHello};
use crate::key_log::hex;
use crate::names::{self, is_grease};

/// JA3: version, suites, extensions, groups and point formats, as decimal numbers, in their order and without GREASE;
/// then the MD5 of that.
pub fn ja3(hello: &ClientHello) -> String {
    hex(&Md5::digest(ja3_text(hello)))
}

/// What [`ja3`] is the hash of.
pub fn ja3_text(hello: &ClientHello) -> String {
    let groups = hello.groups();
    let formats: Vec<u16> = hello.point_formats().iter().map(|format| u16::from(*format)).collect();
    let lists = [&hello.suites, &kinds(&hello.extensions), &groups, &formats];
    let mut text = hello.version.to_string();
    for list in lists {
        text.push(',');
        text.push_str(&joined(list.iter().filter(|number| !is_grease(**number)), '-', |number| {
            number.to_string()
        }));
    }
    text
}

/// JA4 of a client that speaks TLS over TCP: what it offers in short, and two hashes that do not depend on the order of
/// suites and extensions, which some clients shuffle.
pub fn ja4(hello: &ClientHello) -> String {
    let plain = |numbers: Vec<u16>| numbers.into_iter().filter(|number| !is_grease(*number));
    let mut suites: Vec<u16> = plain(hello.suites.clone()).collect();
    let mut extensions: Vec<u16> = plain(kinds(&hello.extensions)).collect();
    let version = match plain(hello.versions()).max().unwrap_or(hello.version) {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        0x0200 => "s2",
        _ => "00",
    };
    let named = if extensions.contains(&SERVER_NAME) { 'd' } else { 'i' };
    let [first, last] = ends(hello.alpn().first().copied().unwrap_or_default());
    let start = format!(
        "t{version}{named}{:02}{:02}{first}{last}",
        suites.len().min(COUNT_MAX),
        extensions.len().min(COUNT_MAX),
    );
    suites.sort_unstable();
    // What depends on the server and not on the software.
    extensions.retain(|kind| ![SERVER_NAME, ALPN].contains(kind));
    extensions.sort_unstable();
    let algorithms: Vec<u16> = plain(hello.signature_algorithms()).collect();
    let mut offered = hexes(&extensions, ',');
    if !algorithms.is_empty() {
        write!(offered, "_{}", hexes(&algorithms, ','))
            .expect("a String takes all that is written");
    }
    let offered = if extensions.is_empty() { String::new() } else { offered };
    format!("{start}_{}_{}", short_hash(&hexes(&suites, ',')), short_hash(&offered))
}

/// The server's answer in one line, for people to read and to compare: two answers to the same client that differ in it
/// come from two kinds of software, or from two settings. None if there was no ServerHello.
///
/// ```text
/// TLS 1.3 TLS_AES_256_GCM_SHA384 x25519 extensions 002b.0033 session echo
/// TLS 1.2 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 x25519 extensions ff01.0000.000b.0023 session 0 formats 00.01.02
/// ```
///
/// Of the application protocol, only what stands in the ServerHello shows. The text is not that of JA3S or JA4S.
pub fn server(shown: &Handshake) -> Option<String> {
    let (hello, client) = (shown.server.as_ref()?, shown.client.as_ref()?);
    let mut text = format!(
        "{} {} {}{} extensions {} session {}",
        names::version(hello.negotiated()),
        names::suite(hello.suite),
        shown.group.map_or("-".into(), names::group),
        if shown.retried { " retried" } else { "" },
        Some(hexes(&kinds(&hello.extensions), '.'))
            .filter(|list| !list.is_empty())
            .unwrap_or("-".into()),
        session(hello, client),
    );
    // Before TLS 1.3 the server says in clear text what its stack can do.
    if let Some(formats) = hello.extension(crate::hello::POINT_FORMATS) {
        let formats = formats.get(1..).unwrap_or_default();
        let formats = joined(formats.iter(), '.', |format| format!("{format:02x}"));
        write!(text, " formats {formats}").expect("a String takes all that is written");
    }
    if let Some(protocol) = hello.alpn() {
        write!(text, " alpn {}", protocol.escape_ascii())
            .expect("a String takes all that is written");
    }
    if hello.compression != 0 {
        write!(text, " compression {}", hello.compression)
            .expect("a String takes all that is written");
    }
    Some(text)
}

/// What the server did with the session id: in TLS 1.3 it must give it back.
fn session(hello: &ServerHello, client: &ClientHello) -> String {
    match (hello.session_id.len(), client.session_id == hello.session_id) {
        (1.., true) => "echo".to_owned(),
        (length, _) => length.to_string(),
    }
}

/// The first and the last character of a protocol's name, or of it in hexadecimal if one of them is neither letter nor
/// digit; zeros if there is none.
fn ends(protocol: &[u8]) -> [char; 2] {
    let (Some(first), Some(last)) = (protocol.first(), protocol.last()) else { return ['0'; 2] };
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(*first), char::from(*last)];
    }
    let digit = |value: u8| char::from_digit(u32::from(value), 16).expect("less than 16");
    [digit(first >> 4), digit(last & 0x0f)]
}

/// The first twelve digits of a SHA-256; zeros for nothing.
fn short_hash(text: &str) -> String {
    if text.is_empty() {
        return "0".repeat(HASH_DIGITS);
    }
    let mut hash = hex(digest(&SHA256, text.as_bytes()).as_ref());
    hash.truncate(HASH_DIGITS);
    hash
}

fn kinds(extensions: &[Extension]) -> Vec<u16> {
    extensions.iter().map(|extension| extension.kind).collect()
}

fn hexes(numbers: &[u16], separator: char) -> String {
    joined(numbers.iter(), separator, |number| format!("{number:04x}"))
}

fn joined<T>(
    items: impl Iterator<Item = T>,
    separator: char,
    text: impl Fn(T) -> String,
) -> String {
    items.map(text).collect::<Vec<_>>().join(&separator.to_string())
}

const HASH_DIGITS: usize = 12;

/// A count has two digits.
const COUNT_MAX: usize = 99;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocol_has_two_ends() {
        let check = |protocol: &[u8], expected: &str| {
            assert_eq!(String::from_iter(ends(protocol)), expected);
        };
        check(b"h2", "h2");
        check(b"http/1.1", "h1");
        check(b"xmpp-client", "xt");
        check(b"x", "xx");
        check(b"", "00");
        check(&[0xab, 0xcd], "ad");
        check(b"a-", "6d");
    }
}
