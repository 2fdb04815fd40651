//! What the examples have in common: the settings of an enforcer, from the environment, and what becomes of a
//! refusal. An application has its own place for both.

use std::env::var_os;
use std::fs;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use countersign_rustls_sct::{Enforcer, refusal, settings};
use countersign_sct::enforcer::Memory;
use countersign_sct::{ListKeys, Profile, PublicRoots, SignedList};
use rustls::RootCertStore;

/// An enforcer with the list, the public roots and the profile that the environment names, or with the built-in ones.
/// Of two lists it has the newer.
/// The program does not start with settings that cannot be used.
pub(crate) fn enforcer() -> anyhow::Result<Arc<Enforcer>> {
    let mut settings = settings();
    settings.profile = match var_os("COUNTERSIGN_PROFILE").as_deref() {
        None => Profile::Default,
        Some(profile) if profile == "default" => Profile::Default,
        Some(profile) if profile == "high-risk" => Profile::HighRisk,
        Some(_) => anyhow::bail!("COUNTERSIGN_PROFILE is neither default nor high-risk"),
    };
    let mut roots = PublicRoots::built_in();
    if let Some(further) = read("COUNTERSIGN_PUBLIC_ROOTS")? {
        anyhow::ensure!(roots.add_pem(&further)? > 0, "COUNTERSIGN_PUBLIC_ROOTS has no roots");
    }
    let enforcer = Enforcer::new(settings, SignedList::built_in(), roots, Memory::default());
    if let Some(list) = read("COUNTERSIGN_LIST")? {
        let keys = read("COUNTERSIGN_LIST_KEYS")?.context("a list, and no keys to verify it")?;
        let list =
            ListKeys::parse(&keys)?.verify(list.as_bytes()).context("the list is not used")?;
        // Only in place of an older one: a file that was left behind, or that a mirror has replayed, must not bring
        // back logs that have been retired since. With each release the built-in list is a newer one.
        if let Err(why) = enforcer.take(list) {
            eprintln!("COUNTERSIGN_LIST is not used, the built-in list is: {why}");
        }
    }
    Ok(Arc::new(enforcer))
}

/// The file that a variable names.
fn read(variable: &str) -> anyhow::Result<Option<String>> {
    let Some(path) = var_os(variable) else { return Ok(None) };
    let text = fs::read_to_string(&path)
        .with_context(|| format!("cannot read {} of {variable}", path.display()))?;
    Ok(Some(text))
}

/// The roots that this system trusts, or those of the file that `SSL_CERT_FILE` names.
pub(crate) fn system_roots() -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    let (added, _) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    anyhow::ensure!(added > 0, "this system trusts no roots");
    Ok(roots)
}

/// The arguments, and whether `--stock` was among them: then the client is as its library makes it.
pub(crate) fn arguments<const N: usize>(usage: &str) -> anyhow::Result<(bool, [String; N])> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let stock = arguments.first().is_some_and(|first| first == "--stock");
    arguments.drain(..usize::from(stock));
    let arguments = arguments.try_into().ok().with_context(|| format!("usage: {usage}"))?;
    Ok((stock, arguments))
}

/// Says what came of it. 0: it is done, 1: it was refused for its SCTs, 2: something else is wrong.
#[expect(clippy::print_stdout, reason = "an example prints what came of it")]
pub(crate) fn exit(result: anyhow::Result<String>) -> ExitCode {
    match result {
        Ok(done) => {
            println!("{done}");
            ExitCode::SUCCESS
        }
        Err(error) => match refusal(error.as_ref()) {
            Some(refused) => {
                eprintln!("{refused}");
                ExitCode::from(1)
            }
            None => {
                eprintln!("error: {error:#}");
                ExitCode::from(2)
            }
        },
    }
}
