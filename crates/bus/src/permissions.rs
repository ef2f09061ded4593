//! Whether NATS allows the core what it needs.

use async_nats::jetstream;

use crate::{Connection, Error, stream};

/// Tries what the core must be allowed to do: look at JetStream, and receive the answers.
///
/// # Errors
/// What NATS refused or did not answer.
pub async fn check_permissions(connection: &Connection) -> Result<(), Error> {
    let jetstream = jetstream::new(connection.client().clone());
    let account = jetstream.query_account().await;
    account.map_err(Error::nats("look at JetStream: enable it, and let the core's user do everything"))?;
    stream::find(&jetstream).await.map(|_| ())
}
