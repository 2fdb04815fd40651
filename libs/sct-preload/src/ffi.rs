//! Between C and the rest: finds the libraries that led here and their functions, and is what they call.
//!
//! A program can have two copies of libcrypto, or one that only a plugin sees. So "the real function" is not the
//! first of its name in the process, but the one that the caller would have got without us: the stack says who the
//! caller is, and the loader what that one can see.

// It is all about functions of C; nothing outside `ffi` has unsafe code.
#![allow(unsafe_code)]

mod gnutls;
mod openssl;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ops::Range;
use std::ptr::{self, NonNull};

use crate::guard;

/// The program and the libraries that led here, from the nearest on, without this one.
pub(crate) struct Callers {
    libraries: Vec<Library>,
    nearest: Option<Object>,
    /// This library is further up on the stack, too: one of its functions has led to this one.
    is_nested: bool,
}

impl Callers {
    /// Those of the function that calls this.
    fn of_this_call() -> Self {
        let mut objects = Object::all();
        let object_at = |address| objects.iter().position(|object| object.has(address));
        let own = object_at((&raw const AT_LOAD).addr()); // it could be anything of ours
        let mut seen = Vec::new();
        let mut is_nested = false;
        for object in stack().filter_map(object_at) {
            if Some(object) == own {
                is_nested |= !seen.is_empty();
            } else if !seen.contains(&object) && seen.len() < CALLERS_MAX {
                seen.push(object);
            }
        }
        let mut libraries: Vec<_> =
            seen.iter().map(|seen| Library::loaded(&objects[*seen].name)).collect();
        if libraries.is_empty() {
            libraries.push(Library::Next); // a stack that cannot be read
        }
        let nearest = seen.first().map(|nearest| objects.swap_remove(*nearest));
        Self { libraries, nearest, is_nested }
    }

    /// Whether the nearest caller is the library with the function at this address.
    fn nearest_has(&self, function: usize) -> bool {
        self.nearest.as_ref().is_some_and(|nearest| nearest.has(function))
    }

    /// The function of this name that the nearest caller sees which sees one.
    ///
    /// # Safety
    ///
    /// `F` is the type of a pointer to that function.
    unsafe fn function<F: Copy>(&self, name: &CStr) -> Option<F> {
        // SAFETY: as promised by the caller.
        self.libraries.iter().find_map(|library| unsafe { library.function(name) })
    }
}

/// Where functions are looked for.
enum Library {
    /// All that was loaded with the program, after this library.
    Next,
    /// A library, and those that it needs.
    Handle(NonNull<c_void>),
}

impl Library {
    /// The library that was loaded by this name. The program has none: it sees what was loaded with it.
    fn loaded(name: &CStr) -> Self {
        if name.is_empty() {
            return Self::Next;
        }
        // SAFETY: the name is a C string. Nothing is loaded that is not there, so no code of others runs.
        let handle = unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) };
        NonNull::new(handle).map_or(Self::Next, Self::Handle)
    }

    /// # Safety
    ///
    /// `F` is the type of a pointer to the function of this name.
    unsafe fn function<F: Copy>(&self, name: &CStr) -> Option<F> {
        assert_eq!(size_of::<F>(), size_of::<*mut c_void>(), "a pointer to a function");
        let handle = match self {
            Self::Next => libc::RTLD_NEXT,
            Self::Handle(handle) => handle.as_ptr(),
        };
        // SAFETY: the handle is open until `self` is dropped, the name is a C string.
        let found = NonNull::new(unsafe { libc::dlsym(handle, name.as_ptr()) })?.as_ptr();
        // SAFETY: POSIX has functions fit into pointers to data; the caller promises the type.
        Some(unsafe { std::mem::transmute_copy::<*mut c_void, F>(&found) })
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        if let Self::Handle(handle) = self {
            // SAFETY: it was opened by `loaded`, once. It stays loaded: its code is on the stack.
            unsafe { libc::dlclose(handle.as_ptr()) };
        }
    }
}

/// The program or a library, and where it is in memory.
struct Object {
    /// Empty for the program.
    name: CString,
    parts: Vec<Range<usize>>,
}

impl Object {
    /// All that are loaded, the program first. (`dladdr` would look for a symbol at each address, which takes longer
    /// than all the rest.)
    fn all() -> Vec<Self> {
        extern "C" fn each(info: *mut libc::dl_phdr_info, _: usize, into: *mut c_void) -> c_int {
            // SAFETY: it is the pointer that was given to `dl_iterate_phdr`, which alone has it now.
            let objects = unsafe { &mut *into.cast::<Vec<Object>>() };
            // SAFETY: the loader's own description, valid during this call.
            let info = unsafe { &*info };
            // SAFETY: as above; so are the name, a C string or null, and the table, which is as long as it says.
            let (name, table) = unsafe {
                let len = usize::from(info.dlpi_phnum);
                (text_or_none(info.dlpi_name), std::slice::from_raw_parts(info.dlpi_phdr, len))
            };
            let start =
                |segment: &libc::Elf64_Phdr| address(info.dlpi_addr.wrapping_add(segment.p_vaddr));
            let part =
                |segment| start(segment)..start(segment).wrapping_add(address(segment.p_memsz));
            let loaded = table.iter().filter(|segment| segment.p_type == libc::PT_LOAD);
            objects
                .push(Object { name: name.unwrap_or_default(), parts: loaded.map(part).collect() });
            0
        }
        let mut objects: Vec<Self> = Vec::new();
        // SAFETY: `each` takes what it is given here, and both are there until this returns.
        unsafe { libc::dl_iterate_phdr(Some(each), (&raw mut objects).cast()) };
        objects
    }

    fn has(&self, address: usize) -> bool {
        self.parts.iter().any(|part| part.contains(&address))
    }
}

fn address(address: u64) -> usize {
    usize::try_from(address).expect("this library is built for machines of 64 bits")
}

/// Addresses in the functions that led here, from the nearest on.
fn stack() -> impl Iterator<Item = usize> {
    unsafe extern "C" {
        // Both are in libgcc_s, which the standard library needs to unwind.
        fn _Unwind_Backtrace(
            each: extern "C" fn(*mut c_void, *mut c_void) -> c_int,
            into: *mut c_void,
        ) -> c_int;
        fn _Unwind_GetIP(frame: *mut c_void) -> usize;
    }
    struct Frames {
        addresses: [usize; FRAMES_MAX],
        count: usize,
    }
    extern "C" fn each(frame: *mut c_void, into: *mut c_void) -> c_int {
        const GO_ON: c_int = 0; // _URC_NO_REASON
        const STOP: c_int = 5; // _URC_END_OF_STACK
        // SAFETY: it is the pointer that was given to `_Unwind_Backtrace`, which alone has it now.
        let frames = unsafe { &mut *into.cast::<Frames>() };
        let Some(address) = frames.addresses.get_mut(frames.count) else { return STOP };
        // SAFETY: the frame is valid during this call.
        *address = unsafe { _Unwind_GetIP(frame) };
        frames.count += 1;
        GO_ON
    }
    let mut frames = Frames { addresses: [0; FRAMES_MAX], count: 0 };
    // SAFETY: `each` takes what it is given here, and both are there until this returns.
    unsafe { _Unwind_Backtrace(each, (&raw mut frames).cast()) };
    // An address to return to can be the first of the next function; one less is in the call.
    let addresses = frames.addresses.into_iter().take(frames.count);
    addresses.map(|address| address.saturating_sub(1))
}

/// A copy of a C string, for people.
///
/// # Safety
///
/// `text` is null or a C string.
unsafe fn text_at(text: *const c_char) -> Option<String> {
    // SAFETY: as promised by the caller.
    unsafe { text_or_none(text) }.map(|text| text.to_string_lossy().into_owned())
}

/// A copy of a C string.
///
/// # Safety
///
/// `text` is null or a C string.
unsafe fn text_or_none(text: *const c_char) -> Option<CString> {
    // SAFETY: as promised by the caller, and not null.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_owned())
}

/// What the descriptor for standard error leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StandardError {
    /// Which device and which file on it.
    pub(crate) place: (u64, u64),
    /// A pipe, a terminal, or a file to whose end everything is added: what programs put there on purpose.
    pub(crate) is_for_lines: bool,
}

impl StandardError {
    /// At this moment, if it is open.
    pub(crate) fn now() -> Option<Self> {
        let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
        // SAFETY: room for what it writes.
        if unsafe { libc::fstat(libc::STDERR_FILENO, stat.as_mut_ptr()) } != 0 {
            return None;
        }
        // SAFETY: it has been written.
        let stat = unsafe { stat.assume_init() };
        // SAFETY: asks for flags, and whether it is a terminal.
        let (flags, is_terminal) = unsafe {
            (
                libc::fcntl(libc::STDERR_FILENO, libc::F_GETFL),
                libc::isatty(libc::STDERR_FILENO) == 1,
            )
        };
        let is_for_lines = match stat.st_mode & libc::S_IFMT {
            libc::S_IFIFO => true,
            libc::S_IFREG => flags & libc::O_APPEND != 0,
            _ => is_terminal,
        };
        Some(Self { place: (stat.st_dev, stat.st_ino), is_for_lines })
    }
}

/// Does something with SIGPIPE held back, and takes it off if that has caused it: a pipe whose reader has gone must
/// not end the program.
pub(crate) fn without_sigpipe(write: impl FnOnce()) {
    // SAFETY: sets of signals are numbers, of which any value is one; all the pointers are to places here.
    unsafe {
        let mut pipe: libc::sigset_t = std::mem::zeroed();
        let mut before = pipe;
        let mut pending = pipe;
        libc::sigemptyset(&raw mut pipe);
        libc::sigaddset(&raw mut pipe, libc::SIGPIPE);
        libc::sigpending(&raw mut pending);
        let is_pending_before = libc::sigismember(&raw const pending, libc::SIGPIPE) == 1;
        if libc::pthread_sigmask(libc::SIG_BLOCK, &raw const pipe, &raw mut before) != 0 {
            return; // rather no line than no program
        }
        write();
        if !is_pending_before {
            let at_once = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            let _none = libc::sigtimedwait(&raw const pipe, ptr::null_mut(), &raw const at_once);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, ptr::null_mut());
    }
}

/// Has [`guard::at_exit`] called when the program ends, if it ends by `exit` or by returning from `main`.
pub(crate) fn call_at_exit() {
    extern "C" fn at_exit() {
        guard::at_exit();
    }
    // SAFETY: a function without arguments that does not unwind. A full table only costs what a killed program does.
    let _full = unsafe { libc::atexit(at_exit) };
}

extern "C" fn at_load() {
    guard::at_load();
}

// SAFETY: the loader calls what is in this section, with arguments that C functions may ignore.
#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

/// Frames of the stack: of libssl's handshake there are ten, a program's callback that verifies adds a few.
const FRAMES_MAX: usize = 64;
/// Libraries on it that are asked for functions.
const CALLERS_MAX: usize = 8;
