//! The first configuration file, with a comment on each key.

use std::fs;
use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::Path;

use countersign_ct::watchlist::Guard;
use serde::Serialize;

use super::address::{CONTACT_HINT, contact};
use super::file::File;
use super::settings::{Settings, bad_guard, guard_hint};
use crate::ExitStatus;
use crate::args::InitArgs;
use crate::failure::Failure;
use crate::print::{Form, Printer};

/// Writes a configuration file that guards the names. What is written has been read back first.
pub(crate) fn init(args: &InitArgs, printer: &mut Printer) -> anyhow::Result<ExitStatus> {
    let guards = args.names.iter().map(|name| guard(name)).collect::<Result<Vec<_>, _>>()?;
    if let Some(text) = &args.contact {
        contact(text).map_err(|why| Failure::new(why).hint(CONTACT_HINT))?;
    }
    let text = text(&guards, args.contact.as_deref());
    let file = File::of_text(&args.out, text.clone());
    Settings::new(&file.spec()?, &file)?;
    write(&args.out, &text, args.force)?;
    match printer.form() {
        Form::Json => {
            let guard = guards.iter().map(ToString::to_string).collect();
            printer.object(&InitRow { written: args.out.display().to_string(), guard })?;
        }
        Form::Human => {
            printer.line(format_args!("wrote {}", args.out.display()))?;
            if args.contact.is_none() {
                printer.line("next: set `contact` in it, then run `countersign watch`")?;
            } else {
                printer.line("next: run `countersign watch`")?;
            }
        }
    }
    Ok(ExitStatus::Expected)
}

/// What `init --json` prints.
#[derive(Serialize)]
struct InitRow {
    written: String,
    guard: Vec<String>,
}

/// A bare name stands for itself and all below it: who asks to guard a service means its
/// subdomains too.
fn guard(name: &str) -> Result<Guard, Failure> {
    let below = !name.starts_with('.') && name.parse::<IpAddr>().is_err();
    let text = if below { format!(".{name}") } else { name.to_owned() };
    // What is refused is what was written, without the dot.
    Guard::parse(&text).map_err(|why| Failure::new(bad_guard(name, why)).hint(guard_hint(why)))
}

/// The template with the names and the contact in their places.
pub(super) fn text(guards: &[Guard], contact: Option<&str>) -> String {
    let guards: Vec<_> = guards.iter().map(|guard| quoted(&guard.to_string())).collect();
    let contact = match contact {
        Some(contact) => format!("contact = {}", quoted(contact)),
        None => "#   contact = \"ct@xmpp.example\"".to_owned(),
    };
    TEMPLATE.replace("{guard}", &guards.join(", ")).replace("{contact}", &contact)
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A file that is there already is somebody's; it is replaced only by force.
fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let opened = if force { fs::File::create(path) } else { fs::File::create_new(path) };
    let mut file = opened.map_err(|error| {
        let failure = Failure::write(path, &error);
        match error.kind() {
            io::ErrorKind::AlreadyExists => {
                failure.hint("--force replaces it, --out FILE writes another")
            }
            _ => failure,
        }
    })?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::write(path, &error))
}

const TEMPLATE: &str = include_str!("template.toml");
