//! What CAA said to the CA that issued a certificate, as far as the watch over delegations has seen it.

use countersign_caa::{Identifier, Record};
use countersign_dns::{Name, Rtype};
use countersign_judge::caa::{CaaThen, InForce, owner, then};
use countersign_judge::caa_plan::authority::Authorities;
use countersign_judge::delegation::{Before, Shown, Topic};
use countersign_store::{Reader, StoreError};
use jiff::{SignedDuration, Timestamp};

use super::Seen;

/// The strictest word of all names in the certificate: one that forbade it is enough. `None` if nothing is known: of the
/// CA, of the names, or of the time.
pub(super) fn then_said(
    reader: &Reader,
    seen: &Seen,
    issuer_organization: &str,
) -> Result<Option<CaaThen>, StoreError> {
    let issuers = Authorities::built_in().issuers_of(issuer_organization);
    if issuers.is_empty() {
        return Ok(None);
    }
    let watched = reader.zones()?.into_iter().filter(|zone| zone.removed_at.is_none());
    let zones: Vec<Name> = watched.filter_map(|zone| zone.name.parse().ok()).collect();
    let mut strictest = None;
    for named in seen.observation.names.iter().take(NAMES_MAX) {
        let Ok(identifier) = Identifier::parse(&named.name) else { continue };
        let name = owner(&identifier.name);
        let within = zones.iter().filter(|zone| name.is_within(zone));
        let Some(zone) = within.max_by_key(|zone| zone.label_count()) else { continue };
        let Some(state) = reader.zone_state(&zone.to_string())? else { continue };
        let Some(in_force) = in_force(&state.before, &name, zone, seen) else { continue };
        strictest = strictest.max(then(&identifier, &in_force, &issuers));
    }
    Ok(strictest)
}

/// Names of a certificate that are looked at: one that was ordered for a service has a few.
const NAMES_MAX: usize = 100;

/// CAs put the beginning of the validity up to an hour before they sign.
const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

/// The records that govern a name, if they have been known since before it was issued; the first ones upwards.
fn in_force(before: &Before, name: &Name, zone: &Name, seen: &Seen) -> Option<InForce> {
    let issued_at = seen.observation.not_before.map_or(seen.first_seen_at, |from| {
        from.checked_add(BACKDATED).unwrap_or(Timestamp::MAX).min(seen.first_seen_at)
    });
    for at in name.and_above().take_while(|at| at.is_within(zone)) {
        let known = before.known.get(&Topic::zone(at.clone(), Rtype::CAA))?;
        if known.since > issued_at {
            return None;
        }
        let records = match &known.shown {
            Shown::Records(rdatas) => rdatas.iter().cloned().map(Record::from_rdata).collect(),
            Shown::None if at == *zone => Vec::new(),
            Shown::None => continue,
            // What stands elsewhere is not watched.
            Shown::Alias(_) | Shown::Delegated { .. } => return None,
        };
        let at = countersign_caa::Name::parse(&countersign_judge::caa::text(&at)).ok()?;
        return Some(InForce { at, records });
    }
    None
}

#[cfg(test)]
mod tests {
    use countersign_judge::Named;
    use countersign_judge::Observation;
    use std::collections::BTreeMap;

    use countersign_judge::delegation::{Judged, Known, Snapshot, Trust};
    use countersign_store::Store;
    use countersign_store::zone::{Look, Looked};

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    /// Known since ten o'clock: these at `b.example`, and nothing at `a.b.example`.
    fn before(records: &[Record]) -> Before {
        let rdatas = records.iter().map(|record| record.rdata().to_vec());
        let known = |shown| Known {
            shown,
            trust: Trust::Secure,
            ttl_s: None,
            since: time("2026-11-28T10:00:00Z"),
            until: None,
            evidence: Vec::new(),
        };
        let topic = |name: &str| Topic::zone(name.parse().expect("a name"), Rtype::CAA);
        let shown = if records.is_empty() { Shown::None } else { Shown::records(rdatas) };
        let known =
            [(topic("a.b.example"), known(Shown::None)), (topic("b.example"), known(shown))];
        Before { known: known.into_iter().collect(), ..Before::default() }
    }

    fn seen(name: &str, not_before: &str, first_seen_at: &str) -> Seen {
        let named =
            Named { name: name.into(), guard: ".example".into(), reading: "san-dns".into() };
        let observation = Observation {
            tbs_sha256: [1; 32],
            spki_sha256: None,
            issuer_key_sha256: None,
            names: vec![named],
            not_before: Some(time(not_before)),
            not_after: None,
        };
        Seen { observation, first_seen_at: time(first_seen_at) }
    }

    fn check(
        name: &str,
        not_before: &str,
        first_seen_at: &str,
        records: &[Record],
        expected: Option<usize>,
    ) {
        let seen = seen(name, not_before, first_seen_at);
        let zone = "b.example".parse().expect("a name");
        let found = in_force(&before(records), &name.parse().expect("a name"), &zone, &seen);
        assert_eq!(found.map(|found| found.records.len()), expected);
    }

    #[test]
    fn only_what_was_known_before_it_was_issued_counts() {
        let records = [Record::new(0, "issue", "ca.example")];
        let (noon, one) = ("2026-11-28T12:00:00Z", "2026-11-28T13:00:00Z");
        check("a.b.example", noon, one, &records, Some(1));
        check("b.example", noon, one, &[], Some(0));
        // Backdated by an hour, and seen since.
        check("b.example", "2026-11-28T09:30:00Z", "2026-11-28T10:35:00Z", &records, Some(1));
        check("b.example", "2026-11-28T08:00:00Z", one, &records, None);
        check("b.example", noon, "2026-11-28T09:00:00Z", &records, None);
        // This name is not watched, and may have records of its own.
        check("c.b.example", noon, one, &records, None);
    }

    #[test]
    fn what_the_store_knows_of_a_watched_zone_is_held_against_the_ca() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::open(&directory.path().join("state")).expect("a store");
        let said = |issuer: &str| {
            let seen = seen("b.example", "2026-11-28T12:00:00Z", "2026-11-28T13:00:00Z");
            then_said(store.reader(), &seen, issuer).expect("it can be read")
        };
        assert_eq!(said("Let's Encrypt"), None);
        let (zone, at) = ("b.example.", time("2026-11-28T11:00:00Z"));
        store.watch_zones(&[zone.to_owned()], at).expect("a zone to watch");
        let state =
            store.reader().zone_state(zone).expect("it can be read").expect("it is watched");
        let snapshot = Snapshot {
            zone: zone.parse().expect("a name"),
            at,
            views: BTreeMap::new(),
            unseen: Vec::new(),
            resolvers: Vec::new(),
        };
        let records = [Record::new(0, "issue", "letsencrypt.org")];
        let judged = Judged { findings: Vec::new(), before: before(&records), pieces: Vec::new() };
        let look = Look {
            revision: state.revision,
            seen: &snapshot,
            judged: &judged,
            learned: &state.learned,
            blind: None,
        };
        assert!(matches!(store.note_look(&look), Ok(Looked::Noted { .. })));
        assert_eq!(said("Let's Encrypt").map(|then| then.as_str()), Some("any-account"));
        assert_eq!(said("DigiCert, Inc.").map(|then| then.as_str()), Some("forbade"));
        assert_eq!(said("A CA that nobody knows"), None);
    }
}
