//! How XMPP streams begin (RFC 6120 §4): what is said first, and what the other side offers.

use crate::xml::{self, Element};

/// The namespace of the elements that streams consist of.
pub const STREAM: &str = "http://etherx.jabber.org/streams";
/// That of STARTTLS (RFC 6120 §5).
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// That of SASL (RFC 6120 §6).
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// That of the types of channel binding (XEP-0440).
pub const BINDING: &str = "urn:xmpp:sasl-cb:0";

/// The start of a client's stream, in the words of libstrophe, which profanity is built on.
pub fn client_header(domain: &str) -> Vec<u8> {
    let to = xml::escape(domain);
    format!(
        "<?xml version=\"1.0\"?><stream:stream to=\"{to}\" xml:lang=\"en\" version=\"1.0\" \
         xmlns=\"jabber:client\" xmlns:stream=\"{STREAM}\">"
    )
    .into_bytes()
}

/// The start of a server's stream. Some servers want to know whose it is.
pub fn server_header(domain: &str, from: Option<&str>) -> Vec<u8> {
    let to = xml::escape(domain);
    let from = from.map(|from| format!("from='{}' ", xml::escape(from))).unwrap_or_default();
    format!(
        "<?xml version='1.0'?><stream:stream xmlns:stream='{STREAM}' xmlns:db='jabber:server:dialback' \
         version='1.0' {from}to='{to}' xml:lang='en' xmlns='jabber:server'>"
    )
    .into_bytes()
}

/// Whether an element is the start of a stream.
pub fn is_stream(element: &Element) -> bool {
    element.is(STREAM, "stream")
}

/// What a server offers in a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// STARTTLS, if it is offered.
    pub starttls: Option<StartTls>,
    /// The SASL mechanisms, in the server's order.
    pub mechanisms: Vec<String>,
    /// The types of channel binding; `None` if the server does not say (XEP-0440).
    pub bindings: Option<Vec<String>>,
    /// The names of all features.
    pub names: Vec<String>,
}

/// How STARTTLS is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// Nothing else goes without it.
    Required,
    /// The server would do without.
    Optional,
}

impl Features {
    /// Reads what is in `<stream:features/>`; another element has none.
    pub fn of(element: &Element) -> Option<Self> {
        if !element.is(STREAM, "features") {
            return None;
        }
        let starttls =
            element.child(TLS, "starttls").map(|starttls| match starttls.child(TLS, "required") {
                Some(_) => StartTls::Required,
                None => StartTls::Optional,
            });
        let mechanisms = element.child(SASL, "mechanisms").into_iter().flat_map(|mechanisms| {
            let named = mechanisms.children.iter().filter(|child| child.is(SASL, "mechanism"));
            named.map(|mechanism| mechanism.text.trim().to_owned())
        });
        let bindings = element.child(BINDING, "sasl-channel-binding").map(|bindings| {
            let types =
                bindings.children.iter().filter(|child| child.is(BINDING, "channel-binding"));
            types.filter_map(|kind| Some(kind.attribute("type")?.to_owned())).collect()
        });
        let names = element.children.iter().map(|feature| feature.name.clone()).collect();
        Some(Self { starttls, mechanisms: mechanisms.collect(), bindings, names })
    }
}
