//! The same load on a log with many cases and on one with very many: half of the commands are about old cases.

use std::time::Duration;

use anyhow::ensure;
use kernel::CaseId;
use testkit::system::{Store, System, SystemSetup};

use super::{Course, measure};
use crate::context::Context;
use crate::generate;
use crate::measure::{Pairs, interleaved};
use crate::report::Report;

/// How many events a generated case has at most: discovered, registered, and begun by the grid or escalated.
const EVENTS_PER_CASE: u32 = 3;
/// Where the generated cases stand that are asked for: the grid has begun to work.
const IN_GRID_HANDLING: &str = "cn.dualgrid.case.grid_handling_started.v1";
/// How many of them are asked for at most.
const OLD_MAX: usize = 100_000;
/// How many cases are worked on at a time, whatever the log holds: as many as a small log has in grid handling.
const AT_WORK: usize = 1_500;

/// Connections are made, and those at work remembered, before each window.
const WARM_UP: Duration = Duration::from_millis(600);

/// A system with cases in its log.
struct Grown {
    system: System,
    /// Its old cases, in no order.
    old: Vec<CaseId>,
}

/// Measures. The views are left aside: it is about the log.
pub(super) async fn run(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    let small = Grown::with(context, 10_000).await?;
    let big = Grown::with(context, context.size(100_000, 2_000_000)).await?;
    context.say("commands with few and with many cases in the log");
    // Those at work first: the others have not been remembered then.
    let same = in_turns(context, &big, &small, AT_WORK).await?;
    let any = in_turns(context, &big, &small, OLD_MAX).await?;
    let what = "commands over HTTP, few cases in the log";
    report.add(same.theirs.figure("http_small_log_commands_per_s", what, "/s"));
    let what = "commands over HTTP, many cases in the log";
    report.add(same.ours.figure("http_big_log_commands_per_s", what, "/s"));
    let what = "many cases in the log over few, as many at work";
    report.add(same.ratios().figure("http_growth_ratio", what, "×").at_least(0.85));
    let what = "many cases in the log over few, any case as likely as another";
    report.add(any.ratios().figure("http_growth_any_case_ratio", what, "×"));
    Ok(())
}

/// Load in turns on both, about so many of their old cases at most: commands per second.
async fn in_turns(context: &Context, big: &Grown, small: &Grown, old_max: usize) -> anyhow::Result<Pairs> {
    let course = Course { warm_up: WARM_UP, windows: 1, ..Course::of(context) };
    let on = async |grown: &Grown| {
        let old = grown.old.iter().take(old_max).copied().collect();
        anyhow::Ok(measure(&grown.system, old, course).await?.per_s.median())
    };
    interleaved(context.pairs(), async || on(big).await, async || on(small).await).await
}

impl Grown {
    async fn with(context: &Context, cases: u64) -> anyhow::Result<Self> {
        let setup = SystemSetup { roles: vec!["api".to_owned()], ..SystemSetup::sample(Store::Postgres)? };
        let mut system = System::start(setup).await?;
        system.stop().await?;
        context.say(format!("filling a log with {cases} cases"));
        generate::cases(system.store_url(), cases, EVENTS_PER_CASE).await?;
        context.settle(&[system.store_url()]).await?;
        let old = old_cases(context, system.store_url()).await?;
        system.restart().await?;
        Ok(Self { system, old })
    }
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
