//! A walk from the trust anchors to an answer, over the network.

use std::collections::BTreeMap;

use countersign_dns::resolution::Resolved;
use countersign_dns::walk::{Next, Reply, Settings, Walked};
use countersign_dns::{Query, Walk};
use jiff::Timestamp;

use super::Dns;

impl Dns {
    /// Finds an answer, and whether it can be relied on as of `now`.
    ///
    /// What is in `known` is not asked again, and what was asked is put there: several walks down the same way then
    /// see the same, and a walk of what is all known asks nobody. A server that signs while it is asked signs after
    /// `now`; so whoever needs to be right about such a server walks again as of the end.
    pub async fn walk(
        &self,
        query: Query,
        settings: &Settings,
        now: Timestamp,
        known: &mut BTreeMap<Query, Reply>,
    ) -> Walked {
        let mut walk = Walk::new(query, settings.clone(), now);
        loop {
            let query = match walk.next() {
                Next::Done(walked) => return walked.clone(),
                Next::Ask(query) => query.clone(),
            };
            let reply = match known.get(&query) {
                Some(reply) => reply.clone(),
                None => {
                    let reply = match self.resolve(&query).await {
                        Resolved::Answer(answer) => Reply::Answer(Box::new(answer.message)),
                        Resolved::Failed(unresolved) => Reply::Failed(unresolved.to_string()),
                    };
                    known.insert(query, reply.clone());
                    reply
                }
            };
            walk.feed(reply);
        }
    }
}
