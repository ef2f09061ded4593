//! Erasures carried out: whoever the log says was erased has no key in the vault.
//!
//! The log comes first, so that an erasure is never lost: a process that ends between the two, a vault that is away, and a vault that
//! comes back from a backup have the same cure. The list is carried out at start before anything is served, after each erasure, and
//! twice a minute.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use kernel::facts::KeyState;
use kernel::{Actor, CommandId, Event as _, PersonId, Verb as _};
use people::Erasures;
use people::erasures::{BeginGeneration, ErasuresEvent};
use tokio::sync::watch;

use crate::intake::Request;
use crate::memory::catch_up;
use crate::port::VaultError;
use crate::{App, Error};

/// How often the whole list is carried out again.
const EVERY: Duration = Duration::from_secs(30);

impl App {
    /// Deletes the key of everybody who was erased, as far as the vault still has it, and lets none of them get one again.
    /// Says how many keys were there.
    ///
    /// # Errors
    /// Where the log or the vault is away. The same call finishes it.
    pub async fn carry_out_erasures(&self) -> Result<u64, Error> {
        let log = &*self.ports.log;
        let mut list = self.erasures.list.lock().await;
        let incarnation = *log.incarnation().borrow();
        let known = if list.0 == incarnation { Arc::clone(&list.1) } else { Arc::default() };
        *list = (incarnation, catch_up(log, known, people::erasures_id()).await?);
        let persons: Vec<PersonId> = list.1.state.persons().collect();
        let deleted = self.ports.vault.erase(&persons).await?;
        if deleted > 0 {
            tracing::warn!(keys = deleted, "keys of persons who were erased were deleted from the vault");
        }
        Ok(deleted)
    }

    /// Records that the vault keeps keys under a wrapping key under which nothing was kept before, unless that is known.
    ///
    /// # Errors
    /// Where the log is away.
    pub async fn begin_generation(&self) -> Result<(), Error> {
        let Some(generation) = self.ports.vault.generation() else { return Ok(()) };
        let known = self.erasures.list.lock().await.1.state.has_generation(&generation);
        if known {
            return Ok(());
        }
        let command = CommandId::named(&format!("vault/generation/{}/{generation}", self.settings.installation));
        let body = serde_json::to_vec(&BeginGeneration { generation });
        let body = body.map_err(|error| Error::Unreadable(error.to_string()))?.into();
        let (actor, name) = (Actor::system("vault"), BeginGeneration::NAME.to_owned());
        let (correlation, causation, traceparent, id) = (None, None, None, None);
        self.submit(Request { actor, command, correlation, causation, traceparent, name, id, body }).await.map(drop)
    }

    /// The erasures that are not complete: a generation of the vault is left that has the key. Each with the moment by which it must be.
    ///
    /// # Errors
    /// Where the log is away.
    pub async fn open_erasures(&self) -> Result<Vec<(PersonId, DateTime<Utc>)>, Error> {
        let known = catch_up(&*self.ports.log, Arc::default(), people::erasures_id()).await?;
        Ok(Erasures::open(&known.state).collect())
    }

    /// Carries out whatever was erased, until `stop` turns true: what another process could not finish, and what comes back.
    pub async fn keep_erasures(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.carry_out_erasures().await {
                tracing::error!(%error, "erasures could not be carried out; it is tried again");
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Carries out what a command on this kind of stream recorded.
    pub(crate) async fn after_command(&self, category: &str) -> Result<(), Error> {
        if category == ErasuresEvent::CATEGORY { self.carry_out_erasures().await.map(drop) } else { Ok(()) }
    }

    /// What the vault has of a person; nothing where it has never had a key.
    pub(crate) async fn key_state(&self, person: PersonId) -> Result<Option<KeyState>, Error> {
        match self.ports.vault.key(person).await {
            Ok(key) => Ok(key.map(|_| KeyState::Held)),
            Err(VaultError::Erased(_)) => Ok(Some(KeyState::Erased)),
            Err(error) => Err(error.into()),
        }
    }
}
