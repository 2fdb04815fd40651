//! Decisions on chains that end in public and in private roots, by lists of every age.

use super::*;
use crate::certificate::{CertificateError, Part};
use crate::key::tests::signer;
use crate::log_list::{Api, Log, Purpose, State};
use crate::sample;
use crate::signed_list::SUSPENSION_MAX;
use aws_lc_rs::signature::EcdsaKeyPair;
use jiff::SignedDuration;
use proptest::prelude::*;

/// A CA whose root is public, with two logs of two operators.
struct World {
    root: Vec<u8>,
    logs: [(EcdsaKeyPair, Log); 2],
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The list was issued at this time.
fn issued() -> Timestamp {
    time("2026-09-01T00:00:00Z")
}

fn after_days(days: i64) -> Timestamp {
    issued() + SignedDuration::from_hours(24 * days)
}

/// A root certificate with a key of its own.
fn root(number: u8) -> Vec<u8> {
    let spki = [0x30, 3, 2, 1, number];
    sample::certificate(&sample::tbs_for(&spki, sample::validity(issued(), 3_650), &[]))
}

impl World {
    fn new() -> Self {
        let log = |operator: &str| {
            let (pair, key) = signer();
            let api = Api::Rfc6962 { url: String::new() };
            let states = vec![(State::Usable, time("2025-01-01T00:00:00Z"))];
            let (previous_operators, purpose) = (Vec::new(), Purpose::Production);
            let (description, operator) = (format!("{operator}1"), operator.to_owned());
            let (mmd_s, interval) = (None, None);
            let log = Log {
                key,
                description,
                operator,
                previous_operators,
                api,
                mmd_s,
                states,
                interval,
                purpose,
            };
            (pair, log)
        };
        Self { root: root(7), logs: [log("A"), log("B")] }
    }

    fn list(&self) -> SignedList {
        let logs = self.logs.iter().map(|(_, log)| log.clone()).collect();
        SignedList::new(7, issued(), after_days(365), logs)
    }

    fn enforcer_with(&self, settings: Settings, list: SignedList) -> Enforcer {
        let mut roots = PublicRoots::default();
        roots.add_certificate(&self.root).unwrap();
        Enforcer::new(settings, list, roots, Memory::default())
    }

    fn enforcer(&self) -> Enforcer {
        self.enforcer_with(Settings::new("test"), self.list())
    }

    /// A certificate of 90 days from the day before, with SCTs of so many of the logs.
    fn certificate(&self, scts: usize, now: Timestamp) -> Vec<u8> {
        let validity = sample::validity(now, 90);
        let tbs = sample::tbs(validity.clone(), &[]);
        let promised = now - SignedDuration::from_hours(20);
        let issuer = spki_of(&self.root).unwrap();
        let scts: Vec<_> = self.logs[..scts]
            .iter()
            .map(|(pair, log)| sample::promise(pair, log.key.id(), issuer, &tbs, promised))
            .collect();
        let extension = (!scts.is_empty()).then(|| sample::sct_extension(&scts));
        let extensions: Vec<&[u8]> = extension.iter().map(Vec::as_slice).collect();
        sample::certificate(&sample::tbs(validity, &extensions))
    }
}

fn judge(enforcer: &Enforcer, chain: &[&[u8]], now: Timestamp) -> Decision {
    let host = Some("xmpp.test");
    enforcer
        .judge(Chain { certificates: chain, anchor: Anchor::Last, host, trust: Trust::Roots }, now)
}

#[test]
fn only_what_ends_in_a_public_root_has_to_be_logged() {
    let world = World::new();
    let enforcer = world.enforcer();
    let now = after_days(1);
    let (unlogged, private) = (world.certificate(0, now), root(8));
    assert_eq!(judge(&enforcer, &[&unlogged, &world.root], now).action, Action::Refuse);
    let decision = judge(&enforcer, &[&unlogged, &private], now);
    assert_eq!(decision, Decision::accept(Reason::PrivateRoot));
    // A public root need not be last: a client may trust another one that has signed it.
    assert_eq!(judge(&enforcer, &[&unlogged, &world.root, &private], now).action, Action::Refuse);
    // It may be known by its key alone.
    let anchor = Anchor::Key(spki_of(&world.root).unwrap());
    let certificates = &[&unlogged[..]];
    let chain = Chain { certificates, anchor, host: None, trust: Trust::Roots };
    assert_eq!(enforcer.judge(chain, now).action, Action::Refuse);
    let dane = Chain { trust: Trust::Dane, ..chain };
    assert_eq!(enforcer.judge(dane, now), Decision::accept(Reason::Dane));
    // A certificate that is its own anchor has no issuer that could be public.
    assert_eq!(judge(&enforcer, &[&unlogged], now).reason, Reason::PrivateRoot);
    assert_eq!(judge(&enforcer, &[], now), Decision::refuse(Reason::NoCertificate));
}

#[test]
fn what_does_not_end_in_a_root_is_asked_or_refused() {
    let world = World::new();
    let enforcer = world.enforcer();
    let now = after_days(1);
    let judge = |certificates: &[&[u8]], anchor| {
        enforcer.judge(Chain { certificates, anchor, host: None, trust: Trust::Roots }, now)
    };
    // An intermediate that the client trusts by itself, and whose key is no root's.
    let intermediate = sample::issued_by_another(&[0x30, 3, 2, 1, 9], sample::validity(now, 900));
    let unlogged = world.certificate(0, now);
    let chain: &[&[u8]] = &[&unlogged, &intermediate];
    assert_eq!(judge(chain, Anchor::Last).action, Action::Refuse);
    assert!(matches!(judge(chain, Anchor::Last).reason, Reason::Judged(_)));
    assert_eq!(judge(chain, Anchor::Unsaid), Decision::refuse(Reason::CutOff));
    // A certificate that is trusted by itself: one that another has issued, and one that has issued itself.
    let alone: &[&[u8]] = &[&intermediate];
    assert_eq!(judge(alone, Anchor::Last), Decision::refuse(Reason::CutOff));
    assert_eq!(judge(alone, Anchor::Unsaid), Decision::refuse(Reason::CutOff));
    let private = root(8);
    for anchor in [Anchor::Last, Anchor::Unsaid] {
        assert_eq!(judge(&[&private], anchor).reason, Reason::PrivateRoot);
        assert_eq!(judge(&[&unlogged, &private], anchor).reason, Reason::PrivateRoot);
        assert_eq!(judge(&[&unlogged, &world.root], anchor).action, Action::Refuse);
    }
}

#[test]
fn a_chain_that_cannot_be_read_is_refused() {
    let world = World::new();
    let unlogged = world.certificate(0, issued());
    let decision = judge(&world.enforcer(), &[&unlogged, b"no certificate", &world.root], issued());
    assert_eq!(decision.action, Action::Refuse);
    assert!(matches!(
        decision.reason,
        Reason::Unreadable(CertificateError::Malformed(Part::Certificate, _))
    ));
}

#[test]
fn the_ladder_asks_less_and_less() {
    let world = World::new();
    let high_risk = Settings { profile: Profile::HighRisk, ..Settings::new("test") };
    let check = |days: i64, scts: usize, is_witnessed: bool, expected: [Action; 2]| {
        let now = after_days(days);
        let (certificate, good) = (world.certificate(scts, now), world.certificate(2, now));
        for (settings, expected) in
            [Settings::new("test"), high_risk.clone()].into_iter().zip(expected)
        {
            // A new one each time: what one has seen, it does not forget.
            let enforcer = world.enforcer_with(settings, world.list());
            if is_witnessed {
                judge(&enforcer, &[&good, &world.root], now);
            }
            let decision = judge(&enforcer, &[&certificate, &world.root], now);
            assert_eq!(decision.action, expected, "{days} days, {scts} SCTs: {decision}");
            // Whatever is not as it should be is told.
            assert_eq!(decision.warnings.is_empty(), days <= STRICT_DAYS);
        }
    };
    use Action::{Accept, Refuse};
    for is_witnessed in [false, true] {
        for days in [0, 70, 71, 75, 180, 181, 1_000] {
            check(days, 2, is_witnessed, [Accept, Accept]);
        }
        for days in [0, 70, 71, 75, 180] {
            check(days, 0, is_witnessed, [Refuse, Refuse]);
            check(days, 1, is_witnessed, [Refuse, Refuse]);
        }
        for days in [731, 10_000] {
            check(days, 0, is_witnessed, [Accept, Refuse]);
        }
    }
    // Between half a year and two, the clock alone turns nothing off: who has it could turn it forward.
    for days in [182, 364, 366, 729] {
        check(days, 0, false, [Refuse, Refuse]);
        check(days, 0, true, [Accept, Refuse]);
        check(days, 1, true, [Accept, Refuse]);
    }
}

#[test]
fn one_log_alone_moves_no_clock() {
    let world = World::new();
    let enforcer = world.enforcer();
    // A log that promises a day ahead, in each certificate a day more.
    for days in 0..400 {
        let now = issued() + SignedDuration::from_hours(1);
        let tbs = sample::tbs(sample::validity(now, 90), &[]);
        let issuer = spki_of(&world.root).unwrap();
        let promise = |log: usize, at| {
            let (pair, log) = &world.logs[log];
            sample::promise(pair, log.key.id(), issuer, &tbs, at)
        };
        let scts = [promise(0, issued()), promise(1, after_days(days))];
        let extension = sample::sct_extension(&scts);
        let certificate =
            sample::certificate(&sample::tbs(sample::validity(now, 90), &[&extension]));
        judge(&enforcer, &[&certificate, &world.root], now);
    }
    assert_eq!(enforcer.state().memory.seen(), issued());
}

#[test]
fn a_list_that_expires_early_is_too_old_early() {
    let world = World::new();
    let mut list = world.list();
    list.expires = after_days(90);
    let enforcer = world.enforcer_with(Settings::new("test"), list);
    let unlogged = world.certificate(0, issued());
    let judge_at = |days| judge(&enforcer, &[&unlogged, &world.root], after_days(days));
    assert_eq!(judge_at(89).action, Action::Refuse);
    // Logs have signed that it is later than that.
    let good = world.certificate(2, after_days(91));
    assert_eq!(judge(&enforcer, &[&good, &world.root], after_days(91)).action, Action::Accept);
    let late = judge_at(90);
    assert_eq!(late.action, Action::Accept);
    assert_eq!(late.warnings, [Warning::ListTooOld { days: 90 }, Warning::WouldRefuse(None)]);
}

#[test]
fn the_clock_never_runs_behind_the_list_or_what_logs_have_signed() {
    let world = World::new();
    let enforcer = world.enforcer();
    // A list from the future enforces like one of today.
    let long_ago = time("1999-01-01T00:00:00Z");
    let unlogged = world.certificate(0, issued());
    assert_eq!(judge(&enforcer, &[&unlogged, &world.root], long_ago).action, Action::Refuse);
    assert_eq!(judge(&enforcer, &[&unlogged, &world.root], long_ago).warnings, []);
    // A log has signed that it is day 100: nobody makes the list young by turning the clock back.
    let day_100 = after_days(100);
    let good = world.certificate(2, day_100);
    assert_eq!(judge(&enforcer, &[&good, &world.root], day_100).action, Action::Accept);
    let warnings = judge(&enforcer, &[&unlogged, &world.root], issued()).warnings;
    assert_eq!(warnings, [Warning::ListOld { days: 99 }]);
    // And so it is after the next start.
    let text = enforcer.memory().to_text();
    let mut roots = PublicRoots::default();
    roots.add_certificate(&world.root).unwrap();
    let memory = Memory::parse(&text).unwrap();
    let again = Enforcer::new(Settings::new("test"), world.list(), roots, memory);
    let warnings = judge(&again, &[&unlogged, &world.root], issued()).warnings;
    assert_eq!(warnings, [Warning::ListOld { days: 99 }]);
}

#[test]
fn a_host_that_turns_private_is_told() {
    let world = World::new();
    let enforcer = world.enforcer();
    let (now, private) = (after_days(1), root(8));
    let (good, unlogged) = (world.certificate(2, now), world.certificate(0, now));
    assert_eq!(judge(&enforcer, &[&unlogged, &private], now).warnings, []);
    assert_eq!(judge(&enforcer, &[&unlogged, &world.root], now).action, Action::Refuse);
    // What was refused is not remembered.
    assert_eq!(judge(&enforcer, &[&unlogged, &private], now).warnings, []);
    assert_eq!(judge(&enforcer, &[&good, &world.root], now).action, Action::Accept);
    let turned = judge(&enforcer, &[&unlogged, &private], now);
    assert_eq!(turned.action, Action::Accept);
    assert_eq!(turned.warnings, [Warning::TurnedPrivate { last_public: now }]);
    let certificates = &[&unlogged[..], &private];
    let other_case =
        Chain { certificates, anchor: Anchor::Last, host: Some("XMPP.test."), trust: Trust::Roots };
    assert_eq!(enforcer.judge(other_case, now).warnings.len(), 1);
}

#[test]
fn a_suspension_has_a_scope_and_an_end() {
    let world = World::new();
    let (now, other) = (after_days(1), root(9));
    let check = |scope: Scope, days: i64, expected| {
        let mut list = world.list();
        let suspension =
            Suspension { scope, until: after_days(days), reason: "it is broken".to_owned() };
        list.suspensions = vec![suspension.clone()];
        // It can be written down and read.
        assert_eq!(SignedList::parse(&list.to_text()).as_ref(), Ok(&list));
        let enforcer = world.enforcer_with(Settings::new("test"), list);
        let decision = judge(&enforcer, &[&world.certificate(0, now), &world.root], now);
        assert_eq!(decision.action, expected);
        let told = decision.warnings == [Warning::WouldRefuse(Some(suspension))];
        assert_eq!(told, expected == Action::Accept);
    };
    let issuer = |certificate| Scope::Issuer(issuer_key_hash(spki_of(certificate).unwrap()));
    check(issuer(&world.root), 2, Action::Accept);
    check(issuer(&world.root), 1, Action::Refuse);
    check(issuer(&other), 2, Action::Refuse);
    check(Scope::Way("test".to_owned()), 2, Action::Accept);
    check(Scope::Way("python".to_owned()), 2, Action::Refuse);
    assert!(SUSPENSION_MAX <= SignedDuration::from_hours(14 * 24));
}

#[test]
fn an_older_list_is_not_taken() {
    let world = World::new();
    let enforcer = world.enforcer();
    let with = |version, logs: usize| {
        let logs = world.logs[..logs].iter().map(|(_, log)| log.clone()).collect();
        SignedList::new(version, issued(), after_days(365), logs)
    };
    assert_eq!(enforcer.take(with(6, 2)), Err(NotNewer { known: 7, found: 6 }));
    assert_eq!(enforcer.take(with(7, 1)), Err(NotNewer { known: 7, found: 7 }));
    let mut earlier = with(8, 2);
    earlier.issued = issued() - SignedDuration::from_secs(1);
    assert_eq!(enforcer.take(earlier), Err(NotNewer { known: 7, found: 8 }));
    assert_eq!(enforcer.take(with(7, 2)), Ok(()));
    let now = after_days(1);
    let good = world.certificate(2, now);
    assert_eq!(judge(&enforcer, &[&good, &world.root], now).action, Action::Accept);
    // A new list is heeded at once, whatever was judged before.
    assert_eq!(enforcer.take(with(8, 1)), Ok(()));
    assert_eq!(enforcer.list().version, 8);
    assert_eq!(judge(&enforcer, &[&good, &world.root], now).action, Action::Refuse);
    // So is an empty one: no log is trusted.
    assert_eq!(enforcer.take(with(9, 0)), Ok(()));
    assert_eq!(judge(&enforcer, &[&good, &world.root], now).action, Action::Refuse);
}

#[test]
fn a_verdict_is_kept_for_ten_minutes_of_one_issuer() {
    let world = World::new();
    let enforcer = world.enforcer();
    let now = after_days(1);
    let good = world.certificate(2, now);
    assert_eq!(judge(&enforcer, &[&good, &world.root], now).action, Action::Accept);
    let Reason::Judged(first) = judge(&enforcer, &[&good, &world.root], now).reason else {
        panic!()
    };
    let at = |seconds| {
        let later = now + SignedDuration::from_secs(seconds);
        let Reason::Judged(verdict) = judge(&enforcer, &[&good, &world.root], later).reason else {
            panic!()
        };
        Arc::ptr_eq(&first, &verdict)
    };
    assert!(at(599) && !at(600) && !at(-1));
    // Another issuer, another certificate as far as logs are concerned.
    let mut roots = PublicRoots::default();
    let other = root(9);
    roots.add_certificate(&other).unwrap();
    let enforcer = Enforcer::new(Settings::new("test"), world.list(), roots, Memory::default());
    assert_eq!(judge(&enforcer, &[&good, &other], now).action, Action::Refuse);
}

#[test]
fn nothing_grows() {
    let world = World::new();
    let enforcer = world.enforcer();
    for number in 0..10_000_u32 {
        let mut certificate = world.certificate(0, issued());
        let last = certificate.len() - 1;
        certificate.splice(last.., number.to_be_bytes());
        let host = format!("{number}.test");
        let chain = &[&certificate[..], &world.root];
        let chain = Chain {
            certificates: chain,
            anchor: Anchor::Last,
            host: Some(&host),
            trust: Trust::Roots,
        };
        enforcer.judge(chain, issued());
        enforcer.state().memory.learn(Some(&host), None, after_days(number.into()));
    }
    assert!(enforcer.state().cache.len() <= 1_024);
    let memory = enforcer.memory();
    let hosts = memory.to_text().lines().count() - 1;
    assert!((HOSTS_MAX * 7 / 8..=HOSTS_MAX).contains(&hosts), "{hosts}");
    assert_eq!((memory.host("0.test"), memory.host("9999.test")), (None, Some(after_days(9_999))));
    assert_eq!(Memory::parse(&memory.to_text()), Ok(memory));
}

#[test]
fn memories_are_merged_and_the_later_time_wins() {
    let learned = |hosts: &[(&str, i64)]| {
        let mut memory = Memory::default();
        for (host, day) in hosts {
            memory.learn(Some(host), Some(after_days(*day)), after_days(*day));
        }
        memory
    };
    let mut one = learned(&[("a.test", 1), ("b.test", 9)]);
    one.merge(&learned(&[("a.test", 5), ("c.test", 2)]));
    assert_eq!(one, learned(&[("a.test", 5), ("b.test", 9), ("c.test", 2)]));
}

#[test]
fn public_roots_are_those_of_mozilla_and_more() {
    let built_in = PublicRoots::built_in();
    assert!(built_in.len() > 200, "{}", built_in.len());
    for anchor in webpki_roots::TLS_SERVER_ROOTS {
        // A trust anchor is kept without the header of its SubjectPublicKeyInfo.
        let spki = crate::certificate::element(0x30, &[anchor.subject_public_key_info.as_ref()]);
        assert!(built_in.contains(&issuer_key_hash(&spki)), "{:?}", anchor.subject);
    }
}

#[test]
fn roots_are_read_from_pem() {
    let mut roots = PublicRoots::default();
    let encoded = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, root(7));
    let block = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
    assert_eq!(roots.add_pem(&format!("text\n{block}more\n{block}")), Ok(2));
    assert_eq!(roots.len(), 1);
    assert!(roots.contains(&issuer_key_hash(spki_of(&root(7)).unwrap())));
    assert_eq!(roots.add_pem("no certificates"), Ok(0));
    let mut behind = PublicRoots::default();
    let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(
        behind.add_pem(&format!("{bad}{block}")),
        Err(PublicRootsError::Certificate(_))
    ));
    assert_eq!(behind, roots);
    assert_eq!(roots.add_pem(&block[..60]), Err(PublicRootsError::Pem));
    assert_eq!(roots.add_pem(&block.replace('\n', "\n!")), Err(PublicRootsError::Pem));
}

proptest! {
    #[test]
    fn any_chain_is_judged(chain in prop::collection::vec(any::<Vec<u8>>(), 0..4), seconds: i32) {
        let world = World::new();
        let certificates: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        let now = Timestamp::from_second(seconds.into()).unwrap();
        let high_risk = Settings { profile: Profile::HighRisk, ..Settings::new("test") };
        let enforcer = world.enforcer_with(high_risk, world.list());
        let _ = judge(&enforcer, &certificates, now);
        let with_root: Vec<&[u8]> = [&certificates[..], &[&world.root]].concat();
        if !chain.is_empty() {
            prop_assert_eq!(judge(&enforcer, &with_root, now).action, Action::Refuse);
        }
    }

    #[test]
    fn any_text_is_a_memory_or_not(text: String) {
        if let Ok(memory) = Memory::parse(&text) {
            prop_assert_eq!(Memory::parse(&memory.to_text()), Ok(memory));
        }
    }
}
