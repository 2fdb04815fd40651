//! A library to preload: programs that use OpenSSL then write the secrets of their TLS connections to the file that
//! `SSLKEYLOGFILE` names, in the format of NSS. OpenSSL itself does so from 3.5 on, where it was built to; most programs
//! that people use never ask it to.
//!
//! A handshake that was recorded can be opened with such a line, and shows whether the server held the key of its
//! certificate. Without the variable, nothing happens. A program is never disturbed: what goes wrong here costs a line.
//!
//! # Limitations
//!
//! A library that OpenSSL was linked into, and programs in Go, do not come by here.

mod ffi;
mod key_log;
