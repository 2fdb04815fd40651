use super::*;

#[test] // A stranger's names can all have the largest proofs.
fn what_is_kept_of_names_has_a_limit_in_bytes() {
    let now: Timestamp = "2026-11-28T12:00:00Z".parse().expect("a time");
    let bytes: Arc<[u8]> = vec![0; 1 << 20].into();
    let mut found = Found::default();
    let mut look = |number: usize, until: Timestamp| {
        let name = Name::parse(&format!("n{number}.example")).expect("a name");
        let slot = found.slot(&name, now);
        let proof = Some(ProofFile { hash: [0; 32], bytes: Arc::clone(&bytes) });
        let lookup = Lookup { hops: Vec::new(), outcome: Outcome::None, ttl_s: 0 };
        let evidence = Evidence { validated_at: now, proof };
        let looked = Looked { lookup, evidence, until };
        found.bytes += looked.bytes();
        slot.set(Arc::new(looked)).expect("it is new");
        found.slots.len()
    };
    // Those that are too old make room for others.
    assert_eq!(look(0, now), 1);
    for number in 1..1000 {
        let kept = look(number, Timestamp::MAX);
        assert!(kept <= 256, "{kept}");
        assert!(number != 256 || kept == 256, "{kept}");
    }
}
