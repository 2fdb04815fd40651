//! One certificate as all entries together show it: a log has the precertificate, another the certificate, and what
//! one of them leaves open another may tell.

mod caa;

use countersign_ct::certificate::{Kind, Walked, walk};
use countersign_ct::entry::{Beside, Content, Entry};
use countersign_judge::explanation::Facts;
use countersign_judge::{Named, Observation};
use countersign_store::sighting::Sighting;
use countersign_store::{Reader, StoreError};
use jiff::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Name};

/// A certificate, and since when it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// What is judged.
    pub observation: Observation,
    /// When the first entry with it was found.
    pub first_seen_at: Timestamp,
}

impl Seen {
    /// What these sightings of one TBSCertificate show together. `None` if there are none.
    pub fn new(sightings: &[Sighting]) -> Option<Self> {
        let first = sightings.first()?;
        let mut names: Vec<Named> = Vec::new();
        for named in sightings.iter().flat_map(names_of) {
            if !names.contains(&named) {
                names.push(named);
            }
        }
        let observation = Observation {
            tbs_sha256: first.tbs_sha256,
            // Equal in all sightings of a TBSCertificate, except that a static log may still owe the issuer.
            spki_sha256: sightings.iter().find_map(|seen| seen.spki_sha256),
            issuer_key_sha256: sightings.iter().find_map(|seen| seen.issuer_key_sha256),
            names,
            not_before: sightings.iter().find_map(|seen| seen.not_before),
            not_after: sightings.iter().find_map(|seen| seen.not_after),
        };
        let first_seen_at = sightings.iter().map(|seen| seen.found_at).min()?;
        Some(Self { observation, first_seen_at })
    }
}

/// The guarded names of one sighting. Where everything is guarded a match has no name of its own, and all the
/// certificate's names are meant.
fn names_of(sighting: &Sighting) -> Vec<Named> {
    let named = |name: &str, guard: &str, reading: &str| Named {
        name: name.to_owned(),
        guard: guard.to_owned(),
        reading: reading.to_owned(),
    };
    let mut names = Vec::new();
    for found in &sighting.matches {
        if found.name.is_empty() && !sighting.names.is_empty() {
            let all = sighting.names.iter();
            names.extend(all.map(|name| named(name, &found.guard, &found.reading)));
        } else {
            names.push(named(&found.name, &found.guard, &found.reading));
        }
    }
    names
}

/// What there is to tell of a certificate beside what is judged.
pub fn facts(
    reader: &Reader,
    incident: Option<u64>,
    sightings: &[Sighting],
) -> Result<Facts, StoreError> {
    let mut facts = Facts { incident, ..Facts::default() };
    for row in reader.logs()? {
        if sightings.iter().any(|seen| seen.log == row.log.id) {
            facts.logs.push(row.log.description);
        }
    }
    let Some(first) = sightings.first() else { return Ok(facts) };
    let Some(leaf) = reader.evidence(&first.leaf_sha256)? else { return Ok(facts) };
    let entry = Entry::from_leaf(&leaf, Beside::Nothing);
    let walked = match entry.content {
        Content::Certificate { certificate, .. } => walk(certificate, Kind::Certificate),
        Content::Precertificate { tbs, .. } => walk(tbs, Kind::Tbs),
        Content::Unknown { .. } => return Ok(facts),
    };
    describe(&walked, &mut facts);
    if let Some(seen) = Seen::new(sightings) {
        facts.caa = caa::then_said(reader, &seen, &facts.issuer_organization)?;
    }
    Ok(facts)
}

fn describe(walked: &Walked<'_>, facts: &mut Facts) {
    if let Some(serial) = walked.serial {
        let octets: Vec<_> = serial.iter().map(|octet| format!("{octet:02x}")).collect();
        facts.serial = octets.join(":");
    }
    let Some(Ok((_, issuer))) = walked.issuer.map(X509Name::from_der) else { return };
    let text = |value: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        value.as_str().unwrap_or_default().to_owned()
    };
    facts.issuer_organization = issuer.iter_organization().next().map(text).unwrap_or_default();
    facts.issuer_common_name = issuer.iter_common_name().next().map(text).unwrap_or_default();
}
