//! Handshakes of real programs, recorded (`vectors/tls`): what they show, and that nothing else can be made of them.

mod damage;
mod exhibits;
mod vector;

use countersign_tls::handshake::{End, Handshake, Shown};
use countersign_tls::{KeyLog, Recording, fingerprint, names};

#[test]
fn recordings_show_what_is_expected() {
    let mut wrong = Vec::new();
    for vector in vector::all() {
        let shown = told(&vector.handshake());
        if shown != vector.expect {
            wrong
                .push(format!("{}\n  expected {}\n  shown    {shown}", vector.name, vector.expect));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn the_leaf_is_that_of_the_server() {
    for vector in vector::all() {
        let shown = vector.handshake();
        if let Some(first) = shown.chain.certificates().first() {
            assert_eq!(Some(vector::sha256(first)), vector.leaf, "{}", vector.name);
        }
    }
}

/// All that a recording shows, on one line.
fn told(shown: &Handshake) -> String {
    let mut words = Vec::new();
    words.push(match &shown.chain {
        Shown::Proved { chain, scheme } => {
            format!("{} proved by {}", chain.len(), names::scheme(*scheme))
        }
        Shown::Unproved { chain, why } => format!("{} unproved: {why}", chain.len()),
        Shown::Anonymous => "anonymous".to_owned(),
        Shown::Resumed => "resumed".to_owned(),
        Shown::Hidden { why } => format!("hidden: {why}"),
        Shown::None => "none".to_owned(),
    });
    words.extend(shown.version.map(|version| names::version(version).into_owned()));
    words.extend(shown.suite.map(|suite| names::suite(suite).into_owned()));
    words.extend(shown.group.map(|group| names::group(group).into_owned()));
    words.extend(shown.retried.then(|| "retried".to_owned()));
    words.extend(shown.alpn.clone());
    words.extend(shown.ocsp.as_ref().map(|_| "stapled".to_owned()));
    words.extend(shown.asks_for_certificate.then(|| "asks".to_owned()));
    words.extend(shown.hellos_sha256.map(|_| "hash".to_owned()));
    words.extend(shown.alerts.iter().map(ToString::to_string));
    if shown.end != End::Whole {
        words.push(shown.end.to_string());
    }
    words.join("; ")
}

/// JA4 and JA3 as other programs compute them for these clients.
#[test]
fn clients_have_the_fingerprints_that_others_compute() {
    let check = |name: &str, ja4: &str, ja3: &str| {
        let client = vector::named(name).handshake().client.expect("there is a hello");
        assert_eq!(fingerprint::ja4(&client), ja4, "{name}");
        assert!(fingerprint::ja3(&client).starts_with(ja3), "{name} {}", fingerprint::ja3(&client));
    };
    check("tls13-p256", "t13d311000_e8f1e7e78f70_1f22a2ca17c4", "a3afc2c4");
    check("gnutls", "t13d291300_723694b0fccc_2cc26d266019", "f35ce21b");
    check("python", "t13d181100_85036bcba153_d41ae481755e", "93c7d42c");
    check("curl", "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6", "0149f47e");
}

#[test]
fn servers_are_told_apart() {
    let check = |name: &str, expected: &str| {
        let shown = vector::named(name).handshake();
        assert_eq!(fingerprint::server(&shown).as_deref(), Some(expected), "{name}");
    };
    check("tls13-p256", "TLS 1.3 TLS_AES_256_GCM_SHA384 x25519 extensions 002b.0033 session echo");
    check("gnutls", "TLS 1.3 TLS_AES_256_GCM_SHA384 secp256r1 extensions 0033.002b session echo");
    check(
        "tls12-ecdhe-rsa",
        "TLS 1.2 TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 x25519 extensions ff01.000b.0023.0010.0017 session 0 formats 00.01.02 alpn h2",
    );
    check(
        "tls13-retry",
        "TLS 1.3 TLS_AES_256_GCM_SHA384 secp384r1 retried extensions 002b.0033 session echo",
    );
}

#[test]
fn what_was_said_before_tls_is_not_its_answer() {
    let (vector, other) = (vector::named("tls13-p256"), vector::named("tls12-ecdhe-rsa"));
    let mut recording = Recording::default();
    // A whole ServerHello that fits what the client is about to offer.
    recording.receive(&[b"220 ", &other.received[..], b"\r\n"].concat());
    recording.send(&vector.sent);
    recording.receive(&vector.received);
    let shown = Handshake::of(&recording, &KeyLog::read(vector.keys.as_bytes()));
    assert_eq!(told(&shown), vector.expect);
}
