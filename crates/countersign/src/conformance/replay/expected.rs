//! What a resolver has to answer, and what that says of DNSSEC.

use countersign_dns::rrset::SignedRrset;
use countersign_dns::{Message, Rtype};

use super::Asked;
use super::entry::{Entry, Rule};
use super::line::ReplayError;

/// The answer that a right resolver gives. What the file does not compare is `None`.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    /// What it says of the validity of the answer.
    pub(crate) said: Said,
    /// RCODE, with its upper bits.
    pub(crate) rcode: Option<u16>,
    /// An extended error that is there (RFC 8914).
    pub(crate) extended_error: Option<u16>,
    /// The answer section.
    pub(crate) answer: Option<Vec<SignedRrset>>,
    /// The authority section.
    pub(crate) authority: Option<Vec<SignedRrset>>,
    /// The additional section.
    pub(crate) additional: Option<Vec<SignedRrset>>,
    /// Whether times to live have to be the same.
    pub(crate) ttls: Ttls,
}

/// What an answer of a validating resolver says of the validity of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// AD is set: it is secure.
    Secure,
    /// The resolver does not give it: it is bogus, or could not be got at all (RFC 4035 §5.5).
    Refused,
    /// The resolver gives it without AD though it was asked for: it is insecure or indeterminate.
    NotAuthenticated,
    /// Nothing.
    Nothing,
}

/// Whether times to live are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ttls {
    Compared,
    Ignored,
}

impl Expected {
    pub(super) fn new(entry: &Entry, asked: Asked) -> Result<Self, ReplayError> {
        let compares = |rule| entry.rules.contains(&Rule::All) || entry.rules.contains(&rule);
        let Message { rcode, flags, answer, authority, additional, .. } = &entry.message;
        let section = |rule, section: &Vec<SignedRrset>| compares(rule).then(|| section.clone());
        let said = match compares(Rule::Rcode) && compares(Rule::Flags) {
            true => said(*rcode, flags.authentic, asked),
            false => Said::Nothing,
        };
        let extended_error = entry.rules.iter().find_map(|rule| match rule {
            Rule::ExtendedError(code) => Some(*code),
            _ => None,
        });
        Ok(Self {
            said,
            rcode: compares(Rule::Rcode).then_some(*rcode),
            extended_error,
            answer: section(Rule::Answer, answer),
            authority: section(Rule::Authority, authority),
            additional: section(Rule::Additional, additional),
            ttls: if entry.rules.contains(&Rule::Ttl) { Ttls::Compared } else { Ttls::Ignored },
        })
    }

    /// Whether these are the sets of the answer section, in whatever order; also if it is not compared.
    ///
    /// Signatures are not: who asks without DO gets none, and a validator looks at more of them.
    pub(crate) fn answer_is(&self, found: &[SignedRrset]) -> bool {
        self.answer.as_ref().is_none_or(|expected| {
            let (expected, found) = (data(expected), data(found));
            expected.len() == found.len()
                && expected.iter().all(|set| found.iter().any(|other| self.is_same(set, other)))
        })
    }

    fn is_same(&self, one: &SignedRrset, other: &SignedRrset) -> bool {
        let (one, other) = (&one.rrset, &other.rrset);
        let is_same_time = self.ttls == Ttls::Ignored || one.ttl_s() == other.ttl_s();
        is_same_time
            && (one.owner(), one.rtype(), one.rdatas())
                == (other.owner(), other.rtype(), other.rdatas())
    }
}

/// The sets that are no signatures.
fn data(sets: &[SignedRrset]) -> Vec<&SignedRrset> {
    sets.iter().filter(|set| set.rrset.rtype() != Rtype::RRSIG).collect()
}

/// A resolver that is asked with neither DO nor AD need not say whether it verified the answer (RFC 6840 §5.7,
/// §5.8). With CD it gives what it could not verify, too (RFC 4035 §3.2.2).
fn said(rcode: u16, authentic: bool, asked: Asked) -> Said {
    let would_say = asked.dnssec_ok || asked.flags.authentic;
    match rcode {
        _ if asked.flags.checking_disabled => Said::Nothing,
        SERVFAIL => Said::Refused,
        _ if authentic => Said::Secure,
        _ if would_say => Said::NotAuthenticated,
        _ => Said::Nothing,
    }
}

/// RFC 1035 §4.1.1.
const SERVFAIL: u16 = 2;
