//! Messages (RFC 1035 §4): questions as they are sent, answers as they are read.
//!
//! An answer comes from a stranger. What frames its records has to be right, or it is no message; a record whose data
//! is malformed is left out of its set, counted, and spoils nothing but the signature of that set.

use std::collections::HashMap;

use domain::base::iana::{Class, Rtype};
use domain::base::message::RecordSection;
use domain::base::{Message as Wire, ParsedRecord};

use crate::name::{Name, NotAName};
use crate::rdata::Canonical;
use crate::rrset::{Rrset, Rrsig, SignedRrset, group};

/// What is asked for, always of class IN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query {
    /// Of which name.
    pub name: Name,
    /// Which type.
    pub rtype: Rtype,
}

/// How a question is put to a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asking {
    /// ID, which the answer must repeat.
    pub id: u16,
    /// RD: asks a resolver to resolve.
    pub recursion_desired: bool,
    /// CD: asks a resolver for what does not verify as well (RFC 4035 §3.2.2).
    pub checking_disabled: bool,
    /// The OPT record; some old servers bear none.
    pub edns: Option<EdnsAsking>,
    /// A bit for each letter of the name, from the left: whether it is sent as a capital. The answer must repeat
    /// the name as it was sent, which an attacker who cannot see it has to guess ("0x20"). Letters past the end of
    /// this are sent as they are.
    pub capitals: Vec<bool>,
}

/// The OPT record of a question (RFC 6891 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdnsAsking {
    /// The largest answer over UDP that is wanted, in octets.
    pub udp_payload_max: u16,
    /// DO: asks for signatures and proofs (RFC 3225).
    pub dnssec_ok: bool,
    /// COOKIE: the client's eight octets, and after them the server's if they are known (RFC 7873 §4).
    pub cookie: Option<Vec<u8>>,
}

impl Query {
    /// The question as a message.
    pub fn to_wire(&self, asking: &Asking) -> Vec<u8> {
        let mut wire = Vec::with_capacity(64 + self.name.wire().len());
        wire.extend(asking.id.to_be_bytes());
        wire.extend([u8::from(asking.recursion_desired), u8::from(asking.checking_disabled) << 4]);
        wire.extend([0, 1, 0, 0, 0, 0, 0, u8::from(asking.edns.is_some())]);
        wire.extend(self.name_as_asked(asking));
        wire.extend(self.rtype.to_int().to_be_bytes());
        wire.extend(Class::IN.to_int().to_be_bytes());
        if let Some(edns) = &asking.edns {
            wire.push(0);
            wire.extend(Rtype::OPT.to_int().to_be_bytes());
            wire.extend(edns.udp_payload_max.to_be_bytes());
            wire.extend([0, 0, u8::from(edns.dnssec_ok) << 7, 0]);
            let option = edns.cookie.as_ref().map(|cookie| option(COOKIE, cookie));
            let options = option.unwrap_or_default();
            wire.extend(u16::try_from(options.len()).expect("a cookie is short").to_be_bytes());
            wire.extend(options);
        }
        wire
    }

    /// The name as it is sent.
    pub fn name_as_asked(&self, asking: &Asking) -> Vec<u8> {
        let mut name = self.name.wire().to_vec();
        let letters = name.iter_mut().filter(|octet| octet.is_ascii_lowercase());
        for (letter, capital) in letters.zip(&asking.capitals) {
            if *capital {
                letter.make_ascii_uppercase();
            }
        }
        name
    }
}

fn option(code: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).expect("options are short");
    [&code.to_be_bytes()[..], &length.to_be_bytes(), data].concat()
}

/// A message that was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// ID.
    pub id: u16,
    /// The bits of the header.
    pub flags: Flags,
    /// RCODE, with its upper bits from the OPT record.
    pub rcode: u16,
    /// The question that it answers; `None` if it has none or several, or one of another class.
    pub question: Option<Question>,
    /// The answer section.
    pub answer: Vec<SignedRrset>,
    /// The authority section.
    pub authority: Vec<SignedRrset>,
    /// The additional section, without the OPT record.
    pub additional: Vec<SignedRrset>,
    /// The OPT record.
    pub edns: Option<Edns>,
    /// How many records were left out: of another class, or with malformed data.
    pub left_out: usize,
}

/// The bits of a header (RFC 1035 §4.1.1, RFC 4035 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a bit of its own")]
pub struct Flags {
    /// QR: this is an answer.
    pub is_response: bool,
    /// AA: from a server of the zone.
    pub authoritative: bool,
    /// TC: it is not all here.
    pub truncated: bool,
    /// RA: the server resolves.
    pub recursion_available: bool,
    /// AD: the server says that it has verified all of it.
    pub authentic: bool,
    /// RD, from the question.
    pub recursion_desired: bool,
    /// CD, from the question.
    pub checking_disabled: bool,
}

/// A question as it was repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What was asked.
    pub query: Query,
    /// The name with the capitals that it came with.
    pub name_as_sent: Vec<u8>,
}

/// The OPT record of an answer (RFC 6891 §6.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edns {
    /// VERSION.
    pub version: u8,
    /// DO.
    pub dnssec_ok: bool,
    /// The largest message over UDP that the server takes, in octets.
    pub udp_payload_max: u16,
    /// COOKIE, the client's and the server's part (RFC 7873 §4).
    pub cookie: Option<Vec<u8>>,
    /// Extended DNS errors: code and text (RFC 8914 §2).
    pub errors: Vec<(u16, String)>,
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Fewer than the twelve octets of a header.
    #[error("it is too short for a header")]
    Short,
    /// A record does not begin or end where it should, or has a name that is none.
    #[error("its records are malformed")]
    Records,
    /// Its OPT record is malformed, or there are two (RFC 6891 §6.1.1).
    #[error("its OPT record is malformed")]
    Edns,
}

impl Message {
    /// An answer of a server of the zone with these sections, made of records that are here already.
    pub fn authoritative(answer: Vec<SignedRrset>, authority: Vec<SignedRrset>) -> Self {
        let flags = Flags {
            is_response: true,
            authoritative: true,
            truncated: false,
            recursion_available: false,
            authentic: false,
            recursion_desired: false,
            checking_disabled: false,
        };
        let (rcode, additional) = (0, Vec::new());
        Self {
            id: 0,
            flags,
            rcode,
            question: None,
            answer,
            authority,
            additional,
            edns: None,
            left_out: 0,
        }
    }

    /// Reads a message. Octets after the last record are ignored, as resolvers do.
    pub fn parse(octets: &[u8]) -> Result<Self, MessageError> {
        let wire = Wire::from_slice(octets).map_err(|_| MessageError::Short)?;
        let header = wire.header();
        let mut reading = Reading::default();
        let answer = wire.answer().map_err(|_| MessageError::Records)?;
        let (answer, authority) = reading.section(answer)?;
        let (authority, additional) = reading.section(authority.ok_or(MessageError::Records)?)?;
        let (additional, _) = reading.section(additional.ok_or(MessageError::Records)?)?;
        let [answer, authority, additional] = joined([answer, authority, additional]);
        let (edns, rcode_above) = match reading.opt {
            Some((edns, rcode_above)) => (Some(edns), rcode_above),
            None => (None, 0),
        };
        Ok(Self {
            id: header.id(),
            flags: Flags {
                is_response: header.qr(),
                authoritative: header.aa(),
                truncated: header.tc(),
                recursion_available: header.ra(),
                authentic: header.ad(),
                recursion_desired: header.rd(),
                checking_disabled: header.cd(),
            },
            rcode: rcode_above << 4 | u16::from(header.rcode().to_int()),
            question: question(wire),
            answer,
            authority,
            additional,
            edns,
            left_out: reading.left_out,
        })
    }
}

/// Gives sets without signatures those that stand in another section, where some servers put them.
fn joined(mut sections: [Vec<SignedRrset>; 3]) -> [Vec<SignedRrset>; 3] {
    // Each is read once: a message can have a thousand of them, and a thousand sets that they could be of.
    let mut apart = HashMap::<(Name, Rtype), Vec<Rrsig>>::new();
    let signing = sections.iter().flatten().map(|set| &set.rrset);
    for rrsigs in signing.filter(|rrset| rrset.rtype() == Rtype::RRSIG) {
        for rrsig in rrsigs.rdatas().iter().filter_map(|rdata| Rrsig::from_rdata(rdata)) {
            let covered = (rrsigs.owner().clone(), rrsig.type_covered);
            apart.entry(covered).or_default().push(rrsig);
        }
    }
    let bare = sections.iter_mut().flatten().filter(|set| set.rrsigs.is_empty());
    for set in bare.filter(|set| set.rrset.rtype() != Rtype::RRSIG) {
        let covered = (set.rrset.owner().clone(), set.rrset.rtype());
        set.rrsigs = apart.get(&covered).cloned().unwrap_or_default();
    }
    sections
}

/// The one question of class IN.
fn question(wire: &Wire<[u8]>) -> Option<Question> {
    let question = wire.sole_question().ok().filter(|question| question.qclass() == Class::IN)?;
    let name = Name::of(question.qname());
    // Nothing stands before it that it could point to.
    let name_as_sent = wire.as_slice().get(12..12 + name.wire().len())?.to_vec();
    let query = Query { name, rtype: question.qtype() };
    Some(Question { query, name_as_sent })
}

/// What is gathered while a message is read.
#[derive(Default)]
struct Reading {
    opt: Option<(Edns, u16)>,
    left_out: usize,
}

/// The sets of a section, and the section after it.
type Read<'a> = (Vec<SignedRrset>, Option<RecordSection<'a, [u8]>>);

impl Reading {
    fn section<'a>(
        &mut self,
        mut section: RecordSection<'a, [u8]>,
    ) -> Result<Read<'a>, MessageError> {
        let mut records = Vec::new();
        for record in section.by_ref() {
            let record = record.map_err(|_| MessageError::Records)?;
            if record.rtype() == Rtype::OPT {
                self.opt(&record)?;
                continue;
            }
            match rrset(&record) {
                Some(rrset) => records.push(rrset),
                None => self.left_out += 1,
            }
        }
        let next = section.next_section().map_err(|_| MessageError::Records)?;
        Ok((group(records), next))
    }

    fn opt(&mut self, record: &ParsedRecord<'_, [u8]>) -> Result<(), MessageError> {
        let ttl = record.ttl().as_secs().to_be_bytes();
        let mut edns = Edns {
            version: ttl[1],
            dnssec_ok: ttl[2] & 0x80 != 0,
            udp_payload_max: record.class().to_int(),
            cookie: None,
            errors: Vec::new(),
        };
        let data = record.to_record::<Canonical>().ok().flatten().ok_or(MessageError::Edns)?;
        let mut options = &data.data().octets[..];
        while let Some((head, rest)) = options.split_first_chunk::<4>() {
            let code = u16::from_be_bytes([head[0], head[1]]);
            let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let (data, rest) = rest.split_at_checked(length).ok_or(MessageError::Edns)?;
            match (code, data) {
                (COOKIE, _) => edns.cookie = Some(data.to_vec()),
                (EXTENDED_ERROR, [high, low, text @ ..]) => {
                    let text = String::from_utf8_lossy(text).into_owned();
                    edns.errors.push((u16::from_be_bytes([*high, *low]), text));
                }
                _ => {}
            }
            options = rest;
        }
        match options.is_empty() && self.opt.is_none() {
            true => {
                self.opt = Some((edns, u16::from(ttl[0])));
                Ok(())
            }
            false => Err(MessageError::Edns),
        }
    }
}

/// A record by itself; `None` if it is of another class or malformed.
fn rrset(record: &ParsedRecord<'_, [u8]>) -> Option<Rrset> {
    let data = record.to_record::<Canonical>().ok()??.into_data();
    let is_in = record.class() == Class::IN;
    let owner = Name::of(&record.owner());
    is_in.then(|| Rrset::canonical(owner, record.rtype(), record.ttl().as_secs(), data.octets))
}

/// Of a record, for whoever reads them from elsewhere than a message.
impl Rrset {
    /// Reads one record that stands by itself, uncompressed, of class IN, and gives what follows it.
    pub fn read(wire: &[u8]) -> Result<(Self, &[u8]), NotAName> {
        let (owner, rest) = Name::read(wire)?;
        let (fixed, rest) = rest.split_first_chunk::<10>().ok_or(NotAName)?;
        let rtype = Rtype::from_int(u16::from_be_bytes([fixed[0], fixed[1]]));
        let ttl_s = u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]);
        let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
        let (rdata, rest) = rest.split_at_checked(length).ok_or(NotAName)?;
        let is_in = fixed[2..4] == crate::rrset::CLASS_IN;
        let rrset = Self::new(owner, rtype, ttl_s, rdata).filter(|_| is_in).ok_or(NotAName)?;
        Ok((rrset, rest))
    }
}

/// Codes of options (RFC 7873 §4, RFC 8914 §2).
const COOKIE: u16 = 10;
const EXTENDED_ERROR: u16 = 15;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn asking() -> Asking {
        Asking {
            id: 0x1234,
            recursion_desired: false,
            checking_disabled: true,
            edns: Some(EdnsAsking {
                udp_payload_max: 1232,
                dnssec_ok: true,
                cookie: Some(vec![7; 8]),
            }),
            capitals: vec![true, false, true],
        }
    }

    fn query() -> Query {
        Query { name: "xmpp.example".parse().unwrap(), rtype: Rtype::CAA }
    }

    #[test]
    fn a_question_is_read_as_it_was_asked() {
        let read = Message::parse(&query().to_wire(&asking())).unwrap();
        let question = read.question.unwrap();
        assert_eq!((read.id, question.query), (0x1234, query()));
        assert_eq!(question.name_as_sent, b"\x04XmPp\x07example\0");
        assert_eq!(question.name_as_sent, query().name_as_asked(&asking()));
        assert!(read.flags.checking_disabled && !read.flags.is_response);
        let edns = read.edns.unwrap();
        assert_eq!((edns.udp_payload_max, edns.cookie), (1232, Some(vec![7; 8])));
        assert!(edns.dnssec_ok);
    }

    /// An answer with these counts and these octets after the question.
    fn answer(counts: [u8; 3], records: &[u8]) -> Vec<u8> {
        let mut wire = query().to_wire(&Asking { edns: None, ..asking() });
        wire[2] = 0x84;
        for (at, count) in [7, 9, 11].into_iter().zip(counts) {
            wire[at] = count;
        }
        wire.extend(records);
        wire
    }

    #[test]
    fn names_in_data_are_found_where_they_point_to() {
        let mx = b"\xc0\x0c\0\x0f\0\x01\0\0\0\x3c\0\x07\0\x0a\x02MX\xc0\x0c";
        let read = Message::parse(&answer([1, 0, 0], mx)).unwrap();
        let set = &read.answer[0].rrset;
        assert_eq!(set.rdatas(), [b"\0\x0a\x02mx\x04xmpp\x07example\0".to_vec()]);
        assert_eq!((set.owner(), set.rtype(), set.ttl_s()), (&query().name, Rtype::MX, 60));
    }

    #[test]
    fn a_malformed_record_spoils_no_other() {
        // Data that is too long, a class that is not IN, and one that is right.
        let ns = b"\xc0\x0c\0\x02\0\x01\0\0\0\0\0\x04\x01a\0\0";
        let chaos = b"\xc0\x0c\0\x01\0\x03\0\0\0\0\0\x04\x01\x02\x03\x04";
        let a = b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\x01\x02\x03\x04";
        let read = Message::parse(&answer([3, 0, 0], &[&ns[..], chaos, a].concat())).unwrap();
        assert_eq!((read.answer.len(), read.left_out), (1, 2));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        assert_eq!(Message::parse(&[0; 11]), Err(MessageError::Short));
        assert_eq!(Message::parse(&answer([1, 0, 0], b"")), Err(MessageError::Records));
        assert_eq!(
            Message::parse(&answer([1, 0, 0], b"\xc0\xff\0\x01")),
            Err(MessageError::Records)
        );
        let opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0";
        let twice = answer([0, 0, 2], &[&opt[..], opt].concat());
        assert_eq!(Message::parse(&twice), Err(MessageError::Edns));
        let short = answer([0, 0, 1], b"\0\0\x29\x04\xd0\0\0\0\0\0\x04\0\x0a\0\x01");
        assert_eq!(Message::parse(&short), Err(MessageError::Edns));
    }

    #[test]
    fn signatures_in_another_section_find_what_they_cover() {
        let rrsig = |covered: u8, tag: u8| {
            let head = [&b"\xc0\x0c\0\x2e\0\x01\0\0\0\0\0\x13\0"[..], &[covered]].concat();
            [&head[..], &[0; 15], &[tag, 0]].concat()
        };
        let a = b"\xc0\x0c\0\x01\0\x01\0\0\0\0\0\x04\x01\x02\x03\x04";
        let txt = b"\xc0\x0c\0\x10\0\x01\0\0\0\0\0\x02\x01a";
        let records = [&rrsig(1, 5)[..], &rrsig(1, 6), &rrsig(16, 7), a, &txt[..], &rrsig(16, 8)];
        let read = Message::parse(&answer([3, 3, 0], &records.concat())).unwrap();
        let tags = |set: &SignedRrset| -> Vec<u16> {
            set.rrsigs.iter().map(|rrsig| rrsig.key_tag).collect()
        };
        // Who has signatures beside it gets no others.
        let found: Vec<_> = read.authority.iter().map(tags).collect();
        assert_eq!(found, [vec![5, 6], vec![8], vec![]]);
    }

    #[test] // RFC 8914 §2, RFC 6891 §6.1.3
    fn extended_errors_and_codes_are_read() {
        let opt = b"\0\0\x29\x04\xd0\x01\0\0\0\0\x08\0\x0f\0\x04\0\x06no";
        let read = Message::parse(&answer([0, 0, 1], opt)).unwrap();
        assert_eq!(read.rcode, 16);
        assert_eq!(read.edns.unwrap().errors, [(6, "no".to_owned())]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_message_or_not(octets in prop::collection::vec(any::<u8>(), 0..200), counts: [u8; 3]) {
            let _refused = Message::parse(&octets);
            let _read = Message::parse(&answer(counts, &octets));
        }
    }
}
