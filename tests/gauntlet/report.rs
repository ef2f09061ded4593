//! The table at the end, and one line a scenario before it.

use std::fmt;
use std::time::Duration;

use comfy_table::{Table, presets};
use testkit::system::Store;

use crate::scenario::Outcome;

/// How wide the column of what was counted is.
const COUNTED_WIDTH_MAX: usize = 56;

/// One scenario that has ended.
pub(crate) struct Ended {
    pub(crate) name: &'static str,
    pub(crate) store: Store,
    pub(crate) seed: u64,
    pub(crate) short: bool,
    pub(crate) outcome: anyhow::Result<Outcome>,
    pub(crate) took: Duration,
}

impl Ended {
    /// What is printed as soon as it has ended.
    pub(crate) fn line(&self) -> String {
        let (name, store, seconds) = (self.name, backend(self.store), self.took.as_secs_f64());
        match &self.outcome {
            Ok(_) => format!("{:7} {name} on {store}, {seconds:.1} s: {}", self.verdict(), self.counted()),
            Err(error) => format!(
                "FAILED  {name} on {store}, {seconds:.1} s: {error:#}\n        seed {}; again alone: {}",
                self.seed,
                self.again()
            ),
        }
    }

    fn again(&self) -> String {
        let short = if self.short { " --short" } else { "" };
        let (name, store, seed) = (self.name, backend(self.store), self.seed);
        format!("cargo xtask gauntlet{short} --only {name} --backend {store} --seed {seed}")
    }

    fn verdict(&self) -> &'static str {
        match &self.outcome {
            Ok(Outcome { skipped: Some(_), .. }) => "skipped",
            Ok(_) => "ok",
            Err(_) => "FAILED",
        }
    }

    fn counted(&self) -> String {
        match &self.outcome {
            Ok(Outcome { skipped: Some(why), .. }) => why.clone(),
            Ok(Outcome { counted, .. }) => {
                let counted: Vec<_> = counted.iter().map(|(what, count)| format!("{count} {what}")).collect();
                counted.join(", ")
            }
            Err(error) => error.to_string().lines().next().unwrap_or_default().to_owned(),
        }
    }
}

/// Every scenario that has ended.
#[derive(Default)]
pub(crate) struct Report {
    ended: Vec<Ended>,
}

impl Report {
    /// Takes one in.
    pub(crate) fn add(&mut self, ended: Ended) {
        self.ended.push(ended);
    }

    /// Whether nothing ran.
    pub(crate) fn is_empty(&self) -> bool {
        self.ended.is_empty()
    }

    /// Whether nothing failed.
    pub(crate) fn is_good(&self) -> bool {
        self.ended.iter().all(|ended| ended.outcome.is_ok())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::new();
        table
            .load_style(presets::UTF8_FULL_CONDENSED)
            .set_header(["scenario", "backend", "seed", "counted", "", "seconds"]);
        for ended in &self.ended {
            let seconds = format!("{:.1}", ended.took.as_secs_f64());
            let seed = ended.seed.to_string();
            table.add_row([
                ended.name,
                backend(ended.store),
                &seed,
                &folded(&ended.counted()),
                ended.verdict(),
                &seconds,
            ]);
        }
        let failed = self.ended.iter().filter(|ended| ended.outcome.is_err()).count();
        write!(f, "{table}\n{} scenarios, {failed} failed", self.ended.len())
    }
}

/// A text in lines that fit into a terminal beside the other columns.
fn folded(text: &str) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split(' ') {
        let room = word.chars().count() + 1;
        if length > 0 {
            let breaks = length + room > COUNTED_WIDTH_MAX;
            lines.push(if breaks { '\n' } else { ' ' });
            length = if breaks { 0 } else { length };
        }
        lines.push_str(word);
        length += room;
    }
    lines
}

/// A backend, as the command line calls it.
pub(crate) fn backend(store: Store) -> &'static str {
    match store {
        Store::Sqlite => "sqlite",
        Store::Postgres => "postgres",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_how_to_run_it_again_alone() {
        let outcome = Err(anyhow::anyhow!("two effects"));
        let ended = Ended {
            name: "retries",
            store: Store::Postgres,
            seed: 7,
            short: true,
            outcome,
            took: Duration::from_secs(1),
        };
        let line = ended.line();
        assert!(line.contains("two effects"), "{line}");
        assert!(line.ends_with("cargo xtask gauntlet --short --only retries --backend postgres --seed 7"), "{line}");
        let mut report = Report::default();
        report.add(ended);
        assert!(!report.is_good() && report.to_string().ends_with("1 scenarios, 1 failed"));
    }

    #[test]
    fn a_long_text_is_folded_between_words() {
        let folded = folded(&"word ".repeat(30));
        assert!(folded.lines().count() > 2 && folded.lines().all(|line| line.chars().count() <= COUNTED_WIDTH_MAX));
    }
}
