//! Asking: every server of the parent about the delegation, every server of the zone about all else.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use countersign_dns::resolution::Resolved;
use countersign_dns::{Message, Name, Query, Rtype};
use countersign_judge::delegation::{Referred, Shown, Topic, Witness};
use countersign_judge::zone::Unseen;
use countersign_net::dns::Exchanged;
use countersign_net::{Clock, Dns};
use tokio::task::JoinSet;

use super::WatchedZone;
use super::way::Way;
use crate::survey::{ADDRESSES_MAX, Asked, Asking, SERVERS_AT_ONCE, Side, addresses};

/// What servers said of one topic.
pub(super) struct Said {
    pub(super) witness: Witness,
    pub(super) shown: Shown,
    /// The answer, read and as it came.
    pub(super) message: Message,
    pub(super) bytes: Vec<u8>,
}

/// All that was said from one vantage.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) said: BTreeMap<Topic, Vec<Said>>,
    pub(super) unseen: Vec<Unseen>,
}

/// Asks all servers.
pub(super) async fn gather(zone: &WatchedZone, way: &Way, clock: &Clock) -> Gathered {
    let mut gathered = Gathered::default();
    let name = zone.name();
    let parents = way.parents(name, clock, &mut gathered.unseen).await;
    let delegation = [Rtype::DS, Rtype::NS].map(|rtype| Topic::parent(name.clone(), rtype));
    let told = ask_all(&way.dns, parents, &delegation).await;
    let mut lost = Lost::new(&told);
    for (asked, answers) in &told {
        gathered.take(name, way, asked, answers, &mut lost);
    }
    let mut servers = addresses(&way.dns, name, Side::Zone, &mut gathered.unseen).await;
    let more = others(&way.dns, &servers, &told, &mut gathered.unseen).await;
    servers.extend(more);
    if servers.len() > ADDRESSES_MAX {
        let what = format!("{} more servers of {name}", servers.len() - ADDRESSES_MAX);
        gathered.unseen.push(Unseen { what, why: "there are too many".to_owned() });
        servers.truncate(ADDRESSES_MAX);
    }
    let apex = [Rtype::DNSKEY, Rtype::NS, Rtype::CDS, Rtype::CDNSKEY];
    let mut topics: Vec<_> =
        apex.into_iter().map(|rtype| Topic::zone(name.clone(), rtype)).collect();
    topics.extend(zone.topics.iter().cloned());
    let told = ask_all(&way.dns, servers, &topics).await;
    lost.add(&told);
    for (asked, answers) in &told {
        gathered.take(name, way, asked, answers, &mut lost);
    }
    gathered
}

/// What one server answered about each topic.
type Answers = BTreeMap<Topic, Result<Exchanged, String>>;

/// Whether our network has no IPv6.
struct Lost {
    sixes: usize,
    sixes_answered: usize,
    fours_answered: usize,
}

impl Lost {
    fn new(told: &[(Asked, Answers)]) -> Self {
        let mut lost = Self { sixes: 0, sixes_answered: 0, fours_answered: 0 };
        lost.add(told);
        lost
    }

    fn add(&mut self, told: &[(Asked, Answers)]) {
        for (asked, answers) in told {
            let answered = usize::from(answers.values().any(Result::is_ok));
            match asked.address.is_ipv6() {
                true => {
                    self.sixes += 1;
                    self.sixes_answered += answered;
                }
                false => self.fours_answered += answered,
            }
        }
    }

    fn leaves_out(&self, address: IpAddr) -> bool {
        address.is_ipv6() && self.sixes_answered == 0 && self.fours_answered > 0
    }
}

impl Gathered {
    fn take(&mut self, zone: &Name, way: &Way, asked: &Asked, answers: &Answers, lost: &mut Lost) {
        if lost.leaves_out(asked.address) {
            return;
        }
        let witness = Witness {
            vantage: way.vantage.clone(),
            server: asked.name.clone(),
            address: asked.address,
        };
        let mut failed: Option<(usize, String)> = None;
        let mut fail = |why: String| match &mut failed {
            Some((count, _)) => *count += 1,
            None => failed = Some((1, why)),
        };
        for (topic, answer) in answers {
            let exchanged = match answer {
                Ok(exchanged) => exchanged,
                Err(why) => {
                    fail(why.clone());
                    continue;
                }
            };
            let topic = topic.of_answer(&exchanged.message);
            match Shown::of(&topic, zone, &exchanged.message) {
                Ok(shown) => {
                    if topic == Topic::parent(zone.clone(), Rtype::NS) {
                        let Referred { glue, left_out } = Shown::referred(zone, &exchanged.message);
                        for (glue, shown) in glue {
                            self.add(glue, &witness, shown, exchanged);
                        }
                        if left_out > 0 {
                            fail(format!("glue of {left_out} more servers: there are too many"));
                        }
                    }
                    self.add(topic, &witness, shown, exchanged);
                }
                Err(why) => fail(format!("{} of {}: {why}", topic.rtype, topic.name)),
            }
        }
        // What a server does not say is told once, however much it is.
        if let Some((count, why)) = failed {
            let why = if count > 1 { format!("{why} ({count} questions)") } else { why };
            self.unseen.push(Unseen { what: format!("{witness}"), why });
        }
    }

    fn add(&mut self, topic: Topic, witness: &Witness, shown: Shown, exchanged: &Exchanged) {
        self.said.entry(topic).or_default().push(Said {
            witness: witness.clone(),
            shown,
            message: exchanged.message.clone(),
            bytes: exchanged.bytes.clone(),
        });
    }
}

/// Servers that only some servers of the parent name: the counting of servers asked one of them. Those that cannot be
/// asked are noted.
async fn others(
    dns: &Dns,
    known: &[Asked],
    told: &[(Asked, Answers)],
    unseen: &mut Vec<Unseen>,
) -> Vec<Asked> {
    let (mut found, mut missed) = (Vec::<Asked>::new(), BTreeSet::new());
    let referrals =
        told.iter().flat_map(|(_, answers)| answers.iter()).filter_map(|(topic, answer)| {
            match answer {
                Ok(exchanged) if topic.rtype == Rtype::NS => Some(&exchanged.message),
                Ok(_) | Err(_) => None,
            }
        });
    for message in referrals {
        let sets = message.authority.iter().filter(|set| set.rrset.rtype() == Rtype::NS);
        let names = sets.flat_map(|set| set.rrset.rdatas());
        for name in names.filter_map(|rdata| Name::from_wire(rdata).ok()) {
            let is_known = known.iter().chain(&found).any(|asked| asked.name == name);
            if is_known || missed.contains(&name) {
                continue;
            }
            let addresses = match found.len() < OTHERS_MAX {
                true => addresses_of(dns, &name, message).await,
                false => Vec::new(),
            };
            if addresses.is_empty() {
                missed.insert(name);
                continue;
            }
            for address in addresses {
                found.push(Asked { side: Side::Zone, name: name.clone(), address });
            }
        }
    }
    if let Some(name) = missed.first() {
        let what = format!("the server {name}, which only some servers of the parent name");
        let why = match missed.len() - 1 {
            0 => "it has no address, or there are too many others".to_owned(),
            more => format!("it has no address, or there are too many others; and {more} more"),
        };
        unseen.push(Unseen { what, why });
    }
    found
}

/// The addresses that a referral gives for a server; else those that are found.
async fn addresses_of(dns: &Dns, name: &Name, referral: &Message) -> Vec<IpAddr> {
    let glue = addresses_in(name, &referral.additional);
    if !glue.is_empty() {
        return glue;
    }
    let query = Query { name: name.clone(), rtype: Rtype::A };
    match dns.resolve(&query).await {
        Resolved::Answer(answer) => addresses_in(name, &answer.message.answer),
        Resolved::Failed(_) => Vec::new(),
    }
}

fn addresses_in(name: &Name, sets: &[countersign_dns::SignedRrset]) -> Vec<IpAddr> {
    let own = sets.iter().filter(|set| set.rrset.owner() == name);
    let rdatas =
        own.flat_map(|set| set.rrset.rdatas().iter().map(|rdata| (set.rrset.rtype(), rdata)));
    let address = |(rtype, rdata): (Rtype, &Vec<u8>)| match rtype {
        Rtype::A => {
            <[u8; 4]>::try_from(&rdata[..]).ok().map(|octets| Ipv4Addr::from(octets).into())
        }
        Rtype::AAAA => {
            <[u8; 16]>::try_from(&rdata[..]).ok().map(|octets| Ipv6Addr::from(octets).into())
        }
        _ => None,
    };
    rdatas.filter_map(address).collect()
}

/// Asks all servers, some at a time, each one question after the other.
async fn ask_all(dns: &Dns, servers: Vec<Asked>, topics: &[Topic]) -> Vec<(Asked, Answers)> {
    let total = servers.len();
    let mut waiting: VecDeque<(usize, Asked)> = servers.into_iter().enumerate().collect();
    let mut told: Vec<Option<(Asked, Answers)>> = (0..total).map(|_| None).collect();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < SERVERS_AT_ONCE {
            let Some((at, asked)) = waiting.pop_front() else { break };
            let (dns, topics) = (dns.clone(), topics.to_vec());
            tasks.spawn(async move {
                let mut asking = Asking::new(&dns, asked.address);
                let mut answers = Answers::new();
                for topic in topics {
                    let query = Query { name: topic.name.clone(), rtype: topic.rtype };
                    answers.insert(topic, asking.exchanged(&query).await);
                }
                (at, asked, answers)
            });
        }
        let Some(ended) = tasks.join_next().await else { break };
        let (at, asked, answers) = ended.expect("asking a server does not panic");
        told[at] = Some((asked, answers));
    }
    told.into_iter().flatten().collect()
}

/// More servers than any parent adds at once.
const OTHERS_MAX: usize = 16;
