//! Keys of persons. A database of its own, with its own backup: what is erased there is gone everywhere.

use async_trait::async_trait;
use kernel::{PersonId, PersonKey};

use super::Failure;

/// Why a key could not be read or kept.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// The person was erased; the id never gets a key again.
    #[error("person {0} was erased")]
    Erased(PersonId),
    /// The vault is broken or out of reach, or the wrapping key does not fit.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The vault.
#[async_trait]
pub trait Vault: Send + Sync + 'static {
    /// The key of a person; `None` if there never was one.
    async fn key(&self, person: PersonId) -> Result<Option<PersonKey>, VaultError>;
    /// Stores `key` durably, unless the person has a key already. Returns the key that is stored: the first one wins.
    ///
    /// The caller seals under a key made in memory, decides, keeps the key, and only then records what is sealed. If another
    /// key comes back, what was sealed must be sealed again.
    async fn keep(&self, person: PersonId, key: &PersonKey) -> Result<PersonKey, VaultError>;
    /// Deletes the keys of these persons forever and remembers that it did, also of whom there was none: they never get one. Says how many
    /// keys there were. Costs a look where all of it was done before.
    async fn erase(&self, persons: &[PersonId]) -> Result<u64, Failure>;
    /// Whether a key could be stored: goes the way of a write and changes nothing.
    async fn check(&self) -> Result<(), Failure>;
    /// The public name of the wrapping key under which it keeps what is new; `None` where there is no vault.
    fn generation(&self) -> Option<String> {
        None
    }
}
