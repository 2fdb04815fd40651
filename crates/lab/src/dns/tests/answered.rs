//! What is answered; whether it proves anything is a question for Unbound.

use countersign_dns::SignedRrset;

use super::*;

/// Answer, authority and additional section, each as its owners and types, signed ones with a `+`.
fn shown(message: &Message) -> String {
    let set = |set: &SignedRrset| {
        let signed = if set.rrsigs.is_empty() { "" } else { "+" };
        let owner = set.rrset.owner().to_string();
        let owner = owner.strip_suffix("zone.test.").unwrap_or(&owner).trim_end_matches('.');
        let owner = if owner.is_empty() { "@" } else { owner };
        format!("{owner} {}{signed}", set.rrset.rtype())
    };
    let section = |sets: &[SignedRrset]| {
        // Signatures stand with what they cover.
        let sets = sets.iter().filter(|set| set.rrset.rtype() != Rtype::RRSIG);
        sets.map(set).collect::<Vec<_>>().join(", ")
    };
    let flag = if message.flags.authoritative { "aa " } else { "" };
    let sections =
        [&message.answer, &message.authority, &message.additional].map(|sets| section(sets));
    format!("{flag}{} | {}", message.rcode, sections.join(" | ")).trim_end().to_owned()
}

/// What is answered to this question by the zone signed with NSEC.
#[track_caller]
fn check(question: &str, expected: &str) {
    let signed = manifold().sign(&Signing::new(Algorithm::Ed25519, "zone", Denial::Nsec, now()));
    assert_eq!(shown(&ask(&signed, &query(question))), expected);
}

fn query(question: &str) -> Query {
    let (owner, rtype) = question.split_once(' ').unwrap();
    let owner = format!("{owner}.zone.test");
    Query { name: name(owner.strip_prefix("@.").unwrap_or(&owner)), rtype: rtype.parse().unwrap() }
}

#[test] // RFC 4035 §3.1.1
fn what_is_there_is_answered_with_its_signature() {
    check("www A", "aa 0 | www A+ |  |");
    check("@ NS", "aa 0 | @ NS+ |  | ns A+, ns AAAA+");
    check("@ DNSKEY", "aa 0 | @ DNSKEY+ |  |");
    check("www NSEC", "aa 0 | www NSEC+ |  |");
    check("zzz TYPE65280", "aa 0 | zzz TYPE65280+ |  |");
    check("mail ANY", "aa 0 | mail A+, mail NSEC+ |  |");
}

#[test] // RFC 1034 §3.6.2, RFC 6672 §3.2
fn aliases_are_followed_within_the_zone() {
    check("alias A", "aa 0 | alias CNAME+, alias2 CNAME+, www A+ |  |");
    check("alias CNAME", "aa 0 | alias CNAME+ |  |");
    check("out A", "aa 0 | out CNAME+ |  |");
    check("broken A", "aa 3 | broken CNAME+ | @ SOA+, mail NSEC+, @ NSEC+ |");
    check("q.tree TXT", "aa 0 | tree DNAME+, q.tree CNAME, q.wild TXT+ | *.wild NSEC+ |");
    check("tree DNAME", "aa 0 | tree DNAME+ |  |");
}

#[test] // RFC 4592 §3.3
fn wildcards_stand_for_what_does_not_exist() {
    check("q.wild TXT", "aa 0 | q.wild TXT+ | *.wild NSEC+ |");
    check("a.b.wild TXT", "aa 0 | a.b.wild TXT+ | *.wild NSEC+ |");
    check("q.wild A", "aa 0 |  | @ SOA+, *.wild NSEC+ |");
    check("wild TXT", "aa 0 |  | @ SOA+, tree NSEC+ |");
    check("q.star TXT", "aa 0 |  | @ SOA+, x.*.star NSEC+, secure NSEC+ |");
}

#[test] // RFC 4035 §3.1.3
fn what_is_not_there_is_denied() {
    check("www TXT", "aa 0 |  | @ SOA+, www NSEC+ |");
    check("b.empty TXT", "aa 0 |  | @ SOA+, broken NSEC+ |");
    check("nowhere A", "aa 3 |  | @ SOA+, mail NSEC+, @ NSEC+ |");
    check("a.www A", "aa 3 |  | @ SOA+, www NSEC+ |");
}

#[test] // RFC 4035 §3.1.4
fn what_is_delegated_is_referred() {
    check("a.secure A", "0 |  | secure NS, secure DS+ | ns.secure A");
    check("insecure NS", "0 |  | insecure NS, insecure NSEC+ | ns.insecure A");
    check("secure DS", "aa 0 | secure DS+ |  |");
    check("insecure DS", "aa 0 |  | @ SOA+, insecure NSEC+ |");
    check("ns.secure A", "0 |  | secure NS, secure DS+ | ns.secure A");
}

#[test] // RFC 4035 §3.1.4.1
fn ds_records_are_the_parents() {
    let child = Zone::parse("secure.zone.test", "").unwrap();
    let ds = query("secure DS");
    let of_both = answer([&child, &manifold()], &ds);
    assert_eq!(of_both.answer.len(), 1);
    assert!(answer([&child], &ds).answer.is_empty());
    assert_eq!(answer([&child], &query("www A")).rcode, Reply::REFUSED);
}

#[test] // RFC 6891 §6.2.3
fn who_takes_less_gets_less() {
    let signing = Signing::new(Algorithm::RsaSha256, "zone", Denial::Nsec, now());
    let signed = manifold().sign(&signing);
    let keys = query("@ DNSKEY");
    let sizes = |asking: &Asking, transport| {
        let question = Message::parse(&keys.to_wire(asking)).unwrap();
        let wire = answer([&signed], &keys).to_wire(&question, transport);
        let read = Message::parse(&wire).unwrap();
        (read.flags.truncated, read.edns.is_some(), read.answer.len())
    };
    let plain = Asking { edns: None, ..asking(0, false) };
    assert_eq!(sizes(&plain, Transport::Udp), (true, false, 0));
    assert_eq!(sizes(&plain, Transport::Tcp), (false, false, 1));
    assert_eq!(sizes(&asking(0, true), Transport::Udp), (true, true, 0));
    // The set, and its signature as a set of its own.
    assert_eq!(sizes(&asking(1232, true), Transport::Udp), (false, true, 2));
}

#[test] // RFC 1035 §4.1.4
fn names_out_of_reach_of_pointers_are_written_out() {
    let server =
        |number| format!("@ NS ns{number}\nns{number} A 192.0.2.1\nns{number} AAAA 2001:db8::1\n");
    let zone = Zone::parse("zone.test", &(0..600).map(server).collect::<String>()).unwrap();
    assert_eq!(ask(&zone, &query("@ NS")).additional.len(), 1200);
}
