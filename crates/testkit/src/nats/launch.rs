//! Starting a nats-server and making sure that it is ours who answers.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::config::flushing_seldom;
use super::{
    CORE, DepartmentUser, INTEGRATOR, NatsConfig, NatsServer, Password, connect, department_user, nats_config,
};
use crate::port;
use crate::process::Program;

/// How long a start, with recovery, may take.
const START_PATIENCE: Duration = Duration::from_mins(1);

impl NatsServer {
    /// Starts it again at the same port with the same data.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.server.is_none(), "nats-server is running already");
        self.write_config()?;
        let program =
            Program::new("nats-server", &self.binary, self.log_path()).arg("--config").arg(self.config_path());
        let (url, server_name) = (self.url(), self.server_name.clone());
        let (user, password) = self.user(CORE).map(|(user, password)| (user.to_owned(), password.to_owned()))?;
        let server = self.server.insert(program.spawn()?);
        let outcome = server
            .wait_until_ready(START_PATIENCE, async || {
                let Ok(client) = connect::connect(&url, &user, &password).await else { return Ok(None) };
                let answered = client.server_info().server_name;
                ensure!(answered == server_name, "the nats-server `{answered}` answers at {url}");
                // Clients are let in before JetStream has recovered its streams.
                let account = async_nats::jetstream::new(client).query_account().await;
                Ok(account.is_ok().then_some(()))
            })
            .await;
        if outcome.is_err() {
            self.server = None;
        }
        outcome
    }

    /// The first start: somebody may be faster to take the port that was free.
    pub(super) async fn start_at_free_port(&mut self) -> anyhow::Result<()> {
        for _ in 1..port::ATTEMPTS_MAX {
            match self.start_again().await {
                Err(_) if self.lost_its_port() => self.take_other_ports()?,
                outcome => return outcome,
            }
        }
        self.start_again().await
    }

    fn lost_its_port(&self) -> bool {
        std::fs::read_to_string(self.log_path()).is_ok_and(|log| port::was_taken(&log))
    }

    fn take_other_ports(&mut self) -> anyhow::Result<()> {
        self.port = port::free()?;
        if self.monitor_port.is_some() {
            self.monitor_port = Some(port::free()?);
        }
        Ok(())
    }

    /// Writes the configuration where only we can read it: it holds passwords.
    fn write_config(&self) -> anyhow::Result<()> {
        let path = self.config_path();
        let mut file = std::fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| format!("could not write {}", path.display()))?;
        let text = nats_config(&self.config()?);
        let text = if self.flushes_seldom { flushing_seldom(&text) } else { text };
        let text = match self.max_payload {
            Some(bytes) => format!("max_payload: {bytes}\n{text}"),
            None => text,
        };
        file.write_all(text.as_bytes()).context("could not write the configuration")
    }

    fn config(&self) -> anyhow::Result<NatsConfig> {
        let password = |user: &str| self.user(user).map(|(_, password)| Password::Value(password.to_owned()));
        let department = |code: &String| DepartmentUser::try_new(code, password(&department_user(code))?);
        Ok(NatsConfig {
            server_name: self.server_name.clone(),
            listen: format!("127.0.0.1:{}", self.port),
            monitor: self.monitor_port.map(|port| format!("127.0.0.1:{port}")),
            store_dir: self.store_dir().display().to_string(),
            core: password(CORE)?,
            integrator: password(INTEGRATOR)?,
            departments: self.departments.iter().map(department).collect::<anyhow::Result<_>>()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nats::NatsSetup;

    #[tokio::test]
    async fn a_port_that_somebody_took_is_given_up_for_another() {
        let first = NatsServer::start(NatsSetup::default()).await.unwrap();
        let mut second = NatsServer::prepare(NatsSetup::default()).await.unwrap();
        second.port = first.port;
        second.start_at_free_port().await.unwrap();
        assert_ne!(second.url(), first.url());
    }
}
