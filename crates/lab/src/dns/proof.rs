//! Which proofs an answer needs: RFC 4035 §3.1.3 for NSEC, RFC 5155 §7.2 for NSEC3.

use countersign_dns::{Name, Rtype, SignedRrset};

use super::chain::{Chain, Nsec3Chain};
use super::zone::Zone;

/// What is to be proved.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Denied<'a> {
    /// That this name does not exist, nor a wildcard for it.
    Name(&'a Name),
    /// That this name has no records of the type asked for.
    Type(&'a Name),
    /// That the wildcard which stands for this name has none.
    WildcardType(&'a Name),
    /// That this name does not exist, so that a wildcard stands for it.
    Expanded(&'a Name),
    /// That this delegation has no DS record.
    Ds(&'a Name),
}

impl Zone {
    /// The records that prove it; none if the zone has none.
    pub(crate) fn proof(&self, denied: Denied<'_>) -> Vec<SignedRrset> {
        match &self.chain {
            Chain::Absent => Vec::new(),
            Chain::Nsec => self.nsec_proof(denied),
            Chain::Nsec3(chain) => self.nsec3_proof(chain, denied),
        }
        .into_iter()
        .flatten()
        .cloned()
        .collect()
    }

    fn nsec_proof(&self, denied: Denied<'_>) -> Vec<Option<&SignedRrset>> {
        match denied {
            // RFC 4035 §3.1.3.1: at the name. One without records is found to be between two others (§3.1.3.2).
            Denied::Type(name) | Denied::Ds(name) => vec![self.nsec_up_to(name)],
            // RFC 4035 §3.1.3.2 and §3.1.3.4. One record may say both.
            Denied::Name(name) | Denied::WildcardType(name) => {
                vec![self.nsec_up_to(name), self.nsec_up_to(&self.wildcard_for(name))]
            }
            // RFC 4035 §3.1.3.3.
            Denied::Expanded(name) => vec![self.nsec_up_to(name)],
        }
    }

    /// The NSEC record of the name or of the last one before it.
    fn nsec_up_to(&self, name: &Name) -> Option<&SignedRrset> {
        self.nodes().range(..=name).rev().find_map(|(_, node)| node.get(&Rtype::NSEC))
    }

    fn nsec3_proof<'a>(
        &'a self,
        chain: &'a Nsec3Chain,
        denied: Denied<'_>,
    ) -> Vec<Option<&'a SignedRrset>> {
        match denied {
            // RFC 5155 §7.2.3 and §7.2.7. With opt-out there may be no record for the name (§7.2.4).
            Denied::Type(name) | Denied::Ds(name) => match chain.matching(name) {
                Some(matching) => vec![Some(matching)],
                None => self.closest_encloser_proof(chain, name),
            },
            // RFC 5155 §7.2.2.
            Denied::Name(name) => {
                let mut proof = self.closest_encloser_proof(chain, name);
                proof.push(chain.covering(&self.wildcard_for(name)));
                proof
            }
            // RFC 5155 §7.2.5.
            Denied::WildcardType(name) => {
                let mut proof = self.closest_encloser_proof(chain, name);
                proof.push(chain.matching(&self.wildcard_for(name)));
                proof
            }
            // RFC 5155 §7.2.6: the wildcard itself says what the closest encloser is.
            Denied::Expanded(name) => {
                let labels = self.closest_encloser(name).label_count();
                vec![chain.covering(&name.ancestor(labels + 1))]
            }
        }
    }

    /// A name above this one that exists, and that the one next to it on the way here does not (RFC 5155 §7.2.1).
    fn closest_encloser_proof<'a>(
        &self,
        chain: &'a Nsec3Chain,
        name: &Name,
    ) -> Vec<Option<&'a SignedRrset>> {
        let mut above = name.and_above().skip(1);
        let encloser = above.find(|above| chain.matching(above).is_some());
        let encloser = encloser.expect("the apex is in every chain");
        let next_closer = name.ancestor(encloser.label_count() + 1);
        vec![chain.matching(&encloser), chain.covering(&next_closer)]
    }

    /// The wildcard that would stand for this name (RFC 4592 §3.3.1).
    pub(crate) fn wildcard_for(&self, name: &Name) -> Name {
        self.closest_encloser(name).wildcard().expect("the lab's zones have short names")
    }
}
