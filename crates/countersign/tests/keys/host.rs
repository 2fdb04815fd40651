//! A DNS host who was told to cheat. He has what the honest one has, the zone as it was sent to him, and no key.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::programs::{Ended, free_ports, listens, started};

pub(crate) struct Host {
    pub(crate) port: u16,
    _process: Ended,
}

impl Host {
    /// Serves this text for `xmpp.example`, whatever is in it.
    pub(crate) async fn serve(folder: &Path, zone: &str) -> Self {
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("zone"), zone).unwrap();
        let [port] = free_ports();
        let config = format!(
            "server:\n ip-address: 127.0.0.1@{port}\n username: \"\"\n chroot: \"\"\n database: \"\"\n \
             zonesdir: \"{folder}\"\n xfrdir: \"{folder}\"\n xfrdfile: \"{folder}/xfrd.state\"\n \
             zonelistfile: \"{folder}/zone.list\"\n pidfile: \"{folder}/nsd.pid\"\n\
             remote-control:\n control-enable: no\n\
             zone:\n name: xmpp.example\n zonefile: zone\n",
            folder = folder.display()
        );
        fs::write(folder.join("nsd.conf"), config).unwrap();
        let mut nsd = Command::new("nsd");
        nsd.args(["-d", "-c", "nsd.conf"]);
        let process = started(nsd, folder);
        listens(port).await;
        Self { port, _process: process }
    }
}

/// The zone without the lines that have one of these in them. NSD writes a record on a line, and begins it with tabs.
pub(crate) fn without(zone: &str, dropped: &[&str]) -> String {
    let mut lines: Vec<&str> = zone.lines().collect();
    let before = lines.len();
    lines.retain(|line| !dropped.iter().any(|part| line.contains(part)));
    assert_ne!(lines.len(), before, "{dropped:?} is nowhere in {zone}");
    lines.join("\n") + "\n"
}

/// The zone with this in the place of that.
pub(crate) fn altered(zone: &str, that: &str, this: &str) -> String {
    assert!(zone.contains(that), "{that:?} is not in {zone}");
    zone.replace(that, this)
}
