//! `README.html`: what happened, for people, and how to verify that it did.
//!
//! The page asks nothing of a network and runs nothing, and a browser is told to see to that. All text in it goes
//! through [`text`].

use std::fmt::Write as _;

use countersign_ct::certificate::{Kind, Walked, walk};

use super::Contents;
use super::encoding::{escaped, hex};
use super::missing::missing;
use super::pieces::{Pieces, sha256};
use super::plain_text::BELIEVED;
use super::steps::Step;
use crate::plain::plain;

/// The page.
pub(super) fn render(contents: &Contents, pieces: &Pieces<'_>, steps: &[Step]) -> String {
    let incident = &contents.incident;
    let mut page = Page(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Incident {}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n",
        incident.id
    ));
    page.element("h1", &incident.title);
    page.element("p class=\"state\"", &state(contents));
    page.element("h2", "What happened");
    page.element("p", &incident.what);
    page.list("ul", &incident.why);
    page.element("h2", "Since when");
    page.element("p", &incident.since);
    page.element("h2", "What an attacker can do with it");
    page.element("p", &incident.allows);
    page.element("h2", "What to do");
    page.list("ol", &incident.next);
    certificate(&mut page, contents, pieces);
    entries(&mut page, contents);
    let missing = missing(contents, pieces);
    if !missing.is_empty() {
        page.element("h2", "What is not here");
        page.list("ul", &missing);
    }
    page.element("h2", "How to verify this");
    page.element(
        "p",
        "Nothing on this page has to be believed. In this folder lie the certificate, what the logs served, and what \
         they signed. The commands need sha256sum, openssl (1.1.1 or later) and python3, and no network; run them in \
         this folder. The same steps are in VERIFY.txt.",
    );
    page.element("p", BELIEVED);
    for (number, step) in (1..).zip(steps) {
        page.element("h3", &format!("{number}. {}", step.title));
        page.element("p", &step.text);
        if !step.commands.is_empty() {
            page.element("pre", &step.commands.join("\n"));
        }
    }
    page.element("p class=\"made\"", &format!("Made by {}.", incident.made_by));
    page.0 += "</body>\n</html>\n";
    page.0
}

/// How grave, since when, and what became of it.
fn state(contents: &Contents) -> String {
    let incident = &contents.incident;
    let opened = format!(
        "Incident {}, {}, opened {:.0}",
        incident.id, incident.severity, incident.opened_at
    );
    match &incident.closed {
        Some((at, why)) => format!("{opened}, closed {at:.0}: {why}"),
        None => format!("{opened}, open when this was made"),
    }
}

fn certificate(page: &mut Page, contents: &Contents, pieces: &Pieces<'_>) {
    let (file, der, walked) = match (pieces.shown(), pieces.tbs) {
        (Some((name, der)), _) => (format!("{name}.pem"), der, walk(der, Kind::Certificate)),
        (None, Some(tbs)) => ("tbs.der".to_owned(), tbs, walk(tbs, Kind::Tbs)),
        (None, None) => return,
    };
    let mut rows = vec![("File", file), ("SHA-256 of its bytes", hex(&sha256(der)))];
    rows.extend(facts(&walked));
    if let Some(judgement) = &contents.judgement {
        let mut names: Vec<_> =
            judgement.observation.names.iter().map(|named| named.name.as_str()).collect();
        names.dedup();
        names.truncate(NAMES_MAX);
        rows.push(("Guarded names", names.join(", ")));
        rows.push(("First seen", format!("{:.0}", judgement.first_seen_at)));
        rows.push(("Decided", format!("{:.0}", judgement.decided_at)));
        let why = judgement.told.findings.iter().map(|found| found.text.as_str());
        let by = judgement.told.by.iter().map(ToString::to_string);
        let why: Vec<_> = why.map(str::to_owned).chain(by).collect();
        let verdict = judgement.told.verdict.as_str();
        rows.push(("Decision", format!("{verdict}: {}", why.join("; "))));
    }
    page.element("h2", "The certificate");
    page.table(&rows);
}

/// What it says.
fn facts(walked: &Walked<'_>) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    if let Some(key) = walked.spki_sha256() {
        rows.push(("SHA-256 of its key", hex(&key)));
    }
    if let Some(serial) = walked.serial {
        rows.push(("Serial number", hex(serial)));
    }
    if let (Some(from), Some(to)) = (walked.not_before, walked.not_after) {
        rows.push(("Valid", format!("{from:.0} to {to:.0}")));
    }
    rows
}

fn entries(page: &mut Page, contents: &Contents) {
    if contents.sightings.is_empty() {
        return;
    }
    page.element("h2", "Where it was logged");
    for (number, sighting) in (1..).zip(&contents.sightings) {
        let mut rows = vec![("Folder", format!("log-{number}"))];
        if let Some(log) = contents.log(&sighting.log) {
            rows.push(("Log", format!("{}, run by {}", log.description, log.operator)));
            rows.push(("Where", log.url.clone()));
        }
        rows.push(("Entry", sighting.index.to_string()));
        rows.push(("Found", format!("{:.0}", sighting.found_at)));
        rows.push((
            "Proof",
            match &sighting.inclusion {
                Some(inclusion) => format!("in the log's tree of {} entries", inclusion.tree_size),
                None => "none yet".to_owned(),
            },
        ));
        page.table(&rows);
    }
}

/// More names are in the certificate itself.
const NAMES_MAX: usize = 50;

struct Page(String);

impl Page {
    /// An element with text in it. `tag` may have attributes.
    fn element(&mut self, tag: &str, content: &str) {
        let name = tag.split(' ').next().unwrap_or(tag);
        writeln!(self.0, "<{tag}>{}</{name}>", text(content)).expect(INFALLIBLE);
    }

    fn list(&mut self, tag: &str, items: &[String]) {
        writeln!(self.0, "<{tag}>").expect(INFALLIBLE);
        for item in items {
            self.element("li", item);
        }
        writeln!(self.0, "</{tag}>").expect(INFALLIBLE);
    }

    fn table(&mut self, rows: &[(&str, String)]) {
        self.0 += "<table>\n";
        for (name, value) in rows {
            let (name, value) = (text(name), text(value));
            writeln!(self.0, "<tr><th>{name}</th><td>{value}</td></tr>").expect(INFALLIBLE);
        }
        self.0 += "</table>\n";
    }
}

const INFALLIBLE: &str = "a String takes all that is written";

/// Any text, harmless: no markup, and nothing that steers or hides. Line ends, which commands have, stay.
fn text(content: &str) -> String {
    let lines: Vec<_> = content.split('\n').map(|line| escaped(&plain(line))).collect();
    lines.join("\n")
}

const STYLE: &str = "\
body { margin: 2em auto; max-width: 46em; padding: 0 1em; font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b; \
background: #fff; }
h1 { font-size: 1.5em; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.15em; margin: 1.8em 0 0.4em; border-bottom: 1px solid #ccc; }
h3 { font-size: 1em; margin: 1.4em 0 0.2em; }
p, ul, ol { margin: 0.4em 0; }
li, td { overflow-wrap: anywhere; }
.state { font-weight: bold; color: #9b1c1c; }
.made { margin-top: 2em; color: #555; }
pre { background: #f3f3f3; padding: 0.6em 0.8em; white-space: pre-wrap; overflow-wrap: anywhere; font-size: 13px; }
table { border-collapse: collapse; margin: 0.6em 0 1em; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.15em 0.8em 0.15em 0; }
th { width: 11em; font-weight: 600; }
";
