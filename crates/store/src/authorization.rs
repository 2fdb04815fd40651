//! Authorizations: the keys and certificates that the operator, a watched directory or another host asked for.
//!
//! They are the rules that a judgement goes by, so each change of them moves a revision. A watch reads them again
//! when it has moved: they may come from another process.

use countersign_judge::{Basis, Origin, Rule, RuleId, Scope};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::column::{self, Millis, Unsigned};
use crate::error::StoreError;
use crate::evidence;
use crate::store::{Desk, Reader};

/// Which authorization. Later ones have larger ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthorizationId(pub u64);

/// Which state of the rules. Only the store makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RulesRevision(u64);

/// What is authorized, as it goes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuthorization {
    /// The key, or the one certificate.
    pub basis: KeyOrCertificate,
    /// For which names.
    pub scope: Scope,
    /// Until when, to the millisecond; `None`: until it is revoked.
    pub until: Option<Timestamp>,
    /// Who says so.
    pub origin: Origin,
    /// For people.
    pub note: String,
}

/// What an authorization knows a certificate by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyOrCertificate {
    /// SHA-256 of its public key.
    Key([u8; 32]),
    /// SHA-256 of its TBSCertificate, less poison and SCT list.
    Certificate([u8; 32]),
}

/// What became of an authorization that was registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It is new.
    New(AuthorizationId),
    /// There is one that says the same.
    Known(AuthorizationId),
    /// A person revoked this one, and only a person authorizes that key or certificate again.
    Revoked(AuthorizationId),
}

/// What became of an authorization that was to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revoked {
    /// It was in force until now.
    Now,
    /// It had been revoked before.
    Already,
    /// There is none.
    Unknown,
}

/// A statement of another host, verified.
#[derive(Clone, Copy, Debug)]
pub struct NewStatement<'a> {
    /// Who made it.
    pub host: &'a str,
    /// Its number: higher than that of any earlier one of this host.
    pub sequence: u64,
    /// The signed note, as received.
    pub note: &'a [u8],
    /// What it authorizes.
    pub authorization: &'a NewAuthorization,
}

/// What became of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It counts, and its number is used up.
    Yes(Registered),
    /// This one or a later one was accepted before. Nothing was written.
    Replayed {
        /// The number of the last one that was accepted.
        last: u64,
    },
}

/// An authorization, as it was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Which.
    pub id: AuthorizationId,
    /// As in [`NewAuthorization`].
    pub basis: KeyOrCertificate,
    /// As in [`NewAuthorization`].
    pub scope: Scope,
    /// As in [`NewAuthorization`].
    pub until: Option<Timestamp>,
    /// As in [`NewAuthorization`].
    pub origin: Origin,
    /// As in [`NewAuthorization`].
    pub note: String,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When it was revoked; `None` while it is in force.
    pub revoked_at: Option<Timestamp>,
}

/// Which authorizations to list.
#[derive(Clone, Copy, Debug)]
pub struct AuthorizationFilter {
    /// The first ones after this; `None`: the last ones. To page on, give the last id of the page.
    pub after: Option<AuthorizationId>,
    /// Only those that were not revoked, and last at least until then.
    pub in_force_at: Option<Timestamp>,
    /// At most so many.
    pub limit: u32,
}

impl Desk {
    /// Registers authorizations, all of them in one transaction. What became of each, in order.
    pub fn register(
        &self,
        authorizations: &[NewAuthorization],
        now: Timestamp,
    ) -> Result<Vec<Registered>, StoreError> {
        self.write(|connection| {
            authorizations.iter().map(|new| register(connection, new, now)).collect()
        })
    }

    /// Ends an authorization. It stays in the store, as revoked.
    pub fn revoke(&self, id: AuthorizationId, now: Timestamp) -> Result<Revoked, StoreError> {
        self.write(|connection| {
            let mut update = connection.prepare_cached(
                "UPDATE authorization
                 SET revoked_at = ?2, revoked_after = (SELECT max(id) FROM authorization)
                 WHERE id = ?1 AND revoked_at IS NULL",
            )?;
            if update.execute((Unsigned(id.0), Millis(now)))? > 0 {
                move_rules(connection)?;
                return Ok(Revoked::Now);
            }
            let mut select = connection.prepare_cached(ONE)?;
            Ok(if select.exists([Unsigned(id.0)])? { Revoked::Already } else { Revoked::Unknown })
        })
    }

    /// Registers what another host states, if it never stated that before. The caller has verified the signature
    /// and the scope.
    pub fn accept_statement(
        &self,
        statement: &NewStatement<'_>,
        now: Timestamp,
    ) -> Result<Accepted, StoreError> {
        self.write(|connection| {
            let last = last_sequence(connection, statement.host)?;
            if let Some(last) = last.filter(|last| statement.sequence <= *last) {
                return Ok(Accepted::Replayed { last });
            }
            let registered = register(connection, statement.authorization, now)?;
            let mut insert = connection.prepare_cached(
                "INSERT INTO statement (host, sequence, accepted_at, note, authorization)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            insert.execute((
                statement.host,
                Unsigned(statement.sequence),
                Millis(now),
                evidence::keep(connection, statement.note)?,
                Unsigned(registered.id().0),
            ))?;
            Ok(Accepted::Yes(registered))
        })
    }
}

impl Registered {
    /// The one that says so: the new one, the known one, the revoked one.
    pub fn id(self) -> AuthorizationId {
        match self {
            Self::New(id) | Self::Known(id) | Self::Revoked(id) => id,
        }
    }
}

impl Reader {
    /// Authorizations, the newest last.
    pub fn authorizations(
        &self,
        filter: &AuthorizationFilter,
    ) -> Result<Vec<Authorization>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(match filter.after {
                Some(_) => FIRST_AFTER,
                None => LAST,
            })?;
            let after = column::after(filter.after.map(|id| id.0));
            let rows = select
                .query_and_then((after, filter.limit, filter.in_force_at.map(Millis)), read)?;
            let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
            rows.sort_unstable_by_key(|row| row.id);
            Ok(rows)
        })
    }

    /// One authorization.
    pub fn authorization(&self, id: AuthorizationId) -> Result<Option<Authorization>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached(ONE)?;
            select.query_and_then([Unsigned(id.0)], read)?.next().transpose()
        })
    }

    /// All authorizations that were not revoked, as rules, and the revision at which they stand. One that has run
    /// out is among them: it was in force when older certificates were seen.
    pub fn rules(&self) -> Result<(RulesRevision, Vec<Rule>), StoreError> {
        self.read(|connection| {
            let revision = revision(connection)?;
            let mut select = connection.prepare_cached(RULES)?;
            let rules = select.query_and_then([], |row| read(row).map(Rule::from))?;
            Ok((revision, rules.collect::<Result<_, _>>()?))
        })
    }

    /// The revision at which the rules stand: they are to be read again if it is another than the one known.
    pub fn rules_revision(&self) -> Result<RulesRevision, StoreError> {
        self.read(|connection| revision(connection))
    }

    /// The number of the last statement of `host` that was accepted.
    pub fn last_sequence(&self, host: &str) -> Result<Option<u64>, StoreError> {
        self.read(|connection| last_sequence(connection, host))
    }
}

impl From<Authorization> for Rule {
    fn from(row: Authorization) -> Self {
        Self {
            id: RuleId::Authorization(row.id.0),
            basis: match row.basis {
                KeyOrCertificate::Key(spki_sha256) => Basis::Key { spki_sha256 },
                KeyOrCertificate::Certificate(tbs_sha256) => Basis::Certificate { tbs_sha256 },
            },
            scope: row.scope,
            since: row.registered_at,
            until: row.until,
            origin: row.origin,
        }
    }
}

// As in sightings, the `> ?1` of the last ones changes nothing: there it is 0.
pub(crate) const FIRST_AFTER: &str = "SELECT * FROM authorization WHERE id > ?1
    AND (?3 IS NULL OR (revoked_at IS NULL AND coalesce(until >= ?3, TRUE))) ORDER BY id LIMIT ?2";
pub(crate) const LAST: &str = "SELECT * FROM authorization WHERE id > ?1
    AND (?3 IS NULL OR (revoked_at IS NULL AND coalesce(until >= ?3, TRUE))) ORDER BY id DESC LIMIT ?2";
pub(crate) const ONE: &str = "SELECT * FROM authorization WHERE id = ?1";
const RULES: &str = "SELECT * FROM authorization WHERE revoked_at IS NULL";
/// The last one that says the same.
pub(crate) const SAME: &str = "SELECT id FROM authorization WHERE sha256 = ?1 AND basis = ?2
    AND scope = ?3 AND until IS ?4 AND origin = ?5 AND place = ?6 AND revoked_at IS NULL
    ORDER BY id DESC LIMIT 1";
/// The last one that was revoked of this key or certificate, unless a person authorized it since then. Ids say what
/// came since: a clock may have gone back.
pub(crate) const REVOKED: &str = "SELECT id FROM authorization AS revoked
    WHERE sha256 = ?1 AND basis = ?2 AND revoked_at IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM authorization AS later WHERE later.sha256 = ?1 AND later.basis = ?2
            AND later.id > revoked.revoked_after AND later.origin = 'command' AND later.revoked_at IS NULL)
    ORDER BY id DESC LIMIT 1";
// In the order in which they were accepted: SQL cannot compare numbers of 2^63 or more.
pub(crate) const LAST_SEQUENCE: &str =
    "SELECT sequence FROM statement WHERE host = ?1 ORDER BY id DESC LIMIT 1";

fn register(
    connection: &Connection,
    new: &NewAuthorization,
    now: Timestamp,
) -> Result<Registered, StoreError> {
    let id = |row: &Row<'_>| Ok(AuthorizationId(row.get::<_, Unsigned>(0)?.0));
    let (basis, sha256) = new.basis.columns();
    let (origin, place) = columns(&new.origin);
    let (scope, until) = (new.scope.to_string(), new.until.map(Millis));
    let mut same = connection.prepare_cached(SAME)?;
    let same = same.query_row((sha256, basis, &scope, &until, origin, place), id);
    if let Some(id) = same.optional()? {
        return Ok(Registered::Known(id));
    }
    // Whoever took a key can also put it into another directory, or state it again until another day.
    if new.origin != Origin::Command {
        let mut revoked = connection.prepare_cached(REVOKED)?;
        if let Some(id) = revoked.query_row((sha256, basis), id).optional()? {
            return Ok(Registered::Revoked(id));
        }
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO authorization (basis, sha256, scope, until, origin, place, note, registered_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    let row =
        insert.insert((basis, sha256, scope, until, origin, place, &new.note, Millis(now)))?;
    move_rules(connection)?;
    Ok(Registered::New(AuthorizationId(row.cast_unsigned())))
}

fn move_rules(connection: &Connection) -> Result<(), StoreError> {
    let mut update =
        connection.prepare_cached("UPDATE watch SET rules_revision = rules_revision + 1")?;
    update.execute([])?;
    Ok(())
}

fn revision(connection: &Connection) -> Result<RulesRevision, StoreError> {
    let mut select = connection.prepare_cached("SELECT rules_revision FROM watch WHERE one = 1")?;
    Ok(RulesRevision(select.query_row([], |row| row.get::<_, Unsigned>(0))?.0))
}

fn last_sequence(connection: &Connection, host: &str) -> Result<Option<u64>, StoreError> {
    let mut select = connection.prepare_cached(LAST_SEQUENCE)?;
    let sequence: Option<Unsigned> = select.query_row([host], |row| row.get(0)).optional()?;
    Ok(sequence.map(|sequence| sequence.0))
}

impl KeyOrCertificate {
    fn columns(&self) -> (&'static str, &[u8; 32]) {
        match self {
            Self::Key(sha256) => ("key", sha256),
            Self::Certificate(sha256) => ("certificate", sha256),
        }
    }
}

fn columns(origin: &Origin) -> (&'static str, &str) {
    match origin {
        Origin::Command => ("command", ""),
        Origin::Directory { path } => ("directory", path),
        Origin::Statement { host } => ("statement", host),
        Origin::Configuration => panic!("the rules of the configuration stay there"),
    }
}

fn read(row: &Row<'_>) -> Result<Authorization, StoreError> {
    let (basis, sha256): (String, [u8; 32]) = (row.get("basis")?, row.get("sha256")?);
    let (origin, place): (String, String) = (row.get("origin")?, row.get("place")?);
    let scope: String = row.get("scope")?;
    Ok(Authorization {
        id: AuthorizationId(row.get::<_, Unsigned>("id")?.0),
        basis: match basis.as_str() {
            "key" => KeyOrCertificate::Key(sha256),
            "certificate" => KeyOrCertificate::Certificate(sha256),
            _ => return Err(column::damaged("an authorization", "basis", &basis)),
        },
        scope: scope.parse().map_err(|_| column::damaged("an authorization", "scope", &scope))?,
        until: row.get::<_, Option<Millis>>("until")?.map(|until| until.0),
        origin: match origin.as_str() {
            "command" => Origin::Command,
            "directory" => Origin::Directory { path: place },
            "statement" => Origin::Statement { host: place },
            _ => return Err(column::damaged("an authorization", "origin", &origin)),
        },
        note: row.get("note")?,
        registered_at: row.get::<_, Millis>("registered_at")?.0,
        revoked_at: row.get::<_, Option<Millis>>("revoked_at")?.map(|revoked| revoked.0),
    })
}

#[cfg(test)]
mod tests;
