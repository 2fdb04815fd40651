//! What is asked over HTTP, in JSON.

use std::collections::BTreeMap;

use countersign_caa::{Account, Identifier, Method, Name, Purpose, Relation};
use serde::{Deserialize, Serialize};

use crate::acme::NAMES_MAX;
use crate::application::{Application, Source};

/// What is to be decided.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationShape {
    /// The names of the certificate.
    pub names: Vec<NameShape>,
    /// The account that asks, by its URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Accounts above it, by the CA's own mapping.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parent_accounts: Vec<String>,
    /// The names by which the CA is known; those of the configuration if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issuers: Vec<String>,
    /// `tls`, `smime` or `mark`; `tls` if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    /// What the CA calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A name.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NameShape {
    /// The name, with `*.` in front of a wildcard.
    pub name: String,
    /// The method by which it was validated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
}

impl ApplicationShape {
    /// What is asked of others.
    pub(crate) fn new(application: &Application) -> Self {
        let of = |relation: Relation| {
            let own =
                application.accounts.iter().filter(move |account| account.relation == relation);
            own.map(|account| account.uri.clone())
        };
        let purpose = match application.purpose {
            Purpose::Tls => "tls",
            Purpose::Smime => "smime",
            Purpose::Mark => "mark",
        };
        let name = |(identifier, method): (&Identifier, &Option<Method>)| NameShape {
            name: identifier.to_string(),
            method: method.as_ref().map(ToString::to_string),
        };
        Self {
            names: application.names.iter().map(name).collect(),
            account: of(Relation::Own).next(),
            parent_accounts: of(Relation::Parent).collect(),
            issuers: application.issuers.iter().map(ToString::to_string).collect(),
            purpose: Some(purpose.to_owned()),
            reference: application.reference.clone(),
        }
    }

    /// What it means; the reason, in words, if it means nothing.
    pub(crate) fn application(
        self,
        source: Source,
        issuers: &[Name],
    ) -> Result<Application, String> {
        let purpose = match self.purpose.as_deref() {
            None | Some("tls") => Purpose::Tls,
            Some("smime") => Purpose::Smime,
            Some("mark") => Purpose::Mark,
            Some(other) => {
                return Err(format!("purpose {other:?} is neither tls nor smime nor mark"));
            }
        };
        let mut names = BTreeMap::new();
        for NameShape { name, method } in &self.names {
            let identifier = Identifier::parse(name).map_err(|why| format!("{name:?}: {why}"))?;
            let method = method.as_deref().map(Method::parse).transpose();
            let method = method.map_err(|why| format!("the method of {name:?}: {why}"))?;
            if names.insert(identifier, method).is_some() {
                return Err(format!("{name:?} is there twice"));
            }
        }
        if !(1..=NAMES_MAX).contains(&names.len()) {
            return Err(format!("there have to be 1 to {NAMES_MAX} names"));
        }
        let own = self.issuers.iter().map(|issuer| {
            Name::parse(issuer).map_err(|why| format!("the issuer {issuer:?}: {why}"))
        });
        let own: Vec<Name> = own.collect::<Result<_, _>>()?;
        let issuers = if own.is_empty() { issuers.to_vec() } else { own };
        let is_long = |text: &String| text.len() > TEXT_BYTES_MAX;
        let texts = self.account.iter().chain(&self.parent_accounts).chain(&self.reference);
        if texts.clone().any(is_long) || issuers.len() + self.parent_accounts.len() > LISTED_MAX {
            return Err("there is more of something than anybody needs".to_owned());
        }
        let parents = self.parent_accounts.into_iter().map(Account::parent);
        let accounts = self.account.into_iter().map(Account::own).chain(parents).collect();
        Ok(Application { source, reference: self.reference, purpose, issuers, accounts, names })
    }
}

/// Of an account or a reference.
const TEXT_BYTES_MAX: usize = 2048;
/// Issuers and parent accounts.
const LISTED_MAX: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expected: Result<(), &str>) {
        let shape: ApplicationShape = serde_json::from_str(json).expect("the form is right");
        let issuers = [Name::parse("ca.example").expect("a name")];
        match (shape.application(Source::Api, &issuers), expected) {
            (Ok(application), Ok(())) => {
                let again = ApplicationShape::new(&application).application(Source::Api, &[]);
                assert_eq!(again, Ok(application), "what is sent on means the same");
            }
            (Err(why), Err(expected)) => assert!(why.contains(expected), "{why}"),
            (other, _) => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_application_says_what_it_is_about() {
        check(r#"{"names":[{"name":"a.example"}]}"#, Ok(()));
        let all = r#"{"names":[{"name":"*.a.example","method":"dns-01"},{"name":"b.example"}],
            "account":"https://ca.example/1","parent_accounts":["acct:a@ca.example"],
            "issuers":["ca.test"],"purpose":"smime","reference":"7"}"#;
        check(all, Ok(()));
        check(r#"{"names":[]}"#, Err("1 to 1000 names"));
        check(r#"{"names":[{"name":"a.example"},{"name":"A.example."}]}"#, Err("is there twice"));
        check(r#"{"names":[{"name":"192.0.2.1"}]}"#, Err("it is an address"));
        check(r#"{"names":[{"name":"a.example","method":"a b"}]}"#, Err("the method of"));
        check(r#"{"names":[{"name":"a.example"}],"purpose":"x"}"#, Err("neither tls nor"));
        check(r#"{"names":[{"name":"a.example"}],"issuers":["a b"]}"#, Err("the issuer"));
        let long = "x".repeat(2049);
        let long = format!(r#"{{"names":[{{"name":"a.example"}}],"reference":"{long}"}}"#);
        check(&long, Err("more of something"));
        let unknown = r#"{"names":[{"name":"a.example"}],"accounts":[]}"#;
        assert!(serde_json::from_str::<ApplicationShape>(unknown).is_err());
    }
}
