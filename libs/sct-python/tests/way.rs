//! What stands between Python and the enforcer, tried without Python. The rest is tried in Python, by the files beside
//! this one.

#[allow(dead_code, reason = "the module for Python uses the rest")]
#[path = "../src/way.rs"]
mod way;

use way::{Parts, Told, Way, guarded};

#[test]
fn a_panic_is_a_refusal() {
    let told = guarded(|| panic!("a bug"));
    assert!(!told.accepted);
    assert_eq!(told.reason, "refused: the certificate could not be judged: a bug in countersign");
    assert_eq!(guarded(|| Told { accepted: true, ..told }).reason, guarded(|| panic!()).reason);
}

#[test]
fn no_chain_is_a_refusal() {
    let (way, complaints) = Way::new(&Parts { profile: "default", ..Parts::default() });
    assert_eq!(complaints, [""; 0]);
    for now in [0.0, f64::NAN, f64::MAX, f64::MIN, f64::INFINITY] {
        assert!(!way.judge(&[], Some("host.example"), now).accepted);
    }
}

#[test]
fn whatever_cannot_be_used_is_complained_about() {
    let parts = Parts {
        list: Some(b"none"),
        keys: Some("none"),
        public_roots: "-----BEGIN CERTIFICATE-----",
        profile: "",
        memory: Some("none"),
    };
    let (way, complaints) = Way::new(&parts);
    assert_eq!(complaints.len(), 4, "{complaints:?}");
    let (without_keys, complaints) = Way::new(&Parts { keys: None, ..parts });
    assert_eq!(complaints.len(), 4, "{complaints:?}");
    assert_eq!(way.list_version(), without_keys.list_version());
}
