//! A recorded resolution: its questions come before their answers, and its network answers or is silent.
#![no_main]

// One part of the command alone: the whole would bring everything that it runs.
#[path = "../../crates/countersign/src/conformance"]
mod conformance {
    #[allow(dead_code, reason = "only the reading and the network are tried here")]
    mod replay;

    use replay::{Replay, Step};

    libfuzzer_sys::fuzz_target!(|text: &str| {
        let Ok(replay) = Replay::parse(text) else { return };
        let mut asked = false;
        for step in &replay.steps {
            match step {
                Step::Query { at, query, .. } => {
                    asked = true;
                    replay.answer(*at, [192, 0, 2, 1].into(), query);
                }
                Step::CheckAnswer { expected, .. } => {
                    assert!(asked);
                    assert!(
                        expected.answer.as_ref().is_none_or(|answer| expected.answer_is(answer))
                    );
                }
                Step::TimePasses { .. } | Step::Other { .. } => {}
            }
        }
    });
}
