//! How times, sizes and hashes stand in a column.

use jiff::{SignedDuration, Timestamp};
use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

use crate::error::StoreError;

/// A time, as milliseconds since 1970. What is finer is cut off.
pub(crate) struct Millis(pub(crate) Timestamp);

impl ToSql for Millis {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.as_millisecond().into())
    }
}

impl FromSql for Millis {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let ms = value.as_i64()?;
        // Not `from_millisecond`, which refuses the last 999 milliseconds of the calendar: `Timestamp::MAX`, which
        // stands for never, is among them.
        let time = Timestamp::from_duration(SignedDuration::from_millis(ms));
        time.map(Self).map_err(|_| FromSqlError::OutOfRange(ms))
    }
}

/// A size, an index or a count, bit for bit: a log may claim a tree of more than 2^63 leaves, and that claim
/// must come back as it was made.
pub(crate) struct Unsigned(pub(crate) u64);

impl ToSql for Unsigned {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.cast_signed().into())
    }
}

impl FromSql for Unsigned {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_i64().map(|signed| Self(signed.cast_unsigned()))
    }
}

/// Hashes, one after another, as `as_flattened` writes them.
pub(crate) struct Hashes(pub(crate) Vec<[u8; 32]>);

impl FromSql for Hashes {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() {
            return Err(FromSqlError::InvalidBlobSize { expected_size: 32, blob_size: rest.len() });
        }
        Ok(Self(hashes.to_vec()))
    }
}

/// The id that a page of a list begins after, as SQLite compares it: none of its own is larger than 2^63 - 1.
pub(crate) fn after(id: Option<u64>) -> i64 {
    i64::try_from(id.unwrap_or(0)).unwrap_or(i64::MAX)
}

/// A column holds a word that this version does not know.
pub(crate) fn damaged(of: &str, column: &str, value: &str) -> StoreError {
    StoreError::Damaged { what: format!("{of} has {value:?} as its {column}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(time: Timestamp, expected: &str) {
        let ToSqlOutput::Owned(value) = Millis(time).to_sql().unwrap() else { panic!("a number") };
        assert_eq!(Millis::column_result((&value).into()).unwrap().0.to_string(), expected);
    }

    #[test]
    fn the_first_time_and_the_last_read_back() {
        check(Timestamp::MIN, "-009999-01-02T01:59:59Z");
        check(Timestamp::MAX, "9999-12-30T22:00:00.999Z");
        for ms in [i64::MIN, i64::MAX, Timestamp::MAX.as_millisecond() + 1] {
            assert!(Millis::column_result(ValueRef::Integer(ms)).is_err());
        }
    }
}
