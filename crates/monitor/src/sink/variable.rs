//! The environment variables of a hook: those that certspotter documents for its hooks, with the same
//! meaning, and ours. `docs/hooks.md` explains each.

/// How many lines a value may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// One, so that it can be put anywhere.
    One,
    /// Some; it is a text for people.
    Many,
}

/// The number of the incident.
pub const INCIDENT: &str = "COUNTERSIGN_INCIDENT";

/// All of them, in the order of the documentation. The first ones are set by the sink itself, from the
/// message; the others come with it in [`Message::variables`](super::Message::variables).
pub const VARIABLES: [(&str, Lines); 49] = [
    ("EVENT", Lines::One),
    ("SUMMARY", Lines::One),
    ("TEXT_FILENAME", Lines::One),
    ("JSON_FILENAME", Lines::One),
    ("CERT_FILENAME", Lines::One),
    ("COUNTERSIGN_MESSAGE_ID", Lines::One),
    ("COUNTERSIGN_ATTEMPT", Lines::One),
    ("COUNTERSIGN_SEVERITY", Lines::One),
    ("COUNTERSIGN_TEXT", Lines::Many),
    (INCIDENT, Lines::One),
    ("COUNTERSIGN_FINDINGS", Lines::One),
    ("COUNTERSIGN_WHY", Lines::Many),
    ("COUNTERSIGN_ALLOWS", Lines::Many),
    ("COUNTERSIGN_NEXT_STEPS", Lines::Many),
    ("COUNTERSIGN_NAMES", Lines::One),
    ("COUNTERSIGN_READING", Lines::One),
    ("COUNTERSIGN_ZONE", Lines::One),
    ("COUNTERSIGN_DOMAIN", Lines::One),
    ("COUNTERSIGN_LOG", Lines::One),
    ("COUNTERSIGN_LOG_ID", Lines::One),
    ("COUNTERSIGN_ISSUER_KEY_SHA256", Lines::One),
    ("COUNTERSIGN_FIRST_SEEN", Lines::One),
    ("COUNTERSIGN_FIRST_SEEN_UNIXTIME", Lines::One),
    ("COUNTERSIGN_SEEN_UP_TO", Lines::One),
    ("COUNTERSIGN_CA", Lines::One),
    ("COUNTERSIGN_CA_CONTACT", Lines::One),
    ("COUNTERSIGN_SINK", Lines::One),
    ("WATCH_ITEM", Lines::One),
    ("LOG_URI", Lines::One),
    ("ENTRY_INDEX", Lines::One),
    ("TBS_SHA256", Lines::One),
    ("CERT_SHA256", Lines::One),
    ("PUBKEY_SHA256", Lines::One),
    ("NOT_BEFORE", Lines::One),
    ("NOT_BEFORE_UNIXTIME", Lines::One),
    ("NOT_BEFORE_RFC3339", Lines::One),
    ("NOT_AFTER", Lines::One),
    ("NOT_AFTER_UNIXTIME", Lines::One),
    ("NOT_AFTER_RFC3339", Lines::One),
    ("VALIDITY_PARSE_ERROR", Lines::One),
    ("SUBJECT_DN", Lines::One),
    ("SUBJECT_PARSE_ERROR", Lines::One),
    ("ISSUER_DN", Lines::One),
    ("ISSUER_PARSE_ERROR", Lines::One),
    ("SERIAL", Lines::One),
    ("SERIAL_PARSE_ERROR", Lines::One),
    ("CHAIN_ERROR", Lines::One),
    ("LEAF_HASH", Lines::One),
    ("PARSE_ERROR", Lines::One),
];

/// How many lines a variable's value may have; nothing for a name that is none of ours.
pub fn lines(name: &str) -> Option<Lines> {
    VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, lines)| *lines)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_variable_is_documented_and_every_documented_one_is_known() {
        let page = include_str!("../../../../docs/hooks.md");
        // In the tables, names stand in code marks at the beginning of a row.
        let rows = page.lines().filter(|line| line.starts_with("| `"));
        let names = rows
            .filter_map(|row| row.trim_start_matches("| ").split(" | ").next())
            .flat_map(|cell| cell.split(", "))
            .map(|name| name.trim_matches('`'))
            // Headers are in such tables too.
            .filter(|name| !name.contains('-'));
        let documented: BTreeSet<&str> = names.collect();
        let known: BTreeSet<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
        assert_eq!(documented, known);
        assert_eq!(known.len(), VARIABLES.len(), "a name stands twice");
    }
}
