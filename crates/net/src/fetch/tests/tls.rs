//! TLS as the server's side sees it, and as we judge it.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::CertificateError;
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use super::*;
use crate::tests::authority::{Ca, for_name, tls_config};

/// A server with a certificate from `ca`.
async fn server_of(ca: &Ca, params: CertificateParams) -> Server {
    let (certificate, key) = ca.certify(params);
    tls_server(certificate, &key).await
}

/// Notes each ClientHello's name and protocols, and answers one request.
async fn tls_server(certificate: CertificateDer<'static>, key: &KeyPair) -> Server {
    let config = Arc::new(tls_config(certificate, key));
    Server::start(move |_, stream, seen| {
        let config = Arc::clone(&config);
        async move {
            let Ok(hello) = LazyConfigAcceptor::new(Default::default(), stream).await else {
                return;
            };
            let client = hello.client_hello();
            let protocols: Vec<_> =
                client.alpn().into_iter().flatten().map(String::from_utf8_lossy).collect();
            seen.note(format!("{:?} {}", client.server_name(), protocols.join(",")));
            let Ok(mut stream) = hello.into_stream(config).await else { return };
            read_header(&mut stream).await;
            say(&mut stream, &answer("200 OK", b"secret")).await;
        }
    })
    .await
}

/// Where `https://log.example/` is `server`.
fn lab(server: &Server, trusted: &Ca) -> Net {
    let redirects = Some(Redirects::new([("log.example".to_owned(), server.address)]));
    let roots = Roots::Only(vec![trusted.root.clone()]);
    net(Settings { redirects, roots, ..settings() })
}

/// What comes of asking there.
async fn ask(server: &Server, trusted: &Ca, connection: Connection) -> Result<Reply, FetchError> {
    let get = Get { connection, ..request("https://log.example/checkpoint") };
    lab(server, trusted).get(get, now()).await
}

#[tokio::test]
async fn a_server_with_a_trusted_certificate_is_asked() {
    let ca = Ca::named("A");
    let server = server_of(&ca, for_name("log.example")).await;
    for connection in [Connection::KeepAlive, Connection::Close] {
        assert_eq!(ask(&server, &ca, connection).await.unwrap().body, b"secret");
    }
    let expected = [r#"Some("log.example") h2,http/1.1"#, r#"Some("log.example") http/1.1"#];
    assert_eq!(server.seen(), expected);
}

/// One HTTP/2 frame (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream_id: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream_id.to_be_bytes(), payload].concat()
}

/// Reads frames up to a request's, and returns the number of its stream.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<u32> {
    const HEADERS: u8 = 1;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
        stream.read_exact(&mut vec![0; length]).await?;
        if head[3] == HEADERS {
            return Ok(u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        }
    }
}

/// Speaks just enough HTTP/2: answers each request by status 200 and the frames that `end` makes.
async fn http2_server(ca: &Ca, end: fn(u32) -> Vec<u8>) -> Server {
    let (certificate, key) = ca.certify(for_name("log.example"));
    let mut config = tls_config(certificate, &key);
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::start(move |_, stream, seen| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            stream.read_exact(&mut [0; 24]).await.unwrap(); // RFC 9113 §3.4, the client's preface
            say(&mut stream, &[frame(4, 0, 0, b""), frame(4, 1, 0, b"")].concat()).await; // SETTINGS
            while let Ok(id) = read_request(&mut stream).await {
                seen.note(format!("stream {id}"));
                // RFC 7541 Appendix A: index 8 of the static table is ":status: 200".
                say(&mut stream, &[frame(1, 4, id, &[0x88]), end(id)].concat()).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn http2_is_spoken_where_the_server_does() {
    let ca = Ca::named("A");
    let server = http2_server(&ca, |id| frame(0, 1, id, b"a body by HTTP/2")).await;
    let net = lab(&server, &ca);
    for _ in 0..2 {
        let reply = net.get(request("https://log.example/"), now()).await.unwrap();
        assert_eq!((reply.status, reply.body), (200, b"a body by HTTP/2".to_vec()));
    }
    assert_eq!(server.seen(), ["stream 1", "stream 3"], "one connection");
}

#[tokio::test]
async fn an_http2_stream_that_is_reset_is_broken() {
    let ca = Ca::named("A");
    const INTERNAL_ERROR: [u8; 4] = [0, 0, 0, 2];
    let server = http2_server(&ca, |id| {
        [frame(0, 0, id, b"half a bo"), frame(3, 0, id, &INTERNAL_ERROR)].concat()
    })
    .await;
    let result = ask(&server, &ca, Connection::KeepAlive).await;
    assert_error!(result, FetchError::Broken { stage: Stage::Body, .. });
}

#[tokio::test]
async fn a_server_that_cannot_show_who_it_is_is_not_asked() {
    let (ca, other, false_ca) = (Ca::named("A"), Ca::named("B"), Ca::named("A"));
    let mut expired = for_name("log.example");
    (expired.not_before, expired.not_after) =
        (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
    let mut early = for_name("log.example");
    early.not_before = date_time_ymd(3000, 1, 1);
    let key = KeyPair::generate().unwrap();
    let self_signed = for_name("log.example").self_signed(&key).unwrap().der().clone();
    for (server, says, hint) in [
        (server_of(&ca, for_name("evil.example")).await, "not valid for name", "another vantage"),
        (server_of(&ca, expired).await, "expired", "clock"),
        (server_of(&ca, early).await, "not valid yet", "clock"),
        (server_of(&other, for_name("log.example")).await, "UnknownIssuer", "in between"),
        (server_of(&false_ca, for_name("log.example")).await, "BadSignature", "another vantage"),
        (tls_server(self_signed, &key).await, "UnknownIssuer", "in between"),
    ] {
        let error = ask(&server, &ca, Connection::KeepAlive).await.unwrap_err();
        let FetchError::Tls { source, host } = &error else { panic!("{error:?}") };
        assert_eq!(host, "log.example");
        assert!(source.to_string().contains(says), "{source} does not say {says:?}");
        assert!(error.hint().unwrap_or_default().contains(hint), "{error:?}");
        assert_eq!(server.seen().len(), 1, "a certificate is not judged twice");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_no_server_for_https() {
    let server = Server::start(|_, mut stream, _| async move {
        say(&mut stream, &answer("400 You speak TLS to a plain server", b"")).await;
    })
    .await;
    let error = ask(&server, &Ca::named("A"), Connection::Close).await.unwrap_err();
    assert!(matches!(&error, FetchError::Tls { .. }), "{error:?}");
    assert_eq!(error.hint(), None);
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_given_up() {
    let server = Server::start(|_, mut stream, _| async move {
        while !read_header(&mut stream).await.is_empty() {}
    })
    .await;
    let result = ask(&server, &Ca::named("A"), Connection::KeepAlive).await;
    assert_error!(result, FetchError::Deadline { stage: Stage::Connect, after, .. } if after.as_secs() == 2);
}

#[test]
fn an_error_without_a_certificate_to_blame_has_no_hint() {
    let tls = |source| FetchError::Tls { host: "log.example".to_owned(), source };
    assert_eq!(tls(rustls::Error::HandshakeNotComplete).hint(), None);
    assert!(tls(rustls::Error::InvalidCertificate(CertificateError::Revoked)).hint().is_some());
}
