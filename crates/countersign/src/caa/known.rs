//! What is known of CAs and of the operator's own accounts, for whoever judges records.

use countersign_judge::acme_account::{AccountUrl, NoAccount};
use countersign_judge::caa::{CaaView, Issuer};
use countersign_judge::caa_plan::authority::{Authorities, Authority, Binding, Environment};
use jiff::Timestamp;

use super::plan::Found;

/// What a view of a name does not show.
pub(super) struct Known {
    issuers: Vec<Issuer>,
    accounts: Option<Vec<String>>,
    ended: Vec<String>,
}

impl Known {
    /// Every CA that is known, as of a time, and the accounts that were named or found.
    pub(super) fn of(
        authorities: &Authorities,
        named: &[AccountUrl],
        found: &Found,
        now: Timestamp,
    ) -> Self {
        Self {
            issuers: authorities.all().iter().map(|authority| issuer(authority, now)).collect(),
            accounts: accounts(named, found),
            ended: ended(found),
        }
    }

    pub(super) fn fill_in(&self, view: &mut CaaView) {
        view.issuers.clone_from(&self.issuers);
        view.accounts.clone_from(&self.accounts);
        view.ended.clone_from(&self.ended);
    }
}

fn issuer(authority: &Authority, now: Timestamp) -> Issuer {
    let prefixes = |wanted: Environment| {
        let of_it = authority.accounts.iter().filter(move |known| known.environment == wanted);
        of_it.map(|known| known.prefix.clone()).collect()
    };
    Issuer {
        names: authority.issuers.iter().map(ToString::to_string).collect(),
        accounts: prefixes(Environment::Production),
        staging: prefixes(Environment::Staging),
        binds: match authority.binding(now) {
            Binding::Known | Binding::Required => true,
            Binding::Open => false,
        },
    }
}

/// The URLs of those of the operator's accounts that have ended.
fn ended(found: &Found) -> Vec<String> {
    let urls = found.accounts.unusable.iter().filter_map(|one| match &one.why {
        NoAccount::Ended { url, .. } => url.as_ref(),
        _ => None,
    });
    urls.map(|url| url.as_str().to_owned()).collect()
}

/// The URLs of the operator's accounts; `None` if none is known, since then no account is foreign.
fn accounts(named: &[AccountUrl], found: &Found) -> Option<Vec<String>> {
    let of_files = found.accounts.found.iter().map(|one| &one.account.url);
    let all: Vec<_> = named.iter().chain(of_files).map(|url| url.as_str().to_owned()).collect();
    (!all.is_empty()).then_some(all)
}
