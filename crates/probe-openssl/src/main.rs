//! The OpenSSL of this machine, for `countersign`, which is built without it: TLS handshakes as programs do them that are
//! linked with it, many at once.
//!
//! It opens no connection. What is to be sent and what was received are frames on its standard output and input
//! (`frame.rs`); who started it carries them, and ends it by closing its standard input.

mod configuration;
// One file, so that both ends cannot differ. It is the owner's: there it is tested and fuzzed.
#[path = "../../probe/src/stack/openssl/frame.rs"]
mod frame;
mod handshakes;
mod memory;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::process::ExitCode;

use handshakes::Handshakes;

fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Nobody may be listening any longer.
            let _ = writeln!(io::stderr(), "error: {why}");
            ExitCode::from(2)
        }
    }
}

/// Ends when the owner does. Whoever sends what is no frame is not the owner, and nothing is to be had from it.
fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let mut handshakes = Handshakes::new()?;
    let mut frames = frame::Frames::default();
    let mut input = io::stdin().lock();
    // Bytes, not lines: as a file, nothing of it waits for the end of one.
    let mut output = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let (mut bytes, mut out) = (vec![0; frame::PAYLOAD_BYTES_MAX], Vec::new());
    loop {
        let count = input.read(&mut bytes)?;
        if count == 0 {
            return Ok(());
        }
        frames.push(&bytes[..count]);
        while let Some(frame) = frames.next() {
            handshakes.take(frame?, &mut out)?;
            // A thousand that are opened at once answer with more than is worth holding.
            if out.len() >= frame::PAYLOAD_BYTES_MAX {
                output.write_all(&out)?;
                out.clear();
            }
        }
        output.write_all(&out)?;
        out.clear();
    }
}
