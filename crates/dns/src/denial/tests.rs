//! NSEC and NSEC3 records, and what they deny.

use super::*;
use crate::limits::Limits;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn hash(of: &str, iterations: u16) -> [u8; 20] {
    nsec3_hash(name(of).wire(), &[], iterations)
}

/// An NSEC3 set of the zone `example` with this span and no types but A.
fn nsec3(from: [u8; 20], to: [u8; 20], iterations: u16) -> Rrset {
    let [high, low] = iterations.to_be_bytes();
    let rdata = [&[1, 0, high, low, 0, 20][..], &to, &[0, 1, 0x40]].concat();
    let owner = name("example").child(base32hex_text(&from).as_bytes()).unwrap();
    Rrset::new(owner, Rtype::NSEC3, 60, &rdata).unwrap()
}

fn base32hex_text(octets: &[u8; 20]) -> String {
    let digit = |at: usize| {
        let bits = (5 * at..5 * at + 5).map(|bit| octets[bit / 8] >> (7 - bit % 8) & 1);
        let value = bits.fold(0, |value, bit| value << 1 | bit);
        char::from(b"0123456789abcdefghijklmnopqrstuv"[usize::from(value)])
    };
    (0..32).map(digit).collect()
}

/// The record of a name itself.
fn of(what: &str, iterations: u16) -> Rrset {
    let mut to = hash(what, iterations);
    to[10] = to[10].checked_add(1).unwrap();
    nsec3(hash(what, iterations), to, iterations)
}

/// A record whose span has the hash of a name in it.
fn around(what: &str, iterations: u16) -> Rrset {
    let (mut from, mut to) = (hash(what, iterations), hash(what, iterations));
    from[10] = from[10].checked_sub(1).unwrap();
    to[10] = to[10].checked_add(1).unwrap();
    nsec3(from, to, iterations)
}

/// Whether these records deny that `www.example` is there.
#[track_caller]
fn check(sets: &[Rrset], expected: Option<Denied>) {
    let mut denials = Denials::new(&name("example"), sets.iter(), 50);
    let mut budget = Budget::new(Limits::default());
    let shown = denials.deny(&name("www.example"), Rtype::A, &mut budget).unwrap();
    assert_eq!(shown.map(|shown| shown.what), expected);
}

#[test] // RFC 5155 §8.2
fn a_proof_is_made_of_records_of_one_chain() {
    let all = |[encloser, closer, wildcard]: [u16; 3]| {
        [of("example", encloser), around("www.example", closer), around("*.example", wildcard)]
    };
    check(&all([1, 1, 1]), Some(Denied::NoName));
    check(&all([2, 2, 2]), Some(Denied::NoName));
    for mixed in [[1, 1, 2], [1, 2, 1], [2, 1, 1], [1, 2, 3]] {
        check(&all(mixed), None);
    }
    // Those of another chain beside it do no harm.
    check(&[all([1, 2, 1]), all([2, 2, 2])].concat(), Some(Denied::NoName));
}

#[test] // RFC 9276 §3.2
fn too_many_iterations_are_not_computed() {
    check(&[of("example", 51)], Some(Denied::Iterations(51)));
    let all = [of("example", 1), around("www.example", 1), around("*.example", 1)];
    check(&[&[of("example", 51)][..], &all].concat(), Some(Denied::NoName));
}

#[test] // RFC 9824 §3.1
fn what_only_denies_is_nothing_to_whoever_asks_for_everything() {
    let check = |field: &[u8], expected| {
        let types = TypeBitmap::parse(field).unwrap();
        assert_eq!(types.denies(Rtype::ANY, false), expected, "{field:?}");
    };
    check(&[], true);
    // RRSIG and NSEC, and NXNAME.
    check(&[0, 6, 0, 0, 0, 0, 0, 3], true);
    check(&[0, 17, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80], true);
    // A; CAA.
    check(&[0, 6, 0x40, 0, 0, 0, 0, 3], false);
    check(&[0, 6, 0, 0, 0, 0, 0, 3, 1, 1, 0x40], false);
}
