//! Programs of others that the tests need: found, or installed with progress on standard error.
//!
//! Two processes may install at once: the second waits for the first one's lock and finds the work done.

mod apt;
mod benchmarks;
mod cargo_deny;
mod nats_server;
mod postgresql;
mod progress;
mod python;
mod schemathesis;
mod sqlite;
mod xfs_io;

pub use benchmarks::{npm, openssl_headers};
pub use cargo_deny::cargo_deny;
pub use nats_server::{VARIABLE as NATS_SERVER_VARIABLE, nats_server, nats_server_too_old};
pub use postgresql::postgresql_bin;
pub use schemathesis::schemathesis;
pub use sqlite::sqlite_shell;
pub use xfs_io::xfs_io;

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The variable that names another cache folder.
const CACHE_VARIABLE: &str = "DUALGRID_CACHE";

/// Where installed programs are kept: `$DUALGRID_CACHE`, `$XDG_CACHE_HOME/dualgrid` or `~/.cache/dualgrid`.
pub fn cache_dir() -> anyhow::Result<PathBuf> {
    let dir = cache_dir_from(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
        .with_context(|| format!("no home folder for the cache: set {CACHE_VARIABLE}"))?;
    std::fs::create_dir_all(&dir).with_context(|| format!("could not create the cache {}", dir.display()))?;
    Ok(dir)
}

fn cache_dir_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    variable(CACHE_VARIABLE)
        .or_else(|| Some(variable("XDG_CACHE_HOME")?.join("dualgrid")))
        .or_else(|| Some(variable("HOME")?.join(".cache/dualgrid")))
}

/// A lock held while one process installs; let go when dropped, also by a process that dies.
struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the lock of that name, on a thread that may block.
    async fn acquire(cache: &Path, name: &str) -> anyhow::Result<Self> {
        let path = cache.join(format!("{name}.lock"));
        let file = tokio::task::spawn_blocking(move || -> anyhow::Result<File> {
            let file = OpenOptions::new()
                .create(true)
                .truncate(false)
                .write(true)
                .open(&path)
                .with_context(|| format!("could not open the lock {}", path.display()))?;
            file.lock().with_context(|| format!("could not lock {}", path.display()))?;
            Ok(file)
        })
        .await
        .context("the thread that waited for a lock is gone")??;
        Ok(Self { _file: file })
    }
}

/// The file of that name in a folder of `PATH`.
fn find_in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_variable_wins_over_xdg_and_home() {
        let home = |name: &str| (name == "HOME").then(|| PathBuf::from("/home/li"));
        assert_eq!(cache_dir_from(home), Some(PathBuf::from("/home/li/.cache/dualgrid")));
        let xdg = |name: &str| (name != CACHE_VARIABLE).then(|| PathBuf::from("/x"));
        assert_eq!(cache_dir_from(xdg), Some(PathBuf::from("/x/dualgrid")));
        assert_eq!(cache_dir_from(|_| Some(PathBuf::from("/own"))), Some(PathBuf::from("/own")));
        assert_eq!(cache_dir_from(|_| None), None);
    }

    #[tokio::test]
    async fn a_lock_keeps_the_second_out_until_the_first_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::acquire(dir.path(), "thing").await.unwrap();
        let path = dir.path().to_owned();
        let mut second = tokio::task::JoinSet::new();
        second.spawn(async move { Lock::acquire(&path, "thing").await.map(drop) });
        let early = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(early, second.join_next()).await.is_err(), "two had the lock at once");
        drop(first);
        for outcome in second.join_all().await {
            outcome.unwrap();
        }
    }
}
