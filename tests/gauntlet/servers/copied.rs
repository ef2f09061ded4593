//! A copy of a log that is put in its place later.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use dualgrid_tests::Stage;
use testkit::postgres::query_at;
use testkit::system::Store;

use crate::scenario::Run;

/// A copy of the log, made and put back while no process is running.
pub(crate) struct Copied {
    store: Store,
    url: String,
    to: PathBuf,
}

impl Copied {
    /// The copy that will be made of the log of this stage.
    pub(crate) fn of(run: &Run, stage: &Stage) -> Self {
        Self {
            store: run.store,
            url: stage.system.store_url().to_owned(),
            to: stage.system.dir().join("copy-of-log.db"),
        }
    }

    /// Makes it.
    pub(crate) async fn make(&self) -> anyhow::Result<()> {
        match self.store {
            Store::Sqlite => replace(&self.file()?, &self.to),
            Store::Postgres => {
                let (name, copy) = self.names()?;
                self.administer(&format!("create database {copy} template {name}")).await
            }
        }
    }

    /// Puts it in the place of the log.
    pub(crate) async fn put_back(&self) -> anyhow::Result<()> {
        match self.store {
            Store::Sqlite => replace(&self.to, &self.file()?),
            Store::Postgres => {
                let (name, copy) = self.names()?;
                self.administer(&format!("drop database {name} with (force)")).await?;
                self.administer(&format!("create database {name} template {copy}")).await
            }
        }
    }

    /// Deletes it where it is a database of a server that others use.
    pub(crate) async fn delete(&self) -> anyhow::Result<()> {
        match self.store {
            Store::Sqlite => Ok(()),
            Store::Postgres => {
                let (_, copy) = self.names()?;
                self.administer(&format!("drop database {copy}")).await
            }
        }
    }

    fn file(&self) -> anyhow::Result<PathBuf> {
        Ok(PathBuf::from(self.url.strip_prefix("sqlite:").context("not a file")?))
    }

    fn names(&self) -> anyhow::Result<(String, String)> {
        let (_, name) = self.url.rsplit_once('/').context("an address without a database")?;
        Ok((name.to_owned(), format!("{name}_copy")))
    }

    async fn administer(&self, sql: &str) -> anyhow::Result<()> {
        let (server, _) = self.url.rsplit_once('/').context("an address without a database")?;
        query_at(&format!("{server}/postgres"), sql).await.map(drop)
    }
}

/// Copies a database that nobody has open, with what is beside it.
fn replace(from: &Path, to: &Path) -> anyhow::Result<()> {
    for suffix in ["", "-wal", "-shm"] {
        let beside = |file: &Path| PathBuf::from(format!("{}{suffix}", file.display()));
        let (from, to) = (beside(from), beside(to));
        if to.exists() {
            std::fs::remove_file(&to)?;
        }
        if from.exists() {
            std::fs::copy(&from, &to).with_context(|| format!("could not copy {}", from.display()))?;
        }
    }
    Ok(())
}
