//! `GeneralNames` (RFC 5280 §4.2.1.6).

use std::borrow::Cow;

use countersign_sct::der::{OBJECT_IDENTIFIER, Reader, SEQUENCE};

use super::distinguished_name::{Within, string_form};
use super::elements::{CONSTRUCTED, Element, joined};
use super::{Form, Place, Walker};

/// Whose alternative names they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Subject,
    Issuer,
}

impl Owner {
    fn place(self, place: Place) -> Place {
        match self {
            Self::Subject => place,
            Self::Issuer => Place::IssuerAltName,
        }
    }
}

impl<'a> Walker<'a> {
    /// The value of subjectAltName or issuerAltName.
    pub(super) fn general_names(&mut self, value: &'a [u8], owner: Owner) {
        let names = if value.first() == Some(&SEQUENCE) {
            let Some(names) = self.only(value) else { return };
            names.contents
        } else {
            self.unclean(); // Perhaps the names stand there without their SEQUENCE.
            value
        };
        let mut reader = Reader::new(names);
        while let Some(name) = self.element(&mut reader) {
            self.general_name(name, owner);
        }
    }

    fn general_name(&mut self, name: Element<'a>, owner: Owner) {
        // The type is a choice, so the tag's number decides. All but otherName, x400Address, directoryName and
        // ediPartyName are strings, which BER allows in segments.
        if !matches!(name.tag, 0x81 | 0x82 | 0x86..=0x88 | 0xa0 | 0xa3..=0xa5) {
            self.unclean();
        }
        match name.tag & !CONSTRUCTED {
            0x80 => self.other_name(name.contents, owner),
            0x81 => self.name(owner.place(Place::SanEmail), Form::Text, joined(&name)),
            0x82 => self.name(owner.place(Place::SanDns), Form::Text, joined(&name)),
            0x83 | 0x85 => self.walked.opaque.push(Cow::Borrowed(name.contents)),
            0x84 => {
                if let Some(directory_name) = self.only(name.contents) {
                    let place = owner.place(Place::SanDirectoryName);
                    self.distinguished_name(directory_name.contents, Within::AltName(place));
                }
            }
            0x86 => self.name(owner.place(Place::SanUri), Form::Text, joined(&name)),
            0x87 => self.name(owner.place(Place::SanIp), Form::Address, joined(&name)),
            0x88 => {} // registeredID: an object identifier.
            // A string under its universal tag, say. For want of a type it is taken to be a dNSName.
            tag if string_form(tag).is_some() || name.tag & CONSTRUCTED == 0 => {
                let form = string_form(tag).unwrap_or(Form::Text);
                self.name(owner.place(Place::SanDns), form, joined(&name));
            }
            _ => {}
        }
    }

    /// `OtherName`: an object identifier and `[0] EXPLICIT` what it says.
    fn other_name(&mut self, contents: &'a [u8], owner: Owner) {
        let mut reader = Reader::new(contents);
        let Some(id) = self.element(&mut reader) else { return self.unclean() };
        let Some(value) = self.element(&mut reader) else { return self.unclean() };
        if id.tag != OBJECT_IDENTIFIER || value.tag != EXPLICIT_VALUE || !reader.is_empty() {
            self.unclean();
        }
        let place = match id.contents {
            XMPP_ADDR => Place::SanXmppAddr,
            SRV_NAME => Place::SanSrvName,
            SMTP_UTF8_MAILBOX => Place::SanSmtpUtf8Mailbox,
            _ => return self.walked.opaque.push(Cow::Borrowed(contents)),
        };
        if let Some(text) = self.only(value.contents) {
            self.string(owner.place(place), &text);
        }
    }
}

/// `[0] EXPLICIT`.
const EXPLICIT_VALUE: u8 = 0xa0;
/// 1.3.6.1.5.5.7.8.5, id-on-xmppAddr.
const XMPP_ADDR: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 5];
/// 1.3.6.1.5.5.7.8.7, id-on-dnsSRV.
const SRV_NAME: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 7];
/// 1.3.6.1.5.5.7.8.9, id-on-SmtpUTF8Mailbox.
const SMTP_UTF8_MAILBOX: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 8, 9];
