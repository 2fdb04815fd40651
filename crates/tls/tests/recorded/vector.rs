//! `vectors/tls/<case>.txt`: a recording, and what is expected of it.

use std::fs;
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_tls::{Handshake, KeyLog, Recording};

#[derive(Clone)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) expect: String,
    /// SHA-256 of the certificate that the server was given, as `openssl x509 -outform DER` writes it.
    pub(crate) leaf: Option<String>,
    pub(crate) keys: String,
    pub(crate) sent: Vec<u8>,
    pub(crate) received: Vec<u8>,
}

impl Vector {
    fn read(name: &str, text: &str) -> Self {
        let lines = |key: &'static str| {
            let lines = text.lines().filter_map(|line| line.split_once(": "));
            lines.filter(move |(known, _)| *known == key).map(|(_, value)| value.to_owned())
        };
        let line = |key| lines(key).next().unwrap_or_else(|| panic!("{name} has no {key}"));
        assert!(!line("source").is_empty());
        Self {
            name: name.to_owned(),
            expect: line("expect"),
            leaf: Some(line("leaf")).filter(|leaf| leaf != "none"),
            keys: lines("key").collect::<Vec<_>>().join("\n"),
            sent: STANDARD.decode(line("sent")).expect("base64"),
            received: STANDARD.decode(line("received")).expect("base64"),
        }
    }

    pub(crate) fn handshake(&self) -> Handshake {
        Handshake::of(&self.recording(), &KeyLog::read(self.keys.as_bytes()))
    }

    pub(crate) fn recording(&self) -> Recording {
        let mut recording = Recording::default();
        recording.sent.push(&self.sent);
        recording.received.push(&self.received);
        recording
    }
}

pub(crate) fn all() -> Vec<Vector> {
    let mut paths: Vec<PathBuf> = fs::read_dir(FOLDER)
        .expect("the vectors are in the repository")
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect();
    paths.sort();
    let vector = |path: &PathBuf| {
        let name = path.file_stem().expect("a file has a name").to_string_lossy();
        Vector::read(&name, &fs::read_to_string(path).expect("a vector is text"))
    };
    let vectors: Vec<_> = paths.iter().map(vector).collect();
    assert!(vectors.len() > 30);
    vectors
}

pub(crate) fn named(name: &str) -> Vector {
    all().into_iter().find(|vector| vector.name == name).expect("there is such a vector")
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
}

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/tls");
