//! The lab's certification authority: a root, an intermediate, and end-entity certificates that go into logs as
//! RFC 6962 §3.1 says, or stay out of them, or are odd on purpose.
//!
//! One authority issues for everybody, the operator and Mallory alike; what differs is the key that a request
//! names. Serial numbers come from the seed, so that a run can be told by its certificates.
//!
//! # Limitations
//!
//! Keys and signatures do not come from the seed: aws-lc draws its randomness itself. Two runs with one seed
//! have equal serial numbers and names, and unequal keys, signatures and hashes.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
    SigningKey, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::certificates::{self, POISON, POISON_OID, SCT_LIST_OID, sha256};
use crate::log::{Content, LogServer, Refused};

/// A CA: a root that everybody trusts and an intermediate that signs.
pub struct Authority {
    root: CertifiedIssuer<'static, KeyPair>,
    intermediate: CertifiedIssuer<'static, KeyPair>,
    seed: u64,
    /// How many serial numbers have been drawn from the seed.
    issued: AtomicU64,
}

/// A P-256 key that a certificate may be for. The private half is there if the lab made the key.
#[derive(Clone)]
pub struct SubjectKey {
    point: [u8; 65],
    pkcs8: Option<Vec<u8>>,
}

/// What to certify.
#[derive(Clone)]
pub struct Request<'a> {
    /// DNS names, wildcards among them, and IP addresses. The first is also the common name, if it fits.
    pub names: Vec<String>,
    /// The key to certify.
    pub key: &'a SubjectKey,
    /// Start of validity.
    pub not_before: Timestamp,
    /// End of validity.
    pub not_after: Timestamp,
    /// Rewrites the TBSCertificate before it is signed, and the precertificate's just the same: how odd and
    /// malformed certificates with a good signature are made.
    pub rewrite: Option<Rewrite<'a>>,
}

/// From the TBSCertificate as the CA would sign it to the bytes that it signs.
#[derive(Clone, Copy)]
pub struct Rewrite<'a>(pub &'a (dyn Fn(Vec<u8>) -> Vec<u8> + Sync));

/// A certificate and what came of making it.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate.
    pub certificate: Vec<u8>,
    /// The precertificate that was logged, if any.
    pub precertificate: Option<Vec<u8>>,
    /// The SCTs in the certificate, in the order of the logs asked.
    pub scts: Vec<Vec<u8>>,
    /// The intermediate and the root.
    pub issuers: Vec<Vec<u8>>,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IssueError {
    /// A name, or another part of the request, cannot be put into a certificate without the rewriting hook.
    #[error("the request cannot be encoded")]
    Request(#[source] rcgen::Error),
    /// What the hook left cannot be read as a certificate's TBSCertificate.
    #[error("the CA cannot read its own certificate back")]
    Unreadable,
    /// A log would not have the precertificate.
    #[error("log {log} refuses the precertificate")]
    Refused {
        /// The log's URL.
        log: String,
        /// Why.
        #[source]
        why: Refused,
    },
}

impl Authority {
    /// A new CA with this name in its certificates. They are valid from 2000 to 2100: a scene may play at any
    /// time, while TLS is judged by the machine's clock.
    pub fn new(name: &str, seed: u64) -> Self {
        let issued = AtomicU64::new(0);
        let mut root = ca_params(&format!("{name} Root"));
        root.serial_number = Some(serial_number(seed, &issued));
        let root = CertifiedIssuer::self_signed(root, fresh_key()).expect("a plain name encodes");
        let mut intermediate = ca_params(&format!("{name} Intermediate"));
        intermediate.serial_number = Some(serial_number(seed, &issued));
        intermediate.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let intermediate = CertifiedIssuer::signed_by(intermediate, fresh_key(), &root)
            .expect("a plain name encodes");
        Self { root, intermediate, seed, issued }
    }

    /// The root certificate.
    pub fn root(&self) -> &[u8] {
        self.root.der()
    }

    /// The certificate of the intermediate that signs.
    pub fn intermediate(&self) -> &[u8] {
        self.intermediate.der()
    }

    /// Issues a certificate that no log is told of: there are no SCTs in it.
    pub fn issue_unlogged(&self, request: &Request<'_>) -> Result<Issued, IssueError> {
        let params = self.params(request)?;
        let certificate = self.sign(request, &params)?;
        Ok(Issued { certificate, precertificate: None, scts: Vec::new(), issuers: self.issuers() })
    }

    /// Issues a certificate as CAs do (RFC 6962 §3.1): signs a precertificate, shows it to each log, embeds
    /// the SCTs. The final certificate goes into a log only if the caller submits it.
    pub fn issue_logged(
        &self,
        request: &Request<'_>,
        logs: &[&LogServer],
    ) -> Result<Issued, IssueError> {
        self.issue_with(request, |precertificate| {
            let issuers = self.issuers();
            let chain: Vec<Vec<u8>> =
                [precertificate.to_vec()].into_iter().chain(issuers).collect();
            let promise = |log: &&LogServer| {
                let sct = log
                    .add_pre_chain(&chain)
                    .map_err(|why| IssueError::Refused { log: log.url(), why })?;
                Ok(sct.to_bytes())
            };
            logs.iter().map(promise).collect()
        })
    }

    /// Issues a certificate with whatever SCTs `promise` makes for its entry. Without any, it has no list of SCTs.
    pub fn issue_promised(
        &self,
        request: &Request<'_>,
        promise: impl Fn(&Content) -> Vec<Vec<u8>>,
    ) -> Result<Issued, IssueError> {
        self.issue_with(request, |precertificate| {
            let issuer =
                certificates::spki_of(self.intermediate()).ok_or(IssueError::Unreadable)?;
            let tbs = certificates::tbs_of(precertificate).and_then(certificates::without_poison);
            Ok(promise(&Content::Precert {
                issuer_key_hash: sha256(issuer),
                tbs: tbs.ok_or(IssueError::Unreadable)?,
                precertificate: precertificate.to_vec(),
            }))
        })
    }

    fn issue_with(
        &self,
        request: &Request<'_>,
        promise: impl FnOnce(&[u8]) -> Result<Vec<Vec<u8>>, IssueError>,
    ) -> Result<Issued, IssueError> {
        let mut params = self.params(request)?;
        let mut poison = CustomExtension::from_oid_content(&POISON_OID, POISON.to_vec());
        poison.set_criticality(true);
        params.custom_extensions.push(poison);
        let precertificate = self.sign(request, &params)?;
        let scts = promise(&precertificate)?;
        params.custom_extensions.pop();
        if !scts.is_empty() {
            let list =
                CustomExtension::from_oid_content(&SCT_LIST_OID, certificates::sct_list(&scts));
            params.custom_extensions.push(list);
        }
        let certificate = self.sign(request, &params)?;
        let precertificate = Some(precertificate);
        Ok(Issued { certificate, precertificate, scts, issuers: self.issuers() })
    }

    /// What a TLS server of the lab needs to be `host`: a fresh key and an unlogged certificate that is valid
    /// whenever the intermediate is.
    pub fn server_config(&self, host: &str) -> Result<Arc<ServerConfig>, IssueError> {
        let key = SubjectKey::generate();
        let request = Request {
            names: vec![host.to_owned()],
            key: &key,
            not_before: "2000-01-02T00:00:00Z".parse().expect("a literal time"),
            not_after: "2099-12-31T00:00:00Z".parse().expect("a literal time"),
            rewrite: None,
        };
        let issued = self.issue_unlogged(&request)?;
        let chain = [issued.certificate, self.intermediate().to_vec()];
        let pkcs8 = key.pkcs8.expect("a generated key has its private half");
        let mut config = ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .expect("the provider speaks TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(
            chain.into_iter().map(CertificateDer::from).collect(),
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(pkcs8)),
        )
        .expect("the certificate is for this key");
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// Intermediate and root, in the order of a chain.
    pub fn issuers(&self) -> Vec<Vec<u8>> {
        vec![self.intermediate().to_vec(), self.root().to_vec()]
    }

    /// An end-entity certificate less poison and SCTs, with its serial number drawn.
    fn params(&self, request: &Request<'_>) -> Result<CertificateParams, IssueError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        // RFC 5280 appendix A: ub-common-name is 64.
        if let Some(first) = request.names.first().filter(|name| name.len() <= 64) {
            params.distinguished_name.push(DnType::CommonName, first.as_str());
        }
        for name in &request.names {
            params.subject_alt_names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into().map_err(IssueError::Request)?),
            });
        }
        let date_time = |at: Timestamp| {
            let since_1970 = u64::try_from(at.as_second()).expect("the lab plays after 1970");
            date_time_ymd(1970, 1, 1) + Duration::from_secs(since_1970)
        };
        params.not_before = date_time(request.not_before);
        params.not_after = date_time(request.not_after);
        params.serial_number = Some(serial_number(self.seed, &self.issued));
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Ok(params)
    }

    /// Encodes, lets the request's hook at the TBSCertificate, and signs.
    fn sign(
        &self,
        request: &Request<'_>,
        params: &CertificateParams,
    ) -> Result<Vec<u8>, IssueError> {
        let plain =
            params.signed_by(request.key, &self.intermediate).map_err(IssueError::Request)?;
        let Some(Rewrite(rewrite)) = request.rewrite else { return Ok(plain.der().to_vec()) };
        let tbs = certificates::tbs_of(plain.der()).ok_or(IssueError::Unreadable)?;
        Ok(self.sign_tbs(&rewrite(tbs.to_vec())))
    }

    /// Signs any bytes as if they were a TBSCertificate.
    pub fn sign_tbs(&self, tbs: &[u8]) -> Vec<u8> {
        let signature = self.intermediate.key().sign(tbs).expect("a P-256 key signs any bytes");
        certificates::certificate(tbs, &signature)
    }
}

impl Issued {
    /// The certificate followed by its issuers, as it is submitted to a log.
    pub fn chain(&self) -> Vec<Vec<u8>> {
        [self.certificate.clone()].into_iter().chain(self.issuers.iter().cloned()).collect()
    }
}

impl SubjectKey {
    /// A new key pair.
    pub fn generate() -> Self {
        let pair = fresh_key();
        let point = pair.der_bytes().try_into().expect("a P-256 point has 65 bytes");
        Self { point, pkcs8: Some(pair.serialize_der()) }
    }

    /// A key of which only the public half is known. `None` unless it is a P-256 key.
    pub fn public(spki: &[u8]) -> Option<Self> {
        Some(Self { point: *certificates::point_of_spki(spki)?, pkcs8: None })
    }

    /// The SubjectPublicKeyInfo.
    pub fn spki(&self) -> Vec<u8> {
        certificates::spki_of_point(&self.point)
    }

    /// The private half in PKCS #8.
    pub fn pkcs8(&self) -> Option<&[u8]> {
        self.pkcs8.as_deref()
    }
}

impl PublicKeyData for SubjectKey {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl fmt::Debug for SubjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectKey").field("point", &self.point).finish_non_exhaustive()
    }
}

/// A new P-256 key pair.
fn fresh_key() -> KeyPair {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("the machine has randomness")
}

/// A CA certificate.
fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Countersign Lab");
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2000, 1, 1);
    params.not_after = date_time_ymd(2100, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// The next serial number: 16 bytes of a hash over seed and count, positive and without leading zeros (RFC 5280
/// §4.1.2.2), which is what `01` in the two highest bits makes sure of.
fn serial_number(seed: u64, issued: &AtomicU64) -> SerialNumber {
    let count = issued.fetch_add(1, Ordering::Relaxed);
    let mut serial = sha256(&[seed.to_be_bytes(), count.to_be_bytes()].concat())[..16].to_vec();
    serial[0] = serial[0] & 0x3f | 0x40;
    SerialNumber::from_slice(&serial)
}

#[cfg(test)]
mod tests;
