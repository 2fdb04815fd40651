//! How an [`SctVerifier`] is made: with the choices of rustls' own verifier, and an [`Enforcer`].

use std::sync::Arc;

use countersign_sct::{Decision, Enforcer, Settings};
use rustls::client::{VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateRevocationListDer, ServerName};
use webpki::{
    ExpirationPolicy, OwnedCertRevocationList, RevocationCheckDepth, UnknownStatusPolicy,
};

use crate::verifier::{Revocation, SctVerifier};

/// The settings of an [`Enforcer`] for this way in: the project's policy, in the default profile.
pub fn settings() -> Settings {
    Settings::new("rustls")
}

/// A configuration for clients that demands SCTs: rustls' own in every other respect, without a certificate of
/// the client. For more choices there is [`SctVerifier::builder`].
pub fn client_config(
    roots: impl Into<Arc<RootCertStore>>,
    enforcer: Arc<Enforcer>,
) -> Result<ClientConfig, BuildError> {
    let provider = provider();
    let verifier = SctVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .enforcer(enforcer)
        .build()?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(BuildError::Provider)?;
    Ok(config.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Makes an [`SctVerifier`].
pub struct Builder {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    enforcer: Option<Arc<Enforcer>>,
    on_decision: Option<OnDecision>,
    crls: Vec<CertificateRevocationListDer<'static>>,
    depth: RevocationCheckDepth,
    unknown: UnknownStatusPolicy,
    expiration: ExpirationPolicy,
}

/// Who is told of decisions.
pub(crate) type OnDecision = Box<dyn Fn(&Decision, &ServerName<'_>) + Send + Sync>;

impl SctVerifier {
    /// Begins with these roots, and the program's default cryptography, or else AWS-LC's.
    pub fn builder(roots: impl Into<Arc<RootCertStore>>) -> Builder {
        Self::builder_with_provider(roots, provider())
    }

    /// Begins with these roots, and this cryptography for chains and handshakes. SCTs are verified by AWS-LC.
    pub fn builder_with_provider(
        roots: impl Into<Arc<RootCertStore>>,
        provider: Arc<CryptoProvider>,
    ) -> Builder {
        Builder {
            roots: roots.into(),
            provider,
            enforcer: None,
            on_decision: None,
            crls: Vec::new(),
            depth: RevocationCheckDepth::Chain,
            unknown: UnknownStatusPolicy::Deny,
            expiration: ExpirationPolicy::Ignore,
        }
    }
}

impl Builder {
    /// Who decides. One enforcer serves the whole program: give every configuration the same. Without one, the
    /// list and the public roots that come with this crate are used.
    pub fn enforcer(mut self, enforcer: Arc<Enforcer>) -> Self {
        self.enforcer = Some(enforcer);
        self
    }

    /// Who is told of each decision, with its warnings: once a handshake, on the thread that does it, which waits.
    /// Where a library hides why it cannot connect, this is where the application learns of a refusal.
    pub fn on_decision(
        mut self,
        on_decision: impl Fn(&Decision, &ServerName<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.on_decision = Some(Box::new(on_decision));
        self
    }

    /// Adds lists of revoked certificates, as [`rustls::client::ServerCertVerifierBuilder::with_crls`] does.
    /// Without any, no revocation is looked at.
    pub fn crls(
        mut self,
        crls: impl IntoIterator<Item = CertificateRevocationListDer<'static>>,
    ) -> Self {
        self.crls.extend(crls);
        self
    }

    /// Only the server's certificate must not be revoked; not every one of the chain.
    pub fn only_check_end_entity_revocation(mut self) -> Self {
        self.depth = RevocationCheckDepth::EndEntity;
        self
    }

    /// A certificate on which no list can say anything is not revoked; not refused.
    pub fn allow_unknown_revocation_status(mut self) -> Self {
        self.unknown = UnknownStatusPolicy::Allow;
        self
    }

    /// A list whose time is over makes the connection fail; it is not used on.
    pub fn enforce_revocation_expiration(mut self) -> Self {
        self.expiration = ExpirationPolicy::Enforce;
        self
    }

    /// The verifier, if there are roots and the revocation lists can be read.
    pub fn build(self) -> Result<Arc<SctVerifier>, BuildError> {
        let stock = self.stock().build()?;
        let parse = |crl: &CertificateRevocationListDer<'_>| {
            OwnedCertRevocationList::from_der(crl).expect("rustls has just read it").into()
        };
        let revocation = Revocation {
            crls: self.crls.iter().map(parse).collect(),
            depth: self.depth,
            unknown: self.unknown,
            expiration: self.expiration,
        };
        Ok(Arc::new(SctVerifier {
            stock,
            roots: self.roots,
            algorithms: self.provider.signature_verification_algorithms.all,
            revocation,
            enforcer: self.enforcer.unwrap_or_else(|| Arc::new(Enforcer::built_in(settings()))),
            on_decision: self.on_decision,
        }))
    }

    /// Rustls' own verifier, with the same choices.
    fn stock(&self) -> rustls::client::ServerCertVerifierBuilder {
        let (roots, provider) = (Arc::clone(&self.roots), Arc::clone(&self.provider));
        let mut stock = WebPkiServerVerifier::builder_with_provider(roots, provider)
            .with_crls(self.crls.iter().cloned());
        match self.depth {
            RevocationCheckDepth::EndEntity => stock = stock.only_check_end_entity_revocation(),
            RevocationCheckDepth::Chain => {}
        }
        match self.unknown {
            UnknownStatusPolicy::Allow => stock = stock.allow_unknown_revocation_status(),
            UnknownStatusPolicy::Deny => {}
        }
        match self.expiration {
            ExpirationPolicy::Enforce => stock = stock.enforce_revocation_expiration(),
            ExpirationPolicy::Ignore => {}
        }
        stock
    }
}

/// Why there is no verifier, or no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// There are no roots, or a revocation list cannot be read.
    #[error("there are no roots, or a list of revoked certificates cannot be read")]
    Verifier(#[from] VerifierBuilderError),
    /// The cryptography of the program knows no version of TLS that rustls would use.
    #[error("the cryptography of this program does not suffice for TLS")]
    Provider(#[source] rustls::Error),
}

/// Asking rustls for a default would panic in a program that has two providers and installed none.
fn provider() -> Arc<CryptoProvider> {
    let installed = CryptoProvider::get_default().map(Arc::clone);
    installed.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()))
}
