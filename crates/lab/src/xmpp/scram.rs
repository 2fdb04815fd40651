//! The server's side of SCRAM (RFC 5802, RFC 7677): says how it ended and, above all, what was wrong with the channel
//! binding, which real servers keep to themselves.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::sasl::{Binding, Hash, ITERATIONS, Mechanism, Offer};
use crate::certificates::sha256;

/// A login in which the server has said its first message.
pub(super) struct Exchange {
    hash: Hash,
    /// The name of who logs in, or wants to.
    pub(super) name: String,
    flag: Flag,
    /// The header that the client has to repeat, in which its flag is.
    header: String,
    client_first_bare: String,
    /// What the server said.
    pub(super) server_first: String,
    nonce: String,
    salt: [u8; 16],
}

/// What the client says of channel binding (RFC 5802 §7, gs2-cbind-flag).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// It knows none.
    No,
    /// It knows some, and thinks that the server does not.
    NotOffered,
    /// It uses this.
    Bound(Binding),
}

/// Why nobody is logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A message is none of the mechanism's, or out of order.
    Malformed,
    /// There is no such mechanism, or none of that kind of channel binding.
    NotOffered,
    /// The client thinks that there is no channel binding, and there is: somebody took it out of what was offered.
    Downgraded,
    /// What the client bound its login to is not this connection.
    OtherConnection,
    /// There is no such account, or the password is another one.
    Password,
    /// The client would not go on.
    Aborted,
}

impl Exchange {
    /// Takes the client's first message.
    pub(super) fn begin(
        mechanism: Mechanism,
        hash: Hash,
        offer: &Offer,
        client_first: &str,
    ) -> Result<Self, Refusal> {
        let mut parts = client_first.splitn(3, ',');
        let (flag, authzid) = (parts.next(), parts.next());
        let (Some(said), Some(authzid), Some(bare)) = (flag, authzid, parts.next()) else {
            return Err(Refusal::Malformed);
        };
        let flag = match said {
            "n" => Flag::No,
            "y" => Flag::NotOffered,
            _ => {
                let name = said.strip_prefix("p=").ok_or(Refusal::Malformed)?;
                let known = offer.bindings.iter().find(|binding| binding.name() == name);
                Flag::Bound(*known.ok_or(Refusal::NotOffered)?)
            }
        };
        match (flag, mechanism.is_plus()) {
            (Flag::NotOffered, _) if offer.binds() => return Err(Refusal::Downgraded),
            (Flag::Bound(_), false) | (Flag::No | Flag::NotOffered, true) => {
                return Err(Refusal::Malformed);
            }
            _ => {}
        }
        let name = attribute(bare, 'n').ok_or(Refusal::Malformed)?;
        let client_nonce = attribute(bare, 'r').ok_or(Refusal::Malformed)?;
        let nonce = format!("{client_nonce}{}", BASE64_STANDARD.encode(random::<18>()));
        let salt = salt_of(name);
        let mut server_first =
            format!("r={nonce},s={},i={ITERATIONS}", BASE64_STANDARD.encode(salt));
        if let Some(offered) = offer.hash(hash) {
            server_first.push_str(",h=");
            server_first.push_str(&offered);
        }
        Ok(Self {
            hash,
            name: name.replace("=2C", ",").replace("=3D", "="),
            flag,
            header: format!("{said},{authzid},"),
            client_first_bare: bare.to_owned(),
            server_first,
            nonce,
            salt,
        })
    }

    /// What the client said of channel binding.
    pub(super) fn flag(&self) -> Flag {
        self.flag
    }

    /// Takes the client's last message; the server's, if all is right. `bound` is what this connection is bound to.
    pub(super) fn end(
        &self,
        client_final: &str,
        password: Option<&str>,
        bound: &[u8],
    ) -> Result<String, Refusal> {
        let (without_proof, proof) = client_final.rsplit_once(",p=").ok_or(Refusal::Malformed)?;
        if attribute(without_proof, 'r') != Some(&self.nonce) {
            return Err(Refusal::Malformed);
        }
        let said = attribute(without_proof, 'c').and_then(decoded).ok_or(Refusal::Malformed)?;
        if said != [self.header.as_bytes(), bound].concat() {
            return Err(Refusal::OtherConnection);
        }
        let password = password.ok_or(Refusal::Password)?;
        let salted = self.hash.stretched(password, &self.salt);
        let stored = self.hash.of(&self.hash.hmac(&salted, b"Client Key"));
        let message = format!("{},{},{without_proof}", self.client_first_bare, self.server_first);
        let signature = self.hash.hmac(&stored, message.as_bytes());
        let proof = decoded(proof).ok_or(Refusal::Malformed)?;
        let client_key: Vec<u8> = proof.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        if proof.len() != signature.len() || self.hash.of(&client_key) != stored {
            return Err(Refusal::Password);
        }
        let server_key = self.hash.hmac(&salted, b"Server Key");
        let server_signature = self.hash.hmac(&server_key, message.as_bytes());
        Ok(format!("v={}", BASE64_STANDARD.encode(server_signature)))
    }
}

fn attribute(message: &str, name: char) -> Option<&str> {
    message.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

fn decoded(base64: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(base64).ok()
}

/// Always the same for a name, whether there is such an account or not.
fn salt_of(name: &str) -> [u8; 16] {
    let hash = sha256(&[b"salt of ", name.as_bytes()].concat());
    hash[..16].try_into().expect("a hash has 32 bytes")
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the machine has randomness");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a client proves with.
    fn last(exchange: &Exchange, first_bare: &str, header: &str, password: &str) -> String {
        let hash = exchange.hash;
        let channel = BASE64_STANDARD.encode(header);
        let without_proof = format!("c={channel},r={}", exchange.nonce);
        let salted = hash.stretched(password, &exchange.salt);
        let key = hash.hmac(&salted, b"Client Key");
        let message = format!("{first_bare},{},{without_proof}", exchange.server_first);
        let signature = hash.hmac(&hash.of(&key), message.as_bytes());
        let proof: Vec<u8> = key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        format!("{without_proof},p={}", BASE64_STANDARD.encode(proof))
    }

    fn login(
        mechanism: Mechanism,
        header: &str,
        said: &str,
        password: &str,
    ) -> Result<String, Refusal> {
        let first = "n=alice,r=abc";
        let hash = mechanism.hash().unwrap();
        let offer = Offer::default();
        let exchange = Exchange::begin(mechanism, hash, &offer, &format!("{header}{first}"))?;
        exchange.end(&last(&exchange, first, said, password), Some("secret"), b"keys")
    }

    #[test]
    fn who_has_the_password_and_this_connection_is_let_in() {
        let (plus, usual) = (Mechanism::ScramSha256Plus, Mechanism::ScramSha1);
        let header = "p=tls-exporter,,";
        let good = login(plus, header, "p=tls-exporter,,keys", "secret");
        assert!(good.unwrap().starts_with("v="));
        assert!(login(usual, "n,,", "n,,", "secret").unwrap_err() == Refusal::OtherConnection);
        let other = login(plus, header, "p=tls-exporter,,other", "secret");
        assert_eq!(other, Err(Refusal::OtherConnection));
        let wrong = login(plus, header, "p=tls-exporter,,keys", "wrong");
        assert_eq!(wrong, Err(Refusal::Password));
        assert_eq!(login(usual, "y,,", "y,,", "secret"), Err(Refusal::Downgraded));
        assert_eq!(login(plus, "n,,", "n,,", "secret"), Err(Refusal::Malformed));
        let unknown = login(plus, "p=tls-unique,,", "", "secret");
        assert_eq!(unknown, Err(Refusal::NotOffered));
    }

    #[test] // RFC 7677 §3.
    fn it_computes_what_the_rfc_does() {
        let exchange = Exchange {
            hash: Hash::Sha256,
            name: "user".to_owned(),
            flag: Flag::No,
            header: "n,,".to_owned(),
            client_first_bare: "n=user,r=rOprNGfwEbeRWgbNEkqO".to_owned(),
            server_first: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
                .to_owned(),
            nonce: "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0".to_owned(),
            salt: decoded("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap().try_into().unwrap(),
        };
        let last = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
            p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let said = exchange.end(last, Some("pencil"), b"");
        assert_eq!(said.as_deref(), Ok("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }
}
