//! What the CA keeps: accounts, orders and authorizations, and the nonces that it gave out (RFC 8555 §7.1, §6.5).

use std::collections::VecDeque;

use countersign_caa::{Identifier, Wildcard};
use countersign_gate::acme::Key;

use super::Method;
use super::key::{encode, thumbprint};
use super::place::{AccountId, AuthorizationId, OrderId};
use super::problem::{Kind, Problem};

/// All of it.
#[derive(Default)]
pub(super) struct Ledger {
    /// Those that nobody has used yet, the oldest first.
    nonces: VecDeque<String>,
    accounts: Vec<Key>,
    orders: Vec<Order>,
    authorizations: Vec<Authorization>,
}

/// An order.
#[derive(Clone)]
pub(super) struct Order {
    account: AccountId,
    /// Each name once, with its authorization.
    pub(super) names: Vec<(Identifier, AuthorizationId)>,
    state: OrderState,
}

/// How far an order has come, less what its authorizations tell (RFC 8555 §7.1.6).
#[derive(Clone)]
enum OrderState {
    /// `pending`, `ready` or `invalid`, by its authorizations.
    Open,
    /// `processing`: somebody decides about it.
    Decided,
    /// `valid`: the chain, in PEM.
    Issued(String),
    /// `invalid`: the certificate was refused.
    Refused(Problem),
}

/// An authorization.
#[derive(Clone)]
pub(super) struct Authorization {
    account: AccountId,
    pub(super) identifier: Identifier,
    token: String,
    pub(super) state: AuthorizationState,
}

/// How far an authorization has come (RFC 8555 §7.1.6).
#[derive(Clone)]
pub(super) enum AuthorizationState {
    Pending,
    Valid(Method),
    Invalid(Method, Problem),
}

/// What to look for where a challenge says.
pub(super) struct Expected {
    pub(super) identifier: Identifier,
    pub(super) token: String,
    pub(super) key_authorization: String,
}

impl Ledger {
    /// A new nonce. Of those that were given out and not used, the oldest are forgotten.
    pub(super) fn new_nonce(&mut self) -> String {
        let nonce = random_text();
        if self.nonces.len() >= NONCES_MAX {
            self.nonces.pop_front();
        }
        self.nonces.push_back(nonce.clone());
        nonce
    }

    /// Takes a nonce; an error if it was never given out, or was used before.
    pub(super) fn spend(&mut self, nonce: Option<&str>) -> Result<(), Problem> {
        let place = self.nonces.iter().position(|own| Some(own.as_str()) == nonce);
        let place = place.ok_or_else(|| {
            Problem::new(Kind::BadNonce, "the nonce is not one that is waiting to be used")
        })?;
        self.nonces.remove(place);
        Ok(())
    }

    /// The account of this key, if there is one.
    pub(super) fn account_of(&self, key: &Key) -> Option<AccountId> {
        self.accounts.iter().position(|own| own == key).map(AccountId)
    }

    /// The key of this account, if there is such an account.
    pub(super) fn key_of(&self, account: AccountId) -> Option<&Key> {
        self.accounts.get(account.0)
    }

    /// Makes an account.
    pub(super) fn register(&mut self, key: Key) -> Result<AccountId, Problem> {
        if self.accounts.len() >= KEPT_MAX {
            return Err(full());
        }
        self.accounts.push(key);
        Ok(AccountId(self.accounts.len() - 1))
    }

    /// Makes an order for these names, each of which is there once, with an authorization for each.
    pub(super) fn order(
        &mut self,
        account: AccountId,
        identifiers: Vec<Identifier>,
    ) -> Result<OrderId, Problem> {
        if self.orders.len() >= KEPT_MAX {
            return Err(full());
        }
        let mut names = Vec::with_capacity(identifiers.len());
        for identifier in identifiers {
            names.push((identifier.clone(), AuthorizationId(self.authorizations.len())));
            let (token, state) = (random_text(), AuthorizationState::Pending);
            self.authorizations.push(Authorization { account, identifier, token, state });
        }
        self.orders.push(Order { account, names, state: OrderState::Open });
        Ok(OrderId(self.orders.len() - 1))
    }

    /// An order, for its own account.
    pub(super) fn order_of(&self, account: AccountId, id: OrderId) -> Result<&Order, Problem> {
        let order = self.orders.get(id.0).ok_or_else(nothing)?;
        if order.account == account { Ok(order) } else { Err(not_yours()) }
    }

    /// An authorization, for its own account.
    pub(super) fn authorization_of(
        &self,
        account: AccountId,
        id: AuthorizationId,
    ) -> Result<&Authorization, Problem> {
        let authorization = self.authorizations.get(id.0).ok_or_else(nothing)?;
        if authorization.account == account { Ok(authorization) } else { Err(not_yours()) }
    }

    /// The status of an order, and what was the matter with it.
    pub(super) fn status(&self, order: &Order) -> (&'static str, Option<Problem>) {
        match &order.state {
            OrderState::Decided => return ("processing", None),
            OrderState::Issued(_) => return ("valid", None),
            OrderState::Refused(problem) => return ("invalid", Some(problem.clone())),
            OrderState::Open => {}
        }
        let mut status = "ready";
        for (_, id) in &order.names {
            match &self.authorizations[id.0].state {
                AuthorizationState::Invalid(_, problem) => {
                    return ("invalid", Some(problem.clone()));
                }
                AuthorizationState::Pending => status = "pending",
                AuthorizationState::Valid(_) => {}
            }
        }
        (status, None)
    }

    /// What has to be found for a challenge of an authorization that is pending; `None` if it is decided.
    pub(super) fn expected(
        &self,
        account: AccountId,
        id: AuthorizationId,
    ) -> Result<Option<Expected>, Problem> {
        let authorization = self.authorization_of(account, id)?;
        match authorization.state {
            AuthorizationState::Pending => {}
            AuthorizationState::Valid(_) | AuthorizationState::Invalid(..) => return Ok(None),
        }
        let token = authorization.token.clone();
        let key_authorization = format!("{token}.{}", thumbprint(&self.accounts[account.0]));
        let identifier = authorization.identifier.clone();
        Ok(Some(Expected { identifier, token, key_authorization }))
    }

    /// Notes what came of a challenge. The first that comes counts.
    pub(super) fn settle(&mut self, id: AuthorizationId, state: AuthorizationState) {
        let own = &mut self.authorizations[id.0].state;
        if matches!(own, AuthorizationState::Pending) {
            *own = state;
        }
    }

    /// Takes an order that is ready into decision: its names, and how each was validated.
    pub(super) fn decide(
        &mut self,
        account: AccountId,
        id: OrderId,
    ) -> Result<Vec<(Identifier, Method)>, Problem> {
        let order = self.order_of(account, id)?;
        let (status, _) = self.status(order);
        let validated = order.names.iter().filter_map(|(identifier, id)| {
            match self.authorizations[id.0].state {
                AuthorizationState::Valid(method) => Some((identifier.clone(), method)),
                AuthorizationState::Pending | AuthorizationState::Invalid(..) => None,
            }
        });
        let validated: Vec<_> = validated.collect();
        if status != "ready" {
            return Err(Problem::new(Kind::OrderNotReady, format!("the order is {status}")));
        }
        self.orders[id.0].state = OrderState::Decided;
        Ok(validated)
    }

    /// Notes what was decided: the chain in PEM, or why there is none.
    pub(super) fn decided(&mut self, id: OrderId, outcome: Result<String, Problem>) {
        self.orders[id.0].state = match outcome {
            Ok(chain) => OrderState::Issued(chain),
            Err(problem) => OrderState::Refused(problem),
        };
    }

    /// The chain of an order, in PEM.
    pub(super) fn chain(&self, account: AccountId, id: OrderId) -> Result<&str, Problem> {
        match &self.order_of(account, id)?.state {
            OrderState::Issued(chain) => Ok(chain),
            OrderState::Open | OrderState::Decided | OrderState::Refused(_) => Err(nothing()),
        }
    }
}

impl Order {
    pub(super) fn is_issued(&self) -> bool {
        matches!(self.state, OrderState::Issued(_))
    }
}

impl Authorization {
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// The methods that can show control of it: pages show nothing of a wildcard (Baseline Requirements §3.2.2.4.19).
    pub(super) fn methods(&self) -> &'static [Method] {
        match self.identifier.wildcard {
            Wildcard::No => &Method::ALL,
            Wildcard::Yes => &[Method::Dns01],
        }
    }
}

fn nothing() -> Problem {
    Problem::new(Kind::NotFound, "there is nothing at this address")
}

fn not_yours() -> Problem {
    Problem::new(Kind::Unauthorized, "this belongs to another account")
}

fn full() -> Problem {
    Problem::new(Kind::RateLimited, "the CA keeps no more than it has")
}

/// 128 bits of chance in base64url: what RFC 8555 §8.1 wants of a token.
fn random_text() -> String {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes).expect("the machine has randomness");
    encode(&bytes)
}

/// A customer has one or two under way.
const NONCES_MAX: usize = 1000;
/// Accounts, and orders. A scene has a handful.
const KEPT_MAX: usize = 10_000;
