//! Resolution in the network of a replay.

use std::net::IpAddr;

use countersign_dns::resolution::{Failure, Limits, Next, Reply, Resolved, Send};
use countersign_dns::{Cuts, Query, Resolution, Rtype};

use super::Replay;

/// The network of a replay, and what was learned of its delegations.
///
/// Most files have servers above a zone answer only what a resolver with a cache asks them. So what one question
/// teaches has to be there for the next, as here it is.
#[derive(Clone, Debug)]
pub(crate) struct Network<'a> {
    replay: &'a Replay,
    limits: Limits,
    cuts: Cuts,
}

impl<'a> Network<'a> {
    /// Where only the file's settings are known.
    pub(crate) fn new(replay: &'a Replay) -> Self {
        let Replay { config, .. } = replay;
        Self { replay, limits: config.limits(), cuts: config.cuts() }
    }

    /// What comes of a question during this step. A server that does not answer does not in time.
    pub(crate) fn resolve(&mut self, at: u32, query: Query) -> Resolved {
        let mut resolution = Resolution::new(query, &self.cuts, self.limits.clone());
        // It ends by itself: each round is one of at most `queries_max` queries.
        loop {
            match resolution.next() {
                Next::Send(Send { to, query, .. }) => {
                    resolution.feed(self.ask(at, to, &query));
                }
                Next::Done(resolved) => {
                    self.cuts.merge(resolution.into_cuts());
                    return resolved;
                }
            }
        }
    }

    fn ask(&self, at: u32, to: IpAddr, query: &Query) -> Reply {
        let Some(mut message) = self.replay.answer(at, to, query) else {
            return Reply::Failed(Failure::Timeout);
        };
        // Most files leave AA out. Servers set it (RFC 1035 §4.1.1) unless they refer to others, and without it a
        // denial that lacks its SOA record, too, is not believed.
        let refers = message.authority.iter().any(|set| set.rrset.rtype() == Rtype::NS);
        message.flags.authoritative |= !refers;
        Reply::Message(Box::new(message))
    }
}
