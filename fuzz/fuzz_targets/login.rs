//! What an XMPP server says inside TLS: it ends within its limits, and nobody is believed who does not know the password.
#![no_main]

// The modules alone: the rest of the crate would bring clients and sockets to be built with counters.
#[allow(dead_code, unused_imports, unreachable_pub, reason = "not all of it is fed here")]
#[path = "../../crates/probe/src"]
mod probe {
    pub mod inbox;
    pub mod login;
    pub mod xml;
    pub mod xmpp;
}

use probe::login::{Account, Binding, Login, Next, Outcome, Terms, Unbound};
use probe::{inbox, xml, xmpp};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((piece, heard)) = bytes.split_first() else { return };
    let account = Account::new("probe", "pencil").expect("this is ASCII");
    let bindings = vec![Binding::TlsExporter([7; 32]), Binding::TlsServerEndPoint(vec![1])];
    let terms = Terms { bindings, unbound: Unbound::Allow };
    let mut login = Login::log_in("a.example", account, terms, [0; 18]);
    heard.chunks(usize::from(*piece) + 1).for_each(|bytes| login.feed(bytes));
    login.end();
    let Next::Over { outcome, .. } = login.next() else { panic!("it does not end") };
    assert!(!matches!(outcome, Outcome::Bound { .. } | Outcome::NotBound { .. } | Outcome::Looked));
});
