//! Views built from the whole log in one pass for all of them, with bounded memory, beside the running ones.
//!
//! Rows are folded in memory and written when they have to make room, or at the end. Most rows are written once. A row that is
//! touched after it was written is loaded again.
//!
//! INVARIANT: memory does not grow with the log or with the number of views: so many rows are held and no more.
//! INVARIANT: nobody continues a fill that broke off; its build is dropped.
//! INVARIANT: a view that cannot be built does not stop another.

mod filling;
mod written;

use std::sync::Arc;

use futures::future::{join_all, try_join_all};
use kernel::Position;

use crate::health::Progress;
use crate::lanes::{Lane, Lanes, ProjectError, Sources, Why};
use crate::port::{Build, Failure};
use crate::read_ahead::ReadAhead;
use crate::view::{Fold, FoldError};
use filling::Filling;
use written::Written;

/// Most rows of all views that are held, some 90 to 150 MiB. Where more rows than that are under way at one time, rows come back
/// after they were written, and a rebuild takes three times as long.
pub const ROWS_HELD_MAX: usize = 67_500;
/// The part of them that is let go at once, one of so many: the less, the longer a row is held. With half of them a
/// quarter of all cases came back after they were written, with a twelfth one in a hundred.
const ROWS_HELD_PARTS: usize = 12;

/// What a rebuild led to.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// How far the views are that were built and switched to.
    pub position: Position,
    /// The views that were not built, and why. Their old builds stay.
    pub failed: Vec<(&'static str, ProjectError)>,
}

/// Builds views up to the end of the log and switches to them. Holds about `rows_held_max` rows.
///
/// `progress` is told how far it is and how far it has to go.
///
/// # Errors
/// Where the log or the tables are out of reach; no view was switched then.
pub async fn rebuild(
    sources: &Sources,
    folds: Vec<Arc<dyn Fold>>,
    rows_held_max: usize,
    progress: impl Fn(Position, Position),
) -> Result<Rebuilt, ProjectError> {
    let mut filling = Vec::with_capacity(folds.len());
    for fold in folds {
        filling.push(Filling::begin(Arc::clone(&sources.views), fold).await?);
    }
    let builds: Vec<Build> = filling.iter().map(|filling| filling.build.clone()).collect();
    let mut rebuilt = Rebuilt::default();
    let outcome = fill_and_switch(sources, filling, rows_held_max, progress, &mut rebuilt).await;
    let is_failed = |build: &Build| outcome.is_err() || rebuilt.failed.iter().any(|(view, _)| *view == build.view);
    for build in builds.iter().filter(|build| is_failed(build)) {
        // What was begun is of no use; that it cannot be dropped either is the smaller trouble.
        if let Err(failure) = sources.views.abandon(build).await {
            tracing::warn!(view.name = build.view, %failure, "an unfinished build stays behind");
        }
    }
    outcome.map(|()| rebuilt)
}

async fn fill_and_switch(
    sources: &Sources,
    filling: Vec<Filling>,
    rows_held_max: usize,
    progress: impl Fn(Position, Position),
    rebuilt: &mut Rebuilt,
) -> Result<(), ProjectError> {
    let (filled, full) = fill(sources, filling, rows_held_max, &progress, rebuilt).await?;
    // One after the other would leave a core idle while the database sorts.
    try_join_all(full.iter().map(|(_, build)| sources.views.finish_bulk(build, filled))).await?;
    tracing::debug!(position = filled.0, "the views are filled and catch up");
    let mut lanes = Lanes::new(sources.clone());
    for (fold, build) in full {
        lanes.join(Lane::new(fold, build, filled, Arc::new(Progress::default())));
    }
    for (lane, why) in lanes.catch_up().await {
        let error = match why {
            Why::Error(error) => error,
            Why::Fenced | Why::Gone => {
                let reason = "somebody else has changed the build of this view".to_owned();
                Failure { operation: "build a view", reason, passing: true }.into()
            }
        };
        rebuilt.failed.push((lane.build.view, error));
    }
    rebuilt.position = filled;
    for lane in lanes.take() {
        sources.views.activate(&lane.build).await?;
        rebuilt.position = lane.position();
    }
    Ok(())
}

/// Folds the whole log. All rows are written and let go before it ends: SQLite sorts in this process, and what it needs for entries
/// comes in place of the rows of all views, not on top of them.
async fn fill(
    sources: &Sources,
    mut filling: Vec<Filling>,
    rows_held_max: usize,
    progress: &impl Fn(Position, Position),
    rebuilt: &mut Rebuilt,
) -> Result<(Position, Vec<(Arc<dyn Fold>, Build)>), ProjectError> {
    let mut wanted: Vec<&'static str> = filling.iter().flat_map(|filling| filling.fold.from()).copied().collect();
    wanted.sort_unstable();
    wanted.dedup();
    let head = sources.log.head().await?;
    let mut filled = Position::START;
    let mut written = Written::default();
    let mut pages = ReadAhead::after(Arc::clone(&sources.log), sources.decode, &wanted, filled);
    while !filling.is_empty() {
        let page = pages.next().await?;
        let Some(last) = page.last() else { break };
        let parts: Vec<_> = filling.iter().map(|filling| page.of(filling.fold.from(), filled)).collect();
        // At once: each of them may wait for the database.
        let mut turns = filling.iter_mut().zip(&parts);
        let loaded = join_all(turns.by_ref().map(|(filling, part)| filling.load_missing(&part.events, &written))).await;
        let mut going = Vec::with_capacity(filling.len());
        for ((mut filling, part), loaded) in std::mem::take(&mut filling).into_iter().zip(parts).zip(loaded) {
            let folded = loaded.and_then(|()| {
                let applied = filling.apply(&part.events);
                match part.unreadable {
                    Some(event) => Err(FoldError::Event(event.clone()).into()),
                    None => applied,
                }
            });
            match folded {
                Ok(()) => going.push(filling),
                Err(error) => rebuilt.failed.push((filling.build.view, error)),
            }
        }
        filling = going;
        make_room(&mut filling, rows_held_max, &mut written).await?;
        filled = last;
        progress(filled, head.max(filled));
    }
    let mut full = Vec::with_capacity(filling.len());
    // One after the other: each of them writes beside what is done next.
    for filling in &mut filling {
        filling.empty(&mut written).await?;
    }
    for mut filling in filling {
        filling.written().await?;
        full.push((filling.fold, filling.build));
    }
    Ok((filled, full))
}

/// Lets go of rows that have not been touched for long, where all views together hold too many, and writes them.
async fn make_room(filling: &mut [Filling], rows_held_max: usize, written: &mut Written) -> Result<(), ProjectError> {
    let held: usize = filling.iter().map(|filling| filling.working.held()).sum();
    if held <= rows_held_max {
        return Ok(());
    }
    let kept = rows_held_max - rows_held_max.div_ceil(ROWS_HELD_PARTS);
    for filling in filling {
        let keep = filling.working.held() * kept / held;
        filling.release(keep, written).await?;
    }
    Ok(())
}
