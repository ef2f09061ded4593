//! A standby that follows a server of our own by streaming, and may take its place.

use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::Postgres;
use super::cluster::{Cluster, Upstream};
use crate::client::eventually;
use crate::proxy::{NoWatch, Proxy};
use crate::random;

/// How long it may take until a standby follows, or has what its primary has.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a promotion may take, in seconds.
const PROMOTION_S: u32 = 60;

/// What a commit on the primary waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// The standby has written it to its disk.
    Flushed,
    /// The standby shows it to readers.
    Applied,
}

impl Commit {
    /// The value of `synchronous_commit`.
    fn setting(self) -> &'static str {
        match self {
            Self::Flushed => "on",
            Self::Applied => "remote_apply",
        }
    }
}

/// A running standby. It can be read, and takes no changes.
#[derive(Debug)]
pub struct Standby {
    /// Of its user, its slot and its connections.
    name: String,
    cluster: Cluster,
    /// Between the primary and it.
    proxy: Proxy,
}

impl Postgres {
    /// A standby of this server, with a user and a slot of its own. It is not waited for unless [`Postgres::wait_for`] says so.
    pub async fn standby(&mut self) -> anyhow::Result<Standby> {
        let (name, password) = (format!("standby_{}", random::hex(4)?), random::password()?);
        self.query("postgres", &format!("create role {name} login replication password '{password}'")).await?;
        self.query("postgres", &format!("select pg_create_physical_replication_slot('{name}', true)")).await?;
        let proxy = Proxy::start(([127, 0, 0, 1], self.port()).into(), NoWatch::default).await?;
        let upstream = Upstream { port: proxy.address().port(), user: name.clone(), password };
        let cluster = Cluster::follow(self.own_cluster()?, &upstream).await.context("could not start a standby")?;
        let standby = Standby { name, cluster, proxy };
        self.is_followed(&standby, "state = 'streaming'").await?;
        Ok(standby)
    }

    /// From here on a commit waits for this standby.
    pub async fn wait_for(&self, standby: &Standby, commit: Commit) -> anyhow::Result<()> {
        let (name, commit) = (&standby.name, commit.setting());
        for setting in [format!("synchronous_standby_names = '{name}'"), format!("synchronous_commit = '{commit}'")] {
            self.query("postgres", &format!("alter system set {setting}")).await?;
        }
        self.query("postgres", "select pg_reload_conf()").await?;
        self.is_followed(standby, "sync_state = 'sync'").await
    }

    async fn is_followed(&self, standby: &Standby, how: &str) -> anyhow::Result<()> {
        let sql =
            format!("select count(*) from pg_stat_replication where application_name = '{}' and {how}", standby.name);
        eventually("the standby follows", PATIENCE, async || {
            Ok((self.query("postgres", &sql).await?.trim() == "1").then_some(()))
        })
        .await
        .with_context(|| standby.cluster.log_tail())
    }
}

impl Standby {
    /// It gets nothing more of what its primary records, and its primary does not hear of that.
    pub fn hold_back(&self) {
        self.proxy.stall();
    }

    /// The end of [`Standby::hold_back`].
    pub fn let_follow(&self) {
        self.proxy.flow();
    }

    /// Waits until it has what its primary has recorded so far.
    pub async fn catches_up(&self, primary: &Postgres) -> anyhow::Result<()> {
        let end = primary.query("postgres", "select pg_current_wal_lsn()").await?;
        let sql = format!("select pg_last_wal_replay_lsn() >= '{}'", end.trim());
        eventually("the standby has what its primary has", PATIENCE, async || {
            Ok((self.query("postgres", &sql).await?.trim() == "t").then_some(()))
        })
        .await
    }

    /// Runs one statement with psql, which can only read.
    pub async fn query(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        self.cluster.query(database, sql).await
    }

    /// Takes the place of its primary, which must have ended. What it was held back from is lost.
    pub async fn promote(self) -> anyhow::Result<Postgres> {
        let Self { cluster, proxy, .. } = self;
        drop(proxy);
        let promoted = cluster.query("postgres", &format!("select pg_promote(true, {PROMOTION_S})")).await?;
        ensure!(promoted.trim() == "t", "the standby was not promoted:\n{}", cluster.log_tail());
        Ok(cluster.into())
    }
}
