//! PostgreSQL: that of the system, any version.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::{apt, find_in_path};

/// Where Debian and Ubuntu keep one folder a version.
const VERSIONS: &str = "/usr/lib/postgresql";

/// The folder with `initdb`, `postgres`, `psql` and `pg_basebackup`; installs PostgreSQL if there is none.
///
/// Debian's package also makes a cluster of its own; we never touch or use that one.
pub async fn postgresql_bin() -> anyhow::Result<PathBuf> {
    if let Some(bin) = find() {
        return Ok(bin);
    }
    apt::install("postgresql").await.context("PostgreSQL is needed for the tests")?;
    match find() {
        Some(bin) => Ok(bin),
        None => bail!("PostgreSQL was installed, but there is no initdb in {VERSIONS}/*/bin or in PATH"),
    }
}

fn find() -> Option<PathBuf> {
    newest_of(Path::new(VERSIONS)).or_else(|| {
        // Links such as /usr/local/bin/initdb point to the folder that has them all.
        let initdb = find_in_path("initdb")?.canonicalize().ok()?;
        let bin = initdb.parent()?;
        is_complete(bin).then(|| bin.to_owned())
    })
}

fn newest_of(versions: &Path) -> Option<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = std::fs::read_dir(versions)
        .ok()?
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            is_complete(&bin).then_some((version, bin))
        })
        .collect();
    found.sort();
    found.pop().map(|(_, bin)| bin)
}

fn is_complete(bin: &Path) -> bool {
    ["initdb", "postgres", "psql", "pg_basebackup"].iter().all(|program| bin.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(versions: &Path, version: &str, programs: &[&str]) {
        let bin = versions.join(version).join("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for program in programs {
            std::fs::write(bin.join(program), "").unwrap();
        }
    }

    #[test]
    fn the_newest_complete_version_is_taken() {
        let versions = tempfile::tempdir().unwrap();
        assert_eq!(newest_of(versions.path()), None);
        install(versions.path(), "9", &["initdb", "postgres", "psql", "pg_basebackup"]);
        install(versions.path(), "15", &["initdb", "postgres", "psql", "pg_basebackup"]);
        install(versions.path(), "17", &["psql"]);
        assert_eq!(newest_of(versions.path()), Some(versions.path().join("15/bin")));
    }
}
