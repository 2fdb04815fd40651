//! The accounts at CAs that programs keep in a directory, and how they will validate at the next renewal.
//!
//! Whose a file is, its place tells: each program has names of its own. So a directory needs no kind to be said, and
//! nothing else in it is opened, least of all the keys that lie beside. Links to directories are not followed: what
//! certbot and dehydrated link to is in the directory as well, by its own name.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use countersign_judge::acme_account::renewal::{self, Challenge};
use countersign_judge::acme_account::{self, AcmeAccount, Client, NoAccount};

use super::{Contents, DirectoryTrouble, Limits, TroubleKind, contents};

/// How many entries are looked at in all: ten files for each of 20,000 certificates, as acme.sh keeps them.
const ENTRIES_MAX: usize = 200_000;

/// What a directory holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    /// The accounts that can be used, in the order of their paths.
    pub found: Vec<FoundAccount>,
    /// The files that should hold one and do not.
    pub unusable: Vec<UnusableAccount>,
    /// What is known of renewals.
    pub renewals: Vec<FoundRenewal>,
    /// What could not be looked at.
    pub troubles: Vec<DirectoryTrouble>,
}

/// An account, and where it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAccount {
    /// The file.
    pub path: PathBuf,
    /// What is in it.
    pub account: AcmeAccount,
}

/// A file that tells of no account that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableAccount {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub why: NoAccount,
}

/// How one certificate will be renewed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRenewal {
    /// The file.
    pub path: PathBuf,
    /// Whose it is.
    pub client: Client,
    /// The ways that may be used; empty if that cannot be told.
    pub challenges: BTreeSet<Challenge>,
}

/// What a file is for, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Account(Client),
    /// What dehydrated keeps of an account beside its URL.
    DehydratedBody,
    Renewal(Client),
}

/// Reads all accounts that lie in a directory, whichever program keeps them there. Blocks.
pub fn accounts(root: &Path, limits: Limits) -> Accounts {
    read(root, limits, ENTRIES_MAX)
}

fn read(root: &Path, limits: Limits, entries_max: usize) -> Accounts {
    let mut read = Reading {
        root,
        limits,
        files_left: limits.files_max,
        entries_left: entries_max,
        accounts: Accounts::default(),
    };
    read.directory(root, &mut Vec::new());
    read.accounts
}

struct Reading<'a> {
    root: &'a Path,
    limits: Limits,
    files_left: usize,
    entries_left: usize,
    accounts: Accounts,
}

impl Reading<'_> {
    fn trouble(&mut self, trouble: DirectoryTrouble) {
        if self.accounts.troubles.len() < self.limits.troubles_max {
            self.accounts.troubles.push(trouble);
        }
    }

    /// Looks into a directory; `below` is its path from the root. As deep as the limit, and no deeper.
    fn directory(&mut self, path: &Path, below: &mut Vec<String>) {
        let names = match self.names(path) {
            Ok(names) => names,
            // It went away while others were read.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !below.is_empty() => return,
            Err(error) => return self.trouble(DirectoryTrouble::of_error(&error, path)),
        };
        for name in names {
            let entry = path.join(&name);
            below.push(name);
            self.entry(&entry, below);
            below.pop();
        }
    }

    /// The entries of a directory that have a name in UTF-8, in order. No program gives its files any other.
    fn names(&mut self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            if names.len() == self.limits.entries_max {
                self.trouble(DirectoryTrouble::new(TroubleKind::TooManyEntries, path));
                break;
            }
            if self.entries_left == 0 {
                self.trouble(DirectoryTrouble::new(TroubleKind::Unfinished, path));
                break;
            }
            self.entries_left -= 1;
            names.extend(entry?.file_name().into_string());
        }
        names.sort();
        Ok(names)
    }

    fn entry(&mut self, path: &Path, below: &mut Vec<String>) {
        let parts: Vec<&str> = below.iter().map(String::as_str).collect();
        let (enters, place) = (may_lead_to_one(&parts), place(&parts));
        if !enters && place.is_none() {
            return;
        }
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.trouble(DirectoryTrouble::of_error(&error, path)),
        };
        if metadata.is_dir() && enters {
            if below.len() < self.limits.depth_max {
                self.directory(path, below);
            } else {
                self.trouble(DirectoryTrouble::new(TroubleKind::TooDeep, path));
            }
        } else if metadata.is_symlink() && enters && fs::metadata(path).is_ok_and(|it| it.is_dir())
        {
            if !self.is_within_root(path) {
                self.trouble(DirectoryTrouble::new(TroubleKind::LinkToDirectory, path));
            }
        } else if let Some(place) = place.filter(|_| !metadata.is_dir()) {
            self.file(path, place);
        }
    }

    fn is_within_root(&self, link: &Path) -> bool {
        let target = fs::canonicalize(link);
        fs::canonicalize(self.root).is_ok_and(|root| target.is_ok_and(|it| it.starts_with(root)))
    }

    fn file(&mut self, path: &Path, place: Place) {
        let beside = |name: &str| path.with_file_name(name).symlink_metadata().is_ok();
        if place == Place::DehydratedBody && beside("account_id.json") {
            return;
        }
        if self.files_left == 0 {
            return self.trouble(DirectoryTrouble::new(TroubleKind::TooManyFiles, path));
        }
        self.files_left -= 1;
        let bytes = match contents(path) {
            Ok(Contents::Read { bytes, .. }) => bytes,
            Ok(Contents::NotAFile) => {
                return self.trouble(DirectoryTrouble::new(TroubleKind::NotAFile, path));
            }
            Err(error) => return self.trouble(DirectoryTrouble::of_error(&error, path)),
        };
        let read = match place {
            Place::Renewal(client) => {
                let challenges = renewal::read(client, &bytes);
                self.accounts.renewals.push(FoundRenewal {
                    path: path.to_owned(),
                    client,
                    challenges,
                });
                return;
            }
            Place::DehydratedBody => Err(NoAccount::NoUrl),
            Place::Account(Client::Dehydrated) if beside("deactivated") => {
                let url = acme_account::read(Client::Dehydrated, &bytes).ok().map(|one| one.url);
                Err(NoAccount::Ended { status: "deactivated".to_owned(), url })
            }
            Place::Account(client) => acme_account::read(client, &bytes),
        };
        match read {
            Ok(account) => {
                self.accounts.found.push(FoundAccount { path: path.to_owned(), account })
            }
            Err(why) => self.accounts.unusable.push(UnusableAccount { path: path.to_owned(), why }),
        }
    }
}

/// What a file is for, by its path from the directory of its program.
fn place(below: &[&str]) -> Option<Place> {
    match below {
        ["accounts", _, "account_id.json"] => Some(Place::Account(Client::Dehydrated)),
        ["accounts", _, "registration_info.json"] => Some(Place::DehydratedBody),
        ["accounts", _, .., "regr.json"] => Some(Place::Account(Client::Certbot)),
        ["accounts", _, .., "account.json"] => Some(Place::Account(Client::Lego)),
        ["acme", _, "users", _, file] if file.ends_with(".json") => {
            Some(Place::Account(Client::Caddy))
        }
        // Where acme.sh moves an account that it has deactivated.
        ["ca", middle @ .., "ca.conf"] if !middle.contains(&"deactivated") => {
            Some(Place::Account(Client::AcmeSh))
        }
        ["renewal", file] if file.ends_with(".conf") => Some(Place::Renewal(Client::Certbot)),
        [folder, file] => {
            let name = folder.strip_suffix("_ecc").unwrap_or(folder);
            let is_its_own = file.strip_suffix(".conf") == Some(name);
            is_its_own.then_some(Place::Renewal(Client::AcmeSh))
        }
        [] | [_] | [_, _, _, ..] => None,
    }
}

/// Whether a directory, by its path from that of its program, may have such files in or below it.
fn may_lead_to_one(below: &[&str]) -> bool {
    match below {
        // acme.sh has a directory for each certificate, beside those for other things.
        [_] => true,
        ["accounts", ..] => true,
        ["ca", rest @ ..] => !rest.contains(&"deactivated"),
        ["acme", _] | ["acme", _, "users"] | ["acme", _, "users", _] => true,
        [] | [_, ..] => false,
    }
}

#[cfg(test)]
mod tests;
