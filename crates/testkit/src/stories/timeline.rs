//! What happens when, for people who watch.

use tokio::time::Instant;

/// Prints one line a step on standard output, with the time since the start.
#[derive(Debug)]
pub struct Timeline {
    started: Instant,
}

impl Timeline {
    /// The clock starts now.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// A story begins.
    pub fn story(&self, title: &str) {
        println!("\n{}", heading(self.started.elapsed().as_secs_f64(), title));
    }

    /// Somebody did something.
    pub fn step(&self, who: &str, what: &str) {
        println!("{}", line(self.started.elapsed().as_secs_f64(), who, what));
    }
}

fn heading(elapsed_seconds: f64, title: &str) -> String {
    format!("  {elapsed_seconds:>7.3} s  {title}")
}

fn line(elapsed_seconds: f64, who: &str, what: &str) -> String {
    format!("  {elapsed_seconds:>7.3} s  {who:<24}  {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_when_who_and_what() {
        assert_eq!(
            line(1.5, "grid leader", "registers the issue"),
            "    1.500 s  grid leader               registers the issue"
        );
    }
}
