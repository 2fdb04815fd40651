//! Recorded resolutions in, the verdict on each answer that they check out.
//!
//! The verdict is that of the validator. What the resolvers of these recordings do besides, keep what they have seen,
//! forward, give what is expired, is done here and nowhere else, and only as far as answers depend on it.

mod cache;
mod given;
mod resolver;
mod row;
mod settings;
mod stale;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::replay::{Replay, Step};
use crate::failure::Failure;
use crate::print::Printer;
use resolver::Resolver;
use row::{Compared, Row};

/// Resolves and judges what is asked in each file, as of the time and from the anchors that it names.
pub(super) fn run(files: &[impl AsRef<Path>], printer: &mut Printer) -> anyhow::Result<()> {
    for path in files {
        let path = path.as_ref();
        let replay = read(path)?;
        let mut resolver = Resolver::new(&replay).ok_or_else(|| {
            Failure::new(format!("cannot use {}: a trust anchor is malformed", path.display()))
        })?;
        let mut given = None;
        for step in &replay.steps {
            match step {
                Step::Query { at, query, flags, .. } => {
                    let answer = resolver.give(*at, query, *flags);
                    let compared = Compared::of(&replay.config, flags.checking_disabled, &answer);
                    given = Some((answer, compared));
                }
                Step::CheckAnswer { at, expected } => {
                    let (answer, compared) = given.as_ref().expect("the reader wants a question");
                    printer.object(&Row::new(path, *at, expected, answer, compared))?;
                }
                Step::TimePasses { milliseconds, .. } => resolver.pass(*milliseconds),
                Step::Other { .. } => {}
            }
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Replay, Failure> {
    let mut text = Vec::new();
    File::open(path)
        .and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut text))
        .map_err(|error| Failure::read(path, &error))?;
    // Comments are in any encoding.
    let replay = Replay::parse(&String::from_utf8_lossy(&text)).map_err(|why| {
        Failure::new(format!("cannot read {}: {why}", path.display()))
            .hint("the format is that of Unbound's testbound and of deckard")
    })?;
    let queries = replay.steps.iter().filter(|step| matches!(step, Step::Query { .. })).count();
    if queries > QUESTIONS_MAX {
        let what = format!("{} has more than {QUESTIONS_MAX} questions", path.display());
        return Err(Failure::new(what).hint("cut it in parts"));
    }
    Ok(replay)
}

/// One more than the reader takes, so that it says so.
const FILE_BYTES_MAX: u64 = (16 << 20) + 1;
/// Each can cost a few hundred signatures. The files that are known have some dozens.
const QUESTIONS_MAX: usize = 1_000;

#[cfg(test)]
mod tests;
