//! Where iteration begins: the names and addresses of the root servers (RFC 1034 §5.3.3, RFC 9609 §1.1).

use std::net::IpAddr;

use domain::base::iana::Rtype;

use super::cuts::{Cut, Server};
use super::reading::address;
use crate::name::Name;
use crate::zone_text::{ZoneTextError, records};

/// Root servers, each with at least one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hints(Cut);

/// Why a text names no root servers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HintsError {
    /// Its records cannot be read.
    #[error("the hints cannot be read")]
    Text(#[source] ZoneTextError),
    /// It names no server of the root.
    #[error("the hints name no server of the root")]
    NoServers,
    /// It has no address of a server that it names.
    #[error("the hints have no address of {0}")]
    NoAddress(Name),
}

impl Hints {
    /// The Internet's root servers.
    pub fn root() -> Self {
        Self::from_zone_text(ROOT).expect("our own hints are well-formed, as a test says")
    }

    /// Reads a text in the format of zone files (RFC 1035 §5): the NS records of the root, and their A and AAAA
    /// records. All else in it is ignored.
    pub fn from_zone_text(text: &str) -> Result<Self, HintsError> {
        let (mut names, mut addresses) = (Vec::new(), Vec::new());
        for record in records(text, &Name::root()).map_err(HintsError::Text)? {
            let (owner, rtype) = (record.owner(), record.rtype());
            for rdata in record.rdatas() {
                addresses.extend(address(rtype, rdata).map(|address| (owner.clone(), address)));
            }
            if owner.is_root() && rtype == Rtype::NS {
                names.extend(record.target());
            }
        }
        names.sort();
        names.dedup();
        let mut servers = Vec::new();
        for name in names {
            let of_it = addresses.iter().filter(|(owner, _)| *owner == name);
            let of_it: Vec<IpAddr> = of_it.map(|(_, address)| *address).collect();
            let mut server = Server { name, addresses: Vec::new() };
            server.add(of_it, usize::MAX);
            if server.addresses.is_empty() {
                return Err(HintsError::NoAddress(server.name));
            }
            servers.push(server);
        }
        if servers.is_empty() {
            return Err(HintsError::NoServers);
        }
        Ok(Self(Cut { servers, left_out: 0 }))
    }

    /// The servers, by their names' order.
    pub fn servers(&self) -> &[Server] {
        &self.0.servers
    }

    pub(super) fn cut(&self) -> &Cut {
        &self.0
    }
}

const ROOT: &str = include_str!("root.hints");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thirteen_servers_have_two_addresses_each() {
        let hints = Hints::root();
        assert_eq!(hints.servers().len(), 13);
        for server in hints.servers() {
            let families: Vec<bool> = server.addresses.iter().map(IpAddr::is_ipv4).collect();
            assert_eq!(families, [true, false], "{:?}", server.name);
        }
    }

    #[test]
    fn hints_are_read_as_a_zone_file() {
        let text = "$ORIGIN test.\n. 60 IN NS b\n@ NS c\n. NS a.test. ; twice\n. NS a\n\
                    b A 192.0.2.2\na AAAA 2001:db8::1\na A 192.0.2.1";
        let hints = Hints::from_zone_text(text).unwrap();
        let found: Vec<_> = hints
            .servers()
            .iter()
            .map(|server| (server.name.to_string(), server.addresses.len()))
            .collect();
        assert_eq!(found, [("a.test.".to_owned(), 2), ("b.test.".to_owned(), 1)]);
    }

    #[test]
    fn what_names_no_root_server_is_refused() {
        let check = |text: &str, expected: &str| {
            let error = Hints::from_zone_text(text).unwrap_err();
            assert_eq!(error.to_string(), expected);
        };
        check("", "the hints name no server of the root");
        check("test. 1 NS a.\na. 1 A 192.0.2.1", "the hints name no server of the root");
        check(". 1 NS a.test.", "the hints have no address of a.test.");
        check(". 1 NS", "the hints cannot be read");
        check("$INCLUDE more", "the hints cannot be read");
    }

    proptest! {
        #[test]
        fn any_text_is_hints_or_not(text in "[.a \\n\"();$@0-9NSA\\\\]{0,40}|.{0,40}") {
            if let Ok(hints) = Hints::from_zone_text(&text) {
                prop_assert!(!hints.servers().is_empty());
            }
        }
    }
}
