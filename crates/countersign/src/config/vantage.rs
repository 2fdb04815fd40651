//! From where we look: `direct`, and the proxies that the file names.

use std::collections::HashSet;

use countersign_net::{Route, Vantage};

use super::address::{host_and_port, proxy_url};
use super::file::File;
use super::settings::unplaced;
use super::spec::{self, Kind};
use crate::failure::Failure;

/// The vantages of the file behind the built-in one.
pub(super) fn vantages(specs: &[spec::Vantage], file: &File) -> Result<Vec<Vantage>, Failure> {
    let mut vantages = vec![Vantage { name: DIRECT.to_owned(), route: Route::Direct }];
    let mut seen = HashSet::new();
    for spec in specs {
        let name = spec.name.get_ref();
        if name.is_empty() || !seen.insert(name) {
            let why = format!("a vantage needs a name of its own, not {name:?}");
            return Err(file.failure_at(&spec.name, why));
        }
        let route = route(spec, file)?;
        if name != DIRECT {
            vantages.push(Vantage { name: name.clone(), route });
        } else if !matches!(route, Route::Direct) {
            let failure = file.failure_at(&spec.name, "\"direct\" is the vantage without a proxy");
            return Err(failure.hint("give this one another name, and name it in [watch] vantage"));
        }
    }
    Ok(vantages)
}

fn route(spec: &spec::Vantage, file: &File) -> Result<Route, Failure> {
    let name = spec.name.get_ref();
    if let (Some(isolation), Kind::Direct | Kind::HttpProxy) = (&spec.isolation, spec.kind) {
        return Err(file.failure_at(isolation, "only `socks5` knows `isolation`"));
    }
    match (spec.kind, &spec.address) {
        (Kind::Direct, None) => Ok(Route::Direct),
        (Kind::Direct, Some(address)) => {
            Err(file.failure_at(address, "a `direct` vantage has no `address`"))
        }
        (Kind::HttpProxy, Some(address)) => {
            Ok(Route::HttpProxy { url: file.checked(address, proxy_url)? })
        }
        (Kind::Socks5, Some(address)) => {
            let isolation = spec.isolation.as_ref().map(|user| user.get_ref().clone());
            Ok(Route::Socks5 { address: file.checked(address, host_and_port)?, isolation })
        }
        (Kind::HttpProxy | Kind::Socks5, None) => {
            Err(file.failure_at(&spec.name, format!("the vantage {name:?} needs an `address`")))
        }
    }
}

/// What the file would say of a vantage.
pub(super) fn vantage_spec(vantage: &Vantage) -> spec::Vantage {
    let (kind, address, isolation) = match &vantage.route {
        Route::Direct => (Kind::Direct, None, None),
        Route::HttpProxy { url } => (Kind::HttpProxy, Some(url), None),
        Route::Socks5 { address, isolation } => (Kind::Socks5, Some(address), isolation.as_ref()),
    };
    spec::Vantage {
        name: unplaced(vantage.name.clone()),
        kind,
        address: address.cloned().map(unplaced),
        isolation: isolation.cloned().map(unplaced),
    }
}

/// The vantage without a proxy.
pub(crate) const DIRECT: &str = "direct";
