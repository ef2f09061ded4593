//! What every benchmark is given: whether to hurry, where to say what it does, and servers.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use testkit::postgres::Postgres;

/// The surroundings of one run.
pub(crate) struct Context {
    /// Smaller data and shorter windows.
    pub(crate) quick: bool,
    /// Whether docs/performance is written.
    pub(crate) docs: bool,
    pairs: usize,
    bar: ProgressBar,
}

impl Context {
    /// Nothing is started yet.
    pub(crate) fn new(quick: bool, docs: bool, pairs: usize) -> Self {
        let bar = ProgressBar::new(0);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {prefix}: {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { quick, docs, pairs, bar }
    }

    /// The server of this run, started when it is first asked for, with the settings testkit gives it: durable ones.
    ///
    /// The whole run has one, also the systems that testkit starts, so that every comparison has the same server.
    pub(crate) async fn postgres(&self) -> anyhow::Result<&'static Postgres> {
        Postgres::shared().await
    }

    /// The address of an empty database on that server.
    pub(crate) async fn database(&self) -> anyhow::Result<String> {
        self.postgres().await?.create_database().await
    }

    /// Writes what is dirty and sweeps what is dead, so that neither happens inside a timed window.
    pub(crate) async fn settle(&self, database_url: &str) -> anyhow::Result<()> {
        let postgres = self.postgres().await?;
        let name = database_name(database_url);
        postgres.query(name, "vacuum analyze").await?;
        postgres.query(name, "checkpoint").await?;
        Ok(())
    }

    /// How many pairs are measured: the median of them counts.
    pub(crate) fn pairs(&self) -> usize {
        self.pairs
    }

    /// How long one timed window is.
    pub(crate) fn window(&self) -> Duration {
        if self.quick { Duration::from_millis(800) } else { Duration::from_secs(3) }
    }

    /// `quick` in a quick run and `full` in a full one.
    pub(crate) fn size<T>(&self, quick: T, full: T) -> T {
        if self.quick { quick } else { full }
    }

    /// Says what is being done, beside the bar.
    pub(crate) fn say(&self, what: impl Into<String>) {
        let what = what.into();
        if self.bar.is_hidden() {
            eprintln!("{}: {what}", self.bar.prefix());
        }
        self.bar.set_message(what);
    }

    /// The bar of the run, for the suite.
    pub(crate) fn bar(&self) -> &ProgressBar {
        &self.bar
    }
}

/// The last part of the path of an address.
fn database_name(url: &str) -> &str {
    let path = url.split_once('?').map_or(url, |(path, _)| path);
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_is_the_last_part_of_the_path() {
        assert_eq!(database_name("postgres://u:p@127.0.0.1:5/t_1?x=y"), "t_1");
        assert_eq!(database_name("postgres://u:p@127.0.0.1:5/t_1"), "t_1");
    }
}
