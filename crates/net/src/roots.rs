//! The roots of public CAs, for whoever judges chains that somebody else was shown.

use rustls_pki_types::TrustAnchor;

/// Mozilla's, as of our build.
pub fn public_roots() -> &'static [TrustAnchor<'static>] {
    webpki_roots::TLS_SERVER_ROOTS
}
