//! xfs_io: it asks a file system to stop as if the power were gone.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::{apt, find_in_path};

/// Debian keeps it where only root's `PATH` looks.
const USUAL: &str = "/usr/sbin/xfs_io";

/// `xfs_io`; installs Debian's xfsprogs if there is none.
pub async fn xfs_io() -> anyhow::Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    apt::install("xfsprogs").await.context("xfs_io is needed for a loss of power")?;
    find().with_context(|| format!("xfsprogs was installed, but there is no xfs_io in PATH or at {USUAL}"))
}

fn find() -> Option<PathBuf> {
    let usual = Path::new(USUAL);
    find_in_path("xfs_io").or_else(|| usual.is_file().then(|| usual.to_owned()))
}
