//! `cargo xtask up`: a whole system that has just played the stories.

use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use comfy_table::{Table, presets};
use testkit::stories::{self, Timeline};
use testkit::system::{Store, System, SystemSetup};

use crate::cargo::{cargo, run as run_command};

/// What can be said.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Stop when the stories are over; succeed only if every one ended as it should
    #[arg(long)]
    once: bool,
    /// Where the log is kept
    #[arg(long, value_enum, default_value_t)]
    store: StoreOption,
    /// An empty or new folder that stays; without it, one that is removed at the end
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum StoreOption {
    #[default]
    Sqlite,
    Postgres,
}

/// Starts it, plays, and waits for Ctrl-C.
pub(crate) async fn run(options: Options) -> anyhow::Result<()> {
    if let Some(dir) = &options.dir {
        let used = std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
        ensure!(!used, "{} is not empty: name a new folder", dir.display());
    }
    run_command(cargo(["build", "--locked", "--bin", "dualgrid"])).await?;
    let store = match options.store {
        StoreOption::Sqlite => Store::Sqlite,
        StoreOption::Postgres => Store::Postgres,
    };
    let setup = SystemSetup { dir: options.dir, ..SystemSetup::sample(store)? };
    let mut system = tokio::select! {
        system = start_and_play(setup) => system?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("cannot wait for Ctrl-C")?;
            bail!("interrupted");
        }
    };
    println!("\nEvery story ended as it should.");
    if !options.once {
        println!("{}", whereabouts(&system).await?);
        tokio::signal::ctrl_c().await.context("cannot wait for Ctrl-C")?;
        eprintln!("\nstopping …");
    }
    system.stop().await
}

async fn start_and_play(setup: SystemSetup) -> anyhow::Result<System> {
    let system = System::start(setup).await?;
    stories::play_all(&system, &Timeline::start()).await.context("a story did not end as it should")?;
    Ok(system)
}

/// Where it listens, and what to try next.
async fn whereabouts(system: &System) -> anyhow::Result<String> {
    let http = system.http();
    let token = system.token("you", "auditor", &[]).await?;
    let config = system.config_path().display().to_string();
    let rows = [
        ("API", http.public_url("")),
        ("a page to read and to try it", http.url("/docs")),
        ("OpenAPI", http.public_url("/openapi.json")),
        ("metrics", http.url("/metrics")),
        ("NATS", format!("{} (keys: {}/*.nk)", system.nats().url(), system.nats().dir().display())),
        ("log", system.store_url().to_owned()),
        ("output of the process", system.log_path().display().to_string()),
        ("a token, as auditor", format!("export TOKEN={}", testkit::client::token_of(&token))),
        (
            "all events, as they come",
            format!("curl -NH \"Authorization: Bearer $TOKEN\" {}", http.public_url("/events")),
        ),
        ("is all well?", format!("target/debug/dualgrid doctor --config {config}")),
        ("a token for another role", format!("target/debug/dualgrid token issue --help  # with --config {config}")),
    ];
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["what", "where"]);
    for (what, place) in rows {
        table.add_row([what.to_owned(), place]);
    }
    Ok(format!("\n{table}\n\nCtrl-C ends it."))
}
