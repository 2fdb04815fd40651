//! What a probe is held against, gathered from settings and store.

use std::collections::BTreeMap;

use countersign_judge::Expectation;
use countersign_judge::probe::dane::TlsaView;
use countersign_judge::probe::expected::{Agreed, CtView, Expected, Keys, Known, Logs, Roots};
use countersign_judge::probe::observation::Observation;
use countersign_judge::probe::trust::anchor;
use countersign_net::roots::public_roots;
use countersign_sct::enforcer::Ladder;
use countersign_sct::{LogList, Rung, SignedList};
use countersign_store::probe::{AgreedRow, ProbeKnown};
use countersign_store::{Reader, Store, StoreError};
use jiff::Timestamp;

use super::ProbedDomain;
use crate::context::Context;
use crate::settings::Place;

/// What the store knows that a probe is held against.
pub(super) struct Material {
    expectation: Expectation,
    logs: LogList,
    rung: Rung,
    ct: CtView,
}

impl Material {
    pub(super) fn gather(
        cx: &Context,
        store: &Store,
        observation: &Observation,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let reader = store.reader();
        let (_, rules) = reader.rules()?;
        let expectation = crate::judging::expectation(&cx.settings.judging, rules);
        let (logs, rung) = logs(cx, reader, now)?;
        let ct = ct(cx, reader, observation)?;
        Ok(Self { expectation, logs, rung, ct })
    }

    /// Runs something with all of it.
    pub(super) fn with<T>(
        &self,
        cx: &Context,
        probed: &ProbedDomain,
        tlsa: TlsaView,
        run: impl FnOnce(&Expected<'_>) -> T,
    ) -> T {
        let probing = &cx.settings.probing;
        let own: Vec<_> = probing.own_roots.iter().filter_map(|root| anchor(root)).collect();
        let stand_in: Vec<_> =
            probing.public_roots.iter().filter_map(|root| anchor(root)).collect();
        let public = if stand_in.is_empty() { public_roots() } else { &stand_in };
        let keys = match probed.pins.is_empty() {
            true => Keys::Rules(&self.expectation),
            false => Keys::Pinned(&probed.pins),
        };
        run(&Expected {
            keys,
            roots: Roots { public, own: &own },
            logs: Some(Logs { list: &self.logs, rung: self.rung }),
            plus: probed.plus,
            tlsa,
            ct: self.ct.clone(),
            caa: None,
        })
    }
}

/// The lists that the watch follows, as they were last fetched; the one that is built in if there is none.
fn logs(cx: &Context, reader: &Reader, now: Timestamp) -> Result<(LogList, Rung), StoreError> {
    let mut lists = Vec::new();
    for source in &cx.settings.lists {
        let bytes = match &source.place {
            Place::Url(_) => reader.log_list(&source.name)?.map(|(bytes, _)| bytes),
            // What cannot be read is a trouble of its own.
            Place::File(path) => std::fs::read(path).ok(),
        };
        lists.extend(bytes.and_then(|bytes| LogList::parse(&bytes).ok()));
    }
    if lists.is_empty() {
        let list = SignedList::built_in();
        let rung = Ladder::of(list.issued, list.expires, now.max(list.issued)).rung();
        return Ok((list.logs, rung));
    }
    Ok((LogList::union(lists), Rung::Strict))
}

/// Whether the logs that are watched have the certificate, and up to when they were read.
fn ct(cx: &Context, reader: &Reader, observation: &Observation) -> Result<CtView, StoreError> {
    let Some(leaf) = observation.leaf() else { return Ok(CtView::NotWatched) };
    if !reader.sightings_of(&leaf.tbs_sha256)?.is_empty() {
        return Ok(CtView::Logged);
    }
    let domain = &observation.service.domain;
    let guards = cx.settings.watchlist.guards();
    let scope = |guard: &str| countersign_judge::Scope::new([guard]).ok();
    let is_guarded = guards
        .iter()
        .any(|guard| scope(&guard.to_string()).is_some_and(|scope| scope.covers(domain)));
    // What was logged before the watch began is not known to it.
    let is_since = leaf.not_before.is_some_and(|from| from > cx.since);
    if !is_guarded || !is_since {
        return Ok(CtView::NotWatched);
    }
    let mut read_through = Timestamp::MAX;
    for log in reader.status()?.logs {
        if log.log.removed_at.is_some() {
            continue;
        }
        match log.progress.and_then(|progress| progress.verified_head_time) {
            Some(time) => read_through = read_through.min(time),
            None => return Ok(CtView::Incomplete),
        }
    }
    // Nothing is watched if that was the first of none.
    let is_none = read_through == Timestamp::MAX;
    Ok(if is_none { CtView::NotWatched } else { CtView::Absent { read_through } })
}

/// What the store knows of a service, as the judge has it.
pub(super) fn known(known: ProbeKnown) -> Known {
    let with = known.agreed.into_iter().map(|row| {
        let AgreedRow { client, at, version, group, plus, stack } = row;
        (client, Agreed { at, version, group, plus, stack })
    });
    Known { foreign_since: known.foreign.into_iter().collect(), with: with.collect() }
}

/// And the other way round.
pub(super) fn rows(known: &Known) -> (Vec<([u8; 32], Timestamp)>, Vec<AgreedRow>) {
    let foreign: BTreeMap<_, _> = known.foreign_since.clone();
    let agreed = known.with.iter().map(|(client, agreed)| {
        let Agreed { at, version, group, plus, stack } = agreed.clone();
        AgreedRow { client: client.clone(), at, version, group, plus, stack }
    });
    (foreign.into_iter().collect(), agreed.collect())
}
