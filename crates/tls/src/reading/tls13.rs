//! TLS 1.3 (RFC 8446 §2): all but the hellos is encrypted, and all of it is signed.

use aws_lc_rs::digest::Context;

use super::{Clear, ClientSide, Said, escaped};
use crate::alert::{Alert, Side};
use crate::bytes::Bytes;
use crate::certificate::{self, Certificates};
use crate::flaw::{Flaw, Hidden, Unproved};
use crate::handshake::{End, Handshake, Shown};
use crate::hello::{ALPN, chosen_protocol, extension, extensions};
use crate::key_log::{KeyLog, Label};
use crate::message::{Message, Messages};
use crate::names::TLS13;
use crate::opened::{Opener, Suite};
use crate::record::{ALERT, HANDSHAKE};
use crate::signature;

/// From behind the ServerHello to the server's Finished.
pub(super) fn follow(
    shown: &mut Handshake,
    client: &ClientSide<'_>,
    server: &mut Clear<'_>,
    hellos: &[Message],
    key_log: &KeyLog,
) -> Result<(), End> {
    let number = shown.suite.expect("a ServerHello was read");
    let suite = Suite::of(number).ok_or(Hidden::Suite(number));
    let secret = key_log.secret(Label::ServerHandshake, &client.random).ok_or(Hidden::NoKey);
    let opened = suite.and_then(|suite| Ok((suite, secret?))).and_then(|(suite, secret)| {
        Ok((suite, Opener::new(suite, secret).ok_or(Hidden::WrongKey)?))
    });
    let (suite, opener) = match opened {
        Ok(opened) => opened,
        // An alert in clear text says more than that the rest is encrypted.
        Err(why) => return Err(first_sealed(server).err().unwrap_or(End::Sealed(why))),
    };
    let hash = begin(suite, hellos);
    let mut flight = Flight { server, opener, messages: Messages::default(), hash, opened: false };
    let end = flight.follow(shown);
    let Err(end) = end else { return Ok(()) };
    // What was shown is not proved, and says why.
    if let Shown::Unproved { why, .. } = &mut shown.chain
        && *why == Unproved::Cut
        && let End::Broken(flaw) = end
    {
        *why = Unproved::Flaw(flaw);
    }
    if let (Shown::None, End::Broken(flaw)) = (&shown.chain, end)
        && flight.opened
    {
        shown.chain = Shown::Hidden { why: Hidden::Flaw(flaw) };
    }
    if let (Shown::None, End::Cut) = (&shown.chain, end) {
        shown.chain = Shown::Hidden { why: Hidden::Cut };
    }
    Err(end)
}

/// The alerts that the client sent during the handshake, encrypted.
pub(super) fn client_alerts(client: &ClientSide<'_>, suite: u16, key_log: &KeyLog) -> Vec<Alert> {
    let secret = key_log.secret(Label::ClientHandshake, &client.random);
    let opener =
        Suite::of(suite).zip(secret).and_then(|(suite, secret)| Opener::new(suite, secret));
    let Some(mut opener) = opener else { return Vec::new() };
    // Early data, and what comes after the client's Finished, have other keys and do not open.
    let opened = client.sealed.iter().filter_map(|record| opener.open(record));
    let alerts = opened.filter(|(kind, _)| *kind == ALERT);
    alerts.filter_map(|(_, payload)| Alert::read(Side::Client, &payload)).collect()
}

/// Looks at what follows the hellos, until it is encrypted.
fn first_sealed(server: &mut Clear<'_>) -> Result<(), End> {
    loop {
        match server.next()? {
            Said::Sealed(_) => return Ok(()),
            Said::ChangeCipherSpec => {}
            Said::Message(message) => return Err(End::Broken(Flaw::Unexpected(message.kind()))),
        }
    }
}

/// The hash of the hellos. With a retry, a hash stands for the first one (RFC 8446 §4.4.1).
fn begin(suite: Suite, hellos: &[Message]) -> Context {
    let mut hash = suite.hash();
    let rest = match hellos {
        [first, rest @ ..] if rest.len() > 1 => {
            let mut alone = suite.hash();
            alone.update(first.bytes());
            let alone = alone.finish();
            let length = u8::try_from(alone.as_ref().len()).expect("hashes are short");
            hash.update(&[MESSAGE_HASH, 0, 0, length]);
            hash.update(alone.as_ref());
            rest
        }
        all => all,
    };
    rest.iter().for_each(|hello| hash.update(hello.bytes()));
    hash
}

/// What the server says encrypted, up to its Finished.
struct Flight<'a, 'b> {
    server: &'a mut Clear<'b>,
    opener: Opener,
    messages: Messages,
    hash: Context,
    /// Whether the key has opened a record.
    opened: bool,
}

impl Flight<'_, '_> {
    fn follow(&mut self, shown: &mut Handshake) -> Result<(), End> {
        let message = self.message(shown)?;
        if message.kind() != Message::ENCRYPTED_EXTENSIONS {
            return Err(unexpected(&message));
        }
        let extensions = extensions(Bytes::new(message.body())).map_err(|_| malformed(&message))?;
        shown.alpn = extension(&extensions, ALPN).and_then(chosen_protocol).map(escaped);
        self.hash.update(message.bytes());

        let mut message = self.message(shown)?;
        if matches!(shown.chain, Shown::Resumed) {
            return self.finished(&message);
        }
        if message.kind() == Message::CERTIFICATE_REQUEST {
            shown.asks_for_certificate = true;
            self.hash.update(message.bytes());
            message = self.message(shown)?;
        }
        let Certificates { chain, left_out, ocsp, scts } = certificates(&message)?;
        (shown.left_out, shown.ocsp, shown.scts) = (left_out, ocsp, scts);
        shown.chain = Shown::Unproved { chain, why: Unproved::Cut };
        self.hash.update(message.bytes());

        let message = self.message(shown)?;
        if message.kind() != Message::CERTIFICATE_VERIFY {
            return Err(unexpected(&message));
        }
        let scheme = self.certificate_verify(&message, shown.chain.certificates())?;
        self.hash.update(message.bytes());

        let message = self.message(shown)?;
        self.finished(&message)?;
        if let Shown::Unproved { chain, why } = &mut shown.chain {
            match scheme {
                Ok(scheme) => {
                    shown.chain = Shown::Proved { chain: std::mem::take(chain), scheme };
                }
                Err(flaw) => *why = flaw,
            }
        }
        Ok(())
    }

    /// The scheme of a signature that is right, or why it is not (RFC 8446 §4.4.3).
    fn certificate_verify(
        &self,
        message: &Message,
        chain: &[Vec<u8>],
    ) -> Result<Result<u16, Unproved>, End> {
        let mut fields = Bytes::new(message.body());
        let signed = fields.u16().zip(fields.vector_u16()).filter(|_| fields.is_empty());
        let (scheme, signature) = signed.ok_or_else(|| malformed(message))?;
        let hash = self.hash.clone().finish();
        let content = [&[b' '; 64][..], CONTEXT, &[0], hash.as_ref()].concat();
        let verified = signature::verify(TLS13, scheme, &chain[0], &content, signature);
        Ok(verified.map(|()| scheme))
    }

    fn finished(&mut self, message: &Message) -> Result<(), End> {
        if message.kind() != Message::FINISHED {
            return Err(unexpected(message));
        }
        if !self.messages.is_empty() {
            return Err(End::Broken(Flaw::AcrossKeys));
        }
        let hash = self.hash.clone().finish();
        let fits = self.opener.has_finished(message.body(), &hash);
        if fits { Ok(()) } else { Err(End::Broken(Flaw::Finished)) }
    }

    /// The next message. Alerts on the way are kept.
    fn message(&mut self, shown: &mut Handshake) -> Result<Message, End> {
        loop {
            if let Some(message) = self.messages.next().map_err(End::Broken)? {
                return Ok(message);
            }
            let refused = shown.alerts.iter().any(Alert::ends);
            let cut = if refused { End::Refused } else { End::Cut };
            let record = match self.server.next() {
                Ok(Said::Sealed(record)) => record,
                Ok(Said::ChangeCipherSpec) => continue,
                Ok(Said::Message(message)) => return Err(unexpected(&message)),
                Err(End::Cut) => return Err(cut),
                Err(end) => return Err(end),
            };
            let Some((kind, payload)) = self.opener.open(&record) else {
                return Err(End::Sealed(Hidden::WrongKey));
            };
            self.opened = true;
            match kind {
                HANDSHAKE => self.messages.push(&payload),
                ALERT => match Alert::read(Side::Server, &payload) {
                    Some(alert) if shown.alerts.len() < super::ALERTS_MAX => {
                        shown.alerts.push(alert);
                    }
                    Some(_) | None => return Err(End::Broken(Flaw::Record(ALERT))),
                },
                other => return Err(End::Broken(Flaw::Record(other))),
            }
        }
    }
}

fn certificates(message: &Message) -> Result<Certificates, End> {
    match message.kind() {
        Message::CERTIFICATE => {
            certificate::of_tls13(message.body()).ok_or_else(|| malformed(message))
        }
        Message::COMPRESSED_CERTIFICATE => {
            certificate::of_compressed(message.body()).map_err(End::Broken)
        }
        _ => Err(unexpected(message)),
    }
}

fn unexpected(message: &Message) -> End {
    End::Broken(Flaw::Unexpected(message.kind()))
}

fn malformed(message: &Message) -> End {
    End::Broken(Flaw::Malformed(message.kind()))
}

/// RFC 8446 §4.4.3.
const CONTEXT: &[u8] = b"TLS 1.3, server CertificateVerify";

/// The type of what stands for the first ClientHello (RFC 8446 §4.4.1).
const MESSAGE_HASH: u8 = 254;
