//! Certificates with their issuers and a list of logs in, the verdict on each embedded SCT out.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use anyhow::Context as _;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_sct::{
    CertificateError, ListError, Log, LogId, Purpose, Sct, SctError, SignedEntry, embedded_list,
    issuer_key_hash, parse_list, precert_tbs, spki_of, verify_sct,
};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::log_list;
use crate::print::Printer;

/// Judges each certificate, in the order of the file.
pub(super) fn run(
    certs: &Path,
    issuers: &Path,
    log_list_path: &Path,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    let list = log_list::read_file(log_list_path)?;
    // A test log signs whatever it is given: its word is that of a log that is not known.
    let logs = list.logs.iter().filter(|log| log.purpose != Purpose::Test);
    let logs: HashMap<_, _> = logs.map(|log| (log.key.id(), log)).collect();
    let mut keys = HashMap::new();
    each_line(issuers, |line| {
        let issuer: IssuerLine = serde_json::from_str(line)?;
        let der = BASE64_STANDARD.decode(&issuer.der).context(NOT_BASE64)?;
        // An issuer that cannot be read makes no file unreadable; its certificates will say so.
        keys.insert(issuer.sha256, spki_of(&der).map(issuer_key_hash));
        Ok(())
    })?;
    each_line(certs, |line| {
        let cert: CertLine = serde_json::from_str(line)?;
        let der = BASE64_STANDARD.decode(&cert.der).context(NOT_BASE64)?;
        let key = keys.get(&cert.issuer_sha256).copied();
        let (scts, fault) = match judge(&der, key, &logs) {
            Ok(scts) => (scts, None),
            Err(fault) => (Vec::new(), Some(fault)),
        };
        let error_detail = fault.as_ref().map(ToString::to_string);
        let error = fault.as_ref().map(Fault::name);
        Ok(printer.object(&CertRow { sha256: cert.sha256, scts, error, error_detail })?)
    })
}

/// A line of the certificates; other fields are for other readers.
#[derive(Deserialize)]
struct CertLine {
    sha256: String,
    issuer_sha256: String,
    der: String,
}

/// A line of the issuers.
#[derive(Deserialize)]
struct IssuerLine {
    sha256: String,
    der: String,
}

/// A line that is printed.
#[derive(Serialize)]
struct CertRow {
    sha256: String,
    scts: Vec<SctRow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_detail: Option<String>,
}

/// The verdict on one SCT.
#[derive(Serialize)]
struct SctRow {
    status: &'static str,
    log: Option<String>,
    log_id: Option<String>,
    timestamp_ms: Option<u64>,
}

/// Why nothing can be said of a certificate's SCTs.
enum Fault {
    Certificate(CertificateError),
    Issuer(CertificateError),
    IssuerMissing,
    List(ListError),
}

fn judge(
    der: &[u8],
    issuer_key_hash: Option<Result<[u8; 32], CertificateError>>,
    logs: &HashMap<LogId, &Log>,
) -> Result<Vec<SctRow>, Fault> {
    let Some(list) = embedded_list(der).map_err(Fault::Certificate)? else {
        return Ok(Vec::new());
    };
    let scts = parse_list(list).map_err(Fault::List)?;
    let tbs = precert_tbs(der).map_err(Fault::Certificate)?;
    let issuer_key_hash = issuer_key_hash.ok_or(Fault::IssuerMissing)?.map_err(Fault::Issuer)?;
    let entry = SignedEntry::Precert { issuer_key_hash, tbs: &tbs };
    Ok(scts.into_iter().map(|sct| row(sct, &entry, logs)).collect())
}

fn row(sct: Result<Sct, SctError>, entry: &SignedEntry<'_>, logs: &HashMap<LogId, &Log>) -> SctRow {
    let sct = match sct {
        Ok(sct) => sct,
        Err(error) => {
            let status = malformed(error);
            return SctRow { status, log: None, log_id: None, timestamp_ms: None };
        }
    };
    let log = logs.get(&sct.log_id);
    let status = match log.map(|log| verify_sct(&sct, entry, &log.key)) {
        Some(Ok(())) => "ok",
        Some(Err(_)) => "badsig",
        None => "unknownlog",
    };
    SctRow {
        status,
        log: log.map(|log| log.description.clone()),
        log_id: Some(sct.log_id.to_string()),
        timestamp_ms: Some(sct.timestamp_ms),
    }
}

fn malformed(error: SctError) -> &'static str {
    match error {
        SctError::Version(_) => "malformed-version",
        SctError::Truncated => "malformed-truncated",
        SctError::TrailingBytes => "malformed-trailing-bytes",
        _ => "malformed",
    }
}

impl Fault {
    /// Its stable name.
    fn name(&self) -> &'static str {
        match self {
            Self::IssuerMissing => "issuer-missing",
            Self::Issuer(_) => "issuer-malformed",
            Self::List(ListError::Truncated) => "list-truncated",
            Self::List(ListError::TrailingBytes) => "list-trailing-bytes",
            Self::List(ListError::Empty) => "list-empty",
            Self::List(_) => "list-malformed",
            Self::Certificate(CertificateError::Misplaced(_)) => "certificate-misplaced",
            Self::Certificate(CertificateError::NotDer(_)) => "certificate-not-der",
            Self::Certificate(CertificateError::TrailingBytes(_)) => "certificate-trailing-bytes",
            Self::Certificate(CertificateError::Duplicate(_)) => "certificate-duplicate",
            Self::Certificate(_) => "certificate-malformed",
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Certificate(error) => write!(f, "{error}"),
            Self::Issuer(error) => write!(f, "the issuer: {error}"),
            Self::IssuerMissing => f.write_str("its issuer is not among the issuers"),
            Self::List(error) => write!(f, "{error}"),
        }
    }
}

/// Calls `each` with every line that is not empty. Its error gets the place.
fn each_line(path: &Path, mut each: impl FnMut(&str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let unread = |error: io::Error| Failure::read(path, &error);
    let mut file = BufReader::new(fs::File::open(path).map_err(unread)?);
    let mut line = String::new();
    for number in 1_u64.. {
        line.clear();
        let read = file.by_ref().take(LINE_BYTES_MAX).read_line(&mut line).map_err(unread)?;
        if read == 0 {
            break;
        }
        if !line.ends_with('\n') && !file.fill_buf().map_err(unread)?.is_empty() {
            let what = format!("{}:{number}: the line is longer than 32 MiB", path.display());
            return Err(Failure::new(what).into());
        }
        if !line.trim().is_empty() {
            each(line.trim()).with_context(|| format!("{}:{number}", path.display()))?;
        }
    }
    Ok(())
}

const NOT_BASE64: &str = "`der` is not base64";
/// A certificate has less than 16 MiB (RFC 6962 §3.1), and base64 adds a third.
const LINE_BYTES_MAX: u64 = 32 << 20;
