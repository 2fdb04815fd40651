//! What is wrong with a case, and how it is made so.

use std::collections::BTreeSet;
use std::sync::Arc;

use countersign_dns::{Name, Rrset, Rrsig, Rtype, SignedRrset};
use countersign_lab::dns::{Change, Denial, Forgery, Key, Reply, Signing, Zone, bitmap, key_tag};
use jiff::SignedDuration;

use crate::case::{Case, Fault, parent};
use crate::world::{World, dnskeys, now, written};

/// A signed zone.
pub(crate) struct Signed {
    pub(crate) zone: Zone,
    /// The data of the DNSKEY records that the parent is to name.
    pub(crate) entries: Vec<Vec<u8>>,
}

/// Signs the zone of a case, and spoils it as its fault says.
pub(crate) fn of_the_zone(world: &World, case: &Case, written: &Zone) -> Signed {
    let signing = world.own_signing(case);
    let mut zone = written.sign(&signing);
    let mut entries: Vec<_> = signing.ksks.iter().map(Key::dnskey).collect();
    match case.fault {
        Fault::Expired => resign(&mut zone, &from_to(&signing, -61, -31), not_keys, |_| {}),
        Fault::ExpiredKeys => resign(&mut zone, &from_to(&signing, -61, -31), keys, |_| {}),
        Fault::NotYetValid => resign(&mut zone, &from_to(&signing, 5, 35), not_keys, |_| {}),
        Fault::NotYetValidKeys => resign(&mut zone, &from_to(&signing, 5, 35), keys, |_| {}),
        Fault::JustExpired => {
            let just = now() - SignedDuration::from_mins(10);
            let signing = Signing { expiration: just, ..from_to(&signing, -31, 0) };
            resign(&mut zone, &signing, not_keys, |_| {});
        }
        Fault::SignerAbove => resign(&mut zone, &signing, not_keys, |rrsig| {
            rrsig.signer = rrsig.signer.parent().expect("a case is below another zone");
        }),
        Fault::SignerBelow => resign(&mut zone, &signing, not_keys, |rrsig| {
            rrsig.signer = rrsig.signer.child(b"www").expect("it is short");
        }),
        Fault::LabelsFewer => resign(&mut zone, &signing, not_keys, |rrsig| rrsig.labels -= 1),
        Fault::LabelsMore => resign(&mut zone, &signing, not_keys, |rrsig| rrsig.labels += 1),
        Fault::OtherTag => resign(&mut zone, &signing, not_keys, |rrsig| rrsig.key_tag ^= 1),
        Fault::OtherAlgorithm => {
            resign(&mut zone, &signing, not_keys, |rrsig| rrsig.algorithm = 10);
        }
        Fault::ShorterTtl => {
            resign(&mut zone, &signing, |_| true, |rrsig| rrsig.original_ttl_s /= 2);
        }
        Fault::BitmapSaysMore => {
            more_in_bitmaps(&mut zone, &signing, case.query().rtype);
        }
        Fault::BitmapSaysCname => more_in_bitmaps(&mut zone, &signing, Rtype::CNAME),
        Fault::KeysSignedByOther => {
            let other = world.other_signing(case);
            resign(&mut zone, &Signing { ksks: other.ksks, ..signing }, keys, |_| {});
        }
        Fault::KeyWithoutZoneFlag => {
            entries = changed_keys(&mut zone, &signing, |dnskey| dnskey[0] &= !1);
        }
        Fault::KeyRevoked => {
            entries = changed_keys(&mut zone, &signing, |dnskey| dnskey[1] |= 0x80);
        }
        Fault::KeyOfOtherProtocol => {
            entries = changed_keys(&mut zone, &signing, |dnskey| dnskey[2] = 4);
        }
        Fault::Unsigned => each(&mut zone, not_keys, |set| set.rrsigs.clear()),
        Fault::UnsignedKeys => each(&mut zone, keys, |set| set.rrsigs.clear()),
        Fault::Flipped => each(&mut zone, not_keys, flip),
        Fault::FlippedKeys => each(&mut zone, keys, flip),
        Fault::FalseOnesInFront => each(&mut zone, |_| true, |set| falsify(set, 3)),
        Fault::ManyFalseOnesInFront => each(&mut zone, |_| true, |set| falsify(set, 9)),
        Fault::KeysGone => {
            zone.remove(&case.apex(), Rtype::DNSKEY);
        }
        Fault::KeysOfOther => {
            let other = written.sign(&world.other_signing(case));
            *keys_of(&mut zone) = other.set(other.apex(), Rtype::DNSKEY).unwrap().clone();
        }
        Fault::AllOfOther => zone = written.sign(&world.other_signing(case)),
        // Of what happens on the way the zone knows nothing.
        _ => {}
    }
    Signed { zone, entries }
}

/// What somebody on the way does to the answers.
pub(crate) fn on_the_way(world: &World, case: &Case, above: &Arc<Zone>) -> Vec<Forgery> {
    let query = case.query();
    let about = |name: Name, rtype, change| Forgery { below: name, rtype: Some(rtype), change };
    // Whoever follows an alias may ask for its target by itself.
    let of_answer = |change| vec![about(case.apex(), query.rtype, change)];
    let of_ds = |change| vec![about(case.apex(), Rtype::DS, change)];
    let from_parent = |label: &str| parent(case.batch()).child(label.as_bytes()).unwrap();
    match case.fault {
        Fault::AnswerStripped => of_answer(Change::StripSignatures),
        Fault::ProofsStripped => of_answer(Change::StripProofs),
        Fault::FirstProofDropped => of_answer(Change::By(|reply| {
            reply.proofs.drain(..1.min(reply.proofs.len()));
        })),
        Fault::LastProofDropped => of_answer(Change::By(|reply| drop(reply.proofs.pop()))),
        Fault::OtherCode => of_answer(Change::OtherRcode),
        Fault::RecordDropped => {
            of_answer(Change::By(|reply| of_last_set(reply, |rdatas| rdatas.truncate(1))))
        }
        Fault::RecordSwapped => of_answer(Change::By(|reply| {
            of_last_set(reply, |rdatas| turn_last_octet(&mut rdatas[0]));
        })),
        Fault::RecordAdded => of_answer(Change::By(|reply| {
            of_last_set(reply, |rdatas| {
                rdatas.push(rdatas[0].clone());
                turn_last_octet(&mut rdatas[0]);
            });
        })),
        Fault::AnswerEmptied => of_answer(Change::By(|reply| reply.answer.clear())),
        Fault::OfExisting => of_answer(Change::OfName(case.name("www"))),
        Fault::OfMissing => of_answer(Change::OfName(case.name("elsewhere"))),
        Fault::OfDelegation => of_answer(Change::OfName(case.name("cut"))),
        Fault::OtherKindOfProof => of_answer(Change::Instead(other_kind(world, case))),
        Fault::BothKindsOfProof => of_answer(Change::ProofsToo(other_kind(world, case))),
        Fault::ProofsOfParent => {
            [of_answer(Change::StripProofs), of_answer(Change::ProofsToo(Arc::clone(above)))]
                .concat()
        }
        Fault::UnsignedBeside => of_answer(Change::By(|reply| {
            reply.authority.push(unsigned("ns.elsewhere.example", Rtype::NS, b"\x01x\0"));
        })),
        Fault::UnsignedAlong => {
            let record = unsigned("www.elsewhere.example", Rtype::A, &[192, 0, 2, 66]);
            of_answer(Change::Along(record.rrset))
        }
        Fault::DsStripped => of_ds(Change::StripSignatures),
        Fault::DsFlipped => of_ds(Change::FlipSignatures),
        Fault::DsProofsStripped => of_ds(Change::StripProofs),
        Fault::DsOfUnsigned => of_ds(Change::OfName(from_parent("plain"))),
        Fault::DsOfMissing => of_ds(Change::OfName(from_parent("nowhere"))),
        // Nobody is on the way.
        _ => Vec::new(),
    }
}

fn keys(set: &SignedRrset) -> bool {
    set.rrset.rtype() == Rtype::DNSKEY
}

fn not_keys(set: &SignedRrset) -> bool {
    !keys(set)
}

fn keys_of(zone: &mut Zone) -> &mut SignedRrset {
    let apex = zone.apex().clone();
    zone.set_mut(&apex, Rtype::DNSKEY).expect("it is signed")
}

/// Changes what is signed of the zone.
fn each(zone: &mut Zone, which: fn(&SignedRrset) -> bool, change: impl Fn(&mut SignedRrset)) {
    let signed = zone.sets_mut().filter(|set| !set.rrsigs.is_empty());
    signed.filter(|set| which(set)).for_each(change);
}

/// Signs again, with signatures that are as changed, and hold for what they then say.
fn resign(
    zone: &mut Zone,
    signing: &Signing,
    which: fn(&SignedRrset) -> bool,
    change: impl Fn(&mut Rrsig),
) {
    let apex = zone.clone();
    each(zone, which, |set| {
        let by = if keys(set) { &signing.ksks } else { &signing.zsks };
        let signed = by.iter().map(|key| {
            let mut rrsig = signing.rrsig(&apex, key, &set.rrset);
            change(&mut rrsig);
            // Nothing is signed by a signature with more labels than the name has.
            if let Some(data) = rrsig.signed_data(&set.rrset) {
                rrsig.signature = key.sign(&data);
            }
            rrsig
        });
        set.rrsigs = signed.collect();
    });
}

/// The same with other times, in days from now.
fn from_to(signing: &Signing, from: i32, to: i32) -> Signing {
    let day = SignedDuration::from_hours(24);
    Signing { inception: now() + day * from, expiration: now() + day * to, ..signing.clone() }
}

/// Changes the keys that the parent names, and has their signatures name them as they are then.
fn changed_keys(zone: &mut Zone, signing: &Signing, change: fn(&mut Vec<u8>)) -> Vec<Vec<u8>> {
    let before: Vec<_> = signing.ksks.iter().map(Key::dnskey).collect();
    let changed = |dnskey: &Vec<u8>| {
        let mut changed = dnskey.clone();
        if before.contains(dnskey) {
            change(&mut changed);
        }
        changed
    };
    let all: Vec<_> = dnskeys(zone).iter().map(changed).collect();
    let set = keys_of(zone);
    set.rrset = set_of(&set.rrset, &all).expect("there are keys");
    resign(
        zone,
        signing,
        |_| true,
        |rrsig| {
            let by = before.iter().find(|dnskey| key_tag(dnskey) == rrsig.key_tag);
            rrsig.key_tag = by.map_or(rrsig.key_tag, |dnskey| key_tag(&changed(dnskey)));
        },
    );
    before.iter().map(changed).collect()
}

/// Has all denials list this type for every name.
fn more_in_bitmaps(zone: &mut Zone, signing: &Signing, rtype: Rtype) {
    let denials = |set: &SignedRrset| [Rtype::NSEC, Rtype::NSEC3].contains(&set.rrset.rtype());
    each(zone, denials, |set| {
        let rdata = &set.rrset.rdatas()[0];
        let fixed = match set.rrset.rtype() {
            Rtype::NSEC => rdata.len() - Name::read(rdata).expect("it begins with one").1.len(),
            // RFC 5155 §3.2: four octets, the salt, and a hash, each of the latter after its length.
            _ => 4 + 1 + usize::from(rdata[4]) + 1 + 20,
        };
        let (fixed, types) = rdata.split_at(fixed);
        let types = countersign_dns::denial::TypeBitmap::parse(types).expect("the lab made it");
        let all = (1..=260).map(Rtype::from_int).filter(|other| types.contains(*other));
        let all: BTreeSet<_> = all.chain([rtype]).collect();
        set.rrset = set_of(&set.rrset, &[[fixed, &bitmap(&all)].concat()]).expect("one record");
    });
    resign(zone, signing, denials, |_| {});
}

fn flip(set: &mut SignedRrset) {
    for rrsig in &mut set.rrsigs {
        let middle = rrsig.signature.len() / 2;
        rrsig.signature[middle] ^= 1;
    }
}

/// Puts so many signatures that do not verify in front of the others, in canonical order, too.
fn falsify(set: &mut SignedRrset, count: u8) {
    for number in (0..count).rev() {
        let mut rrsig = set.rrsigs.last().expect("it is signed").clone();
        rrsig.signature[..4].copy_from_slice(&[0, 0, 0, number]);
        set.rrsigs.insert(0, rrsig);
    }
}

/// Changes the data of the last set of an answer, whose signatures stay.
fn of_last_set(reply: &mut Reply, change: impl Fn(&mut Vec<Vec<u8>>)) {
    let Some(set) = reply.answer.last_mut() else { return };
    let mut rdatas = set.rrset.rdatas().to_vec();
    change(&mut rdatas);
    set.rrset = set_of(&set.rrset, &rdatas).unwrap_or_else(|| set.rrset.clone());
}

fn turn_last_octet(rdata: &mut [u8]) {
    // Of a name it is the root, and the letter before it is turned.
    let at = if rdata.last() == Some(&0) { rdata.len().saturating_sub(2) } else { rdata.len() - 1 };
    rdata[at] ^= 1;
}

/// The same set with other data; `None` if none of it can be read.
fn set_of(set: &Rrset, rdatas: &[Vec<u8>]) -> Option<Rrset> {
    let record = |rdata: &Vec<u8>| Rrset::new(set.owner().clone(), set.rtype(), set.ttl_s(), rdata);
    rdatas.iter().filter_map(record).reduce(|mut all, record| {
        all.add(record);
        all
    })
}

fn unsigned(owner: &str, rtype: Rtype, rdata: &[u8]) -> SignedRrset {
    let rrset = Rrset::new(owner.parse().expect("it is a name"), rtype, 60, rdata);
    SignedRrset { rrset: rrset.expect("it can be read"), rrsigs: Vec::new() }
}

/// The zone of a case as it would be with the other kind of proofs.
fn other_kind(world: &World, case: &Case) -> Arc<Zone> {
    let denial = match case.denial {
        Denial::Nsec => Denial::NSEC3,
        Denial::Nsec3 { .. } => Denial::Nsec,
    };
    let signing = Signing { denial, ..world.own_signing(case) };
    Arc::new(written(case).sign(&signing))
}
