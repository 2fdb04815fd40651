//! Clients and servers on loopback that say what a test has them say.

use tokio::io::duplex;

use super::*;

const PATIENCE: Patience = Patience {
    deadline: Duration::from_secs(10),
    linger: Duration::from_millis(10),
    quiet: Duration::from_secs(5),
};

/// A record of TLS: a hello, or one that looks sealed.
fn record(content: u8, len: u16, fill: u8) -> Vec<u8> {
    let [high, low] = len.to_be_bytes();
    let mut bytes = vec![content, 3, 3, high, low];
    bytes.resize(5 + usize::from(len), fill);
    bytes
}

async fn listening() -> (TcpListener, std::net::SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

#[tokio::test]
async fn it_copies_both_ways_and_half_closes() {
    let (listener, address) = listening().await;
    let (server, address_of_server) = listening().await;
    let long = vec![7; 1 << 20];
    let client = async {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&long).await.unwrap();
        client.shutdown().await.unwrap();
        let mut back = Vec::new();
        client.read_to_end(&mut back).await.unwrap();
        back
    };
    let echo = async {
        let (mut stream, _) = server.accept().await.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        stream.write_all(&all).await.unwrap();
    };
    let dial = || TcpStream::connect(address_of_server);
    let (told, stop) = tokio::sync::oneshot::channel::<()>();
    let client = async {
        let back = client.await;
        told.send(()).unwrap();
        back
    };
    let passed = relay(&listener, PATIENCE, dial, async { stop.await.unwrap() });
    let (relayed, back, ()) = tokio::join!(passed, client, echo);
    assert_eq!(back, long);
    let taped = relayed.recording;
    // Not whole tapes: a recording also keeps who had heard what when he spoke.
    assert!(taped.sent.bytes() == taped.received.bytes(), "it copied something else");
    assert_eq!(taped.sent.beyond(), taped.received.beyond());
    let all = taped.sent.bytes().len() + usize::try_from(taped.sent.beyond()).unwrap();
    assert_eq!((all, relayed.connections), (long.len(), 1));
    assert!(matches!(relayed.ended, Ended::Told), "{:?}", relayed.ended);
}

#[tokio::test]
async fn it_ends_when_the_handshake_is_through() {
    let (listener, address) = listening().await;
    let client = async {
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(&record(22, 300, 1)).await.unwrap();
        let mut hello = vec![0; 127];
        client.read_exact(&mut hello).await.unwrap();
        client.write_all(&record(23, 53, 0)).await.unwrap();
        client // stays open
    };
    let (near, far) = duplex(4096);
    let once = Mutex::new(Some(near));
    let dial = async || once.lock().unwrap().take().ok_or(());
    let server = async {
        let mut far = far;
        let mut hello = vec![0; 305];
        far.read_exact(&mut hello).await.unwrap();
        far.write_all(&record(22, 122, 2)).await.unwrap();
        far
    };
    let (relayed, ..) = tokio::join!(relay(&listener, PATIENCE, dial, never()), client, server);
    assert!(matches!(relayed.ended, Ended::Through), "{:?}", relayed.ended);
    assert_eq!(relayed.progress.answer(), Some(Answer::Finished));
}

#[tokio::test]
async fn a_client_may_try_again() {
    let (listener, address) = listening().await;
    let tries = async {
        for _ in 0..CONNECTIONS_MAX {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"hello").await.unwrap();
            client.shutdown().await.unwrap();
            let _answer_or_reset = client.read_to_end(&mut Vec::new()).await;
        }
    };
    let dial = async || {
        let (near, mut far) = duplex(64);
        far.write_all(b"220 no\r\n").await.unwrap();
        far.shutdown().await.unwrap();
        // Whoever reads it all has it closed.
        Ok::<_, ()>(near)
    };
    let (relayed, ()) = tokio::join!(relay(&listener, PATIENCE, dial, never()), tries);
    assert_eq!(relayed.connections, CONNECTIONS_MAX);
    // The far end is gone when the client speaks.
    assert!(matches!(relayed.ended, Ended::Broken(Side::Server, _)), "{:?}", relayed.ended);
}

#[tokio::test(start_paused = true)]
async fn silence_ends_it() {
    // Nobody comes.
    let (listener, address) = listening().await;
    let dial = async || Err::<tokio::io::DuplexStream, _>("no route");
    let relayed = relay(&listener, PATIENCE, dial, never()).await;
    assert!(matches!(relayed.ended, Ended::Deadline), "{:?}", relayed.ended);

    // Nobody is there.
    let client = TcpStream::connect(address).await.unwrap();
    let relayed = relay(&listener, PATIENCE, dial, never()).await;
    assert!(matches!(relayed.ended, Ended::Unreachable("no route")), "{:?}", relayed.ended);
    drop(client);
}
