//! `countersign enforce`: programs of Debian, as Debian builds them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use countersign_lab::sct_cases::{SctCase, SctCases};

use crate::place::until;
use crate::programs::{folders, free_ports, listens, present, started};
use crate::servers::{PASSWORD, Prosody, Web};

/// Clients that fetch a page from a port, with roots that they trust. Each ends with 0 only if it verified.
const CLIENTS: [(&str, &str); 5] = [
    ("curl", "curl -sS --cacert $TRUSTED https://localhost:$PORT/page"),
    ("wget", "wget -q -O - --ca-certificate=$TRUSTED https://localhost:$PORT/page"),
    (
        "gnutls-cli",
        "printf 'GET /page HTTP/1.0\\r\\n\\r\\n' | gnutls-cli --x509cafile=$TRUSTED -p $PORT localhost",
    ),
    (
        "openssl",
        "printf 'GET /page HTTP/1.0\\r\\n\\r\\n' | openssl s_client -quiet -verify_return_error -servername localhost \
         -connect 127.0.0.1:$PORT -CAfile $TRUSTED",
    ),
    (
        "/usr/bin/python3",
        "/usr/bin/python3 -c \"import os, ssl, urllib.request as r; \
         c = ssl.create_default_context(cafile=os.environ['TRUSTED']); \
         print(r.urlopen('https://localhost:%s/page' % os.environ['PORT'], context=c).read())\"",
    ),
];

#[tokio::test]
async fn clients_that_nobody_has_changed_refuse_what_no_log_has() {
    if !present(&["curl", "wget", "gnutls-cli", "openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    for case in &cases.cases {
        let web = Web::start(folder.path(), case).await;
        for (name, line) in CLIENTS {
            let stock = output(shell(&cases, web.port, line));
            assert!(stock.status.success(), "stock {name}, {}: {}", case.name, said(&stock));
            assert!(said(&stock).contains("served"), "{}", said(&stock));

            let enforced = enforced(
                &cases,
                folder.path(),
                &[OsStr::new("sh"), OsStr::new("-c"), OsStr::new(line)],
            );
            let ours = output(on(enforced, &cases, web.port));
            let said = said(&ours);
            let is_served = said.contains("served");
            assert_eq!(ours.status.success(), case.accepted, "{name}, {}: {said}", case.name);
            assert_eq!(is_served, case.accepted, "{name}, {}: {said}", case.name);
            let is_told = said.contains("countersign: refused localhost: ");
            assert_eq!(is_told, !case.accepted, "{name}, {}: {said}", case.name);
        }
    }
    // It has met a host with a certificate of a public CA.
    let memory = fs::read_to_string(folder.path().join("memory")).unwrap();
    assert!(memory.contains("\nhost "), "{memory}");
}

#[tokio::test] // What is public turns private: nothing to refuse, but something to tell.
async fn a_host_that_turns_private_is_told() {
    if !present(&["wget", "openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let wget = |port: u16| {
        let url = format!("https://localhost:{port}/page");
        let trusted = format!("--ca-certificate={}", cases.trusted.display());
        let command = ["wget", "-q", "-O", "-", &trusted, &url].map(OsStr::new);
        said(&output(enforced(&cases, folder.path(), &command)))
    };
    let web = Web::start(folder.path(), cases.case("good")).await;
    assert_eq!(wget(web.port), "served\n");
    let web = Web::start(folder.path(), cases.case("private")).await;
    let said = wget(web.port);
    assert!(said.contains("served") && said.contains("now has one of a private CA"), "{said}");
}

#[tokio::test]
async fn profanity_logs_in_to_what_a_log_has_only() {
    if !present(&["profanity", "prosody", "prosodyctl", "tmux"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    for case in &cases.cases {
        let prosody = Prosody::start(folder.path(), case).await;
        let stock = Profanity::start(folder.path(), &cases, &prosody, "force", Way::Stock);
        until("profanity logs in", async || prosody.log().contains(LOGGED_IN)).await;
        drop(stock);

        let before = prosody.log().matches(LOGGED_IN).count();
        let ours = Profanity::start(folder.path(), &cases, &prosody, "force", Way::Enforced);
        let logged_in = || prosody.log().matches(LOGGED_IN).count() > before;
        let failed = || ours.log().contains("Login failed");
        until("profanity logs in, or does not", async || logged_in() || failed()).await;
        assert_eq!(logged_in(), case.accepted, "{}: {}", case.name, ours.log());
        // It has its own standard error in its log.
        let is_told = ours.log().contains("countersign: refused localhost: ");
        assert_eq!(is_told, !case.accepted, "{}: {}", case.name, ours.log());
    }
}

#[tokio::test] // The server would take the password in plain text, and the client would do without TLS.
async fn a_refusal_is_not_followed_by_a_login_in_plain_text() {
    if !present(&["profanity", "prosody", "prosodyctl", "tmux"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let prosody = Prosody::start_lenient(folder.path(), cases.case("unlogged")).await;
    let profanity = Profanity::start(folder.path(), &cases, &prosody, "allow", Way::Enforced);
    until("profanity gives up", async || profanity.log().contains("Login failed")).await;
    until("the server notices", async || prosody.log().contains("Client disconnected")).await;
    let log = prosody.log();
    assert!(log.contains("TLS negotiation started") && !log.contains("<auth"), "{log}");
    assert!(!log.contains(LOGGED_IN), "{log}");
}

#[tokio::test] // RFC 7671 §5: with usage 3 or 2 no public CA is asked, so none has to be watched; with 1 one is.
async fn dane_needs_no_log_where_it_needs_no_ca() {
    if !present(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let unlogged = cases.case("unlogged");
    let web = Web::start(folder.path(), unlogged).await;
    let key = "openssl x509 -in $CHAIN -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -c -64";
    let line = |usage| {
        format!(
            "openssl s_client -verify_return_error -connect 127.0.0.1:$PORT -CAfile $TRUSTED -servername localhost \
         -dane_tlsa_domain localhost -dane_tlsa_rrdata \"{usage} 1 1 $({key})\" </dev/null"
        )
    };
    for (usage, accepted) in [(3, true), (1, false)] {
        let line = line(usage);
        let mut command = enforced(&cases, folder.path(), &["sh", "-c", &line].map(OsStr::new));
        command.env("CHAIN", &unlogged.chain);
        let ours = output(on(command, &cases, web.port));
        assert_eq!(ours.status.success(), accepted, "{usage}: {}", said(&ours));
    }
}

#[tokio::test]
async fn servers_do_not_ask_their_clients_for_scts() {
    if !present(&["openssl", "gnutls-serv", "curl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let (good, unlogged) = (cases.case("good"), cases.case("unlogged"));
    fs::write(folder.path().join("page"), "served\n").unwrap();
    let servers = [
        "openssl s_server -WWW -accept 127.0.0.1:$PORT -cert $CHAIN -key $KEY -cert_chain $CHAIN -CAfile $TRUSTED \
         -Verify 3 -verify_return_error -purpose any",
        "gnutls-serv --http -p $PORT --x509certfile=$CHAIN --x509keyfile=$KEY --x509cafile=$TRUSTED \
         --require-client-cert --verify-client-cert",
    ];
    for server in servers {
        let [port] = free_ports();
        let line = format!("exec {server}");
        let command = enforced(&cases, folder.path(), &["sh", "-c", &line].map(OsStr::new));
        // Without the `timeout` around it, which would leave it behind when it is ended.
        let mut command_line = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command_line.args(command.get_args().skip(3)).env("COUNTERSIGN_PRELOAD", library());
        command_line.env("CHAIN", &good.chain).env("KEY", &good.key);
        let _server = started(on(command_line, &cases, port), folder.path());
        listens(port).await;
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert"]).arg(&cases.trusted);
        curl.arg("--cert").arg(&unlogged.chain).arg("--key").arg(&unlogged.key);
        let fetched = output(curl.args([format!("https://localhost:{port}/page")]));
        assert_eq!(said(&fetched), "200", "{server}");
    }
}

#[tokio::test] // Mails, packages, files: OpenSSL verifies them with the same function.
async fn what_is_no_server_is_left_alone() {
    if !present(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    // A CA that is declared public, and a certificate for mails of it.
    let lines = [
        "openssl req -x509 -newkey ed25519 -nodes -keyout ca.key -out ca.pem -subj /CN=CA",
        "openssl req -x509 -CA ca.pem -CAkey ca.key -newkey ed25519 -nodes -keyout mail.key -out mail.pem -subj /CN=mail \
         -addext basicConstraints=critical,CA:FALSE -addext extendedKeyUsage=emailProtection",
    ];
    for line in lines {
        let mut sh = limited("sh");
        let made = output(sh.args(["-c", line]).current_dir(folder.path()));
        assert!(made.status.success(), "{}", said(&made));
    }
    let path = |name: &str| folder.path().join(name);
    let verify = |roots: &Path, trusted: &Path, chain: &Path| {
        let mut command = countersign();
        command.args(["--quiet", "enforce", "--public-roots"]).arg(roots);
        command.arg("--memory").arg(path("memory")).args(["--", "openssl", "verify", "-CAfile"]);
        output(command.arg(trusted).arg("-untrusted").arg(chain).arg(chain))
    };
    let verified = verify(&path("ca.pem"), &path("ca.pem"), &path("mail.pem"));
    assert!(verified.status.success(), "{}", said(&verified));
    // Of a server's certificate it cannot be told that it is only a file.
    let SctCase { chain, .. } = cases.case("unlogged");
    let verified = verify(&cases.root, &cases.trusted, chain);
    assert!(!verified.status.success(), "{}", said(&verified));
}

#[tokio::test] // It never fails a handshake that goes on anyway; who asks for the result hears it.
async fn a_program_that_ignores_verification_is_told_of() {
    if !present(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let web = Web::start(folder.path(), cases.case("unlogged")).await;
    let line = "openssl s_client -connect 127.0.0.1:$PORT -CAfile $TRUSTED -servername localhost </dev/null";
    let command = enforced(&cases, folder.path(), &["sh", "-c", line].map(OsStr::new));
    let ours = output(on(command, &cases, web.port));
    let said = said(&ours);
    assert!(ours.status.success(), "{said}");
    assert!(said.contains("this program goes on whatever a verification says"), "{said}");
    assert!(said.contains("Verify return code: 71 (Certificate Transparency required"), "{said}");
}

// In GnuTLS by itself; one that minds only errors; one within another; one that verifies without its connection.
#[tokio::test]
async fn other_ways_to_verify_are_covered() {
    if !present(&["cc", "openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let programs: [(&str, &[&str]); 4] = [
        ("auto_verify", &["-lgnutls"]),
        ("asks", &["-lgnutls"]),
        ("nested", &["-lgnutls"]),
        ("by_itself", &["-lssl", "-lcrypto"]),
    ];
    for (name, libraries) in programs {
        let program = folder.path().join(name);
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sct/preload");
        let mut cc = Command::new("cc");
        cc.args(["-Wall", "-Wextra", "-o"]).arg(&program);
        let built = output(cc.arg(sources.join(name).with_extension("c")).args(libraries));
        assert!(built.status.success(), "{}", said(&built));
        for case in &cases.cases {
            let web = Web::start(folder.path(), case).await;
            let other = Web::start(folder.path(), case).await;
            let mut command = enforced(&cases, folder.path(), &[program.as_os_str()]);
            command.arg(&cases.trusted).args([web.port, other.port].map(|port| port.to_string()));
            let ours = output(command);
            let said = said(&ours);
            assert_eq!(ours.status.success(), case.accepted, "{name}, {}: {said}", case.name);
        }
    }
}

#[tokio::test] // Nobody can tell whether it is one of a public CA.
async fn a_chain_that_ends_in_an_intermediate_is_asked_too() {
    if !present(&["curl", "wget", "openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    for name in ["good", "unlogged"] {
        let case = cases.case(name);
        let chain = fs::read_to_string(&case.chain).unwrap();
        let (_, intermediate) = chain.split_once("-----END CERTIFICATE-----").unwrap();
        let trusted = folder.path().join("intermediate.pem");
        fs::write(&trusted, intermediate.trim_start()).unwrap();
        let web = Web::start(folder.path(), case).await;
        for (client, line) in &CLIENTS[..2] {
            let line = ["sh", "-c", line].map(OsStr::new);
            let mut ours = on(enforced(&cases, folder.path(), &line), &cases, web.port);
            let ours = output(ours.env("TRUSTED", &trusted));
            assert_eq!(ours.status.success(), case.accepted, "{client}, {name}: {}", said(&ours));
        }
    }
}

#[tokio::test] // A program that has closed it has a file of its own there, or a pipe that nobody reads.
async fn lines_get_into_no_file_and_end_no_program() {
    if !present(&["/usr/bin/python3", "openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let web = Web::start(folder.path(), cases.case("unlogged")).await;
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sct/preload/no_stderr.py");
    for way in ["file", "gone"] {
        let program = [OsStr::new("/usr/bin/python3"), script.as_os_str()];
        let mut command = enforced(&cases, folder.path(), &program);
        command.arg(&cases.trusted).arg(web.port.to_string()).arg(way).arg(&file);
        let ours = output(command);
        let said = said(&ours);
        assert!(ours.status.success() && said.starts_with("refused: "), "{way}: {said}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "");
}

#[test]
fn the_program_is_what_was_started() {
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let run =
        |line: &str| output(enforced(&cases, folder.path(), &["sh", "-c", line].map(OsStr::new)));
    assert_eq!(run("exit 7").status.code(), Some(7));
    assert_eq!(run("kill -TERM $$").status.signal(), Some(15));
    let mut command =
        enforced(&cases, folder.path(), &["sh", "-c", "echo $LD_PRELOAD"].map(OsStr::new));
    let shown = output(command.env("LD_PRELOAD", "/nonexistent/other.so"));
    let expected = format!("{}:/nonexistent/other.so\n", library().display());
    assert_eq!(String::from_utf8_lossy(&shown.stdout), expected);
}

#[test]
fn what_cannot_be_covered_is_not_started() {
    if !present(&["curl", "cc"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let program = |name: &str, mode: u32, text: &[u8]| {
        fs::write(file(name), text).unwrap();
        fs::set_permissions(file(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    let compiled = |name: &str, flags: &[&str]| {
        let text = "#ifdef WORD\nconst char *word = WORD;\n#endif\nint main(void) { return 0; }\n";
        fs::write(file("main.c"), text).unwrap();
        let mut cc = Command::new("cc");
        let built = output(cc.args(flags).arg("-o").arg(file(name)).arg(file("main.c")));
        assert!(built.status.success(), "{}", said(&built));
    };
    let folders = folders();
    let curl = std::env::split_paths(&folders).map(|folder| folder.join("curl"));
    let curl = curl.filter_map(|path| fs::read(path).ok()).next().unwrap();
    program("privileged", 0o4755, &curl);
    program("curl", 0o755, &curl);
    program("sandboxed", 0o755, b"#!/bin/sh\nexec flatpak run org.example.Client \"$@\"\n");
    program("script", 0o755, b"#!/bin/sh\nexit 0\n");
    program("text", 0o755, b"hello\n");
    compiled("static", &["-static"]);
    compiled("plain", &[]);
    // A TLS library of its own, and GnuTLS for another library only; for itself, too; GnuTLS for nothing.
    let text = "int gnutls_global_init(void);\nint f(void) { return gnutls_global_init(); }\n";
    fs::write(file("below.c"), text).unwrap();
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-o"]).arg(file("libbelow.so")).arg(file("below.c"));
    let built = output(cc.arg("-lgnutls"));
    assert!(built.status.success(), "{}", said(&built));
    let (boring, below) = ("-DWORD=\"BoringSSL\"", file("libbelow.so").display().to_string());
    compiled("below", &[boring, "-Wl,--no-as-needed", &below]);
    compiled("both", &[boring, "-Wl,--no-as-needed", "-lgnutls"]);
    compiled("unused", &["-Wl,--no-as-needed", "-lgnutls"]);
    let cases = [
        ("curl", 0, "covered: ", " uses libssl.so"),
        ("script", 1, "cannot be told: ", " is read by "),
        ("privileged", 2, "not covered: ", "more privileges"),
        ("sandboxed", 2, "not covered: ", "sandbox"),
        ("text", 2, "not covered: ", "neither an executable"),
        ("static", 2, "not covered: ", "statically linked"),
        ("plain", 2, "not covered: ", "neither OpenSSL nor GnuTLS"),
        ("below", 2, "not covered: ", "has BoringSSL built in"),
        ("both", 1, "cannot be told: ", "what goes by libgnutls.so.30 is"),
        ("unused", 1, "cannot be told: ", "nobody in it is seen to connect"),
    ];
    for (name, code, beginning, part) in cases {
        let checked = output(countersign().args(["enforce", "--check", "--"]).arg(file(name)));
        let shown = said(&checked);
        assert_eq!(checked.status.code(), Some(code), "{name}: {shown}");
        assert!(shown.starts_with(beginning) && shown.contains(part), "{name}: {shown}");
        if code == 2 {
            let not_started = output(countersign().args(["enforce", "--"]).arg(file(name)));
            let shown = said(&not_started);
            assert_eq!(not_started.status.code(), Some(2), "{name}: {shown}");
            assert!(shown.starts_with("error: ") && shown.contains("\nhint: "), "{name}: {shown}");
        }
    }
    let shown =
        output(countersign().args(["--json", "enforce", "--check", "--"]).arg(file("curl")));
    assert!(said(&shown).starts_with(r#"{"type":"coverage","program":"#), "{}", said(&shown));
}

#[test]
fn a_list_that_nobody_has_signed_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let list = fs::read_to_string(&cases.list).unwrap();
    let altered = folder.path().join("altered");
    fs::write(&altered, list.replace("Alder", "Abies")).unwrap();
    let mut command = countersign();
    command.arg("enforce").arg("--list").arg(altered).arg("--list-keys").arg(&cases.list_keys);
    let refused = output(command.args(["--", "sh", "-c", "echo started"]));
    assert_eq!(refused.status.code(), Some(2));
    let shown = said(&refused);
    assert!(
        shown.contains("0 of the known keys have signed") && !shown.contains("started\n"),
        "{shown}"
    );
}

/// How a program is started.
enum Way {
    Stock,
    Enforced,
}

/// profanity, with a terminal of its own.
struct Profanity {
    home: PathBuf,
    socket: PathBuf,
}

impl Profanity {
    fn start(folder: &Path, cases: &SctCases, prosody: &Prosody, tls: &str, way: Way) -> Self {
        let home = tempfile::tempdir_in(folder).unwrap().keep();
        let (config, data) = (home.join(".config/profanity"), home.join(".local/share/profanity"));
        fs::create_dir_all(&config).unwrap();
        fs::create_dir_all(&data).unwrap();
        fs::write(config.join("profrc"), "[connection]\naccount=lab\n").unwrap();
        let account = format!(
            "[lab]\nenabled=true\njid=alice@localhost\nserver=127.0.0.1\nport={}\npassword={PASSWORD}\n\
             tls.policy={tls}\n",
            prosody.port
        );
        fs::write(data.join("accounts"), account).unwrap();
        let log = home.join("log");
        let profanity = ["profanity", "-l", "DEBUG", "-f"].map(OsStr::new);
        let command = match way {
            Way::Stock => {
                let mut command = Command::new(profanity[0]);
                command.args(&profanity[1..]);
                command
            }
            Way::Enforced => enforced(cases, folder, &profanity),
        };
        // A socket's path may have 107 bytes.
        let socket = home.join("tmux");
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(&socket).args([
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            "120",
            "-y",
            "40",
        ]);
        tmux.arg(command.get_program()).args(command.get_args()).arg(&log);
        for (name, value) in [("XDG_CONFIG_HOME", ".config"), ("XDG_DATA_HOME", ".local/share")] {
            tmux.env(name, home.join(value));
        }
        tmux.env("HOME", &home).env("SSL_CERT_FILE", &cases.trusted).env("TERM", "xterm");
        tmux.env_remove("TMUX");
        let begun = output(tmux);
        assert!(begun.status.success(), "{}", said(&begun));
        Self { home, socket }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.home.join("log")).unwrap_or_default()
    }
}

impl Drop for Profanity {
    fn drop(&mut self) {
        let mut tmux = Command::new("tmux");
        let _gone_already = tmux.arg("-S").arg(&self.socket).arg("kill-server").output();
    }
}

/// What Prosody writes down.
const LOGGED_IN: &str = "Authenticated as alice@localhost";

/// A line of the shell, for a server on this port.
fn shell(cases: &SctCases, port: u16, line: &str) -> Command {
    let mut command = limited("sh");
    command.args(["-c", line]);
    on(command, cases, port)
}

fn on(mut command: Command, cases: &SctCases, port: u16) -> Command {
    command.env("TRUSTED", &cases.trusted).env("PORT", port.to_string());
    command
}

/// `countersign enforce` with the list and the root of the cases.
fn enforced(cases: &SctCases, folder: &Path, program: &[&OsStr]) -> Command {
    let mut command = countersign();
    command.args(["--quiet", "enforce"]).arg("--list").arg(&cases.list);
    command.arg("--list-keys").arg(&cases.list_keys).arg("--public-roots").arg(&cases.root);
    command.arg("--memory").arg(folder.join("memory")).arg("--").args(program);
    command
}

fn countersign() -> Command {
    let mut command = limited(env!("CARGO_BIN_EXE_countersign"));
    command.env("COUNTERSIGN_PRELOAD", library());
    command
}

/// A program that ends after two minutes at most.
fn limited(program: &str) -> Command {
    let mut command = Command::new("timeout");
    command.args(["--foreground", "120", program]).stdin(Stdio::null()).env("PATH", folders());
    command
}

fn output(mut command: impl std::borrow::BorrowMut<Command>) -> Output {
    command.borrow_mut().output().unwrap()
}

fn said(output: &Output) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    format!("{out}{err}")
}

/// The library, built once: nothing depends on it, so nothing else has built it.
fn library() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let test = std::env::current_exe().unwrap();
        let folder = test.ancestors().nth(3).unwrap();
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--locked", "--offline", "--package", "countersign-sct-preload"]);
        command.arg("--target-dir").arg(folder).current_dir(env!("CARGO_MANIFEST_DIR"));
        let built = output(command);
        assert!(built.status.success(), "{}", said(&built));
        folder.join("debug/libcountersign_sct_preload.so").canonicalize().unwrap()
    })
}
