//! A probe, as people and programs are shown it.

use countersign_ct::certificate::{Kind as Walk, walk};
use countersign_ct::names;
use countersign_judge::Severity;
use countersign_judge::probe::finding::ProbeFinding;
use countersign_judge::probe::judging::{Judged, Sight, how_far, seen_from};
use countersign_judge::probe::observation::{LoggedIn, Observation, Outcome, Served};
use countersign_judge::probe::{Opening, Stratum};
use countersign_tls::fingerprint;
use countersign_tls::names as tls;
use owo_colors::OwoColorize as _;
use serde::Serialize;

use crate::print::{Form, Printer, hex, plain};

/// One probe (docs/json.md).
#[derive(Debug, Serialize)]
pub(super) struct ProbeRow {
    r#type: &'static str,
    at: String,
    domain: String,
    protocol: &'static str,
    opening: &'static str,
    host: String,
    port: u16,
    vantage: String,
    client: String,
    family: &'static str,
    peer: Option<String>,
    sight: &'static str,
    /// Why it did not see, if it did not.
    why: Option<String>,
    handshake: Option<HandshakeRow>,
    login: Option<LoginRow>,
    findings: Vec<FindingRow>,
}

#[derive(Debug, Serialize)]
struct HandshakeRow {
    proved: bool,
    how: String,
    version: Option<String>,
    suite: Option<String>,
    group: Option<String>,
    alpn: Option<String>,
    ja3: Option<String>,
    ja4: Option<String>,
    server: Option<String>,
    /// SHA-256 of the hellos: what the server's own sensor has if nobody is in the middle.
    hellos_sha256: Option<String>,
    certificates: usize,
    spki_sha256: Option<String>,
    certificate_sha256: Option<String>,
    names: Vec<String>,
    serial: String,
    not_before: Option<String>,
    not_after: Option<String>,
}

#[derive(Debug, Serialize)]
struct LoginRow {
    mechanisms: Vec<String>,
    bindings: Vec<String>,
    ended: &'static str,
    why: Option<String>,
}

/// One finding (docs/json.md).
#[derive(Debug, Serialize)]
pub(super) struct FindingRow {
    r#type: &'static str,
    kind: &'static str,
    severity: &'static str,
    text: String,
    allows: &'static str,
    next_step: &'static str,
    seen_from: Vec<String>,
}

impl FindingRow {
    pub(super) fn new(finding: &ProbeFinding, beside: &[ProbeFinding]) -> Self {
        Self {
            r#type: "probe-finding",
            kind: finding.kind.as_str(),
            severity: finding.severity(beside).as_str(),
            text: finding.text.clone(),
            allows: finding.kind.allows(),
            next_step: finding.kind.next_step(),
            seen_from: finding.strata.iter().map(seen_from).collect(),
        }
    }

    pub(super) fn print(&self, printer: &mut Printer) -> anyhow::Result<()> {
        let severity: Severity = self.severity.parse().expect("it was printed by one");
        let word = match severity {
            Severity::Critical | Severity::High => self.severity.red().bold().to_string(),
            Severity::Warning => self.severity.yellow().to_string(),
            Severity::Notice => self.severity.dimmed().to_string(),
        };
        let text = plain(&self.text);
        printer.text(format!("  {word}: {text}\n").as_bytes())?;
        if severity > Severity::Notice {
            printer.line(format_args!("      {}", self.allows))?;
            printer.line(format_args!("      next: {}", self.next_step))?;
        }
        Ok(())
    }
}

impl ProbeRow {
    pub(super) fn new(observation: &Observation, judged: &Judged, all: &[ProbeFinding]) -> Self {
        let Observation { at, service, stratum, host, peer, outcome } = observation;
        let Stratum { vantage, client, family, .. } = stratum;
        let served = observation.served();
        let why = match (&judged.sight, outcome) {
            (_, Outcome::NoTls { early, said, .. }) if !said.is_empty() => {
                Some(format!("{}: {}", early.sentence(), String::from_utf8_lossy(said).trim_end()))
            }
            (Sight::Blind { why }, _) => Some(why.clone()),
            _ => None,
        };
        Self {
            r#type: "probe",
            at: at.to_string(),
            domain: service.domain.clone(),
            protocol: service.protocol.as_str(),
            opening: service.opening.as_str(),
            host: host.clone(),
            port: service.port,
            vantage: vantage.clone(),
            client: client.clone(),
            family: family.as_str(),
            peer: peer.map(|peer| peer.to_string()),
            sight: judged.sight.as_str(),
            why,
            handshake: served.map(HandshakeRow::new),
            login: served.and_then(LoginRow::new),
            findings: judged.findings.iter().map(|found| FindingRow::new(found, all)).collect(),
        }
    }

    pub(super) fn print(&self, printer: &mut Printer) -> anyhow::Result<()> {
        match printer.form() {
            Form::Json => Ok(printer.object(self)?),
            Form::Human => self.for_people(printer),
        }
    }

    fn for_people(&self, printer: &mut Printer) -> anyhow::Result<()> {
        let Self { domain, protocol, opening, host, port, vantage, client, peer, .. } = self;
        let opening = match *opening == Opening::StartTls.as_str() {
            true => "STARTTLS",
            false => "direct TLS",
        };
        let place = match peer {
            Some(peer) if host == domain => peer.clone(),
            Some(peer) => format!("{host}, {peer}"),
            None => format!("{host}, port {port}"),
        };
        let word = match self.sight {
            "as-expected" => self.sight.green().to_string(),
            "found" => self.sight.red().bold().to_string(),
            _ => self.sight.yellow().to_string(),
        };
        let head = format!("{domain} {protocol}, {opening} at {place}, as {client} from {vantage}");
        printer.text(format!("{}: {word}\n", plain(&head)).as_bytes())?;
        let mut tell = |title: &str, text: String| {
            printer.line(format_args!("  {title:<12}{text}")).map_err(anyhow::Error::from)
        };
        if let Some(why) = &self.why {
            tell("not seen", why.clone())?;
        }
        if let Some(handshake) = &self.handshake {
            handshake.tell(&mut tell)?;
        }
        if let Some(login) = &self.login {
            let offered =
                if login.mechanisms.is_empty() { "none" } else { &login.mechanisms.join(", ") };
            tell("login", format!("mechanisms: {offered}"))?;
            if !login.bindings.is_empty() {
                tell("", format!("channel binding: {}", login.bindings.join(", ")))?;
            }
            match &login.why {
                Some(why) => tell("", format!("{}: {why}", login.ended))?,
                None if login.ended != "not-tried" => tell("", login.ended.to_owned())?,
                None => {}
            }
        }
        self.findings.iter().try_for_each(|finding| finding.print(printer))
    }
}

impl HandshakeRow {
    fn new(served: &Served) -> Self {
        let handshake = &served.handshake;
        let chain = handshake.chain.certificates();
        let leaf = chain.first().map(|der| countersign_judge::probe::observation::Leaf::of(der));
        let walked = chain.first().map(|der| walk(der, Walk::Certificate));
        let name = |number: Option<u16>, of: fn(u16) -> std::borrow::Cow<'static, str>| {
            number.map(|number| of(number).into_owned())
        };
        Self {
            proved: matches!(handshake.chain, countersign_tls::Shown::Proved { .. }),
            how: match &handshake.chain {
                countersign_tls::Shown::Proved { scheme, .. } => {
                    format!(
                        "the holder of the key has signed our random bytes ({})",
                        tls::scheme(*scheme)
                    )
                }
                _ => how_far(handshake),
            },
            version: name(handshake.version, tls::version),
            suite: name(handshake.suite, tls::suite),
            group: name(handshake.group, tls::group),
            alpn: handshake.alpn.clone(),
            ja3: handshake.client.as_ref().map(fingerprint::ja3),
            ja4: handshake.client.as_ref().map(fingerprint::ja4),
            server: fingerprint::server(handshake),
            hellos_sha256: handshake.hellos_sha256.as_ref().map(|hash| hex(hash)),
            certificates: chain.len(),
            spki_sha256: leaf.as_ref().and_then(|leaf| leaf.spki_sha256).map(|key| hex(&key)),
            certificate_sha256: leaf.as_ref().map(|leaf| hex(&leaf.sha256)),
            names: walked.as_ref().map(|walked| names::names(walked)).unwrap_or_default(),
            serial: leaf.as_ref().map(|leaf| leaf.serial.clone()).unwrap_or_default(),
            not_before: leaf.as_ref().and_then(|leaf| leaf.not_before).map(|at| at.to_string()),
            not_after: leaf.as_ref().and_then(|leaf| leaf.not_after).map(|at| at.to_string()),
        }
    }

    fn tell(
        &self,
        tell: &mut impl FnMut(&str, String) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        if let Some(key) = &self.spki_sha256 {
            let mut names = self.names.iter().take(NAMES_SHOWN_MAX).cloned().collect::<Vec<_>>();
            let more = self.names.len() - names.len();
            if more > 0 {
                names.push(format!("and {more} more"));
            }
            tell("certificate", format!("for {}", names.join(", ")))?;
            if let (Some(from), Some(until)) = (&self.not_before, &self.not_after) {
                tell("", format!("from {from} to {until}, serial {}", self.serial))?;
            }
            tell("key", key.clone())?;
        }
        tell("shown", self.how.clone())?;
        let agreed = [&self.version, &self.group, &self.suite];
        let agreed: Vec<_> = agreed.into_iter().flatten().cloned().collect();
        if !agreed.is_empty() {
            tell("agreed", agreed.join(", "))?;
        }
        Ok(())
    }
}

/// More names are not read.
const NAMES_SHOWN_MAX: usize = 5;

impl LoginRow {
    fn new(served: &Served) -> Option<Self> {
        let login = served.login.as_ref()?;
        let (ended, why) = match &login.ended {
            LoggedIn::NotTried => ("not-tried", None),
            LoggedIn::Bound { mechanism, binding } => {
                ("bound", Some(format!("{mechanism} with {binding}: nobody is in the middle")))
            }
            LoggedIn::NotBound { mechanism } => (
                "not-bound",
                Some(format!("{mechanism}: somebody in the middle may have passed it on")),
            ),
            LoggedIn::BindingRefused => ("binding-refused", None),
            LoggedIn::Downgraded => ("mechanisms-changed", None),
            LoggedIn::ServerNotVerified => ("server-not-verified", None),
            LoggedIn::PasswordRefused => ("password-refused", None),
            LoggedIn::NothingBinds => (
                "nothing-binds",
                Some("no mechanism binds to the channel, and no other is tried".to_owned()),
            ),
            LoggedIn::Failed { why } => ("failed", Some(why.clone())),
        };
        Some(Self {
            mechanisms: login.mechanisms.clone(),
            bindings: login.bindings.clone(),
            ended,
            why,
        })
    }
}
