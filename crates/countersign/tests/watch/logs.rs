//! The logs that are watched: small ones made here, large ones of real entries.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use countersign_lab::authority::{Authority, Request, SubjectKey};
use countersign_lab::big_log::{self, Running, serve_big_log};
use countersign_lab::log::{Content, LogServer, Protocol, Settings};
use countersign_net::Clock;
use serde_json::Value;

use crate::place::Extra;

/// What the small logs have certificates for.
pub(crate) const GUARD: &str = ".xmpp.example";

/// Both protocols, and what the logs that speak them are called here.
pub(crate) const PROTOCOLS: [(Protocol, &str); 2] =
    [(Protocol::Rfc6962, "rfc6962"), (Protocol::StaticCt, "static")];

/// A log that is made here, entry by entry.
pub(crate) struct SmallLog {
    pub(crate) server: LogServer,
    description: String,
    /// A certificate for a guarded name.
    certificate: Vec<u8>,
    issuers: Vec<Vec<u8>>,
    size: u64,
    /// Where the guarded name is.
    pub(crate) guarded: BTreeSet<u64>,
}

impl SmallLog {
    /// With no entries yet.
    pub(crate) async fn start(protocol: Protocol, description: &str) -> Self {
        let authority = Authority::new("Test", 7);
        let settings = Settings::plain(description, protocol, Clock::system());
        let request = Request {
            names: vec!["www.xmpp.example".to_owned()],
            key: &SubjectKey::generate(),
            not_before: "2026-01-01T00:00:00Z".parse().unwrap(),
            not_after: "2040-01-01T00:00:00Z".parse().unwrap(),
            rewrite: None,
        };
        let issued = authority.issue_unlogged(&request).unwrap();
        Self {
            server: LogServer::start(settings).await.unwrap(),
            description: description.to_owned(),
            certificate: issued.certificate,
            issuers: issued.issuers,
            size: 0,
            guarded: BTreeSet::new(),
        }
    }

    /// Appends so many entries and signs the head. Every seventh is for a guarded name, the others are no
    /// certificates at all.
    pub(crate) fn grow(&mut self, entries: u64) {
        for index in self.size..self.size + entries {
            let certificate = if index % 7 == 3 {
                self.guarded.insert(index);
                self.certificate.clone()
            } else {
                index.to_be_bytes().repeat(100)
            };
            self.server.push(Content::X509 { certificate }, self.issuers.clone());
        }
        self.size += entries;
        self.server.publish();
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    pub(crate) fn extra(&self) -> Extra {
        Extra {
            description: self.description.clone(),
            url: self.server.url(),
            spki: self.server.spki().to_owned(),
            protocol: self.server.settings().protocol,
        }
    }
}

/// The names in real entries, as their log has published them beside the data tiles.
pub(crate) struct Real {
    folder: PathBuf,
    /// Of each entry.
    names: Vec<BTreeSet<String>>,
}

impl Real {
    /// `None`, if they are not there; then that is said.
    pub(crate) fn read() -> Option<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
        if !root.exists() {
            let why = format!("skipped: there is no {}", root.display());
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{why}");
            eprintln!("{why}");
            return None;
        }
        let folder = root.join("ct/static-tiles/navigli2025h2");
        let tiles = ["000", "001", "002", "003"];
        let tiles = tiles.map(|tile| folder.join("tile/names").join(tile));
        let lines = tiles.map(|tile| fs::read_to_string(tile).unwrap()).concat();
        let names = lines.lines().map(|line| {
            let entry: Value = serde_json::from_str(line).unwrap();
            let dns = entry["DNS"].as_array().into_iter().flatten();
            let all = dns.chain([&entry["Subject"]["CommonName"]]).filter_map(Value::as_str);
            all.map(str::to_ascii_lowercase).collect()
        });
        let names: Vec<_> = names.collect();
        assert_eq!(names.len(), 1024);
        Some(Self { folder, names })
    }

    /// The first name, by the alphabet, that is in several entries and that no wildcard covers.
    pub(crate) fn repeated(&self) -> &str {
        let all: BTreeSet<&String> = self.names.iter().flatten().collect();
        let is_repeated = |name: &&&String| {
            let covered = name.split_once('.').is_some_and(|(label, parent)| {
                label == "*" || all.contains(&format!("*.{parent}"))
            });
            !covered && self.names.iter().filter(|names| names.contains(**name)).count() > 1
        };
        all.iter().find(is_repeated).unwrap()
    }

    /// In which of the first `entries` of a log that consists of the real ones, over and over, there is a name
    /// like this.
    pub(crate) fn with(&self, entries: u64, is_like: impl Fn(&str) -> bool) -> BTreeSet<u64> {
        let cycle = (0..entries).zip(self.names.iter().cycle());
        let with = cycle.filter(|(_, names)| names.iter().any(|name| is_like(name)));
        with.map(|(index, _)| index).collect()
    }

    /// A log of so many entries, the real ones over and over.
    pub(crate) async fn serve(&self, entries: u64) -> Running {
        let (tiles, clock) = (self.folder.clone(), Clock::system());
        serve_big_log(big_log::Settings { tiles, entries, clock }).await.unwrap()
    }
}

/// Two logs of so many real entries, one for each protocol.
pub(crate) async fn serve_both(real: &Real, entries: u64) -> (Vec<Running>, Vec<Extra>) {
    let (mut logs, mut extras) = (Vec::new(), Vec::new());
    for (protocol, description) in PROTOCOLS {
        let log = real.serve(entries).await;
        let (url, spki) = (log.url(), log.spki().to_owned());
        extras.push(Extra { description: description.to_owned(), url, spki, protocol });
        logs.push(log);
    }
    (logs, extras)
}
