use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::os::unix::net::UnixListener;

use tempfile::TempDir;

use super::*;

/// A P-256 key, as openssl writes it; nobody uses it.
const KEY: &str = include_str!("../../../judge/src/material/samples/p256.pem");
/// A P-384 key, with its parameters before it.
const OTHER_KEY: &str = include_str!("../../../judge/src/material/samples/p384-sec1.pem");
const REQUEST: &str = include_str!("../../../judge/src/material/samples/request.pem");
const CERTIFICATE: &str = include_str!("../../../judge/src/material/samples/leaf.pem");

/// A watched directory, and the scan of it.
struct Watched {
    place: TempDir,
    scan: Scan,
}

impl Watched {
    fn new(kind: Kind) -> Self {
        Self::limited(kind, Limits::default())
    }

    fn limited(kind: Kind, limits: Limits) -> Self {
        let place = tempfile::tempdir().expect("a place");
        let path = place.path().join("watched");
        fs::create_dir(&path).expect("a new directory");
        let directory = Directory { path, scope: Scope::everything(), kind };
        Self { scan: Scan::new(vec![directory], limits), place }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join("watched").join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn link(&self, name: &str, to: impl AsRef<Path>) {
        fs::create_dir_all(self.path(name).parent().expect("a directory")).expect("made");
        symlink(to, self.path(name)).expect("linked");
    }

    /// Scans, and compares: the files with what they register, and the troubles.
    #[track_caller]
    fn check(&mut self, registered: &[&str], troubles: &[&str]) -> Report {
        let report = self.scan.scan(usize::MAX);
        let root = self.path("");
        let root = root.parent().expect("no slash").join("watched");
        let name = |path: &Path| {
            let name = path.strip_prefix(&root).expect("a path in the directory");
            if name.as_os_str().is_empty() { ".".to_owned() } else { name.display().to_string() }
        };
        let found: Vec<_> = report
            .registered
            .iter()
            .map(|it| match &it.registration {
                Registration::Key { .. } => format!("{} key", name(&it.path)),
                Registration::Request { .. } => format!("{} request", name(&it.path)),
                Registration::Certificate { .. } => format!("{} certificate", name(&it.path)),
            })
            .collect();
        assert_eq!(found, registered);
        let said: Vec<_> = report
            .troubles
            .iter()
            .map(|trouble| format!("{} {}", trouble.kind.as_str(), name(&trouble.path)))
            .collect();
        assert_eq!(said, troubles);
        report
    }
}

#[test]
fn a_file_is_read_once() {
    let mut watched = Watched::new(Kind::Pem);
    watched.write("a.pem", KEY);
    assert_eq!(watched.check(&["a.pem key"], &[]).files_read, 1);
    assert_eq!(watched.check(&[], &[]).files_read, 0);
    watched.write("b.pem", KEY);
    assert_eq!(watched.check(&["b.pem key"], &[]).files_read, 1);
    watched.write("a.pem", OTHER_KEY);
    assert_eq!(watched.check(&["a.pem key"], &[]).files_read, 1);
    watched.scan.forget();
    assert_eq!(watched.check(&["a.pem key", "b.pem key"], &[]).files_read, 2);
}

#[test]
fn a_file_replaced_by_another_of_its_size_is_read() {
    let mut watched = Watched::new(Kind::Pem);
    watched.write("a.pem", KEY);
    watched.check(&["a.pem key"], &[]);
    let modified =
        fs::metadata(watched.path("a.pem")).and_then(|it| it.modified()).expect("a time");
    watched.write("new", KEY);
    let new = File::options().write(true).open(watched.path("new")).expect("a file");
    new.set_modified(modified).expect("set back");
    fs::rename(watched.path("new"), watched.path("a.pem")).expect("renamed");
    watched.check(&["a.pem key"], &[]);
}

#[test]
fn certbot() {
    let mut watched = Watched::new(Kind::Certbot);
    watched.write("accounts/acme/private_key.pem", KEY);
    watched.write("archive/xmpp.example/privkey1.pem", KEY);
    watched.write("archive/xmpp.example/cert1.pem", CERTIFICATE);
    watched.write("archive/xmpp.example/chain1.pem", CERTIFICATE);
    watched.write("archive/xmpp.example/fullchain1.pem", CERTIFICATE);
    watched.link("live/xmpp.example/privkey.pem", "../../archive/xmpp.example/privkey1.pem");
    watched.link("live/xmpp.example/cert.pem", "../../archive/xmpp.example/cert1.pem");
    watched.write("keys/0000_key-certbot.pem", KEY);
    watched.write("csr/0000_csr-certbot.pem", REQUEST);
    watched.write("live/README", "read me");
    let all = [
        "live/xmpp.example/cert.pem certificate",
        "live/xmpp.example/privkey.pem key",
        "keys/0000_key-certbot.pem key",
        "csr/0000_csr-certbot.pem request",
        "archive/xmpp.example/cert1.pem certificate",
        "archive/xmpp.example/privkey1.pem key",
    ];
    watched.check(&all, &[]);
    // A renewal: new files, and the links are moved to them.
    watched.write("archive/xmpp.example/privkey2.pem", OTHER_KEY);
    let live = watched.path("live/xmpp.example/privkey.pem");
    fs::remove_file(live).expect("removed");
    watched.link("live/xmpp.example/privkey.pem", "../../archive/xmpp.example/privkey2.pem");
    let renewed = ["live/xmpp.example/privkey.pem key", "archive/xmpp.example/privkey2.pem key"];
    watched.check(&renewed, &[]);
}

/// Compares which of some files are read.
#[track_caller]
fn check_kind(kind: Kind, read: &[&str], not_read: &[&str]) {
    let mut watched = Watched::new(kind);
    for file in read.iter().chain(not_read) {
        watched.write(file, KEY);
    }
    let report = watched.scan.scan(usize::MAX);
    let mut found: Vec<_> = report.registered.into_iter().map(|it| it.path).collect();
    found.sort();
    let mut expected: Vec<_> = read.iter().map(|file| watched.path(file)).collect();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(report.troubles, []);
}

#[test]
fn each_kind_knows_its_files() {
    let issuer = "certificates/acme-v02.api.letsencrypt.org-directory";
    check_kind(
        Kind::Caddy,
        &[
            &format!("{issuer}/a.example/a.example.key"),
            &format!("{issuer}/wildcard_.a.example/wildcard_.a.example.crt"),
        ],
        &[
            &format!("{issuer}/a.example/a.example.json"),
            "acme/acme-v02/users/me/me.key",
            "pki/authorities/local/root.key",
        ],
    );
    check_kind(
        Kind::AcmeSh,
        &["a.example_ecc/a.example.key", "a.example_ecc/a.example.csr", "b.example/b.example.cer"],
        &["ca/letsencrypt/account.key", "a.example_ecc/fullchain.cer", "a.example_ecc/ca.cer"],
    );
    check_kind(
        Kind::Lego,
        &["certificates/a.example.key", "certificates/_.a.example.crt"],
        &["certificates/a.example.issuer.crt", "accounts/acme/me/keys/me.key"],
    );
    check_kind(
        Kind::Dehydrated,
        &[
            "certs/a.example/privkey-1732424400.pem",
            "certs/a.example/privkey.roll.pem",
            "certs/a.example/cert-1732424400.csr",
        ],
        &["accounts/aHR0/account_key.pem", "certs/a.example/fullchain-1732424400.pem"],
    );
    check_kind(Kind::Prosody, &["a.example.key", "b.example/privkey.pem"], &["a.example.cnf"]);
    check_kind(Kind::Pem, &["A.PEM", "sub/a.csr"], &["a.txt", "README"]);
}

#[test]
fn kinds_have_names() {
    for kind in Kind::ALL {
        assert_eq!(kind.as_str().parse(), Ok(kind));
    }
    assert_eq!("nginx".parse::<Kind>(), Err(UnknownKind));
}

#[test]
fn a_directory_disappears_and_comes_back() {
    let mut watched = Watched::new(Kind::Pem);
    watched.write("a.pem", KEY);
    watched.check(&["a.pem key"], &[]);
    let away = watched.place.path().join("away");
    fs::rename(watched.path(""), &away).expect("moved");
    watched.check(&[], &["missing ."]);
    fs::rename(&away, watched.place.path().join("watched")).expect("moved back");
    watched.check(&["a.pem key"], &[]);
}

#[test]
fn a_watched_file_is_not_a_directory() {
    let mut watched = Watched::new(Kind::Pem);
    fs::remove_dir(watched.path("")).expect("removed");
    fs::write(watched.place.path().join("watched"), KEY).expect("written");
    watched.check(&[], &["not-a-directory ."]);
}

#[test]
fn a_watched_directory_may_be_a_link() {
    let mut watched = Watched::new(Kind::Pem);
    fs::rename(watched.path(""), watched.place.path().join("real")).expect("moved");
    symlink("real", watched.place.path().join("watched")).expect("linked");
    watched.write("a.pem", KEY);
    watched.check(&["a.pem key"], &[]);
}

#[test]
fn what_is_not_a_file_is_not_opened() {
    let mut watched = Watched::new(Kind::Pem);
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, watched.path("fifo.pem"), mode).expect("a FIFO");
    let _socket = UnixListener::bind(watched.path("socket.pem")).expect("a socket");
    watched.link("device.pem", "/dev/zero");
    watched.write("z.pem", KEY);
    let troubles = ["not-a-file device.pem", "not-a-file fifo.pem", "not-a-file socket.pem"];
    watched.check(&["z.pem key"], &troubles);
}

#[test]
fn a_fifo_put_in_the_place_of_a_file_does_not_stop_the_scan() {
    let watched = Watched::new(Kind::Pem);
    let mode = Mode::RUSR | Mode::WUSR;
    rustix::fs::mkfifoat(rustix::fs::CWD, watched.path("fifo.pem"), mode).expect("a FIFO");
    // As if the look at it had shown a file.
    assert!(matches!(contents(&watched.path("fifo.pem")), Ok(Contents::NotAFile)));
    assert!(matches!(contents(Path::new("/dev/zero")), Ok(Contents::NotAFile)));
}

#[test]
fn links_are_followed_to_files_only() {
    let mut watched = Watched::new(Kind::Pem);
    watched.write("sub/a.pem", KEY);
    watched.link("to-file.pem", "sub/a.pem");
    watched.link("to-directory", "sub");
    watched.link("to-parent", "..");
    watched.link("to-nothing.pem", "nowhere");
    watched.link("to-itself.pem", "to-itself.pem");
    watched.link("there.pem", "back.pem");
    watched.link("back.pem", "there.pem");
    watched.link("unwanted", "nowhere");
    watched.check(
        &["to-file.pem key", "sub/a.pem key"],
        &[
            "dangling-link to-nothing.pem",
            "link-loop back.pem",
            "link-loop there.pem",
            "link-loop to-itself.pem",
            "link-to-directory to-directory",
            "link-to-directory to-parent",
        ],
    );
}

#[test]
fn a_file_that_is_being_written_is_read_again() {
    let mut watched = Watched::new(Kind::Pem);
    watched.write("a.pem", &KEY[..KEY.len() / 2]);
    watched.check(&[], &["cut-off a.pem"]);
    assert_eq!(watched.check(&[], &["cut-off a.pem"]).files_read, 1);
    watched.write("a.pem", KEY);
    watched.check(&["a.pem key"], &[]);
}

#[test]
fn what_cannot_be_read_is_said_while_it_stays() {
    let mut watched = Watched::new(Kind::Pem);
    let damaged = KEY.replace("MIG", "!!!");
    watched.write("a.pem", format!("{damaged}{OTHER_KEY}"));
    watched.write("huge.pem", vec![b'\n'; FILE_BYTES_MAX + 1]);
    let troubles = ["too-large huge.pem", "unread a.pem"];
    assert_eq!(watched.check(&["a.pem key"], &troubles).files_read, 2);
    assert_eq!(watched.check(&[], &troubles).files_read, 0);
    fs::remove_file(watched.path("huge.pem")).expect("removed");
    watched.write("a.pem", KEY);
    watched.check(&["a.pem key"], &[]);
}

#[test]
fn many_files_are_read_up_to_a_limit() {
    let limits = Limits { files_max: 1000, entries_max: 15_000, ..Limits::default() };
    let mut watched = Watched::limited(Kind::Pem, limits);
    for number in 0..20_000 {
        File::create(watched.path(&format!("{number:05}.pem"))).expect("a file");
    }
    let report = watched.scan.scan(usize::MAX);
    assert_eq!((report.entries, report.files_read), (1001, 1000));
    let kinds: Vec<_> = report.troubles.iter().map(|trouble| trouble.kind).collect();
    assert_eq!(kinds, [TroubleKind::TooManyEntries, TroubleKind::TooManyFiles]);
    assert_eq!(watched.scan.scan(usize::MAX).files_read, 0);
    assert_eq!(watched.scan.known.len(), 1000);
}

#[test]
fn a_scan_ends_when_it_has_used_its_share() {
    let mut watched = Watched::new(Kind::Pem);
    for number in 0..100 {
        watched.write(&format!("{number}.pem"), KEY);
    }
    let other = watched.place.path().join("other");
    fs::create_dir(&other).expect("a new directory");
    fs::write(other.join("a.pem"), KEY).expect("written");
    let second = Directory { path: other.clone(), scope: Scope::everything(), kind: Kind::Pem };
    watched.scan.directories.push(second);
    let report = watched.scan.scan(20);
    assert_eq!(report.entries, 11);
    let kinds: Vec<_> = report.troubles.iter().map(|trouble| trouble.kind).collect();
    assert_eq!(kinds, [TroubleKind::Unfinished]);
    // The flood in one did not keep the other from being read.
    let last = report.registered.last().expect("something");
    assert_eq!((last.directory, &last.path), (1, &other.join("a.pem")));
}

#[test]
fn deep_directories_are_not_entered() {
    let mut watched = Watched::new(Kind::Pem);
    watched.write("1/2/3/4/5/6/7/a.pem", KEY);
    watched.write("1/2/3/4/5/6/7/8/b.pem", KEY);
    watched.check(&["1/2/3/4/5/6/7/a.pem key"], &["too-deep 1/2/3/4/5/6/7/8"]);
}

#[test]
fn troubles_are_bounded() {
    let limits = Limits { troubles_max: 2, ..Limits::default() };
    let mut watched = Watched::limited(Kind::Pem, limits);
    for name in ["a.pem", "b.pem", "c.pem", "d.pem"] {
        watched.link(name, "nowhere");
    }
    watched.check(&[], &["dangling-link a.pem", "dangling-link b.pem", "more ."]);
}

#[test]
fn strange_names_are_read_and_shown_plainly() {
    let mut watched = Watched::new(Kind::Pem);
    let name = "new\nline \u{202e}gro\u{1b}[2J.pem";
    watched.write(name, "-----BEGIN PRIVATE KEY-----\n");
    let invalid: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"\xff.pem");
    fs::write(watched.path("").join(invalid), KEY).expect("written");
    let report = watched.scan.scan(usize::MAX);
    assert_eq!(report.registered.len(), 1);
    let shown = report.troubles[0].to_string();
    let root = watched.place.path().display().to_string();
    let shown = shown.replace(&root, "");
    assert_eq!(
        shown,
        r#"/watched/new\u{a}line \u{202e}gro\u{1b}[2J.pem is cut off; it is read again with the next scan (the block "PRIVATE KEY"); if it stays so, write it again"#
    );
}

#[test] // As root, nothing is unreadable by its mode alone.
fn an_unreadable_file_is_named_and_the_others_are_read() {
    let mut watched = Watched::new(Kind::Pem);
    watched.write("a.pem", KEY);
    let options = File::options().write(true).create_new(true).mode(0o000).clone();
    options.open(watched.path("b.pem")).expect("a file");
    let is_root = rustix::process::geteuid().is_root();
    let troubles: &[&str] = if is_root { &[] } else { &["unreadable b.pem"] };
    watched.check(&["a.pem key"], troubles);
    let error = io::Error::from(io::ErrorKind::PermissionDenied);
    let trouble = DirectoryTrouble::of_error(&error, "b.pem");
    let expected =
        "b.pem cannot be read (permission denied); let the user that runs countersign read it";
    assert_eq!(trouble.to_string(), expected);
}
