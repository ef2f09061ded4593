//! What a request says, so that a repeat can be told from another request under the same id.
//!
//! A log keeps it forever, so it must not tell what somebody had erased. Of personal data it holds a digest under a key that is derived
//! from that of their person: with that key, in the vault, a repeat is told from a request with another telephone number; without it
//! the digest is noise. A repeat that comes after the erasure is compared by everything else.

use kernel::canonical::Numbered;
use kernel::digest::Digest;
use kernel::{Canonical, PersonId, PersonKey, Role};
use uuid::Uuid;

use crate::port::event_log::UNKNOWN_REQUEST;
use crate::port::{Fingerprint, VaultError};
use crate::{App, Error};

/// Separates these digests from all others. It is no secret.
const DOMAIN: &[u8] = b"dualgrid command";

/// What a request says.
#[derive(Debug)]
pub(crate) struct Said {
    open: Digest,
    canonical: Canonical,
}

impl Said {
    /// A command as it was read, in the role in which it is given, on what its path names.
    pub(crate) fn new(role: Role, of: Option<Uuid>, verb: &str, canonical: Canonical) -> Self {
        let of = of.map(|id| id.to_string()).unwrap_or_default();
        let parts = [role.as_str().as_bytes(), of.as_bytes(), verb.as_bytes(), &canonical.open];
        Self { open: Digest::keyed(DOMAIN, &parts), canonical }
    }

    /// Where there is a number in an open text that tells who somebody is.
    pub(crate) fn numbers(&self) -> &[Numbered] {
        &self.canonical.numbers
    }

    /// As the log keeps it, where the personal data in it are sealed under this key.
    pub(crate) fn fingerprint(&self, sealed: Option<&(PersonId, PersonKey)>) -> Fingerprint {
        let of = |(person, key): &(PersonId, PersonKey)| (*person, key.digest(&self.canonical.personal));
        let personal = sealed.filter(|_| !self.canonical.personal.is_empty()).map(of);
        Fingerprint { open: self.open, personal }
    }
}

impl App {
    /// Whether a command was recorded for this request. Of whom was erased since, the personal data are not compared.
    pub(crate) async fn is_recorded_for(&self, recorded: &Fingerprint, said: &Said) -> Result<bool, Error> {
        if *recorded == UNKNOWN_REQUEST {
            return Ok(true);
        }
        if recorded.open != said.open {
            return Ok(false);
        }
        let Some((person, digest)) = recorded.personal else { return Ok(true) };
        match self.ports.vault.key(person).await {
            Ok(Some(key)) => Ok(key.digest(&said.canonical.personal) == digest),
            Ok(None) | Err(VaultError::Erased(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests;
