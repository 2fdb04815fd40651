//! The two kinds of log, as things to be fetched: which URLs a need takes, and what the replies bring.

use std::ops::Range;
use std::time::Duration;

use countersign_ct::certificate::Kind;
use countersign_ct::entry::{Content, Entry};
use countersign_ct::head::{Head, HeadError};
use countersign_ct::rfc6962::{self, AnswerError, Page, SignedTreeHead};
use countersign_ct::static_ct::{
    DataTile, SignedCheckpoint, begins_with_leaf, fingerprints, has_fingerprint, issuer_path,
};
use countersign_ct::tiles::{TileInclusion, TileProof};
use countersign_net::{Connection, FetchError, Get, Gzip, Net, Reply};
use countersign_sct::LogKey;
use countersign_tlog::tile::{TILE_WIDTH, TileError};
use countersign_tlog::{Frontier, Hash, HashTile, TileId, leaf_hash};
use jiff::Timestamp;

/// One log, as a place to fetch from.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) net: Net,
    pub(crate) vantage: String,
    /// In front of each path; ends in a slash.
    pub(crate) url: String,
    pub(crate) key: LogKey,
    pub(crate) connection: Connection,
}

/// Why a need was not met.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unmet {
    /// No answer.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The log asks us to slow down (RFC 6585 §4, RFC 9110 §15.6.4).
    #[error("the log answers {status}: too many requests")]
    Throttled { status: u16, retry_after: Option<Duration> },
    /// Another status than 200.
    #[error("the log answers {0}")]
    Status(u16),
    /// An answer that is not what the specification says.
    #[error("the log answers with something else: {0}")]
    Answer(#[from] AnswerError),
    /// A hash tile that is none.
    #[error("the log serves a hash tile that is none: {0}")]
    Tile(#[from] TileError),
    /// A head that cannot be read, or that the log did not sign.
    #[error("{error}")]
    Head { error: HeadError, answer: Vec<u8> },
    /// The answers do not fit each other, or not the question.
    #[error("{0}")]
    Unfitting(&'static str),
}

impl Unmet {
    /// Whether the log answered, and not with what it was asked for. It did not if the answer was lost on the way, or
    /// if it only asks us to come again.
    pub(crate) fn is_refusal(&self) -> bool {
        match self {
            Self::Fetch(_) | Self::Throttled { .. } => false,
            Self::Status(_)
            | Self::Answer(_)
            | Self::Tile(_)
            | Self::Head { .. }
            | Self::Unfitting(_) => true,
        }
    }
}

/// What a request for leaves brought.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// Index of the first leaf in the body.
    pub(crate) start: u64,
    /// How many leaves were asked for, from `start` on.
    pub(crate) asked: u64,
    pub(crate) body: Vec<u8>,
    /// The leaf hashes of the tile, where its entries cannot be told apart without them.
    pub(crate) hashes: Option<Vec<Hash>>,
    pub(crate) received_bytes: u64,
}

/// A kind of log.
pub(crate) trait Protocol: Clone + Send + Sync + 'static {
    type Head: Head + Send + Sync + 'static;

    /// Where the log is.
    fn place(&self) -> &Place;

    /// Which issuers an entry names without bringing them, by what came beside its leaf: their fingerprints.
    fn issuers(extra: &[u8], entry: Kind) -> Vec<[u8; 32]>;

    /// Reads a head and verifies it with the log's key.
    fn parse_head(&self, answer: &[u8]) -> Result<Self::Head, HeadError>;

    /// From now on, a new connection for each request.
    fn close_connections(&mut self);

    /// The newest head.
    fn head(&self, now: Timestamp) -> impl Future<Output = Result<Self::Head, Unmet>> + Send;

    /// Which of the leaves that are needed one request brings, if the log gives `page` at once.
    fn one_request(needed: Range<u64>, page: u64) -> Range<u64>;

    /// The leaves of one request.
    fn leaves(
        &self,
        range: Range<u64>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Fetched, Unmet>> + Send;

    /// Reads what [`Protocol::leaves`] brought.
    fn entries<R>(fetched: &Fetched, take: impl FnOnce(Vec<Entry<'_>>) -> R) -> Result<R, Unmet>;

    /// A consistency proof, not verified.
    fn consistency(
        &self,
        old: u64,
        new: u64,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Hash>, Unmet>> + Send;

    /// The audit path of a leaf in the tree of `size` leaves, not verified.
    fn inclusion(
        &self,
        index: u64,
        leaf: Hash,
        size: u64,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Hash>, Unmet>> + Send;

    /// The frontier of the first `size` leaves, and the proof that they begin the tree of `head_size`; neither
    /// verified.
    fn frontier(
        &self,
        size: u64,
        head_size: u64,
        now: Timestamp,
    ) -> impl Future<Output = Result<(Frontier, Vec<Hash>), Unmet>> + Send;
}

impl Place {
    /// Fetches `path`, of which at most `body_max` bytes are wanted.
    async fn get(&self, path: &str, body_max: usize, now: Timestamp) -> Result<Reply, Unmet> {
        let url = format!("{}{path}", self.url);
        let (vantage, connection) = (self.vantage.as_str(), self.connection);
        let get =
            Get { url: &url, vantage, gzip: Gzip::Ask, body_max, deadline: DEADLINE, connection };
        let reply = self.net.get(get, now).await?;
        match reply.status {
            200 => Ok(reply),
            status @ (429 | 503) => {
                Err(Unmet::Throttled { status, retry_after: reply.retry_after })
            }
            status => Err(Unmet::Status(status)),
        }
    }

    /// The certificate with this fingerprint, of an issuer (c2sp.org/static-ct-api, "Issuers").
    pub(crate) async fn issuer(
        &self,
        fingerprint: &[u8; 32],
        now: Timestamp,
    ) -> Result<Vec<u8>, Unmet> {
        let reply = self.get(&issuer_path(fingerprint), ISSUER_BYTES_MAX, now).await?;
        if has_fingerprint(&reply.body, fingerprint) {
            Ok(reply.body)
        } else {
            Err(Unmet::Unfitting("the log serves something else as this issuer"))
        }
    }
}

/// A log of RFC 6962.
#[derive(Clone, Debug)]
pub(crate) struct Rfc6962(pub(crate) Place);

impl Protocol for Rfc6962 {
    type Head = SignedTreeHead;

    fn place(&self) -> &Place {
        &self.0
    }

    /// The chain is in `extra_data`.
    fn issuers(_extra: &[u8], _entry: Kind) -> Vec<[u8; 32]> {
        Vec::new()
    }

    fn parse_head(&self, answer: &[u8]) -> Result<SignedTreeHead, HeadError> {
        SignedTreeHead::parse(answer, &self.0.key)
    }

    fn close_connections(&mut self) {
        self.0.connection = Connection::Close;
    }

    async fn head(&self, now: Timestamp) -> Result<SignedTreeHead, Unmet> {
        let reply = self.0.get(SignedTreeHead::PATH, SMALL_BYTES_MAX, now).await?;
        self.parse_head(&reply.body).map_err(|error| Unmet::Head { error, answer: reply.body })
    }

    /// Logs cut answers at multiples of their page size, so asking for what lies between two of them gets all
    /// of it at once.
    fn one_request(needed: Range<u64>, page: u64) -> Range<u64> {
        let page_end = (needed.start / page).saturating_add(1).saturating_mul(page);
        needed.start..needed.end.min(page_end)
    }

    async fn leaves(&self, range: Range<u64>, now: Timestamp) -> Result<Fetched, Unmet> {
        let reply = self.0.get(&rfc6962::entries_path(&range), LEAVES_BYTES_MAX, now).await?;
        let asked = range.end - range.start;
        let received_bytes = reply.received_bytes;
        Ok(Fetched { start: range.start, asked, body: reply.body, hashes: None, received_bytes })
    }

    fn entries<R>(fetched: &Fetched, take: impl FnOnce(Vec<Entry<'_>>) -> R) -> Result<R, Unmet> {
        let asked = usize::try_from(fetched.asked).unwrap_or(usize::MAX);
        let page = Page::parse(&fetched.body, asked)?;
        Ok(take(page.entries().collect()))
    }

    async fn consistency(&self, old: u64, new: u64, now: Timestamp) -> Result<Vec<Hash>, Unmet> {
        let reply = self.0.get(&rfc6962::consistency_path(old, new), SMALL_BYTES_MAX, now).await?;
        Ok(rfc6962::consistency(&reply.body)?)
    }

    async fn inclusion(
        &self,
        index: u64,
        leaf: Hash,
        size: u64,
        now: Timestamp,
    ) -> Result<Vec<Hash>, Unmet> {
        let path = rfc6962::inclusion_path(&leaf, size);
        let reply = self.0.get(&path, SMALL_BYTES_MAX, now).await?;
        let (proved, path) = rfc6962::inclusion(&reply.body)?;
        // A leaf may be in a log twice; then the log may name the other place.
        if proved != index {
            return Err(Unmet::Unfitting("the log proves another entry than the one asked for"));
        }
        Ok(path)
    }

    /// The audit path of the last of `size` leaves in a tree of just these has all the hashes of the frontier.
    async fn frontier(
        &self,
        size: u64,
        head_size: u64,
        now: Timestamp,
    ) -> Result<(Frontier, Vec<Hash>), Unmet> {
        let Some(last) = size.checked_sub(1) else { return Ok((Frontier::new(), Vec::new())) };
        let fetched = self.leaves(last..size, now).await?;
        let leaf = Self::entries(&fetched, |entries| entries.first().map(Entry::leaf_hash))?
            .ok_or(Unmet::Unfitting("the log gives no entry"))?;
        let path = self.inclusion(last, leaf, size, now).await?;
        let frontier = Frontier::from_last_leaf(size, leaf, &path)
            .ok_or(Unmet::Unfitting("the audit path has the wrong number of hashes"))?;
        let consistency = if size == head_size {
            Vec::new()
        } else {
            self.consistency(size, head_size, now).await?
        };
        Ok((frontier, consistency))
    }
}

/// A static log.
#[derive(Clone, Debug)]
pub(crate) struct StaticCt(pub(crate) Place);

impl StaticCt {
    /// A tile as wide as asked for, or the full one: a log may delete partial tiles once they are full.
    async fn tile(
        &self,
        id: TileId,
        path: fn(TileId) -> String,
        body_max: usize,
        now: Timestamp,
    ) -> Result<Reply, Unmet> {
        match self.0.get(&path(id), body_max, now).await {
            Err(Unmet::Status(404 | 410)) if !id.is_full() => {
                self.0.get(&path(id.full()), body_max, now).await
            }
            other => other,
        }
    }

    async fn hash_tile(&self, id: TileId, now: Timestamp) -> Result<HashTile, Unmet> {
        let reply = self.tile(id, TileId::path, HASH_TILE_BYTES, now).await?;
        // The first hashes of a full tile are those of the partial one.
        let wanted = reply.body.get(..usize::from(id.width) * leaf_hash(&[]).0.len());
        Ok(HashTile::parse(wanted.unwrap_or(&reply.body), id.width)?)
    }
}

impl Protocol for StaticCt {
    type Head = SignedCheckpoint;

    fn place(&self) -> &Place {
        &self.0
    }

    fn issuers(extra: &[u8], entry: Kind) -> Vec<[u8; 32]> {
        fingerprints(extra, entry).unwrap_or_default()
    }

    fn parse_head(&self, answer: &[u8]) -> Result<SignedCheckpoint, HeadError> {
        SignedCheckpoint::parse(answer, &self.0.key)
    }

    fn close_connections(&mut self) {
        self.0.connection = Connection::Close;
    }

    async fn head(&self, now: Timestamp) -> Result<SignedCheckpoint, Unmet> {
        let reply = self.0.get(SignedCheckpoint::PATH, SMALL_BYTES_MAX, now).await?;
        self.parse_head(&reply.body).map_err(|error| Unmet::Head { error, answer: reply.body })
    }

    fn one_request(needed: Range<u64>, _page: u64) -> Range<u64> {
        Rfc6962::one_request(needed, u64::from(TILE_WIDTH))
    }

    async fn leaves(&self, range: Range<u64>, now: Timestamp) -> Result<Fetched, Unmet> {
        let width = u64::from(TILE_WIDTH);
        let index = range.start / width;
        let start = index * width;
        let asked = range.end - start;
        let width = u16::try_from(asked).expect("one request is within one tile");
        let id = TileId { level: 0, index, width };
        let reply = self.tile(id, TileId::data_path, LEAVES_BYTES_MAX, now).await?;
        let hashes = match DataTile::read(&reply.body).unread {
            None => None,
            Some(_) => {
                // Either it has an entry of an unknown type, or it was spoilt on the way, and then nobody would
                // ever look at what is in it: what is taken as unknown has to be served twice.
                let again = self.tile(id, TileId::data_path, LEAVES_BYTES_MAX, now).await?;
                if again.body != reply.body {
                    return Err(Unmet::Unfitting("the log serves a data tile in two versions"));
                }
                Some(self.hash_tile(id, now).await?.hashes().to_vec())
            }
        };
        Ok(Fetched { start, asked, body: reply.body, hashes, received_bytes: reply.received_bytes })
    }

    fn entries<R>(fetched: &Fetched, take: impl FnOnce(Vec<Entry<'_>>) -> R) -> Result<R, Unmet> {
        let entries = match &fetched.hashes {
            Some(hashes) => {
                let entries = DataTile::read_with(&fetched.body, hashes);
                if !is_what_was_logged(&entries) {
                    return Err(Unmet::Unfitting(
                        "the data tile does not hold what the hash tile says",
                    ));
                }
                entries
            }
            None => DataTile::read(&fetched.body).entries,
        };
        let have = u64::try_from(entries.len()).expect("a tile has 256 entries");
        if have < fetched.asked {
            return Err(Unmet::Unfitting("the data tile has fewer entries than its name says"));
        }
        Ok(take(entries))
    }

    async fn consistency(&self, old: u64, new: u64, now: Timestamp) -> Result<Vec<Hash>, Unmet> {
        Ok(self.frontier(old, new, now).await?.1)
    }

    async fn inclusion(
        &self,
        index: u64,
        _leaf: Hash,
        size: u64,
        now: Timestamp,
    ) -> Result<Vec<Hash>, Unmet> {
        let mut proof = TileInclusion::new(index, size);
        while let Some(id) = proof.missing() {
            proof.feed(self.hash_tile(id, now).await?);
        }
        proof.path().ok_or(Unmet::Unfitting("the hash tiles are too narrow"))
    }

    async fn frontier(
        &self,
        size: u64,
        head_size: u64,
        now: Timestamp,
    ) -> Result<(Frontier, Vec<Hash>), Unmet> {
        let mut proof = TileProof::new(size, head_size);
        while let Some(id) = proof.missing() {
            proof.feed(self.hash_tile(id, now).await?);
        }
        proof.prove().ok_or(Unmet::Unfitting("the hash tiles are too narrow"))
    }
}

/// Whether what cannot be read in a tile is in the tree, as far as such entries can be told apart: see the limitations
/// of [`countersign_ct::static_ct`].
fn is_what_was_logged(entries: &[Entry<'_>]) -> bool {
    entries.iter().all(|entry| match entry.content {
        Content::Unknown { bytes: [], .. } => true,
        Content::Unknown { bytes, .. } => begins_with_leaf(bytes, &entry.leaf_hash()),
        Content::Certificate { .. } | Content::Precertificate { .. } => true,
    })
}

/// All of one request. A page of a slow log over a slow path takes seconds; minutes mean that it is stuck.
const DEADLINE: Duration = Duration::from_secs(60);
/// Heads and proofs: some kilobytes; a checkpoint with many large signatures may have a megabyte.
const SMALL_BYTES_MAX: usize = 1 << 20;
/// Pages and data tiles. 256 entries have about 1.5 MB; 1,000 of the largest that CAs submit stay below this.
const LEAVES_BYTES_MAX: usize = 64 << 20;
/// An issuer has a kilobyte or two; the largest certificates that logs take have some ten.
const ISSUER_BYTES_MAX: usize = 64 << 10;
/// 256 hashes of 32 bytes.
const HASH_TILE_BYTES: usize = 256 * 32;
