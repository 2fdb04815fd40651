//! What is expected of delegations: `[[zone]]`.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::Period;

/// `[[zone]]`: a zone whose delegation is watched, at every server of its parent and its own. A change of what is
/// declared here, or was learned, is an incident. Of what is neither only contradictions are: between servers, between
/// vantages, and between the zone and its signatures.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::config) struct Zone {
    /// Its name; needed.
    pub(in crate::config) name: Spanned<String>,
    /// Expect of all that is not declared what is seen first, or accepted with `countersign delegations accept`. Whoever
    /// is attacking already at the first look is learned, too: better declare `ds` and `ns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) learn: Option<bool>,
    /// The DS records at the parent, as in a zone file: `"46337 13 2 96ED…"`. `[]`: there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) ds: Option<Vec<Spanned<String>>>,
    /// Those that are about to replace them: from now on the old ones, the new ones and both together are expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) next_ds: Option<Vec<Spanned<String>>>,
    /// The keys that sign records, each named as by a DS record. Without it they may change, as long as a key that
    /// the DS records name vouches for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::config) zsk: Vec<Spanned<String>>,
    /// The name servers, at the parent and in the zone, each as a name, with its addresses behind it if they are to
    /// be the ones that the parent gives: `"ns1.xmpp.example 192.0.2.1"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) ns: Option<Vec<Spanned<String>>>,
    /// Those that are about to replace them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) next_ns: Option<Vec<Spanned<String>>>,
    /// Names in the zone whose CAA records are watched, and where `_acme-challenge` and `_validation-persist` below
    /// them lead. By default the zone's own name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) names: Option<Vec<Spanned<String>>>,
    /// How often it is looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) every: Option<Spanned<Period>>,
    /// The vantages from which it is looked at. By default that of `[watch]`. HTTP proxies carry no DNS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::config) vantages: Option<Vec<Spanned<String>>>,
    /// Resolvers that somebody relies on, as `"192.0.2.53:53"`: they are asked from the
    /// first of the vantages, and held against the servers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::config) resolvers: Vec<Spanned<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(in crate::config) record: Vec<Record>,
}

/// `[[zone.record]]`: records in the zone that are watched besides. Of type `CNAME` or `NS` it says where a name may
/// lead, such as `_acme-challenge`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::config) struct Record {
    /// Whose records; needed.
    pub(in crate::config) name: Spanned<String>,
    /// Their type, such as `"CAA"` or `"TLSA"`; needed.
    pub(in crate::config) r#type: Spanned<String>,
    /// The data of each, as in a zone file; needed. `[]`: there are none.
    pub(in crate::config) data: Vec<Spanned<String>>,
}
