//! What it costs to open and verify a recorded TLS 1.3 handshake: over the verification of its one signature, in the
//! same run. `cargo bench -p countersign-tls`.
//!
//! Expected before it was measured: at most 1.2 times that signature. It is so on curves. A signature of RSA is verified
//! faster than the messages are decrypted and hashed, so there it is the time that counts: less than 100 µs.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::fs;
use std::hint::black_box;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1,
    ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _, ParsedPublicKey,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_tls::handshake::Shown;
use countersign_tls::{Handshake, KeyLog, Recording};

fn main() {
    let random = SystemRandom::new();
    let cases = [
        ("P-256", "tls13-p256", "at most 1.2"),
        ("P-384", "tls13-p384", "at most 1.2"),
        ("RSA 2048", "tls13-rsa", "less than 100 µs"),
    ];
    for (name, file, expected) in cases {
        let (recording, key_log) = read(file);
        let signed = signed(name, &random);
        // In turns, so that whatever else the machine does hits both.
        let (mut floor, mut whole) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            floor.push(timed(|| signed.verify()));
            whole.push(timed(|| {
                let shown = black_box(Handshake::of(&recording, &key_log));
                assert!(matches!(shown.chain, Shown::Proved { .. }));
            }));
        }
        let (floor, whole) = (median(floor), median(whole));
        println!(
            "{name}: signature {:.1} µs, handshake {:.1} µs, {:.2} times; expected {expected}",
            micros(floor),
            micros(whole),
            whole.as_secs_f64() / floor.as_secs_f64()
        );
    }
}

/// Something that was signed with a key of the same kind. The key is read each time, as it is out of a certificate.
struct Signed {
    verify: &'static dyn aws_lc_rs::signature::VerificationAlgorithm,
    key: Vec<u8>,
    message: Vec<u8>,
    signature: Vec<u8>,
}

impl Signed {
    fn verify(&self) {
        let key = ParsedPublicKey::new(self.verify, &self.key).expect("it is a key");
        black_box(key.verify_sig(&self.message, &self.signature)).expect("it was signed");
    }
}

fn signed(name: &str, random: &SystemRandom) -> Signed {
    // As long as what is signed in a handshake.
    let message = vec![7; 146];
    let (verify, key, signature): (&'static dyn aws_lc_rs::signature::VerificationAlgorithm, _, _) =
        match name {
            "RSA 2048" => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).expect("a key");
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PSS_SHA256, random, &message, &mut signature).expect("a signature");
                (&RSA_PSS_2048_8192_SHA256, pair.public_key().as_ref().to_vec(), signature)
            }
            _ => {
                let (signing, verify) = match name {
                    "P-256" => (&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P256_SHA256_ASN1),
                    _ => (&ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1),
                };
                let pair = EcdsaKeyPair::generate(signing).expect("a key");
                let signature = pair.sign(random, &message).expect("a signature").as_ref().to_vec();
                (verify, pair.public_key().as_ref().to_vec(), signature)
            }
        };
    UnparsedPublicKey::new(verify, &key).verify(&message, &signature).expect("it was signed");
    Signed { verify, key, message, signature }
}

fn read(file: &str) -> (Recording, KeyLog) {
    let path = format!("{}/../../vectors/tls/{file}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).expect("the vectors are in the repository");
    let (mut recording, mut key_log) = (Recording::default(), KeyLog::default());
    for (key, value) in text.lines().filter_map(|line| line.split_once(": ")) {
        let octets = || STANDARD.decode(value).expect("base64");
        match key {
            "sent" => recording.sent.push(&octets()),
            "received" => recording.received.push(&octets()),
            "key" => key_log.push(value.as_bytes()),
            _ => {}
        }
    }
    (recording, key_log)
}

/// Of many in a row: one is too short for the clock.
fn timed(work: impl Fn()) -> Duration {
    let start = Instant::now();
    (0..IN_A_ROW).for_each(|_| work());
    start.elapsed() / IN_A_ROW
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

const ROUNDS: usize = 101;
const IN_A_ROW: u32 = 50;
