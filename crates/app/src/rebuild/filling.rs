//! One view that is filled in bulk.

use std::collections::HashSet;
use std::sync::Arc;

use kernel::Read;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::written::Written;
use crate::lanes::ProjectError;
use crate::port::{Build, Failure, FilledRows, Loaded, RowChange, ViewStore, Wanted};
use crate::view::{Fold, FoldError, Working, guarded};

/// Most rows of one write.
const ROWS_WRITTEN: usize = 2_000;

/// One view on its way.
pub(super) struct Filling {
    views: Arc<dyn ViewStore>,
    pub(super) fold: Arc<dyn Fold>,
    pub(super) build: Build,
    pub(super) working: Box<dyn Working>,
    /// Keys of the write that is under way.
    being_written: HashSet<String>,
    /// At most one write is under way.
    writing: Option<JoinHandle<Result<(), Failure>>>,
}

impl Filling {
    pub(super) async fn begin(views: Arc<dyn ViewStore>, fold: Arc<dyn Fold>) -> Result<Self, Failure> {
        let build = views.begin_bulk(&fold.spec()).await?;
        let working = fold.working();
        Ok(Self { views, fold, build, working, being_written: HashSet::new(), writing: None })
    }

    /// Loads the rows that are touched again after they were written and let go.
    pub(super) async fn load_missing(&mut self, events: &[Read<'_>], written: &Written) -> Result<(), ProjectError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut keys = self.guarded(|working| working.missing(events))?;
        keys.retain(|key| written.may_have(self.build.number, key));
        if keys.is_empty() {
            return Ok(());
        }
        if keys.iter().any(|key| self.being_written.contains(key)) {
            self.written().await?;
        }
        let loaded = self.views.load(&[Wanted { build: self.build.clone(), keys }]).await;
        for rows in loaded {
            match rows {
                Loaded::Docs(rows) => self.working.hold(rows)?,
                Loaded::Failed(failure) => return Err(failure.into()),
                Loaded::Gone => {
                    let reason = "somebody else has dropped the build".to_owned();
                    return Err(Failure { operation: "load rows of a view", reason, passing: true }.into());
                }
            }
        }
        Ok(())
    }

    /// Folds the events.
    pub(super) fn apply(&mut self, events: &[Read<'_>]) -> Result<(), ProjectError> {
        if events.is_empty() { Ok(()) } else { Ok(self.guarded(|working| working.apply(events))?) }
    }

    fn guarded<T>(&mut self, work: impl FnOnce(&mut dyn Working) -> T) -> Result<T, FoldError> {
        guarded(self.build.view, &mut *self.working, work)
    }

    /// Lets go of rows until `keep` are held, and writes them beside whatever is done next.
    pub(super) async fn release(&mut self, keep: usize, written: &mut Written) -> Result<(), ProjectError> {
        let rows = self.guarded(|working| working.release(keep))??;
        if rows.is_empty() {
            return Ok(());
        }
        let keys: HashSet<String> = rows.iter().map(|row| row.key.clone()).collect();
        let mut rows = rows.into_iter().peekable();
        let mut writes = Vec::new();
        while rows.peek().is_some() {
            writes.push(self.sort_out(rows.by_ref().take(ROWS_WRITTEN), written));
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

    /// Tells rows that are certainly new from those that may exist.
    fn sort_out(&self, rows: impl Iterator<Item = RowChange>, written: &mut Written) -> FilledRows {
        let mut sorted = FilledRows::default();
        for row in rows {
            if written.may_have(self.build.number, &row.key) {
                sorted.again.push(row);
            } else if row.doc.is_some() {
                written.add(self.build.number, &row.key);
                sorted.new.push(row);
            }
        }
        sorted
    }

    /// Waits for the write that is under way.
    pub(super) async fn written(&mut self) -> Result<(), Failure> {
        let Some(writing) = self.writing.take() else { return Ok(()) };
        self.being_written.clear();
        let ended = |reason: String| Failure { operation: "write rows of a view", reason, passing: true };
        writing.await.unwrap_or_else(|error| Err(ended(error.to_string())))
    }

    /// Lets go of all rows. The last write may still be under way then.
    pub(super) async fn empty(&mut self, written: &mut Written) -> Result<(), ProjectError> {
        // Piece by piece: the database is at work on one while the next is made.
        while self.working.held() > 0 {
            self.release(self.working.held().saturating_sub(ROWS_WRITTEN), written).await?;
        }
        // An empty table takes no room; a large one that is not used any more does.
        self.working = self.fold.working();
        Ok(())
    }
}
