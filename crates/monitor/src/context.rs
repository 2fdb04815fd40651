//! What all tasks of one watch share: the way out, the store, the clock, what to guard.

use std::sync::Arc;

use countersign_net::{Clock, Net, Participant};
use countersign_store::Store;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::report::Progress;
use crate::settings::Settings;
use crate::watch::Extent;

pub(crate) struct Context {
    pub(crate) net: Net,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) extent: Extent,
    /// From when entries are wanted: as configured, or since guarding began.
    pub(crate) since: Timestamp,
    /// When this watch was started. Guarding that begins only now starts at each log's end.
    pub(crate) started: Timestamp,
    /// Told whenever the store has something to report.
    pub(crate) news: mpsc::Sender<Participant>,
    pub(crate) progress: Arc<dyn Fn(&Progress) + Send + Sync>,
}

impl Context {
    /// Runs something of the store's where blocking is allowed.
    pub(crate) async fn store<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Store) -> T + Send + 'static,
    ) -> T {
        let store = Arc::clone(&self.store);
        blocking(move || run(&store)).await
    }

    /// Says that there is something to report. If so many messages wait that there is no room, the reporter will
    /// come by anyway.
    pub(crate) fn tell(&self) {
        let _ = self.news.try_send(self.clock.participant());
    }
}

/// Runs what blocks where blocking is allowed.
pub(crate) async fn blocking<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(run).await.expect("what blocks neither panics nor is aborted")
}
