//! The list that the crate brings is what the builder makes of the sample lists.

use std::fs;

use countersign_sct::signed_list::{Refusal, SignedList, Source, SourceKind, What, build};
use countersign_sct::{Log, Standing};
use jiff::Timestamp;

use crate::log_lists::sample;

/// The lists of August 2026, as `countersign log-list build` is given them.
pub(crate) fn sources() -> Option<Vec<Source>> {
    let source = |name: &str, kind, file: &str| {
        Some(Source { name: name.to_owned(), kind, list: sample(file)? })
    };
    Some(vec![
        source("mozilla", SourceKind::Programme, "mozilla-known-logs-2026-08")?,
        source("apple", SourceKind::Programme, "apple-current-2026-08")?,
        source("crtsh", SourceKind::Observer, "crtsh-all-2026-08")?,
    ])
}

fn issued() -> Timestamp {
    "2026-08-22T00:00:00Z".parse().unwrap()
}

#[test]
fn it_is_what_the_builder_makes() {
    let Some(sources) = sources() else { return };
    let built = build(&sources, None, issued()).list.to_text();
    if std::env::var_os("COUNTERSIGN_REBUILD").is_some() {
        fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/signed_list/built_in.txt"), &built)
            .unwrap();
    }
    // What is built in counts as version 0, whatever its text says.
    assert_eq!(built, SignedList { version: 1, ..SignedList::built_in() }.to_text());
    assert!(built.len() < 10_000, "{}", built.len());
}

#[test]
fn every_log_that_a_programme_trusts_was_decided_on() {
    let Some(sources) = sources() else { return };
    let built = build(&sources, None, issued());
    for one in &built.decided {
        println!("{:?} {} {}", one.what, one.operator, one.description);
    }
    println!("{}", built.list.to_text());
    let is_in = |log: &Log| built.list.logs.log(&log.key.id()).is_some();
    for source in &sources[..2] {
        for log in &source.list.logs {
            if log.standing(issued(), issued()) == Standing::Current {
                assert!(is_in(log), "{}", log.description);
            }
        }
    }
    let refused: Vec<_> = built
        .decided
        .iter()
        .filter_map(|one| match &one.what {
            What::Refused(refusal) => Some((one.description.as_str(), refusal)),
            What::Added | What::Kept | What::Retired(_) | What::Dropped => None,
        })
        .collect();
    assert!(
        refused
            .iter()
            .all(|(name, why)| name.starts_with("Bogus") && **why == Refusal::NotForProduction),
        "{refused:?}"
    );
}
