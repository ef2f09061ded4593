//! Folders that are gone when we are, however we end.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::Context as _;
use tempfile::TempDir;

/// `sh -c SCRIPT FOLDER`: removes the folder when its input ends without a word.
///
/// Servers in the folder are ending at the same time and may still write, so it tries more than once.
const SCRIPT: &str = r#"
exec >/dev/null 2>&1
word=$(cat)
[ -z "$word" ] || exit 0
tries=0
while [ -e "$0" ] && [ $tries -lt 100 ]; do
  rm -rf "$0"
  sleep 0.1
  tries=$((tries + 1))
done
"#;

/// A folder of our own; removed when dropped, and by a shell when we die before that.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    shell: Child,
    lifeline: Option<ChildStdin>,
}

impl Scratch {
    /// Makes an empty folder, `dualgrid-PURPOSE-…`.
    pub fn create(purpose: &str) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix(&format!("dualgrid-{purpose}-")).tempdir();
        let folder = folder.with_context(|| format!("no temporary folder for {purpose}"))?;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(folder.path())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("could not start a shell")?;
        let lifeline = shell.stdin.take();
        Ok(Self { folder, shell, lifeline })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Scratch {
    /// Sends the shell home; the folder itself is dropped after this.
    fn drop(&mut self) {
        if let Some(mut lifeline) = self.lifeline.take() {
            // A shell that is gone needs no word.
            let _ = lifeline.write_all(b"released\n");
        }
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::client::eventually;

    #[test]
    fn a_dropped_folder_is_gone_with_what_is_in_it() {
        let scratch = Scratch::create("test").unwrap();
        let path = scratch.path().to_owned();
        std::fs::write(path.join("file"), "text").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_folder_is_gone_when_its_lifeline_breaks() {
        let mut scratch = Scratch::create("test").unwrap();
        std::fs::create_dir_all(scratch.path().join("a/b")).unwrap();
        scratch.lifeline = None;
        let gone = async || Ok((!scratch.path().exists()).then_some(()));
        eventually("the folder is gone", Duration::from_secs(10), gone).await.unwrap();
    }
}
