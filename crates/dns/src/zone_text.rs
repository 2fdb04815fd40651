//! Records as people write them: the format of zone files (RFC 1035 §5).

use domain::base::ParsedName;
use domain::base::iana::{Class, Rtype};
use domain::base::rdata::{ComposeRecordData as _, ParseRecordData as _};
use domain::dep::octseq::Parser;
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

/// The data of a record as people write it; what cannot be read as such in the form for unknown types (RFC 3597 §5).
/// Nothing in it but printable ASCII.
pub fn presentation(rtype: Rtype, rdata: &[u8]) -> String {
    let mut parser = Parser::from_ref(rdata);
    let read = ZoneRecordData::<_, ParsedName<_>>::parse_rdata(rtype, &mut parser);
    let text = read.ok().flatten().filter(|_| parser.remaining() == 0).map(|data| data.to_string());
    text.filter(|text| text.bytes().all(|octet| matches!(octet, b' '..=b'~'))).unwrap_or_else(
        || {
            let digits: String = rdata.iter().map(|octet| format!("{octet:02x}")).collect();
            format!("\\# {} {digits}", rdata.len())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_and_shown() {
        let text = "$TTL 60\nwww A 192.0.2.1\n@ 5 IN CAA 0 issue \"ca.example; a=b\"\n. TYPE65280 \\# 2 c0ff";
        let read = records(text, &"xmpp.example".parse().unwrap()).unwrap();
        let shown: Vec<_> = read
            .iter()
            .map(|set| {
                let data = presentation(set.rtype(), &set.rdatas()[0]);
                format!("{} {} {} {data}", set.owner(), set.ttl_s(), set.rtype())
            })
            .collect();
        assert_eq!(shown[0], "www.xmpp.example. 60 A 192.0.2.1");
        assert_eq!(shown[1], "xmpp.example. 5 CAA 0 issue \"ca.example; a=b\"");
        assert_eq!(shown[2], ". 60 TYPE65280 \\# 2 c0 ff");
        assert_eq!(presentation(Rtype::A, &[1]), "\\# 1 01");
    }

    #[test]
    fn what_holds_no_records_is_refused() {
        let refused = |text| records(text, &Name::root()).unwrap_err();
        assert!(matches!(refused("a A 1.2.3"), ZoneTextError::Syntax(_)));
        assert!(matches!(refused("$INCLUDE other"), ZoneTextError::Include));
        assert!(matches!(refused("a 1 CH A 192.0.2.1"), ZoneTextError::Syntax(_)));
    }
}
