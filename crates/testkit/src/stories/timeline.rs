//! What happens when, for people who watch.

use tokio::time::Instant;

/// Prints one line a step on standard output, with the time since the start.
#[derive(Debug)]
pub struct Timeline {
    started: Instant,
}

/// One line: who did what, and where the case stands after it.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Who acted.
    pub who: &'a str,
    /// The Chinese term.
    pub term: &'a str,
    /// The step in English.
    pub what: &'a str,
    /// Where the case stands after it.
    pub stage: &'a str,
}

impl Timeline {
    /// The clock starts now.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// Seconds since the start.
    pub fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// A story begins.
    pub fn story(&self, title: &str) {
        println!("\n{:>8.3} s  {title}", self.seconds());
    }

    /// Somebody did something.
    pub fn step(&self, step: &Step<'_>) {
        println!("{}", line(self.seconds(), step));
    }
}

fn line(seconds: f64, step: &Step<'_>) -> String {
    let (who, term, what) = (padded(step.who, 29), padded(step.term, 10), padded(step.what, 66));
    format!("{seconds:>8.3} s  {who}  {term}  {what}  → {}", step.stage)
}

/// The text with spaces behind it, so that columns line up in a terminal, where Chinese letters are two columns wide.
pub(super) fn padded(text: &str, columns: usize) -> String {
    let used: usize = text.chars().map(columns_of).sum();
    format!("{text}{}", " ".repeat(columns.saturating_sub(used)))
}

fn columns_of(letter: char) -> usize {
    let is_wide = matches!(letter, '\u{2e80}'..='\u{a4cf}' | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ff60}');
    if is_wide { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_who_and_what_and_where_it_stands() {
        let step = Step { who: "网格长 leader", term: "登记", what: "registers the issue", stage: "registered" };
        let line = line(1.5, &step);
        assert!(line.starts_with("   1.500 s  网格长 leader "), "{line}");
        assert!(line.ends_with("  → registered"), "{line}");
    }

    #[test]
    fn chinese_letters_count_as_two_columns() {
        assert_eq!(padded("网格", 6), "网格  ");
        assert_eq!(padded("grid", 6), "grid  ");
        assert_eq!(padded("too long", 3), "too long");
    }
}
