//! Findings about CAA in words.

use std::borrow::Cow;
use std::fmt;

use super::{CHARACTERS_MAX, CaaFinding};
use crate::plain::bounded;
use crate::severity::Severity;

/// What is said of each finding of a kind.
pub(super) struct Words {
    pub(super) kind: &'static str,
    pub(super) severity: Severity,
    pub(super) attack: &'static str,
    pub(super) fix: &'static str,
}

/// The finding in one sentence.
pub(super) fn sentence(finding: &CaaFinding, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    use CaaFinding as Of;
    match finding {
        Of::NotLooked { what, why } => {
            write!(f, "could not look at {}: {}", short(what), short(why))
        }
        Of::Bogus { what, why } => write!(f, "validators refuse {}: {}", short(what), short(why)),
        Of::Open => {
            f.write_str("nothing restricts who may issue: every CA may, to whoever seems to be you")
        }
        Of::OpenAsSeen => f.write_str(
            "nothing that is in this file restricts who may issue; records that are not in it may",
        ),
        Of::Shielded { at, above } => write!(
            f,
            "the records at {} do not say who may issue, and hide those at {} that do",
            short(at),
            short(above)
        ),
        Of::Unsigned { name, why } => {
            write!(
                f,
                "CAA of {} is not signed, so whoever is on the way writes it: {}",
                short(name),
                short(why)
            )
        }
        Of::InsecureDelegation { zone, signed } => write!(
            f,
            "{} is delegated without DS records by {}, which is signed",
            short(zone),
            short(signed)
        ),
        Of::InsecureAlias { name, target } => write!(
            f,
            "{} is signed and leads to {}, which is not: what stands there counts as its CAA",
            short(name),
            short(target)
        ),
        Of::AliasNotSeen { name, target } => write!(
            f,
            "{} leads to {} outside of this file; what stands there counts as its CAA, signed or not",
            short(name),
            short(target)
        ),
        Of::UnsignedCut { zone } => write!(
            f,
            "{} is delegated without DS records, so what is in it cannot be validated",
            short(zone)
        ),
        Of::OptOut { why } => write!(f, "unsigned delegations can be invented: {}", short(why)),
        Of::WildcardNode { name } => {
            write!(
                f,
                "every name below {} exists, since there is a wildcard in the DNS",
                short(name)
            )
        }
        Of::WildcardRecords { name } => write!(
            f,
            "names below {} that nobody made have CAA records of their own, out of a wildcard, and not its",
            short(name)
        ),
        Of::TooMany { at, records, octets } => write!(
            f,
            "{} has {records} CAA records of {octets} octets, which are not looked at",
            short(at)
        ),
        Of::Malformed { at, value, why } => {
            write!(
                f,
                "{:?} at {} does not follow the grammar, so it permits nobody: {why}",
                short(value),
                short(at)
            )
        }
        Of::Unreadable { at } => {
            write!(f, "a record at {} has a tag that cannot be read", short(at))
        }
        Of::UnknownParameter { value, tag, meant: Some(meant) } => {
            write!(
                f,
                "no CA knows the parameter {:?} in {:?}; {meant} may be meant",
                short(tag),
                short(value)
            )
        }
        Of::UnknownParameter { value, tag, meant: None } => {
            write!(f, "no CA has to know the parameter {:?} in {:?}", short(tag), short(value))
        }
        Of::ParameterCase { value, tag } => {
            write!(
                f,
                "some CAs do not see the parameter {:?} in {:?}, since it has capitals",
                short(tag),
                short(value)
            )
        }
        Of::WildcardsLaxer { value } => {
            write!(
                f,
                "wildcards may be issued under {:?}, which demands less than the records for names",
                short(value)
            )
        }
        Of::WildcardsUnsaid => {
            f.write_str("without issuewild, whoever may issue for the name may issue wildcards")
        }
        Of::WildcardsUnreachable { value } => write!(
            f,
            "{:?} permits wildcards, and none of its methods can validate one",
            short(value)
        ),
        Of::ForeignAccount { uri } => write!(f, "the account {} is none of yours", short(uri)),
        Of::EndedAccount { uri } => {
            write!(f, "the account {} was yours and has ended", short(uri))
        }
        Of::StagingAccount { uri } => write!(f, "the account {} is one for tests", short(uri)),
        Of::OtherIssuerAccount { issuer, uri } => {
            write!(f, "{} has no accounts such as {}", short(issuer), short(uri))
        }
        Of::NeverMet { value, why } => write!(f, "{:?} permits nobody: {why}", short(value)),
        Of::Unbound { issuer } => write!(f, "{} may issue to any of its accounts", short(issuer)),
        Of::AnyMethod { issuer } => {
            write!(f, "the account at {} may be validated by any method", short(issuer))
        }
        Of::Unconfirmed { issuer } => write!(
            f,
            "{} is not known to heed accounturi and validationmethods, and need not before 2027-03-15",
            short(issuer)
        ),
        Of::UnknownIssuer { issuer } => {
            write!(f, "no CA that is known here goes by the name {}", short(issuer))
        }
        Of::CriticalIssue { value } => write!(
            f,
            "the flag 128 on {:?} does not make its parameters binding: every CA knows the property itself",
            short(value)
        ),
        Of::CriticalUnknown { tag } => {
            write!(
                f,
                "the property {:?} is critical, and CAs that do not know it issue nothing",
                short(tag)
            )
        }
        Of::ChallengeElsewhere { label, to, .. } => {
            write!(
                f,
                "{} answers for {}, so it can show control of the name",
                short(to),
                short(label)
            )
        }
        Of::Standing { at, account, is_wide, ends } => write!(
            f,
            "by a record below {} the account {} can have certificates{} without showing control again{}",
            short(at),
            short(account),
            if *is_wide { ", for wildcards and all names below too," } else { "" },
            if *ends { "" } else { ", with no end" }
        ),
        Of::StandingMalformed { value } => {
            write!(
                f,
                "the standing permission {:?} cannot be read, and permits nobody",
                short(value)
            )
        }
        Of::Contact { tag } => {
            write!(f, "{} says by whom control can be shown without the DNS", short(tag))
        }
        Of::SlowToChange { ttl_s } => {
            write!(f, "the records may be kept for {} hours", ttl_s / 3600)
        }
    }
}

/// The word, the weight, the attack and the way out.
pub(super) fn words(finding: &CaaFinding) -> Words {
    use CaaFinding as Of;
    use Severity::{Critical, High, Notice, Warning};
    let (kind, severity, attack, fix) = match finding {
        Of::NotLooked { .. } => (
            "not-looked",
            Warning,
            "what could not be seen can be anything",
            "look again; if it stays so, find out which server does not answer",
        ),
        Of::Bogus { .. } => (
            "bogus",
            High,
            "somebody may be answering in the place of your servers; CAs refuse to issue, to you as well",
            "run `countersign dnssec check`, and repair the chain",
        ),
        Of::Open => (
            "open",
            Critical,
            "who diverts the traffic to this name for a minute, as at jabber.ru in 2023, has a certificate from any CA",
            "run `countersign caa plan`: name your CA, your account and your method",
        ),
        Of::OpenAsSeen => (
            "open-as-seen",
            Warning,
            "if nothing above or behind the alias restricts it either, who diverts the traffic to this name for a \
             minute has a certificate from any CA",
            "look with `countersign caa lint NAME` once it is served, or restrict it here: `countersign caa plan`",
        ),
        Of::Shielded { .. } => (
            "shielded",
            Critical,
            "as if there were no records at all: the climb ends at the first ones, whatever they say",
            "repeat the issue records here, or take these away",
        ),
        Of::Unsigned { .. } => (
            "unsigned",
            High,
            "who diverts the traffic diverts the questions for CAA too, and takes the records out of the answers",
            "sign the zone, with keys that your DNS host does not hold (docs/dnssec-keys.md)",
        ),
        Of::InsecureDelegation { .. } => (
            "insecure-delegation",
            High,
            "below the cut nothing is signed, so answers for this name can be forged although the zone above is signed",
            "sign that zone and enter its DS records, or keep the name in the zone above",
        ),
        Of::InsecureAlias { .. } => (
            "insecure-alias",
            High,
            "who is on the way to the target's servers writes the CAA records of this name, and your own do not count",
            "use address records in the place of the alias, or have the target's zone signed, with the same CAA records",
        ),
        Of::AliasNotSeen { .. } => (
            "alias-not-seen",
            Warning,
            "if the target's zone is not signed, its answers can be forged; if it has records, they count and not yours",
            "use address records in the place of the alias, or look with `countersign caa lint NAME` once it is served",
        ),
        Of::UnsignedCut { .. } => (
            "unsigned-cut",
            Warning,
            "who is on the way to the servers of that zone writes its records, for CAA too, although this zone is signed",
            "enter the DS records of that zone, or keep its names in this one",
        ),
        Of::OptOut { .. } => (
            "opt-out",
            Warning,
            "names below that do not exist can be made to look delegated without signatures, and get certificates",
            "turn opt-out off (RFC 9276 §3.1: NSEC3 parameters 1 0 0 -)",
        ),
        Of::WildcardNode { .. } => (
            "wildcard-node",
            Notice,
            "names that you never made can be validated, and the wildcard's own CAA records, if it has any, count for \
             them",
            "make only the names that you need",
        ),
        Of::WildcardRecords { .. } => (
            "wildcard-records",
            Warning,
            "for names that nobody made the climb ends at the wildcard: what it permits, anybody can have for them",
            "take the CAA records at the wildcard away, or make them those of the name",
        ),
        Of::TooMany { .. } => (
            "too-many-records",
            Warning,
            "what nobody looks at can hide a permission; CAs may refuse to issue, to you as well",
            "keep only the records of CAs and accounts that you use",
        ),
        Of::Malformed { .. } => (
            "malformed",
            Warning,
            "one CA refuses what another reads leniently: your renewal can fail, or the binding can be lost",
            "write it again, by `countersign caa plan`",
        ),
        Of::Unreadable { .. } => (
            "unreadable",
            Warning,
            "strict CAs issue nothing, others pass over the record",
            "write the record again",
        ),
        Of::UnknownParameter { meant: Some(_), .. } => (
            "unknown-parameter",
            High,
            "a parameter that is not known binds nobody: any account, any method",
            "correct its name",
        ),
        Of::UnknownParameter { meant: None, .. } => (
            "unknown-parameter",
            Notice,
            "it binds only the CA that has defined it",
            "keep it only if your CA's practice statement defines it",
        ),
        Of::ParameterCase { .. } => (
            "parameter-case",
            Warning,
            "a CA that compares letter by letter does not see the parameter, and lets any account pass",
            "write it in small letters",
        ),
        Of::WildcardsLaxer { .. } => (
            "wildcards-laxer",
            High,
            "a wildcard certificate does everything that one for the name does, and is easier to get",
            "give issuewild the same account and method, or the value \";\"",
        ),
        Of::WildcardsUnsaid => (
            "wildcards-unsaid",
            Notice,
            "who takes over the account can have a wildcard for all names below, too",
            "add issuewild \";\" if you use no wildcards",
        ),
        Of::WildcardsUnreachable { .. } => (
            "wildcards-unreachable",
            Warning,
            "none; but your wildcard cannot be renewed: only methods by DNS validate one",
            "permit dns-01, and use it",
        ),
        Of::ForeignAccount { .. } => (
            "foreign-account",
            High,
            "whoever has that account can have certificates, and yours cannot if it stands alone",
            "take it out unless you know whose it is; `countersign caa plan` knows your own",
        ),
        Of::EndedAccount { .. } => (
            "ended-account",
            High,
            "none; but nothing is issued to it any more, so your renewal fails",
            "register a new account and put it there: `countersign caa plan` writes it",
        ),
        Of::StagingAccount { .. } => (
            "staging-account",
            High,
            "none; but no certificate that anybody trusts can be had with it",
            "put the account of the real directory there",
        ),
        Of::OtherIssuerAccount { .. } => (
            "other-issuer-account",
            High,
            "none; but nobody can meet this record, so your renewal fails",
            "put the account there that you have at this CA",
        ),
        Of::NeverMet { .. } => (
            "never-met",
            High,
            "none; but nobody can meet this record, so your renewal fails",
            "write each parameter once, with one value",
        ),
        Of::Unbound { .. } => (
            "unbound",
            High,
            "an attacker needs an account at the same CA, which costs nothing, and a minute of your traffic: this would \
             not have stopped the attack of 2023",
            "add accounturi with the URL of your account; `countersign caa plan` writes it",
        ),
        Of::AnyMethod { .. } => (
            "any-method",
            Notice,
            "who steals the key of your account needs only your traffic, not your zone",
            "add validationmethods=dns-01 if you can validate by DNS",
        ),
        Of::Unconfirmed { .. } => (
            "unconfirmed",
            Warning,
            "a CA that ignores the parameters issues to any of its accounts",
            "name a CA that is known to heed them, or ask this one",
        ),
        Of::UnknownIssuer { .. } => (
            "unknown-issuer",
            Notice,
            "none if it is a slip: no CA takes it for its name",
            "compare it with your CA's practice statement, or load the CCADB's list: `countersign caa import`",
        ),
        Of::CriticalIssue { .. } => (
            "critical-issue",
            Notice,
            "a CA that ignores parameters ignores them with the flag as well",
            "use the flag 0, and rely on CAs that are known to heed the parameters",
        ),
        Of::CriticalUnknown { .. } => (
            "critical-unknown",
            Warning,
            "none; but CAs that do not know the property refuse you too",
            "keep it only if your CA knows it",
        ),
        Of::ChallengeElsewhere { is_bound: true, .. } => (
            "challenge-elsewhere",
            Notice,
            "who runs that can validate the name, but has no use for it without your account",
            "keep it only if you trust whoever runs it, and watch it",
        ),
        Of::ChallengeElsewhere { is_bound: false, .. } => (
            "challenge-elsewhere",
            High,
            "who runs that, or takes it over, can have certificates for the name with an account of their own",
            "bind issue to your account, or take it back into your zone",
        ),
        Of::Standing { is_wide: true, .. } | Of::Standing { ends: false, .. } => (
            "standing-permission",
            Warning,
            "who steals the key of that account has certificates for as long as the record stands, with no trace in \
             the DNS",
            "give it a persistUntil, leave policy=wildcard out, and watch the record",
        ),
        Of::Standing { .. } => (
            "standing-permission",
            Notice,
            "who steals the key of that account has certificates until it ends",
            "watch the record",
        ),
        Of::StandingMalformed { .. } => (
            "standing-malformed",
            Warning,
            "none; but it does nothing",
            "write it again: issuer; accounturi=URL; persistUntil=SECONDS",
        ),
        Of::Contact { .. } => (
            "contact",
            Notice,
            "who reads that mailbox or answers that telephone can show control, until these methods end in 2027 and 2028",
            "take it out if you do not use it; validationmethods closes it as well",
        ),
        Of::SlowToChange { .. } => (
            "slow-to-change",
            Notice,
            "after you have taken a permission away, it can be used for as long, and what was validated for up to 200 \
             days",
            "use an hour",
        ),
    };
    Words { kind, severity, attack, fix }
}

/// Foreign text, harmless and not too long for a sentence.
fn short(text: &str) -> Cow<'_, str> {
    bounded(text, CHARACTERS_MAX)
}
