use super::*;

/// A hello with these extensions, one after the other.
fn client(extensions: &[u8]) -> Vec<u8> {
    let length = u16::try_from(extensions.len()).unwrap().to_be_bytes();
    let mut body = vec![3, 3];
    body.extend([9; 32]);
    body.extend([0, 0, 4, 0x1a, 0x1a, 0x13, 1, 1, 0]);
    body.extend(length);
    body.extend(extensions);
    body
}

#[test]
fn order_and_grease_are_kept() {
    let hello = ClientHello::parse(&client(&[0x2a, 0x2a, 0, 0, 0, 16, 0, 0])).unwrap();
    assert_eq!(hello.suites, [0x1a1a, 0x1301]);
    let kinds: Vec<_> = hello.extensions.iter().map(|extension| extension.kind).collect();
    assert_eq!(kinds, [0x2a2a, 16]);
    assert!(hello.alpn().is_empty());
}

#[test]
fn extensions_say_what_is_offered() {
    let name = [0, 0, 0, 8, 0, 6, 0, 0, 3, b'a', b'.', b'b'];
    let alpn = [0, 16, 0, 5, 0, 3, 2, b'h', b'2'];
    let versions = [0, 43, 0, 5, 4, 3, 4, 3, 3];
    let shares = [0, 51, 0, 7, 0, 5, 0, 0x1d, 0, 1, 5];
    let hello = client(&[&name[..], &alpn, &versions, &shares].concat());
    let hello = ClientHello::parse(&hello).unwrap();
    assert_eq!(hello.server_name(), Some(&b"a.b"[..]));
    assert_eq!(hello.alpn(), [b"h2"]);
    assert_eq!(hello.versions(), [0x0304, 0x0303]);
    assert_eq!(hello.key_share_groups(), [0x1d]);
    assert!(hello.groups().is_empty());
}

#[test] // RFC 8446 §4.2
fn one_of_each_kind() {
    let twice = client(&[0, 5, 0, 0, 0, 5, 0, 0]);
    assert_eq!(ClientHello::parse(&twice), Err(HelloError::Twice(5)));
}

#[test]
fn a_hello_is_whole_or_none() {
    let whole = client(&[0, 5, 0, 1, 7]);
    for length in 0..whole.len() {
        // Without extensions it is a hello of long ago.
        let old = length == whole.len() - 7;
        assert_eq!(ClientHello::parse(&whole[..length]).is_ok(), old, "{length}");
    }
    let longer = [&whole[..], &[0]].concat();
    assert_eq!(ClientHello::parse(&longer), Err(HelloError::Lengths));
}
