//! How times, sizes and hashes stand in a column.

use jiff::Timestamp;
use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

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
        Timestamp::from_millisecond(ms).map(Self).map_err(|_| FromSqlError::OutOfRange(ms))
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
