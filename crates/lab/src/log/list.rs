//! A log list, version 3, of the logs that run here: the shape that Chrome and Apple publish, for the production
//! code to load.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Branch, LogServer, Protocol};

/// What a log list says of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listed {
    /// Applied, and not yet looked at.
    Pending {
        /// Since when.
        since: Timestamp,
    },
    /// Accepted, and its SCTs will be.
    Qualified {
        /// Since when.
        since: Timestamp,
    },
    /// Its SCTs count.
    Usable {
        /// Since when.
        since: Timestamp,
    },
    /// Its SCTs count, and there will be no more entries. The list tells the head of the time of listing.
    ReadOnly {
        /// Since when.
        since: Timestamp,
    },
    /// Its SCTs count if they are older.
    Retired {
        /// Since when.
        since: Timestamp,
    },
    /// Its SCTs do not count.
    Rejected {
        /// Since when.
        since: Timestamp,
    },
}

impl LogServer {
    /// The log as it stands in a list, among `logs` or `tiled_logs` of its operator.
    pub fn entry_in_list(&self) -> Value {
        let settings = self.settings();
        let mut entry = json!({
            "description": settings.description,
            "log_id": STANDARD.encode(self.log_id()),
            "key": STANDARD.encode(self.spki()),
            "mmd": settings.mmd.as_secs(),
            "state": self.state_in_list(),
        });
        match settings.protocol {
            Protocol::Rfc6962 => entry["url"] = json!(self.url()),
            Protocol::StaticCt => {
                entry["submission_url"] = json!(self.url());
                entry["monitoring_url"] = json!(self.url());
            }
        }
        if let Some((start, end)) = settings.interval {
            entry["temporal_interval"] = json!({
                "start_inclusive": start.to_string(),
                "end_exclusive": end.to_string(),
            });
        }
        entry
    }

    /// `{"usable": {"timestamp": …}}`.
    fn state_in_list(&self) -> Value {
        let (name, since) = match self.listed() {
            Listed::Pending { since } => ("pending", since),
            Listed::Qualified { since } => ("qualified", since),
            Listed::Usable { since } => ("usable", since),
            Listed::ReadOnly { since } => ("readonly", since),
            Listed::Retired { since } => ("retired", since),
            Listed::Rejected { since } => ("rejected", since),
        };
        let mut state = json!({ "timestamp": since.to_string() });
        if name == "readonly" {
            let head = self.head(Branch::FIRST);
            state["final_tree_head"] = json!({
                "sha256_root_hash": STANDARD.encode(head.root),
                "tree_size": head.size,
            });
        }
        Value::Object(Map::from_iter([(name.to_owned(), state)]))
    }
}

/// A list of these logs, published at this time.
pub fn log_list_json(logs: &[&LogServer], published: Timestamp) -> Vec<u8> {
    let entries = logs.iter().map(|log| {
        let settings = log.settings();
        (settings.operator.as_str(), settings.protocol, log.entry_in_list())
    });
    list_of(entries, published)
}

/// The list around entries, with the operators in the order in which they first come.
pub(crate) fn list_of<'a>(
    entries: impl Iterator<Item = (&'a str, Protocol, Value)>,
    published: Timestamp,
) -> Vec<u8> {
    let mut operators: Vec<(&str, [Vec<Value>; 2])> = Vec::new();
    for (name, protocol, entry) in entries {
        let place = operators.iter().position(|(operator, _)| *operator == name);
        let place = place.unwrap_or_else(|| {
            operators.push((name, [Vec::new(), Vec::new()]));
            operators.len() - 1
        });
        let [logs, tiled_logs] = &mut operators[place].1;
        match protocol {
            Protocol::Rfc6962 => logs.push(entry),
            Protocol::StaticCt => tiled_logs.push(entry),
        }
    }
    let operators: Vec<Value> = operators
        .into_iter()
        .map(|(name, [logs, tiled_logs])| {
            json!({ "name": name, "email": [], "logs": logs, "tiled_logs": tiled_logs })
        })
        .collect();
    let list = json!({
        "version": "1.0",
        "log_list_timestamp": published.to_string(),
        "operators": operators,
    });
    list.to_string().into_bytes()
}
