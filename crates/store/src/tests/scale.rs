//! Many sightings: every list is read through an index, a page at a time.

use super::*;
use crate::report::Event;
use crate::sighting::SightingId;
use crate::trouble::TroubleId;
use crate::{
    authorization, head, incident, judgement, position, probe, promise, proof, report,
    sighting as sightings, sink, trouble, zone,
};

#[test]
fn ten_thousand_sightings_are_paged_through() {
    let (_directory, store) = fixture();
    store.upsert_log(&log(1), at(0)).unwrap();
    let mut revision = None;
    for batch in 0..100u64 {
        let made: Vec<_> = (batch * 100..batch * 100 + 100)
            .map(|index| {
                let mut sighting = sighting(index);
                sighting.leaf.truncate(9); // "leaf 1234"
                if index % 1000 == 0 {
                    sighting.matches[0].guard = "rare".into();
                }
                sighting
            })
            .collect();
        revision = Some(store.commit(&[1; 32], revision, &position(batch), &made, at(1)).unwrap());
    }
    let reader = store.reader();

    let rare = SightingFilter { after: None, guard: Some("rare".into()), limit: 3 };
    let indices = |filter: &SightingFilter| -> Vec<u64> {
        reader.sightings(filter).unwrap().iter().map(|sighting| sighting.index).collect()
    };
    assert_eq!(indices(&rare), [7000, 8000, 9000]);
    assert_eq!(
        indices(&SightingFilter { after: Some(SightingId(0)), ..rare.clone() }),
        [0, 1000, 2000]
    );
    assert_eq!(indices(&SightingFilter { guard: None, ..rare.clone() }), [9997, 9998, 9999]);
    let end = Some(SightingId(u64::MAX));
    assert_eq!(indices(&SightingFilter { after: end, ..rare.clone() }), [0u64; 0]);
    assert_eq!(indices(&SightingFilter { limit: 0, ..rare }), [0u64; 0]);

    let mut page = SightingFilter { after: Some(SightingId(0)), guard: None, limit: 999 };
    let mut all = Vec::new();
    while let Some(last) = reader.sightings(&page).unwrap().last() {
        all.extend(indices(&page));
        page.after = Some(last.id);
    }
    assert_eq!(all, (0..10_000).collect::<Vec<_>>());
    assert_eq!(reader.unreported(3).unwrap().len(), 3);
    assert_eq!(reader.status().unwrap().unreported, 10_001);
    let last = reader.unreported(20_000).unwrap().pop().unwrap();
    assert!(matches!(last.event, Event::Sighting(sighting) if sighting.index == 9999));
}

#[test]
fn no_list_scans_a_table() {
    let (_directory, store) = fixture();
    watch(&store, &mut Vec::new()).unwrap();
    assert_eq!(
        store.reader().troubles(Some(TroubleId(0)), 9).unwrap(),
        store.reader().troubles(None, 9).unwrap()
    );
    let connection = store.reader().connection().unwrap();
    let lists = [
        sightings::FIRST_AFTER,
        sightings::LAST,
        sightings::FIRST_AFTER_OF_GUARD,
        sightings::LAST_OF_GUARD,
        sightings::ONE,
        sightings::SERVED,
        sightings::NAMES,
        sightings::MATCHES,
        sightings::SAME,
        sightings::OF_TBS,
        sightings::SIGHTED,
        authorization::FIRST_AFTER,
        authorization::LAST,
        authorization::ONE,
        authorization::SAME,
        authorization::REVOKED,
        authorization::LAST_SEQUENCE,
        judgement::IN_FORCE,
        judgement::PENDING,
        judgement::THIRD_PARTY,
        judgement::RULES,
        judgement::FINDINGS,
        incident::FIRST_AFTER,
        incident::LAST,
        incident::FIRST_OPEN_AFTER,
        incident::LAST_OPEN,
        incident::ONE,
        incident::OPEN_OF,
        incident::FINDINGS,
        incident::EVIDENCE,
        zone::state::REVISION,
        zone::state::STATE,
        zone::state::EVIDENCE,
        zone::state::CONDITIONS,
        probe::IS_PROBED,
        probe::SINCE,
        probe::incident::LAST_FOUND,
        probe::incident::QUIET_SINCE,
        probe::known::FOREIGN,
        probe::known::AGREED,
        probe::stratum::STRATA,
        probe::stratum::BLIND_SINCE,
        probe::stratum::BLIND_LAST,
        probe::stratum::MET,
        probe::stratum::FINE_AFTER,
        promise::DUE,
        promise::NEXT,
        proof::WANTED,
        proof::ONE,
        sink::UNDELIVERED,
        report::UNREPORTED,
        report::UNREPORTED_COUNT,
        trouble::FIRST_AFTER,
        trouble::LAST,
        trouble::OPEN,
        trouble::ONE,
        trouble::OPEN_OF_KIND,
        trouble::EVIDENCE,
        trouble::PIECE,
        trouble::PIECES,
        position::PENDING_HEADS,
        head::DAILY_HEADS,
    ];
    for sql in lists {
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let rows = explain.raw_query().mapped(|row| row.get("detail"));
        let plan: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
        // What ends by a limit must not be sorted first.
        let is_sorted =
            sql.contains("LIMIT") && plan.iter().any(|step| step.contains("TEMP B-TREE"));
        let scans = plan.iter().any(|step| step.starts_with("SCAN"));
        assert!(!is_sorted && !scans, "{sql}\n{plan:#?}");
    }
}
