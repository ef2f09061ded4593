//! How keys of persons are stored: under the key of the installation.

use std::fmt;
use std::sync::Arc;

use app::port::{Failure, VaultError};
use chrono::{DateTime, Utc};
use kernel::{Clock, Entropy, PersonId, PersonKey, WrappingKey};

use crate::error::OpenError;
use crate::failure::broken;

/// What a vault needs beside its database.
#[derive(Clone)]
pub struct Wrapping {
    /// The key of the installation, under which person keys are kept.
    pub key: WrappingKey,
    /// Where nonces come from.
    pub entropy: Arc<dyn Entropy>,
    /// When keys were stored and erased.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapping").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What is stored of a person: the wrapped key, or nothing once they were erased.
pub(super) struct StoredKey {
    pub(super) wrapped: Option<Vec<u8>>,
}

impl Wrapping {
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The key of `person` as it is stored.
    pub(super) fn wrap(&self, person: PersonId, key: &PersonKey) -> Vec<u8> {
        self.key.wrap(person, key, self.entropy.as_ref())
    }

    /// Opens what is stored of `person`.
    pub(super) fn open(
        &self,
        operation: &'static str,
        person: PersonId,
        stored: StoredKey,
    ) -> Result<PersonKey, VaultError> {
        let Some(wrapped) = stored.wrapped else { return Err(VaultError::Erased(person)) };
        let opened = self.key.unwrap(person, &wrapped);
        opened
            .map_err(|_| broken(operation, format!("the wrapping key does not fit the key of person {person}")).into())
    }

    /// A key of nobody, to be stored when the vault is created.
    pub(super) fn check_value(&self) -> Vec<u8> {
        self.wrap(nobody(), &PersonKey::generate(self.entropy.as_ref()))
    }

    /// Whether the key of nobody can be opened.
    pub(super) fn refuse_unless_fits(&self, check_value: &[u8]) -> Result<(), OpenError> {
        self.key.unwrap(nobody(), check_value).map(drop).map_err(|_| OpenError::WrongWrappingKey)
    }
}

fn nobody() -> PersonId {
    PersonId::named("the check value of the vault")
}

/// The failure of a key that was just stored and does not exist: somebody deletes rows by hand.
pub(super) fn vanished(operation: &'static str, person: PersonId) -> Failure {
    broken(operation, format!("the key of person {person} vanished while it was being stored"))
}
