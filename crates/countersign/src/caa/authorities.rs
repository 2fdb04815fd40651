//! `countersign caa authorities`: what is known of CAs, and from where.

use countersign_judge::caa_plan::authority::Authority;
use countersign_net::Clock;
use jiff::Timestamp;
use serde::Serialize;

use super::table;
use crate::ExitStatus;
use crate::args::{CaaAuthoritiesArgs, Global};
use crate::config;
use crate::print::{Form, Printer, cell};

/// Lists all of them.
pub(super) fn run(
    args: &CaaAuthoritiesArgs,
    global: &Global,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let settings = config::settings_if_any(global)?;
    let known = table::authorities(args.authorities.as_deref(), settings.as_ref())?;
    let now = Clock::system().now();
    let rows = known.all().iter().map(|authority| Row::new(authority, now));
    match printer.form() {
        Form::Json => rows.into_iter().try_for_each(|row| printer.object(&row))?,
        Form::Human => {
            let cells = rows.map(|row| {
                let issuers = row.issuers.join(" ");
                [row.authority, &issuers, row.support, row.binding, &row.as_of, row.source]
                    .map(cell)
                    .to_vec()
            });
            printer.table(&HEADER, cells.collect())?;
        }
    }
    Ok(ExitStatus::Expected)
}

const HEADER: [&str; 6] = ["CA", "NAMES", "SUPPORT", "BINDING", "AS OF", "SOURCE"];

/// One CA.
#[derive(Serialize)]
struct Row<'a> {
    r#type: &'static str,
    authority: &'a str,
    issuers: Vec<&'a str>,
    account_urls: Vec<&'a str>,
    support: &'static str,
    binding: &'static str,
    methods: Vec<&'static str>,
    source: &'a str,
    as_of: String,
}

impl<'a> Row<'a> {
    fn new(authority: &'a Authority, now: Timestamp) -> Self {
        Self {
            r#type: "authority",
            authority: &authority.name,
            issuers: authority.issuers.iter().map(|name| name.as_str()).collect(),
            account_urls: authority.accounts.iter().map(|one| one.prefix.as_str()).collect(),
            support: authority.support.as_str(),
            binding: authority.binding(now).as_str(),
            methods: authority.challenges.iter().map(|one| one.as_str()).collect(),
            source: &authority.source,
            as_of: authority.as_of.to_string(),
        }
    }
}
