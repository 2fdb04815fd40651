//! Zones that cost whoever looks at them: what KeyTrap (CVE-2023-50387) and the search for NSEC3's closest encloser
//! (CVE-2023-50868) have shown. Keys for KeyTrap are [`Key::look_alikes`](super::Key::look_alikes) in
//! [`Signing::idle`](super::Signing::idle).

use countersign_dns::{Name, Rrset, Rtype, SignedRrset};

use super::zone::Zone;

/// Puts so many aliases into a zone, `link0` to `link1` to `link2` and so on, the last to this name.
pub fn alias_chain(zone: &mut Zone, links: u32, target: &Name) {
    let link = |count: u32| {
        let label = format!("link{count}");
        zone.apex().child(label.as_bytes()).expect("the lab's zones have short names")
    };
    let aliases: Vec<_> = (0..links)
        .map(|count| {
            let to = if count + 1 == links { target.clone() } else { link(count + 1) };
            Rrset::new(link(count), Rtype::CNAME, TTL_S, to.wire())
                .expect("a name is the data of a CNAME record")
        })
        .collect();
    aliases.into_iter().for_each(|alias| zone.put(alias));
}

/// Puts so many signatures that do not verify in front of each one that does. They differ in nothing else.
pub fn false_signatures(set: &mut SignedRrset, count: u32) {
    let true_ones = std::mem::take(&mut set.rrsigs);
    for rrsig in true_ones {
        for count in 1..=count {
            let mut false_one = rrsig.clone();
            let octets = false_one.signature.iter_mut().rev();
            octets.zip(count.to_le_bytes()).for_each(|(octet, noise)| *octet ^= noise);
            set.rrsigs.push(false_one);
        }
        set.rrsigs.push(rrsig);
    }
}

/// A name below this one with as many labels as fit. Where it ends in a zone with NSEC3, each of them has to be
/// hashed, as often as the zone says.
pub fn deepest_name(above: &Name) -> Name {
    let mut deepest = above.clone();
    while let Some(deeper) = deepest.child(b"x") {
        deepest = deeper;
    }
    deepest
}

const TTL_S: u32 = 60;
