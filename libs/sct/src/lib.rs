//! Signed certificate timestamps (RFC 6962): parse them, rebuild what the log signed, verify, and know the
//! logs. Bytes in, values out: no sockets, no clock, no disk.
//!
//! A client that has a certificate, its issuer and a list of logs asks who vouches for it like this:
//!
//! ```
//! use countersign_sct::{CertificateError, LogList, SignedEntry, Standing};
//! use countersign_sct::{embedded_list, issuer_key_hash, parse_list, precert_tbs, spki_of, verify_sct};
//! use jiff::Timestamp;
//!
//! /// The operators of the logs that have promised to publish this certificate and that count today.
//! fn vouchers<'a>(
//!     certificate: &[u8],
//!     issuer: &[u8], // the one that signed the certificate, not just what the server sent second
//!     logs: &'a LogList,
//!     now: Timestamp,
//! ) -> Result<Vec<&'a str>, CertificateError> {
//!     // No list, or one that cannot be read: nobody vouches.
//!     let Some(list) = embedded_list(certificate)? else { return Ok(Vec::new()) };
//!     let Ok(scts) = parse_list(list) else { return Ok(Vec::new()) };
//!
//!     let issuer_key_hash = issuer_key_hash(spki_of(issuer)?);
//!     let tbs = precert_tbs(certificate)?;
//!     let entry = SignedEntry::Precert { issuer_key_hash, tbs: &tbs };
//!
//!     let mut vouchers = Vec::new();
//!     for sct in scts.iter().flatten() {
//!         let Some(log) = logs.log(&sct.log_id) else { continue }; // unknown: no harm, no use
//!         let Some(promised) = sct.timestamp() else { continue };
//!         let counts = match log.standing(promised, now) {
//!             Standing::Current | Standing::Former => true,
//!             Standing::Untrusted => false,
//!         };
//!         if counts && verify_sct(sct, &entry, &log.key).is_ok() {
//!             vouchers.push(log.operator.as_str());
//!         }
//!     }
//!     Ok(vouchers)
//! }
//!
//! let logs = LogList::parse(br#"{"operators": []}"#).expect("a list, if a short one");
//! let now = "2026-11-24T00:00:00Z".parse().expect("a time");
//! assert!(vouchers(b"not a certificate", b"", &logs, now).is_err());
//! ```
//!
//! How many vouchers of how many operators are enough is a [`Policy`], and [`judge`] holds a certificate against one.
//! An [`Enforcer`] does so for a whole program, and decides what becomes of the connection.

pub mod der;

#[cfg(feature = "capi")]
pub mod capi;
mod certificate;
mod digitally_signed;
pub mod enforcer;
mod key;
mod log_id;
pub mod log_list;
pub mod policy;
#[cfg(test)]
mod sample;
mod sct;
mod signed_entry;
pub mod signed_list;
mod tls;
mod verdict;

pub use certificate::{CertificateError, Part};
pub use certificate::{embedded_list, is_precertificate, is_self_issued, precert_tbs};
pub use certificate::{spki_of, validity_of};
pub use digitally_signed::{DigitallySigned, DigitallySignedError};
pub use enforcer::{
    Action, Anchor, Chain, Decision, Enforcer, Profile, PublicRoots, Settings, Trust,
};
pub use key::{BadSignature, LogKey, LogKeyError};
pub use log_id::{LogId, LogIdError};
pub use log_list::{Api, Log, LogList, LogListError, Purpose, Standing, State};
pub use policy::Policy;
pub use sct::{ListError, Sct, SctError, parse_list};
pub use signed_entry::{SignedEntry, TooLong, issuer_key_hash, signed_bytes, verify_sct};
pub use signed_list::{ListKeys, SignedList};
pub use verdict::{
    Missing, Outcome, Presented, Rung, SCTS_MAX, SIGNATURES_MAX, Unreadable, Verdict,
};
pub use verdict::{Weighed, Worth, judge};
