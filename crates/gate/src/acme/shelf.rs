//! A map that holds so much and no more: what was put there first goes first.

use std::collections::{HashMap, VecDeque};

/// Values by their URL. A URL that was dropped is unknown again, which is refused and never guessed.
#[derive(Debug)]
pub(super) struct Shelf<V> {
    values: HashMap<String, V>,
    order: VecDeque<String>,
    most: usize,
}

impl<V> Shelf<V> {
    pub(super) fn new(most: usize) -> Self {
        Self { values: HashMap::new(), order: VecDeque::new(), most }
    }

    pub(super) fn get(&self, url: &str) -> Option<&V> {
        self.values.get(url)
    }

    pub(super) fn get_mut(&mut self, url: &str) -> Option<&mut V> {
        self.values.get_mut(url)
    }

    /// Puts a value in its place, or in that of the one that is there.
    pub(super) fn put(&mut self, url: &str, value: V) {
        if self.values.insert(url.to_owned(), value).is_some() {
            return;
        }
        self.order.push_back(url.to_owned());
        if self.order.len() > self.most
            && let Some(oldest) = self.order.pop_front()
        {
            self.values.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, url: &str) {
        if self.values.remove(url).is_some() {
            self.order.retain(|kept| kept != url);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_first() {
        let mut shelf = Shelf::new(2);
        for (url, value) in [("a", 1), ("b", 2), ("a", 3), ("c", 4)] {
            shelf.put(url, value);
        }
        assert_eq!([shelf.get("a"), shelf.get("b"), shelf.get("c")], [None, Some(&2), Some(&4)]);
        shelf.remove("b");
        shelf.put("d", 5);
        assert_eq!([shelf.get("b"), shelf.get("c"), shelf.get("d")], [None, Some(&4), Some(&5)]);
    }
}
