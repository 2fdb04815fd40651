//! Small worlds of servers, and which questions lead to the answer.

use domain::base::iana::Rtype;
use proptest::prelude::*;

use super::*;
use world::{World, name, query, says};

mod world;

/// Asks from the root, with usual limits.
fn resolve(world: &World, text: &str) -> (Resolved, Vec<String>) {
    let cuts = Cuts::new(&World::hints());
    world.run(&mut Resolution::new(query(text), &cuts, Limits::default()))
}

/// What was sent, and who answered.
#[track_caller]
fn check(world: &World, text: &str, sent: &[&str], from: &str) -> Answer {
    let (resolved, found) = resolve(world, text);
    assert_eq!(found, sent);
    let Resolved::Answer(answer) = resolved else { panic!("{resolved:?}") };
    assert_eq!(answer.from.to_string(), from);
    *answer
}

#[track_caller]
fn check_failed(world: &World, text: &str, reason: Reason) -> Unresolved {
    let (resolved, sent) = resolve(world, text);
    let Resolved::Failed(unresolved) = resolved else { panic!("{resolved:?}, {sent:?}") };
    assert_eq!(unresolved.reason, reason, "{sent:?}");
    assert_eq!(unresolved.query, query(text));
    unresolved
}

const HELLO: &str = "aa\nanswer www.example A 198.51.100.1";

#[test]
fn referrals_lead_to_the_answer() {
    let world = World::new()
        .with(
            "192.0.2.2",
            "a.example.",
            "authority a.example NS ns.a.example
             additional ns.a.example AAAA 2001:db8::3",
        )
        .with("2001:db8::3", "www.a.example. A", "aa\nanswer www.a.example A 198.51.100.1");
    let sent = [
        "192.0.2.1 www.a.example. A",
        "192.0.2.2 www.a.example. A",
        "2001:db8::3 www.a.example. A",
    ];
    let answer = check(&world, "www.a.example A", &sent, "2001:db8::3");
    assert_eq!(answer.zone, name("a.example"));

    // What was learned on the way is known to the next.
    let mut first =
        Resolution::new(query("www.a.example A"), &Cuts::new(&World::hints()), Limits::default());
    world.run(&mut first);
    let mut next = Resolution::new(query("www.a.example A"), &first.into_cuts(), Limits::default());
    assert_eq!(world.run(&mut next).1, ["2001:db8::3 www.a.example. A"]);
}

#[test] // RFC 4035 §3.1.4.1
fn delegations_are_asked_of_the_parent() {
    let ds = "aa\nanswer a.example DS 7 13 2 AA";
    let world = World::new().with("192.0.2.2", "a.example. DS", ds);
    let answer = check(
        &world,
        "a.example DS",
        &["192.0.2.1 a.example. DS", "192.0.2.2 a.example. DS"],
        "192.0.2.2",
    );
    assert_eq!(answer.zone, name("example"));

    // The first server serves the child, too, and answers from there.
    let child = "aa\nauthority a.example SOA ns.a.example h.a.example 1 1 1 1 1";
    let world = World::default()
        .with(
            "192.0.2.1",
            "example.",
            "authority example NS ns.example
             additional ns.example A 192.0.2.2
             additional ns.example A 192.0.2.3",
        )
        .with("192.0.2.2", "a.example. DS", child)
        .with("192.0.2.3", "a.example. DS", ds);
    let sent = ["192.0.2.1 a.example. DS", "192.0.2.2 a.example. DS", "192.0.2.3 a.example. DS"];
    check(&world, "a.example DS", &sent, "192.0.2.3");

    // A referral to the child is none for its DS records.
    let world = World::new().with("192.0.2.2", "a.example.", "authority a.example NS ns.a.example");
    let failed = check_failed(&world, "a.example DS", Reason::NoAnswer);
    assert_eq!(failed.failures[0].failure, Failure::Lame);
}

#[test]
fn what_denies_is_an_answer() {
    let check = |text: &str| {
        let world = World::new().with("192.0.2.2", "www.example. A", text);
        check(
            &world,
            "www.example A",
            &["192.0.2.1 www.example. A", "192.0.2.2 www.example. A"],
            "192.0.2.2",
        )
        .message
    };
    let soa = "authority example SOA ns.example h.example 1 1 1 1 1";
    for rcode in [0, 3] {
        assert_eq!(check(&format!("aa\nrcode {rcode}\n{soa}")).rcode, rcode);
        assert_eq!(check(&format!("rcode {rcode}\n{soa}")).rcode, rcode);
        assert_eq!(check(&format!("aa\nrcode {rcode}")).rcode, rcode);
    }
    // NODATA of type 1 (RFC 2308 §2.2) has NS records as well.
    check(&format!("aa\n{soa}\nauthority example NS ns.example"));
    check("aa\nauthority example NS ns.example");
    check("answer www.example CNAME www.test");
    check("answer example DNAME test");
}

#[test]
fn what_is_useless_leads_to_the_next_server() {
    let two = "authority example NS b.example
               authority example NS a.example
               additional a.example A 192.0.2.2
               additional a.example AAAA 2001:db8::2
               additional b.example A 192.0.2.3";
    let leads_on = |text: &str, expected: Failure| {
        let base = World::default().with("192.0.2.1", "example.", two);
        let world = base.clone().with("192.0.2.2", "www.example. A", text).with(
            "192.0.2.3",
            "www.example. A",
            HELLO,
        );
        let sent = [
            "192.0.2.1 www.example. A",
            "192.0.2.2 www.example. A",
            "2001:db8::2 www.example. A",
            "192.0.2.3 www.example. A",
        ];
        check(&world, "www.example A", &sent, "192.0.2.3");
        let world = base.with("192.0.2.2", "www.example. A", text);
        let failed = check_failed(&world, "www.example A", Reason::NoAnswer);
        let server = "192.0.2.2".parse().unwrap();
        assert_eq!(
            failed.failures[0],
            Useless { zone: name("example"), server, failure: expected }
        );
        assert_eq!(failed.failures.len(), 3);
    };
    for rcode in [1, 2, 4, 5, 16] {
        leads_on(&format!("rcode {rcode}"), Failure::Rcode(rcode));
    }
    leads_on("tc\naa\nanswer www.example A 198.51.100.1", Failure::Truncated);
    // To the root, to itself, sideways.
    leads_on("authority . NS root\nadditional root A 192.0.2.1", Failure::Lame);
    leads_on("authority example NS ns.example", Failure::Lame);
    leads_on("aa\nauthority a.example NS ns.example", Failure::Lame);
    // Somebody else's denial, and one that says nothing.
    leads_on("rcode 3\naa\nauthority . SOA a b 1 1 1 1 1", Failure::Lame);
    leads_on("rcode 3\naa\nauthority a.example SOA a b 1 1 1 1 1", Failure::Lame);
    leads_on("rcode 3", Failure::Lame);
    leads_on("", Failure::Lame);
    leads_on("rcode 3\nauthority www.example NS ns.example", Failure::Lame);
    leads_on("aa\nanswer w.example A 198.51.100.1", Failure::Unrelated);
    leads_on("aa\nanswer www.example AAAA 2001:db8::9", Failure::Unrelated);
}

#[test]
fn answers_to_another_question_do_not_count() {
    let mut resolution =
        Resolution::new(query("www.example A"), &Cuts::new(&World::hints()), Limits::default());
    resolution.feed(Reply::Message(Box::new(says(HELLO).to(&query("www.example AAAA")))));
    let Next::Done(Resolved::Failed(failed)) = resolution.next() else { panic!() };
    assert_eq!(failed.failures[0].failure, Failure::WrongQuestion);
}

#[test]
fn records_from_outside_the_zone_are_dropped() {
    let text = "aa
        answer www.example CNAME www.test
        answer www.test A 198.51.100.1
        authority example NS ns.example
        authority . NS ns.example
        additional ns.test A 198.51.100.1
        additional ns.example A 192.0.2.2";
    let world = World::new().with("192.0.2.2", "www.example. A", text);
    let (Resolved::Answer(answer), _) = resolve(&world, "www.example A") else { panic!() };
    let message = &answer.message;
    let owners: Vec<String> = [&message.answer, &message.authority, &message.additional]
        .into_iter()
        .flatten()
        .map(|set| set.rrset.owner().to_string())
        .collect();
    assert_eq!(owners, ["www.example.", "example.", "ns.example."]);
}

/// `example` is served by two servers of `test`, `test` by itself.
fn other_zone() -> World {
    World::default()
        .with("192.0.2.1", "example.", "authority example NS a.test\nauthority example NS b.test\nadditional a.test A 192.0.2.66")
        .with("192.0.2.1", "test.", "authority test NS ns.test\nadditional ns.test A 192.0.2.3")
        .with("192.0.2.3", "b.test. A", "aa\nanswer b.test A 192.0.2.4")
        .with("192.0.2.3", "test.", "aa\nauthority test SOA a b 1 1 1 1 1")
        .with("192.0.2.4", "www.example. A", HELLO)
}

#[test]
fn addresses_of_servers_are_looked_for() {
    // The root speaks for `test`, so the glue counts. Nobody answers there, and there is another server.
    let sent = [
        "192.0.2.1 www.example. A",
        "192.0.2.66 www.example. A",
        "192.0.2.1 a.test. AAAA",
        "192.0.2.3 a.test. AAAA",
        "192.0.2.3 b.test. A",
        "192.0.2.4 www.example. A",
    ];
    check(&other_zone(), "www.example A", &sent, "192.0.2.4");
}

#[test]
fn glue_from_outside_the_zone_is_not_followed() {
    let world = World::new()
        .with(
            "192.0.2.2",
            "a.example.",
            "authority a.example NS a.test\nadditional a.test A 192.0.2.66",
        )
        .with("192.0.2.66", "www.a.example. A", "aa\nanswer www.a.example A 198.51.100.1")
        .with("192.0.2.1", "test.", "rcode 3\naa\nauthority . SOA a b 1 1 1 1 1");
    check_failed(&world, "www.a.example A", Reason::NoAddress);
}

#[test]
fn only_wanted_families_are_asked() {
    let limits = Limits { families: Families::Ipv4, ..Limits::default() };
    let cuts = Cuts::new(&World::hints());
    let mut resolution = Resolution::new(query("www.example A"), &cuts, limits);
    let (_, sent) = other_zone().run(&mut resolution);
    assert_eq!(sent.len(), 5, "{sent:?}");
    assert!(sent.iter().all(|sent| !sent.ends_with("AAAA")));

    let limits = Limits { families: Families::Ipv6, ..Limits::default() };
    let resolution = Resolution::new(query("www.example A"), &cuts, limits);
    let Next::Done(Resolved::Failed(failed)) = resolution.next() else { panic!() };
    assert_eq!(failed.reason, Reason::NoAddress);
}

#[test]
fn servers_that_need_each_other_are_given_up() {
    let world = World::default()
        .with("192.0.2.1", "example.", "authority example NS ns.test")
        .with("192.0.2.1", "test.", "authority test NS ns.example");
    check_failed(&world, "www.example A", Reason::NoAddress);
}

#[test] // NXNSAttack, CVE-2020-12662
fn a_thousand_servers_without_address_are_not_looked_for() {
    let names: Vec<String> =
        (0..1000).map(|number| format!("authority example NS ns.z{number}.test")).collect();
    let world = World::default()
        .with("192.0.2.1", "example.", &names.join("\n"))
        .with("192.0.2.1", "test.", "authority test NS ns.test\nadditional ns.test A 192.0.2.3")
        .with("192.0.2.3", "test.", "rcode 3\naa\nauthority test SOA a b 1 1 1 1 1");
    check_failed(&world, "www.example A", Reason::Lookups);
    let (_, sent) = resolve(&world, "www.example A");
    assert_eq!(sent.len(), 2 + Limits::default().lookups_per_zone_max);
}

#[test]
fn a_chain_of_servers_ends() {
    // The servers of each zone are in the next.
    let world = (0..20).fold(World::default(), |world, number| {
        let text = format!("authority z{number} NS ns.z{}", number + 1);
        world.with("192.0.2.1", &format!("z{number}."), &text)
    });
    check_failed(&world, "www.z17 A", Reason::NoAddress);
    check_failed(&world, "www.z0 A", Reason::Depth);
}

#[test]
fn too_many_referrals_are_too_many() {
    let labels: Vec<&str> = vec!["a"; 30];
    let world = (1..30).fold(World::default(), |world, count| {
        let zone = labels[..count].join(".");
        let text = format!("authority {zone} NS ns.{zone}\nadditional ns.{zone} A 192.0.2.1");
        world.with("192.0.2.1", &format!("{zone}."), &text)
    });
    // The table's rows are by the deepest name, so this is one referral to the very end.
    let (Resolved::Failed(_), sent) = resolve(&world, &format!("{} A", labels.join("."))) else {
        panic!()
    };
    assert_eq!(sent.len(), 2);

    // One zone after the other.
    let mut resolution = Resolution::new(
        query(&format!("{} A", labels.join("."))),
        &Cuts::new(&World::hints()),
        Limits::default(),
    );
    for count in 1.. {
        let Next::Send(send) = resolution.next() else { break };
        let zone = labels[..count].join(".");
        let text = format!("authority {zone} NS ns.{zone}\nadditional ns.{zone} A 192.0.2.{count}");
        resolution.feed(Reply::Message(Box::new(says(&text).to(&send.query))));
    }
    let Next::Done(Resolved::Failed(failed)) = resolution.next() else { panic!() };
    assert_eq!((failed.reason, resolution.queries()), (Reason::Referrals, 17));
}

#[test]
fn the_budget_of_queries_is_an_end() {
    let limits = Limits { queries_max: 2, ..Limits::default() };
    let mut resolution =
        Resolution::new(query("www.example A"), &Cuts::new(&World::hints()), limits);
    let (Resolved::Failed(failed), sent) = other_zone().run(&mut resolution) else { panic!() };
    assert_eq!((failed.reason, sent.len()), (Reason::Queries, 2));
}

/// Runs a census to its end.
fn census(world: &World, zone: &str) -> Result<Servers, NotCounted> {
    let mut census = Census::new(name(zone), &Cuts::new(&World::hints()), Limits::default());
    loop {
        match census.next() {
            Next::Send(send) => census.feed(world.reply(&send)),
            Next::Done(counted) => return counted,
        }
    }
}

#[test]
fn a_census_counts_both_sides() {
    let world = World::default()
        .with(
            "192.0.2.1",
            "example.",
            "authority example NS a.example
             authority example NS b.test
             additional a.example A 192.0.2.2",
        )
        .with("192.0.2.1", "test.", "authority test NS ns.test\nadditional ns.test A 192.0.2.3")
        .with(
            "192.0.2.2",
            "example. NS",
            "aa\nanswer example NS a.example\nanswer example NS c.example",
        )
        .with(
            "192.0.2.2",
            "a.example. A",
            "aa\nanswer a.example A 192.0.2.2\nanswer a.example A 192.0.2.7",
        )
        .with("192.0.2.2", "a.example. AAAA", "aa\nanswer a.example AAAA 2001:db8::2")
        .with("192.0.2.2", "example.", "aa")
        .with("192.0.2.3", "b.test. A", "aa\nanswer b.test A 192.0.2.4");
    let found = census(&world, "example").unwrap();
    let rows: Vec<String> = found
        .servers
        .iter()
        .map(|server| format!("{} {:?} {:?}", server.name, server.listed, server.addresses))
        .collect();
    let expected = [
        "a.example. ByBoth [192.0.2.2, 192.0.2.7, 2001:db8::2]",
        "c.example. ByZone []",
        "b.test. ByParent [192.0.2.4]",
    ];
    assert_eq!(rows, expected);
    let unresolved: Vec<&Query> =
        found.unresolved.iter().map(|unresolved| &unresolved.query).collect();
    assert_eq!(unresolved, [&query("b.test AAAA")]);
}

#[test]
fn a_census_needs_a_zone() {
    let world = World::new().with("192.0.2.2", "example.", "aa");
    assert_eq!(census(&world, "www.example"), Err(NotCounted::NoZone(name("www.example"))));
    // The zone is lame: its parent's word is left.
    let world = World::new().with("192.0.2.2", "example.", "rcode 5");
    let found = census(&world, "example").unwrap();
    assert_eq!(
        (found.servers.len(), found.servers[0].listed, found.unresolved.len()),
        (1, Listed::ByParent, 3)
    );
    let failed = census(&World::default(), "example").unwrap_err();
    assert_eq!(failed.to_string(), "the servers of example. cannot be found");
    assert_eq!(
        census(&World::default().with("192.0.2.1", ".", "rcode 2"), ".").unwrap().servers.len(),
        1
    );
}

#[test]
fn what_is_stopped_says_so() {
    let cuts = Cuts::new(&World::hints());
    let mut resolution = Resolution::new(query("www.example A"), &cuts, Limits::default());
    resolution.stop();
    let Next::Done(Resolved::Failed(failed)) = resolution.next() else { panic!() };
    assert_eq!(failed.reason, Reason::Time);

    let mut census = Census::new(Name::root(), &cuts, Limits::default());
    census.stop();
    let Next::Done(Ok(found)) = census.next() else { panic!() };
    let reasons: Vec<Reason> = found.unresolved.iter().map(|failed| failed.reason).collect();
    assert_eq!(reasons, [Reason::Time; 3]);
}

/// Some record of a zone with few names, so that they often fit together.
fn any_record() -> impl Strategy<Value = String> {
    let name = || {
        prop::sample::select(vec![
            ".", "a", "b.a", "c.b.a", "d", "ns.d", "ns.a", "ns.b.a", "x.ns.d",
        ])
    };
    let data = prop_oneof![
        5 => name().prop_map(|name| format!("NS {name}")),
        2 => (0..9u8).prop_map(|last| format!("A 192.0.2.{last}")),
        2 => (0..9u8).prop_map(|last| format!("AAAA 2001:db8::{last}")),
        1 => Just("SOA a b 1 1 1 1 1".to_owned()),
        1 => name().prop_map(|name| format!("CNAME {name}")),
    ];
    (name(), data).prop_map(|(owner, data)| format!("{owner} {data}"))
}

fn any_says() -> impl Strategy<Value = world::Says> {
    let section =
        |max| prop::collection::vec(any_record(), 0..max).prop_map(|lines| lines.join("\n"));
    let bits = (prop::sample::select(vec![0, 0, 0, 3, 5]), any::<bool>());
    (bits, section(2), section(5), section(5)).prop_map(
        |((rcode, authoritative), answer, authority, additional)| world::Says {
            rcode,
            authoritative,
            truncated: false,
            answer,
            authority,
            additional,
        },
    )
}

proptest! {
    #[test]
    fn fed_anything_it_ends(
        replies in prop::collection::vec(any_says(), 1..20),
        name in prop::sample::select(vec!["c.b.a", "b.a", "ns.d"]),
        rtype in prop::sample::select(vec![Rtype::A, Rtype::DS, Rtype::NS]),
    ) {
        let query = Query { name: world::name(name), rtype };
        let mut resolution = Resolution::new(query.clone(), &Cuts::new(&World::hints()), Limits::default());
        let mut replies = replies.iter().cycle();
        for fed in 0.. {
            prop_assert!(fed <= Limits::default().queries_max);
            let Next::Send(send) = resolution.next() else { break };
            prop_assert!(send.query.name.is_within(&send.zone));
            let says = replies.next().unwrap();
            resolution.feed(Reply::Message(Box::new(says.to(&send.query))));
        }
        if let Next::Done(Resolved::Answer(answer)) = resolution.next() {
            prop_assert!(query.name.is_within(&answer.zone));
            let message = answer.message;
            for set in [message.answer, message.authority, message.additional].into_iter().flatten() {
                prop_assert!(set.rrset.owner().is_within(&answer.zone));
            }
        }
        let done = resolution.next();
        resolution.feed(Reply::Failed(Failure::Timeout));
        prop_assert_eq!(done, resolution.next());
    }

    #[test]
    fn fed_anything_a_census_ends(replies in prop::collection::vec(any_says(), 1..20)) {
        let mut census = Census::new(name("b.a"), &Cuts::new(&World::hints()), Limits::default());
        let mut replies = replies.iter().cycle();
        for fed in 0.. {
            prop_assert!(fed <= 400);
            let Next::Send(send) = census.next() else { break };
            let says = replies.next().unwrap();
            census.feed(Reply::Message(Box::new(says.to(&send.query))));
        }
    }
}
