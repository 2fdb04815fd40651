//! The secrets of connections, as clients write them down for those who examine their traffic: lines of
//! `SSLKEYLOGFILE` (RFC 9850).
//!
//! ```text
//! SERVER_HANDSHAKE_TRAFFIC_SECRET <client random, 64 digits> <secret>
//! ```

use std::collections::HashMap;
use std::fmt;

/// What is known of connections, by their client random.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyLog {
    secrets: HashMap<(Label, [u8; 32]), Secret>,
    skipped: u64,
}

/// Which secret of a connection (RFC 9850 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// Opens what the client says during a TLS 1.3 handshake.
    ClientHandshake,
    /// Opens what the server says during a TLS 1.3 handshake, and not what it says later.
    ServerHandshake,
}

/// A secret of one connection.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// The most secrets that are kept. A browser with a busy page has some hundred connections.
pub const SECRETS_MAX: usize = 16 << 10;

/// Longer lines are skipped: a label, 64 digits, and the 128 digits of the longest secret.
const LINE_BYTES_MAX: usize = 512;

/// That of the longest hash, SHA-512; there is no suite with it yet.
const SECRET_BYTES_MAX: usize = 64;

impl KeyLog {
    /// Reads lines. What is no line of a kind that is needed is skipped, and counted.
    pub fn read(text: &[u8]) -> Self {
        let mut log = Self::default();
        log.push(text);
        log
    }

    /// Reads more lines. The last of them may be unfinished only if nothing of it follows.
    pub fn push(&mut self, text: &[u8]) {
        for line in text.split(|octet| *octet == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            match entry(line).filter(|_| self.secrets.len() < SECRETS_MAX) {
                // What was said first stays: a secret does not change.
                Some((label, random, secret)) => {
                    self.secrets.entry((label, random)).or_insert(secret);
                }
                None => self.skipped = self.skipped.saturating_add(1),
            }
        }
    }

    /// The secret of a connection.
    pub fn secret(&self, label: Label, client_random: &[u8; 32]) -> Option<&Secret> {
        self.secrets.get(&(label, *client_random))
    }

    /// How many secrets are there.
    pub fn len(&self) -> usize {
        self.secrets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// How many lines were skipped: of other kinds, damaged, or beyond [`SECRETS_MAX`].
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

impl Label {
    /// As it stands in the line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ClientHandshake => "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
            Self::ServerHandshake => "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        }
    }

    const ALL: [Self; 2] = [Self::ClientHandshake, Self::ServerHandshake];
}

impl Secret {
    /// As many octets as the hash of the suite has.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The line for it, without a line end.
    pub fn line(&self, label: Label, client_random: &[u8; 32]) -> String {
        format!("{} {} {}", label.as_str(), hex(client_random), hex(&self.0))
    }
}

impl fmt::Debug for Secret {
    // Events and panics must not spill it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn entry(line: &[u8]) -> Option<(Label, [u8; 32], Secret)> {
    let line = std::str::from_utf8(line).ok().filter(|line| line.len() <= LINE_BYTES_MAX)?;
    let mut words = line.split(' ');
    let (label, random, secret) = (words.next()?, words.next()?, words.next()?);
    let label = Label::ALL.into_iter().find(|known| known.as_str() == label)?;
    let random = octets(random)?.try_into().ok()?;
    let secret = octets(secret).filter(|secret| (1..=SECRET_BYTES_MAX).contains(&secret.len()))?;
    words.next().is_none().then_some((label, random, Secret(secret)))
}

/// Octets as lower-case hexadecimal.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// The octets of hexadecimal digits, of either case.
pub(crate) fn octets(text: &str) -> Option<Vec<u8>> {
    let (pairs, over) = text.as_bytes().as_chunks();
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let octet = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    over.is_empty().then(|| pairs.iter().map(octet).collect())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_others_counted() {
        let random = [0xab; 32];
        let good = Secret(vec![7; 48]).line(Label::ServerHandshake, &random);
        let text = format!(
            "# SSL/TLS secrets log file\n\n{good}\r\nEXPORTER_SECRET {} 00\n{good} more\nCLIENT_HANDSHAKE_TRAFFIC_SECRET 00 00\n{}",
            hex(&random),
            good.replace("07", "08"),
        );
        let log = KeyLog::read(text.as_bytes());
        let secret = log.secret(Label::ServerHandshake, &random).map(Secret::bytes);
        assert_eq!(secret, Some(&[7; 48][..]));
        assert_eq!(log.secret(Label::ClientHandshake, &random), None);
        assert_eq!((log.len(), log.skipped()), (1, 3));
    }

    #[test]
    fn a_log_has_an_end() {
        let mut log = KeyLog::default();
        for number in 0..u32::try_from(SECRETS_MAX).unwrap() + 5 {
            let mut random = [0; 32];
            random[..4].copy_from_slice(&number.to_be_bytes());
            log.push(Secret(vec![1]).line(Label::ClientHandshake, &random).as_bytes());
        }
        assert_eq!((log.len(), log.skipped()), (SECRETS_MAX, 5));
    }

    #[test]
    fn secrets_are_not_spilled() {
        assert_eq!(format!("{:?}", Secret(vec![7; 4])), "Secret(..)");
    }
}
