//! Certificates for the victim's name: the victim's own, and what Mallory got from the same CA.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_lab::authority::{Authority, Issued, Request, SubjectKey};
use countersign_lab::certificates::sha256;
use countersign_lab::identity::Identity;

use crate::prosody::DOMAIN;

pub(crate) struct Keys {
    /// The victim's.
    pub(crate) ours: Identity,
    /// Another key, and a certificate that clients trust just as much.
    pub(crate) mallorys: Identity,
    /// The victim's certificate with its chain, and its key.
    pub(crate) chain: PathBuf,
    pub(crate) key: PathBuf,
    /// What clients trust.
    pub(crate) root: PathBuf,
}

impl Keys {
    pub(crate) fn new(folder: &Path) -> Self {
        let authority = Authority::new("Example CA", 7);
        let (issued, key) = issue(&authority);
        let (foreign, foreign_key) = issue(&authority);
        let path = |name: &str| folder.join(name);
        let chain = [&issued.certificate, &issued.issuers[0]].map(|der| pem("CERTIFICATE", der));
        fs::write(path("chain.pem"), chain.concat()).unwrap();
        fs::write(path("key.pem"), pem("PRIVATE KEY", key.pkcs8().unwrap())).unwrap();
        fs::write(path("root.pem"), pem("CERTIFICATE", authority.root())).unwrap();
        Self {
            ours: Identity::new(&issued, &key),
            mallorys: Identity::new(&foreign, &foreign_key),
            chain: path("chain.pem"),
            key: path("key.pem"),
            root: path("root.pem"),
        }
    }
}

impl Keys {
    /// Of Mallory's key, in hexadecimal.
    pub(crate) fn mallorys_spki(&self) -> String {
        let hash = sha256(self.mallorys.spki());
        hash.iter().map(|octet| format!("{octet:02x}")).collect()
    }
}

fn issue(authority: &Authority) -> (Issued, SubjectKey) {
    let key = SubjectKey::generate();
    let request = Request {
        names: vec![DOMAIN.to_owned()],
        key: &key,
        not_before: "2020-01-01T00:00:00Z".parse().unwrap(),
        not_after: "2090-01-01T00:00:00Z".parse().unwrap(),
        rewrite: None,
    };
    (authority.issue_unlogged(&request).unwrap(), key)
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<String> =
        text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
