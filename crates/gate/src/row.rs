//! A decision as it is archived, shown and sent to others: JSON (docs/gate.md).

use countersign_caa::climb::{Failure, FailureSide, Hop, Lookup, Outcome, Security};
use countersign_caa::mpic::Rules;
use countersign_caa::{
    Account, Demand, Identifier, Method, Name, Profile, Purpose, Reason, Record, Relation, Request,
    Verdict,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::application::{Judgement, NameJudgement};
use crate::hex;
use crate::perspective::{Perspectives, Said, word};

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RecordRow {
    /// Its number, from 1, without gaps. 0 where it was not archived.
    pub id: u64,
    /// The SHA-256 of the line before it.
    pub prev: String,
    /// When it was decided.
    pub at: String,
    /// Through which door the question came.
    pub source: String,
    /// What the CA calls it.
    pub reference: Option<String>,
    /// `allow` or `deny`.
    pub verdict: String,
    /// `tls`, `smime` or `mark`.
    pub purpose: String,
    /// `secure` if every lookup had to be, else `validated`.
    pub demand: String,
    /// The names by which the CA is known.
    pub issuers: Vec<String>,
    /// The account that asked, and those above it.
    pub accounts: Vec<AccountRow>,
    /// Each name, once.
    pub names: Vec<NameRow>,
    /// What other perspectives said, where they were asked.
    pub perspectives: Option<PerspectivesRow>,
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRow {
    /// Its URI.
    pub uri: String,
    /// `own` or `parent`.
    pub relation: String,
}

/// What was decided of one name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NameRow {
    /// The name, with `*.` in front of a wildcard.
    pub name: String,
    /// How it was validated.
    pub method: Option<String>,
    /// `allow` or `deny`.
    pub verdict: String,
    /// Why, in a word.
    pub reason: String,
    /// The place of the record that decided, among those of the last lookup.
    pub property: Option<usize>,
    /// The lookups, from the name upwards.
    pub lookups: Vec<LookupRow>,
}

/// One lookup.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LookupRow {
    /// The name that was looked up.
    pub name: String,
    /// The time that it was judged as of.
    pub validated_at: String,
    /// How long it may be kept, in seconds.
    pub ttl_s: u32,
    /// Each name on the way.
    pub hops: Vec<HopRow>,
    /// `records`, `none` or `failed`.
    pub outcome: String,
    /// The data of the records, in hexadecimal.
    pub records: Vec<String>,
    /// What failed.
    pub failure: Option<FailureRow>,
    /// The SHA-256 of the proof.
    pub proof: Option<String>,
}

/// A name on the way of a lookup.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HopRow {
    /// The name.
    pub name: String,
    /// `secure`, `insecure`, `indeterminate` or `bogus`.
    pub security: String,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FailureRow {
    /// In words.
    pub why: String,
    /// How often it was tried.
    pub tries: u32,
}

/// What other perspectives said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PerspectivesRow {
    /// What is demanded: how many have to be asked, and in how many regions those have to be that permit.
    pub remotes_min: Option<usize>,
    /// See `remotes_min`.
    pub regions_min: Option<usize>,
    /// `enough`, or what was missing.
    pub corroboration: String,
    /// What each said.
    pub said: Vec<SaidRow>,
}

/// What one of them said.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SaidRow {
    /// What it is called.
    pub name: String,
    /// The region that it is in.
    pub region: String,
    /// `permits`, `refuses` or `silent`.
    pub word: String,
    /// Why it is not `permits`.
    pub why: Option<String>,
    /// Its own record.
    pub record: Option<Box<RecordRow>>,
}

/// A record is not one that a gate writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not what a gate writes")]
pub struct NotARecord(pub &'static str);

impl RecordRow {
    /// What is to be archived, before it has its place.
    pub fn new(judgement: &Judgement) -> Self {
        let application = &judgement.application;
        let account = |account: &Account| AccountRow {
            uri: account.uri.clone(),
            relation: relation(account.relation).to_owned(),
        };
        Self {
            id: 0,
            prev: String::new(),
            at: judgement.at.to_string(),
            source: application.source.as_str().to_owned(),
            reference: application.reference.clone(),
            verdict: verdict(judgement.verdict()).to_owned(),
            purpose: purpose(application.purpose).to_owned(),
            demand: demand(judgement.profile.demand).to_owned(),
            issuers: application.issuers.iter().map(ToString::to_string).collect(),
            accounts: application.accounts.iter().map(account).collect(),
            names: judgement.names.iter().map(NameRow::new).collect(),
            perspectives: judgement.perspectives.as_ref().map(PerspectivesRow::new),
        }
    }

    /// When it was decided.
    pub fn at(&self) -> Result<Timestamp, NotARecord> {
        self.at.parse().map_err(|_| NotARecord("its time"))
    }

    /// The rules that were followed.
    pub fn profile(&self) -> Result<Profile, NotARecord> {
        let demand = [Demand::Validated, Demand::Secure]
            .into_iter()
            .find(|known| demand(*known) == self.demand);
        Ok(Profile { demand: demand.ok_or(NotARecord("its demand"))?, ..Profile::default() })
    }

    /// What was asked of one name.
    pub fn request(&self, name: &NameRow) -> Result<Request, NotARecord> {
        let issuers = self.issuers.iter().map(|issuer| Name::parse(issuer));
        let account = |row: &AccountRow| {
            let all = [Relation::Own, Relation::Parent];
            let relation = all.into_iter().find(|known| relation(*known) == row.relation)?;
            Some(Account { uri: row.uri.clone(), relation })
        };
        let accounts: Option<_> = self.accounts.iter().map(account).collect();
        let all = [Purpose::Tls, Purpose::Smime, Purpose::Mark];
        let purpose = all.into_iter().find(|known| purpose(*known) == self.purpose);
        let method = name.method.as_deref().map(Method::parse).transpose();
        Ok(Request {
            identifier: Identifier::parse(&name.name).map_err(|_| NotARecord("a name"))?,
            purpose: purpose.ok_or(NotARecord("its purpose"))?,
            issuers: issuers.collect::<Result<_, _>>().map_err(|_| NotARecord("an issuer"))?,
            accounts: accounts.ok_or(NotARecord("an account"))?,
            method: method.map_err(|_| NotARecord("a method"))?,
            constrained: Vec::new(),
        })
    }

    /// The hashes of all proofs in it, those of others included.
    pub fn proofs(&self) -> Vec<&str> {
        let own = self.names.iter().flat_map(|name| &name.lookups);
        let mut all: Vec<&str> = own.filter_map(|lookup| lookup.proof.as_deref()).collect();
        for said in self.perspectives.iter().flat_map(|perspectives| &perspectives.said) {
            all.extend(said.record.iter().flat_map(|record| record.proofs()));
        }
        all
    }
}

impl NameRow {
    fn new(judged: &NameJudgement) -> Self {
        let decision = &judged.decision;
        let steps = decision.climbed.steps.iter().zip(&judged.evidence);
        let lookups = steps.map(|(step, evidence)| LookupRow {
            validated_at: evidence.validated_at.to_string(),
            proof: evidence.proof.as_ref().map(|proof| hex::encode(&proof.hash)),
            ..LookupRow::new(step.name.as_str(), &step.lookup)
        });
        Self {
            name: decision.request.identifier.to_string(),
            method: decision.request.method.as_ref().map(ToString::to_string),
            verdict: verdict(decision.verdict()).to_owned(),
            reason: decision.reason.as_str().to_owned(),
            property: property(&decision.reason),
            lookups: lookups.collect(),
        }
    }
}

impl LookupRow {
    fn new(name: &str, lookup: &Lookup) -> Self {
        let hop = |hop: &Hop| HopRow {
            name: hop.name.clone(),
            security: security(hop.security).to_owned(),
        };
        let (outcome, records, failure) = match &lookup.outcome {
            Outcome::Records(records) => ("records", &records[..], None),
            Outcome::None => ("none", &[][..], None),
            Outcome::Failed(Failure { why, tries, side: _ }) => {
                ("failed", &[][..], Some(FailureRow { why: why.clone(), tries: *tries }))
            }
        };
        Self {
            name: name.to_owned(),
            validated_at: String::new(),
            ttl_s: lookup.ttl_s,
            hops: lookup.hops.iter().map(hop).collect(),
            outcome: outcome.to_owned(),
            records: records.iter().map(|record| hex::encode(record.rdata())).collect(),
            failure,
            proof: None,
        }
    }

    /// What came of it.
    pub fn lookup(&self) -> Result<Lookup, NotARecord> {
        let all = [Security::Secure, Security::Insecure, Security::Indeterminate, Security::Bogus];
        let hop = |row: &HopRow| {
            let security = all.into_iter().find(|known| security(*known) == row.security)?;
            Some(Hop { name: row.name.clone(), security })
        };
        let hops: Option<_> = self.hops.iter().map(hop).collect();
        let record = |text: &String| hex::decode(text).map(Record::from_rdata);
        let records: Option<Vec<_>> = self.records.iter().map(record).collect();
        let records = records.ok_or(NotARecord("a CAA record"))?;
        let outcome = match (self.outcome.as_str(), &self.failure) {
            ("records", None) if !records.is_empty() => Outcome::Records(records),
            ("none", None) if records.is_empty() => Outcome::None,
            ("failed", Some(FailureRow { why, tries })) if records.is_empty() => {
                Outcome::Failed(Failure {
                    why: why.clone(),
                    tries: *tries,
                    side: FailureSide::Ours,
                })
            }
            _ => return Err(NotARecord("what came of a lookup")),
        };
        let hops = hops.ok_or(NotARecord("how secure a name is"))?;
        Ok(Lookup { hops, outcome, ttl_s: self.ttl_s })
    }
}

impl PerspectivesRow {
    fn new(perspectives: &Perspectives) -> Self {
        let said = |said: &Said| SaidRow {
            name: said.name.clone(),
            region: said.region.as_str().to_owned(),
            word: word(said.word).to_owned(),
            why: said.why.clone(),
            record: said.record.clone(),
        };
        Self {
            remotes_min: perspectives.rules.map(|Rules { remotes_min, .. }| remotes_min),
            regions_min: perspectives.rules.map(|Rules { regions_min, .. }| regions_min),
            corroboration: perspectives.corroboration().as_str().to_owned(),
            said: perspectives.said.iter().map(said).collect(),
        }
    }
}

/// The place of the record that decided.
pub(crate) fn property(reason: &Reason) -> Option<usize> {
    match *reason {
        Reason::Authorized { record, .. }
        | Reason::Unreadable { record }
        | Reason::CriticalUnknown { record }
        | Reason::Unconstrained { record } => Some(record),
        Reason::NoCaa
        | Reason::NoRelevantProperty
        | Reason::LookupFailure
        | Reason::Bogus
        | Reason::NotSecure
        | Reason::TooMany
        | Reason::Unmet(_) => None,
    }
}

/// `allow` or `deny`.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
    }
}

fn relation(relation: Relation) -> &'static str {
    match relation {
        Relation::Own => "own",
        Relation::Parent => "parent",
    }
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Tls => "tls",
        Purpose::Smime => "smime",
        Purpose::Mark => "mark",
    }
}

fn demand(demand: Demand) -> &'static str {
    match demand {
        Demand::Validated => "validated",
        Demand::Secure => "secure",
    }
}

fn security(security: Security) -> &'static str {
    match security {
        Security::Secure => "secure",
        Security::Insecure => "insecure",
        Security::Indeterminate => "indeterminate",
        Security::Bogus => "bogus",
    }
}
