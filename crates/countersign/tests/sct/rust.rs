//! Programs with rustls: those of `libs/rustls-sct/examples`, which are reqwest, tokio-xmpp and lettre, each as it is
//! (`--stock`) and with our verifier.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use countersign_lab::sct_cases::{SctCase, SctCases};
use countersign_sct::signed_list::{ListKeys, Note, SignedList, SignerKey};
use jiff::SignedDuration;

use crate::place::until;
use crate::programs::{Ended, folders, free_ports, listens, present, started};
use crate::servers::{PASSWORD, Prosody, Web};

#[tokio::test]
async fn reqwest_refuses() {
    if !present(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    for case in &cases.cases {
        let web = Web::start(folder.path(), case).await;
        let fetch = |how: &[&str]| client("https", &cases, how, &[&web.url()]);
        assert_eq!(done(case, &fetch(&["--stock"])), "served\n");
        check(case, &fetch(&[]), "served\n");
    }
}

#[tokio::test]
async fn tokio_xmpp_refuses() {
    if !present(&["prosody", "prosodyctl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    for case in &cases.cases {
        let server = Prosody::start(folder.path(), case).await;
        let address = format!("127.0.0.1:{}", server.port);
        let log_in =
            |how: &[&str]| client("xmpp", &cases, how, &["alice@localhost", PASSWORD, &address]);
        let logins = || server.log().matches("Authenticated as alice@localhost").count();
        let online = "online as alice@localhost/";
        let stock = done(case, &log_in(&["--stock"]));
        assert!(stock.starts_with(online), "{}: {stock}", case.name);
        until("the server tells of the login", async || logins() == 1).await;
        check(case, &log_in(&[]), online);
        // Whoever was accepted is online, which the server knows; whoever was refused gave no password away.
        let expected = 1 + usize::from(case.accepted);
        until("the server tells of every login", async || logins() >= expected).await;
        assert_eq!(logins(), expected, "{}", case.name);
    }
}

#[tokio::test]
async fn lettre_refuses() {
    if !present(&["aiosmtpd"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    for case in &cases.cases {
        let server = MailServer::start(folder.path(), case).await;
        let port = server.port.to_string();
        let submit = |how: &[&str]| {
            let addresses = ["alice@example.org", "bob@example.org"];
            client("smtp", &cases, how, &["localhost", &port, addresses[0], addresses[1]])
        };
        assert_eq!(done(case, &submit(&["--stock"])), "submitted: 250\n");
        assert_eq!(server.mails(), 1, "{}", case.name);
        check(case, &submit(&[]), "submitted: 250\n");
        assert_eq!(server.mails(), 1 + usize::from(case.accepted), "{}", case.name);
    }
}

#[tokio::test] // No setting that is broken lets a client run without what it was told to demand.
async fn no_setting_turns_it_off() {
    if !present(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let web = Web::start(folder.path(), cases.case("unlogged")).await;
    // A list that nobody has signed; no keys, no roots, no profile either.
    let damaged = folder.path().join("damaged");
    fs::write(&damaged, fs::read_to_string(&cases.list).unwrap().replacen('1', "2", 1)).unwrap();
    for variable in [
        "COUNTERSIGN_LIST",
        "COUNTERSIGN_LIST_KEYS",
        "COUNTERSIGN_PUBLIC_ROOTS",
        "COUNTERSIGN_PROFILE",
    ] {
        let mut command = command("https", &cases);
        let output = command.env(variable, &damaged).arg(web.url()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{variable}: {output:?}");
    }
}

#[tokio::test] // What a mirror replays does not take the place of the list that came with the program.
async fn an_old_list_is_left_aside() {
    if !present(&["openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = crate::cases(folder.path());
    let web = Web::start(folder.path(), cases.case("good")).await;
    // The list of the cases as it would have been a day before the built-in one, and good signatures.
    let note = Note::parse(&fs::read(&cases.list).unwrap()).unwrap();
    let list = SignedList::parse(&note.text).unwrap();
    let issued = SignedList::built_in().issued - SignedDuration::from_hours(24);
    let text = SignedList { issued, ..list }.to_text();
    let signers =
        ["a", "b"].map(|name| SignerKey::from_seed(name, &[name.as_bytes()[0]; 32]).unwrap());
    let signatures = signers.iter().map(|signer| signer.sign(&text)).collect();
    let keys = signers.iter().map(|signer| signer.public().clone()).collect();
    let (list, list_keys) = (folder.path().join("old"), folder.path().join("old-keys"));
    fs::write(&list, Note { text, signatures }.to_text()).unwrap();
    fs::write(&list_keys, ListKeys::new(1, 2, keys).unwrap().to_text()).unwrap();
    let mut command = command("https", &cases);
    command.env("COUNTERSIGN_LIST", &list).env("COUNTERSIGN_LIST_KEYS", &list_keys);
    let output = command.arg(web.url()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("COUNTERSIGN_LIST is not used, the built-in list is: "), "{output:?}");
    // And so the logs of the old list are not known.
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

/// What the client says when its SCTs do not matter, or are good.
#[track_caller]
fn done(case: &SctCase, output: &Output) -> String {
    assert!(output.status.success(), "{}: {output:?}", case.name);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Only what is good is accepted; else the client says why not, in one sentence.
#[track_caller]
fn check(case: &SctCase, output: &Output, expected: &str) {
    if case.accepted {
        let said = done(case, output);
        assert!(said.starts_with(expected), "{}: {said}", case.name);
        return;
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{}: {output:?}", case.name);
    assert!(output.stdout.is_empty(), "{}: {output:?}", case.name);
    let why = match case.name {
        "unlogged" => "no log has promised to publish the certificate",
        "unlisted" => "a log that is not on the list",
        "mimic" => "a log whose private key is public",
        "broken" => "the signature does not match what it should cover",
        "one-operator" => "SCTs of logs of 2 operators are needed, those that count are of 1",
        "retired" => "promised after the log was retired",
        other => panic!("why is {other} refused?"),
    };
    let sentence = said.starts_with("certificate transparency: refused: ") && said.contains(why);
    assert!(sentence, "{}: {said}", case.name);
}

fn client(example: &str, cases: &SctCases, how: &[&str], arguments: &[&str]) -> Output {
    command(example, cases).args(how).args(arguments).output().unwrap()
}

/// An example, with the CAs of the cases in the system's place, for half a minute at most.
fn command(example: &str, cases: &SctCases) -> Command {
    let mut command = Command::new("timeout");
    command.arg("30").arg(built().join(example)).env("PATH", folders());
    command.env("SSL_CERT_FILE", &cases.trusted).env_remove("SSL_CERT_DIR");
    command.env("COUNTERSIGN_LIST", &cases.list).env("COUNTERSIGN_LIST_KEYS", &cases.list_keys);
    command.env("COUNTERSIGN_PUBLIC_ROOTS", &cases.root).env_remove("COUNTERSIGN_PROFILE");
    command
}

/// The folder of the examples, built once.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // This test is in `debug/deps` of the folder that everything is built into.
        let test = std::env::current_exe().unwrap();
        let folder = test.ancestors().nth(3).unwrap();
        let mut command = Command::new(env!("CARGO"));
        // As `cargo test --workspace` builds them, so that after that there is nothing to build.
        command.args(["build", "--locked", "--offline", "--workspace", "--target-dir"]).arg(folder);
        command.args(["--example", "https", "--example", "xmpp", "--example", "smtp"]);
        let output = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        folder.join("debug/examples")
    })
}

/// aiosmtpd, which takes mails after STARTTLS only.
struct MailServer {
    /// On 127.0.0.1.
    port: u16,
    folder: PathBuf,
    _process: Ended,
}

impl MailServer {
    async fn start(folder: &Path, case: &SctCase) -> Self {
        let [port] = free_ports();
        let folder = folder.join(format!("mail-{}", case.name));
        fs::create_dir_all(&folder).unwrap();
        let mut command = Command::new("aiosmtpd");
        command.args(["-n", "-l", &format!("127.0.0.1:{port}")]);
        command.arg("--tlscert").arg(&case.chain).arg("--tlskey").arg(&case.key);
        command.args(["-c", "aiosmtpd.handlers.Mailbox"]).arg(folder.join("box"));
        let _process = started(command, &folder);
        listens(port).await;
        Self { port, folder, _process }
    }

    /// How many have come.
    fn mails(&self) -> usize {
        fs::read_dir(self.folder.join("box/new")).map_or(0, Iterator::count)
    }
}
