//! The same zones at NSD: what it answers to the same questions.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use countersign_dns::SignedRrset;

use super::oracle::installed;
use super::*;

/// NSD with one zone, until it is dropped.
struct Nsd {
    address: SocketAddr,
    process: Child,
    /// Kept open for what it still says.
    _events: BufReader<ChildStderr>,
    _folder: tempfile::TempDir,
}

impl Nsd {
    fn start(zone: &Zone) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("zone"), zone.to_string()).unwrap();
        // Nobody else takes it so soon.
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let conf = format!(
            "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n zonesdir: {0}\n \
             xfrdir: {0}\n pidfile: \"\"\n database: \"\"\n xfrdfile: \"\"\n \
             zonelistfile: {0}/list\n server-count: 1\n rrl-ratelimit: 0\n minimal-responses: yes\n\
             remote-control:\n control-enable: no\n\
             zone:\n name: {1}\n zonefile: zone\n",
            folder.path().display(),
            zone.apex()
        );
        fs::write(folder.path().join("conf"), conf).unwrap();
        let mut process = Command::new("nsd")
            .arg("-d")
            .arg("-c")
            .arg(folder.path().join("conf"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut events = BufReader::new(process.stderr.take().unwrap());
        let mut event = String::new();
        while !event.contains("nsd started") {
            event.clear();
            assert_ne!(events.read_line(&mut event).unwrap(), 0, "NSD does not start");
        }
        Self {
            address: (Ipv4Addr::LOCALHOST, port).into(),
            process,
            _events: events,
            _folder: folder,
        }
    }

    fn ask(&self, wire: &[u8]) -> Message {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket.send_to(wire, self.address).unwrap();
        let mut answer = vec![0; 65_535];
        let length = socket.recv(&mut answer).unwrap();
        Message::parse(&answer[..length]).unwrap()
    }
}

impl Drop for Nsd {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What an answer holds, in any order.
fn held(message: &Message) -> (u16, bool, [Vec<SignedRrset>; 2]) {
    let section = |sets: &[SignedRrset]| {
        let mut sets = sets.to_vec();
        sets.sort_by_key(|set| (set.rrset.owner().clone(), set.rrset.rtype()));
        sets
    };
    let sections = [section(&message.answer), section(&message.authority)];
    (message.rcode, message.flags.authoritative, sections)
}

/// Both answer every question alike, signatures and proofs included.
#[track_caller]
fn check(denial: Denial) {
    if !installed(&["nsd"]) {
        return;
    }
    let signed = manifold().sign(&Signing::new(Algorithm::Ed25519, "zone", denial, now()));
    let nsd = Nsd::start(&signed);
    for (query, dnssec_ok) in questions() {
        let wire = query.to_wire(&asking(4096, dnssec_ok));
        let question = Message::parse(&wire).unwrap();
        let ours = answer([&signed], &query).to_wire(&question, Transport::Tcp);
        let (ours, theirs) = (held(&Message::parse(&ours).unwrap()), held(&nsd.ask(&wire)));
        assert!(ours == theirs, "{query:?}, {dnssec_ok}: {ours:#?}\n{theirs:#?}");
    }
}

#[test]
fn nsd_answers_the_same() {
    denials().into_iter().for_each(check);
}

/// Every name of the zone and some near it, for types that are there and types that are not.
fn questions() -> impl Iterator<Item = (Query, bool)> {
    let zone = manifold();
    let mut names: BTreeSet<Name> = BTreeSet::new();
    for set in zone.sets() {
        let owner = set.rrset.owner();
        names.extend(owner.and_above().take_while(|above| above.is_within(zone.apex())));
        names.extend([&b"q"[..], b"zzzz"].map(|label| owner.child(label).unwrap()));
        names.extend(owner.child(b"q").unwrap().child(b"q"));
    }
    names.retain(is_the_same);
    let types = [Rtype::A, Rtype::TXT, Rtype::CNAME, Rtype::DS, Rtype::NS, Rtype::CAA, Rtype::SOA];
    names.into_iter().flat_map(move |name| {
        let query = move |rtype| Query { name: name.clone(), rtype };
        types.map(query).into_iter().flat_map(|query| [(query.clone(), true), (query, false)])
    })
}

/// NSD 4.6 says more than it must of a wildcard that is asked for by itself (the closest encloser, with NSEC3) and of
/// what is below a DNAME record (the NSEC record there). For the DS of an empty name above delegations that opt-out
/// has left out, it says less than it must: not what the closest encloser is (RFC 5155 §7.2.4).
fn is_the_same(name: &Name) -> bool {
    let tree = "tree.zone.test".parse().unwrap();
    !name.is_wildcard() && !name.is_below(&tree) && name.to_string() != "below.zone.test."
}
