//! A stream in memory: what came and was not read yet, what was written and not sent yet.

use std::io::{self, Read, Write};
use std::mem;

/// Both directions of a connection, as OpenSSL sees them. It never waits: where nothing is, it says so.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    incoming: Vec<u8>,
    /// How much of it has been read.
    read: usize,
    outgoing: Vec<u8>,
    closed: bool,
}

impl Memory {
    /// Takes what the peer sent.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.incoming.drain(..self.read);
        self.read = 0;
        self.incoming.extend_from_slice(bytes);
    }

    /// The peer sends nothing more.
    pub(crate) fn close(&mut self) {
        self.closed = true;
    }

    /// Whether everything has been read, and nothing more comes.
    pub(crate) fn has_ended(&self) -> bool {
        self.closed && self.read == self.incoming.len()
    }

    /// Gives out what is to be sent.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        mem::take(&mut self.outgoing)
    }
}

impl Read for Memory {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut pending = &self.incoming[self.read..];
        if pending.is_empty() && !self.closed {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let bytes = pending.read(into)?;
        self.read += bytes;
        Ok(bytes)
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.outgoing.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
