use super::*;

/// Writes one full data tile: x509 and precert entries by turns.
fn tile(folder: &Path) -> Vec<Entry> {
    let entry = |number: u16| {
        let bytes = number.to_be_bytes().to_vec();
        let content = match number % 2 {
            0 => Content::X509 { certificate: bytes },
            _ => Content::Precert {
                issuer_key_hash: [1; 32],
                tbs: bytes.clone(),
                precertificate: bytes,
            },
        };
        Entry { timestamp_ms: 5, content, extensions: vec![7], issuers: vec![] }
    };
    let entries: Vec<Entry> = (0..256).map(entry).collect();
    fs::create_dir_all(folder.join("tile/data")).unwrap();
    let bytes: Vec<u8> = entries.iter().flat_map(Entry::tile_leaf).collect();
    fs::write(folder.join("tile/data/000"), bytes).unwrap();
    entries
}

fn settings(tiles: &Path, entries: u64) -> Settings {
    let clock = Clock::simulated("2026-11-24T12:00:00Z".parse().unwrap());
    Settings { tiles: tiles.to_owned(), entries, clock }
}

/// A log of 600 entries over 256 real ones.
fn big() -> (Vec<Entry>, BigLog) {
    let folder = tempfile::tempdir().unwrap();
    let entries = tile(folder.path());
    (entries, BigLog::prepare(settings(folder.path(), 600)).unwrap())
}

fn query(pairs: &[(&str, u64)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), value.to_string())).collect()
}

#[test]
fn pages_hash_to_the_root_in_both_protocols() {
    let (real, big) = big();
    let mut tree = Tree::default();
    for entry in real.iter().cycle().take(600) {
        tree.push(entry.leaf_hash());
    }
    assert_eq!(big.head().root, tree.root(600));
    for (start, length) in [(0, 256), (256, 256), (512, 88), (300, 212)] {
        let reply =
            big.answer("/ct/v1/get-entries", &query(&[("start", start), ("end", 9999)]), false);
        let body: serde_json::Value = serde_json::from_slice(reply.unwrap().body()).unwrap();
        let entries = body["entries"].as_array().unwrap();
        assert_eq!(count(entries.len()), length);
        for (entry, index) in entries.iter().zip(start..) {
            let leaf = STANDARD.decode(entry["leaf_input"].as_str().unwrap()).unwrap();
            assert_eq!(sha256(&[&[0], &leaf[..]].concat()), tree.subtree(0, index).unwrap());
        }
    }
    let hashes = big.answer("/tile/0/002.p/88", &query(&[]), false).unwrap();
    let expected: Vec<u8> = (512..600).flat_map(|index| tree.subtree(0, index).unwrap()).collect();
    assert_eq!(hashes.body()[..], expected);
    let expected: Vec<u8> = (256..512).flat_map(|index| big.entry(index).tile_leaf()).collect();
    assert_eq!(big.answer("/tile/data/001", &query(&[]), false).unwrap().body()[..], expected);
    assert!(big.answer("/tile/data/002", &query(&[]), false).is_none());
    assert!(big.answer("/tile/data/002.p/87", &query(&[]), false).is_none());
}

#[test]
fn issuers_have_the_length_of_real_ones() {
    for issuer in issuers().unwrap() {
        assert!((1_200..1_400).contains(&issuer.len()), "{}", issuer.len());
    }
}

#[test]
fn folders_without_full_tiles_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let none = BigLog::prepare(settings(folder.path(), 1)).err().unwrap();
    assert!(matches!(none, BigLogError::NoTiles { .. }), "{none}");
    tile(folder.path());
    let file = folder.path().join("tile/data/000");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    let cut = BigLog::prepare(settings(folder.path(), 1)).err().unwrap();
    assert!(matches!(cut, BigLogError::Tile { .. }), "{cut}");
}

#[tokio::test]
async fn it_runs_over_the_real_tiles() {
    let vectors = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../../shared/vectors/ct/static-tiles/navigli2025h2"
    );
    if !Path::new(vectors).exists() {
        eprintln!("skipped: no {vectors}");
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "no vectors under CI=true");
        return;
    }
    let running = serve_big_log(settings(Path::new(vectors), 5_000)).await.unwrap();
    assert_eq!(running.big.entries.len(), 1024);
    // The leaf hashes are those of the real log.
    let hashes = fs::read(Path::new(vectors).join("tile/0/003")).unwrap();
    let served = running.big.answer("/tile/0/003", &query(&[]), false).unwrap();
    assert_eq!(served.body()[..], hashes);
    for protocol in [Protocol::Rfc6962, Protocol::StaticCt] {
        let list = countersign_sct::LogList::parse(&running.log_list_json(protocol)).unwrap();
        assert_eq!((list.logs.len(), list.skipped.len()), (1, 0));
        assert_eq!(list.logs[0].key.spki(), running.spki());
    }
    assert!(running.url().starts_with("http://127.0.0.1:"));
    assert_eq!(running.head().size, 5_000);
}
