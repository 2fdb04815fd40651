//! What the CA can see of the victim's CAA records, by three judges: Unbound, delv and we.

use std::fs;

use crate::client::NAME;
use crate::internet::on;
use crate::world::World;

/// What is made of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Signed, from the root on; so is that there are none.
    Secure,
    /// The delegation says, signed, that the zone is not.
    Insecure,
    /// It had to be signed, and is not by whom it should be.
    Bogus,
}

/// The account that is named in the CAA records as the CA sees them, and what that is worth.
#[track_caller]
pub(crate) fn check(world: &World, account: Option<&str>, verdict: Verdict) {
    let shown = |text: &str| account.map_or(!text.contains("accounturi"), |uri| text.contains(uri));
    let answer = world.resolver.ask(NAME, "CAA");
    let status = match verdict {
        Verdict::Secure | Verdict::Insecure => "NOERROR",
        Verdict::Bogus => "SERVFAIL",
    };
    assert_eq!(answer.status(), status, "{answer:?}");
    assert_eq!(answer.is_authentic(), verdict == Verdict::Secure, "{answer:?}");
    assert!(shown(&answer.text), "{account:?}: {answer:?}");

    let delv = world.resolver.delv(NAME, "CAA");
    let told = match verdict {
        Verdict::Secure => "fully validated",
        Verdict::Insecure => "unsigned answer",
        Verdict::Bogus => "broken trust chain",
    };
    assert!(delv.contains(told) && shown(&delv), "{account:?}, {told:?}: {delv}");

    let ours = prove(world);
    let told = match verdict {
        Verdict::Secure => ": secure",
        Verdict::Insecure => ": insecure",
        Verdict::Bogus => ": bogus",
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
    prove.args(world.resolver.trust()).env("HOME", world.internet.folder("view"));
    let ended = prove.output().unwrap();
    [ended.stdout, ended.stderr].iter().map(|text| String::from_utf8_lossy(text)).collect()
}
