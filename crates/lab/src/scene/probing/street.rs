//! An XMPP server, the ways to it from several places, and whoever stands on them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context as _, ensure};
use countersign_judge::probe::compare::Sighted;
use countersign_judge::probe::dane::TlsaView;
use countersign_judge::probe::exits::{self, Canary, Passage, Shown};
use countersign_judge::probe::expected::{CtView, Logs};
use countersign_judge::probe::finding::Kind;
use countersign_judge::probe::observation::LoggedIn;
use countersign_judge::probe::{
    Expected, Judged, Keys, Known, Observation, Opening, Protocol, Roots, Service, Sight, judge,
    trust,
};
use countersign_net::{Net, Redirects, Route, Vantage};
use countersign_probe::account::LogIn;
use countersign_probe::engine::{Prober, Speaker, Target};
use countersign_probe::login::Account;
use countersign_probe::stack::Stack;
use countersign_sct::{LogList, Rung};
use countersign_tls::profile::Profile;
use countersign_tls::{Handshake, KeyLog};
use jiff::SignedDuration;
use rustls::pki_types::CertificateDer;

use super::passer::Passer;
use crate::authority::SubjectKey;
use crate::certificates::sha256;
use crate::estate::GUARDED;
use crate::exit::{Directory, Exit, Manner};
use crate::identity::{Identity, Terms};
use crate::log::{Protocol as LogProtocol, log_list_json};
use crate::mallory::{Mallory, Settings, Way};
use crate::scene::judged::register;
use crate::world::{HOUR, MINUTE, Watching, World};
use crate::xmpp::{Offer, XmppServer};

/// The port where clear text comes first.
pub(super) const STARTTLS: u16 = 5222;
/// The port where TLS does.
pub(super) const TLS: u16 = 5223;
/// Straight from here.
pub(super) const DIRECT: &str = "direct";
/// Through exits of Tor.
pub(super) const TOR: [&str; 3] = ["tor-1", "tor-2", "tor-3"];
/// From where alice is.
pub(super) const ALICE: &str = "alice";
/// The onion service.
pub(super) const ONION: &str = "guardedguardedguardedguardedguardedguardedguardedguarded.onion";
/// The prober's address.
pub(super) const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Those of the exits, which everybody can look up.
pub(super) const EXITS: [IpAddr; 3] = [exit(1), exit(2), exit(3)];
/// That of alice.
pub(super) const ALICES: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 9, 9));

const fn exit(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(127, 0, 7, number))
}

/// All of it.
pub(super) struct Street {
    pub(super) world: World,
    /// The keys that may serve, the one that does first.
    own: Vec<SubjectKey>,
    pub(super) server: XmppServer,
    /// Whose keys are known to everybody.
    canaries: Vec<(&'static str, XmppServer)>,
    directory: Directory,
    /// Those of Tor, and alice's own way out.
    exits: Vec<Exit>,
    mallory: Option<Mallory>,
    list: LogList,
}

/// What a probe saw, and what was made of it.
pub(super) struct Seen {
    pub(super) observation: Observation,
    pub(super) judged: Judged,
}

impl Street {
    /// Nobody stands on it, the operator's key is registered, and logs are watched.
    pub(super) async fn new() -> anyhow::Result<Self> {
        let mut street = Self::unwatched("2026-11-01T00:00:00Z").await?;
        street.world.watch(&Watching::default())?;
        street.world.run(HOUR).await?;
        street.ensure_incidents(0).await?;
        Ok(street)
    }

    /// The same where nobody reads logs.
    pub(super) async fn unwatched(start: &str) -> anyhow::Result<Self> {
        let kinds = [("alpha", LogProtocol::Rfc6962), ("beta", LogProtocol::StaticCt)];
        let world = World::new(start, &kinds).await?;
        let own = SubjectKey::generate();
        register(&world, &own, ".guarded.example")?;
        let identity = logged(&world, &own, GUARDED)?;
        let server = server(GUARDED, identity).await?;
        let directory = Directory::default();
        let mut canaries = Vec::new();
        for host in ["one.canary.example", "two.canary.example"] {
            let canary = server_of(&world, host).await?;
            directory.put(host, TLS, canary.direct());
            canaries.push((host, canary));
        }
        let mut exits = Vec::new();
        for source in EXITS.into_iter().chain([ALICES]) {
            exits.push(Exit::start(source, directory.clone(), Manner::Honest).await?);
        }
        let logs: Vec<_> = world.logs.iter().collect();
        let list = LogList::parse(&log_list_json(&logs, world.clock.now()))?;
        let street =
            Self { world, own: vec![own], server, canaries, directory, exits, mallory: None, list };
        street.lead();
        Ok(street)
    }

    /// All ways lead to the server.
    pub(super) fn lead(&self) {
        self.directory.put(GUARDED, STARTTLS, self.server.starttls());
        self.directory.put(GUARDED, TLS, self.server.direct());
        self.directory.put(ONION, STARTTLS, self.server.starttls());
    }

    /// Mallory stands on all ways to this port but that of the onion service; nobody stands anywhere else.
    pub(super) async fn stand(&mut self, settings: Settings, port: u16) -> anyhow::Result<()> {
        self.lead();
        let server = if port == TLS { self.server.direct() } else { self.server.starttls() };
        let mallory = Mallory::start(HERE, server, settings).await?;
        self.directory.put(GUARDED, port, mallory.address());
        self.mallory = Some(mallory);
        Ok(())
    }

    /// Whom she read.
    pub(super) fn read(&self) -> Vec<IpAddr> {
        self.mallory.as_ref().map(|mallory| mallory.seen().read).unwrap_or_default()
    }

    /// An exit of Tor becomes Mallory's.
    pub(super) async fn lie(&mut self, number: usize) -> anyhow::Result<()> {
        let way = Way::new(Settings::everyone(self.mallory_unlogged()?));
        let manner = Manner::Lying(way);
        self.exits[number] = Exit::start(EXITS[number], self.directory.clone(), manner).await?;
        Ok(())
    }

    /// A certificate for her key, as CAs issue them.
    pub(super) fn mallory_logged(&self) -> anyhow::Result<Identity> {
        logged(&self.world, &SubjectKey::generate(), GUARDED)
    }

    /// One that no log was told of.
    pub(super) fn mallory_unlogged(&self) -> anyhow::Result<Identity> {
        let key = SubjectKey::generate();
        let request = self.world.request_for(&key, &[GUARDED])?;
        Ok(Identity::new(&self.world.authority.issue_unlogged(&request)?, &key))
    }

    /// One that ran out a week ago.
    pub(super) fn mallory_expired(&self) -> anyhow::Result<Identity> {
        let key = SubjectKey::generate();
        let mut request = self.world.request_for(&key, &[GUARDED])?;
        let now = self.world.clock.now();
        request.not_before = now - SignedDuration::from_hours(24 * 97);
        request.not_after = now - SignedDuration::from_hours(24 * 7);
        Ok(Identity::new(&self.world.authority.issue_unlogged(&request)?, &key))
    }

    /// The server's own.
    pub(super) fn stolen(&self) -> Identity {
        self.server.identity()
    }

    /// The keys that may serve.
    pub(super) fn keys(&self) -> Vec<[u8; 32]> {
        self.own.iter().map(|key| sha256(&key.spki())).collect()
    }

    /// The operator says which key comes next, and uses the one that she had named before.
    pub(super) fn renew(&mut self, next: SubjectKey) -> anyhow::Result<()> {
        self.own.push(next);
        if self.own.len() > 2 {
            self.own.remove(0);
        }
        self.server.renew(logged(&self.world, &self.own[0], GUARDED)?);
        Ok(())
    }

    /// The service moves to another address.
    pub(super) async fn move_house(&mut self) -> anyhow::Result<()> {
        self.server = server(GUARDED, self.server.identity()).await?;
        self.lead();
        Ok(())
    }

    /// Looks at the service.
    pub(super) async fn look(&self, vantage: &str, port: u16) -> anyhow::Result<Seen> {
        self.look_at(vantage, GUARDED, port).await
    }

    /// The same by way of another host.
    pub(super) async fn look_at(
        &self,
        vantage: &str,
        host: &str,
        port: u16,
    ) -> anyhow::Result<Seen> {
        self.probe(&self.prober()?, vantage, host, port, None).await
    }

    /// The same, and logs in as alice.
    pub(super) async fn log_in(&self, vantage: &str, port: u16) -> anyhow::Result<Seen> {
        let account = Account::new("alice", "a secret of the lab")?;
        let log_in = LogIn { account, nonce: [7; 18] };
        self.probe(&self.prober()?, vantage, GUARDED, port, Some(&log_in)).await
    }

    /// A client passes by, and is looked at as a probe.
    pub(super) async fn pass(&self, passer: &Passer, port: u16) -> anyhow::Result<Seen> {
        let to = self.directory.find(GUARDED, port).context("the service is somewhere")?;
        let observation = passer.pass(to, service(GUARDED, port), self.world.clock.now()).await?;
        let judged = self.judge(&observation, &Known::default());
        Ok(Seen { observation, judged })
    }

    /// What stands between us and the service, as of now.
    pub(super) fn prober(&self) -> anyhow::Result<Prober> {
        let ways = [STARTTLS, TLS].into_iter().filter_map(|port| {
            Some(((GUARDED.to_owned(), port), self.directory.find(GUARDED, port)?))
        });
        let socks = |name: &str, exit: &Exit| Vantage {
            name: name.to_owned(),
            route: Route::Socks5 { address: exit.address().to_string(), isolation: None },
        };
        let direct = Vantage { name: DIRECT.to_owned(), route: Route::Direct };
        let names = TOR.into_iter().chain([ALICE]);
        let proxies = names.zip(&self.exits).map(|(name, exit)| socks(name, exit));
        let root = CertificateDer::from(self.world.authority.root().to_vec());
        let net = Net::new(countersign_net::Settings {
            contact: "lab@example.org".to_owned(),
            roots: countersign_net::Roots::Only(vec![root]),
            redirects: Some(Redirects::new([]).with_services(None, ways)),
            vantages: [direct].into_iter().chain(proxies).collect(),
        })?;
        Ok(Prober::new(net, self.world.clock.clone()))
    }

    /// Looks, and judges.
    pub(super) async fn probe(
        &self,
        prober: &Prober,
        vantage: &str,
        host: &str,
        port: u16,
        log_in: Option<&LogIn>,
    ) -> anyhow::Result<Seen> {
        let target = Target {
            service: service(GUARDED, port),
            host: host.to_owned(),
            vantage: vantage.to_owned(),
            isolation: (vantage != DIRECT).then(|| "a probe".to_owned()),
            family: None,
        };
        let observation = look(prober, &target, log_in).await?;
        let judged = self.judge(&observation, &Known::default());
        Ok(Seen { observation, judged })
    }

    /// What is to be made of what was seen.
    pub(super) fn judge(&self, observation: &Observation, known: &Known) -> Judged {
        let root = CertificateDer::from(self.world.authority.root().to_vec());
        let anchors = [trust::anchor(&root).expect("the root of the lab is one")];
        let keys = self.keys();
        let expected = Expected {
            keys: Keys::Pinned(&keys),
            roots: Roots { public: &anchors, own: &[] },
            logs: Some(Logs { list: &self.list, rung: Rung::Strict }),
            plus: true,
            tlsa: TlsaView::default(),
            ct: CtView::NotWatched,
            caa: None,
        };
        judge(observation, &expected, known, self.world.clock.now())
    }

    /// What an exit showed of the service and of the canaries.
    pub(super) async fn passage(&self, vantage: &str, seen: &Seen) -> anyhow::Result<Passage> {
        let prober = self.prober()?;
        let mut canaries = Vec::new();
        for (host, canary) in &self.canaries {
            let target = Target {
                service: service(host, TLS),
                host: (*host).to_owned(),
                vantage: vantage.to_owned(),
                isolation: Some("a probe".to_owned()),
                family: None,
            };
            let observation = look(&prober, &target, None).await?;
            canaries.push(Canary {
                host: (*host).to_owned(),
                keys: vec![sha256(canary.identity().spki())],
                shown: shown(&observation),
            });
        }
        let exit = exits::Exit {
            fingerprint: vantage.to_owned(),
            family: Some(format!("family of {vantage}")),
            network: Some(format!("network of {vantage}")),
            country: Some(format!("country of {vantage}")),
        };
        Ok(Passage { exit, canaries, service: shown(&seen.observation) })
    }

    /// Whether the server's end of one of its handshakes is what a probe saw of its own.
    pub(super) fn server_saw(&self, observation: &Observation) -> bool {
        let Some(seen) = observation.served().and_then(|served| served.handshake.hellos_sha256)
        else {
            return false;
        };
        let ends = self.server.connections().into_iter();
        let mut hashes =
            ends.filter_map(|(_, end)| Handshake::of(&end, &KeyLog::default()).hellos_sha256);
        hashes.any(|hash| hash == seen)
    }

    /// Lets logs be read for a while. An error unless there were so many incidents.
    pub(super) async fn ensure_logged(mut self, incidents: usize) -> anyhow::Result<()> {
        self.ensure_incidents(incidents).await?;
        self.world.stop().await
    }

    async fn ensure_incidents(&mut self, incidents: usize) -> anyhow::Result<()> {
        self.world.logs.iter().for_each(|log| {
            log.publish();
        });
        self.world.run(15 * MINUTE).await?;
        let found = self.world.incidents()?;
        ensure!(found.len() == incidents, "logs made {} incidents: {found:?}", found.len());
        Ok(())
    }
}

impl Seen {
    /// What was found, in order.
    pub(super) fn kinds(&self) -> Vec<Kind> {
        let mut kinds: Vec<_> = self.judged.findings.iter().map(|finding| finding.kind).collect();
        kinds.sort_unstable();
        kinds
    }

    /// How a login ended, if there was one.
    pub(super) fn login(&self) -> Option<&LoggedIn> {
        self.observation.served()?.login.as_ref().map(|login| &login.ended)
    }

    /// An error if anything was found, or nothing was seen.
    pub(super) fn ensure_fine(&self) -> anyhow::Result<()> {
        let (stratum, judged) = (&self.observation.stratum, &self.judged);
        let is_fine = judged.sight == Sight::AsExpected && judged.findings.is_empty();
        ensure!(is_fine, "{stratum:?} saw {:?}: {:?}", judged.sight, judged.findings);
        Ok(())
    }

    /// The key that was shown, for comparing.
    pub(super) fn sighted(&self) -> anyhow::Result<Sighted> {
        let Observation { at, service, stratum, host, .. } = self.observation.clone();
        let leaf = self.observation.leaf().and_then(|leaf| leaf.spki_sha256);
        let verdict = self.judged.key.clone().context("a key was judged")?;
        Ok(Sighted { at, service, host, stratum, key: leaf.context("a key was seen")?, verdict })
    }
}

async fn look(
    prober: &Prober,
    target: &Target,
    log_in: Option<&LogIn>,
) -> anyhow::Result<Observation> {
    let profile = Profile::built_in("rustls").context("rustls is built in")?;
    let speaker = Speaker { stack: &Stack::Rustls, profile: &profile, log_in };
    Ok(prober.look(target, speaker).await?.observation)
}

fn shown(observation: &Observation) -> Shown {
    match observation.leaf().and_then(|leaf| leaf.spki_sha256) {
        Some(key) => Shown::Key(key),
        None => Shown::Nothing("no certificate".to_owned()),
    }
}

fn service(domain: &str, port: u16) -> Service {
    let opening = if port == TLS { Opening::Direct } else { Opening::StartTls };
    Service { domain: domain.to_owned(), protocol: Protocol::Xmpp, opening, port }
}

async fn server_of(world: &World, domain: &str) -> anyhow::Result<XmppServer> {
    let key = SubjectKey::generate();
    server(domain, logged(world, &key, domain)?).await
}

async fn server(domain: &str, identity: Identity) -> anyhow::Result<XmppServer> {
    let settings = crate::xmpp::Settings {
        domain: domain.to_owned(),
        at: HERE,
        accounts: BTreeMap::from([("alice".to_owned(), "a secret of the lab".to_owned())]),
        offer: Offer::default(),
        identity,
        terms: Terms {
            alpn: vec![b"xmpp-client".to_vec(), b"xmpp-server".to_vec()],
            ..Terms::default()
        },
    };
    Ok(XmppServer::start(settings).await?)
}

/// A certificate for ninety days, with SCTs of all logs.
fn logged(world: &World, key: &SubjectKey, domain: &str) -> anyhow::Result<Identity> {
    let logs: Vec<_> = world.logs.iter().collect();
    let issued = world.authority.issue_logged(&world.request_for(key, &[domain])?, &logs)?;
    Ok(Identity::new(&issued, key))
}
