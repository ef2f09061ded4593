//! A store that a process does not have, because none of its roles uses it.

use std::ops::Range;

use async_trait::async_trait;
use kernel::digest::Digest;
use kernel::{Evidence, PersonId, PersonKey};

use super::evidence_store::{Pieces, Received};
use super::{EvidenceError, EvidenceStore, Failure, Vault, VaultError};

/// In the place of a vault or of a store of evidence: every call fails, with the setting that would give one.
#[derive(Clone, Copy, Debug)]
pub struct Absent {
    setting: &'static str,
}

impl Absent {
    /// For the store that this setting names, for example `vault.url`.
    pub const fn of(setting: &'static str) -> Self {
        Self { setting }
    }

    fn failure(self) -> Failure {
        let reason = format!("this process was started without it: no role of it uses {}", self.setting);
        Failure { operation: "use a store that is not open", reason, passing: false }
    }
}

#[async_trait]
impl Vault for Absent {
    async fn key(&self, _: PersonId) -> Result<Option<PersonKey>, VaultError> {
        Err(self.failure().into())
    }

    async fn keep(&self, _: PersonId, _: &PersonKey) -> Result<PersonKey, VaultError> {
        Err(self.failure().into())
    }

    async fn erase(&self, _: &[PersonId]) -> Result<u64, Failure> {
        Err(self.failure())
    }

    async fn check(&self) -> Result<(), Failure> {
        Err(self.failure())
    }
}

#[async_trait]
impl EvidenceStore for Absent {
    async fn receive(&self, _: &str, _: Pieces) -> Result<Box<dyn Received>, EvidenceError> {
        Err(self.failure().into())
    }

    async fn find(&self, _: Digest) -> Result<Option<Evidence>, EvidenceError> {
        Err(self.failure().into())
    }

    async fn read(&self, _: Digest, _: Range<u64>) -> Result<Option<Pieces>, EvidenceError> {
        Err(self.failure().into())
    }

    async fn remove(&self, _: Digest) -> Result<(), Failure> {
        Err(self.failure())
    }
}
