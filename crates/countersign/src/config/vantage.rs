//! From where we look: `direct`, and the proxies that the file names.

use std::collections::HashSet;

use countersign_net::{Control, ControlLogin, Route, Vantage};

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
    if let (Some(isolation), Kind::Direct | Kind::HttpProxy | Kind::Tor) =
        (&spec.isolation, spec.kind)
    {
        let failure = file.failure_at(isolation, "only `socks5` knows `isolation`");
        return Err(match spec.kind {
            Kind::Tor => failure.hint("the name of a `tor` vantage is its isolation"),
            Kind::Direct | Kind::HttpProxy | Kind::Socks5 => failure,
        });
    }
    let control = control(spec, file)?;
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
        (Kind::Tor, Some(address)) => {
            Ok(Route::Tor { address: file.checked(address, host_and_port)?, control })
        }
        (Kind::HttpProxy | Kind::Socks5 | Kind::Tor, None) => {
            Err(file.failure_at(&spec.name, format!("the vantage {name:?} needs an `address`")))
        }
    }
}

/// How tor is asked, if it is.
fn control(spec: &spec::Vantage, file: &File) -> Result<Option<Control>, Failure> {
    let (cookie, password) = (&spec.control_cookie_file, &spec.control_password_file);
    let Some(address) = &spec.control else {
        return match cookie.as_ref().or(password.as_ref()) {
            None => Ok(None),
            Some(path) => Err(file.failure_at(path, "it is of no use without `control`")),
        };
    };
    if spec.kind != Kind::Tor {
        return Err(file.failure_at(address, "only `tor` knows `control`"));
    }
    let login = match (cookie, password) {
        (None, None) => ControlLogin::None,
        (Some(path), None) => ControlLogin::CookieFile(file.path(path.get_ref())),
        (None, Some(path)) => ControlLogin::PasswordFile(file.path(path.get_ref())),
        (Some(_), Some(path)) => {
            let why = "either `control-cookie-file` or `control-password-file`";
            return Err(file.failure_at(path, why));
        }
    };
    Ok(Some(Control { address: file.checked(address, host_and_port)?, login }))
}

/// What the file would say of a vantage.
pub(super) fn vantage_spec(vantage: &Vantage) -> spec::Vantage {
    let (kind, address, isolation, control) = match &vantage.route {
        Route::Direct => (Kind::Direct, None, None, None),
        Route::HttpProxy { url } => (Kind::HttpProxy, Some(url), None, None),
        Route::Socks5 { address, isolation } => {
            (Kind::Socks5, Some(address), isolation.as_ref(), None)
        }
        Route::Tor { address, control } => (Kind::Tor, Some(address), None, control.as_ref()),
    };
    let (cookie, password) = match control.map(|control| &control.login) {
        None | Some(ControlLogin::None) => (None, None),
        Some(ControlLogin::CookieFile(path)) => (Some(path), None),
        Some(ControlLogin::PasswordFile(path)) => (None, Some(path)),
    };
    spec::Vantage {
        name: unplaced(vantage.name.clone()),
        kind,
        address: address.cloned().map(unplaced),
        isolation: isolation.cloned().map(unplaced),
        control: control.map(|control| unplaced(control.address.clone())),
        control_cookie_file: cookie.cloned().map(unplaced),
        control_password_file: password.cloned().map(unplaced),
    }
}

/// The vantage without a proxy.
pub(crate) const DIRECT: &str = "direct";
