//! The last log list from each source, so that a start without network has one, if an old one.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::column::Millis;
use crate::error::StoreError;
use crate::store::{Reader, Store};

/// How old the list from a source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogListAge {
    /// Where it is from.
    pub source: String,
    /// When it was last served.
    pub kept_at: Timestamp,
}

impl Store {
    /// Keeps the list that `source` served now, in place of the one before.
    pub fn keep_log_list(
        &self,
        source: &str,
        bytes: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(|connection| {
            let mut upsert = connection.prepare_cached(
                "INSERT INTO log_list (source, kept_at, list) VALUES (?1, ?2, ?3)
                 ON CONFLICT (source) DO UPDATE SET kept_at = ?2, list = ?3",
            )?;
            upsert.execute((source, Millis(now), bytes))?;
            Ok(())
        })
    }
}

impl Reader {
    /// The last list that `source` served, and when.
    pub fn log_list(&self, source: &str) -> Result<Option<(Vec<u8>, Timestamp)>, StoreError> {
        self.read(|connection| {
            let mut select = connection
                .prepare_cached("SELECT list, kept_at FROM log_list WHERE source = ?1")?;
            Ok(select
                .query_row([source], |row| Ok((row.get(0)?, row.get::<_, Millis>(1)?.0)))
                .optional()?)
        })
    }
}

pub(crate) fn ages(connection: &Connection) -> Result<Vec<LogListAge>, StoreError> {
    let mut select =
        connection.prepare_cached("SELECT source, kept_at FROM log_list ORDER BY source")?;
    let ages = select.query_map([], |row| {
        Ok(LogListAge { source: row.get(0)?, kept_at: row.get::<_, Millis>(1)?.0 })
    })?;
    Ok(ages.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{at, fixture};

    #[test]
    fn the_last_list_of_each_source_is_kept() {
        let (_directory, store) = fixture();
        assert_eq!(store.reader().log_list("google").unwrap(), None);
        store.keep_log_list("google", b"old", at(1)).unwrap();
        store.keep_log_list("apple", b"", at(2)).unwrap();
        store.keep_log_list("google", b"new", at(3)).unwrap();
        assert_eq!(store.reader().log_list("google").unwrap(), Some((b"new".to_vec(), at(3))));
        let age = |source: &str, kept_at| LogListAge { source: source.into(), kept_at };
        assert_eq!(
            store.reader().status().unwrap().log_lists,
            [age("apple", at(2)), age("google", at(3))]
        );
    }
}
