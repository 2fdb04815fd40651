//! A pack as one file: POSIX tar (IEEE Std 1003.1-2008, "ustar Interchange Format"), with what packs need of it.
//!
//! Written is one form only, so that equal packs are equal files. Read is that form and what other programs make of
//! it when they unpack a folder and pack it again: other owners, modes, times and orders, entries for folders.
//! Nothing else is in a pack, so links, devices and extended headers are refused. Nothing is unpacked to a disk.

use std::collections::BTreeMap;

use super::{BYTES_MAX, FILES_MAX, Pack, PackError};

/// What headers and contents are padded to.
const BLOCK: usize = 512;
/// The bytes of a pack: its files, padded, each with its header, some headers of folders, and the end.
pub const TAR_BYTES_MAX: usize = BYTES_MAX + (FILES_MAX + FOLDERS_MAX) * 2 * BLOCK + PADDING_MAX;
/// Headers of folders, at most: a sighting has one.
const FOLDERS_MAX: usize = FILES_MAX;
/// Programs fill up the last record, which usually has twenty blocks.
const PADDING_MAX: usize = 1 << 20;

/// Why bytes are no pack.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TarError {
    /// More bytes than a pack has.
    #[error("it has more than {TAR_BYTES_MAX} bytes")]
    TooLarge,
    /// It ends within a file, or has no end.
    #[error("it ends too early")]
    Truncated,
    /// Something else stands where a header has to be, or a field of one is none.
    #[error("there is no header of a tar file at byte {at}")]
    Header {
        /// Where.
        at: usize,
    },
    /// Neither a file nor a folder.
    #[error("it holds something that is neither a file nor a folder, at byte {at}")]
    Kind {
        /// Where.
        at: usize,
    },
    /// Not all files are in one folder.
    #[error("it holds more than one folder, or a file outside of it, at byte {at}")]
    Folder {
        /// Where.
        at: usize,
    },
    /// A file is there twice, so that readers may see different ones.
    #[error("it holds {0} twice")]
    Twice(String),
    /// Its files are none of a pack.
    #[error(transparent)]
    Pack(#[from] PackError),
}

impl Pack {
    /// The folder that all files are in.
    pub fn folder(&self) -> String {
        let id = self.incident().map_or(0, |(id, _)| id);
        format!("{FOLDER}{id}")
    }

    /// The pack as a tar file. Equal packs make equal bytes: sorted, of nobody, as old as the incident.
    pub fn to_tar(&self) -> Vec<u8> {
        let opened_s = self.incident().map_or(0, |(_, opened_at)| opened_at.as_second());
        let folder = self.folder();
        let mut tar = Vec::new();
        for (name, bytes) in self.files() {
            tar.extend(header(&format!("{folder}/{name}"), bytes.len(), opened_s));
            tar.extend(bytes);
            tar.resize(tar.len().next_multiple_of(BLOCK), 0);
        }
        tar.resize(tar.len() + 2 * BLOCK, 0);
        tar
    }

    /// Reads a tar file.
    pub fn from_tar(tar: &[u8]) -> Result<Self, TarError> {
        if tar.len() > TAR_BYTES_MAX {
            return Err(TarError::TooLarge);
        }
        let (mut files, mut folder) = (BTreeMap::new(), None);
        let mut at = 0;
        loop {
            let block = tar.get(at..at + BLOCK).ok_or(TarError::Truncated)?;
            if block.iter().all(|octet| *octet == 0) {
                break;
            }
            let header = Header::read(block).ok_or(TarError::Header { at })?;
            let (top, name) = header.name.split_once('/').ok_or(TarError::Folder { at })?;
            if !top.starts_with(FOLDER) || *folder.get_or_insert(top) != top {
                return Err(TarError::Folder { at });
            }
            match header.kind {
                b'5' if header.size == 0 => {}
                b'0' | 0 => {
                    let begin = at + BLOCK;
                    let bytes =
                        tar.get(begin..begin + header.size).ok_or(TarError::Truncated)?.to_vec();
                    if files.len() >= FILES_MAX {
                        return Err(PackError::TooManyFiles.into());
                    }
                    if files.insert(name.to_owned(), bytes).is_some() {
                        return Err(TarError::Twice(name.escape_debug().to_string()));
                    }
                }
                _ => return Err(TarError::Kind { at }),
            }
            at += BLOCK + header.size.next_multiple_of(BLOCK);
        }
        // Behind the end may stand what some programs would read and others not.
        if tar[at..].iter().any(|octet| *octet != 0) {
            return Err(TarError::Header { at });
        }
        Ok(Self::new(files)?)
    }
}

/// How the name of the folder begins.
const FOLDER: &str = "countersign-incident-";

// Where the fields of a header are.
const NAME: std::ops::Range<usize> = 0..100;
const MODE: std::ops::Range<usize> = 100..108;
const UID: std::ops::Range<usize> = 108..116;
const GID: std::ops::Range<usize> = 116..124;
const SIZE: std::ops::Range<usize> = 124..136;
const MTIME: std::ops::Range<usize> = 136..148;
const CHECKSUM: std::ops::Range<usize> = 148..156;
const TYPE: usize = 156;
const MAGIC: std::ops::Range<usize> = 257..262;
const VERSION: std::ops::Range<usize> = 263..265;
const PREFIX: std::ops::Range<usize> = 345..500;

fn header(name: &str, size: usize, mtime_s: i64) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |field: std::ops::Range<usize>, text: &str| {
        header[field][..text.len()].copy_from_slice(text.as_bytes());
    };
    put(NAME, name);
    put(MODE, "0000644");
    put(UID, "0000000");
    put(GID, "0000000");
    put(SIZE, &format!("{size:011o}"));
    // No incident was opened before 1970 or, with eleven octal digits, after the year 2242.
    put(MTIME, &format!("{:011o}", mtime_s.clamp(0, (1 << 33) - 1)));
    put(TYPE..TYPE + 1, "0");
    put(MAGIC, "ustar");
    put(VERSION, "00");
    let sum = format!("{:06o}", checksum(&header));
    header[CHECKSUM][..6].copy_from_slice(sum.as_bytes());
    header[CHECKSUM.end - 1] = b' ';
    header
}

/// The sum of all octets, those of the field itself taken as spaces.
fn checksum(header: &[u8]) -> usize {
    let octets = header.iter().enumerate();
    octets.map(|(at, octet)| if CHECKSUM.contains(&at) { 32 } else { usize::from(*octet) }).sum()
}

struct Header<'a> {
    name: &'a str,
    size: usize,
    kind: u8,
}

impl<'a> Header<'a> {
    fn read(block: &'a [u8]) -> Option<Self> {
        let text = |field: std::ops::Range<usize>| {
            let field = &block[field];
            let end = field.iter().position(|octet| *octet == 0).unwrap_or(field.len());
            str::from_utf8(&field[..end]).ok()
        };
        let number = |field| {
            usize::from_str_radix(text(field)?.trim_matches(' '), 8)
                .ok()
                .filter(|number| *number <= TAR_BYTES_MAX)
        };
        let is_tar = block[MAGIC] == *b"ustar" && number(CHECKSUM)? == checksum(block);
        // No name of a pack is so long that it needs the prefix.
        if !is_tar || !text(PREFIX)?.is_empty() {
            return None;
        }
        Some(Self { name: text(NAME)?, size: number(SIZE)?, kind: block[TYPE] })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pack(files: &[(&str, &[u8])]) -> Pack {
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()));
        Pack::new(files.collect()).unwrap()
    }

    #[track_caller]
    fn check(tar: &[u8], refused: TarError) {
        assert_eq!(Pack::from_tar(tar), Err(refused));
    }

    fn one(name: &str, kind: u8) -> Vec<u8> {
        let mut header = header(name, 0, 0);
        header[TYPE] = kind;
        let sum = format!("{:06o}", checksum(&header));
        header[CHECKSUM][..6].copy_from_slice(sum.as_bytes());
        [&header[..], &[0; 2 * BLOCK]].concat()
    }

    #[test]
    fn what_is_no_pack_is_refused() {
        check(b"", TarError::Truncated);
        check(&[1; BLOCK], TarError::Header { at: 0 });
        check(&one("etc/passwd", b'0'), TarError::Folder { at: 0 });
        check(&one("countersign-incident-1", b'0'), TarError::Folder { at: 0 });
        for kind in [b'1', b'2', b'3', b'x', b'g', b'L'] {
            check(&one("countersign-incident-1/a", kind), TarError::Kind { at: 0 });
        }
        let name = "../a".to_owned();
        check(&one("countersign-incident-1/../a", b'0'), TarError::Pack(PackError::Name(name)));
        let tar = pack(&[("a", b"b")]).to_tar();
        check(&tar[..tar.len() - 3 * BLOCK], TarError::Truncated);
        let twice = [&tar[..2 * BLOCK], &tar].concat();
        check(&twice, TarError::Twice("a".to_owned()));
        let other = one("countersign-incident-2/b", b'0');
        check(&[&tar[..2 * BLOCK], &other].concat(), TarError::Folder { at: 2 * BLOCK });
        let hidden = [&tar[..], &other].concat();
        check(&hidden, TarError::Header { at: 2 * BLOCK });
    }

    #[test]
    fn folders_have_nothing_to_say() {
        let folder = one("countersign-incident-1/log-1/", b'5');
        assert_eq!(Pack::from_tar(&folder), Ok(pack(&[])));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            files in prop::collection::btree_map("[a-z0-9][a-z.-]{0,9}(/[a-z0-9]{1,9})?", any::<Vec<u8>>(), 0..5),
        ) {
            let pack = Pack::new(files).unwrap();
            prop_assert_eq!(Pack::from_tar(&pack.to_tar()), Ok(pack));
        }

        #[test]
        fn any_bytes_are_judged(bytes: Vec<u8>, at in 0_usize..2048, octet: u8) {
            let _refused = Pack::from_tar(&bytes);
            let mut tar = pack(&[("a", &[7; 600])]).to_tar();
            tar[at] = octet;
            let _judged = Pack::from_tar(&tar);
        }
    }
}
