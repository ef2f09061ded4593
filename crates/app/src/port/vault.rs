//! Keys of persons. A database of its own, with its own backup: what is erased there is gone everywhere.

use async_trait::async_trait;
use kernel::{PersonId, PersonKey};

use super::Failure;

/// Why there is no key.
#[derive(Debug, Clone, thiserror::Error)]
pub enum VaultError {
    /// The person was erased; their id is never used again.
    #[error("person {0} was erased")]
    Erased(PersonId),
    /// The vault is broken or out of reach, or the wrapping key does not fit.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// The vault.
#[async_trait]
pub trait Vault: Send + Sync + 'static {
    /// The key of a person; `None` where there never was one.
    async fn key(&self, person: PersonId) -> Result<Option<PersonKey>, VaultError>;
    /// Stores the key of a person durably. Returns the one that is stored: the first one stays.
    async fn keep(&self, person: PersonId, key: &PersonKey) -> Result<PersonKey, VaultError>;
    /// Deletes the key forever and remembers that it did. False where there was none.
    async fn erase(&self, person: PersonId) -> Result<bool, Failure>;
}
