//! The generic runner: folds batches of events into the rows of a view, each from its own checkpoint.

use std::sync::Arc;
use std::time::Duration;

use kernel::Position;
use tokio::sync::watch;

use crate::fault::{self, Point, Sabotage};
use crate::health::{Check, Progress};
use crate::port::{Build, EventLog, Failure, SaveError, ViewStore};
use crate::read_ahead::ReadAheadError;
use crate::rebuild::{ROWS_HELD_MAX, rebuild};
use crate::view::{self, Fold, FoldError};
use crate::{App, Error};

/// Most events of one batch.
pub const BATCH_EVENTS_MAX: usize = 2_000;
/// From so many events on, a view is built in one pass before it is shown.
const BULK_EVENTS_MIN: u64 = 20_000;
/// How long, in milliseconds, a reader waits before it looks for appends of other processes.
pub const POLL_MS: u64 = 50;
/// From so many events a round on, a view is busy: it lets more events gather, so that a case that moves several times is
/// written once.
const BUSY_EVENTS: u64 = 32;
/// How long, in milliseconds, a busy view lets events gather. It is behind by that much, and by as much again for the writing.
const GATHER_MS: u64 = 100;

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
    fn shown(&self) -> String {
        match self {
            Self::Fold(FoldError::Event(unreadable)) => {
                format!("event {} cannot be read; the log says why", unreadable.position)
            }
            Self::Fold(FoldError::Row { view, .. }) => format!("a row of view {view} cannot be read; rebuild the view"),
            Self::Failure(failure) => Check::out_of_reach(failure).detail,
        }
    }
}

impl From<ReadAheadError> for ProjectError {
    fn from(error: ReadAheadError) -> Self {
        match error {
            ReadAheadError::Event(unreadable) => Self::Fold(unreadable.into()),
            ReadAheadError::Failure(failure) => Self::Failure(failure),
        }
    }
}

impl From<ProjectError> for Error {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Fold(error) => Self::Unreadable(error.to_string()),
            ProjectError::Failure(failure) => Self::Failure(failure),
        }
    }
}

/// Runs one view.
pub struct Projector {
    log: Arc<dyn EventLog>,
    views: Arc<dyn ViewStore>,
    view: Arc<dyn Fold>,
    progress: Progress,
}

/// One step of a runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stepped {
    /// So far.
    To(Position),
    /// Nothing was left.
    CaughtUp(Position),
    /// Another runner was faster.
    Fenced,
}

impl Projector {
    /// A runner of `view`.
    pub fn new(log: Arc<dyn EventLog>, views: Arc<dyn ViewStore>, view: Arc<dyn Fold>) -> Self {
        Self { log, views, view, progress: Progress::default() }
    }

    /// The view's name.
    pub fn name(&self) -> &'static str {
        self.view.spec().name
    }

    /// Folds until nothing is left, and says how far it came.
    pub async fn settle(&self) -> Result<Position, ProjectError> {
        loop {
            let build = self.current().await?;
            match self.step(&build).await? {
                Stepped::CaughtUp(position) => return Ok(position),
                Stepped::To(_) | Stepped::Fenced => {}
            }
        }
    }

    /// Builds the view anew beside the running one, and switches when it has caught up.
    ///
    /// `progress` is told how far it is and how far it has to go.
    pub async fn rebuild(self, progress: impl Fn(Position, Position)) -> Result<Position, ProjectError> {
        rebuild(&self.log, &self.views, vec![self.view], ROWS_HELD_MAX, progress).await
    }

    /// Folds into a build that is not active yet until nothing is left.
    pub(crate) async fn catch_up(&self, build: &Build) -> Result<Position, ProjectError> {
        loop {
            if let Stepped::CaughtUp(position) = self.step(build).await? {
                return Ok(position);
            }
        }
    }

    /// The active build of this version. Where there is none, or one of another version, it is built first.
    async fn current(&self) -> Result<Build, ProjectError> {
        let spec = self.view.spec();
        match self.views.active(&spec).await? {
            Some((build, version)) if version == spec.version => Ok(build),
            active => {
                tracing::info!(view.name = spec.name, view.version = spec.version, "a view is built");
                if let Some(build) = self.views.unfinished(&spec).await?.pop() {
                    self.catch_up(&build).await?;
                    self.views.activate(&build).await?;
                    return Ok(build);
                }
                // The first build of a short log is shown while it grows; otherwise nothing is shown before it is whole.
                if active.is_none() && self.log.head().await?.0 < BULK_EVENTS_MIN {
                    let build = self.views.begin(&spec).await?;
                    self.views.activate(&build).await?;
                    return Ok(build);
                }
                let progress = |done, _| self.progress.reached(done);
                rebuild(&self.log, &self.views, vec![Arc::clone(&self.view)], ROWS_HELD_MAX, progress).await?;
                let built = self.views.active(&spec).await?;
                built.map(|(build, _)| build).ok_or_else(|| {
                    let reason = format!("the view {} was built and is gone", spec.name);
                    Failure { operation: "build a view", reason, passing: true }.into()
                })
            }
        }
    }

    async fn step(&self, build: &Build) -> Result<Stepped, ProjectError> {
        let from = self.views.checkpoint(build).await?;
        let batch = self.log.after(from, BATCH_EVENTS_MAX).await?;
        let Some(last) = batch.last() else {
            self.progress.reached(from);
            return Ok(Stepped::CaughtUp(from));
        };
        let to = last.position;
        let events = view::read_all(&batch)?;
        let mut working = self.view.working();
        let keys: Vec<String> = working.missing(&events).iter().map(ToString::to_string).collect();
        if !keys.is_empty() {
            working.hold(self.views.load(build, &keys).await?)?;
        }
        working.apply(&events);
        let changes = working.changes()?;
        fault::point(Point::BeforeCheckpoint);
        if fault::is_sabotaged(Sabotage::CheckpointFirst) {
            let moved = self.views.save(build, from, to, Vec::new()).await;
            fault::point(Point::AfterCheckpoint);
            if moved.is_err() {
                return Ok(Stepped::Fenced);
            }
        }
        let from = if fault::is_sabotaged(Sabotage::CheckpointFirst) { to } else { from };
        let saved = self.views.save(build, from, to, changes).await;
        fault::point(Point::AfterCheckpoint);
        match saved {
            Ok(()) => {
                self.progress.reached(to);
                Ok(Stepped::To(to))
            }
            Err(SaveError::Fenced) => Ok(Stepped::Fenced),
            Err(SaveError::Failure(failure)) => Err(failure.into()),
        }
    }
}

impl App {
    /// Runners of all views.
    pub fn projectors(&self) -> Vec<Projector> {
        let projector = |view| Projector::new(self.ports.log.clone(), self.ports.views.clone(), view);
        view::all().into_iter().map(projector).collect()
    }

    /// Folds every view until nothing is left.
    pub async fn settle(&self) -> Result<(), Error> {
        for projector in self.projectors() {
            projector.settle().await?;
        }
        Ok(())
    }

    /// Keeps one view up to date until `stop` turns true. Trouble is reported and tried again; nothing is skipped.
    pub async fn project(self: Arc<Self>, projector: Projector, stop: watch::Receiver<bool>) {
        let role = format!("view {}", projector.name());
        tokio::select! {
            () = self.follow(&projector, stop) => {}
            never = self.watch(&role, &projector.progress) => match never {},
        }
    }

    async fn follow(&self, projector: &Projector, mut stop: watch::Receiver<bool>) {
        let check = format!("view {}", projector.name());
        // Not ready before it has caught up once: until then a case that exists may not be shown.
        self.health().report(&check, false, "catching up with the log");
        let mut committed = self.committed();
        let mut before = Position::START;
        while !*stop.borrow() {
            committed.mark_unchanged();
            // Stopped anywhere, nothing is half done: rows and checkpoint are written together.
            let settled = tokio::select! {
                settled = projector.settle() => settled,
                _ = stop.changed() => return,
            };
            let pause = match settled {
                Ok(position) => {
                    self.health().report(&check, true, format!("at position {position}"));
                    let folded = position.0.saturating_sub(before.0);
                    before = position;
                    if folded >= BUSY_EVENTS {
                        tokio::time::sleep(Duration::from_millis(GATHER_MS)).await;
                    }
                    POLL_MS
                }
                Err(error) => {
                    tracing::error!(view.name = projector.name(), %error, "a view does not go on");
                    self.health().report(&check, false, error.shown());
                    1_000
                }
            };
            tokio::select! {
                _ = stop.changed() => {}
                _ = committed.changed(), if pause == POLL_MS => {}
                () = tokio::time::sleep(Duration::from_millis(pause)) => {}
            }
        }
    }
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
