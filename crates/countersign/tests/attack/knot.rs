//! A name server with one zone that it signs itself: Debian's Knot.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::internet::{Internet, done, on};
use crate::place::until;
use crate::resolver::ask;

pub(crate) struct Knot {
    host: &'static str,
    address: &'static str,
    zone: &'static str,
    folder: PathBuf,
}

impl Knot {
    /// Starts one on this host. `server` is its name in the zone; `records` is what else there is.
    pub(crate) fn start(
        internet: &mut Internet,
        host: &'static str,
        address: &'static str,
        zone: &'static str,
        server: &str,
        records: &str,
    ) -> Self {
        let folder = internet.folder(&format!("knot-{host}"));
        let text = format!(
            "$TTL {TTL}\n\
             @ SOA {server} hostmaster 1 60 60 3600 {TTL}\n\
             @ NS {server}\n\
             {server} A {address}\n\
             {records}"
        );
        fs::write(folder.join("zone"), text).unwrap();
        fs::write(folder.join("knot.conf"), config(&folder.display().to_string(), address, zone))
            .unwrap();
        let knot = Self { host, address, zone, folder };
        let mut knotd = on(host, "knotd");
        knotd.arg("-c").arg(knot.config());
        internet.start(&format!("knot-{host}"), knotd);
        knot
    }

    /// Waits until it serves the zone, signed.
    pub(crate) async fn serves(&self) {
        until("the zone is served", async || {
            ask(self.host, self.address, self.zone, "SOA").text.contains("RRSIG")
        })
        .await;
    }

    /// What the parent zone has to say about the key, for a zone file.
    pub(crate) fn ds(&self) -> String {
        let printed =
            done(Command::new("keymgr").arg("-c").arg(self.config()).args([self.zone, "ds"]));
        let values = printed.lines().filter_map(|line| line.split_once(" DS "));
        // It prints one with SHA-256 and one with SHA-384.
        let values = values.map(|(_, values)| values).find(|values| values.contains(" 13 2 "));
        values.unwrap_or_else(|| panic!("no DS record: {printed}")).to_owned()
    }

    /// Puts these in the place of all records of this owner and type.
    pub(crate) fn set(&self, owner: &str, kind: &str, values: &[&str]) {
        let knotc = |arguments: &[&str]| {
            let mut knotc = Command::new("knotc");
            knotc.arg("-c").arg(self.config()).args(arguments);
            knotc
        };
        done(&mut knotc(&["zone-begin", self.zone]));
        // It is an error if there are none.
        knotc(&["zone-unset", self.zone, owner, kind]).output().unwrap();
        for value in values {
            done(&mut knotc(&["zone-set", self.zone, owner, TTL, kind, value]));
        }
        done(&mut knotc(&["zone-commit", self.zone]));
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.folder.join("knot.conf")
    }
}

/// Seconds. Nobody waits for it: the resolvers are told to forget.
const TTL: &str = "1";

fn config(folder: &str, address: &str, zone: &str) -> String {
    format!(
        "server:
    rundir: {folder}
    listen: {address}@53
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
control:
    listen: {folder}/control
log:
  - target: stdout
    any: info
database:
    storage: {folder}
    journal-db-max-size: 16M
    kasp-db-max-size: 16M
    timer-db-max-size: 16M
policy:
  - id: own
    algorithm: ecdsap256sha256
    single-type-signing: on
zone:
  - domain: {zone}
    storage: {folder}
    file: zone
    zonefile-sync: -1
    dnssec-signing: on
    dnssec-policy: own
"
    )
}
