//! What records stop and what they leave open, in sentences for people.

use std::collections::BTreeSet;

use countersign_caa::Name;

use super::authority::{Binding, MUST_FROM};
use super::{PlanWarning, PlannedRecord, Property, ReportTo, Side};
use crate::acme_account::renewal::Challenge;
use crate::plain::{NAME_CHARACTERS_MAX, bounded};

/// The longer of this and the TTL is how old a CA's look at the records may be (Baseline Requirements §3.2.2.8).
const LOOK_AGAIN_S: u32 = 8 * 3600;

/// Of a record that lets an account in: what it stops, what it leaves.
pub(super) fn permitting(
    side: &Side<'_>,
    property: Property,
    challenges: &BTreeSet<Challenge>,
    name: &Name,
) -> (Vec<String>, Vec<String>) {
    let ca = side.authority_name();
    let what = match property {
        Property::Issue => format!("a certificate for {name}"),
        Property::Issuewild => format!("a certificate for *.{name}"),
        Property::Iodef => unreachable!("reports let nobody in"),
    };
    let refuse = format!("CAs without a record here must refuse {what}.");
    let bound = match side.binding {
        Binding::Known => format!("{ca} gives {what} to this account alone."),
        Binding::Required => format!(
            "{ca} must give {what} to this account alone, as every public CA since {MUST_FROM}."
        ),
        // What is said of methods is in the same RFC, so that counts for nothing here either.
        Binding::Open => {
            let leaves = format!(
                "{ca} is not known to heed accounturi and validationmethods. Until {MUST_FROM}, when every public CA \
                 must, whoever passes any challenge there may get {what} with an account of his own."
            );
            return (vec![refuse], vec![leaves]);
        }
    };
    let mut stops = vec![
        refuse,
        format!(
            "{bound} Whoever diverts the traffic can pass a challenge and gets nothing, since he has no key of the \
             account."
        ),
    ];
    let key = format!(
        "Whoever has the key of this account, which lies on the host that orders, and passes a challenge gets {what}."
    );
    let at_host: Vec<_> =
        challenges.iter().filter(|one| !one.is_in_dns()).map(|one| one.as_str()).collect();
    let leaves = match (challenges.is_empty(), at_host.is_empty()) {
        (true, _) => format!("{key} Any way to validate will do, which --method narrows."),
        (false, true) => {
            stops.push(
                "What is served at the address proves nothing: only a record in the DNS counts, so even with a \
                 stolen key of the account, diverted traffic is not enough."
                    .to_owned(),
            );
            format!("{key} For that he must be able to change the zone.")
        }
        (false, false) => {
            format!(
                "{key} With {}, to divert the traffic is enough for that.",
                at_host.join(" or ")
            )
        }
    };
    (stops, vec![leaves])
}

/// The record that forbids wildcards (RFC 8659 §4.3).
pub(super) fn no_wildcards(name: &Name) -> PlannedRecord {
    PlannedRecord {
        property: Property::Issuewild,
        value: ";".to_owned(),
        permits: None,
        stops: vec![format!(
            "No CA gives anybody a certificate for *.{name}, which would be good for every host below it at once."
        )],
        leaves: vec![
            "Names below can still be certified one by one, as the records above say.".to_owned(),
        ],
    }
}

/// The record that says where reports go (RFC 8659 §4.4).
pub(super) fn reports(to: &ReportTo) -> PlannedRecord {
    PlannedRecord {
        property: Property::Iodef,
        value: to.as_str().to_owned(),
        permits: None,
        stops: Vec::new(),
        leaves: vec![
            "It stops nothing: a CA may report here what it refused, and few do. A watch over the logs tells of what \
             was issued."
                .to_owned(),
        ],
    }
}

/// What all records together leave open, and what they ask of the operator.
pub(super) fn together(name: &Name, ttl_s: u32, challenges: &BTreeSet<Challenge>) -> Vec<String> {
    let hours = ttl_s.max(LOOK_AGAIN_S).div_ceil(3600);
    let labels: Vec<_> = challenges.iter().map(|one| one.as_str()).collect();
    let own = (!labels.is_empty()).then(|| {
        format!("Your own renewals must be validated by {} from then on, too.", labels.join(" or "))
    });
    let all = [
        "Whoever else orders for these names, such as another host or a CDN, can no longer, unless his account is \
         among these. `countersign sightings` shows which certificates there are."
            .to_owned(),
        format!(
            "Without DNSSEC, whoever is on the way between a CA and the servers of the zone can answer in their place. \
             `countersign dnssec check {name}` says whether it is signed, and by whom."
        ),
        "Whoever can change the zone, its keys or its DS record can change these records: the DNS host, the \
         registrar, the registry."
            .to_owned(),
        format!(
            "They govern {name} and what is below it, but not a name below that has CAA records of its own, or that is \
             an alias (CNAME) to a name that has."
        ),
        format!("A CA may act on a look at the old records for {hours} hours after they change."),
        "A CA that is coerced, or breaks the rules, issues all the same. That is found in the logs, by `countersign \
         watch`."
            .to_owned(),
    ];
    own.into_iter().chain(all).collect()
}

impl PlanWarning {
    /// What it is.
    pub fn text(&self) -> String {
        match self {
            Self::RenewalForbidden { place, challenges } => {
                let ways: Vec<_> = challenges.iter().map(|one| one.as_str()).collect();
                format!(
                    "{} renews by {}, which these records forbid: the renewal will fail",
                    bounded(place, NAME_CHARACTERS_MAX),
                    ways.join(" or ")
                )
            }
            Self::WildcardForbidden { names } => {
                let names: Vec<_> =
                    names.iter().take(NAMES_SHOWN_MAX).map(String::as_str).collect();
                format!(
                    "there is a certificate for {}, which these records forbid: its renewal will fail",
                    bounded(&names.join(", "), NAME_CHARACTERS_MAX)
                )
            }
            Self::MethodNotOffered { authority } => {
                format!(
                    "{authority} is not known to offer any of the methods that these records permit"
                )
            }
            Self::IssuerUnknown { issuer } => {
                format!(
                    "no CA in the tables is known by the name {issuer}; a wrong name forbids every certificate"
                )
            }
        }
    }

    /// What to do.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::RenewalForbidden { .. } => {
                "change the program's way first, or permit the one that it uses with --method"
            }
            Self::WildcardForbidden { .. } => "add --wildcard, or stop using it",
            Self::MethodNotOffered { .. } => "look in its documentation which methods it offers",
            Self::IssuerUnknown { .. } => {
                "look in its practice statement, section 4.2, which names it recognizes in CAA records"
            }
        }
    }

    /// A word for programs that never changes.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RenewalForbidden { .. } => "renewal-forbidden",
            Self::WildcardForbidden { .. } => "wildcard-forbidden",
            Self::MethodNotOffered { .. } => "method-not-offered",
            Self::IssuerUnknown { .. } => "issuer-unknown",
        }
    }
}

/// How many names a sentence has.
const NAMES_SHOWN_MAX: usize = 3;
