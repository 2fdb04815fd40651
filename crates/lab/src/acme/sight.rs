//! DNS as a CA sees it: asked from the root down, and validated, unless the CA leaves that out.

use std::collections::BTreeMap;

use countersign_caa::Name as CaaName;
use countersign_caa::climb::{Failure, FailureSide, Hop, Lookup, Outcome, Security};
use countersign_dns::resolution::Resolved;
use countersign_dns::walk::{self, Walked};
use countersign_dns::{self as dns, Anchors, Hints, Name, Query, Rtype, zone_text};
use countersign_judge::caa;
use countersign_net::{Clock, Dns, Net, Redirects, Roots, Route, Vantage};

use super::Heed;
use crate::dns::{Responder, Tree};
use crate::log::Group;

/// DNS as one group is told it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sight {
    dns: Dns,
    walk: walk::Settings,
    clock: Clock,
}

impl Sight {
    /// Sees these servers through the doors of one group, and trusts the keys of the tree's root.
    pub fn new(tree: &Tree, responder: &Responder, group: Group, clock: Clock) -> Self {
        let net = Net::new(countersign_net::Settings {
            contact: "lab@example.org".to_owned(),
            roots: Roots::Only(Vec::new()),
            redirects: Some(Redirects::with_servers([], responder.table(group))),
            vantages: vec![Vantage { name: VANTAGE.to_owned(), route: Route::Direct }],
        });
        let net = net.expect("a contact and a vantage that are there");
        let hints = Hints::from_zone_text(&tree.hints()).expect("the tree has a root");
        let settings =
            countersign_net::dns::Settings { hints, ..countersign_net::dns::Settings::default() };
        let dns = Dns::new(&net, VANTAGE, settings, clock.clone()).expect("it is not proxied");
        let anchors = zone_text::records(&tree.trust_anchor(), &Name::root());
        let anchors = anchors.ok().and_then(|records| Anchors::of_records(&records));
        let anchors = anchors.expect("the tree's root is signed");
        Self { dns, walk: walk::Settings { anchors, ..walk::Settings::default() }, clock }
    }

    /// Whoever asks.
    pub fn dns(&self) -> &Dns {
        &self.dns
    }

    /// What walks start from.
    pub fn walk_settings(&self) -> &walk::Settings {
        &self.walk
    }

    /// The data of the records of a name, following aliases; none if there are none. What cannot be relied on is an
    /// error, in words.
    pub(super) async fn records(
        &self,
        name: &Name,
        rtype: Rtype,
        dnssec: Heed,
    ) -> Result<Vec<Vec<u8>>, String> {
        self.dns.forget();
        match dnssec {
            Heed::Ignored => self.taken(name, rtype).await,
            Heed::Heeded => {
                let walked = self.walk(name, rtype).await;
                match (&walked.security, walked.hops.last().map(|hop| &hop.outcome)) {
                    (dns::Security::Secure | dns::Security::Insecure(_), Some(outcome)) => {
                        Ok(rdatas(outcome))
                    }
                    (security, _) => Err(format!("{name} {rtype} cannot be relied on: {security}")),
                }
            }
        }
    }

    /// What CAA records a name has, for a climb.
    pub(super) async fn caa(&self, name: &CaaName, dnssec: Heed) -> Lookup {
        let owner = caa::owner(name);
        self.dns.forget();
        match dnssec {
            Heed::Heeded => caa::lookup(&self.walk(&owner, Rtype::CAA).await, 0, 1),
            Heed::Ignored => {
                // Who does not validate knows no difference between insecure and forged.
                let hops = vec![Hop { name: caa::text(&owner), security: Security::Insecure }];
                let outcome = match self.taken(&owner, Rtype::CAA).await {
                    Ok(rdatas) if rdatas.is_empty() => Outcome::None,
                    Ok(rdatas) => {
                        let record = countersign_caa::Record::from_rdata;
                        Outcome::Records(rdatas.into_iter().map(record).collect())
                    }
                    Err(why) => {
                        let side = FailureSide::Ours;
                        Outcome::Failed(Failure { why, tries: 1, side })
                    }
                };
                Lookup { hops, outcome, ttl_s: 0 }
            }
        }
    }

    async fn walk(&self, name: &Name, rtype: Rtype) -> Walked {
        let query = Query { name: name.clone(), rtype };
        self.dns.walk(query, &self.walk, self.clock.now(), &mut BTreeMap::new()).await
    }

    /// What the servers say, with no question whether it is true.
    async fn taken(&self, name: &Name, rtype: Rtype) -> Result<Vec<Vec<u8>>, String> {
        let mut name = name.clone();
        for _ in 0..ALIASES_MAX {
            let query = Query { name: name.clone(), rtype };
            let answer = match self.dns.resolve(&query).await {
                Resolved::Answer(answer) => answer.message.answer,
                Resolved::Failed(unresolved) => return Err(unresolved.to_string()),
            };
            let set = |rtype| {
                let mut sets = answer.iter().map(|set| &set.rrset);
                sets.find(|set| *set.owner() == name && set.rtype() == rtype)
            };
            if let Some(found) = set(rtype) {
                return Ok(found.rdatas().to_vec());
            }
            match set(Rtype::CNAME).and_then(|alias| alias.target()) {
                Some(target) => name = target,
                None => return Ok(Vec::new()),
            }
        }
        Err(format!("{name} leads from alias to alias"))
    }
}

/// The data of all records at the end of a walk.
fn rdatas(outcome: &walk::Outcome) -> Vec<Vec<u8>> {
    match outcome {
        walk::Outcome::Records(sets) => sets.iter().flat_map(|set| set.rdatas()).cloned().collect(),
        walk::Outcome::Alias { .. }
        | walk::Outcome::NoData
        | walk::Outcome::NoName
        | walk::Outcome::Unknown => Vec::new(),
    }
}

/// From where a CA looks.
const VANTAGE: &str = "ca";
/// As many as BIND follows.
const ALIASES_MAX: usize = 16;
