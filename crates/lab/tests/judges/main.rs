//! Three judges over ten thousand cases: our validator, Unbound's and Hickory's. Where they disagree, it is of a kind
//! that is known.
//!
//! ```text
//!   Case::of(number) ── World::batch ──> View ──┬── Answers ──> our Walk
//!                                               │           └─> Hickory's DnssecDnsHandle
//!                                               └── Responder ──── Unbound
//! ```

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod bombs;
mod case;
mod chance;
mod fault;
mod hickory;
mod kinds;
mod ours;
mod unbound;
mod verdict;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use countersign_dns::{Name, Query};
use countersign_lab::dns::{Responder, View};
use countersign_lab::log::Group;
use tokio::runtime::{Builder, Handle};
use tokio::task::spawn_blocking;

use case::{BATCH, Case, Fault, Link, Question, parent};
use kinds::{KINDS, Verdicts};
use unbound::Unbound;
use verdict::{Answers, Judged, Verdict};
use world::World;

/// How many cases there are.
const CASES: u32 = 10_000;

#[test]
fn three_judges_disagree_only_where_it_is_known() {
    // Hickory's validator calls itself, and a debug build has wide frames.
    let mut runtime = Builder::new_multi_thread();
    let runtime = runtime.worker_threads(2).thread_stack_size(STACK_BYTES).enable_all();
    let Some(cases) = runtime.build().unwrap().block_on(judged()) else { return };
    let mut counts: BTreeMap<(&str, Verdicts), u32> = BTreeMap::new();
    let mut unknown = Vec::new();
    for (case, judged) in &cases {
        let said = judged.each_ref().map(|(verdict, _)| *verdict);
        let is_agreed = said.iter().all(|verdict| *verdict == said[0]);
        let mut fitting = KINDS.iter().filter(|kind| (kind.is_of)(case));
        let kind = match fitting.find(|kind| kind.said.contains(&said)) {
            _ if is_agreed => "all agree",
            Some(kind) => kind.name,
            None => {
                let why = judged.each_ref().map(|(_, why)| why);
                unknown.push(format!("{said:?} {case:?}\n  {why:?}"));
                "unknown"
            }
        };
        *counts.entry((kind, said)).or_default() += 1;
    }
    for ((kind, said), count) in &counts {
        println!("{count:5}  {said:?}  {kind}");
    }
    assert!(unknown.is_empty(), "{} of no kind:\n{}", unknown.len(), unknown.join("\n"));
    for kind in KINDS {
        for said in kind.said {
            assert!(counts.contains_key(&(kind.name, *said)), "{}: {said:?} is gone", kind.name);
        }
    }
    // Without this the judges could agree by all being blind.
    for verdict in [Verdict::Secure, Verdict::Insecure, Verdict::Bogus] {
        assert!(counts[&("all agree", [verdict; 3])] > CASES / 20, "{verdict:?}");
    }
}

#[test]
fn every_kind_is_explained() {
    let text = include_str!("../../../../docs/dnssec-differences.md");
    let explained: BTreeSet<_> =
        text.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    let known: BTreeSet<_> = KINDS.iter().map(|kind| kind.name).collect();
    assert_eq!(explained, known);
    for kind in KINDS {
        let (_, about) = text.split_once(&format!("### {}\n", kind.name)).unwrap();
        let about = about.split("\n#").next().unwrap();
        assert!(about.contains(kind.section), "{}: {}", kind.name, kind.section);
    }
}

#[test]
fn everything_comes_with_every_question() {
    let cases: Vec<_> = (0..CASES).map(Case::of).collect();
    let links: BTreeSet<_> = cases.iter().map(|case| (case.link, case.question)).collect();
    let faults: BTreeSet<_> = cases.iter().map(|case| (case.fault, case.question)).collect();
    // By chance a few do not.
    let most = |kinds: usize| kinds * Question::ALL.len() * 9 / 10;
    assert!(links.len() > most(Link::ALL.len()), "{}", links.len());
    assert!(faults.len() > most(Fault::ALL.len()), "{}", faults.len());
}

/// All cases, with what our validator, Unbound and Hickory say; `None` if Unbound is not on this machine.
async fn judged() -> Option<Vec<(Case, [Judged; 3])>> {
    let batches = CASES / BATCH;
    let world = Arc::new(World::new(batches));
    let server: IpAddr = "192.0.2.1".parse().unwrap();
    let responder = Responder::start([(server, Vec::new())]).await.unwrap();
    let address = responder.table(Group::A)[&server];
    let unbound = Unbound::start(&zones(batches), address, &world.anchor).await?;
    // While one batch is judged, the next is made.
    let make = |batch| {
        let world = Arc::clone(&world);
        spawn_blocking(move || world.batch(batch))
    };
    let mut made = make(0);
    let mut all = Vec::new();
    for batch in 1..=batches {
        let now = made.await.unwrap();
        made = make(batch % batches);
        responder.turn(server, Group::A, |view| *view = now.view);
        let queries: Vec<Query> = now.cases.iter().map(|(case, _)| case.query()).collect();
        let anchor = world.anchor.clone();
        let others = spawn_blocking(move || judged_offline(now.cases, &anchor));
        let theirs = unbound.judge(&queries).await;
        let cases = others.await.unwrap().into_iter().zip(theirs);
        all.extend(cases.map(|((case, ours, hickory), unbound)| (case, [ours, unbound, hickory])));
    }
    made.await.unwrap();
    Some(all)
}

fn judged_offline(cases: Vec<(Case, View)>, anchor: &[u8]) -> Vec<(Case, Judged, Judged)> {
    let judge = |(case, view): (Case, View)| {
        let (query, answers) = (case.query(), Arc::new(Answers::new(view)));
        let ours = ours::judge(&query, &answers, anchor);
        let hickory = Handle::current().block_on(hickory::judge(&query, &answers, anchor));
        (case, ours, hickory)
    };
    cases.into_iter().map(judge).collect()
}

/// Every zone that there will be.
fn zones(batches: u32) -> Vec<Name> {
    let of_batch = |batch| {
        let apex = parent(batch);
        let [good, plain] = [&b"good"[..], b"plain"].map(|label| apex.child(label).unwrap());
        [apex, good, plain]
    };
    let shared = (0..batches).flat_map(of_batch);
    let own = (0..batches * BATCH).flat_map(|number| Case::of(number).apexes());
    [Name::root()].into_iter().chain(shared).chain(own).collect()
}

/// As much as the first thread of a process has.
const STACK_BYTES: usize = 8 << 20;
