//! What a pack must show, each by itself.

use std::collections::BTreeSet;

use countersign_ct::Head;
use countersign_ct::certificate::signature::{Signed, signed_by};
use countersign_ct::certificate::{Kind, Walked, walk};
use countersign_ct::entry::{Beside, Content, Entry};
use countersign_ct::names::names;
use countersign_ct::rfc6962::SignedTreeHead;
use countersign_ct::static_ct::SignedCheckpoint;
use countersign_ct::watchlist::{Guard, Watchlist};
use countersign_sct::{
    LogId, LogKey, LogList, Purpose, SignedEntry, issuer_key_hash, precert_tbs, spki_of, verify_sct,
};
use countersign_tlog::{Hash, leaf_hash, verify_inclusion};

use super::encoding::hex;
use super::expectation::Judgement;
use super::pieces::{HeadPiece, Pieces, SctPiece, sha256, signs_precertificates};
use super::{
    Api, Check, Contents, Log, MADE_BY, Outcome, Pack, README, Sighting, VERIFY_PY, VERIFY_TXT,
    Verified, assemble, evidence, manifest,
};
use crate::observation::Named;

/// Makes every check that there is for such a pack.
pub(super) fn verify(pack: &Pack, logs: Option<&LogList>) -> Verified {
    let mut checks = Checks(Vec::new());
    checks.add("manifest", "every file is the one that was packed", manifest::check(pack.files()));
    match evidence::read(pack.files()) {
        Ok(contents) => checks.add_all(pack, &contents, logs),
        Err(why) => checks.add("evidence", "the evidence can be read", fails(why)),
    }
    Verified { checks: checks.0 }
}

struct Checks(Vec<Check>);

impl Checks {
    fn add(&mut self, name: &'static str, what: impl Into<String>, outcome: Outcome) {
        self.0.push(Check { name, what: what.into(), outcome });
    }

    fn add_all(&mut self, pack: &Pack, contents: &Contents, logs: Option<&LogList>) {
        let pieces = Pieces::of(contents);
        let what = "every page and copy says what the evidence says";
        self.add("copies", what, copies(pack, contents));
        for log in &contents.logs {
            let of = format!("the log {}", log.description);
            self.add("log-key", format!("{of} has the id of its key"), log_key(log));
            self.add("log-list", format!("{of} is in the list of logs"), listed(log, logs));
        }
        for ((number, sighting), head) in (1..).zip(&contents.sightings).zip(&pieces.heads) {
            self.add_entry(contents, &pieces, number, sighting, head.as_ref());
        }
        let what = "the logs have recorded the key of the CA in the chain";
        self.add("issuer-key", what, issuer_key(contents, &pieces));
        self.add("chain", "each certificate is signed by the one above", chain(&pieces));
        for (number, piece) in (1..).zip(&pieces.scts) {
            let what = format!("scts/{number}.bin is the promise of a log");
            self.add("sct", what, sct(contents, &pieces, piece));
        }
        let Some(judgement) = &contents.judgement else { return };
        let what = "what was judged is what the entries say";
        self.add("observation", what, observation(contents, &pieces, judgement));
        let what = "the decision follows from what was expected";
        self.add("decision", what, decision(judgement));
    }

    fn add_entry(
        &mut self,
        contents: &Contents,
        pieces: &Pieces<'_>,
        number: usize,
        sighting: &Sighting,
        head: Option<&HeadPiece>,
    ) {
        let folder = format!("log-{number}");
        let is_leaf = leaf_hash(&[&sighting.leaf]).0 == sighting.leaf_hash;
        let what = format!("{folder}: the leaf hash is that of the entry");
        self.add("leaf-hash", what, holds_if(is_leaf, "it is the hash of other bytes"));
        let what = format!("{folder}: the entry is about the certificate that is shown");
        self.add("certificate", what, same_certificate(pieces, sighting));
        let what = format!("{folder}: the tree of the log holds the entry");
        self.add("inclusion", what, inclusion(sighting, head));
        let what = format!("{folder}: the log has signed the head of that tree");
        self.add("tree-head", what, tree_head(contents, sighting));
    }
}

fn fails(why: impl ToString) -> Outcome {
    Outcome::Fails(why.to_string())
}

fn unclear(why: impl ToString) -> Outcome {
    Outcome::CouldNotTell(why.to_string())
}

fn holds_if(holds: bool, why: &str) -> Outcome {
    if holds { Outcome::Holds } else { fails(why) }
}

/// Assembles the pack again. Another version of this program may have written other pages.
fn copies(pack: &Pack, contents: &Contents) -> Outcome {
    let due = match assemble(contents) {
        Ok(due) => due,
        Err(why) => return fails(why),
    };
    let names: BTreeSet<_> = due.files().keys().chain(pack.files().keys()).collect();
    let mut other_pages = None;
    for name in names.into_iter().filter(|name| *name != manifest::MANIFEST) {
        let is_page = [README, VERIFY_TXT, VERIFY_PY].contains(&name.as_str());
        match (pack.files().get(name), due.files().get(name)) {
            (Some(found), Some(due)) if found == due => {}
            (Some(_), Some(_)) if is_page && contents.incident.made_by != MADE_BY => {
                other_pages = Some(name);
            }
            (Some(_), Some(_)) => return fails(format!("{name} says something else")),
            (Some(_), None) => return fails(format!("{name} does not belong to it")),
            (None, _) => return fails(format!("{name} is missing")),
        }
    }
    match other_pages {
        None => Outcome::Holds,
        Some(name) => unclear(format!(
            "{name} was made by {}, and this is {MADE_BY}",
            contents.incident.made_by
        )),
    }
}

fn log_key(log: &Log) -> Outcome {
    match log.key.as_deref().map(LogKey::from_spki) {
        None => unclear("its key is not here"),
        Some(Err(why)) => fails(why),
        Some(Ok(key)) => holds_if(key.id().0 == log.id, "it is the key of another log"),
    }
}

fn listed(log: &Log, logs: Option<&LogList>) -> Outcome {
    let Some(logs) = logs else { return unclear("no list of logs was given") };
    match logs.log(&LogId(log.id)).map(|listed| listed.purpose) {
        Some(Purpose::Production | Purpose::MonitoringOnly) => Outcome::Holds,
        Some(Purpose::Test) => fails("it is a log for tests"),
        None => fails("it is not in the list that was given"),
    }
}

/// The key of one of the logs.
fn key_of(contents: &Contents, id: &[u8; 32]) -> Option<LogKey> {
    let key = LogKey::from_spki(contents.log(id)?.key.as_deref()?).ok()?;
    (key.id().0 == *id).then_some(key)
}

/// The TBSCertificate of an entry, as logs record it of a precertificate.
fn tbs_of(entry: &Entry<'_>) -> Option<Vec<u8>> {
    match entry.content {
        Content::Certificate { certificate, .. } => precert_tbs(certificate).ok(),
        Content::Precertificate { tbs, .. } => Some(tbs.to_vec()),
        Content::Unknown { .. } => None,
    }
}

fn entry_of(sighting: &Sighting) -> Entry<'_> {
    Entry::from_leaf(&sighting.leaf, Beside::Nothing)
}

fn same_certificate(pieces: &Pieces<'_>, sighting: &Sighting) -> Outcome {
    let entry = entry_of(sighting);
    let Some(recorded) = tbs_of(&entry) else { return unclear("the entry cannot be read") };
    let mut was_compared = false;
    if let Some(tbs) = pieces.tbs {
        if tbs != recorded {
            return fails("it is about another TBSCertificate than tbs.der");
        }
        was_compared = true;
    }
    if let Some(certificate) = pieces.certificate {
        if precert_tbs(certificate).ok() != Some(recorded.clone()) {
            return fails("it is not about certificate.der");
        }
        was_compared = true;
    }
    if let Some(precertificate) = &pieces.precertificate {
        if precert_tbs(precertificate).ok() == Some(recorded) {
            was_compared = true;
        } else if pieces.chain.first().is_none_or(|above| !signs_precertificates(above)) {
            return fails("it is not about precertificate.der");
        }
        // Else the log has put the CA's name in the place of that of its helper (RFC 6962 §3.2).
    }
    if was_compared { Outcome::Holds } else { unclear("there is nothing to compare it with") }
}

fn inclusion(sighting: &Sighting, head: Option<&HeadPiece>) -> Outcome {
    let Some(inclusion) = &sighting.inclusion else { return unclear("there is no proof yet") };
    let Some(head) = head else { return fails("the tree head is none") };
    if head.size != inclusion.tree_size {
        return fails("the proof is for a tree of another size");
    }
    let path: Vec<Hash> = inclusion.path.iter().map(|hash| Hash(*hash)).collect();
    let leaf = leaf_hash(&[&sighting.leaf]);
    match verify_inclusion(sighting.index, head.size, &leaf, &path, &Hash(head.root)) {
        Ok(()) => Outcome::Holds,
        Err(why) => fails(why),
    }
}

fn tree_head(contents: &Contents, sighting: &Sighting) -> Outcome {
    let Some(inclusion) = &sighting.inclusion else { return unclear("there is no proof yet") };
    let Some(key) = key_of(contents, &sighting.log) else {
        return unclear("the log's key is not here");
    };
    let size = match contents.log(&sighting.log).map(|log| log.api) {
        Some(Api::StaticCt) => {
            SignedCheckpoint::parse(&inclusion.head, &key).map(|head| head.size())
        }
        Some(Api::Rfc6962) | None => {
            SignedTreeHead::parse(&inclusion.head, &key).map(|head| head.size())
        }
    };
    match size {
        Ok(size) => holds_if(size == inclusion.tree_size, "it is the head of another tree"),
        Err(why) => fails(why),
    }
}

fn issuer_key(contents: &Contents, pieces: &Pieces<'_>) -> Outcome {
    let recorded: BTreeSet<[u8; 32]> = contents
        .sightings
        .iter()
        .filter_map(|sighting| match entry_of(sighting).content {
            Content::Precertificate { issuer_key_hash, .. } => Some(issuer_key_hash),
            Content::Certificate { .. } | Content::Unknown { .. } => None,
        })
        .collect();
    let Some(recorded_key) = recorded.first() else {
        return match contents.sightings.is_empty() {
            true => unclear("there is no entry"),
            // The entry of a certificate holds the certificate with the CA's signature, and no key.
            false => Outcome::Holds,
        };
    };
    if recorded.len() > 1 {
        return fails("the logs have recorded different keys");
    }
    let Some((_, issuer)) = pieces.issuer() else { return unclear("the chain is not here") };
    match spki_of(issuer).map(issuer_key_hash) {
        Ok(key) => holds_if(key == *recorded_key, "the CA in the chain has another key"),
        Err(why) => unclear(why),
    }
}

fn chain(pieces: &Pieces<'_>) -> Outcome {
    let mut links: Vec<(&[u8], &[u8])> = Vec::new();
    if let (Some(certificate), Some((_, issuer))) = (pieces.certificate, pieces.issuer()) {
        links.push((certificate, issuer));
    }
    if let (Some(precertificate), Some(above)) = (&pieces.precertificate, pieces.chain.first()) {
        links.push((precertificate, above));
    }
    if links.is_empty() {
        return unclear("there is no certificate, or no chain");
    }
    let above = pieces.chain.iter().zip(pieces.chain.iter().skip(1));
    links.extend(above.map(|(certificate, issuer)| (&certificate[..], &issuer[..])));
    let outcomes =
        links.into_iter().map(|(certificate, issuer)| match signed_by(certificate, issuer) {
            Signed::Valid => Outcome::Holds,
            Signed::Invalid => fails("a certificate is not signed by the one above it"),
            Signed::CouldNotTell(why) => unclear(why),
        });
    let breaks = pieces.chain_breaks_at.map(|at| {
        unclear(format!("the certificate with the fingerprint {} is not here", hex(&at)))
    });
    outcomes.chain(breaks).max().unwrap_or(Outcome::Holds)
}

fn sct(contents: &Contents, pieces: &Pieces<'_>, piece: &SctPiece) -> Outcome {
    let Some(sct) = &piece.sct else { return unclear("it cannot be read") };
    let Some(key) = key_of(contents, &sct.log_id.0) else {
        return unclear("the log's key is not here");
    };
    let Some(issuer_key_hash) = pieces.issuer_key() else {
        return unclear("the CA's key is not known");
    };
    let Some(tbs) = pieces.certificate.and_then(|certificate| precert_tbs(certificate).ok()) else {
        return unclear("the certificate cannot be read");
    };
    match verify_sct(sct, &SignedEntry::Precert { issuer_key_hash, tbs: &tbs }, &key) {
        Ok(()) => Outcome::Holds,
        Err(why) => fails(why),
    }
}

fn decision(judgement: &Judgement) -> Outcome {
    let due = judgement.again().told();
    if due == judgement.told {
        return Outcome::Holds;
    }
    let (told, due) = (judgement.told.verdict.as_str(), due.verdict.as_str());
    fails(format!("the pack says {told}, and from these rules follows {due}, or for other reasons"))
}

/// Whether the entries say what was judged. The guarded names are looked for as the watch does.
fn observation(contents: &Contents, pieces: &Pieces<'_>, judgement: &Judgement) -> Outcome {
    let observed = &judgement.observation;
    let guards: BTreeSet<&str> = observed.names.iter().map(|named| named.guard.as_str()).collect();
    let Ok(guards) = guards.into_iter().map(Guard::parse).collect::<Result<_, _>>() else {
        return fails("a guard is none");
    };
    let watchlist = match Watchlist::new(guards) {
        Ok(watchlist) => watchlist,
        Err(why) => return unclear(why),
    };
    let entries: Vec<_> = contents.sightings.iter().map(entry_of).collect();
    if entries.is_empty() {
        return unclear("there is no entry");
    }
    let walked: Vec<_> = entries.iter().map(walk_entry).collect();
    let is_tbs = |entry: &Entry<'_>| tbs_sha256(entry) == observed.tbs_sha256;
    if !entries.iter().all(is_tbs) {
        return fails("an entry is about another certificate");
    }
    if walked.iter().find_map(Walked::spki_sha256) != observed.spki_sha256 {
        return fails("the certificate has another key");
    }
    let valid = (
        walked.iter().find_map(|walked| walked.not_before),
        walked.iter().find_map(|walked| walked.not_after),
    );
    if valid != (observed.not_before, observed.not_after) {
        return fails("the certificate is valid at other times");
    }
    let found: BTreeSet<_> = walked.iter().flat_map(|walked| guarded(&watchlist, walked)).collect();
    let key = |named: &Named| (named.name.clone(), named.guard.clone(), named.reading.clone());
    if let Some(other) = observed.names.iter().find(|named| !found.contains(&key(named))) {
        return fails(format!("the certificate is not for {}", other.name));
    }
    match observed.issuer_key_sha256 {
        Some(key) if pieces.issuer_key() != Some(key) => fails("the CA has another key"),
        Some(_) | None => Outcome::Holds,
    }
}

fn walk_entry<'a>(entry: &Entry<'a>) -> Walked<'a> {
    match entry.content {
        Content::Certificate { certificate, .. } => walk(certificate, Kind::Certificate),
        Content::Precertificate { tbs, .. } => walk(tbs, Kind::Tbs),
        Content::Unknown { bytes, .. } => Walked::unread(bytes),
    }
}

/// See [`crate::observation::Observation::tbs_sha256`].
fn tbs_sha256(entry: &Entry<'_>) -> [u8; 32] {
    match (tbs_of(entry), entry.content) {
        (Some(tbs), _) => sha256(&tbs),
        (None, Content::Certificate { certificate, .. }) => sha256(certificate),
        (None, _) => sha256(&entry.leaf_bytes()),
    }
}

/// Name, guard and reading of each match. The guard for everything stands for all names.
fn guarded(watchlist: &Watchlist, walked: &Walked<'_>) -> Vec<(String, String, String)> {
    let mut guarded = Vec::new();
    for found in watchlist.matches(walked) {
        let (guard, reading) = (found.guard.to_string(), found.reading.to_string());
        if found.name.is_empty() {
            let all = names(walked).into_iter();
            guarded.extend(all.map(|name| (name, guard.clone(), reading.clone())));
        }
        guarded.push((found.name, guard, reading));
    }
    guarded
}
