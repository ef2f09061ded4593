//! A private nats-server with JetStream, as durable as in production, with the accounts of the real one.

mod connect;
mod launch;
mod shared;

use std::path::{Path, PathBuf};
use std::time::Duration;

use accounts::{Grant, Member, Seed};
use anyhow::{Context as _, bail};

use crate::port;
use crate::process::{Process, Signal};
use crate::random;
use crate::scratch::Scratch;
use crate::secret::write_secret;
use crate::tls::Issued;

/// The JetStream stream that holds the log.
pub use accounts::STREAM;

/// The user with every permission in the account of dualgrid itself.
pub const CORE: &str = "core";

/// The user that tells nats-server to read its configuration again.
pub const SYSTEM: &str = "system";

/// How long a stop may take.
const STOP_PATIENCE: Duration = Duration::from_secs(30);

/// The user, and the durable consumer, of a department.
pub fn department_user(code: &str) -> String {
    accounts::consumer_of_department(code)
}

/// The user, and the durable consumer, of an integrator.
pub fn integrator_user(name: &str) -> String {
    accounts::consumer_of_integrator(name)
}

/// What a private server is to look like.
#[derive(Debug, Clone, Default)]
pub struct NatsSetup {
    /// Codes of the departments that get an account.
    pub departments: Vec<String>,
    /// Names of the integrators that get an account.
    pub integrators: Vec<String>,
    /// Control: everybody is in the core's account with the same permissions, which is not safe.
    pub shared_account: bool,
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
    /// The certificate that it shows. Clients are asked for one of the same authority.
    pub tls: Option<Issued>,
}

/// A nats-server of our own.
#[derive(Debug)]
pub struct NatsServer {
    dir: PathBuf,
    store_dir: PathBuf,
    flushes_seldom: bool,
    shared_account: bool,
    max_payload: Option<usize>,
    tls: Option<Issued>,
    /// Checked against who answers: nobody else has it.
    server_name: String,
    port: u16,
    monitor_port: Option<u16>,
    /// Its own users with their keys: `core` and `system`.
    core: Seed,
    system: Seed,
    /// Departments and integrators with their keys.
    members: Vec<(Member, Seed)>,
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
        let departments = setup.departments.iter().map(|code| Member::department(code));
        let integrators = setup.integrators.iter().map(|name| Member::integrator(name));
        let mut members = Vec::new();
        for member in departments.chain(integrators) {
            members.push((member?, seed()?));
        }
        let server = Self {
            store_dir: setup.store_dir.unwrap_or_else(|| dir.join("store")),
            flushes_seldom: setup.flushes_seldom,
            max_payload: setup.max_payload,
            tls: setup.tls,
            dir,
            server_name: format!("test-{}", random::hex(8)?),
            port: port::free()?,
            monitor_port: if setup.monitor { Some(port::free()?) } else { None },
            shared_account: setup.shared_account,
            core: seed()?,
            system: seed()?,
            members,
            binary,
            server: None,
            _folder: folder,
        };
        server.write_seeds()?;
        Ok(server)
    }

    /// The address for clients.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The address for monitoring, if it was asked for.
    pub fn monitor_url(&self) -> Option<String> {
        Some(format!("http://127.0.0.1:{}", self.monitor_port?))
    }

    /// The key of a user: `core`, `system`, `dept-CODE` or `integ-NAME`.
    pub fn seed(&self, user: &str) -> anyhow::Result<&Seed> {
        let ours = [(CORE.to_owned(), &self.core), (SYSTEM.to_owned(), &self.system)].into_iter();
        let mut all = ours.chain(self.members.iter().map(|(member, seed)| (member.consumer(), seed)));
        let found = all.find(|(name, _)| name == user);
        found.map(|(_, seed)| seed).with_context(|| format!("this nats-server has no user {user}"))
    }

    /// The file with the key of a user, as the user itself would keep it.
    pub fn seed_file(&self, user: &str) -> PathBuf {
        self.dir.join(format!("{user}.nk"))
    }

    /// Departments and integrators with their public keys.
    pub fn grants(&self) -> Vec<Grant> {
        let grant = |(member, seed): &(Member, Seed)| Grant { member: member.clone(), keys: vec![seed.public()] };
        self.members.iter().map(grant).collect()
    }

    fn write_seeds(&self) -> anyhow::Result<()> {
        let members = self.members.iter().map(|(member, _)| member.consumer());
        for user in [CORE.to_owned(), SYSTEM.to_owned()].into_iter().chain(members) {
            write_secret(&self.seed_file(&user), &self.seed(&user)?.secret())?;
        }
        Ok(())
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

    /// Connects as one of its users.
    pub async fn connect(&self, user: &str) -> anyhow::Result<async_nats::Client> {
        connect::connect(&self.url(), user, &self.seed(user)?.secret(), self.tls.as_ref()).await
    }
}

/// A key that nobody else has.
pub fn seed() -> anyhow::Result<Seed> {
    Ok(Seed::of_random(random::bytes()?))
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
