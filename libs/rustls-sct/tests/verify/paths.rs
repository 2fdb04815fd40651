//! Which path the SCTs are held against, and what becomes of the others.

use std::sync::{Arc, Mutex};

use countersign_rustls_sct::{Decision, Enforcer, Refused, SctVerifier, refusal, settings};
use countersign_sct::enforcer::{Memory, Reason, Warning};
use countersign_sct::{Action, Outcome, Verdict};
use jiff::{SignedDuration, Timestamp};
use rustls::client::danger::ServerCertVerifier;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::pki::{Ca, HOST, Logs, NOW, store, unix, verifier};

/// What the verifier says of a certificate, what it tells the application, and how often.
struct Said {
    result: Result<(), rustls::Error>,
    told: Vec<(Decision, String)>,
}

impl Said {
    #[track_caller]
    fn accepted(&self) -> &Decision {
        assert_eq!(self.result, Ok(()));
        let [(decision, host)] = &self.told[..] else { panic!("told {} times", self.told.len()) };
        assert_eq!((decision.action, host.as_str()), (Action::Accept, HOST));
        decision
    }

    #[track_caller]
    fn refused(&self) -> &Refused {
        let error = self.result.as_ref().expect_err("refused");
        let refused = refusal(error).unwrap_or_else(|| panic!("{error:?}"));
        let [(decision, host)] = &self.told[..] else { panic!("told {} times", self.told.len()) };
        assert_eq!((decision, host.as_str()), (&refused.decision, HOST));
        refused
    }
}

fn ask(
    roots: &[&Ca],
    enforcer: &Arc<Enforcer>,
    certificate: &CertificateDer<'_>,
    sent: &[&CertificateDer<'static>],
) -> Said {
    ask_at(NOW, roots, enforcer, certificate, sent)
}

fn ask_at(
    now: Timestamp,
    roots: &[&Ca],
    enforcer: &Arc<Enforcer>,
    certificate: &CertificateDer<'_>,
    sent: &[&CertificateDer<'static>],
) -> Said {
    let told = Arc::new(Mutex::new(Vec::new()));
    let hear = Arc::clone(&told);
    let verifier = SctVerifier::builder(store(roots))
        .enforcer(Arc::clone(enforcer))
        .on_decision(move |decision, host| {
            let host = host.to_str().into_owned();
            hear.lock().expect("nobody panics").push((decision.clone(), host));
        })
        .build()
        .expect("it has roots");
    let sent: Vec<_> = sent.iter().map(|certificate| (*certificate).clone()).collect();
    let host = ServerName::try_from(HOST).expect("a name");
    let result = verifier.verify_server_cert(certificate, &sent, &host, &[], unix(now));
    let told = std::mem::take(&mut *told.lock().expect("nobody panics"));
    Said { result: result.map(|_| ()), told }
}

fn verdict(decision: &Decision) -> &Verdict {
    match &decision.reason {
        Reason::Judged(verdict) => verdict,
        other => panic!("{other}"),
    }
}

#[test]
fn a_certificate_of_a_public_ca_needs_scts() {
    let (logs, root) = (Logs::new(), Ca::root("public"));
    let ca = Ca::below(&root, "intermediate");
    let enforcer = logs.enforcer(&[&root]);
    let ask =
        |logs: &[_]| ask(&[&root], &enforcer, &ca.issue(logs).certificate, &[&ca.certificate]);
    ask(&logs.both()).accepted();
    assert_eq!(
        ask(&[]).refused().to_string(),
        "certificate transparency: refused: no log has promised to publish the certificate: it has no SCT"
    );
    ask(&[&logs.one]).refused();
    ask(&[&logs.one, &logs.unlisted]).refused();
    // SCTs that are not needed, of whatever log, do no harm.
    ask(&[&logs.unlisted, &logs.one, &logs.two]).accepted();
}

#[test]
fn a_certificate_of_a_private_ca_needs_none() {
    let (logs, root) = (Logs::new(), Ca::root("private"));
    let ca = Ca::below(&root, "intermediate");
    let enforcer = logs.enforcer(&[]);
    let said = ask(&[&root], &enforcer, &ca.issue(&[]).certificate, &[&ca.certificate]);
    assert_eq!(said.accepted().reason, Reason::PrivateRoot);
}

#[test] // The log's issuer_key_hash is over the root's key with the header that rustls has taken off.
fn a_root_may_issue_directly() {
    let (logs, root) = (Logs::new(), Ca::root("public"));
    let enforcer = logs.enforcer(&[&root]);
    ask(&[&root], &enforcer, &root.issue(&logs.both()).certificate, &[]).accepted();
    ask(&[&root], &enforcer, &root.issue(&[]).certificate, &[]).refused();
}

#[test]
fn a_server_may_send_its_chain_in_any_order_and_more() {
    let (logs, root) = (Logs::new(), Ca::root("public"));
    let (upper, other) = (Ca::below(&root, "upper"), Ca::root("other"));
    let lower = Ca::below(&upper, "lower");
    // Their names are those of the issuers, and their keys are not.
    let (impostor, sibling) = (Ca::below(&upper, "lower"), Ca::below(&other, "lower"));
    let enforcer = logs.enforcer(&[&root]);
    let good = lower.issue(&logs.both()).certificate;
    let bad = lower.issue(&[]).certificate;
    let [u, l] = [&upper, &lower].map(|ca| &ca.certificate);
    let [i, s, r, o] = [&impostor, &sibling, &root, &other].map(|ca| &ca.certificate);
    for sent in [vec![l, u], vec![u, l], vec![i, u, l], vec![s, o, i, u, l, r], vec![r, l, u, l]] {
        ask(&[&root], &enforcer, &good, &sent).accepted();
        let refused = ask(&[&root], &enforcer, &bad, &sent);
        assert_eq!(refused.refused().decision.action, Action::Refuse);
    }
}

#[test] // The intermediate has a certificate of a public root, and one of a root that this machine added.
fn where_the_public_path_is_refused_a_private_one_is_taken() {
    let (logs, public, private) = (Logs::new(), Ca::root("public"), Ca::root("private"));
    let ca = Ca::below(&public, "intermediate");
    let crossed = ca.cross_signed(&private);
    let enforcer = logs.enforcer(&[&public]);
    let unlogged = ca.issue(&[]).certificate;
    for sent in [[&ca.certificate, &crossed], [&crossed, &ca.certificate]] {
        for roots in [[&public, &private], [&private, &public]] {
            let said = ask(&roots, &enforcer, &unlogged, &sent);
            assert_eq!(said.accepted().reason, Reason::PrivateRoot);
        }
        // Nothing but the trust of this machine made the private path count.
        ask(&[&public], &enforcer, &unlogged, &sent).refused();
    }
}

#[test]
fn of_several_public_paths_each_is_tried_and_one_refusal_told() {
    let (logs, new, old) = (Logs::new(), Ca::root("new root"), Ca::root("old root"));
    let ca = Ca::below(&new, "intermediate");
    let (crossed, new_by_old) = (ca.cross_signed(&old), new.cross_signed(&old));
    let enforcer = logs.enforcer(&[&new, &old]);
    let sent = [&ca.certificate, &crossed, &new_by_old];
    let said = ask(&[&old, &new], &enforcer, &ca.issue(&[&logs.one]).certificate, &sent);
    assert!(matches!(verdict(&said.refused().decision).outcome, Outcome::Missing(_)));
    ask(&[&old, &new], &enforcer, &ca.issue(&logs.both()).certificate, &sent).accepted();
}

#[test] // A root that is public stays so when the client reaches it over another.
fn a_public_root_below_a_private_one_is_public() {
    let (logs, public, private) = (Logs::new(), Ca::root("public"), Ca::root("private"));
    let ca = Ca::below(&public, "intermediate");
    let public_by_private = public.cross_signed(&private);
    let enforcer = logs.enforcer(&[&public]);
    let sent = [&ca.certificate, &public_by_private];
    ask(&[&private], &enforcer, &ca.issue(&[]).certificate, &sent).refused();
    ask(&[&private], &enforcer, &ca.issue(&logs.both()).certificate, &sent).accepted();
}

#[test]
fn a_host_that_turns_private_is_told() {
    let (logs, public, private) = (Logs::new(), Ca::root("public"), Ca::root("private"));
    let enforcer = logs.enforcer(&[&public]);
    let roots = [&public, &private];
    let before = ask(&roots, &enforcer, &public.issue(&logs.both()).certificate, &[]);
    assert_eq!(before.accepted().warnings, []);
    let after = ask(&roots, &enforcer, &private.issue(&[]).certificate, &[]);
    assert!(matches!(after.accepted().warnings[..], [Warning::TurnedPrivate { .. }]));
}

#[test] // Else anybody could teach the enforcer that this host has a certificate of a public CA.
fn nothing_is_learned_from_a_certificate_of_another_name() {
    let (logs, root) = (Logs::new(), Ca::root("public"));
    let enforcer = logs.enforcer(&[&root]);
    let verifier = verifier(&[&root], Arc::clone(&enforcer));
    let leaf = root.issue(&logs.both()).certificate;
    let ask = |host: &str| {
        let host = ServerName::try_from(host).expect("a name").to_owned();
        verifier.verify_server_cert(&leaf, &[], &host, &[], unix(NOW)).is_ok()
    };
    assert!(!ask("other.example"));
    assert_eq!(enforcer.memory(), Memory::default());
    assert!(ask("www.wild.example") && ask("192.0.2.7") && ask(HOST));
    assert_ne!(enforcer.memory(), Memory::default());
}

#[test] // Rustls may be given a clock; what the enforcer sees of time is that one.
fn the_clock_is_that_of_rustls() {
    let (logs, root) = (Logs::new(), Ca::root("public"));
    let enforcer = logs.enforcer(&[&root]);
    let leaf = root.issue_with(&[&logs.one, &logs.unlisted], |params| {
        params.not_after = rcgen::date_time_ymd(2027, 4, 20);
    });
    let days = |days: i64| NOW + SignedDuration::from_hours(24 * days);
    let ask = |now| ask_at(now, &[&root], &enforcer, &leaf.certificate, &[]);
    ask(days(0)).refused();
    let later = ask(days(75)); // the list is 76 days old: one log that is known is enough
    assert!(matches!(later.accepted().warnings[..], [Warning::ListOld { days: 76 }]));
}

#[test]
fn a_verifier_without_an_enforcer_has_the_built_in_one() {
    let root = Ca::root("private");
    let verifier = SctVerifier::builder(store(&[&root])).build().expect("it has roots");
    let built_in = Enforcer::built_in(settings());
    assert_eq!(verifier.enforcer().list(), built_in.list());
    assert!(SctVerifier::builder(store(&[])).build().is_err(), "without roots there is none");
}
