//! The gate as a process before Debian's Pebble: Debian's lego orders by way of it, and gets what the CAA records of the
//! lab's signed DNS allow, with the account and by the method that they name, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

// Not all that these have is needed here.
#[allow(dead_code, reason = "shared with the tests of the watch")]
#[path = "../acme/ca.rs"]
mod ca;
#[allow(dead_code, reason = "shared with the tests of the watch")]
#[path = "../watch/place.rs"]
mod place;
#[path = "../acme/programs.rs"]
mod programs;
mod stand;

use countersign_lab::dns::{Change, Forgery};
use countersign_lab::log::Group;
use serde_json::Value;

use programs::present;
use stand::Stand;

#[tokio::test]
async fn lego_gets_what_caa_allows_and_nothing_else() {
    if !present(&["pebble", "pebble-challtestsrv", "lego", "openssl"]) {
        return;
    }
    let mut stand = Stand::new().await;
    let mut gate = stand.start("").await;
    // Anybody may have this one, and so the account comes to be.
    stand.order("alice", "open.shop.example").await.unwrap();
    stand.order("mallory", "open.shop.example").await.unwrap();
    let alice = stand.account("alice");
    assert_ne!(alice, stand.account("mallory"));
    stand.publish(&format!(
        "pinned CAA 0 issue \"ca.example; accounturi={alice}; validationmethods=http-01\"\n\
         dns CAA 0 issue \"ca.example; accounturi={alice}; validationmethods=dns-01\"\n"
    ));
    stand.order("alice", "pinned.shop.example").await.unwrap();
    refused(&stand, "mallory", "pinned.shop.example", "accounturi-mismatch").await;
    refused(&stand, "alice", "dns.shop.example", "validationmethods-mismatch").await;
    refused(&stand, "alice", "closed.shop.example", "empty-issuer").await;
    // Of several names each counts.
    refused(
        &stand,
        "alice",
        "open.shop.example,closed.shop.example",
        "closed.shop.example: empty-issuer",
    )
    .await;
    // Zones that are not signed have no records that could be relied on.
    refused(&stand, "alice", "unsigned.test", "not-secure").await;
    // Somebody on the way takes the signatures off.
    let strips = Forgery::below("shop.example".parse().unwrap(), Change::StripSignatures);
    stand.responder.forge(Group::A, &strips);
    refused(&stand, "mallory", "pinned.shop.example", "dnssec-bogus").await;
    stand.responder.forge_no_more(Group::A);
    // The gate dies, and what it has said is there.
    gate.kill();
    let before = stand.verified();
    assert_eq!((before["faults"].as_u64(), before["records"].as_u64()), (Some(0), Some(9)));
    // A new one knows the accounts.
    let strict = stand.start("").await;
    stand.order("alice", "pinned.shop.example").await.unwrap();
    assert_eq!(strict.stopped().await, Some(0));
    // Without them they are strangers; left to the CA, they go on.
    stand.forget_accounts();
    let strict = stand.start("").await;
    let strange = stand.order("alice", "open.shop.example").await.unwrap_err();
    assert!(strange.contains("accountDoesNotExist"), "{strange}");
    assert_eq!(strict.stopped().await, Some(0));
    let lenient = stand.start("unknown-accounts = \"leave-to-ca\"\n").await;
    stand.order("alice", "pinned.shop.example").await.unwrap();
    refused(&stand, "mallory", "pinned.shop.example", "accounturi-mismatch").await;
    assert_eq!(lenient.stopped().await, Some(0));
    let after = stand.verified();
    assert_eq!((after["faults"].as_u64(), after["records"].as_u64()), (Some(0), Some(12)));
    let shown = stand.archive(&["show", "--name", "pinned.shop.example"]);
    let verdicts: Vec<_> = shown.iter().map(|row| row["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["allow", "deny", "deny", "allow", "allow", "deny"]);
    assert_eq!(shown[0]["accounts"][0]["uri"], Value::from(alice));
    assert_eq!(stand.archive(&["show", "3"])[0]["id"], 3);
}

/// The order is refused with the problem that is meant for it, and for this reason.
async fn refused(stand: &Stand, who: &str, names: &str, why: &str) {
    let said = stand.order(who, names).await.expect_err(names);
    assert!(said.contains("urn:ietf:params:acme:error:caa") && said.contains(why), "{said}");
}
