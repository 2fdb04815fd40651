//! What is known of a CA and its clients, learned from what the CA answers.
//!
//! ```text
//!   request ──read──> Asked ── whoever can ask the CA ──> Answer ──learn──> Book
//!     └──> Refusal
//! ```
//!
//! An address is understood if the CA has named it: in its directory, in a `Location`, in an order, an authorization
//! or a list. Everything that a client may reach hangs on its account, as in the CA.
//!
//! How a name was validated is what the CA shows: the one challenge that it calls valid. So a client has to look at
//! each authorization, or at its challenge, before it finalizes an order, which clients do to learn how validation went.
//!
//! # Limitations
//!
//! The book is in memory. Whoever keeps it between two runs keeps the accounts; a client whose order is unknown has to
//! make another one. Neither authorizations for ancestors of a name (RFC 9444) nor delegations (RFC 9115) are known.

mod learning;

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::answer::{Directory, is_key, ours};
use super::jws::{Jws, JwsError, Signer};
use super::key::Key;
use super::nonces::NONCE_BYTES_MAX;
use super::refusal::{Problem, Refusal};
use super::request::{
    AccountPayload, Asked, AuthzPayload, Empty, FinalizePayload, GivenUp, Issue, KeyChangePayload,
    Kind, Method, Named, OrderPayload, Request, RevokePayload, Signature, payload,
};
use super::shelf::Shelf;
use super::x509::{NAMES_MAX, Names};

/// What is known.
#[derive(Debug)]
pub struct Book {
    directory_url: String,
    origin: String,
    strangers: Strangers,
    directory: Directory,
    /// The keys of accounts.
    accounts: Shelf<Key>,
    /// Addresses of lists of orders, and of orders that were listed: each with the account.
    lists: Shelf<String>,
    listed: Shelf<String>,
    orders: Shelf<Order>,
    /// The order that is finalized at an address.
    finalized: Shelf<String>,
    authorizations: Shelf<Authorization>,
    /// The authorization that a challenge is of.
    challenges: Shelf<String>,
    /// Whose certificate is at an address.
    certificates: Shelf<String>,
}

/// What becomes of requests by accounts whose keys were not learned: they are older than the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// They are refused until the client has looked its account up with its key (RFC 8555 §7.3.1).
    Refuse,
    /// They are passed on, and the CA verifies them. It does so anyhow: whoever signs with another key than that of
    /// the account gets nothing there.
    LeaveToCa,
}

#[derive(Debug)]
struct Order {
    account: String,
    names: BTreeSet<String>,
    authorizations: Vec<String>,
}

#[derive(Debug)]
struct Authorization {
    account: String,
    /// The name, once the CA has shown it.
    name: Option<String>,
    challenges: Vec<Challenge>,
}

#[derive(Debug)]
struct Challenge {
    url: String,
    kind: String,
    is_valid: bool,
}

/// What is wrong with what the CA said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BookError {
    /// The address of the directory is none.
    #[error("{0:?} is not the https URL of a directory")]
    Directory(String),
    /// The body is not what it has to be.
    #[error("the CA's answer is no {0}")]
    Answer(&'static str),
    /// It has no `Location`.
    #[error("the CA does not say where the {0} is")]
    Location(&'static str),
    /// An address leads somewhere else, past the gate.
    #[error("the CA names {url:?}, which is not at {origin}")]
    Elsewhere {
        /// The address.
        url: String,
        /// Where the gate is.
        origin: String,
    },
    /// It says something else than before.
    #[error("the CA has changed what it said of {0}")]
    Changed(String),
}

impl Book {
    /// A book with nothing in it but the directory, as the CA answered it. `directory_url` is what clients use.
    pub fn new(
        directory_url: &str,
        answer: &[u8],
        strangers: Strangers,
    ) -> Result<Self, BookError> {
        let wrong = || BookError::Directory(directory_url.to_owned());
        let rest = directory_url.strip_prefix("https://").ok_or_else(wrong)?;
        let (host, _path) =
            rest.split_once('/').filter(|(host, _)| !host.is_empty()).ok_or_else(wrong)?;
        let origin = format!("https://{host}");
        Ok(Self {
            directory: Directory::parse(answer, &origin)?,
            directory_url: directory_url.to_owned(),
            origin,
            strangers,
            accounts: Shelf::new(ACCOUNTS_MAX),
            lists: Shelf::new(ACCOUNTS_MAX),
            listed: Shelf::new(ORDERS_MAX),
            orders: Shelf::new(ORDERS_MAX),
            finalized: Shelf::new(ORDERS_MAX),
            authorizations: Shelf::new(AUTHORIZATIONS_MAX),
            challenges: Shelf::new(CHALLENGES_MAX),
            certificates: Shelf::new(ORDERS_MAX),
        })
    }

    /// Takes an account that was learned by a book before this one.
    pub fn remember(&mut self, account: &str, key: Key) -> Result<(), BookError> {
        self.accounts.put(&ours(account, &self.origin)?, key);
        Ok(())
    }

    /// The key of an account, if it was learned.
    pub fn key(&self, account: &str) -> Option<&Key> {
        self.accounts.get(account)
    }

    /// Scheme, host and port of every address that is known.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Where the CA gives nonces.
    pub fn new_nonce(&self) -> &str {
        &self.directory.new_nonce
    }

    /// What an address stands for.
    fn kind(&self, url: &str) -> Option<Kind> {
        if url == self.directory_url {
            return Some(Kind::Directory);
        }
        if let Some(kind) = self.directory.kinds.get(url) {
            return Some(*kind);
        }
        let is_renewal = self.directory.renewal_info.as_ref().is_some_and(|base| {
            let rest = url.strip_prefix(base.as_str()).and_then(|rest| rest.strip_prefix('/'));
            // base64url(keyIdentifier).base64url(serial) (RFC 9773 §4.1).
            rest.is_some_and(|id| {
                let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
                !id.is_empty() && id.bytes().all(plain) && !id.starts_with('.')
            })
        });
        let found = [
            (is_renewal, Kind::RenewalInfo),
            (self.finalized.get(url).is_some(), Kind::Finalize),
            (self.orders.get(url).is_some() || self.listed.get(url).is_some(), Kind::Order),
            (self.authorizations.get(url).is_some(), Kind::Authorization),
            (self.challenges.get(url).is_some(), Kind::Challenge),
            (self.certificates.get(url).is_some(), Kind::Certificate),
            (self.lists.get(url).is_some(), Kind::Orders),
            (self.accounts.get(url).is_some(), Kind::Account),
        ];
        found.into_iter().find(|(is_known, _)| *is_known).map(|(_, kind)| kind)
    }

    /// Understands a request, or says why not. What comes out may be passed on, once it is decided.
    pub fn read(&self, request: &Request<'_>) -> Result<Asked, Refusal> {
        let kind = self.kind_asked(request)?;
        let method_fits = match kind {
            Kind::Directory | Kind::RenewalInfo => request.method == Method::Get,
            Kind::NewNonce => request.method != Method::Post,
            Kind::NewAccount
            | Kind::NewOrder
            | Kind::NewAuthz
            | Kind::RevokeCert
            | Kind::KeyChange
            | Kind::Account
            | Kind::Orders
            | Kind::Order
            | Kind::Finalize
            | Kind::Authorization
            | Kind::Challenge
            | Kind::Certificate => request.method == Method::Post,
        };
        if !method_fits {
            let detail =
                "this address does not take this method; all but directory and nonces take POST";
            return Err(malformed(detail).status(405));
        }
        match request.method {
            Method::Get | Method::Head => Ok(Asked {
                kind,
                url: request.url.to_owned(),
                account: None,
                signature: Signature::None,
                nonce: None,
                key: None,
                issue: None,
            }),
            Method::Post => self.post(kind, request),
        }
    }

    fn kind_asked(&self, request: &Request<'_>) -> Result<Kind, Refusal> {
        if let Some(kind) = self.kind(request.url) {
            return Ok(kind);
        }
        // An account that is older than the book has an address that only its own requests show.
        let is_own = request.method == Method::Post
            && Jws::parse(request.body)
                .is_ok_and(|jws| jws.signer == Signer::Account(request.url.to_owned()));
        if is_own && self.strangers == Strangers::LeaveToCa {
            return Ok(Kind::Account);
        }
        let detail = "the CA has not named this address since the gate was started";
        Err(malformed(detail).status(404))
    }

    fn post(&self, kind: Kind, request: &Request<'_>) -> Result<Asked, Refusal> {
        // RFC 8555 §6.2.
        if request.content_type != Some("application/jose+json") {
            return Err(malformed("the body has to be application/jose+json").status(415));
        }
        let jws = Jws::parse(request.body).map_err(unread)?;
        // RFC 8555 §6.4.
        if jws.url != request.url {
            let detail = "the url in the protected header is another one than that of the request";
            return Err(Refusal::new(Problem::Unauthorized, detail).status(401));
        }
        if jws.nonce.as_ref().is_none_or(|nonce| !is_nonce(nonce)) {
            return Err(Refusal::new(
                Problem::BadNonce,
                "there is no nonce in the protected header",
            ));
        }
        let mut asked = Asked {
            kind,
            url: request.url.to_owned(),
            account: None,
            signature: Signature::Verified,
            nonce: jws.nonce.clone(),
            key: None,
            issue: None,
        };
        match (&jws.signer, kind) {
            (Signer::Key(key), Kind::NewAccount | Kind::RevokeCert) => {
                verify(&jws, key)?;
                asked.key = Some(key.clone());
            }
            (Signer::Account(_), Kind::NewAccount) => {
                return Err(malformed("a new account is asked for with jwk and not with kid"));
            }
            (Signer::Key(_), _) => {
                return Err(malformed(
                    "this is asked for with kid, the address of an account, and not with jwk",
                ));
            }
            (Signer::Account(account), _) => {
                asked.signature = self.verified(&jws, account)?;
                asked.account = Some(account.clone());
            }
        }
        if let (Some(account), Some(owner)) = (&asked.account, self.owner(kind, request.url))
            && account != owner
        {
            return Err(Refusal::new(Problem::Unauthorized, "this belongs to another account"));
        }
        self.payload(&jws, &mut asked)?;
        Ok(asked)
    }

    /// Verifies by the key of an account.
    fn verified(&self, jws: &Jws, account: &str) -> Result<Signature, Refusal> {
        match (self.accounts.get(account), self.strangers) {
            (Some(key), _) => verify(jws, key).map(|()| Signature::Verified),
            (None, Strangers::LeaveToCa) if ours(account, &self.origin).is_ok() => {
                Ok(Signature::LeftToCa)
            }
            (None, Strangers::LeaveToCa | Strangers::Refuse) => {
                let detail = "this account is not known here; \
                    look it up with newAccount and onlyReturnExisting first";
                Err(Refusal::new(Problem::AccountDoesNotExist, detail))
            }
        }
    }

    /// Whose this is.
    fn owner<'a>(&'a self, kind: Kind, url: &'a str) -> Option<&'a str> {
        let of_order = |url: &str| self.orders.get(url).map(|order| order.account.as_str());
        let of_authorization =
            |url: &str| self.authorizations.get(url).map(|found| found.account.as_str());
        match kind {
            Kind::Account => Some(url),
            Kind::Orders => self.lists.get(url).map(String::as_str),
            Kind::Order => of_order(url).or_else(|| self.listed.get(url).map(String::as_str)),
            Kind::Finalize => self.finalized.get(url).and_then(|order| of_order(order)),
            Kind::Authorization => of_authorization(url),
            Kind::Challenge => self.challenges.get(url).and_then(|found| of_authorization(found)),
            Kind::Certificate => self.certificates.get(url).map(String::as_str),
            Kind::Directory
            | Kind::NewNonce
            | Kind::NewAccount
            | Kind::NewOrder
            | Kind::NewAuthz
            | Kind::RevokeCert
            | Kind::KeyChange
            | Kind::RenewalInfo => None,
        }
    }

    fn payload(&self, jws: &Jws, asked: &mut Asked) -> Result<(), Refusal> {
        let bytes = &jws.payload[..];
        match asked.kind {
            Kind::NewAccount => payload::<AccountPayload<'_>>(bytes, "account").map(drop),
            // An empty payload is POST-as-GET (RFC 8555 §6.3).
            Kind::Account if !bytes.is_empty() => {
                payload::<AccountPayload<'_>>(bytes, "account").map(drop)
            }
            Kind::Authorization if !bytes.is_empty() => {
                payload::<GivenUp>(bytes, "authorization").map(drop)
            }
            Kind::Challenge if !bytes.is_empty() => {
                payload::<Empty>(bytes, "response to a challenge")?;
                self.challenge_is_known(&asked.url)
            }
            Kind::Account
            | Kind::Authorization
            | Kind::Challenge
            | Kind::Orders
            | Kind::Order
            | Kind::Certificate => {
                if bytes.is_empty() {
                    return Ok(());
                }
                Err(malformed("this is only read here, with an empty payload"))
            }
            Kind::NewOrder => {
                let order: OrderPayload = payload(bytes, "order")?;
                if !(1..=NAMES_MAX).contains(&order.identifiers.len()) {
                    return Err(malformed(format!("an order has 1 to {NAMES_MAX} identifiers")));
                }
                order.identifiers.iter().try_for_each(|identifier| identifier.check())
            }
            Kind::NewAuthz => payload::<AuthzPayload>(bytes, "authorization")?.identifier.check(),
            Kind::RevokeCert => payload::<RevokePayload>(bytes, "revocation").map(drop),
            Kind::KeyChange => {
                asked.key = Some(self.key_change(bytes, asked)?);
                Ok(())
            }
            Kind::Finalize => {
                asked.issue = Some(self.issue(bytes, &asked.url)?);
                Ok(())
            }
            Kind::Directory | Kind::NewNonce | Kind::RenewalInfo => {
                unreachable!("these do not take POST")
            }
        }
    }

    fn challenge_is_known(&self, url: &str) -> Result<(), Refusal> {
        let authorization = self.challenges.get(url).and_then(|of| self.authorizations.get(of));
        let all = authorization.iter().flat_map(|authorization| &authorization.challenges);
        let kind =
            all.filter(|challenge| challenge.url == url).map(|challenge| &challenge.kind).next();
        if kind.is_some_and(|kind| METHODS.contains(&kind.as_str())) {
            return Ok(());
        }
        let methods = METHODS.join(", ");
        Err(malformed(format!("challenges of this type are not known here, only {methods}")))
    }

    /// The new key of an account (RFC 8555 §7.3.5).
    fn key_change(&self, bytes: &[u8], asked: &Asked) -> Result<Key, Refusal> {
        let inner = Jws::parse(bytes).map_err(unread)?;
        let Signer::Key(new) = &inner.signer else {
            return Err(malformed("the inner JWS of a key change has a jwk"));
        };
        verify(&inner, new)?;
        let change: KeyChangePayload = payload(&inner.payload, "key change")?;
        let account = asked.account.as_deref().unwrap_or_default();
        let is_old = self.accounts.get(account).is_none_or(|key| is_key(&change.old_key, key));
        if inner.url == asked.url && inner.nonce.is_none() && change.account == account && is_old {
            return Ok(new.clone());
        }
        Err(malformed("the inner JWS of the key change is about something else than the outer one"))
    }

    /// What an order is finalized to.
    fn issue(&self, bytes: &[u8], url: &str) -> Result<Issue, Refusal> {
        let order_url = self.finalized.get(url);
        let Some((url, order)) = order_url.and_then(|url| Some((url, self.orders.get(url)?)))
        else {
            return Err(
                malformed("this order is no longer known here; make another one").status(404)
            );
        };
        let bad = |why: &dyn std::fmt::Display| Refusal::new(Problem::BadCsr, why);
        let request: FinalizePayload = payload(bytes, "finalization")?;
        let der = BASE64_URL_SAFE_NO_PAD
            .decode(&request.csr)
            .map_err(|_| malformed("the csr is not base64url without padding"))?;
        let Names(asked) = Names::of_csr(&der).map_err(|why| bad(&format!("the csr: {why}")))?;
        if let Some(outside) = asked.difference(&order.names).next() {
            return Err(bad(&format!("the csr asks for {outside}, which is not in the order")));
        }
        if let Some(missing) = order.names.difference(&asked).next() {
            return Err(bad(&format!("the csr does not ask for {missing}, which is in the order")));
        }
        let mut names = BTreeSet::new();
        for authorization in &order.authorizations {
            names.insert(self.validated(authorization)?);
        }
        let authorized: BTreeSet<_> = names.iter().map(|named| &named.name).collect();
        let is_each_once =
            authorized.len() == names.len() && authorized.into_iter().eq(order.names.iter());
        if !is_each_once {
            let detail = "the authorizations of the order are not one for each of its names";
            return Err(Refusal::new(Problem::Unauthorized, detail));
        }
        let (account, order) = (order.account.clone(), url.clone());
        Ok(Issue { account, order, names: names.into_iter().collect() })
    }

    /// The name of an authorization, and how it was validated.
    fn validated(&self, url: &str) -> Result<Named, Refusal> {
        let known = self.authorizations.get(url);
        let name = known.and_then(|authorization| authorization.name.clone());
        let valid = known.iter().flat_map(|authorization| &authorization.challenges);
        let valid: Vec<_> = valid.filter(|challenge| challenge.is_valid).collect();
        match (name, &valid[..]) {
            (Some(name), [only]) if METHODS.contains(&only.kind.as_str()) => {
                Ok(Named { name, method: only.kind.clone() })
            }
            (name, _) => {
                let name = name.unwrap_or_else(|| "a name".to_owned());
                let detail = format!(
                    "it is not known here how {name} was validated: look at {url} once more, \
                    and finalize when one challenge in it is valid"
                );
                Err(Refusal::new(Problem::OrderNotReady, detail))
            }
        }
    }
}

/// How names can be validated, of what is registered for ACME.
pub const METHODS: [&str; 5] =
    ["http-01", "dns-01", "tls-alpn-01", "dns-account-01", "dns-persist-01"];

/// Accounts have a key and an address: 200,000 take 100 MB.
const ACCOUNTS_MAX: usize = 200_000;
/// Orders live for a week; most are over within minutes.
const ORDERS_MAX: usize = 50_000;
/// Some for each order.
const AUTHORIZATIONS_MAX: usize = 200_000;
/// Three or four for each authorization.
const CHALLENGES_MAX: usize = 800_000;

/// RFC 8555 §6.5.1.
fn is_nonce(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.len() <= NONCE_BYTES_MAX && text.bytes().all(plain)
}

fn malformed(detail: impl std::fmt::Display) -> Refusal {
    Refusal::new(Problem::Malformed, detail)
}

fn unread(error: JwsError) -> Refusal {
    match error {
        JwsError::TooLarge => malformed(error).status(413),
        JwsError::Algorithm => Refusal::new(Problem::BadSignatureAlgorithm, error),
        JwsError::Key(_) => Refusal::new(Problem::BadPublicKey, error),
        JwsError::Form | JwsError::Encoding | JwsError::Header => malformed(error),
    }
}

fn verify(jws: &Jws, key: &Key) -> Result<(), Refusal> {
    if jws.is_signed_by(key) {
        return Ok(());
    }
    Err(malformed("the signature is not by the key that it has to be by"))
}

#[cfg(test)]
mod tests;
