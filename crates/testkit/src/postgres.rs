//! A private PostgreSQL, as durable as in production.

mod address;
mod cluster;

pub use address::Address;

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use tokio::sync::OnceCell;

use cluster::Cluster;

use crate::process::run;
use crate::{random, tools};

/// The variable with the address of a server for all test processes, set by `cargo xtask test`.
pub const SHARED_VARIABLE: &str = "DUALGRID_TEST_POSTGRES";

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// A PostgreSQL server: our own, or the one `cargo xtask test` started for all test processes.
#[derive(Debug)]
pub struct Postgres {
    bin: PathBuf,
    address: Address,
    /// None when the server belongs to another process.
    cluster: Option<Cluster>,
}

impl Postgres {
    /// Starts a server of our own in a folder of its own.
    pub async fn start() -> anyhow::Result<Self> {
        let bin = tools::postgresql_bin().await?;
        let cluster = Cluster::start(&bin).await.context("could not start a private PostgreSQL")?;
        Ok(Self { bin, address: cluster.address().clone(), cluster: Some(cluster) })
    }

    /// The server that all tests of this process share; started when `$DUALGRID_TEST_POSTGRES` names none.
    ///
    /// Tests are kept apart by databases, so nobody may stop this one.
    pub async fn shared() -> anyhow::Result<&'static Self> {
        SHARED
            .get_or_try_init(|| async {
                let Ok(url) = std::env::var(SHARED_VARIABLE) else {
                    return Self::start().await;
                };
                let address = url.parse().with_context(|| format!("{SHARED_VARIABLE} is not an address"))?;
                Ok(Self { bin: tools::postgresql_bin().await?, address, cluster: None })
            })
            .await
    }

    /// The address of the maintenance database, as the superuser.
    pub fn admin_url(&self) -> String {
        self.address.url("postgres")
    }

    /// Creates an empty database with a fresh name and gives its address.
    pub async fn create_database(&self) -> anyhow::Result<String> {
        let name = format!("t_{}", random::hex(8)?);
        self.query("postgres", &format!("create database {name}")).await?;
        Ok(self.address.url(&name))
    }

    /// Runs one statement with psql and gives what it prints, unaligned and without headings.
    pub async fn query(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        run(self.psql(database, sql)).await.with_context(|| format!("PostgreSQL refused `{sql}`"))
    }

    /// Stops it in order: what was committed is flushed.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        self.own_cluster()?.stop().await
    }

    /// Stops it as a power cut would: it recovers from its log at the next start.
    pub async fn stop_immediately(&mut self) -> anyhow::Result<()> {
        self.own_cluster()?.stop_immediately().await
    }

    /// Starts it again with the same data at the same port.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        self.own_cluster()?.start_again().await
    }

    fn own_cluster(&mut self) -> anyhow::Result<&mut Cluster> {
        self.cluster.as_mut().context("this PostgreSQL belongs to another process: start one of your own")
    }

    fn psql(&self, database: &str, sql: &str) -> Command {
        self.address.psql(&self.bin, database, sql)
    }
}
