//! What our validator makes of the same answers, which come to it without a socket.

use std::net::IpAddr;

use countersign_dns::walk::{Next, Reply as Fed, Settings};
use countersign_dns::{Anchors, Rrset, Security, Walk};

use super::*;
use crate::log::Group;

/// What a walk finds among the servers of a tree, by what they say to one group.
pub(super) fn walked(tree: &Tree, responder: &Responder, group: Group, query: &Query) -> Security {
    let anchors = tree.anchors();
    let anchors = anchors.iter().map(|ds| Rrset::new(Name::root(), Rtype::DS, 0, ds).unwrap());
    let anchors = Anchors::of_records(&anchors.collect::<Vec<_>>()).unwrap();
    let settings = Settings { anchors, ..Settings::default() };
    let mut walk = Walk::new(query.clone(), settings, now());
    loop {
        let asked = match walk.next() {
            Next::Done(walked) => return walked.security.clone(),
            Next::Ask(asked) => asked.clone(),
        };
        let question = Message::parse(&asked.to_wire(&asking(1232, true))).unwrap();
        let mut answer = Vec::new();
        responder.turn(server(tree, &asked), group, |view| {
            answer = view.reply(&asked).to_wire(&question, Transport::Tcp);
        });
        walk.feed(Fed::Answer(Box::new(Message::parse(&answer).unwrap())));
    }
}

/// Whom to ask: the zone nearest to the name, and of DS records the one above.
fn server(tree: &Tree, query: &Query) -> IpAddr {
    let has = |apex: &&Name| match query.rtype {
        Rtype::DS => query.name.is_below(apex),
        _ => query.name.is_within(apex),
    };
    let nearest = tree.apexes().filter(has).max_by_key(|apex| apex.label_count());
    tree.addresses(&nearest.map_or(".".to_owned(), ToString::to_string))[0]
}
