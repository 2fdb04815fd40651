//! `countersign authorize`: says, ahead of the order, that certificates for a key are ours.

use std::path::Path;

use countersign_judge::rule::Origin;
use countersign_judge::scope::Scope;
use countersign_judge::statement::{self, Refused, STATEMENT_BYTES_MAX, Statement};
use countersign_net::Clock;
use countersign_store::authorization::{
    Accepted, AuthorizationId, KeyOrCertificate, NewAuthorization, NewStatement, Registered,
};
use countersign_store::{Desk, Store};
use jiff::Timestamp;
use serde::Serialize;
use tracing::warn;

use crate::ExitStatus;
use crate::args::AuthorizeArgs;
use crate::authorizations::AuthorizationRow;
use crate::config::Settings;
use crate::failure::Failure;
use crate::material::{bytes, ours};
use crate::print::{Form, Printer, plain};

/// Registers what the flags name. The state is made if no watch has made it yet.
pub(crate) fn run(
    args: &AuthorizeArgs,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    let now = Clock::system().now();
    if args.terms.until.is_some_and(|until| until < now) {
        return Err(Failure::new("--until is over already").into());
    }
    // All that can be wrong with the flags is found before the state is made.
    let registered = match &args.statement {
        Some(path) => vec![state(path, &args.note, settings, now)?],
        None => {
            let new = of_flags(args)?;
            warn_of_unguarded(&args.terms.names, settings);
            let desk = Store::open_desk(&settings.state_dir)?;
            let registered = desk.register(&new, now)?;
            registered.into_iter().map(|one| row(&desk, one)).collect::<Result<_, _>>()?
        }
    };
    for row in registered {
        match printer.form() {
            Form::Json => printer.object(&row)?,
            Form::Human if row.known => {
                printer.line(format_args!("{} (known already)", row.authorization.sentence()))?;
            }
            Form::Human => printer.line(row.authorization.sentence())?,
        }
    }
    Ok(ExitStatus::Expected)
}

/// A line of `authorize --json` (docs/json.md).
#[derive(Serialize)]
struct RegisteredRow {
    #[serde(flatten)]
    authorization: AuthorizationRow,
    known: bool,
}

fn of_flags(args: &AuthorizeArgs) -> Result<Vec<NewAuthorization>, Failure> {
    let new = ours(&args.material)?.into_iter().map(|ours| {
        Ok(NewAuthorization {
            basis: match ours.tbs_sha256 {
                Some(tbs_sha256) => KeyOrCertificate::Certificate(tbs_sha256),
                None => KeyOrCertificate::Key(ours.spki_sha256),
            },
            scope: ours.scope(&args.terms)?,
            until: args.terms.until,
            origin: Origin::Command,
            note: args.note.clone(),
        })
    });
    new.collect()
}

/// A name that has nothing to do with what is guarded is a slip more often than not.
fn warn_of_unguarded(names: &[String], settings: &Settings) {
    let scope = |item: &str| Scope::new([item]).ok();
    let guards: Vec<_> =
        settings.guards.iter().filter_map(|guard| scope(&guard.to_string())).collect();
    for (name, named) in names.iter().filter_map(|name| Some((name, scope(name)?))) {
        if !guards.iter().any(|guard| guard.holds(&named) || named.holds(guard)) {
            warn!("{} is not guarded, so nothing is looked for that has it", plain(name));
        }
    }
}

/// Registers what another host states.
fn state(
    path: &Path,
    note: &str,
    settings: &Settings,
    now: Timestamp,
) -> anyhow::Result<RegisteredRow> {
    let bytes = bytes(path, STATEMENT_BYTES_MAX)?;
    let hosts: Vec<_> = settings.judging.hosts.iter().map(host).collect();
    // Numbers are compared when the statement is accepted, in one step with keeping the new one.
    let statement = Statement::open(&bytes, &hosts, |_| None, now).map_err(|why| refused(&why))?;
    let authorization = NewAuthorization {
        basis: KeyOrCertificate::Key(statement.spki_sha256()),
        scope: statement.names().clone(),
        until: statement.until(),
        origin: Origin::Statement { host: statement.host().to_owned() },
        note: note.to_owned(),
    };
    let new = NewStatement {
        host: statement.host(),
        sequence: statement.sequence(),
        note: &bytes,
        authorization: &authorization,
    };
    let desk = Store::open_desk(&settings.state_dir)?;
    match desk.accept_statement(&new, now)? {
        Accepted::Yes(Registered::Revoked(id)) => {
            let what = format!("authorization {} says the same, and was revoked", id.0);
            let hint = "only `countersign authorize` without --statement brings it back";
            Err(Failure::new(what).hint(hint).into())
        }
        Accepted::Yes(registered) => row(&desk, registered),
        Accepted::Replayed { last } => {
            let host = statement.host().to_owned();
            Err(refused(&Refused::Replayed { host, sequence: statement.sequence(), last }).into())
        }
    }
}

fn host(host: &crate::config::Host) -> statement::Host {
    statement::Host { key: host.key.clone(), scope: host.scope.clone() }
}

fn refused(why: &Refused) -> Failure {
    let failure = Failure::new(format!("the statement is not believed: {why}"));
    match why {
        Refused::UnknownHost { .. } | Refused::BadSignature { .. } => failure.hint(
            "the [[host]] table that `countersign statement new` printed goes into the configuration",
        ),
        Refused::OutOfScope { .. } => failure.hint("`names` of its [[host]] says what it may"),
        Refused::Replayed { .. } | Refused::Expired { .. } => {
            failure.hint("sign a new one: `countersign statement sign` on that host")
        }
        _ => failure,
    }
}

fn row(desk: &Desk, registered: Registered) -> anyhow::Result<RegisteredRow> {
    let (id, known) = match registered {
        Registered::New(id) => (id, false),
        Registered::Known(id) | Registered::Revoked(id) => (id, true),
    };
    let AuthorizationId(number) = id;
    let row = desk.reader().authorization(id)?;
    let row = row.ok_or_else(|| Failure::new(format!("the authorization {number} is gone")))?;
    Ok(RegisteredRow { authorization: AuthorizationRow::new(&row), known })
}
