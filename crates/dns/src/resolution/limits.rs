//! What one resolution may cost. Referrals are made by strangers, who can have them point anywhere: at thousands of
//! names that do not exist (NXNSAttack, CVE-2020-12662), or at each other.

use std::net::IpAddr;

use domain::base::iana::Rtype;

/// The bounds of one resolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Queries in all, those for the addresses of servers included.
    pub queries_max: usize,
    /// Referrals on the way to one name.
    pub referrals_max: usize,
    /// How deep the search for a server's address may lead into the search for another server's address.
    pub depth_max: usize,
    /// Searches for addresses of servers, in all, each for one name and one family.
    pub lookups_max: usize,
    /// Of these, for the servers of one zone.
    pub lookups_per_zone_max: usize,
    /// Servers of a zone.
    pub servers_max: usize,
    /// Addresses of a server.
    pub addresses_max: usize,
    /// Which addresses of servers are wanted.
    pub families: Families,
}

/// Families of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// Only IPv4.
    Ipv4,
    /// Only IPv6.
    Ipv6,
    /// IPv4 first, then IPv6.
    Both,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // BIND (`max-recursion-queries`) and PowerDNS (`max-qperq`) stop at 50, with a cache that is rarely empty.
            queries_max: 100,
            // Names of the Internet have two or three cuts above them, those below ip6.arpa about ten.
            referrals_max: 16,
            // BIND (`max-recursion-depth`) stops at 7. Two are common.
            depth_max: 5,
            // PowerDNS stops at 10 for one query (`max-ns-address-qperq`), where a cache has most of them.
            lookups_max: 32,
            // Four servers in both families. When all of them are dead, the fifth will not be alive.
            lookups_per_zone_max: 8,
            // The root and many top-level domains have 13, since that many fitted into 512 octets.
            servers_max: 32,
            // One of each family is common; beyond some, they are one server.
            addresses_max: 8,
            families: Families::Both,
        }
    }
}

impl Families {
    /// The types of the records that hold them.
    pub(super) fn rtypes(self) -> &'static [Rtype] {
        match self {
            Self::Ipv4 => &[Rtype::A],
            Self::Ipv6 => &[Rtype::AAAA],
            Self::Both => &[Rtype::A, Rtype::AAAA],
        }
    }

    /// Whether such an address is wanted.
    pub(super) fn want(self, address: IpAddr) -> bool {
        self.rtypes().contains(&rtype_of(address))
    }
}

/// The type of the record that holds such an address.
pub(super) fn rtype_of(address: IpAddr) -> Rtype {
    match address {
        IpAddr::V4(_) => Rtype::A,
        IpAddr::V6(_) => Rtype::AAAA,
    }
}
