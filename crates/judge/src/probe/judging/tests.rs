//! What is made of probes: each case is a server that shows something, and what is known of it.

use countersign_sct::{LogList, Rung};
use countersign_tls::handshake::{End, Shown};
use countersign_tls::hello::{Extension, ServerHello};
use countersign_tls::{Handshake, Unproved};
use jiff::{SignedDuration, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::CertificateDer;

use super::super::dane::{Tlsa, TlsaView};
use super::super::expected::{CtView, Expected, Keys, Known, Logs, Roots};
use super::super::finding::Kind;
use super::super::observation::{
    Early, Family, LoggedIn, Login, Observation, Outcome, Served, Stratum,
};
use super::super::service::{Opening, Protocol, Service};
use super::super::trust::anchor;
use super::*;
use crate::caa::CaaThen;
use crate::expectation::Expectation;
use crate::rule::{Basis, Origin, Rule, RuleId};
use crate::scope::Scope;
use crate::severity::Severity;

/// A CA, a certificate of it for `xmpp.example`, and what a probe of its server sees.
struct Stage {
    root: Vec<u8>,
    chain: Vec<Vec<u8>>,
    observation: Observation,
    known: Known,
}

fn at(day: i64) -> Timestamp {
    "2026-11-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(24 * day)
}

impl Stage {
    fn new() -> Self {
        Self::named("xmpp.example", 0, 90)
    }

    /// With a certificate for a name that is valid from a day to another.
    fn named(name: &str, from: i64, until: i64) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority =
            CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let date = |day: i64| {
            rcgen::date_time_ymd(1970, 1, 1)
                + std::time::Duration::from_secs(at(day).as_second().cast_unsigned())
        };
        params.not_before = date(from);
        params.not_after = date(until);
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &authority).unwrap();
        let chain = vec![leaf.der().to_vec()];
        let root = authority.der().to_vec();
        let observation = observation(Shown::Proved { chain: chain.clone(), scheme: 0x0403 });
        Self { root, chain, observation, known: Known::default() }
    }

    fn served(&mut self) -> &mut Served {
        let Outcome::Tls(served) = &mut self.observation.outcome else { panic!("it is TLS") };
        served
    }

    fn key(&self) -> [u8; 32] {
        self.observation.leaf().unwrap().spki_sha256.unwrap()
    }

    /// As it is judged on the first day by who trusts the CA as the operator's own.
    #[track_caller]
    fn check(&self, keys: Keys<'_>, kinds: &[Kind], sight: &str) -> Judged {
        self.check_with(keys, |_| {}, kinds, sight)
    }

    #[track_caller]
    fn check_with(
        &self,
        keys: Keys<'_>,
        change: impl FnOnce(&mut Expected<'_>),
        kinds: &[Kind],
        sight: &str,
    ) -> Judged {
        let der = CertificateDer::from(&self.root[..]);
        let own = [anchor(&der).unwrap()];
        let roots = Roots { public: &[], own: &own };
        self.judge(keys, roots, change, kinds, sight)
    }

    #[track_caller]
    fn judge(
        &self,
        keys: Keys<'_>,
        roots: Roots<'_>,
        change: impl FnOnce(&mut Expected<'_>),
        kinds: &[Kind],
        sight: &str,
    ) -> Judged {
        let mut expected = Expected {
            keys,
            roots,
            logs: None,
            plus: false,
            tlsa: TlsaView::NotAsked,
            ct: CtView::NotWatched,
            caa: None,
        };
        change(&mut expected);
        let judged = judge(&self.observation, &expected, &self.known, self.observation.at);
        let found: Vec<_> = judged.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!((&found[..], judged.sight.as_str()), (kinds, sight), "{:?}", judged.findings);
        judged
    }
}

fn observation(chain: Shown) -> Observation {
    let server = ServerHello {
        version: 0x0303,
        random: [7; 32],
        session_id: Vec::new(),
        suite: 0x1301,
        compression: 0,
        extensions: vec![Extension { kind: 43, bytes: vec![3, 4] }],
    };
    let handshake = Handshake {
        client: None,
        server: Some(server),
        retried: false,
        version: Some(0x0304),
        suite: Some(0x1301),
        group: Some(0x11ec),
        alpn: None,
        alerts: Vec::new(),
        chain,
        left_out: 0,
        ocsp: None,
        scts: None,
        asks_for_certificate: false,
        hellos_sha256: None,
        end: End::Whole,
    };
    let served =
        Served { handshake, offered: Vec::new(), login: None, oracle: None, exhibit: None };
    Observation {
        at: at(1),
        service: Service {
            domain: "xmpp.example".to_owned(),
            protocol: Protocol::Xmpp,
            opening: Opening::StartTls,
            port: 5222,
        },
        stratum: Stratum {
            vantage: "direct".to_owned(),
            client: "openssl".to_owned(),
            port: 5222,
            family: Family::V4,
        },
        host: "xmpp.example".to_owned(),
        peer: None,
        outcome: Outcome::Tls(Box::new(served)),
    }
}

fn registered(key: [u8; 32], hold: SignedDuration) -> Expectation {
    let rule = Rule {
        id: RuleId::Authorization(1),
        basis: Basis::Key { spki_sha256: key },
        scope: Scope::new(["xmpp.example"]).unwrap(),
        since: at(0),
        until: None,
        origin: Origin::Command,
    };
    Expectation::new([rule], Vec::new(), hold)
}

#[test]
fn a_key_that_may_serve_is_as_expected() {
    let stage = Stage::new();
    stage.check(Keys::Pinned(&[stage.key()]), &[], "as-expected");
    let rules = registered(stage.key(), SignedDuration::ZERO);
    stage.check(Keys::Rules(&rules), &[], "as-expected");
    stage.check(Keys::Unknown, &[], "nothing-to-compare");
}

#[test]
fn a_foreign_key_is_critical_if_clients_trust_it() {
    let stage = Stage::new();
    let none = Roots { public: &[], own: &[] };
    let both = [Kind::ForeignUntrusted, Kind::NotRooted];
    let judged = stage.judge(Keys::Pinned(&[[1; 32]]), none, |_| {}, &both, "found");
    assert_eq!(judged.findings[0].severity(&judged.findings), Severity::High);
    // Clients that were given the operator's own CA trust it no less.
    stage.check(Keys::Pinned(&[[1; 32]]), &[Kind::ForeignKey], "found");
    let der = CertificateDer::from(&stage.root[..]);
    let public = [anchor(&der).unwrap()];
    let roots = Roots { public: &public, own: &[] };
    let judged = stage.judge(Keys::Pinned(&[[1; 32]]), roots, |_| {}, &[Kind::ForeignKey], "found");
    assert_eq!(judged.findings[0].severity(&judged.findings), Severity::Critical);
}

#[test]
fn an_unregistered_key_waits_as_long_as_a_logged_one() {
    let mut stage = Stage::new();
    let rules = registered([1; 32], SignedDuration::from_hours(1));
    let judged = stage.check(Keys::Rules(&rules), &[], "pending");
    assert_eq!(judged.sight, Sight::Pending { until: at(1) + SignedDuration::from_hours(1) });
    stage.known = learn(&stage.known, &stage.observation, &judged);
    stage.observation.at += SignedDuration::from_mins(59);
    let judged = stage.check(Keys::Rules(&rules), &[], "pending");
    stage.known = learn(&stage.known, &stage.observation, &judged);
    stage.observation.at += SignedDuration::from_mins(1);
    stage.check(Keys::Rules(&rules), &[Kind::ForeignKey], "found");
    let late = registered(stage.key(), SignedDuration::ZERO);
    stage.check(Keys::Rules(&late), &[], "as-expected");
}

#[test]
fn who_shows_one_new_key_after_the_other_does_not_wait_for_ever() {
    let rules = registered([1; 32], SignedDuration::from_hours(1));
    let mut stage = Stage::new();
    let shown = |count: u8| (1..=count).map(|key| ([key + 1; 32], at(0))).collect();
    stage.known.foreign_since = shown(3);
    stage.check(Keys::Rules(&rules), &[], "pending");
    stage.known.foreign_since = shown(4);
    stage.check(Keys::Rules(&rules), &[Kind::ForeignKey], "found");
}

#[test]
fn a_certificate_alone_shows_nothing() {
    let mut stage = Stage::new();
    let (chain, key) = (stage.chain.clone(), stage.key());
    stage.served().handshake.chain = Shown::Unproved { chain: chain.clone(), why: Unproved::Cut };
    stage.check(Keys::Pinned(&[key]), &[], "blind");
    stage.served().handshake.chain = Shown::Unproved { chain, why: Unproved::Signature };
    stage.check(Keys::Pinned(&[key]), &[Kind::NotHeld], "found");
    stage.served().handshake.chain = Shown::Anonymous;
    stage.check(Keys::Pinned(&[key]), &[Kind::Anonymous], "found");
    stage.served().handshake.chain = Shown::None;
    stage.check(Keys::Pinned(&[key]), &[], "blind");
}

#[test] // As in October 2023: the interceptor had forgotten to renew.
fn the_expired_certificate_of_somebody_else_is_two_findings() {
    let stage = Stage::named("xmpp.example", -90, 0);
    stage.check(Keys::Pinned(&[[1; 32]]), &[Kind::ForeignUntrusted, Kind::Expired], "found");
    stage.check(Keys::Unknown, &[Kind::Expired], "found");
}

#[test]
fn a_certificate_is_held_against_name_roots_and_time() {
    let other = Stage::named("other.example", 0, 90);
    other.check(Keys::Pinned(&[other.key()]), &[Kind::OtherName], "found");
    let early = Stage::named("xmpp.example", 2, 90);
    early.check(Keys::Pinned(&[early.key()]), &[Kind::NotYetValid], "found");
    let expiring = Stage::named("xmpp.example", -80, 10);
    expiring.check(Keys::Pinned(&[expiring.key()]), &[Kind::Expiring], "as-expected");
    let stage = Stage::new();
    let none = Roots { public: &[], own: &[] };
    stage.judge(Keys::Pinned(&[stage.key()]), none, |_| {}, &[Kind::NotRooted], "found");
}

#[test]
fn a_signed_zone_may_vouch_and_may_contradict() {
    let stage = Stage::new();
    let tlsa = |key: &[u8]| {
        let record = Tlsa { usage: 3, selector: 1, matching: 1, data: key.to_vec() };
        TlsaView::Secure(vec![record])
    };
    let keys = stage.key();
    let none = Roots { public: &[], own: &[] };
    stage.judge(Keys::Pinned(&[keys]), none, |seen| seen.tlsa = tlsa(&keys), &[], "as-expected");
    stage.check_with(
        Keys::Pinned(&[keys]),
        |seen| seen.tlsa = tlsa(&[0; 32]),
        &[Kind::DaneMismatch],
        "found",
    );
    let judged = stage.judge(
        Keys::Pinned(&[keys]),
        none,
        |seen| seen.tlsa = tlsa(&[0; 32]),
        &[Kind::NotRooted, Kind::DaneMismatch],
        "found",
    );
    let severities: Vec<_> =
        judged.findings.iter().map(|found| found.severity(&judged.findings)).collect();
    assert_eq!(severities, [Severity::High; 2], "two that are weak by themselves agree");
}

#[test]
fn a_public_certificate_needs_scts_and_a_log_that_has_it() {
    let stage = Stage::new();
    let der = CertificateDer::from(&stage.root[..]);
    let public = [anchor(&der).unwrap()];
    let roots = Roots { public: &public, own: &[] };
    let list: &'static LogList =
        Box::leak(Box::new(LogList::parse(br#"{"operators":[]}"#).unwrap()));
    let logs = Some(Logs { list, rung: Rung::Strict });
    let keys = [stage.key()];
    let pinned = Keys::Pinned(&keys);
    stage.judge(pinned, roots, |seen| seen.logs = logs, &[Kind::Unlogged], "found");
    let absent = |day| CtView::Absent { read_through: at(day) };
    let with = |ct: CtView| move |seen: &mut Expected<'_>| (seen.logs, seen.ct) = (logs, ct);
    let both = [Kind::Unlogged, Kind::AbsentFromLogs];
    stage.judge(pinned, roots, with(absent(1)), &[Kind::Unlogged], "found");
    stage.judge(pinned, roots, with(absent(2)), &both, "found");
    for ct in [CtView::Logged, CtView::Incomplete, CtView::NotWatched] {
        stage.judge(pinned, roots, with(ct), &[Kind::Unlogged], "found");
    }
    // The operator's own CA is asked for nothing.
    stage.check_with(pinned, |seen| seen.logs = logs, &[], "as-expected");
}

#[test]
fn what_caa_forbade_is_told() {
    let stage = Stage::new();
    let forbade = CaaThen::Forbade { at: "example".to_owned(), reason: "denied" };
    let keys = [stage.key()];
    stage.check_with(
        Keys::Pinned(&keys),
        |seen| seen.caa = Some(forbade),
        &[Kind::CaaForbade],
        "found",
    );
    stage.check_with(
        Keys::Pinned(&keys),
        |seen| seen.caa = Some(CaaThen::Open),
        &[],
        "as-expected",
    );
}

#[test]
fn a_login_tells_who_is_there() {
    let cases = [
        (LoggedIn::BindingRefused, Some(Kind::BindingRefused)),
        (LoggedIn::Downgraded, Some(Kind::MechanismsChanged)),
        (LoggedIn::ServerNotVerified, Some(Kind::ServerNotVerified)),
        (LoggedIn::NotTried, None),
        (LoggedIn::PasswordRefused, None),
    ];
    for (ended, kind) in cases {
        let mut stage = Stage::new();
        let mechanisms = vec!["SCRAM-SHA-256-PLUS".to_owned()];
        stage.served().login = Some(Login { mechanisms, bindings: Vec::new(), ended });
        let sight = match (kind, &stage.served().login) {
            (Some(_), _) => "found",
            (None, Some(Login { ended: LoggedIn::PasswordRefused, .. })) => "blind",
            (None, _) => "as-expected",
        };
        let kinds: Vec<_> = kind.into_iter().collect();
        stage.check_with(Keys::Pinned(&[stage.key()]), |seen| seen.plus = true, &kinds, sight);
    }
}

#[test]
fn what_binds_must_not_go_away() {
    let mut stage = Stage::new();
    let login = |mechanism: &str| {
        let mechanisms = vec![mechanism.to_owned()];
        Some(Login { mechanisms, bindings: Vec::new(), ended: LoggedIn::NotTried })
    };
    stage.served().login = login("SCRAM-SHA-256");
    let keys = [stage.key()];
    stage.check(Keys::Pinned(&keys), &[], "as-expected");
    stage.check_with(Keys::Pinned(&keys), |seen| seen.plus = true, &[Kind::PlusStripped], "found");
    let why = "the server said nothing more".to_owned();
    let silent =
        Login { mechanisms: Vec::new(), bindings: Vec::new(), ended: LoggedIn::Failed { why } };
    stage.served().login = Some(silent);
    stage.check_with(Keys::Pinned(&keys), |seen| seen.plus = true, &[], "blind");
    stage.served().login = login("SCRAM-SHA-256-PLUS");
    let judged = stage.check(Keys::Pinned(&keys), &[], "as-expected");
    stage.known = learn(&stage.known, &stage.observation, &judged);
    stage.served().login = login("SCRAM-SHA-256");
    let judged = stage.check(Keys::Pinned(&keys), &[Kind::PlusStripped], "found");
    assert_eq!(learn(&stage.known, &stage.observation, &judged), stage.known, "the best is kept");
}

#[test]
fn what_was_agreed_upon_must_not_grow_weaker() {
    let mut stage = Stage::new();
    let keys = [stage.key()];
    let judged = stage.check(Keys::Pinned(&keys), &[], "as-expected");
    stage.known = learn(&stage.known, &stage.observation, &judged);
    stage.served().handshake.group = Some(0x001d);
    let judged = stage.check(Keys::Pinned(&keys), &[Kind::GroupLower, Kind::StackChanged], "found");
    assert_eq!(learn(&stage.known, &stage.observation, &judged), stage.known, "the best is kept");
    stage.served().handshake.version = Some(0x0303);
    let both = [Kind::VersionLower, Kind::GroupLower, Kind::StackChanged];
    let judged = stage.check(Keys::Pinned(&keys), &both, "found");
    assert_eq!(judged.findings[0].severity(&judged.findings), Severity::High);
    stage.observation.stratum.client = "another".to_owned();
    stage.check(Keys::Pinned(&keys), &[], "as-expected");
    stage.observation.stratum.client = "openssl".to_owned();
    stage.observation.at += SignedDuration::from_hours(7 * 24);
    stage.check(Keys::Pinned(&keys), &[], "as-expected");
}

#[test]
fn a_client_that_trusts_one_certificate_tells_whether_it_got_it() {
    let mut stage = Stage::new();
    let keys = [stage.key()];
    stage.served().handshake.chain = Shown::None;
    stage.served().oracle = Some(Oracle::Expected);
    stage.check(Keys::Pinned(&keys), &[], "as-expected");
    stage.served().oracle = Some(Oracle::Other);
    stage.check(Keys::Pinned(&keys), &[Kind::ForeignUntrusted], "found");
}

#[test]
fn clear_text_that_leads_to_no_tls_is_blind_or_worse() {
    let mut stage = Stage::new();
    for (early, kinds) in [
        (Early::NotOffered, &[Kind::StartTlsStripped][..]),
        (Early::Refused, &[Kind::StartTlsStripped]),
        (Early::Injected, &[Kind::Injected]),
        (Early::OtherProtocol, &[]),
        (Early::TooMuch, &[]),
        (Early::Ended, &[]),
        (Early::Closed, &[]),
        (Early::Stalled, &[]),
    ] {
        stage.observation.outcome = Outcome::NoTls { early, said: Vec::new(), offered: Vec::new() };
        stage.check(Keys::Unknown, kinds, if kinds.is_empty() { "blind" } else { "found" });
    }
    stage.observation.outcome = Outcome::Unreachable { why: "no route".to_owned() };
    stage.check(Keys::Unknown, &[], "blind");
}

#[test]
fn who_shows_a_new_key_each_time_does_not_fill_the_memory() {
    let rules = registered([1; 32], SignedDuration::from_hours(1));
    let mut known = Known::default();
    let stage = Stage::new();
    for count in 0..FOREIGN_KEYS_MAX + 3 {
        known.foreign_since.insert([u8::try_from(count).unwrap(); 32], at(0));
        if known.foreign_since.len() == FOREIGN_KEYS_MAX {
            break;
        }
    }
    let judged = stage.check(Keys::Rules(&rules), &[], "pending");
    let after = learn(&known, &stage.observation, &judged);
    assert_eq!(after.foreign_since.len(), FOREIGN_KEYS_MAX);
}
