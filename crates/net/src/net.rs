//! The way out: one set of HTTP clients per vantage, with our own roots and, in the lab, our own hosts.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, ClientBuilder, Proxy, Url, redirect};
use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;

use crate::fetch::SLOW_WINDOW;
use crate::vantage::{Route, Vantage};

/// What all outbound bytes have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    /// An e-mail address or `https` URL where log operators reach whoever runs this. Several logs give
    /// all clients without one a single, shared rate limit.
    pub contact: String,
    /// Who may certify the servers we talk to.
    pub roots: Roots,
    /// The lab's hosts and DNS servers. With a table, nothing can be reached but them and loopback addresses.
    pub redirects: Option<Redirects>,
    /// The ways out, each with a name of its own.
    pub vantages: Vec<Vantage>,
}

/// The certification authorities that we accept for TLS servers.
#[derive(Clone, Debug)]
pub enum Roots {
    /// Mozilla's, as of our build.
    Public,
    /// Mozilla's, and these.
    PublicAnd(Vec<CertificateDer<'static>>),
    /// These only.
    Only(Vec<CertificateDer<'static>>),
}

/// The lab's hosts: host name -> loopback address and port. URLs, `Host` headers and TLS names stay as
/// they are. Its DNS servers: address -> loopback address and port. And its services, each at a port of its host.
#[derive(Clone, Debug)]
pub struct Redirects(Arc<Table>);

#[derive(Clone, Debug)]
struct Table {
    hosts: HashMap<String, SocketAddr>,
    servers: HashMap<IpAddr, SocketAddr>,
    /// (vantage, host, port) -> where that is; without a vantage, where it is for all that have no entry of their own.
    services: HashMap<(Option<String>, String, u16), Vec<SocketAddr>>,
}

impl Redirects {
    /// A table from host name to address, without DNS servers.
    ///
    /// # Panics
    ///
    /// If an address is not on loopback: a lab never reaches out.
    pub fn new(hosts: impl IntoIterator<Item = (String, SocketAddr)>) -> Self {
        Self::with_servers(hosts, [])
    }

    /// A table from host name to address, and one from what a DNS server's address, at port 53, is in the lab.
    ///
    /// # Panics
    ///
    /// If an address is not on loopback: a lab never reaches out.
    pub fn with_servers(
        hosts: impl IntoIterator<Item = (String, SocketAddr)>,
        servers: impl IntoIterator<Item = (IpAddr, SocketAddr)>,
    ) -> Self {
        let hosts: HashMap<_, _> =
            hosts.into_iter().map(|(host, to)| (host.to_ascii_lowercase(), to)).collect();
        let servers: HashMap<_, _> = servers.into_iter().collect();
        let stays = |to: &SocketAddr| to.ip().is_loopback();
        assert!(
            hosts.values().chain(servers.values()).all(stays),
            "a redirect leaves this machine"
        );
        Self(Arc::new(Table { hosts, servers, services: HashMap::new() }))
    }

    /// And these services, for connections that are dialed: (host, port) -> loopback address and port, as often as the
    /// host has addresses. A host is a name, or an address in its usual text. What a vantage has of its own stands
    /// before what all have, so that Mallory can sit on the way from one of them only.
    ///
    /// # Panics
    ///
    /// If an address is not on loopback: a lab never reaches out.
    #[must_use]
    pub fn with_services(
        mut self,
        vantage: Option<&str>,
        services: impl IntoIterator<Item = ((String, u16), SocketAddr)>,
    ) -> Self {
        let table = Arc::make_mut(&mut self.0);
        for ((host, port), to) in services {
            assert!(to.ip().is_loopback(), "a redirect leaves this machine");
            let key = (vantage.map(str::to_owned), host.to_ascii_lowercase(), port);
            table.services.entry(key).or_default().push(to);
        }
        self
    }

    /// Where a service is in the lab, seen from a vantage.
    pub(crate) fn service(&self, vantage: &str, host: &str, port: u16) -> Option<&[SocketAddr]> {
        let of = |vantage| self.0.services.get(&(vantage, host.to_ascii_lowercase(), port));
        of(Some(vantage.to_owned())).or_else(|| of(None)).map(Vec::as_slice)
    }

    /// Where the DNS server with this address is in the lab.
    pub(crate) fn server(&self, address: IpAddr) -> Option<SocketAddr> {
        self.0.servers.get(&address).copied()
    }

    /// Where a host is in the lab: what the table says, or itself if it is a loopback address.
    pub(crate) fn address(&self, host: &str, port: u16) -> Option<SocketAddr> {
        match host.parse::<IpAddr>() {
            Ok(address) => address.is_loopback().then(|| SocketAddr::new(address, port)),
            Err(_) => self.0.hosts.get(host).copied(),
        }
    }

    /// Whether a request to `url` would stay on this machine.
    pub(crate) fn contains(&self, url: &Url) -> bool {
        match url_address(url) {
            Some(address) => address.is_loopback(),
            // The port in a URL would win over the port in the table.
            None => {
                url.port().is_none()
                    && url.host_str().is_some_and(|host| self.0.hosts.contains_key(host))
            }
        }
    }
}

impl Resolve for Redirects {
    fn resolve(&self, name: Name) -> Resolving {
        let found = self.0.hosts.get(name.as_str()).copied();
        Box::pin(async move {
            let address = found.ok_or(NotRedirected)?;
            let addresses: Addrs = Box::new(std::iter::once(address));
            Ok(addresses)
        })
    }
}

/// A host that is not in the lab's table.
#[derive(Debug, thiserror::Error)]
#[error("the lab has no such host")]
pub(crate) struct NotRedirected;

/// Why there is no way out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The contact is neither an e-mail address nor an `https` URL, or cannot be in a header.
    #[error("contact {0:?} is neither an e-mail address nor an https URL")]
    Contact(String),
    /// Two vantages have one name.
    #[error("two vantages are named {0:?}")]
    VantageTwice(String),
    /// A vantage's proxy address (which may hold a password) or isolation cannot be read.
    #[error("vantage {0:?}: cannot read its proxy's address")]
    Proxy(String),
    /// With redirects, a proxy has to be a loopback address too.
    #[error("vantage {0:?} would leave the lab: its proxy is not a loopback address")]
    ProxyLeavesLab(String),
    /// A given root certificate cannot be read.
    #[error("root certificate {index} cannot be read")]
    Root {
        /// Its place in the list, from 0.
        index: usize,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The HTTP client cannot be set up.
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
}

/// All our ways out. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct Net(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    redirects: Option<Redirects>,
    exits: HashMap<String, Exit>,
    /// For mail servers: no protocols by ALPN, sessions of its own.
    mail_tls: Arc<ClientConfig>,
    patience: Patience,
}

/// One vantage's clients. Connections, TLS sessions and Tor circuits are never shared between vantages,
/// or a log could tell that two of them are one reader.
#[derive(Debug)]
pub(crate) struct Exit {
    pub(crate) route: Route,
    /// Keeps connections; HTTP/2 where the server offers it.
    pub(crate) keep_alive: Client,
    /// A new connection for each request. HTTP/1.1, whose connections can be closed by request.
    pub(crate) close: Client,
}

impl Net {
    /// Sets up all vantages. Connects to nothing yet.
    pub fn new(settings: Settings) -> Result<Self, NetError> {
        Self::with_patience(settings, Patience::USUAL)
    }

    pub(crate) fn with_patience(settings: Settings, patience: Patience) -> Result<Self, NetError> {
        let user_agent = user_agent(&settings.contact)?;
        let roots = settings.roots.store()?;
        let mut exits = HashMap::new();
        for Vantage { name, route } in settings.vantages {
            let proxy = route_proxy(&name, &route)?;
            let leaves =
                |proxy: &Url| !url_address(proxy).is_some_and(|address| address.is_loopback());
            if settings.redirects.is_some() && proxy.as_ref().is_some_and(leaves) {
                return Err(NetError::ProxyLeavesLab(name));
            }
            if let Route::Tor { control: Some(control), .. } = &route {
                let address = control.address.parse::<SocketAddr>();
                let is_loopback = address.is_ok_and(|address| address.ip().is_loopback());
                if settings.redirects.is_some() && !is_loopback {
                    return Err(NetError::ProxyLeavesLab(name));
                }
            }
            let build = |connection| {
                let builder =
                    client_builder(&roots, &user_agent, connection, patience.connect_max(&route));
                let builder = match &settings.redirects {
                    Some(redirects) => builder.dns_resolver(Arc::new(redirects.clone())),
                    None => builder,
                };
                let builder = match &proxy {
                    Some(url) => builder.proxy(Proxy::all(url.clone()).map_err(NetError::Client)?),
                    None => builder,
                };
                builder.build().map_err(NetError::Client)
            };
            let (keep_alive, close) = (build(Connection::KeepAlive)?, build(Connection::Close)?);
            if exits.insert(name.clone(), Exit { route, keep_alive, close }).is_some() {
                return Err(NetError::VantageTwice(name));
            }
        }
        let mail_tls = Arc::new(tls_config(&roots, &[]));
        Ok(Self(Arc::new(Inner { redirects: settings.redirects, exits, mail_tls, patience })))
    }

    /// The names of all vantages, in no order.
    pub fn vantages(&self) -> impl Iterator<Item = &str> {
        self.0.exits.keys().map(String::as_str)
    }

    /// Whether a vantage is one without a proxy.
    pub fn is_direct(&self, vantage: &str) -> bool {
        self.exit(vantage).is_some_and(|exit| !exit.route.is_proxy())
    }

    pub(crate) fn exit(&self, vantage: &str) -> Option<&Exit> {
        self.0.exits.get(vantage)
    }

    pub(crate) fn mail_tls(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.0.mail_tls)
    }

    pub(crate) fn patience(&self) -> &Patience {
        &self.0.patience
    }

    pub(crate) fn redirects(&self) -> Option<&Redirects> {
        self.0.redirects.as_ref()
    }
}

/// Whether a connection outlives its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// It is kept for the next request.
    KeepAlive,
    /// It is closed. Some log operators ask for this, and every request may then reach another server.
    Close,
}

/// How long we wait for what, apart from a request's own deadline.
#[derive(Clone, Debug)]
pub(crate) struct Patience {
    /// For a connection, with its TLS handshake.
    pub(crate) connect: Duration,
    /// For one through a proxy, where Tor may first have to build a circuit.
    pub(crate) connect_proxy: Duration,
    /// For [`SLOW_BYTES_MIN`](crate::fetch::SLOW_BYTES_MIN) bytes of a body.
    pub(crate) slow_window: Duration,
}

impl Patience {
    const USUAL: Self = Self {
        connect: Duration::from_secs(10),
        connect_proxy: Duration::from_secs(60),
        slow_window: SLOW_WINDOW,
    };

    pub(crate) fn connect_max(&self, route: &Route) -> Duration {
        if route.is_proxy() { self.connect_proxy } else { self.connect }
    }
}

/// Unused connections are closed after this long: before most servers do, which saves requests sent into
/// a connection that is just being closed.
const IDLE_MAX: Duration = Duration::from_secs(30);

/// Unused connections kept to one host. A follower has few requests to one log under way.
const IDLE_CONNECTIONS_MAX: usize = 8;

/// HTTP/2 headers in one answer, in bytes. Logs send some hundred bytes.
const HEADERS_BYTES_MAX: u32 = 64 << 10;

fn client_builder(
    roots: &Arc<RootCertStore>,
    user_agent: &str,
    connection: Connection,
    connect_max: Duration,
) -> ClientBuilder {
    let builder = Client::builder()
        .no_proxy()
        .user_agent(user_agent)
        .referer(false)
        .redirect(redirect::Policy::none())
        .connect_timeout(connect_max)
        .http2_max_header_list_size(HEADERS_BYTES_MAX)
        .pool_idle_timeout(IDLE_MAX);
    match connection {
        Connection::KeepAlive => builder
            .tls_backend_preconfigured(tls_config(roots, &[b"h2", b"http/1.1"]))
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX),
        Connection::Close => builder
            .tls_backend_preconfigured(tls_config(roots, &[b"http/1.1"]))
            .http1_only()
            .pool_max_idle_per_host(0),
    }
}

/// A TLS configuration with its own session cache.
fn tls_config(roots: &Arc<RootCertStore>, protocols: &[&[u8]]) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs has the suites of TLS 1.2 and 1.3")
        .with_root_certificates(Arc::clone(roots))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    config
}

impl Roots {
    fn store(&self) -> Result<Arc<RootCertStore>, NetError> {
        let mut store = RootCertStore::empty();
        let own = match self {
            Self::Public => &Vec::new(),
            Self::PublicAnd(own) | Self::Only(own) => own,
        };
        match self {
            Self::Public | Self::PublicAnd(_) => {
                store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
            }
            Self::Only(_) => (),
        }
        for (index, root) in own.iter().enumerate() {
            store.add(root.clone()).map_err(|source| NetError::Root { index, source })?;
        }
        Ok(Arc::new(store))
    }
}

/// What Skylight and others look for: a product, and an e-mail address or `https` URL.
fn user_agent(contact: &str) -> Result<String, NetError> {
    let is_url = Url::parse(contact).is_ok_and(|url| url.scheme() == "https");
    let is_mail =
        contact.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty());
    let is_plain =
        contact.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'(' && byte != b')');
    if !is_plain || !(is_url || is_mail) {
        return Err(NetError::Contact(contact.to_owned()));
    }
    let (major, minor) = (env!("CARGO_PKG_VERSION_MAJOR"), env!("CARGO_PKG_VERSION_MINOR"));
    Ok(format!("countersign/{major}.{minor} (+{contact})"))
}

/// The proxy's URL, in the form that reqwest takes.
fn route_proxy(vantage: &str, route: &Route) -> Result<Option<Url>, NetError> {
    let (text, schemes) = match route {
        Route::Direct => return Ok(None),
        Route::HttpProxy { url } => (url.clone(), ["http", "https"].as_slice()),
        // socks5h: the h stands for "host", the name is sent to the proxy as it is.
        Route::Socks5 { address, .. } | Route::Tor { address, .. } => {
            (format!("socks5h://{address}"), ["socks5h"].as_slice())
        }
    };
    let unreadable = || NetError::Proxy(vantage.to_owned());
    let mut url = Url::parse(&text).map_err(|_| unreadable())?;
    if !schemes.contains(&url.scheme()) || !url.has_host() {
        return Err(unreadable());
    }
    if let Some(user) = route.isolation(vantage) {
        // RFC 1929 §2: both fields have 1 to 255 bytes. Tor looks at both; the user name is enough to
        // tell circuits apart.
        let fits = (1..=255).contains(&user.len());
        if !fits
            || url.set_username(user).is_err()
            || url.set_password(Some("countersign")).is_err()
        {
            return Err(unreadable());
        }
    }
    Ok(Some(url))
}

/// The address in a URL that has one instead of a host name. The parser takes names for addresses only
/// where the scheme is an Internet one, so proxies' need this second look.
fn url_address(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests;
