//! Our validator.

use countersign_dns::walk::{Next, Reply, Settings};
use countersign_dns::{Anchors, Message, Name, Query, Rrset, Rtype, Security, Walk, Walked};

use crate::verdict::{Answers, Judged, Verdict};
use crate::world::now;

/// What our validator says.
pub(crate) fn judge(query: &Query, answers: &Answers, anchor: &[u8]) -> Judged {
    let walked = walk(query, anchor, |asked| answers.to(asked));
    let verdict = match walked.security {
        Security::Secure => Verdict::Secure,
        Security::Insecure(_) => Verdict::Insecure,
        Security::Bogus(_) | Security::Indeterminate(_) => Verdict::Bogus,
    };
    (verdict, walked.security.to_string())
}

/// Walks from this key of the root, with these answers.
pub(crate) fn walk(query: &Query, anchor: &[u8], answer: impl Fn(&Query) -> Vec<u8>) -> Walked {
    let anchor = Rrset::new(Name::root(), Rtype::DNSKEY, 0, anchor).expect("it is a key");
    let anchors = Anchors::of_records(&[anchor]).expect("it is a key");
    let settings = Settings { anchors, ..Settings::default() };
    let mut walk = Walk::new(query.clone(), settings, now());
    loop {
        let asked = match walk.next() {
            Next::Done(walked) => return walked.clone(),
            Next::Ask(asked) => asked.clone(),
        };
        let message = Message::parse(&answer(&asked)).expect("the lab writes messages");
        walk.feed(Reply::Answer(Box::new(message)));
    }
}
