//! Spans of time as they are written: a whole number and its unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A span of time: `"500ms"`, `"5m"`, `"24h"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Period(pub(crate) Duration);

/// Each unit in milliseconds, the largest first.
const UNITS: [(&str, u64); 6] = [
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        milliseconds(text).map(|ms| Self(Duration::from_millis(ms))).ok_or_else(|| {
            format!(
                "{text:?} is not a span of time: a whole number and ms, s, m, h, d or w, as in \"5m\""
            )
        })
    }
}

/// A decimal number without sign or leading zeros, and a unit, with nothing between.
fn milliseconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    if number.len() > 1 && number.starts_with('0') {
        return None;
    }
    let (_, size) = UNITS.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*size)
}

/// In the largest unit that leaves a whole number.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.0.as_millis();
        if span == 0 {
            return f.write_str("0s");
        }
        let units = UNITS.map(|(unit, size)| (unit, u128::from(size)));
        let whole = |(_, size): &&(&str, u128)| span >= *size && span.is_multiple_of(*size);
        let (unit, size) = units.iter().find(whole).unwrap_or(&("ms", 1));
        write!(f, "{}{unit}", span / size)
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_are_written() {
        assert_eq!("5m".parse(), Ok(Period(Duration::from_secs(300))));
        assert_eq!("1500ms".parse(), Ok(Period(Duration::from_millis(1500))));
        for text in ["", "5", "m", "-5m", "+5m", "05m", "5 m", "5M", "1.5h", "99999999999999999w"] {
            assert!(text.parse::<Period>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_largest_whole_unit_is_shown() {
        let shown = [0, 90, 3_600, 86_400 * 14].map(|s| Period(Duration::from_secs(s)).to_string());
        assert_eq!(shown, ["0s", "90s", "1h", "2w"]);
    }

    proptest! {
        #[test]
        fn printing_and_parsing_agree(ms: u64) {
            let period = Period(Duration::from_millis(ms));
            prop_assert_eq!(period.to_string().parse(), Ok(period));
        }
    }
}
