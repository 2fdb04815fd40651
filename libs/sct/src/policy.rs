//! What browsers ask of the SCTs of a certificate, and what this project asks: as data.
//!
//! | | SCTs, by lifetime | operators | of a retired log | list at most |
//! |---|---|---|---|---|
//! | [`CHROME`] | 2 to 180 days, then 3 | 2, by the time of the SCT | before the retirement | 70 days |
//! | [`MOZILLA`] | the same | 2, as of today | the same | 70 days |
//! | [`APPLE`] | the same, and of one operator at most 1, then 2 | 2 | the same | no limit known |
//! | [`COUNTERSIGN`] | the same as Chrome | 2, by both | | see [`crate::enforcer::Ladder`] |
//!
//! All of them want at least one SCT of a log that is trusted today, and count a log once. They are compared on
//! embedded SCTs alone: those are what a client gets from every TLS library (RFC 6962 §3.3).
//!
//! Sources: Chrome's ct_policy.md and chrome_ct_policy_enforcer.cc (July 2026), Apple's support.apple.com/103214,
//! Firefox's CTPolicyEnforcer.cpp (August 2026).

use jiff::{SignedDuration, Timestamp};

/// A rule about SCTs. [`crate::judge`] holds a certificate against one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name, for people.
    pub name: &'static str,
    /// How many SCTs are needed, by lifetime: the first row that the lifetime fits counts, the last fits all.
    pub rows: &'static [Row],
    /// How a lifetime is measured.
    pub lifetime: Lifetime,
    /// Different operators among the SCTs that count.
    pub operators_min: usize,
    /// Whose a log was when it made the SCT, or whose it is.
    pub operator: OperatorOf,
    /// SCTs that must be of logs with the API of RFC 6962.
    pub rfc6962_min: usize,
    /// How far in the future an SCT may be: clocks are wrong, those of clients more than those of logs.
    pub future_max: SignedDuration,
    /// Certificates that begin before this are left alone.
    pub from: Option<Timestamp>,
}

/// How many SCTs a certificate needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// For lifetimes up to this one.
    pub lifetime_max: SignedDuration,
    /// SCTs, each of another log.
    pub scts: usize,
    /// No more than so many of one operator count.
    pub of_one_operator_max: usize,
}

/// How a lifetime is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// `notAfter` less `notBefore`.
    Difference,
    /// One second more: both ends are in it (RFC 5280 §4.1.2.5).
    Inclusive,
}

/// Whose SCT it is when a log has changed hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorOf {
    /// Of who ran the log when it made the SCT.
    Promise,
    /// Of who runs it.
    Today,
    /// Of both. Two SCTs are of different operators only if they are so at either time: a log says itself when it
    /// promised, and who has bought one could date back.
    Both,
}

impl Policy {
    /// What is needed by a certificate that is valid from the first time to the second.
    pub fn row(&self, (from, to): (Timestamp, Timestamp)) -> Row {
        let lifetime = match self.lifetime {
            Lifetime::Difference => to.duration_since(from),
            Lifetime::Inclusive => to.duration_since(from) + SignedDuration::from_secs(1),
        };
        let last = *self.rows.last().expect("a policy has a row");
        self.rows.iter().copied().find(|row| lifetime <= row.lifetime_max).unwrap_or(last)
    }
}

const DAY_S: i64 = 86_400;
const DAYS_180: SignedDuration = SignedDuration::from_secs(180 * DAY_S);

/// Two SCTs for up to 180 days, three for more.
const ROWS: &[Row] = &[
    Row { lifetime_max: DAYS_180, scts: 2, of_one_operator_max: usize::MAX },
    Row { lifetime_max: SignedDuration::MAX, scts: 3, of_one_operator_max: usize::MAX },
];

/// Chrome's, for embedded SCTs.
pub const CHROME: Policy = Policy {
    name: "Chrome",
    rows: ROWS,
    lifetime: Lifetime::Difference,
    operators_min: 2,
    operator: OperatorOf::Promise,
    rfc6962_min: 0,
    future_max: SignedDuration::ZERO,
    // 2018-05-01T00:00:00Z: Chrome demands SCTs of what was issued since.
    from: Some(Timestamp::constant(1_525_132_800, 0)),
};

/// Firefox's, since version 135, for embedded SCTs.
pub const MOZILLA: Policy =
    Policy { name: "Firefox", operator: OperatorOf::Today, from: None, ..CHROME };

/// Apple's, for embedded SCTs.
pub const APPLE: Policy = Policy {
    name: "Apple",
    rows: &[
        Row { lifetime_max: DAYS_180, scts: 2, of_one_operator_max: 1 },
        Row { lifetime_max: SignedDuration::MAX, scts: 3, of_one_operator_max: 2 },
    ],
    lifetime: Lifetime::Inclusive,
    rfc6962_min: 1,
    from: None,
    ..CHROME
};

/// What this project asks: Chrome's rule, so that whatever works in a browser works here, for certificates of
/// any age, and with a day of patience for clocks that are late: an SCT from the future is a promise all the same.
pub const COUNTERSIGN: Policy = Policy {
    name: "Countersign",
    operator: OperatorOf::Both,
    future_max: SignedDuration::from_secs(DAY_S),
    from: None,
    ..CHROME
};
