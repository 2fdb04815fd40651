//! What servers said before, for as long as it may be kept, as far as somebody can have signed it.
//!
//! Recordings have only what one resolver asked. What it had in its cache at that time it did not ask, and a walk asks
//! for it: the DS set that came with a referral, the keys of a zone seen minutes ago, the NSEC record that shows that
//! there is no delegation (RFC 8198). Nothing here is believed for being here: the walk verifies it like the rest.

mod denials;

use std::collections::BTreeMap;

use countersign_dns::message::{Message, Question};
use countersign_dns::{Name, Query, Rrset, Rtype, SignedRrset};

use denials::Denials;

/// The sets. There are no more of them than the file has records.
#[derive(Clone, Debug, Default)]
pub(super) struct Cache {
    /// Since the file began.
    now_ms: u64,
    /// Which of the clients' questions is being answered.
    question: u32,
    sets: BTreeMap<(Rtype, Name), Kept>,
    denials: Denials,
}

/// A set, and until when it may be given.
#[derive(Clone, Debug)]
struct Kept {
    set: SignedRrset,
    until_ms: u64,
    /// During which question it was learned.
    question: u32,
    /// What was known before that.
    before: Option<Box<Self>>,
}

/// How much of what is known counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// All of it.
    Now,
    /// What was known before the client asked.
    Before,
}

impl Cache {
    /// So much time passes.
    pub(super) fn pass(&mut self, milliseconds: u64) {
        self.now_ms = self.now_ms.saturating_add(milliseconds);
    }

    /// How much has passed.
    pub(super) fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// A client asks.
    pub(super) fn begin_question(&mut self) {
        self.question += 1;
    }

    /// Takes what a server of this zone said: the answer, and beside it what is signed.
    pub(super) fn learn(&mut self, zone: &Name, message: &Message) {
        let negative_ttl_s = message.authority.iter().filter_map(negative_ttl_s).min();
        let signed = message.authority.iter().filter(|set| !set.rrsigs.is_empty());
        for set in message.answer.iter().chain(signed) {
            let (owner, rtype) = (set.rrset.owner(), set.rrset.rtype());
            if matches!(rtype, Rtype::NSEC | Rtype::NSEC3) {
                // RFC 9077 §3: no denial lasts longer than the zone has negative answers last.
                let most_s = negative_ttl_s.unwrap_or(u32::MAX);
                self.denials.learn(self.kept(set, set.rrset.ttl_s().min(most_s)));
                continue;
            }
            // Of what is in other zones, servers can at best prove what is not there (RFC 2181 §5.4.1).
            if rtype == Rtype::RRSIG || !owner.is_within(zone) {
                continue;
            }
            let key = (rtype, owner.clone());
            let known = self.sets.get(&key).filter(|kept| self.now_ms < kept.until_ms);
            // What is signed does not give way to what is not.
            let is_worse = known.is_some_and(|kept| !kept.set.rrsigs.is_empty());
            if !is_worse || !set.rrsigs.is_empty() {
                let kept = self.kept(set, set.rrset.ttl_s());
                put(&mut self.sets, key, kept, |kept| kept);
            }
        }
    }

    fn kept(&self, set: &SignedRrset, ttl_s: u32) -> Kept {
        let until_ms = self.now_ms.saturating_add(u64::from(ttl_s) * 1000);
        Kept { set: set.clone(), until_ms, question: self.question, before: None }
    }

    /// An answer to this question, made of what is here: the records or an alias with what could show that a wildcard
    /// stands for it, or what could show that there is nothing.
    pub(super) fn answer(
        &self,
        query: &Query,
        known: Known,
        iterations_max: u16,
    ) -> Option<Message> {
        let Query { name, rtype } = query;
        let set = |rtype, name: &Name| self.given(self.sets.get(&(rtype, name.clone()))?, known);
        // A CNAME that a DNAME made is nothing without it (RFC 6672 §3.1).
        let above = || name.and_above().skip(1).find_map(|above| set(Rtype::DNAME, &above));
        let found = set(*rtype, name).or_else(above).or_else(|| set(Rtype::CNAME, name));
        let denials = self.denials.about(query, iterations_max);
        let authority: Vec<_> = denials.filter_map(|kept| self.given(kept, known)).collect();
        if found.is_none() && authority.is_empty() {
            return None;
        }
        Some(message(query, found.into_iter().collect(), authority))
    }

    /// The deepest zone at or above a name whose servers are known, by its own word.
    pub(super) fn zone(&self, name: &Name) -> Option<Name> {
        let servers =
            |zone: &Name| self.given(self.sets.get(&(Rtype::NS, zone.clone()))?, Known::Before);
        name.and_above().find(|zone| servers(zone).is_some_and(|set| !set.rrsigs.is_empty()))
    }

    /// The set, with the time to live that is left.
    fn given(&self, kept: &Kept, known: Known) -> Option<SignedRrset> {
        let kept = match known {
            Known::Before if kept.question == self.question => kept.before.as_deref()?,
            Known::Before | Known::Now => kept,
        };
        let left_ms = kept.until_ms.checked_sub(self.now_ms).filter(|left| *left > 0)?;
        let ttl_s = u32::try_from(left_ms.div_ceil(1000)).unwrap_or(u32::MAX);
        let rrset = with_ttl(&kept.set.rrset, ttl_s);
        Some(SignedRrset { rrset, rrsigs: kept.set.rrsigs.clone() })
    }
}

/// Puts something in the place of what there was, and keeps that with it if it is from an earlier question.
fn put<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, new: V, kept: impl Fn(&mut V) -> &mut Kept) {
    match map.get_mut(&key) {
        None => {
            map.insert(key, new);
        }
        Some(place) => {
            let mut old = std::mem::replace(place, new);
            let (old, new) = (kept(&mut old), kept(place));
            let is_earlier = old.question < new.question;
            let before = old.before.take();
            new.before = if is_earlier { Some(Box::new(old.clone())) } else { before };
        }
    }
}

/// The same records with another time to live.
pub(super) fn with_ttl(rrset: &Rrset, ttl_s: u32) -> Rrset {
    let one = |rdata: &Vec<u8>| Rrset::new(rrset.owner().clone(), rrset.rtype(), ttl_s, rdata);
    let mut all = rrset.rdatas().iter().map(|rdata| one(rdata).expect("it was in a set"));
    let mut set = all.next().expect("no set is empty");
    all.for_each(|record| set.add(record));
    set
}

/// How long negative answers of a zone last: the lower of its SOA record's time to live and its last field
/// (RFC 2308 §5).
fn negative_ttl_s(set: &SignedRrset) -> Option<u32> {
    let soa = Some(&set.rrset).filter(|rrset| rrset.rtype() == Rtype::SOA)?;
    let minimum = soa.rdatas()[0].last_chunk::<4>()?;
    Some(soa.ttl_s().min(u32::from_be_bytes(*minimum)))
}

fn message(query: &Query, answer: Vec<SignedRrset>, authority: Vec<SignedRrset>) -> Message {
    let name_as_sent = query.name.wire().to_vec();
    // Whether the name is there is for the walk to tell.
    let mut message = Message::authoritative(answer, authority);
    message.flags.authoritative = false;
    message.flags.recursion_available = true;
    message.question = Some(Question { query: query.clone(), name_as_sent });
    message
}

#[cfg(test)]
mod tests;
