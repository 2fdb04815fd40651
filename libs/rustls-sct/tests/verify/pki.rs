//! A small world of CAs and logs, of one fixed day.

use std::sync::Arc;

use countersign_rustls_sct::{Enforcer, SctVerifier, settings};
use countersign_sct::enforcer::Memory;
use countersign_sct::log_list::{Api, Log, Purpose, State};
use countersign_sct::{
    LogKey, PublicRoots, SignedEntry, SignedList, issuer_key_hash, precert_tbs, signed_bytes,
    spki_of,
};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, SerialNumber, SigningKey, date_time_ymd,
};
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};

/// The day.
pub(crate) const NOW: Timestamp = Timestamp::constant(1_795_867_200, 0); // 2026-11-28T12:00:00Z
/// Whom clients ask for.
pub(crate) const HOST: &str = "xmpp.example";

pub(crate) fn unix(time: Timestamp) -> UnixTime {
    let seconds = u64::try_from(time.as_second()).expect("after 1970");
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

/// A CA: a name, a key, and the certificate that its parent, or itself, gave it.
pub(crate) struct Ca {
    pub(crate) params: CertificateParams,
    pub(crate) key: KeyPair,
    pub(crate) certificate: CertificateDer<'static>,
}

impl Ca {
    pub(crate) fn root(name: &str) -> Self {
        let (params, key) = (ca_params(name), key());
        let certificate = params.self_signed(&key).expect("it signs itself").der().clone();
        Self { params, key, certificate }
    }

    pub(crate) fn below(parent: &Self, name: &str) -> Self {
        Self::below_with(parent, name, |_| {})
    }

    pub(crate) fn below_with(
        parent: &Self,
        name: &str,
        alter: impl Fn(&mut CertificateParams),
    ) -> Self {
        let (mut params, key) = (ca_params(name), key());
        alter(&mut params);
        let certificate = parent.certify(&params, &key);
        Self { params, key, certificate }
    }

    /// Another certificate for this name and key, by another parent.
    pub(crate) fn cross_signed(&self, parent: &Self) -> CertificateDer<'static> {
        parent.certify(&self.params, &self.key)
    }

    pub(crate) fn certify(
        &self,
        params: &CertificateParams,
        key: &KeyPair,
    ) -> CertificateDer<'static> {
        params.signed_by(key, &self.issuer()).expect("a CA signs").der().clone()
    }

    pub(crate) fn issuer(&self) -> Issuer<'_, &KeyPair> {
        Issuer::from_params(&self.params, &self.key)
    }

    /// A certificate for [`HOST`] that these logs have promised to publish.
    pub(crate) fn issue(&self, logs: &[&TestLog]) -> Leaf {
        self.issue_with(logs, |_| {})
    }

    pub(crate) fn issue_with(
        &self,
        logs: &[&TestLog],
        alter: impl Fn(&mut CertificateParams),
    ) -> Leaf {
        let key = key();
        let names = vec![HOST.to_owned(), "*.wild.example".to_owned(), "192.0.2.7".to_owned()];
        let mut params = CertificateParams::new(names).expect("names");
        params.not_before = date_time_ymd(2026, 11, 1);
        params.not_after = date_time_ymd(2027, 1, 20);
        params.serial_number = Some(SerialNumber::from(SERIAL)); // the same in what logs sign
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        alter(&mut params);
        if !logs.is_empty() {
            let before = self.certify(&params, &key);
            let tbs = precert_tbs(&before).expect("we made it");
            let issuer_key_hash = issuer_key_hash(spki_of(&self.certificate).expect("we made it"));
            let entry = SignedEntry::Precert { issuer_key_hash, tbs: &tbs };
            params.custom_extensions.push(sct_extension(&entry, logs));
        }
        let certificate = self.certify(&params, &key);
        Leaf { certificate, key }
    }
}

/// A server's certificate and its key.
pub(crate) struct Leaf {
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: KeyPair,
}

impl Leaf {
    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.serialize_der()).into()
    }
}

/// The serial number of all that is issued.
pub(crate) const SERIAL: u64 = 4711;

fn key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2040, 1, 1);
    params
}

/// A log that does nothing but promise.
pub(crate) struct TestLog {
    key: KeyPair,
    operator: &'static str,
}

impl TestLog {
    pub(crate) fn new(operator: &'static str) -> Self {
        Self { key: key(), operator }
    }

    fn listed(&self) -> Log {
        Log {
            key: LogKey::from_spki(&self.key.subject_public_key_info()).expect("P-256"),
            description: format!("log of {}", self.operator),
            operator: self.operator.to_owned(),
            previous_operators: Vec::new(),
            api: Api::Rfc6962 { url: String::new() },
            mmd_s: None,
            states: vec![(State::Usable, NOW - SignedDuration::from_hours(9_000))],
            interval: None,
            purpose: Purpose::Production,
        }
    }

    /// The bytes of an SCT (RFC 6962 §3.2), made half a day ago.
    fn promise(&self, entry: &SignedEntry<'_>) -> Vec<u8> {
        let promised = NOW - SignedDuration::from_hours(12);
        let promised = u64::try_from(promised.as_millisecond()).expect("after 1970");
        let message = signed_bytes(promised, &[], entry).expect("not too long");
        let signature = self.key.sign(&message).expect("P-256 signs");
        let log_id = self.listed().key.id().0;
        let sha256_ecdsa = [4, 3];
        let signature = with_length(&signature);
        [&[0][..], &log_id, &promised.to_be_bytes(), &[0, 0], &sha256_ecdsa, &signature].concat()
    }
}

/// The extension with SCTs (RFC 6962 §3.3): a list in an OCTET STRING.
fn sct_extension(entry: &SignedEntry<'_>, logs: &[&TestLog]) -> CustomExtension {
    let scts: Vec<u8> = logs.iter().flat_map(|log| with_length(&log.promise(entry))).collect();
    let list = with_length(&scts);
    let header = match u8::try_from(list.len()) {
        Ok(short @ ..=127) => vec![4, short],
        Ok(long) => vec![4, 0x81, long],
        Err(_) => [&[4, 0x82][..], &u16_bytes(list.len())].concat(),
    };
    let content = [header, list].concat();
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], content)
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    [&u16_bytes(bytes.len())[..], bytes].concat()
}

fn u16_bytes(length: usize) -> [u8; 2] {
    u16::try_from(length).expect("short").to_be_bytes()
}

/// Two logs that are listed, of two operators, and one that is not.
pub(crate) struct Logs {
    pub(crate) one: TestLog,
    pub(crate) two: TestLog,
    pub(crate) unlisted: TestLog,
}

impl Logs {
    pub(crate) fn new() -> Self {
        let [one, two, unlisted] = ["One", "Two", "Nobody"].map(TestLog::new);
        Self { one, two, unlisted }
    }

    pub(crate) fn both(&self) -> [&TestLog; 2] {
        [&self.one, &self.two]
    }

    /// One that knows both logs and takes these roots for public.
    pub(crate) fn enforcer(&self, public: &[&Ca]) -> Arc<Enforcer> {
        let (issued, expires) =
            (NOW - SignedDuration::from_hours(24), NOW + SignedDuration::from_hours(180 * 24));
        let logs = self.both().map(TestLog::listed).to_vec();
        let list = SignedList::new(1, issued, expires, logs);
        let mut roots = PublicRoots::default();
        for root in public {
            roots.add_certificate(&root.certificate).expect("a root has a key");
        }
        Arc::new(Enforcer::new(settings(), list, roots, Memory::default()))
    }
}

/// A client's trust store.
pub(crate) fn store(roots: &[&Ca]) -> Arc<RootCertStore> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(root.certificate.clone()).expect("a root");
    }
    Arc::new(store)
}

/// A verifier that trusts these roots.
pub(crate) fn verifier(roots: &[&Ca], enforcer: Arc<Enforcer>) -> Arc<SctVerifier> {
    SctVerifier::builder(store(roots)).enforcer(enforcer).build().expect("it has roots")
}
