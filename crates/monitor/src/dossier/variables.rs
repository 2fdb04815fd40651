//! What a hook is told of an incident (docs/hooks.md).

use countersign_ct::certificate::{Kind, walk};
use countersign_ct::entry::{Beside, Content, Entry};
use countersign_ct::rfc6962::Chain;
use countersign_ct::static_ct::{self, fingerprints};
use countersign_judge::ca::problem_report;
use countersign_store::log::Api;
use countersign_store::sighting::Sighting;
use countersign_store::{Reader, StoreError};
use jiff::Timestamp;
use x509_parser::prelude::{FromDer as _, X509Name};

use super::{Dossier, hex};
use crate::sink::variable;

/// The certificate of a sighting as far as it was served, and the certificates above it.
#[derive(Debug, Default)]
pub struct Served {
    /// The certificate, or the precertificate as it was submitted.
    pub certificate: Option<Vec<u8>>,
    /// The certificates above, the issuer first.
    pub above: Vec<Vec<u8>>,
    /// Why some of these are not here.
    pub missing: Option<String>,
}

impl Served {
    /// Reads what was kept of a sighting.
    pub fn read(reader: &Reader, sighting: &Sighting) -> Result<Self, StoreError> {
        let (Some(leaf), Some(extra)) =
            (reader.evidence(&sighting.leaf_sha256)?, reader.evidence(&sighting.extra_sha256)?)
        else {
            let missing = Some("the evidence is gone".to_owned());
            return Ok(Self { missing, ..Self::default() });
        };
        let of_certificate = match Entry::from_leaf(&leaf, Beside::Nothing).content {
            Content::Certificate { certificate, .. } => Some(certificate.to_vec()),
            Content::Precertificate { .. } | Content::Unknown { .. } => None,
        };
        let logs = reader.logs()?;
        let log = logs.iter().find(|row| row.log.id == sighting.log);
        match log.map(|row| row.log.api) {
            Some(Api::StaticCt) => Self::of_static(reader, sighting, &extra, of_certificate),
            Some(Api::Rfc6962) | None => Ok(Self::of_rfc6962(sighting, &extra, of_certificate)),
        }
    }

    fn of_rfc6962(sighting: &Sighting, extra: &[u8], certificate: Option<Vec<u8>>) -> Self {
        let chain = if sighting.precertificate {
            Chain::of_precertificate(extra)
        } else {
            Chain::of_certificate(extra)
        };
        let Some(chain) = chain else {
            let missing = Some("the log served a chain that cannot be read".to_owned());
            return Self { certificate, missing, ..Self::default() };
        };
        Self {
            certificate: certificate.or(chain.precertificate.map(<[u8]>::to_vec)),
            above: chain.above.into_iter().map(<[u8]>::to_vec).collect(),
            missing: None,
        }
    }

    fn of_static(
        reader: &Reader,
        sighting: &Sighting,
        extra: &[u8],
        certificate: Option<Vec<u8>>,
    ) -> Result<Self, StoreError> {
        let kind = if sighting.precertificate { Kind::Tbs } else { Kind::Certificate };
        let precertificate =
            sighting.precertificate.then(|| static_ct::precertificate(extra)).flatten();
        let precertificate = precertificate.map(<[u8]>::to_vec);
        let mut served = Self { certificate: certificate.or(precertificate), ..Self::default() };
        for fingerprint in fingerprints(extra, kind).unwrap_or_default() {
            match reader.evidence(&fingerprint)? {
                Some(der) => served.above.push(der),
                None => {
                    let fingerprint = hex(&fingerprint);
                    served.missing =
                        Some(format!("the log did not serve the issuer {fingerprint}"));
                    break;
                }
            }
        }
        Ok(served)
    }
}

impl Dossier {
    /// The certificate and its chain, as far as it was served.
    pub(crate) fn chain_pem(&self, reader: &Reader) -> Result<Option<String>, StoreError> {
        let Some(first) = self.sightings.first() else { return Ok(None) };
        let served = Served::read(reader, first)?;
        let Some(certificate) = served.certificate else { return Ok(None) };
        let all = std::iter::once(&certificate).chain(&served.above);
        Ok(Some(all.map(|der| pem(der)).collect()))
    }

    /// The variables of its hook.
    pub(crate) fn variables(&self, reader: &Reader) -> Result<Vec<(String, String)>, StoreError> {
        let mut set = Variables::default();
        let (incident, told) = (&self.incident, &self.explanation);
        set.put(variable::INCIDENT, incident.id.0.to_string());
        let kinds: Vec<_> = incident.findings.iter().map(|found| found.kind.as_str()).collect();
        set.put("COUNTERSIGN_FINDINGS", kinds.join(" "));
        set.put("COUNTERSIGN_WHY", told.why.join("\n"));
        set.put("COUNTERSIGN_ALLOWS", told.allows.clone());
        set.put("COUNTERSIGN_NEXT_STEPS", told.next.join("\n"));
        set.put("COUNTERSIGN_ZONE", incident.zone.clone().unwrap_or_default());
        set.put("COUNTERSIGN_DOMAIN", incident.domain.clone().unwrap_or_default());
        set.put_hash("TBS_SHA256", incident.subject.tbs_sha256());
        let (organization, common_name) =
            (&self.facts.issuer_organization, &self.facts.issuer_common_name);
        let issuer = [organization.as_str(), common_name.as_str()];
        set.put("COUNTERSIGN_CA", issuer.join(" ").trim().to_owned());
        if let Some(contact) = problem_report(organization, common_name) {
            set.put("COUNTERSIGN_CA_CONTACT", contact.address.to_owned());
        }
        if let Some(seen) = &self.seen {
            let mut names: Vec<_> =
                seen.observation.names.iter().map(|named| named.name.as_str()).collect();
            names.dedup();
            set.put("COUNTERSIGN_NAMES", names.join(" "));
            if let Some(named) = seen.observation.names.first() {
                set.put("COUNTERSIGN_READING", named.reading.clone());
                set.put("WATCH_ITEM", named.guard.clone());
            }
            set.put_hash("PUBKEY_SHA256", seen.observation.spki_sha256.as_ref());
            set.put_hash(
                "COUNTERSIGN_ISSUER_KEY_SHA256",
                seen.observation.issuer_key_sha256.as_ref(),
            );
            set.put_time("COUNTERSIGN_FIRST_SEEN", Some(seen.first_seen_at));
            set.put_validity(seen.observation.not_before, seen.observation.not_after);
        }
        if let Some(first) = self.sightings.first() {
            set.put_sighting(reader, first)?;
        }
        Ok(set.0)
    }
}

#[derive(Default)]
struct Variables(Vec<(String, String)>);

impl Variables {
    /// What is empty is not known, and not set.
    fn put(&mut self, name: &str, value: String) {
        if !value.is_empty() {
            self.0.push((name.to_owned(), value));
        }
    }

    fn put_hash(&mut self, name: &str, hash: Option<&[u8; 32]>) {
        self.put(name, hash.map(hex).unwrap_or_default());
    }

    fn put_time(&mut self, name: &str, time: Option<Timestamp>) {
        let Some(time) = time else { return };
        self.put(name, format!("{time:.0}"));
        self.put(&format!("{name}_UNIXTIME"), time.as_second().to_string());
    }

    fn put_validity(&mut self, not_before: Option<Timestamp>, not_after: Option<Timestamp>) {
        for (name, time) in [("NOT_BEFORE", not_before), ("NOT_AFTER", not_after)] {
            self.put_time(name, time);
            self.put(
                &format!("{name}_RFC3339"),
                time.map(|at| format!("{at:.0}")).unwrap_or_default(),
            );
        }
        if not_before.is_none() || not_after.is_none() {
            self.put("VALIDITY_PARSE_ERROR", "it cannot be read".to_owned());
        }
    }

    fn put_sighting(&mut self, reader: &Reader, first: &Sighting) -> Result<(), StoreError> {
        let logs = reader.logs()?;
        if let Some(row) = logs.iter().find(|row| row.log.id == first.log) {
            self.put("COUNTERSIGN_LOG", row.log.description.clone());
            self.put("LOG_URI", row.log.url.clone());
        }
        self.put_hash("COUNTERSIGN_LOG_ID", Some(&first.log));
        self.put("ENTRY_INDEX", first.index.to_string());
        self.put_hash("LEAF_HASH", Some(&first.leaf_hash));
        let served = Served::read(reader, first)?;
        self.put("CHAIN_ERROR", served.missing.unwrap_or_default());
        let Some(certificate) = served.certificate else {
            self.put("PARSE_ERROR", "nobody can tell what it is".to_owned());
            return Ok(());
        };
        self.put_hash("CERT_SHA256", Some(&crate::sight::sha256(&certificate)));
        let walked = walk(&certificate, Kind::Certificate);
        for (who, name) in [("SUBJECT", walked.subject), ("ISSUER", walked.issuer)] {
            match name.map(X509Name::from_der) {
                Some(Ok((_, name))) => self.put(&format!("{who}_DN"), name.to_string()),
                Some(Err(_)) | None => {
                    self.put(&format!("{who}_PARSE_ERROR"), "it cannot be read".to_owned());
                }
            }
        }
        match walked.serial {
            Some(serial) => {
                self.put("SERIAL", serial.iter().map(|octet| format!("{octet:02x}")).collect());
            }
            None => self.put("SERIAL_PARSE_ERROR", "it cannot be read".to_owned()),
        }
        Ok(())
    }
}

/// RFC 7468 §2.
fn pem(der: &[u8]) -> String {
    let text = base64_simd::STANDARD.encode_to_string(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
