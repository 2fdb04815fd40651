//! Zone files (RFC 1035 §5): read with `domain`, and printed one record a line so that other servers can load them.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use countersign_dns::{Name, Rrset, Rrsig, Rtype};
use domain::base::ParsedName;
use domain::base::iana::Class;
use domain::base::name::ToName as _;
use domain::base::rdata::{ComposeRecordData as _, ParseRecordData as _};
use domain::base::zonefile_fmt::{DisplayKind, ZonefileFmt as _};
use domain::dep::octseq::Parser;
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, ScannedRecord, Zonefile};
use jiff::Timestamp;

use super::zone::Zone;

/// Why a text is no zone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZoneError {
    /// The apex is no name.
    #[error("{0:?} is no name of a zone")]
    Apex(String),
    /// A record cannot be read.
    #[error("the zone file of {apex} cannot be read")]
    Text {
        /// The zone.
        apex: Name,
        /// Where, and why.
        #[source]
        why: domain::zonefile::inplace::Error,
    },
    /// A record belongs elsewhere.
    #[error("{owner} is not in the zone {apex}")]
    Outside {
        /// The zone.
        apex: Name,
        /// The record's owner.
        owner: Name,
    },
    /// It wants another file.
    #[error("$INCLUDE is not for zones of the lab")]
    Include,
}

/// The records of a zone file, each as a set of its own.
pub(crate) fn read(apex: &Name, text: &str) -> Result<Vec<Rrset>, ZoneError> {
    let mut file = Zonefile::from(text);
    // Without a line feed the last record is not complete.
    file.extend_from_slice(b"\n");
    let origin = domain::base::Name::from_octets(Bytes::copy_from_slice(apex.wire()));
    file.set_origin(origin.expect("it is a name already"));
    file.set_default_class(Class::IN);
    let mut records = Vec::new();
    let unreadable = |why| ZoneError::Text { apex: apex.clone(), why };
    while let Some(entry) = file.next_entry().map_err(unreadable)? {
        let Entry::Record(record) = entry else { return Err(ZoneError::Include) };
        let record = rrset(&record);
        if !record.owner().is_within(apex) {
            return Err(ZoneError::Outside { apex: apex.clone(), owner: record.owner().clone() });
        }
        records.push(record);
    }
    Ok(records)
}

fn rrset(record: &ScannedRecord) -> Rrset {
    let owner = record.owner().to_vec();
    let owner = Name::from_wire(owner.as_slice()).expect("the reader has checked it");
    let mut rdata = Vec::new();
    let Ok(()) = record.data().compose_rdata(&mut rdata);
    Rrset::new(owner, record.rtype(), record.ttl().as_secs(), &rdata)
        .expect("the reader has checked it")
}

/// As a zone file with absolute names, one record a line, each set followed by its signatures. SOA stands first.
impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let soa = self.soa();
        let others = self.sets().filter(|set| set.rrset.rtype() != Rtype::SOA);
        for set in [soa].into_iter().chain(others) {
            let rrset = &set.rrset;
            for rdata in rrset.rdatas() {
                line(f, rrset, rrset.rtype(), rdata)?;
            }
            for rrsig in &set.rrsigs {
                rrsig_line(f, rrset, rrsig)?;
            }
        }
        Ok(())
    }
}

fn line(f: &mut fmt::Formatter<'_>, set: &Rrset, rtype: Rtype, rdata: &[u8]) -> fmt::Result {
    write!(f, "{} {} IN {rtype} ", set.owner(), set.ttl_s())?;
    let mut parser = Parser::from_ref(rdata);
    let read = ZoneRecordData::<&[u8], ParsedName<&[u8]>>::parse_rdata(rtype, &mut parser);
    match read {
        Ok(Some(data)) if parser.remaining() == 0 => {
            writeln!(f, "{}", data.display_zonefile(DisplayKind::Simple))
        }
        // What does not follow its type's form is written as of an unknown one (RFC 3597 §5).
        _ => writeln!(f, "\\# {} {}", rdata.len(), hex(rdata)),
    }
}

/// Times are written out (RFC 4034 §3.2): NSD 4.6 does not read them as seconds.
fn rrsig_line(f: &mut fmt::Formatter<'_>, set: &Rrset, rrsig: &Rrsig) -> fmt::Result {
    let time = |seconds: u32| {
        let at = Timestamp::from_second(seconds.into()).expect("32 bits reach to 2106");
        at.strftime("%Y%m%d%H%M%S")
    };
    let (owner, ttl_s) = (set.owner(), set.ttl_s());
    let Rrsig { type_covered, algorithm, labels, original_ttl_s, key_tag, signer, .. } = rrsig;
    let (expiration, inception) = (time(rrsig.expiration), time(rrsig.inception));
    let signature = BASE64_STANDARD.encode(&rrsig.signature);
    writeln!(
        f,
        "{owner} {ttl_s} IN RRSIG {type_covered} {algorithm} {labels} {original_ttl_s} \
         {expiration} {inception} {key_tag} {signer} {signature}"
    )
}

/// Two lower-case digits for each octet.
pub(crate) fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
