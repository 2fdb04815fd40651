//! What nobody asked for, among all that somebody did.

use std::fs;

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_judge::statement::{Host, HostKey, Statement};
use countersign_judge::{Basis, Origin, Policy, Rule, RuleId, Scope, Verdict, Wildcards};
use countersign_monitor::directories::{Directory, Kind};
use countersign_monitor::judging::Judging;
use countersign_sct::{issuer_key_hash, spki_of};
use countersign_store::authorization::{
    Accepted, KeyOrCertificate, NewAuthorization, NewStatement,
};
use countersign_store::incident::{Incident, Subject};
use jiff::{SignedDuration, Timestamp};

use super::Caught;
use crate::authority::{Issued, SubjectKey};
use crate::certificates::sha256;
use crate::log::{Group, Merging, Protocol};
use crate::world::{DAY, HOUR, MINUTE, Watching, World};

const GUARDED: &str = "guarded.example";

/// Forty logs, two hundred renewals in all the ways that operators have, and all that goes wrong in a year without
/// anybody meaning harm. Nobody must be woken.
pub(super) async fn quiet_year() -> anyhow::Result<Caught> {
    let names: Vec<_> = (0..LOGS + LOGS_ADDED).map(|log| format!("log{log}")).collect();
    let protocol =
        |log: usize| if log.is_multiple_of(2) { Protocol::Rfc6962 } else { Protocol::StaticCt };
    let kinds: Vec<_> =
        names.iter().enumerate().map(|(log, name)| (name.as_str(), protocol(log))).collect();
    let mut world = World::new("2026-01-01T00:00:00Z", &kinds).await?;
    let mut year = Year::new(&world)?;
    for sink in ["mail", "pager"] {
        world.tell(sink).await?;
    }
    let judging = year.judging(&world)?;
    year.list(&world, 0)?;
    world.watch(&Watching { poll: 6 * DAY, judging, ..Watching::default() })?;
    // Whatever happens, it happens between two heartbeats.
    world.run(DAY / 2).await?;
    for day in 0..DAYS {
        match day {
            60 => world.logs[DOWN].close(Group::A),
            67 => world.logs[DOWN].reopen(Group::A).await?,
            120 => year.list(&world, LOGS_ADDED / 2)?,
            200 => world.receivers[0].1.cut_off(true),
            201 => world.receivers[0].1.cut_off(false),
            240 => year.list(&world, LOGS_ADDED)?,
            _ => {}
        }
        while year.renewals * DAYS < (day + 1) * RENEWALS {
            year.renew(&world)?;
        }
        let log = year.first_listed + day % LOGS;
        world.certify(log, &["www.unguarded.example"])?;
        world.run(DAY).await?;
    }
    world.run(9 * DAY).await?;

    let incidents = world.incidents()?;
    ensure!(incidents.is_empty(), "a quiet year had {} incidents: {incidents:?}", incidents.len());
    let pending = world.reader().pending()?;
    ensure!(pending.is_empty(), "{} certificates are still pending", pending.len());
    year.ensure_all_judged(&world)?;
    let said = world.said_of(DOWN);
    for expected in ["opened unreachable", "closed unreachable"] {
        ensure!(said.iter().any(|said| said == expected), "of the log that was down: {said:?}");
    }
    for (name, receiver) in &world.receivers {
        let opened = receiver.of("incident-opened");
        ensure!(opened.is_empty(), "{name} was told of {opened:?}");
        let heartbeats = receiver.of("heartbeat").len();
        ensure!(heartbeats + 3 >= DAYS, "{name} heard {heartbeats} heartbeats in {DAYS} days");
    }
    world.stop_having_said(&["opened sink-mail", "closed sink-mail"]).await?;
    Ok(Caught::all("nothing, and there was nothing", "judge"))
}

/// What the operator of the quiet year has.
struct Year {
    first_listed: usize,
    renewals: usize,
    reused: SubjectKey,
    hosts: [HostKey; 2],
    /// By TBSCertificate, what has to be made of it.
    expected: Vec<([u8; 32], Verdict)>,
}

impl Year {
    fn new(world: &World) -> anyhow::Result<Self> {
        let host = |number: u8| {
            let name = format!("mx{number}").parse().expect("a plain name");
            HostKey::new(name, [number; 32])
        };
        let reused = SubjectKey::generate();
        register(world, &reused, ".guarded.example")?;
        Ok(Self {
            first_listed: 0,
            renewals: 0,
            reused,
            hosts: [host(1), host(2)],
            expected: Vec::new(),
        })
    }

    fn judging(&self, world: &World) -> anyhow::Result<Judging> {
        let issuer = [issuer_key_hash(spki_of(world.authority.intermediate())?)];
        let validity_max = SignedDuration::from_hours(100 * 24);
        Ok(Judging {
            policies: vec![Policy {
                scope: scope(".guarded.example"),
                issuer_keys: Some(issuer.into()),
                wildcards: Wildcards::Expected,
                validity_max: Some(validity_max),
                hold: SignedDuration::from_mins(10),
            }],
            third_parties: vec![Rule {
                id: RuleId::ThirdParty("cdn".to_owned()),
                basis: Basis::ThirdParty { issuer_keys: issuer.into(), validity_max },
                scope: scope("cdn.guarded.example"),
                since: Timestamp::UNIX_EPOCH,
                until: None,
                origin: Origin::Configuration,
            }],
            directories: vec![Directory {
                path: world.folder("keys")?,
                scope: scope(".guarded.example"),
                kind: Kind::Pem,
            }],
            scan_every: DAY,
            heartbeat: Some(DAY),
            ..Judging::default()
        })
    }

    /// Lists forty logs from this one on: shards are opened, and others come to their end.
    fn list(&mut self, world: &World, first: usize) -> anyhow::Result<()> {
        self.first_listed = first;
        world.list(&world.logs[first..first + LOGS].iter().collect::<Vec<_>>())
    }

    /// One renewal, in the way whose turn it is.
    fn renew(&mut self, world: &World) -> anyhow::Result<()> {
        let number = self.renewals;
        self.renewals += 1;
        let key = SubjectKey::generate();
        let (key, names, verdict): (&SubjectKey, &[&str], _) = match number % 8 {
            0 => {
                register(world, &key, GUARDED)?;
                (&key, &[GUARDED], Verdict::Authorized)
            }
            1 => (&self.reused, &[GUARDED], Verdict::Authorized),
            2 => {
                register(world, &key, ".guarded.example")?;
                (&key, &[GUARDED, "*.guarded.example"], Verdict::Authorized)
            }
            3 => {
                register(world, &key, ".guarded.example")?;
                let names =
                    &[GUARDED, "a.guarded.example", "b.guarded.example", "b.elsewhere.example"];
                (&key, names, Verdict::Authorized)
            }
            4 | 5 => {
                let (host, name) = match number % 8 {
                    4 => (&self.hosts[0], "mx1.guarded.example"),
                    _ => (&self.hosts[1], "mx2.guarded.example"),
                };
                state(world, host, u64::try_from(number).expect("small"), &key, name)?;
                (
                    &key,
                    if number % 8 == 4 {
                        &["mx1.guarded.example"]
                    } else {
                        &["mx2.guarded.example"]
                    },
                    Verdict::Authorized,
                )
            }
            6 => {
                let path = world.folder("keys")?.join(format!("{number}.key"));
                fs::write(path, pem(&key)).context("cannot write a key")?;
                (&key, &["www.guarded.example"], Verdict::Authorized)
            }
            _ => (&key, &["cdn.guarded.example"], Verdict::ThirdParty),
        };
        let log = |further: usize| &world.logs[self.first_listed + (number * 7 + further) % LOGS];
        let request = world.request_for(key, names)?;
        let issued = world.authority.issue_logged(&request, &[log(0), log(1)])?;
        if number.is_multiple_of(3) {
            log(2).add_chain(&issued.chain())?;
        }
        self.expected.push((tbs_of(&issued)?, verdict));
        Ok(())
    }

    fn ensure_all_judged(&self, world: &World) -> anyhow::Result<()> {
        ensure!(self.expected.len() == RENEWALS, "{} renewals", self.expected.len());
        for (tbs_sha256, expected) in &self.expected {
            let judgement = world.reader().judgement(tbs_sha256)?;
            let verdict = judgement.context("a renewal was not seen")?.told.verdict;
            ensure!(verdict == *expected, "a renewal is {verdict:?}, not {expected:?}");
        }
        Ok(())
    }
}

/// A log signs for our own certificate and never shows it. Mallory's would be hidden in just the same way.
pub(super) async fn broken_promise() -> anyhow::Result<Caught> {
    let kinds = [("alpha", Protocol::Rfc6962), ("beta", Protocol::StaticCt)];
    let mut world = World::new("2026-11-01T00:00:00Z", &kinds).await?;
    let keys = world.folder("keys")?;
    let directories =
        vec![Directory { path: keys.clone(), scope: scope(".guarded.example"), kind: Kind::Pem }];
    let judging = Judging { directories, heartbeat: None, ..Judging::default() };
    for log in 0..2 {
        world.grow(log, 10)?;
    }
    world.watch(&Watching { poll: 10 * MINUTE, judging, ..Watching::default() })?;
    world.run(2 * DAY).await?;
    world.logs[1].merge(Merging::Nowhere);
    let ours = SubjectKey::generate();
    let logs: Vec<_> = world.logs.iter().collect();
    let issued = world.authority.issue_logged(&world.request_for(&ours, &[GUARDED])?, &logs)?;
    fs::write(keys.join("ours.key"), pem(&ours)).context("cannot write a key")?;
    fs::write(keys.join("ours.crt"), certificate_pem(&issued)).context("cannot write it")?;
    world.logs[1].merge(Merging::Everywhere);
    for _hour in 0..30 {
        for log in 0..2 {
            world.grow(log, 1)?;
        }
        world.run(HOUR).await?;
    }
    let incident = the_only(&world.incidents()?)?;
    let promise = Subject::Promise { tbs_sha256: tbs_of(&issued)?, log: world.logs[1].log_id() };
    ensure!(incident.subject == promise, "the incident is about {:?}", incident.subject);
    world.stop().await?;
    let what = "the log that did not keep its promise, a day after it gave it";
    Ok(Caught::all(what, "judge: canary").but("what the log hid of others"))
}

/// The hoster keeps our mail back, so that nobody hears of Mallory's certificate. The other path tells of both.
pub(super) async fn blocked_alerts() -> anyhow::Result<Caught> {
    let mut world = World::new("2026-11-01T00:00:00Z", &[("alpha", Protocol::Rfc6962)]).await?;
    for sink in ["mail", "pager"] {
        world.tell(sink).await?;
    }
    let judging = Judging { heartbeat: Some(6 * HOUR), ..Judging::default() };
    world.watch(&Watching { poll: 10 * MINUTE, judging, ..Watching::default() })?;
    world.run(DAY).await?;
    let heard = |world: &World, receiver: usize| world.receivers[receiver].1.of("heartbeat").len();
    let before = (heard(&world, 0), heard(&world, 1));
    ensure!(before.0 == before.1 && before.0 >= 4, "{before:?} heartbeats in a day");
    world.receivers[0].1.cut_off(true);
    world.certify(0, &[GUARDED])?;
    world.run(2 * DAY).await?;
    ensure!(heard(&world, 0) == before.0, "a sink that is cut off heard something");
    ensure!(heard(&world, 1) >= before.1 + 8, "the other sink was slowed down");
    ensure!(world.receivers[0].1.of("incident-opened").is_empty(), "it was not cut off");
    ensure!(world.receivers[1].1.of("incident-opened").len() == 1, "the pager was not told");
    let troubles = world.receivers[1].1.of("trouble-opened");
    let named = troubles.iter().any(|told| told["subject"].to_string().contains("sink-mail"));
    ensure!(named, "nobody was told that mail does not get through: {troubles:?}");
    world.receivers[0].1.cut_off(false);
    world.run(2 * HOUR).await?;
    ensure!(world.receivers[0].1.of("incident-opened").len() == 1, "the mail never came");
    let last = world.receivers[0].1.messages().len();
    ensure!(last < before.0 + 8, "of heartbeats that were kept back only the last is of use");
    world.stop_having_said(&["opened sink-mail", "closed sink-mail"]).await?;
    Ok(Caught::all(
        "Mallory's certificate; that the mail was kept back, by its missing heartbeats",
        "monitor: delivery",
    )
    .but("nothing, as long as one path is open"))
}

/// Says for the operator that a key is ours.
pub(super) fn register(world: &World, key: &SubjectKey, names: &str) -> anyhow::Result<()> {
    let new = NewAuthorization {
        basis: KeyOrCertificate::Key(sha256(&key.spki())),
        scope: scope(names),
        until: None,
        origin: Origin::Command,
        note: String::new(),
    };
    world.desk().register(&[new], world.clock.now())?;
    Ok(())
}

/// Another host says that it asked for a key, in a statement that is signed there and believed here.
fn state(
    world: &World,
    host: &HostKey,
    sequence: u64,
    key: &SubjectKey,
    name: &str,
) -> anyhow::Result<()> {
    let now = world.clock.now();
    let signer = host.signer();
    let verifier = signer.verifier_key();
    let statement = Statement::new(
        verifier.name().clone(),
        sequence + 1,
        (now, None),
        sha256(&key.spki()),
        scope(name),
    )?;
    let note = statement.sign(&signer);
    let hosts = [Host { key: verifier, scope: scope(name) }];
    let statement = Statement::open(note.as_bytes(), &hosts, |_| None, now)?;
    let authorization = NewAuthorization {
        basis: KeyOrCertificate::Key(statement.spki_sha256()),
        scope: statement.names().clone(),
        until: None,
        origin: Origin::Statement { host: statement.host().to_owned() },
        note: String::new(),
    };
    let new = NewStatement {
        host: statement.host(),
        sequence: statement.sequence(),
        note: note.as_bytes(),
        authorization: &authorization,
    };
    let accepted = world.desk().accept_statement(&new, now)?;
    ensure!(matches!(accepted, Accepted::Yes(_)), "a statement counts for nothing: {accepted:?}");
    Ok(())
}

/// The incident, if there is one and no more.
pub(super) fn the_only(incidents: &[Incident]) -> anyhow::Result<Incident> {
    ensure!(incidents.len() == 1, "{} incidents: {incidents:?}", incidents.len());
    Ok(incidents[0].clone())
}

/// What precertificate and certificate have in common.
fn tbs_of(issued: &Issued) -> anyhow::Result<[u8; 32]> {
    Ok(sha256(&countersign_sct::precert_tbs(&issued.certificate)?))
}

fn scope(names: &str) -> Scope {
    names.parse().expect("a literal scope")
}

fn pem(key: &SubjectKey) -> String {
    let pkcs8 = key.pkcs8().expect("a generated key has its private half");
    format!(
        "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
        BASE64_STANDARD.encode(pkcs8)
    )
}

fn certificate_pem(issued: &Issued) -> String {
    let text = BASE64_STANDARD.encode(&issued.certificate);
    format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n")
}

/// Logs that are listed at a time.
const LOGS: usize = 40;
/// Logs that are listed in the course of the year, in place of others.
const LOGS_ADDED: usize = 4;
/// The one that is down for a week. It stays listed all year.
const DOWN: usize = 7;
const DAYS: usize = 365;
const RENEWALS: usize = 200;
