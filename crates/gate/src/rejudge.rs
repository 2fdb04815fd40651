//! A record judged once more, by whoever was not there: do its proofs hold, and does the same come out?

use countersign_caa::climb::{Climb, Lookup, Next, Outcome, Security};
use countersign_caa::mpic::{Corroboration, Region, Remote, Word};
use countersign_caa::{Reason, Verdict, decide};
use countersign_dns::proof::{Proof, ProofError, Unproved};
use countersign_dns::{Query, Rtype, walk};
use countersign_judge::caa::lookup;
use jiff::{SignedDuration, Timestamp};

use crate::corroborate::{NoCorroboration, may_corroborate};
use crate::lookup::KEPT_H_MAX;
use crate::perspective::{counted, rules_at, word};
use crate::row::{LookupRow, NameRow, NotARecord, PerspectivesRow, RecordRow, property, verdict};

/// Why a record does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsound {
    /// It cannot be read.
    #[error(transparent)]
    Form(#[from] NotARecord),
    /// A proof is not there.
    #[error("{name}: the proof {hash} is not there")]
    Missing {
        /// The name that was looked up.
        name: String,
        /// The hash of the proof.
        hash: String,
    },
    /// A proof cannot be read.
    #[error("{name}: {why}")]
    Unreadable {
        /// The name that was looked up.
        name: String,
        /// What is wrong.
        why: ProofError,
    },
    /// A proof does not hold.
    #[error("{name}: {why}")]
    Unproved {
        /// The name that was looked up.
        name: String,
        /// What is wrong.
        why: Unproved,
    },
    /// A proof shows something else than what the record says.
    #[error("{name}: the proof shows something else than the record says")]
    Other {
        /// The name that was looked up.
        name: String,
    },
    /// Something that would need a proof has none.
    #[error("{name}: the record calls it secure or insecure, and nothing proves it")]
    Baseless {
        /// The name that was looked up.
        name: String,
    },
    /// A lookup is too old for the decision, or newer than it.
    #[error("{name}: it was not looked up within the {KEPT_H_MAX} hours before the decision")]
    Time {
        /// The name that was looked up.
        name: String,
    },
    /// Lookups are missing, or there are others.
    #[error("{name}: its lookups are not those that it takes to decide")]
    Lookups {
        /// The name that was decided about.
        name: String,
    },
    /// What another gate said cannot count.
    #[error("{name}: {why}")]
    Perspective {
        /// What that gate is called.
        name: String,
        /// Why.
        why: NoCorroboration,
    },
    /// Something else comes out.
    #[error("{name}: by what was looked up it is {due}, and the record says {said}")]
    Verdict {
        /// The name that was decided about.
        name: String,
        /// What comes out.
        due: &'static str,
        /// What the record says.
        said: String,
    },
    /// The record as a whole says something else than its parts.
    #[error("the record says {0}, and its parts do not")]
    Whole(String),
}

/// Judges a record once more. `proof` finds a proof by its hash, as bytes that have that hash.
pub fn rejudge(
    record: &RecordRow,
    settings: &walk::Settings,
    proof: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<(), Unsound> {
    let mut is_allowed = !record.names.is_empty();
    let mut before = None;
    for name in &record.names {
        // Each name once (the incident of 2020), in order.
        let identifier = record.request(name)?.identifier;
        if before.as_ref().is_some_and(|before| *before >= identifier) {
            return Err(NotARecord("the order of its names").into());
        }
        is_allowed &= of_name(record, name, settings, proof)?.verdict() == Verdict::Allow;
        before = Some(identifier);
    }
    if let Some(perspectives) = &record.perspectives {
        is_allowed &= of_perspectives(record, perspectives, settings, proof)?;
    }
    let due = if is_allowed { Verdict::Allow } else { Verdict::Deny };
    if verdict(due) == record.verdict {
        Ok(())
    } else {
        Err(Unsound::Whole(record.verdict.clone()))
    }
}

/// Whether enough others permitted, by their own records.
fn of_perspectives(
    record: &RecordRow,
    row: &PerspectivesRow,
    settings: &walk::Settings,
    proof: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<bool, Unsound> {
    let mut remotes = Vec::new();
    for said in &row.said {
        let region = Region::parse(&said.region).ok_or(NotARecord("a region"))?;
        let words = [Word::Permits, Word::Refuses, Word::Silent];
        let word = words.into_iter().find(|known| word(*known) == said.word);
        let word = word.ok_or(NotARecord("what a perspective says"))?;
        if word == Word::Permits {
            let theirs =
                said.record.as_ref().ok_or(NotARecord("a perspective without a record"))?;
            may_corroborate(theirs, record)
                .map_err(|why| Unsound::Perspective { name: said.name.clone(), why })?;
            if theirs.verdict != verdict(Verdict::Allow) {
                return Err(NotARecord("a permission by a record that denies").into());
            }
            rejudge(theirs, settings, proof)?;
        }
        remotes.push(Remote { region, word });
    }
    let rules = rules_at(record.at()?);
    let demanded = (rules.map(|rules| rules.remotes_min), rules.map(|rules| rules.regions_min));
    if demanded != (row.remotes_min, row.regions_min) {
        return Err(NotARecord("what is demanded of perspectives").into());
    }
    let counted = counted(rules, &remotes);
    if counted.as_str() != row.corroboration {
        return Err(Unsound::Whole(row.corroboration.clone()));
    }
    Ok(counted == Corroboration::Enough)
}

fn of_name(
    record: &RecordRow,
    row: &NameRow,
    settings: &walk::Settings,
    proof: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Reason, Unsound> {
    let (request, profile, at) = (record.request(row)?, record.profile()?, record.at()?);
    let mut climb = Climb::new(request.identifier.name.clone(), profile.failures);
    let other = || Unsound::Lookups { name: row.name.clone() };
    for step in &row.lookups {
        match climb.next() {
            Next::Ask(name) if name.as_str() == step.name => {}
            Next::Ask(_) | Next::Done(_) => return Err(other()),
        }
        climb.feed(of_lookup(step, at, settings, proof)?);
    }
    let climbed = match climb.next() {
        Next::Done(climbed) => climbed.clone(),
        Next::Ask(_) => return Err(other()),
    };
    let reason = decide(&request, climbed, &profile).reason;
    let due = verdict(reason.verdict());
    if due == row.verdict && reason.as_str() == row.reason {
        let is_same = property(&reason) == row.property;
        return if is_same {
            Ok(reason)
        } else {
            Err(NotARecord("the record that decided").into())
        };
    }
    let (name, said) = (row.name.clone(), format!("{}: {}", row.verdict, row.reason));
    Err(Unsound::Verdict { name, due: reason.as_str(), said })
}

/// What came of a lookup, held against its proof.
fn of_lookup(
    row: &LookupRow,
    at: Timestamp,
    settings: &walk::Settings,
    proof: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Lookup, Unsound> {
    let said = row.lookup()?;
    let name = || row.name.clone();
    let Some(hash) = &row.proof else {
        return match said.security() {
            Security::Secure | Security::Insecure => Err(Unsound::Baseless { name: name() }),
            Security::Indeterminate | Security::Bogus => Ok(said),
        };
    };
    let bytes = proof(hash).ok_or_else(|| Unsound::Missing { name: name(), hash: hash.clone() })?;
    let proof = Proof::parse(&bytes).map_err(|why| Unsound::Unreadable { name: name(), why })?;
    let owner = row.name.parse().map_err(|_| NotARecord("a name"))?;
    let is_about = *proof.query() == Query { name: owner, rtype: Rtype::CAA };
    let validated_at: Timestamp =
        row.validated_at.parse().map_err(|_| NotARecord("the time of a lookup"))?;
    if !is_about || validated_at != proof.validated_at() {
        return Err(Unsound::Other { name: name() });
    }
    // Proofs have whole seconds.
    let age = at.duration_since(validated_at);
    if age < SignedDuration::ZERO || age > SignedDuration::from_hours(KEPT_H_MAX) {
        return Err(Unsound::Time { name: name() });
    }
    let walked =
        proof.verify(settings, None).map_err(|why| Unsound::Unproved { name: name(), why })?;
    let shown = lookup(&walked, row.ttl_s, 1);
    if is_same(&said, &shown) { Ok(said) } else { Err(Unsound::Other { name: name() }) }
}

/// Whether a lookup is what a proof shows. Behind the first name that is not signed a proof shows nothing: from there on
/// anybody on the way can say what they like, and the record tells what was said.
fn is_same(said: &Lookup, shown: &Lookup) -> bool {
    if said.security() == Security::Secure {
        let same = match (&said.outcome, &shown.outcome) {
            (Outcome::Records(said), Outcome::Records(shown)) => said == shown,
            (Outcome::None, Outcome::None) => true,
            (Outcome::Records(_) | Outcome::None | Outcome::Failed(_), _) => false,
        };
        return same && said.hops == shown.hops;
    }
    let secure = |lookup: &Lookup| {
        lookup.hops.iter().take_while(|hop| hop.security == Security::Secure).count()
    };
    let (ours, theirs) = (secure(said), secure(shown));
    let at = |lookup: &Lookup| lookup.hops.get(ours).map(|hop| (hop.name.clone(), hop.security));
    let is_insecure = at(shown).is_some_and(|(_, security)| security == Security::Insecure);
    ours == theirs
        && said.hops[..ours] == shown.hops[..ours]
        && at(said) == at(shown)
        && is_insecure
}
