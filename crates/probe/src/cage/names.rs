//! What a client in a cage is told about names: that the service is on the one address that there is, and that nothing
//! else exists.

use std::io;
use std::net::Ipv4Addr;
use std::str::FromStr as _;

use countersign_judge::probe::{Opening, Protocol, Service};
use domain::base::iana::{Class, Rcode, Rtype};
use domain::base::{Message, MessageBuilder, Name, ToName, Ttl};
use domain::rdata::{A, Srv};
use tokio::net::UdpSocket;

/// The names of one service.
#[derive(Clone, Debug)]
pub(super) struct Names {
    domain: Name<Vec<u8>>,
    /// The owner of the SRV record that leads there (RFC 2782).
    srv: Option<Name<Vec<u8>>>,
    port: u16,
}

impl Names {
    /// `None`: its domain is no name.
    pub(super) fn of(service: &Service) -> Option<Self> {
        let domain = Name::from_str(&service.domain).ok()?;
        let srv = label(service.protocol, service.opening)
            .and_then(|label| Name::from_str(&format!("{label}._tcp.{}", service.domain)).ok());
        Some(Self { domain, srv, port: service.port })
    }

    /// Answers whoever asks, until it is given up.
    pub(super) async fn serve(&self, socket: &UdpSocket) -> io::Error {
        let mut buffer = [0; QUERY_BYTES_MAX];
        loop {
            let (count, from) = match socket.recv_from(&mut buffer).await {
                Ok(received) => received,
                Err(why) => return why,
            };
            let Some(answer) = self.answer(&buffer[..count]) else { continue };
            if let Err(why) = socket.send_to(&answer, from).await {
                return why;
            }
        }
    }

    /// The answer to a query; none to what is none.
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let query = Message::from_octets(query).ok()?;
        let question = query.sole_question().ok()?;
        let (name, kind) = (question.qname(), question.qtype());
        let is_domain = name.name_eq(&self.domain);
        let is_srv = self.srv.as_ref().is_some_and(|srv| name.name_eq(srv));
        let rcode = if is_domain || is_srv { Rcode::NOERROR } else { Rcode::NXDOMAIN };
        let mut answer = MessageBuilder::new_vec().start_answer(&query, rcode).ok()?;
        answer.header_mut().set_ra(true);
        answer.header_mut().set_rd(query.header().rd());
        match kind {
            Rtype::A if is_domain => {
                answer.push((name, Class::IN, TTL, A::new(ADDRESS))).ok()?;
            }
            Rtype::SRV if is_srv => {
                let srv = Srv::new(0, 0, self.port, &self.domain);
                answer.push((name, Class::IN, TTL, srv)).ok()?;
            }
            _ => {}
        }
        Some(answer.finish())
    }
}

/// RFC 6120 §3.2.1, XEP-0368 §3, RFC 6186 §3.1, RFC 8314 §5.1.
fn label(protocol: Protocol, opening: Opening) -> Option<&'static str> {
    match (protocol, opening) {
        (Protocol::Xmpp, Opening::StartTls) => Some("_xmpp-client"),
        (Protocol::Xmpp, Opening::Direct) => Some("_xmpps-client"),
        (Protocol::XmppServer, Opening::StartTls) => Some("_xmpp-server"),
        (Protocol::XmppServer, Opening::Direct) => Some("_xmpps-server"),
        (Protocol::Submission, Opening::StartTls) => Some("_submission"),
        (Protocol::Submission, Opening::Direct) => Some("_submissions"),
        (Protocol::Imap, Opening::StartTls) => Some("_imap"),
        (Protocol::Imap, Opening::Direct) => Some("_imaps"),
        (Protocol::Pop3, Opening::StartTls) => Some("_pop3"),
        (Protocol::Pop3, Opening::Direct) => Some("_pop3s"),
        (
            Protocol::Smtp
            | Protocol::Http
            | Protocol::Irc
            | Protocol::Ldap
            | Protocol::Postgresql
            | Protocol::Plain,
            Opening::StartTls | Opening::Direct,
        ) => None,
    }
}

/// For documentation (RFC 5737): nobody's, and the cage's own; `enter.sh` sets it.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
/// A cage does not live as long.
const TTL: Ttl = Ttl::from_secs(3600);
/// A question has 271 bytes at most, and resolvers add an option or two.
const QUERY_BYTES_MAX: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, kind: Rtype, rcode: Rcode, answers: usize) {
        let domain = "chat.example".to_owned();
        let protocol = Protocol::Xmpp;
        let service = Service { domain, protocol, opening: Opening::StartTls, port: 5222 };
        let mut query = MessageBuilder::new_vec().question();
        query.header_mut().set_rd(true);
        query.push((Name::<Vec<u8>>::from_str(name).unwrap(), kind)).unwrap();
        let answer = Names::of(&service).unwrap().answer(&query.finish()).unwrap();
        let answer = Message::from_octets(answer).unwrap();
        assert!(answer.header().qr() && answer.header().ra() && answer.header().rd());
        assert_eq!(answer.header().rcode(), rcode, "{name}");
        assert_eq!(answer.answer().unwrap().count(), answers, "{name}");
    }

    #[test]
    fn there_is_the_service_and_nothing_else() {
        check("Chat.Example", Rtype::A, Rcode::NOERROR, 1);
        check("chat.example", Rtype::AAAA, Rcode::NOERROR, 0);
        check("_xmpp-client._tcp.chat.example", Rtype::SRV, Rcode::NOERROR, 1);
        check("_xmpps-client._tcp.chat.example", Rtype::SRV, Rcode::NXDOMAIN, 0);
        check("example", Rtype::A, Rcode::NXDOMAIN, 0);
        check("update.example", Rtype::A, Rcode::NXDOMAIN, 0);
    }

    #[test]
    fn what_is_no_query_gets_no_answer() {
        let protocol = Protocol::Plain;
        let service =
            Service { domain: "a.example".into(), protocol, opening: Opening::Direct, port: 1 };
        let names = Names::of(&service).unwrap();
        for query in [&b""[..], &[0; 11], &[0; 12], &[255; 300]] {
            assert_eq!(names.answer(query), None);
        }
    }
}
