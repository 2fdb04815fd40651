//! What to do about a finding.

use countersign_dns::Rtype;
use countersign_dns::security::Insecure;

use super::ZoneFinding;
use crate::zone::servers::Side;

impl ZoneFinding {
    /// What to do now.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Bogus(_) => {
                "repair the chain now: compare DS records with keys, and look whether the signer runs; if nothing was \
                 changed here, find out who answers in the zone's place"
            }
            Self::Insecure(Insecure::NoDs { .. } | Insecure::OptOut { .. }) => {
                "sign the zone and have its DS record entered at the registrar"
            }
            Self::Insecure(_) => "move to an algorithm and digest that validators count: 13 and 2",
            Self::Indeterminate(_) | Self::NotLooked { .. } => {
                "look again; if it stays so, find out who is in the way"
            }
            Self::SignatureNotYetValid { .. } => "set the signer's clock",
            Self::SignatureExpired { .. } => {
                "start the signer again, and find out why these servers have an old copy"
            }
            Self::SignatureExpiring { .. } => {
                "look whether the signer runs and its zone reaches the servers; DS records are the parent's to renew"
            }
            Self::SignatureLong { .. } => "let signatures hold for a week or two",
            Self::AlgorithmDeprecated { .. } | Self::AlgorithmUnknown { .. } => {
                "move to algorithm 13 (ECDSAP256SHA256) or 15 (ED25519)"
            }
            Self::AlgorithmNotRecommended { .. } => {
                "move to algorithm 13 (ECDSAP256SHA256) at the next change of keys"
            }
            Self::AlgorithmNotVerified { .. } => {
                "move to an algorithm that every validator verifies: 13 (ECDSAP256SHA256)"
            }
            Self::AlgorithmIncomplete { .. } => {
                "let the signer sign everything with each algorithm, or take out the key that signs nothing"
            }
            Self::RsaSmall { .. } => "change to ECDSAP256SHA256, or to RSA with 2048 bits",
            Self::TagsCollide { .. } => "make another key in the place of one of these",
            Self::DigestDeprecated { .. } => {
                "have DS records of digest type 2 (SHA-256) entered, and these removed"
            }
            Self::DsWithoutKey { .. } => {
                "have the record removed at the registrar, unless its key is yours and in reserve"
            }
            Self::TtlLong { .. } => "use a day at most, an hour before a change of keys",
            Self::TtlZero { .. } => "use an hour or more",
            Self::Nsec3Iterations { .. } | Self::Nsec3Salt => {
                "use NSEC3 parameters 1 0 0 - (RFC 9276 §3.1), or NSEC"
            }
            Self::OptOut => "turn opt-out off",
            Self::CdsDelete { is_signed: true } => {
                "take the records out now unless you want to stop signing; find out who put them in"
            }
            Self::CdsDelete { is_signed: false } => {
                "take the records out before the zone is signed again"
            }
            Self::CdsChanges { .. } => {
                "see that this is a change of keys of yours; if not, whoever holds a key of the zone is taking it over"
            }
            Self::CdsDisagree => "let the signer publish both from the same keys",
            Self::CdsNotByNamedKey { .. } => {
                "find out who signed these records: whoever may change the keys signs with a key that the parent names"
            }
            Self::ServersDisagree { rtype: Rtype::SOA, .. } => {
                "look again in some minutes; if it stays so, repair the transfer of the zone"
            }
            Self::ServersDisagree { side: Side::Parent, .. } => {
                "look again in some minutes; if it stays so, ask the registry, and keep the answers"
            }
            Self::ServersDisagree { side: Side::Zone, .. } => {
                "look whether the servers have the same zone; if they do, somebody answers in the place of one"
            }
            Self::NsDiffer { .. } => "enter the same servers at the registrar and in the zone",
            Self::Lame { .. } => "let the server serve the zone, or take it out of the delegation",
            Self::NoAnswer { .. } => "look whether the server runs and can be reached from here",
            Self::UpstreamDiffers { .. } => {
                "ask again when the time to live has passed; if it stays so, do not rely on this resolver"
            }
            Self::UpstreamRefuses { .. } => "look at its events: what is it that it cannot verify?",
            Self::UpstreamUnverified { .. } => {
                "use a resolver that validates, best one on the same machine"
            }
            Self::SignaturesMissing { by_all: true, .. } => "look whether the signer runs",
            Self::SignaturesMissing { by_all: false, .. } => {
                "give these servers the signed zone; if they have it, somebody answers in their place"
            }
        }
    }
}
