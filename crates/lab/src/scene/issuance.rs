//! A CA that issues: what CAA stops, in which zone, and what it does not. In each scene Mallory can divert what goes to
//! port 80 of the service, as in 2023, and has an account at the CA that the operator uses.

mod stage;

use std::collections::BTreeSet;
use std::fs;

use anyhow::ensure;
use countersign_dns::Rtype;
use countersign_judge::pack::{Outcome, Pack, assemble, verify};
use countersign_sct::LogList;
use countersign_store::incident::Incident;

use self::stage::{Stage, ensure_refused};
use super::Caught;
use super::judged::the_only;
use crate::acme::{Customer, Heed};
use crate::dns::{Change, Forgery};
use crate::estate::{GUARDED, Zone, name};
use crate::world::{MINUTE, World};

/// Names the CA, and no account.
const UNBOUND: &str = r#"0 issue "ca.example""#;
/// Names the operator's account.
const BOUND: &str = r#"0 issue "ca.example; accounturi=https://ca.example/acct/1""#;
/// Names her account, and DNS-01.
const BY_DNS: &str =
    r#"0 issue "ca.example; accounturi=https://ca.example/acct/1; validationmethods=dns-01""#;

/// The record names the CA only, and anybody can be its customer.
pub(super) async fn issuer_only_caa() -> anyhow::Result<Caught> {
    let mut stage = Stage::new(Zone::Signed, UNBOUND).await?;
    stage.ensure_found("unbound").await?;
    stage.mallory_orders(&stage.mallory).await?;
    stage.ensure_one_incident().await?;
    stage.operator_renews().await?;
    stage.estate.say(BOUND);
    stage.ensure_not_found("unbound").await?;
    ensure_refused(stage.mallory_orders(&stage.mallory).await, "caa", "accounturi-mismatch")?;
    stage.world.stop().await?;
    let what = "before it, that any account will do; then Mallory's certificate; with accounturi she is \
                refused";
    Ok(Caught::all(what, "judge: caa; judge")
        .but("that port 80 is diverted: that is for the prober"))
}

/// The record names the operator's account, and nobody can tell whether it is hers.
pub(super) async fn unsigned_account() -> anyhow::Result<Caught> {
    let mut stage = Stage::new(Zone::Unsigned, BOUND).await?;
    stage.ensure_not_found("unbound").await?;
    stage.ensure_found("unsigned").await?;
    ensure_refused(stage.mallory_orders(&stage.mallory).await, "caa", "accounturi-mismatch")?;
    stage.estate.forge(without_records(&stage, Some(Rtype::CAA)));
    stage.mallory_orders(&stage.mallory).await?;
    stage.ensure_one_incident().await?;
    stage.operator_renews().await?;
    stage.world.stop().await?;
    let what = "before it, that the record can be forged; then Mallory's certificate";
    Ok(Caught::all(what, "judge: caa; judge").but("the forged answers: only the CA was given them"))
}

/// The record names the operator's account in a signed zone: what Mallory can do by herself is not enough.
pub(super) async fn bound_account() -> anyhow::Result<Caught> {
    let mut stage = Stage::new(Zone::Signed, BOUND).await?;
    stage.ensure_not_found("unbound").await?;
    stage.ensure_not_found("unsigned").await?;
    ensure_refused(stage.mallory_orders(&stage.mallory).await, "caa", "accounturi-mismatch")?;
    stage.estate.forge(without_records(&stage, Some(Rtype::CAA)));
    ensure_refused(stage.mallory_orders(&stage.mallory).await, "caa", "dnssec-bogus")?;
    stage.estate.forge(without_records(&stage, None));
    ensure_refused(stage.mallory_orders(&stage.mallory).await, "dns", "cannot be relied on")?;
    stage.operator_renews().await?;
    // With her own DNS forged, the operator gets none either.
    stage.estate.forge(without_records(&stage, None));
    ensure_refused(stage.operator_orders().await?, "dns", "cannot be relied on")?;
    stage.estate.leave_alone();
    stage.operator_renews().await?;
    ensure!(stage.world.incidents()?.is_empty(), "something was issued");
    // A CA that leaves out one of the two rules undoes the other.
    stage.ca.turn(|knobs| knobs.dnssec = Heed::Ignored);
    stage.estate.forge(without_records(&stage, Some(Rtype::CAA)));
    stage.mallory_orders(&stage.mallory).await?;
    stage.ensure_one_incident().await?;
    stage.operator_renews().await?;
    stage.world.stop().await?;
    let what = "nothing was issued, by diverting port 80 or by forging DNS; at a CA that does not validate, \
                Mallory's certificate";
    Ok(Caught::all(what, "the CA; judge")
        .but("who forges the operator's DNS and so stops her renewals as well"))
}

/// Mallory has the key of the operator's account.
pub(super) async fn stolen_account() -> anyhow::Result<Caught> {
    let mut stage = Stage::new(Zone::Signed, BOUND).await?;
    stage.ensure_found("any-method").await?;
    let thief = Customer::register(&stage.ca, stage.operators_key.clone()).await?;
    ensure!(thief.account() == stage.operator.account(), "the same key has another account");
    stage.mallory_orders(&thief).await?;
    stage.ensure_one_incident().await?;
    stage.estate.say(BY_DNS);
    stage.ensure_not_found("any-method").await?;
    ensure_refused(stage.mallory_orders(&thief).await, "caa", "validationmethods-mismatch")?;
    stage.operator_renews().await?;
    stage.world.stop().await?;
    let what = "before it, that any method will do; then Mallory's certificate; with validationmethods she is \
                refused";
    Ok(Caught::all(what, "judge: caa; judge").but("that the key of the account is stolen"))
}

/// A CA is made to issue and logs what it issues, as it must. What the operator has then has to convince others.
pub(super) async fn coerced_ca() -> anyhow::Result<Caught> {
    let mut stage = Stage::new(Zone::Signed, BY_DNS).await?;
    for log in 0..2 {
        stage.world.grow(log, 300)?;
    }
    ensure_refused(stage.mallory_orders(&stage.mallory).await, "caa", "accounturi-mismatch")?;
    let named = BTreeSet::from([stage.mallory.account().to_owned()]);
    stage.ca.turn(|knobs| knobs.coerced_for = named);
    stage.ensure_provably_forbidden(stage.mallory.account()).await?;
    let chain = stage.mallory_orders_without_proof().await?;
    stage.operator_orders().await??;
    let world = &mut stage.world;
    world.logs[1].add_chain(&chain)?;
    for log in &world.logs {
        log.publish();
    }
    world.run(9 * MINUTE).await?;
    ensure!(
        world.incidents()?.is_empty() && world.reader().pending()?.len() == 1,
        "it is not pending"
    );
    world.run(5 * MINUTE).await?;
    let incident = the_only(&world.incidents()?)?;
    ensure!(incident.findings[0].kind == "unknown-key", "{:?}", incident.findings);
    ensure!(incident.sightings.len() == 3, "{} entries of it were seen", incident.sightings.len());
    for sighting in &incident.sightings {
        ensure!(world.reader().proof(*sighting)?.is_some(), "no inclusion proof was kept");
    }
    let told = world.receivers[0].1.of("incident-opened");
    ensure!(told.len() == 1 && told[0]["names"][0] == GUARDED, "the pager was told {told:?}");
    ensure_evident(world, &incident)?;
    stage.world.stop().await?;
    let what = "one incident for a precertificate and a certificate in two logs, a pack that shows it to others, \
                and a proof that CAA forbade it";
    Ok(Caught::all(what, "judge; dns: walk").but("whether it is used: that is for the prober"))
}

/// Packs the evidence, and reads it as somebody does who has the pack and a list of logs, and nothing else.
fn ensure_evident(world: &World, incident: &Incident) -> anyhow::Result<()> {
    let tar = assemble(&world.evidence(incident)?)?.to_tar();
    let logs = LogList::parse(&fs::read(world.list_file())?)?;
    let shown = verify(&Pack::from_tar(&tar)?, Some(&logs));
    ensure!(shown.outcome() == Outcome::Holds, "the pack does not show it: {:?}", shown.checks);
    ensure!(shown.checks.iter().any(|check| check.name == "inclusion"), "nothing was included");
    Ok(())
}

/// Answers about records of this type, or about anything, from a zone that Mallory made: the operator's without CAA
/// records, and without signatures, for which she has no keys.
fn without_records(stage: &Stage, rtype: Option<Rtype>) -> Forgery {
    let zone = stage.estate.tree.other(GUARDED, |zone, signing| {
        zone.remove(&name(GUARDED), Rtype::CAA);
        *signing = None;
    });
    Forgery { rtype, ..Forgery::below(name(GUARDED), Change::Instead(zone)) }
}
