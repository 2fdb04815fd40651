//! Somebody with an account at the CA: an operator, or Mallory. An ACME client that does no more than it must.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use countersign_net::{
    Ask, FetchError, Net, Redirects, Relay, Relayed, Roots, Route, Target, Vantage,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::key::{encode, thumbprint};
use super::problem::URN;
use super::{AccountKey, Ca, Method};
use crate::authority::SubjectKey;
use crate::certificates::sha256;

/// A customer, by her account.
pub struct Customer {
    key: AccountKey,
    net: Net,
    /// Where accounts and orders are made, and nonces given out.
    directory: Value,
    account: String,
}

/// The answer to a challenge, and where it has to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The name, without `*.`.
    pub name: String,
    /// By which method.
    pub method: Method,
    token: String,
    key_authorization: String,
}

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OrderError {
    /// The CA refuses.
    #[error("the CA refuses: {problem}: {detail}")]
    Refused {
        /// The kind of its problem, without what stands in front of each.
        problem: String,
        /// What it says to people.
        detail: String,
    },
    /// The CA cannot be reached.
    #[error("cannot reach the CA")]
    Unreachable(#[from] FetchError),
    /// There is no way out.
    #[error("there is no way to the CA")]
    Net(#[from] countersign_net::net::NetError),
    /// The CA's answer has not what it must have.
    #[error("the CA's answer has no {0}")]
    Incomplete(&'static str),
    /// The request for the certificate cannot be made.
    #[error("cannot make a request for the certificate")]
    Csr(#[source] rcgen::Error),
    /// The key to certify has no private half here.
    #[error("the key to certify cannot sign a request")]
    PublicOnly,
}

impl Customer {
    /// Makes an account for this key, or finds the one that it has.
    pub async fn register(ca: &Ca, key: AccountKey) -> Result<Self, OrderError> {
        let root = CertificateDer::from(ca.root().to_vec());
        let net = Net::new(countersign_net::Settings {
            contact: "lab@example.org".to_owned(),
            roots: Roots::Only(vec![root]),
            redirects: Some(Redirects::new([(ca.host().to_owned(), ca.address())])),
            vantages: vec![Vantage { name: VANTAGE.to_owned(), route: Route::Direct }],
        })?;
        let mut customer = Self { key, net, directory: Value::Null, account: String::new() };
        let directory = customer.send(&ca.directory(), Ask::Get).await?;
        customer.directory = json_of(&directory)?;
        let url = text(&customer.directory, "newAccount")?.to_owned();
        let made = customer.post(&url, &json!({"termsOfServiceAgreed": true}).to_string()).await?;
        customer.account = located(&made)?;
        Ok(customer)
    }

    /// The URL of the account.
    pub fn account(&self) -> &str {
        &self.account
    }

    /// Orders a certificate for these names and this key: the chain, the certificate first. Each name is validated by
    /// this method, once `put` has put the answer where it has to be.
    pub async fn order(
        &self,
        names: &[&str],
        key: &SubjectKey,
        method: Method,
        mut put: impl FnMut(&Answer),
    ) -> Result<Vec<Vec<u8>>, OrderError> {
        let (order, finalize) = self.new_order(names).await?;
        let order_json = json_of(&self.post(&order, "").await?)?;
        let authorizations = order_json["authorizations"].as_array().cloned().unwrap_or_default();
        for url in authorizations.iter().filter_map(Value::as_str) {
            self.prove(url, method, &mut put).await?;
        }
        self.finalize(&finalize, &csr(names, key)?).await
    }

    /// Makes an order: its URL, and where it is finalized.
    pub(super) async fn new_order(&self, names: &[&str]) -> Result<(String, String), OrderError> {
        let identifiers: Vec<_> =
            names.iter().map(|name| json!({"type": "dns", "value": name})).collect();
        let payload = json!({"identifiers": identifiers}).to_string();
        let made = self.post(text(&self.directory, "newOrder")?, &payload).await?;
        Ok((located(&made)?, text(&json_of(&made)?, "finalize")?.to_owned()))
    }

    /// Answers one challenge of an authorization.
    async fn prove(
        &self,
        authorization: &str,
        method: Method,
        put: &mut impl FnMut(&Answer),
    ) -> Result<(), OrderError> {
        let authorization = json_of(&self.post(authorization, "").await?)?;
        let challenges = authorization["challenges"].as_array().cloned().unwrap_or_default();
        let challenge = challenges.iter().find(|challenge| challenge["type"] == method.as_str());
        let challenge = challenge.ok_or(OrderError::Incomplete("challenge of this method"))?;
        let token = text(challenge, "token")?.to_owned();
        put(&Answer {
            name: text(&authorization["identifier"], "value")?.to_owned(),
            method,
            key_authorization: format!("{token}.{}", thumbprint(&self.key.public())),
            token,
        });
        let answered = json_of(&self.post(text(challenge, "url")?, "{}").await?)?;
        match answered["error"].is_object() {
            true => Err(refused(&answered["error"])),
            false => Ok(()),
        }
    }

    /// Asks for the certificate of an order, and fetches it.
    pub(super) async fn finalize(&self, url: &str, csr: &[u8]) -> Result<Vec<Vec<u8>>, OrderError> {
        let payload = json!({"csr": BASE64_URL_SAFE_NO_PAD.encode(csr)}).to_string();
        let order = json_of(&self.post(url, &payload).await?)?;
        let chain = self.post(text(&order, "certificate")?, "").await?;
        let chain = CertificateDer::pem_slice_iter(&chain.body).map(|one| Some(one.ok()?.to_vec()));
        chain.collect::<Option<_>>().ok_or(OrderError::Incomplete("chain in PEM"))
    }

    /// A request by the account; by its key, as long as it has none.
    pub(super) async fn post(&self, url: &str, payload: &str) -> Result<Relayed, OrderError> {
        let nonce = self.nonce().await?;
        self.post_with(url, payload, &nonce).await
    }

    /// The same with a nonce that was given out before, or not.
    pub(super) async fn post_with(
        &self,
        url: &str,
        payload: &str,
        nonce: &str,
    ) -> Result<Relayed, OrderError> {
        let mut header = json!({"alg": "ES256", "nonce": nonce, "url": url});
        match self.account.is_empty() {
            true => header["jwk"] = self.key.jwk(),
            false => header["kid"] = json!(self.account),
        }
        self.post_jws(url, &self.key.sign(&header, payload)).await
    }

    /// Sends any body.
    pub(super) async fn post_jws(&self, url: &str, body: &[u8]) -> Result<Relayed, OrderError> {
        self.send(url, Ask::Post { body, content_type: "application/jose+json" }).await
    }

    /// A nonce that nobody has used.
    pub(super) async fn nonce(&self) -> Result<String, OrderError> {
        let given = self.send(text(&self.directory, "newNonce")?, Ask::Head).await?;
        Ok(given.header(REPLAY_NONCE).ok_or(OrderError::Incomplete("nonce"))?.to_owned())
    }

    async fn send(&self, url: &str, ask: Ask<'_>) -> Result<Relayed, OrderError> {
        let to =
            Target::parse(url).map_err(|_| OrderError::Incomplete("URL where one should be"))?;
        let relay = Relay {
            to: &to,
            vantage: VANTAGE,
            host: None,
            ask,
            headers: &[],
            wanted: &[REPLAY_NONCE, LOCATION],
            body_max: BODY_BYTES_MAX,
            deadline: DEADLINE,
        };
        let relayed = self.net.relay(relay).await?;
        match relayed.status {
            200..300 => Ok(relayed),
            _ => Err(refused(&json_of(&relayed)?)),
        }
    }
}

impl Answer {
    /// The path of the page that HTTP-01 looks for (RFC 8555 §8.3).
    pub fn path(&self) -> String {
        format!("/.well-known/acme-challenge/{}", self.token)
    }

    /// What the page says.
    pub fn page(&self) -> &str {
        &self.key_authorization
    }

    /// What the TXT record at `_acme-challenge` says (RFC 8555 §8.4).
    pub fn text(&self) -> String {
        encode(&sha256(self.key_authorization.as_bytes()))
    }
}

/// A PKCS #10 request for these names by this key, with nothing else in it.
pub(super) fn csr(names: &[&str], key: &SubjectKey) -> Result<Vec<u8>, OrderError> {
    let pkcs8 = key.pkcs8().ok_or(OrderError::PublicOnly)?;
    let pair = KeyPair::try_from(pkcs8).map_err(OrderError::Csr)?;
    let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).map_err(OrderError::Csr)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&pair).map_err(OrderError::Csr)?;
    Ok(request.der().to_vec())
}

fn json_of(relayed: &Relayed) -> Result<Value, OrderError> {
    serde_json::from_slice(&relayed.body).map_err(|_| OrderError::Incomplete("JSON"))
}

fn text<'a>(json: &'a Value, member: &'static str) -> Result<&'a str, OrderError> {
    json[member].as_str().ok_or(OrderError::Incomplete(member))
}

fn located(made: &Relayed) -> Result<String, OrderError> {
    Ok(made.header(LOCATION).ok_or(OrderError::Incomplete(LOCATION))?.to_owned())
}

/// What a problem document says.
fn refused(document: &Value) -> OrderError {
    let member = |name: &str| document[name].as_str().unwrap_or_default();
    let problem = member("type").strip_prefix(URN).unwrap_or(member("type")).to_owned();
    OrderError::Refused { problem, detail: member("detail").to_owned() }
}

/// From where customers ask.
const VANTAGE: &str = "customer";
const REPLAY_NONCE: &str = "replay-nonce";
const LOCATION: &str = "location";
/// A chain has some kilobytes.
const BODY_BYTES_MAX: usize = 64 << 10;
/// On loopback, with a validation in between.
const DEADLINE: Duration = Duration::from_secs(60);
