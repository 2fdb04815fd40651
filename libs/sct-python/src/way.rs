//! The enforcer as Python needs it, without Python: made of what files hold, and no panic leaves it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use countersign_sct::enforcer::{Memory, Warning};
use countersign_sct::{
    Action, Anchor, Chain, Enforcer, ListKeys, Profile, PublicRoots, Settings, SignedList, Trust,
};
use jiff::{SignedDuration, Timestamp};

/// What an enforcer is made of, as it was read from files and variables.
#[derive(Default)]
pub(crate) struct Parts<'a> {
    /// A signed list; without one, or if it is refused, the built-in list is used. So it is if it is newer.
    pub(crate) list: Option<&'a [u8]>,
    /// The keys that sign lists.
    pub(crate) keys: Option<&'a str>,
    /// Roots in PEM that count as public, besides the built-in ones: a text for each file.
    pub(crate) public_roots: &'a [String],
    /// `default` or `high-risk`.
    pub(crate) profile: &'a str,
    /// What an earlier enforcer remembered.
    pub(crate) memory: Option<&'a str>,
}

/// An enforcer that catches its own panics.
pub(crate) struct Way {
    enforcer: Enforcer,
}

/// What becomes of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Whether it may be used.
    pub(crate) accepted: bool,
    /// Why, in a sentence.
    pub(crate) reason: String,
    /// The kind of each warning, which never changes, and the warning as a sentence.
    pub(crate) warnings: Vec<(&'static str, String)>,
}

impl Way {
    /// Always makes one: what cannot be used is complained about, and replaced by what is at least as strict.
    pub(crate) fn new(parts: &Parts<'_>) -> (Self, Vec<String>) {
        let mut complaints = Vec::new();
        let mut roots = PublicRoots::built_in();
        for pem in parts.public_roots {
            if let Err(why) = roots.add_pem(pem) {
                complaints.push(format!("not all further public roots are known: {why}"));
            }
        }
        let profile = match parts.profile {
            "default" => Profile::Default,
            "high-risk" => Profile::HighRisk,
            odd => {
                complaints.push(format!(
                    "the profile {odd:?} is neither default nor high-risk, and taken for high-risk"
                ));
                Profile::HighRisk
            }
        };
        let memory = match parts.memory.map(Memory::parse) {
            None => Memory::default(),
            Some(Ok(memory)) => memory,
            Some(Err(why)) => {
                complaints.push(format!("what was remembered is not used: {why}"));
                Memory::default()
            }
        };
        let settings = Settings { profile, ..Settings::new("python") };
        let way = Self { enforcer: Enforcer::new(settings, SignedList::built_in(), roots, memory) };
        // Not in place of the built-in one: whoever serves lists could serve one that was signed years ago.
        let taken = match (parts.list, parts.keys) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(not_used(&"there are no keys to verify it")),
            (Some(list), Some(keys)) => way.take(list, keys),
        };
        complaints.extend(taken.err());
        (way, complaints)
    }

    /// Takes a newer list.
    pub(crate) fn take(&self, list: &[u8], keys: &str) -> Result<(), String> {
        let list = verified(list, keys).map_err(|why| not_used(&why))?;
        self.enforcer.take(list).map_err(|why| not_used(&why))
    }

    /// Judges a chain that TLS has verified, from the server's certificate to the root. `is_whole` says that it ends
    /// in what the client trusts. `now` is in seconds since 1970; a clock that makes no sense is as good as none, for
    /// the list knows a time too.
    pub(crate) fn judge(
        &self,
        chain: &[&[u8]],
        host: Option<&str>,
        now: f64,
        is_whole: bool,
    ) -> Told {
        guarded(|| {
            if chain.is_empty() {
                // The enforcer would take it for one without a public root.
                return Told::refused("refused: TLS does not say how it has verified the server");
            }
            let now = SignedDuration::try_from_secs_f64(now).ok();
            let now = now.and_then(|now| Timestamp::from_duration(now).ok());
            // A program that has only what the server sent must not see all of it accepted as private.
            let anchor = if is_whole { Anchor::Last } else { Anchor::Unsaid };
            let chain = Chain { certificates: chain, anchor, host, trust: Trust::Roots };
            let decision = self.enforcer.judge(chain, now.unwrap_or(Timestamp::UNIX_EPOCH));
            Told {
                accepted: decision.action == Action::Accept,
                reason: decision.to_string(),
                warnings: decision.warnings.iter().map(told).collect(),
            }
        })
    }

    /// What should be known after the next start.
    pub(crate) fn memory(&self) -> String {
        self.enforcer.memory().to_text()
    }

    /// The same, and what another one wrote down.
    pub(crate) fn memory_with(&self, other: &str) -> Result<String, String> {
        let mut memory = self.enforcer.memory();
        memory.merge(&Memory::parse(other).map_err(|why| why.to_string())?);
        Ok(memory.to_text())
    }

    /// The version of the list in use.
    pub(crate) fn list_version(&self) -> u64 {
        self.enforcer.list().version
    }
}

impl Told {
    fn refused(reason: &str) -> Self {
        Self { accepted: false, reason: reason.to_owned(), warnings: Vec::new() }
    }
}

/// Judges, and refuses if that panics: Python would make of it an exception that few programs expect.
pub(crate) fn guarded(judge: impl FnOnce() -> Told) -> Told {
    // What a panic leaves behind in the enforcer is whole, it says so itself.
    catch_unwind(AssertUnwindSafe(judge)).unwrap_or_else(|_| {
        Told::refused("refused: the certificate could not be judged: a bug in countersign")
    })
}

fn not_used(why: &dyn std::fmt::Display) -> String {
    format!("the list of logs is not used: {why}")
}

fn verified(list: &[u8], keys: &str) -> Result<SignedList, String> {
    let keys = ListKeys::parse(keys).map_err(|why| format!("its keys: {why}"))?;
    keys.verify(list).map_err(|why| why.to_string())
}

fn told(warning: &Warning) -> (&'static str, String) {
    let kind = match warning {
        Warning::ListOld { .. } => "list-old",
        Warning::ListTooOld { .. } => "list-too-old",
        Warning::WouldRefuse(None) => "would-refuse",
        Warning::WouldRefuse(Some(_)) => "suspended",
        Warning::TurnedPrivate { .. } => "turned-private",
    };
    (kind, warning.to_string())
}
