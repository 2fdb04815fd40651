use std::time::Duration;

use countersign_tls::profile::{Order, Profile};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use super::*;

fn rustls_profile() -> Profile {
    Profile::built_in("rustls").expect("it is built in")
}

#[tokio::test]
async fn rustls_looks_as_its_profile_says() {
    // Its extensions come in another order each time.
    for _ in 0..8 {
        self_test(&Stack::Rustls, &rustls_profile()).await.expect("it does");
    }
}

#[tokio::test]
async fn a_stack_that_looks_another_way_may_not_probe() {
    let python = Profile::built_in("openssl-python").expect("it is built in");
    let error = self_test(&Stack::Rustls, &python).await.expect_err("rustls is not Python");
    let said = error.to_string();
    assert!(said.starts_with("the fingerprint self-test of openssl-python failed: its "), "{said}");
}

#[tokio::test]
async fn clients_that_pass_are_learned() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let at = listener.local_addr().expect("it listens");
    let server = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let upstream = server.local_addr().expect("it listens");
    let (stop, told) = oneshot::channel();
    let patience = Patience {
        deadline: Duration::from_secs(10),
        linger: Duration::ZERO,
        quiet: Duration::from_secs(5),
    };
    let mut recorder = Recorder::new("phone");
    let recording = record(
        &listener,
        patience,
        || TcpStream::connect(upstream),
        async { drop(told.await) },
        &mut recorder,
    );
    let serving = async {
        loop {
            let (mut stream, _) = server.accept().await.expect("the relay connects");
            // An alert: handshake_failure.
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"\x15\x03\x03\x00\x02\x02\x28").await;
        }
    };
    let clients = async {
        // A client that is refused is passed on four times before it is looked at.
        let names = [Some("a.example"), Some("b.example")];
        for name in names.into_iter().cycle().take(31) {
            let hello = Hello {
                server_name: name.map(str::to_owned),
                alpn: vec!["xmpp-client".to_owned()],
                profile: rustls_profile(),
            };
            let mut stream = TcpStream::connect(at).await.expect("the relay listens");
            rustls::handshake(&hello, &mut stream).await.map(drop).expect("the server refuses");
        }
        stop.send(()).expect("it is being recorded");
    };
    tokio::select! {
        (recorded, ()) = async { tokio::join!(recording, clients) } => recorded.expect("no trouble"),
        () = serving => unreachable!("it serves for ever"),
    }
    let [seen] = recorder.seen() else { panic!("one client is not {:?}", recorder.seen()) };
    assert_eq!((seen.hellos, seen.profile.order), (8, Order::Permuted));
    let alpn = Alpn::These(vec![b"xmpp-client".to_vec()]);
    let expected = Profile { name: "phone".to_owned(), alpn, ..rustls_profile() };
    assert_eq!(seen.profile.to_string(), expected.to_string());
}
