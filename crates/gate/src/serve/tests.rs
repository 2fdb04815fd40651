use axum::routing::get;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

struct Opened {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinSet<io::Result<()>>,
}

async fn opened(request_max: Duration) -> Opened {
    let door = Door::open(([127, 0, 0, 1], 0).into(), None).await.expect("a port");
    let door = Door { request_max, ..door };
    let (address, stop) = (door.address().expect("an address"), CancellationToken::new());
    let router = Router::new().route("/", get(async || "yes"));
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
async fn it_stops_when_it_is_told_to() {
    let mut opened = opened(Duration::from_secs(60)).await;
    opened.stop.cancel();
    let ended = timeout(Duration::from_secs(20), opened.served.join_next()).await;
    assert!(matches!(ended, Ok(Some(Ok(Ok(()))))), "{ended:?}");
}
