//! What CAA said to the CA that issued a certificate, as far as the watch over delegations has seen it.

use countersign_caa::{Identifier, Record};
use countersign_dns::{Name, Rtype};
use countersign_judge::caa::{CaaThen, InForce, owner, then};
use countersign_judge::caa_plan::authority::Authorities;
use countersign_judge::delegation::{Before, Shown, Topic};
use countersign_store::zone::SeenRow;
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
    let zones: Vec<(Name, Option<Timestamp>)> =
        watched.filter_map(|zone| Some((zone.name.parse().ok()?, zone.looked_at))).collect();
    let mut strictest = None;
    for named in seen.observation.names.iter().take(NAMES_MAX) {
        let Ok(identifier) = Identifier::parse(&named.name) else { continue };
        let name = owner(&identifier.name);
        let within = zones.iter().filter(|(zone, _)| name.is_within(zone));
        let Some((zone, looked_at)) = within.max_by_key(|(zone, _)| zone.label_count()) else {
            continue;
        };
        let Some(state) = reader.zone_state(&zone.to_string())? else { continue };
        let Some(looked_at) = *looked_at else { continue };
        let watched = Watched {
            before: state.before,
            shown: reader.zone_seen(&zone.to_string())?,
            looked_at,
        };
        let Some(in_force) = in_force(&watched, &name, zone, seen) else { continue };
        strictest = strictest.max(then(&identifier, &in_force, &issuers));
    }
    Ok(strictest)
}

/// Names of a certificate that are looked at: one that was ordered for a service has a few.
const NAMES_MAX: usize = 100;

/// CAs put the beginning of the validity up to an hour before they sign.
const BACKDATED: SignedDuration = SignedDuration::from_hours(1);

/// What the last look may be older than a certificate: what a zone said a day before says little.
const LOOK_OLD: SignedDuration = SignedDuration::from_hours(1);

/// How the watch over a zone stands.
struct Watched {
    before: Before,
    /// What the last look showed.
    shown: Vec<SeenRow>,
    looked_at: Timestamp,
}

impl Watched {
    /// What is known of a topic, if nothing else was shown of it since then, and this can be relied on.
    fn known(&self, topic: &Topic, then: Timestamp) -> Option<&Shown> {
        let known = self.before.known.get(topic).filter(|known| known.since <= then)?;
        let mut rows = self.shown.iter().filter(|row| row.topic == *topic);
        let (row, None) = (rows.next()?, rows.next()) else { return None };
        let is_it = row.shown == known.shown && row.trust.holds() && row.since <= then;
        is_it.then_some(&known.shown)
    }
}

/// The records that govern a name, if they have been known and shown since before it was issued; the first ones upwards.
fn in_force(watched: &Watched, name: &Name, zone: &Name, seen: &Seen) -> Option<InForce> {
    let issued_at = seen.observation.not_before.map_or(seen.first_seen_at, |from| {
        from.checked_add(BACKDATED).unwrap_or(Timestamp::MAX).min(seen.first_seen_at)
    });
    if issued_at.duration_since(watched.looked_at) > LOOK_OLD {
        return None;
    }
    for at in name.and_above().take_while(|at| at.is_within(zone)) {
        let records = match watched.known(&Topic::zone(at.clone(), Rtype::CAA), issued_at)? {
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

    use countersign_judge::delegation::{Judged, Known, Snapshot, Trust, View};
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
        assert_eq!(governing(&watched(records), name, &seen), expected);
    }

    fn governing(watched: &Watched, name: &str, seen: &Seen) -> Option<usize> {
        let zone = "b.example".parse().expect("a name");
        let found = in_force(watched, &name.parse().expect("a name"), &zone, seen);
        found.map(|found| found.records.len())
    }

    /// The same was shown in each look since then.
    fn watched(records: &[Record]) -> Watched {
        let before = before(records);
        let row = |(topic, known): (&Topic, &Known)| SeenRow {
            topic: topic.clone(),
            shown: known.shown.clone(),
            trust: known.trust,
            ttl_s: None,
            witnesses: Vec::new(),
            since: known.since,
        };
        let shown = before.known.iter().map(row).collect();
        Watched { before, shown, looked_at: time("2026-11-28T12:30:00Z") }
    }

    #[test]
    fn only_what_is_shown_counts() {
        let records = [Record::new(0, "issue", "ca.example")];
        let noon = seen("b.example", "2026-11-28T12:00:00Z", "2026-11-28T13:00:00Z");
        let check = |change: &dyn Fn(&mut Watched), expected: Option<usize>| {
            let mut watched = watched(&records);
            change(&mut watched);
            assert_eq!(governing(&watched, "b.example", &noon), expected);
        };
        fn own(watched: &mut Watched) -> &mut SeenRow {
            let mut rows = watched.shown.iter_mut();
            rows.find(|row| row.shown != Shown::None).expect("the zone has records")
        }
        check(&|_| (), Some(1));
        // While it is swapped, and when it has been swapped back since.
        check(&|watched| own(watched).shown = Shown::None, None);
        check(&|watched| own(watched).since = time("2026-11-28T13:30:00Z"), None);
        check(&|watched| own(watched).trust = Trust::Bogus, None);
        let another = |watched: &mut Watched| {
            let row = SeenRow { shown: Shown::None, ..own(watched).clone() };
            watched.shown.push(row);
        };
        check(&another, None);
        check(&|watched| watched.shown.clear(), None);
        // While nothing is seen for long.
        check(&|watched| watched.looked_at = time("2026-11-28T11:59:00Z"), None);
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
        let records = [Record::new(0, "issue", "letsencrypt.org")];
        let before = before(&records);
        let view = |shown: &Shown| View {
            shown: shown.clone(),
            ttl_s: None,
            witnesses: Vec::new(),
            trust: Trust::Secure,
            why: String::new(),
            valid: None,
            pieces: Vec::new(),
        };
        let mut views: BTreeMap<_, _> = before
            .known
            .iter()
            .map(|(topic, known)| (topic.clone(), vec![view(&known.shown)]))
            .collect();
        let ds = Topic::parent(zone.parse().expect("a name"), Rtype::DS);
        views.insert(ds, vec![view(&Shown::None)]);
        let snapshot = Snapshot {
            zone: zone.parse().expect("a name"),
            at: time("2026-11-28T12:00:00Z"),
            views,
            unseen: Vec::new(),
            resolvers: Vec::new(),
        };
        let judged = Judged { findings: Vec::new(), before, pieces: Vec::new() };
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
