//! A child process and what it takes, from proc(5). Linux only, as are the processes it is compared with.

use std::fs;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::time::sleep;

/// What a process took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Usage {
    /// User and system time of all its threads.
    pub(crate) cpu: Duration,
    /// The most that was resident at once or, of one that idles, what is resident.
    resident_kib: u32,
}

impl Usage {
    pub(crate) fn mebibytes(&self) -> f64 {
        f64::from(self.resident_kib) / 1024.0
    }
}

/// Lets a command run to its end, which must be a good one. What it took and its standard output.
pub(crate) async fn run(mut command: Command) -> anyhow::Result<(Usage, String)> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let usage = watch(&child, || false).await;
    if usage.is_err() {
        child.kill()?;
    }
    let status = child.wait()?;
    let mut output = String::new();
    child.stdout.take().context("its output is piped")?.read_to_string(&mut output)?;
    ensure!(status.success(), "{command:?}: {status}: {output}");
    Ok((usage?, output))
}

/// Lets a command run until it is done, as it will not end by itself.
pub(crate) async fn run_until(
    mut command: Command,
    mut done: impl FnMut() -> bool,
) -> anyhow::Result<Usage> {
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let usage = watch(&child, &mut done).await;
    child.kill()?;
    child.wait()?;
    usage
}

/// Lets a command run for the time it takes to settle, and measures what it takes from then on.
pub(crate) async fn idle(
    mut command: Command,
    settles: Duration,
    measured: Duration,
) -> anyhow::Result<Usage> {
    let mut child = command.stdout(Stdio::null()).spawn()?;
    sleep(settles).await;
    let before = Stat::of(&child)?;
    sleep(measured).await;
    let after = Stat::of(&child)?;
    let resident = status_kib(&child, "VmRSS:");
    child.kill()?;
    child.wait()?;
    ensure!(!after.ended, "{command:?} ended early");
    Ok(Usage { cpu: after.cpu - before.cpu, resident_kib: resident.context("it was running")? })
}

/// Looks at a process until it ended or is done. One that ended keeps its times until it is waited for, but no
/// memory, so that is looked at all the time; what the last moments before the end add is missed.
async fn watch(child: &Child, mut done: impl FnMut() -> bool) -> anyhow::Result<Usage> {
    let mut resident_kib = 0;
    for _ in 0..LOOKS_MAX {
        resident_kib = status_kib(child, "VmHWM:").unwrap_or(resident_kib);
        let is_done = done();
        let stat = Stat::of(child)?;
        if stat.ended || is_done {
            return Ok(Usage { cpu: stat.cpu, resident_kib });
        }
        sleep(LOOK_EVERY).await;
    }
    anyhow::bail!("still running after {:?}", LOOK_EVERY * LOOKS_MAX)
}

/// Of `/proc/PID/stat`.
struct Stat {
    ended: bool,
    cpu: Duration,
}

impl Stat {
    fn of(child: &Child) -> anyhow::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
        // The name before may contain anything, spaces and parentheses as well.
        let (_, fields) = text.rsplit_once(") ").context("/proc/PID/stat has no name")?;
        let fields: Vec<&str> = fields.split(' ').collect();
        let ticks = |field: &str| field.parse::<u64>().context("a time is no number");
        // proc(5) counts from 1 and from the process id: state is 3, utime 14, stime 15.
        let [state, .., utime, stime] = &fields[..=12] else {
            anyhow::bail!("/proc/PID/stat is short")
        };
        let cpu = Duration::from_millis((ticks(utime)? + ticks(stime)?) * TICK_MS);
        Ok(Self { ended: *state == "Z", cpu })
    }
}

/// A line of `/proc/PID/status`.
fn status_kib(child: &Child, name: &str) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// Linux tells programs times in hundredths of a second (USER_HZ), whatever it counts in.
const TICK_MS: u64 = 10;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Ten minutes.
const LOOKS_MAX: u32 = 30_000;
