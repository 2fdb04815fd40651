//! The gate's own configuration file: its form, and what it means.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_caa::mpic::Region;
use countersign_caa::{Demand, Name};
use countersign_dns::resolution::Families;
use countersign_gate::acme::Strangers;
use countersign_gate::lookup::KEPT_H_MAX;
use countersign_net::Target;
use serde::Deserialize;
use toml::Spanned;

use super::address::secure_url;
use super::file::File;
use super::period::Period;
use crate::args::redirect;
use crate::failure::Failure;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Spec {
    /// Where decisions and proofs are kept; relative to this file.
    archive: PathBuf,
    /// The names by which the CA says, in its practice statement, that it is known in CAA records.
    issuers: Vec<Spanned<String>>,
    /// Whether every lookup has to be signed: with `true`, no certificate is allowed for a zone without DNSSEC.
    require_secure: Option<bool>,
    /// How long anything that was looked up is used again at most, however long its time to live is.
    keep_max: Option<Spanned<Period>>,
    #[serde(default)]
    dns: DnsSpec,
    acme: Option<AcmeSpec>,
    api: Option<ApiSpec>,
    #[serde(default)]
    perspective: Vec<PerspectiveSpec>,
    #[serde(default)]
    tls: TlsSpec,
}

/// `[dns]`: where looking up begins.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DnsSpec {
    /// Begin at the servers in this file, in the place of the root's; relative to this file.
    hints: Option<PathBuf>,
    /// Trust the keys in this file, DS or DNSKEY records, in the place of the root's; relative to this file.
    anchors: Option<PathBuf>,
    /// Ask servers at addresses of this family only.
    family: Option<FamilySpec>,
    /// For tests: `"ADDRESS=ADDRESS:PORT"`, the server with this address is at that one on loopback. Nobody else is
    /// asked then.
    #[serde(default)]
    redirect: Vec<Spanned<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FamilySpec {
    Ipv4,
    Ipv6,
}

/// `[acme]`: the proxy before an ACME CA.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AcmeSpec {
    /// Address and port of the proxy.
    listen: SocketAddr,
    /// The directory as clients see it: `"https://acme.ca.example/directory"`.
    directory: Spanned<String>,
    /// The directory at the CA; it has the same path.
    upstream: Spanned<String>,
    /// A PEM file with who may certify the CA's server, and nobody else may; relative to this file. Without it, those
    /// who may certify any public server.
    upstream_roots: Option<PathBuf>,
    /// A PEM file with the certificate of the proxy and those above it; relative to this file.
    certificate: PathBuf,
    /// A PEM file with its key; relative to this file.
    key: PathBuf,
    /// What becomes of requests by accounts that the gate has not seen being made or looked up: they are refused
    /// (`"refuse"`), or passed on for the CA to verify (`"leave-to-ca"`).
    unknown_accounts: Option<UnknownSpec>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum UnknownSpec {
    Refuse,
    LeaveToCa,
}

/// `[api]`: decisions over HTTP.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ApiSpec {
    /// Address and port.
    listen: Spanned<SocketAddr>,
    /// As in `[acme]`. Without it HTTP is spoken in the clear, on loopback only.
    certificate: Option<PathBuf>,
    /// See `certificate`.
    key: Option<PathBuf>,
    /// A file with the token that the CA's own software has to show; relative to this file.
    token_file: Option<PathBuf>,
    /// Files with the tokens of gates that may ask for corroboration; relative to this file.
    #[serde(default)]
    corroboration_token_files: Vec<PathBuf>,
    /// A file with the secret of step-ca's webhook, in base64 as step-ca prints it; relative to this file.
    step_ca_secret_file: Option<PathBuf>,
}

/// `[[perspective]]`: a gate elsewhere that has to see the same.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PerspectiveSpec {
    /// What it is called.
    name: String,
    /// The region of the Regional Internet Registry that it is in: afrinic, apnic, arin, lacnic or ripe.
    region: Spanned<String>,
    /// Its API: `"https://gate.elsewhere.example"`.
    url: Spanned<String>,
    /// A file with the token that it knows us by; relative to this file.
    token_file: PathBuf,
}

/// `[tls]`: whom we believe when we connect to gates elsewhere.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct TlsSpec {
    /// A PEM file with certification authorities to trust besides the public ones; relative to this file.
    extra_roots: Option<PathBuf>,
}

/// What is in force.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) archive: PathBuf,
    pub(crate) issuers: Vec<Name>,
    pub(crate) demand: Demand,
    pub(crate) keep_max: Duration,
    pub(crate) hints: Option<PathBuf>,
    pub(crate) anchors: Option<PathBuf>,
    pub(crate) families: Families,
    pub(crate) redirect: Vec<(IpAddr, SocketAddr)>,
    pub(crate) acme: Option<Acme>,
    pub(crate) api: Option<Api>,
    pub(crate) perspectives: Vec<Perspective>,
    pub(crate) extra_roots: Option<PathBuf>,
}

/// The proxy.
#[derive(Debug)]
pub(crate) struct Acme {
    pub(crate) listen: SocketAddr,
    pub(crate) directory: String,
    pub(crate) upstream: String,
    pub(crate) upstream_roots: Option<PathBuf>,
    pub(crate) tls: TlsFiles,
    pub(crate) strangers: Strangers,
}

/// The API.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) listen: SocketAddr,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) corroboration_token_files: Vec<PathBuf>,
    pub(crate) step_ca_secret_file: Option<PathBuf>,
}

/// What a server shows itself with.
#[derive(Debug)]
pub(crate) struct TlsFiles {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

/// A gate elsewhere.
#[derive(Debug)]
pub(crate) struct Perspective {
    pub(crate) name: String,
    pub(crate) region: Region,
    pub(crate) url: String,
    pub(crate) token_file: PathBuf,
}

/// Reads the file that was named.
pub(crate) fn settings(named: Option<&Path>) -> Result<Settings, Failure> {
    let path = named.ok_or_else(|| {
        Failure::new("the gate has a configuration of its own, and none was named")
            .hint("name it: countersign gate --config gate.toml (docs/gate.md)")
    })?;
    Settings::new(&File::read(path.to_owned())?)
}

impl Settings {
    fn new(file: &File) -> Result<Self, Failure> {
        let spec: Spec = file.parsed()?;
        let parse = |text: &str| Name::parse(text).map_err(|why| format!("{text:?}: {why}"));
        let issuers = spec.issuers.iter().map(|issuer| file.checked(issuer, parse));
        let issuers: Vec<Name> = issuers.collect::<Result<_, _>>()?;
        if issuers.is_empty() {
            let why = "`issuers` is empty: every CAA record would forbid every certificate";
            return Err(file.failure(why));
        }
        let most = Period(KEEP_MAX);
        let keep_max = spec
            .keep_max
            .as_ref()
            .map(|period| file.within(period, &(Period(Duration::ZERO)..=most)));
        let redirects = spec.dns.redirect.iter().map(|text| file.checked(text, redirect));
        let acme = spec.acme.as_ref().map(|acme| Acme::new(acme, file)).transpose()?;
        let api = spec.api.as_ref().map(|api| Api::new(api, file)).transpose()?;
        if acme.is_none() && api.is_none() {
            return Err(file.failure("there is neither [acme] nor [api]: nobody could ask"));
        }
        let perspectives = perspectives(&spec.perspective, file)?;
        let place = |path: &Option<PathBuf>| path.as_ref().map(|path| file.path(path));
        Ok(Self {
            archive: file.path(&spec.archive),
            issuers,
            demand: match spec.require_secure {
                Some(true) => Demand::Secure,
                Some(false) | None => Demand::Validated,
            },
            keep_max: keep_max.transpose()?.unwrap_or(most).0,
            hints: place(&spec.dns.hints),
            anchors: place(&spec.dns.anchors),
            families: match spec.dns.family {
                None => Families::Both,
                Some(FamilySpec::Ipv4) => Families::Ipv4,
                Some(FamilySpec::Ipv6) => Families::Ipv6,
            },
            redirect: redirects.collect::<Result<_, _>>()?,
            acme,
            api,
            perspectives,
            extra_roots: place(&spec.tls.extra_roots),
        })
    }
}

impl Acme {
    fn new(spec: &AcmeSpec, file: &File) -> Result<Self, Failure> {
        let directory = |text: &str| {
            let path = text.strip_prefix("https://").and_then(|rest| rest.split_once('/'));
            let is_url = path.is_some_and(|(host, _)| !host.is_empty())
                && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"@?#".contains(&byte));
            let why = || format!("{text:?} is not the https URL of a directory");
            is_url.then(|| text.to_owned()).ok_or_else(why)
        };
        let (certificate, key) = (file.path(&spec.certificate), file.path(&spec.key));
        Ok(Self {
            listen: spec.listen,
            directory: file.checked(&spec.directory, directory)?,
            upstream: file.checked(&spec.upstream, secure_url)?,
            upstream_roots: spec.upstream_roots.as_ref().map(|path| file.path(path)),
            tls: TlsFiles { certificate, key },
            strangers: match spec.unknown_accounts {
                Some(UnknownSpec::LeaveToCa) => Strangers::LeaveToCa,
                Some(UnknownSpec::Refuse) | None => Strangers::Refuse,
            },
        })
    }
}

impl Api {
    fn new(spec: &ApiSpec, file: &File) -> Result<Self, Failure> {
        let place = |path: &Option<PathBuf>| path.as_ref().map(|path| file.path(path));
        let tls = match (place(&spec.certificate), place(&spec.key)) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => {
                return Err(file.failure("[api] has one of certificate and key, and not the other"));
            }
        };
        let listen = *spec.listen.get_ref();
        if !listen.ip().is_loopback() && (tls.is_none() || spec.token_file.is_none()) {
            let why = "beyond loopback the API takes a certificate, a key and a token-file";
            return Err(file.failure_at(&spec.listen, why));
        }
        let others = spec.corroboration_token_files.iter().map(|path| file.path(path));
        Ok(Self {
            listen,
            tls,
            token_file: place(&spec.token_file),
            corroboration_token_files: others.collect(),
            step_ca_secret_file: place(&spec.step_ca_secret_file),
        })
    }
}

/// All of them, each once: one gate that is counted several times would corroborate alone.
fn perspectives(specs: &[PerspectiveSpec], file: &File) -> Result<Vec<Perspective>, Failure> {
    let (mut names, mut origins) = (BTreeSet::new(), BTreeSet::new());
    let mut all = Vec::new();
    for spec in specs {
        let one = Perspective::new(spec, file)?;
        let target = Target::parse(&one.url);
        let origin = target.map_err(|why| file.failure_at(&spec.url, why))?.to_string();
        let twice = |what: &str| {
            file.failure_at(&spec.url, format!("another [[perspective]] has the same {what}"))
        };
        if !names.insert(&spec.name) {
            return Err(twice("name"));
        }
        if !origins.insert(origin) {
            return Err(twice("host and port"));
        }
        all.push(one);
    }
    Ok(all)
}

impl Perspective {
    fn new(spec: &PerspectiveSpec, file: &File) -> Result<Self, Failure> {
        let region = |text: &str| {
            let names = Region::ALL.map(Region::as_str).join(", ");
            Region::parse(text).ok_or_else(|| format!("{text:?} is none of {names}"))
        };
        Ok(Self {
            name: spec.name.clone(),
            region: file.checked(&spec.region, region)?,
            url: file.checked(&spec.url, secure_url)?,
            token_file: file.path(&spec.token_file),
        })
    }
}

/// What the library allows, which is what the Baseline Requirements do.
const KEEP_MAX: Duration = Duration::from_secs(3600 * KEPT_H_MAX.unsigned_abs());

#[cfg(test)]
mod tests {
    use super::*;

    const NEEDED: &str = "archive = \"archive\"\nissuers = [\"ca.example\"]\n";
    const API: &str = "[api]\nlisten = \"127.0.0.1:0\"\n";

    fn load(text: &str) -> Result<Settings, Failure> {
        Settings::new(&File::of_text(Path::new("/etc/countersign/gate.toml"), text.to_owned()))
    }

    #[track_caller]
    fn check(text: &str, refusal: &str) {
        let failure = load(text).expect_err(text).to_string();
        assert!(failure.contains(refusal), "{failure}");
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let settings = load(&format!("{NEEDED}{API}")).expect("it is right");
        assert_eq!(settings.archive, Path::new("/etc/countersign/archive"));
        assert_eq!((settings.demand, settings.keep_max.as_secs()), (Demand::Validated, 28_800));
        let acme = "require-secure = true\nkeep-max = \"5m\"\n[acme]\nlisten = \"[::]:443\"\n\
            directory = \"https://acme.ca.example/dir\"\nupstream = \"https://10.0.0.1:14000/dir\"\n\
            certificate = \"c.pem\"\nkey = \"k.pem\"\nunknown-accounts = \"leave-to-ca\"\n";
        let settings = load(&format!("{NEEDED}{acme}")).expect("it is right");
        assert_eq!((settings.demand, settings.keep_max.as_secs()), (Demand::Secure, 300));
        let acme = settings.acme.expect("there is a proxy");
        assert_eq!(acme.strangers, Strangers::LeaveToCa);
        assert_eq!(acme.tls.key, Path::new("/etc/countersign/k.pem"));
    }

    #[test]
    fn what_would_let_others_in_is_refused() {
        check("", "missing key");
        check(NEEDED, "neither [acme] nor [api]");
        check(&format!("archive = \"a\"\nissuers = []\n{API}"), "`issuers` is empty");
        check(&format!("archive = \"a\"\nissuers = [\"a b\"]\n{API}"), "gate.toml:2: \"a b\"");
        check(&format!("{NEEDED}issuer = 1\n{API}"), "unknown key `issuer`");
        check(&format!("{NEEDED}keep-max = \"9h\"\n{API}"), "9h is not from 0s to 8h");
        check(&format!("{NEEDED}[api]\nlisten = \"192.0.2.1:80\""), "beyond loopback");
        check(&format!("{NEEDED}{API}key = \"k.pem\""), "one of certificate and key");
        check(
            &format!("{NEEDED}{API}[dns]\nredirect = [\"192.0.2.1=192.0.2.2:53\"]"),
            "not on loopback",
        );
        let perspective = "[[perspective]]\nname = \"a\"\ntoken-file = \"t\"\n";
        let of = |rest: &str| format!("{NEEDED}{API}{perspective}{rest}");
        check(&of("region = \"mars\"\nurl = \"https://a.example\""), "\"mars\" is none of");
        check(&of("region = \"ripe\"\nurl = \"http://a.example\""), "is not an https URL");
        let gate = |name: &str, url: &str| {
            format!(
                "[[perspective]]\nname = \"{name}\"\ntoken-file = \"t\"\nregion = \"ripe\"\nurl = \"{url}\"\n"
            )
        };
        let two = |one: String, other: String| format!("{NEEDED}{API}{one}{other}");
        let one = gate("a", "https://a.example");
        check(&two(one.clone(), gate("a", "https://b.example")), "has the same name");
        check(&two(one.clone(), gate("b", "https://A.example:443/gate")), "the same host and port");
        load(&two(one, gate("b", "https://a.example:8443"))).expect("they are two");
        let acme = "[acme]\nlisten = \"[::]:443\"\ncertificate = \"c\"\nkey = \"k\"\n";
        let of = |rest: &str| format!("{NEEDED}{acme}{rest}");
        check(
            &of("directory = \"http://a/dir\"\nupstream = \"https://b/dir\""),
            "URL of a directory",
        );
        check(
            &of("directory = \"https://a/dir\"\nupstream = \"http://b.example/dir\""),
            "not an https URL",
        );
    }
}
