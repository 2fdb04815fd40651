//! What the ClientHello of a client looks like, whatever it connects to: by this a probe is known for the client that it
//! claims to be, or for a probe.

/// What one client sends, in its order. GREASE (RFC 8701), which is random, stands as 0x0a0a.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Which client: lower-case letters, digits and `-`.
    pub name: String,
    /// Whether the extensions always come in this order.
    pub order: Order,
    /// The versions that it offers (supported_versions), the preferred one first.
    pub versions: Vec<u16>,
    /// The cipher suites, the preferred one first.
    pub suites: Vec<u16>,
    /// The kinds of its extensions.
    pub extensions: Vec<u16>,
    /// The groups (supported_groups), the preferred one first.
    pub groups: Vec<u16>,
    /// The point formats (ec_point_formats).
    pub formats: Vec<u8>,
    /// The signature algorithms, the preferred one first.
    pub algorithms: Vec<u16>,
    /// The application protocols that it offers.
    pub alpn: Vec<String>,
}

/// How a client orders its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The same way each time.
    Fixed,
    /// By chance, each time anew.
    Permuted,
}
