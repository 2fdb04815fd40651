use countersign_tlog::note::SignerKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::{LogError, Publication, Published, Publisher};

struct Opened {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinSet<io::Result<()>>,
    folder: tempfile::TempDir,
}

fn publication(text: &str) -> Publication<'_> {
    Publication { text, list: text.as_bytes(), keys: (3, b"keys") }
}

fn publish(
    folder: &Path,
    key: SignerKey,
    publication: Publication<'_>,
) -> Result<Published, LogError> {
    Publisher::open(folder, key)?.publish(publication)
}

async fn opened(limits: Limits) -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let key = SignerKey::ed25519("log.example".parse().unwrap(), &[1; 32]);
    publish(folder.path(), key, publication("a list\n")).unwrap();
    let door = Door::open(([127, 0, 0, 1], 0).into()).await.unwrap();
    let door = Door { limits, ..door };
    let (address, stop) = (door.address().unwrap(), CancellationToken::new());
    let mut served = JoinSet::new();
    served.spawn(door.serve(folder.path().to_owned(), stop.clone()));
    Opened { address, stop, served, folder }
}

const LIMITS: Limits =
    Limits { request: Duration::from_secs(60), connection: Duration::from_secs(60) };

/// All that comes back for these bytes until the connection is closed.
async fn said(opened: &Opened, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(opened.address).await.unwrap();
    // A server that has heard enough may close before all is sent.
    let _sent = stream.write_all(request).await;
    let mut answer = Vec::new();
    let read = timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await;
    let _closed_or_reset = read.expect("the connection is ended");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn get(opened: &Opened, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    said(opened, request.as_bytes()).await
}

#[tokio::test]
async fn what_is_published_is_served_and_nothing_else() {
    let opened = opened(LIMITS).await;
    for path in ["/list", "/list.proof", "/keys", "/keys-3", "/log/checkpoint"] {
        let answer = get(&opened, path).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(answer.contains("content-type: text/plain; charset=utf-8\r\n"), "{answer}");
        let caching = if path == "/keys-3" { "immutable" } else { "no-cache" };
        assert!(answer.contains(caching), "{answer}");
    }
    assert!(get(&opened, "/list").await.ends_with("\r\n\r\na list\n"));
    for path in ["/log/tile/0/000.p/1", "/log/tile/entries/000.p/1"] {
        let answer = get(&opened, path).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        assert!(answer.contains("application/octet-stream") && answer.contains("immutable"));
    }
    // What is in the folder and not published, what is not in the tree, and other names of what is.
    std::fs::write(opened.folder.path().join("log/tile/0/000.p/2"), [0; 64]).unwrap();
    std::fs::write(opened.folder.path().join("secret"), "x").unwrap();
    for path in [
        "/",
        "/secret",
        "/log/position",
        "/log/lock",
        "/log/tile/0/000.p/2",
        "/log/tile/0/000",
        "//list",
        "/list/",
        "/keys-03",
        "/keys-4",
        "/log/../secret",
        "/%6cist",
        "/log/tile/0/..%2f..%2f..%2fsecret",
        "/log/checkpoint.new",
        "/log/tile/63/000.p/1",
        "/log/tile/0/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert!(get(&opened, path).await.starts_with("HTTP/1.1 404"), "{path}");
    }
    let posted = said(
        &opened,
        b"POST /list HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(posted.await.starts_with("HTTP/1.1 405"));
    let head = said(&opened, b"HEAD /list HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(head.contains("content-length: 7") && head.ends_with("\r\n\r\n"), "{head}");
}

#[tokio::test]
async fn who_asks_for_too_much_or_too_slowly_is_left() {
    let short = Limits { request: Duration::from_millis(200), ..LIMITS };
    let opened = opened(short).await;
    // Nothing, half a request, a header without end, a body without end.
    assert_eq!(said(&opened, b"").await, "");
    assert!(!said(&opened, b"GET /list HTTP/1.1\r\nHost").await.contains("200 OK"));
    let header = [b"GET /list HTTP/1.1\r\nHost: a\r\nX: ".as_slice(), &[b'x'; 100_000]].concat();
    assert!(!said(&opened, &header).await.contains("200 OK"));
    let body = b"POST /list HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n".as_slice();
    said(&opened, &[body, &[b'x'; 100_000]].concat()).await;
    assert!(get(&opened, "/list").await.contains("200 OK"));
}

#[tokio::test]
async fn no_connection_lasts_for_ever() {
    let short = Limits { connection: Duration::from_millis(300), ..LIMITS };
    let opened = opened(short).await;
    let mut stream = TcpStream::connect(opened.address).await.unwrap();
    let asking = async {
        let (mut buffer, mut pause) = ([0; 4096], tokio::time::interval(Duration::from_millis(10)));
        while stream.write_all(b"GET /list HTTP/1.1\r\nHost: a\r\n\r\n").await.is_ok()
            && stream.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0)
        {
            pause.tick().await;
        }
    };
    timeout(Duration::from_secs(20), asking).await.expect("the connection is ended");
}

#[tokio::test]
async fn it_stops_when_it_is_told_to() {
    let mut opened = opened(LIMITS).await;
    opened.stop.cancel();
    let ended = timeout(Duration::from_secs(20), opened.served.join_next()).await;
    assert!(matches!(ended, Ok(Some(Ok(Ok(()))))), "{ended:?}");
}

#[test]
fn publishing_again_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let key = || SignerKey::ed25519("log.example".parse().unwrap(), &[1; 32]);
    let first = publish(folder.path(), key(), publication("one\n")).unwrap();
    assert_eq!((first.index, first.size, first.was_logged), (0, 1, false));
    let second = publish(folder.path(), key(), publication("two\n")).unwrap();
    assert_eq!((second.index, second.size, second.was_logged), (1, 2, false));
    let again = publish(folder.path(), key(), publication("two\n")).unwrap();
    assert_eq!((again.index, again.size, again.was_logged), (1, 2, true));
    assert_eq!(std::fs::read(folder.path().join(LIST)).unwrap(), b"two\n");
}

#[test]
fn nobody_else_publishes_from_the_first_look_on() {
    let folder = tempfile::tempdir().unwrap();
    let key = || SignerKey::ed25519("log.example".parse().unwrap(), &[1; 32]);
    let publisher = Publisher::open(folder.path(), key()).unwrap();
    let other = publish(folder.path(), key(), publication("two\n"));
    assert!(matches!(other, Err(LogError::InUse(_))), "{other:?}");
    assert!(!folder.path().join(LIST).exists());
    publisher.publish(publication("one\n")).unwrap();
    let next = publish(folder.path(), key(), publication("two\n")).unwrap();
    assert_eq!((next.index, next.size), (1, 2));
}

#[test]
fn a_tile_is_in_the_tree_or_not() {
    let check = |path: &str, size: u64, expected: bool| {
        assert_eq!(
            is_within(TileId::parse_path(path).unwrap(), size),
            expected,
            "{path} of {size}"
        );
    };
    check("tile/0/000.p/1", 0, false);
    check("tile/0/000.p/1", 1, true);
    check("tile/0/000", 256, true);
    check("tile/0/000", 255, false);
    check("tile/1/000.p/1", 255, false);
    check("tile/1/000.p/1", 256, true);
    check("tile/8/000.p/1", u64::MAX, false);
}
