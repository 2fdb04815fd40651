//! OpenSSL, in a process of its own: many handshakes at once, and none of its memory in ours.

/// The helper that has OpenSSL.
#[derive(Debug)]
pub struct OpenSsl {}
