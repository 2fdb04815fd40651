//! `countersign caa plan`: the records that bind a name to the operator's accounts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use countersign_judge::Wildcards;
use countersign_judge::acme_account::{AccountUrl, Client};
use countersign_judge::caa_plan::{Choices, NoPlan, Plan, Practice};
use countersign_judge::material::Registration;
use countersign_judge::scope::Scope;
use countersign_monitor::directories::accounts::{Accounts, accounts};
use countersign_monitor::directories::{Directory, Kind, Limits, Scan};
use countersign_net::Clock;
use tracing::warn;

use super::{row, table};
use crate::ExitStatus;
use crate::args::{CaaPlanArgs, Global};
use crate::config::{self, Settings};
use crate::failure::Failure;
use crate::print::{Form, Printer, plain};

/// What was found on disk.
#[derive(Default)]
pub(super) struct Found {
    pub(super) accounts: Accounts,
    /// The certificates that were looked at for wildcards, by the hash of what they say.
    pub(super) certificates: BTreeSet<[u8; 32]>,
    wildcards: BTreeSet<String>,
    looked_in: Vec<PathBuf>,
}

/// Plans, and prints the plan or only its records.
pub(super) fn run(
    args: &CaaPlanArgs,
    global: &Global,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let zone = args.zone.as_ref().unwrap_or(&args.name);
    let is_within = std::iter::successors(Some(args.name.clone()), |name| name.parent());
    if !is_within.into_iter().any(|name| name == *zone) {
        return Err(Failure::new(format!("{} is not in the zone {zone}", args.name))
            .hint("--zone names the zone that the name is in")
            .into());
    }
    let settings = config::settings_if_any(global)?;
    let authorities = table::authorities(args.authorities.as_deref(), settings.as_ref())?;
    let found = found(&args.accounts, settings.as_ref());
    let now = Clock::system().now();
    let plan = Plan::of(
        &args.name,
        &urls(args, &found),
        &authorities,
        &practice(&found),
        &choices(args),
        now,
    )
    .map_err(|why| no_plan(&why, &found))?;
    match (args.format, printer.form()) {
        (Some(format), _) => {
            row::warnings(&plan, &found).iter().for_each(|line| warn!("{}", plain(line)));
            printer.text(format.write(&plan, zone).as_bytes())?;
        }
        (None, Form::Json) => row::print(&plan, &found, &authorities, printer)?,
        (None, Form::Human) => {
            for line in row::lines(&plan, &found, &authorities) {
                printer.line(line)?;
            }
        }
    }
    Ok(exit_status(&plan, &found))
}

/// What is wrong is told before what could not be seen.
fn exit_status(plan: &Plan, found: &Found) -> ExitStatus {
    match (plan.warnings.is_empty(), row::is_blind(found)) {
        (false, _) => ExitStatus::Findings,
        (true, true) => ExitStatus::CouldNotLook,
        (true, false) => ExitStatus::Expected,
    }
}

/// Looks into the directories that are named, or those of the configuration.
pub(super) fn found(directories: &[PathBuf], settings: Option<&Settings>) -> Found {
    let mut found = Found::default();
    let configured = settings.map(|settings| &settings.judging.directories[..]).unwrap_or_default();
    let roots: Vec<(&Path, Option<Kind>)> = if directories.is_empty() {
        configured.iter().map(|one| (one.path.as_path(), Some(one.kind))).collect()
    } else {
        directories.iter().map(|path| (path.as_path(), None)).collect()
    };
    for (root, kind) in roots {
        let mut read = accounts(root, Limits::default());
        let clients = read.found.iter().map(|one| one.account.client);
        let mut kinds: BTreeSet<Kind> = clients.map(kind_of).chain(kind).collect();
        if kinds.is_empty() {
            // Whose it is cannot be told, and its certificates count all the same.
            kinds.insert(Kind::Pem);
        }
        for kind in kinds {
            found.look_for_wildcards(root, kind);
        }
        found.looked_in.push(root.to_owned());
        found.accounts.found.append(&mut read.found);
        found.accounts.unusable.append(&mut read.unusable);
        found.accounts.renewals.append(&mut read.renewals);
        found.accounts.troubles.append(&mut read.troubles);
    }
    // The same is looked at for accounts and for certificates.
    found.accounts.troubles.sort();
    found.accounts.troubles.dedup();
    found
}

impl Found {
    /// What cannot be read may be a certificate with a wildcard, which a plan would forbid.
    fn look_for_wildcards(&mut self, root: &Path, kind: Kind) {
        let directory = Directory { path: root.to_owned(), scope: Scope::everything(), kind };
        let limits = Limits::default();
        let report = Scan::new(vec![directory], limits).scan(limits.entries_max);
        self.accounts.troubles.extend(report.troubles);
        for registered in report.registered {
            if let Registration::Certificate { tbs_sha256, names, .. } = registered.registration {
                self.certificates.insert(tbs_sha256);
                self.wildcards.extend(names.into_iter().filter(|name| name.starts_with("*.")));
            }
        }
    }
}

fn kind_of(client: Client) -> Kind {
    match client {
        Client::Certbot => Kind::Certbot,
        Client::Caddy => Kind::Caddy,
        Client::AcmeSh => Kind::AcmeSh,
        Client::Lego => Kind::Lego,
        Client::Dehydrated => Kind::Dehydrated,
    }
}

fn urls(args: &CaaPlanArgs, found: &Found) -> Vec<AccountUrl> {
    let of_files = found.accounts.found.iter().map(|one| &one.account.url);
    args.account.iter().chain(of_files).cloned().collect()
}

fn practice(found: &Found) -> Practice {
    let renewals = found.accounts.renewals.iter();
    let renewals = renewals.map(|one| (one.path.display().to_string(), one.challenges.clone()));
    Practice { renewals: renewals.collect(), wildcards: found.wildcards.clone() }
}

fn choices(args: &CaaPlanArgs) -> Choices {
    Choices {
        challenges: args.method.iter().copied().collect(),
        wildcards: if args.wildcard { Wildcards::Expected } else { Wildcards::NotExpected },
        iodef: args.iodef.clone(),
        ttl_s: args.ttl,
        issuers: args.issuer.iter().cloned().collect(),
        left_out: args.leave_out.iter().cloned().collect(),
    }
}

/// Why there is no plan, with what to do.
fn no_plan(why: &NoPlan, found: &Found) -> Failure {
    for line in row::unread(found) {
        warn!("{}", plain(&line));
    }
    let hint = match why {
        NoPlan::NoAccount if found.looked_in.is_empty() => {
            "--accounts DIR says where your ACME client keeps its accounts, such as /etc/letsencrypt".to_owned()
        }
        NoPlan::NoAccount => {
            let looked: Vec<_> = found.looked_in.iter().map(|path| path.display().to_string()).collect();
            format!(
                "looked in {}; --accounts DIR names the directory above `accounts`, `acme` or `ca`, --account URL an account",
                looked.join(", ")
            )
        }
        NoPlan::AllLeftOut => "register an account at a CA that everybody trusts, then plan again".to_owned(),
        NoPlan::UnknownAuthority(account) => format!(
            "--issuer {host}=NAME says how its CA is called in CAA records (`caaIdentities` in its ACME directory), \
             --leave-out {host} gives it no record",
            host = account.host()
        ),
        NoPlan::WildcardWithoutDns => "add --method dns-01, or leave --wildcard out".to_owned(),
        NoPlan::TooMany => "let hosts share an account, or give each name only the accounts that it needs".to_owned(),
        other => format!("{other}"),
    };
    Failure::new(format!("no plan: {why}")).hint(hint)
}
