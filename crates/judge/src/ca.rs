//! Where to tell a CA that one of its certificates should not exist.
//!
//! Every CA must take such reports around the clock, look into them within 24 hours, and say in its practice
//! statement where to send them (CA/Browser Forum Baseline Requirements §1.5.2, §4.9.3, §4.9.5). The full list is
//! kept by the CCADB: [`CCADB`]. What is here is a convenience for the largest of them, so that nobody has to search
//! for an address in the middle of the night.
//!
//! # Limitations
//!
//! The table is as of [`AS_OF`], from public practice statements and the CAs' own pages, and addresses change. A CA is
//! told by the name that it gives itself, which is good enough to find an address and for nothing else.

/// When the table was put together.
pub const AS_OF: &str = "November 2026";

/// The list of all CAs' ways to report a problem.
pub const CCADB: &str =
    "https://ccadb.my.salesforce-sites.com/ccadb/AllProblemReportingMechanismsReport";

/// Where a CA takes reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// The CA.
    pub who: &'static str,
    /// A mail address or the URL of a page.
    pub address: &'static str,
    /// Where that is said.
    pub source: &'static str,
    /// Whether its certificates come over ACME, so that they can also be revoked over ACME (RFC 8555 §7.6).
    pub acme: Acme,
}

/// Whether a CA can be expected to revoke over ACME.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acme {
    /// Anybody can have an account there.
    Public,
    /// Only customers can, or nothing is known.
    Unknown,
}

/// The address for a CA, by the organization and the common name in the issuer's name. `None`: look into [`CCADB`].
pub fn problem_report(
    issuer_organization: &str,
    issuer_common_name: &str,
) -> Option<&'static Contact> {
    let organization = issuer_organization.trim();
    let by_organization = TABLE
        .iter()
        .find(|row| row.organizations.iter().any(|known| known.eq_ignore_ascii_case(organization)));
    let by_common_name = || {
        TABLE.iter().find(|row| {
            row.brands.iter().any(|brand| is_of_brand(issuer_common_name.trim(), brand))
        })
    };
    by_organization.or_else(by_common_name).map(|row| &row.contact)
}

/// Whether a common name begins with the words of a brand.
fn is_of_brand(common_name: &str, brand: &str) -> bool {
    let Some((start, rest)) = common_name.split_at_checked(brand.len()) else { return false };
    start.eq_ignore_ascii_case(brand) && !rest.starts_with(|c: char| c.is_alphanumeric())
}

struct Row {
    contact: Contact,
    /// The O of its issuing certificates.
    organizations: &'static [&'static str],
    /// What the CN of its issuing certificates begins with.
    brands: &'static [&'static str],
}

const STATEMENT: &str = "its practice statement, section 1.5.2";
const PAGE: &str = "its own page";

const TABLE: [Row; 15] = [
    Row {
        contact: Contact {
            who: "Let's Encrypt",
            address: "cert-prob-reports@letsencrypt.org",
            source: STATEMENT,
            acme: Acme::Public,
        },
        organizations: &["Let's Encrypt", "Internet Security Research Group", "ISRG"],
        brands: &["Let's Encrypt"],
    },
    Row {
        contact: Contact {
            who: "Google Trust Services",
            address: "https://pki.goog/faq/",
            source: PAGE,
            acme: Acme::Public,
        },
        organizations: &["Google Trust Services", "Google Trust Services LLC"],
        brands: &["GTS"],
    },
    Row {
        contact: Contact {
            who: "DigiCert",
            address: "revoke@digicert.com",
            source: STATEMENT,
            acme: Acme::Unknown,
        },
        organizations: &[
            "DigiCert Inc",
            "DigiCert, Inc.",
            "DigiCert Ireland Limited",
            "GeoTrust Inc.",
            "QuoVadis Limited",
            "thawte, Inc.",
        ],
        brands: &[
            "DigiCert",
            "GeoTrust",
            "QuoVadis",
            "RapidSSL",
            "Thawte",
            "Encryption Everywhere",
        ],
    },
    Row {
        contact: Contact {
            who: "Sectigo",
            address: "sslabuse@sectigo.com",
            source: STATEMENT,
            acme: Acme::Unknown,
        },
        organizations: &["Sectigo Limited", "COMODO CA Limited", "The USERTRUST Network"],
        brands: &["Sectigo", "COMODO", "USERTrust"],
    },
    Row {
        contact: Contact {
            who: "ZeroSSL, through Sectigo",
            address: "sslabuse@sectigo.com",
            source: STATEMENT,
            acme: Acme::Public,
        },
        organizations: &["ZeroSSL", "ZeroSSL GmbH"],
        brands: &["ZeroSSL"],
    },
    Row {
        contact: Contact {
            who: "GoDaddy",
            address: "practices@starfieldtech.com",
            source: STATEMENT,
            acme: Acme::Unknown,
        },
        organizations: &[
            "GoDaddy.com, Inc.",
            "GoDaddy.com, LLC",
            "GoDaddy Inc.",
            "Starfield Technologies, Inc.",
            "Starfield Technologies, LLC",
        ],
        brands: &["Go Daddy", "GoDaddy", "Starfield"],
    },
    Row {
        contact: Contact {
            who: "GlobalSign",
            address: "report-abuse@globalsign.com",
            source: "reports that others sent there",
            acme: Acme::Unknown,
        },
        organizations: &["GlobalSign nv-sa", "GlobalSign", "GMO GlobalSign, Inc."],
        brands: &["GlobalSign", "AlphaSSL"],
    },
    Row {
        contact: Contact {
            who: "Amazon Trust Services",
            address: "https://www.amazontrust.com/repository/",
            source: PAGE,
            acme: Acme::Unknown,
        },
        organizations: &["Amazon", "Amazon Trust Services"],
        brands: &["Amazon"],
    },
    Row {
        contact: Contact {
            who: "SSL.com",
            address: "https://www.ssl.com/revoke",
            source: "its practice statement, section 4.9.3",
            acme: Acme::Unknown,
        },
        organizations: &["SSL Corporation", "SSL Corp", "SSL.com"],
        brands: &["SSL.com"],
    },
    Row {
        contact: Contact {
            who: "Certum (Asseco)",
            address: "https://problemreport.certum.pl/",
            source: "reports that others sent there",
            acme: Acme::Unknown,
        },
        organizations: &["Asseco Data Systems S.A.", "Unizeto Technologies S.A."],
        brands: &["Certum"],
    },
    Row {
        contact: Contact {
            who: "Actalis",
            address: "cert-problem@actalis.it",
            source: STATEMENT,
            acme: Acme::Unknown,
        },
        organizations: &["Actalis S.p.A.", "Actalis S.p.A./03358520967"],
        brands: &["Actalis"],
    },
    Row {
        contact: Contact {
            who: "SwissSign",
            address: "certificatemisuse@swisssign.com",
            source: "its incident reports",
            acme: Acme::Unknown,
        },
        organizations: &["SwissSign AG"],
        brands: &["SwissSign"],
    },
    Row {
        contact: Contact {
            who: "IdenTrust",
            address: "https://www.identrust.com/report-certificate-security-compromise-issues",
            source: "its practice statement, section 1.5.3",
            acme: Acme::Unknown,
        },
        organizations: &["IdenTrust", "IdenTrust, Inc."],
        brands: &["IdenTrust", "TrustID"],
    },
    Row {
        contact: Contact {
            who: "Microsoft",
            address: "centralpki@microsoft.com",
            source: "reports that others sent there",
            acme: Acme::Unknown,
        },
        organizations: &["Microsoft Corporation"],
        brands: &["Microsoft"],
    },
    Row {
        contact: Contact {
            who: "Entrust",
            address: "https://www.entrust.com/support/certificate-solutions/report-a-problem",
            source: "reports that others sent there",
            acme: Acme::Unknown,
        },
        organizations: &["Entrust, Inc.", "Entrust Limited", "Entrust Corporation"],
        brands: &["Entrust"],
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(organization: &str, common_name: &str, expected: Option<&str>) {
        let contact = problem_report(organization, common_name);
        assert_eq!(contact.map(|contact| contact.who), expected);
    }

    #[test]
    fn a_ca_is_found_by_its_name() {
        check("Let's Encrypt", "R13", Some("Let's Encrypt"));
        check("LET'S ENCRYPT ", "", Some("Let's Encrypt"));
        check("", "Let's Encrypt Authority X3", Some("Let's Encrypt"));
        check("Google Trust Services", "WR2", Some("Google Trust Services"));
        check("", "GTS CA 1P5", Some("Google Trust Services"));
        check("ZeroSSL", "ZeroSSL ECC Domain Secure Site CA", Some("ZeroSSL, through Sectigo"));
    }

    #[test]
    fn what_only_sounds_like_one_is_not_found() {
        check("", "", None);
        check("", "GTSomething", None);
        check("Amazonia", "Amazonia CA", None);
        check("Let's Encrypt It", "My Let's Encrypt", None);
        check("Ünïcode", "GT\u{345}S CA", None);
    }

    #[test]
    fn the_table_is_in_order() {
        let rows: Vec<&str> =
            TABLE.iter().flat_map(|row| row.organizations).map(|name| name.trim()).collect();
        assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), rows.len());
        for Row { contact, .. } in &TABLE {
            let is_url = contact.address.starts_with("https://");
            assert!(is_url != contact.address.contains('@'), "{}", contact.who);
        }
    }

    proptest! {
        #[test]
        fn any_name_is_looked_up(organization: String, common_name: String) {
            problem_report(&organization, &common_name);
        }
    }
}
