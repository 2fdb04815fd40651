//! What is kept of answers, for how long, and what it answers afterwards.

use countersign_dns::Rrsig;

use super::*;

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

/// A set of one record, with a signature by this zone or without.
fn set(owner: &str, rtype: Rtype, ttl_s: u32, rdata: &[u8], signer: Option<&str>) -> SignedRrset {
    let rrset = Rrset::new(name(owner), rtype, ttl_s, rdata).unwrap();
    let rrsig = signer.map(|signer| Rrsig {
        type_covered: rtype,
        algorithm: 13,
        labels: 1,
        original_ttl_s: ttl_s,
        expiration: 2,
        inception: 1,
        key_tag: 7,
        signer: name(signer),
        signature: vec![9],
    });
    SignedRrset { rrset, rrsigs: rrsig.into_iter().collect() }
}

fn nsec(owner: &str, next: &str) -> SignedRrset {
    let rdata = [name(next).wire(), &[0, 1, 0x40]].concat();
    set(owner, Rtype::NSEC, 3600, &rdata, Some("example"))
}

fn soa(ttl_s: u32, minimum_s: u32) -> SignedRrset {
    let rdata = [&[0, 0][..], &[0; 16], &minimum_s.to_be_bytes()].concat();
    set("example", Rtype::SOA, ttl_s, &rdata, Some("example"))
}

fn query(text: &str, rtype: Rtype) -> Query {
    Query { name: name(text), rtype }
}

/// What a server of `example` says.
fn said(answer: Vec<SignedRrset>, authority: Vec<SignedRrset>) -> Message {
    message(&query("example", Rtype::A), answer, authority)
}

/// Owners and times to live of what is given, the answer first.
fn given(cache: &Cache, text: &str, rtype: Rtype, known: Known) -> Option<String> {
    let message = cache.answer(&query(text, rtype), known, 50)?;
    let shown = |set: &SignedRrset| format!("{} {}", set.rrset.owner(), set.rrset.ttl_s());
    let sections = [&message.answer, &message.authority];
    Some(sections.map(|sets| sets.iter().map(shown).collect::<Vec<_>>().join(", ")).join("; "))
}

#[test]
fn sets_last_as_long_as_they_say() {
    let mut cache = Cache::default();
    let a = set("a.example", Rtype::A, 60, &[192, 0, 2, 1], None);
    cache.learn(&name("example"), &said(vec![a], Vec::new()));
    let now = |cache: &Cache| given(cache, "a.example", Rtype::A, Known::Now);
    assert_eq!(now(&cache).as_deref(), Some("a.example. 60; "));
    assert_eq!(given(&cache, "a.example", Rtype::AAAA, Known::Now), None);
    cache.pass(59_500);
    assert_eq!(now(&cache).as_deref(), Some("a.example. 1; "));
    cache.pass(500);
    assert_eq!(now(&cache), None);
}

#[test] // RFC 9077 §3
fn denials_last_no_longer_than_negative_answers() {
    let mut cache = Cache::default();
    let authority = vec![nsec("a.example", "c.example"), soa(900, 1800)];
    cache.learn(&name("example"), &said(Vec::new(), authority));
    let now = |cache: &Cache| given(cache, "a.example", Rtype::TXT, Known::Now);
    assert_eq!(now(&cache).as_deref(), Some("; a.example. 900"));
    cache.pass(900_000);
    assert_eq!(now(&cache), None);
}

#[test]
fn what_a_server_cannot_speak_for_is_not_kept() {
    let mut cache = Cache::default();
    let a = |owner, last, signer| set(owner, Rtype::A, 60, &[192, 0, 2, last], signer);
    let learn = |cache: &mut Cache, a| cache.learn(&name("example"), &said(vec![a], Vec::new()));
    learn(&mut cache, a("a.test", 1, None));
    assert_eq!(given(&cache, "a.test", Rtype::A, Known::Now), None);
    // Nor is what is unsigned, in place of what is signed.
    learn(&mut cache, a("a.example", 1, Some("example")));
    learn(&mut cache, a("a.example", 2, None));
    let kept = cache.answer(&query("a.example", Rtype::A), Known::Now, 50).unwrap();
    assert_eq!(kept.answer[0].rrset.rdatas(), [[192, 0, 2, 1]]);
}

#[test]
fn what_is_learned_meanwhile_was_not_known_before() {
    let mut cache = Cache::default();
    let before = |cache: &Cache| given(cache, "a.example", Rtype::A, Known::Before);
    let mut ask = |ttl_s| {
        cache.begin_question();
        let a = set("a.example", Rtype::A, ttl_s, &[192, 0, 2, 1], None);
        cache.learn(&name("example"), &said(vec![a.clone()], Vec::new()));
        cache.learn(&name("example"), &said(vec![a], Vec::new()));
        before(&cache)
    };
    assert_eq!(ask(60), None);
    assert_eq!(ask(70).as_deref(), Some("a.example. 60; "));
    assert_eq!(ask(80).as_deref(), Some("a.example. 70; "));
}

#[test] // RFC 8198 §5.1
fn the_denials_about_a_name_are_found() {
    let mut cache = Cache::default();
    let all = [("example", "b.example"), ("b.example", "d.example"), ("d.example", "example")];
    let all = all.map(|(owner, next)| nsec(owner, next)).to_vec();
    cache.learn(&name("test"), &said(Vec::new(), all));
    let check = |text: &str, rtype, expected: Option<&str>| {
        assert_eq!(given(&cache, text, rtype, Known::Now).as_deref(), expected, "{text}");
    };
    check("b.example", Rtype::TXT, Some("; b.example. 3600"));
    check("c.example", Rtype::TXT, Some("; b.example. 3600, example. 3600"));
    check("x.c.example", Rtype::TXT, Some("; b.example. 3600, example. 3600"));
    check("a.example", Rtype::TXT, Some("; example. 3600"));
    check("z.example", Rtype::TXT, Some("; d.example. 3600, example. 3600"));
    check("example", Rtype::TXT, Some("; example. 3600"));
    check("example", Rtype::DS, None);
    check("test", Rtype::TXT, None);
}
