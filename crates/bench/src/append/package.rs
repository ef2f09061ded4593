//! The SQL of message-db, from its npm package, pinned by hash and kept in the cache of installed tools.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use sha2::{Digest as _, Sha512};
use testkit::process::run;
use testkit::tools;

const PACKAGE: &str = "@eventide/message-db@1.3.1";
const FILE: &str = "eventide-message-db-1.3.1.tgz";

/// What `npm view … dist.integrity` says, in hexadecimal.
const SHA512: &str = "9f785d13960064d5d3af61caf601b4189e9dbac81d139e382d3bd2fb6d7fc8e1\
                      0706f36e5333665d7c39bd2d39be97ba452ba1cd3472e56834abb73555f260f8";

/// The package, downloaded if it is missing.
pub(crate) async fn archive() -> anyhow::Result<PathBuf> {
    let cache = tools::cache_dir()?;
    let archive = cache.join(FILE);
    if is_intact(&archive) {
        return Ok(archive);
    }
    let folder = tempfile::tempdir_in(&cache).context("no folder for the download")?;
    let mut pack = Command::new(tools::npm().await?);
    pack.args(["pack", "--silent", PACKAGE, "--pack-destination"]).arg(folder.path());
    run(pack).await.context("npm could not download message-db")?;
    let downloaded = folder.path().join(FILE);
    ensure!(is_intact(&downloaded), "npm gave {PACKAGE} with another hash");
    // Renamed at the end: nobody ever sees half a file.
    std::fs::rename(&downloaded, &archive).context("could not keep message-db")?;
    Ok(archive)
}

/// Unpacks the package and gives the folder with its SQL.
pub(crate) async fn unpack(archive: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(archive).arg("-C").arg(folder);
    run(tar).await.context("could not unpack message-db")?;
    Ok(folder.join("package/database"))
}

fn is_intact(archive: &Path) -> bool {
    std::fs::read(archive).is_ok_and(|bytes| hex(&Sha512::digest(bytes)) == SHA512)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_archive_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join(FILE);
        assert!(!is_intact(&archive));
        std::fs::write(&archive, "something else").unwrap();
        assert!(!is_intact(&archive));
        assert_eq!(SHA512.len(), 128);
    }
}
