//! First pages over HTTP: boards, inboxes, obligations and histories.

use std::time::Duration;

use anyhow::ensure;
use testkit::system::System;
use tokio::time::Instant;

use crate::context::Context;
use crate::generate::Filled;
use crate::measure::Latencies;
use crate::report::{Figure, Report};
use crate::system_http::Wire;

/// Stages that boards are asked for.
const STAGES: [&str; 4] = ["registered", "grid_handling", "in_disposal", "closed"];

/// Measures.
pub(super) async fn run(
    context: &Context,
    system: &System,
    filled: &Filled,
    name: &str,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut asking = Asking {
        wire: Wire::connect(&system.http().address()).await?,
        token: system.token("auditor-1", "auditor", &[]).await?,
        rounds: context.size(400, 2_000),
    };
    let suffix = if name == "pg" { String::new() } else { format!("_{name}") };
    for (kind, what, paths) in [
        ("board", "first page of a board", boards(filled)),
        ("inbox", "first page of the inbox of a department", inboxes(filled)),
        ("obligations", "first page of what is to be done", obligations(filled)),
        ("history", "history of a case", histories(filled)),
    ] {
        let times = asking.ask(&paths).await?;
        let (key, what) = (format!("query_{kind}_p99_ms{suffix}"), format!("{what}, {} cases, {name}", filled.cases));
        report.add(Figure::new(key, what, times.percentile_ms(0.99), "ms").at_most(10.0));
    }
    Ok(())
}

/// The boards of every grid, with and without a stage. Grids of every level are among them.
pub(super) fn boards(filled: &Filled) -> Vec<String> {
    let of_grid = |grid: &kernel::GridCode| {
        let board = format!("/cases?grid={grid}");
        let staged = STAGES.map(|stage| format!("{board}&stage={stage}"));
        std::iter::once(board).chain(staged)
    };
    filled.grids.iter().flat_map(of_grid).collect()
}

/// The orders of every department, with and without a status.
pub(super) fn inboxes(filled: &Filled) -> Vec<String> {
    let of_department = |department: &kernel::DepartmentCode| {
        let orders = format!("/orders?department={department}");
        [orders.clone(), format!("{orders}&status=sent"), format!("{orders}&status=disposed")]
    };
    filled.departments.iter().flat_map(of_department).collect()
}

/// The obligations of everybody, of every grid and of every department.
pub(super) fn obligations(filled: &Filled) -> Vec<String> {
    let of_grids = filled.grids.iter().map(|grid| format!("/obligations?grid={grid}"));
    let of_departments = filled.departments.iter().map(|department| format!("/obligations?department={department}"));
    std::iter::once("/obligations".to_owned()).chain(of_grids).chain(of_departments).collect()
}

/// The histories of cases from everywhere in the log.
pub(super) fn histories(filled: &Filled) -> Vec<String> {
    filled.sample.iter().map(|case| format!("/cases/{case}/history")).collect()
}

/// One client with one connection.
struct Asking {
    wire: Wire,
    token: String,
    rounds: usize,
}

impl Asking {
    /// Asks for every path in turn, and says how long the answers took. Most of them must hold something.
    async fn ask(&mut self, paths: &[String]) -> anyhow::Result<Latencies> {
        ensure!(!paths.is_empty(), "there is nothing to ask for");
        let mut times: Vec<Duration> = Vec::with_capacity(self.rounds);
        let mut held = 0;
        // A stride that meets every path before any comes again.
        let stride =
            (1..paths.len().max(2)).map(|n| n * 7 + 1).find(|stride| gcd(*stride, paths.len()) == 1).unwrap_or(1);
        for round in 0..self.rounds {
            let path = &paths[round * stride % paths.len()];
            let asked = Instant::now();
            let answer = self.wire.get(path, &self.token).await?;
            times.push(asked.elapsed());
            answer.check(path)?;
            held += usize::from(answer.body.starts_with(br#"{"items":[{"#));
        }
        ensure!(held * 3 > self.rounds, "only {held} of {} pages held anything: {}", self.rounds, paths[0]);
        Ok(Latencies::of(times))
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}
