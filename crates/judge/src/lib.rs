//! What the operator expects, what was seen, and what to make of the difference.
//!
//! An [`observation`] is one certificate that carries guarded names: a log entry's precertificate and certificate
//! are the same one, and so is what many logs carry. An [`expectation`] is all [`rule`]s, which say what is ours,
//! and all [`policy`] entries, which say what could not be. Between the two stands [`decide`]: it gives a verdict,
//! the [`finding`]s that speak against the certificate, and the rules that speak for it. Nothing is decided
//! anywhere else, so that the same evidence and the same rules always give the same answer, today or from an
//! archive.
//!
//! ```text
//!  keys, requests, certificates     statements of other hosts     configuration
//!        material                          statement              third parties, policies
//!            └───────────── Rule ──────────────┴───────────┬──────────┘
//!                                                     Expectation
//!                                                          │
//!  log entry ── ct::watchlist ──▶ Observation ──────▶  decide(…, seen_at, now)
//!                                                          │
//!                       ┌──────────────┬───────────────────┴────┬──────────────┐
//!                  Authorized     ThirdParty               Pending ──hold──▶ Unexpected
//!                    (by)       (by, weak: digest)         (findings)        (findings)
//!                                                                                │
//!  SCTs in our own certificates ── promise ──▶ PromiseVerdict::Broken ─────▶ explanation ──▶ a person
//! ```
//!
//! A rule knows a certificate by its key, by itself, or, weakly, by its issuer's key. Never by the issuer's name,
//! a serial number, a subject key identifier or a CAA record: an attacker's certificate can have all of these. And
//! no rule comes from looking at a server over the network: an interceptor would be asked whether it is one.
//!
//! A [`zone`] is judged by itself, by what its servers and those of its parent say, and so are the [`caa`] records of a
//! name: nobody has to expect anything for that. A zone's [`delegation`] is judged over time, against what the operator
//! expects and what was seen before.
//!
//! Values in, values out: nothing here reads a disk or a clock, connects, or waits. No input panics.

pub mod acme_account;
pub mod ca;
pub mod caa;
pub mod caa_plan;
pub mod decision;
pub mod delegation;
pub mod expectation;
pub mod explanation;
pub mod finding;
pub mod material;
pub mod observation;
pub mod pack;
pub mod plain;
pub mod policy;
pub mod probe;
pub mod promise;
pub mod rule;
pub mod scope;
pub mod severity;
pub mod statement;
pub mod zone;

pub use caa::{CaaFinding, CaaView};
pub use decision::{Decision, Verdict, decide};
pub use expectation::Expectation;
pub use finding::Finding;
pub use observation::{Named, Observation};
pub use policy::{Policy, Wildcards};
pub use rule::{Basis, Origin, Rule, RuleId};
pub use scope::Scope;
pub use severity::Severity;
pub use zone::{ZoneFinding, ZoneReport, ZoneView};
