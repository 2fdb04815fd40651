//! Shakes hands with rustls on both sides, in memory: what we read in the bytes is what rustls says at the end.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use countersign_tls::handshake::{End, Shown};
use countersign_tls::{CHAIN_MAX, Handshake, KeyLog, Recording};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    SignatureAlgorithm as KeyKind,
};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::compress::{
    CertCompressor, CertDecompressor, CompressionCache, CompressionFailed, CompressionLevel,
    DecompressionFailed,
};
use rustls::crypto::aws_lc_rs::{cipher_suite as suites, default_provider, kx_group};
use rustls::crypto::{
    CryptoProvider, SupportedKxGroup, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateCompressionAlgorithm, ClientConfig, ClientConnection, DigitallySignedStruct,
    HandshakeKind, ServerConfig, ServerConnection, SignatureScheme, SupportedCipherSuite,
};

#[test]
fn each_suite_shows_what_rustls_saw() {
    for suite in default_provider().cipher_suites {
        let kind = match suite.suite().as_str() {
            // Of an RSA key the recorded handshakes tell.
            Some(name) if name.contains("_RSA_") => continue,
            _ => &PKCS_ECDSA_P256_SHA256,
        };
        let sides = Sides::new(kind, suites_of(&[suite]), default_provider(), 1);
        sides.check(&sides.shake());
    }
}

#[test]
fn each_kind_of_key_is_proved() {
    for kind in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let sides = Sides::new(kind, default_provider(), default_provider(), 2);
        sides.check(&sides.shake());
    }
}

#[test]
fn a_retry_is_followed() {
    let mut sides = Sides::new(
        &PKCS_ECDSA_P256_SHA256,
        groups_of(&[kx_group::X25519, kx_group::SECP384R1]),
        groups_of(&[kx_group::SECP384R1]),
        1,
    );
    Arc::make_mut(&mut sides.server).alpn_protocols = vec![b"xmpp-client".to_vec()];
    Arc::make_mut(&mut sides.client).alpn_protocols = vec![b"h2".to_vec(), b"xmpp-client".to_vec()];
    let shaken = sides.shake();
    sides.check(&shaken);
    let shown = shaken.handshake();
    assert_eq!((shown.retried, shown.alpn.as_deref()), (true, Some("xmpp-client")));
}

#[test] // RFC 8879
fn compressed_certificates_are_read() {
    let mut sides = Sides::new(&PKCS_ECDSA_P256_SHA256, default_provider(), default_provider(), 3);
    Arc::make_mut(&mut sides.server).cert_compressors = vec![&Zlib];
    Arc::make_mut(&mut sides.server).cert_compression_cache = Arc::new(CompressionCache::Disabled);
    Arc::make_mut(&mut sides.client).cert_decompressors = vec![&Zlib];
    let shaken = sides.shake();
    sides.check(&shaken);
    let offered = shaken.handshake().client.unwrap().certificate_compressions();
    assert_eq!(offered, [1]);
}

#[test]
fn long_chains_are_cut_off() {
    let sides = Sides::new(&PKCS_ED25519, default_provider(), default_provider(), CHAIN_MAX + 8);
    let shaken = sides.shake();
    sides.check(&shaken);
    assert_eq!(shaken.handshake().left_out, 8);
}

#[test]
fn a_session_that_goes_on_shows_no_certificates() {
    for suite in [suites::TLS13_AES_128_GCM_SHA256, suites::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
    {
        let sides = Sides::new(&PKCS_ECDSA_P256_SHA256, suites_of(&[suite]), default_provider(), 1);
        sides.shake();
        let again = sides.shake();
        assert_eq!(again.kind, Some(HandshakeKind::Resumed));
        let shown = again.handshake();
        assert_eq!((shown.chain, shown.end), (Shown::Resumed, End::Whole));
    }
}

/// Two configurations that know each other.
struct Sides {
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    log: Arc<Lines>,
}

/// What came of a handshake.
struct Shaken {
    recording: Recording,
    keys: String,
    kind: Option<HandshakeKind>,
    client: ClientConnection,
}

impl Sides {
    /// A server with a chain of so many certificates, which need not belong together.
    fn new(
        kind: &'static KeyKind,
        client: CryptoProvider,
        server: CryptoProvider,
        chain: usize,
    ) -> Self {
        let key = KeyPair::generate_for(kind).expect("both sides are ours");
        let params =
            CertificateParams::new(vec!["a.example".to_owned()]).expect("both sides are ours");
        let certificate = params.self_signed(&key).expect("both sides are ours");
        let chain = vec![certificate.der().clone(); chain];
        let server = ServerConfig::builder_with_provider(Arc::new(server))
            .with_safe_default_protocol_versions()
            .expect("both sides are ours")
            .with_no_client_auth()
            .with_single_cert(
                chain,
                PrivateKeyDer::try_from(key.serialize_der()).expect("both sides are ours"),
            )
            .expect("both sides are ours");
        // A suite of one version leaves the other one without any.
        let versions: Vec<_> = [&rustls::version::TLS13, &rustls::version::TLS12]
            .into_iter()
            .filter(|version| client.cipher_suites.iter().any(|suite| suite.version() == *version))
            .collect();
        let log = Arc::new(Lines::default());
        let mut client = ClientConfig::builder_with_provider(Arc::new(client))
            .with_protocol_versions(&versions)
            .expect("both sides are ours")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Anybody))
            .with_no_client_auth();
        client.key_log = log.clone();
        Self { client: Arc::new(client), server: Arc::new(server), log }
    }

    fn shake(&self) -> Shaken {
        let name = ServerName::try_from("a.example").expect("both sides are ours");
        let mut client =
            ClientConnection::new(self.client.clone(), name).expect("both sides are ours");
        let mut server = ServerConnection::new(self.server.clone()).expect("both sides are ours");
        let mut recording = Recording::default();
        // Three rounds are a handshake with a retry; the tickets come in the one after it.
        for _ in 0..5 {
            let mut sent = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut sent).expect("both sides are ours");
            }
            recording.sent.push(&sent);
            let mut sent = &sent[..];
            while !sent.is_empty() {
                server.read_tls(&mut sent).expect("both sides are ours");
                server.process_new_packets().expect("both sides are ours");
            }
            let mut received = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut received).expect("both sides are ours");
            }
            recording.received.push(&received);
            let mut received = &received[..];
            while !received.is_empty() {
                client.read_tls(&mut received).expect("both sides are ours");
                client.process_new_packets().expect("both sides are ours");
            }
        }
        assert!(!client.is_handshaking() && !server.is_handshaking());
        let keys = self.log.0.lock().expect("both sides are ours").clone();
        Shaken { recording, keys, kind: client.handshake_kind(), client }
    }

    #[track_caller]
    fn check(&self, shaken: &Shaken) {
        let (shown, client) = (shaken.handshake(), &shaken.client);
        assert_eq!(shown.end, End::Whole);
        assert!(matches!(shown.chain, Shown::Proved { .. }), "{:?}", shown.chain);
        let served = client.peer_certificates().expect("both sides are ours");
        assert_eq!(shown.left_out, served.len().saturating_sub(CHAIN_MAX));
        assert_eq!(shown.chain.certificates().len(), served.len() - shown.left_out);
        for (ours, theirs) in shown.chain.certificates().iter().zip(served) {
            assert_eq!(ours, theirs.as_ref());
        }
        assert_eq!(shown.version, client.protocol_version().map(u16::from));
        assert_eq!(shown.suite, client.negotiated_cipher_suite().map(|s| u16::from(s.suite())));
        let group = client.negotiated_key_exchange_group().expect("both sides are ours");
        assert_eq!(shown.group, Some(u16::from(group.name())));
        assert_eq!(
            shown.retried,
            client.handshake_kind() == Some(HandshakeKind::FullWithHelloRetryRequest)
        );
        assert_eq!(shown.alpn.as_deref().map(str::as_bytes), client.alpn_protocol());
        assert!(shown.hellos_sha256.is_some());
        // With another secret nothing is shown that was encrypted.
        let other = Handshake::of(&shaken.recording, &KeyLog::default());
        assert_eq!(matches!(other.chain, Shown::Hidden { .. }), shown.version == Some(0x0304));
        assert_eq!(other.hellos_sha256, shown.hellos_sha256);
    }
}

impl Shaken {
    fn handshake(&self) -> Handshake {
        Handshake::of(&self.recording, &KeyLog::read(self.keys.as_bytes()))
    }
}

fn suites_of(suites: &[SupportedCipherSuite]) -> CryptoProvider {
    CryptoProvider { cipher_suites: suites.to_vec(), ..default_provider() }
}

fn groups_of(groups: &[&'static dyn SupportedKxGroup]) -> CryptoProvider {
    CryptoProvider { kx_groups: groups.to_vec(), ..default_provider() }
}

/// The key log of the client.
#[derive(Debug, Default)]
struct Lines(Mutex<String>);

impl rustls::KeyLog for Lines {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let hex = |octets: &[u8]| octets.iter().map(|o| format!("{o:02x}")).collect::<String>();
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        self.0.lock().expect("both sides are ours").push_str(&line);
    }
}

/// Takes any chain; signatures are verified.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, dss, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = default_provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, dss, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Certificates compressed by zlib.
#[derive(Debug)]
struct Zlib;

impl CertCompressor for Zlib {
    fn compress(&self, input: Vec<u8>, _: CompressionLevel) -> Result<Vec<u8>, CompressionFailed> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&input).map_err(|_| CompressionFailed)?;
        encoder.finish().map_err(|_| CompressionFailed)
    }

    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm::Zlib
    }
}

impl CertDecompressor for Zlib {
    fn decompress(&self, input: &[u8], output: &mut [u8]) -> Result<(), DecompressionFailed> {
        let mut decoder = flate2::read::ZlibDecoder::new(input);
        std::io::Read::read_exact(&mut decoder, output).map_err(|_| DecompressionFailed)
    }

    fn algorithm(&self) -> CertificateCompressionAlgorithm {
        CertificateCompressionAlgorithm::Zlib
    }
}
