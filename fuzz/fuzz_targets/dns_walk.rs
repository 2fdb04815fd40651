//! A walk that is fed with messages of strangers ends, and believes nothing.
#![no_main]

use countersign_dns::walk::{Next, Reply, Settings};
use countersign_dns::{Limits, Message, Query, Rtype, Security, Walk};
use jiff::Timestamp;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let query = Query { name: "www.xmpp.example".parse().expect("it is a name"), rtype: Rtype::CAA };
    let mut walk = Walk::new(query, Settings::default(), Timestamp::UNIX_EPOCH);
    // Each message has its length in front; when there are no more, nobody answers.
    let (mut rest, mut asked) = (bytes, 0);
    let security = loop {
        match walk.next() {
            Next::Done(walked) => break walked.security.clone(),
            Next::Ask(_) => asked += 1,
        }
        let reply = match rest {
            [high, low, after @ ..] => {
                let length = usize::from(u16::from_be_bytes([*high, *low])).min(after.len());
                let (message, after) = after.split_at(length);
                rest = after;
                Message::parse(message).ok().map(|message| Reply::Answer(Box::new(message)))
            }
            _ => None,
        };
        walk.feed(reply.unwrap_or_else(|| Reply::Failed("nobody answers".to_owned())));
    };
    assert!(asked <= Limits::default().questions);
    assert!(matches!(security, Security::Bogus(_) | Security::Indeterminate(_)));
});
