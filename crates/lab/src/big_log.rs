//! A large log for benches: real entries over and over, every page and tile prepared and compressed before the
//! first request, so that the machine's time goes to the client.
//!
//! Entry i is entry i mod c of the c real ones; the tree over them is a true one, and its heads are signed when
//! asked for. Both protocols are served, without TLS and without knobs.
//!
//! # Limitations
//!
//! The issuers of the real entries are not at hand. Every chain consists of the same two certificates of the lab,
//! as long as those of a large CA, and no issuer_key_hash fits them. The leaf index in the extensions of an entry
//! is that of its first appearance; get-proof-by-hash answers with it too.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use countersign_net::Clock;
use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, Uri};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::authority::{Authority, IssueError, Request, SubjectKey};
use crate::certificates::sha256;
use crate::log::reply::{Reply, gzip};
use crate::log::rfc6962::{all_base64, entry_json, head_json};
use crate::log::signer::Signer;
use crate::log::static_ct::{TILE, TileOf, TilePath};
use crate::log::tree::{Tree, count};
use crate::log::{Content, Entry, Head, Protocol, list};

/// What to serve.
#[derive(Clone, Debug)]
pub struct Settings {
    /// A folder with full data tiles of a static CT log as `tile/data/000`, `tile/data/001` and so on.
    pub tiles: PathBuf,
    /// How many entries the log shall have.
    pub entries: u64,
    /// When its heads are signed.
    pub clock: Clock,
}

/// A large log that serves until it is dropped.
pub struct Running {
    big: Arc<BigLog>,
    address: SocketAddr,
    /// Dropped with the rest, which ends the serving.
    _tasks: JoinSet<()>,
}

/// Why there is no large log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BigLogError {
    /// A tile cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file is not a full data tile.
    #[error("{path} is not a full data tile")]
    Tile {
        /// The file.
        path: PathBuf,
    },
    /// There are no tiles.
    #[error("there are no data tiles in {folder}")]
    NoTiles {
        /// The folder.
        folder: PathBuf,
    },
    /// The issuers could not be made.
    #[error("cannot make a chain")]
    Chain(#[source] IssueError),
    /// No port to listen on.
    #[error("cannot listen on loopback")]
    Listen(#[source] io::Error),
}

/// All that is served.
struct BigLog {
    size: u64,
    /// The real entries.
    entries: Vec<Entry>,
    /// Of each real entry, where it first stands.
    indices: HashMap<[u8; 32], u64>,
    issuers: BTreeMap<[u8; 32], Vec<u8>>,
    tree: Tree,
    root: [u8; 32],
    pages: Vec<Page>,
    signer: Signer,
    clock: Clock,
}

/// 256 entries, ready to be sent in four ways.
struct Page {
    json: Bytes,
    json_gzip: Bytes,
    tile: Bytes,
    tile_gzip: Bytes,
}

/// Prepares a large log, which keeps this thread and all processors busy for a second or two, and serves it on a
/// free port of 127.0.0.1.
pub async fn serve_big_log(settings: Settings) -> Result<Running, BigLogError> {
    let big = Arc::new(BigLog::prepare(settings)?);
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(any).await.map_err(BigLogError::Listen)?;
    let address = listener.local_addr().map_err(BigLogError::Listen)?;
    let router = Router::new().fallback(answer).with_state(Arc::clone(&big));
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        match axum::serve(listener, router).await {
            Ok(()) => {}
            Err(err) => tracing::warn!("the large log stops serving: {err:#}"),
        }
    });
    Ok(Running { big, address, _tasks: tasks })
}

impl Running {
    /// Where its resources are: ends in a slash.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// What its head says now.
    pub fn head(&self) -> Head {
        self.big.head()
    }

    /// The public key: a SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        self.big.signer.spki()
    }

    /// A log list with this log alone, as one that speaks this protocol.
    pub fn log_list_json(&self, protocol: Protocol) -> Vec<u8> {
        let now = self.big.clock.now();
        let url = self.url();
        let mut entry = json!({
            "description": "Large log of the lab",
            "log_id": STANDARD.encode(self.big.signer.log_id()),
            "key": STANDARD.encode(self.spki()),
            "mmd": 86_400,
            "state": { "usable": { "timestamp": "2000-01-01T00:00:00Z" } },
        });
        match protocol {
            Protocol::Rfc6962 => entry["url"] = json!(url),
            Protocol::StaticCt => {
                entry["submission_url"] = json!(url);
                entry["monitoring_url"] = json!(url);
            }
        }
        list::list_of([("Countersign Lab", protocol, entry)].into_iter(), now)
    }
}

impl BigLog {
    /// Reads the tiles, builds the tree, prepares the pages.
    fn prepare(settings: Settings) -> Result<Self, BigLogError> {
        let issuers = issuers().map_err(BigLogError::Chain)?;
        let entries = read_tiles(&settings.tiles, &issuers)?;
        let hashes: Vec<[u8; 32]> = entries.iter().map(Entry::leaf_hash).collect();
        let mut tree = Tree::default();
        for hash in hashes.iter().cycle().zip(0..settings.entries).map(|(hash, _)| hash) {
            tree.push(*hash);
        }
        let indices = hashes.into_iter().zip(0..).collect();
        Ok(Self {
            size: settings.entries,
            pages: pages(&entries),
            entries,
            indices,
            issuers: issuers.into_iter().map(|issuer| (sha256(&issuer), issuer)).collect(),
            root: tree.root(settings.entries),
            tree,
            signer: Signer::generate("large.lab.example".to_owned()),
            clock: settings.clock,
        })
    }

    /// The head, as of now.
    fn head(&self) -> Head {
        let now = self.clock.now().as_millisecond();
        let timestamp_ms = u64::try_from(now).expect("the lab plays after 1970");
        Head { size: self.size, timestamp_ms, root: self.root }
    }

    /// The entry at an index of the log.
    fn entry(&self, index: u64) -> &Entry {
        let index = index % count(self.entries.len());
        &self.entries[usize::try_from(index).expect("below a length")]
    }

    /// The page that starts at this index, if it is a full one.
    fn page(&self, start: u64) -> Option<&Page> {
        if !start.is_multiple_of(TILE) || start + TILE > self.size {
            return None;
        }
        let page = (start / TILE) % count(self.pages.len());
        Some(&self.pages[usize::try_from(page).expect("below a length")])
    }

    /// The answer to any GET.
    fn answer(&self, path: &str, query: &BTreeMap<String, String>, gzipped: bool) -> Option<Reply> {
        let number = |name: &str| query.get(name)?.parse::<u64>().ok();
        let within = |size: u64| (size <= self.size).then_some(size);
        let plain = match path.strip_prefix('/')?.split_once('/') {
            Some(("ct", "v1/get-sth")) => {
                let head = self.head();
                Reply::json(&head_json(&head, &self.signer.sign_head(&head)))
            }
            Some(("ct", "v1/get-entries")) => {
                return self.entries(number("start")?, number("end")?, gzipped);
            }
            Some(("ct", "v1/get-sth-consistency")) => {
                let (first, second) = (number("first")?, within(number("second")?)?);
                let proof =
                    (first <= second).then(|| self.tree.consistency_proof(first, second))?;
                Reply::json(&json!({ "consistency": all_base64(&proof) }))
            }
            Some(("ct", "v1/get-proof-by-hash")) => {
                let hash: [u8; 32] = STANDARD.decode(query.get("hash")?).ok()?.try_into().ok()?;
                let (index, size) = (*self.indices.get(&hash)?, within(number("tree_size")?)?);
                let path = (index < size).then(|| self.tree.inclusion_proof(index, size))?;
                Reply::json(&json!({ "leaf_index": index, "audit_path": all_base64(&path) }))
            }
            Some(("ct", "v1/get-entry-and-proof")) => {
                let (index, size) = (number("leaf_index")?, within(number("tree_size")?)?);
                let path = (index < size).then(|| self.tree.inclusion_proof(index, size))?;
                let mut answer = entry_json(self.entry(index));
                answer["audit_path"] = json!(all_base64(&path));
                Reply::json(&answer)
            }
            Some(("ct", "v1/get-roots")) => Reply::json(&json!({ "certificates": [] })),
            Some(("tile", tile)) => return self.tile(TilePath::parse(tile)?, gzipped),
            Some(("issuer", fingerprint)) => {
                let named = |known: &&[u8; 32]| hex(*known) == fingerprint;
                let issuer = self.issuers.keys().find(named)?;
                Reply::ok("application/pkix-cert", self.issuers[issuer].clone())
            }
            None if path == "/checkpoint" => {
                let head = self.head();
                let signature = self.signer.sign_head(&head);
                let text = self.signer.checkpoint(&head, &signature, &[], &[]);
                Reply::ok("text/plain; charset=utf-8", text)
            }
            None | Some(_) => return None,
        };
        Some(plain)
    }

    /// Pages end at multiples of 256.
    fn entries(&self, start: u64, end: u64, gzipped: bool) -> Option<Reply> {
        let last = end.min(self.size.checked_sub(1)?).min(start - start % TILE + (TILE - 1));
        let prepared = self.page(start).filter(|_| last == start + (TILE - 1));
        match (prepared, gzipped) {
            (Some(page), true) => Some(Reply::compressed(JSON, page.json_gzip.clone())),
            (Some(page), false) => Some(Reply::ok(JSON, page.json.clone())),
            (None, _) if start > last => None,
            (None, _) => {
                let entries = (start..=last).map(|index| self.entry(index));
                Some(Reply::ok(JSON, json_page(entries)))
            }
        }
    }

    /// The partial tiles that are served are those at the right edge.
    fn tile(&self, asked: TilePath, gzipped: bool) -> Option<Reply> {
        let start = asked.index.checked_mul(TILE)?;
        let range = start..start.checked_add(asked.width)?;
        let level = match asked.of {
            TileOf::Hashes(level) => level,
            TileOf::Entries => 0,
        };
        let hashes = self.size >> (8 * level);
        if range.end > hashes || (asked.width < TILE && range.end != hashes) {
            return None;
        }
        let prepared = self.page(start).filter(|_| asked.width == TILE);
        match (asked.of, prepared) {
            (TileOf::Hashes(level), _) => {
                let binary = usize::try_from(8 * level).ok()?;
                let hashes: Option<Vec<[u8; 32]>> =
                    range.map(|index| self.tree.subtree(binary, index)).collect();
                Some(Reply::ok(OCTETS, hashes?.concat()))
            }
            (TileOf::Entries, Some(page)) if gzipped => {
                Some(Reply::compressed(OCTETS, page.tile_gzip.clone()))
            }
            (TileOf::Entries, Some(page)) => Some(Reply::ok(OCTETS, page.tile.clone())),
            (TileOf::Entries, None) => {
                let leaves: Vec<u8> =
                    range.flat_map(|index| self.entry(index).tile_leaf()).collect();
                Some(Reply::ok(OCTETS, leaves))
            }
        }
    }
}

/// Every request.
async fn answer(State(big): State<Arc<BigLog>>, uri: Uri, headers: HeaderMap) -> Response {
    let query = Query::try_from_uri(&uri).map(|query| query.0).unwrap_or_default();
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let gzipped = accepted.is_some_and(|codings| codings.contains("gzip"));
    let reply = big.answer(uri.path(), &query, gzipped);
    reply.unwrap_or_else(|| Reply::refusal(404, "no such resource")).into_response()
}

/// Prepares every page there is, on all processors.
fn pages(entries: &[Entry]) -> Vec<Page> {
    let page = usize::try_from(TILE).expect("256");
    let chunks: Vec<&[Entry]> = entries.chunks_exact(page).collect();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = chunks
            .chunks(chunks.len().div_ceil(threads).max(1))
            .map(|some| scope.spawn(|| some.iter().map(|chunk| Page::of(chunk)).collect()))
            .collect();
        let joined = |worker: thread::ScopedJoinHandle<'_, Vec<Page>>| {
            worker.join().expect("compressing into memory does not panic")
        };
        workers.into_iter().flat_map(joined).collect()
    })
}

impl Page {
    fn of(entries: &[Entry]) -> Self {
        let json: Bytes = json_page(entries.iter()).into();
        let tile: Bytes = entries.iter().flat_map(Entry::tile_leaf).collect();
        Self { json_gzip: gzip(&json), tile_gzip: gzip(&tile), json, tile }
    }
}

/// The body of an answer to get-entries.
fn json_page<'a>(entries: impl Iterator<Item = &'a Entry>) -> String {
    json!({ "entries": entries.map(entry_json).collect::<Vec<_>>() }).to_string()
}

/// Two certificates as long as an intermediate and a root of a large CA.
fn issuers() -> Result<Vec<Vec<u8>>, IssueError> {
    let authority = Authority::new("Large Log", 0);
    let key = SubjectKey::generate();
    let issuer = |number: u32| {
        let names = (0..ISSUER_NAMES).map(|name| format!("issuer{number}-{name}.lab.example"));
        let request = Request {
            names: names.collect(),
            key: &key,
            not_before: "2020-01-01T00:00:00Z".parse().expect("a literal time"),
            not_after: "2040-01-01T00:00:00Z".parse().expect("a literal time"),
            rewrite: None,
        };
        authority.issue_unlogged(&request).map(|issued| issued.certificate)
    };
    Ok(vec![issuer(1)?, issuer(2)?])
}

/// The entries of all full data tiles of a folder.
fn read_tiles(folder: &Path, issuers: &[Vec<u8>]) -> Result<Vec<Entry>, BigLogError> {
    let mut entries = Vec::new();
    for tile in 0..TILES_MAX {
        let path = folder.join(format!("tile/data/{tile:03}"));
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(err) if err.kind() == io::ErrorKind::NotFound => break,
            Err(source) => return Err(BigLogError::Read { path, source }),
        };
        let mut rest = &bytes[..];
        let mut leaves = 0;
        while !rest.is_empty() {
            let leaf = read_leaf(&mut rest, issuers);
            entries.push(leaf.ok_or_else(|| BigLogError::Tile { path: path.clone() })?);
            leaves += 1;
        }
        if leaves != TILE {
            return Err(BigLogError::Tile { path });
        }
    }
    if entries.is_empty() {
        return Err(BigLogError::NoTiles { folder: folder.to_owned() });
    }
    Ok(entries)
}

/// Reads a TileLeaf (c2sp.org/static-ct-api, "Log entries") and gives it other issuers.
fn read_leaf(rest: &mut &[u8], issuers: &[Vec<u8>]) -> Option<Entry> {
    let timestamp_ms = u64::from_be_bytes(*take(rest, 8)?.first_chunk()?);
    let issuer_key_hash = match take(rest, 2)? {
        [0, 0] => None,
        [0, 1] => Some(*take(rest, 32)?.first_chunk()?),
        _ => return None,
    };
    let signed = prefixed(rest, 3)?.to_vec();
    let extensions = prefixed(rest, 2)?.to_vec();
    let content = match issuer_key_hash {
        None => Content::X509 { certificate: signed },
        Some(issuer_key_hash) => {
            let precertificate = prefixed(rest, 3)?.to_vec();
            Content::Precert { issuer_key_hash, tbs: signed, precertificate }
        }
    };
    prefixed(rest, 2)?;
    Some(Entry { timestamp_ms, content, extensions, issuers: issuers.to_vec() })
}

/// The next so many bytes.
fn take<'a>(rest: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(bytes)?;
    *rest = after;
    Some(taken)
}

/// The next bytes, with their length before them.
fn prefixed<'a>(rest: &mut &'a [u8], length_bytes: usize) -> Option<&'a [u8]> {
    let length = take(rest, length_bytes)?.iter().fold(0, |l, &byte| l << 8 | usize::from(byte));
    take(rest, length)
}

/// Lowercase hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const JSON: &str = "application/json";
const OCTETS: &str = "application/octet-stream";

/// How many names make an issuer about 1,300 bytes long, as intermediates with RSA keys are.
const ISSUER_NAMES: u32 = 35;

/// How many tiles fit the names with three digits.
const TILES_MAX: u32 = 1000;

#[cfg(test)]
mod tests;
