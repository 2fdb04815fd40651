//! Writes certificates with every kind of SCTs into a folder: `sct_cases FOLDER NAME…`.

use std::path::Path;

use countersign_lab::sct_cases::SctCases;
use countersign_net::Clock;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((folder, names)) = arguments.split_first() else {
        anyhow::bail!("usage: sct_cases FOLDER NAME…");
    };
    std::fs::create_dir_all(folder)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    SctCases::write(Path::new(folder), &names, Clock::system().now())?;
    Ok(())
}
