//! What people and programs read on standard output: tables and lines, or one JSON object a line.

mod bytes;
mod human;
mod json;
mod plain;

use std::fmt;
use std::io::{self, Write};

use anstream::{AutoStream, ColorChoice};
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};
use serde::Serialize;

pub(crate) use bytes::{base64, hex};
pub(crate) use human::{count, day, rough};
pub(crate) use plain::plain;

/// What a command prints its results as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Tables and sentences; colours only where a terminal shows them.
    Human,
    /// One JSON object a line (docs/json.md).
    Json,
}

/// Standard output. Each line is passed on as soon as it is complete.
pub(crate) struct Printer {
    form: Form,
    color: ColorChoice,
    out: AutoStream<io::Stdout>,
}

impl Printer {
    pub(crate) fn new(form: Form, color: ColorChoice) -> Self {
        Self { form, color, out: AutoStream::new(io::stdout(), color) }
    }

    pub(crate) fn form(&self) -> Form {
        self.form
    }

    pub(crate) fn color(&self) -> ColorChoice {
        self.color
    }

    /// One JSON object on its line. Characters that steer a terminal are escaped.
    pub(crate) fn object(&mut self, row: &impl Serialize) -> Result<(), Unprinted> {
        let line = json::line(row);
        self.out.write_all(line.as_bytes()).map_err(Unprinted)
    }

    /// One line for people, made plain.
    pub(crate) fn line(&mut self, line: impl fmt::Display) -> Result<(), Unprinted> {
        writeln!(self.out, "{}", plain(&line.to_string())).map_err(Unprinted)
    }

    /// A finished text as it is: a configuration file, a manual page.
    pub(crate) fn text(&mut self, text: &[u8]) -> Result<(), Unprinted> {
        self.out.write_all(text).map_err(Unprinted)
    }

    /// A table for people; nothing if it has no rows.
    pub(crate) fn table(&mut self, header: &[&str], rows: Vec<Vec<Cell>>) -> Result<(), Unprinted> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        // Styles are always written; `out` takes them away again where no terminal shows them.
        table
            .load_preset(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .enforce_styling()
            .set_header(header.iter().map(|title| Cell::new(title).fg(Color::DarkGrey)))
            .add_rows(rows);
        self.text(format!("{}\n", table.trim_fmt()).as_bytes())
    }
}

/// A cell with foreign text in it.
pub(crate) fn cell(text: &str) -> Cell {
    Cell::new(plain(text))
}

/// Standard output took no more. When its reader went away that is nobody's fault.
#[derive(Debug)]
pub(crate) struct Unprinted(io::Error);

impl Unprinted {
    /// Whether the reader of a pipe closed it, as `head` does.
    pub(crate) fn is_broken_pipe(&self) -> bool {
        self.0.kind() == io::ErrorKind::BrokenPipe
    }
}

impl fmt::Display for Unprinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot write to standard output: {}", self.0)
    }
}

impl std::error::Error for Unprinted {}

/// For whoever must answer with an error of writing.
impl From<Unprinted> for io::Error {
    fn from(unprinted: Unprinted) -> Self {
        unprinted.0
    }
}
