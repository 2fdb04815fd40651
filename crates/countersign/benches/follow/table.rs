//! What was measured, as a table or as JSON.

use comfy_table::{Table, presets};
use serde_json::json;

use crate::child::Usage;

/// One number.
pub(crate) struct Row {
    what: String,
    unit: &'static str,
    value: f64,
    times_floor: Option<f64>,
    peak_mebibytes: Option<f64>,
    target: Option<Target>,
}

/// What a number shall be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    AtMost(f64),
    Below(f64),
}

impl Row {
    pub(crate) fn new(what: String, unit: &'static str, value: f64) -> Self {
        Self { what, unit, value, times_floor: None, peak_mebibytes: None, target: None }
    }

    pub(crate) fn peak(self, usage: &Usage) -> Self {
        Self { peak_mebibytes: Some(usage.mebibytes()), ..self }
    }

    pub(crate) fn times_floor(self, times: f64) -> Self {
        Self { times_floor: Some(times), ..self }
    }

    pub(crate) fn target(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    fn is_met(&self) -> Option<bool> {
        self.target.map(|target| match target {
            Target::AtMost(most) => self.value <= most,
            Target::Below(bound) => self.value < bound,
        })
    }

    fn cells(&self) -> [String; 7] {
        let number =
            |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.2}"));
        let target = self.target.map_or(String::new(), |target| match target {
            Target::AtMost(most) => format!("<= {most}"),
            Target::Below(bound) => format!("< {bound}"),
        });
        let met = self.is_met().map_or("", |met| if met { "met" } else { "MISSED" });
        [
            self.what.clone(),
            format!("{:.2}", self.value),
            self.unit.to_owned(),
            number(self.times_floor),
            self.peak_mebibytes.map_or(String::new(), |peak| format!("{peak:.0}")),
            target,
            met.to_owned(),
        ]
    }

    fn json(&self) -> serde_json::Value {
        let bound = self.target.map(|target| match target {
            Target::AtMost(bound) | Target::Below(bound) => bound,
        });
        json!({
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "times_floor": self.times_floor,
            "peak_mib": self.peak_mebibytes,
            "target": bound,
            "met": self.is_met(),
        })
    }
}

/// The middle one, by CPU time.
pub(crate) fn median(usages: &[Usage]) -> Usage {
    let mut sorted = usages.to_vec();
    sorted.sort();
    sorted[sorted.len() / 2]
}

pub(crate) fn print(rows: &[Row], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        rows.iter().for_each(|row| println!("{}", row.json()));
        return Ok(());
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["", "value", "unit", "x floor", "peak MiB", "target", ""]);
    table.add_rows(rows.iter().map(Row::cells));
    println!("{table}");
    Ok(())
}
