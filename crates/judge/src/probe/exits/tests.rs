use super::*;

const OURS: [u8; 32] = [1; 32];
const THEIRS: [u8; 32] = [2; 32];
const MALLORY: [u8; 32] = [0xee; 32];

fn exit(number: u8) -> Exit {
    Exit {
        fingerprint: format!("{number:02X}").repeat(20),
        family: Some(format!("family {number}")),
        network: Some(format!("AS{number}")),
        country: None,
    }
}

fn canary(host: &str, shown: Shown) -> Canary {
    Canary { host: host.to_owned(), keys: vec![THEIRS], shown }
}

/// Through an exit that shows its canaries right.
fn honest(number: u8, service: Shown) -> Passage {
    let canaries = ["a.example", "b.example"].map(|host| canary(host, Shown::Key(THEIRS)));
    Passage { exit: exit(number), canaries: canaries.to_vec(), service }
}

/// Through one that intercepts whatever it can.
fn lying(number: u8) -> Passage {
    let mut passage = honest(number, Shown::Key(MALLORY));
    passage.canaries[1].shown = Shown::Key(MALLORY);
    passage
}

fn nothing() -> Shown {
    Shown::Nothing("the proxy could not connect".to_owned())
}

fn check(passages: &[Passage], onion: Option<&Shown>, expected: Place) -> Located {
    let located = locate(&[OURS], passages, onion);
    assert_eq!(located.place, expected, "{located:?}");
    located
}

#[test]
fn an_exit_that_lies_about_a_canary_is_bad() {
    let located = check(&[lying(1), honest(2, Shown::Key(OURS))], None, Place::Nowhere);
    assert_eq!(located.liars, ["01".repeat(20)]);
    assert_eq!(located.reasons, ["exit 01010101 shows b.example with a key that it does not have"]);
    // Any number of them says nothing about the service.
    check(&[lying(1), lying(2), lying(3), lying(4)], None, Place::Unknown);
    // Nor what it shows at another time.
    let later = [honest(1, Shown::Key(MALLORY)), lying(1)];
    assert_eq!(check(&later, None, Place::Unknown).liars.len(), 1);
}

#[test]
fn three_exits_without_anything_in_common_accuse_the_service() {
    let wrong = |number| honest(number, Shown::Key(MALLORY));
    check(&[wrong(1), wrong(2)], None, Place::Unknown);
    let three = [wrong(1), wrong(2), wrong(3)];
    check(&three, None, Place::Service);
    check(&three, Some(&nothing()), Place::Service);
    check(&three, Some(&Shown::Key(OURS)), Place::BeforeHost);
    let located = check(&three, Some(&Shown::Key(MALLORY)), Place::Host);
    assert!(located.liars.is_empty());
    assert_eq!(
        located.reasons[2..],
        [
            "exit 03030303 shows its canaries right, and the service with the key eeeeeeee…",
            "3 such exits have nothing in common",
            "the onion service has a wrong key too"
        ]
    );
    // Not everybody is lied to: it is still somebody in front of the service.
    let some = [three.as_slice(), &[honest(4, Shown::Key(OURS))]].concat();
    check(&some, None, Place::Service);
}

#[test]
fn exits_of_one_owner_are_one() {
    let wrong = |number| honest(number, Shown::Key(MALLORY));
    let mut family = [wrong(1), wrong(2), wrong(3)];
    family[2].exit.family = family[0].exit.family.clone();
    check(&family, None, Place::Unknown);
    let mut network = [wrong(1), wrong(2), wrong(3)];
    network[1].exit.network = network[0].exit.network.clone();
    check(&network, None, Place::Unknown);
    check(&[wrong(1), wrong(1), wrong(1)], None, Place::Unknown);
    // What is not known is not in common.
    let mut unknown = [wrong(1), wrong(2), wrong(3)];
    for passage in &mut unknown {
        passage.exit.family = None;
        passage.exit.network = None;
    }
    check(&unknown, None, Place::Service);
}

#[test]
fn an_exit_that_lies_about_the_service_only_is_alone_with_it() {
    let right = |number| honest(number, Shown::Key(OURS));
    let one = [honest(9, Shown::Key(MALLORY)), right(1), right(2)];
    check(&one, None, Place::Unknown);
    let outnumbered = [one.as_slice(), &[right(3)]].concat();
    check(&outnumbered, None, Place::Exits(vec!["09".repeat(20)]));
}

#[test]
fn who_shows_nothing_accuses_nobody() {
    check(&[], None, Place::Unknown);
    let silent: Vec<_> = (1..=5).map(|number| honest(number, nothing())).collect();
    let located = check(&silent, None, Place::Unknown);
    assert!(located.liars.is_empty());
    // With one canary, or the same one twice, an exit has no credit.
    let mut few = [1, 2, 3].map(|number| honest(number, Shown::Key(MALLORY)));
    for passage in &mut few {
        passage.canaries[1].shown = nothing();
    }
    check(&few, None, Place::Unknown);
    for passage in &mut few {
        passage.canaries[1] = passage.canaries[0].clone();
    }
    check(&few, None, Place::Unknown);
    check(&[honest(1, Shown::Key(OURS))], None, Place::Nowhere);
}
