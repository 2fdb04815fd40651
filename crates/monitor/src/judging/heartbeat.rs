//! The sign of life: how things stand, told regularly, so that somebody can notice when it no longer comes.

use std::time::Duration;

use countersign_store::StoreError;
use countersign_store::status::{LogStatus, Status};
use jiff::{SignedDuration, Timestamp};

use super::Judge;
use crate::watch::later;

impl Judge {
    /// Tells how things stand if that is due. When it is due next.
    pub(super) fn beat(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let Some(every) = self.judging.heartbeat else { return Ok(None) };
        let last = self.store.reader().heartbeat_at()?;
        if let Some(last) = last {
            let next = later(last, every);
            // A last one in the future was sent by a clock that was wrong.
            if now < next && last <= later(now, every) {
                return Ok(Some(next));
            }
        }
        let reader = self.store.reader();
        let since = last.unwrap_or(Timestamp::MIN);
        let status = reader.status()?;
        // The first one shows that messages arrive. It waits until all logs were seen, but not for ever.
        let begun = status.guarding_since.unwrap_or(now);
        if last.is_none() && !is_seen(&status) && now < later(begun, FIRST_WAITS) {
            return Ok(None);
        }
        let told = Standing { status, third_party: reader.third_party_since(since)? };
        self.store.heartbeat(&told.text(now), now)?;
        Ok(Some(later(now, every)))
    }
}

/// Whether logs are followed, and a head of each was verified.
fn is_seen(status: &Status) -> bool {
    let mut followed = status.logs.iter().filter(|row| row.log.removed_at.is_none()).peekable();
    let is_verified = |row: &LogStatus| {
        row.progress.as_ref().is_some_and(|read| read.verified_head_time.is_some())
    };
    followed.peek().is_some() && followed.all(is_verified)
}

/// How things stand.
struct Standing {
    status: Status,
    /// Certificates of third parties since the last heartbeat.
    third_party: u64,
}

impl Standing {
    /// In one line. "All quiet" is said only if nothing is left to see to and everything was looked at.
    fn text(&self, now: Timestamp) -> String {
        let followed = || self.status.logs.iter().filter(|row| row.log.removed_at.is_none());
        let logs = followed().count();
        let seen_up_to = |time: Option<Timestamp>| time.unwrap_or(Timestamp::MIN);
        let oldest = followed()
            .map(|row| seen_up_to(row.progress.as_ref().and_then(|read| read.verified_head_time)))
            .min();
        let behind = followed()
            .filter(|row| {
                let head = row.progress.as_ref().and_then(|read| read.verified_head_time);
                now.duration_since(seen_up_to(head)) > BEHIND
            })
            .count();
        let of_logs = self.status.logs.iter().flat_map(|row| &row.troubles);
        let troubles =
            of_logs.chain(&self.status.troubles).filter(|trouble| trouble.is_outstanding()).count();
        let mut parts = Vec::new();
        let mut part = |count: u64, what: &str| {
            if count > 0 {
                parts.push(format!("{count} {what}{}", if count == 1 { "" } else { "s" }));
            }
        };
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        part(self.status.unacknowledged, "open incident");
        part(self.status.pending, "pending certificate");
        part(count(troubles), "open trouble");
        part(count(behind), "log not seen for a day");
        let zones = self.status.zones.iter();
        let unlooked =
            zones.filter(|zone| now.duration_since(seen_up_to(zone.looked_at)) > BEHIND).count();
        part(count(unlooked), "zone not looked at for a day");
        let quiet = if logs == 0 {
            "no log is followed: nothing is seen".to_owned()
        } else if parts.is_empty() {
            "all quiet".to_owned()
        } else {
            parts.join(", ")
        };
        let seen = match oldest {
            Some(oldest) if oldest == Timestamp::MIN => {
                format!("not all of {logs} logs were verified yet")
            }
            Some(oldest) => format!("seen up to {oldest:.0} in {logs} logs"),
            None => "seen: nothing".to_owned(),
        };
        let looked = match self.status.zones.len() {
            0 => String::new(),
            all => format!(
                ", {} of {all} zone{} looked at",
                all - unlooked,
                if all == 1 { "" } else { "s" }
            ),
        };
        let digest = match self.third_party {
            0 => String::new(),
            1 => "; 1 certificate of a third party since the last heartbeat".to_owned(),
            many => format!("; {many} certificates of third parties since the last heartbeat"),
        };
        format!("{quiet}; {seen}{looked}{digest}")
    }
}

/// How long the first heartbeat waits for the logs to be read.
const FIRST_WAITS: Duration = Duration::from_secs(10 * 60);
/// Longer than the maximum merge delay of any log, and than most outages.
const BEHIND: SignedDuration = SignedDuration::from_hours(24);

#[cfg(test)]
mod tests {
    use countersign_store::Store;
    use countersign_store::log::{Api, Log};
    use countersign_store::position::Position;
    use countersign_store::trouble::{Nature, NewTrouble, TroubleId};

    use super::*;

    /// What a heartbeat says of a log with a trouble, before and after somebody acknowledges that.
    #[track_caller]
    fn check(nature: Nature, before: &str, after: &str) {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let now = Timestamp::UNIX_EPOCH;
        let log = Log {
            id: [1; 32],
            description: "Log".into(),
            operator: "Operator".into(),
            api: Api::Rfc6962,
            url: "https://log.example/".into(),
            mmd_s: None,
        };
        store.upsert_log(&log, now).unwrap();
        let position = Position { verified_head_time: Some(now), ..Position::default() };
        store.commit(&log.id, None, &position, &[], now).unwrap();
        let (log, kind, detail) = (Some(&log.id), "a kind", "what is wrong");
        store.raise(&NewTrouble { log, kind, nature, detail, evidence: &[] }, now).unwrap();
        let text = || {
            let status = store.reader().status().unwrap();
            Standing { status, third_party: 0 }.text(now)
        };
        assert_eq!(text(), before);
        store.desk().acknowledge_trouble(TroubleId(1), "", now).unwrap();
        assert_eq!(text(), after);
    }

    #[test]
    fn what_somebody_acknowledged_is_quiet_unless_it_keeps_us_from_seeing() {
        let open = "1 open trouble; seen up to 1970-01-01T00:00:00Z in 1 logs";
        check(Nature::Proof, open, "all quiet; seen up to 1970-01-01T00:00:00Z in 1 logs");
        check(Nature::Condition, open, open);
    }
}
