//! Whether a library that is preloaded can stand between a program and its verification.
//!
//! ```text
//! script ──> its interpreter ─┐
//!                             ├─> for another machine, with privileges, loaded alone? ──> no
//! executable ─────────────────┘
//!      the loader itself says what it would load:
//!        another TLS library, or one that is built in ──> no, unless it also uses one that is covered
//!        OpenSSL's libssl or GnuTLS, and somebody calls it to connect ──> yes
//!        none: can it load libraries, or start programs, while it runs? ──> shows when it runs; else no
//! ```

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::elf::Elf;
use crate::failure::Failure;

/// What is known of a program before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Coverage {
    /// It is loaded with these libraries, which are covered.
    Covered(Vec<String>),
    /// What it uses shows when it runs.
    AtRunTime(String),
    /// It cannot be covered.
    No {
        /// What stands in the way.
        why: String,
        /// What to do instead.
        hint: &'static str,
    },
}

impl Coverage {
    fn no(why: impl Into<String>, hint: &'static str) -> Self {
        Self::No { why: why.into(), hint }
    }
}

/// Looks at the program in this file, to be started with this library and value of `LD_PRELOAD`.
pub(crate) fn look(program: &Path, library: &Path, preload: &OsStr) -> Result<Coverage, Failure> {
    look_through(program, library, preload, SCRIPTS_MAX)
}

fn look_through(
    program: &Path,
    library: &Path,
    preload: &OsStr,
    scripts_left: usize,
) -> Result<Coverage, Failure> {
    let file = fs::canonicalize(program).map_err(|why| Failure::read(program, &why))?;
    for name in [program, &file].map(|path| path.file_name().unwrap_or_default()) {
        if let Some((_, why, hint)) = APART.iter().find(|(apart, ..)| *apart == name) {
            return Ok(Coverage::no(format!("{} {why}", name.display()), hint));
        }
    }
    let Some(elf) = Elf::read(&file).map_err(|why| Failure::read(&file, &why))? else {
        return script(&file, library, preload, scripts_left);
    };
    let ours = Elf::read(library).map_err(|why| Failure::read(library, &why))?;
    if ours.is_none_or(|ours| ours.machine != elf.machine) {
        let why = format!(
            "{} is for another kind of processor than {}",
            file.display(),
            library.display()
        );
        return Ok(Coverage::no(
            why,
            "build the library for it, and name it in COUNTERSIGN_PRELOAD",
        ));
    }
    if has_privileges(&file)? {
        let why = format!(
            "{} runs with more privileges than you: the loader preloads nothing then",
            file.display()
        );
        return Ok(Coverage::no(why, TUNNEL));
    }
    let Some(loader) = &elf.interpreter else {
        let why =
            format!("{} is statically linked: it has its own TLS library, if any", file.display());
        return Ok(Coverage::no(why, TUNNEL));
    };
    let loaded = loaded(loader, &file, preload)?;
    if !loaded.iter().any(|loaded| Path::new(loaded) == library) {
        let why =
            format!("the loader of {} does not preload {}", file.display(), library.display());
        return Ok(Coverage::no(why, "is it on a disk from which nothing may be executed?"));
    }
    Ok(by_libraries(&file, &elf, &loaded))
}

/// Judges by what the loader would load.
fn by_libraries(file: &Path, elf: &Elf, loaded: &[String]) -> Coverage {
    let names: Vec<&str> =
        loaded.iter().map(|path| path.rsplit('/').next().unwrap_or(path)).collect();
    let among = |known: &[&str]| -> Vec<String> {
        let is_known = |name: &&&str| known.iter().any(|known| name.starts_with(known));
        names.iter().filter(is_known).map(|name| (*name).to_owned()).collect()
    };
    let covered = among(COVERED);
    let others = among(OTHERS);
    let built_in = built_in(file).or_else(|| beside(file));
    let why_not = match built_in {
        Some(built_in) => {
            Some(format!("{} has {built_in} built in, which cannot be covered", file.display()))
        }
        None if others.is_empty() => None,
        None => {
            Some(format!("{} uses {}, which is not covered", file.display(), others.join(", ")))
        }
    };
    if let Some(why) = why_not {
        // A library far below often has a TLS library that the program itself knows nothing of (CUPS has GnuTLS).
        let is_others_own = built_in.is_some() || elf.needs_any(OTHERS);
        let is_covered_own = elf.needs_any(COVERED);
        if covered.is_empty() || (is_others_own && !is_covered_own) {
            return Coverage::no(why, TUNNEL);
        }
        return Coverage::AtRunTime(format!("{why}; what goes by {} is", covered.join(", ")));
    }
    if !covered.is_empty() {
        let connects = elf.names_any(CONNECTS) || loaded.iter().any(|path| connects(path));
        if connects {
            return Coverage::Covered(covered);
        }
        return Coverage::AtRunTime(format!(
            "{} is loaded with {}, but nobody in it is seen to connect by that: it may load a library that does, \
             while it runs",
            file.display(),
            covered.join(", ")
        ));
    }
    let loads = elf.names_any(LOADS)
        || loaded.iter().any(|library| {
            let is_system = SYSTEM.iter().any(|system| library.contains(system));
            !is_system
                && Elf::read(Path::new(library))
                    .is_ok_and(|elf| elf.is_some_and(|elf| elf.names_any(LOADS)))
        });
    let starts = elf.names_any(STARTS);
    match (loads, starts) {
        (true, _) => Coverage::AtRunTime(format!(
            "{} is linked to no TLS library and may load one while it runs: OpenSSL and GnuTLS are covered then, unless \
             their functions are looked up one by one",
            file.display()
        )),
        (false, true) => Coverage::AtRunTime(format!(
            "{} is linked to no TLS library and may start other programs: they are covered if they use OpenSSL or \
             GnuTLS",
            file.display()
        )),
        (false, false) => {
            Coverage::no(format!("{} uses neither OpenSSL nor GnuTLS", file.display()), TUNNEL)
        }
    }
}

/// Looks at what a script is read by. What the script itself starts shows when it runs.
fn script(
    file: &Path,
    library: &Path,
    preload: &OsStr,
    scripts_left: usize,
) -> Result<Coverage, Failure> {
    let text = beginning(file).map_err(|why| Failure::read(file, &why))?;
    let has = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
    if let Some(sandbox) = SANDBOXES.iter().find(|sandbox| has(sandbox.as_bytes())) {
        let why = format!("{} starts a program in a sandbox ({sandbox})", file.display());
        return Ok(Coverage::no(why, SANDBOX));
    }
    for started in started_by(file, &text) {
        // What cannot be looked at says nothing; what the script says next may be the one that runs.
        if scripts_left > 0
            && let Ok(Coverage::No { why, hint }) =
                look_through(&started, library, preload, scripts_left - 1)
        {
            let why = format!("{} starts another program: {why}", file.display());
            return Ok(Coverage::No { why, hint });
        }
    }
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(line) = line.strip_prefix(b"#!") else {
        let why =
            format!("{} is neither an executable of this system nor a script", file.display());
        return Ok(Coverage::no(why, "name the program that runs it"));
    };
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let interpreter = words.next().unwrap_or_default();
    // `#!/usr/bin/env -S python3 -u`: the first word that is no flag and no variable.
    let is_env = interpreter.ends_with(b"/env");
    let named = words.find(|word| !word.starts_with(b"-") && !word.contains(&b'='));
    let interpreter = OsStr::from_bytes(named.filter(|_| is_env).unwrap_or(interpreter));
    if scripts_left == 0 {
        let why =
            format!("{} is read by a script that is read by a script, and so on", file.display());
        return Ok(Coverage::no(why, "name the program that runs it"));
    }
    let interpreter = found(interpreter)?;
    match look_through(&interpreter, library, preload, scripts_left - 1)? {
        // An interpreter without TLS of its own can still load modules, and start programs.
        Coverage::Covered(libraries) => Ok(Coverage::Covered(libraries)),
        Coverage::AtRunTime(why) => {
            Ok(Coverage::AtRunTime(format!("{} is read by {why}", file.display())))
        }
        Coverage::No { why, hint } => {
            Ok(Coverage::No { why: format!("{} is read by {why}", file.display()), hint })
        }
    }
}

/// The programs that a script is seen to start: what it names after `exec` by its whole path, and the one of its own
/// name in a folder of that name, which is where Debian has the browsers that it wraps in scripts.
fn started_by(script: &Path, text: &[u8]) -> Vec<PathBuf> {
    let mut words =
        text.split(|byte| b" \t\r\n;\"'".contains(byte)).filter(|word| !word.is_empty());
    let mut started = Vec::new();
    while let Some(word) = words.next() {
        if word == b"exec" {
            started.extend(words.next().filter(|word| word.starts_with(b"/")));
        }
    }
    let mut started: Vec<_> =
        started.into_iter().map(|path| PathBuf::from(OsStr::from_bytes(path))).collect();
    if let Some(name) = script.file_name() {
        started.extend(WRAPPED.iter().map(|folder| Path::new(folder).join(name).join(name)));
    }
    started.retain(|path| path != script && is_program(path));
    started.truncate(STARTED_MAX);
    started
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Where a command is, as a shell would find it.
pub(crate) fn found(command: &OsStr) -> Result<PathBuf, Failure> {
    let folders: OsString = std::env::var_os("PATH").unwrap_or_default();
    let places = if command.as_bytes().contains(&b'/') {
        vec![PathBuf::from(command)]
    } else {
        std::env::split_paths(&folders).map(|folder| folder.join(command)).collect()
    };
    places.into_iter().find(|place| is_program(place)).ok_or_else(|| {
        Failure::new(format!("there is no program {}", command.display()))
            .hint("programs are looked for in the folders of PATH")
    })
}

/// Whether the loader would take it for a program with privileges, and so ignore `LD_PRELOAD`.
fn has_privileges(file: &Path) -> Result<bool, Failure> {
    let metadata = fs::metadata(file).map_err(|why| Failure::read(file, &why))?;
    let is_set_id = metadata.permissions().mode() & 0o6000 != 0;
    let mut value = [0; 64];
    // Any answer but "there is none" of a file system that knows capabilities.
    let capabilities = rustix::fs::getxattr(file, "security.capability", &mut value);
    Ok(is_set_id || capabilities.is_ok())
}

/// What the loader says it would load for this program, by path, or by name if it cannot find it.
fn loaded(loader: &Path, file: &Path, preload: &OsStr) -> Result<Vec<String>, Failure> {
    // It is a file of the system, or a program that nobody knows is started by looking at another one.
    let is_systems = fs::metadata(loader).is_ok_and(|loader| loader.uid() == 0)
        && loader.file_name().is_some_and(|name| name.as_bytes().starts_with(b"ld"));
    if !is_systems {
        return Err(Failure::new(format!(
            "{} wants to be loaded by {}, which is no loader of this system",
            file.display(),
            loader.display()
        )));
    }
    let output = Command::new(loader)
        .arg("--list")
        .arg(file)
        .env("LD_PRELOAD", preload)
        .stdin(Stdio::null())
        .output()
        .map_err(|why| Failure::read(loader, &why))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::new(format!(
            "the loader cannot load {}: {}",
            file.display(),
            said.trim()
        )));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().take(LIBRARIES_MAX).map(library_of).collect())
}

/// `libz.so.1 => /lib/libz.so.1 (0x…)`, `/lib64/ld.so (0x…)`, `libx.so => not found`.
fn library_of(line: &str) -> String {
    let (name, place) = line.split_once(" => ").unwrap_or((line, line));
    let place = place.rsplit_once(" (").map_or(name, |(place, _)| place);
    place.trim().to_owned()
}

/// Whether the library at this path, which is no TLS library, calls one to connect.
fn connects(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    // The one that is preloaded has the same names.
    let is_other = !COVERED.iter().any(|tls| name.starts_with(tls)) && name != super::LIBRARY;
    is_other
        && Elf::read(Path::new(path))
            .is_ok_and(|elf| elf.is_some_and(|elf| elf.names_any(CONNECTS)))
}

/// The TLS library of a program that loads all of itself from its own folder.
fn beside(file: &Path) -> Option<&'static str> {
    let folder = file.parent()?;
    BESIDE.iter().find(|(name, _)| folder.join(name).is_file()).map(|(_, tls)| *tls)
}

/// The TLS library that is in the program itself, by words that each of them leaves behind.
fn built_in(file: &Path) -> Option<&'static str> {
    let mut file = File::open(file).ok()?.take(PROGRAM_BYTES_MAX);
    let mut window = Vec::new();
    loop {
        let read = file.by_ref().take(WINDOW_BYTES).read_to_end(&mut window).ok()?;
        if read == 0 {
            return None;
        }
        let is_there = |word: &str| memchr::memmem::find(&window, word.as_bytes()).is_some();
        if let Some((_, name)) = BUILT_IN.iter().find(|(word, _)| is_there(word)) {
            return Some(name);
        }
        // A word can lie across the border.
        let kept = window.len().saturating_sub(WORD_BYTES_MAX);
        window.drain(..kept);
    }
}

/// The first bytes of a file.
fn beginning(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    File::open(file)?.take(SCRIPT_BYTES_MAX).read_to_end(&mut text)?;
    Ok(text)
}

/// What libraries are called that are covered: OpenSSL's, also where a program brings its own copy, and GnuTLS.
const COVERED: &[&str] = &["libssl.so", "libssl-", "libgnutls.so", "libgnutls-"];
/// TLS libraries that are not.
const OTHERS: &[&str] =
    &["libssl3.so", "libnss3.so", "libmbedtls.so", "libwolfssl.so", "libbearssl.so"];
/// A word in the program itself, and what it says.
const BUILT_IN: &[(&str, &str)] = &[
    ("Go buildinf:", "Go's TLS"),
    ("/rustls-0.", "rustls"),
    ("BoringSSL", "BoringSSL"),
    ("OpenSSL internal error", "a copy of OpenSSL"),
];
/// What lies beside a program, and the TLS library that it has.
const BESIDE: &[(&str, &str)] = &[("libxul.so", "NSS")];
/// Functions that are called to connect by OpenSSL, or to verify by GnuTLS.
const CONNECTS: &[&str] = &[
    "SSL_connect",
    "SSL_do_handshake",
    "SSL_set_connect_state",
    "BIO_new_ssl",
    "BIO_new_ssl_connect",
    "BIO_new_buffer_ssl_connect",
    "gnutls_certificate_verify_peers",
    "gnutls_certificate_verify_peers2",
    "gnutls_certificate_verify_peers3",
    "gnutls_session_set_verify_cert",
    "gnutls_session_set_verify_cert2",
];
/// Functions that load libraries.
const LOADS: &[&str] = &["dlopen", "dlmopen"];
/// Functions that start programs.
const STARTS: &[&str] = &[
    "execl",
    "execle",
    "execlp",
    "execv",
    "execve",
    "execvp",
    "execvpe",
    "fexecve",
    "popen",
    "posix_spawn",
    "posix_spawnp",
    "system",
];
/// Libraries that can load others, and do it for nobody who does not ask.
const SYSTEM: &[&str] =
    &["/libc.so", "/libc.musl", "/ld-", "/libdl.so", "/libcountersign_sct_preload.so"];
/// Commands that start something where the library does not get, or that go on without TLS.
const APART: &[(&str, &str, &str)] = &[
    ("flatpak", "starts programs in a sandbox", SANDBOX),
    ("snap", "starts programs in a sandbox", SANDBOX),
    ("bwrap", "starts programs in a sandbox", SANDBOX),
    ("firejail", "starts programs in a sandbox", SANDBOX),
    ("docker", "starts programs in a container", SANDBOX),
    ("podman", "starts programs in a container", SANDBOX),
    ("apptainer", "starts programs in a container", SANDBOX),
    ("singularity", "starts programs in a container", SANDBOX),
    ("toolbox", "starts programs in a container", SANDBOX),
    ("distrobox", "starts programs in a container", SANDBOX),
    ("chroot", "starts programs among other files", SANDBOX),
    ("nsenter", "starts programs among other files", SANDBOX),
    ("systemd-run", "has another process start the program", "set the variables in the unit"),
    ("sudo", "starts programs without LD_PRELOAD", "sudo countersign enforce -- COMMAND"),
    ("su", "starts programs without LD_PRELOAD", "run countersign as that user"),
    ("doas", "starts programs without LD_PRELOAD", "doas countersign enforce -- COMMAND"),
    ("pkexec", "starts programs without LD_PRELOAD", "run countersign as that user"),
    ("exim", MAIL, MAIL_HINT),
    ("exim4", MAIL, MAIL_HINT),
    ("sendmail", MAIL, MAIL_HINT),
    ("postfix", MAIL, MAIL_HINT),
];
const MAIL: &str =
    "delivers in plain text where TLS fails: a refusal would take away what little there is";
const MAIL_HINT: &str = "demand TLS for each destination in its own configuration (DANE, MTA-STS)";
const SANDBOX: &str = "put the library and the variables into the sandbox (docs/sct-preload.md)";
const TUNNEL: &str = "docs/sct-preload.md says what else there is";
/// What scripts that start sandboxes contain.
const SANDBOXES: &[&str] = &["flatpak run", "exec /snap/bin/", "snap run"];
/// Folders with a folder for each program that is started by a script.
const WRAPPED: &[&str] = &["/usr/lib", "/usr/lib64", "/opt"];
/// Programs that a script starts: wrappers start one.
const STARTED_MAX: usize = 8;
/// Scripts that are read by scripts: Linux itself follows five.
const SCRIPTS_MAX: usize = 4;
/// Wrappers are short; what is further down is not looked at.
const SCRIPT_BYTES_MAX: u64 = 64 * 1024;
/// Libraries of a program: a large desktop program has 300.
const LIBRARIES_MAX: usize = 5_000;
/// Of a program that much is searched for a TLS library: the largest browsers and Electron have 200 MB.
const PROGRAM_BYTES_MAX: u64 = 512 * 1024 * 1024;
const WINDOW_BYTES: u64 = 1024 * 1024;
/// No word that is looked for is longer.
const WORD_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests;
