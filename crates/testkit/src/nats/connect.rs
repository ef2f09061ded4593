//! Connections to a private nats-server.

use std::time::Duration;

use anyhow::Context as _;
use async_nats::{Client, ConnectOptions};

use crate::tls::Issued;

/// How long a connection or an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects with the key of a user, to a server with a certificate under one of the same authority.
pub(super) async fn connect(url: &str, user: &str, seed: &str, tls: Option<&Issued>) -> anyhow::Result<Client> {
    let options = ConnectOptions::with_nkey(seed.to_owned());
    let with_tls = |options: ConnectOptions, issued: &Issued| {
        options
            .require_tls(true)
            .add_root_certificates(issued.authority.clone())
            .add_client_certificate(issued.certificate.clone(), issued.key.clone())
    };
    tls.into_iter()
        .fold(options, with_tls)
        .connection_timeout(PATIENCE)
        .request_timeout(Some(PATIENCE))
        .connect(url)
        .await
        .with_context(|| format!("could not connect to {url} as {user}"))
}
