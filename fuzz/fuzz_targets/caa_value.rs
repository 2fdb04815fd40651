//! Values of CAA records: the four readers agree on what is well-formed, and a decision over them never permits what
//! no record permits.
#![no_main]

use countersign_caa::climb::{Climbed, End, Hop, Lookup, Outcome, Security, Step};
use countersign_caa::persist::Grant;
use countersign_caa::{
    Account, Constraint, Identifier, IssueValue, Method, Name, Profile, Purpose, Record, Request, Tag, Verdict, decide,
};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let value = IssueValue::parse(bytes);
    // What is well-formed for CAA is well-formed for standing permissions, which take a final dot besides.
    if value.as_ref().is_ok_and(|value| value.issuer.is_some() && value.values_of("accounturi").next().is_none()) {
        assert!(Grant::parse(bytes).is_err());
    }
    let _constraint = Constraint::parse(bytes);
    let record = Record::from_rdata(bytes.to_vec());
    let names_nobody = !record.parts().is_ok_and(|parts| {
        parts.known() == Tag::Issue && IssueValue::parse(parts.value).is_ok_and(|value| value.issuer.is_some())
    });
    let deny = Record::new(0, "issue", ";");
    let name = Name::parse("a.example").expect("a literal name");
    let hops = vec![Hop { name: name.to_string(), security: Security::Secure }];
    let lookup = Lookup { hops, outcome: Outcome::Records(vec![record, deny]), ttl_s: 0 };
    let climbed = Climbed { steps: vec![Step { name, lookup }], end: End::Relevant };
    let request = Request {
        identifier: Identifier::parse("a.example").expect("a literal name"),
        purpose: Purpose::Tls,
        issuers: vec![Name::parse("ca.example").expect("a literal name")],
        accounts: vec![Account::own("https://ca.example/1")],
        method: Method::parse("dns-01").ok(),
        constrained: Vec::new(),
    };
    let decision = decide(&request, climbed, &Profile::default());
    assert!(!names_nobody || decision.verdict() == Verdict::Deny);
});
