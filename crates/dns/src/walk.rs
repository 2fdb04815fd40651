//! Walks from the trust anchors down to an answer, and says whether it can be relied on (RFC 4035 §5).
//!
//! ```text
//!                 ┌────────── feed(reply) ──────────┐
//!                 v                                 │
//!   new ──> Next::Ask(query) ── whoever can ask ────┘
//!                 │
//!                 └──> Next::Done(Walked): security, hops, and the steps that prove them
//! ```
//!
//! A machine: it asks for what it needs, one question at a time, and is fed with answers. Who answers does not matter,
//! since nothing is believed without a chain of signatures. The same walk runs over the network, over a proof that was
//! kept, and over test cases.
//!
//! Inside it is a plain function over the answers so far. Where one is missing, the function stops and the question is
//! asked; when it was fed, the function runs again. Zones and hops that are done are remembered, so that little is
//! verified twice.
//!
//! All is judged as of one time, which is given at the beginning.
//!
//! # Limitations
//!
//! A zone can sign names below its delegations with its own key, and is believed. RFC 4035 §5.3.1 wants the signer to be
//! the zone of the set, and a validator that is shown no delegation does not see where that begins.

mod deny;
mod sets;
mod settings;
mod trust;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::base::iana::Rtype;
use jiff::Timestamp;

use crate::limits::{Budget, Exceeded, Limit};
use crate::message::{Message, Query};
use crate::name::Name;
use crate::proof::Link;
use crate::rrset::{Rrset, SignedRrset};
use crate::security::{Bogus, Fault, Indeterminate, Security};

use deny::Denial;
pub use settings::{Demand, Nested, Settings};
use trust::{Delegation, Zone};

/// A walk under way, or at its end.
#[derive(Debug)]
pub struct Walk {
    query: Query,
    now: Timestamp,
    settings: Settings,
    budget: Budget,
    replies: BTreeMap<Query, Arc<Reply>>,
    /// What is known of each name at which a zone could begin.
    delegations: BTreeMap<Name, Delegation>,
    steps: Vec<Step>,
    /// Aliases that were followed.
    hops: Vec<Hop>,
    next: State,
}

/// What comes next.
#[derive(Clone, Copy, Debug)]
pub enum Next<'a> {
    /// Ask this, and feed what comes of it.
    Ask(&'a Query),
    /// It is done.
    Done(&'a Walked),
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The answer of a server of the zone, with signatures and proofs. Of DS records: of a server of the zone above.
    Answer(Box<Message>),
    /// None could be had, and why.
    Failed(String),
}

/// What a walk found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The worst of the hops.
    pub security: Security,
    /// The aliases that were followed, and what stands at their end.
    pub hops: Vec<Hop>,
    /// What proves it: a tree, in which each step comes after its parent.
    pub steps: Vec<Step>,
    /// How many questions, signatures and hashes it took.
    pub spent: [u32; 3],
}

/// One answer: an alias, or what there is of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The name.
    pub name: Name,
    /// What is there.
    pub outcome: Outcome,
    /// Whether it can be relied on.
    pub security: Security,
    /// The steps that show it, as places in [`Walked::steps`].
    pub steps: Vec<usize>,
}

/// What there is of a name, of the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Records: one set, or several where any type was asked for.
    Records(Vec<Rrset>),
    /// An alias, by a CNAME or DNAME record.
    Alias {
        /// The set with the record.
        rrset: Rrset,
        /// What the name stands for.
        target: Name,
    },
    /// The name is there, and has no such record.
    NoData,
    /// The name is not there.
    NoName,
    /// Not known.
    Unknown,
}

/// A step of a proof: sets with the signature that verified, by a key that the parent proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The question that the sets answer.
    pub about: Query,
    /// The step that proves the key: the DNSKEY set of the signer, or for a DNSKEY set the DS set that names its key.
    /// `None` if that is a trust anchor.
    pub parent: Option<usize>,
    /// The sets.
    pub links: Vec<Link>,
}

#[derive(Debug)]
enum State {
    Ask(Query),
    Done(Walked),
}

/// Why the function inside stops.
enum Stop {
    /// This has to be asked first.
    Ask(Query),
    /// There is no more to spend.
    Exceeded(Limit),
}

impl From<Exceeded> for Stop {
    fn from(Exceeded(limit): Exceeded) -> Self {
        Self::Exceeded(limit)
    }
}

impl Walk {
    /// Sets out for the answer to a question, as of a time.
    pub fn new(query: Query, settings: Settings, now: Timestamp) -> Self {
        let mut walk = Self {
            next: State::Ask(query.clone()),
            query,
            now,
            budget: Budget::new(settings.limits),
            settings,
            replies: BTreeMap::new(),
            delegations: BTreeMap::new(),
            steps: Vec::new(),
            hops: Vec::new(),
        };
        walk.go_on();
        walk
    }

    /// What comes next; the same until something is fed.
    pub fn next(&self) -> Next<'_> {
        match &self.next {
            State::Ask(query) => Next::Ask(query),
            State::Done(walked) => Next::Done(walked),
        }
    }

    /// Takes what came of the question that [`Walk::next`] asks. At the end nothing is taken any more.
    pub fn feed(&mut self, reply: Reply) {
        if let State::Ask(query) = &self.next {
            self.replies.insert(query.clone(), Arc::new(reply));
            self.go_on();
        }
    }

    /// All that was fed, for whoever keeps it.
    pub fn replies(&self) -> impl Iterator<Item = (&Query, &Reply)> {
        self.replies.iter().map(|(query, reply)| (query, reply.as_ref()))
    }

    fn go_on(&mut self) {
        self.next = match self.walk() {
            Ok(()) => State::Done(self.walked()),
            Err(Stop::Ask(query)) => match self.budget.spend(Limit::Questions) {
                Ok(()) => State::Ask(query),
                Err(Exceeded(limit)) => State::Done(self.exceeded(limit)),
            },
            Err(Stop::Exceeded(limit)) => State::Done(self.exceeded(limit)),
        };
    }

    fn walked(&self) -> Walked {
        let worst = self.hops.iter().map(|hop| &hop.security).max_by_key(|found| found.rank());
        Walked {
            security: worst.cloned().expect("a walk has at least one hop"),
            hops: self.hops.clone(),
            steps: self.steps.clone(),
            spent: self.budget.spent(),
        }
    }

    fn exceeded(&mut self, limit: Limit) -> Walked {
        let name = self.name();
        let security = Security::Indeterminate(Indeterminate::Exceeded(limit));
        self.hops.push(Hop { name, outcome: Outcome::Unknown, security, steps: Vec::new() });
        self.walked()
    }

    /// The last alias led here; without one, the question did.
    fn name(&self) -> Name {
        match self.hops.last().map(|hop| &hop.outcome) {
            Some(Outcome::Alias { target, .. }) => target.clone(),
            _ => self.query.name.clone(),
        }
    }

    /// Hop by hop, from where it stopped.
    fn walk(&mut self) -> Result<(), Stop> {
        loop {
            let name = self.name();
            let hop = self.hop(&name)?;
            // Where there is no anchor nothing is wrong, either, and somebody may want to see the rest.
            let is_given = matches!(
                hop.security,
                Security::Secure
                    | Security::Insecure(_)
                    | Security::Indeterminate(Indeterminate::NoAnchor(_))
            );
            // An alias that was asked for is the answer itself.
            let is_followed = !matches!(self.query.rtype, Rtype::CNAME | Rtype::ANY);
            let goes_on = is_given && is_followed && matches!(hop.outcome, Outcome::Alias { .. });
            self.hops.push(hop);
            if !goes_on {
                return Ok(());
            }
            self.budget.spend(Limit::Aliases)?;
        }
    }

    /// What came of a question.
    fn reply(&self, query: Query) -> Result<Arc<Reply>, Stop> {
        self.replies.get(&query).cloned().ok_or(Stop::Ask(query))
    }

    /// The answer to a question; why there is none.
    fn ask(&self, name: &Name, rtype: Rtype) -> Result<Result<Arc<Reply>, Indeterminate>, Stop> {
        let query = Query { name: name.clone(), rtype };
        let reply = self.reply(query.clone())?;
        let why = match reply.as_ref() {
            Reply::Failed(why) => why.clone(),
            Reply::Answer(message) if !matches!(message.rcode, NO_ERROR | NO_SUCH_NAME) => {
                format!("the answer has the code {}", message.rcode)
            }
            Reply::Answer(_) => return Ok(Ok(reply)),
        };
        Ok(Err(Indeterminate::NoAnswer { query, why }))
    }

    /// What there is of this name.
    fn hop(&mut self, name: &Name) -> Result<Hop, Stop> {
        let rtype = self.query.rtype;
        let reply = match self.about(name)? {
            Ok(reply) => reply,
            Err(why) => return Ok(hop(name, Outcome::Unknown, Security::Indeterminate(why))),
        };
        let message = message(&reply);
        let at_name = |set: &&SignedRrset| set.rrset.owner() == name;
        let records: Vec<_> = match rtype {
            // Signatures are not signed, and are left out of an answer with everything.
            Rtype::ANY => message.answer.iter().filter(at_name).filter(is_signable).collect(),
            _ => find(message, name, rtype).into_iter().collect(),
        };
        let cname = find(message, name, Rtype::CNAME);
        // A CNAME that a DNAME makes is not signed (RFC 6672 §3.1).
        let is_made = cname.is_none_or(|cname| cname.rrsigs.is_empty());
        let dname = message
            .answer
            .iter()
            .find(|set| set.rrset.rtype() == Rtype::DNAME && name.is_below(set.rrset.owner()))
            .filter(|_| is_made);
        let is_for_aliases = matches!(rtype, Rtype::CNAME | Rtype::ANY);
        match (dname, cname) {
            // Whoever asks for a CNAME or everything has the one that was made among the records.
            (Some(dname), _) if records.is_empty() || is_for_aliases => {
                self.dname(name, dname, cname)
            }
            _ if !records.is_empty() => self.records(name, &records, message),
            (_, Some(cname)) => self.cname(name, cname, message),
            (_, None) => self.negative(name, message),
        }
    }

    /// The answer that is about this name: the one that the alias to it stands in, if that goes on, or its own.
    fn about(&self, name: &Name) -> Result<Result<Arc<Reply>, Indeterminate>, Stop> {
        let rtype = self.query.rtype;
        if let Some(hop) = self.hops.last() {
            // Where that was made of others, it can be asked for again at no cost.
            let before = self.about_before(&hop.name)?;
            if let Reply::Answer(message) = before.as_ref() {
                let mut sets = message.answer.iter().map(|set| &set.rrset);
                let goes_on = sets.any(|set| {
                    set.owner() == name && (set.rtype() == rtype || set.rtype() == Rtype::CNAME)
                });
                if goes_on {
                    return Ok(Ok(before));
                }
            }
        }
        self.ask(name, rtype)
    }

    /// The answer in which the alias at this name was found: the last one that was asked for on the way to it.
    fn about_before(&self, name: &Name) -> Result<Arc<Reply>, Stop> {
        let rtype = self.query.rtype;
        let asked = |name: &Name| self.replies.get(&Query { name: name.clone(), rtype });
        let way = self.hops.iter().rev().skip_while(|hop| hop.name != *name);
        let found = way.map(|hop| &hop.name).find_map(asked);
        found.cloned().ok_or_else(|| Stop::Ask(self.query.clone()))
    }

    fn records(
        &mut self,
        name: &Name,
        records: &[&SignedRrset],
        message: &Message,
    ) -> Result<Hop, Stop> {
        let mut found = hop(name, Outcome::Unknown, Security::Secure);
        for set in records {
            let (security, steps) = self.expanded(name, set, message)?;
            found.steps.extend(steps);
            if security.rank() > found.security.rank() {
                found.security = security;
            }
        }
        found.outcome = Outcome::Records(records.iter().map(|set| set.rrset.clone()).collect());
        Ok(found)
    }

    fn cname(&mut self, name: &Name, cname: &SignedRrset, message: &Message) -> Result<Hop, Stop> {
        let Some(target) = cname.rrset.target() else {
            return Ok(bogus_hop(name, Rtype::CNAME, Fault::Alias));
        };
        let (security, steps) = self.expanded(name, cname, message)?;
        let outcome = Outcome::Alias { rrset: cname.rrset.clone(), target };
        Ok(Hop { name: name.clone(), outcome, security, steps })
    }

    fn dname(
        &mut self,
        name: &Name,
        dname: &SignedRrset,
        cname: Option<&SignedRrset>,
    ) -> Result<Hop, Stop> {
        let owner = dname.rrset.owner();
        let to = dname.rrset.target().and_then(|to| name.substitute(owner, &to));
        let made = cname.map(|cname| cname.rrset.target());
        let Some(target) = to.filter(|to| made.is_none_or(|made| made.as_ref() == Some(to))) else {
            return Ok(bogus_hop(name, Rtype::DNAME, Fault::Alias));
        };
        if !self.may_speak(owner, name) {
            return Ok(bogus_hop(name, Rtype::DNAME, Fault::Alias));
        }
        let (mut security, mut steps) = (Security::Secure, Vec::new());
        let judged = self.judge(dname)?;
        match judged.proved {
            // No wildcard stands for a DNAME (RFC 6672 §3.3).
            Some(proved) if proved.encloser.is_some() => {
                security = bogus(owner, Rtype::DNAME, Fault::Alias);
            }
            Some(proved) => {
                let about = self.asked(name);
                steps.push(self.step(about, &proved.zone, vec![proved.link]));
            }
            None => security = judged.security,
        }
        let outcome = Outcome::Alias { rrset: dname.rrset.clone(), target };
        Ok(Hop { name: name.clone(), outcome, security, steps })
    }

    fn negative(&mut self, name: &Name, message: &Message) -> Result<Hop, Stop> {
        let Denial { denied, security, step } = self.deny(name, self.query.rtype, message)?;
        use crate::denial::Denied;
        let by_code = match message.rcode {
            NO_SUCH_NAME => Outcome::NoName,
            _ => Outcome::NoData,
        };
        let outcome = match (&security, denied) {
            (Security::Secure | Security::Insecure(_), Some(Denied::NoData(_))) => Outcome::NoData,
            (Security::Secure | Security::Insecure(_), Some(Denied::NoName)) => Outcome::NoName,
            (Security::Secure | Security::Insecure(_), _) => by_code,
            (Security::Bogus(_) | Security::Indeterminate(_), _) => Outcome::Unknown,
        };
        Ok(Hop { name: name.clone(), outcome, security, steps: step.into_iter().collect() })
    }

    /// A set at this name, and, if it came out of a wildcard, that nothing is closer (RFC 4035 §5.3.4).
    fn expanded(
        &mut self,
        name: &Name,
        set: &SignedRrset,
        message: &Message,
    ) -> Result<(Security, Vec<usize>), Stop> {
        let judged = self.judge(set)?;
        let Some(proved) = judged.proved else { return Ok((judged.security, Vec::new())) };
        let about = self.asked(name);
        let mut steps = vec![self.step(about, &proved.zone, vec![proved.link])];
        let Some(encloser) = proved.encloser else { return Ok((Security::Secure, steps)) };
        let closer = self.deny_closer(name, &encloser, &proved.zone, message)?;
        if let Some(step) = closer.step {
            steps.push(step);
        }
        let security = match closer.security {
            Security::Bogus(_) => bogus(name, set.rrset.rtype(), Fault::Closer),
            other => other,
        };
        Ok((security, steps))
    }

    /// The question for what was asked, of this name.
    fn asked(&self, name: &Name) -> Query {
        Query { name: name.clone(), rtype: self.query.rtype }
    }

    /// Adds a step: sets that the keys of this zone have signed.
    fn step(&mut self, about: Query, zone: &Zone, links: Vec<Link>) -> usize {
        self.steps.push(Step { about, parent: Some(zone.step), links });
        self.steps.len() - 1
    }
}

fn hop(name: &Name, outcome: Outcome, security: Security) -> Hop {
    Hop { name: name.clone(), outcome, security, steps: Vec::new() }
}

fn bogus_hop(name: &Name, rtype: Rtype, fault: Fault) -> Hop {
    hop(name, Outcome::Unknown, bogus(name, rtype, fault))
}

fn bogus(name: &Name, rtype: Rtype, fault: Fault) -> Security {
    Security::Bogus(Bogus { name: name.clone(), rtype, fault })
}

/// The message of a reply that [`Walk::ask`] gave.
fn message(reply: &Reply) -> &Message {
    match reply {
        Reply::Answer(message) => message,
        Reply::Failed(_) => unreachable!("a reply that failed is an error"),
    }
}

/// A set in the answer section.
fn find<'a>(message: &'a Message, name: &Name, rtype: Rtype) -> Option<&'a SignedRrset> {
    message.answer.iter().find(|set| set.rrset.owner() == name && set.rrset.rtype() == rtype)
}

fn is_signable(set: &&SignedRrset) -> bool {
    set.rrset.rtype() != Rtype::RRSIG
}

/// RFC 1035 §4.1.1.
const NO_ERROR: u16 = 0;
const NO_SUCH_NAME: u16 = 3;
