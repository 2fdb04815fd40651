//! `Name`: relative distinguished names of attributes (RFC 5280 §4.1.2.4).

use std::borrow::Cow;

use countersign_sct::der::{OBJECT_IDENTIFIER, Reader, SEQUENCE, SET};

use super::elements::{CONSTRUCTED, Element, joined};
use super::{Form, Place, Walker};

/// What a `Name` stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Within {
    /// The subject field.
    Subject,
    /// A `directoryName`, whose attributes all count as this place.
    AltName(Place),
}

impl<'a> Walker<'a> {
    pub(super) fn subject(&mut self, contents: &'a [u8]) {
        self.distinguished_name(contents, Within::Subject);
    }

    pub(super) fn distinguished_name(&mut self, contents: &'a [u8], within: Within) {
        let mut sets = Reader::new(contents);
        while let Some(set) = self.element(&mut sets) {
            if set.tag != SET {
                self.unclean();
            }
            let mut attributes = Reader::new(set.contents);
            while let Some(attribute) = self.element(&mut attributes) {
                if attribute.tag != SEQUENCE {
                    self.unclean();
                }
                self.attribute(attribute.contents, within);
            }
        }
    }

    fn attribute(&mut self, contents: &'a [u8], within: Within) {
        let mut reader = Reader::new(contents);
        let Some(id) = self.element(&mut reader) else { return self.unclean() };
        let Some(value) = self.element(&mut reader) else { return self.unclean() };
        if id.tag != OBJECT_IDENTIFIER || !reader.is_empty() {
            self.unclean();
        }
        let place = match id.contents {
            COMMON_NAME => Place::SubjectCn,
            EMAIL_ADDRESS => Place::SubjectEmail,
            // Country, organization and the like. No client compares a host with one of these, and
            // organizations are named like hosts: "Example.com, Inc." would be a false alarm.
            [0x55, 0x04, ..] => return,
            // 0.9.2342.19200300.100.1.25, domainComponent: one label each, and never a host (RFC 9525 §1.2).
            [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => return,
            // 1.3.6.1.4.1.311.60.2.1: in which country, state and town the organization is registered.
            [0x2b, 6, 1, 4, 1, 0x82, 0x37, 60, 2, 1, _] => return,
            _ => Place::SubjectOther,
        };
        match within {
            Within::Subject => self.string(place, &value),
            Within::AltName(place) => self.string(place, &value),
        }
    }

    /// A string of any type. What is none is read as text all the same.
    pub(super) fn string(&mut self, place: Place, value: &Element<'a>) {
        if let Some(form) = string_form(value.tag) {
            return self.name(place, form, Cow::Borrowed(value.contents));
        }
        self.unclean();
        let form = string_form(value.tag & !CONSTRUCTED).unwrap_or(Form::Text);
        self.name(place, form, joined(value));
    }
}

/// How the universal string types are written (X.680 §8.4, X.690 §8.23). None for other types.
pub(super) fn string_form(tag: u8) -> Option<Form> {
    match tag {
        // UTF8String, the 8-bit types from NumericString to IA5String, and those from GraphicString to GeneralString.
        0x0c | 0x12..=0x16 | 0x19..=0x1b => Some(Form::Text),
        0x1c => Some(Form::Utf32),
        0x1e => Some(Form::Utf16),
        _ => None,
    }
}

/// 2.5.4.3.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 1.2.840.113549.1.9.1.
const EMAIL_ADDRESS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1];
