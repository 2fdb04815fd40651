//! The enforcer for programs in C, and in whatever can call C. `include/countersign_sct.h` is made from this file and
//! from `capi/`; [`docs/sct-c.md`] is for those who use it.
//!
//! No clock, no disk, no socket here either: the caller reads files and passes bytes and the time.
//!
//! What every function keeps to:
//!
//! - It returns a number. 0 is "go on", everything else is not, so `if (result != 0) refuse();` is always right.
//! - A panic of ours ends at the boundary, as [`Outcome::Panicked`].
//! - What can be wrong with an argument and can be seen has a number: NULL, a pointer that is not aligned, a length that
//!   nothing has, a text that is not UTF-8 or does not end. A pointer that was freed cannot be seen.
//! - Nothing that is passed in is kept, and nothing is handed out but what a function of ours frees.
//!
//! [`docs/sct-c.md`]: https://countersign.invalid/docs/sct-c.md

// C can only be talked to with what the compiler cannot check.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::enforcer::HOSTS_MAX;
use crate::signed_list::NOTE_BYTES_MAX;

mod decision;
mod handle;
mod outcome;

pub use decision::{Notice, Told};
pub use handle::Handle;
pub use outcome::Outcome;

/// A certificate, in DER. It stays the caller's.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Certificate {
    /// Its first byte.
    pub data: *const u8,
    /// How many bytes there are.
    pub len: usize,
}

/// A profile: a list of logs that is older than 180 days only warns.
pub const COUNTERSIGN_SCT_PROFILE_DEFAULT: u32 = 0;
/// A profile: such a list refuses, as it did before. For those to whom an interception is worse than no connection.
pub const COUNTERSIGN_SCT_PROFILE_HIGH_RISK: u32 = 1;

/// A flag of countersign_sct_judge(): the chain was verified by TLSA records of a signed zone with the usages
/// DANE-TA(2) or DANE-EE(3). No CA's word was taken, so no SCT is asked for.
pub const COUNTERSIGN_SCT_BY_DANE: u32 = 1;
/// A flag of countersign_sct_judge(): the last certificate is the trust anchor, although another key has signed it.
/// TLS libraries build such chains where trust in an intermediate is enough (X509_V_FLAG_PARTIAL_CHAIN of OpenSSL).
pub const COUNTERSIGN_SCT_LAST_IS_ANCHOR: u32 = 2;

/// Certificates in a chain. OpenSSL builds chains of at most 102.
pub const COUNTERSIGN_SCT_CHAIN_MAX: usize = 102;
/// Bytes of a certificate, or of a text with public roots: more does not fit into a TLS message (RFC 8446 §4).
pub const COUNTERSIGN_SCT_CERTIFICATE_BYTES_MAX: usize = 0xff_ffff;
/// Bytes of what an enforcer remembers: 4,096 hosts and the latest time. A buffer of this size is always enough.
pub const COUNTERSIGN_SCT_MEMORY_BYTES_MAX: usize = 512 * 1024;
/// Bytes of a host's name, without the zero at the end. A name of the DNS has 253 (RFC 1035 §3.1).
pub const COUNTERSIGN_SCT_HOST_BYTES_MAX: usize = 1_023;

// A line has a word, a hash in base64, and a time with nanoseconds.
const _: () = assert!(COUNTERSIGN_SCT_MEMORY_BYTES_MAX > 100 + HOSTS_MAX * 100);
// What the header promises about threads.
const _: fn() = || {
    fn shared<T: Send + Sync>() {}
    shared::<Handle>();
    shared::<Told>();
};

/// The version of the library, as 1.2.3. Never NULL, never freed.
#[unsafe(no_mangle)]
pub extern "C" fn countersign_sct_version() -> *const c_char {
    VERSION.as_ptr()
}

/// A sentence for a result. Never NULL, never freed; there is one for numbers that are no result too.
#[unsafe(no_mangle)]
pub extern "C" fn countersign_sct_result_text(result: i32) -> *const c_char {
    guarded_or(c"".as_ptr(), || Outcome::text_of(result).as_ptr())
}

/// Makes an enforcer with the list of logs and the public roots that come with this library, in the default profile.
///
/// `way` says how the program comes here, so that a list can suspend a way that is broken: "c", or NULL for the same,
/// "python", "rustls", "preload". Bindings for other languages are "c".
///
/// `enforcer` gets it, or NULL. Free it with countersign_sct_enforcer_free().
///
/// # Safety
///
/// `way` is NULL or ends with a zero; `enforcer` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_enforcer_new(
    way: *const c_char,
    enforcer: *mut *mut Handle,
) -> Outcome {
    guarded(|| {
        // SAFETY: the caller promises that it can be written.
        unsafe { put(enforcer, std::ptr::null_mut()) }?;
        // SAFETY: the caller promises that `way` is NULL or ends with a zero.
        let made = Box::new(Handle::new(unsafe { text(way) }?)?);
        // SAFETY: the caller promises that it can be written.
        unsafe { put(enforcer, Box::into_raw(made)) }
    })
}

/// Frees an enforcer. NULL is nothing to free. Decisions that it made stay.
///
/// # Safety
///
/// `enforcer` is NULL, or was made by countersign_sct_enforcer_new(), was not freed yet, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_enforcer_free(enforcer: *mut Handle) {
    guarded(|| {
        if !enforcer.is_null() {
            // SAFETY: it came out of `Box::into_raw`, and by the caller's promise it is the last use.
            drop(unsafe { Box::from_raw(enforcer) });
        }
        Ok(())
    });
}

/// Sets the profile: COUNTERSIGN_SCT_PROFILE_DEFAULT or COUNTERSIGN_SCT_PROFILE_HIGH_RISK.
///
/// # Safety
///
/// `enforcer` is NULL or was made by countersign_sct_enforcer_new().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_enforcer_set_profile(
    enforcer: *const Handle,
    profile: u32,
) -> Outcome {
    guarded(|| {
        // SAFETY: the caller promises that it is NULL or one of ours.
        unsafe { handle(enforcer) }?.set_profile(profile)
    })
}

/// Takes further roots for public ones, beside those that come with the library: a text with one or more
/// certificates in PEM. All of them are added or, if one cannot be read, none.
///
/// # Safety
///
/// `enforcer` is NULL or was made by countersign_sct_enforcer_new(); `pem_len` bytes can be read at `pem`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_enforcer_add_public_roots(
    enforcer: *const Handle,
    pem: *const u8,
    pem_len: usize,
) -> Outcome {
    guarded(|| {
        // SAFETY: the caller promises that it is NULL or one of ours.
        let handle = unsafe { handle(enforcer) }?;
        // SAFETY: the caller promises that so many bytes can be read there.
        let pem = unsafe { bytes(pem, pem_len, COUNTERSIGN_SCT_CERTIFICATE_BYTES_MAX) }?;
        handle.add_public_roots(pem)
    })
}

/// Takes a newer list of logs, in the signed form that `countersign log-list` writes, if enough of the keys have
/// signed it. The keys have to come from where the program comes from, and not with the list.
///
/// If the result is not 0, the list that was in force stays in force: log what countersign_sct_result_text() says and
/// go on. The same list once more is no error.
///
/// # Safety
///
/// `enforcer` is NULL or was made by countersign_sct_enforcer_new(); `list_len` bytes can be read at `list`, and
/// `keys_len` at `keys`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_enforcer_load_list(
    enforcer: *const Handle,
    list: *const u8,
    list_len: usize,
    keys: *const u8,
    keys_len: usize,
) -> Outcome {
    guarded(|| {
        // SAFETY: the caller promises that it is NULL or one of ours.
        let handle = unsafe { handle(enforcer) }?;
        // SAFETY: the caller promises that so many bytes can be read there.
        let list = unsafe { bytes(list, list_len, NOTE_BYTES_MAX) }?;
        // SAFETY: the caller promises that so many bytes can be read there.
        let keys = unsafe { bytes(keys, keys_len, NOTE_BYTES_MAX) }?;
        handle.load_list(list, keys)
    })
}

/// Says which list of logs is in force: its version, and when it was issued, in seconds since 1970. Either may be
/// NULL.
///
/// # Safety
///
/// `enforcer` is NULL or was made by countersign_sct_enforcer_new(); `version` and `issued` are NULL or can be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_enforcer_list(
    enforcer: *const Handle,
    version: *mut u64,
    issued: *mut i64,
) -> Outcome {
    guarded(|| {
        // SAFETY: the caller promises that it is NULL or one of ours.
        let (list_version, list_issued) = unsafe { handle(enforcer) }?.list();
        if !version.is_null() {
            // SAFETY: the caller promises that it can be written.
            unsafe { put(version, list_version) }?;
        }
        if !issued.is_null() {
            // SAFETY: the caller promises that it can be written.
            unsafe { put(issued, list_issued) }?;
        }
        Ok(())
    })
}

/// Adds what countersign_sct_enforcer_save_memory() wrote, at the last run or in another process, to what the
/// enforcer remembers. An enforcer without memory can be shown an old time, and does not notice a host that turned
/// from a public CA to a private one.
///
/// # Safety
///
/// `enforcer` is NULL or was made by countersign_sct_enforcer_new(); `memory_len` bytes can be read at `memory`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_enforcer_load_memory(
    enforcer: *const Handle,
    memory: *const u8,
    memory_len: usize,
) -> Outcome {
    guarded(|| {
        // SAFETY: the caller promises that it is NULL or one of ours.
        let handle = unsafe { handle(enforcer) }?;
        // SAFETY: the caller promises that so many bytes can be read there.
        let text = unsafe { bytes(memory, memory_len, COUNTERSIGN_SCT_MEMORY_BYTES_MAX) }?;
        handle.load_memory(text)
    })
}

/// Writes what the enforcer remembers into a buffer, as text without a zero at the end. `len` gets how many bytes
/// that are, also if there are more than `buffer_len`: then nothing is written. COUNTERSIGN_SCT_MEMORY_BYTES_MAX are
/// always enough. Names of hosts are written as hashes.
///
/// # Safety
///
/// `enforcer` is NULL or was made by countersign_sct_enforcer_new(); `buffer_len` bytes can be written at `buffer`,
/// which may be NULL if that is 0; `len` can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_enforcer_save_memory(
    enforcer: *const Handle,
    buffer: *mut u8,
    buffer_len: usize,
    len: *mut usize,
) -> Outcome {
    guarded(|| {
        // SAFETY: the caller promises that it can be written.
        unsafe { put(len, 0) }?;
        // SAFETY: the caller promises that it is NULL or one of ours.
        let text = unsafe { handle(enforcer) }?.memory();
        // SAFETY: the caller promises that it can be written.
        unsafe { put(len, text.len()) }?;
        if buffer_len < text.len() {
            return Err(Outcome::BufferTooSmall);
        }
        if buffer.is_null() {
            return Err(Outcome::BadPointer);
        }
        // SAFETY: `buffer_len` bytes can be written there by the caller's promise, and the text has no more. It is
        // ours and new, so they do not overlap.
        unsafe { buffer.copy_from_nonoverlapping(text.as_ptr(), text.len()) };
        Ok(())
    })
}

/// Judges a chain that the caller's TLS library has verified, for this host: signatures, names and validity are not
/// looked at here. Call it after verification and before anything is sent; if the result is not 0, send nothing, not
/// even without TLS.
///
/// `chain` is the chain that was *verified*, not what the server sent: from the server's certificate up, ending in
/// the trust anchor. `host` is the name that was asked for, or NULL; it is only used to remember. `now` is in seconds
/// since 1970. `flags` is 0, or COUNTERSIGN_SCT_BY_DANE, COUNTERSIGN_SCT_LAST_IS_ANCHOR, or both.
///
/// `decision` may be NULL. Otherwise it gets the reasons and warnings, if there was a decision (the result is 0 or of
/// the 1xx), or else NULL. Free it with countersign_sct_decision_free().
///
/// # Safety
///
/// `enforcer` is NULL or was made by countersign_sct_enforcer_new(); at `chain` there are `chain_len` certificates,
/// each of which can be read; `host` is NULL or ends with a zero; `decision` is NULL or can be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_judge(
    enforcer: *const Handle,
    chain: *const Certificate,
    chain_len: usize,
    host: *const c_char,
    now: i64,
    flags: u32,
    decision: *mut *mut Told,
) -> Outcome {
    guarded(|| {
        if !decision.is_null() {
            // SAFETY: the caller promises that it can be written.
            unsafe { put(decision, std::ptr::null_mut()) }?;
        }
        // SAFETY: the caller promises that it is NULL or one of ours.
        let handle = unsafe { handle(enforcer) }?;
        // SAFETY: the caller promises that there are so many.
        let certificates = unsafe { elements(chain, chain_len, COUNTERSIGN_SCT_CHAIN_MAX) }?;
        let read = certificates.iter().map(|certificate| {
            // SAFETY: the caller promises that each can be read.
            unsafe {
                bytes(certificate.data, certificate.len, COUNTERSIGN_SCT_CERTIFICATE_BYTES_MAX)
            }
        });
        let certificates = read.collect::<Result<Vec<_>, _>>()?;
        // SAFETY: the caller promises that `host` is NULL or ends with a zero.
        let host = unsafe { text(host) }?;
        let told = handle.judge(&certificates, host, now, flags)?;
        let outcome = told.outcome;
        if !decision.is_null() {
            // SAFETY: the caller promises that it can be written.
            unsafe { put(decision, Box::into_raw(Box::new(told))) }?;
        }
        if outcome == Outcome::Ok { Ok(()) } else { Err(outcome) }
    })
}

/// The result of countersign_sct_judge() that came with the decision. COUNTERSIGN_SCT_RESULT_BAD_POINTER for NULL.
///
/// # Safety
///
/// `decision` is NULL or was made by countersign_sct_judge() and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_decision_result(decision: *const Told) -> Outcome {
    guarded(|| {
        // SAFETY: the caller promises that it is NULL or one of ours.
        match unsafe { shared(decision) }?.outcome {
            Outcome::Ok => Ok(()),
            refused => Err(refused),
        }
    })
}

/// Why the connection is accepted or refused: a sentence in UTF-8 for logs and for people. It lives as long as the
/// decision. Never NULL; empty for a decision that is NULL.
///
/// # Safety
///
/// `decision` is NULL or was made by countersign_sct_judge() and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_decision_reason(decision: *const Told) -> *const c_char {
    guarded_or(c"".as_ptr(), || {
        // SAFETY: the caller promises that it is NULL or one of ours.
        let told = unsafe { shared(decision) };
        told.map_or(c"", |told| &told.reason).as_ptr()
    })
}

/// How many warnings there are. An accepted connection can have some too: show them.
///
/// # Safety
///
/// `decision` is NULL or was made by countersign_sct_judge() and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_decision_warnings(decision: *const Told) -> usize {
    guarded_or(0, || {
        // SAFETY: the caller promises that it is NULL or one of ours.
        unsafe { shared(decision) }.map_or(0, |told| told.warnings.len())
    })
}

/// A warning, counted from 0: a sentence in UTF-8. It lives as long as the decision. NULL if there are not so many.
///
/// # Safety
///
/// `decision` is NULL or was made by countersign_sct_judge() and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_decision_warning(
    decision: *const Told,
    index: usize,
) -> *const c_char {
    guarded_or(std::ptr::null(), || {
        // SAFETY: the caller promises that it is NULL or one of ours.
        let told = unsafe { shared(decision) }.ok();
        let warning = told.and_then(|told| told.warnings.get(index));
        warning.map_or(std::ptr::null(), |(_, sentence)| sentence.as_ptr())
    })
}

/// Which warning that is, for programs that have their own words. COUNTERSIGN_SCT_WARNING_NONE if there are not so
/// many.
///
/// # Safety
///
/// `decision` is NULL or was made by countersign_sct_judge() and not freed yet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_decision_warning_kind(
    decision: *const Told,
    index: usize,
) -> Notice {
    guarded_or(Notice::None, || {
        // SAFETY: the caller promises that it is NULL or one of ours.
        let told = unsafe { shared(decision) }.ok();
        told.and_then(|told| told.warnings.get(index)).map_or(Notice::None, |(kind, _)| *kind)
    })
}

/// Frees a decision and its sentences. NULL is nothing to free.
///
/// # Safety
///
/// `decision` is NULL, or was made by countersign_sct_judge(), was not freed yet, and no other thread uses it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn countersign_sct_decision_free(decision: *mut Told) {
    guarded(|| {
        if !decision.is_null() {
            // SAFETY: it came out of `Box::into_raw`, and by the caller's promise it is the last use.
            drop(unsafe { Box::from_raw(decision) });
        }
        Ok(())
    });
}

/// Does the work of a function that returns a result.
fn guarded(work: impl FnOnce() -> Result<(), Outcome>) -> Outcome {
    guarded_or(Outcome::Panicked, || work().err().unwrap_or(Outcome::Ok))
}

/// Does the work of a function, or returns `otherwise` if that panics: the caller's frames cannot be unwound.
fn guarded_or<T>(otherwise: T, work: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| {
        // To drop it could panic once more.
        std::mem::forget(payload);
        otherwise
    })
}

/// One of ours, unless it is NULL.
///
/// # Safety
///
/// It is NULL, or points to a value that stays where it is and is only read for as long as the result is used.
unsafe fn shared<'a, T>(pointer: *const T) -> Result<&'a T, Outcome> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Outcome::BadPointer);
    }
    // SAFETY: not NULL, aligned, and valid by the caller's promise.
    Ok(unsafe { &*pointer })
}

/// # Safety
///
/// As for [`shared`].
unsafe fn handle<'a>(enforcer: *const Handle) -> Result<&'a Handle, Outcome> {
    // SAFETY: the same promise.
    unsafe { shared(enforcer) }
}

/// Puts a result where the caller wants it.
///
/// # Safety
///
/// `pointer` is NULL or can be written.
unsafe fn put<T>(pointer: *mut T, value: T) -> Result<(), Outcome> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Outcome::BadPointer);
    }
    // SAFETY: not NULL, aligned, and writable by the caller's promise. What was there is the caller's, and no value.
    unsafe { pointer.write(value) };
    Ok(())
}

/// So many elements.
///
/// # Safety
///
/// `pointer` is NULL, or so many elements can be read there and nobody writes them for as long as the result is used.
unsafe fn elements<'a, T>(pointer: *const T, len: usize, max: usize) -> Result<&'a [T], Outcome> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(Outcome::BadPointer);
    }
    if len > max {
        return Err(Outcome::TooLong);
    }
    // SAFETY: not NULL, aligned, and so many by the caller's promise; `max` keeps the size far below `isize::MAX`.
    Ok(unsafe { std::slice::from_raw_parts(pointer, len) })
}

/// # Safety
///
/// As for [`elements`].
unsafe fn bytes<'a>(pointer: *const u8, len: usize, max: usize) -> Result<&'a [u8], Outcome> {
    // SAFETY: the same promise.
    unsafe { elements(pointer, len, max) }
}

/// A text that ends with a zero; none for NULL. No more than [`COUNTERSIGN_SCT_HOST_BYTES_MAX`] bytes are read and one: a text without
/// a zero is noticed before it leads far.
///
/// # Safety
///
/// `pointer` is NULL, or can be read up to a zero, and nobody writes there for as long as the result is used.
unsafe fn text<'a>(pointer: *const c_char) -> Result<Option<&'a str>, Outcome> {
    if pointer.is_null() {
        return Ok(None);
    }
    let pointer: *const u8 = pointer.cast();
    let mut len = 0;
    // SAFETY: everything before this byte was no zero, so it can be read by the caller's promise.
    while unsafe { pointer.add(len).read() } != 0 {
        if len == COUNTERSIGN_SCT_HOST_BYTES_MAX {
            return Err(Outcome::TooLong);
        }
        len += 1;
    }
    // SAFETY: so many bytes have just been read.
    let bytes = unsafe { std::slice::from_raw_parts(pointer, len) };
    std::str::from_utf8(bytes).map(Some).map_err(|_| Outcome::NotUtf8)
}

const VERSION: &CStr =
    match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
        Ok(version) => version,
        Err(_) => panic!("a version has no zero in it"),
    };
