//! All that can be told of an incident: what was told when it opened, and what the store has on it now.

use countersign_judge::Verdict;
use countersign_judge::decision::Told;
use countersign_judge::delegation;
use countersign_judge::explanation::{Explanation, Facts, explain};
use countersign_judge::probe::finding;
use countersign_store::incident::{Incident, Subject};
use countersign_store::sighting::Sighting;
use countersign_store::{Reader, StoreError};

use crate::judging::{Seen, facts};

mod variables;

pub use variables::Served;

/// All that can be told of an incident.
#[derive(Clone, Debug)]
pub struct Dossier {
    /// The incident.
    pub incident: Incident,
    /// The entries with the certificate.
    pub sightings: Vec<Sighting>,
    /// What was seen of the certificate. `None`: no entry with it was ever seen.
    pub seen: Option<Seen>,
    /// What there is to tell of it besides.
    pub facts: Facts,
    /// What it means, and what to do.
    pub explanation: Explanation,
    /// The log and the index of each entry, as people know them.
    pub entries: Vec<(String, u64)>,
}

impl Dossier {
    /// Gathers it.
    pub fn read(reader: &Reader, incident: &Incident) -> Result<Self, StoreError> {
        let sightings = match incident.subject.tbs_sha256() {
            Some(tbs_sha256) => reader.sightings_of(tbs_sha256)?,
            None => Vec::new(),
        };
        let seen = Seen::new(&sightings);
        let facts = facts(reader, Some(incident.id.0), &sightings)?;
        let logs = reader.logs()?;
        let name = |id: &[u8; 32]| {
            let row = logs.iter().find(|row| row.log.id == *id);
            row.map_or_else(|| hex(id), |row| row.log.description.clone())
        };
        let entries = sightings.iter().map(|seen| (name(&seen.log), seen.index)).collect();
        let explanation = match (&incident.subject, &seen) {
            (Subject::Certificate { .. }, Some(seen)) => {
                let told = Told {
                    verdict: Verdict::Unexpected,
                    findings: incident.findings.clone(),
                    by: Vec::new(),
                };
                explain(&seen.observation, &told, &facts, seen.first_seen_at)
            }
            (Subject::Delegation { .. }, _) => of_zone(incident),
            (Subject::Probe { .. }, _) => of_domain(incident),
            (Subject::Promise { .. }, _) | (Subject::Certificate { .. }, None) => bare(incident),
        };
        let incident = incident.clone();
        Ok(Self { incident, sightings, seen, facts, explanation, entries })
    }

    /// For a mail or a terminal.
    pub fn to_text(&self) -> String {
        let mut text = self.explanation.to_text();
        text.push_str(&format!(
            "\nThis is incident {} ({}). `countersign show {0}` says more, `countersign acknowledge {0}` that you are\non it.\n",
            self.incident.id.0, self.incident.severity
        ));
        text
    }
}

/// What was told when it opened, where there is no more to go by.
fn bare(incident: &Incident) -> Explanation {
    Explanation {
        title: incident.title.clone(),
        what: format!("{}.", incident.title),
        why: incident.findings.iter().map(|found| format!("{}.", found.text)).collect(),
        since: format!("Opened at {:.0}.", incident.opened_at),
        allows: "A log that hides one certificate can hide another: what an attacker gets logged only there, \
                 nobody sees."
            .to_owned(),
        next: vec![
            "Look whether other monitors see the entry in this log.".to_owned(),
            "Keep the certificate with its SCTs, and the tree head.".to_owned(),
            "Tell the log's operator, and ct-policy@chromium.org, with both.".to_owned(),
        ],
    }
}

/// What there is to tell of a zone.
fn of_zone(incident: &Incident) -> Explanation {
    use delegation::Kind;
    let zone = incident.zone.as_deref().unwrap_or_default();
    let kinds = incident.findings.iter().filter_map(|found| Kind::of(&found.kind));
    let mut told = going_on(incident, kinds.map(|kind| (kind.allows(), kind.next_step())));
    told.what = format!("What is shown of the zone {zone} is not what is expected.");
    told.next.push(format!(
        "If all of it is as it should be: `countersign delegations accept {zone}`. What is declared in the \
         configuration is changed there."
    ));
    told
}

/// What there is to tell of a domain whose services are probed.
fn of_domain(incident: &Incident) -> Explanation {
    use finding::Kind;
    let domain = incident.domain.as_deref().unwrap_or_default();
    let kinds = incident.findings.iter().filter_map(|found| Kind::of(&found.kind));
    let mut told = going_on(incident, kinds.map(|kind| (kind.allows(), kind.next_step())));
    told.what = format!("What answers for {domain} is not what is expected.");
    told
}

/// What comes of each kind of finding, and what to do about it, each once.
fn going_on<'a>(
    incident: &Incident,
    kinds: impl Iterator<Item = (&'a str, &'a str)>,
) -> Explanation {
    let (mut allows, mut next) = (Vec::new(), Vec::new());
    for (of_kind, step) in kinds {
        let sentence = |text: &str| {
            let mut sentence = text.to_owned();
            let first = sentence.get(..1).map(str::to_uppercase).unwrap_or_default();
            sentence.replace_range(..first.len(), &first);
            format!("{sentence}.")
        };
        for (texts, text) in [(&mut allows, of_kind), (&mut next, step)] {
            let text = sentence(text);
            if !texts.contains(&text) {
                texts.push(text);
            }
        }
    }
    let since = match incident.updated_at {
        Some(at) => format!("Opened at {:.0}; more was found at {at:.0}.", incident.opened_at),
        None => format!("Opened at {:.0}.", incident.opened_at),
    };
    Explanation {
        title: incident.title.clone(),
        what: String::new(),
        why: incident.findings.iter().map(|found| format!("{}.", found.text)).collect(),
        since,
        allows: allows.join(" "),
        next,
    }
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|octet| format!("{octet:02x}")).collect()
}
