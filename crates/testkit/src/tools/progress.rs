//! What is being done, on standard error.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// How often the spinner turns.
const TICK_INTERVAL: Duration = Duration::from_millis(120);

/// A spinner that says what is going on, until it is dropped.
///
/// Where standard error is no terminal (CI), it is one plain line instead.
pub(super) struct Spinner {
    bar: ProgressBar,
}

impl Spinner {
    /// Starts to show `what`.
    pub(super) fn start(what: impl Into<String>) -> Self {
        let what = what.into();
        let bar = ProgressBar::new_spinner();
        if bar.is_hidden() {
            eprintln!("{what} …");
        }
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.set_message(what);
        bar.enable_steady_tick(TICK_INTERVAL);
        Self { bar }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
