//! TLSA records: what a zone that is signed says about the certificates of a service (RFC 6698, RFC 7671).

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use countersign_sct::spki_of;

/// The TLSA records of a service, so far as they can be relied on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum TlsaView {
    /// Nobody has looked.
    #[default]
    NotAsked,
    /// There are none, or none that is signed: nothing is promised.
    Nothing,
    /// These, each as its data is, validated.
    Secure(Vec<Tlsa>),
    /// Whether there are any could not be told, in our words.
    CouldNotTell {
        /// Why.
        why: String,
    },
}

/// One record (RFC 6698 §2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlsa {
    /// What it restricts: 0 and 1 besides the usual checks, 2 and 3 in their place.
    pub usage: u8,
    /// Which part: 0 the certificate, 1 its SubjectPublicKeyInfo.
    pub selector: u8,
    /// In which form: 0 as it is, 1 its SHA-256, 2 its SHA-512.
    pub matching: u8,
    /// The part.
    pub data: Vec<u8>,
}

impl Tlsa {
    /// Reads the data of a record. `None`: there is too little of it.
    pub fn of_rdata(rdata: &[u8]) -> Option<Self> {
        let [usage, selector, matching, data @ ..] = rdata else { return None };
        let (usage, selector, matching) = (*usage, *selector, *matching);
        Some(Self { usage, selector, matching, data: data.to_vec() })
    }

    /// Whether it can say anything to clients that know RFC 7671.
    pub fn is_usable(&self) -> bool {
        self.usage <= 3 && self.selector <= 1 && self.matching <= 2
    }

    /// Whether a chain is one that it means: the end entity's certificate for usages 1 and 3, one of the others (or that
    /// of the end entity, if nobody else issued it) for 0 and 2.
    pub fn matches(&self, chain: &[Vec<u8>]) -> bool {
        let candidates = match self.usage {
            1 | 3 => chain.get(..1),
            0 | 2 if chain.len() > 1 => chain.get(1..),
            0 | 2 => chain.get(..),
            _ => None,
        };
        candidates.into_iter().flatten().any(|der| self.names(der))
    }

    fn names(&self, der: &[u8]) -> bool {
        let part = match self.selector {
            0 => der,
            1 => match spki_of(der) {
                Ok(spki) => spki,
                Err(_) => return false,
            },
            _ => return false,
        };
        match self.matching {
            0 => self.data == part,
            1 => self.data == digest(&SHA256, part).as_ref(),
            2 => self.data == digest(&SHA512, part).as_ref(),
            _ => false,
        }
    }
}

/// Whether a chain is what usable records promise. `None`: they promise nothing.
pub fn agrees(records: &[Tlsa], chain: &[Vec<u8>]) -> Option<bool> {
    let mut usable = records.iter().filter(|record| record.is_usable()).peekable();
    usable.peek()?;
    Some(usable.any(|record| record.matches(chain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Vec<Vec<u8>> {
        ["a.example", "b.example"]
            .map(|name| {
                let names = vec![name.to_owned()];
                rcgen::generate_simple_self_signed(names).expect("a name").cert.der().to_vec()
            })
            .to_vec()
    }

    #[track_caller]
    fn check(
        usage: u8,
        selector: u8,
        matching: u8,
        data: &[u8],
        chain: &[Vec<u8>],
        expected: Option<bool>,
    ) {
        let rdata = [&[usage, selector, matching], data].concat();
        let record = Tlsa::of_rdata(&rdata).unwrap();
        assert_eq!(agrees(&[record], chain), expected, "{usage} {selector} {matching}");
    }

    #[test]
    fn each_usage_means_its_certificates() {
        let chain = chain();
        let spki = |at: usize| spki_of(&chain[at]).unwrap().to_vec();
        let sha256 = |bytes: &[u8]| digest(&SHA256, bytes).as_ref().to_vec();
        let sha512 = |bytes: &[u8]| digest(&SHA512, bytes).as_ref().to_vec();
        for usage in [1, 3] {
            check(usage, 1, 1, &sha256(&spki(0)), &chain, Some(true));
            check(usage, 0, 2, &sha512(&chain[0]), &chain, Some(true));
            check(usage, 0, 0, &chain[0], &chain, Some(true));
            check(usage, 1, 1, &sha256(&spki(1)), &chain, Some(false));
        }
        for usage in [0, 2] {
            check(usage, 1, 1, &sha256(&spki(1)), &chain, Some(true));
            check(usage, 1, 1, &sha256(&spki(0)), &chain, Some(false));
            check(usage, 1, 1, &sha256(&spki(0)), &chain[..1], Some(true));
        }
        check(3, 1, 1, &[], &chain, Some(false));
        check(3, 1, 1, &sha256(&spki(0)), &[], Some(false));
    }

    #[test]
    fn records_of_the_future_promise_nothing() {
        let chain = chain();
        for (usage, selector, matching) in [(4, 1, 1), (3, 2, 1), (3, 1, 3), (255, 255, 255)] {
            check(usage, selector, matching, &[0; 32], &chain, None);
        }
        assert_eq!(Tlsa::of_rdata(&[3, 1]), None);
        assert_eq!(agrees(&[], &chain), None);
    }
}
