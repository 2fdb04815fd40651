//! What `countersign caa lint` tells the operator to do.

use serde_json::Value;

use crate::client::NAME;
use crate::internet::on;
use crate::world::World;

/// From outside, it finds exactly this that is more than a notice.
#[track_caller]
pub(crate) fn check(world: &World, expected: &[&str]) {
    let mut lint = on("watch", env!("CARGO_BIN_EXE_countersign"));
    lint.args(["caa", "lint", NAME, "--json", "--account", &world.operator.account()]);
    lint.arg("--anchors").arg(world.resolver.anchors()).arg("--hints").arg(world.resolver.hints());
    let ended = lint.env("HOME", world.internet.folder("lint")).output().unwrap();
    let rows = String::from_utf8(ended.stdout).unwrap();
    let rows = rows.lines().map(|row| serde_json::from_str::<Value>(row).unwrap());
    let serious = rows
        .filter(|row| row["type"] == "caa-finding" && row["severity"] != "notice")
        .map(|row| row["kind"].as_str().unwrap().to_owned());
    assert_eq!(serious.collect::<Vec<_>>(), expected);
    assert_eq!(ended.status.code(), Some(i32::from(!expected.is_empty())));
}
