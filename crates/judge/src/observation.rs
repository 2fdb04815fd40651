//! What was seen: one TBSCertificate, in whatever logs, as precertificate or as certificate.

use countersign_ct::certificate::Place;
use countersign_ct::names::How;
use jiff::{SignedDuration, Timestamp};

/// One certificate that carries guarded names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// SHA-256 of the TBSCertificate less poison and SCT list, so that precertificate and certificate are one
    /// (RFC 6962 §3.2). Of the whole leaf where that cannot be told.
    pub tbs_sha256: [u8; 32],
    /// SHA-256 of the SubjectPublicKeyInfo. `None`: it cannot be read.
    pub spki_sha256: Option<[u8; 32]>,
    /// SHA-256 of the issuer's SubjectPublicKeyInfo. `None`: nobody can tell; that is never an allowed one.
    pub issuer_key_sha256: Option<[u8; 32]>,
    /// The guarded names in it. For the guard `.` these are all names of the certificate; where there are none,
    /// or none could be read, one with an empty name.
    pub names: Vec<Named>,
    /// The start of the validity, where it can be read.
    pub not_before: Option<Timestamp>,
    /// The end of the validity, where it can be read.
    pub not_after: Option<Timestamp>,
}

/// A guarded name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Named {
    /// The name or address, as [`countersign_ct::names`] gives it: foreign text.
    pub name: String,
    /// The guard that it met.
    pub guard: String,
    /// Where it stood and how it was read: a [`countersign_ct::watchlist::Reading`] as text.
    pub reading: String,
}

impl Observation {
    /// How long the certificate is valid. `None` if that cannot be read, or if it ends before it begins.
    ///
    /// The last second, which counts too (RFC 5280 §4.1.2.5), is left out: a certificate that runs for 90 days to
    /// the very second is not to be longer than "90 days".
    pub fn validity(&self) -> Option<SignedDuration> {
        let validity = self.not_after?.duration_since(self.not_before?);
        (!validity.is_negative()).then_some(validity)
    }
}

impl Named {
    /// Stands for what a certificate may be for when nothing could be read: only a scope of everything covers it.
    pub fn unread() -> Self {
        let reading = Place::Certificate.as_str().to_owned();
        Self { name: String::new(), guard: ".".to_owned(), reading }
    }

    /// Whether it took guessing to read this name, so that a client may read another one there.
    ///
    /// Certain are only the readings named here: what a later version of the watchlist may add is doubtful until
    /// somebody has thought about it.
    pub fn is_doubtful(&self) -> bool {
        if self.name.is_empty() {
            return true;
        }
        let is_certain = |how: &str| match how.strip_prefix('-') {
            Some(how) => CERTAIN.iter().any(|certain| certain.as_str() == how),
            None => how.is_empty(),
        };
        let mut hows =
            CERTAIN_PLACES.iter().filter_map(|place| self.reading.strip_prefix(place.as_str()));
        !hows.any(is_certain)
    }
}

/// Fields of a certificate that hold names, and that were found where they belong.
const CERTAIN_PLACES: [Place; 12] = [
    Place::SanDns,
    Place::SanIp,
    Place::SanUri,
    Place::SanEmail,
    Place::SanXmppAddr,
    Place::SanSrvName,
    Place::SanSmtpUtf8Mailbox,
    Place::SanDirectoryName,
    Place::IssuerAltName,
    Place::SubjectCn,
    Place::SubjectEmail,
    Place::SubjectOther,
];

/// Besides reading a name as it stands.
const CERTAIN: [How; 2] = [How::Utf8, How::Wildcard];

#[cfg(test)]
mod tests {
    use countersign_ct::watchlist::Reading;

    use super::*;

    #[track_caller]
    fn check(place: Place, how: How, doubtful: bool) {
        let reading = Reading { place, how }.to_string();
        let named = Named { name: "a.example".into(), guard: "a.example".into(), reading };
        assert_eq!(named.is_doubtful(), doubtful, "{}", named.reading);
        assert!(Named { name: String::new(), ..named }.is_doubtful());
    }

    #[test]
    fn a_name_where_names_stand_is_certain() {
        for place in CERTAIN_PLACES {
            check(place, How::Ascii, false);
            check(place, How::Wildcard, false);
            check(place, How::Utf8, false);
        }
        check(Place::SanIp, How::Address, false);
    }

    #[test]
    fn what_took_guessing_is_doubtful() {
        use How::{Address, Ascii, Latin1, PercentDecoded, Redacted, Split, Unread, Utf16, Utf32};
        for how in [Latin1, Utf16, Utf32, PercentDecoded, Split, Redacted, Unread] {
            check(Place::SanDns, how, true);
            check(Place::SubjectCn, how, true);
        }
        for how in [Ascii, Address, How::Wildcard, Utf16, Unread] {
            check(Place::Raw, how, true);
            check(Place::Certificate, how, true);
        }
    }

    #[test]
    fn what_is_not_known_here_is_doubtful() {
        for reading in ["", "san", "san-dns-", "san-dns-rot13", "san-dnswildcard", "SAN-DNS"] {
            let (name, guard) = ("a.example".into(), "a.example".into());
            let named = Named { name, guard, reading: reading.into() };
            assert!(named.is_doubtful(), "{reading}");
        }
    }
}
