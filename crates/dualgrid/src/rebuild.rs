//! `dualgrid rebuild VIEW`, beside the running one, with a progress bar.

use anyhow::ensure;
use app::registry;
use indicatif::{ProgressBar, ProgressStyle};

use crate::config::Config;
use crate::output::say;
use crate::system::{self, Uses};

/// Builds one view, or all.
pub(crate) async fn rebuild(config: &Config, name: &str) -> anyhow::Result<()> {
    let chosen: Vec<_> = registry::views().iter().filter(|view| name == "all" || view.name() == name).collect();
    let known: Vec<_> = registry::views().iter().map(|view| view.name()).collect();
    ensure!(!chosen.is_empty(), "there is no view `{name}`; there are {} and all", known.join(", "));
    let app = system::open(config, Uses::Log).await?;
    let bar = ProgressBar::new(0)
        .with_style(ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} events, {per_sec}, {eta} left")?);
    bar.set_message(if chosen.len() == 1 { name.to_owned() } else { format!("{} views", chosen.len()) });
    let names: Vec<String> = chosen.iter().map(|view| view.name().to_owned()).collect();
    let position = app
        .rebuild(&names, |done, all| {
            bar.set_length(all.0);
            bar.set_position(done.0);
        })
        .await?;
    bar.finish();
    for name in names {
        say!("{name} was rebuilt up to position {position} and is in use.");
    }
    Ok(())
}
