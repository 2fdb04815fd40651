//! A look at one zone through all servers of it and of its parent, and through walks of our own.
//!
//! ```text
//!  name ──> zone, parent ──> all servers of both ──> each is asked for everything ──┐
//!               └──────────> a walk for each type ─────────────────────────────────┴─> ZoneView
//! ```
//!
//! It only gathers. What is to be made of it, [`countersign_judge::ZoneReport`] says.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use countersign_dns::resolution::{Answer, Resolved, Servers, Unresolved};
use countersign_dns::walk::{self, Walked};
use countersign_dns::{Message, Name, Query, Rtype};
use countersign_judge::zone::{
    APEX, DELEGATION, PROBES_APART_S, Probe, ServerView, Unseen, Upstream, ZoneView,
};
use countersign_net::dns::{ExchangeError, Exchanged};
use countersign_net::{Clock, Dns};
use tokio::task::JoinSet;

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the walks start from.
    pub walk: walk::Settings,
    /// How long after the first probe of a server the second is sent. Too soon, and it does not show whether times of
    /// signing move with the question.
    pub probes_apart: Duration,
    /// A resolver to compare with.
    pub upstream: Option<SocketAddr>,
}

impl Default for Settings {
    fn default() -> Self {
        let apart_s = u64::try_from(PROBES_APART_S).expect("it is more than nothing");
        // Some more, since answers take time.
        Self {
            walk: walk::Settings::default(),
            probes_apart: Duration::from_secs(apart_s + 2),
            upstream: None,
        }
    }
}

/// Why there was nothing to look at.
#[derive(Debug, thiserror::Error)]
#[error("cannot find the zone of {name}")]
pub struct NoZone {
    /// The name.
    pub name: Name,
    /// Why.
    #[source]
    pub source: Unresolved,
}

/// Servers that are asked at a time, each one question after the other. A resolver that starts does as much.
pub(crate) const SERVERS_AT_ONCE: usize = 16;

/// Addresses of servers that are asked on each side. The root has 26; who has many more has one zone behind all.
pub(crate) const ADDRESSES_MAX: usize = 64;

/// Letters and digits of a probe's label: 36^20 is more than anybody could have prepared.
const PROBE_OCTETS: usize = 20;

/// Looks at the zone that a name is in. `progress` is told how many servers of how many have been asked.
pub async fn survey(
    dns: &Dns,
    name: &Name,
    settings: &Settings,
    clock: &Clock,
    progress: impl Fn(usize, usize),
) -> Result<ZoneView, NoZone> {
    let no_zone = |source| NoZone { name: name.clone(), source };
    let zone = zone_of(dns, name).await.map_err(no_zone)?;
    let parent = match zone.parent() {
        Some(above) => Some(zone_of(dns, &above).await.map_err(no_zone)?),
        None => None,
    };
    let mut unseen = Vec::new();
    let mut asked = VecDeque::new();
    if let Some(parent) = &parent {
        asked.extend(addresses(dns, parent, Side::Parent, &mut unseen).await);
    }
    asked.extend(addresses(dns, &zone, Side::Zone, &mut unseen).await);

    let mut known = BTreeMap::new();
    let walks = async {
        let began = clock.now();
        for rtype in APEX {
            let query = Query { name: zone.clone(), rtype };
            // Only to ask. What is to be made of it is seen below.
            let _walked = dns.walk(query, &settings.walk, began, &mut known).await;
        }
    };
    let asking = ask_all(dns, &zone, asked, settings.probes_apart, clock, progress);
    let ((), (parents, servers)) = tokio::join!(walks, asking);
    // All that was signed while we asked is valid now.
    let now = clock.now();
    let mut walks: BTreeMap<Rtype, Walked> = BTreeMap::new();
    for rtype in APEX {
        let query = Query { name: zone.clone(), rtype };
        walks.insert(rtype, dns.walk(query, &settings.walk, now, &mut known).await);
    }
    let upstream = match settings.upstream {
        Some(resolver) => Some(ask_upstream(dns, resolver, &zone).await),
        None => None,
    };
    let mut view = ZoneView { zone, parent, now, walks, parents, servers, upstream, unseen };
    leave_out_ipv6(&mut view);
    Ok(view)
}

/// What a resolver says of everything.
async fn ask_upstream(dns: &Dns, resolver: SocketAddr, zone: &Name) -> Upstream {
    let mut answers = BTreeMap::new();
    for rtype in APEX {
        let asked = dns.ask_upstream(resolver, &Query { name: zone.clone(), rtype }).await;
        let answer = asked.map(|exchanged| exchanged.message).map_err(|why| why.to_string());
        answers.insert(rtype, answer);
    }
    Upstream { resolver: resolver.to_string(), answers }
}

/// The zone that a name is in, as its servers say. Where none of them answers, the zone that they should serve.
pub(crate) async fn zone_of(dns: &Dns, name: &Name) -> Result<Name, Unresolved> {
    for candidate in name.and_above() {
        let query = Query { name: candidate.clone(), rtype: Rtype::SOA };
        match dns.resolve(&query).await {
            Resolved::Answer(answer) => {
                if let Some(zone) = apex(&answer, &candidate) {
                    return Ok(zone);
                }
                // An alias has no SOA record, and whoever is above it may have one.
            }
            // Nothing answers at all.
            Resolved::Failed(unresolved) if unresolved.zone.is_root() => return Err(unresolved),
            Resolved::Failed(unresolved) => return Ok(unresolved.zone),
        }
    }
    Ok(Name::root())
}

/// The owner of the SOA record that is in every answer, positive or not (RFC 2308 §3).
fn apex(answer: &Answer, name: &Name) -> Option<Name> {
    let sets = answer.message.answer.iter().chain(&answer.message.authority);
    let mut soas = sets.filter(|set| set.rrset.rtype() == Rtype::SOA).map(|set| set.rrset.owner());
    soas.find(|owner| name.is_within(owner)).cloned()
}

/// Whose server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Parent,
    Zone,
}

/// A server to be asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) side: Side,
    pub(crate) name: Name,
    pub(crate) address: IpAddr,
}

/// All addresses of a zone's servers. What keeps us from some of them is noted.
pub(crate) async fn addresses(
    dns: &Dns,
    zone: &Name,
    side: Side,
    unseen: &mut Vec<Unseen>,
) -> Vec<Asked> {
    let Servers { servers, left_out, unresolved } = match dns.servers_of(zone).await {
        Ok(servers) => servers,
        Err(error) => {
            let (what, why) = (format!("the servers of {zone}"), told(error));
            unseen.push(Unseen { what, why });
            return Vec::new();
        }
    };
    let mut note = |what: String, why: String| unseen.push(Unseen { what, why });
    for server in servers.iter().filter(|server| server.addresses.is_empty()) {
        let failed = unresolved.iter().find(|failed| failed.query.name == server.name);
        let why = failed.map_or_else(|| "it has no address".to_owned(), ToString::to_string);
        note(format!("the server {} of {zone}", server.name), why);
    }
    let is_told = |name: &Name| {
        servers.iter().any(|server| server.name == *name && server.addresses.is_empty())
    };
    for failed in unresolved.iter().filter(|failed| !is_told(&failed.query.name)) {
        let what = format!("{} of {}", failed.query.rtype, failed.query.name);
        note(what, failed.to_string());
    }
    if left_out > 0 {
        note(format!("{left_out} more servers of {zone}"), "there are too many".to_owned());
    }
    let mut asked: Vec<Asked> = servers
        .into_iter()
        .flat_map(|server| {
            let name = server.name;
            server.addresses.into_iter().map(move |address| (name.clone(), address))
        })
        .map(|(name, address)| Asked { side, name, address })
        .collect();
    if asked.len() > ADDRESSES_MAX {
        let more = asked.len() - ADDRESSES_MAX;
        note(
            format!("{more} more addresses of servers of {zone}"),
            "there are too many".to_owned(),
        );
        asked.truncate(ADDRESSES_MAX);
    }
    asked
}

/// Asks all servers, some at a time: those of the parent and those of the zone, in the order in which they came.
async fn ask_all(
    dns: &Dns,
    zone: &Name,
    mut waiting: VecDeque<Asked>,
    probes_apart: Duration,
    clock: &Clock,
    progress: impl Fn(usize, usize),
) -> (Vec<ServerView>, Vec<ServerView>) {
    let total = waiting.len();
    let mut views: Vec<Option<(Side, ServerView)>> = (0..total).map(|_| None).collect();
    let mut tasks = JoinSet::new();
    loop {
        let done = views.iter().flatten().count();
        progress(done, total);
        while tasks.len() < SERVERS_AT_ONCE {
            let Some(asked) = waiting.pop_front() else { break };
            let at = total - waiting.len() - 1;
            let (dns, zone, clock) = (dns.clone(), zone.clone(), clock.clone());
            tasks.spawn(async move {
                let side = asked.side;
                (at, side, ask(&dns, &zone, asked, probes_apart, &clock).await)
            });
        }
        let Some(ended) = tasks.join_next().await else { break };
        let (at, side, view) = ended.expect("asking a server does not panic");
        views[at] = Some((side, view));
    }
    let (parents, servers): (Vec<_>, Vec<_>) =
        views.into_iter().flatten().partition(|(side, _)| *side == Side::Parent);
    let only = |views: Vec<(Side, ServerView)>| views.into_iter().map(|(_, view)| view).collect();
    (only(parents), only(servers))
}

/// Asks one server for everything, one question after the other.
async fn ask(
    dns: &Dns,
    zone: &Name,
    asked: Asked,
    probes_apart: Duration,
    clock: &Clock,
) -> ServerView {
    let Asked { side, name, address } = asked;
    let mut asking = Asking::new(dns, address);
    let mut view = ServerView { name, address, answers: BTreeMap::new(), probes: Vec::new() };
    let rtypes = match side {
        Side::Parent => &DELEGATION[..],
        Side::Zone => &APEX,
    };
    for rtype in rtypes {
        let query = Query { name: zone.clone(), rtype: *rtype };
        view.answers.insert(*rtype, asking.answer(&query).await);
    }
    if side == Side::Parent {
        return view;
    }
    for pause in [Duration::ZERO, probes_apart] {
        // The name of a zone may be too long for that.
        let Some(name) = zone.child(&random_label()) else { break };
        if asking.gone.is_none() {
            clock.participant().sleep(pause).await;
        }
        let query = Query { name: name.clone(), rtype: Rtype::A };
        let asked_at = clock.now();
        let answer = asking.answer(&query).await;
        view.probes.push(Probe { name, asked_at, answer });
    }
    view
}

/// Questions to one server.
pub(crate) struct Asking<'a> {
    dns: &'a Dns,
    address: IpAddr,
    /// Why there is no way to it. Then it is not asked again: each question would wait for as long.
    gone: Option<String>,
}

impl<'a> Asking<'a> {
    pub(crate) fn new(dns: &'a Dns, address: IpAddr) -> Self {
        Self { dns, address, gone: None }
    }

    async fn answer(&mut self, query: &Query) -> Result<Message, String> {
        self.exchanged(query).await.map(|exchanged| exchanged.message)
    }

    /// What it answers; why it does not.
    pub(crate) async fn exchanged(&mut self, query: &Query) -> Result<Exchanged, String> {
        if let Some(why) = &self.gone {
            return Err(why.clone());
        }
        match self.dns.exchange(self.address, query).await {
            Ok(exchanged) => Ok(exchanged),
            Err(error) => {
                let is_gone = matches!(
                    error,
                    ExchangeError::Timeout { .. }
                        | ExchangeError::Unreachable { .. }
                        | ExchangeError::Proxy { .. }
                        | ExchangeError::NoServer { .. }
                        | ExchangeError::NotRedirected { .. }
                );
                let why = told(error);
                self.gone = is_gone.then(|| why.clone());
                Err(why)
            }
        }
    }
}

/// An error with its reasons, in one line.
fn told(error: impl std::error::Error + Send + Sync + 'static) -> String {
    format!("{:#}", anyhow::Error::from(error))
}

/// A label that nobody can have asked for before.
pub(crate) fn random_label() -> [u8; PROBE_OCTETS] {
    const DIGITS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut octets = [0; PROBE_OCTETS];
    aws_lc_rs::rand::fill(&mut octets).expect("the operating system gives random bytes");
    // That some are a little likelier than others does not matter.
    octets.map(|octet| DIGITS[usize::from(octet) % DIGITS.len()])
}

/// Where no server answers at an IPv6 address, and some do at others, it is our network that has no IPv6: one thing
/// that could not be seen, not one for each server.
fn leave_out_ipv6(view: &mut ZoneView) {
    let has_answered = |server: &ServerView| server.answers.values().any(Result::is_ok);
    let all = || view.parents.iter().chain(&view.servers);
    let (sixes, fours): (Vec<_>, Vec<_>) = all().partition(|server| server.address.is_ipv6());
    let count = sixes.len();
    let is_ours = count > 1
        && fours.iter().any(|server| has_answered(server))
        && !sixes.iter().any(|server| has_answered(server));
    if is_ours {
        view.parents.retain(|server| server.address.is_ipv4());
        view.servers.retain(|server| server.address.is_ipv4());
        view.unseen.push(Unseen {
            what: format!("{count} servers at IPv6 addresses"),
            why: "none of them answers, so this network may have no IPv6".to_owned(),
        });
    }
}
