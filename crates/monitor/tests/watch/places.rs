//! Where reading begins and goes on.

use countersign_lab::log::{Content, Protocol};
use countersign_store::log::{Api, Log};
use countersign_store::position::Position;

use crate::watched::{POLL, Watched};

#[tokio::test]
async fn a_log_that_is_listed_soon_is_read_from_when_guarding_began() {
    for protocol in [Protocol::Rfc6962, Protocol::StaticCt] {
        let mut watched = Watched::new(&[Protocol::Rfc6962, protocol]).await;
        for log in &watched.logs {
            log.push(Content::X509 { certificate: b"older".repeat(50) }, Vec::new());
            log.publish();
        }
        // Nothing that is older is wanted, and a log may take a day to append it.
        watched.clock.run_until("2026-11-03T00:00:00Z".parse().unwrap()).await;
        watched.list(&[&watched.logs[0]]);
        watched.start_by_list().await;
        watched.run(POLL / 10).await;
        let issuers = watched.authority.issuers();
        let certificate = watched.certificate();
        watched.logs[1].push(Content::X509 { certificate }, issuers);
        watched.logs[1].publish();
        watched.list(&watched.logs.iter().collect::<Vec<_>>());
        watched.run(9 * POLL / 10).await;
        let indices: Vec<_> = watched.sightings().iter().map(|seen| seen.index).collect();
        assert_eq!(indices, [1], "{protocol:?}");
        let start = |log: usize| {
            let position = watched.store.reader().position(&watched.logs[log].log_id());
            position.unwrap().unwrap().0.start
        };
        assert_eq!([start(0), start(1)], [1, 1], "{protocol:?}");
        watched.stop().await;
    }
}

#[tokio::test]
async fn a_position_that_cannot_be_used_is_named_at_once() {
    let mut watched = Watched::new(&[Protocol::Rfc6962, Protocol::StaticCt]).await;
    let id = watched.logs[0].log_id();
    let row = Log {
        id,
        description: "log 0".to_owned(),
        operator: "configured".to_owned(),
        api: Api::Rfc6962,
        url: watched.logs[0].url(),
        mmd_s: Some(86_400),
    };
    let now = watched.clock.now();
    watched.store.upsert_log(&row, now).unwrap();
    let damaged = Position { downloaded_size: 3, ..Position::default() };
    watched.store.commit(&id, None, &damaged, &[], now).unwrap();
    watched.start().await;
    watched.run(POLL / 10).await;
    let troubles = watched.troubles();
    assert_eq!(troubles.len(), 1, "{troubles:?}");
    assert_eq!((troubles[0].log, troubles[0].kind.as_str()), (Some(id), "unusable-position"));
    assert!(troubles[0].detail.contains("backup"), "{}", troubles[0].detail);
    watched.run(10 * POLL).await;
    assert_eq!(watched.opened(), ["unusable-position"]);

    // Mended, it goes on, and the trouble is over.
    let (_, revision) = watched.store.reader().position(&id).unwrap().unwrap();
    let mended = Position::default();
    watched.store.commit(&id, Some(revision), &mended, &[], watched.clock.now()).unwrap();
    watched.run(POLL).await;
    assert_eq!(watched.kinds(), [""; 0]);
    watched.stop().await;
}
