//! A library for `LD_PRELOAD`: it demands SCTs (RFC 6962) in programs that use OpenSSL or GnuTLS and cannot be
//! changed. `countersign enforce -- COMMAND` starts a program with it; `docs/sct-preload.md` says what it covers.
//!
//! ```text
//! program ──> libssl ──> X509_verify_cert ──────────┐ here first
//! program ──> gnutls_certificate_verify_peers{,2,3} ┤
//!                                                   ├─> the real function: no? then no
//!                                                   │        yes
//!                                                   ├─> which chain did it verify, for whom?   (ffi)
//!                                                   ├─> are its SCTs enough?                   (guard)
//!                                                   └─> yes: yes. no: an error, and a line on standard error
//! ```
//!
//! It can only ever turn a yes into a no. What cannot be told is a no: a chain that cannot be read, a panic. It
//! links to neither library and finds their functions while the program runs, so it can be loaded into any program.
//!
//! All unsafe code is in `ffi`; the rest is as safe as everywhere.

mod ffi;
mod guard;
mod memory_file;
mod settings;
mod tell;
