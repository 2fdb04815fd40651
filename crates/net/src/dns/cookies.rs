//! DNS cookies (RFC 7873): proof that an answer comes from who got the question, or saw it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::hmac;

/// Our secret, and the cookies that servers gave us.
#[derive(Debug)]
pub(super) struct Cookies {
    key: hmac::Key,
    servers: Mutex<HashMap<SocketAddr, Vec<u8>>>,
}

/// A cookie as it goes out with a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cookie {
    client: [u8; CLIENT_BYTES],
    /// Empty as long as the server has given none.
    server: Vec<u8>,
}

/// What the cookie of an answer says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Returned {
    /// It is ours, or the server knows no cookies.
    Right,
    /// It is not ours (RFC 7873 §5.3).
    Wrong,
    /// There is none, although the server gave one before.
    Missing,
}

impl Cookies {
    pub(super) fn new(secret: [u8; 32]) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        Self { key, servers: Mutex::new(HashMap::new()) }
    }

    /// The cookie for a server. Each gets another, so that they cannot tell by it that they talk to the same client
    /// (RFC 7873 §4.1).
    pub(super) fn cookie(&self, server: SocketAddr) -> Cookie {
        let tag = hmac::sign(&self.key, server.to_string().as_bytes());
        let client = *tag.as_ref().first_chunk().expect("SHA-256 has 32 octets");
        let server = self.lock().get(&server).cloned().unwrap_or_default();
        Cookie { client, server }
    }

    /// Keeps the server's part of a cookie that came back right.
    pub(super) fn keep(&self, server: SocketAddr, returned: &[u8]) {
        let Some(part) = returned.get(CLIENT_BYTES..).filter(|part| !part.is_empty()) else {
            return;
        };
        let mut servers = self.lock();
        if servers.len() >= SERVERS_MAX && !servers.contains_key(&server) {
            servers.clear();
        }
        servers.insert(server, part.to_vec());
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SocketAddr, Vec<u8>>> {
        // Nothing panics half-way through a change, so a poisoned map is still a whole one.
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cookie {
    /// The data of the option.
    pub(super) fn data(&self) -> Vec<u8> {
        [&self.client[..], &self.server].concat()
    }

    /// Holds what came back against it. RFC 7873 §4: nothing, or 8 to 32 octets, follow the client's part.
    pub(super) fn judge(&self, returned: Option<&[u8]>) -> Returned {
        match returned.map(|data| data.split_at_checked(CLIENT_BYTES)) {
            None if self.server.is_empty() => Returned::Right,
            None => Returned::Missing,
            Some(Some((client, server)))
                if client == self.client && matches!(server.len(), 0 | 8..=32) =>
            {
                Returned::Right
            }
            Some(_) => Returned::Wrong,
        }
    }
}

/// RFC 7873 §4.
const CLIENT_BYTES: usize = 8;

/// How many servers' cookies are kept. A watcher asks some hundred servers; beyond that it begins anew, and the servers
/// give theirs again.
const SERVERS_MAX: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn server(last: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, 1], last))
    }

    #[test]
    fn each_server_has_its_cookie() {
        let cookies = Cookies::new([7; 32]);
        assert_eq!(cookies.cookie(server(1)), cookies.cookie(server(1)));
        assert_ne!(cookies.cookie(server(1)), cookies.cookie(server(2)));
        assert_ne!(cookies.cookie(server(1)), Cookies::new([8; 32]).cookie(server(1)));
    }

    #[test] // RFC 7873 §5.3
    fn what_comes_back_is_held_against_what_was_sent() {
        let cookies = Cookies::new([7; 32]);
        let sent = cookies.cookie(server(1));
        let ours = sent.data();
        assert_eq!(ours.len(), 8);
        let with = |count| [&ours[..], &vec![1; count]].concat();
        let check = |returned: Option<&[u8]>, expected| {
            assert_eq!(sent.judge(returned), expected, "{returned:?}")
        };
        check(None, Returned::Right);
        check(Some(&ours), Returned::Right);
        check(Some(&with(8)), Returned::Right);
        check(Some(&with(32)), Returned::Right);
        check(Some(&with(7)), Returned::Wrong);
        check(Some(&with(33)), Returned::Wrong);
        check(Some(&ours[..7]), Returned::Wrong);
        check(Some(&[0; 16]), Returned::Wrong);

        cookies.keep(server(1), &with(8));
        let sent = cookies.cookie(server(1));
        assert_eq!(sent.data(), with(8));
        assert_eq!(sent.judge(None), Returned::Missing);
    }

    #[test]
    fn no_number_of_servers_is_too_large() {
        let cookies = Cookies::new([7; 32]);
        for port in 0..5000 {
            cookies.keep(server(port), &[0; 16]);
            assert!(cookies.lock().len() <= SERVERS_MAX);
        }
    }
}
