//! Who a TLS server of the lab says it is: a chain, and a key that may or may not be its own.

use std::fmt;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::version::{TLS12, TLS13};
use rustls::{NamedGroup, SupportedProtocolVersion};

use crate::authority::{Issued, SubjectKey};
use crate::certificates::spki_of;

/// A chain and its key.
#[derive(Clone)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    pkcs8: Vec<u8>,
}

/// What a server agrees to.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The versions.
    pub versions: Versions,
    /// The groups, the preferred one first; empty: all that there are.
    pub groups: Vec<NamedGroup>,
    /// The application protocols (RFC 7301). Clients need not name any.
    pub alpn: Vec<Vec<u8>>,
}

/// Versions of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// 1.2 and 1.3.
    Both,
    /// 1.2.
    Old,
    /// 1.3.
    New,
}

impl Identity {
    /// A certificate, the one that signed it, and its key.
    ///
    /// # Panics
    ///
    /// If the lab does not have the private half of the key, or the certificate is for another one.
    pub fn new(issued: &Issued, key: &SubjectKey) -> Self {
        assert_eq!(spki_of(&issued.certificate), Some(&key.spki()[..]), "a key of its own");
        let chain = [&issued.certificate, &issued.issuers[0]];
        Self {
            chain: chain.map(|certificate| CertificateDer::from(certificate.clone())).to_vec(),
            pkcs8: key.pkcs8().expect("a key with its private half").to_vec(),
        }
    }

    /// The same with the last certificate of the chain so many times over.
    pub fn padded(mut self, times: usize) -> Self {
        let last = self.chain.last().expect("a chain has two certificates").clone();
        self.chain.extend(std::iter::repeat_n(last, times));
        self
    }

    /// The certificate.
    pub fn certificate(&self) -> &[u8] {
        &self.chain[0]
    }

    /// The SubjectPublicKeyInfo.
    pub fn spki(&self) -> &[u8] {
        spki_of(self.certificate()).expect("it was read when this was made")
    }

    /// What a server needs to be this on these terms.
    pub(crate) fn server(&self, terms: &Terms) -> Arc<ServerConfig> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.pkcs8.clone()));
        let mut config = ServerConfig::builder_with_provider(provider(&terms.groups))
            .with_protocol_versions(&terms.versions.supported())
            .expect("the provider speaks TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .expect("the certificate is for this key");
        config.alpn_protocols.clone_from(&terms.alpn);
        Arc::new(config)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("chain", &self.chain).finish_non_exhaustive()
    }
}

impl Default for Terms {
    /// Whatever rustls can, without application protocols.
    fn default() -> Self {
        Self { versions: Versions::Both, groups: Vec::new(), alpn: Vec::new() }
    }
}

impl Versions {
    /// As rustls calls them.
    pub(crate) fn supported(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Self::Both => vec![&TLS13, &TLS12],
            Self::Old => vec![&TLS12],
            Self::New => vec![&TLS13],
        }
    }
}

/// The cryptography of the lab, with these groups only, in this order. Those that there are not are left out.
pub(crate) fn provider(groups: &[NamedGroup]) -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    if !groups.is_empty() {
        let found = |group: &NamedGroup| {
            aws_lc_rs::ALL_KX_GROUPS.iter().copied().find(|known| known.name() == *group)
        };
        provider.kx_groups = groups.iter().filter_map(found).collect();
    }
    Arc::new(provider)
}
