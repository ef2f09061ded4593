//! The shell of SQLite: that of the system.

use std::path::PathBuf;

use anyhow::Context as _;

use super::{apt, find_in_path};

/// Its name.
const SHELL: &str = "sqlite3";

/// The shell `sqlite3`, with which a test looks at a file beside dualgrid; installs it if there is none.
pub async fn sqlite_shell() -> anyhow::Result<PathBuf> {
    if let Some(shell) = find_in_path(SHELL) {
        return Ok(shell);
    }
    apt::install(SHELL).await.context("the shell of SQLite is needed to look at its files")?;
    find_in_path(SHELL).with_context(|| format!("{SHELL} was installed, but is not in PATH"))
}
