//! `store.require_standby`: nothing is called recorded that stands on one machine only.

use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use app::App;
use app::port::EventLog;

use crate::config::Config;

/// How often it is asked whether a standby follows.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The check of `/readyz`.
const CHECK: &str = "standby";
/// What to do where none follows.
const ADVICE: &str = "set synchronous_standby_names on the primary, see that the standby streams, and grant pg_read_all_stats to the user of store.url, \
     which sees no standby without it";

/// Refuses to start where a standby is required and a commit waits for none.
pub(crate) async fn check(config: &Config, log: &dyn EventLog) -> anyhow::Result<()> {
    if !config.store.require_standby {
        return Ok(());
    }
    ensure!(
        log::has_owner(&config.store.url),
        "store.require_standby is set, and SQLite has no standby: leave it out, or keep the log on PostgreSQL"
    );
    refuse_alone(log.standbys().await?)
}

fn refuse_alone(standbys: usize) -> anyhow::Result<()> {
    ensure!(standbys > 0, "store.require_standby is set, and no commit waits for a standby: {ADVICE}");
    Ok(())
}

/// Tells readiness whether a commit waits for a standby, without end.
pub(crate) async fn watch(app: Arc<App>) {
    loop {
        let (is_ok, detail) = match app.ports().log.standbys().await {
            Ok(0) => (false, format!("no commit waits for a standby: {ADVICE}")),
            Ok(standbys) => (true, format!("commits wait for {standbys}")),
            Err(failure) => (false, failure.to_string()),
        };
        app.health().report(CHECK, is_ok, detail);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_without_a_standby_is_refused_with_what_to_do() {
        let refused = refuse_alone(0).map_err(|refused| refused.to_string());
        assert_eq!(refused, Err(format!("store.require_standby is set, and no commit waits for a standby: {ADVICE}")));
        for standbys in [1, 2] {
            assert!(refuse_alone(standbys).is_ok(), "{standbys}");
        }
    }

    #[tokio::test]
    async fn a_file_of_sqlite_has_no_standby_to_require() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("log.db").display());
        let opened = log::open(&url, &log::Options::default()).await.unwrap();
        let with =
            |keys: &str| Config::of_text(&format!("installation = \"a\"\nstore.url = \"{url}\"\n{keys}")).unwrap();
        check(&with(""), &*opened.log).await.unwrap();
        let refused = check(&with("store.require_standby = true"), &*opened.log).await.unwrap_err().to_string();
        assert!(refused.starts_with("store.require_standby is set, and SQLite has no standby"), "{refused}");
    }
}
