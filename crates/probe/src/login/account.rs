//! Who logs in, and on which terms.

use std::fmt;

/// An account of the service's, made for being probed with.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    user: String,
    password: String,
}

/// Why an account cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccountError {
    /// Other characters are prepared by rules (RFC 4013) of which clients and servers have several readings.
    #[error(
        "the {0} of the account has other characters than the printable ones of ASCII, or none"
    )]
    NotAscii(&'static str),
}

impl Account {
    /// The name before the `@`, and its password.
    pub fn new(user: &str, password: &str) -> Result<Self, AccountError> {
        for (text, what) in [(user, "name"), (password, "password")] {
            if text.is_empty() || !text.bytes().all(|c| c == b' ' || c.is_ascii_graphic()) {
                return Err(AccountError::NotAscii(what));
            }
        }
        Ok(Self { user: user.to_owned(), password: password.to_owned() })
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({:?}, password not shown)", self.user)
    }
}

/// On which terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What the login can be bound to, the preferred one first; none if nothing is known of the TLS.
    pub bindings: Vec<Binding>,
    /// Whether to log in without.
    pub unbound: Unbound,
}

/// Whether to log in without channel binding. Whoever holds the TLS in between can then log in as we do, as long as
/// this connection lasts; the password itself it does not learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unbound {
    /// If there is no other way.
    Allow,
    /// No.
    Refuse,
}

/// What is the same for both ends of one TLS connection, and different for the two of an interceptor.
#[derive(Clone, PartialEq, Eq)]
pub enum Binding {
    /// Exported with the label `EXPORTER-Channel-Binding` and an empty context (RFC 9266 §2): nobody else has it.
    TlsExporter([u8; 32]),
    /// The hash of the server's certificate, with the function of its signature (RFC 5929 §4): whoever stole the key
    /// has it too.
    TlsServerEndPoint(Vec<u8>),
}

impl Binding {
    /// Its registered name.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::TlsExporter(_) => "tls-exporter",
            Self::TlsServerEndPoint(_) => "tls-server-end-point",
        }
    }

    pub(super) fn data(&self) -> &[u8] {
        match self {
            Self::TlsExporter(data) => data,
            Self::TlsServerEndPoint(data) => data,
        }
    }
}

impl fmt::Debug for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_ascii_and_keep_their_secret() {
        let account = Account::new("probe", "pen cil").unwrap();
        assert_eq!(format!("{account:?}"), r#"Account("probe", password not shown)"#);
        assert_eq!(Account::new("prøbe", "x"), Err(AccountError::NotAscii("name")));
        assert_eq!(Account::new("probe", "x\n"), Err(AccountError::NotAscii("password")));
        assert_eq!(Account::new("probe", ""), Err(AccountError::NotAscii("password")));
    }
}
