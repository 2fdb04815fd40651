//! What the ClientHello of a client looks like, whatever it connects to: by this a probe is known for the client that it
//! claims to be, or for a probe.
//!
//! As text, a profile can be looked at, kept and handed on. Each has one text:
//!
//! ```text
//! countersign client profile v1
//! name: openssl-plain
//! ja4: t13d311000_e8f1e7e78f70_1f22a2ca17c4
//! ja3: a3afc2c46ba4a7d7fbe1cfb7a3031c2f
//! order: fixed
//! alpn: any
//! versions: 0304 0303 0302 0301
//! …
//! ```
//!
//! The two fingerprints are those of a hello with a server name, and with application protocols only if they are always
//! the same. They follow from the lists: a text in which they do not is refused.

mod text;

use std::fmt;

use crate::fingerprint;
use crate::hello::{
    ALPN, ClientHello, Extension, POINT_FORMATS, PRE_SHARED_KEY, SERVER_NAME, SIGNATURE_ALGORITHMS,
    SUPPORTED_GROUPS, SUPPORTED_VERSIONS,
};
use crate::names::is_grease;

pub use text::{PROFILE_BYTES_MAX, ProfileError};

/// What one client sends, in its order. GREASE (RFC 8701), which is random, stands as 0x0a0a.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Which client: lower-case letters, digits and `-`.
    pub name: String,
    /// Whether the extensions always come in this order.
    pub order: Order,
    /// The application protocols that it offers.
    pub alpn: Alpn,
    /// The versions that it offers (`supported_versions`), the preferred one first.
    pub versions: Vec<u16>,
    /// The cipher suites, the preferred one first.
    pub suites: Vec<u16>,
    /// The kinds of its extensions; by number, if they are permuted. `server_name` is among them, though no IP address is sent in it; so is
    /// `application_layer_protocol_negotiation` where it is sent if there is something to say.
    pub extensions: Vec<u16>,
    /// The groups (`supported_groups`), the preferred one first.
    pub groups: Vec<u16>,
    /// The groups that it sends shares for.
    pub shares: Vec<u16>,
    /// The point formats (`ec_point_formats`).
    pub formats: Vec<u8>,
    /// The signature algorithms, the preferred one first.
    pub algorithms: Vec<u16>,
}

/// How a client orders its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The same way each time.
    Fixed,
    /// By chance, each time anew.
    Permuted,
}

/// Which application protocols a client offers (RFC 7301).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alpn {
    /// Those that the program asks for which uses it: it is a library.
    Any,
    /// These, in this order; perhaps none.
    These(Vec<Vec<u8>>),
}

/// In what a hello is not as its profile says, and first of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// In what.
    what: &'static str,
    /// As the profile has it.
    expected: String,
    /// As the hello has it.
    found: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none =
            |list: &String| if list.is_empty() { "none".to_owned() } else { list.clone() };
        let (expected, found) = (or_none(&self.expected), or_none(&self.found));
        write!(f, "its {} are {found}, and not {expected}", self.what)
    }
}

impl Profile {
    /// The profile of a client that sent this hello.
    pub fn of(name: &str, hello: &ClientHello) -> Result<Self, ProfileError> {
        if hello.extension(PRE_SHARED_KEY).is_some() {
            return Err(ProfileError::Resumes);
        }
        let profile = Self {
            name: name.to_owned(),
            order: Order::Fixed,
            alpn: Alpn::These(hello.alpn().into_iter().map(<[u8]>::to_vec).collect()),
            versions: without_grease(&hello.versions()),
            suites: without_grease(&hello.suites),
            extensions: kinds(hello),
            groups: without_grease(&hello.groups()),
            shares: without_grease(&hello.key_share_groups()),
            formats: hello.point_formats().to_vec(),
            algorithms: without_grease(&hello.signature_algorithms()),
        };
        // What has no text could not be kept.
        Self::parse(&profile.to_string())
    }

    /// Learns from a further hello of the same client: whether it permutes its extensions.
    pub fn learn(&mut self, hello: &ClientHello) -> Result<(), Difference> {
        match self.differs(hello) {
            None => Ok(()),
            Some(first) => {
                let permuted = Self { order: Order::Permuted, ..self.clone() };
                permuted.differs(hello).map_or(Ok(()), |_| Err(first))?;
                self.order = Order::Permuted;
                self.extensions.sort_unstable();
                Ok(())
            }
        }
    }

    /// In what a hello is not as this says, if it is not.
    pub fn differs(&self, hello: &ClientHello) -> Option<Difference> {
        let numbers = [
            ("versions", &self.versions, without_grease(&hello.versions())),
            ("cipher suites", &self.suites, without_grease(&hello.suites)),
            ("groups", &self.groups, without_grease(&hello.groups())),
            ("key shares", &self.shares, without_grease(&hello.key_share_groups())),
            (
                "signature algorithms",
                &self.algorithms,
                without_grease(&hello.signature_algorithms()),
            ),
        ];
        for (what, expected, found) in numbers {
            if *expected != found {
                return Some(Difference {
                    what,
                    expected: text::hex(expected),
                    found: text::hex(&found),
                });
            }
        }
        self.extensions_differ(hello).or_else(|| self.rest_differs(hello))
    }

    fn extensions_differ(&self, hello: &ClientHello) -> Option<Difference> {
        let mut found = kinds(hello);
        // Two are the probe's choice, and one the length's.
        let mut expected = self.extensions.clone();
        expected.retain(|kind| match *kind {
            SERVER_NAME => found.contains(&SERVER_NAME),
            ALPN if self.alpn == Alpn::Any => found.contains(&ALPN),
            PADDING => found.contains(&PADDING) || is_padded(hello),
            _ => true,
        });
        if self.order == Order::Permuted {
            expected.sort_unstable();
            found.sort_unstable();
        }
        (expected != found).then(|| Difference {
            what: "extensions",
            expected: text::hex(&expected),
            found: text::hex(&found),
        })
    }

    fn rest_differs(&self, hello: &ClientHello) -> Option<Difference> {
        if self.formats != hello.point_formats() {
            let words =
                |formats: &[u8]| text::hex(&formats.iter().map(|&f| f.into()).collect::<Vec<_>>());
            return Some(Difference {
                what: "point formats",
                expected: words(&self.formats),
                found: words(hello.point_formats()),
            });
        }
        let found = Alpn::These(hello.alpn().into_iter().map(<[u8]>::to_vec).collect());
        (self.alpn != Alpn::Any && self.alpn != found).then(|| Difference {
            what: "application protocols",
            expected: text::alpn(&self.alpn),
            found: text::alpn(&found),
        })
    }

    /// JA4: see [`fingerprint::ja4`].
    pub fn ja4(&self) -> String {
        fingerprint::ja4(&self.hello())
    }

    /// JA3, where it is always the same: see [`fingerprint::ja3`].
    pub fn ja3(&self) -> Option<String> {
        (self.order == Order::Fixed).then(|| fingerprint::ja3(&self.hello()))
    }

    /// A hello like this, as far as fingerprints look at it.
    fn hello(&self) -> ClientHello {
        let kinds = self.extensions.iter().filter(|kind| **kind != ALPN || self.alpn != Alpn::Any);
        let extension = |&kind: &u16| Extension { kind, bytes: self.extension(kind) };
        // RFC 8446 §4.1.2: who names the versions elsewhere says 0x0303 here.
        let named = self.extensions.contains(&SUPPORTED_VERSIONS);
        let version = self.versions.first().filter(|_| !named).copied().unwrap_or(0x0303);
        ClientHello {
            version,
            random: [0; 32],
            session_id: Vec::new(),
            suites: self.suites.clone(),
            compressions: vec![0],
            extensions: kinds.map(extension).collect(),
        }
    }

    /// What stands in an extension, where that is known.
    fn extension(&self, kind: u16) -> Vec<u8> {
        match kind {
            SUPPORTED_GROUPS => with_length(&octets(&self.groups)),
            SIGNATURE_ALGORITHMS => with_length(&octets(&self.algorithms)),
            // The length of these two is one byte, and no client has more than that says.
            SUPPORTED_VERSIONS => with_length(&octets(&self.versions)).split_off(1),
            POINT_FORMATS => with_length(&self.formats).split_off(1),
            ALPN => match &self.alpn {
                Alpn::Any => Vec::new(),
                Alpn::These(names) => {
                    let name = |name: &Vec<u8>| with_length(name).split_off(1);
                    with_length(&names.iter().flat_map(name).collect::<Vec<_>>())
                }
            },
            _ => Vec::new(),
        }
    }

    /// The profile of this name that is built in.
    pub fn built_in(name: &str) -> Option<Self> {
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == name);
        built_in.map(|(_, text)| Self::parse(text).expect("what is built in was tested"))
    }
}

/// What is built in: the stacks that probes have without any recording. Those of OpenSSL are as Debian 12 has it.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("rustls", include_str!("profile/rustls.txt")),
    ("openssl-connector", include_str!("profile/openssl-connector.txt")),
    ("openssl-plain", include_str!("profile/openssl-plain.txt")),
    ("openssl-python", include_str!("profile/openssl-python.txt")),
];

fn kinds(hello: &ClientHello) -> Vec<u16> {
    let kinds: Vec<u16> = hello.extensions.iter().map(|extension| extension.kind).collect();
    without_grease(&kinds)
}

fn octets(numbers: &[u16]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Behind its length in two bytes.
fn with_length(octets: &[u8]) -> Vec<u8> {
    let length =
        u16::try_from(octets.len()).expect("a profile has at most 16 KiB, and so has a list");
    [&length.to_be_bytes()[..], octets].concat()
}

/// RFC 8701 §2: values like 0x1a1a, of which any may stand for any.
fn without_grease(numbers: &[u16]) -> Vec<u16> {
    numbers.iter().map(|&number| if is_grease(number) { GREASE } else { number }).collect()
}

const GREASE: u16 = 0x0a0a;

/// Whether clients pad a hello of this length (RFC 7685 §1): there were servers that hang at 256 to 511 bytes.
fn is_padded(hello: &ClientHello) -> bool {
    let extensions = hello.extensions.iter().filter(|extension| extension.kind != PADDING);
    let extensions: usize = extensions.map(|extension| 4 + extension.bytes.len()).sum();
    let fields = 4 + 2 + 32 + 1 + hello.session_id.len() + 2 + 2 * hello.suites.len();
    let length = fields + 1 + hello.compressions.len() + 2 + extensions;
    (256..512).contains(&length)
}

/// `padding`.
const PADDING: u16 = 21;

#[cfg(test)]
mod tests;
