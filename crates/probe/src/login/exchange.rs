//! One exchange of SCRAM, the client's side: which mechanism, and the messages in order.

use std::num::NonZeroU32;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::account::{Account, Binding, Terms, Unbound};
use super::scram::{self, Hash, ITERATIONS_MAX, ITERATIONS_MIN, Mechanism, Plus, ServerFirst};
use super::{Lists, Outcome};
use crate::inbox::Said;
use crate::xmpp::Features;

/// What was chosen, and the first message.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) mechanism: Mechanism,
    pub(super) flag: Flag,
    /// What this login is bound to, where it is.
    pub(super) binding: Option<Binding>,
    nonce: String,
    /// The first message without its header.
    bare: String,
}

/// What we tell the server about channel binding (RFC 5802 §6). It is part of what is signed: nobody between can
/// change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag {
    /// The login is bound.
    Bound,
    /// We could bind it, and believe that the server could not: a server that could refuses then, since somebody has
    /// taken its mechanisms out of the list.
    ServerCannot,
    /// We cannot.
    CannotBind,
}

/// What is expected of the server's last message.
#[derive(Clone, Debug)]
pub(super) struct Expectation {
    pub(super) signature: Vec<u8>,
    pub(super) lists: Lists,
}

impl Exchange {
    /// Chooses the best mechanism that the terms allow.
    pub(super) fn choose(
        features: &Features,
        account: &Account,
        terms: &Terms,
        nonce: [u8; 18],
    ) -> Result<Self, Outcome> {
        let best = |plus: Plus| {
            let mut ours = Mechanism::ALL.into_iter().filter(|ours| ours.plus == plus);
            ours.find(|ours| features.mechanisms.iter().any(|offered| offered == ours.as_str()))
        };
        let mechanisms = || features.mechanisms.clone();
        let is_announced = |binding: &&Binding| match &features.bindings {
            Some(types) => types.iter().any(|kind| kind == binding.as_str()),
            // The server does not say which it takes: it has to take one, or none of its mechanisms would work.
            None => true,
        };
        let binding = terms.bindings.iter().find(is_announced);
        let (mechanism, binding, flag) = match (best(Plus::Bound), binding) {
            (Some(mechanism), Some(binding)) => (mechanism, Some(binding), Flag::Bound),
            (plus, _) if terms.unbound == Unbound::Refuse => {
                return Err(match plus {
                    Some(_) => Outcome::NoCommonBinding {
                        offered: features.bindings.clone().unwrap_or_default(),
                    },
                    None => Outcome::PlusNotOffered { mechanisms: mechanisms() },
                });
            }
            (plus, _) => {
                let Some(mechanism) = best(Plus::Unbound) else {
                    return Err(Outcome::ScramNotOffered { mechanisms: mechanisms() });
                };
                let flag = match plus {
                    None if !terms.bindings.is_empty() => Flag::ServerCannot,
                    // It could, but none that we can: to say that it cannot would have it refuse (XEP-0440 §5).
                    None | Some(_) => Flag::CannotBind,
                };
                (mechanism, None, flag)
            }
        };
        let nonce = BASE64.encode(nonce);
        let bare = format!("n={},r={nonce}", scram::escape_name(account.user()));
        Ok(Self { mechanism, flag, binding: binding.cloned(), nonce, bare })
    }

    /// The first message, in base64.
    pub(super) fn first(&self) -> String {
        BASE64.encode(self.header() + &self.bare)
    }

    /// Reads the server's first message. What follows: our last one, in base64, and what is expected then.
    pub(super) fn answer(
        &self,
        message: &str,
        features: &Features,
        account: &Account,
    ) -> Result<(String, Expectation), Outcome> {
        let said = || Said::of(message.as_bytes());
        let Some(first) = ServerFirst::parse(message, &self.nonce) else {
            return Err(Outcome::NotThisProtocol { said: said() });
        };
        let iterations = NonZeroU32::new(first.iterations)
            .filter(|iterations| (ITERATIONS_MIN..=ITERATIONS_MAX).contains(&iterations.get()));
        let Some(iterations) = iterations else {
            return Err(Outcome::Iterations { asked: first.iterations });
        };
        let hash = self.mechanism.hash;
        let lists = match first.lists {
            Some(lists) if lists == lists_hash(hash, features) => Lists::Confirmed,
            Some(_) => return Err(Outcome::Downgraded { said: said() }),
            None => Lists::Unstated,
        };
        let salted = scram::salted_password(hash, account.password(), &first.salt, iterations);
        let last = format!("c={},r={}", BASE64.encode(self.bound()), first.nonce);
        let auth_message = format!("{},{message},{last}", self.bare);
        let proof = BASE64.encode(scram::client_proof(hash, &salted, &auth_message));
        let signature = scram::server_signature(hash, &salted, &auth_message);
        Ok((BASE64.encode(format!("{last},p={proof}")), Expectation { signature, lists }))
    }

    /// The header of GS2 (RFC 5801 §4): the flag, and nobody whom we act for.
    fn header(&self) -> String {
        match (&self.binding, self.flag) {
            (Some(binding), _) => format!("p={},,", binding.as_str()),
            (None, Flag::ServerCannot) => "y,,".to_owned(),
            (None, Flag::Bound | Flag::CannotBind) => "n,,".to_owned(),
        }
    }

    /// The header once more, signed this time, and what the channel is known by.
    fn bound(&self) -> Vec<u8> {
        let data = self.binding.as_ref().map(Binding::data).unwrap_or_default();
        [self.header().as_bytes(), data].concat()
    }
}

fn lists_hash(hash: Hash, features: &Features) -> String {
    scram::lists_hash(hash, &features.mechanisms, features.bindings.as_deref())
}
