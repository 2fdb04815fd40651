//! A small Internet: a table of who answers what.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::super::*;
use crate::message::{Flags, Question};
use crate::rrset::SignedRrset;
use crate::zone_text::signed_rrsets;

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// From `www.example A`.
pub(super) fn query(text: &str) -> Query {
    let (name, rtype) = text.split_once(' ').unwrap();
    Query { name: name.parse().unwrap(), rtype: rtype.parse().unwrap() }
}

fn sets(text: &str) -> Vec<SignedRrset> {
    signed_rrsets(&format!("$TTL 60\n{text}"), &Name::root()).unwrap()
}

/// What a server says.
#[derive(Clone, Debug, Default)]
pub(super) struct Says {
    pub(super) rcode: u16,
    pub(super) authoritative: bool,
    pub(super) truncated: bool,
    pub(super) answer: String,
    pub(super) authority: String,
    pub(super) additional: String,
}

/// From lines such as `answer www.example A 192.0.2.1`, `aa`, `tc` and `rcode 3`.
pub(super) fn says(text: &str) -> Says {
    let mut says = Says::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "aa" => says.authoritative = true,
            "tc" => says.truncated = true,
            "rcode" => says.rcode = rest.parse().unwrap(),
            "answer" => says.answer += &format!("{rest}\n"),
            "authority" => says.authority += &format!("{rest}\n"),
            "additional" => says.additional += &format!("{rest}\n"),
            _ => panic!("{line}"),
        }
    }
    says
}

impl Says {
    pub(super) fn to(&self, query: &Query) -> Message {
        let question = Question { query: query.clone(), name_as_sent: query.name.wire().to_vec() };
        Message {
            id: 0,
            flags: Flags {
                is_response: true,
                authoritative: self.authoritative,
                truncated: self.truncated,
                recursion_available: false,
                authentic: false,
                recursion_desired: false,
                checking_disabled: false,
            },
            rcode: self.rcode,
            question: Some(question),
            answer: sets(&self.answer),
            authority: sets(&self.authority),
            additional: sets(&self.additional),
            edns: None,
            left_out: 0,
        }
    }
}

/// Who answers what. Addresses that are not in it do not answer.
#[derive(Clone, Debug, Default)]
pub(super) struct World(BTreeMap<(IpAddr, String), Says>);

impl World {
    /// The root is at 192.0.2.1 and delegates `example` to `ns.example` at 192.0.2.2.
    pub(super) fn new() -> Self {
        Self::default().with(
            "192.0.2.1",
            "example.",
            "authority example NS ns.example
             additional ns.example A 192.0.2.2",
        )
    }

    /// `about` is a query, or a name: then it is about all queries at and below it that have no row of their own.
    pub(super) fn with(mut self, server: &str, about: &str, text: &str) -> Self {
        self.0.insert((server.parse().unwrap(), about.to_owned()), says(text));
        self
    }

    pub(super) fn hints() -> Hints {
        Hints::from_zone_text(". NS root\nroot A 192.0.2.1").unwrap()
    }

    pub(super) fn reply(&self, send: &Send) -> Reply {
        let Query { name, rtype } = &send.query;
        let exact = (send.to, format!("{name} {rtype}"));
        let rows = name.and_above().map(|name| (send.to, name.to_string()));
        let row = std::iter::once(exact).chain(rows).find_map(|row| self.0.get(&row));
        match row {
            Some(says) => Reply::Message(Box::new(says.to(&send.query))),
            None => Reply::Failed(Failure::Timeout),
        }
    }

    /// Runs a resolution to its end; gives what was sent, too.
    pub(super) fn run(&self, resolution: &mut Resolution) -> (Resolved, Vec<String>) {
        let mut sent = Vec::new();
        loop {
            let send = match resolution.next() {
                Next::Done(resolved) => return (resolved, sent),
                Next::Send(send) => send,
            };
            let Query { name, rtype } = &send.query;
            sent.push(format!("{} {name} {rtype}", send.to));
            resolution.feed(self.reply(&send));
        }
    }
}
