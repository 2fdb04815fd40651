//! Verdicts over a certificate that is made for each case, with logs that sign for it.

use super::*;
use crate::der::{INTEGER, SEQUENCE};
use crate::digitally_signed::DigitallySigned;
use crate::key::LogKey;
use crate::key::tests::signer;
use crate::log_list::Purpose;
use crate::policy::{APPLE, CHROME, COUNTERSIGN, MOZILLA};
use crate::sample;
use aws_lc_rs::signature::EcdsaKeyPair;
use proptest::prelude::*;

/// A log of a test: its key pair and what the list says of it.
struct TestLog {
    pair: EcdsaKeyPair,
    log: Log,
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// All is judged at this time, for certificates that begin a day before.
fn now() -> Timestamp {
    time("2026-11-28T12:00:00Z")
}

fn log(name: &str, operator: &str) -> TestLog {
    let (pair, key) = signer();
    let log = Log {
        key,
        description: name.to_owned(),
        operator: operator.to_owned(),
        previous_operators: Vec::new(),
        api: Api::Rfc6962 { url: String::new() },
        mmd_s: None,
        states: vec![(State::Usable, time("2025-01-01T00:00:00Z"))],
        interval: None,
        purpose: Purpose::Production,
    };
    TestLog { pair, log }
}

/// One that was retired at this time.
fn retired(name: &str, operator: &str, at: &str) -> TestLog {
    let mut log = log(name, operator);
    log.log.states.push((State::Retired, time(at)));
    log
}

fn static_ct(name: &str, operator: &str) -> TestLog {
    let mut log = log(name, operator);
    log.log.api = Api::StaticCt { submission_url: String::new(), monitoring_url: String::new() };
    log
}

fn list(logs: &[&TestLog]) -> LogList {
    let logs = logs.iter().map(|log| log.log.clone()).collect();
    LogList { logs, published: None, skipped: Vec::new() }
}

/// The issuer's key, as far as SCTs know it.
const ISSUER: &[u8] = &[SEQUENCE, 3, INTEGER, 1, 7];

/// A certificate of so many days, with these SCTs.
struct Certificate {
    tbs: Vec<u8>,
    days: i64,
}

impl Certificate {
    fn of_days(days: i64) -> Self {
        Self { tbs: sample::tbs(sample::validity(now(), days), &[]), days }
    }

    fn sct(&self, log: &TestLog, promised: &str) -> Vec<u8> {
        self.sct_of(&log.pair, &log.log.key, promised)
    }

    fn sct_of(&self, pair: &EcdsaKeyPair, key: &LogKey, promised: &str) -> Vec<u8> {
        sample::promise(pair, key.id(), ISSUER, &self.tbs, time(promised))
    }

    fn with(&self, scts: &[Vec<u8>]) -> Vec<u8> {
        let extension = sample::sct_extension(scts);
        sample::certificate(&sample::tbs(sample::validity(now(), self.days), &[&extension]))
    }
}

fn verdict(policy: &Policy, rung: Rung, certificate: &[u8], logs: &[&TestLog]) -> Verdict {
    judge(policy, rung, Presented { certificate, issuer_spki: ISSUER }, &list(logs), now())
}

fn check(policy: &Policy, certificate: &[u8], logs: &[&TestLog], expected: &[Missing]) {
    let outcome = verdict(policy, Rung::Strict, certificate, logs).outcome;
    let missing = match &outcome {
        Outcome::Satisfied => &[],
        Outcome::Missing(missing) => missing.as_slice(),
        Outcome::NotAsked | Outcome::Unreadable(_) => panic!("{outcome:?}"),
    };
    assert_eq!(missing, expected, "{}", policy.name);
}

const YESTERDAY: &str = "2026-11-27T13:00:00Z";

#[test] // Chrome's ct_policy.md: two SCTs up to 180 days, three above; two operators.
fn the_number_goes_by_the_lifetime() {
    let (a, b, c) = (log("a", "A"), log("b", "B"), log("c", "C"));
    let logs = [&a, &b, &c];
    for (days, needed) in [(90, 2), (180, 2), (181, 3), (398, 3)] {
        let certificate = Certificate::of_days(days);
        let scts = logs.map(|log| certificate.sct(log, YESTERDAY));
        let lacks = Missing::Scts { needed, counted: needed - 1 };
        for policy in [CHROME, MOZILLA, COUNTERSIGN] {
            check(&policy, &certificate.with(&scts[..needed]), &logs, &[]);
            let too_few = certificate.with(&scts[..needed - 1]);
            let operators = Missing::Operators { needed: 2, counted: 1 };
            let expected = if needed == 2 { &[lacks, operators][..] } else { &[lacks] };
            check(&policy, &too_few, &logs, expected);
        }
    }
    // Apple counts both ends: 180 days and no second are 180 days and one second.
    let certificate = Certificate::of_days(180);
    let scts = logs.map(|log| certificate.sct(log, YESTERDAY));
    check(&APPLE, &certificate.with(&scts[..2]), &logs, &[Missing::Scts { needed: 3, counted: 2 }]);
    check(&APPLE, &certificate.with(&scts), &logs, &[]);
}

#[test]
fn one_operator_is_one_voice() {
    let (a, same, b) = (log("a", "A"), log("also a", "A"), log("b", "B"));
    let certificate = Certificate::of_days(90);
    let scts = [&a, &same, &b].map(|log| certificate.sct(log, YESTERDAY));
    let operators = Missing::Operators { needed: 2, counted: 1 };
    check(&COUNTERSIGN, &certificate.with(&scts[..2]), &[&a, &same, &b], &[operators]);
    check(&COUNTERSIGN, &certificate.with(&scts), &[&a, &same, &b], &[]);
    // Apple lets one of each operator count.
    let number = Missing::Scts { needed: 2, counted: 1 };
    check(&APPLE, &certificate.with(&scts[..2]), &[&a, &same, &b], &[number, operators]);
    check(&APPLE, &certificate.with(&scts), &[&a, &same, &b], &[]);
    // One log twice is one log.
    let twice = [scts[0].clone(), certificate.sct(&a, "2026-11-27T14:00:00Z")];
    let number = Missing::Scts { needed: 2, counted: 1 };
    check(&COUNTERSIGN, &certificate.with(&twice), &[&a, &b], &[number, operators]);
}

#[test]
fn an_operator_is_who_ran_the_log_when_it_promised() {
    let (a, mut sold) = (log("a", "A"), log("sold", "A"));
    sold.log.previous_operators = vec![("B".to_owned(), time("2026-11-27T12:00:00Z"))];
    let certificate = Certificate::of_days(90);
    let operators = Missing::Operators { needed: 2, counted: 1 };
    for (promised, by_time) in [("2026-11-27T11:59:59Z", &[][..]), (YESTERDAY, &[operators])] {
        let scts = [certificate.sct(&a, YESTERDAY), certificate.sct(&sold, promised)];
        check(&CHROME, &certificate.with(&scts), &[&a, &sold], by_time);
        check(&MOZILLA, &certificate.with(&scts), &[&a, &sold], &[operators]);
        // We want two by either: the log says itself when it promised.
        check(&COUNTERSIGN, &certificate.with(&scts), &[&a, &sold], &[operators]);
    }
}

#[test]
fn a_retired_log_counts_for_what_it_promised_before_and_never_alone() {
    let (a, b) = (log("a", "A"), log("b", "B"));
    let before = retired("before", "R", "2026-11-28T00:00:00Z");
    let after = retired("after", "R", "2026-11-27T00:00:00Z");
    let ahead = retired("ahead", "R", "2026-11-29T00:00:00Z");
    let certificate = Certificate::of_days(90);
    let with = |log: &TestLog| {
        certificate.with(&[certificate.sct(&a, YESTERDAY), certificate.sct(log, YESTERDAY)])
    };
    check(&COUNTERSIGN, &with(&before), &[&a, &before], &[]);
    check(&COUNTERSIGN, &with(&ahead), &[&a, &ahead], &[]);
    let missing =
        [Missing::Scts { needed: 2, counted: 1 }, Missing::Operators { needed: 2, counted: 1 }];
    check(&COUNTERSIGN, &with(&after), &[&a, &after], &missing);
    let also = retired("also", "B", "2026-11-28T00:00:00Z");
    let both =
        certificate.with(&[certificate.sct(&before, YESTERDAY), certificate.sct(&also, YESTERDAY)]);
    check(&COUNTERSIGN, &both, &[&before, &also, &b], &[Missing::Current]);
    // A retirement that is announced takes nothing away yet.
    let alone = certificate
        .with(&[certificate.sct(&ahead, YESTERDAY), certificate.sct(&before, YESTERDAY)]);
    check(&COUNTERSIGN, &alone, &[&ahead, &b], &missing);
}

#[test]
fn the_future_waits_a_day_with_us_and_not_at_all_in_browsers() {
    let (a, b) = (log("a", "A"), log("b", "B"));
    let certificate = Certificate::of_days(90);
    let with = |promised| {
        certificate.with(&[certificate.sct(&a, YESTERDAY), certificate.sct(&b, promised)])
    };
    let missing =
        [Missing::Scts { needed: 2, counted: 1 }, Missing::Operators { needed: 2, counted: 1 }];
    check(&COUNTERSIGN, &with("2026-11-29T12:00:00Z"), &[&a, &b], &[]);
    check(&COUNTERSIGN, &with("2026-11-29T12:00:01Z"), &[&a, &b], &missing);
    check(&CHROME, &with("2026-11-28T12:00:00Z"), &[&a, &b], &[]);
    check(&CHROME, &with("2026-11-28T12:00:01Z"), &[&a, &b], &missing);
}

#[test]
fn apple_wants_a_log_of_the_old_kind() {
    let (old, new, newer) = (log("old", "A"), static_ct("new", "B"), static_ct("newer", "C"));
    let certificate = Certificate::of_days(90);
    let [a, b, c] = [&old, &new, &newer].map(|log| certificate.sct(log, YESTERDAY));
    let logs = [&old, &new, &newer];
    check(&APPLE, &certificate.with(&[b.clone(), c.clone()]), &logs, &[Missing::Rfc6962]);
    check(&CHROME, &certificate.with(&[b.clone(), c.clone()]), &logs, &[]);
    // The one that is lacking is found behind those that are enough without it.
    check(&APPLE, &certificate.with(&[b, c, a]), &logs, &[]);
}

#[test]
fn no_more_signatures_are_checked_than_are_needed() {
    let logs = [log("a", "A"), log("b", "A"), log("c", "B"), log("d", "C")];
    let logs: Vec<&TestLog> = logs.iter().collect();
    let certificate = Certificate::of_days(90);
    let scts: Vec<_> = logs.iter().map(|log| certificate.sct(log, YESTERDAY)).collect();
    let verdict = verdict(&COUNTERSIGN, Rung::Strict, &certificate.with(&scts), &logs);
    let worths: Vec<_> = verdict.scts.iter().map(|sct| sct.worth.clone()).collect();
    let counted = |operator: &str| Worth::Counted(operator.to_owned());
    // The second of operator A would bring less than the first of B.
    assert_eq!(worths, [counted("A"), Worth::NotTried, counted("B"), Worth::NotTried]);
}

#[test]
fn every_sct_is_told_what_it_is_worth() {
    let (a, b, gone, unknown) =
        (log("a", "A"), log("b", "B"), retired("gone", "C", "2026-01-01T00:00:00Z"), log("u", "U"));
    let certificate = Certificate::of_days(398);
    let forged = certificate.sct_of(&b.pair, &a.log.key, YESTERDAY);
    let scts = [
        forged,
        certificate.sct(&a, YESTERDAY),
        certificate.sct(&a, "2026-11-27T14:00:00Z"),
        certificate.sct(&gone, YESTERDAY),
        certificate.sct(&unknown, YESTERDAY),
        certificate.sct(&b, "2027-11-27T13:00:00Z"),
        vec![1, 2, 3],
    ];
    let verdict = verdict(&COUNTERSIGN, Rung::Strict, &certificate.with(&scts), &[&a, &b, &gone]);
    let worths: Vec<_> = verdict.scts.iter().map(|sct| sct.worth.clone()).collect();
    assert_eq!(
        worths,
        [
            Worth::Bad(BadSignature::Mismatch),
            Worth::Counted("A".to_owned()),
            Worth::SameLog,
            Worth::UntrustedLog(State::Retired),
            Worth::UnknownLog,
            Worth::Future,
            Worth::Unreadable(SctError::Version(1)),
        ]
    );
    assert_eq!(verdict.scts[3].log.as_deref(), Some("gone"));
    assert_eq!(verdict.scts[4].log, None);
}

#[test]
fn without_a_list_of_scts_or_with_an_odd_one_nothing_counts() {
    let (a, b) = (log("a", "A"), log("b", "B"));
    let logs = [&a, &b];
    let plain = sample::certificate(&sample::tbs(sample::validity(now(), 90), &[]));
    let nothing = [
        Missing::Scts { needed: 2, counted: 0 },
        Missing::Current,
        Missing::Operators { needed: 2, counted: 0 },
    ];
    check(&COUNTERSIGN, &plain, &logs, &nothing);

    let certificate = Certificate::of_days(90);
    let good = [certificate.sct(&a, YESTERDAY), certificate.sct(&b, YESTERDAY)];
    let unreadable = |extensions: &[&[u8]]| {
        let tbs = sample::tbs(sample::validity(now(), 90), extensions);
        match verdict(&COUNTERSIGN, Rung::Strict, &sample::certificate(&tbs), &logs).outcome {
            Outcome::Unreadable(why) => why,
            other => panic!("{other:?}"),
        }
    };
    let extension = sample::sct_extension(&good);
    let duplicate = CertificateError::Duplicate(crate::Part::SctList);
    assert_eq!(unreadable(&[&extension, &extension]), duplicate.into());
    assert_eq!(unreadable(&[&extension, &sample::poison()]), Unreadable::Precertificate);
    assert_eq!(unreadable(&[&sample::sct_extension(&[])]), ListError::Empty.into());
    let mut lying = extension.clone();
    let last = lying.len() - 1;
    lying.truncate(last);
    assert!(matches!(unreadable(&[&lying]), Unreadable::Certificate(_)));
}

#[test]
fn many_bad_scts_cost_sixteen_signatures_and_a_thousand_none() {
    let (a, b) = (log("a", "A"), log("b", "B"));
    let certificate = Certificate::of_days(90);
    let forged = certificate.sct_of(&b.pair, &a.log.key, YESTERDAY);
    let scts = vec![forged; SCTS_MAX];
    let judged = verdict(&COUNTERSIGN, Rung::Strict, &certificate.with(&scts), &[&a, &b]);
    let tried = judged.scts.iter().filter(|sct| matches!(sct.worth, Worth::Bad(_))).count();
    assert_eq!((judged.scts.len(), tried), (SCTS_MAX, SIGNATURES_MAX));
    assert!(matches!(judged.outcome, Outcome::Missing(_)));
    assert!(judged.to_string().len() < 10_000);
    // The shortest there are, and entries without a byte: as many as fit.
    let signed = DigitallySigned { hash: 4, signature_algorithm: 3, signature: vec![] };
    let short = sample::sct(LogId([9; 32]), 0, &signed);
    for scts in [vec![short; 1_000], vec![Vec::new(); 30_000]] {
        let judged = verdict(&COUNTERSIGN, Rung::Strict, &certificate.with(&scts), &[&a, &b]);
        assert_eq!(judged.outcome, Outcome::Unreadable(Unreadable::TooManyScts));
        assert_eq!(judged.scts, []);
    }
}

#[test]
fn the_degraded_rung_wants_one_known_log_and_the_number() {
    let (a, b, unknown, other) = (log("a", "A"), log("b", "A"), log("u", "U"), log("o", "O"));
    let gone = retired("gone", "C", "2026-11-28T00:00:00Z");
    let certificate = Certificate::of_days(90);
    let check = |scts: &[(&TestLog, &str)], satisfied| {
        let scts: Vec<_> =
            scts.iter().map(|(log, promised)| certificate.sct(log, promised)).collect();
        let judged =
            verdict(&COUNTERSIGN, Rung::Degraded, &certificate.with(&scts), &[&a, &b, &gone]);
        assert_eq!(judged.outcome == Outcome::Satisfied, satisfied, "{judged:?}");
    };
    check(&[(&a, YESTERDAY), (&unknown, YESTERDAY)], true);
    check(&[(&a, YESTERDAY), (&b, YESTERDAY)], true);
    check(&[(&a, YESTERDAY), (&gone, YESTERDAY)], true);
    check(&[(&a, YESTERDAY)], false);
    check(&[(&unknown, YESTERDAY), (&other, YESTERDAY)], false);
    check(&[(&gone, YESTERDAY), (&unknown, YESTERDAY)], false);
    // One unknown log twice is one.
    check(&[(&unknown, YESTERDAY), (&unknown, YESTERDAY)], false);
    // A known log with a bad signature is not unknown.
    let forged = certificate.sct_of(&a.pair, &b.log.key, YESTERDAY);
    let scts = [certificate.sct(&a, YESTERDAY), forged];
    let judged = verdict(&COUNTERSIGN, Rung::Degraded, &certificate.with(&scts), &[&a, &b]);
    assert_eq!(judged.outcome, Outcome::Missing(vec![Missing::Scts { needed: 2, counted: 1 }]));
}

#[test]
fn chrome_asks_nothing_of_certificates_from_before_its_policy() {
    let validity = sample::times(time("2018-04-30T23:59:59Z"), time("2027-04-30T00:00:00Z"));
    let old = sample::certificate(&sample::tbs(validity, &[]));
    assert_eq!(verdict(&CHROME, Rung::Strict, &old, &[]).outcome, Outcome::NotAsked);
    // A CA that is coerced can date a certificate back, so we ask.
    assert!(matches!(verdict(&COUNTERSIGN, Rung::Strict, &old, &[]).outcome, Outcome::Missing(_)));
}

proptest! {
    #[test]
    fn any_bytes_are_judged(certificate: Vec<u8>, issuer: Vec<u8>) {
        let presented = Presented { certificate: &certificate, issuer_spki: &issuer };
        let verdict = judge(&COUNTERSIGN, Rung::Strict, presented, &list(&[]), now());
        prop_assert!(verdict.outcome != Outcome::Satisfied);
    }

    /// Whatever is added to a certificate's SCTs, what was enough stays enough: an SCT never does harm.
    #[test]
    fn more_scts_never_do_harm(
        odd in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..80), 0..5),
        at in 0_usize..3,
        days in prop::sample::select(vec![90_i64, 398]),
    ) {
        let logs = [log("a", "A"), log("b", "B"), log("c", "C")];
        let certificate = Certificate::of_days(days);
        let mut scts: Vec<_> = logs.iter().map(|log| certificate.sct(log, YESTERDAY)).collect();
        scts.splice(at..at, odd);
        let refs: Vec<&TestLog> = logs.iter().collect();
        for policy in [CHROME, MOZILLA, APPLE, COUNTERSIGN] {
            let judged = verdict(&policy, Rung::Strict, &certificate.with(&scts), &refs);
            prop_assert_eq!(judged.outcome, Outcome::Satisfied);
        }
    }
}
