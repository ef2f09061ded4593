//! Everything that a use case needs, in one place.

use std::sync::Arc;

use kernel::digest::Digest;
use kernel::{Clock, DepartmentCode, Position};
use quick_cache::sync::Cache;
use tokio::sync::watch;

use crate::Error;
use crate::erased::Erased;
use crate::following::Following;
use crate::health::{Answered, Health};
use crate::lately::Lately;
use crate::memory::Memory;
use crate::nameable::Nameable;
use crate::pace::{Pace, Rate};
use crate::port::Ports;
use crate::port::uploads::Keeping;
use crate::reference::{Known, Reference};
use crate::refusals::{Refusals, Refused};
use crate::turns::Turns;

/// How many files are known to be there without looking.
const EVIDENCE_MAX: usize = 10_000;

/// What belongs to the installation.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its name, part of the CloudEvents source.
    pub installation: String,
    /// How many requests a principal may make; as many as it likes without one.
    pub rate: Option<Rate>,
    /// How long files are kept that nothing names, and how many may be sent.
    pub keeping: Keeping,
}

impl Settings {
    /// Those of an installation, without limits.
    pub fn new(installation: impl Into<String>) -> Self {
        Self { installation: installation.into(), rate: None, keeping: Keeping::default() }
    }

    /// The same with other times and quotas of files.
    #[must_use]
    pub fn keeping(self, keeping: Keeping) -> Self {
        Self { keeping, ..self }
    }

    /// The same with a limit to the requests of each principal.
    #[must_use]
    pub fn paced(self, rate: Rate) -> Self {
        Self { rate: Some(rate), ..self }
    }
}

/// The use cases. Shared by every role of a process.
pub struct App {
    pub(crate) ports: Ports,
    pub(crate) settings: Settings,
    pub(crate) reference: Reference,
    pub(crate) memory: Memory,
    pub(crate) turns: Turns,
    pub(crate) pace: Pace,
    pub(crate) refusals: Refusals,
    pub(crate) answered: Answered,
    /// Files that an owner may name, as they were looked up last. Whether one can still be read shows when it is read.
    pub(crate) evidence: Cache<(String, Digest), Nameable>,
    pub(crate) epoch: Lately,
    pub(crate) erasures: Erased,
    /// How often each reader has read personal data today.
    pub(crate) readings: crate::readings::Readings,
    health: Health,
    /// How far follow-ups that go to many have come.
    pub(crate) following: watch::Sender<Following>,
}

impl App {
    /// Puts the use cases on top of the adapters.
    pub fn new(ports: Ports, settings: Settings) -> Arc<Self> {
        Arc::new(Self {
            pace: Pace::of(settings.rate),
            refusals: Refusals::default(),
            settings,
            reference: Reference::default(),
            memory: Memory::of(&*ports.log),
            turns: Turns::default(),
            answered: Answered::default(),
            evidence: Cache::new(EVIDENCE_MAX),
            epoch: Lately::default(),
            erasures: Erased::default(),
            readings: crate::readings::Readings::default(),
            health: Health::default(),
            following: watch::Sender::default(),
            ports,
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

    /// Counts a request of a principal: the subject of a token, or a department. Every door asks before it does anything for them.
    ///
    /// # Errors
    /// [`Error::TooManyRequests`] where it makes more than the installation allows; nothing was done then.
    pub fn admit(&self, principal: &str) -> Result<(), Error> {
        self.pace.admit(principal)
    }

    /// Counts bytes that a principal sends: a file, or a message over NATS. Asked before they are taken.
    ///
    /// # Errors
    /// [`Error::TooManyBytes`] where it sends more than the installation allows; nothing was done then.
    pub fn admit_bytes(&self, principal: &str, bytes: u64) -> Result<(), Error> {
        self.pace.admit_bytes(principal, bytes)
    }

    /// Tells that a request was refused: counted, and as a line of the log unless the same caller has many.
    pub fn tell_refused(&self, refused: &Refused<'_>) {
        self.refusals.tell(refused);
    }

    pub(crate) async fn known(&self) -> Result<Known, Error> {
        self.reference.read(&*self.ports.log, self.ports.clock.now()).await
    }

    /// The departments that are active now.
    pub async fn departments(&self) -> Result<Vec<DepartmentCode>, Error> {
        let (now, known) = (self.ports.clock.now(), self.known().await?);
        Ok(known.district().departments(now).map(|department| department.code.clone()).collect())
    }

    /// The register of persons: who works with the system, in which posts.
    pub async fn persons_register(&self) -> Result<people::Persons, Error> {
        Ok(self.known().await?.persons().clone())
    }

    /// The register of programs: who is let in to NATS.
    pub async fn programs(&self) -> Result<people::Programs, Error> {
        Ok(self.known().await?.programs().clone())
    }
}
