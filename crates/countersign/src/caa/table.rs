//! The table of CAs that the operator has imported, as a file.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use countersign_caa::Name;
use countersign_judge::caa_plan::REPORT_BYTES_MAX;
use countersign_judge::caa_plan::authority::{Authorities, Organization};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::config::Settings;
use crate::failure::Failure;

/// What the file is called in the state directory.
const NAME: &str = "caa-authorities.json";
const FORMAT: &str = "countersign-caa-authorities-1";

/// The file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Spec {
    format: String,
    /// The day on which the report was read: `2026-11-28`.
    imported_on: String,
    organizations: Vec<OrganizationSpec>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OrganizationSpec {
    name: String,
    issuers: Vec<String>,
}

/// Where it is kept.
pub(super) fn place(settings: &Settings) -> PathBuf {
    settings.state_dir.join(NAME)
}

/// Writes what a report says, in the place of what was there before. A reader finds the one or the other.
pub(super) fn save(path: &Path, organizations: &[Organization], on: Date) -> io::Result<()> {
    let organizations = organizations.iter().map(|one| OrganizationSpec {
        name: one.name.clone(),
        issuers: one.issuers.iter().map(ToString::to_string).collect(),
    });
    let spec = Spec {
        format: FORMAT.to_owned(),
        imported_on: on.to_string(),
        organizations: organizations.collect(),
    };
    let mut text = serde_json::to_string_pretty(&spec).expect("texts and a date can be written");
    text.push('\n');
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let mut file = File::create(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}

/// All CAs that are known: those that are built in, and those of the file that is named, or of the state directory if
/// it has one.
pub(super) fn authorities(
    named: Option<&Path>,
    settings: Option<&Settings>,
) -> Result<Authorities, Failure> {
    let built_in = Authorities::built_in();
    let path = match (named, settings.map(place)) {
        (Some(path), _) => path.to_owned(),
        (None, Some(path)) if path.exists() => path,
        (None, _) => return Ok(built_in),
    };
    let (organizations, on) = read(&path)?;
    Ok(built_in.with(organizations, on))
}

fn read(path: &Path) -> Result<(Vec<Organization>, Date), Failure> {
    let limit = u64::try_from(REPORT_BYTES_MAX).expect("usize has at most 64 bits");
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(|error| Failure::read(path, &error))?;
    let damaged = |why: String| {
        Failure::new(format!("{} is not what `caa import` writes: {why}", path.display()))
            .hint("import the report again")
    };
    let spec: Spec = serde_json::from_slice(&bytes).map_err(|why| damaged(why.to_string()))?;
    if spec.format != FORMAT {
        return Err(damaged(format!("its format is {:?}", spec.format)));
    }
    let organization = |one: OrganizationSpec| {
        let name =
            |text: &String| Name::parse(text).map_err(|why| damaged(format!("{text:?}: {why}")));
        let issuers = one.issuers.iter().map(name).collect::<Result<_, Failure>>()?;
        Ok(Organization { name: one.name, issuers })
    };
    let organizations =
        spec.organizations.into_iter().map(organization).collect::<Result<_, Failure>>()?;
    let on = spec.imported_on.parse().map_err(|_| damaged("it has no date".to_owned()))?;
    Ok((organizations, on))
}
