//! Doubts about a log, and what may settle them.

use countersign_lab::log::{Content, Fault, FaultKind, Group, Protocol};

use crate::watched::{POLL, UNREACHABLE_AFTER, Watched};

/// A log shows another, larger tree; asked for the proof, it does this.
async fn doubted(protocol: Protocol, kind: FaultKind, path: &str) -> Watched {
    let mut watched = Watched::new(&[protocol]).await;
    watched.start().await;
    watched.run(POLL / 2).await;
    let stranger = |number: u8| Content::X509 { certificate: vec![number; 100] };
    for number in 0..10 {
        watched.logs[0].push(stranger(number), Vec::new());
    }
    watched.logs[0].publish();
    watched.run(POLL).await;
    let fork = watched.logs[0].fork(5);
    watched.logs[0].turn(Group::A, |knobs| {
        knobs.branch = fork;
        knobs.faults = vec![Fault::new(kind).on(path)];
    });
    for number in 20..30 {
        watched.logs[0].push(stranger(number), Vec::new());
    }
    watched.logs[0].publish();
    watched
}

#[tokio::test]
async fn a_log_that_answers_without_a_proof_has_none() {
    for kind in [FaultKind::Status(404), FaultKind::Html] {
        let path = "get-sth-consistency";
        let mut watched = doubted(Protocol::Rfc6962, kind.clone(), path).await;
        watched.run(POLL).await;
        assert_eq!(watched.kinds(), ["unproved-head"], "{kind:?}");
        watched.stop().await;
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_asked_for_a_proof_is_unreachable_and_not_accused() {
    let kinds = [FaultKind::Reset, FaultKind::LengthTooLong, FaultKind::Status(429)];
    for kind in kinds {
        let path = "get-sth-consistency";
        let mut watched = doubted(Protocol::Rfc6962, kind.clone(), path).await;
        watched.run(2 * UNREACHABLE_AFTER).await;
        assert_eq!(watched.opened(), ["unreachable"], "{kind:?}");
        assert!(watched.logs[0].requests(path) > 10, "{kind:?}: it was hardly asked");
        // Once it can be asked, the fork is proved.
        watched.logs[0].turn(Group::A, |knobs| knobs.faults.clear());
        watched.run(UNREACHABLE_AFTER).await;
        assert_eq!(watched.kinds(), ["fork"], "{kind:?}");
        watched.stop().await;
    }
}

#[tokio::test]
async fn so_is_a_static_log_whose_hash_tiles_do_not_come() {
    let mut watched = doubted(Protocol::StaticCt, FaultKind::Reset, "tile/0").await;
    watched.run(2 * UNREACHABLE_AFTER).await;
    assert!(watched.opened().contains(&"unreachable".to_owned()), "{:?}", watched.opened());
    assert!(!watched.opened().contains(&"unproved-head".to_owned()), "{:?}", watched.opened());
    watched.stop().await;
}
