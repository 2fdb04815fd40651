//! What Unbound makes of the answers: it asks the servers of the lab and validates from the root's key. Our validator
//! finds the same.

use std::fmt::Write as _;
use std::sync::Arc;

use countersign_dns::{Rrset, Security};
use tempfile::TempDir;
use tokio::process::Command;

use super::oracle::{present, printed};
use super::walked::walked;
use super::*;
use crate::log::Group;

/// Unbound, led to the servers of one group, and beside it our validator.
struct Unbound<'a> {
    tree: &'a Tree,
    responder: &'a Responder,
    group: Group,
    folder: TempDir,
}

impl<'a> Unbound<'a> {
    /// `None` if it is not on this machine.
    fn new(tree: &'a Tree, responder: &'a Responder, group: Group) -> Option<Self> {
        if !present(&["unbound-host"]) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("anchor"), tree.trust_anchor()).unwrap();
        let mut conf = format!(
            "server:\n username: \"\"\n chroot: \"\"\n directory: {:?}\n trust-anchor-file: anchor\n \
             do-not-query-localhost: no\n local-zone: \"test.\" nodefault\n do-ip6: no\n",
            folder.path()
        );
        let table = responder.table(group);
        for apex in tree.apexes() {
            let real = table[&tree.addresses(&apex.to_string())[0]];
            writeln!(
                conf,
                "stub-zone:\n name: \"{apex}\"\n stub-addr: {}@{}",
                real.ip(),
                real.port()
            )
            .unwrap();
        }
        std::fs::write(folder.path().join("conf"), conf).unwrap();
        Some(Self { tree, responder, group, folder })
    }

    /// What it says of this name and type. Our validator finds the same.
    async fn ask(&self, question: &str) -> String {
        let (query, found) = self.ask_alone(question).await;
        let ours = walked(self.tree, self.responder, self.group, &query);
        let expected = match ours {
            Security::Secure => "(secure)",
            Security::Insecure(_) => "(insecure)",
            Security::Bogus(_) => BOGUS,
            Security::Indeterminate(_) => "(error)",
        };
        assert!(found.contains(expected), "{question}: we say {ours:?}, and Unbound {found}");
        found
    }

    async fn ask_alone(&self, question: &str) -> (Query, String) {
        let (owner, rtype) = question.split_once(' ').unwrap();
        let output = Command::new("unbound-host")
            .args(["-C", "conf", "-v", "-t", rtype, owner])
            .current_dir(self.folder.path())
            .output()
            .await
            .unwrap();
        let query = Query { name: name(owner), rtype: rtype.parse().unwrap() };
        (query, printed(&output))
    }

    /// It finds this.
    async fn check(&self, question: &str, expected: &str) {
        let found = self.ask(question).await;
        assert!(found.contains(expected), "{question}: {expected:?} is not in {found}");
        let others = ["(secure)", "(insecure)", "(BOGUS"];
        for other in others.into_iter().filter(|other| !expected.contains(other)) {
            assert!(!found.contains(other), "{question}: {other:?} is in {found}");
        }
    }
}

/// Everything that the usual zones hold, and hold not.
async fn check_usual(unbound: &Unbound<'_>, apex: &str, security: &str) {
    for (question, expected) in [
        ("www.{} A", "has address 203.0.113.80"),
        ("{} CAA", "has CAA record 0 issue"),
        ("_xmpp-client._tcp.{} SRV", "has SRV record"),
        ("_5222._tcp.xmpp.{} TLSA", "has TLSA record"),
        ("{} DNSKEY", ""),
        ("www.{} CAA", "has no CAA record"),
        ("b.empty.{} TXT", "has no TXT record"),
        ("nowhere.{} A", "not found: 3(NXDOMAIN)"),
        ("a.b.c.nowhere.{} A", "not found: 3(NXDOMAIN)"),
        ("q.wild.{} TXT", "any name below wild"),
        ("a.b.wild.{} TXT", "any name below wild"),
        ("q.wild.{} CAA", "has no CAA record"),
        ("alias.{} A", "is an alias for"),
        ("q.tree.{} TXT", "any name below wild"),
        ("tree.{} A", "has no address"),
    ] {
        let found = unbound.ask(&question.replace("{}", apex)).await;
        let expected = if expected.is_empty() { security } else { expected };
        let line = found.lines().find(|line| line.contains(expected));
        let line = line.unwrap_or_else(|| panic!("{question}: {expected:?} is not in {found}"));
        assert!(line.ends_with(security), "{question} at {apex}: {found}");
    }
}

#[tokio::test]
async fn unbound_finds_the_usual_tree_as_it_is() {
    let tree = Tree::new(now());
    let responder = tree.start().await.unwrap();
    let Some(unbound) = Unbound::new(&tree, &responder, Group::A) else { return };
    for apex in [
        "guarded.example",
        "rsa.example",
        "csk.example",
        "p384.test",
        "ed25519.test",
        "same.test",
        "signed.org",
    ] {
        check_usual(&unbound, apex, "(secure)").await;
    }
    check_usual(&unbound, "unsigned.test", "(insecure)").await;
    check_usual(&unbound, "unsigned.org", "(insecure)").await;
    unbound.check("www.glueless.test A", "203.0.113.80 (secure)").await;
    unbound.check("nowhere.example A", "3(NXDOMAIN). (secure)").await;
    unbound.check("nowhere.test A", "3(NXDOMAIN). (secure)").await;
    // RFC 5155 §9.2: with opt-out there may be an unsigned delegation of that name.
    unbound.check("nowhere.org A", "3(NXDOMAIN). (insecure)").await;
    unbound.check("unsigned.test DS", "has no DS record (secure)").await;
    unbound.check("unsigned.org DS", "has no DS record (insecure)").await;
}

/// What is found of `guarded.example` after a turn.
async fn check_turned(turn: impl FnOnce(&mut Tree, &Responder), question: &str, expected: &str) {
    let mut tree = Tree::new(now());
    let responder = tree.start().await.unwrap();
    turn(&mut tree, &responder);
    let Some(unbound) = Unbound::new(&tree, &responder, Group::A) else { return };
    unbound.check(question, expected).await;
    // The other group sees none of it.
    let unbound = Unbound::new(&tree, &responder, Group::B).unwrap();
    let found = unbound.ask(question).await;
    assert!(found.contains("(secure)"), "{question}: {found}");
}

async fn check_forged(change: Change, question: &str, expected: &str) {
    let below = name("guarded.example");
    let forge = |_: &mut Tree, responder: &Responder| {
        responder.forge(Group::A, &Forgery::below(below, change));
    };
    check_turned(forge, question, expected).await;
}

const A: &str = "www.guarded.example A";
const CAA: &str = "guarded.example CAA";
const NOWHERE: &str = "nowhere.guarded.example CAA";
const BOGUS: &str = "(BOGUS";

#[tokio::test]
async fn unbound_finds_what_a_forger_changes() {
    let unsigned = Zone::parse("guarded.example", "www A 203.0.113.66").unwrap();
    let foreign = Arc::new(unsigned.sign(&mallory()));
    let unsigned = Arc::new(unsigned);
    let replace = Change::Replace { rtype: Rtype::A, rdatas: vec![vec![203, 0, 113, 66]] };
    check_forged(Change::StripSignatures, A, BOGUS).await;
    check_forged(Change::FlipSignatures, A, BOGUS).await;
    check_forged(replace, A, BOGUS).await;
    check_forged(Change::DropRecord(Rtype::A), A, BOGUS).await;
    check_forged(Change::DropRecord(Rtype::CAA), CAA, BOGUS).await;
    check_forged(Change::Instead(Arc::clone(&unsigned)), A, BOGUS).await;
    check_forged(Change::Instead(foreign), A, BOGUS).await;
    check_forged(Change::OfName(name("mail.guarded.example")), A, BOGUS).await;
    check_forged(Change::OfName(name("nowhere.guarded.example")), A, BOGUS).await;
    check_forged(Change::OfName(name("*.wild.guarded.example")), TXT, BOGUS).await;
    check_forged(Change::StripProofs, NOWHERE, BOGUS).await;
    check_forged(Change::OfName(name("www.guarded.example")), NOWHERE, BOGUS).await;
    check_forged(Change::Instead(unsigned), NOWHERE, BOGUS).await;
    let along = Rrset::new(name("www.guarded.example"), Rtype::A, 60, &[203, 0, 113, 66]).unwrap();
    check_forged(Change::Along(along), A, "203.0.113.80 (secure)").await;
}

/// Nothing in a signed zone says it. Unbound wants it to fit all the same; our validator goes by the records.
#[tokio::test]
async fn the_response_code_is_not_signed() {
    let tree = Tree::new(now());
    let responder = tree.start().await.unwrap();
    let below = name("guarded.example");
    responder.forge(Group::A, &Forgery::below(below, Change::OtherRcode));
    let Some(unbound) = Unbound::new(&tree, &responder, Group::A) else { return };
    for question in [A, NOWHERE] {
        let (query, found) = unbound.ask_alone(question).await;
        assert!(found.contains(BOGUS), "{question}: {found}");
        assert_eq!(walked(&tree, &responder, Group::A, &query), Security::Secure, "{question}");
    }
}

/// It exists, and is not below the wildcard.
const TXT: &str = "a.b.empty.guarded.example TXT";

fn mallory() -> Signing {
    Signing::new(Algorithm::EcdsaP256Sha256, "mallory", Denial::NSEC3, now())
}

/// What is found when the zone of `guarded.example` is another, with the same keys unless they are changed, too.
async fn check_other(change: impl FnOnce(&mut Zone, &mut Signing), question: &str, expected: &str) {
    let turn = |tree: &mut Tree, responder: &Responder| {
        let change = |zone: &mut Zone, signing: &mut Option<Signing>| {
            change(zone, signing.as_mut().unwrap());
        };
        responder.publish(Group::A, &tree.other("guarded.example", change));
    };
    check_turned(turn, question, expected).await;
}

#[tokio::test]
async fn a_coerced_host_is_believed_if_it_has_the_keys() {
    let apex = name("guarded.example");
    let drop_caa = |zone: &mut Zone, _: &mut Signing| drop(zone.remove(&apex, Rtype::CAA));
    check_other(drop_caa, CAA, "has no CAA record (secure)").await;
    let without_keys = |zone: &mut Zone, signing: &mut Signing| {
        zone.remove(&apex, Rtype::CAA);
        *signing = mallory();
    };
    check_other(without_keys, CAA, BOGUS).await;
    let cut_out = |tree: &mut Tree, responder: &Responder| {
        let mut zone = Zone::clone(&tree.zone("guarded.example"));
        zone.remove(&apex, Rtype::CAA);
        responder.publish(Group::A, &Arc::new(zone));
    };
    check_turned(cut_out, CAA, BOGUS).await;
}

/// What is found when the parent says something else of `guarded.example`, and Mallory has its server.
async fn check_parent(change: impl FnOnce(&mut Delegation), question: &str, expected: &str) {
    let turn = |tree: &mut Tree, responder: &Responder| {
        responder.publish(Group::A, &tree.other_parent("guarded.example", change));
        let theirs = tree.other("guarded.example", |zone, signing| {
            zone.remove(&name("guarded.example"), Rtype::CAA);
            *signing = Some(mallory());
        });
        responder.publish(Group::A, &theirs);
    };
    check_turned(turn, question, expected).await;
}

#[tokio::test]
async fn a_coerced_registry_is_believed() {
    let apex = name("guarded.example");
    let ds = |digest| mallory().ksks[0].ds(&apex, digest);
    let none = "has no CAA record (secure)";
    check_parent(|own| own.ds = vec![ds(DsDigest::Sha256)], CAA, none).await;
    check_parent(|own| own.ds = vec![ds(DsDigest::Sha384)], CAA, none).await;
    check_parent(|own| own.ds.push(ds(DsDigest::Sha256)), CAA, none).await;
    check_parent(|_| (), CAA, BOGUS).await;
    check_parent(|own| own.ds.clear(), CAA, "has no CAA record (insecure)").await;
}

#[tokio::test] // RFC 4035 §5.2, RFC 4509 §3
async fn what_a_ds_record_cannot_say_is_as_if_unsigned() {
    let none = "has no CAA record (insecure)";
    for (field, unknown) in [(DS_ALGORITHM, 200), (DS_DIGEST, 200)] {
        check_parent(|own| own.ds[0][field] = unknown, CAA, none).await;
    }
}

#[tokio::test]
async fn signatures_have_their_time() {
    let day = jiff::SignedDuration::from_hours(24);
    let expired = |_: &mut Zone, signing: &mut Signing| signing.expiration = now() - day / 2;
    check_other(expired, A, BOGUS).await;
    let early = |_: &mut Zone, signing: &mut Signing| signing.inception = now() + 2 * day;
    check_other(early, A, BOGUS).await;
}

#[tokio::test]
async fn excess_is_cut_short() {
    let iterations = Denial::Nsec3 { iterations: 2500, salt: Vec::new(), opt_out: OptOut::No };
    let deepest = format!("{} CAA", deepest_name(&name("guarded.example")));
    let hash = |_: &mut Zone, signing: &mut Signing| signing.denial = iterations;
    check_other(hash, &deepest, "3(NXDOMAIN). (insecure)").await;
    let namesakes = |_: &mut Zone, signing: &mut Signing| {
        let [zsk, other] = Key::namesakes(Algorithm::EcdsaP256Sha256, Role::Zsk, "namesake");
        (signing.zsks, signing.idle) = (vec![zsk], vec![other.dnskey()]);
    };
    check_other(namesakes, A, "(secure)").await;
    let aliases = |zone: &mut Zone, _: &mut Signing| {
        alias_chain(zone, 1000, &name("www.guarded.example"));
    };
    check_other(aliases, "link0.guarded.example A", "2(SERVFAIL). (error)").await;
    let key_trap = |tree: &mut Tree, responder: &Responder| {
        let zone = tree.other("guarded.example", |_, signing| {
            let signing = signing.as_mut().unwrap();
            signing.idle = signing.zsks[0].look_alikes(200);
        });
        let mut zone = Zone::clone(&zone);
        let set = zone.set_mut(&name("www.guarded.example"), Rtype::A).unwrap();
        false_signatures(set, 200);
        responder.publish(Group::A, &Arc::new(zone));
    };
    check_turned(key_trap, A, BOGUS).await;
}
