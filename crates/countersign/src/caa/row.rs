//! A plan as people and programs are shown it.

use countersign_judge::acme_account::{AccountUrl, NoAccount};
use countersign_judge::caa_plan::authority::Authorities;
use countersign_judge::caa_plan::{self, LeftOutWhy, Permitted, Plan, PlannedRecord};
use countersign_monitor::directories::accounts::UnusableAccount;
use serde::Serialize;

use super::plan::Found;
use crate::print::{Printer, Unprinted};

/// The plan line by line, with a sentence on each record.
pub(super) fn lines(plan: &Plan, found: &Found, authorities: &Authorities) -> Vec<String> {
    let mut lines = vec![format!(
        "records for {}, to be published together and in the place of any that are there:",
        plan.name
    )];
    for record in &plan.records {
        lines.push(String::new());
        lines.push(line(plan, record));
        lines.extend(record.permits.iter().map(authority));
        let account =
            record.permits.iter().flat_map(|permitted| holders(&permitted.account, found));
        lines.extend(account.map(|holder| format!("  account  {holder}")));
        lines.extend(record.stops.iter().map(|text| format!("  stops    {text}")));
        lines.extend(record.leaves.iter().map(|text| format!("  leaves   {text}")));
    }
    lines.push(String::new());
    lines.push("what all of them together leave:".to_owned());
    lines.extend(plan.leaves.iter().map(|text| format!("  - {text}")));
    lines.push(String::new());
    lines.extend(left_out(plan));
    lines.extend(warnings(plan, found).into_iter().map(|text| format!("warning: {text}")));
    lines.push(format!(
        "{} certificates were looked at for wildcards; CAs are known as of {}{}",
        found.certificates.len(),
        caa_plan::AS_OF,
        match authorities.imported() {
            Some(on) => format!(", and from the CCADB's report as of {on}"),
            None => "; `countersign caa import FILE` adds the CCADB's report".to_owned(),
        }
    ));
    lines.push(format!(
        "next: `--format zone` prints the records alone, others what DNS hosts take; once they are served, `countersign \
         caa lint {}` looks at them",
        plan.name
    ));
    lines
}

/// The record in a zone file.
fn line(plan: &Plan, record: &PlannedRecord) -> String {
    format!("{}. {} IN CAA {}", plan.name, plan.ttl_s, record.presentation())
}

/// Whether its CA is known to heed it, and where that is from.
fn authority(permitted: &Permitted) -> String {
    let Permitted { authority, binding, known, .. } = permitted;
    let source = match known {
        Some((source, as_of)) => format!("{source}; as of {as_of}"),
        None => "nothing is known of it but what --issuer says".to_owned(),
    };
    format!("  CA       {authority} {} ({source})", binding.text())
}

/// Who has the account, and where.
fn holders<'a>(account: &'a AccountUrl, found: &'a Found) -> impl Iterator<Item = String> + 'a {
    found.accounts.found.iter().filter(move |one| one.account.url == *account).map(|one| {
        let contacts = match one.account.contacts.is_empty() {
            true => String::new(),
            false => format!(" ({})", one.account.contacts.join(", ")),
        };
        format!("of {} in {}{contacts}", one.account.client.as_str(), one.path.display())
    })
}

fn left_out(plan: &Plan) -> impl Iterator<Item = String> + '_ {
    plan.left_out.iter().map(|one| {
        let why = match one.why {
            LeftOutWhy::Staging => "it is for tests, and nobody trusts what it gets",
            LeftOutWhy::Chosen => "--leave-out says so",
        };
        format!("left out: {}: {why}", one.account)
    })
}

/// What to look at before the records are published, each with what to do.
pub(super) fn warnings(plan: &Plan, found: &Found) -> Vec<String> {
    let of_plan = plan.warnings.iter().map(|one| format!("{}; {}", one.text(), one.next_step()));
    of_plan.chain(unread(found)).collect()
}

/// Files that may tell of an account that is in use, and do not.
fn unusable(found: &Found) -> impl Iterator<Item = &UnusableAccount> {
    let may_be_used = |one: &&UnusableAccount| !matches!(one.why, NoAccount::Ended { .. });
    found.accounts.unusable.iter().filter(may_be_used)
}

/// What could not be read, and accounts that have ended, each with what to do.
pub(super) fn unread(found: &Found) -> Vec<String> {
    let unusable = found.accounts.unusable.iter();
    let unusable = unusable
        .map(|one| format!("{}: {}; {}", one.path.display(), reason(&one.why), one.why.hint()));
    unusable.chain(found.accounts.troubles.iter().map(ToString::to_string)).collect()
}

/// An error with what is behind it.
fn reason(why: &NoAccount) -> String {
    match std::error::Error::source(why) {
        Some(source) => format!("{why}: {source}"),
        None => why.to_string(),
    }
}

/// Whether an account that is in use may not have been seen.
pub(super) fn is_blind(found: &Found) -> bool {
    !found.accounts.troubles.is_empty() || unusable(found).next().is_some()
}

/// What could not be read, as objects.
pub(super) fn print_unread(found: &Found, printer: &mut Printer) -> Result<(), Unprinted> {
    unread(found).iter().try_for_each(|text| printer.object(&UnreadRow { r#type: "unread", text }))
}

/// The plan as objects.
pub(super) fn print(
    plan: &Plan,
    found: &Found,
    authorities: &Authorities,
    printer: &mut Printer,
) -> Result<(), Unprinted> {
    for one in &found.accounts.found {
        printer.object(&AccountRow {
            r#type: "account",
            account: one.account.url.as_str(),
            client: one.account.client.as_str(),
            file: one.path.display().to_string(),
            contacts: &one.account.contacts,
        })?;
    }
    for record in &plan.records {
        let permits = record.permits.as_ref();
        let known = permits.and_then(|permitted| permitted.known.as_ref());
        printer.object(&RecordRow {
            r#type: "record",
            name: plan.name.as_str(),
            ttl_seconds: plan.ttl_s,
            property: record.property.tag(),
            value: &record.value,
            zone_line: line(plan, record),
            authority: permits.map(|permitted| permitted.authority.as_str()),
            account: permits.map(|permitted| permitted.account.as_str()),
            binding: permits.map(|permitted| permitted.binding.as_str()),
            binding_source: known.map(|(source, _)| source.as_str()),
            binding_as_of: known.map(|(_, as_of)| as_of.to_string()),
            stops: &record.stops,
            leaves: &record.leaves,
        })?;
    }
    for one in &plan.left_out {
        let why = match one.why {
            LeftOutWhy::Staging => "staging",
            LeftOutWhy::Chosen => "chosen",
        };
        printer.object(&LeftOutRow { r#type: "left-out", account: one.account.as_str(), why })?;
    }
    for one in &plan.warnings {
        printer.object(&WarningRow {
            r#type: "warning",
            kind: one.kind(),
            text: one.text(),
            next_step: one.next_step(),
        })?;
    }
    print_unread(found, printer)?;
    printer.object(&SummaryRow {
        r#type: "summary",
        name: plan.name.as_str(),
        records: plan.records.len(),
        warnings: plan.warnings.len(),
        binds_all: plan.binds_all(),
        leaves: &plan.leaves,
        certificates: found.certificates.len(),
        authorities_as_of: caa_plan::AS_OF.to_string(),
        imported_on: authorities.imported().map(|on| on.to_string()),
    })
}

#[derive(Serialize)]
struct AccountRow<'a> {
    r#type: &'static str,
    account: &'a str,
    client: &'static str,
    file: String,
    contacts: &'a [String],
}

#[derive(Serialize)]
struct RecordRow<'a> {
    r#type: &'static str,
    name: &'a str,
    ttl_seconds: u32,
    property: &'static str,
    value: &'a str,
    zone_line: String,
    authority: Option<&'a str>,
    account: Option<&'a str>,
    binding: Option<&'static str>,
    binding_source: Option<&'a str>,
    binding_as_of: Option<String>,
    stops: &'a [String],
    leaves: &'a [String],
}

#[derive(Serialize)]
struct LeftOutRow<'a> {
    r#type: &'static str,
    account: &'a str,
    why: &'static str,
}

#[derive(Serialize)]
struct WarningRow {
    r#type: &'static str,
    kind: &'static str,
    text: String,
    next_step: &'static str,
}

#[derive(Serialize)]
struct UnreadRow<'a> {
    r#type: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct SummaryRow<'a> {
    r#type: &'static str,
    name: &'a str,
    records: usize,
    warnings: usize,
    binds_all: bool,
    leaves: &'a [String],
    certificates: usize,
    authorities_as_of: String,
    imported_on: Option<String>,
}
