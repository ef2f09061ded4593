//! Measurements side by side: every figure that is a claim is a ratio of two things that ran in turns, on the same
//! servers, with default durable settings. Started by `cargo xtask bench`.
//!
//! INVARIANT: what is measured is the product, through its ports or from outside, and never a copy of it.
//! INVARIANT: baselines run as their users run them, and as fast as they go.
//! INVARIANT: a figure that could not be measured is missing; none is made up.

// The allocator of the product is that of its in-process measurements too.
use dualgrid as _;

mod append;
mod appends;
mod chart;
mod context;
mod generate;
mod idle;
mod measure;
mod parts;
mod read;
mod report;
mod results;
mod suite;
mod system_http;
mod system_publisher;
mod system_views;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use context::Context;
use report::Report;

/// Measures dualgrid beside what it is compared with.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench")]
struct Arguments {
    /// Smaller data and shorter windows, for a run within minutes
    #[arg(long)]
    quick: bool,
    /// Write one flat JSON object of numbers there
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Run only these, separated by commas
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<suite::Name>,
    /// How many pairs are measured of each comparison
    #[arg(long, value_name = "N", default_value_t = 5)]
    pairs: usize,
    /// Write the tables and charts of docs/performance
    #[arg(long)]
    docs: bool,
    /// What a process does that this program starts to follow sixty views
    #[arg(long, hide = true, requires = "log")]
    sixty: Option<system_views::Task>,
    /// The log of those views
    #[arg(long, hide = true, env = system_views::LOG)]
    log: Option<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match Box::pin(run(Arguments::parse())).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs what was asked for. A benchmark that fails fails the run, but what was measured is shown and written first.
async fn run(arguments: Arguments) -> anyhow::Result<()> {
    if let (Some(task), Some(log)) = (arguments.sixty, &arguments.log) {
        return system_views::run_task(task, log).await;
    }
    let context = Context::new(arguments.quick, arguments.docs, arguments.pairs);
    let mut report = Report::default();
    let outcome = Box::pin(suite::run(&context, &arguments.only, arguments.json.as_deref(), &mut report)).await;
    println!("{}", report.table());
    if arguments.docs {
        results::write(&context, &report).await?;
    }
    outcome
}
