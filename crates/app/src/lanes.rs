//! Several views that follow the log together: events are read and decoded once, and what all of them write is written in one
//! transaction.
//!
//! INVARIANT: rows and checkpoint of a view are written together, and only where its checkpoint is as it was left. A row that
//! is held in memory is therefore the stored one, or nothing is written.
//! INVARIANT: what is wrong with one view does not stop another.

use std::sync::Arc;
use std::time::Duration;

use kernel::Position;
use tokio::time::Instant;

use crate::batch::{Batch, Part};
use crate::event::Decode;
use crate::health::{Check, Progress};
use crate::port::{Build, EventLog, Failure, Loaded, Move, Saved, ViewStore, Wanted};
use crate::view::{Fold, FoldError, Working, guarded};

/// Most events of one batch.
pub const BATCH_EVENTS_MAX: usize = 2_000;
/// How often the checkpoint of a view is written whose rows do not change.
const CHECKPOINT_EVERY: Duration = Duration::from_secs(1);
/// Most rows of all views that are kept in memory between two batches, some 40 MiB.
const ROWS_KEPT_MAX: usize = 20_000;
/// The part of them that is let go at once, one of so many.
const ROWS_KEPT_PARTS: usize = 8;

/// From where views are folded and to where.
#[derive(Clone)]
pub struct Sources {
    pub log: Arc<dyn EventLog>,
    pub views: Arc<dyn ViewStore>,
    pub decode: Decode,
}

/// Why a view does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// An event or a row cannot be read; nothing is skipped.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The log or the tables are out of reach.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl ProjectError {
    /// What everybody may know of it: no host, and nothing of what was stored.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Fold(FoldError::Event(unreadable)) => {
                format!("event {} cannot be read; the log says why", unreadable.position)
            }
            Self::Fold(FoldError::Row { view, .. }) => format!("a row of view {view} cannot be read; rebuild the view"),
            Self::Fold(panicked @ FoldError::Panicked { .. }) => panicked.to_string(),
            Self::Failure(failure) => Check::out_of_reach(failure).detail,
        }
    }
}

/// Why a view left the others.
#[derive(Debug)]
pub(crate) enum Why {
    /// It cannot go on.
    Error(ProjectError),
    /// Another reader has moved its checkpoint.
    Fenced,
    /// Its build was replaced by another one.
    Gone,
}

/// One view on its way through the log.
pub(crate) struct Lane {
    pub(crate) fold: Arc<dyn Fold>,
    pub(crate) build: Build,
    pub(crate) progress: Arc<Progress>,
    working: Box<dyn Working>,
    /// Its checkpoint.
    stored: Position,
    /// How far it has come. No event between `stored` and here changed a row.
    folded: Position,
}

impl Lane {
    pub(crate) fn new(fold: Arc<dyn Fold>, build: Build, stored: Position, progress: Arc<Progress>) -> Self {
        let working = fold.working();
        Self { fold, build, progress, working, stored, folded: stored }
    }

    pub(crate) fn position(&self) -> Position {
        self.folded
    }

    fn guarded<T>(&mut self, work: impl FnOnce(&mut dyn Working) -> T) -> Result<T, FoldError> {
        guarded(self.build.view, &mut *self.working, work)
    }
}

/// What a step led to.
#[derive(Default)]
pub(crate) struct Stepped {
    /// How many events were read; none at the end of the log.
    pub(crate) events: usize,
    /// Views that do not go on with the others.
    pub(crate) left: Vec<(Lane, Why)>,
}

/// One view in one step.
struct Turn<'a> {
    part: Part<'a>,
    to: Position,
    why: Option<Why>,
}

impl Turn<'_> {
    fn is_on(&self) -> bool {
        self.why.is_none()
    }

    fn stop(&mut self, error: impl Into<ProjectError>) {
        self.why.get_or_insert(Why::Error(error.into()));
    }
}

/// Views that follow the log together.
pub(crate) struct Lanes {
    sources: Sources,
    followers: Vec<Lane>,
    /// When the checkpoints of all views were written last.
    told: Instant,
}

impl Lanes {
    pub(crate) fn new(sources: Sources) -> Self {
        Self { sources, followers: Vec::new(), told: Instant::now() }
    }

    pub(crate) fn join(&mut self, lane: Lane) {
        self.followers.push(lane);
    }

    pub(crate) fn all(&self) -> &[Lane] {
        &self.followers
    }

    /// Every view leaves.
    pub(crate) fn take(&mut self) -> Vec<Lane> {
        std::mem::take(&mut self.followers)
    }

    /// Folds until nothing is left, and writes every checkpoint. Gives the views that could not.
    pub(crate) async fn catch_up(&mut self) -> Vec<(Lane, Why)> {
        let mut left = Vec::new();
        let mut is_end = false;
        while !is_end {
            match self.step_or_end(true).await {
                Ok(stepped) => {
                    is_end = stepped.events == 0;
                    left.extend(stepped.left);
                }
                Err(failure) => {
                    let failed = |lane| (lane, Why::Error(failure.clone().into()));
                    left.extend(self.take().into_iter().map(failed));
                    is_end = true;
                }
            }
        }
        left
    }

    /// Folds the next events.
    ///
    /// # Errors
    /// Where the log is out of reach; nothing has changed then.
    pub(crate) async fn step(&mut self) -> Result<Stepped, Failure> {
        self.step_or_end(false).await
    }

    async fn step_or_end(&mut self, is_last: bool) -> Result<Stepped, Failure> {
        let Some(from) = self.followers.iter().map(|lane| lane.folded).min() else { return Ok(Stepped::default()) };
        let mut wanted = self.followers.iter().flat_map(|lane| lane.fold.from().iter().copied()).collect::<Vec<_>>();
        wanted.sort_unstable();
        wanted.dedup();
        let Sources { log, decode, .. } = &self.sources;
        let batch = Batch::read(&**log, *decode, &wanted, from, BATCH_EVENTS_MAX).await?;
        let last = batch.last().unwrap_or(from);
        let mut turns: Vec<Turn<'_>> = self.followers.iter().map(|lane| turn(lane, &batch, last)).collect();
        self.load(&mut turns).await;
        let must_tell = self.told.elapsed() >= CHECKPOINT_EVERY || (is_last && batch.is_empty());
        let moves = self.fold(&mut turns, must_tell);
        if must_tell {
            self.told = Instant::now();
        }
        self.save(moves, &mut turns).await;
        let mut stepped = Stepped { events: batch.len(), left: Vec::new() };
        for (mut lane, turn) in self.take().into_iter().zip(turns) {
            if let Some(why) = turn.why {
                stepped.left.push((lane, why));
                continue;
            }
            lane.folded = turn.to;
            lane.progress.reached(turn.to);
            match turn.part.unreadable {
                Some(event) => stepped.left.push((lane, Why::Error(FoldError::Event(event.clone()).into()))),
                None => self.followers.push(lane),
            }
        }
        self.make_room();
        Ok(stepped)
    }

    /// Loads the rows that are touched and not held.
    async fn load(&mut self, turns: &mut [Turn<'_>]) {
        let mut wanted = Vec::new();
        let mut askers = Vec::new();
        for (n, (lane, turn)) in self.followers.iter_mut().zip(&mut *turns).enumerate() {
            if turn.part.events.is_empty() {
                continue;
            }
            match lane.guarded(|working| working.missing(&turn.part.events)) {
                Ok(keys) if keys.is_empty() => {}
                Ok(keys) => {
                    wanted.push(Wanted { build: lane.build.clone(), keys });
                    askers.push(n);
                }
                Err(error) => turn.stop(error),
            }
        }
        if wanted.is_empty() {
            return;
        }
        let loaded = self.sources.views.load(&wanted).await;
        for (n, rows) in askers.into_iter().zip(loaded) {
            match rows {
                Loaded::Docs(rows) => {
                    if let Err(error) = self.followers[n].working.hold(rows) {
                        turns[n].stop(error);
                    }
                }
                Loaded::Gone => turns[n].why = Some(Why::Gone),
                Loaded::Failed(failure) => turns[n].stop(failure),
            }
        }
    }

    /// Folds the events, and gives what each view has to write.
    fn fold(&mut self, turns: &mut [Turn<'_>], must_tell: bool) -> Vec<(usize, Move)> {
        let mut moves = Vec::new();
        for (n, (lane, turn)) in self.followers.iter_mut().zip(turns).enumerate() {
            if !turn.is_on() {
                continue;
            }
            let rows = if turn.part.events.is_empty() {
                Vec::new()
            } else {
                let folded = lane.guarded(|working| {
                    working.apply(&turn.part.events);
                    working.changes()
                });
                match folded.and_then(|rows| rows) {
                    Ok(rows) => rows,
                    Err(error) => {
                        turn.stop(error);
                        continue;
                    }
                }
            };
            if !rows.is_empty() || (must_tell && turn.to > lane.stored) {
                moves.push((n, Move { build: lane.build.clone(), from: lane.stored, to: turn.to, rows }));
            }
        }
        moves
    }

    async fn save(&mut self, moves: Vec<(usize, Move)>, turns: &mut [Turn<'_>]) {
        if moves.is_empty() {
            return;
        }
        let (places, moves): (Vec<usize>, Vec<Move>) = moves.into_iter().unzip();
        match self.sources.views.save(&moves).await {
            Ok(saved) => {
                for (n, saved) in places.into_iter().zip(saved) {
                    match saved {
                        Saved::Written => self.followers[n].stored = turns[n].to,
                        Saved::Fenced => turns[n].why = Some(Why::Fenced),
                        Saved::Gone => turns[n].why = Some(Why::Gone),
                        Saved::Failed(failure) => turns[n].stop(failure),
                    }
                }
            }
            Err(failure) => places.into_iter().for_each(|n| turns[n].stop(failure.clone())),
        }
    }

    /// Lets go of rows where all views together keep too many. They are written, so nothing has to be written now.
    fn make_room(&mut self) {
        let held: usize = self.followers.iter().map(|lane| lane.working.held()).sum();
        if held <= ROWS_KEPT_MAX {
            return;
        }
        let kept = ROWS_KEPT_MAX - ROWS_KEPT_MAX / ROWS_KEPT_PARTS;
        for lane in &mut self.followers {
            let keep = lane.working.held() * kept / held;
            // Rows that are written can always be let go.
            drop(lane.working.release(keep));
        }
    }
}

fn turn<'a>(lane: &Lane, batch: &'a Batch, last: Position) -> Turn<'a> {
    let part = batch.of(lane.fold.from(), lane.folded);
    let to = match part.unreadable {
        Some(event) => Position(event.position.0 - 1).max(lane.folded),
        None => last.max(lane.folded),
    };
    Turn { part, to, why: None }
}

#[cfg(test)]
mod tests {
    use serde::de::Error as _;

    use super::*;
    use crate::event::Unreadable;

    #[test]
    fn what_everybody_may_see_of_an_error_quotes_nothing() {
        let reason = "invalid type: string \"canary\"".to_owned();
        let event = FoldError::Event(Unreadable { position: Position(7), reason });
        let source = serde_json::Error::custom("canary");
        let row = FoldError::Row { view: "case_summary", key: "canary".into(), source };
        let reason = "postgres://canary@db.internal is away".to_owned();
        let failure = Failure { operation: "read the checkpoint", reason, passing: true };
        let shown = [event.into(), row.into(), ProjectError::from(failure)].map(|error: ProjectError| error.shown());
        assert!(shown.iter().all(|text| !text.contains("canary")), "{shown:?}");
        assert!(shown[0].contains("event 7") && shown[1].contains("case_summary"), "{shown:?}");
        assert_eq!(shown[2], "read the checkpoint: out of reach");
    }
}
