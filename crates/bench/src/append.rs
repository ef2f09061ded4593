//! Appends: one event of 403 bytes each, from 1 to 256 writers, each on its own streams.
//!
//! Every comparison is of pairs that run in turns on one server; every side has a database (or file) of its own, which
//! grows with it. Dirty pages are written and tables are swept before each comparison.

mod desk;
mod driver;
mod esrs_store;
mod event;
mod lanes;
mod message_db;
mod ours;
mod package;
mod plain;
mod plain_sqlite;

use std::time::Duration;

use testkit::scratch::Scratch;

use crate::context::Context;
use crate::measure::{Series, Window, in_turns};
use crate::parts::is_asked_for;
use crate::report::{Figure, Report};
use driver::Side;
pub(crate) use event::DeskEvent;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// The most connections a baseline gets, as a service of this size would configure its pool. More writers share them.
const CONNECTIONS_MAX: u32 = 64;

/// The pool of every baseline on PostgreSQL. It does not test connections before it lends them: on one server that
/// never fails this would only cost.
async fn pool(options: PgConnectOptions) -> anyhow::Result<PgPool> {
    let pool = PgPoolOptions::new().max_connections(CONNECTIONS_MAX).test_before_acquire(false);
    Ok(pool.connect_with(options).await?)
}

/// Measures both backends.
pub(crate) async fn run(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    Box::pin(on_postgres(context, report)).await?;
    on_sqlite(context, report).await
}

/// A comparison: the name in the keys, and the aims of the issue by number of writers.
struct Baseline {
    name: &'static str,
    what: &'static str,
    targets: &'static [(usize, f64)],
}

const PLAIN: Baseline =
    Baseline { name: "plain_insert", what: "one INSERT per transaction", targets: &[(1, 1.0), (64, 3.5)] };
const UNPOOLED: Baseline =
    Baseline { name: "unpooled_insert", what: "one INSERT per transaction, without a pool", targets: &[] };
const PERSIST: Baseline =
    Baseline { name: "esrs_persist", what: "esrs PgStore persist", targets: &[(64, 5.0), (256, 6.0)] };
const MESSAGE_DB: Baseline =
    Baseline { name: "message_db", what: "message-db write_message, one category", targets: &[(64, 10.0)] };
const MANAGER: Baseline =
    Baseline { name: "esrs_manager", what: "esrs AggregateManager: load, decide, append", targets: &[(64, 9.0)] };

/// Those beside which bytes are appended.
const APPENDS: [&Baseline; 4] = [&PERSIST, &PLAIN, &MESSAGE_DB, &UNPOOLED];

impl Baseline {
    /// A quick run measures what something was promised of, and nothing else. Each comparison is a part, called as its ratio.
    fn is_asked(&self, context: &Context, writers: usize) -> bool {
        (!context.quick || self.target(writers).is_some()) && is_asked_for(&self.ratio_key("pg", writers))
    }

    fn ratio_key(&self, backend: &str, writers: usize) -> String {
        format!("append_{backend}_{writers}_vs_{}", self.name)
    }

    fn target(&self, writers: usize) -> Option<f64> {
        self.targets.iter().find(|(n, _)| *n == writers).map(|(_, target)| *target)
    }
}

/// Everything on PostgreSQL, each with a database of its own.
struct Postgres {
    ours: ours::Ours,
    url: String,
    plain: plain::Plain,
    esrs: esrs_store::Esrs,
    message_db: message_db::MessageDb,
}

impl Postgres {
    async fn prepare(context: &Context) -> anyhow::Result<Self> {
        context.say("message-db: fetching and installing");
        let message_db = message_db::MessageDb::install(context.database().await?).await?;
        let url = context.database().await?;
        Ok(Self {
            ours: ours::Ours::open(&url).await?,
            url,
            plain: plain::Plain::create(context.database().await?).await?,
            esrs: esrs_store::Esrs::create(context.database().await?).await?,
            message_db,
        })
    }

    /// The writers of a baseline.
    async fn side(&self, baseline: &Baseline, writers: usize) -> anyhow::Result<Side> {
        match baseline.name {
            "plain_insert" => self.plain.pooled(writers).await,
            "unpooled_insert" => self.plain.unpooled(writers).await,
            "esrs_persist" => self.esrs.persisting(writers).await,
            "esrs_manager" => self.esrs.managing(writers).await,
            "message_db" => self.message_db.writers(writers).await,
            other => anyhow::bail!("no baseline is called {other}"),
        }
    }

    /// Windows of ours and of a baseline, which has not to sweep or write what the comparison before has left.
    async fn compare(
        &self,
        context: &Context,
        baseline: &Baseline,
        writers: usize,
        ours: &mut Side,
    ) -> anyhow::Result<(Vec<Window>, Vec<Window>)> {
        context.settle(&[&self.url, self.plain.url(), self.message_db.url(), self.esrs.url()]).await?;
        let mut theirs = self.side(baseline, writers).await?;
        let windows = compare(context, baseline, writers, ours, &mut theirs).await?;
        theirs.close().await;
        Ok(windows)
    }
}

async fn on_postgres(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    let postgres = Postgres::prepare(context).await?;
    for writers in context.size(vec![1, 64, 256], vec![1, 16, 64, 256]) {
        let mut appends = postgres.ours.appending(writers);
        let mut per_s = Series::default();
        for baseline in APPENDS {
            if baseline.is_asked(context, writers) {
                let windows = postgres.compare(context, baseline, writers, &mut appends).await?;
                per_s.0.extend(windows.0.iter().map(|window| window.per_s));
                add(report, "pg", baseline, writers, &windows);
            }
        }
        if !per_s.0.is_empty() {
            add_ours(report, "pg", "", writers, &per_s, "dualgrid on PostgreSQL");
        }
        if MANAGER.is_asked(context, writers) {
            let mut managed = postgres.ours.managing(writers);
            let windows = postgres.compare(context, &MANAGER, writers, &mut managed).await?;
            let per_s = Series(windows.0.iter().map(|window| window.per_s).collect());
            add(report, "pg", &MANAGER, writers, &windows);
            add_ours(report, "pg", "_decided", writers, &per_s, "dualgrid on PostgreSQL: load, decide, append");
        }
    }
    Ok(())
}

async fn on_sqlite(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    const BASELINE: Baseline = Baseline { name: "plain_insert", what: "one INSERT per transaction", targets: &[] };
    let counts = context.size(vec![64], vec![1, 16, 64, 256]);
    let counts: Vec<usize> =
        counts.into_iter().filter(|writers| is_asked_for(&BASELINE.ratio_key("sqlite", *writers))).collect();
    if counts.is_empty() {
        return Ok(());
    }
    let folder = Scratch::create("bench")?;
    let ours = ours::Ours::open(&format!("sqlite:{}", folder.path().join("log.db").display())).await?;
    let plain = plain_sqlite::Plain::create(&folder.path().join("plain.db")).await?;
    for writers in counts {
        let (mut appends, mut theirs) = (ours.appending(writers), plain.writers(writers));
        let windows = compare(context, &BASELINE, writers, &mut appends, &mut theirs).await?;
        add(report, "sqlite", &BASELINE, writers, &windows);
        let per_s = Series(windows.0.iter().map(|window| window.per_s).collect());
        add_ours(report, "sqlite", "", writers, &per_s, "dualgrid on SQLite");
    }
    Ok(())
}

/// Both sides once to warm up, then in turns.
async fn compare(
    context: &Context,
    baseline: &Baseline,
    writers: usize,
    ours: &mut Side,
    theirs: &mut Side,
) -> anyhow::Result<(Vec<Window>, Vec<Window>)> {
    let warm_up = Duration::from_millis(context.size(300, 1000));
    context.say(format!("{}: dualgrid and {}", writing(writers), baseline.what));
    ours.window(warm_up).await?;
    theirs.window(warm_up).await?;
    let length = context.window();
    in_turns(context.pairs(), async || ours.window(length).await, async || theirs.window(length).await).await
}

/// The ratio of the pairs, what the baseline did by itself, and the ratio of the slowest hundredth.
fn add(
    report: &mut Report,
    backend: &str,
    baseline: &Baseline,
    writers: usize,
    (ours, theirs): &(Vec<Window>, Vec<Window>),
) {
    let (name, what) = (baseline.name, baseline.what);
    let per_s = |windows: &[Window]| Series(windows.iter().map(|window| window.per_s).collect());
    let p99_ms =
        |windows: &[Window]| Series(windows.iter().map(|window| window.latencies.percentile_ms(0.99)).collect());
    let ratio = per_s(ours).over(&per_s(theirs)).figure(
        baseline.ratio_key(backend, writers),
        format!("{}: appends, dualgrid over {what}", writing(writers)),
        "×",
    );
    report.add(match baseline.target(writers) {
        Some(target) => ratio.at_least(target),
        None => ratio,
    });
    report.add(per_s(theirs).figure(
        format!("append_{backend}_{writers}_{name}_per_s"),
        format!("{}: {what}", writing(writers)),
        "/s",
    ));
    let slowest = p99_ms(ours).over(&p99_ms(theirs)).figure(
        format!("append_{backend}_{writers}_p99_vs_{name}"),
        format!("{}: p99, dualgrid over {what}", writing(writers)),
        "×",
    );
    if (name, writers) == (PERSIST.name, 64) {
        report.add(Figure { key: "append_pg_64_p99_vs_esrs".to_owned(), ..slowest }.at_most(0.25));
    } else {
        report.add(slowest);
    }
    report.add(p99_ms(ours).figure(
        format!("append_{backend}_{writers}_p99_ms_beside_{name}"),
        format!("{}: p99 of dualgrid, in turns with {what}", writing(writers)),
        "ms",
    ));
}

/// What dualgrid did by itself, over all its windows.
fn add_ours(report: &mut Report, backend: &str, suffix: &str, writers: usize, per_s: &Series, what: &str) {
    let key = format!("append_{backend}_{writers}{suffix}_per_s");
    report.add(per_s.figure(key, format!("{}: {what}", writing(writers)), "/s"));
}

/// How many of them, for people.
fn writing(writers: usize) -> String {
    if writers == 1 { "1 writer".to_owned() } else { format!("{writers} writers") }
}
