//! The files that are the evidence, written and read. All others are made from these.
//!
//! To read is the reverse of to write, and forgives nothing that matters: what was read is assembled again and
//! compared with the pack, so an unknown field or another spelling does not get through.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::encoding::{base64, hex, unbase64, unbase64_32, unhex, unpem};
use super::pieces::{CHAIN_MAX, Pieces, SCTS_MAX};
use super::{Api, Contents, Incident, Inclusion, Log, Sighting, expectation};
use crate::plain::steers;

/// The files of a pack.
pub(super) type Files = BTreeMap<String, Vec<u8>>;

/// Why the evidence of a pack cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// It has to be there.
    #[error("{0} is missing")]
    Missing(String),
    /// It is not what a pack has under this name.
    #[error("{file} cannot be read: {why}")]
    Malformed { file: String, why: String },
}

impl Unreadable {
    pub(super) fn malformed(file: &str, why: impl ToString) -> Self {
        Self::Malformed { file: file.to_owned(), why: why.to_string() }
    }
}

/// The evidence as files.
pub(super) fn write(contents: &Contents, pieces: &Pieces<'_>) -> Files {
    let mut files = Files::new();
    files.insert("incident.json".to_owned(), json(&IncidentShape::of(&contents.incident)));
    if let Some(judgement) = &contents.judgement {
        files.extend(expectation::write(judgement));
    }
    for (number, sighting) in (1..).zip(&contents.sightings) {
        let Some(log) = contents.log(&sighting.log) else { continue };
        let mut put = |name: &str, bytes: Vec<u8>| {
            files.insert(format!("log-{number}/{name}"), bytes);
        };
        let place = EntryShape { log: LogShape::of(log), found_at: sighting.found_at.to_string() };
        put("log.json", json(&place));
        put("entry.bin", sighting.leaf.clone());
        put("leaf-hash.hex", format!("{}\n", hex(&sighting.leaf_hash)).into_bytes());
        put(beside_name(log.api), sighting.beside.clone());
        put("index.json", json(&IndexShape { leaf_index: sighting.index }));
        if let Some(inclusion) = &sighting.inclusion {
            let path = inclusion.path.iter().map(|hash| base64(hash)).collect();
            let (leaf_index, tree_size) = (sighting.index, inclusion.tree_size);
            put(
                "inclusion.json",
                json(&InclusionShape { leaf_index, tree_size, audit_path: path }),
            );
            put(head_name(log.api), inclusion.head.clone());
        }
    }
    for (number, piece) in (1..).zip(&pieces.scts) {
        let sct = piece.sct.as_ref();
        let log = sct.and_then(|sct| contents.log(&sct.log_id.0));
        let shape = SctShape {
            of: "certificate.der".to_owned(),
            log_id: sct.map(|sct| base64(&sct.log_id.0)),
            timestamp_ms: sct.map(|sct| sct.timestamp_ms),
            leaf_index: sct.and_then(|sct| sct.leaf_index()),
            log: log.map(LogShape::of),
        };
        files.insert(format!("scts/{number}.json"), json(&shape));
    }
    files
}

/// The contents of a pack, as far as they are evidence.
pub(super) fn read(files: &Files) -> Result<Contents, Unreadable> {
    let incident = read_incident(files)?;
    let judgement = expectation::read(files)?;
    let (mut sightings, mut logs) = (Vec::new(), Vec::new());
    for number in 1.. {
        let folder = format!("log-{number}");
        if !files.contains_key(&format!("{folder}/log.json")) {
            break;
        }
        let (sighting, log) = read_sighting(files, &folder)?;
        sightings.push(sighting);
        keep(&mut logs, log);
    }
    for number in 1..=SCTS_MAX {
        let file = format!("scts/{number}.json");
        if !files.contains_key(&file) {
            break;
        }
        let shape: SctShape = parse(files, &file)?;
        if let Some(log) = shape.log {
            keep(&mut logs, log.read(&file)?);
        }
    }
    let mut issuers = Vec::new();
    for place in 0..CHAIN_MAX {
        let file = format!("chain/{place}.pem");
        let Some(text) = files.get(&file) else { break };
        let der = unpem("CERTIFICATE", text);
        issuers.push(der.ok_or_else(|| Unreadable::malformed(&file, "not one PEM block"))?);
    }
    // Where an entry has the certificate, this is the same one, or the files differ when they are assembled again.
    let certificate = files.get("certificate.der").cloned();
    Ok(Contents { incident, sightings, certificate, issuers, logs, judgement })
}

/// The incident that a pack is about.
pub(super) fn read_incident(files: &Files) -> Result<Incident, Unreadable> {
    parse::<IncidentShape>(files, "incident.json")?.read()
}

fn keep(logs: &mut Vec<Log>, log: Log) {
    if logs.iter().all(|kept| kept.id != log.id) {
        logs.push(log);
    }
}

fn read_sighting(files: &Files, folder: &str) -> Result<(Sighting, Log), Unreadable> {
    let name = |name: &str| format!("{folder}/{name}");
    let place: EntryShape = parse(files, &name("log.json"))?;
    let log = place.log.read(&name("log.json"))?;
    let found_at = time(&place.found_at, &name("log.json"))?;
    let hash = name("leaf-hash.hex");
    let leaf_hash = str::from_utf8(file(files, &hash)?)
        .ok()
        .and_then(|text| unhex(text.strip_suffix('\n')?))
        .ok_or_else(|| Unreadable::malformed(&hash, "not 64 digits and a newline"))?;
    let inclusion = match files.contains_key(&name("inclusion.json")) {
        false => None,
        true => {
            let shape: InclusionShape = parse(files, &name("inclusion.json"))?;
            let path = shape.audit_path.iter().map(|text| unbase64_32(text)).collect();
            let path: Option<Vec<_>> = path;
            let bad = || Unreadable::malformed(&name("inclusion.json"), "not a hash");
            let head = file(files, &name(head_name(log.api)))?.to_vec();
            Some(Inclusion { tree_size: shape.tree_size, path: path.ok_or_else(bad)?, head })
        }
    };
    let sighting = Sighting {
        log: log.id,
        index: parse::<IndexShape>(files, &name("index.json"))?.leaf_index,
        found_at,
        leaf: file(files, &name("entry.bin"))?.to_vec(),
        leaf_hash,
        beside: file(files, &name(beside_name(log.api)))?.to_vec(),
        inclusion,
    };
    Ok((sighting, log))
}

/// What RFC 6962 calls `extra_data`, and what static-ct-api has no name for.
fn beside_name(api: Api) -> &'static str {
    match api {
        Api::Rfc6962 => "extra-data.bin",
        Api::StaticCt => "tile-leaf-rest.bin",
    }
}

/// The head as served.
pub(super) fn head_name(api: Api) -> &'static str {
    match api {
        Api::Rfc6962 => "tree-head.json",
        Api::StaticCt => "checkpoint.txt",
    }
}

pub(super) fn file<'a>(files: &'a Files, name: &str) -> Result<&'a [u8], Unreadable> {
    files.get(name).map(Vec::as_slice).ok_or_else(|| Unreadable::Missing(name.to_owned()))
}

pub(super) fn parse<Shape: DeserializeOwned>(
    files: &Files,
    name: &str,
) -> Result<Shape, Unreadable> {
    serde_json::from_slice(file(files, name)?).map_err(|why| Unreadable::malformed(name, why))
}

pub(super) fn time(text: &str, file: &str) -> Result<Timestamp, Unreadable> {
    text.parse().map_err(|_| Unreadable::malformed(file, "a time is none"))
}

/// Indented JSON, with every character escaped that does something to a terminal.
pub(super) fn json(shape: &impl Serialize) -> Vec<u8> {
    let text = serde_json::to_string_pretty(shape).expect("text keys, and a String takes all");
    let mut harmless = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // Outside of strings there are newlines, and inside there are none.
        if c == '\n' || !steers(c) {
            harmless.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            harmless += &format!("\\u{unit:04x}");
        }
    }
    harmless.push('\n');
    harmless.into_bytes()
}

#[derive(Serialize, Deserialize)]
struct IncidentShape {
    id: u64,
    title: String,
    severity: String,
    opened_at: String,
    closed_at: Option<String>,
    closed_why: Option<String>,
    what: String,
    why: Vec<String>,
    since: String,
    allows: String,
    next: Vec<String>,
    entries_left_out: usize,
    made_by: String,
}

impl IncidentShape {
    fn of(incident: &Incident) -> Self {
        let closed = incident.closed.clone();
        Self {
            id: incident.id,
            title: incident.title.clone(),
            severity: incident.severity.clone(),
            opened_at: incident.opened_at.to_string(),
            closed_at: closed.as_ref().map(|(at, _)| at.to_string()),
            closed_why: closed.map(|(_, why)| why),
            what: incident.what.clone(),
            why: incident.why.clone(),
            since: incident.since.clone(),
            allows: incident.allows.clone(),
            next: incident.next.clone(),
            entries_left_out: incident.entries_left_out,
            made_by: incident.made_by.clone(),
        }
    }

    fn read(self) -> Result<Incident, Unreadable> {
        const FILE: &str = "incident.json";
        let closed = match (self.closed_at, self.closed_why) {
            (Some(at), Some(why)) => Some((time(&at, FILE)?, why)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(Unreadable::malformed(FILE, "closed, but not when or why"));
            }
        };
        Ok(Incident {
            id: self.id,
            title: self.title,
            severity: self.severity,
            opened_at: time(&self.opened_at, FILE)?,
            closed,
            what: self.what,
            why: self.why,
            since: self.since,
            allows: self.allows,
            next: self.next,
            entries_left_out: self.entries_left_out,
            made_by: self.made_by,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct EntryShape {
    #[serde(flatten)]
    log: LogShape,
    found_at: String,
}

/// A log, with the fields of the lists of logs where they have any.
#[derive(Serialize, Deserialize)]
struct LogShape {
    description: String,
    operator: String,
    url: String,
    api: ApiShape,
    log_id: String,
    key: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ApiShape {
    Rfc6962,
    StaticCt,
}

impl LogShape {
    fn of(log: &Log) -> Self {
        Self {
            description: log.description.clone(),
            operator: log.operator.clone(),
            url: log.url.clone(),
            api: match log.api {
                Api::Rfc6962 => ApiShape::Rfc6962,
                Api::StaticCt => ApiShape::StaticCt,
            },
            log_id: base64(&log.id),
            key: log.key.as_deref().map(base64),
        }
    }

    fn read(self, file: &str) -> Result<Log, Unreadable> {
        let bad = |what| Unreadable::malformed(file, what);
        let key = self.key.map(|key| unbase64(&key).ok_or_else(|| bad("key is not base64")));
        Ok(Log {
            id: unbase64_32(&self.log_id).ok_or_else(|| bad("log_id is not that of a log"))?,
            description: self.description,
            operator: self.operator,
            url: self.url,
            api: match self.api {
                ApiShape::Rfc6962 => Api::Rfc6962,
                ApiShape::StaticCt => Api::StaticCt,
            },
            key: key.transpose()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct IndexShape {
    leaf_index: u64,
}

/// The fields of RFC 6962 §4.5, and for which tree.
#[derive(Serialize, Deserialize)]
struct InclusionShape {
    leaf_index: u64,
    tree_size: u64,
    audit_path: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct SctShape {
    of: String,
    log_id: Option<String>,
    timestamp_ms: Option<u64>,
    leaf_index: Option<u64>,
    log: Option<LogShape>,
}
