//! What time it is, and sleeping until a time: the system's clock, or a simulated one for the lab.
//!
//! Simulated time is a discrete-event simulation. Whoever sleeps is a [`Participant`]. Time stands still
//! while one of them is awake, so sockets, disks and computing cost no simulated time. When all are asleep,
//! time jumps to the earliest wake-up and wakes that one participant only; the next is woken when it sleeps
//! again. One year of many participants is thus one sequence of steps, the same in each run. Wake-ups due
//! at the same time happen in the order in which their sleepers fell asleep.
//!
//! Time moves only inside [`Clock::run_until`], and never past its bound.
//!
//! # Limitations
//!
//! A participant that waits for something other than the clock (a message, a lock, a stop) holds time still
//! for all. Let it wait in `select!` together with [`Participant::sleep_forever`]. It is then asleep until
//! the message has been noticed, so whoever sends it work puts a fresh [`Participant`] into the message:
//! while that one lives, time stands still.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;

/// Where the time comes from. Clones share it.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Simulated(Arc<Simulation>),
}

impl Clock {
    /// The system's clock, which may be set back or forth while we run.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until [`Clock::run_until`] lets it run.
    pub fn simulated(start: Timestamp) -> Self {
        let state =
            State { now: start, awake: 0, sleepers: BTreeMap::new(), next_sleep: 0, run: None };
        Self(Source::Simulated(Arc::new(Simulation(Mutex::new(state)))))
    }

    /// The time now. On the simulated clock it never goes back.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Simulated(simulation) => simulation.lock().now,
        }
    }

    /// Takes part in this clock's time. Simulated time stands still from here on, until the participant
    /// sleeps or is dropped; so make it before spawning the task that it moves into. On the system's clock
    /// it is free.
    pub fn participant(&self) -> Participant {
        if let Source::Simulated(simulation) = &self.0 {
            simulation.lock().awake += 1;
        }
        Participant(self.clone())
    }

    /// Lets simulated time run to `bound`. Returns when all participants sleep past it; the time is then
    /// exactly `bound` (or what it was, where that is later) and stays there. On the system's clock this is
    /// a sleep. Dropped early, it leaves time where it is.
    ///
    /// The caller must not hold an awake [`Participant`] of this clock: it would wait for itself.
    ///
    /// # Panics
    ///
    /// If another `run_until` of this clock is under way: two bounds would contradict each other.
    pub async fn run_until(&self, bound: Timestamp) {
        let simulation = match &self.0 {
            Source::System => return sleep_until_system(bound).await,
            Source::Simulated(simulation) => simulation,
        };
        let done = simulation.start_run(bound);
        done.await.expect("a run is taken away only when its receiver is gone");
    }
}

/// Someone who sleeps on a [`Clock`], or work under way that time must wait for.
#[derive(Debug)]
#[must_use = "time runs on without a participant that is dropped"]
pub struct Participant(Clock);

impl Participant {
    /// The clock it takes part in, for making more participants.
    pub fn clock(&self) -> &Clock {
        &self.0
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Sleeps until `time`; at once if that has come. It takes `&mut self`, since a participant that slept
    /// twice at once would be awake and asleep. May be dropped at any time, as in `select!`: the
    /// participant is then awake.
    ///
    /// When the system's clock is set, or the machine was suspended, the sleep ends at most
    /// [`CLOCK_STEP_S_MAX`] late.
    pub async fn sleep_until(&mut self, time: Timestamp) {
        let simulation = match &self.0.0 {
            Source::System => return sleep_until_system(time).await,
            Source::Simulated(simulation) => simulation,
        };
        let Some((key, woken)) = simulation.fall_asleep(time) else { return };
        let sleep = Sleep { simulation, key };
        woken.await.expect("a sleeper is taken out of the queue only to be woken, or by its guard");
        drop(sleep);
    }

    /// Sleeps for `duration`. On the system's clock a change of the time of day does not matter to it.
    pub async fn sleep(&mut self, duration: Duration) {
        match &self.0.0 {
            Source::System => tokio::time::sleep(duration).await,
            Source::Simulated(_) => self.sleep_until(after(self.now(), duration)).await,
        }
    }

    /// Sleeps until dropped, for waiting in `select!` for something other than the clock.
    pub async fn sleep_forever(&mut self) {
        self.sleep_until(Timestamp::MAX).await;
        std::future::pending().await
    }
}

impl Drop for Participant {
    fn drop(&mut self) {
        if let Source::Simulated(simulation) = &self.0.0 {
            let mut state = simulation.lock();
            state.awake -= 1;
            state.advance();
        }
    }
}

/// `duration` after `time`, or the last representable time.
pub(crate) fn after(time: Timestamp, duration: Duration) -> Timestamp {
    time.saturating_add(duration).unwrap_or(Timestamp::MAX)
}

/// How long a sleep on the system's clock may go on without looking at the time again, in seconds.
/// Timers count neither time spent suspended nor steps of the clock; looking once a minute costs nothing.
pub const CLOCK_STEP_S_MAX: u64 = 60;

async fn sleep_until_system(time: Timestamp) {
    loop {
        let left = time.duration_since(system_now());
        if left <= SignedDuration::ZERO {
            return;
        }
        tokio::time::sleep(left.unsigned_abs().min(Duration::from_secs(CLOCK_STEP_S_MAX))).await;
    }
}

#[expect(clippy::disallowed_methods, reason = "the one reader of the system's clock")]
fn system_now() -> Timestamp {
    Timestamp::now()
}

/// The simulated clock's state. The lock is held for a few instructions, never across an await.
struct Simulation(Mutex<State>);

struct State {
    now: Timestamp,
    /// Participants that are not in `sleepers`. Time moves only when there are none.
    awake: usize,
    /// Who sleeps, by wake-up and then by the order of falling asleep.
    sleepers: BTreeMap<SleepKey, oneshot::Sender<()>>,
    next_sleep: u64,
    /// The run under way.
    run: Option<Run>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct SleepKey {
    until: Timestamp,
    order: u64,
}

struct Run {
    bound: Timestamp,
    done: oneshot::Sender<()>,
}

impl Simulation {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code below panics half-way through a change, so a poisoned state is still a whole one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an awake participant to sleep; nothing where `until` has come already.
    fn fall_asleep(&self, until: Timestamp) -> Option<(SleepKey, oneshot::Receiver<()>)> {
        let mut state = self.lock();
        if until <= state.now {
            return None;
        }
        let key = SleepKey { until, order: state.next_sleep };
        let (sender, receiver) = oneshot::channel();
        state.next_sleep += 1;
        state.sleepers.insert(key, sender);
        state.awake -= 1;
        state.advance();
        Some((key, receiver))
    }

    fn start_run(&self, bound: Timestamp) -> oneshot::Receiver<()> {
        let mut state = self.lock();
        let is_running = state.run.as_ref().is_some_and(|run| !run.done.is_closed());
        assert!(!is_running, "simulated time is run from two places");
        let (done, receiver) = oneshot::channel();
        state.run = Some(Run { bound: bound.max(state.now), done });
        state.advance();
        receiver
    }
}

impl State {
    /// When nobody is awake: wakes the next sleeper within the bound, or ends the run. At most one
    /// participant is woken, and it counts as awake from this moment, not from when it is scheduled.
    fn advance(&mut self) {
        if self.awake > 0 {
            return;
        }
        // A run whose caller has dropped it is over.
        let Some(run) = self.run.take().filter(|run| !run.done.is_closed()) else { return };
        let next = self.sleepers.first_entry().filter(|sleeper| sleeper.key().until <= run.bound);
        let Some(sleeper) = next else {
            self.now = run.bound;
            // Nobody to tell: the caller dropped it just now.
            let _ = run.done.send(());
            return;
        };
        self.run = Some(run);
        self.awake += 1;
        let (key, woken) = sleeper.remove_entry();
        // Sleeps end in the future and in order, so this never sets time back.
        assert!(key.until >= self.now, "a sleeper was passed over");
        self.now = key.until;
        // A dropped receiver is a dropped sleep: that participant is awake, as counted above.
        let _ = woken.send(());
    }
}

/// Takes a sleep that was dropped before its time out of the queue again.
struct Sleep<'a> {
    simulation: &'a Simulation,
    key: SleepKey,
}

impl Drop for Sleep<'_> {
    fn drop(&mut self) {
        let mut state = self.simulation.lock();
        if state.sleepers.remove(&self.key).is_some() {
            state.awake += 1;
        }
    }
}

/// Who holds time still, for finding out why a lab hangs.
impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.lock();
        f.debug_struct("Simulation")
            .field("now", &state.now)
            .field("bound", &state.run.as_ref().map(|run| run.bound))
            .field("awake", &state.awake)
            .field("asleep", &state.sleepers.len())
            .field("next_wake", &state.sleepers.keys().next().map(|key| key.until))
            .finish()
    }
}

#[cfg(test)]
mod tests;
