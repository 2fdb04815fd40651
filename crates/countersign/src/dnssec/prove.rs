//! `countersign dnssec prove`: looks a record up from the root down, and keeps what proves the answer.

use std::collections::BTreeMap;
use std::path::Path;

use countersign_dns::Query;
use countersign_dns::proof::{Proof, authentication_chain};
use countersign_net::Clock;
use tokio::runtime;

use super::walked;
use crate::ExitStatus;
use crate::args::{Global, ProveArgs};
use crate::config;
use crate::failure::Failure;
use crate::new_file;
use crate::print::{Form, Printer};
use crate::way_out;

/// Looks it up and writes the proof.
pub(super) fn run(
    args: &ProveArgs,
    global: &Global,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let (dns, settings) = way_out::dns(config::settings_if_any(global)?.as_ref(), &args.way)?;
    let query = Query { name: args.name.clone(), rtype: args.rtype };
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let clock = Clock::system();
    let mut known = BTreeMap::new();
    // Asked first and judged then: what was signed while we asked is valid now.
    let began = clock.now();
    runtime.block_on(dns.walk(query.clone(), &settings, began, &mut known));
    let now = clock.now();
    let found = runtime.block_on(dns.walk(query.clone(), &settings, now, &mut known));
    let proof = Proof::of(&query, &found, &settings, now);
    if let Some(proof) = &proof {
        write(&args.out, &proof.to_bytes())?;
    }
    let as_of = proof.as_ref().map_or(now, Proof::validated_at);
    walked::print(&query, &found.security, as_of, Some(&found), proof.as_ref(), printer)?;
    if let Some(proof) = &proof
        && printer.form() == Form::Human
    {
        let (sets, path) = (proof.links().len(), args.out.display());
        printer.line(format_args!(
            "wrote {path}: {sets} signed sets; `countersign dnssec verify` verifies it"
        ))?;
    }
    if let Some(path) = &args.chain {
        let chain = authentication_chain(&found).ok_or_else(|| {
            Failure::new(format!("{} is not written", path.display()))
                .hint("an authentication chain exists only for records that are there and secure")
        })?;
        write(path, &chain)?;
    }
    Ok(walked::exit_status(&found.security))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    new_file::save(path, bytes).map_err(|error| Failure::write(path, &error))
}
