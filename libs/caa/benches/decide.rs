//! What a decision costs when all lookups are in memory: climb and records of three names, and of the most that a name
//! can have. `cargo bench -p countersign-caa`. Expected before it was measured: less than 10 µs for the first, and for
//! the second no more than it takes to read a thousand records, a millisecond.

#![allow(clippy::print_stdout, reason = "the table is what this program is for")]
#![allow(clippy::disallowed_methods, reason = "a bench measures real time")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign_caa::climb::{Climb, Hop, Lookup, Next, Outcome, Security};
use countersign_caa::{
    Account, Decision, Identifier, Method, Name, Profile, Purpose, Record, Request, Verdict, decide,
};

fn main() {
    let bound = "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01";
    let few = vec![
        Record::new(0, "issue", bound),
        Record::new(0, "issuewild", ";"),
        Record::new(0, "iodef", "mailto:caa@b.example"),
    ];
    let mut many =
        vec![Record::new(0, "issue", "other.example; accounturi=https://o.example/1"); 999];
    many.push(Record::new(0, "issue", bound));
    let request = Request {
        identifier: Identifier::parse("a.b.example").expect("a name"),
        purpose: Purpose::Tls,
        issuers: vec![Name::parse("ca.example").expect("a name")],
        accounts: vec![Account::own("https://ca.example/acct/1")],
        method: Method::parse("dns-01").ok(),
        constrained: Vec::new(),
    };
    for (what, records, expected_us) in
        [("three records", &few, 10), ("a thousand records", &many, 1000)]
    {
        let each = measured(|| decided(&request, records));
        println!("{what}: {:.2} µs, expected less than {expected_us} µs", each.as_secs_f64() * 1e6);
    }
}

/// A climb of two names, and the decision.
fn decided(request: &Request, records: &[Record]) -> Decision {
    let profile = Profile::default();
    let mut climb = Climb::new(request.identifier.name.clone(), profile.failures);
    let climbed = loop {
        let name = match climb.next() {
            Next::Done(climbed) => break climbed.clone(),
            Next::Ask(name) => name,
        };
        let outcome = match name.as_str() {
            "b.example" => Outcome::Records(records.to_vec()),
            _ => Outcome::None,
        };
        let hops = vec![Hop { name: name.to_string(), security: Security::Secure }];
        climb.feed(Lookup { hops, outcome, ttl_s: 300 });
    };
    decide(request, climbed, &profile)
}

/// The shortest of ten runs, per call.
fn measured(run: impl Fn() -> Decision) -> Duration {
    const CALLS: u32 = 2_000;
    assert_eq!(run().verdict(), Verdict::Allow, "the bench measures a permission");
    let runs = (0..10).map(|_| {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(run());
        }
        start.elapsed() / CALLS
    });
    runs.min().expect("there are ten")
}
