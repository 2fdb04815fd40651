//! What stands between Python and the enforcer, tried without Python. The rest is tried in Python, by the files beside
//! this one.

#[allow(dead_code, reason = "the module for Python uses the rest")]
#[path = "../src/way.rs"]
mod way;

use countersign_sct::signed_list::{ListKeys, Note, SignedList, SignerKey};
use jiff::SignedDuration;
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
        for is_whole in [true, false] {
            assert!(!way.judge(&[], Some("host.example"), now, is_whole).accepted);
        }
    }
}

#[test]
fn whatever_cannot_be_used_is_complained_about() {
    let parts = Parts {
        list: Some(b"none"),
        keys: Some("none"),
        public_roots: &["-----BEGIN CERTIFICATE-----".to_owned()],
        profile: "",
        memory: Some("none"),
    };
    let (way, complaints) = Way::new(&parts);
    assert_eq!(complaints.len(), 4, "{complaints:?}");
    let (without_keys, complaints) = Way::new(&Parts { keys: None, ..parts });
    assert_eq!(complaints.len(), 4, "{complaints:?}");
    assert_eq!(way.list_version(), without_keys.list_version());
}

#[test] // Signatures do not say that a list is new: it may be served for years after it was signed.
fn a_list_that_is_older_than_the_built_in_one_is_not_used() {
    let built_in = SignedList::built_in();
    let day = SignedDuration::from_hours(24);
    let signers = [("one.list.test", [1; 32]), ("two.list.test", [2; 32])]
        .map(|(name, seed)| SignerKey::from_seed(name, &seed).unwrap());
    let keys = signers.iter().map(|signer| signer.public().clone()).collect();
    let keys = ListKeys::new(1, 2, keys).unwrap().to_text();
    for (issued, is_used) in [
        (built_in.issued - day * 365, false),
        (built_in.issued - day, false),
        (built_in.issued + day, true),
    ] {
        let expires = issued + day * 180;
        let text = SignedList::new(3, issued, expires, built_in.logs.logs.clone()).to_text();
        let signatures = signers.iter().map(|signer| signer.sign(&text)).collect();
        let list = Note { text, signatures }.to_text();
        let (way, complaints) = Way::new(&Parts {
            list: Some(list.as_bytes()),
            keys: Some(&keys),
            profile: "default",
            ..Parts::default()
        });
        assert_eq!(way.list_version(), if is_used { 3 } else { built_in.version });
        assert_eq!(complaints.is_empty(), is_used, "{complaints:?}");
        if let [complaint] = &complaints[..] {
            assert!(complaint.starts_with("the list of logs is not used: "), "{complaint}");
        }
    }
}
