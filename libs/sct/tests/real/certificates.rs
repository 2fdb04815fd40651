//! Every embedded SCT of 390 certificates, each verdict known from two other programs.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_sct::{BadSignature, Log, LogKey, LogList, Sct, SignedEntry};
use countersign_sct::{
    embedded_list, issuer_key_hash, parse_list, precert_tbs, spki_of, verify_sct,
};
use serde::Deserialize;

use crate::log_lists::sample;
use crate::vector;

#[derive(Deserialize)]
struct CertificateShape {
    sha256: String,
    issuer_sha256: String,
    scts: Vec<SctShape>,
    der: String,
}

#[derive(Deserialize)]
struct SctShape {
    status: String,
    log: String,
    timestamp_ms: u64,
    extensions_len: usize,
}

#[derive(Deserialize)]
struct IssuerShape {
    sha256: String,
    der: String,
}

pub(crate) struct Case {
    shape: CertificateShape,
    pub(crate) certificate: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
}

pub(crate) fn cases() -> Option<Vec<Case>> {
    let issuers = String::from_utf8(vector("sct/issuers.jsonl")?).unwrap();
    let issuers: HashMap<String, Vec<u8>> = issuers
        .lines()
        .map(|line| serde_json::from_str::<IssuerShape>(line).unwrap())
        .map(|shape| (shape.sha256, STANDARD.decode(shape.der).unwrap()))
        .collect();
    let certificates = String::from_utf8(vector("sct/certs.jsonl")?).unwrap();
    let case = |line| {
        let shape: CertificateShape = serde_json::from_str(line).unwrap();
        let certificate = STANDARD.decode(&shape.der).unwrap();
        let issuer = issuers[&shape.issuer_sha256].clone();
        Case { shape, certificate, issuer }
    };
    Some(certificates.lines().map(case).collect())
}

/// Every log that any of the sample lists has, and each list by itself for its names.
pub(crate) fn logs() -> Option<(LogList, Vec<LogList>)> {
    let names = ["mozilla-known-logs-2026-08", "apple-current-2026-08", "crtsh-all-2026-08"];
    let lists: Vec<LogList> = names.iter().map(|name| sample(name)).collect::<Option<_>>()?;
    Some((LogList::union(lists.clone()), lists))
}

/// What lists agree on when they name a log: `Google 'Argon2026h2' log` and `Argon 2026h2` are one.
fn short_name(name: &str) -> String {
    let quoted = name.split('\'').rev().nth(1).filter(|_| name.matches('\'').count() >= 2);
    let short = quoted.unwrap_or(name).chars().filter(|c| c.is_ascii_alphanumeric());
    short.map(|c| c.to_ascii_lowercase()).collect()
}

/// In the words of the file of cases.
fn verdict(sct: &Sct, entry: &SignedEntry<'_>, log: Option<&Log>) -> &'static str {
    let Some(log) = log else { return "unknown" };
    if verify_sct(sct, entry, &log.key).is_ok() { "ok" } else { "badsig" }
}

#[test]
fn every_verdict_is_that_of_the_two_other_programs() {
    let (Some(cases), Some((logs, lists))) = (cases(), logs()) else { return };
    let mut count = 0;
    for Case { shape, certificate, issuer } in &cases {
        let tbs = precert_tbs(certificate).unwrap();
        let issuer_key_hash = issuer_key_hash(spki_of(issuer).unwrap());
        let entry = SignedEntry::Precert { issuer_key_hash, tbs: &tbs };
        let scts = parse_list(embedded_list(certificate).unwrap().unwrap()).unwrap();
        assert_eq!(scts.len(), shape.scts.len(), "{}", shape.sha256);
        for (sct, expected) in scts.iter().zip(&shape.scts) {
            let sct = sct.as_ref().unwrap();
            assert_eq!(verdict(sct, &entry, logs.log(&sct.log_id)), expected.status);
            assert_eq!(sct.timestamp_ms, expected.timestamp_ms);
            assert_eq!(sct.extensions.len(), expected.extensions_len);
            assert_eq!(sct.leaf_index().is_some(), expected.extensions_len == 8);
            let mut names = lists.iter().filter_map(|list| list.log(&sct.log_id));
            let expected = short_name(&expected.log);
            assert!(names.any(|log| short_name(&log.description) == expected), "{expected}");
            count += 1;
        }
    }
    assert_eq!((cases.len(), count), (390, 1_264));
}

#[test]
fn without_the_key_an_sct_is_unknown_and_a_changed_one_is_bad() {
    let (Some(cases), Some((logs, _))) = (cases(), logs()) else { return };
    for Case { certificate, issuer, .. } in &cases {
        let tbs = precert_tbs(certificate).unwrap();
        let issuer_key_hash = issuer_key_hash(spki_of(issuer).unwrap());
        let entry = SignedEntry::Precert { issuer_key_hash, tbs: &tbs };
        for sct in parse_list(embedded_list(certificate).unwrap().unwrap()).unwrap() {
            let sct = sct.unwrap();
            let log = logs.log(&sct.log_id);
            assert_eq!(verdict(&sct, &entry, log), "ok");

            let mut others = logs.clone();
            others.logs.retain(|log| log.key.id() != sct.log_id);
            assert_eq!(verdict(&sct, &entry, others.log(&sct.log_id)), "unknown");
            let other: &LogKey = &others.logs[0].key;
            let other_log = BadSignature::OtherLog { sct: sct.log_id, key: other.id() };
            assert_eq!(verify_sct(&sct, &entry, other), Err(other_log));

            let at = usize::try_from(sct.timestamp_ms).unwrap(); // any place will do
            let mut changed = tbs.clone();
            changed[at % tbs.len()] ^= 1 << (at % 8);
            let entry_changed = SignedEntry::Precert { issuer_key_hash, tbs: &changed };
            assert_eq!(verdict(&sct, &entry_changed, log), "badsig");

            let mut hash = issuer_key_hash;
            hash[at % 32] ^= 1;
            let issuer_changed = SignedEntry::Precert { issuer_key_hash: hash, tbs: &tbs };
            assert_eq!(verdict(&sct, &issuer_changed, log), "badsig");

            let mut changed = sct.clone();
            changed.timestamp_ms ^= 1 << (at % 64);
            assert_eq!(verdict(&changed, &entry, log), "badsig");

            let mut changed = sct.clone();
            let length = changed.signature.signature.len();
            changed.signature.signature[at % length] ^= 1;
            assert_eq!(verdict(&changed, &entry, log), "badsig");

            let mut changed = sct.clone();
            changed.extensions.push(0);
            assert_eq!(verdict(&changed, &entry, log), "badsig");
        }
    }
}

#[test]
fn a_change_in_any_byte_that_the_ca_signed_costs_every_sct() {
    let (Some(cases), Some((logs, _))) = (cases(), logs()) else { return };
    let case = cases.iter().min_by_key(|case| case.certificate.len()).unwrap();
    let list = embedded_list(&case.certificate).unwrap().unwrap();
    let scts = parse_list(list).unwrap();
    let issuer_key_hash = issuer_key_hash(spki_of(&case.issuer).unwrap());
    let tbs = precert_tbs(&case.certificate).unwrap();
    let unsigned = case.certificate.windows(list.len()).position(|window| window == list).unwrap();
    let unsigned = unsigned - 30..unsigned + list.len(); // the list and the headers of its extension
    // The certificate is its header, the TBSCertificate, and the CA's signature.
    let end = 4 + usize::from(u16::from_be_bytes([case.certificate[6], case.certificate[7]])) + 4;
    for at in (0..end).filter(|at| !unsigned.contains(at)) {
        let mut changed = case.certificate.clone();
        changed[at] ^= 1 << (at % 8);
        let Ok(changed) = precert_tbs(&changed) else { continue };
        assert_ne!(changed, tbs, "byte {at}");
        let entry = SignedEntry::Precert { issuer_key_hash, tbs: &changed };
        for sct in scts.iter().flatten() {
            assert_eq!(verdict(sct, &entry, logs.log(&sct.log_id)), "badsig", "byte {at}");
        }
    }
}

#[test]
fn a_cut_certificate_or_list_is_refused_and_never_panics() {
    let Some(cases) = cases() else { return };
    for Case { certificate, issuer, .. } in &cases {
        for end in 0..certificate.len() {
            let cut = &certificate[..end];
            assert!(precert_tbs(cut).is_err() && embedded_list(cut).is_err());
        }
        assert!((0..issuer.len()).all(|end| spki_of(&issuer[..end]).is_err()));
        let list = embedded_list(certificate).unwrap().unwrap();
        assert!((0..list.len()).all(|end| parse_list(&list[..end]).is_err()));
        // Cut, but with the length put right.
        for end in 3..list.len() {
            let length = u16::try_from(end - 2).unwrap().to_be_bytes();
            let cut = [&length, &list[2..end]].concat();
            assert!(
                parse_list(&cut).is_err() || parse_list(&cut).unwrap().iter().all(Result::is_ok)
            );
        }
    }
}
