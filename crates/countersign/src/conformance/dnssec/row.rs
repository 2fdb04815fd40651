//! The line that is printed for an answer.

use std::path::Path;

use countersign_dns::security::Insecure;
use countersign_dns::{Security, SignedRrset};
use serde::Serialize;

use super::given::{Given, NOERROR, NXDOMAIN, SERVFAIL};
use crate::conformance::replay::expected::Said;
use crate::conformance::replay::{Config, Expected};

/// A line.
#[derive(Serialize)]
pub(super) struct Row {
    file: String,
    step: u32,
    expected: String,
    got: String,
    reason: Option<String>,
    ok: bool,
}

impl Row {
    /// Compares what is given with what is expected, as far as that is DNSSEC's matter.
    pub(super) fn new(
        path: &Path,
        step: u32,
        expected: &Expected,
        given: &Given,
        compared: &Compared,
    ) -> Self {
        let answer = given.answer.iter().cloned();
        let answer: Vec<_> =
            answer.map(|rrset| SignedRrset { rrset, rrsigs: Vec::new() }).collect();
        let differs = [
            (!compared.says(expected.said, given)).then_some("security"),
            (compared.rcode && expected.rcode.is_some_and(|due| due != given.rcode))
                .then_some("code"),
            (compared.answer && given.rcode != SERVFAIL && !expected.answer_is(&answer))
                .then_some("answer"),
        ];
        let differs: Vec<_> = differs.into_iter().flatten().collect();
        let security = (given.security != Security::Secure).then(|| given.security.to_string());
        let notes = given.notes.iter().chain(&compared.notes).cloned();
        let differs_in =
            (!differs.is_empty()).then(|| format!("differs in {}", differs.join(", ")));
        let reasons: Vec<String> = security.into_iter().chain(notes).chain(differs_in).collect();
        Self {
            file: path.display().to_string(),
            step,
            expected: format!("{} {}", said(expected.said), code(expected.rcode)),
            got: format!("{} {}", given.security.as_str(), code(Some(given.rcode))),
            reason: (!reasons.is_empty()).then(|| reasons.join("; ")),
            ok: differs.is_empty(),
        }
    }
}

/// What of an answer is compared, and why the rest is not.
pub(super) struct Compared {
    rcode: bool,
    answer: bool,
    /// What is bogus is given without AD, as if it was insecure.
    is_permissive: bool,
    notes: Vec<String>,
}

impl Compared {
    /// What can be compared of what is given for a question, which has CD or not.
    pub(super) fn of(config: &Config, checking_disabled: bool, given: &Given) -> Self {
        let is_refused = !given.is_good();
        let is_permissive = is_refused && config.permissive == Some(true);
        let reasons = [
            (is_refused && checking_disabled).then_some(
                "the question has CD set: what could not be verified is given all the same, and code and answer are \
                 not compared",
            ),
            is_permissive.then_some(
                "the file has val-permissive-mode: what could not be verified is given all the same, and code and \
                 answer are not compared",
            ),
            config.rewrites.then_some(
                "the file has a response policy zone, which rewrites answers: of them only the security is compared",
            ),
        ];
        let mut notes: Vec<_> = reasons.into_iter().flatten().map(str::to_owned).collect();
        let is_compared = notes.is_empty();
        if let Security::Insecure(Insecure::Iterations { .. }) = given.security
            && let [(_, least), _, ..] = config.nsec3_keysize_iterations[..]
        {
            notes.push(format!(
                "of the file's limits that for the smallest keys was taken, {least} iterations"
            ));
        }
        Self { rcode: is_compared, answer: is_compared, is_permissive, notes }
    }

    fn says(&self, said: Said, given: &Given) -> bool {
        match said {
            Said::Secure => given.security == Security::Secure,
            Said::Refused => given.rcode == SERVFAIL,
            Said::NotAuthenticated => {
                let is_insecure = matches!(given.security, Security::Insecure(_));
                is_insecure || given.is_unanchored() || self.is_permissive
            }
            Said::Nothing => true,
        }
    }
}

fn said(said: Said) -> &'static str {
    match said {
        Said::Secure => "secure",
        Said::Refused => "refused",
        Said::NotAuthenticated => "not-authenticated",
        Said::Nothing => "nothing",
    }
}

fn code(rcode: Option<u16>) -> String {
    match rcode {
        None => "any".to_owned(),
        Some(NOERROR) => "NOERROR".to_owned(),
        Some(SERVFAIL) => "SERVFAIL".to_owned(),
        Some(NXDOMAIN) => "NXDOMAIN".to_owned(),
        Some(other) => other.to_string(),
    }
}
