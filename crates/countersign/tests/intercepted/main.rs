//! The interception of 2023 with real servers and clients, in namespaces of its own: the router of the hosting provider
//! leads connections to Prosody through Mallory, who connects on from the address and the port of each client; and
//! `countersign probe` looks, as several clients, from two places.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

#[path = "../attack/enclosure.rs"]
mod enclosure;
mod host;
mod hoster;
// Not all of its hosts are needed here.
#[allow(dead_code, reason = "shared with the attack")]
#[path = "../attack/internet.rs"]
mod internet;
mod keys;
#[allow(dead_code, reason = "shared with the attack")]
#[path = "../attack/knot.rs"]
mod knot;
#[allow(dead_code, reason = "shared with the tests of the watch")]
#[path = "../watch/place.rs"]
mod place;
mod prober;
#[allow(dead_code, reason = "shared with the tests of ACME")]
#[path = "../acme/programs.rs"]
mod programs;
mod prosody;
#[allow(dead_code, reason = "shared with the attack")]
#[path = "../attack/resolver.rs"]
mod resolver;
mod sensor;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;

use countersign_lab::mallory::{Settings, Victims};
use hoster::{Diverted, Mallory};
use internet::Internet;
use keys::Keys;
use prober::Prober;
use programs::present;
use sensor::Sensor;

#[tokio::test]
async fn an_interception_is_seen_by_every_kind_of_probe_that_is_not_spared() {
    if enclosure::is_inside() {
        play().await;
    } else if present(&PROGRAMS) && enclosure::is_possible(NEEDED) {
        prober::build_key_log();
        enclosure::enter("an_interception_is_seen_by_every_kind_of_probe_that_is_not_spared");
    }
}

async fn play() {
    let world = World::new().await;
    let hellos = nobody_is_in_the_middle(&world);
    everybody_is_read_and_every_probe_sees_it(&world);
    one_port_is_read_and_the_other_tells(&world);
    an_address_is_spared_and_another_sees_it(&world);
    one_client_is_read_and_those_that_look_like_it_see_it(&world, &hellos);
    a_listed_victim_is_read_and_no_probe_sees_it(&world);
    the_key_is_stolen_and_both_ends_differ(&world);
}

struct World {
    internet: Internet,
    keys: Keys,
    prober: Prober,
    sensor: Sensor,
    /// What Prosody says.
    said: PathBuf,
}

impl World {
    async fn new() -> Self {
        let mut internet = Internet::new();
        hoster::prepare();
        let keys = Keys::new(&internet.folder("keys"));
        let said = prosody::start(&mut internet, &keys.chain, &keys.key).await;
        let prober = Prober::new(&mut internet, &keys).await;
        let sensor = Sensor::start();
        internet.say("there are a server, a router, a sensor and a prober");
        Self { internet, keys, prober, sensor, said }
    }

    /// Has Mallory read these ports of everybody with a key of her own.
    fn mallory(&self, ports: &[u16]) -> Mallory {
        let settings = Settings::everyone(self.keys.mallorys.clone());
        Mallory::start(&Diverted { ports, spared: &[] }, settings)
    }

    /// As [`World::mallory`], but only these, at the port of most clients.
    fn mallory_of(&self, victims: Victims) -> Mallory {
        let settings = Settings { victims, ..Settings::everyone(self.keys.mallorys.clone()) };
        Mallory::start(&Diverted { ports: &[5222], spared: &[] }, settings)
    }

    /// Every connection that arrived since the last time came from here, by way of routers or of none.
    #[track_caller]
    fn arrived(&self, from: IpAddr, is_far: bool) {
        let connections = self.sensor.connections();
        assert!(!connections.is_empty());
        for (client, port, seen) in connections {
            assert_eq!((client.ip(), seen.ttl < TTL), (from, is_far), "at port {port}");
        }
        self.sensor.forget();
    }
}

/// The fingerprint of each client.
fn nobody_is_in_the_middle(world: &World) -> BTreeMap<String, String> {
    let clients = &world.prober.clients;
    let looked = world.prober.look("watch", 5222, clients);
    looked.is_as_expected(clients);
    for (client, hellos) in looked.each("hellos_sha256") {
        assert!(world.sensor.has(hellos), "{client}: {looked:#?}");
    }
    world.arrived(watch(), true);
    world.prober.look("watch", 5223, IN_PROCESS).is_as_expected(IN_PROCESS);
    world.sensor.forget();
    world.internet.say("nobody is in the middle: all is as expected, and both ends saw the same");
    let hellos = looked.each("ja4").into_iter();
    hellos.map(|(client, ja4)| (client.to_owned(), ja4.to_owned())).collect()
}

fn everybody_is_read_and_every_probe_sees_it(world: &World) {
    let clients = &world.prober.clients;
    let mallory = world.mallory(&[5222, 5223]);
    let looked = world.prober.look("watch", 5222, clients);
    looked.is_found_by(&set(clients), &world.keys.mallorys_spki());
    for (client, hellos) in looked.each("hellos_sha256") {
        assert!(!world.sensor.has(hellos), "{client}: {looked:#?}");
    }
    // As in 2023: the server saw the addresses of clients, at no distance.
    world.arrived(watch(), false);
    assert_eq!(mallory.read(), BTreeSet::from([watch()]));
    let looked = world.prober.look("registry", 5223, IN_PROCESS);
    looked.is_found_by(&set(IN_PROCESS), &world.keys.mallorys_spki());
    world.sensor.forget();
    world.internet.say("everybody is read: every kind of probe proves another key");
}

fn one_port_is_read_and_the_other_tells(world: &World) {
    let _mallory = world.mallory(&[5222]);
    world.prober.look_around("watch", "rustls").disagrees("ports-disagree");
    world.prober.look("watch", 5223, IN_PROCESS).is_as_expected(IN_PROCESS);
    world
        .internet
        .say("one port is read: the ports disagree, and nobody had to say what to expect");
}

fn an_address_is_spared_and_another_sees_it(world: &World) {
    let settings = Settings::everyone(world.keys.mallorys.clone());
    let _mallory = Mallory::start(&Diverted { ports: &[5222], spared: &[WATCH] }, settings);
    world.prober.look("watch", 5222, IN_PROCESS).is_as_expected(IN_PROCESS);
    let looked = world.prober.look("registry", 5222, IN_PROCESS);
    looked.is_found_by(&set(IN_PROCESS), &world.keys.mallorys_spki());
    world.internet.say("the prober's address is spared: from another one it is seen");
}

fn one_client_is_read_and_those_that_look_like_it_see_it(
    world: &World,
    hellos: &BTreeMap<String, String>,
) {
    let clients = &world.prober.clients;
    let wanted = hellos[clients[clients.len() - 1]].clone();
    if clients.len() == 1 {
        return; // that has been said, and nobody can be told apart
    }
    let alike: BTreeSet<&str> =
        clients.iter().copied().filter(|client| hellos[*client] == wanted).collect();
    assert!(!alike.contains("rustls"), "{hellos:#?}");
    let mallory = world.mallory_of(Victims::Fingerprint(wanted));
    let looked = world.prober.look("watch", 5222, clients);
    looked.is_found_by(&alike, &world.keys.mallorys_spki());
    assert_eq!(mallory.seen().passed.len(), clients.len() - alike.len());
    world.internet.say(&format!("one kind of hello is read: {alike:?} see it, and no others"));
}

fn a_listed_victim_is_read_and_no_probe_sees_it(world: &World) {
    let alice: IpAddr = internet::ROOT.parse().unwrap();
    let mallory = world.mallory_of(Victims::Only(BTreeSet::from([alice])));
    for host in ["watch", "registry"] {
        world.prober.look(host, 5222, IN_PROCESS).is_as_expected(IN_PROCESS);
    }
    assert_eq!(mallory.read(), BTreeSet::new());
    // What Alice's own client is shown.
    let looked = world.prober.look("root", 5222, &["rustls"]);
    looked.is_found_by(&set(&["rustls"]), &world.keys.mallorys_spki());
    world.internet.say("a listed victim is read: no probe sees it, the victim's own client does");
}

fn the_key_is_stolen_and_both_ends_differ(world: &World) {
    world.sensor.forget();
    let settings = Settings::everyone(world.keys.ours.clone());
    let mallory = Mallory::start(&Diverted { ports: &[5222], spared: &[] }, settings);
    let looked = world.prober.look("watch", 5222, IN_PROCESS);
    // The key is the right one, and its holder has signed.
    looked.is_as_expected(IN_PROCESS);
    for (client, hellos) in looked.each("hellos_sha256") {
        assert!(!world.sensor.has(hellos), "{client}: {looked:#?}");
    }
    world.arrived(watch(), false);
    assert_eq!(mallory.read(), BTreeSet::from([watch()]));
    let said = fs::read_to_string(&world.said).unwrap();
    assert!(said.contains(WATCH) && !said.contains(internet::HOSTER), "{said}");
    world.internet.say("the key is stolen: nothing shows at one end, and both together see it");
}

fn set<'a>(clients: &[&'a str]) -> BTreeSet<&'a str> {
    clients.iter().copied().collect()
}

fn watch() -> IpAddr {
    WATCH.parse().unwrap()
}

/// Where the prober is.
const WATCH: &str = "198.51.100.30";

/// With which Linux sends packets on their way.
const TTL: u8 = 64;

/// What needs no other program.
const IN_PROCESS: &[&str] = &["rustls"];

/// What the test does to the network: a kernel, or a container, may not be able to.
const NEEDED: &str = concat!(include_str!("../attack/needed.sh"), include_str!("needed.sh"));

/// What the test calls.
const PROGRAMS: [&str; 9] =
    ["bash", "dig", "ip", "keymgr", "knotd", "nft", "nsenter", "prosody", "unshare"];
