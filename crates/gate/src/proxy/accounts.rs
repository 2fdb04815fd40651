//! The keys of accounts on disk, so that accounts are no strangers after a restart: a line for each that was learned,
//! changed or given up. Whoever loses the file loses nothing but that; what the CA verifies it verifies anyhow.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::acme::{Book, Key};

/// The file, to add lines to.
#[derive(Debug)]
pub(super) struct Accounts(Mutex<File>);

/// A line.
#[derive(Deserialize, Serialize)]
struct AccountLine {
    account: String,
    /// `null` if it was given up.
    key: Option<Box<RawValue>>,
}

impl Accounts {
    /// Reads the file, if it is there, into the book, and writes it again without what is past.
    pub(super) fn open(path: &Path, book: &mut Book) -> io::Result<Self> {
        let mut known = BTreeMap::new();
        match File::open(path) {
            Ok(file) => {
                for line in BufReader::new(file).split(b'\n') {
                    // A line that a crash has cut, or that is about another CA, is about nobody.
                    let Ok(line) = serde_json::from_slice::<AccountLine>(&line?) else { continue };
                    known.insert(line.account, line.key.and_then(|key| Key::parse(&key).ok()));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let unfinished = path.with_extension("unfinished");
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(true).mode(0o600);
        let mut file = options.open(&unfinished)?;
        for (account, key) in known {
            let Some(key) = key else { continue };
            if book.remember(&account, key.clone()).is_ok() {
                file.write_all(&line(&account, Some(&key)))?;
            }
        }
        file.sync_all()?;
        fs::rename(&unfinished, path)?;
        Ok(Self(Mutex::new(file)))
    }

    /// Notes the key of an account, or that it has none any more.
    pub(super) fn keep(&self, account: &str, key: Option<&Key>) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(&line(account, key)) {
            tracing::warn!("cannot keep the key of an account: {error}");
        }
    }
}

fn line(account: &str, key: Option<&Key>) -> Vec<u8> {
    let line = AccountLine { account: account.to_owned(), key: key.map(Key::to_json) };
    let mut bytes = serde_json::to_vec(&line).expect("an account is JSON");
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::acme::Strangers;

    const DIRECTORY: &str = r#"{"newNonce":"https://a/n","newAccount":"https://a/a","newOrder":"https://a/o",
        "revokeCert":"https://a/r","keyChange":"https://a/k"}"#;

    fn book() -> Book {
        let book = Book::new("https://a/dir", DIRECTORY.as_bytes(), Strangers::Refuse);
        book.expect("a directory")
    }

    #[test]
    fn what_was_kept_is_known_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("accounts.jsonl");
        let keys = [1, 2].map(|octet| Key::Ed25519(vec![octet; 32]));
        let accounts = Accounts::open(&path, &mut book()).expect("a new file");
        accounts.keep("https://a/1", Some(&keys[0]));
        accounts.keep("https://a/1", Some(&keys[1]));
        accounts.keep("https://a/2", Some(&keys[0]));
        accounts.keep("https://a/2", None);
        accounts.keep("https://elsewhere/3", Some(&keys[0]));
        fs::write(&path, fs::read_to_string(&path).expect("read") + "{\"account\":")
            .expect("written");
        for _ in 0..2 {
            let mut book = book();
            drop(Accounts::open(&path, &mut book).expect("it is read"));
            assert_eq!(book.key("https://a/1"), Some(&keys[1]));
            assert_eq!(book.key("https://a/2"), None);
            assert_eq!(book.key("https://elsewhere/3"), None);
        }
        let lines = fs::read_to_string(&path).expect("read");
        assert_eq!(lines.lines().count(), 1, "{lines}");
    }
}
