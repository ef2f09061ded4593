//! Tables of views that count what is read of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use app::port::{
    Build, Either, Failure, FilledRows, FindError, Loaded, Move, Query, Registered, Row, RowPage, Saved, ViewSpec,
    ViewStore, Wanted,
};
use async_trait::async_trait;
use kernel::Position;

/// Tables that count.
pub(crate) struct Counted {
    views: Arc<dyn ViewStore>,
    statements: AtomicUsize,
    rows: AtomicUsize,
}

impl Counted {
    pub(crate) fn new(views: Arc<dyn ViewStore>) -> Self {
        Self { views, statements: AtomicUsize::new(0), rows: AtomicUsize::new(0) }
    }

    /// Statements and rows since it was forgotten.
    pub(crate) fn counted(&self) -> (usize, usize) {
        (self.statements.load(Ordering::Relaxed), self.rows.load(Ordering::Relaxed))
    }

    pub(crate) fn forget(&self) {
        self.statements.store(0, Ordering::Relaxed);
        self.rows.store(0, Ordering::Relaxed);
    }

    fn count(&self, rows: usize) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }
}

#[async_trait]
impl ViewStore for Counted {
    async fn get(&self, view: &ViewSpec, key: &str) -> Result<Option<Row>, Failure> {
        self.count(1);
        self.views.get(view, key).await
    }
    async fn find(&self, view: &ViewSpec, query: &Query) -> Result<RowPage, FindError> {
        let page = self.views.find(view, query).await?;
        self.count(page.rows.len());
        Ok(page)
    }
    async fn find_either(&self, view: &ViewSpec, either: &Either) -> Result<RowPage, FindError> {
        let page = self.views.find_either(view, either).await?;
        self.count(page.rows.len());
        Ok(page)
    }
    async fn builds(&self) -> Result<Vec<Registered>, Failure> {
        self.views.builds().await
    }
    async fn begin(&self, view: &ViewSpec) -> Result<Build, Failure> {
        self.views.begin(view).await
    }
    async fn load(&self, wanted: &[Wanted]) -> Vec<Loaded> {
        self.views.load(wanted).await
    }
    async fn save(&self, moves: &[Move]) -> Result<Vec<Saved>, Failure> {
        self.views.save(moves).await
    }
    async fn begin_bulk(&self, view: &ViewSpec) -> Result<Build, Failure> {
        self.views.begin_bulk(view).await
    }
    async fn fill(&self, build: &Build, rows: FilledRows) -> Result<(), Failure> {
        self.views.fill(build, rows).await
    }
    async fn finish_bulk(&self, build: &Build, to: Position) -> Result<(), Failure> {
        self.views.finish_bulk(build, to).await
    }
    async fn activate(&self, build: &Build) -> Result<(), Failure> {
        self.views.activate(build).await
    }
    async fn abandon(&self, build: &Build) -> Result<(), Failure> {
        self.views.abandon(build).await
    }
}
