//! `VERIFY.txt`: how to verify a pack, for a terminal.

use super::Contents;
use super::missing::missing;
use super::pieces::Pieces;
use super::steps::Step;
use crate::plain::plain;

/// The text. A line that begins with four spaces is a command, and no other line does.
pub(super) fn render(contents: &Contents, pieces: &Pieces<'_>, steps: &[Step]) -> String {
    let incident = &contents.incident;
    let mut text = Text::default();
    text.paragraph(&format!(
        "How to verify this pack: incident {}, {}",
        incident.id,
        plain(&incident.title)
    ));
    text.paragraph(
        "Needed are sha256sum, openssl (1.1.1 or later) and python3; no network. Go into the folder of this file, and \
         run the lines that are set in, one after the other. Each ends with status 0 if what it looks at is so. \
         Nothing here has to be believed: all commands and formats are public, and verify.py is meant to be read.",
    );
    text.paragraph(BELIEVED);
    let missing = missing(contents, pieces);
    if !missing.is_empty() {
        text.paragraph("What is not here:");
        for sentence in missing {
            text.paragraph(&format!("- {sentence}"));
        }
    }
    for (number, step) in (1..).zip(steps) {
        text.paragraph(&format!("{number}. {}", step.title));
        text.paragraph(&step.text);
        text.commands(&step.commands);
    }
    text.0
}

/// What is not shown by anything in a pack.
pub(super) const BELIEVED: &str = "That the certificate was not expected, and when it was found, is the word of whoever made \
     this pack: see expectation.json and decision.json. `countersign evidence verify FILE` repeats the decision from \
     these.";

#[derive(Default)]
struct Text(String);

impl Text {
    /// Fills lines; words are never broken.
    fn paragraph(&mut self, words: &str) {
        let mut column = 0;
        for word in words.split_ascii_whitespace() {
            let width = word.chars().count();
            if column > 0 && column + 1 + width > COLUMNS {
                self.0.push('\n');
                column = 0;
            } else if column > 0 {
                self.0.push(' ');
                column += 1;
            }
            self.0.push_str(word);
            column += width;
        }
        self.0.push_str("\n\n");
    }

    fn commands(&mut self, commands: &[String]) {
        if commands.is_empty() {
            return;
        }
        self.0.extend(commands.iter().map(|command| format!("    {command}\n")));
        self.0.push('\n');
    }
}

/// As many as a terminal has.
const COLUMNS: usize = 80;
