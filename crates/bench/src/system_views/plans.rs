//! How the databases find what the queries ask for: the plans of the very statements that the program sends, read from
//! what it says it sends. A plan that reads a whole table fails the run.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _};
use testkit::system::System;

use super::queries;
use crate::generate::Filled;
use crate::system_http::Wire;

/// A statement and how it is carried out.
pub(super) struct Plan {
    sql: String,
    steps: Vec<String>,
}

/// The plans of everything that the pages need. An error where one of them reads a whole table.
pub(super) async fn run(system: &System, filled: &Filled, name: &str) -> anyhow::Result<Vec<Plan>> {
    let statements = statements(system, filled).await?;
    // A page of each of three views, and a history.
    ensure!(statements.len() >= 4, "only {} statements were seen", statements.len());
    let mut plans = Vec::with_capacity(statements.len());
    for sql in statements {
        let steps = match name {
            "pg" => on_postgres(system.store_url(), &sql).await,
            _ => on_sqlite(system.store_url(), &sql).await,
        };
        let steps = steps.with_context(|| format!("could not explain `{sql}`"))?;
        if let Some(step) = steps.iter().find(|step| reads_everything(step)) {
            bail!("`{sql}` reads a whole table: {step}");
        }
        plans.push(Plan { sql, steps });
    }
    Ok(plans)
}

/// Whether a step goes through a table without an index.
fn reads_everything(step: &str) -> bool {
    let read = step.split_once("Seq Scan on ").map(|(_, name)| name);
    let read = read.or_else(|| step.trim_start().strip_prefix("SCAN ").filter(|name| !name.contains(" USING ")));
    // The register has one row for each view, and the part of a page that was read has as many as the page.
    read.is_some_and(|rest| !matches!(rest.split(' ').next(), Some("views" | "entry")))
}

/// Every statement that reads events or views while pages of every kind are asked for.
async fn statements(system: &System, filled: &Filled) -> anyhow::Result<BTreeSet<String>> {
    let variables = [("RUST_LOG", "warn,sqlx::query=debug"), ("DUALGRID__LOG__FORMAT", "json")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut talkative = system.peer(&["api"], variables.into()).await?;
    let token = system.token("auditor-1", "auditor", &[]).await?;
    let mut wire = Wire::connect(&talkative.http().address()).await?;
    let mut paths = queries::boards(filled);
    paths.extend(queries::inboxes(filled));
    paths.extend(queries::obligations(filled));
    paths.extend(queries::histories(filled).into_iter().take(3));
    for path in paths {
        wire.get(&path, &token).await?.check(&path)?;
    }
    drop(wire);
    let printed = talkative.log_path();
    talkative.stop().await?;
    let text = std::fs::read_to_string(&printed).with_context(|| format!("could not read {}", printed.display()))?;
    // What is asked at the start, of the head and of the last event, is no part of a page.
    let of_interest = |sql: &String| sql.contains(" from view_") || sql.contains(" from events where");
    Ok(text.lines().filter_map(statement).filter(of_interest).collect())
}

/// The statement that a line tells of, in one line.
fn statement(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = &line["fields"];
    // A short statement is its own summary.
    let whole = fields["db.statement"].as_str().filter(|text| !text.trim().is_empty());
    let text = whole.or_else(|| fields["summary"].as_str())?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The plan that PostgreSQL makes for any values.
async fn on_postgres(url: &str, sql: &str) -> anyhow::Result<Vec<String>> {
    let mut connection = PgConnection::connect(url).await?;
    let values = vec!["null"; places(sql)].join(", ");
    let values = if values.is_empty() { values } else { format!("({values})") };
    for statement in ["set plan_cache_mode = force_generic_plan".to_owned(), format!("prepare asked as {sql}")] {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await?;
    }
    let explain = AssertSqlSafe(format!("explain (costs off) execute asked{values}"));
    let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// The plan that SQLite makes.
async fn on_sqlite(url: &str, sql: &str) -> anyhow::Result<Vec<String>> {
    let url = if sql.contains("from view_") { url.replace(".db", ".views.db") } else { url.to_owned() };
    let mut connection = url.parse::<SqliteConnectOptions>()?.read_only(true).connect().await?;
    let explain = AssertSqlSafe(format!("explain query plan {sql}"));
    let rows = sqlx::raw_sql(explain).fetch_all(&mut connection).await?;
    rows.iter().map(|row| Ok(row.try_get("detail")?)).collect()
}

/// How many values a statement takes.
fn places(sql: &str) -> usize {
    (1..=9).take_while(|place| sql.contains(&format!("${place}"))).count()
}

/// Writes them down.
pub(super) fn write(plans: &[(&str, u64, Vec<Plan>)]) -> anyhow::Result<()> {
    let mut text = "# How queries find their rows\n\nWritten by `cargo xtask bench --docs`: every statement that the program \
                    sent while pages of boards, inboxes,\nobligations and histories were asked for, and its plan. A plan \
                    that reads a whole table fails the run.\n"
        .to_owned();
    for (name, cases, plans) in plans {
        let database = if *name == "pg" { "PostgreSQL" } else { "SQLite" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "\n## {database}, {cases} cases");
        for plan in plans {
            let _ = writeln!(text, "\n```sql\n{}\n```\n\n```text\n{}\n```", plan.sql, plan.steps.join("\n"));
        }
    }
    let file = testkit::sample::workspace_dir().join("docs/performance/plans.md");
    let folder = file.parent().context("a file without a folder")?;
    std::fs::create_dir_all(folder).with_context(|| format!("could not create {}", folder.display()))?;
    std::fs::write(&file, text).with_context(|| format!("could not write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_without_an_index_is_noticed() {
        for bad in ["  ->  Seq Scan on view_case_summary_1_by", "Parallel Seq Scan on events", "SCAN found"] {
            assert!(reads_everything(bad), "{bad}");
        }
        for good in [
            "  ->  Index Scan using a on b",
            "  ->  Seq Scan on views",
            "SEARCH b USING INDEX a (c=?)",
            "SCAN b USING COVERING INDEX a",
            "SCAN entry LEFT-JOIN",
        ] {
            assert!(!reads_everything(good), "{good}");
        }
    }

    #[test]
    fn a_statement_is_read_from_what_the_program_prints() {
        let long = r#"{"fields":{"summary":"select key, sort, …","db.statement":"\n\nselect key,\n  sort\n"}}"#;
        assert_eq!(statement(long).as_deref(), Some("select key, sort"));
        let short = r#"{"fields":{"summary":"select 1","db.statement":""}}"#;
        assert_eq!(statement(short).as_deref(), Some("select 1"));
        assert_eq!(statement("not JSON"), None);
        assert_eq!((places("a = $1 and b = $2"), places("select 1")), (2, 0));
    }
}
