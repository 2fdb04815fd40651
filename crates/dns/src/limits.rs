//! How much work a stranger can cause, and what is spent of it.

/// What is counted. Whoever runs out of it could not tell, which is never taken for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Questions that a walk asks.
    Questions,
    /// Signatures verified.
    Signatures,
    /// Names hashed for NSEC3.
    Hashes,
    /// Aliases followed.
    Aliases,
}

impl Limit {
    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Questions => "questions",
            Self::Signatures => "signatures",
            Self::Hashes => "nsec3-hashes",
            Self::Aliases => "aliases",
        }
    }
}

/// So much work is done for one question, and no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Questions. A zone takes two, a label of an unsigned name one, and names have at most 127 labels; more than a few
    /// zones and aliases is an attempt to keep us busy. Unbound stops a resolution at 200 (`max-sent-count`).
    pub questions: u32,
    /// Signatures, good and bad. An honest chain of ten zones with aliases and denials takes fifty. In CVE-2023-50387
    /// one answer cost millions.
    pub signatures: u32,
    /// Names hashed for NSEC3 (CVE-2023-50868). A denial takes one for each label, and two.
    pub hashes: u32,
    /// Aliases. Unbound follows eleven, BIND sixteen.
    pub aliases: u32,
    /// Iterations of NSEC3 that are computed; with more, a zone counts as unsigned. RFC 9276 §3.1 asks for none, and
    /// BIND, Knot Resolver and PowerDNS compute at most 50.
    pub nsec3_iterations: u16,
}

impl Default for Limits {
    fn default() -> Self {
        Self { questions: 200, signatures: 200, hashes: 400, aliases: 16, nsec3_iterations: 50 }
    }
}

/// Signatures of one set that are tried: two for each key of a zone that changes keys and algorithm at once, and as
/// many as Unbound tries.
pub(crate) const RRSIGS_MAX: usize = 8;
/// Keys with one tag and algorithm that are tried. Tags collide by chance once in 65,536 pairs; signers avoid it.
pub(crate) const KEYS_WITH_TAG_MAX: usize = 2;
/// DS records that are tried: two digests of four keys.
pub(crate) const DS_MAX: usize = 8;
/// Names of signers of one set that are looked into. There is one; a zone that moves may show two.
pub(crate) const SIGNERS_MAX: usize = 2;
/// Sets of NSEC or NSEC3 records in one answer that are verified: three prove anything, twice while a zone changes
/// its parameters.
pub(crate) const DENIALS_MAX: usize = 8;

/// What is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Budget {
    limits: Limits,
    /// What was spent, in the order of [`Limit`].
    spent: [u32; 4],
}

/// It was spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Exceeded(pub(crate) Limit);

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, spent: [0; 4] }
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Takes one.
    pub(crate) fn spend(&mut self, what: Limit) -> Result<(), Exceeded> {
        let (at, most) = match what {
            Limit::Questions => (0, self.limits.questions),
            Limit::Signatures => (1, self.limits.signatures),
            Limit::Hashes => (2, self.limits.hashes),
            Limit::Aliases => (3, self.limits.aliases),
        };
        if self.spent[at] >= most {
            return Err(Exceeded(what));
        }
        self.spent[at] += 1;
        Ok(())
    }

    /// Questions, signatures and hashes so far.
    pub(crate) fn spent(&self) -> [u32; 3] {
        [self.spent[0], self.spent[1], self.spent[2]]
    }
}
