//! The one reader of a process that keeps all views up to date.
//!
//! INVARIANT: a view that cannot go on says so and is tried again, apart from the others, which go on.
//! INVARIANT: two processes may run the reader. Whoever is fenced stands back for as long as the other one moves.

use std::sync::Arc;
use std::time::Duration;

use kernel::Position;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::health::{Health, Progress};
use crate::lanes::{Lane, Lanes, ProjectError, Sources, Why};
use crate::port::Registered;
use crate::prepare::{Follower, Prepared, Standing, prepare, standing};
use crate::rebuild::{ROWS_HELD_MAX, Rebuilt, rebuild};
use crate::view::Fold;
use crate::{App, Error, registry, trial};

/// How long a reader that has nothing to do waits before it looks at the log unasked.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a view that cannot go on waits before it is tried again; longer where the attempt itself took long.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// At most one part in so many of the time goes into attempts that fail.
const RETRY_PARTS: u32 = 10;
/// From so many events a round on, the reader is busy: it lets more events gather, so that a row that changes several times is
/// written once.
const BUSY_EVENTS: usize = 32;
/// How long a busy reader lets events gather. It is behind by that much, and by as much again for the writing.
const GATHER: Duration = Duration::from_millis(100);
/// A view that is behind the others by more than this catches up by itself first.
const NEAR_EVENTS: u64 = 4_000;

impl From<ProjectError> for Error {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Fold(error) => Self::Unreadable(error.to_string()),
            ProjectError::Failure(failure) => Self::Failure(failure),
        }
    }
}

/// Where one view is.
enum Place {
    /// Not with the reader. It is tried again then.
    Out { due: Instant, is_alone: bool },
    /// Being brought to the end of the log by a task of its own, since then.
    Preparing(Instant),
    /// With the reader.
    In,
}

struct View {
    fold: Arc<dyn Fold>,
    name: &'static str,
    check: String,
    progress: Arc<Progress>,
    place: Place,
}

impl View {
    fn try_again(&mut self) {
        self.place = Place::Out { due: Instant::now(), is_alone: false };
    }
}

/// What a round of the reader led to.
#[derive(Clone, Copy)]
struct Round {
    events: usize,
    /// Whether the log may have more.
    is_more: bool,
}

/// Keeps views up to date.
pub struct Reader {
    sources: Sources,
    views: Vec<View>,
    lanes: Lanes,
    preparing: JoinSet<(Vec<&'static str>, Prepared)>,
    /// While another process moves the checkpoints: what they were when they were looked at last.
    standing_back: Option<Vec<Registered>>,
    /// Where a view is, is known of one incarnation of the log: another one may have lost events that were folded.
    incarnation: watch::Receiver<u64>,
}

impl Reader {
    /// A reader of these views. Nothing is read yet.
    pub fn new(sources: Sources, folds: Vec<Arc<dyn Fold>>) -> Self {
        let place = || Place::Out { due: Instant::now(), is_alone: false };
        let view = |fold: Arc<dyn Fold>| {
            let name = fold.spec().name;
            View { fold, name, check: check_of(name), progress: Arc::default(), place: place() }
        };
        let views = folds.into_iter().map(view).collect();
        let (lanes, incarnation) = (Lanes::new(sources.clone()), sources.log.incarnation());
        Self { sources, views, lanes, preparing: JoinSet::new(), standing_back: None, incarnation }
    }

    /// Keeps the views up to date until `stop` turns true. Trouble is reported and tried again; nothing is skipped.
    pub async fn follow(&mut self, health: &Health, mut stop: watch::Receiver<bool>) {
        let (mut committed, mut incarnation) = (self.sources.log.committed(), self.incarnation.clone());
        while !*stop.borrow() {
            committed.mark_unchanged();
            // Stopped anywhere, nothing is half done: rows and checkpoints are written together.
            let round = tokio::select! {
                round = self.round(health) => round,
                _ = stop.changed() => return,
            };
            if round.is_more {
                continue;
            }
            if round.events >= BUSY_EVENTS {
                tokio::select! {
                    _ = stop.changed() => return,
                    () = tokio::time::sleep(GATHER) => {}
                }
            }
            let (next_look, is_preparing) = (self.next_look(), !self.preparing.is_empty());
            tokio::select! {
                _ = stop.changed() => {}
                _ = committed.changed() => {}
                Ok(()) = incarnation.changed() => {}
                Some(Ok((names, prepared))) = self.preparing.join_next(), if is_preparing => {
                    self.admit(&names, prepared, health);
                }
                () = tokio::time::sleep_until(next_look) => {}
            }
        }
    }

    /// Looks for views that are due, and folds the next events.
    async fn round(&mut self, health: &Health) -> Round {
        if self.incarnation.has_changed().is_ok_and(|has_changed| has_changed) {
            self.incarnation.mark_unchanged();
            self.forget();
        }
        while let Some(Ok((names, prepared))) = self.preparing.try_join_next() {
            self.admit(&names, prepared, health);
        }
        if self.preparing.is_empty() {
            // A task that ended without an answer has no view left to speak for.
            let lost = |view: &&mut View| matches!(view.place, Place::Preparing(_));
            self.views.iter_mut().filter(lost).for_each(View::try_again);
        }
        self.look(health).await;
        let stepped = match self.lanes.step().await {
            Ok(stepped) => stepped,
            Err(failure) => {
                let error = ProjectError::Failure(failure);
                for lane in self.lanes.take() {
                    self.stop(lane.build.view, &error, false, health);
                }
                return Round { events: 0, is_more: false };
            }
        };
        for (lane, why) in stepped.left {
            self.leave(lane, why, health);
        }
        let is_more = stepped.events == crate::lanes::BATCH_EVENTS_MAX;
        if !is_more {
            for lane in self.lanes.all() {
                health.report(&check_of(lane.build.view), true, format!("at position {}", lane.position()));
            }
        }
        Round { events: stepped.events, is_more }
    }

    /// Forgets where every view is: the log is another one. What the checkpoints say is read again.
    fn forget(&mut self) {
        (self.preparing, self.standing_back) = (JoinSet::new(), None);
        drop(self.lanes.take());
        let is_known = |view: &&mut View| !matches!(view.place, Place::Out { .. });
        self.views.iter_mut().filter(is_known).for_each(View::try_again);
    }

    /// Brings back the views that are due: those that are near join at once, the others catch up by themselves first.
    async fn look(&mut self, health: &Health) {
        let now = Instant::now();
        let is_due = |view: &View| matches!(view.place, Place::Out { due, .. } if due <= now);
        if !self.views.iter().any(is_due) {
            return;
        }
        let builds = match self.sources.views.builds().await {
            Ok(builds) => builds,
            Err(failure) => {
                let names: Vec<&str> = self.views.iter().filter(|view| is_due(view)).map(|view| view.name).collect();
                let error = ProjectError::Failure(failure);
                for name in names {
                    self.stop(name, &error, false, health);
                }
                return;
            }
        };
        if self.stands_back(&builds, health) {
            return;
        }
        self.bring_back(&builds, now);
    }

    /// Whether another process still moves the checkpoints.
    fn stands_back(&mut self, builds: &[Registered], health: &Health) -> bool {
        let Some(before) = self.standing_back.take() else { return false };
        if before == builds {
            return false;
        }
        self.standing_back = Some(builds.to_vec());
        for view in &mut self.views {
            let standing = standing(builds, &view.fold.spec());
            if let (Place::Out { due, is_alone: false }, Standing::Current(_, position)) = (&mut view.place, standing) {
                *due = Instant::now() + LOOK_EVERY;
                view.progress.reached(position);
                health.report(&view.check, true, format!("at position {position}, kept by another process"));
            }
        }
        true
    }

    fn bring_back(&mut self, builds: &[Registered], now: Instant) {
        let newest = |views: &[View]| {
            let current = views.iter().filter_map(|view| match standing(builds, &view.fold.spec()) {
                Standing::Current(_, position) => Some(position),
                _ => None,
            });
            current.max().unwrap_or(Position::START)
        };
        let newest = self.lanes.all().iter().map(Lane::position).max().unwrap_or_else(|| newest(&self.views));
        let (mut alone, mut to_build) = (Vec::new(), Vec::new());
        for view in &mut self.views {
            let Place::Out { due, is_alone } = view.place else { continue };
            if due > now {
                continue;
            }
            let follower = Follower { fold: Arc::clone(&view.fold), progress: Arc::clone(&view.progress) };
            match standing(builds, &view.fold.spec()) {
                Standing::Current(build, position) if !is_alone && position.0 + NEAR_EVENTS >= newest.0 => {
                    self.lanes.join(Lane::new(follower.fold, build, position, follower.progress));
                    view.place = Place::In;
                    continue;
                }
                Standing::New { .. } => to_build.push(follower),
                Standing::Current(..) | Standing::Unfinished(..) => alone.push(vec![follower]),
            }
            view.place = Place::Preparing(now);
        }
        if !to_build.is_empty() {
            alone.push(to_build);
        }
        for followers in alone {
            let names = followers.iter().map(|view| view.fold.spec().name).collect();
            let sources = self.sources.clone();
            self.preparing.spawn(async move { (names, prepare(&sources, followers).await) });
        }
    }

    /// Takes in the views that a task has brought to the end of the log.
    fn admit(&mut self, names: &[&'static str], prepared: Prepared, health: &Health) {
        for lane in prepared.lanes {
            if let Some(view) = self.view(lane.build.view) {
                view.place = Place::In;
                self.lanes.join(lane);
            }
        }
        for (name, error) in prepared.failed {
            self.stop(name, &error, true, health);
        }
        for name in names {
            if let Some(view) = self.view(name).filter(|view| matches!(view.place, Place::Preparing(_))) {
                view.try_again();
            }
        }
    }

    fn leave(&mut self, lane: Lane, why: Why, health: &Health) {
        match why {
            Why::Error(error) => {
                let is_own = !matches!(&error, ProjectError::Failure(failure) if failure.passing);
                self.stop(lane.build.view, &error, is_own, health);
            }
            Why::Gone => {
                if let Some(view) = self.view(lane.build.view) {
                    view.try_again();
                }
            }
            Why::Fenced => self.stand_back(lane.build.view),
        }
    }

    /// Another process moves the checkpoints: it may have them all.
    fn stand_back(&mut self, fenced: &'static str) {
        tracing::info!(view.name = fenced, "another process keeps the views: this one stands back");
        let left: Vec<&str> = self.lanes.take().iter().map(|lane| lane.build.view).chain([fenced]).collect();
        for view in self.views.iter_mut().filter(|view| left.contains(&view.name)) {
            view.place = Place::Out { due: Instant::now() + LOOK_EVERY, is_alone: false };
        }
        self.standing_back = Some(Vec::new());
    }

    /// A view does not go on: says so, and tries it again later.
    fn stop(&mut self, name: &str, error: &ProjectError, is_alone: bool, health: &Health) {
        tracing::error!(view.name = name, %error, "a view does not go on");
        let Some(view) = self.view(name) else { return };
        let took = if let Place::Preparing(since) = view.place { since.elapsed() } else { Duration::ZERO };
        view.place = Place::Out { due: Instant::now() + RETRY_AFTER.max(took * RETRY_PARTS), is_alone };
        health.report(&view.check, false, error.shown());
    }

    fn view(&mut self, name: &str) -> Option<&mut View> {
        self.views.iter_mut().find(|view| view.name == name)
    }

    /// When the reader has to look even if nothing is told.
    fn next_look(&self) -> Instant {
        let due = self.views.iter().filter_map(|view| match view.place {
            Place::Out { due, .. } => Some(due),
            Place::Preparing(_) | Place::In => None,
        });
        due.chain([Instant::now() + LOOK_EVERY]).min().unwrap_or_else(Instant::now)
    }
}

fn check_of(view: &str) -> String {
    format!("view {view}")
}

impl App {
    /// Folds every view until nothing is left.
    ///
    /// # Errors
    /// Where a view cannot go on; the others have gone on.
    pub async fn settle(&self) -> Result<(), Error> {
        let followers = folds().into_iter().map(|fold| Follower { fold, progress: Arc::default() }).collect();
        match prepare(&self.sources(), followers).await.failed.into_iter().next() {
            Some((_, error)) => Err(error.into()),
            None => Ok(()),
        }
    }

    /// Builds views from the whole log in one pass and switches to them: those that are named, or all.
    ///
    /// `progress` is told how far it is and how far it has to go.
    ///
    /// # Errors
    /// Where no view has one of these names, or one of them could not be built; the others are built.
    pub async fn rebuild(&self, names: &[String], progress: impl Fn(Position, Position)) -> Result<Position, Error> {
        let is_named = |fold: &Arc<dyn Fold>| names.is_empty() || names.iter().any(|name| name == fold.spec().name);
        let folds: Vec<_> = folds().into_iter().filter(is_named).collect();
        if let Some(unknown) = names.iter().find(|name| !folds.iter().any(|fold| fold.spec().name == **name)) {
            return Err(Error::NotFound { what: format!("view {unknown}") });
        }
        let Rebuilt { position, failed } = rebuild(&self.sources(), folds, ROWS_HELD_MAX, progress).await?;
        match failed.into_iter().next() {
            Some((_, error)) => Err(error.into()),
            None => Ok(position),
        }
    }

    /// Keeps all views up to date until `stop` turns true. Trouble is reported and tried again; nothing is skipped.
    pub async fn project(self: Arc<Self>, stop: watch::Receiver<bool>) {
        let mut reader = Reader::new(self.sources(), folds());
        let watched: Vec<(String, Arc<Progress>)> =
            reader.views.iter().map(|view| (view.check.clone(), Arc::clone(&view.progress))).collect();
        for (check, _) in &watched {
            // Not ready before it has caught up once: until then what exists may not be shown.
            self.health().report(check, false, "catching up with the log");
        }
        tokio::select! {
            () = reader.follow(self.health(), stop) => {}
            never = self.watch_each(&watched) => match never {},
        }
    }

    fn sources(&self) -> Sources {
        let views = trial::tried(Arc::clone(&self.ports().views));
        Sources { log: Arc::clone(&self.ports().log), views, decode: registry::decode }
    }
}

fn folds() -> Vec<Arc<dyn Fold>> {
    registry::views().iter().map(|view| view.fold()).collect()
}

#[cfg(test)]
mod memory;
#[cfg(test)]
mod tests;
