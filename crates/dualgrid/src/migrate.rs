//! `dualgrid migrate`: makes the tables on PostgreSQL as their owner, and gives the users of running processes what they need.

use anyhow::Context as _;

use crate::config::Config;
use crate::output::say;

/// Brings log, views and vault up to date, and prints what was done. It may be repeated at any time.
pub(crate) async fn migrate(config: &Config) -> anyhow::Result<()> {
    let options = config.store.options();
    if log::has_owner(&config.store.url) {
        let owner = config.store.owner_url.as_deref().unwrap_or(&config.store.url);
        log::migrate_log(owner, &config.store.url, &options).await.context("store.owner_url")?;
        say!("The log and its views are as this dualgrid needs them.");
    } else {
        say!("The log is a file of SQLite: it is made at the first start.");
    }
    // A machine without the vault has no business with its owner.
    let Ok(url) = config.vault.url() else { return Ok(()) };
    if log::has_owner(url) {
        let owner = config.vault.owner_url.as_deref().unwrap_or(url);
        log::migrate_vault(owner, url, &config.vault.options()).await.context("vault.owner_url")?;
        say!("The vault is as this dualgrid needs it.");
    } else {
        say!("The vault is a file of SQLite: it is made at the first start.");
    }
    Ok(())
}
