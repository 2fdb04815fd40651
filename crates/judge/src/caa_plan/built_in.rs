//! The CAs that most operators use, as far as that is known.
//!
//! # Limitations
//!
//! The names are those that CAs gave to the CCADB, by way of copies that others made of its report; `caa import` reads
//! the report itself. That support is unconfirmed says nothing against a CA but that nobody has shown it.

use countersign_caa::Name;
use jiff::civil::{Date, date};

use super::authority::{AccountPrefix, Authority, Environment, Support};
use crate::acme_account::renewal::Challenge;

/// When the table was put together.
pub const AS_OF: Date = date(2026, 11, 23);

/// One line of it.
struct Row {
    name: &'static str,
    issuers: &'static [&'static str],
    production: &'static [&'static str],
    staging: &'static [&'static str],
    support: Support,
    challenges: &'static [Challenge],
    source: &'static str,
}

const CCADB: &str = "copies of the CCADB's list of CAA identifiers";
const ACME: &[Challenge] = &[Challenge::Http01, Challenge::Dns01, Challenge::TlsAlpn01];

/// A CA of which no account is known that could be used over ACME.
const fn without_accounts(name: &'static str, issuers: &'static [&'static str]) -> Row {
    Row {
        name,
        issuers,
        production: &[],
        staging: &[],
        support: Support::Unconfirmed,
        challenges: &[],
        source: CCADB,
    }
}

const TABLE: [Row; 44] = [
    Row {
        name: "Let's Encrypt",
        issuers: &["letsencrypt.org"],
        production: &[
            "https://acme-v02.api.letsencrypt.org/acme/acct/",
            // Accounts from before 2018 keep the URL that they were given.
            "https://acme-v01.api.letsencrypt.org/acme/reg/",
        ],
        staging: &[
            "https://acme-staging-v02.api.letsencrypt.org/acme/acct/",
            "https://acme-staging.api.letsencrypt.org/acme/reg/",
        ],
        support: Support::Confirmed,
        challenges: ACME,
        source: "its documentation and its source code; in force since December 2022",
    },
    Row {
        name: "Google Trust Services",
        issuers: &["pki.goog"],
        production: &[
            "https://dv.acme-v02.api.pki.goog/account/",
            "https://dv-allowlist-core.acme-v02.api.pki.goog/account/",
        ],
        staging: &["https://dv.acme-v02.test-api.pki.goog/account/"],
        support: Support::Unconfirmed,
        challenges: ACME,
        source: "records in use; that it heeds accounturi in CAA records nobody has shown",
    },
    Row {
        name: "ZeroSSL, through Sectigo",
        issuers: &["sectigo.com"],
        production: &["https://acme.zerossl.com/v2/DV90/account/"],
        staging: &[],
        support: Support::Unconfirmed,
        challenges: &[Challenge::Http01, Challenge::Dns01],
        source: "records in use; Sectigo voted for ballot SC-098",
    },
    Row {
        name: "Sectigo",
        issuers: &[
            "sectigo.com",
            "comodoca.com",
            "comodo.com",
            "usertrust.com",
            "trust-provider.com",
        ],
        production: &["https://acme.sectigo.com/"],
        staging: &[],
        support: Support::Unconfirmed,
        challenges: &[Challenge::Http01, Challenge::Dns01],
        source: "records in use; it voted for ballot SC-098",
    },
    Row {
        name: "DigiCert",
        issuers: &[
            "digicert.com",
            "geotrust.com",
            "rapidssl.com",
            "thawte.com",
            "symantec.com",
            "digicert.ne.jp",
            "cybertrust.ne.jp",
            "quovadisglobal.com",
            "digitalcertvalidation.com",
        ],
        production: &["https://acme.digicert.com/"],
        staging: &[],
        support: Support::Unconfirmed,
        challenges: &[],
        source: CCADB,
    },
    Row {
        name: "SSL.com",
        issuers: &["ssl.com"],
        production: &["https://acme.ssl.com/"],
        staging: &[],
        support: Support::Unconfirmed,
        challenges: &[],
        source: CCADB,
    },
    without_accounts(
        "Amazon",
        &["amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com", "aws.amazon.com"],
    ),
    without_accounts("GoDaddy", &["godaddy.com", "starfieldtech.com"]),
    without_accounts("GlobalSign", &["globalsign.com"]),
    without_accounts("Certum", &["certum.pl", "certum.eu"]),
    Row {
        name: "Actalis",
        issuers: &["actalis.it"],
        production: &["https://acme-api.actalis.com/"],
        staging: &[],
        support: Support::Unconfirmed,
        challenges: &[],
        source: CCADB,
    },
    without_accounts("HARICA", &["harica.gr"]),
    without_accounts("Microsoft", &["microsoft.com"]),
    without_accounts("IdenTrust", &["identrust.com"]),
    without_accounts("SwissSign", &["swisssign.com", "swisssign.net"]),
    without_accounts("D-Trust", &["d-trust.net", "d-trust.de", "dtrust.net", "dtrust.de"]),
    without_accounts("T-Systems", &["telesec.de", "pki.dfn.de"]),
    without_accounts("Telia", &["telia.com", "telia.fi", "telia.se"]),
    without_accounts("Disig", &["disig.sk"]),
    without_accounts("certSIGN", &["certsign.ro"]),
    without_accounts("Certigna", &["certigna.fr"]),
    without_accounts("FNMT", &["fnmt.es"]),
    without_accounts("ACCV", &["accv.es"]),
    without_accounts("Firmaprofesional", &["firmaprofesional.com"]),
    without_accounts("ANF", &["anf.es"]),
    without_accounts("Izenpe", &["izenpe.com", "izenpe.eus"]),
    without_accounts("KIR", &["elektronicznypodpis.pl"]),
    without_accounts("Microsec", &["e-szigno.hu"]),
    without_accounts("NETLOCK", &["netlock.hu", "netlock.net", "netlock.eu"]),
    without_accounts("OISTE", &["wisekey.com", "oiste.org"]),
    without_accounts("CFCA", &["cfca.com.cn"]),
    without_accounts("GDCA", &["gdca.com.cn"]),
    without_accounts("SHECA", &["sheca.com"]),
    without_accounts("Chunghwa Telecom", &["pki.hinet.net", "epki.com.tw"]),
    without_accounts("TWCA", &["twca.com.tw"]),
    without_accounts("SECOM", &["secomtrust.net"]),
    without_accounts("JPRS", &["jprs.jp"]),
    without_accounts("Cybertrust Japan", &["jcsinc.co.jp"]),
    without_accounts("NAVER", &["certificate.naver.com"]),
    without_accounts("Hongkong Post", &["hongkongpost.gov.hk", "ecert.gov.hk"]),
    without_accounts("eMudhra", &["emsign.com"]),
    without_accounts("KamuSM", &["kamusm.gov.tr"]),
    without_accounts("Entrust", &["entrust.net", "affirmtrust.com"]),
    Row {
        source: "it no longer issues certificates for TLS",
        support: Support::No,
        ..without_accounts("Buypass", &["buypass.com", "buypass.no"])
    },
];

/// All lines, as they are used.
pub(super) fn rows() -> Vec<Authority> {
    TABLE.iter().map(authority).collect()
}

fn authority(row: &Row) -> Authority {
    let prefixes = |all: &[&str], environment| -> Vec<_> {
        all.iter()
            .map(|prefix| AccountPrefix { prefix: (*prefix).to_owned(), environment })
            .collect()
    };
    let mut accounts = prefixes(row.production, Environment::Production);
    accounts.extend(prefixes(row.staging, Environment::Staging));
    let issuer = |text: &&str| Name::parse(text).expect("the test reads all of them");
    Authority {
        name: row.name.to_owned(),
        issuers: row.issuers.iter().map(issuer).collect(),
        accounts,
        support: row.support,
        challenges: row.challenges.to_vec(),
        source: row.source.to_owned(),
        as_of: AS_OF,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::acme_account::AccountUrl;

    #[test]
    fn the_table_is_in_order() {
        let rows = rows();
        let names: BTreeSet<_> = rows.iter().map(|row| &row.name).collect();
        assert_eq!(names.len(), rows.len());
        for row in &rows {
            assert!(!row.issuers.is_empty(), "{}", row.name);
            for known in &row.accounts {
                assert!(known.prefix.ends_with('/'), "{}", known.prefix);
                AccountUrl::parse(&format!("{}1", known.prefix)).expect("it is the start of a URL");
                let others = rows.iter().flat_map(|row| &row.accounts);
                let same = others.filter(|other| other.prefix.starts_with(&known.prefix)).count();
                assert_eq!(same, 1, "{}", known.prefix);
            }
        }
    }
}
