//! Held against rustls' own verifier: what it refuses is refused, with the same error; what it accepts is
//! accepted with SCTs and refused without.

use std::net::IpAddr;

use countersign_rustls_sct::{Builder, SctVerifier, refusal};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CustomExtension,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, NameConstraints, RevokedCertParams,
    SerialNumber, date_time_ymd,
};
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{ServerCertVerifierBuilder, WebPkiServerVerifier};
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime};

use crate::pki::{Ca, HOST, Leaf, Logs, NOW, SERIAL, TestLog, store, unix};

/// A question to both verifiers.
struct Case {
    certificate: CertificateDer<'static>,
    sent: Vec<CertificateDer<'static>>,
    host: ServerName<'static>,
    now: UnixTime,
}

/// One root, one intermediate, some logs.
struct World {
    logs: Logs,
    root: Ca,
    ca: Ca,
}

impl World {
    fn new() -> Self {
        let (logs, root) = (Logs::new(), Ca::root("public"));
        let ca = Ca::below(&root, "intermediate");
        Self { logs, root, ca }
    }

    fn case(&self, leaf: Leaf) -> Case {
        Case {
            certificate: leaf.certificate,
            sent: vec![self.ca.certificate.clone()],
            host: name(HOST),
            now: unix(NOW),
        }
    }

    fn leaf(&self, logs: &[&TestLog], alter: impl Fn(&mut CertificateParams)) -> Case {
        self.case(self.ca.issue_with(logs, alter))
    }

    /// A leaf that another intermediate has issued, of this kind.
    fn below(&self, logs: &[&TestLog], alter: impl Fn(&mut CertificateParams)) -> Case {
        let ca = Ca::below_with(&self.root, "other intermediate", alter);
        Case { sent: vec![ca.certificate.clone()], ..self.case(ca.issue(logs)) }
    }

    /// What both say; panics where they may not differ.
    #[track_caller]
    fn compare(&self, case: &Case, revocation: Option<&Revocation>) -> Answer {
        let roots = store(&[&self.root]);
        let mut stock = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider());
        let mut ours = SctVerifier::builder(roots).enforcer(self.logs.enforcer(&[&self.root]));
        if let Some(revocation) = revocation {
            (stock, ours) = revocation.set(stock, ours);
        }
        let ask = |verifier: &dyn ServerCertVerifier| {
            let Case { certificate, sent, host, now } = case;
            verifier.verify_server_cert(certificate, sent, host, &[], *now).map(|_| ())
        };
        let stock = ask(&*stock.build().expect("it has roots"));
        let ours = ask(&*ours.build().expect("it has roots"));
        match (stock, ours) {
            (Err(stock), Err(ours)) => {
                // Not `==`: two errors of the kind `Other` are never equal.
                assert_eq!(format!("{stock:?}"), format!("{ours:?}"));
                Answer::Same(format!("{ours:?}"))
            }
            (Ok(()), Ok(())) => Answer::Accepted,
            (Ok(()), Err(ours)) if refusal(&ours).is_some() => Answer::OnlyOurs,
            (stock, ours) => panic!("rustls: {stock:?}, ours: {ours:?}"),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// Both refuse, with this error.
    Same(String),
    Accepted,
    /// Rustls accepts, we demand SCTs.
    OnlyOurs,
}

/// Lists of revoked certificates, and what is asked of them.
struct Revocation {
    crls: Vec<CertificateRevocationListDer<'static>>,
    end_entity_only: bool,
    allow_unknown: bool,
    enforce_expiration: bool,
}

impl Revocation {
    fn set(
        &self,
        mut stock: ServerCertVerifierBuilder,
        mut ours: Builder,
    ) -> (ServerCertVerifierBuilder, Builder) {
        (stock, ours) = (stock.with_crls(self.crls.clone()), ours.crls(self.crls.clone()));
        if self.end_entity_only {
            stock = stock.only_check_end_entity_revocation();
            ours = ours.only_check_end_entity_revocation();
        }
        if self.allow_unknown {
            stock = stock.allow_unknown_revocation_status();
            ours = ours.allow_unknown_revocation_status();
        }
        if self.enforce_expiration {
            stock = stock.enforce_revocation_expiration();
            ours = ours.enforce_revocation_expiration();
        }
        (stock, ours)
    }
}

fn name(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).expect("a name")
}

fn provider() -> std::sync::Arc<rustls::crypto::CryptoProvider> {
    std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Asks with SCTs and without. What rustls accepts needs them.
#[track_caller]
fn accepted(make: impl Fn(&World, &[&TestLog]) -> Case) {
    let world = World::new();
    let both = world.logs.both();
    assert_eq!(world.compare(&make(&world, &both), None), Answer::Accepted);
    assert_eq!(world.compare(&make(&world, &[]), None), Answer::OnlyOurs);
}

/// What rustls refuses with an error that has this in it, SCTs do not save.
#[track_caller]
fn refused(error: &str, make: impl Fn(&World, &[&TestLog]) -> Case) {
    let world = World::new();
    for logs in [&world.logs.both()[..], &[]] {
        match world.compare(&make(&world, logs), None) {
            Answer::Same(found) => assert!(found.contains(error), "{found}"),
            other => panic!("{other:?}, not {error}"),
        }
    }
}

#[test]
fn what_rustls_accepts_needs_scts() {
    accepted(|world, logs| world.leaf(logs, |_| {}));
    accepted(|world, logs| Case { host: name("a.wild.example"), ..world.leaf(logs, |_| {}) });
    accepted(|world, logs| Case { host: name("192.0.2.7"), ..world.leaf(logs, |_| {}) });
    accepted(|world, logs| world.leaf(logs, |params| params.extended_key_usages.clear()));
    accepted(|world, logs| world.below(logs, |params| constrain(params, HOST)));
    let last_second = 1_800_403_200; // 2027-01-20T00:00:00Z
    accepted(|world, logs| Case { now: at(last_second), ..world.leaf(logs, |_| {}) });
}

#[test]
fn time_and_names_are_those_of_rustls() {
    refused("Expired", |world, logs| Case { now: at(1_800_403_201), ..world.leaf(logs, |_| {}) });
    refused("NotValidYet", |world, logs| Case { now: at(0), ..world.leaf(logs, |_| {}) });
    refused("Expired", |world, logs| Case { now: at(u64::MAX), ..world.leaf(logs, |_| {}) });
    for other in ["other.example", "wild.example", "a.b.wild.example", "192.0.2.8", "2001:db8::1"] {
        refused("NotValidForName", |world, logs| Case {
            host: name(other),
            ..world.leaf(logs, |_| {})
        });
    }
}

#[test]
fn chains_are_those_of_rustls() {
    refused("UnknownIssuer", |world, logs| Case { sent: Vec::new(), ..world.leaf(logs, |_| {}) });
    refused("UnknownIssuer", |world, logs| world.case(Ca::root("unknown").issue(logs)));
    refused("BadSignature", |world, logs| {
        let same_name = Ca::below(&world.root, "intermediate"); // and another key
        world.case(same_name.issue(logs))
    });
    refused("Expired", |world, logs| {
        world.below(logs, |params| params.not_after = date_time_ymd(2026, 11, 27))
    });
    refused("EndEntityUsedAsCa", |world, logs| {
        world.below(logs, |params| params.is_ca = IsCa::NoCa)
    });
    refused("PathLenConstraintViolated", |world, logs| {
        let short = IsCa::Ca(BasicConstraints::Constrained(0));
        let upper = Ca::below_with(&world.root, "upper", |params| params.is_ca = short);
        let lower = Ca::below(&upper, "lower");
        let leaf = lower.issue(logs);
        Case { sent: vec![lower.certificate, upper.certificate], ..world.case(leaf) }
    });
    refused("NameConstraintViolation", |world, logs| {
        world.below(logs, |params| constrain(params, "elsewhere.example"))
    });
    refused("InvalidPurpose", |world, logs| {
        let purpose = vec![ExtendedKeyUsagePurpose::ClientAuth];
        world.leaf(logs, |params| params.extended_key_usages.clone_from(&purpose))
    });
    refused("CaUsedAsEndEntity", |world, logs| {
        let ca = IsCa::Ca(BasicConstraints::Unconstrained);
        world.leaf(logs, |params| params.is_ca = ca)
    });
    refused("UnsupportedCriticalExtension", |world, logs| {
        world.leaf(logs, |params| {
            let mut unknown = CustomExtension::from_oid_content(&[2, 5, 29, 99], vec![5, 0]);
            unknown.set_criticality(true);
            params.custom_extensions.push(unknown);
        })
    });
}

#[test] // More signatures than webpki is willing to check: the same end, in the same way.
fn a_flood_of_certificates_ends_as_in_rustls() {
    refused("MaximumSignatureChecksExceeded", |world, logs| {
        let sent = (0..120).map(|_| Ca::below(&world.root, "intermediate").certificate).collect();
        Case { sent, ..world.leaf(logs, |_| {}) }
    });
}

#[test]
fn revocation_is_that_of_rustls() {
    let world = World::new();
    let crl = |serial: u64, next_update, issuer: &Ca| {
        let revoked = RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2026, 11, 20),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 11, 20),
            next_update,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: vec![revoked],
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        params.signed_by(&issuer.issuer()).expect("a CA signs").der().clone()
    };
    let later = date_time_ymd(2027, 1, 1);
    let over = date_time_ymd(2026, 11, 27);
    let other = Ca::below(&world.root, "intermediate"); // the same name, not the same key
    let tables = [
        ("none revoked", vec![crl(1, later, &world.ca), crl(1, later, &world.root)]),
        ("leaf revoked", vec![crl(SERIAL, later, &world.ca), crl(1, later, &world.root)]),
        ("only the intermediate's list", vec![crl(1, later, &world.ca)]),
        ("only the root's list", vec![crl(1, later, &world.root)]),
        ("old lists", vec![crl(1, over, &world.ca), crl(1, over, &world.root)]),
        ("of another key", vec![crl(SERIAL, later, &other), crl(1, later, &world.root)]),
    ];
    let mut answers = Vec::new();
    for (what, crls) in tables {
        for flags in 0..8 {
            let revocation = Revocation {
                crls: crls.clone(),
                end_entity_only: flags & 1 != 0,
                allow_unknown: flags & 2 != 0,
                enforce_expiration: flags & 4 != 0,
            };
            for logs in [&world.logs.both()[..], &[]] {
                let case = world.leaf(logs, |_| {});
                answers.push((what, world.compare(&case, Some(&revocation))));
            }
        }
    }
    // The table is worth something only if it has every kind of answer in it.
    for error in ["Revoked", "UnknownRevocationStatus", "ExpiredRevocationList"] {
        let found = |answer: &Answer| matches!(answer, Answer::Same(text) if text.contains(error));
        assert!(answers.iter().any(|(_, answer)| found(answer)), "{error}: {answers:#?}");
    }
    assert!(answers.contains(&("none revoked", Answer::Accepted)));
    assert!(answers.contains(&("none revoked", Answer::OnlyOurs)));
    let unreadable = CertificateRevocationListDer::from(vec![0xff]);
    assert!(SctVerifier::builder(store(&[&world.root])).crls([unreadable]).build().is_err());
}

#[test] // Each byte of certificate and intermediate inverted, and each cut short: never more lenient than rustls.
fn damage_is_refused_as_in_rustls() {
    let world = World::new();
    for logs in [&world.logs.both()[..], &[]] {
        let whole = world.leaf(logs, |_| {});
        let (leaf, ca) = (whole.certificate.to_vec(), whole.sent[0].to_vec());
        let damaged = |bytes: &[u8], at: usize| {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 0xff;
            [flipped, bytes[..at].to_vec()].map(CertificateDer::from)
        };
        for at in 0..leaf.len() {
            for certificate in damaged(&leaf, at) {
                let (sent, host) = (whole.sent.clone(), whole.host.clone());
                let case = Case { certificate, sent, host, now: whole.now };
                let answer = world.compare(&case, None);
                assert!(matches!(answer, Answer::Same(_)), "{at}: {answer:?}");
            }
        }
        for at in 0..ca.len() {
            for sent in damaged(&ca, at) {
                let (certificate, host) = (whole.certificate.clone(), whole.host.clone());
                let case = Case { certificate, sent: vec![sent], host, now: whole.now };
                let answer = world.compare(&case, None);
                assert!(matches!(answer, Answer::Same(_)), "{at}: {answer:?}");
            }
        }
    }
}

#[test]
fn an_ip_address_is_an_ip_address() {
    let address: IpAddr = "192.0.2.7".parse().expect("an address");
    accepted(|world, logs| Case { host: address.into(), ..world.leaf(logs, |_| {}) });
}

fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}

fn constrain(params: &mut CertificateParams, permitted: &str) {
    // Constraints on names leave addresses alone.
    let permitted_subtrees = vec![GeneralSubtree::DnsName(permitted.to_owned())];
    let permitted_subtrees = match permitted {
        HOST => {
            [permitted_subtrees, vec![GeneralSubtree::DnsName("wild.example".to_owned())]].concat()
        }
        _ => permitted_subtrees,
    };
    params.name_constraints =
        Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() });
}
