//! A PostgreSQL with a standby, and an address that leads to whichever of both is the primary.

use anyhow::Context as _;
use testkit::postgres::{Commit, Postgres, Standby};
use testkit::proxy::Proxy;
use testkit::system::SystemSetup;

use crate::scenario::Run;

/// Both servers, and the proxy that programs go through.
pub(crate) struct Pair {
    primary: Postgres,
    /// None between a failover and the next standby.
    standby: Option<Standby>,
    proxy: Proxy,
}

impl Pair {
    /// Starts both.
    pub(crate) async fn start() -> anyhow::Result<Self> {
        let mut primary = Postgres::start().await?;
        let standby = primary.standby().await?;
        let proxy = Proxy::before_postgres(primary.port()).await?;
        Ok(Self { primary, standby: Some(standby), proxy })
    }

    /// The sample system with its log here. Its vault is on another server, which keeps everything.
    pub(crate) async fn setup(&self, run: &Run) -> anyhow::Result<SystemSetup> {
        let url = self.primary.create_database().await?;
        let url = self.primary.url_at(&url, self.proxy.address().port());
        Ok(SystemSetup { store_url: Some(url), ..run.setup()? })
    }

    /// The server that a failover leads to.
    pub(crate) fn standby(&self) -> anyhow::Result<&Standby> {
        self.standby.as_ref().context("there is no standby")
    }

    /// From here on a commit waits for the standby.
    pub(crate) async fn wait_for_standby(&self, commit: Commit) -> anyhow::Result<()> {
        self.primary.wait_for(self.standby()?, commit).await
    }

    /// From here on the standby gets nothing, after it has got everything until now.
    pub(crate) async fn hold_back(&self) -> anyhow::Result<()> {
        let standby = self.standby()?;
        standby.catches_up(&self.primary).await?;
        standby.hold_back();
        Ok(())
    }

    /// The primary ends as in a crash, and the standby takes its place. Gives the old primary.
    pub(crate) async fn fail_over(&mut self) -> anyhow::Result<Postgres> {
        let standby = self.standby.take().context("there is no standby")?;
        self.primary.stop_immediately().await?;
        let old = std::mem::replace(&mut self.primary, standby.promote().await?);
        self.lead_back();
        Ok(old)
    }

    /// A primary without a standby gets one.
    pub(crate) async fn has_standby(&mut self) -> anyhow::Result<()> {
        if self.standby.is_none() {
            self.standby = Some(self.primary.standby().await?);
        }
        Ok(())
    }

    /// The address leads elsewhere, such as to a primary of old.
    pub(crate) fn lead_to(&self, other: &Postgres) {
        self.proxy.lead_to(other.port());
    }

    /// The address leads to the primary.
    pub(crate) fn lead_back(&self) {
        self.proxy.lead_to(self.primary.port());
    }
}
