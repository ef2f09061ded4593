//! Starting a nats-server and making sure that it is ours who answers.

use std::net::Ipv4Addr;
use std::time::Duration;

use accounts::{Configuration, Server, Tls};
use anyhow::ensure;

use super::{CORE, NatsServer, connect, shared};
use crate::port;
use crate::process::Program;
use crate::secret::write_secret;
use crate::tls::Issued;

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
        let (seed, tls) = (self.core.secret(), self.tls.clone());
        let server = self.server.insert(program.spawn()?);
        let outcome = server
            .wait_until_ready(START_PATIENCE, async || {
                let Ok(client) = connect::connect(&url, CORE, &seed, tls.as_ref()).await else { return Ok(None) };
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

    /// Starts it again with another certificate, which clients may refuse: waits only until it listens.
    pub async fn show(&mut self, issued: Issued) -> anyhow::Result<()> {
        self.stop().await?;
        self.tls = Some(issued);
        self.write_config()?;
        let program =
            Program::new("nats-server", &self.binary, self.log_path()).arg("--config").arg(self.config_path());
        let port = self.port;
        let server = self.server.insert(program.spawn()?);
        server
            .wait_until_ready(START_PATIENCE, async || {
                Ok(tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok().map(drop))
            })
            .await
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

    /// Writes the configuration where only we can read it.
    fn write_config(&self) -> anyhow::Result<()> {
        let text = if self.shared_account {
            shared::text(&self.settings(), &self.grants())
        } else {
            Configuration::try_new(self.settings(), self.grants())?.text()
        };
        write_secret(&self.config_path(), &text)
    }

    /// What this server's configuration says beside its members.
    pub fn settings(&self) -> Server {
        Server {
            name: self.server_name.clone(),
            listen: format!("127.0.0.1:{}", self.port),
            monitor: self.monitor_port.map(|port| format!("127.0.0.1:{port}")),
            store_dir: self.store_dir().display().to_string(),
            max_payload: self.max_payload,
            flushes_always: !self.flushes_seldom,
            tls: self.tls.as_ref().map(|issued| Tls {
                certificate: issued.certificate.display().to_string(),
                key: issued.key.display().to_string(),
                client_authority: Some(issued.authority.display().to_string()),
            }),
            core: vec![self.core.public()],
            system: vec![self.system.public()],
        }
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
