//! An honest log: whatever it says verifies, by code that it does not share.

use countersign_net::{Connection, FetchError, Get, Net, Redirects, Roots, Route, Vantage};
use countersign_sct as sct;
use countersign_tlog::{Hash, HashTile, Node, Note, TileId, leaf_hash};
use countersign_tlog::{verify_consistency, verify_inclusion};
use flate2::read::GzDecoder;
use std::io::Read as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::*;

/// The key of the log as the product knows it.
fn key(lab: &Lab) -> sct::LogKey {
    sct::LogKey::from_spki(lab.log.spki()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn hash(value: &Value) -> Hash {
    Hash(bytes(value).try_into().unwrap())
}

fn hashes(value: &Value) -> Vec<Hash> {
    value.as_array().unwrap().iter().map(hash).collect()
}

/// Checks the signature on a tree head (RFC 6962 §3.5); the size, timestamp and root.
pub(super) fn check_head(lab: &Lab, sth: &Value) -> (u64, u64, Hash) {
    let (size, timestamp) = (&sth["tree_size"], &sth["timestamp"]);
    let (size, timestamp) = (size.as_u64().unwrap(), timestamp.as_u64().unwrap());
    let root = hash(&sth["sha256_root_hash"]);
    let signed = [&[0, 1], &timestamp.to_be_bytes()[..], &size.to_be_bytes(), &root.0].concat();
    let signature = sct::DigitallySigned::parse(&bytes(&sth["tree_head_signature"])).unwrap();
    key(lab).verify(&signed, &signature).unwrap();
    (size, timestamp, root)
}

/// Splits and verifies a checkpoint; the size and timestamp.
pub(super) fn check_checkpoint(lab: &Lab, text: &str) -> (u64, u64) {
    let note = Note::parse(text.as_bytes()).unwrap();
    let (size, root) = {
        let checkpoint = countersign_tlog::Checkpoint::parse(note.text()).unwrap();
        assert_eq!(checkpoint.origin(), lab.log.origin());
        (checkpoint.size(), checkpoint.root())
    };
    let line = text.lines().find(|line| line.starts_with("— log.example/2026h2 ")).unwrap();
    let blob = STANDARD.decode(line.rsplit_once(' ').unwrap().1).unwrap();
    let key_id = sha256(&[b"log.example/2026h2\n\x05", &lab.log.log_id()[..]].concat());
    assert_eq!(blob[..4], key_id[..4]);
    let signed = [&[0, 1], &blob[4..12], &size.to_be_bytes(), &root.0].concat();
    let signature = sct::DigitallySigned::parse(&blob[12..]).unwrap();
    key(lab).verify(&signed, &signature).unwrap();
    (size, u64::from_be_bytes(blob[4..12].try_into().unwrap()))
}

#[tokio::test] // RFC 6962 §4.3 to §4.8
async fn heads_entries_and_proofs_agree() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.issue("www.example.org");
    lab.fill(6);
    let (first, _, first_root) = check_head(&lab, &lab.get("ct/v1/get-sth").await.json());
    lab.advance(Duration::from_secs(60)).await;
    lab.fill(293);
    let (size, timestamp, root) = check_head(&lab, &lab.get("ct/v1/get-sth").await.json());
    assert_eq!((first, size, timestamp), (7, 300, lab.now_ms()));

    let path = format!("ct/v1/get-sth-consistency?first={first}&second={size}");
    let proof = hashes(&lab.get(&path).await.json()["consistency"]);
    verify_consistency(first, &first_root, size, &root, &proof).unwrap();

    let page = lab.get("ct/v1/get-entries?start=3&end=9").await.json();
    let page = page["entries"].as_array().unwrap();
    assert_eq!(page.len(), 7);
    for (entry, index) in page.iter().zip(3..) {
        let leaf = leaf_hash(&[&bytes(&entry["leaf_input"])]);
        let escaped = leaf.to_string().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let path = format!("ct/v1/get-proof-by-hash?hash={escaped}&tree_size={size}");
        let proof = lab.get(&path).await.json();
        assert_eq!(proof["leaf_index"], json!(index));
        verify_inclusion(index, size, &leaf, &hashes(&proof["audit_path"]), &root).unwrap();

        let path = format!("ct/v1/get-entry-and-proof?leaf_index={index}&tree_size={size}");
        let proof = lab.get(&path).await.json();
        assert_eq!(
            (&proof["leaf_input"], &proof["extra_data"]),
            (&entry["leaf_input"], &entry["extra_data"])
        );
        verify_inclusion(index, size, &leaf, &hashes(&proof["audit_path"]), &root).unwrap();
    }
    let roots = lab.get("ct/v1/get-roots").await.json();
    assert_eq!(bytes(&roots["certificates"][0]), lab.authority.root());
}

#[tokio::test] // RFC 6962 §4: what cannot be answered is a client's error
async fn nothing_beyond_the_head() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.fill(10);
    lab.log.push(junk(99), vec![]);
    for (path, status) in [
        ("ct/v1/get-entries?start=10&end=10", 400),
        ("ct/v1/get-entries?start=2&end=1", 400),
        ("ct/v1/get-entries?start=2", 400),
        ("ct/v1/get-entries?start=x&end=9", 400),
        ("ct/v1/get-sth-consistency?first=5&second=11", 400),
        ("ct/v1/get-sth-consistency?first=6&second=5", 400),
        ("ct/v1/get-entry-and-proof?leaf_index=10&tree_size=11", 400),
        ("ct/v1/get-proof-by-hash?hash=AAAA&tree_size=10", 400),
        ("ct/v1/nonsense", 404),
        ("tile/0/000", 404),
        ("tile/0/000.p/9", 404),
        ("tile/data/000.p/11", 404),
        ("issuer/00", 404),
    ] {
        assert_eq!(lab.get(path).await.status, status, "{path}");
    }
    let page = lab.get("ct/v1/get-entries?start=8&end=1000").await.json();
    assert_eq!(page["entries"].as_array().unwrap().len(), 2);
}

#[tokio::test] // c2sp.org/static-ct-api
async fn tiles_hash_to_the_checkpoint() {
    let lab = lab(Protocol::StaticCt).await;
    lab.fill(300);
    let checkpoint = lab.get("checkpoint").await;
    assert_eq!(check_checkpoint(&lab, checkpoint.text()), (300, lab.now_ms()));

    let root = countersign_tlog::Checkpoint::parse(
        Note::parse(checkpoint.text().as_bytes()).unwrap().text(),
    )
    .unwrap()
    .root();
    let mut peaks = Vec::new();
    for node in countersign_tlog::proof::peaks(300) {
        peaks.push(read_node(&lab, node).await);
    }
    let frontier = countersign_tlog::Frontier::from_peaks(300, peaks).unwrap();
    assert_eq!(frontier.root(), root);

    // The entries of the data tile hash to the level 0 tile, and carry their index.
    let tile = lab.get("tile/data/001.p/44").await.body;
    let history = lab.log.service.state();
    let entry = history.histories[0].entry(256).unwrap();
    assert!(tile.starts_with(&entry.tile_leaf()));
    assert_eq!(entry.extensions, [0, 0, 5, 0, 0, 0, 1, 0]);
}

/// Fetches the tile that covers a node.
async fn read_node(lab: &Lab, node: Node) -> Hash {
    let id = TileId::covering(node, 300);
    let answer = lab.get(&id.path()).await;
    assert_eq!(answer.status, 200, "{}", id.path());
    HashTile::parse(&answer.body, id.width).unwrap().hash_of(id, node).unwrap()
}

#[tokio::test] // c2sp.org/tlog-tiles, "Partial tiles"
async fn only_partial_tiles_that_were_published_exist() {
    let lab = lab(Protocol::StaticCt).await;
    lab.fill(10);
    lab.fill(290);
    for (path, status) in [
        ("tile/0/000.p/10", 200),
        ("tile/0/000.p/11", 404),
        ("tile/0/000", 200),
        ("tile/0/001.p/44", 200),
        ("tile/0/001.p/43", 404),
        ("tile/1/000.p/1", 200),
        ("tile/1/000.p/2", 404),
        ("tile/2/000.p/1", 404),
    ] {
        assert_eq!(lab.get(path).await.status, status, "{path}");
    }
}

#[tokio::test] // RFC 6962 §4.1, §4.2
async fn submissions_over_http_get_scts_that_verify() {
    for protocol in [Protocol::Rfc6962, Protocol::StaticCt] {
        let lab = lab(protocol).await;
        let issued = lab.issue("www.example.org");
        for (call, first) in [
            ("ct/v1/add-chain", &issued.certificate),
            ("ct/v1/add-pre-chain", issued.precertificate.as_ref().unwrap()),
        ] {
            let chain = [first, lab.authority.intermediate()];
            let body = json!({ "chain": rfc6962::all_base64(&chain) }).to_string();
            let answer = lab.raw(Group::A, "POST", call, "", body.as_bytes()).await.unwrap();
            let answer = parse(&answer).json();
            assert_eq!(bytes(&answer["id"]), lab.log.log_id());
            let sct = sct::Sct {
                log_id: sct::LogId(lab.log.log_id()),
                timestamp_ms: answer["timestamp"].as_u64().unwrap(),
                extensions: bytes(&answer["extensions"]),
                signature: sct::DigitallySigned::parse(&bytes(&answer["signature"])).unwrap(),
            };
            let tbs = sct::precert_tbs(first).unwrap();
            let issuer_key_hash = sha256(sct::spki_of(lab.authority.intermediate()).unwrap());
            let entry = match call {
                "ct/v1/add-chain" => sct::SignedEntry::X509 { certificate: first },
                _ => sct::SignedEntry::Precert { issuer_key_hash, tbs: &tbs },
            };
            sct::verify_sct(&sct, &entry, &key(&lab)).unwrap();
            assert_eq!(sct.leaf_index().is_some(), protocol == Protocol::StaticCt);
        }
        lab.log.publish();
        let fingerprint: String =
            sha256(lab.authority.intermediate()).iter().map(|byte| format!("{byte:02x}")).collect();
        let issuer = lab.get(&format!("issuer/{fingerprint}")).await;
        assert_eq!(issuer.body, lab.authority.intermediate());
    }
}

#[tokio::test] // RFC 6962 §3.1
async fn chains_that_do_not_fit_are_refused() {
    let lab = lab(Protocol::Rfc6962).await;
    let issued = lab.issue("www.example.org");
    let precertificate = issued.precertificate.clone().unwrap();
    let [intermediate, root] =
        [lab.authority.intermediate().to_vec(), lab.authority.root().to_vec()];
    let stranger = Authority::new("Stranger", 8);
    let check = |chain: &[Vec<u8>], expected| {
        assert_eq!(lab.log.add_chain(chain).err(), expected);
    };
    check(&[], Some(Refused::Empty));
    check(&[issued.certificate.clone(), intermediate.clone(), root.clone()], None);
    check(&[issued.certificate.clone(), intermediate.clone()], None);
    check(std::slice::from_ref(&issued.certificate), Some(Refused::Root));
    let crossed = vec![issued.certificate.clone(), stranger.intermediate().to_vec()];
    check(&crossed, Some(Refused::Signature { position: 0 }));
    check(&[stranger.root().to_vec()], Some(Refused::Root));
    let poisoned = [precertificate, intermediate.clone()];
    check(&poisoned, Some(Refused::Poisoned));
    let unpoisoned = lab.log.add_pre_chain(&[issued.certificate, intermediate]);
    assert_eq!(unpoisoned.err(), Some(Refused::NotPoisoned));
}

#[tokio::test]
async fn the_production_code_reads_the_list() {
    let (first, second) = (lab(Protocol::Rfc6962).await, lab(Protocol::StaticCt).await);
    let since = "2026-01-01T00:00:00Z".parse().unwrap();
    second.log.list_as(Listed::ReadOnly { since });
    let json = log_list_json(&[&first.log, &second.log], NOON.parse().unwrap());
    let list = sct::LogList::parse(&json).unwrap();
    assert!(list.skipped.is_empty(), "{:?}", list.skipped);
    assert_eq!(list.published, Some(NOON.parse().unwrap()));
    let one = list.log(&sct::LogId(first.log.log_id())).unwrap();
    let trimmed = |log: &LogServer| log.url().trim_end_matches('/').to_owned();
    assert_eq!(one.api, sct::Api::Rfc6962 { url: trimmed(&first.log) });
    assert_eq!((one.operator.as_str(), one.key.spki()), ("Operator", first.log.spki()));
    assert_eq!(one.state_at(NOON.parse().unwrap()), sct::State::Usable);
    let two = list.log(&sct::LogId(second.log.log_id())).unwrap();
    let (submission_url, monitoring_url) = (trimmed(&second.log), trimmed(&second.log));
    assert_eq!(two.api, sct::Api::StaticCt { submission_url, monitoring_url });
    assert!(matches!(two.state_at(NOON.parse().unwrap()), sct::State::ReadOnly { .. }));
}

#[tokio::test] // RFC 9110 §8.4.1.3
async fn answers_are_compressed_when_asked() {
    let lab = lab(Protocol::Rfc6962).await;
    lab.fill(10);
    let path = "ct/v1/get-entries?start=0&end=9";
    let plain = lab.get(path).await;
    let asked = lab.raw(Group::A, "GET", path, "Accept-Encoding: gzip\r\n", b"").await.unwrap();
    let asked = parse(&asked);
    let mut inflated = Vec::new();
    GzDecoder::new(&asked.body[..]).read_to_end(&mut inflated).unwrap();
    assert_eq!((plain.header("content-encoding"), &plain.body), (None, &inflated));
    assert_eq!(asked.header("content-encoding"), Some("gzip"));
    lab.log.turn_all(|knobs| knobs.gzip = Gzip::Always);
    assert_eq!(lab.get(path).await.header("content-encoding"), Some("gzip"));
    lab.log.turn_all(|knobs| knobs.gzip = Gzip::Never);
    let never = lab.raw(Group::A, "GET", path, "Accept-Encoding: gzip\r\n", b"").await.unwrap();
    assert_eq!(parse(&never).header("content-encoding"), None);
}

#[tokio::test]
async fn a_log_that_publishes_by_the_clock() {
    let mut lab = lab(Protocol::Rfc6962).await;
    let settings =
        Settings { publish_every: Some(Duration::from_secs(60)), ..lab.log.settings().clone() };
    lab.log = LogServer::start(settings).await.unwrap();
    lab.log.push(junk(0), vec![]);
    lab.advance(Duration::from_secs(59)).await;
    assert_eq!(lab.get("ct/v1/get-sth").await.json()["tree_size"], json!(0));
    lab.advance(Duration::from_secs(1)).await;
    assert_eq!(lab.get("ct/v1/get-sth").await.json()["tree_size"], json!(1));
    lab.advance(Duration::from_secs(60)).await;
    let sth = lab.get("ct/v1/get-sth").await.json();
    assert_eq!(sth["timestamp"], json!(lab.now_ms()));
}

#[tokio::test]
async fn the_production_client_reaches_it_over_tls() {
    let mut lab = lab(Protocol::StaticCt).await;
    let tls = Some(lab.authority.server_config("log.example").unwrap());
    lab.log = LogServer::start(Settings { tls, ..lab.log.settings().clone() }).await.unwrap();
    assert_eq!(lab.log.url(), "https://log.example/2026h2/");
    let stranger = Authority::new("Stranger", 8);
    for (root, trusted) in [(lab.authority.root(), true), (stranger.root(), false)] {
        let hosts = [("log.example".to_owned(), lab.log.address(Group::A))];
        let net = Net::new(countersign_net::Settings {
            contact: "lab@example.org".to_owned(),
            roots: Roots::Only(vec![root.to_vec().into()]),
            redirects: Some(Redirects::new(hosts)),
            vantages: vec![Vantage { name: "direct".to_owned(), route: Route::Direct }],
        })
        .unwrap();
        let url = format!("{}checkpoint", lab.log.url());
        let get = Get {
            url: &url,
            vantage: "direct",
            gzip: countersign_net::Gzip::Ask,
            body_max: 10_000,
            deadline: Duration::from_secs(20),
            connection: Connection::KeepAlive,
        };
        match net.get(get, NOON.parse().unwrap()).await {
            Ok(reply) => {
                assert!(trusted && reply.status == 200);
                check_checkpoint(&lab, str::from_utf8(&reply.body).unwrap());
            }
            Err(err) => {
                assert!(!trusted && matches!(err, FetchError::Tls { .. }), "{err:?}");
            }
        }
    }
}
