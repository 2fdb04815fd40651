//! The kinds of disagreement that are known. `docs/dnssec-differences.md` explains each under its name.

use countersign_lab::dns::{Denial, OptOut};

use crate::case::{Case, Fault, Keys, Link, Question, parent_denial};
use crate::verdict::Verdict;

/// What our validator, Unbound and Hickory say of one case.
pub(crate) type Verdicts = [Verdict; 3];

/// A kind of disagreement.
pub(crate) struct Kind {
    /// Its name, as in the document.
    pub(crate) name: &'static str,
    /// Where it is decided.
    pub(crate) section: &'static str,
    /// Which cases can be of it.
    pub(crate) is_of: fn(&Case) -> bool,
    /// What is said of those that are. Each of them occurs.
    pub(crate) said: &'static [Verdicts],
}

const S: Verdict = Verdict::Secure;
const I: Verdict = Verdict::Insecure;
const B: Verdict = Verdict::Bogus;

/// A case is of the first kind that fits.
pub(crate) const KINDS: &[Kind] = &[
    Kind {
        name: "A digest with SHA-1 beside a better one",
        section: "RFC 4509 §3",
        is_of: |case| case.link == Link::Sha1BesideWrong,
        said: &[[B, S, S], [B, S, B], [B, I, S], [B, I, I], [B, I, B], [B, B, S]],
    },
    Kind {
        name: "RSASHA1",
        section: "RFC 9905 §2",
        is_of: |case| case.link == Link::RsaSha1,
        said: &[[I, B, B]],
    },
    Kind {
        name: "Ed448",
        section: "RFC 4035 §5.2",
        is_of: |case| case.link == Link::Ed448,
        said: &[[I, B, I], [I, B, B]],
    },
    Kind {
        name: "The response code",
        section: "RFC 4035 §5.4",
        is_of: |case| {
            use Fault::{OfDelegation, OfExisting, OfMissing, OtherCode};
            [OtherCode, OfExisting, OfMissing, OfDelegation].contains(&case.fault)
        },
        said: &[[S, B, S], [S, B, B], [S, I, S], [S, S, B]],
    },
    Kind {
        name: "Clocks that differ",
        section: "RFC 4035 §5.3.1",
        is_of: |case| case.fault == Fault::JustExpired,
        said: &[[B, S, B], [B, I, B]],
    },
    Kind {
        name: "A revoked key",
        section: "RFC 5011 §2.1",
        is_of: |case| case.fault == Fault::KeyRevoked,
        said: &[[B, S, B], [B, I, B], [B, S, S]],
    },
    Kind {
        name: "A denial made from a wildcard",
        section: "RFC 4035 §5.4",
        is_of: |case| case.fault == Fault::LabelsFewer,
        said: &[[B, S, B], [B, I, B]],
    },
    Kind {
        name: "More signatures than are tried",
        section: "RFC 4035 §5.4",
        is_of: |case| case.fault == Fault::ManyFalseOnesInFront,
        said: &[[S, B, B], [I, B, B], [B, B, S]],
    },
    Kind {
        name: "Several aliases at one name",
        section: "RFC 2181 §10.1",
        is_of: |case| case.fault == Fault::RecordAdded && case.question.is_alias(),
        said: &[[B, S, B], [B, I, B]],
    },
    Kind {
        name: "A CNAME that the DNAME does not make",
        section: "RFC 6672 §5.3.1",
        is_of: |case| {
            [Fault::RecordAdded, Fault::RecordSwapped].contains(&case.fault)
                && case.question == Question::DnameAcross
        },
        said: &[[B, S, S]],
    },
    Kind {
        name: "A delegation that is said to be an alias",
        section: "RFC 6840 §4.3",
        is_of: |case| case.fault == Fault::BitmapSaysCname && case.question.is_below_unsigned_cut(),
        said: &[[B, I, B]],
    },
    Kind {
        name: "Keys that do not sign themselves",
        section: "RFC 4035 §5.2",
        is_of: |case| {
            use Fault::{
                ExpiredKeys, FlippedKeys, KeysSignedByOther, NotYetValidKeys, UnsignedKeys,
            };
            let of_zone =
                [UnsignedKeys, FlippedKeys, ExpiredKeys, NotYetValidKeys, KeysSignedByOther];
            let on_the_way = case.fault == Fault::AnswerStripped;
            let is_unsigned = of_zone.contains(&case.fault)
                || on_the_way && case.question == Question::ApexDnskey;
            // All of them are named by the parent.
            is_unsigned && case.keys != Keys::Split
        },
        said: &[[B, B, S], [B, B, I]],
    },
    Kind {
        name: "Records that the answer does not need",
        section: "RFC 4035 §3.2.3",
        is_of: |case| case.fault == Fault::BothKindsOfProof && case.question.is_of_ds(),
        said: &[[S, B, B], [I, B, I]],
    },
    Kind {
        name: "Both kinds of proofs",
        section: "RFC 5155 §10.4",
        is_of: |case| case.fault == Fault::BothKindsOfProof,
        said: &[[S, S, B], [I, I, B]],
    },
    Kind {
        name: "The NSEC record of the wildcard itself",
        section: "RFC 4035 §5.3.4",
        is_of: |case| {
            let is_nsec = case.denial == Denial::Nsec || case.fault == Fault::OtherKindOfProof;
            is_nsec && [Question::Wildcard, Question::WildcardAlias].contains(&case.question)
        },
        said: &[[S, S, B]],
    },
    Kind {
        name: "Opt-out",
        section: "RFC 5155 §9.2",
        is_of: |case| opts_out(&case.denial) || opts_out(&parent_denial(case.batch())),
        said: &[[I, I, S]],
    },
    Kind {
        name: "Many iterations",
        section: "RFC 9276 §3.2",
        is_of: |case| iterations(&case.denial) > 50,
        said: &[
            [I, S, S],
            [I, S, I],
            [I, S, B],
            [I, I, B],
            [I, B, I],
            [I, B, B],
            [B, I, B],
            [B, I, I],
            [B, B, I],
        ],
    },
    Kind {
        name: "A digest with SHA-1",
        section: "RFC 9905 §2",
        is_of: |case| case.link == Link::Sha1,
        said: &[[I, S, S], [I, S, B], [I, B, S], [I, B, B]],
    },
    Kind {
        name: "An alias to nothing",
        section: "RFC 2308 §2.1",
        is_of: |case| [Question::AliasToNoName, Question::AliasToNoData].contains(&case.question),
        said: &[[S, S, B], [I, I, B]],
    },
    Kind {
        name: "An incomplete denial with opt-out",
        section: "RFC 5155 §8.6",
        is_of: |case| {
            use Fault::{
                AnswerEmptied, AnswerStripped, BitmapSaysMore, FirstProofDropped, LastProofDropped,
                OfDelegation, OfExisting, OfMissing, OtherCode, ProofsOfParent,
            };
            let of_zone = case.fault == BitmapSaysMore;
            let on_the_way = [
                AnswerEmptied,
                AnswerStripped,
                FirstProofDropped,
                LastProofDropped,
                OfDelegation,
                OfExisting,
                OfMissing,
                OtherCode,
                ProofsOfParent,
            ];
            opts_out(&case.denial) && (of_zone || on_the_way.contains(&case.fault))
        },
        said: &[[I, B, B], [I, I, B], [B, B, S]],
    },
    Kind {
        name: "What looks signed in an unsigned zone",
        section: "RFC 4035 §4.3",
        is_of: |case| {
            use Link::{Island, UnknownAlgorithm, UnknownDigest, Unsigned};
            [Island, Unsigned, UnknownAlgorithm, UnknownDigest].contains(&case.link)
                || case.question.is_below_unsigned_cut()
        },
        said: &[[I, I, B]],
    },
];

fn opts_out(denial: &Denial) -> bool {
    matches!(denial, Denial::Nsec3 { opt_out: OptOut::Yes, .. })
}

fn iterations(denial: &Denial) -> u16 {
    match denial {
        Denial::Nsec => 0,
        Denial::Nsec3 { iterations, .. } => *iterations,
    }
}
