//! What is expected of delegations: `[[zone]]`.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_dns::{Ds, Name, Rtype, zone_text};
use countersign_judge::delegation::{Basis, Expected, Plan, Shown, Topic, is_challenge};
use countersign_judge::zone::Side;
use countersign_monitor::WatchedZone;
use countersign_net::{Route, Vantage};
use toml::Spanned;

use super::file::File;
use super::period::Period;
use super::settings::{period, seconds, unplaced, vantage_of};
use super::spec::zone as spec;
use crate::failure::Failure;

/// A zone that is watched.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(crate) name: Name,
    pub(crate) learn: bool,
    /// Data of DS records: what there is, and what is to come.
    ds: Option<Vec<Vec<u8>>>,
    next_ds: Option<Vec<Vec<u8>>>,
    zsks: Vec<Ds>,
    ns: Option<Vec<Server>>,
    next_ns: Option<Vec<Server>>,
    names: Vec<Name>,
    every: Duration,
    pub(crate) vantages: Vec<String>,
    resolvers: Vec<SocketAddr>,
    records: Vec<Record>,
}

/// A name server.
#[derive(Clone, Debug)]
struct Server {
    name: Name,
    /// What the parent gives as its addresses; empty if nobody says.
    addresses: Vec<IpAddr>,
}

/// Records of one name and type.
#[derive(Clone, Debug)]
struct Record {
    name: Name,
    rtype: Rtype,
    rdatas: Vec<Vec<u8>>,
}

/// Checks what the file says.
pub(super) fn zones(
    specs: &[spec::Zone],
    vantages: &[Vantage],
    vantage: &str,
    file: &File,
) -> Result<Vec<Zone>, Failure> {
    if specs.len() > ZONES_MAX {
        return Err(file.failure(format!("more than {ZONES_MAX} zones")));
    }
    let (mut zones, mut seen) = (Vec::new(), HashSet::new());
    for spec in specs {
        let zone = Zone::new(spec, vantages, vantage, file)?;
        if !seen.insert(zone.name.clone()) {
            return Err(file.failure_at(&spec.name, format!("{} is watched twice", zone.name)));
        }
        zones.push(zone);
    }
    Ok(zones)
}

impl Zone {
    fn new(
        spec: &spec::Zone,
        all_vantages: &[Vantage],
        vantage: &str,
        file: &File,
    ) -> Result<Self, Failure> {
        let name = file.checked(&spec.name, name)?;
        if name.is_root() {
            return Err(file.failure_at(&spec.name, "the root is delegated by nobody"));
        }
        let ds = |texts: &Option<Vec<Spanned<String>>>| -> Result<Option<Vec<Vec<u8>>>, Failure> {
            let Some(texts) = texts else { return Ok(None) };
            let data = texts.iter().map(|text| data(text, &name, Rtype::DS, file));
            data.collect::<Result<_, _>>().map(Some)
        };
        let servers =
            |texts: &Option<Vec<Spanned<String>>>| -> Result<Option<Vec<Server>>, Failure> {
                let Some(texts) = texts else { return Ok(None) };
                texts
                    .iter()
                    .map(|text| file.checked(text, server))
                    .collect::<Result<_, _>>()
                    .map(Some)
            };
        for (next, now, key) in [(&spec.next_ds, &spec.ds, "ds"), (&spec.next_ns, &spec.ns, "ns")] {
            if next.is_some() && now.is_none() {
                let why = format!("`next-{key}` needs `{key}`: what it is to replace");
                return Err(file.failure_at(&spec.name, why));
            }
        }
        let learn = spec.learn.unwrap_or(false);
        if !learn && spec.ds.is_none() && spec.ns.is_none() && spec.record.is_empty() {
            let why =
                format!("nothing is expected of {name}, so that no change of it would be told");
            let hint = "declare `ds` and `ns` as they are, or set learn = true to expect what is seen first";
            return Err(file.failure_at(&spec.name, why).hint(hint));
        }
        let zsks = spec.zsk.iter().map(|text| {
            let data = data(text, &name, Rtype::DS, file)?;
            Ds::from_rdata(&data)
                .ok_or_else(|| file.failure_at(text, "not the data of a DS record"))
        });
        let zsks = zsks.collect::<Result<_, _>>()?;
        let names = match &spec.names {
            None => vec![name.clone()],
            Some(texts) => {
                texts.iter().map(|text| within(text, &name, file)).collect::<Result<_, _>>()?
            }
        };
        let records = spec.record.iter().map(|record| Record::new(record, &name, file));
        let vantages = match &spec.vantages {
            None => vec![carries_dns(&spec.name, vantage, all_vantages, file)?],
            Some(names) => names
                .iter()
                .map(|name| {
                    carries_dns(name, &vantage_of(name, all_vantages, file)?, all_vantages, file)
                })
                .collect::<Result<_, _>>()?,
        };
        let resolvers = spec.resolvers.iter().map(|text| file.checked(text, resolver));
        Ok(Self {
            learn,
            ds: ds(&spec.ds)?,
            next_ds: ds(&spec.next_ds)?,
            zsks,
            ns: servers(&spec.ns)?,
            next_ns: servers(&spec.next_ns)?,
            names,
            every: period(&spec.every, EVERY, &EVERY_RANGE, file)?,
            vantages,
            resolvers: resolvers.collect::<Result<_, _>>()?,
            records: records.collect::<Result<_, _>>()?,
            name,
        })
    }

    /// As the monitor takes it.
    pub(crate) fn watched(&self) -> WatchedZone {
        let mut topics: Vec<Topic> = self.names.iter().flat_map(WatchedZone::topics_of).collect();
        for record in &self.records {
            // Where a name leads is seen with any question about it.
            let rtype = match record.rtype {
                Rtype::CNAME | Rtype::NS => Rtype::TXT,
                other => other,
            };
            topics.push(Topic::zone(record.name.clone(), rtype));
        }
        topics.sort();
        topics.dedup();
        WatchedZone {
            expected: self.expected(&topics),
            learn: self.learn,
            topics,
            every: self.every,
            vantages: self.vantages.clone(),
            resolvers: self.resolvers.clone(),
        }
    }

    fn expected(&self, topics: &[Topic]) -> Expected {
        let mut plans = BTreeMap::new();
        if let Some(ds) = &self.ds {
            let next = self.next_ds.clone().map(Shown::records);
            let plan = Plan::declared(&Shown::records(ds.clone()), next.as_ref());
            plans.insert(Topic::parent(self.name.clone(), Rtype::DS), plan);
        }
        if let Some(ns) = &self.ns {
            let shown = |servers: &[Server]| {
                Shown::records(servers.iter().map(|server| server.name.wire().to_vec()))
            };
            let plan = Plan::declared(&shown(ns), self.next_ns.as_deref().map(shown).as_ref());
            for side in [Side::Parent, Side::Zone] {
                let topic = Topic { side, name: self.name.clone(), rtype: Rtype::NS };
                plans.insert(topic, plan.clone());
            }
            self.expect_glue(ns, &mut plans);
        }
        let mut expect = |topic: &Topic, shown: Shown| {
            plans.insert(topic.clone(), Plan::declared(&shown, None));
        };
        for topic in topics {
            // Nobody has to declare that nobody else decides who gets certificates.
            if is_challenge(&topic.name) && !self.learn {
                expect(topic, Shown::None);
            }
        }
        for Record { name, rtype, rdatas } in &self.records {
            let names = || rdatas.iter().filter_map(|rdata| Name::from_wire(rdata).ok());
            for topic in topics {
                match *rtype {
                    Rtype::CNAME if topic.name == *name => {
                        expect(topic, names().next().map_or(Shown::None, Shown::Alias));
                    }
                    Rtype::NS if topic.name.is_within(name) => {
                        expect(
                            topic,
                            Shown::Delegated { zone: name.clone(), servers: names().collect() },
                        );
                    }
                    other if topic.name == *name && topic.rtype == other => {
                        expect(topic, Shown::records(rdatas.clone()));
                    }
                    _ => {}
                }
            }
        }
        Expected { zone: self.name.clone(), plans, zsks: self.zsks.clone() }
    }

    /// The addresses of name servers, where they are declared.
    fn expect_glue(&self, ns: &[Server], plans: &mut BTreeMap<Topic, Plan>) {
        let next = self.next_ns.as_deref().unwrap_or_default();
        let declared = ns.iter().chain(next).filter(|server| !server.addresses.is_empty());
        for server in declared {
            for rtype in [Rtype::A, Rtype::AAAA] {
                let shown = Shown::records(server.addresses.iter().filter_map(|address| {
                    match (address, rtype) {
                        (IpAddr::V4(address), Rtype::A) => Some(address.octets().to_vec()),
                        (IpAddr::V6(address), Rtype::AAAA) => Some(address.octets().to_vec()),
                        _ => None,
                    }
                }));
                let topic = Topic::parent(server.name.clone(), rtype);
                let plan = plans
                    .entry(topic)
                    .or_insert(Plan { accepted: Vec::new(), basis: Basis::Declared });
                if !plan.accepts(&shown) {
                    plan.accepted.push(shown);
                }
            }
        }
    }

    /// The table that would say all of this.
    pub(super) fn spec(&self) -> spec::Zone {
        let texts = |texts: Vec<String>| -> Vec<Spanned<String>> {
            texts.into_iter().map(unplaced).collect()
        };
        let ds = |rdatas: &Option<Vec<Vec<u8>>>| {
            let rdatas = rdatas.as_ref()?;
            let text = |rdata: &Vec<u8>| zone_text::presentation(Rtype::DS, rdata);
            Some(texts(rdatas.iter().map(text).collect()))
        };
        let ns = |servers: &Option<Vec<Server>>| {
            Some(texts(servers.as_ref()?.iter().map(ToString::to_string).collect()))
        };
        let zsks = self.zsks.iter().map(|ds| zone_text::presentation(Rtype::DS, &ds.rdata()));
        spec::Zone {
            name: unplaced(self.name.to_string()),
            learn: Some(self.learn),
            ds: ds(&self.ds),
            next_ds: ds(&self.next_ds),
            zsk: texts(zsks.collect()),
            ns: ns(&self.ns),
            next_ns: ns(&self.next_ns),
            names: Some(texts(self.names.iter().map(ToString::to_string).collect())),
            every: Some(unplaced(Period(self.every))),
            vantages: Some(texts(self.vantages.clone())),
            resolvers: texts(self.resolvers.iter().map(ToString::to_string).collect()),
            record: self.records.iter().map(Record::spec).collect(),
        }
    }
}

impl Record {
    fn new(spec: &spec::Record, zone: &Name, file: &File) -> Result<Self, Failure> {
        let name = within(&spec.name, zone, file)?;
        let rtype = file.checked(&spec.r#type, |text| {
            text.parse::<Rtype>().map_err(|_| format!("no record type is called {text:?}"))
        })?;
        let rdatas = spec.data.iter().map(|text| data(text, &name, rtype, file));
        let rdatas: Vec<_> = rdatas.collect::<Result<_, _>>()?;
        if rtype == Rtype::CNAME && rdatas.len() > 1 {
            return Err(file.failure_at(&spec.name, "a name is an alias of one other at most"));
        }
        Ok(Self { name, rtype, rdatas })
    }

    fn spec(&self) -> spec::Record {
        let data = self.rdatas.iter().map(|rdata| zone_text::presentation(self.rtype, rdata));
        spec::Record {
            name: unplaced(self.name.to_string()),
            r#type: unplaced(self.rtype.to_string()),
            data: data.map(unplaced).collect(),
        }
    }
}

/// `ns1.xmpp.example. 192.0.2.1 2001:db8::1`.
impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.name)?;
        self.addresses.iter().try_for_each(|address| write!(f, " {address}"))
    }
}

fn name(text: &str) -> Result<Name, String> {
    text.parse().map_err(|_| format!("{text:?} is no domain name"))
}

fn within(text: &Spanned<String>, zone: &Name, file: &File) -> Result<Name, Failure> {
    let name = file.checked(text, name)?;
    match name.is_within(zone) {
        true => Ok(name),
        false => Err(file.failure_at(text, format!("{name} is not in the zone {zone}"))),
    }
}

fn server(text: &str) -> Result<Server, String> {
    let mut parts = text.split_ascii_whitespace();
    let name = name(parts.next().unwrap_or_default())?;
    let address = |text: &str| {
        text.parse::<IpAddr>().map_err(|_| format!("{text:?} is not the address of a server"))
    };
    Ok(Server { name, addresses: parts.map(address).collect::<Result<_, _>>()? })
}

/// The data of one record, from how it stands in a zone file.
fn data(
    text: &Spanned<String>,
    owner: &Name,
    rtype: Rtype,
    file: &File,
) -> Result<Vec<u8>, Failure> {
    file.checked(text, |text| {
        let why = || format!("{text:?} is not the data of a record of type {rtype}");
        // One line, one record.
        if text.contains(|character: char| character.is_control()) {
            return Err(why());
        }
        let line = format!("{owner} 300 IN {rtype} {text}");
        let sets = zone_text::records(&line, &Name::root()).map_err(|_| why())?;
        match &sets[..] {
            [only] if only.rtype() == rtype && only.owner() == owner => {
                Ok(only.rdatas()[0].clone())
            }
            _ => Err(why()),
        }
    })
}

fn resolver(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT));
    let address = address.or_else(|_| text.parse());
    address.map_err(|_| format!("{text:?} is not the address of a resolver"))
}

/// The vantage, if DNS servers can be asked from it.
fn carries_dns(
    place: &Spanned<String>,
    name: &str,
    vantages: &[Vantage],
    file: &File,
) -> Result<String, Failure> {
    let vantage = vantages.iter().find(|vantage| vantage.name == name);
    if matches!(vantage.map(|vantage| &vantage.route), Some(Route::HttpProxy { .. })) {
        let why = format!("vantage {name:?} is behind an HTTP proxy, which carries no DNS");
        return Err(file.failure_at(place, why).hint("name others in `vantages`"));
    }
    Ok(name.to_owned())
}

/// A lost packet costs nothing, and a swap that is over sooner gets no certificate: authorities ask twice, from several
/// places, and cache for minutes.
const EVERY: Duration = Duration::from_secs(10 * 60);
const EVERY_RANGE: RangeInclusive<Period> = seconds(60, 86_400);
/// A hoster's. One look at each in ten minutes is two a second.
const ZONES_MAX: usize = 10_000;
/// RFC 1035 §4.2.
const DNS_PORT: u16 = 53;
