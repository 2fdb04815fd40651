//! Programs of others, which the tests run as processes of their own that end with the test.

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tempfile::TempDir;

/// A folder with a certificate for `a.example` and its key, and all that the programs write.
pub(crate) struct Place {
    folder: TempDir,
}

/// A process that ends with this.
pub(crate) struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Dovecot and PostgreSQL have children, which they end when they are asked to.
        let asked = Command::new("kill").arg(self.0.id().to_string()).status();
        if asked.is_ok_and(|status| status.success()) && self.ends() {
            return;
        }
        let _gone_already = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Ended {
    fn ends(&mut self) -> bool {
        (0..50).any(|_| {
            std::thread::park_timeout(PAUSE);
            matches!(self.0.try_wait(), Ok(Some(_)))
        })
    }
}

const PAUSE: Duration = Duration::from_millis(50);
/// Twenty seconds: ejabberd needs three, more where other tests run beside it.
const PAUSES_MAX: usize = 400;

/// Whether these programs are there. If not, that is said; where it matters, it is an error.
pub(crate) fn present(programs: &[&str]) -> bool {
    let path = folders();
    let is_there =
        |program: &&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<_> = programs.iter().filter(|program| !is_there(program)).collect();
    missing.is_empty() || skipped(&format!("there is no {missing:?}"))
}

/// Says why a test is not played, and `false`. Where it matters, this is an error.
fn skipped(why: &str) -> bool {
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "skipped: {why}");
    eprintln!("skipped: {why}");
    false
}

/// Where programs are: daemons are in folders that are not in everybody's `PATH`.
fn folders() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Some programs give up the rights of root before they look.
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        let place = Self { folder };
        let mut openssl = Command::new("openssl");
        openssl.args("req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256".split(' '));
        openssl
            .args("-days 30 -subj /CN=a.example -addext subjectAltName=DNS:a.example".split(' '));
        place.runs(openssl.args(["-out", "crt.pem", "-keyout", "key.pem"]));
        let both = ["crt.pem", "key.pem"].map(|name| fs::read(place.path(name)).unwrap()).concat();
        fs::write(place.path("both.pem"), both).unwrap();
        fs::set_permissions(place.path("key.pem"), Permissions::from_mode(0o644)).unwrap();
        place
    }

    /// The certificate that the servers have.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path("crt.pem")).unwrap()
    }

    /// Ports that nobody used just now.
    pub(crate) fn ports<const COUNT: usize>(&self) -> [u16; COUNT] {
        let held = [(); COUNT].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap());
        held.map(|listener| listener.local_addr().unwrap().port())
    }

    pub(crate) fn prosody(&self, clients: u16, servers: u16, password: &str) -> Ended {
        let config = format!(
            r#"run_as_root = true
daemonize = false
pidfile = "{0}/pid"
data_path = "{0}/data"
log = {{ info = "{0}/log" }}
modules_enabled = {{ "saslauth", "tls", "dialback", "disco", "posix" }}
authentication = "internal_hashed"
c2s_require_encryption = true
s2s_require_encryption = true
c2s_ports = {{ {clients} }}
s2s_ports = {{ {servers} }}
interfaces = {{ "127.0.0.1" }}
ssl = {{ certificate = "{0}/crt.pem", key = "{0}/key.pem", protocol = "tlsv1_2+" }}
VirtualHost "a.example"
"#,
            self.folder.path().display()
        );
        self.write("prosody.cfg.lua", &config);
        fs::create_dir(self.path("data")).unwrap();
        let mut register = Command::new("prosodyctl");
        register.args(["--config", "prosody.cfg.lua", "--root", "register", "alice", "a.example"]);
        self.runs(register.arg(password));
        let mut prosody = Command::new("prosody");
        self.starts(prosody.args(["--config", "prosody.cfg.lua", "-F"]), &[clients, servers])
    }

    /// Without a name for its node, Erlang needs no daemon that gives out names.
    pub(crate) fn ejabberd(&self, clients: u16, servers: u16, password: &str) -> Ended {
        let config = format!(
            r#"hosts: ["a.example"]
loglevel: warning
certfiles: ["{}"]
auth_method: internal
auth_password_format: plain
listen:
  - {{ port: {clients}, ip: "127.0.0.1", module: ejabberd_c2s, starttls: true, starttls_required: true, access: c2s, shaper: none }}
  - {{ port: {servers}, ip: "127.0.0.1", module: ejabberd_s2s_in }}
s2s_use_starttls: required
access_rules: {{ c2s: {{ allow: all }} }}
modules: {{ mod_disco: {{}} }}
"#,
            self.path("both.pem").display()
        );
        self.write("ejabberd.yml", &config);
        let mut erl = Command::new("erl");
        erl.env("HOME", self.folder.path())
            .env("ERL_LIBS", "/usr/lib/x86_64-linux-gnu")
            .env("EJABBERD_CONFIG_PATH", self.path("ejabberd.yml"))
            .env("EJABBERD_LOG_PATH", self.path("ejabberd.log"))
            .env("EJABBERD_PID_PATH", self.path("pid"))
            .env("ERL_CRASH_DUMP", self.path("crash"));
        let spool = format!("\"{}\"", self.path("spool").display());
        let register = format!(
            "ejabberd_auth:try_register(<<\"alice\">>, <<\"a.example\">>, <<\"{password}\">>), \
             file:write_file(\"registered\", <<>>)."
        );
        erl.args(["-noinput", "-noshell", "+S", "2", "-mnesia", "dir", &spool]);
        erl.args(["-s", "ejabberd", "-eval", &register]);
        let process = self.starts(&mut erl, &[clients, servers]);
        until("alice has an account", || self.path("registered").exists());
        process
    }

    pub(crate) fn dovecot(&self, imap: u16, pop3: u16) -> Ended {
        let (user, group) = match self.is_root() {
            true => ("nobody".to_owned(), "nogroup".to_owned()),
            false => (id("-un"), id("-gn")),
        };
        let listener = |name: &str, port: u16| {
            format!(
                "service {name}-login {{\n chroot =\n inet_listener {name} {{\n  port = {port}\n }}\n \
                 inet_listener {name}s {{\n  port = 0\n }}\n}}\n"
            )
        };
        let config = format!(
            "base_dir = {0}/run\nstate_dir = {0}/state\nlog_path = {0}/log\nprotocols = imap pop3\n\
             listen = 127.0.0.1\nssl = yes\nssl_cert = <{0}/crt.pem\nssl_key = <{0}/key.pem\n\
             default_login_user = {user}\ndefault_internal_user = {user}\ndefault_internal_group = {group}\n\
             {1}{2}service anvil {{\n chroot =\n}}\n\
             passdb {{\n driver = static\n args = nopassword=y\n}}\n\
             userdb {{\n driver = static\n args = uid={user} gid={group} home={0}/mail\n}}\n",
            self.folder.path().display(),
            listener("imap", imap),
            listener("pop3", pop3),
        );
        self.write("dovecot.conf", &config);
        self.starts(Command::new("dovecot").args(["-F", "-c", "dovecot.conf"]), &[imap, pop3])
    }

    pub(crate) fn aiosmtpd(&self, port: u16) -> Ended {
        let mut aiosmtpd = Command::new("aiosmtpd");
        aiosmtpd.args(["-n", "-l", &format!("127.0.0.1:{port}"), "--no-requiretls"]);
        aiosmtpd.args(["--tlscert", "crt.pem", "--tlskey", "key.pem"]);
        self.starts(aiosmtpd.args(["-c", "aiosmtpd.handlers.Sink"]), &[port])
    }

    /// With a certificate or without.
    pub(crate) fn slapd(&self, port: u16, tls: Option<&str>) -> Ended {
        let path = self.folder.path().display();
        let tls = tls.map(|tls| {
            format!("{tls}CertificateFile {path}/crt.pem\n{tls}CertificateKeyFile {path}/key.pem\n")
        });
        let config = format!("pidfile {path}/slapd-{port}\n{}", tls.unwrap_or_default());
        let name = format!("slapd-{port}.conf");
        self.write(&name, &config);
        let url = format!("ldap://127.0.0.1:{port}");
        self.starts(Command::new("slapd").args(["-f", &name, "-h", &url, "-d", "0"]), &[port])
    }

    /// None where there is no PostgreSQL. It refuses to be root.
    pub(crate) fn postgresql(&self, port: u16, ssl: &str) -> Option<Ended> {
        let Some(programs) = postgresql() else {
            skipped("there is no PostgreSQL");
            return None;
        };
        let folder = self.path("postgresql");
        let unprivileged = |program: &str| {
            let mut command = match self.is_root() {
                true => {
                    let mut command = Command::new("setpriv");
                    command.args("--reuid postgres --regid postgres --clear-groups".split(' '));
                    command.arg(programs.join(program));
                    command
                }
                false => Command::new(programs.join(program)),
            };
            command.env("LC_ALL", "C").arg("-D").arg(folder.join("data"));
            command
        };
        if !folder.exists() {
            fs::create_dir(&folder).unwrap();
            for name in ["crt.pem", "key.pem"] {
                fs::copy(self.path(name), folder.join(name)).unwrap();
                fs::set_permissions(folder.join(name), Permissions::from_mode(0o600)).unwrap();
            }
            if self.is_root() {
                self.runs(Command::new("chown").args(["-R", "postgres", "postgresql"]));
            }
            self.runs(unprivileged("initdb").args(["--no-sync", "--auth=trust", "--locale=C"]));
        }
        let mut postgres = unprivileged("postgres");
        postgres.args(["-h", "127.0.0.1", "-k", "", "-F", "-p", &port.to_string()]);
        for (key, value) in
            [("ssl", ssl), ("ssl_cert_file", "../crt.pem"), ("ssl_key_file", "../key.pem")]
        {
            postgres.args(["-c", &format!("{key}={value}")]);
        }
        Some(self.starts(&mut postgres, &[port]))
    }

    pub(crate) fn ngircd(&self, clear: u16, secure: u16) -> Ended {
        let config = format!(
            "[Global]\nName = irc.a.example\nInfo = probed\nListen = 127.0.0.1\nPorts = {clear}\n\
             ServerUID = nobody\nServerGID = nogroup\n[Options]\nIdent = no\nPAM = no\nDNS = no\n\
             [SSL]\nCertFile = {0}/crt.pem\nKeyFile = {0}/key.pem\nPorts = {secure}\n",
            self.folder.path().display()
        );
        self.write("ngircd.conf", &config);
        let config = self.path("ngircd.conf");
        self.starts(Command::new("ngircd").arg("-n").arg("-f").arg(config), &[clear, secure])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn is_root(&self) -> bool {
        id("-u") == "0"
    }

    /// Runs a program to its end, which is to be a good one.
    fn runs(&self, command: &mut Command) {
        command.env("PATH", folders()).current_dir(self.folder.path());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
    }

    /// Starts a server, and waits until somebody takes connections there. Nobody hears what it says.
    fn starts(&self, command: &mut Command, ports: &[u16]) -> Ended {
        command.env("PATH", folders()).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = Ended(command.spawn().unwrap());
        for port in ports {
            until(&format!("{command:?} listens"), || {
                assert!(matches!(process.0.try_wait(), Ok(None)), "{command:?} ended");
                TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok()
            });
        }
        process
    }
}

#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..PAUSES_MAX {
        if is_so() {
            return;
        }
        std::thread::park_timeout(PAUSE);
    }
    panic!("not within twenty seconds: {what}");
}

/// Who runs the tests.
fn id(what: &str) -> String {
    let output = Command::new("id").arg(what).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Where Debian has the programs of PostgreSQL: in a folder for each version.
fn postgresql() -> Option<PathBuf> {
    let versions = fs::read_dir(Path::new("/usr/lib/postgresql")).ok()?;
    let folders = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    folders.filter(|folder| folder.join("initdb").is_file()).max()
}
