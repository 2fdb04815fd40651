//! Clients: those that take a CA's word, and those that ask for a log's as well.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use countersign_rustls_sct::{SctVerifier, refusal, settings};
use countersign_sct::enforcer::{Memory, STRICT_DAYS};
use countersign_sct::policy::CHROME;
use countersign_sct::signed_list::{Source, SourceKind, build};
use countersign_sct::{
    Enforcer, LogList, Outcome, Presented, Profile, PublicRoots, Rung, Settings, SignedList, judge,
    spki_of,
};
use jiff::{SignedDuration, Timestamp};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Caught;
use super::judged::register;
use crate::authority::{Issued, SubjectKey};
use crate::estate::GUARDED;
use crate::log::{Protocol, log_list_json};
use crate::world::{HOUR, MINUTE, Watching, World};

/// 7: a CA issues for the service and tells no log.
pub(super) async fn unlogged() -> anyhow::Result<Caught> {
    let mut stage = Stage::new().await?;
    let mallory = stage.unlogged()?;
    let now = stage.world.clock.now();
    let (ordinary, enforcing) = (stage.ordinary()?, stage.enforcing(Profile::Default)?);
    for verifier in [&ordinary, &enforcing] {
        stage.connect(&stage.good, verifier, now).await.context("the operator's certificate")?;
    }
    stage.connect(&mallory, &ordinary, now).await.context("an ordinary client asks a CA only")?;
    let sentence = refused(stage.connect(&mallory, &enforcing, now).await)?;
    ensure!(sentence.contains("it has no SCT"), "{sentence}");
    stage.world.run(15 * MINUTE).await?;
    ensure!(stage.world.incidents()?.is_empty(), "the monitor saw what no log has");
    stage.world.stop().await?;
    let what = "nothing in any log; the client that demands SCTs refused it: no log has promised to publish it";
    Ok(Caught::all(what, "rustls-sct")
        .but("it at all, by who uses an ordinary client: no log has it"))
}

/// 7: the same to a client that has had no new list of logs for 75 days: what brings them is blocked.
pub(super) async fn blocked_updater() -> anyhow::Result<Caught> {
    let stage = Stage::new().await?;
    let mallory = stage.unlogged()?;
    let after = |days: i64| stage.world.clock.now() + SignedDuration::from_hours(24 * days);
    let clients = [Profile::Default, Profile::HighRisk].map(|profile| stage.enforcing(profile));
    let [default, high_risk] = clients;
    let (default, high_risk) = (default?, high_risk?);

    ensure!(!stage.browser_accepts(&mallory, after(69))?, "a browser asks for SCTs for 70 days");
    ensure!(stage.browser_accepts(&mallory, after(75))?, "and for none from then on");
    for days in [69, 75] {
        for verifier in [&default, &high_risk] {
            let refusal = refused(stage.connect(&mallory, verifier, after(days)).await)?;
            ensure!(refusal.contains("it has no SCT"), "{refusal}");
            stage.connect(&stage.good, verifier, after(days)).await.context("at 75 days")?;
        }
    }
    // Half a year by the clock alone, which somebody may have turned forward, is not believed; two years are.
    for verifier in [&default, &high_risk] {
        refused(stage.connect(&mallory, verifier, after(185)).await)?;
    }
    stage.connect(&mallory, &default, after(735)).await.context("it only warns")?;
    refused(stage.connect(&mallory, &high_risk, after(735)).await)?;
    stage.world.stop().await?;
    let what = "at 75 days by the rules of browsers it passes, and with ours it is refused, while the good one passes";
    Ok(Caught::all(what, "rustls-sct: the ladder").but(
        "it, where logs have signed that half a year is over: the default profile only warns then",
    ))
}

/// A service with a good certificate, a CA that everybody trusts, and clients whose list knows its logs.
struct Stage {
    world: World,
    good: Served,
    list: SignedList,
}

/// A certificate and its key.
struct Served {
    issued: Issued,
    key: SubjectKey,
}

impl Stage {
    async fn new() -> anyhow::Result<Self> {
        let kinds = [("alpha", Protocol::Rfc6962), ("beta", Protocol::StaticCt)];
        let mut world = World::new("2026-11-01T00:00:00Z", &kinds).await?;
        world.watch(&Watching::default())?;
        world.run(HOUR).await?;
        let key = SubjectKey::generate();
        register(&world, &key, ".guarded.example")?;
        let logs: Vec<_> = world.logs.iter().collect();
        let mut request = world.request_for(&key, &[GUARDED])?;
        // Longer than the list is any good, and two SCTs are enough.
        request.not_after = world.clock.now() + SignedDuration::from_hours(24 * 180);
        let issued = world.authority.issue_logged(&request, &logs)?;
        logs.iter().for_each(|log| {
            log.publish();
        });
        world.run(15 * MINUTE).await?;
        ensure!(world.incidents()?.is_empty(), "the operator's own certificate is an incident");
        let now = world.clock.now();
        let list = LogList::parse(&log_list_json(&world.logs.iter().collect::<Vec<_>>(), now))?;
        let source = |name: &str, kind| Source { name: name.to_owned(), kind, list: list.clone() };
        let sources = [
            source("a programme", SourceKind::Programme),
            source("a monitor", SourceKind::Observer),
        ];
        let list = build(&sources, None, now).list;
        Ok(Self { good: Served { issued, key }, world, list })
    }

    /// For Mallory's key, and in no log.
    fn unlogged(&self) -> anyhow::Result<Served> {
        let key = SubjectKey::generate();
        let mut request = self.world.request_for(&key, &[GUARDED])?;
        request.not_after = self.world.clock.now() + SignedDuration::from_hours(24 * 800);
        Ok(Served { issued: self.world.authority.issue_unlogged(&request)?, key })
    }

    fn roots(&self) -> anyhow::Result<Arc<RootCertStore>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.world.authority.root().to_vec()))?;
        Ok(Arc::new(roots))
    }

    /// Rustls as it is.
    fn ordinary(&self) -> anyhow::Result<Arc<dyn ServerCertVerifier>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        Ok(WebPkiServerVerifier::builder_with_provider(self.roots()?, provider).build()?)
    }

    /// One that demands SCTs, with the list of the beginning.
    fn enforcing(&self, profile: Profile) -> anyhow::Result<Arc<dyn ServerCertVerifier>> {
        let mut public = PublicRoots::default();
        public.add_certificate(self.world.authority.root())?;
        let settings = Settings { profile, ..settings() };
        let enforcer = Enforcer::new(settings, self.list.clone(), public, Memory::default());
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = SctVerifier::builder_with_provider(self.roots()?, provider);
        Ok(verifier.enforcer(Arc::new(enforcer)).build()?)
    }

    /// What browsers do: their whole policy while the list is young, and nothing after.
    fn browser_accepts(&self, served: &Served, now: Timestamp) -> anyhow::Result<bool> {
        let issuer_spki = spki_of(self.world.authority.intermediate())?;
        let presented = Presented { certificate: &served.issued.certificate, issuer_spki };
        let age = now.duration_since(self.list.issued);
        let asks = age < SignedDuration::from_hours(24 * STRICT_DAYS);
        let verdict = judge(&CHROME, Rung::Strict, presented, &self.list.logs, now);
        Ok(!asks || verdict.outcome == Outcome::Satisfied)
    }

    /// Whether a client with this verifier and this clock gets through a handshake.
    async fn connect(
        &self,
        served: &Served,
        verifier: &Arc<dyn ServerCertVerifier>,
        now: Timestamp,
    ) -> std::io::Result<()> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let chain = [&served.issued.certificate[..], self.world.authority.intermediate()];
        let chain = chain.map(|certificate| CertificateDer::from(certificate.to_vec())).to_vec();
        let key = served.key.pkcs8().expect("it was generated").to_vec();
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(chain, PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key)))
            .expect("the certificate is for this key");
        let client = ClientConfig::builder_with_details(provider, Arc::new(At(now)))
            .with_safe_default_protocol_versions()
            .expect("the provider speaks TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(verifier))
            .with_no_client_auth();
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let host = ServerName::try_from(GUARDED).expect("a host name");
        let connecting = TlsConnector::from(Arc::new(client)).connect(host, near);
        let accepting = TlsAcceptor::from(Arc::new(server)).accept(far);
        // What the server makes of it is not asked.
        let (connected, _) = tokio::join!(connecting, accepting);
        connected.map(|_| ())
    }
}

/// The sentence of a refusal; an error if there was none, or one for another reason.
fn refused(connected: std::io::Result<()>) -> anyhow::Result<String> {
    let error = connected.err().context("the client accepts an unlogged certificate")?;
    let refused = refusal(&error).map(ToString::to_string);
    refused.with_context(|| format!("the client refuses for another reason: {error}"))
}

/// A clock that stands.
#[derive(Debug)]
struct At(Timestamp);

impl TimeProvider for At {
    fn current_time(&self) -> Option<UnixTime> {
        let since_1970 = u64::try_from(self.0.as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(since_1970)))
    }
}

/// More than all messages of a handshake that go one way at once.
const PIPE_BYTES: usize = 16 * 1024;
