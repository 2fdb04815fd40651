//! Whether a set is signed by the zone that it is in (RFC 4035 §5.3).

use domain::base::iana::Rtype;
use jiff::Timestamp;

use super::trust::{Delegation, Tagged, Zone};
use super::{Nested, Stop, Walk, bogus};
use crate::limits::{KEYS_WITH_TAG_MAX, Limit, RRSIGS_MAX, SIGNERS_MAX};
use crate::name::Name;
use crate::proof::Link;
use crate::rrset::{Rrset, Rrsig, SignedRrset};
use crate::security::{Fault, Insecure, Security};

/// What was found of a set.
pub(super) struct Judged {
    pub(super) security: Security,
    /// Where it is secure: by what.
    pub(super) proved: Option<Proved>,
}

/// What shows a set.
pub(super) struct Proved {
    /// The set with the signature that verified.
    pub(super) link: Link,
    /// If it came out of a wildcard: the name above the `*`.
    pub(super) encloser: Option<Name>,
    /// The zone whose key signed.
    pub(super) zone: Zone,
}

impl Walk {
    /// Judges a set by itself. Whether a wildcard may stand for it is another question.
    pub(super) fn judge(&mut self, set: &SignedRrset) -> Result<Judged, Stop> {
        self.judge_of(set, &side(set.rrset.owner(), set.rrset.rtype()))
    }

    /// Judges a set that is of a zone at or above `place`.
    pub(super) fn judge_of(&mut self, set: &SignedRrset, place: &Name) -> Result<Judged, Stop> {
        let (owner, rtype) = (set.rrset.owner(), set.rrset.rtype());
        if rtype == Rtype::RRSIG {
            let security = Security::Insecure(Insecure::Signatures { name: owner.clone() });
            return Ok(Judged { security, proved: None });
        }
        let (mut fault, mut is_signed) = (Fault::Unsigned, false);
        for signer in self.signers(set, place) {
            fault = match self.delegation(&signer)? {
                Delegation::Secure(zone) => match self.verify(set, &zone)? {
                    Ok((link, encloser)) => {
                        let proved = Some(Proved { link, encloser, zone });
                        return Ok(Judged { security: Security::Secure, proved });
                    }
                    Err(fault) => {
                        is_signed = true;
                        fault
                    }
                },
                Delegation::NoCut(_) => Fault::Signer(signer),
                // The reason is found again on the way down.
                Delegation::Not(_) => fault,
            };
        }
        let security = match is_signed {
            // Whoever signs for a signed zone has no excuse.
            true => bogus(owner, rtype, fault),
            false => self.unproved(place, bogus(owner, rtype, fault))?,
        };
        Ok(Judged { security, proved: None })
    }

    /// What to make of records without a signature that holds, of a zone at or above `place`: whoever is in an unsigned
    /// zone needs none.
    pub(super) fn unproved(&mut self, place: &Name, bogus: Security) -> Result<Security, Stop> {
        Ok(self.signed_down_to(place)?.unwrap_or(bogus))
    }

    /// The zones at or above `place` that claim to have signed a set, the deepest first (RFC 4035 §5.3.1).
    pub(super) fn signers(&self, set: &SignedRrset, place: &Name) -> Vec<Name> {
        if self.settings.anchors.above(place, self.now).is_none() {
            return Vec::new();
        }
        let mut signers: Vec<_> = set
            .rrsigs
            .iter()
            .map(|rrsig| rrsig.signer.clone())
            .filter(|signer| place.is_within(signer) && self.may_speak(signer, place))
            .collect();
        signers.sort_by_key(|signer| std::cmp::Reverse(signer.label_count()));
        signers.dedup();
        signers.truncate(SIGNERS_MAX);
        signers
    }

    /// Whether a zone above a name has a say in it: not if it is above an anchor that is nearer and decides.
    pub(super) fn may_speak(&self, zone: &Name, name: &Name) -> bool {
        let nearest = self.settings.anchors.above(name, self.now);
        match self.settings.nested {
            Nested::Closest => nearest.is_none_or(|anchor| zone.is_within(&anchor)),
            Nested::Any => true,
        }
    }

    /// Whether a key of the zone has signed the set, and one of each algorithm that is demanded; if not, what is wrong
    /// with it.
    pub(super) fn verify(
        &mut self,
        set: &SignedRrset,
        zone: &Zone,
    ) -> Result<Result<(Link, Option<Name>), Fault>, Stop> {
        let verified = self.verify_by(set, zone, |_| true)?;
        for algorithm in zone.demanded.iter().filter(|_| verified.is_ok()) {
            if self.verify_by(set, zone, |other| other == *algorithm)?.is_err() {
                return Ok(Err(Fault::Algorithm(*algorithm)));
            }
        }
        Ok(verified)
    }

    /// Whether a key of the zone, of such an algorithm, has signed the set.
    fn verify_by(
        &mut self,
        set: &SignedRrset,
        zone: &Zone,
        is_such: impl Fn(u8) -> bool,
    ) -> Result<Result<(Link, Option<Name>), Fault>, Stop> {
        let mut worst = Fault::Unsigned;
        let ours = set.rrsigs.iter().filter(|rrsig| rrsig.signer == zone.name);
        let ours = ours.filter(|rrsig| is_such(rrsig.algorithm));
        for rrsig in ours.take(RRSIGS_MAX) {
            match self.verify_with(&set.rrset, rrsig, &zone.keys)? {
                Ok(link) => {
                    let signed = rrsig.signed_name(set.rrset.owner());
                    let is_own = signed.as_ref() == Some(set.rrset.owner());
                    let encloser = signed.filter(|_| !is_own).and_then(|name| name.parent());
                    return Ok(Ok((link, encloser)));
                }
                // What comes last in the list of faults says most.
                Err(fault) => worst = worst.max(fault),
            }
        }
        Ok(Err(worst))
    }

    /// Whether one of these keys has made this signature over the set.
    pub(super) fn verify_with(
        &mut self,
        rrset: &Rrset,
        rrsig: &Rrsig,
        keys: &[Tagged],
    ) -> Result<Result<Link, Fault>, Stop> {
        let is_for_it =
            rrsig.type_covered == rrset.rtype() && rrset.owner().is_within(&rrsig.signer);
        let Some(data) = rrsig.signed_data(rrset).filter(|_| is_for_it) else {
            return Ok(Err(Fault::Mismatch));
        };
        if let Some(fault) = out_of_time(rrsig, self.now) {
            return Ok(Err(fault));
        }
        let (tag, algorithm) = (rrsig.key_tag, rrsig.algorithm);
        let is_it =
            |own: &&Tagged| own.tag == tag && own.key.algorithm == algorithm && own.key.signs();
        let mut fault = Fault::NoKey { tag, algorithm };
        for Tagged { key, .. } in keys.iter().filter(is_it).take(KEYS_WITH_TAG_MAX) {
            self.budget.spend(Limit::Signatures)?;
            let algorithms = self.settings.algorithms;
            if algorithms.verify(algorithm, &key.key, &data, &rrsig.signature) {
                return Ok(Ok(Link { signed_data: data, signature: rrsig.signature.clone() }));
            }
            fault = Fault::Signature;
        }
        Ok(Err(fault))
    }
}

/// The name at or above which the zone of such records begins. Nothing is above the root.
pub(super) fn side(owner: &Name, rtype: Rtype) -> Name {
    let above = if rtype == Rtype::DS { owner.parent() } else { None };
    above.unwrap_or_else(|| owner.clone())
}

/// Whether the signature is from another time. Its times are numbers modulo 2^32 (RFC 4034 §3.1.5, RFC 1982).
fn out_of_time(rrsig: &Rrsig, now: Timestamp) -> Option<Fault> {
    let since = |time: u32| -> i64 {
        let now = u32::try_from(now.as_second().rem_euclid(1 << 32)).expect("it is below 2^32");
        i64::from(now.wrapping_sub(time).cast_signed())
    };
    let at =
        |time: u32| Timestamp::from_second(now.as_second() - since(time)).unwrap_or(Timestamp::MAX);
    if since(rrsig.inception) < 0 {
        return Some(Fault::NotYetValid(at(rrsig.inception)));
    }
    (since(rrsig.expiration) > 0).then(|| Fault::Expired(at(rrsig.expiration)))
}
