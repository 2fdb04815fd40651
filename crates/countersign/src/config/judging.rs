//! What is expected, and who may say so: `[judge]`, `[[expect]]`, `[[third-party]]`, `[[directory]]`, `[[host]]`.

use std::collections::{BTreeSet, HashSet};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use countersign_judge::policy::{HOLD_DEFAULT, Policy, Wildcards};
use countersign_judge::rule::{Basis, Origin, Rule, RuleId};
use countersign_judge::scope::Scope;
use countersign_monitor::directories::Kind;
use countersign_tlog::note::VerifierKey;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;

use super::file::File;
use super::period::Period;
use super::settings::{guard_hint, period, seconds, unplaced};
use super::spec::judging::DirectoryKind;
use super::spec::{self, Spec};
use crate::failure::Failure;
use crate::hash;
use crate::print::hex;

/// How certificates are judged, and by what.
#[derive(Clone, Debug)]
pub(crate) struct Judging {
    /// How long a certificate is pending that nobody is known to have asked for.
    pub(crate) hold: Duration,
    pub(crate) policies: Vec<Policy>,
    pub(crate) third_parties: Vec<ThirdParty>,
    pub(crate) directories: Vec<Directory>,
    pub(crate) hosts: Vec<Host>,
}

/// Somebody who has certificates of his own for our names.
#[derive(Clone, Debug)]
pub(crate) struct ThirdParty {
    pub(crate) name: String,
    pub(crate) scope: Scope,
    pub(crate) issuer_keys: BTreeSet<[u8; 32]>,
    pub(crate) validity_max: Duration,
}

/// Where a program on this machine keeps its keys and certificates.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
    /// What its files are believed for.
    pub(crate) scope: Scope,
}

/// Another machine that is believed for some names.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Its name is the host's.
    pub(crate) key: VerifierKey,
    pub(crate) scope: Scope,
}

impl Judging {
    /// Checks what the file says. `guarded` is all that is guarded.
    pub(super) fn new(spec: &Spec, guarded: &Scope, file: &File) -> Result<Self, Failure> {
        let hold = period(&spec.judge.hold, HOLD, &HOLD_RANGE, file)?;
        Ok(Self {
            hold,
            policies: spec
                .expect
                .iter()
                .map(|spec| policy(spec, hold, file))
                .collect::<Result<_, _>>()?,
            third_parties: third_parties(&spec.third_party, file)?,
            directories: directories(&spec.directory, guarded, file)?,
            hosts: hosts(&spec.host, file)?,
        })
    }

    /// The tables that would say all of this.
    pub(super) fn write_into(&self, spec: &mut Spec) {
        spec.judge = spec::Judge { hold: Some(unplaced(Period(self.hold))) };
        spec.expect = self.policies.iter().map(expect_spec).collect();
        spec.third_party = self.third_parties.iter().map(ThirdParty::spec).collect();
        spec.directory = self.directories.iter().map(Directory::spec).collect();
        spec.host = self.hosts.iter().map(Host::spec).collect();
    }
}

impl ThirdParty {
    /// The rule that lets its certificates through. It has been in force for as long as anything is judged.
    pub(crate) fn rule(&self) -> Rule {
        Rule {
            id: RuleId::ThirdParty(self.name.clone()),
            basis: Basis::ThirdParty {
                issuer_keys: self.issuer_keys.clone(),
                validity_max: signed(self.validity_max),
            },
            scope: self.scope.clone(),
            since: Timestamp::UNIX_EPOCH,
            until: None,
            origin: Origin::Configuration,
        }
    }

    fn spec(&self) -> spec::ThirdParty {
        spec::ThirdParty {
            name: unplaced(self.name.clone()),
            names: names_spec(&self.scope),
            issuer_keys: keys_spec(&self.issuer_keys),
            validity_max: unplaced(Period(self.validity_max)),
        }
    }
}

impl Directory {
    fn spec(&self) -> spec::Directory {
        spec::Directory {
            kind: spec_of(self.kind),
            path: Some(unplaced(self.path.clone())),
            names: Some(names_spec(&self.scope)),
        }
    }
}

impl Host {
    fn spec(&self) -> spec::Host {
        spec::Host {
            name: unplaced(self.key.name().to_string()),
            key: unplaced(self.key.to_string()),
            names: names_spec(&self.scope),
        }
    }
}

/// What certificates for some names must be like; `hold` is for the table that names none.
fn policy(spec: &spec::Expect, hold: Duration, file: &File) -> Result<Policy, Failure> {
    let issuer_keys = spec.issuer_keys.as_ref().map(|keys| issuer_keys(keys, file)).transpose()?;
    let validity_max = spec.validity_max.as_ref();
    let validity_max = validity_max.map(|max| file.within(max, &VALIDITY_RANGE)).transpose()?;
    Ok(Policy {
        scope: scope(&spec.names, file)?,
        issuer_keys,
        wildcards: match spec.wildcards {
            None | Some(spec::judging::Wildcards::Expected) => Wildcards::Expected,
            Some(spec::judging::Wildcards::NotExpected) => Wildcards::NotExpected,
        },
        validity_max: validity_max.map(|Period(max)| signed(max)),
        hold: signed(period(&spec.hold, hold, &HOLD_RANGE, file)?),
    })
}

fn expect_spec(policy: &Policy) -> spec::Expect {
    let period = |span: SignedDuration| unplaced(Period(span.unsigned_abs()));
    spec::Expect {
        names: names_spec(&policy.scope),
        issuer_keys: policy.issuer_keys.as_ref().map(keys_spec),
        wildcards: Some(match policy.wildcards {
            Wildcards::Expected => spec::judging::Wildcards::Expected,
            Wildcards::NotExpected => spec::judging::Wildcards::NotExpected,
        }),
        validity_max: policy.validity_max.map(period),
        hold: Some(period(policy.hold)),
    }
}

fn third_parties(specs: &[spec::ThirdParty], file: &File) -> Result<Vec<ThirdParty>, Failure> {
    let (mut parties, mut seen) = (Vec::with_capacity(specs.len()), HashSet::new());
    for spec in specs {
        let name = spec.name.get_ref();
        if name.is_empty() || !seen.insert(name) {
            let why = format!("a third party needs a name of its own, not {name:?}");
            return Err(file.failure_at(&spec.name, why));
        }
        let issuer_keys = issuer_keys(&spec.issuer_keys, file)?;
        if issuer_keys.is_empty() {
            let failure = file.failure_at(&spec.issuer_keys, "there is no authority that it uses");
            return Err(failure.hint("without one nothing of it would be let through"));
        }
        let Period(validity_max) = file.within(&spec.validity_max, &VALIDITY_RANGE)?;
        let scope = scope(&spec.names, file)?;
        parties.push(ThirdParty { name: name.clone(), scope, issuer_keys, validity_max });
    }
    Ok(parties)
}

fn directories(
    specs: &[spec::Directory],
    guarded: &Scope,
    file: &File,
) -> Result<Vec<Directory>, Failure> {
    let mut directories: Vec<Directory> = Vec::with_capacity(specs.len());
    for spec in specs {
        let kind = kind_of(spec.kind);
        let path = match (&spec.path, kind.default_path()) {
            (Some(path), _) if path.get_ref().as_os_str().is_empty() => {
                return Err(file.failure_at(path, "`path` is empty"));
            }
            (Some(path), _) => file.path(path.get_ref()),
            (None, Some(path)) => PathBuf::from(path),
            (None, None) => {
                let why = "a [[directory]] of this kind needs a `path`";
                return Err(file.failure(why).hint("there is no place where it usually is"));
            }
        };
        if directories.iter().any(|known| known.path == path && known.kind == kind) {
            let why = format!("the directory {} is there twice", path.display());
            return Err(match &spec.path {
                Some(path) => file.failure_at(path, why),
                None => file.failure(why),
            }
            .hint("remove one"));
        }
        let scope = match &spec.names {
            Some(names) => scope(names, file)?,
            None => guarded.clone(),
        };
        directories.push(Directory { kind, path, scope });
    }
    Ok(directories)
}

fn kind_of(spec: DirectoryKind) -> Kind {
    match spec {
        DirectoryKind::Certbot => Kind::Certbot,
        DirectoryKind::Caddy => Kind::Caddy,
        DirectoryKind::AcmeSh => Kind::AcmeSh,
        DirectoryKind::Lego => Kind::Lego,
        DirectoryKind::Dehydrated => Kind::Dehydrated,
        DirectoryKind::Prosody => Kind::Prosody,
        DirectoryKind::Pem => Kind::Pem,
    }
}

fn spec_of(kind: Kind) -> DirectoryKind {
    match kind {
        Kind::Certbot => DirectoryKind::Certbot,
        Kind::Caddy => DirectoryKind::Caddy,
        Kind::AcmeSh => DirectoryKind::AcmeSh,
        Kind::Lego => DirectoryKind::Lego,
        Kind::Dehydrated => DirectoryKind::Dehydrated,
        Kind::Prosody => DirectoryKind::Prosody,
        Kind::Pem => DirectoryKind::Pem,
    }
}

fn hosts(specs: &[spec::Host], file: &File) -> Result<Vec<Host>, Failure> {
    let mut hosts: Vec<Host> = Vec::with_capacity(specs.len());
    for spec in specs {
        let name = spec.name.get_ref();
        let key = file.checked(&spec.key, |text| {
            text.parse::<VerifierKey>().map_err(|why| format!("not the key of a host: {why}"))
        });
        let key = key.map_err(|failure| {
            failure.hint("`countersign statement new --name HOST --out FILE` makes one, and prints this table")
        })?;
        if key.name().as_str() != name {
            let why = format!("the key is of the host {:?}, not {name:?}", key.name().as_str());
            return Err(file.failure_at(&spec.key, why));
        }
        // Two keys of one host are right while one takes over from the other.
        if hosts.iter().any(|known| known.key == key) {
            let failure = file.failure_at(&spec.key, "two hosts have this key");
            return Err(failure.hint("remove one, or put all names into the other"));
        }
        hosts.push(Host { key, scope: scope(&spec.names, file)? });
    }
    Ok(hosts)
}

/// A set of names, at least one.
fn scope(names: &Spanned<Vec<Spanned<String>>>, file: &File) -> Result<Scope, Failure> {
    // Each by itself first, since a failure has its line.
    for name in names.get_ref() {
        Scope::new([name.get_ref()]).map_err(|error| {
            let why = format!("{:?} is no name: {}", error.item, error.why);
            file.failure_at(name, why).hint(guard_hint(error.why))
        })?;
    }
    let scope = Scope::new(names.get_ref().iter().map(Spanned::get_ref));
    let scope = scope.expect("each of its names was read before");
    if scope.is_empty() {
        let failure = file.failure_at(names, "there is no name in `names`");
        return Err(failure.hint("`names` is written as `guard` is; \".\" is everything"));
    }
    Ok(scope)
}

fn names_spec(scope: &Scope) -> Spanned<Vec<Spanned<String>>> {
    unplaced(scope.items().map(unplaced).collect())
}

fn issuer_keys(
    keys: &Spanned<Vec<Spanned<String>>>,
    file: &File,
) -> Result<BTreeSet<[u8; 32]>, Failure> {
    let key = |text: &Spanned<String>| {
        let key = file.checked(text, |text| {
            hash::whole(text).ok_or_else(|| format!("{text:?} is not a SHA-256 in hexadecimal"))
        });
        key.map_err(|failure| failure.hint(ISSUER_KEY_HINT))
    };
    keys.get_ref().iter().map(key).collect()
}

fn keys_spec(keys: &BTreeSet<[u8; 32]>) -> Spanned<Vec<Spanned<String>>> {
    unplaced(keys.iter().map(|key| unplaced(hex(key))).collect())
}

fn signed(span: Duration) -> SignedDuration {
    SignedDuration::try_from(span).expect("the configuration allows some years")
}

/// How to come by the hash of an authority's key.
const ISSUER_KEY_HINT: &str = "`openssl x509 -in issuer.pem -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum` prints it";

const HOLD: Duration = HOLD_DEFAULT.unsigned_abs();
/// None is right for who registers all keys first; later than in a day is too late to be told.
const HOLD_RANGE: RangeInclusive<Period> = seconds(0, 86_400);
/// Public certificates last a year at most, those of authorities of one's own sometimes ten.
const VALIDITY_RANGE: RangeInclusive<Period> = seconds(60 * 60, 3_660 * 86_400);
