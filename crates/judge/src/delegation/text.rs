//! Findings in words: what it is called, what can come of it, what to do.

use countersign_dns::Name;

use super::finding::{DelegationFinding, Kind};
use super::snapshot::Witness;

/// The title of an incident with these findings, the most severe first.
pub fn title(zone: &Name, findings: &[DelegationFinding]) -> String {
    let zone = zone.to_string();
    let zone = zone.trim_end_matches('.');
    let mut kinds: Vec<Kind> = Vec::new();
    for finding in findings {
        if !kinds.contains(&finding.kind) {
            kinds.push(finding.kind);
        }
    }
    let parts: Vec<_> = kinds.iter().take(TITLE_KINDS_MAX).map(|kind| kind.title()).collect();
    format!("{}: {}", if zone.is_empty() { "." } else { zone }, parts.join("; "))
}

/// As many kinds as a line has room for.
const TITLE_KINDS_MAX: usize = 3;

impl Kind {
    /// What happened, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::DsChanged => "the DS records changed",
            Self::DsRemoved => "the DS records are gone",
            Self::BecameInsecure => "what was signed is unsigned",
            Self::DsConflict => "two different DS sets are signed",
            Self::KeysChanged => "an unknown key",
            Self::NsChanged => "the name servers changed",
            Self::GlueChanged => "the addresses of name servers changed",
            Self::CaaChanged => "the CAA records changed",
            Self::TlsaChanged => "the TLSA records changed",
            Self::RecordsChanged => "records changed",
            Self::AliasAdded => "a name became an alias",
            Self::DelegatedAway => "a name went into another zone",
            Self::CdsChanges => "the zone asks for other DS records",
            Self::CdsDeletes => "the zone asks for its DS records to be removed",
            Self::ServersDiffer => "servers contradict each other",
            Self::Bogus => "answers do not verify",
            Self::TtlLow => "the time to live has fallen to almost nothing",
            Self::SignatureExpiring => "signatures run out soon",
            Self::ResolverDiffers => "a resolver says something else",
            Self::ResolverRefuses => "a resolver gives no answer",
        }
    }

    /// What it allows whoever is behind it, if it is no mistake.
    pub fn allows(self) -> &'static str {
        match self {
            Self::DsChanged | Self::DsConflict => {
                "whoever holds the key that the new records name can sign everything in the zone, and have certificates \
                 for all its names"
            }
            Self::DsRemoved => {
                "without DS records nothing in the zone is protected: whoever is on the way to its servers can answer"
            }
            Self::BecameInsecure => {
                "nothing that is signed here protects anybody: whoever is on the way to the servers can answer"
            }
            Self::KeysChanged => {
                "the key signs what it likes for as long as an expected key vouches for it; it can be made the only one"
            }
            Self::NsChanged | Self::GlueChanged => {
                "other servers answer for the zone; where names are not signed, they decide where everybody goes"
            }
            Self::CaaChanged => {
                "certification authorities and accounts that were shut out may be let in, so that certificates can be \
                 had for these names"
            }
            Self::TlsaChanged => {
                "mail servers and others who go by TLSA records take other keys for yours"
            }
            Self::RecordsChanged => {
                "records that others act on say something that nobody here asked for"
            }
            Self::AliasAdded => {
                "what the name stands for is decided in another zone, perhaps an unsigned one"
            }
            Self::DelegatedAway => {
                "whoever runs the other zone decides; under _acme-challenge or _validation-persist they can prove to \
                 certification authorities that the name is theirs"
            }
            Self::CdsChanges => {
                "where the parent follows such records, the keys that they name will be trusted soon"
            }
            Self::CdsDeletes => {
                "where the parent follows such records, the zone will be unprotected soon"
            }
            Self::ServersDiffer => "some are shown something that others are not",
            Self::Bogus => {
                "whoever validates gets no answer; whoever does not gets answers from whoever sent these"
            }
            Self::TtlLow => {
                "a change that comes next is in force everywhere at once, and gone as fast"
            }
            Self::SignatureExpiring => {
                "once they have run out, nobody who validates reaches the names"
            }
            Self::ResolverDiffers => "whoever uses the resolver is led elsewhere",
            Self::ResolverRefuses => "whoever uses the resolver does not reach the names",
        }
    }

    /// What to do now.
    pub fn next_step(self) -> &'static str {
        match self {
            Self::DsChanged => {
                "ask whoever may change it at the registrar; if nobody did, have registrar and registry put the old \
                 records back and lock the domain; a change of keys to come is announced with next-ds"
            }
            Self::DsRemoved => {
                "have the DS records entered again at the registrar, unless you have stopped signing"
            }
            Self::BecameInsecure => {
                "see in the proof which zone above has lost its DS records, and ask whoever runs the one above that; \
                 accept it if it is meant to be so"
            }
            Self::DsConflict => {
                "keep the evidence: both sets are signed by the parent, which cannot deny either; ask the registry"
            }
            Self::KeysChanged => {
                "find out who made the key; announce one of yours with next-ds, or with zsk where keys are pinned"
            }
            Self::NsChanged | Self::GlueChanged => {
                "see whether the move is yours (next-ns announces one); if not, go to the registrar, and take nothing \
                 that these servers say for the zone's"
            }
            Self::CaaChanged => {
                "put the records back; look at the logs for certificates of these names; if the change is signed and \
                 nobody here made it, whoever holds the keys of the zone did: change them"
            }
            Self::TlsaChanged | Self::RecordsChanged => {
                "see whether the change is yours, and declare or accept it; if not, put the records back"
            }
            Self::AliasAdded | Self::DelegatedAway => {
                "see whether the change is yours, and declare it as a record of the zone; if not, take it out"
            }
            Self::CdsChanges | Self::CdsDeletes => {
                "see that this is a change of keys of yours; if not, take the records out now: whoever holds a key of \
                 the zone put them in"
            }
            Self::ServersDiffer => {
                "compare the answers in the evidence; if all servers have the same zone, somebody answers in the place \
                 of one"
            }
            Self::Bogus => {
                "see whether the signer runs and the servers have its zone; if they do, somebody answers in their place"
            }
            Self::TtlLow => "see whether a move is planned; if not, watch what comes next",
            Self::SignatureExpiring => {
                "see whether the signer runs and its zone reaches the servers; DS records are the parent's to renew"
            }
            Self::ResolverDiffers => {
                "ask the resolver's operator; until then use one that validates, on your own machine"
            }
            Self::ResolverRefuses => {
                "see whether the resolver validates and has the right time and anchors"
            }
        }
    }
}

/// `at ns1.example. (192.0.2.1) from direct and 3 more`.
pub(super) fn at(witnesses: &[Witness]) -> String {
    let first = witnesses.first().map_or_else(String::new, ToString::to_string);
    match witnesses.len() {
        0 | 1 => first,
        many => format!("{first} and {} more", many - 1),
    }
}
