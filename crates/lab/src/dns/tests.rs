//! Zones that the lab signs, and what it answers from them.

mod answered;
mod compared;
mod oracle;
mod resolved;
mod served;
mod verified;
mod walked;

use countersign_dns::message::{Asking, EdnsAsking};
use countersign_dns::{Message, Name, Query, Rtype};
use jiff::Timestamp;

use super::*;

/// A zone with one of everything.
const MANIFOLD: &str = r#"
@           NS    ns
@           NS    ns.elsewhere.
@           MX    10 MAIL
@           CAA   0 issue "ca.example; accounturi=https://ca.example/1"
@           TXT   "one" "two; \"three\""
ns          A     192.0.2.1
ns          AAAA  2001:db8::1
www      60 A     192.0.2.2
www      60 A     192.0.2.3
mail        A     192.0.2.4
_xmpp._tcp  SRV   5 0 5222 www
a.b.empty   TXT   "two names above have no records"
*.wild      TXT   "any"
*.wild      CAA   0 issue ";"
x.*.star    TXT   "the wildcard exists and has no records"
*.alias     CNAME www
alias       CNAME alias2
alias2      CNAME www
out         CNAME www.elsewhere.
broken      CNAME nowhere
tree        DNAME wild
secure      NS    ns.secure
secure      DS    1 13 2 00000000000000000000000000000000000000000000000000000000000000ff
ns.secure   A     192.0.2.5
insecure    NS    ns.insecure
ns.insecure A     192.0.2.6
deep.below  NS    ns.elsewhere.
zzz         TYPE65280 \# 3 01c0ff
"#;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn now() -> Timestamp {
    countersign_net::Clock::system().now()
}

fn manifold() -> Zone {
    Zone::parse("zone.test", MANIFOLD).unwrap()
}

/// Every kind of denial.
fn denials() -> [Denial; 4] {
    let salted = Denial::Nsec3 { iterations: 3, salt: vec![0xab, 0xcd], opt_out: OptOut::No };
    [Denial::Nsec, Denial::NSEC3, salted, Denial::OPT_OUT]
}

/// A question with EDNS.
fn asking(udp_payload_max: u16, dnssec_ok: bool) -> Asking {
    Asking {
        id: 7,
        recursion_desired: false,
        checking_disabled: false,
        edns: Some(EdnsAsking { udp_payload_max, dnssec_ok, cookie: None }),
        capitals: vec![true],
    }
}

/// What a zone answers to who asks with DO.
fn ask(zone: &Zone, query: &Query) -> Message {
    let question = Message::parse(&query.to_wire(&asking(1232, true))).unwrap();
    let reply = answer([zone], query).to_wire(&question, Transport::Tcp);
    let read = Message::parse(&reply).unwrap();
    assert_eq!((read.id, &read.question, read.left_out), (7, &question.question, 0));
    read
}
