//! Whether a customer controls a name (RFC 8555 §8), and whether CAA records let her have a certificate for it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use countersign_caa::climb::{Climb, Next};
use countersign_caa::{
    Account, Decision, Identifier, Method as CaaMethod, Name, Profile, Purpose, Request, decide,
};
use countersign_dns::Rtype;
use countersign_judge::caa;
use countersign_net::{Connection, Get, Gzip, Net, Redirects, Roots, Route, Vantage};

use super::key::encode;
use super::ledger::Expected;
use super::problem::{Kind, Problem};
use super::{Heed, Method, Settings};
use crate::certificates::sha256;

/// Looks for the answer to a challenge where it has to be.
pub(super) async fn validate(
    settings: &Settings,
    dnssec: Heed,
    method: Method,
    expected: &Expected,
) -> Result<(), Problem> {
    match method {
        Method::Http01 => http_01(settings, dnssec, expected).await,
        Method::Dns01 => dns_01(settings, dnssec, expected).await,
    }
}

/// RFC 8555 §8.3.
async fn http_01(settings: &Settings, dnssec: Heed, expected: &Expected) -> Result<(), Problem> {
    let name = &expected.identifier.name;
    let found = settings.sight.records(&caa::owner(name), Rtype::A, dnssec).await;
    let addresses = found.map_err(|why| Problem::new(Kind::Dns, why))?;
    let address = addresses.iter().find_map(|rdata| <[u8; 4]>::try_from(&rdata[..]).ok());
    let address = address.ok_or_else(|| {
        Problem::new(Kind::Dns, format!("{name} has no address to look for a page at"))
    })?;
    let address = SocketAddr::from((Ipv4Addr::from(address), HTTP_PORT));
    let to = settings.network.end(address).ok_or_else(|| {
        Problem::new(Kind::Connection, format!("nobody listens at {address} for {name}"))
    })?;
    let unreachable = |why: &dyn std::error::Error| {
        Problem::new(Kind::Connection, format!("cannot fetch a page of {name}: {why}"))
    };
    let net = Net::new(countersign_net::Settings {
        contact: "lab@example.org".to_owned(),
        roots: Roots::Only(Vec::new()),
        redirects: Some(Redirects::new([(name.to_string(), to)])),
        vantages: vec![Vantage { name: VANTAGE.to_owned(), route: Route::Direct }],
    });
    let get = Get {
        url: &format!("http://{name}/.well-known/acme-challenge/{}", expected.token),
        vantage: VANTAGE,
        gzip: Gzip::Identity,
        body_max: PAGE_BYTES_MAX,
        deadline: PAGE_DEADLINE,
        connection: Connection::Close,
    };
    let net = net.map_err(|why| unreachable(&why))?;
    let page = net.get(get, settings.clock.now()).await.map_err(|why| unreachable(&why))?;
    // White space at the end is to be ignored.
    let is_right = page.body.trim_ascii_end() == expected.key_authorization.as_bytes();
    if page.status == 200 && is_right {
        return Ok(());
    }
    let detail = format!("the page of {name} is not the one that was asked for");
    Err(Problem::new(Kind::IncorrectResponse, detail))
}

/// RFC 8555 §8.4.
async fn dns_01(settings: &Settings, dnssec: Heed, expected: &Expected) -> Result<(), Problem> {
    let name = &expected.identifier.name;
    let place = caa::owner(name).child(b"_acme-challenge").ok_or_else(|| {
        Problem::new(Kind::Dns, format!("{name} is too long for a name below it"))
    })?;
    let found = settings.sight.records(&place, Rtype::TXT, dnssec).await;
    let texts = found.map_err(|why| Problem::new(Kind::Dns, why))?;
    let digest = encode(&sha256(expected.key_authorization.as_bytes()));
    if texts.iter().any(|rdata| caa::strings(rdata) == digest.as_bytes()) {
        return Ok(());
    }
    let detail = format!("none of the {} texts at {place} is the right one", texts.len());
    Err(Problem::new(Kind::IncorrectResponse, detail))
}

/// What CAA records say to this account, which validated the name in this way.
pub(super) async fn decided(
    settings: &Settings,
    dnssec: Heed,
    account: &str,
    identifier: &Identifier,
    method: Method,
) -> Decision {
    let profile = Profile::default();
    let request = Request {
        identifier: identifier.clone(),
        purpose: Purpose::Tls,
        issuers: Name::parse(&settings.host).into_iter().collect(),
        accounts: vec![Account::own(account)],
        method: CaaMethod::parse(method.as_str()).ok(),
        constrained: Vec::new(),
    };
    let mut climb = Climb::new(identifier.name.clone(), profile.failures);
    let climbed = loop {
        match climb.next() {
            Next::Done(climbed) => break climbed.clone(),
            Next::Ask(name) => {
                let lookup = settings.sight.caa(name, dnssec).await;
                climb.feed(lookup);
            }
        }
    };
    decide(&request, climbed, &profile)
}

/// RFC 8555 §8.3: always this port.
const HTTP_PORT: u16 = 80;
/// A key authorization has some eighty octets.
const PAGE_BYTES_MAX: usize = 4096;
/// On loopback a page takes milliseconds.
const PAGE_DEADLINE: Duration = Duration::from_secs(10);
/// From where pages are fetched.
const VANTAGE: &str = "ca";
