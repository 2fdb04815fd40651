//! Certificates with every kind of SCTs, as files for real servers and clients: what an ordinary client accepts, and
//! what one that demands SCTs must not.
//!
//! All but one are issued by one CA, which the client trusts and takes for a public one: it plays the CA that was
//! fooled or coerced.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_sct::LogKey;
use countersign_sct::log_list::{Api, Log, Purpose, State};
use countersign_sct::signed_list::{ListKeys, Note, SignedList, SignerKey};
use jiff::{SignedDuration, Timestamp};

use crate::authority::{Authority, Request, SubjectKey};
use crate::certificates::sha256;
use crate::log::{Content, Entry, Signer};

/// What is in the folder. Clients of `cases` trust `root`, which counts as public, and `private_root`, which does not.
#[derive(Debug)]
pub struct SctCases {
    /// The CA's root, in PEM (`root.pem`).
    pub root: PathBuf,
    /// The root of a private CA, in PEM (`private-root.pem`).
    pub private_root: PathBuf,
    /// Both, for a client's trust store (`trusted.pem`).
    pub trusted: PathBuf,
    /// The signed list of logs (`list`).
    pub list: PathBuf,
    /// The keys that have signed it (`list-keys`).
    pub list_keys: PathBuf,
    /// The certificates, the good one first.
    pub cases: Vec<SctCase>,
}

/// A certificate with its chain and key.
#[derive(Debug)]
pub struct SctCase {
    /// Its name, and that of its folder.
    pub name: &'static str,
    /// Whether a client that demands SCTs accepts it.
    pub accepted: bool,
    /// Certificate and intermediate, in PEM (`NAME/chain.pem`).
    pub chain: PathBuf,
    /// Its private key, in PEM (`NAME/key.pem`).
    pub key: PathBuf,
}

impl SctCases {
    /// Writes them into a folder that is there: certificates for these names and addresses, begun yesterday and valid
    /// for 90 days, so that they need two SCTs.
    pub fn write(folder: &Path, names: &[&str], now: Timestamp) -> anyhow::Result<Self> {
        let logs = Logs::new(now);
        let public = Authority::new("Public CA", 1);
        let private = Authority::new("Private CA", 2);
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            anyhow::Ok(path)
        };
        let (root, private_root) =
            (pem(CERTIFICATE, public.root()), pem(CERTIFICATE, private.root()));
        let (list, list_keys) = logs.signed_list(now);
        let case =
            |name: &'static str, accepted: bool, authority: &Authority, logs: &[&TestLog]| {
                let key = SubjectKey::generate();
                let request = Request {
                    names: names.iter().map(|name| (*name).to_owned()).collect(),
                    key: &key,
                    not_before: now - SignedDuration::from_hours(24),
                    not_after: now + SignedDuration::from_hours(89 * 24),
                    rewrite: None,
                };
                let issued = authority.issue_promised(&request, |entry| {
                    logs.iter().map(|log| log.promise(entry)).collect()
                })?;
                fs::create_dir_all(folder.join(name))?;
                let chain = [&issued.certificate[..], authority.intermediate()];
                let chain = chain.map(|certificate| pem(CERTIFICATE, certificate)).concat();
                let key = key.pkcs8().expect("a generated key has its private half");
                anyhow::Ok(SctCase {
                    name,
                    accepted,
                    chain: write(&format!("{name}/chain.pem"), chain)?,
                    key: write(&format!("{name}/key.pem"), pem("PRIVATE KEY", key))?,
                })
            };
        let Logs { first, same_operator, second, retired, also_retired, unlisted, mimics } = &logs;
        let broken = [first.broken(), second.broken()];
        Ok(Self {
            trusted: write("trusted.pem", format!("{root}{private_root}"))?,
            root: write("root.pem", root)?,
            private_root: write("private-root.pem", private_root)?,
            list: write("list", list)?,
            list_keys: write("list-keys", list_keys)?,
            cases: vec![
                case("good", true, &public, &[first, second])?,
                case("unlogged", false, &public, &[])?,
                case("unlisted", false, &public, &[&unlisted[0], &unlisted[1]])?,
                case("mimic", false, &public, &[&mimics[0], &mimics[1]])?,
                case("broken", false, &public, &[&broken[0], &broken[1]])?,
                case("one-operator", false, &public, &[first, same_operator])?,
                case("retired", false, &public, &[retired, also_retired])?,
                case("private", true, &private, &[])?,
            ],
        })
    }

    /// The case with this name.
    pub fn case(&self, name: &str) -> &SctCase {
        self.cases.iter().find(|case| case.name == name).expect("a case of the table above")
    }
}

/// Every log of the cases.
struct Logs {
    first: TestLog,
    same_operator: TestLog,
    second: TestLog,
    retired: TestLog,
    also_retired: TestLog,
    unlisted: [TestLog; 2],
    mimics: [TestLog; 2],
}

/// A log that does nothing but promise.
#[derive(Clone)]
struct TestLog {
    pkcs8: Vec<u8>,
    name: &'static str,
    operator: &'static str,
    retired: Option<Timestamp>,
    promised: Timestamp,
    /// Signs something else.
    is_broken: bool,
}

impl Logs {
    fn new(now: Timestamp) -> Self {
        // A log of the lab signs for an hour ago: OpenSSL takes an SCT of this very second for one of the future.
        let promised = now - SignedDuration::from_hours(1);
        let a_month_ago = now - SignedDuration::from_hours(30 * 24);
        let log = |name, operator, retired| {
            let pkcs8 = SubjectKey::generate().pkcs8().expect("it was generated").to_vec();
            TestLog { pkcs8, name, operator, retired, promised, is_broken: false }
        };
        let mimic = |name, pkcs8: &str| {
            let pkcs8 = STANDARD.decode(pkcs8).expect("base64 of our own file");
            TestLog { pkcs8, ..log(name, "Nobody", None) }
        };
        Self {
            first: log("Alder", "Arbour", None),
            same_operator: log("Ash", "Arbour", None),
            second: log("Birch", "Bough", None),
            retired: log("Cedar", "Copse", Some(a_month_ago)),
            also_retired: log("Dogwood", "Dell", Some(a_month_ago)),
            unlisted: [log("Elm", "Estate", None), log("Fir", "Forest", None)],
            mimics: [mimic("Mimic 1", MIMIC_KEYS[0]), mimic("Mimic 2", MIMIC_KEYS[1])],
        }
    }

    /// The list that knows the first five, and the keys that have signed it.
    fn signed_list(&self, now: Timestamp) -> (String, String) {
        let listed =
            [&self.first, &self.same_operator, &self.second, &self.retired, &self.also_retired];
        let expires = now + SignedDuration::from_hours(180 * 24);
        // Higher than any list that comes with a program.
        let version = 1_000_000;
        let issued = now - SignedDuration::from_hours(1);
        let list = SignedList::new(version, issued, expires, listed.map(TestLog::listed).to_vec());
        let signers = ["one", "two", "three"].map(|name| {
            let name = format!("{name}.list.test");
            SignerKey::from_seed(&name, &sha256(name.as_bytes())).expect("a plain name")
        });
        let keys = signers.iter().map(|signer| signer.public().clone()).collect();
        let keys = ListKeys::new(1, 2, keys).expect("three keys, two of which must sign");
        let text = list.to_text();
        let signatures = signers[..2].iter().map(|signer| signer.sign(&text)).collect();
        (Note { text, signatures }.to_text(), keys.to_text())
    }
}

impl TestLog {
    fn signer(&self) -> Signer {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.pkcs8);
        Signer::of(key.expect("PKCS #8 of a P-256 key"), format!("{}.log.test", self.name))
    }

    /// The SCT for an entry, with the log's own time.
    fn promise(&self, entry: &Content) -> Vec<u8> {
        let timestamp_ms = u64::try_from(self.promised.as_millisecond()).expect("after 1970");
        let mut entry = Entry {
            timestamp_ms,
            content: entry.clone(),
            extensions: Vec::new(),
            issuers: Vec::new(),
        };
        if self.is_broken {
            entry.timestamp_ms += 1;
        }
        let mut sct = self.signer().sct(&entry);
        sct.timestamp_ms = timestamp_ms;
        sct.to_bytes()
    }

    fn broken(&self) -> Self {
        Self { is_broken: true, ..self.clone() }
    }

    fn listed(&self) -> Log {
        let since = self.promised - SignedDuration::from_hours(365 * 24);
        let retired = self.retired.map(|retired| (State::Retired, retired));
        Log {
            key: LogKey::from_spki(self.signer().spki()).expect("a P-256 key"),
            description: self.name.to_owned(),
            operator: self.operator.to_owned(),
            previous_operators: Vec::new(),
            api: Api::Rfc6962 { url: String::new() },
            mmd_s: None,
            states: [(State::Usable, since)].into_iter().chain(retired).collect(),
            interval: None,
            purpose: Purpose::Production,
        }
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = STANDARD.encode(der);
    let lines = encoded.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line));
    let body: String = lines.map(|line| format!("{line}\n")).collect();
    format!("-----BEGIN {label}-----\n{body}-----END {label}-----\n")
}

const CERTIFICATE: &str = "CERTIFICATE";

/// The private keys of the two logs that Google has published (GoogleChrome/CertificateTransparency, mimics/), in
/// PKCS #8. Everybody can sign with them, and so does Mallory.
const MIMIC_KEYS: [&str; 2] = [
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgd3sO8xLiUka0sVXcTYDHX/WkN9yE7aIaZ8D5pVx2liChRANCAAR07/52cf81lIFI\
     uaY327aHgc1OcI4t5T6gwGJHKci9DzO3Z+3QgzI73R7mfBJoJ1i8DglUbMIxqt+z0Nw3EVjW",
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgaoh5bwGnaCzkDbvdRfbCTtArDuoT5lnvZwSiJ/lj/4ahRANCAAQH9W1wvsFJsY/h\
     BjtSNppc53iBDzRHU/Etm19iJ+T5kRH6YJUlVWOXrq5VZTO7mUxtYxvUxYrGOS+13YzJBIqw",
];

#[cfg(test)]
mod tests;
