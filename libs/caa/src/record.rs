//! CAA records as they are in the DNS.

/// The data of a CAA record, octet for octet (RFC 8659 §4.1). Any octets can stand here: what cannot be read must not
/// be passed over.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    rdata: Vec<u8>,
}

/// Why the data of a record cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It ends before the tag does.
    #[error("it ends before its tag")]
    Truncated,
    /// The tag is empty, or has something in it that is no letter and no digit.
    #[error("its tag is not of letters and digits")]
    Tag,
}

/// What can be read of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// The flags; the bit 128 is Issuer Critical.
    pub flags: u8,
    /// The tag as it was written.
    pub tag: &'a str,
    /// The value: any octets.
    pub value: &'a [u8],
}

/// Which property a record has, by its tag in any capitals (RFC 8659 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tag {
    /// Who may issue (RFC 8659 §4.2).
    Issue,
    /// Who may issue for wildcards (RFC 8659 §4.3).
    Issuewild,
    /// Where violations are reported to (RFC 8659 §4.4).
    Iodef,
    /// Who may issue for mail addresses (RFC 9495 §4).
    Issuemail,
    /// Who may issue mark certificates.
    Issuevmc,
    /// Whom a CA may write to for validation (Baseline Requirements, appendix A.1.1).
    Contactemail,
    /// Whom a CA may call for validation (Baseline Requirements, appendix A.1.2).
    Contactphone,
    /// How validation must be done (draft-ietf-lamps-caa-security-00).
    Security,
    /// None that is known here.
    Unknown,
}

impl Record {
    /// A record of these parts. The tag is cut at the 255 octets that it can have.
    pub fn new(flags: u8, tag: &str, value: impl AsRef<[u8]>) -> Self {
        let tag = tag.as_bytes();
        let length = u8::try_from(tag.len()).unwrap_or(u8::MAX);
        let mut rdata = vec![flags, length];
        rdata.extend(tag.iter().take(usize::from(length)));
        rdata.extend(value.as_ref());
        Self { rdata }
    }

    /// Takes the data of a record as it is.
    pub fn from_rdata(rdata: Vec<u8>) -> Self {
        Self { rdata }
    }

    /// The data of the record.
    pub fn rdata(&self) -> &[u8] {
        &self.rdata
    }

    /// Flags, tag and value.
    pub fn parts(&self) -> Result<Parts<'_>, RecordError> {
        let [flags, length, rest @ ..] = &self.rdata[..] else {
            return Err(RecordError::Truncated);
        };
        let (tag, value) =
            rest.split_at_checked(usize::from(*length)).ok_or(RecordError::Truncated)?;
        let is_tag = !tag.is_empty() && tag.iter().all(u8::is_ascii_alphanumeric);
        let tag = std::str::from_utf8(tag).ok().filter(|_| is_tag).ok_or(RecordError::Tag)?;
        Ok(Parts { flags: *flags, tag, value })
    }
}

impl Parts<'_> {
    /// Whether a CA that does not know the property must not issue (RFC 8659 §4.1).
    pub fn is_critical(&self) -> bool {
        self.flags & 0x80 != 0
    }

    /// Which property it is.
    pub fn known(&self) -> Tag {
        const KNOWN: [(&str, Tag); 8] = [
            ("issue", Tag::Issue),
            ("issuewild", Tag::Issuewild),
            ("iodef", Tag::Iodef),
            ("issuemail", Tag::Issuemail),
            ("issuevmc", Tag::Issuevmc),
            ("contactemail", Tag::Contactemail),
            ("contactphone", Tag::Contactphone),
            ("security", Tag::Security),
        ];
        let known = KNOWN.iter().find(|(name, _)| self.tag.eq_ignore_ascii_case(name));
        known.map_or(Tag::Unknown, |(_, tag)| *tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rdata: &[u8], expected: Result<(u8, Tag, &[u8]), RecordError>) {
        let record = Record::from_rdata(rdata.to_vec());
        let parts = record.parts();
        assert_eq!(parts.map(|parts| (parts.flags, parts.known(), parts.value)), expected);
    }

    #[test]
    fn a_record_is_cut_where_it_says() {
        check(b"\x80\x05issueca.example", Ok((128, Tag::Issue, b"ca.example")));
        check(b"\x00\x09ISSUEwild", Ok((0, Tag::Issuewild, b"")));
        check(b"\x01\x03foo\xff\x00", Ok((1, Tag::Unknown, b"\xff\x00")));
        assert_eq!(Record::new(128, "issue", "ca").rdata(), b"\x80\x05issueca");
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for rdata in [&b""[..], b"\x00", b"\x00\x06issue", b"\x00\xff"] {
            check(rdata, Err(RecordError::Truncated));
        }
        for rdata in [&b"\x00\x00issue"[..], b"\x00\x06is-sue", b"\x00\x02\xc3\xa9"] {
            check(rdata, Err(RecordError::Tag));
        }
    }
}
