use super::*;
use crate::hello::Extension;

/// The hello of Python 3.11 with the OpenSSL 3.0 of Debian 12, to `a.example`.
fn hello() -> ClientHello {
    let profile = Profile::built_in("openssl-python").expect("it is built in");
    let list = |numbers: &[u16]| {
        let octets: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
        [&(u16::try_from(octets.len()).unwrap().to_be_bytes())[..], &octets].concat()
    };
    let bytes = |kind: u16| match kind {
        0 => b"\0\x0c\0\0\x09a.example".to_vec(),
        10 => list(&profile.groups),
        11 => [&[3][..], &profile.formats].concat(),
        13 => list(&profile.algorithms),
        21 => vec![0; 150],
        43 => [&list(&profile.versions)[1..]].concat(),
        51 => [&[0, 36, 0, 29, 0, 32][..], &[7; 32]].concat(),
        _ => Vec::new(),
    };
    let kinds = profile.extensions.iter().filter(|kind| **kind != ALPN);
    ClientHello {
        version: 0x0303,
        random: [3; 32],
        session_id: vec![4; 32],
        suites: profile.suites.clone(),
        compressions: vec![0],
        extensions: kinds.map(|&kind| Extension { kind, bytes: bytes(kind) }).collect(),
    }
}

fn differs(hello: &ClientHello) -> Option<String> {
    let profile = Profile::built_in("openssl-python").expect("it is built in");
    profile.differs(hello).map(|difference| difference.to_string())
}

#[test]
fn what_is_built_in_can_be_read_and_has_its_own_name() {
    for (name, text) in BUILT_IN {
        assert_eq!(Profile::parse(text).map(|profile| profile.name), Ok(name.to_owned()));
    }
}

#[test]
fn a_profile_has_the_fingerprints_of_a_hello_with_a_name() {
    let profile = Profile::built_in("openssl-python").expect("it is built in");
    assert_eq!(profile.ja4(), fingerprint::ja4(&hello()));
    assert_eq!(profile.ja3(), Some(fingerprint::ja3(&hello())));
    assert_eq!(profile.ja4(), "t13d181100_85036bcba153_d41ae481755e");
    let mut permuted = Profile { order: Order::Permuted, ..profile };
    assert_eq!(permuted.ja3(), None);
    let unsorted = Profile::parse(&permuted.to_string());
    assert_eq!(unsorted, Err(ProfileError::Line("extensions")));
    permuted.extensions.sort_unstable();
    assert_eq!(Profile::parse(&permuted.to_string()), Ok(permuted));
}

#[test]
fn a_hello_is_as_its_profile_says_with_a_name_or_without() {
    let mut hello = hello();
    assert_eq!(differs(&hello), None);
    hello.extensions.retain(|extension| extension.kind != SERVER_NAME);
    assert_eq!(differs(&hello), None);
}

#[test]
fn whatever_is_another_way_is_told() {
    let with = |change: &dyn Fn(&mut ClientHello)| {
        let mut hello = hello();
        change(&mut hello);
        differs(&hello)
    };
    let told = with(&|hello| hello.suites.truncate(2)).expect("suites are missing");
    assert!(told.starts_with("its cipher suites are 1302 1303, and not 1302 1303 1301 "), "{told}");
    let told = with(&|hello| hello.extensions.swap(1, 2)).expect("the order is another");
    assert!(told.starts_with("its extensions are 0000 000a 000b 0023 "), "{told}");
    let told = with(&|hello| hello.extensions[1].bytes = vec![1, 0]).expect("formats are missing");
    assert_eq!(told, "its point formats are 0000, and not 0000 0001 0002");
    let told = with(&|hello| hello.extensions.truncate(10)).expect("there is no padding");
    assert!(told.contains("0033, and not "), "{told}");
}

#[test] // RFC 7685 §1: what is as long without padding needs none.
fn a_long_name_leaves_no_room_for_padding() {
    let mut hello = hello();
    hello.extensions.truncate(10);
    hello.extensions[0].bytes = vec![0; 250];
    assert_eq!(differs(&hello), None);
}

#[test]
fn a_profile_learns_that_its_client_permutes_but_nothing_else() {
    let mut profile = Profile::of("phone", &hello()).expect("it is a first hello");
    let mut other = hello();
    other.extensions.reverse();
    assert!(profile.differs(&other).is_some());
    assert_eq!(profile.learn(&other), Ok(()));
    assert_eq!((profile.order, profile.differs(&hello())), (Order::Permuted, None));
    other.suites.reverse();
    assert!(profile.learn(&other).is_err());
}

#[test]
fn grease_is_the_same_whatever_it_is() {
    let with = |grease: u16| {
        let mut hello = hello();
        hello.suites.insert(0, grease);
        hello.extensions.insert(0, Extension { kind: grease, bytes: Vec::new() });
        hello
    };
    let profile = Profile::of("phone", &with(0x1a1a)).expect("it is a first hello");
    assert_eq!((profile.suites[0], profile.extensions[0]), (GREASE, GREASE));
    assert_eq!(profile.differs(&with(0xfafa)), None);
    assert!(profile.differs(&with(0xfa0a)).is_some());
}

#[test]
fn a_profile_has_one_text() {
    let mut profile = Profile::of("phone", &hello()).expect("it is a first hello");
    profile.alpn = Alpn::These(vec![b"h2".to_vec(), b"\x0a\x0a %".to_vec(), Vec::new()]);
    let text = profile.to_string();
    assert!(text.contains("\nalpn: =h2 =%0a%0a%20%25 =\n"), "{text}");
    assert_eq!(Profile::parse(&text), Ok(profile));
    let refused = |from: &str, to: &str| Profile::parse(&text.replace(from, to));
    assert_eq!(refused("name: phone", "name: Phone"), Err(ProfileError::Line("name")));
    assert_eq!(refused("=%0a%0a", "=%0A%0a"), Err(ProfileError::Writing));
    assert_eq!(refused("versions: 0304", "versions: 304"), Err(ProfileError::Writing));
    assert_eq!(refused("formats: 0000", "formats: 0100"), Err(ProfileError::Line("formats")));
    assert_eq!(refused("ja4: t13d", "ja4: t12d"), Err(ProfileError::Writing));
    assert_eq!(refused("order: fixed\n", ""), Err(ProfileError::Line("order")));
    assert_eq!(Profile::parse(&format!("{text}\n")), Err(ProfileError::Writing));
    assert_eq!(Profile::parse(&"x".repeat(PROFILE_BYTES_MAX + 1)), Err(ProfileError::Long));
}

#[test]
fn who_resumes_a_session_has_no_profile() {
    let mut hello = hello();
    hello.extensions.push(Extension { kind: PRE_SHARED_KEY, bytes: Vec::new() });
    assert_eq!(Profile::of("phone", &hello), Err(ProfileError::Resumes));
}
