use std::slice::from_ref;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::tests::{at, fixture, key};

fn statement(authorization: &NewAuthorization, sequence: u64) -> NewStatement<'_> {
    NewStatement { host: "mx1", sequence, note: b"a note", authorization }
}

#[test]
fn what_is_registered_is_a_rule_once() {
    let (_directory, store) = fixture();
    let desk = store.desk();
    let before = desk.reader().rules_revision().unwrap();
    let made = desk.register(&[key(1), key(2), key(1)], at(1)).unwrap();
    let (one, two) = (AuthorizationId(1), AuthorizationId(2));
    assert_eq!(made, [Registered::New(one), Registered::New(two), Registered::Known(one)]);
    let (revision, rules) = desk.reader().rules().unwrap();
    assert_ne!(revision, before);
    assert_eq!(
        rules.iter().map(|rule| rule.id.clone()).collect::<Vec<_>>(),
        [RuleId::Authorization(1), RuleId::Authorization(2)]
    );
    assert_eq!(rules[0].basis, Basis::Key { spki_sha256: [1; 32] });
    // What is known already changes nothing, so nothing is to be read again.
    desk.register(&[key(2)], at(2)).unwrap();
    assert_eq!(desk.reader().rules_revision().unwrap(), revision);
}

/// A key in a watched directory.
fn found(number: u8) -> NewAuthorization {
    NewAuthorization { origin: Origin::Directory { path: "/etc/keys".into() }, ..key(number) }
}

/// Registers one. Then these are in force.
#[track_caller]
fn check(desk: &Desk, new: &NewAuthorization, became: Registered, in_force: &[u64]) {
    assert_eq!(desk.register(from_ref(new), at(1)).unwrap(), [became]);
    let (_, rules) = desk.reader().rules().unwrap();
    let ids: Vec<_> = rules.into_iter().map(|rule| rule.id).collect();
    assert_eq!(ids, in_force.iter().map(|id| RuleId::Authorization(*id)).collect::<Vec<_>>());
}

const fn id(number: u64) -> AuthorizationId {
    AuthorizationId(number)
}

#[test]
fn what_a_person_revoked_only_a_person_brings_back() {
    let (_directory, store) = fixture();
    let desk = store.desk();
    check(desk, &found(1), Registered::New(id(1)), &[1]);
    let before = desk.reader().rules_revision().unwrap();
    assert_eq!(desk.revoke(id(1), at(2)).unwrap(), Revoked::Now);
    let after = desk.reader().rules_revision().unwrap();
    assert_ne!(before, after);
    assert_eq!(desk.revoke(id(1), at(3)).unwrap(), Revoked::Already);
    assert_eq!(desk.revoke(id(9), at(3)).unwrap(), Revoked::Unknown);
    assert_eq!(desk.reader().authorization(id(1)).unwrap().unwrap().revoked_at, Some(at(2)));

    check(desk, &found(1), Registered::Revoked(id(1)), &[]);
    let elsewhere = Origin::Directory { path: "/tmp".into() };
    let elsewhere = NewAuthorization { origin: elsewhere, until: Some(at(9)), ..found(1) };
    check(desk, &elsewhere, Registered::Revoked(id(1)), &[]);
    let stated =
        NewAuthorization { origin: Origin::Statement { host: "mx1".into() }, ..elsewhere.clone() };
    let accepted = desk.accept_statement(&statement(&stated, 1), at(5)).unwrap();
    assert_eq!(accepted, Accepted::Yes(Registered::Revoked(id(1))));
    assert_eq!(desk.reader().rules_revision().unwrap(), after);

    // Another key is another key, and the certificate with the same hash is no key.
    check(desk, &found(2), Registered::New(id(2)), &[2]);
    let certificate = KeyOrCertificate::Certificate([1; 32]);
    let certificate = NewAuthorization { basis: certificate, ..found(1) };
    check(desk, &certificate, Registered::New(id(3)), &[2, 3]);
    check(desk, &key(1), Registered::New(id(4)), &[2, 3, 4]);
    check(desk, &found(1), Registered::New(id(5)), &[2, 3, 4, 5]);
    // And again.
    desk.revoke(id(4), at(6)).unwrap();
    check(desk, &elsewhere, Registered::Revoked(id(4)), &[2, 3, 5]);
}

#[test]
fn what_a_person_authorized_before_does_not_bring_back_what_was_revoked() {
    let (_directory, store) = fixture();
    let desk = store.desk();
    check(desk, &found(1), Registered::New(id(1)), &[1]);
    check(desk, &key(1), Registered::New(id(2)), &[1, 2]);
    desk.revoke(id(1), at(3)).unwrap();
    check(desk, &found(1), Registered::Revoked(id(1)), &[2]);
    check(desk, &key(1), Registered::Known(id(2)), &[2]);
    check(desk, &found(1), Registered::Revoked(id(1)), &[2]);
    // Ids count, not the clock: this comes later although it is dated earlier.
    let wider = NewAuthorization { scope: ".example.org".parse().unwrap(), ..key(1) };
    check(desk, &wider, Registered::New(id(3)), &[2, 3]);
    check(desk, &found(1), Registered::New(id(4)), &[2, 3, 4]);
}

#[test]
fn what_differs_in_anything_that_counts_is_another() {
    let (_directory, store) = fixture();
    let desk = store.desk();
    let noted = NewAuthorization { note: "a note counts for nothing".into(), ..key(1) };
    let other = [
        NewAuthorization { scope: ".example.org".parse().unwrap(), ..key(1) },
        NewAuthorization { until: Some(at(9)), ..key(1) },
        NewAuthorization { until: Some(at(10)), ..key(1) },
        found(1),
        key(2),
    ];
    check(desk, &key(1), Registered::New(id(1)), &[1]);
    check(desk, &noted, Registered::Known(id(1)), &[1]);
    let became = desk.register(&other, at(1)).unwrap();
    assert_eq!(became, [2, 3, 4, 5, 6].map(|number| Registered::New(id(number))));
    let became = desk.register(&other, at(1)).unwrap();
    assert_eq!(became, [2, 3, 4, 5, 6].map(|number| Registered::Known(id(number))));
}

#[test]
fn authorizations_are_listed_in_pages_and_by_whether_they_are_in_force() {
    let (_directory, store) = fixture();
    let desk = store.desk();
    let ending = |number, second| NewAuthorization { until: Some(at(second)), ..key(number) };
    desk.register(&[key(1), ending(2, 10), ending(3, 20), key(4)], at(1)).unwrap();
    desk.revoke(id(1), at(2)).unwrap();
    let list = |after: Option<u64>, in_force_at, limit| -> Vec<u64> {
        let filter = AuthorizationFilter { after: after.map(id), in_force_at, limit };
        desk.reader().authorizations(&filter).unwrap().iter().map(|row| row.id.0).collect()
    };
    assert_eq!(list(None, None, 9), [1, 2, 3, 4]);
    assert_eq!(list(None, None, 2), [3, 4]);
    assert_eq!(list(Some(0), None, 2), [1, 2]);
    assert_eq!(list(Some(2), None, 9), [3, 4]);
    assert_eq!(list(Some(u64::MAX), None, 9), [0u64; 0]);
    assert_eq!(list(None, Some(at(10)), 9), [2, 3, 4]);
    assert_eq!(list(Some(0), Some(at(11)), 1), [3]);
    assert_eq!(list(None, Some(at(21)), 9), [4]);
    // One that has run out was in force when older certificates were seen.
    assert_eq!(desk.reader().rules().unwrap().1.len(), 3);
    assert_eq!(desk.reader().authorization(id(9)).unwrap(), None);
}

#[test]
fn a_statement_counts_once_and_never_after_a_later_one() {
    let (_directory, store) = fixture();
    let desk = store.desk();
    let stated = |number| NewAuthorization {
        origin: Origin::Statement { host: "mx1".into() },
        ..key(number)
    };
    let accept = |number, sequence| {
        desk.accept_statement(&statement(&stated(number), sequence), at(1)).unwrap()
    };
    assert!(matches!(accept(1, 5), Accepted::Yes(Registered::New(_))));
    assert_eq!(accept(1, 5), Accepted::Replayed { last: 5 });
    assert_eq!(accept(2, 4), Accepted::Replayed { last: 5 });
    assert!(matches!(accept(2, u64::MAX), Accepted::Yes(Registered::New(_))));
    assert_eq!(accept(3, 6), Accepted::Replayed { last: u64::MAX });
    assert_eq!(desk.reader().last_sequence("mx1").unwrap(), Some(u64::MAX));
    assert_eq!(desk.reader().last_sequence("mx2").unwrap(), None);
    assert_eq!(desk.reader().rules().unwrap().1.len(), 2);
    // Whatever was accepted is kept, as received; what was not is not.
    let connection = store.reader().connection().unwrap();
    let count = "SELECT count(*) FROM statement JOIN evidence ON evidence.id = statement.note";
    assert_eq!(connection.query_row(count, [], |row| row.get::<_, i64>(0)).unwrap(), 2);
}

fn any_authorization() -> impl Strategy<Value = NewAuthorization> {
    let basis = prop_oneof![
        any::<[u8; 32]>().prop_map(KeyOrCertificate::Key),
        any::<[u8; 32]>().prop_map(KeyOrCertificate::Certificate)
    ];
    let item = prop_oneof!["[.*]?[a-z]{1,9}\\.example", Just("192.0.2.1".into()), Just(".".into())];
    let items = proptest::collection::vec(item.prop_map(|item| item.replace('*', "*.")), 0..4);
    let scope = items.prop_map(|items| Scope::new(items).unwrap());
    let (first, last) = (Timestamp::MIN.as_millisecond(), Timestamp::MAX.as_millisecond());
    let until = (first..=last)
        .prop_map(|ms| Timestamp::from_duration(jiff::SignedDuration::from_millis(ms)).unwrap());
    let origin = prop_oneof![
        Just(Origin::Command),
        any::<String>().prop_map(|path| Origin::Directory { path }),
        any::<String>().prop_map(|host| Origin::Statement { host })
    ];
    (basis, scope, proptest::option::of(until), origin, any::<String>()).prop_map(
        |(basis, scope, until, origin, note)| NewAuthorization {
            basis,
            scope,
            until,
            origin,
            note,
        },
    )
}

#[test]
fn what_is_registered_is_what_is_read() {
    let (_directory, store) = fixture();
    let check = |new: NewAuthorization| {
        let id = store.desk().register(from_ref(&new), at(2)).unwrap()[0].id();
        let NewAuthorization { basis, scope, until, origin, note } = new;
        let (registered_at, revoked_at) = (at(2), None);
        let expected =
            Authorization { id, basis, scope, until, origin, note, registered_at, revoked_at };
        prop_assert_eq!(store.reader().authorization(id).unwrap(), Some(expected));
        Ok(())
    };
    TestRunner::default().run(&any_authorization(), check).unwrap();
}
