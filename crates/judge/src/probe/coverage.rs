//! What was looked at, how often, and how much of an interception could still be unseen.
//!
//! There is no light for "nobody is in the middle". Each [`Stratum`] of each service has a [`Row`] of its own, since
//! who spares the probes of one kind is seen by those of another; and what should be looked at and is not has one as
//! well. A bound is given for the last week, and beside it for all time: an interception that began an hour ago is not
//! ruled out by the probes of last year. How soon such a one would be met is the mean delay.
//!
//! # Limitations
//!
//! No count says anything of an interceptor who diverts only victims on a list: see [`UNSEEN`]. The bounds hold for
//! the connections that look like the probes, see [`super::share`].

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::expected::KeyVerdict;
use super::finding::Kind;
use super::judging::{Judged, Sight};
use super::observation::Stratum;
use super::service::Service;
use super::share::{delay_mean, share_max};

mod words;

pub use words::summary;

/// What probing cannot see, and what does: it stands wherever coverage is shown.
pub const UNSEEN: &str = "Probes cannot see an interceptor who diverts only listed victims: the probes are not on his \
                          list, and meet him never, however many there are. What covers this: that every certificate \
                          he could use shows in CT, CAA records that name your ACME account, channel binding in the \
                          victim's own client, and the onion service.";

/// The recent past that a row is about.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What one probe contributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// There was nobody in the middle: the key is one that may serve, or nobody said which may.
    Expected,
    /// Somebody else answered, or changed what was said.
    Met,
    /// The key may still be registered. This counts for neither.
    Pending,
    /// It could not look.
    Blind {
        /// Why not.
        why: String,
    },
}

impl Look {
    /// What a judged probe contributes. An expired certificate of ours is wrong, and nobody in the middle.
    pub fn of(judged: &Judged) -> Self {
        if judged.findings.iter().any(|finding| says_met(finding.kind)) {
            return Self::Met;
        }
        match (&judged.sight, &judged.key) {
            (Sight::Blind { why }, _) => Self::Blind { why: why.clone() },
            (_, Some(KeyVerdict::Foreign { .. })) => Self::Met,
            (Sight::Pending { .. }, _) | (_, Some(KeyVerdict::Pending { .. })) => Self::Pending,
            (_, Some(KeyVerdict::Ours | KeyVerdict::NotTold)) => Self::Expected,
            (_, None) => Self::Blind { why: "whoever answered showed no key".to_owned() },
        }
    }
}

/// Whether a finding about one probe says that the service itself has not answered, or not what arrived.
fn says_met(kind: Kind) -> bool {
    match kind {
        Kind::ForeignKey
        | Kind::ForeignUntrusted
        | Kind::NotHeld
        | Kind::Unlogged
        | Kind::ForgedSct
        | Kind::AbsentFromLogs
        | Kind::BindingRefused
        | Kind::MechanismsChanged
        | Kind::ServerNotVerified
        | Kind::StartTlsStripped
        | Kind::Injected
        | Kind::PlusStripped
        | Kind::VantagesDisagree
        | Kind::PortsDisagree
        | Kind::DaneMismatch => true,
        Kind::CaaForbade
        | Kind::VersionLower
        | Kind::GroupLower
        | Kind::Anonymous
        | Kind::NotRooted
        | Kind::Expired
        | Kind::NotYetValid
        | Kind::OtherName
        | Kind::Expiring
        | Kind::StackChanged => false,
    }
}

/// Counts of probes. Beyond four thousand million they stay where they are, and claim less than they could.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Those that found nobody in the middle.
    pub expected: u32,
    /// Those that met somebody.
    pub met: u32,
    /// Those that saw a key of which it was not certain yet whose it is.
    pub pending: u32,
    /// Those that could not look.
    pub blind: u32,
}

impl Tally {
    /// Those that could tell.
    pub fn looked(self) -> u32 {
        self.expected.saturating_add(self.met)
    }

    /// The share of connections that could be diverted still. Without a look, all.
    pub fn share_max(self) -> f64 {
        share_max(self.met, self.looked())
    }

    fn count(&mut self, look: &Look) {
        let counter = match look {
            Look::Expected => &mut self.expected,
            Look::Met => &mut self.met,
            Look::Pending => &mut self.pending,
            Look::Blind { .. } => &mut self.blind,
        };
        *counter = counter.saturating_add(1);
    }

    fn add(&mut self, other: Self) {
        self.expected = self.expected.saturating_add(other.expected);
        self.met = self.met.saturating_add(other.met);
        self.pending = self.pending.saturating_add(other.pending);
        self.blind = self.blind.saturating_add(other.blind);
    }
}

/// How it stands with one kind of probe of one service, in the last week.
#[derive(Clone, Debug, PartialEq)]
pub enum State {
    /// Probes looked, and met nobody.
    Looked {
        /// How many.
        probes: u32,
        /// The share of connections that could be diverted all the same, with 95 % confidence.
        share_max: f64,
    },
    /// Probes met somebody.
    Intercepted {
        /// How many.
        met: u32,
        /// Of how many that looked.
        probes: u32,
        /// The last time.
        last: Timestamp,
    },
    /// Probes can no longer look, whatever they saw before.
    Blind {
        /// Since the first of them that could not.
        since: Timestamp,
        /// Why the last one could not.
        why: String,
    },
    /// No probe could tell anything. This is grey, never green.
    NotProbed,
}

impl State {
    /// A name for people and files that never changes.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Looked { .. } => "looked",
            Self::Intercepted { .. } => "intercepted",
            Self::Blind { .. } => "blind",
            Self::NotProbed => "not-probed",
        }
    }
}

/// One kind of probe of one service.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// The service.
    pub service: Service,
    /// The kind of probe.
    pub stratum: Stratum,
    /// How it stands.
    pub state: State,
    /// The last week's probes.
    pub recent: Tally,
    /// All of them.
    pub ever: Tally,
    /// When the first probe looked or tried to, and the last.
    pub tried: Option<(Timestamp, Timestamp)>,
    /// How many looked in an hour, in the last week, or since the first if that is not so long ago.
    pub per_hour: f64,
}

impl Row {
    /// How long somebody who diverts this share of the connections from now on stays unmet, on average and at the
    /// present rate, if he takes a probe for a client with chance `unrecognized`.
    pub fn delay_mean(&self, share: f64, unrecognized: f64) -> Option<SignedDuration> {
        delay_mean(self.per_hour, share, unrecognized)
    }
}

/// What was to be looked at, and all that was seen.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    records: BTreeMap<(Service, Stratum), Record>,
}

impl Coverage {
    /// These are to be looked at, and nothing was yet.
    pub fn of(wanted: impl IntoIterator<Item = (Service, Stratum)>) -> Self {
        Self { records: wanted.into_iter().map(|cell| (cell, Record::default())).collect() }
    }

    /// Counts a probe, in any order, also of what nobody wanted.
    pub fn count(&mut self, service: &Service, stratum: &Stratum, at: Timestamp, look: &Look) {
        let cell = (service.clone(), stratum.clone());
        self.records.entry(cell).or_default().count(at, look);
    }

    /// All kinds of probes of all services, in an order that does not change.
    pub fn rows(&self, now: Timestamp) -> Vec<Row> {
        let rows = self.records.iter();
        rows.map(|((service, stratum), record)| record.row(service, stratum, now)).collect()
    }
}

/// What was seen by one kind of probe of one service.
#[derive(Clone, Debug, Default)]
struct Record {
    ever: Tally,
    tried: Option<(Timestamp, Timestamp)>,
    /// The last one with a finding.
    met: Option<Timestamp>,
    /// The last one that could look.
    looked: Option<Timestamp>,
    /// Those since then that could not.
    blind: Option<BlindRun>,
    /// Counts by the hour, so that a week of any number of probes is a bounded number of counts.
    hours: BTreeMap<i64, Tally>,
}

/// Probes in a row that could not look.
#[derive(Clone, Debug)]
struct BlindRun {
    since: Timestamp,
    last: Timestamp,
    why: String,
    probes: u32,
}

impl Record {
    fn count(&mut self, at: Timestamp, look: &Look) {
        self.ever.count(look);
        let (first, last) = self.tried.unwrap_or((at, at));
        self.tried = Some((first.min(at), last.max(at)));
        match look {
            Look::Expected | Look::Met | Look::Pending => self.see(at),
            Look::Blind { why } => self.miss(at, why),
        }
        if *look == Look::Met {
            self.met = self.met.max(Some(at));
        }
        self.hours.entry(hour(at)).or_default().count(look);
        // Not by age: a clock that was wrong once must not drop what is right.
        while self.hours.len() > HOURS_KEPT {
            self.hours.pop_first();
        }
    }

    fn see(&mut self, at: Timestamp) {
        self.looked = self.looked.max(Some(at));
        self.blind.take_if(|blind| blind.last <= at);
    }

    fn miss(&mut self, at: Timestamp, why: &str) {
        if self.looked.is_some_and(|looked| looked > at) {
            return;
        }
        let blind = self.blind.get_or_insert_with(|| BlindRun {
            since: at,
            last: at,
            why: why.to_owned(),
            probes: 0,
        });
        blind.since = blind.since.min(at);
        blind.probes = blind.probes.saturating_add(1);
        if at >= blind.last {
            blind.last = at;
            why.clone_into(&mut blind.why);
        }
    }

    fn row(&self, service: &Service, stratum: &Stratum, now: Timestamp) -> Row {
        let mut recent = Tally::default();
        let begin = hour(now - WINDOW);
        for tally in self.hours.range(begin + 1..=hour(now)).map(|(_, tally)| tally) {
            recent.add(*tally);
        }
        let since = self.tried.map_or(WINDOW, |(first, _)| now.duration_since(first));
        let hours = since.clamp(RATE_OVER_MIN, WINDOW).as_secs_f64() / 3600.0;
        Row {
            service: service.clone(),
            stratum: stratum.clone(),
            state: self.state(recent),
            recent,
            ever: self.ever,
            tried: self.tried,
            per_hour: f64::from(recent.looked()) / hours,
        }
    }

    /// What somebody must know first stands first: an interception that probes met is not forgotten because they can
    /// no longer look, which may be the next thing an interceptor does.
    fn state(&self, recent: Tally) -> State {
        let looked = recent.looked();
        if let (1.., Some(last)) = (recent.met, self.met) {
            return State::Intercepted { met: recent.met, probes: looked, last };
        }
        match &self.blind {
            Some(blind) if recent.blind > 0 && (blind.probes >= BLIND_AFTER || looked == 0) => {
                State::Blind { since: blind.since, why: blind.why.clone() }
            }
            _ if looked == 0 => State::NotProbed,
            _ => State::Looked { probes: looked, share_max: recent.share_max() },
        }
    }
}

fn hour(at: Timestamp) -> i64 {
    at.as_second().div_euclid(3600)
}

/// The hours of the window, and the one that has begun.
const HOURS_KEPT: usize = 7 * 24 + 1;
/// One probe in the first minute is no rate of sixty in an hour.
const RATE_OVER_MIN: SignedDuration = SignedDuration::from_hours(1);
/// A connection fails now and then, by chance; three in a row do not.
const BLIND_AFTER: u32 = 3;

#[cfg(test)]
mod tests;
