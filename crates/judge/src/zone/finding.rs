//! What is wrong with a zone.

mod next_step;
mod text;

use countersign_dns::security::{Bogus, Indeterminate, Insecure};
use countersign_dns::{Name, Rtype};
use jiff::Timestamp;

use super::facts::DsFact;
use super::servers::{Groups, Side};
use crate::severity::Severity;

pub(super) use text::list;

/// One thing that is wrong with a zone, or that could not be seen of it. Printed, it is one sentence in which all
/// foreign text is harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ZoneFinding {
    /// The chain of trust does not hold.
    Bogus(Bogus),
    /// There is no chain of trust.
    Insecure(Insecure),
    /// Whether there is one could not be told.
    Indeterminate(Indeterminate),
    /// Something could not be looked at.
    NotLooked {
        /// What.
        what: String,
        /// Why not.
        why: String,
    },
    /// Signatures are from the future.
    SignatureNotYetValid {
        /// Of which records.
        rtypes: Vec<Rtype>,
        /// From when on they hold.
        from: Timestamp,
        /// Who serves them.
        servers: Vec<String>,
    },
    /// Signatures have run out.
    SignatureExpired {
        /// Of which records.
        rtypes: Vec<Rtype>,
        /// When.
        until: Timestamp,
        /// Who serves them.
        servers: Vec<String>,
    },
    /// Signatures are about to run out.
    SignatureExpiring {
        /// Of which records.
        rtypes: Vec<Rtype>,
        /// When the first does.
        until: Timestamp,
        /// Whether it is within hours.
        is_urgent: bool,
    },
    /// Signatures hold for very long.
    SignatureLong {
        /// Of which records.
        rtypes: Vec<Rtype>,
        /// When the last runs out.
        until: Timestamp,
    },
    /// An algorithm that must not be used.
    AlgorithmDeprecated {
        /// Its number.
        algorithm: u8,
    },
    /// An algorithm that should not be used.
    AlgorithmNotRecommended {
        /// Its number.
        algorithm: u8,
    },
    /// An algorithm that may be used and that we cannot verify.
    AlgorithmNotVerified {
        /// Its number.
        algorithm: u8,
    },
    /// A number that is no algorithm of zones.
    AlgorithmUnknown {
        /// The number.
        algorithm: u8,
    },
    /// An algorithm of which there is a key, with which not all is signed.
    AlgorithmIncomplete {
        /// Its number.
        algorithm: u8,
        /// What it does not sign.
        rtypes: Vec<Rtype>,
    },
    /// An RSA key that is too small.
    RsaSmall {
        /// Its tag.
        tag: u16,
        /// Its size.
        bits: usize,
    },
    /// Several keys have the same tag.
    TagsCollide {
        /// The tag.
        tag: u16,
        /// Their algorithm.
        algorithm: u8,
        /// How many they are.
        count: usize,
    },
    /// A digest that must not be used.
    DigestDeprecated {
        /// Its number.
        digest_type: u8,
        /// Whether there are better ones beside it.
        has_better: bool,
    },
    /// A DS record names no key, while others do.
    DsWithoutKey {
        /// Its tag.
        tag: u16,
        /// Its algorithm.
        algorithm: u8,
        /// Its digest type.
        digest_type: u8,
        /// Whether the zone has any key of that algorithm.
        has_algorithm: bool,
    },
    /// Records of the chain are kept for long.
    TtlLong {
        /// Which.
        rtype: Rtype,
        /// For how long.
        ttl_s: u32,
    },
    /// Records of the chain may not be kept at all.
    TtlZero {
        /// Which.
        rtype: Rtype,
    },
    /// NSEC3 with iterations.
    Nsec3Iterations {
        /// How many.
        iterations: u16,
    },
    /// NSEC3 with a salt.
    Nsec3Salt,
    /// NSEC3 that leaves out delegations.
    OptOut,
    /// The zone asks its parent to remove all DS records.
    CdsDelete {
        /// Whether there are any.
        is_signed: bool,
    },
    /// The zone asks its parent for other DS records.
    CdsChanges {
        /// Those to be added.
        adds: Vec<DsFact>,
        /// Those to be removed.
        removes: Vec<DsFact>,
        /// Whether keys come or go.
        of_keys: bool,
    },
    /// CDS and CDNSKEY ask for different things.
    CdsDisagree,
    /// CDS or CDNSKEY records are signed by no key that the parent names.
    CdsNotByNamedKey {
        /// Which.
        rtypes: Vec<Rtype>,
    },
    /// Servers that must say the same do not.
    ServersDisagree {
        /// Whose servers.
        side: Side,
        /// About what.
        rtype: Rtype,
        /// What is said, and who says it.
        groups: Groups,
    },
    /// The parent and the zone name different servers.
    NsDiffer {
        /// Those that only the parent names.
        only_parent: Vec<Name>,
        /// Those that only the zone names.
        only_zone: Vec<Name>,
    },
    /// A server does not serve the zone.
    Lame {
        /// The server.
        server: String,
        /// What was asked.
        rtypes: Vec<Rtype>,
        /// What it did.
        what: String,
    },
    /// A server did not answer.
    NoAnswer {
        /// The server.
        server: String,
        /// What was asked.
        rtypes: Vec<Rtype>,
        /// Why there is no answer.
        why: String,
    },
    /// Servers serve records of a signed zone without signatures.
    SignaturesMissing {
        /// Which records.
        rtypes: Vec<Rtype>,
        /// Who.
        servers: Vec<String>,
        /// Whether these are all servers of the zone.
        by_all: bool,
    },
    /// A resolver gives other records than were found.
    UpstreamDiffers {
        /// Where it is.
        resolver: String,
        /// Which records.
        rtypes: Vec<Rtype>,
    },
    /// A resolver gives no records, though they can be had.
    UpstreamRefuses {
        /// Where it is.
        resolver: String,
        /// Which records.
        rtypes: Vec<Rtype>,
    },
    /// A resolver does not say that it has verified what can be verified.
    UpstreamUnverified {
        /// Where it is.
        resolver: String,
    },
}

impl ZoneFinding {
    /// A word for files and rules that never changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Bogus(_) => "bogus",
            Self::Insecure(_) => "insecure",
            Self::Indeterminate(_) => "could-not-tell",
            Self::NotLooked { .. } => "not-looked",
            Self::SignatureNotYetValid { .. } => "signature-not-yet-valid",
            Self::SignatureExpired { .. } => "signature-expired",
            Self::SignatureExpiring { .. } => "signature-expiring",
            Self::SignatureLong { .. } => "signature-long",
            Self::AlgorithmDeprecated { .. } => "algorithm-deprecated",
            Self::AlgorithmNotRecommended { .. } => "algorithm-not-recommended",
            Self::AlgorithmNotVerified { .. } => "algorithm-not-verified",
            Self::AlgorithmUnknown { .. } => "algorithm-unknown",
            Self::AlgorithmIncomplete { .. } => "algorithm-incomplete",
            Self::RsaSmall { .. } => "rsa-small",
            Self::TagsCollide { .. } => "key-tags-collide",
            Self::DigestDeprecated { .. } => "digest-deprecated",
            Self::DsWithoutKey { .. } => "ds-without-key",
            Self::TtlLong { .. } => "ttl-long",
            Self::TtlZero { .. } => "ttl-zero",
            Self::Nsec3Iterations { .. } => "nsec3-iterations",
            Self::Nsec3Salt => "nsec3-salt",
            Self::OptOut => "nsec3-opt-out",
            Self::CdsDelete { .. } => "cds-delete",
            Self::CdsChanges { .. } => "cds-changes",
            Self::CdsDisagree => "cds-disagree",
            Self::CdsNotByNamedKey { .. } => "cds-not-by-named-key",
            Self::ServersDisagree { side: Side::Parent, .. } => "parent-servers-disagree",
            Self::ServersDisagree { side: Side::Zone, .. } => "servers-disagree",
            Self::NsDiffer { .. } => "ns-differ",
            Self::Lame { .. } => "lame",
            Self::NoAnswer { .. } => "no-answer",
            Self::SignaturesMissing { .. } => "signatures-missing",
            Self::UpstreamDiffers { .. } => "upstream-differs",
            Self::UpstreamRefuses { .. } => "upstream-refuses",
            Self::UpstreamUnverified { .. } => "upstream-unverified",
        }
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            // The zone fails for whoever validates, or is about to; or somebody answers in its place.
            Self::Bogus(_)
            | Self::SignatureNotYetValid { .. }
            | Self::SignatureExpired { .. }
            | Self::SignatureExpiring { is_urgent: true, .. }
            | Self::SignaturesMissing { .. }
            | Self::CdsDelete { is_signed: true }
            | Self::ServersDisagree {
                rtype: Rtype::DS | Rtype::DNSKEY | Rtype::CDS | Rtype::CDNSKEY | Rtype::CAA,
                ..
            } => Severity::High,
            // What could not be seen is never fine.
            Self::Indeterminate(_)
            | Self::NotLooked { .. }
            | Self::Lame { .. }
            | Self::NoAnswer { .. } => Severity::Warning,
            Self::Insecure(_)
            | Self::SignatureExpiring { is_urgent: false, .. }
            | Self::AlgorithmDeprecated { .. }
            | Self::AlgorithmUnknown { .. }
            | Self::AlgorithmIncomplete { .. }
            | Self::RsaSmall { .. }
            | Self::TagsCollide { .. }
            | Self::DigestDeprecated { has_better: false, .. }
            | Self::DsWithoutKey { has_algorithm: false, .. }
            | Self::TtlZero { .. }
            | Self::Nsec3Iterations { .. }
            | Self::OptOut
            | Self::CdsChanges { of_keys: true, .. }
            | Self::CdsDisagree
            | Self::CdsNotByNamedKey { .. }
            | Self::NsDiffer { .. }
            | Self::UpstreamDiffers { .. }
            | Self::UpstreamRefuses { .. } => Severity::Warning,
            // A copy of the zone that is a minute old has another serial.
            Self::ServersDisagree { rtype: Rtype::SOA, .. } => Severity::Notice,
            Self::ServersDisagree { .. } => Severity::Warning,
            Self::SignatureLong { .. }
            | Self::AlgorithmNotRecommended { .. }
            | Self::AlgorithmNotVerified { .. }
            | Self::DigestDeprecated { has_better: true, .. }
            // A key in reserve may be named before it is shown (RFC 6781 §4.2.4).
            | Self::DsWithoutKey { has_algorithm: true, .. }
            | Self::TtlLong { .. }
            | Self::UpstreamUnverified { .. }
            | Self::Nsec3Salt
            | Self::CdsDelete { is_signed: false }
            | Self::CdsChanges { of_keys: false, .. } => Severity::Notice,
        }
    }

    /// Whether it says that something could not be seen, and not that something is wrong.
    pub fn is_blindness(&self) -> bool {
        matches!(
            self,
            Self::Indeterminate(_)
                | Self::NotLooked { .. }
                | Self::Lame { .. }
                | Self::NoAnswer { .. }
        )
    }
}
