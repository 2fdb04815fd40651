//! Progress bars on standard error for long work, and events printed above them.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use tracing_subscriber::fmt::MakeWriter;

use crate::print::plain;

/// The bars of this process. Cheap to clone. Without a terminal nothing is drawn.
#[derive(Clone)]
pub(crate) struct Progress {
    bars: MultiProgress,
}

impl Progress {
    /// Draws on standard error if that is a terminal and `wanted`.
    pub(crate) fn new(wanted: Wanted) -> Self {
        let target = match wanted {
            Wanted::Yes if io::stderr().is_terminal() => ProgressDrawTarget::stderr(),
            Wanted::Yes | Wanted::No => ProgressDrawTarget::hidden(),
        };
        Self { bars: MultiProgress::with_draw_target(target) }
    }

    /// A bar for work whose size is known: the entries of a log, the bytes of a file.
    pub(crate) fn bar(&self, name: &str) -> Bar {
        let style = ProgressStyle::with_template(BAR).expect("the template is right");
        let bar = self.bars.add(ProgressBar::new(0).with_style(style));
        bar.set_prefix(plain(name).into_owned());
        Bar { bar }
    }

    /// A moving sign for work whose size is not known.
    pub(crate) fn spinner(&self, name: &str) -> Bar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        bar.set_message(plain(name).into_owned());
        bar.enable_steady_tick(TICK);
        Bar { bar }
    }
}

/// Whether somebody wants to see bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    Yes,
    No,
}

/// One bar; it goes away when dropped.
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// How much is done, and of how much: a log grows while it is read.
    pub(crate) fn at(&self, done: u64, total: u64) {
        self.bar.set_length(total);
        self.bar.set_position(done);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Events go to standard error above the bars, so that neither tears the other.
impl<'a> MakeWriter<'a> for Progress {
    type Writer = Above<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Above { bars: &self.bars }
    }
}

/// Standard error above the bars.
pub(crate) struct Above<'a> {
    bars: &'a MultiProgress,
}

impl Write for Above<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

const BAR: &str = "{prefix:32!} {bar:24} {human_pos:>13}/{human_len} {per_sec:>12} {eta:>4} to go";
/// Between two frames of a spinner.
const TICK: Duration = Duration::from_millis(120);
