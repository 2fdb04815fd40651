//! An answer before it is a message, which is where a forger changes it, and the message (RFC 1035 §4, RFC 6891).

use std::collections::HashMap;

use countersign_dns::{Message, Name, Rrset, Rtype, SignedRrset};

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// RCODE.
    pub rcode: u8,
    /// AA.
    pub authoritative: bool,
    /// The answer section.
    pub answer: Vec<SignedRrset>,
    /// The authority section, without what is only for who asks with DO.
    pub authority: Vec<SignedRrset>,
    /// The rest of it: DS, NSEC and NSEC3 records.
    pub proofs: Vec<SignedRrset>,
    /// The additional section.
    pub additional: Vec<SignedRrset>,
}

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// With as many octets for the answer as the asker says.
    Udp,
    /// With 65,535.
    Tcp,
}

impl Reply {
    /// The answer is what it is.
    pub const NOERROR: u8 = 0;
    /// The question cannot be read.
    pub const FORMERR: u8 = 1;
    /// The server cannot answer now.
    pub const SERVFAIL: u8 = 2;
    /// The name does not exist.
    pub const NXDOMAIN: u8 = 3;
    /// The server has no zone for the name.
    pub const REFUSED: u8 = 5;
    /// A DNAME record leads to a name that is too long (RFC 6672 §2.2).
    pub const YXDOMAIN: u8 = 6;

    /// An answer without records.
    pub fn error(rcode: u8) -> Self {
        Self {
            rcode,
            authoritative: false,
            answer: Vec::new(),
            authority: Vec::new(),
            proofs: Vec::new(),
            additional: Vec::new(),
        }
    }

    /// Adds a set to a section that may have it already.
    pub(crate) fn add(section: &mut Vec<SignedRrset>, set: SignedRrset) {
        let key = |set: &SignedRrset| (set.rrset.owner().clone(), set.rrset.rtype());
        if section.iter().all(|other| key(other) != key(&set)) {
            section.push(set);
        }
    }

    /// Every section, the way it is sent.
    pub fn sections_mut(&mut self) -> [&mut Vec<SignedRrset>; 4] {
        [&mut self.answer, &mut self.authority, &mut self.proofs, &mut self.additional]
    }

    /// The answer to this question as a message. What is longer than the asker takes is left out, with TC.
    pub fn to_wire(&self, question: &Message, transport: Transport) -> Vec<u8> {
        let edns = question.edns.as_ref();
        let octets_max = match (transport, edns) {
            (Transport::Tcp, _) => usize::from(u16::MAX),
            (Transport::Udp, None) => UDP_OCTETS,
            (Transport::Udp, Some(edns)) => UDP_OCTETS.max(usize::from(edns.udp_payload_max)),
        };
        let whole = self.written(question);
        if whole.len() <= octets_max {
            return whole;
        }
        let cut = Self { authoritative: self.authoritative, ..Self::error(self.rcode) };
        with_tc(cut.written(question))
    }

    /// An answer that only says that it does not fit.
    pub(crate) fn truncated(question: &Message) -> Vec<u8> {
        with_tc(Self::error(Self::NOERROR).written(question))
    }

    /// The whole message.
    fn written(&self, question: &Message) -> Vec<u8> {
        let mut writer = Writer { wire: Vec::with_capacity(512), places: HashMap::new() };
        let dnssec_ok = question.edns.as_ref().is_some_and(|edns| edns.dnssec_ok);
        writer.header(question, self);
        if let Some(asked) = &question.question {
            writer.wire.extend(&asked.name_as_sent);
            writer.remember(&asked.query.name, HEADER_OCTETS);
            writer.wire.extend(asked.query.rtype.to_int().to_be_bytes());
            writer.wire.extend(CLASS_IN);
        }
        let proofs = self.proofs.iter().filter(|_| dnssec_ok);
        let authority: Vec<_> = self.authority.iter().chain(proofs).cloned().collect();
        for (count_at, section) in [(6, &self.answer), (8, &authority), (10, &self.additional)] {
            let mut count: u16 = section.iter().map(|set| writer.set(set, dnssec_ok)).sum();
            if let (10, Some(_)) = (count_at, &question.edns) {
                writer.opt(dnssec_ok);
                count += 1;
            }
            writer.wire[count_at..count_at + 2].copy_from_slice(&count.to_be_bytes());
        }
        writer.wire
    }
}

fn with_tc(mut message: Vec<u8>) -> Vec<u8> {
    message[2] |= TC;
    message
}

struct Writer {
    wire: Vec<u8>,
    /// Where a name stands that can be pointed to.
    places: HashMap<Name, u16>,
}

impl Writer {
    fn header(&mut self, question: &Message, reply: &Reply) {
        let flags = &question.flags;
        self.wire.extend(question.id.to_be_bytes());
        let aa = u8::from(reply.authoritative) << 2;
        self.wire.push(QR | aa | u8::from(flags.recursion_desired));
        self.wire.push(u8::from(flags.checking_disabled) << 4 | reply.rcode);
        self.wire.extend([0, u8::from(question.question.is_some()), 0, 0, 0, 0, 0, 0]);
    }

    /// Writes the records of a set, and their signatures if wanted; how many that was.
    fn set(&mut self, set: &SignedRrset, dnssec_ok: bool) -> u16 {
        let rrset = &set.rrset;
        let mut count = 0;
        for rdata in rrset.rdatas() {
            self.record(rrset, rrset.rtype(), rdata);
            count += 1;
        }
        for rrsig in set.rrsigs.iter().filter(|_| dnssec_ok) {
            self.record(rrset, Rtype::RRSIG, &rrsig.rdata());
            count += 1;
        }
        count
    }

    fn record(&mut self, set: &Rrset, rtype: Rtype, rdata: &[u8]) {
        self.name(set.owner());
        self.wire.extend(rtype.to_int().to_be_bytes());
        self.wire.extend(CLASS_IN);
        self.wire.extend(set.ttl_s().to_be_bytes());
        let length = u16::try_from(rdata.len()).expect("data has at most 65,535 octets");
        self.wire.extend(length.to_be_bytes());
        self.wire.extend(rdata);
    }

    /// Writes an owner, from the first label on that stands elsewhere already as a pointer (RFC 1035 §4.1.4).
    fn name(&mut self, name: &Name) {
        let start = self.wire.len();
        for suffix in name.and_above().filter(|suffix| !suffix.is_root()) {
            if let Some(place) = self.places.get(&suffix) {
                self.wire.extend((POINTER | place).to_be_bytes());
                self.remember(name, start);
                return;
            }
            let label = suffix.labels().next().expect("it is not the root");
            self.wire.push(u8::try_from(label.len()).expect("a label has at most 63 octets"));
            self.wire.extend(label);
        }
        self.wire.push(0);
        self.remember(name, start);
    }

    /// Remembers a name that stands here, and those in it, as far as pointers reach.
    fn remember(&mut self, name: &Name, start: usize) {
        let mut at = start;
        for suffix in name.and_above().filter(|suffix| !suffix.is_root()) {
            let Some(place) = u16::try_from(at).ok().filter(|place| *place < REACH) else {
                return;
            };
            if self.places.contains_key(&suffix) {
                return;
            }
            at += 1 + suffix.labels().next().map_or(0, <[u8]>::len);
            self.places.insert(suffix, place);
        }
    }

    fn opt(&mut self, dnssec_ok: bool) {
        self.wire.push(0);
        self.wire.extend(Rtype::OPT.to_int().to_be_bytes());
        self.wire.extend(UDP_PAYLOAD_MAX.to_be_bytes());
        self.wire.extend([0, 0, u8::from(dnssec_ok) << 7, 0, 0, 0]);
    }
}

/// What fits without EDNS (RFC 1035 §4.2.1).
const UDP_OCTETS: usize = 512;
/// What does not break into pieces on the usual ways.
const UDP_PAYLOAD_MAX: u16 = 1232;
const HEADER_OCTETS: usize = 12;
const QR: u8 = 0x80;
const TC: u8 = 2;
/// Two bits that no length has (RFC 1035 §4.1.4).
const POINTER: u16 = 0xc000;
/// What the other fourteen do not reach.
const REACH: u16 = 0x4000;
const CLASS_IN: [u8; 2] = [0, 1];
