//! Whether a zone has signed that there is nothing.

use domain::base::iana::Rtype;

use super::sets::side;
use super::trust::{Delegation, Existence, Zone};
use super::{Stop, Walk, bogus};
use crate::denial::{Denials, Denied, Shown};
use crate::limits::{Budget, DENIALS_MAX, Exceeded, SIGNERS_MAX};
use crate::message::{Message, Query};
use crate::name::Name;
use crate::proof::Link;
use crate::rrset::{Rrset, SignedRrset};
use crate::security::{Fault, Indeterminate, Insecure, Security};

/// What was found of a denial.
pub(super) struct Denial {
    /// What was denied, if anything was.
    pub(super) denied: Option<Denied>,
    pub(super) security: Security,
    /// The step that shows it.
    pub(super) step: Option<usize>,
}

/// What is shown, by which links; or what was wrong with the records, if anything.
type Proving = Result<(Shown, Vec<Link>), Option<Fault>>;

impl Walk {
    /// Whether it is signed that there is no such record.
    pub(super) fn deny(
        &mut self,
        name: &Name,
        rtype: Rtype,
        message: &Message,
    ) -> Result<Denial, Stop> {
        let mut fault = Fault::NotDenied;
        let place = side(name, rtype);
        let mut zones: Vec<Name> =
            denying(message).flat_map(|set| self.signers(set, &place)).collect();
        zones.sort_by_key(|signer| std::cmp::Reverse(signer.label_count()));
        zones.dedup();
        for signer in zones.into_iter().take(SIGNERS_MAX) {
            let Delegation::Secure(zone) = self.delegation(&signer)? else { continue };
            let prove =
                |denials: &mut Denials, budget: &mut Budget| denials.deny(name, rtype, budget);
            match self.denied_by(&zone, message, prove)? {
                Ok((shown, links)) => {
                    let about = Query { name: name.clone(), rtype };
                    return self.denial(about, &zone, shown, links);
                }
                Err(Some(found)) => fault = found,
                Err(None) => {}
            }
        }
        let security = self.unproved(&place, bogus(name, rtype, fault))?;
        Ok(Denial { denied: None, security, step: None })
    }

    /// Whether it is signed that no name is closer to `name` than `encloser`.
    pub(super) fn deny_closer(
        &mut self,
        name: &Name,
        encloser: &Name,
        zone: &Zone,
        message: &Message,
    ) -> Result<Denial, Stop> {
        let prove = |denials: &mut Denials, budget: &mut Budget| {
            denials.deny_closer(name, encloser, budget)
        };
        match self.denied_by(zone, message, prove)? {
            Ok((shown, links)) => self.denial(self.asked(name), zone, shown, links),
            Err(_) => {
                let security = bogus(name, Rtype::NSEC, Fault::Closer);
                Ok(Denial { denied: None, security, step: None })
            }
        }
    }

    /// Verifies the records of this zone that deny, and proves with them.
    fn denied_by(
        &mut self,
        zone: &Zone,
        message: &Message,
        prove: impl FnOnce(&mut Denials, &mut Budget) -> Result<Option<Shown>, Exceeded>,
    ) -> Result<Proving, Stop> {
        let (mut sets, mut fault) = (Vec::<(&Rrset, Link)>::new(), None);
        let ours =
            denying(message).filter(|set| set.rrsigs.iter().any(|rrsig| rrsig.signer == zone.name));
        for set in ours.take(DENIALS_MAX) {
            match self.verify(set, zone)? {
                // What came out of a wildcard has another name than the one that it is about.
                Ok((_, Some(_))) => fault = fault.max(Some(Fault::Mismatch)),
                Ok((link, None)) => sets.push((&set.rrset, link)),
                Err(found) => fault = fault.max(Some(found)),
            }
        }
        let rrsets = sets.iter().map(|(rrset, _)| *rrset);
        let mut denials = Denials::new(&zone.name, rrsets, self.budget.limits().nsec3_iterations);
        let Some(shown) = prove(&mut denials, &mut self.budget)? else { return Ok(Err(fault)) };
        let links = shown.by.iter().map(|at| sets[*at].1.clone()).collect();
        Ok(Ok((shown, links)))
    }

    fn denial(
        &mut self,
        about: Query,
        zone: &Zone,
        shown: Shown,
        links: Vec<Link>,
    ) -> Result<Denial, Stop> {
        if let Denied::Iterations(_) = shown.what
            && let Some(security) = self.signed_below(zone, &about)?
        {
            return Ok(Denial { denied: None, security, step: None });
        }
        let name = about.name.clone();
        let step = Some(self.step(about, zone, links));
        let security = match &shown.what {
            Denied::NoData(_) | Denied::NoName => Security::Secure,
            Denied::OptOut => {
                let zone = zone.name.clone();
                Security::Insecure(Insecure::OptOut { zone, name })
            }
            Denied::Iterations(iterations) => {
                let (zone, iterations) = (zone.name.clone(), *iterations);
                Security::Insecure(Insecure::Iterations { zone, iterations })
            }
        };
        Ok(Denial { denied: Some(shown.what), security, step })
    }

    /// What such records of this zone are to a name that is in another zone below it, whose keys are known or should
    /// be: bogus, or not to be told. A record with too many iterations does not show by itself whose the name is.
    fn signed_below(&mut self, zone: &Zone, about: &Query) -> Result<Option<Security>, Stop> {
        let place = side(&about.name, about.rtype);
        for labels in zone.name.label_count() + 1..=place.label_count() {
            match self.delegation(&place.ancestor(labels))? {
                Delegation::NoCut(Existence::Exists) => {}
                Delegation::Secure(_) => {
                    // RFC 6840 §4.1: the zone above a delegation proves nothing of what is below it.
                    return Ok(Some(bogus(&about.name, about.rtype, Fault::NotDenied)));
                }
                Delegation::NoCut(Existence::Missing) | Delegation::Not(Security::Insecure(_)) => {
                    return Ok(None);
                }
                // Whoever can stop the answer of this zone about the DS records could put such a record in its place.
                Delegation::Not(Security::Indeterminate(Indeterminate::NoAnswer {
                    query, ..
                })) if query.rtype == Rtype::DS => {
                    return Ok(None);
                }
                Delegation::Not(security) => return Ok(Some(security)),
            }
        }
        Ok(None)
    }
}

/// The sets that deny.
fn denying(message: &Message) -> impl Iterator<Item = &SignedRrset> {
    let denies = |set: &&SignedRrset| matches!(set.rrset.rtype(), Rtype::NSEC | Rtype::NSEC3);
    message.authority.iter().filter(denies)
}
