//! Certificates of others in, the names that we read out of them and the matches out.

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

use countersign_ct::certificate::walk;
use countersign_ct::names::names;
use countersign_ct::watchlist::{Match, Watchlist};
use serde::Serialize;

use super::record::{Fault, Record};
use crate::config::guard;
use crate::failure::Failure;
use crate::print::{Printer, hex};
use crate::progress::Progress;
use crate::sightings::MatchRow;

/// Reads each record, in the order of the file.
pub(super) fn run(
    path: &Path,
    watch: &[String],
    printer: &mut Printer,
    progress: &Progress,
) -> anyhow::Result<()> {
    let guards = watch.iter().map(|text| guard(text)).collect::<Result<_, _>>()?;
    let watchlist = Watchlist::new(guards)?;
    let unread = |error: io::Error| Failure::read(path, &error);
    let file = fs::File::open(path).map_err(unread)?;
    let total = file.metadata().map_err(unread)?.len();
    let mut file = BufReader::new(file);
    let (bar, mut done) = (progress.bar(&path.display().to_string()), 0);
    while !file.fill_buf().map_err(unread)?.is_empty() {
        let record = Record::read(&mut file).map_err(|fault| match fault {
            Fault::Io(error) => Failure::read(path, &error),
            Fault::Form(why) => Failure::new(format!("{} at byte {done}: {why}", path.display())),
        })?;
        done += record.bytes();
        bar.at(done, total);
        printer.object(&RecordRow::new(&record, &watchlist))?;
    }
    Ok(())
}

/// A line that is printed.
#[derive(Serialize)]
struct RecordRow {
    record: String,
    clean: bool,
    names: Vec<String>,
    spki_sha256: Option<String>,
    issuer_key_sha256: Option<String>,
    matches: Vec<MatchRow>,
}

impl RecordRow {
    fn new(record: &Record, watchlist: &Watchlist) -> Self {
        let walked = walk(&record.der, record.kind);
        Self {
            record: String::from_utf8_lossy(&record.name).into_owned(),
            clean: walked.clean,
            names: names(&walked),
            spki_sha256: walked.spki_sha256().map(|hash| hex(&hash)),
            // A certificate names its issuer's key by an identifier that the issuer chose, not by a
            // hash; only a log's entry has one.
            issuer_key_sha256: None,
            matches: watchlist.matches(&walked).iter().map(matched).collect(),
        }
    }
}

fn matched(found: &Match) -> MatchRow {
    MatchRow {
        guard: found.guard.to_string(),
        name: found.name.clone(),
        reading: found.reading.to_string(),
    }
}
