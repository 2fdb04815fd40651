//! Verifies a server's certificate as rustls does, and then its SCTs: path by path.
//!
//! ```text
//! name ── wrong ──> rustls' own error
//!   │
//! each path to a root that webpki finds good ──> the enforcer ── accepts ──> done
//!   │ no more paths                                  │ refuses: remember, and try the next path
//!   ├── some were refused ──> the refusal that lacked least
//!   └── there was none ──> rustls' own error
//! ```
//!
//! One certificate can have several paths, over cross-certificates and out of order, and what the server sent
//! second need not be the issuer. So the judgement is made where webpki holds a whole path in its hands.
//!
//! Whatever rustls would refuse is refused, with the error that rustls has for it: it is asked for that error.
//! That is twice the work, and only for connections that fail.
//!
//! # Limitations
//!
//! When one path leads to a public root and is refused, and another to a private root, the latter counts: whoever
//! installed that root has said that it may vouch for what it likes.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use countersign_sct::enforcer::Reason;
use countersign_sct::{Action, Anchor, Chain, Decision, Enforcer, Trust, Worth};
use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth,
    RevocationOptions, RevocationOptionsBuilder, UnknownStatusPolicy, VerifiedPath,
    spki_for_anchor,
};

use crate::builder::OnDecision;
use crate::refused::Refused;

/// Verifies what rustls verifies, and demands SCTs. [`SctVerifier::builder`] makes one.
pub struct SctVerifier {
    /// Rustls' own, with the same roots, algorithms and revocation lists: for signatures and for its errors.
    pub(crate) stock: Arc<WebPkiServerVerifier>,
    pub(crate) roots: Arc<RootCertStore>,
    pub(crate) algorithms: &'static [&'static dyn SignatureVerificationAlgorithm],
    pub(crate) revocation: Revocation,
    pub(crate) enforcer: Arc<Enforcer>,
    pub(crate) on_decision: Option<OnDecision>,
}

/// What is asked about revocation; nothing, if there are no lists.
pub(crate) struct Revocation {
    pub(crate) crls: Vec<CertRevocationList<'static>>,
    pub(crate) depth: RevocationCheckDepth,
    pub(crate) unknown: UnknownStatusPolicy,
    pub(crate) expiration: ExpirationPolicy,
}

impl SctVerifier {
    /// Who decides.
    pub fn enforcer(&self) -> &Arc<Enforcer> {
        &self.enforcer
    }

    /// Looks for a path that webpki and the enforcer both accept.
    fn search(
        &self,
        certificate: &EndEntityCert<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        now: UnixTime,
    ) -> Found {
        let host = server_name.to_str();
        let now_here = timestamp(now);
        let (accepted, refused) = (RefCell::new(None), RefCell::new(None));
        let judge_path = |path: &VerifiedPath<'_>| {
            let decision = self.judge(path, &host, now_here);
            match decision.action {
                Action::Accept => {
                    accepted.replace(Some(decision));
                    Ok(())
                }
                Action::Refuse => {
                    let best = better(refused.take(), decision);
                    refused.replace(Some(best));
                    // Any error makes webpki go on to the next path.
                    Err(webpki::Error::CertDistrusted)
                }
            }
        };
        let lists: Vec<_> = self.revocation.crls.iter().collect();
        let found = certificate.verify_for_usage(
            self.algorithms,
            &self.roots.roots,
            intermediates,
            now,
            KeyUsage::server_auth(),
            self.revocation.options(&lists),
            Some(&judge_path),
        );
        match (found, accepted.into_inner(), refused.into_inner()) {
            (Ok(_), Some(decision), _) => Found::Accepted(decision),
            (_, _, Some(decision)) => Found::Refused(decision),
            (_, _, None) => Found::NoPath,
        }
    }

    fn judge(&self, path: &VerifiedPath<'_>, host: &str, now: Timestamp) -> Decision {
        let end_entity = path.end_entity().der();
        let intermediates = path.intermediate_certificates().map(|certificate| certificate.der());
        let certificates: Vec<_> = std::iter::once(end_entity).chain(intermediates).collect();
        let certificates: Vec<&[u8]> = certificates.iter().map(AsRef::as_ref).collect();
        // Rustls keeps an anchor's key without the header of its SEQUENCE; logs hash it with the header.
        let anchor_spki = spki_for_anchor(path.anchor());
        let chain = Chain {
            certificates: &certificates,
            anchor: Anchor::Key(&anchor_spki),
            host: Some(host),
            trust: Trust::Roots,
        };
        self.enforcer.judge(chain, now)
    }

    fn tell(&self, decision: &Decision, server_name: &ServerName<'_>) {
        if let Some(on_decision) = &self.on_decision {
            on_decision(decision, server_name);
        }
    }
}

/// What a search has found.
enum Found {
    /// A path that is good, with its SCTs.
    Accepted(Decision),
    /// Paths that are good but for their SCTs; this lacks least.
    Refused(Decision),
    /// No path that is good.
    NoPath,
}

impl ServerCertVerifier for SctVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = match EndEntityCert::try_from(end_entity) {
            // The name comes first: the enforcer remembers for which hosts it has seen what, and must not learn
            // it from a certificate of somebody else.
            Ok(certificate)
                if certificate.verify_is_valid_for_subject_name(server_name).is_ok() =>
            {
                self.search(&certificate, intermediates, server_name, now)
            }
            Ok(_) | Err(_) => Found::NoPath,
        };
        match found {
            Found::Accepted(decision) => {
                self.tell(&decision, server_name);
                Ok(ServerCertVerified::assertion())
            }
            Found::Refused(decision) => {
                self.tell(&decision, server_name);
                Err(Refused { decision }.into())
            }
            Found::NoPath => {
                let stock = &self.stock;
                stock.verify_server_cert(
                    end_entity,
                    intermediates,
                    server_name,
                    ocsp_response,
                    now,
                )?;
                // Its checks are ours. Should they ever differ, the stricter one is right.
                Err(Error::General("rustls accepts a chain that was not found here".to_owned()))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.stock.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.stock.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.stock.supported_verify_schemes()
    }
}

impl Revocation {
    fn options<'a>(
        &self,
        lists: &'a [&'a CertRevocationList<'a>],
    ) -> Option<RevocationOptions<'a>> {
        let options = RevocationOptionsBuilder::new(lists).ok()?; // an error if there are none
        let options = options.with_depth(self.depth).with_status_policy(self.unknown);
        Some(options.with_expiration_policy(self.expiration).build())
    }
}

impl fmt::Debug for SctVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SctVerifier").field("roots", &self.roots.len()).finish_non_exhaustive()
    }
}

/// The refusal that lacked less; of equals the first.
fn better(known: Option<Decision>, found: Decision) -> Decision {
    match known {
        Some(known) if counted(&known) >= counted(&found) => known,
        Some(_) | None => found,
    }
}

/// SCTs that count.
fn counted(decision: &Decision) -> usize {
    match &decision.reason {
        Reason::Judged(verdict) => {
            verdict.scts.iter().filter(|sct| matches!(sct.worth, Worth::Counted(_))).count()
        }
        Reason::PrivateRoot
        | Reason::Dane
        | Reason::Unreadable(_)
        | Reason::NoCertificate
        | Reason::CutOff => 0,
    }
}

/// The clock that rustls was given, which is the system's unless the application has another.
fn timestamp(now: UnixTime) -> Timestamp {
    let seconds = i64::try_from(now.as_secs()).ok();
    seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
