//! Numbers, days and spans of time as people read them.

use std::time::Duration;

/// `1,034,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// The day of a time as JSON has it.
pub(crate) fn day(time: Option<&str>) -> Option<&str> {
    time?.split_once('T').map(|(day, _)| day)
}

/// A span of time by its two largest units: `4d 2h`, `12m 5s`, `45s`, `0s`.
pub(crate) fn rough(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let largest = units.iter().position(|(_, size)| seconds >= *size).unwrap_or(3);
    let (mut rest, mut parts) = (seconds, Vec::new());
    for (unit, size) in units.iter().skip(largest).take(2) {
        if rest >= *size || parts.is_empty() {
            parts.push(format!("{}{unit}", rest / size));
        }
        rest %= size;
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        let shown = [0, 999, 1_000, 1_234_567].map(count);
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn days_end_at_their_time() {
        let shown = [Some("2026-11-24T12:00:00Z"), Some("-000001-01-01T00:00:00Z"), None].map(day);
        assert_eq!(shown, [Some("2026-11-24"), Some("-000001-01-01"), None]);
    }

    #[test]
    fn two_units_are_enough() {
        let shown = [0, 45, 60, 725, 7_205, 90_061].map(|s| rough(Duration::from_secs(s)));
        assert_eq!(shown, ["0s", "45s", "1m", "12m 5s", "2h", "1d 1h"]);
    }
}
