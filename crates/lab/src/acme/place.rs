//! What the CA's addresses stand for.

use std::fmt;

use super::Method;

/// An account's number, from 0. Its URL counts from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AccountId(pub(super) usize);

/// An order's number, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OrderId(pub(super) usize);

/// An authorization's number, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AuthorizationId(pub(super) usize);

/// What an address stands for (RFC 8555 §7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Directory,
    NewNonce,
    NewAccount,
    NewOrder,
    Account(AccountId),
    Order(OrderId),
    Finalize(OrderId),
    Certificate(OrderId),
    Authorization(AuthorizationId),
    Challenge(AuthorizationId, Method),
}

impl Place {
    /// Reads the path of a URL. One place has one path.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<usize>().ok()?.checked_sub(1);
        let parts: Vec<_> = path.strip_prefix('/')?.split('/').collect();
        let place = match parts[..] {
            ["directory"] => Self::Directory,
            ["new-nonce"] => Self::NewNonce,
            ["new-account"] => Self::NewAccount,
            ["new-order"] => Self::NewOrder,
            ["acct", id] => Self::Account(AccountId(number(id)?)),
            ["order", id] => Self::Order(OrderId(number(id)?)),
            ["order", id, "finalize"] => Self::Finalize(OrderId(number(id)?)),
            ["cert", id] => Self::Certificate(OrderId(number(id)?)),
            ["authz", id] => Self::Authorization(AuthorizationId(number(id)?)),
            ["authz", id, method] => {
                let method = Method::ALL.into_iter().find(|own| own.as_str() == method)?;
                Self::Challenge(AuthorizationId(number(id)?), method)
            }
            _ => return None,
        };
        (place.to_string() == path).then_some(place)
    }
}

/// The path.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory => f.write_str("/directory"),
            Self::NewNonce => f.write_str("/new-nonce"),
            Self::NewAccount => f.write_str("/new-account"),
            Self::NewOrder => f.write_str("/new-order"),
            Self::Account(AccountId(id)) => write!(f, "/acct/{}", id + 1),
            Self::Order(OrderId(id)) => write!(f, "/order/{}", id + 1),
            Self::Finalize(OrderId(id)) => write!(f, "/order/{}/finalize", id + 1),
            Self::Certificate(OrderId(id)) => write!(f, "/cert/{}", id + 1),
            Self::Authorization(AuthorizationId(id)) => write!(f, "/authz/{}", id + 1),
            Self::Challenge(AuthorizationId(id), method) => write!(f, "/authz/{}/{method}", id + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_place_has_one_path() {
        for path in ["/directory", "/acct/1", "/order/7/finalize", "/authz/3/dns-01", "/cert/12"] {
            assert_eq!(Place::parse(path).map(|place| place.to_string()).as_deref(), Some(path));
        }
        for path in ["", "/", "/acct/0", "/acct/+1", "/acct/01", "/acct/1/", "/authz/1/tls-01"] {
            assert_eq!(Place::parse(path), None, "{path}");
        }
    }
}
