//! A look at the CAA records of a name, at what stands above and below it, and at where validation looks.

use std::collections::BTreeMap;

use countersign_caa::Name;
use countersign_dns::walk::{self, Outcome, Reply, Walked};
use countersign_dns::{Name as Owner, Query, Rtype, Security};
use countersign_judge::CaaView;
use countersign_judge::caa::{
    Challenge, LABELS, PERSIST, SeenGrant, SeenName, Source, Unsure, owner, strings, text,
};
use countersign_net::{Clock, Dns};

use crate::survey::random_label;

/// Looks at everything twice: once to ask, and once as of the end, since what was signed while we asked is valid then.
/// What is known of accounts and issuers is for the caller to fill in.
pub async fn look(dns: &Dns, name: &Name, settings: &walk::Settings, clock: &Clock) -> CaaView {
    let mut known = BTreeMap::new();
    // The same label both times.
    let label = random_label();
    view(&mut Looking { dns, settings, now: clock.now(), known: &mut known }, name, &label).await;
    view(&mut Looking { dns, settings, now: clock.now(), known: &mut known }, name, &label).await
}

/// Walks that share what they know.
struct Looking<'a> {
    dns: &'a Dns,
    settings: &'a walk::Settings,
    now: jiff::Timestamp,
    known: &'a mut BTreeMap<Query, Reply>,
}

impl Looking<'_> {
    async fn walk(&mut self, name: &Owner, rtype: Rtype) -> Walked {
        let query = Query { name: name.clone(), rtype };
        self.dns.walk(query, self.settings, self.now, self.known).await
    }

    /// What stands at a name at which validation looks: who answers instead, and its TXT records. What was not answered
    /// so that it can be relied on is noted.
    async fn challenge(
        &mut self,
        label: &str,
        at: &Owner,
        unsure: &mut Vec<Unsure>,
    ) -> (Challenge, Vec<Vec<u8>>) {
        let found = self.texts(at, unsure).await;
        let alias = found.hops.first().and_then(|hop| match &hop.outcome {
            Outcome::Alias { target, .. } => Some(text(target)),
            Outcome::Records(_) | Outcome::NoData | Outcome::NoName | Outcome::Unknown => None,
        });
        let elsewhere = match alias {
            Some(target) => Some(target),
            None => {
                let found = self.walk(at, Rtype::NS).await;
                note(&found, Rtype::NS, at, unsure);
                found.hops.first().and_then(|hop| servers(&hop.outcome))
            }
        };
        (Challenge { label: label.to_owned(), elsewhere }, texts(&found))
    }

    async fn texts(&mut self, at: &Owner, unsure: &mut Vec<Unsure>) -> Walked {
        let found = self.walk(at, Rtype::TXT).await;
        note(&found, Rtype::TXT, at, unsure);
        found
    }
}

/// TXT records, each with its strings joined.
fn texts(found: &Walked) -> Vec<Vec<u8>> {
    let outcome = found.hops.last().map(|hop| &hop.outcome);
    match outcome {
        Some(Outcome::Records(sets)) => {
            sets.iter().flat_map(|set| set.rdatas()).map(|data| strings(data)).collect()
        }
        Some(Outcome::Alias { .. } | Outcome::NoData | Outcome::NoName | Outcome::Unknown)
        | None => Vec::new(),
    }
}

/// Notes what cannot be relied on.
fn note(found: &Walked, rtype: Rtype, at: &Owner, unsure: &mut Vec<Unsure>) {
    match &found.security {
        Security::Secure | Security::Insecure(_) => {}
        security @ (Security::Bogus(_) | Security::Indeterminate(_)) => {
            let (what, security) = (format!("{rtype} of {}", text(at)), security.clone());
            unsure.push(Unsure { what, security });
        }
    }
}

/// The servers in an answer about NS records.
fn servers(outcome: &Outcome) -> Option<String> {
    let Outcome::Records(sets) = outcome else { return None };
    let names =
        sets.iter().flat_map(|set| set.rdatas()).filter_map(|data| Owner::from_wire(data).ok());
    let names: Vec<_> = names.map(|name| text(&name)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

async fn view(looking: &mut Looking<'_>, name: &Name, label: &[u8]) -> CaaView {
    let mut seen = Vec::new();
    let mut next = Some(name.clone());
    while let Some(name) = next {
        let walked = looking.walk(&owner(&name), Rtype::CAA).await;
        next = name.parent();
        seen.push(SeenName::of_walk(name, &walked));
    }
    // The name may be too long for one more label.
    let fresh = match owner(name).child(label) {
        Some(below) => {
            let walked = looking.walk(&below, Rtype::CAA).await;
            Some(SeenName::of_walk(name.clone(), &walked))
        }
        None => None,
    };
    let (mut challenges, mut grants, mut unsure) = (Vec::new(), Vec::new(), Vec::new());
    for label in LABELS {
        let Some(at) = owner(name).child(label.as_bytes()) else { continue };
        let (challenge, texts) = looking.challenge(label, &at, &mut unsure).await;
        challenges.push(challenge);
        if label == PERSIST {
            grants.extend(texts.into_iter().map(|text| SeenGrant { at: name.clone(), text }));
        }
    }
    // With policy=wildcard those at a name above are for this one as well. No CA validates a whole top-level domain.
    let above = std::iter::successors(name.parent(), Name::parent);
    for name in above.filter(|name| name.parent().is_some()) {
        let Some(at) = owner(&name).child(PERSIST.as_bytes()) else { continue };
        let found = texts(&looking.texts(&at, &mut unsure).await);
        grants.extend(found.into_iter().map(|text| SeenGrant { at: name.clone(), text }));
    }
    CaaView {
        name: name.clone(),
        seen,
        fresh,
        challenges,
        unsure,
        grants,
        unsigned_cuts: Vec::new(),
        is_partial: false,
        accounts: None,
        ended: Vec::new(),
        issuers: Vec::new(),
        source: Source::Dns,
    }
}
