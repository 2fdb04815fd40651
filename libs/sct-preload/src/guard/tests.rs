use std::cell::Cell;

use super::*;

#[test]
fn what_is_no_server_passes() {
    assert!(may_pass(|| Ok(None)));
}

#[test]
fn what_cannot_be_told_is_refused() {
    assert!(!may_pass(|| Err(Untold("no chain"))));
}

#[test]
fn a_panic_is_a_refusal() {
    let was_there = Cell::new(false);
    assert!(!may_pass(|| {
        was_there.set(true);
        panic!("a bug")
    }));
    assert!(was_there.get());
}

#[test]
fn a_chain_of_garbage_is_refused_once_a_certificate_of_it_is_looked_at() {
    let server = |chain: &[&[u8]]| Server {
        chain: chain.iter().map(|certificate| certificate.to_vec()).collect(),
        host: None,
        trust: Trust::Roots,
        heed: Heed::Fails,
    };
    assert!(!may_pass(|| Ok(Some(server(&[b"not", b"certificates"])))));
    // By itself: it cannot be read whether it has issued itself, and so is private.
    assert!(!may_pass(|| Ok(Some(server(&[b"alone"])))));
}
