//! What trust begins with: keys of the root, and of others where somebody says so.

use domain::base::iana::Rtype;
use jiff::Timestamp;

use crate::key::{Dnskey, Ds};
use crate::name::Name;
use crate::rrset::Rrset;

/// A key that is trusted without being named by anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The zone whose key it is.
    pub zone: Name,
    /// The key, or what names it.
    pub key: AnchorKey,
    /// From when to when it is trusted; `None`: without end.
    pub during: (Option<Timestamp>, Option<Timestamp>),
}

/// The key of an anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnchorKey {
    /// What names it.
    Ds(Ds),
    /// The key itself.
    Dnskey(Dnskey),
}

/// Trust anchors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchors {
    anchors: Vec<Anchor>,
    /// Negative ones: no anchor above such a name holds for it and for what is below.
    except: Vec<Name>,
}

impl Anchors {
    /// These. Without any nothing is secure.
    pub fn new(anchors: Vec<Anchor>) -> Self {
        Self { anchors, except: Vec::new() }
    }

    /// The same with negative anchors (RFC 7646 §2): at and below these names nothing is validated, unless an anchor
    /// is deeper.
    #[must_use]
    pub fn except(mut self, names: &[Name]) -> Self {
        self.anchors.retain(|anchor| !names.contains(&anchor.zone));
        self.except.extend_from_slice(names);
        self
    }

    /// The keys of the root, as IANA publishes them.
    pub fn root() -> Self {
        let anchor = |(key_tag, digest, from, until): &(u16, &str, &str, Option<&str>)| {
            let time = |text: &str| text.parse().expect("a time is written below");
            let octet = |at| u8::from_str_radix(&digest[at..at + 2], 16);
            let digest = (0..digest.len()).step_by(2).map(octet).collect::<Result<_, _>>();
            let digest = digest.expect("digits are written below");
            let key = AnchorKey::Ds(Ds { key_tag: *key_tag, algorithm: 8, digest_type: 2, digest });
            Anchor { zone: Name::root(), key, during: (Some(time(from)), until.map(time)) }
        };
        Self::new(ROOT.iter().map(anchor).collect())
    }

    /// Those of the records in these sets, DS and DNSKEY, trusted at all times; `None` if one is of another type or
    /// malformed.
    pub fn of_records(sets: &[Rrset]) -> Option<Self> {
        let mut anchors = Vec::new();
        for set in sets {
            for rdata in set.rdatas() {
                let key = match set.rtype() {
                    Rtype::DS => AnchorKey::Ds(Ds::from_rdata(rdata)?),
                    Rtype::DNSKEY => AnchorKey::Dnskey(Dnskey::from_rdata(rdata)?),
                    _ => return None,
                };
                anchors.push(Anchor { zone: set.owner().clone(), key, during: (None, None) });
            }
        }
        Some(Self::new(anchors))
    }

    /// All of them, without negative ones.
    pub fn anchors(&self) -> &[Anchor] {
        &self.anchors
    }

    /// Those of a zone that are trusted at this time.
    pub(crate) fn of(&self, zone: &Name, now: Timestamp) -> Vec<&AnchorKey> {
        let is_trusted = |anchor: &&Anchor| {
            let (from, until) = anchor.during;
            anchor.zone == *zone
                && from.is_none_or(|from| from <= now)
                && until.is_none_or(|until| now < until)
        };
        self.anchors.iter().filter(is_trusted).map(|anchor| &anchor.key).collect()
    }

    /// The deepest zone at or above this name that has any; `None` also if a negative one is deeper.
    pub(crate) fn above(&self, name: &Name, now: Timestamp) -> Option<Name> {
        let mut decided = name.and_above().filter_map(|zone| {
            let is_anchored = !self.of(&zone, now).is_empty();
            (is_anchored || self.except.contains(&zone)).then_some((zone, is_anchored))
        });
        decided.next().and_then(|(zone, is_anchored)| is_anchored.then_some(zone))
    }
}

/// Key tag, SHA-256 digest, and from when to when: `validFrom` and `validUntil` of IANA's root-anchors.xml. 20326 signs
/// no more since 2026-10-11, and stays trusted until it is revoked, as its holder has announced for 2027-01-11.
const ROOT: [(u16, &str, &str, Option<&str>); 3] = [
    (
        19036,
        "49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5",
        "2010-07-15T00:00:00Z",
        Some("2019-01-11T00:00:00Z"),
    ),
    (
        20326,
        "E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
        "2017-02-02T00:00:00Z",
        Some("2027-01-11T00:00:00Z"),
    ),
    (
        38696,
        "683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
        "2024-07-18T00:00:00Z",
        None,
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_the_root_have_their_time() {
        let check = |time: &str, expected: &[u16]| {
            let tag = |key: &&AnchorKey| match key {
                AnchorKey::Ds(ds) => ds.key_tag,
                AnchorKey::Dnskey(key) => key.tag(),
            };
            let anchors = Anchors::root();
            let trusted = anchors.of(&Name::root(), time.parse().unwrap());
            assert_eq!(trusted.iter().map(tag).collect::<Vec<_>>(), expected, "{time}");
        };
        check("2009-01-01T00:00:00Z", &[]);
        check("2014-06-26T00:00:00Z", &[19036]);
        check("2018-11-01T00:00:00Z", &[19036, 20326]);
        check("2020-01-01T00:00:00Z", &[20326]);
        check("2026-11-28T00:00:00Z", &[20326, 38696]);
        check("2028-01-01T00:00:00Z", &[38696]);
    }

    #[test]
    fn the_deepest_anchor_counts() {
        let record = |owner: &str| {
            Rrset::new(owner.parse().unwrap(), Rtype::DS, 0, &[0, 1, 8, 2, 7]).unwrap()
        };
        let anchors = Anchors::of_records(&[record("."), record("a.example")]).unwrap();
        let above = |name: &str| anchors.above(&name.parse().unwrap(), Timestamp::UNIX_EPOCH);
        assert_eq!(above("www.a.example"), Some("a.example".parse().unwrap()));
        assert_eq!(above("b.example"), Some(Name::root()));
    }

    #[test] // RFC 7646 §2
    fn below_a_negative_anchor_only_deeper_ones_hold() {
        let record = |owner: &str| {
            Rrset::new(owner.parse().unwrap(), Rtype::DS, 0, &[0, 1, 8, 2, 7]).unwrap()
        };
        let anchors = Anchors::of_records(&[record("."), record("test"), record("a.b.test")]);
        let anchors = anchors.unwrap().except(&["test".parse().unwrap()]);
        let above = |name: &str| anchors.above(&name.parse().unwrap(), Timestamp::UNIX_EPOCH);
        assert_eq!(above("example"), Some(Name::root()));
        assert_eq!(above("test"), None);
        assert_eq!(above("b.test"), None);
        assert_eq!(above("x.a.b.test"), Some("a.b.test".parse().unwrap()));
    }
}
