//! From the configuration to the use cases.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use app::port::EventLog;
use app::{App, Ports, Settings};
use kernel::{Clock, Entropy, Position, SystemClock, SystemEntropy, envelope};
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
    refuse_other_name(&*opened.log, &config.installation).await?;
    let wrapping = Wrapping { key: key.clone(), entropy: Arc::clone(&entropy), clock: Arc::clone(&clock) };
    let vault = log::open_vault(&config.vault.url, &options, wrapping).await.context("vault.url")?;
    let evidence = log::open_evidence(&config.evidence.url).context("evidence.url")?;
    let ports = Ports { log: opened.log, views: opened.views, vault, evidence, clock, entropy };
    Ok(App::new(ports, Settings::new(&config.installation, &key).paced(config.limits.rate())))
}

/// Refuses a log that was begun under another name: the name stands in the source of every event.
async fn refuse_other_name(log: &dyn EventLog, installation: &str) -> anyhow::Result<()> {
    let Some(first) = log.after(Position::START, 1).await?.pop() else { return Ok(()) };
    let first = envelope::decode(&first.bytes).context("event 1 of the log cannot be read")?;
    check_source(&first.source, installation)
}

fn check_source(first: &str, installation: &str) -> anyhow::Result<()> {
    let own = envelope::source_of(installation);
    ensure!(
        first == own,
        "this log was begun with the source {first}, and `installation` of the configuration makes it {own}: the name can never be \
         changed. Set the name with which the log was begun, or connect the log of this installation"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_opened_only_under_the_name_with_which_it_was_begun() {
        let checked =
            |installation| check_source("/dualgrid/atta", installation).map_err(|refused| refused.to_string());
        assert_eq!(checked("atta"), Ok(()));
        for other in ["other", "Atta", "att", "atta2"] {
            let refused = checked(other).unwrap_err();
            assert!(refused.contains("begun with the source /dualgrid/atta,"), "{refused}");
            assert!(refused.contains(&format!("makes it /dualgrid/{other}:")), "{refused}");
        }
    }
}
