//! Coverage is counted, and said.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;
use crate::probe::finding::ProbeFinding;
use crate::probe::observation::Family;
use crate::probe::service::{Opening, Protocol};

/// What a kind of probe saw, each so many hours before now, makes this state.
#[track_caller]
fn check(seen: &[(i64, Look)], state: &str) -> Row {
    let mut coverage = Coverage::of([(service(5222), stratum(5222, "tor"))]);
    for (hours_ago, look) in seen {
        count(&mut coverage, *hours_ago, look);
    }
    let [row] = coverage.rows(now()).try_into().unwrap();
    assert_eq!(row.state.as_str(), state, "{row}");
    row
}

fn count(coverage: &mut Coverage, hours_ago: i64, look: &Look) {
    let at = now() - SignedDuration::from_hours(hours_ago);
    coverage.count(&service(5222), &stratum(5222, "tor"), at, look);
}

fn service(port: u16) -> Service {
    let opening = if port == 5223 { Opening::Direct } else { Opening::StartTls };
    Service { domain: "xmpp.example".to_owned(), protocol: Protocol::Xmpp, opening, port }
}

fn stratum(port: u16, vantage: &str) -> Stratum {
    let (vantage, client) = (vantage.to_owned(), "profanity".to_owned());
    Stratum { vantage, client, port, family: Family::V4 }
}

fn now() -> Timestamp {
    "2026-11-29T12:30:00Z".parse().unwrap()
}

fn blind() -> Look {
    Look::Blind { why: "connection refused".to_owned() }
}

#[test]
fn what_nobody_looked_at_is_grey() {
    let row = check(&[], "not-probed");
    assert_eq!((row.recent.share_max(), row.delay_mean(1.0, 1.0)), (1.0, None));
    // What was looked at a month ago is as grey.
    let row = check(&[(24 * 30, Look::Expected)], "not-probed");
    assert_eq!((row.ever.expected, row.recent), (1, Tally::default()));
}

#[test]
fn what_was_looked_at_has_a_bound() {
    let row = check(&[(1, Look::Expected), (2, Look::Expected)], "looked");
    let State::Looked { probes, share_max } = row.state else { panic!("{row}") };
    assert_eq!((probes, format!("{share_max:.4}")), (2, "0.7764".to_owned()));
    assert_eq!(row.per_hour, 1.0);
    assert_eq!(row.delay_mean(0.1, 0.5), Some(SignedDuration::from_hours(20)));
}

#[test]
fn the_bound_of_this_week_does_not_profit_from_last_year() {
    let long_ago: Vec<_> = (1000..3000).map(|hours| (hours, Look::Expected)).collect();
    let row = check(&[long_ago, vec![(1, Look::Expected)]].concat(), "looked");
    assert_eq!((row.recent.expected, row.ever.expected), (1, 2001));
    assert!(row.recent.share_max() > 0.9 && row.ever.share_max() < 0.002);
}

#[test]
fn one_that_was_met_is_an_interception_for_a_week() {
    let looks = |hours| vec![(hours, Look::Met), (1, Look::Expected), (2, Look::Expected)];
    let row = check(&looks(3), "intercepted");
    let last = now() - SignedDuration::from_hours(3);
    assert_eq!(row.state, State::Intercepted { met: 1, probes: 3, last });
    check(&looks(24 * 7 - 1), "intercepted");
    let row = check(&looks(24 * 7 + 1), "looked");
    assert_eq!(row.ever.met, 1);
    // Nor is it forgotten because nobody can look any more.
    check(&[looks(5), vec![(1, blind()), (0, blind()), (0, blind())]].concat(), "intercepted");
}

#[test]
fn who_cannot_look_is_blind() {
    let row = check(&[(5, blind())], "blind");
    let since = now() - SignedDuration::from_hours(5);
    assert_eq!(row.state, State::Blind { since, why: "connection refused".to_owned() });
    // One failure is chance; three in a row are not, whatever was seen before.
    let looks: Vec<_> = (10..60).map(|hours| (hours, Look::Expected)).collect();
    check(&[looks.clone(), vec![(3, blind())]].concat(), "looked");
    let row =
        check(&[looks.clone(), vec![(3, blind()), (2, blind()), (1, blind())]].concat(), "blind");
    let State::Blind { since, .. } = row.state else { panic!("{row}") };
    assert_eq!(since, now() - SignedDuration::from_hours(3));
    // Who can look again is not.
    let again = vec![(3, blind()), (2, blind()), (1, blind()), (0, Look::Expected)];
    check(&[looks, again].concat(), "looked");
}

#[test]
fn what_is_wanted_and_what_is_seen_both_have_rows() {
    let mut coverage = Coverage::of([(service(5223), stratum(5223, "direct"))]);
    count(&mut coverage, 1, &Look::Expected);
    let states: Vec<_> = coverage.rows(now()).iter().map(|row| row.state.as_str()).collect();
    assert_eq!(states, ["not-probed", "looked"]);
}

#[test]
fn what_is_wrong_with_our_own_certificate_is_nobody_in_the_middle() {
    let look = |kind: Option<Kind>, key: Option<KeyVerdict>, sight: Sight| {
        let made =
            |kind| ProbeFinding::new(kind, &stratum(5222, "tor"), String::new(), String::new());
        Look::of(&Judged { sight, findings: kind.map(made).into_iter().collect(), key })
    };
    let unseen = || Sight::Blind { why: "connection refused".to_owned() };
    let foreign = || Some(KeyVerdict::Foreign { why: "nobody registered it".to_owned() });
    assert_eq!(look(None, Some(KeyVerdict::Ours), Sight::AsExpected), Look::Expected);
    assert_eq!(look(Some(Kind::Expired), Some(KeyVerdict::Ours), Sight::Found), Look::Expected);
    assert_eq!(look(Some(Kind::Expired), foreign(), Sight::Found), Look::Met);
    assert_eq!(look(Some(Kind::StartTlsStripped), None, unseen()), Look::Met);
    assert_eq!(look(Some(Kind::BindingRefused), Some(KeyVerdict::Ours), Sight::Found), Look::Met);
    assert_eq!(look(None, None, unseen()), blind());
    assert!(matches!(look(Some(Kind::Anonymous), None, Sight::Found), Look::Blind { .. }));
    let pending = || Sight::Pending { until: now() };
    let key = Some(KeyVerdict::Pending { until: now() });
    assert_eq!(look(None, key, pending()), Look::Pending);
}

#[test]
fn people_read_this() {
    let kinds = ["direct", "tor", "onion", "socks\u{1b}[31m"];
    let wanted = kinds.map(|vantage| (service(5222), stratum(5222, vantage)));
    let mut coverage =
        Coverage::of([wanted.to_vec(), vec![(service(5223), stratum(5223, "direct"))]].concat());
    let mut count = |vantage: &str, hours_ago: i64, look: Look| {
        let at = now() - SignedDuration::from_hours(hours_ago);
        coverage.count(&service(5222), &stratum(5222, vantage), at, &look);
    };
    for hours_ago in 0..1000 {
        count("direct", hours_ago, Look::Expected);
    }
    count("direct", 2, blind());
    for hours_ago in 0..20 {
        count("tor", hours_ago, if hours_ago < 3 { Look::Met } else { Look::Expected });
    }
    count("onion", 400, Look::Expected);
    for hours_ago in 0..3 {
        count("socks\u{1b}[31m", hours_ago, Look::Blind { why: "\u{202e}refused".to_owned() });
    }
    assert_snapshot!(coverage.to_text(now()), @r#"
    Of 5 kinds of probes: 1 met somebody, 1 cannot look, 2 not probed, 1 looked and met nobody.

    xmpp.example port 5223 (xmpp, direct) as profanity from direct, ipv4:
      not probed: nothing is known.

    xmpp.example port 5222 (xmpp, starttls) as profanity from direct, ipv4:
      168 probes in 7 days met nobody; 1 more could not look.
      95 % sure: at most 1.8 % of the connections like these were diverted; by all 1000 probes since 2026-10-18 21:30 UTC, at most 0.30 % in that time.
      At this rate, who begins to divert one in ten and knows every other probe for one is met after 20 hours on average.

    xmpp.example port 5222 (xmpp, starttls) as profanity from onion, ipv4:
      not probed since 2026-11-12 20:30 UTC: nothing is known of the time since.

    xmpp.example port 5222 (xmpp, starttls) as profanity from socks\u{1b}[31m, ipv4:
      BLIND since 2026-11-29 10:30 UTC: \u{202e}refused. Nothing is known of the time since.

    xmpp.example port 5222 (xmpp, starttls) as profanity from tor, ipv4:
      INTERCEPTED: 3 of 20 probes in 7 days met somebody, the last at 2026-11-29 12:30 UTC.
      95 % sure: between 4.2 % and 34.4 % of the connections like these were diverted.
      At this rate, who begins to divert one in ten and knows every other probe for one is met after 19 hours on average.

    Probes cannot see an interceptor who diverts only listed victims: the probes are not on his list, and meet him never, however many there are. What covers this: that every certificate he could use shows in CT, CAA records that name your ACME account, channel binding in the victim's own client, and the onion service.
    "#);
    assert_snapshot!(Coverage::default().to_text(now()).lines().next().unwrap(), @"Nothing is to be probed.");
}

proptest! {
    // In whatever order probes are counted, nobody is called fine who is not.
    #[test]
    fn the_order_of_counting_changes_no_count(seen in proptest::collection::vec((0_i64..400, 0_u8..3), 0..60)) {
        let look = |kind| match kind {
            0 => Look::Expected,
            1 => Look::Met,
            _ => blind(),
        };
        let made = |seen: &[(i64, u8)]| {
            let mut coverage = Coverage::of([(service(5222), stratum(5222, "tor"))]);
            for (hours_ago, kind) in seen {
                count(&mut coverage, *hours_ago, &look(*kind));
            }
            coverage.rows(now()).remove(0)
        };
        let row = made(&seen);
        let reversed: Vec<_> = seen.iter().rev().copied().collect();
        let other = made(&reversed);
        prop_assert_eq!((row.recent, row.ever, row.tried), (other.recent, other.ever, other.tried));
        let met = seen.iter().any(|(hours_ago, kind)| *kind == 1 && *hours_ago < 24 * 7);
        prop_assert_eq!(row.state.as_str() == "intercepted", met);
        let looked = matches!(row.state, State::Looked { .. });
        prop_assert!(!looked || row.recent.looked() > 0);
    }
}
