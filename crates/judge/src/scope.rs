//! A set of names, as rules and policies write it.
//!
//! To cover is stricter than to detect: a watchlist finds every certificate that *might* be good for a name, a
//! scope covers only what it says in so many words. `*.example.org` is covered by `.example.org` or by the item
//! `*.example.org`, never by `www.example.org`, although the watchlist would find it for that name too.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use countersign_ct::watchlist::{Guard, GuardError};

use crate::observation::Named;

/// A set of names. An item is one name (`example.org`), a name and all below it (`.example.org`), that wildcard
/// and nothing else (`*.example.org`), an address (`192.0.2.1`, `2001:db8::1`), or everything (`.`).
///
/// Printing one and parsing it again gives the same scope. The empty scope covers nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    everything: bool,
    /// Without the dot before them.
    trees: BTreeSet<String>,
    /// Names, wildcards and addresses.
    exact: BTreeSet<String>,
}

/// Why a text is no item of a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{item:?} is no name for a scope")]
pub struct ScopeError {
    /// What was written.
    pub item: String,
    /// What is wrong with it.
    #[source]
    pub why: GuardError,
}

impl Scope {
    /// The scope of these items. Upper case, U-labels and a dot at the end are allowed.
    pub fn new<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> Result<Self, ScopeError> {
        let mut scope = Self::default();
        for item in items {
            let item = item.as_ref();
            scope.add(item).map_err(|why| ScopeError { item: item.to_owned(), why })?;
        }
        Ok(scope)
    }

    /// Every name there is.
    pub fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    fn add(&mut self, item: &str) -> Result<(), GuardError> {
        let item = item.trim();
        if let Some(parent) = item.strip_prefix("*.") {
            let parent = Guard::parse(parent)?.to_string();
            let is_name = !parent.starts_with('.') && parent.parse::<IpAddr>().is_err();
            if !is_name {
                return Err(GuardError::Wildcard);
            }
            self.exact.insert(format!("*.{parent}"));
            return Ok(());
        }
        let guard = Guard::parse(item)?.to_string();
        match guard.strip_prefix('.') {
            Some("") => self.everything = true,
            Some(tree) => {
                self.trees.insert(tree.to_owned());
            }
            None => {
                self.exact.insert(guard);
            }
        }
        Ok(())
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        !self.everything && self.trees.is_empty() && self.exact.is_empty()
    }

    /// Its items, each as [`Scope::new`] takes it, in the order in which they are printed.
    pub fn items(&self) -> impl Iterator<Item = String> {
        let everything = self.everything.then(|| ".".to_owned());
        let trees = self.trees.iter().map(|tree| format!(".{tree}"));
        everything.into_iter().chain(trees).chain(self.exact.iter().cloned())
    }

    /// Whether a name, a wildcard name or an address is in the set: as [`countersign_ct::names`] gives it, or in
    /// upper case or with a dot at the end. U-labels are covered by nothing but trees above them.
    pub fn covers(&self, name: &str) -> bool {
        if self.everything {
            return true;
        }
        if name.bytes().any(|octet| octet.is_ascii_uppercase()) || name.ends_with('.') {
            let lower = name.to_ascii_lowercase();
            return self.covers_normal(lower.strip_suffix('.').unwrap_or(&lower));
        }
        self.covers_normal(name)
    }

    fn covers_normal(&self, name: &str) -> bool {
        // What is empty, or has an empty label, is no name, and nobody can have meant it.
        if name.split('.').any(str::is_empty) {
            return false;
        }
        self.exact.contains(name) || suffixes(name).any(|suffix| self.trees.contains(suffix))
    }

    /// Whether every name of another scope is in this one.
    pub fn holds(&self, other: &Self) -> bool {
        self.everything
            || (!other.everything
                && other.trees.iter().all(|tree| self.holds_tree(tree))
                && other.exact.iter().all(|name| self.covers_normal(name)))
    }

    fn holds_tree(&self, tree: &str) -> bool {
        self.everything || suffixes(tree).any(|suffix| self.trees.contains(suffix))
    }

    /// Whether a guarded name is in the set, given how it was found.
    ///
    /// A name that was found by a doubtful reading alone may not be the one that a client would read there. So the
    /// set must hold, as a tree, all that the guard is for.
    pub fn covers_named(&self, named: &Named) -> bool {
        if !named.is_doubtful() {
            return self.covers(&named.name);
        }
        if self.everything {
            return true;
        }
        match named.guard.strip_prefix('.') {
            Some("") => false,
            Some(tree) => self.holds_tree(tree),
            None => self.holds_tree(&named.guard),
        }
    }

    /// Whether a guarded name may have to do with this set. Looser than [`Scope::covers_named`], since a policy is
    /// to be broken by every name that could be meant: wildcards touch what they could stand for, and a doubtful
    /// reading touches all that its guard is for.
    pub fn touches(&self, named: &Named) -> bool {
        self.covers_named(named)
            || self.covers(&named.name)
            || self.names().any(|(name, reach)| could_stand_for(&named.name, name, reach))
            || (named.is_doubtful() && self.overlaps(&named.guard))
    }

    /// Whether a guard has a name in this set.
    fn overlaps(&self, guard: &str) -> bool {
        match guard.strip_prefix('.') {
            Some("") => !self.is_empty(),
            Some(tree) => {
                self.holds_tree(tree)
                    || self.names().any(|(name, _)| suffixes(name).any(|suffix| suffix == tree))
            }
            None => self.covers(guard),
        }
    }

    /// The names in it, with how far each reaches. Wildcards among them stand for themselves.
    fn names(&self) -> impl Iterator<Item = (&str, Reach)> {
        let trees = self.trees.iter().map(|tree| (tree.as_str(), Reach::Tree));
        trees.chain(self.exact.iter().map(|name| (name.as_str(), Reach::Exact)))
    }
}

/// How far an item reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Exact,
    Tree,
}

/// The name, then the name without its first label, and so on to the last label.
fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, parent)| parent))
}

/// Whether a name with patterns in it could stand for a name in a scope. A label with a pattern in it is taken to
/// stand for any label.
fn could_stand_for(pattern: &str, name: &str, reach: Reach) -> bool {
    let mut labels = pattern.rsplit('.');
    let all = name
        .rsplit('.')
        .all(|label| labels.next().is_some_and(|other| is_pattern(other) || other == label));
    all && (reach == Reach::Tree || labels.next().is_none())
}

/// Whether a name, or a label, stands for others: no host name has one of these characters.
pub(crate) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '(', '<'])
}

/// Its items with a space between them.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, item) in self.items().enumerate() {
            let space = if position > 0 { " " } else { "" };
            write!(f, "{space}{item}")?;
        }
        Ok(())
    }
}

/// Items with spaces or commas between them.
impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let separates = |c: char| c == ',' || c.is_whitespace();
        Self::new(text.split(separates).filter(|item| !item.is_empty()))
    }
}

#[cfg(test)]
mod tests;
