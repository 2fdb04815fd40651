//! Asking gates elsewhere whether they see the same (Baseline Requirements §3.2.2.9, multi-perspective issuance
//! corroboration). Each looks up by itself and sends its record with its proofs, which are verified here: what it says
//! of signed zones need not be believed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_caa::mpic::{Region, Word};
use countersign_net::{Ask, Net, Relay, Target};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::api::shape::ApplicationShape;
use crate::application::{Judgement, ProofFile};
use crate::decide::Gate;
use crate::hex;
use crate::lookup::sha256;
use crate::perspective::{Perspectives, Said, rules_at};
use crate::rejudge::rejudge;
use crate::row::{NotARecord, RecordRow};

/// The gates elsewhere, and the way to them.
#[derive(Clone, Debug)]
pub struct Corroborators(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    net: Net,
    vantage: String,
    others: Vec<Other>,
}

/// A gate elsewhere.
#[derive(Clone, Debug)]
pub struct Other {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub region: Region,
    /// Its `/v1/corroborate`.
    pub target: Target,
    /// What it knows us by.
    pub token: String,
}

/// What a gate answers that is asked for corroboration, in JSON.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CorroborationShape {
    /// Its record.
    pub record: RecordRow,
    /// The proofs that the record names, in base64, by their hash.
    pub proofs: HashMap<String, String>,
}

impl Corroborators {
    /// Nobody: one perspective decides.
    pub fn none() -> Self {
        Self(None)
    }

    /// These, asked from a vantage.
    pub fn new(net: Net, vantage: String, others: Vec<Other>) -> Self {
        if others.is_empty() {
            return Self::none();
        }
        Self(Some(Arc::new(Inner { net, vantage, others })))
    }

    /// Asks all of them at once; gives what they say, and the proofs. `None` if there are none.
    pub(crate) async fn ask(
        &self,
        judgement: &Judgement,
        gate: &Gate,
    ) -> Option<(Perspectives, Vec<ProofFile>)> {
        let inner = self.0.as_ref()?;
        let shape = Arc::new(ApplicationShape::new(&judgement.application));
        let due = Arc::new(RecordRow::new(judgement));
        let mut tasks = JoinSet::new();
        for index in 0..inner.others.len() {
            let (inner, gate) = (Arc::clone(inner), gate.clone());
            let (shape, due) = (Arc::clone(&shape), Arc::clone(&due));
            tasks.spawn(async move { (index, inner.one(index, &shape, &due, &gate).await) });
        }
        let mut answers = tasks.join_all().await;
        answers.sort_by_key(|(index, _)| *index);
        let (mut said, mut proofs) = (Vec::new(), Vec::new());
        for (_, (one, theirs)) in answers {
            said.push(one);
            proofs.extend(theirs);
        }
        Some((Perspectives { rules: rules_at(judgement.at), said }, proofs))
    }
}

impl Inner {
    async fn one(
        &self,
        index: usize,
        shape: &ApplicationShape,
        due: &RecordRow,
        gate: &Gate,
    ) -> (Said, Vec<ProofFile>) {
        let other = &self.others[index];
        let (name, region) = (other.name.clone(), other.region);
        match self.fetch(other, shape).await.and_then(|answer| heard(answer, due, gate)) {
            Ok((record, proofs)) => {
                let is_allowed = record.verdict == "allow";
                let word = if is_allowed { Word::Permits } else { Word::Refuses };
                let why = (!is_allowed).then(|| {
                    let denied = record.names.iter().filter(|name| name.verdict == "deny");
                    let each = denied.map(|name| format!("{}: {}", name.name, name.reason));
                    each.collect::<Vec<_>>().join("; ")
                });
                (Said { name, region, word, why, record: Some(Box::new(record)) }, proofs)
            }
            Err(why) => {
                tracing::warn!(gate.name = %name, "no corroboration by {name}: {why}");
                (
                    Said { name, region, word: Word::Silent, why: Some(why), record: None },
                    Vec::new(),
                )
            }
        }
    }

    async fn fetch(
        &self,
        other: &Other,
        shape: &ApplicationShape,
    ) -> Result<CorroborationShape, String> {
        let body = serde_json::to_vec(shape).expect("an application is JSON");
        let authorization = format!("Bearer {}", other.token);
        let relay = Relay {
            to: &other.target,
            vantage: &self.vantage,
            host: None,
            ask: Ask::Post { body: &body, content_type: "application/json" },
            headers: &[("authorization", &authorization)],
            wanted: &[],
            body_max: ANSWER_BYTES_MAX,
            deadline: ANSWER_DEADLINE,
        };
        let answer = self.net.relay(relay).await.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!("it answers with the status {}", answer.status));
        }
        serde_json::from_slice(&answer.body)
            .map_err(|why| format!("its answer is no record: {why}"))
    }
}

/// What holds of an answer.
fn heard(
    answer: CorroborationShape,
    due: &RecordRow,
    gate: &Gate,
) -> Result<(RecordRow, Vec<ProofFile>), String> {
    let CorroborationShape { record, proofs } = answer;
    may_corroborate(&record, due).map_err(|why| why.to_string())?;
    let mut files = HashMap::new();
    for hash in record.proofs() {
        let bytes = proofs.get(hash).and_then(|text| BASE64_STANDARD.decode(text).ok());
        let bytes = bytes.filter(|bytes| hex::encode(&sha256(bytes)) == hash);
        let bytes = bytes.ok_or_else(|| format!("it does not send the proof {hash}"))?;
        files.insert(hash.to_owned(), bytes);
    }
    let settings = gate.lookups().settings();
    rejudge(&record, settings, &|hash| files.get(hash).cloned()).map_err(|why| why.to_string())?;
    let file = |bytes: Vec<u8>| ProofFile { hash: sha256(&bytes), bytes: bytes.into() };
    Ok((record, files.into_values().map(file).collect()))
}

/// Why a record cannot corroborate another, whatever it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoCorroboration {
    /// It asked others, of whom each could be the one that it is to corroborate.
    #[error("it does not decide by itself")]
    Others,
    /// Another question.
    #[error("its record is about something else")]
    Question,
    /// Another time.
    #[error("it decided at {0}, by its clock, and not at the same time")]
    Time(Timestamp),
    /// None at all.
    #[error(transparent)]
    Form(#[from] NotARecord),
}

/// Whether another gate's record can corroborate ours: what is asked before it is counted, and by whoever verifies the
/// archive.
pub(crate) fn may_corroborate(theirs: &RecordRow, ours: &RecordRow) -> Result<(), NoCorroboration> {
    if theirs.perspectives.is_some() {
        return Err(NoCorroboration::Others);
    }
    if !is_about_the_same(theirs, ours) {
        return Err(NoCorroboration::Question);
    }
    let at = theirs.at()?;
    if at.duration_since(ours.at()?).abs() > CLOCKS_DIFFER_MAX {
        return Err(NoCorroboration::Time(at));
    }
    Ok(())
}

fn is_about_the_same(one: &RecordRow, other: &RecordRow) -> bool {
    let names = |record: &RecordRow| {
        let each = record.names.iter().map(|name| (name.name.clone(), name.method.clone()));
        each.collect::<Vec<_>>()
    };
    one.purpose == other.purpose
        && one.demand == other.demand
        && one.issuers == other.issuers
        && one.accounts == other.accounts
        && names(one) == names(other)
}

/// A record with its proofs: a hundred names, each with proofs of 10 kB.
const ANSWER_BYTES_MAX: usize = 8 << 20;
/// Longer than a gate takes for a lookup with all tries.
const ANSWER_DEADLINE: Duration = Duration::from_secs(25);
/// How far clocks of gates may be apart; an answer is there within half a minute.
const CLOCKS_DIFFER_MAX: SignedDuration = SignedDuration::from_mins(5);
