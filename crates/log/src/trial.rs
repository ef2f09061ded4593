//! Fault trials: where a process can be ended while it appends, and how appending can be broken on purpose.
//!
//! Everything here does nothing in a build without the feature `faults`. Writers and backends do not know of it: it stands
//! around them ([`Tried`]) and takes the place of the steps in which their transactions begin and end.

mod postgres;
mod sqlite;

pub(crate) use postgres::postgres_steps;
pub(crate) use sqlite::sqlite_steps;

use app::fault::{self, Point, Sabotage};
use app::port::{Append, Receipt};
use kernel::{CommandId, Position};

use crate::backend::{Backend, RecordError, SECOND_APPENDS_MIN, Verdict};
use crate::incarnation::Certain;

/// Fewest appends for a second batch in flight: a trial has few callers and is to try two batches.
const TRIAL_SECOND_APPENDS_MIN: usize = 3;

/// A backend under trial.
pub(crate) struct Tried<B>(pub(crate) B);

impl<B: Backend> Backend for Tried<B> {
    async fn record(&mut self, batch: &[Append]) -> Result<Vec<Verdict>, RecordError> {
        fault::point(Point::BeforeAppend);
        let recorded = if fault::is_sabotaged(Sabotage::CommandIdsOff) {
            let verdicts = self.0.record(&under_other_ids(batch)).await;
            verdicts.map(|verdicts| under_own_ids(batch, verdicts))
        } else {
            self.0.record(batch).await
        };
        fault::point(Point::CommitBeforeAnswer);
        recorded
    }

    fn second_appends_min(&self) -> usize {
        // A lane that is to answer before it commits holds up the other one until its next batch.
        let is_trial = fault::IS_ENABLED && !fault::is_sabotaged(Sabotage::AnswerBeforeCommit);
        if is_trial { TRIAL_SECOND_APPENDS_MIN } else { SECOND_APPENDS_MIN }
    }
}

/// What this process is certain of, of what it knows. A log that is to answer before it commits would be halted at once for the event
/// that it answered last; that the loss is found without that is what its control shows.
pub(crate) fn certain(mut known: Certain) -> Certain {
    if fault::is_sabotaged(Sabotage::AnswerBeforeCommit) {
        known.position = Position::START;
    }
    known
}

/// Whether this process takes every log that it meets for the one before, and does not look for the version before.
pub(crate) fn is_any_log_the_same() -> bool {
    fault::is_sabotaged(Sabotage::KnownNotCleared)
}

/// The batch with an id for each command that a repeat does not have.
fn under_other_ids(batch: &[Append]) -> Vec<Append> {
    let other = |append: &Append| {
        let first = append.parts.iter().flat_map(|part| &part.events).next();
        let command = first.map_or(append.command, |event| CommandId::new(event.id.uuid()));
        Append { command, ..append.clone() }
    };
    batch.iter().map(other).collect()
}

fn under_own_ids(batch: &[Append], verdicts: Vec<Verdict>) -> Vec<Verdict> {
    let own = |(append, verdict): (&Append, Verdict)| {
        let command = append.command;
        match verdict {
            Verdict::Made(receipt) => Verdict::Made(Receipt { command, ..receipt }),
            Verdict::Found(receipt, request) => Verdict::Found(Receipt { command, ..receipt }, request),
            other @ (Verdict::Conflict(..) | Verdict::Halted(_)) => other,
        }
    };
    batch.iter().zip(verdicts).map(own).collect()
}
