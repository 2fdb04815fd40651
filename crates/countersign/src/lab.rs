//! `countersign lab`: plays scenes and shows what was caught.

use anyhow::Context as _;
use comfy_table::{Cell, Color};
use countersign_lab::scene::{Ended, Outcome, Scene};
use serde::Serialize;

use crate::ExitStatus;
use crate::args::LabArgs;
use crate::failure::Failure;
use crate::print::{Form, Printer, cell};
use crate::progress::Progress;

/// Plays the scenes asked for, or names them all.
pub(crate) fn run(
    args: &LabArgs,
    printer: &mut Printer,
    progress: &Progress,
) -> anyhow::Result<ExitStatus> {
    if args.list {
        list(printer)?;
        return Ok(ExitStatus::Expected);
    }
    let scenes = scenes(&args.scenes)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let bar = progress.bar("scenes");
    let (mut rows, mut otherwise) = (Vec::new(), 0);
    for (played, scene) in (0..).zip(&scenes) {
        bar.at(played, u64::try_from(scenes.len()).unwrap_or(u64::MAX));
        let outcome = runtime.block_on(scene.play());
        if outcome.ended != Ended::AsItMust {
            otherwise += 1;
        }
        match printer.form() {
            Form::Json => printer.object(&OutcomeRow::new(&outcome))?,
            Form::Human => rows.push(cells(&outcome)),
        }
    }
    drop(bar);
    if printer.form() == Form::Human {
        printer.table(&HEADER, rows)?;
        printer.line("")?;
        printer.line(match otherwise {
            0 => format!("{} scenes played, all of them ended as they must", scenes.len()),
            _ => format!("{} scenes played, {otherwise} of them ended otherwise", scenes.len()),
        })?;
    }
    Ok(if otherwise == 0 { ExitStatus::Expected } else { ExitStatus::Findings })
}

/// The scenes of these names, in this order; all without a name.
fn scenes(names: &[String]) -> Result<Vec<Scene>, Failure> {
    if names.is_empty() {
        return Ok(Scene::ALL.to_vec());
    }
    let scenes = names.iter().map(|name| name.parse::<Scene>());
    scenes.collect::<Result<_, _>>().map_err(|unknown| {
        let all: Vec<_> = Scene::ALL.iter().map(|scene| scene.name()).collect();
        Failure::new(unknown.to_string()).hint(format!("the scenes are {}", all.join(", ")))
    })
}

fn list(printer: &mut Printer) -> anyhow::Result<()> {
    match printer.form() {
        Form::Json => Scene::ALL.iter().try_for_each(|scene| {
            printer.object(&SceneRow { r#type: "scene", scene: scene.name(), done: scene.done() })
        })?,
        Form::Human => {
            let row = |scene: Scene| vec![Cell::new(scene.name()), cell(scene.done())];
            printer.table(&["SCENE", "WHAT IS DONE"], Scene::ALL.map(row).to_vec())?;
        }
    }
    Ok(())
}

/// A scene in JSON (docs/json.md).
#[derive(Serialize)]
struct SceneRow {
    r#type: &'static str,
    scene: &'static str,
    done: &'static str,
}

/// A scene that was played in JSON (docs/json.md).
#[derive(Serialize)]
struct OutcomeRow<'a> {
    r#type: &'static str,
    scene: &'static str,
    done: &'static str,
    caught: Option<&'a str>,
    by: Option<&'a str>,
    unseen: Option<&'a str>,
    as_it_must: bool,
    why: Option<&'a str>,
}

impl<'a> OutcomeRow<'a> {
    fn new(outcome: &'a Outcome) -> Self {
        let known = |text: &'a String| Some(text.as_str()).filter(|text| !text.is_empty());
        Self {
            r#type: "outcome",
            scene: outcome.scene.name(),
            done: outcome.scene.done(),
            caught: known(&outcome.caught),
            by: known(&outcome.by),
            unseen: known(&outcome.unseen),
            as_it_must: outcome.ended == Ended::AsItMust,
            why: match &outcome.ended {
                Ended::AsItMust => None,
                Ended::Otherwise(why) => Some(why),
            },
        }
    }
}

fn cells(outcome: &Outcome) -> Vec<Cell> {
    let result = match &outcome.ended {
        Ended::AsItMust => Cell::new("as it must").fg(Color::Green),
        Ended::Otherwise(why) => cell(&format!("otherwise: {why}")).fg(Color::Red),
    };
    vec![
        Cell::new(outcome.scene.name()),
        cell(outcome.scene.done()),
        cell(&outcome.caught),
        cell(&outcome.by),
        cell(&outcome.unseen),
        result,
    ]
}

const HEADER: [&str; 6] = ["SCENE", "DONE", "CAUGHT", "BY", "UNSEEN", "RESULT"];
