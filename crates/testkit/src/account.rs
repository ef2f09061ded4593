//! The account that servers run under.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, bail};

/// Another account of this machine, to which root can lower itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Account {
    /// The account for a server that refuses to run as root: none when we are not root.
    pub(crate) fn for_database() -> anyhow::Result<Option<Self>> {
        if !we_are_root()? {
            return Ok(None);
        }
        let passwd = std::fs::read_to_string("/etc/passwd").context("could not read /etc/passwd")?;
        match Self::find(&passwd, "postgres").or_else(|| Self::find(&passwd, "nobody")) {
            Some(account) => Ok(Some(account)),
            None => bail!("PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody`"),
        }
    }

    /// Makes this account the owner of a folder.
    pub(crate) fn own(&self, path: &Path) -> anyhow::Result<()> {
        std::os::unix::fs::chown(path, Some(self.uid), Some(self.gid))
            .with_context(|| format!("could not hand {} over", path.display()))
    }

    fn find(passwd: &str, name: &str) -> Option<Self> {
        passwd.lines().find_map(|line| {
            let mut fields = line.split(':');
            if fields.next()? != name {
                return None;
            }
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            Some(Self { uid, gid })
        })
    }
}

/// Whether this process may do everything.
pub(crate) fn we_are_root() -> anyhow::Result<bool> {
    let output = Command::new("id").arg("-u").output().context("could not run `id`")?;
    Ok(output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "postgresql:x:1:2::/:/bin/sh\npostgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(Account::find(passwd, "postgres"), Some(Account { uid: 101, gid: 104 }));
        assert_eq!(Account::find(passwd, "nobody"), None);
    }
}
