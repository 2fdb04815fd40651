//! Waiting.

use std::time::Duration;

use tokio::time::timeout;

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waited = timeout(HANG, async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert!(waited.await.is_ok(), "in vain: {what}");
}

/// A network of Tor is up within half a minute, on busy cores within a whole one.
const HANG: Duration = Duration::from_secs(180);
