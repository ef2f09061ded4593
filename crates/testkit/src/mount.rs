//! File systems of our own: a small one that fills up, and one that loses what was not flushed.
//!
//! Only root can mount; [`Mount::is_impossible`] says why where nobody can. A mount is undone when it is dropped,
//! and by a shell when we die before that.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use crate::account::we_are_root;
use crate::process::run;
use crate::scratch::Scratch;
use crate::tools;

/// `sh -c SCRIPT MOUNTPOINT`: unmounts when its input ends without a word.
///
/// Servers that have files there are ending at the same time, so it tries more than once; at last the mount is hidden
/// and goes with its last user.
const SCRIPT: &str = r#"
exec >/dev/null 2>&1
word=$(cat)
[ -z "$word" ] || exit 0
tries=0
while mountpoint -q "$0" && [ $tries -lt 100 ]; do
  umount "$0" || sleep 0.1
  tries=$((tries + 1))
done
! mountpoint -q "$0" || umount -l "$0"
"#;

/// How often an unmount is tried: who had files open may still be ending.
const UNMOUNTS_MAX: u32 = 100;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

/// The file that takes the free room.
const BALLAST: &str = "ballast";

/// How much of the ballast is written at once.
const BALLAST_CHUNK: usize = 1024 * 1024;

/// What is mounted.
#[derive(Debug, Clone)]
enum Device {
    /// In memory.
    Tmpfs { mib: u64 },
    /// An ext4 in a file.
    Ext4 { image: PathBuf },
}

/// A mounted file system of our own. Servers with files there must be dropped before it.
#[derive(Debug)]
pub struct Mount {
    device: Device,
    path: PathBuf,
    shell: Child,
    lifeline: Option<ChildStdin>,
    /// Held for its end only.
    _folder: Scratch,
}

impl Mount {
    /// Why nothing can be mounted here, or None.
    pub async fn is_impossible() -> anyhow::Result<Option<String>> {
        if !we_are_root()? {
            return Ok(Some("only root can mount a file system".to_owned()));
        }
        Ok(Self::tmpfs(1).await.err().map(|error| format!("nothing can be mounted here: {error:#}")))
    }

    /// Why no file can be mounted as an ext4 here, or None.
    pub async fn is_ext4_impossible() -> anyhow::Result<Option<String>> {
        if let Some(why) = Self::is_impossible().await? {
            return Ok(Some(why));
        }
        if let Err(error) = tools::xfs_io().await {
            return Ok(Some(format!("{error:#}")));
        }
        Ok(Self::ext4(16).await.err().map(|error| format!("no ext4 can be mounted here: {error:#}")))
    }

    /// An empty file system in memory with so much room.
    pub async fn tmpfs(mib: u64) -> anyhow::Result<Self> {
        Self::create(|_| Device::Tmpfs { mib }).await
    }

    /// An empty ext4 with so much room, in a file.
    pub async fn ext4(mib: u64) -> anyhow::Result<Self> {
        let folder = Scratch::create("mount")?;
        let image = folder.path().join("image");
        let file = std::fs::File::create(&image).context("could not create the image of a file system")?;
        file.set_len(mib * 1024 * 1024).context("could not give the image its size")?;
        let mut mkfs = Command::new("mkfs.ext4");
        mkfs.args(["-q", "-F"]).arg(&image);
        run(mkfs).await.context("could not make an ext4")?;
        Self::mounted(folder, Device::Ext4 { image }).await
    }

    async fn create(device: impl Fn(&Path) -> Device) -> anyhow::Result<Self> {
        let folder = Scratch::create("mount")?;
        let device = device(folder.path());
        Self::mounted(folder, device).await
    }

    async fn mounted(folder: Scratch, device: Device) -> anyhow::Result<Self> {
        let_through(folder.path())?;
        let path = folder.path().join("root");
        std::fs::create_dir(&path).context("could not create a mount point")?;
        let mut shell = Command::new("sh")
            .args(["-c", SCRIPT])
            .arg(&path)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("could not start a shell")?;
        let lifeline = shell.stdin.take();
        let mount = Self { device, path, shell, lifeline, _folder: folder };
        mount.mount().await?;
        Ok(mount)
    }

    /// Its root.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn mount(&self) -> anyhow::Result<()> {
        let mut mount = Command::new("mount");
        match &self.device {
            Device::Tmpfs { mib } => mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m,mode=755"), "tmpfs"]),
            Device::Ext4 { image } => mount.args(["-t", "ext4", "-o", "loop"]).arg(image),
        };
        mount.arg(&self.path);
        run(mount).await.context("could not mount")?;
        Ok(())
    }

    /// Writes a file that takes all room that is left.
    pub fn fill(&self) -> anyhow::Result<()> {
        let mut file = std::fs::File::create(self.path.join(BALLAST)).context("no ballast")?;
        let zeros = vec![0; BALLAST_CHUNK];
        let mut size = BALLAST_CHUNK;
        while size > 0 {
            // A full disk takes smaller and smaller pieces, and then none.
            match file.write(&zeros[..size]) {
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => size /= 2,
                Err(error) => return Err(error).context("the ballast could not be written"),
            }
        }
        Ok(())
    }

    /// Removes that file.
    pub fn make_room(&self) -> anyhow::Result<()> {
        let ballast = self.path.join(BALLAST);
        // Emptied first: a child that is just being started holds all our files for a moment.
        std::fs::File::create(&ballast).context("the ballast could not be emptied")?;
        std::fs::remove_file(&ballast).context("the ballast could not be removed")
    }

    /// Flushes everything, as after a quiet hour.
    pub async fn flush(&self) -> anyhow::Result<()> {
        let mut sync = Command::new("sync");
        sync.arg("-f").arg(&self.path);
        run(sync).await.context("could not flush a file system").map(drop)
    }

    /// From now on nothing is written any more and all use fails; what was not flushed is lost, the journal too.
    pub async fn lose_power(&self) -> anyhow::Result<()> {
        ensure!(matches!(self.device, Device::Ext4 { .. }), "a file system in memory knows no power");
        let mut shutdown = Command::new(tools::xfs_io().await?);
        shutdown.args(["-x", "-c", "shutdown"]).arg(&self.path);
        run(shutdown).await.context("could not stop a file system").map(drop)
    }

    /// Unmounts and mounts again, as after the power is back. Whoever had files open there must have ended.
    pub async fn mount_again(&self) -> anyhow::Result<()> {
        for _ in 1..UNMOUNTS_MAX {
            if self.unmount().is_ok() {
                return self.mount().await;
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.unmount()?;
        self.mount().await
    }

    fn unmount(&self) -> anyhow::Result<()> {
        let output = Command::new("umount").arg(&self.path).output().context("could not run `umount`")?;
        if !output.status.success() {
            bail!("could not unmount {}: {}", self.path.display(), String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    fn is_mounted(&self) -> bool {
        let status = Command::new("mountpoint").arg("-q").arg(&self.path).status();
        status.is_ok_and(|status| status.success())
    }
}

/// Lets everybody through a folder: servers that run under another account have theirs inside.
pub fn let_through(folder: &Path) -> anyhow::Result<()> {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
        .with_context(|| format!("could not open {}", folder.display()))
}

impl Drop for Mount {
    /// The folder is dropped after this.
    fn drop(&mut self) {
        for _ in 0..UNMOUNTS_MAX {
            if !self.is_mounted() || self.unmount().is_ok() {
                break;
            }
            std::thread::sleep(PAUSE);
        }
        if self.is_mounted() {
            // Somebody still has a file open there: the shell hides the mount when its lifeline breaks.
            self.lifeline = None;
        } else if let Some(mut lifeline) = self.lifeline.take() {
            // A shell that is gone needs no word.
            let _ = lifeline.write_all(b"released\n");
        }
        let _ = self.shell.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_small_disk_fills_up_and_has_room_again() {
        if let Some(why) = Mount::is_impossible().await.unwrap() {
            return eprintln!("skipped: {why}");
        }
        let mount = Mount::tmpfs(4).await.unwrap();
        let file = mount.path().join("file");
        mount.fill().unwrap();
        assert_eq!(std::fs::write(&file, [1; 8192]).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        mount.make_room().unwrap();
        std::fs::write(&file, [1; 8192]).unwrap();
        let path = mount.path().to_owned();
        drop(mount);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn without_power_what_was_flushed_stays_and_what_was_not_is_lost() {
        if let Some(why) = Mount::is_ext4_impossible().await.unwrap() {
            return eprintln!("skipped: {why}");
        }
        let mount = Mount::ext4(32).await.unwrap();
        std::fs::write(mount.path().join("flushed"), "here").unwrap();
        mount.flush().await.unwrap();
        std::fs::write(mount.path().join("not-flushed"), "here").unwrap();
        mount.lose_power().await.unwrap();
        std::fs::write(mount.path().join("too-late"), "here").unwrap_err();
        mount.mount_again().await.unwrap();
        assert_eq!(std::fs::read_to_string(mount.path().join("flushed")).unwrap(), "here");
        assert!(!mount.path().join("not-flushed").exists());
        assert!(!mount.path().join("too-late").exists());
    }

    #[tokio::test]
    async fn a_mount_is_undone_when_its_lifeline_breaks() {
        if let Some(why) = Mount::is_impossible().await.unwrap() {
            return eprintln!("skipped: {why}");
        }
        let mut mount = Mount::tmpfs(1).await.unwrap();
        mount.lifeline = None;
        let gone = async || Ok((!mount.is_mounted()).then_some(()));
        crate::client::eventually("it is unmounted", Duration::from_secs(10), gone).await.unwrap();
    }
}
