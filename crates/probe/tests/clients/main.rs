//! Real clients in their cages, against real servers: what they say, what was proved, and that they reach nobody else.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod confined;
mod servers;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use countersign_judge::probe::{Opening, Protocol, Service};
use countersign_probe::client::{Account, Client, Look, Looked, Oracle, Tools, look};
use countersign_probe::relay::Patience;
use countersign_tls::fingerprint::ja4;
use countersign_tls::{Handshake, Shown};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use servers::{DOMAIN, Front, IMAP, Identity, POP3, Prosody, SMTP, Server, XMPP};

/// Whether clients can be run here, and this one is installed. If not, that is said; where it matters, it is an error.
fn is_possible(client: Option<Client>) -> bool {
    static CAGES: OnceLock<bool> = OnceLock::new();
    let cages = *CAGES.get_or_init(|| {
        let tried = Command::new("unshare").args(["--user", "--map-root-user", "true"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    });
    let why = match client.map_or(Ok(()), Client::found) {
        Ok(()) if cages => return true,
        Ok(()) => "no user namespaces here".to_owned(),
        Err(missing) => missing.to_string(),
    };
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "skipped: {why}");
    eprintln!("skipped: {why}");
    false
}

/// The cage's helper, and the library for key logs, built once: nothing depends on that, so nothing else has built it.
fn tools() -> &'static Tools {
    static BUILT: OnceLock<Tools> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cage = PathBuf::from(env!("CARGO_BIN_EXE_countersign-cage"));
        let folder = cage.ancestors().nth(2).unwrap();
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--locked", "--offline", "-p", "countersign-keylog-preload"]);
        command.arg("--target-dir").arg(folder).current_dir(env!("CARGO_MANIFEST_DIR"));
        let built = command.output().unwrap();
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        let key_log = folder.join("debug/libcountersign_keylog_preload.so");
        Tools { cage, key_log }
    })
}

/// Flags of s_server, and what the server then says.
const TLS_12: (&str, u16) = ("-tls1_2", 0x0303);
const TLS_13: (&str, u16) = ("-tls1_3", 0x0304);

const PATIENCE: Patience = Patience {
    deadline: Duration::from_secs(30),
    linger: Duration::from_millis(50),
    quiet: Duration::from_secs(3),
};

fn service(protocol: Protocol, opening: Opening) -> Service {
    let port = protocol.port(opening).unwrap_or(4433);
    Service { domain: DOMAIN.to_owned(), protocol, opening, port }
}

async fn looked(
    client: Client,
    service: &Service,
    expected: Option<&[u8]>,
    address: SocketAddr,
) -> Looked<std::io::Error> {
    let account = Account { user: "anna".to_owned(), password: "secret".to_owned() };
    let look_at = Look { client, service, account: &account, expected, patience: PATIENCE };
    look(look_at, tools(), || TcpStream::connect(address)).await.unwrap()
}

/// The client shakes hands, and the relay can show with whom.
fn check(
    what: &str,
    client: Client,
    identity: &Identity,
    looked: &Looked<std::io::Error>,
    version: u16,
) {
    let handshake = Handshake::of(&looked.relayed.recording, &looked.key_log);
    let seen =
        (&handshake.end, handshake.version, &looked.relayed.ended, looked.relayed.connections);
    let said = looked.said.text();
    let Shown::Proved { chain, .. } = &handshake.chain else {
        panic!("{what}: {seen:?} {:?}\n{said}", handshake.chain)
    };
    assert_eq!(chain, std::slice::from_ref(&identity.der), "{what}");
    assert_eq!(handshake.version, Some(version), "{what}");
    let name = handshake.client.as_ref().and_then(|hello| hello.server_name());
    assert_eq!(name, Some(DOMAIN.as_bytes()), "{what}");
    let hello = handshake.client.as_ref().expect("it has a name");
    if let Some(expected) = ja4_expected(client, hello.alpn().is_empty()) {
        assert_eq!(ja4(hello), expected, "{what}");
    }
    eprintln!("{what}: {} {seen:?}, answer {:?}", ja4(hello), looked.relayed.progress.answer());
}

/// As Debian 12 has them; with or without application protocols. Chromium's changes with its many versions.
fn ja4_expected(client: Client, without_alpn: bool) -> Option<&'static str> {
    match client {
        Client::OpenSsl | Client::Psql => Some("t13d311000_e8f1e7e78f70_1f22a2ca17c4"),
        Client::GnuTls => Some("t13d291300_723694b0fccc_2cc26d266019"),
        Client::Curl if without_alpn => Some("t13d311100_e8f1e7e78f70_b26ce05bbdd6"),
        Client::Curl => Some("t13d3112h2_e8f1e7e78f70_b26ce05bbdd6"),
        Client::Swaks | Client::Slixmpp | Client::Profanity => {
            Some("t13d311100_e8f1e7e78f70_d41ae481755e")
        }
        Client::Dino if without_alpn => Some("t13d291200_723694b0fccc_5671b5df5029"),
        Client::Dino => Some("t13d2913xt_723694b0fccc_5671b5df5029"),
        Client::GoSendxmpp => Some("t13d1910xt_9dc949149365_97f8aa674fd9"),
        Client::Chromium => None,
    }
}

/// All at once, each with a server of its own.
async fn at_s_server(
    versions: &'static [(&'static str, u16)],
    cases: &'static [(Client, Protocol, Opening, Front)],
) {
    let identity = Arc::new(Identity::new());
    let mut looks = JoinSet::new();
    for &(flag, version) in versions {
        for &(client, protocol, opening, front) in cases {
            if !is_possible(Some(client)) {
                continue;
            }
            let identity = identity.clone();
            looks.spawn(async move {
                let server = Server::start(&identity, flag, front).await;
                let service = service(protocol, opening);
                tokio::select! {
                    looked = looked(client, &service, None, server.address) => {
                        let what = format!("{client} {protocol} {} {flag}", opening.as_str());
                        check(&what, client, &identity, &looked, version);
                    }
                    () = server.serve() => {}
                }
            });
        }
    }
    all(looks).await;
}

/// Waits for all of them before it fails.
async fn all(mut tests: JoinSet<()>) {
    let mut failed = 0;
    while let Some(ended) = tests.join_next().await {
        failed += u32::from(ended.is_err());
    }
    assert_eq!(failed, 0, "each has said why");
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_shake_hands() {
    use Opening::{Direct, StartTls};
    use Protocol::{Http, Imap, Plain, Pop3, Postgresql, Smtp, Submission, Xmpp};
    at_s_server(
        &[TLS_12, TLS_13],
        &[
            (Client::OpenSsl, Plain, Direct, Front::Nothing),
            (Client::OpenSsl, Smtp, StartTls, SMTP),
            (Client::GnuTls, Plain, Direct, Front::Nothing),
            (Client::GnuTls, Xmpp, StartTls, XMPP),
            (Client::Curl, Http, Direct, Front::Nothing),
            (Client::Curl, Imap, StartTls, IMAP),
            (Client::Curl, Pop3, StartTls, POP3),
            (Client::Swaks, Submission, Direct, Front::Nothing),
            (Client::Swaks, Smtp, StartTls, SMTP),
            (Client::Psql, Postgresql, StartTls, Front::SslRequest),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_xmpp_shake_hands() {
    use Opening::{Direct, StartTls};
    use Protocol::Xmpp;
    let identity = Arc::new(Identity::new());
    let prosody = Prosody::start(&identity).await;
    let mut looks = JoinSet::new();
    looks.spawn(at_s_server(
        &[TLS_12],
        &[
            (Client::Slixmpp, Xmpp, StartTls, XMPP),
            (Client::Profanity, Xmpp, StartTls, XMPP),
            (Client::Dino, Xmpp, StartTls, XMPP),
        ],
    ));
    for (opening, address) in [(StartTls, prosody.starttls), (Direct, prosody.direct)] {
        for client in [Client::OpenSsl, Client::Slixmpp, Client::Profanity, Client::Dino] {
            if !is_possible(Some(client)) {
                continue;
            }
            let identity = identity.clone();
            looks.spawn(async move {
                let looked = looked(client, &service(Xmpp, opening), None, address).await;
                let what = format!("{client} {} of Prosody", opening.as_str());
                check(&what, client, &identity, &looked, 0x0304);
            });
        }
    }
    all(looks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_trusts_one_certificate_tells_which_it_got() {
    if !is_possible(Some(Client::GoSendxmpp)) {
        return;
    }
    let identity = Arc::new(Identity::new());
    let other = Identity::new();
    let prosody = Prosody::start(&identity).await;
    let mut looks = JoinSet::new();
    for (opening, address) in
        [(Opening::StartTls, prosody.starttls), (Opening::Direct, prosody.direct)]
    {
        for (expected, told) in
            [(identity.der.clone(), Oracle::Expected), (other.der.clone(), Oracle::Other)]
        {
            looks.spawn(async move {
                let service = service(Protocol::Xmpp, opening);
                let looked = looked(Client::GoSendxmpp, &service, Some(&expected), address).await;
                let said = looked.said.text();
                let handshake = Handshake::of(&looked.relayed.recording, &looked.key_log);
                let hello = handshake.client.as_ref().map(ja4);
                assert_eq!(hello.as_deref(), ja4_expected(Client::GoSendxmpp, false));
                assert_eq!(looked.told, Some(told), "{:?}\n{said}", looked.relayed.ended);
            });
        }
    }
    all(looks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_shakes_hands() {
    at_s_server(
        &[TLS_12, TLS_13],
        &[(Client::Chromium, Protocol::Http, Opening::Direct, Front::Nothing)],
    )
    .await;
}
