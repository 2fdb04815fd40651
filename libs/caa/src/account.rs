//! Accounts at a CA, and the URIs that name them (RFC 8657 §3).

/// A text that is a URI (RFC 3986). Two are the same if their octets are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountUri(String);

impl AccountUri {
    /// Reads a URI; `None` if it is none. One of `acct` has a user and a host (RFC 7565 §7), one of `http` and `https`
    /// has a host (RFC 9110 §4.2).
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|octet| octet.is_ascii_alphanumeric() || b"+-.".contains(&octet));
        let is_there = match scheme.to_ascii_lowercase().as_str() {
            "acct" => rest
                .rsplit_once('@')
                .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
            "http" | "https" => rest
                .strip_prefix("//")
                .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#', ':'])),
            _ => !rest.is_empty(),
        };
        (is_scheme && is_there && is_of_uris(rest)).then(|| Self(text.to_owned()))
    }

    /// The URI as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether all characters may stand in a URI, and each `%` has its two digits (RFC 3986 §2).
fn is_of_uris(text: &str) -> bool {
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        let is_good = match octet {
            b'%' => {
                let mut digit = || octets.next().is_some_and(|digit| digit.is_ascii_hexdigit());
                digit() && digit()
            }
            _ => octet.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&octet),
        };
        if !is_good {
            return false;
        }
    }
    true
}

/// An account that a request is made with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// Its URI, as the CA gives it out.
    pub uri: String,
    /// How the request comes to it.
    pub relation: Relation,
}

/// Whose account it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relation {
    /// The request is made by this account.
    Own,
    /// This account stands above the one that makes the request, by a mapping that the CA keeps and shows to its
    /// auditors (ballot SC-098).
    Parent,
}

impl Account {
    /// The account that makes the request.
    pub fn own(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), relation: Relation::Own }
    }

    /// One that stands above it.
    pub fn parent(uri: impl Into<String>) -> Self {
        Self { uri: uri.into(), relation: Relation::Parent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_told_from_other_texts() {
        for good in [
            "https://ca.example/acct/1",
            "https://[2001:db8::1]:14000/a?b=c#d",
            "acct:1234@ca.example",
            "acct:a%40b@ca.example",
            "urn:uuid:f81d4fae",
            "x-own+1.2:y",
        ] {
            assert_eq!(AccountUri::parse(good).expect(good).as_str(), good);
        }
        for bad in [
            "",
            "1234",
            ":",
            "https:",
            "https://",
            "https:///a",
            "https://:443/",
            "1a:b",
            "a b:c",
            "acct:1234",
            "acct:@ca.example",
            "acct:1234@",
            "https://ca.example/%4",
            "https://ca.example/%zz",
            "https://ca.example/\"",
            "https://ca.example/\u{e9}",
        ] {
            assert_eq!(AccountUri::parse(bad), None, "{bad}");
        }
    }
}
