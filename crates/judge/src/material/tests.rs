use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

/// A file that `samples/make` made.
macro_rules! sample {
    ($name:literal) => {
        include_bytes!(concat!("samples/", $name)).as_slice()
    };
}

const P256: &str = "2425091733ed3a32c4212e42e90f345b1fcbb40569e1b5d94e29e3a5f350fa94";
const P384: &str = "953939a77ed0d40d970d82848be7207db94122e142f63890ffd9ab07cb6dd151";
const P521: &str = "a3e407167e207aa8a940405a2d4a8884ef8aacdf0a185e9735459709bfe1e858";
const ED25519: &str = "163de16f51f24d7b7e0ca02f27788cf9793660488598f5ca07e206d5dbc4e0b7";
const RSA: &str = "b654af15f8de96a765512885baf414b3995ad3703c3c3638b8d18f0df3377a95";
const P384_SEC1: &str = "32db20120d187d8c6bfec4c431293bf75af406c5ab0a0bf97d35a2328ab9d226";
const LEAF: &str = "f21cf5968c7157eb634e9b38718e823df9bd039a8b530aa87a727886f5f845f5";

/// Compares what a file holds, one line each, with what is expected of it.
#[track_caller]
fn check(file: &[u8], expected: &[&str]) {
    let material = read(file);
    let mut lines: Vec<String> = material.found.iter().map(line).collect();
    lines.extend((material.authorities > 0).then(|| format!("{} of CAs", material.authorities)));
    lines.extend(material.unread.iter().map(ToString::to_string));
    assert_eq!(lines, expected);
}

fn line(registration: &Registration) -> String {
    let hex = crate::plain::hex;
    match registration {
        Registration::Key { spki_sha256, from } => {
            format!("{from:?} {}", hex(spki_sha256))
        }
        Registration::Request { spki_sha256, names } => {
            format!("request {}: {}", hex(spki_sha256), names.join(" "))
        }
        Registration::Certificate { tbs_sha256, spki_sha256, names, .. } => {
            let (tbs, spki) = (hex(tbs_sha256), hex(spki_sha256));
            format!("certificate {tbs} {spki}: {}", names.join(" "))
        }
    }
}

fn private(spki_sha256: &str) -> String {
    format!("Private {spki_sha256}")
}

fn leaf() -> String {
    format!("certificate {LEAF} {P256}: xmpp.example *.xmpp.example")
}

#[test] // The digests are those of `openssl pkey -pubout`.
fn private_keys_give_the_key_that_certificates_carry() {
    check(sample!("p256.pem"), &[&private(P256)]);
    check(sample!("p384.pem"), &[&private(P384)]);
    check(sample!("p521.pem"), &[&private(P521)]);
    check(sample!("ed25519.pem"), &[&private(ED25519)]);
    check(sample!("rsa.pem"), &[&private(RSA)]);
}

#[test]
fn private_keys_are_read_in_their_older_forms() {
    check(sample!("p256-sec1.pem"), &[&private(P256)]);
    check(sample!("p384-sec1.pem"), &[&private(P384_SEC1)]);
    check(sample!("p521-sec1.der"), &[&private(P521)]);
    check(sample!("rsa-pkcs1.pem"), &[&private(RSA)]);
    check(sample!("rsa-pkcs1.der"), &[&private(RSA)]);
    check(sample!("rsa.der"), &[&private(RSA)]);
}

#[test]
fn a_public_key_is_taken_as_it_stands() {
    check(sample!("rsa-public.pem"), &[&format!("Public {RSA}")]);
}

#[test]
fn a_request_asks_for_hosts() {
    let names = "www.example.org example.org *.example.org 192.0.2.1";
    let expected = format!("request {P256}: {names}");
    check(sample!("request.pem"), &[&expected]);
    check(sample!("request.der"), &[&expected]);
    check(sample!("request-bare.pem"), &[&format!("request {ED25519}: bare.example")]);
}

#[test] // The first digest is that of `openssl asn1parse -strparse 4`.
fn a_certificate_is_known_by_what_the_log_signed() {
    check(sample!("leaf.pem"), &[&leaf()]);
    check(sample!("leaf.der"), &[&leaf()]);
    check(&[sample!("leaf.der"), b"\r\n"].concat(), &[&leaf()]);
}

#[test]
fn certificates_of_authorities_register_nothing() {
    check(sample!("ca.pem"), &["1 of CAs"]);
}

#[test] // Prosody and HAProxy like it so.
fn one_file_holds_key_certificate_and_chain() {
    check(sample!("combined.pem"), &[&leaf(), &private(P256), "1 of CAs"]);
}

#[test]
fn what_needs_a_password_is_named() {
    let next = "is encrypted; register its public key, or a request or certificate for it";
    check(sample!("encrypted.pem"), &[&format!("the block \"ENCRYPTED PRIVATE KEY\" {next}")]);
    check(sample!("encrypted-headers.pem"), &[&format!("the block \"RSA PRIVATE KEY\" {next}")]);
    check(
        sample!("leaf.p12"),
        &["the file is PKCS#12; register the public key, or a request or certificate for it"],
    );
}

#[test]
fn keys_that_nobody_certifies_are_named() {
    let why = "is no private key for RSA (2048 bits or more), P-256, P-384, P-521 or Ed25519";
    check(sample!("secp256k1.pem"), &[&format!("the block \"PRIVATE KEY\" {why}")]);
    check(sample!("rsa1024.pem"), &[&format!("the block \"PRIVATE KEY\" {why}")]);
    check(
        sample!("rsa-public-pkcs1.pem"),
        &["the block \"RSA PUBLIC KEY\" is no key, request or certificate"],
    );
}

#[test]
fn a_bad_block_does_not_hide_the_others() {
    let bad = b"-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----\n".as_slice();
    let cut = b"-----BEGIN CERTIFICATE-----\nMIIB\n".as_slice();
    let file = [bad, cut, sample!("p256.pem"), cut].concat();
    check(
        &file,
        &[
            &private(P256),
            "the block \"PRIVATE KEY\" is not base64",
            "the block \"CERTIFICATE\" is cut off",
            "the block \"CERTIFICATE\" is cut off",
        ],
    );
}

#[test]
fn labels_are_not_believed() {
    let wrong = String::from_utf8_lossy(sample!("leaf.pem")).replace("CERTIFICATE", "PRIVATE KEY");
    check(wrong.as_bytes(), &[&leaf()]);
}

#[test]
fn editors_leave_traces() {
    let text = String::from_utf8_lossy(sample!("p256.pem"));
    check(format!("\u{feff}{text}").as_bytes(), &[&private(P256)]);
    check(text.replace('\n', " \r\n  ").as_bytes(), &[&private(P256)]);
    check(text.trim_end().as_bytes(), &[&private(P256)]);
    check(
        text.replace("-----END PRIVATE KEY-----", "").as_bytes(),
        &["the block \"PRIVATE KEY\" is cut off"],
    );
}

#[test]
fn other_files_hold_nothing() {
    check(b"", &[]);
    check(b"# keys of this host\n", &[]);
    check(b"\0\xff\x7fELF", &[]);
    check(b"-----BEGIN DH PARAMETERS-----\nMAYCAQcCAQI=\n-----END DH PARAMETERS-----\n", &[]);
    check(b"-----BEGIN \x1b[2J-----\n-----END \x1b[2J-----\n", &[]);
}

#[test]
fn der_that_ends_too_soon_is_cut_off() {
    let der = sample!("leaf.der");
    for length in 1..der.len() {
        check(&der[..length], &["the file is cut off"]);
    }
}

#[test]
fn pem_that_ends_too_soon_registers_nothing() {
    let pem = sample!("rsa.pem");
    for length in 28..pem.len() - 2 {
        check(&pem[..length], &["the block \"PRIVATE KEY\" is cut off"]);
    }
}

#[test]
fn large_files_are_not_read() {
    let file = [sample!("p256.pem"), &vec![b'\n'; FILE_BYTES_MAX]].concat();
    check(&file, &[&format!("the file has more than {FILE_BYTES_MAX} bytes")]);
    let blocks = sample!("p256.pem").repeat(BLOCKS_MAX + 1);
    let material = read(&blocks);
    assert_eq!(material.found.len(), BLOCKS_MAX);
    assert_eq!(material.unread, [Unread::TooManyBlocks]);
}

#[test]
fn what_is_printed_of_a_key_is_its_length() {
    assert_eq!(format!("{:?}", Wiped::new(b"secret".to_vec())), "Wiped(6 bytes)");
}

/// All samples, to be damaged.
const SAMPLES: [&[u8]; 6] = [
    sample!("combined.pem"),
    sample!("request.der"),
    sample!("leaf.der"),
    sample!("p521-sec1.der"),
    sample!("rsa.der"),
    sample!("leaf.p12"),
];

proptest! {
    #[test]
    fn any_bytes_are_read(bytes: Vec<u8>) {
        read(&bytes);
        read(&[&[0x30, 0x82, 1, 0], bytes.as_slice()].concat());
        let base64 = STANDARD.encode(&bytes);
        read(format!("-----BEGIN X-----\n{base64}\n-----END X-----\n").as_bytes());
    }

    #[test]
    fn any_damage_is_survived(sample in 0..SAMPLES.len(), at: prop::sample::Index, octet: u8) {
        let mut bytes = SAMPLES[sample].to_vec();
        let at = at.index(bytes.len());
        bytes[at] = octet;
        read(&bytes);
    }

    // A private key is either the one that was meant or none: its public half is computed.
    #[test]
    fn a_damaged_key_is_no_other_key(at: prop::sample::Index, bit in 0..8_u32) {
        let mut bytes = sample!("rsa.der").to_vec();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        for registration in read(&bytes).found {
            prop_assert_eq!(line(&registration), private(RSA));
        }
    }
}
