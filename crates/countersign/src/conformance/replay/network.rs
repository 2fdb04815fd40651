//! Resolution in the network of a replay.

use std::net::IpAddr;

use countersign_dns::resolution::{
    Answer, Failure, Limits, Next, Reason, Reply, Resolved, Send, Unresolved,
};
use countersign_dns::{Cuts, Message, Name, Query, Resolution, Rtype};

use super::Replay;
use super::config::Servers;

/// The network of a replay, and what was learned of its delegations.
///
/// Most files have servers above a zone answer only what a resolver with a cache asks them. So what one question
/// teaches has to be there for the next, as here it is.
#[derive(Clone, Debug)]
pub(crate) struct Network<'a> {
    replay: &'a Replay,
    limits: Limits,
    cuts: Cuts,
    queries: usize,
}

impl<'a> Network<'a> {
    /// Where only the file's settings are known.
    pub(crate) fn new(replay: &'a Replay) -> Self {
        let Replay { config, .. } = replay;
        Self { replay, limits: config.limits(), cuts: config.cuts(), queries: 0 }
    }

    /// What comes of a question during this step. A server that does not answer does not in time. `heard` is told all
    /// that servers say on the way, and which zone they were asked about.
    pub(crate) fn resolve(
        &mut self,
        at: u32,
        query: Query,
        mut heard: impl FnMut(&Name, &Message),
    ) -> Resolved {
        if let Some(servers) = self.replay.config.forwarders(&query) {
            return self.forward(at, &query, servers, heard);
        }
        let mut resolution = Resolution::new(query, &self.cuts, self.limits.clone());
        // It ends by itself: each round is one of at most `queries_max` queries.
        loop {
            match resolution.next() {
                Next::Send(_) if self.queries >= QUERIES_MAX => resolution.stop(),
                Next::Send(Send { to, query, zone }) => {
                    let message = self.ask(at, to, &query);
                    if let Some(message) = &message {
                        heard(&zone, message);
                    }
                    let failed = Reply::Failed(Failure::Timeout);
                    resolution.feed(message.map_or(failed, |said| Reply::Message(Box::new(said))));
                }
                Next::Done(resolved) => {
                    self.cuts.merge(resolution.into_cuts());
                    return resolved;
                }
            }
        }
    }

    /// Asks those who resolve: what they say is the answer, with all that aliases in it lead to.
    fn forward(
        &mut self,
        at: u32,
        query: &Query,
        servers: &Servers,
        mut heard: impl FnMut(&Name, &Message),
    ) -> Resolved {
        let zone = servers.zone.clone();
        for from in servers.addresses.iter().copied() {
            let said = (self.queries < QUERIES_MAX).then(|| self.ask(at, from, query)).flatten();
            if let Some(message) = said.filter(|message| answers(message, query)) {
                heard(&zone, &message);
                return Resolved::Answer(Box::new(Answer { message, from, zone }));
            }
        }
        let (query, reason) = (query.clone(), Reason::NoAnswer);
        Resolved::Failed(Unresolved { query, reason, zone, failures: Vec::new() })
    }

    fn ask(&mut self, at: u32, to: IpAddr, query: &Query) -> Option<Message> {
        self.queries += 1;
        let mut message = self.replay.answer(at, to, query)?;
        // Most files leave AA out. Servers set it (RFC 1035 §4.1.1) unless they refer to others, and without it a
        // denial that lacks its SOA record, too, is not believed.
        let refers = message.authority.iter().any(|set| set.rrset.rtype() == Rtype::NS);
        message.flags.authoritative |= !refers;
        Some(message)
    }
}

/// Whether it is an answer to this question that says something (RFC 1035 §4.1.1: NOERROR or NXDOMAIN).
fn answers(message: &Message, query: &Query) -> bool {
    let is_about_it = message.question.as_ref().is_some_and(|question| question.query == *query);
    let is_whole = message.flags.is_response && !message.flags.truncated;
    is_about_it && is_whole && matches!(message.rcode, 0 | 3)
}

/// Queries in one file, each of which may be held against all of its entries. The files that are known take some
/// hundred.
const QUERIES_MAX: usize = 10_000;
