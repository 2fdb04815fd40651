use super::*;
use crate::tests::{at, fixture, log, position, sighting};

fn ids(store: &Store, limit: u32) -> Vec<u64> {
    store.reader().unreported(limit).unwrap().iter().map(|report| report.id.0).collect()
}

#[test]
fn what_was_marked_does_not_come_again() {
    let (_directory, store) = fixture();
    store.upsert_log(&log(1), at(1)).unwrap();
    let sightings = [3, 7, 11].map(sighting);
    store.commit(&[1; 32], None, &position(12), &sightings, at(2)).unwrap();
    assert_eq!(ids(&store, 2), [1, 2]);
    assert_eq!(ids(&store, 9), [1, 2, 3, 4]);
    store.mark_reported(ReportId(2)).unwrap();
    store.mark_reported(ReportId(1)).unwrap();
    assert_eq!(ids(&store, 9), [3, 4]);
    let report = store.reader().unreported(1).unwrap().remove(0);
    let expected = store.reader().sighting(SightingId(2)).unwrap().unwrap();
    assert_eq!(
        report,
        Report { id: ReportId(3), at: at(2), event: Event::Sighting(Box::new(expected)) }
    );
}

#[test]
fn what_is_yet_to_come_cannot_be_marked() {
    let (_directory, store) = fixture();
    store.mark_reported(ReportId(9)).unwrap();
    store.upsert_log(&log(1), at(1)).unwrap();
    assert_eq!(ids(&store, 9), [1]);
    store.mark_reported(ReportId(99)).unwrap();
    store.upsert_log(&log(2), at(2)).unwrap();
    assert_eq!(ids(&store, 9), [2]);
}
