//! `countersign status`: how far each log has been read and proved, when each zone was looked at, and what that leaves
//! unseen.

use std::time::Duration;

use comfy_table::{Cell, CellAlignment, Color};
use countersign_net::Clock;
use countersign_store::Store;
use countersign_store::log::Api;
use countersign_store::status::{LogStatus, Status};
use countersign_store::trouble::{Nature, Trouble};
use jiff::Timestamp;
use serde::Serialize;

use crate::ExitStatus;
use crate::config::Settings;
use crate::print::{Form, Printer, base64, cell, count, plain, rough};
use crate::troubles::TroubleRow;

/// Shows each followed log, then a line for all.
pub(crate) fn run(settings: &Settings, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let status = Store::open_reader(&settings.state_dir)?.status()?;
    let now = Clock::system().now();
    let followed = status.logs.iter().filter(|row| row.log.removed_at.is_none());
    let rows: Vec<_> =
        followed.map(|row| LogRow::new(row, settings.watch.stale_after, now)).collect();
    let zones: Vec<_> = settings
        .zones
        .iter()
        .map(|zone| ZoneLine::new(&zone.name.to_string(), &status, settings.watch.stale_after, now))
        .collect();
    let summary = Summary::new(&status, &rows, &zones);
    match printer.form() {
        Form::Json => {
            rows.iter().try_for_each(|row| printer.object(row))?;
            let others = status.troubles.iter().map(|trouble| TroubleRow::new(trouble, None));
            others.into_iter().try_for_each(|row| printer.object(&row))?;
            zones.iter().try_for_each(|row| printer.object(row))?;
            printer.object(&summary)?;
        }
        Form::Human => {
            printer.table(&HEADER, rows.iter().map(LogRow::cells).collect())?;
            for trouble in &status.troubles {
                printer.line(format_args!("trouble: {}", one_line(trouble)))?;
            }
            for zone in zones.iter().filter_map(ZoneLine::sentence) {
                printer.line(zone)?;
            }
            printer.line(summary.line(settings.watch.stale_after))?;
        }
    }
    Ok(summary.exit_status(&status.troubles))
}

/// A log in JSON (docs/json.md).
#[derive(Serialize)]
struct LogRow {
    r#type: &'static str,
    log: String,
    log_id: String,
    operator: String,
    api: &'static str,
    url: String,
    start: Option<u64>,
    downloaded: Option<u64>,
    verified: Option<u64>,
    head: Option<u64>,
    head_time: Option<String>,
    lag_entries: Option<u64>,
    lag_seconds: Option<u64>,
    exposure_seconds: Option<u64>,
    stale: bool,
    misbehaved: bool,
    misbehaved_unacknowledged: bool,
    polled_at: Option<String>,
    last_trouble: Option<String>,
    last_trouble_at: Option<String>,
    last_trouble_over: Option<bool>,
}

/// A zone in JSON (docs/json.md).
#[derive(Serialize)]
struct ZoneLine {
    r#type: &'static str,
    zone: String,
    looked_at: Option<String>,
    stale: bool,
    blind_since: Option<String>,
    blind: Option<String>,
    incident: Option<u64>,
}

impl ZoneLine {
    fn new(zone: &str, status: &Status, stale_after: Duration, now: Timestamp) -> Self {
        let row = status.zones.iter().find(|row| row.name == zone);
        let looked_at = row.and_then(|row| row.looked_at);
        let (blind_since, blind) = row.and_then(|row| row.blind.clone()).unzip();
        Self {
            r#type: "zone",
            zone: zone.to_owned(),
            looked_at: looked_at.map(|at| at.to_string()),
            stale: is_stale(looked_at, stale_after, now),
            blind_since: blind_since.map(|at| at.to_string()),
            blind,
            incident: row.and_then(|row| row.incident).map(|id| id.0),
        }
    }

    /// What people are told of it, if it could not be looked at.
    fn sentence(&self) -> Option<String> {
        let Self { zone, .. } = self;
        match (&self.looked_at, self.stale, &self.blind_since, &self.blind) {
            (None, ..) => Some(format!("zone {zone} was never looked at")),
            (Some(at), true, ..) => Some(format!("zone {zone} was not looked at since {at}")),
            (Some(_), false, Some(since), Some(blind)) => Some(format!(
                "of zone {zone} something is not seen since {since}: {}",
                plain(blind)
            )),
            (Some(_), false, _, _) => None,
        }
    }
}

/// The last line in JSON (docs/json.md).
#[derive(Serialize)]
struct Summary {
    r#type: &'static str,
    guarding_since: Option<String>,
    logs: usize,
    stale: usize,
    misbehaved: usize,
    misbehaved_unacknowledged: usize,
    troubles: usize,
    pending: u64,
    incidents: u64,
    unacknowledged: u64,
    sinks_failing: usize,
    zones: usize,
    zones_stale: usize,
    heartbeat_at: Option<String>,
    not_told: u64,
    log_lists: Vec<ListRow>,
}

/// When a list of logs was last had.
#[derive(Serialize)]
struct ListRow {
    source: String,
    kept_at: String,
}

const HEADER: [&str; 7] =
    ["LOG", "DOWNLOADED", "VERIFIED", "HEAD", "LAG", "EXPOSURE", "LAST TROUBLE"];

impl LogRow {
    fn new(row: &LogStatus, stale_after: Duration, now: Timestamp) -> Self {
        let progress = row.progress.as_ref();
        let head = row.poll.head.as_ref();
        let verified_time = progress.and_then(|progress| progress.verified_head_time);
        let verified = progress.map(|progress| progress.verified_size);
        // A log must merge what it has signed for within its maximum merge delay (RFC 6962 §3), so
        // what it signed for that long before the verified head is in the verified tree.
        let exposure = verified_time
            .zip(row.log.log.mmd_s)
            .map(|(time, mmd_s)| between(time, now).saturating_add(Duration::from_secs(mmd_s)));
        let trouble = LastTrouble::of(row);
        let proofs = row.troubles.iter().filter(|trouble| trouble.nature == Nature::Proof);
        let proofs: Vec<_> = proofs.collect();
        Self {
            r#type: "log",
            log: row.log.log.description.clone(),
            log_id: base64(&row.log.log.id),
            operator: row.log.log.operator.clone(),
            api: match row.log.log.api {
                Api::Rfc6962 => "rfc6962",
                Api::StaticCt => "static-ct",
            },
            url: row.log.log.url.clone(),
            start: progress.map(|progress| progress.start),
            downloaded: progress.map(|progress| progress.downloaded_size),
            verified,
            head: head.map(|head| head.size),
            head_time: head.and_then(|head| head.time).map(|time| time.to_string()),
            lag_entries: head
                .zip(verified)
                .map(|(head, verified)| head.size.saturating_sub(verified)),
            lag_seconds: head
                .and_then(|head| head.time)
                .zip(verified_time)
                .map(|(head, verified)| between(verified, head).as_secs()),
            exposure_seconds: exposure.map(|exposure| exposure.as_secs()),
            stale: verified_time.is_none_or(|time| between(time, now) > stale_after),
            misbehaved: !proofs.is_empty(),
            misbehaved_unacknowledged: proofs.iter().any(|proof| proof.is_outstanding()),
            polled_at: row.poll.polled_at.map(|time| time.to_string()),
            last_trouble: trouble.as_ref().map(|trouble| trouble.what.clone()),
            last_trouble_at: trouble.as_ref().map(|trouble| trouble.at.to_string()),
            last_trouble_over: trouble.as_ref().map(|trouble| trouble.over),
        }
    }

    /// What people are shown of it.
    fn cells(&self) -> Vec<Cell> {
        let number = |number: Option<u64>| Cell::new(number.map_or("-".to_owned(), count));
        let span = |seconds: u64| rough(Duration::from_secs(seconds));
        let lag = match (self.lag_entries, self.lag_seconds) {
            (Some(entries), Some(seconds)) => format!("{} / {}", count(entries), span(seconds)),
            (Some(entries), None) => count(entries),
            (None, _) => "not known".to_owned(),
        };
        let exposure = self.exposure_seconds.map_or("not known".to_owned(), span);
        let trouble = match (&self.last_trouble, self.last_trouble_over) {
            (Some(what), Some(false)) if self.misbehaved_unacknowledged => {
                cell(what).fg(Color::Red)
            }
            (Some(what), Some(false)) => cell(what).fg(Color::Yellow),
            (Some(what), _) => cell(what).fg(Color::DarkGrey),
            (None, _) => Cell::new("-"),
        };
        let color = if self.stale { Color::Red } else { Color::Reset };
        let right = |cell: Cell| cell.set_alignment(CellAlignment::Right);
        vec![
            cell(&self.log),
            right(number(self.downloaded)),
            right(number(self.verified)),
            right(number(self.head)),
            right(Cell::new(lag)),
            right(Cell::new(exposure).fg(color)),
            trouble,
        ]
    }
}

/// What went wrong last with a log.
struct LastTrouble {
    what: String,
    at: Timestamp,
    over: bool,
}

impl LastTrouble {
    /// A trouble that is open stands before one that is over; else the later.
    fn of(row: &LogStatus) -> Option<Self> {
        if let Some(open) = row.troubles.iter().max_by_key(|trouble| trouble.seen_at) {
            return Some(Self { what: one_line(open), at: open.seen_at, over: false });
        }
        let (at, what) = row.poll.trouble.clone()?;
        let over = row.poll.succeeded_at.is_some_and(|succeeded| succeeded > at);
        Some(Self { what, at, over })
    }
}

impl Summary {
    fn new(status: &Status, rows: &[LogRow], zones: &[ZoneLine]) -> Self {
        let of_logs = status.logs.iter().map(|row| row.troubles.len()).sum::<usize>();
        let list = |list: &countersign_store::log_list::LogListAge| ListRow {
            source: list.source.clone(),
            kept_at: list.kept_at.to_string(),
        };
        Self {
            r#type: "summary",
            guarding_since: status.guarding_since.map(|since| since.to_string()),
            logs: rows.len(),
            stale: rows.iter().filter(|row| row.stale).count(),
            misbehaved: rows.iter().filter(|row| row.misbehaved).count(),
            misbehaved_unacknowledged: rows
                .iter()
                .filter(|row| row.misbehaved_unacknowledged)
                .count(),
            troubles: of_logs + status.troubles.len(),
            pending: status.pending,
            incidents: status.open,
            unacknowledged: status.unacknowledged,
            sinks_failing: status.sinks.iter().filter(|sink| sink.failing_since.is_some()).count(),
            zones: zones.len(),
            zones_stale: zones.iter().filter(|zone| zone.stale).count(),
            heartbeat_at: status.heartbeat_at.map(|at| at.to_string()),
            not_told: status.unreported,
            log_lists: status.log_lists.iter().map(list).collect(),
        }
    }

    fn line(&self, stale_after: Duration) -> String {
        let Some(since) = &self.guarding_since else {
            return "nothing was watched yet".to_owned();
        };
        let fresh = self.logs - self.stale;
        let mut line = format!(
            "guarding since {since}: {} open incidents ({} not acknowledged), {} pending; {fresh} of {} logs verified \
             within {}, {} misbehaved ({} not acknowledged), {} open troubles",
            self.incidents,
            self.unacknowledged,
            self.pending,
            self.logs,
            rough(stale_after),
            self.misbehaved,
            self.misbehaved_unacknowledged,
            self.troubles,
        );
        if self.zones > 0 {
            let seen = self.zones - self.zones_stale;
            line.push_str(&format!(", {seen} of {} zones looked at", self.zones));
        }
        if self.sinks_failing > 0 {
            line.push_str(&format!(", {} sinks fail", self.sinks_failing));
        }
        if self.not_told > 0 {
            line.push_str(&format!(", {} reports not told yet", self.not_told));
        }
        line
    }

    /// Misbehaviour is told before blindness: who reads the rows sees both. What somebody acknowledged is not told
    /// again; blindness always is. `of_no_log` are the open troubles that are about no single log, but about the lists
    /// that say which logs there are.
    fn exit_status(&self, of_no_log: &[Trouble]) -> ExitStatus {
        let blind =
            self.stale > 0 || self.logs == 0 || self.zones_stale > 0 || !of_no_log.is_empty();
        if self.misbehaved_unacknowledged > 0 || self.unacknowledged > 0 {
            ExitStatus::Findings
        } else if blind || self.sinks_failing > 0 {
            ExitStatus::CouldNotLook
        } else {
            ExitStatus::Expected
        }
    }
}

fn one_line(trouble: &Trouble) -> String {
    format!("{}: {}", trouble.kind, trouble.detail)
}

/// From the earlier to the later; nothing if they come the other way round.
/// Whether the last look is too long ago; as if it was, if there was none.
pub(crate) fn is_stale(
    looked_at: Option<Timestamp>,
    stale_after: Duration,
    now: Timestamp,
) -> bool {
    looked_at.is_none_or(|at| between(at, now) > stale_after)
}

fn between(earlier: Timestamp, later: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or_default()
}
