//! The value of `issue`, `issuewild`, `issuemail` and `issuevmc`, and of a record of persistent validation.

/// Who may issue, and under which conditions (RFC 8659 §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueValue<'a> {
    /// The domain name of the issuer as it was written; `None`: nobody.
    pub issuer: Option<&'a str>,
    /// The conditions, in the order in which they were written.
    pub parameters: Vec<Parameter<'a>>,
}

/// A condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter<'a> {
    /// Its name as it was written; capitals do not matter.
    pub tag: &'a str,
    /// Its value; may be empty.
    pub value: &'a str,
}

/// Why octets are not such a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("octet {at} does not fit the syntax: {expected} was expected")]
pub struct ValueError {
    /// Where, from 0.
    pub at: usize,
    /// What should stand there.
    pub expected: &'static str,
}

impl<'a> IssueValue<'a> {
    /// Reads a value, in time that grows with its length only. The grammar is followed to the letter:
    ///
    /// ```text
    ///   issue-value = *WSP [issuer-domain-name *WSP] [";" *WSP [parameters *WSP]]
    ///   issuer-domain-name = label *("." label)
    ///   parameters  = (parameter *WSP ";" *WSP parameters) / parameter
    ///   parameter   = label *WSP "=" *WSP value
    ///   label       = (ALPHA / DIGIT) *( *("-") (ALPHA / DIGIT))
    ///   value       = *(%x21-3A / %x3C-7E)
    /// ```
    ///
    /// So there is no dot at the end of an issuer and no semicolon behind the last parameter.
    pub fn parse(value: &'a [u8]) -> Result<Self, ValueError> {
        Self::read(value, FinalDot::Refused)
    }

    /// Reads the value of a record of persistent validation, which may write its issuer with a final dot
    /// (draft-ietf-acme-dns-persist).
    pub(crate) fn parse_persistent(value: &'a [u8]) -> Result<Self, ValueError> {
        Self::read(value, FinalDot::Dropped)
    }

    fn read(value: &'a [u8], dot: FinalDot) -> Result<Self, ValueError> {
        let mut rest = Cursor { value, at: 0 };
        rest.skip_spaces();
        let mut read = Self { issuer: None, parameters: Vec::new() };
        if !matches!(rest.peek(), None | Some(b';')) {
            read.issuer = Some(rest.issuer(dot)?);
            rest.skip_spaces();
        }
        if rest.peek().is_none() {
            return Ok(read);
        }
        rest.expect(b';', "a semicolon, or the end")?;
        rest.skip_spaces();
        if rest.peek().is_none() {
            return Ok(read);
        }
        loop {
            read.parameters.push(rest.parameter()?);
            rest.skip_spaces();
            if rest.peek().is_none() {
                return Ok(read);
            }
            rest.expect(b';', "a semicolon, or the end")?;
            rest.skip_spaces();
        }
    }

    /// The values of the parameters of this name, in any capitals. A CA that did not see `AccountURI` would let any
    /// account pass.
    pub fn values_of<'b>(&'b self, tag: &'b str) -> impl Iterator<Item = &'a str> + 'b {
        let named = move |parameter: &&Parameter<'a>| parameter.tag.eq_ignore_ascii_case(tag);
        self.parameters.iter().filter(named).map(|parameter| parameter.value)
    }
}

/// What is made of a dot behind the issuer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FinalDot {
    Refused,
    Dropped,
}

struct Cursor<'a> {
    value: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn peek(&self) -> Option<u8> {
        self.value.get(self.at).copied()
    }

    /// WSP: a space or a tab (RFC 5234, appendix B.1).
    fn skip_spaces(&mut self) {
        self.skip(|octet| matches!(octet, b' ' | b'\t'));
    }

    fn skip(&mut self, is_in: impl Fn(u8) -> bool) {
        let rest = &self.value[self.at..];
        self.at += rest.iter().position(|octet| !is_in(*octet)).unwrap_or(rest.len());
    }

    fn expect(&mut self, octet: u8, expected: &'static str) -> Result<(), ValueError> {
        if self.peek() != Some(octet) {
            return Err(self.error(expected));
        }
        self.at += 1;
        Ok(())
    }

    fn error(&self, expected: &'static str) -> ValueError {
        ValueError { at: self.at, expected }
    }

    fn issuer(&mut self, dot: FinalDot) -> Result<&'a str, ValueError> {
        let start = self.at;
        self.label("the name of an issuer")?;
        while self.peek() == Some(b'.') {
            self.at += 1;
            let ends = !self.peek().is_some_and(|octet| octet.is_ascii_alphanumeric());
            if ends && dot == FinalDot::Dropped {
                return Ok(self.text(start, self.at - 1));
            }
            self.label("a label of the name of an issuer")?;
        }
        Ok(self.text(start, self.at))
    }

    fn parameter(&mut self) -> Result<Parameter<'a>, ValueError> {
        let start = self.at;
        self.label("the name of a parameter")?;
        let tag = self.text(start, self.at);
        self.skip_spaces();
        self.expect(b'=', "an equals sign")?;
        self.skip_spaces();
        let start = self.at;
        self.skip(|octet| matches!(octet, 0x21..=0x3A | 0x3C..=0x7E));
        Ok(Parameter { tag, value: self.text(start, self.at) })
    }

    fn label(&mut self, expected: &'static str) -> Result<(), ValueError> {
        let start = self.at;
        self.skip(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        let label = &self.value[start..self.at];
        let is_label = !label.is_empty() && !label.starts_with(b"-") && !label.ends_with(b"-");
        if is_label { Ok(()) } else { Err(ValueError { at: start, expected }) }
    }

    fn text(&self, start: usize, end: usize) -> &'a str {
        std::str::from_utf8(&self.value[start..end]).expect("all octets of it are ASCII")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Expected<'a> = Option<(&'a str, &'a [(&'a str, &'a str)])>;

    fn check(value: &str, expected: Expected<'_>) {
        let read = IssueValue::parse(value.as_bytes()).ok();
        let read = read.map(|read| {
            let parameters = read.parameters.iter().map(|one| (one.tag, one.value)).collect();
            (read.issuer.unwrap_or(""), parameters)
        });
        assert_eq!(read, expected.map(|(issuer, all)| (issuer, all.to_vec())), "{value:?}");
    }

    #[test] // RFC 8659 §4.2
    fn the_grammar_is_followed() {
        for nobody in ["", ";", " ; ", "\t"] {
            check(nobody, Some(("", &[])));
        }
        check("ca.example", Some(("ca.example", &[])));
        check(" my--ca.example\t; ", Some(("my--ca.example", &[])));
        check("ca.example;a=b=c ; x-y =\t", Some(("ca.example", &[("a", "b=c"), ("x-y", "")])));
        check("; a=1", Some(("", &[("a", "1")])));
    }

    #[test]
    fn what_is_nearly_right_is_wrong() {
        for value in [
            "ca.example.", // a dot at the end
            "ca..example",
            "ca.example; a=1;", // a semicolon behind the last parameter
            "ca.example; a",
            "ca.example; =1",
            "ca.example; -a=1",
            "ca.example; a-=1",
            "ca.example; a=1 2",
            "ca.example; a=1 b=2",
            "ca.example a=1",
            "-ca.example",
            "ca-.example",
            "ca_x.example",
            "*.example",
            "ca.example; a=\u{e9}",
            "ca.example\0",
            "ca.example\n",
        ] {
            check(value, None);
        }
    }

    #[test]
    fn capitals_of_a_parameter_do_not_matter() {
        let read = IssueValue::parse(b"ca.example; AccountURI=a; accounturi=b").expect("a value");
        assert_eq!(read.values_of("accounturi").collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_long_value_is_read_to_its_end() {
        let value = format!("ca.example;{}", vec![" a=b "; 12_000].join(";"));
        let read = IssueValue::parse(value.as_bytes()).expect("a value");
        assert_eq!(read.parameters.len(), 12_000);
        assert!(IssueValue::parse(format!("{value};").as_bytes()).is_err());
    }

    proptest! {
        /// What was read, written again, reads the same.
        #[test]
        fn reading_undoes_writing(
            issuer in "([a-z0-9](-*[a-z0-9]){0,3}(\\.[a-z0-9](-*[a-z0-9]){0,3}){0,3})?",
            parameters in proptest::collection::vec(("[a-zA-Z0-9](-*[a-z0-9]){0,4}", "[!-:<-~]{0,9}"), 0..4),
        ) {
            let written: Vec<_> = parameters.iter().map(|(tag, value)| format!("{tag} =\t{value}")).collect();
            let value = format!(" {issuer} ;{}", written.join(" ; "));
            let read = IssueValue::parse(value.as_bytes()).expect("written by the grammar");
            prop_assert_eq!(read.issuer.unwrap_or(""), issuer);
            let read: Vec<_> = read.parameters.iter().map(|one| (one.tag.to_owned(), one.value.to_owned())).collect();
            prop_assert_eq!(read, parameters);
        }

        #[test]
        fn anything_is_read_or_refused(value: Vec<u8>) {
            let _read = IssueValue::parse(&value);
        }
    }
}
