//! Delegations: what a DNS host, a registry, and a registry that lies to some can be made to do; and what an operator
//! does herself, which must not be spoken of.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use countersign_dns::proof::Proof;
use countersign_dns::{Anchors, Hints, Name, Rtype, Security, walk, zone_text};
use countersign_judge::delegation::{Expected, Plan, Shown, Topic};
use countersign_judge::zone::Side;
use countersign_monitor::{Delegations, WatchedZone, Way};
use countersign_net::{Clock, Dns, Net, Redirects, Roots, Route, Vantage, dns};
use countersign_store::incident::Incident;

use super::Caught;
use crate::dns::{
    Algorithm, Denial, DsDigest, Key, MALLORY, Manner, Responder, Role, Signing, Tree, Zone,
};
use crate::log::{Group, Protocol};
use crate::world::{DAY, HOUR, MINUTE, Watching, World};

/// A DNS host is made to sign the zone again without CAA records, with the keys that it has from the operator. All
/// that is signed is as good as before.
pub(super) async fn resigned() -> anyhow::Result<Caught> {
    let mut stage = Stage::new(&[], 10 * MINUTE).await?;
    let zone = zone_name();
    let other = stage.tree.other(ZONE, |zone_, _| {
        zone_.remove(&zone, Rtype::CAA);
    });
    stage.publish(&Group::ALL, &other);
    let incident = stage.one_incident(&["caa-changed"]).await?;
    ensure!(incident.findings[0].text.contains("has the zone's keys"), "{:?}", incident.findings);
    let mut proofs = 0;
    for (label, proof) in stage.proofs(&incident)? {
        ensure!(proof.query().rtype == Rtype::CAA, "{label} is a proof of something else");
        proofs += 1;
    }
    ensure!(proofs == 2, "{proofs} proofs were kept");
    let own = stage.tree.zone(ZONE);
    stage.publish(&Group::ALL, &own);
    stage.end().await?;
    let what = "one incident: CAA changed, signed with the true key, DS the same; the proofs of both states";
    Ok(Caught::all(what, "judge: delegation").but("who ordered it"))
}

/// A registry is made to enter another DS record and another server. Everything below is signed, by Mallory.
pub(super) async fn swapped() -> anyhow::Result<Caught> {
    let mut stage = Stage::new(&[], 10 * MINUTE).await?;
    stage.swap(Group::A)?;
    let kinds = ["ds-changed", "caa-changed", "ns-changed", "ns-changed", "keys-changed"];
    let incident = stage.one_incident(&kinds).await?;
    let ds: Vec<_> = stage
        .proofs(&incident)?
        .into_iter()
        .filter(|(_, proof)| proof.query().rtype == Rtype::DS)
        .collect();
    ensure!(ds.len() == 2, "{} proofs of DS sets were kept", ds.len());
    stage.undo(Group::A);
    stage.end().await?;
    let what = "one incident within one look, with both DS sets as the registry signed them";
    Ok(Caught::all(what, "judge: delegation")
        .but("a swap that is shorter than the time between two looks"))
}

/// The same is shown only to some, among them a certification authority and, by chance, one of our vantages.
pub(super) async fn split() -> anyhow::Result<Caught> {
    let mut stage = Stage::new(&[("elsewhere", Group::B)], 10 * MINUTE).await?;
    stage.swap(Group::B)?;
    let kinds =
        ["ds-changed", "ds-conflict", "caa-changed", "ns-changed", "ns-changed", "keys-changed"];
    let incident = stage.one_incident(&kinds).await?;
    let conflict = incident.findings.iter().find(|found| found.kind == "ds-conflict");
    let text = conflict.map(|found| found.text.as_str()).unwrap_or_default();
    ensure!(text.contains("from elsewhere") && text.contains("from lab"), "it says {text}");
    stage.undo(Group::B);
    stage.end().await?;
    let what = "one incident from the other vantage: two DS sets at the same time, both signed by the registry";
    Ok(Caught::all(what, "judge: delegation").but("a view that none of our vantages is shown"))
}

/// The servers of the zone are down for some hours. What is not seen is not fine.
pub(super) async fn blind() -> anyhow::Result<Caught> {
    let mut stage = Stage::new(&[], 10 * MINUTE).await?;
    let turn = |stage: &Stage, manner: Manner| {
        for server in HOST {
            stage.responder.turn(server, Group::A, |view| view.manner = manner);
        }
    };
    turn(&stage, Manner::Failing(2));
    // A trouble after an hour, not before.
    stage.world.run(50 * MINUTE).await?;
    let open = |stage: &Stage| stage.world.reader().open_troubles();
    ensure!(open(&stage)?.is_empty(), "one failed look is no trouble: {:?}", open(&stage)?);
    stage.world.run(HOUR).await?;
    let troubles = open(&stage)?;
    let told = troubles.iter().any(|trouble| trouble.detail.contains("ns1.watched.reg"));
    ensure!(troubles.len() == 1 && told, "it says {troubles:?}");
    ensure!(stage.world.incidents()?.is_empty(), "nothing was seen, and something was found");
    turn(&stage, Manner::Prompt);
    stage.world.run(HOUR).await?;
    let said = ["opened unseen-zone-watched.reg", "closed unseen-zone-watched.reg"];
    stage.world.stop_having_said(&said).await?;
    Ok(Caught::all("that the servers of the zone are not seen, and when they are again", "monitor")
        .but("what they would have said"))
}

/// A week in which the operator changes everything, having announced what has to be: a key that signs records, the
/// key that the parent names, a name server; with signatures made anew, and a server that is down for a while.
pub(super) async fn quiet() -> anyhow::Result<Caught> {
    let mut stage = Stage::new(&[("elsewhere", Group::B)], 30 * MINUTE).await?;
    let (ksk, zsk) = (key(Role::Ksk, "second"), key(Role::Zsk, "second"));
    let zone = zone_name();
    let old_ds = stage.tree.delegation(&zone).ds;
    let new_ds = vec![ksk.ds(&zone, DsDigest::Sha256)];
    // Pre-Publish (RFC 6781 §4.1.1.1), a step in six hours.
    let (before, after) = (zsk.dnskey(), stage.signing()?.zsks[0].dnskey());
    stage.step(|_, signing| signing.idle = vec![before]).await?;
    stage
        .step(|_, signing| {
            signing.zsks = vec![zsk];
            signing.idle = vec![after];
        })
        .await?;
    stage.step(|_, signing| signing.idle.clear()).await?;
    // Double-DS (RFC 6781 §4.1.2).
    let both = [old_ds, new_ds].concat();
    stage.parent(|delegation| delegation.ds.clone_from(&both)).await?;
    stage.tree.change(ZONE, |_, signing| {
        signing.as_mut().expect("it is signed").ksks = vec![ksk];
    });
    let own = stage.tree.zone(ZONE);
    stage.publish(&Group::ALL, &own);
    stage.parent(|delegation| delegation.ds.clone_from(&both)).await?;
    stage.parent(|_| ()).await?;
    // A move of one server, in the zone first.
    stage
        .step(|zone, _| {
            zone.remove(&zone_name(), Rtype::NS);
            zone.add("@ NS ns1\n@ NS ns2\n@ NS ns3").expect("it is a zone file");
        })
        .await?;
    stage
        .step(|zone, _| {
            zone.remove(&zone_name(), Rtype::NS);
            zone.add("@ NS ns1\n@ NS ns3").expect("it is a zone file");
        })
        .await?;
    // Everything is signed anew each day, and one server lags behind for half an hour.
    for _ in 0..4 {
        let old = stage.tree.zone(ZONE);
        stage.sign_anew()?;
        let own = stage.tree.zone(ZONE);
        stage.publish(&Group::ALL, &own);
        stage.responder.turn(HOST[0], Group::A, |view| view.zones = vec![Arc::clone(&old)]);
        stage.world.run(30 * MINUTE).await?;
        stage.publish(&Group::ALL, &own);
        stage.responder.turn(HOST[0], Group::A, |view| view.manner = Manner::Failing(2));
        stage.world.run(30 * MINUTE).await?;
        stage.responder.turn(HOST[0], Group::A, |view| view.manner = Manner::Prompt);
        stage.world.run(DAY).await?;
    }
    let incidents = stage.world.incidents()?;
    ensure!(incidents.is_empty(), "it raised {:?}", incidents[0].findings);
    let zones = stage.world.reader().zones()?;
    ensure!(zones[0].blind.is_none(), "something was not seen: {:?}", zones[0].blind);
    stage.world.stop().await?;
    Ok(Caught::all("nothing, and there was nothing", "judge: delegation"))
}

const ZONE: &str = "watched.reg";
const REGISTRY: [IpAddr; 2] = [ip(192, 0, 2, 21), ip(192, 0, 2, 22)];
const HOST: [IpAddr; 3] = [ip(203, 0, 113, 1), ip(203, 0, 113, 2), ip(203, 0, 113, 3)];
const ALGORITHM: Algorithm = Algorithm::EcdsaP256Sha256;

const CONTENT: &str = r#"
@   NS   ns1
@   NS   ns2
ns1 A    203.0.113.1
ns2 A    203.0.113.2
ns3 A    203.0.113.3
@   CAA  0 issue "ca.example; accounturi=https://ca.example/acct/1"
"#;

const fn ip(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(std::net::Ipv4Addr::new(a, b, c, d))
}

fn zone_name() -> Name {
    ZONE.parse().expect("a name")
}

fn key(role: Role, seed: &str) -> Key {
    Key::new(ALGORITHM, role, seed)
}

/// A small Internet with a zone in it that is watched.
struct Stage {
    world: World,
    tree: Tree,
    responder: Responder,
    walk: walk::Settings,
}

impl Stage {
    /// The zone was seen in order, from the vantage `lab` and from these.
    async fn new(vantages: &[(&str, Group)], every: Duration) -> anyhow::Result<Self> {
        let mut world = World::new("2026-11-01T00:00:00Z", &[("alpha", Protocol::Rfc6962)]).await?;
        world.tell("pager").await?;
        let now = world.clock.now();
        let mut tree = Tree::new(now);
        let signing = |seed: &str| Some(Signing::new(ALGORITHM, seed, Denial::Nsec, now));
        tree.graft("reg", "", signing("reg"), &REGISTRY)?;
        tree.graft(ZONE, CONTENT, signing("watched"), &HOST)?;
        let responder = tree.start().await?;
        let root = zone_text::records(&tree.trust_anchor(), &Name::root())?;
        let anchors = Anchors::of_records(&root).context("the root has keys")?;
        let walk = walk::Settings { anchors, ..walk::Settings::default() };
        let mut ways = Vec::new();
        for (vantage, group) in [("lab", Group::A)].iter().chain(vantages) {
            ways.push(way(&tree, &responder, vantage, *group, &world.clock)?);
        }
        let zone = WatchedZone {
            expected: expected(&tree),
            learn: true,
            topics: WatchedZone::topics_of(&zone_name()),
            every,
            vantages: ways.iter().map(|way| way.vantage.clone()).collect(),
            resolvers: Vec::new(),
        };
        let delegations = Delegations { zones: vec![zone], ways, walk: walk.clone() };
        world.watch(&Watching { poll: 3 * HOUR, delegations, ..Watching::default() })?;
        world.run(HOUR).await?;
        ensure!(world.incidents()?.is_empty(), "it raised something before anything happened");
        let zones = world.reader().zones()?;
        ensure!(zones[0].looked_at.is_some() && zones[0].blind.is_none(), "it sees {zones:?}");
        Ok(Self { world, tree, responder, walk })
    }

    fn signing(&self) -> anyhow::Result<&Signing> {
        self.tree.signing(ZONE).context("the zone is signed")
    }

    fn publish(&self, groups: &[Group], zone: &Arc<Zone>) {
        for group in groups {
            self.responder.publish(*group, zone);
        }
    }

    /// The operator changes her zone, and some hours pass.
    async fn step(&mut self, change: impl FnOnce(&mut Zone, &mut Signing)) -> anyhow::Result<()> {
        self.tree.change(ZONE, |zone, signing| {
            change(zone, signing.as_mut().expect("it is signed"));
        });
        let own = self.tree.zone(ZONE);
        self.publish(&Group::ALL, &own);
        let parent = self.tree.zone("reg");
        self.publish(&Group::ALL, &parent);
        self.world.run(6 * HOUR).await
    }

    /// The registry publishes what the operator asked for, and some hours pass.
    async fn parent(
        &mut self,
        change: impl FnOnce(&mut crate::dns::Delegation),
    ) -> anyhow::Result<()> {
        let parent = self.tree.other_parent(ZONE, change);
        self.publish(&Group::ALL, &parent);
        self.world.run(6 * HOUR).await
    }

    /// The operator signs her zone anew; so do those above.
    fn sign_anew(&mut self) -> anyhow::Result<()> {
        let now = self.world.clock.now();
        let expiration = now.checked_add(30 * DAY)?;
        for apex in [".", "reg", ZONE] {
            self.tree.change(apex, |_, signing| {
                let signing = signing.as_mut().expect("it is signed");
                (signing.inception, signing.expiration) = (now, expiration);
            });
            let zone = self.tree.zone(apex);
            self.publish(&Group::ALL, &zone);
        }
        Ok(())
    }

    /// The registry is made to delegate the zone to Mallory, as far as this group is shown.
    fn swap(&self, group: Group) -> anyhow::Result<()> {
        let mallory = Signing::new(ALGORITHM, "mallory", Denial::Nsec, self.world.clock.now());
        let ds = mallory.ksks[0].ds(&zone_name(), DsDigest::Sha256);
        let server: Name = "ns.mallory.watched.reg".parse()?;
        let own = self.tree.other(ZONE, |zone, signing| {
            zone.remove(&zone_name(), Rtype::NS);
            zone.remove(&zone_name(), Rtype::CAA);
            let servers = format!("@ NS ns.mallory\nns.mallory A {MALLORY}");
            zone.add(&servers).expect("it is a zone file");
            *signing = Some(mallory);
        });
        let parent = self.tree.other_parent(ZONE, |delegation| {
            delegation.ds = vec![ds];
            delegation.servers = vec![(server, vec![MALLORY])];
        });
        self.publish(&[group], &parent);
        self.responder.turn(MALLORY, group, |view| view.zones = vec![own]);
        Ok(())
    }

    fn undo(&self, group: Group) {
        self.publish(&[group], &self.tree.zone("reg"));
    }

    /// The one incident that must be there within one look, with findings of these kinds; and that stays one.
    async fn one_incident(&mut self, kinds: &[&str]) -> anyhow::Result<Incident> {
        // One look in ten minutes, a tenth sooner or later.
        self.world.run(12 * MINUTE).await?;
        let told = |world: &World| world.receivers[0].1.of("incident-opened").len();
        ensure!(told(&self.world) == 1, "the pager was told {} times", told(&self.world));
        self.world.run(6 * HOUR).await?;
        let incidents = self.world.incidents()?;
        let [incident] = &incidents[..] else {
            anyhow::bail!("there are {} incidents", incidents.len());
        };
        let found: Vec<_> = incident.findings.iter().map(|found| found.kind.as_str()).collect();
        ensure!(found == kinds, "it found {found:?}: {:?}", incident.findings);
        let updates = self.world.receivers[0].1.of("incident-updated");
        ensure!(updates.is_empty(), "one event was told again: {updates:?}");
        ensure!(incident.closed.is_none(), "it is closed while it goes on");
        Ok(incident.clone())
    }

    /// The proofs in its evidence, which hold as of the time at which they were made.
    fn proofs(&self, incident: &Incident) -> anyhow::Result<Vec<(String, Proof)>> {
        let mut proofs = Vec::new();
        for (label, sha256) in &incident.evidence {
            let bytes = self.world.reader().evidence(sha256)?.context("the evidence is gone")?;
            if !label.contains("proof") {
                continue;
            }
            let proof = Proof::parse(&bytes)?;
            let walked = proof.verify(&self.walk, None)?;
            ensure!(walked.security == Security::Secure, "{label} proves {}", walked.security);
            proofs.push((label.clone(), proof));
        }
        Ok(proofs)
    }

    /// What happened was undone: the incident is closed, once.
    async fn end(mut self) -> anyhow::Result<()> {
        self.world.run(2 * HOUR).await?;
        let told = self.world.receivers[0].1.of("incident-closed");
        ensure!(told.len() == 1, "that it is over was told {} times", told.len());
        let incidents = self.world.incidents()?;
        ensure!(incidents.len() == 1 && incidents[0].closed.is_some(), "it is not closed");
        self.world.stop().await
    }
}

/// What the operator declares: what there is, and what she is going to have.
fn expected(tree: &Tree) -> Expected {
    let zone = zone_name();
    let mut expected = Expected::nothing(zone.clone());
    let now = Shown::records(tree.delegation(&zone).ds);
    let next = Shown::records([key(Role::Ksk, "second").ds(&zone, DsDigest::Sha256)]);
    expected
        .plans
        .insert(Topic::parent(zone.clone(), Rtype::DS), Plan::declared(&now, Some(&next)));
    let servers = |labels: [&str; 2]| {
        let names = labels.into_iter().filter_map(|label| zone.child(label.as_bytes()));
        Shown::records(names.map(|name| name.wire().to_vec()))
    };
    let plan = Plan::declared(&servers(["ns1", "ns2"]), Some(&servers(["ns1", "ns3"])));
    for side in [Side::Parent, Side::Zone] {
        let topic = Topic { side, name: zone.clone(), rtype: Rtype::NS };
        expected.plans.insert(topic, plan.clone());
    }
    expected
}

fn way(
    tree: &Tree,
    responder: &Responder,
    vantage: &str,
    group: Group,
    clock: &Clock,
) -> anyhow::Result<Way> {
    let net = Net::new(countersign_net::Settings {
        contact: "lab@example.org".to_owned(),
        roots: Roots::Public,
        redirects: Some(Redirects::with_servers([], responder.table(group))),
        vantages: vec![Vantage { name: vantage.to_owned(), route: Route::Direct }],
    })?;
    let hints = Hints::from_zone_text(&tree.hints())?;
    let settings = dns::Settings { hints, ..dns::Settings::default() };
    Ok(Way::new(vantage, Dns::new(&net, vantage, settings, clock.clone())?))
}
