//! What people read about each kind of finding.

use std::collections::BTreeSet;

use countersign_dns::security::{Bogus, Fault, Indeterminate, Insecure};
use countersign_dns::{Name, Rtype};

use super::made::{name, now};
use crate::zone::{DsFact, Side, ZoneFinding};

fn ds(tag: u16) -> DsFact {
    DsFact { tag, algorithm: 13, digest_type: 2, digest: vec![7; 32], names_key: false }
}

/// One of each kind.
fn all() -> Vec<ZoneFinding> {
    let servers = || vec!["ns1.example. (192.0.2.1)".to_owned()];
    let server = || "ns1.example. (192.0.2.1)".to_owned();
    let (rtypes, until) = (vec![Rtype::SOA, Rtype::CAA], now());
    let groups = || vec![("no records".to_owned(), servers()), ("serial 8".to_owned(), servers())];
    vec![
        ZoneFinding::Bogus(Bogus {
            name: name("a.example"),
            rtype: Rtype::CAA,
            fault: Fault::Unsigned,
        }),
        ZoneFinding::Insecure(Insecure::NoDs { zone: name("a.example") }),
        ZoneFinding::Indeterminate(Indeterminate::NoAnchor(Name::root())),
        ZoneFinding::NotLooked { what: "ns3.a.example.".into(), why: "it has no address".into() },
        ZoneFinding::SignatureNotYetValid {
            rtypes: rtypes.clone(),
            from: until,
            servers: servers(),
        },
        ZoneFinding::SignatureExpired { rtypes: rtypes.clone(), until, servers: servers() },
        ZoneFinding::SignatureExpiring { rtypes: rtypes.clone(), until, is_urgent: false },
        ZoneFinding::SignatureLong { rtypes: rtypes.clone(), until },
        ZoneFinding::AlgorithmDeprecated { algorithm: 7 },
        ZoneFinding::AlgorithmNotRecommended { algorithm: 10 },
        ZoneFinding::AlgorithmNotVerified { algorithm: 16 },
        ZoneFinding::AlgorithmUnknown { algorithm: 99 },
        ZoneFinding::AlgorithmIncomplete { algorithm: 13, rtypes: rtypes.clone() },
        ZoneFinding::RsaSmall { tag: 12345, bits: 1024 },
        ZoneFinding::TagsCollide { tag: 12345, algorithm: 8, count: 2 },
        ZoneFinding::DigestDeprecated { digest_type: 1, has_better: true },
        ZoneFinding::DsWithoutKey { tag: 1, algorithm: 13, digest_type: 2, has_algorithm: false },
        ZoneFinding::TtlLong { rtype: Rtype::DS, ttl_s: 172_800 },
        ZoneFinding::TtlZero { rtype: Rtype::DNSKEY },
        ZoneFinding::Nsec3Iterations { iterations: 12 },
        ZoneFinding::Nsec3Salt,
        ZoneFinding::OptOut,
        ZoneFinding::CdsDelete { is_signed: true },
        ZoneFinding::CdsChanges { adds: vec![ds(1)], removes: vec![ds(2)], of_keys: true },
        ZoneFinding::CdsDisagree,
        ZoneFinding::CdsNotByNamedKey { rtypes: vec![Rtype::CDS] },
        ZoneFinding::ServersDisagree { side: Side::Zone, rtype: Rtype::CAA, groups: groups() },
        ZoneFinding::ServersDisagree { side: Side::Parent, rtype: Rtype::DS, groups: groups() },
        ZoneFinding::NsDiffer { only_parent: vec![name("x")], only_zone: vec![name("y")] },
        ZoneFinding::Lame {
            server: server(),
            rtypes: rtypes.clone(),
            what: "it answered REFUSED".into(),
        },
        ZoneFinding::NoAnswer { server: server(), rtypes: rtypes.clone(), why: "timed out".into() },
        ZoneFinding::SignaturesMissing { rtypes, servers: servers(), by_all: false },
    ]
}

#[test]
fn each_finding_has_a_sentence_and_a_next_step() {
    let line = |found: &ZoneFinding| {
        let (kind, severity) = (found.kind(), found.severity());
        format!("{kind} [{severity}]: {found}\n  -> {}\n", found.next_step())
    };
    let text: String = all().iter().map(line).collect();
    insta::assert_snapshot!(text, @r"
    bogus [high]: validators refuse it: CAA of a.example.: they are not signed, in a zone that is
      -> repair the chain now: compare DS records with keys, and look whether the signer runs; if nothing was changed here, find out who answers in the zone's place
    insecure [warning]: no chain of trust, so whoever is on the way can change answers: a.example. is delegated without a DS record
      -> sign the zone and have its DS record entered at the registrar
    could-not-tell [warning]: whether it can be relied on could not be told: there is no trust anchor for .
      -> look again; if it stays so, find out who is in the way
    not-looked [warning]: could not look at ns3.a.example.: it has no address
      -> look again; if it stays so, find out who is in the way
    signature-not-yet-valid [high]: the signature of SOA, CAA holds only from 2026-11-28T12:00:00Z on (at ns1.example. (192.0.2.1))
      -> set the signer's clock
    signature-expired [high]: the signature of SOA, CAA has run out at 2026-11-28T12:00:00Z (at ns1.example. (192.0.2.1))
      -> start the signer again, and find out why these servers have an old copy
    signature-expiring [warning]: the signature of SOA, CAA runs out at 2026-11-28T12:00:00Z
      -> look whether the signer runs and its zone reaches the servers; DS records are the parent's to renew
    signature-long [notice]: the signature of SOA, CAA holds until 2026-11-28T12:00:00Z; old answers can be served again for as long
      -> let signatures hold for a week or two
    algorithm-deprecated [warning]: algorithm 7 (RSASHA1-NSEC3-SHA1) must not be used to sign
      -> move to algorithm 13 (ECDSAP256SHA256) or 15 (ED25519)
    algorithm-not-recommended [notice]: algorithm 10 (RSASHA512) is no longer recommended
      -> move to algorithm 13 (ECDSAP256SHA256) at the next change of keys
    algorithm-not-verified [notice]: algorithm 16 (ED448) may be used, but many validators cannot verify it; nor can we, so we count what only it signs as unsigned
      -> move to an algorithm that every validator verifies: 13 (ECDSAP256SHA256)
    algorithm-unknown [warning]: 99 is no algorithm that zones are signed with
      -> move to algorithm 13 (ECDSAP256SHA256) or 15 (ED25519)
    algorithm-incomplete [warning]: there is a key of algorithm 13 (ECDSAP256SHA256), and SOA, CAA is not signed with it (RFC 4035 §2.2)
      -> let the signer sign everything with each algorithm, or take out the key that signs nothing
    rsa-small [warning]: the RSA key 12345 has only 1024 bits
      -> change to ECDSAP256SHA256, or to RSA with 2048 bits
    key-tags-collide [warning]: 2 keys of algorithm 8 (RSASHA256) share the tag 12345
      -> make another key in the place of one of these
    digest-deprecated [notice]: DS digest type 1 must not be used, and is not needed beside better ones
      -> have DS records of digest type 2 (SHA-256) entered, and these removed
    ds-without-key [warning]: the DS record 1 13 2 names a key that the zone does not have, nor any of its algorithm
      -> have the record removed at the registrar, unless its key is yours and in reserve
    ttl-long [notice]: DS may be kept for 172800 seconds, more than a day
      -> use a day at most, an hour before a change of keys
    ttl-zero [warning]: DNSKEY may not be kept at all, so each lookup asks the servers again
      -> use an hour or more
    nsec3-iterations [warning]: NSEC3 with 12 iterations, with which validators may count the zone as unsigned
      -> use NSEC3 parameters 1 0 0 - (RFC 9276 §3.1), or NSEC
    nsec3-salt [notice]: NSEC3 with a salt, which costs and hides nothing
      -> use NSEC3 parameters 1 0 0 - (RFC 9276 §3.1), or NSEC
    nsec3-opt-out [warning]: NSEC3 with opt-out: whoever is on the way can make up names in the zone that are not there
      -> turn opt-out off
    cds-delete [high]: the zone asks its parent to remove all DS records, which turns DNSSEC off
      -> take the records out now unless you want to stop signing; find out who put them in
    cds-changes [warning]: the zone asks its parent to add the DS records 1 13 2 and to remove 2 13 2
      -> see that this is a change of keys of yours; if not, whoever holds a key of the zone is taking it over
    cds-disagree [warning]: CDS and CDNSKEY records ask for different keys
      -> let the signer publish both from the same keys
    cds-not-by-named-key [warning]: CDS is signed by no key that a DS record names (RFC 7344 §4.1)
      -> find out who signed these records: whoever may change the keys signs with a key that the parent names
    servers-disagree [high]: the zone's servers disagree about CAA: no records at ns1.example. (192.0.2.1); serial 8 at ns1.example. (192.0.2.1)
      -> look whether the servers have the same zone; if they do, somebody answers in the place of one
    parent-servers-disagree [high]: the parent's servers disagree about DS: no records at ns1.example. (192.0.2.1); serial 8 at ns1.example. (192.0.2.1)
      -> look again in some minutes; if it stays so, ask the registry, and keep the answers
    ns-differ [warning]: parent and zone name different servers: only the parent x.; only the zone y.
      -> enter the same servers at the registrar and in the zone
    lame [warning]: ns1.example. (192.0.2.1) does not serve the zone: it answered REFUSED, asked for SOA, CAA
      -> let the server serve the zone, or take it out of the delegation
    no-answer [warning]: no answer of ns1.example. (192.0.2.1) about SOA, CAA: timed out
      -> look whether the server runs and can be reached from here
    signatures-missing [high]: no signature of SOA, CAA at ns1.example. (192.0.2.1), in a zone that is signed
      -> give these servers the signed zone; if they have it, somebody answers in their place
    ");
}

#[test]
fn kinds_are_different() {
    let kinds: BTreeSet<&str> = all().iter().map(ZoneFinding::kind).collect();
    assert_eq!(kinds.len(), all().len());
}

#[test]
fn foreign_text_is_harmless_and_short() {
    let why = format!("\u{202e}gro\u{1b}[2J{}", "x".repeat(5000));
    let text = ZoneFinding::NotLooked { what: "it".to_owned(), why }.to_string();
    assert!(text.starts_with(r"could not look at it: \u{202e}gro\u{1b}[2Jxxx"), "{text}");
    assert!(text.chars().count() < 500);
}
