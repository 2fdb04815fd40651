//! Findings about a delegation.

use super::shown::{Shown, Topic};
use super::snapshot::{View, Witness};
use crate::decision::ToldFinding;
use crate::severity::Severity;

/// Something that is wrong with a delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DelegationFinding {
    /// What.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about, at least one.
    pub topics: Vec<Topic>,
    /// One harmless sentence, without a capital letter or a full stop.
    pub text: String,
    /// Who showed it.
    pub witnesses: Vec<Witness>,
    /// What shows how it was before: labels, and SHA-256s of the bytes.
    pub shown_before: Vec<(String, [u8; 32])>,
    /// What shows how it is now.
    pub shown_now: Vec<(String, [u8; 32])>,
    /// What sets it apart from others of its kind and topic: what is shown, if that is what is wrong.
    pub(super) detail: String,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Other DS records than expected.
    DsChanged,
    /// The DS records are gone: the zone has become insecure.
    DsRemoved,
    /// What was signed is proved to be unsigned, though its DS records are there: one further up is gone.
    BecameInsecure,
    /// Two DS sets at the same time, both signed.
    DsConflict,
    /// A key that nobody vouches for.
    KeysChanged,
    /// Other name servers.
    NsChanged,
    /// Other addresses of name servers, at the parent.
    GlueChanged,
    /// Other CAA records.
    CaaChanged,
    /// Other TLSA records.
    TlsaChanged,
    /// Other records of another type.
    RecordsChanged,
    /// A name has become an alias.
    AliasAdded,
    /// A name has gone into another zone.
    DelegatedAway,
    /// CDS or CDNSKEY records ask for other DS records.
    CdsChanges,
    /// They ask for none.
    CdsDeletes,
    /// Servers, or vantages, differ.
    ServersDiffer,
    /// What servers say does not verify.
    Bogus,
    /// The time to live has fallen to almost nothing.
    TtlLow,
    /// Signatures run out soon.
    SignatureExpiring,
    /// A resolver says something else.
    ResolverDiffers,
    /// A resolver says nothing.
    ResolverRefuses,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::DsChanged,
        Self::DsRemoved,
        Self::BecameInsecure,
        Self::DsConflict,
        Self::KeysChanged,
        Self::NsChanged,
        Self::GlueChanged,
        Self::CaaChanged,
        Self::TlsaChanged,
        Self::RecordsChanged,
        Self::AliasAdded,
        Self::DelegatedAway,
        Self::CdsChanges,
        Self::CdsDeletes,
        Self::ServersDiffer,
        Self::Bogus,
        Self::TtlLow,
        Self::SignatureExpiring,
        Self::ResolverDiffers,
        Self::ResolverRefuses,
    ];

    /// A word that does not change.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DsChanged => "ds-changed",
            Self::DsRemoved => "ds-removed",
            Self::BecameInsecure => "became-insecure",
            Self::DsConflict => "ds-conflict",
            Self::KeysChanged => "keys-changed",
            Self::NsChanged => "ns-changed",
            Self::GlueChanged => "glue-changed",
            Self::CaaChanged => "caa-changed",
            Self::TlsaChanged => "tlsa-changed",
            Self::RecordsChanged => "records-changed",
            Self::AliasAdded => "alias-added",
            Self::DelegatedAway => "delegated-away",
            Self::CdsChanges => "cds-changes",
            Self::CdsDeletes => "cds-deletes",
            Self::ServersDiffer => "servers-differ",
            Self::Bogus => "bogus",
            Self::TtlLow => "ttl-low",
            Self::SignatureExpiring => "signature-expiring",
            Self::ResolverDiffers => "resolver-differs",
            Self::ResolverRefuses => "resolver-refuses",
        }
    }

    /// The kind of that name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether it may have to last before it is told.
    pub(super) fn lasts(self) -> bool {
        match self {
            Self::DsConflict
            | Self::ServersDiffer
            | Self::Bogus
            | Self::ResolverDiffers
            | Self::ResolverRefuses => true,
            Self::DsChanged
            | Self::DsRemoved
            | Self::BecameInsecure
            | Self::KeysChanged
            | Self::NsChanged
            | Self::GlueChanged
            | Self::CaaChanged
            | Self::TlsaChanged
            | Self::RecordsChanged
            | Self::AliasAdded
            | Self::DelegatedAway
            | Self::CdsChanges
            | Self::CdsDeletes
            | Self::TtlLow
            | Self::SignatureExpiring => false,
        }
    }

    /// How much it matters.
    pub(super) fn severity(self) -> Severity {
        match self {
            Self::DsChanged
            | Self::DsRemoved
            | Self::BecameInsecure
            | Self::DsConflict
            | Self::CaaChanged
            | Self::CdsDeletes => Severity::Critical,
            Self::KeysChanged
            | Self::NsChanged
            | Self::GlueChanged
            | Self::TlsaChanged
            | Self::RecordsChanged
            | Self::AliasAdded
            | Self::DelegatedAway
            | Self::CdsChanges
            | Self::ServersDiffer
            | Self::Bogus
            | Self::ResolverDiffers => Severity::High,
            Self::TtlLow | Self::SignatureExpiring | Self::ResolverRefuses => Severity::Warning,
        }
    }
}

impl DelegationFinding {
    /// A finding about one topic, of which this is shown.
    pub(super) fn of_view(kind: Kind, topic: &Topic, view: &View, text: String) -> Self {
        Self {
            witnesses: view.witnesses.clone(),
            shown_now: view.evidence(),
            detail: digest(&view.shown),
            ..Self::new(kind, vec![topic.clone()], text)
        }
    }

    /// A finding without more to show.
    pub(super) fn new(kind: Kind, topics: Vec<Topic>, text: String) -> Self {
        Self {
            kind,
            severity: kind.severity(),
            topics,
            text,
            witnesses: Vec::new(),
            shown_before: Vec::new(),
            shown_now: Vec::new(),
            detail: String::new(),
        }
    }

    /// What makes it the same finding at the next look, its kind and its side first: not who shows it, nor how long it has lasted.
    pub fn mark(&self) -> String {
        match (&self.topics[..], self.kind) {
            // Of several topics at once, more or less of them are no other event.
            (_, Kind::BecameInsecure | Kind::Bogus | Kind::TtlLow | Kind::SignatureExpiring) => {
                format!("{} {}", self.kind.as_str(), self.topics[0].side.as_str())
            }
            (topics, kind) => {
                let topics: Vec<_> = topics.iter().map(ToString::to_string).collect();
                format!("{} {} {}", kind.as_str(), topics.join(", "), self.detail)
            }
        }
    }

    /// In words.
    pub fn told(&self) -> ToldFinding {
        let (kind, text) = (self.kind.as_str().to_owned(), self.text.clone());
        ToldFinding { kind, severity: self.severity, text }
    }
}

/// Tells one thing that is shown from another, in sixteen digits.
fn digest(shown: &Shown) -> String {
    use aws_lc_rs::digest::{SHA256, digest};
    crate::plain::hex(&digest(&SHA256, shown.to_string().as_bytes()).as_ref()[..8])
}
