//! A system under load: its people, their journal, and what was in the log before they came.

use std::collections::BTreeSet;

use anyhow::Context as _;
use testkit::client::Client;
use testkit::system::{System, SystemSetup};
use uuid::Uuid;

use crate::tables::Tables;
use crate::{Journal, Load, Manners, People, Randomness, Who};

/// A system under load.
#[derive(Debug)]
pub struct Stage {
    /// The system.
    pub system: System,
    /// Its people.
    pub people: People,
    /// What they know.
    pub journal: Journal,
    /// The commands that were recorded before the first one of the journal.
    pub before: BTreeSet<Uuid>,
    /// The commands that an operator has given up: they were answered, and the log has lost them.
    pub given_up: BTreeSet<Uuid>,
}

impl Stage {
    /// Starts a system with its people and an empty journal in the system's folder.
    pub async fn start(setup: SystemSetup) -> anyhow::Result<Self> {
        Self::of(System::start(setup).await?).await
    }

    /// The same on a system that runs and has no clients yet.
    pub async fn of(system: System) -> anyhow::Result<Self> {
        let people = People::of(&system).await?;
        let journal = Journal::create(&system.dir().join("journal.jsonl"))?;
        let before = Tables::of(&system).commands().await.context("the log cannot be read directly")?;
        let before = before.into_keys().collect();
        Ok(Self { system, people, journal, before, given_up: BTreeSet::new() })
    }

    /// A client of the system's own process.
    pub fn http(&self) -> Client {
        self.system.http()
    }

    /// The token of one of the people.
    pub fn token(&self, who: Who) -> &str {
        self.people.token(who)
    }

    /// Starts so many clients, which go to these doors.
    pub fn load(&self, clients: usize, manners: Manners, randomness: &mut Randomness, doors: &[Client]) -> Load {
        Load::start(clients, manners, randomness, doors, &self.people, &self.journal)
    }
}
