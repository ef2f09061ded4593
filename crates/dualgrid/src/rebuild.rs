//! `dualgrid rebuild VIEW`, beside the running one, with a progress bar.

use anyhow::ensure;
use app::rebuild::{ROWS_HELD_MAX, rebuild as rebuild_views};
use app::view;
use indicatif::{ProgressBar, ProgressStyle};

use crate::config::Config;
use crate::system;

/// Builds one view, or all.
pub(crate) async fn rebuild(config: &Config, name: &str) -> anyhow::Result<()> {
    let known: Vec<_> = view::all().iter().map(|view| view.spec().name).collect();
    let chosen: Vec<_> = view::all().into_iter().filter(|view| name == "all" || view.spec().name == name).collect();
    ensure!(!chosen.is_empty(), "there is no view {name:?}; there are {} and all", known.join(", "));
    let app = system::open(config).await?;
    let names: Vec<_> = chosen.iter().map(|view| view.spec().name).collect();
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} events, {per_sec}, {eta} left")?);
    bar.set_message(names.join(" + "));
    let position = rebuild_views(&app.ports().log, &app.ports().views, chosen, ROWS_HELD_MAX, |done, all| {
        bar.set_length(all.0);
        bar.set_position(done.0);
    })
    .await?;
    bar.finish();
    for name in names {
        println!("{name} was built anew up to position {position} and is in use.");
    }
    Ok(())
}
