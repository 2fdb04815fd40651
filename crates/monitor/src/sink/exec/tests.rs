use std::fs;
use std::path::Path;

use jiff::Timestamp;
use tempfile::TempDir;

use super::*;
use crate::sink::Sink;
use crate::sink::tests::{message, net};

/// A hook in a folder of its own, which is its first argument.
struct Hook {
    folder: TempDir,
    exec: Exec,
}

impl Hook {
    /// A shell script.
    fn script(body: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Run by its interpreter: right after it was written, a file may still be busy for starting it.
        let script = folder.path().join("hook");
        fs::write(&script, body).unwrap();
        let arguments =
            [script.as_path(), folder.path()].map(|path| path.to_str().unwrap().to_owned());
        let exec = Exec {
            name: "hook".to_owned(),
            program: "/bin/sh".into(),
            arguments: arguments.into(),
            deadline: Duration::from_secs(20),
            grace: Duration::from_millis(50),
        };
        Self { folder, exec }
    }

    fn within(mut self, deadline: Duration) -> Self {
        self.exec.deadline = deadline;
        self
    }

    async fn send(&self, message: &Message) -> Result<(), NotDelivered> {
        let sink = Sink::Exec(self.exec.clone());
        sink.send(&net(), message, 2, Timestamp::UNIX_EPOCH).await
    }

    /// Why it failed.
    async fn why(&self) -> String {
        match self.send(&message()).await {
            Err(NotDelivered::Failed { why, .. }) => why,
            other => panic!("{other:?}"),
        }
    }

    fn left(&self, file: &str) -> String {
        fs::read_to_string(self.folder.path().join(file)).unwrap_or_default()
    }
}

/// Waits until a process is gone, killed or ended, but not for ever.
async fn ends(id: &str) {
    let process = Path::new("/proc").join(id.trim());
    let is_gone = async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        // A zombie that nobody waits for in a container has ended as well.
        while fs::read_to_string(process.join("stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            look.tick().await;
        }
    };
    assert!(!id.trim().is_empty());
    timeout(Duration::from_secs(10), is_gone).await.expect("the process lives");
}

#[tokio::test]
async fn a_hook_gets_the_message_in_every_form() {
    let hook = Hook::script(
        r#"env | sort > "$1/env"; cat > "$1/input"
           cat "$TEXT_FILENAME" > "$1/text"; cat "$JSON_FILENAME" > "$1/json"; cat "$CERT_FILENAME" > "$1/chain"
           ls -ld "$(dirname "$TEXT_FILENAME")" > "$1/folder"; echo "$TEXT_FILENAME" > "$1/name""#,
    );
    let message = message();
    hook.send(&message).await.unwrap();
    let environment = hook.left("env");
    let foreign = r"xmpp.example.org\u{202e}\u{1b}[2J<script>\u{d}\u{a}Bcc: evil@example";
    for line in [
        "EVENT=incident-opened",
        "COUNTERSIGN_MESSAGE_ID=report-7",
        "COUNTERSIGN_ATTEMPT=2",
        "COUNTERSIGN_SEVERITY=critical",
        "COUNTERSIGN_INCIDENT=17",
        "WATCH_ITEM=.example.org",
        &format!("SUMMARY=unexpected certificate for {foreign}"),
        &format!("COUNTERSIGN_NAMES={foreign}"),
        "COUNTERSIGN_NEXT_STEPS=revoke it",
        r"rotate\u{7}",
    ] {
        assert!(environment.lines().any(|found| found == line), "{line}\nis not in\n{environment}");
    }
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO")) {
        assert!(!environment.contains(&format!("{name}=")), "{name}");
    }
    assert!(!environment.contains('\u{1b}'));
    assert_eq!(hook.left("input"), message.json);
    assert_eq!(hook.left("json"), message.json);
    assert_eq!(hook.left("text"), message.plain_text());
    assert_eq!(Some(hook.left("chain")), message.chain_pem);
    assert!(hook.left("folder").starts_with("drwx------ "), "{}", hook.left("folder"));
    assert!(!Path::new(hook.left("name").trim()).exists());
}

#[tokio::test]
async fn a_hook_that_fails_is_told_with_its_words() {
    let hook = Hook::script("echo out; printf 'no \\033[2J pager' >&2; exit 78");
    assert_eq!(hook.why().await, r"/bin/sh ended with exit status: 78: no \u{1b}[2J pager");
    assert_eq!(
        Hook::script("echo out; exit 1").why().await,
        "/bin/sh ended with exit status: 1: out"
    );
    let why = Hook::script("kill -KILL $$").why().await;
    assert!(why.starts_with("/bin/sh ended with signal: 9"), "{why}");
}

#[tokio::test]
async fn a_hook_that_cannot_be_started_is_told() {
    let mut hook = Hook::script("");
    hook.exec.program = "/nonexistent/hook".into();
    let why = hook.why().await;
    assert!(why.starts_with("/nonexistent/hook cannot be started: No such file"), "{why}");
    let file = hook.folder.path().join("hook");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    hook.exec.program = file;
    let why = hook.why().await;
    assert!(why.contains("cannot be started: Permission denied"), "{why}");
}

#[tokio::test]
async fn a_hook_that_hangs_is_ended_with_all_its_children() {
    for body in [
        "echo $$ > $1/id; echo waiting; sleep 1000 & echo $! > $1/child; wait",
        // TERM is ignored, by the child too, which inherits that.
        "trap '' TERM; echo $$ > $1/id; echo waiting; sleep 1000 & echo $! > $1/child; while :; do wait; done",
    ] {
        let hook = Hook::script(body).within(Duration::from_millis(1500));
        assert_eq!(hook.why().await, "/bin/sh did not end within 1.5 s: waiting");
        ends(&hook.left("id")).await;
        ends(&hook.left("child")).await;
        assert!(!Path::new("/proc").join(hook.left("id").trim()).exists(), "a zombie is left");
    }
}

#[tokio::test]
async fn term_comes_before_kill() {
    let hook =
        Hook::script("trap 'echo bye > $1/bye; exit' TERM; sleep 1000 & echo $! > $1/child; wait");
    let mut hook = hook.within(Duration::from_secs(1));
    hook.exec.grace = Duration::from_secs(1);
    hook.why().await;
    assert_eq!(hook.left("bye"), "bye\n");
    ends(&hook.left("child")).await;
}

#[tokio::test]
async fn a_child_that_holds_the_output_is_not_waited_for() {
    let start = tokio::time::Instant::now();
    let hook = Hook::script("sleep 1000 & echo $! > $1/child; echo done; exit 3");
    assert_eq!(hook.why().await, "/bin/sh ended with exit status: 3: done");
    let hook_0 = Hook::script("setsid sleep 1000 & echo $! > $1/child");
    hook_0.send(&message()).await.unwrap();
    assert!(start.elapsed() < Duration::from_secs(10));
    for hook in [hook, hook_0] {
        let id = hook.left("child").trim().parse().unwrap();
        rustix::process::kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
    }
}

#[tokio::test]
async fn megabytes_are_neither_kept_nor_waited_for() {
    let hook = Hook::script("head -c 100000000 /dev/zero; echo end >&2; exit 1");
    assert_eq!(hook.why().await, "/bin/sh ended with exit status: 1: end");
    let hook = Hook::script("head -c 100000000 /dev/zero | tr '\\0' x >&2; exit 1");
    assert!(hook.why().await.len() < 600);
    // Endless: it runs until the deadline.
    let hook = Hook::script("while :; do echo x; done").within(Duration::from_secs(1));
    assert!(hook.why().await.starts_with("/bin/sh did not end within 1 s: x"));
}

#[tokio::test]
async fn input_that_is_not_read_is_no_matter() {
    let message = Message { json: "x".repeat(10 << 20), ..message() };
    Hook::script("exit 0").send(&message).await.unwrap();
    Hook::script("exec 0<&-; sleep 0.1").send(&message).await.unwrap();
    let hook = Hook::script("wc -c > $1/length");
    hook.send(&message).await.unwrap();
    assert_eq!(hook.left("length").trim(), "10485760");
}

#[tokio::test]
async fn huge_and_strange_values_do_not_keep_a_hook_from_running() {
    let mut message = message();
    message.subject = "\0\u{1b}".repeat(1 << 20);
    message.text = "line\0\n".repeat(1 << 18);
    for (_, value) in &mut message.variables {
        *value = "ü\0".repeat(1 << 18);
    }
    for (name, _) in variable::VARIABLES {
        message.variables.push((name.to_owned(), "\u{10ffff}".repeat(1 << 18)));
    }
    let hook = Hook::script(r#"printf %s "$SUMMARY" > $1/summary"#);
    hook.send(&message).await.unwrap();
    assert_eq!(hook.left("summary").chars().count(), VALUE_CHARACTERS_MAX);
}

#[tokio::test]
async fn a_hook_whose_waiter_is_gone_is_ended() {
    let hook = Hook::script(
        "trap '' TERM; echo $$ > $1/id; sleep 1000 & echo $! > $1/child; echo > $1/up; wait",
    );
    let message = message();
    let sending = hook.send(&message);
    let is_up = async {
        let mut look = tokio::time::interval(Duration::from_millis(5));
        while hook.left("up").is_empty() {
            look.tick().await;
        }
    };
    tokio::select! {
        result = sending => panic!("{result:?}"),
        () = is_up => (),
    }
    ends(&hook.left("id")).await;
    ends(&hook.left("child")).await;
}
