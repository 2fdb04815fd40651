//! The test cases of others, judged.

use std::fs;
use std::path::{Path, PathBuf};

use insta::assert_snapshot;
use serde_json::Value;

use crate::place::{Place, log_list};

#[test]
fn every_embedded_sct_of_the_vectors_is_good() {
    let Some(vectors) = vectors() else { return };
    let (certs, issuers) = (vectors.join("sct/certs.jsonl"), vectors.join("sct/issuers.jsonl"));
    let logs = vectors.join("loglists/crtsh-all-2026-08.json");
    let paths = [&certs, &issuers, &logs].map(|path| path.display().to_string()).join(" ");
    let rows = Place::new().rows(&format!("conformance sct {paths}"));
    let expected = fs::read_to_string(&certs).unwrap();
    let expected: Vec<Value> =
        expected.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let judged = |row: &Value| {
        let scts = row["scts"].as_array().unwrap().iter();
        let scts = scts.map(|sct| (sct["status"].clone(), sct["timestamp_ms"].clone()));
        (row["sha256"].clone(), scts.collect::<Vec<_>>())
    };
    assert_eq!(rows.len(), 390);
    assert!(rows.iter().map(judged).eq(expected.iter().map(judged)));
    assert!(rows.iter().all(|row| row.get("error").is_none()));
}

#[test]
fn every_certificate_of_the_vectors_gives_a_line() {
    let Some(vectors) = vectors() else { return };
    for (file, records) in [("ctcpp", 86), ("ctgo", 307), ("zlint", 1307)] {
        let file = vectors.join(format!("ct/x509/{file}.bin"));
        let place = Place::new();
        let rows = place.rows(&format!("conformance x509 {} --watch .example.com", file.display()));
        assert_eq!(rows.len(), records);
        let fields = ["record", "clean", "names", "spki_sha256", "issuer_key_sha256", "matches"];
        assert!(rows.iter().all(|row| fields.iter().all(|field| row.get(field).is_some())));
    }
}

#[test]
fn every_recorded_resolution_of_the_vectors_is_judged_as_it_has_to_be() {
    let Some(vectors) = vectors() else { return };
    let folder = |name: &str| {
        let files = fs::read_dir(vectors.join("dnssec").join(name)).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    };
    let files = [folder("replays"), folder("unbound")].concat();
    assert_eq!(files.len(), 116);
    let paths: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    let rows = Place::new().rows(&format!("conformance dnssec {}", paths.join(" ")));
    assert_eq!(rows.len(), 204);
    let places = rows.iter().map(|row| paths.iter().position(|path| row["file"] == **path));
    assert!(places.clone().all(|place| place.is_some()) && places.is_sorted());
    for row in &rows {
        let is_secure = row["got"].as_str().unwrap().starts_with("secure ");
        assert!(is_secure || row["reason"].is_string(), "{row}");
    }
    let others: Vec<_> = rows.iter().filter(|row| row["ok"] != true).collect();
    // The zone of the only anchor is denied by the one above it, for which there is none. Unbound goes by who has signed,
    // and so takes that as it would without the anchor: then anybody could undo one.
    let [other] = others[..] else { panic!("{others:#?}") };
    assert!(other["file"].as_str().unwrap().ends_with("/val_anchor_nx_nosig.rpl"));
    assert_eq!((&other["step"], &other["got"]), (&10.into(), &"bogus SERVFAIL".into()));
}

#[test]
fn every_case_about_caa_is_judged_as_it_has_to_be() {
    let Some(vectors) = vectors() else { return };
    let place = Place::new();
    let rows = place.rows(&format!("conformance caa {}", vectors.join("caa/cases.json").display()));
    assert_eq!(rows.len(), 143);
    let others: Vec<_> = rows.iter().filter(|row| row["ok"] != true).collect();
    assert!(others.is_empty(), "{others:#?}");
    // A case that expects something else is one that fails.
    let case = r#"[{"id": "a", "kind": "issue-value", "value": "a", "expect": {"valid": false}}]"#;
    place.write("cases.json", case);
    assert_eq!(place.rows("conformance caa cases.json")[0]["ok"], false);
}

#[test]
fn recordings_are_judged_or_the_file_is_refused() {
    let place = Place::new();
    let check = |text: &str| {
        place.write("a.rpl", text);
        place.outcome("conformance dnssec a.rpl")
    };
    let file = |config: &str, steps: &str| {
        format!("{config}\nCONFIG_END\nSCENARIO_BEGIN a test\n{steps}SCENARIO_END\n")
    };
    let entry = "ENTRY_BEGIN\nMATCH all\nREPLY QR NOERROR\nSECTION QUESTION\na. A\nENTRY_END\n";
    let asked = format!("STEP 1 QUERY\n{entry}STEP 2 CHECK_ANSWER\n{entry}");
    assert_snapshot!(check(&file("", "")), @"exit 0");
    assert_snapshot!(check(&file("forward-addr: 192.0.2.1", &asked)), @r#"
    {"file":"a.rpl","step":2,"expected":"nothing NOERROR","got":"indeterminate SERVFAIL","reason":"could not tell: no answer for A of a.: cannot resolve a. A: no server of the zone was of use (zone .); differs in code","ok":false}
    exit 0
    "#);
    assert_snapshot!(check(&file("trust-anchor: \". DS 1 8\"", &asked)), @r#"
    error: cannot read a.rpl: line 1: the record cannot be read: unexpected end of entry
    hint: the format is that of Unbound's testbound and of deckard
    exit 2
    "#);
    assert_snapshot!(check(&file("", &asked.replace("a. A", "a..b A"))), @r#"
    error: cannot read a.rpl: line 9: "a..b" is no name
    hint: the format is that of Unbound's testbound and of deckard
    exit 2
    "#);
    assert_snapshot!(check(""), @r#"
    error: cannot read a.rpl: line 1: the file ends before CONFIG_END
    hint: the format is that of Unbound's testbound and of deckard
    exit 2
    "#);
    assert_snapshot!(check(&file("", &asked.repeat(1001))), @r#"
    error: a.rpl has more than 1000 questions
    hint: cut it in parts
    exit 2
    "#);
    assert_snapshot!(place.outcome("conformance dnssec nowhere.rpl"), @r#"
    error: cannot read nowhere.rpl: no such file
    exit 2
    "#);
}

#[test]
fn cases_are_judged_or_the_file_is_refused() {
    let place = Place::new();
    let record = |kind: u8, der: &[u8]| {
        let length = u32::try_from(der.len()).unwrap().to_be_bytes();
        [&[kind, 0, 4][..], b"case", &length, der].concat()
    };
    let check = |bytes: &[u8]| {
        fs::write(place.path("cases.bin"), bytes).unwrap();
        place.outcome("conformance x509 cases.bin --watch .xmpp.example")
    };
    assert_snapshot!(check(b""), @"exit 0");
    assert_snapshot!(check(&record(0, b"not a certificate for www.xmpp.example at all")), @r#"
    {"record":"case","clean":false,"names":[],"spki_sha256":null,"issuer_key_sha256":null,"matches":[{"guard":".xmpp.example","name":"www.xmpp.example","reading":"raw-ascii"}]}
    exit 0
    "#);
    assert_snapshot!(check(&[record(1, b""), record(2, b"")].concat()), @r#"
    {"record":"case","clean":false,"names":[],"spki_sha256":null,"issuer_key_sha256":null,"matches":[]}
    error: cases.bin at byte 11: the kind is neither 0 (certificate) nor 1 (TBSCertificate)
    exit 2
    "#);
    assert_snapshot!(check(&record(0, b"abc")[..8]), @r"
    error: cannot read cases.bin: it ends too early
    exit 2
    ");
    assert_snapshot!(check(&[0, 0, 0, 0xff, 0, 0, 0]), @r"
    error: cases.bin at byte 0: the certificate is longer than 16 MiB
    exit 2
    ");
    assert_snapshot!(place.outcome("conformance x509 nowhere.bin"), @r"
    error: cannot read nowhere.bin: no such file
    exit 2
    ");
    assert_snapshot!(place.outcome("conformance x509 cases.bin --watch a..b"), @r#"
    error: cannot guard "a..b": it has an empty label
    hint: "example.org" is that name alone, ".example.org" the name and all below it, "192.0.2.1" an address
    exit 2
    "#);

    place.write("logs.json", &log_list("Log 1"));
    place.write("issuers.jsonl", "{\"sha256\": \"aa\", \"der\": \"AAAA\"}\n\n");
    let check = |certs: &str| {
        place.write("certs.jsonl", certs);
        place.outcome("conformance sct certs.jsonl issuers.jsonl logs.json")
    };
    assert_snapshot!(check(r#"{"sha256": "cc", "issuer_sha256": "aa", "der": "MAA="}"#), @r#"
    {"sha256":"cc","scts":[],"error":"certificate-malformed","error_detail":"the TBSCertificate cannot be read"}
    exit 0
    "#);
    assert_snapshot!(check("\n{\"sha256\": \"cc\"}"), @r"
    error: certs.jsonl:2: missing field `issuer_sha256` at line 1 column 16
    exit 2
    ");
    assert_snapshot!(check(r#"{"sha256": "cc", "issuer_sha256": "aa", "der": "!"}"#), @r"
    error: certs.jsonl:1: `der` is not base64: Invalid symbol 33, offset 0.
    exit 2
    ");
    assert_snapshot!(place.outcome("conformance sct certs.jsonl issuers.jsonl nowhere.json"), @r"
    error: cannot read nowhere.json: no such file
    exit 2
    ");
    assert_snapshot!(place.outcome("conformance sct certs.jsonl issuers.jsonl certs.jsonl"), @r"
    error: cannot read certs.jsonl: the list of logs is not in the log list v3 shape: missing field `operators` at line 1 column 51
    exit 2
    ");
}

/// The folder with other people's vectors, if it is there.
fn vectors() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none_or(|value| value != "true"), "CI has the vectors");
    eprintln!("skipped: there is no {}", folder.display());
    None
}
