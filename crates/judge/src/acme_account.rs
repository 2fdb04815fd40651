//! Accounts that programs have at CAs: what a file on disk says of one. Its URL is what a CAA record binds issuance to
//! (RFC 8555 §7.1.2, RFC 8657 §3).
//!
//! | program | file, below its directory | where the URL is |
//! |---|---|---|
//! | certbot | `accounts/HOST/PATH/ID/regr.json` | `uri` |
//! | Caddy | `acme/CA/users/MAIL/NAME.json` | `location` |
//! | acme.sh | `ca/HOST/PATH/ca.conf` | `ACCOUNT_URL='…'` |
//! | lego | `accounts/HOST/MAIL/account.json` | `uri` of `registration` |
//! | lego since 5.0 | `accounts/HOST/ID/KEYTYPE/account.json` | `accountURL` of `registration` |
//! | dehydrated | `accounts/CA/account_id.json` | `url` |
//!
//! Keys of accounts lie beside these files and are never read.
//!
//! # Limitations
//!
//! That an account was deactivated at the CA by another program is in none of these files.

pub mod renewal;
mod url;

use serde::Deserialize;

use crate::plain::bounded;

pub use url::{AccountUrl, AccountUrlError, URL_BYTES_MAX};

/// Longer files are not read, in bytes. The longest that was seen, with a key of 4096 bits in it, has 2000.
pub const FILE_BYTES_MAX: usize = 1 << 16;

/// How many ways to reach its owner are kept of an account.
const CONTACTS_MAX: usize = 10;

/// The longest text of a file that is shown. No mail address has more than 254 characters (RFC 5321 §4.5.3.1.3).
const TEXT_CHARACTERS_MAX: usize = 300;

/// A program that orders certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Client {
    /// certbot, of the EFF.
    Certbot,
    /// The server Caddy, and others that are built with its library.
    Caddy,
    /// The shell script acme.sh.
    AcmeSh,
    /// lego, and what keeps accounts in its way.
    Lego,
    /// The shell script dehydrated.
    Dehydrated,
}

impl Client {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Certbot, Self::Caddy, Self::AcmeSh, Self::Lego, Self::Dehydrated];

    /// What it is called.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Certbot => "certbot",
            Self::Caddy => "caddy",
            Self::AcmeSh => "acme.sh",
            Self::Lego => "lego",
            Self::Dehydrated => "dehydrated",
        }
    }
}

/// An account that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeAccount {
    /// Whose file it is in.
    pub client: Client,
    /// What the CA knows it by.
    pub url: AccountUrl,
    /// Where the CA reaches its owner, such as `mailto:ct@xmpp.example`, made plain and short; often nothing.
    pub contacts: Vec<String>,
}

/// Why a file tells of no account that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoAccount {
    /// It is longer than [`FILE_BYTES_MAX`].
    #[error("it is longer than {FILE_BYTES_MAX} bytes, which no account needs")]
    TooLarge,
    /// It is not UTF-8.
    #[error("it is not text")]
    NotText,
    /// It is not JSON, or something in it is of another type than it must be.
    #[error("line {line}, column {column}: it is not what the program writes there")]
    Shape {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// A value in it can mean several things to a shell.
    #[error("the value of ACCOUNT_URL is not a plain text in quotes")]
    Quotes,
    /// The URL is not there: the program has a key, and has not asked the CA for the account.
    #[error("the URL of the account is not in it")]
    NoUrl,
    /// What stands there is no URL of an account.
    #[error("the URL of the account in it is none")]
    Url(#[source] AccountUrlError),
    /// The account has ended.
    #[error("the account is {status}, so nothing is issued to it any more")]
    Ended {
        /// `deactivated` or `revoked`, made plain and short.
        status: String,
        /// What the CA knew it by, where the file says so.
        url: Option<AccountUrl>,
    },
}

impl NoAccount {
    /// What to do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::NotText | Self::Shape { .. } | Self::Quotes => {
                "give the URL with --account URL, as the program shows it"
            }
            Self::NoUrl | Self::Url(_) => {
                "have the program register the account again, or give the URL with --account URL"
            }
            Self::Ended { .. } => "register a new account, then plan again",
        }
    }
}

/// Reads a file in which this program keeps an account.
pub fn read(client: Client, bytes: &[u8]) -> Result<AcmeAccount, NoAccount> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(NoAccount::TooLarge);
    }
    let file = match client {
        Client::Certbot => json::<Certbot>(bytes)?.into(),
        Client::Caddy => json::<Caddy>(bytes)?.into(),
        Client::AcmeSh => shell(bytes)?,
        Client::Lego => json::<Lego>(bytes)?.into(),
        Client::Dehydrated => json::<Dehydrated>(bytes)?.into(),
    };
    if let Some(status) = file.status.filter(|status| !status.is_empty() && status != "valid") {
        let url = file.url.and_then(|text| AccountUrl::parse(&text).ok());
        let status = bounded(&status, TEXT_CHARACTERS_MAX).into_owned();
        return Err(NoAccount::Ended { status, url });
    }
    let text = file.url.filter(|url| !url.is_empty()).ok_or(NoAccount::NoUrl)?;
    let url = AccountUrl::parse(&text).map_err(NoAccount::Url)?;
    let contacts = file.contacts.iter().take(CONTACTS_MAX);
    let contacts = contacts.map(|one| bounded(one, TEXT_CHARACTERS_MAX).into_owned()).collect();
    Ok(AcmeAccount { client, url, contacts })
}

/// What all files have in common.
struct File {
    url: Option<String>,
    /// RFC 8555 §7.1.6: `valid`, `deactivated` or `revoked`.
    status: Option<String>,
    contacts: Vec<String>,
}

#[derive(Deserialize)]
struct Certbot {
    uri: Option<String>,
    body: Option<Body>,
}

/// An account as the CA shows it (RFC 8555 §7.1.2).
#[derive(Default, Deserialize)]
struct Body {
    status: Option<String>,
    contact: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Caddy {
    location: Option<String>,
    #[serde(flatten)]
    body: Body,
}

#[derive(Deserialize)]
struct Lego {
    registration: Option<Registration>,
}

/// Either what came in the header beside what came in the body, or, since version 5, both in one.
#[derive(Default, Deserialize)]
struct Registration {
    uri: Option<String>,
    body: Option<Body>,
    #[serde(rename = "accountURL")]
    account_url: Option<String>,
    #[serde(flatten)]
    account: Body,
}

#[derive(Deserialize)]
struct Dehydrated {
    url: Option<String>,
}

impl From<Certbot> for File {
    fn from(Certbot { uri, body }: Certbot) -> Self {
        let Body { status, contact } = body.unwrap_or_default();
        Self { url: uri, status, contacts: contact.unwrap_or_default() }
    }
}

impl From<Caddy> for File {
    fn from(Caddy { location, body: Body { status, contact } }: Caddy) -> Self {
        Self { url: location, status, contacts: contact.unwrap_or_default() }
    }
}

impl From<Lego> for File {
    fn from(Lego { registration }: Lego) -> Self {
        let Registration { uri, body, account_url, account } = registration.unwrap_or_default();
        let Body { status, contact } = body.unwrap_or(account);
        Self { url: uri.or(account_url), status, contacts: contact.unwrap_or_default() }
    }
}

impl From<Dehydrated> for File {
    fn from(Dehydrated { url }: Dehydrated) -> Self {
        Self { url, status: None, contacts: Vec::new() }
    }
}

fn json<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, NoAccount> {
    serde_json::from_slice(bytes)
        .map_err(|error| NoAccount::Shape { line: error.line(), column: error.column() })
}

/// A file of assignments that acme.sh reads into its shell. The last one counts.
fn shell(bytes: &[u8]) -> Result<File, NoAccount> {
    let text = str::from_utf8(bytes).map_err(|_| NoAccount::NotText)?;
    let value =
        |key: &str| assigned(text, key).map(|value| value.ok_or(NoAccount::Quotes)).transpose();
    let mail = value("CA_EMAIL")?.filter(|mail| !mail.is_empty());
    Ok(File {
        url: value("ACCOUNT_URL")?.map(str::to_owned),
        status: None,
        contacts: mail.into_iter().map(|mail| format!("mailto:{mail}")).collect(),
    })
}

/// The value that a shell would have of a variable after such a file. `Some(None)` if that needs a shell to tell.
fn assigned<'a>(text: &'a str, key: &str) -> Option<Option<&'a str>> {
    let assignment = |line: &'a str| line.trim_start().strip_prefix(key)?.strip_prefix('=');
    let written = text.lines().filter_map(assignment).next_back()?.trim_end();
    let within = |quote: char| written.strip_prefix(quote)?.strip_suffix(quote);
    Some(match (within('\''), within('"')) {
        (Some(value), _) => Some(value).filter(|value| !value.contains('\'')),
        (_, Some(value)) => Some(value).filter(|value| !value.contains(['"', '$', '`', '\\'])),
        (None, None) => {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?@+,%=".contains(c);
            Some(written).filter(|value| value.chars().all(is_plain))
        }
    })
}

#[cfg(test)]
mod tests;
