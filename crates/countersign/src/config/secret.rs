//! Secrets, which stand in files of their own and never in the configuration.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::failure::Failure;

/// Reads a secret: the text of the file without the line end that editors put behind it.
///
/// A file that every user of this machine may read is refused. Its group may, since a service often runs as a user
/// who may read its own configuration and not write it.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let mode = File::open(path).and_then(|file| {
        // Of the file that was opened, and not of one that may have taken its place.
        let mode = file.metadata()?.permissions().mode();
        file.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text)?;
        Ok(mode)
    });
    let mode = mode.map_err(|error| Failure::read(path, &error))?;
    let shown = path.display();
    if mode & OF_OTHERS != 0 {
        let mode = mode & 0o777;
        let what = format!("{shown} holds a secret, and its mode {mode:o} lets others at it");
        return Err(Failure::new(what).hint(format!("chmod 600 {shown}")));
    }
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > SECRET_BYTES_MAX) {
        return Err(Failure::new(format!("{shown} is longer than {SECRET_BYTES_MAX} bytes")));
    }
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(Failure::new(format!("{shown} is empty")));
    }
    Ok(secret.to_owned())
}

/// What others than the owner and the group may do, and what the group may do but read.
const OF_OTHERS: u32 = 0o027;
/// Longer than any password and any key.
const SECRET_BYTES_MAX: u64 = 4096;

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[track_caller]
    fn check(text: &str, mode: u32, expected: Result<&str, &str>) {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("secret");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("its mode is set");
        match (read(&path), expected) {
            (Ok(secret), Ok(expected)) => assert_eq!(secret, expected),
            (Err(failure), Err(why)) => assert!(failure.to_string().contains(why), "{failure}"),
            (other, _) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_line_end_is_not_part_of_the_secret() {
        check("geheim\n", 0o600, Ok("geheim"));
        check(" ge heim \r\n", 0o640, Ok(" ge heim "));
        check("\n", 0o600, Err("is empty"));
        check(&"x".repeat(4097), 0o600, Err("is longer than"));
    }

    #[test]
    fn what_everybody_may_read_is_no_secret() {
        for mode in [0o644, 0o604, 0o606, 0o660, 0o602] {
            check("geheim", mode, Err("lets others at it"));
        }
    }
}
