//! The folder, the process and the identity of a server of our own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::{Address, PostgresSetup};
use crate::account::Account;
use crate::process::{Process, Program, Signal, run, tail};
use crate::scratch::Scratch;
use crate::tls::Issued;
use crate::{port, random};

/// The superuser that initdb makes.
const SUPERUSER: &str = "postgres";

/// How long a start, with recovery, or a stop may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How many lines of its log are shown.
const LOG_LINES_SHOWN: usize = 40;

/// Appended to what initdb wrote. Durability stays at its defaults: on.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
fsync = on
synchronous_commit = on
";

/// Where a standby gets the write-ahead log from, and as whom. Its slot has the name of the user.
pub(super) struct Upstream {
    pub(super) port: u16,
    pub(super) user: String,
    /// Letters and digits only, so that it needs no escaping.
    pub(super) password: String,
}

/// A running or stopped server with its data.
#[derive(Debug)]
pub(super) struct Cluster {
    bin: PathBuf,
    account: Option<Account>,
    address: Address,
    setup: PostgresSetup,
    /// Declared before the folder, so that it is dropped before it.
    server: Option<Process>,
    folder: Scratch,
}

impl Cluster {
    /// Makes an empty cluster and starts it.
    pub(super) async fn start(bin: &Path, setup: PostgresSetup) -> anyhow::Result<Self> {
        let mut cluster = Self::prepare(bin, setup).await?;
        cluster.start_at_free_port().await?;
        Ok(cluster)
    }

    /// A copy of a running cluster, with its users and their passwords. It follows where the upstream is and takes no changes
    /// until it is promoted.
    pub(super) async fn follow(primary: &Self, upstream: &Upstream) -> anyhow::Result<Self> {
        let mut cluster = Self::without_data(&primary.bin, PostgresSetup::default())?;
        cluster.address = Address { port: cluster.address.port, ..primary.address.clone() };
        cluster.copy(primary.address.port, upstream).await?;
        cluster.set_upstream(upstream)?;
        cluster.start_at_free_port().await?;
        Ok(cluster)
    }

    async fn prepare(bin: &Path, setup: PostgresSetup) -> anyhow::Result<Self> {
        let cluster = Self::without_data(bin, setup)?;
        cluster.initialise().await?;
        Ok(cluster)
    }

    /// A cluster with its folders, and nothing in them.
    fn without_data(bin: &Path, setup: PostgresSetup) -> anyhow::Result<Self> {
        let account = Account::for_database()?;
        let folder = Scratch::create("postgres")?;
        for dir in [Some(folder.path()), setup.data_dir.as_deref(), setup.wal_dir.as_deref()].into_iter().flatten() {
            std::fs::create_dir_all(dir).with_context(|| format!("could not create {}", dir.display()))?;
            if let Some(account) = &account {
                account.own(dir)?;
            }
        }
        let address = Address { port: port::free()?, user: SUPERUSER.to_owned(), password: random::password()? };
        Ok(Self { bin: bin.to_owned(), account, address, setup, server: None, folder })
    }

    /// The first start: somebody may be faster to take the port that was free.
    async fn start_at_free_port(&mut self) -> anyhow::Result<()> {
        for _ in 1..port::ATTEMPTS_MAX {
            match self.start_again().await {
                Err(_) if self.lost_its_port() => self.address.port = port::free()?,
                outcome => return outcome,
            }
        }
        self.start_again().await
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// The folder of its programs.
    pub(super) fn bin(&self) -> &Path {
        &self.bin
    }

    /// Runs one statement with psql.
    pub(super) async fn query(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        run(self.address.psql(&self.bin, database, sql)).await.with_context(|| format!("PostgreSQL refused `{sql}`"))
    }

    pub(super) async fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.server.is_none(), "PostgreSQL is running already");
        let server = Program::new("postgres", self.bin.join("postgres"), self.log())
            .arg("-D")
            .arg(self.data())
            .args(["-p", &self.address.port.to_string()])
            .run_as(self.account.clone())
            .end_with(Signal::Quit)
            .spawn()?;
        let pid = server.pid();
        let (address, bin, data) = (self.address.clone(), self.bin.clone(), self.data());
        let server = self.server.insert(server);
        let outcome = server
            .wait_until_ready(PATIENCE, async || {
                let sql = "select current_setting('data_directory')";
                let Ok(answer) = run(address.psql(&bin, "postgres", sql)).await else { return Ok(None) };
                check_identity(answer.trim_end(), &data, pid, address.port).map(Some)
            })
            .await;
        if outcome.is_err() {
            self.server = None;
        }
        outcome
    }

    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        self.end(Signal::Interrupt).await
    }

    pub(super) async fn stop_immediately(&mut self) -> anyhow::Result<()> {
        self.end(Signal::Quit).await
    }

    async fn end(&mut self, signal: Signal) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else { bail!("PostgreSQL is not running") };
        server.stop(signal, PATIENCE).await?;
        Ok(())
    }

    /// Makes an empty cluster; the password goes through a file only its owner can read.
    async fn initialise(&self) -> anyhow::Result<()> {
        let password_file = self.folder.path().join("password");
        std::fs::write(&password_file, &self.address.password).context("could not write the password file")?;
        if let Some(account) = &self.account {
            account.own(&password_file)?;
        }
        let mut initdb = Command::new(self.bin.join("initdb"));
        initdb
            .args(["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions"])
            .arg(format!("--username={SUPERUSER}"))
            .arg(format!("--pwfile={}", password_file.display()))
            .arg("--pgdata")
            .arg(self.data());
        if let Some(wal) = &self.setup.wal_dir {
            initdb.arg("--waldir").arg(wal);
        }
        if let Some(mib) = self.setup.wal_segment_mib {
            initdb.arg(format!("--wal-segsize={mib}"));
        }
        self.run_as_owner(initdb).await?;
        std::fs::remove_file(&password_file).context("could not remove the password file")?;
        let configuration = self.data().join("postgresql.conf");
        let defaults = std::fs::read_to_string(&configuration).context("initdb wrote no postgresql.conf")?;
        std::fs::write(&configuration, defaults + SETTINGS + &self.own_certificate()? + &self.setup.settings)
            .context("could not write postgresql.conf")
    }

    /// The settings that make it show its certificate, whose key only its account may read.
    fn own_certificate(&self) -> anyhow::Result<String> {
        let Some(Issued { certificate, key, .. }) = &self.setup.tls else { return Ok(String::new()) };
        let mut settings = "ssl = on\n".to_owned();
        for (setting, file) in [("ssl_cert_file", certificate), ("ssl_key_file", key)] {
            let own = self.folder.path().join(setting);
            std::fs::copy(file, &own).context("could not copy a certificate")?;
            if let Some(account) = &self.account {
                account.own(&own)?;
            }
            let _ = writeln!(settings, "{setting} = '{}'", own.display());
        }
        Ok(settings)
    }

    /// Copies the data of a running cluster, with what is written meanwhile.
    async fn copy(&self, port: u16, upstream: &Upstream) -> anyhow::Result<()> {
        let mut copy = Command::new(self.bin.join("pg_basebackup"));
        copy.args(["--host=127.0.0.1", "--no-password", "--checkpoint=fast", "--wal-method=stream", "--no-sync"])
            .arg(format!("--port={port}"))
            .arg(format!("--username={}", upstream.user))
            .arg(format!("--slot={}", upstream.user))
            .arg("--pgdata")
            .arg(self.data())
            .env("PGPASSWORD", &upstream.password);
        self.run_as_owner(copy).await
    }

    /// Makes a copy a standby. The file with the password is readable for its owner only, as initdb made it.
    fn set_upstream(&self, Upstream { port, user, password }: &Upstream) -> anyhow::Result<()> {
        let settings = format!(
            "primary_conninfo = 'host=127.0.0.1 port={port} user={user} password={password} application_name={user}'\n\
             primary_slot_name = '{user}'\n"
        );
        let configuration = self.data().join("postgresql.conf");
        let copied = std::fs::read_to_string(&configuration).context("the copy has no postgresql.conf")?;
        std::fs::write(&configuration, copied + &settings).context("could not write postgresql.conf")?;
        let signal = self.data().join("standby.signal");
        std::fs::write(&signal, "").context("could not write standby.signal")?;
        self.account.as_ref().map_or(Ok(()), |account| account.own(&signal))
    }

    /// Runs a program as the account that the data belong to.
    async fn run_as_owner(&self, mut program: Command) -> anyhow::Result<()> {
        if let Some(account) = &self.account {
            use std::os::unix::process::CommandExt as _;
            program.uid(account.uid).gid(account.gid).current_dir("/");
        }
        run(program).await.map(drop)
    }

    fn lost_its_port(&self) -> bool {
        std::fs::read_to_string(self.log()).is_ok_and(|log| port::was_taken(&log))
    }

    fn data(&self) -> PathBuf {
        self.setup.data_dir.clone().unwrap_or_else(|| self.folder.path().join("data"))
    }

    pub(super) fn log_tail(&self) -> String {
        tail(&self.log(), LOG_LINES_SHOWN)
    }

    /// Whether the server has ended by itself, or was stopped.
    pub(super) fn has_ended(&mut self) -> anyhow::Result<bool> {
        let Some(server) = &mut self.server else { return Ok(true) };
        let has_ended = server.ended()?.is_some();
        if has_ended {
            self.server = None;
        }
        Ok(has_ended)
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }
}

/// Errors when the server that answered, or the one that owns our data, is not the child we started.
fn check_identity(answered: &str, data: &Path, pid: u32, port: u16) -> anyhow::Result<()> {
    ensure!(Path::new(answered) == data, "a PostgreSQL with the data of {answered} answers at port {port}");
    let lock = std::fs::read_to_string(data.join("postmaster.pid")).context("no postmaster.pid")?;
    let lines: Vec<&str> = lock.lines().map(str::trim).collect();
    let found = (lines.first().copied(), lines.get(1).map(Path::new), lines.get(3).copied());
    let expected = (pid.to_string(), port.to_string());
    ensure!(
        found == (Some(expected.0.as_str()), Some(data), Some(expected.1.as_str())),
        "postmaster.pid names another server: {lines:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_somebody_took_is_given_up_for_another() {
        let taken = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        let taken_port = taken.local_addr().unwrap().port();
        let bin = crate::tools::postgresql_bin().await.unwrap();
        let mut cluster = Cluster::prepare(&bin, PostgresSetup::default()).await.unwrap();
        cluster.address.port = taken_port;
        cluster.start_at_free_port().await.unwrap();
        assert_ne!(cluster.address().port, taken_port);
    }

    #[test]
    fn a_foreign_server_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path();
        let lock = format!("77\n{}\n1700000000\n5433\n", data.display());
        std::fs::write(data.join("postmaster.pid"), lock).unwrap();
        let answered = data.to_str().unwrap();
        check_identity(answered, data, 77, 5433).unwrap();
        let refused = |answered, pid, port| check_identity(answered, data, pid, port).unwrap_err().to_string();
        let elsewhere = "a PostgreSQL with the data of /var/lib/postgresql answers at port 5433";
        assert_eq!(refused("/var/lib/postgresql", 77, 5433), elsewhere);
        for (pid, port) in [(78, 5433), (77, 5434)] {
            let why = refused(answered, pid, port);
            assert!(why.starts_with("postmaster.pid names another server"), "{why}");
        }
    }
}
