use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

struct Opened {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinSet<io::Result<()>>,
}

/// More than fits between two sockets.
const LARGE_BYTES: usize = 64 << 20;

async fn opened(request_max: Duration) -> Opened {
    let door = Door::open(([127, 0, 0, 1], 0).into(), None).await.expect("a port");
    let door = Door { request_max, ..door };
    let (address, stop) = (door.address().expect("an address"), CancellationToken::new());
    let router = Router::new()
        .route("/", get(async || "yes"))
        .route("/large", get(async || vec![b'a'; LARGE_BYTES]));
    let mut served = JoinSet::new();
    served.spawn(door.serve(router, stop.clone()));
    Opened { address, stop, served }
}

#[tokio::test]
async fn a_request_in_drips_gets_no_more_time_by_them() {
    let opened = opened(Duration::from_millis(200)).await;
    let (mut reading, mut writing) =
        TcpStream::connect(opened.address).await.expect("a connection").into_split();
    let drips = async {
        let mut drip = tokio::time::interval(Duration::from_millis(5));
        while writing.write_all(b"G").await.is_ok() {
            drip.tick().await;
        }
    };
    let mut answer = Vec::new();
    let ended = async {
        // A reset ends it as well.
        let _ended = reading.read_to_end(&mut answer).await;
    };
    let both = async {
        tokio::select! { () = drips => {}, () = ended => {} }
    };
    timeout(Duration::from_secs(20), both).await.expect("the connection is ended");
    // Others are served all the while, and each answer gives a connection more time.
    let mut stream = TcpStream::connect(opened.address).await.expect("a connection");
    for _ in 0..3 {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200");
        let mut rest = vec![0; 4096];
        assert!(stream.read(&mut rest).await.expect("its rest") > 0);
    }
}

#[tokio::test]
async fn an_answer_taken_in_drips_gets_no_more_time_by_them() {
    let opened = opened(Duration::from_millis(200)).await;
    let mut stream = TcpStream::connect(opened.address).await.expect("a connection");
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    let (mut drip, mut taken) = (vec![0; 32 << 10], 0);
    let mut pace = tokio::time::interval(Duration::from_millis(2));
    while let Ok(more @ 1..) = stream.read(&mut drip).await {
        taken += more;
        pace.tick().await;
    }
    assert!((1..LARGE_BYTES).contains(&taken), "{taken}");
}

#[tokio::test]
async fn nobody_has_all_places() {
    let opened = opened(Duration::from_secs(60)).await;
    let is_served = async || {
        let mut stream = TcpStream::connect(opened.address).await.expect("a connection");
        // Whoever is hung up on may not get as far as this.
        let _sent = stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        matches!(stream.read(&mut [0; 4096]).await, Ok(1..)).then_some(stream)
    };
    let mut held = Vec::new();
    while held.len() < CONNECTIONS_OF_ONE_MAX {
        held.push(is_served().await.expect("there is a place"));
    }
    assert!(is_served().await.is_none());
    drop(held.pop());
    let again = async {
        while is_served().await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), again).await.expect("its place is free again");
}

#[test]
fn a_network_is_one_peer() {
    let peers = Peers::default();
    let enter = |address: &str| peers.enter(address.parse().expect("an address"));
    let held: Vec<_> =
        (0..CONNECTIONS_OF_ONE_MAX).map(|host| enter(&format!("2001:db8::{host:x}"))).collect();
    assert!(held.iter().all(Option::is_some));
    assert!(enter("2001:db8::a:b:c:d").is_none());
    assert!(enter("2001:db8:0:1::").is_some());
    drop(held);
    assert!(enter("2001:db8::a:b:c:d").is_some());
    assert!(peers.counts().is_empty());
}

#[tokio::test]
async fn it_stops_when_it_is_told_to() {
    let mut opened = opened(Duration::from_secs(60)).await;
    opened.stop.cancel();
    let ended = timeout(Duration::from_secs(20), opened.served.join_next()).await;
    assert!(matches!(ended, Ok(Some(Ok(Ok(()))))), "{ended:?}");
}
