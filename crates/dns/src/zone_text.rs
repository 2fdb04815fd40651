//! Records as people write them: the format of zone files (RFC 1035 §5).

use domain::base::iana::Class;
use domain::base::rdata::ComposeRecordData as _;
use domain::rdata::ZoneRecordData;
use domain::zonefile::inplace::{Entry, Error, ScannedRecord, Zonefile};

use crate::name::Name;
use crate::rrset::{Rrset, SignedRrset, group};

/// Why a text holds no records.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ZoneTextError {
    /// It is not in the format of zone files.
    #[error("it is not in the format of zone files: {0}")]
    Syntax(Error),
    /// It would have another file read.
    #[error("it includes another file, which is not read")]
    Include,
    /// A record is of another class than IN, or its data is malformed.
    #[error("a record of {0} has malformed data, or is not of class IN")]
    Record(Name),
}

/// Reads the records of a text, one by one. Names that are not absolute are below `origin`.
pub fn records(text: &str, origin: &Name) -> Result<Vec<Rrset>, ZoneTextError> {
    let mut zone = Zonefile::from(text);
    // The last line may lack its end.
    zone.extend_from_slice(b"\n");
    let origin = domain::base::Name::from_octets(origin.wire().to_vec().into());
    zone.set_origin(origin.expect("it is a name in wire form"));
    zone.set_default_class(Class::IN);
    let mut records = Vec::new();
    while let Some(entry) = zone.next_entry().map_err(ZoneTextError::Syntax)? {
        let Entry::Record(record) = entry else { return Err(ZoneTextError::Include) };
        let owner = Name::of(record.owner());
        records.push(rrset(&record, &owner).ok_or(ZoneTextError::Record(owner))?);
    }
    Ok(records)
}

/// The same, put together with their signatures.
pub fn signed_rrsets(text: &str, origin: &Name) -> Result<Vec<SignedRrset>, ZoneTextError> {
    Ok(group(records(text, origin)?))
}

fn rrset(record: &ScannedRecord, owner: &Name) -> Option<Rrset> {
    let data: &ZoneRecordData<_, _> = record.data();
    let mut rdata = Vec::new();
    data.compose_rdata(&mut rdata).expect("a Vec takes all");
    let is_in = record.class() == Class::IN;
    let ttl_s = record.ttl().as_secs();
    Rrset::new(owner.clone(), record.rtype(), ttl_s, &rdata).filter(|_| is_in)
}
