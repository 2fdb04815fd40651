//! Who orders certificates: Debian's lego, as the operator of the victim and as Mallory.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::ca::Ca;
use crate::internet::{Internet, ZONE, done, on};
use crate::knot::Knot;
use crate::router::MALLORYS_PORT;

/// The name that both want a certificate for.
pub(crate) const NAME: &str = "xmpp.example";

/// Somebody with an account.
pub(crate) struct Client {
    host: &'static str,
    /// How the CA is answered, as flags of lego.
    answers: Vec<&'static str>,
    /// What lego calls to change the zone, if it does.
    hook: Option<PathBuf>,
    folder: PathBuf,
}

/// How an order ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Issued,
    /// With what lego said.
    Refused(String),
}

impl Outcome {
    #[track_caller]
    pub(crate) fn is_issued(&self) {
        assert!(matches!(self, Self::Issued), "{self:?}");
    }

    /// Refused, and this is why.
    #[track_caller]
    pub(crate) fn is_refused(&self, why: &str) {
        assert!(matches!(self, Self::Refused(said) if said.contains(why)), "{why:?}: {self:?}");
    }
}

impl Client {
    /// The operator, who has the zone and answers with a record in it.
    pub(crate) fn operator(internet: &Internet, zone: &Knot) -> Self {
        let folder = internet.folder("operator");
        let hook = folder.join("hook");
        let knotc = format!("knotc -c '{}'", zone.config().display());
        // lego calls it with `present` or `cleanup`, the name, and the value.
        let script = format!(
            "#!/bin/sh -eu\n\
             {knotc} zone-begin {NAME}\n\
             case $1 in\n\
             present) {knotc} zone-set {NAME} \"$2\" 1 TXT \"\\\"$3\\\"\" ;;\n\
             cleanup) {knotc} zone-unset {NAME} \"$2\" TXT ;;\n\
             esac\n\
             {knotc} zone-commit {NAME}\n"
        );
        fs::write(&hook, script).unwrap();
        fs::set_permissions(&hook, Permissions::from_mode(0o700)).unwrap();
        // lego asks no other resolver here, and waits for none.
        let answers = vec!["--dns", "exec", "--dns.disable-cp", "--dns.resolvers", ZONE];
        Self { host: "victim", answers, hook: Some(hook), folder }
    }

    /// Mallory, who answers in the victim's place once the router brings him the CA's requests.
    pub(crate) fn mallory(internet: &Internet) -> Self {
        let answers = vec!["--http", "--http.port", MALLORYS_PORT];
        Self { host: "hoster", answers, hook: None, folder: internet.folder("mallory") }
    }

    /// Orders a certificate with a new key.
    pub(crate) async fn order(&self, ca: &Ca) -> Outcome {
        let certificate = self.folder.join("certificates").join(format!("{NAME}.crt"));
        if certificate.exists() {
            fs::remove_dir_all(self.folder.join("certificates")).unwrap();
        }
        let mut lego = on(self.host, "lego");
        lego.args(["--accept-tos", "--email", "someone@xmpp.example", "--server", &ca.directory()]);
        lego.args(["--domains", NAME, "--path"]).arg(&self.folder).args(&self.answers).arg("run");
        lego.env("LEGO_CA_CERTIFICATES", ca.certificate());
        if let Some(hook) = &self.hook {
            lego.env("EXEC_PATH", hook);
        }
        let ended = tokio::process::Command::from(lego).output().await.unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        // lego says how it ended in its status, and leaves the certificate behind or not.
        assert_eq!(ended.status.success(), certificate.exists(), "{said}");
        if !ended.status.success() {
            return Outcome::Refused(said);
        }
        let mut openssl = Command::new("openssl");
        let about = openssl.args(["x509", "-noout", "-issuer", "-checkhost", NAME, "-in"]);
        let about = done(about.arg(certificate));
        assert!(about.contains("Pebble") && about.contains("does match"), "{about}");
        Outcome::Issued
    }

    /// The name of the account at the CA (RFC 8555 §7.3), as it stands in an `accounturi`.
    pub(crate) fn account(&self) -> String {
        let mut folder = self.folder.join("accounts");
        // A folder for the CA, in it one for the mail address.
        for _ in 0..2 {
            folder = fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        }
        let text = fs::read_to_string(folder.join("account.json")).unwrap();
        let account: Value = serde_json::from_str(&text).unwrap();
        account["registration"]["uri"].as_str().unwrap().to_owned()
    }
}
