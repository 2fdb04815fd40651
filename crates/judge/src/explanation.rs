//! What a finding means, in words for somebody who was woken by it.
//!
//! The reader may be a volunteer, alone, and tired. So: what happened, first and plainly; why we think so, to be
//! checked; since when; what it does and does not let an attacker do; what to do now, in order, with the commands to
//! type. Nothing is claimed that is not known: that a certificate exists does not prove that it is used.
//!
//! Foreign text, such as names and CAs, is harmless in all of it: see [`crate::plain`]. In commands to be copied
//! into a shell stand only names that no shell could read as anything else.

use std::fmt::Write as _;

use jiff::{SignedDuration, Timestamp};

use crate::ca::{self, Acme, CCADB, problem_report};
use crate::caa::CaaThen;
use crate::decision::{Told, ToldFinding, Verdict};
use crate::finding::{NAME_NOT_COVERED, NO_KEY, RULE_EXPIRED, UNKNOWN_KEY};
use crate::observation::Observation;
use crate::plain::{Name, bounded, hex};
use crate::promise::{Promise, PromiseVerdict};

/// What happened and what to do, in parts, so that a mail, a page and a terminal can lay it out. Each part is one
/// line of harmless text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// For the subject of a mail.
    pub title: String,
    /// What happened.
    pub what: String,
    /// Why we think so, one reason each.
    pub why: Vec<String>,
    /// Since when.
    pub since: String,
    /// What it lets an attacker do.
    pub allows: String,
    /// What to do now, in this order.
    pub next: Vec<String>,
}

/// What is known about a certificate beside what was judged. All of it is foreign text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The number of the incident, once there is one.
    pub incident: Option<u64>,
    /// The issuer's organization, if its name has one.
    pub issuer_organization: String,
    /// The issuer's common name, if its name has one.
    pub issuer_common_name: String,
    /// The serial number, as the CA would want to be told it.
    pub serial: String,
    /// The logs that hold it, as people know them.
    pub logs: Vec<String>,
    /// What the CAA records that were in force said to its issuer, if that is known.
    pub caa: Option<CaaThen>,
}

/// More names in one sentence are not read.
const NAMES_SHOWN_MAX: usize = 5;
/// How much of the issuer's name, the serial number or a log's description is shown (RFC 5280 §A.1: 64 characters at
/// most; a serial number has 40 digits).
const TEXT_CHARACTERS_MAX: usize = 64;

/// Explains a decision about a certificate that was first seen at `seen_at`.
pub fn explain(
    observation: &Observation,
    decision: &Told,
    facts: &Facts,
    seen_at: Timestamp,
) -> Explanation {
    let subject = Subject::new(observation, facts);
    let (names, issuer) = (&subject.names, &subject.issuer);
    let (title, what) = match decision.verdict {
        Verdict::Unexpected => (
            format!("unexpected certificate for {names}, issued by {issuer}"),
            format!(
                "{issuer} has issued a certificate for {names}, and nobody here has said that it is theirs."
            ),
        ),
        Verdict::Pending { until } => (
            format!("unknown certificate for {names}, issued by {issuer}, until {until}"),
            format!(
                "{issuer} has issued a certificate for {names} that nobody here has registered yet. If nobody has by \
                 {until}, it will be an incident."
            ),
        ),
        Verdict::Authorized => (
            format!("expected certificate for {names}, issued by {issuer}"),
            format!("{issuer} has issued a certificate for {names}, and it is one of yours."),
        ),
        Verdict::ThirdParty => (
            format!("certificate of a third party for {names}, issued by {issuer}"),
            format!(
                "{issuer} has issued a certificate for {names}. It looks like those of a third party that you have \
                 allowed, but its key is not registered, so nobody can be sure."
            ),
        ),
    };
    Explanation {
        title,
        what,
        why: why(decision, facts),
        since: since(observation, seen_at),
        allows: allows(observation, decision, names),
        next: next(observation, decision, facts, &subject),
    }
}

/// The names and the issuer, as they stand in sentences.
struct Subject {
    names: String,
    issuer: String,
}

impl Subject {
    fn new(observation: &Observation, facts: &Facts) -> Self {
        let names = distinct(observation);
        let shown: Vec<String> =
            names.iter().take(NAMES_SHOWN_MAX).map(|name| Name(name).to_string()).collect();
        let names = match (names.len() > NAMES_SHOWN_MAX, shown.is_empty()) {
            (_, true) => Name("").to_string(),
            (false, _) => shown.join(", "),
            (true, _) => format!("{} and more", shown.join(", ")),
        };
        let text = |text| bounded(text, TEXT_CHARACTERS_MAX);
        let (organization, common_name) =
            (text(&facts.issuer_organization), text(&facts.issuer_common_name));
        let issuer = match (organization.is_empty(), common_name.is_empty()) {
            (true, true) => "a CA whose name cannot be read".to_owned(),
            (false, true) => organization.into_owned(),
            (true, false) => common_name.into_owned(),
            (false, false) => format!("{organization} ({common_name})"),
        };
        Self { names, issuer }
    }
}

/// The first names, each once, since two guards find the same name twice; and one too many, if there are more.
fn distinct(observation: &Observation) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for named in &observation.names {
        if names.len() <= NAMES_SHOWN_MAX && !names.contains(&named.name.as_str()) {
            names.push(&named.name);
        }
    }
    names
}

fn why(decision: &Told, facts: &Facts) -> Vec<String> {
    let mut why: Vec<String> =
        decision.findings.iter().map(|finding| sentence(&finding.text)).collect();
    why.extend(decision.by.iter().map(|rule| {
        sentence(&format!("{} covers it", bounded(&rule.to_string(), TEXT_CHARACTERS_MAX)))
    }));
    // Of what is expected, nobody asks what would have stopped it.
    let is_expected = matches!(decision.verdict, Verdict::Authorized | Verdict::ThirdParty);
    if let Some(then) = facts.caa.as_ref().filter(|_| !is_expected) {
        let issuer = bounded(&facts.issuer_organization, TEXT_CHARACTERS_MAX);
        why.push(sentence(&then.sentence(if issuer.is_empty() { "the CA" } else { &issuer })));
    }
    let logs: Vec<_> = facts.logs.iter().take(NAMES_SHOWN_MAX).collect();
    if !logs.is_empty() {
        let shown: Vec<_> = logs.iter().map(|log| bounded(log, TEXT_CHARACTERS_MAX)).collect();
        let more = facts.logs.len() - logs.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        why.push(format!(
            "It is in public logs, which cannot take it back: {}{more}.",
            shown.join(", ")
        ));
    }
    why
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).chain(['.']).collect()
}

fn since(observation: &Observation, seen_at: Timestamp) -> String {
    let mut since = format!("First seen here at {seen_at}.");
    match (observation.not_before, observation.not_after) {
        (Some(from), Some(to)) => {
            write!(since, " By its own words it is valid from {from} to {to}.")
        }
        (Some(from), None) => {
            write!(since, " By its own words it is valid from {from}; until when cannot be read.")
        }
        (None, _) => write!(since, " From when it is valid cannot be read."),
    }
    .expect("a String takes all that is written");
    since
}

fn allows(observation: &Observation, decision: &Told, names: &str) -> String {
    let until =
        observation.not_after.map_or_else(String::new, |to| format!(", until {to} at the latest"));
    match decision.verdict {
        Verdict::Authorized => {
            return "Nothing: it is of use only to who holds the private key, and that is you."
                .to_owned();
        }
        Verdict::ThirdParty => {
            return format!(
                "The third party can be {names} to everybody, as you have allowed. So can whoever got this \
                 certificate from the same CA without being that third party."
            );
        }
        Verdict::Pending { .. } | Verdict::Unexpected => {}
    }
    if is_own_key(decision) {
        return format!(
            "Whoever holds this private key can be {names} to everybody{until}. The key is, or was, one of yours: it \
             is harmless as long as only your own hosts hold it, and serious if one of them was broken into."
        );
    }
    format!(
        "Whoever holds its private key can be {names} to everybody whose connection they can redirect, and read and \
         change all that is sent{until}. Users see no warning. That the certificate exists does not yet prove that \
         this happens."
    )
}

/// Whether the key or the certificate is, or was, registered for something.
fn is_own_key(decision: &Told) -> bool {
    let known =
        |finding: &ToldFinding| finding.kind == NAME_NOT_COVERED || finding.kind == RULE_EXPIRED;
    let unknown = |finding: &ToldFinding| finding.kind == UNKNOWN_KEY || finding.kind == NO_KEY;
    decision.findings.iter().any(known) && !decision.findings.iter().any(unknown)
}

fn next(
    observation: &Observation,
    decision: &Told,
    facts: &Facts,
    subject: &Subject,
) -> Vec<String> {
    match decision.verdict {
        Verdict::Authorized => return Vec::new(),
        Verdict::ThirdParty => {
            return vec![
                "Ask the third party now and then for the keys of its certificates, and compare."
                    .to_owned(),
            ];
        }
        Verdict::Pending { .. } => return vec![ask(observation)],
        Verdict::Unexpected => {}
    }
    let incident = facts.incident.map_or_else(|| "ID".to_owned(), |number| number.to_string());
    let mut next = vec![
        ask(observation),
        format!(
            "If it was not you, keep what was seen, and give it to those whom you ask for help: countersign evidence \
             {incident} --out incident-{incident}.tar"
        ),
    ];
    next.extend(revoke(facts));
    next.push(format!(
        "Find out how they proved to be {}: look at the DNS records (A, AAAA, NS, MX, CAA) and their history, the \
         accounts at the registrar and the DNS provider, the files and logs of the web server, and ask the hoster \
         about redirected traffic. Ask on paths that do not depend on these names.",
        subject.names
    ));
    if is_own_key(decision) {
        next.push(
            "Look at every host that holds this key for signs of a break-in, and replace the key there.".to_owned(),
        );
    }
    next.push(
        "Look at the service from outside, from several networks: if it shows a key that is not yours, or takes \
         longer to reach than it should, traffic is being redirected. Write down the time and what you saw."
            .to_owned(),
    );
    next.push(
        "If traffic may have been redirected: tell your users what was at risk and since when, have passwords and \
         tokens that were used since then changed, and put new keys on hosts that may have been entered."
            .to_owned(),
    );
    next.push(
        "Make it harder to do again: sign the zone (DNSSEC), and name your CA and your account there in a CAA record \
         with accounturi (RFC 8657)."
            .to_owned(),
    );
    next
}

/// The first question is always whether it was one of us; most of the time it was.
fn ask(observation: &Observation) -> String {
    let ask = "Ask everybody who may order certificates for these names, on a path that does not depend on them";
    let Some(spki_sha256) = observation.spki_sha256 else {
        return format!(
            "{ask}. If it was one of you, register the certificate itself: countersign authorize --certificate FILE"
        );
    };
    let names = distinct(observation);
    let safe = names.len() <= NAMES_SHOWN_MAX && names.iter().all(|name| is_shell_safe(name));
    let names: String = if safe && !names.is_empty() {
        names.iter().map(|name| format!(" --name '{name}'")).collect()
    } else {
        " --name NAME".to_owned()
    };
    format!(
        "{ask}. If it was one of you, say so: countersign authorize --spki {}{names}",
        hex(&spki_sha256)
    )
}

/// Whether a name can stand in single quotes in a command that somebody copies.
fn is_shell_safe(name: &str) -> bool {
    let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-._*:".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.len() <= 253 && name.chars().all(safe)
}

/// How to have it revoked.
fn revoke(facts: &Facts) -> Vec<String> {
    let serial = bounded(&facts.serial, TEXT_CHARACTERS_MAX);
    let serial = if serial.is_empty() {
        "its serial number".into()
    } else {
        format!("serial number {serial}")
    };
    let contact = problem_report(&facts.issuer_organization, &facts.issuer_common_name);
    let report = match contact {
        Some(contact) => format!(
            "Tell the CA: {} takes problem reports at {} (from {}, as of {}; if that fails, see {CCADB}). Say that the \
             certificate ({serial}) was not ordered by the holder of the names, and attach it. The CA must look into \
             it within 24 hours.",
            contact.who,
            contact.address,
            contact.source,
            ca::AS_OF
        ),
        None => format!(
            "Tell the CA: where it takes problem reports is listed at {CCADB}. Say that the certificate ({serial}) was \
             not ordered by the holder of the names, and attach it. The CA must look into it within 24 hours."
        ),
    };
    // RFC 8555 §7.6: an account that holds authorizations for all of the identifiers may revoke.
    let acme = "Revoke it yourself over ACME: whoever proves control of all names in a certificate may revoke it, also \
                one that another account ordered (RFC 8555 §7.6). With certbot: certbot revoke --cert-path FILE";
    match contact.map(|contact| contact.acme) {
        Some(Acme::Public) => vec![format!("{acme}, after an order for the same names."), report],
        Some(Acme::Unknown) | None => {
            vec![
                report,
                format!(
                    "If that CA speaks ACME, that is quicker. {acme}, after an order for the same names."
                ),
            ]
        }
    }
}

/// Explains a promise of a log that was not kept; `log` is its name for people. `None` if nothing is wrong, or if
/// nobody can tell.
pub fn explain_promise(
    promise: &Promise,
    verdict: &PromiseVerdict,
    log: &str,
) -> Option<Explanation> {
    let finding = promise.finding(verdict)?;
    let log = bounded(log, TEXT_CHARACTERS_MAX);
    let given =
        promise.given().map_or_else(|| "an unknown time".to_owned(), |given| given.to_string());
    let what = match verdict {
        PromiseVerdict::KeptElsewhere { index } => format!(
            "The log {log} has one of your certificates at index {index}, but not the entry that it promised when it \
             signed for it."
        ),
        PromiseVerdict::Broken
        | PromiseVerdict::Kept
        | PromiseVerdict::Waiting { .. }
        | PromiseVerdict::NotLooked(_) => format!(
            "The log {log} signed for one of your own certificates and does not show it to us, although it should by \
             now. It has broken its promise, or it shows us another tree than others, or we are blind to some of it."
        ),
    };
    Some(Explanation {
        title: format!("the log {log} did not keep its promise"),
        what,
        why: vec![
            sentence(&finding.to_string()),
            format!("The SCT in the certificate (TBS SHA-256 {}) is the log's own signature.", hex(&promise.tbs_sha256)),
            "All entries of a tree that should have it were verified and searched.".to_owned(),
        ],
        since: format!(
            "Promised at {given}, for {} hours later at the latest.",
            promise.mmd.max(SignedDuration::ZERO).as_hours()
        ),
        allows: "A log that hides one certificate can hide another: what an attacker gets logged only there, nobody \
                 sees. Your own certificate is not harmed."
            .to_owned(),
        next: vec![
            "Look whether other monitors see the entry in this log. If they do, the log shows you another tree, or \
             something on the way does."
                .to_owned(),
            "Keep the evidence: the certificate with its SCTs, and the tree head.".to_owned(),
            "Tell the log's operator, and the browsers' policy list (ct-policy@chromium.org), with both.".to_owned(),
        ],
    })
}

impl Explanation {
    /// All of it, for a mail or a terminal.
    pub fn to_text(&self) -> String {
        let one = |heading: &str, line: &str| format!("\n{heading}\n  {line}\n");
        let list = |heading: &str, mark: &dyn Fn(usize) -> String, lines: &[String]| {
            let marked =
                lines.iter().enumerate().map(|(at, line)| format!("  {} {line}\n", mark(at)));
            let marked: String = marked.collect();
            if marked.is_empty() { marked } else { format!("\n{heading}\n{marked}") }
        };
        [
            format!("{}\n", self.title),
            one("What happened", &self.what),
            list("Why we think so", &|_| "-".to_owned(), &self.why),
            one("Since when", &self.since),
            one("What it lets an attacker do", &self.allows),
            list("What to do now", &|at| format!("{}.", at + 1), &self.next),
        ]
        .concat()
    }
}

#[cfg(test)]
mod tests;
