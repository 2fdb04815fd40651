//! Methods of validation, and the labels that name them (RFC 8657 §4, ballot SC-098).

use std::fmt;

/// A method by which a CA has validated control of a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Method(String);

/// A text is no label of a method: one or more letters, digits and hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a method is named by letters, digits and hyphens, such as dns-01")]
pub struct MethodError;

/// A value of `validationmethods` is no list of labels with commas between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no list of methods with commas between them")]
pub struct MethodsError;

/// Methods that have a name in ACME and a number in section 3.2.2.4 of the Baseline Requirements. A CA should take
/// either for the other.
const SAME: [(&str, &str); 5] = [
    ("dns-01", "ca-tbr-7"),
    ("http-01", "ca-tbr-19"),
    ("tls-alpn-01", "ca-tbr-20"),
    ("dns-account-01", "ca-tbr-21"),
    ("dns-persist-01", "ca-tbr-22"),
];

impl Method {
    /// Reads a label. It is compared octet by octet; those that are in use are lower-case.
    pub fn parse(label: &str) -> Result<Self, MethodError> {
        if is_label(label) { Ok(Self(label.to_owned())) } else { Err(MethodError) }
    }

    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a label names this method, by itself or by its other name.
    pub fn is_named(&self, label: &str) -> bool {
        let is_same = |(one, other): &(&str, &str)| {
            (self.0 == *one && label == *other) || (self.0 == *other && label == *one)
        };
        self.0 == label || SAME.iter().any(is_same)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The labels in a value of `validationmethods`: `[*(label ",") label]`. Without any, nothing is permitted.
pub fn permitted_methods(value: &str) -> Result<Vec<&str>, MethodsError> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let labels: Vec<_> = value.split(',').collect();
    if labels.iter().all(|label| is_label(label)) { Ok(labels) } else { Err(MethodsError) }
}

/// RFC 8657 §4: `label = 1*(ALPHA / DIGIT / "-")`, unlike the labels of RFC 8659.
fn is_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, label: &str, expected: bool) {
        assert_eq!(Method::parse(method).expect("a label").is_named(label), expected);
    }

    #[test]
    fn a_method_has_two_names() {
        check("dns-01", "dns-01", true);
        check("dns-01", "ca-tbr-7", true);
        check("ca-tbr-7", "dns-01", true);
        check("dns-01", "ca-tbr-19", false);
        check("dns-01", "DNS-01", false);
        check("ca-tbr-4", "ca-tbr-4", true);
    }

    #[test] // RFC 8657 §4
    fn a_list_has_commas_between_labels() {
        assert_eq!(permitted_methods(""), Ok(vec![]));
        assert_eq!(permitted_methods("dns-01,-x"), Ok(vec!["dns-01", "-x"]));
        for bad in [",", "a,", ",a", "a,,b", "a b", "a_b"] {
            assert_eq!(permitted_methods(bad), Err(MethodsError), "{bad}");
        }
        assert_eq!(Method::parse(""), Err(MethodError));
    }
}
