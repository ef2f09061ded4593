//! From the configuration to the use cases.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use app::port::{Absent, EventLog, EvidenceStore, Scanner, Vault};
use app::{App, Ports, Settings};
use kernel::{Clock, Entropy, Position, SystemClock, SystemEntropy, envelope};
use log::Wrapping;

use crate::config::Config;
use crate::keys;

/// What is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Uses {
    /// The log and its views.
    Log,
    /// The vault and the store of evidence too: for whoever seals, opens, erases, or takes files.
    Stores,
}

/// Opens what is used and puts the use cases on top.
pub(crate) async fn open(config: &Config, uses: Uses) -> anyhow::Result<Arc<App>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let options = config.store.options();
    let opened = log::open(&config.store.url, &options).await.context("store.url")?;
    refuse_other_name(&*opened.log, &config.installation).await?;
    let vault: Arc<dyn Vault> = match uses {
        Uses::Log => Arc::new(Absent::of("vault.url")),
        Uses::Stores => {
            let wrapping = wrapping(config, Arc::clone(&entropy), Arc::clone(&clock))?;
            log::open_vault(config.vault.url()?, &config.vault.options(), wrapping).await.context("vault.url")?
        }
    };
    let evidence: Arc<dyn EvidenceStore> = match uses {
        Uses::Log => Arc::new(Absent::of("evidence.url")),
        Uses::Stores => log::open_evidence(config.evidence.url()?).context("evidence.url")?,
    };
    let scanner: Option<Arc<dyn Scanner>> = match &config.evidence.scanner {
        Some(url) => {
            let is_here = url.starts_with("unix:") || !app::peer::is_in_clear(url, "unix");
            ensure!(
                is_here,
                "evidence.scanner leads to another machine, and clamd speaks in clear: give a socket, or a place on this machine"
            );
            Some(Arc::new(log::Clamd::at(url).context("evidence.scanner")?))
        }
        None => None,
    };
    let (log, views, uploads) = (opened.log, opened.views, opened.uploads);
    let ports = Ports { log, views, vault, evidence, uploads, scanner, clock, entropy };
    let app = App::new(
        ports,
        Settings::new(&config.installation).paced(config.limits.rate()).keeping(config.evidence.keeping()?),
    );
    if uses == Uses::Stores {
        // A vault that comes back from a backup knows people who were erased since: nothing is served before they are erased again.
        app.carry_out_erasures().await.context("the erasures of the log could not be carried out on the vault")?;
        app.begin_generation().await.context("the generation of the vault could not be recorded")?;
    }
    Ok(app)
}

/// The wrapping keys: the current one, and those that are exchanged for it or by which it will be.
pub(crate) fn wrapping(config: &Config, entropy: Arc<dyn Entropy>, clock: Arc<dyn Clock>) -> anyhow::Result<Wrapping> {
    let key = keys::wrapping(config.vault.key_file()?).context("vault.key_file")?;
    let others = config.vault.other_key_files.iter().map(|file| keys::wrapping(file));
    let others = others.collect::<anyhow::Result<_>>().context("vault.other_key_files")?;
    Ok(Wrapping { key, others, entropy, clock })
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
