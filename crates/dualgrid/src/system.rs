//! From the configuration to the use cases.

use std::sync::Arc;

use anyhow::Context as _;
use app::{App, Ports, Settings};
use kernel::{Clock, Entropy, SystemClock, SystemEntropy};
use log::{Options, Wrapping};

use crate::config::Config;
use crate::keys;

/// Opens every store and puts the use cases on top.
pub(crate) async fn open(config: &Config) -> anyhow::Result<Arc<App>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let key = keys::wrapping(&config.vault.key_file)?;
    let options = Options::default();
    let opened = log::open(&config.store.url, &options).await.context("store.url")?;
    let wrapping = Wrapping { key: key.clone(), entropy: Arc::clone(&entropy), clock: Arc::clone(&clock) };
    let vault = log::open_vault(&config.vault.url, &options, wrapping).await.context("vault.url")?;
    let evidence = log::open_evidence(&config.evidence.url).context("evidence.url")?;
    let ports = Ports { log: opened.log, views: opened.views, vault, evidence, clock, entropy };
    Ok(App::new(ports, Settings::new(&config.installation, &key)))
}
