//! What a book learns from the answers of a CA.

use std::collections::BTreeSet;

use super::super::answer::{
    AccountShape, Answer, AuthorizationShape, ChallengeShape, Directory, IdentifierShape,
    OrderShape, OrdersShape, body, ours,
};
use super::super::request::{Asked, Kind};
use super::super::x509::NAMES_MAX;
use super::{Authorization, Book, BookError, Challenge, Order};

impl Book {
    /// Takes what the CA answered to a request that was passed on. With an error, the answer is not to be given back:
    /// it shows the client something that is not understood.
    pub fn learn(&mut self, asked: &Asked, answer: &Answer<'_>) -> Result<(), BookError> {
        if !answer.is_success() {
            return Ok(());
        }
        let account = asked.account.as_deref().unwrap_or_default();
        match asked.kind {
            Kind::NewNonce | Kind::RenewalInfo | Kind::RevokeCert => Ok(()),
            Kind::Directory => {
                self.directory = Directory::parse(answer.body, &self.origin)?;
                Ok(())
            }
            Kind::NewAccount => {
                let url = self.location(answer, "account")?;
                let key = asked.key.clone().expect("a new account was asked for with a key");
                self.accounts.put(&url, key);
                self.learn_account(&url, answer)
            }
            Kind::Account => self.learn_account(account, answer),
            Kind::KeyChange => {
                if let (Some(known), Some(key)) = (self.accounts.get_mut(account), &asked.key) {
                    *known = key.clone();
                }
                Ok(())
            }
            Kind::Orders => {
                let list: OrdersShape = body(answer, "list of orders")?;
                for url in list.orders.iter().take(LISTED_MAX) {
                    self.listed.put(&ours(url, &self.origin)?, account.to_owned());
                }
                Ok(())
            }
            Kind::NewOrder => {
                let url = self.location(answer, "order")?;
                self.learn_order(&url, account, answer)
            }
            Kind::Order => self.learn_order(&asked.url, account, answer),
            Kind::Finalize => {
                let order = self.finalized.get(&asked.url).cloned();
                order.map_or(Ok(()), |order| self.learn_order(&order, account, answer))
            }
            Kind::NewAuthz => {
                let url = self.location(answer, "authorization")?;
                self.learn_authorization(&url, account, answer)
            }
            Kind::Authorization => self.learn_authorization(&asked.url, account, answer),
            Kind::Challenge => self.learn_challenge(&asked.url, answer),
            Kind::Certificate => {
                let links: Vec<_> = answer.related("alternate").map(str::to_owned).collect();
                for url in links.iter().take(LISTED_MAX) {
                    self.certificates.put(&ours(url, &self.origin)?, account.to_owned());
                }
                Ok(())
            }
        }
    }

    fn location(&self, answer: &Answer<'_>, what: &'static str) -> Result<String, BookError> {
        ours(answer.location.ok_or(BookError::Location(what))?, &self.origin)
    }

    fn learn_account(&mut self, url: &str, answer: &Answer<'_>) -> Result<(), BookError> {
        let shape: AccountShape = body(answer, "account")?;
        if shape.status != "valid" {
            self.accounts.remove(url);
        } else if let Some(orders) = shape.orders {
            self.lists.put(&ours(&orders, &self.origin)?, url.to_owned());
        }
        Ok(())
    }

    fn learn_order(
        &mut self,
        url: &str,
        account: &str,
        answer: &Answer<'_>,
    ) -> Result<(), BookError> {
        let shape: OrderShape = body(answer, "order")?;
        let names = shape.identifiers.iter().map(|identifier| name(identifier, false));
        let names: BTreeSet<String> = names.collect::<Result<_, _>>()?;
        let finalize = ours(&shape.finalize, &self.origin)?;
        let urls = shape.authorizations.iter().map(|url| ours(url, &self.origin));
        let authorizations: Vec<String> = urls.collect::<Result<_, _>>()?;
        let fits = (1..=NAMES_MAX).contains(&names.len()) && authorizations.len() <= NAMES_MAX;
        if !fits {
            return Err(BookError::Answer("order"));
        }
        let certificate = shape.certificate.map(|url| ours(&url, &self.origin)).transpose()?;
        let changed = || BookError::Changed(url.to_owned());
        if self
            .orders
            .get(url)
            .is_some_and(|known| known.names != names || known.account != account)
        {
            return Err(changed());
        }
        for authorization in &authorizations {
            match self.authorizations.get(authorization) {
                Some(known) if known.account != account => return Err(changed()),
                Some(_) => {}
                None => {
                    let (account, challenges) = (account.to_owned(), Vec::new());
                    let unseen = Authorization { account, name: None, challenges };
                    self.authorizations.put(authorization, unseen);
                }
            }
        }
        if let Some(certificate) = certificate {
            self.certificates.put(&certificate, account.to_owned());
        }
        self.finalized.put(&finalize, url.to_owned());
        self.orders.put(url, Order { account: account.to_owned(), names, authorizations });
        Ok(())
    }

    fn learn_authorization(
        &mut self,
        url: &str,
        account: &str,
        answer: &Answer<'_>,
    ) -> Result<(), BookError> {
        let shape: AuthorizationShape = body(answer, "authorization")?;
        let name = name(&shape.identifier, shape.wildcard)?;
        let known = self.authorizations.get(url);
        let is_other = known.is_some_and(|known| {
            known.account != account || known.name.as_ref().is_some_and(|known| *known != name)
        });
        if is_other {
            return Err(BookError::Changed(url.to_owned()));
        }
        // An authorization that is no longer valid shows challenges that once were.
        let is_live = matches!(shape.status.as_str(), "pending" | "valid");
        let mut challenges = Vec::new();
        for ChallengeShape { r#type, url: at, status } in
            shape.challenges.into_iter().take(LISTED_MAX)
        {
            let at = ours(&at, &self.origin)?;
            self.challenges.put(&at, url.to_owned());
            challenges.push(Challenge {
                url: at,
                kind: r#type,
                is_valid: is_live && status == "valid",
            });
        }
        let learned = Authorization { account: account.to_owned(), name: Some(name), challenges };
        self.authorizations.put(url, learned);
        Ok(())
    }

    fn learn_challenge(&mut self, url: &str, answer: &Answer<'_>) -> Result<(), BookError> {
        let shape: ChallengeShape = body(answer, "challenge")?;
        let of = self.challenges.get(url).cloned().unwrap_or_default();
        let all = self.authorizations.get_mut(&of).map(|found| &mut found.challenges);
        if let Some(known) = all.into_iter().flatten().find(|known| known.url == url) {
            if known.kind != shape.r#type || shape.url != url {
                return Err(BookError::Changed(url.to_owned()));
            }
            known.is_valid = shape.status == "valid";
        }
        Ok(())
    }
}

/// The name that an identifier stands for.
fn name(identifier: &IdentifierShape, wildcard: bool) -> Result<String, BookError> {
    let value = identifier.value.to_ascii_lowercase();
    let is_plain = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic());
    if identifier.r#type != "dns" || !is_plain || wildcard && value.starts_with("*.") {
        return Err(BookError::Answer("identifier of type dns"));
    }
    Ok(if wildcard { format!("*.{value}") } else { value })
}

/// Challenges of an authorization, orders in a list, alternates of a certificate.
const LISTED_MAX: usize = 100;
