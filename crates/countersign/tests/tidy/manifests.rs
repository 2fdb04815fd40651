//! The manifests of the workspace, read as data.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use toml::{Table, Value};

use crate::root;

/// One of our crates, as its manifest says.
pub(crate) struct Crate {
    /// Its folder, from the root of the repository.
    pub(crate) path: String,
    pub(crate) manifest: Table,
    /// Names under `dependencies` and `build-dependencies`, for every target.
    pub(crate) dependencies: BTreeSet<String>,
    pub(crate) dev_dependencies: BTreeSet<String>,
}

/// Every crate of the workspace.
pub(crate) fn crates() -> Vec<Crate> {
    let mut crates = Vec::new();
    for shelf in ["crates", "libs"] {
        for entry in fs::read_dir(root().join(shelf)).expect("both shelves exist") {
            let folder = entry.expect("the shelf can be listed").file_name();
            let path = format!("{shelf}/{}", folder.to_str().expect("our names are ASCII"));
            let manifest = manifest(&root().join(&path).join("Cargo.toml"));
            let (mut dependencies, mut dev_dependencies) = (BTreeSet::new(), BTreeSet::new());
            for (kind, table) in dependency_tables(&manifest) {
                let dev = kind == "dev-dependencies";
                let names = if dev { &mut dev_dependencies } else { &mut dependencies };
                names.extend(table.keys().cloned());
            }
            crates.push(Crate { path, manifest, dependencies, dev_dependencies });
        }
    }
    assert!(!crates.is_empty(), "tidy looks in the wrong place");
    crates
}

/// The dependency tables of a manifest with their names, also those under `target`.
pub(crate) fn dependency_tables(manifest: &Table) -> impl Iterator<Item = (&'static str, &Table)> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let places = targets.filter_map(|(_, target)| target.as_table()).chain([manifest]);
    places.flat_map(|place| {
        ["dependencies", "build-dependencies", "dev-dependencies"]
            .into_iter()
            .filter_map(|kind| Some((kind, place.get(kind)?.as_table()?)))
    })
}

/// Whether a value is `{ workspace = true }`, perhaps with more beside it.
pub(crate) fn inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")).and_then(Value::as_bool) == Some(true)
}

/// What each package of `Cargo.lock` depends on, all versions of one name taken together.
pub(crate) fn locked() -> BTreeMap<String, BTreeSet<String>> {
    let lock = manifest(&root().join("Cargo.lock"));
    let mut packages: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in lock["package"].as_array().expect("a lock lists packages") {
        let name = package["name"].as_str().expect("a package has a name");
        let dependencies = package.get("dependencies").and_then(Value::as_array);
        // "name", "name version" or "name version (source)".
        let names = dependencies.into_iter().flatten().filter_map(Value::as_str);
        let names = names.filter_map(|text| text.split(' ').next()).map(str::to_owned);
        packages.entry(name.to_owned()).or_default().extend(names);
    }
    packages
}

/// A manifest, or another TOML file.
pub(crate) fn manifest(path: &Path) -> Table {
    let text = fs::read_to_string(path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    text.parse().unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}
