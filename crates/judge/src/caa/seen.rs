//! What was seen around a name whose CAA records are to be judged.

use countersign_caa::{Name, Record};
use countersign_dns::denial::Nsec;
use countersign_dns::walk::{Hop, Outcome, Walked};
use countersign_dns::{Rtype, Security};

use super::text;

/// CAA around a name.
#[derive(Clone, Debug)]
pub struct CaaView {
    /// The name that certificates are for.
    pub name: Name,
    /// What stands at it, then at each name above, up to the top-level domain.
    pub seen: Vec<SeenName>,
    /// What stands at a name below it that nobody can have asked for before; `None` if that was not asked.
    pub fresh: Option<SeenName>,
    /// Where validation by DNS looks, below the name.
    pub challenges: Vec<Challenge>,
    /// What was asked about these and not answered so that it can be relied on.
    pub unsure: Vec<Unsure>,
    /// The TXT records of standing permission for the name and those above it.
    pub grants: Vec<SeenGrant>,
    /// Zones below this one that it delegates without DS records, if this name is its apex; only of a zone file.
    pub unsigned_cuts: Vec<String>,
    /// Whether names above this one can have records that were not looked at: then none found does not mean none.
    pub is_partial: bool,
    /// The URLs of the operator's own accounts; `None` if they are not known.
    pub accounts: Option<Vec<String>>,
    /// The URLs of those that have ended.
    pub ended: Vec<String>,
    /// What is known of issuers.
    pub issuers: Vec<Issuer>,
    /// Where all this is from.
    pub source: Source,
}

/// Where a view is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The DNS, validated.
    Dns,
    /// A file with a zone, from before it is served: nothing is known of signatures, nor of what is outside of it.
    ZoneFile,
}

/// What stands at a name.
#[derive(Clone, Debug)]
pub struct SeenName {
    /// The name.
    pub name: Name,
    /// The name, and one for each alias that was followed.
    pub hops: Vec<SeenHop>,
    /// The CAA records at the end of them.
    pub records: Vec<Record>,
    /// Whether there is such a name, with or without records.
    pub is_there: bool,
    /// How long the records may be kept, in seconds.
    pub ttl_s: u32,
}

/// A name on the way.
#[derive(Clone, Debug)]
pub struct SeenHop {
    /// The name, as text.
    pub name: String,
    /// How secure it is; `None` if that was not looked at.
    pub security: Option<Security>,
}

/// A name at which validation looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Its first label, such as `_acme-challenge`.
    pub label: String,
    /// Who answers for it instead: the target of an alias, or the servers of a delegation.
    pub elsewhere: Option<String>,
}

/// A TXT record of standing permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenGrant {
    /// The name that it is for; the record is at [`super::PERSIST`] below it.
    pub at: Name,
    /// Its strings, joined.
    pub text: Vec<u8>,
}

/// An answer that says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsure {
    /// What was asked, such as `TXT of _acme-challenge.xmpp.example`.
    pub what: String,
    /// [`Security::Bogus`] or [`Security::Indeterminate`].
    pub security: Security,
}

/// What is known of an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    /// The names by which records know it.
    pub names: Vec<String>,
    /// How the URLs of its accounts begin; empty if that is not known.
    pub accounts: Vec<String>,
    /// How the URLs of accounts begin that only give certificates for tests.
    pub staging: Vec<String>,
    /// Whether it is known to heed `accounturi` and `validationmethods`, or has to.
    pub binds: bool,
}

impl Issuer {
    /// Whether records know it by this name.
    pub fn is_named(&self, name: &str) -> bool {
        self.names.iter().any(|known| known.eq_ignore_ascii_case(name))
    }
}

impl SeenName {
    /// What a walk for the CAA records of this name found.
    pub fn of_walk(name: Name, walked: &Walked) -> Self {
        let hops = walked
            .hops
            .iter()
            .map(|hop| SeenHop { name: text(&hop.name), security: Some(hop.security.clone()) });
        let sets = match walked.hops.last().map(|hop| &hop.outcome) {
            Some(Outcome::Records(sets)) => &sets[..],
            Some(Outcome::NoData | Outcome::NoName | Outcome::Alias { .. } | Outcome::Unknown)
            | None => &[],
        };
        let rdatas = sets.iter().flat_map(|set| set.rdatas()).cloned();
        let is_there = walked.hops.first().is_some_and(|hop| match &hop.outcome {
            Outcome::Records(_) | Outcome::Alias { .. } => true,
            Outcome::NoData => !is_denied_compactly(walked, hop),
            Outcome::NoName | Outcome::Unknown => false,
        });
        Self {
            name,
            hops: hops.collect(),
            records: rdatas.map(Record::from_rdata).collect(),
            is_there,
            ttl_s: sets.iter().map(|set| set.ttl_s()).min().unwrap_or(0),
        }
    }
}

/// Whether the proof that a name has no such record says by the type NXNAME that it is not there at all (RFC 9824 §3.1):
/// who signs each answer as it is asked for has no other way to say so.
fn is_denied_compactly(walked: &Walked, hop: &Hop) -> bool {
    let links = hop.steps.iter().flat_map(|step| &walked.steps[*step].links);
    let sets = links.filter_map(|link| link.read()).map(|(_, set)| set);
    let mut proofs = sets.filter(|set| set.rtype() == Rtype::NSEC && *set.owner() == hop.name);
    proofs.any(|set| Nsec::of(&set).is_some_and(|nsec| nsec.types.contains(Rtype::NXNAME)))
}

impl CaaView {
    /// The records that govern the name: the first ones up from it (RFC 8659 §3).
    pub fn relevant(&self) -> Option<&SeenName> {
        self.seen.iter().find(|seen| !seen.records.is_empty())
    }

    /// What was seen on the way to them, or all of it.
    pub fn climbed(&self) -> impl Iterator<Item = &SeenName> {
        let end = self.seen.iter().position(|seen| !seen.records.is_empty());
        self.seen.iter().take(end.map_or(self.seen.len(), |end| end + 1))
    }

    /// What is known of issuers of this name. Several CAs can share one.
    pub fn issuers_of(&self, name: &str) -> impl Iterator<Item = &Issuer> {
        self.issuers.iter().filter(move |issuer| issuer.is_named(name))
    }

    /// Whether an account is one of the operator's.
    pub fn is_own(&self, uri: &str) -> bool {
        self.accounts.iter().flatten().any(|own| own == uri)
    }
}
