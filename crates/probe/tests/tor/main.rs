//! A whole Tor network, real and on loopback only: which exit a connection took, exits that are named, onion services, an
//! exit that lies and a hoster that does.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

// Not all that they have is needed here.
#[allow(dead_code, reason = "shared with the attack with real servers")]
#[path = "../../../countersign/tests/attack/enclosure.rs"]
mod enclosure;
mod network;
mod place;
#[allow(dead_code, reason = "shared with the tests of ACME")]
#[path = "../../../countersign/tests/acme/programs.rs"]
mod programs;
mod servers;

use std::collections::BTreeSet;
use std::time::Duration;

use countersign_judge::probe::exits::{Passage, Place, Shown, locate};
use countersign_judge::probe::service::{Opening, Protocol, Service};
use countersign_net::{
    Clock, Control, ControlLogin, Net, Roots, Route, Settings, TorControl, TorExit, Vantage,
};
use countersign_probe::engine::{Prober, Speaker, Target};
use countersign_probe::exits::{Known, shown, sit};
use countersign_probe::stack::Stack;
use countersign_tls::profile::Profile;
use network::{CANARIES, EXITS, Network, SERVICE};
use place::until;
use programs::present;
use servers::{PORT, Servers};

#[tokio::test]
async fn exits_are_known_and_those_that_lie_are_told_from_a_hoster_that_does() {
    if enclosure::is_inside() {
        play().await;
    } else if present(&PROGRAMS) && enclosure::is_possible(NEEDED) {
        enclosure::enter("exits_are_known_and_those_that_lie_are_told_from_a_hoster_that_does");
    }
}

async fn play() {
    let network = Network::new();
    let servers = Servers::new(&network);
    until("tor has a way", async || network.is_ready()).await;
    network.say("the network is up");
    let mut looking = Looking::new(network, servers).await;
    looking.a_token_has_a_circuit_of_its_own().await;
    looking.named_exits_are_taken().await;
    let onion = looking.onion().await;
    assert_eq!(onion, Shown::Key(looking.servers.service));
    looking.network.say("seen by the onion service");

    // All is well.
    let passages = looking.through_all().await;
    let located = locate(&[looking.servers.service], &passages, Some(&onion));
    assert_eq!(located.place, Place::Nowhere, "{located:?}");

    // The last exit lies, about whatever goes through it.
    let [.., (_, liar)] = EXITS;
    looking.network.divert(&format!("ip saddr {liar}"));
    let passages = looking.through_all().await;
    let located = locate(&[looking.servers.service], &passages, Some(&onion));
    looking.network.say(&format!("an exit lies: {:?}", located.reasons));
    assert_eq!(located.place, Place::Nowhere, "{located:?}");
    assert_eq!(located.liars, [looking.network.fingerprint(EXITS.len() - 1)]);

    // None does, and the hoster does.
    looking.network.divert(&format!("ip daddr {SERVICE}"));
    let passages = looking.through_all().await;
    let located = locate(&[looking.servers.service], &passages, None);
    looking.network.say(&format!("the hoster lies: {:?}", located.reasons));
    assert_eq!(located.place, Place::Service, "{located:?}");
    // The onion service is reached from the host itself.
    let onion = looking.onion().await;
    let located = locate(&[looking.servers.service], &passages, Some(&onion));
    assert_eq!(located.place, Place::BeforeHost, "{located:?}");
    assert!(located.liars.is_empty());
    looking.network.say("told apart");
}

/// Whoever looks, by way of tor.
struct Looking {
    network: Network,
    servers: Servers,
    prober: Prober,
    tor: TorControl,
    profile: Profile,
    tokens: u32,
}

impl Looking {
    async fn new(network: Network, servers: Servers) -> Self {
        let login = ControlLogin::CookieFile(network.cookie());
        let control = Some(Control { address: "127.0.0.1:9051".to_owned(), login });
        let route = Route::Tor { address: "127.0.0.1:9050".to_owned(), control };
        let net = Net::new(Settings {
            contact: "ops@xmpp.example".to_owned(),
            roots: Roots::Only(Vec::new()),
            redirects: None,
            vantages: vec![Vantage { name: "tor".to_owned(), route }],
        })
        .unwrap();
        let mut tor = net.tor("tor").await.unwrap();
        assert!(!tor.splits().await.unwrap());
        let prober = Prober::new(net, Clock::system());
        let profile = Profile::built_in("rustls").unwrap();
        Self { network, servers, prober, tor, profile, tokens: 0 }
    }

    fn token(&mut self) -> String {
        self.tokens += 1;
        format!("token {}", self.tokens)
    }

    /// What a host shows. Connections through Tor fail now and then, and right after the start more often.
    async fn look(&mut self, host: &str) -> (Shown, Option<TorExit>) {
        for _ in 0..TRIES {
            let token = self.token();
            let target = Target { isolation: Some(token.clone()), ..target(host) };
            let speaker = Speaker { stack: &Stack::Rustls, profile: &self.profile, log_in: None };
            let looked = self.prober.look(&target, speaker).await.unwrap();
            let exit = self.tor.exit_of(&token).await.unwrap();
            match shown(&looked.observation) {
                Shown::Key(key) => return (Shown::Key(key), exit),
                Shown::Nothing(why) => self.network.say(&format!("{host}: {why}")),
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("nothing is seen of {host}");
    }

    async fn a_token_has_a_circuit_of_its_own(&mut self) {
        let (first, one) = self.look(SERVICE).await;
        let (second, other) = self.look(SERVICE).await;
        let key = Shown::Key(self.servers.service);
        assert_eq!((first, second), (key.clone(), key));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_ne!(one.circuit, other.circuit);
        for exit in [&one, &other] {
            let address = exit.address.unwrap().to_string();
            let nickname = exit.nickname.as_deref().unwrap();
            assert!(EXITS.contains(&(nickname, address.as_str())), "{exit:?}");
        }
        self.network.say(&format!("{:?}, then {:?}", one.nickname, other.nickname));
    }

    async fn named_exits_are_taken(&mut self) {
        for index in 0..EXITS.len() {
            let fingerprint = self.network.fingerprint(index);
            self.tor.name_exits(std::slice::from_ref(&fingerprint)).await.unwrap();
            let (_, exit) = self.look(CANARIES[0]).await;
            assert_eq!(exit.unwrap().fingerprint, fingerprint);
        }
        self.tor.restore().await.unwrap();
        self.network.say("named exits are taken");
    }

    async fn onion(&mut self) -> Shown {
        let onion = self.network.onion();
        let (shown, exit) = self.look(&onion).await;
        assert_eq!(exit, None, "it has no exit");
        shown
    }

    /// A sitting with each exit.
    async fn through_all(&mut self) -> Vec<Passage> {
        let mut passages = Vec::new();
        let canaries: Vec<Known> = CANARIES
            .iter()
            .zip(self.servers.canaries)
            .map(|(host, key)| Known { target: target(host), keys: vec![key] })
            .collect();
        for index in 0..EXITS.len() {
            let fingerprint = self.network.fingerprint(index);
            self.tor.name_exits(&[fingerprint]).await.unwrap();
            passages.push(self.sitting(&canaries).await);
        }
        self.tor.restore().await.unwrap();
        let used: BTreeSet<_> = passages.iter().map(|passage| &passage.exit.fingerprint).collect();
        assert_eq!(used.len(), EXITS.len());
        passages
    }

    async fn sitting(&mut self, canaries: &[Known]) -> Passage {
        for _ in 0..TRIES {
            let token = self.token();
            let speaker = Speaker { stack: &Stack::Rustls, profile: &self.profile, log_in: None };
            let what = (&target(SERVICE), canaries);
            let sat = sit(&self.prober, &mut self.tor, speaker, &token, what).await.unwrap();
            if let Some((passage, _)) = sat
                && matches!(passage.service, Shown::Key(_))
            {
                return passage;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        panic!("no sitting comes to an end");
    }
}

fn target(host: &str) -> Target {
    let service = Service {
        domain: "xmpp.example".to_owned(),
        protocol: Protocol::Plain,
        opening: Opening::Direct,
        port: PORT,
    };
    let vantage = "tor".to_owned();
    Target { service, host: host.to_owned(), vantage, isolation: None, family: None }
}

/// The descriptor of the onion service is there some seconds after everything else.
const TRIES: usize = 30;

/// What the test does to the network: a kernel, or a container, may not be able to.
const NEEDED: &str = "
    ip link set lo up
    ip addr add 198.51.100.1/32 dev lo
    nft 'table ip one { chain two { type nat hook output priority -100; tcp dport 80 redirect to :8080; }; }'
";

/// What the test calls.
const PROGRAMS: [&str; 6] = ["ip", "nft", "openssl", "tor", "tor-gencert", "unshare"];
