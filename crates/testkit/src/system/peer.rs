//! Another process of the same installation.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use anyhow::Context as _;

use super::launch::{AddressFiles, Started, started};
use super::{STOP_PATIENCE, System};
use crate::client::Client;
use crate::process::{Process, Signal};
use crate::random;

/// A further dualgrid beside that of a [`System`], on the same databases and the same NATS. Ends when dropped.
#[derive(Debug)]
pub struct Peer {
    instance: String,
    roles: Vec<String>,
    dir: PathBuf,
    client: Client,
    process: Option<Process>,
}

impl Peer {
    pub(super) async fn start(
        system: &System,
        roles: &[&str],
        environment: Vec<(String, String)>,
    ) -> anyhow::Result<Self> {
        // Opens with letters, so that nobody takes it for a number where the environment is read.
        let instance = format!("peer-{}", random::hex(8)?);
        let dir = system.dir.join(&instance);
        std::fs::create_dir_all(&dir).with_context(|| format!("could not create {}", dir.display()))?;
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        let mut peer = Self { instance, roles, dir, client: Client::of_program(&system.binary).await?, process: None };
        peer.restart(system, environment).await?;
        Ok(peer)
    }

    /// A client of it; clones follow it over restarts.
    pub fn http(&self) -> Client {
        self.client.clone()
    }

    /// What it printed.
    pub fn log_path(&self) -> PathBuf {
        self.dir.join("dualgrid.log")
    }

    /// Its process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.process.as_ref().map(Process::pid)
    }

    /// Stops it if it runs, and starts it again, with these variables.
    pub async fn restart(&mut self, system: &System, environment: Vec<(String, String)>) -> anyhow::Result<()> {
        self.serve(system, environment, Started::Ready).await
    }

    /// The same for a process that answers and may say that it cannot work.
    pub async fn restart_unready(&mut self, system: &System) -> anyhow::Result<()> {
        self.serve(system, Vec::new(), Started::Answering).await
    }

    async fn serve(
        &mut self,
        system: &System,
        environment: Vec<(String, String)>,
        wanted: Started,
    ) -> anyhow::Result<()> {
        if self.process.is_some() {
            self.stop().await?;
        }
        let addresses = AddressFiles::fresh(&self.dir, &self.roles)?;
        let mut program = system
            .program("a peer of dualgrid", &self.log_path(), &self.roles)
            .env("DUALGRID__INSTANCE", &self.instance)
            .env("DUALGRID__OPERATIONS__ADDRESS_FILE", &addresses.operations);
        if let Some(public) = &addresses.public {
            program = program.env("DUALGRID__HTTP__ADDRESS_FILE", public);
        }
        for (name, value) in environment {
            program = program.env(name, value);
        }
        self.process = Some(started(program, &addresses, &self.client, &self.instance, wanted).await?);
        Ok(())
    }

    /// Sends a signal to it, such as SIGSTOP.
    pub fn signal(&mut self, signal: Signal) -> anyhow::Result<()> {
        self.running()?.signal(signal)
    }

    /// SIGKILL: no chance to finish anything.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.running()?.kill()?;
        self.process = None;
        Ok(())
    }

    /// Stops it in order.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let process = self.running()?;
        let status = process.stop(Signal::Terminate, STOP_PATIENCE).await?;
        anyhow::ensure!(status.success(), "a peer stopped with {status}; its log:\n{}", process.log_tail());
        self.process = None;
        Ok(())
    }

    /// Waits until it has ended by itself, and says how.
    pub async fn wait_for_end(&mut self, patience: Duration) -> anyhow::Result<ExitStatus> {
        let status = self.running()?.wait(patience).await?;
        self.process = None;
        Ok(status)
    }

    fn running(&mut self) -> anyhow::Result<&mut Process> {
        self.process.as_mut().context("this peer is not running")
    }
}
