//! What scenes about issuing play on: an operator and Mallory, each with an account at one CA, and a watch that knows
//! the operator's keys.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail, ensure};
use countersign_caa::climb::Next;
use countersign_caa::{Account, Climb, Identifier, Name, Profile, Purpose, Request, decide};
use countersign_dns::proof::Proof;
use countersign_dns::{Query, Rtype, walk};
use countersign_judge::caa::{Issuer, lint, lookup};
use countersign_monitor::caa::look;

use crate::acme::{AccountKey, Answer, At, Ca, Customer, Method, OrderError};
use crate::authority::SubjectKey;
use crate::estate::{CA_HOST, Estate, GUARDED, Zone, name};
use crate::log::{Group, Protocol};
use crate::scene::judged::{register, the_only};
use crate::web::Web;
use crate::world::{HOUR, MINUTE, Watching, World};

/// A chain, or why there is none.
type Ordered = Result<Vec<Vec<u8>>, OrderError>;

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) estate: Estate,
    pub(super) ca: Ca,
    pub(super) operator: Customer,
    /// The key of the operator's account.
    pub(super) operators_key: AccountKey,
    pub(super) mallory: Customer,
    /// Where Mallory leads whom she diverts.
    web: Web,
}

impl Stage {
    /// The operator has the first account, a zone with this CAA record, and a certificate.
    pub(super) async fn new(zone: Zone, caa: &str) -> anyhow::Result<Self> {
        let kinds = [("alpha", Protocol::Rfc6962), ("beta", Protocol::StaticCt)];
        let mut world = World::new("2026-11-01T00:00:00Z", &kinds).await?;
        world.tell("pager").await?;
        world.watch(&Watching::default())?;
        world.run(HOUR).await?;
        let estate = Estate::new(world.clock.now(), zone, caa).await?;
        let ca = estate.ca(&world.authority, &world.logs, &world.clock, At::Host).await?;
        let operators_key = AccountKey::generate();
        let operator = Customer::register(&ca, operators_key.clone()).await?;
        let mallory = Customer::register(&ca, AccountKey::generate()).await?;
        let web = Web::start().await?;
        let mut stage = Self { world, estate, ca, operator, operators_key, mallory, web };
        stage.operator_renews().await?;
        Ok(stage)
    }

    /// The operator orders by DNS-01, for a key that is registered before.
    pub(super) async fn operator_orders(&mut self) -> anyhow::Result<Ordered> {
        let key = SubjectKey::generate();
        register(&self.world, &key, ".guarded.example")?;
        let put = |answer: &Answer| self.estate.put(answer);
        Ok(self.operator.order(&[GUARDED], &key, Method::Dns01, put).await)
    }

    /// She gets what she orders, and it raises nothing.
    pub(super) async fn operator_renews(&mut self) -> anyhow::Result<()> {
        let before = self.world.incidents()?.len();
        self.operator_orders().await??;
        self.settle().await?;
        let after = self.world.incidents()?.len();
        ensure!(before == after, "the operator's own renewal is an incident");
        Ok(())
    }

    /// Mallory diverts port 80 and orders with this account by HTTP-01. Then she leaves, also the path to the name
    /// server.
    pub(super) async fn mallory_orders(&self, by: &Customer) -> Ordered {
        self.estate.divert(&self.web);
        let show = |answer: &Answer| self.web.show(answer.path(), answer.page().to_owned());
        let ordered = by.order(&[GUARDED], &SubjectKey::generate(), Method::Http01, show).await;
        self.estate.leave_alone();
        ordered
    }

    /// She orders, and shows nothing.
    pub(super) async fn mallory_orders_without_proof(&self) -> Ordered {
        let key = SubjectKey::generate();
        self.mallory.order(&[GUARDED], &key, Method::Http01, |_| {}).await
    }

    /// Has the logs publish, and time pass until all of it is judged.
    async fn settle(&mut self) -> anyhow::Result<()> {
        for log in &self.world.logs {
            log.publish();
        }
        self.world.run(15 * MINUTE).await
    }

    /// An error unless there is one incident, about a key that nobody registered and that both logs show, and somebody
    /// was told of it once.
    pub(super) async fn ensure_one_incident(&mut self) -> anyhow::Result<()> {
        self.settle().await?;
        let incident = the_only(&self.world.incidents()?)?;
        ensure!(incident.findings[0].kind == "unknown-key", "{:?}", incident.findings);
        ensure!(incident.sightings.len() == 2, "{} entries were seen", incident.sightings.len());
        let told = self.world.receivers[0].1.of("incident-opened");
        ensure!(told.len() == 1 && told[0]["names"][0] == GUARDED, "the pager was told {told:?}");
        Ok(())
    }

    /// An error unless the operator can prove, to somebody who was not there, that CAA forbids now what this account
    /// asks for.
    pub(super) async fn ensure_provably_forbidden(&self, account: &str) -> anyhow::Result<()> {
        let sight = self.estate.sight(Group::A, &self.world.clock);
        let (settings, now) = (sight.walk_settings(), self.world.clock.now());
        let query = Query { name: name(GUARDED), rtype: Rtype::CAA };
        let walked = sight.dns().walk(query.clone(), settings, now, &mut BTreeMap::new()).await;
        let proof = Proof::of(&query, &walked, settings, now).context("nothing is proved")?;
        ensure_forbids(&proof.to_bytes(), settings, account)
    }

    /// An error unless a look at the zone, from where the operator is, finds this wrong with its CAA records.
    pub(super) async fn ensure_found(&self, kind: &str) -> anyhow::Result<()> {
        let kinds = self.found().await?;
        ensure!(kinds.contains(&kind), "of the records is said {kinds:?}, and not {kind}");
        Ok(())
    }

    /// An error if it does.
    pub(super) async fn ensure_not_found(&self, kind: &str) -> anyhow::Result<()> {
        let kinds = self.found().await?;
        ensure!(!kinds.contains(&kind), "of the records is said {kinds:?}");
        Ok(())
    }

    /// What is wrong with the CAA records.
    async fn found(&self) -> anyhow::Result<Vec<&'static str>> {
        let sight = self.estate.sight(Group::A, &self.world.clock);
        let name = Name::parse(GUARDED)?;
        let mut view = look(sight.dns(), &name, sight.walk_settings(), &self.world.clock).await;
        view.accounts = Some(vec![self.operator.account().to_owned()]);
        view.issuers = vec![Issuer {
            names: vec![CA_HOST.to_owned()],
            accounts: vec![format!("https://{CA_HOST}/acct/")],
            staging: Vec::new(),
            binds: true,
        }];
        Ok(lint(&view).iter().map(|finding| finding.kind()).collect())
    }
}

/// An error unless this proof of CAA records shows, with nothing else to go by, that the CA must not issue to this
/// account.
fn ensure_forbids(proof: &[u8], settings: &walk::Settings, account: &str) -> anyhow::Result<()> {
    let shown = Proof::parse(proof)?.verify(settings, None)?;
    let profile = Profile::default();
    let request = Request {
        identifier: Identifier::parse(GUARDED)?,
        purpose: Purpose::Tls,
        issuers: vec![Name::parse(CA_HOST)?],
        accounts: vec![Account::own(account)],
        method: None,
        constrained: Vec::new(),
    };
    let mut climb = Climb::new(request.identifier.name.clone(), profile.failures);
    climb.feed(lookup(&shown, 0, 1));
    let Next::Done(climbed) = climb.next() else { bail!("the proof does not show the records") };
    let reason = decide(&request, climbed.clone(), &profile).reason.as_str();
    ensure!(reason == "accounturi-mismatch", "the proof shows that it is {reason}");
    Ok(())
}

/// An error unless the CA refused, with this kind of problem and these words in it.
pub(super) fn ensure_refused(
    ordered: Ordered,
    expected: &str,
    because: &str,
) -> anyhow::Result<()> {
    match ordered {
        Err(OrderError::Refused { problem, detail })
            if problem == expected && detail.contains(because) =>
        {
            Ok(())
        }
        Err(other) => bail!("it is refused otherwise than by {expected}, {because}: {other:#}"),
        Ok(_) => bail!("a certificate was issued that {because} should have stopped"),
    }
}
