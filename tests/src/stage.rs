//! A system under load: its people, their journal, and what was in the log before they came.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use testkit::client::Client;
use testkit::system::{System, SystemSetup};
use uuid::Uuid;

use crate::tables::Tables;
use crate::{Journal, Load, Manners, Randomness};

/// Who gives commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Finds, registers and hands up in 静安寺.
    Leader,
    /// Files in 静安寺.
    Duty,
    /// Dispatches in 静安寺.
    Dispatcher,
    /// Works for the department LHSR, which leads in the matter of the load.
    Clerk,
    /// Reads everything.
    Auditor,
}

/// Everybody, with the role and the reach in their token.
const EVERYBODY: [(Who, &str, &str, &[&str]); 5] = [
    (Who::Leader, "jas-leader", "grid_leader", &["--grid", "JAS"]),
    (Who::Duty, "jas-duty", "duty_officer", &["--grid", "JAS"]),
    (Who::Dispatcher, "jas-dispatcher", "dispatcher", &["--grid", "JAS"]),
    (Who::Clerk, "lhsr-clerk", "department_clerk", &["--department", "LHSR"]),
    (Who::Auditor, "auditor-1", "auditor", &[]),
];

/// The tokens of everybody.
#[derive(Debug, Clone)]
pub struct People(BTreeMap<Who, String>);

impl People {
    /// Issues them.
    pub async fn of(system: &System) -> anyhow::Result<Self> {
        let mut tokens = BTreeMap::new();
        for (who, subject, role, reach) in EVERYBODY {
            tokens.insert(who, system.token(subject, role, reach).await?);
        }
        Ok(Self(tokens))
    }

    /// The token of one.
    pub fn token(&self, who: Who) -> &str {
        self.0.get(&who).map_or("", String::as_str)
    }
}

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
        Ok(Self { people, journal, before: before.into_keys().collect(), system })
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
