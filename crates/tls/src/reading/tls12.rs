//! TLS 1.2 (RFC 5246 §7.3): the certificates and the server's signature are in clear text.

use super::{Clear, ClientSide, Said};
use crate::bytes::Bytes;
use crate::certificate;
use crate::flaw::{Flaw, Unproved};
use crate::handshake::{End, Handshake, Shown};
use crate::hello::{SCT, ServerHello};
use crate::message::Message;
use crate::names::TLS12;
use crate::signature;
use crate::transcript;

/// From behind the ServerHello to the ServerHelloDone.
pub(super) fn follow(
    shown: &mut Handshake,
    client: &ClientSide<'_>,
    server: &mut Clear<'_>,
    hellos: &[Message],
    hello: &ServerHello,
) -> Result<(), End> {
    shown.scts = hello.extension(SCT).map(<[u8]>::to_vec);
    let mut last = Message::SERVER_HELLO;
    loop {
        let message = match server.next()? {
            Said::Message(message) => message,
            // The server goes over to encryption at once: it goes on with an earlier session.
            Said::ChangeCipherSpec
                if matches!(last, Message::SERVER_HELLO | Message::NEW_SESSION_TICKET) =>
            {
                shown.chain = Shown::Resumed;
                return Ok(());
            }
            Said::ChangeCipherSpec => return Err(End::Broken(Flaw::Record(20))),
            Said::Sealed(record) => return Err(End::Broken(Flaw::Record(record.kind))),
        };
        let kind = message.kind();
        if !may_follow(last, kind) {
            return Err(End::Broken(Flaw::Unexpected(kind)));
        }
        let malformed = End::Broken(Flaw::Malformed(kind));
        match kind {
            Message::CERTIFICATE => {
                let read = certificate::of_tls12(message.body()).ok_or(malformed)?;
                shown.left_out = read.left_out;
                shown.chain = Shown::Unproved { chain: read.chain, why: Unproved::Cut };
            }
            Message::CERTIFICATE_STATUS => {
                shown.ocsp = Some(certificate::ocsp(message.body()).ok_or(malformed)?);
            }
            Message::SERVER_KEY_EXCHANGE => {
                let exchange = KeyExchange::read(message.body()).ok_or(malformed)?;
                shown.group = exchange.group;
                if hello.negotiated() == TLS12 {
                    shown.hellos_sha256 = Some(transcript::of_tls12(hellos, &message));
                }
                exchange.prove(shown, client, hello);
            }
            Message::CERTIFICATE_REQUEST => shown.asks_for_certificate = true,
            Message::SERVER_HELLO_DONE => {
                done(shown, hello);
                return Ok(());
            }
            // A ticket; the ChangeCipherSpec comes next.
            _ => {}
        }
        last = kind;
    }
}

/// Whether a message may come after another one (RFC 5246 §7.3, RFC 5077 §3.3, RFC 6066 §8).
fn may_follow(last: u8, next: u8) -> bool {
    let order = [
        Message::SERVER_HELLO,
        Message::CERTIFICATE,
        Message::CERTIFICATE_STATUS,
        Message::SERVER_KEY_EXCHANGE,
        Message::CERTIFICATE_REQUEST,
        Message::SERVER_HELLO_DONE,
    ];
    let place = |kind| order.iter().position(|known| *known == kind);
    match (place(last), place(next)) {
        (Some(last), Some(next)) => last < next,
        (Some(0), None) => next == Message::NEW_SESSION_TICKET,
        (Some(_) | None, _) => false,
    }
}

/// The server has said everything: what is missing now never comes.
fn done(shown: &mut Handshake, hello: &ServerHello) {
    match &mut shown.chain {
        Shown::Unproved { why, .. } if *why == Unproved::Cut => {
            *why = Unproved::NothingSigned(hello.suite);
        }
        Shown::None => shown.chain = Shown::Anonymous,
        _ => {}
    }
}

/// A ServerKeyExchange (RFC 8422 §5.4, RFC 5246 §7.4.3).
struct KeyExchange<'a> {
    /// What the server signs, beside the random values.
    parameters: &'a [u8],
    /// The curve, if it has a name.
    group: Option<u16>,
    /// The scheme, before TLS 1.2 there is none, and the signature. Absent if the suite is anonymous.
    signed: Signed<'a>,
}

enum Signed<'a> {
    Not,
    Unknown,
    By { scheme: u16, signature: &'a [u8] },
}

impl<'a> KeyExchange<'a> {
    /// On a curve, or else over a finite field, whichever ends where the message does.
    fn read(body: &'a [u8]) -> Option<Self> {
        let mut fields = Bytes::new(body);
        let group = curve(&mut fields);
        let on_curve = group.and_then(|group| Self::ending(body, Some(group), fields));
        on_curve.or_else(|| {
            let mut fields = Bytes::new(body);
            // The prime, the generator, and the server's share.
            for _ in 0..3 {
                fields.vector_u16()?;
            }
            Self::ending(body, None, fields)
        })
    }

    fn ending(body: &'a [u8], group: Option<u16>, mut rest: Bytes<'a>) -> Option<Self> {
        let parameters = &body[..body.len() - rest.rest().len()];
        if rest.is_empty() {
            return Some(Self { parameters, group, signed: Signed::Not });
        }
        let mut old = rest;
        let by = rest.u16().zip(rest.vector_u16()).filter(|_| rest.is_empty());
        let signed = match by {
            Some((scheme, signature)) => Signed::By { scheme, signature },
            // TLS 1.0 and 1.1 name no scheme.
            None => old.vector_u16().filter(|_| old.is_empty()).map(|_| Signed::Unknown)?,
        };
        Some(Self { parameters, group, signed })
    }

    /// Holds the signature against the key in the first certificate.
    fn prove(self, shown: &mut Handshake, client: &ClientSide<'_>, hello: &ServerHello) {
        let Shown::Unproved { chain, why } = &mut shown.chain else { return };
        let version = hello.negotiated();
        let (scheme, signature) = match self.signed {
            _ if version != TLS12 => {
                *why = Unproved::Version(version);
                return;
            }
            Signed::By { scheme, signature } => (scheme, signature),
            Signed::Not | Signed::Unknown => {
                *why = Unproved::NothingSigned(hello.suite);
                return;
            }
        };
        let message = [&client.random[..], &hello.random, self.parameters].concat();
        match signature::verify(version, scheme, &chain[0], &message, signature) {
            Ok(()) => shown.chain = Shown::Proved { chain: std::mem::take(chain), scheme },
            Err(flaw) => *why = flaw,
        }
    }
}

/// The named curve of parameters on one (RFC 8422 §5.4).
fn curve(fields: &mut Bytes<'_>) -> Option<u16> {
    let is_named = fields.u8()? == 3;
    let group = fields.u16().filter(|_| is_named)?;
    fields.vector_u8().map(|_point| group)
}
