//! What a log did that a log must not do: values, kept for ever with the bytes that show it.

use jiff::{SignedDuration, Timestamp};

/// One act of misbehaviour, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misbehaviour {
    /// Two signed heads that no single append-only log can have signed.
    Fork {
        /// Whether the other tree is smaller, equal or larger than ours.
        shown_is: Compared,
        /// The head that we hold, as served. None where we started in the middle and hold only proved hashes.
        held: Option<Vec<u8>>,
        /// The head of the other tree, as served.
        shown: Vec<u8>,
        /// What the log answered when it was asked to prove that one tree begins the other.
        proof: ProofAnswer,
    },
    /// A head signed later than another, over fewer leaves. A log never shrinks.
    Rollback {
        /// The earlier head, over more leaves.
        held: Vec<u8>,
        /// The later head, over fewer.
        shown: Vec<u8>,
    },
    /// The newest head is older than the log promises: it stands still, or we are being kept from newer heads.
    Stale {
        /// When it was signed.
        signed: Timestamp,
        /// How old it was when it was served.
        age: SignedDuration,
        /// The head as served.
        head: Vec<u8>,
    },
    /// A head signed in the future.
    Future {
        /// By how much.
        ahead: SignedDuration,
        /// The head as served.
        head: Vec<u8>,
    },
    /// A head that the log's key did not sign.
    BadSignature {
        /// The answer as served.
        answer: Vec<u8>,
    },
    /// Entries were served that are not in the tree that the log signed.
    WrongEntries {
        /// First index of the range in which at least one entry is wrong.
        start: u64,
        /// End of that range.
        end: u64,
        /// The head over the right entries, as served.
        head: Vec<u8>,
    },
    /// A leaf that was served before is now served with other contents.
    ChangedEntry {
        /// Its index.
        index: u64,
        /// The leaf hash served first, in hexadecimal.
        was: String,
        /// The leaf hash served now, in hexadecimal.
        is: String,
    },
    /// An entry of a kind that nobody defined. It is in the tree and was scanned for guarded names.
    UnknownEntry {
        /// Its index.
        index: u64,
        /// What made it unreadable.
        why: String,
        /// Its bytes as served.
        bytes: Vec<u8>,
    },
    /// Two heads came, and the log would not prove that the tree of one begins the tree of the other.
    Unproved {
        /// The head that we hold, as served; see [`Misbehaviour::Fork`].
        held: Option<Vec<u8>>,
        /// The head that does not fit without a proof, as served.
        shown: Vec<u8>,
    },
    /// The log's hashes for the place where we want to start do not lead to its own head.
    UnprovedStart {
        /// Number of leaves before that place.
        size: u64,
        /// The head, as served.
        head: Vec<u8>,
    },
}

/// How a tree compares with the one that we hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Fewer leaves.
    Smaller,
    /// As many leaves, another root.
    Equal,
    /// More leaves.
    Larger,
}

/// What a log said when asked for a consistency proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofAnswer {
    /// No proof was needed: the heads contradict each other by themselves.
    NotNeeded,
    /// It gave one, and it does not verify. The hashes in order, in hexadecimal, one a line.
    Invalid(Vec<u8>),
}

impl Misbehaviour {
    /// Its stable name, for the store, JSON and searching.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Fork { .. } => "fork",
            Self::Rollback { .. } => "rollback",
            Self::Stale { .. } => "stale-head",
            Self::Future { .. } => "future-head",
            Self::BadSignature { .. } => "bad-signature",
            Self::WrongEntries { .. } => "wrong-entries",
            Self::ChangedEntry { .. } => "changed-entry",
            Self::UnknownEntry { .. } => "unknown-entry",
            Self::Unproved { .. } => "unproved-head",
            Self::UnprovedStart { .. } => "unproved-start",
        }
    }

    /// Whether it happened, once and for all, or is a state that can end.
    pub fn lasts(&self) -> Lasting {
        match self {
            Self::Stale { .. }
            | Self::Future { .. }
            | Self::Unproved { .. }
            | Self::UnprovedStart { .. } => Lasting::UntilMended,
            Self::Fork { .. }
            | Self::Rollback { .. }
            | Self::BadSignature { .. }
            | Self::WrongEntries { .. }
            | Self::ChangedEntry { .. }
            | Self::UnknownEntry { .. } => Lasting::ForEver,
        }
    }

    /// The bytes that show it, each with what it is.
    pub fn evidence(&self) -> Vec<(&'static str, &[u8])> {
        match self {
            Self::Fork { held, shown, proof, .. } => {
                let proof = match proof {
                    ProofAnswer::NotNeeded => None,
                    ProofAnswer::Invalid(hashes) => Some(("consistency proof", hashes.as_slice())),
                };
                heads(held.as_ref(), shown).chain(proof).collect()
            }
            Self::Unproved { held, shown } => heads(held.as_ref(), shown).collect(),
            Self::Rollback { held, shown } => vec![("head held", held), ("head shown", shown)],
            Self::Stale { head, .. } | Self::Future { head, .. } => vec![("head", head)],
            Self::BadSignature { answer } => vec![("answer", answer)],
            Self::WrongEntries { head, .. } | Self::UnprovedStart { head, .. } => {
                vec![("head", head)]
            }
            Self::ChangedEntry { .. } => Vec::new(),
            Self::UnknownEntry { bytes, .. } => vec![("entry", bytes)],
        }
    }
}

fn heads<'a>(
    held: Option<&'a Vec<u8>>,
    shown: &'a [u8],
) -> impl Iterator<Item = (&'static str, &'a [u8])> {
    let held = held.map(|held| ("head held", held.as_slice()));
    held.into_iter().chain([("head shown", shown)])
}

/// How long a misbehaviour counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// It is proved and stays in the record.
    ForEver,
    /// It is over when the log behaves again.
    UntilMended,
}

impl std::fmt::Display for Misbehaviour {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fork { shown_is, proof, .. } => {
                let size = match shown_is {
                    Compared::Smaller => "a smaller tree",
                    Compared::Equal => "another tree of the same size",
                    Compared::Larger => "a larger tree",
                };
                let proof = match proof {
                    ProofAnswer::NotNeeded => "",
                    ProofAnswer::Invalid(_) => "; its consistency proof does not verify",
                };
                write!(
                    f,
                    "the log forked: it signed {size} that does not fit the one it showed before{proof}"
                )
            }
            Self::Rollback { .. } => {
                write!(
                    f,
                    "the log shrank: a later signed head has fewer entries than an earlier one"
                )
            }
            Self::Stale { signed, age, .. } => {
                write!(
                    f,
                    "the newest head was signed at {signed}, {age:#} ago: the log stands still, or newer heads are kept from us"
                )
            }
            Self::Future { ahead, .. } => write!(f, "the head was signed {ahead:#} in the future"),
            Self::BadSignature { .. } => write!(f, "a head came that the log's key did not sign"),
            Self::WrongEntries { start, end, .. } => write!(
                f,
                "among the entries {start} to {} at least one is not in the tree that the log signed",
                end - 1
            ),
            Self::ChangedEntry { index, was, is } => {
                write!(f, "entry {index} changed: its leaf hash was {was}, now it is {is}")
            }
            Self::UnknownEntry { index, why, .. } => {
                write!(
                    f,
                    "entry {index} cannot be read ({why}); it was scanned for the guarded names"
                )
            }
            Self::Unproved { .. } => {
                write!(
                    f,
                    "the log does not prove that the head it shows belongs to the tree it showed before"
                )
            }
            Self::UnprovedStart { size, .. } => {
                write!(
                    f,
                    "the log's hashes for its first {size} entries do not lead to its own head"
                )
            }
        }
    }
}
