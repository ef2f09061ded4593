//! District, rules and the registers of persons and programs as of now, kept in memory and caught up from the log.
//!
//! Another process may publish rules while this one decides: what is known here is at most half a second old, and every
//! event says which version it was decided under.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use grid::District;
use kernel::GridCode;
use people::{Persons, Programs};
use rules::Rulebook;
use tokio::sync::Mutex;

use crate::Error;
use crate::memory::{Seen, catch_up};
use crate::port::EventLog;

const FRESH_FOR: TimeDelta = TimeDelta::milliseconds(500);

/// What is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    district: Arc<Seen<District>>,
    rules: Arc<Seen<Rulebook>>,
    programs: Arc<Seen<Programs>>,
    persons: Arc<Seen<Persons>>,
    read_at: Option<DateTime<Utc>>,
    /// The incarnation of the log in which it was read.
    incarnation: u64,
}

impl Known {
    /// The district.
    pub(crate) fn district(&self) -> &District {
        &self.district.state
    }

    /// The rules.
    pub(crate) fn rules(&self) -> &Rulebook {
        &self.rules.state
    }

    /// The register of programs.
    pub(crate) fn programs(&self) -> &Programs {
        &self.programs.state
    }

    /// The register of persons.
    pub(crate) fn persons(&self) -> &Persons {
        &self.persons.state
    }

    /// A grid and every grid above it; the grid alone where it is not known.
    pub(crate) fn path_of(&self, grid: &GridCode, at: DateTime<Utc>) -> Vec<GridCode> {
        let path = self.district().path(grid, at);
        if path.is_empty() { vec![grid.clone()] } else { path }
    }

    pub(crate) fn criteria(&self, now: DateTime<Utc>) -> Vec<String> {
        self.rules().filing_criteria(now).iter().map(|criterion| criterion.text.clone()).collect()
    }
}

/// Keeps [`Known`] up to date.
#[derive(Debug, Default)]
pub(crate) struct Reference(Mutex<Known>);

impl Reference {
    /// What is known as of `now`, or half a second before.
    pub(crate) async fn read(&self, log: &dyn EventLog, now: DateTime<Utc>) -> Result<Known, Error> {
        let mut known = self.0.lock().await;
        let fresh =
            known.read_at.is_some_and(|at| (TimeDelta::zero()..FRESH_FOR).contains(&now.signed_duration_since(at)));
        let incarnation = *log.incarnation().borrow();
        if known.incarnation != incarnation {
            *known = Known { incarnation, ..Known::default() };
        }
        if !fresh || known.read_at.is_none() {
            known.district = catch_up(log, Arc::clone(&known.district), grid::district_id()).await?;
            known.rules = catch_up(log, Arc::clone(&known.rules), rules::rules_id()).await?;
            known.programs = catch_up(log, Arc::clone(&known.programs), people::programs_id()).await?;
            known.persons = catch_up(log, Arc::clone(&known.persons), people::persons_id()).await?;
            known.read_at = Some(now);
        }
        Ok(known.clone())
    }

    /// Forgets how fresh it is: the next read asks the log.
    pub(crate) async fn expire(&self) {
        self.0.lock().await.read_at = None;
    }
}
