//! What an XMPP server offers inside TLS, and a login that is bound to it: the machine of [`crate::login`], run over a
//! session.

use std::io;
use std::time::Duration;

use aws_lc_rs::digest::{Algorithm, SHA256, SHA384, SHA512, digest};
use countersign_judge::probe::observation::{LoggedIn, Login as Seen};
use countersign_judge::probe::service::{Protocol, Service};
use countersign_sct::der::{Element, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::login::{Account, Binding, Login, Next, Outcome, Terms, Unbound};
use crate::stack::rustls::Session;

/// Who logs in, with 18 random bytes that nobody has used before.
#[derive(Clone, Debug)]
pub struct LogIn {
    /// The account.
    pub account: Account,
    /// The random bytes.
    pub nonce: [u8; 18],
}

/// Looks what is offered behind TLS, and logs in if somebody is given. `None`: what is spoken there has no such thing.
pub async fn look<S>(
    session: &mut Session,
    stream: &mut S,
    service: &Service,
    log_in: Option<&LogIn>,
    patience: Duration,
) -> Option<Seen>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if service.protocol != Protocol::Xmpp {
        return None;
    }
    let mut login = match log_in {
        None => Login::look(&service.domain),
        Some(LogIn { account, nonce }) => {
            let exporter = session.exporter().map(Binding::TlsExporter);
            let end_point = session.certificate().and_then(end_point);
            let bindings = exporter.into_iter().chain(end_point.map(Binding::TlsServerEndPoint));
            // Nobody logs in for us: a login that is not bound would show nothing, and give the session away.
            let terms = Terms { bindings: bindings.collect(), unbound: Unbound::Refuse };
            Login::log_in(&service.domain, account.clone(), terms, *nonce)
        }
    };
    let outcome = match timeout(patience, talk(session, stream, &mut login)).await {
        Ok(Ok(outcome)) => ended(outcome),
        Ok(Err(error)) => LoggedIn::Failed { why: format!("the connection broke: {error}") },
        // What it has offered until then stands.
        Err(_) => LoggedIn::Failed { why: "the server said nothing more".to_owned() },
    };
    let features = login.features();
    Some(Seen {
        mechanisms: features.mechanisms.clone(),
        bindings: features.bindings.clone().unwrap_or_default(),
        ended: outcome,
    })
}

async fn talk<S>(session: &mut Session, stream: &mut S, login: &mut Login) -> io::Result<Outcome>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let is_over = match login.next() {
            Next::Send(words) => {
                session.send(stream, &words).await?;
                false
            }
            Next::Receive => false,
            Next::Over { outcome, farewell } => {
                // Whether the peer hears it changes nothing.
                let _ = session.send(stream, farewell).await;
                let _ = session.close(stream).await;
                return Ok(outcome);
            }
        };
        if !is_over {
            match session.receive(stream).await? {
                heard if heard.is_empty() => login.end(),
                heard => login.feed(&heard),
            }
        }
    }
}

fn ended(outcome: Outcome) -> LoggedIn {
    match outcome {
        Outcome::Looked => LoggedIn::NotTried,
        Outcome::Bound { mechanism, binding, .. } => {
            LoggedIn::Bound { mechanism: mechanism.to_owned(), binding: binding.to_owned() }
        }
        Outcome::NotBound { mechanism, .. } => {
            LoggedIn::NotBound { mechanism: mechanism.to_owned() }
        }
        Outcome::BindingRefused { .. } => LoggedIn::BindingRefused,
        Outcome::Downgraded { .. } => LoggedIn::Downgraded,
        Outcome::ServerNotVerified { .. } => LoggedIn::ServerNotVerified,
        Outcome::PasswordRefused { .. } => LoggedIn::PasswordRefused,
        Outcome::PlusNotOffered { .. }
        | Outcome::NoCommonBinding { .. }
        | Outcome::ScramNotOffered { .. } => LoggedIn::NothingBinds,
        Outcome::BindingNotAnnounced { binding, .. } => failed(format!(
            "it does not say what it binds to, and refused {binding}: it may know only another type"
        )),
        Outcome::Iterations { asked } => failed(format!(
            "it asks for {asked} iterations, fewer or more than a login is safe with"
        )),
        Outcome::NotThisProtocol { said } => failed(format!("it speaks something else: {said}")),
        Outcome::PeerError { said } => failed(format!("it ended with an error: {said}")),
        Outcome::TooMuch => failed("it said more than any server has to say".to_owned()),
        Outcome::Closed { .. } => failed("it closed the connection".to_owned()),
    }
}

fn failed(why: String) -> LoggedIn {
    LoggedIn::Failed { why }
}

/// The hash of a certificate, by the function of its signature, SHA-256 in the place of MD5 and SHA-1 (RFC 5929 §4.1).
/// `None` for signatures without one, or with one that is not known here.
fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let is = |tag| move |found: &Element<'_>| found.tag.octet == tag;
    let whole = Reader::new(certificate).element().ok().filter(is(SEQUENCE))?;
    let mut parts = Reader::new(whole.contents);
    parts.element().ok()?;
    let algorithm = parts.element().ok().filter(is(SEQUENCE))?;
    let id = Reader::new(algorithm.contents).element().ok().filter(is(OBJECT_IDENTIFIER))?;
    let function: &Algorithm = match id.contents {
        // md5, sha1, sha256, sha384 and sha512WithRSAEncryption (RFC 8017 §A.2.4).
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4 | 5 | 11] => &SHA256,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 12] => &SHA384,
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 13] => &SHA512,
        // ecdsa-with-SHA1, 256, 384 and 512 (RFC 5758 §3.2).
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 1] | [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2] => &SHA256,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 3] => &SHA384,
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4] => &SHA512,
        _ => return None,
    };
    Some(digest(function, certificate).as_ref().to_vec())
}
