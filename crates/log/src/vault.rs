//! Keys of persons, wrapped, in a database of their own: what is erased there is gone everywhere.
//!
//! INVARIANT: a key is stored durably before it is given out, so nothing is ever sealed under a key that gets lost.
//! INVARIANT: an erased person never gets a key again.

mod postgres;
mod sqlite;

pub use postgres::PgVault;
pub use sqlite::SqliteVault;

use std::fmt;
use std::sync::Arc;

use app::port::{Failure, VaultError};
use chrono::{DateTime, Utc};
use kernel::{Clock, Entropy, PersonId, PersonKey, WrappingKey};

use crate::failure::broken;
use crate::open::OpenError;

/// What a vault needs beside its database.
#[derive(Clone)]
pub struct Wrapping {
    /// The key of the installation, under which person keys are kept.
    pub key: WrappingKey,
    /// Where new keys and nonces come from.
    pub entropy: Arc<dyn Entropy>,
    /// When keys were made and erased.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Wrapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapping").field("key", &self.key).finish_non_exhaustive()
    }
}

/// What is stored of a person: the wrapped key, or nothing once they were erased.
struct StoredKey {
    wrapped: Option<Vec<u8>>,
}

impl Wrapping {
    fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// A fresh key, wrapped for `person`.
    fn fresh(&self, person: PersonId) -> Vec<u8> {
        let key = PersonKey::generate(self.entropy.as_ref());
        self.key.wrap(person, &key, self.entropy.as_ref())
    }

    /// Opens what is stored of `person`.
    fn open(&self, operation: &'static str, person: PersonId, stored: StoredKey) -> Result<PersonKey, VaultError> {
        let Some(wrapped) = stored.wrapped else { return Err(VaultError::Erased(person)) };
        let opened = self.key.unwrap(person, &wrapped);
        opened
            .map_err(|_| broken(operation, format!("the wrapping key does not fit the key of person {person}")).into())
    }

    /// A key of nobody, to be stored when the vault is made.
    fn check_value(&self) -> Vec<u8> {
        self.fresh(nobody())
    }

    /// Whether the key of nobody can be opened.
    fn refuse_unless_fits(&self, check_value: &[u8]) -> Result<(), OpenError> {
        self.key.unwrap(nobody(), check_value).map(drop).map_err(|_| OpenError::WrongWrappingKey)
    }
}

fn nobody() -> PersonId {
    PersonId::named("the check value of the vault")
}

/// The failure of a key that was just stored and is not there: somebody deletes rows by hand.
fn vanished(operation: &'static str, person: PersonId) -> Failure {
    broken(operation, format!("the key of person {person} vanished while it was being made"))
}
