//! The data of records, in canonical form (RFC 4034 §6.2): names in it uncompressed and, in the types listed there,
//! lower-cased.

use domain::base::ParsedName;
use domain::base::iana::Rtype;
use domain::base::rdata::{ParseRecordData, RecordData};
use domain::base::wire::ParseError;
use domain::dep::octseq::Parser;

use crate::name::Name;

/// One piece of the data of a type in which names stand.
#[derive(Clone, Copy)]
enum Field {
    /// So many octets.
    Octets(usize),
    /// A name, compressed or not.
    Name,
    /// A length octet, and so many octets.
    CharacterString,
    /// All that is left.
    Rest,
}

use Field::{CharacterString, Octets, Rest};

/// The types whose names are compressed in messages (RFC 1035 §3.3, RFC 3597 §4) or lower-cased in canonical form
/// (RFC 4034 §6.2, RFC 6840 §5.1), and addresses. Data of all other types is opaque here. A6 is obsolete (RFC 6563) and opaque too.
fn layout(rtype: Rtype) -> &'static [Field] {
    match rtype.to_int() {
        // A, AAAA: of one length, or they are no addresses.
        1 => &[Octets(4)],
        28 => &[Octets(16)],
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, DNAME
        2..=5 | 7..=9 | 12 | 39 => &[Field::Name],
        // SOA
        6 => &[Field::Name, Field::Name, Octets(20)],
        // MINFO, RP
        14 | 17 => &[Field::Name, Field::Name],
        // MX, AFSDB, RT, KX
        15 | 18 | 21 | 36 => &[Octets(2), Field::Name],
        // SIG, RRSIG
        24 | 46 => &[Octets(18), Field::Name, Rest],
        // PX
        26 => &[Octets(2), Field::Name, Field::Name],
        // NXT
        30 => &[Field::Name, Rest],
        // SRV
        33 => &[Octets(6), Field::Name],
        // NAPTR
        35 => &[Octets(4), CharacterString, CharacterString, CharacterString, Field::Name],
        _ => &[Rest],
    }
}

/// Data in canonical form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Canonical {
    rtype: Rtype,
    pub(crate) octets: Vec<u8>,
}

impl Canonical {
    /// The canonical form of data that stands by itself, where nothing can be compressed; `None` if it is malformed.
    pub(crate) fn of(rtype: Rtype, rdata: &[u8]) -> Option<Vec<u8>> {
        let octets = Self::parse_rdata(rtype, &mut Parser::from_ref(rdata)).ok()??.octets;
        // A pointer differs from whatever label it stands for, and what is left over makes another length.
        octets.eq_ignore_ascii_case(rdata).then_some(octets)
    }
}

impl RecordData for Canonical {
    fn rtype(&self) -> Rtype {
        self.rtype
    }
}

impl<'a, Octs: AsRef<[u8]> + ?Sized> ParseRecordData<'a, Octs> for Canonical {
    fn parse_rdata(
        rtype: Rtype,
        parser: &mut Parser<'a, Octs>,
    ) -> Result<Option<Self>, ParseError> {
        let mut octets = Vec::with_capacity(parser.remaining());
        for field in layout(rtype) {
            let length = match field {
                Field::Name => {
                    octets.extend_from_slice(Name::of(&ParsedName::parse_ref(parser)?).wire());
                    continue;
                }
                Octets(length) => *length,
                CharacterString => {
                    let length = usize::from(parser.peek(1)?[0]);
                    1 + length
                }
                Rest => parser.remaining(),
            };
            octets.extend_from_slice(parser.peek(length)?);
            parser.advance(length)?;
        }
        Ok(Some(Self { rtype, octets }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rtype: u16, rdata: &[u8], canonical: Option<&[u8]>) {
        assert_eq!(Canonical::of(Rtype::from_int(rtype), rdata).as_deref(), canonical);
    }

    #[test] // RFC 4034 §6.2, RFC 6840 §5.1
    fn names_are_lower_cased_where_they_are_listed() {
        check(2, b"\x01A\0", Some(b"\x01a\0"));
        check(15, b"\0\nB\0", None);
        check(15, b"\0\n\x01B\0", Some(b"\0\n\x01b\0"));
        check(26, b"\0\n\x01A\0\x01B\0", Some(b"\0\n\x01a\0\x01b\0"));
        check(35, b"\0\0\0\0\x01U\x01S\x01R\x01N\0", Some(b"\0\0\0\0\x01U\x01S\x01R\x01n\0"));
        // NSEC, TXT, and what nobody knows stay as they are.
        for opaque in [47, 16, 65_280] {
            check(opaque, b"\x01A\0", Some(b"\x01A\0"));
        }
    }

    #[test]
    fn what_is_malformed_is_refused() {
        check(2, b"", None);
        check(2, b"\x01a\0\0", None);
        check(2, b"\xc0\0", None);
        check(6, &[0; 21], None);
        check(6, &[0; 22], Some(&[0; 22]));
        check(33, b"\0\0\0\0\0", None);
        check(35, b"\0\0\0\0\xff", None);
        check(1, &[1; 5], None);
        check(28, &[1; 4], None);
    }
}
