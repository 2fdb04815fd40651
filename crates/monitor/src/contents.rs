//! What the store has on an incident, as an evidence pack wants it.

use countersign_ct::entry::{Beside, Content, Entry};
use countersign_judge::pack::{self, Contents, Inclusion, Judgement, Log, MADE_BY, Sighting};
use countersign_judge::promise::promises_of;
use countersign_sct::{Api, LogId, LogKey, LogList};
use countersign_store::incident::{Incident, Subject};
use countersign_store::log::{self, LogRow};
use countersign_store::{Reader, StoreError, sighting};

use crate::dossier::{Dossier, Served};
use crate::judging::Judging;
use crate::settings::{ListSource, OwnLog};

/// All of it. The lists and logs are those of the watch: keys of logs are taken from them.
pub fn contents(
    reader: &Reader,
    lists: &[ListSource],
    own_logs: &[OwnLog],
    judging: &Judging,
    incident: &Incident,
) -> Result<Contents, StoreError> {
    let dossier = Dossier::read(reader, incident)?;
    let (mut sightings, mut issuers) = (Vec::new(), Vec::<Vec<u8>>::new());
    for seen in dossier.sightings.iter().take(SIGHTINGS_MAX) {
        let Some(sighting) = sighting_of(reader, seen)? else { continue };
        sightings.push(sighting);
        for issuer in Served::read(reader, seen)?.above {
            if !issuers.contains(&issuer) {
                issuers.push(issuer);
            }
        }
    }
    let judgement = match (&incident.subject, &dossier.seen) {
        (Subject::Certificate { .. }, Some(seen)) => {
            let (_, rules) = reader.rules()?;
            Some(Judgement::new(
                rules.into_iter().chain(judging.third_parties.iter().cloned()),
                judging.policies.clone(),
                judging.hold,
                seen.observation.clone(),
                seen.first_seen_at,
                incident.closed.as_ref().map_or(incident.opened_at, |(at, _)| *at),
            ))
        }
        (Subject::Promise { .. } | Subject::Delegation { .. } | Subject::Probe { .. }, _)
        | (Subject::Certificate { .. }, None) => None,
    };
    let told = dossier.explanation;
    let known = Known { listed: listed(reader, lists)?, own_logs, followed: reader.logs()? };
    Ok(Contents {
        incident: pack::Incident {
            id: incident.id.0,
            title: incident.title.clone(),
            severity: incident.severity.to_string(),
            opened_at: incident.opened_at,
            closed: incident.closed.clone(),
            what: told.what,
            why: told.why,
            since: told.since,
            allows: told.allows,
            next: told.next,
            entries_left_out: dossier.sightings.len() - sightings.len(),
            made_by: MADE_BY.to_owned(),
        },
        logs: logs_of(incident, &sightings).into_iter().filter_map(|id| known.log(id)).collect(),
        sightings,
        certificate: None,
        issuers,
        judgement,
    })
}

/// An entry as it was served, with its proof. `None` if its bytes are gone.
fn sighting_of(reader: &Reader, seen: &sighting::Sighting) -> Result<Option<Sighting>, StoreError> {
    let (Some(leaf), Some(beside)) =
        (reader.evidence(&seen.leaf_sha256)?, reader.evidence(&seen.extra_sha256)?)
    else {
        return Ok(None);
    };
    let proof = reader.proof(seen.id)?;
    Ok(Some(Sighting {
        log: seen.log,
        index: seen.index,
        found_at: seen.found_at,
        leaf,
        leaf_hash: seen.leaf_hash,
        beside,
        inclusion: proof.map(|proof| Inclusion {
            tree_size: proof.tree_size,
            path: proof.path,
            head: proof.head,
        }),
    }))
}

/// The logs of the entries, of the SCTs, and of the promise, each once.
fn logs_of(incident: &Incident, sightings: &[Sighting]) -> Vec<[u8; 32]> {
    let mut ids: Vec<[u8; 32]> = sightings.iter().map(|seen| seen.log).collect();
    if let Subject::Promise { log, .. } = &incident.subject {
        ids.push(*log);
    }
    for seen in sightings {
        let entry = Entry::from_leaf(&seen.leaf, Beside::Nothing);
        if let Content::Certificate { certificate, .. } = entry.content {
            ids.extend(promises_of(certificate).made.iter().map(|promised| promised.log));
        }
    }
    let mut once = Vec::new();
    for id in ids {
        if !once.contains(&id) {
            once.push(id);
        }
    }
    once
}

/// The logs of the lists, as these were last kept.
fn listed(reader: &Reader, lists: &[ListSource]) -> Result<Vec<countersign_sct::Log>, StoreError> {
    let mut listed = Vec::new();
    for list in lists {
        let Some((bytes, _)) = reader.log_list(&list.name)? else { continue };
        // A list that cannot be read any more was read when it was kept, by another version perhaps.
        listed.extend(LogList::parse(&bytes).into_iter().flat_map(|list| list.logs));
    }
    Ok(listed)
}

/// Where logs are known from.
struct Known<'a> {
    listed: Vec<countersign_sct::Log>,
    own_logs: &'a [OwnLog],
    followed: Vec<LogRow>,
}

impl Known<'_> {
    /// A log as it was followed, or as a list has it, with its key if that is known.
    fn log(&self, id: [u8; 32]) -> Option<Log> {
        let is_it = |key: &LogKey| key.id() == LogId(id);
        let listed = self.listed.iter().find(|log| is_it(&log.key));
        let own = self.own_logs.iter().find(|log| is_it(&log.key));
        let key = listed.map(|log| &log.key).or(own.map(|log| &log.key));
        let key = key.map(|key| key.spki().to_vec());
        if let Some(LogRow { log, .. }) = self.followed.iter().find(|row| row.log.id == id) {
            let api = match log.api {
                log::Api::Rfc6962 => pack::Api::Rfc6962,
                log::Api::StaticCt => pack::Api::StaticCt,
            };
            let (description, operator) = (log.description.clone(), log.operator.clone());
            return Some(Log { id, description, operator, url: log.url.clone(), api, key });
        }
        let (description, operator, api) = match (listed, own) {
            (Some(log), _) => (&log.description, log.operator.clone(), &log.api),
            (None, Some(log)) => (&log.description, String::new(), &log.api),
            (None, None) => return None,
        };
        let (api, url) = match api {
            Api::Rfc6962 { url } => (pack::Api::Rfc6962, url),
            Api::StaticCt { monitoring_url, .. } => (pack::Api::StaticCt, monitoring_url),
        };
        Some(Log { id, description: description.clone(), operator, url: url.clone(), api, key })
    }
}

/// A certificate is in a handful of logs; whoever submits it to a hundred of them again and again must not make a
/// pack that nobody can mail.
const SIGHTINGS_MAX: usize = 100;
