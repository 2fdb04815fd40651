//! What an authoritative server answers (RFC 1034 §4.3.2, RFC 4035 §3.1, RFC 6672 §3.2).

use countersign_dns::{Name, Query, Rrset, Rtype, SignedRrset};

use super::proof::Denied;
use super::reply::Reply;
use super::zone::{Node, Place, Zone};

/// The answer of a server that has these zones. Signatures and proofs are in it if the zone has them; whether they
/// are sent depends on who asks.
pub fn answer<'a>(zones: impl IntoIterator<Item = &'a Zone>, query: &Query) -> Reply {
    let Some(zone) = zone_for(zones, query) else { return Reply::error(Reply::REFUSED) };
    let mut answering = Answering {
        zone,
        rtype: query.rtype,
        reply: Reply { authoritative: true, ..Reply::error(Reply::NOERROR) },
    };
    let mut name = query.name.clone();
    for _ in 0..LINKS_MAX {
        match answering.look_up(&name) {
            // What another zone says of it is that zone's to say.
            Some(target) if target.is_within(zone.apex()) => name = target,
            Some(_) | None => break,
        }
    }
    answering.reply
}

/// The zone nearest to the name. A DS record belongs to the zone above the one that it leads to (RFC 4035 §3.1.4.1);
/// who does not have that one answers from the zone below.
fn zone_for<'a>(zones: impl IntoIterator<Item = &'a Zone>, query: &Query) -> Option<&'a Zone> {
    let around = zones.into_iter().filter(|zone| query.name.is_within(zone.apex()));
    around.max_by_key(|zone| {
        let is_child_of_ds = query.rtype == Rtype::DS && *zone.apex() == query.name;
        (!is_child_of_ds, zone.apex().label_count())
    })
}

struct Answering<'a> {
    zone: &'a Zone,
    rtype: Rtype,
    reply: Reply,
}

impl Answering<'_> {
    /// Answers for one name; the name to go on with, if this one has another.
    fn look_up(&mut self, name: &Name) -> Option<Name> {
        let zone = self.zone;
        match zone.place(name) {
            Place::Below(cut) => return self.refer(&cut),
            Place::Cut if self.rtype != Rtype::DS => return self.refer(name),
            Place::Cut | Place::Inside => {}
        }
        let above = name.and_above().skip(1).take_while(|above| above.is_within(zone.apex()));
        let dname = above.filter_map(|above| zone.set(&above, Rtype::DNAME)).last();
        if let Some(dname) = dname {
            return self.substitute(name, dname);
        }
        if let Some(node) = zone.nodes().get(name) {
            return self.take(node, name, Denied::Type(name));
        }
        if zone.exists(name) {
            return self.deny(Denied::Type(name));
        }
        let wildcard = zone.wildcard_for(name);
        if let Some(node) = zone.nodes().get(&wildcard) {
            return self.take(node, name, Denied::WildcardType(name));
        }
        if zone.exists(&wildcard) {
            return self.deny(Denied::WildcardType(name));
        }
        self.reply.rcode = Reply::NXDOMAIN;
        self.deny(Denied::Name(name))
    }

    /// What the records of the name, or of the wildcard that stands for it, say.
    fn take(&mut self, node: &Node, name: &Name, denied: Denied<'_>) -> Option<Name> {
        let found: Vec<SignedRrset> = match self.rtype {
            Rtype::ANY => node.values().cloned().collect(),
            Rtype::RRSIG => signatures(node).into_iter().collect(),
            rtype => node.get(&rtype).cloned().into_iter().collect(),
        };
        let alias = node.get(&Rtype::CNAME).filter(|_| found.is_empty());
        if found.is_empty() && alias.is_none() {
            return self.deny(denied);
        }
        for set in found.iter().chain(alias) {
            Reply::add(&mut self.reply.answer, renamed(set, name));
        }
        if let Denied::WildcardType(name) = denied {
            self.prove(Denied::Expanded(name));
        }
        found
            .iter()
            .filter(|set| set.rrset.rtype() == Rtype::NS)
            .for_each(|set| self.addresses(set));
        alias.and_then(|alias| alias.rrset.target())
    }

    /// Leads to the zone below this cut, and says whether that is signed (RFC 4035 §3.1.4).
    fn refer(&mut self, cut: &Name) -> Option<Name> {
        let zone = self.zone;
        // After an alias, AA is about the alias (RFC 1035 §4.1.1).
        self.reply.authoritative = !self.reply.answer.is_empty();
        let servers = zone.set(cut, Rtype::NS).expect("it makes the cut");
        self.reply.authority.push(servers.clone());
        match zone.set(cut, Rtype::DS) {
            Some(ds) => self.reply.proofs.push(ds.clone()),
            None => self.prove(Denied::Ds(cut)),
        }
        self.addresses(servers);
        None
    }

    /// Answers with a DNAME record and the CNAME that is made from it, which has no signature (RFC 6672 §3.1).
    fn substitute(&mut self, name: &Name, dname: &SignedRrset) -> Option<Name> {
        Reply::add(&mut self.reply.answer, dname.clone());
        let to = dname.rrset.target()?;
        let Some(target) = name.substitute(dname.rrset.owner(), &to) else {
            self.reply.rcode = Reply::YXDOMAIN;
            return None;
        };
        let ttl_s = dname.rrset.ttl_s();
        let cname = Rrset::new(name.clone(), Rtype::CNAME, ttl_s, target.wire());
        let rrset = cname.expect("a name is the data of a CNAME record");
        Reply::add(&mut self.reply.answer, SignedRrset { rrset, rrsigs: Vec::new() });
        (self.rtype != Rtype::CNAME).then_some(target)
    }

    /// Says that it is not there (RFC 2308 §2), and proves it.
    fn deny(&mut self, denied: Denied<'_>) -> Option<Name> {
        let ttl_s = self.zone.negative_ttl_s();
        let soa = self.zone.soa();
        let mut short = rebuilt(&soa.rrset, soa.rrset.owner(), ttl_s);
        short.rrsigs.clone_from(&soa.rrsigs);
        self.reply.authority.push(short);
        self.prove(denied);
        None
    }

    fn prove(&mut self, denied: Denied<'_>) {
        for set in self.zone.proof(denied) {
            Reply::add(&mut self.reply.proofs, set);
        }
    }

    /// Adds what addresses of these name servers are known.
    fn addresses(&mut self, servers: &SignedRrset) {
        let names = servers.rrset.rdatas().iter().filter_map(|rdata| Name::from_wire(rdata).ok());
        for name in names {
            let sets = [Rtype::A, Rtype::AAAA].map(|rtype| self.zone.set(&name, rtype));
            self.reply.additional.extend(sets.into_iter().flatten().cloned());
        }
    }
}

/// The signatures of a name as records.
fn signatures(node: &Node) -> Option<SignedRrset> {
    let records = node.values().flat_map(|set| {
        let owner = set.rrset.owner();
        set.rrsigs.iter().map(|rrsig| {
            Rrset::new(owner.clone(), Rtype::RRSIG, set.rrset.ttl_s(), &rrsig.rdata())
                .expect("a signature is the data of an RRSIG record")
        })
    });
    let rrset = records.reduce(|mut all, record| {
        all.add(record);
        all
    })?;
    Some(SignedRrset { rrset, rrsigs: Vec::new() })
}

/// A set as it is told of another owner, with its signatures as they are (RFC 4035 §3.1.3.3).
pub(crate) fn renamed(set: &SignedRrset, owner: &Name) -> SignedRrset {
    SignedRrset { rrsigs: set.rrsigs.clone(), ..rebuilt(&set.rrset, owner, set.rrset.ttl_s()) }
}

/// The same data with another owner and time to live, without signatures.
fn rebuilt(set: &Rrset, owner: &Name, ttl_s: u32) -> SignedRrset {
    let record = |rdata: &Vec<u8>| Rrset::new(owner.clone(), set.rtype(), ttl_s, rdata);
    let mut records = set.rdatas().iter().filter_map(record);
    let mut rrset = records.next().expect("a set has a record, whose data was read before");
    records.for_each(|record| rrset.add(record));
    SignedRrset { rrset, rrsigs: Vec::new() }
}

/// How many aliases are followed. BIND gives up after as many; a resolver asks again for the rest.
const LINKS_MAX: usize = 16;
