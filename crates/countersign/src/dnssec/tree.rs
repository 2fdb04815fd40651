//! A zone as people are shown it: the chain of trust as a tree, the servers, what is wrong, who holds the keys.
//!
//! Colours are always in it; whoever prints it takes them away where no terminal shows them.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_dns::{Rtype, Security};
use countersign_judge::zone::{
    ChainZone, ChildDs, Denial, DsFact, Holder, KeyFact, ServerFact, Side, algorithm_name,
};
use countersign_judge::{Severity, ZoneFinding, ZoneReport};
use jiff::Timestamp;
use owo_colors::OwoColorize as _;

use crate::print::{plain, rough};

/// All of it, line by line.
pub(super) fn lines(report: &ZoneReport) -> Vec<String> {
    let mut lines = chain(report);
    lines.extend(details(report));
    lines.push(String::new());
    lines.extend(servers(&report.servers));
    lines.push(String::new());
    match report.findings.is_empty() {
        true => lines.push("nothing is wrong with what was seen".green().to_string()),
        false => lines.extend(report.findings.iter().flat_map(finding)),
    }
    lines.push(String::new());
    lines.extend(custody(report));
    lines
}

/// One line for each zone from the root down.
fn chain(report: &ZoneReport) -> Vec<String> {
    let name = |depth: usize, zone: &ChainZone| match depth {
        0 => zone.name.to_string(),
        _ => format!("{}└─ {}", "   ".repeat(depth - 1), zone.name),
    };
    let names: Vec<_> =
        report.chain.iter().enumerate().map(|(depth, zone)| name(depth, zone)).collect();
    let widest = names.iter().map(|name| name.chars().count()).max().unwrap_or_default();
    let line = |(name, zone): (&String, &ChainZone)| {
        let mut parts = vec![format!("{name:widest$}"), state(zone.security.as_ref())];
        if !zone.ds.is_empty() {
            parts.push(format!("DS {}", records(&zone.ds)));
        }
        if !zone.keys.is_empty() {
            parts.push(format!("keys {}", keys(&zone.keys)));
        }
        parts.extend(
            zone.signed_until.map(|until| format!("signed for {}", left(until, report.now))),
        );
        parts.join("  ")
    };
    let mut lines: Vec<_> = names.iter().zip(&report.chain).map(line).collect();
    lines.push("DS: key tag/digest type; keys: those with * are named by DS".dimmed().to_string());
    lines
}

fn state(security: Option<&Security>) -> String {
    let Some(security) = security else { return "not asked".yellow().to_string() };
    let word = security.as_str();
    match security {
        Security::Secure => word.green().to_string(),
        Security::Insecure(_) | Security::Indeterminate(_) => word.yellow().to_string(),
        Security::Bogus(_) => word.red().bold().to_string(),
    }
}

/// Tag and digest type of each record, and whether the zone lacks the key.
fn records(ds: &[DsFact]) -> String {
    let shown = ds.iter().map(|ds| {
        let text = format!("{}/{}", ds.tag, ds.digest_type);
        if ds.names_key { text } else { format!("{text} (no key)").yellow().to_string() }
    });
    shown.collect::<Vec<_>>().join(" ")
}

/// The tags of each algorithm, with a `*` if a DS record names the key.
fn keys(keys: &[KeyFact]) -> String {
    let mut by_algorithm: BTreeMap<u8, Vec<String>> = BTreeMap::new();
    for key in keys {
        let mark = if key.is_named { "*" } else { "" };
        by_algorithm.entry(key.algorithm).or_default().push(format!("{}{mark}", key.tag));
    }
    let shown = by_algorithm
        .into_iter()
        .map(|(algorithm, tags)| format!("{} {}", tags.join(" "), algorithm_name(algorithm)));
    shown.collect::<Vec<_>>().join(", ")
}

/// How long that is from now; red where it is over, or will be within half a day.
fn left(until: Timestamp, now: Timestamp) -> String {
    let seconds = until.as_second() - now.as_second();
    let Ok(left) = u64::try_from(seconds) else { return "no longer".red().bold().to_string() };
    let text = rough(Duration::from_secs(left));
    if left < SOON_S { text.red().to_string() } else { text }
}

/// As the finding `signature-expiring`, where it is high.
const SOON_S: u64 = 12 * 60 * 60;

/// What there is to say of the zone itself, below its line.
fn details(report: &ZoneReport) -> Vec<String> {
    let mut lines = Vec::new();
    let mut ends: BTreeMap<(u16, Timestamp), Vec<Rtype>> = BTreeMap::new();
    for fact in &report.signatures {
        ends.entry((fact.key_tag, fact.expiration)).or_default().push(fact.rtype);
    }
    for ((tag, until), rtypes) in ends {
        let whose = if rtypes == [Rtype::DS] { "the parent's key " } else { "" };
        let (rtypes, left) = (types(&rtypes), left(until, report.now));
        lines.push(format!("signed with {whose}{tag} until {until}, for {left}: {rtypes}"));
    }
    if !report.ttls.is_empty() {
        let ttl = |(rtype, ttl_s): (&Rtype, &u32)| {
            format!("{rtype} {}", rough(Duration::from_secs(u64::from(*ttl_s))))
        };
        let ttls: Vec<_> = report.ttls.iter().map(ttl).collect();
        lines.push(format!("may be kept for: {}", ttls.join(", ")));
    }
    lines.push(match &report.denial {
        Denial::Unseen => "how it denies names was not seen".to_owned(),
        Denial::Nsec => "denies names with NSEC".to_owned(),
        Denial::Nsec3 { iterations, salt, opt_out } => {
            let salt = if salt.is_empty() { "no salt" } else { "a salt" };
            let opt_out = if *opt_out { "opt-out" } else { "no opt-out" };
            format!("denies names with NSEC3: {iterations} iterations, {salt}, {opt_out}")
        }
    });
    lines.push(match &report.child_ds {
        ChildDs::Unseen => "what it asks its parent for was not seen".to_owned(),
        ChildDs::Absent => "asks its parent for nothing (no CDS or CDNSKEY)".to_owned(),
        ChildDs::Same => "asks its parent for the DS records that are there".to_owned(),
        ChildDs::Changes { adds, removes, .. } => format!(
            "asks its parent to add {} DS records and to remove {}",
            adds.len(),
            removes.len()
        ),
        ChildDs::Delete => "asks its parent to turn DNSSEC off".red().bold().to_string(),
    });
    let indent = "   ".repeat(report.chain.len());
    lines.into_iter().map(|line| format!("{indent}{line}")).collect()
}

fn servers(servers: &[ServerFact]) -> Vec<String> {
    let widest = |of: &dyn Fn(&ServerFact) -> String| {
        servers.iter().map(|server| of(server).len()).max().unwrap_or_default()
    };
    let name = widest(&|server| server.name.to_string());
    let address = widest(&|server| server.address.to_string());
    let line = |server: &ServerFact| {
        let side = match server.side {
            Side::Parent => "parent",
            Side::Zone => "zone",
        };
        let serial = server.serial.map(|serial| format!("serial {serial}, ")).unwrap_or_default();
        let says = match (&server.unanswered[..], &server.differs[..]) {
            ([], []) => "agrees".to_owned(),
            ([], differs) => format!("differs about {}", types(differs)).red().to_string(),
            (unanswered, []) => {
                format!("no answer about {}", types(unanswered)).yellow().to_string()
            }
            (unanswered, differs) => {
                format!("differs about {}, no answer about {}", types(differs), types(unanswered))
                    .red()
                    .to_string()
            }
        };
        let (host, at) = (server.name.to_string(), server.address.to_string());
        format!("{side:6}  {host:name$}  {at:address$}  {serial}{says}")
    };
    servers.iter().map(line).collect()
}

/// The sentence, and what to do below it.
fn finding(finding: &ZoneFinding) -> [String; 2] {
    let severity = finding.severity();
    let word = format!("{severity:8}");
    let word = match severity {
        Severity::Critical | Severity::High => word.red().bold().to_string(),
        Severity::Warning => word.yellow().to_string(),
        Severity::Notice => word.cyan().to_string(),
    };
    let text = finding.to_string();
    let next = format!("next: {}", finding.next_step());
    [
        format!("{word}  {}: {}", finding.kind(), plain(&text)),
        format!("{:8}  {}", "", next.dimmed()),
    ]
}

fn custody(report: &ZoneReport) -> Vec<String> {
    let custody = &report.custody;
    let word = custody.holder.as_str();
    let painted = match custody.holder {
        Holder::ProvedOnline => word.yellow().to_string(),
        Holder::ConsistentWithKeyless => word.green().to_string(),
        Holder::Unknown => word.to_owned(),
    };
    let meaning = match custody.holder {
        Holder::ProvedOnline => "whoever runs these servers, or can compel them, can sign",
        Holder::ConsistentWithKeyless => "servers seem to have copies only, which proves nothing",
        Holder::Unknown => "who holds the keys cannot be told from outside",
    };
    let mut lines = vec![format!("custody: {painted} ({meaning})")];
    lines.extend(custody.seen.iter().map(|seen| format!("  - {}", plain(seen))));
    lines
}

fn types(rtypes: &[Rtype]) -> String {
    rtypes.iter().map(Rtype::to_string).collect::<Vec<_>>().join(" ")
}
