//! The Rust files of the repository, as text and as code.

mod code;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::root;
use code::code_of;

/// One Rust file.
pub(crate) struct Source {
    /// From the root of the repository.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and literals blanked; the same length.
    pub(crate) code: String,
    /// The code without what is built for tests only.
    pub(crate) product: String,
    /// Tests, benches, fuzz targets, or examples of what others build: they may connect, print and wait.
    pub(crate) is_test: bool,
}

impl Source {
    /// The folder of the crate it belongs to.
    pub(crate) fn krate(&self) -> &str {
        self.path.match_indices('/').nth(1).map_or("", |(end, _)| &self.path[..end])
    }

    /// How the paths of the modules begin that this file declares for tests only.
    fn test_modules(&self) -> Vec<String> {
        let stem = self.path.trim_end_matches(".rs");
        let folder = ["lib", "main"].iter().find_map(|root| stem.strip_suffix(root));
        let folder = folder.map_or(format!("{stem}/"), str::to_owned);
        let declared = self.code.split("#[cfg(test)]\n").skip(1).filter_map(|after| {
            let (visibility, name) = after.split_once(';')?.0.split_once("mod ")?;
            (visibility.is_empty() || visibility.starts_with("pub")).then_some(name)
        });
        declared
            .flat_map(|name| [format!("{folder}{name}.rs"), format!("{folder}{name}/")])
            .collect()
    }

    /// Whether nothing follows the tests that stand in the same file.
    pub(crate) fn tests_come_last(&self) -> bool {
        let Some(start) = self.code.find(INLINE_TESTS) else { return true };
        let tests = self.code[start..].trim_end();
        tests.find("\n}").is_none_or(|end| end + 2 == tests.len())
    }
}

/// How tests begin that stand beside the code.
const INLINE_TESTS: &str = "#[cfg(test)]\nmod tests {";

/// Every Rust file of the workspace and of `fuzz/`.
pub(crate) fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for path in files(&root()).into_iter().filter(|path| path.ends_with(".rs")) {
        let text = fs::read_to_string(root().join(&path)).expect("sources are UTF-8");
        let code = code_of(&text);
        let product = product_of(&code);
        sources.push(Source { path, text, code, product, is_test: false });
    }
    let declared: BTreeSet<String> = sources.iter().flat_map(Source::test_modules).collect();
    for source in &mut sources {
        let in_folder = |part| matches!(part, "tests" | "benches" | "examples" | "fuzz_targets");
        let below = declared.iter().any(|module| source.path.starts_with(module));
        source.is_test = below || source.path.split('/').any(in_folder);
    }
    sources
}

/// Leaves out each item under `#[cfg(test)]`: up to the line that closes it, which rustfmt indents alike.
fn product_of(code: &str) -> String {
    let mut product = String::with_capacity(code.len());
    let mut lines = code.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            product.push_str(line);
            product.push('\n');
            continue;
        }
        let closing = line.replace("#[cfg(test)]", "}");
        if lines.next().is_some_and(|item| item.trim_end().ends_with('{')) {
            lines.by_ref().find(|line| *line == closing);
        }
    }
    product
}

/// Every file of the repository, by its path from the root; not what builds and fuzzing leave behind.
pub(crate) fn files(root: &Path) -> Vec<String> {
    let left_behind = ["target", ".git", "fuzz/target", "fuzz/corpus", "fuzz/artifacts"];
    let mut files = Vec::new();
    let mut pending = vec![root.to_owned()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder).expect("the repository can be read") {
            let path = entry.expect("the folder can be listed").path();
            let name = path.strip_prefix(root).expect("found below the root");
            let name = name.to_str().expect("our names are ASCII").to_owned();
            if path.is_dir() {
                pending.extend((!left_behind.contains(&name.as_str())).then_some(path));
            } else {
                files.push(name);
            }
        }
    }
    files.sort();
    files
}

/// An attribute that lifts lints.
pub(crate) struct Lifted<'a> {
    pub(crate) lints: &'a str,
    pub(crate) explained: bool,
}

/// The attributes of a file that lift lints.
pub(crate) fn lifted_lints(source: &Source) -> Vec<Lifted<'_>> {
    let mut lifted = Vec::new();
    for opening in ["allow(", "expect("] {
        for (at, _) in source.code.match_indices(opening) {
            let before = &source.text[..at];
            let attribute = ["#[", "#!["].iter().any(|start| before.ends_with(start));
            if !attribute {
                continue;
            }
            let code = &source.code[at + opening.len()..];
            let lints = &code[..code.find(")]").expect("an attribute ends")];
            let above = before.lines().rev().nth(1).unwrap_or_default().trim_start();
            let comment = above.starts_with("// ");
            lifted.push(Lifted { lints, explained: comment || lints.contains("reason =") });
        }
    }
    lifted
}

/// Whether code has a public function that reads bytes: it takes some and may fail, or it makes the type itself.
pub(crate) fn parses(code: &str) -> bool {
    code.split("pub fn ").skip(1).any(|function| {
        let signature = function.split(['{', ';']).next().unwrap_or_default();
        let Some((arguments, result)) = signature.rsplit_once("->") else { return false };
        let takes_bytes = arguments.contains(": &[u8]") || arguments.contains(": &'a [u8]");
        let may_fail = ["Result<", "Option<", "Self"].iter().any(|kind| result.contains(kind));
        takes_bytes && may_fail && !arguments.contains("self")
    })
}

/// The names that follow a path: one, or those of a `{…}` group.
pub(crate) fn names_after(code: &str) -> Vec<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    match code.strip_prefix('{').and_then(|group| group.split_once('}')) {
        Some((group, _)) => group
            .split(',')
            .map(|name| word(name.trim()))
            .filter(|name: &String| !name.is_empty())
            .collect(),
        None => vec![word(code)],
    }
}
