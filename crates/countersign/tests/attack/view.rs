//! What the CA can see of the victim's CAA records, by three judges: Unbound, delv and we.

use std::fs;

use crate::client::NAME;
use crate::internet::on;
use crate::world::World;

/// What is made of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    /// Signed, from the root on; so is that there are none.
    Secure,
    /// The delegation says, signed, that the zone is not.
    Insecure,
    /// It had to be signed, and is not by whom it should be.
    Bogus,
}

/// The CAA records, as the CA sees them, name this account, or none; and that is worth so much.
#[track_caller]
pub(crate) fn check(world: &World, account: Option<&str>, security: Security) {
    let shown = |text: &str| account.map_or(!text.contains("accounturi"), |uri| text.contains(uri));
    let answer = world.resolver.ask(NAME, "CAA");
    let status = match security {
        Security::Secure | Security::Insecure => "NOERROR",
        Security::Bogus => "SERVFAIL",
    };
    assert_eq!(answer.status(), status, "{answer:?}");
    assert_eq!(answer.is_authentic(), security == Security::Secure, "{answer:?}");
    assert!(shown(&answer.text), "{account:?}: {answer:?}");

    let delv = world.resolver.delv(NAME, "CAA");
    let told = match security {
        Security::Secure => "fully validated",
        Security::Insecure => "unsigned answer",
        Security::Bogus => "broken trust chain",
    };
    assert!(delv.contains(told) && shown(&delv), "{account:?}, {told:?}: {delv}");

    let ours = prove(world);
    let told = match security {
        Security::Secure => ": secure",
        Security::Insecure => ": insecure",
        Security::Bogus => ": bogus",
    };
    assert!(ours.contains(told) && shown(&ours), "{account:?}, {told:?}: {ours}");
}

/// What `countersign dnssec prove` prints, which asks no resolver.
fn prove(world: &World) -> String {
    let proof = world.internet.folder("view").join("proof");
    if proof.exists() {
        fs::remove_file(&proof).unwrap();
    }
    let mut prove = on("ca", env!("CARGO_BIN_EXE_countersign"));
    prove.args(["dnssec", "prove", NAME, "CAA", "--out"]).arg(proof);
    prove.arg("--anchors").arg(world.resolver.anchors());
    prove.arg("--hints").arg(world.resolver.hints()).env("HOME", world.internet.folder("view"));
    let ended = prove.output().unwrap();
    [ended.stdout, ended.stderr].iter().map(|text| String::from_utf8_lossy(text)).collect()
}
