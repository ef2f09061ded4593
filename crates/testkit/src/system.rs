//! A whole dualgrid: servers, configuration, keys, district and the process itself.

mod binary;
mod config;
mod launch;
mod peer;
mod subjects;

pub use binary::dualgrid_binary;
pub use peer::Peer;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, bail};
use launch::Started;
use tokio::sync::OnceCell;

use crate::client::Client;
use crate::nats::{NatsServer, department_user};
use crate::postgres::Users;
use crate::process::{Process, Program, Signal, run};
use crate::scratch::Scratch;

/// How long a stop may take.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// Which database holds the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Store {
    /// A file.
    #[default]
    Sqlite,
    /// Databases of their own on the shared server.
    Postgres,
}

/// What a system is to look like.
#[derive(Debug, Default)]
pub struct SystemSetup {
    /// Where the log is kept.
    pub store: Store,
    /// Where everything goes; a folder of its own, removed at the end, when none is given.
    pub dir: Option<PathBuf>,
    /// District files to import before the start.
    pub districts: Vec<PathBuf>,
    /// Files of persons to import before the start, once the districts are there.
    pub persons: Vec<PathBuf>,
    /// Departments with a user on NATS, besides those in the district files.
    pub departments: Vec<String>,
    /// A nats-server that runs already; one of its own when none is given.
    pub nats: Option<NatsServer>,
    /// Another program than the one beside ours, such as an older version.
    pub binary: Option<PathBuf>,
    /// Only these roles, as in `--roles`; all when empty.
    pub roles: Vec<String>,
    /// The address of the log, if not a new one in `store`; through a proxy, for example.
    pub store_url: Option<String>,
    /// The address of the vault, if not a new one in `store`.
    pub vault_url: Option<String>,
    /// Variables that the process, and nobody else, gets besides ours.
    pub environment: Vec<(String, String)>,
}

impl SystemSetup {
    /// The sample district with its persons, on one of the stores.
    pub fn sample(store: Store) -> anyhow::Result<Self> {
        let (districts, persons) = (crate::sample::district_files()?, crate::sample::person_files()?);
        Ok(Self { store, districts, persons, ..Self::default() })
    }
}

/// A running dualgrid with its servers.
#[derive(Debug)]
pub struct System {
    binary: PathBuf,
    dir: PathBuf,
    instance: String,
    store_url: String,
    vault_url: String,
    /// As whom dualgrid opens databases of its own: the log and the vault. As the superuser where it was given addresses.
    users: Option<[Users; 2]>,
    roles: Vec<String>,
    environment: Vec<(String, String)>,
    client: Client,
    /// The token of the security administrator, once it was issued.
    security: OnceCell<String>,
    /// Processes before servers before the folder: that is the order in which they are dropped.
    departments: Vec<Process>,
    process: Option<Process>,
    nats: NatsServer,
    /// Held for its end only.
    _folder: Option<Scratch>,
}

impl System {
    /// A client of it; clones follow it over restarts.
    pub fn http(&self) -> Client {
        self.client.clone()
    }

    /// Its nats-server.
    pub fn nats(&self) -> &NatsServer {
        &self.nats
    }

    /// Its nats-server, to stop, wipe or start it.
    pub fn nats_mut(&mut self) -> &mut NatsServer {
        &mut self.nats
    }

    /// Where the log is; as the superuser where that is PostgreSQL.
    pub fn store_url(&self) -> &str {
        &self.store_url
    }

    /// Where the vault is; as the superuser where that is PostgreSQL.
    pub fn vault_url(&self) -> &str {
        &self.vault_url
    }

    /// Its folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its configuration file.
    pub fn config_path(&self) -> PathBuf {
        self.dir.join("dualgrid.toml")
    }

    /// What the process printed.
    pub fn log_path(&self) -> PathBuf {
        self.dir.join("dualgrid.log")
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Runs a sub-command with this system's configuration and gives what it printed.
    pub async fn run_cli(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.run_cli_with(arguments, &[]).await
    }

    /// The same with variables of its own.
    pub async fn run_cli_with(&self, arguments: &[&str], environment: &[(String, String)]) -> anyhow::Result<String> {
        let mut command = Command::new(&self.binary);
        command.args(arguments).arg("--config").arg(self.config_path());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        run(command).await.with_context(|| format!("`dualgrid {}` failed", arguments.join(" ")))
    }

    /// Sends a signal to the process, such as SIGSTOP.
    pub fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        self.process.as_mut().context("dualgrid is not running")?.signal(signal)
    }

    /// Sets the variables that the process gets besides ours, from its next start on.
    pub fn set_environment(&mut self, environment: Vec<(String, String)>) {
        self.environment = environment;
    }

    /// Waits until the process has ended by itself, and says how.
    pub async fn wait_for_end(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let status = self.process.as_mut().context("dualgrid is not running")?.wait(patience).await?;
        self.process = None;
        Ok(status)
    }

    /// Starts another process on the same databases and the same NATS, with these roles (all when empty) and variables.
    pub async fn peer(&self, roles: &[&str], environment: Vec<(String, String)>) -> anyhow::Result<Peer> {
        Peer::start(self, roles, environment).await
    }

    /// SIGKILL: no chance to finish anything.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut process) = self.process.take() else { bail!("dualgrid is not running") };
        process.kill()
    }

    /// Stops the process in order; the servers keep running.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut process) = self.process.take() else { bail!("dualgrid is not running") };
        let status = process.stop(Signal::Terminate, STOP_PATIENCE).await?;
        anyhow::ensure!(status.success(), "dualgrid stopped with {status}; its log:\n{}", process.log_tail());
        Ok(())
    }

    /// Stops the process if it runs, and starts it again with the same data.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        if self.process.is_some() {
            self.stop().await?;
        }
        self.serve(Started::Ready).await
    }

    /// The same for a process that answers and may say that it cannot work.
    pub async fn restart_unready(&mut self) -> anyhow::Result<()> {
        if self.process.is_some() {
            self.stop().await?;
        }
        self.serve(Started::Answering).await
    }

    /// Starts the sample department with that code; it runs until the system ends.
    pub fn department(&mut self, code: &str) -> anyhow::Result<()> {
        let user = department_user(code);
        let process = Program::new(&user, &self.binary, self.dir.join(format!("{user}.log")))
            .args(["department", "run", "--as", code, "--nats-url", &self.nats.url(), "--nkey-file"])
            .arg(self.nats.seed_file(&user))
            .end_with(Signal::Terminate)
            .spawn()?;
        self.departments.push(process);
        Ok(())
    }
}
