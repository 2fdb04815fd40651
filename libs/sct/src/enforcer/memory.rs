//! What an enforcer should know after its next start: how late it is at least, and which hosts have had
//! certificates of public CAs.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use crate::log_id::sha256;

/// Bounded, and written down as lines of text by [`Memory::to_text`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The latest time that a trusted log has signed.
    seen: Option<Timestamp>,
    /// By the hash of the name: the file is no list of where somebody goes, for whoever only glances at it.
    hosts: HashMap<[u8; 32], Timestamp>,
}

/// Hosts that are remembered. Those that were not seen for longest go first.
pub const HOSTS_MAX: usize = 4_096;

impl Memory {
    /// It is at least this late.
    pub(super) fn seen(&self) -> Timestamp {
        self.seen.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// When the host was last seen with a certificate of a public CA.
    pub(super) fn host(&self, host: &str) -> Option<Timestamp> {
        self.hosts.get(&name_hash(host)).copied()
    }

    /// Notes a host with a certificate of a public CA, and a time that a log has signed.
    pub(super) fn learn(
        &mut self,
        host: Option<&str>,
        promised: Option<Timestamp>,
        now: Timestamp,
    ) {
        self.seen = self.seen.max(promised);
        let Some(host) = host else { return };
        let host = name_hash(host);
        // Once a day is exact enough, and spares whoever writes it down.
        let known = self.hosts.get(&host);
        if known.is_some_and(|last| now.duration_since(*last) < SignedDuration::from_hours(24)) {
            return;
        }
        if self.hosts.len() >= HOSTS_MAX && known.is_none() {
            self.forget_some();
        }
        self.hosts.insert(host, now);
    }

    /// Drops those that were not seen for longest: an eighth, so that it is seldom done.
    fn forget_some(&mut self) {
        let mut times: Vec<Timestamp> = self.hosts.values().copied().collect();
        let (_, oldest_kept, _) = times.select_nth_unstable(HOSTS_MAX / 8);
        let oldest_kept = *oldest_kept;
        self.hosts.retain(|_, last| *last >= oldest_kept);
        // All at one time, and none is older than another.
        if self.hosts.len() >= HOSTS_MAX {
            self.hosts.clear();
        }
    }

    /// What both know.
    pub fn merge(&mut self, other: &Self) {
        self.seen = self.seen.max(other.seen);
        let mut all: Vec<_> =
            self.hosts.iter().chain(&other.hosts).map(|(h, t)| (*t, *h)).collect();
        all.sort_unstable();
        // Of a host that both know the later time is inserted last.
        self.hosts = all.iter().rev().fold(HashMap::new(), |mut hosts, (last, host)| {
            if hosts.len() < HOSTS_MAX {
                hosts.entry(*host).or_insert(*last);
            }
            hosts
        });
    }

    /// Writes it down.
    pub fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        text += &self.seen.map_or(String::new(), |seen| format!("seen {seen}\n"));
        let mut hosts: Vec<_> = self.hosts.iter().collect();
        hosts.sort_unstable();
        for (host, last) in hosts {
            text += &format!("host {} {last}\n", STANDARD_NO_PAD.encode(host));
        }
        text
    }

    /// Reads what [`Memory::to_text`] wrote.
    pub fn parse(text: &str) -> Result<Self, MemoryError> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err(MemoryError);
        }
        let mut memory = Self::default();
        for line in lines.take(HOSTS_MAX + 1) {
            let time = |text: &str| text.parse().map_err(|_| MemoryError);
            match line.split_once(' ').ok_or(MemoryError)? {
                ("seen", seen) => memory.seen = Some(time(seen)?),
                ("host", rest) => {
                    let (host, last) = rest.split_once(' ').ok_or(MemoryError)?;
                    let host = STANDARD_NO_PAD.decode(host).map_err(|_| MemoryError)?;
                    let host = host.try_into().map_err(|_| MemoryError)?;
                    memory.hosts.insert(host, time(last)?);
                }
                _ => return Err(MemoryError),
            }
        }
        Ok(memory)
    }
}

/// Not a text that [`Memory::to_text`] wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not what an enforcer has remembered")]
pub struct MemoryError;

fn name_hash(host: &str) -> [u8; 32] {
    sha256(host.trim_end_matches('.').to_ascii_lowercase().as_bytes())
}

/// What it begins with.
const FIRST_LINE: &str = "countersign-memory/1";
