//! Everything that a use case needs, in one place.

use std::sync::Arc;

use case::Case;
use kernel::digest::Digest;
use kernel::{Clock, DepartmentCode, Entropy, Evidence, Position, WrappingKey};
use quick_cache::sync::Cache;
use tokio::sync::watch;

use crate::Error;
use crate::health::Health;
use crate::port::{AggregateStores, EventLog, EvidenceStore, Vault, ViewStore};
use crate::reference::Reference;
use crate::seen::Remembered;

/// How many files are known to be there without looking.
const EVIDENCE_MAX: usize = 10_000;

/// The adapters of floor 3 and what the kernel reads from the system.
#[derive(Clone)]
pub struct Ports {
    /// The event log.
    pub log: Arc<dyn EventLog>,
    /// Store handles for esrs on that log.
    pub stores: Arc<dyn AggregateStores>,
    /// The tables of views.
    pub views: Arc<dyn ViewStore>,
    /// Keys of persons.
    pub vault: Arc<dyn Vault>,
    /// Files.
    pub evidence: Arc<dyn EvidenceStore>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
}

/// What belongs to the installation.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name, part of the CloudEvents source.
    pub installation: String,
    /// Key under which requests are hashed, so that a stored hash tells nothing about a name or a telephone number.
    pub request_key: [u8; 32],
}

impl Settings {
    /// Derives the request key from the key of the installation.
    pub fn new(installation: impl Into<String>, wrapping: &WrappingKey) -> Self {
        Self { installation: installation.into(), request_key: wrapping.derive("dualgrid request hash") }
    }
}

/// The use cases. Shared by every role of a process.
pub struct App {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) reference: Reference,
    pub(crate) cases: Remembered<Case>,
    /// Files that are known to be there. They never change; whether one can still be read shows when it is read.
    pub(crate) evidence: Cache<Digest, Evidence>,
    health: Health,
}

impl App {
    /// Puts the use cases on top of the adapters.
    pub fn new(ports: Ports, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            ports,
            settings,
            reference: Reference::default(),
            cases: Remembered::default(),
            evidence: Cache::new(EVIDENCE_MAX),
            health: Health::default(),
        })
    }

    /// The adapters.
    pub fn ports(&self) -> &Ports {
        &self.ports
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.ports.clock
    }

    /// Where the roles of this process say how they are.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// The newest position that this process has committed or seen.
    pub fn committed(&self) -> watch::Receiver<Position> {
        self.ports.log.committed()
    }

    /// The departments that are active now.
    pub async fn departments(&self) -> Result<Vec<DepartmentCode>, Error> {
        let now = self.ports.clock.now();
        let known = self.reference.read(&self.ports, now).await?;
        Ok(known.district.departments(now).map(|department| department.code.clone()).collect())
    }
}
