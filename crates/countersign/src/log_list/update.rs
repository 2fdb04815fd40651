//! `countersign log-list update`: what a client's machine does once a day.
//!
//! ```text
//! keys that are here ──keys-2, keys-3, …──> newest keys
//!                                              │ signed by enough of them?
//! list ────────────────────────────────────────┤ newer than the one here, or the same? None here: young?
//! list.proof ──────────────────────────────────┤ in the log, and is that the log of the last time, grown?
//!                                              v
//!                        all of it: the files here are replaced; else none is
//! ```
//!
//! # Limitations
//!
//! Files are written first and renamed then, one after the other. If the machine stops between two of these renames, the
//! list can be one that the keys here have not signed. Programs use the built-in one then, until the next update.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use countersign_logd::publication::{LIST, LOG, PROOF, keys_name};
use countersign_net::{Clock, Connection, Get, Gzip, Net, Roots, Route, Vantage};
use countersign_sct::SignedList;
use countersign_sct::signed_list::{ListKeys, NOTE_BYTES_MAX, Note};
use countersign_tlog::note::VerifierKey;
use countersign_tlog::proof::{consistency_nodes, consistency_proof};
use countersign_tlog::{Checkpoint, HashTile, TileId, TlogProof, verify_consistency};
use jiff::Timestamp;
use serde::Serialize;
use tokio::runtime::{self, Runtime};
use tracing::warn;

use super::age::{days, leap};
use super::file::{self, Staged};
use super::lock::Locks;
use super::verify::{chain, proven, verifier_key};
use crate::ExitStatus;
use crate::args::{Global, ListUpdateArgs};
use crate::config::{self, DIRECT};
use crate::failure::Failure;
use crate::print::{Form, Printer};
use crate::progress::Progress;
use crate::way_out::{self, UNUSED_CONTACT};

/// Updates the files, or leaves them as they are.
pub(super) fn run(
    args: &ListUpdateArgs,
    global: &Global,
    printer: &mut Printer,
    progress: &Progress,
    now: Timestamp,
) -> anyhow::Result<ExitStatus> {
    let log = args.log.as_deref().map(verifier_key).transpose()?;
    let origin = Origin::new(args, global)?;
    let _locks = Locks::hold(&args.to, &args.keys)?;
    let known_keys = file::keys(&args.keys)?;
    let here = Here::read(args)?;
    let _bar = progress.spinner(&format!("asking {}", args.from));
    let offered = match offered(&origin, &known_keys, log.as_ref(), &here, now)? {
        Ok(offered) => offered,
        Err(why) => {
            let row = UpdateRow { refused: Some(why), ..UpdateRow::new(&here, &known_keys) };
            return row.print(printer);
        }
    };
    let changed = here.take(args, &known_keys, &offered)?;
    let age_days = days(offered.list.issued, now);
    let row = UpdateRow {
        result: if changed { "updated" } else { "up-to-date" },
        version: Some(offered.list.version),
        keys_version: offered.keys.version(),
        issued: Some(offered.list.issued.to_string()),
        age_days: Some(age_days),
        held_back: age_days > FRESH_DAYS,
        log_index: offered.proof.as_ref().map(|proof| proof.index),
        log_size: offered.proof.as_ref().map(|proof| proof.size),
        ..UpdateRow::new(&here, &known_keys)
    };
    row.print(printer)
}

/// What is here.
struct Here {
    list: Option<(SignedList, String)>,
    list_bytes: Option<Vec<u8>>,
    proof_path: PathBuf,
    proof: Option<Vec<u8>>,
}

impl Here {
    fn read(args: &ListUpdateArgs) -> Result<Self, Failure> {
        let list_bytes = file::read_if_any(&args.to)?;
        let read = |bytes: &Vec<u8>| {
            let text = Note::parse(bytes).ok()?.text;
            Some((SignedList::parse(&text).ok()?, text))
        };
        // Signatures are not asked for: a list that was signed with keys that are no longer in force was no worse
        // for that, and going back behind it is still going back.
        let list = list_bytes.as_ref().and_then(read);
        if list.is_none() && list_bytes.is_some() {
            warn!("{} is no list, and is replaced", args.to.display());
        }
        let proof_path = file::beside(&args.to, ".proof");
        let proof = file::read_if_any(&proof_path)?;
        Ok(Self { list, list_bytes, proof_path, proof })
    }

    /// Why an offered list is no step forward.
    fn objection(&self, list: &SignedList, text: &str, now: Timestamp) -> Option<String> {
        if self.list.as_ref().is_some_and(|(_, known_text)| text == known_text) {
            return None;
        }
        let known_version = self.list.as_ref().map_or(0, |(known, _)| known.version);
        leap(list, known_version, now).or_else(|| match &self.list {
            None => is_old_to_begin_with(list, now),
            Some((known, _)) => is_no_step(list, known),
        })
    }

    /// Puts what is offered in the place of what is here; whether there was anything to do.
    fn take(
        &self,
        args: &ListUpdateArgs,
        known_keys: &ListKeys,
        offered: &Offered,
    ) -> Result<bool, Failure> {
        let stage = |path, is_here: bool, bytes: &[u8]| {
            (!is_here).then(|| Staged::write(path, bytes)).transpose()
        };
        let has_list = self.list_bytes.as_ref() == Some(&offered.list_bytes);
        let has_keys = *known_keys == offered.keys;
        // All is on disk before anything is replaced: a disk that is full leaves everything as it was.
        let proof = match &offered.proof {
            Some(Proven { bytes, .. }) => {
                stage(&self.proof_path, self.proof.as_ref() == Some(bytes), bytes)?
            }
            None => None,
        };
        let list = stage(&args.to, has_list, &offered.list_bytes)?;
        let keys = stage(&args.keys, has_keys, offered.keys.to_text().as_bytes())?;
        // The head of the log first: whatever comes after, it was seen. The keys before the list if the list that is
        // here is good with them too, so that the two fit each other all the time.
        let old_list = self.list_bytes.as_deref().unwrap_or_default();
        let order = if offered.keys.verify(old_list).is_ok() { [keys, list] } else { [list, keys] };
        [proof].into_iter().chain(order).flatten().try_for_each(Staged::place)?;
        Ok(!has_list || !has_keys)
    }
}

/// Why nobody begins with a list: what is older than the built-in one, or what only a server has that is held back.
fn is_old_to_begin_with(list: &SignedList, now: Timestamp) -> Option<String> {
    let (issued, built_in) = (list.issued, SignedList::built_in().issued);
    if issued < built_in {
        return Some(format!("it was issued {issued}, before the built-in list ({built_in})"));
    }
    let age_days = days(issued, now);
    (age_days > FRESH_DAYS).then(|| {
        format!(
            "it is {age_days} days old, one is expected every {FRESH_DAYS} days, and there is none here yet: \
             the server may be held back, try another"
        )
    })
}

/// Why a list does not come after another.
fn is_no_step(list: &SignedList, known: &SignedList) -> Option<String> {
    if list.version == known.version {
        return Some(format!("another list of version {} is here already", known.version));
    }
    if list.version < known.version {
        let (offered, known) = (list.version, known.version);
        return Some(format!("version {offered} is offered, and {known} is here already"));
    }
    let (offered, known) = (list.issued, known.issued);
    (offered < known)
        .then(|| format!("it was issued {offered}, before the one that is here ({known})"))
}

/// What is offered, and was verified.
struct Offered {
    keys: ListKeys,
    list: SignedList,
    list_bytes: Vec<u8>,
    proof: Option<Proven>,
}

struct Proven {
    bytes: Vec<u8>,
    index: u64,
    size: u64,
}

/// Fetches and verifies. The inner error is what the other side did, the outer that it could not be asked.
fn offered(
    origin: &Origin,
    known_keys: &ListKeys,
    log: Option<&VerifierKey>,
    here: &Here,
    now: Timestamp,
) -> anyhow::Result<Result<Offered, String>> {
    let mut keys = known_keys.clone();
    for _ in 0..ROTATIONS_MAX {
        let Some(next) = keys.version().checked_add(1) else { break };
        let Some(bytes) = origin.get(&keys_name(next))? else { break };
        match keys.rotate(&bytes) {
            Ok(next) => keys = next,
            Err(why) => return Ok(Err(format!("the keys {next}: {}", chain(&why)))),
        }
    }
    let list_bytes = origin.demand(LIST)?;
    let list = match keys.verify(&list_bytes) {
        Ok(list) => list,
        Err(why) => return Ok(Err(format!("the list: {}", chain(&why)))),
    };
    let text = Note::parse(&list_bytes).expect("it was read before").text;
    if let Some(objection) = here.objection(&list, &text, now) {
        return Ok(Err(objection));
    }
    let Some(log) = log else { return Ok(Ok(Offered { keys, list, list_bytes, proof: None })) };
    let Some(bytes) = origin.get(PROOF)? else {
        return Ok(Err("there is no proof that the list is in the log".to_owned()));
    };
    let (index, head) = match proven(&bytes, &text, log) {
        Ok(proven) => proven,
        Err(why) => return Ok(Err(why)),
    };
    if let Err(why) = grown(origin, here, log, &head)? {
        return Ok(Err(why));
    }
    let proof = Some(Proven { bytes, index, size: head.size() });
    Ok(Ok(Offered { keys, list, list_bytes, proof }))
}

/// That the log is the one of the last time, and has only grown: a log that shows one tree here and another there
/// is found by this, as long as both meet.
fn grown(
    origin: &Origin,
    here: &Here,
    log: &VerifierKey,
    new: &Checkpoint,
) -> anyhow::Result<Result<(), String>> {
    let Some(old) = here.proof.as_deref().and_then(|bytes| last_head(bytes, log)) else {
        return Ok(Ok(()));
    };
    let mut hashes = Vec::new();
    for node in consistency_nodes(old.size(), new.size()) {
        let tile = TileId::covering(node, new.size());
        let bytes = origin.demand(&format!("{LOG}/{}", tile.path()))?;
        let hash =
            HashTile::parse(&bytes, tile.width).ok().and_then(|hashes| hashes.hash_of(tile, node));
        hashes.push((node, hash));
    }
    let read = |node| hashes.iter().find(|(known, _)| *known == node).and_then(|(_, hash)| *hash);
    let path = consistency_proof(old.size(), new.size(), read).unwrap_or_default();
    let grown = verify_consistency(old.size(), &old.root(), new.size(), &new.root(), &path);
    Ok(grown.map_err(|why| format!("the log is not the one of the last time: {why}")))
}

/// The head that was seen last.
fn last_head(proof: &[u8], log: &VerifierKey) -> Option<Checkpoint> {
    let proof = TlogProof::parse(proof).ok()?;
    let note = countersign_tlog::Note::parse(proof.checkpoint().as_bytes()).ok()?;
    log.verify(&note).ok()?;
    Checkpoint::parse(note.text()).ok()
}

/// Where from.
enum Origin {
    Folder(PathBuf),
    Server { url: String, net: Box<Net>, vantage: String, runtime: Runtime },
}

impl Origin {
    fn new(args: &ListUpdateArgs, global: &Global) -> anyhow::Result<Self> {
        let is_url = ["http://", "https://"].iter().any(|scheme| args.from.starts_with(scheme));
        if !is_url {
            return Ok(Self::Folder(args.from.clone().into()));
        }
        let (net, vantage) = match &args.vantage {
            Some(vantage) => (way_out::net(&config::settings(global)?)?, vantage.clone()),
            None => (direct()?, DIRECT.to_owned()),
        };
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let url = args.from.trim_end_matches('/').to_owned();
        Ok(Self::Server { url, net: Box::new(net), vantage, runtime })
    }

    /// A file; `None` if there is none.
    fn get(&self, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
        let (url, net, vantage, runtime) = match self {
            Self::Folder(folder) => return Ok(file::read_if_any(&folder.join(name))?),
            Self::Server { url, net, vantage, runtime } => (url, net, vantage, runtime),
        };
        let url = &format!("{url}/{name}");
        let get = Get {
            url,
            vantage,
            gzip: Gzip::Ask,
            body_max: NOTE_BYTES_MAX,
            deadline: TIME_MAX,
            connection: Connection::KeepAlive,
        };
        let reply = runtime.block_on(net.get(get, Clock::system().now()))?;
        match reply.status {
            200 => Ok(Some(reply.body)),
            404 | 410 => Ok(None),
            status => Err(anyhow!("{url} answered with status {status}")),
        }
    }

    /// A file that must be there.
    fn demand(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        self.get(name)?.with_context(|| format!("there is no {name} at {}", self.name()))
    }

    fn name(&self) -> String {
        match self {
            Self::Folder(folder) => Path::display(folder).to_string(),
            Self::Server { url, .. } => url.clone(),
        }
    }
}

/// The way out without a configuration.
fn direct() -> anyhow::Result<Net> {
    Net::new(countersign_net::Settings {
        // Whoever serves a list to anybody needs to write to nobody.
        contact: UNUSED_CONTACT.to_owned(),
        roots: Roots::Public,
        redirects: None,
        vantages: vec![Vantage { name: DIRECT.to_owned(), route: Route::Direct }],
    })
    .context("cannot set up the way out")
}

/// What came of it, in JSON (docs/json.md).
#[derive(Serialize)]
struct UpdateRow {
    r#type: &'static str,
    result: &'static str,
    refused: Option<String>,
    version: Option<u64>,
    previous_version: Option<u64>,
    keys_version: u64,
    previous_keys_version: u64,
    issued: Option<String>,
    age_days: Option<i64>,
    held_back: bool,
    log_index: Option<u64>,
    log_size: Option<u64>,
}

impl UpdateRow {
    /// Of an update that changes nothing.
    fn new(here: &Here, keys: &ListKeys) -> Self {
        let known = here.list.as_ref().map(|(list, _)| list.version);
        Self {
            r#type: "list-update",
            result: "refused",
            refused: None,
            version: known,
            previous_version: known,
            keys_version: keys.version(),
            previous_keys_version: keys.version(),
            issued: here.list.as_ref().map(|(list, _)| list.issued.to_string()),
            age_days: None,
            held_back: false,
            log_index: None,
            log_size: None,
        }
    }

    fn print(&self, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
        let version = self.version.unwrap_or_default();
        match printer.form() {
            Form::Json => printer.object(self)?,
            Form::Human => match &self.refused {
                Some(why) => printer.line(format_args!("refused, nothing was changed: {why}"))?,
                None if self.result == "updated" => {
                    printer.line(format_args!("updated to version {version}"))?;
                }
                None => printer.line(format_args!("up to date with version {version}"))?,
            },
        }
        if self.keys_version != self.previous_keys_version {
            warn!("the keys were changed: version {} is in force now", self.keys_version);
        }
        if let Some(days) = self.age_days.filter(|_| self.held_back) {
            warn!(
                "the newest list on offer is {days} days old; one is expected every {FRESH_DAYS} days: \
                 the server may be held back, try another"
            );
        }
        let is_fine = self.refused.is_none() && !self.held_back;
        Ok(if is_fine { ExitStatus::Expected } else { ExitStatus::Findings })
    }
}

/// A list is issued every month, and it may be a few days late.
const FRESH_DAYS: i64 = 35;
/// Sets of keys that are followed in one go. With a change a year nobody has slept that long.
const ROTATIONS_MAX: usize = 32;
/// For one file. Over Tor it takes seconds.
const TIME_MAX: Duration = Duration::from_secs(60);
