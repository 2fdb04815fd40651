//! Guarded names by suffix: a name is looked up label by label from the right, however many guards there are.

use ahash::AHashMap;

use super::guard::LABEL_OCTETS_MAX;
use crate::names::How;

/// The guarded names, each with its position in the watchlist.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// By name; and by the name without its first label, which may be nothing.
    suffixes: AHashMap<Box<str>, Suffix>,
    /// The length of the longest guarded name, in octets.
    longest: usize,
    /// All of them, for names with patterns within.
    all: Vec<Guarded>,
}

#[derive(Debug, Default)]
struct Suffix {
    /// The guard for this name only.
    exact: Option<usize>,
    /// The guard for this name and all below it.
    tree: Option<usize>,
    /// The guards one label below: that label, and the guard's position.
    below: Vec<(Box<str>, usize)>,
}

#[derive(Debug)]
struct Guarded {
    name: Box<str>,
    reach: Reach,
    position: usize,
}

/// What a guard for a name covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// The name only.
    Exact,
    /// The name and all below it.
    Tree,
}

/// How much work the patterns of one certificate may still make.
#[derive(Debug)]
pub(super) struct Patterns {
    left: usize,
}

/// In labels compared, or octets of names found. A pattern is compared with many guards, and can match them all,
/// so that work and result could be the certificate's length times the guards. An honest certificate with a
/// hundred wildcards needs a hundred comparisons for each guard one label below; this allows 10,000 guards there,
/// and takes well under a second.
const PATTERN_WORK_MAX: usize = 1 << 20;

impl Patterns {
    pub(super) fn new() -> Self {
        Self { left: PATTERN_WORK_MAX }
    }

    /// Whether there was too much, so that names were left uncompared.
    pub(super) fn exhausted(&self) -> bool {
        self.left == 0
    }

    fn spend(&mut self, work: usize) -> bool {
        self.left = self.left.saturating_sub(work);
        !self.exhausted()
    }
}

impl Index {
    pub(super) fn insert(&mut self, name: &str, reach: Reach, position: usize) {
        let suffix = self.suffixes.entry(name.into()).or_default();
        match reach {
            Reach::Exact => suffix.exact = Some(position),
            Reach::Tree => suffix.tree = Some(position),
        }
        let (label, parent) = name.split_once('.').unwrap_or((name, ""));
        self.suffixes.entry(parent.into()).or_default().below.push((label.into(), position));
        self.all.push(Guarded { name: name.into(), reach, position });
        self.longest = self.longest.max(name.len());
    }

    /// The positions of all name guards.
    pub(super) fn positions(&self) -> impl Iterator<Item = usize> {
        self.all.iter().map(|guarded| guarded.position)
    }

    /// Calls `each` with every guard that the name matches, and with how, if a pattern made it match.
    pub(super) fn find(
        &self,
        name: &str,
        patterns: &mut Patterns,
        mut each: impl FnMut(usize, Option<How>),
    ) {
        // As in `names::plain`, no branch for each octet.
        if !name.bytes().fold(false, |hides, octet| hides | may_hide(octet)) {
            return self.find_literal(name, Reach::Exact, each);
        }
        let Some(split) = Split::at_last_pattern(name) else {
            return self.find_literal(name, Reach::Exact, each);
        };
        if !split.literal.is_empty() {
            self.find_literal(split.literal, Reach::Tree, &mut each);
        }
        if split.before.is_empty() {
            self.find_below(&split, name.len(), patterns, each);
        } else {
            self.find_within(name, patterns, each);
        }
    }

    /// Guards that are suffixes of the name. With [`Reach::Tree`] there are more labels before it.
    fn find_literal(&self, name: &str, reach: Reach, mut each: impl FnMut(usize, Option<How>)) {
        let mut end = name.len();
        loop {
            let dot = name.as_bytes()[..end].iter().rposition(|&octet| octet == b'.');
            let start = dot.map_or(0, |dot| dot + 1);
            let suffix = &name[start..];
            if suffix.len() > self.longest {
                return;
            }
            if let Some(suffix) = self.suffixes.get(suffix) {
                if let Some(position) = suffix.tree {
                    each(position, None);
                }
                if let (Some(position), 0, Reach::Exact) = (suffix.exact, start, reach) {
                    each(position, None);
                }
            }
            let Some(dot) = dot else { return };
            end = dot;
        }
    }

    /// Guards that have a label of their own where the name has its pattern, and nothing before it.
    fn find_below(
        &self,
        split: &Split<'_>,
        name_octets: usize,
        patterns: &mut Patterns,
        mut each: impl FnMut(usize, Option<How>),
    ) {
        let Some(suffix) = self.suffixes.get(split.literal) else { return };
        for (label, position) in &suffix.below {
            if !patterns.spend(1) {
                return;
            }
            if let Some(how) = hides(split.pattern, label) {
                each(*position, Some(how));
                patterns.spend(name_octets);
            }
        }
    }

    /// Compares a name that has patterns after other labels with every guard.
    fn find_within(
        &self,
        name: &str,
        patterns: &mut Patterns,
        mut each: impl FnMut(usize, Option<How>),
    ) {
        for guarded in &self.all {
            let mut labels = name.rsplit('.');
            let mut strongest = None;
            let matches = guarded.name.rsplit('.').all(|guarded| {
                let Some(label) = labels.next() else { return false };
                if !patterns.spend(1) {
                    return false;
                }
                let how = hides(label, guarded);
                strongest = strongest.max(how);
                how.is_some() || label == guarded
            });
            if patterns.exhausted() {
                return;
            }
            let covered = guarded.reach == Reach::Tree || labels.next().is_none();
            // Without a pattern it is a suffix, which is found already.
            if matches && covered && strongest.is_some() {
                each(guarded.position, strongest);
                patterns.spend(name.len());
            }
        }
    }
}

/// A name cut around its last pattern: `a.*.example.org` is `a`, `*`, `example.org`.
struct Split<'a> {
    before: &'a str,
    pattern: &'a str,
    literal: &'a str,
}

impl<'a> Split<'a> {
    fn at_last_pattern(name: &'a str) -> Option<Self> {
        let mut literal = "";
        let mut rest = name;
        loop {
            let (before, label) = rest.rsplit_once('.').unwrap_or(("", rest));
            if is_pattern(label) {
                return Some(Self { before, pattern: label, literal });
            }
            if before.is_empty() {
                return None;
            }
            literal = &name[before.len() + 1..];
            rest = before;
        }
    }
}

/// Whether an octet occurs in patterns only.
fn may_hide(octet: u8) -> bool {
    matches!(octet, b'*' | b'?' | b'(' | b'<')
}

fn is_pattern(label: &str) -> bool {
    label.contains('*') || is_redacted(label)
}

/// Whether a label stands in the place of one that was not to be logged, or was not understood: `?`
/// (draft-strad-trans-redaction), `(PRIVATE)`, `<unparsable>`.
fn is_redacted(label: &str) -> bool {
    label == "?"
        || (label.starts_with('(') && label.ends_with(')'))
        || (label.starts_with('<') && label.ends_with('>'))
}

/// How a label of a certificate stands for a guarded one, if it is a pattern and does.
fn hides(label: &str, guarded: &str) -> Option<How> {
    if is_redacted(label) {
        return Some(How::Redacted);
    }
    (label.contains('*') && globs(label.as_bytes(), guarded.as_bytes())).then_some(How::Wildcard)
}

/// Whether `text` is `pattern` with each `*` replaced by any octets (RFC 9525 §6.3 allows one, and only a whole
/// label).
fn globs(pattern: &[u8], text: &[u8]) -> bool {
    // No host name has the characters of a longer one.
    if pattern.len() > LABEL_OCTETS_MAX {
        return false;
    }
    let (mut at, mut read) = (0, 0);
    let mut last_star = None;
    while read < text.len() {
        if pattern.get(at) == Some(&b'*') {
            last_star = Some((at, read));
            at += 1;
        } else if pattern.get(at) == Some(&text[read]) {
            at += 1;
            read += 1;
        } else if let Some((star, taken)) = last_star {
            last_star = Some((star, taken + 1));
            (at, read) = (star + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&octet| octet == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_octets() {
        for (pattern, text, expected) in [
            ("*", "www", true),
            ("*", "", true),
            ("w*", "www", true),
            ("*w", "www", true),
            ("w*w", "www", true),
            ("w*w", "w", false),
            ("f*b*r", "foobar", true),
            ("f*b*z", "foobar", false),
            ("**", "x", true),
            ("x", "xx", false),
        ] {
            assert_eq!(globs(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn a_name_is_cut_around_its_last_pattern() {
        for (name, expected) in [
            ("*.example.org", Some(("", "*", "example.org"))),
            ("a.f*.example.org", Some(("a", "f*", "example.org"))),
            ("?.*.org", Some(("?", "*", "org"))),
            ("*", Some(("", "*", ""))),
            ("a.*", Some(("a", "*", ""))),
            ("(a", None),
        ] {
            let split = Split::at_last_pattern(name);
            assert_eq!(split.map(|split| (split.before, split.pattern, split.literal)), expected);
        }
    }
}
