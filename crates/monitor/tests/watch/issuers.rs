//! The issuers that the entries of a static log name by their fingerprints.

use aws_lc_rs::digest::{SHA256, digest};
use countersign_lab::log::{Content, Fault, FaultKind, Group, Protocol};
use countersign_sct::{issuer_key_hash, spki_of};

use crate::watched::{POLL, Watched};

fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().unwrap()
}

/// Which of the issuers, the intermediate and the root, are in the store.
fn kept(watched: &Watched) -> [bool; 2] {
    let issuers: [Vec<u8>; 2] = watched.authority.issuers().try_into().unwrap();
    issuers.map(|issuer| {
        let kept = watched.store.reader().evidence(&sha256(&issuer)).unwrap();
        kept.is_some_and(|kept| kept == issuer)
    })
}

/// The key that each sighting has for its issuer's.
fn keys(watched: &Watched) -> Vec<Option<[u8; 32]>> {
    watched.sightings().iter().map(|sighting| sighting.issuer_key_sha256).collect()
}

/// The intermediate's key, which signs all that the authority issues.
fn intermediate_key(watched: &Watched) -> Option<[u8; 32]> {
    Some(issuer_key_hash(spki_of(watched.authority.intermediate()).unwrap()))
}

/// Has a certificate logged, with these issuers.
fn log(watched: &Watched, issuers: Vec<Vec<u8>>) {
    for log in &watched.logs {
        log.push(Content::X509 { certificate: watched.certificate() }, issuers.clone());
        log.publish();
    }
}

#[tokio::test]
async fn a_certificate_gets_the_key_of_the_issuer_that_signed_it() {
    let mut watched = Watched::new(&[Protocol::Rfc6962, Protocol::StaticCt]).await;
    watched.start().await;
    watched.run(POLL / 2).await;
    for _ in 0..3 {
        log(&watched, watched.authority.issuers());
        watched.run(POLL).await;
    }
    assert_eq!(keys(&watched), [intermediate_key(&watched); 6]);
    assert_eq!(kept(&watched), [true, true]);
    // Each was fetched once, and by nobody from a log that brings its chains.
    assert_eq!(watched.logs.iter().map(|log| log.requests("issuer/")).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(watched.opened(), [""; 0]);
    watched.stop().await;
}

#[tokio::test]
async fn a_chain_that_did_not_sign_gives_no_key() {
    let mut watched = Watched::new(&[Protocol::Rfc6962, Protocol::StaticCt]).await;
    watched.start().await;
    watched.run(POLL / 2).await;
    // The root did not sign it; and what is not a certificate signs nothing.
    log(&watched, vec![watched.authority.root().to_vec()]);
    log(&watched, vec![b"no certificate".to_vec()]);
    log(&watched, Vec::new());
    watched.run(POLL).await;
    assert_eq!(keys(&watched), [None; 6]);
    assert_eq!(watched.opened(), [""; 0]);
    watched.stop().await;
}

/// The issuers are answered with this until the watch was stopped and started again.
async fn check(kind: FaultKind) {
    let mut watched = Watched::new(&[Protocol::StaticCt]).await;
    watched.start().await;
    watched.run(POLL / 2).await;
    let fault = Fault::new(kind.clone()).on("issuer/");
    watched.logs[0].turn(Group::A, |knobs| knobs.faults = vec![fault]);
    log(&watched, watched.authority.issuers());
    watched.run(POLL).await;
    // The sighting did not wait, and what it lacks is said.
    assert_eq!(keys(&watched), [None], "{kind:?}");
    assert_eq!(kept(&watched), [false, false]);
    watched.run(POLL).await;
    assert_eq!(watched.kinds(), ["missing-issuer"], "{kind:?}");
    let detail = watched.troubles().remove(0).detail;
    assert!(detail.contains("2 of the issuers"), "{detail}");
    assert!(detail.contains("issuer/"), "{detail}");

    watched.stop().await;
    watched.start().await;
    watched.run(POLL).await;
    assert_eq!(watched.kinds(), ["missing-issuer"], "{kind:?}: it is not over");
    // Asked for again and again, but less and less often. A broken request is sent twice.
    let asked = watched.logs[0].requests("issuer/");
    watched.run(100 * POLL).await;
    let asked = watched.logs[0].requests("issuer/") - asked;
    assert!((8..=40).contains(&asked), "{kind:?}: asked {asked} times");

    watched.logs[0].turn(Group::A, |knobs| knobs.faults.clear());
    watched.run(144 * POLL).await;
    assert_eq!(keys(&watched), [intermediate_key(&watched)], "{kind:?}");
    assert_eq!(kept(&watched), [true, true], "{kind:?}");
    assert_eq!(watched.kinds(), [""; 0], "{kind:?}");
    assert_eq!(watched.opened(), ["missing-issuer"], "{kind:?}");
    assert_eq!(watched.sightings().len(), 1, "{kind:?}");
    watched.stop().await;
}

#[tokio::test]
async fn an_issuer_that_the_log_does_not_give_is_named_and_comes_later() {
    check(FaultKind::Status(404)).await;
    check(FaultKind::Html).await;
    check(FaultKind::Reset).await;
}

/// What was sighted while there was no time for its issuers is completed by the next watch.
#[tokio::test]
async fn what_a_stopped_watch_lacked_is_found_again() {
    let mut watched = Watched::new(&[Protocol::StaticCt]).await;
    watched.start().await;
    watched.run(POLL / 2).await;
    let fault = Fault::new(FaultKind::Status(429)).on("issuer/");
    watched.logs[0].turn(Group::A, |knobs| knobs.faults = vec![fault]);
    log(&watched, watched.authority.issuers());
    watched.run(POLL).await;
    assert_eq!(keys(&watched), [None]);
    watched.stop().await;
    watched.logs[0].turn(Group::A, |knobs| knobs.faults.clear());
    watched.start().await;
    watched.run(POLL).await;
    assert_eq!(keys(&watched), [intermediate_key(&watched)]);
    assert_eq!(kept(&watched), [true, true]);
    // To be asked to wait is no trouble.
    assert_eq!(watched.opened(), [""; 0]);
    watched.stop().await;
}
