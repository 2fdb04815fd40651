//! How a zone denies names: with NSEC or NSEC3 records, and with which parameters.

use countersign_dns::Rtype;
use countersign_dns::denial::Nsec3;

use super::ZoneView;
use super::finding::ZoneFinding;

/// How names are denied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// With NSEC records.
    Nsec,
    /// With NSEC3 records.
    Nsec3 {
        /// The most iterations that were seen; RFC 9276 §3.1 asks for none.
        iterations: u16,
        /// A salt, if there is one.
        salt: Vec<u8>,
        /// Whether delegations without DS records are left out (RFC 5155 §6).
        opt_out: bool,
    },
    /// Nothing was denied with records.
    Unseen,
}

/// Out of all answers of the zone's servers.
pub(super) fn denial(view: &ZoneView) -> Denial {
    let mut found = Denial::Unseen;
    for set in view.messages().flat_map(|message| &message.authority) {
        let is_ours = set.rrset.owner().is_within(&view.zone);
        match set.rrset.rtype() {
            Rtype::NSEC if is_ours && found == Denial::Unseen => found = Denial::Nsec,
            Rtype::NSEC3 => {
                let Some(nsec3) = Nsec3::of(&set.rrset).filter(|nsec3| nsec3.zone == view.zone)
                else {
                    continue;
                };
                let (seen, seen_salt) = nsec3.parameters;
                let (iterations, salt, opt_out) = match found {
                    Denial::Nsec3 { iterations, salt, opt_out } => (iterations, salt, opt_out),
                    Denial::Nsec | Denial::Unseen => (0, Vec::new(), false),
                };
                found = Denial::Nsec3 {
                    iterations: iterations.max(seen),
                    salt: if salt.is_empty() { seen_salt } else { salt },
                    opt_out: opt_out || nsec3.opt_out,
                };
            }
            _ => {}
        }
    }
    found
}

pub(super) fn findings(view: &ZoneView, denial: &Denial) -> Vec<ZoneFinding> {
    let Denial::Nsec3 { iterations, salt, opt_out } = denial else { return Vec::new() };
    let mut findings = Vec::new();
    if *iterations > 0 {
        findings.push(ZoneFinding::Nsec3Iterations { iterations: *iterations });
    }
    if !salt.is_empty() {
        findings.push(ZoneFinding::Nsec3Salt);
    }
    // Zones of millions of delegations are what it was made for.
    if *opt_out && view.zone.label_count() > 1 {
        findings.push(ZoneFinding::OptOut);
    }
    findings
}
