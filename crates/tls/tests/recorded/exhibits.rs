//! What is handed on: enough to see it for oneself, and no more.

use countersign_tls::KeyLog;
use countersign_tls::exhibit::{Covers, Exhibit, Verdict};
use countersign_tls::handshake::{End, Shown};

use crate::vector::{self, Vector};

fn exhibit(vector: &Vector) -> Option<Exhibit> {
    let about = [("service".to_owned(), "xmpp of a.example".to_owned())];
    Exhibit::new(&about, &vector.recording(), &KeyLog::read(vector.keys.as_bytes()))
}

#[test]
fn what_is_proved_is_proved_to_others() {
    for vector in vector::all() {
        let whole = vector.handshake();
        let Some(exhibit) = exhibit(&vector) else {
            assert!(!matches!(whole.chain, Shown::Proved { .. }), "{}", vector.name);
            continue;
        };
        let text = exhibit.print();
        let Verdict::Proved(proved) = Exhibit::parse(&text).unwrap().verify() else {
            panic!("{} proves nothing", vector.name);
        };
        assert_eq!(proved.chain, whole.chain.certificates());
        assert_eq!(Some(proved.client_random), whole.client.as_ref().map(|client| client.random));
        assert_eq!(proved.shown.end, End::Whole);
        assert_eq!(proved.shown.hellos_sha256, whole.hellos_sha256);
        assert!(!text.contains("CLIENT_"), "{}", vector.name);
        // What was said after the handshake stays here.
        assert!(text.len() < 5000, "{} {}", vector.name, text.len());
    }
}

#[test]
fn an_exhibit_says_what_is_signed() {
    let check = |name: &str, server_name: &str, covers: Covers| {
        let Verdict::Proved(proved) = exhibit(&vector::named(name)).unwrap().verify() else {
            panic!("{name} proves nothing");
        };
        assert_eq!(proved.server_name.as_deref(), Some(server_name));
        assert_eq!(proved.covers, covers);
    };
    check("tls13-retry", "p256.example", Covers::Everything);
    check("tls13-smtp", "rsa.example", Covers::Everything);
    check("tls12-dhe", "rsa.example", Covers::Randoms);
}

#[test]
fn a_changed_exhibit_proves_nothing_else() {
    let original = exhibit(&vector::named("tls13-chacha20")).unwrap();
    let (text, Verdict::Proved(proved)) = (original.print(), original.verify()) else {
        panic!("it proves nothing");
    };
    let about = text.find("sent:").unwrap();
    for at in (about..text.len()).step_by(3) {
        let mut changed = text.clone().into_bytes();
        changed[at] ^= 1;
        let changed = String::from_utf8(changed).unwrap();
        let Ok(Verdict::Proved(other)) = Exhibit::parse(&changed).map(|other| other.verify())
        else {
            continue;
        };
        assert_eq!((&other.chain, other.client_random), (&proved.chain, proved.client_random));
        assert_eq!(other.server_name, proved.server_name);
    }
}
