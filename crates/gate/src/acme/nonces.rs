//! Nonces that the CA has given out by way of the gate, each good once (RFC 8555 §6.5). The CA looks as well; but a
//! request that is sent again must not be decided, and archived, again.

use std::collections::HashSet;

/// Nonces that nobody has used yet. Of very many the oldest go; whoever has one of these gets a new one.
#[derive(Debug, Default)]
pub struct Nonces {
    young: HashSet<String>,
    old: HashSet<String>,
}

impl Nonces {
    /// The CA has given this one out.
    pub fn put(&mut self, nonce: &str) {
        if nonce.len() > NONCE_BYTES_MAX {
            return;
        }
        if self.young.len() >= GENERATION_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(nonce.to_owned());
    }

    /// Uses it up. Whether it was there.
    pub fn spend(&mut self, nonce: &str) -> bool {
        self.young.remove(nonce) || self.old.remove(nonce)
    }
}

/// Nonces have 16 to 64 bytes.
pub(super) const NONCE_BYTES_MAX: usize = 512;
/// Twice so many are remembered: some 20 MB.
const GENERATION_MAX: usize = 50_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once() {
        let mut nonces = Nonces::default();
        nonces.put("a");
        assert!(!nonces.spend("b") && nonces.spend("a") && !nonces.spend("a"));
        for number in 0..=2 * GENERATION_MAX {
            nonces.put(&number.to_string());
        }
        let newest = (2 * GENERATION_MAX).to_string();
        assert!(!nonces.spend("0") && nonces.spend(&newest) && !nonces.spend(&newest));
        nonces.put(&"x".repeat(NONCE_BYTES_MAX + 1));
        assert!(!nonces.spend(&"x".repeat(NONCE_BYTES_MAX + 1)));
    }
}
