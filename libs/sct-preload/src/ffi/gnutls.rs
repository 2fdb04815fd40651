//! GnuTLS: `gnutls_certificate_verify_peers`, `…2` and `…3` verify the other side of a session. What
//! `gnutls_session_set_verify_cert` sets up calls them too.
//!
//! Unlike OpenSSL it does not hand out the chain that it has verified, which need not be the one that was sent. So
//! the peer's certificates are verified once more against the same trust list, by the function of GnuTLS that says
//! step by step who vouches for whom.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{c_char, c_int, c_uchar, c_uint, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use countersign_sct::Trust;

use super::{Callers, text_at};
use crate::guard::{self, Heed, Server, Untold};

/// A pointer to one of GnuTLS's own structures, of which nothing is known here.
type Opaque = *mut c_void;

/// `gnutls_typed_vdata_st`: something that the certificate is to be verified for.
#[repr(C)]
struct TypedData {
    kind: c_uint,
    data: *const c_uchar,
    size: c_uint,
}

/// Verifies as GnuTLS does, for a name or a purpose; then a server's certificate also needs its SCTs.
///
/// # Safety
///
/// As for the function of GnuTLS.
// SAFETY: the name is meant to be found in place of GnuTLS's; so it is with the others.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn gnutls_certificate_verify_peers(
    session: Opaque,
    data: *const TypedData,
    elements: c_uint,
    status: *mut c_uint,
) -> c_int {
    type Verify =
        unsafe extern "C-unwind" fn(Opaque, *const TypedData, c_uint, *mut c_uint) -> c_int;
    let callers = Callers::of_this_call();
    // SAFETY: the type that gnutls.h gives it.
    let Some(real) = (unsafe { callers.function::<Verify>(c"gnutls_certificate_verify_peers") })
    else {
        return INTERNAL_ERROR;
    };
    // SAFETY: our caller's arguments, as our caller has them.
    let verify = || unsafe { real(session, data, elements, status) };
    // SAFETY: GnuTLS has read them before.
    let host = || unsafe { host_among(data, elements) };
    // SAFETY: the session and the place for the status are those of our caller.
    unsafe { and_scts(&callers, session, status, verify, host) }
}

/// Verifies as GnuTLS does; then a server's certificate also needs its SCTs.
///
/// # Safety
///
/// As for the function of GnuTLS.
// SAFETY: see above.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn gnutls_certificate_verify_peers2(
    session: Opaque,
    status: *mut c_uint,
) -> c_int {
    type Verify = unsafe extern "C-unwind" fn(Opaque, *mut c_uint) -> c_int;
    let callers = Callers::of_this_call();
    // SAFETY: the type that gnutls.h gives it.
    let Some(real) = (unsafe { callers.function::<Verify>(c"gnutls_certificate_verify_peers2") })
    else {
        return INTERNAL_ERROR;
    };
    // SAFETY: our caller's arguments, as our caller has them.
    let verify = || unsafe { real(session, status) };
    // SAFETY: the session and the place for the status are those of our caller.
    unsafe { and_scts(&callers, session, status, verify, || None) }
}

/// Verifies as GnuTLS does, for a name; then a server's certificate also needs its SCTs.
///
/// # Safety
///
/// As for the function of GnuTLS.
// SAFETY: see above.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn gnutls_certificate_verify_peers3(
    session: Opaque,
    hostname: *const c_char,
    status: *mut c_uint,
) -> c_int {
    type Verify = unsafe extern "C-unwind" fn(Opaque, *const c_char, *mut c_uint) -> c_int;
    let callers = Callers::of_this_call();
    // SAFETY: the type that gnutls.h gives it.
    let Some(real) = (unsafe { callers.function::<Verify>(c"gnutls_certificate_verify_peers3") })
    else {
        return INTERNAL_ERROR;
    };
    // SAFETY: our caller's arguments, as our caller has them.
    let verify = || unsafe { real(session, hostname, status) };
    // SAFETY: null or a C string, says gnutls.h.
    let host = || unsafe { text_at(hostname) };
    // SAFETY: the session and the place for the status are those of our caller.
    unsafe { and_scts(&callers, session, status, verify, host) }
}

/// Sets the name for the handshake, as GnuTLS does, and keeps it: a client cannot ask GnuTLS for it.
///
/// # Safety
///
/// As for the function of GnuTLS.
// SAFETY: see above.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn gnutls_server_name_set(
    session: Opaque,
    kind: c_uint,
    name: *const c_uchar,
    len: usize,
) -> c_int {
    type Set = unsafe extern "C-unwind" fn(Opaque, c_uint, *const c_uchar, usize) -> c_int;
    let callers = Callers::of_this_call();
    // SAFETY: the type that gnutls.h gives it.
    let Some(real) = (unsafe { callers.function::<Set>(c"gnutls_server_name_set") }) else {
        return INTERNAL_ERROR;
    };
    // SAFETY: our caller's arguments, as our caller has them.
    let set = unsafe { real(session, kind, name, len) };
    if set == SUCCESS && kind == NAME_DNS && !name.is_null() && (1..=NAME_BYTES_MAX).contains(&len)
    {
        // SAFETY: GnuTLS has read as many bytes there.
        let name = unsafe { std::slice::from_raw_parts(name, len) };
        Names::put(session, String::from_utf8_lossy(name).into_owned());
    }
    set
}

/// Ends a session, as GnuTLS does, and forgets its name: the next one may be at the same place.
///
/// # Safety
///
/// As for the function of GnuTLS.
// SAFETY: see above.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn gnutls_deinit(session: Opaque) {
    Names::forget(session);
    type Deinit = unsafe extern "C-unwind" fn(Opaque);
    let callers = Callers::of_this_call();
    // SAFETY: the type that gnutls.h gives it.
    if let Some(real) = unsafe { callers.function::<Deinit>(c"gnutls_deinit") } {
        // SAFETY: our caller's argument, as our caller has it.
        unsafe { real(session) };
    }
}

/// Verifies, and if that went well demands SCTs, unless another of these functions has called this one and will.
///
/// # Safety
///
/// `session` is one whose handshake is far enough to verify it; `status` is null or a place for a number.
unsafe fn and_scts(
    callers: &Callers,
    session: Opaque,
    status: *mut c_uint,
    verify: impl FnOnce() -> c_int,
    host: impl FnOnce() -> Option<String>,
) -> c_int {
    let verification = Verification::begin(session, callers);
    let verified = verify();
    // What is asked now is a verification of its own, and so is what its callbacks do.
    let is_nested = verification.is_nested;
    drop(verification);
    // SAFETY: as promised by the caller, and not null.
    let is_verified = verified == SUCCESS && !status.is_null() && unsafe { *status } == 0;
    if !is_verified || is_nested || guard::may_pass(|| server(callers, session, host)) {
        return verified;
    }
    // SAFETY: as above.
    unsafe { *status |= CERT_INVALID | CERT_SIGNER_CONSTRAINTS_FAILURE };
    // An error, not only a status: programs ask people whether they mind a status (mutt does).
    CERTIFICATE_VERIFICATION_ERROR
}

/// The server that was verified, if it was one.
fn server(
    callers: &Callers,
    session: Opaque,
    host: impl FnOnce() -> Option<String>,
) -> Result<Option<Server>, Untold> {
    let functions = Functions::of(callers).ok_or(Untold("a function of GnuTLS is missing"))?;
    if !functions.is_client(session) {
        return Ok(None); // it is a client's certificate, which nobody logs
    }
    // SAFETY: a session that has been verified.
    if unsafe { (functions.certificate_kind)(session, CTYPE_SERVER) } != CRT_X509 {
        return Ok(None); // a bare key, which no CA vouches for
    }
    let chain = functions.chain(session)?;
    let host = host().or_else(|| Names::of(session));
    Ok(Some(Server { chain, host, trust: Trust::Roots, heed: Heed::Fails }))
}

/// The functions of GnuTLS that are needed, of the library that led here: 3.6.4 or later.
struct Functions {
    server_name:
        unsafe extern "C" fn(Opaque, *mut c_uchar, *mut usize, *mut c_uint, c_uint) -> c_int,
    certificate_kind: unsafe extern "C" fn(Opaque, c_uint) -> c_uint,
    peers: unsafe extern "C" fn(Opaque, *mut c_uint) -> *const Datum,
    credentials: unsafe extern "C" fn(Opaque, c_uint, *mut Opaque) -> c_int,
    trust_list: unsafe extern "C" fn(Opaque, *mut Opaque),
    verify_flags: unsafe extern "C" fn(Opaque) -> c_uint,
    crt_init: unsafe extern "C" fn(*mut Opaque) -> c_int,
    crt_deinit: unsafe extern "C" fn(Opaque),
    crt_import: unsafe extern "C" fn(Opaque, *const Datum, c_uint) -> c_int,
    crt_export: Export,
    verify: unsafe extern "C" fn(Opaque, *const Opaque, c_uint, c_uint, *mut c_uint, Each) -> c_int,
}

/// `gnutls_x509_crt_export`: certificate, format, where to, how much.
type Export = unsafe extern "C" fn(Opaque, c_uint, *mut c_uchar, *mut usize) -> c_int;
/// `gnutls_verify_output_function`: certificate, its issuer, a CRL, what is wrong.
type Each = unsafe extern "C" fn(Opaque, Opaque, Opaque, c_uint) -> c_int;

/// `gnutls_datum_t`.
#[repr(C)]
struct Datum {
    data: *const c_uchar,
    size: c_uint,
}

impl Functions {
    fn of(callers: &Callers) -> Option<Self> {
        // SAFETY: the types of the fields are those that gnutls.h and x509.h give the functions.
        unsafe {
            Some(Self {
                server_name: callers.function(c"gnutls_server_name_get")?,
                certificate_kind: callers.function(c"gnutls_certificate_type_get2")?,
                peers: callers.function(c"gnutls_certificate_get_peers")?,
                credentials: callers.function(c"gnutls_credentials_get")?,
                trust_list: callers.function(c"gnutls_certificate_get_trust_list")?,
                verify_flags: callers.function(c"gnutls_certificate_get_verify_flags")?,
                crt_init: callers.function(c"gnutls_x509_crt_init")?,
                crt_deinit: callers.function(c"gnutls_x509_crt_deinit")?,
                crt_import: callers.function(c"gnutls_x509_crt_import")?,
                crt_export: callers.function(c"gnutls_x509_crt_export")?,
                verify: callers.function(c"gnutls_x509_trust_list_verify_crt")?,
            })
        }
    }

    /// Only a server may ask which name the client sent, so whoever may not is a client.
    fn is_client(&self, session: Opaque) -> bool {
        let (mut name, mut kind) = ([0; NAME_BYTES_MAX], 0);
        let mut len = name.len();
        // SAFETY: a session, and room for as many bytes as `len` says.
        let asked = unsafe {
            (self.server_name)(session, name.as_mut_ptr(), &raw mut len, &raw mut kind, 0)
        };
        asked == INVALID_REQUEST
    }

    /// The chain that GnuTLS verifies, with its anchor.
    fn chain(&self, session: Opaque) -> Result<Vec<Vec<u8>>, Untold> {
        let peers = self.certificates(session)?;
        let leaf = peers.0.first().ok_or(Untold("the server has sent no certificate"))?;
        let leaf = der(self.crt_export, *leaf)?;

        let (mut credentials, mut trust_list) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: a session, and a place for a pointer. The credentials stay those of the session.
        let found = unsafe { (self.credentials)(session, CRD_CERTIFICATE, &raw mut credentials) };
        if found != SUCCESS || credentials.is_null() {
            return Err(Untold("GnuTLS does not say what it trusts"));
        }
        // SAFETY: credentials for certificates, as they were asked for, and a place for a pointer.
        unsafe { (self.trust_list)(credentials, &raw mut trust_list) };
        // SAFETY: as above.
        let flags = unsafe { (self.verify_flags)(credentials) } | VERIFIED_ALREADY;

        let len = c_uint::try_from(peers.0.len()).expect("a small number");
        let mut status = 0;
        let steps = Steps::collect(self.crt_export, || {
            // SAFETY: the list of the credentials, and as many certificates as `len` says.
            unsafe {
                let list = peers.0.as_ptr();
                (self.verify)(trust_list, list, len, flags, &raw mut status, Steps::each)
            }
        })?;
        if status != 0 {
            return Err(Untold("which chain GnuTLS has verified cannot be told"));
        }
        Ok(steps.chain(leaf))
    }

    /// What the server has sent.
    fn certificates(&self, session: Opaque) -> Result<Certificates<'_>, Untold> {
        let mut len = 0;
        // SAFETY: a session, and a place for a number. The list is the session's.
        let list = unsafe { (self.peers)(session, &raw mut len) };
        let unreadable = Untold("a certificate of the server cannot be read");
        if list.is_null() || len > CHAIN_MAX {
            return Err(Untold("the server has sent no certificates, or too many"));
        }
        let mut certificates = Certificates(Vec::new(), self);
        for index in 0..usize::try_from(len).expect("a small number") {
            let mut certificate = ptr::null_mut();
            // SAFETY: a place for a pointer.
            if unsafe { (self.crt_init)(&raw mut certificate) } != SUCCESS {
                return Err(unreadable);
            }
            certificates.0.push(certificate);
            // SAFETY: the certificate is new, and the index is in the list.
            if unsafe { (self.crt_import)(certificate, list.add(index), FORMAT_DER) } != SUCCESS {
                return Err(unreadable);
            }
        }
        Ok(certificates)
    }
}

/// Certificates that are ours, and are freed when this is dropped.
struct Certificates<'a>(Vec<Opaque>, &'a Functions);

impl Drop for Certificates<'_> {
    fn drop(&mut self) {
        for certificate in &self.0 {
            // SAFETY: it was made by `crt_init`, and nobody uses it any more.
            unsafe { (self.1.crt_deinit)(*certificate) };
        }
    }
}

fn der(export: Export, certificate: Opaque) -> Result<Vec<u8>, Untold> {
    let mut len = 0;
    // SAFETY: a certificate; without room it only says the length.
    let _too_short = unsafe { export(certificate, FORMAT_DER, ptr::null_mut(), &raw mut len) };
    let mut der = vec![0; len];
    // SAFETY: there is room for as much as it has just said it will write.
    let written = unsafe { export(certificate, FORMAT_DER, der.as_mut_ptr(), &raw mut len) };
    der.truncate(len);
    if written == SUCCESS && !der.is_empty() {
        Ok(der)
    } else {
        Err(Untold("a certificate cannot be written"))
    }
}

/// Who vouches for whom, as GnuTLS says while it verifies: the anchor's word first, that for the server last.
#[derive(Default)]
struct Steps(Vec<(Vec<u8>, Vec<u8>)>);

thread_local! {
    /// GnuTLS gives its callback nothing of ours, but calls it in the same thread.
    static STEPS: RefCell<Option<(Export, Result<Steps, Untold>)>> = const { RefCell::new(None) };
}

impl Steps {
    /// Those that are reported to [`Steps::each`] while this runs.
    fn collect(export: Export, verify: impl FnOnce() -> c_int) -> Result<Self, Untold> {
        // A callback of the program may verify another session meanwhile, in this thread.
        let around = STEPS.replace(Some((export, Ok(Self::default()))));
        let verified = verify();
        let (_, steps) = STEPS.replace(around).expect("it was put there");
        if verified == SUCCESS {
            steps
        } else {
            Err(Untold("GnuTLS cannot verify the chain again"))
        }
    }

    /// What GnuTLS calls for each certificate and its issuer.
    unsafe extern "C" fn each(
        certificate: Opaque,
        issuer: Opaque,
        _: Opaque,
        wrong: c_uint,
    ) -> c_int {
        if wrong != 0 || certificate.is_null() || issuer.is_null() {
            return SUCCESS; // a way that led nowhere
        }
        let noted = catch_unwind(AssertUnwindSafe(|| {
            STEPS.with_borrow_mut(|slot| {
                let Some((export, steps)) = slot else { return };
                let step =
                    der(*export, certificate).and_then(|one| Ok((one, der(*export, issuer)?)));
                match (steps.as_mut(), step) {
                    (Ok(steps), Ok(step)) => steps.0.push(step),
                    (Ok(_), Err(why)) => *steps = Err(why),
                    (Err(_), _) => {}
                }
            });
        }));
        if noted.is_ok() { SUCCESS } else { INTERNAL_ERROR }
    }

    /// From this certificate up. By itself, if it is trusted by itself.
    fn chain(self, leaf: Vec<u8>) -> Vec<Vec<u8>> {
        let mut chain = vec![leaf];
        // From the end: what was reported before the last try led nowhere.
        for (certificate, issuer) in self.0.into_iter().rev() {
            if chain.last() == Some(&certificate) && certificate != issuer {
                chain.push(issuer);
            }
        }
        chain
    }
}

/// The name among the things that a certificate is verified for.
///
/// # Safety
///
/// `data` is null or there are as many `elements`, each with as many bytes as it says, or a C string.
unsafe fn host_among(data: *const TypedData, elements: c_uint) -> Option<String> {
    if data.is_null() {
        return None;
    }
    let len = usize::try_from(elements).ok()?;
    // SAFETY: as promised by the caller.
    let mut data = unsafe { std::slice::from_raw_parts(data, len) }.iter();
    let name = data.find(|data| data.kind == DT_DNS_HOSTNAME && !data.data.is_null())?;
    match usize::try_from(name.size).ok()? {
        // SAFETY: without a size it is a C string, says gnutls.h.
        0 => unsafe { text_at(name.data.cast()) },
        // SAFETY: as promised by the caller.
        len => Some(
            String::from_utf8_lossy(unsafe { std::slice::from_raw_parts(name.data, len) })
                .into_owned(),
        ),
    }
}

/// The names that clients have set, by the place of their session.
#[derive(Default)]
struct Names(HashMap<usize, String>);

static NAMES: Mutex<Option<Names>> = Mutex::new(None);

impl Names {
    fn put(session: Opaque, name: String) {
        let mut names = Self::all();
        let names = names.get_or_insert_default();
        if names.0.len() >= NAMES_MAX {
            names.0.clear(); // names are for people, and for warnings
        }
        names.0.insert(session.addr(), name);
    }

    fn of(session: Opaque) -> Option<String> {
        Self::all().as_ref()?.0.get(&session.addr()).cloned()
    }

    fn forget(session: Opaque) {
        if let Some(names) = Self::all().as_mut() {
            names.0.remove(&session.addr());
        }
    }

    fn all() -> MutexGuard<'static, Option<Self>> {
        NAMES.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

thread_local! {
    /// The place of the session that is being verified in this thread; 0 if none is.
    static VERIFYING: Cell<usize> = const { Cell::new(0) };
}

/// That GnuTLS is verifying a session. One of the functions above can call another one for the same session; a
/// callback of the program can have another session verified meanwhile.
struct Verification {
    around: usize,
    /// Another of the functions above is verifying this session, and will demand its SCTs.
    is_nested: bool,
}

impl Verification {
    fn begin(session: Opaque, callers: &Callers) -> Self {
        let around = VERIFYING.replace(session.addr());
        // The stack is asked too: a callback that jumps out of a verification leaves its session behind here.
        Self { around, is_nested: callers.is_nested && around == session.addr() }
    }
}

impl Drop for Verification {
    fn drop(&mut self) {
        VERIFYING.set(self.around);
    }
}

const SUCCESS: c_int = 0;
/// `GNUTLS_E_INVALID_REQUEST`.
const INVALID_REQUEST: c_int = -50;
/// `GNUTLS_E_INTERNAL_ERROR`.
const INTERNAL_ERROR: c_int = -59;
/// `GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR`.
const CERTIFICATE_VERIFICATION_ERROR: c_int = -348;
/// `GNUTLS_CERT_INVALID`: it is set whatever is wrong.
const CERT_INVALID: c_uint = 1 << 1;
/// `GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE`: "the certificate chain violates the signer's constraints".
const CERT_SIGNER_CONSTRAINTS_FAILURE: c_uint = 1 << 16;
/// `GNUTLS_DT_DNS_HOSTNAME`.
const DT_DNS_HOSTNAME: c_uint = 1;
/// `GNUTLS_NAME_DNS`.
const NAME_DNS: c_uint = 1;
/// `GNUTLS_CTYPE_SERVER`.
const CTYPE_SERVER: c_uint = 1;
/// `GNUTLS_CRT_X509`.
const CRT_X509: c_uint = 1;
/// `GNUTLS_CRD_CERTIFICATE`.
const CRD_CERTIFICATE: c_uint = 1;
/// `GNUTLS_X509_FMT_DER`.
const FORMAT_DER: c_uint = 0;
/// Times, CRLs and weak algorithms have been looked at, by the program's own rules, which are not all known here:
/// `GNUTLS_VERIFY_ALLOW_ANY_X509_V1_CA_CRT`, `_ALLOW_SIGN_RSA_MD5`, `_DISABLE_TIME_CHECKS`,
/// `_DISABLE_TRUSTED_TIME_CHECKS`, `_DISABLE_CRL_CHECKS`, `_IGNORE_UNKNOWN_CRIT_EXTENSIONS`, `_ALLOW_SIGN_WITH_SHA1`.
const VERIFIED_ALREADY: c_uint = 1 << 3 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 9 | 1 << 14 | 1 << 15;
/// Certificates that a server sends. GnuTLS verifies no more than sixteen, unless it is told to.
const CHAIN_MAX: c_uint = 200;
/// Bytes of a name in DNS.
const NAME_BYTES_MAX: usize = 255;
/// Names that are kept. A session is rarely one of more than a few.
const NAMES_MAX: usize = 4_096;
