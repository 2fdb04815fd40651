//! Files that are there whole, or not at all, and that are still there after the machine lost its power.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// A folder.
#[derive(Debug)]
pub(crate) struct Disk {
    root: PathBuf,
    /// How many more steps of writing succeed.
    #[cfg(test)]
    pub(crate) steps_left: std::cell::Cell<Option<u64>>,
}

impl Disk {
    /// The folder at this path, which is made if it is not there.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        // The system knows then where "here" is, and the folders above can be told that it is there.
        let root = root.canonicalize()?;
        if let Some(above) = root.parent() {
            File::open(above)?.sync_all()?;
        }
        Ok(Self {
            root,
            #[cfg(test)]
            steps_left: std::cell::Cell::new(None),
        })
    }

    /// The whole path of a file.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A file of at most so many bytes; `None` if it is not there.
    pub(crate) fn read(&self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        read(&self.path(name), bytes_max)
    }

    /// Whether there is a file or folder of this name.
    pub(crate) fn has(&self, name: &str) -> io::Result<bool> {
        fs::exists(self.path(name))
    }

    /// Writes a file, in the place of one that may be there.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(name);
        let folder = path.parent().expect("it is in the root, or below");
        self.may_fail()?;
        fs::create_dir_all(folder)?;
        // Only the one that holds the lock writes, so nobody else has this name.
        let mut new = path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        self.may_fail()?;
        let mut file = File::create(&new)?;
        self.may_fail()?;
        file.write_all(bytes)?;
        self.may_fail()?;
        file.sync_all()?;
        self.may_fail()?;
        fs::rename(&new, &path)?;
        self.may_fail()?;
        // A file's name is in its folder, and the name of that in the one above.
        for folder in folder.ancestors().take_while(|folder| folder.starts_with(&self.root)) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    }

    /// Where a test has the disk fail.
    fn may_fail(&self) -> io::Result<()> {
        #[cfg(test)]
        if let Some(left) = self.steps_left.get() {
            let left = left.checked_sub(1).ok_or_else(|| io::Error::other("the disk fails"))?;
            self.steps_left.set(Some(left));
        }
        Ok(())
    }
}

/// A file of at most so many bytes; `None` if it is not there.
pub(crate) fn read(path: &Path, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let most = u64::try_from(bytes_max).expect("usize has at most 64 bits");
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is too long"));
    }
    Ok(Some(bytes))
}
