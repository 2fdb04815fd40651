//! What is said before TLS, and XMPP's login, with the servers that people run: Prosody, ejabberd, Dovecot, aiosmtpd,
//! OpenLDAP, PostgreSQL and ngIRCd, each a process on loopback that ends with its test.

#![expect(clippy::unwrap_used, reason = "a test ends where its world is not as it made it")]

mod connection;
mod programs;

use countersign_judge::probe::Protocol;
use countersign_probe::login::{Account, Binding, Login, Outcome, Terms, Unbound};
use countersign_probe::preamble::Early;

use connection::{Tls, direct, log_in, starttls};
use programs::{Place, present};

const PASSWORD: &str = "a password of alice";

#[test]
fn prosody_begins_tls_and_lets_in() {
    if !present(&["prosody", "prosodyctl"]) {
        return;
    }
    let place = Place::new();
    let [clients, servers] = place.ports();
    let _prosody = place.prosody(clients, servers, PASSWORD);
    let (offered, _) = starttls(Protocol::XmppServer, servers, &place).unwrap();
    assert!(offered.contains(&"starttls required".to_owned()), "{offered:?}");
    // Over TLS 1.3 it has no channel binding, and offers none.
    let outcome = try_to_log_in(clients, &place, Tls::V13, PASSWORD, Unbound::Refuse);
    let Outcome::PlusNotOffered { mechanisms } = outcome else { panic!("{outcome:?}") };
    assert!(mechanisms.contains(&"SCRAM-SHA-1".to_owned()), "{mechanisms:?}");
    let outcome = try_to_log_in(clients, &place, Tls::V13, PASSWORD, Unbound::Allow);
    assert!(matches!(outcome, Outcome::NotBound { mechanism: "SCRAM-SHA-1", .. }), "{outcome:?}");
    let outcome = try_to_log_in(clients, &place, Tls::V13, "another", Unbound::Allow);
    assert!(matches!(outcome, Outcome::PasswordRefused { .. }), "{outcome:?}");
    // Over TLS 1.2 it binds to `tls-unique`, does not say so, and takes nothing else.
    let outcome = try_to_log_in(clients, &place, Tls::V12, PASSWORD, Unbound::Refuse);
    assert!(matches!(outcome, Outcome::BindingNotAnnounced { .. }), "{outcome:?}");
}

#[test]
fn ejabberd_begins_tls_and_lets_in() {
    if !present(&["ejabberdctl", "erl"]) {
        return;
    }
    let place = Place::new();
    let [clients, servers] = place.ports();
    let _ejabberd = place.ejabberd(clients, servers, PASSWORD);
    let (offered, _) = starttls(Protocol::XmppServer, servers, &place).unwrap();
    assert!(offered.contains(&"starttls required".to_owned()), "{offered:?}");
    let (_, mut stream) = starttls(Protocol::Xmpp, clients, &place).unwrap();
    let mut login = Login::look("a.example");
    assert_eq!(log_in(&mut login, &mut stream), Outcome::Looked);
    let mechanisms = &login.features().mechanisms;
    assert!(mechanisms.contains(&"SCRAM-SHA-256-PLUS".to_owned()), "{mechanisms:?}");
    // It offers to bind, does not say to what, and knows neither of ours.
    let outcome = try_to_log_in(clients, &place, Tls::V13, PASSWORD, Unbound::Refuse);
    assert!(matches!(outcome, Outcome::BindingNotAnnounced { .. }), "{outcome:?}");
    let terms = Terms { bindings: Vec::new(), unbound: Unbound::Allow };
    let account = Account::new("alice", PASSWORD).unwrap();
    let (_, mut stream) = starttls(Protocol::Xmpp, clients, &place).unwrap();
    let mut login = Login::log_in("a.example", account, terms, [1; 18]);
    let outcome = log_in(&mut login, &mut stream);
    assert!(matches!(outcome, Outcome::NotBound { mechanism: "SCRAM-SHA-512", .. }), "{outcome:?}");
}

#[test]
fn dovecot_begins_tls() {
    if !present(&["dovecot"]) {
        return;
    }
    let place = Place::new();
    let [imap, pop3] = place.ports();
    let _dovecot = place.dovecot(imap, pop3);
    let (offered, _) = starttls(Protocol::Imap, imap, &place).unwrap();
    assert!(offered.contains(&"AUTH=PLAIN".to_owned()), "{offered:?}");
    let (offered, _) = starttls(Protocol::Pop3, pop3, &place).unwrap();
    assert!(offered.contains(&"SASL PLAIN".to_owned()), "{offered:?}");
}

#[test]
fn aiosmtpd_begins_tls_and_is_nothing_else() {
    if !present(&["aiosmtpd"]) {
        return;
    }
    let place = Place::new();
    let [port] = place.ports();
    let _aiosmtpd = place.aiosmtpd(port);
    for protocol in [Protocol::Smtp, Protocol::Submission] {
        let (offered, _) = starttls(protocol, port, &place).unwrap();
        assert!(offered.contains(&"8BITMIME".to_owned()), "{offered:?}");
    }
    // It greets, and who expects another protocol notices.
    for protocol in [Protocol::Xmpp, Protocol::Imap, Protocol::Pop3, Protocol::Ldap] {
        let early = starttls(protocol, port, &place).unwrap_err();
        assert!(matches!(early, Early::NotThisProtocol { .. }), "{protocol}: {early}");
    }
}

#[test]
fn openldap_begins_tls() {
    if !present(&["slapd"]) {
        return;
    }
    let place = Place::new();
    let [port, other] = place.ports();
    let _slapd = place.slapd(port, Some("TLS"));
    starttls(Protocol::Ldap, port, &place).unwrap();
    let _slapd = place.slapd(other, None);
    let refused = starttls(Protocol::Ldap, other, &place).unwrap_err();
    assert!(matches!(refused, Early::StartTlsRefused { .. }), "{refused}");
}

#[test]
fn postgresql_begins_tls() {
    let place = Place::new();
    let [port, other] = place.ports();
    let Some(_postgresql) = place.postgresql(port, "on") else { return };
    starttls(Protocol::Postgresql, port, &place).unwrap();
    drop(_postgresql);
    let _postgresql = place.postgresql(other, "off");
    let refused = starttls(Protocol::Postgresql, other, &place).unwrap_err();
    assert_eq!(refused, Early::StartTlsNotOffered);
}

#[test]
fn ngircd_has_tls_from_the_first_byte_only() {
    if !present(&["ngircd"]) {
        return;
    }
    let place = Place::new();
    let [clear, secure] = place.ports();
    let _ngircd = place.ngircd(clear, secure);
    let refused = starttls(Protocol::Irc, clear, &place).unwrap_err();
    assert_eq!(refused, Early::StartTlsNotOffered);
    direct(Protocol::Irc, secure, &place);
}

/// Logs in as alice, bound to what TLS exports.
fn try_to_log_in(port: u16, place: &Place, tls: Tls, password: &str, unbound: Unbound) -> Outcome {
    let (_, mut stream) = connection::starttls_of(Protocol::Xmpp, port, place, tls).unwrap();
    let exported = stream
        .conn
        .export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[]))
        .unwrap();
    let terms = Terms { bindings: vec![Binding::TlsExporter(exported)], unbound };
    let account = Account::new("alice", password).unwrap();
    let mut login = Login::log_in("a.example", account, terms, [1; 18]);
    log_in(&mut login, &mut stream)
}
