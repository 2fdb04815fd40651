//! Answers that are given when their time is over (RFC 8767), where a file has `serve-expired`.

use std::collections::BTreeMap;

use countersign_dns::Query;

use super::given::Given;
use crate::conformance::replay::Config;

/// What was given, and when it was in vain to ask anew.
#[derive(Clone, Debug)]
pub(super) struct Stale {
    /// Whether nothing is tried before what is old is given.
    is_first: bool,
    reply_ttl_s: u32,
    /// By question, with the time at which it is over.
    given: BTreeMap<Query, (Given, u64)>,
    /// Until when nobody is asked again.
    blocked_until_ms: BTreeMap<Query, u64>,
}

impl Stale {
    /// `None` for a file without it.
    pub(super) fn of(config: &Config) -> Option<Self> {
        (config.serve_expired == Some(true)).then(|| Self {
            is_first: config.serve_expired_client_timeout_ms == Some(0),
            reply_ttl_s: config.serve_expired_reply_ttl_s.unwrap_or(REPLY_TTL_S),
            given: BTreeMap::new(),
            blocked_until_ms: BTreeMap::new(),
        })
    }

    /// What is given for a question: what can be had now by `ask`, or what was good before.
    pub(super) fn choose(
        &mut self,
        query: &Query,
        now_ms: u64,
        ask: impl FnOnce() -> Given,
    ) -> Given {
        let is_over = |kept: &&(Given, u64)| kept.1 <= now_ms;
        let old = self.given.get(query).filter(is_over).map(|(given, _)| {
            let mut given = given.with_ttl(self.reply_ttl_s);
            given
                .notes
                .push("the file has serve-expired, and this is what was known before".to_owned());
            given
        });
        let is_blocked = self.blocked_until_ms.get(query).is_some_and(|until| now_ms < *until);
        match old {
            Some(old) if is_blocked => old,
            Some(old) => {
                let new = self.keep(query, now_ms, ask());
                if self.is_first || !new.is_good() { old } else { new }
            }
            None => self.keep(query, now_ms, ask()),
        }
    }

    /// Remembers what is good, and whatever is not as a reason to wait.
    fn keep(&mut self, query: &Query, now_ms: u64, given: Given) -> Given {
        let ttl_s = given.answer.iter().map(countersign_dns::Rrset::ttl_s).min();
        match ttl_s.filter(|_| given.is_good()) {
            Some(ttl_s) => {
                let until_ms = now_ms.saturating_add(u64::from(ttl_s) * 1000);
                self.given.insert(query.clone(), (given.clone(), until_ms));
            }
            None => {
                let until_ms = now_ms.saturating_add(BLOCKED_MS);
                self.blocked_until_ms.insert(query.clone(), until_ms);
            }
        }
        given
    }
}

/// RFC 8767 §4.
const REPLY_TTL_S: u32 = 30;
/// Unbound's `NORR_TTL`: 5 seconds.
const BLOCKED_MS: u64 = 5_000;
