//! Views: how fast all of them are built anew and in how much memory, how far they lag behind a log that grows, and how
//! fast what they hold is found.

mod followed;
mod lag;
mod plans;
mod queries;
mod rebuild;
mod sixty;

use anyhow::{Context as _, ensure};
use app::port::ViewSpec;
use app::registry;
use case::CaseSummaryView;
use kernel::{StreamId, Version};
use testkit::system::{Store, System, SystemSetup};

use crate::context::Context;
use crate::generate::{self, Filled};
use crate::parts::is_asked_for;
use crate::report::{Figure, Report};
use crate::system_http;
pub(crate) use sixty::{LOG, Task, run_task};

/// What is measured on each database; one of these can be asked for by its name.
const PARTS: [&str; 5] = ["rebuild", "queries", "plans", "lag", "sixty"];
/// How many events a generated case has at most: whole histories.
const EVENTS_PER_CASE: u32 = 13;
/// How many cases the queries are asked beside, in the full form.
const CASES_MAX: u64 = 2_000_000;
/// How many events those have at most that come on top of the whole histories.
const EVENTS_OF_MANY: u32 = 4;
/// How many of the generated cases are looked at one by one.
const LOOKED_AT: usize = 200;

/// Measures.
pub(crate) async fn run(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    let mut most_memory: f64 = 0.0;
    let mut plans = Vec::new();
    let stores = [(Store::Sqlite, "sqlite"), (Store::Postgres, "pg")];
    for (store, name) in stores.into_iter().filter(|(_, name)| is_asked_for(&format!("views-{name}"))) {
        let (mut system, mut filled) = filled(context, store, name).await?;
        most_memory = most_memory.max(rebuilds(context, &mut system, &mut filled, name, report).await?);
        if runs("queries") {
            context.say(format!("queries, {name}"));
            queries::run(context, &system, &filled, name, report).await?;
        }
        if runs("plans") {
            context.say(format!("plans, {name}"));
            plans.push((name, filled.cases, plans::run(&system, &filled, name).await?));
        }
        if runs("lag") && store == Store::Postgres {
            context.say("views behind 2,000 events/s");
            lag::run(context, &system, report).await?;
        }
        if runs("sixty") {
            let events = system_http::head(&system).await?;
            sixty::run(context, &system, events, name, report).await?;
        }
    }
    if context.docs {
        plans::write(&plans)?;
    }
    let what = "most memory of a process that builds all views anew";
    report.add(Figure::new("rebuild_rss_mib", what, most_memory, "MiB").at_most(300.0));
    Ok(())
}

/// Whether a part is to run: all of them where none is named.
fn runs(part: &str) -> bool {
    is_asked_for(part) || !PARTS.iter().any(|part| is_asked_for(part))
}

/// Builds all views anew, and says how much memory that took at most. It is always done: what comes after it looks at views that
/// have caught up.
async fn rebuilds(
    context: &Context,
    system: &mut System,
    filled: &mut Filled,
    name: &str,
    report: &mut Report,
) -> anyhow::Result<f64> {
    context.say(format!("rebuilding all views from {} events, {name}", filled.head));
    let rebuilt = rebuild::run(system, filled.head).await?;
    check(system, filled).await?;
    let what = format!("all views built anew from {} events, {name}", filled.head);
    report.add(rebuilt.per_s.figure(format!("rebuild_events_per_s_{name}"), what, "/s").at_least(100_000.0));
    let mut most_memory = rebuilt.memory_mib;
    if !context.quick {
        add_many(context, system, filled, name).await?;
        context.say(format!("rebuilding all views from {} events, {name}", filled.head));
        let rebuilt = rebuild::once(system, filled.head).await?;
        check(system, filled).await?;
        let what = format!("the same from {} events of {} cases, {name}", filled.head, filled.cases);
        report.add(rebuilt.per_s.figure(format!("rebuild_many_cases_events_per_s_{name}"), what, "/s"));
        most_memory = most_memory.max(rebuilt.memory_mib);
    }
    Ok(most_memory)
}

/// A system whose log is filled with whole histories; nothing runs but the role `api`.
async fn filled(context: &Context, store: Store, name: &str) -> anyhow::Result<(System, Filled)> {
    let setup = SystemSetup { roles: vec!["api".to_owned()], ..SystemSetup::sample(store)? };
    let mut system = System::start(setup).await?;
    let cases = context.size(40_000, 200_000);
    let filled = fill(context, &mut system, cases, EVENTS_PER_CASE, name).await?;
    Ok((system, filled))
}

/// Adds short histories until there are as many cases as a large city has in years.
async fn add_many(context: &Context, system: &mut System, filled: &mut Filled, name: &str) -> anyhow::Result<()> {
    let more = CASES_MAX.saturating_sub(filled.cases);
    let added = fill(context, system, more, EVENTS_OF_MANY, name).await?;
    filled.cases += added.cases;
    filled.events += added.events;
    filled.head = added.head;
    filled.sample.extend(added.sample);
    Ok(())
}

async fn fill(context: &Context, system: &mut System, cases: u64, events: u32, name: &str) -> anyhow::Result<Filled> {
    system.stop().await?;
    context.say(format!("filling a log with {cases} cases, {name}"));
    let filled = generate::cases(system.store_url(), cases, events).await?;
    if name == "pg" {
        context.settle(&[system.store_url()]).await?;
    }
    system.restart().await?;
    Ok(filled)
}

/// The views have come to the end of the log, and show cases as their streams are.
async fn check(system: &System, filled: &Filled) -> anyhow::Result<()> {
    let opened = log::open(system.store_url(), &log::Options::default()).await?;
    let builds = opened.views.builds().await?;
    for view in registry::views() {
        let active = builds.iter().find(|build| build.active && build.view == view.name());
        let position = active.with_context(|| format!("the view {} is not there", view.name()))?.position.0;
        ensure!(position == filled.head, "the view {} is at {position} of {}", view.name(), filled.head);
    }
    for case in filled.sample.iter().step_by((filled.sample.len() / LOOKED_AT).max(1)) {
        let events = opened.log.stream(&StreamId::new("case", case.uuid()), Version(0)).await?;
        let version = events.last().map(|event| event.version.0);
        let row = opened.views.get(&ViewSpec::of::<CaseSummaryView>(), &case.to_string()).await?;
        let row: Option<serde_json::Value> = row.map(|row| serde_json::from_str(&row.doc)).transpose()?;
        let shown = row.and_then(|row| row["version"].as_u64());
        ensure!(shown == version.map(u64::from), "case {case} is at {version:?} and shown at {shown:?}");
    }
    Ok(())
}
