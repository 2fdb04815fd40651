//! Looks at a made-up zone, for tests.

use std::collections::BTreeMap;

use countersign_judge::delegation::{
    Expected, Judged, Piece, Shown, Snapshot, Topic, Trust, View, Witness, judge, learn,
};
use jiff::Timestamp;

use super::{Look, Looked};
use crate::tests::at;
use crate::{Store, StoreError};

pub(crate) const ZONE: &str = "a.example.";

/// What is shown of DS and CAA in each look: in order; another DS; another CAA as well; in order; still, an hour and a
/// half later; another DS for good, accepted then; the same; another one.
const LOOKS: [(&str, &str); 8] = [
    ("01", "0a"),
    ("02", "0a"),
    ("02", "0b"),
    ("01", "0a"),
    ("01", "0a"),
    ("03", "0a"),
    ("03", "0a"),
    ("04", "0a"),
];

fn time(number: u8) -> Timestamp {
    at(10_000 + 5_400 * i64::from(number))
}

/// A view of records with this data.
pub(crate) fn view(data: &str) -> View {
    let witness = Witness {
        vantage: "direct".to_owned(),
        server: "ns.example".parse().unwrap(),
        address: "192.0.2.1".parse().unwrap(),
    };
    View {
        shown: format!("records {data}").parse::<Shown>().unwrap(),
        ttl_s: Some(3600),
        witnesses: vec![witness],
        trust: Trust::Secure,
        why: String::new(),
        valid: None,
        pieces: vec![Piece {
            label: "proof".to_owned(),
            bytes: format!("proof of {data}").into_bytes(),
        }],
    }
}

pub(crate) fn topic(text: &str) -> Topic {
    text.parse().unwrap()
}

/// A look at which these are shown.
pub(crate) fn snapshot(ds: &str, caa: &str, now: Timestamp) -> Snapshot {
    let views = [("parent a.example. DS", ds), ("zone a.example. CAA", caa)];
    let views = views.map(|(about, data)| (topic(about), vec![view(data)]));
    Snapshot {
        zone: ZONE.parse().unwrap(),
        at: now,
        views: BTreeMap::from(views),
        unseen: Vec::new(),
        resolvers: Vec::new(),
    }
}

/// Judges a look at a zone that learns, and writes it down.
pub(crate) fn note(
    store: &Store,
    seen: &Snapshot,
    blind: Option<&str>,
) -> Result<Option<(Looked, Judged)>, StoreError> {
    let Some(state) = store.reader().zone_state(ZONE)? else { return Ok(None) };
    let expected = Expected::nothing(seen.zone.clone()).with_learned(&state.learned);
    let learned = learn(&expected, &state.before, seen);
    let expected = expected.with_learned(&learned);
    let judged = judge(&expected, &state.before, seen);
    let look = Look { revision: state.revision, seen, judged: &judged, learned: &learned, blind };
    let looked = store.note_look(&look)?;
    Ok(Some((looked, judged)))
}

/// The look of this number, unless it was noted before.
pub(crate) fn look(store: &Store, number: u8) -> Result<(), StoreError> {
    let looked_at = store.reader().zones()?.first().and_then(|zone| zone.looked_at);
    if looked_at >= Some(time(number)) {
        return Ok(());
    }
    let (ds, caa) = LOOKS[usize::from(number)];
    note(store, &snapshot(ds, caa, time(number)), None).map(drop)
}
