//! What each finding and each verdict is raised by.

mod made;
mod told;

use countersign_dns::{Dnskey, Ds, Rrset, Rtype, SignedRrset};

use super::*;
use crate::severity::Severity::{self, High, Notice, Warning};
use made::*;

/// Changes a zone that is in order, and compares what is found.
#[track_caller]
fn check(change: impl FnOnce(&mut ZoneView), expected: &[(&str, Severity)]) {
    let mut view = healthy();
    change(&mut view);
    let findings = ZoneReport::of(&view).findings;
    let found: Vec<_> =
        findings.iter().map(|finding| (finding.kind(), finding.severity())).collect();
    assert_eq!(
        found,
        expected,
        "{:#?}",
        findings.iter().map(|f| f.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn a_zone_in_order_has_no_findings() {
    check(|_| {}, &[]);
    let report = ZoneReport::of(&healthy());
    assert_eq!(report.security, Some(Security::Secure));
    let names: Vec<_> = report.chain.iter().map(|zone| zone.name.to_string()).collect();
    assert_eq!(names, [".", "example.", "a.example."]);
    let own = report.chain.last().unwrap();
    assert!(own.keys[0].is_named && own.ds[0].names_key && own.signed_until.is_some());
    assert_eq!((report.denial, report.child_ds), (Denial::Nsec, ChildDs::Absent));
    assert_eq!(report.ttls[&Rtype::DS], 3600);
    assert!(report.servers.iter().all(|server| server.differs.is_empty()));
    assert_eq!(report.servers[2].serial, Some(7));
}

#[test]
fn a_chain_that_does_not_hold_is_found_once() {
    let rewalk = |view: &mut ZoneView| *view = view.clone().walked();
    let stranger = Signer::new("a.example", 9);
    check(
        |view| {
            view.say(&stranger.keys());
            rewalk(view);
        },
        &[("bogus", High)],
    );
    check(
        |view| {
            let why = countersign_dns::security::Indeterminate::NoAnchor(Name::root());
            for walked in view.walks.values_mut() {
                walked.security = Security::Indeterminate(why.clone());
            }
        },
        &[("could-not-tell", Warning)],
    );
    check(|view| drop(view.walks.remove(&Rtype::CAA)), &[("not-looked", Warning)]);
}

#[test]
fn a_zone_without_a_chain_is_insecure() {
    check(
        |view| {
            let why = countersign_dns::security::Insecure::NoDs { zone: view.zone.clone() };
            for walked in view.walks.values_mut() {
                walked.security = Security::Insecure(why.clone());
                walked.steps.retain(|step| step.about.name != zone().zone);
            }
            for server in &mut view.parents {
                server.change(Rtype::DS, |message| message.answer.clear());
            }
        },
        &[("insecure", Warning)],
    );
}

#[test]
fn signatures_have_their_time() {
    let signed = |from_s, until_s| {
        move |view: &mut ZoneView| view.say(&zone().sign_during(soa(), from_s, until_s))
    };
    check(signed(60, DAY_S * 9), &[("signature-not-yet-valid", High)]);
    check(signed(-DAY_S, -60), &[("signature-expired", High)]);
    check(signed(-DAY_S, 11 * 3600), &[("signature-expiring", High)]);
    check(signed(-DAY_S, 13 * 3600), &[("signature-expiring", Warning)]);
    check(signed(-DAY_S, 3 * DAY_S), &[]);
    check(signed(-DAY_S, 180 * DAY_S), &[]);
    check(signed(-DAY_S, 181 * DAY_S), &[("signature-long", Notice)]);
    let parents = |until_s| {
        move |view: &mut ZoneView| {
            let set = parent().sign_during(zone().ds(), -DAY_S, until_s);
            view.parents.iter_mut().for_each(|server| server.say(&set));
        }
    };
    check(parents(13 * 3600), &[]);
    check(parents(11 * 3600), &[("signature-expiring", High)]);
    // An old copy at one server alone.
    check(
        |view| view.servers[1].say(&zone().sign_during(soa(), -DAY_S, -60)),
        &[("signature-expired", High)],
    );
}

#[test]
fn fresh_signatures_need_not_last() {
    check(
        |view| {
            view.say(&zone().sign_during(soa(), -DAY_S, 3600));
            let again =
                |at: usize| zone().sign_during(soa(), 5 * i64::try_from(at).unwrap(), DAY_S);
            for server in &mut view.servers {
                for (at, probe) in server.probes.iter_mut().enumerate() {
                    probe.answer.as_mut().unwrap().authority[0] = again(at);
                }
            }
        },
        &[],
    );
}

/// A key set with another key in it; signatures of the algorithm of that key are there, too, if wanted.
fn with_key(view: &mut ZoneView, flags: u16, algorithm: u8, key: Vec<u8>) {
    let other = Dnskey { flags, protocol: 3, algorithm, key };
    for server in &mut view.servers {
        for answer in server.answers.values_mut() {
            for set in &mut answer.as_mut().unwrap().answer {
                let mut also = set.rrsigs[0].clone();
                (also.algorithm, also.key_tag) = (algorithm, other.tag());
                set.rrsigs.push(also);
            }
        }
        server.change(Rtype::DNSKEY, |message| {
            let owner = zone().zone;
            let rrset = Rrset::new(owner, Rtype::DNSKEY, 3600, &other.rdata()).unwrap();
            message.answer[0].rrset.add(rrset);
        });
    }
}

#[test]
fn algorithms_have_their_standing() {
    let with = |algorithm| move |view: &mut ZoneView| with_key(view, 256, algorithm, vec![7; 64]);
    for good in [13, 14, 15] {
        check(with(good), &[]);
    }
    for deprecated in [1, 3, 5, 6, 7, 12] {
        let findings = ZoneReport::of(&{
            let mut view = healthy();
            with(deprecated)(&mut view);
            view
        })
        .findings;
        assert!(findings.contains(&ZoneFinding::AlgorithmDeprecated { algorithm: deprecated }));
    }
    check(with(16), &[("algorithm-not-verified", Notice)]);
    check(with(99), &[("algorithm-unknown", Warning)]);
    let rsa = |octets: usize| [&[1, 3][..], &vec![0xff; octets]].concat();
    check(|view| with_key(view, 256, 10, rsa(256)), &[("algorithm-not-recommended", Notice)]);
    check(|view| with_key(view, 256, 8, rsa(256)), &[]);
    check(|view| with_key(view, 256, 8, rsa(255)), &[("rsa-small", Warning)]);
}

#[test]
fn each_algorithm_signs_everything() {
    check(
        |view| {
            with_key(view, 256, 13, vec![7; 64]);
            view.servers[1].change(Rtype::CAA, |message| drop(message.answer[0].rrsigs.pop()));
        },
        &[("algorithm-incomplete", Warning)],
    );
    // A key that is revoked signs nothing.
    check(
        |view| {
            with_key(view, 257 | 128, 13, vec![7; 64]);
            view.servers[1].change(Rtype::CAA, |message| drop(message.answer[0].rrsigs.pop()));
        },
        &[],
    );
}

#[test]
fn tags_are_told_apart() {
    // Octets at places of the same weight are swapped.
    let mut swapped = zone().key.key;
    swapped.swap(0, 2);
    check(|view| with_key(view, 257, 15, swapped), &[("key-tags-collide", Warning)]);
}

/// Other DS records at all servers of the parent, as they or beside what is there.
fn with_ds(view: &mut ZoneView, ds: &Ds, beside: bool) {
    for server in &mut view.parents {
        server.change(Rtype::DS, |message| {
            let other = Rrset::new(zone().zone, Rtype::DS, 3600, &ds.rdata()).unwrap();
            match beside {
                true => message.answer[0].rrset.add(other),
                false => message.answer[0].rrset = other,
            }
        });
    }
    // The walk has another one.
    for walked in view.walks.values_mut() {
        walked.steps.retain(|step| step.about.name != zone().zone);
    }
}

#[test]
fn digests_have_their_standing() {
    let sha1 = Ds::of(&zone().zone, &zone().key, 1).unwrap();
    check(|view| with_ds(view, &sha1, true), &[("digest-deprecated", Notice)]);
    check(|view| with_ds(view, &sha1, false), &[("digest-deprecated", Warning)]);
    let gost = Ds { digest_type: 3, ..sha1 };
    check(
        |view| with_ds(view, &gost, true),
        &[("digest-deprecated", Notice), ("ds-without-key", Notice)],
    );
    let sha384 = Ds::of(&zone().zone, &zone().key, 4).unwrap();
    check(|view| with_ds(view, &sha384, false), &[]);
}

#[test]
fn a_ds_record_names_a_key() {
    let ds = |algorithm| Ds { key_tag: 1, algorithm, digest_type: 2, digest: vec![7; 32] };
    check(|view| with_ds(view, &ds(15), true), &[("ds-without-key", Notice)]);
    check(|view| with_ds(view, &ds(13), true), &[("ds-without-key", Warning)]);
}

#[test]
fn the_chain_is_kept_for_some_time_but_not_long() {
    let ttl = |rtype, ttl_s| {
        move |view: &mut ZoneView| {
            for server in view.servers.iter_mut().chain(&mut view.parents) {
                if let Some(Ok(message)) = server.answers.get_mut(&rtype) {
                    let set = &mut message.answer[0].rrset;
                    *set = Rrset::new(set.owner().clone(), rtype, ttl_s, &set.rdatas()[0]).unwrap();
                }
            }
        }
    };
    for rtype in [Rtype::DS, Rtype::DNSKEY] {
        check(ttl(rtype, 86_400), &[]);
        check(ttl(rtype, 86_401), &[("ttl-long", Notice)]);
        check(ttl(rtype, 0), &[("ttl-zero", Warning)]);
    }
}

/// Denies with this NSEC3 record in the place of NSEC records.
fn with_nsec3(view: &mut ZoneView, parameters: &str) {
    let owner = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";
    let next = "2t7b4g4vsa5smi47k61mv5bv1a22bojr";
    let set = zone().sign(record(&format!("{owner} 300 NSEC3 1 {parameters} {next} NS SOA")));
    for server in &mut view.servers {
        for probe in &mut server.probes {
            probe.answer.as_mut().unwrap().authority[1] = set.clone();
        }
    }
}

#[test]
fn nsec3_has_no_parameters() {
    check(|view| with_nsec3(view, "0 0 -"), &[]);
    check(|view| with_nsec3(view, "0 1 -"), &[("nsec3-iterations", Warning)]);
    check(|view| with_nsec3(view, "0 0 aabb"), &[("nsec3-salt", Notice)]);
    check(|view| with_nsec3(view, "1 0 -"), &[("nsec3-opt-out", Warning)]);
    let mut view = healthy();
    with_nsec3(&mut view, "1 12 ab");
    let denial = Denial::Nsec3 { iterations: 12, salt: vec![0xab], opt_out: true };
    assert_eq!(ZoneReport::of(&view).denial, denial);
}

fn cds(ds: &Ds) -> SignedRrset {
    zone().sign(Rrset::new(zone().zone, Rtype::CDS, 3600, &ds.rdata()).unwrap())
}

fn cdnskey(key: &Dnskey) -> SignedRrset {
    zone().sign(Rrset::new(zone().zone, Rtype::CDNSKEY, 3600, &key.rdata()).unwrap())
}

#[test]
fn the_parent_is_asked_for_something() {
    let (stranger, key) = (Signer::new("a.example", 9).key, zone().key);
    let of = |key: &Dnskey, digest_type| Ds::of(&zone().zone, key, digest_type).unwrap();
    check(|view| view.say(&cds(&of(&key, 2))), &[]);
    check(|view| view.say(&cdnskey(&key)), &[]);
    check(|view| view.say(&cds(&of(&key, 4))), &[("cds-changes", Notice)]);
    check(|view| view.say(&cds(&of(&stranger, 2))), &[("cds-changes", Warning)]);
    check(|view| view.say(&cdnskey(&stranger)), &[("cds-changes", Warning)]);
    let both = |view: &mut ZoneView| {
        view.say(&cds(&of(&key, 2)));
        view.say(&cdnskey(&stranger));
    };
    check(both, &[("cds-disagree", Warning)]);
    check(
        |view| {
            let unsigned = SignedRrset { rrsigs: Vec::new(), ..cds(&of(&key, 2)) };
            view.say(&unsigned);
        },
        &[("signatures-missing", High), ("cds-not-by-named-key", Warning)],
    );
    check(
        |view| {
            let set = cds(&of(&key, 2)).rrset;
            view.say(&Signer::new("a.example", 9).sign(set));
        },
        &[("cds-not-by-named-key", Warning)],
    );
}

#[test] // RFC 8078 §4
fn signing_can_be_turned_off() {
    let delete = |view: &mut ZoneView| {
        view.say(&zone().sign(record("@ 3600 CDS 0 0 0 00")));
        view.say(&zone().sign(record("@ 3600 CDNSKEY 0 3 0 AA==")));
    };
    check(delete, &[("cds-delete", High)]);
    let mut view = healthy();
    delete(&mut view);
    assert_eq!(ZoneReport::of(&view).child_ds, ChildDs::Delete);
    check(
        |view| view.say(&zone().sign(record("@ 3600 CDNSKEY 0 3 0 AA=="))),
        &[("cds-delete", High)],
    );
    check(
        |view| {
            delete(view);
            view.say(&cdnskey(&zone().key));
        },
        &[("cds-delete", High), ("cds-disagree", Warning)],
    );
}

#[test]
fn servers_say_the_same() {
    check(
        |view| view.servers[1].say(&zone().sign(record("@ 3600 CAA 0 issue \"other.example\""))),
        &[("servers-disagree", High)],
    );
    check(
        |view| {
            let soa = record("@ 3600 SOA hidden.b.example. host 8 3600 600 86400 300");
            view.servers[1].say(&zone().sign(soa));
        },
        &[("servers-disagree", Notice)],
    );
    check(
        |view| view.servers[1].change(Rtype::CAA, |message| message.answer.clear()),
        &[("servers-disagree", High)],
    );
    check(
        |view| view.servers[1].say(&Signer::new("a.example", 9).keys()),
        &[("servers-disagree", High)],
    );
    check(
        |view| {
            view.servers[1].say(&zone().sign(record("@ 3600 NS ns1.one.example.")));
        },
        &[("servers-disagree", Warning)],
    );
    check(
        |view| {
            let ds = Ds { key_tag: 1, algorithm: 15, digest_type: 2, digest: vec![7; 32] };
            let set = Rrset::new(zone().zone, Rtype::DS, 3600, &ds.rdata()).unwrap();
            view.parents[1].say(&parent().sign(set));
        },
        &[("parent-servers-disagree", High), ("ds-without-key", Notice)],
    );
}

#[test]
fn the_odd_one_is_found_among_three() {
    let check = |count: usize, expected: &[usize]| {
        let mut view = healthy();
        let more = (2..count).map(|_| view.servers[0].clone()).collect::<Vec<_>>();
        view.servers.extend(more);
        view.servers[1].change(Rtype::CAA, |message| message.answer.clear());
        let report = ZoneReport::of(&view);
        let differs: Vec<_> = report.servers.iter().map(|server| server.differs.len()).collect();
        assert_eq!(differs[2..], *expected);
        let text = report.findings[0].to_string();
        assert!(
            text.contains("0 issue \"ca.example\" at ") && text.contains("no records at"),
            "{text}"
        );
    };
    check(3, &[0, 1, 0]);
    // Of two nobody can say which.
    check(2, &[1, 1]);
}

#[test]
fn parent_and_zone_name_the_same_servers() {
    check(
        |view| {
            for server in &mut view.parents {
                server.change(Rtype::NS, |message| {
                    message.authority[0].rrset = record("@ 3600 NS ns1.one.example.");
                });
            }
        },
        &[("ns-differ", Warning)],
    );
    // A server of both zones answers from below.
    check(
        |view| {
            for server in &mut view.parents {
                server.change(Rtype::NS, |message| message.flags.authoritative = true);
            }
        },
        &[],
    );
}

#[test]
fn what_was_not_seen_is_not_fine() {
    check(
        |view| {
            for answer in view.servers[1].answers.values_mut() {
                *answer = Err("it did not answer in time".to_owned());
            }
        },
        &[("no-answer", Warning)],
    );
    check(|view| drop(view.parents[1].answers.remove(&Rtype::NS)), &[("no-answer", Warning)]);
    check(
        |view| view.servers[1].change(Rtype::NS, |message| message.rcode = 5),
        &[("lame", Warning)],
    );
    check(
        |view| {
            view.servers[1].change(Rtype::NS, |message| message.flags.authoritative = false);
            view.parents[1].change(Rtype::DS, |message| message.flags.authoritative = false);
        },
        &[("lame", Warning), ("lame", Warning)],
    );
    check(
        |view| view.parents[1].change(Rtype::NS, |message| message.authority.clear()),
        &[("lame", Warning)],
    );
    check(|view| view.servers.clear(), &[("not-looked", Warning)]);
    check(|view| view.parents.clear(), &[("not-looked", Warning)]);
    check(
        |view| {
            let (what, why) = ("ns3.a.example".to_owned(), "it has no address".to_owned());
            view.unseen.push(Unseen { what, why });
        },
        &[("not-looked", Warning)],
    );
    let mut view = healthy();
    view.servers[1].change(Rtype::NS, |message| message.rcode = 5);
    let report = ZoneReport::of(&view);
    assert!(report.findings.iter().all(ZoneFinding::is_blindness));
    assert_eq!(report.servers[3].unanswered, [Rtype::NS]);
}

/// A resolver that says what the first server of the zone says, verified, but for one change.
fn resolver(view: &mut ZoneView, change: impl Fn(&mut Message)) {
    let mut answers = view.servers[0].answers.clone();
    for message in answers.values_mut().flatten() {
        message.flags.authentic = true;
        change(message);
    }
    view.upstream = Some(Upstream { resolver: "192.0.2.53:53".to_owned(), answers });
}

#[test]
fn a_resolver_is_compared_with_what_was_found() {
    check(|view| resolver(view, |_| {}), &[]);
    check(
        |view| resolver(view, |message| message.flags.authentic = false),
        &[("upstream-unverified", Notice)],
    );
    check(|view| resolver(view, |message| message.rcode = 2), &[("upstream-refuses", Warning)]);
    check(
        |view| resolver(view, |message| message.answer.clear()),
        &[("upstream-differs", Warning)],
    );
    check(
        |view| {
            resolver(view, |_| {});
            let upstream = view.upstream.as_mut().unwrap();
            upstream.answers.insert(Rtype::NS, Err("it did not answer in time".to_owned()));
        },
        &[("not-looked", Warning)],
    );
}

#[test]
fn all_servers_serve_signatures() {
    check(
        |view| view.servers[1].change(Rtype::CAA, |message| message.answer[0].rrsigs.clear()),
        &[("signatures-missing", High)],
    );
}

#[track_caller]
fn check_custody(change: impl FnOnce(&mut ZoneView), holder: Holder, seen: &str) {
    let mut view = healthy();
    change(&mut view);
    let custody = ZoneReport::of(&view).custody;
    assert!(custody.seen.iter().any(|line| line.contains(seen)), "{:#?}", custody.seen);
    assert_eq!(custody.holder, holder, "{:#?}", custody.seen);
}

/// Denies each fresh name at the first server with a record made from its text form, signed by this key.
fn deny(view: &mut ZoneView, signer: &Signer, make: impl Fn(&str) -> String) {
    for (probe, label) in view.servers[0].probes.iter_mut().zip(RANDOM) {
        let set = signer.sign(record(&make(label)));
        probe.answer.as_mut().unwrap().authority[1] = set;
    }
}

#[test]
fn what_was_made_for_the_question_was_signed_online() {
    let compact = |label: &str| format!("{label} 300 NSEC \\000.{label} RRSIG NSEC TYPE128");
    let online = Holder::ProvedOnline;
    check_custody(|view| deny(view, &zone(), compact), online, "compact denial (RFC 9824)");
    let black = |label: &str| format!("{label} 300 NSEC \\000.{label} RRSIG NSEC");
    check_custody(|view| deny(view, &zone(), black), online, "for each name that is asked for");
    let minimal =
        |label: &str| format!("{label}- 300 NSEC {label}0 RRSIG NSEC").replacen("6- ", "5~ ", 1);
    check_custody(|view| deny(view, &zone(), minimal), online, "(RFC 4470)");
    let narrow = |_: &str| {
        "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 300 NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3too A"
            .to_owned()
    };
    check_custody(|view| deny(view, &zone(), narrow), online, "(RFC 7129 app. B)");
    // Whoever has no key cannot make it look like that.
    let stranger = Signer::new("a.example", 9);
    check_custody(
        |view| {
            deny(view, &stranger, compact);
            view.servers[0].say(&stranger.keys());
        },
        Holder::Unknown,
        "of 4 answers about fresh names, 2 show",
    );
}

#[test]
fn a_record_of_a_wildcard_proves_no_key() {
    check_custody(
        |view| {
            let wildcard = zone().sign(record("* 300 NSEC www A RRSIG NSEC"));
            for (probe, label) in view.servers[0].probes.iter_mut().zip(RANDOM) {
                let rrset = record(&format!("{label} 300 NSEC www A RRSIG NSEC"));
                let set = SignedRrset { rrset, rrsigs: wildcard.rrsigs.clone() };
                probe.answer.as_mut().unwrap().authority[1] = set;
            }
        },
        Holder::Unknown,
        "of 4 answers about fresh names, 2 show",
    );
}

#[test]
fn a_signature_that_moves_was_made_online() {
    let moved = |by_s: i64, serial: u32| {
        move |view: &mut ZoneView| {
            let text = format!("@ 3600 SOA hidden.b.example. host {serial} 3600 600 86400 300");
            let again = zone().sign_during(record(&text), by_s - DAY_S, 9 * DAY_S + by_s);
            view.servers[0].probes[1].answer.as_mut().unwrap().authority[0] = again;
        }
    };
    check_custody(moved(5, 7), Holder::ProvedOnline, "signed the same SOA record anew");
    check_custody(moved(6, 7), Holder::ProvedOnline, "signed the same SOA record anew");
    // The zone was signed anew in between, or has changed.
    check_custody(moved(3600, 7), Holder::ConsistentWithKeyless, "a chain that was there before");
    check_custody(moved(5, 8), Holder::ConsistentWithKeyless, "a chain that was there before");
}

#[test]
fn copies_are_consistent_with_servers_without_keys() {
    let keyless = Holder::ConsistentWithKeyless;
    check_custody(|_| {}, keyless, "of different operators by their names");
    check_custody(
        |view| view.servers[1].name = name("ns7.one.example"),
        Holder::Unknown,
        "no two servers of different operators",
    );
    check_custody(
        |view| {
            let names = ["ns.one.co.uk", "ns.two.co.uk"];
            for (server, text) in view.servers.iter_mut().zip(names) {
                server.name = name(text);
            }
        },
        keyless,
        "of different operators by their names",
    );
    check_custody(
        |view| {
            let soa = record("@ 3600 SOA ns1.one.example. host 7 3600 600 86400 300");
            view.say(&zone().sign(soa));
        },
        Holder::Unknown,
        "which also serves it",
    );
    check_custody(
        |view| view.servers.iter_mut().for_each(|server| server.probes.clear()),
        Holder::Unknown,
        "no fresh name was asked for",
    );
    check_custody(
        |view| view.servers[1].probes[1].answer = Err("no answer".to_owned()),
        Holder::Unknown,
        "of 4 answers about fresh names, 3 show",
    );
    check_custody(
        |view| {
            view.walks.get_mut(&Rtype::DNSKEY).unwrap().security =
                Security::Insecure(countersign_dns::security::Insecure::NoDs { zone: zone().zone });
        },
        Holder::Unknown,
        "not proved",
    );
}
