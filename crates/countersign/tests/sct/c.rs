//! The C ABI of `libs/sct`: its header, and C programs that use it, as they would be built elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cbindgen::{Builder, Config};
use countersign_lab::sct_cases::{SctCase, SctCases};

use crate::programs::{folders, present};
use crate::servers::{PASSWORD, Prosody, Web};

#[test]
fn the_header_is_what_the_code_says() {
    let library = sources();
    let config = Config::from_file(library.join("cbindgen.toml")).unwrap();
    let files = ["capi.rs", "capi/decision.rs", "capi/handle.rs", "capi/outcome.rs"];
    let builder = files.iter().fold(Builder::new().with_config(config), |builder, file| {
        builder.with_src(library.join("src").join(file))
    });
    let mut made = Vec::new();
    builder.generate().unwrap().write(&mut made);
    let header = library.join("include/countersign_sct.h");
    if fs::read(&header).ok().as_deref() != Some(&made) {
        let beside = built().join("countersign_sct.h");
        fs::write(&beside, &made).unwrap();
        panic!(
            "the header is not what the code says\nhint: cp {} {}",
            beside.display(),
            header.display()
        );
    }
}

#[test]
fn every_compiler_reads_the_header() {
    if !present(&["cc", "g++"]) {
        return;
    }
    let header = sources().join("include/countersign_sct.h");
    let strict = ["-Wall", "-Wextra", "-Werror", "-pedantic", "-fsyntax-only"];
    for (compiler, language) in
        [("cc", "-std=c99"), ("cc", "-std=c17"), ("cc", "-std=c2x"), ("g++", "-std=c++11")]
    {
        let kind = if compiler == "cc" { "c" } else { "c++" };
        let mut command = Command::new(compiler);
        command.args(strict).args([language, "-x", kind]).arg(&header);
        assert_succeeds(&mut command);
    }
}

#[test] // Linked statically and dynamically; and no byte is lost, or touched that is not there.
fn a_c_program_verifies_files() {
    if !present(&["cc", "valgrind"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let programs = ["libcountersign_sct.so", "libcountersign_sct.a"]
        .map(|library| compiled(folder.path(), &["verify.c", "settings.c"], library, &[]));
    let settings = settings(&cases);
    for case in &cases.cases {
        let root = if case.name == "private" { &cases.private_root } else { &cases.root };
        let expected = match case.name {
            "good" | "private" => "0 accepted: ",
            "unlogged" => "100 refused: no log has promised",
            _ => "101 refused: ",
        };
        let [dynamic, fixed] = &programs;
        for mut command in [under_valgrind(dynamic), limited(fixed)] {
            command.envs(settings.clone()).args(["--host", "localhost"]);
            let output = command.arg(&case.chain).arg(root).output().unwrap();
            let said = said(&output);
            assert!(said.starts_with(expected), "{}: {said}", case.name);
            assert_eq!(output.status.code(), Some(i32::from(!case.accepted)), "{said}");
        }
    }
    let [program, _] = programs;
    let good = cases.case("good");
    let judged = |arguments: &[&str], files: &[&Path]| {
        let mut command = under_valgrind(&program);
        let output = command.envs(settings.clone()).args(arguments).args(files).output().unwrap();
        (said(&output), output.status.code())
    };

    // What the server sends has no root: whoever passes that would never refuse anything.
    for case in ["good", "unlogged"] {
        let (said, code) = judged(&[], &[&cases.case(case).chain]);
        assert!(said.starts_with("307 "), "{said}");
        assert_eq!(code, Some(2));
    }
    let unlogged = cases.case("unlogged");
    let (said, _) = judged(&["--dane"], &[&unlogged.chain]);
    assert!(said.starts_with("0 accepted: the chain was verified by DANE"), "{said}");
    // An intermediate that is trusted by itself may be one of a public CA.
    let (said, _) = judged(&["--last-is-anchor"], &[&unlogged.chain]);
    assert!(said.starts_with("100 refused: no log has promised"), "{said}");
    let (said, _) = judged(&["--last-is-anchor"], &[&good.chain]);
    assert!(said.starts_with("0 accepted: "), "{said}");

    // Three years later the list is too old to refuse, and says so.
    let years_later =
        (countersign_net::Clock::system().now().as_second() + 3 * 366 * 86_400).to_string();
    let (said, code) = judged(&["--at", &years_later], &[&unlogged.chain, &cases.root]);
    assert!(said.contains("\n201 ") && said.contains("\n202 "), "{said}");
    assert_eq!(code, Some(0));

    // What cannot be read is refused, or is a fault of the caller. Nothing crashes.
    let broken = folder.path().join("unusable.pem");
    let pem = fs::read_to_string(&good.chain).unwrap();
    let texts = [
        ("", "306 "),
        ("-----BEGIN CERTIFICATE-----", "306 "),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "102 "),
        (&pem[..400], "102 "),
        (&pem.replacen('M', "\0", 3), "307 "),
        // More than a chain has: the example itself refuses to read it.
        (&pem.repeat(60), ""),
    ];
    for (text, expected) in texts {
        fs::write(&broken, text).unwrap();
        let (said, code) = judged(&[], &[&broken]);
        assert!(said.starts_with(expected), "{said}");
        assert_ne!(code, Some(0), "{said}");
    }
}

#[test] // A list, keys, roots, memory or profile that cannot be used turn nothing off.
fn settings_that_cannot_be_used_turn_nothing_off() {
    if !present(&["cc", "valgrind"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let program =
        compiled(folder.path(), &["verify.c", "settings.c"], "libcountersign_sct.so", &[]);
    let list = fs::read_to_string(&cases.list).unwrap();
    let keys = fs::read_to_string(&cases.list_keys).unwrap();
    let one_signature = list.rfind("\u{2014} ").unwrap();
    let broken = [
        ("COUNTERSIGN_LIST", "", "no signatures"),
        ("COUNTERSIGN_LIST", &list[..list.len() / 2], "no signatures"),
        ("COUNTERSIGN_LIST", &list[..one_signature], "too few of the keys"),
        ("COUNTERSIGN_LIST", &list.replacen("Alder", "Elder", 1), "too few of the keys"),
        ("COUNTERSIGN_LIST_KEYS", &keys[1..], "keys for lists"),
        ("COUNTERSIGN_LIST_KEYS", "\0\0\0\0", "keys for lists"),
        ("COUNTERSIGN_MEMORY", "no memory", "not what an enforcer"),
        ("COUNTERSIGN_PROFILE", "", "neither default nor high-risk"),
    ];
    let path = folder.path().join("unusable");
    for (variable, text, warning) in broken {
        fs::write(&path, text).unwrap();
        let mut command = under_valgrind(&program);
        command.envs(settings(&cases)).env(variable, &path);
        command.arg(&cases.case("unlogged").chain).arg(&cases.root);
        let output = command.output().unwrap();
        assert!(said(&output).starts_with("100 refused"), "{variable}: {output:?}");
        let warned = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(warned.contains(warning), "{variable}: {warned}");
    }
}

#[test] // What is remembered is written down, and read again: a host that turned private is told.
fn a_host_that_turns_private_is_told() {
    if !present(&["cc", "valgrind"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let program =
        compiled(folder.path(), &["verify.c", "settings.c"], "libcountersign_sct.so", &[]);
    let memory = folder.path().join("memory");
    let judged = |case: &SctCase, root: &Path| {
        let mut command = under_valgrind(&program);
        command.envs(settings(&cases)).env("COUNTERSIGN_MEMORY", &memory);
        said(&command.args(["--host", "localhost"]).arg(&case.chain).arg(root).output().unwrap())
    };
    assert!(!judged(cases.case("private"), &cases.private_root).contains("\n203 "));
    assert!(judged(cases.case("good"), &cases.root).starts_with("0 "));
    let told = judged(cases.case("private"), &cases.private_root);
    assert!(told.starts_with("0 ") && told.contains("\n203 "), "{told}");
    let written = fs::read_to_string(&memory).unwrap();
    assert!(written.contains("\nhost ") && !written.contains("localhost"), "{written}");
    assert_eq!(fs::metadata(&memory).unwrap().permissions().mode() & 0o777, 0o600);

    // What is no memory is left as it is, and so is what cannot be read just now: a link to itself.
    for other in ["", "root:x:0:0\n"] {
        fs::write(&memory, other).unwrap();
        assert!(judged(cases.case("good"), &cases.root).starts_with("0 "));
        assert_eq!(fs::read_to_string(&memory).unwrap(), other);
    }
    fs::remove_file(&memory).unwrap();
    std::os::unix::fs::symlink("memory", &memory).unwrap();
    assert!(judged(cases.case("good"), &cases.root).starts_with("0 "));
    assert!(memory.is_symlink());
    // Nothing that was begun is left.
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.filter(|name| name.to_string_lossy().starts_with("memory")).count(), 1);
}

#[test] // `countersign enforce` sets the variable to a folder.
fn public_roots_are_read_from_a_folder() {
    if !present(&["cc", "valgrind"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let program =
        compiled(folder.path(), &["verify.c", "settings.c"], "libcountersign_sct.so", &[]);
    let roots = folder.path().join("roots");
    fs::create_dir(&roots).unwrap();
    let judged = || {
        let mut command = under_valgrind(&program);
        command.envs(settings(&cases)).env("COUNTERSIGN_PUBLIC_ROOTS", &roots);
        said(&command.arg(&cases.case("unlogged").chain).arg(&cases.root).output().unwrap())
    };
    fs::copy(&cases.root, roots.join("README")).unwrap();
    assert!(judged().starts_with("0 accepted: "));
    fs::copy(&cases.root, roots.join("root.crt")).unwrap();
    fs::write(roots.join("broken.pem"), "-----BEGIN CERTIFICATE-----").unwrap();
    assert!(judged().starts_with("100 refused"));
}

#[test]
fn a_name_of_a_host_steers_no_terminal() {
    if !present(&["cc", "/usr/include/openssl/ssl.h"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let libraries = ["-lssl", "-lcrypto"];
    let program = compiled(folder.path(), &["plain.c"], "libcountersign_sct.so", &libraries);
    let told = said(&limited(&program).arg("a\u{1b}[2J\n\u{202e}.example").output().unwrap());
    assert_eq!(told, "a?[2J????.example\n");
    let told = said(&limited(&program).arg("a".repeat(1000)).output().unwrap());
    assert_eq!(told, "a".repeat(255) + "\n");
}

#[test] // Random bytes for every argument, by four threads at a time.
fn nothing_that_is_passed_breaks_it() {
    if !present(&["cc", "valgrind"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let program = compiled(
        folder.path(),
        &["abuse.c", "settings.c"],
        "libcountersign_sct.so",
        &["-lpthread"],
    );
    let mut good = vec![cases.list.clone(), cases.list_keys.clone(), cases.trusted.clone()];
    good.extend(ders(folder.path(), cases.case("good"), &cases.root));
    good.extend(ders(folder.path(), cases.case("private"), &cases.private_root));
    let memory = folder.path().join("memory");
    fs::write(&memory, "countersign-memory/1\nseen 2026-11-28T00:00:00Z\n").unwrap();
    good.push(memory);
    let output = Command::new(&program).arg("20000").args(&good).output().unwrap();
    assert_eq!(said(&output), "survived\n", "{output:?}");
    let output = under_valgrind(&program).arg("300").args(&good).output().unwrap();
    assert_eq!(said(&output), "survived\n", "{output:?}");
}

#[test]
fn nothing_grows() {
    if !present(&["cc"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let program = compiled(folder.path(), &["grow.c", "settings.c"], "libcountersign_sct.so", &[]);
    let chain = ders(folder.path(), cases.case("good"), &cases.root);
    let mut command = Command::new(program);
    let output = command.envs(settings(&cases)).arg("20000").args(chain).output().unwrap();
    let said = said(&output);
    let grown = said.split(' ').rev().nth(1).and_then(|kib| kib.parse::<i64>().ok());
    assert!(said.contains(" 0 refused") && grown.is_some_and(|kib| kib < 512), "{said}");
}

#[tokio::test] // The stock client accepts what it must not; with two more lines it does not.
async fn an_openssl_client_refuses() {
    if !present(&["cc", "openssl", "/usr/include/openssl/ssl.h"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let sources = ["openssl_client.c", "openssl_veto.c", "settings.c"];
    let libraries = ["-lssl", "-lcrypto"];
    let client = compiled(folder.path(), &sources, "libcountersign_sct.so", &libraries);
    for case in &cases.cases {
        let web = Web::start(folder.path(), case).await;
        let connect = |how: &[&str]| {
            let mut command = limited(&client);
            command.args(["127.0.0.1", &web.port.to_string(), "localhost"]).arg(&cases.trusted);
            command.args(how).envs(settings(&cases)).output().unwrap()
        };
        let stock = connect(&["stock"]);
        assert!(said(&stock).starts_with("connected by TLSv1.3"), "{}: {stock:?}", case.name);
        let ours = connect(&[]);
        let expected = if case.accepted {
            "connected by TLSv1.3"
        } else {
            "not connected: Certificate Transparency required, but no valid SCTs found"
        };
        assert!(said(&ours).starts_with(expected), "{}: {ours:?}", case.name);
        assert_eq!(ours.status.success(), case.accepted);
    }
}

#[tokio::test] // libstrophe logs in with everything that has a trusted root, until the veto is put below it.
async fn a_libstrophe_client_refuses() {
    if !present(&["cc", "prosody", "prosodyctl", "/usr/include/strophe.h"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let sources = ["strophe_client.c", "openssl_veto.c", "settings.c"];
    let libraries = ["-lstrophe", "-lssl", "-lcrypto"];
    let client = compiled(folder.path(), &sources, "libcountersign_sct.so", &libraries);
    for case in &cases.cases {
        let server = Prosody::start(folder.path(), case).await;
        let log_in = |how: &[&str]| {
            let mut command = limited(&client);
            command.args(["alice@localhost", PASSWORD, "127.0.0.1", &server.port.to_string()]);
            command.arg(&cases.trusted).args(how).envs(settings(&cases)).output().unwrap()
        };
        let ours = log_in(&[]);
        let logins = || server.log().matches("Authenticated as alice@localhost").count();
        assert_eq!(logins(), usize::from(case.accepted), "{}: {ours:?}", case.name);
        assert_eq!(ours.status.success(), case.accepted, "{}: {ours:?}", case.name);
        if !case.accepted {
            // The program's own handler was asked, in libstrophe's words.
            let asked = said(&ours).contains("Certificate Transparency required");
            assert!(asked, "{}: {ours:?}", case.name);
        }
        let before = logins();
        let stock = log_in(&["stock"]);
        assert!(stock.status.success(), "{}: {stock:?}", case.name);
        assert_eq!(logins(), before + 1, "{}", case.name);
    }
}

/// The settings that make the cases' CA a public one and their logs the known ones.
fn settings(cases: &SctCases) -> [(&'static str, PathBuf); 3] {
    [
        ("COUNTERSIGN_LIST", cases.list.clone()),
        ("COUNTERSIGN_LIST_KEYS", cases.list_keys.clone()),
        ("COUNTERSIGN_PUBLIC_ROOTS", cases.root.clone()),
    ]
}

/// The certificates of a case and its root, each in a file in DER.
fn ders(folder: &Path, case: &SctCase, root: &Path) -> Vec<PathBuf> {
    let pem = fs::read_to_string(&case.chain).unwrap() + &fs::read_to_string(root).unwrap();
    let blocks = pem.split("-----BEGIN CERTIFICATE-----").skip(1).enumerate();
    blocks
        .map(|(index, block)| {
            let body = block.split("-----END").next().unwrap();
            let body: String = body.split_whitespace().collect();
            let path = folder.join(format!("{}-{index}.der", case.name));
            fs::write(&path, STANDARD.decode(body).unwrap()).unwrap();
            path
        })
        .collect()
}

/// Compiles a program of `libs/sct/examples-c`, or of these tests, and links it with this library of ours.
fn compiled(folder: &Path, files: &[&str], library: &str, libraries: &[&str]) -> PathBuf {
    let name = format!("{}-{}", files[0].trim_end_matches(".c"), library.replace('.', "-"));
    let program = folder.join(name);
    let examples = sources().join("examples-c");
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sct/c");
    let mut command = Command::new("cc");
    command.args(["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-g", "-O1"]);
    command.arg("-I").arg(sources().join("include")).arg("-I").arg(&examples);
    for file in files {
        let here = ours.join(file);
        command.arg(if here.is_file() { here } else { examples.join(file) });
    }
    let built = built();
    command.arg("-o").arg(&program).arg(built.join(library)).args(libraries);
    // What Rust's standard library needs, if it is linked statically.
    command.args(["-lgcc_s", "-lpthread", "-ldl", "-lm"]);
    command.arg(format!("-Wl,-rpath,{}", built.display()));
    assert_succeeds(&mut command);
    program
}

/// The folder with both libraries, built once, as docs/sct-c.md says.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // This test is in `debug/deps` of the folder that everything is built into.
        let test = std::env::current_exe().unwrap();
        let folder = test.ancestors().nth(3).unwrap();
        let mut command = Command::new(env!("CARGO"));
        command.args(["rustc", "--locked", "--offline", "--package", "countersign-sct", "--lib"]);
        command.args(["--features", "capi", "--crate-type", "cdylib,staticlib"]);
        command.arg("--target-dir").arg(folder).current_dir(sources());
        assert_succeeds(&mut command);
        folder.join("debug")
    })
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../libs/sct").canonicalize().unwrap()
}

/// A program that valgrind watches: an error, or memory that is lost, is exit status 99.
fn under_valgrind(program: &Path) -> Command {
    let mut command = limited(Path::new("valgrind"));
    command.args(["--quiet", "--error-exitcode=99", "--leak-check=full"]);
    command.args(["--show-leak-kinds=definite,indirect,possible"]);
    command.arg("--errors-for-leak-kinds=definite,indirect,possible").arg(program);
    command
}

/// A program that ends after two minutes at most.
fn limited(program: &Path) -> Command {
    let mut command = Command::new("timeout");
    command.arg("120").arg(program).env("PATH", folders());
    command
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn assert_succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}\n{said}");
}
