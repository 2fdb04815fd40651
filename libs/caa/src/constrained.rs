//! The property `security`: validation that holds against whoever is on the way (draft-ietf-lamps-caa-security-00).

/// A way to validate that holds against whoever is on the way (§3.2.1 of the draft).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Constrained {
    /// A DNS record was changed that is signed, or was asked for over an authenticated channel.
    SecureDnsRecordChange,
    /// A resource was served over HTTPS with a certificate that counts.
    HttpValidationOverTls,
    /// The account is one that the domain names in a record that is signed.
    KnownAccountSpecifier,
    /// The request is signed with a key that the domain names in a record that is signed.
    PrivateKeyControl,
}

impl Constrained {
    /// Its name in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SecureDnsRecordChange => "secure-dns-record-change",
            Self::HttpValidationOverTls => "http-validation-over-tls",
            Self::KnownAccountSpecifier => "known-account-specifier",
            Self::PrivateKeyControl => "private-key-control",
        }
    }
}

/// What one such property demands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// By which of these it may be done; `None`: any.
    pub methods: Option<Vec<String>>,
    /// What must be done besides.
    pub options_critical: Vec<String>,
}

/// Why octets are not the value of such a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstraintError {
    /// It does not follow the grammar of §3.1.
    #[error("it does not follow the grammar")]
    Syntax,
    /// An attribute is there twice.
    #[error("an attribute is there twice")]
    Twice,
}

/// The only option that is defined: the records have to be looked up in a way that is authenticated.
pub(crate) const AUTHENTICATED: &str = "authenticated-policy-retrieval";

impl Constraint {
    /// Reads a value: attributes with semicolons between them, each a name, `=`, and a list with commas.
    pub fn parse(value: &[u8]) -> Result<Self, ConstraintError> {
        let text = std::str::from_utf8(value).map_err(|_| ConstraintError::Syntax)?;
        let is_of_values = |octet: u8| matches!(octet, b'\t' | b' '..=b'~');
        if !text.bytes().all(is_of_values) {
            return Err(ConstraintError::Syntax);
        }
        let mut read = Self { methods: None, options_critical: Vec::new() };
        if trim(text).is_empty() {
            return Ok(read);
        }
        let mut names: Vec<&str> = Vec::new();
        for attribute in text.split(';') {
            let (name, value) = attribute.split_once('=').ok_or(ConstraintError::Syntax)?;
            let (name, value) = (trim(name), trim(value));
            if !is_label(name) || value.is_empty() {
                return Err(ConstraintError::Syntax);
            }
            // More than can mean anything: each further one makes the search longer.
            if names.len() == ATTRIBUTES_MAX {
                return Err(ConstraintError::Syntax);
            }
            if names.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                return Err(ConstraintError::Twice);
            }
            names.push(name);
            match name.to_ascii_lowercase().as_str() {
                "methods" => read.methods = Some(list(value)?),
                "options-critical" => read.options_critical = list(value)?,
                // It has to be well-formed, and binds nobody.
                "options" => drop(list(value)?),
                _ => {}
            }
        }
        Ok(read)
    }
}

/// The draft defines three.
const ATTRIBUTES_MAX: usize = 100;

fn list(value: &str) -> Result<Vec<String>, ConstraintError> {
    let items = value.split(',').map(trim);
    let items: Vec<_> = items.map(str::to_owned).collect();
    let is_item = |item: &String| !item.is_empty() && !item.contains([' ', '\t']);
    if items.iter().all(is_item) { Ok(items) } else { Err(ConstraintError::Syntax) }
}

fn trim(text: &str) -> &str {
    text.trim_matches([' ', '\t'])
}

fn is_label(text: &str) -> bool {
    let is_of_labels = |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-';
    !text.is_empty()
        && text.bytes().all(is_of_labels)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    type Expected<'a> = Result<(Option<&'a [&'a str]>, &'a [&'a str]), ConstraintError>;

    fn check(value: &str, expected: Expected<'_>) {
        let expected = expected.map(|(methods, options)| Constraint {
            methods: methods.map(|methods| methods.iter().map(|one| (*one).to_owned()).collect()),
            options_critical: options.iter().map(|one| (*one).to_owned()).collect(),
        });
        assert_eq!(Constraint::parse(value.as_bytes()), expected, "{value:?}");
    }

    #[test] // draft-ietf-lamps-caa-security-00 §3.1
    fn the_grammar_is_followed() {
        check("", Ok((None, &[])));
        check(" \t", Ok((None, &[])));
        check("methods=a , b", Ok((Some(&["a", "b"]), &[])));
        check(" x=any thing; Options-Critical = c", Ok((None, &["c"])));
        for bad in [
            "methods",
            "methods=",
            "methods=a,",
            "methods=a b",
            "=a",
            "-a=b",
            ";",
            "a=b;",
            "a=\u{e9}",
        ] {
            check(bad, Err(ConstraintError::Syntax));
        }
        check("methods=a; METHODS=b", Err(ConstraintError::Twice));
    }
}
