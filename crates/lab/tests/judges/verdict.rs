//! What a judge says, and the answers that those without a socket are fed with.

use std::collections::BTreeMap;
use std::sync::Mutex;

use countersign_dns::message::{Asking, EdnsAsking};
use countersign_dns::{Message, Query};
use countersign_lab::dns::{Transport, View};

/// What a judge says of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Secure,
    Insecure,
    /// It does not hold, or could not be told: nobody gets it.
    Bogus,
}

/// The verdict, and why, for whoever looks into a disagreement.
pub(crate) type Judged = (Verdict, String);

/// Answers of the servers of one case, each made once.
pub(crate) struct Answers {
    view: View,
    made: Mutex<BTreeMap<Query, Vec<u8>>>,
}

impl Answers {
    pub(crate) fn new(view: View) -> Self {
        Self { view, made: Mutex::new(BTreeMap::new()) }
    }

    /// The answer to a question as a message.
    pub(crate) fn to(&self, query: &Query) -> Vec<u8> {
        let mut made = self.made.lock().expect("nothing panics while it holds the lock");
        let make = || {
            let question = Message::parse(&query.to_wire(&asking(7))).expect("it is a question");
            self.view.reply(query).to_wire(&question, Transport::Tcp)
        };
        made.entry(query.clone()).or_insert_with(make).clone()
    }
}

/// A question with DO, to a resolver or to a server.
pub(crate) fn asking(id: u16) -> Asking {
    let edns = EdnsAsking { udp_payload_max: 4096, dnssec_ok: true, cookie: None };
    Asking {
        id,
        recursion_desired: true,
        checking_disabled: false,
        edns: Some(edns),
        capitals: Vec::new(),
    }
}
