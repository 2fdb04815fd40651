//! What a CA does where the rules leave it a choice. The strict side is the default everywhere.

/// The choices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// What a lookup that failed means.
    pub failures: Failures,
    /// What is demanded of lookups that did not fail.
    pub demand: Demand,
    /// What the bits of the flags mean that nobody has defined.
    pub reserved_flags: ReservedFlags,
    /// Whether the property `security` is known.
    pub security_property: SecurityProperty,
}

/// What a lookup that failed means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Failures {
    /// No permission, ever.
    #[default]
    Deny,
    /// As if there were no records, where the Baseline Requirements §3.2.2.8.1 allow that: the failure lies outside
    /// the CA, the lookup was tried again, and the zone is proved to be unsigned. Whoever can suppress answers can
    /// then have any certificate for an unsigned zone.
    BaselineRequirements,
}

/// What is demanded of lookups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demand {
    /// That they are secure, or proved to be insecure (RFC 8657 §5.6).
    #[default]
    Validated,
    /// That each of them is secure: an unsigned answer is no answer.
    Secure,
}

/// What the bits of the flags mean that RFC 8659 §4.1 reserves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReservedFlags {
    /// Nothing, as the RFC says.
    #[default]
    Ignored,
    /// That the lowest bit means critical as well. Some who write `1` mean that, and some CAs take them so.
    LowestIsCritical,
}

/// Whether the property `security` (draft-ietf-lamps-caa-security-00) is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityProperty {
    /// No: where it is critical, it denies like any other that is not known.
    #[default]
    Unknown,
    /// Yes.
    Honoured,
}
