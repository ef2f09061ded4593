//! The gauntlet: exactness under load and faults, on real servers and real processes.
//!
//! Each scenario does harm to a system under seeded load and then compares what the clients wrote down, the log, the
//! stream and the views. `cargo xtask gauntlet` builds what is needed and runs it.
//!
//! INVARIANT: everything random comes from the seed, and every failure prints the seed and how to run it again alone.
//! INVARIANT: nothing is compared by sample where it can be compared whole.
//! INVARIANT: a checker counts only if its control has shown that it finds what it looks for.

mod controls;
mod kills;
mod projectors;
mod report;
mod retries;
mod scenario;
mod servers;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};
use indicatif::MultiProgress;
use testkit::random;
use testkit::system::Store;
use tokio::runtime::Runtime;
use tokio::time::Instant;

use report::{Ended, Report};
use scenario::{Run, Scenario};

/// How long one scenario may take at most, in the short form and in the full one.
const PATIENCE: [Duration; 2] = [Duration::from_mins(6), Duration::from_mins(40)];

/// Exactness under load and faults.
#[derive(Debug, Parser)]
struct Arguments {
    /// The small form that CI runs
    #[arg(long)]
    short: bool,
    /// Only scenarios with this in their name; can be given several times
    #[arg(long)]
    only: Vec<String>,
    /// Only on this backend
    #[arg(long, value_enum)]
    backend: Option<Backend>,
    /// The seed of an earlier run; a new one otherwise
    #[arg(long)]
    seed: Option<u64>,
    /// A new folder in which journals, logs and databases of the product's own scenarios stay
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Name the scenarios and do nothing
    #[arg(long)]
    list: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Backend {
    Sqlite,
    Postgres,
}

impl Arguments {
    fn wants(&self, scenario: &Scenario, store: Store) -> bool {
        let named = self.only.is_empty() || self.only.iter().any(|part| scenario.name.contains(part.as_str()));
        let on = self.backend.is_none_or(|backend| match backend {
            Backend::Sqlite => store == Store::Sqlite,
            Backend::Postgres => store == Store::Postgres,
        });
        named && on
    }
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Every scenario, in the order of the table.
fn scenarios() -> Vec<Scenario> {
    let mut all = kills::scenarios();
    all.extend(retries::scenarios());
    all.extend(projectors::scenarios());
    all.extend(servers::scenarios());
    all.extend(controls::scenarios());
    all
}

/// Whether everything went as it should. What mostly waits runs beside the others, one after the other.
fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    if arguments.list {
        for scenario in scenarios() {
            println!("{:28} {}", scenario.name, scenario.about);
        }
        return Ok(true);
    }
    let seed = arguments.seed.map_or_else(random::seed, Ok)?;
    println!("seed {seed}{}", if arguments.short { ", short" } else { "" });
    let scenarios = scenarios();
    let numbered = scenarios.iter().flat_map(Scenario::on_each_store).enumerate();
    let chosen: Vec<_> = numbered.filter(|(_, (scenario, store))| arguments.wants(scenario, *store)).collect();
    let bars = MultiProgress::new();
    // Each lane has a runtime of its own, so that a long comparison in one holds up no clock of the other.
    let lane = |waits: bool| -> anyhow::Result<Vec<(usize, Ended)>> {
        let runtime = Runtime::new().context("no runtime")?;
        let mut ended = Vec::new();
        for (number, (scenario, store)) in chosen.iter().filter(|(_, (scenario, _))| scenario.waits == waits) {
            let one = runtime.block_on(play(scenario, *store, seed, arguments, &bars));
            bars.suspend(|| println!("{}", one.line()));
            ended.push((*number, one));
        }
        Ok(ended)
    };
    let (ended, waited) = thread::scope(|scope| {
        let waiting = scope.spawn(|| lane(true));
        (lane(false), waiting.join())
    });
    let mut ended = ended?;
    ended.extend(waited.map_err(|_| anyhow::anyhow!("a scenario panicked"))??);
    ended.sort_by_key(|(number, _)| *number);
    let mut report = Report::default();
    for (_, one) in ended {
        report.add(one);
    }
    anyhow::ensure!(!report.is_empty(), "no scenario has such a name: see --list");
    println!("{report}");
    Ok(report.is_good())
}

async fn play(scenario: &Scenario, store: Store, seed: u64, arguments: &Arguments, bars: &MultiProgress) -> Ended {
    let short = arguments.short;
    let started = Instant::now();
    let mut run = Run::new(scenario.name, store, seed, short, arguments.keep.as_deref(), bars);
    let patience = PATIENCE[usize::from(!short)];
    let outcome = match tokio::time::timeout(patience, (scenario.run)(&mut run)).await {
        Ok(outcome) => outcome,
        Err(late) => Err(late).with_context(|| format!("it did not end within {patience:?}")),
    };
    run.bar.finish_and_clear();
    Ended { name: scenario.name, store, seed, short, outcome, took: started.elapsed() }
}
