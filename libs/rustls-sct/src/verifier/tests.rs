//! Of several refusals, the best.

use countersign_sct::log_list::State;
use countersign_sct::{Outcome, Verdict, Weighed};

use super::*;

fn refusal(worths: &[Worth]) -> Decision {
    let weighed =
        |worth: &Worth| Weighed { log_id: None, log: None, promised: None, worth: worth.clone() };
    let scts = worths.iter().map(weighed).collect();
    let verdict = Verdict { scts, needed: 2, outcome: Outcome::Missing(Vec::new()) };
    let reason = Reason::Judged(Arc::new(verdict));
    Decision { action: Action::Refuse, reason, warnings: Vec::new() }
}

#[test]
fn the_refusal_that_lacks_least_is_the_best_and_of_equals_the_first() {
    let counts = || Worth::Counted("One".to_owned());
    let none = refusal(&[Worth::UnknownLog, Worth::UntrustedLog(State::Pending)]);
    let one = refusal(&[Worth::UnknownLog, counts()]);
    let also_one = refusal(&[counts()]);
    assert_eq!(better(None, none.clone()), none);
    assert_eq!(better(Some(none.clone()), one.clone()), one);
    assert_eq!(better(Some(one.clone()), none), one);
    assert_eq!(better(Some(one.clone()), also_one), one);
}

#[test]
fn every_clock_has_a_time() {
    let at =
        |seconds| timestamp(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)));
    assert_eq!(at(0), Timestamp::UNIX_EPOCH);
    assert_eq!(at(u64::MAX), Timestamp::MAX);
}
