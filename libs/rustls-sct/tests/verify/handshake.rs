//! Whole handshakes, in memory, of both versions of TLS.

use std::io;
use std::sync::Arc;

use countersign_rustls_sct::{client_config, refusal};
use rustls::time_provider::TimeProvider;
use rustls::version::{TLS12, TLS13};
use rustls::{AlertDescription, ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use rustls::{Error, SupportedProtocolVersion};
use rustls_pki_types::{ServerName, UnixTime};

use crate::pki::{Ca, HOST, Leaf, Logs, NOW, store, unix};

#[derive(Debug)]
struct Fixed;

impl TimeProvider for Fixed {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix(NOW))
    }
}

fn server(leaf: &Leaf, ca: &Ca, version: &'static SupportedProtocolVersion) -> Arc<ServerConfig> {
    let chain = vec![leaf.certificate.clone(), ca.certificate.clone()];
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("the provider knows it")
        .with_no_client_auth()
        .with_single_cert(chain, leaf.private_key());
    Arc::new(config.expect("the key is that of the certificate"))
}

fn client(roots: &[&Ca], logs: &Logs, public: &[&Ca]) -> Arc<ClientConfig> {
    let config = client_config(store(roots), logs.enforcer(public));
    let mut config = config.expect("it has roots");
    config.time_provider = Arc::new(Fixed);
    Arc::new(config)
}

/// The errors of client and server, or none.
fn shake(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Result<(), Box<[Error; 2]>> {
    let host = ServerName::try_from(HOST).expect("a name");
    let mut client = ClientConnection::new(Arc::clone(client), host).expect("a client");
    let mut server = ServerConnection::new(Arc::clone(server)).expect("a server");
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).expect("memory");
        server.read_tls(&mut &bytes[..]).expect("memory");
        server.process_new_packets().expect("the client has not refused yet");
        bytes.clear();
        while server.wants_write() {
            server.write_tls(&mut bytes).expect("memory");
        }
        let mut bytes = &bytes[..];
        while !bytes.is_empty() {
            client.read_tls(&mut bytes).expect("memory");
            if let Err(refused) = client.process_new_packets() {
                let mut alert = Vec::new();
                client.write_tls(&mut alert).expect("memory");
                server.read_tls(&mut &alert[..]).expect("memory");
                let told = server.process_new_packets().expect_err("the client says why");
                return Err(Box::new([refused, told]));
            }
        }
    }
    Ok(())
}

#[test]
fn a_handshake_ends_where_the_certificate_is_unlogged() {
    let (logs, root) = (Logs::new(), Ca::root("public"));
    let ca = Ca::below(&root, "intermediate");
    let client = client(&[&root], &logs, &[&root]);
    for version in [&TLS12, &TLS13] {
        assert_eq!(shake(&client, &server(&ca.issue(&logs.both()), &ca, version)), Ok(()));
        let [refused, told] = *shake(&client, &server(&ca.issue(&[]), &ca, version))
            .expect_err("the certificate is in no log");
        assert!(refusal(&refused).is_some(), "{refused:?}");
        assert_eq!(told, Error::AlertReceived(AlertDescription::CertificateUnknown));
    }
}

#[test]
fn a_signature_of_another_key_is_refused_as_before() {
    let (logs, root) = (Logs::new(), Ca::root("public"));
    let ca = Ca::below(&root, "intermediate");
    let client = client(&[&root], &logs, &[&root]);
    let (good, other) = (ca.issue(&logs.both()), ca.issue(&logs.both()));
    let stolen = Leaf { certificate: good.certificate, key: other.key };
    for version in [&TLS12, &TLS13] {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let key = provider.key_provider.load_private_key(stolen.private_key()).expect("P-256");
        let chain = vec![stolen.certificate.clone(), ca.certificate.clone()];
        // Not by way of `with_single_cert`, which would see that they do not belong together.
        let certified = rustls::sign::CertifiedKey::new(chain, key);
        let resolver = rustls::sign::SingleCertAndKey::from(certified);
        let server = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[version])
            .expect("the provider knows it")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(resolver));
        let [refused, _] = *shake(&client, &Arc::new(server)).expect_err("the key is not its own");
        assert_eq!(refused, Error::InvalidCertificate(rustls::CertificateError::BadSignature));
    }
}

#[test] // As libraries hand it on: in an error of a socket, in a box, in an error with a source.
fn a_refusal_is_found_in_whatever_it_is_wrapped() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot log in")]
    struct Wrapped(#[source] Box<dyn std::error::Error + Send + Sync>);

    let (logs, root) = (Logs::new(), Ca::root("public"));
    let client = client(&[&root], &logs, &[&root]);
    let [refused, told] =
        *shake(&client, &server(&root.issue(&[]), &root, &TLS13)).expect_err("unlogged");
    let socket = io::Error::new(io::ErrorKind::InvalidData, refused);
    let wrapped = Wrapped(Box::new(io::Error::other(Wrapped(Box::new(socket)))));
    let found = refusal(&wrapped).expect("it is in there");
    assert_eq!(
        found.to_string(),
        "certificate transparency: refused: no log has promised to publish the certificate: it has no SCT"
    );
    assert_eq!(refusal(&Wrapped(Box::new(told))), None);
    assert_eq!(refusal(&io::Error::from(io::ErrorKind::TimedOut)), None);
}
