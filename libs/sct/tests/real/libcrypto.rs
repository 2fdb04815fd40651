//! libcrypto judges every SCT of every real certificate, and of spoilt ones, as [`judge`] does.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use countersign_sct::policy::{CHROME, Policy, Row};
use countersign_sct::{
    Log, LogList, Presented, Purpose, Rung, State, Weighed, Worth, judge, spki_of,
};
use jiff::{SignedDuration, Timestamp};

use crate::certificates::{Case, cases, logs};

/// So many SCTs are wanted of each certificate that all have to be verified, but for what [`judge`] tries at most.
const ALL: Policy = Policy {
    name: "all",
    rows: &[Row {
        lifetime_max: SignedDuration::MAX,
        scts: usize::MAX,
        of_one_operator_max: usize::MAX,
    }],
    from: None,
    ..CHROME
};

/// Every log counts as trusted: libcrypto knows keys only.
fn all_trusted(logs: LogList) -> LogList {
    let trusted = |mut log: Log| {
        log.states = vec![(State::Usable, Timestamp::UNIX_EPOCH)];
        log.purpose = Purpose::Production;
        log
    };
    LogList { logs: logs.logs.into_iter().map(trusted).collect(), ..logs }
}

/// The logs as libcrypto reads them (CTLOG_STORE_load_file).
fn configuration(logs: &LogList) -> String {
    let ids: Vec<String> = (0..logs.logs.len()).map(|index| format!("log{index}")).collect();
    let mut text = format!("enabled_logs = {}\n", ids.join(","));
    for (id, log) in ids.iter().zip(&logs.logs) {
        let key = STANDARD.encode(log.key.spki());
        writeln!(text, "[{id}]\ndescription = {id}\nkey = {key}").unwrap();
    }
    text
}

/// The program, made of `oracle.c`; `None`, where this may be, without a compiler or OpenSSL's headers.
fn oracle(folder: &Path) -> Option<Command> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real/oracle.c");
    let program = folder.join("oracle");
    let made =
        Command::new("cc").arg("-o").arg(&program).args([source, "-lcrypto"]).output().unwrap();
    if made.status.success() {
        return Some(Command::new(program));
    }
    let why = String::from_utf8_lossy(&made.stderr);
    assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
    eprintln!("skipped: {why}");
    None
}

fn hex(bytes: &[u8]) -> String {
    let digits = |octet: &u8| {
        [octet >> 4, octet & 15].map(|digit| char::from(b"0123456789abcdef"[usize::from(digit)]))
    };
    bytes.iter().flat_map(digits).collect()
}

/// In the letters of `oracle.c`.
fn ours(certificate: &[u8], issuer: &[u8], logs: &LogList, now: Timestamp) -> String {
    let presented = Presented { certificate, issuer_spki: spki_of(issuer).unwrap() };
    let verdict = judge(&ALL, Rung::Strict, presented, logs, now);
    let letter = |sct: &Weighed| match sct.worth {
        // libcrypto looks for the log first.
        _ if sct.log.is_none() && sct.log_id.is_some() => 'u',
        Worth::Counted(_) => 'v',
        Worth::Bad(_) | Worth::Future => 'i',
        Worth::UnknownLog | Worth::PrivateKeyIsPublic => 'u',
        Worth::Unreadable(_) => 'x',
        // All that no certificate of these has.
        Worth::NotTried | Worth::UntrustedLog(_) | Worth::SameLog => '?',
    };
    if verdict.scts.is_empty() {
        return "-".to_owned();
    }
    verdict.scts.iter().map(letter).collect()
}

/// The same certificate with one bit changed in what the logs have signed: in its serial number.
fn spoilt(certificate: &[u8]) -> Vec<u8> {
    let mut spoilt = certificate.to_vec();
    // Certificate, TBSCertificate, version [0], and the serial number's tag and length are before it.
    spoilt[20] ^= 1;
    spoilt
}

#[test]
fn libcrypto_judges_every_sct_the_same() {
    let (Some(cases), Some((logs, _))) = (cases(), logs()) else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(mut oracle) = oracle(folder.path()) else { return };
    let all = all_trusted(logs);
    // Without every seventh log, so that some are unknown.
    let mut kept = 0;
    let mut logs = all;
    logs.logs.retain(|_| {
        kept += 1;
        kept % 7 != 0
    });
    let store = folder.path().join("logs.cnf");
    std::fs::write(&store, configuration(&logs)).unwrap();
    let now: Timestamp = "2026-11-28T00:00:00Z".parse().unwrap();

    let (mut asked, mut expected) = (String::new(), Vec::new());
    for Case { certificate, issuer, .. } in &cases {
        for certificate in [certificate.clone(), spoilt(certificate)] {
            // At a time when some SCTs are of the future, too.
            for now in [now, "2026-02-01T00:00:00Z".parse().unwrap()] {
                let millis = now.as_millisecond();
                writeln!(asked, "{} {} {millis}", hex(&certificate), hex(issuer)).unwrap();
                expected.push(ours(&certificate, issuer, &logs, now));
            }
        }
    }
    oracle.arg(&store).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut running = oracle.spawn().unwrap();
    let mut input = running.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || input.write_all(asked.as_bytes()));
    let output = running.wait_with_output().unwrap();
    feeding.join().unwrap().unwrap();
    assert!(output.status.success());
    let told = String::from_utf8(output.stdout).unwrap();
    let told: Vec<&str> = told.lines().collect();
    assert_eq!(told.len(), expected.len());
    for (index, (libcrypto, ours)) in told.iter().zip(&expected).enumerate() {
        assert_eq!(libcrypto, ours, "certificate {}, turn {}", index / 4, index % 4);
    }
    let count =
        |letter| expected.iter().flat_map(|line| line.chars()).filter(|c| *c == letter).count();
    println!("valid {}, invalid {}, of unknown logs {}", count('v'), count('i'), count('u'));
    assert!(count('v') > 1_000 && count('i') > 1_000 && count('u') > 300);
}
