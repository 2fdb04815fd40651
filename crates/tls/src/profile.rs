//! What the ClientHello of a client looks like, whatever it connects to: by this a probe is known for the client that it
//! claims to be, or for a probe.
//!
//! As text, a profile can be looked at, kept and handed on. Each has one text:
//!
//! ```text
//! countersign client profile v1
//! name: openssl-plain
//! order: fixed
//! alpn: any
//! versions: 0304 0303 0302 0301
//! …
//! ```

mod text;

use std::fmt;

use crate::hello::{ALPN, ClientHello, PRE_SHARED_KEY, SERVER_NAME};

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
    /// The kinds of its extensions. `server_name` is among them, though no IP address is sent in it; so is
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

/// RFC 8701 §2: values like 0x1a1a, of which any may stand for any.
fn without_grease(numbers: &[u16]) -> Vec<u16> {
    numbers.iter().map(|&number| if is_grease(number) { GREASE } else { number }).collect()
}

/// Whether a value is there only so that others like it are ignored.
pub(crate) fn is_grease(number: u16) -> bool {
    let [high, low] = number.to_be_bytes();
    high == low && low & 0x0f == 0x0a
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
