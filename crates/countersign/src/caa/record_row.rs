//! A CAA record in JSON.

use countersign_caa::Record;
use serde::Serialize;

/// A record (docs/json.md). Of one that cannot be read, only its octets.
#[derive(Serialize)]
pub(super) struct RecordRow {
    flags: Option<u8>,
    tag: Option<String>,
    value: Option<String>,
    rdata: String,
}

impl RecordRow {
    pub(super) fn new(record: &Record) -> Self {
        let parts = record.parts().ok();
        Self {
            flags: parts.map(|parts| parts.flags),
            tag: parts.map(|parts| parts.tag.to_owned()),
            value: parts.map(|parts| String::from_utf8_lossy(parts.value).into_owned()),
            rdata: crate::print::hex(record.rdata()),
        }
    }
}
