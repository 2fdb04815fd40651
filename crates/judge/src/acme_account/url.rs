//! The URL of an account, as it can stand in a CAA record.

use std::fmt;

/// An `https` URL that a CA knows an account by, in the characters that a CAA record can hold. CAs compare it octet by
/// octet (RFC 8657 §3), so it stays as it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountUrl(String);

/// Why a text is no such URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountUrlError {
    /// ACME goes over HTTPS only (RFC 8555 §6.1).
    #[error("it does not begin with https://")]
    Scheme,
    /// There is no host in it, or something that no host has.
    #[error("it has no host")]
    Host,
    /// There is nothing behind the host, so it names the CA and no account of it.
    #[error("it has no path")]
    Path,
    /// A character that no URL has (RFC 3986 §2), or a semicolon, which ends the parameter of a CAA record
    /// (RFC 8659 §4.2).
    #[error("it has a character in it that cannot stand in a CAA record")]
    Character,
    /// It is longer than [`URL_BYTES_MAX`].
    #[error("it is longer than {URL_BYTES_MAX} characters")]
    TooLong,
}

/// The longest that is known has 90; with this a record still fits into an answer over UDP.
pub const URL_BYTES_MAX: usize = 500;

impl AccountUrl {
    /// Reads a URL, which must be one as a whole.
    pub fn parse(text: &str) -> Result<Self, AccountUrlError> {
        if text.len() > URL_BYTES_MAX {
            return Err(AccountUrlError::TooLong);
        }
        let is_good =
            |octet: u8| octet.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,=%".contains(&octet);
        if !text.bytes().all(is_good) {
            return Err(AccountUrlError::Character);
        }
        let rest = text.strip_prefix("https://").ok_or(AccountUrlError::Scheme)?;
        let (authority, path) = rest.split_once('/').ok_or(AccountUrlError::Path)?;
        let is_of_hosts = |octet: u8| octet.is_ascii_alphanumeric() || b"-.:[]".contains(&octet);
        let is_host = authority.bytes().all(is_of_hosts);
        if !is_host || authority.is_empty() || authority.starts_with(':') {
            return Err(AccountUrlError::Host);
        }
        if path.is_empty() {
            return Err(AccountUrlError::Path);
        }
        Ok(Self(text.to_owned()))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The host, with a port if there is one, as written.
    pub fn host(&self) -> &str {
        let rest = self.0.strip_prefix("https://").expect("`parse` found it");
        rest.split('/').next().expect("a text has a first part")
    }
}

impl fmt::Display for AccountUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<&str, AccountUrlError>) {
        let url = AccountUrl::parse(text);
        assert_eq!(url.as_ref().map(AccountUrl::host).map_err(|error| *error), expected);
    }

    #[test]
    fn urls_of_accounts_are_read() {
        let host = "acme-v02.api.letsencrypt.org";
        check("https://acme-v02.api.letsencrypt.org/acme/acct/1234", Ok(host));
        check("https://localhost:14000/my-account/1", Ok("localhost:14000"));
        check("https://[::1]:14000/my-account/1", Ok("[::1]:14000"));
        check("https://ca.example/a?id=%41", Ok("ca.example"));
    }

    #[test]
    fn what_names_no_account_or_cannot_stand_in_a_record_is_refused() {
        check("http://ca.example/1", Err(AccountUrlError::Scheme));
        check("HTTPS://ca.example/1", Err(AccountUrlError::Scheme));
        check("", Err(AccountUrlError::Scheme));
        check("https:///1", Err(AccountUrlError::Host));
        check("https://:443/1", Err(AccountUrlError::Host));
        check("https://me@ca.example/1", Err(AccountUrlError::Host));
        check("https://ca.example", Err(AccountUrlError::Path));
        check("https://ca.example/", Err(AccountUrlError::Path));
        for bad in ["https://ca.example/1;2", "https://ca.example/1 ", "https://ca.example/\u{fc}"]
        {
            check(bad, Err(AccountUrlError::Character));
        }
        check("https://ca.example/1\"\\", Err(AccountUrlError::Character));
        check("https://ca.example/1#2", Err(AccountUrlError::Character));
        check(&format!("https://{}/1", "a".repeat(500)), Err(AccountUrlError::TooLong));
    }

    proptest! {
        #[test] // RFC 8659 §4.2: value = *(%x21-3A / %x3C-7E)
        fn what_is_read_can_stand_in_a_record(text in "https://[a-z:]{1,9}/[ -~]{1,9}") {
            if let Ok(url) = AccountUrl::parse(&text) {
                prop_assert_eq!(url.as_str(), text);
                prop_assert!(url.as_str().bytes().all(|octet| matches!(octet, 0x21..=0x3a | 0x3c..=0x7e)));
                prop_assert!(!url.as_str().contains(['"', '\\']));
            }
        }
    }
}
