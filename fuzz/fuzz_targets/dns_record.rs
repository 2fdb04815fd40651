//! Names and records that stand by themselves: printing and parsing undo each other.
#![no_main]

use countersign_dns::denial::{Nsec, Nsec3, TypeBitmap};
use countersign_dns::{Dnskey, Ds, Name, Rrset, Rrsig, Rtype, zone_text};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok((name, _)) = Name::read(bytes) {
        assert_eq!(name.to_string().parse().as_ref(), Ok(&name));
    }
    if let Some(rrsig) = Rrsig::from_rdata(bytes) {
        assert_eq!(rrsig.rdata().to_ascii_lowercase(), bytes.to_ascii_lowercase());
    }
    if let Ok((record, rest)) = Rrset::read(bytes) {
        assert!(record.rdatas().len() == 1 && rest.len() < bytes.len());
        assert!(Nsec::of(&record).is_none_or(|nsec| nsec.owner == *record.owner()));
        assert!(Nsec3::of(&record).is_none_or(|nsec3| Some(nsec3.zone) == record.owner().parent()));
    }
    assert!(Dnskey::from_rdata(bytes).is_none_or(|key| key.rdata() == bytes && key.tag() == key.tag()));
    assert!(Ds::from_rdata(bytes).is_none_or(|ds| ds.rdata() == bytes));
    if let Some(types) = TypeBitmap::parse(bytes) {
        assert!(!types.is_delegation() || types.contains(Rtype::NS));
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _refused = zone_text::records(text, &Name::root());
    }
});
