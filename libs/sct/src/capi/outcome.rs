//! The numbers that functions of the C ABI return. They are for ever: a number that is no longer used stays unused.

use std::ffi::CStr;

/// What a function returns: 0 is "go on", everything else is not.
///
/// 1xx: the connection is refused. 3xx: the program calls it wrongly, or passes something that cannot be read.
/// 4xx: a list of logs is not taken, and the one that was in force stays. 9xx: a bug of the library. The 2xx are the
/// kinds of warnings, and no function returns them as its result. Later versions may have more numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum Outcome {
    /// Done; of countersign_sct_judge(): the connection may be used.
    Ok = 0,
    /// Refused: the certificate has no SCT, so no log has promised to publish it.
    NoScts = 100,
    /// Refused: it has SCTs, and of those that count there are not enough.
    TooFewScts = 101,
    /// Refused: a certificate of the chain, or its list of SCTs, cannot be taken apart.
    Unreadable = 102,
    /// A pointer is NULL that must not be, or is not aligned.
    BadPointer = 300,
    /// A length is larger than anything that can be meant, or a text does not end.
    TooLong = 301,
    /// A text is not UTF-8.
    NotUtf8 = 302,
    /// The way is none that a list can name.
    UnknownWay = 303,
    /// There is no such profile.
    UnknownProfile = 304,
    /// There is no such flag.
    UnknownFlag = 305,
    /// The chain has no certificate.
    EmptyChain = 306,
    /// The chain ends in a certificate that another one has signed, and that is no public root: the trust anchor is
    /// missing. Pass the verified chain, or say COUNTERSIGN_SCT_LAST_IS_ANCHOR.
    IncompleteChain = 307,
    /// The time is none.
    BadTime = 308,
    /// There is no certificate in the PEM, or one that cannot be read.
    BadPem = 309,
    /// This is not what an enforcer has remembered.
    BadMemory = 310,
    /// The buffer is too small.
    BufferTooSmall = 311,
    /// The keys for lists cannot be read.
    BadKeys = 400,
    /// The list has no signatures, or is cut off.
    ListNotSigned = 401,
    /// Too few of the keys have signed the list.
    ListSignedByTooFew = 402,
    /// The list is signed, and cannot be read: it may be for later versions of the library.
    BadList = 403,
    /// The list is older than the one in force, or another of the same version.
    ListNotNewer = 404,
    /// A bug of the library: it has told more on standard error.
    Panicked = 900,
}

impl Outcome {
    /// A sentence for a number.
    pub(super) fn text_of(number: i32) -> &'static CStr {
        let known = Self::ALL.iter().find(|outcome| outcome.number() == number);
        known.map_or(c"not a result of this version of the library", |known| known.text())
    }

    fn number(self) -> i32 {
        // The one way from a variant to its number.
        #[expect(clippy::as_conversions, reason = "it is an i32 in memory")]
        let number = self as i32;
        number
    }

    fn text(self) -> &'static CStr {
        match self {
            Self::Ok => c"accepted",
            Self::NoScts => {
                c"refused: no log has promised to publish the certificate: it has no SCT"
            }
            Self::TooFewScts => c"refused: too few of the SCTs of the certificate count",
            Self::Unreadable => c"refused: a certificate or its list of SCTs cannot be read",
            Self::BadPointer => c"a pointer is NULL or not aligned",
            Self::TooLong => c"a length is too large, or a text does not end",
            Self::NotUtf8 => c"a text is not UTF-8",
            Self::UnknownWay => c"the way is not \"c\", \"python\", \"rustls\" or \"preload\"",
            Self::UnknownProfile => c"there is no such profile",
            Self::UnknownFlag => c"there is no such flag",
            Self::EmptyChain => c"the chain has no certificate",
            Self::IncompleteChain => c"the chain does not end in a trust anchor",
            Self::BadTime => c"the time is out of range",
            Self::BadPem => c"the PEM has no certificate, or one that cannot be read",
            Self::BadMemory => c"this is not what an enforcer has remembered",
            Self::BufferTooSmall => c"the buffer is too small",
            Self::BadKeys => c"the keys for lists of logs cannot be read",
            Self::ListNotSigned => c"the list of logs has no signatures, or is cut off",
            Self::ListSignedByTooFew => c"too few of the keys have signed the list of logs",
            Self::BadList => c"the list of logs is signed, but cannot be read",
            Self::ListNotNewer => {
                c"the list of logs is older than the one in force, or another of the same version"
            }
            Self::Panicked => c"a bug of the library",
        }
    }

    const ALL: [Self; 22] = [
        Self::Ok,
        Self::NoScts,
        Self::TooFewScts,
        Self::Unreadable,
        Self::BadPointer,
        Self::TooLong,
        Self::NotUtf8,
        Self::UnknownWay,
        Self::UnknownProfile,
        Self::UnknownFlag,
        Self::EmptyChain,
        Self::IncompleteChain,
        Self::BadTime,
        Self::BadPem,
        Self::BadMemory,
        Self::BufferTooSmall,
        Self::BadKeys,
        Self::ListNotSigned,
        Self::ListSignedByTooFew,
        Self::BadList,
        Self::ListNotNewer,
        Self::Panicked,
    ];
}
