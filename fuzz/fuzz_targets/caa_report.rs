//! The CCADB's report of names in CAA records: anything. What is read of it is in order, and none of it empty.
#![no_main]

use countersign_judge::caa_plan::CaaReport;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(report) = CaaReport::parse(bytes) else { return };
    assert!(!report.organizations.is_empty());
    for organization in &report.organizations {
        assert!(!organization.issuers.is_empty() && organization.issuers.is_sorted());
        assert!(organization.issuers.iter().all(|name| name.as_str().contains('.')));
    }
});
