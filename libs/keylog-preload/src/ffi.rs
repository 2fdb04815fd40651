//! Between C and the rest: is what programs call to make a context of OpenSSL, and has the real function called.

// It is all about functions of C; nothing outside `ffi` has unsafe code.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_char, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};

use crate::key_log::KeyLog;

/// `SSL_CTX`, `SSL`, `SSL_METHOD`, `OSSL_LIB_CTX`: only handed on.
type Opaque = *mut c_void;

type SetCallback =
    unsafe extern "C" fn(Opaque, Option<extern "C" fn(*const c_void, *const c_char)>);

/// `SSL_CTX_new(3)`.
///
/// # Safety
///
/// As for the real one.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn SSL_CTX_new(method: Opaque) -> Opaque {
    type New = unsafe extern "C" fn(Opaque) -> Opaque;
    // SAFETY: the type of the function of this name since OpenSSL 1.1.0.
    let Some(new) = (unsafe { real::<New>(c"SSL_CTX_new") }) else { return ptr::null_mut() };
    // SAFETY: with what the program has given.
    let context = unsafe { new(method) };
    listen(context);
    context
}

/// `SSL_CTX_new_ex(3)`, since OpenSSL 3.0.
///
/// # Safety
///
/// As for the real one.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn SSL_CTX_new_ex(
    library: Opaque,
    properties: *const c_char,
    method: Opaque,
) -> Opaque {
    type New = unsafe extern "C" fn(Opaque, *const c_char, Opaque) -> Opaque;
    // SAFETY: the type of the function of this name.
    let Some(new) = (unsafe { real::<New>(c"SSL_CTX_new_ex") }) else { return ptr::null_mut() };
    // SAFETY: with what the program has given.
    let context = unsafe { new(library, properties, method) };
    listen(context);
    context
}

/// Has a new context tell us its secrets. A program that wants them itself sets its own function later.
fn listen(context: Opaque) {
    let wanted = catch_unwind(|| KeyLog::of_process().is_some()).unwrap_or(false);
    if context.is_null() || !wanted {
        return;
    }
    // SAFETY: the type of the function of this name since OpenSSL 1.1.1.
    let set = unsafe { real::<SetCallback>(c"SSL_CTX_set_keylog_callback") };
    if let Some(set) = set {
        // SAFETY: a context that was just made, and that nobody else has; a function that stays loaded.
        unsafe { set(context, Some(tell)) };
    }
}

/// What OpenSSL calls with each line, from any thread.
extern "C" fn tell(_: *const c_void, line: *const c_char) {
    if line.is_null() {
        return;
    }
    // SAFETY: OpenSSL hands over a C string, which is there until this returns.
    let line = unsafe { CStr::from_ptr(line) };
    // A panic must not reach C code.
    let _panicked = catch_unwind(AssertUnwindSafe(|| {
        if let Some(log) = KeyLog::of_process() {
            log.add(line.to_bytes());
        }
    }));
}

/// The real function: of what was loaded with the program, or of the libssl that a plugin alone sees (Perl's, for one).
///
/// # Safety
///
/// `F` is the type of a pointer to the function of this name.
unsafe fn real<F: Copy>(name: &CStr) -> Option<F> {
    assert_eq!(size_of::<F>(), size_of::<*mut c_void>(), "a pointer to a function");
    // SAFETY: the name is a C string.
    let next = NonNull::new(unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) });
    let found = next.or_else(|| LIBRARIES.iter().find_map(|library| in_library(library, name)))?;
    let found = found.as_ptr();
    // SAFETY: POSIX has functions fit into pointers to data; the caller promises the type.
    Some(unsafe { std::mem::transmute_copy::<*mut c_void, F>(&found) })
}

/// The function of this name in a library, if that is loaded.
fn in_library(library: &CStr, name: &CStr) -> Option<NonNull<c_void>> {
    // SAFETY: a C string. Nothing is loaded that is not there, so no code of others runs.
    let handle = unsafe { libc::dlopen(library.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
    let handle = NonNull::new(handle)?;
    // SAFETY: an open handle, a C string. It is not closed: the library must stay as long as the function is called.
    NonNull::new(unsafe { libc::dlsym(handle.as_ptr(), name.as_ptr()) })
}

/// Those that have key logs.
const LIBRARIES: [&CStr; 2] = [c"libssl.so.3", c"libssl.so.1.1"];
