//! Entries: a message, and what a question must be like to get it.

use countersign_dns::message::{Flags, Question};
use countersign_dns::{Message, Query, Rtype};

use super::line::{Line, Lines, ReplayError, Wrong};
use super::record;

/// An entry.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Where it begins.
    at: usize,
    pub(super) rules: Vec<Rule>,
    adjustments: Vec<Adjustment>,
    opcode: u8,
    /// What it is matched by, and with `rules`, compared to.
    pub(super) message: Message,
    /// What is sent instead.
    instead: Option<Instead>,
}

/// The octets of `HEX_ANSWER_BEGIN`.
#[derive(Clone, Debug)]
enum Instead {
    Message(Message),
    /// They are no message. A client drops them, and waits on.
    Nothing,
}

/// A word of `MATCH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    All,
    Opcode,
    Question,
    Qname,
    Qtype,
    /// The question is about the entry's name or one below it.
    Subdomain,
    Rcode,
    Flags,
    Answer,
    Authority,
    Additional,
    Ttl,
    /// DO is set.
    DnssecOk,
    NoEdns,
    /// The OPT record has exactly these options.
    EdnsData,
    Over(Transport),
    /// This extended error is there.
    ExtendedError(u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// A word of `ADJUST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Adjustment {
    CopyId,
    /// The question is repeated as it was asked. Nothing else in the message changes.
    CopyQuery,
    DoNotAnswer,
}

impl Entry {
    /// Reads what follows `ENTRY_BEGIN`, until the end of the entry.
    pub(super) fn read(begin: &Line<'_>, lines: &mut Lines<'_>) -> Result<Self, ReplayError> {
        lines.count_entry()?;
        let (mut rules, mut adjustments) = (Vec::new(), Vec::new());
        let mut draft = Draft::default();
        let mut instead = None;
        loop {
            let mut line = lines.next().ok_or_else(|| lines.ended("ENTRY_END"))?;
            match line.word() {
                Some("MATCH") => {
                    while let Some(word) = line.word() {
                        rules.push(Rule::read(word).ok_or_else(|| line.unknown("rule of MATCH"))?);
                    }
                }
                Some("ADJUST") => {
                    while let Some(word) = line.word() {
                        let adjustment = Adjustment::read(word);
                        adjustments.push(adjustment.ok_or_else(|| line.unknown("adjustment"))?);
                    }
                }
                Some("REPLY") => {
                    while let Some(word) = line.word() {
                        draft.reply(word).ok_or_else(|| line.unknown("flag or code of REPLY"))?;
                    }
                }
                Some("SECTION") => {
                    let section = line.word().and_then(Section::read);
                    draft.section = section.ok_or_else(|| line.unknown("section"))?;
                    line.end()?;
                }
                Some("HEX_ANSWER_BEGIN") => {
                    let octets = hex(lines, "HEX_ANSWER_END")?;
                    instead =
                        Some(Message::parse(&octets).map_or(Instead::Nothing, Instead::Message));
                }
                Some("HEX_EDNSDATA_BEGIN") => {
                    draft.options = Some(hex(lines, "HEX_EDNSDATA_END")?);
                }
                Some("$ORIGIN" | "$TTL") => lines.directive(&line)?,
                Some("ENTRY_END") => break,
                _ => draft.record(&line, lines)?,
            }
        }
        let message = draft.message().map_err(|wrong| begin.wrong(wrong))?;
        Ok(Self { at: begin.at, rules, adjustments, opcode: draft.opcode, message, instead })
    }

    /// Whether a question gets this entry's answer: if it is as each rule wants it. It has the opcode QUERY, DO and
    /// no option, no flag, no code and no record.
    pub(super) fn matches(&self, query: &Query, transport: Transport) -> bool {
        self.rules.iter().all(|rule| self.agrees(*rule, query, transport))
    }

    fn agrees(&self, rule: Rule, query: &Query, transport: Transport) -> bool {
        let Message { answer, authority, additional, .. } = &self.message;
        let is_like = |like: fn(&Query, &Query) -> bool| {
            self.message.question.as_ref().is_some_and(|question| like(query, &question.query))
        };
        match rule {
            Rule::All => {
                let rules = [Rule::Opcode, Rule::Question, Rule::Rcode, Rule::Flags];
                let sections = [Rule::Answer, Rule::Authority, Rule::Additional];
                rules.into_iter().chain(sections).all(|rule| self.agrees(rule, query, transport))
            }
            Rule::Opcode => self.opcode == 0,
            Rule::Question => is_like(|asked, entry| asked == entry),
            Rule::Qname => is_like(|asked, entry| asked.name == entry.name),
            Rule::Qtype => is_like(|asked, entry| asked.rtype == entry.rtype),
            Rule::Subdomain => is_like(|asked, entry| asked.name.is_within(&entry.name)),
            Rule::Rcode => self.message.rcode == 0,
            Rule::Flags => self.message.flags == NO_FLAGS,
            Rule::Answer => answer.is_empty(),
            Rule::Authority => authority.is_empty(),
            Rule::Additional => additional.is_empty(),
            Rule::Ttl | Rule::DnssecOk => true,
            Rule::NoEdns | Rule::EdnsData | Rule::ExtendedError(_) => false,
            Rule::Over(stated) => stated == transport,
        }
    }

    /// What is answered to a question that it matches.
    pub(super) fn answer(&self, query: &Query) -> Option<Message> {
        if self.adjustments.contains(&Adjustment::DoNotAnswer) {
            return None;
        }
        let mut message = match &self.instead {
            None => self.message.clone(),
            Some(Instead::Message(message)) => message.clone(),
            Some(Instead::Nothing) => return None,
        };
        if self.adjustments.contains(&Adjustment::CopyQuery) {
            let name_as_sent = query.name.wire().to_vec();
            message.question = Some(Question { query: query.clone(), name_as_sent });
        }
        Some(message)
    }

    /// What a client asks, with the flags and DO of its question.
    pub(super) fn question(self) -> Result<(Query, Flags, bool), ReplayError> {
        let missing = ReplayError { line: self.at, wrong: Wrong::Missing("the question") };
        let Message { question, flags, edns, .. } = self.message;
        let query = question.ok_or(missing)?.query;
        Ok((query, flags, edns.is_some_and(|edns| edns.dnssec_ok)))
    }
}

impl Rule {
    fn read(word: &str) -> Option<Self> {
        if let Some(code) = word.strip_prefix("ede=") {
            return Some(Self::ExtendedError(code.parse().ok()?));
        }
        Some(match word {
            "all" => Self::All,
            "opcode" => Self::Opcode,
            "question" => Self::Question,
            "qname" => Self::Qname,
            "qtype" => Self::Qtype,
            "subdomain" => Self::Subdomain,
            "rcode" => Self::Rcode,
            "flags" => Self::Flags,
            "answer" => Self::Answer,
            "authority" => Self::Authority,
            "additional" => Self::Additional,
            "ttl" => Self::Ttl,
            "DO" => Self::DnssecOk,
            "noedns" => Self::NoEdns,
            "ednsdata" => Self::EdnsData,
            "UDP" => Self::Over(Transport::Udp),
            "TCP" => Self::Over(Transport::Tcp),
            _ => return None,
        })
    }
}

impl Adjustment {
    fn read(word: &str) -> Option<Self> {
        match word {
            "copy_id" => Some(Self::CopyId),
            "copy_query" => Some(Self::CopyQuery),
            "do_not_answer" => Some(Self::DoNotAnswer),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
enum Section {
    #[default]
    Question,
    Answer,
    Authority,
    Additional,
}

impl Section {
    fn read(word: &str) -> Option<Self> {
        match word {
            "QUESTION" => Some(Self::Question),
            "ANSWER" => Some(Self::Answer),
            "AUTHORITY" => Some(Self::Authority),
            "ADDITIONAL" => Some(Self::Additional),
            _ => None,
        }
    }
}

/// A message that is being put together.
#[derive(Default)]
struct Draft {
    section: Section,
    /// The bits of the header from QR to CD, without opcode and rcode.
    flags: u16,
    opcode: u8,
    rcode: u16,
    dnssec_ok: bool,
    /// The options of the OPT record.
    options: Option<Vec<u8>>,
    counts: [u16; 4],
    records: [Vec<u8>; 4],
}

impl Draft {
    /// Takes a word of `REPLY`; `None` if there is no such word.
    fn reply(&mut self, word: &str) -> Option<()> {
        if let Some((_, bit)) = FLAGS.iter().find(|(name, _)| *name == word) {
            self.flags |= bit;
        } else if let Some((_, code)) = RCODES.iter().find(|(name, _)| *name == word) {
            self.rcode = *code;
        } else if let Some((_, code)) = OPCODES.iter().find(|(name, _)| *name == word) {
            self.opcode = *code;
        } else if word == "DO" {
            self.dnssec_ok = true;
        } else {
            return None;
        }
        Some(())
    }

    /// Takes a record of the section that was named last.
    fn record(&mut self, line: &Line<'_>, lines: &mut Lines<'_>) -> Result<(), ReplayError> {
        let (at, wire) = match self.section {
            Section::Question => (0, lines.zone.question(&mut line.again())?),
            Section::Answer => (1, self.wire(line, lines)?),
            Section::Authority => (2, self.wire(line, lines)?),
            Section::Additional => (3, self.wire(line, lines)?),
        };
        self.records[at].extend(wire);
        // As long as all of them fit into a message, so does their number into its header.
        self.counts[at] = self.counts[at].wrapping_add(1);
        match self.records[at].len() > MESSAGE_BYTES_MAX {
            true => Err(line.wrong(Wrong::Message)),
            false => Ok(()),
        }
    }

    fn wire(&self, line: &Line<'_>, lines: &mut Lines<'_>) -> Result<Vec<u8>, ReplayError> {
        let text = record::text(line, lines)?;
        lines.zone.record(&text).map_err(|wrong| line.wrong(wrong))
    }

    /// The message as one would read it from the net.
    fn message(&self) -> Result<Message, Wrong> {
        let has_opt = self.dnssec_ok || self.options.is_some() || self.rcode > 15;
        let flags = self.flags | u16::from(self.opcode) << 11 | self.rcode & 15;
        let mut counts = self.counts;
        counts[3] = counts[3].wrapping_add(u16::from(has_opt));
        let mut wire = vec![0, 0];
        wire.extend(flags.to_be_bytes());
        wire.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
        wire.extend(self.records.concat());
        if has_opt {
            let options = self.options.as_deref().unwrap_or_default();
            let length = u16::try_from(options.len()).map_err(|_| Wrong::Message)?;
            let [rcode, _] = (self.rcode << 4).to_be_bytes();
            wire.push(0);
            wire.extend(Rtype::OPT.to_int().to_be_bytes());
            wire.extend(UDP_PAYLOAD_MAX.to_be_bytes());
            wire.extend([rcode, 0, u8::from(self.dnssec_ok) << 7, 0]);
            wire.extend(length.to_be_bytes());
            wire.extend(options);
        }
        if wire.len() > MESSAGE_BYTES_MAX {
            return Err(Wrong::Message);
        }
        Message::parse(&wire).map_err(|error| Wrong::Record(error.to_string()))
    }
}

/// Octets as hexadecimal digits, until the line `end`. In pairs, with space and comments wherever one likes.
fn hex(lines: &mut Lines<'_>, end: &'static str) -> Result<Vec<u8>, ReplayError> {
    let (mut octets, mut first) = (Vec::new(), None);
    loop {
        let mut line = lines.next().ok_or_else(|| lines.ended(end))?;
        while let Some(word) = line.word() {
            if word == end {
                return match first {
                    None => Ok(octets),
                    Some(_) => Err(line.wrong(Wrong::Missing("a hexadecimal digit"))),
                };
            }
            for digit in word.chars() {
                let digit = digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                let digit = digit.ok_or_else(|| line.unknown("row of hexadecimal digits"))?;
                match first.take() {
                    None => first = Some(digit),
                    Some(first) => octets.push(first << 4 | digit),
                }
            }
            if octets.len() > MESSAGE_BYTES_MAX {
                return Err(line.wrong(Wrong::Message));
            }
        }
    }
}

/// RFC 1035 §4.1.1, RFC 4035 §3.
const FLAGS: [(&str, u16); 7] = [
    ("QR", 1 << 15),
    ("AA", 1 << 10),
    ("TC", 1 << 9),
    ("RD", 1 << 8),
    ("RA", 1 << 7),
    ("AD", 1 << 5),
    ("CD", 1 << 4),
];

const NO_FLAGS: Flags = Flags {
    is_response: false,
    authoritative: false,
    truncated: false,
    recursion_available: false,
    authentic: false,
    recursion_desired: false,
    checking_disabled: false,
};

const OPCODES: [(&str, u8); 5] =
    [("QUERY", 0), ("IQUERY", 1), ("STATUS", 2), ("NOTIFY", 4), ("UPDATE", 5)];

/// RFC 6895 §2.3. Those above 15 are in the OPT record. `NOTIMPL` is what both tools call it.
const RCODES: [(&str, u16); 14] = [
    ("NOERROR", 0),
    ("FORMERR", 1),
    ("SERVFAIL", 2),
    ("NXDOMAIN", 3),
    ("NOTIMP", 4),
    ("NOTIMPL", 4),
    ("REFUSED", 5),
    ("YXDOMAIN", 6),
    ("YXRRSET", 7),
    ("NXRRSET", 8),
    ("NOTAUTH", 9),
    ("NOTZONE", 10),
    ("BADVERS", 16),
    ("BADCOOKIE", 23),
];

/// More than that is not sent over TCP either (RFC 1035 §4.2.2).
const MESSAGE_BYTES_MAX: usize = 65_535;
/// What testbound says that its servers take.
const UDP_PAYLOAD_MAX: u16 = 4096;
