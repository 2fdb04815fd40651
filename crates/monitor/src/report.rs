//! Tells what is to be told: takes it out of the store's outbox, in order, and marks it when it went out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use countersign_net::Participant;
use countersign_store::report::Report;
use countersign_store::{Store, StoreError};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::context::blocking;
use crate::sink::Sink;
use crate::watch::later;

/// What the watch calls to be heard and seen.
pub struct Hooks {
    /// Where all reports go, at once.
    pub outlet: Box<dyn Outlet>,
    /// To whom incidents, troubles and heartbeats are brought. No two have the same name.
    pub sinks: Vec<Sink>,
    /// Shows how far a log has been read. Called often; must be quick.
    pub progress: Arc<dyn Fn(&Progress) + Send + Sync>,
}

/// Where reports go.
pub trait Outlet: Send {
    /// Writes one report out. After an error it is called again with the same report.
    fn write(&mut self, report: &Report) -> io::Result<()>;
}

/// How far one log has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The log.
    pub description: String,
    /// Index of the first entry that is of interest.
    pub start: u64,
    /// Entries read.
    pub downloaded: u64,
    /// Entries that the log has.
    pub head: u64,
}

/// Reports until stopped, and then what is left. Each message says that there is something new; the participant
/// in it keeps simulated time from passing until it was reported.
pub(crate) async fn report(
    store: Arc<Store>,
    mut outlet: Box<dyn Outlet>,
    mut news: mpsc::Receiver<Participant>,
    mut participant: Participant,
    stop: CancellationToken,
) {
    let mut wake_at = Timestamp::MAX;
    loop {
        let stopped = tokio::select! {
            () = stop.cancelled() => true,
            // Held until the reports are out.
            _new = news.recv() => false,
            () = participant.sleep_until(wake_at) => false,
        };
        let failed;
        (outlet, failed) = flush(&store, outlet).await;
        wake_at = if failed { later(participant.now(), RETRY) } else { Timestamp::MAX };
        if stopped {
            return;
        }
    }
}

/// Writes out all that was not; whether it has to be tried again.
async fn flush(store: &Arc<Store>, mut outlet: Box<dyn Outlet>) -> (Box<dyn Outlet>, bool) {
    let store = Arc::clone(store);
    blocking(move || {
        let result = flush_blocking(&store, outlet.as_mut());
        if let Err(err) = &result {
            warn!("cannot report: {err}");
        }
        (outlet, result.is_err())
    })
    .await
}

fn flush_blocking(store: &Store, outlet: &mut dyn Outlet) -> Result<(), ReportError> {
    loop {
        let reports = store.reader().unreported(BATCH)?;
        let Some(last) = reports.last().map(|report| report.id) else { return Ok(()) };
        for report in &reports {
            let written = outlet.write(report);
            if written.is_err() && report.id != reports[0].id {
                let before = countersign_store::report::ReportId(report.id.0 - 1);
                store.mark_reported(before)?;
            }
            written?;
        }
        store.mark_reported(last)?;
    }
}

#[derive(Debug, thiserror::Error)]
enum ReportError {
    #[error("{0}")]
    Write(#[from] io::Error),
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// Reports taken out of the store at a time: a flood must not fill the memory.
const BATCH: u32 = 256;
/// How long to wait before a report that did not go out is tried again.
const RETRY: Duration = Duration::from_secs(10);
