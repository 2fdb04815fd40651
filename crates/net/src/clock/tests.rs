use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::*;

const START: Timestamp = Timestamp::UNIX_EPOCH;

fn at(seconds: u64) -> Timestamp {
    after(START, Duration::from_secs(seconds))
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap()
}

/// What participants did, in the order in which they did it.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<(usize, Timestamp)>>>);

impl Diary {
    fn note(&self, who: usize, when: Timestamp) {
        self.0.lock().unwrap().push((who, when));
    }

    fn read(&self) -> Vec<(usize, Timestamp)> {
        self.0.lock().unwrap().clone()
    }
}

/// What a participant of the property test does before it sleeps again.
#[derive(Clone, Copy, Debug)]
enum Step {
    Sleep(u64),
    /// Falls asleep, then drops the sleep before its time.
    Drop(u64),
    /// Lets other tasks of the runtime run.
    Yield,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u64..20).prop_map(Step::Sleep),
        1 => (1_u64..20).prop_map(Step::Drop),
        1 => Just(Step::Yield),
    ]
}

async fn act(mut me: Participant, who: usize, steps: Vec<Step>, diary: Diary) {
    for step in steps {
        match step {
            Step::Sleep(seconds) => {
                me.sleep(Duration::from_secs(seconds)).await;
                diary.note(who, me.now());
            }
            Step::Drop(seconds) => drop_early(&mut me, seconds).await,
            Step::Yield => tokio::task::yield_now().await,
        }
    }
}

/// Falls asleep for at least a second and drops that sleep. Keeps a second participant awake meanwhile, or
/// time could reach the end of the sleep first.
async fn drop_early(me: &mut Participant, seconds: u64) {
    let awake = me.clock().participant();
    tokio::select! {
        biased;
        () = me.sleep(Duration::from_secs(seconds)) => panic!("time passed a participant that is awake"),
        () = tokio::task::yield_now() => (),
    }
    drop(awake);
}

/// What must have happened by `bound`: for each participant, the times at which its sleeps end.
fn expected(all_steps: &[Vec<Step>], bound: Timestamp) -> Vec<(usize, Timestamp)> {
    let mut expected = Vec::new();
    for (who, steps) in all_steps.iter().enumerate() {
        let mut time = START;
        for step in steps {
            if let Step::Sleep(seconds) = step {
                time = after(time, Duration::from_secs(*seconds));
                expected.push((who, time));
            }
        }
    }
    expected.retain(|(_, time)| *time <= bound);
    expected.sort();
    expected
}

/// Runs all participants to each bound in turn, and holds what they did against what they must have done.
async fn check(all_steps: Vec<Vec<Step>>, mut bounds: Vec<u64>) {
    bounds.sort_unstable();
    let (clock, diary, mut tasks) = (Clock::simulated(START), Diary::default(), JoinSet::new());
    for (who, steps) in all_steps.iter().enumerate() {
        tasks.spawn(act(clock.participant(), who, steps.clone(), diary.clone()));
    }
    for bound in bounds.into_iter().map(at) {
        clock.run_until(bound).await;
        assert_eq!(clock.now(), bound);
        let done = diary.read();
        assert!(done.is_sorted_by_key(|(_, time)| *time), "time went back: {done:?}");
        let mut sorted = done.clone();
        sorted.sort();
        assert_eq!(sorted, expected(&all_steps, bound), "at {bound}");
    }
    clock.run_until(at(100_000)).await;
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert_eq!(diary.read().len(), expected(&all_steps, at(100_000)).len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// On several threads: time never goes back, wake-ups come in order and are all there, dropped sleeps
    /// are gone, and a run returns when all sleep past its bound, neither earlier nor later.
    #[test]
    fn every_participant_wakes_when_it_asked_to(
        all_steps in vec(vec(step(), 0..12), 0..8),
        bounds in vec(0_u64..200, 0..5),
    ) {
        runtime().block_on(check(all_steps, bounds));
    }
}

/// Sleeps that race with something else and lose, at whatever moment, leave nobody behind.
#[test]
fn sleeps_dropped_at_any_moment_lose_nobody() {
    runtime().block_on(async {
        let clock = Clock::simulated(START);
        let mut tasks = JoinSet::new();
        for who in 0..10_u64 {
            let mut me = clock.participant();
            tasks.spawn(async move {
                for round in 0..500 {
                    let asleep = me.sleep(Duration::from_secs(1 + (who + round) % 3));
                    tokio::select! {
                        () = asleep => (),
                        () = tokio::task::yield_now() => (),
                    }
                }
                me.sleep_until(at(10_000)).await;
            });
        }
        for bound in [1, 2, 500, 9999] {
            clock.run_until(at(bound)).await;
            assert!(tasks.try_join_next().is_none());
        }
        clock.run_until(at(10_001)).await;
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    });
}

#[tokio::test]
async fn time_stands_still_until_it_is_run() {
    let clock = Clock::simulated(at(7));
    let mut me = clock.participant();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { me.sleep(Duration::from_secs(1)).await });
    tokio::task::yield_now().await;
    assert_eq!((clock.now(), tasks.try_join_next().is_none()), (at(7), true));
    clock.run_until(at(9)).await;
    tasks.join_next().await.unwrap().unwrap();
    assert_eq!(clock.now(), at(9));
}

#[tokio::test]
async fn ties_wake_in_the_order_of_falling_asleep() {
    let (clock, diary, mut tasks) = (Clock::simulated(START), Diary::default(), JoinSet::new());
    for who in 0..20 {
        let (mut me, diary) = (clock.participant(), diary.clone());
        tasks.spawn(async move {
            for _ in 0..3 {
                me.sleep(Duration::from_secs(60)).await;
                diary.note(who, me.now());
            }
        });
    }
    clock.run_until(at(180)).await;
    let who: Vec<_> = diary.read().into_iter().map(|(who, _)| who).collect();
    assert_eq!(who[..20], who[20..40]);
    assert_eq!(who[..20], who[40..]);
}

#[test]
fn time_waits_for_sockets() {
    runtime().block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, mut tasks) = (listener.local_addr().unwrap(), JoinSet::new());
        tasks.spawn(async move {
            let mut echoes = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                echoes.spawn(async move {
                    let mut bytes = [0; 4];
                    stream.read_exact(&mut bytes).await.unwrap();
                    stream.write_all(&bytes).await.unwrap();
                });
            }
        });
        let clock = Clock::simulated(START);
        let mut followers = JoinSet::new();
        for who in 0..10_u64 {
            let mut me = clock.participant();
            followers.spawn(async move {
                for round in 0..20 {
                    let before = me.now();
                    let mut stream = TcpStream::connect(address).await.unwrap();
                    stream.write_all(b"ping").await.unwrap();
                    stream.read_exact(&mut [0; 4]).await.unwrap();
                    assert_eq!(me.now(), before, "time passed while a socket was read");
                    me.sleep(Duration::from_secs(3600 + who * round)).await;
                }
            });
        }
        clock.run_until(at(365 * 86_400)).await;
        while let Some(ended) = followers.join_next().await {
            ended.unwrap();
        }
        assert_eq!(clock.now(), at(365 * 86_400));
    });
}

#[tokio::test]
async fn a_dropped_participant_holds_nobody_up() {
    let clock = Clock::simulated(START);
    let (stays, mut leaves) = (clock.participant(), clock.participant());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        leaves.sleep(Duration::from_secs(5)).await;
        panic!("this task is aborted in its sleep");
    });
    tokio::task::yield_now().await;
    tasks.abort_all();
    assert!(tasks.join_next().await.unwrap().unwrap_err().is_cancelled());
    drop(stays);
    clock.run_until(at(10)).await;
    assert_eq!(clock.now(), at(10));
}

#[tokio::test]
async fn a_dropped_run_moves_no_time_and_another_may_follow() {
    let clock = Clock::simulated(START);
    let me = clock.participant();
    tokio::select! {
        biased;
        () = clock.run_until(at(10)) => panic!("a participant is awake"),
        () = tokio::task::yield_now() => (),
    }
    drop(me);
    assert_eq!(clock.now(), START);
    clock.run_until(at(3)).await;
    assert_eq!(clock.now(), at(3));
}

#[tokio::test]
async fn a_bound_in_the_past_settles_and_sets_nothing_back() {
    let clock = Clock::simulated(at(5));
    let mut me = clock.participant();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { me.sleep_until(at(6)).await });
    clock.run_until(at(1)).await;
    assert_eq!(clock.now(), at(5));
    assert!(tasks.try_join_next().is_none());
}

/// A writer sleeps while it has nothing to do. The reader puts a participant into each message, so time
/// cannot run on before the message has been dealt with.
#[test]
fn work_in_a_channel_holds_time_still() {
    runtime().block_on(async {
        let clock = Clock::simulated(START);
        let (sender, mut receiver) = mpsc::channel::<(Participant, Timestamp)>(4);
        let (mut reader, mut writer) = (clock.participant(), clock.participant());
        let written = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            for _ in 0..1000 {
                reader.sleep(Duration::from_secs(1)).await;
                sender.send((reader.clock().participant(), reader.now())).await.unwrap();
            }
        });
        let counted = Arc::clone(&written);
        tasks.spawn(async move {
            loop {
                let message = tokio::select! {
                    message = receiver.recv() => message,
                    () = writer.sleep_forever() => unreachable!(),
                };
                let Some((work, sent)) = message else { return };
                tokio::task::yield_now().await;
                assert_eq!(work.now(), sent);
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        clock.run_until(at(2000)).await;
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        assert_eq!(written.load(Ordering::SeqCst), 1000);
    });
}

#[tokio::test]
async fn the_systems_clock_runs_by_itself() {
    let clock = Clock::system();
    let (start, mut me) = (clock.now(), clock.participant());
    me.sleep_until(Timestamp::MIN).await;
    me.sleep(Duration::from_millis(2)).await;
    let then = after(me.now(), Duration::from_millis(2));
    me.sleep_until(then).await;
    assert!(me.now() >= then);
    clock.run_until(start).await;
    let debug = format!("{:?}", Clock::simulated(START));
    assert!(debug.contains("awake: 0"), "{debug}");
}
