//! CAA records as the DNS has them: what a walk says to a climb ([`lookup`]), and what is wrong with the records of a
//! name, each with the attack that it leaves open ([`lint`]).
//!
//! ```text
//!  dns::Walked ── lookup ──> caa::Lookup ──> whoever decides
//!  walks of a name, those above and below ─┬─ CaaView ── lint ──> findings
//!  ZoneFile, before it is served ──────────┘
//! ```

mod finding;
mod issuance;
mod lint;
mod seen;
mod zone_file;

use countersign_caa::climb::{Failure, FailureSide, Hop, Lookup, Outcome, Security};
use countersign_caa::{Name, Record};
use countersign_dns::walk::{self, Walked};

pub use finding::CaaFinding;
pub use issuance::{CaaThen, InForce, then};
pub use lint::lint;
pub use seen::{CaaView, Challenge, Issuer, SeenGrant, SeenHop, SeenName, Source, Unsure};
pub use zone_file::ZoneFile;

/// Below a name, where validation by DNS looks: ACME's challenge (RFC 8555 §8.4), standing permissions, and whom to
/// write to and to call (Baseline Requirements §3.2.2.4.14, §3.2.2.4.16).
pub const LABELS: [&str; 4] =
    ["_acme-challenge", PERSIST, "_validation-contactemail", "_validation-contactphone"];

/// Where standing permissions are.
pub const PERSIST: &str = countersign_caa::persist::LABEL;

/// The strings in the data of a TXT record, joined (RFC 1035 §3.3.14). Data that ends early gives what is there.
pub fn strings(mut rdata: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(rdata.len());
    while let [length, rest @ ..] = rdata {
        let (string, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        joined.extend(string);
        rdata = rest;
    }
    joined
}

/// What a walk for CAA records says to a climb. `ttl_s` is how long that may be kept, `tries` how often it was tried.
///
/// A walk that says nothing does not say whose fault that is, so it is taken to be ours: no permission then.
pub fn lookup(walked: &Walked, ttl_s: u32, tries: u32) -> Lookup {
    let hops = walked
        .hops
        .iter()
        .map(|hop| Hop { name: text(&hop.name), security: security(&hop.security) });
    let outcome = match walked.hops.last().map(|hop| &hop.outcome) {
        Some(walk::Outcome::Records(sets)) => {
            let rdatas = sets.iter().flat_map(|set| set.rdatas()).cloned();
            Outcome::Records(rdatas.map(Record::from_rdata).collect())
        }
        Some(walk::Outcome::NoData | walk::Outcome::NoName) => Outcome::None,
        Some(walk::Outcome::Alias { .. } | walk::Outcome::Unknown) | None => {
            let (why, side) = (walked.security.to_string(), FailureSide::Ours);
            Outcome::Failed(Failure { why, tries, side })
        }
    };
    Lookup { hops: hops.collect(), outcome, ttl_s }
}

/// How secure that is, in the words of CAA.
pub fn security(security: &countersign_dns::Security) -> Security {
    match security {
        countersign_dns::Security::Secure => Security::Secure,
        countersign_dns::Security::Insecure(_) => Security::Insecure,
        countersign_dns::Security::Bogus(_) => Security::Bogus,
        countersign_dns::Security::Indeterminate(_) => Security::Indeterminate,
    }
}

/// A name of the DNS in the words of CAA: without the dot at its end.
pub fn text(name: &countersign_dns::Name) -> String {
    let text = name.to_string();
    text.strip_suffix('.').filter(|text| !text.is_empty()).unwrap_or(&text).to_owned()
}

/// A name of CAA in the words of the DNS.
pub fn owner(name: &Name) -> countersign_dns::Name {
    name.as_str().parse().expect("what CAA is looked up for is a name of the DNS")
}

#[cfg(test)]
mod tests;
