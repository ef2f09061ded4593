//! What every benchmark is given: whether to hurry, where to say what it does, and servers.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use testkit::postgres::Postgres;
use tokio::sync::OnceCell;

/// Makes a server as one that has been at work for a while: with files for its write-ahead log. A new one makes each of 16 MiB
/// when the one before is full, which takes it 10 to 20 ms, and the more often the more somebody appends; later it takes
/// those again that a checkpoint has done with. Three quarters of a gigabyte, which the next checkpoint keeps.
const FILL_LOG_FILES: &str =
    "select pg_logical_emit_message(false, 'bench', ''), pg_switch_wal() from generate_series(1, 48)";

/// The surroundings of one run.
pub(crate) struct Context {
    /// Smaller data and shorter windows.
    pub(crate) quick: bool,
    /// Whether docs/performance is written.
    pub(crate) docs: bool,
    pairs: usize,
    has_log_files: OnceCell<()>,
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
        Self { quick, docs, pairs, has_log_files: OnceCell::new(), bar }
    }

    /// The server of this run, started when it is first asked for, with the settings testkit gives it: durable ones.
    ///
    /// The whole run has one, also the systems that testkit starts, so that every comparison has the same server.
    pub(crate) async fn postgres(&self) -> anyhow::Result<&'static Postgres> {
        let postgres = Postgres::shared().await?;
        let make = async || {
            postgres.query("postgres", FILL_LOG_FILES).await?;
            postgres.query("postgres", "checkpoint").await.map(drop)
        };
        self.has_log_files.get_or_try_init(make).await?;
        Ok(postgres)
    }

    /// The address of an empty database on that server.
    pub(crate) async fn database(&self) -> anyhow::Result<String> {
        self.postgres().await?.create_database().await
    }

    /// Sweeps what is dead in these databases and writes what is dirty, so that neither happens inside a timed window.
    pub(crate) async fn settle(&self, database_urls: &[&str]) -> anyhow::Result<()> {
        let postgres = self.postgres().await?;
        for url in database_urls {
            postgres.query(database_name(url), "vacuum analyze").await?;
        }
        // One for all: with many small ones the server would think that it needs few files of its log.
        postgres.query("postgres", "checkpoint").await.map(drop)
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
