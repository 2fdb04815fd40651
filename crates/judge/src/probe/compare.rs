//! What several probes show together: one host that has different keys for different people.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::expected::KeyVerdict;
use super::finding::{Kind, ProbeFinding};
use super::judging::seen_from;
use super::observation::Stratum;
use super::service::{Protocol, Service};
use crate::plain::hex;

/// A key that was served, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighted {
    /// When.
    pub at: Timestamp,
    /// Where.
    pub service: Service,
    /// The host that was connected to, by its name.
    pub host: String,
    /// To whom.
    pub stratum: Stratum,
    /// SHA-256 of the SubjectPublicKeyInfo.
    pub key: [u8; 32],
    /// What was made of it.
    pub verdict: KeyVerdict,
}

/// Probes this far apart may see a server before and after it changed its key.
pub const COMPARED_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// Holds what was seen at about the same time against itself: nobody has to expect anything for that. Keys that are ours
/// may differ, by servers, ports and algorithms. An Expectation that knows all of them makes this silent.
pub fn disagreements(sighted: &[Sighted]) -> Vec<ProbeFinding> {
    let mut hosts: BTreeMap<(&str, &str, Family), Vec<&Sighted>> = BTreeMap::new();
    for one in sighted {
        let family = Family::of(one.service.protocol);
        hosts.entry((&one.service.domain, &one.host, family)).or_default().push(one);
    }
    let mut findings = Vec::new();
    for sighted in hosts.values() {
        // Which pairs are compared does not hang on the order in which they were seen.
        let pair = |is_alike: fn(&Sighted, &Sighted) -> bool| {
            let all = sighted.iter().enumerate();
            all.flat_map(|(at, one)| sighted[at + 1..].iter().map(move |other| (*one, *other)))
                .find(|(one, other)| is_alike(one, other) && differ(one, other))
        };
        let same_port = pair(|one, other| one.stratum.port == other.stratum.port);
        let other_port = pair(|one, other| one.stratum.port != other.stratum.port);
        let found = [(Kind::VantagesDisagree, same_port), (Kind::PortsDisagree, other_port)];
        findings.extend(
            found.into_iter().filter_map(|(kind, pair)| pair.map(|pair| finding(kind, pair))),
        );
    }
    findings
}

/// Servers of one family are usually one program with one certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    Xmpp,
    Mail,
    Other(Protocol),
}

impl Family {
    fn of(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Xmpp | Protocol::XmppServer => Self::Xmpp,
            Protocol::Smtp | Protocol::Submission | Protocol::Imap | Protocol::Pop3 => Self::Mail,
            Protocol::Http
            | Protocol::Irc
            | Protocol::Ldap
            | Protocol::Postgresql
            | Protocol::Plain => Self::Other(protocol),
        }
    }
}

/// Whether two who are not the same were shown different keys at about the same time, not both of them ours. A key that
/// somebody may still register may be a renewal, and waits; and one who looks twice may see a server before and after.
fn differ(one: &Sighted, other: &Sighted) -> bool {
    let is = |wanted: fn(&KeyVerdict) -> bool| [one, other].map(|sighted| wanted(&sighted.verdict));
    let ours = is(|verdict| *verdict == KeyVerdict::Ours);
    let waits = is(|verdict| matches!(verdict, KeyVerdict::Pending { .. }));
    let apart = one.at.duration_since(other.at).abs();
    one.stratum != other.stratum
        && one.key != other.key
        && ours != [true, true]
        && waits == [false, false]
        && apart <= COMPARED_WITHIN
}

fn finding(kind: Kind, (one, other): (&Sighted, &Sighted)) -> ProbeFinding {
    let shown = |sighted: &Sighted| {
        format!("{} was shown the key {}", seen_from(&sighted.stratum), hex(&sighted.key[..8]))
    };
    let mut keys = [one.key, other.key].map(|key| hex(&key[..8]));
    keys.sort();
    ProbeFinding {
        kind,
        text: format!("{}, and {}", shown(one), shown(other)),
        strata: vec![one.stratum.clone(), other.stratum.clone()],
        detail: keys.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::super::observation::Family as AddressFamily;
    use super::super::service::Opening;
    use super::*;

    fn sighted(minute: i64, vantage: &str, port: u16, key: u8, verdict: KeyVerdict) -> Sighted {
        let (protocol, opening) = Protocol::of_port(port).expect("a port of the tests");
        let domain = "xmpp.example".to_owned();
        Sighted {
            at: Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute),
            service: Service { domain: domain.clone(), protocol, opening, port },
            host: domain,
            stratum: Stratum {
                vantage: vantage.to_owned(),
                client: "openssl".to_owned(),
                port,
                family: AddressFamily::V4,
            },
            key: [key; 32],
            verdict,
        }
    }

    #[track_caller]
    fn check(sighted: &[Sighted], expected: &[Kind]) {
        let found = disagreements(sighted);
        let kinds: Vec<_> = found.iter().map(|finding| finding.kind).collect();
        assert_eq!(kinds, expected);
        let turned: Vec<_> = sighted.iter().rev().cloned().collect();
        let marks =
            |found: Vec<ProbeFinding>| found.iter().map(ProbeFinding::mark).collect::<Vec<_>>();
        assert_eq!(marks(disagreements(&turned)), marks(found), "the order does not matter");
    }

    #[test]
    fn the_interception_of_2023_needed_no_configuration() {
        let told = |port, key| sighted(0, "direct", port, key, KeyVerdict::NotTold);
        assert_eq!(Opening::StartTls, told(5222, 1).service.opening);
        check(&[told(5222, 1), told(5223, 2)], &[Kind::PortsDisagree]);
        check(&[told(5222, 1), told(5223, 1)], &[]);
    }

    #[test]
    fn vantages_are_compared_at_one_port() {
        let at = |vantage, key| sighted(0, vantage, 5222, key, KeyVerdict::NotTold);
        check(&[at("direct", 1), at("tor", 2)], &[Kind::VantagesDisagree]);
        check(&[at("direct", 1), at("tor", 1), at("tor2", 1)], &[]);
    }

    #[test]
    fn keys_that_are_ours_may_differ() {
        let at = |port, key| sighted(0, "direct", port, key, KeyVerdict::Ours);
        check(&[at(5222, 1), at(5223, 2)], &[]);
        let foreign = KeyVerdict::Foreign { why: String::new() };
        check(&[at(5222, 1), sighted(0, "direct", 5223, 2, foreign)], &[Kind::PortsDisagree]);
    }

    #[test]
    fn a_renewal_that_waits_to_be_registered_is_no_disagreement() {
        let ours = sighted(0, "direct", 5222, 1, KeyVerdict::Ours);
        let until = Timestamp::UNIX_EPOCH;
        let waits = |vantage| sighted(1, vantage, 5222, 2, KeyVerdict::Pending { until });
        check(&[ours.clone(), waits("direct"), waits("tor")], &[]);
        let foreign = |vantage, minute| {
            sighted(minute, vantage, 5222, 2, KeyVerdict::Foreign { why: String::new() })
        };
        check(&[ours.clone(), foreign("direct", 1)], &[]);
        check(&[ours, foreign("tor", 1)], &[Kind::VantagesDisagree]);
    }

    #[test]
    fn a_web_server_is_another_program() {
        let at = |port, key| sighted(0, "direct", port, key, KeyVerdict::NotTold);
        check(&[at(5222, 1), at(443, 2)], &[]);
        check(&[at(25, 1), at(993, 2)], &[Kind::PortsDisagree]);
    }

    #[test]
    fn a_key_that_changed_meanwhile_is_no_disagreement() {
        let at = |minute, vantage, key| sighted(minute, vantage, 5222, key, KeyVerdict::NotTold);
        check(&[at(0, "direct", 1), at(15, "tor", 2)], &[Kind::VantagesDisagree]);
        check(&[at(0, "direct", 1), at(16, "tor", 2)], &[]);
        check(&[at(0, "direct", 1), at(1, "direct", 2)], &[]);
    }
}
