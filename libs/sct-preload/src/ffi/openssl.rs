//! OpenSSL: `X509_verify_cert` verifies whatever there is to verify, TLS servers among them.

use std::ffi::{c_char, c_int, c_uchar, c_void};
use std::ptr;

use countersign_sct::Trust;

use super::{Callers, text_at};
use crate::guard::{self, Heed, Server, Untold};

/// A pointer to one of OpenSSL's own structures, of which nothing is known here.
type Opaque = *mut c_void;

/// Verifies as OpenSSL does; then a TLS server's certificate also needs its SCTs.
///
/// The program's verify callback is not asked whether it minds: many say yes to everything that they do not know, and
/// people click it away. A refusal is not theirs to overrule.
///
/// # Safety
///
/// As for the function of OpenSSL: `context` is an initialised `X509_STORE_CTX`.
// It has to have OpenSSL's name.
#[allow(non_snake_case)]
// SAFETY: the name is meant to be found in place of OpenSSL's.
#[unsafe(no_mangle)]
unsafe extern "C-unwind" fn X509_verify_cert(context: Opaque) -> c_int {
    let callers = Callers::of_this_call();
    type Verify = unsafe extern "C-unwind" fn(Opaque) -> c_int;
    // SAFETY: the type that x509_vfy.h gives it.
    let Some(real) = (unsafe { callers.function::<Verify>(c"X509_verify_cert") }) else {
        return NOT_VERIFIED;
    };
    // SAFETY: our caller's argument, as our caller has it. A callback that unwinds goes through us unhindered.
    let verified = unsafe { real(context) };
    if verified <= 0 || guard::may_pass(|| server(&callers, context)) {
        return verified;
    }
    type SetError = unsafe extern "C" fn(Opaque, c_int);
    // SAFETY: the type that x509_vfy.h gives it.
    if let Some(set_error) = unsafe { callers.function::<SetError>(c"X509_STORE_CTX_set_error") } {
        // SAFETY: the context is still that of our caller.
        unsafe { set_error(context, NO_VALID_SCTS) };
    }
    NOT_VERIFIED
}

/// The TLS server that was verified, if it was one.
fn server(callers: &Callers, context: Opaque) -> Result<Option<Server>, Untold> {
    type Index = unsafe extern "C" fn() -> c_int;
    let missing = || Untold("a function of OpenSSL is missing");
    // SAFETY: the type that ssl.h gives it.
    let index = unsafe { callers.function::<Index>(c"SSL_get_ex_data_X509_STORE_CTX_idx") };
    let functions = Functions::of(callers).ok_or_else(missing)?;
    let Some(index) = index else { return functions.by_itself(callers, context) }; // no libssl
    // SAFETY: takes nothing.
    let at = unsafe { index() };
    // SAFETY: OpenSSL has just verified with this context. What libssl keeps at its index is an SSL, or null.
    let ssl = unsafe { (functions.ex_data)(context, at) };
    if ssl.is_null() {
        // libssl itself only verifies its own side's certificates without one.
        // SAFETY: only its address is asked for.
        let own = unsafe { callers.function::<*const ()>(c"SSL_get_ex_data_X509_STORE_CTX_idx") };
        let is_own = own.is_some_and(|own| callers.nearest_has(own.addr()));
        return if is_own { Ok(None) } else { functions.by_itself(callers, context) };
    }
    let functions = Connection::of(callers, functions).ok_or_else(missing)?;
    // SAFETY: the connection whose peer is being verified.
    if unsafe { (functions.is_server)(ssl) } != 0 {
        return Ok(None); // it is a client's certificate, which nobody logs
    }
    // SAFETY: as above.
    let mode = unsafe { (functions.verify_mode)(ssl) };
    let heed = if mode & VERIFY_PEER == 0 { Heed::ProgramMayIgnore } else { Heed::Fails };
    Ok(Some(Server {
        chain: functions.certificates.chain(context)?,
        host: functions.host(ssl),
        trust: functions.trust(ssl),
        heed,
    }))
}

/// The functions of libcrypto that are needed, of the libraries that led here: 1.1 or later, or LibreSSL.
struct Functions {
    /// Where in libcrypto one of its functions is.
    own: usize,
    ex_data: unsafe extern "C" fn(Opaque, c_int) -> Opaque,
    chain: unsafe extern "C" fn(Opaque) -> Opaque,
    stack_len: unsafe extern "C" fn(Opaque) -> c_int,
    stack_value: unsafe extern "C" fn(Opaque, c_int) -> Opaque,
    certificate_to_der: unsafe extern "C" fn(Opaque, *mut *mut c_uchar) -> c_int,
    is_fit_for: unsafe extern "C" fn(Opaque, c_int, c_int) -> c_int,
    is_ca: unsafe extern "C" fn(Opaque) -> c_int,
    parameters: unsafe extern "C" fn(Opaque) -> Opaque,
    /// The names that a verification expects. Since 3.0.
    expected: Option<unsafe extern "C" fn(Opaque, c_int) -> *const c_char>,
}

/// Those of libssl.
struct Connection {
    certificates: Functions,
    is_server: unsafe extern "C" fn(Opaque) -> c_int,
    verify_mode: unsafe extern "C" fn(Opaque) -> c_int,
    servername: unsafe extern "C" fn(Opaque, c_int) -> *const c_char,
    parameters: Option<unsafe extern "C" fn(Opaque) -> Opaque>,
    /// Not in LibreSSL.
    tlsa: Option<Tlsa>,
}

/// Usage, selector, matching type, data and its length of the TLSA record that matched; at which depth.
type Tlsa = unsafe extern "C" fn(
    Opaque,
    *mut u8,
    *mut u8,
    *mut u8,
    *mut *const c_uchar,
    *mut usize,
) -> c_int;

impl Functions {
    fn of(callers: &Callers) -> Option<Self> {
        // SAFETY: the types of the fields are those that x509_vfy.h, x509v3.h, x509.h and stack.h give the functions.
        unsafe {
            let verify = callers.function::<*const ()>(c"X509_verify_cert")?;
            Some(Self {
                own: verify.addr(),
                ex_data: callers.function(c"X509_STORE_CTX_get_ex_data")?,
                chain: callers.function(c"X509_STORE_CTX_get0_chain")?,
                // LibreSSL has the older names.
                stack_len: callers
                    .function(c"OPENSSL_sk_num")
                    .or_else(|| callers.function(c"sk_num"))?,
                stack_value: callers
                    .function(c"OPENSSL_sk_value")
                    .or_else(|| callers.function(c"sk_value"))?,
                certificate_to_der: callers.function(c"i2d_X509")?,
                is_fit_for: callers.function(c"X509_check_purpose")?,
                is_ca: callers.function(c"X509_check_ca")?,
                parameters: callers.function(c"X509_STORE_CTX_get0_param")?,
                expected: callers.function(c"X509_VERIFY_PARAM_get0_host"),
            })
        }
    }

    /// The server, if a program has verified one by itself, on a context without a connection. That is not said, so
    /// it is told by the certificate: one of a mail, a package or a CA serves no server.
    fn by_itself(&self, callers: &Callers, context: Opaque) -> Result<Option<Server>, Untold> {
        if callers.nearest_has(self.own) {
            return Ok(None); // libcrypto verifies mails, time stamps, answers about revocation
        }
        // SAFETY: OpenSSL has just verified with this context, so its chain has a certificate.
        let host = unsafe { self.host((self.parameters)(context)) };
        if host.is_none() && !self.is_for_servers(context)? {
            guard::mention("accepted a certificate that is no TLS server's");
            return Ok(None);
        }
        let chain = self.chain(context)?;
        Ok(Some(Server { chain, host, trust: Trust::Roots, heed: Heed::Fails }))
    }

    fn is_for_servers(&self, context: Opaque) -> Result<bool, Untold> {
        // SAFETY: OpenSSL has just verified with this context; the stack is its own.
        let (stack, len) = unsafe {
            let stack = (self.chain)(context);
            (stack, if stack.is_null() { 0 } else { (self.stack_len)(stack) })
        };
        if len < 1 {
            return Err(Untold("OpenSSL has verified no chain"));
        }
        // SAFETY: the stack has a first certificate.
        let (is_fit, is_ca) = unsafe {
            let certificate = (self.stack_value)(stack, 0);
            ((self.is_fit_for)(certificate, PURPOSE_SSL_SERVER, 0), (self.is_ca)(certificate))
        };
        Ok(is_fit != 0 && is_ca != HAS_CA_CONSTRAINT)
    }

    /// The first name that a verification expects.
    ///
    /// # Safety
    ///
    /// `parameters` are those of a verification.
    unsafe fn host(&self, parameters: Opaque) -> Option<String> {
        // SAFETY: as promised by the caller; the name is theirs, and is copied.
        self.expected.and_then(|expected| unsafe { text_at(expected(parameters, 0)) })
    }

    /// The chain that was verified, with its anchor.
    fn chain(&self, context: Opaque) -> Result<Vec<Vec<u8>>, Untold> {
        // SAFETY: OpenSSL has just verified with this context.
        let stack = unsafe { (self.chain)(context) };
        if stack.is_null() {
            return Err(Untold("OpenSSL has verified no chain"));
        }
        // SAFETY: the context's own stack, which it keeps.
        let len = unsafe { (self.stack_len)(stack) };
        if !(1..=CHAIN_MAX).contains(&len) {
            return Err(Untold("the verified chain is empty or too long"));
        }
        let certificate = |index| {
            // SAFETY: the index is in the stack, which has certificates.
            let certificate = unsafe { (self.stack_value)(stack, index) };
            self.der(certificate)
                .ok_or(Untold("a certificate of the verified chain cannot be read"))
        };
        (0..len).map(certificate).collect()
    }

    fn der(&self, certificate: Opaque) -> Option<Vec<u8>> {
        // SAFETY: a certificate of the stack. With null it only says the length.
        let len = unsafe { (self.certificate_to_der)(certificate, ptr::null_mut()) };
        let mut der = vec![0; usize::try_from(len).ok()?];
        let mut end = der.as_mut_ptr();
        // SAFETY: there is room for as much as it has just said it will write.
        let written = unsafe { (self.certificate_to_der)(certificate, &raw mut end) };
        (written == len).then_some(der)
    }
}

impl Connection {
    fn of(callers: &Callers, certificates: Functions) -> Option<Self> {
        // SAFETY: the types of the fields are those that ssl.h gives the functions.
        unsafe {
            Some(Self {
                certificates,
                is_server: callers.function(c"SSL_is_server")?,
                verify_mode: callers.function(c"SSL_get_verify_mode")?,
                servername: callers.function(c"SSL_get_servername")?,
                parameters: callers.function(c"SSL_get0_param"),
                tlsa: callers.function(c"SSL_get0_dane_tlsa"),
            })
        }
    }

    /// The name that was asked for: in the handshake, or else of the verification.
    fn host(&self, ssl: Opaque) -> Option<String> {
        // SAFETY: the connection is there; the name is its own, and is copied.
        let host = unsafe { text_at((self.servername)(ssl, NAMETYPE_HOST_NAME)) };
        // SAFETY: as above.
        host.or_else(|| unsafe { self.certificates.host((self.parameters?)(ssl)) })
    }

    /// A chain is verified by DANE if the record that matched is of a kind that needs no CA. The other kinds, 0 and 1,
    /// only add to what CAs say.
    fn trust(&self, ssl: Opaque) -> Trust {
        let Some(tlsa) = self.tlsa else { return Trust::Roots };
        let mut usage = 0;
        // SAFETY: the connection is there; what is null is not asked for.
        let depth = unsafe {
            let (null, no_data, no_len) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
            tlsa(ssl, &raw mut usage, null, null, no_data, no_len)
        };
        let needs_no_ca = matches!(usage, DANE_TA | DANE_EE);
        if depth >= 0 && needs_no_ca { Trust::Dane } else { Trust::Roots }
    }
}

/// What `X509_verify_cert` returns.
const NOT_VERIFIED: c_int = 0;
/// `X509_V_ERR_NO_VALID_SCTS`: "Certificate Transparency required, but no valid SCTs found".
const NO_VALID_SCTS: c_int = 71;
/// `SSL_VERIFY_PEER`.
const VERIFY_PEER: c_int = 1;
/// `X509_PURPOSE_SSL_SERVER`.
const PURPOSE_SSL_SERVER: c_int = 2;
/// What `X509_check_ca` returns for a CA that says so in its basic constraints.
const HAS_CA_CONSTRAINT: c_int = 1;
/// `TLSEXT_NAMETYPE_host_name`.
const NAMETYPE_HOST_NAME: c_int = 0;
/// `DANETLS_USAGE_DANE_TA` and `_EE` (RFC 7218 §2.1).
const DANE_TA: u8 = 2;
const DANE_EE: u8 = 3;
/// Certificates of a chain. OpenSSL verifies none that is longer than 101, unless it is told to.
const CHAIN_MAX: c_int = 200;
