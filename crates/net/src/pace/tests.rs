use proptest::prelude::*;

use super::*;

const START: Timestamp = Timestamp::UNIX_EPOCH;
const LATENCY: Duration = Duration::from_millis(50);
const HOUR: Duration = Duration::from_secs(3600);

/// A server that allows `rate` requests a second, and `burst` at once after a rest.
#[derive(Clone)]
struct Server {
    rate: f64,
    burst: f64,
    retry_after: Option<Duration>,
    tokens: f64,
    at: Timestamp,
}

impl Server {
    fn new(rate: f64, burst: f64, retry_after: Option<Duration>) -> Self {
        Self { rate, burst, retry_after, tokens: burst, at: START }
    }

    fn takes(&mut self, now: Timestamp) -> bool {
        self.tokens = (self.tokens + self.rate * seconds_between(self.at, now)).min(self.burst);
        self.at = now;
        let takes = self.tokens >= 1.0;
        if takes {
            self.tokens -= 1.0;
        }
        takes
    }
}

/// What came of the requests of some span of time.
#[derive(Debug, Default)]
struct Tally {
    answered: u32,
    refused: u32,
}

impl Tally {
    fn refused_part(&self) -> f64 {
        f64::from(self.refused) / f64::from(self.refused + self.answered).max(1.0)
    }
}

/// Logs of one operator, each read as fast as its paces allow, one request at a time.
struct Readers {
    now: Timestamp,
    logs: Vec<(Pace, Timestamp)>,
    operator: Pace,
}

impl Readers {
    fn new(logs: usize) -> Self {
        let logs = vec![(Pace::of_log(Rates::default()), START); logs];
        Self { now: START, logs, operator: Pace::of_operator(Rates::default()) }
    }

    /// Reads for `span`, each log from the server that `server_of` names.
    fn read(&mut self, span: Duration, servers: &mut [Server]) -> Tally {
        let (end, mut tally) = (after(self.now, span), Tally::default());
        loop {
            let (operator, now) = (&self.operator, self.now);
            let ready = |(log, idle): &(Pace, Timestamp)| {
                log.ready_at(now).max(operator.ready_at(now)).max(*idle)
            };
            let next = self.logs.iter().enumerate().min_by_key(|(_, log)| ready(log));
            let (index, sent) = next.map(|(index, log)| (index, ready(log))).unwrap();
            if sent >= end {
                self.now = end;
                return tally;
            }
            let server = index % servers.len();
            let takes = servers[server].takes(sent);
            let done = after(sent, LATENCY);
            let (log, idle) = &mut self.logs[index];
            let mut paces = Paces { log, operator: &mut self.operator };
            paces.on_request(sent);
            if takes {
                tally.answered += 1;
                paces.on_success(done);
            } else {
                tally.refused += 1;
                paces.on_throttle(done, servers[server].retry_after);
            }
            (*idle, self.now) = (done, sent);
        }
    }
}

/// One log: ten minutes to learn without hammering, an hour in all to settle, then six hours with at least
/// 80 % of what the server allows, and at most 5 % of the requests refused.
fn check(rate: f64, burst: f64, retry_after: Option<Duration>) {
    let (mut readers, mut servers) = (Readers::new(1), [Server::new(rate, burst, retry_after)]);
    let learning = readers.read(Duration::from_secs(600), &mut servers);
    readers.read(HOUR, &mut servers);
    let tally = readers.read(6 * HOUR, &mut servers);
    let used = f64::from(tally.answered) / (rate * 6.0 * 3600.0);
    let what = format!("{rate}/s, burst {burst}, {retry_after:?}: used {used:.3}, then {tally:?}");
    assert!(used >= 0.8, "{what}");
    assert!(tally.refused_part() <= 0.05, "{what}");
    assert!(learning.refused <= 20, "{what}; while learning {learning:?}");
}

#[test]
fn finds_the_rate_of_a_server_that_names_no_wait() {
    for rate in [0.15, 0.5, 1.0, 3.0, 10.0] {
        for burst in [1.0, 10.0, 100.0] {
            check(rate, burst, None);
        }
    }
}

#[test]
fn finds_the_rate_of_a_server_that_sends_us_away_for_long() {
    for rate in [0.15, 1.0, 10.0] {
        for wait in [1, 10, 60] {
            for burst in [1.0, 20.0] {
                check(rate, burst, Some(Duration::from_secs(wait)));
            }
        }
    }
}

#[test]
fn an_unlimited_server_is_read_as_fast_as_it_answers() {
    let (mut readers, mut servers) = (Readers::new(1), [Server::new(1e6, 1e6, None)]);
    readers.read(Duration::from_secs(120), &mut servers);
    let tally = readers.read(Duration::from_secs(100), &mut servers);
    assert!(tally.answered >= 1900, "{tally:?} of the 2000 that 50 ms of latency permit");
}

#[test]
fn a_limit_that_is_raised_is_found() {
    let (mut readers, mut servers) = (Readers::new(1), [Server::new(0.5, 5.0, None)]);
    readers.read(HOUR, &mut servers);
    servers[0].rate = 8.0;
    readers.read(HOUR, &mut servers);
    let tally = readers.read(HOUR, &mut servers);
    assert!(f64::from(tally.answered) >= 0.8 * 8.0 * 3600.0, "{tally:?}");
}

#[test]
fn a_limit_that_is_lowered_is_kept() {
    let (mut readers, mut servers) = (Readers::new(1), [Server::new(10.0, 10.0, None)]);
    readers.read(HOUR, &mut servers);
    servers[0].rate = 0.5;
    let tally = readers.read(Duration::from_secs(600), &mut servers);
    assert!(tally.refused <= 20, "{tally:?}");
    let tally = readers.read(6 * HOUR, &mut servers);
    assert!(
        tally.refused_part() <= 0.05 && f64::from(tally.answered) >= 0.8 * 0.5 * 21_600.0,
        "{tally:?}"
    );
}

#[test]
fn logs_with_a_common_limit_share_it() {
    let (mut readers, mut servers) = (Readers::new(8), [Server::new(6.0, 6.0, None)]);
    readers.read(HOUR, &mut servers);
    let tally = readers.read(6 * HOUR, &mut servers);
    let used = f64::from(tally.answered) / (6.0 * 6.0 * 3600.0);
    assert!(used >= 0.8 && tally.refused_part() <= 0.05, "used {used:.3}, {tally:?}");
}

#[test]
fn logs_with_limits_of_their_own_do_not_slow_each_other_down() {
    let rates = [0.5, 2.0, 4.0, 8.0];
    let mut servers = rates.map(|rate| Server::new(rate, 5.0, None));
    let mut readers = Readers::new(rates.len());
    readers.read(HOUR, &mut servers);
    let tally = readers.read(6 * HOUR, &mut servers);
    let used = f64::from(tally.answered) / (14.5 * 6.0 * 3600.0);
    assert!(used >= 0.8 && tally.refused_part() <= 0.05, "used {used:.3}, {tally:?}");
}

#[test]
fn an_outage_backs_off_and_ends_with_the_rate_as_before() {
    let (mut pace, mut now) = (Pace::of_log(Rates::default()), START);
    for _ in 0..100 {
        now = pace.ready_at(now);
        pace.on_request(now);
        pace.on_success(now);
    }
    let (rate, outage_end, mut attempts) = (pace.rate(), after(now, HOUR), 0);
    while now < outage_end {
        now = pace.ready_at(now);
        pace.on_request(now);
        pace.on_failure(now, 0.5);
        attempts += 1;
    }
    assert!((20..=40).contains(&attempts), "{attempts} attempts in an hour without answer");
    now = pace.ready_at(now);
    assert!(now <= after(outage_end, 2 * BACKOFF_MAX));
    pace.on_request(now);
    pace.on_success(now);
    assert!(pace.rate() >= rate && pace.ready_at(now) <= after(now, Duration::from_secs(1)));
}

#[test]
fn requests_already_under_way_are_one_refusal() {
    let mut pace = Pace::of_log(Rates::default());
    for _ in 0..5 {
        pace.on_request(START);
    }
    assert_eq!(pace.on_throttle(START, None), Refusal::Expected);
    let rate = pace.rate();
    for _ in 0..4 {
        assert_eq!(pace.on_throttle(START, Some(Duration::from_secs(30))), Refusal::Expected);
    }
    assert_eq!(pace.rate(), rate);
    assert_eq!(pace.ready_at(START), after(START, Duration::from_secs(30)));
}

#[test]
fn tailing_a_log_does_not_raise_its_rate() {
    let (mut pace, mut now) = (Pace::of_log(Rates::default()), START);
    for _ in 0..1000 {
        now = after(now, Duration::from_secs(60));
        assert_eq!(pace.ready_at(now), now);
        pace.on_request(now);
        pace.on_success(now);
    }
    assert!(pace.rate() < 2.0 * RATE_LOG_START, "{}", pace.rate());
}

/// Anything that can happen to a pace.
#[derive(Clone, Debug)]
enum Event {
    Wait(u64),
    Request,
    Success,
    Throttle(Option<u64>),
    Failure(f64),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0_u64..1_000_000).prop_map(Event::Wait),
        Just(Event::Request),
        Just(Event::Success),
        proptest::option::of(0_u64..10_000).prop_map(Event::Throttle),
        (0.0..=1.0).prop_map(Event::Failure),
    ]
}

proptest! {
    /// Whatever happens, the rate keeps its limits, and nobody is kept away for longer than what was asked
    /// for or the named bounds allow.
    #[test]
    fn keeps_its_bounds(events in proptest::collection::vec(event(), 0..300)) {
        let (mut pace, mut now) = (Pace::of_log(Rates::default()), START);
        for event in events {
            let mut wait_max = PAUSE_MAX.max(BACKOFF_MAX);
            match event {
                Event::Wait(milliseconds) => now = after(now, Duration::from_millis(milliseconds)),
                Event::Request => {
                    now = pace.ready_at(now);
                    pace.on_request(now);
                }
                Event::Success => pace.on_success(now),
                Event::Throttle(seconds) => {
                    let retry_after = seconds.map(Duration::from_secs);
                    let before = pace.ready_at(now).duration_since(now).unsigned_abs();
                    pace.on_throttle(now, retry_after);
                    wait_max = wait_max.max(retry_after.unwrap_or_default()).max(before);
                }
                Event::Failure(jitter) => {
                    let before = pace.ready_at(now).duration_since(now).unsigned_abs();
                    pace.on_failure(now, jitter);
                    wait_max = wait_max.max(before);
                }
            }
            prop_assert!((RATE_MIN..=RATE_LOG_MAX).contains(&pace.rate()));
            if !matches!(event, Event::Wait(_) | Event::Request | Event::Success) {
                let wait = pace.ready_at(now).duration_since(now).unsigned_abs();
                prop_assert!(wait <= wait_max, "{wait:?} after {event:?}");
            }
        }
    }

    /// Full jitter: the wait is `jitter` of a bound that doubles up to its maximum.
    #[test]
    fn backoff_is_jitter_of_a_doubling_bound(jitter in 0.0..=1.0, failures in 1_u32..40) {
        let mut pace = Pace::of_log(Rates::default());
        let mut now = START;
        for _ in 1..failures {
            pace.on_failure(now, 0.0);
            now = pace.ready_at(now);
        }
        pace.on_failure(now, jitter);
        let bound = BACKOFF_MIN.saturating_mul(2_u32.saturating_pow(failures - 1)).min(BACKOFF_MAX);
        prop_assert_eq!(pace.ready_at(now), after(now, bound.mul_f64(jitter)));
    }
}
