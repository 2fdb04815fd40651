//! How the resolver of a replay is set up: what stands before `CONFIG_END`.
//!
//! Settings are those of Unbound (`unbound.conf`). Deckard has its own few, which stand in no section.

use std::net::IpAddr;

use countersign_dns::resolution::{Cut, Families, Limits, Server};
use countersign_dns::{Cuts, Hints, Name, Query, Rrset, Rtype};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::line::{COMMENT, Line, Lines, ReplayError, Wrong};

/// The settings. Of what is an `Option` the file may say nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    /// `val-override-date`, `val-override-timestamp`: what signatures are held against.
    pub(crate) clock: Clock,
    /// `trust-anchor`: sets of DS and DNSKEY records.
    pub(crate) anchors: Vec<Rrset>,
    /// `domain-insecure`: at and below these names nothing is validated.
    pub(crate) insecure: Vec<Name>,
    /// Whom to ask.
    pub(crate) servers: Vec<Servers>,
    /// `fake-sha1`: RSASHA1 and DS records with SHA-1 are to be taken as supported.
    pub(crate) fake_sha1: Option<bool>,
    /// `val-nsec3-keysize-iterations`: size of a key in bits, and how many iterations are still looked at.
    pub(crate) nsec3_keysize_iterations: Vec<(u32, u32)>,
    /// `harden-algo-downgrade`: every algorithm of the DS set has to verify.
    pub(crate) harden_algo_downgrade: Option<bool>,
    /// `harden-dnssec-stripped`: without DNSKEY records a zone with an anchor is bogus.
    pub(crate) harden_dnssec_stripped: Option<bool>,
    /// `val-permissive-mode`: what is bogus is given all the same.
    pub(crate) permissive: Option<bool>,
    /// `qname-minimisation`, `query-minimization` (RFC 9156).
    pub(crate) minimise: Option<bool>,
    /// `serve-expired`: what was known before is given when it cannot be had anew (RFC 8767).
    pub(crate) serve_expired: Option<bool>,
    /// `serve-expired-client-timeout`: how long it is tried before, in milliseconds; with 0 it is not.
    pub(crate) serve_expired_client_timeout_ms: Option<u32>,
    /// `serve-expired-reply-ttl`: the time to live of what is given so, in seconds.
    pub(crate) serve_expired_reply_ttl_s: Option<u32>,
    /// `rpz`: answers are rewritten by somebody's list.
    pub(crate) rewrites: bool,
    /// `do-ip4`.
    pub(crate) ip4: Option<bool>,
    /// `do-ip6`.
    pub(crate) ip6: Option<bool>,
    /// All that nothing here is made of.
    pub(crate) others: Vec<Setting>,
}

/// What signatures are held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Clock {
    /// The time of day.
    #[default]
    Real,
    /// Always this.
    Fixed(Timestamp),
    /// Nothing: they are valid at any time.
    Ignored,
}

/// Whom to ask about a name and all below it.
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    /// The name.
    pub(crate) zone: Name,
    /// What to expect of them.
    pub(crate) via: Via,
    /// Where they are.
    pub(crate) addresses: Vec<IpAddr>,
    /// What they are called, if the file says that.
    pub(crate) names: Vec<Name>,
}

/// What to expect of servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// `stub-zone`: they have the zone.
    Stub,
    /// `forward-zone`: they resolve.
    Forward,
}

/// A setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Where it stands.
    pub(crate) line: usize,
    /// In which section; empty before the first.
    pub(crate) section: String,
    /// Its name.
    pub(crate) key: String,
    /// Its value, without quotes.
    pub(crate) value: String,
}

impl Config {
    /// Where iteration begins: the real servers of the root, unless the file names others, and the servers that the
    /// file names of zones below.
    pub(crate) fn cuts(&self) -> Cuts {
        let mut cuts = Cuts::new(&Hints::root());
        let stubs = self.servers.iter().filter(|servers| servers.via == Via::Stub);
        for Servers { zone, addresses, names, .. } in stubs {
            let name = names.first().unwrap_or(zone).clone();
            let servers = vec![Server { name, addresses: addresses.clone() }];
            cuts.learn(zone.clone(), Cut { servers, left_out: 0 });
        }
        cuts
    }

    /// Who resolves this question for the resolver, if anybody does: what the file says of the deepest zone counts. DS
    /// records are those of the zone above.
    pub(crate) fn forwarders(&self, query: &Query) -> Option<&Servers> {
        let is_above = |zone: &Name| {
            let is_its_own = query.rtype == Rtype::DS && *zone == query.name && !zone.is_root();
            query.name.is_within(zone) && !is_its_own
        };
        let above = self.servers.iter().filter(|servers| is_above(&servers.zone));
        let deepest = above.max_by_key(|servers| servers.zone.label_count())?;
        (deepest.via == Via::Forward).then_some(deepest)
    }

    /// What a resolution may cost, and which servers it asks.
    pub(crate) fn limits(&self) -> Limits {
        let families = match (self.ip4, self.ip6) {
            (Some(false), _) => Families::Ipv6,
            (_, Some(false)) => Families::Ipv4,
            _ => Families::Both,
        };
        Limits { families, ..Limits::default() }
    }

    /// Reads until `CONFIG_END`.
    pub(super) fn read(lines: &mut Lines<'_>) -> Result<Self, ReplayError> {
        let mut config = Self::default();
        let (mut section, mut unnamed) = (String::new(), None::<Line<'_>>);
        let named = |unnamed: Option<Line<'_>>| match unnamed {
            Some(line) => Err(line.wrong(Wrong::Missing("the name of the zone"))),
            None => Ok(()),
        };
        loop {
            let mut line = lines.next().ok_or_else(|| lines.ended("CONFIG_END"))?;
            match line.word() {
                Some("CONFIG_END") => {
                    named(unnamed)?;
                    return Ok(config);
                }
                Some("TEMPFILE_NAME") => config.other(&section, &line, "TEMPFILE_NAME", line.text),
                Some("TEMPFILE_CONTENTS") => {
                    let contents = temporary_file(lines)?;
                    config.other(&section, &line, "TEMPFILE_CONTENTS", &contents);
                }
                _ => {
                    let (key, value) = key_and_value(&line)?;
                    if value.is_empty() && SECTIONS.contains(&key) {
                        named(unnamed.take())?;
                        key.clone_into(&mut section);
                        unnamed = config.begin(key).then_some(line);
                    } else {
                        unnamed = unnamed.filter(|_| key != "name");
                        config.set(&section, key, value, &line, lines)?;
                    }
                }
            }
        }
    }

    /// Begins a section; whether it needs the name of a zone.
    fn begin(&mut self, section: &str) -> bool {
        let via = match section {
            "stub-zone" => Via::Stub,
            "forward-zone" => Via::Forward,
            other => {
                self.rewrites |= other == "rpz";
                return false;
            }
        };
        let (addresses, names) = (Vec::new(), Vec::new());
        self.servers.push(Servers { zone: Name::root(), via, addresses, names });
        true
    }

    fn set(
        &mut self,
        section: &str,
        key: &str,
        value: &str,
        line: &Line<'_>,
        lines: &Lines<'_>,
    ) -> Result<(), ReplayError> {
        match (section, key) {
            (_, "trust-anchor") => self.anchor(value, line, lines)?,
            (_, "domain-insecure") => self.insecure.push(name(value, line)?),
            (_, "val-override-date" | "val-override-timestamp") => {
                self.clock = clock(value).ok_or_else(|| line.not(value, "date"))?;
            }
            (_, "val-nsec3-keysize-iterations") => {
                let pairs = pairs(value).ok_or_else(|| line.not(value, "list of pairs"))?;
                self.nsec3_keysize_iterations = pairs;
            }
            (_, "fake-sha1") => self.fake_sha1 = Some(yes_or_no(value, line)?),
            (_, "harden-algo-downgrade") => {
                self.harden_algo_downgrade = Some(yes_or_no(value, line)?);
            }
            (_, "harden-dnssec-stripped") => {
                self.harden_dnssec_stripped = Some(yes_or_no(value, line)?);
            }
            (_, "val-permissive-mode") => self.permissive = Some(yes_or_no(value, line)?),
            (_, "qname-minimisation" | "query-minimization") => {
                self.minimise = Some(yes_or_no(value, line)?);
            }
            (_, "serve-expired") => self.serve_expired = Some(yes_or_no(value, line)?),
            (_, "serve-expired-client-timeout") => {
                self.serve_expired_client_timeout_ms = Some(number(value, line)?);
            }
            (_, "serve-expired-reply-ttl") => {
                self.serve_expired_reply_ttl_s = Some(number(value, line)?);
            }
            (_, "do-ip4") => self.ip4 = Some(yes_or_no(value, line)?),
            (_, "do-ip6") => self.ip6 = Some(yes_or_no(value, line)?),
            ("stub-zone" | "forward-zone", "name") => {
                self.last_servers().zone = name(value, line)?;
            }
            ("stub-zone", "stub-addr") | ("forward-zone", "forward-addr") => {
                let address = value.parse().map_err(|_| line.not(value, "IP address"))?;
                self.last_servers().addresses.push(address);
            }
            ("stub-zone", "stub-host") | ("forward-zone", "forward-host") => {
                let name = name(value, line)?;
                self.last_servers().names.push(name);
            }
            // Deckard: the servers of the root.
            ("" | "server", "stub-addr") => {
                let address = value.parse().map_err(|_| line.not(value, "IP address"))?;
                self.of_root(Via::Stub).addresses.push(address);
            }
            // Deckard: who resolves everything.
            ("" | "server", "forward-addr") => {
                let address = value.parse().map_err(|_| line.not(value, "IP address"))?;
                self.of_root(Via::Forward).addresses.push(address);
            }
            ("" | "server", "stub-name") => {
                let name = name(value, line)?;
                self.of_root(Via::Stub).names.push(name);
            }
            _ => self.other(section, line, key, value),
        }
        Ok(())
    }

    fn other(&mut self, section: &str, line: &Line<'_>, key: &str, value: &str) {
        let (section, key, value) = (section.to_owned(), key.to_owned(), value.to_owned());
        self.others.push(Setting { line: line.at, section, key, value });
    }

    /// Those of the section that was begun last.
    fn last_servers(&mut self) -> &mut Servers {
        self.servers.last_mut().expect("the section has begun")
    }

    fn of_root(&mut self, via: Via) -> &mut Servers {
        let is_it = |servers: &Servers| servers.zone.is_root() && servers.via == via;
        let at = self.servers.iter().position(is_it).unwrap_or_else(|| {
            let (addresses, names) = (Vec::new(), Vec::new());
            self.servers.push(Servers { zone: Name::root(), via, addresses, names });
            self.servers.len() - 1
        });
        &mut self.servers[at]
    }

    fn anchor(
        &mut self,
        value: &str,
        line: &Line<'_>,
        lines: &Lines<'_>,
    ) -> Result<(), ReplayError> {
        let wire = lines.zone.record(value).map_err(|wrong| line.wrong(wrong))?;
        let anchor = Rrset::read(&wire).ok().map(|(anchor, _)| anchor);
        let anchor = anchor.filter(|anchor| [Rtype::DS, Rtype::DNSKEY].contains(&anchor.rtype()));
        let anchor = anchor.ok_or_else(|| line.not(value, "DS or DNSKEY record"))?;
        let is_of_set =
            |set: &&mut Rrset| (set.owner(), set.rtype()) == (anchor.owner(), anchor.rtype());
        match self.anchors.iter_mut().find(is_of_set) {
            Some(set) => set.add(anchor),
            None => self.anchors.push(anchor),
        }
        Ok(())
    }
}

/// The lines of a file that the resolver reads, which is none of a replay's.
fn temporary_file(lines: &mut Lines<'_>) -> Result<String, ReplayError> {
    let mut contents = String::new();
    loop {
        let line = lines.raw().ok_or_else(|| lines.ended("TEMPFILE_END"))?;
        if line.text == "TEMPFILE_END" {
            return Ok(contents);
        }
        contents.push_str(line.text);
        contents.push('\n');
    }
}

/// `key: value`, with or without quotes around the value, and with a comment or without.
fn key_and_value<'a>(line: &Line<'a>) -> Result<(&'a str, &'a str), ReplayError> {
    let missing = |what| line.wrong(Wrong::Missing(what));
    let (key, value) = line.text.split_once(':').ok_or_else(|| missing("a colon"))?;
    let value = value.trim_start();
    let (value, after) = match value.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').ok_or_else(|| missing("a closing quote"))?,
        None => value.split_at(value.find(COMMENT).unwrap_or(value.len())),
    };
    match after.trim_start().is_empty() || after.trim_start().starts_with(COMMENT) {
        true => Ok((key.trim_end(), value.trim())),
        false => Err(line.not(after.trim(), "end of the line")),
    }
}

/// Fourteen digits are a date and a time of day in UTC, fewer are seconds since 1970, and -1 is no time at all.
fn clock(value: &str) -> Option<Clock> {
    if value == "-1" {
        return Some(Clock::Ignored);
    }
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let time = match value.len() {
        14 => {
            let date = DateTime::strptime("%Y%m%d%H%M%S", value).ok()?;
            TimeZone::UTC.to_timestamp(date).ok()?
        }
        _ => Timestamp::from_second(value.parse().ok()?).ok()?,
    };
    Some(Clock::Fixed(time))
}

fn pairs(value: &str) -> Option<Vec<(u32, u32)>> {
    let numbers: Vec<u32> =
        value.split_whitespace().map(|word| word.parse().ok()).collect::<Option<_>>()?;
    let (pairs, rest) = numbers.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[size, iterations]| (*size, *iterations)).collect())
}

fn yes_or_no(value: &str, line: &Line<'_>) -> Result<bool, ReplayError> {
    match value {
        "yes" | "true" | "on" => Ok(true),
        "no" | "false" | "off" => Ok(false),
        _ => Err(line.not(value, "yes or no")),
    }
}

fn number(value: &str, line: &Line<'_>) -> Result<u32, ReplayError> {
    value.parse().map_err(|_| line.not(value, "number"))
}

fn name(value: &str, line: &Line<'_>) -> Result<Name, ReplayError> {
    value.parse().map_err(|_| line.not(value, "name"))
}

/// Where the settings of Unbound are grouped.
const SECTIONS: [&str; 10] = [
    "server",
    "stub-zone",
    "forward-zone",
    "auth-zone",
    "rpz",
    "view",
    "remote-control",
    "cachedb",
    "dnscrypt",
    "python",
];
