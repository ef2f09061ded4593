//! What a scenario is.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use dualgrid_tests::Randomness;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use testkit::system::{Store, SystemSetup};

/// Both backends.
pub(crate) const BOTH: &[Store] = &[Store::Sqlite, Store::Postgres];

/// A scenario that runs.
pub(crate) type Playing<'a> = Pin<Box<dyn Future<Output = anyhow::Result<Outcome>> + 'a>>;

/// One scenario.
pub(crate) struct Scenario {
    /// What it is called on the command line and in the table.
    pub(crate) name: &'static str,
    /// What it does, in one line.
    pub(crate) about: &'static str,
    /// On which backends it runs.
    pub(crate) stores: &'static [Store],
    /// Whether it mostly waits, so that it can run beside the others.
    pub(crate) waits: bool,
    /// Runs it. An error is a failure; so is a violation that a checker found.
    pub(crate) run: for<'a> fn(&'a mut Run) -> Playing<'a>,
}

impl Scenario {
    /// It, with each backend on which it runs.
    pub(crate) fn on_each_store(&self) -> impl Iterator<Item = (&Self, Store)> {
        self.stores.iter().map(move |store| (self, *store))
    }
}

/// One scenario on one backend.
#[derive(Debug)]
pub(crate) struct Run {
    /// The backend.
    pub(crate) store: Store,
    /// Whether it is the small form, for CI.
    pub(crate) short: bool,
    /// This scenario's own sequence, made from the seed, its name and the backend: it is the same when run alone.
    pub(crate) randomness: Randomness,
    /// Where what it leaves is kept, if it is to be kept.
    keep: Option<PathBuf>,
    /// Shows how far it is; scenarios set its length and message.
    pub(crate) bar: ProgressBar,
}

impl Run {
    /// A run of the scenario of that name; its files stay in a folder of its own in `keep`, where that is given.
    pub(crate) fn new(
        name: &str,
        store: Store,
        seed: u64,
        short: bool,
        keep: Option<&Path>,
        bars: &MultiProgress,
    ) -> Self {
        let on = format!("{name} {store:?}");
        // FNV-1a: only different names matter, and that it is always the same.
        let own = on
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
        let style = ProgressStyle::with_template("{prefix:34} {wide_bar} {pos}/{len} {msg} {elapsed}");
        let bar = bars.add(ProgressBar::new(0)).with_prefix(on.clone());
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        let keep = keep.map(|folder| folder.join(on.replace(' ', "-")));
        Self { store, short, randomness: Randomness::from_seed(seed ^ own), keep, bar }
    }

    /// The sample district on the backend of this run.
    pub(crate) fn setup(&self) -> anyhow::Result<SystemSetup> {
        Ok(SystemSetup { dir: self.keep.clone(), ..SystemSetup::sample(self.store)? })
    }

    /// The number for the small form, or that for the full one.
    pub(crate) fn pick<T>(&self, short: T, full: T) -> T {
        if self.short { short } else { full }
    }
}

/// How a scenario ended that did not fail.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// What was counted, for the table: `[("kills", 200)]`.
    pub(crate) counted: Vec<(&'static str, u64)>,
    /// Why it was not run, where it cannot be here.
    pub(crate) skipped: Option<String>,
}

impl Outcome {
    /// It ran, and this was counted.
    pub(crate) fn counted(counted: impl IntoIterator<Item = (&'static str, u64)>) -> Self {
        Self { counted: counted.into_iter().collect(), skipped: None }
    }

    /// It cannot run here.
    pub(crate) fn skipped(why: impl Into<String>) -> Self {
        Self { counted: Vec::new(), skipped: Some(why.into()) }
    }
}
