//! Connections to a private nats-server.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::{Client, ConnectOptions};

use super::config::inbox_prefix;

/// How long a connection or an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects with the inbox prefix that the user's permissions ask for.
pub(super) async fn connect(url: &str, user: &str, password: &str) -> anyhow::Result<Client> {
    ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned())
        .custom_inbox_prefix(inbox_prefix(user))
        .connection_timeout(PATIENCE)
        .request_timeout(Some(PATIENCE))
        .connect(url)
        .await
        .with_context(|| format!("could not connect to {url} as {user}"))
}
