//! The helper as its owner uses it: against servers of two other hands, against one that holds it up, and against helpers
//! that are none.

#[path = "stack/fakes.rs"]
mod fakes;
#[path = "stack/servers.rs"]
mod servers;

use std::sync::Arc;
use std::time::Duration;

use countersign_judge::probe::{Opening, Protocol, Service};
use countersign_net::{Clock, Net, Roots, Route, Settings, Vantage};
use countersign_probe::engine::{ProbeError, Prober, Speaker, Target};
use countersign_probe::profile::self_test;
use countersign_probe::stack::{Ended, Finished, Hello, OpenSsl, Stack, StackError};
use countersign_tls::handshake::{End, Shown};
use countersign_tls::profile::{BUILT_IN, Profile};
use countersign_tls::{Handshake, KeyLog, Recording};
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, duplex, split,
};
use tokio::net::TcpListener;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::timeout;

use fakes::Wrapped;
use servers::{Authority, SServer};

const HELPER: &str = env!("CARGO_BIN_EXE_countersign-probe-openssl");
/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn hello(profile: &str, alpn: &[&str]) -> Hello {
    Hello {
        server_name: Some("a.example".to_owned()),
        alpn: alpn.iter().map(|name| (*name).to_owned()).collect(),
        profile: Profile::built_in(profile).expect("it is built in"),
    }
}

/// What goes on beside the rest; it ends with this.
struct Beside<T>(JoinSet<T>);

impl<T: Send + 'static> Beside<T> {
    fn start(what: impl Future<Output = T> + Send + 'static) -> Self {
        let mut one = JoinSet::new();
        one.spawn(what);
        Self(one)
    }

    async fn end(mut self) -> T {
        let ended = timeout(PATIENCE, self.0.join_next()).await.expect("it ends");
        ended.expect("one was started").expect("it does not panic")
    }
}

/// Waits until the other side says something.
async fn hear(stream: &mut DuplexStream) {
    assert!(stream.read(&mut [0; 4096]).await.expect("the other side is there") > 0);
}

/// A stream to whoever is at the other one, and what passes between them.
fn taped<S>(mut far: S) -> (DuplexStream, Beside<Recording>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (near, mut inner) = duplex(1 << 16);
    let tape = Beside::start(async move {
        let mut recording = Recording::default();
        let (mut sent, mut received) = ([0; 4096], [0; 4096]);
        loop {
            tokio::select! {
                count = inner.read(&mut sent) => match count {
                    Ok(0) | Err(_) => return recording,
                    Ok(count) => {
                        recording.sent.push(&sent[..count]);
                        // A server that has closed is still to be heard.
                        let _ = far.write_all(&sent[..count]).await;
                    }
                },
                count = far.read(&mut received) => match count {
                    Ok(0) | Err(_) => {
                        let _ = inner.shutdown().await;
                        // What the client still says was meant for the server.
                        while let Ok(1..) = inner.read(&mut sent).await {}
                        return recording;
                    }
                    Ok(count) => {
                        recording.received.push(&received[..count]);
                        if inner.write_all(&received[..count]).await.is_err() {
                            return recording;
                        }
                    }
                },
            }
        }
    });
    (near, tape)
}

/// Shakes hands with whoever is at the other end of a stream.
async fn shake<S>(
    openssl: &OpenSsl,
    hello: &Hello,
    far: S,
) -> (Result<Finished, StackError>, Recording)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut near, tape) = taped(far);
    let shaking = openssl.handshake(hello, &mut near);
    let finished = timeout(PATIENCE, shaking).await.expect("it ends");
    drop(near);
    (finished, tape.end().await)
}

fn key_log(finished: &Finished) -> KeyLog {
    let mut key_log = KeyLog::default();
    finished.key_log.iter().for_each(|line| key_log.push(line.as_bytes()));
    key_log
}

#[tokio::test]
async fn each_configuration_looks_like_its_client() {
    let openssl = OpenSsl::start(HELPER.as_ref()).expect("it was built");
    for (name, _) in BUILT_IN.iter().filter(|(name, _)| name.starts_with("openssl-")) {
        for alpn in [&[][..], &["xmpp-client"]] {
            let hello = hello(name, alpn);
            let (near, mut far) = duplex(1 << 16);
            let hang_up = Beside::start(async move { hear(&mut far).await });
            let (finished, recording) = shake(&openssl, &hello, near).await;
            let end = Ended::PeerFailed("the peer closed the connection".to_owned());
            assert_eq!(finished.expect("the helper is well").end, end);
            hang_up.end().await;
            let said = Handshake::of(&recording, &KeyLog::default()).client.expect("it said hello");
            assert_eq!(hello.profile.differs(&said), None, "{name}");
            assert_eq!(said.server_name(), Some(&b"a.example"[..]));
            assert_eq!(said.alpn(), alpn.iter().map(|name| name.as_bytes()).collect::<Vec<_>>());
        }
    }
}

#[tokio::test]
async fn a_stack_may_probe_as_what_it_looks_like_and_as_nothing_else() {
    let stack = Stack::OpenSsl(OpenSsl::start(HELPER.as_ref()).expect("it was built"));
    for (name, _) in BUILT_IN.iter().filter(|(name, _)| name.starts_with("openssl-")) {
        let profile = Profile::built_in(name).expect("it is built in");
        self_test(&stack, &profile).await.expect("it looks like this");
        let other = Profile { formats: vec![0], ..profile };
        let error = self_test(&stack, &other).await.expect_err("it does not look like that");
        assert!(error.to_string().contains("its point formats are 0000 0001 0002, and not 0000"));
    }
}

#[tokio::test]
async fn a_prober_says_no_hello_that_is_not_as_it_claims() {
    let vantages = vec![Vantage { name: "here".to_owned(), route: Route::Direct }];
    let contact = "ops@a.example".to_owned();
    let settings = Settings { contact, roots: Roots::Public, redirects: None, vantages };
    let prober = Prober::new(Net::new(settings).expect("one vantage"), Clock::system());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let target = Target {
        service: Service {
            domain: "a.example".to_owned(),
            protocol: Protocol::Plain,
            opening: Opening::Direct,
            port: listener.local_addr().expect("it listens").port(),
        },
        host: "127.0.0.1".to_owned(),
        vantage: "here".to_owned(),
        isolation: None,
        family: None,
    };
    let stack = Stack::OpenSsl(OpenSsl::start(HELPER.as_ref()).expect("it was built"));
    let profile = Profile::built_in("openssl-plain").expect("it is built in");
    let other = Profile { formats: vec![0], ..profile };
    let speaker = Speaker { stack: &stack, profile: &other, log_in: None };
    let error = prober.look(&target, speaker).await.expect_err("it is refused");
    assert!(matches!(error, ProbeError::NotInDisguise { .. }), "{error:?}");
    let connected = timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(connected.is_err(), "somebody was asked: {connected:?}");
}

#[tokio::test]
async fn both_versions_are_finished_with_a_server_of_openssl_and_opened_by_the_key_log() {
    let authority = Authority::new();
    let openssl = OpenSsl::start(HELPER.as_ref()).expect("it was built");
    // The last has no group that the clients send a share for, and asks for another.
    let servers: [(&[&str], u16); 3] = [
        (&["-tls1_2"], 0x0303),
        (&["-tls1_3"], 0x0304),
        (&["-tls1_3", "-groups", "P-384"], 0x0304),
    ];
    for (flags, version) in servers {
        let server = SServer::start(&authority, flags);
        for (name, _) in BUILT_IN.iter().filter(|(name, _)| name.starts_with("openssl-")) {
            let stream = server.connect().await;
            let (finished, recording) = shake(&openssl, &hello(name, &["h2"]), stream).await;
            let finished = finished.expect("the helper is well");
            let Ended::Done { version: found, suite, alpn } = &finished.end else {
                panic!("{name} {flags:?}: {finished:?}")
            };
            assert_eq!((*found, alpn.as_deref()), (version, Some("h2")), "{name} {flags:?}");
            assert_proved(&authority, &recording, &finished, *suite);
        }
    }
}

#[tokio::test]
async fn rustls_is_talked_with_as_well() {
    let authority = Authority::new();
    let acceptor = authority.acceptor();
    let openssl = OpenSsl::start(HELPER.as_ref()).expect("it was built");
    let (near, far) = duplex(1 << 16);
    let server = Beside::start(async move { acceptor.accept(far).await.map(drop) });
    let (finished, recording) = shake(&openssl, &hello("openssl-connector", &[]), near).await;
    let finished = finished.expect("the helper is well");
    let Ended::Done { version: 0x0304, suite, alpn: None } = finished.end else {
        panic!("{finished:?}")
    };
    assert_proved(&authority, &recording, &finished, suite);
    server.end().await.expect("the server has finished as well");
}

#[track_caller]
fn assert_proved(authority: &Authority, recording: &Recording, finished: &Finished, suite: u16) {
    let seen = Handshake::of(recording, &key_log(finished));
    assert_eq!((seen.end, seen.suite), (End::Whole, Some(suite)));
    let Shown::Proved { chain, .. } = seen.chain else { panic!("{:?}", seen.chain) };
    assert_eq!(chain[0], authority.certificate());
}

#[tokio::test]
async fn what_a_peer_does_is_the_peers() {
    let openssl = OpenSsl::start(HELPER.as_ref()).expect("it was built");
    let answers: [(&[u8], &str); 3] = [
        (b"\x15\x03\x03\x00\x02\x02\x28", "handshake failure"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "wrong version number"),
        (b"", "the peer closed the connection"),
    ];
    for (answer, why) in answers {
        let (near, mut far) = duplex(1 << 16);
        let peer = Beside::start(async move {
            hear(&mut far).await;
            far.write_all(answer).await.expect("it is read");
        });
        let (finished, _) = shake(&openssl, &hello("openssl-plain", &[]), near).await;
        let Ok(Finished { end: Ended::PeerFailed(said), .. }) = finished else {
            panic!("{finished:?}")
        };
        assert!(said.contains(why), "{said:?} is not {why:?}");
        peer.end().await;
    }
}

#[tokio::test]
async fn a_peer_that_never_comes_to_an_end_is_left() {
    let openssl = OpenSsl::start(HELPER.as_ref()).expect("it was built");
    let (near, mut far) = duplex(1 << 16);
    let peer = Beside::start(async move {
        hear(&mut far).await;
        // A Certificate of TLS 1.2 that goes on and on would be refused; the beginning of a record is waited for, too.
        let record = [&[22, 3, 3, 0x40, 0][..], &[0; 0x4000]].concat();
        while far.write_all(&record).await.is_ok() {}
    });
    let (finished, recording) = shake(&openssl, &hello("openssl-plain", &[]), near).await;
    assert!(matches!(finished, Ok(Finished { end: Ended::PeerFailed(_), .. })), "{finished:?}");
    assert!(recording.received.bytes().len() <= countersign_tls::recording::TAPE_BYTES_MAX);
    peer.end().await;
}

#[tokio::test]
async fn a_hello_that_cannot_be_said_is_an_error_of_ours() {
    let openssl = OpenSsl::start(HELPER.as_ref()).expect("it was built");
    for server_name in ["a\0b", ""] {
        let hello =
            Hello { server_name: Some(server_name.to_owned()), ..hello("openssl-plain", &[]) };
        let (near, far) = duplex(64);
        drop(far);
        let error = shake(&openssl, &hello, near).await.0.expect_err("there is no such name");
        assert!(
            matches!(error, StackError::Refused { .. } | StackError::Profile { .. }),
            "{error}"
        );
    }
    let other = shake(&openssl, &hello("rustls", &[]), duplex(64).0).await.0;
    assert!(matches!(other, Err(StackError::Refused { .. })), "{other:?}");
}

#[tokio::test]
async fn a_helper_that_dies_takes_its_handshakes_along_and_no_others() {
    let helper = Wrapped::real(HELPER);
    let openssl = Arc::new(OpenSsl::start(&helper.path).expect("it was built"));
    let (near, mut far) = duplex(1 << 16);
    let dying = Beside::start({
        let openssl = Arc::clone(&openssl);
        async move { shake(&openssl, &hello("openssl-plain", &[]), near).await.0 }
    });
    hear(&mut far).await;
    helper.kill();
    let error = dying.end().await.expect_err("the helper has gone");
    let said = error.to_string();
    assert!(said.starts_with("the helper that has OpenSSL ended: "), "{said}");
    assert!(said.contains("signal: 9"), "{said}");
    drop(far);

    let (near, mut far) = duplex(1 << 16);
    let peer = Beside::start(async move { hear(&mut far).await });
    let next = shake(&openssl, &hello("openssl-plain", &[]), near).await.0;
    assert!(matches!(next, Ok(Finished { end: Ended::PeerFailed(_), .. })), "{next:?}");
    peer.end().await;
}

#[tokio::test]
async fn a_helper_is_bounded_in_what_it_says() {
    // Frames of the right form about the first connection, without an end; garbage; nothing, and an end.
    let line = r"\000\000\000\006\000\000\000\001\005x";
    let bytes = r"\000\000\000\006\000\000\000\001\004x";
    let fakes = [
        (format!("while :; do printf '{line}{line}{line}{line}'; done"), "more than it had to"),
        (format!("while :; do printf '{bytes}{bytes}{bytes}{bytes}'; done"), "more than it had to"),
        (r"printf '\377\377\377\377'; cat >/dev/null".to_owned(), "a frame of 4294967295 bytes"),
        (r"printf '\000\000\000\006\000\000\000\001\001x'; cat >/dev/null".to_owned(), "payload"),
        (r"printf '\000\000\000\005\000\000\000\001\003'; cat >/dev/null".to_owned(), "its owner"),
        ("head -c 1 >/dev/null; exit 3".to_owned(), "exit status: 3"),
    ];
    for (script, why) in fakes {
        // The order is waited for, so that what is said is about somebody.
        let helper = Wrapped::script(&format!("head -c 9 >/dev/null; {script}"));
        let openssl = OpenSsl::start(&helper.path).expect("there is a shell");
        let (near, mut far) = duplex(1 << 16);
        let peer =
            Beside::start(async move { while let Ok(1..) = far.read(&mut [0; 4096]).await {} });
        let error = shake(&openssl, &hello("openssl-plain", &[]), near).await.0;
        let error = error.expect_err("it is no helper").to_string();
        assert!(error.contains(why), "{error:?} does not say {why:?}");
        peer.end().await;
    }
}

#[tokio::test]
async fn no_helper_is_an_error_that_names_the_file() {
    let error = OpenSsl::start("/nowhere/helper".as_ref()).expect_err("it is not there");
    assert_eq!(error.to_string(), "cannot start /nowhere/helper");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_handshakes_go_through_one_helper_at_once() {
    const COUNT: usize = 1000;
    let authority = Authority::new();
    let (acceptor, gate) = (authority.acceptor(), Arc::new(Barrier::new(COUNT)));
    let helper = Wrapped::real(HELPER);
    let openssl = Arc::new(OpenSsl::start(&helper.path).expect("it was built"));
    let mut clients = JoinSet::new();
    let mut servers = JoinSet::new();
    for _ in 0..COUNT {
        let (mut near, mut far) = duplex(1 << 14);
        let openssl = Arc::clone(&openssl);
        clients.spawn(async move {
            openssl
                .handshake(&hello("openssl-connector", &[]), &mut near)
                .await
                .map(|done| done.end)
        });
        let (acceptor, gate) = (acceptor.clone(), Arc::clone(&gate));
        servers.spawn(async move {
            // Nobody is answered before everybody has said hello.
            let mut first = [0; 5];
            far.read_exact(&mut first).await.expect("a hello comes");
            gate.wait().await;
            let (read, write) = split(far);
            let read = std::io::Cursor::new(first).chain(read);
            acceptor.accept(tokio::io::join(read, write)).await.map(drop)
        });
    }
    timeout(PATIENCE, async {
        while let Some(end) = clients.join_next().await {
            let end = end.expect("no panic").expect("the helper is well");
            assert!(matches!(end, Ended::Done { version: 0x0304, .. }), "{end:?}");
        }
        while let Some(end) = servers.join_next().await {
            end.expect("no panic").expect("both have finished");
        }
    })
    .await
    .expect("it takes some seconds");
    let peak = helper.peak_kib();
    assert!(peak < 200 << 10, "the helper had {peak} KiB");
}
