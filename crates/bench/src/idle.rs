//! A process that has nothing to do, with all roles: how much of a core it takes, and how often it asks its database.
//!
//! Statements are counted in what the process itself says that it sends, on both databases. On PostgreSQL the transactions that
//! the server counts stand beside them: a statement of a process that has nothing to do is a transaction.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use testkit::system::{Store, System, SystemSetup};

use crate::context::Context;
use crate::parts::is_asked_for;
use crate::report::{Figure, Report};

/// How long it is looked at.
const WINDOW: Duration = Duration::from_secs(20);
/// How long it is left alone before that.
const SETTLING: Duration = Duration::from_secs(5);
/// Linux counts the time of a process in hundredths of a second.
const TICKS_PER_S: f64 = 100.0;
/// Whatever is sent to a database is told.
const TALKATIVE: [(&str, &str); 2] = [("RUST_LOG", "warn,sqlx::query=debug"), ("DUALGRID__LOG__FORMAT", "json")];

/// Measures.
pub(crate) async fn run(context: &Context, report: &mut Report) -> anyhow::Result<()> {
    for (store, name) in [(Store::Postgres, "pg"), (Store::Sqlite, "sqlite")] {
        if !is_asked_for(&format!("idle-{name}")) {
            continue;
        }
        context.say(format!("a process with nothing to do, {name}"));
        let mut system = System::start(SystemSetup::sample(store)?).await?;
        tokio::time::sleep(SETTLING).await;
        let share = processor_share(system.pid().context("dualgrid does not run")?).await?;
        let what = format!("share of a core of a process with nothing to do, all roles, {name}");
        report.add(Figure::new(format!("idle_cpu_percent_{name}"), what, share * 100.0, "%").at_most(0.5));
        system.set_environment(TALKATIVE.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        system.restart().await?;
        tokio::time::sleep(SETTLING).await;
        let (statements, transactions) = asked(context, &system, store).await?;
        let what = format!("statements of a process with nothing to do, all roles, {name}");
        report.add(Figure::new(format!("idle_statements_per_s_{name}"), what, statements, "/s").at_most(10.0));
        if let Some(transactions) = transactions {
            let what = "the same: transactions that the server counts";
            report.add(Figure::new("idle_transactions_per_s_pg", what, transactions, "/s"));
        }
        system.stop().await?;
    }
    Ok(())
}

/// The share of a core that a process takes.
async fn processor_share(pid: u32) -> anyhow::Result<f64> {
    let before = processor_time(pid)?;
    tokio::time::sleep(WINDOW).await;
    Ok((processor_time(pid)? - before) / WINDOW.as_secs_f64())
}

/// The processor time of a process so far, in seconds.
fn processor_time(pid: u32) -> anyhow::Result<f64> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("could not read {path}"))?;
    ticks(&text).map(|ticks| ticks / TICKS_PER_S).with_context(|| format!("{path} has another form"))
}

/// User and system time: the 14th and the 15th field. The second one, the name in parentheses, may hold spaces.
fn ticks(stat: &str) -> Option<f64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(user + system)
}

/// Statements and, on PostgreSQL, transactions a second.
async fn asked(context: &Context, system: &System, store: Store) -> anyhow::Result<(f64, Option<f64>)> {
    let transactions = async || match store {
        Store::Postgres => transactions(context, system).await.map(Some),
        Store::Sqlite => Ok(None),
    };
    let before = (statements(&system.log_path())?, transactions().await?);
    tokio::time::sleep(WINDOW).await;
    let after = (statements(&system.log_path())?, transactions().await?);
    let per_s = |before: u32, after: u32| f64::from(after.saturating_sub(before)) / WINDOW.as_secs_f64();
    let counted = before.1.zip(after.1).map(|(before, after)| per_s(before, after));
    Ok((per_s(before.0, after.0), counted))
}

/// How many statements a process has told of.
fn statements(printed: &Path) -> anyhow::Result<u32> {
    let text = std::fs::read_to_string(printed).with_context(|| format!("could not read {}", printed.display()))?;
    Ok(u32::try_from(text.lines().filter(|line| is_statement(line)).count())?)
}

fn is_statement(line: &str) -> bool {
    serde_json::from_str::<Value>(line).is_ok_and(|line| line["target"] == "sqlx::query")
}

/// How many transactions the server has counted in the databases of a system.
async fn transactions(context: &Context, system: &System) -> anyhow::Result<u32> {
    let name = |url: &str| url.rsplit('/').next().unwrap_or_default().to_owned();
    let (log, vault) = (name(system.store_url()), name(system.vault_url()));
    let sql =
        format!("select sum(xact_commit + xact_rollback) from pg_stat_database where datname in ('{log}', '{vault}')");
    // Asked in a database that is not counted.
    let counted = context.postgres().await?.query("postgres", &sql).await?;
    counted.trim().parse().with_context(|| format!("the server counts `{}` transactions", counted.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_process_is_found_behind_its_name() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194304 900 0 1 0 150 50 0 0 20 0 9 0 1000 0 0";
        assert_eq!(ticks(stat), Some(200.0));
        assert_eq!(ticks("7 (a) S 1"), None);
    }

    #[test]
    fn a_statement_is_a_line_of_its_own() {
        assert!(is_statement(r#"{"level":"DEBUG","target":"sqlx::query","fields":{"summary":"select 1"}}"#));
        assert!(!is_statement(r#"{"level":"WARN","target":"bus","fields":{"message":"sqlx::query"}}"#));
        assert!(!is_statement("not JSON"));
    }
}
