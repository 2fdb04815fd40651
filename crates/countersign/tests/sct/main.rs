//! Real clients before real servers with every kind of SCTs: as they are, they accept what they must not; by each of
//! our ways they refuse it, and accept what is good.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod c;
// Not all that they have is needed here.
#[allow(dead_code, reason = "shared with the tests of the watch")]
#[path = "../watch/place.rs"]
mod place;
mod preload;
#[allow(dead_code, reason = "shared with the tests of ACME")]
#[path = "../acme/programs.rs"]
mod programs;
mod python;
mod rust;
mod servers;

use countersign_lab::sct_cases::SctCases;
use servers::{Prosody, Web};

#[tokio::test]
async fn the_servers_serve_what_they_were_given() {
    if !programs::present(&["prosody", "openssl"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cases = cases(folder.path());
    let good = cases.case("good");
    let web = Web::start(folder.path(), good).await;
    let xmpp = Prosody::start(folder.path(), good).await;
    for (port, starttls) in [(web.port, ""), (xmpp.port, "xmpp")] {
        let shown = servers::s_client(port, starttls, &cases.root);
        assert!(shown.contains("Verify return code: 0 (ok)"), "{shown}");
    }
}

/// Certificates for `localhost` in this folder.
fn cases(folder: &std::path::Path) -> SctCases {
    let now = countersign_net::Clock::system().now();
    SctCases::write(folder, &["localhost", "127.0.0.1"], now).unwrap()
}
