//! One look at a zone: what is said from each vantage, put together and verified.

use std::collections::BTreeMap;

use countersign_dns::proof::Proof;
use countersign_dns::walk::{self, Reply, Walked};
use countersign_dns::{Message, Query, Rrsig, Rtype};
use countersign_judge::delegation::{
    Before, Piece, ResolverView, Shown, Snapshot, Topic, Trust, View, until,
};
use countersign_judge::zone::{Side, Unseen};
use countersign_net::Clock;
use jiff::Timestamp;

use super::WatchedZone;
use super::gather::{Gathered, Said, gather};
use super::way::Way;

/// Looks at a zone from these vantages. Of what is known already no new proof is made.
pub async fn look(
    zone: &WatchedZone,
    ways: &[Way],
    walk: &walk::Settings,
    before: &Before,
    clock: &Clock,
) -> Snapshot {
    let mut looking = Looking {
        zone,
        walk,
        before,
        now: clock.now(),
        views: BTreeMap::new(),
        unseen: Vec::new(),
    };
    for way in ways {
        let gathered = gather(zone, way, clock).await;
        // All that was signed while we asked is valid now.
        looking.now = clock.now();
        looking.take(way, gathered, clock).await;
    }
    let resolvers = match ways.first() {
        Some(way) => looking.resolvers(way).await,
        None => Vec::new(),
    };
    looking.miss();
    let Looking { now: at, views, unseen, .. } = looking;
    Snapshot { zone: zone.name().clone(), at, views, unseen, resolvers }
}

struct Looking<'a> {
    zone: &'a WatchedZone,
    walk: &'a walk::Settings,
    before: &'a Before,
    now: Timestamp,
    views: BTreeMap<Topic, Vec<View>>,
    unseen: Vec<Unseen>,
}

/// What several servers said with the same records and signatures.
struct Same {
    first: Said,
    others: Vec<Said>,
}

/// The answers that lead down to the keys of the zone: its DS records, its keys.
#[derive(Clone, Default)]
struct Chain {
    ds: Option<Message>,
    keys: Option<Message>,
}

impl Looking<'_> {
    /// Verifies what was said from one vantage, and puts it to what was said from others.
    async fn take(&mut self, way: &Way, gathered: Gathered, clock: &Clock) {
        self.unseen.extend(gathered.unseen);
        let mut said = gathered.said;
        let mut known = way.replies(clock);
        let (ds, keys) = (
            Topic::parent(self.zone.name().clone(), Rtype::DS),
            Topic::zone(self.zone.name().clone(), Rtype::DNSKEY),
        );
        // Down the chain first: two DS sets, or two sets of keys, are two chains, and what is below is held against each.
        let mut chains = vec![Chain::default()];
        for topic in [ds, keys] {
            let groups = grouped(said.remove(&topic).unwrap_or_default(), &topic);
            let mut longer = Vec::new();
            for same in groups {
                let (walked, chain) = self.walked(way, &topic, &same, &chains, &mut known).await;
                longer.push((chain.with(&topic, &same.first.message), is_secure(&walked)));
                self.see(way, &topic, same, Some(&walked));
            }
            // Where none holds there is no better one than the first.
            if longer.iter().any(|(_, is_secure)| *is_secure) {
                longer.retain(|(_, is_secure)| *is_secure);
            }
            longer.truncate(CHAINS_MAX);
            if !longer.is_empty() {
                chains = longer.into_iter().map(|(chain, _)| chain).collect();
            }
        }
        for (topic, said) in said {
            for same in grouped(said, &topic) {
                let is_signed = !is_unsigned(&topic, &same.first.shown);
                let walked = match is_signed {
                    true => Some(self.walked(way, &topic, &same, &chains, &mut known).await.0),
                    false => None,
                };
                self.see(way, &topic, same, walked.as_ref());
            }
        }
        way.learn(self.zone.name(), &known, clock);
    }

    /// Walks to what was said, by way of each chain until one holds.
    async fn walked(
        &self,
        way: &Way,
        topic: &Topic,
        same: &Same,
        chains: &[Chain],
        known: &mut BTreeMap<Query, Reply>,
    ) -> (Walked, Chain) {
        let query = question(topic, &same.first.shown);
        let mut last = None;
        for chain in chains {
            // What was said here is for this walk alone; what was asked on the way serves the next ones, too.
            let mut replies = known.clone();
            let zone = self.zone.name();
            let of_chain = [(Rtype::DS, &chain.ds), (Rtype::DNSKEY, &chain.keys)];
            let of_chain = of_chain.into_iter().filter_map(|(rtype, message)| {
                Some((Query { name: zone.clone(), rtype }, message.clone()?))
            });
            let own = (query.clone(), same.first.message.clone());
            for (query, message) in of_chain.chain([own]) {
                replies.insert(query, Reply::Answer(Box::new(message)));
            }
            let walked = way.dns.walk(query.clone(), self.walk, self.now, &mut replies).await;
            replies.retain(|query, _| zone.is_below(&query.name));
            known.extend(replies);
            if is_secure(&walked) {
                return (walked, chain.clone());
            }
            last.get_or_insert((walked, chain.clone()));
        }
        last.expect("there is at least one chain")
    }

    /// Puts what was said to the views of the topic.
    fn see(&mut self, way: &Way, topic: &Topic, same: Same, walked: Option<&Walked>) {
        let Same { first, others } = same;
        let (trust, why) = match walked.and_then(|walked| walked.hops.first()) {
            Some(hop) => (Trust::from(&hop.security), reason(&hop.security)),
            None => (Trust::Unsigned, String::new()),
        };
        if trust == Trust::Unknown {
            let what = format!("whether {topic} can be relied on, from {}", way.vantage);
            self.unseen.push(Unseen { what, why: why.clone() });
        }
        let is_known = self.before.known.get(topic).is_some_and(|known| {
            known.shown == first.shown
                && known.trust == trust
                && known.until.is_none_or(|until| until > self.now)
        });
        let pieces = match is_known {
            // Proofs are large, and of this there is one.
            true => Vec::new(),
            false => vec![self.piece(topic, &first, walked, trust)],
        };
        let witnesses = std::iter::once(first.witness.clone())
            .chain(others.into_iter().map(|said| said.witness))
            .collect();
        let view = View {
            ttl_s: ttl_s(topic, &first.message),
            valid: walked.and_then(|walked| until(walked, self.now)),
            shown: first.shown,
            witnesses,
            trust,
            why,
            pieces,
        };
        let views = self.views.entry(topic.clone()).or_default();
        let has_room = views.len() < VIEWS_MAX;
        match views.iter_mut().find(|known| known.shown == view.shown) {
            Some(known) => known.join(view),
            None if has_room => views.push(view),
            // Whoever makes up so many has been found out; whether one of these is worse nobody has seen.
            None => {
                let what = format!("what else is shown of {topic}, from {}", way.vantage);
                self.unseen.push(Unseen { what, why: "there is too much of it".to_owned() });
            }
        }
    }

    /// A delegation that was shown and is not any more, although all answer, is hidden: servers of the parent have begun
    /// to answer from below.
    fn miss(&mut self) {
        let ns = Topic::parent(self.zone.name().clone(), Rtype::NS);
        let is_hidden = self.before.known.contains_key(&ns) && !self.views.contains_key(&ns);
        if is_hidden && self.unseen.is_empty() {
            let why = "all servers of the parent answer from the zone itself".to_owned();
            self.unseen.push(Unseen { what: ns.to_string(), why });
        }
    }

    /// What shows it to others: a proof, or where there is none the answer.
    fn piece(&self, topic: &Topic, said: &Said, walked: Option<&Walked>, trust: Trust) -> Piece {
        let query = question(topic, &said.shown);
        let is_proved = matches!(trust, Trust::Secure | Trust::Insecure);
        let proof = walked
            .filter(|_| is_proved)
            .and_then(|walked| Proof::of(&query, walked, self.walk, self.now));
        match proof {
            Some(proof) => Piece { label: "proof".to_owned(), bytes: proof.to_bytes() },
            None => Piece { label: "answer".to_owned(), bytes: said.bytes.clone() },
        }
    }

    /// What resolvers say of the delegation and of who may issue certificates.
    async fn resolvers(&mut self, way: &Way) -> Vec<ResolverView> {
        let name = self.zone.name();
        let topics = [
            Topic::parent(name.clone(), Rtype::DS),
            Topic::zone(name.clone(), Rtype::NS),
            Topic::zone(name.clone(), Rtype::CAA),
        ];
        let mut views = Vec::new();
        for resolver in &self.zone.resolvers {
            let mut view = ResolverView { resolver: resolver.to_string(), shown: BTreeMap::new() };
            for topic in topics.iter().filter(|topic| self.views.contains_key(topic)) {
                let query = Query { name: topic.name.clone(), rtype: topic.rtype };
                match way.dns.ask_upstream(*resolver, &query).await {
                    Ok(exchanged) => {
                        let shown = Shown::resolved(topic, &exchanged.message);
                        let shown = shown.map_err(|why| why.to_string());
                        view.shown.insert(topic.clone(), shown);
                    }
                    Err(why) => {
                        let what = format!("what the resolver {resolver} says");
                        self.unseen.push(Unseen { what, why: why.to_string() });
                        break;
                    }
                }
            }
            views.push(view);
        }
        views
    }
}

impl Chain {
    fn with(mut self, topic: &Topic, message: &Message) -> Self {
        match topic.side {
            Side::Parent => self.ds = Some(message.clone()),
            Side::Zone => self.keys = Some(message.clone()),
        }
        self
    }
}

/// Puts together what needs to be verified only once.
fn grouped(said: Vec<Said>, topic: &Topic) -> Vec<Same> {
    let mut groups: Vec<Same> = Vec::new();
    for said in said {
        let shows_it = |same: &&mut Same| same.first.shown == said.shown;
        let is_signed_alike =
            |same: &&mut Same| rrsigs(topic, &same.first.message) == rrsigs(topic, &said.message);
        let is_full = groups.len() >= WALKS_MAX;
        let same = match groups.iter_mut().filter(shows_it).find(is_signed_alike) {
            // Signed anew for each question. That one of them is stale the others do not hide for ever.
            None if is_full => groups.iter_mut().rfind(shows_it),
            same => same,
        };
        match same {
            Some(same) => same.others.push(said),
            // What nobody else has shown has room always: there is no more of it than there are servers.
            None => groups.push(Same { first: said, others: Vec::new() }),
        }
    }
    groups
}

/// The signatures over what was asked for. Over a denial there are several, which move with the serial number.
fn rrsigs<'a>(topic: &Topic, message: &'a Message) -> Option<&'a [Rrsig]> {
    let sets = message.answer.iter();
    let mut own =
        sets.filter(|set| *set.rrset.owner() == topic.name && set.rrset.rtype() == topic.rtype);
    own.next().map(|set| &set.rrsigs[..])
}

/// The question that an answer is walked to. An alias is what is there: where it leads is another zone's business.
fn question(topic: &Topic, shown: &Shown) -> Query {
    let rtype = match shown {
        Shown::Alias(_) => Rtype::CNAME,
        Shown::Records(_) | Shown::Delegated { .. } | Shown::None => topic.rtype,
    };
    Query { name: topic.name.clone(), rtype }
}

/// Whether it is never signed: a referral, and the glue beside it (RFC 4035 §2.2).
fn is_unsigned(topic: &Topic, shown: &Shown) -> bool {
    topic.side == Side::Parent && topic.rtype != Rtype::DS
        || matches!(shown, Shown::Delegated { .. })
}

fn is_secure(walked: &Walked) -> bool {
    walked.hops.first().is_some_and(|hop| Trust::from(&hop.security) == Trust::Secure)
}

fn reason(security: &countersign_dns::Security) -> String {
    match Trust::from(security) {
        Trust::Secure => String::new(),
        Trust::Insecure | Trust::Bogus | Trust::Unknown | Trust::Unsigned => security.to_string(),
    }
}

/// How long the records may be kept.
fn ttl_s(topic: &Topic, message: &Message) -> Option<u32> {
    let sets = match (topic.side, topic.rtype) {
        (Side::Parent, Rtype::NS) => &message.authority,
        (Side::Parent, Rtype::A | Rtype::AAAA) => &message.additional,
        (Side::Parent | Side::Zone, _) => &message.answer,
    };
    let mut own = sets
        .iter()
        .filter(|set| *set.rrset.owner() == topic.name && set.rrset.rtype() == topic.rtype);
    own.next().map(|set| set.rrset.ttl_s())
}

/// Chains that are followed: what two coerced parties could make up, and the true one.
const CHAINS_MAX: usize = 4;
/// Different signatures over the same records that are verified: two for each of a handful of signers.
const WALKS_MAX: usize = 8;
/// Different things that may be shown of one topic.
const VIEWS_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use countersign_dns::{Rrset, SignedRrset, zone_text};
    use countersign_judge::delegation::Witness;

    use super::*;

    #[test]
    fn whoever_signs_for_each_question_hides_nothing_else() {
        let topic = Topic::zone("a.example".parse().expect("a name"), Rtype::CAA);
        let said = |number: u8, authority: &str| {
            let text = format!("@ CAA 0 issue \"{authority}\"");
            let rrset: Rrset =
                zone_text::records(&text, &topic.name).expect("it is a zone file").remove(0);
            let rrsig = Rrsig {
                type_covered: Rtype::CAA,
                algorithm: 13,
                labels: 2,
                original_ttl_s: 60,
                expiration: 2,
                inception: 1,
                key_tag: 1,
                signer: topic.name.clone(),
                signature: vec![number],
            };
            let shown = Shown::records(rrset.rdatas().to_vec());
            let set = SignedRrset { rrset, rrsigs: vec![rrsig] };
            let witness = Witness {
                vantage: "direct".to_owned(),
                server: "ns.example".parse().expect("a name"),
                address: std::net::Ipv4Addr::new(192, 0, 2, number).into(),
            };
            let message = Message::authoritative(vec![set], Vec::new());
            Said { witness, shown, message, bytes: Vec::new() }
        };
        let mut all: Vec<_> = (0..10).map(|number| said(number, "ca.example")).collect();
        all.extend([said(10, "mallory.example"), said(11, "ca.example")]);
        let groups = grouped(all, &topic);
        for same in &groups {
            assert!(same.others.iter().all(|other| other.shown == same.first.shown));
        }
        let sizes: Vec<_> = groups.iter().map(|same| 1 + same.others.len()).collect();
        assert_eq!(sizes, [1, 1, 1, 1, 1, 1, 1, 4, 1]);
    }
}
