//! What a walk found, as people and programs are shown it.

use countersign_dns::proof::Proof;
use countersign_dns::walk::{Hop, Outcome, Walked};
use countersign_dns::{Query, Rrset, Security, zone_text};
use jiff::Timestamp;
use serde::Serialize;

use crate::ExitStatus;
use crate::print::{Form, Printer};

/// Prints it.
pub(super) fn print(
    query: &Query,
    security: &Security,
    as_of: Timestamp,
    walked: Option<&Walked>,
    proof: Option<&Proof>,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let row = WalkedRow {
        r#type: "walked",
        name: query.name.to_string(),
        rtype: query.rtype.to_string(),
        security: security.as_str(),
        why: (*security != Security::Secure).then(|| security.to_string()),
        validated_at: as_of.to_string(),
        hops: walked.iter().flat_map(|walked| &walked.hops).map(HopRow::new).collect(),
        proof: proof
            .map(|proof| proof.manifests().iter().map(|part| part.id().to_string()).collect()),
    };
    match printer.form() {
        Form::Json => printer.object(&row)?,
        Form::Human => row.print(printer)?,
    }
    Ok(())
}

/// How a command ends that found this.
pub(super) fn exit_status(security: &Security) -> ExitStatus {
    match security {
        Security::Secure | Security::Insecure(_) => ExitStatus::Expected,
        Security::Bogus(_) => ExitStatus::Findings,
        Security::Indeterminate(_) => ExitStatus::CouldNotLook,
    }
}

/// What a walk found, in JSON (docs/json.md).
#[derive(Serialize)]
struct WalkedRow {
    r#type: &'static str,
    name: String,
    rtype: String,
    security: &'static str,
    why: Option<String>,
    validated_at: String,
    hops: Vec<HopRow>,
    /// The ids of the manifests of its proof.
    proof: Option<Vec<String>>,
}

#[derive(Serialize)]
struct HopRow {
    name: String,
    security: &'static str,
    outcome: &'static str,
    target: Option<String>,
    records: Vec<String>,
}

impl WalkedRow {
    fn print(&self, printer: &mut Printer) -> anyhow::Result<()> {
        let Self { name, rtype, security, why, validated_at, .. } = self;
        let found = why.as_deref().unwrap_or(security);
        printer.line(format_args!("{name} {rtype}, as of {validated_at}: {found}"))?;
        for HopRow { name, outcome, target, records, .. } in &self.hops {
            match target {
                Some(target) => printer.line(format_args!("  {name} stands for {target}"))?,
                None if records.is_empty() => {
                    let what = match *outcome {
                        "no-data" => "has no such record",
                        "no-name" => "does not exist",
                        _ => "is not known",
                    };
                    printer.line(format_args!("  {name} {what}"))?;
                }
                None => {}
            }
            for record in records {
                printer.line(format_args!("  {name} {rtype} {record}"))?;
            }
        }
        Ok(())
    }
}

impl HopRow {
    fn new(hop: &Hop) -> Self {
        let (outcome, sets, target) = match &hop.outcome {
            Outcome::Records(sets) => ("records", &sets[..], None),
            Outcome::Alias { rrset, target } => {
                ("alias", std::slice::from_ref(rrset), Some(target.to_string()))
            }
            Outcome::NoData => ("no-data", &[][..], None),
            Outcome::NoName => ("no-name", &[][..], None),
            Outcome::Unknown => ("unknown", &[][..], None),
        };
        let record = |set: &Rrset| {
            let rtype = set.rtype();
            let rdatas = set.rdatas().iter();
            rdatas.map(|rdata| zone_text::presentation(rtype, rdata)).collect::<Vec<_>>()
        };
        Self {
            name: hop.name.to_string(),
            security: hop.security.as_str(),
            outcome,
            target,
            records: sets.iter().flat_map(record).collect(),
        }
    }
}
