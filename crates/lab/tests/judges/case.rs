//! Cases: a zone, what its parent says of it, a question, and what is wrong with the answer. The same number is always
//! the same case.

use countersign_dns::{Name, Query};
use countersign_lab::dns::{Algorithm, Denial, OptOut};

use crate::chance::Chance;

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) number: u32,
    pub(crate) algorithm: Algorithm,
    pub(crate) keys: Keys,
    pub(crate) denial: Denial,
    pub(crate) link: Link,
    pub(crate) question: Question,
    pub(crate) fault: Fault,
    /// So many more names are in the zone.
    pub(crate) others: usize,
}

/// An enum that lists what there is in it.
macro_rules! listed {
    ($(#[$about:meta])* $name:ident { $($(#[$entry_about:meta])* $entry:ident,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(crate) enum $name { $($(#[$entry_about])* $entry,)* }

        impl $name {
            pub(crate) const ALL: &[Self] = &[$(Self::$entry,)*];
        }
    };
}

/// The keys of the zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// One signs the keys, another the rest.
    Split,
    /// One signs all.
    Single,
    /// Two algorithms, each with one key that signs all; the parent names both.
    Double,
}

listed! {
    /// What the parent says of the zone.
    Link {
        /// The right DS record, with SHA-256.
        Sha256,
        /// The same with SHA-384.
        Sha384,
        /// Both.
        BothDigests,
        /// The right one, and one that names a key that nobody has.
        BesideStranger,
        /// The right one, and one of an algorithm that nobody knows.
        BesideUnknown,
        /// The right one with SHA-1 only.
        Sha1,
        /// The right one with SHA-1, and with SHA-256.
        BesideSha1,
        /// The right one with SHA-1, and a wrong one with SHA-256.
        Sha1BesideWrong,
        /// One that names a key that nobody has.
        Stranger,
        /// The right key tag and algorithm, and another digest.
        WrongDigest,
        /// One of an algorithm that nobody knows.
        UnknownAlgorithm,
        /// One of Ed448.
        Ed448,
        /// One of RSASHA1.
        RsaSha1,
        /// The right key, with a digest type that nobody knows.
        UnknownDigest,
        /// None, and the zone is signed.
        Island,
        /// None, and the zone is not signed.
        Unsigned,
    }
}

listed! {
    /// What is asked for.
    Question {
        Address,
        Caa,
        ApexSoa,
        ApexNs,
        ApexDnskey,
        ApexDs,
        NoData,
        NoDataAtApex,
        NoName,
        NoNameDeep,
        Empty,
        Wildcard,
        WildcardDeep,
        WildcardItself,
        WildcardNoData,
        WildcardAlias,
        Alias,
        AliasItself,
        AliasChain,
        AliasToNoName,
        AliasToNoData,
        AliasAcross,
        AliasToUnsigned,
        Dname,
        DnameAcross,
        DnameItself,
        BelowUnsignedCut,
        NoNameBelowUnsignedCut,
        DsOfUnsignedCut,
        DsOfName,
        DsOfNoName,
        BelowSignedCut,
        NoNameBelowSignedCut,
        DsOfSignedCut,
    }
}

listed! {
    /// What is wrong.
    Fault {
        /// Nothing.
        None,
        // Of the zone. Its signer has made it so, or whoever has its keys.
        Expired,
        ExpiredKeys,
        JustExpired,
        NotYetValid,
        NotYetValidKeys,
        SignerAbove,
        SignerBelow,
        LabelsFewer,
        LabelsMore,
        OtherTag,
        OtherAlgorithm,
        ShorterTtl,
        BitmapSaysMore,
        BitmapSaysCname,
        KeysSignedByOther,
        KeyWithoutZoneFlag,
        KeyRevoked,
        KeyOfOtherProtocol,
        // Of its host, who has no keys.
        Unsigned,
        UnsignedKeys,
        Flipped,
        FlippedKeys,
        FalseOnesInFront,
        ManyFalseOnesInFront,
        KeysGone,
        KeysOfOther,
        AllOfOther,
        // Of the answer to the question, on the way.
        AnswerStripped,
        ProofsStripped,
        FirstProofDropped,
        LastProofDropped,
        OtherCode,
        RecordDropped,
        RecordSwapped,
        RecordAdded,
        AnswerEmptied,
        OfExisting,
        OfMissing,
        OfDelegation,
        OtherKindOfProof,
        BothKindsOfProof,
        ProofsOfParent,
        UnsignedBeside,
        UnsignedAlong,
        // Of what the parent says, on the way.
        DsStripped,
        DsFlipped,
        DsProofsStripped,
        DsOfUnsigned,
        DsOfMissing,
    }
}

impl Case {
    /// The case of this number.
    pub(crate) fn of(number: u32) -> Self {
        use Algorithm::{EcdsaP256Sha256, EcdsaP384Sha384, Ed25519, RsaSha256};
        let mut chance = Chance::of(number);
        // As seldom as it takes long to sign with.
        let algorithms = [(8, EcdsaP256Sha256), (8, Ed25519), (1, RsaSha256), (2, EcdsaP384Sha384)];
        let mut case = Self {
            number,
            algorithm: chance.weighed(&algorithms),
            keys: chance.weighed(&[(4, Keys::Split), (3, Keys::Single), (1, Keys::Double)]),
            denial: denial(&mut chance),
            link: Link::Sha256,
            question: chance.one_of(Question::ALL),
            fault: Fault::None,
            others: chance.below(3),
        };
        // Two things that are odd at once say little of either.
        match chance.below(20) {
            0..=3 => {}
            4..=7 => case.link = chance.one_of(Link::ALL),
            8..=17 => case.fault = chance.one_of(Fault::ALL),
            _ => {
                case.link = chance.one_of(Link::ALL);
                case.fault = chance.one_of(Fault::ALL);
            }
        }
        case
    }

    /// Cases with the same parent.
    pub(crate) fn batch(&self) -> u32 {
        self.number / BATCH
    }

    /// The name of the zone.
    pub(crate) fn apex(&self) -> Name {
        let label = format!("c{:05}", self.number);
        parent(self.batch()).child(label.as_bytes()).expect("it is short")
    }

    /// A name in it.
    pub(crate) fn name(&self, relative: &str) -> Name {
        format!("{relative}.{}", self.apex()).parse().expect("it is a name")
    }

    /// The apexes of the zones that only this case has.
    pub(crate) fn apexes(&self) -> Vec<Name> {
        let below = self.question.child().map(|child| self.name(child));
        [self.apex()].into_iter().chain(below).collect()
    }

    /// What is asked.
    pub(crate) fn query(&self) -> Query {
        let (relative, rtype) = self.question.asks();
        let name = if relative == "@" { self.apex() } else { self.name(relative) };
        Query { name, rtype: rtype.parse().expect("it is a type") }
    }
}

impl Question {
    /// A name below the apex, and a type.
    fn asks(self) -> (&'static str, &'static str) {
        match self {
            Self::Address => ("www", "A"),
            Self::Caa => ("www", "CAA"),
            Self::ApexSoa => ("@", "SOA"),
            Self::ApexNs => ("@", "NS"),
            Self::ApexDnskey => ("@", "DNSKEY"),
            Self::ApexDs => ("@", "DS"),
            Self::NoData => ("www", "TLSA"),
            Self::NoDataAtApex => ("@", "CAA"),
            Self::NoName => ("nowhere", "A"),
            Self::NoNameDeep => ("a.b.c.nowhere", "A"),
            Self::Empty => ("b.empty", "A"),
            Self::Wildcard => ("some.wild", "TXT"),
            Self::WildcardDeep => ("a.b.some.wild", "TXT"),
            Self::WildcardItself => ("*.wild", "TXT"),
            Self::WildcardNoData => ("some.wild", "A"),
            Self::WildcardAlias => ("some.wild", "A"),
            Self::Alias | Self::AliasChain => ("alias", "A"),
            Self::AliasToNoName | Self::AliasToNoData => ("alias", "A"),
            Self::AliasAcross | Self::AliasToUnsigned => ("alias", "A"),
            Self::AliasItself => ("alias", "CNAME"),
            Self::Dname => ("leaf.tree", "A"),
            Self::DnameAcross => ("www.tree", "A"),
            Self::DnameItself => ("tree", "DNAME"),
            Self::BelowUnsignedCut | Self::BelowSignedCut => ("www.cut", "A"),
            Self::NoNameBelowUnsignedCut | Self::NoNameBelowSignedCut => ("nowhere.cut", "A"),
            Self::DsOfUnsignedCut | Self::DsOfSignedCut => ("cut", "DS"),
            Self::DsOfName => ("www", "DS"),
            Self::DsOfNoName => ("nowhere", "DS"),
        }
    }

    /// What the zone has for it, where `{parent}` stands for the name of the parent.
    pub(crate) fn records(self) -> &'static str {
        match self {
            Self::Address
            | Self::ApexSoa
            | Self::ApexNs
            | Self::ApexDnskey
            | Self::ApexDs
            | Self::NoData
            | Self::NoDataAtApex
            | Self::NoName
            | Self::NoNameDeep
            | Self::DsOfName
            | Self::DsOfNoName => "",
            Self::Caa => {
                "www CAA 0 issue \"ca.example; accounturi=https://ca.example/1\"\n\
                 www CAA 0 issue \"other.example\""
            }
            Self::Empty => "a.b.empty TXT below",
            Self::Wildcard | Self::WildcardDeep | Self::WildcardItself | Self::WildcardNoData => {
                "*.wild TXT any\n*.wild TXT other"
            }
            Self::WildcardAlias => "*.wild CNAME www",
            Self::Alias | Self::AliasItself => "alias CNAME www",
            Self::AliasChain => "alias CNAME alias2\nalias2 CNAME alias3\nalias3 CNAME www",
            Self::AliasToNoName => "alias CNAME nowhere",
            Self::AliasToNoData => "alias CNAME text\ntext TXT only",
            Self::AliasAcross => "alias CNAME www.good.{parent}",
            Self::AliasToUnsigned => "alias CNAME www.plain.{parent}",
            Self::Dname => "tree DNAME sub\nleaf.sub A 192.0.2.4",
            Self::DnameAcross | Self::DnameItself => "tree DNAME good.{parent}",
            Self::BelowUnsignedCut
            | Self::NoNameBelowUnsignedCut
            | Self::DsOfUnsignedCut
            | Self::BelowSignedCut
            | Self::NoNameBelowSignedCut
            | Self::DsOfSignedCut => "cut NS ns.cut\nns.cut A 192.0.2.5",
        }
    }

    /// A zone below it.
    fn child(self) -> Option<&'static str> {
        self.records().starts_with("cut ").then_some("cut")
    }

    /// Whether it is answered with an alias.
    pub(crate) fn is_alias(self) -> bool {
        self.records().contains(" CNAME ")
    }

    /// Whether it is about an unsigned zone below that of the case.
    pub(crate) fn is_below_unsigned_cut(self) -> bool {
        matches!(self, Self::BelowUnsignedCut | Self::NoNameBelowUnsignedCut)
    }

    /// Whether it is for DS records.
    pub(crate) fn is_of_ds(self) -> bool {
        self.asks().1 == "DS"
    }

    /// Whether the zone below it is signed.
    pub(crate) fn has_signed_child(self) -> bool {
        matches!(self, Self::BelowSignedCut | Self::NoNameBelowSignedCut | Self::DsOfSignedCut)
    }
}

/// How the zone denies.
fn denial(chance: &mut Chance) -> Denial {
    let nsec3 = |iterations, salt: &[u8], opt_out| Denial::Nsec3 {
        iterations,
        salt: salt.to_vec(),
        opt_out,
    };
    let (plain, salt) = (&[][..], &[0xab, 0xcd][..]);
    chance.weighed(&[
        (12, Denial::Nsec),
        (8, Denial::NSEC3),
        (5, Denial::OPT_OUT),
        (2, nsec3(1, salt, OptOut::No)),
        (1, nsec3(10, salt, OptOut::Yes)),
        (1, nsec3(50, plain, OptOut::No)),
        // More than 50, 100, 150 and 500 are too many for one judge or another.
        (1, nsec3(51, salt, OptOut::No)),
        (1, nsec3(101, plain, OptOut::No)),
        (1, nsec3(151, plain, OptOut::No)),
        (1, nsec3(501, plain, OptOut::No)),
    ])
}

/// How the zone above those of a batch denies.
pub(crate) fn parent_denial(batch: u32) -> Denial {
    match batch % 4 {
        0 => Denial::Nsec,
        1 => Denial::NSEC3,
        2 => Denial::OPT_OUT,
        _ => Denial::Nsec3 { iterations: 2, salt: vec![7; 4], opt_out: OptOut::No },
    }
}

/// The zone above those of a batch.
pub(crate) fn parent(batch: u32) -> Name {
    format!("p{batch:03}x").parse().expect("it is a name")
}

/// So many cases have one parent.
pub(crate) const BATCH: u32 = 50;
