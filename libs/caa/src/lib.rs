//! Certification authority authorization: may this CA issue for this name, asked by this account, validated in this
//! way? RFC 8659 (CAA), RFC 8657 (accounts and methods), RFC 9495 (mail), and what the CA/Browser Forum adds to them.
//! Values in, values out: no sockets, no clock, no resolver of its own.
//!
//! ```text
//!  identifier ──> Climb ──ask──> whoever can look names up ──Lookup──> Climb ──> Climbed ┐
//!  who asks, how it was validated, by which names the CA goes ──────────────> Request ───┼─ decide ─> Decision
//!  what the CA does where the rules leave it a choice ──────────────────────> Profile ───┘
//! ```
//!
//! A CA embeds it like this:
//!
//! ```
//! use countersign_caa::climb::{Climb, Hop, Lookup, Next, Outcome, Security};
//! use countersign_caa::{Account, Identifier, Method, Name, Profile, Purpose, Record, Request, Verdict, decide};
//!
//! let profile = Profile::default(); // failures deny
//! let request = Request {
//!     identifier: Identifier::parse("xmpp.example").expect("a name"),
//!     purpose: Purpose::Tls,
//!     issuers: vec![Name::parse("ca.example").expect("a name")],
//!     accounts: vec![Account::own("https://ca.example/acct/1")],
//!     method: Some(Method::parse("dns-01").expect("a label")),
//!     constrained: Vec::new(),
//! };
//! let mut climb = Climb::new(request.identifier.name.clone(), profile.failures);
//! let climbed = loop {
//!     match climb.next() {
//!         Next::Done(climbed) => break climbed.clone(),
//!         // Here the CA's validating resolver is asked, and says how secure each name on the way is.
//!         Next::Ask(name) => {
//!             let bound = Record::new(0, "issue", "ca.example; accounturi=https://ca.example/acct/2");
//!             let hop = Hop { name: name.as_str().to_owned(), security: Security::Secure };
//!             climb.feed(Lookup { hops: vec![hop], outcome: Outcome::Records(vec![bound]), ttl_s: 300 });
//!         }
//!     }
//! };
//! let decision = decide(&request, climbed, &profile);
//! assert_eq!(decision.verdict(), Verdict::Deny);
//! assert_eq!(decision.reason.as_str(), "accounturi-mismatch");
//! ```
//!
//! Every name in a certificate has a decision of its own. A lookup that failed is never an answer, and a CA that has
//! no validating resolver says `Indeterminate`, which denies.

mod account;
pub mod climb;
mod constrained;
mod decide;
mod decision;
mod method;
pub mod mpic;
mod name;
pub mod persist;
mod profile;
mod record;
mod request;
mod value;

pub use account::{Account, AccountUri, Relation};
pub use climb::{Climb, Climbed, Lookup, Security};
pub use constrained::{Constrained, Constraint, ConstraintError};
pub use decide::{OCTETS_MAX, RECORDS_MAX, decide};
pub use decision::{Bearing, Decision, Judged, Reason, Unmet, Verdict};
pub use method::{Method, MethodError, MethodsError, permitted_methods};
pub use name::{Identifier, Name, NameError, Wildcard};
pub use profile::{Demand, Failures, Profile, ReservedFlags, SecurityProperty};
pub use record::{Record, RecordError, Tag};
pub use request::{Purpose, Request};
pub use value::{IssueValue, Parameter, ValueError};
