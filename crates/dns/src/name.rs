//! Domain names (RFC 1034 §3.1), in the one form in which DNSSEC compares them.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use domain::base::name::{FromStrError, ToName};

/// A domain name in wire form, uncompressed, its letters lower-cased (RFC 4034 §6.2). Names that differ only in case
/// are equal, so this form is all that is kept of one.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(Box<[u8]>);

/// Why bytes are no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no domain name in wire form")]
pub struct NotAName;

/// RFC 1035 §2.3.4.
pub const NAME_BYTES_MAX: usize = 255;

impl Name {
    /// The root.
    pub fn root() -> Self {
        Self(Box::new([0]))
    }

    /// Reads a name that is not compressed, all of the bytes.
    pub fn from_wire(wire: &[u8]) -> Result<Self, NotAName> {
        let (name, rest) = Self::read(wire)?;
        if rest.is_empty() { Ok(name) } else { Err(NotAName) }
    }

    /// Reads a name that is not compressed; gives what follows it.
    pub fn read(wire: &[u8]) -> Result<(Self, &[u8]), NotAName> {
        let mut at = 0;
        loop {
            let length = usize::from(*wire.get(at).ok_or(NotAName)?);
            at += 1 + length;
            // 64 and more are pointers, and what never became anything (RFC 1035 §4.1.4).
            if length > 63 || at > NAME_BYTES_MAX || at > wire.len() {
                return Err(NotAName);
            }
            if length == 0 {
                return Ok((Self(wire[..at].to_ascii_lowercase().into()), &wire[at..]));
            }
        }
    }

    /// The wire form.
    pub fn wire(&self) -> &[u8] {
        &self.0
    }

    /// The labels from the left, without the empty one of the root.
    pub fn labels(&self) -> Labels<'_> {
        Labels(&self.0)
    }

    /// How many labels there are, without that of the root.
    pub fn label_count(&self) -> usize {
        self.labels().count()
    }

    /// What the field Labels of an RRSIG says of the owner: neither the root's nor a first label `*` counts
    /// (RFC 4034 §3.1.3).
    pub fn rrsig_labels(&self) -> usize {
        self.label_count() - usize::from(self.is_wildcard())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.len() == 1
    }

    /// Whether the first label is `*` (RFC 4592 §2.1.1).
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with(b"\x01*")
    }

    /// The name one label up; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let first = usize::from(self.0[0]);
        (first > 0).then(|| Self(self.0[1 + first..].into()))
    }

    /// The name made of the last so many labels; all of it if it has no more.
    pub fn ancestor(&self, labels: usize) -> Self {
        let above = self.label_count().saturating_sub(labels);
        let cut = self.labels().take(above).map(|label| 1 + label.len()).sum::<usize>();
        Self(self.0[cut..].into())
    }

    /// This name and those above it, up to the root.
    pub fn and_above(&self) -> impl Iterator<Item = Self> + '_ {
        (0..=self.label_count()).rev().map(|labels| self.ancestor(labels))
    }

    /// Whether this is that name or below it.
    pub fn is_within(&self, above: &Self) -> bool {
        let (mine, theirs) = (self.label_count(), above.label_count());
        mine >= theirs && {
            let cut = self.labels().take(mine - theirs).map(|label| 1 + label.len()).sum::<usize>();
            self.0[cut..] == above.0[..]
        }
    }

    /// Whether this is below that name.
    pub fn is_below(&self, above: &Self) -> bool {
        self.is_within(above) && self != above
    }

    /// The longest name that is at or above both.
    pub fn common_ancestor(&self, other: &Self) -> Self {
        let (mut mine, mut theirs) = (self.reversed(), other.reversed());
        let mut labels = 0;
        while let (Some(one), Some(two)) = (mine.next(), theirs.next()) {
            if one != two {
                break;
            }
            labels += 1;
        }
        self.ancestor(labels)
    }

    /// With this label in front; `None` if that is too long.
    pub fn child(&self, label: &[u8]) -> Option<Self> {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length))?;
        let wire = [&[length], label, &self.0].concat();
        (wire.len() <= NAME_BYTES_MAX).then(|| Self(wire.to_ascii_lowercase().into()))
    }

    /// `*` below this name; `None` if that is too long.
    pub fn wildcard(&self) -> Option<Self> {
        self.child(b"*")
    }

    /// This name with `to` in the place of `from`, which it is below (RFC 6672 §2.2); `None` if that is too long.
    pub fn substitute(&self, from: &Self, to: &Self) -> Option<Self> {
        debug_assert!(self.is_below(from));
        let kept = &self.0[..self.0.len() - from.0.len()];
        let wire = [kept, &to.0[..]].concat();
        (wire.len() <= NAME_BYTES_MAX).then(|| Self(wire.into()))
    }

    fn reversed(&self) -> impl Iterator<Item = &[u8]> {
        let mut labels: Vec<&[u8]> = self.labels().collect();
        labels.reverse();
        labels.into_iter()
    }
}

/// Labels of a name, from the left.
#[derive(Clone, Debug)]
pub struct Labels<'a>(&'a [u8]);

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (&length, rest) = self.0.split_first()?;
        if length == 0 {
            return None;
        }
        let (label, rest) = rest.split_at(usize::from(length));
        self.0 = rest;
        Some(label)
    }
}

/// The canonical order of names: by labels from the right, each as octets (RFC 4034 §6.1).
impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.reversed().cmp(other.reversed())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Reads presentation format (RFC 1035 §5.1), absolute whether or not it ends with a dot.
impl FromStr for Name {
    type Err = FromStrError;

    fn from_str(text: &str) -> Result<Self, FromStrError> {
        let name = domain::base::Name::<Vec<u8>>::from_str(text)?;
        Ok(Self(name.as_slice().to_ascii_lowercase().into()))
    }
}

/// A name out of a message.
impl Name {
    pub(crate) fn of(name: &impl ToName) -> Self {
        let mut wire = Vec::with_capacity(NAME_BYTES_MAX);
        for label in name.iter_labels() {
            let length = u8::try_from(label.len()).expect("a label has at most 63 octets");
            wire.push(length);
            wire.extend(label.as_slice().iter().map(u8::to_ascii_lowercase));
        }
        Self(wire.into())
    }
}

/// Presentation format, with the dot at its end. What is no printable ASCII character is escaped, so that it can be
/// shown anywhere.
impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() {
            return f.write_str(".");
        }
        for label in self.labels() {
            for &octet in label {
                match octet {
                    b'.' | b'\\' | b'"' | b'(' | b')' | b';' | b'@' | b'$' => {
                        write!(f, "\\{}", char::from(octet))?;
                    }
                    b'!'..=b'~' => write!(f, "{}", char::from(octet))?,
                    _ => write!(f, "\\{octet:03}")?,
                }
            }
            f.write_str(".")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    #[test] // RFC 4034 §6.1 gives this list.
    fn names_have_the_canonical_order() {
        let sorted = [
            "example",
            "a.example",
            "yljkjljk.a.example",
            "Z.a.example",
            "zABC.a.EXAMPLE",
            "z.example",
            "\\001.z.example",
            "*.z.example",
            "\\200.z.example",
        ];
        let names: Vec<_> = sorted.into_iter().map(name).collect();
        assert!(names.is_sorted());
    }

    #[test]
    fn names_have_relatives() {
        let www = name("www.xmpp.example");
        assert_eq!(www.parent(), Some(name("xmpp.example")));
        assert_eq!(www.ancestor(1), name("example"));
        assert_eq!(www.ancestor(9), www);
        assert_eq!(www.ancestor(0), Name::root());
        assert_eq!(Name::root().parent(), None);
        assert!(www.is_within(&Name::root()) && www.is_within(&www) && !www.is_below(&www));
        assert!(!name("wxmpp.example").is_within(&name("xmpp.example")));
        assert_eq!(www.common_ancestor(&name("mail.example")), name("example"));
        assert_eq!(www.common_ancestor(&name("www.xmpp.test")), Name::root());
        assert_eq!(name("*.example").rrsig_labels(), 1);
        assert_eq!(name("example").wildcard(), Some(name("*.example")));
        assert_eq!(www.substitute(&name("xmpp.example"), &name("a.b")), Some(name("www.a.b")));
        let above: Vec<_> = www.and_above().collect();
        assert_eq!(above, [www.clone(), name("xmpp.example"), name("example"), Name::root()]);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for wire in [&b""[..], b"\x01", b"\x01a", b"\x40a\0", b"\xc0\x0c", b"\0\0"] {
            assert_eq!(Name::from_wire(wire), Err(NotAName), "{wire:?}");
        }
        let long = [&b"\x3f"[..], &[b'a'; 63]].concat().repeat(4);
        assert_eq!(Name::from_wire(&[&long[..], b"\0"].concat()), Err(NotAName));
    }

    proptest! {
        #[test]
        fn print_and_parse_undo_each_other(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..9), 0..9)) {
            let mut made = Name::root();
            for label in &labels {
                made = made.child(label).unwrap();
            }
            prop_assert_eq!(&name(&made.to_string()), &made);
            prop_assert_eq!(&Name::from_wire(made.wire()), &Ok(made.clone()));
            prop_assert_eq!(made.label_count(), labels.len());
        }

        #[test]
        fn any_bytes_are_a_name_or_not(wire: Vec<u8>) {
            if let Ok((name, rest)) = Name::read(&wire) {
                prop_assert_eq!(name.wire().len() + rest.len(), wire.len());
            }
        }
    }
}
