//! `dualgrid rebuild VIEW`, beside the running one, with a progress bar.

use anyhow::ensure;
use app::projector::Projector;
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
    for view in chosen {
        let name = view.spec().name;
        let projector = Projector::new(app.ports().log.clone(), app.ports().views.clone(), view);
        let bar = ProgressBar::new(0)
            .with_style(ProgressStyle::with_template("{msg:18} {wide_bar} {pos}/{len} events, {per_sec}, {eta} left")?);
        bar.set_message(name);
        let position = projector
            .rebuild(|done, all| {
                bar.set_length(all.0);
                bar.set_position(done.0);
            })
            .await?;
        bar.finish();
        println!("{name} was built anew up to position {position} and is in use.");
    }
    Ok(())
}
