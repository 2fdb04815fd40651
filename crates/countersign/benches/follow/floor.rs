//! The floor: what no client of a log can leave out, without all that makes it one. It fetches the same bytes over
//! one connection, inflates, hashes, parses and matches them. It trusts the server with its life.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, ensure};
use countersign_ct::certificate::{Kind as Form, walk};
use countersign_ct::entry::{Beside, Content, Entry};
use countersign_ct::static_ct::DataTile;
use countersign_ct::watchlist::Watchlist;
use countersign_tlog::tile::TILE_WIDTH;
use countersign_tlog::{Frontier, Hash, TileId};
use flate2::{Decompress, FlushDecompress, Status};
use memchr::{memchr, memmem};

use crate::Kind;
use crate::client::guard;

/// Reads a log and returns the root of its tree.
pub(crate) fn run(kind: Kind, url: &str, entries: u32, guards: u32) -> anyhow::Result<Hash> {
    let guards = (0..guards).map(|number| guard(number).parse());
    let mut reader = Reader {
        watchlist: Watchlist::new(guards.collect::<Result<_, _>>()?)?,
        frontier: Frontier::new(),
    };
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let mut connection = BufReader::new(TcpStream::connect(host)?);
    let (mut wire, mut body, mut leaf) = (Vec::new(), Vec::new(), Vec::new());
    let entries = u64::from(entries);
    for start in (0..entries).step_by(usize::from(TILE_WIDTH)) {
        let width = u64::from(TILE_WIDTH).min(entries - start);
        let path = match kind {
            Kind::Rfc6962 => {
                format!("ct/v1/get-entries?start={start}&end={}", start + width - 1)
            }
            Kind::Static => TileId {
                level: 0,
                index: start / u64::from(TILE_WIDTH),
                width: u16::try_from(width)?,
            }
            .data_path(),
        };
        fetch(&mut connection, host, &path, &mut wire, &mut body)?;
        match kind {
            Kind::Rfc6962 => {
                let mut rest = &body[..];
                while let Some(place) = memmem::find(rest, LEAF_INPUT) {
                    rest = &rest[place + LEAF_INPUT.len()..];
                    let end = memchr(b'"', rest).context("no end of a string")?;
                    leaf.clear();
                    base64_simd::STANDARD.decode_append(&rest[..end], &mut leaf)?;
                    reader.read(&Entry::from_leaf(&leaf, Beside::Nothing));
                    rest = &rest[end..];
                }
            }
            Kind::Static => {
                DataTile::read(&body).entries.iter().for_each(|entry| reader.read(entry));
            }
        }
    }
    ensure!(reader.frontier.size() == entries, "the pages had other sizes");
    Ok(reader.frontier.root())
}

struct Reader {
    watchlist: Watchlist,
    frontier: Frontier,
}

impl Reader {
    fn read(&mut self, entry: &Entry<'_>) {
        self.frontier.push(entry.leaf_hash());
        let walked = match entry.content {
            Content::Certificate { certificate, .. } => walk(certificate, Form::Certificate),
            Content::Precertificate { tbs, .. } => walk(tbs, Form::Tbs),
            Content::Unknown { .. } => return,
        };
        assert!(self.watchlist.matches(&walked).is_empty(), "a guarded name is in the data");
    }
}

/// Fetches one body with gzip, if the server likes.
fn fetch(
    connection: &mut BufReader<TcpStream>,
    host: &str,
    path: &str,
    wire: &mut Vec<u8>,
    body: &mut Vec<u8>,
) -> anyhow::Result<()> {
    let request = format!("GET /{path} HTTP/1.1\r\nhost: {host}\r\naccept-encoding: gzip\r\n\r\n");
    connection.get_mut().write_all(request.as_bytes())?;
    let (mut length, mut gzip) = (0, false);
    let mut line = String::new();
    loop {
        line.clear();
        connection.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else {
            if line == "\r\n" {
                break;
            }
            ensure!(line.starts_with("HTTP/1.1 200"), "the server says {line}");
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse()?,
            "content-encoding" => gzip = value.trim() == "gzip",
            _ => {}
        }
    }
    wire.resize(length, 0);
    connection.read_exact(wire)?;
    body.clear();
    if !gzip {
        body.append(wire);
        return Ok(());
    }
    let size = wire.last_chunk::<4>().context("a short body")?;
    body.reserve(usize::try_from(u32::from_le_bytes(*size))?);
    let status = Decompress::new_gzip(15).decompress_vec(wire, body, FlushDecompress::Finish)?;
    ensure!(status == Status::StreamEnd, "the body is cut off");
    Ok(())
}

const LEAF_INPUT: &[u8] = b"\"leaf_input\":\"";
