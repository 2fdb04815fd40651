//! What `dnssec check --json` prints (docs/json.md).

use std::net::IpAddr;

use countersign_dns::{Rtype, Security};
use countersign_judge::zone::{
    ChainZone, ChildDs, Custody, Denial, DsFact, KeyFact, ServerFact, SignatureFact, algorithm_name,
};
use countersign_judge::{ZoneFinding, ZoneReport};
use serde::Serialize;

use crate::print::hex;

/// One object, told from others by its `type`.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Row<'a> {
    Zone(ZoneRow),
    Ds(DsRow),
    Key(KeyRow),
    Signature(SignatureRow<'a>),
    Ttl(TtlRow),
    Denial(DenialRow),
    ChildDs(ChildDsRow),
    Server(ServerRow),
    Finding(FindingRow),
    Custody(CustodyRow<'a>),
    Summary(Summary),
}

/// All of a report, the summary last.
pub(super) fn rows(report: &ZoneReport) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for zone in &report.chain {
        rows.push(Row::Zone(ZoneRow::new(zone)));
        rows.extend(zone.ds.iter().map(|ds| Row::Ds(DsRow::new(zone, ds))));
        rows.extend(zone.keys.iter().map(|key| Row::Key(KeyRow::new(zone, key))));
    }
    rows.extend(report.signatures.iter().map(|fact| Row::Signature(SignatureRow::new(fact))));
    rows.extend(report.ttls.iter().map(|(rtype, ttl_s)| Row::Ttl(TtlRow::new(*rtype, *ttl_s))));
    rows.push(Row::Denial(DenialRow::new(&report.denial)));
    rows.push(Row::ChildDs(ChildDsRow::new(&report.child_ds)));
    rows.extend(report.servers.iter().map(|server| Row::Server(ServerRow::new(server))));
    rows.extend(report.findings.iter().map(|finding| Row::Finding(FindingRow::new(finding))));
    rows.push(Row::Custody(CustodyRow::new(&report.custody)));
    rows.push(Row::Summary(Summary::new(report)));
    rows
}

#[derive(Serialize)]
pub(super) struct ZoneRow {
    r#type: &'static str,
    zone: String,
    security: Option<&'static str>,
    why: Option<String>,
    signed_until: Option<String>,
}

impl ZoneRow {
    fn new(zone: &ChainZone) -> Self {
        let why = match &zone.security {
            None | Some(Security::Secure) => None,
            Some(Security::Insecure(why)) => Some(why.to_string()),
            Some(Security::Bogus(why)) => Some(why.to_string()),
            Some(Security::Indeterminate(why)) => Some(why.to_string()),
        };
        Self {
            r#type: "zone",
            zone: zone.name.to_string(),
            security: zone.security.as_ref().map(Security::as_str),
            why,
            signed_until: zone.signed_until.map(|until| until.to_string()),
        }
    }
}

#[derive(Serialize)]
pub(super) struct KeyRow {
    r#type: &'static str,
    zone: String,
    key_tag: u16,
    algorithm: u8,
    algorithm_name: &'static str,
    flags: u16,
    rsa_bits: Option<usize>,
    sep: bool,
    revoked: bool,
    named_by_ds: bool,
}

impl KeyRow {
    fn new(zone: &ChainZone, key: &KeyFact) -> Self {
        Self {
            r#type: "key",
            zone: zone.name.to_string(),
            key_tag: key.tag,
            algorithm: key.algorithm,
            algorithm_name: algorithm_name(key.algorithm),
            flags: key.flags,
            rsa_bits: key.rsa_bits,
            sep: key.is_sep,
            revoked: key.is_revoked,
            named_by_ds: key.is_named,
        }
    }
}

#[derive(Serialize)]
pub(super) struct DsRow {
    r#type: &'static str,
    zone: String,
    #[serde(flatten)]
    record: DsShape,
    names_key: bool,
}

#[derive(Serialize)]
struct DsShape {
    key_tag: u16,
    algorithm: u8,
    digest_type: u8,
    digest: String,
}

impl DsShape {
    fn new(ds: &DsFact) -> Self {
        let digest = hex(&ds.digest);
        let (key_tag, algorithm, digest_type) = (ds.tag, ds.algorithm, ds.digest_type);
        Self { key_tag, algorithm, digest_type, digest }
    }
}

impl DsRow {
    fn new(zone: &ChainZone, ds: &DsFact) -> Self {
        let (zone, record) = (zone.name.to_string(), DsShape::new(ds));
        Self { r#type: "ds", zone, record, names_key: ds.names_key }
    }
}

#[derive(Serialize)]
pub(super) struct SignatureRow<'a> {
    r#type: &'static str,
    records: String,
    key_tag: u16,
    algorithm: u8,
    inception: String,
    expiration: String,
    served_by: &'a [String],
}

impl<'a> SignatureRow<'a> {
    fn new(fact: &'a SignatureFact) -> Self {
        Self {
            r#type: "signature",
            records: fact.rtype.to_string(),
            key_tag: fact.key_tag,
            algorithm: fact.algorithm,
            inception: fact.inception.to_string(),
            expiration: fact.expiration.to_string(),
            served_by: &fact.servers,
        }
    }
}

#[derive(Serialize)]
pub(super) struct TtlRow {
    r#type: &'static str,
    records: String,
    ttl_seconds: u32,
}

impl TtlRow {
    fn new(rtype: Rtype, ttl_seconds: u32) -> Self {
        Self { r#type: "ttl", records: rtype.to_string(), ttl_seconds }
    }
}

#[derive(Serialize)]
pub(super) struct DenialRow {
    r#type: &'static str,
    how: Option<&'static str>,
    iterations: Option<u16>,
    salt: Option<String>,
    opt_out: Option<bool>,
}

impl DenialRow {
    fn new(denial: &Denial) -> Self {
        let none =
            |how| Self { r#type: "denial", how, iterations: None, salt: None, opt_out: None };
        match denial {
            Denial::Unseen => none(None),
            Denial::Nsec => none(Some("nsec")),
            Denial::Nsec3 { iterations, salt, opt_out } => Self {
                iterations: Some(*iterations),
                salt: Some(hex(salt)),
                opt_out: Some(*opt_out),
                ..none(Some("nsec3"))
            },
        }
    }
}

#[derive(Serialize)]
pub(super) struct ChildDsRow {
    r#type: &'static str,
    asks: Option<&'static str>,
    adds: Vec<DsShape>,
    removes: Vec<DsShape>,
}

impl ChildDsRow {
    fn new(child_ds: &ChildDs) -> Self {
        let (adds, removes) = match child_ds {
            ChildDs::Changes { adds, removes, .. } => (&adds[..], &removes[..]),
            ChildDs::Unseen | ChildDs::Absent | ChildDs::Same | ChildDs::Delete => {
                (&[][..], &[][..])
            }
        };
        Self {
            r#type: "child-ds",
            asks: match child_ds {
                ChildDs::Unseen => None,
                ChildDs::Absent => Some("nothing"),
                ChildDs::Same => Some("same"),
                ChildDs::Changes { .. } => Some("change"),
                ChildDs::Delete => Some("delete"),
            },
            adds: adds.iter().map(DsShape::new).collect(),
            removes: removes.iter().map(DsShape::new).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct ServerRow {
    r#type: &'static str,
    side: &'static str,
    name: String,
    address: IpAddr,
    serial: Option<u32>,
    unanswered: Vec<String>,
    differs: Vec<String>,
}

impl ServerRow {
    fn new(server: &ServerFact) -> Self {
        let types = |types: &[Rtype]| types.iter().map(Rtype::to_string).collect();
        Self {
            r#type: "server",
            side: server.side.as_str(),
            name: server.name.to_string(),
            address: server.address,
            serial: server.serial,
            unanswered: types(&server.unanswered),
            differs: types(&server.differs),
        }
    }
}

#[derive(Serialize)]
pub(super) struct FindingRow {
    r#type: &'static str,
    kind: &'static str,
    severity: &'static str,
    text: String,
    next_step: &'static str,
    could_not_look: bool,
}

impl FindingRow {
    fn new(finding: &ZoneFinding) -> Self {
        Self {
            r#type: "finding",
            kind: finding.kind(),
            severity: finding.severity().as_str(),
            text: finding.to_string(),
            next_step: finding.next_step(),
            could_not_look: finding.is_blindness(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct CustodyRow<'a> {
    r#type: &'static str,
    verdict: &'static str,
    signs_each_answer: bool,
    seen: &'a [String],
}

impl<'a> CustodyRow<'a> {
    fn new(custody: &'a Custody) -> Self {
        Self {
            r#type: "custody",
            verdict: custody.holder.as_str(),
            signs_each_answer: custody.signs_each_answer,
            seen: &custody.seen,
        }
    }
}

#[derive(Serialize)]
pub(super) struct Summary {
    r#type: &'static str,
    zone: String,
    parent: Option<String>,
    checked_at: String,
    security: Option<&'static str>,
    findings: usize,
    could_not_look: usize,
}

impl Summary {
    fn new(report: &ZoneReport) -> Self {
        let blind = report.findings.iter().filter(|finding| finding.is_blindness()).count();
        Self {
            r#type: "summary",
            zone: report.zone.to_string(),
            parent: report.parent.as_ref().map(ToString::to_string),
            checked_at: report.now.to_string(),
            security: report.security.as_ref().map(Security::as_str),
            findings: report.findings.len() - blind,
            could_not_look: blind,
        }
    }
}
