use std::os::unix::fs::symlink;

use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::TempDir;

use super::*;

const URL: &str = "https://ca.example/acct/1";

/// A directory of some program.
struct Kept(TempDir);

impl Kept {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a place"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join("kept").join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a file is in a directory")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn link(&self, name: &str, to: &str) {
        fs::create_dir_all(self.path(name).parent().expect("a directory")).expect("made");
        symlink(to, self.path(name)).expect("linked");
    }

    /// Reads, and compares all that was found, each by its path.
    #[track_caller]
    fn check(&self, expected: &[&str]) -> Accounts {
        let read = accounts(&self.path(""), Limits::default());
        let name = |path: &Path| {
            let name = path.strip_prefix(self.path("")).expect("a path in the directory");
            if name.as_os_str().is_empty() { ".".to_owned() } else { name.display().to_string() }
        };
        let found = read
            .found
            .iter()
            .map(|it| format!("{} has one of {}", name(&it.path), it.account.client.as_str()));
        let unusable = read.unusable.iter().map(|it| format!("{}: {}", name(&it.path), it.why));
        let renewals = read.renewals.iter().map(|it| {
            let ways: Vec<_> = it.challenges.iter().map(|way| way.as_str()).collect();
            format!("{} renews by {}", name(&it.path), ways.join(","))
        });
        let troubles =
            read.troubles.iter().map(|it| format!("{} {}", it.kind.as_str(), name(&it.path)));
        let all: Vec<_> = found.chain(unusable).chain(renewals).chain(troubles).collect();
        assert_eq!(all, expected);
        read
    }
}

fn json(field: &str) -> String {
    format!("{{\"{field}\": \"{URL}\"}}")
}

#[test]
fn certbot() {
    let kept = Kept::new();
    let account = "accounts/ca.example/directory/ab12";
    kept.write(&format!("{account}/regr.json"), &json("uri"));
    kept.write(&format!("{account}/private_key.json"), "{}");
    kept.write(&format!("{account}/meta.json"), "{}");
    kept.link("accounts/new.ca.example/directory", "../ca.example/directory");
    kept.write("renewal/a.example.conf", "[renewalparams]\nauthenticator = webroot\n");
    kept.write("renewal/a.example.conf.bak", "");
    let read = kept.check(&[
        &format!("{account}/regr.json has one of certbot"),
        "renewal/a.example.conf renews by http-01",
    ]);
    assert_eq!(read.found[0].account.url.as_str(), URL);
}

#[test]
fn caddy() {
    let kept = Kept::new();
    let ca = "acme/ca.example-directory";
    kept.write(&format!("{ca}/users/me@a.example/me.json"), &json("location"));
    kept.write(&format!("{ca}/users/me@a.example/me.key"), "");
    kept.write(&format!("{ca}/users/default/default.json"), "{}");
    kept.write("certificates/ca/a.example/a.example.json", "{}");
    kept.check(&[
        &format!("{ca}/users/me@a.example/me.json has one of caddy"),
        &format!("{ca}/users/default/default.json: the URL of the account is not in it"),
    ]);
}

#[test]
fn acme_sh() {
    let kept = Kept::new();
    kept.write("ca/ca.example/v2/DV90/ca.conf", &format!("ACCOUNT_URL='{URL}'\n"));
    kept.write("ca/ca.example/v2/DV90/account.key", "");
    kept.write("ca/ca.example/v2/DV90/deactivated/7/ca.conf", "ACCOUNT_URL='https://a.b/7'\n");
    kept.write("ca/old.example/ca.conf", "CA_KEY_HASH='x'\n");
    kept.write("a.example_ecc/a.example.conf", "Le_Webroot='dns_cf'\n");
    kept.write("a.example_ecc/a.example.csr.conf", "");
    kept.write("b.example/b.example.conf", "Le_Webroot='no'\n");
    kept.write("dnsapi/dns_cf.sh", "");
    kept.write("account.conf", "");
    kept.check(&[
        "ca/ca.example/v2/DV90/ca.conf has one of acme.sh",
        "ca/old.example/ca.conf: the URL of the account is not in it",
        "a.example_ecc/a.example.conf renews by dns-01",
        "b.example/b.example.conf renews by http-01",
    ]);
}

#[test]
fn lego() {
    let kept = Kept::new();
    let account = format!("{{\"registration\": {}}}", json("uri"));
    kept.write("accounts/ca.example/me@a.example/account.json", &account);
    kept.write("accounts/ca.example/me@a.example/keys/me@a.example.key", "");
    kept.write("accounts/ca.example/other/EC256/account.json", &account);
    kept.check(&[
        "accounts/ca.example/me@a.example/account.json has one of lego",
        "accounts/ca.example/other/EC256/account.json has one of lego",
    ]);
}

#[test]
fn dehydrated() {
    let kept = Kept::new();
    kept.write("accounts/aHR0/account_id.json", &json("url"));
    kept.write("accounts/aHR0/registration_info.json", "{}");
    kept.write("accounts/b2xk/registration_info.json", "{}");
    kept.write("accounts/Z29uZQ/account_id.json", &json("url"));
    kept.write("accounts/Z29uZQ/deactivated", "");
    kept.link("accounts/bmV3", "aHR0");
    kept.check(&[
        "accounts/aHR0/account_id.json has one of dehydrated",
        "accounts/Z29uZQ/account_id.json: the account is deactivated, so nothing is issued to it any more",
        "accounts/b2xk/registration_info.json: the URL of the account is not in it",
    ]);
}

#[test]
fn a_directory_that_is_not_there_is_told() {
    Kept::new().check(&["missing ."]);
}

#[test]
fn what_is_not_a_file_or_leads_elsewhere_is_told_and_not_opened() {
    let kept = Kept::new();
    kept.write("accounts/one/keep", "");
    let mode = Mode::RUSR | Mode::WUSR;
    mkfifoat(CWD, kept.path("accounts/one/account_id.json"), mode).expect("a FIFO");
    kept.link("accounts/two/account_id.json", "/dev/zero");
    kept.link("accounts/three", "/usr");
    kept.link("accounts/four/regr.json", "nowhere");
    kept.check(&[
        "missing accounts/four/regr.json",
        "not-a-file accounts/one/account_id.json",
        "link-to-directory accounts/three",
        "not-a-file accounts/two/account_id.json",
    ]);
}

#[test]
fn limits_hold() {
    let kept = Kept::new();
    for number in 0..4 {
        kept.write(&format!("accounts/{number}/account_id.json"), &json("url"));
    }
    kept.write("accounts/1/2/3/4/5/6/7/8/9/regr.json", &json("uri"));
    let kinds = |limits| {
        let read = accounts(&kept.path(""), limits);
        let kinds: Vec<_> = read.troubles.iter().map(|trouble| trouble.kind).collect();
        (read.found.len(), kinds)
    };
    let limits = Limits::default();
    assert_eq!(kinds(limits), (4, vec![TroubleKind::TooDeep]));
    let few = Limits { files_max: 2, ..limits };
    let many = TroubleKind::TooManyFiles;
    assert_eq!(kinds(few), (2, vec![TroubleKind::TooDeep, many, many]));
    let short = Limits { entries_max: 2, depth_max: 3, ..limits };
    assert!(kinds(short).1.contains(&TroubleKind::TooManyEntries));
    // `accounts`, the numbers below it, and the files of the first: then it ends, wherever it is.
    let ended = read(&kept.path(""), limits, 6);
    assert_eq!(ended.found.len(), 1);
    assert!(ended.troubles.iter().all(|trouble| trouble.kind == TroubleKind::Unfinished));
    assert!(!ended.troubles.is_empty());
    let quiet = Limits { troubles_max: 0, ..limits };
    assert_eq!(kinds(quiet), (4, vec![]));
}
