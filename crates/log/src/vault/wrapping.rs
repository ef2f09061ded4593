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
    /// The key of the installation, under which keys of persons are wrapped.
    pub key: WrappingKey,
    /// Others, under which some still are, or will be, while the key is exchanged.
    pub others: Vec<WrappingKey>,
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

/// What is stored of a person: the wrapped key and the name of the key around it, or nothing once they were erased.
pub(super) struct StoredKey {
    pub(super) wrapped: Option<(Vec<u8>, String)>,
}

/// A wrapping key, as the vault knows it.
pub(super) struct Known {
    pub(super) id: String,
    pub(super) check_value: Vec<u8>,
    pub(super) is_retired: bool,
    /// Whether the key of a person is wrapped under it.
    pub(super) is_used: bool,
}

impl Wrapping {
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The public name of the key under which is wrapped now.
    pub(super) fn id(&self) -> String {
        self.key.id()
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
        let Some((wrapped, id)) = stored.wrapped else { return Err(VaultError::Erased(person)) };
        let Some(key) = self.named(&id) else {
            let reason = format!(
                "the key of person {person} is under the wrapping key {id}: name its file in vault.other_key_files"
            );
            return Err(broken(operation, reason).into());
        };
        let opened = key.unwrap(person, &wrapped);
        opened
            .map_err(|_| broken(operation, format!("the wrapping key does not fit the key of person {person}")).into())
    }

    /// The same key of `person` under the current wrapping key. `None` where it cannot be opened.
    pub(super) fn again(&self, person: PersonId, wrapped: &[u8], id: &str) -> Option<Vec<u8>> {
        let key = self.named(id)?.unwrap(person, wrapped).ok()?;
        Some(self.wrap(person, &key))
    }

    fn named(&self, id: &str) -> Option<&WrappingKey> {
        std::iter::once(&self.key).chain(&self.others).find(|key| key.id() == id)
    }

    /// A key of nobody, by which a wrong wrapping key is noticed.
    pub(super) fn check_value(&self) -> Vec<u8> {
        self.wrap(nobody(), &PersonKey::generate(self.entropy.as_ref()))
    }

    /// Refuses keys that do not fit what the vault knows. True where the current key is new to it.
    pub(super) fn fit(&self, known: &[Known]) -> Result<bool, OpenError> {
        let fits =
            |known: &Known| self.named(&known.id).is_some_and(|key| key.unwrap(nobody(), &known.check_value).is_ok());
        if let Some(current) = known.iter().find(|known| known.id == self.id()) {
            if current.is_retired {
                return Err(OpenError::RetiredWrappingKey(current.id.clone()));
            }
            if !fits(current) {
                return Err(OpenError::WrongWrappingKey);
            }
        } else if !known.is_empty() && !known.iter().any(|known| !known.is_retired && fits(known)) {
            return Err(OpenError::WrongWrappingKey);
        }
        if let Some(missing) = known.iter().find(|known| known.is_used && !fits(known)) {
            return Err(OpenError::MissingWrappingKey(missing.id.clone()));
        }
        Ok(known.iter().all(|known| known.id != self.id()))
    }
}

fn nobody() -> PersonId {
    PersonId::named("the check value of the vault")
}

/// The failure of a key that was just stored and does not exist: its wrapping key was retired meanwhile, unless somebody deletes rows by hand.
pub(super) fn vanished(operation: &'static str, person: PersonId) -> Failure {
    let reason = format!(
        "no key of person {person} was stored: the wrapping key of this process was exchanged; start it again with the one that is in use"
    );
    broken(operation, reason)
}
