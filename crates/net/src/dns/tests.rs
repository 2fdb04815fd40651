//! Servers, honest and hostile, and what is heard from them.

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_dns::Rtype;
use countersign_dns::resolution::Reason;
use tokio::io::AsyncWriteExt;

use super::*;
use crate::net::Roots;
use crate::tests::server::Server;
use crate::vantage::Vantage;
use peer::{Datagram, Peer, answer, cookie_of, empty, framed, with_cookie};

mod peer;
mod proxy;

fn query() -> Query {
    Query { name: "www.example".parse().unwrap(), rtype: Rtype::A }
}

/// The address that a peer has in these tests.
const SERVER: &str = "192.0.2.1";

fn dns_at(route: Route, servers: &[(&str, SocketAddr)], settings: Settings, clock: Clock) -> Dns {
    let servers = servers.iter().map(|(address, to)| (address.parse().unwrap(), *to));
    let net = Net::new(crate::net::Settings {
        contact: "ops@example.org".to_owned(),
        roots: Roots::Public,
        redirects: Some(Redirects::with_servers([], servers)),
        vantages: vec![Vantage { name: "v".to_owned(), route }],
    });
    Dns::new(&net.unwrap(), "v", settings, clock).unwrap()
}

/// Waits long enough for everything that comes.
fn patient() -> Settings {
    let long = Duration::from_secs(30);
    let patience =
        Patience { datagram: long, datagrams: 2, connection: long, query: long, resolution: long };
    Settings { direct: patience.clone(), proxied: patience, ..Settings::default() }
}

/// Waits for datagrams only as long as a test may take, where none comes.
fn hasty() -> Settings {
    let mut settings = patient();
    settings.direct.datagram = Duration::from_millis(300);
    settings
}

/// Asks a peer.
async fn ask(peer: &Peer, settings: Settings) -> Result<Exchanged, ExchangeError> {
    dns(peer, settings).exchange(SERVER.parse().unwrap(), &query()).await
}

fn dns(peer: &Peer, settings: Settings) -> Dns {
    dns_at(Route::Direct, &[(SERVER, peer.address)], settings, Clock::system())
}

#[track_caller]
fn check(exchanged: &Exchanged, transport: Transport, strays: usize) {
    assert_eq!((exchanged.transport, exchanged.strays), (transport, strays));
    assert_eq!(exchanged.message.answer.len(), 1);
    assert_eq!(Message::parse(&exchanged.bytes).as_ref(), Ok(&exchanged.message));
}

/// No datagram.
fn silence(_: &[u8]) -> Vec<Datagram> {
    Vec::new()
}

fn here(message: Vec<u8>) -> Vec<Datagram> {
    vec![Datagram::Here(message)]
}

#[tokio::test]
async fn an_answer_comes_in_a_datagram() {
    let peer = Peer::saying(|wire| here(answer(wire)), answer).await;
    check(&ask(&peer, patient()).await.unwrap(), Transport::Udp, 0);
    let asked = &peer.heard()[0].message;
    let edns = asked.edns.as_ref().unwrap();
    assert_eq!((edns.udp_payload_max, edns.dnssec_ok), (1232, true));
    assert_eq!(edns.cookie.as_ref().map(Vec::len), Some(8));
    assert!(!asked.flags.recursion_desired);

    let resolved = dns(&peer, patient()).ask_upstream(peer.address, &query()).await;
    check(&resolved.unwrap(), Transport::Udp, 0);
    assert!(peer.heard()[1].message.flags.recursion_desired);
}

#[tokio::test]
async fn what_is_not_the_answer_is_passed_over() {
    let another_id = |wire: &[u8]| {
        let mut answer = answer(wire);
        answer[0] ^= 1;
        answer
    };
    let another_case = |wire: &[u8]| {
        let mut answer = answer(wire);
        answer[13] ^= 0x20;
        answer
    };
    let another_name = |wire: &[u8]| {
        let mut answer = answer(wire);
        answer[13] = b'v';
        answer
    };
    let wrong_cookie = |wire: &[u8]| with_cookie(answer(wire), 0, &[0; 16]);
    let peer = Peer::saying(
        move |wire| {
            vec![
                Datagram::Elsewhere(answer(wire)),
                Datagram::Here(another_id(wire)),
                Datagram::Here(another_case(wire)),
                Datagram::Here(another_name(wire)),
                Datagram::Here(wrong_cookie(wire)),
                Datagram::Here(Vec::new()),
                Datagram::Here(b"garbage that is longer than a header".to_vec()),
                Datagram::Here(wire.to_vec()),
                Datagram::Here(answer(wire)),
            ]
        },
        answer,
    )
    .await;
    // The kernel drops what comes from elsewhere.
    check(&ask(&peer, patient()).await.unwrap(), Transport::Udp, 7);
}

#[tokio::test]
async fn ten_thousand_guesses_do_not_hide_the_answer() {
    let peer = Peer::saying(
        |wire| {
            let guess = |number: u16| {
                let mut guess = answer(wire);
                let id = u16::from_be_bytes([wire[0], wire[1]]).wrapping_add(1 + number);
                guess[..2].copy_from_slice(&id.to_be_bytes());
                Datagram::Here(guess)
            };
            let guesses = (0..10_000).map(guess);
            guesses.chain(here(answer(wire))).collect()
        },
        answer,
    )
    .await;
    check(&ask(&peer, patient()).await.unwrap(), Transport::Udp, 10_000);
}

#[tokio::test]
async fn too_many_guesses_are_not_listened_to() {
    let guesses = |_: &[u8]| (0..70_000).map(|_| Datagram::Here(vec![0; 12])).collect();
    let peer = Peer::saying(guesses, answer).await;
    check(&ask(&peer, patient()).await.unwrap(), Transport::Tcp, 1 << 16);
}

#[tokio::test]
async fn what_stays_in_doubt_is_settled_over_a_connection() {
    let lower_case = |wire: &[u8]| {
        let mut answer = answer(wire);
        answer[12..].make_ascii_lowercase();
        here(answer)
    };
    // Once in some thousand times all letters are small by chance; then the datagram is the answer.
    let peer = Peer::saying(lower_case, answer).await;
    let exchanged = ask(&peer, hasty()).await.unwrap();
    if exchanged.transport == Transport::Tcp {
        check(&exchanged, Transport::Tcp, 1);
        let asked = peer.heard()[1].message.clone();
        assert_eq!(asked.question.unwrap().name_as_sent, b"\x03www\x07example\0");
        assert_eq!(asked.edns.unwrap().cookie, None);
    }

    let bare = |wire: &[u8]| [&wire[..2], b"\x80\x01\0\0\0\0\0\0\0\0"].concat();
    let peer = Peer::saying(move |wire| here(bare(wire)), answer).await;
    check(&ask(&peer, hasty()).await.unwrap(), Transport::Tcp, 1);
}

#[tokio::test]
async fn what_cannot_be_used_is_asked_for_over_a_connection() {
    let truncated = |wire: &[u8]| {
        let mut answer = answer(wire);
        answer[2] |= 2;
        answer
    };
    let malformed = |wire: &[u8]| {
        let mut answer = answer(wire);
        answer[7] = 2;
        answer
    };
    let over_long = |wire: &[u8]| {
        let mut answer = answer(wire);
        answer.resize(1300, 0);
        answer
    };
    let check = async |datagram: fn(&[u8]) -> Vec<u8>, strays| {
        let peer = Peer::saying(move |wire| here(datagram(wire)), answer).await;
        check(&ask(&peer, patient()).await.unwrap(), Transport::Tcp, strays);
        assert_eq!(peer.ways(), ["udp", "tcp"]);
    };
    check(truncated, 0).await;
    check(malformed, 0).await;
    check(over_long, 0).await;
}

#[tokio::test]
async fn silence_has_an_end() {
    let peer = Peer::saying(silence, answer).await;
    let error = ask(&peer, hasty()).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Timeout, "{error}");
    assert_eq!(peer.ways(), ["udp", "udp"]);

    // The first datagram is lost.
    let count = AtomicUsize::new(0);
    let second = move |wire: &[u8]| match count.fetch_add(1, Ordering::Relaxed) {
        0 => Vec::new(),
        _ => here(answer(wire)),
    };
    let peer = Peer::saying(second, answer).await;
    let mut settings = patient();
    (settings.direct.datagram, settings.direct.datagrams) = (Duration::from_millis(100), 100);
    check(&ask(&peer, settings).await.unwrap(), Transport::Udp, 0);
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let peer = Peer::saying(silence, answer).await;
    let dns = dns(&peer, patient());
    peer.stop().await;
    let error = dns.exchange(SERVER.parse().unwrap(), &query()).await.unwrap_err();
    assert_eq!(error.failure(), Failure::Unreachable);
    assert_eq!(error.to_string(), "cannot reach 192.0.2.1:53");
}

#[tokio::test] // RFC 7873 §5.3
async fn cookies_are_returned() {
    let given = |wire: &[u8]| [&cookie_of(wire)[..8], &[9; 8]].concat();
    let peer =
        Peer::saying(move |wire| here(with_cookie(answer(wire), 0, &given(wire))), answer).await;
    let dns = dns(&peer, patient());
    for _ in 0..2 {
        check(&dns.exchange(SERVER.parse().unwrap(), &query()).await.unwrap(), Transport::Udp, 0);
    }
    let cookies: Vec<Vec<u8>> = peer
        .heard()
        .iter()
        .map(|heard| heard.message.edns.clone().unwrap().cookie.unwrap())
        .collect();
    assert_eq!(cookies[0].len(), 8);
    assert_eq!(cookies[1], [&cookies[0][..], &[9; 8]].concat());
}

#[tokio::test]
async fn a_cookie_that_is_missing_or_wrong_is_no_answer() {
    // It gives one, and then answers without.
    let first = |wire: &[u8]| match cookie_of(wire).len() {
        8 => here(with_cookie(answer(wire), 0, &[&cookie_of(wire)[..], &[9; 8]].concat())),
        _ => here(answer(wire)),
    };
    let peer = Peer::saying(first, answer).await;
    let dns = dns(&peer, patient());
    for transport in [Transport::Udp, Transport::Tcp] {
        check(&dns.exchange(SERVER.parse().unwrap(), &query()).await.unwrap(), transport, 0);
    }

    let wrong = |wire: &[u8]| here(with_cookie(answer(wire), 0, &[0; 8]));
    let peer = Peer::saying(wrong, answer).await;
    check(&ask(&peer, hasty()).await.unwrap(), Transport::Tcp, 1);
}

#[tokio::test] // RFC 7873 §5.3
async fn a_refused_cookie_is_tried_once_more() {
    const BADCOOKIE: u8 = 23;
    let refused = |wire: &[u8]| {
        let given = [&cookie_of(wire)[..8], &[9; 8]].concat();
        with_cookie(empty(wire), BADCOOKIE, &given)
    };
    let once = move |wire: &[u8]| match cookie_of(wire).len() {
        8 => here(refused(wire)),
        _ => here(with_cookie(answer(wire), 0, &cookie_of(wire))),
    };
    let peer = Peer::saying(once, answer).await;
    check(&ask(&peer, patient()).await.unwrap(), Transport::Udp, 0);

    let peer = Peer::saying(move |wire| here(refused(wire)), answer).await;
    check(&ask(&peer, patient()).await.unwrap(), Transport::Tcp, 0);
    assert_eq!(peer.ways(), ["udp", "udp", "tcp"]);
}

#[tokio::test] // RFC 6891 §6.1.3, §7
async fn a_server_without_edns_is_asked_without() {
    for rcode in [1, 4, 16] {
        let says = move |wire: &[u8]| match Message::parse(wire).unwrap().edns {
            Some(_) if rcode == 16 => with_cookie(empty(wire), rcode, &cookie_of(wire)),
            Some(_) => {
                let mut refusal = empty(wire);
                refusal[3] = rcode;
                refusal
            }
            None => answer(wire),
        };
        let peer = Peer::saying(move |wire| here(says(wire)), answer).await;
        check(&ask(&peer, patient()).await.unwrap(), Transport::Udp, 0);
        assert_eq!(peer.ways(), ["udp", "udp"]);
    }
    // Over a connection, too, and without repeating the question.
    let truncated = |wire: &[u8]| {
        let mut truncated = empty(wire);
        truncated[2] |= 2;
        here(truncated)
    };
    let says = |wire: &[u8]| match Message::parse(wire).unwrap().edns {
        Some(_) => [&wire[..2], b"\x80\x01\0\0\0\0\0\0\0\0"].concat(),
        None => answer(wire),
    };
    let peer = Peer::saying(truncated, says).await;
    check(&ask(&peer, patient()).await.unwrap(), Transport::Tcp, 0);
    assert_eq!(peer.ways(), ["udp", "tcp", "tcp"]);
}

/// Asks a peer over a connection that says these bytes and closes, or goes on for ever.
async fn over_tcp(
    says: impl Fn(&[u8]) -> Vec<u8> + Send + 'static,
    settings: Settings,
    then: Then,
) -> Result<Exchanged, ExchangeError> {
    let truncated = |wire: &[u8]| {
        let mut truncated = empty(wire);
        truncated[2] |= 2;
        here(truncated)
    };
    let peer = Peer::start(truncated, move |wire, mut stream| {
        let bytes = says(&wire);
        async move {
            for byte in bytes {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            match then {
                Then::Close => {}
                Then::Silence => std::future::pending().await,
                Then::More => while stream.write_all(&[0; 1024]).await.is_ok() {},
            }
        }
    })
    .await;
    ask(&peer, settings).await
}

#[derive(Clone, Copy)]
enum Then {
    Close,
    Silence,
    More,
}

#[tokio::test]
async fn one_message_is_read_from_a_connection() {
    // Each octet by itself.
    for then in [Then::Close, Then::Silence, Then::More] {
        let exchanged = over_tcp(|wire| framed(&answer(wire)), patient(), then).await;
        check(&exchanged.unwrap(), Transport::Tcp, 0);
    }
}

#[tokio::test]
async fn a_connection_without_an_answer_has_an_end() {
    let check = async |says: fn(&[u8]) -> Vec<u8>, then, expected: Failure| {
        let mut settings = patient();
        if expected == Failure::Timeout {
            settings.direct.connection = Duration::from_millis(50);
        }
        let error = over_tcp(says, settings, then).await.unwrap_err();
        assert_eq!(error.failure(), expected, "{error}");
    };
    let announced = |wire: &[u8]| [&[0xff, 0xff], &answer(wire)[..]].concat();
    check(announced, Then::Close, Failure::Broken).await;
    check(announced, Then::Silence, Failure::Timeout).await;
    check(|_| Vec::new(), Then::Close, Failure::Broken).await;
    check(|_| Vec::new(), Then::Silence, Failure::Timeout).await;
    check(|_| vec![0], Then::Silence, Failure::Timeout).await;
    check(|_| vec![0, 0], Then::Close, Failure::WrongQuestion).await;
    check(|wire| framed(&[wire, b"?"].concat()), Then::Close, Failure::WrongQuestion).await;
    // 64 KiB of zeros.
    check(|_| vec![0xff, 0xff], Then::More, Failure::WrongQuestion).await;
    let malformed = |wire: &[u8]| {
        let mut answer = answer(wire);
        answer[7] = 2;
        framed(&answer)
    };
    check(malformed, Then::Close, Failure::Malformed(MessageError::Records)).await;
    let another = |wire: &[u8]| {
        let mut answer = answer(wire);
        answer[13] = b'v';
        framed(&answer)
    };
    check(another, Then::Close, Failure::WrongQuestion).await;
}

#[tokio::test]
async fn nothing_leaves_the_lab() {
    let peer = Peer::saying(|wire| here(answer(wire)), answer).await;
    let dns = dns(&peer, patient());
    let check = |error: ExchangeError| {
        assert!(matches!(error, ExchangeError::NotRedirected { .. }), "{error}")
    };
    for address in ["192.0.2.2", "127.0.0.1", "::ffff:192.0.2.1"] {
        check(dns.exchange(address.parse().unwrap(), &query()).await.unwrap_err());
    }
    for resolver in ["192.0.2.1:54", "192.0.2.2:53"] {
        check(dns.ask_upstream(resolver.parse().unwrap(), &query()).await.unwrap_err());
    }
    dns.ask_upstream("192.0.2.1:53".parse().unwrap(), &query()).await.unwrap();
}

/// As it is set up outside a lab.
fn outside(routes: &[(&str, Route)]) -> Net {
    let vantage =
        |(name, route): &(&str, Route)| Vantage { name: (*name).to_owned(), route: route.clone() };
    Net::new(crate::net::Settings {
        contact: "ops@example.org".to_owned(),
        roots: Roots::Public,
        redirects: None,
        vantages: routes.iter().map(vantage).collect(),
    })
    .unwrap()
}

#[tokio::test]
async fn referrals_do_not_lead_to_this_machine() {
    let net = outside(&[("v", Route::Direct)]);
    let dns = Dns::new(&net, "v", Settings::default(), Clock::system()).unwrap();
    for address in [
        "127.0.0.1",
        "0.0.0.0",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "224.0.0.251",
        "ff02::fb",
        "255.255.255.255",
    ] {
        let error = dns.exchange(address.parse().unwrap(), &query()).await.unwrap_err();
        assert!(matches!(error, ExchangeError::NoServer { .. }), "{error}");
        assert_eq!(error.failure(), Failure::Unreachable);
    }
}

#[test]
fn not_every_vantage_has_dns() {
    let http = Route::HttpProxy { url: "http://127.0.0.1:1".to_owned() };
    let net = outside(&[("v", Route::Direct), ("h", http)]);
    let said = |vantage| {
        Dns::new(&net, vantage, Settings::default(), Clock::system()).unwrap_err().to_string()
    };
    assert_eq!(said("w"), "there is no vantage named \"w\"");
    assert_eq!(said("h"), "vantage \"h\" is behind an HTTP proxy, which carries no DNS");
}

/// Refers all to `example` and its server.
fn referral(wire: &[u8]) -> Vec<u8> {
    let mut referral = empty(wire);
    referral[2] &= !4;
    (referral[9], referral[11]) = (1, 1);
    referral.extend(b"\x07example\0\0\x02\0\x01\0\0\0\x3c\0\x0c\x02ns\x07example\0");
    referral.extend(b"\x02ns\x07example\0\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x02");
    referral
}

#[tokio::test]
async fn answers_are_found_from_the_root() {
    let root = Peer::saying(|wire| here(referral(wire)), referral).await;
    let zone = Peer::saying(|wire| here(answer(wire)), answer).await;
    let hints = Hints::from_zone_text(". NS root\nroot A 192.0.2.1").unwrap();
    let settings = Settings { hints, ..patient() };
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let clock = Clock::simulated(start);
    let servers = [("192.0.2.1", root.address), ("192.0.2.2", zone.address)];
    let dns = dns_at(Route::Direct, &servers, settings, clock.clone());
    let check = async |root_asked: usize| {
        let Resolved::Answer(answer) = dns.resolve(&query()).await else { panic!() };
        assert_eq!(
            (answer.from.to_string(), answer.zone.to_string()),
            ("192.0.2.2".to_owned(), "example.".to_owned())
        );
        assert_eq!(root.heard().len(), root_asked);
    };
    check(1).await;
    // The delegation is known, until it is too old or forgotten.
    check(1).await;
    clock.run_until(after(start, Duration::from_secs(59))).await;
    check(1).await;
    clock.run_until(after(start, Duration::from_secs(60))).await;
    check(2).await;
    dns.forget();
    check(3).await;

    let counted = dns.servers_of(&"example".parse().unwrap()).await.unwrap();
    assert_eq!(counted.servers[0].addresses[0].to_string(), "192.0.2.2");

    // What leads nowhere is not used again.
    zone.stop().await;
    let Resolved::Failed(failed) = dns.resolve(&query()).await else { panic!() };
    assert_eq!(
        (failed.reason, failed.failures[0].failure),
        (Reason::NoAnswer, Failure::Unreachable)
    );
    let _failed = dns.resolve(&query()).await;
    assert_eq!(root.heard().len(), 4);
}

#[tokio::test]
async fn a_resolution_has_a_deadline() {
    let root = Peer::saying(silence, answer).await;
    let hints = Hints::from_zone_text(". NS root\nroot A 192.0.2.1").unwrap();
    let mut settings = Settings { hints, ..patient() };
    settings.direct.resolution = Duration::from_millis(50);
    let dns = dns_at(Route::Direct, &[("192.0.2.1", root.address)], settings, Clock::system());
    let Resolved::Failed(failed) = dns.resolve(&query()).await else { panic!() };
    assert_eq!(failed.reason, Reason::Time);
    assert!(matches!(dns.servers_of(&query().name).await, Err(NotCounted::Unresolved { .. })));
}
