//! `dualgrid district follow`: open cases follow the grids that were closed, split, merged or moved, with a progress bar.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use app::following::Following;
use app::intake::Answer;
use app::{App, Error};
use indicatif::{ProgressBar, ProgressStyle};
use kernel::Position;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::config::Config;
use crate::output::say;
use crate::system::{self, Uses};

/// How often it is looked how far it has come.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long it may stand still before somebody has to look.
const STILL_MAX: Duration = Duration::from_mins(1);
/// The changes that open cases follow, by the end of their stored names.
const FOLLOWED: [&str; 2] = [".grid_closed.v1", ".grid_reparented.v1"];

/// Waits until every open case is where it belongs.
pub(crate) async fn follow(config: &Config) -> anyhow::Result<()> {
    let app = system::open(config, Uses::Log).await?;
    let head = app.ports().log.head().await?;
    until_followed(&app, head).await
}

/// The same after an import, where that closed or moved grids; or says how to do it later.
pub(crate) async fn after_import(app: &Arc<App>, answer: &Answer, waits: bool) -> anyhow::Result<()> {
    let Some(first) = answer.first else { return Ok(()) };
    let events = usize::try_from(answer.events)?;
    let recorded = app.ports().log.after(Position(first.0 - 1), events).await?;
    let changes = recorded.iter().filter(|event| FOLLOWED.iter().any(|end| event.kind.ends_with(end))).count();
    if changes == 0 {
        return Ok(());
    }
    say!(
        "{changes} of them close or move a grid. What takes effect later is followed when it does, by the role processor."
    );
    if !waits {
        say!("A running system lets open cases follow; `dualgrid district follow` waits for that and helps with it.");
        return Ok(());
    }
    until_followed(app, Position(first.0 - 1 + u64::from(answer.events))).await
}

/// Keeps the views and runs the processes here too, beside those of a running system: nothing is done twice.
async fn until_followed(app: &Arc<App>, since: Position) -> anyhow::Result<()> {
    let stop = watch::Sender::new(false);
    let mut roles = JoinSet::new();
    roles.spawn(Arc::clone(app).project(stop.subscribe()));
    roles.spawn(Arc::clone(app).process(stop.subscribe()));
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} cases, {per_sec}, {eta} left")?;
    let bar = ProgressBar::new(0).with_style(style).with_message("open cases follow their grids");
    let waited = wait(app, since, &bar).await;
    let Following { done, .. } = *app.following().borrow();
    bar.finish_and_clear();
    stop.send_replace(true);
    while roles.join_next().await.is_some() {}
    waited?;
    say!("Every open case is where it belongs; {done} were looked at here.");
    Ok(())
}

async fn wait(app: &App, since: Position, bar: &ProgressBar) -> anyhow::Result<()> {
    let following = app.following();
    let (mut last, mut moved_at) = (None, Instant::now());
    loop {
        let is_done = match app.grids_are_followed(since).await {
            Ok(is_done) => is_done,
            // A view is being built, or the database is away for a moment.
            Err(Error::Failure(failure)) if failure.passing => false,
            Err(error) => return Err(error.into()),
        };
        let now = *following.borrow();
        bar.set_length(now.all);
        bar.set_position(now.done);
        if is_done {
            return Ok(());
        }
        let reached = Some((now, *app.committed().borrow()));
        if last != reached {
            (last, moved_at) = (reached, Instant::now());
        } else if moved_at.elapsed() > STILL_MAX {
            bail!(
                "nothing has moved for {} s: `dualgrid doctor` and the log say why. What has followed stays; `dualgrid district follow` goes on",
                STILL_MAX.as_secs()
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
