//! Where a service of a domain is, and what its zone says about its certificates: SRV and TLSA records, validated from
//! the root.

use std::collections::BTreeMap;

use countersign_dns::walk::{Outcome, Reply, Settings};
use countersign_dns::{Name, Query, Rrset, Rtype, Security};
use countersign_judge::probe::dane::{Tlsa, TlsaView};
use countersign_judge::probe::service::{Opening, Protocol, Service};
use countersign_net::{Clock, Dns};

/// Where a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The service, at its port.
    pub service: Service,
    /// The host to connect to.
    pub host: String,
    /// Whether a signed zone says so.
    pub is_secure: bool,
}

/// Why it is not known where a service is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocateError {
    /// The domain is none.
    #[error("{0:?} is no name of a domain")]
    Domain(String),
    /// Whether there are records could not be told, or what is there is bogus.
    #[error("cannot look up {name} {rtype}: {why}")]
    Dns {
        /// The name.
        name: String,
        /// The type.
        rtype: Rtype,
        /// Why not.
        why: String,
    },
    /// The records say that there is no such service (RFC 2782, "Target").
    #[error("{domain} says in its DNS that it has no {protocol}")]
    NoService {
        /// The domain.
        domain: String,
        /// What it does not have.
        protocol: Protocol,
    },
}

/// More hosts than a domain has for one service.
const HOSTS_MAX: usize = 8;

/// The hosts of a service by its SRV records, the preferred ones first (RFC 6120 §3.2.1, XEP-0368), for mail by its MX
/// records (RFC 5321 §5.1); the domain itself at the protocol's port if there are none.
pub async fn locate(
    dns: &Dns,
    walk: &Settings,
    clock: &Clock,
    (domain, protocol, opening): (&str, Protocol, Opening),
) -> Result<Vec<Place>, LocateError> {
    let named = named(dns, walk, clock, (domain, protocol, opening)).await?;
    if !named.is_empty() {
        return Ok(named);
    }
    let place = |port| Place {
        service: Service { domain: domain.to_owned(), protocol, opening, port },
        host: domain.to_owned(),
        is_secure: false,
    };
    Ok(protocol.port(opening).map(place).into_iter().collect())
}

/// The hosts that records name; none where there are no records.
pub async fn named(
    dns: &Dns,
    walk: &Settings,
    clock: &Clock,
    (domain, protocol, opening): (&str, Protocol, Opening),
) -> Result<Vec<Place>, LocateError> {
    let name = parse(domain)?;
    let at = |host: String, port: u16, is_secure| Place {
        service: Service { domain: domain.to_owned(), protocol, opening, port },
        host,
        is_secure,
    };
    let labels: Option<(&[&str], Rtype)> = match (protocol, opening) {
        (Protocol::Xmpp, Opening::StartTls) => Some((&["_tcp", "_xmpp-client"], Rtype::SRV)),
        (Protocol::Xmpp, Opening::Direct) => Some((&["_tcp", "_xmpps-client"], Rtype::SRV)),
        (Protocol::XmppServer, Opening::StartTls) => Some((&["_tcp", "_xmpp-server"], Rtype::SRV)),
        (Protocol::XmppServer, Opening::Direct) => Some((&["_tcp", "_xmpps-server"], Rtype::SRV)),
        (Protocol::Smtp, Opening::StartTls) => Some((&[], Rtype::MX)),
        (Protocol::Submission, Opening::StartTls) => Some((&["_tcp", "_submission"], Rtype::SRV)),
        (Protocol::Submission, Opening::Direct) => Some((&["_tcp", "_submissions"], Rtype::SRV)),
        (Protocol::Imap, Opening::StartTls) => Some((&["_tcp", "_imap"], Rtype::SRV)),
        (Protocol::Imap, Opening::Direct) => Some((&["_tcp", "_imaps"], Rtype::SRV)),
        (Protocol::Pop3, Opening::StartTls) => Some((&["_tcp", "_pop3"], Rtype::SRV)),
        (Protocol::Pop3, Opening::Direct) => Some((&["_tcp", "_pop3s"], Rtype::SRV)),
        (Protocol::Ldap, Opening::StartTls) => Some((&["_tcp", "_ldap"], Rtype::SRV)),
        (Protocol::Ldap, Opening::Direct)
        | (Protocol::Smtp, Opening::Direct)
        | (Protocol::Http | Protocol::Irc | Protocol::Postgresql | Protocol::Plain, _) => None,
    };
    let Some((labels, rtype)) = labels else { return Ok(Vec::new()) };
    let mut owner = Some(name);
    for label in labels {
        owner = owner.and_then(|name| name.child(label.as_bytes()));
    }
    // A name that is too long for them has none.
    let Some(owner) = owner else { return Ok(Vec::new()) };
    let (records, is_secure) = look_up(dns, walk, clock, owner, rtype).await?;
    let mut places: Vec<(u16, u16, String, u16)> = match rtype {
        Rtype::MX => records.iter().filter_map(|rdata| mx(rdata)).collect(),
        _ => records.iter().filter_map(|rdata| srv(rdata)).collect(),
    };
    if places.len() != records.len() {
        let why = "a record cannot be read".to_owned();
        return Err(LocateError::Dns { name: domain.to_owned(), rtype, why });
    }
    if places.is_empty() {
        return Ok(Vec::new());
    }
    if places.iter().all(|(_, _, host, _)| host.is_empty()) {
        return Err(LocateError::NoService { domain: domain.to_owned(), protocol });
    }
    places.sort_by_key(|(priority, weight, ..)| (*priority, u16::MAX - weight));
    places.retain(|(_, _, host, _)| !host.is_empty());
    places.truncate(HOSTS_MAX);
    Ok(places.into_iter().map(|(_, _, host, port)| at(host, port, is_secure)).collect())
}

/// The TLSA records of a place (RFC 7671 §4, RFC 7673): those of its host and port, if the zone that named the host is
/// signed as well.
pub async fn tlsa(dns: &Dns, walk: &Settings, clock: &Clock, place: &Place) -> TlsaView {
    let is_redirected = place.host != place.service.domain;
    if is_redirected && !place.is_secure {
        return TlsaView::Nothing;
    }
    let port = format!("_{}", place.service.port);
    let owner = parse(&place.host).ok().and_then(|host| host.child(b"_tcp"));
    let Some(owner) = owner.and_then(|name| name.child(port.as_bytes())) else {
        return TlsaView::Nothing;
    };
    match look_up(dns, walk, clock, owner, Rtype::TLSA).await {
        Ok((records, true)) if !records.is_empty() => {
            TlsaView::Secure(records.iter().filter_map(|rdata| Tlsa::of_rdata(rdata)).collect())
        }
        Ok(_) => TlsaView::Nothing,
        Err(why) => TlsaView::CouldNotTell { why: why.to_string() },
    }
}

fn parse(domain: &str) -> Result<Name, LocateError> {
    domain.parse().map_err(|_| LocateError::Domain(domain.to_owned()))
}

/// The data of the records, and whether they can be relied on.
async fn look_up(
    dns: &Dns,
    walk: &Settings,
    clock: &Clock,
    name: Name,
    rtype: Rtype,
) -> Result<(Vec<Vec<u8>>, bool), LocateError> {
    let query = Query { name: name.clone(), rtype };
    let mut known: BTreeMap<Query, Reply> = BTreeMap::new();
    let walked = dns.walk(query, walk, clock.now(), &mut known).await;
    let unknown = |why: String| LocateError::Dns { name: name.to_string(), rtype, why };
    let is_secure = match &walked.security {
        Security::Secure => true,
        Security::Insecure(_) => false,
        Security::Bogus(_) | Security::Indeterminate(_) => {
            return Err(unknown(walked.security.to_string()));
        }
    };
    match walked.hops.last().map(|hop| &hop.outcome) {
        Some(Outcome::Records(sets)) => {
            Ok((sets.iter().flat_map(Rrset::rdatas).cloned().collect(), is_secure))
        }
        Some(Outcome::NoData | Outcome::NoName) => Ok((Vec::new(), is_secure)),
        Some(Outcome::Alias { .. } | Outcome::Unknown) | None => {
            Err(unknown("the answer does not come to an end".to_owned()))
        }
    }
}

/// Priority, weight, target and port (RFC 2782); an empty target for "none".
fn srv(rdata: &[u8]) -> Option<(u16, u16, String, u16)> {
    let ([p0, p1, w0, w1, port0, port1], target) = rdata.split_first_chunk()?;
    let (priority, weight) = (u16::from_be_bytes([*p0, *p1]), u16::from_be_bytes([*w0, *w1]));
    Some((priority, weight, host(target)?, u16::from_be_bytes([*port0, *port1])))
}

/// The same of an MX record (RFC 5321 §5.1, RFC 7505).
fn mx(rdata: &[u8]) -> Option<(u16, u16, String, u16)> {
    let ([high, low], exchange) = rdata.split_first_chunk()?;
    Some((u16::from_be_bytes([*high, *low]), 0, host(exchange)?, SMTP_PORT))
}

const SMTP_PORT: u16 = 25;

fn host(wire: &[u8]) -> Option<String> {
    let name = Name::from_wire(wire).ok()?;
    Some(name.to_string().trim_end_matches('.').to_owned())
}
