//! District and rules as of now, kept in memory and caught up from the log.
//!
//! Another process may publish rules while this one decides: what is known here is at most half a second old, and every
//! event says which version it was decided under.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use esrs::Aggregate;
use grid::{District, district_id};
use kernel::{Event, StreamId, Version};
use rules::{Rulebook, rules_id};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::app::Ports;
use crate::event::read_as;
use crate::{App, Error};

const FRESH_FOR: TimeDelta = TimeDelta::milliseconds(500);

/// What is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Known {
    pub(crate) district: Arc<District>,
    pub(crate) rules: Arc<Rulebook>,
    district_version: Version,
    rules_version: Version,
    read_at: Option<DateTime<Utc>>,
}

/// Keeps [`Known`] up to date.
#[derive(Debug, Default)]
pub(crate) struct Reference(Mutex<Known>);

impl Reference {
    /// What is known as of `now`, or half a second before.
    pub(crate) async fn read(&self, ports: &Ports, now: DateTime<Utc>) -> Result<Known, Error> {
        let mut known = self.0.lock().await;
        let fresh = known.read_at.is_some_and(|at| (TimeDelta::zero()..FRESH_FOR).contains(&(now - at)));
        if !fresh {
            let known = &mut *known;
            catch_up::<District>(ports, district_id(), &mut known.district, &mut known.district_version).await?;
            catch_up::<Rulebook>(ports, rules_id(), &mut known.rules, &mut known.rules_version).await?;
            known.read_at = Some(now);
        }
        Ok(known.clone())
    }

    /// Forgets how fresh it is: the next read asks the log.
    pub(crate) async fn expire(&self) {
        self.0.lock().await.read_at = None;
    }
}

async fn catch_up<A>(ports: &Ports, id: Uuid, state: &mut Arc<A>, version: &mut Version) -> Result<(), Error>
where
    A: Aggregate<State = A> + Clone + Default,
    A::Event: Event,
{
    let stream = StreamId::new(A::Event::CATEGORY, id);
    let recorded = ports.log.stream(&stream, *version).await?;
    if recorded.is_empty() {
        return Ok(());
    }
    let mut next = (**state).clone();
    for event in &recorded {
        next = A::apply_event(next, read_as::<A::Event>(event)?);
        *version = event.version;
    }
    *state = Arc::new(next);
    Ok(())
}

impl App {
    pub(crate) async fn known(&self) -> Result<Known, Error> {
        self.reference.read(&self.ports, self.ports.clock.now()).await
    }
}
