//! Recorded resolutions of others, in the format of Unbound's testbound and of CZ.NIC's deckard: a network that
//! answers what it is told to, questions for a resolver, and what a right one makes of them.
//!
//! Whoever resolves asks [`Replay::answer`], as if it were the network, or has [`network::Network`] do so, and
//! compares what comes of each question with [`Expected`].
//!
//! # Limitations
//!
//! Servers answer at once: `ADJUST sleep` is refused, as is whatever else is not understood. Steps that are about
//! caches, trust anchors that roll or what a resolver sends are kept as [`Step::Other`].

pub(crate) mod config;
mod entry;
pub(crate) mod expected;
mod line;
pub(crate) mod network;
mod record;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use countersign_dns::message::Flags;
use countersign_dns::{Message, Query};

pub(crate) use config::Config;
pub(crate) use expected::Expected;
pub(crate) use line::ReplayError;

use entry::{Entry, Transport};
use line::{Line, Lines, Wrong};

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct Replay {
    /// How the resolver is set up.
    pub(crate) config: Config,
    /// What is tried, in the words of the file.
    pub(crate) scenario: String,
    /// What happens, in order.
    pub(crate) steps: Vec<Step>,
    ranges: Vec<Range>,
}

/// What happens at a step. Steps have numbers, which need not be one apart.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A client asks.
    Query {
        /// Number of the step.
        at: u32,
        /// What it asks.
        query: Query,
        /// RD, AD and CD of its question.
        flags: Flags,
        /// DO of its question.
        dnssec_ok: bool,
    },
    /// It got an answer to its last question.
    CheckAnswer {
        /// Number of the step.
        at: u32,
        /// What that has to be.
        expected: Expected,
    },
    /// So much time passes. The clock that signatures are held against does not move: see [`config::Clock::Fixed`].
    TimePasses {
        /// Number of the step.
        at: u32,
        /// How long, in milliseconds.
        milliseconds: u64,
    },
    /// What has nothing to do with the validity of an answer.
    Other {
        /// Number of the step.
        at: u32,
        /// What the file says.
        words: String,
    },
}

/// What some servers answer during some steps.
#[derive(Clone, Debug)]
struct Range {
    first: u32,
    last: u32,
    /// Of which servers. If there are none: all.
    addresses: Vec<IpAddr>,
    entries: Vec<Entry>,
}

impl Replay {
    /// Reads a file.
    pub(crate) fn parse(text: &str) -> Result<Self, ReplayError> {
        let mut lines = Lines::new(text)?;
        let config = Config::read(&mut lines)?;
        let mut begin = lines.expect("SCENARIO_BEGIN")?;
        let mut replay =
            Self { config, scenario: begin.rest(), steps: Vec::new(), ranges: Vec::new() };
        let mut asked = None;
        loop {
            let mut line = lines.next().ok_or_else(|| lines.ended("SCENARIO_END"))?;
            match line.word() {
                Some("RANGE_BEGIN") => replay.ranges.push(Range::read(&mut line, &mut lines)?),
                Some("STEP") => {
                    replay.steps.push(Step::read(&mut line, &mut lines, &mut asked)?);
                }
                Some("$ORIGIN" | "$TTL") => lines.directive(&line)?,
                Some("SCENARIO_END") => break,
                _ => return Err(line.unknown("part of a scenario")),
            }
        }
        match lines.next() {
            None => Ok(replay),
            Some(line) => Err(line.not(line.text, "end of a file")),
        }
    }

    /// What the server with this address answers during this step; `None` if it is silent.
    ///
    /// The question is put as resolvers do: with DO and without RD, over UDP, and if what comes back is cut short,
    /// over TCP. IDs are the business of whoever sends: an answer has that of the file, which is 0.
    pub(crate) fn answer(&self, at: u32, to: IpAddr, query: &Query) -> Option<Message> {
        let message = self.answer_over(Transport::Udp, at, to, query)?;
        if !message.flags.truncated {
            return Some(message);
        }
        self.answer_over(Transport::Tcp, at, to, query).or(Some(message))
    }

    /// All that servers say at any time.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.ranges.iter().flat_map(|range| &range.entries).map(|entry| &entry.message)
    }

    /// The first entry that matches counts, even if it says that nothing is answered.
    fn answer_over(
        &self,
        transport: Transport,
        at: u32,
        to: IpAddr,
        query: &Query,
    ) -> Option<Message> {
        let ranges = self.ranges.iter().filter(|range| range.is_for(at, to));
        let mut entries = ranges.flat_map(|range| &range.entries);
        entries.find(|entry| entry.matches(query, transport))?.answer(query)
    }
}

impl Range {
    fn read(line: &mut Line<'_>, lines: &mut Lines<'_>) -> Result<Self, ReplayError> {
        let (first, last) = (line.number()?, line.number()?);
        line.end()?;
        let mut range = Self { first, last, addresses: Vec::new(), entries: Vec::new() };
        loop {
            let mut line = lines.next().ok_or_else(|| lines.ended("RANGE_END"))?;
            match line.word() {
                Some("ADDRESS") => {
                    let word = line.word().unwrap_or_default();
                    let address = word.parse().map_err(|_| line.unknown("IP address"))?;
                    range.addresses.push(address);
                    line.end()?;
                }
                Some("ENTRY_BEGIN") => range.entries.push(Entry::read(&line, lines)?),
                Some("$ORIGIN" | "$TTL") => lines.directive(&line)?,
                Some("RANGE_END") => return Ok(range),
                _ => return Err(line.unknown("part of a range")),
            }
        }
    }

    fn is_for(&self, at: u32, to: IpAddr) -> bool {
        let is_its = self.addresses.is_empty() || self.addresses.contains(&to);
        is_its && (self.first..=self.last).contains(&at)
    }
}

/// A client's question: the flags decide what its answer says of DNSSEC.
#[derive(Clone, Copy, Debug)]
struct Asked {
    flags: Flags,
    dnssec_ok: bool,
}

impl Step {
    /// Reads a step with the entry that may belong to it. `asked` is the last question before it.
    fn read(
        line: &mut Line<'_>,
        lines: &mut Lines<'_>,
        asked: &mut Option<Asked>,
    ) -> Result<Self, ReplayError> {
        let at = line.number()?;
        let mut words = line.clone();
        let entry = |lines: &mut Lines<'_>| {
            let begin = lines.expect("ENTRY_BEGIN")?;
            Entry::read(&begin, lines)
        };
        match words.word() {
            Some("QUERY") => {
                words.end()?;
                let (query, flags, dnssec_ok) = entry(lines)?.question()?;
                *asked = Some(Asked { flags, dnssec_ok });
                Ok(Self::Query { at, query, flags, dnssec_ok })
            }
            Some("CHECK_ANSWER") => {
                words.end()?;
                let asked = asked.ok_or_else(|| line.wrong(Wrong::Missing("a question before")))?;
                Ok(Self::CheckAnswer { at, expected: Expected::new(&entry(lines)?, asked)? })
            }
            Some("TIME_PASSES") => match words.word() {
                Some("ELAPSE") => {
                    let milliseconds = words.seconds()?;
                    words.end()?;
                    Ok(Self::TimePasses { at, milliseconds })
                }
                _ => Err(words.unknown("way for time to pass")),
            },
            _ => {
                // Whatever it is, an entry after it belongs to it.
                while lines.peek_word() == Some("ENTRY_BEGIN") {
                    entry(lines)?;
                }
                Ok(Self::Other { at, words: line.rest() })
            }
        }
    }
}
