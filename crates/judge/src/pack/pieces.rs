//! What follows from the evidence: the certificates in the entries, the chain above, SCTs, what each log signed. All of
//! it as files that `openssl` reads.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_ct::certificate::Kind;
use countersign_ct::entry::{Beside, Content, Entry};
use countersign_ct::rfc6962::Chain;
use countersign_ct::static_ct;
use countersign_sct::{
    DigitallySigned, Sct, SignedEntry, embedded_list, issuer_key_hash, precert_tbs, signed_bytes,
    spki_of,
};
use countersign_tlog::note::{KeyName, key_id};
use countersign_tlog::{Checkpoint, Hash, Note};
use serde::Deserialize;

use super::encoding::pem;
use super::{Api, Contents, Log, Sighting};

/// What follows from some contents.
pub(super) struct Pieces<'a> {
    /// The certificate that a client would be shown.
    pub(super) certificate: Option<&'a [u8]>,
    /// The precertificate as it was submitted to a log.
    pub(super) precertificate: Option<Vec<u8>>,
    /// The TBSCertificate that logs have recorded of the precertificate.
    pub(super) tbs: Option<&'a [u8]>,
    /// The issuer's key, as logs have recorded it of the precertificate.
    pub(super) issuer_key_hash: Option<[u8; 32]>,
    /// The certificates above, the issuer first.
    pub(super) chain: Vec<Vec<u8>>,
    /// The fingerprint of the certificate at which the chain ends too early.
    pub(super) chain_breaks_at: Option<[u8; 32]>,
    /// The SCTs in the certificate.
    pub(super) scts: Vec<SctPiece>,
    /// The heads of the sightings, in their order.
    pub(super) heads: Vec<Option<HeadPiece>>,
}

/// An SCT in the certificate.
pub(super) struct SctPiece {
    /// As it stands in the list.
    pub(super) bytes: Vec<u8>,
    /// If it can be read.
    pub(super) sct: Option<Sct>,
    /// What its log has signed, if that can be told.
    pub(super) signed: Option<Vec<u8>>,
}

/// What a log has signed of its tree.
pub(super) struct HeadPiece {
    pub(super) size: u64,
    pub(super) timestamp_ms: u64,
    pub(super) root: [u8; 32],
    pub(super) signature: Vec<u8>,
}

/// More SCTs in one certificate are not looked at; certificates have two to five.
pub(super) const SCTS_MAX: usize = 32;
/// Real chains have two to four certificates.
pub(super) const CHAIN_MAX: usize = 32;

impl<'a> Pieces<'a> {
    /// What follows from `contents`. Nothing is verified here.
    pub(super) fn of(contents: &'a Contents) -> Self {
        let mut pieces = Self {
            certificate: contents.certificate.as_deref(),
            precertificate: None,
            tbs: None,
            issuer_key_hash: None,
            chain: Vec::new(),
            chain_breaks_at: None,
            scts: Vec::new(),
            heads: Vec::new(),
        };
        for sighting in &contents.sightings {
            let log = contents.log(&sighting.log);
            pieces.take(sighting, log, &contents.issuers);
            pieces.heads.push(log.and_then(|log| HeadPiece::of(sighting, log)));
        }
        if contents.sightings.is_empty() {
            // Where no entry names the chain, there is no order but the given one.
            pieces.chain = contents.issuers.iter().take(CHAIN_MAX).cloned().collect();
        }
        pieces.scts = pieces.embedded_scts();
        pieces
    }

    /// Takes from one entry what no entry before had.
    fn take(&mut self, sighting: &'a Sighting, log: Option<&Log>, issuers: &[Vec<u8>]) {
        let mut beside = log.and_then(|log| BesideRead::of(sighting, log.api)).unwrap_or_default();
        match Entry::from_leaf(&sighting.leaf, Beside::Nothing).content {
            Content::Certificate { certificate, .. } => {
                self.certificate = self.certificate.or(Some(certificate));
            }
            Content::Precertificate { issuer_key_hash, tbs, .. } => {
                if self.tbs.is_none() {
                    (self.tbs, self.issuer_key_hash) = (Some(tbs), Some(issuer_key_hash));
                }
                self.precertificate =
                    self.precertificate.take().or_else(|| beside.precertificate.take());
            }
            Content::Unknown { .. } => {}
        }
        let (chain, breaks_at) = beside.chain(issuers);
        let rank = |chain: &[Vec<u8>], breaks_at: Option<[u8; 32]>| {
            (breaks_at.is_none() && !chain.is_empty(), chain.len(), breaks_at.is_some())
        };
        // Of several, one that is whole, and the longest; of equals the first.
        if rank(&chain, breaks_at) > rank(&self.chain, self.chain_breaks_at) {
            (self.chain, self.chain_breaks_at) = (chain, breaks_at);
        }
    }

    /// The certificate to be shown: the final one if there is one, and the name of its file.
    pub(super) fn shown(&self) -> Option<(&'static str, &[u8])> {
        let certificate = self.certificate.map(|der| ("certificate", der));
        certificate.or(self.precertificate.as_deref().map(|der| ("precertificate", der)))
    }

    /// The certificate of the CA whose key logs have recorded: the first of the chain, or the one above a certificate
    /// that exists only to sign precertificates (RFC 6962 §3.1).
    pub(super) fn issuer(&self) -> Option<(usize, &[u8])> {
        let place =
            usize::from(self.chain.first().is_some_and(|first| signs_precertificates(first)));
        Some((place, self.chain.get(place)?))
    }

    /// The key that logs took for the issuer's, or that of the chain.
    pub(super) fn issuer_key(&self) -> Option<[u8; 32]> {
        let of_chain = || Some(issuer_key_hash(spki_of(self.issuer()?.1).ok()?));
        self.issuer_key_hash.or_else(of_chain)
    }

    fn embedded_scts(&self) -> Vec<SctPiece> {
        let list = self.certificate.and_then(|der| embedded_list(der).ok()?);
        let mut rest = list.and_then(|list| list.get(2..)).unwrap_or_default();
        let mut scts = Vec::new();
        while let Some((length, after)) = rest.split_first_chunk()
            && let Some((bytes, after)) =
                after.split_at_checked(usize::from(u16::from_be_bytes(*length)))
            && scts.len() < SCTS_MAX
        {
            let sct = Sct::parse(bytes).ok();
            let signed = sct.as_ref().and_then(|sct| self.signed_by_log(sct));
            scts.push(SctPiece { bytes: bytes.to_vec(), sct, signed });
            rest = after;
        }
        scts
    }

    /// What the log of an embedded SCT signed (RFC 6962 §3.2).
    fn signed_by_log(&self, sct: &Sct) -> Option<Vec<u8>> {
        let tbs = precert_tbs(self.certificate?).ok()?;
        let entry = SignedEntry::Precert { issuer_key_hash: self.issuer_key()?, tbs: &tbs };
        signed_bytes(sct.timestamp_ms, &sct.extensions, &entry).ok()
    }

    /// All of this as files.
    pub(super) fn files(&self, contents: &Contents) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut put = |name: String, bytes: Vec<u8>| files.insert(name, bytes);
        for (name, der) in
            [("certificate", self.certificate), ("precertificate", self.precertificate.as_deref())]
        {
            let Some(der) = der else { continue };
            put(format!("{name}.der"), der.to_vec());
            put(format!("{name}.pem"), pem("CERTIFICATE", der));
        }
        if let Some(tbs) = self.tbs {
            put("tbs.der".to_owned(), tbs.to_vec());
        }
        for (place, certificate) in self.chain.iter().enumerate() {
            put(format!("chain/{place}.pem"), pem("CERTIFICATE", certificate));
        }
        for ((number, sighting), head) in (1..).zip(&contents.sightings).zip(&self.heads) {
            let key = contents.log(&sighting.log).and_then(|log| log.key.as_ref());
            if let Some(key) = key {
                put(format!("log-{number}/log-key.pem"), pem("PUBLIC KEY", key));
            }
            if let Some(head) = head {
                put(format!("log-{number}/tree-head.signed.bin"), head.signed());
                put(format!("log-{number}/tree-head.sig"), head.signature.clone());
            }
        }
        for (number, piece) in (1..).zip(&self.scts) {
            put(format!("scts/{number}.bin"), piece.bytes.clone());
            if let Some(signed) = &piece.signed {
                put(format!("scts/{number}.signed.bin"), signed.clone());
            }
            let Some(sct) = &piece.sct else { continue };
            put(format!("scts/{number}.sig"), sct.signature.signature.clone());
            if let Some(key) = contents.log(&sct.log_id.0).and_then(|log| log.key.as_ref()) {
                put(format!("scts/{number}.log-key.pem"), pem("PUBLIC KEY", key));
            }
        }
        files
    }
}

impl Contents {
    /// The log with this id.
    pub(super) fn log(&self, id: &[u8; 32]) -> Option<&Log> {
        self.logs.iter().find(|log| log.id == *id)
    }
}

/// What came beside a leaf, read.
#[derive(Default)]
struct BesideRead {
    precertificate: Option<Vec<u8>>,
    above: Vec<Vec<u8>>,
    fingerprints: Vec<[u8; 32]>,
}

impl BesideRead {
    fn of(sighting: &Sighting, api: Api) -> Option<Self> {
        let entry = Entry::from_leaf(&sighting.leaf, Beside::Nothing);
        let is_precertificate = matches!(entry.content, Content::Precertificate { .. });
        match api {
            Api::Rfc6962 => {
                let chain = if is_precertificate {
                    Chain::of_precertificate(&sighting.beside)?
                } else {
                    Chain::of_certificate(&sighting.beside)?
                };
                let above = chain.above.into_iter().map(<[u8]>::to_vec).collect();
                let precertificate = chain.precertificate.map(<[u8]>::to_vec);
                Some(Self { precertificate, above, fingerprints: Vec::new() })
            }
            Api::StaticCt => {
                let kind = if is_precertificate { Kind::Tbs } else { Kind::Certificate };
                let fingerprints = static_ct::fingerprints(&sighting.beside, kind)?;
                let submitted =
                    is_precertificate.then(|| static_ct::precertificate(&sighting.beside));
                let precertificate = submitted.flatten().map(<[u8]>::to_vec);
                Some(Self { precertificate, above: Vec::new(), fingerprints })
            }
        }
    }

    /// The chain, and the fingerprint of the certificate at which it ends too early.
    fn chain(self, issuers: &[Vec<u8>]) -> (Vec<Vec<u8>>, Option<[u8; 32]>) {
        let mut chain = self.above;
        chain.truncate(CHAIN_MAX);
        for fingerprint in self.fingerprints {
            match issuers.iter().find(|issuer| sha256(issuer) == fingerprint) {
                Some(issuer) => chain.push(issuer.clone()),
                None => return (chain, Some(fingerprint)),
            }
        }
        (chain, None)
    }
}

impl HeadPiece {
    /// Reads the head of a sighting's proof, if there is one, without verifying it.
    fn of(sighting: &Sighting, log: &Log) -> Option<Self> {
        let head = &sighting.inclusion.as_ref()?.head;
        match log.api {
            Api::Rfc6962 => Self::of_answer(head),
            Api::StaticCt => Self::of_checkpoint(head, &log.id),
        }
    }

    /// Reads an answer to get-sth (RFC 6962 §4.3).
    fn of_answer(answer: &[u8]) -> Option<Self> {
        let shape: TreeHeadShape = serde_json::from_slice(answer).ok()?;
        let root: Hash = shape.sha256_root_hash.parse().ok()?;
        let signature = STANDARD.decode(shape.tree_head_signature).ok()?;
        let signature = DigitallySigned::parse(&signature).ok()?.signature;
        let (size, timestamp_ms) = (shape.tree_size, shape.timestamp);
        Some(Self { size, timestamp_ms, root: root.0, signature })
    }

    /// Reads a checkpoint and the log's own signature line (c2sp.org/static-ct-api, "Checkpoints").
    fn of_checkpoint(checkpoint: &[u8], log: &[u8; 32]) -> Option<Self> {
        let note = Note::parse(checkpoint).ok()?;
        let checkpoint = Checkpoint::parse(note.text()).ok()?;
        let name: KeyName = checkpoint.origin().parse().ok()?;
        let key_id = key_id(&name, RFC6962_NOTE_SIGNATURE, log);
        let line = note.signatures_by(&name, key_id).next()?;
        let (timestamp_ms, signed) = line.signature.split_first_chunk()?;
        let signature = DigitallySigned::parse(signed).ok()?.signature;
        let timestamp_ms = u64::from_be_bytes(*timestamp_ms);
        Some(Self { size: checkpoint.size(), timestamp_ms, root: checkpoint.root().0, signature })
    }

    /// What is signed: `TreeHeadSignature` (RFC 6962 §3.5).
    fn signed(&self) -> Vec<u8> {
        let (timestamp, size) = (self.timestamp_ms.to_be_bytes(), self.size.to_be_bytes());
        [&V1_TREE_HASH[..], &timestamp, &size, &self.root].concat()
    }
}

/// `version` v1(0), `signature_type` tree_hash(1).
const V1_TREE_HASH: [u8; 2] = [0, 1];
/// Signature type of an `RFC6962NoteSignature`.
const RFC6962_NOTE_SIGNATURE: u8 = 0x05;

#[derive(Deserialize)]
struct TreeHeadShape {
    tree_size: u64,
    timestamp: u64,
    sha256_root_hash: String,
    tree_head_signature: String,
}

/// Whether a certificate is for signing precertificates only. Its bytes are searched for the extended key usage
/// 1.3.6.1.4.1.11129.2.4.4, which stands nowhere else.
pub(super) fn signs_precertificates(certificate: &[u8]) -> bool {
    const USAGE: &[u8] = &[0x06, 0x0a, 0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4, 4];
    certificate.windows(USAGE.len()).any(|octets| octets == USAGE)
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}
