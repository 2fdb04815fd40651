//! Tables with commas between their fields (RFC 4180), read strictly.

/// The most fields of a row. The report that is read has four.
const FIELDS_MAX: usize = 64;
/// The longest field, in bytes.
const FIELD_BYTES_MAX: usize = 1 << 14;
/// The most rows: five times what all CA certificates that were ever disclosed take.
const ROWS_MAX: usize = 100_000;

/// Why a text is no such table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsvError {
    /// A quote stands inside a field that does not begin with one, or something follows the one at its end.
    #[error("row {0}: a quote is not where it can be")]
    Quote(usize),
    /// The text ends inside quotes.
    #[error("row {0}: it ends inside quotes")]
    CutOff(usize),
    /// Not all rows have as many fields as the first.
    #[error("row {0}: it has more or fewer fields than the first")]
    Width(usize),
    /// A limit was met.
    #[error("row {0}: there is too much of it")]
    TooMuch(usize),
}

/// All rows with their fields, the first being the heading. Every row has as many fields as that. Lines end with LF,
/// or CR and LF; fields in quotes may hold both.
pub(super) fn read(text: &str) -> Result<Vec<Vec<String>>, CsvError> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let number = rows.len() + 1;
        if number > ROWS_MAX {
            return Err(CsvError::TooMuch(number));
        }
        let mut row = Vec::new();
        loop {
            let (field, end, after) = field(rest, number)?;
            rest = after;
            if row.len() == FIELDS_MAX || field.len() > FIELD_BYTES_MAX {
                return Err(CsvError::TooMuch(number));
            }
            row.push(field);
            match end {
                End::Field => {}
                End::Row => break,
            }
        }
        if rows.first().is_some_and(|first| first.len() != row.len()) {
            return Err(CsvError::Width(number));
        }
        rows.push(row);
    }
    Ok(rows)
}

/// What follows a field.
enum End {
    Field,
    Row,
}

/// The first field of a text, what ends it, and what follows that.
fn field(text: &str, row: usize) -> Result<(String, End, &str), CsvError> {
    let (field, after) = match text.strip_prefix('"') {
        Some(quoted) => within_quotes(quoted, row)?,
        None => {
            let length = text.find([',', '\n']).unwrap_or(text.len());
            let (field, after) = text.split_at(length);
            // The CR belongs to the end of the line.
            let (field, after) = match field.strip_suffix('\r') {
                Some(shorter) if !after.starts_with(',') => (shorter, &text[shorter.len()..]),
                Some(_) | None => (field, after),
            };
            if field.contains('"') {
                return Err(CsvError::Quote(row));
            }
            (field.to_owned(), after)
        }
    };
    if let Some(after) = after.strip_prefix(',') {
        return Ok((field, End::Field, after));
    }
    let after_cr = after.strip_prefix('\r').unwrap_or(after);
    match after_cr.strip_prefix('\n') {
        Some(after) => Ok((field, End::Row, after)),
        None if after_cr.is_empty() => Ok((field, End::Row, "")),
        None => Err(CsvError::Quote(row)),
    }
}

/// A field behind its first quote, up to the one at its end; two in a row stand for one.
fn within_quotes(text: &str, row: usize) -> Result<(String, &str), CsvError> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"').ok_or(CsvError::CutOff(row))?;
        field.push_str(before);
        if field.len() > FIELD_BYTES_MAX {
            return Err(CsvError::TooMuch(row));
        }
        match after.strip_prefix('"') {
            Some(after) => {
                field.push('"');
                rest = after;
            }
            None => return Ok((field, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&[&[&str]], CsvError>) {
        let expected = expected.map(|rows| {
            rows.iter()
                .map(|row| row.iter().map(|it| (*it).to_owned()).collect())
                .collect::<Vec<_>>()
        });
        assert_eq!(read(text), expected, "{text:?}");
    }

    #[test] // RFC 4180 §2
    fn the_rules_are_followed() {
        check("", Ok(&[]));
        check("a,b\nc,d", Ok(&[&["a", "b"], &["c", "d"]]));
        check("a,b\r\nc,\r\n", Ok(&[&["a", "b"], &["c", ""]]));
        check("\"a,\"\"b\"\"\r\nc\",d\n", Ok(&[&["a,\"b\"\r\nc", "d"]]));
        check("\"\",\"\"", Ok(&[&["", ""]]));
        check("a\n\"b\"\r\n", Ok(&[&["a"], &["b"]]));
    }

    #[test]
    fn what_breaks_them_is_refused() {
        check("a\"b\n", Err(CsvError::Quote(1)));
        check("a\n\"b\"c\n", Err(CsvError::Quote(2)));
        check("a\n\"b", Err(CsvError::CutOff(2)));
        check("a,b\nc\n", Err(CsvError::Width(2)));
        check("a\nb,c", Err(CsvError::Width(2)));
        check(&",".repeat(FIELDS_MAX), Err(CsvError::TooMuch(1)));
        check(&"a".repeat(FIELD_BYTES_MAX + 1), Err(CsvError::TooMuch(1)));
        check(&format!("\"{}\"", "a".repeat(FIELD_BYTES_MAX + 1)), Err(CsvError::TooMuch(1)));
        check(&"a\n".repeat(ROWS_MAX + 1), Err(CsvError::TooMuch(ROWS_MAX + 1)));
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(rows in prop::collection::vec(prop::collection::vec("[a,\"\r\n ]{0,5}", 3..4), 1..5)) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(",");
            let text: String = rows.iter().map(|row| line(row) + "\r\n").collect();
            prop_assert_eq!(read(&text), Ok(rows));
        }

        #[test]
        fn any_text_is_a_table_or_not(text in "[a,\"\r\n]{0,40}") {
            if let Ok(rows) = read(&text) {
                prop_assert!(rows.iter().all(|row| row.len() == rows[0].len()));
            }
        }
    }
}
