//! How programs set up OpenSSL. What is not set here is as this machine's OpenSSL and its `openssl.cnf` have it, for us
//! as for those programs: its groups, its signature algorithms, its lowest version.

use std::sync::{Arc, Mutex};

use openssl::error::ErrorStack;
use openssl::ex_data::Index;
use openssl::ssl::{
    Ssl, SslConnector, SslContext, SslContextBuilder, SslMethod, SslOptions, SslVerifyMode,
    SslVersion,
};

/// The key log of one connection, line by line.
pub(crate) type KeyLog = Arc<Mutex<Vec<String>>>;

/// Where a connection carries its [`KeyLog`].
pub(crate) type KeyLogIndex = Index<Ssl, KeyLog>;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Configuration {
    /// As profanity and swaks do, and programs with the `SslConnector` of Rust's `openssl`.
    Connector,
    /// As OpenSSL comes: its own `s_client`, and psql.
    Plain,
    /// As `ssl.create_default_context()` of Python, and slixmpp with it.
    Python,
}

impl Configuration {
    /// By its name in a frame.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Connector, Self::Plain, Self::Python].into_iter().find(|one| one.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Connector => "openssl-connector",
            Self::Plain => "openssl-plain",
            Self::Python => "openssl-python",
        }
    }

    /// Sets it up. No certificate is verified here: the handshake is to be seen to its end whatever comes, and its owner
    /// judges what came.
    pub(crate) fn context(self, key_logs: KeyLogIndex) -> Result<SslContext, ErrorStack> {
        match self {
            Self::Connector => {
                let mut builder = SslConnector::builder(SslMethod::tls_client())?;
                observe(&mut builder, key_logs);
                Ok(builder.build().into_context())
            }
            Self::Plain => {
                let mut builder = SslContextBuilder::new(SslMethod::tls_client())?;
                observe(&mut builder, key_logs);
                Ok(builder.build())
            }
            Self::Python => {
                let mut builder = SslContextBuilder::new(SslMethod::tls_client())?;
                builder.set_options(SslOptions::ALL);
                builder.set_cipher_list(PYTHON_SUITES)?;
                builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
                observe(&mut builder, key_logs);
                Ok(builder.build())
            }
        }
    }
}

/// What Python hands to OpenSSL unless it was built otherwise.
const PYTHON_SUITES: &str =
    "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM";

fn observe(builder: &mut SslContextBuilder, key_logs: KeyLogIndex) {
    builder.set_verify(SslVerifyMode::NONE);
    builder.set_keylog_callback(move |ssl, line| {
        if let Some(lines) = ssl.ex_data(key_logs) {
            lines.lock().expect("nobody panics with it").push(line.to_owned());
        }
    });
}
