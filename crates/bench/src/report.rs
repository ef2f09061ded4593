//! What was measured, and whether it is what was aimed at.

use std::path::Path;

use anyhow::Context as _;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Map, Value};

/// What a figure is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// More is better.
    AtLeast(f64),
    /// Less is better.
    AtMost(f64),
}

impl Target {
    /// Whether `value` reaches it.
    pub(crate) fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

/// One measured number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// Its name in the JSON.
    pub(crate) key: String,
    /// What it is, for people.
    pub(crate) what: String,
    /// The number; of several pairs, their median.
    pub(crate) value: f64,
    /// `×`, `/s`, `ms`, `MiB` …
    pub(crate) unit: &'static str,
    /// What it is to reach, if anything was promised.
    pub(crate) target: Option<Target>,
    /// The least and the most of the pairs of which it is the median.
    pub(crate) range: Option<(f64, f64)>,
}

impl Figure {
    /// A figure of which nothing was promised.
    pub(crate) fn new(key: impl Into<String>, what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { key: key.into(), what: what.into(), value, unit, target: None, range: None }
    }

    /// It is to be so much or more.
    pub(crate) fn at_least(self, least: f64) -> Self {
        Self { target: Some(Target::AtLeast(least)), ..self }
    }

    /// It is to be so much or less.
    pub(crate) fn at_most(self, most: f64) -> Self {
        Self { target: Some(Target::AtMost(most)), ..self }
    }

    /// It is the median of numbers from `least` to `most`.
    pub(crate) fn between(self, least: f64, most: f64) -> Self {
        Self { range: Some((least, most)), ..self }
    }

    /// Whether it reached what was promised; true where nothing was.
    pub(crate) fn is_met(&self) -> bool {
        self.target.is_none_or(|target| target.is_met(self.value))
    }

    /// What was promised, for people.
    pub(crate) fn target_text(&self) -> String {
        match self.target {
            Some(Target::AtLeast(least)) => format!("≥ {}", number(least)),
            Some(Target::AtMost(most)) => format!("≤ {}", number(most)),
            None => String::new(),
        }
    }

    /// The spread of the pairs, for people.
    pub(crate) fn range_text(&self) -> String {
        self.range.map_or_else(String::new, |(least, most)| format!("{} … {}", number(least), number(most)))
    }

    /// `met`, `missed`, or nothing.
    pub(crate) fn verdict(&self) -> &'static str {
        match self.target {
            None => "",
            Some(_) if self.is_met() => "met",
            Some(_) => "missed",
        }
    }
}

/// Everything that was measured in one run, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// Adds a figure. One that is no number is left out: JSON has no word for it.
    pub(crate) fn add(&mut self, figure: Figure) {
        if figure.value.is_finite() {
            self.figures.push(figure);
        } else {
            eprintln!("{} could not be measured: {}", figure.key, figure.value);
        }
    }

    /// Everything so far.
    pub(crate) fn figures(&self) -> &[Figure] {
        &self.figures
    }

    /// The figure of that key.
    pub(crate) fn figure(&self, key: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.key == key)
    }

    /// The table for the terminal.
    pub(crate) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_FULL_CONDENSED);
        table.set_header(["figure", "what", "value", "least … most", "target", ""]);
        for figure in &self.figures {
            table.add_row([
                figure.key.clone(),
                figure.what.clone(),
                format!("{} {}", number(figure.value), figure.unit),
                figure.range_text(),
                figure.target_text(),
                figure.verdict().to_owned(),
            ]);
        }
        for column in [2, 3, 4] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// One flat object: key → number.
    pub(crate) fn json(&self) -> Value {
        let entries = self.figures.iter().map(|figure| (figure.key.clone(), Value::from(figure.value)));
        Value::Object(entries.collect::<Map<_, _>>())
    }

    /// Writes [`Report::json`] to a file, whole or not at all.
    pub(crate) fn write_json(&self, file: &Path) -> anyhow::Result<()> {
        let text = format!("{:#}\n", self.json());
        let beside = file.with_extension("part");
        std::fs::write(&beside, text).with_context(|| format!("could not write {}", beside.display()))?;
        std::fs::rename(&beside, file).with_context(|| format!("could not write {}", file.display()))
    }
}

/// Three significant digits; thousands are grouped.
pub(crate) fn number(value: f64) -> String {
    if value.abs() < 10.0 {
        return format!("{value:.2}");
    }
    if value.abs() < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if value < 0.0 { format!("-{grouped}") } else { grouped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_at_its_edge() {
        assert!(Figure::new("a", "", 5.0, "×").at_least(5.0).is_met());
        assert_eq!(Figure::new("a", "", 4.99, "×").at_least(5.0).verdict(), "missed");
        assert!(Figure::new("a", "", 40.0, "ms").at_most(40.0).is_met());
        assert_eq!(Figure::new("a", "", 1.0, "ms").verdict(), "");
    }

    #[test]
    fn the_json_is_flat_and_holds_numbers_only() {
        let mut report = Report::default();
        report.add(Figure::new("append_pg_64_per_s", "appends", 40_000.5, "/s"));
        report.add(Figure::new("never", "not measured", f64::NAN, "/s"));
        assert_eq!(report.json(), serde_json::json!({"append_pg_64_per_s": 40_000.5}));
    }

    #[test]
    fn numbers_are_grouped() {
        let said: Vec<String> = [0.5, 12.34, 999.0, 1_000.0, 1_234_567.8].into_iter().map(number).collect();
        assert_eq!(said, ["0.50", "12.3", "999", "1,000", "1,234,568"]);
    }
}
