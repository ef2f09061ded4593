//! A private nats-server with JetStream, as durable as in production, and the configuration of the real one.

mod config;
mod connect;
mod launch;

pub use config::{DepartmentUser, NatsConfig, Password, nats_config};

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::port;
use crate::process::{Process, Signal};
use crate::random;
use crate::scratch::Scratch;

/// The JetStream stream that holds the log.
pub const STREAM: &str = "DUALGRID";

/// The user with every permission: dualgrid itself.
pub const CORE: &str = "core";

/// The user that only reads, through one durable consumer of its own name.
pub const INTEGRATOR: &str = "integrator";

/// How long a stop may take.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// The user, and the durable consumer, of a department.
pub fn department_user(code: &str) -> String {
    format!("dept-{code}")
}

/// What a private server is to look like.
#[derive(Debug, Clone, Default)]
pub struct NatsSetup {
    /// Codes of the departments that get a user.
    pub departments: Vec<String>,
    /// Where configuration, log and data go; a folder of its own, removed at the end, when none is given.
    pub dir: Option<PathBuf>,
    /// Whether it answers monitoring requests over HTTP.
    pub monitor: bool,
    /// Another program than the pinned one, such as an older version.
    pub binary: Option<PathBuf>,
    /// Where JetStream keeps its files, if not in the folder of the rest.
    pub store_dir: Option<PathBuf>,
    /// Whether messages are flushed at the server's own default interval, and not before each acknowledgement.
    pub flushes_seldom: bool,
    /// Most bytes of a message with its headers; the server's own default (1 MiB) when none is given.
    pub max_payload: Option<usize>,
}

/// A nats-server of our own.
#[derive(Debug)]
pub struct NatsServer {
    dir: PathBuf,
    store_dir: PathBuf,
    flushes_seldom: bool,
    max_payload: Option<usize>,
    /// Checked against who answers: nobody else has it.
    server_name: String,
    port: u16,
    monitor_port: Option<u16>,
    /// User and password.
    users: Vec<(String, String)>,
    departments: Vec<String>,
    binary: PathBuf,
    /// Declared before the folder, so that it is dropped before it.
    server: Option<Process>,
    /// Held for its end only.
    _folder: Option<Scratch>,
}

impl NatsServer {
    /// Starts a server.
    pub async fn start(setup: NatsSetup) -> anyhow::Result<Self> {
        let mut server = Self::prepare(setup).await?;
        server.start_at_free_port().await.context("could not start a private nats-server")?;
        Ok(server)
    }

    async fn prepare(setup: NatsSetup) -> anyhow::Result<Self> {
        let binary = match setup.binary {
            Some(binary) => binary,
            None => crate::tools::nats_server().await?,
        };
        let (dir, folder) = if let Some(dir) = setup.dir {
            (dir, None)
        } else {
            let folder = Scratch::create("nats")?;
            (folder.path().to_owned(), Some(folder))
        };
        std::fs::create_dir_all(&dir).with_context(|| format!("could not create {}", dir.display()))?;
        let mut users = vec![(CORE.to_owned(), random::password()?), (INTEGRATOR.to_owned(), random::password()?)];
        for code in &setup.departments {
            users.push((department_user(code), random::password()?));
        }
        Ok(Self {
            store_dir: setup.store_dir.unwrap_or_else(|| dir.join("store")),
            flushes_seldom: setup.flushes_seldom,
            max_payload: setup.max_payload,
            dir,
            server_name: format!("test-{}", random::hex(8)?),
            port: port::free()?,
            monitor_port: if setup.monitor { Some(port::free()?) } else { None },
            users,
            departments: setup.departments,
            binary,
            server: None,
            _folder: folder,
        })
    }

    /// The address for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The address for monitoring, if it was asked for.
    pub fn monitor_url(&self) -> Option<String> {
        Some(format!("http://127.0.0.1:{}", self.monitor_port?))
    }

    /// A user and its password: `core`, `integrator` or `dept-CODE`.
    pub fn user(&self, name: &str) -> anyhow::Result<(&str, &str)> {
        let found = self.users.iter().find(|(user, _)| user == name);
        let (user, password) = found.with_context(|| format!("this nats-server has no user {name}"))?;
        Ok((user, password))
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Process::pid)
    }

    /// Where JetStream keeps its files.
    pub fn store_dir(&self) -> PathBuf {
        self.store_dir.clone()
    }

    /// The configuration file.
    pub fn config_path(&self) -> PathBuf {
        self.dir.join("nats.conf")
    }

    /// The log file.
    pub fn log_path(&self) -> PathBuf {
        self.dir.join("nats.log")
    }

    /// The folder of all that.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Stops it in order.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else { bail!("nats-server is not running") };
        server.stop(Signal::Terminate, STOP_PATIENCE).await?;
        Ok(())
    }

    /// SIGKILL: what is not on the disk is lost.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let Some(mut server) = self.server.take() else { bail!("nats-server is not running") };
        server.kill()
    }

    /// Sends a signal, such as SIGSTOP for a server that hangs.
    pub fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        self.server.as_mut().context("nats-server is not running")?.signal(signal)
    }

    /// From the next start on it is another program, such as an older version.
    pub fn use_binary(&mut self, binary: PathBuf) {
        self.binary = binary;
    }

    /// Stops it, deletes everything it stored, and starts it at the same port.
    pub async fn wipe(&mut self) -> anyhow::Result<()> {
        self.stop_and_delete().await?;
        self.start_again().await
    }

    /// Stops it, copies everything it stored to a folder that is not there yet, and starts it at the same port.
    pub async fn copy_store(&mut self, to: &Path) -> anyhow::Result<()> {
        if self.server.is_some() {
            self.stop().await?;
        }
        copy_folder(&self.store_dir, to)?;
        self.start_again().await
    }

    /// Stops it, puts a copy in the place of everything it stored, and starts it at the same port.
    pub async fn restore_store(&mut self, from: &Path) -> anyhow::Result<()> {
        self.stop_and_delete().await?;
        copy_folder(from, &self.store_dir)?;
        self.start_again().await
    }

    async fn stop_and_delete(&mut self) -> anyhow::Result<()> {
        if self.server.is_some() {
            self.stop().await?;
        }
        match std::fs::remove_dir_all(&self.store_dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).with_context(|| format!("could not delete {}", self.store_dir.display()))
            }
            _ => Ok(()),
        }
    }

    /// Connects as one of its users; a department gets the inbox prefix its permissions ask for.
    pub async fn connect(&self, user: &str) -> anyhow::Result<async_nats::Client> {
        let (user, password) = self.user(user)?;
        connect::connect(&self.url(), user, password).await
    }
}

/// Copies a folder with everything in it; the target must not be there yet.
fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    let what = || format!("could not copy {} to {}", from.display(), to.display());
    std::fs::create_dir(to).with_context(what)?;
    for entry in std::fs::read_dir(from).with_context(what)? {
        let entry = entry.with_context(what)?;
        let target = to.join(entry.file_name());
        if entry.file_type().with_context(what)?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).with_context(what)?;
        }
    }
    Ok(())
}
