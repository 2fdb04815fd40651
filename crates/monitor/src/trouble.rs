//! How misbehaviour and failures get into the store, and out of it when they are over.

use countersign_ct::Misbehaviour;
use countersign_ct::misbehaviour::Lasting;
use countersign_sct::LogId;
use countersign_store::StoreError;
use countersign_store::trouble::{Cleared, Nature, NewTrouble, Raised};
use jiff::Timestamp;
use tracing::{info, warn};

use crate::context::Context;

/// Conditions that are not misbehaviour: nobody may be at fault, but we do not see what we should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// A log gives no usable answer.
    Unreachable,
    /// A log grows faster than it is read.
    Backlog,
    /// A static log does not give a certificate that its entries name as an issuer.
    MissingIssuer,
    /// What the store has of a log is no state that it can be followed from.
    UnusablePosition,
}

impl Condition {
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Backlog => "backlog",
            Self::MissingIssuer => "missing-issuer",
            Self::UnusablePosition => "unusable-position",
        }
    }
}

impl Context {
    /// Notes what a log did, for ever or until it is mended.
    pub(crate) async fn raise_misbehaviour(
        &self,
        log: LogId,
        found: Misbehaviour,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let raised = self
            .store(move |store| {
                let nature = match found.lasts() {
                    Lasting::ForEver => Nature::Proof,
                    Lasting::UntilMended => Nature::Condition,
                };
                let (detail, evidence) = (found.to_string(), found.evidence());
                let (kind, log) = (found.kind(), Some(&log.0));
                let trouble =
                    NewTrouble { log, kind, nature, detail: &detail, evidence: &evidence };
                store.raise(&trouble, now).map(|raised| (raised, kind, detail.clone()))
            })
            .await?;
        self.said(&log.to_string(), raised);
        Ok(())
    }

    /// Notes a condition of a log, or of the watch as a whole.
    pub(crate) async fn raise(
        &self,
        log: Option<LogId>,
        kind: String,
        detail: String,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let name = log.map_or_else(|| kind.clone(), |log| log.to_string());
        let raised = self
            .store(move |store| {
                let (log, nature) = (log.as_ref().map(|log| &log.0), Nature::Condition);
                let trouble =
                    NewTrouble { log, kind: &kind, nature, detail: &detail, evidence: &[] };
                store.raise(&trouble, now).map(|raised| (raised, "condition", detail.clone()))
            })
            .await?;
        self.said(&name, raised);
        Ok(())
    }

    /// Notes that conditions are over, those of them that were there.
    pub(crate) async fn clear(
        &self,
        log: Option<LogId>,
        kinds: Vec<String>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let over = self
            .store(move |store| {
                let mut over = Vec::new();
                for kind in kinds {
                    match store.clear(log.as_ref().map(|log| &log.0), &kind, now)? {
                        Cleared::Closed(_) => over.push(kind),
                        Cleared::NotOpen | Cleared::Proof(_) => {}
                    }
                }
                Ok::<_, StoreError>(over)
            })
            .await?;
        if !over.is_empty() {
            self.tell();
        }
        for kind in over {
            info!(trouble.kind = %kind, "over: {kind}");
        }
        Ok(())
    }

    fn said(&self, name: &str, (raised, kind, detail): (Raised, &str, String)) {
        match raised {
            Raised::Opened(_) => {
                warn!(log.id = %name, trouble.kind = %kind, "{detail}");
                self.tell();
            }
            Raised::Again(_) => {}
        }
    }
}
