//! What comes out of the servers' doors, by whatever manner.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};

use super::*;
use crate::log::Group;

/// The server of `guarded.example`.
fn server(tree: &Tree) -> IpAddr {
    tree.addresses("guarded.example")[0]
}

fn query() -> Query {
    Query { name: name("www.guarded.example"), rtype: Rtype::A }
}

/// The answer to a question, and how it came: over TCP after the answer over UDP says TC, as resolvers ask.
async fn asked(responder: &Responder, server: IpAddr, asking: &Asking) -> (Message, Transport) {
    let (real, wire) = (responder.table(Group::A)[&server], query().to_wire(asking));
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.send_to(&wire, real).await.unwrap();
    let mut answer = vec![0; 65_535];
    let length = socket.recv(&mut answer).await.unwrap();
    let answer = Message::parse(&answer[..length]).unwrap();
    if !answer.flags.truncated {
        return (answer, Transport::Udp);
    }
    let mut stream = TcpStream::connect(real).await.unwrap();
    stream.write_u16(u16::try_from(wire.len()).unwrap()).await.unwrap();
    stream.write_all(&wire).await.unwrap();
    let mut answer = vec![0; usize::from(stream.read_u16().await.unwrap())];
    stream.read_exact(&mut answer).await.unwrap();
    (Message::parse(&answer).unwrap(), Transport::Tcp)
}

/// By this manner the true answer, or another, comes in this way.
async fn check(manner: Manner, is_true: bool, transport: Transport) -> Message {
    let tree = Tree::new(now());
    let (responder, server) = (tree.start().await.unwrap(), server(&tree));
    let (prompt, _) = asked(&responder, server, &asking(1232, true)).await;
    responder.turn(server, Group::A, |view| view.manner = manner);
    let (answer, came) = asked(&responder, server, &asking(1232, true)).await;
    assert_eq!((answer == prompt, came), (is_true, transport), "{answer:?}");
    answer
}

#[tokio::test]
async fn servers_have_their_manners() {
    use Transport::{Tcp, Udp};
    check(Manner::Prompt, true, Udp).await;
    check(Manner::Truncating, true, Tcp).await;
    check(Manner::Trickling(Duration::from_micros(100)), true, Tcp).await;
    let failing = check(Manner::Failing(Reply::SERVFAIL), false, Udp).await;
    assert_eq!(failing.rcode, 2);
    let other = check(Manner::Guessing(Mismatch::Id), false, Udp).await;
    assert_eq!(other.id, 6);
    let other = check(Manner::Guessing(Mismatch::Question), false, Udp).await;
    assert_ne!(other.question.unwrap().query, query());
    let other = check(Manner::Guessing(Mismatch::Capitals), false, Udp).await;
    let other = other.question.unwrap();
    assert_eq!((other.query, &other.name_as_sent[..]), (query(), query().name.wire()));
}

#[tokio::test] // RFC 6891 §7
async fn old_servers_bear_no_edns() {
    let refused = check(Manner::WithoutEdns, false, Transport::Udp).await;
    assert_eq!((refused.rcode, refused.edns), (1, None));
    let tree = Tree::new(now());
    let (responder, server) = (tree.start().await.unwrap(), server(&tree));
    responder.turn(server, Group::A, |view| view.manner = Manner::WithoutEdns);
    let plain = Asking { edns: None, ..asking(0, false) };
    let (answer, _) = asked(&responder, server, &plain).await;
    assert_eq!((answer.rcode, answer.answer.len()), (0, 1));
}

#[tokio::test]
async fn what_comes_first_after_silence_is_the_later_answer() {
    let tree = Tree::new(now());
    let (responder, server) = (tree.start().await.unwrap(), server(&tree));
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let real = responder.table(Group::A)[&server];
    responder.turn(server, Group::A, |view| view.manner = Manner::Silent);
    socket.send_to(&query().to_wire(&asking(1232, true)), real).await.unwrap();
    while responder.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    responder.turn(server, Group::A, |view| view.manner = Manner::Prompt);
    let later = Asking { id: 8, ..asking(1232, true) };
    socket.send_to(&query().to_wire(&later), real).await.unwrap();
    let mut answer = [0; 4096];
    let length = socket.recv(&mut answer).await.unwrap();
    assert_eq!(Message::parse(&answer[..length]).unwrap().id, 8);
}

#[tokio::test]
async fn servers_know_their_own_zones_and_who_asked() {
    let tree = Tree::new(now());
    let responder = tree.start().await.unwrap();
    let (mallory, _) = asked(&responder, MALLORY, &asking(1232, true)).await;
    assert_eq!(mallory.rcode, u16::from(Reply::REFUSED));
    let expected =
        Asked { server: MALLORY, group: Group::A, transport: Transport::Udp, query: query() };
    assert_eq!(responder.asked(), [expected]);
    assert_eq!(responder.table(Group::A).len(), tree.servers().len());
}

#[test]
fn a_tree_says_where_it_begins() {
    let tree = Tree::new(now());
    let expected =
        ". 3600 IN NS ns.\nns. 3600 IN A 198.41.0.4\nns. 3600 IN AAAA 2001:503:ba3e::2:30\n";
    assert_eq!(tree.hints(), expected);
    let keys = &tree.signing(".").unwrap().ksks;
    assert_eq!(tree.anchors(), [keys[0].ds(&Name::root(), DsDigest::Sha256)]);
    assert!(tree.trust_anchor().starts_with(&format!(". IN DS {} 8 2 ", keys[0].tag())));
}

#[test]
fn delegations_have_glue_for_servers_in_the_zone() {
    let tree = Tree::new(now());
    let check = |child: &str, glue: &[&str]| {
        let servers = tree.delegation(&name(child)).servers;
        let addresses = servers.iter().flat_map(|(_, addresses)| addresses);
        assert_eq!(addresses.map(ToString::to_string).collect::<Vec<_>>(), glue);
    };
    check("guarded.example", &["198.51.100.1"]);
    check("glueless.test", &[]);
    check(".", &["198.41.0.4", "2001:503:ba3e::2:30"]);
}

#[test]
fn new_keys_get_a_new_ds() {
    let mut tree = Tree::new(now());
    let apex = name("guarded.example");
    let ds = |tree: &Tree| tree.zone("example").set(&apex, Rtype::DS).unwrap().rrset.clone();
    let before = ds(&tree);
    tree.change("guarded.example", |zone, _| zone.add("new A 203.0.113.1").unwrap());
    assert_eq!(ds(&tree), before);
    tree.change("guarded.example", |_, signing| {
        *signing = Some(Signing::new(Algorithm::Ed25519, "new", Denial::Nsec, now()));
    });
    assert_eq!(ds(&tree).rdatas(), tree.delegation(&apex).ds);
    assert_ne!(ds(&tree), before);
    tree.change("guarded.example", |_, signing| *signing = None);
    assert_eq!(tree.zone("example").set(&apex, Rtype::DS), None);
}
