//! Where the program under test is.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::process::run;
use crate::sample::workspace_dir;

/// The variable that names another binary.
const VARIABLE: &str = "DUALGRID_BIN";

/// The dualgrid binary: `$DUALGRID_BIN`, else the one beside ours in the target folder, built if it is missing.
pub async fn dualgrid_binary() -> anyhow::Result<PathBuf> {
    if let Some(own) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        let own = PathBuf::from(own);
        ensure!(own.is_file(), "{VARIABLE} names {}, which is no file", own.display());
        return Ok(own);
    }
    let binary = beside(&std::env::current_exe().context("this program does not know where it is")?)?;
    if !binary.is_file() {
        let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        build.args(["build", "--quiet", "--bin", "dualgrid"]).current_dir(workspace_dir());
        run(build).await.context("could not build dualgrid")?;
        ensure!(binary.is_file(), "dualgrid was built, but is not at {}: set {VARIABLE}", binary.display());
    }
    Ok(binary)
}

/// Tests are in `target/debug/deps`, xtask and dualgrid in `target/debug`.
fn beside(executable: &Path) -> anyhow::Result<PathBuf> {
    let folder = executable.parent().context("a program without a folder")?;
    let folder = if folder.ends_with("deps") { folder.parent().context("deps without a folder")? } else { folder };
    Ok(folder.join("dualgrid"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_is_found_from_a_test_and_from_xtask() {
        for executable in ["/t/debug/deps/stories-0a1b", "/t/debug/xtask"] {
            assert_eq!(beside(Path::new(executable)).unwrap(), Path::new("/t/debug/dualgrid"));
        }
    }
}
