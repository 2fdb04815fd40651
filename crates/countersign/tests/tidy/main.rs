//! The walls of the project, held by tests: who may depend on whom, what stays out of the crates that only
//! compute, who may connect out, and what no file may contain. `CONTRIBUTING.md` gives the reasons.

mod manifests;
mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Value;

use manifests::{crates, dependency_tables, inherited, locked, manifest};
use sources::{files, lifted_lints, names_after, parses, sources};

/// Every crate that may exist, below the line first, with the crates it is built on. Whatever can be reached
/// along the arrows may be named in a manifest; nothing else of ours may.
const ARROWS: [(&str, &[&str]); 22] = [
    ("libs/sct", &[]),
    ("libs/caa", &[]),
    ("crates/tlog", &[]),
    ("crates/dns", &[]),
    ("crates/ct", &["crates/tlog", "libs/sct"]),
    ("crates/tls", &["libs/sct"]),
    ("crates/dslog", &["crates/dns", "crates/tlog"]),
    (
        "crates/judge",
        &["crates/ct", "crates/dns", "crates/dslog", "crates/tls", "libs/sct", "libs/caa"],
    ),
    // The line. Above it: sockets, disk, clock, async, events.
    ("libs/rustls-sct", &["libs/sct"]),
    ("libs/sct-python", &["libs/sct"]),
    ("libs/sct-preload", &["libs/sct"]),
    ("libs/keylog-preload", &[]),
    // A process of its own, with OpenSSL: frames in, frames out.
    ("crates/probe-openssl", &[]),
    ("crates/net", &["crates/dns"]),
    ("crates/store", &["crates/judge"]),
    ("crates/probe", &["crates/net", "crates/tls", "crates/judge", "libs/sct"]),
    (
        "crates/monitor",
        &[
            "crates/probe",
            "crates/net",
            "crates/store",
            "crates/judge",
            "crates/ct",
            "crates/dslog",
        ],
    ),
    ("crates/gate", &["libs/caa", "crates/judge", "crates/dns", "crates/dslog", "crates/net"]),
    ("crates/logd", &["crates/dslog", "crates/tlog", "crates/net"]),
    ("crates/web", &["crates/store", "crates/judge"]),
    (
        "crates/lab",
        &["crates/monitor", "crates/gate", "crates/logd", "crates/web", "libs/rustls-sct"],
    ),
    ("crates/countersign", &["crates/lab"]),
];

/// How many of [`ARROWS`], from the first, are below the line.
const PURE: usize = 8;

/// What a crate below the line must not even reach through somebody else's crate.
const IMPURE: [&str; 14] = [
    "async-std",
    "axum",
    "futures-executor",
    "hyper",
    "libsqlite3-sys",
    "mio",
    "reqwest",
    "rusqlite",
    "rustls",
    "smol",
    "socket2",
    "tokio",
    "tracing",
    "ureq",
];

/// Parts of these that only compute: certificates as values, and paths between them.
const PURE_PARTS: [&str; 2] = ["rustls-pki-types", "rustls-webpki"];

/// What the code of a crate below the line must not contain. `std::net` is looked at by itself, since its
/// addresses are values.
const IMPURE_CODE: [&str; 18] = [
    "async fn",
    "async move",
    ".await",
    "std::env",
    "std::fs",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    "SystemTime::now",
    "Timestamp::now",
    "tracing::",
    "println!",
    "thread_local!",
    "SystemRandom",
];

/// The parts of `std::net` that are values.
const ADDRESSES: [&str; 7] = [
    "AddrParseError",
    "IpAddr",
    "Ipv4Addr",
    "Ipv6Addr",
    "SocketAddr",
    "SocketAddrV4",
    "SocketAddrV6",
];

/// Crates that may open a connection: `net`, and the lab, whose own servers and victims talk.
const CONNECTS: [&str; 2] = ["crates/net", "crates/lab"];

/// Calls that open one, or that ask a resolver.
const CONNECTING: [&str; 9] = [
    "TcpStream::connect",
    "TcpSocket::",
    "UdpSocket::",
    "UnixStream::connect",
    "TlsConnector",
    "reqwest::",
    "hyper::",
    "lookup_host",
    "to_socket_addrs",
];

/// Dependencies behind a wall, with the only crates that may name them outside tests.
const WALLED: [(&str, &[&str]); 11] = [
    ("axum", &["crates/gate", "crates/lab", "crates/logd", "crates/web"]),
    ("clap", &["crates/countersign"]),
    ("hyper", &["crates/net"]),
    // Events are those of `tracing`.
    ("log", &[]),
    // Of the system, and in no process of ours but the one that looks like its other users.
    ("openssl", &["crates/probe-openssl"]),
    ("rcgen", &["crates/lab"]),
    ("reqwest", &["crates/net"]),
    ("rusqlite", &["crates/store"]),
    // The gate serves, and connects by way of `net`.
    ("tokio-rustls", &["crates/gate", "crates/net", "crates/lab", "crates/probe"]),
    ("toml", &["crates/countersign"]),
    ("webpki-roots", &["crates/net"]),
];

/// What has its places in the product: files, or folders. Deadlines of requests are `net`'s business; a library that is
/// preloaded is handed no clock. What is unsafe are the borders with C.
const PLACES: [(&str, &[&str]); 6] = [
    ("Instant::now", &["crates/net/src"]),
    ("SystemTime::now", &["crates/net/src/clock.rs"]),
    ("Timestamp::now", &["crates/net/src/clock.rs", "libs/sct-preload/src/tell.rs"]),
    ("Zoned::now", &["crates/net/src/clock.rs"]),
    (
        "unsafe {",
        &["libs/sct/src/capi.rs", "libs/sct-preload/src/ffi", "libs/keylog-preload/src/ffi.rs"],
    ),
    (
        "(unsafe_code",
        &["libs/sct/src/capi.rs", "libs/sct-preload/src/ffi", "libs/keylog-preload/src/ffi.rs"],
    ),
];

/// What no source contains, tests included.
const NOWHERE: [(&str, &str); 4] = [
    ("#[ignore", "a test that does not run proves nothing"),
    ("#[should_panic", "compare the value or the error; a panic can have another cause"),
    ("todo!", "write it, or leave it out"),
    ("unimplemented!", "write it, or leave it out"),
];

/// Where bytes from strangers are read, and the fuzz target that feeds it anything.
const PARSERS: [(&str, &str); 82] = [
    ("crates/countersign/src/config/spec.rs", "config"),
    ("crates/countersign/src/config/period.rs", "config"),
    ("crates/countersign/src/conformance/record.rs", "record"),
    ("crates/countersign/src/conformance/replay.rs", "replay"),
    ("crates/ct/src/certificate.rs", "watchlist"),
    ("crates/ct/src/certificate/signature.rs", "signature"),
    ("crates/ct/src/entry.rs", "rfc6962_entries"),
    ("crates/ct/src/rfc6962.rs", "rfc6962_chain"),
    ("crates/ct/src/rfc6962.rs", "rfc6962_entries"),
    ("crates/ct/src/rfc6962.rs", "rfc6962_head"),
    ("crates/ct/src/rfc6962.rs", "rfc6962_proof"),
    ("crates/ct/src/static_ct.rs", "data_tile"),
    ("crates/ct/src/static_ct.rs", "static_checkpoint"),
    ("crates/ct/src/watchlist/guard.rs", "guard"),
    ("crates/dns/src/denial.rs", "dns_record"),
    ("crates/dns/src/key.rs", "dns_record"),
    ("crates/dns/src/message.rs", "dns_message"),
    ("crates/dns/src/name.rs", "dns_record"),
    ("crates/dns/src/proof/link.rs", "dns_proof"),
    ("crates/dns/src/proof/wire.rs", "dns_proof"),
    ("crates/dns/src/rrset.rs", "dns_record"),
    ("crates/dns/src/walk.rs", "dns_walk"),
    ("crates/dns/src/zone_text.rs", "dns_record"),
    ("crates/gate/src/acme/answer.rs", "acme"),
    ("crates/gate/src/acme/jws.rs", "acme"),
    ("crates/gate/src/acme/key.rs", "acme"),
    ("crates/gate/src/acme/x509.rs", "acme"),
    ("crates/judge/src/acme_account.rs", "acme_account"),
    ("crates/judge/src/acme_account/renewal.rs", "acme_account"),
    ("crates/judge/src/caa_plan/ccadb.rs", "caa_report"),
    ("crates/judge/src/material.rs", "material"),
    ("crates/judge/src/pack/tar.rs", "pack"),
    ("crates/judge/src/probe/dane.rs", "served"),
    ("crates/judge/src/probe/observation.rs", "served"),
    ("crates/judge/src/probe/trust.rs", "served"),
    ("crates/judge/src/statement.rs", "statement"),
    ("crates/net/src/dial/connect_answer.rs", "connect_answer"),
    ("crates/net/src/gzip.rs", "gzip"),
    ("crates/net/src/tor/reply.rs", "tor_reply"),
    ("crates/probe/src/stack/openssl/frame.rs", "helper_frame"),
    ("crates/probe/src/login.rs", "login"),
    ("crates/probe/src/login/scram.rs", "login"),
    ("crates/probe/src/preamble.rs", "preamble"),
    ("crates/probe/src/preamble/imap.rs", "preamble"),
    ("crates/probe/src/preamble/irc.rs", "preamble"),
    ("crates/probe/src/preamble/ldap.rs", "preamble"),
    ("crates/probe/src/preamble/pop3.rs", "preamble"),
    ("crates/probe/src/preamble/postgresql.rs", "preamble"),
    ("crates/probe/src/preamble/smtp.rs", "preamble"),
    ("crates/probe/src/preamble/xmpp.rs", "preamble"),
    ("crates/probe/src/relay/progress.rs", "relay_progress"),
    ("crates/probe/src/remote/head.rs", "remote_look"),
    ("crates/probe/src/remote/wire.rs", "remote_look"),
    ("crates/probe/src/xml.rs", "login"),
    ("crates/probe/src/xmpp.rs", "login"),
    ("crates/tlog/src/checkpoint.rs", "checkpoint"),
    ("crates/tlog/src/entry_bundle.rs", "entry_bundle"),
    ("crates/tlog/src/note.rs", "note"),
    ("crates/tlog/src/tile.rs", "hash_tile"),
    ("crates/tlog/src/tile.rs", "tile_path"),
    ("crates/tlog/src/tlog_proof.rs", "tlog_proof"),
    ("crates/tls/src/certificate.rs", "tls_handshake"),
    ("crates/tls/src/exhibit.rs", "tls_exhibit"),
    ("crates/tls/src/hello.rs", "tls_hello"),
    ("crates/tls/src/key_log.rs", "tls_key_log"),
    ("crates/tls/src/profile/text.rs", "client_profile"),
    ("crates/tls/src/reading.rs", "tls_handshake"),
    ("crates/tls/src/record.rs", "tls_handshake"),
    ("libs/caa/src/constrained.rs", "caa_value"),
    ("libs/caa/src/persist.rs", "caa_value"),
    ("libs/caa/src/value.rs", "caa_value"),
    ("libs/sct/src/certificate.rs", "certificate"),
    ("libs/sct/src/der.rs", "der"),
    ("libs/sct/src/digitally_signed.rs", "sct_list"),
    ("libs/sct/src/enforcer/memory.rs", "enforcer_files"),
    ("libs/sct/src/enforcer/public_roots.rs", "enforcer_files"),
    ("libs/sct/src/key.rs", "certificate"),
    ("libs/sct/src/log_list/shape.rs", "log_list"),
    ("libs/sct/src/sct.rs", "sct_list"),
    ("libs/sct/src/signed_list.rs", "signed_list"),
    ("libs/sct/src/signed_list/keys.rs", "signed_list"),
    ("libs/sct/src/signed_list/note.rs", "signed_list"),
];

/// Files below the line that take bytes and may refuse them, and read none: one hashes, one writes.
const NO_PARSERS: [&str; 2] = ["libs/sct/src/log_id.rs", "libs/sct/src/signed_entry.rs"];

/// A screen holds about 60 lines; nobody proofreads more than ten of them at once.
const LINES_MAX: usize = 600;
/// Tests are lists of cases and may be longer.
const TEST_LINES_MAX: usize = 900;
/// Below this a crate is a module of somebody else's.
const CRATE_LINES_MIN: usize = 300;

#[test]
fn arrows_point_down() {
    let mut known: BTreeSet<&str> = BTreeSet::new();
    for (krate, below) in ARROWS {
        // Written in this order, the table cannot hold a cycle.
        for arrow in below {
            assert!(known.contains(arrow), "{krate} -> {arrow} does not point down");
        }
        assert!(known.insert(krate), "{krate} has two rows");
    }
}

#[test]
fn crates_depend_along_the_arrows() {
    let mut found = Vec::new();
    for krate in crates() {
        let Some((row, _)) = ARROWS.iter().find(|(path, _)| *path == krate.path) else {
            found.push(format!("{}: not in the table ARROWS", krate.path));
            continue;
        };
        let reachable = reachable(row);
        for ours in krate.dependencies.iter().filter_map(|name| path_of(name)) {
            if !reachable.contains(&ours) {
                found.push(format!("{} must not depend on {ours}", krate.path));
            }
        }
    }
    report(&found);
}

#[test]
fn libs_stand_alone() {
    let mut found = Vec::new();
    for krate in crates().iter().filter(|krate| krate.path.starts_with("libs/")) {
        let ours = krate.dependencies.iter().chain(&krate.dev_dependencies);
        for path in ours.filter_map(|name| path_of(name)).filter(|path| !path.starts_with("libs/"))
        {
            found.push(format!("{} is for others to use and cannot bring {path}", krate.path));
        }
    }
    report(&found);
}

#[test]
fn pure_crates_reach_nothing_impure() {
    let lock = locked();
    let mut found = Vec::new();
    for krate in crates().iter().filter(|krate| is_pure(&krate.path)) {
        let mut seen = BTreeSet::new();
        let mut pending: Vec<String> =
            krate.dependencies.iter().filter(|name| path_of(name).is_none()).cloned().collect();
        while let Some(name) = pending.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            pending.extend(lock.get(&name).into_iter().flatten().cloned());
        }
        for name in seen.iter().filter(|name| is_impure(name)) {
            found.push(format!("{} reaches {name}", krate.path));
        }
    }
    report(&found);
}

#[test]
fn pure_sources_only_compute() {
    let mut found = Vec::new();
    for source in sources().iter().filter(|source| is_pure(&source.path) && !source.is_test) {
        let code = &source.product;
        for word in IMPURE_CODE.iter().filter(|word| code.contains(**word)) {
            found.push(format!("{}: {word} belongs above the line", source.path));
        }
        for (at, _) in code.match_indices("std::net::") {
            let named = names_after(&code[at + "std::net::".len()..]);
            for name in named.iter().filter(|name| !ADDRESSES.contains(&name.as_str())) {
                found.push(format!("{}: std::net::{name} belongs above the line", source.path));
            }
        }
    }
    report(&found);
}

#[test]
fn one_crate_connects() {
    let mut found = Vec::new();
    for source in sources() {
        if source.is_test || CONNECTS.contains(&source.krate()) {
            continue;
        }
        for call in CONNECTING.iter().filter(|call| source.product.contains(**call)) {
            found.push(format!("{}: {call} belongs to crates/net", source.path));
        }
    }
    report(&found);
}

#[test]
fn walled_dependencies_stay_behind_their_walls() {
    let mut found = Vec::new();
    for krate in crates() {
        for (dependency, may) in WALLED {
            if krate.dependencies.contains(dependency) && !may.contains(&krate.path.as_str()) {
                found.push(format!("{} must not name {dependency}", krate.path));
            }
        }
    }
    report(&found);
}

#[test]
fn manifests_are_alike() {
    let mut found = Vec::new();
    let sources = sources();
    for krate in crates() {
        let mut must = |holds: bool, what: &str| {
            if !holds {
                found.push(format!("{}/Cargo.toml: {what}", krate.path));
            }
        };
        let package = krate.manifest["package"].as_table().expect("a crate has a package");
        let text = |key| package.get(key).and_then(Value::as_str).unwrap_or_default();
        must(path_of(text("name")).is_some_and(|path| path == krate.path), "named by its folder");
        must(!text("description").is_empty(), "a description says what it is");
        for key in ["edition", "license", "rust-version", "version"] {
            must(inherited(package.get(key)), &format!("{key}.workspace = true"));
        }
        must(inherited(krate.manifest.get("lints")), "lints.workspace = true");
        for (name, dependency) in dependency_tables(&krate.manifest).flat_map(|(_, table)| table) {
            must(inherited(Some(dependency)), &format!("{name}.workspace = true"));
        }
        let lines: usize = sources
            .iter()
            .filter(|source| source.krate() == krate.path)
            .map(|source| source.text.lines().count())
            .sum();
        must(lines >= CRATE_LINES_MIN, "too small for a crate: make it a module");
    }
    report(&found);
}

#[test]
fn sources_keep_the_rules() {
    let mut found = Vec::new();
    for source in sources() {
        let mut breaks = |what: &str| found.push(format!("{}: {what}", source.path));
        // What `foo/tests.rs` is, its place says.
        if !source.text.starts_with("//! ") && !source.path.ends_with("/tests.rs") {
            breaks("begins with `//!` and what it is");
        }
        if source.path.ends_with("/mod.rs") {
            breaks("foo.rs stands beside foo/, there is no mod.rs");
        }
        let (lines, max) =
            (source.text.lines().count(), if source.is_test { TEST_LINES_MAX } else { LINES_MAX });
        if lines > max {
            breaks(&format!("{lines} lines; at {max} it holds two nouns"));
        }
        for (word, why) in NOWHERE.iter().filter(|(word, _)| source.code.contains(word)) {
            breaks(&format!("{word}: {why}"));
        }
        if !source.tests_come_last() {
            breaks("the tests come last");
        }
        for lifted in lifted_lints(&source) {
            if !lifted.explained {
                breaks(&format!("allow({}) without a reason", lifted.lints));
            }
        }
        for (word, places) in PLACES {
            let is_placed = places.iter().any(|place| source.path.starts_with(place));
            if !is_placed && !source.is_test && source.product.contains(word) {
                breaks(&format!("{word} has its place in {}", places.join(", ")));
            }
        }
    }
    report(&found);
}

#[test]
fn parsers_of_foreign_bytes_are_fuzzed() {
    let mut found = Vec::new();
    let manifest = manifest(&root().join("fuzz/Cargo.toml"));
    let built: BTreeSet<&str> = manifest["bin"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|target| target.get("name")?.as_str())
        .collect();
    for (path, target) in PARSERS {
        if !root().join(path).is_file() {
            found.push(format!("{path} is gone, but still in the table PARSERS"));
        }
        if !built.contains(target) || !root().join(format!("fuzz/seeds/{target}")).is_dir() {
            found.push(format!("fuzz/: no target, or no seeds, for {target}"));
        }
    }
    for target in built.iter().filter(|target| !PARSERS.iter().any(|(_, name)| name == *target)) {
        found.push(format!("fuzz/: the target {target} stands for no row of PARSERS"));
    }
    for source in sources() {
        let listed = PARSERS
            .iter()
            .map(|(path, _)| path)
            .chain(&NO_PARSERS)
            .any(|path| *path == source.path);
        if is_pure(&source.path) && !source.is_test && !listed && parses(&source.product) {
            found.push(format!("{}: parses bytes, but is not in the table PARSERS", source.path));
        }
    }
    report(&found);
}

#[test]
fn texts_name_no_machine() {
    // Where packages come from and where a checkout lies are settings of a machine, not facts of the project.
    let machines = [
        concat!("index.", "crates.io"),
        concat!("static.", "crates.io"),
        concat!("deb.", "debian.org"),
        concat!("py", "pi.org"),
        concat!("npm", "js.org"),
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/tmp/", "target"),
    ];
    let mut found = Vec::new();
    for path in files(&root()) {
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        for machine in machines.iter().filter(|machine| text.contains(**machine)) {
            found.push(format!("{path}: {machine}"));
        }
    }
    report(&found);
}

/// Fails with everything that was found, so that one run shows all of it.
#[track_caller]
fn report(found: &[String]) {
    assert!(found.is_empty(), "\n  {}\n", found.join("\n  "));
}

/// The folder of one of our packages; none for somebody else's.
fn path_of(package: &str) -> Option<&'static str> {
    let folder = package.strip_prefix("countersign-").unwrap_or(package);
    let is_ours = package == "countersign" || folder != package;
    let row = |shelf: &str| ARROWS.iter().find(|(path, _)| *path == format!("{shelf}/{folder}"));
    row("crates").or_else(|| row("libs")).filter(|_| is_ours).map(|(path, _)| *path)
}

/// Every crate that can be reached along the arrows.
fn reachable(path: &'static str) -> BTreeSet<&'static str> {
    let mut reached = BTreeSet::new();
    let mut pending = vec![path];
    while let Some(from) = pending.pop() {
        let row = ARROWS.iter().find(|(name, _)| *name == from);
        let below = row.map_or(&[][..], |(_, below)| below);
        pending.extend(below.iter().filter(|arrow| reached.insert(**arrow)));
    }
    reached
}

/// Whether a crate, or a file by its path, is below the line.
fn is_pure(path: &str) -> bool {
    ARROWS[..PURE].iter().any(|(krate, _)| path == *krate || path.starts_with(&format!("{krate}/")))
}

/// Whether a package brings sockets, disk, async or events: one of [`IMPURE`] or of its family.
fn is_impure(package: &str) -> bool {
    !PURE_PARTS.contains(&package)
        && IMPURE.iter().any(|name| {
            package.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
        })
}

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("crates/<name>/../..")
}
