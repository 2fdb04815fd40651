//! Records written for what takes them: zone files, update requests, and the bodies that DNS hosts take over HTTP.
//!
//! | format | where it goes |
//! |---|---|
//! | `zone` | a zone file (RFC 1035 §5) |
//! | `unknown` | a zone file of a server that knows no CAA records (RFC 3597 §5) |
//! | `nsupdate` | standard input of `nsupdate` or `knsupdate` (RFC 2136) |
//! | `cloudflare` | `POST /zones/ZONE_ID/dns_records/batch` |
//! | `route53` | `aws route53 change-resource-record-sets --change-batch` |
//! | `desec` | `PUT /domains/ZONE/rrsets/` |
//! | `powerdns` | `PATCH /servers/localhost/zones/ZONE.` |
//! | `hetzner` | `POST /zones/ZONE/rrsets` |
//!
//! `nsupdate`, `route53`, `desec` and `powerdns` replace the CAA records that are there. `cloudflare` adds to them, and
//! old records that stay let in whom they let in; `hetzner` is refused where there are any, until they are removed.

use std::fmt;
use std::str::FromStr;

use countersign_caa::Name;
use serde_json::{Value, json};

use super::Plan;

/// What takes the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A zone file.
    Zone,
    /// A zone file, in the form for unknown types.
    Unknown,
    /// An update request.
    Nsupdate,
    /// Cloudflare.
    Cloudflare,
    /// Route 53, of Amazon.
    Route53,
    /// deSEC.
    Desec,
    /// A PowerDNS server.
    Powerdns,
    /// Hetzner.
    Hetzner,
}

/// No format has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownFormat;

impl std::error::Error for UnknownFormat {}

impl fmt::Display for UnknownFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = Format::ALL.iter().map(|format| format.as_str()).collect();
        write!(f, "a format is one of: {}", names.join(", "))
    }
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Zone,
        Self::Unknown,
        Self::Nsupdate,
        Self::Cloudflare,
        Self::Route53,
        Self::Desec,
        Self::Powerdns,
        Self::Hetzner,
    ];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Unknown => "unknown",
            Self::Nsupdate => "nsupdate",
            Self::Cloudflare => "cloudflare",
            Self::Route53 => "route53",
            Self::Desec => "desec",
            Self::Powerdns => "powerdns",
            Self::Hetzner => "hetzner",
        }
    }

    /// The records of a plan. `zone` is where they go: the name or one above it. What has a line for each record ends
    /// with a line end, and so does JSON.
    pub fn write(self, plan: &Plan, zone: &Name) -> String {
        let body = match self {
            Self::Zone => return lines(plan, |record| record.presentation(), "CAA"),
            Self::Unknown => {
                return lines(plan, |record| unknown(record.record().rdata()), "TYPE257");
            }
            Self::Nsupdate => return nsupdate(plan, zone),
            Self::Cloudflare => cloudflare(plan),
            Self::Route53 => route53(plan),
            Self::Desec => json!([{
                "subname": relative(&plan.name, zone),
                "type": "CAA",
                "ttl": plan.ttl_s,
                "records": texts(plan),
            }]),
            Self::Powerdns => powerdns(plan),
            Self::Hetzner => hetzner(plan, zone),
        };
        format!("{body:#}\n")
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.into_iter().find(|format| format.as_str() == name).ok_or(UnknownFormat)
    }
}

fn lines(plan: &Plan, data: impl Fn(&super::PlannedRecord) -> String, rtype: &str) -> String {
    let line = |record| format!("{}. {} IN {rtype} {}\n", plan.name, plan.ttl_s, data(record));
    plan.records.iter().map(line).collect()
}

/// RFC 3597 §5.
fn unknown(rdata: &[u8]) -> String {
    let digits: String = rdata.iter().map(|octet| format!("{octet:02X}")).collect();
    format!("\\# {} {digits}", rdata.len())
}

fn nsupdate(plan: &Plan, zone: &Name) -> String {
    let mut lines = format!("zone {zone}.\nupdate delete {}. CAA\n", plan.name);
    for record in &plan.records {
        let data = record.presentation();
        lines.push_str(&format!("update add {}. {} CAA {data}\n", plan.name, plan.ttl_s));
    }
    lines + "send\n"
}

fn cloudflare(plan: &Plan) -> Value {
    let post = |record: &super::PlannedRecord| {
        json!({
            "type": "CAA",
            "name": plan.name.as_str(),
            "ttl": plan.ttl_s,
            "data": { "flags": 0, "tag": record.property.tag(), "value": record.value },
        })
    };
    json!({ "posts": plan.records.iter().map(post).collect::<Vec<_>>() })
}

fn route53(plan: &Plan) -> Value {
    let values: Vec<_> = texts(plan).into_iter().map(|text| json!({ "Value": text })).collect();
    json!({ "Changes": [{
        "Action": "UPSERT",
        "ResourceRecordSet": {
            "Name": format!("{}.", plan.name),
            "Type": "CAA",
            "TTL": plan.ttl_s,
            "ResourceRecords": values,
        },
    }] })
}

fn powerdns(plan: &Plan) -> Value {
    let record = |text| json!({ "content": text, "disabled": false });
    json!({ "rrsets": [{
        "name": format!("{}.", plan.name),
        "type": "CAA",
        "ttl": plan.ttl_s,
        "changetype": "REPLACE",
        "records": texts(plan).into_iter().map(record).collect::<Vec<_>>(),
    }] })
}

fn hetzner(plan: &Plan, zone: &Name) -> Value {
    let name = match relative(&plan.name, zone) {
        "" => "@",
        name => name,
    };
    json!({
        "name": name,
        "type": "CAA",
        "ttl": plan.ttl_s,
        "records": texts(plan).into_iter().map(|text| json!({ "value": text })).collect::<Vec<_>>(),
    })
}

fn texts(plan: &Plan) -> Vec<String> {
    plan.records.iter().map(super::PlannedRecord::presentation).collect()
}

/// A name without the zone that it is in; empty for the zone itself.
fn relative<'a>(name: &'a Name, zone: &Name) -> &'a str {
    let below = name.as_str().strip_suffix(zone.as_str()).unwrap_or(name.as_str());
    below.strip_suffix('.').unwrap_or(below)
}

#[cfg(test)]
mod tests;
