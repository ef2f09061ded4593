//! The benchmarks, in the order in which they run.

use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use clap::ValueEnum;

use crate::context::Context;
use crate::report::Report;
use crate::{append, idle, read, system_http, system_publisher, system_views};

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// Appends to the log
    Append,
    /// The whole log in order
    Read,
    /// Whole commands over HTTP
    Http,
    /// Rebuilds, lag and queries
    Views,
    /// To NATS and to departments
    Publisher,
    /// A process that has nothing to do
    Idle,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// Runs those in `only`, or all; goes on after one that failed, and fails at the end. What was measured so far is
/// written after each of them.
pub(crate) async fn run(
    context: &Context,
    only: &[Name],
    json: Option<&Path>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let asked = |name: &&Name| only.is_empty() || only.contains(name);
    let names: Vec<Name> = Name::value_variants().iter().filter(asked).copied().collect();
    context.bar().set_length(names.len() as u64);
    let mut first_error = None;
    for name in names {
        context.bar().set_prefix(name.to_string());
        context.say("starting");
        let outcome = match name {
            Name::Append => Box::pin(append::run(context, report)).await,
            Name::Read => Box::pin(read::run(context, report)).await,
            Name::Http => Box::pin(system_http::run(context, report)).await,
            Name::Views => Box::pin(system_views::run(context, report)).await,
            Name::Publisher => Box::pin(system_publisher::run(context, report)).await,
            Name::Idle => Box::pin(idle::run(context, report)).await,
        };
        if let Err(error) = outcome.with_context(|| format!("the benchmark `{name}` failed")) {
            context.bar().println(format!("{error:#}"));
            first_error.get_or_insert(error);
        }
        if let Some(file) = json {
            report.write_json(file)?;
        }
        context.bar().inc(1);
    }
    context.bar().finish_and_clear();
    first_error.map_or(Ok(()), Err)
}
