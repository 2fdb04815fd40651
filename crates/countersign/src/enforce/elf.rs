//! What an executable says of itself: for which machine it is, who loads it, and which names it imports.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// An ELF file of 64 bits, little-endian: what this program and its library are, too.
#[derive(Debug)]
pub(crate) struct Elf {
    /// The kind of processor.
    pub(crate) machine: u16,
    /// The loader that loads it with its libraries; none if it is loaded alone.
    pub(crate) interpreter: Option<PathBuf>,
    /// The names of what it exports, imports and needs, each ended by a zero.
    names: Vec<u8>,
}

impl Elf {
    /// Reads a file; `None` if it is something else. Of a file that lies about itself less is read, and no more.
    pub(crate) fn read(path: &Path) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        let mut header = [0; HEADER_BYTES];
        if file.read_exact_at(&mut header, 0).is_err() || !header.starts_with(MAGIC) {
            return Ok(None);
        }
        let segments = Segment::all(&file, &header);
        let interpreter = segments.iter().find(|segment| segment.kind == INTERPRETER);
        let interpreter = interpreter.map(|segment| segment.bytes(&file, PATH_BYTES_MAX));
        let interpreter = interpreter.map(|path| {
            let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
            PathBuf::from(OsStr::from_bytes(path))
        });
        let names = names(&file, &segments).unwrap_or_default();
        Ok(Some(Self { machine: u16_at(&header, 18), interpreter, names }))
    }

    /// Whether it needs, by itself, a library whose name begins so. (Or says such a name otherwise.)
    pub(crate) fn needs_any(&self, libraries: &[&str]) -> bool {
        self.names
            .split(|byte| *byte == 0)
            .any(|name| libraries.iter().any(|library| name.starts_with(library.as_bytes())))
    }

    /// Whether it imports one of these functions, or has one itself.
    pub(crate) fn names_any(&self, functions: &[&str]) -> bool {
        self.names
            .split(|byte| *byte == 0)
            .any(|name| functions.iter().any(|function| function.as_bytes() == name))
    }
}

/// A part of the file, and where it is put in memory.
struct Segment {
    kind: u32,
    offset: u64,
    address: u64,
    len: u64,
}

impl Segment {
    fn all(file: &File, header: &[u8]) -> Vec<Self> {
        let (start, count) = (u64_at(header, 32), u64::from(u16_at(header, 56)));
        let len = count * SEGMENT_BYTES;
        let table = Self { kind: LOADED, offset: start, address: 0, len };
        let table = table.bytes(file, SEGMENTS_BYTES_MAX);
        let (entries, _) = table.as_chunks::<56>();
        let segment = |entry: &[u8; 56]| Self {
            kind: u32_at(entry, 0),
            offset: u64_at(entry, 8),
            address: u64_at(entry, 16),
            len: u64_at(entry, 32),
        };
        entries.iter().map(segment).collect()
    }

    /// What is in the file, up to that many bytes; nothing if the file ends before.
    fn bytes(&self, file: &File, bytes_max: usize) -> Vec<u8> {
        let len = usize::try_from(self.len).unwrap_or(bytes_max).min(bytes_max);
        let mut bytes = vec![0; len];
        match file.read_exact_at(&mut bytes, self.offset) {
            Ok(()) => bytes,
            Err(_) => Vec::new(),
        }
    }
}

/// The table of names for the loader.
fn names(file: &File, segments: &[Segment]) -> Option<Vec<u8>> {
    let dynamic = segments.iter().find(|segment| segment.kind == DYNAMIC)?;
    let dynamic = dynamic.bytes(file, DYNAMIC_BYTES_MAX);
    let (entries, _) = dynamic.as_chunks::<16>();
    let value = |tag| {
        let entry = entries.iter().find(|entry| u64_at(&entry[..], 0) == tag)?;
        Some(u64_at(&entry[..], 8))
    };
    let (address, len) = (value(NAMES)?, value(NAMES_LEN)?);
    let around = segments.iter().find(|segment| {
        let within = address.checked_sub(segment.address);
        segment.kind == LOADED && within.is_some_and(|within| within < segment.len)
    })?;
    let offset = around.offset.checked_add(address - around.address)?;
    Some(Segment { kind: LOADED, offset, address, len }.bytes(file, NAMES_BYTES_MAX))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array_at(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array_at(bytes, at))
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..].first_chunk().expect("a field of a whole header")
}

/// 64 bits, little-endian, version 1.
const MAGIC: &[u8] = b"\x7fELF\x02\x01\x01";
const HEADER_BYTES: usize = 64;
const SEGMENT_BYTES: u64 = 56;
/// Kinds of segment.
const LOADED: u32 = 1;
const DYNAMIC: u32 = 2;
const INTERPRETER: u32 = 3;
/// Tags of the dynamic segment.
const NAMES: u64 = 5;
const NAMES_LEN: u64 = 10;
/// A thousand segments; a dozen are usual.
const SEGMENTS_BYTES_MAX: usize = 56 * 1_000;
/// A few thousand entries; some thirty are usual.
const DYNAMIC_BYTES_MAX: usize = 64 * 1024;
/// The names of the largest programs, in C++, have some megabytes.
const NAMES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// `PATH_MAX`.
const PATH_BYTES_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn this_test_is_loaded_by_a_loader_and_reads_files() {
        let own = std::env::current_exe().expect("a test has a file");
        let elf = Elf::read(&own).expect("it can be read").expect("it is one");
        assert!(elf.interpreter.is_some_and(|loader| loader.exists()));
        let elf = Elf::read(&own).expect("it can be read").expect("it is one");
        assert!(elf.names_any(&["no_such_function", "open64", "open"]));
        assert!(!elf.names_any(&["no_such_function"]));
    }

    #[test]
    fn a_script_is_none() {
        let file = tempfile::NamedTempFile::new().expect("a file for the test");
        std::fs::write(file.path(), "#!/bin/sh\n").expect("it can be written");
        assert!(Elf::read(file.path()).expect("it can be read").is_none());
    }

    proptest! {
        #[test]
        fn a_file_that_lies_is_read_to_an_end(rest in prop::collection::vec(any::<u8>(), 57..400)) {
            let file = tempfile::NamedTempFile::new().expect("a file for the test");
            std::fs::write(file.path(), [MAGIC, &rest].concat()).expect("it can be written");
            prop_assert!(Elf::read(file.path()).expect("it can be read").is_some());
        }
    }
}
