use aws_lc_rs::{digest, hmac};
use proptest::prelude::*;

use super::*;
use crate::inbox::HEARD_BYTES_MAX;

/// A server, made for the tests from RFC 5802 alone: it shares no code with what is tested but base64.
struct Server {
    mechanisms: Vec<&'static str>,
    /// The types that it announces (XEP-0440).
    announced: Option<Vec<&'static str>>,
    /// What its end of the TLS connection exports.
    exported: [u8; 32],
    certificate_hash: &'static [u8],
    password: &'static str,
    iterations: u32,
    /// Whether its first message protects its lists (XEP-0474).
    protects: bool,
    /// Whether its signature comes with a challenge of its own.
    signs_first: bool,
    /// Whether it knows what it should.
    knows: bool,
    client_first: String,
    server_first: String,
}

const STREAM_START: &str = "<?xml version='1.0'?><stream:stream version='1.0' xmlns='jabber:client' \
    xmlns:stream='http://etherx.jabber.org/streams'>";

impl Server {
    fn new() -> Self {
        Self {
            mechanisms: vec!["SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "PLAIN", "SCRAM-SHA-256"],
            announced: Some(vec!["tls-server-end-point", "tls-exporter"]),
            exported: [7; 32],
            certificate_hash: b"hash of the certificate",
            password: "pencil",
            iterations: 4096,
            protects: true,
            signs_first: false,
            knows: true,
            client_first: String::new(),
            server_first: String::new(),
        }
    }

    fn hears(&mut self, words: &str) -> String {
        if words.contains("<stream:stream") {
            return format!("{STREAM_START}{}", self.features());
        }
        if words == "<response xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>" {
            return "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".to_owned();
        }
        let (_, text) = words.split_once('>').unwrap();
        let message = BASE64.decode(text.split_once('<').unwrap().0).unwrap();
        let message = String::from_utf8(message).unwrap();
        if words.contains("<auth") {
            assert!(words.contains("SHA-256"), "the best is chosen: {words}");
            return self.first(message);
        }
        self.last(&message)
    }

    fn features(&self) -> String {
        let mechanisms: String =
            self.mechanisms.iter().map(|name| format!("<mechanism>{name}</mechanism>")).collect();
        let announced = self.announced.iter().map(|types| {
            let types: String =
                types.iter().map(|name| format!("<channel-binding type='{name}'/>")).collect();
            format!(
                "<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>{types}</sasl-channel-binding>"
            )
        });
        format!(
            "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{mechanisms}</mechanisms>{}\
             </stream:features>",
            announced.collect::<String>()
        )
    }

    fn first(&mut self, message: String) -> String {
        let nonce = message.split_once(",r=").unwrap().1;
        let mut first = format!("r={nonce}SERVER,s=c2FsdA==,i={}", self.iterations);
        if self.protects {
            let mut mechanisms = self.mechanisms.clone();
            mechanisms.sort();
            let mut lists = mechanisms.join("\x1e");
            if let Some(mut types) = self.announced.clone() {
                types.sort();
                lists = format!("{lists}\x1f{}", types.join("\x1e"));
            }
            let hash = digest::digest(&digest::SHA256, lists.as_bytes());
            first = format!("{first},h={}", BASE64.encode(hash));
        }
        self.client_first = message;
        self.server_first = first.clone();
        format!("<challenge xmlns='{SASL}'>\n{}\n</challenge>", BASE64.encode(first))
    }

    fn last(&self, message: &str) -> String {
        let fails = |condition: &str, text: &str| {
            format!("<failure xmlns='{SASL}'><{condition}/><text>{text}</text></failure>")
        };
        let (without_proof, proof) = message.rsplit_once(",p=").unwrap();
        let channel = BASE64.decode(without_proof[2..].split_once(',').unwrap().0).unwrap();
        let (header, bare) = self.client_first.split_at(self.client_first.find("n=").unwrap());
        let data = channel.strip_prefix(header.as_bytes()).unwrap();
        match header {
            "p=tls-exporter,," if data == self.exported => {}
            "p=tls-server-end-point,," if data == self.certificate_hash => {}
            "n,," if data.is_empty() => {}
            "y,," if !self.mechanisms.iter().any(|name| name.ends_with("-PLUS")) => {}
            "y,," => return fails("not-authorized", "server-does-support-channel-binding"),
            _ => return fails("not-authorized", "channel-bindings-dont-match"),
        }
        // Hi() of RFC 5802 §2.2.
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.password.as_bytes());
        let mut u = hmac::sign(&key, b"salt\0\0\0\x01").as_ref().to_vec();
        let mut salted = u.clone();
        for _ in 1..self.iterations {
            u = hmac::sign(&key, &u).as_ref().to_vec();
            salted.iter_mut().zip(&u).for_each(|(sum, octet)| *sum ^= octet);
        }
        let sign = |key: &[u8], text: &[u8]| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
        };
        let auth_message = format!("{bare},{},{without_proof}", self.server_first);
        let client_key = sign(&salted, b"Client Key");
        let stored = digest::digest(&digest::SHA256, &client_key);
        let over = sign(stored.as_ref(), auth_message.as_bytes());
        let proved: Vec<u8> =
            BASE64.decode(proof).unwrap().iter().zip(over).map(|(a, b)| a ^ b).collect();
        if self.knows && proved != client_key {
            return fails("not-authorized", "");
        }
        let server_key = if self.knows { sign(&salted, b"Server Key") } else { vec![0; 32] };
        let signature = BASE64.encode(sign(&server_key, auth_message.as_bytes()));
        let last = BASE64.encode(format!("v={signature}"));
        match self.signs_first {
            true => format!("<challenge xmlns='{SASL}'>{last}</challenge>"),
            false => format!("<success xmlns='{SASL}'>{last}</success>"),
        }
    }
}

fn account() -> Account {
    Account::new("us,er", "pencil").unwrap()
}

fn terms(unbound: Unbound) -> Terms {
    Terms { bindings: vec![Binding::TlsExporter([7; 32])], unbound }
}

/// Has a client and a server talk, with somebody between them who changes what the server says, in pieces of any size.
#[track_caller]
fn talk(
    mut server: Server,
    terms: Terms,
    between: impl Fn(String) -> String,
    piece: usize,
) -> (Outcome, &'static [u8]) {
    let mut login = Login::log_in("a.example", account(), terms, [1; 18]);
    for _ in 0..6 {
        match login.next() {
            Next::Send(words) => {
                let answer = between(server.hears(&String::from_utf8(words).unwrap()));
                answer.as_bytes().chunks(piece).for_each(|bytes| login.feed(bytes));
            }
            Next::Receive => panic!("the server has said all it had to say"),
            Next::Over { outcome, farewell } => return (outcome, farewell),
        }
    }
    panic!("no end");
}

#[track_caller]
fn check(
    server: impl Fn() -> Server,
    terms: Terms,
    between: impl Fn(String) -> String,
    outcome: &str,
) {
    for piece in [1, usize::MAX] {
        let (end, _) = talk(server(), terms.clone(), &between, piece);
        let shown = format!("{end:?}");
        assert!(shown.starts_with(outcome), "{shown} is not {outcome}");
    }
}

fn as_is(words: String) -> String {
    words
}

const BOUND: &str =
    r#"Bound { mechanism: "SCRAM-SHA-256-PLUS", binding: "tls-exporter", lists: Confirmed }"#;

#[test]
fn a_login_is_bound_to_its_connection() {
    check(Server::new, terms(Unbound::Refuse), as_is, BOUND);
    check(|| Server { signs_first: true, ..Server::new() }, terms(Unbound::Refuse), as_is, BOUND);
    let unstated = BOUND.replace("Confirmed", "Unstated");
    let silent = || Server { protects: false, announced: None, ..Server::new() };
    check(silent, terms(Unbound::Refuse), as_is, &unstated);
    // The other type, where the server takes no exporter.
    let bindings = vec![
        Binding::TlsExporter([7; 32]),
        Binding::TlsServerEndPoint(b"hash of the certificate".to_vec()),
    ];
    let server = || Server { announced: Some(vec!["tls-server-end-point"]), ..Server::new() };
    let end_point = BOUND.replace("tls-exporter", "tls-server-end-point");
    check(server, Terms { bindings, unbound: Unbound::Refuse }, as_is, &end_point);
}

#[test]
fn an_interceptor_has_another_connection() {
    let elsewhere = || Server { exported: [8; 32], ..Server::new() };
    let refused = r#"BindingRefused { binding: "tls-exporter""#;
    check(elsewhere, terms(Unbound::Allow), as_is, refused);
    let silent = || Server { announced: None, ..elsewhere() };
    let unknown = r#"BindingNotAnnounced { binding: "tls-exporter""#;
    check(silent, terms(Unbound::Allow), as_is, unknown);
}

#[test]
fn mechanisms_that_were_taken_out_are_noticed() {
    let strips = |words: String| words.replace("<mechanism>SCRAM-SHA-256-PLUS</mechanism>", "");
    check(
        Server::new,
        terms(Unbound::Refuse),
        strips,
        r#"PlusNotOffered { mechanisms: ["SCRAM-SHA-1", "PLAIN", "SCRAM-SHA-256"] }"#,
    );
    // XEP-0474: by the hash of the lists; RFC 5802 §6: by the flag.
    check(Server::new, terms(Unbound::Allow), strips, "Downgraded");
    let old = || Server { protects: false, ..Server::new() };
    check(old, terms(Unbound::Allow), strips, "Downgraded");
    // Who hides the hash as well changes what is signed.
    let hides = |words: String| match words.split_once("'>\n") {
        Some((start, text)) if start.contains("<challenge") => {
            let message = BASE64.decode(text.split_once('\n').unwrap().0).unwrap();
            let message = String::from_utf8(message).unwrap();
            let message = BASE64.encode(message.split_once(",h=").unwrap().0);
            format!("{start}'>{message}</challenge>")
        }
        _ => words.replace("tls-exporter", "tls-unique").replace("tls-server-end-point", "x"),
    };
    check(
        Server::new,
        terms(Unbound::Allow),
        hides,
        r#"PasswordRefused { mechanism: "SCRAM-SHA-256""#,
    );
    let hides_types = |words: String| words.replace("'tls-exporter'", "'tls-unique'");
    let offered = r#"NoCommonBinding { offered: ["tls-server-end-point", "tls-unique"] }"#;
    check(Server::new, terms(Unbound::Refuse), hides_types, offered);
    check(Server::new, terms(Unbound::Allow), hides_types, "Downgraded");
}

#[test]
fn a_login_without_binding_is_only_made_where_it_may() {
    let server =
        || Server { mechanisms: vec!["SCRAM-SHA-256", "PLAIN"], announced: None, ..Server::new() };
    let not_bound = r#"NotBound { mechanism: "SCRAM-SHA-256", lists: Confirmed }"#;
    check(server, terms(Unbound::Allow), as_is, not_bound);
    check(server, terms(Unbound::Refuse), as_is, "PlusNotOffered");
    let nothing = Terms { bindings: Vec::new(), unbound: Unbound::Allow };
    check(Server::new, nothing, as_is, not_bound);
    let plain = || Server { mechanisms: vec!["PLAIN"], ..Server::new() };
    check(plain, terms(Unbound::Allow), as_is, r#"ScramNotOffered { mechanisms: ["PLAIN"] }"#);
}

#[test]
fn both_sides_must_know_the_password() {
    let other = || Server { password: "crayon", ..Server::new() };
    check(
        other,
        terms(Unbound::Refuse),
        as_is,
        r#"PasswordRefused { mechanism: "SCRAM-SHA-256-PLUS""#,
    );
    let not_verified = r#"ServerNotVerified { mechanism: "SCRAM-SHA-256-PLUS" }"#;
    check(|| Server { knows: false, ..Server::new() }, terms(Unbound::Refuse), as_is, not_verified);
    // Success out of the blue.
    let success = format!("<success xmlns='{SASL}'/>");
    let at_once = |words: String| match words.contains("<challenge") {
        true => success.clone(),
        false => words,
    };
    check(Server::new, terms(Unbound::Refuse), at_once, not_verified);
    let unsigned = |words: String| match words.contains("<success") {
        true => success.clone(),
        false => words,
    };
    check(Server::new, terms(Unbound::Refuse), unsigned, not_verified);
}

#[test]
fn iterations_are_bounded() {
    for asked in [1, 4095, 1_000_001] {
        let server = || Server { iterations: asked, ..Server::new() };
        let (outcome, farewell) = talk(server(), terms(Unbound::Refuse), as_is, usize::MAX);
        assert_eq!((outcome, farewell), (Outcome::Iterations { asked }, ABORT));
    }
}

#[test]
fn looking_needs_no_account() {
    let mut login = Login::look("a.example");
    assert!(matches!(login.next(), Next::Send(_)));
    login.feed(Server::new().hears("<stream:stream").as_bytes());
    assert_eq!(login.next(), Next::Over { outcome: Outcome::Looked, farewell: FAREWELL });
    assert_eq!(login.features().mechanisms.len(), 4);
    let bindings = login.features().bindings.as_deref();
    assert_eq!(bindings, Some(&["tls-server-end-point", "tls-exporter"].map(str::to_owned)[..]));
}

#[test]
fn other_ends_are_named() {
    let look = |heard: &str| {
        let mut login = Login::look("a.example");
        login.feed(heard.as_bytes());
        login.end();
        match login.next() {
            Next::Over { outcome, .. } => outcome,
            other => panic!("{other:?}"),
        }
    };
    assert!(matches!(look("HTTP/1.1 400"), Outcome::NotThisProtocol { .. }));
    assert!(matches!(look(&format!("{STREAM_START}<a/>")), Outcome::NotThisProtocol { .. }));
    assert!(matches!(look(&format!("{STREAM_START}<stream:error/>")), Outcome::PeerError { .. }));
    assert!(matches!(look(&format!("{STREAM_START}</stream:stream>")), Outcome::PeerError { .. }));
    assert!(matches!(look(STREAM_START), Outcome::Closed { .. }));
    let endless = format!("{STREAM_START}<a>{}", " ".repeat(HEARD_BYTES_MAX));
    assert!(matches!(look(&endless), Outcome::TooMuch));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// No change on the way makes a login one that is not bound, though both could do it.
    #[test]
    fn no_change_takes_the_binding_away(at: prop::sample::Index, byte: u8, turn in 0..3_usize) {
        let seen = std::cell::Cell::new(0);
        let changes = |words: String| {
            let now = seen.replace(seen.get() + 1);
            let mut bytes = words.clone().into_bytes();
            if now == turn && !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            String::from_utf8(bytes).unwrap_or(words)
        };
        let mut server = Server::new();
        let mut login = Login::log_in("a.example", account(), terms(Unbound::Allow), [1; 18]);
        for _ in 0..6 {
            let Next::Send(words) = login.next() else { break };
            login.feed(changes(server.hears(&String::from_utf8(words).unwrap())).as_bytes());
        }
        login.end();
        let Next::Over { outcome, .. } = login.next() else { panic!("no end") };
        let is_unbound = matches!(outcome, Outcome::NotBound { .. });
        prop_assert!(!is_unbound, "{outcome:?}");
    }
}
