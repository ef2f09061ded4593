//! Views built anew from the whole log in one pass, with bounded memory, beside the running ones.
//!
//! Rows are folded in memory and written when they have to make room, or at the end. Most cases are written once. A case
//! that comes back after its rows were written has them loaded again.
//!
//! INVARIANT: memory does not grow with the log: so many rows are held and no more.
//! INVARIANT: nobody goes on with a fill that broke off; its build is dropped.

mod written;

use std::collections::HashSet;
use std::sync::Arc;

use futures::future::try_join_all;
use kernel::Position;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::fault::{self, Point};
use crate::port::{Build, EventLog, Failure, FilledRows, RowChange, ViewStore};
use crate::projector::{ProjectError, Projector};
use crate::read_ahead::ReadAhead;
use crate::view::{Fold, Working};
use written::Written;

/// Most rows of one view that are held, some 30 to 50 MiB. Where more cases than that are under way at one time, rows come back after
/// they were written, and a rebuild takes three times as long.
pub const ROWS_HELD_MAX: usize = 22_500;
/// The part of them that is let go at once, one of so many: the less, the longer a row is held. With half of them a
/// quarter of all cases came back after they were written, with a twelfth one in a hundred.
const ROWS_HELD_PARTS: usize = 12;
/// Most rows of one write.
const ROWS_WRITTEN: usize = 2_000;

/// One view on its way.
struct Filling {
    views: Arc<dyn ViewStore>,
    build: Build,
    working: Box<dyn Working>,
    /// Keys whose rows were let go: one that is not held may have a row in the table.
    written_before: Written,
    rows_held_max: usize,
    /// Keys of the write that is under way.
    being_written: HashSet<String>,
    /// At most one write is under way.
    writing: Option<JoinHandle<Result<(), Failure>>>,
}

/// Builds views anew up to the end of the log and switches to them. Holds about `rows_held_max` rows of each view.
///
/// `progress` is told how far it is and how far it has to go.
pub async fn rebuild(
    log: &Arc<dyn EventLog>,
    views: &Arc<dyn ViewStore>,
    folds: Vec<Arc<dyn Fold>>,
    rows_held_max: usize,
    progress: impl Fn(Position, Position),
) -> Result<Position, ProjectError> {
    let mut fillings = Vec::with_capacity(folds.len());
    for fold in &folds {
        fillings.push(Filling::begin(Arc::clone(views), &**fold, rows_held_max).await?);
    }
    let builds: Vec<Build> = fillings.iter().map(|filling| filling.build.clone()).collect();
    let built = async {
        let filled = fill(log, fillings, &progress).await?;
        // One after the other would leave a core idle while the database sorts.
        try_join_all(builds.iter().map(|build| views.finish_bulk(build, filled))).await?;
        tracing::debug!(position = filled.0, "the views are filled and catch up");
        let mut position = filled;
        for (fold, build) in folds.into_iter().zip(&builds) {
            let projector = Projector::new(Arc::clone(log), Arc::clone(views), fold);
            position = projector.catch_up(build).await?;
            views.activate(build).await?;
        }
        Ok(position)
    };
    let outcome = built.await;
    if outcome.is_err() {
        for build in &builds {
            // What was begun is of no use; that it cannot be dropped either is the smaller trouble.
            if let Err(failure) = views.abandon(build).await {
                tracing::warn!(view.name = build.spec.name, %failure, "an unfinished build stays behind");
            }
        }
    }
    outcome
}

/// Folds the whole log. All rows are written and let go before it ends: SQLite sorts in this process, and what it needs for indexes
/// comes in place of the rows of all views, not on top of them.
async fn fill(
    log: &Arc<dyn EventLog>,
    mut fillings: Vec<Filling>,
    progress: impl Fn(Position, Position),
) -> Result<Position, ProjectError> {
    let mut pages = ReadAhead::after(Arc::clone(log), Position::START);
    let mut filled = Position::START;
    let head = log.head().await?;
    loop {
        let mut page = pages.next().await?;
        let Some(last) = page.last() else { break };
        filled = last;
        let events = page.reads();
        // At once: each of them may wait for the database.
        try_join_all(fillings.iter_mut().map(|filling| filling.load_missing(&events))).await?;
        for filling in &mut fillings {
            filling.working.apply(&events);
            filling.make_room().await?;
        }
        fault::point(Point::BeforeCheckpoint);
        progress(filled, head.max(filled));
    }
    try_join_all(fillings.into_iter().map(Filling::empty)).await?;
    Ok(filled)
}

impl Filling {
    async fn begin(views: Arc<dyn ViewStore>, fold: &dyn Fold, rows_held_max: usize) -> Result<Self, Failure> {
        let build = views.begin_bulk(&fold.spec()).await?;
        Ok(Self {
            views,
            build,
            working: fold.working(),
            written_before: Written::default(),
            rows_held_max,
            being_written: HashSet::new(),
            writing: None,
        })
    }

    async fn load_missing(&mut self, events: &[crate::event::Read<'_>]) -> Result<(), ProjectError> {
        let mut missing: Vec<String> = self.working.missing(events).iter().map(ToString::to_string).collect();
        missing.retain(|key| self.written_before.may_have(key));
        if missing.is_empty() {
            return Ok(());
        }
        if missing.iter().any(|key| self.being_written.contains(key)) {
            self.written().await?;
        }
        let rows = self.views.load(&self.build, &missing).await?;
        Ok(self.working.hold(rows)?)
    }

    /// Lets go of rows that have not been touched for long, where there are too many, and writes them.
    async fn make_room(&mut self) -> Result<(), ProjectError> {
        if self.working.held() <= self.rows_held_max {
            return Ok(());
        }
        let released = self.working.release(self.rows_held_max - self.rows_held_max.div_ceil(ROWS_HELD_PARTS))?;
        Ok(self.write(released).await?)
    }

    /// Writes rows, beside whatever is done next.
    async fn write(&mut self, rows: Vec<RowChange>) -> Result<(), Failure> {
        let keys: HashSet<String> = rows.iter().map(|row| row.key.clone()).collect();
        let mut rows = rows.into_iter().peekable();
        let mut writes = Vec::new();
        while rows.peek().is_some() {
            writes.push(self.sort_out(rows.by_ref().take(ROWS_WRITTEN)));
        }
        self.written().await?;
        self.being_written = keys;
        let (views, build) = (Arc::clone(&self.views), self.build.clone());
        self.writing = Some(Handle::current().spawn(async move {
            for rows in writes {
                views.fill(&build, rows).await?;
            }
            Ok(())
        }));
        Ok(())
    }

    /// Tells rows that are certainly new from those that may be there.
    fn sort_out(&mut self, rows: impl Iterator<Item = RowChange>) -> FilledRows {
        let mut sorted = FilledRows::default();
        for row in rows {
            if self.written_before.may_have(&row.key) {
                sorted.again.push(row);
            } else if row.doc.is_some() {
                self.written_before.add(&row.key);
                sorted.new.push(row);
            }
        }
        sorted
    }

    /// Waits for the write that is under way.
    async fn written(&mut self) -> Result<(), Failure> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        self.being_written.clear();
        let ended = |reason: String| Failure { operation: "write rows of a view", reason, passing: true };
        writing.await.unwrap_or_else(|error| Err(ended(error.to_string())))
    }

    /// Writes all rows, and gives their room back.
    async fn empty(mut self) -> Result<(), ProjectError> {
        // Piece by piece: the database is at work on one while the next is made.
        while self.working.held() > 0 {
            let rest = self.working.release(self.working.held().saturating_sub(ROWS_WRITTEN))?;
            self.write(rest).await?;
        }
        Ok(self.written().await?)
    }
}
