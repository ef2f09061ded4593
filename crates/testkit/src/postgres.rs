//! A private PostgreSQL, as durable as in production.

mod address;
mod cluster;
mod standby;

pub use address::Address;
pub use standby::{Commit, Standby};

use std::path::PathBuf;
use std::process::Command;

use anyhow::Context as _;
use tokio::sync::OnceCell;

use cluster::Cluster;

use crate::process::run;
use crate::tls::Issued;
use crate::{random, tools};

/// The variable with the address of a server for all test processes, set by `cargo xtask test`.
pub const SHARED_VARIABLE: &str = "DUALGRID_TEST_POSTGRES";

static SHARED: OnceCell<Postgres> = OnceCell::const_new();

/// What a server of our own is to look like.
#[derive(Debug, Clone, Default)]
pub struct PostgresSetup {
    /// Where the data go; in a folder of its own when not given. Must be empty, or not be there yet.
    pub data_dir: Option<PathBuf>,
    /// Where the write-ahead log goes, if not with the data. Must be empty, or not be there yet.
    pub wal_dir: Option<PathBuf>,
    /// Size of a file of the write-ahead log in MiB, if not the usual 16: for small disks.
    pub wal_segment_mib: Option<u32>,
    /// Lines for `postgresql.conf`, which come last.
    pub settings: String,
    /// The certificate that it shows to whoever asks for one.
    pub tls: Option<Issued>,
}

/// The owner of a database and the user of running processes, as in production.
#[derive(Debug, Clone)]
pub struct Users {
    /// For `dualgrid migrate`.
    pub owner_url: String,
    /// For everybody else.
    pub url: String,
}

/// Runs one statement with psql in the database of an address that [`Postgres::create_database`] gave.
pub async fn query_at(url: &str, sql: &str) -> anyhow::Result<String> {
    let address: Address = url.parse().with_context(|| format!("{url} is not an address"))?;
    let (_, database) = url.rsplit_once('/').context("an address without a database")?;
    let psql = address.psql(&tools::postgresql_bin().await?, database, sql);
    run(psql).await.with_context(|| format!("PostgreSQL refused `{sql}`"))
}

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
        Self::start_with(PostgresSetup::default()).await
    }

    /// Starts a server of our own as it is asked for.
    pub async fn start_with(setup: PostgresSetup) -> anyhow::Result<Self> {
        let bin = tools::postgresql_bin().await?;
        let cluster = Cluster::start(&bin, setup).await.context("could not start a private PostgreSQL")?;
        Ok(cluster.into())
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

    /// Its port on the loopback interface.
    pub fn port(&self) -> u16 {
        self.address.port
    }

    /// The same database through another port, such as that of a proxy.
    pub fn url_at(&self, url: &str, port: u16) -> String {
        url.replace(&format!("@127.0.0.1:{}/", self.address.port), &format!("@127.0.0.1:{port}/"))
    }

    /// The end of what it printed.
    pub fn log_tail(&self) -> String {
        self.cluster.as_ref().map(Cluster::log_tail).unwrap_or_default()
    }

    /// Whether our own server has ended by itself; it can be started again then.
    pub fn has_ended(&mut self) -> anyhow::Result<bool> {
        self.own_cluster()?.has_ended()
    }

    /// Creates an empty database with a fresh name and gives its address.
    pub async fn create_database(&self) -> anyhow::Result<String> {
        let name = format!("t_{}", random::hex(8)?);
        self.query("postgres", &format!("create database {name}")).await?;
        Ok(self.address.url(&name))
    }

    /// Hands an empty database over to an owner of its own, and makes a user without any right in it.
    pub async fn create_users(&self, url: &str) -> anyhow::Result<Users> {
        let (_, database) = url.rsplit_once('/').context("an address without a database")?;
        let user = |kind: &str| -> anyhow::Result<Address> {
            Ok(Address { port: self.port(), user: format!("{kind}_{database}"), password: random::password()? })
        };
        let (owner, running) = (user("owner")?, user("running")?);
        let role = |of: &Address| format!("create role {} login password '{}'", of.user, of.password);
        let hand_over = format!("alter database {database} owner to {}", owner.user);
        let sql = [role(&owner), role(&running), hand_over].join("; ");
        self.query("postgres", &sql).await?;
        Ok(Users { owner_url: owner.url(database), url: running.url(database) })
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

impl From<Cluster> for Postgres {
    fn from(cluster: Cluster) -> Self {
        Self { bin: cluster.bin().to_owned(), address: cluster.address().clone(), cluster: Some(cluster) }
    }
}
