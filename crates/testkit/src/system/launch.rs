//! Starting a system, and making sure that it is ours who answers.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;

use super::config::{Auth, Config, Evidence, Http, Limits, Nats, Vault};
use super::{Store, System, SystemSetup, config, dualgrid_binary};
use crate::client::Client;
use crate::nats::{CORE, NatsServer, NatsSetup};
use crate::postgres::{Postgres, Users};
use crate::process::{Process, Program, Signal, run};
use crate::scratch::Scratch;
use crate::{random, sample};

/// How long the start of dualgrid, with its catching up, may take.
const START_PATIENCE: Duration = Duration::from_mins(1);

/// The administrators of the sample: system, security and audit.
pub(super) const ADMINISTRATORS: [&str; 3] = ["system-admin", "security-admin", "audit-admin"];

/// What is said where the first administrators were named before.
const NAMED_ALREADY: &str = "the first administrators were named already";

/// How far a process must have come before it counts as started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Started {
    /// It answers, and may say that it cannot work.
    Answering,
    /// It says that it is ready.
    Ready,
}

/// What `/healthz` answers.
#[derive(Debug, Deserialize)]
struct Health {
    instance: String,
    pid: u32,
}

impl Health {
    /// An error when another process answers than the one we started.
    fn check_identity(&self, instance: &str, pid: u32) -> anyhow::Result<()> {
        let is_ours = self.instance == instance && self.pid == pid;
        ensure!(is_ours, "another dualgrid answers: {self:?}, and ours is {instance} with pid {pid}");
        Ok(())
    }
}

impl System {
    /// Starts everything and waits until it is ready.
    pub async fn start(setup: SystemSetup) -> anyhow::Result<Self> {
        let (districts, persons) = (setup.districts.clone(), setup.persons.clone());
        let mut system = Self::prepare(setup).await?;
        let mut keys = Command::new(&system.binary);
        keys.args(["keys", "init", "--dir"]).arg(&system.dir);
        run(keys).await.context("could not make keys")?;
        system.config().write(&system.config_path())?;
        if system.users.is_some() {
            system.run_cli(&["migrate"]).await?;
        }
        for district in &districts {
            let file = district.to_str().context("a district file must have a UTF-8 name")?;
            system.run_cli(&["import", "district", file]).await?;
        }
        system.name_administrators(&persons).await?;
        system.serve(Started::Ready).await?;
        Ok(system)
    }

    /// Names the administrators of the sample, and imports these persons as the one of security. A folder that was used before has both.
    async fn name_administrators(&self, persons: &[PathBuf]) -> anyhow::Result<()> {
        let named = ["--system-administrator", "--security-administrator", "--audit-administrator"]
            .into_iter()
            .zip(ADMINISTRATORS);
        let arguments: Vec<&str> = ["init"].into_iter().chain(named.flat_map(|(flag, id)| [flag, id])).collect();
        match self.run_cli(&arguments).await {
            Ok(_) => {}
            Err(error) if format!("{error:#}").contains(NAMED_ALREADY) => {}
            Err(error) => return Err(error),
        }
        for file in persons {
            let file = file.to_str().context("a file of persons must have a UTF-8 name")?;
            self.run_cli(&["import", "persons", file, "--as", ADMINISTRATORS[1]]).await?;
        }
        Ok(())
    }

    async fn prepare(setup: SystemSetup) -> anyhow::Result<Self> {
        let binary = match setup.binary {
            Some(binary) => binary,
            None => dualgrid_binary().await?,
        };
        let (dir, folder) = if let Some(dir) = setup.dir {
            (dir, None)
        } else {
            let folder = Scratch::create("system")?;
            (folder.path().to_owned(), Some(folder))
        };
        std::fs::create_dir_all(&dir).with_context(|| format!("could not create {}", dir.display()))?;
        let dir = dir.canonicalize().with_context(|| format!("{} is gone", dir.display()))?;
        let nats = if let Some(nats) = setup.nats {
            nats
        } else {
            let mut departments = sample::department_codes_in(&setup.districts)?;
            departments.extend(setup.departments);
            departments.sort();
            departments.dedup();
            let setup = NatsSetup { departments, dir: Some(dir.join("nats")), ..NatsSetup::default() };
            NatsServer::start(setup).await?
        };
        let has_its_own = setup.store_url.is_none() && setup.vault_url.is_none();
        let (store_url, vault_url) = match (setup.store_url, setup.vault_url) {
            (Some(store), Some(vault)) => (store, vault),
            (store, vault) => {
                let fresh = databases(setup.store, &dir).await?;
                (store.unwrap_or(fresh.0), vault.unwrap_or(fresh.1))
            }
        };
        let users = match setup.store {
            Store::Postgres if has_its_own => {
                let server = Postgres::shared().await?;
                Some([server.create_users(&store_url).await?, server.create_users(&vault_url).await?])
            }
            _ => None,
        };
        let client = Client::of_program(&binary).await?;
        Ok(Self {
            binary,
            instance: random::hex(8)?,
            store_url,
            vault_url,
            users,
            roles: setup.roles,
            environment: setup.environment,
            client,
            security: tokio::sync::OnceCell::new(),
            departments: Vec::new(),
            process: None,
            nats,
            dir,
            _folder: folder,
        })
    }

    fn config(&self) -> Config {
        let file = |name: &str| self.dir.join(name).display().to_string();
        let as_whom = |users: Option<&Users>, url: &str| match users {
            Some(users) => (users.url.clone(), Some(users.owner_url.clone())),
            None => (url.to_owned(), None),
        };
        let (of_log, of_vault) = self.users.as_ref().map(|[log, vault]| (log, vault)).unzip();
        let (store, vault) = (as_whom(of_log, &self.store_url), as_whom(of_vault, &self.vault_url));
        Config {
            installation: "sample".to_owned(),
            instance: self.instance.clone(),
            http: Http { listen: "127.0.0.1:0".to_owned(), address_file: file("http.addr") },
            operations: Http { listen: "127.0.0.1:0".to_owned(), address_file: file("operations.addr") },
            limits: Limits {
                requests_per_second: 1_000_000,
                requests_burst: 1_000_000,
                upload_kib_per_second: 1_000_000,
                upload_kib_burst: 1_000_000,
            },
            store: config::Store { url: store.0, owner_url: store.1 },
            vault: Vault { url: vault.0, owner_url: vault.1, key_file: file("vault.key") },
            evidence: Evidence { url: format!("file://{}", file("evidence")) },
            auth: Auth { public_key_file: file("token.pub"), private_key_file: file("token.key") },
            nats: Nats { url: self.nats.url(), nkey_file: self.nats.seed_file(CORE).display().to_string() },
        }
    }

    /// Starts the process and waits until it has come so far.
    pub(super) async fn serve(&mut self, wanted: Started) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "dualgrid is running already");
        let addresses = AddressFiles::fresh(&self.dir, &self.roles)?;
        let mut program = self.program("dualgrid", &self.log_path(), &self.roles);
        for (name, value) in &self.environment {
            program = program.env(name, value);
        }
        self.process = Some(started(program, &addresses, &self.client, &self.instance, wanted).await?);
        Ok(())
    }

    /// `dualgrid serve` with this system's configuration.
    pub(super) fn program(&self, name: &str, log: &Path, roles: &[String]) -> Program {
        let program = Program::new(name, &self.binary, log).arg("serve").arg("--config").arg(self.config_path());
        if roles.is_empty() { program } else { program.args(["--roles", &roles.join(",")]) }
    }
}

/// Where a process writes where it listens.
pub(super) struct AddressFiles {
    /// `None` for a process that takes neither commands nor queries.
    pub(super) public: Option<PathBuf>,
    pub(super) operations: PathBuf,
}

impl AddressFiles {
    /// Those in a folder, without what a run before has left: its addresses would lead to whoever has the ports now.
    pub(super) fn fresh(dir: &Path, roles: &[String]) -> anyhow::Result<Self> {
        let (public, operations) = (dir.join("http.addr"), dir.join("operations.addr"));
        for file in [&public, &operations].into_iter().filter(|file| file.exists()) {
            std::fs::remove_file(file).context("could not remove the old address")?;
        }
        let is_api = roles.is_empty() || roles.iter().any(|role| role == "api");
        Ok(Self { public: is_api.then_some(public), operations })
    }

    /// Where it listens for callers and for its operators, once both are known.
    fn read(&self) -> Option<(String, String)> {
        let read = |file: &Path| Some(std::fs::read_to_string(file).ok()?.trim().to_owned());
        let operations = read(&self.operations)?;
        let public = self.public.as_deref().map_or_else(|| Some(operations.clone()), read)?;
        Some((public, operations))
    }
}

/// Starts the process, waits until it has come so far, and points the client there.
pub(super) async fn started(
    program: Program,
    addresses: &AddressFiles,
    client: &Client,
    instance: &str,
    wanted: Started,
) -> anyhow::Result<Process> {
    let mut process = program.end_with(Signal::Terminate).spawn()?;
    let pid = process.pid();
    process
        .wait_until_ready(START_PATIENCE, async || {
            let Some((public, operations)) = addresses.read() else { return Ok(None) };
            client.follow(&public, &operations);
            has_come(client, instance, pid, wanted).await
        })
        .await?;
    Ok(process)
}

/// Whether our process has come so far; an error when another one answers.
async fn has_come(client: &Client, instance: &str, pid: u32, wanted: Started) -> anyhow::Result<Option<()>> {
    let Ok(ready) = client.get("", "/readyz").await else { return Ok(None) };
    if wanted == Started::Ready && !ready.status.is_success() {
        return Ok(None);
    }
    // One that has ended since is noticed by whoever waits.
    let Ok(health) = client.get("", "/healthz").await else { return Ok(None) };
    let health = health.accepted()?;
    let health: Health = serde_json::from_value(health).context("/healthz has another form")?;
    health.check_identity(instance, pid)?;
    Ok(Some(()))
}

/// The addresses of log and vault: never in one database, because they have different backups.
async fn databases(store: Store, dir: &Path) -> anyhow::Result<(String, String)> {
    match store {
        Store::Sqlite => {
            let file = |name: &str| format!("sqlite:{}", dir.join(name).display());
            Ok((file("log.db"), file("vault.db")))
        }
        Store::Postgres => {
            let server = Postgres::shared().await?;
            Ok((server.create_database().await?, server.create_database().await?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_instance_and_another_process_are_noticed() {
        let health: Health = serde_json::from_str(r#"{"instance":"a1","pid":7,"version":"0.1.0"}"#).unwrap();
        health.check_identity("a1", 7).unwrap();
        for (instance, pid) in [("b2", 7), ("a1", 8)] {
            let why = health.check_identity(instance, pid).unwrap_err().to_string();
            assert!(why.starts_with("another dualgrid answers"), "{why}");
        }
    }

    #[tokio::test]
    async fn log_and_vault_are_never_one_database() {
        for store in [Store::Sqlite, Store::Postgres] {
            let (log, vault) = databases(store, Path::new("/data")).await.unwrap();
            assert_ne!(log, vault);
        }
    }
}
