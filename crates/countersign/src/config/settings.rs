//! What is in force: the file's values checked, the defaults in place of what it leaves out.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use countersign_ct::watchlist::{GUARDS_MAX, Guard, GuardError};
use countersign_judge::scope::Scope;
use countersign_monitor::settings::Place;
use countersign_monitor::{ListSource, OwnLog};
use countersign_net::Vantage;
use countersign_sct::{Api, Log, LogKey, Purpose, State};
use jiff::Timestamp;
use toml::Spanned;

use super::address::{CONTACT_HINT, contact, secure_url};
use super::delivery::Delivery;
use super::file::File;
use super::judging::Judging;
use super::nearest::nearest;
use super::period::Period;
use super::probe::{Probe, probes};
use super::spec::{self, Spec};
use super::vantage::{DIRECT, vantage_spec, vantages};
use super::zone::{Zone, zones};
use crate::failure::Failure;
use crate::when;

/// All that the operator decides. [`Settings::new`] makes it from a file; flags stand above it.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Whom the operators of logs may write to; nobody is asked for anything without it.
    pub(crate) contact: Option<String>,
    /// Where all that was seen is kept.
    pub(crate) state_dir: PathBuf,
    /// What is watched for; never empty.
    pub(crate) guards: Vec<Guard>,
    /// From when on; without it from when guarding began.
    pub(crate) since: Option<Timestamp>,
    /// The lists that say which logs there are.
    pub(crate) sources: Vec<ListSource>,
    /// How often the lists are read again.
    pub(crate) refresh: Duration,
    /// Logs that no list names.
    pub(crate) extra_logs: Vec<Log>,
    pub(crate) watch: Watch,
    pub(crate) judging: Judging,
    /// The zones whose delegation is watched.
    pub(crate) zones: Vec<Zone>,
    /// The domains whose services are probed.
    pub(crate) probes: Vec<Probe>,
    pub(crate) delivery: Delivery,
    /// The name servers to begin at, in the place of the root's.
    pub(crate) hints: Option<PathBuf>,
    /// The keys to trust in DNS, in the place of the root's.
    pub(crate) anchors: Option<PathBuf>,
    /// A PEM file with certification authorities to trust besides the public ones.
    pub(crate) extra_roots: Option<PathBuf>,
    /// From where we look: `direct`, which is always there, and what the file adds.
    pub(crate) vantages: Vec<Vantage>,
}

/// How the logs are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Between two questions for the head of a log that has been read to its end.
    pub(crate) poll: Duration,
    /// Requests under way at one log at once.
    pub(crate) jobs_per_log: usize,
    /// Requests a second that a log gets before its own pace is known.
    pub(crate) requests_per_second: usize,
    /// A log or list that fails for so long is trouble.
    pub(crate) unreachable_after: Duration,
    /// A log that could not be verified for so long counts as not looked at.
    pub(crate) stale_after: Duration,
    /// The name of one of the vantages.
    pub(crate) vantage: String,
}

impl Settings {
    /// Checks what the file says.
    pub(super) fn new(spec: &Spec, file: &File) -> Result<Self, Failure> {
        let vantages = vantages(&spec.vantage, file)?;
        let extra_logs = extra_logs(&spec.extra_log, file)?;
        let (sources, refresh) = log_lists(&spec.log_lists, file)?;
        if sources.is_empty() && extra_logs.is_empty() {
            let why = "there is no log to follow: `sources` is empty and there is no [[extra-log]]";
            return Err(file.failure(why).hint("leave `sources` out to follow the public logs"));
        }
        let guards = guards(&spec.guard, file)?;
        let guarded = Scope::new(guards.iter().map(Guard::to_string));
        let guarded = guarded.expect("what guards can say, scopes can");
        let watch = watch(&spec.watch, &vantages, file)?;
        Ok(Self {
            contact: spec.contact.as_ref().map(|text| contact_of(text, file)).transpose()?,
            state_dir: file.path(spec.state_dir.as_deref().unwrap_or(Path::new(STATE_DIR))),
            guards,
            since: spec.since.as_ref().map(|text| file.checked(text, when::point)).transpose()?,
            sources,
            refresh,
            extra_logs,
            judging: Judging::new(spec, &guarded, file)?,
            zones: zones(&spec.zone, &vantages, &watch.vantage, file)?,
            probes: probes(&spec.probe, &vantages, &watch.vantage, file)?,
            delivery: Delivery::new(spec, &vantages, &watch.vantage, file)?,
            watch,
            hints: spec.dns.hints.as_deref().map(|path| file.path(path)),
            anchors: spec.dns.anchors.as_deref().map(|path| file.path(path)),
            extra_roots: spec.tls.extra_roots.as_deref().map(|path| file.path(path)),
            vantages,
        })
    }

    /// The logs that no list names, as the monitor takes them.
    pub(crate) fn own_logs(&self) -> Vec<OwnLog> {
        let own_log = |log: &Log| OwnLog {
            description: log.description.clone(),
            key: log.key.clone(),
            api: log.api.clone(),
            mmd_s: log.mmd_s,
        };
        self.extra_logs.iter().map(own_log).collect()
    }

    /// The file that would say all of this, defaults included.
    pub(super) fn spec(&self) -> Spec {
        let mut spec = Spec {
            contact: self.contact.clone().map(unplaced),
            state_dir: Some(self.state_dir.clone()),
            guard: self.guards.iter().map(|guard| unplaced(guard.to_string())).collect(),
            since: self.since.map(|since| unplaced(since.to_string())),
            log_lists: spec::LogLists {
                sources: Some(self.sources.iter().map(|s| unplaced(source_spec(s))).collect()),
                refresh: Some(unplaced(Period(self.refresh))),
            },
            watch: spec::Watch {
                poll: Some(unplaced(Period(self.watch.poll))),
                jobs_per_log: Some(unplaced(number(self.watch.jobs_per_log))),
                requests_per_second: Some(unplaced(number(self.watch.requests_per_second))),
                unreachable_after: Some(unplaced(Period(self.watch.unreachable_after))),
                stale_after: Some(unplaced(Period(self.watch.stale_after))),
                vantage: Some(unplaced(self.watch.vantage.clone())),
            },
            dns: spec::Dns { hints: self.hints.clone(), anchors: self.anchors.clone() },
            tls: spec::Tls { extra_roots: self.extra_roots.clone() },
            vantage: self.vantages.iter().map(vantage_spec).collect(),
            extra_log: self.extra_logs.iter().map(extra_log_spec).collect(),
            zone: self.zones.iter().map(Zone::spec).collect(),
            probe: self.probes.iter().map(Probe::spec).collect(),
            ..Spec::default()
        };
        self.judging.write_into(&mut spec);
        self.delivery.write_into(&mut spec);
        spec
    }
}

fn source_spec(source: &ListSource) -> spec::Source {
    let (url, file) = match &source.place {
        Place::Url(url) => (Some(url.clone()), None),
        Place::File(path) => (None, Some(path.clone())),
    };
    spec::Source { name: source.name.clone(), url, file }
}

fn guards(texts: &[Spanned<String>], file: &File) -> Result<Vec<Guard>, Failure> {
    if texts.is_empty() {
        let hint = "add a line like guard = [\".xmpp.example\"]";
        return Err(file.failure("nothing to guard: `guard` is missing or empty").hint(hint));
    }
    if texts.len() > GUARDS_MAX {
        return Err(file.failure(format!("more than {GUARDS_MAX} guards")));
    }
    let (mut guards, mut seen) = (Vec::with_capacity(texts.len()), HashSet::new());
    for text in texts {
        let guard = Guard::parse(text.get_ref()).map_err(|why| {
            file.failure_at(text, bad_guard(text.get_ref(), why)).hint(guard_hint(why))
        })?;
        if !seen.insert(guard.to_string()) {
            return Err(file
                .failure_at(text, format!("{guard} is guarded twice"))
                .hint("remove one"));
        }
        guards.push(guard);
    }
    Ok(guards)
}

/// The guard that a text on the command line means.
pub(crate) fn guard(text: &str) -> Result<Guard, Failure> {
    Guard::parse(text).map_err(|why| Failure::new(bad_guard(text, why)).hint(guard_hint(why)))
}

/// Why a text is no guard.
pub(super) fn bad_guard(text: &str, why: GuardError) -> String {
    format!("cannot guard {text:?}: {why}")
}

/// What to write instead of it.
pub(crate) fn guard_hint(why: GuardError) -> &'static str {
    why.hint().unwrap_or(
        "\"example.org\" is that name alone, \".example.org\" the name and all below it, \
         \"192.0.2.1\" an address",
    )
}

fn contact_of(text: &Spanned<String>, file: &File) -> Result<String, Failure> {
    file.checked(text, contact).map_err(|failure| failure.hint(CONTACT_HINT))
}

fn log_lists(spec: &spec::LogLists, file: &File) -> Result<(Vec<ListSource>, Duration), Failure> {
    let refresh = period(&spec.refresh, REFRESH, &REFRESH_RANGE, file)?;
    let Some(listed) = &spec.sources else {
        let url = |(name, url): (&str, &str)| ListSource {
            name: name.to_owned(),
            place: Place::Url(url.to_owned()),
        };
        return Ok((SOURCES.map(url).into(), refresh));
    };
    let (mut sources, mut seen) = (Vec::with_capacity(listed.len()), HashSet::new());
    for one in listed {
        let spec::Source { name, url, file: path } = one.get_ref();
        let place = match (url, path) {
            (Some(url), None) => {
                secure_url(url).map_err(|why| file.failure_at(one, why))?;
                Place::Url(url.clone())
            }
            (None, Some(path)) => Place::File(file.path(path)),
            (Some(_), Some(_)) | (None, None) => {
                let why = format!("the list {name:?} needs either a `url` or a `file`");
                return Err(file.failure_at(one, why));
            }
        };
        if !seen.insert(name) {
            return Err(file.failure_at(one, format!("two lists are called {name:?}")));
        }
        sources.push(ListSource { name: name.clone(), place });
    }
    Ok((sources, refresh))
}

fn extra_logs(specs: &[spec::ExtraLog], file: &File) -> Result<Vec<Log>, Failure> {
    let mut logs: Vec<Log> = Vec::with_capacity(specs.len());
    for spec in specs {
        let log = extra_log(spec, file)?;
        if logs.iter().any(|known| known.key == log.key) {
            return Err(file.failure_at(&spec.key, "two extra logs have this key"));
        }
        logs.push(log);
    }
    Ok(logs)
}

fn extra_log(spec: &spec::ExtraLog, file: &File) -> Result<Log, Failure> {
    let key = file.checked(&spec.key, |text| {
        let spki = BASE64_STANDARD.decode(text).map_err(|why| format!("not base64: {why}"))?;
        LogKey::from_spki(&spki).map_err(|why| format!("not the key of a log: {why}"))
    });
    let key = key.map_err(|failure| {
        failure.hint("`openssl pkey -pubin -in log.pem -outform DER | base64 -w0` prints it")
    })?;
    // Lists of logs have their URLs without the last slash, too.
    let url = |text| Ok(file.checked(text, secure_url)?.trim_end_matches('/').to_owned());
    let (api, mmd) = match (&spec.url, &spec.monitoring_url, &spec.submission_url) {
        (Some(text), None, None) => (Api::Rfc6962 { url: url(text)? }, RFC6962_MMD),
        (None, Some(monitoring), submission) => {
            let submission_url = submission.as_ref().map(url).transpose()?.unwrap_or_default();
            (Api::StaticCt { submission_url, monitoring_url: url(monitoring)? }, STATIC_CT_MMD)
        }
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (None, None, _) => {
            let why = "an extra log has either a `url` (RFC 6962) or a `monitoring-url` (tiles)";
            return Err(file.failure_at(&spec.key, why));
        }
    };
    Ok(Log {
        key,
        description: spec.description.clone(),
        operator: OPERATOR.to_owned(),
        previous_operators: Vec::new(),
        api,
        mmd_s: Some(period(&spec.mmd, mmd, &MMD_RANGE, file)?.as_secs()),
        states: vec![(State::Usable, Timestamp::UNIX_EPOCH)],
        interval: None,
        purpose: Purpose::Production,
    })
}

fn extra_log_spec(log: &Log) -> spec::ExtraLog {
    let known = |url: &String| (!url.is_empty()).then(|| unplaced(url.clone()));
    let (url, monitoring_url, submission_url) = match &log.api {
        Api::Rfc6962 { url } => (known(url), None, None),
        Api::StaticCt { submission_url, monitoring_url } => {
            (None, known(monitoring_url), known(submission_url))
        }
    };
    spec::ExtraLog {
        description: log.description.clone(),
        key: unplaced(BASE64_STANDARD.encode(log.key.spki())),
        url,
        monitoring_url,
        submission_url,
        mmd: log.mmd_s.map(|seconds| unplaced(Period(Duration::from_secs(seconds)))),
    }
}

fn watch(spec: &spec::Watch, vantages: &[Vantage], file: &File) -> Result<Watch, Failure> {
    let vantage = match &spec.vantage {
        None => DIRECT.to_owned(),
        Some(name) => vantage_of(name, vantages, file)?,
    };
    Ok(Watch {
        poll: period(&spec.poll, POLL, &POLL_RANGE, file)?,
        jobs_per_log: whole(&spec.jobs_per_log, JOBS_PER_LOG, &JOBS_PER_LOG_RANGE, file)?,
        requests_per_second: whole(
            &spec.requests_per_second,
            REQUESTS_PER_SECOND,
            &REQUESTS_PER_SECOND_RANGE,
            file,
        )?,
        unreachable_after: period(
            &spec.unreachable_after,
            UNREACHABLE_AFTER,
            &UNREACHABLE_AFTER_RANGE,
            file,
        )?,
        stale_after: period(&spec.stale_after, STALE_AFTER, &STALE_AFTER_RANGE, file)?,
        vantage,
    })
}

/// The name of a vantage that there is.
pub(super) fn vantage_of(
    name: &Spanned<String>,
    vantages: &[Vantage],
    file: &File,
) -> Result<String, Failure> {
    if vantages.iter().any(|vantage| vantage.name == *name.get_ref()) {
        return Ok(name.get_ref().clone());
    }
    let failure = file.failure_at(name, format!("no vantage is called {:?}", name.get_ref()));
    let meant = nearest(name.get_ref(), vantages.iter().map(|vantage| vantage.name.as_str()));
    Err(match meant {
        Some(meant) => failure.hint(format!("did you mean {meant:?}?")),
        None => failure.hint("add it as a [[vantage]]"),
    })
}

pub(super) fn period(
    value: &Option<Spanned<Period>>,
    default: Duration,
    range: &RangeInclusive<Period>,
    file: &File,
) -> Result<Duration, Failure> {
    let value = value.as_ref().map(|value| file.within(value, range)).transpose()?;
    Ok(value.map_or(default, |Period(span)| span))
}

fn whole(
    value: &Option<Spanned<u64>>,
    default: usize,
    range: &RangeInclusive<u64>,
    file: &File,
) -> Result<usize, Failure> {
    let value = value.as_ref().map(|value| file.within(value, range)).transpose()?;
    Ok(value.map_or(default, |value| usize::try_from(value).expect("the ranges end below 2^16")))
}

fn number(value: usize) -> u64 {
    u64::try_from(value).expect("usize has at most 64 bits")
}

/// A value that stands in no file.
pub(super) fn unplaced<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

/// Who runs the logs that no list names, in what we print.
const OPERATOR: &str = "configured";
const STATE_DIR: &str = "countersign-state";

/// The two browsers' lists that anyone may fetch; together they name every log that a certificate
/// needs to be believed by either.
const SOURCES: [(&str, &str); 2] = [
    ("apple", "https://valid.apple.com/ct/log_list/current_log_list.json"),
    ("google", "https://www.gstatic.com/ct/log_list/v3/all_logs_list.json"),
];

pub(super) const fn seconds(from: u64, to: u64) -> RangeInclusive<Period> {
    Period(Duration::from_secs(from))..=Period(Duration::from_secs(to))
}

/// A new log may be used some weeks after it is listed; an hour is soon enough.
const REFRESH: Duration = Duration::from_secs(60 * 60);
const REFRESH_RANGE: RangeInclusive<Period> = seconds(60, 86_400);
/// Tiled logs merge within a minute (static-ct-api, "Merge delay").
const POLL: Duration = Duration::from_secs(60);
const POLL_RANGE: RangeInclusive<Period> = seconds(1, 60 * 60);
const REQUESTS_PER_SECOND: usize = 2;
const REQUESTS_PER_SECOND_RANGE: RangeInclusive<u64> = 1..=10_000;
const JOBS_PER_LOG: usize = 4;
const JOBS_PER_LOG_RANGE: RangeInclusive<u64> = 1..=64;
/// Operators restart and update their logs; most such gaps are over in minutes.
const UNREACHABLE_AFTER: Duration = Duration::from_secs(15 * 60);
const UNREACHABLE_AFTER_RANGE: RangeInclusive<Period> = seconds(60, 86_400);
/// As long as the maximum merge delay of RFC 6962 logs: a certificate may stay out of sight for
/// that long by the rules.
const STALE_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
const STALE_AFTER_RANGE: RangeInclusive<Period> = seconds(60, 7 * 86_400);
/// What the browsers' policies allow, and what logs promise (RFC 6962 §3; Chrome's log policy).
const RFC6962_MMD: Duration = Duration::from_secs(24 * 60 * 60);
const STATIC_CT_MMD: Duration = Duration::from_secs(60);
const MMD_RANGE: RangeInclusive<Period> = seconds(1, 7 * 86_400);
