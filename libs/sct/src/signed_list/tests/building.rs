//! How a list is built.

use super::*;

/// A source that says these logs.
fn source(name: &str, kind: SourceKind, logs: &[Log]) -> Source {
    let list = LogList { logs: logs.to_vec(), published: None, skipped: Vec::new() };
    Source { name: name.to_owned(), kind, list }
}

fn programme(name: &str, logs: &[Log]) -> Source {
    source(name, SourceKind::Programme, logs)
}

fn observer(logs: &[Log]) -> Source {
    source("observer", SourceKind::Observer, logs)
}

fn log(operator: &str, states: Vec<(State, Timestamp)>) -> Log {
    log_of(&KEYS[0], operator, states)
}

/// What becomes of the one log that these sources have.
#[track_caller]
fn decided(sources: &[Source], expected: What) -> Built {
    let built = build(sources, None, issued());
    let what: Vec<_> = built.decided.iter().map(|one| one.what.clone()).collect();
    let is_in = matches!(expected, What::Added | What::Kept | What::Retired(_));
    assert_eq!(what, [expected]);
    assert_eq!(built.list.logs.logs.len(), usize::from(is_in));
    assert_eq!(SignedList::parse(&built.list.to_text()).as_ref(), Ok(&built.list));
    built
}

#[test]
fn two_must_agree_and_one_be_a_programme() {
    let trusted = [log("One", usable())];
    decided(&[programme("M", &trusted), programme("A", &trusted)], What::Added);
    decided(&[programme("M", &trusted), observer(&trusted)], What::Added);
    let alone = || What::Refused(Refusal::OneSource("M".to_owned()));
    decided(&[programme("M", &trusted)], alone());
    decided(&[programme("M", &trusted), observer(&[])], alone());
    // Nobody asks about a log that no programme trusts.
    let built = build(&[observer(&trusted), observer(&trusted)], None, issued());
    assert_eq!((built.decided, built.list.logs.logs), (Vec::new(), Vec::new()));
}

#[test]
fn operators_must_be_the_same_under_whatever_name() {
    let one = [log("One", usable())];
    let other = [log("Other", usable())];
    let refused = What::Refused(Refusal::OtherOperator("Other".to_owned()));
    decided(&[programme("M", &one), observer(&other)], refused);
    for (alias, name) in ALIASES {
        let sources = [programme("M", &[log(alias, usable())]), observer(&[log(name, usable())])];
        let built = decided(&sources, What::Added);
        assert_eq!(built.list.logs.logs[0].operator, *name);
        assert_eq!(built.decided[0].operator, *name);
    }
}

#[test]
fn what_is_for_tests_never_gets_in() {
    let trusted = [log("One", usable())];
    for purpose in [Purpose::Test, Purpose::MonitoringOnly] {
        let marked = [Log { purpose, ..log("One", usable()) }];
        let refused = || What::Refused(Refusal::NotForProduction);
        decided(&[programme("M", &trusted), observer(&marked)], refused());
        decided(&[programme("M", &marked), observer(&trusted)], refused());
    }
}

#[test]
fn what_a_programme_rejects_is_out() {
    let trusted = [log("One", usable())];
    let rejected = [log("One", vec![(State::Rejected, days(-1))])];
    decided(
        &[programme("M", &trusted), programme("A", &rejected)],
        What::Refused(Refusal::Rejected),
    );
    // An observer rejects nothing.
    decided(&[programme("M", &trusted), observer(&rejected)], What::Added);
}

#[test]
fn what_is_pending_is_not_yet_in() {
    for state in [State::Pending, State::Unstated] {
        let pending = [log("One", vec![(state, days(-10))])];
        let built = build(&[programme("M", &pending), observer(&pending)], None, issued());
        assert_eq!((built.decided.len(), built.list.logs.logs.len()), (0, 0));
    }
    // Nor is what will be usable tomorrow.
    let tomorrow = [log("One", vec![(State::Usable, days(1))])];
    let built = build(&[programme("M", &tomorrow), observer(&tomorrow)], None, issued());
    assert_eq!(built.list.logs.logs.len(), 0);
    for state in [State::Qualified, State::ReadOnly { final_tree_head: None }] {
        let trusted = [log("One", vec![(state, days(-10))])];
        decided(&[programme("M", &trusted), observer(&trusted)], What::Added);
    }
}

#[test]
fn a_log_is_retired_when_any_programme_retires_it() {
    let retired = |at| {
        let mut log = log("One", usable());
        log.states.push((State::Retired, at));
        [log]
    };
    let trusted = [log("One", usable())];
    decided(
        &[programme("M", &trusted), programme("A", &retired(days(-3)))],
        What::Retired(days(-3)),
    );
    decided(
        &[programme("M", &retired(days(-3))), programme("A", &trusted)],
        What::Retired(days(-3)),
    );
    // At the earliest time that any says, also ahead.
    let sources = [programme("M", &retired(days(12))), programme("A", &retired(days(5)))];
    let built = decided(&sources, What::Retired(days(5)));
    let kept = &built.list.logs.logs[0];
    assert_eq!(kept.state_at(days(4)), State::Usable);
    assert_eq!(kept.state_at(days(5)), State::Retired);
    // An observer retires nothing.
    decided(&[programme("M", &trusted), observer(&retired(days(-3)))], What::Added);
    // One state only, as Mozilla has it: retired, and trusted before.
    let only = [log("One", vec![(State::Retired, days(-3))])];
    let built = decided(&[programme("M", &only), observer(&trusted)], What::Retired(days(-3)));
    assert_eq!(built.list.logs.logs[0].state_at(days(-4)), State::Usable);
}

#[test]
fn the_last_list_is_remembered() {
    let kept = log_of(&KEYS[0], "One", usable());
    let dropped = log_of(&KEYS[1], "Two", usable());
    let added = log_of(&KEYS[2], "Three", usable());
    let last = SignedList::new(41, days(-30), days(150), vec![kept.clone(), dropped.clone()]);
    let now = [kept, added];
    let built = build(&[programme("M", &now), observer(&now)], Some(&last), issued());
    let what = |key: &LogKey| {
        let found = built.decided.iter().find(|one| one.log_id == key.id());
        found.unwrap().what.clone()
    };
    assert_eq!(what(&KEYS[0]), What::Kept);
    assert_eq!(what(&KEYS[1]), What::Dropped);
    assert_eq!(what(&KEYS[2]), What::Added);
    assert_eq!((built.list.version, built.list.issued), (42, issued()));
    assert_eq!(built.list.expires, days(180));
    // One that was in and is refused now is named as well, with why.
    let built = build(&[programme("M", std::slice::from_ref(&dropped))], Some(&last), issued());
    let refused = built.decided.iter().find(|one| one.log_id == KEYS[1].id()).unwrap();
    assert_eq!(refused.what, What::Refused(Refusal::OneSource("M".to_owned())));
}

#[test]
fn what_programmes_say_of_operators_before_is_kept() {
    let with = |name: &str, until| {
        let mut log = log("One", usable());
        log.previous_operators = vec![(name.to_owned(), until)];
        [log]
    };
    let sources = [programme("M", &with("B", days(-20))), programme("A", &with("A", days(-40)))];
    let built = decided(&sources, What::Added);
    let expected = [("A".to_owned(), days(-40)), ("B".to_owned(), days(-20))];
    assert_eq!(built.list.logs.logs[0].previous_operators, expected);
}
