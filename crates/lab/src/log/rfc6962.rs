//! The face of a log that RFC 6962 §4 describes: JSON over HTTP.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::entry::Entry;
use super::knobs::Pages;
use super::reply::Reply;
use super::signer::{Head, Sct};
use super::view::View;

impl View<'_> {
    /// The answer to a GET under `ct/v1/`.
    pub(crate) fn rfc6962(
        &self,
        call: &str,
        query: &BTreeMap<String, String>,
        roots: &[Vec<u8>],
    ) -> Reply {
        let number = |name: &str| query.get(name)?.parse::<u64>().ok();
        let answer = match call {
            "get-sth" => Some(Reply::json(&head_json(&self.head, &self.signature))),
            "get-sth-consistency" => self.consistency(number("first"), number("second")),
            "get-proof-by-hash" => self.proof_by_hash(query.get("hash"), number("tree_size")),
            "get-entries" => self.entries(number("start"), number("end")),
            "get-roots" => Some(Reply::json(&json!({ "certificates": all_base64(roots) }))),
            "get-entry-and-proof" => {
                self.entry_and_proof(number("leaf_index"), number("tree_size"))
            }
            _ => return Reply::refusal(404, "no such call"),
        };
        answer.unwrap_or_else(|| Reply::refusal(400, "parameters missing or out of range"))
    }

    /// RFC 6962 §4.4.
    fn consistency(&self, first: Option<u64>, second: Option<u64>) -> Option<Reply> {
        let (first, second) = (first?, second.filter(|&second| second <= self.head.size)?);
        let tree = self.history.tree();
        let proof = (first <= second).then(|| tree.consistency_proof(first, second))?;
        Some(Reply::json(&json!({ "consistency": all_base64(&proof) })))
    }

    /// RFC 6962 §4.5.
    fn proof_by_hash(&self, hash: Option<&String>, size: Option<u64>) -> Option<Reply> {
        let hash: [u8; 32] = STANDARD.decode(hash?).ok()?.try_into().ok()?;
        let size = size.filter(|&size| size <= self.head.size)?;
        let Some(index) = self.history.index_of(&hash).filter(|&index| index < size) else {
            return Some(Reply::refusal(404, "no such leaf in a tree of this size"));
        };
        let path = self.history.tree().inclusion_proof(index, size);
        Some(Reply::json(&json!({ "leaf_index": index, "audit_path": all_base64(&path) })))
    }

    /// RFC 6962 §4.6: fewer entries than asked for are allowed, none are not.
    fn entries(&self, start: Option<u64>, end: Option<u64>) -> Option<Reply> {
        let start = start.filter(|&start| start < self.head.size)?;
        let end = end.filter(|&end| start <= end)?.min(self.head.size - 1);
        let last = end.min(self.page_end(start));
        let entries: Vec<Value> = (start..=last).map(|at| entry_json(self.entry(at))).collect();
        Some(Reply::json(&json!({ "entries": entries })))
    }

    /// The last index of the page that starts here.
    fn page_end(&self, start: u64) -> u64 {
        let page = self.knobs.page_max.max(1);
        match self.knobs.pages {
            Pages::AsAsked => start.saturating_add(page - 1),
            Pages::Aligned => start - start % page + (page - 1),
        }
    }

    /// RFC 6962 §4.8.
    fn entry_and_proof(&self, index: Option<u64>, size: Option<u64>) -> Option<Reply> {
        let size = size.filter(|&size| size <= self.head.size)?;
        let index = index.filter(|&index| index < size)?;
        let mut answer = entry_json(self.entry(index));
        answer["audit_path"] = json!(all_base64(&self.history.tree().inclusion_proof(index, size)));
        Some(Reply::json(&answer))
    }
}

/// The chain out of the body of add-chain and add-pre-chain (RFC 6962 §4.1).
pub(crate) fn submitted(body: &[u8]) -> Option<Vec<Vec<u8>>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let chain = body.get("chain")?.as_array()?;
    chain.iter().map(|certificate| STANDARD.decode(certificate.as_str()?).ok()).collect()
}

/// The answer to add-chain and add-pre-chain (RFC 6962 §4.1).
pub(crate) fn sct_json(sct: &Sct) -> Value {
    json!({
        "sct_version": 0,
        "id": STANDARD.encode(sct.log_id),
        "timestamp": sct.timestamp_ms,
        "extensions": STANDARD.encode(&sct.extensions),
        "signature": STANDARD.encode(&sct.digitally_signed),
    })
}

/// The answer to get-sth (RFC 6962 §4.3).
pub(crate) fn head_json(head: &Head, digitally_signed: &[u8]) -> Value {
    json!({
        "tree_size": head.size,
        "timestamp": head.timestamp_ms,
        "sha256_root_hash": STANDARD.encode(head.root),
        "tree_head_signature": STANDARD.encode(digitally_signed),
    })
}

/// One entry of get-entries (RFC 6962 §4.6).
pub(crate) fn entry_json(entry: &Entry) -> Value {
    json!({
        "leaf_input": STANDARD.encode(entry.leaf_input()),
        "extra_data": STANDARD.encode(entry.extra_data()),
    })
}

/// Each in base64.
pub(crate) fn all_base64<B: AsRef<[u8]>>(values: &[B]) -> Vec<String> {
    values.iter().map(|value| STANDARD.encode(value)).collect()
}
