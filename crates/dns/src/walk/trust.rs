//! From the trust anchors down to a zone: the DS records that name its keys, and the keys (RFC 4035 §5.2).

use std::collections::BTreeSet;

use domain::base::iana::Rtype;

use super::deny::Denial;
use super::sets::{Proved, side};
use super::{Demand, Step, Stop, Walk, bogus, find, message};
use crate::anchor::AnchorKey;
use crate::denial::Denied;
use crate::key::{Dnskey, Ds};
use crate::limits::{DS_MAX, KEYS_WITH_TAG_MAX, RRSIGS_MAX};
use crate::message::{Message, Query};
use crate::name::Name;
use crate::proof::Link;
use crate::rrset::{Rrset, SignedRrset};
use crate::security::{Fault, Indeterminate, Insecure, Security};

/// A zone whose keys are known.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub(super) name: Name,
    /// All keys of its DNSKEY set.
    pub(super) keys: std::sync::Arc<[Tagged]>,
    /// Algorithms that each set of it has to be signed with.
    pub(super) demanded: std::sync::Arc<[u8]>,
    /// The step that proves them.
    pub(super) step: usize,
}

/// A key with its tag, which is computed once: there can be a thousand keys, and as many sets that name one.
#[derive(Clone, Debug)]
pub(super) struct Tagged {
    pub(super) tag: u16,
    pub(super) key: Dnskey,
}

impl Tagged {
    fn of(rdata: &[u8]) -> Option<Self> {
        let key = Dnskey::from_rdata(rdata)?;
        Some(Self { tag: key.tag(), key })
    }
}

/// What is known of a name as the beginning of a zone.
#[derive(Clone, Debug)]
pub(super) enum Delegation {
    /// A signed zone begins there.
    Secure(Zone),
    /// None begins there.
    NoCut(Existence),
    /// There is no chain to it.
    Not(Security),
}

/// Whether a name that begins no zone is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existence {
    Exists,
    /// Then nothing is below it either (RFC 8020 §2).
    Missing,
}

impl Walk {
    /// What is known of this name as the beginning of a zone.
    pub(super) fn delegation(&mut self, apex: &Name) -> Result<Delegation, Stop> {
        if let Some(known) = self.delegations.get(apex) {
            return Ok(known.clone());
        }
        let found = self.find_delegation(apex)?;
        self.delegations.insert(apex.clone(), found.clone());
        Ok(found)
    }

    fn find_delegation(&mut self, apex: &Name) -> Result<Delegation, Stop> {
        let anchors = &self.settings.anchors;
        let anchored = anchors.of(apex, self.now);
        if !anchored.is_empty() {
            let anchored: Vec<_> = anchored.into_iter().cloned().collect();
            return self.anchored(apex, &anchored);
        }
        if anchors.above(apex, self.now).is_none() {
            let why = Indeterminate::NoAnchor(apex.clone());
            return Ok(Delegation::Not(Security::Indeterminate(why)));
        }
        let reply = match self.ask(apex, Rtype::DS)? {
            Ok(reply) => reply,
            // Whoever can stop an answer about an unsigned zone could change all of it: no harm in looking above.
            Err(why) => {
                let above = apex.parent().expect("an anchor is above it");
                let found = self.signed_down_to(&above)?;
                let found = found.unwrap_or(Security::Indeterminate(why));
                return Ok(Delegation::Not(found));
            }
        };
        let message = message(&reply);
        match find(message, apex, Rtype::DS) {
            Some(ds) => self.named(apex, ds),
            None => self.not_named(apex, message),
        }
    }

    /// Keys that anchors name.
    fn anchored(&mut self, apex: &Name, anchors: &[AnchorKey]) -> Result<Delegation, Stop> {
        let algorithms = self.settings.algorithms;
        let counts = |anchor: &&AnchorKey| match anchor {
            AnchorKey::Ds(ds) => ds.counts(algorithms),
            AnchorKey::Dnskey(key) => algorithms.verifies(key.algorithm),
        };
        let usable: Vec<_> = anchors.iter().filter(counts).collect();
        if usable.is_empty() {
            let found = anchors.iter().map(|anchor| match anchor {
                AnchorKey::Ds(ds) => (ds.algorithm, ds.digest_type),
                AnchorKey::Dnskey(key) => (key.algorithm, 0),
            });
            let why = Insecure::Unsupported { zone: apex.clone(), found: found.collect() };
            return Ok(Delegation::Not(Security::Insecure(why)));
        }
        let algorithms = usable.iter().map(|anchor| match anchor {
            AnchorKey::Ds(ds) => ds.algorithm,
            AnchorKey::Dnskey(key) => key.algorithm,
        });
        let demanded = self.demanded(algorithms);
        self.keys(apex, None, demanded, |key| {
            usable.iter().any(|anchor| match anchor {
                AnchorKey::Ds(ds) => ds.names(apex, key),
                AnchorKey::Dnskey(anchor) => anchor == key,
            })
        })
    }

    /// Keys that these DS records name.
    fn named(&mut self, apex: &Name, set: &SignedRrset) -> Result<Delegation, Stop> {
        let judged = self.judge(set)?;
        let Some(Proved { link, encloser, zone }) = judged.proved else {
            return Ok(Delegation::Not(judged.security));
        };
        if encloser.is_some() {
            // A delegation is no wildcard (RFC 4592 §4.6).
            return Ok(Delegation::Not(bogus(apex, Rtype::DS, Fault::Closer)));
        }
        let about = Query { name: apex.clone(), rtype: Rtype::DS };
        let step = self.step(about, &zone, vec![link]);
        let all: Vec<_> =
            set.rrset.rdatas().iter().filter_map(|rdata| Ds::from_rdata(rdata)).collect();
        let algorithms = self.settings.algorithms;
        let counts = |ds: &&Ds| ds.counts(algorithms);
        // RFC 4509 §3: with a better digest beside them, those of SHA-1 do not count.
        let has_better = all.iter().filter(counts).any(|ds| ds.digest_type != SHA1);
        let usable: Vec<_> = all
            .iter()
            .filter(counts)
            .filter(|ds| !has_better || ds.digest_type != SHA1)
            .take(DS_MAX)
            .collect();
        if usable.is_empty() {
            let found = all.iter().map(|ds| (ds.algorithm, ds.digest_type)).collect();
            let why = Insecure::Unsupported { zone: apex.clone(), found };
            return Ok(Delegation::Not(Security::Insecure(why)));
        }
        let demanded = self.demanded(usable.iter().map(|ds| ds.algorithm));
        self.keys(apex, Some(step), demanded, |key| usable.iter().any(|ds| ds.names(apex, key)))
    }

    /// Which of these algorithms have to sign, besides that one of them has to.
    fn demanded(&self, algorithms: impl Iterator<Item = u8>) -> BTreeSet<u8> {
        match self.settings.demand {
            Demand::One => BTreeSet::new(),
            Demand::Each => algorithms.collect(),
        }
    }

    /// The DNSKEY set of a zone, signed by a key in it that is named, and by one of each algorithm that is demanded.
    fn keys(
        &mut self,
        apex: &Name,
        parent: Option<usize>,
        demanded: BTreeSet<u8>,
        is_named: impl Fn(&Dnskey) -> bool,
    ) -> Result<Delegation, Stop> {
        let reply = match self.ask(apex, Rtype::DNSKEY)? {
            Ok(reply) => reply,
            Err(why) => return Ok(Delegation::Not(Security::Indeterminate(why))),
        };
        let Some(set) = find(message(&reply), apex, Rtype::DNSKEY) else {
            return Ok(Delegation::Not(bogus(apex, Rtype::DNSKEY, Fault::NotDenied)));
        };
        let keys: Vec<_> =
            set.rrset.rdatas().iter().filter_map(|rdata| Tagged::of(rdata)).collect();
        let link = match self.signed_by_named(apex, set, &keys, &is_named)? {
            Ok(link) => link,
            Err(fault) => return Ok(Delegation::Not(bogus(apex, Rtype::DNSKEY, fault))),
        };
        for algorithm in &demanded {
            let is_named = |key: &Dnskey| key.algorithm == *algorithm && is_named(key);
            if self.signed_by_named(apex, set, &keys, &is_named)?.is_err() {
                let fault = Fault::Algorithm(*algorithm);
                return Ok(Delegation::Not(bogus(apex, Rtype::DNSKEY, fault)));
            }
        }
        let about = Query { name: apex.clone(), rtype: Rtype::DNSKEY };
        self.steps.push(Step { about, parent, links: vec![link] });
        let step = self.steps.len() - 1;
        let (keys, demanded) = (keys.into(), demanded.into_iter().collect());
        Ok(Delegation::Secure(Zone { name: apex.clone(), keys, demanded, step }))
    }

    /// Whether a key that is named has signed the DNSKEY set of its zone that it is in.
    fn signed_by_named(
        &mut self,
        apex: &Name,
        set: &SignedRrset,
        keys: &[Tagged],
        is_named: &impl Fn(&Dnskey) -> bool,
    ) -> Result<Result<Link, Fault>, Stop> {
        let ours = |rrsig: &&_| signs_itself(rrsig, &set.rrset, apex);
        let mut fault = if set.rrsigs.iter().any(|rrsig| ours(&rrsig)) {
            Fault::NotNamed
        } else {
            Fault::Unsigned
        };
        for rrsig in set.rrsigs.iter().filter(ours).take(RRSIGS_MAX) {
            let candidates = keys
                .iter()
                .filter(|own| own.key.algorithm == rrsig.algorithm && own.tag == rrsig.key_tag)
                .take(KEYS_WITH_TAG_MAX);
            let named: Vec<_> = candidates.filter(|own| is_named(&own.key)).cloned().collect();
            if named.is_empty() {
                continue;
            }
            match self.verify_with(&set.rrset, rrsig, &named)? {
                Ok(link) => return Ok(Ok(link)),
                Err(found) => fault = found,
            }
        }
        Ok(Err(fault))
    }

    /// There is no DS record: an unsigned zone begins here, or none.
    fn not_named(&mut self, apex: &Name, message: &Message) -> Result<Delegation, Stop> {
        if let Some(alias) = alias(message, apex) {
            // A name with an alias has nothing else, so no zone begins there (RFC 2181 §10.1), and the alias is of the
            // zone above. To ask what zone begins at this name would be to ask this question again.
            let judged = self.judge_of(alias, &side(apex, Rtype::DS))?;
            return Ok(match judged.proved {
                Some(proved) => {
                    let about = Query { name: apex.clone(), rtype: Rtype::DS };
                    self.step(about, &proved.zone, vec![proved.link]);
                    Delegation::NoCut(Existence::Exists)
                }
                None => Delegation::Not(judged.security),
            });
        }
        let Denial { denied, security, .. } = self.deny(apex, Rtype::DS, message)?;
        Ok(match (security, denied) {
            (Security::Secure, Some(Denied::NoName)) => Delegation::NoCut(Existence::Missing),
            (Security::Secure, Some(Denied::NoData(types))) => match types {
                Some(types) if types.is_delegation() => {
                    Delegation::Not(Security::Insecure(Insecure::NoDs { zone: apex.clone() }))
                }
                Some(_) | None => Delegation::NoCut(Existence::Exists),
            },
            (other, _) => Delegation::Not(other),
        })
    }

    /// Goes down from the trust anchor to a name, zone by zone. `None` if it is in a signed zone; else, where the
    /// chain ends, and how.
    pub(super) fn signed_down_to(&mut self, name: &Name) -> Result<Option<Security>, Stop> {
        let Some(anchor) = self.settings.anchors.above(name, self.now) else {
            let why = Indeterminate::NoAnchor(name.clone());
            return Ok(Some(Security::Indeterminate(why)));
        };
        for labels in anchor.label_count()..=name.label_count() {
            match self.delegation(&name.ancestor(labels))? {
                Delegation::Secure(_) | Delegation::NoCut(Existence::Exists) => {}
                Delegation::NoCut(Existence::Missing) => break,
                Delegation::Not(security) => return Ok(Some(security)),
            }
        }
        Ok(None)
    }
}

/// The alias that stands in place of this name: its CNAME, or the DNAME that makes that one, unsigned
/// (RFC 6672 §3.1).
fn alias<'a>(message: &'a Message, name: &Name) -> Option<&'a SignedRrset> {
    let cname = find(message, name, Rtype::CNAME)?;
    let dname = message
        .answer
        .iter()
        .find(|set| set.rrset.rtype() == Rtype::DNAME && name.is_below(set.rrset.owner()));
    dname.filter(|_| cname.rrsigs.is_empty()).or(Some(cname))
}

fn signs_itself(rrsig: &crate::rrset::Rrsig, rrset: &Rrset, apex: &Name) -> bool {
    // Not one that a wildcard stands for.
    rrsig.signer == *apex && rrsig.signed_name(rrset.owner()).as_ref() == Some(apex)
}

/// The digest type of SHA-1.
const SHA1: u8 = 1;
