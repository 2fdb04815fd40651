//! The records in which a ClientHello comes (RFC 8446 §5.1), found without reading more of them than has to be.

use std::io;

use countersign_tls::{Handshake, KeyLog, Recording, fingerprint};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Whether bytes of a client begin a TLS record that holds a handshake. No protocol's clear text does.
pub(super) fn begins(bytes: &[u8]) -> bool {
    bytes.first() == Some(&HANDSHAKE)
}

/// Reads on until the ClientHello is there, in whatever number of records. Gives up on what is none, with what came so far:
/// it is the server's to say what it thinks of it.
pub(super) async fn gather<R: AsyncRead + Unpin>(
    first: &[u8],
    reader: &mut R,
) -> io::Result<Vec<u8>> {
    let mut bytes = first.to_vec();
    while !is_whole(&bytes) {
        let mut buffer = [0; 4096];
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            break;
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
    Ok(bytes)
}

/// JA4 of the hello in these records, if there is one.
pub(crate) fn ja4(records: &[u8]) -> Option<String> {
    let mut recording = Recording::default();
    recording.sent.push(records);
    let handshake = Handshake::of(&recording, &KeyLog::default());
    Some(fingerprint::ja4(&handshake.client?))
}

/// Whether the first message of a handshake is all there, or never will be.
fn is_whole(bytes: &[u8]) -> bool {
    if bytes.len() > BYTES_MAX {
        return true;
    }
    let (mut rest, mut message) = (bytes, Vec::new());
    loop {
        if let [_, a, b, c, body @ ..] = &message[..]
            && body.len() >= length(&[*a, *b, *c])
        {
            return true;
        }
        let [kind, _, _, high, low, after @ ..] = rest else { return false };
        let size = length(&[*high, *low]);
        if *kind != HANDSHAKE {
            return true;
        }
        if after.len() < size {
            return false;
        }
        message.extend_from_slice(&after[..size]);
        rest = &after[size..];
    }
}

fn length(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
}

/// The type of records that hold a handshake.
const HANDSHAKE: u8 = 22;
/// A post-quantum hello has two kilobytes. Who says more is let pass.
const BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hello_is_gathered_from_pieces() {
        let (one, two) = ([22, 3, 1, 0, 5, 1, 0, 0, 3, 7], [22, 3, 1, 0, 2, 8, 9]);
        let whole = [&one[..], &two].concat();
        for cut in 1..whole.len() {
            let gathered = gather(&whole[..cut], &mut &whole[cut..]).await.unwrap();
            assert_eq!(gathered, whole);
        }
        assert!(is_whole(&[23, 3, 3, 0, 0]) && !is_whole(&one) && begins(&one));
    }
}
