//! Hickory's validator, over the same messages and with the same clock.
//!
//! It validates messages. Where an alias leads out of one, a resolver would ask for its target, and so does this.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use countersign_dns::{Dnskey, Query, Rtype};
use hickory_net::dnssec::DnssecDnsHandle;
use hickory_net::proto::dnssec::{Algorithm, Proof, PublicKeyBuf, TrustAnchors};
use hickory_net::proto::op::{self, DnsRequest, DnsRequestOptions, DnsResponse};
use hickory_net::proto::rr::{Name, RData, RecordType};
use hickory_net::runtime::iocompat::AsyncIoTokioAsStd;
use hickory_net::runtime::{RuntimeProvider, Time, TokioHandle, TokioTime};
use hickory_net::xfer::{DnsHandle, DnsResponseStream, FirstAnswer};
use hickory_net::{DnsError, NetError};
use tokio::net::{TcpStream, UdpSocket};

use crate::verdict::{Answers, Judged, Verdict};
use crate::world::now;

/// What Hickory says.
pub(crate) async fn judge(query: &Query, answers: &Arc<Answers>, anchor: &[u8]) -> Judged {
    let key = Dnskey::from_rdata(anchor).expect("it is a key");
    let mut anchors = TrustAnchors::empty();
    anchors.insert(&PublicKeyBuf::new(key.key, Algorithm::from_u8(key.algorithm)));
    let handle = Replay(Arc::clone(answers));
    let handle = DnssecDnsHandle::with_trust_anchor(handle, Arc::new(anchors));
    let rtype = RecordType::from(query.rtype.to_int());
    let mut name = Name::from_ascii(query.name.to_string()).expect("it is a name");
    let mut worst = (Verdict::Secure, String::new());
    for _ in 0..ALIASES_MAX {
        let asked = op::Query::query(name.clone(), rtype);
        let answer = handle.lookup(asked, DnsRequestOptions::default()).first_answer().await;
        let (judged, next) = match answer {
            Ok(message) => hops(&message, &mut name, rtype),
            Err(NetError::Dns(DnsError::Nsec { proof, .. })) => {
                ((verdict(proof), format!("denial {proof}")), None)
            }
            Err(err) => ((Verdict::Bogus, err.to_string()), None),
        };
        worst = worst.max(judged);
        match next {
            Some(target) if worst.0 != Verdict::Bogus => name = target,
            _ => return worst,
        }
    }
    (Verdict::Bogus, "too many aliases".to_owned())
}

/// What a message says of a name, and the name to ask for next, if it has another that is not in the message.
fn hops(message: &DnsResponse, name: &mut Name, rtype: RecordType) -> (Judged, Option<Name>) {
    let mut worst = (Verdict::Secure, String::new());
    let mut is_alias = false;
    for _ in 0..ALIASES_MAX {
        let of = |rtype| {
            let records = message.answers.iter();
            records.filter(move |record| record.record_type() == rtype)
        };
        let mut records = of(rtype).filter(|record| record.name == *name).peekable();
        if records.peek().is_some() {
            let proofs = records.map(|record| (verdict(record.proof), format!("{name} {rtype}")));
            return (proofs.fold(worst, Ord::max), None);
        }
        // The CNAME that a DNAME makes has no signature, and is made anew (RFC 6672 §5.3.1).
        let dname = of(RecordType::DNAME).find(|record| record.name.zone_of(name));
        let cname = of(RecordType::CNAME).find(|record| record.name == *name);
        let Some(by) = dname.or(cname) else { break };
        worst = worst.max((verdict(by.proof), format!("{} {}", by.name, by.record_type())));
        let target = match &by.data {
            RData::CNAME(target) => target.0.clone(),
            other => substituted(name, &by.name, other),
        };
        (is_alias, *name) = (true, target);
    }
    if is_alias {
        return (worst, Some(name.clone()));
    }
    // A denial that does not hold is an error; one that holds has records that do, unless the zone is unsigned.
    let denies = |rtype| matches!(rtype, RecordType::NSEC | RecordType::NSEC3);
    let is_proved = message
        .authorities
        .iter()
        .any(|record| record.proof == Proof::Secure && denies(record.record_type()));
    let verdict = if is_proved { Verdict::Secure } else { Verdict::Insecure };
    (worst.max((verdict, "denial".to_owned())), None)
}

/// What the DNAME at `owner` makes of a name. Hickory does not read the record's data.
fn substituted(name: &Name, owner: &Name, data: &RData) -> Name {
    let RData::Unknown { rdata, .. } = data else { panic!("{data} is read by now") };
    let ours = |name: &Name| name.to_ascii().parse::<countersign_dns::Name>().expect("a name");
    let to = countersign_dns::Name::from_wire(&rdata.anything).expect("the lab writes it");
    let target = ours(name).substitute(&ours(owner), &to).expect("names are short");
    Name::from_ascii(target.to_string()).expect("it is a name")
}

fn verdict(proof: Proof) -> Verdict {
    match proof {
        Proof::Secure => Verdict::Secure,
        Proof::Insecure => Verdict::Insecure,
        Proof::Bogus | Proof::Indeterminate => Verdict::Bogus,
    }
}

/// As many as our validator follows.
const ALIASES_MAX: usize = 16;

/// Who answers with what is there.
#[derive(Clone)]
struct Replay(Arc<Answers>);

impl DnsHandle for Replay {
    type Response = DnsResponseStream;
    type Runtime = Still;

    fn send(&self, request: DnsRequest) -> DnsResponseStream {
        let query = request.queries.first().expect("a question is asked");
        let name = query.name().to_ascii().parse().expect("it is a name");
        let query = Query { name, rtype: Rtype::from_int(query.query_type().into()) };
        let answer = DnsResponse::from_buffer(self.0.to(&query)).map_err(NetError::from);
        Box::pin(std::future::ready(answer)).into()
    }
}

/// Where time stands still and nobody can be reached.
#[derive(Clone)]
struct Still;

impl RuntimeProvider for Still {
    type Handle = TokioHandle;
    type Timer = Self;
    type Udp = UdpSocket;
    type Tcp = AsyncIoTokioAsStd<TcpStream>;

    fn create_handle(&self) -> TokioHandle {
        TokioHandle::default()
    }

    fn connect_tcp(
        &self,
        _: SocketAddr,
        _: Option<SocketAddr>,
        _: Option<Duration>,
    ) -> Boxed<io::Result<Self::Tcp>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }

    fn bind_udp(&self, _: SocketAddr, _: SocketAddr) -> Boxed<io::Result<UdpSocket>> {
        Box::pin(std::future::ready(Err(io::ErrorKind::Unsupported.into())))
    }
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Time for Still {
    fn delay_for<'a>(duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        TokioTime::delay_for(duration)
    }

    fn timeout<'a, F>(
        duration: Duration,
        future: F,
    ) -> Pin<Box<dyn Future<Output = io::Result<F::Output>> + Send + 'a>>
    where
        F: Future + Send + 'static + 'a,
    {
        TokioTime::timeout(duration, future)
    }

    fn current_time() -> u64 {
        now().as_second().try_into().expect("it is after 1970")
    }
}
