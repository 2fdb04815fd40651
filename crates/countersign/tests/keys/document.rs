//! The blocks of `docs/dnssec-keys.md`, each with the mark that says what the test does with it:
//!
//! ```text
//! <!-- RECIPE/STEP,STEP on MACHINE: file /etc/knot/knot.conf -->    is written there
//! <!-- RECIPE/STEP on MACHINE: run -->                              is run by bash
//! <!-- RECIPE/STEP on MACHINE: start knotd -->                      is replaced by starting this program
//! <!-- not run: why not -->
//! ```

use std::fs;
use std::path::Path;

/// A fenced block that is played.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// `every` stands for all recipes.
    pub(crate) recipe: String,
    pub(crate) steps: Vec<String>,
    pub(crate) machine: String,
    pub(crate) action: Action,
    pub(crate) text: String,
}

#[derive(Clone, Debug)]
pub(crate) enum Action {
    File(String),
    Run,
    Start(Daemon),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Daemon {
    Knot,
    Nsd,
}

/// All blocks that are played, in the order of the document.
pub(crate) fn blocks() -> Vec<Block> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dnssec-keys.md");
    let document = fs::read_to_string(path).unwrap();
    let (mut blocks, mut lines, mut before) = (Vec::new(), document.lines(), "");
    while let Some(line) = lines.next() {
        if line.starts_with("```") {
            let mark = before.strip_prefix("<!-- ").and_then(|mark| mark.strip_suffix(" -->"));
            // A block that nobody plays could go stale, so that has to be said.
            let mark = mark.unwrap_or_else(|| panic!("a block without a mark after {before:?}"));
            let inside: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if !mark.starts_with("not run: ") {
                blocks.push(block(mark, inside.join("\n") + "\n"));
            }
        }
        before = line;
    }
    blocks
}

fn block(mark: &str, text: String) -> Block {
    let parts = || {
        let (place, action) = mark.split_once(": ")?;
        let (when, machine) = place.split_once(" on ")?;
        let (recipe, steps) = when.split_once('/')?;
        let action = match action.split_once(' ') {
            Some(("file", path)) => Action::File(path.to_owned()),
            Some(("start", "knotd")) => Action::Start(Daemon::Knot),
            Some(("start", "nsd")) => Action::Start(Daemon::Nsd),
            None if action == "run" => Action::Run,
            _ => return None,
        };
        let steps = steps.split(',').map(str::to_owned).collect();
        Some((recipe.to_owned(), steps, machine.to_owned(), action))
    };
    let (recipe, steps, machine, action) = parts().unwrap_or_else(|| panic!("no mark: {mark:?}"));
    Block { recipe, steps, machine, action, text }
}
