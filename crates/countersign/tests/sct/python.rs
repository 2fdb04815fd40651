//! Clients in Python, with the package `countersign_sct` of `libs/sct-python` and without it; and the package's own
//! tests, in every Python that is here.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use countersign_lab::sct_cases::{SctCase, SctCases};

use crate::programs::{folders, present, skipped};
use crate::servers::{PASSWORD, Prosody, Web};

#[tokio::test]
async fn programs_over_https() {
    let Some(stand) = Stand::new(&["requests", "aiohttp"]) else { return };
    for case in &stand.cases.cases {
        let web = Web::start(stand.folder.path(), case).await;
        for program in ["requests", "aiohttp", "urllib", "streams"] {
            stand.check(case, program, &web.url(), "served");
        }
    }
}

#[tokio::test]
async fn slixmpp_logs_in_where_the_certificate_is_in_public() {
    let Some(stand) = Stand::new(&["slixmpp"]) else { return };
    for case in &stand.cases.cases {
        let server = Prosody::start(stand.folder.path(), case).await;
        // Stock first: if it could not log in, a refusal would prove nothing.
        stand.check(case, "slixmpp", &server.port.to_string(), "logged in");
        let logins = server.log().matches("Authenticated as alice@localhost").count();
        let expected = if case.accepted { HOWS.len() } else { 1 };
        assert_eq!(logins, expected, "{}: {}", case.name, server.log());
    }
}

#[test]
fn the_tests_of_the_package() {
    let Some(stand) = Stand::new(&[]) else { return };
    for python in pythons() {
        for tests in ["test_enforcer.py", "test_connections.py"] {
            let mut command = stand.command(&python, 600);
            // A fork amid threads is deprecated, and tried for that.
            command.args(["-W", "error::ResourceWarning", "-W", "ignore::DeprecationWarning"]);
            command.arg(package().join("tests").join(tests));
            let output = command.env("COUNTERSIGN_CASES", stand.folder.path()).output().unwrap();
            let said = said(&output);
            assert!(output.status.success(), "{}: {said}", python.display());
        }
    }
}

#[test] // Before 3.10, Python does not say how it has verified a server, and neither pretend we.
fn an_old_python_judges_and_says_that_it_cannot_inject() {
    let Some(stand) = Stand::new(&[]) else { return };
    let program = "import countersign_sct as c\n\
                   assert c.Enforcer().judge([]).action == 'refuse'\n\
                   for way in [c.inject, c.create_default_context]:\n\
                   \x20   try: way()\n\
                   \x20   except NotImplementedError as error: print(error)";
    for python in installed(|minor| minor == 9) {
        let output = stand.command(&python, 60).args(["-c", program]).output().unwrap();
        assert_eq!(said(&output).matches("Python 3.10 or later is needed").count(), 2);
    }
}

#[test]
fn one_wheel_is_for_every_python() {
    let Some(stand) = Stand::new(&[]) else { return };
    let Some(maturin) = maturin(stand.folder.path()) else { return };
    let wheels = stand.folder.path().join("wheels");
    let test = std::env::current_exe().unwrap();
    let mut command = Command::new(maturin);
    command
        .args(["build", "--locked", "--offline", "--compatibility", "linux", "--out"])
        .arg(&wheels);
    command.env("CARGO_TARGET_DIR", test.ancestors().nth(3).unwrap());
    let output = command.current_dir(package()).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let wheel = fs::read_dir(&wheels).unwrap().next().unwrap().unwrap().path();
    let name = wheel.file_name().unwrap().to_string_lossy().into_owned();
    assert!(name.starts_with("countersign_sct-") && name.contains("-cp39-abi3-linux"), "{name}");

    // A wheel is an archive of what is put beside other packages.
    let unpacked = stand.folder.path().join("unpacked");
    let mut command = Command::new(DEBIAN);
    command.args(["-m", "zipfile", "-e"]).args([&wheel, &unpacked]);
    assert!(command.status().unwrap().success());
    let program = "import countersign_sct as c; print(c.__file__, c.Enforcer().judge([]).reason)";
    for python in pythons().into_iter().chain(installed(|minor| minor == 9)) {
        let mut command = stand.command(&python, 60);
        let output = command.env("PYTHONPATH", &unpacked).args(["-c", program]).output().unwrap();
        let said = said(&output);
        assert!(said.starts_with(&unpacked.display().to_string()), "{said}");
        assert!(said.contains("refused: TLS does not say"), "{}: {said}", python.display());
    }
}

/// maturin, which makes the wheel. Debian has none, so where the whole is checked, it is fetched.
fn maturin(folder: &Path) -> Option<PathBuf> {
    let path = folders();
    let found = std::env::split_paths(&path).map(|folder| folder.join("maturin"));
    if let Some(found) = found.into_iter().find(|program| program.is_file()) {
        return Some(found);
    }
    if std::env::var_os("CI").is_none_or(|ci| ci != "true") {
        skipped("there is no maturin, so no wheel is built (pip install maturin)");
        return None;
    }
    let fetched = folder.join("maturin");
    let mut command = Command::new("/usr/bin/pip3");
    command.args(["install", "--quiet", MATURIN, "--target"]).arg(&fetched);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    Some(fetched.join("bin/maturin"))
}

/// The version that the settings of the package were written for.
const MATURIN: &str = "maturin==1.16.0";

/// A folder with the cases, and with the package as it would be installed.
struct Stand {
    folder: tempfile::TempDir,
    cases: SctCases,
}

/// As the client is; with a line for the whole program; with one for a context.
const HOWS: [&str; 3] = ["stock", "inject", "context"];

impl Stand {
    /// `None` where Debian's Python lacks one of these modules: then nothing is proved, and that is said.
    fn new(modules: &[&str]) -> Option<Self> {
        if !present(&["prosody", "openssl"]) {
            return None;
        }
        let imports = modules.iter().map(|module| format!("import {module}\n"));
        let program: String = imports.collect();
        let tried = Command::new(DEBIAN).args(["-c", &program]).output();
        if !tried.is_ok_and(|output| output.status.success()) {
            skipped(&format!("{DEBIAN} lacks one of {modules:?}"));
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let installed = folder.path().join("site/countersign_sct");
        fs::create_dir_all(&installed).unwrap();
        for entry in fs::read_dir(package().join("python/countersign_sct")).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_file() {
                fs::copy(entry.path(), installed.join(entry.file_name())).unwrap();
            }
        }
        // Cargo builds it for this test, into the folder of this test.
        let test = std::env::current_exe().unwrap();
        let library = test.with_file_name("libcountersign_sct_python.so");
        fs::copy(library, installed.join("_native.abi3.so")).unwrap();
        let cases = crate::cases(folder.path());
        Some(Self { folder, cases })
    }

    /// Stock accepts; our ways accept what is in public, or private.
    fn check(&self, case: &SctCase, program: &str, target: &str, expected: &str) {
        for how in HOWS {
            let said = self.client(program, how, target);
            let about = format!("{}, {program}, {how}: {said}", case.name);
            eprintln!("{about}");
            if how == "stock" || case.accepted {
                assert!(said.starts_with("accepted: ") && said.contains(expected), "{about}");
            } else {
                assert!(said.starts_with("failed: "), "{about}");
                assert!(said.contains("localhost: refused: "), "{about}");
            }
        }
    }

    /// What the client prints.
    fn client(&self, program: &str, how: &str, target: &str) -> String {
        let cases = &self.cases;
        let mut command = self.command(Path::new(DEBIAN), 60);
        command.arg(here().join("client.py")).args([program, how, target]).arg(&cases.trusted);
        command.env("COUNTERSIGN_LIST", &cases.list).env("COUNTERSIGN_LIST_KEYS", &cases.list_keys);
        command.env("COUNTERSIGN_PUBLIC_ROOTS", &cases.root);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        said(&child.wait_with_output().unwrap())
    }

    /// A Python that finds the package, and ends after so many seconds at the latest.
    fn command(&self, python: &Path, seconds: u32) -> Command {
        let mut command = Command::new("timeout");
        command.arg(seconds.to_string()).arg(python).env("PATH", folders());
        command.env("PYTHONPATH", self.folder.path().join("site"));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        let variables = ["LIST", "LIST_KEYS", "PUBLIC_ROOTS", "MEMORY", "PROFILE"];
        for variable in variables {
            command.env_remove(format!("COUNTERSIGN_{variable}"));
        }
        command.env_remove("SSLKEYLOGFILE");
        command
    }
}

/// Debian's, which has Debian's modules.
const DEBIAN: &str = "/usr/bin/python3";

/// Every Python that can do it all.
fn pythons() -> Vec<PathBuf> {
    let mut pythons = vec![PathBuf::from(DEBIAN)];
    pythons.extend(installed(|minor| minor >= 10));
    pythons
}

/// Those that pyenv has installed, of these versions 3.x.
fn installed(is_wanted: impl Fn(u32) -> bool) -> Vec<PathBuf> {
    let Some(home) = std::env::var_os("HOME") else { return Vec::new() };
    let Ok(versions) = fs::read_dir(Path::new(&home).join(".pyenv/versions")) else {
        return Vec::new();
    };
    let minor = |folder: &Path| {
        let name = folder.file_name()?.to_str()?.strip_prefix("3.")?;
        name.split('.').next()?.parse().ok()
    };
    let folders = versions.flatten().map(|version| version.path());
    let mut pythons: Vec<_> = folders
        .filter(|folder| minor(folder).is_some_and(&is_wanted))
        .map(|folder| folder.join("bin/python3"))
        .filter(|python| python.is_file())
        .collect();
    pythons.sort();
    pythons
}

fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../libs/sct-python").canonicalize().unwrap()
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sct/python")
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    format!("{out}{err}")
}
