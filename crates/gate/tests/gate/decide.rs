//! Decisions: what comes out, what is asked for it, and what is in the archive.

use std::collections::HashSet;
use std::time::Duration;

use countersign_caa::climb::{Outcome, Security};
use countersign_caa::{Demand, Name, Profile};
use countersign_dns::{Query, Rrset, Rtype, SignedRrset};
use countersign_gate::rejudge::{Unsound, rejudge};
use countersign_gate::{Archive, Corroborators, Gate};
use countersign_lab::dns::{Algorithm, Change, Denial, Forgery, Manner, Reply, Signing};
use countersign_lab::log::Group;
use countersign_net::Clock;

use crate::place::{ACCOUNT, CAA, SHOP_SERVER, World, application, dns_name, told};

/// Decides in a new archive, compares, and judges it once more.
async fn check(world: &World, demand: Demand, names: &[&str], expected: &[&str]) {
    let folder = format!("{demand:?}-{}", names.join("-")).replace('*', "star");
    let gate = world.gate(&folder, demand, Corroborators::none());
    let decided = gate.decide(application(names, ACCOUNT, "dns-01")).await.unwrap();
    assert_eq!(told(&decided.record), expected);
    gate.archive().close();
    assert_eq!(world.verify(&folder), Ok(1), "{names:?}");
}

#[tokio::test]
async fn what_caa_says_is_decided_and_proved() {
    let world = World::new().await;
    let validated = Demand::Validated;
    check(&world, validated, &["shop.example"], &["shop.example allow authorized"]).await;
    check(&world, validated, &["www.shop.example"], &["www.shop.example allow authorized"]).await;
    check(&world, validated, &["no.such.shop.example"], &["no.such.shop.example allow authorized"])
        .await;
    check(&world, validated, &["*.shop.example"], &["*.shop.example allow authorized"]).await;
    check(&world, validated, &["closed.shop.example"], &["closed.shop.example deny empty-issuer"])
        .await;
    check(&world, validated, &["example"], &["example allow no-caa"]).await;
    // The records of an unsigned zone can be anybody's.
    check(&world, validated, &["unsigned.test"], &["unsigned.test allow authorized"]).await;
    check(&world, validated, &["alias.shop.example"], &["alias.shop.example allow authorized"])
        .await;
    let secure = Demand::Secure;
    check(&world, secure, &["shop.example"], &["shop.example allow authorized"]).await;
    check(&world, secure, &["unsigned.test"], &["unsigned.test deny not-secure"]).await;
    check(&world, secure, &["alias.shop.example"], &["alias.shop.example deny not-secure"]).await;
}

#[tokio::test]
async fn account_and_method_are_those_of_the_records() {
    let world = World::new().await;
    let gate = world.gate("a", Demand::Secure, Corroborators::none());
    for (account, method, expected) in [
        (ACCOUNT, "dns-01", "shop.example allow authorized"),
        ("https://ca.example/acct/11", "dns-01", "shop.example deny accounturi-mismatch"),
        (ACCOUNT, "http-01", "shop.example deny validationmethods-mismatch"),
    ] {
        let decided = gate.decide(application(&["shop.example"], account, method)).await.unwrap();
        assert_eq!(told(&decided.record), [expected]);
    }
    gate.archive().close();
    assert_eq!(world.verify("a"), Ok(3));
}

#[tokio::test] // The incident of 2020: of several names one was checked as often as there were names.
async fn each_of_several_names_is_checked_once() {
    let world = World::new().await;
    let gate = world.gate("a", Demand::Validated, Corroborators::none());
    let names = [
        "www.shop.example",
        "open.shop.example",
        "closed.shop.example",
        "*.shop.example",
        "a.b.shop.example",
    ];
    let decided = gate.decide(application(&names, ACCOUNT, "dns-01")).await.unwrap();
    let expected = [
        "a.b.shop.example allow authorized",
        "closed.shop.example deny empty-issuer",
        "open.shop.example allow authorized",
        "*.shop.example allow authorized",
        "www.shop.example allow authorized",
    ];
    assert_eq!(told(&decided.record), expected);
    assert_eq!(decided.record.verdict, "deny");
    // Each of them, and what is above them, was asked for once.
    let (asked, shop) = (world.responder.asked(), world.tree.addresses("shop.example")[0]);
    for name in ["www.shop.example", "open.shop.example", "closed.shop.example", "shop.example"] {
        let query = Query { name: dns_name(name), rtype: CAA };
        let times = asked.iter().filter(|asked| asked.server == shop && asked.query == query);
        assert_eq!(times.count(), 1, "{name}");
    }
    gate.archive().close();
    assert_eq!(world.verify("a"), Ok(1));
}

#[tokio::test]
async fn what_is_known_is_not_asked_again() {
    let world = World::new().await;
    let gate = world.gate("a", Demand::Secure, Corroborators::none());
    let decide = async || {
        let decided = gate.decide(application(&["shop.example"], ACCOUNT, "dns-01")).await.unwrap();
        assert_eq!(told(&decided.record), ["shop.example allow authorized"]);
    };
    decide().await;
    let asked = world.responder.asked().len();
    decide().await;
    assert_eq!(world.responder.asked().len(), asked);
    gate.archive().close();
    assert_eq!(world.verify("a"), Ok(2));
}

#[tokio::test]
async fn nobody_on_the_way_gets_an_allowance() {
    for (change, expected) in [
        (Change::StripSignatures, "deny dnssec-bogus"),
        (Change::StripProofs, "deny dnssec-bogus"),
        (Change::FlipSignatures, "deny dnssec-bogus"),
        (Change::DropRecord(CAA), "deny dnssec-bogus"),
    ] {
        let world = World::new().await;
        let gate = world.gate("a", Demand::Validated, Corroborators::none());
        world.responder.forge(Group::A, &Forgery::below(dns_name("shop.example"), change.clone()));
        let names = ["nothing.shop.example"];
        let decided = gate.decide(application(&names, ACCOUNT, "dns-01")).await.unwrap();
        let is_untouched = matches!(change, Change::DropRecord(_));
        let names = if is_untouched { ["shop.example"] } else { names };
        let decided = if is_untouched {
            gate.decide(application(&names, ACCOUNT, "dns-01")).await.unwrap()
        } else {
            decided
        };
        assert_eq!(told(&decided.record), [format!("{} {expected}", names[0])], "{change:?}");
        // It is not kept: when the forger has gone, the truth is seen.
        world.responder.forge_no_more(Group::A);
        let decided = gate.decide(application(&names, ACCOUNT, "dns-01")).await.unwrap();
        assert_eq!(told(&decided.record), [format!("{} allow authorized", names[0])], "{change:?}");
        gate.archive().close();
        world.verify("a").unwrap();
    }
}

#[tokio::test]
async fn a_zone_that_has_moved_is_looked_for_from_the_root() {
    let world = World::new().await;
    let lookups = world.lookups_kept(Group::A, Duration::ZERO);
    let look = async || {
        let looked = lookups.look(&Name::parse("shop.example").unwrap()).await;
        (looked.lookup.security(), looked.lookup.outcome.clone())
    };
    assert!(matches!(look().await, (Security::Secure, Outcome::Records(_))));
    world.move_shop();
    assert_eq!(look().await, (Security::Secure, Outcome::None));
}

#[tokio::test]
async fn a_name_that_fails_costs_no_other_its_delegations() {
    let world = World::new().await;
    let lookups = world.lookups_kept(Group::A, Duration::ZERO);
    let asked_for = async |name: &str| {
        let before = world.responder.asked().len();
        lookups.look(&Name::parse(name).unwrap()).await;
        world.responder.asked().len() - before
    };
    asked_for("shop.example").await;
    let usual = asked_for("shop.example").await;
    let server = world.tree.addresses("unsigned.test")[0];
    world.responder.turn(server, Group::A, |view| view.manner = Manner::Failing(2));
    asked_for("unsigned.test").await;
    assert_eq!(asked_for("shop.example").await, usual);
}

#[tokio::test] // Of the zone's keys 3,600 s, of its other records 300 s.
async fn an_answer_that_is_used_again_gets_no_more_time_by_it() {
    let (world, start) = (World::new().await, Clock::system().now());
    let clock = Clock::simulated(start);
    let patience = Duration::from_millis(300);
    let eight_hours = Duration::from_secs(8 * 3600);
    let lookups = world.lookups_by(Group::A, eight_hours, patience, clock.clone());
    let look = async |name: &str, at_s: u64| {
        clock.run_until(start + Duration::from_secs(at_s)).await;
        lookups.look(&Name::parse(name).unwrap()).await
    };
    assert_eq!(look("shop.example", 0).await.lookup.ttl_s, 300);
    let asked = || {
        let query = Query { name: dns_name("shop.example"), rtype: Rtype::DNSKEY };
        world.responder.asked().iter().filter(|asked| asked.query == query).count()
    };
    assert_eq!(look("open.shop.example", 3500).await.lookup.ttl_s, 100);
    assert_eq!(asked(), 1);
    // Neither it nor the keys are kept longer than they were to be.
    let again = look("open.shop.example", 3601).await;
    assert_eq!((again.lookup.ttl_s, asked()), (300, 2));
}

#[tokio::test] // A signature that names another signer has its keys asked for.
async fn what_a_proof_does_without_is_not_kept() {
    let (world, start) = (World::new().await, Clock::system().now());
    let clock = Clock::simulated(start);
    let (patience, eight_hours) = (Duration::from_millis(300), Duration::from_secs(8 * 3600));
    let lookups = world.lookups_by(Group::A, eight_hours, patience, clock.clone());
    let open = dns_name("open.shop.example");
    let signs = Change::By(|reply| {
        let Some(set) = reply.answer.first_mut() else { return };
        let mut rrsig = set.rrsigs[0].clone();
        rrsig.signer = set.rrset.owner().clone();
        set.rrsigs.insert(0, rrsig);
    });
    let delegates = Change::By(|reply| {
        let rdata = [&[0, 1, 13, 2][..], &[7; 32]].concat();
        let rrset = Rrset::new(dns_name("open.shop.example"), Rtype::DS, 86_400, &rdata).unwrap();
        *reply = Reply { authoritative: true, ..Reply::error(Reply::NOERROR) };
        reply.answer.push(SignedRrset { rrset, rrsigs: Vec::new() });
    });
    for (rtype, change) in [(Rtype::CAA, signs), (Rtype::DS, delegates)] {
        world
            .responder
            .forge(Group::A, &Forgery { below: open.clone(), rtype: Some(rtype), change });
    }
    for (at_s, times) in [(0, 1), (301, 2)] {
        clock.run_until(start + Duration::from_secs(at_s)).await;
        let looked = lookups.look(&Name::parse("open.shop.example").unwrap()).await;
        assert_eq!(looked.lookup.security(), Security::Secure);
        let query = Query { name: open.clone(), rtype: Rtype::DS };
        let asked = world.responder.asked();
        assert_eq!(asked.iter().filter(|asked| asked.query == query).count(), times);
    }
}

#[tokio::test] // Those that are under way have waited for two seconds at least before others are begun.
async fn an_application_for_many_names_leaves_room_for_others() {
    let world = World::new().await;
    let patience = Duration::from_secs(5);
    let lookups = world.lookups_by(Group::A, Duration::from_secs(3600), patience, Clock::system());
    let (archive, _) = Archive::open(&world.dir.path().join("a")).unwrap();
    let nobody = Corroborators::none();
    let gate = Gate::new(lookups, Profile::default(), archive, nobody, Clock::system());
    let shop = world.tree.addresses("shop.example")[0];
    world.responder.turn(shop, Group::A, |view| view.manner = Manner::Silent);
    let names: Vec<_> = (0..100).map(|number| format!("n{number}.shop.example")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let asked = || {
        let asked = world.responder.asked();
        let about = asked.iter().filter(|asked| asked.server == shop);
        about.map(|asked| asked.query.name.clone()).collect::<HashSet<_>>().len()
    };
    let other = async {
        while asked() < 8 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        gate.decide(application(&["unsigned.test"], ACCOUNT, "dns-01")).await.unwrap()
    };
    tokio::select! {
        _ = gate.decide(application(&names, ACCOUNT, "dns-01")) => panic!("nobody answers"),
        decided = other => assert_eq!(told(&decided.record), ["unsigned.test allow authorized"]),
    }
    assert_eq!(asked(), 8);
}

#[tokio::test]
async fn a_server_that_fails_is_no_allowance() {
    let world = World::new().await;
    let gate = world.gate("a", Demand::Validated, Corroborators::none());
    let shop = world.tree.addresses("shop.example")[0];
    world.responder.turn(shop, Group::A, |view| view.manner = Manner::Failing(2));
    let decided = gate.decide(application(&["shop.example"], ACCOUNT, "dns-01")).await.unwrap();
    assert_eq!(told(&decided.record), ["shop.example deny lookup-failure"]);
    let failure = decided.record.names[0].lookups[0].failure.clone().unwrap();
    assert_eq!(failure.tries, 2, "{failure:?}");
    gate.archive().close();
    assert_eq!(world.verify("a"), Ok(1));
}

/// Some servers fail for types that they do not know, and answer all others. With whoever has unsigned zones that
/// must not be taken for "no records" either.
#[tokio::test]
async fn a_server_that_answers_some_types_only_is_no_allowance() {
    let world = World::new().await;
    for (name, zone) in [("shop.example", "shop.example"), ("unsigned.test", "unsigned.test")] {
        for (word, change) in [
            ("fails", Change::By(|reply| *reply = Reply::error(2))),
            ("does not know", Change::By(|reply| *reply = Reply::error(4))),
        ] {
            let folder = format!("{zone}-{}", word.replace(' ', "-"));
            let gate = world.gate(&folder, Demand::Validated, Corroborators::none());
            let (below, rtype) = (dns_name(zone), Some(Rtype::CAA));
            world.responder.forge(Group::A, &Forgery { below, rtype, change });
            let decided = gate.decide(application(&[name], ACCOUNT, "dns-01")).await.unwrap();
            assert_eq!(told(&decided.record), [format!("{name} deny lookup-failure")], "{word}");
            world.responder.forge_no_more(Group::A);
            gate.archive().close();
            assert_eq!(world.verify(&folder), Ok(1));
        }
    }
}

#[tokio::test]
async fn a_record_that_was_changed_does_not_hold() {
    let world = World::new().await;
    let gate = world.gate("a", Demand::Validated, Corroborators::none());
    let names = ["closed.shop.example", "www.shop.example"];
    let decided = gate.decide(application(&names, ACCOUNT, "dns-01")).await.unwrap();
    let (record, walks) = (decided.record.as_ref(), world.walks());
    let folder = world.dir.path().join("a");
    let proof = |hash: &str| countersign_gate::archive::read_proof(&folder, hash);
    assert_eq!(rejudge(record, &walks, &proof), Ok(()));
    let check = |change: &dyn Fn(&mut countersign_gate::row::RecordRow), why: &str| {
        let mut changed = record.clone();
        change(&mut changed);
        let found = rejudge(&changed, &walks, &proof).expect_err(why).to_string();
        assert!(found.contains(why), "{found}");
    };
    check(&|record| record.verdict = "allow".to_owned(), "its parts do not");
    check(&|record| record.names[0].verdict = "allow".to_owned(), "empty-issuer");
    check(&|record| record.names[1].reason = "no-caa".to_owned(), "authorized");
    check(&|record| record.names[1].property = Some(1), "the record that decided");
    check(&|record| drop(record.names.remove(0)), "its parts do not");
    check(&|record| record.names.reverse(), "the order of its names");
    check(&|record| record.names[0] = record.names[1].clone(), "the order of its names");
    check(&|record| record.names[0].lookups.clear(), "its lookups are not");
    check(&|record| record.names[1].lookups.truncate(1), "its lookups are not");
    check(&|record| record.names[0].lookups[0].proof = None, "nothing proves it");
    let other = record.names[1].lookups[0].proof.clone();
    check(&|record| record.names[0].lookups[0].proof.clone_from(&other), "shows something else");
    check(&|record| record.names[0].lookups[0].records = Vec::new(), "what came of a lookup");
    let open = "0005697373756563612e6578616d706c65".to_owned();
    check(
        &|record| record.names[0].lookups[0].records = vec![open.clone()],
        "shows something else",
    );
    check(&|record| record.at = "2027-01-01T00:00:00Z".to_owned(), "was not looked up within");
    check(&|record| record.at = "2026-01-01T00:00:00Z".to_owned(), "was not looked up within");
    check(&|record| record.accounts.clear(), "accounturi");
    // Whoever trusts another root is shown nothing.
    let others = countersign_dns::walk::Settings::default();
    let unproved = rejudge(record, &others, &proof);
    assert!(matches!(unproved, Err(Unsound::Unproved { .. })), "{unproved:?}");
    let missing = rejudge(record, &walks, &|_| None);
    assert!(matches!(missing, Err(Unsound::Missing { .. })), "{missing:?}");
}

#[tokio::test] // Zones within zones, each with a key of 60 kB.
async fn a_proof_that_nobody_could_read_proves_nothing() {
    let mut apex = "shop.example".to_owned();
    let world = World::grown(|tree| {
        for _ in 0..18 {
            apex = format!("z.{apex}");
            let mut signing =
                Signing::new(Algorithm::Ed25519, &apex, Denial::Nsec, Clock::system().now());
            signing.idle.push([&[1, 0, 3, 13][..], &[7; 60_000]].concat());
            tree.graft(&apex, "@ CAA 0 issue ca.example", Some(signing), &[SHOP_SERVER]).unwrap();
        }
    })
    .await;
    let tenth = apex[2 * 8..].to_owned();
    let allowed = format!("{tenth} allow authorized");
    check(&world, Demand::Validated, &[&tenth], &[&allowed]).await;
    let denied = format!("{apex} deny lookup-failure");
    check(&world, Demand::Validated, &[&apex], &[&denied]).await;
}

#[tokio::test] // Each name below them has a copy in the record.
async fn more_records_than_anybody_needs_are_not_looked_at() {
    let world = World::grown(|tree| {
        let now = Clock::system().now();
        for (apex, count) in [("much.shop.example", 80), ("more.shop.example", 90)] {
            let signing = Signing::new(Algorithm::Ed25519, apex, Denial::Nsec, now);
            let record = |number| {
                let filler = "a".repeat(150);
                format!("@ CAA 0 issue \"ca.example; accounturi=https://{filler}/{number:03}\"\n")
            };
            let records: String = (0..count).map(record).collect();
            tree.graft(apex, &records, Some(signing), &[SHOP_SERVER]).unwrap();
        }
    })
    .await;
    let validated = Demand::Validated;
    let much = "a.much.shop.example deny accounturi-mismatch";
    check(&world, validated, &["a.much.shop.example"], &[much]).await;
    let more = "a.more.shop.example deny lookup-failure";
    check(&world, validated, &["a.more.shop.example"], &[more]).await;
}
