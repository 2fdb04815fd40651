//! Each case holds what its name says.

use countersign_sct::enforcer::Memory;
use countersign_sct::{Action, Anchor, Chain, Enforcer, LogId, PublicRoots, Settings, Trust};

use super::*;

/// The certificates of a text in PEM.
fn certificates_of(path: &Path) -> Vec<Vec<u8>> {
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let body = |block: &str| block.split("-----END").next().unwrap().split_whitespace().collect();
    blocks.map(|block| STANDARD.decode::<String>(body(block)).unwrap()).collect()
}

#[test]
fn an_enforcer_takes_the_good_and_the_private_one_only() {
    let folder = tempfile::tempdir().unwrap();
    let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
    let cases = SctCases::write(folder.path(), &["xmpp.test", "127.0.0.1"], now).unwrap();
    let keys = ListKeys::parse(&fs::read_to_string(&cases.list_keys).unwrap()).unwrap();
    let list = keys.verify(&fs::read(&cases.list).unwrap()).unwrap();
    let mut roots = PublicRoots::built_in();
    assert_eq!(roots.add_pem(&fs::read_to_string(&cases.root).unwrap()), Ok(1));
    let enforcer = Enforcer::new(Settings::new("test"), list, roots, Memory::default());
    for case in &cases.cases {
        let chain = certificates_of(&case.chain);
        let root = if case.name == "private" { &cases.private_root } else { &cases.root };
        let chain: Vec<Vec<u8>> = [chain, certificates_of(root)].concat();
        let certificates: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        let chain = Chain {
            certificates: &certificates,
            anchor: Anchor::Last,
            host: None,
            trust: Trust::Roots,
        };
        let decision = enforcer.judge(chain, now);
        assert_eq!(decision.action == Action::Accept, case.accepted, "{}: {decision}", case.name);
    }
}

#[test] // GoogleChrome/CertificateTransparency, 3p_libraries.md
fn the_mimics_are_the_logs_that_are_denied() {
    for mimic in Logs::new(Timestamp::UNIX_EPOCH).mimics {
        assert!(LogId::of_spki(mimic.signer().spki()).private_key_is_public());
    }
}
