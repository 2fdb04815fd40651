//! `countersign authorizations`: what is ours, and since when; and its end.

use comfy_table::{Cell, Color};
use countersign_judge::rule::Origin;
use countersign_net::Clock;
use countersign_store::Store;
use countersign_store::authorization::{
    Authorization, AuthorizationFilter, AuthorizationId, KeyOrCertificate, Revoked,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::ExitStatus;
use crate::args::{AuthorizationsArgs, AuthorizationsCommand};
use crate::config::Settings;
use crate::failure::Failure;
use crate::print::{Form, Printer, cell, hex};

/// Lists authorizations, the newest last; or revokes one.
pub(crate) fn run(
    args: &AuthorizationsArgs,
    settings: &Settings,
    printer: &mut Printer,
) -> anyhow::Result<ExitStatus> {
    match &args.command {
        Some(AuthorizationsCommand::Revoke { id }) => revoke(*id, settings, printer),
        None => list(args.all, settings, printer),
    }
}

fn list(all: bool, settings: &Settings, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let reader = Store::open_reader(&settings.state_dir)?;
    let now = Clock::system().now();
    let in_force_at = (!all).then_some(now);
    let mut after = AuthorizationId(0);
    let mut rows = Vec::new();
    loop {
        let filter = AuthorizationFilter { after: Some(after), in_force_at, limit: PAGE };
        let page = reader.authorizations(&filter)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        let shown = page.iter().map(AuthorizationRow::new);
        match printer.form() {
            Form::Json => shown.into_iter().try_for_each(|row| printer.object(&row))?,
            Form::Human => rows.extend(shown.map(|row| row.cells(now))),
        }
    }
    printer.table(&HEADER, rows)?;
    Ok(ExitStatus::Expected)
}

fn revoke(id: u64, settings: &Settings, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    // Looked at first: a desk makes a state where there is none.
    Store::open_reader(&settings.state_dir)?;
    let desk = Store::open_desk(&settings.state_dir)?;
    let revoked = desk.revoke(AuthorizationId(id), Clock::system().now())?;
    let row = desk.reader().authorization(AuthorizationId(id))?;
    let Some(row) = row.filter(|_| revoked != Revoked::Unknown) else {
        let failure = Failure::new(format!("there is no authorization {id}"));
        return Err(failure.hint("`countersign authorizations` lists them").into());
    };
    let row = AuthorizationRow::new(&row);
    match printer.form() {
        Form::Json => printer.object(&row)?,
        Form::Human => {
            let at = row.revoked_at.as_deref().unwrap_or_default();
            printer.line(format_args!("revoked: {}, at {at}", row.sentence()))?;
        }
    }
    Ok(ExitStatus::Expected)
}

/// An authorization in JSON (docs/json.md).
#[derive(Serialize)]
pub(crate) struct AuthorizationRow {
    r#type: &'static str,
    id: u64,
    spki_sha256: Option<String>,
    tbs_sha256: Option<String>,
    names: Vec<String>,
    since: String,
    until: Option<String>,
    origin: &'static str,
    place: Option<String>,
    note: String,
    revoked_at: Option<String>,
    #[serde(skip)]
    ends: Option<Timestamp>,
}

const HEADER: [&str; 7] = ["ID", "KNOWN BY", "NAMES", "SINCE", "UNTIL", "FROM", "NOTE"];
/// Authorizations read at once.
const PAGE: u32 = 1000;

impl AuthorizationRow {
    pub(crate) fn new(row: &Authorization) -> Self {
        let (spki_sha256, tbs_sha256) = match &row.basis {
            KeyOrCertificate::Key(hash) => (Some(hex(hash)), None),
            KeyOrCertificate::Certificate(hash) => (None, Some(hex(hash))),
        };
        let (origin, place) = match &row.origin {
            Origin::Command => ("command", None),
            Origin::Directory { path } => ("directory", Some(path.clone())),
            Origin::Statement { host } => ("statement", Some(host.clone())),
            Origin::Configuration => ("configuration", None),
        };
        Self {
            r#type: "authorization",
            id: row.id.0,
            spki_sha256,
            tbs_sha256,
            names: row.scope.items().collect(),
            since: row.registered_at.to_string(),
            until: row.until.map(|until| until.to_string()),
            origin,
            place,
            note: row.note.clone(),
            revoked_at: row.revoked_at.map(|revoked| revoked.to_string()),
            ends: row.until,
        }
    }

    /// `authorization 17: key 6d61… for xmpp.example since 2026-11-24T12:00:00Z`.
    pub(crate) fn sentence(&self) -> String {
        let (kind, hash) = self.known_by();
        let until = self.until.as_ref().map_or(String::new(), |until| format!(" until {until}"));
        format!(
            "authorization {}: {kind} {hash} for {} since {}{until}",
            self.id,
            self.names.join(" "),
            self.since
        )
    }

    fn known_by(&self) -> (&'static str, &str) {
        match (&self.spki_sha256, &self.tbs_sha256) {
            (Some(hash), _) => ("key", hash),
            (None, Some(hash)) => ("certificate", hash),
            (None, None) => unreachable!("it is known by one of them"),
        }
    }

    /// What people are shown of it in a table.
    fn cells(&self, now: Timestamp) -> Vec<Cell> {
        let (kind, hash) = self.known_by();
        let over = self.revoked_at.is_some() || self.ends.is_some_and(|ends| ends < now);
        let color = if over { Color::DarkGrey } else { Color::Reset };
        let until = match (&self.revoked_at, &self.until) {
            (Some(revoked), _) => format!("revoked {revoked}"),
            (None, Some(until)) => until.clone(),
            (None, None) => "-".to_owned(),
        };
        vec![
            Cell::new(self.id).fg(color),
            Cell::new(format!("{kind} {}", hash.get(..16).unwrap_or(hash))).fg(color),
            cell(&self.names.join(" ")),
            Cell::new(&self.since),
            Cell::new(until).fg(color),
            cell(self.place.as_deref().unwrap_or(self.origin)),
            cell(&self.note),
        ]
    }
}
