//! Files that are nobody else's: databases, evidence, addresses.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::Mode;
use rustix::process::umask;

/// Whatever this process makes from now on is for its owner alone: files 0600, folders 0700, also where the umask that it got allows more.
pub(crate) fn only_ours() {
    let before = umask(Mode::RWXG | Mode::RWXO);
    tracing::trace!(umask = before.bits(), "the umask that was given");
}

/// Those that others may look into.
pub(crate) fn looser(paths: &[PathBuf]) -> Vec<&Path> {
    let is_looser = |path: &&Path| {
        // What cannot be looked at is told by whoever opens it.
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
    };
    paths.iter().map(PathBuf::as_path).filter(is_looser).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, set_permissions};

    use super::*;

    #[test]
    fn what_others_may_look_into_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (tight, loose, missing) =
            (folder.path().join("tight.db"), folder.path().join("loose.db"), folder.path().join("missing.db"));
        for (file, mode) in [(&tight, 0o600), (&loose, 0o640)] {
            std::fs::write(file, "").unwrap();
            set_permissions(file, Permissions::from_mode(mode)).unwrap();
        }
        let paths = [tight, loose.clone(), missing];
        assert_eq!(looser(&paths), [loose.as_path()]);
        set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        assert_eq!(looser(&[folder.path().to_owned()]), [folder.path()]);
    }
}
