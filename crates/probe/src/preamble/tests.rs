use countersign_judge::probe::{Opening, Protocol, Service};
use proptest::prelude::*;

use super::*;

fn service(protocol: Protocol) -> Service {
    Service { domain: "a.example".to_owned(), protocol, opening: Opening::StartTls, port: 1 }
}

/// Has a conversation: what we say (nothing, where the peer begins), and what it answers. What comes of it is the same
/// however the answers are cut.
#[track_caller]
fn talk(protocol: Protocol, turns: &[(&str, &str)], piece: usize) -> (Preamble, String) {
    let mut preamble = Preamble::new(&service(protocol));
    for (words, answer) in turns {
        match preamble.next() {
            Next::Send(bytes) => assert_eq!(String::from_utf8_lossy(&bytes), *words),
            Next::Receive => assert_eq!("", *words),
            other => panic!("{other:?}, and not {words:?}"),
        }
        answer.as_bytes().chunks(piece).for_each(|bytes| preamble.feed(bytes));
    }
    let shown = match preamble.next() {
        Next::Send(bytes) => format!("send {}", bytes.escape_ascii()),
        Next::Receive => "receive".to_owned(),
        Next::StartTls => "starttls".to_owned(),
        Next::Over(early) => early.to_string(),
    };
    (preamble, shown)
}

#[track_caller]
fn check(protocol: Protocol, turns: &[(&str, &str)], shown: &str) {
    check_offered(protocol, turns, shown, None);
}

#[track_caller]
fn check_offered(protocol: Protocol, turns: &[(&str, &str)], shown: &str, offered: Option<&str>) {
    for piece in [1, 2, 7, usize::MAX] {
        let (preamble, end) = talk(protocol, turns, piece);
        assert_eq!(end, shown, "in pieces of {piece}");
        if let Some(offered) = offered {
            assert_eq!(preamble.offered().join(", "), offered);
        }
    }
}

const CLIENT: &str = "<?xml version=\"1.0\"?><stream:stream to=\"a.example\" xml:lang=\"en\" version=\"1.0\" \
    xmlns=\"jabber:client\" xmlns:stream=\"http://etherx.jabber.org/streams\">";
const SERVER: &str = "<?xml version='1.0'?><stream:stream id='1' from='a.example' version='1.0' \
    xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const FEATURES: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>\
    <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>";
const ASK: &str = "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

#[test]
fn xmpp_begins_tls() {
    let turns = [(CLIENT, SERVER), ("", FEATURES), (ASK, PROCEED)];
    let offered = "starttls, mechanisms, mechanism PLAIN, starttls required";
    check_offered(Protocol::Xmpp, &turns, "starttls", Some(offered));
    // The same in one segment.
    let opened = format!("{SERVER}{FEATURES}");
    check(Protocol::Xmpp, &[(CLIENT, &opened), (ASK, PROCEED)], "starttls");
    let between = Preamble::named(&service(Protocol::XmppServer), Some("b.example"));
    let Next::Send(words) = between.next() else { panic!("a server begins") };
    let words = String::from_utf8(words).unwrap();
    assert!(words.contains(" from='b.example' to='a.example' "), "{words}");
}

#[test]
fn xmpp_that_does_not_is_told_apart() {
    let after = |answer: &str, shown: &str| {
        check(Protocol::Xmpp, &[(CLIENT, &format!("{SERVER}{answer}"))], shown);
    };
    after("<stream:features/>", "it does not offer STARTTLS");
    after(
        "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        "it ended with an error: <stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    );
    after("</stream:stream>", "it ended with an error: </stream:stream>");
    after("<message/>", "it speaks something else: <message/>");
    after("<stream:features><starttls>", "receive");
    // What looks like STARTTLS, in another namespace, is not.
    after("<stream:features><starttls/></stream:features>", "it does not offer STARTTLS");
    let refuses = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    let turns = [(CLIENT, SERVER), ("", FEATURES), (ASK, refuses)];
    check(Protocol::Xmpp, &turns, &format!("it refuses STARTTLS: {refuses}"));
    let old = SERVER.replace(" version='1.0' ", " ");
    check(Protocol::Xmpp, &[(CLIENT, &old)], "it does not offer STARTTLS");
    let garbage = "HTTP/1.1 400 Bad Request\r\n\r\n";
    let shown = "it speaks something else: HTTP/1.1 400 Bad Request";
    check(Protocol::Xmpp, &[(CLIENT, garbage)], shown);
}

#[test]
fn smtp_begins_tls() {
    let greeting = "220-a.example ESMTP\r\n220-only with permission\r\n220 go on\r\n";
    let extensions = "250-a.example\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250 8BITMIME\r\n";
    for protocol in [Protocol::Smtp, Protocol::Submission] {
        let turns =
            [("", greeting), ("EHLO localhost\r\n", extensions), ("STARTTLS\r\n", "220 ready\r\n")];
        let offered = "SIZE 1000, STARTTLS, AUTH PLAIN LOGIN, 8BITMIME";
        check_offered(protocol, &turns, "starttls", Some(offered));
    }
}

#[test]
fn smtp_that_does_not_is_told_apart() {
    let hi = ("", "220 hi\r\n");
    let after = |extensions: &str, shown: &str| {
        check(Protocol::Smtp, &[hi, ("EHLO localhost\r\n", extensions)], shown);
    };
    // As it is where a middlebox has overwritten the word.
    after("250-a\r\n250 XXXXXXXA\r\n", "it does not offer STARTTLS");
    // The first line is a greeting, whatever it says.
    after("250 STARTTLS\r\n", "it does not offer STARTTLS");
    after("500 what?\r\n", "it does not offer STARTTLS");
    after("550 go away\r\n", "it ended with an error: 550 go away");
    after("250-a\r\n251 b\r\n", r"it speaks something else: 250-a\u{d}\u{a}251 b");
    let offers = ("EHLO localhost\r\n", "250-a\r\n250 starttls\r\n");
    let shown = "it refuses STARTTLS: 454 not now";
    check(Protocol::Smtp, &[hi, offers, ("STARTTLS\r\n", "454 not now\r\n")], shown);
    let shown = r"it ended with an error: 554-no\u{d}\u{a}554 never";
    check(Protocol::Smtp, &[("", "554-no\r\n554 never\r\n")], shown);
    for garbage in ["+OK POP3", "220_a", "999 a", "22", "020 a"] {
        let shown = format!("it speaks something else: {garbage}");
        check(Protocol::Smtp, &[("", &format!("{garbage}\r\n"))], &shown);
    }
}

#[test]
fn imap_begins_tls() {
    let greeting = "* OK [CAPABILITY IMAP4rev1 LOGIN-REFERRALS] ready\r\n";
    let listed = "* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN\r\nA001 OK done\r\n";
    let asks = [("", greeting), ("A001 CAPABILITY\r\n", listed)];
    let turns = [asks[0], asks[1], ("A002 STARTTLS\r\n", "A002 OK begin\r\n")];
    check_offered(Protocol::Imap, &turns, "starttls", Some("IMAP4rev1, STARTTLS, AUTH=PLAIN"));
    let turns = [asks[0], asks[1], ("A002 STARTTLS\r\n", "A002 NO not today\r\n")];
    check(Protocol::Imap, &turns, "it refuses STARTTLS: A002 NO not today");
    let turns = [asks[0], ("A001 CAPABILITY\r\n", "* CAPABILITY IMAP4rev1\r\nA001 OK\r\n")];
    check(Protocol::Imap, &turns, "it does not offer STARTTLS");
    let turns = [asks[0], asks[1], ("A002 STARTTLS\r\n", "* BYE\r\n")];
    check(Protocol::Imap, &turns, "it ended with an error: * BYE");
    let turns = [asks[0], asks[1], ("A002 STARTTLS\r\n", "A001 OK\r\n")];
    check(Protocol::Imap, &turns, "it speaks something else: A001 OK");
    let shown = "it refuses STARTTLS: * PREAUTH you are alice";
    check(Protocol::Imap, &[("", "* PREAUTH you are alice\r\n")], shown);
}

#[test]
fn pop3_begins_tls() {
    let (greeting, asks) = (("", "+OK hi\r\n"), "CAPA\r\n");
    let listed = "+OK\r\nUIDL\r\nSASL PLAIN\r\nSTLS\r\n.\r\n";
    let turns = [greeting, (asks, listed), ("STLS\r\n", "+OK begin\r\n")];
    check_offered(Protocol::Pop3, &turns, "starttls", Some("UIDL, SASL PLAIN, STLS"));
    let turns = [greeting, (asks, listed), ("STLS\r\n", "-ERR not today\r\n")];
    check(Protocol::Pop3, &turns, "it refuses STARTTLS: -ERR not today");
    for without in ["+OK\r\nUIDL\r\n.\r\n", "-ERR what?\r\n"] {
        check(Protocol::Pop3, &[greeting, (asks, without)], "it does not offer STARTTLS");
    }
    check(Protocol::Pop3, &[("", "-ERR busy\r\n")], "it ended with an error: -ERR busy");
    check(Protocol::Pop3, &[("", "220 smtp\r\n")], "it speaks something else: 220 smtp");
}

#[test]
fn irc_begins_tls() {
    let asks = "CAP LS 302\r\n";
    let listed = ":a NOTICE * :*** Looking up\r\n:a CAP * LS * :multi-prefix sasl=PLAIN\r\n:a CAP * LS :tls\r\n";
    let turns = [(asks, listed), ("STARTTLS\r\n", ":a 670 * :go ahead\r\n")];
    check_offered(Protocol::Irc, &turns, "starttls", Some("multi-prefix, sasl=PLAIN, tls"));
    let turns = [(asks, listed), ("STARTTLS\r\n", ":a 691 * :no\r\n")];
    check(Protocol::Irc, &turns, "it refuses STARTTLS: :a 691 * :no");
    check(Protocol::Irc, &[(asks, "PING :1\u{1}2\r\n")], r"send PONG :12\r\n");
    for without in [":a CAP * LS :sasl\r\n", "@t=1 :a 421 * CAP :what?\r\n"] {
        check(Protocol::Irc, &[(asks, without)], "it does not offer STARTTLS");
    }
    check(Protocol::Irc, &[(asks, "ERROR :full\r\n")], "it ended with an error: ERROR :full");
    check(Protocol::Irc, &[(asks, "+OK hi\r\n")], "it speaks something else: +OK hi");
}

#[test]
fn ldap_begins_tls() {
    let asks = "0\u{1d}\u{2}\u{1}\u{1}w\u{18}\u{fffd}\u{16}1.3.6.1.4.1.1466.20037";
    let answer = |number: char, result: char| {
        format!("0\u{c}\u{2}\u{1}{number}x\u{7}\n\u{1}{result}\u{4}\0\u{4}\0")
    };
    check(Protocol::Ldap, &[(asks, &answer('\u{1}', '\0'))], "starttls");
    let (_, shown) = talk(Protocol::Ldap, &[(asks, &answer('\u{1}', '\u{2}'))], 1);
    assert!(shown.starts_with("it refuses STARTTLS: 0"), "{shown}");
    let (_, shown) = talk(Protocol::Ldap, &[(asks, &answer('\0', '\u{34}'))], 1);
    assert!(shown.starts_with("it ended with an error: 0"), "{shown}");
    let (_, shown) = talk(Protocol::Ldap, &[(asks, &answer('\u{5}', '\0'))], 1);
    assert!(shown.starts_with("it speaks something else: 0"), "{shown}");
    check(Protocol::Ldap, &[(asks, "220 smtp")], "it speaks something else: 220 smtp");
    // Lengths may be longer than need be.
    let mut preamble = Preamble::new(&service(Protocol::Ldap));
    preamble.feed(b"\x30\x84\0\0\0\x0d\x02\x01\x01\x78\x81\x07\x0a\x01\0\x04\0\x04\0");
    assert_eq!(preamble.next(), Next::StartTls);
    // What would be longer than anything we would read is refused at once.
    let mut preamble = Preamble::new(&service(Protocol::Ldap));
    preamble.feed(b"\x30\x84\xff\xff\xff\xff");
    assert!(matches!(preamble.next(), Next::Over(Early::NotThisProtocol { .. })));
}

#[test]
fn postgresql_begins_tls() {
    let asks = String::from_utf8_lossy(postgresql::REQUEST);
    check(Protocol::Postgresql, &[(&asks, "S")], "starttls");
    check(Protocol::Postgresql, &[(&asks, "N")], "it does not offer STARTTLS");
    let error = "E\0\0\0\u{c}Mbad\0\0\0\0";
    let shown = r"it ended with an error: E\u{0}\u{0}\u{0}\u{c}Mbad\u{0}\u{0}\u{0}\u{0}";
    check(Protocol::Postgresql, &[(&asks, error)], shown);
    check(Protocol::Postgresql, &[(&asks, "E\0\0\0\u{c}Mb")], "receive");
    check(Protocol::Postgresql, &[(&asks, "HTTP")], "it speaks something else: HTTP");
    let shown = r"it speaks something else: E\u{0}\u{0}\u{0}\u{3}";
    check(Protocol::Postgresql, &[(&asks, "E\0\0\0\u{3}")], shown);
}

#[test] // CVE-2011-0411, CVE-2021-23222.
fn what_comes_behind_the_answer_to_starttls_is_reported() {
    let asks = String::from_utf8_lossy(postgresql::REQUEST);
    let shown = "clear text came behind its answer to STARTTLS: R";
    check(Protocol::Postgresql, &[(&asks, "SR")], shown);
    let turns = [
        ("", "220 hi\r\n"),
        ("EHLO localhost\r\n", "250-a\r\n250 STARTTLS\r\n"),
        ("STARTTLS\r\n", "220 ready\r\n250 PIPELINED\r\n"),
    ];
    check(Protocol::Smtp, &turns, "clear text came behind its answer to STARTTLS: 250 PIPELINED");
    let injected = format!("{PROCEED}<a/>");
    let turns = [(CLIENT, SERVER), ("", FEATURES), (ASK, &injected)];
    check(Protocol::Xmpp, &turns, "clear text came behind its answer to STARTTLS: <a/>");
}

#[test]
fn endless_answers_end() {
    let lines = "250-x\r\n".repeat(HEARD_LINES_MAX + 1);
    let shown = "it said more than 256 lines before TLS";
    check(Protocol::Smtp, &[("", &lines)], shown);
    let bytes = "x".repeat(HEARD_BYTES_MAX);
    check(Protocol::Smtp, &[("", &bytes)], "receive");
    let shown = "it said more than 32768 bytes before TLS";
    check(Protocol::Smtp, &[("", &format!("{bytes}x"))], shown);
    let text = format!("{SERVER}<a>{bytes}");
    check(Protocol::Xmpp, &[(CLIENT, &text)], shown);
    // Quotes that never close.
    let text = format!("{SERVER}<a b='{bytes}");
    check(Protocol::Xmpp, &[(CLIENT, &text)], shown);
}

#[test]
fn a_connection_that_closes_ends_it() {
    let mut preamble = Preamble::new(&service(Protocol::Smtp));
    preamble.feed(b"220-a\r\n220-b");
    preamble.end();
    let Next::Over(early) = preamble.next() else { panic!("it closed") };
    assert_eq!(
        early.to_string(),
        r"it closed the connection in the middle of: 220-a\u{d}\u{a}220-b"
    );
    let mut preamble = Preamble::new(&service(Protocol::Ldap));
    preamble.end();
    let Next::Over(early) = preamble.next() else { panic!("it closed") };
    assert_eq!(early.to_string(), "it closed the connection before TLS");
}

#[test]
fn names_cannot_say_more_than_a_name() {
    let mut preamble = Preamble::named(&service(Protocol::Smtp), Some("a\r\nMAIL FROM:<b>"));
    preamble.feed(b"220 hi\r\n");
    assert_eq!(preamble.next(), Next::Send(b"EHLO aMAILFROM:<b>\r\n".to_vec()));
    let evil = Service { domain: "a\"/><b c='".to_owned(), ..service(Protocol::XmppServer) };
    let Next::Send(words) = Preamble::new(&evil).next() else { panic!("a server begins") };
    assert!(String::from_utf8(words).unwrap().contains("to='a&quot;/&gt;&lt;b c=&apos;'"));
}

#[test]
fn where_tls_comes_first_nothing_is_said() {
    let direct = Service { opening: Opening::Direct, ..service(Protocol::Imap) };
    for service in [direct, service(Protocol::Http), service(Protocol::Plain)] {
        assert_eq!(Preamble::new(&service).next(), Next::StartTls);
    }
}

const STARTTLS: [Protocol; 9] = [
    Protocol::Xmpp,
    Protocol::XmppServer,
    Protocol::Smtp,
    Protocol::Submission,
    Protocol::Imap,
    Protocol::Pop3,
    Protocol::Irc,
    Protocol::Ldap,
    Protocol::Postgresql,
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_make_no_difference(
        protocol in prop::sample::select(&STARTTLS[..]),
        words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..12),
        noise: Vec<u8>,
        piece in 1_usize..20,
    ) {
        let heard = [words.concat().as_bytes(), &noise].concat();
        let (mut whole, mut pieces) = (Preamble::new(&service(protocol)), Preamble::new(&service(protocol)));
        whole.feed(&heard);
        heard.chunks(piece).for_each(|bytes| pieces.feed(bytes));
        prop_assert_eq!(whole.offered(), pieces.offered());
        match (whole.next(), pieces.next()) {
            // Of several commands, the first ones are sent before the last piece comes.
            (Next::Send(_), Next::Send(_) | Next::Receive) => {}
            (whole, pieces) => prop_assert_eq!(whole, pieces),
        }
    }
}

/// What conversations are made of.
const WORDS: [&str; 22] = [
    SERVER,
    FEATURES,
    PROCEED,
    "<stream:features>",
    "</stream:features>",
    "<a b='>'>",
    "</a>",
    "220 hi\r\n",
    "220-hi\r\n",
    "250-a\r\n250 STARTTLS\r\n",
    "* OK hi\r\n",
    "* CAPABILITY STARTTLS\r\n",
    "A001 OK\r\n",
    "A002 OK\r\n",
    "+OK\r\n",
    "STLS\r\n",
    ".\r\n",
    ":a CAP * LS :tls\r\n",
    ":a 670 * :go\r\n",
    "0\u{c}\u{2}\u{1}\u{1}x\u{7}\n\u{1}\0\u{4}\0\u{4}\0",
    "S",
    "E\0\0\0\u{6}ab",
];
