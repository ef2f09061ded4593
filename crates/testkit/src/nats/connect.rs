//! Connections to a private nats-server.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::{Client, ConnectOptions};

/// How long a connection or an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects with the key of a user.
pub(super) async fn connect(url: &str, user: &str, seed: &str) -> anyhow::Result<Client> {
    ConnectOptions::with_nkey(seed.to_owned())
        .connection_timeout(PATIENCE)
        .request_timeout(Some(PATIENCE))
        .connect(url)
        .await
        .with_context(|| format!("could not connect to {url} as {user}"))
}
