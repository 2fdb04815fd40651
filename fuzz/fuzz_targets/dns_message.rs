//! Messages of strangers: whatever is read is in canonical form.
#![no_main]

use countersign_dns::{Message, Name, Rrset};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = Message::parse(bytes) else { return };
    for set in [&message.answer, &message.authority, &message.additional].into_iter().flatten() {
        let (owner, rtype) = (set.rrset.owner(), set.rrset.rtype());
        assert_eq!(Name::from_wire(owner.wire()).as_ref(), Ok(owner));
        assert!(set.rrset.rdatas().is_sorted());
        for rdata in set.rrset.rdatas() {
            let again = Rrset::new(owner.clone(), rtype, set.rrset.ttl_s(), rdata);
            assert_eq!(again.as_ref().map(Rrset::rdatas), Some(&[rdata.clone()][..]));
        }
    }
});
