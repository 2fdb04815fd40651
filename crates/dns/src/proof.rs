//! Proofs as bytes: what a walk rested on, for whoever was not there, to be verified at any later time as of then.
//!
//! ```text
//!   Walked ── Proof::of ──> Proof ── to_bytes ──> file ── Proof::parse ──> Proof ── verify ──> Walked
//! ```
//!
//! [`Link`] and [`Manifest`] are those of DS transparency, version 1, section 4, byte for byte. A proof is a file with
//! the links and manifests of one walk, and says which of them answer which question:
//!
//! ```text
//!   opaque magic[8] = "dnssec\r\n";
//!   uint8  version = 1;
//!   opaque name<1..255>;  uint16 type;      /* what was asked, of class IN; the name lower-cased */
//!   int64  validated_at;                    /* POSIX seconds: the time that it was judged as of */
//!   Link     links<0..2^24-1>;              /* ascending by link_id, none twice */
//!   Manifest manifests<0..2^24-1>;          /* each after its parent, none twice */
//!   struct {
//!       opaque name<1..255>;  uint16 type;  /* a question */
//!       uint16 manifest;                    /* the place, from 0, of a manifest with links that answer it */
//!   } answers<0..2^24-1>;                   /* in the order of the walk, none twice */
//! ```
//!
//! Integers are big-endian; `<a..b>` has its length in front, in as many octets as `b` takes (RFC 8446 §3.4). Proofs
//! that say the same are the same bytes.
//!
//! To verify, the walk is walked again, fed from the file. What it does not use must not be there, and what it says
//! must not be bogus. A proof can show that something is secure, with records or without, and that it is insecure and
//! why; nobody can prove that something could not be told.

mod chain;
mod link;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use domain::base::iana::Rtype;
use jiff::Timestamp;

use crate::message::{Message, Query};
use crate::rrset::SignedRrset;
use crate::security::Security;
use crate::walk::{Next, Reply, Settings, Step, Walk, Walked};

pub use chain::authentication_chain;
pub use link::{Hash, Link, Manifest};
pub use wire::{PROOF_BYTES_MAX, ProofError};

/// What a walk rested on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    query: Query,
    validated_at: Timestamp,
    links: Vec<Link>,
    manifests: Vec<Manifest>,
    /// Questions, each with the place of a manifest that answers it.
    answers: Vec<(Query, usize)>,
}

/// Why a proof shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unproved {
    /// What it has does not hold, or is not enough.
    #[error("{0}")]
    Security(Security),
    /// It holds, and has something in it that it does not need, or in another order.
    #[error("it has something in it that proves nothing")]
    Unused,
}

impl Proof {
    /// The proof of what a walk found as of this time; `None` if nothing was proved, since it is bogus or could not be
    /// told, or if it is larger than anybody reads.
    ///
    /// Records of unsigned zones prove nothing and are not in it: it ends with why they are unsigned.
    pub fn of(query: &Query, walked: &Walked, settings: &Settings, now: Timestamp) -> Option<Self> {
        let all = Self::of_steps(query, &walked.steps, now);
        // What is needed is what somebody needs who has nothing else.
        let needed = all.walk(settings);
        // What was not shown is not in it. Where the rest looks better than all of it, it would prove something else.
        let is_same = needed.security.rank() == walked.security.rank();
        let is_proved = matches!(needed.security, Security::Secure | Security::Insecure(_));
        let proof = (is_same && is_proved).then(|| Self::of_steps(query, &needed.steps, now))?;
        (proof.to_bytes().len() <= PROOF_BYTES_MAX).then_some(proof)
    }

    fn of_steps(query: &Query, steps: &[Step], now: Timestamp) -> Self {
        let links: BTreeMap<Hash, &Link> =
            steps.iter().flat_map(|step| &step.links).map(|link| (link.id(), link)).collect();
        let (mut manifests, mut places, mut answers) =
            (Vec::<Manifest>::new(), Vec::<usize>::new(), Vec::new());
        for step in steps {
            let parent = step.parent.map(|parent| manifests[places[parent]].id());
            let links = step.links.iter().map(Link::id).collect();
            let manifest = Manifest { parent, links };
            let known = manifests.iter().position(|known| *known == manifest);
            let place = known.unwrap_or(manifests.len());
            if known.is_none() {
                manifests.push(manifest);
            }
            places.push(place);
            let answer = (step.about.clone(), place);
            if !answers.contains(&answer) {
                answers.push(answer);
            }
        }
        let links = links.into_values().cloned().collect();
        // Times are whole seconds in the file, and so in the proof.
        let validated_at = Timestamp::from_second(now.as_second()).expect("it was a time before");
        Self { query: query.clone(), validated_at, links, manifests, answers }
    }

    /// What was asked.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The time that it was judged as of.
    pub fn validated_at(&self) -> Timestamp {
        self.validated_at
    }

    /// The sets with their signatures.
    pub fn links(&self) -> &[Link] {
        &self.links
    }

    /// What holds them together.
    pub fn manifests(&self) -> &[Manifest] {
        &self.manifests
    }

    /// Walks the walk again, with nothing but this proof: what it shows as of the time that it was made, or of
    /// another.
    pub fn verify(&self, settings: &Settings, at: Option<Timestamp>) -> Result<Walked, Unproved> {
        let moved = Self { validated_at: at.unwrap_or(self.validated_at), ..self.clone() };
        let walked = moved.walk(settings);
        match walked.security {
            Security::Secure | Security::Insecure(_) => {}
            other => return Err(Unproved::Security(other)),
        }
        let due = Self::of_steps(&self.query, &walked.steps, self.validated_at);
        if due == *self { Ok(walked) } else { Err(Unproved::Unused) }
    }

    fn walk(&self, settings: &Settings) -> Walked {
        let mut walk = Walk::new(self.query.clone(), settings.clone(), self.validated_at);
        // Each question that is answered is answered once, so this ends.
        loop {
            let query = match walk.next() {
                Next::Done(walked) => return walked.clone(),
                Next::Ask(query) => query.clone(),
            };
            let reply = self.reply(&query);
            walk.feed(reply);
        }
    }

    /// What the proof has to say to a question: records in the answer, denials beside it.
    fn reply(&self, query: &Query) -> Reply {
        let links: BTreeMap<Hash, &Link> =
            self.links.iter().map(|link| (link.id(), link)).collect();
        let answering = self.answers.iter().filter(|(answered, _)| answered == query);
        let ids: BTreeSet<Hash> =
            answering.flat_map(|(_, place)| self.manifests[*place].links.iter().copied()).collect();
        let mut sets = Vec::<SignedRrset>::new();
        for set in ids.iter().filter_map(|id| links.get(id)?.signed_rrset(&query.name)) {
            // A set of keys can be there with a signature that names it and with another that answers a question.
            match sets.iter_mut().find(|other| other.rrset == set.rrset) {
                Some(same) => same.rrsigs.extend(set.rrsigs),
                None => sets.push(set),
            }
        }
        let denies = |set: &SignedRrset| {
            let rtype = set.rrset.rtype();
            rtype != query.rtype && matches!(rtype, Rtype::NSEC | Rtype::NSEC3)
        };
        let (authority, mut answer): (Vec<_>, Vec<_>) = sets.into_iter().partition(denies);
        if query.rtype == Rtype::ANY {
            // The NSEC record of the name is one of all its records.
            let own = authority.iter().filter(|set| *set.rrset.owner() == query.name);
            answer.extend(own.cloned());
        }
        Reply::Answer(Box::new(Message::authoritative(answer, authority)))
    }
}
