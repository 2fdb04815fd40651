//! What Mallory takes out of the features of XMPP streams, however they come in pieces.

use super::Strip;

/// Bytes of a server on their way to its client.
pub(super) struct Filter {
    /// What starts and ends what has to go.
    out: Vec<(&'static str, &'static str)>,
    held: Vec<u8>,
}

impl Filter {
    /// What to take out before TLS, and within.
    pub(super) fn new(strip: Strip) -> Self {
        let mut out = Vec::new();
        if strip.plus {
            out.push(("<mechanism>SCRAM-SHA-1-PLUS", "</mechanism>"));
            out.push(("<mechanism>SCRAM-SHA-256-PLUS", "</mechanism>"));
            out.push(("<sasl-channel-binding", "</sasl-channel-binding>"));
        }
        if strip.starttls {
            out.push(("<starttls", "</starttls>"));
        }
        Self { out, held: Vec::new() }
    }

    /// What goes on to the client now.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.out.is_empty() {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        let begun = find(&self.held, b"<stream:features");
        let ended = find(&self.held, b"</stream:features>");
        if begun.is_some() && ended.is_none() && self.held.len() < HELD_BYTES_MAX {
            return Vec::new();
        }
        let mut held = std::mem::take(&mut self.held);
        for (start, end) in &self.out {
            while let Some(from) = find(&held, start.as_bytes()) {
                let Some(length) = find(&held[from..], end.as_bytes()) else { break };
                held.drain(from..from + length + end.len());
            }
        }
        held
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Far more than any server's features; whatever goes on for longer goes on as it is.
const HELD_BYTES_MAX: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn just_what_has_to_go_goes() {
        let features = "<stream:features><starttls><required/></starttls><mechanism>SCRAM-SHA-1-PLUS\
            </mechanism><mechanism>SCRAM-SHA-1</mechanism><sasl-channel-binding><x/>\
            </sasl-channel-binding></stream:features>";
        let stripped = |plus, starttls, step| {
            let mut filter = Filter::new(Strip { plus, starttls });
            let pieces = features.as_bytes().chunks(step);
            String::from_utf8(pieces.flat_map(|piece| filter.pass(piece)).collect()).unwrap()
        };
        assert_eq!(stripped(false, false, 7), features);
        let usual = "<mechanism>SCRAM-SHA-1</mechanism>";
        for step in [20, 1000] {
            let plus = format!(
                "<stream:features><starttls><required/></starttls>{usual}</stream:features>"
            );
            assert_eq!(stripped(true, false, step), plus);
            let starttls = stripped(false, true, step);
            assert!(!starttls.contains("starttls") && starttls.contains("-PLUS"));
        }
    }
}
