//! The CCADB's report of the names that CAs recognize in CAA records, `AllCAAIdentifiersReportCSVV2`.
//!
//! It has a row for each certificate of a CA, with the subject (`CN=…; O=…; C=…`) and the names, which people typed:
//! mostly with commas between them, sometimes with other things, sometimes a remark.

use std::collections::{BTreeMap, BTreeSet};

use countersign_caa::Name;

use super::authority::Organization;
use super::csv::{self, CsvError};

/// Longer reports are not read, in bytes; the report has about one million.
pub const REPORT_BYTES_MAX: usize = 1 << 24;

/// The most organizations; the report has about two hundred.
const ORGANIZATIONS_MAX: usize = 5_000;
/// The most names of one organization. One that signs for many others has two dozen.
const ISSUERS_MAX: usize = 500;

const SUBJECT: &str = "Subject";
const DOMAINS: &str = "Recognized CAA Domains";

/// What a report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaaReport {
    /// By organization, in order of their names; never empty.
    pub organizations: Vec<Organization>,
    /// How many words in the place of names are none, and were passed over.
    pub skipped: usize,
}

/// Why bytes are not such a report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CaaReportError {
    /// It is longer than [`REPORT_BYTES_MAX`], or names more organizations or names than there can be.
    #[error("it is larger than such a report can be")]
    TooLarge,
    /// It is not UTF-8.
    #[error("it is not text in UTF-8")]
    NotText,
    /// It is no table.
    #[error("it is not a table with commas (CSV)")]
    Csv(#[source] CsvError),
    /// A column is missing: it is another report, or a page that says why there is none.
    #[error("it has no column {0:?}")]
    Column(&'static str),
    /// There is no name in it.
    #[error("it names no CA")]
    Empty,
}

impl CaaReport {
    /// Reads a report.
    pub fn parse(bytes: &[u8]) -> Result<Self, CaaReportError> {
        if bytes.len() > REPORT_BYTES_MAX {
            return Err(CaaReportError::TooLarge);
        }
        let text = str::from_utf8(bytes).map_err(|_| CaaReportError::NotText)?;
        let rows = csv::read(text.trim_start_matches('\u{feff}')).map_err(CaaReportError::Csv)?;
        let heading = rows.first().map(Vec::as_slice).unwrap_or_default();
        let column = |name| {
            let place = heading.iter().position(|title| title.trim() == name);
            place.ok_or(CaaReportError::Column(name))
        };
        let (subject, domains) = (column(SUBJECT)?, column(DOMAINS)?);
        let mut organizations: BTreeMap<String, BTreeSet<Name>> = BTreeMap::new();
        let mut skipped = 0;
        for row in rows.iter().skip(1) {
            let of_row = organizations.entry(organization(&row[subject]).to_owned()).or_default();
            for word in words(&row[domains]) {
                match issuer(word) {
                    Some(name) => {
                        of_row.insert(name);
                    }
                    None => skipped += 1,
                }
            }
            if of_row.len() > ISSUERS_MAX || organizations.len() > ORGANIZATIONS_MAX {
                return Err(CaaReportError::TooLarge);
            }
        }
        let organizations: Vec<_> = organizations
            .into_iter()
            .filter(|(_, issuers)| !issuers.is_empty())
            .map(|(name, issuers)| Organization { name, issuers: issuers.into_iter().collect() })
            .collect();
        if organizations.is_empty() {
            return Err(CaaReportError::Empty);
        }
        Ok(Self { organizations, skipped })
    }
}

/// The O of a subject; all of it where there is none.
fn organization(subject: &str) -> &str {
    let parts = subject.split(';').map(str::trim);
    let name = parts.filter_map(|part| part.strip_prefix("O=")).next().unwrap_or(subject);
    name.trim_matches(['"', ' '])
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || c == ',' || c == ';').filter(|word| !word.is_empty())
}

/// The name that a word is, if it can be one of an issuer (RFC 8659 §4.2): no CA has a top-level domain of its own as that.
fn issuer(word: &str) -> Option<Name> {
    let name = Name::parse(word).ok()?;
    let is_label = |label: &str| {
        let inner = label.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
        inner && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_issuer = name.as_str().contains('.') && name.as_str().split('.').all(is_label);
    is_issuer.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADING: &str =
        "Subject,Subject Key Identifier (Hex),Intermediate Certificate,Recognized CAA Domains\n";

    /// Compares the organizations with their names, and how many words were passed over.
    #[track_caller]
    fn check(rows: &str, expected: Result<&[&str], CaaReportError>) {
        let report = CaaReport::parse(format!("{HEADING}{rows}").as_bytes()).map(|report| {
            let shown = |one: &Organization| {
                let issuers: Vec<_> = one.issuers.iter().map(Name::as_str).collect();
                format!("{}: {}", one.name, issuers.join(" "))
            };
            let skipped = format!("{} skipped", report.skipped);
            report.organizations.iter().map(shown).chain([skipped]).collect::<Vec<_>>()
        });
        let expected = expected.map(|lines| lines.iter().map(|line| (*line).to_owned()).collect());
        assert_eq!(report, expected);
    }

    #[test]
    fn rows_of_one_organization_are_one() {
        check(
            "\"CN=ISRG Root X1; O=Internet Security Research Group; C=US\",79B4,No,letsencrypt.org\n\
             \"CN=R13; O=Internet Security Research Group; C=US\",E7AB,Yes,letsencrypt.org\n\
             \"CN=DigiCert Global Root G2; OU=www.digicert.com; O=\"\"DigiCert, Inc.\"\"; C=US\",4E22,No,\
             \"DigiCert.com, geotrust.com;rapidssl.com\nthawte.com\"\n",
            Ok(&[
                "DigiCert, Inc.: digicert.com geotrust.com rapidssl.com thawte.com",
                "Internet Security Research Group: letsencrypt.org",
                "0 skipped",
            ]),
        );
    }

    #[test]
    fn remarks_are_passed_over() {
        check(
            "CN=Root,AA,No,\"None, see ca.example. *.b.example -c.example under_score.example\"\n",
            Ok(&["CN=Root: ca.example", "5 skipped"]),
        );
    }

    #[test]
    fn what_is_no_report_is_refused() {
        check("", Err(CaaReportError::Empty));
        check("O=A,,,None\n", Err(CaaReportError::Empty));
        check("O=A,\n", Err(CaaReportError::Csv(CsvError::Width(2))));
        let parse = |bytes: &[u8]| CaaReport::parse(bytes).expect_err("it is none");
        assert_eq!(parse(b"<html>"), CaaReportError::Column(SUBJECT));
        assert_eq!(parse(b""), CaaReportError::Column(SUBJECT));
        assert_eq!(parse(b"Subject\n"), CaaReportError::Column(DOMAINS));
        assert_eq!(parse(b"\xff"), CaaReportError::NotText);
        assert_eq!(parse(&vec![b'a'; REPORT_BYTES_MAX + 1]), CaaReportError::TooLarge);
        let many: String = (0..=ISSUERS_MAX).map(|number| format!("ca{number}.example ")).collect();
        check(&format!("O=A,,,{many}\n"), Err(CaaReportError::TooLarge));
    }
}
