//! `cargo xtask contract`: thousands of requests made from the OpenAPI document, and every answer held against it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, ensure};
use comfy_table::{Table, presets};
use futures::future::try_join_all;
use testkit::client::token_of;
use testkit::stories::{self, Timeline};
use testkit::system::{Store, System, SystemSetup};
use testkit::tools;
use tokio::process::Command;
use tokio::time::Instant;

use crate::cargo::{cargo, run as run_command};

/// What schemathesis cannot know from the document.
const HOOKS: &str = include_str!("contract/hooks.py");
/// What every answer is checked for.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// The variable that names another program to ask, such as an older version.
const BINARY_VARIABLE: &str = "DUALGRID_BIN";
/// Fewest requests of a whole run on both stores.
const REQUESTS_MIN: u64 = 20_000;

/// Who asks: a name, a role, and a scope. Together they may do almost everything.
const ROLES: [(&str, &str, &[&str]); 4] = [
    ("contract-leader", "grid_leader", &["--grid", "JAS"]),
    ("jas-duty", "duty_officer", &["--grid", "JAS"]),
    ("contract-clerk", "department_clerk", &["--department", "CGZF"]),
    ("contract-auditor", "auditor", &[]),
];

/// What can be said.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// The small form that CI runs
    #[arg(long)]
    short: bool,
    /// The seed of an earlier run; a new one otherwise
    #[arg(long)]
    seed: Option<u32>,
}

impl Options {
    /// The small form.
    pub(crate) const fn for_ci() -> Self {
        Self { short: true, seed: None }
    }

    /// How many requests schemathesis makes up for each operation and role, and in which ways.
    const fn amount(&self) -> (&'static str, &'static str) {
        if self.short { ("4", "examples,fuzzing,stateful") } else { ("40", "examples,coverage,fuzzing,stateful") }
    }
}

/// The answers of one run, by status.
type Statuses = BTreeMap<String, u64>;

/// Builds, starts a system on each store, and lets every role ask; ends with a table.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    tools::nats_server().await?;
    tools::postgresql_bin().await?;
    let program = tools::schemathesis().await?;
    if std::env::var_os(BINARY_VARIABLE).is_none() {
        run_command(cargo(["build", "--locked", "--bin", "dualgrid"])).await?;
    }
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_FULL_CONDENSED)
        .set_header(["store", "role", "requests", "2xx", "4xx", "5xx", "seconds"]);
    let mut requests = 0;
    for (name, store) in [("SQLite", Store::Sqlite), ("PostgreSQL", Store::Postgres)] {
        let mut system = System::start(SystemSetup::sample(store)?).await?;
        stories::play_all(&system, &Timeline::start()).await.context("a story did not end as it should")?;
        let started = Instant::now();
        // All at once: each has a process of its own, and they are in each other's way as people are.
        let asked = ROLES.map(|role| ask(&program, &system, role, &options));
        for (role, statuses) in ROLES.iter().zip(try_join_all(asked).await?) {
            let family = |first: char| -> u64 {
                statuses.iter().filter(|(status, _)| status.starts_with(first)).map(|(_, count)| count).sum()
            };
            let all: u64 = statuses.values().sum();
            requests += all;
            let counts = [all, family('2'), family('4'), family('5')].map(|count| count.to_string());
            let seconds = format!("{:.1}", started.elapsed().as_secs_f64());
            table.add_row([&[name.to_owned(), role.1.to_owned()], counts.as_slice(), &[seconds]].concat());
        }
        system.stop().await?;
    }
    println!("{table}\n{requests} requests");
    ensure!(options.short || requests >= REQUESTS_MIN, "{requests} requests are fewer than {REQUESTS_MIN}");
    Ok(())
}

/// Lets one role ask everything.
async fn ask(
    program: &Path,
    system: &System,
    (subject, role, scope): (&str, &str, &[&str]),
    options: &Options,
) -> anyhow::Result<Statuses> {
    let folder = system.dir().join(role);
    std::fs::create_dir_all(&folder).context("no folder for the hooks")?;
    let (hooks, report) = (folder.join("dualgrid_hooks.py"), folder.join("statuses.json"));
    std::fs::write(&hooks, HOOKS).context("could not write the hooks")?;
    let (examples, phases) = options.amount();
    let (token, auditor) = (system.token(subject, role, scope).await?, system.token("contract", "auditor", &[]).await?);
    let mut command = Command::new(program);
    command
        .args(["run", &system.http().url("/openapi.json"), "--checks", CHECKS, "--phases", phases])
        .args(["--max-examples", examples, "--workers", "1", "--request-timeout", "30"])
        .args([
            "--continue-on-failure",
            "--no-shrink",
            "--suppress-health-check",
            "all",
            "--warnings",
            "off",
            "--no-color",
        ])
        .args(["--header", &format!("Authorization: Bearer {}", token_of(&token))]);
    if let Some(seed) = options.seed {
        command.args(["--seed", &seed.to_string()]);
    }
    command
        .current_dir(&folder)
        .env("SCHEMATHESIS_HOOKS", "dualgrid_hooks")
        .env("PYTHONPATH", &folder)
        .env("DUALGRID_URL", system.http().url(""))
        .env("DUALGRID_AUDITOR", token_of(&auditor))
        .env("DUALGRID_REPORT", &report);
    let output = command.kill_on_drop(true).output().await.context("could not run schemathesis")?;
    let said = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "role {role} was answered against the document; schemathesis says how to ask again:\n{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let counted = std::fs::read(&report).with_context(|| format!("no request was counted:\n{said}"))?;
    serde_json::from_slice(&counted).context("the counts are no JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_form_asks_less() {
        let (short, whole) = (Options::for_ci(), Options::default());
        let examples = |options: &Options| options.amount().0.parse::<u32>().unwrap();
        assert!(examples(&short) < examples(&whole));
        assert!(!short.amount().1.contains("coverage") && whole.amount().1.contains("coverage"));
    }
}
