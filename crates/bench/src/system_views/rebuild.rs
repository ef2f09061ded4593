//! `dualgrid rebuild all`, as an operator runs it.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use testkit::system::{System, dualgrid_binary};
use tokio::process::Command;
use tokio::time::Instant;

use crate::measure::Series;

/// How often its memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What came out.
pub(super) struct Rebuilt {
    /// Events by the second, of which each is folded into every view.
    pub(super) per_s: Series,
    /// The most memory it ever had.
    pub(super) memory_mib: f64,
}

/// Builds all views twice: the second time they stand beside those of the first.
pub(super) async fn run(system: &System, events: u64) -> anyhow::Result<Rebuilt> {
    let (mut rebuilt, again) = (once(system, events).await?, once(system, events).await?);
    rebuilt.per_s.0.extend(again.per_s.0);
    rebuilt.memory_mib = rebuilt.memory_mib.max(again.memory_mib);
    Ok(rebuilt)
}

/// Builds all views.
pub(super) async fn once(system: &System, events: u64) -> anyhow::Result<Rebuilt> {
    let mut command = Command::new(dualgrid_binary().await?);
    command.args(["rebuild", "all", "--config"]).arg(system.config_path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    watched(command, events).await
}

/// Runs a command that builds views from so many events.
#[expect(clippy::cast_precision_loss, reason = "a count of events, and of bytes")]
pub(super) async fn watched(mut command: Command, events: u64) -> anyhow::Result<Rebuilt> {
    let begin = Instant::now();
    let mut child = command.spawn().context("could not start the rebuild")?;
    let status = format!("/proc/{}/status", child.id().context("the rebuild has ended at once")?);
    let mut most = 0;
    let ended = loop {
        tokio::select! {
            ended = child.wait() => break ended.context("could not wait for the rebuild")?,
            () = tokio::time::sleep(LOOK_EVERY) => most = most.max(peak_kib(&status).unwrap_or(0)),
        }
    };
    ensure!(ended.success(), "the rebuild ended with {ended}");
    ensure!(most > 0, "the memory of the process could not be read");
    let per_s = Series(vec![events as f64 / begin.elapsed().as_secs_f64()]);
    Ok(Rebuilt { per_s, memory_mib: most as f64 / 1024.0 })
}

/// The most memory the process ever had in use, as the kernel counts it.
fn peak_kib(status: &str) -> Option<u64> {
    let text = std::fs::read_to_string(status).ok()?;
    text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix("kB")?.trim().parse().ok()
}
