//! The same load on a log with many cases and on one with very many: half of the commands are about old cases.

use anyhow::ensure;
use kernel::CaseId;
use testkit::system::{Store, System, SystemSetup};

use super::{Measured, measure};
use crate::context::Context;
use crate::generate;
use crate::measure::Series;
use crate::report::Report;

/// How many events a generated case has at most: discovered, registered, and begun by the grid or escalated.
const EVENTS_PER_CASE: u32 = 3;
/// Where the generated cases stand that are asked for: the grid has begun to work.
const IN_GRID_HANDLING: &str = "cn.dualgrid.case.grid_handling_started.v1";
/// How many of them are asked for at most.
const OLD_MAX: usize = 100_000;
/// How many cases are worked on at a time, whatever the log holds: as many as a small log has in grid handling.
const AT_WORK: usize = 1_500;

/// On one log.
struct OnLog {
    /// As many old cases as in a small log are worked on, from everywhere in the log.
    same: Measured,
    /// Every old case is as likely as any other.
    any: Measured,
}

/// Measures. The views are left aside: it is about the log.
pub(super) async fn run(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    let small = on_a_log_of(context, 10_000).await?;
    let big = on_a_log_of(context, context.size(100_000, 2_000_000)).await?;
    let figure = |measured: &Measured, key, what| measured.per_s.figure(key, what, "/s");
    report.add(figure(&small.same, "http_small_log_commands_per_s", "commands over HTTP, few cases in the log"));
    report.add(figure(&big.same, "http_big_log_commands_per_s", "commands over HTTP, many cases in the log"));
    let what = "many cases in the log over few, as many at work";
    let ratio = |of: fn(&OnLog) -> &Measured| Series(vec![of(&big).per_s.median() / of(&small).per_s.median()]);
    report.add(ratio(|on| &on.same).figure("http_growth_ratio", what, "×").at_least(0.85));
    let what = "many cases in the log over few, any case as likely as another";
    report.add(ratio(|on| &on.any).figure("http_growth_any_case_ratio", what, "×"));
    Ok(())
}

async fn on_a_log_of(context: &Context, cases: u64) -> anyhow::Result<OnLog> {
    let setup = SystemSetup { roles: vec!["api".to_owned()], ..SystemSetup::sample(Store::Postgres)? };
    let mut system = System::start(setup).await?;
    system.stop().await?;
    context.say(format!("filling a log with {cases} cases"));
    generate::cases(system.store_url(), cases, EVENTS_PER_CASE).await?;
    context.settle(system.store_url()).await?;
    let old = old_cases(context, system.store_url()).await?;
    system.restart().await?;
    context.say(format!("commands with {cases} cases in the log"));
    // Those at work first: the others have not been remembered then.
    let same = measure(context, &system, old.iter().take(AT_WORK).copied().collect()).await?;
    Ok(OnLog { same, any: measure(context, &system, old).await? })
}

/// Cases whose grid has begun to work, in no order.
async fn old_cases(context: &Context, url: &str) -> anyhow::Result<Vec<CaseId>> {
    let database = url.rsplit('/').next().unwrap_or(url);
    let sql =
        format!("select stream from events where type = '{IN_GRID_HANDLING}' order by md5(stream) limit {OLD_MAX}");
    let found = context.postgres().await?.query(database, &sql).await?;
    let ids = found.lines().filter_map(|stream| stream.trim().strip_prefix("case-"));
    let cases = ids.map(|id| Ok(id.parse()?)).collect::<anyhow::Result<Vec<CaseId>>>()?;
    ensure!(cases.len() >= AT_WORK, "only {} generated cases are in grid handling", cases.len());
    Ok(cases)
}
