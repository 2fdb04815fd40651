//! Proofs that the log holds what nobody here asked for, fetched while it still gives them. Our own reading has
//! verified these entries already; a proof is for whoever has to be shown it later, and may not believe us.

use countersign_ct::head::Head;
use countersign_store::proof::Proof;
use countersign_tlog::{Hash, verify_inclusion};
use tracing::debug;

use super::{Failure, Stage, Task};
use crate::protocol::Protocol;

impl<P: Protocol> Task<P> {
    /// After all was read: fetches the proofs that are wanted, under the newest verified head. One that the log does
    /// not give is asked for again after the next poll.
    pub(super) async fn prove_inclusions(&mut self) -> Result<(), Failure> {
        let Stage::Following { follower, .. } = &self.stage else {
            unreachable!("only followers read")
        };
        let Some(head) = follower.verified_head() else { return Ok(()) };
        let (id, size, root, bytes) = (self.id, head.size(), head.root(), head.bytes().to_owned());
        let wanted = self
            .cx
            .store(move |store| store.reader().proofs_wanted(&id.0, size, AT_ONCE_MAX))
            .await?;
        for wanted in wanted {
            let (index, leaf) = (wanted.index, Hash(wanted.leaf_hash));
            let answered = self
                .request(
                    |protocol, now| async move { protocol.inclusion(index, leaf, size, now).await },
                )
                .await;
            let path = match answered {
                Ok(path) => path,
                Err(Failure::Unmet(why)) => {
                    debug!(log.id = %id, "no inclusion proof for entry {index}: {why}");
                    return Ok(());
                }
                Err(failure) => return Err(failure),
            };
            if let Err(why) = verify_inclusion(index, size, &leaf, &path, &root) {
                debug!(log.id = %id, "the inclusion proof for entry {index} does not verify: {why}");
                return Ok(());
            }
            let path = path.into_iter().map(|hash| hash.0).collect();
            let (proof, now) =
                (Proof { tree_size: size, head: bytes.clone(), path }, self.participant.now());
            self.cx.store(move |store| store.keep_proof(wanted.sighting, &proof, now)).await?;
        }
        Ok(())
    }
}

/// Proofs fetched after one poll: a flood of incidents must not keep the log from being read.
const AT_ONCE_MAX: u32 = 16;
