//! `dualgrid keys rewrap`: the end of an exchange of the wrapping key, with a progress bar.

use std::sync::Arc;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use kernel::{SystemClock, SystemEntropy};

use crate::config::Config;
use crate::output::say;
use crate::system;

/// Wraps every key of persons under the current wrapping key, with a progress bar, and retires the others.
pub(crate) async fn rewrap(config: &Config) -> anyhow::Result<()> {
    let wrapping = system::wrapping(config, Arc::new(SystemEntropy), Arc::new(SystemClock))?;
    let id = wrapping.key.id();
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} keys, {per_sec}, {eta} left")?;
    let bar = ProgressBar::new(0).with_style(style).with_message("under the new wrapping key");
    let (url, options) = (config.vault.url()?, config.vault.options());
    let rewrapped = log::rewrap(url, &options, wrapping, |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    });
    let is_clean = rewrapped.await.context("vault.url")?;
    bar.finish_and_clear();
    say!(
        "Every key of a person is under the wrapping key {id}. Any other is refused from now on: take it out of vault.other_key_files."
    );
    if !is_clean {
        say!(
            "Another process was reading the vault: its write-ahead log may still hold keys under the former one. Run this again."
        );
    }
    Ok(())
}
