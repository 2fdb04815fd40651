//! Coverage in words.

use std::fmt::{self, Write};

use jiff::{SignedDuration, Timestamp};

use super::{Coverage, Row, State, Tally, UNSEEN};
use crate::plain::bounded;
use crate::probe::observation::Stratum;
use crate::probe::share::{share_max, share_min};

impl Coverage {
    /// All of it, for a mail or a terminal.
    pub fn to_text(&self, now: Timestamp) -> String {
        let rows = self.rows(now);
        let mut text = format!("{}\n", summary(&rows));
        for row in &rows {
            write!(text, "\n{row}\n").expect("a String takes all that is written");
        }
        format!("{text}\n{UNSEEN}\n")
    }
}

/// How many kinds of probes are in which state. There is no state for all of them together.
pub fn summary(rows: &[Row]) -> String {
    let count = |state: &str| rows.iter().filter(|row| row.state.as_str() == state).count();
    let states = [
        ("intercepted", "met somebody"),
        ("blind", "cannot look"),
        ("not-probed", "not probed"),
        ("looked", "looked and met nobody"),
    ];
    let counts: Vec<_> = states
        .map(|(state, words)| (count(state), words))
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    let kinds = if rows.len() == 1 { "kind" } else { "kinds" };
    match counts.is_empty() {
        true => "Nothing is to be probed.".to_owned(),
        false => format!("Of {} {kinds} of probes: {}.", rows.len(), counts.join(", ")),
    }
}

/// What is looked at, as whom and from where; then how it stands; then what that is worth.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let service = &self.service;
        let domain = bounded(&service.domain, TEXT_CHARACTERS_MAX);
        let (protocol, opening) = (service.protocol, service.opening.as_str());
        let Stratum { vantage, client, port, family } = &self.stratum;
        let [vantage, client] = [vantage, client].map(|text| bounded(text, TEXT_CHARACTERS_MAX));
        writeln!(
            f,
            "{domain} port {port} ({protocol}, {opening}) as {client} from {vantage}, {family}:"
        )?;
        write!(f, "  {}", self.standing())?;
        if let State::Looked { .. } | State::Intercepted { .. } = self.state {
            write!(f, "\n  {}\n  {}", self.worth(), self.outlook())?;
        }
        Ok(())
    }
}

impl Row {
    fn standing(&self) -> String {
        let more = |count, words| match count {
            0 => String::new(),
            count => format!("; {count} more {words}"),
        };
        let missed = more(self.recent.blind, "could not look")
            + &more(self.recent.pending, "saw a key that may still be registered");
        match &self.state {
            State::Looked { probes, .. } => {
                let probes = counted(*probes);
                format!("{probes} in 7 days met nobody{missed}.")
            }
            State::Intercepted { met, probes, last } => format!(
                "INTERCEPTED: {met} of {} in 7 days met somebody, the last at {}{missed}.",
                counted(*probes),
                at(*last)
            ),
            State::Blind { since, why } => format!(
                "BLIND since {}: {}. {}",
                at(*since),
                bounded(why, TEXT_CHARACTERS_MAX),
                "Nothing is known of the time since."
            ),
            State::NotProbed => match self.tried {
                None => "not probed: nothing is known.".to_owned(),
                Some((_, last)) => {
                    format!("not probed since {}: nothing is known of the time since.", at(last))
                }
            },
        }
    }

    /// What the counts say.
    fn worth(&self) -> String {
        let recent = match self.recent {
            Tally { met: 0, .. } => {
                format!("at most {}", percent(self.recent.share_max(), Round::Up))
            }
            Tally { met, .. } => {
                let looked = self.recent.looked();
                let low = percent(share_min(met, looked), Round::Down);
                let high = percent(share_max(met, looked), Round::Up);
                format!("between {low} and {high}")
            }
        };
        let ever = match self.tried {
            Some((first, _)) if self.ever != self.recent => {
                let probes = counted(self.ever.looked());
                let share = percent(self.ever.share_max(), Round::Up);
                format!("; by all {probes} since {}, at most {share} in that time", at(first))
            }
            Some(_) | None => String::new(),
        };
        format!("95 % sure: {recent} of the connections like these were diverted{ever}.")
    }

    /// When somebody who begins now would be met.
    fn outlook(&self) -> String {
        match self.delay_mean(SHARE_SHOWN, UNRECOGNIZED_SHOWN) {
            None => "At this rate nobody who begins now would be met.".to_owned(),
            Some(delay) => format!(
                "At this rate, who begins to divert one in ten and knows every other probe for one is met after {} on \
                 average.",
                about(delay)
            ),
        }
    }
}

fn counted(probes: u32) -> String {
    match probes {
        1 => "1 probe".to_owned(),
        more => format!("{more} probes"),
    }
}

fn at(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// Which way a bound may be off.
enum Round {
    Up,
    Down,
}

/// A share with as many digits as are of use, never on the wrong side.
fn percent(share: f64, round: Round) -> String {
    let (steps, digits) = if share < 0.01 { (10_000.0, 2) } else { (1000.0, 1) };
    let rounded = match round {
        Round::Up => (share * steps).ceil(),
        Round::Down => (share * steps).floor(),
    };
    format!("{:.digits$} %", rounded / steps * 100.0)
}

fn about(duration: SignedDuration) -> String {
    let (minutes, hours) = (duration.as_mins(), duration.as_hours());
    match hours {
        ..2 => format!("{} minutes", minutes.max(1)),
        2..72 => format!("{hours} hours"),
        72.. => format!("{} days", hours / 24),
    }
}

/// Enough for any name of ours and most reasons.
const TEXT_CHARACTERS_MAX: usize = 200;
/// The share that an interceptor diverts who is careful, for one number that people can compare.
const SHARE_SHOWN: f64 = 0.1;
/// The chance with which he takes a probe for a client.
const UNRECOGNIZED_SHOWN: f64 = 0.5;
